//! `describe` of Service, Endpoints and EndpointSlice.

use serde_json::Value;

use super::events;
use super::page::{self, Page};
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::{at, int_at, items, plain, text, text_at};
use crate::kubectl::object;
use crate::kubectl::verb::pods::pod_selector;

fn joined(list: &[Value]) -> String {
    list.iter().map(plain).collect::<Vec<_>>().join(",")
}

fn or(text: String, other: &str) -> String {
    if text.is_empty() { other.to_owned() } else { text }
}

/// Describes a Service.
pub fn service(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let slices = slices(ctx, object)?;
    let mut page = Page::default();
    let spec = at(object, &["spec"]);
    page.name(object);
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    page.pair(0, "Selector", or(pod_selector(object), "<none>"));
    page.pair(0, "Type", text(spec, "type"));
    if !text(spec, "ipFamilyPolicy").is_empty() {
        page.pair(0, "IP Family Policy", text(spec, "ipFamilyPolicy"));
    }
    page.pair(0, "IP Families", or(joined(items(spec, &["ipFamilies"])), "<none>"));
    page.pair(0, "IP", text(spec, "clusterIP"));
    page.pair(0, "IPs", or(joined(items(spec, &["clusterIPs"])), "<none>"));
    if !items(spec, &["externalIPs"]).is_empty() {
        page.pair(0, "External IPs", joined(items(spec, &["externalIPs"])));
    }
    if !text(spec, "loadBalancerIP").is_empty() {
        page.pair(0, "Desired LoadBalancer IP", text(spec, "loadBalancerIP"));
    }
    if !text(spec, "externalName").is_empty() {
        page.pair(0, "External Name", text(spec, "externalName"));
    }
    let ingress = items(object, &["status", "loadBalancer", "ingress"]);
    if !ingress.is_empty() {
        let one = |i: &Value| match (text(i, "ip"), text(i, "ipMode")) {
            ("", _) => text(i, "hostname").to_owned(),
            (ip, "") => ip.to_owned(),
            (ip, mode) => format!("{ip} ({mode})"),
        };
        page.pair(0, "LoadBalancer Ingress", ingress.iter().map(one).collect::<Vec<_>>().join(", "));
    }
    for port in items(spec, &["ports"]) {
        service_port(&mut page, port, &slices);
    }
    for (title, field) in [
        ("Session Affinity", "sessionAffinity"),
        ("External Traffic Policy", "externalTrafficPolicy"),
        ("Internal Traffic Policy", "internalTrafficPolicy"),
    ] {
        if !text(spec, field).is_empty() {
            page.pair(0, title, text(spec, field));
        }
    }
    if let Some(port) = int_at(spec, &["healthCheckNodePort"]).filter(|p| *p > 0) {
        page.pair(0, "HealthCheck NodePort", port.to_string());
    }
    if !items(spec, &["loadBalancerSourceRanges"]).is_empty() {
        page.pair(0, "LoadBalancer Source Ranges", joined(items(spec, &["loadBalancerSourceRanges"])));
    }
    events::append(ctx, &mut page, "Service", object)?;
    Ok(page.finish())
}

pub(super) fn slices(ctx: &mut Ctx<'_>, service: &Value) -> Result<Vec<Value>, Stop> {
    let path = format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", object::namespace(service));
    let mut request = HttpRequest::get(path);
    request.query.push(("labelSelector".into(), format!("kubernetes.io/service-name={}", object::name(service))));
    let list = ctx.json(request)?;
    Ok(items(&list, &["items"]).to_vec())
}

fn service_port(page: &mut Page, port: &Value, slices: &[Value]) {
    let name = or(text(port, "name").to_owned(), "<unset>");
    let protocol = text(port, "protocol");
    page.line(0, format!("Port:\t{name}\t{}/{protocol}", plain(at(port, &["port"]))));
    page.line(0, format!("TargetPort:\t{}/{protocol}", plain(at(port, &["targetPort"]))));
    if let Some(node_port) = int_at(port, &["nodePort"]).filter(|p| *p > 0) {
        page.line(0, format!("NodePort:\t{name}\t{node_port}/{protocol}"));
    }
    page.pair(0, "Endpoints", endpoints(slices, text(port, "name")));
}

