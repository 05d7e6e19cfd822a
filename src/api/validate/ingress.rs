//! Ingresses and their classes. Models `ValidateIngress…` of `pkg/apis/networking/validation/validation.go`.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, required, too_long, unsupported};
use super::{ip, names};
use crate::api::{
    FieldError, HttpIngressPath, Ingress, IngressBackend, IngressClass, IngressClassParametersReference, IngressRule,
};

const CLASS: &str = "kubernetes.io/ingress.class";
const LONGEST_CONTROLLER: usize = 250;
const NOT_A_NAME: &str = "must be a DNS name, not an IP address";

/// What an old object may keep.
#[derive(Clone, Copy, Debug, Default)]
struct Old {
    secret: bool,
    wildcard: bool,
}

/// A new ingress.
pub fn create(ingress: &Ingress, errors: &mut Vec<FieldError>) {
    spec(ingress, Old::default(), errors);
    let said = ingress.metadata.annotations.get(CLASS);
    if let (Some(said), Some(class)) = (said, &ingress.spec.ingress_class_name)
        && said != class
    {
        let why = "must match `ingressClassName` when both are specified";
        errors.push(invalid(&format!("annotations.{CLASS}"), &json!(said), why));
    }
}

/// A changed ingress: what was wrong before may stay so.
pub fn update(new: &Ingress, old: &Ingress, errors: &mut Vec<FieldError>) {
    spec(new, had(old), errors);
}

fn had(old: &Ingress) -> Old {
    let rules = &old.spec.rules;
    let bad = |rule: &IngressRule| {
        let mut errors = Vec::new();
        paths_of(rule, "", &mut errors);
        rule.host.contains('*') && !errors.is_empty()
    };
    let wrong = |name: &str| !name.is_empty() && !names::dns_subdomain(name).is_empty();
    Old { secret: old.spec.tls.iter().any(|tls| wrong(&tls.secret_name)), wildcard: rules.iter().any(bad) }
}

fn spec(ingress: &Ingress, old: Old, errors: &mut Vec<FieldError>) {
    let spec = &ingress.spec;
    if spec.rules.is_empty() && spec.default_backend.is_none() {
        errors.push(invalid("spec", &Value::Null, "either `defaultBackend` or `rules` must be specified"));
    }
    if let Some(default) = &spec.default_backend {
        backend(default, "spec.defaultBackend", errors);
    }
    for (at, rule) in spec.rules.iter().enumerate() {
        let field = format!("spec.rules[{at}]");
        if !rule.host.is_empty() {
            if rule.host.parse::<IpAddr>().is_ok() {
                errors.push(invalid(&format!("{field}.host"), &json!(rule.host), NOT_A_NAME));
            }
            each(&format!("{field}.host"), &rule.host, host(&rule.host), errors);
        }
        if !rule.host.contains('*') || !old.wildcard {
            paths_of(rule, &field, errors);
        }
    }
    for (at, tls) in spec.tls.iter().enumerate() {
        for (index, name) in tls.hosts.iter().enumerate() {
            each(&format!("spec.tls[{at}].hosts[{index}]"), name, host(name), errors);
        }
        if !old.secret && !tls.secret_name.is_empty() {
            let field = format!("spec.tls[{at}].secretName");
            each(&field, &tls.secret_name, names::dns_subdomain(&tls.secret_name), errors);
        }
    }
    if let Some(class) = &spec.ingress_class_name {
        each("spec.ingressClassName", class, names::dns_subdomain(class), errors);
    }
}

fn host(text: &str) -> Vec<String> {
    if text.contains('*') { names::wildcard_subdomain(text) } else { names::dns_subdomain(text) }
}

fn paths_of(rule: &IngressRule, field: &str, errors: &mut Vec<FieldError>) {
    let Some(http) = &rule.http else { return };
    if http.paths.is_empty() {
        errors.push(required(&format!("{field}.http.paths"), ""));
    }
    for (at, one) in http.paths.iter().enumerate() {
        path(one, &format!("{field}.http.paths[{at}]"), errors);
    }
}

fn path(path: &HttpIngressPath, field: &str, errors: &mut Vec<FieldError>) {
    let Some(kind) = &path.path_type else {
        return errors.push(required(&format!("{field}.pathType"), "pathType must be specified"));
    };
    let text = path.path.as_str();
    let mut refuse = |why: &str| errors.push(invalid(&format!("{field}.path"), &json!(text), why));
    match kind.as_str() {
        "Exact" | "Prefix" => {
            if !text.starts_with('/') {
                refuse("must be an absolute path");
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"].iter().filter(|part| text.contains(**part)) {
                refuse(&format!("must not contain '{part}'"));
            }
            for end in ["/..", "/."].iter().filter(|end| text.ends_with(**end)) {
                refuse(&format!("cannot end with '{end}'"));
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                refuse("must be an absolute path");
            }
        }
        other => {
            let known = ["Exact", "ImplementationSpecific", "Prefix"];
            errors.push(unsupported(&format!("{field}.pathType"), other, &known));
        }
    }
    backend(&path.backend, &format!("{field}.backend"), errors);
}

