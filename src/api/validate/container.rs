//! Containers. Models `validateContainers`, `validateInitContainers` and what they call.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::{duplicate, each, forbidden, invalid, not_found, required, unsupported};
use super::{field_path, names, probe, security};
use crate::api::{Container, ContainerPort, EnvVar, FieldError, PodSpec, Protocol, RestartPolicy};

const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// The containers of a spec.
pub fn containers(spec: &PodSpec, volumes: &BTreeSet<String>, field: &str, errors: &mut Vec<FieldError>) {
    let list = format!("{field}.containers");
    if spec.containers.is_empty() {
        errors.push(required(&list, ""));
        return;
    }
    let mut seen = BTreeSet::new();
    for (at, container) in spec.containers.iter().enumerate() {
        let field = format!("{list}[{at}]");
        common(container, spec, volumes, &field, errors);
        if !container.name.is_empty() && !seen.insert(container.name.as_str()) {
            errors.push(duplicate(&format!("{field}.name"), &json!(container.name)));
        }
        if let Some(lifecycle) = &container.lifecycle {
            probe::lifecycle(lifecycle, spec, &format!("{field}.lifecycle"), errors);
        }
        probe::liveness(container.liveness_probe.as_ref(), &format!("{field}.livenessProbe"), errors);
        probe::readiness(container.readiness_probe.as_ref(), &format!("{field}.readinessProbe"), errors);
        probe::liveness(container.startup_probe.as_ref(), &format!("{field}.startupProbe"), errors);
        if container.restart_policy.is_some() {
            errors.push(forbidden(&format!("{field}.restartPolicy"), "may not be set for non-init containers"));
        }
    }
    host_ports(&spec.containers, &list, errors);
}

/// The init containers of a spec.
pub fn init_containers(
    spec: &PodSpec,
    volumes: &BTreeSet<String>,
    any_resize: bool,
    field: &str,
    errors: &mut Vec<FieldError>,
) {
    let list = format!("{field}.initContainers");
    let mut seen: BTreeSet<&str> = spec.containers.iter().map(|c| c.name.as_str()).collect();
    for (at, container) in spec.init_containers.iter().enumerate() {
        let field = format!("{list}[{at}]");
        common(container, spec, volumes, &field, errors);
        if !container.name.is_empty() && !seen.insert(container.name.as_str()) {
            errors.push(duplicate(&format!("{field}.name"), &json!(container.name)));
        }
        let sidecar = container.restart_policy == Some(RestartPolicy::Always);
        if !sidecar && !any_resize {
            resize_restarts_nothing(container, &field, errors);
        }
        let lifecycle = format!("{field}.lifecycle");
        if let Some(hooks) = &container.lifecycle {
            if sidecar {
                probe::lifecycle(hooks, spec, &lifecycle, errors);
            } else {
                errors.push(forbidden(&lifecycle, "may not be set for init containers without restartPolicy=Always"));
            }
        }
        let probes = [
            ("livenessProbe", container.liveness_probe.as_ref()),
            ("readinessProbe", container.readiness_probe.as_ref()),
            ("startupProbe", container.startup_probe.as_ref()),
        ];
        for (name, check) in probes {
            let at = format!("{field}.{name}");
            match check {
                Some(_) if !sidecar => {
                    errors.push(forbidden(&at, "may not be set for init containers without restartPolicy=Always"));
                }
                check if name == "readinessProbe" => probe::readiness(check, &at, errors),
                check => probe::liveness(check, &at, errors),
            }
        }
    }
}

/// `must not have leading or trailing whitespace`, where that is looked at: in pods, not in templates.
pub fn image_is_trimmed(image: &str, field: &str, errors: &mut Vec<FieldError>) {
    if image.trim() != image {
        errors.push(invalid(field, &json!(image), "must not have leading or trailing whitespace"));
    }
}

/// What containers of all sorts must be like.
pub fn common(
    container: &Container,
    spec: &PodSpec,
    volumes: &BTreeSet<String>,
    field: &str,
    errors: &mut Vec<FieldError>,
) {
    let at = |name: &str| format!("{field}.{name}");
    if container.name.is_empty() {
        errors.push(required(&at("name"), ""));
    } else {
        each(&at("name"), &container.name, names::dns_label(&container.name), errors);
    }
    if container.image.is_empty() {
        errors.push(required(&at("image"), ""));
    }
    match container.termination_message_policy.as_str() {
        "File" | "FallbackToLogsOnError" => {}
        "" => errors.push(required(&at("terminationMessagePolicy"), "")),
        other => {
            errors.push(unsupported(&at("terminationMessagePolicy"), other, &["File", "FallbackToLogsOnError"]));
        }
    }
    ports(&container.ports, &at("ports"), errors);
    env(&container.env, &at("env"), errors);
    mounts(container, volumes, &at("volumeMounts"), errors);
    match container.image_pull_policy.as_str() {
        "" => errors.push(required(&at("imagePullPolicy"), "")),
        policy if PULL_POLICIES.contains(&policy) => {}
        other => errors.push(unsupported(&at("imagePullPolicy"), other, &PULL_POLICIES)),
    }
    resources(container, &at("resources"), errors);
    resize_policy(container, spec, &at("resizePolicy"), errors);
    security::container(container, &at("securityContext"), errors);
}

