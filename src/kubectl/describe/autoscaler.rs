//! `describe` of HorizontalPodAutoscaler.

use serde_json::Value;

use super::events;
use super::page::{Page, time};
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::{at, int_at, items, text, text_at};

/// Describes a HorizontalPodAutoscaler.
pub fn autoscaler(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    page.pair(0, "CreationTimestamp", time(text_at(object, &["metadata", "creationTimestamp"])));
    let target = at(object, &["spec", "scaleTargetRef"]);
    page.pair(0, "Reference", format!("{}/{}", text(target, "kind"), text(target, "name")));
    page.pair(0, "Metrics", "( current / target )");
    let measured = items(object, &["status", "currentMetrics"]);
    for (at, spec) in items(object, &["spec", "metrics"]).iter().enumerate() {
        page.line(1, metric(spec, measured.get(at).unwrap_or(&Value::Null)));
    }
    let least = int_at(object, &["spec", "minReplicas"]).map_or_else(|| "<unset>".into(), |min| min.to_string());
    page.pair(0, "Min replicas", least);
    page.pair(0, "Max replicas", int_at(object, &["spec", "maxReplicas"]).unwrap_or(0).to_string());
    let behavior = at(object, &["spec", "behavior"]);
    if !behavior.is_null() {
        page.line(0, "Behavior:");
        direction(&mut page, "Scale Up", at(behavior, &["scaleUp"]));
        direction(&mut page, "Scale Down", at(behavior, &["scaleDown"]));
    }
    let count = |field: &str| int_at(object, &["status", field]).unwrap_or(0);
    let pods = format!("{} current / {} desired", count("currentReplicas"), count("desiredReplicas"));
    page.pair(0, &format!("{} pods", text(target, "kind")), pods);
    let conditions = items(object, &["status", "conditions"]);
    if !conditions.is_empty() {
        page.line(0, "Conditions:");
        let rows: Vec<Vec<String>> = conditions
            .iter()
            .map(|c| ["type", "status", "reason", "message"].iter().map(|field| text(c, field).to_owned()).collect())
            .collect();
        page.table(1, &["Type", "Status", "Reason", "Message"], &rows);
    }
    events::append(ctx, &mut page, "HorizontalPodAutoscaler", object)?;
    Ok(page.finish())
}

fn metric(spec: &Value, status: &Value) -> String {
    let known = |value: &Value| value.as_str().map_or_else(|| "<unknown>".to_owned(), str::to_owned);
    let pair = |source: &str, field: &str| {
        let (now, goal) = (at(status, &[source, "current", field]), at(spec, &[source, "target", field]));
        format!("{} / {}", known(now), known(goal))
    };
    let mean = |source: &str| !at(spec, &[source, "target", "averageValue"]).is_null();
    let name = |source: &str| text_at(spec, &[source, "metric", "name"]);
    let whole_or_mean = |source: &str| match mean(source) {
        true => format!("(target average value):\t{}", pair(source, "averageValue")),
        false => format!("(target value):\t{}", pair(source, "value")),
    };
    let resource = |source: &str, what: String| match mean(source) {
        true => format!("{what}:\t{}", pair(source, "averageValue")),
        false => format!("{what}  (as a percentage of request):\t{}", percent(spec, status, source)),
    };
    match text(spec, "type") {
        "External" => format!("{:?} {}", name("external"), whole_or_mean("external")),
        "Pods" => format!("{:?} on pods:\t{}", name("pods"), pair("pods", "averageValue")),
        "Object" => {
            let about = at(spec, &["object", "describedObject"]);
            let about = format!("{}/{}", text(about, "kind"), text(about, "name"));
            format!("{:?} on {about} {}", name("object"), whole_or_mean("object"))
        }
        "Resource" => resource("resource", format!("resource {} on pods", text_at(spec, &["resource", "name"]))),
        "ContainerResource" => {
            let one = at(spec, &["containerResource"]);
            let what = format!("resource {} of container {:?} on pods", text(one, "name"), text(one, "container"));
            resource("containerResource", what)
        }
        other => format!("<unknown metric type {other:?}>"),
    }
}

fn percent(spec: &Value, status: &Value, source: &str) -> String {
    let used = match int_at(status, &[source, "current", "averageUtilization"]) {
        Some(percent) => format!("{percent}% ({})", text_at(status, &[source, "current", "averageValue"])),
        None => "<unknown>".into(),
    };
    let goal = int_at(spec, &[source, "target", "averageUtilization"]);
    format!("{used} / {}", goal.map_or_else(|| "<auto>".into(), |percent| format!("{percent}%")))
}

fn direction(page: &mut Page, name: &str, rules: &Value) {
    if rules.is_null() {
        return;
    }
    page.line(1, format!("{name}:"));
    if let Some(seconds) = int_at(rules, &["stabilizationWindowSeconds"]) {
        page.line(2, format!("Stabilization Window: {seconds} seconds"));
    }
    let policies = items(rules, &["policies"]);
    if policies.is_empty() {
        return;
    }
    let select = Some(text(rules, "selectPolicy")).filter(|word| !word.is_empty()).unwrap_or("Max");
    page.line(2, format!("Select Policy: {select}"));
    page.line(2, "Policies:");
    for policy in policies {
        let number = |field: &str| int_at(policy, &[field]).unwrap_or(0);
        let (value, period) = (number("value"), number("periodSeconds"));
        page.line(3, format!("- Type: {}\tValue: {value}\tPeriod: {period} seconds", text(policy, "type")));
    }
}
