//! Pods. Models `ValidatePodCreate`, `ValidatePodUpdate`, `ValidatePodStatusUpdate` and `ValidatePodSpec`.

use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, required, unsupported};
use super::{container, meta, names, placement, volume};
use crate::api::{FieldError, Pod, PodSpec, PodTemplateSpec, RestartPolicy};

const DNS_POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/// A new pod.
pub fn create(pod: &Pod, errors: &mut Vec<FieldError>) {
    deletion_cost(pod, errors);
    spec(&pod.spec, "spec", errors);
}

fn deletion_cost(pod: &Pod, errors: &mut Vec<FieldError>) {
    const COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    if let Some(text) = pod.metadata.annotations.get(COST) {
        let plain = !text.starts_with('+') && (text == "0" || !text.trim_start_matches('-').starts_with('0'));
        if !plain || text.parse::<i32>().is_err() {
            let field = format!("metadata.annotations[{COST}]");
            errors.push(invalid(&field, &json!(text), "must be a 32bit integer"));
        }
    }
}

/// A template of pods, at `field`.
pub fn template(template: &PodTemplateSpec, field: &str, errors: &mut Vec<FieldError>) {
    meta::labels(&template.metadata.labels, &format!("{field}.labels"), errors);
    meta::annotations(&template.metadata.annotations, &format!("{field}.annotations"), errors);
    spec(&template.spec, &format!("{field}.spec"), errors);
}

/// A pod's spec, at `field`.
pub fn spec(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let at = |name: &str| format!("{field}.{name}");
    let volumes = volume::volumes(&spec.volumes, &at("volumes"), errors);
    container::containers(spec, &volumes, field, errors);
    container::init_containers(spec, &volumes, field, errors);
    restart_policy(&spec.restart_policy, &at("restartPolicy"), errors);
    if !DNS_POLICIES.contains(&spec.dns_policy.as_str()) {
        match spec.dns_policy.as_str() {
            "" => errors.push(required(&at("dnsPolicy"), "")),
            other => errors.push(unsupported(&at("dnsPolicy"), other, &DNS_POLICIES)),
        }
    }
    meta::labels(&spec.node_selector, &at("nodeSelector"), errors);
    image_pull_secrets(spec, &at("imagePullSecrets"), errors);
    if let Some(affinity) = &spec.affinity {
        placement::affinity(affinity, &at("affinity"), errors);
    }
    gates(spec, field, errors);
    named(&spec.service_account_name, &at("serviceAccountName"), names::dns_subdomain, errors);
    named(&spec.node_name, &at("nodeName"), names::dns_subdomain, errors);
    if let Some(seconds) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        errors.push(invalid(
            &at("activeDeadlineSeconds"),
            &json!(seconds),
            "must be between 1 and 2147483647, inclusive",
        ));
    }
    named(&spec.hostname, &at("hostname"), names::dns_label, errors);
    named(&spec.subdomain, &at("subdomain"), names::dns_label, errors);
    placement::tolerations(&spec.tolerations, &at("tolerations"), errors);
    host_aliases(spec, &at("hostAliases"), errors);
    named(&spec.priority_class_name, &at("priorityClassName"), names::dns_subdomain, errors);
    if let Some(policy) = &spec.preemption_policy
        && !matches!(policy.as_str(), "PreemptLowerPriority" | "Never")
    {
        let supported = ["Never", "PreemptLowerPriority"];
        errors.push(match policy.as_str() {
            "" => required(&at("preemptionPolicy"), ""),
            other => unsupported(&at("preemptionPolicy"), other, &supported),
        });
    }
}

fn named(text: &str, field: &str, of: fn(&str) -> Vec<String>, errors: &mut Vec<FieldError>) {
    if !text.is_empty() {
        each(field, text, of(text), errors);
    }
}

fn restart_policy(policy: &RestartPolicy, field: &str, errors: &mut Vec<FieldError>) {
    if let RestartPolicy::Unknown(word) = policy {
        errors.push(match word.as_str() {
            "" => required(field, ""),
            other => unsupported(field, other, &["Always", "OnFailure", "Never"]),
        });
    }
}

fn image_pull_secrets(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let Some(secrets) = spec.rest.get("imagePullSecrets").and_then(Value::as_array) else { return };
    for (at, secret) in secrets.iter().enumerate() {
        let name = secret["name"].as_str().unwrap_or("");
        if name.is_empty() {
            errors.push(invalid(&format!("{field}[{at}].name"), secret, "name must not be empty"));
        }
    }
}

fn gates(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(gates) = spec.rest.get("readinessGates").and_then(Value::as_array) {
        for (at, gate) in gates.iter().enumerate() {
            let name = gate["conditionType"].as_str().unwrap_or("");
            each(&format!("{field}.readinessGates[{at}].conditionType"), name, names::qualified_name(name), errors);
        }
    }
    if let Some(gates) = spec.rest.get("schedulingGates").and_then(Value::as_array) {
        let mut seen: Vec<&str> = Vec::new();
        for (at, gate) in gates.iter().enumerate() {
            let name = gate["name"].as_str().unwrap_or("");
            let field = format!("{field}.schedulingGates[{at}]");
            each(&field, name, names::qualified_name(name), errors);
            if seen.contains(&name) {
                errors.push(super::duplicate(&field, &json!(name)));
            }
            seen.push(name);
        }
    }
}