/// What a change of a resource does to the container.
fn resize_policy(container: &Container, spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (at, policy) in container.rest.get("resizePolicy").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let text = |name: &str| policy[name].as_str().unwrap_or("");
        let (resource, restart) = (text("resourceName"), text("restartPolicy"));
        if !seen.insert(resource) {
            errors.push(duplicate(&format!("{field}[{at}]"), &json!(resource)));
        }
        match resource {
            "cpu" | "memory" => {}
            "" => errors.push(required(field, "")),
            other => errors.push(unsupported(field, other, &["cpu", "memory"])),
        }
        match restart {
            "NotRequired" | "RestartContainer" => {}
            "" => errors.push(required(field, "")),
            other => errors.push(unsupported(field, other, &["NotRequired", "RestartContainer"])),
        }
        if spec.restart_policy == RestartPolicy::Never && restart == "RestartContainer" {
            let why = "must be 'NotRequired' when `restartPolicy` is 'Never'";
            errors.push(invalid(field, &json!(restart), why));
        }
    }
}

/// Whether a container that runs once would be started again for a change of its resources.
pub fn has_odd_resize(spec: &PodSpec) -> bool {
    let mut errors = Vec::new();
    let once = spec.init_containers.iter().filter(|c| c.restart_policy != Some(RestartPolicy::Always));
    once.for_each(|container| resize_restarts_nothing(container, "", &mut errors));
    !errors.is_empty()
}

/// Containers that run once are not started again for a change of their resources.
fn resize_restarts_nothing(container: &Container, field: &str, errors: &mut Vec<FieldError>) {
    let policies = container.rest.get("resizePolicy").and_then(Value::as_array);
    for (at, policy) in policies.into_iter().flatten().enumerate() {
        if policy["restartPolicy"] == "RestartContainer" {
            let field = format!("{field}.resizePolicy[{at}].restartPolicy");
            let why = "must not be set to 'RestartContainer' for non-sidecar initContainers";
            errors.push(invalid(&field, &json!("RestartContainer"), why));
        }
    }
}

fn ports(ports: &[ContainerPort], field: &str, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (at, port) in ports.iter().enumerate() {
        let at = |name: &str| format!("{field}[{at}].{name}");
        if !port.name.is_empty() {
            let wrong = names::port_name(&port.name);
            if wrong.is_empty() && !seen.insert(port.name.as_str()) {
                errors.push(duplicate(&at("name"), &json!(port.name)));
            }
            each(&at("name"), &port.name, wrong, errors);
        }
        if port.container_port == 0 {
            errors.push(required(&at("containerPort"), ""));
        } else {
            for why in names::port_number(port.container_port) {
                errors.push(invalid(&at("containerPort"), &json!(port.container_port), &why));
            }
        }
        if port.host_port != 0 {
            for why in names::port_number(port.host_port) {
                errors.push(invalid(&at("hostPort"), &json!(port.host_port), &why));
            }
        }
        protocol(&port.protocol, &at("protocol"), errors);
    }
}

/// A protocol.
pub fn protocol(protocol: &Protocol, field: &str, errors: &mut Vec<FieldError>) {
    if let Protocol::Unknown(word) = protocol {
        errors.push(match word.as_str() {
            "" => required(field, ""),
            other => unsupported(field, other, &PROTOCOLS),
        });
    }
}

/// Two containers of a pod cannot have the same port of the host.
fn host_ports(containers: &[Container], field: &str, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (at, container) in containers.iter().enumerate() {
        for (of, port) in container.ports.iter().enumerate().filter(|(_, p)| p.host_port != 0) {
            let text = format!("{}/{}/{}", port.protocol, port.host_ip, port.host_port);
            if !seen.insert(text.clone()) {
                errors.push(duplicate(&format!("{field}[{at}].ports[{of}].hostPort"), &json!(text)));
            }
        }
    }
}

fn env(vars: &[EnvVar], field: &str, errors: &mut Vec<FieldError>) {
    for (at, var) in vars.iter().enumerate() {
        let field = format!("{field}[{at}]");
        if var.name.is_empty() {
            errors.push(required(&format!("{field}.name"), ""));
        } else {
            each(&format!("{field}.name"), &var.name, names::env_name(&var.name), errors);
        }
        env_source(var, &format!("{field}.valueFrom"), errors);
    }
}

