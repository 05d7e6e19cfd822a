//! One resource on its way through a build, and all of them in order.
//!
//! Models `api/resource` and `api/resmap` of kustomize.

use serde_json::{Value, json};

use super::id::Id;
use crate::kubectl::json::{entries, object_at, text_at};

/// What a generated resource does to one that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// There must be none.
    #[default]
    Create,
    /// It takes the other's place.
    Replace,
    /// It is merged into the other.
    Merge,
}

/// A resource on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The object; null once a patch has deleted it.
    pub value: Value,
    /// Who it was, oldest first.
    pub before: Vec<Id>,
    /// The prefixes that its name got, innermost first.
    pub prefixes: Vec<String>,
    /// The suffixes that its name got, innermost first.
    pub suffixes: Vec<String>,
    /// Whether its name gets a hash of its content.
    pub hash: bool,
    /// What it does to one that is there already.
    pub behavior: Behavior,
}

impl Item {
    /// An object that no transformer has seen.
    pub fn new(value: Value) -> Item {
        let (before, prefixes, suffixes) = (Vec::new(), Vec::new(), Vec::new());
        Item { value, before, prefixes, suffixes, hash: false, behavior: Behavior::Create }
    }

    /// Who it is.
    pub fn id(&self) -> Id {
        Id::of(&self.value)
    }

    /// Who it was in its file.
    pub fn origin(&self) -> Id {
        self.before.first().cloned().unwrap_or_else(|| self.id())
    }

    /// Whether it is, or was, this one.
    pub fn is_or_was(&self, id: &Id) -> bool {
        self.before.iter().any(|before| before.equals(id)) || self.id().equals(id)
    }

    /// Remembers who it is before that changes.
    pub fn remember(&mut self) {
        self.before.push(self.id());
    }

    /// Gives it a name.
    pub fn rename(&mut self, name: &str) {
        object_at(&mut self.value, &["metadata"]).insert("name".into(), json!(name));
    }

    /// Whether the names of both were changed in the same layers.
    pub fn has_affixes_of(&self, other: &Item) -> bool {
        let same_end = |a: &[String], b: &[String]| {
            a.is_empty() || b.is_empty() || a.iter().rev().zip(b.iter().rev()).all(|(a, b)| a == b)
        };
        same_end(&self.prefixes, &other.prefixes) && same_end(&self.suffixes, &other.suffixes)
    }
}

/// Adds a resource from a file.
pub fn append(items: &mut Vec<Item>, item: Item) -> Result<(), String> {
    let id = item.id();
    if items.iter().any(|other| other.id().equals(&id)) {
        return Err(format!("may not add resource with an already registered id: {id}"));
    }
    items.push(item);
    Ok(())
}

/// Adds a generated resource, or puts it over or into the one that it names.
pub fn absorb(items: &mut Vec<Item>, mut item: Item) -> Result<(), String> {
    let id = item.id();
    let found: Vec<usize> = (0..items.len()).filter(|i| items[*i].is_or_was(&id)).collect();
    match (found.as_slice(), item.behavior) {
        ([], Behavior::Create) => append(items, item),
        ([], _) => Err(format!("id {} does not exist; cannot merge or replace", id.go_syntax())),
        ([_], Behavior::Create) => Err(format!("id {} exists; behavior must be merge or replace", id.go_syntax())),
        ([at], behavior) => {
            take_over(&mut item, &items[*at]);
            if behavior == Behavior::Merge {
                for map in ["data", "binaryData"] {
                    under(&mut item.value, &[map], &items[*at].value);
                }
            }
            items[*at] = item;
            Ok(())
        }
        (_, _) => Err(format!("found multiple objects that could accept merge of {id}")),
    }
}

/// What a generated resource keeps of the one whose place it takes.
fn take_over(item: &mut Item, old: &Item) {
    for map in ["labels", "annotations"] {
        under(&mut item.value, &["metadata", map], &old.value);
    }
    item.rename(text_at(&old.value, &["metadata", "name"]));
    let namespace = text_at(&old.value, &["metadata", "namespace"]).to_owned();
    if !namespace.is_empty() {
        object_at(&mut item.value, &["metadata"]).insert("namespace".into(), json!(namespace));
    }
    (item.before, item.prefixes, item.suffixes) = (old.before.clone(), old.prefixes.clone(), old.suffixes.clone());
    item.hash |= old.hash;
    item.behavior = old.behavior;
}

/// Adds the entries of another object's map that this one does not have.
fn under(value: &mut Value, path: &[&str], old: &Value) {
    for (key, given) in entries(old, path) {
        object_at(value, path).entry(key).or_insert_with(|| given.clone());
    }
}
