//! Budgets, priorities, ranges and quotas (`printPodDisruptionBudget`, `printPriorityClass`, `printLimitRange`,
//! `printResourceQuota`).

use serde_json::{Value, json};

use super::{Column, number, text, wide};
use crate::api::{IntOrString, LimitRange, PodDisruptionBudget, PriorityClass, ResourceQuota};

pub(super) const BUDGET: &[Column] =
    &[text("Name"), text("Min Available"), text("Max Unavailable"), number("Allowed Disruptions"), text("Age")];

pub(super) fn budget(budget: &PodDisruptionBudget, age: &str) -> Vec<Value> {
    let limit = |value: &Option<IntOrString>| value.as_ref().map_or_else(|| "N/A".into(), IntOrString::to_string);
    vec![
        json!(budget.metadata.name),
        json!(limit(&budget.spec.min_available)),
        json!(limit(&budget.spec.max_unavailable)),
        json!(budget.status.disruptions_allowed),
        json!(age),
    ]
}

pub(super) const PRIORITY: &[Column] = &[
    text("Name"),
    number("Value"),
    Column { name: "Global-Default", r#type: "boolean", priority: 0 },
    text("Age"),
    wide("PreemptionPolicy"),
];

pub(super) fn priority(class: &PriorityClass, age: &str) -> Vec<Value> {
    vec![
        json!(class.metadata.name),
        json!(class.value),
        json!(class.global_default),
        json!(age),
        json!(class.preemption_policy.as_deref().unwrap_or("")),
    ]
}

pub(super) const RANGE: &[Column] = &[text("Name"), text("Created At")];

pub(super) fn range(range: &LimitRange) -> Vec<Value> {
    let made = range.metadata.creation_timestamp.map_or_else(String::new, |at| at.to_string());
    vec![json!(range.metadata.name), json!(made)]
}

pub(super) const QUOTA: &[Column] = &[text("Name"), text("Request"), text("Limit"), text("Age")];

pub(super) fn quota(quota: &ResourceQuota, age: &str) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (name, hard) in &quota.status.hard {
        let used = quota.status.used.get(name).map_or_else(|| "0".to_owned(), ToString::to_string);
        let column = if name.starts_with("limits") { &mut limits } else { &mut requests };
        column.push(format!("{name}: {used}/{hard}"));
    }
    vec![json!(quota.metadata.name), json!(requests.join(", ")), json!(limits.join(", ")), json!(age)]
}
