//! PersistentVolumes and StorageClasses. Models `ValidatePersistentVolume` and `ValidatePersistentVolumeUpdate` of
//! `pkg/apis/core/validation/validation.go` and `ValidateStorageClass` of `pkg/apis/storage/validation/validation.go`.

use crate::sim::{VecMap, VecSet};

use serde_json::{Value, json};

use super::error::{
    duplicate, each, forbidden, immutable, invalid, invalid_form, required, too_long, unsupported, unsupported_form,
};
use super::volume_source::{self, OF_VOLUMES, text};
use super::{claim, diff, go_form, names, placement};
use crate::api::{FieldError, NodeSelectorTerm, PersistentVolume, StorageClass};

const POLICIES: [&str; 3] = ["Delete", "Recycle", "Retain"];
const ATTRIBUTES: &str = "volumeAttributesClassName";
const MOST_PARAMETERS: usize = 512;
const MOST_BYTES: usize = 256 << 10;

/// Labels of nodes that have got better names.
const RENAMED: [(&str, &str); 5] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("beta.kubernetes.io/os", "kubernetes.io/os"),
    ("beta.kubernetes.io/arch", "kubernetes.io/arch"),
    ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
];

/// A new volume.
pub fn create(volume: &PersistentVolume, errors: &mut Vec<FieldError>) {
    let spec = &volume.spec;
    if spec.access_modes.is_empty() {
        errors.push(required("spec.accessModes", ""));
    }
    claim::access_modes(&spec.access_modes, "spec.accessModes", errors);
    capacity(volume, errors);
    let policy = spec.persistent_volume_reclaim_policy.as_str();
    if !policy.is_empty() && !POLICIES.contains(&policy) {
        errors.push(unsupported("spec.persistentVolumeReclaimPolicy", policy, &POLICIES));
    }
    let has_affinity = node_affinity(volume, errors);
    volume_source::only_one(&spec.rest, OF_VOLUMES, "spec", errors);
    if spec.rest.contains_key("local") && !has_affinity {
        errors.push(required("spec.nodeAffinity", "Local volume requires node affinity"));
    }
    if let Some(path) = spec.rest.get("hostPath").map(|source| text(source, "path"))
        && policy == "Recycle"
        && is_root(path)
    {
        let why = "may not be 'recycle' for a hostPath mount of '/'";
        errors.push(forbidden("spec.persistentVolumeReclaimPolicy", why));
    }
    if !spec.storage_class_name.is_empty() {
        let class = &spec.storage_class_name;
        each("spec.storageClassName", class, names::dns_subdomain(class), errors);
    }
    claim::volume_mode(spec.volume_mode.as_deref(), "spec.volumeMode", errors);
    if let Some(class) = spec.rest.get(ATTRIBUTES).and_then(Value::as_str) {
        if class.is_empty() {
            errors.push(required("spec.volumeAttributesClassName", "an empty string is disallowed"));
        } else {
            each("spec.volumeAttributesClassName", class, names::dns_subdomain(class), errors);
        }
        if !spec.rest.contains_key("csi") {
            errors.push(required("spec.csi", "has to be specified when using volumeAttributesClassName"));
        }
    }
}

fn capacity(volume: &PersistentVolume, errors: &mut Vec<FieldError>) {
    let capacity = &volume.spec.capacity;
    if capacity.is_empty() {
        errors.push(required("spec.capacity", ""));
    }
    if !capacity.contains_key("storage") || capacity.len() > 1 {
        let value = match capacity.is_empty() {
            true => Value::Null,
            false => json!(capacity),
        };
        errors.push(unsupported_form("spec.capacity", &go_form::plain(&value), &["storage"]));
    }
    for (name, amount) in capacity {
        let field = format!("spec.capacity[{name}]");
        if amount.sign() < 0 {
            errors.push(invalid(&field, &json!(amount.to_string()), "must be a valid resource quantity"));
        }
        claim::positive(*amount, &field, errors);
    }
}

/// Whether the volume says which nodes can reach it.
fn node_affinity(volume: &PersistentVolume, errors: &mut Vec<FieldError>) -> bool {
    let Some(affinity) = &volume.spec.node_affinity else { return false };
    match &affinity.required {
        None => errors.push(required("spec.nodeAffinity.required", "must specify required node constraints")),
        Some(nodes) => placement::node_selector(nodes, false, "spec.nodeAffinity.required", errors),
    }
    affinity.required.is_some()
}

/// Whether a path means `/`.
fn is_root(path: &str) -> bool {
    let mut depth = 0;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth = i32::max(depth - 1, 0),
            _ => depth += 1,
        }
    }
    path.starts_with('/') && depth == 0
}

