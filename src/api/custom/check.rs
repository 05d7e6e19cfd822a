//! Values against a schema, with upstream's words. Models `k8s.io/kube-openapi/pkg/validation/validate` and what
//! `pkg/apiserver/validation` of `k8s.io/apiextensions-apiserver` makes of its errors; `pkg/apiserver/schema/listtype`.
//!
//! Upstream tells the properties of an object in no particular order; here they are told by name. Of alternatives none of
//! which fits, the first of those that fit best is told. Formats that are not known are not looked at, as there.

use std::net::{Ipv4Addr, Ipv6Addr};

use regex_lite::Regex;
use serde_json::{Number, Value};

use crate::api::{FieldError, Timestamp, validate};

/// Everything that is wrong with a value.
pub fn check(value: &Value, schema: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check_value(value, schema, "", &mut errors);
    errors
}

/// Whether errors keep rules from being evaluated (`hasBlockingErr`).
pub fn blocks_rules(errors: &[FieldError]) -> bool {
    let blocking = [
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    ];
    errors.iter().any(|error| blocking.contains(&error.reason))
}

/// The field of an error; a path may begin with a dot.
fn field(path: &str) -> &str {
    let path = path.trim_start_matches('.');
    if path.is_empty() { "<nil>" } else { path }
}

fn wrong(path: &str, value: &Value, why: &str) -> FieldError {
    validate::invalid(field(path), value, &format!("{} in body {why}", path.trim_start_matches('.')))
}

fn wrong_type(path: &str, want: &str, has: &str) -> FieldError {
    let name = path.trim_start_matches('.');
    FieldError {
        reason: "FieldValueTypeInvalid",
        field: field(path).into(),
        message: format!("Invalid value: {has:?}: {name} in body must be of type {want}: {has:?}"),
    }
}

/// The words of JSON schema for what a value is.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check_value(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if !check_type(value, schema, path, errors) || value.is_null() {
        return;
    }
    check_alternatives(value, schema, path, errors);
    match value {
        Value::String(text) => {
            errors.extend(text_error(text, value, schema, path));
            errors.extend(format_error(text, schema, path));
        }
        Value::Number(number) => check_number(number, value, schema, path, errors),
        Value::Array(items) => check_list(items, schema, path, errors),
        _ => {}
    }
    check_enum(value, schema, path, errors);
    if let Value::Object(fields) = value {
        check_object(fields, schema, path, errors);
    }
}

/// Whether the type fits.
fn check_type(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) -> bool {
    let either = schema["x-kubernetes-int-or-string"] == true;
    let want = if either { "integer,string" } else { schema["type"].as_str().unwrap_or("") };
    if want.is_empty() || value.is_null() && schema["nullable"] == true {
        return true;
    }
    let has = type_of(value);
    let whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
    let fits =
        want.split(',').any(|want| want == has || want == "number" && has == "integer" || want == "integer" && whole);
    if !fits {
        errors.push(wrong_type(path, want, has));
    }
    fits
}

fn check_enum(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(all) = schema["enum"].as_array().filter(|all| !all.contains(value)) else { return };
    let words: Vec<String> = all
        .iter()
        .map(|one| match one {
            Value::String(text) => format!("{text:?}"),
            other => format!("{:?}", other.to_string()),
        })
        .collect();
    let message = format!("Unsupported value: {value}: supported values: {}", words.join(", "));
    errors.push(FieldError { reason: "FieldValueNotSupported", field: field(path).into(), message });
}

fn length(schema: &Value, name: &str) -> Option<usize> {
    schema[name].as_u64().and_then(|n| usize::try_from(n).ok())
}

fn text_error(text: &str, value: &Value, schema: &Value, path: &str) -> Option<FieldError> {
    let count = text.chars().count();
    if let Some(most) = length(schema, "maxLength").filter(|most| count > *most) {
        return Some(validate::too_long(field(path), most));
    }
    if let Some(least) = length(schema, "minLength").filter(|least| count < *least) {
        return Some(wrong(path, value, &format!("should be at least {least} chars long")));
    }
    let pattern = schema["pattern"].as_str().filter(|pattern| !pattern.is_empty())?;
    let matches = Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
    (!matches).then(|| wrong(path, value, &format!("should match '{pattern}'")))
}

