//! `describe pod`.

use serde_json::Value;

use super::page::{Page, controller, time};
use super::{container, events, volume};
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::duration::human;
use crate::kubectl::json::{at, int_at, items, text, text_at};
use crate::kubectl::timestamp;

/// Describes a pod.
pub fn describe(ctx: &mut Ctx<'_>, pod: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    let (spec, status) = (at(pod, &["spec"]), at(pod, &["status"]));
    head(&mut page, pod, spec, status);
    state(&mut page, pod, status, ctx.unix_now());
    if !at(spec, &["resources"]).is_null() {
        page.line(0, "Resources:");
        container::resources(&mut page, at(spec, &["resources"]), 1);
    }
    if !items(spec, &["initContainers"]).is_empty() {
        container::describe(
            &mut page,
            "Init Containers",
            items(spec, &["initContainers"]),
            items(status, &["initContainerStatuses"]),
            "",
            pod,
        );
    }
    container::describe(
        &mut page,
        "Containers",
        items(spec, &["containers"]),
        items(status, &["containerStatuses"]),
        "",
        pod,
    );
    if !items(spec, &["ephemeralContainers"]).is_empty() {
        container::describe(
            &mut page,
            "Ephemeral Containers",
            items(spec, &["ephemeralContainers"]),
            items(status, &["ephemeralContainerStatuses"]),
            "",
            pod,
        );
    }
    conditions(&mut page, spec, status);
    volume::describe(&mut page, items(spec, &["volumes"]), "");
    page.pair(0, "QoS Class", text(status, "qosClass"));
    page.labels("", "Node-Selectors", at(spec, &["nodeSelector"]));
    page.tolerations("", items(spec, &["tolerations"]));
    spread(&mut page, "", items(spec, &["topologySpreadConstraints"]));
    events::append(ctx, &mut page, "Pod", pod)?;
    Ok(page.finish())
}

fn head(page: &mut Page, pod: &Value, spec: &Value, status: &Value) {
    page.name(pod);
    if let Some(priority) = int_at(spec, &["priority"]) {
        page.pair(0, "Priority", priority.to_string());
    }
    for (title, field) in [
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ] {
        if !text(spec, field).is_empty() {
            page.pair(0, title, text(spec, field));
        }
    }
    match text(spec, "nodeName") {
        "" => page.pair(0, "Node", "<none>"),
        node => page.pair(0, "Node", format!("{node}/{}", text(status, "hostIP"))),
    }
    if !text(status, "startTime").is_empty() {
        page.pair(0, "Start Time", time(text(status, "startTime")));
    }
    page.labels("", "Labels", at(pod, &["metadata", "labels"]));
    page.annotations("", at(pod, &["metadata", "annotations"]));
}

fn state(page: &mut Page, pod: &Value, status: &Value, now: i64) {
    let phase = text(status, "phase");
    let deleted = text_at(pod, &["metadata", "deletionTimestamp"]);
    if deleted.is_empty() || matches!(phase, "Failed" | "Succeeded") {
        page.pair(0, "Status", phase);
    } else {
        let lasts = timestamp::parse(deleted).map_or("<unknown>".to_owned(), |t| human(now - t));
        page.pair(0, "Status", format!("Terminating (lasts {lasts})"));
        let grace = int_at(pod, &["metadata", "deletionGracePeriodSeconds"]).unwrap_or(0);
        page.pair(0, "Termination Grace Period", format!("{grace}s"));
    }
    for (title, field) in [("Reason", "reason"), ("Message", "message")] {
        if !text(status, field).is_empty() {
            page.pair(0, title, text(status, field));
        }
    }
    if !text_at(pod, &["spec", "securityContext", "seccompProfile", "type"]).is_empty() {
        page.pair(0, "SeccompProfile", text_at(pod, &["spec", "securityContext", "seccompProfile", "type"]));
    }
    page.pair(0, "IP", text(status, "podIP"));
    let ips = items(status, &["podIPs"]);
    if ips.is_empty() {
        page.pair(0, "IPs", "<none>");
    } else {
        page.line(0, "IPs:");
        ips.iter().for_each(|ip| page.pair(1, "IP", text(ip, "ip")));
    }
    if !controller(pod).is_empty() {
        page.pair(0, "Controlled By", controller(pod));
    }
    if !text(status, "nominatedNodeName").is_empty() {
        page.pair(0, "NominatedNodeName", text(status, "nominatedNodeName"));
    }
}

fn conditions(page: &mut Page, spec: &Value, status: &Value) {
    let known = items(status, &["conditions"]);
    let gates = items(spec, &["readinessGates"]);
    if !gates.is_empty() {
        page.line(0, "Readiness Gates:");
        page.line(1, "Type\tStatus");
        for gate in gates {
            let kind = text(gate, "conditionType");
            let status = known.iter().find(|c| text(c, "type") == kind).map_or("<none>", |c| text(c, "status"));
            page.line(1, format!("{kind} \t{status} "));
        }
    }
    if !known.is_empty() {
        page.line(0, "Conditions:");
        page.line(1, "Type\tStatus");
        known.iter().for_each(|c| page.line(1, format!("{} \t{} ", text(c, "type"), text(c, "status"))));
    }
}

/// Topology spread constraints, if there are any.
pub fn spread(page: &mut Page, indent: &str, constraints: &[Value]) {
    for (i, one) in constraints.iter().enumerate() {
        let head = if i == 0 { format!("{indent}Topology Spread Constraints:\t") } else { format!("{indent}\t") };
        let selector = super::page::selector(at(one, &["labelSelector"]));
        let selector = if selector.is_empty() { String::new() } else { format!(" for selector {selector}") };
        page.line(
            0,
            format!(
                "{head}{}:{} when max skew {} is exceeded{selector}",
                text(one, "topologyKey"),
                text(one, "whenUnsatisfiable"),
                int_at(one, &["maxSkew"]).unwrap_or(0)
            ),
        );
    }
}
