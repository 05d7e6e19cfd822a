//! Deployments and ReplicaSets. Models `pkg/apis/apps/validation/validation.go` and `ValidateLabelSelector`.

use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, not_negative, required, unsupported};
use super::{names, pod};
use crate::api::labels::Selector;
use crate::api::{
    Deployment, DeploymentStrategy, FieldError, IntOrString, LabelSelector, PodTemplateSpec, ReplicaSet, RestartPolicy,
    StrategyType,
};

/// A new deployment.
pub fn deployment(deployment: &Deployment, errors: &mut Vec<FieldError>) {
    let spec = &deployment.spec;
    not_negative("spec.replicas", i64::from(spec.replicas), errors);
    let selects = selector(&spec.selector, errors);
    template(&spec.template, &spec.selector, selects, errors);
    strategy(&spec.strategy, errors);
    not_negative("spec.minReadySeconds", i64::from(spec.min_ready_seconds), errors);
    not_negative("spec.revisionHistoryLimit", i64::from(spec.revision_history_limit), errors);
    let deadline = spec.progress_deadline_seconds;
    not_negative("spec.progressDeadlineSeconds", i64::from(deadline), errors);
    if deadline <= spec.min_ready_seconds {
        let why = "must be greater than minReadySeconds";
        errors.push(invalid("spec.progressDeadlineSeconds", &json!(deadline), why));
    }
}

/// A new replica set.
pub fn replica_set(set: &ReplicaSet, errors: &mut Vec<FieldError>) {
    not_negative("spec.replicas", i64::from(set.spec.replicas), errors);
    not_negative("spec.minReadySeconds", i64::from(set.spec.min_ready_seconds), errors);
    let selects = selector(&set.spec.selector, errors);
    template(&set.spec.template, &set.spec.selector, selects, errors);
}

/// Whether the selector can be compared with labels.
fn selector(selector: &LabelSelector, errors: &mut Vec<FieldError>) -> bool {
    if selector.match_labels.is_empty() && selector.match_expressions.is_empty() {
        errors.push(required("spec.selector", ""));
        return true;
    }
    let before = errors.len();
    label_selector(selector, "spec.selector", errors);
    if errors.len() > before {
        errors.push(invalid("spec.selector", &shown(selector), "invalid label selector"));
        return false;
    }
    true
}

fn shown(selector: &LabelSelector) -> Value {
    serde_json::to_value(selector).unwrap_or(Value::Null)
}

/// A label selector.
pub fn label_selector(selector: &LabelSelector, field: &str, errors: &mut Vec<FieldError>) {
    super::meta::labels(&selector.match_labels, &format!("{field}.matchLabels"), errors);
    for (at, one) in selector.match_expressions.iter().enumerate() {
        let field = format!("{field}.matchExpressions[{at}]");
        let values = format!("{field}.values");
        match one.operator.as_str() {
            "In" | "NotIn" if one.values.is_empty() => {
                errors.push(required(&values, "must be specified when `operator` is 'In' or 'NotIn'"));
            }
            "Exists" | "DoesNotExist" if !one.values.is_empty() => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(forbidden(&values, why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                errors.push(invalid(&format!("{field}.operator"), &json!(other), "not a valid selector operator"));
            }
        }
        each(&format!("{field}.key"), &one.key, names::qualified_name(&one.key), errors);
        for (index, value) in one.values.iter().enumerate() {
            each(&format!("{values}[{index}]"), value, names::label_value(value), errors);
        }
    }
}

fn template(template: &PodTemplateSpec, selector: &LabelSelector, selects: bool, errors: &mut Vec<FieldError>) {
    let empty = selector.match_labels.is_empty() && selector.match_expressions.is_empty();
    if selects && (empty || !Selector::from(selector).matches(&template.metadata.labels)) {
        let labels = match template.metadata.labels.is_empty() {
            true => Value::Null,
            false => json!(template.metadata.labels),
        };
        let why = "`selector` does not match template `labels`";
        errors.push(invalid("spec.template.metadata.labels", &labels, why));
    }
    pod::template(template, "spec.template", errors);
    if template.spec.restart_policy != RestartPolicy::Always {
        let field = "spec.template.spec.restartPolicy";
        errors.push(unsupported(field, template.spec.restart_policy.as_str(), &["Always"]));
    }
    if template.spec.active_deadline_seconds.is_some() {
        errors.push(forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            "activeDeadlineSeconds in ReplicaSet is not Supported",
        ));
    }
}

