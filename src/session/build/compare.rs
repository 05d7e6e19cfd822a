//! What differs between two states of a cluster.

use serde_json::Value;

use crate::api::validate::diff;
use crate::api::yaml;
use crate::api::{Kind, Object, ObjectRef};
use crate::cluster::Cluster;
use crate::session::build::object_ref;
use crate::sim::{VecMap, VecSet};
use crate::view::{self, ChangedView, ComparePart as Part, CompareView, FieldChange};

/// The most objects of each sort that are listed.
const MOST_OBJECTS: usize = 200;
/// The most fields of an object that are listed.
const MOST_FIELDS: usize = 40;
/// The longest value that is told, in characters.
const LONGEST: usize = 160;

/// Fills in what differs in the whole cluster.
pub fn whole(from: &Cluster, to: &Cluster, view: &mut CompareView) {
    for kind in kinds() {
        let old = objects(from, kind);
        let new = objects(to, kind);
        for (name, object) in &new {
            match old.get(name) {
                None => view.added.add(MOST_OBJECTS, || reference(object)),
                Some(before) => {
                    if let Some(changed) = changed(before, object) {
                        view.changed.add(MOST_OBJECTS, || changed);
                    }
                }
            }
        }
        for (_, object) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
            view.removed.add(MOST_OBJECTS, || reference(object));
        }
    }
}

/// A unified diff of one object's YAML; an object that is not there is an empty text.
pub fn one(from: &Cluster, to: &Cluster, of: &ObjectRef) -> String {
    let lines = |cluster: &Cluster| -> Vec<String> {
        let object = cluster.object(of.kind, &of.namespace, &of.name);
        let text = object.map(|object| yaml::to_yaml(&told(object))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    diff::lines(&lines(from), &lines(to))
}

/// Kinds in the order of the API; what changes beside what a learner made comes last.
fn kinds() -> impl Iterator<Item = Kind> {
    const LAST: [Kind; 3] = [Kind::Node, Kind::Lease, Kind::Event];
    Kind::ALL.iter().copied().filter(|kind| !LAST.contains(kind)).chain(LAST)
}

fn objects(cluster: &Cluster, kind: Kind) -> VecMap<(&str, &str), &Object> {
    cluster.objects(kind).map(|object| ((&*object.meta().namespace, &*object.meta().name), object)).collect()
}

fn reference(object: &Object) -> view::ObjectRef {
    object_ref(&object.reference())
}

/// The fields in which an object differs from what it was, or from nothing.
pub fn fields(old: Option<&Object>, new: Option<&Object>) -> Part<FieldChange> {
    let mut fields = Part::default();
    differ("", old.map(told).as_ref(), new.map(told).as_ref(), &mut fields);
    fields
}

/// What differs of an object, if anything that means something does.
fn changed(old: &Object, new: &Object) -> Option<ChangedView> {
    if old == new {
        return None;
    }
    let fields = fields(Some(old), Some(new));
    let replaced = old.meta().uid != new.meta().uid;
    (fields.count() > 0).then(|| ChangedView { object: reference(new), replaced, fields })
}

/// An object without what differs between any two moments.
fn told(object: &Object) -> Value {
    let mut value = object.plain_value();
    let mut forget = |path: &str, field: &str| {
        if let Some(Value::Object(fields)) = value.pointer_mut(path) {
            fields.remove(field);
        }
    };
    forget("/metadata", "managedFields");
    forget("/metadata", "resourceVersion");
    if object.kind() == Kind::Lease {
        forget("/spec", "renewTime");
    }
    if let (Kind::Node, Some(Value::Array(conditions))) = (object.kind(), value.pointer_mut("/status/conditions")) {
        let fields = conditions.iter_mut().filter_map(Value::as_object_mut);
        fields.for_each(|condition| _ = condition.remove("lastHeartbeatTime"));
    }
    value
}

/// Gathers the fields below `path` that differ.
fn differ(path: &str, old: Option<&Value>, new: Option<&Value>, fields: &mut Part<FieldChange>) {
    if old == new {
        return;
    }
    let both = old.zip(new).and_then(|(old, new)| Some((parts(old, new)?, parts(new, old)?)));
    match both {
        Some((before, after)) => {
            let names: VecSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names.iter() {
                let below = if name.starts_with('[') || path.is_empty() {
                    format!("{path}{name}")
                } else {
                    format!("{path}.{name}")
                };
                differ(&below, before.get(*name).copied(), after.get(*name).copied(), fields);
            }
        }
        None => fields.add(MOST_FIELDS, || FieldChange {
            path: path.to_owned(),
            old: old.map(in_words),
            new: new.map(in_words),
        }),
    }
}

/// The parts of a value by their names: fields, or items of a list by what names them (else by their place). `None` of what has
/// no parts, or stands against something of another shape.
fn parts<'a>(value: &'a Value, beside: &Value) -> Option<VecMap<String, &'a Value>> {
    match (value, beside) {
        (Value::Object(fields), Value::Object(_)) => {
            Some(fields.iter().map(|(name, value)| (name.clone(), value)).collect())
        }
        (Value::Array(items), Value::Array(_)) => {
            let name = |(at, item): (usize, &'a Value)| {
                let named = ["name", "type", "uid", "ip", "key"].iter().find_map(|field| item.get(field)?.as_str());
                // An image of a node: its last name is the one that people use.
                let named = named.or_else(|| item.get("names")?.as_array()?.last()?.as_str());
                named.map_or_else(|| format!("[{at}]"), |name| format!("[{name}]"))
            };
            let named: VecMap<String, &Value> = items.iter().enumerate().map(|it| (name(it), it.1)).collect();
            let numbered = || items.iter().enumerate().map(|(at, item)| (format!("[{at}]"), item)).collect();
            Some(if named.len() == items.len() { named } else { numbered() })
        }
        _ => None,
    }
}