/// A text of a format that it does not have.
fn format_error(text: &str, schema: &Value, path: &str) -> Option<FieldError> {
    let format = schema["format"].as_str()?;
    let hex = |text: &str, lengths: &[usize]| {
        let parts: Vec<&str> = text.split('-').collect();
        let whole = text.len() == 32 && text.chars().all(|c| c.is_ascii_hexdigit());
        let all = || parts.iter().all(|part| part.chars().all(|c| c.is_ascii_hexdigit()));
        whole || parts.iter().map(|part| part.len()).eq(lengths.iter().copied()) && all()
    };
    let is_date = |text: &str| format!("{text}T00:00:00Z").parse::<Timestamp>().is_ok() && text.len() == 10;
    let fits = match format {
        "date-time" | "datetime" => text.parse::<Timestamp>().is_ok() || text.len() > 20 && is_date(&text[..10]),
        "date" => is_date(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.parse::<ipnet::IpNet>().is_ok(),
        "uuid" => hex(text, &[8, 4, 4, 4, 12]),
        "byte" => data_encoding::BASE64.decode(text.as_bytes()).is_ok(),
        "mac" => {
            text.split([':', '-']).count() == 6 && text.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || c == '-')
        }
        "email" => text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty()),
        "hostname" => validate::names::dns_subdomain(&text.to_lowercase()).is_empty(),
        "uri" => {
            text.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
                || text.starts_with('/')
        }
        _ => true,
    };
    (!fits).then(|| {
        let name = path.trim_start_matches('.');
        FieldError {
            reason: "FieldValueTypeInvalid",
            field: field(path).into(),
            message: format!("Invalid value: {text:?}: {name} in body must be of type {format}: {text:?}"),
        }
    })
}

fn check_number(number: &Number, value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(has) = number.as_f64() else { return };
    let shown = |bound: &Value| match bound.as_f64() {
        Some(bound) if bound.fract() == 0.0 && bound.abs() < 1e15 => format!("{bound:.0}"),
        _ => bound.to_string(),
    };
    let of = &schema["multipleOf"];
    if of.as_f64().is_some_and(|of| of > 0.0 && (has / of).fract() != 0.0) {
        errors.push(wrong(path, value, &format!("should be a multiple of {}", shown(of))));
    }
    for (name, exclusive, most, or_equal, strictly) in [
        ("maximum", "exclusiveMaximum", true, "less than or equal to", "less than"),
        ("minimum", "exclusiveMinimum", false, "greater than or equal to", "greater than"),
    ] {
        let Some(bound) = schema[name].as_f64() else { continue };
        let strict = schema[exclusive] == true;
        let beyond = if most { has > bound } else { has < bound };
        if beyond || strict && (bound - has).abs() < f64::EPSILON {
            let words = if strict { strictly } else { or_equal };
            errors.push(wrong(path, value, &format!("should be {words} {}", shown(&schema[name]))));
        }
    }
}

fn check_list(items: &[Value], schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if schema["items"].is_object() {
        for (at, item) in items.iter().enumerate() {
            check_value(item, &schema["items"], &format!("{path}[{at}]"), errors);
        }
    }
    let count = items.len();
    if let Some(least) = length(schema, "minItems").filter(|least| count < *least) {
        errors.push(wrong(path, &count.into(), &format!("should have at least {least} items")));
    }
    if let Some(most) = length(schema, "maxItems").filter(|most| count > *most) {
        errors.push(validate::too_many(field(path), count, most));
    }
    if schema["uniqueItems"] == true && (1..count).any(|at| items[..at].contains(&items[at])) {
        errors.push(wrong(path, &"".into(), "shouldn't contain duplicates"));
    }
}

fn check_object(fields: &serde_json::Map<String, Value>, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let count = fields.len();
    if let Some(least) = length(schema, "minProperties").filter(|least| count < *least) {
        errors.push(wrong(path, &least.into(), &format!("should have at least {least} properties")));
    }
    if let Some(most) = length(schema, "maxProperties").filter(|most| count > *most) {
        errors.push(validate::too_many(field(path), count, most));
    }
    for (name, value) in fields {
        let known = &schema["properties"][name];
        let inner = if known.is_null() { &schema["additionalProperties"] } else { known };
        if inner.is_object() {
            check_value(value, inner, &format!("{path}.{name}"), errors);
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !fields.contains_key(*name)) {
        errors.push(validate::required(field(&format!("{path}.{name}")), ""));
    }
}

/// `allOf`, `anyOf`, `oneOf`, `not`.
fn check_alternatives(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let of = |inner: &Value| {
        let mut errors = Vec::new();
        check_value(value, inner, path, &mut errors);
        errors
    };
    let tried = |name: &str| -> Option<Vec<Vec<FieldError>>> {
        let all = schema[name].as_array().filter(|all| !all.is_empty())?;
        Some(all.iter().map(of).collect())
    };
    let shown = path.trim_start_matches('.');
    let whole = |why: &str| validate::invalid("<nil>", &"".into(), &format!("{shown:?} {why}"));
    let best = |tried: Vec<Vec<FieldError>>| tried.into_iter().min_by_key(Vec::len).unwrap_or_default();
    if let Some(tried) = tried("anyOf")
        && !tried.iter().any(Vec::is_empty)
    {
        errors.push(whole("must validate at least one schema (anyOf)"));
        errors.extend(best(tried));
    }
    if let Some(tried) = tried("oneOf") {
        match tried.iter().filter(|errors| errors.is_empty()).count() {
            1 => {}
            0 => {
                errors.push(whole("must validate one and only one schema (oneOf). Found none valid"));
                errors.extend(best(tried));
            }
            many => errors.push(whole(&format!(
                "must validate one and only one schema (oneOf). Found {many} valid alternatives"
            ))),
        }
    }
    if let Some(tried) = tried("allOf")
        && !tried.iter().all(Vec::is_empty)
    {
        errors.push(whole("must validate all the schemas (allOf)"));
        errors.extend(tried.into_iter().flatten());
    }
    if schema["not"].is_object() && of(&schema["not"]).is_empty() {
        errors.push(whole("must not validate the schema (not)"));
    }
}

/// Items of lists that are sets or maps and come twice.
pub fn check_lists(value: &Value, schema: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    lists(value, schema, "", &mut errors);
    errors
}

/// What a schema says of a field, if it says anything, and the field's path.
pub(super) fn below<'a>(schema: &'a Value, path: &str, name: &str) -> Option<(&'a Value, String)> {
    let (inner, path) = match &schema["properties"][name] {
        Value::Null => (&schema["additionalProperties"], format!("{path}[{name}]")),
        known => (known, format!("{path}.{name}")),
    };
    inner.is_object().then_some((inner, path))
}

