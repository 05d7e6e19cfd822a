//! Questions about one API object in JSON form.

use serde_json::Value;

use super::json::text_at;

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
