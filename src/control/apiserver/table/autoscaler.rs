//! Autoscalers (`printHorizontalPodAutoscaler`).

use serde_json::{Value, json};

use super::{Column, NONE, UNKNOWN, text};
use crate::api::{HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus, Quantity};

pub(super) const COLUMNS: &[Column] = &[
    text("Name"),
    text("Reference"),
    text("Targets"),
    text("MinPods"),
    text("MaxPods"),
    text("Replicas"),
    text("Age"),
];

/// So many metrics are shown.
const SHOWN: usize = 2;

pub(super) fn cells(autoscaler: &HorizontalPodAutoscaler, age: &str) -> Vec<Value> {
    let (spec, status) = (&autoscaler.spec, &autoscaler.status);
    let reference = format!("{}/{}", spec.scale_target_ref.kind, spec.scale_target_ref.name);
    vec![
        json!(autoscaler.metadata.name),
        json!(reference),
        json!(metrics(&spec.metrics, status.current_metrics.as_deref().unwrap_or_default())),
        json!(spec.min_replicas.map_or_else(|| "<unset>".into(), |min| min.to_string())),
        json!(spec.max_replicas),
        json!(status.current_replicas),
        json!(age),
    ]
}

/// `cpu: 50%/80%, 100m/1k (avg) + 1 more...`.
fn metrics(specs: &[MetricSpec], statuses: &[MetricStatus]) -> String {
    if specs.is_empty() {
        return NONE.into();
    }
    let all: Vec<String> = specs.iter().enumerate().map(|(at, spec)| metric(spec, statuses.get(at))).collect();
    let shown = all.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len() {
        count if count > SHOWN => format!("{shown} + {} more...", count - SHOWN),
        _ => shown,
    }
}

fn metric(spec: &MetricSpec, status: Option<&MetricStatus>) -> String {
    if let Some(source) = spec.external.as_ref().filter(|_| spec.r#type == "External") {
        let current = status.and_then(|s| s.external.as_ref()).map(|s| &s.current);
        return whole_or_mean(&source.target, current);
    }
    if let Some(source) = spec.pods.as_ref().filter(|_| spec.r#type == "Pods") {
        let current = status.and_then(|s| s.pods.as_ref()).and_then(|s| s.current.average_value);
        return format!("{}/{}", quantity(current), quantity(source.target.average_value));
    }
    if let Some(source) = spec.object.as_ref().filter(|_| spec.r#type == "Object") {
        let current = status.and_then(|s| s.object.as_ref()).map(|s| &s.current);
        return whole_or_mean(&source.target, current);
    }
    if let Some(source) = spec.resource.as_ref().filter(|_| spec.r#type == "Resource") {
        let current = status.and_then(|s| s.resource.as_ref()).map(|s| &s.current);
        return resource(&source.name, &source.target, current);
    }
    if let Some(source) = spec.container_resource.as_ref().filter(|_| spec.r#type == "ContainerResource") {
        let current = status.and_then(|s| s.container_resource.as_ref()).map(|s| &s.current);
        return resource(&source.name, &source.target, current);
    }
    "<unknown type>".into()
}

fn whole_or_mean(target: &MetricTarget, current: Option<&MetricValueStatus>) -> String {
    match target.average_value {
        Some(mean) => format!("{}/{mean} (avg)", quantity(current.and_then(|c| c.average_value))),
        None => format!("{}/{}", quantity(current.and_then(|c| c.value)), quantity(target.value)),
    }
}

fn resource(name: &str, target: &MetricTarget, current: Option<&MetricValueStatus>) -> String {
    if let Some(mean) = target.average_value {
        return format!("{name}: {}/{mean}", quantity(current.and_then(|c| c.average_value)));
    }
    let percent = |value: Option<i32>, none: &str| value.map_or_else(|| none.to_owned(), |p| format!("{p}%"));
    let used = percent(current.and_then(|c| c.average_utilization), UNKNOWN);
    format!("{name}: {used}/{}", percent(target.average_utilization, "<auto>"))
}

fn quantity(value: Option<Quantity>) -> String {
    value.map_or_else(|| UNKNOWN.into(), |value| value.to_string())
}
