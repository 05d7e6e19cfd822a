//! Names and ports of a pod. Models `validatePodDNSConfig`, `validatePodHostNetworkDeps` and `ValidateHostAliases` of
//! `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{each, invalid, required};
use super::{ip, names};
use crate::api::{FieldError, PodSpec};

const MOST_SERVERS: usize = 3;
const MOST_SEARCHES: usize = 32;
const LONGEST_SEARCH: usize = 2_048;

fn words<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    value[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// How names are resolved.
pub fn dns_config(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let config = spec.rest.get("dnsConfig").filter(|config| !config.is_null());
    let Some(config) = config else {
        if spec.dns_policy == "None" {
            errors.push(required(field, "must provide `dnsConfig` when `dnsPolicy` is None"));
        }
        return;
    };
    let (servers, searches) = (words(config, "nameservers"), words(config, "searches"));
    if spec.dns_policy == "None" && servers.is_empty() {
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        return errors.push(required(&format!("{field}.nameservers"), why));
    }
    if servers.len() > MOST_SERVERS {
        let why = format!("must not have more than {MOST_SERVERS} nameservers");
        errors.push(invalid(&format!("{field}.nameservers"), &json!(servers), &why));
    }
    for (at, server) in servers.iter().enumerate() {
        ip::address(server, &format!("{field}.nameservers[{at}]"), errors);
    }
    let at = format!("{field}.searches");
    if searches.len() > MOST_SEARCHES {
        let why = format!("must not have more than {MOST_SEARCHES} search paths");
        errors.push(invalid(&at, &json!(searches), &why));
    }
    if searches.join(" ").len() > LONGEST_SEARCH {
        let why = format!("must not have more than {LONGEST_SEARCH} characters (including spaces) in the search list");
        errors.push(invalid(&at, &json!(searches), &why));
    }
    for (index, search) in searches.iter().enumerate().filter(|(_, search)| **search != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        each(&format!("{at}[{index}]"), search, names::dns_subdomain_with_underscore(search), errors);
    }
    for (index, option) in config["options"].as_array().into_iter().flatten().enumerate() {
        if option["name"].as_str().unwrap_or("").is_empty() {
            errors.push(required(&format!("{field}.options[{index}]"), "must not be empty"));
        }
    }
}

/// On the node's network a container's port is the node's; a template may leave that one out.
pub fn host_ports(spec: &PodSpec, field: &str, is_pod: bool, errors: &mut Vec<FieldError>) {
    for (at, container) in spec.containers.iter().enumerate().filter(|_| spec.host_network) {
        for (index, port) in container.ports.iter().enumerate() {
            if (is_pod || port.host_port != 0) && port.host_port != port.container_port {
                let field = format!("{field}.containers[{at}].ports[{index}].hostPort");
                let why = "must match `containerPort` when `hostNetwork` is true";
                errors.push(invalid(&field, &json!(port.host_port), why));
            }
        }
    }
}

/// Lines for `/etc/hosts`.
pub fn host_aliases(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let Some(aliases) = spec.rest.get("hostAliases").and_then(Value::as_array) else { return };
    for (at, alias) in aliases.iter().enumerate() {
        ip::address(alias["ip"].as_str().unwrap_or(""), &format!("{field}[{at}].ip"), errors);
        for (index, host) in words(alias, "hostnames").into_iter().enumerate() {
            each(&format!("{field}[{at}].hostnames[{index}]"), host, names::dns_subdomain(host), errors);
        }
    }
}
