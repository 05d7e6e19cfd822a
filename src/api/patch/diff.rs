//! Making patches: two-way (original to modified) and three-way (`kubectl apply`: what the manifest said before, says now, and
//! what is there).

use serde_json::{Map, Value, json};

use crate::api::schema::{Field, ListMerge, Struct, Type};

/// Which differences a patch is to have.
#[derive(Clone, Copy, PartialEq)]
struct Want {
    additions: bool,
    deletions: bool,
    /// Whether lists tell their order.
    order: bool,
}

/// The strategic merge patch from `original` to `modified`.
///
/// # Errors
/// An item of a merged list without its key.
pub fn two_way(original: &Value, modified: &Value, schema: &Struct) -> Result<Value, String> {
    let all = Want { additions: true, deletions: true, order: true };
    diff(original, modified, Some(*schema), all)
}

/// The strategic merge patch of `kubectl apply`: additions and changes from `current` to `modified`, deletions from
/// `original` (what was applied last) to `modified`.
///
/// # Errors
/// An item of a merged list without its key.
pub fn three_way(original: &Value, modified: &Value, current: &Value, schema: &Struct) -> Result<Value, String> {
    let changed = diff(current, modified, Some(*schema), Want { additions: true, deletions: false, order: true })?;
    let removed = diff(original, modified, Some(*schema), Want { additions: false, deletions: true, order: false })?;
    Ok(Value::Object(union(as_map(removed), as_map(changed), Some(*schema))))
}

/// The same as a JSON merge patch, for kinds that the schema does not know.
pub fn three_way_merge(original: &Value, modified: &Value, current: &Value) -> Value {
    let changed = merge_diff(current, modified, Want { additions: true, deletions: false, order: false });
    let removed = merge_diff(original, modified, Want { additions: false, deletions: true, order: false });
    Value::Object(union(as_map(removed), as_map(changed), None))
}

fn as_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn merge_diff(from: &Value, to: &Value, want: Want) -> Value {
    diff(from, to, None, want).expect("without a schema no list has a key")
}

fn diff(from: &Value, to: &Value, schema: Option<Struct>, want: Want) -> Result<Value, String> {
    let empty = Map::new();
    let (from, to) = (from.as_object().unwrap_or(&empty), to.as_object().unwrap_or(&empty));
    let mut patch = Map::new();
    for (name, new) in to {
        let field = schema.and_then(|s| s.field(name));
        match from.get(name) {
            Some(old) => diff_field(&mut patch, name, old, new, field, want)?,
            None if want.additions => {
                patch.insert(name.clone(), new.clone());
            }
            None => {}
        }
    }
    if want.deletions {
        for name in from.keys().filter(|name| !to.contains_key(*name)) {
            patch.insert(name.clone(), Value::Null);
        }
    }
    Ok(Value::Object(patch))
}

fn diff_field(
    patch: &mut Map<String, Value>,
    name: &str,
    old: &Value,
    new: &Value,
    field: Option<&Field>,
    want: Want,
) -> Result<(), String> {
    match (old, new) {
        (Value::Object(_), Value::Object(to)) => {
            let inner = diff(old, new, field.and_then(|f| f.ty.as_struct()), want)?;
            let Value::Object(mut inner) = inner else { return Ok(()) };
            if field.is_some_and(|f| f.retain_keys && !matches!(f.ty, Type::List(_))) && !inner.is_empty() {
                retain(&mut inner, to);
            }
            if !inner.is_empty() {
                patch.insert(name.to_owned(), Value::Object(inner));
            }
        }
        (Value::Array(old), Value::Array(new)) => diff_lists(patch, name, old, new, field, want)?,
        _ if old != new && want.additions => {
            patch.insert(name.to_owned(), new.clone());
        }
        _ => {}
    }
    Ok(())
}

/// Only the keys that the new map has are kept.
fn retain(patch: &mut Map<String, Value>, new: &Map<String, Value>) {
    let keys: Vec<&String> = new.keys().collect();
    patch.insert("$retainKeys".into(), json!(keys));
}

fn diff_lists(
    patch: &mut Map<String, Value>,
    name: &str,
    old: &[Value],
    new: &[Value],
    field: Option<&Field>,
    want: Want,
) -> Result<(), String> {
    match field.map_or(ListMerge::Replace, |f| f.merge) {
        ListMerge::Replace => {
            if old != new && want.additions {
                patch.insert(name.to_owned(), json!(new));
            }
        }
        ListMerge::Set => {
            let added: Vec<&Value> = new.iter().filter(|i| !old.contains(i)).collect();
            let gone: Vec<&Value> = old.iter().filter(|i| !new.contains(i)).collect();
            let (adds, goes) = (want.additions && !added.is_empty(), want.deletions && !gone.is_empty());
            if adds {
                patch.insert(name.to_owned(), json!(added));
            }
            if goes {
                patch.insert(format!("$deleteFromPrimitiveList/{name}"), json!(gone));
            }
            if want.order && (adds || goes || old != new) {
                patch.insert(format!("$setElementOrder/{name}"), json!(new));
            }
        }
        ListMerge::ByKey(key) => diff_keyed(patch, name, (old, new), key, field, want)?,
    }
    Ok(())
}

