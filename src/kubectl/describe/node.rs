//! `describe node`.

use serde_json::Value;

use super::events;
use super::page::{Page, time};
use crate::api::http::HttpRequest;
use crate::api::{Pod, usage};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::describe::amount::Amount;
use crate::kubectl::duration::human;
use crate::kubectl::json::{at, bool_at, entries, items, plain, text, text_at};
use crate::kubectl::object;
use crate::kubectl::timestamp;

/// Describes a node.
pub fn describe(ctx: &mut Ctx<'_>, node: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(node);
    page.pair(0, "Roles", roles(node));
    page.labels("", "Labels", at(node, &["metadata", "labels"]));
    page.annotations("", at(node, &["metadata", "annotations"]));
    page.pair(0, "CreationTimestamp", time(text_at(node, &["metadata", "creationTimestamp"])));
    taints(&mut page, items(node, &["spec", "taints"]));
    page.pair(0, "Unschedulable", bool_at(node, &["spec", "unschedulable"]).to_string());
    lease(ctx, &mut page, object::name(node))?;
    conditions(&mut page, items(node, &["status", "conditions"]));
    page.line(0, "Addresses:");
    items(node, &["status", "addresses"]).iter().for_each(|a| page.pair(1, text(a, "type"), text(a, "address")));
    for (title, field) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        page.line(0, format!("{title}:"));
        entries(node, &["status", field]).iter().for_each(|(name, amount)| page.pair(1, name, plain(amount)));
    }
    system(&mut page, at(node, &["status", "nodeInfo"]));
    let cidr = text_at(node, &["spec", "podCIDR"]);
    if !cidr.is_empty() {
        page.pair(0, "PodCIDR", cidr);
    }
    let cidrs: Vec<&str> = items(node, &["spec", "podCIDRs"]).iter().filter_map(Value::as_str).collect();
    if !cidrs.is_empty() {
        page.pair(0, "PodCIDRs", cidrs.join(","));
    }
    if !text_at(node, &["spec", "providerID"]).is_empty() {
        page.pair(0, "ProviderID", text_at(node, &["spec", "providerID"]));
    }
    pods(ctx, &mut page, node)?;
    events::append(ctx, &mut page, "Node", node)?;
    Ok(page.finish())
}

fn roles(node: &Value) -> String {
    let mut found: Vec<&str> = Vec::new();
    for (key, value) in entries(node, &["metadata", "labels"]) {
        if let Some(role) = key.strip_prefix("node-role.kubernetes.io/") {
            found.push(role);
        } else if key == "kubernetes.io/role" {
            found.push(value.as_str().unwrap_or(""));
        }
    }
    found.retain(|r| !r.is_empty());
    found.sort_unstable();
    found.dedup();
    if found.is_empty() { "<none>".into() } else { found.join(",") }
}

fn taints(page: &mut Page, taints: &[Value]) {
    if taints.is_empty() {
        return page.pair(0, "Taints", "<none>");
    }
    let mut shown: Vec<String> = taints
        .iter()
        .map(|t| match text(t, "value") {
            "" => format!("{}:{}", text(t, "key"), text(t, "effect")),
            value => format!("{}={value}:{}", text(t, "key"), text(t, "effect")),
        })
        .collect();
    shown.sort();
    for (i, taint) in shown.iter().enumerate() {
        page.line(0, if i == 0 { format!("Taints:\t{taint}") } else { format!("\t{taint}") });
    }
}

fn lease(ctx: &mut Ctx<'_>, page: &mut Page, name: &str) -> Result<(), Stop> {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}");
    let answer = ctx.request(HttpRequest::get(path))?;
    if !answer.response.is_success() {
        if api_error::reason(&answer.response) == "NotFound" {
            page.pair(0, "Lease", format!("Failed to get lease: {}", api_error::bare_message(&answer.response)));
        }
        return Ok(());
    }
    let lease = api_error::body_or_stop(&answer.response)?;
    let spec = at(&lease, &["spec"]);
    page.line(0, "Lease:");
    let holder = text(spec, "holderIdentity");
    page.pair(1, "HolderIdentity", if holder.is_empty() { "<unset>" } else { holder });
    page.pair(1, "AcquireTime", time(text(spec, "acquireTime")));
    page.pair(1, "RenewTime", time(text(spec, "renewTime")));
    Ok(())
}

