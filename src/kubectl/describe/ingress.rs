//! `describe` of Ingress, IngressClass and NetworkPolicy.

use serde_json::Value;

use super::page::{self, Page};
use super::{events, network};
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::{at, int_at, items, plain, text, text_at};
use crate::kubectl::object;
use crate::sim::VecSet;

/// Describes an Ingress with the endpoints behind it.
pub fn ingress(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let namespace = object::namespace(object).to_owned();
    let mut page = Page::default();
    page.pair(0, "Name", object::name(object));
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.pair(0, "Namespace", &namespace);
    page.pair(0, "Address", address(object));
    let class = at(object, &["spec", "ingressClassName"]);
    page.pair(0, "Ingress Class", class.as_str().unwrap_or("<none>"));
    let default = match at(object, &["spec", "defaultBackend"]) {
        Value::Null => "<default>".to_owned(),
        default => backend(ctx, &namespace, default)?,
    };
    page.pair(0, "Default backend", &default);
    let tls = items(object, &["spec", "tls"]);
    if !tls.is_empty() {
        page.line(0, "TLS:");
    }
    for one in tls {
        let hosts: Vec<&str> = items(one, &["hosts"]).iter().filter_map(Value::as_str).collect();
        page.line(
            1,
            match text(one, "secretName") {
                "" => format!("SNI routes {}", hosts.join(",")),
                secret => format!("{secret} terminates {}", hosts.join(",")),
            },
        );
    }
    page.line(0, "Rules:");
    page.table(1, &["Host", "Path", "Backends"], &[]);
    let rules = items(object, &["spec", "rules"]).iter().filter(|rule| !at(rule, &["http"]).is_null());
    let rules: Vec<&Value> = rules.collect();
    for rule in &rules {
        let host = text(rule, "host");
        page.line(1, format!("{}\t", if host.is_empty() { "*" } else { host }));
        for path in items(rule, &["http", "paths"]) {
            let backend = backend(ctx, &namespace, at(path, &["backend"]))?;
            page.line(2, format!("\t{} \t{backend}", text(path, "path")));
        }
    }
    if rules.is_empty() {
        page.line(1, format!("*\t*\t{default}"));
    }
    page.annotations("", at(object, &["metadata", "annotations"]));
    events::append(ctx, &mut page, "Ingress", object)?;
    Ok(page.finish())
}

fn address(object: &Value) -> String {
    let points = items(object, &["status", "loadBalancer", "ingress"]).iter();
    let all: VecSet<&str> = points
        .map(|point| if text(point, "ip").is_empty() { text(point, "hostname") } else { text(point, "ip") })
        .filter(|address| !address.is_empty())
        .collect();
    all.into_iter().collect::<Vec<_>>().join(",")
}

/// `web:80 (10.244.0.3:80)`.
fn backend(ctx: &mut Ctx<'_>, namespace: &str, backend: &Value) -> Result<String, Stop> {
    let to = at(backend, &["service"]);
    if to.is_null() {
        let resource = at(backend, &["resource"]);
        if resource.is_null() {
            return Ok(String::new());
        }
        let group = at(resource, &["apiGroup"]).as_str().unwrap_or("<none>");
        let (kind, name) = (text(resource, "kind"), text(resource, "name"));
        return Ok(format!("APIGroup: {group}, Kind: {kind}, Name: {name}"));
    }
    let (name, number) = (text(to, "name"), int_at(to, &["port", "number"]).unwrap_or(0));
    let port_name = text_at(to, &["port", "name"]);
    let shown = if number == 0 { format!("{name}:{port_name}") } else { format!("{name}:{number}") };
    let path = format!("/api/v1/namespaces/{namespace}/services/{name}");
    let answer = ctx.request(HttpRequest::get(path))?;
    if !answer.response.is_success() {
        let why = format!("services {name:?} not found");
        return Ok(format!("{shown} (<error: {why}>)"));
    }
    let service = crate::kubectl::api_error::body_or_stop(&answer.response)?;
    let is_meant = |port: &&Value| {
        (number != 0 && int_at(port, &["port"]) == Some(number))
            || (!port_name.is_empty() && text(port, "name") == port_name)
    };
    let port = items(&service, &["spec", "ports"]).iter().rev().find(is_meant);
    let slices = network::slices(ctx, &service)?;
    Ok(format!("{shown} ({})", network::endpoints(&slices, port.map_or("", |port| text(port, "name")))))
}

