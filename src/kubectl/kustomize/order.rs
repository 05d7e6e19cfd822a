//! The order of output: as the resources came, or, where nothing else is said, what others need first.
//!
//! Models `api/internal/builtins/SortOrderTransformer.go` of kustomize.

use std::cmp::Ordering;

use serde_json::Value;

use super::id::Id;
use super::item::Item;
use super::spec::texts;
use super::tables;
use crate::kubectl::json::text;
use crate::sim::merge_sort_by;

/// Orders resources as the kustomization at the top asks for.
pub fn sort(items: &mut Vec<Item>, file: &Value) -> Result<(), String> {
    let options = &file["sortOptions"];
    match text(options, "order") {
        "fifo" => return Ok(()),
        "" | "legacy" => {}
        other => {
            return Err(format!(
                "the field 'sortOptions.order' must be one of [legacy, fifo], the field 'sortOptions.order' is {other:?}"
            ));
        }
    }
    let legacy = &options["legacySortOptions"];
    let (first, last) = match legacy.is_null() {
        true => (tables::FIRST.to_vec(), tables::LAST.to_vec()),
        false => (texts(legacy, "orderFirst"), texts(legacy, "orderLast")),
    };
    merge_sort_by(items, &mut |a: &Item, b: &Item| compare(&a.id(), &b.id(), &first, &last));
    Ok(())
}

fn compare(a: &Id, b: &Id, first: &[&str], last: &[&str]) -> Ordering {
    let place = |id: &Id| {
        let at = |list: &[&str]| list.iter().position(|kind| *kind == id.kind).and_then(|at| i32::try_from(at).ok());
        let length = i32::try_from(first.len()).unwrap_or(i32::MAX);
        at(first).map(|at| at - length).or_else(|| at(last).map(|at| at + 1)).unwrap_or(0)
    };
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    let kind = |id: &Id| format!("{}_{}_{}", or(&id.group, "~G"), or(&id.version, "~V"), or(&id.kind, "~K"));
    let whole = |id: &Id| format!("{}|{}|{}", kind(id), or(&id.namespace, "~X"), or(&id.name, "~N"));
    place(a).cmp(&place(b)).then_with(|| whole(a).cmp(&whole(b)))
}