fn host_aliases(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let Some(aliases) = spec.rest.get("hostAliases").and_then(Value::as_array) else { return };
    for (at, alias) in aliases.iter().enumerate() {
        let ip = alias["ip"].as_str().unwrap_or("");
        if ip.parse::<std::net::IpAddr>().is_err() {
            errors.push(invalid(&format!("{field}[{at}].ip"), &json!(ip), "must be a valid IP address"));
        }
        for host in alias["hostnames"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            each(&format!("{field}[{at}].hostnames"), host, names::dns_subdomain(host), errors);
        }
    }
}

/// Words of a change that pods do not allow; upstream adds the difference of its Go structs.
const FROZEN: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// A changed pod: little may change.
pub fn update(new: &Pod, old: &Pod, errors: &mut Vec<FieldError>) {
    if new.spec == old.spec {
        return;
    }
    if new.spec.containers.len() != old.spec.containers.len() {
        errors.push(forbidden("spec.containers", "pod updates may not add or remove containers"));
        return;
    }
    if new.spec.init_containers.len() != old.spec.init_containers.len() {
        errors.push(forbidden("spec.initContainers", "pod updates may not add or remove containers"));
        return;
    }
    images(new, errors);
    deadline(new, old, errors);
    if !old.spec.tolerations.iter().all(|t| {
        let kept = |n: &crate::api::Toleration| {
            let mut same = n.clone();
            same.toleration_seconds = t.toleration_seconds;
            same == *t
        };
        new.spec.tolerations.iter().any(kept)
    }) {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(forbidden("spec.tolerations", why));
        return;
    }
    placement::tolerations(&new.spec.tolerations, "spec.tolerations", errors);
    if thawed(&new.spec, &old.spec) != *old.spec {
        errors.push(forbidden("spec", FROZEN));
    }
}

fn images(new: &Pod, errors: &mut Vec<FieldError>) {
    for (list, containers) in [("containers", &new.spec.containers), ("initContainers", &new.spec.init_containers)] {
        for (at, container) in containers.iter().enumerate() {
            let field = format!("spec.{list}[{at}].image");
            if container.image.is_empty() {
                errors.push(required(&field, ""));
            } else if container.image.trim() != container.image {
                errors.push(invalid(&field, &json!(container.image), "must not have leading or trailing whitespace"));
            }
        }
    }
}

fn deadline(new: &Pod, old: &Pod, errors: &mut Vec<FieldError>) {
    let field = "spec.activeDeadlineSeconds";
    match (new.spec.active_deadline_seconds, old.spec.active_deadline_seconds) {
        (Some(new), _) if !(1..=i64::from(i32::MAX)).contains(&new) => {
            errors.push(invalid(field, &json!(new), "must be between 1 and 2147483647, inclusive"));
        }
        (Some(new), Some(old)) if new > old => {
            errors.push(invalid(field, &json!(new), "must be less than or equal to previous value"));
        }
        (None, Some(_)) => {
            errors.push(invalid(field, &Value::Null, "must not update from a positive integer to nil value"))
        }
        _ => {}
    }
}

/// The new spec with what may change put back as it was.
fn thawed(new: &PodSpec, old: &PodSpec) -> PodSpec {
    let mut spec = new.clone();
    let back = |new: &mut [crate::api::Container], old: &[crate::api::Container]| {
        for (n, o) in new.iter_mut().zip(old) {
            n.image = o.image.clone();
        }
    };
    back(&mut spec.containers, &old.containers);
    back(&mut spec.init_containers, &old.init_containers);
    spec.active_deadline_seconds = old.active_deadline_seconds;
    spec.tolerations = old.tolerations.clone();
    if old.termination_grace_period_seconds < 0 && new.termination_grace_period_seconds == 1 {
        spec.termination_grace_period_seconds = old.termination_grace_period_seconds;
    }
    // While gates keep a pod from being scheduled, its selector may grow and its gates may go.
    if old.rest.contains_key("schedulingGates") {
        if old.node_selector.iter().all(|(k, v)| new.node_selector.get(k) == Some(v)) {
            spec.node_selector = old.node_selector.clone();
        }
        spec.affinity = old.affinity.clone();
        let gates = old.rest.get("schedulingGates").cloned();
        spec.rest.extend(gates.map(|g| ("schedulingGates".to_owned(), g)));
    }
    spec
}

/// A changed status.
pub fn update_status(new: &Pod, errors: &mut Vec<FieldError>) {
    let nominated = &new.status.nominated_node_name;
    if !nominated.is_empty() {
        each("status.nominatedNodeName", nominated, names::dns_subdomain(nominated), errors);
    }
    if new.status.observed_generation < 0 {
        let value = json!(new.status.observed_generation);
        errors.push(invalid("status.observedGeneration", &value, "must be a non-negative integer"));
    }
}
