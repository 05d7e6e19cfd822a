//! Pods and pod templates. Models `SetDefaults_Pod`, `SetDefaults_PodSpec` and `SetDefaults_Container`.

use std::sync::Arc;

use serde_json::json;

use crate::api::defaults::volume;
use crate::api::{Container, Pod, PodSpec, PodTemplateSpec};

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
    spec.enable_service_links.get_or_insert(true);
    fill(spec);
}

/// A template.
pub fn template(template: &mut Arc<PodTemplateSpec>) {
    if !is_complete(&template.spec, false) {
        fill(Arc::make_mut(&mut Arc::make_mut(template).spec));
    }
}

/// Whether there is nothing to fill in: then a spec that is shared stays shared.
fn is_complete(spec: &PodSpec, pod: bool) -> bool {
    let mut containers = spec.containers.iter().chain(&spec.init_containers);
    spec.rest.contains_key("securityContext")
        && (!pod || spec.enable_service_links.is_some())
        && spec.volumes.iter().all(volume::is_complete)
        && !spec.host_network
        && (spec.deprecated_service_account == spec.service_account_name)
        && containers.all(|c| {
            let requests = !pod || c.resources.limits.keys().all(|name| c.resources.requests.contains_key(name));
            !c.image_pull_policy.is_empty() && requests
        })
}

fn fill(spec: &mut PodSpec) {
    spec.rest.entry("securityContext".into()).or_insert_with(|| json!({}));
    if spec.service_account_name.is_empty() {
        spec.service_account_name = spec.deprecated_service_account.clone();
    }
    spec.deprecated_service_account = spec.service_account_name.clone();
    let host_network = spec.host_network;
    for container in spec.containers.iter_mut().chain(&mut spec.init_containers) {
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
}

/// `Always` for the tag `latest` (said or not), else `IfNotPresent`.
fn pull_policy(image: &str) -> &'static str {
    if image.contains('@') {
        return "IfNotPresent";
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    match name.rsplit_once(':') {
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
}
