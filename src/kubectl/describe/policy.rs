//! `describe` of PodDisruptionBudget.

use serde_json::Value;

use super::events;
use super::page::{Page, selector};
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::{at, int_at, plain};

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