/// The ready addresses of a port, at most three.
pub(super) fn endpoints(slices: &[Value], port_name: &str) -> String {
    let mut found = Vec::new();
    for slice in slices {
        let ports: Vec<&Value> = items(slice, &["ports"]).iter().filter(|p| text(p, "name") == port_name).collect();
        for port in ports {
            for endpoint in items(slice, &["endpoints"]) {
                if at(endpoint, &["conditions", "ready"]) == &Value::Bool(false) {
                    continue;
                }
                for address in items(endpoint, &["addresses"]).iter().filter_map(Value::as_str) {
                    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
                    found.push(format!("{host}:{}", plain(at(port, &["port"]))));
                }
            }
        }
    }
    let more = found.len().saturating_sub(3);
    let mut shown = found.into_iter().take(3).collect::<Vec<_>>().join(",");
    if more > 0 {
        shown.push_str(&format!(" + {more} more..."));
    }
    shown
}

/// Describes an Endpoints object.
pub fn endpoints_object(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    page.line(0, "Subsets:");
    for subset in items(object, &["subsets"]) {
        for (title, field) in [("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")] {
            let list: Vec<&str> = items(subset, &[field]).iter().map(|a| text(a, "ip")).collect();
            page.pair(1, title, if list.is_empty() { "<none>".into() } else { list.join(",") });
        }
        ports_table(&mut page, items(subset, &["ports"]), 1);
        page.line(0, "");
    }
    events::append(ctx, &mut page, "Endpoints", object)?;
    Ok(page.finish())
}

fn ports_table(page: &mut Page, ports: &[Value], level: u32) {
    if ports.is_empty() {
        return page.pair(level, "Ports", "<unset>");
    }
    page.line(level, "Ports:");
    let rows: Vec<Vec<String>> = ports
        .iter()
        .map(|p| {
            let protocol = or(text(p, "protocol").to_owned(), "TCP");
            vec![or(text(p, "name").to_owned(), "<unset>"), plain(at(p, &["port"])), protocol]
        })
        .collect();
    page.table(level + 1, &["Name", "Port", "Protocol"], &rows);
}

/// Describes an EndpointSlice.
pub fn endpoint_slice(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    page.pair(0, "AddressType", text(object, "addressType"));
    ports_table(&mut page, items(object, &["ports"]), 0);
    let endpoints = items(object, &["endpoints"]);
    if endpoints.is_empty() {
        page.pair(0, "Endpoints", "<none>");
    } else {
        page.line(0, "Endpoints:");
    }
    for endpoint in endpoints {
        let addresses: Vec<&str> = items(endpoint, &["addresses"]).iter().filter_map(Value::as_str).collect();
        page.line(1, format!("- Addresses:\t{}", addresses.join(", ")));
        page.line(2, "Conditions:");
        let ready = at(endpoint, &["conditions", "ready"]);
        page.pair(3, "Ready", if ready.is_null() { "<unset>".into() } else { plain(ready) });
        page.pair(2, "Hostname", or(text(endpoint, "hostname").to_owned(), "<unset>"));
        let target = at(endpoint, &["targetRef"]);
        if !target.is_null() {
            page.pair(2, "TargetRef", format!("{}/{}", text(target, "kind"), text(target, "name")));
        }
        page.pair(2, "NodeName", or(text(endpoint, "nodeName").to_owned(), "<unset>"));
        page.pair(2, "Zone", or(text_at(endpoint, &["zone"]).to_owned(), "<unset>"));
    }
    events::append(ctx, &mut page, "EndpointSlice", object)?;
    Ok(page.finish())
}

/// Describes an IPAddress.
pub fn address(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    let parent = at(object, &["spec", "parentRef"]);
    if !parent.is_null() {
        page.line(0, "Parent Reference:");
        for (title, field) in
            [("Group", "group"), ("Resource", "resource"), ("Namespace", "namespace"), ("Name", "name")]
        {
            page.pair(1, title, text(parent, field));
        }
    }
    events::append(ctx, &mut page, "IPAddress", object)?;
    Ok(page.finish())
}

/// Describes a ServiceCIDR.
pub fn ranges(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    let cidrs: Vec<&str> = items(object, &["spec", "cidrs"]).iter().filter_map(Value::as_str).collect();
    page.pair(0, "CIDRs", cidrs.join(", "));
    let conditions = items(object, &["status", "conditions"]);
    if !conditions.is_empty() {
        page.line(0, "Status:");
        page.line(0, "Conditions:");
        page.table(1, &["Type", "Status", "LastTransitionTime", "Reason", "Message"], &[]);
        for one in conditions {
            let [ty, status, reason, message] = ["type", "status", "reason", "message"].map(|field| text(one, field));
            let since = page::time(text(one, "lastTransitionTime"));
            page.line(1, [ty, status, &since, reason, message].join("\t"));
        }
    }
    events::append(ctx, &mut page, "ServiceCIDR", object)?;
    Ok(page.finish())
}
