//! References by name, set right once all names are what they will be.
//!
//! Models `api/filters/nameref` of kustomize.

use serde_json::{Value, json};

use super::id::Id;
use super::item::Item;
use super::tables::{self, Reference};
use crate::api::yaml::to_yaml;
use crate::kubectl::json::{text, text_at};

/// Sets all references right.
pub fn fix(items: &mut [Item]) -> Result<(), String> {
    let references = tables::references();
    for i in 0..items.len() {
        let id = items[i].id();
        for reference in references.iter().filter(|reference| reference.field.selects(&id)) {
            let mut value = items[i].value.clone();
            let mut failed = None;
            reference.field.each(&mut value, &mut |value| {
                if let Err(why) = set(items, &items[i], reference, value) {
                    failed.get_or_insert(why);
                }
            });
            if let Some(why) = failed {
                let path = &reference.field.path;
                return Err(format!("updating name reference in '{path}' field of '{id}': {why}"));
            }
            items[i].value = value;
        }
    }
    Ok(())
}

fn set(items: &[Item], referrer: &Item, reference: &Reference, value: &mut Value) -> Result<(), String> {
    match value {
        Value::String(name) => {
            if let Some(found) = target(items, referrer, reference, name, None)? {
                *value = json!(text_at(&found.value, &["metadata", "name"]));
            }
            Ok(())
        }
        Value::Array(all) => all.iter_mut().try_for_each(|value| set(items, referrer, reference, value)),
        Value::Object(_) => {
            let (name, namespace) = (text(value, "name").to_owned(), value.get("namespace").and_then(Value::as_str));
            let Some(found) = target(items, referrer, reference, &name, namespace)? else { return Ok(()) };
            value["name"] = json!(text_at(&found.value, &["metadata", "name"]));
            let namespace = text_at(&found.value, &["metadata", "namespace"]);
            if !namespace.is_empty() {
                value["namespace"] = json!(namespace);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What is referred to by this name, and, where the reference says one, namespace.
fn target<'a>(
    items: &'a [Item],
    referrer: &Item,
    reference: &Reference,
    name: &str,
    namespace: Option<&str>,
) -> Result<Option<&'a Item>, String> {
    let from = referrer.id();
    let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
    let kind = |id: &Id| {
        fits(reference.group, &id.group) && fits(reference.version, &id.version) && fits(reference.kind, &id.kind)
    };
    let role = &referrer.value["roleRef"];
    let in_role = |id: &Id| {
        !reference.field.path.ends_with("roleRef/name")
            || (fits(text(role, "apiGroup"), &id.group) && fits(text(role, "kind"), &id.kind))
    };
    let near = |item: &Item| {
        let id = item.id();
        from.is_cluster_wide()
            || id.is_cluster_wide()
            || id.kind == "ServiceAccount"
            || id.namespace_that_counts() == from.namespace_that_counts()
    };
    let by_namespace = |get: fn(&Item) -> Id| {
        items
            .iter()
            .filter(|item| namespace.is_none_or(|namespace| get(item).namespace_that_counts() == namespace))
            .collect::<Vec<&Item>>()
    };
    let mut found = by_namespace(Item::origin);
    if found.is_empty() {
        found = by_namespace(Item::id);
    }
    found.retain(|item| item.before.iter().any(|id| id.name == name));
    found.retain(|item| item.before.iter().any(kind) && item.before.iter().any(in_role) && near(item));
    if let [one] = found[..] {
        return Ok(Some(one));
    }
    found.retain(|item| item.has_affixes_of(referrer));
    let name_of = |item: &Item| text_at(&item.value, &["metadata", "name"]).to_owned();
    match found.as_slice() {
        [] => Ok(None),
        [first, rest @ ..] if rest.iter().all(|item| name_of(item) == name_of(first)) => Ok(Some(first)),
        many => Err(too_many(referrer, many)),
    }
}

fn too_many(referrer: &Item, found: &[&Item]) -> String {
    let ids: Vec<String> = found.iter().map(|item| item.id().to_string()).collect();
    let mut text = format!(
        " found multiple possible referrals: {}\n\n**** Too many possible referral targets to referrer:\n{}\n",
        ids.join(", "),
        to_yaml(&referrer.value)
    );
    for (i, item) in found.iter().enumerate() {
        text.push_str(&format!("--- possible referral {i}:\n{}\n", to_yaml(&item.value)));
    }
    text
}