/// Describes an IngressClass.
pub fn class(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    page.pair(0, "Controller", text_at(object, &["spec", "controller"]));
    let parameters = at(object, &["spec", "parameters"]);
    if !parameters.is_null() {
        page.line(0, "Parameters:");
        if !at(parameters, &["apiGroup"]).is_null() {
            page.pair(1, "APIGroup", text(parameters, "apiGroup"));
        }
        page.pair(1, "Kind", text(parameters, "kind"));
        page.pair(1, "Name", text(parameters, "name"));
    }
    events::append(ctx, &mut page, "IngressClass", object)?;
    Ok(page.finish())
}

/// Describes a NetworkPolicy.
pub fn policy(_: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    let made = crate::kubectl::timestamp::parse(text_at(object, &["metadata", "creationTimestamp"]));
    page.pair(0, "Created on", made.map_or("<nil>".to_owned(), go_time));
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    let spec = at(object, &["spec"]);
    let types: Vec<&str> = items(spec, &["policyTypes"]).iter().filter_map(Value::as_str).collect();
    page.line(0, "Spec:");
    // Upstream indents the value once more than the title before it.
    let chosen = page::selector(at(spec, &["podSelector"]));
    let everything = "<none> (Allowing the specific traffic to all pods in this namespace)";
    page.line(1, format!("PodSelector:     {}", if chosen.is_empty() { everything } else { &chosen }));
    for (kind, field, word, peers, any) in [
        ("Ingress", "ingress", "From", "from", "From: <any> (traffic not restricted by source)"),
        ("Egress", "egress", "To", "to", "To: <any> (traffic not restricted by destination)"),
    ] {
        if !types.contains(&kind) {
            page.line(1, format!("Not affecting {field} traffic"));
            continue;
        }
        page.line(1, format!("Allowing {field} traffic:"));
        let rules = items(spec, &[field]);
        if rules.is_empty() {
            page.line(2, format!("<none> (Selected pods are isolated for {field} connectivity)"));
        }
        for (index, rule) in rules.iter().enumerate() {
            ports(&mut page, items(rule, &["ports"]));
            if items(rule, &[peers]).is_empty() {
                page.line(2, any);
            }
            for one in items(rule, &[peers]) {
                page.line(2, format!("{word}:"));
                peer(&mut page, one);
            }
            if index + 1 < rules.len() {
                page.line(2, "----------");
            }
        }
    }
    page.line(1, format!("Policy Types: {}", if types.is_empty() { "<none>".into() } else { types.join(", ") }));
    Ok(page.finish())
}

/// `2026-01-02 03:04:05 +0000 UTC`.
fn go_time(unix: i64) -> String {
    let text = crate::api::Timestamp(unix).to_string();
    format!("{} +0000 UTC", text.trim_end_matches('Z').replace('T', " "))
}

fn ports(page: &mut Page, ports: &[Value]) {
    if ports.is_empty() {
        page.line(2, "To Port: <any> (traffic allowed to all ports)");
    }
    for port in ports {
        let protocol = at(port, &["protocol"]).as_str().unwrap_or("TCP");
        let first = match at(port, &["port"]) {
            Value::Null => "<nil>".to_owned(),
            first => plain(first),
        };
        page.line(
            2,
            match int_at(port, &["endPort"]) {
                None => format!("To Port: {first}/{protocol}"),
                Some(last) => format!("To Port Range: {first}-{last}/{protocol}"),
            },
        );
    }
}

fn peer(page: &mut Page, peer: &Value) {
    let mut selected = false;
    for (title, field) in [("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")] {
        let selector = at(peer, &[field]);
        if !selector.is_null() {
            selected = true;
            let shown = page::selector(selector);
            page.line(3, format!("{title}: {}", if shown.is_empty() { "<none>" } else { &shown }));
        }
    }
    let block = at(peer, &["ipBlock"]);
    if !selected && !block.is_null() {
        let except: Vec<&str> = items(block, &["except"]).iter().filter_map(Value::as_str).collect();
        page.line(3, "IPBlock:");
        page.line(4, format!("CIDR: {}", text(block, "cidr")));
        page.line(4, format!("Except: {}", except.join(", ")));
    }
}
