//! A structural schema in the form in which managed fields and server-side apply walk over objects. Models
//! `ToStructuralMergeDiff` of `k8s.io/kube-openapi/pkg/schemaconv`.
//!
//! Each description is made once and kept ([`super::CustomKind`]).

use serde_json::Value;

use crate::api::schema::merge::Rule;
use crate::api::schema::{Custom, Field, ListMerge, Struct, Type};

/// The struct of a kind.
pub fn of(kind: &'static str, schema: &Value) -> Struct {
    of_object(kind, schema, true).as_struct()
}

fn of_object(name: &'static str, schema: &Value, is_root: bool) -> &'static Custom {
    let mut custom = Custom { name, ..Custom::default() };
    if is_root {
        for name in ["apiVersion", "kind"] {
            custom.fields.insert(name, field(name, Type::String, false));
        }
        custom.fields.insert("metadata", field("metadata", Type::Struct("ObjectMeta"), false));
    }
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        if is_root && custom.fields.contains_key(key.as_str()) {
            continue;
        }
        let key: &'static str = key.clone().leak();
        if let Some(rule) = rule(inner) {
            custom.rules.fields.insert(key, rule);
        }
        custom.fields.insert(key, field(key, type_of(key, inner), required(key)));
    }
    custom.rules.whole = schema["x-kubernetes-map-type"] == "atomic";
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        custom.extra = Some(Type::Deduced);
    }
    Box::leak(Box::new(custom))
}

fn field(name: &'static str, ty: Type, required: bool) -> Field {
    Field { name, ty, merge: ListMerge::Replace, retain_keys: false, required, place: 0 }
}

/// How a list or map is merged, where that is said.
fn rule(schema: &Value) -> Option<Rule> {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => return Some(Rule::Set),
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
            return Some(Rule::Keys(keys.filter_map(Value::as_str).map(|key| &*key.to_owned().leak()).collect()));
        }
        _ => {}
    }
    (schema["x-kubernetes-map-type"] == "atomic").then_some(Rule::Whole)
}

fn type_of(name: &'static str, schema: &Value) -> Type {
    if schema["x-kubernetes-int-or-string"] == true {
        return Type::IntOrString;
    }
    if schema["x-kubernetes-embedded-resource"] == true {
        return Type::Custom(of_object(name, schema, true));
    }
    match schema["type"].as_str().unwrap_or("") {
        "object" => match &schema["additionalProperties"] {
            inner @ Value::Object(_) => Type::Map(Box::new(type_of(name, inner))),
            Value::Bool(true) => Type::Deduced,
            _ if schema["properties"].is_null() && schema["x-kubernetes-preserve-unknown-fields"] == true => {
                Type::Deduced
            }
            _ => Type::Custom(of_object(name, schema, false)),
        },
        "array" => Type::List(Box::new(type_of(name, &schema["items"]))),
        "boolean" => Type::Bool,
        "integer" if schema["format"] == "int32" => Type::Int32,
        "integer" => Type::Int64,
        "number" => Type::Float,
        "string" => Type::String,
        _ => Type::Deduced,
    }
}
