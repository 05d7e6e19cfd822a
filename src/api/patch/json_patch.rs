//! JSON patch (RFC 6902), with the words of the library that upstream uses.

use serde_json::Value;

/// Applies the operations in order.
///
/// # Errors
/// The words about the first operation that cannot be done.
pub fn json(current: &Value, patch: &Value) -> Result<Value, String> {
    let Value::Array(operations) = patch else {
        return Err("json: cannot unmarshal object into Go value of type jsonpatch.Patch".into());
    };
    let mut document = current.clone();
    for operation in operations {
        apply(&mut document, operation)?;
    }
    Ok(document)
}

fn apply(document: &mut Value, operation: &Value) -> Result<(), String> {
    let word = |name: &str| operation.get(name).and_then(Value::as_str);
    let op = word("op").unwrap_or("unknown");
    let path = word("path").ok_or_else(|| format!("{op} operation does not apply: missing path"))?;
    let missing = |at: &str| format!("{op} operation does not apply: doc is missing path: {at:?}: missing value");
    let value = || operation.get("value").cloned().ok_or_else(|| format!("{op} operation: missing value"));
    match op {
        "add" => add(document, path, value()?).ok_or_else(|| missing(path)),
        "remove" => remove(document, path).map(|_| ()).ok_or_else(|| missing(path)),
        "replace" => {
            let value = value()?;
            let place = document.pointer_mut(path).ok_or_else(|| missing(path))?;
            *place = value;
            Ok(())
        }
        "move" => {
            let from = word("from").unwrap_or("");
            let value = remove(document, from).ok_or_else(|| missing(from))?;
            add(document, path, value).ok_or_else(|| missing(path))
        }
        "copy" => {
            let from = word("from").unwrap_or("");
            let value = document.pointer(from).cloned().ok_or_else(|| missing(from))?;
            add(document, path, value).ok_or_else(|| missing(path))
        }
        "test" => {
            let wanted = operation.get("value").unwrap_or(&Value::Null);
            if document.pointer(path).unwrap_or(&Value::Null) == wanted {
                Ok(())
            } else {
                Err(format!("testing value {path} failed: test failed"))
            }
        }
        other => Err(format!("Unexpected kind: {other}")),
    }
}

/// The parent's path and the last step, unescaped.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(document: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *document = value;
        return Some(());
    }
    let (parent, last) = split(path)?;
    match document.pointer_mut(parent)? {
        Value::Object(map) => {
            map.insert(last, value);
        }
        Value::Array(items) => {
            let at = if last == "-" { items.len() } else { last.parse().ok()? };
            if at > items.len() {
                return None;
            }
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(document: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split(path)?;
    match document.pointer_mut(parent)? {
        Value::Object(map) => map.remove(&last),
        Value::Array(items) => {
            let at: usize = last.parse().ok()?;
            (at < items.len()).then(|| items.remove(at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_are_done_in_order() {
        let document = json!({"a": [1, 2], "b": {"c/d": "x"}});
        let patch = json!([
            {"op": "test", "path": "/a/0", "value": 1},
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "remove", "path": "/a/0"},
            {"op": "replace", "path": "/b/c~1d", "value": "y"},
            {"op": "copy", "from": "/a/0", "path": "/e"},
            {"op": "move", "from": "/e", "path": "/f"},
        ]);
        assert_eq!(json(&document, &patch), Ok(json!({"a": [2, 3], "b": {"c/d": "y"}, "f": 2})));
    }

    #[test]
    fn an_operation_that_does_not_apply_is_refused() {
        for operation in [
            json!({"op": "remove", "path": "/x"}),
            json!({"op": "replace", "path": "/x", "value": 1}),
            json!({"op": "add", "path": "/x/y", "value": 1}),
            json!({"op": "test", "path": "/x", "value": 1}),
            json!({"op": "sing", "path": "/x"}),
        ] {
            assert!(json(&json!({}), &json!([operation.clone()])).is_err(), "{operation}");
        }
    }
}
