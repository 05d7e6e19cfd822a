//! The limits of rolling updates. Models `ValidatePositiveIntOrPercent`, `IsNotMoreThan100Percent` and their callers in
//! `pkg/apis/apps/validation/validation.go`.

use serde_json::json;

use super::error::{forbidden, invalid, invalid_form, not_negative, required, unsupported_form};
use super::go_form;
use crate::api::{
    DaemonSetUpdateStrategy, DeploymentStrategy, FieldError, IntOrString, RollingUpdateDaemonSet,
    RollingUpdateStatefulSet, StatefulSetUpdateStrategy, StrategyType,
};

const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// The number before a `%`.
fn percent(value: &IntOrString) -> Option<i64> {
    let IntOrString::String(text) = value else { return None };
    let digits = text.strip_suffix('%').filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))?;
    Some(digits.parse().unwrap_or(i64::MAX))
}

/// The number, of pods or of percents; a text that is neither counts as Go's `Atoi` has it.
fn amount(value: &IntOrString) -> i64 {
    match value {
        IntOrString::Int(count) => i64::from(*count),
        IntOrString::String(text) => percent(value).unwrap_or_else(|| text.parse().unwrap_or(0)),
    }
}

/// A number of pods, or a percentage.
pub fn count_or_percent(value: &IntOrString, field: &str, errors: &mut Vec<FieldError>) {
    match value {
        IntOrString::Int(count) => not_negative(field, i64::from(*count), errors),
        IntOrString::String(text) if percent(value).is_none() => errors.push(invalid(field, &json!(text), PERCENT)),
        IntOrString::String(_) => {}
    }
}

/// No more than all pods.
pub fn at_most_all(value: &IntOrString, field: &str, errors: &mut Vec<FieldError>) {
    if percent(value).is_some_and(|percent| percent > 100) {
        errors.push(invalid(field, &json!(value), "must not be greater than 100%"));
    }
}

/// How a Deployment replaces pods.
pub fn deployment(strategy: &DeploymentStrategy, field: &str, errors: &mut Vec<FieldError>) {
    let rolling = format!("{field}.rollingUpdate");
    match (&strategy.r#type, &strategy.rolling_update) {
        (StrategyType::Recreate, Some(_)) => {
            errors.push(forbidden(&rolling, "may not be specified when strategy `type` is 'Recreate'"));
        }
        (StrategyType::Recreate, None) => {}
        (StrategyType::RollingUpdate, None) => {
            errors.push(required(&rolling, "this should be defaulted and never be nil"));
        }
        (StrategyType::RollingUpdate, Some(update)) => {
            let (unavailable, surge) = (format!("{rolling}.maxUnavailable"), format!("{rolling}.maxSurge"));
            count_or_percent(&update.max_unavailable, &unavailable, errors);
            count_or_percent(&update.max_surge, &surge, errors);
            if amount(&update.max_unavailable) == 0 && amount(&update.max_surge) == 0 {
                let value = json!(update.max_unavailable);
                errors.push(invalid(&unavailable, &value, "may not be 0 when `maxSurge` is 0"));
            }
            at_most_all(&update.max_unavailable, &unavailable, errors);
        }
        (StrategyType::Unknown(_), _) => {
            let value = go_form::of("DeploymentStrategy", strategy);
            errors.push(unsupported_form(field, &value, &["Recreate", "RollingUpdate"]));
        }
    }
}

/// How a DaemonSet replaces pods.
pub fn daemon_set(strategy: &DaemonSetUpdateStrategy, field: &str, errors: &mut Vec<FieldError>) {
    match (strategy.r#type.as_str(), &strategy.rolling_update) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => errors.push(required(&format!("{field}.rollingUpdate"), "")),
        ("RollingUpdate", Some(update)) => daemon_update(update, &format!("{field}.rollingUpdate"), errors),
        _ => {
            let value = go_form::of("DaemonSetUpdateStrategy", strategy);
            errors.push(unsupported_form(field, &value, &["RollingUpdate", "OnDelete"]));
        }
    }
}

fn daemon_update(update: &RollingUpdateDaemonSet, field: &str, errors: &mut Vec<FieldError>) {
    let (unavailable, surge) = (format!("{field}.maxUnavailable"), format!("{field}.maxSurge"));
    count_or_percent(&update.max_unavailable, &unavailable, errors);
    count_or_percent(&update.max_surge, &surge, errors);
    at_most_all(&update.max_unavailable, &unavailable, errors);
    at_most_all(&update.max_surge, &surge, errors);
    match (amount(&update.max_unavailable) != 0, amount(&update.max_surge) != 0) {
        (true, true) => {
            let why = "may not be set when maxUnavailable is non-zero";
            errors.push(invalid(&surge, &json!(update.max_surge), why));
        }
        (false, false) => errors.push(required(&unavailable, "cannot be 0 when maxSurge is 0")),
        _ => {}
    }
}

/// How a StatefulSet replaces pods.
pub fn stateful_set(strategy: &StatefulSetUpdateStrategy, field: &str, errors: &mut Vec<FieldError>) {
    let rolling = format!("{field}.rollingUpdate");
    match (strategy.r#type.as_str(), &strategy.rolling_update) {
        ("", _) => errors.push(required(field, "")),
        ("OnDelete", Some(update)) => {
            let value = go_form::of("RollingUpdateStatefulSetStrategy", update);
            errors.push(invalid_form(&rolling, &value, "only allowed for updateStrategy 'RollingUpdate'"));
        }
        ("RollingUpdate", Some(update)) => stateful_update(update, &rolling, errors),
        ("OnDelete" | "RollingUpdate", None) => {}
        _ => {
            let value = go_form::of("StatefulSetUpdateStrategy", strategy);
            errors.push(invalid_form(field, &value, "must be 'RollingUpdate' or 'OnDelete'"));
        }
    }
}

fn stateful_update(update: &RollingUpdateStatefulSet, field: &str, errors: &mut Vec<FieldError>) {
    not_negative(&format!("{field}.partition"), i64::from(update.partition), errors);
    let Some(most) = &update.max_unavailable else { return };
    let field = format!("{field}.maxUnavailable");
    count_or_percent(most, &field, errors);
    if amount(most) == 0 {
        errors.push(invalid(&field, &json!(most), "cannot be 0"));
    }
    at_most_all(most, &field, errors);
}