fn strategy(strategy: &DeploymentStrategy, errors: &mut Vec<FieldError>) {
    let rolling = "spec.strategy.rollingUpdate";
    match (&strategy.r#type, &strategy.rolling_update) {
        (StrategyType::Recreate, Some(_)) => {
            errors.push(forbidden(rolling, "may not be specified when strategy `type` is 'Recreate'"));
        }
        (StrategyType::Recreate, None) => {}
        (StrategyType::RollingUpdate, None) => {
            errors.push(required(rolling, "this should be defaulted and never be nil"));
        }
        (StrategyType::RollingUpdate, Some(update)) => {
            let (unavailable, surge) = (format!("{rolling}.maxUnavailable"), format!("{rolling}.maxSurge"));
            count_or_percent(&update.max_unavailable, &unavailable, errors);
            count_or_percent(&update.max_surge, &surge, errors);
            if is_zero(&update.max_unavailable) && is_zero(&update.max_surge) {
                let value = json!(update.max_unavailable);
                errors.push(invalid(&unavailable, &value, "may not be 0 when `maxSurge` is 0"));
            }
            at_most_all(&update.max_unavailable, &unavailable, errors);
        }
        (StrategyType::Unknown(word), _) => {
            let supported = ["Recreate", "RollingUpdate"];
            errors.push(unsupported("spec.strategy.type", word, &supported));
        }
    }
}

fn percent(value: &IntOrString) -> Option<i32> {
    match value {
        IntOrString::String(text) => text.strip_suffix('%')?.parse().ok(),
        IntOrString::Int(_) => None,
    }
}

fn is_zero(value: &IntOrString) -> bool {
    *value == IntOrString::Int(0) || percent(value) == Some(0)
}

/// A number of pods, or a percentage.
pub fn count_or_percent(value: &IntOrString, field: &str, errors: &mut Vec<FieldError>) {
    match value {
        IntOrString::Int(count) => not_negative(field, i64::from(*count), errors),
        IntOrString::String(text) => {
            let digits = text.strip_suffix('%').unwrap_or("");
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
                errors.push(invalid(field, &json!(text), why));
            }
        }
    }
}

/// `must not be greater than 100%`, if it is.
pub fn at_most_all(value: &IntOrString, field: &str, errors: &mut Vec<FieldError>) {
    if percent(value).is_some_and(|p| p > 100) {
        errors.push(invalid(field, &json!(value), "must not be greater than 100%"));
    }
}

/// A changed deployment.
pub fn deployment_update(new: &Deployment, old: &Deployment, errors: &mut Vec<FieldError>) {
    deployment(new, errors);
    if new.spec.selector != old.spec.selector {
        errors.push(invalid("spec.selector", &shown(&new.spec.selector), "field is immutable"));
    }
}

/// A changed replica set.
pub fn replica_set_update(new: &ReplicaSet, old: &ReplicaSet, errors: &mut Vec<FieldError>) {
    replica_set(new, errors);
    if new.spec.selector != old.spec.selector {
        errors.push(invalid("spec.selector", &shown(&new.spec.selector), "field is immutable"));
    }
}

/// Numbers of a status, and that none is greater than another.
fn counts(counts: &[(&str, i64)], relations: &[(&str, &str)], errors: &mut Vec<FieldError>) {
    let of = |name: &str| counts.iter().find(|(n, _)| *n == name).map_or(0, |(_, v)| *v);
    for (name, value) in counts {
        not_negative(&format!("status.{name}"), *value, errors);
    }
    for (small, great) in relations {
        if of(small) > of(great) {
            let why =
                format!("cannot be greater than {}", if *great == "replicas" { "status.replicas" } else { great });
            errors.push(invalid(&format!("status.{small}"), &json!(of(small)), &why));
        }
    }
}

/// A changed deployment's status.
pub fn deployment_status(new: &Deployment, old: &Deployment, errors: &mut Vec<FieldError>) {
    let s = &new.status;
    let all = [
        ("observedGeneration", s.observed_generation),
        ("replicas", i64::from(s.replicas)),
        ("updatedReplicas", i64::from(s.updated_replicas)),
        ("readyReplicas", i64::from(s.ready_replicas)),
        ("availableReplicas", i64::from(s.available_replicas)),
        ("unavailableReplicas", i64::from(s.unavailable_replicas)),
        ("terminatingReplicas", i64::from(s.terminating_replicas.unwrap_or(0))),
    ];
    let relations = [
        ("updatedReplicas", "replicas"),
        ("readyReplicas", "replicas"),
        ("availableReplicas", "replicas"),
        ("availableReplicas", "readyReplicas"),
    ];
    counts(&all, &relations, errors);
    match (new.status.collision_count, old.status.collision_count) {
        (new, Some(old)) if new.unwrap_or(0) < old => {
            let value = new.map_or(Value::Null, |n| json!(n));
            errors.push(invalid("status.collisionCount", &value, "cannot be decremented"));
        }
        _ => {}
    }
}

/// A changed replica set's status.
pub fn replica_set_status(new: &ReplicaSet, errors: &mut Vec<FieldError>) {
    let s = &new.status;
    let all = [
        ("replicas", i64::from(s.replicas)),
        ("fullyLabeledReplicas", i64::from(s.fully_labeled_replicas)),
        ("readyReplicas", i64::from(s.ready_replicas)),
        ("availableReplicas", i64::from(s.available_replicas)),
        ("terminatingReplicas", i64::from(s.terminating_replicas.unwrap_or(0))),
        ("observedGeneration", s.observed_generation),
    ];
    let relations = [
        ("fullyLabeledReplicas", "replicas"),
        ("readyReplicas", "replicas"),
        ("availableReplicas", "replicas"),
        ("availableReplicas", "readyReplicas"),
    ];
    counts(&all, &relations, errors);
}
