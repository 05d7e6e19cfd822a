//! Walks over objects with the schema in hand: which fields an object has, what differs between two, two merged, and one
//! without some of its fields. Models `sigs.k8s.io/structured-merge-diff/typed`.

use serde_json::{Map, Value, json};

use crate::api::managed::set::FieldSet;
use crate::api::schema::merge::Shape;
use crate::api::schema::{Struct, Type};

/// What differs between two objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Only the second has it.
    pub added: FieldSet,
    /// Both have it, with different values.
    pub modified: FieldSet,
    /// Only the first has it.
    pub removed: FieldSet,
}

impl Comparison {
    /// What the second has otherwise than the first.
    pub fn changed(&self) -> FieldSet {
        self.added.union(&self.modified)
    }

    /// Whether there is no difference.
    pub fn is_same(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

/// Structs that a Go struct holds by value: they are there, empty, where nobody gave them.
const BY_VALUE: &[(&str, &str)] = &[
    ("Container", "resources"),
    ("CronJobSpec", "jobTemplate"),
    ("DaemonSetSpec", "template"),
    ("DaemonSetSpec", "updateStrategy"),
    ("DeploymentSpec", "strategy"),
    ("DeploymentSpec", "template"),
    ("Event", "source"),
    ("IngressStatus", "loadBalancer"),
    ("JobSpec", "template"),
    ("NodeStatus", "daemonEndpoints"),
    ("NodeStatus", "nodeInfo"),
    ("PersistentVolumeClaimSpec", "resources"),
    ("PodTemplate", "template"),
    ("ReplicaSetSpec", "template"),
    ("ServiceStatus", "loadBalancer"),
    ("StatefulSetSpec", "template"),
    ("StatefulSetSpec", "updateStrategy"),
];

/// What a field of a struct is where nobody gave it, if it is there at all.
fn by_value(of: Struct, field: &str) -> Option<Value> {
    match (of.name(), field) {
        ("PodSpec", "containers") => Some(Value::Null),
        (_, "metadata") => Some(json!({})),
        _ if of.is_custom() => None,
        (_, "spec" | "status") => Some(json!({})),
        of => BY_VALUE.contains(&of).then(|| json!({})),
    }
}

/// Puts empty structs where a Go struct holds them by value and nobody gave them.
pub fn fill_by_value(of: Struct, value: &mut Value) {
    let Value::Object(fields) = value else { return };
    for field in of.fields() {
        let empty = by_value(of, field.name).filter(|value| value.is_object() && field.name != "metadata");
        if let Some(empty) = empty.filter(|_| !fields.contains_key(field.name)) {
            fields.insert(field.name.into(), empty);
        }
        let Some(inner) = fields.get_mut(field.name) else { continue };
        match (&field.ty, inner) {
            (Type::List(item), Value::Array(items)) => {
                let Some(of) = item.as_struct() else { continue };
                items.iter_mut().for_each(|item| fill_by_value(of, item));
            }
            (ty, inner) => ty.as_struct().into_iter().for_each(|of| fill_by_value(of, inner)),
        }
    }
}

/// The shape of a field of a struct; fields that the schema does not have are leaves.
fn field_shape(of: Struct, name: &str) -> Shape {
    match of.field(name) {
        Some(field) => of.shape_of(field),
        None => of.extra().map_or(Shape::Leaf, Type::shape),
    }
}

/// The shape of what is there, where only the value tells it.
fn deduced(shape: Shape, values: &[Option<&Value>]) -> Shape {
    match shape {
        Shape::Deduced if values.iter().flatten().all(|value| value.is_object()) => Shape::Map(&Type::Deduced),
        Shape::Deduced => Shape::Leaf,
        shape => shape,
    }
}

/// The step of a path that leads to a field or a key.
fn field_step(name: &str) -> String {
    format!("f:{name}")
}

/// The step that leads to an item of a list.
///
/// # Errors
/// The item lacks a key.
fn key_step(item: &Value, keys: &[&str]) -> Result<String, String> {
    let mut found = Map::new();
    for key in keys {
        match item.get(*key) {
            Some(value) => drop(found.insert((*key).to_owned(), value.clone())),
            None if *key == "protocol" => drop(found.insert("protocol".into(), json!("TCP"))),
            None if keys.len() > 1 => {}
            None => {
                return Err(format!(
                    "associative list with keys has an element that omits key field {key:?} (and doesn't have default value)"
                ));
            }
        }
    }
    Ok(format!("k:{}", Value::Object(found)))
}

/// The items of a list with their steps; those whose step cannot be told are left out, and of equal ones all but the first.
fn items(list: Option<&Value>, shape: Shape) -> Vec<(String, &Value)> {
    let mut found: Vec<(String, &Value)> = Vec::new();
    for item in list.and_then(Value::as_array).into_iter().flatten() {
        let step = match shape {
            Shape::Keyed(_, keys) => key_step(item, keys),
            _ => Ok(format!("v:{item}")),
        };
        if let Ok(step) = step
            && !found.iter().any(|(have, _)| *have == step)
        {
            found.push((step, item));
        }
    }
    found
}

fn inner(shape: Shape) -> Shape {
    match shape {
        Shape::Keyed(of, _) => of.shape(),
        Shape::Map(item) => item.shape(),
        _ => Shape::Leaf,
    }
}

fn is_bare(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

/// What differs between two objects of a struct.
pub fn compare(of: Struct, old: &Value, new: &Value) -> Comparison {
    let mut found = Comparison::default();
    differ(&mut found, Some(old), Some(new), Shape::Struct(of), &mut Vec::new());
    found
}

fn differ(found: &mut Comparison, old: Option<&Value>, new: Option<&Value>, shape: Shape, path: &mut Vec<String>) {
    let shape = deduced(shape, &[old, new]);
    let leaf = matches!(shape, Shape::Leaf) || is_bare(old) && is_bare(new);
    match (old, new) {
        (None, None) => return,
        (None, Some(_)) => found.added.insert(path),
        (Some(_), None) => found.removed.insert(path),
        (Some(old), Some(new)) if leaf && old != new => found.modified.insert(path),
        _ => {}
    }
    if !leaf {
        for (step, old, new, shape) in pairs(old, new, shape, true) {
            path.push(step);
            differ(found, old.as_deref(), new.as_deref(), shape, path);
            path.pop();
        }
    }
}

/// The parts of two values that belong together.
type Pair<'a> = (String, Option<std::borrow::Cow<'a, Value>>, Option<std::borrow::Cow<'a, Value>>, Shape);

/// `filled`: with what is there by value where nobody gave it.
fn pairs<'a>(old: Option<&'a Value>, new: Option<&'a Value>, shape: Shape, filled: bool) -> Vec<Pair<'a>> {
    use std::borrow::Cow;
    if matches!(shape, Shape::Keyed(..) | Shape::Set) {
        let (olds, news) = (items(old, shape), items(new, shape));
        let of = |list: &[(String, &'a Value)], step: &str| list.iter().find(|(s, _)| s == step).map(|(_, v)| *v);
        let mut steps: Vec<String> = olds.iter().map(|(step, _)| step.clone()).collect();
        steps.extend(news.iter().map(|(step, _)| step.clone()).filter(|step| of(&olds, step).is_none()));
        return steps
            .into_iter()
            .map(|step| {
                let (a, b) = (of(&olds, &step).map(Cow::Borrowed), of(&news, &step).map(Cow::Borrowed));
                (step, a, b, inner(shape))
            })
            .collect();
    }
    let fields = |value: Option<&'a Value>| value.and_then(Value::as_object);
    let (olds, news) = (fields(old), fields(new));
    let mut names: Vec<&String> = olds.into_iter().chain(news).flat_map(Map::keys).collect();
    names.sort_unstable();
    names.dedup();
    let part = |map: Option<&'a Map<String, Value>>, name: &str| {
        let there = map.and_then(|map| map.get(name)).map(Cow::Borrowed);
        match shape {
            Shape::Struct(of) if filled && there.is_none() && map.is_some() => by_value(of, name).map(Cow::Owned),
            _ => there,
        }
    };
    let of_name = |name: &String| match shape {
        Shape::Struct(of) => field_shape(of, name),
        other => inner(other),
    };
    names.into_iter().map(|name| (field_step(name), part(olds, name), part(news, name), of_name(name))).collect()
}

/// The fields that an object of a struct gives.
///
/// # Errors
/// A field that the schema does not have, or an item without its keys: upstream's words.
pub fn fields(of: Struct, value: &Value) -> Result<FieldSet, String> {
    let mut set = FieldSet::default();
    collect(&mut set, value, Shape::Struct(of), &mut Vec::new())?;
    Ok(set)
}

fn collect(set: &mut FieldSet, value: &Value, shape: Shape, path: &mut Vec<String>) -> Result<(), String> {
    let shape = deduced(shape, &[Some(value)]);
    match (shape, value) {
        (Shape::Struct(_) | Shape::Map(_), Value::Object(map)) => {
            for (name, value) in map {
                path.push(field_step(name));
                let inside = match shape {
                    Shape::Struct(of) if of.field(name).is_none() && of.extra().is_none() => {
                        return Err(format!("{}: field not declared in schema", super::set::shown(path)));
                    }
                    Shape::Struct(of) => field_shape(of, name),
                    other => inner(other),
                };
                collect(set, value, inside, path)?;
                if matches!(shape, Shape::Map(_)) || is_bare(Some(value)) && !value.is_array() {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (Shape::Keyed(_, keys), Value::Array(list)) => {
            for (at, item) in list.iter().enumerate() {
                let step =
                    key_step(item, keys).map_err(|why| format!("{}: element {at}: {why}", super::set::shown(path)))?;
                path.push(step);
                collect(set, item, inner(shape), path)?;
                set.insert(path);
                path.pop();
            }
        }
        (Shape::Set, Value::Array(_)) => {
            for (step, _) in items(Some(value), shape) {
                path.push(step);
                set.insert(path);
                path.pop();
            }
        }
        (Shape::Struct(_) | Shape::Map(_) | Shape::Keyed(..) | Shape::Set, Value::Null) => {}
        _ => set.insert(path),
    }
    Ok(())
}

/// One object with another laid over it.
pub fn merge(of: Struct, live: &Value, config: &Value) -> Value {
    lay(Some(live), Some(config), Shape::Struct(of)).unwrap_or_default()
}

fn lay(live: Option<&Value>, config: Option<&Value>, shape: Shape) -> Option<Value> {
    let (Some(left), Some(right)) = (live, config) else { return config.or(live).cloned() };
    let shape = deduced(shape, &[live, config]);
    match (shape, left, right) {
        (Shape::Struct(_) | Shape::Map(_), Value::Object(_), Value::Object(_)) => {
            let mut merged = Map::new();
            for (step, left, right, shape) in pairs(live, config, shape, false) {
                let name = step.strip_prefix("f:").unwrap_or(&step).to_owned();
                if let Some(value) = lay(left.as_deref(), right.as_deref(), shape) {
                    merged.insert(name, value);
                }
            }
            Some(Value::Object(merged))
        }
        (Shape::Keyed(..) | Shape::Set, Value::Array(_), Value::Array(_)) => Some(lay_lists(left, right, shape)),
        _ => Some(right.clone()),
    }
}

/// Items of both in the order of the second; what only the first has stays before what followed it there.
fn lay_lists(live: &Value, config: &Value, shape: Shape) -> Value {
    let (left, right) = (items(Some(live), shape), items(Some(config), shape));
    let find = |list: &[(String, &Value)], step: &str| list.iter().position(|(have, _)| have == step);
    let mut merged = Vec::new();
    let mut at = 0;
    for (step, theirs) in &right {
        let ours = find(&left, step);
        if let Some(ours) = ours {
            while at < ours.max(at) {
                if find(&right, &left[at].0).is_none() {
                    merged.push(left[at].1.clone());
                }
                at += 1;
            }
            at = at.max(ours + 1);
        }
        merged.extend(lay(ours.map(|i| left[i].1), Some(theirs), inner(shape)));
    }
    merged
        .extend(left.iter().skip(at).filter(|(step, _)| find(&right, step).is_none()).map(|(_, item)| (*item).clone()));
    Value::Array(merged)
}

/// An object without some of its fields and items.
pub fn without(of: Struct, value: &Value, gone: &FieldSet) -> Value {
    cut(value, gone, Shape::Struct(of))
}

fn cut(value: &Value, gone: &FieldSet, shape: Shape) -> Value {
    let part = |step: &str, value: &Value, shape: Shape| {
        if gone.has_step(step) {
            return None;
        }
        Some(gone.below(step).map_or_else(|| value.clone(), |below| cut(value, below, shape)))
    };
    match (deduced(shape, &[Some(value)]), value) {
        (shape @ (Shape::Struct(_) | Shape::Map(_)), Value::Object(map)) => {
            let left = map.iter().filter_map(|(name, value)| {
                let inside = match shape {
                    Shape::Struct(of) => field_shape(of, name),
                    other => inner(other),
                };
                let left = part(&field_step(name), value, inside)?;
                // What had something in it and has nothing any more is gone with it.
                (!is_bare(Some(&left)) || is_bare(Some(value))).then(|| (name.clone(), left))
            });
            Value::Object(left.collect())
        }
        (shape @ (Shape::Keyed(..) | Shape::Set), Value::Array(_)) => {
            let left = items(Some(value), shape);
            Value::Array(left.iter().filter_map(|(step, item)| part(step, item, inner(shape))).collect())
        }
        _ => value.clone(),
    }
}

/// The fields of which nobody is the manager: what says what an object is, and what only the server writes.
pub fn strip(set: &mut FieldSet) {
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        set.remove(&["f:metadata", &field_step(name)]);
    }
    for name in ["apiVersion", "kind", "metadata"] {
        set.remove(&[&field_step(name)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, schema};

    const WEB: &str = r#"{"spec": {"replicas": 2, "template": {"spec": {"containers": [
        {"name": "a", "image": "x", "ports": [{"containerPort": 80}]}, {"name": "b"}]}}}}"#;

    fn web() -> Value {
        serde_json::from_str(WEB).expect("JSON")
    }

    #[test]
    fn an_object_has_the_fields_that_it_gives() {
        let set = fields(schema::of(Kind::Deployment), &web()).expect("it fits");
        assert_eq!(
            set.to_value(),
            json!({"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
                "k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:image": {}, "f:ports": {
                    "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}},
                "k:{\"name\":\"b\"}": {".": {}, "f:name": {}}}}}}})
        );
        let wrong = fields(schema::of(Kind::Deployment), &json!({"spec": {"replica": 1}}));
        assert_eq!(wrong, Err(".spec.replica: field not declared in schema".to_owned()));
    }

