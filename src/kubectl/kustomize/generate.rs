//! ConfigMaps and Secrets that a kustomization makes, and the hash that their names end with.
//!
//! Models `api/internal/generators`, `api/kv` and `api/hasher` of kustomize.

use serde_json::{Map, Value, json};

use super::item::{Behavior, Item};
use super::spec::texts;
use super::tree::{Root, Tree};
use crate::kubectl::json::{bool_at, entries, object_at, text, text_at};
use crate::kubectl::object::content_hash;

/// How long a line of base64 may be.
const BASE64_LINE: usize = 70;

/// A key and what stands under it.
type Pair = (String, Vec<u8>);

/// The resource of one generator; `common` are the options of all.
pub fn generate(tree: &Tree<'_>, root: &Root, kind: &str, generator: &Value, common: &Value) -> Result<Item, String> {
    let name = text(generator, "name");
    let pairs = pairs(tree, root, generator).map_err(|why| format!("loading KV pairs: {why}"))?;
    let mut value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    if name.is_empty() {
        return Err("a configmap must have a name".into());
    }
    if !text(generator, "namespace").is_empty() {
        value["metadata"]["namespace"] = generator["namespace"].clone();
    }
    if kind == "Secret" {
        let given = text(generator, "type");
        value["type"] = json!(if given.is_empty() { "Opaque" } else { given });
    }
    for (key, content) in pairs {
        let (map, text) = match String::from_utf8(content) {
            Ok(text) if kind == "ConfigMap" => ("data", text),
            Ok(text) => ("data", base64(text.as_bytes())),
            Err(raw) if kind == "ConfigMap" => ("binaryData", base64(raw.as_bytes())),
            Err(raw) => ("data", base64(raw.as_bytes())),
        };
        if ["data", "binaryData"].iter().any(|map| value[*map].get(&key).is_some()) {
            return Err(format!("configmap {name} illegally repeats the key `{key}`"));
        }
        object_at(&mut value, &[map]).insert(key, json!(text));
    }
    Ok(with_options(value, generator, common))
}

fn with_options(mut value: Value, generator: &Value, common: &Value) -> Item {
    let own = &generator["options"];
    for map in ["labels", "annotations"] {
        for (key, given) in entries(common, &[map]).into_iter().chain(entries(own, &[map])) {
            object_at(&mut value, &["metadata", map]).insert(key.into(), given.clone());
        }
    }
    if bool_at(own, &["immutable"]) || bool_at(common, &["immutable"]) {
        value["immutable"] = json!(true);
    }
    let plain = bool_at(own, &["disableNameSuffixHash"]) || bool_at(common, &["disableNameSuffixHash"]);
    let behavior = match text(generator, "behavior") {
        "merge" => Behavior::Merge,
        "replace" => Behavior::Replace,
        _ => Behavior::Create,
    };
    Item { hash: !plain, behavior, ..Item::new(value) }
}

/// Everything that a generator takes in: environment files, literals, files.
fn pairs(tree: &Tree<'_>, root: &Root, generator: &Value) -> Result<Vec<Pair>, String> {
    let mut found = Vec::new();
    let mut envs = texts(generator, "envs");
    envs.extend(generator["env"].as_str());
    for path in &envs {
        let shown = || format!("env source files: [{}]", envs.join(" "));
        let content = tree.load(root, path).map_err(|why| format!("{}: {why}", shown()))?;
        env_file(&content, &mut found).map_err(|why| format!("{}: {why}", shown()))?;
    }
    let literals = texts(generator, "literals");
    for literal in &literals {
        let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            let shown = literals.join(" ");
            return Err(format!("literal sources [{shown}]: invalid literal source {literal}, expected key=value"));
        };
        found.push((key.to_owned(), without_quotes(value).as_bytes().to_vec()));
    }
    let files = texts(generator, "files");
    for source in &files {
        let content = file(tree, root, source).map_err(|why| format!("file sources: [{}]: {why}", files.join(" ")))?;
        found.push(content);
    }
    Ok(found)
}

fn without_quotes(value: &str) -> &str {
    let quoted = |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    if quoted('"') || quoted('\'') { &value[1..value.len() - 1] } else { value }
}

fn env_file(content: &[u8], found: &mut Vec<Pair>) -> Result<(), String> {
    let text = std::str::from_utf8(content).map_err(|_| "env file contains invalid utf-8 bytes".to_owned())?;
    for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // A name alone takes its value from the environment, of which there is none here.
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        found.push((key.to_owned(), value.as_bytes().to_vec()));
    }
    Ok(())
}

fn file(tree: &Tree<'_>, root: &Root, source: &str) -> Result<Pair, String> {
    let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let (key, path) = match source.split('=').collect::<Vec<&str>>()[..] {
        [path] => (base(path), path),
        ["", path] => return Err(format!("missing key name for file path \"{path}\" in source \"{source}\"")),
        [key, ""] => return Err(format!("missing file path for key name \"{key}\" in source \"{source}\"")),
        [key, path] => (key.to_owned(), path),
        _ => return Err(format!("source \"{source}\" key name or file path contains '='")),
    };
    Ok((key, tree.load(root, path)?))
}

/// Base64, in lines if it is long.
fn base64(bytes: &[u8]) -> String {
    let whole = data_encoding::BASE64.encode(bytes);
    if whole.len() < BASE64_LINE {
        return whole;
    }
    let mut out = String::new();
    for line in whole.as_bytes().chunks(BASE64_LINE) {
        out.extend(line.iter().map(|byte| char::from(*byte)));
        out.push('\n');
    }
    out
}

/// Puts the hash of its content behind the name of what a generator made.
pub fn add_hash(item: &mut Item) {
    if item.hash && !item.value.is_null() {
        let name = format!("{}-{}", text_at(&item.value, &["metadata", "name"]), hash(&item.value));
        item.remember();
        item.rename(&name);
    }
}

/// The hash of kind and content.
fn hash(value: &Value) -> String {
    let mut seen = Map::new();
    let or_empty = |field: &str| value.get(field).cloned().unwrap_or_else(|| json!(""));
    seen.insert("kind".into(), value["kind"].clone());
    // Upstream looks for a field called `metadata/name`, which nothing has.
    seen.insert("name".into(), json!(""));
    seen.insert("data".into(), or_empty("data"));
    let more = if text(value, "kind") == "Secret" { "stringData" } else { "binaryData" };
    if value[more].is_object() {
        seen.insert(more.into(), value[more].clone());
    }
    if text(value, "kind") == "Secret" {
        seen.insert("type".into(), or_empty("type"));
    }
    content_hash(&Value::Object(seen))
}
