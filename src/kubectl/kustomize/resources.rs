//! The resources of a text: documents, lists opened, and what every one of them must have.
//!
//! Models `api/resource/factory.go` and `kyaml/kio` of kustomize. Scalars are read by YAML 1.2's rules of truth values.

use serde_json::Value;

use crate::api::yaml::read;
use crate::kubectl::json::{entries, plain, text, text_at};
use crate::kubectl::manifest;

/// Reads the resources of a text; `path` is the file that a syntax error names.
pub fn read(content: &str, path: &str) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for part in manifest::split(content.strip_prefix('\u{feff}').unwrap_or(content)) {
        let value = read::read_core(&part).map_err(|why| format!("MalformedYAMLError: {why} in File: {path}"))?;
        if !value.is_null() {
            open(value, &mut found)?;
        }
    }
    Ok(found)
}

/// Whether an error is about the syntax of a file.
pub fn is_malformed(why: &str) -> bool {
    why.contains("MalformedYAMLError: ")
}

fn open(value: Value, found: &mut Vec<Value>) -> Result<(), String> {
    let listed = text(&value, "kind").ends_with("List").then(|| value.get("items").and_then(Value::as_array)).flatten();
    if let Some(items) = listed {
        return items.iter().try_for_each(|item| open(item.clone(), found));
    }
    if !value.is_object() || value.get("metadata").is_none() && value.get("kind").is_none() {
        return Err("missing Resource metadata".into());
    }
    let missing = match (text(&value, "kind"), text_at(&value, &["metadata", "name"])) {
        ("", _) => "kind",
        (_, "") => "metadata.name",
        _ => {
            found.push(value);
            return Ok(());
        }
    };
    Err(format!("missing {missing} in object {}", shown(&value)))
}

/// An object's type and metadata as Go prints the struct.
fn shown(value: &Value) -> String {
    let map = |name: &str| {
        let entries = entries(value, &["metadata", name]);
        entries.iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect::<Vec<String>>().join(" ")
    };
    let (version, kind) = (text(value, "apiVersion"), text(value, "kind"));
    let (name, namespace) = (text_at(value, &["metadata", "name"]), text_at(value, &["metadata", "namespace"]));
    format!("{{{{{version} {kind}}} {{{{{name} {namespace}}} map[{}] map[{}]}}}}", map("labels"), map("annotations"))
}
