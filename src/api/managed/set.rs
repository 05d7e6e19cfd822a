//! Sets of fields, as managed fields keep them. Models `sigs.k8s.io/structured-merge-diff/fieldpath`.
//!
//! A step of a path is kept as it is written (`FieldsV1`): `f:replicas` a field or a key of a map, `k:{"name":"web"}` an item
//! of a list by its keys, `v:"x"` a value of a set.

use serde_json::{Map, Value};

use crate::sim::VecMap;

/// A set of paths, as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSet {
    /// What comes after each step.
    children: VecMap<String, FieldSet>,
    /// Whether the path that leads here is in the set.
    member: bool,
}

impl FieldSet {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// Adds a path; the empty one is in no set.
    pub fn insert(&mut self, path: &[String]) {
        let mut at = self;
        for step in path {
            at = at.children.entry(step.clone()).or_default();
        }
        at.member = !path.is_empty();
    }

    /// Whether a path is in it.
    pub fn has(&self, path: &[String]) -> bool {
        let mut at = self;
        for step in path {
            match at.children.get(step) {
                Some(next) => at = next,
                None => return false,
            }
        }
        at.member
    }

    /// Whether the path of one step is in it.
    pub fn has_step(&self, step: &str) -> bool {
        self.children.get(step).is_some_and(|at| at.member)
    }

    /// What it has below a step.
    pub fn below(&self, step: &str) -> Option<&FieldSet> {
        self.children.get(step)
    }

    /// Removes one path, and nothing below it.
    pub fn remove(&mut self, path: &[&str]) {
        match path {
            [] => self.member = false,
            [step, rest @ ..] => {
                if let Some(next) = self.children.get_mut(*step) {
                    next.remove(rest);
                    if next.is_empty() {
                        self.children.remove(*step);
                    }
                }
            }
        }
    }

    /// What is in either.
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut all = self.clone();
        all.member |= other.member;
        for (step, theirs) in &other.children {
            let ours = all.children.entry(step.clone()).or_default();
            *ours = ours.union(theirs);
        }
        all
    }

    /// What is in both.
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let both = |(step, ours): (&String, &FieldSet)| {
            let common = ours.intersection(other.children.get(step)?);
            (!common.is_empty()).then(|| (step.clone(), common))
        };
        FieldSet { children: self.children.iter().filter_map(both).collect(), member: self.member && other.member }
    }

    /// What is in this one only.
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        let only = |(step, ours): (&String, &FieldSet)| {
            let left = match other.children.get(step) {
                Some(theirs) => ours.difference(theirs),
                None => ours.clone(),
            };
            (!left.is_empty()).then(|| (step.clone(), left))
        };
        FieldSet { children: self.children.iter().filter_map(only).collect(), member: self.member && !other.member }
    }

    /// Every path of it, in order.
    pub fn paths(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect(&self, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        if self.member {
            found.push(path.clone());
        }
        for (step, next) in &self.children {
            path.push(step.clone());
            next.collect(path, found);
            path.pop();
        }
    }

    /// Its `FieldsV1` form.
    pub fn to_value(&self) -> Value {
        let mut fields = Map::new();
        for (step, next) in &self.children {
            let mut inside = next.to_value();
            if next.member && !next.children.is_empty() {
                inside["."] = Value::Object(Map::new());
            }
            fields.insert(step.clone(), inside);
        }
        Value::Object(fields)
    }

    /// From its `FieldsV1` form; steps of an unknown form are left out.
    pub fn from_value(value: &Value) -> FieldSet {
        let mut set = FieldSet::default();
        for (step, inside) in value.as_object().into_iter().flatten() {
            if !matches!(step.as_bytes(), [b'f' | b'k' | b'v' | b'i', b':', ..]) {
                continue;
            }
            let mut next = FieldSet::from_value(inside);
            next.member = next.children.is_empty() || inside.get(".").is_some();
            set.children.insert(step.clone(), next);
        }
        set
    }
}

/// A path as messages show it: `.spec.containers[name="web"].image`.
pub fn shown(path: &[String]) -> String {
    path.iter().map(|step| step_shown(step)).collect()
}

fn step_shown(step: &str) -> String {
    match step.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("v", value)) => format!("[={value}]"),
        Some(("k", keys)) => {
            let keys: Value = serde_json::from_str(keys).unwrap_or_default();
            let keys = keys.as_object().into_iter().flatten();
            let words: Vec<String> = keys.map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", words.join(","))
        }
        Some((_, index)) => format!("[{index}]"),
        None => step.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_keeps_its_form() {
        let value =
            json!({"f:spec": {"f:replicas": {}, "f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}}}}});
        let set = FieldSet::from_value(&value);
        assert_eq!(set.to_value(), value);
        let shown: Vec<String> = set.paths().iter().map(|path| shown(path)).collect();
        assert_eq!(shown, [r#".spec.containers[name="a"]"#, r#".spec.containers[name="a"].image"#, ".spec.replicas"]);
    }

    #[test]
    fn sets_are_joined_cut_and_taken_from_each_other() {
        let a = FieldSet::from_value(&json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}}));
        let b = FieldSet::from_value(&json!({"f:a": {}, "f:d": {}}));
        assert_eq!(a.union(&b).to_value(), json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}, "f:d": {}}));
        assert_eq!(a.intersection(&b).to_value(), json!({"f:a": {}}));
        assert_eq!(a.difference(&b).to_value(), json!({"f:a": {"f:b": {}}, "f:c": {}}));
    }
}
