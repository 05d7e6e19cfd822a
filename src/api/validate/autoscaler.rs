//! HorizontalPodAutoscalers. Models `pkg/apis/autoscaling/validation/validation.go` with the feature gates of v1.36:
//! configurable tolerance is on, scaling to zero is off.

use serde_json::json;

use super::error::{each, forbidden, invalid, not_negative, required, unsupported};
use super::names;
use crate::api::{
    CrossVersionObjectReference, FieldError, HorizontalPodAutoscaler, HpaScalingPolicy, HpaScalingRules,
    MetricIdentifier, MetricSpec, MetricTarget,
};

/// The kinds of metrics, in alphabetical order.
const SOURCES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];
/// The longest stabilization window, in seconds.
const LONGEST_WINDOW: i32 = 3_600;
/// The longest period of a policy, in seconds.
const LONGEST_PERIOD: i32 = 1_800;

/// A new autoscaler.
pub fn autoscaler(new: &HorizontalPodAutoscaler, errors: &mut Vec<FieldError>) {
    spec(new, None, errors);
}

/// A changed autoscaler. What was there before the rules were made stricter may stay.
pub fn autoscaler_update(new: &HorizontalPodAutoscaler, old: &HorizontalPodAutoscaler, errors: &mut Vec<FieldError>) {
    spec(new, Some(old), errors);
}

/// A changed autoscaler's status.
pub fn autoscaler_status(new: &HorizontalPodAutoscaler, errors: &mut Vec<FieldError>) {
    not_negative("status.currentReplicas", i64::from(new.status.current_replicas), errors);
    not_negative("status.desiredReplicas", i64::from(new.status.desired_replicas), errors);
}

fn spec(new: &HorizontalPodAutoscaler, old: Option<&HorizontalPodAutoscaler>, errors: &mut Vec<FieldError>) {
    let spec = &new.spec;
    let had_zero = old.is_some_and(|old| old.spec.min_replicas == Some(0));
    let least = if had_zero { 0 } else { 1 };
    if let Some(min) = spec.min_replicas.filter(|min| *min < least) {
        let why = format!("must be greater than or equal to {least}");
        errors.push(invalid("spec.minReplicas", &json!(min), &why));
    }
    if spec.max_replicas < 1 {
        errors.push(invalid("spec.maxReplicas", &json!(spec.max_replicas), "must be greater than 0"));
    }
    if spec.min_replicas.is_some_and(|min| spec.max_replicas < min) {
        let why = "must be greater than or equal to `minReplicas`";
        errors.push(invalid("spec.maxReplicas", &json!(spec.max_replicas), why));
    }
    let target = &spec.scale_target_ref;
    let before = old.map(|old| &old.spec.scale_target_ref);
    reference(target, before, false, "spec.scaleTargetRef", errors);
    for (at, one) in spec.metrics.iter().enumerate() {
        let before = old.and_then(|old| old.spec.metrics.get(at));
        metric(one, before, &format!("spec.metrics[{at}]"), errors);
    }
    if had_zero
        && spec.min_replicas == Some(0)
        && !spec.metrics.iter().any(|m| m.object.is_some() || m.external.is_some())
    {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(forbidden("spec.metrics", why));
    }
    if let Some(behavior) = &spec.behavior {
        for (name, rules) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
            if let Some(rules) = rules {
                scaling(rules, &format!("spec.behavior.{name}"), errors);
            }
        }
    }
}

/// A reference to an object; only a ReplicationController may do without a group, unless `core` says that any may.
fn reference(
    to: &CrossVersionObjectReference,
    before: Option<&CrossVersionObjectReference>,
    core: bool,
    field: &str,
    errors: &mut Vec<FieldError>,
) {
    for (name, text) in [("kind", &to.kind), ("name", &to.name)] {
        let field = format!("{field}.{name}");
        if text.is_empty() {
            errors.push(required(&field, ""));
        } else {
            each(&field, text, path_segment(text), errors);
        }
    }
    if before.is_some_and(|before| before.api_version == to.api_version) {
        return;
    }
    let parts = to.api_version.split('/').count();
    let why = if parts > 2 {
        format!("unexpected GroupVersion string: {}", to.api_version)
    } else if parts < 2 && !core && to.kind != "ReplicationController" {
        "apiVersion must specify API group".to_owned()
    } else {
        return;
    };
    errors.push(invalid(&format!("{field}.apiVersion"), &json!(to.api_version), &why));
}

