//! What a structural schema takes out of an object and puts into it. Models `pkg/apiserver/schema/{pruning,defaulting}` of
//! `k8s.io/apiextensions-apiserver`.

use serde_json::{Map, Value};

/// Whether a schema says something.
fn says(schema: &Value, what: &str) -> bool {
    schema[what] == true
}

/// Takes fields out that the schema does not have; their paths, sorted. At the root, `apiVersion`, `kind` and `metadata` stay.
pub fn prune(value: &mut Value, schema: &Value) -> Vec<String> {
    let mut gone = Vec::new();
    prune_object(value, schema, "", true, &mut gone);
    gone.sort_unstable();
    gone
}

fn prune_object(value: &mut Value, schema: &Value, path: &str, is_resource: bool, gone: &mut Vec<String>) {
    let keeps = says(schema, "x-kubernetes-preserve-unknown-fields");
    match value {
        Value::Object(fields) => {
            let mut unknown = Vec::new();
            for (name, value) in fields.iter_mut() {
                if is_resource && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                    continue;
                }
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let inner = match &schema["properties"][name] {
                    Value::Null => &schema["additionalProperties"],
                    known => known,
                };
                match inner {
                    Value::Bool(true) => {}
                    Value::Object(_) => {
                        let resource = says(inner, "x-kubernetes-embedded-resource");
                        prune_object(value, inner, &path, resource, gone);
                    }
                    _ if keeps => {}
                    _ => {
                        unknown.push(name.clone());
                        gone.push(path);
                    }
                }
            }
            unknown.iter().for_each(|name| drop(fields.remove(name)));
        }
        Value::Array(items) if schema["items"].is_object() => {
            let inner = &schema["items"];
            let resource = says(inner, "x-kubernetes-embedded-resource");
            for (at, item) in items.iter_mut().enumerate() {
                prune_object(item, inner, &format!("{path}[{at}]"), resource, gone);
            }
        }
        _ => {}
    }
}

/// Puts the schema's defaults where nothing is. A `null` that the schema does not allow is nothing where there is a default.
pub fn default(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(properties) = schema["properties"].as_object() {
                fill(fields, properties);
            }
            let known = |name: &str| !schema["properties"][name].is_null();
            if schema["additionalProperties"].is_object() {
                let inner = &schema["additionalProperties"];
                for (_, value) in fields.iter_mut().filter(|(name, _)| !known(name)) {
                    if value.is_null() && !says(inner, "nullable") && !inner["default"].is_null() {
                        *value = inner["default"].clone();
                    }
                    default(value, inner);
                }
            }
        }
        Value::Array(items) if schema["items"].is_object() => {
            let inner = &schema["items"];
            for item in items {
                if item.is_null() && !says(inner, "nullable") && !inner["default"].is_null() {
                    *item = inner["default"].clone();
                }
                default(item, inner);
            }
        }
        _ => {}
    }
}

fn fill(fields: &mut Map<String, Value>, properties: &Map<String, Value>) {
    for (name, inner) in properties {
        let nothing = match fields.get(name) {
            None => true,
            Some(Value::Null) => !says(inner, "nullable"),
            Some(_) => false,
        };
        if nothing && !inner["default"].is_null() {
            fields.insert(name.clone(), inner["default"].clone());
        }
        if let Some(value) = fields.get_mut(name) {
            default(value, inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {
                "size": {"type": "integer", "default": 3},
                "colour": {"type": "string", "nullable": true, "default": "red"},
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "byName": {"type": "object", "additionalProperties": {"type": "object", "properties": {
                    "on": {"type": "boolean", "default": true}}}},
                "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
            }},
            "status": {"type": "object", "default": {}, "properties": {"phase": {"type": "string", "default": "New"}}},
        }})
    }

    #[test]
    fn unknown_fields_go_unless_they_are_to_be_kept() {
        let mut value = json!({"apiVersion": "x", "metadata": {"name": "a"}, "nope": 1, "spec": {
            "any": {"b": {"c": 1}}, "list": [{"a": "x", "z": 1}], "byName": {"one": {"q": 1}}}});
        let gone = prune(&mut value, &schema());
        assert_eq!(gone, ["nope", "spec.byName.one.q", "spec.list[0].z"]);
        assert_eq!(
            value,
            json!({"apiVersion": "x", "metadata": {"name": "a"}, "spec": {
                "any": {"b": {"c": 1}}, "list": [{"a": "x"}], "byName": {"one": {}}}})
        );
    }

    #[test]
    fn defaults_come_where_nothing_is_and_below_other_defaults() {
        let mut value = json!({"spec": {"size": null, "colour": null, "byName": {"one": {}}}});
        default(&mut value, &schema());
        assert_eq!(
            value,
            json!({"spec": {"size": 3, "colour": null, "byName": {"one": {"on": true}}}, "status": {"phase": "New"}})
        );
        let mut bare = json!({});
        default(&mut bare, &schema());
        assert_eq!(bare, json!({"status": {"phase": "New"}}), "what has no default is not made");
    }
}
