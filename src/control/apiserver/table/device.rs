//! Devices and the claims for them (`printResourceClaim` and the like).

use serde_json::{Value, json};

use super::{Column, text};
use crate::api::{ResourceClaim, ResourceSlice};

pub(super) const CLASS: &[Column] = &[text("Name"), text("Age")];
pub(super) const CLAIM: &[Column] = &[text("Name"), text("State"), text("Age")];
pub(super) const SLICE: &[Column] = &[text("Name"), text("Node"), text("Driver"), text("Pool"), text("Age")];

pub(super) fn claim(claim: &ResourceClaim, age: &str) -> Vec<Value> {
    vec![json!(claim.metadata.name), json!(state(claim)), json!(age)]
}

/// `pending`, `allocated,reserved`, with `deleted` before it.
fn state(claim: &ResourceClaim) -> String {
    let is_going = claim.metadata.deletion_timestamp.is_some();
    let reserved = claim.status.get("reservedFor").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    let allocated = claim.status.contains_key("allocation");
    let words = [
        ("deleted", is_going),
        ("pending", !is_going && !allocated),
        ("allocated", allocated),
        ("reserved", allocated && reserved),
    ];
    words.into_iter().filter(|(_, holds)| *holds).map(|(word, _)| word).collect::<Vec<_>>().join(",")
}

pub(super) fn slice(slice: &ResourceSlice, age: &str) -> Vec<Value> {
    let text = |name: &str| slice.spec.get(name).and_then(Value::as_str).unwrap_or("");
    let pool = slice.spec.get("pool").and_then(|pool| pool["name"].as_str()).unwrap_or("");
    vec![json!(slice.metadata.name), json!(text("nodeName")), json!(text("driver")), json!(pool), json!(age)]
}
