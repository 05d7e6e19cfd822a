//! The containers of a pod or a template.

use serde_json::Value;

use super::page::{Page, time, truth};
use crate::api::Quantity;
use crate::kubectl::json::{at, bool_at, entries, int_at, items, plain, text, text_at};

/// Describes containers below a title. `space` is the extra indent of a template; `pod` resolves field references.
pub fn describe(page: &mut Page, title: &str, containers: &[Value], statuses: &[Value], space: &str, pod: &Value) {
    if containers.is_empty() {
        return page.line(0, format!("{space}{title}: <none>"));
    }
    page.line(0, format!("{space}{title}:"));
    for container in containers {
        let status = statuses.iter().find(|s| text(s, "name") == text(container, "name"));
        basic(page, container, status, space);
        for (label, field) in [("Command", "command"), ("Args", "args")] {
            words(page, label, items(container, &[field]));
        }
        if let Some(status) = status {
            state(page, "State", at(status, &["state"]));
            if !at(status, &["lastState", "terminated"]).is_null() {
                state(page, "Last State", at(status, &["lastState"]));
            }
            page.pair(2, "Ready", truth(bool_at(status, &["ready"])));
            page.pair(2, "Restart Count", int_at(status, &["restartCount"]).unwrap_or(0).to_string());
        }
        resources(page, at(container, &["resources"]), 2);
        for (label, field) in
            [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
        {
            if !at(container, &[field]).is_null() {
                page.pair(2, label, probe(at(container, &[field])));
            }
        }
        environment_sources(page, items(container, &["envFrom"]));
        environment(page, items(container, &["env"]), pod, container);
        mounts(page, container);
    }
}

fn basic(page: &mut Page, container: &Value, status: Option<&Value>, space: &str) {
    let indent = if space.is_empty() { "" } else { " " };
    page.line(1, format!("{indent}{}:", text(container, "name")));
    if let Some(status) = status {
        page.pair(2, "Container ID", text(status, "containerID"));
    }
    page.pair(2, "Image", text(container, "image"));
    if let Some(status) = status {
        page.pair(2, "Image ID", text(status, "imageID"));
    }
    for (label, field) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
        let ports: Vec<String> = items(container, &["ports"])
            .iter()
            .map(|p| {
                let protocol = if text(p, "protocol").is_empty() { "TCP" } else { text(p, "protocol") };
                let name = if text(p, "name").is_empty() || field == "hostPort" {
                    String::new()
                } else {
                    format!(" ({})", text(p, "name"))
                };
                format!("{}/{protocol}{name}", int_at(p, &[field]).unwrap_or(0))
            })
            .collect();
        let label = if ports.len() > 1 { format!("{label}s") } else { label.to_owned() };
        page.pair(2, &label, if ports.is_empty() { "<none>".into() } else { ports.join(", ") });
    }
    let seccomp = text_at(container, &["securityContext", "seccompProfile", "type"]);
    if !seccomp.is_empty() {
        page.pair(2, "SeccompProfile", seccomp);
    }
}

fn words(page: &mut Page, label: &str, words: &[Value]) {
    if words.is_empty() {
        return;
    }
    page.line(2, format!("{label}:"));
    for word in words.iter().filter_map(Value::as_str) {
        word.split('\n').for_each(|line| page.line(3, line));
    }
}

fn state(page: &mut Page, label: &str, state: &Value) {
    if !at(state, &["running"]).is_null() {
        page.pair(2, label, "Running");
        page.pair(3, "Started", time(text_at(state, &["running", "startedAt"])));
    } else if !at(state, &["terminated"]).is_null() {
        let ended = at(state, &["terminated"]);
        page.pair(2, label, "Terminated");
        for (label, field) in [("Reason", "reason"), ("Message", "message")] {
            if !text(ended, field).is_empty() {
                page.pair(3, label, text(ended, field));
            }
        }
        page.pair(3, "Exit Code", int_at(ended, &["exitCode"]).unwrap_or(0).to_string());
        if let Some(signal) = int_at(ended, &["signal"]).filter(|s| *s > 0) {
            page.pair(3, "Signal", signal.to_string());
        }
        page.pair(3, "Started", time(text(ended, "startedAt")));
        page.pair(3, "Finished", time(text(ended, "finishedAt")));
    } else {
        page.pair(2, label, "Waiting");
        if !text_at(state, &["waiting", "reason"]).is_empty() {
            page.pair(3, "Reason", text_at(state, &["waiting", "reason"]));
        }
    }
}

/// Limits and requests.
pub fn resources(page: &mut Page, resources: &Value, level: u32) {
    for (label, field) in [("Limits", "limits"), ("Requests", "requests")] {
        let amounts = entries(resources, &[field]);
        if !amounts.is_empty() {
            page.line(level, format!("{label}:"));
            amounts.iter().for_each(|(name, amount)| page.pair(level + 1, name, plain(amount)));
        }
    }
}