fn in_words(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(old: Value, new: Value, want: &[(&str, Option<&str>, Option<&str>)]) {
        let mut fields = Part::default();
        differ("", Some(&old), Some(&new), &mut fields);
        let got: Vec<_> = fields.listed.iter().map(|f| (f.path.as_str(), f.old.as_deref(), f.new.as_deref())).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn fields_that_differ_are_told_by_their_paths() {
        check(
            json!({"spec": {"replicas": 1, "paused": true, "same": [1, 2]}}),
            json!({"spec": {"replicas": 3, "strategy": {"type": "Recreate"}, "same": [1, 2]}}),
            &[
                ("spec.paused", Some("true"), None),
                ("spec.replicas", Some("1"), Some("3")),
                ("spec.strategy", None, Some(r#"{"type":"Recreate"}"#)),
            ],
        );
    }

    #[test]
    fn items_of_a_list_are_known_by_what_names_them() {
        check(
            json!({"conditions": [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "True"}]}),
            json!({"conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "False"}]}),
            &[("conditions[Ready].status", Some("True"), Some("False"))],
        );
        check(
            json!({"args": ["a", "b"], "ports": [{"name": "x", "port": 1}, {"name": "x", "port": 2}]}),
            json!({"args": ["a"], "ports": [{"name": "x", "port": 1}, {"name": "x", "port": 3}]}),
            &[("args[1]", Some("b"), None), ("ports[1].port", Some("2"), Some("3"))],
        );
        check(
            json!({"images": [{"names": ["a@sha256:1", "a:1"], "sizeBytes": 1}]}),
            json!({"images": [{"names": ["b@sha256:2", "b:2"], "sizeBytes": 2}, {"names": ["a@sha256:1", "a:1"], "sizeBytes": 1}]}),
            &[("images[b:2]", None, Some(r#"{"names":["b@sha256:2","b:2"],"sizeBytes":2}"#))],
        );
    }
}
