//! Pods and pod templates. Models `SetDefaults_Pod`, `SetDefaults_PodSpec` and `SetDefaults_Container`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::defaults::volume;
use crate::api::{Container, EnvVarSource, Pod, PodSpec, PodTemplateSpec, Probe, ResourceRequirements, usage};

const RESOURCE: &str = "resourceFieldRef";

/// A pod: as a template, and what only pods get.
pub fn pod(pod: &mut Pod) {
    if is_complete(&pod.spec, true) {
        return;
    }
    let spec = Arc::make_mut(&mut pod.spec);
    for container in spec.containers.iter_mut().chain(&mut spec.init_containers) {
        for (name, limit) in container.resources.limits.clone() {
            container.resources.requests.entry(name).or_insert(limit);
        }
    }
    limit_huge_pages_as_a_whole(spec);
    ask_as_a_whole(spec);
    spec.enable_service_links.get_or_insert(true);
    fill(spec, true);
}

/// A pod that says something as a whole uses at most the huge pages that its containers use (`defaultHugePagePodLimits`).
fn limit_huge_pages_as_a_whole(spec: &mut PodSpec) {
    let of_containers = usage::limits_of_containers(spec);
    let Some(own) = &mut spec.resources else { return };
    for (name, amount) in of_containers.iter().filter(|(name, _)| is_huge(name)) {
        own.limits.entry(name.clone()).or_insert(*amount);
    }
}

/// A pod that says what it uses at most as a whole asks for what its containers ask for, else for that (`defaultPodRequests`):
/// of huge pages always for that, since they cannot be promised twice.
fn ask_as_a_whole(spec: &mut PodSpec) {
    let of_containers = usage::requests_of_containers(spec);
    let Some(own) = spec.resources.as_mut().filter(|own| !own.limits.is_empty()) else { return };
    for (name, amount) in of_containers.iter().filter(|(name, _)| !is_huge(name)).chain(&own.limits) {
        if ResourceRequirements::is_of_pods(name) {
            own.requests.entry(name.clone()).or_insert(*amount);
        }
    }
}

fn is_huge(resource: &str) -> bool {
    resource.starts_with("hugepages-")
}

/// A template.
pub fn template(template: &mut Arc<PodTemplateSpec>) {
    if !is_complete(&template.spec, false) {
        fill(Arc::make_mut(&mut Arc::make_mut(template).spec), false);
    }
}

/// Whether there is nothing to fill in: then a spec that is shared stays shared.
fn is_complete(spec: &PodSpec, pod: bool) -> bool {
    let mut containers = spec.containers.iter().chain(&spec.init_containers).chain(&spec.ephemeral_containers);
    spec.rest.contains_key("securityContext")
        && (!pod || spec.enable_service_links.is_some())
        && !(pod && spec.resources.is_some())
        && spec.volumes.iter().all(volume::is_complete)
        && !(pod && spec.host_network)
        && (spec.deprecated_service_account == spec.service_account_name)
        && containers.all(|c| {
            let requests = !pod || c.resources.limits.keys().all(|name| c.resources.requests.contains_key(name));
            !c.image_pull_policy.is_empty() && requests && is_told(c)
        })
}

/// Whether nothing is missing in what a container refers to.
fn is_told(container: &Container) -> bool {
    let probes = [&container.liveness_probe, &container.readiness_probe, &container.startup_probe];
    let asked = |probe: &&Probe| probe.rest.get("grpc").is_none_or(|grpc| grpc.get("service").is_some());
    let divided = |source: &EnvVarSource| source.rest.get(RESOURCE).is_none_or(|of| of.get("divisor").is_some());
    probes.into_iter().flatten().all(|probe| asked(&probe))
        && container.env.iter().filter_map(|variable| variable.value_from.as_ref()).all(divided)
}

fn tell(container: &mut Container) {
    for probe in [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe] {
        if let Some(Value::Object(grpc)) = probe.as_mut().and_then(|probe| probe.rest.get_mut("grpc")) {
            grpc.entry("service").or_insert_with(|| json!(""));
        }
    }
    for source in container.env.iter_mut().filter_map(|variable| variable.value_from.as_mut()) {
        if let Some(Value::Object(of)) = source.rest.get_mut(RESOURCE) {
            of.entry("divisor").or_insert_with(|| json!("0"));
        }
    }
}

fn fill(spec: &mut PodSpec, pod: bool) {
    spec.rest.entry("securityContext".into()).or_insert_with(|| json!({}));
    if spec.service_account_name.is_empty() {
        spec.service_account_name = spec.deprecated_service_account.clone();
    }
    spec.deprecated_service_account = spec.service_account_name.clone();
    // The ports of a template are those of its pods only once there are pods (`DefaultHostNetworkHostPortsInPodTemplates`).
    let host_network = pod && spec.host_network;
    let usual = spec.containers.iter_mut().chain(&mut spec.init_containers);
    for container in usual.chain(&mut spec.ephemeral_containers) {
        fill_container(container, host_network);
    }
    spec.volumes.iter_mut().for_each(volume::fill);
}

fn fill_container(container: &mut Container, host_network: bool) {
    if container.image_pull_policy.is_empty() {
        container.image_pull_policy = pull_policy(&container.image).into();
    }
    if host_network {
        for port in container.ports.iter_mut().filter(|p| p.host_port == 0) {
            port.host_port = port.container_port;
        }
    }
    tell(container);
}

/// Whether a text without a digest names an image: parts of small letters and digits, the first one perhaps a host
/// (`distribution/reference`).
fn is_reference(image: &str) -> bool {
    let (host, name) = match image.split_once('/') {
        Some((host, name)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), name),
        _ => (None, image),
    };
    let is_host = |text: &str| {
        let (name, port) = text.split_once(':').unwrap_or((text, "0"));
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        !name.is_empty() && name.chars().all(good) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
    };
    let (name, tag) = name.split_once(':').unwrap_or((name, "latest"));
    let is_part = |part: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        ends(part.chars().next()) && ends(part.chars().last()) && part.chars().all(good)
    };
    let is_tag = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    host.is_none_or(is_host) && name.split('/').all(is_part) && !tag.is_empty() && tag.chars().all(is_tag)
}

/// `Always` for the tag `latest` (said or not), else `IfNotPresent`: for what is no reference too.
fn pull_policy(image: &str) -> &'static str {
    if image.contains('@') || !is_reference(image) {
        return "IfNotPresent";
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    match name.rsplit_once(':') {
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
}
