//! Additional printer columns. Models `pkg/registry/customresource/tableconvertor` of `k8s.io/apiextensions-apiserver`.

use serde_json::{Value, json};

use crate::api::{CustomKind, CustomResource, Timestamp, duration, jsonpath};

/// The columns of a kind besides its name, as its definition gives them.
fn columns(kind: CustomKind) -> &'static [Value] {
    super::list(&kind.version()["additionalPrinterColumns"])
}

/// The definitions of its columns (`TableColumnDefinition`).
pub fn definitions(kind: CustomKind) -> Vec<Value> {
    let mut all = vec![json!({"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0})];
    if columns(kind).is_empty() {
        all.push(json!({"name": "Age", "type": "date", "format": "", "description": "", "priority": 0}));
    }
    all.extend(columns(kind).iter().map(|column| {
        let text = |name: &str| column[name].as_str().unwrap_or("");
        let words = match text("description") {
            "" => format!("Custom resource definition column (in JSONPath format): {}", text("jsonPath")),
            words => words.to_owned(),
        };
        json!({
            "name": text("name"), "type": text("type"), "format": text("format"), "description": words,
            "priority": column["priority"].as_i64().unwrap_or(0),
        })
    }));
    all
}

/// The cells of an object, one a column, as of `now`.
pub fn cells(object: &CustomResource, now: Timestamp) -> Vec<Value> {
    let age = |at: Option<Timestamp>| at.map_or_else(|| "<unknown>".to_owned(), |at| duration::human(now.0 - at.0));
    let mut cells = vec![json!(object.metadata.name)];
    let all = columns(object.kind);
    if all.is_empty() {
        cells.push(json!(age(object.metadata.creation_timestamp)));
        return cells;
    }
    let value = object.fields().unwrap_or_default();
    for column in all {
        let path = column["jsonPath"].as_str().unwrap_or("");
        let found = jsonpath::parse(&format!("{{{path}}}")).and_then(|template| jsonpath::values(&template, &value));
        let first = found.ok().and_then(|found| found.into_iter().next());
        cells.push(first.map_or(Value::Null, |first| cell(column["type"].as_str().unwrap_or(""), &first, now)));
    }
    cells
}

/// A value as a cell of a column's type; `null` if it is not of that type.
fn cell(ty: &str, value: &Value, now: Timestamp) -> Value {
    match (ty, value) {
        ("string", value) => json!(jsonpath::value_text(value)),
        ("integer", Value::Number(number)) if number.is_i64() => value.clone(),
        ("integer", Value::Number(number)) => number
            .to_string()
            .split('.')
            .next()
            .map_or(Value::Null, |whole| whole.parse::<i64>().map_or(Value::Null, Value::from)),
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(text)) => match text.parse::<Timestamp>() {
            Ok(at) => json!(duration::human(now.0 - at.0)),
            Err(_) => json!("<invalid>"),
        },
        _ => Value::Null,
    }
}
