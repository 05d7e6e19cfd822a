//! The three-way strategic merge patch of `apply`.
//!
//! Models `k8s.io/apimachinery/pkg/util/strategicpatch` `CreateThreeWayMergePatch` with `SetElementOrder`: what the file
//! adds or changes against the live object, and what it no longer has of the object applied last.

use serde_json::{Map, Value, json};

use super::lists::{Field, List, field};

/// The patch for an object of this kind.
pub fn strategic(kind: &str, original: &Value, modified: &Value, current: &Value) -> Value {
    Value::Object(objects(kind, original, modified, current))
}

fn map(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object()
}

fn objects(of: &str, original: &Value, modified: &Value, current: &Value) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, wanted) in map(modified).into_iter().flatten() {
        let was = original.get(key).unwrap_or(&Value::Null);
        match current.get(key) {
            None => {
                patch.insert(key.clone(), wanted.clone());
            }
            Some(live) => one(&mut patch, key, field(of, key), (was, wanted, live)),
        }
    }
    for key in map(original).into_iter().flatten().map(|(k, _)| k) {
        if modified.get(key).is_none() {
            patch.insert(key.clone(), Value::Null);
        }
    }
    patch
}

/// The patch of one field that both the file and the live object have.
fn one(patch: &mut Map<String, Value>, key: &str, tags: Field, values: (&Value, &Value, &Value)) {
    let (was, wanted, live) = values;
    match (wanted, live, tags.list) {
        (Value::Object(fields), Value::Object(_), _) => {
            let mut inner = objects(tags.of, was, wanted, live);
            if !inner.is_empty() {
                if tags.retain_keys {
                    inner.insert("$retainKeys".into(), fields.keys().cloned().collect::<Vec<_>>().into());
                }
                patch.insert(key.to_owned(), Value::Object(inner));
            }
        }
        (Value::Array(wanted_items), Value::Array(live_items), List::ByKey(merge_key))
            if wanted_items.iter().chain(live_items).all(|i| i.get(merge_key).is_some()) =>
        {
            by_key(patch, key, merge_key, tags, (was, wanted_items, live_items));
        }
        (Value::Array(wanted_items), Value::Array(live_items), List::Set) => {
            set(patch, key, was, wanted_items, live_items);
        }
        _ => {
            if wanted != live {
                patch.insert(key.to_owned(), wanted.clone());
            }
        }
    }
}

fn by_key(
    patch: &mut Map<String, Value>,
    key: &str,
    merge_key: &str,
    tags: Field,
    lists: (&Value, &[Value], &[Value]),
) {
    let (was, wanted, live) = lists;
    let was = was.as_array().map_or(&[][..], Vec::as_slice);
    let find = |list: &[Value], id: &Value| list.iter().find(|i| i.get(merge_key) == Some(id)).cloned();
    let mut changed = Vec::new();
    for item in wanted {
        let id = &item[merge_key];
        let Some(there) = find(live, id) else {
            changed.push(item.clone());
            continue;
        };
        let before = find(was, id).unwrap_or(Value::Null);
        let mut inner = objects(tags.of, &before, item, &there);
        if !inner.is_empty() {
            if tags.retain_keys {
                let keys: Vec<String> = map(item).into_iter().flatten().map(|(k, _)| k.clone()).collect();
                inner.insert("$retainKeys".into(), keys.into());
            }
            inner.insert(merge_key.into(), id.clone());
            changed.push(Value::Object(inner));
        }
    }
    for item in was {
        let Some(id) = item.get(merge_key) else { continue };
        if find(wanted, id).is_none() {
            changed.push(json!({"$patch": "delete", merge_key: id}));
        }
    }
    let wanted_order: Vec<&Value> = wanted.iter().map(|i| &i[merge_key]).collect();
    let live_order: Vec<&Value> = live.iter().map(|i| &i[merge_key]).filter(|id| wanted_order.contains(id)).collect();
    if !changed.is_empty() || wanted_order != live_order {
        let order: Vec<Value> = wanted_order.iter().map(|id| json!({merge_key: id})).collect();
        patch.insert(format!("$setElementOrder/{key}"), order.into());
    }
    if !changed.is_empty() {
        patch.insert(key.to_owned(), changed.into());
    }
}

fn set(patch: &mut Map<String, Value>, key: &str, was: &Value, wanted: &[Value], live: &[Value]) {
    let added: Vec<Value> = wanted.iter().filter(|v| !live.contains(v)).cloned().collect();
    let was = was.as_array().map_or(&[][..], Vec::as_slice);
    let removed: Vec<Value> = was.iter().filter(|v| !wanted.contains(v)).cloned().collect();
    if !added.is_empty() || !removed.is_empty() {
        patch.insert(format!("$setElementOrder/{key}"), wanted.to_vec().into());
    }
    if !added.is_empty() {
        patch.insert(key.to_owned(), added.into());
    }
    if !removed.is_empty() {
        patch.insert(format!("$deleteFromPrimitiveList/{key}"), removed.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(original: Value, modified: Value, current: Value, expected: Value) {
        assert_eq!(strategic("Deployment", &original, &modified, &current), expected);
    }

    #[test]
    fn nothing_changes_when_the_live_object_only_has_defaults_more() {
        let wanted =
            json!({"spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "a", "image": "x"}]}}}});
        let live = json!({"spec": {"replicas": 3, "paused": false, "template": {"spec": {"containers": [{"name": "a", "image": "x", "resources": {}}]}}}, "status": {}});
        check(wanted.clone(), wanted, live, json!({}));
    }

    #[test]
    fn a_changed_container_is_patched_by_name_and_a_dropped_one_deleted() {
        let spec = |items: Value| json!({"spec": {"template": {"spec": {"containers": items}}}});
        check(
            spec(json!([{"name": "a", "image": "x"}, {"name": "b", "image": "y"}])),
            spec(json!([{"name": "a", "image": "z"}])),
            spec(json!([{"name": "a", "image": "x"}, {"name": "b", "image": "y"}])),
            spec(json!([{"name": "a", "image": "z"}, {"name": "b", "$patch": "delete"}]))
                .pointer("/spec/template/spec")
                .map(|s| json!({"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": s["containers"]}}}}))
                .unwrap(),
        );
    }

    #[test]
    fn a_field_that_was_applied_and_is_gone_becomes_null_and_others_stay() {
        check(
            json!({"spec": {"replicas": 3}, "metadata": {"labels": {"a": "1", "b": "2"}}}),
            json!({"spec": {}, "metadata": {"labels": {"a": "1"}}}),
            json!({"spec": {"replicas": 5, "paused": true}, "metadata": {"labels": {"a": "1", "b": "2", "c": "3"}}}),
            json!({"spec": {"replicas": null}, "metadata": {"labels": {"b": null}}}),
        );
    }

    #[test]
    fn the_strategy_keeps_only_its_own_keys() {
        check(
            json!({}),
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
            json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}),
            json!({"spec": {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}}}),
        );
    }
}
