//! Pods. Models `pkg/registry/core/pod/strategy.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Container, Pod, PodCondition, PodSpec, PodStatus, Subresource, Timestamp, qos};
use crate::control::apiserver::registry::Env;

/// A new pod is pending.
pub fn prepare_new(pod: &mut Pod, env: &mut Env<'_>) {
    pod.metadata.generation = 1;
    app_armor(pod);
    pod.status = PodStatus { phase: "Pending".into(), qos_class: qos(&pod.spec).into(), ..PodStatus::default() };
    let gated = pod.spec.rest.get("schedulingGates").and_then(|g| g.as_array()).is_some_and(|g| !g.is_empty());
    if gated {
        let message = "Scheduling is blocked due to non-empty scheduling gates";
        set_condition(pod, "PodScheduled", "False", "SchedulingGated", message, env.now);
    }
}

/// The annotations of old say what fields say today (`applyAppArmorVersionSkew`).
fn app_armor(pod: &mut Pod) {
    const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
    let profiles: Vec<(String, Value)> = pod
        .metadata
        .annotations
        .iter()
        .filter_map(|(key, value)| {
            let profile = match (value.as_str(), value.strip_prefix("localhost/")) {
                (_, Some(name)) => json!({"type": "Localhost", "localhostProfile": name}),
                ("runtime/default", _) => json!({"type": "RuntimeDefault"}),
                ("unconfined", _) => json!({"type": "Unconfined"}),
                _ => return None,
            };
            Some((key.strip_prefix(PREFIX)?.to_owned(), profile))
        })
        .collect();
    if profiles.is_empty() || pod.spec.rest.get("securityContext").is_some_and(|c| !c["appArmorProfile"].is_null()) {
        return;
    }
    let spec = Arc::make_mut(&mut pod.spec);
    for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
        if let Some((_, profile)) = profiles.iter().find(|(name, _)| *name == container.name) {
            let context = container.rest.entry("securityContext".into()).or_insert_with(|| json!({}));
            if context["appArmorProfile"].is_null() {
                context["appArmorProfile"] = profile.clone();
            }
        }
    }
}

/// A change of a pod or of a part of it: only that part changes.
pub fn prepare_change(new: &mut Pod, old: &Pod, part: Option<Subresource>) {
    match part {
        Some(Subresource::Status) => {
            new.spec = old.spec.clone();
            new.metadata.owner_references = old.metadata.owner_references.clone();
            if new.status.qos_class.is_empty() {
                new.status.qos_class = old.status.qos_class.clone();
            }
            return;
        }
        Some(Subresource::Resize) => {
            new.spec = resized(&new.spec, &old.spec);
            keep_labels(new, old);
        }
        Some(Subresource::EphemeralContainers) => {
            let wanted = std::mem::take(&mut Arc::make_mut(&mut new.spec).ephemeral_containers);
            new.spec = Arc::clone(&old.spec);
            if wanted != old.spec.ephemeral_containers {
                Arc::make_mut(&mut new.spec).ephemeral_containers = wanted;
            }
            keep_labels(new, old);
        }
        _ => {}
    }
    new.status = old.status.clone();
    new.metadata.generation += i64::from(new.spec != old.spec);
}

/// The old spec with the resources of the new one (`dropNonResizeUpdates`).
fn resized(new: &PodSpec, old: &Arc<PodSpec>) -> Arc<PodSpec> {
    let of = |wanted: &[Container], known: &[Container]| -> Vec<Container> {
        let one = |container: &Container| match known.iter().find(|one| one.name == container.name) {
            None => container.clone(),
            Some(known) => {
                let mut one = Container { resources: container.resources.clone(), ..known.clone() };
                match container.rest.get("resizePolicy") {
                    Some(policy) => _ = one.rest.insert("resizePolicy".into(), policy.clone()),
                    None => _ = one.rest.remove("resizePolicy"),
                }
                one
            }
        };
        wanted.iter().map(one).collect()
    };
    let spec = PodSpec {
        containers: of(&new.containers, &old.containers),
        init_containers: of(&new.init_containers, &old.init_containers),
        resources: new.resources.clone(),
        ..PodSpec::clone(old)
    };
    if spec == **old { Arc::clone(old) } else { Arc::new(spec) }
}

/// What a write of a part leaves alone of the metadata (`ResetObjectMetaForStatus`).
fn keep_labels(new: &mut Pod, old: &Pod) {
    let (meta, had) = (&mut new.metadata, &old.metadata);
    meta.labels.clone_from(&had.labels);
    meta.annotations.clone_from(&had.annotations);
    meta.finalizers.clone_from(&had.finalizers);
    meta.owner_references.clone_from(&had.owner_references);
}

/// Sets a condition; its transition time changes only if its status does.
pub fn set_condition(pod: &mut Pod, r#type: &str, status: &str, reason: &str, message: &str, now: Timestamp) {
    let generation = pod.metadata.generation;
    let fresh = PodCondition {
        r#type: r#type.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        last_transition_time: Some(now),
        ..PodCondition::default()
    };
    match pod.status.conditions.iter_mut().find(|c| c.r#type == r#type) {
        Some(condition) => {
            let since = if condition.status == status { condition.last_transition_time } else { Some(now) };
            *condition = PodCondition { last_transition_time: since, observed_generation: generation, ..fresh };
        }
        None => pod.status.conditions.push(fresh),
    }
}
