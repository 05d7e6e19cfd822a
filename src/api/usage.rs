//! What a pod asks for altogether. Models `k8s.io/component-helpers/resource/helpers.go`, of what is desired: what a pod that is
//! resized has meanwhile does not count.

use crate::api::{Container, PodSpec, Quantity, ResourceList, ResourceRequirements};

/// The requests of a pod with its overhead.
pub fn requests(spec: &PodSpec) -> ResourceList {
    let mut all = requests_of_containers(spec);
    all.extend(own(spec, |own| &own.requests));
    for (name, value) in overhead(spec) {
        add(&mut all, &name, value);
    }
    all
}

/// The limits of a pod; its overhead counts for those that it has.
pub fn limits(spec: &PodSpec) -> ResourceList {
    let mut all = limits_of_containers(spec);
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
    total(spec, |container| &container.resources.requests)
}

/// The limits of the containers of a pod.
pub fn limits_of_containers(spec: &PodSpec) -> ResourceList {
    total(spec, |container| &container.resources.limits)
}

/// Containers and sidecars run together; every other init container runs alone but for the sidecars before it.
fn total(spec: &PodSpec, pick: impl Fn(&Container) -> &ResourceList) -> ResourceList {
    let mut all = ResourceList::new();
    for container in &spec.containers {
        pick(container).iter().for_each(|(name, value)| add(&mut all, name, *value));
    }
    let (mut sidecars, mut highest) = (ResourceList::new(), ResourceList::new());
    for container in &spec.init_containers {
        let mut needed = sidecars.clone();
        pick(container).iter().for_each(|(name, value)| add(&mut needed, name, *value));
        if container.restart_policy.as_ref().is_some_and(|policy| policy.as_str() == "Always") {
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
