//! Rules of schemas: `x-kubernetes-validations`. Models `pkg/apiserver/schema/cel` of `k8s.io/apiextensions-apiserver`.
//!
//! Differs: an `oldSelf` that is optional (`optionalOldSelf`) is not there: such rules are judged by changes only.

use serde_json::{Value, json};

use super::cel::{self, Expr};
use crate::api::custom::check::below;
use crate::api::{CustomResource, FieldError, Object, validate};

fn rules(schema: &Value) -> &[Value] {
    super::list(&schema["x-kubernetes-validations"])
}

/// The schemas inside a schema, with the step that leads to them.
fn inner(schema: &Value) -> impl Iterator<Item = (String, &Value)> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let named = properties.map(|(name, inner)| (format!(".properties[{name}]"), inner));
    let one = |name: &str| Some((format!(".{name}"), &schema[name])).filter(|(_, inner)| inner.is_object());
    named.chain(one("items")).chain(one("additionalProperties"))
}

/// Whether a schema has rules, here or further inside.
pub fn has(schema: &Value) -> bool {
    !rules(schema).is_empty() || inner(schema).any(|(_, schema)| has(schema))
}

/// What breaks a rule.
pub fn check(object: &CustomResource, old: Option<&CustomResource>) -> Vec<FieldError> {
    let whole = |object: &CustomResource| Object::Custom(object.clone().into()).plain_value();
    let (value, old) = (whole(object), old.map(whole));
    let mut errors = Vec::new();
    check_value(&value, old.as_ref(), object.kind.schema(), "", &mut errors);
    errors
}

fn check_value(value: &Value, old: Option<&Value>, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if value.is_null() {
        return;
    }
    let old = old.filter(|old| !old.is_null());
    errors.extend(rules(schema).iter().filter_map(|rule| broken(rule, value, old, schema, path)));
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some((inner, path)) = below(schema, path, name) {
                    check_value(value, old.and_then(|old| old.get(name)), inner, &path, errors);
                }
            }
        }
        Value::Array(items) if schema["items"].is_object() => {
            for (at, item) in items.iter().enumerate() {
                let old = old.and_then(|old| counterpart(item, old, schema));
                check_value(item, old, &schema["items"], &format!("{path}[{at}]"), errors);
            }
        }
        _ => {}
    }
}

/// The item of an older list that is the same by its keys.
fn counterpart<'v>(item: &Value, old: &'v Value, schema: &Value) -> Option<&'v Value> {
    let keys = super::list(&schema["x-kubernetes-list-map-keys"]);
    let same = |other: &&Value| keys.iter().filter_map(Value::as_str).all(|key| other[key] == item[key]);
    old.as_array()?.iter().find(same).filter(|_| !keys.is_empty())
}

fn text<'v>(rule: &'v Value, name: &str) -> &'v str {
    rule[name].as_str().unwrap_or("").trim()
}

/// What a rule says of a value that breaks it.
fn broken(rule: &Value, value: &Value, old: Option<&Value>, schema: &Value, path: &str) -> Option<FieldError> {
    let source = text(rule, "rule");
    let transition = source.contains("oldSelf");
    if transition && old.is_none() {
        return None;
    }
    let mut scope = vec![("self", value.clone())];
    scope.extend(old.map(|old| ("oldSelf", old.clone())));
    let field = |path: &str| match path.trim_start_matches('.') {
        "" => "<nil>".to_owned(),
        path => path.to_owned(),
    };
    let ty = json!(schema["type"].as_str().unwrap_or(""));
    let said = if text(rule, "message").is_empty() { source } else { text(rule, "message") };
    let result = cel::parse(source).and_then(|expr| cel::evaluate(&expr, &mut scope));
    match result {
        Ok(Value::Bool(true)) => return None,
        Err(why) if why == "no such overload" => {
            let why = format!(
                "'{why}': call arguments did not match a supported operator, function or macro signature for rule: {said}"
            );
            return Some(validate::invalid(&field(path), &ty, &why));
        }
        Err(why) => return Some(validate::invalid(&field(path), &ty, &format!("{why} evaluating rule: {said}"))),
        Ok(_) => {}
    }
    // What is as it was is not judged again.
    if !transition && old == Some(value) {
        return None;
    }
    let evaluated = || -> Option<String> {
        let expr: Expr = cel::parse(rule["messageExpression"].as_str()?).ok()?;
        let said = cel::evaluate(&expr, &mut scope.clone()).ok()?;
        Some(said.as_str()?.trim().to_owned()).filter(|said| !said.is_empty() && !said.contains('\n'))
    };
    let default = || if text(rule, "message").is_empty() { format!("failed rule: {source}") } else { said.to_owned() };
    let why = evaluated().unwrap_or_else(default);
    let at = field(&format!("{path}{}", text(rule, "fieldPath")));
    Some(match text(rule, "reason") {
        "FieldValueForbidden" => validate::forbidden(&at, &why),
        "FieldValueRequired" => validate::required(&at, &why),
        "FieldValueDuplicate" => validate::duplicate(&at, &ty),
        _ => validate::invalid(&at, &ty, &why),
    })
}

/// Rules of a definition that cannot be read, by their fields below `path`: the rule, and what is wrong with it.
pub fn unreadable(schema: &Value, path: &str) -> Vec<(String, Value, String)> {
    let mut found = Vec::new();
    for (at, rule) in rules(schema).iter().enumerate() {
        let below = format!("{path}.x-kubernetes-validations[{at}]");
        for name in ["rule", "messageExpression"] {
            let Some(source) = rule[name].as_str().filter(|source| name == "rule" || !source.is_empty()) else {
                continue;
            };
            if let Err(why) = cel::parse(source) {
                let why = format!("compilation failed: ERROR: <input>:1:1: {why}");
                found.push((format!("{below}.{name}"), rule.clone(), why));
            }
        }
    }
    for (step, schema) in inner(schema) {
        found.extend(unreadable(schema, &format!("{path}{step}")));
    }
    found
}