fn backend(backend: &IngressBackend, field: &str, errors: &mut Vec<FieldError>) {
    let at = |name: &str| format!("{field}.{name}");
    let service = match (&backend.service, &backend.resource) {
        (Some(_), Some(_)) => {
            return errors.push(invalid(field, &json!(""), "cannot set both resource and service backends"));
        }
        (None, None) => return errors.push(invalid(field, &json!(""), "resource or service backend is required")),
        (None, Some(to)) => {
            return reference(to.api_group.as_deref(), &to.kind, &to.name, &at("resource"), errors);
        }
        (Some(service), None) => service,
    };
    if service.name.is_empty() {
        errors.push(required(&at("service.name"), ""));
    } else {
        each(&at("service.name"), &service.name, names::dns_label(&service.name), errors);
    }
    match (service.port.name.as_str(), service.port.number) {
        ("", 0) => errors.push(required(field, "port name or number is required")),
        ("", number) => {
            let wrong = names::port_number(number);
            errors.extend(wrong.iter().map(|why| invalid(&at("service.port.number"), &json!(number), why)));
        }
        (name, 0) => each(&at("service.port.name"), name, names::port_name(name), errors),
        _ => errors.push(invalid(field, &json!(""), "cannot set both port name & port number")),
    }
}

fn reference(group: Option<&str>, kind: &str, name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(group) = group {
        each(&format!("{field}.apiGroup"), group, names::dns_subdomain(group), errors);
    }
    for (part, text) in [("kind", kind), ("name", name)] {
        let field = format!("{field}.{part}");
        if text.is_empty() {
            errors.push(required(&field, &format!("{part} is required")));
        } else {
            each(&field, text, names::path_segment(text), errors);
        }
    }
}

/// A changed status of an ingress.
pub fn update_status(new: &Ingress, old: &Ingress, errors: &mut Vec<FieldError>) {
    let known: Vec<&String> = old.status.load_balancer.ingress.iter().map(|point| &point.ip).collect();
    for (at, point) in new.status.load_balancer.ingress.iter().enumerate() {
        let field = format!("status.loadBalancer.ingress[{at}]");
        if !point.ip.is_empty() && !known.contains(&&point.ip) {
            let field = format!("{field}.ip");
            errors.extend(ip::wrong(&point.ip).iter().map(|why| invalid(&field, &json!(point.ip), why)));
        }
        if !point.hostname.is_empty() {
            let field = format!("{field}.hostname");
            each(&field, &point.hostname, names::dns_subdomain(&point.hostname), errors);
            if point.hostname.parse::<IpAddr>().is_ok() {
                errors.push(invalid(&field, &json!(point.hostname), NOT_A_NAME));
            }
        }
    }
}

/// A class.
pub fn class(class: &IngressClass, errors: &mut Vec<FieldError>) {
    if class.spec.controller.len() > LONGEST_CONTROLLER {
        errors.push(too_long("spec.controller", LONGEST_CONTROLLER));
    }
    domain_path(&class.spec.controller, "spec.controller", errors);
    if let Some(parameters) = &class.spec.parameters {
        class_parameters(parameters, errors);
    }
}

/// A changed class: its controller stays.
pub fn class_update(new: &IngressClass, old: &IngressClass, errors: &mut Vec<FieldError>) {
    class(new, errors);
    if new.spec.controller != old.spec.controller {
        errors.push(invalid("spec.controller", &json!(new.spec.controller), "field is immutable"));
    }
}

/// `acme.io/foo`.
fn domain_path(text: &str, field: &str, errors: &mut Vec<FieldError>) {
    if text.is_empty() {
        return errors.push(required(field, ""));
    }
    let Some((domain, path)) = text.split_once('/').filter(|(domain, path)| !domain.is_empty() && !path.is_empty())
    else {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return errors.push(invalid(field, &json!(text), why));
    };
    each(field, domain, names::dns_subdomain(domain), errors);
    if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b)) {
        let why = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
        errors.push(invalid(field, &json!(path), why));
    }
}

fn class_parameters(to: &IngressClassParametersReference, errors: &mut Vec<FieldError>) {
    let field = "spec.parameters";
    reference(to.api_group.as_deref(), &to.kind, &to.name, field, errors);
    let namespace = format!("{field}.namespace");
    match (to.scope.as_deref(), &to.namespace) {
        (None, _) => errors.push(required(&format!("{field}.scope"), "")),
        (Some("Namespace"), None) => {
            errors.push(required(&namespace, "`parameters.scope` is set to 'Namespace'"));
        }
        (Some("Namespace"), Some(name)) => each(&namespace, name, names::dns_label(name), errors),
        (Some("Cluster"), Some(_)) => {
            errors.push(forbidden(&namespace, "`parameters.scope` is set to 'Cluster'"));
        }
        (Some("Cluster"), None) => {}
        (Some(other), _) => errors.push(unsupported(&format!("{field}.scope"), other, &["Cluster", "Namespace"])),
    }
}
