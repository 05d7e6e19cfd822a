//! The status of a pod. Models `ValidatePodStatusUpdate` of `pkg/apis/core/validation/validation.go`.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::error::{duplicate, each, forbidden, immutable, invalid, required, too_long};
use super::{ip, names, pod_annotations, security};
use crate::api::{ContainerStatus, FieldError, Pod, PodIp, RestartPolicy};
use crate::sim::VecSet;

const SYSTEM: [&str; 3] = ["PodScheduled", "Ready", "Initialized"];
const LONGEST_IMAGE: usize = 256;

/// A changed status.
pub fn update(new: &Pod, old: &Pod, errors: &mut Vec<FieldError>) {
    pod_annotations::update(new, old, errors);
    conditions(new, errors);
    if new.spec.node_name != old.spec.node_name {
        errors.push(forbidden("status.nodeName", "may not be changed directly"));
    }
    nominated(new, old, errors);
    if new.status.observed_generation < 0 {
        let value = json!(new.status.observed_generation);
        errors.push(invalid("status.observedGeneration", &value, "must be a non-negative integer"));
    }
    immutable("status.qosClass", &new.status.qos_class, &old.status.qos_class, errors);
    transitions(new, old, errors);
    if new.status.pod_ips.len() > 1 {
        families(&new.status.pod_ips, "podIPs", errors);
    } else {
        addresses(&new.status.pod_ips, "podIPs", errors);
    }
    host_ips(new, errors);
    users_and_mounts(new, errors);
}

fn conditions(pod: &Pod, errors: &mut Vec<FieldError>) {
    for (at, condition) in pod.status.conditions.iter().enumerate() {
        if condition.observed_generation < 0 {
            let field = format!("status.conditions[{at}].observedGeneration");
            errors.push(invalid(&field, &json!(condition.observed_generation), "must be a non-negative integer"));
        }
        if !SYSTEM.contains(&condition.r#type.as_str()) {
            let wrong = names::qualified_name(&condition.r#type);
            each(&format!("status.conditions[{at}].Type"), &condition.r#type, wrong, errors);
        }
    }
}

fn nominated(new: &Pod, old: &Pod, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "status.nominatedNodeName";
    let node = &new.status.nominated_node_name;
    if node.is_empty() || *node == old.status.nominated_node_name {
        return;
    }
    if !new.spec.node_name.is_empty() {
        errors.push(forbidden(FIELD, "may not be set on pods that are already bound to a node"));
    }
    each(FIELD, node, names::dns_subdomain(node), errors);
}

/// What ended stays ended, unless the pod starts it again.
fn transitions(new: &Pod, old: &Pod, errors: &mut Vec<FieldError>) {
    let spec = &old.spec;
    let again = |name: &str, code: i32, init: bool| {
        let list = if init { &spec.init_containers } else { &spec.containers };
        let of = list.iter().find(|container| container.name == name);
        of.map_or(spec.restart_policy == RestartPolicy::Always, |container| container.restarts(spec, code))
    };
    let lists = [
        ("containerStatuses", &new.status.container_statuses, &old.status.container_statuses, false),
        ("initContainerStatuses", &new.status.init_container_statuses, &old.status.init_container_statuses, true),
    ];
    for (list, now, before, init) in lists {
        for (at, had) in before.iter().enumerate() {
            let Some(end) = &had.state.terminated else { continue };
            if again(&had.name, end.exit_code, init) {
                continue;
            }
            let begun = |one: &&ContainerStatus| one.name == had.name && one.state.terminated.is_none();
            for _ in now.iter().filter(begun) {
                let why = "may not be transitioned to non-terminated state";
                errors.push(forbidden(&format!("status.{list}[{at}].state"), why));
            }
        }
    }
}

fn addresses(list: &[PodIp], name: &str, errors: &mut Vec<FieldError>) {
    for (at, one) in list.iter().enumerate() {
        ip::address(&one.ip, &format!("status.{name}[{at}]"), errors);
    }
}

/// At most one address of each family, and none twice.
fn families(list: &[PodIp], name: &str, errors: &mut Vec<FieldError>) {
    addresses(list, name, errors);
    let field = format!("status.{name}");
    let read: Vec<IpAddr> = list.iter().filter_map(|one| one.ip.parse().ok()).collect();
    let both = read.iter().any(IpAddr::is_ipv4) && read.iter().any(IpAddr::is_ipv6);
    if !both || list.len() > 2 {
        let value: Vec<Value> = list.iter().map(|one| json!({"IP": one.ip})).collect();
        errors.push(invalid(&field, &json!(value), "may specify no more than one IP for each IP family"));
    }
    let mut seen = VecSet::new();
    for (at, one) in list.iter().enumerate() {
        if !seen.insert(&one.ip) {
            errors.push(duplicate(&format!("{field}[{at}]"), &json!({"IP": one.ip})));
        }
    }
}

fn host_ips(pod: &Pod, errors: &mut Vec<FieldError>) {
    let list = &pod.status.host_ips;
    let Some(first) = list.first() else { return };
    if pod.status.host_ip != first.ip {
        errors.push(invalid("status.hostIPs[0].ip", &json!(first.ip), "must be equal to `hostIP`"));
    }
    if list.len() > 1 {
        families(list, "hostIPs", errors);
    } else {
        addresses(list, "hostIPs", errors);
    }
}

fn users_and_mounts(pod: &Pod, errors: &mut Vec<FieldError>) {
    let typed = |list: &[ContainerStatus]| -> Vec<Value> {
        list.iter()
            .map(|one| json!({"user": one.rest.get("user"), "volumeMounts": one.rest.get("volumeMounts")}))
            .collect()
    };
    for (name, list) in [
        ("containerStatuses", typed(&pod.status.container_statuses)),
        ("initContainerStatuses", typed(&pod.status.init_container_statuses)),
        ("ephemeralContainerStatuses", typed(&pod.status.ephemeral_container_statuses)),
    ] {
        for (at, status) in list.iter().enumerate() {
            let field = format!("status.{name}[{at}]");
            let linux = &status["user"]["linux"];
            security::id(&linux["uid"], &format!("{field}.user.linux.uid"), errors);
            security::id(&linux["gid"], &format!("{field}.user.linux.gid"), errors);
            for (index, group) in linux["supplementalGroups"].as_array().into_iter().flatten().enumerate() {
                security::id(group, &format!("{field}.user.linux.supplementalGroups[{index}]"), errors);
            }
            for (index, mount) in status["volumeMounts"].as_array().into_iter().flatten().enumerate() {
                let image = &mount["volumeStatus"]["image"];
                if image.is_object() {
                    let field = format!("{field}.volumeMounts[{index}].volumeStatus.imageVolumeStatus.imageRef");
                    image_reference(image["imageRef"].as_str().unwrap_or(""), &field, errors);
                }
            }
        }
    }
}

fn image_reference(reference: &str, field: &str, errors: &mut Vec<FieldError>) {
    if reference.is_empty() {
        errors.push(required(field, "imageRef must not be empty"));
    }
    if reference.len() > LONGEST_IMAGE {
        errors.push(too_long(field, LONGEST_IMAGE));
    }
}
