//! Containers. Models `validateContainers`, `validateInitContainers` and what they call.

use serde_json::{Value, json};

use super::error::{duplicate, each, forbidden, invalid, required, too_many, unsupported};
use super::{env, mounts, names, probe, resources, security};
use crate::api::{Container, ContainerPort, FieldError, PodSpec, Protocol, RestartPolicy};
use crate::sim::VecSet;

const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
/// The most rules about starting a container again, and the most codes that a rule may list.
const MOST_RULES: usize = 20;
const MOST_CODES: usize = 255;

/// The containers of a spec.
pub fn containers(spec: &PodSpec, volumes: &VecSet<String>, field: &str, errors: &mut Vec<FieldError>) {
    let list = format!("{field}.containers");
    if spec.containers.is_empty() {
        errors.push(required(&list, ""));
        return;
    }
    let mut seen = VecSet::new();
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
        restart(container, &field, errors);
    }
    host_ports(&spec.containers, &list, errors);
}

/// The init containers of a spec.
pub fn init_containers(
    spec: &PodSpec,
    volumes: &VecSet<String>,
    any_resize: bool,
    field: &str,
    errors: &mut Vec<FieldError>,
) {
    let list = format!("{field}.initContainers");
    let mut seen: VecSet<&str> = spec.containers.iter().map(|c| c.name.as_str()).collect();
    for (at, container) in spec.init_containers.iter().enumerate() {
        let field = format!("{list}[{at}]");
        common(container, spec, volumes, &field, errors);
        if !container.name.is_empty() && !seen.insert(container.name.as_str()) {
            errors.push(duplicate(&format!("{field}.name"), &json!(container.name)));
        }
        let sidecar = container.restart_policy == Some(RestartPolicy::Always);
        restart(container, &field, errors);
        // Init containers run one by one, so each has the ports of the host to itself.
        host_ports(std::slice::from_ref(container), &list, errors);
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

/// A container's own policy, and its rules, which need one (`validateContainerRestartPolicy`).
fn restart(container: &Container, field: &str, errors: &mut Vec<FieldError>) {
    let rules = container.rest.get("restartPolicyRules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let policy = format!("{field}.restartPolicy");
    match &container.restart_policy {
        None if rules.is_empty() => return,
        None => errors.push(required(&policy, "must specify restartPolicy when restart rules are used")),
        Some(RestartPolicy::Unknown(word)) => {
            errors.push(unsupported(&policy, word, &["Always", "Never", "OnFailure"]));
        }
        Some(_) => {}
    }
    let field = format!("{field}.restartPolicyRules");
    if rules.len() > MOST_RULES {
        errors.push(too_many(&field, rules.len(), MOST_RULES));
    }
    for (at, rule) in rules.iter().enumerate() {
        let field = format!("{field}[{at}]");
        one_of(rule, "action", &["Restart", "RestartAllContainers"], &field, errors);
        let codes = format!("{field}.exitCodes");
        let of = &rule["exitCodes"];
        if of.is_null() {
            errors.push(required(&codes, "must be specified"));
            continue;
        }
        one_of(of, "operator", &["In", "NotIn"], &codes, errors);
        let count = of["values"].as_array().map_or(0, Vec::len);
        if count > MOST_CODES {
            errors.push(too_many(&format!("{codes}.values"), count, MOST_CODES));
        }
    }
}

fn one_of(value: &Value, name: &str, words: &[&str], field: &str, errors: &mut Vec<FieldError>) {
    let word = value[name].as_str().unwrap_or("");
    if !words.contains(&word) {
        errors.push(unsupported(&format!("{field}.{name}"), word, words));
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
    volumes: &VecSet<String>,
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
    env::variables(&container.env, &at("env"), errors);
    env::sources(&container.env_from, &at("envFrom"), errors);
    mounts::mounts(container, volumes, &at("volumeMounts"), errors);
    mounts::devices(container, spec, volumes, &at("volumeDevices"), errors);
    match container.image_pull_policy.as_str() {
        "" => errors.push(required(&at("imagePullPolicy"), "")),
        policy if PULL_POLICIES.contains(&policy) => {}
        other => errors.push(unsupported(&at("imagePullPolicy"), other, &PULL_POLICIES)),
    }
    resources::requirements(&container.resources, &at("resources"), errors);
    resize_policy(container, spec, &at("resizePolicy"), errors);
    security::container(container, &at("securityContext"), errors);
}

/// What a change of a resource does to the container.
fn resize_policy(container: &Container, spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
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
    let mut seen = VecSet::new();
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
    let mut seen = VecSet::new();
    for (at, container) in containers.iter().enumerate() {
        for (of, port) in container.ports.iter().enumerate().filter(|(_, p)| p.host_port != 0) {
            let text = format!("{}/{}/{}", port.protocol, port.host_ip, port.host_port);
            if !seen.insert(text.clone()) {
                errors.push(duplicate(&format!("{field}[{at}].ports[{of}].hostPort"), &json!(text)));
            }
        }
    }
}
