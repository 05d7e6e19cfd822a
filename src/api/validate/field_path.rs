//! References to fields of a pod and to the resources of a container. Models `validateObjectFieldSelector` and
//! `validateContainerResourceFieldSelector` of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{each, invalid, required, unsupported};
use super::names;
use super::volume_source::text;
use crate::api::{FieldError, Quantity};

/// The fields that the conversion knows.
const KNOWN: [&str; 14] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.phase",
    "status.podIP",
    "status.podIPs",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// A field of the pod: one of `supported`, or a key of its labels or annotations.
pub fn object(path: &str, version: &str, supported: &[&str], field: &str, errors: &mut Vec<FieldError>) {
    let at = format!("{field}.fieldPath");
    if version.is_empty() {
        return errors.push(required(&format!("{field}.apiVersion"), ""));
    }
    if path.is_empty() {
        return errors.push(required(&at, ""));
    }
    if let Some((of, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        // Upstream's path of these is that of the reference.
        return match of {
            "metadata.annotations" => each(field, key, names::qualified_name(&key.to_lowercase()), errors),
            "metadata.labels" => each(field, key, names::qualified_name(key), errors),
            _ => {
                let why = format!("error converting fieldPath: field label does not support subscript: {path}");
                errors.push(invalid(&at, &json!(path), &why));
            }
        };
    }
    if !KNOWN.contains(&path) {
        let why = format!("error converting fieldPath: field label not supported: {path}");
        errors.push(invalid(&at, &json!(path), &why));
    } else if !supported.contains(&path) {
        let mut sorted = supported.to_vec();
        sorted.sort_unstable();
        errors.push(unsupported(&at, path, &sorted));
    }
}

/// A resource of a container; in a volume the container has to be named.
pub fn resource(value: &Value, in_volume: bool, field: &str, errors: &mut Vec<FieldError>) {
    let name = text(value, "resource");
    if in_volume && text(value, "containerName").is_empty() {
        errors.push(required(&format!("{field}.containerName"), ""));
    } else if name.is_empty() {
        errors.push(required(&format!("{field}.resource"), ""));
    } else if !RESOURCES.contains(&name)
        && !["limits.hugepages-", "requests.hugepages-"].iter().any(|prefix| name.starts_with(prefix))
    {
        errors.push(unsupported(&format!("{field}.resource"), name, &RESOURCES));
    }
    divisor(value, name, field, errors);
}

const BYTES: [&str; 13] = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// What the amount is divided by.
fn divisor(value: &Value, name: &str, field: &str, errors: &mut Vec<FieldError>) {
    let Some(divisor) = value["divisor"].as_str().and_then(|text| text.parse::<Quantity>().ok()) else { return };
    let (allowed, what): (&[&str], &str) = match name.split_once('.').map(|(_, resource)| resource) {
        Some("cpu") => (&["1m", "1"], "cpu"),
        Some("memory") => (&BYTES, "memory"),
        Some("ephemeral-storage") => (&BYTES, "local ephemeral storage"),
        Some(other) if other.starts_with("hugepages-") => (&BYTES, "hugepages"),
        _ => return,
    };
    if !divisor.is_zero() && !allowed.contains(&divisor.to_string().as_str()) {
        let values = if what == "cpu" { "1m and 1".to_owned() } else { allowed.join(", ") };
        let why = format!("only divisor's values {values} are supported with the {what} resource");
        errors.push(invalid(&format!("{field}.divisor"), &json!(name), &why));
    }
}