fn diff_keyed(
    patch: &mut Map<String, Value>,
    name: &str,
    (old, new): (&[Value], &[Value]),
    key: &str,
    field: Option<&Field>,
    want: Want,
) -> Result<(), String> {
    let inner = field.and_then(|f| f.ty.item()).and_then(Type::as_struct);
    let id = |item: &Value| {
        item.get(key).cloned().ok_or_else(|| {
            let shown = serde_json::to_string(item).unwrap_or_default();
            format!("map: {shown} does not contain declared merge key: {key}")
        })
    };
    let mut items = Vec::new();
    let mut new_ids = Vec::new();
    for item in new {
        let this = id(item)?;
        new_ids.push(this.clone());
        match old.iter().find(|o| o.get(key) == Some(&this)) {
            Some(before) => {
                if let Value::Object(mut change) = diff(before, item, inner, want)?
                    && !change.is_empty()
                {
                    if field.is_some_and(|f| f.retain_keys)
                        && let Some(to) = item.as_object()
                    {
                        retain(&mut change, to);
                    }
                    change.insert(key.to_owned(), this);
                    items.push(Value::Object(change));
                }
            }
            None if want.additions => items.push(item.clone()),
            None => {}
        }
    }
    if want.deletions {
        for item in old {
            let this = id(item)?;
            if !new_ids.contains(&this) {
                items.push(json!({"$patch": "delete", key: this}));
            }
        }
    }
    let old_ids: Vec<Value> = old.iter().filter_map(|o| o.get(key).cloned()).collect();
    let reordered = old_ids.iter().filter(|i| new_ids.contains(i)).ne(new_ids.iter().filter(|i| old_ids.contains(i)));
    if want.order && (!items.is_empty() || reordered) {
        let order: Vec<Value> = new_ids.iter().map(|i| json!({key: i})).collect();
        patch.insert(format!("$setElementOrder/{name}"), Value::Array(order));
    }
    if !items.is_empty() {
        patch.insert(name.to_owned(), Value::Array(items));
    }
    Ok(())
}

/// Deletions and changes in one patch; they never say different things of the same field.
fn union(removed: Map<String, Value>, changed: Map<String, Value>, schema: Option<Struct>) -> Map<String, Value> {
    let mut all = removed;
    for (name, value) in changed {
        let field = schema.and_then(|s| s.field(&name));
        match (all.remove(&name), value) {
            (Some(Value::Object(a)), Value::Object(b)) => {
                all.insert(name, Value::Object(union(a, b, field.and_then(|f| f.ty.as_struct()))));
            }
            (Some(Value::Array(a)), Value::Array(b)) => {
                all.insert(name, Value::Array(union_lists(a, b, field)));
            }
            (_, value) => {
                all.insert(name, value);
            }
        }
    }
    all
}

fn union_lists(removed: Vec<Value>, changed: Vec<Value>, field: Option<&Field>) -> Vec<Value> {
    let Some(ListMerge::ByKey(key)) = field.map(|f| f.merge) else { return changed };
    let inner = field.and_then(|f| f.ty.item()).and_then(Type::as_struct);
    let mut all = changed;
    for item in removed {
        let same = all.iter().position(|have| have.get(key) == item.get(key));
        match (same, item) {
            (Some(at), Value::Object(item)) => {
                let have = as_map(all[at].take());
                all[at] = Value::Object(union(item, have, inner));
            }
            (_, item) => all.push(item),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, patch::strategic, schema};

    fn pod(containers: Value) -> Value {
        json!({"spec": {"containers": containers}})
    }

    #[test]
    fn a_three_way_patch_removes_what_the_manifest_no_longer_has() {
        let schema = schema::of(Kind::Pod);
        let original = pod(json!([{"name": "a", "image": "1", "tty": true}, {"name": "b"}]));
        let modified = pod(json!([{"name": "a", "image": "2"}]));
        let current = pod(json!([
            {"name": "a", "image": "1", "tty": true, "imagePullPolicy": "Always"}, {"name": "b"}, {"name": "sidecar"}
        ]));
        let patch = three_way(&original, &modified, &current, &schema).expect("keys are there");
        assert_eq!(
            patch,
            json!({"spec": {
                "$setElementOrder/containers": [{"name": "a"}],
                "containers": [{"name": "a", "image": "2", "tty": null}, {"name": "b", "$patch": "delete"}],
            }})
        );
        let after = strategic(&current, &patch, &schema).expect("applies");
        assert_eq!(after, pod(json!([{"name": "a", "image": "2", "imagePullPolicy": "Always"}, {"name": "sidecar"}])));
    }

    #[test]
    fn nothing_changed_is_an_empty_patch() {
        let schema = schema::of(Kind::Pod);
        let same = pod(json!([{"name": "a", "image": "1"}]));
        let current = pod(json!([{"name": "a", "image": "1", "imagePullPolicy": "Always"}]));
        assert_eq!(three_way(&same, &same, &current, &schema), Ok(json!({})));
        assert_eq!(three_way_merge(&same, &same, &same), json!({}));
    }

    #[test]
    fn a_changed_strategy_retains_only_its_own_keys() {
        let schema = schema::of(Kind::Deployment);
        let from = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        let to = json!({"spec": {"strategy": {"type": "Recreate"}}});
        let patch = two_way(&from, &to, &schema).expect("no keys");
        assert_eq!(
            patch,
            json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate", "rollingUpdate": null}}})
        );
    }
}