/// What is wrong with a text as a part of a path.
fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ["/", "%"].into_iter().filter(|c| text.contains(*c)).map(|c| format!("may not contain '{c}'")).collect()
}

fn metric(one: &MetricSpec, before: Option<&MetricSpec>, field: &str, errors: &mut Vec<FieldError>) {
    if one.r#type.is_empty() {
        errors.push(required(&format!("{field}.type"), "must specify a metric source type"));
    }
    if !SOURCES.contains(&one.r#type.as_str()) {
        errors.push(unsupported(&format!("{field}.type"), &one.r#type, &SOURCES));
    }
    let present = [
        ("object", one.object.is_some()),
        ("external", one.external.is_some()),
        ("pods", one.pods.is_some()),
        ("resource", one.resource.is_some()),
        ("containerResource", one.container_resource.is_some()),
    ];
    let present: Vec<&str> = present.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
    if let Some(first) = present.first() {
        source(one, before, first, &format!("{field}.{first}"), errors);
    }
    let mut wanted = one.r#type.clone();
    if let Some(first) = wanted.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    if SOURCES.contains(&one.r#type.as_str()) && !present.contains(&wanted.as_str()) {
        errors.push(required(&format!("{field}.{wanted}"), "must populate information for the given metric source"));
    }
    if !SOURCES.contains(&one.r#type.as_str()) {
        errors.push(unsupported(&format!("{field}.type"), &one.r#type, &SOURCES));
    }
    if present.len() != 1 {
        let others = present.iter().filter(|name| **name != wanted);
        errors.extend(
            others.map(|name| forbidden(&format!("{field}.{name}"), "must populate the given metric source only")),
        );
    }
}

/// The one source of a metric that is looked into.
fn source(one: &MetricSpec, before: Option<&MetricSpec>, which: &str, field: &str, errors: &mut Vec<FieldError>) {
    let path = format!("{field}.target");
    if let ("object", Some(object)) = (which, &one.object) {
        let old = before.and_then(|b| b.object.as_ref()).map(|o| &o.described_object);
        reference(&object.described_object, old, true, &format!("{field}.describedObject"), errors);
        identifier(&object.metric, field, errors);
        target(&object.target, &path, errors);
        if object.target.value.is_none() && object.target.average_value.is_none() {
            let why = "must set either a target value for metric or a per-pod target";
            errors.push(required(&format!("{path}.averageValue"), why));
        }
    }
    if let ("external", Some(external)) = (which, &one.external) {
        identifier(&external.metric, field, errors);
        target(&external.target, &path, errors);
        match (&external.target.value, &external.target.average_value) {
            (None, None) => {
                let why = "must set either a target value for metric or a per-pod target";
                errors.push(required(&format!("{path}.averageValue"), why));
            }
            (Some(_), Some(_)) => {
                let why = "may not set both a target value for metric and a per-pod target";
                errors.push(forbidden(&format!("{path}.value"), why));
            }
            _ => {}
        }
    }
    if let ("pods", Some(pods)) = (which, &one.pods) {
        identifier(&pods.metric, field, errors);
        target(&pods.target, &path, errors);
        if pods.target.average_value.is_none_or(|value| value.sign() != 1) {
            errors.push(required(&format!("{path}.averageValue"), "must specify a positive target averageValue"));
        }
    }
    if let ("resource", Some(resource)) = (which, &one.resource) {
        if resource.name.is_empty() {
            errors.push(required(&format!("{field}.name"), "must specify a resource name"));
        }
        resource_target(&resource.target, &path, errors);
    }
    if let ("containerResource", Some(resource)) = (which, &one.container_resource) {
        if resource.name.is_empty() {
            errors.push(required(&format!("{field}.name"), "must specify a resource name"));
        } else {
            super::resources::name(&resource.name, &format!("{field}.name"), errors);
        }
        if resource.container.is_empty() {
            errors.push(required(&format!("{field}.container"), "must specify a container"));
        } else {
            each(&format!("{field}.container"), &resource.container, names::dns_label(&resource.container), errors);
        }
        resource_target(&resource.target, &path, errors);
    }
}

fn resource_target(to: &MetricTarget, field: &str, errors: &mut Vec<FieldError>) {
    target(to, field, errors);
    match (to.average_utilization, to.average_value) {
        (None, None) => {
            let why = "must set either a target raw value or a target utilization";
            errors.push(required(&format!("{field}.averageUtilization"), why));
        }
        (Some(_), Some(_)) => {
            let why = "may not set both a target raw value and a target utilization";
            errors.push(forbidden(&format!("{field}.averageValue"), why));
        }
        _ => {}
    }
}

fn identifier(metric: &MetricIdentifier, field: &str, errors: &mut Vec<FieldError>) {
    let field = format!("{field}.metric.name");
    if metric.name.is_empty() {
        errors.push(required(&field, "must specify a metric name"));
    } else {
        each(&field, &metric.name, path_segment(&metric.name), errors);
    }
}

fn target(to: &MetricTarget, field: &str, errors: &mut Vec<FieldError>) {
    let word = format!("{field}.type");
    if to.r#type.is_empty() {
        errors.push(required(&word, "must specify a metric target type"));
    }
    if !matches!(to.r#type.as_str(), "Utilization" | "Value" | "AverageValue") {
        errors.push(invalid(&word, &json!(to.r#type), "must be either Utilization, Value, or AverageValue"));
    }
    for (name, value) in [("value", to.value), ("averageValue", to.average_value)] {
        if let Some(value) = value.filter(|value| value.sign() != 1) {
            errors.push(invalid(&format!("{field}.{name}"), &json!(value), "must be positive"));
        }
    }
    if let Some(percent) = to.average_utilization.filter(|percent| *percent < 1) {
        errors.push(invalid(&format!("{field}.averageUtilization"), &json!(percent), "must be greater than 0"));
    }
}

fn scaling(rules: &HpaScalingRules, field: &str, errors: &mut Vec<FieldError>) {
    let window = format!("{field}.stabilizationWindowSeconds");
    match rules.stabilization_window_seconds {
        Some(seconds) if seconds < 0 => {
            errors.push(invalid(&window, &json!(seconds), "must be greater than or equal to zero"));
        }
        Some(seconds) if seconds > LONGEST_WINDOW => {
            let why = format!("must be less than or equal to {LONGEST_WINDOW}");
            errors.push(invalid(&window, &json!(seconds), &why));
        }
        _ => {}
    }
    if let Some(word) = &rules.select_policy {
        let known = ["Disabled", "Max", "Min"];
        if !known.contains(&word.as_str()) {
            errors.push(unsupported(&format!("{field}.selectPolicy"), word, &known));
        }
    }
    if rules.policies.is_empty() {
        errors.push(required(&format!("{field}.policies"), "must specify at least one Policy"));
    }
    for (at, one) in rules.policies.iter().enumerate() {
        policy(one, &format!("{field}.policies[{at}]"), errors);
    }
    if let Some(tolerance) = rules.tolerance.filter(|tolerance| tolerance.sign() < 0) {
        let why = "must be greater than or equal to 0";
        errors.push(invalid(&format!("{field}.tolerance"), &json!(tolerance), why));
    }
}

fn policy(one: &HpaScalingPolicy, field: &str, errors: &mut Vec<FieldError>) {
    if !matches!(one.r#type.as_str(), "Pods" | "Percent") {
        errors.push(unsupported(&format!("{field}.type"), &one.r#type, &["Percent", "Pods"]));
    }
    for (name, value) in [("value", one.value), ("periodSeconds", one.period_seconds)] {
        if value <= 0 {
            errors.push(invalid(&format!("{field}.{name}"), &json!(value), "must be greater than zero"));
        }
    }
    if one.period_seconds > LONGEST_PERIOD {
        let why = format!("must be less than or equal to {LONGEST_PERIOD}");
        errors.push(invalid(&format!("{field}.periodSeconds"), &json!(one.period_seconds), &why));
    }
}
