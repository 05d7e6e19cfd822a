//! Pods that are resized. Models `ValidatePodResize` of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{forbidden, invalid};
use super::pod::{self, Options};
use super::{meta, pod_annotations};
use crate::api::{Container, FieldError, Pod, PodSpec, ResourceList, ResourceRequirements, RestartPolicy, qos};

/// A pod whose resources, and those of its containers, change: its class may not, and no amount may go.
pub fn update(new: &Pod, old: &Pod, errors: &mut Vec<FieldError>) {
    errors.extend(meta::update(&new.clone().into(), &old.clone().into()));
    pod::whole(new, Options { is_pod: true, any_resize: true, ..Options::default() }, errors);
    if old.metadata.annotations.contains_key(pod_annotations::MIRROR) {
        *errors = vec![forbidden("[]", "static pods cannot be resized")];
        return;
    }
    if old.spec.rest.get("os").is_some_and(|os| os["name"] == "windows") {
        *errors = vec![forbidden("[]", "windows pods cannot be resized")];
        return;
    }
    let (spec, had) = (&new.spec, &old.spec);
    if qos(spec) != qos(had) {
        let why = "Pod QOS Class may not change as a result of resizing";
        errors.push(invalid("spec", &json!(new.status.qos_class), why));
    }
    let mut running = old.status.container_statuses.iter().filter(|status| status.state.running.is_some());
    if running.next().is_some_and(|status| status.resources.is_none()) {
        errors.push(forbidden("spec", "Pod running on node without support for resize"));
    }
    if spec.own_resources().is_some() || had.own_resources().is_some() {
        as_a_whole(spec, had, errors);
    }
    let claims = old.status.rest.get("nodeAllocatableResourceClaimStatuses").and_then(Value::as_array);
    if claims.is_some_and(|claims| !claims.is_empty()) {
        errors.push(forbidden("spec", "pods with node allocatable resource claims cannot be resized"));
    }
    if !same_names(spec, had, errors) {
        return;
    }
    for (list, new, old) in lists(spec, had) {
        for (at, (now, before)) in new.iter().zip(old).enumerate() {
            removed(&now.resources, &before.resources, &format!("spec.{list}[{at}].resources"), "resource", errors);
        }
    }
    others(spec, had, errors);
}

type Pair<'a> = (&'static str, &'a [Container], &'a [Container]);

fn lists<'a>(new: &'a PodSpec, old: &'a PodSpec) -> [Pair<'a>; 2] {
    [("initContainers", &new.init_containers, &old.init_containers), ("containers", &new.containers, &old.containers)]
}

/// The resources of the pod itself (`validatePodLevelResourcesResize`).
fn as_a_whole(new: &PodSpec, old: &PodSpec, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.resources";
    let known = old.resources.clone().unwrap_or_default();
    let Some(wanted) = &new.resources else {
        if old.resources.is_some() {
            errors.push(forbidden(FIELD, "pod-level resources cannot be removed"));
        }
        return;
    };
    removed(wanted, &known, FIELD, "pod-level resource", errors);
    if put_back(wanted, &known) != known {
        errors.push(forbidden("spec", "only cpu and memory resources are mutable at pod-level"));
    }
}

/// No amount goes.
fn removed(
    new: &ResourceRequirements,
    old: &ResourceRequirements,
    field: &str,
    what: &str,
    errors: &mut Vec<FieldError>,
) {
    for (list, new, old) in [("requests", &new.requests, &old.requests), ("limits", &new.limits, &old.limits)] {
        if old.keys().any(|name| !new.contains_key(name)) {
            errors.push(forbidden(&format!("{field}.{list}"), &format!("{what} {list} cannot be removed")));
        }
    }
}

/// Whether the containers are the old ones, in their order (`validatePodResizeContainerOrdering`).
fn same_names(new: &PodSpec, old: &PodSpec, errors: &mut Vec<FieldError>) -> bool {
    let before = errors.len();
    let [inits, usual] = lists(new, old);
    for (list, new, old) in [usual, inits] {
        if new.len() != old.len() {
            let why = format!("{list} may not be added or removed on resize");
            errors.push(forbidden(&format!("spec.{list}"), &why));
            continue;
        }
        for (at, _) in new.iter().zip(old).enumerate().filter(|(_, (new, old))| new.name != old.name) {
            let why = format!("{list} may not be renamed or reordered on resize");
            errors.push(forbidden(&format!("spec.{list}[{at}].name"), &why));
        }
    }
    errors.len() == before
}

