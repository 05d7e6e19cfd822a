//! The status of a DaemonSet. Models `updateDaemonSetStatus` of `pkg/controller/daemon/daemon_controller.go`.

use std::sync::Arc;

use crate::api::{DaemonSet, DaemonSetStatus, Node, Pod};
use crate::control::controller::daemon_set::{nodes, update};
use crate::control::controller::pods;
use crate::control::reconciler::Context;
use crate::sim::VecMap;

/// The status that nodes and pods make: of each node the oldest pod counts.
pub fn of(
    set: &DaemonSet,
    hash: &str,
    by_node: &VecMap<String, Vec<Arc<Pod>>>,
    collisions: i32,
    cx: &Context<'_>,
) -> DaemonSetStatus {
    let mut status = DaemonSetStatus {
        observed_generation: set.metadata.generation,
        conditions: set.status.conditions.clone(),
        collision_count: set.status.collision_count.or_else(|| (collisions > 0).then_some(collisions)),
        rest: set.status.rest.clone(),
        ..DaemonSetStatus::default()
    };
    let now = cx.timestamp();
    for node in cx.cache.all::<Node>() {
        let oldest = by_node
            .get(&node.metadata.name)
            .and_then(|pods| pods.iter().min_by_key(|pod| pod.metadata.creation_timestamp));
        if !nodes::verdict(set, node).run {
            status.number_misscheduled += i32::from(oldest.is_some());
            continue;
        }
        status.desired_number_scheduled += 1;
        let Some(pod) = oldest else { continue };
        status.current_number_scheduled += 1;
        status.number_ready += i32::from(pods::is_ready(pod));
        status.number_available += i32::from(pods::is_available(pod, set.spec.min_ready_seconds, now));
        status.updated_number_scheduled += i32::from(update::is_updated(pod, set, hash));
    }
    status.number_unavailable = status.desired_number_scheduled - status.number_available;
    status
}
