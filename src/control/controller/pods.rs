//! What controllers ask about pods: active, ready, available, and which goes first when there are too many.
//!
//! Models `pkg/controller/controller_utils.go` and `pkg/api/v1/pod/util.go`. Ages of ready and of creation are compared
//! on a logarithmic scale, as `LogarithmicScaleDown` has it.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::api::{ObjectMeta, OwnerReference, Pod, PodTemplateSpec, Timestamp};
use crate::sim::merge_sort_by;

/// The annotation that asks for a pod to be deleted earlier (lower) or later.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Whether a pod counts: neither ended nor being deleted (`IsPodActive`).
pub fn is_active(pod: &Pod) -> bool {
    !is_terminal(pod) && pod.metadata.deletion_timestamp.is_none()
}

/// Whether a pod has ended.
pub fn is_terminal(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")
}

/// Whether a pod is being deleted and has not ended (`IsPodTerminating`).
pub fn is_terminating(pod: &Pod) -> bool {
    !is_terminal(pod) && pod.metadata.deletion_timestamp.is_some()
}

/// Since when a pod is ready; `None` if it is not.
pub fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let ready = pod.status.conditions.iter().find(|c| c.r#type == "Ready" && c.status == "True")?;
    Some(ready.last_transition_time.unwrap_or_default())
}

/// Whether a pod is ready (`IsPodReady`).
pub fn is_ready(pod: &Pod) -> bool {
    pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True")
}

/// Whether a pod has been ready for long enough (`IsPodAvailable`).
pub fn is_available(pod: &Pod, min_ready_seconds: i32, now: Timestamp) -> bool {
    available_at(pod, min_ready_seconds).is_some_and(|at| at <= now)
}

/// When a ready pod is available.
pub fn available_at(pod: &Pod, min_ready_seconds: i32) -> Option<Timestamp> {
    let since = ready_since(pod)?;
    if min_ready_seconds == 0 {
        return Some(Timestamp(i64::MIN));
    }
    // A pod that is ready since nobody knows when has not been so for long.
    let since = Some(since).filter(|since| *since != Timestamp::default())?;
    Some(Timestamp(since.0.saturating_add(i64::from(min_ready_seconds))))
}

/// The pod that a template makes (`GetPodFromTemplate`); the spec is shared.
pub fn from_template(template: &PodTemplateSpec, owner_name: &str, namespace: &str, owner: OwnerReference) -> Pod {
    Pod {
        metadata: ObjectMeta {
            generate_name: format!("{owner_name}-"),
            namespace: namespace.to_owned(),
            labels: template.metadata.labels.clone(),
            annotations: template.metadata.annotations.clone(),
            finalizers: template.metadata.finalizers.clone(),
            owner_references: vec![owner],
            ..ObjectMeta::default()
        },
        spec: Arc::clone(&template.spec),
        ..Pod::default()
    }
}

/// The pods to delete when there are `surplus` too many. `rank` tells how many related pods run on a pod's node, `now`
/// is in nanoseconds since the epoch.
pub fn to_delete(mut pods: Vec<Arc<Pod>>, surplus: usize, rank: impl Fn(&Pod) -> i64, now: u64) -> Vec<Arc<Pod>> {
    if surplus < pods.len() {
        merge_sort_by(&mut pods, &mut |a, b| deletion_order((a, rank(a)), (b, rank(b)), now));
    }
    pods.truncate(surplus);
    pods
}

/// Which of two pods with their ranks is deleted first: the lesser (`ActivePodsWithRanks.Less`).
pub fn deletion_order((a, rank_a): (&Pod, i64), (b, rank_b): (&Pod, i64), now: u64) -> Ordering {
    let assigned = |pod: &Pod| !pod.spec.node_name.is_empty();
    let cost = |pod: &Pod| -> i32 {
        pod.metadata.annotations.get(DELETION_COST).and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let newer = |x: Option<Timestamp>, y: Option<Timestamp>| {
        if x == y { Ordering::Equal } else { newer_first(x, y, now).then_with(|| a.metadata.uid.cmp(&b.metadata.uid)) }
    };
    let ready = || match (ready_since(a), ready_since(b)) {
        (Some(x), Some(y)) => newer(Some(x), Some(y)),
        _ => Ordering::Equal,
    };
    assigned(a)
        .cmp(&assigned(b))
        .then_with(|| phase_order(a).cmp(&phase_order(b)))
        .then_with(|| is_ready(a).cmp(&is_ready(b)))
        .then_with(|| cost(a).cmp(&cost(b)))
        .then_with(|| rank_b.cmp(&rank_a))
        .then_with(ready)
        .then_with(|| restarts_order(a, b))
        .then_with(|| newer(a.metadata.creation_timestamp, b.metadata.creation_timestamp))
}

/// Pending before Unknown before Running; ended pods are not compared.
fn phase_order(pod: &Pod) -> u8 {
    match pod.status.phase.as_str() {
        "Pending" | "" => 0,
        "Unknown" => 1,
        _ => 2,
    }
}

/// The younger first; a time that is not known counts as younger than any. Ages within one power of two are equal.
fn newer_first(a: Option<Timestamp>, b: Option<Timestamp>, now: u64) -> Ordering {
    let zero = |t: Option<Timestamp>| t.is_none_or(|t| t == Timestamp::default());
    match (zero(a), zero(b)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => logarithm(a, now).cmp(&logarithm(b, now)),
    }
}

/// The logarithm of an age in nanoseconds, plus one; zero for an age that is none.
fn logarithm(since: Option<Timestamp>, now: u64) -> u32 {
    let since = u64::try_from(since.map_or(0, |t| t.0)).unwrap_or(0).saturating_mul(1_000_000_000);
    let age = now.saturating_sub(since);
    if age == 0 { 0 } else { age.ilog2() + 1 }
}

/// The one whose containers restarted more first: first by regular containers, then by sidecars.
fn restarts_order(a: &Pod, b: &Pod) -> Ordering {
    let (regular_a, sidecar_a) = restarts(a);
    let (regular_b, sidecar_b) = restarts(b);
    regular_b.cmp(&regular_a).then(sidecar_b.cmp(&sidecar_a))
}

/// The most that any regular container and any sidecar restarted.
fn restarts(pod: &Pod) -> (i32, i32) {
    let sidecar = |name: &str| {
        let always = Some(crate::api::RestartPolicy::Always);
        pod.spec.init_containers.iter().any(|c| c.name == name && c.restart_policy == always)
    };
    let regular = pod.status.container_statuses.iter().map(|s| s.restart_count).max().unwrap_or(0);
    let sidecars = pod.status.init_container_statuses.iter().filter(|s| sidecar(&s.name)).map(|s| s.restart_count);
    (regular, sidecars.max().unwrap_or(0))
}