fn env_source(var: &EnvVar, field: &str, errors: &mut Vec<FieldError>) {
    let Some(source) = &var.value_from else { return };
    let named = ["resourceFieldRef", "fileKeyRef"].iter().filter(|n| source.rest.contains_key(**n)).count();
    let count = named
        + usize::from(source.field_ref.is_some())
        + usize::from(source.config_map_key_ref.is_some())
        + usize::from(source.secret_key_ref.is_some());
    if let Some(of) = &source.field_ref {
        field_path::object(&of.field_path, &of.api_version, &FIELDS, &format!("{field}.fieldRef"), errors);
    }
    if let Some(of) = source.rest.get("resourceFieldRef") {
        field_path::resource(of, false, &format!("{field}.resourceFieldRef"), errors);
    }
    for (name, of) in [("configMapKeyRef", &source.config_map_key_ref), ("secretKeyRef", &source.secret_key_ref)] {
        if let Some(of) = of {
            let key = format!("{field}.{name}.key");
            if of.key.is_empty() {
                errors.push(required(&key, ""));
            } else {
                each(&key, &of.key, names::config_key(&of.key), errors);
            }
        }
    }
    if count == 0 {
        let why =
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
        errors.push(invalid(field, &json!(""), why));
    } else if !var.value.is_empty() {
        errors.push(invalid(field, &json!(""), "may not be specified when `value` is not empty"));
    } else if count > 1 {
        errors.push(invalid(field, &json!(""), "may not have more than one field specified at a time"));
    }
}

/// The fields of a pod that can be in a variable.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

fn mounts(container: &Container, volumes: &BTreeSet<String>, field: &str, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (at, mount) in container.volume_mounts.iter().enumerate() {
        let at = |name: &str| format!("{field}[{at}].{name}");
        if mount.name.is_empty() {
            errors.push(required(&at("name"), ""));
        }
        if !volumes.contains(&mount.name) {
            errors.push(not_found(&at("name"), &mount.name));
        }
        if mount.mount_path.is_empty() {
            errors.push(required(&at("mountPath"), ""));
        }
        if !seen.insert(mount.mount_path.as_str()) {
            errors.push(invalid(&at("mountPath"), &json!(mount.mount_path), "must be unique"));
        }
        if mount.sub_path.starts_with('/') {
            errors.push(invalid(&at("subPath"), &json!(mount.sub_path), "must be a relative path"));
        }
        if mount.sub_path.split('/').any(|part| part == "..") {
            errors.push(invalid(&at("subPath"), &json!(mount.sub_path), "must not contain '..'"));
        }
    }
}

fn resource_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    let wrong = names::qualified_name(name);
    if !wrong.is_empty() {
        return each(field, name, wrong, errors);
    }
    let standard = matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if !name.contains('/') && !standard {
        if !matches!(name, "storage" | "pods" | "services") {
            errors.push(invalid(field, &json!(name), "must be a standard resource type or fully qualified"));
        }
        errors.push(invalid(field, &json!(name), "must be a standard resource for containers"));
    }
}

fn resources(container: &Container, field: &str, errors: &mut Vec<FieldError>) {
    let (limits, requests) = (&container.resources.limits, &container.resources.requests);
    for (name, list) in [("limits", limits), ("requests", requests)] {
        for (resource, amount) in list {
            let at = format!("{field}.{name}[{resource}]");
            resource_name(resource, &format!("{field}.{name}"), errors);
            if amount.sign() < 0 {
                let value = json!(amount.to_string());
                errors.push(invalid(&at, &value, "must be greater than or equal to 0"));
            }
            let whole = !matches!(resource.as_str(), "cpu" | "memory" | "ephemeral-storage");
            if whole && amount.millis() % 1_000 != 0 {
                errors.push(invalid(&at, &json!(amount.to_string()), "must be an integer"));
            }
        }
    }
    for (resource, request) in requests {
        let Some(limit) = limits.get(resource) else {
            let extended = resource.contains('/') && !resource.contains("kubernetes.io/");
            if extended || resource.starts_with("hugepages-") {
                let why = "Limit must be set for non overcommitable resources";
                errors.push(required(&format!("{field}.limits"), why));
            }
            continue;
        };
        let strict = resource.contains('/') || resource.starts_with("hugepages-");
        let sign = request.minus(*limit).sign();
        let relation = match (strict, sign) {
            (true, sign) if sign != 0 => "equal to",
            (false, 1) => "less than or equal to",
            _ => continue,
        };
        let why = format!("must be {relation} {resource} limit of {limit}");
        errors.push(invalid(&format!("{field}.requests"), &json!(request.to_string()), &why));
    }
}
