//! `-o custom-columns=NAME:.metadata.name,…`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/get/customcolumn.go`.

use serde_json::Value;

use super::columns::Columns;
use crate::api::jsonpath;

/// The headers and paths of the columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    columns: Vec<(String, jsonpath::Template)>,
}

/// Parses `HEADER:path,…`.
pub fn parse(text: &str) -> Result<Spec, String> {
    let mut columns = Vec::new();
    for part in text.split(',') {
        let Some((header, path)) = part.split_once(':') else {
            return Err(format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"));
        };
        // No path is that of the object itself, of which nothing is printed.
        let path = if path.is_empty() { jsonpath::parse("")? } else { jsonpath::parse_path(path)? };
        columns.push((header.to_owned(), path));
    }
    Ok(Spec { columns })
}

/// Prints one object or the items of a list.
pub fn print(spec: &Spec, value: &Value) -> String {
    let mut out = Columns::for_tables();
    let headers: Vec<&str> = spec.columns.iter().map(|(h, _)| h.as_str()).collect();
    out.write(&format!("{}\n", headers.join("\t")));
    out.write(&lines(spec, value));
    out.flush()
}

/// The lines without the header, cells separated by tabs.
pub fn lines(spec: &Spec, value: &Value) -> String {
    let single = [value.clone()];
    let objects = value.get("items").and_then(Value::as_array).map_or(&single[..], Vec::as_slice);
    let mut out = String::new();
    for object in objects {
        let cells: Vec<String> = spec.columns.iter().map(|(_, path)| cell(path, object)).collect();
        out.push_str(&format!("{}\n", cells.join("\t")));
    }
    out
}

fn cell(path: &jsonpath::Template, object: &Value) -> String {
    let found = jsonpath::values(path, object).unwrap_or_default();
    if found.is_empty() {
        return "<none>".into();
    }
    found.iter().map(go_text).collect::<Vec<_>>().join(",")
}

/// A value as Go's `%v` prints it: `map[a:1 b:[x y]]`.
pub fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_text).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go_text(v))).collect();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}
