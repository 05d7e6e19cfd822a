//! Where a container sees volumes. Models `ValidateVolumeMounts` and `ValidateVolumeDevices` of
//! `pkg/apis/core/validation/validation.go`. Some of upstream's paths have no index.

use serde_json::{Value, json};

use super::error::{forbidden, invalid, not_found, required, unsupported};
use super::volume_source::{descending_path, text};
use crate::api::{Container, FieldError, PodSpec, VolumeMount};
use crate::sim::VecSet;

const PROPAGATIONS: [&str; 3] = ["Bidirectional", "HostToContainer", "None"];
const READ_ONLY: [&str; 3] = ["Disabled", "Enabled", "IfPossible"];

fn devices_of(container: &Container) -> &[Value] {
    container.rest.get("volumeDevices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The directories of a container.
pub fn mounts(container: &Container, volumes: &VecSet<String>, field: &str, errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
    for (at, mount) in container.volume_mounts.iter().enumerate() {
        let at = |name: &str| format!("{field}[{at}].{name}");
        if mount.name.is_empty() {
            errors.push(required(&at("name"), ""));
        }
        if !volumes.contains(&mount.name) {
            errors.push(not_found(&at("name"), &mount.name));
        }
        if mount.mount_path.is_empty() {
            errors.push(required(&at("mountPath"), ""));
        }
        if !seen.insert(mount.mount_path.as_str()) {
            errors.push(invalid(&at("mountPath"), &json!(mount.mount_path), "must be unique"));
        }
        let devices = devices_of(container);
        if devices.iter().any(|device| text(device, "name") == mount.name) {
            errors.push(invalid(&at("name"), &json!(mount.name), "must not already exist in volumeDevices"));
        }
        if devices.iter().any(|device| text(device, "devicePath") == mount.mount_path) {
            let why = "must not already exist as a path in volumeDevices";
            errors.push(invalid(&at("mountPath"), &json!(mount.mount_path), why));
        }
        if !mount.sub_path.is_empty() {
            descending_path(&mount.sub_path, &format!("{field}.subPath"), errors);
        }
        if let Some(path) = mount.rest.get("subPathExpr").and_then(Value::as_str).filter(|path| !path.is_empty()) {
            if !mount.sub_path.is_empty() {
                let why = "subPathExpr and subPath are mutually exclusive";
                errors.push(invalid(&at("subPathExpr"), &json!(path), why));
            }
            descending_path(path, &format!("{field}.subPathExpr"), errors);
        }
        how(mount, container, field, errors);
    }
}

/// What of a mount is seen elsewhere, and what can be written.
fn how(mount: &VolumeMount, container: &Container, field: &str, errors: &mut Vec<FieldError>) {
    let word = |name: &str| mount.rest.get(name).and_then(Value::as_str);
    let propagation = word("mountPropagation");
    if let Some(word) = propagation {
        let field = format!("{field}.mountPropagation");
        if !PROPAGATIONS.contains(&word) {
            errors.push(unsupported(&field, word, &PROPAGATIONS));
        }
        let context = container.rest.get("securityContext");
        if word == "Bidirectional" && !context.is_some_and(|context| context["privileged"] == true) {
            let why = "Bidirectional mount propagation is available only to privileged containers";
            errors.push(forbidden(&field, why));
        }
    }
    let field = format!("{field}.recursiveReadOnly");
    match word("recursiveReadOnly") {
        None | Some("Disabled") => {}
        Some("Enabled" | "IfPossible") => {
            if !mount.read_only {
                errors.push(forbidden(&field, "may only be specified when readOnly is true"));
            }
            if propagation.is_some_and(|word| word != "None") {
                let why = "may only be specified when mountPropagation is None or not specified";
                errors.push(forbidden(&field, why));
            }
        }
        Some(other) => errors.push(unsupported(&field, other, &READ_ONLY)),
    }
}

/// The raw devices of a container.
pub fn devices(
    container: &Container,
    spec: &PodSpec,
    volumes: &VecSet<String>,
    field: &str,
    errors: &mut Vec<FieldError>,
) {
    let (mut names, mut paths) = (VecSet::new(), VecSet::new());
    for (at, device) in devices_of(container).iter().enumerate() {
        let at = |name: &str| format!("{field}[{at}].{name}");
        let (name, path) = (text(device, "name"), text(device, "devicePath"));
        if name.is_empty() {
            errors.push(required(&at("name"), ""));
        }
        if !name.is_empty() && !names.insert(name) {
            errors.push(invalid(&at("name"), &json!(name), "must be unique"));
        }
        let volume = spec.volumes.iter().find(|volume| volume.name == name && volumes.contains(name));
        match volume {
            None => errors.push(not_found(&at("name"), name)),
            Some(of) if ["persistentVolumeClaim", "ephemeral"].iter().any(|kind| of.rest.contains_key(*kind)) => {}
            Some(_) => {
                let why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                errors.push(invalid(&at("name"), &json!(name), why));
            }
        }
        if path.is_empty() {
            errors.push(required(&at("devicePath"), ""));
        }
        if !paths.insert(path) {
            errors.push(invalid(&at("devicePath"), &json!(path), "must be unique"));
        }
        if path.split('/').any(|part| part == "..") {
            errors.push(invalid(&at("devicePath"), &json!(path), "can not contain backsteps ('..')"));
        }
        if container.volume_mounts.iter().any(|mount| mount.name == name) {
            errors.push(invalid(&at("name"), &json!(name), "must not already exist in volumeMounts"));
        }
        if container.volume_mounts.iter().any(|mount| mount.mount_path == path) {
            let why = "must not already exist as a path in volumeMounts";
            errors.push(invalid(&at("devicePath"), &json!(path), why));
        }
    }
}