/// Nothing but CPU and memory changes.
fn others(new: &PodSpec, old: &PodSpec, errors: &mut Vec<FieldError>) {
    let before = errors.len();
    let back = |now: &Container, old: &Container| Container {
        resources: put_back(&now.resources, &old.resources),
        ..now.clone()
    };
    let same = |now: &Container, old: &Container| back(now, old) == *old;
    for _ in new.containers.iter().zip(&old.containers).filter(|(now, old)| !same(now, old)) {
        errors.push(forbidden("spec", "only cpu and memory resources are mutable"));
    }
    for (at, (now, old)) in new.init_containers.iter().zip(&old.init_containers).enumerate() {
        let field = format!("spec.initContainers[{at}]");
        if !same(now, old) {
            let why = "only cpu and memory resources for init or sidecar containers are mutable";
            errors.push(forbidden(&field, why));
        }
        let policies = now.rest.get("resizePolicy").and_then(Value::as_array);
        let restarts = policies.into_iter().flatten().any(|policy| policy["restartPolicy"] == "RestartContainer");
        if now != old && now.restart_policy != Some(RestartPolicy::Always) && restarts {
            let why = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized";
            errors.push(forbidden(&field, why));
        }
    }
    let rest = PodSpec {
        containers: old.containers.clone(),
        init_containers: old.init_containers.clone(),
        resources: old.resources.clone(),
        ..new.clone()
    };
    if errors.len() == before && rest != *old {
        errors.push(forbidden("spec", "only cpu and memory resources are mutable"));
    }
}

/// The new amounts with the CPU and the memory of the old ones.
fn put_back(new: &ResourceRequirements, old: &ResourceRequirements) -> ResourceRequirements {
    let list = |new: &ResourceList, old: &ResourceList| {
        let may = |name: &String| matches!(name.as_str(), "cpu" | "memory");
        let others = new.iter().filter(|(name, _)| !may(name));
        others.chain(old.iter().filter(|(name, _)| may(name))).map(|(name, amount)| (name.clone(), *amount)).collect()
    };
    ResourceRequirements {
        limits: list(&new.limits, &old.limits),
        requests: list(&new.requests, &old.requests),
        rest: old.rest.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, Object};

    fn pod(spec: Value) -> Pod {
        let value =
            json!({"metadata": {"name": "p", "namespace": "d", "uid": "u", "resourceVersion": "1"}, "spec": spec});
        let mut object = Object::from_value(Kind::Pod, value).expect("well-formed");
        crate::api::defaults::apply(&mut object);
        let mut pod = Pod::clone(object.get::<Pod>().expect("it is one"));
        pod.status.qos_class = qos(&pod.spec).into();
        pod
    }

    fn one(resources: Value) -> Pod {
        pod(json!({"containers": [{"name": "c", "image": "nginx", "resources": resources}]}))
    }

    fn check(new: &Pod, old: &Pod, want: &[&str]) {
        let (mut errors, mut new) = (Vec::new(), new.clone());
        new.status = old.status.clone();
        update(&new, old, &mut errors);
        let words: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
        assert_eq!(words, want);
    }

    #[test]
    fn amounts_of_cpu_and_memory_may_change_but_not_go() {
        let old = one(json!({"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}));
        check(&one(json!({"requests": {"cpu": "1", "memory": "32Mi"}, "limits": {"memory": "64Mi"}})), &old, &[]);
        let less = one(json!({"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}));
        check(&less, &old, &["spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"]);
    }

    #[test]
    fn the_class_may_not_change() {
        let old = one(json!({"limits": {"cpu": "1", "memory": "64Mi"}}));
        let new = one(json!({"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "500m"}}));
        let want = "spec: Invalid value: \"Guaranteed\": Pod QOS Class may not change as a result of resizing";
        check(&new, &old, &[want]);
    }

    #[test]
    fn other_resources_do_not_change() {
        let old = one(json!({"requests": {"cpu": "1"}}));
        let new = one(json!({"requests": {"cpu": "2", "ephemeral-storage": "1Gi"}}));
        check(&new, &old, &["spec: Forbidden: only cpu and memory resources are mutable"]);
    }
}
