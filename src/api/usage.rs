//! What a pod asks for altogether. Models `k8s.io/component-helpers/resource/helpers.go`: [`requests`] and [`limits`] of what is
//! wanted, [`requests_held`] and [`limits_held`] of what counts while a pod is resized (`UseStatusResources`).

use std::borrow::Cow;

use crate::api::{
    Container, ContainerStatus, Pod, PodSpec, Quantity, ResourceList, ResourceRequirements, RestartPolicy,
};

/// The requests that a pod wants, with its overhead.
pub fn requests(spec: &PodSpec) -> ResourceList {
    whole_requests(spec, requests_of_containers(spec))
}

/// The limits that a pod wants; its overhead counts for those that it has.
pub fn limits(spec: &PodSpec) -> ResourceList {
    whole_limits(spec, limits_of_containers(spec))
}

/// The requests that a pod takes of its node and its quota, as of [`held`].
pub fn requests_held(pod: &Pod) -> ResourceList {
    whole_requests(&pod.spec, total(&pod.spec, |container| held(pod, container)))
}

/// The limits of a pod that count for its quota, as of [`held`].
pub fn limits_held(pod: &Pod) -> ResourceList {
    whole_limits(&pod.spec, total(&pod.spec, |container| held_limits(pod, container)))
}

fn held_limits<'a>(pod: &'a Pod, container: &'a Container) -> Cow<'a, ResourceList> {
    let wanted = &container.resources.limits;
    match status_of(pod, container) {
        None => Cow::Borrowed(wanted),
        Some((_, has)) if is_infeasible(pod) => Cow::Borrowed(&has.limits),
        Some((_, has)) => most(wanted, [&has.limits]),
    }
}

/// The requests of a container that count: the most of what it wants, is allocated and has. What it wants does not count once
/// that is known to be infeasible.
pub fn held<'a>(pod: &'a Pod, container: &'a Container) -> Cow<'a, ResourceList> {
    let wanted = &container.resources.requests;
    let Some((status, has)) = status_of(pod, container) else { return Cow::Borrowed(wanted) };
    match is_infeasible(pod) {
        true => most(&has.requests, [&status.allocated_resources]),
        false => most(wanted, [&has.requests, &status.allocated_resources]),
    }
}

/// Whether two states of a pod take the same of its node, if their specs are the same.
pub fn holds_the_same(one: &Pod, other: &Pod) -> bool {
    let mut containers = one.spec.containers.iter().chain(&one.spec.init_containers);
    containers.all(|container| {
        held(one, container) == held(other, container) && held_limits(one, container) == held_limits(other, container)
    })
}

/// The status of a container that may be resized and what it has, once it has something.
fn status_of<'a>(pod: &'a Pod, container: &Container) -> Option<(&'a ContainerStatus, &'a ResourceRequirements)> {
    let all = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
    let status = all
        .filter(|_| container.restart_policy.is_none() || is_sidecar(container))
        .find(|one| one.name == container.name)?;
    Some((status, status.resources.as_ref()?))
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy == Some(RestartPolicy::Always)
}

/// Whether what a pod wants can never be had on its node.
fn is_infeasible(pod: &Pod) -> bool {
    let pending = pod.status.conditions.iter().find(|condition| condition.r#type == "PodResizePending");
    pending.is_some_and(|condition| condition.reason == "Infeasible")
}

/// The most of each.
fn most<'a, const N: usize>(one: &'a ResourceList, others: [&ResourceList; N]) -> Cow<'a, ResourceList> {
    let mut all = Cow::Borrowed(one);
    for other in others.into_iter().filter(|other| *other != one) {
        raise(all.to_mut(), other);
    }
    all
}

fn whole_requests(spec: &PodSpec, mut all: ResourceList) -> ResourceList {
    all.extend(own(spec, |own| &own.requests));
    for (name, value) in overhead(spec) {
        add(&mut all, &name, value);
    }
    all
}

fn whole_limits(spec: &PodSpec, mut all: ResourceList) -> ResourceList {
    all.extend(own(spec, |own| &own.limits));
    for (name, value) in overhead(spec) {
        if all.contains_key(&name) {
            add(&mut all, &name, value);
        }
    }
    all
}

/// What a pod says of itself as a whole.
fn own(spec: &PodSpec, pick: fn(&ResourceRequirements) -> &ResourceList) -> ResourceList {
    let all = spec.resources.iter().flat_map(pick);
    all.filter(|(name, _)| ResourceRequirements::is_of_pods(name))
        .map(|(name, amount)| (name.clone(), *amount))
        .collect()
}

fn overhead(spec: &PodSpec) -> ResourceList {
    let value = spec.rest.get("overhead").cloned().unwrap_or_default();
    serde_json::from_value(value).unwrap_or_default()
}

/// The requests of the containers of a pod.
pub fn requests_of_containers(spec: &PodSpec) -> ResourceList {
    total(spec, |container| Cow::Borrowed(&container.resources.requests))
}

/// The limits of the containers of a pod.
pub fn limits_of_containers(spec: &PodSpec) -> ResourceList {
    total(spec, |container| Cow::Borrowed(&container.resources.limits))
}

/// Containers and sidecars run together; every other init container runs alone but for the sidecars before it.
fn total<'a>(spec: &'a PodSpec, pick: impl Fn(&'a Container) -> Cow<'a, ResourceList>) -> ResourceList {
    let mut all = ResourceList::new();
    for container in &spec.containers {
        pick(container).iter().for_each(|(name, value)| add(&mut all, name, *value));
    }
    let (mut sidecars, mut highest) = (ResourceList::new(), ResourceList::new());
    for container in &spec.init_containers {
        let mut needed = sidecars.clone();
        pick(container).iter().for_each(|(name, value)| add(&mut needed, name, *value));
        if is_sidecar(container) {
            pick(container).iter().for_each(|(name, value)| add(&mut all, name, *value));
            sidecars.clone_from(&needed);
        }
        raise(&mut highest, &needed);
    }
    raise(&mut all, &highest);
    all
}

/// Adds to a resource.
pub fn add(all: &mut ResourceList, name: &str, value: Quantity) {
    match all.get_mut(name) {
        Some(known) => *known = known.plus(value),
        None => _ = all.insert(name.to_owned(), value),
    }
}

fn raise(all: &mut ResourceList, to: &ResourceList) {
    for (name, value) in to {
        let known = all.entry(name.clone()).or_insert(*value);
        if value.minus(*known).sign() > 0 {
            *known = *value;
        }
    }
}
