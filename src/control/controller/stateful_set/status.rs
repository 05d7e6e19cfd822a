//! The status of a StatefulSet. Models `updateStatus` and `completeRollingUpdate` of `pkg/controller/statefulset`.

use std::sync::Arc;

use crate::api::{Pod, StatefulSet, StatefulSetStatus};
use crate::control::controller::history::History;
use crate::control::controller::pods;
use crate::control::controller::stateful_set::{current, identity};
use crate::control::reconciler::Context;

/// The status that the pods make.
pub fn of(set: &StatefulSet, history: &History, owned: &[&Arc<Pod>], cx: &Context<'_>) -> StatefulSetStatus {
    let members: Vec<&&Arc<Pod>> = owned.iter().filter(|pod| identity::is_member(set, pod)).collect();
    let count = |holds: &dyn Fn(&Pod) -> bool| -> i32 {
        i32::try_from(members.iter().filter(|pod| holds(pod)).count()).unwrap_or(i32::MAX)
    };
    let now = cx.timestamp();
    let current = current(set, history).metadata.name.clone();
    let update = history.update.metadata.name.clone();
    let of_revision =
        |pod: &Pod, name: &str| identity::revision(pod) == name && pod.metadata.deletion_timestamp.is_none();
    let running = |pod: &Pod| pod.status.phase == "Running" && pods::is_ready(pod);
    let mut status = StatefulSetStatus {
        observed_generation: set.metadata.generation,
        replicas: count(&|_| true),
        ready_replicas: count(&running),
        available_replicas: count(&|pod| running(pod) && pods::is_available(pod, set.spec.min_ready_seconds, now)),
        current_replicas: count(&|pod| of_revision(pod, &current)),
        updated_replicas: count(&|pod| of_revision(pod, &update)),
        current_revision: current,
        update_revision: update,
        collision_count: Some(history.collisions),
        conditions: set.status.conditions.clone(),
        rest: set.status.rest.clone(),
    };
    let all = |number: i32| number == set.spec.replicas;
    let complete = all(status.updated_replicas) && all(status.ready_replicas) && all(status.replicas);
    if set.spec.update_strategy.r#type == "RollingUpdate" && complete {
        status.current_replicas = status.updated_replicas;
        status.current_revision.clone_from(&status.update_revision);
    }
    status
}
