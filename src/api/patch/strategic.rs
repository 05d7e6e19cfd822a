//! Applying a strategic merge patch: lists are merged by the keys of the schema, and directives (`$patch`, `$retainKeys`,
//! `$deleteFromPrimitiveList`, `$setElementOrder`) are obeyed.

use serde_json::{Map, Value};

use crate::api::schema::{Field, ListMerge, Struct, Type};

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_ITEMS: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// Applies a patch to an object of a struct of the schema.
///
/// # Errors
/// A directive that makes no sense, or an item of a merged list without its key.
pub fn strategic(current: &Value, patch: &Value, schema: &Struct) -> Result<Value, String> {
    let Value::Object(patch) = patch else { return Err("invalid JSON document".into()) };
    let current = current.as_object().cloned().unwrap_or_default();
    merge_map(current, patch, Some(*schema)).map(Value::Object)
}

fn merge_map(
    mut current: Map<String, Value>,
    patch: &Map<String, Value>,
    schema: Option<Struct>,
) -> Result<Map<String, Value>, String> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(without_directives(patch)),
            Some("delete") => Ok(Map::new()),
            Some("merge") => {
                let mut patch = patch.clone();
                patch.remove(DIRECTIVE);
                merge_map(current, &patch, schema)
            }
            _ => Err(format!("unknown patch type: {directive}")),
        };
    }
    if let Some(Value::Array(keep)) = patch.get(RETAIN) {
        current.retain(|name, _| keep.iter().any(|k| k.as_str() == Some(name)));
    }
    for (name, value) in patch {
        if name == RETAIN || name.starts_with(ORDER) {
            continue;
        }
        if let Some(list) = name.strip_prefix(DELETE_ITEMS) {
            delete_items(&mut current, list, value);
            continue;
        }
        if value.is_null() {
            current.remove(name);
            continue;
        }
        let field = schema.and_then(|s| s.field(name));
        let order = patch.get(&format!("{ORDER}{name}"));
        let before = current.get(name).cloned();
        let merged = merge_value(before, value, field, order)?;
        current.insert(name.clone(), merged);
    }
    for (name, order) in patch {
        if let Some(list) = name.strip_prefix(ORDER)
            && !patch.contains_key(list)
            && let Some(Value::Array(items)) = current.get(list).cloned()
        {
            let field = schema.and_then(|s| s.field(list));
            current.insert(list.to_owned(), Value::Array(ordered(items.clone(), &items, order, field)));
        }
    }
    Ok(current)
}

/// The content of a map that replaces another.
fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch.iter().filter(|(name, _)| !name.starts_with('$')).map(|(n, v)| (n.clone(), v.clone())).collect()
}

fn delete_items(current: &mut Map<String, Value>, list: &str, gone: &Value) {
    if let (Some(Value::Array(items)), Value::Array(gone)) = (current.get_mut(list), gone) {
        items.retain(|item| !gone.contains(item));
    }
}

fn merge_value(
    before: Option<Value>,
    patch: &Value,
    field: Option<&Field>,
    order: Option<&Value>,
) -> Result<Value, String> {
    match (before, patch) {
        (Some(Value::Object(before)), Value::Object(patch)) => {
            let inner = field.and_then(|f| f.ty.as_struct());
            merge_map(before, patch, inner).map(Value::Object)
        }
        (None, Value::Object(patch)) => {
            let inner = field.and_then(|f| f.ty.as_struct());
            merge_map(Map::new(), patch, inner).map(Value::Object)
        }
        (before, Value::Array(patch)) => {
            let before = match before {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            };
            merge_list(before, patch, field, order).map(Value::Array)
        }
        (_, patch) => Ok(patch.clone()),
    }
}

fn merge_list(
    before: Vec<Value>,
    patch: &[Value],
    field: Option<&Field>,
    order: Option<&Value>,
) -> Result<Vec<Value>, String> {
    let strategy = field.map_or(ListMerge::Replace, |f| f.merge);
    let merged = match strategy {
        ListMerge::Replace => return Ok(patch.to_vec()),
        ListMerge::Set => {
            let mut merged = before.clone();
            merged.extend(patch.iter().filter(|item| !before.contains(item)).cloned());
            merged
        }
        ListMerge::ByKey(key) => merge_by_key(before.clone(), patch, key, field)?,
    };
    Ok(match order {
        Some(order) => ordered(merged, &before, order, field),
        None => merged,
    })
}

