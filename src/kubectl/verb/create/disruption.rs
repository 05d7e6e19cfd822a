//! `kubectl create poddisruptionbudget`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/create/create_pdb.go`.

use serde_json::json;

use super::{Made, metadata, name};
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::verb::common;

/// A pod disruption budget.
pub fn budget(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let (least, most) = (ctx.args().text("min-available"), ctx.args().text("max-unavailable"));
    if ctx.args().text("selector").is_empty() {
        return fail("a selector must be specified");
    }
    let (flag, field, amount) = match (least, most) {
        ("", "") => return fail("one of min-available or max-unavailable must be specified"),
        (least, "") => ("min-available", "minAvailable", least),
        ("", most) => ("max-unavailable", "maxUnavailable", most),
        _ => return fail("min-available and max-unavailable cannot be both specified"),
    };
    let number = amount.strip_suffix('%').unwrap_or(amount);
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return fail(format!("invalid format specified for {flag}"));
    }
    let amount = match amount.parse::<i32>() {
        Ok(count) => json!(count),
        Err(_) => json!(amount),
    };
    let mut spec = json!({"selector": common::label_selector(ctx.args().text("selector"))?});
    spec[field] = amount;
    let object = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata(ctx, &name, true), "spec": spec,
        "status": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0},
    });
    Ok(Made { object, refusal: "failed to create poddisruptionbudgets: " })
}