fn lists(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some((inner, path)) = below(schema, path, name) {
                    lists(value, inner, &path, errors);
                }
            }
        }
        Value::Array(items) => {
            let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let told: Vec<Option<Value>> = match schema["x-kubernetes-list-type"].as_str() {
                Some("set") => items.iter().cloned().map(Some).collect(),
                Some("map") => {
                    let key = |item: &Value| keys.iter().map(|key| ((*key).to_owned(), item[*key].clone())).collect();
                    items.iter().map(|item| Some(Value::Object(key(item)))).collect()
                }
                _ => Vec::new(),
            };
            for at in (1..told.len()).filter(|at| told[..*at].contains(&told[*at])) {
                let twice = told[at].clone().unwrap_or_default();
                errors.push(validate::duplicate(field(&format!("{path}[{at}]")), &twice));
            }
            if schema["items"].is_object() {
                for (at, item) in items.iter().enumerate() {
                    lists(item, &schema["items"], &format!("{path}[{at}]"), errors);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(schema: Value, value: Value) -> Vec<String> {
        let schema = json!({"type": "object", "properties": {"spec": schema}});
        let value = json!({"spec": value});
        let errors = check(&value, &schema).into_iter().chain(check_lists(&value, &schema));
        errors.map(|error| format!("{}: {}", error.field, error.message)).collect()
    }

    #[test]
    fn what_does_not_fit_is_told_in_upstreams_words() {
        for (schema, value, words) in [
            (
                json!({"type": "integer"}),
                json!("a"),
                r#"spec: Invalid value: "string": spec in body must be of type integer: "string""#,
            ),
            (
                json!({"type": "string"}),
                Value::Null,
                r#"spec: Invalid value: "null": spec in body must be of type string: "null""#,
            ),
            (
                json!({"type": "integer", "maximum": 10}),
                json!(15),
                "spec: Invalid value: 15: spec in body should be less than or equal to 10",
            ),
            (
                json!({"type": "integer", "minimum": 1}),
                json!(0),
                "spec: Invalid value: 0: spec in body should be greater than or equal to 1",
            ),
            (
                json!({"type": "string", "pattern": r"^(\d+|\*)$"}),
                json!("x"),
                r#"spec: Invalid value: "x": spec in body should match '^(\d+|\*)$'"#,
            ),
            (
                json!({"type": "string", "enum": ["A", "B"]}),
                json!("x"),
                r#"spec: Unsupported value: "x": supported values: "A", "B""#,
            ),
            (json!({"type": "string", "maxLength": 2}), json!("abc"), "spec: Too long: may not be more than 2 bytes"),
            (json!({"type": "object", "required": ["a"]}), json!({}), "spec.a: Required value"),
            (
                json!({"type": "array", "maxItems": 1, "items": {"type": "string"}}),
                json!(["a", "b"]),
                "spec: Too many: 2: must have at most 1 item",
            ),
            (
                json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}),
                json!(["a", "a"]),
                r#"spec[1]: Duplicate value: "a""#,
            ),
            (
                json!({"x-kubernetes-int-or-string": true}),
                json!(true),
                r#"spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean""#,
            ),
            (
                json!({"type": "string", "format": "date-time"}),
                json!("now"),
                r#"spec: Invalid value: "now": spec in body must be of type date-time: "now""#,
            ),
        ] {
            assert_eq!(told(schema, value), [words]);
        }
    }

    #[test]
    fn what_fits_is_not_told_of() {
        for (schema, value) in [
            (json!({"type": "number"}), json!(1)),
            (json!({"type": "integer"}), json!(2.0)),
            (json!({"type": "string", "nullable": true}), Value::Null),
            (json!({"x-kubernetes-int-or-string": true}), json!("50%")),
            (json!({"type": "object", "additionalProperties": {"type": "string"}}), json!({"a": "b"})),
            (json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}), json!(1)),
        ] {
            assert_eq!(told(schema, value), Vec::<String>::new());
        }
    }
}
