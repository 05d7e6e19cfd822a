//! `describe` of PodDisruptionBudget and PriorityClass.

use serde_json::Value;

use super::events;
use super::page::{Page, selector};
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::{at, bool_at, entries, int_at, plain, text};

/// Describes a PodDisruptionBudget.
pub fn budget(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    let limits = [("Min available", "minAvailable"), ("Max unavailable", "maxUnavailable")];
    if let Some((title, field)) = limits.into_iter().find(|(_, field)| !at(object, &["spec", field]).is_null()) {
        page.pair(0, title, plain(at(object, &["spec", field])));
    }
    let chosen = match at(object, &["spec", "selector"]) {
        Value::Null => "<unset>".into(),
        some => Some(selector(some)).filter(|text| !text.is_empty()).unwrap_or_else(|| "<none>".into()),
    };
    page.pair(0, "Selector", chosen);
    page.line(0, "Status:");
    for (title, field) in [
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ] {
        page.pair(2, title, int_at(object, &["status", field]).unwrap_or(0).to_string());
    }
    events::append(ctx, &mut page, "PodDisruptionBudget", object)?;
    Ok(page.finish())
}

/// Describes a PriorityClass.
pub fn priority_class(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.pair(0, "Value", int_at(object, &["value"]).unwrap_or(0).to_string());
    page.pair(0, "GlobalDefault", bool_at(object, &["globalDefault"]).to_string());
    page.pair(0, "PreemptionPolicy", text(object, "preemptionPolicy"));
    page.pair(0, "Description", text(object, "description"));
    let notes: Vec<String> = entries(object, &["metadata", "annotations"])
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    page.pair(0, "Annotations", if notes.is_empty() { "<none>".to_owned() } else { notes.join(",") });
    events::append(ctx, &mut page, "PriorityClass", object)?;
    Ok(page.finish())
}
