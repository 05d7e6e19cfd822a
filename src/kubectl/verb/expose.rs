//! `kubectl expose`: a service for the pods of an object.
//!
//! Models `k8s.io/kubectl/pkg/cmd/expose`.

use serde_json::{Map, Value, json};

use super::common;
use super::create::{metadata, post};
use crate::api::Kind;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{at, entries, items, text};
use crate::kubectl::object;
use crate::kubectl::print::output;
use crate::kubectl::resource;
use crate::kubectl::select::NOTHING_NAMED;
use crate::kubectl::verb::change;
use crate::kubectl::verb::overrides::overridden;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !common::names_anything(ctx) {
        return fail(NOTHING_NAMED);
    }
    common::check_dry_run(ctx)?;
    let words = ctx.args().words.clone();
    let named = common::named_objects(ctx, &words)?;
    let services = resource::by_plural("services").expect("the table has services");
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        if !matches!(one.resource.kind, "Pod" | "Service" | "ReplicationController" | "Deployment" | "ReplicaSet") {
            return fail(format!("cannot expose a {}", one.resource.kind));
        }
        let Some(live) = change::fetch(ctx, one)? else { return Ok(()) };
        let service = service(ctx, one.resource.kind, &live)?;
        let namespace = ctx.namespace();
        let made = if common::is_client_dry_run(ctx) { service } else { post(ctx, services, &namespace, service, "")? };
        output::changed(ctx, services, &made, "exposed")
    })?;
    common::end_with_failures(ctx)
}

fn service(ctx: &Ctx<'_>, kind: &str, live: &Value) -> Result<Value, Stop> {
    let args = ctx.args();
    let name = match args.text("name") {
        "" => object::name(live).chars().take(63).collect::<String>(),
        name => name.to_owned(),
    };
    let mut meta = metadata(ctx, &name, true);
    let labels = match args.text("labels") {
        "" => at(live, &["metadata", "labels"]).clone(),
        given => pairs(given)?,
    };
    if labels.as_object().is_some_and(|l| !l.is_empty()) {
        meta["labels"] = labels;
    }
    let affinity = args.text("session-affinity");
    if !matches!(affinity, "" | "None" | "ClientIP") {
        return fail(format!("unknown session affinity: {affinity}"));
    }
    let mut spec = json!({"selector": selector(ctx, kind, live)?, "ports": ports(ctx, kind, live)?});
    for (flag, field) in [
        ("type", "type"),
        ("cluster-ip", "clusterIP"),
        ("load-balancer-ip", "loadBalancerIP"),
        ("session-affinity", "sessionAffinity"),
    ] {
        if !args.text(flag).is_empty() {
            spec[field] = json!(args.text(flag));
        }
    }
    if !args.text("external-ip").is_empty() {
        spec["externalIPs"] = json!([args.text("external-ip")]);
    }
    let made =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec, "status": {"loadBalancer": {}}});
    overridden(ctx, made, Kind::Service)
}

fn pairs(text: &str) -> Result<Value, Stop> {
    let mut found = Map::new();
    for pair in text.split(',') {
        let Some((key, value)) = pair.split_once('=') else { return fail(format!("unexpected label spec: {pair}")) };
        found.insert(key.into(), value.into());
    }
    Ok(Value::Object(found))
}

fn selector(ctx: &Ctx<'_>, kind: &str, live: &Value) -> Result<Value, Stop> {
    let given = ctx.args().text("selector");
    if !given.is_empty() {
        return pairs(given);
    }
    let complain = |why: &str| fail(format!("couldn't retrieve selectors via --selector flag or introspection: {why}"));
    match kind {
        "Pod" => match at(live, &["metadata", "labels"]) {
            labels if !entries(labels, &[]).is_empty() => Ok(labels.clone()),
            _ => complain("the pod has no labels and cannot be exposed"),
        },
        "Deployment" | "ReplicaSet" => {
            if !items(live, &["spec", "selector", "matchExpressions"]).is_empty() {
                return complain("couldn't convert expressions - \"MatchExpressions\" to map-based selector format");
            }
            Ok(at(live, &["spec", "selector", "matchLabels"]).clone())
        }
        _ => match at(live, &["spec", "selector"]) {
            Value::Null => complain("the service has no pod selector set"),
            selector => Ok(selector.clone()),
        },
    }
}

fn ports(ctx: &Ctx<'_>, kind: &str, live: &Value) -> Result<Value, Stop> {
    let args = ctx.args();
    let found: Vec<(String, String)> = match kind {
        "Service" => {
            items(live, &["spec", "ports"]).iter().map(|p| (at(p, &["port"]).to_string(), protocol(p))).collect()
        }
        _ => {
            let containers = if kind == "Pod" {
                items(live, &["spec", "containers"])
            } else {
                items(live, &["spec", "template", "spec", "containers"])
            };
            let all = containers.iter().flat_map(|c| items(c, &["ports"]));
            all.map(|p| (at(p, &["containerPort"]).to_string(), protocol(p))).collect()
        }
    };
    let wanted: Vec<(String, String)> = match args.text("port") {
        "" if found.is_empty() => return fail("couldn't find port via --port flag or introspection"),
        "" => found,
        given => given
            .split(',')
            .map(|port| {
                let known =
                    found.iter().find(|(p, _)| p == port).map_or("TCP".to_owned(), |(_, protocol)| protocol.clone());
                (port.to_owned(), known)
            })
            .collect(),
    };
    let several = wanted.len() > 1;
    let mut made = Vec::new();
    for (i, (port, known)) in wanted.iter().enumerate() {
        let Ok(number) = port.parse::<i64>() else {
            return fail(format!("strconv.Atoi: parsing {port:?}: invalid syntax"));
        };
        let protocol = if args.text("protocol").is_empty() { known.as_str() } else { args.text("protocol") };
        let target = match args.text("target-port") {
            "" => json!(number),
            text => text.parse::<i64>().map_or_else(|_| json!(text), |n| json!(n)),
        };
        let mut one = json!({"port": number, "protocol": protocol, "targetPort": target});
        if several {
            one["name"] = json!(format!("port-{}", i + 1));
        }
        made.push(one);
    }
    Ok(json!(made))
}

fn protocol(port: &Value) -> String {
    if text(port, "protocol").is_empty() { "TCP".into() } else { text(port, "protocol").to_owned() }
}