/// One probe on one line.
fn probe(probe: &Value) -> String {
    let number = |field: &str, default: i64| int_at(probe, &[field]).unwrap_or(default);
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        number("initialDelaySeconds", 0),
        number("timeoutSeconds", 0),
        number("periodSeconds", 0),
        number("successThreshold", 0),
        number("failureThreshold", 0)
    );
    let http = at(probe, &["httpGet"]);
    if !at(probe, &["exec"]).is_null() {
        let words: Vec<&str> = items(probe, &["exec", "command"]).iter().filter_map(Value::as_str).collect();
        format!("exec [{}] {attributes}", words.join(" "))
    } else if !http.is_null() {
        let scheme =
            if text(http, "scheme").is_empty() { "http".to_owned() } else { text(http, "scheme").to_lowercase() };
        let path = text(http, "path");
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        format!("http-get {scheme}://{}:{}{slash}{path} {attributes}", text(http, "host"), plain(at(http, &["port"])))
    } else if !at(probe, &["tcpSocket"]).is_null() {
        let socket = at(probe, &["tcpSocket"]);
        format!("tcp-socket {}:{} {attributes}", text(socket, "host"), plain(at(socket, &["port"])))
    } else if !at(probe, &["grpc"]).is_null() {
        let grpc = at(probe, &["grpc"]);
        format!("grpc <pod>:{} {} {attributes}", plain(at(grpc, &["port"])), text(grpc, "service"))
    } else {
        format!("unknown {attributes}")
    }
}

fn environment_sources(page: &mut Page, sources: &[Value]) {
    if sources.is_empty() {
        return;
    }
    page.line(2, "Environment Variables from:");
    for source in sources {
        let (from, reference) = match at(source, &["configMapRef"]) {
            Value::Null => ("Secret", at(source, &["secretRef"])),
            reference => ("ConfigMap", reference),
        };
        let prefix = match text(source, "prefix") {
            "" => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        page.line(
            3,
            format!("{}\t{from}{prefix}\tOptional: {}", text(reference, "name"), bool_at(reference, &["optional"])),
        );
    }
}

fn environment(page: &mut Page, variables: &[Value], pod: &Value, container: &Value) {
    if variables.is_empty() {
        return page.line(2, "Environment:\t<none>");
    }
    page.line(2, "Environment:");
    for variable in variables {
        let name = text(variable, "name");
        let from = at(variable, &["valueFrom"]);
        if from.is_null() {
            for (i, line) in text(variable, "value").split('\n').enumerate() {
                let head = if i == 0 { format!("{name}:") } else { String::new() };
                page.line(3, format!("{head}\t{line}"));
            }
            continue;
        }
        let line = if !at(from, &["fieldRef"]).is_null() {
            let (path, version) =
                (text_at(from, &["fieldRef", "fieldPath"]), text_at(from, &["fieldRef", "apiVersion"]));
            format!("{name}:\t{} ({version}:{path})", field_value(pod, path))
        } else if !at(from, &["resourceFieldRef"]).is_null() {
            let source = at(from, &["resourceFieldRef"]);
            format!("{name}:\t{} ({})", resource_value(container, source), text(source, "resource"))
        } else if !at(from, &["secretKeyRef"]).is_null() {
            let key = at(from, &["secretKeyRef"]);
            format!(
                "{name}:\t<set to the key '{}' in secret '{}'>\tOptional: {}",
                text(key, "key"),
                text(key, "name"),
                bool_at(key, &["optional"])
            )
        } else {
            let key = at(from, &["configMapKeyRef"]);
            format!(
                "{name}:\t<set to the key '{}' of config map '{}'>\tOptional: {}",
                text(key, "key"),
                text(key, "name"),
                bool_at(key, &["optional"])
            )
        };
        page.line(3, line);
    }
}

/// The value of a field reference, as far as the object tells.
fn field_value(pod: &Value, path: &str) -> String {
    if let Some((map, key)) = path.strip_suffix("']").and_then(|p| p.split_once("['")) {
        let parts: Vec<&str> = map.split('.').collect();
        return text_at(at(pod, &parts), &[key]).to_owned();
    }
    match path {
        "spec.nodeName" | "spec.serviceAccountName" | "status.hostIP" | "status.podIP" => String::new(),
        path => plain(at(pod, &path.split('.').collect::<Vec<_>>())).replace("<nil>", ""),
    }
}

/// An amount in units of its divisor, rounded up (`ExtractContainerResourceValue`).
fn resource_value(container: &Value, source: &Value) -> String {
    let (kind, name) = text(source, "resource").split_once('.').unwrap_or_default();
    let amount = |value: &Value| plain(value).parse::<Quantity>().map_or(0, |amount| amount.millis());
    let by = match amount(at(source, &["divisor"])) {
        0 => 1000,
        by => by,
    };
    match amount(at(container, &["resources", kind, name])) {
        0 if kind == "limits" && matches!(name, "cpu" | "memory") => "node allocatable".into(),
        millis => (millis / by + i64::from(millis % by != 0)).to_string(),
    }
}

fn mounts(page: &mut Page, container: &Value) {
    let mut mounts: Vec<&Value> = items(container, &["volumeMounts"]).iter().collect();
    mounts.sort_by_key(|m| text(m, "mountPath").to_owned());
    if mounts.is_empty() {
        page.line(2, "Mounts:\t<none>");
    } else {
        page.line(2, "Mounts:");
    }
    for mount in mounts {
        let mut flags = vec![if bool_at(mount, &["readOnly"]) { "ro".to_owned() } else { "rw".to_owned() }];
        if !text(mount, "subPath").is_empty() {
            flags.push(format!("path={:?}", text(mount, "subPath")));
        }
        page.line(3, format!("{} from {} ({})", text(mount, "mountPath"), text(mount, "name"), flags.join(",")));
    }
    let devices = items(container, &["volumeDevices"]);
    if !devices.is_empty() {
        page.line(2, "Devices:");
        devices.iter().for_each(|d| page.line(3, format!("{} from {}", text(d, "devicePath"), text(d, "name"))));
    }
}
