//! `create ingress`. Models `create_ingress.go`.

use serde_json::{Value, json};

use super::{Made, metadata, name};
use crate::kubectl::ctx::{Ctx, Stop, fail};

/// A rule of the flags: `host/path=service:port[,tls[=secret]]`.
struct Rule {
    host: String,
    path: String,
    backend: Value,
    tls: Option<String>,
}

/// An ingress.
pub fn ingress(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let said = ctx.args().raw_list("rule").to_vec();
    let default = ctx.args().text("default-backend").to_owned();
    if said.is_empty() && default.is_empty() {
        return fail(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
        );
    }
    let mut rules = Vec::new();
    for text in &said {
        rules.push(rule(text)?);
    }
    let mut meta = metadata(ctx, &name, true);
    for pair in ctx.args().raw_list("annotation") {
        let Some((key, value)) = pair.split_once('=') else {
            return fail(format!("annotation {pair} is invalid and should be in format key=[value]"));
        };
        meta["annotations"][key] = json!(value);
    }
    let mut spec = json!({});
    if !ctx.args().text("class").is_empty() {
        spec["ingressClassName"] = json!(ctx.args().text("class"));
    }
    if !default.is_empty() {
        let Some(to) = backend(&default) else {
            return fail("default-backend should be in format servicename:serviceport");
        };
        spec["defaultBackend"] = to;
    }
    if !rules.is_empty() {
        spec["rules"] = by_host(&rules);
    }
    let tls = certificates(&rules);
    if !tls.is_empty() {
        spec["tls"] = json!(tls);
    }
    let object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec,
        "status": {"loadBalancer": {}},
    });
    Ok(Made { object, refusal: "failed to create ingress: " })
}

fn rule(text: &str) -> Result<Rule, Stop> {
    let wrong =
        || fail(format!("rule {text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"));
    let Some((host, _)) = text.split_once('/') else { return wrong() };
    if !host.chars().all(|c| is_word(c) || "*-.".contains(c)) {
        return wrong();
    }
    // The last `=` that a service follows ends the path; what follows the service counts for nothing.
    let main = text.split_once(',').map_or(text, |(main, _)| main);
    let found = main.rmatch_indices('=').filter(|(at, _)| *at > host.len()).find_map(|(at, _)| {
        let (service, rest) = words(&main[at + 1..]);
        let (port, _) = words(rest.strip_prefix(':')?);
        Some((&main[host.len()..at], backend(&format!("{service}:{port}"))?))
    });
    let Some((path, backend)) = found else { return wrong() };
    // Whatever stands behind a single comma asks for TLS, and after its `=` stands the secret.
    let tls = match text.split(',').collect::<Vec<_>>()[..] {
        [_, tls] => Some(tls.split('=').nth(1).unwrap_or("").to_owned()),
        _ => None,
    };
    Ok(Rule { host: host.to_owned(), path: path.to_owned(), backend, tls })
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The word characters and hyphens at the beginning of a text, and what follows them.
fn words(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_word(c) && c != '-').unwrap_or(text.len()))
}

/// `service:port`, where the port is a number or a name.
fn backend(text: &str) -> Option<Value> {
    let (name, port) = text.split_once(':').filter(|(name, port)| !name.is_empty() && !port.is_empty())?;
    if port.contains(':') {
        return None;
    }
    let port = port.parse::<u16>().map_or_else(|_| json!({"name": port}), |number| json!({"number": number}));
    Some(json!({"service": {"name": name, "port": port}}))
}

/// One rule a host, in the order of the flags. A path that ends with `*` is a prefix.
fn by_host(rules: &[Rule]) -> Value {
    let mut hosts: Vec<(&str, Vec<Value>)> = Vec::new();
    for rule in rules {
        let (path, kind) = match rule.path.strip_suffix('*') {
            Some(prefix) => (prefix, "Prefix"),
            None => (rule.path.as_str(), "Exact"),
        };
        let path = json!({"path": path, "pathType": kind, "backend": rule.backend});
        match hosts.iter_mut().find(|(host, _)| *host == rule.host) {
            Some((_, paths)) => paths.push(path),
            None => hosts.push((&rule.host, vec![path])),
        }
    }
    let made = hosts.into_iter().map(|(host, paths)| {
        let mut rule = json!({"http": {"paths": paths}});
        if !host.is_empty() {
            rule["host"] = json!(host);
        }
        rule
    });
    Value::Array(made.collect())
}

/// The hosts of each secret, in the order of the flags; a host counts once, for the first secret that it is named with.
fn certificates(rules: &[Rule]) -> Vec<Value> {
    let mut secrets: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for rule in rules {
        let (Some(secret), host) = (rule.tls.as_deref(), rule.host.as_str()) else { continue };
        if seen.contains(&host) || (secret.is_empty() && host.is_empty()) {
            continue;
        }
        seen.push(host);
        match secrets.iter_mut().find(|(known, _)| *known == secret) {
            Some((_, hosts)) => hosts.push(host),
            None => secrets.push((secret, vec![host])),
        }
    }
    let made = secrets.into_iter().map(|(secret, mut hosts)| {
        hosts.retain(|host| !host.is_empty());
        let mut tls = json!({});
        if !hosts.is_empty() {
            tls["hosts"] = json!(hosts);
        }
        if !secret.is_empty() {
            tls["secretName"] = json!(secret);
        }
        tls
    });
    made.collect()
}
