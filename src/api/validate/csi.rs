//! Storage drivers and what goes with them. Models `pkg/apis/storage/validation/validation.go` with the gates of v1.36.

use serde_json::{Value, json};

use super::error::{
    duplicate, each, forbidden, immutable, invalid, invalid_form, not_negative, required, too_long, unsupported,
};
use super::{go_form, names};
use crate::api::{CSIDriver, CSINode, CSIStorageCapacity, FieldError, VolumeAttachment, VolumeAttributesClass};
use crate::sim::VecSet;

const LONGEST_DRIVER: usize = 63;
const LONGEST_NODE_ID: usize = 256;
/// Tokens live at least so long, in seconds.
const LEAST_TOKEN: i64 = 600;
/// And at most so long.
const MOST_TOKEN: i64 = 1 << 32;

fn driver_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if name.is_empty() {
        errors.push(required(field, ""));
    }
    if name.len() > LONGEST_DRIVER {
        errors.push(too_long(field, LONGEST_DRIVER));
    }
    let lower = name.to_lowercase();
    if !name.is_empty() {
        let wrong = names::dns_subdomain(&lower);
        each(field, name, wrong, errors);
    }
}

/// A driver.
pub fn driver(driver: &CSIDriver, errors: &mut Vec<FieldError>) {
    let spec = &driver.spec;
    if driver.metadata.name.len() > LONGEST_DRIVER {
        errors.push(too_long("metadata.name", LONGEST_DRIVER));
    }
    // Upstream's field has another name in its errors.
    let needed = [
        ("attachRequired", "attachedRequired"),
        ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
        ("seLinuxMount", "seLinuxMount"),
    ];
    for (name, shown) in needed {
        if spec.get(name).is_none_or(Value::is_null) {
            errors.push(required(&format!("spec.{shown}"), ""));
        }
    }
    if let Some(policy) = spec.get("fsGroupPolicy").and_then(Value::as_str) {
        const POLICIES: [&str; 3] = ["File", "None", "ReadWriteOnceWithFSType"];
        if !POLICIES.contains(&policy) {
            errors.push(unsupported("spec.fsGroupPolicy", policy, &POLICIES));
        }
    }
    tokens(driver, errors);
    let modes = spec.get("volumeLifecycleModes").and_then(Value::as_array);
    for mode in modes.into_iter().flatten().filter_map(Value::as_str) {
        if !matches!(mode, "Persistent" | "Ephemeral") {
            errors.push(unsupported("spec.volumeLifecycleModes", mode, &["Ephemeral", "Persistent"]));
        }
    }
    if let Some(seconds) = spec.get("nodeAllocatableUpdatePeriodSeconds").and_then(Value::as_i64)
        && seconds < 10
    {
        let why = "must be greater than or equal to 10 seconds";
        errors.push(invalid("spec.nodeAllocatableUpdatePeriodSeconds", &json!(seconds), why));
    }
}

fn tokens(driver: &CSIDriver, errors: &mut Vec<FieldError>) {
    let requests = driver.spec.get("tokenRequests").and_then(Value::as_array);
    let mut seen = VecSet::new();
    for (at, request) in requests.into_iter().flatten().enumerate() {
        let field = format!("spec.tokenRequests[{at}]");
        let audience = request["audience"].as_str().unwrap_or("");
        if !seen.insert(audience) {
            errors.push(duplicate(&format!("{field}.audience"), &json!(audience)));
        }
        let Some(seconds) = request["expirationSeconds"].as_i64() else { continue };
        let field = format!("{field}.expirationSeconds");
        if seconds < LEAST_TOKEN {
            errors.push(invalid(&field, &json!(seconds), "may not specify a duration less than 10 minutes"));
        }
        if seconds > MOST_TOKEN {
            errors.push(invalid(&field, &json!(seconds), "may not specify a duration larger than 2^32 seconds"));
        }
    }
    if driver.spec.get("serviceAccountTokenInSecrets") == Some(&Value::Bool(true))
        && requests.is_none_or(|all| all.is_empty())
    {
        let why = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        errors.push(invalid("spec.serviceAccountTokenInSecrets", &json!(true), why));
    }
}

/// A changed driver.
pub fn driver_update(new: &CSIDriver, old: &CSIDriver, errors: &mut Vec<FieldError>) {
    driver(new, errors);
    for (name, shown) in [("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")] {
        let of = |driver: &CSIDriver| driver.spec.get(name).cloned().unwrap_or(Value::Null);
        immutable(&format!("spec.{shown}"), &of(new), &of(old), errors);
    }
}

