//! The status of a Deployment: counts and conditions.
//!
//! Models `calculateStatus` of `pkg/controller/deployment/sync.go` and the conditions of `util/deployment_util.go`.

use crate::api::{DeploymentCondition, DeploymentStatus, Timestamp};
use crate::control::controller::deployment::limits;
use crate::control::controller::deployment::view::{Set, Sets};

/// A condition that begins now.
pub fn condition(
    r#type: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
    now: Timestamp,
) -> DeploymentCondition {
    DeploymentCondition {
        r#type: r#type.into(),
        status: status.into(),
        last_update_time: Some(now),
        last_transition_time: Some(now),
        reason: reason.into(),
        message: message.into(),
        ..DeploymentCondition::default()
    }
}

/// The condition of that type.
pub fn find<'a>(status: &'a DeploymentStatus, r#type: &str) -> Option<&'a DeploymentCondition> {
    status.conditions.iter().find(|condition| condition.r#type == r#type)
}

/// Sets a condition: nothing changes if status and reason are the same, and an unchanged status keeps its time.
pub fn set(status: &mut DeploymentStatus, mut condition: DeploymentCondition) {
    if let Some(known) = find(status, &condition.r#type) {
        if known.status == condition.status && known.reason == condition.reason {
            return;
        }
        if known.status == condition.status {
            condition.last_transition_time = known.last_transition_time;
        }
    }
    remove(status, &condition.r#type);
    status.conditions.push(condition);
}

/// Removes a condition.
pub fn remove(status: &mut DeploymentStatus, r#type: &str) {
    status.conditions.retain(|condition| condition.r#type != r#type);
}

/// The counts that the ReplicaSets make, and whether enough pods are available.
pub fn calculate(sets: &Sets, now: Timestamp) -> DeploymentStatus {
    let deployment = &sets.deployment;
    let sum = |count: &dyn Fn(&Set) -> i32| -> i32 { sets.sets.iter().map(count).sum() };
    let available = sum(&|set| set.original.status.available_replicas);
    let terminating: Option<Vec<i32>> = sets.sets.iter().map(|set| set.original.status.terminating_replicas).collect();
    let mut status = DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: sum(&|set| set.original.status.replicas),
        updated_replicas: sets.newest().map_or(0, |set| set.original.status.replicas),
        ready_replicas: sum(&|set| set.original.status.ready_replicas),
        available_replicas: available,
        unavailable_replicas: (sets.size() - available).max(0),
        terminating_replicas: terminating.map(|counts| counts.into_iter().sum()),
        conditions: deployment.status.conditions.clone(),
        collision_count: deployment.status.collision_count,
        rest: deployment.status.rest.clone(),
    };
    let enough = available >= deployment.spec.replicas - limits::max_unavailable(deployment);
    let minimum = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    set(&mut status, condition("Available", minimum.0, minimum.1, minimum.2, now));
    status
}