/// A changed volume.
pub fn update(new: &PersistentVolume, old: &PersistentVolume, errors: &mut Vec<FieldError>) {
    create(new, errors);
    let source = |volume: &PersistentVolume| {
        let rest = volume.spec.rest.iter().filter(|(name, _)| OF_VOLUMES.contains(&name.as_str()));
        Value::Object(rest.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    let (mut now, before) = (source(new), source(old));
    // A secret for growing may be added.
    const EXPAND: &str = "controllerExpandSecretRef";
    if before["csi"].is_object()
        && before["csi"][EXPAND].is_null()
        && let Some(csi) = now.get_mut("csi").and_then(Value::as_object_mut)
    {
        csi.remove(EXPAND);
    }
    if now != before {
        let form = |source: &Value| go_form::form("PersistentVolumeSource", source);
        let why = format!(
            "spec.persistentvolumesource is immutable after creation\n{}",
            diff::forms(&form(&before), &form(&now))
        );
        errors.push(forbidden("spec.persistentvolumesource", &why));
    }
    immutable("volumeMode", &new.spec.volume_mode, &old.spec.volume_mode, errors);
    if old.spec.node_affinity.is_some() {
        affinity_kept(new, old, errors);
    }
    let class = |volume: &PersistentVolume| volume.spec.rest.get(ATTRIBUTES).cloned();
    if class(old).is_some() && class(new).is_none() {
        let why = "update from non-nil value to nil is forbidden";
        errors.push(forbidden("spec.volumeAttributesClassName", why));
    }
}

/// The nodes stay the same; only the labels that were renamed may be.
fn affinity_kept(new: &PersistentVolume, old: &PersistentVolume, errors: &mut Vec<FieldError>) {
    let terms = |volume: &PersistentVolume| {
        let affinity = volume.spec.node_affinity.as_ref();
        affinity.and_then(|a| a.required.as_ref()).map(|nodes| nodes.node_selector_terms.clone())
    };
    let (now, mut before) = (terms(new), terms(old));
    if let (Some(now), Some(before)) = (&now, &mut before) {
        for (now, before) in now.iter().zip(before.iter_mut()) {
            rename(now, before);
        }
    }
    if now != before || new.spec.node_affinity.is_none() {
        let value = go_form::optional("VolumeNodeAffinity", new.spec.node_affinity.as_ref());
        let why = "field is immutable, except for updating from beta label to GA";
        errors.push(invalid_form("nodeAffinity", &value, why));
    }
}

fn rename(now: &NodeSelectorTerm, before: &mut NodeSelectorTerm) {
    for (now, before) in now.match_expressions.iter().zip(&mut before.match_expressions) {
        if RENAMED.contains(&(before.key.as_str(), now.key.as_str())) {
            before.key.clone_from(&now.key);
        }
    }
}

/// A new class.
pub fn class(class: &StorageClass, errors: &mut Vec<FieldError>) {
    if class.provisioner.is_empty() {
        errors.push(required("provisioner", ""));
    } else {
        let lower = class.provisioner.to_lowercase();
        each("provisioner", &lower, names::qualified_name(&lower), errors);
    }
    parameters(&class.parameters, errors);
    if let Some(policy) = class.reclaim_policy.as_deref().filter(|p| !matches!(*p, "" | "Delete" | "Retain")) {
        errors.push(unsupported("reclaimPolicy", policy, &["Delete", "Retain"]));
    }
    match class.volume_binding_mode.as_deref() {
        None => errors.push(required("volumeBindingMode", "")),
        Some("Immediate" | "WaitForFirstConsumer") => {}
        Some(other) => {
            errors.push(unsupported("volumeBindingMode", other, &["Immediate", "WaitForFirstConsumer"]));
        }
    }
    if let Some(topologies) = class.rest.get("allowedTopologies").and_then(Value::as_array) {
        allowed_topologies(topologies, errors);
    }
}

/// Parameters of a class.
pub fn parameters(parameters: &VecMap<String, String>, errors: &mut Vec<FieldError>) {
    if parameters.len() > MOST_PARAMETERS {
        return errors.push(too_long("parameters", MOST_PARAMETERS));
    }
    if parameters.contains_key("") {
        errors.push(invalid("parameters", &json!(""), "field can not be empty."));
    }
    if parameters.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > MOST_BYTES {
        errors.push(too_long("parameters", MOST_BYTES));
    }
}

/// Places that volumes may be made in: no term twice, no key twice in a term, no value twice with a key.
fn allowed_topologies(terms: &[Value], errors: &mut Vec<FieldError>) {
    let mut seen: Vec<VecMap<&str, VecSet<&str>>> = Vec::new();
    for (at, term) in terms.iter().enumerate() {
        let field = format!("allowedTopologies[{at}].matchLabelExpressions");
        let mut keys: VecMap<&str, VecSet<&str>> = VecMap::new();
        for (at, one) in term["matchLabelExpressions"].as_array().into_iter().flatten().enumerate() {
            let field = format!("{field}[{at}]");
            let (key, mut values) = (text(one, "key"), VecSet::new());
            if one["values"].as_array().is_none_or(Vec::is_empty) {
                errors.push(required(&format!("{field}.values"), ""));
            }
            let given = one["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for (at, value) in given.enumerate() {
                if !values.insert(value) {
                    errors.push(duplicate(&format!("{field}.values[{at}]"), &json!(value)));
                }
            }
            each(&format!("{field}.key"), key, names::qualified_name(key), errors);
            if keys.insert(key, values).is_some() {
                errors.push(duplicate(&format!("{field}.key"), &json!(key)));
            }
        }
        if seen.contains(&keys) {
            errors.push(duplicate(&field, &json!("")));
        }
        seen.push(keys);
    }
}

/// A changed class: what is made of it does not change.
pub fn class_update(new: &StorageClass, old: &StorageClass, errors: &mut Vec<FieldError>) {
    for (name, changed) in [
        ("parameters", new.parameters != old.parameters),
        ("provisioner", new.provisioner != old.provisioner),
        ("reclaimPolicy", new.reclaim_policy != old.reclaim_policy),
    ] {
        if changed {
            errors.push(forbidden(name, &format!("updates to {name} are forbidden.")));
        }
    }
    immutable("volumeBindingMode", &new.volume_binding_mode, &old.volume_binding_mode, errors);
}