fn conditions(page: &mut Page, conditions: &[Value]) {
    if conditions.is_empty() {
        return;
    }
    page.line(0, "Conditions:");
    page.line(1, "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    page.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for c in conditions {
        page.line(
            1,
            format!(
                "{} \t{} \t{} \t{} \t{} \t{}",
                text(c, "type"),
                text(c, "status"),
                time(text(c, "lastHeartbeatTime")),
                time(text(c, "lastTransitionTime")),
                text(c, "reason"),
                text(c, "message")
            ),
        );
    }
}

fn system(page: &mut Page, info: &Value) {
    page.line(0, "System Info:");
    for (title, field) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ] {
        page.pair(1, title, text(info, field));
    }
}

/// The resources whose sums are shown first.
const RESOURCES: [&str; 2] = ["cpu", "memory"];

fn pods(ctx: &mut Ctx<'_>, page: &mut Page, node: &Value) -> Result<(), Stop> {
    let mut request = HttpRequest::get("/api/v1/pods");
    let selector = format!("spec.nodeName={},status.phase!=Failed,status.phase!=Succeeded", object::name(node));
    request.query = vec![("fieldSelector".into(), selector), ("limit".into(), "500".into())];
    let list = ctx.json(request)?;
    let found = items(&list, &["items"]);
    let now = ctx.unix_now();
    page.line(0, format!("Non-terminated Pods:\t({} in total)", found.len()));
    page.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    page.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    for pod in found {
        let cell = |field: &str, resource: &str| {
            let sum = of_pod(pod, field, resource);
            format!("{} ({}%)", sum.shown(resource), sum.percent_of(&allocatable(node, resource)))
        };
        let age = timestamp::parse(text_at(pod, &["metadata", "creationTimestamp"]))
            .map_or("<unknown>".into(), |t| human(now - t));
        page.line(
            1,
            format!(
                "{}\t{}\t\t{}\t{}\t{}\t{}\t{age}",
                object::namespace(pod),
                object::name(pod),
                cell("requests", "cpu"),
                cell("limits", "cpu"),
                cell("requests", "memory"),
                cell("limits", "memory")
            ),
        );
    }
    page.line(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
    page.line(1, "Resource\tRequests\tLimits");
    page.line(1, "--------\t--------\t------");
    let mut names: Vec<&str> = RESOURCES.to_vec();
    names.extend(
        entries(node, &["status", "allocatable"])
            .into_iter()
            .map(|(n, _)| n)
            .filter(|n| *n == "ephemeral-storage" || n.starts_with("hugepages-")),
    );
    for name in names {
        let sum = |field: &str| found.iter().fold(Amount::default(), |sum, pod| sum.plus(&of_pod(pod, field, name)));
        let (requests, limits, all) = (sum("requests"), sum("limits"), allocatable(node, name));
        page.line(
            1,
            format!(
                "{name}\t{} ({}%)\t{} ({}%)",
                requests.shown(name),
                requests.percent_of(&all),
                limits.shown(name),
                limits.percent_of(&all)
            ),
        );
    }
    Ok(())
}

fn allocatable(node: &Value, resource: &str) -> Amount {
    let own = at(node, &["status", "allocatable", resource]);
    Amount::parse(&plain(if own.is_null() { at(node, &["status", "capacity", resource]) } else { own }))
}

/// What a pod asks for, or may have at most, as it is scheduled.
fn of_pod(pod: &Value, field: &str, resource: &str) -> Amount {
    let pod: Pod = serde_json::from_value(pod.clone()).unwrap_or_default();
    let all = if field == "requests" { usage::requests_held(&pod) } else { usage::limits_held(&pod) };
    all.get(resource).map_or_else(Amount::default, |amount| Amount::parse(&amount.to_string()))
}
