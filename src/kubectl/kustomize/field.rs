//! Walking to the fields that a transformer changes.
//!
//! A path is `spec/template/metadata/labels`; lists on the way are walked item by item, with `[]` or without; `\/` stands for
//! a slash within a name. Models `api/filters/fieldspec` of kustomize.

use serde_json::{Map, Value};

use super::id::Id;

/// Which field of which kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSpec {
    /// The group, or empty for any.
    pub group: String,
    /// The version, or empty for any.
    pub version: String,
    /// The kind, or empty for any.
    pub kind: String,
    /// The path.
    pub path: String,
    /// Whether it is made where it is missing.
    pub create: bool,
}

impl FieldSpec {
    /// Whether a resource's kind is meant.
    pub fn selects(&self, id: &Id) -> bool {
        let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        fits(&self.group, &id.group) && fits(&self.version, &id.version) && fits(&self.kind, &id.kind)
    }

    /// Calls `set` on every value at the path.
    pub fn each(&self, value: &mut Value, set: &mut dyn FnMut(&mut Value)) {
        let steps = steps(&self.path);
        let steps: Vec<&str> = steps.iter().map(|step| step.trim_end_matches("[]")).collect();
        walk(value, &steps, self.create, set);
    }
}

/// A path's steps.
fn steps(path: &str) -> Vec<String> {
    let hidden = path.replace("\\/", "\u{1}");
    hidden.split('/').filter(|step| !step.is_empty()).map(|step| step.replace('\u{1}', "/")).collect()
}

fn walk(value: &mut Value, steps: &[&str], create: bool, set: &mut dyn FnMut(&mut Value)) {
    let Some((step, rest)) = steps.split_first() else { return set(value) };
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, steps, create, set)),
        Value::Object(map) => {
            if create && map.get(*step).is_none_or(Value::is_null) {
                let made = if rest.is_empty() { Value::Null } else { Value::Object(Map::new()) };
                map.insert((*step).to_owned(), made);
            }
            if let Some(inner) = map.get_mut(*step) {
                walk(inner, rest, create, set);
            }
        }
        _ => {}
    }
}
