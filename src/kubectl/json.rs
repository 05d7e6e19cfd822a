//! Reading `serde_json::Value` without ceremony: a path that is not there gives null, empty or zero.

use serde_json::{Map, Value};

static NULL: Value = Value::Null;

/// The value at a path of object keys.
pub fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |v, key| v.get(key).unwrap_or(&NULL))
}

/// The text under a key, or the empty text.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// The text at a path, or the empty text.
pub fn text_at<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).as_str().unwrap_or("")
}

/// The whole number at a path, if there is one.
pub fn int_at(value: &Value, path: &[&str]) -> Option<i64> {
    at(value, path).as_i64()
}

/// Whether there is a `true` at a path.
pub fn bool_at(value: &Value, path: &[&str]) -> bool {
    at(value, path).as_bool().unwrap_or(false)
}

/// The items of an array at a path.
pub fn items<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).as_array().map_or(&[], Vec::as_slice)
}

/// The entries of an object at a path, sorted by key.
pub fn entries<'a>(value: &'a Value, path: &[&str]) -> Vec<(&'a str, &'a Value)> {
    let mut found: Vec<_> = at(value, path).as_object().into_iter().flatten().map(|(k, v)| (k.as_str(), v)).collect();
    found.sort_by(|a, b| a.0.cmp(b.0));
    found
}

/// A scalar as Go's `%v` prints it; null is `<nil>`.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The object at a path, made where it is missing.
pub fn object_at<'a>(value: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    let mut here = value;
    for key in path {
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        here = here.as_object_mut().expect("it was made an object above").entry(*key).or_insert(Value::Null);
    }
    if !here.is_object() {
        *here = Value::Object(Map::new());
    }
    here.as_object_mut().expect("it was made an object above")
}
