//! PodDisruptionBudgets. Models `pkg/apis/policy/validation/validation.go`.

use serde_json::json;

use super::error::{not_negative, unsupported};
use super::{rollout, selector};
use crate::api::{FieldError, PodDisruptionBudget};

/// A new or changed budget.
pub fn budget(budget: &PodDisruptionBudget, errors: &mut Vec<FieldError>) {
    let spec = &budget.spec;
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        // Upstream shows its internal struct, with Go's names in Go's order.
        let shown = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
            json!(spec.min_available),
            json!(spec.selector),
            json!(spec.max_unavailable),
            json!(spec.unhealthy_pod_eviction_policy)
        );
        let message = format!("Invalid value: {shown}: minAvailable and maxUnavailable cannot be both set");
        errors.push(FieldError { reason: "FieldValueInvalid", field: "spec".into(), message });
    }
    for (name, value) in [("minAvailable", &spec.min_available), ("maxUnavailable", &spec.max_unavailable)] {
        if let Some(value) = value {
            let field = format!("spec.{name}");
            rollout::count_or_percent(value, &field, errors);
            rollout::at_most_all(value, &field, errors);
        }
    }
    if let Some(selector) = &spec.selector {
        selector::label_selector(selector, "spec.selector", errors);
    }
    if let Some(word) = &spec.unhealthy_pod_eviction_policy {
        let known = ["AlwaysAllow", "IfHealthyBudget"];
        if !known.contains(&word.as_str()) {
            errors.push(unsupported("spec.unhealthyPodEvictionPolicy", word, &known));
        }
    }
}

/// A changed budget's status.
pub fn budget_status(budget: &PodDisruptionBudget, errors: &mut Vec<FieldError>) {
    let status = &budget.status;
    for (name, count) in [
        ("disruptionsAllowed", status.disruptions_allowed),
        ("currentHealthy", status.current_healthy),
        ("desiredHealthy", status.desired_healthy),
        ("expectedPods", status.expected_pods),
    ] {
        not_negative(&format!("status.{name}"), i64::from(count), errors);
    }
}
