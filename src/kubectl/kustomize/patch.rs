//! Patches: strategic ones, merged by the keys of the schema with new items first, and lists of operations.
//!
//! Models `PatchTransformer`, `PatchStrategicMergeTransformer` and `PatchJson6902Transformer` of kustomize, and `kyaml/yaml/merge2`.

use serde_json::{Map, Value};

use super::id::Id;
use super::item::Item;
use super::pattern;
use super::resources;
use super::spec::{structs, texts};
use super::tree::{Root, Tree};
use crate::api::Kind;
use crate::api::labels::Selector;
use crate::api::patch;
use crate::api::schema::{self, ListMerge, Struct, Type};
use crate::api::yaml::read;
use crate::api::yaml::to_yaml;
use crate::kubectl::json::{bool_at, entries, object_at, text};

/// One patch of the file.
struct Patch<'a> {
    entry: &'a Value,
    text: String,
    /// As an error names it.
    shown: String,
}

/// `patchesStrategicMerge`: each is a path, or the patch itself.
pub fn strategic(tree: &Tree<'_>, root: &Root, file: &Value, items: &mut [Item]) -> Result<(), String> {
    for given in texts(file, "patchesStrategicMerge") {
        let text = match tree.load(root, given) {
            Ok(content) => String::from_utf8_lossy(&content).into_owned(),
            Err(_) if given.contains('\n') || given.contains(": ") => given.to_owned(),
            Err(why) => return Err(why),
        };
        let patches = resources::read(&text, given)?;
        for patch in patches {
            let id = Id::of(&patch);
            by_id(items, &id, &patch, &Value::Null)
                .map_err(|why| format!("no resource matches strategic merge patch \"{id}\": {why}"))?;
        }
    }
    Ok(())
}

/// `patches` and, after everything else was renamed, `patchesJson6902`.
pub fn all(tree: &Tree<'_>, root: &Root, file: &Value, field: &str, items: &mut [Item]) -> Result<(), String> {
    for entry in structs(file, field) {
        let (path, inline) = (text(entry, "path"), text(entry, "patch"));
        let patch = match (path, inline) {
            ("", "") => {
                return Err(trouble(
                    entry,
                    &format!("must specify one of patch and path in\n{}", to_yaml(entry).trim_end()),
                ));
            }
            ("", inline) => Patch { entry, text: inline.into(), shown: format!("[patch: {inline:?}]") },
            (path, "") => {
                let content = tree.load(root, path)?;
                Patch {
                    entry,
                    text: String::from_utf8_lossy(&content).into_owned(),
                    shown: format!("[path: {path:?}]"),
                }
            }
            _ => return Err("patch and path can't be set at the same time".to_owned()),
        };
        one(&patch, items)?;
    }
    Ok(())
}

fn one(patch: &Patch<'_>, items: &mut [Item]) -> Result<(), String> {
    let operations = operations(&patch.text);
    let target = &patch.entry["target"];
    if let Some(operations) = operations {
        if target.is_null() {
            return Err(format!("must specify a target for JSON patch {}", patch.shown));
        }
        for item in selected(items, target) {
            item.value = operate(&item.value, &operations)?;
        }
        return Ok(());
    }
    let patches = match resources::read(&patch.text, "") {
        Ok(patches) if !patches.is_empty() => patches,
        _ => {
            return Err(trouble(patch.entry, &format!("unable to parse SM or JSON patch from {}", patch.shown)));
        }
    };
    if target.is_null() {
        for value in &patches {
            let id = Id::of(value);
            by_id(items, &id, value, &patch.entry["options"])
                .map_err(|why| format!("no resource matches strategic merge patch \"{id}\": {why}"))?;
        }
        return Ok(());
    }
    let [value] = patches.as_slice() else {
        return Err(format!(
            "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: {}",
            patch.shown
        ));
    };
    selected(items, target).for_each(|item| apply(item, value, &patch.entry["options"]));
    Ok(())
}

/// What is said of an entry that makes no patch.
fn trouble(entry: &Value, why: &str) -> String {
    format!("trouble configuring builtin PatchTransformer with config: `\n{}`: {why}", to_yaml(entry))
}

