//! Questions about one API object in JSON form.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::json::text_at;
use super::print::output::compact;

/// The name of an object.
pub fn name(object: &Value) -> &str {
    text_at(object, &["metadata", "name"])
}

/// The namespace of an object; empty if it has none.
pub fn namespace(object: &Value) -> &str {
    text_at(object, &["metadata", "namespace"])
}

/// The unique ID of an object.
pub fn uid(object: &Value) -> &str {
    text_at(object, &["metadata", "uid"])
}

/// The resource version of an object or a list.
pub fn resource_version(object: &Value) -> &str {
    text_at(object, &["metadata", "resourceVersion"])
}

/// Group and version of an object.
pub fn group_version(object: &Value) -> (&str, &str) {
    let api_version = text_at(object, &["apiVersion"]);
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// The ten letters behind a name that follow from what an object holds, as `--append-hash` and kustomize's generators put them
/// there. Models `encodeHash` of `k8s.io/kubectl/pkg/util/hash` and `encode` of kustomize's `api/hasher`.
pub fn content_hash(content: &Value) -> String {
    let sum = data_encoding::HEXLOWER.encode(&Sha256::digest(compact(content)));
    let letter = |c: char| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        c => c,
    };
    sum.chars().take(10).map(letter).collect()
}

/// An object without what kubectl hides: its managed fields.
pub fn without_managed_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if let Some(items) = object.get_mut("items").and_then(Value::as_array_mut) {
        for item in items {
            if let Some(metadata) = item.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("managedFields");
            }
        }
    }
    object
}
