//! Pods and their templates. Models `ValidatePodCreate`, `ValidatePodTemplateSpec` and `ValidatePodSpec` of
//! `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, required, unsupported};
use super::{
    container, ephemeral, meta, names, placement, pod_affinity, pod_annotations, pod_network, resources, security,
    selector, volume,
};
use crate::api::{FieldError, LabelSelector, Pod, PodSpec, PodTemplateSpec, RestartPolicy, Volume};

const DNS_POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/// What is looked at less strictly, or only in some places.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// The spec is a pod's, not a template's.
    pub is_pod: bool,
    /// Nodes may be chosen by values that no label can have.
    pub any_node_value: bool,
    /// Init containers may say that a change of their resources starts them again.
    pub any_resize: bool,
}

/// A new pod.
pub fn create(pod: &Pod, errors: &mut Vec<FieldError>) {
    whole(pod, Options { is_pod: true, ..Options::default() }, errors);
    if !pod.spec.ephemeral_containers.is_empty() {
        errors.push(forbidden("spec.ephemeralContainers", "cannot be set on create"));
    }
    if !pod.spec.node_name.is_empty() && !gates_of(&pod.spec).is_empty() {
        errors.push(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
    }
    pod_annotations::fields_match(&pod.metadata, &pod.spec, errors);
}

/// The annotations and the spec of a pod, new or changed (`validatePodMetadataAndSpec`).
pub fn whole(pod: &Pod, options: Options, errors: &mut Vec<FieldError>) {
    pod_annotations::of(&pod.metadata.annotations, &pod.spec, "metadata.annotations", errors);
    spec(&pod.spec, "spec", options, errors);
    if pod.spec.service_account_name.is_empty() {
        for (at, volume) in pod.spec.volumes.iter().enumerate() {
            let sources = volume.rest.get("projected").and_then(|p| p["sources"].as_array());
            for (source, _) in
                sources.into_iter().flatten().enumerate().filter(|(_, s)| !s["serviceAccountToken"].is_null())
            {
                let field = format!("spec.volumes[{at}].projected.sources[{source}].serviceAccountToken");
                errors.push(forbidden(&field, "must not be specified when serviceAccountName is not set"));
            }
        }
    }
    ephemeral_claims(pod, errors);
    for (list, containers) in [("containers", &pod.spec.containers), ("initContainers", &pod.spec.init_containers)] {
        for (at, container) in containers.iter().enumerate() {
            container::image_is_trimmed(&container.image, &format!("spec.{list}[{at}].image"), errors);
        }
    }
}

/// The claims that are made for a pod's own volumes: their names are made from the pod's, and nothing else may use them.
fn ephemeral_claims(pod: &Pod, errors: &mut Vec<FieldError>) {
    let volumes = || pod.spec.volumes.iter().enumerate();
    let made = |volume: &Volume| format!("{}-{}", pod.metadata.name, volume.name);
    let is_own = |volume: &Volume| volume.rest.contains_key("ephemeral");
    let claims: Vec<String> = volumes().map(|(_, v)| v).filter(|v| is_own(v)).map(made).collect();
    for (at, volume) in volumes() {
        if is_own(volume) && !pod.metadata.name.is_empty() && !volume.name.is_empty() {
            let name = made(volume);
            errors.extend(names::dns_subdomain(&name).iter().map(|why| {
                let why = format!("PVC name {name:?}: {why}");
                invalid(&format!("spec.volumes[{at}].name"), &json!(volume.name), &why)
            }));
        }
        let claim = volume.rest.get("persistentVolumeClaim").and_then(|claim| claim["claimName"].as_str());
        if let Some(claim) = claim.filter(|claim| claims.iter().any(|made| made == claim)) {
            let field = format!("spec.volumes[{at}].persistentVolumeClaim.claimName");
            let why = "must not reference a PVC that gets created for an ephemeral volume";
            errors.push(invalid(&field, &json!(claim), why));
        }
    }
}

/// The gates that keep a pod from being scheduled.
pub fn gates_of(spec: &PodSpec) -> Vec<&str> {
    let gates = spec.rest.get("schedulingGates").and_then(Value::as_array);
    gates.into_iter().flatten().map(|gate| gate["name"].as_str().unwrap_or("")).collect()
}

/// A template of pods, at `field`.
pub fn template(template: &PodTemplateSpec, field: &str, errors: &mut Vec<FieldError>) {
    meta::labels(&template.metadata.labels, &format!("{field}.labels"), errors);
    let annotations = format!("{field}.annotations");
    meta::annotations(&template.metadata.annotations, &annotations, errors);
    pod_annotations::of(&template.metadata.annotations, &template.spec, &annotations, errors);
    spec(&template.spec, &format!("{field}.spec"), Options::default(), errors);
    if !template.spec.ephemeral_containers.is_empty() {
        let why = "ephemeral containers not allowed in pod template";
        errors.push(forbidden(&format!("{field}.spec.ephemeralContainers"), why));
    }
}

/// A pod's spec, at `field`.
pub fn spec(spec: &PodSpec, field: &str, options: Options, errors: &mut Vec<FieldError>) {
    let at = |name: &str| format!("{field}.{name}");
    let volumes = volume::volumes(&spec.volumes, &at("volumes"), errors);
    container::containers(spec, &volumes, field, errors);
    container::init_containers(spec, &volumes, options.any_resize, field, errors);
    ephemeral::containers(spec, &volumes, field, errors);
    resources::of_pod(spec, &at("resources"), errors);
    pod_network::host_ports(spec, field, options.is_pod, errors);
    restart_policy(&spec.restart_policy, &at("restartPolicy"), errors);
    if !DNS_POLICIES.contains(&spec.dns_policy.as_str()) {
        match spec.dns_policy.as_str() {
            "" => errors.push(required(&at("dnsPolicy"), "")),
            other => errors.push(unsupported(&at("dnsPolicy"), other, &DNS_POLICIES)),
        }
    }
    meta::labels(&spec.node_selector, &at("nodeSelector"), errors);
    security::pod(spec, &at("securityContext"), errors);
    if let Some(affinity) = &spec.affinity {
        placement::affinity(affinity, options.any_node_value, &at("affinity"), errors);
        pod_affinity::affinity(affinity, &at("affinity"), errors);
    }
    pod_network::dns_config(spec, &at("dnsConfig"), errors);
    gates(spec, field, errors);
    topology(spec, &at("topologySpreadConstraints"), errors);
    security::host_users(spec, field, errors);
    rest(spec, field, errors);
}

fn rest(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let at = |name: &str| format!("{field}.{name}");
    named(&spec.service_account_name, &at("serviceAccountName"), names::dns_subdomain, errors);
    named(&spec.node_name, &at("nodeName"), names::dns_subdomain, errors);
    if let Some(seconds) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let why = "must be between 1 and 2147483647, inclusive";
        errors.push(invalid(&at("activeDeadlineSeconds"), &json!(seconds), why));
    }
    named(&spec.hostname, &at("hostname"), names::dns_label, errors);
    named(&spec.subdomain, &at("subdomain"), names::dns_label, errors);
    placement::tolerations(&spec.tolerations, &at("tolerations"), errors);
    pod_network::host_aliases(spec, &at("hostAliases"), errors);
    named(&spec.priority_class_name, &at("priorityClassName"), names::dns_subdomain, errors);
    if let Some(class) = spec.rest.get("runtimeClassName").and_then(Value::as_str) {
        each(&at("runtimeClassName"), class, names::dns_subdomain(class), errors);
    }
    if let Some(policy) = &spec.preemption_policy
        && !matches!(policy.as_str(), "PreemptLowerPriority" | "Never")
    {
        errors.push(match policy.as_str() {
            "" => required(&at("preemptionPolicy"), ""),
            other => unsupported(&at("preemptionPolicy"), other, &["PreemptLowerPriority", "Never"]),
        });
    }
    if let Some(os) = spec.rest.get("os").filter(|os| os.is_object()) {
        match os["name"].as_str().unwrap_or("") {
            "linux" | "windows" => {}
            "" => errors.push(required(&at("os.name"), "cannot be empty")),
            other => errors.push(unsupported(&at("os"), other, &["linux", "windows"])),
        }
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

fn gates(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(gates) = spec.rest.get("readinessGates").and_then(Value::as_array) {
        for (at, gate) in gates.iter().enumerate() {
            let name = gate["conditionType"].as_str().unwrap_or("");
            each(&format!("{field}.readinessGates[{at}].conditionType"), name, names::qualified_name(name), errors);
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for (at, name) in gates_of(spec).into_iter().enumerate() {
        let field = format!("{field}.schedulingGates[{at}]");
        each(&field, name, names::qualified_name(name), errors);
        if seen.contains(&name) {
            errors.push(super::duplicate(&field, &json!(name)));
        }
        seen.push(name);
    }
}

/// How pods are spread (`validateTopologySpreadConstraints`).
fn topology(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let Some(constraints) = spec.rest.get("topologySpreadConstraints").and_then(Value::as_array) else { return };
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (at, constraint) in constraints.iter().enumerate() {
        let at = |name: &str| format!("{field}[{at}].{name}");
        let text = |name: &str| constraint[name].as_str().unwrap_or("");
        let (key, action) = (text("topologyKey"), text("whenUnsatisfiable"));
        let skew = constraint["maxSkew"].as_i64().unwrap_or(0);
        if skew <= 0 {
            errors.push(invalid(&at("maxSkew"), &json!(skew), "must be greater than zero"));
        }
        if key.is_empty() {
            errors.push(required(&at("topologyKey"), "can not be empty"));
        } else {
            each(&at("topologyKey"), key, names::qualified_name(key), errors);
        }
        let actions = ["DoNotSchedule", "ScheduleAnyway"];
        if !actions.contains(&action) {
            errors.push(unsupported(&at("whenUnsatisfiable"), action, &actions));
        }
        if seen.contains(&(key, action)) {
            let pair = format!("{{{key}, {action}}}");
            errors.push(super::duplicate(&at("{topologyKey, whenUnsatisfiable}"), &json!(pair)));
        }
        seen.push((key, action));
        if let Some(domains) = constraint["minDomains"].as_i64() {
            if domains <= 0 {
                errors.push(invalid(&at("minDomains"), &json!(domains), "must be greater than zero"));
            }
            if action != "DoNotSchedule" {
                let why = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
                errors.push(invalid(&at("minDomains"), &json!(domains), &why));
            }
        }
        for name in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if let Some(policy) = constraint[name].as_str().filter(|policy| !matches!(*policy, "Honor" | "Ignore")) {
                errors.push(unsupported(&at(name), policy, &["Honor", "Ignore"]));
            }
        }
        let of: LabelSelector = serde_json::from_value(constraint["labelSelector"].clone()).unwrap_or_default();
        pod_affinity::spread_keys(constraint, &of, &at("matchLabelKeys"), errors);
        selector::label_selector(&of, &at("labelSelector"), errors);
    }
}
