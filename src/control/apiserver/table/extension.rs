//! Drivers, attachments, requests for certificates and definitions of kinds (`printCSIDriver` and the like; definitions as
//! `k8s.io/apiextensions-apiserver` prints them).

use serde_json::{Value, json};

use super::{Column, NONE, text};
use crate::api::{
    CSIDriver, CSINode, CSIStorageCapacity, CertificateSigningRequest, VolumeAttachment, VolumeAttributesClass,
    duration,
};

pub(super) const DRIVER: &[Column] = &[
    text("Name"),
    Column { name: "AttachRequired", r#type: "boolean", priority: 0 },
    Column { name: "PodInfoOnMount", r#type: "boolean", priority: 0 },
    Column { name: "StorageCapacity", r#type: "boolean", priority: 0 },
    text("TokenRequests"),
    Column { name: "RequiresRepublish", r#type: "boolean", priority: 0 },
    text("Modes"),
    text("Age"),
];

pub(super) const NODE: &[Column] = &[text("Name"), super::number("Drivers"), text("Age")];

pub(super) const CAPACITY: &[Column] = &[text("Name"), text("StorageClassName"), text("Capacity"), text("Age")];

pub(super) const ATTACHMENT: &[Column] = &[
    text("Name"),
    text("Attacher"),
    text("PV"),
    text("Node"),
    Column { name: "Attached", r#type: "boolean", priority: 0 },
    text("Age"),
];

pub(super) const ATTRIBUTES: &[Column] = &[text("Name"), text("DriverName"), text("Age")];

pub(super) const REQUEST: &[Column] =
    &[text("Name"), text("Age"), text("SignerName"), text("Requestor"), text("RequestedDuration"), text("Condition")];

pub(super) const RUNTIME: &[Column] = &[text("Name"), text("Handler"), text("Age")];

pub(super) const DEFINITION: &[Column] = &[text("Name"), text("Created At")];

pub(super) fn driver(driver: &CSIDriver, age: &str) -> Vec<Value> {
    let spec = &driver.spec;
    let truth = |name: &str, default: bool| spec.get(name).and_then(Value::as_bool).unwrap_or(default);
    let words = |name: &str, inner: Option<&str>| -> Option<String> {
        let all = spec.get(name).and_then(Value::as_array)?;
        let word = |value: &Value| inner.map_or(value, |inner| &value[inner]).as_str().unwrap_or("").to_owned();
        Some(all.iter().map(word).collect::<Vec<_>>().join(","))
    };
    vec![
        json!(driver.metadata.name),
        json!(truth("attachRequired", true)),
        json!(truth("podInfoOnMount", false)),
        json!(truth("storageCapacity", false)),
        json!(words("tokenRequests", Some("audience")).unwrap_or_else(|| "<unset>".into())),
        json!(truth("requiresRepublish", false)),
        json!(words("volumeLifecycleModes", None).unwrap_or_else(|| NONE.into())),
        json!(age),
    ]
}

pub(super) fn node(node: &CSINode, age: &str) -> Vec<Value> {
    let drivers = node.spec.get("drivers").and_then(Value::as_array).map_or(0, Vec::len);
    vec![json!(node.metadata.name), json!(drivers), json!(age)]
}

pub(super) fn capacity(capacity: &CSIStorageCapacity, age: &str) -> Vec<Value> {
    let amount = capacity.capacity.map_or_else(|| "<unset>".to_owned(), |amount| amount.to_string());
    vec![json!(capacity.metadata.name), json!(capacity.storage_class_name), json!(amount), json!(age)]
}

pub(super) fn attachment(attachment: &VolumeAttachment, age: &str) -> Vec<Value> {
    let spec = &attachment.spec;
    let text = |name: &str| spec.get(name).and_then(Value::as_str).unwrap_or("");
    let volume = spec.get("source").and_then(|source| source["persistentVolumeName"].as_str()).unwrap_or("");
    vec![
        json!(attachment.metadata.name),
        json!(text("attacher")),
        json!(volume),
        json!(text("nodeName")),
        json!(attachment.status.attached),
        json!(age),
    ]
}

pub(super) fn attributes(class: &VolumeAttributesClass, age: &str) -> Vec<Value> {
    vec![json!(class.metadata.name), json!(class.driver_name), json!(age)]
}

pub(super) fn request(request: &CertificateSigningRequest, age: &str) -> Vec<Value> {
    let spec = &request.spec;
    let text = |name: &str| spec.get(name).and_then(Value::as_str).unwrap_or("");
    let asked = spec.get("expirationSeconds").and_then(Value::as_i64);
    vec![
        json!(request.metadata.name),
        json!(age),
        json!(super::or_none(text("signerName"))),
        json!(text("username")),
        json!(asked.map_or_else(|| NONE.to_owned(), duration::human)),
        json!(condition(request)),
    ]
}

/// `Approved,Issued`; a denial outweighs.
fn condition(request: &CertificateSigningRequest) -> String {
    let conditions = request.status.get("conditions").and_then(Value::as_array);
    let has = |ty: &str| conditions.into_iter().flatten().any(|condition| condition["type"] == ty);
    let mut words = vec![match (has("Denied"), has("Approved")) {
        (true, _) => "Denied",
        (false, true) => "Approved",
        (false, false) => "Pending",
    }];
    if has("Failed") {
        words.push("Failed");
    }
    if request.status.get("certificate").and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
        words.push("Issued");
    }
    words.join(",")
}
