//! `kubectl port-forward`: ports of the terminal's machine that lead to a pod, until it is interrupted.
//!
//! Models `k8s.io/kubectl/pkg/cmd/portforward` and `k8s.io/client-go/tools/portforward`. Who connects is a line of the terminal
//! that is typed while this one goes on: `curl localhost:8080`.

use serde_json::Value;

use crate::api::http::{HttpRequest, Method};
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{items, text, text_at};
use crate::kubectl::process::Forward;
use crate::kubectl::select::resource_named;
use crate::kubectl::verb::{common, pods};

/// The first port that is drawn where none is named.
const FIRST_DRAWN: u16 = 40_000;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let [target, ports @ ..] = words.as_slice() else {
        return common::usage(ctx, "TYPE/NAME and list of ports are required for port-forward");
    };
    if ports.is_empty() {
        return common::usage(ctx, "TYPE/NAME and list of ports are required for port-forward");
    }
    let service = service(ctx, target)?;
    let pod = pods::one(ctx, target)?;
    let mut wanted = Vec::new();
    for port in ports {
        let translated = match &service {
            Some(service) => translate(port, service, &pod.object)?,
            None => named(port, &pod.object)?,
        };
        wanted.push(pair(&translated)?);
    }
    let phase = text_at(&pod.object, &["status", "phase"]);
    if phase != "Running" {
        return fail(format!("unable to forward port because pod is not running. Current status={phase}"));
    }
    let path = format!("/api/v1/namespaces/{}/pods/{}/portforward", pod.namespace, pod.name);
    let mut forwards = Vec::new();
    for (i, (local, remote)) in wanted.into_iter().enumerate() {
        let local = if local == 0 { FIRST_DRAWN + u16::try_from(i).unwrap_or(0) } else { local };
        let mut request = HttpRequest::get(path.clone());
        request.method = Method::Post;
        request.accept = "*/*".into();
        request.query = vec![("ports".into(), remote.to_string())];
        forwards.push(Forward { local, remote, request });
    }
    for Forward { local, remote, .. } in forwards.clone() {
        ctx.print(format!("Forwarding from 127.0.0.1:{local} -> {remote}\n"));
        ctx.print(format!("Forwarding from [::1]:{local} -> {remote}\n"));
    }
    ctx.listen(forwards);
    Err(Stop::Pending)
}

/// The service that the word names, if it names one.
fn service(ctx: &mut Ctx<'_>, word: &str) -> Result<Option<Value>, Stop> {
    let Some((kind, name)) = word.split_once('/') else { return Ok(None) };
    let resource = resource_named(ctx, kind)?;
    if resource.kind != "Service" {
        return Ok(None);
    }
    let namespace = ctx.namespace();
    ctx.json(HttpRequest::get(resource.object_path(&namespace, name))).map(Some)
}

/// A port of a service as the pod's.
fn translate(port: &str, service: &Value, pod: &Value) -> Result<String, Stop> {
    let (local, remote) = port.split_once(':').unwrap_or((port, port));
    let name = text_at(service, &["metadata", "name"]);
    let of_service = items(service, &["spec", "ports"]).iter().find(|entry| {
        text(entry, "name") == remote || entry["port"].as_u64().map(|port| port.to_string()).as_deref() == Some(remote)
    });
    let Some(entry) = of_service else {
        return fail(match remote.parse::<u16>() {
            Ok(_) => format!("Service {name} does not have a service port {remote}"),
            Err(_) => format!("Service '{name}' does not have a named port '{remote}'"),
        });
    };
    if text_at(service, &["spec", "clusterIP"]) == "None" {
        return Ok(format!("{local}:{}", entry["port"]));
    }
    let target = match &entry["targetPort"] {
        Value::String(name) => match container_port(pod, name) {
            Some(port) => port.to_string(),
            None => {
                return fail(format!(
                    "Pod '{}' does not have a named port '{name}'",
                    text_at(pod, &["metadata", "name"])
                ));
            }
        },
        Value::Null => entry["port"].to_string(),
        number => number.to_string(),
    };
    let local = if local == remote { entry["port"].to_string() } else { local.to_owned() };
    Ok(format!("{local}:{target}"))
}

/// A port whose far end may be a name.
fn named(port: &str, pod: &Value) -> Result<String, Stop> {
    let (local, remote) = port.split_once(':').unwrap_or((port, port));
    if remote.is_empty() || remote.bytes().all(|byte| byte.is_ascii_digit()) || remote.contains(':') {
        return Ok(port.to_owned());
    }
    match container_port(pod, remote) {
        Some(number) if local == remote => Ok(number.to_string()),
        Some(number) => Ok(format!("{local}:{number}")),
        None => fail(format!("Pod '{}' does not have a named port '{remote}'", text_at(pod, &["metadata", "name"]))),
    }
}

fn container_port(pod: &Value, name: &str) -> Option<u64> {
    let mut ports = items(pod, &["spec", "containers"]).iter().flat_map(|container| items(container, &["ports"]));
    ports.find(|port| text(port, "name") == name).and_then(|port| port["containerPort"].as_u64())
}

/// The near and the far end of `8080:80`.
fn pair(port: &str) -> Result<(u16, u16), Stop> {
    let parts: Vec<&str> = port.split(':').collect();
    let (local, remote) = match parts[..] {
        [one] => (one, one),
        ["", remote] => ("0", remote),
        [local, remote] => (local, remote),
        _ => return fail(format!("invalid port format '{port}'")),
    };
    let number = |text: &str, which: &str| match text.parse::<u16>() {
        Ok(number) => Ok(number),
        Err(why) => {
            let why = if matches!(why.kind(), std::num::IntErrorKind::PosOverflow) {
                "value out of range"
            } else {
                "invalid syntax"
            };
            fail(format!("error parsing {which} port '{text}': strconv.ParseUint: parsing {text:?}: {why}"))
        }
    };
    let (local, remote) = (number(local, "local")?, number(remote, "remote")?);
    if remote == 0 {
        return fail("remote port must be > 0");
    }
    Ok((local, remote))
}