/// A patch as a list of operations; what begins with a bracket must be JSON.
fn operations(text: &str) -> Option<Value> {
    let value = if text.starts_with('[') { serde_json::from_str(text).ok()? } else { read::read(text).ok()? };
    let list: &Vec<Value> = value.as_array()?;
    (!list.is_empty() && list.iter().all(Value::is_object)).then_some(value)
}

/// Patches the one resource that has, or had, this identity.
fn by_id(items: &mut [Item], id: &Id, patch: &Value, options: &Value) -> Result<(), String> {
    let mut found: Vec<&mut Item> =
        items.iter_mut().filter(|item| !item.value.is_null() && item.is_or_was(id)).collect();
    match found.as_mut_slice() {
        [item] => {
            apply(item, patch, options);
            Ok(())
        }
        [] => Err(format!("no matches for Id {id}; failed to find unique target for patch {id}")),
        _ => Err(format!("multiple matches for Id {id}; failed to find unique target for patch {id}")),
    }
}

/// The resources that a target means.
fn selected<'a>(items: &'a mut [Item], target: &'a Value) -> impl Iterator<Item = &'a mut Item> {
    items.iter_mut().filter(|item| !item.value.is_null() && is_meant(item, target))
}

fn is_meant(item: &Item, target: &Value) -> bool {
    let (now, origin) = (item.id(), item.origin());
    let fits = |field: &str, a: &str, b: &str| {
        let wanted = text(target, field);
        wanted.is_empty() || pattern::matches(wanted, a) || pattern::matches(wanted, b)
    };
    let selects = |field: &str, map: &str| {
        let labels = entries(&item.value, &["metadata", map])
            .into_iter()
            .filter_map(|(key, value)| Some((key.into(), value.as_str()?.into())))
            .collect();
        text(target, field).is_empty() || Selector::parse(text(target, field)).is_ok_and(|s| s.matches(&labels))
    };
    fits("namespace", origin.namespace_that_counts(), now.namespace_that_counts())
        && fits("name", &origin.name, &now.name)
        && fits("group", &now.group, &now.group)
        && fits("version", &now.version, &now.version)
        && fits("kind", &now.kind, &now.kind)
        && selects("labelSelector", "labels")
        && selects("annotationSelector", "annotations")
}

/// Merges a strategic patch into a resource; its name, kind and namespace stay unless the options let them change.
fn apply(item: &mut Item, patch: &Value, options: &Value) {
    let id = item.id();
    let (new_name, new_kind) = (bool_at(options, &["allowNameChange"]), bool_at(options, &["allowKindChange"]));
    if new_name || new_kind {
        item.remember();
    }
    let schema = Kind::by_kind(&id.group, &id.kind).map(schema::of);
    item.value = merge(std::mem::take(&mut item.value), patch, schema.map(Place::Struct)).unwrap_or(Value::Null);
    if item.value.is_null() {
        return;
    }
    if !new_kind {
        item.value["kind"] = id.kind.into();
        item.value["apiVersion"] =
            if id.group.is_empty() { id.version.into() } else { format!("{}/{}", id.group, id.version).into() };
    }
    if !new_name {
        item.rename(&id.name);
    }
    let metadata = object_at(&mut item.value, &["metadata"]);
    match id.namespace {
        none if none.is_empty() => drop(metadata.remove("namespace")),
        namespace => drop(metadata.insert("namespace".into(), namespace.into())),
    }
}

/// What the schema says of a place.
#[derive(Clone, Copy)]
enum Place {
    Struct(Struct),
    Values(&'static Type),
}

fn inner(place: Option<Place>, key: &str) -> (Option<Place>, ListMerge) {
    let of = |ty: &'static Type| match ty {
        Type::Map(values) => Some(Place::Values(values)),
        Type::List(item) => item.as_struct().map(Place::Struct),
        ty => ty.as_struct().map(Place::Struct),
    };
    match place {
        Some(Place::Struct(of_struct)) => match of_struct.field(key) {
            Some(field) => (of(&field.ty), field.merge),
            None => (None, ListMerge::Replace),
        },
        Some(Place::Values(values)) => (of(values), ListMerge::Replace),
        None => (None, ListMerge::Replace),
    }
}

