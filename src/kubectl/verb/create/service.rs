//! `create service clusterip|nodeport|loadbalancer|externalname`.

use serde_json::{Value, json};

use super::{Made, metadata, name, require};
use crate::api::validate::names;
use crate::kubectl::ctx::{Ctx, Stop, fail};

/// A service of this type.
pub fn service(ctx: &mut Ctx<'_>, kind: &'static str) -> Result<Made, Stop> {
    if kind == "ExternalName" {
        require(ctx, &["external-name"])?;
    }
    let name = name(ctx)?;
    let headless = kind == "ClusterIP" && ctx.args().text("clusterip") == "None";
    let pairs = ctx.args().list("tcp");
    if pairs.is_empty() && kind != "ExternalName" && !headless {
        return fail("at least one tcp port specifier must be provided");
    }
    if kind == "ExternalName" && !names::dns_subdomain(ctx.args().text("external-name")).is_empty() {
        return fail(format!("invalid service external name {}", ctx.args().text("external-name")));
    }
    let mut ports = Vec::new();
    for pair in &pairs {
        ports.push(port(ctx, pair, kind)?);
    }
    let labels = json!({"app": name});
    let mut meta = metadata(ctx, &name, true);
    meta["labels"] = labels.clone();
    let mut spec = json!({"selector": labels, "type": kind});
    if !ports.is_empty() {
        spec["ports"] = json!(ports);
    }
    if kind == "ClusterIP" && !ctx.args().text("clusterip").is_empty() {
        spec["clusterIP"] = json!(ctx.args().text("clusterip"));
    }
    if kind == "ExternalName" {
        spec["externalName"] = json!(ctx.args().text("external-name"));
    }
    let object =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec, "status": {"loadBalancer": {}}});
    let refusal = match kind {
        "ClusterIP" => "failed to create ClusterIP service: ",
        "NodePort" => "failed to create NodePort service: ",
        "LoadBalancer" => "failed to create LoadBalancer service: ",
        _ => "failed to create ExternalName service: ",
    };
    Ok(Made { object, refusal })
}

/// `port` or `port:target`.
fn port(ctx: &Ctx<'_>, pair: &str, kind: &str) -> Result<Value, Stop> {
    let mut parts = pair.split(':');
    let port = number(parts.next().unwrap_or(""))?;
    let target = match parts.next() {
        None => json!(port),
        Some(text) => match text.parse::<u16>() {
            Ok(0) => return fail("must be between 1 and 65535, inclusive"),
            Ok(number) => json!(number),
            Err(_) => match names::port_name(text) {
                wrong if wrong.is_empty() => json!(text),
                wrong => return fail(wrong.join(",")),
            },
        },
    };
    let mut made = json!({"name": pair.replace(':', "-"), "protocol": "TCP", "port": port, "targetPort": target});
    if kind == "NodePort" && ctx.args().int("node-port") != 0 {
        made["nodePort"] = json!(ctx.args().int("node-port"));
    }
    Ok(made)
}

fn number(text: &str) -> Result<u16, Stop> {
    match text.parse::<u16>() {
        Ok(number) => Ok(number),
        Err(e) if matches!(e.kind(), std::num::IntErrorKind::PosOverflow) => {
            fail(format!("strconv.ParseUint: parsing {text:?}: value out of range"))
        }
        Err(_) => fail(format!("strconv.ParseUint: parsing {text:?}: invalid syntax")),
    }
}
