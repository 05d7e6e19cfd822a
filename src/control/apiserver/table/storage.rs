//! Volumes, claims and classes (`printPersistentVolume`, `printPersistentVolumeClaim`, `printStorageClass`).

use serde_json::{Value, json};

use super::{Column, text, wide};
use crate::api::{PersistentVolume, PersistentVolumeClaim, StorageClass};

pub(super) const VOLUME: &[Column] = &[
    text("Name"),
    text("Capacity"),
    text("Access Modes"),
    text("Reclaim Policy"),
    text("Status"),
    text("Claim"),
    text("StorageClass"),
    text("VolumeAttributesClass"),
    text("Reason"),
    text("Age"),
    wide("VolumeMode"),
];

pub(super) const CLAIM: &[Column] = &[
    text("Name"),
    text("Status"),
    text("Volume"),
    text("Capacity"),
    text("Access Modes"),
    text("StorageClass"),
    text("VolumeAttributesClass"),
    text("Age"),
    wide("VolumeMode"),
];

pub(super) const CLASS: &[Column] = &[
    text("Name"),
    text("Provisioner"),
    text("ReclaimPolicy"),
    text("VolumeBindingMode"),
    text("AllowVolumeExpansion"),
    text("Age"),
];

/// `RWO,ROX,RWX,RWOP`, in that order.
fn modes(modes: &[String]) -> String {
    let short =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let has = |word: &str| modes.iter().any(|mode| mode == word);
    short.iter().filter(|(word, _)| has(word)).map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

/// The class of the annotation of old, or of the field.
fn class_of<'a>(meta: &'a crate::api::ObjectMeta, field: Option<&'a str>) -> &'a str {
    meta.annotations.get("volume.beta.kubernetes.io/storage-class").map_or(field.unwrap_or(""), String::as_str)
}

fn attributes_class(rest: &crate::api::define::Rest) -> &str {
    rest.get("volumeAttributesClassName").and_then(Value::as_str).unwrap_or("<unset>")
}

pub(super) fn volume(volume: &PersistentVolume, age: &str) -> Vec<Value> {
    let (spec, meta) = (&volume.spec, &volume.metadata);
    let claim = spec.claim_ref.as_ref().map_or(String::new(), |of| format!("{}/{}", of.namespace, of.name));
    let phase = if meta.deletion_timestamp.is_some() { "Terminating" } else { &volume.status.phase };
    vec![
        json!(meta.name),
        json!(spec.capacity.get("storage").map_or("<unset>".to_owned(), ToString::to_string)),
        json!(modes(&spec.access_modes)),
        json!(spec.persistent_volume_reclaim_policy),
        json!(phase),
        json!(claim),
        json!(class_of(meta, Some(&spec.storage_class_name))),
        json!(attributes_class(&spec.rest)),
        json!(volume.status.reason),
        json!(age),
        json!(spec.volume_mode.as_deref().unwrap_or("<unset>")),
    ]
}

pub(super) fn claim(claim: &PersistentVolumeClaim, age: &str) -> Vec<Value> {
    let (spec, meta) = (&claim.spec, &claim.metadata);
    let phase = if meta.deletion_timestamp.is_some() { "Terminating" } else { &claim.status.phase };
    let bound = !spec.volume_name.is_empty();
    let capacity = claim.status.capacity.get("storage").filter(|_| bound);
    vec![
        json!(meta.name),
        json!(phase),
        json!(spec.volume_name),
        json!(capacity.map_or(if bound { "0".to_owned() } else { String::new() }, ToString::to_string)),
        json!(if bound { modes(&claim.status.access_modes) } else { String::new() }),
        json!(class_of(meta, spec.storage_class_name.as_deref())),
        json!(attributes_class(&spec.rest)),
        json!(age),
        json!(spec.volume_mode.as_deref().unwrap_or("<unset>")),
    ]
}

pub(super) fn class(class: &StorageClass, age: &str) -> Vec<Value> {
    let default = class.metadata.annotations.get("storageclass.kubernetes.io/is-default-class");
    let name = if default.is_some_and(|value| value == "true") {
        format!("{} (default)", class.metadata.name)
    } else {
        class.metadata.name.clone()
    };
    vec![
        json!(name),
        json!(class.provisioner),
        json!(class.reclaim_policy.as_deref().unwrap_or("Delete")),
        json!(class.volume_binding_mode.as_deref().unwrap_or("Immediate")),
        json!(class.allow_volume_expansion.unwrap_or(false)),
        json!(age),
    ]
}