fn drivers(node: &CSINode) -> &[Value] {
    node.spec.get("drivers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The drivers of a node.
pub fn node(node: &CSINode, errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
    for (at, driver) in drivers(node).iter().enumerate() {
        let field = format!("spec.drivers[{at}]");
        let name = driver["name"].as_str().unwrap_or("");
        driver_name(name, &format!("{field}.name"), errors);
        let id = driver["nodeID"].as_str().unwrap_or("");
        if id.is_empty() {
            errors.push(required(&format!("{field}.nodeID"), ""));
        }
        if id.len() > LONGEST_NODE_ID {
            let why = format!("must be {LONGEST_NODE_ID} characters or less");
            errors.push(invalid(&format!("{field}.nodeID"), &json!(id), &why));
        }
        if let Some(count) = driver["allocatable"]["count"].as_i64() {
            not_negative(&format!("{field}.allocatable.count"), count, errors);
        }
        topology_keys(driver, &field, errors);
        if !seen.insert(name) {
            errors.push(duplicate(&format!("{field}.name"), &json!(name)));
        }
    }
}

fn topology_keys(driver: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
    for key in driver["topologyKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if key.is_empty() {
            errors.push(required(field, ""));
        }
        if !seen.insert(key) {
            errors.push(duplicate(field, &json!(key)));
        }
        each(field, key, names::qualified_name(key), errors);
    }
}

/// Changed drivers of a node: one that was there before stays as it was, but for how many volumes it can have.
pub fn node_update(new: &CSINode, old: &CSINode, errors: &mut Vec<FieldError>) {
    node(new, errors);
    let same = |a: &Value, b: &Value| ["name", "nodeID", "topologyKeys"].iter().all(|name| a[*name] == b[*name]);
    for had in drivers(old) {
        if let Some(now) = drivers(new).iter().find(|now| now["name"] == had["name"])
            && !same(now, had)
        {
            let mut shown = now.clone();
            shown["allocatable"] = Value::Null;
            errors.push(invalid_form("spec.drivers", &go_form::form("CSINodeDriver", &shown), "field is immutable"));
        }
    }
}

/// An amount of storage.
pub fn capacity(capacity: &CSIStorageCapacity, errors: &mut Vec<FieldError>) {
    if let Some(topology) = &capacity.node_topology {
        super::selector::label_selector(topology, "nodeTopology", errors);
    }
    let class = &capacity.storage_class_name;
    each("storageClassName", class, names::dns_subdomain(class), errors);
    for (name, amount) in [("capacity", capacity.capacity), ("maximumVolumeSize", capacity.maximum_volume_size)] {
        if let Some(amount) = amount.filter(|amount| amount.sign() < 0) {
            errors.push(invalid(name, &json!(amount.to_string()), "must be greater than or equal to 0"));
        }
    }
}

/// A changed amount of storage.
pub fn capacity_update(new: &CSIStorageCapacity, old: &CSIStorageCapacity, errors: &mut Vec<FieldError>) {
    capacity(new, errors);
    immutable("nodeTopology", &new.node_topology, &old.node_topology, errors);
    immutable("storageClassName", &new.storage_class_name, &old.storage_class_name, errors);
}

/// An attachment.
pub fn attachment(attachment: &VolumeAttachment, errors: &mut Vec<FieldError>) {
    let text = |name: &str| attachment.spec.get(name).and_then(Value::as_str).unwrap_or("");
    driver_name(text("attacher"), "spec.attacher", errors);
    let source = attachment.spec.get("source").unwrap_or(&Value::Null);
    match (source["inlineVolumeSpec"].is_null(), source["persistentVolumeName"].as_str()) {
        (true, None) => errors
            .push(required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName")),
        (false, Some(_)) => errors
            .push(forbidden("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName")),
        (false, None) => {}
        (true, Some(name)) => {
            let field = "spec.source.persistentVolumeName";
            if name.is_empty() {
                errors.push(required(field, "must specify non empty persistentVolumeName"));
            }
            each(field, name, names::dns_subdomain(name), errors);
        }
    }
    each("spec.nodeName", text("nodeName"), names::dns_subdomain(text("nodeName")), errors);
    for name in ["attachError", "detachError"] {
        let code = attachment.status.rest.get(name).and_then(|error| error["errorCode"].as_i64());
        if let Some(code) = code.filter(|code| !(0..=i64::from(i32::MAX)).contains(code)) {
            let why = format!("must be between 0 and {}, inclusive", i32::MAX);
            errors.push(invalid(&format!("status.{name}.errorCode"), &json!(code), &why));
        }
    }
}

/// A changed attachment: what is wanted stays.
pub fn attachment_update(new: &VolumeAttachment, old: &VolumeAttachment, errors: &mut Vec<FieldError>) {
    attachment(new, errors);
    if new.spec != old.spec {
        errors.push(invalid_form("spec", &go_form::of("VolumeAttachmentSpec", &new.spec), "field is immutable"));
    }
}

/// Attributes.
pub fn attributes(class: &VolumeAttributesClass, errors: &mut Vec<FieldError>) {
    if class.driver_name.is_empty() {
        errors.push(required("driverName", ""));
    } else {
        let lower = class.driver_name.to_lowercase();
        each("driverName", &lower, names::qualified_name(&lower), errors);
    }
    if class.parameters.is_empty() {
        errors.push(required("parameters", "must contain at least one key/value pair"));
    }
    super::persistent_volume::parameters(&class.parameters, errors);
}

/// Changed attributes: they stay.
pub fn attributes_update(new: &VolumeAttributesClass, old: &VolumeAttributesClass, errors: &mut Vec<FieldError>) {
    if new.driver_name != old.driver_name {
        errors.push(forbidden("driverName", "updates to driverName are forbidden."));
    }
    if new.parameters != old.parameters {
        errors.push(forbidden("parameters", "updates to parameters are forbidden."));
    }
    attributes(new, errors);
}