fn merge_by_key(
    mut items: Vec<Value>,
    patch: &[Value],
    key: &str,
    field: Option<&Field>,
) -> Result<Vec<Value>, String> {
    let replace =
        patch.iter().any(|p| p.get(DIRECTIVE).and_then(Value::as_str) == Some("replace") && p.get(key).is_none());
    if replace {
        let fresh = patch.iter().filter(|p| p.get(DIRECTIVE).is_none());
        return Ok(fresh.cloned().collect());
    }
    let inner = field.and_then(|f| f.ty.item()).and_then(Type::as_struct);
    for item in patch {
        let Value::Object(fields) = item else { return Err("invalid type in a merged list".into()) };
        let Some(id) = fields.get(key) else {
            let shown = serde_json::to_string(item).unwrap_or_default();
            return Err(format!("map: {shown} does not contain declared merge key: {key}"));
        };
        let at = items.iter().position(|have| have.get(key) == Some(id));
        match (fields.get(DIRECTIVE).and_then(Value::as_str), at) {
            (Some("delete"), Some(_)) => items.retain(|have| have.get(key) != Some(id)),
            (Some("delete"), None) => {}
            (Some("replace"), Some(at)) => items[at] = Value::Object(without_directives(fields)),
            (_, Some(at)) => {
                let before = items[at].as_object().cloned().unwrap_or_default();
                items[at] = Value::Object(merge_map(before, fields, inner)?);
            }
            (_, None) => items.push(Value::Object(merge_map(Map::new(), fields, inner)?)),
        }
    }
    Ok(items)
}

/// Puts items into the order that the patch's author has them in; items that only the server has keep their place relative
/// to their neighbours.
fn ordered(items: Vec<Value>, before: &[Value], order: &Value, field: Option<&Field>) -> Vec<Value> {
    let Value::Array(order) = order else { return items };
    let key = match field.map(|f| f.merge) {
        Some(ListMerge::ByKey(key)) => Some(key),
        _ => None,
    };
    let id = |item: &Value| key.map_or_else(|| item.clone(), |k| item.get(k).cloned().unwrap_or(Value::Null));
    let place = |item: &Value| order.iter().position(|o| id(o) == id(item));
    let mut named: Vec<Value> = items.iter().filter(|item| place(item).is_some()).cloned().collect();
    named.sort_by_key(|item| place(item));
    let server_only: Vec<Value> = items.into_iter().filter(|item| place(item).is_none()).collect();
    let was = |item: &Value| before.iter().position(|b| id(b) == id(item));
    let mut merged = Vec::with_capacity(named.len() + server_only.len());
    let (mut left, mut right) = (named.into_iter().peekable(), server_only.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        // An item that the server has goes before the first named item that followed it.
        let server_first = matches!((was(a), was(b)), (Some(a), Some(b)) if b < a);
        merged.extend(if server_first { right.next() } else { left.next() });
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, schema};
    use serde_json::json;

    fn check(current: Value, patch: Value, after: Value) {
        assert_eq!(strategic(&current, &patch, &schema::of(Kind::Pod)), Ok(after), "{patch}");
    }

    #[test]
    fn lists_are_merged_by_their_keys() {
        check(
            json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}),
            json!({"spec": {"containers": [{"name": "b", "image": "2"}, {"name": "c"}]}}),
            json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c"}]}}),
        );
        check(
            json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}),
            json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}),
            json!({"spec": {"containers": [{"name": "b"}]}}),
        );
        check(
            json!({"spec": {"tolerations": [{"key": "a"}]}}),
            json!({"spec": {"tolerations": [{"key": "b"}]}}),
            json!({"spec": {"tolerations": [{"key": "b"}]}}),
        );
    }

    #[test]
    fn directives_are_obeyed() {
        check(
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}}),
            json!({"metadata": {"finalizers": ["b", "c"]}}),
        );
        check(
            json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}),
            json!({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}),
            json!({"spec": {"containers": [{"name": "b"}, {"name": "a"}]}}),
        );
        check(
            json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}),
            json!({"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]}}),
            json!({"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}),
        );
        check(json!({"spec": {"a": 1}}), json!({"spec": {"$patch": "replace", "b": 2}}), json!({"spec": {"b": 2}}));
    }
}