    #[test]
    fn what_differs_is_told_field_by_field() {
        let mut new = web();
        new["spec"]["replicas"] = json!(3);
        new["spec"]["template"]["spec"]["containers"] = json!([{"name": "b", "env": [{"name": "E", "value": "1"}]}]);
        let found = compare(schema::of(Kind::Deployment), &web(), &new);
        assert_eq!(found.modified.to_value(), json!({"f:spec": {"f:replicas": {}}}));
        let env = json!({".": {}, "k:{\"name\":\"E\"}": {".": {}, "f:name": {}, "f:value": {}}});
        let containers = json!({"k:{\"name\":\"b\"}": {"f:env": env}});
        assert_eq!(found.added.to_value(), json!({"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}}));
        assert!(found.removed.has(&[
            "f:spec".into(),
            "f:template".into(),
            "f:spec".into(),
            "f:containers".into(),
            r#"k:{"name":"a"}"#.into()
        ]));
    }

    #[test]
    fn what_is_not_given_stays_as_it_is() {
        let of = schema::of(Kind::Deployment);
        for spec in [json!({}), json!({"spec": {"template": {}}})] {
            let (mut config, mut merged) = (spec, web());
            config["metadata"] = json!({"annotations": {"a": "b"}});
            merged["metadata"] = config["metadata"].clone();
            assert_eq!(merge(of, &web(), &config), merged);
        }
    }

    #[test]
    fn items_are_laid_over_items_in_the_order_of_the_second() {
        let of = schema::of(Kind::Pod);
        let pod = |names: &[&str]| {
            let all: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"spec": {"containers": all}})
        };
        for (live, config, merged) in [
            (vec!["a", "b"], vec!["b", "c"], vec!["a", "b", "c"]),
            (vec!["a", "b"], vec!["b", "a"], vec!["b", "a"]),
            (vec!["a"], vec!["b"], vec!["b", "a"]),
        ] {
            let (live, config, merged) = (pod(&live), pod(&config), pod(&merged));
            assert_eq!(merge(of, &live, &config), merged);
        }
    }
}