/// The value after a patch; `None` if that deletes it.
fn merge(current: Value, patch: &Value, place: Option<Place>) -> Option<Value> {
    let Value::Object(patch) = patch else { return Some(patch.clone()) };
    let mut map = match (current, patch.get("$patch").and_then(Value::as_str)) {
        (_, Some("delete")) => return None,
        (_, Some("replace")) => return Some(Value::Object(plain(patch))),
        (Value::Object(map), _) => map,
        _ => Map::new(),
    };
    for (key, value) in patch.iter().filter(|(key, _)| *key != "$patch") {
        if value.is_null() {
            map.remove(key);
            continue;
        }
        let (place, how) = inner(place, key);
        let current = map.remove(key).unwrap_or_default();
        let merged = match (current, value, how) {
            (current, Value::Array(items), ListMerge::ByKey(by)) => Some(merge_items(current, items, by, place)),
            (current, Value::Array(items), ListMerge::Set) => Some(merge_set(current, items)),
            (current, value, _) => merge(current, value, place),
        };
        if let Some(merged) = merged {
            map.insert(key.clone(), merged);
        }
    }
    Some(Value::Object(map))
}

fn plain(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter().filter(|(key, _)| *key != "$patch").map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A list whose items are told apart by a field: the patch's items come first.
fn merge_items(current: Value, patch: &[Value], by: &'static str, place: Option<Place>) -> Value {
    let directive = |item: &Value| item.get("$patch").and_then(Value::as_str).map(str::to_owned);
    if patch
        .iter()
        .any(|item| item.as_object().is_some_and(|map| map.len() == 1) && directive(item).as_deref() == Some("replace"))
    {
        return Value::Array(patch.iter().filter(|item| directive(item).is_none()).cloned().collect());
    }
    let mut old = match current {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    // Ports are told apart by their protocol as well, where any of them says one.
    let protocol =
        matches!(by, "containerPort" | "port") && old.iter().chain(patch).any(|item| item.get("protocol").is_some());
    let id = |item: &Value| (item.get(by).cloned(), protocol.then(|| item.get("protocol").cloned()));
    let mut merged: Vec<Value> = Vec::new();
    for item in patch {
        let at = old.iter().position(|other| id(other) == id(item));
        let before = at.map(|at| old.remove(at)).unwrap_or_default();
        let seen = merged.iter().position(|other| id(other) == id(item));
        let before = seen.map(|at| merged.remove(at)).unwrap_or(before);
        if let Some(value) = merge(before, item, place) {
            merged.insert(seen.unwrap_or(merged.len()), value);
        }
    }
    merged.extend(old);
    Value::Array(merged)
}

fn merge_set(current: Value, patch: &[Value]) -> Value {
    let mut merged = patch.to_vec();
    if let Value::Array(old) = current {
        merged.extend(old.into_iter().filter(|item| !patch.contains(item)));
    }
    Value::Array(merged)
}

/// Runs operations one after the other, with the words of the library that kustomize uses.
fn operate(value: &Value, operations: &Value) -> Result<Value, String> {
    let mut value = value.clone();
    for operation in operations.as_array().into_iter().flatten() {
        let one = Value::Array(vec![operation.clone()]);
        value = patch::json(&value, &one).map_err(|why| words(&value, operation, why))?;
    }
    Ok(value)
}

fn words(value: &Value, operation: &Value, why: String) -> String {
    let (op, path, from) = (text(operation, "op"), text(operation, "path"), text(operation, "from"));
    let (parent, key) = path.rsplit_once('/').unwrap_or(("", path));
    let has_parent = value.pointer(parent).is_some_and(|parent| parent.is_object() || parent.is_array());
    match (op, has_parent) {
        ("replace", false) => format!("replace operation does not apply: doc is missing path: {path}: missing value"),
        ("replace", true) => format!("replace operation does not apply: doc is missing key: {path}: missing value"),
        ("remove", true) if value.pointer(parent).is_some_and(Value::is_object) => {
            format!("error in remove for path: '{path}': Unable to remove nonexistent key: {key}: missing value")
        }
        ("add" | "remove", true) => {
            format!("error in {op} for path: '{path}': Unable to access invalid index: {key}: invalid index referenced")
        }
        ("add" | "remove", false) => {
            format!("{op} operation does not apply: doc is missing path: \"{path}\": missing value")
        }
        ("copy", _) => format!(
            "error in copy for path: '{path}': copy operation does not apply: doc is missing from path: {from}: missing value"
        ),
        _ => why,
    }
}
