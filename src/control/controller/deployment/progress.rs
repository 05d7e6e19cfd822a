//! Whether a rollout progresses, is complete or is stuck.
//!
//! Models `pkg/controller/deployment/progress.go`.

use crate::api::{Deployment, DeploymentCondition, DeploymentStatus, Timestamp};
use crate::control::controller::deployment::revision::has_deadline;
use crate::control::controller::deployment::status;
use crate::control::controller::deployment::view::Sets;

const TYPE: &str = "Progressing";
const AVAILABLE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";

/// Whether all pods are new and available.
pub fn complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let wanted = deployment.spec.replicas;
    status.updated_replicas == wanted
        && status.replicas == wanted
        && status.available_replicas == wanted
        && status.observed_generation >= deployment.metadata.generation
}

/// Whether anything moved forward between the known status and the new one.
fn progressing(deployment: &Deployment, new: &DeploymentStatus) -> bool {
    let old = &deployment.status;
    new.updated_replicas > old.updated_replicas
        || new.replicas - new.updated_replicas < old.replicas - old.updated_replicas
        || new.ready_replicas > old.ready_replicas
        || new.available_replicas > old.available_replicas
}

/// Whether nothing moved for longer than the deadline.
fn timed_out(deployment: &Deployment, new: &DeploymentStatus, now: Timestamp) -> bool {
    let Some(condition) = status::find(new, TYPE).filter(|_| has_deadline(deployment)) else { return false };
    match condition.reason.as_str() {
        AVAILABLE => false,
        TIMED_OUT => true,
        _ => deadline(deployment, condition).is_some_and(|deadline| deadline < now),
    }
}

fn deadline(deployment: &Deployment, condition: &DeploymentCondition) -> Option<Timestamp> {
    let seconds = i64::from(deployment.spec.progress_deadline_seconds);
    condition.last_update_time.map(|at| Timestamp(at.0.saturating_add(seconds)))
}

/// The status with the condition of progress (`syncRolloutStatus`).
pub fn rollout_status(sets: &Sets, now: Timestamp) -> DeploymentStatus {
    let deployment = &sets.deployment;
    let mut new = status::calculate(sets, now);
    if !has_deadline(deployment) {
        status::remove(&mut new, TYPE);
    }
    let known = status::find(&deployment.status, TYPE);
    let settled = new.replicas == new.updated_replicas && known.is_some_and(|c| c.reason == AVAILABLE);
    if has_deadline(deployment) && !settled {
        let subject = match sets.newest() {
            Some(set) => format!("ReplicaSet {:?}", set.original.metadata.name),
            None => format!("Deployment {:?}", deployment.metadata.name),
        };
        if complete(deployment, &new) {
            let words = format!("{subject} has successfully progressed.");
            status::set(&mut new, status::condition(TYPE, "True", AVAILABLE, words, now));
        } else if progressing(deployment, &new) {
            let words = format!("{subject} is progressing.");
            let mut condition = status::condition(TYPE, "True", "ReplicaSetUpdated", words, now);
            if let Some(known) = known {
                if known.status == "True" {
                    condition.last_transition_time = known.last_transition_time;
                }
                status::remove(&mut new, TYPE);
            }
            status::set(&mut new, condition);
        } else if timed_out(deployment, &new, now) {
            let words = format!("{subject} has timed out progressing.");
            status::set(&mut new, status::condition(TYPE, "False", TIMED_OUT, words, now));
        }
    }
    match replica_failure(sets) {
        Some(condition) => status::set(&mut new, condition),
        None => status::remove(&mut new, "ReplicaFailure"),
    }
    new
}

/// The failure of the new ReplicaSet, or of any other.
fn replica_failure(sets: &Sets) -> Option<DeploymentCondition> {
    let failure = |set: &crate::control::controller::deployment::view::Set| {
        let condition = set.original.status.conditions.iter().find(|c| c.r#type == "ReplicaFailure")?;
        Some(DeploymentCondition {
            r#type: condition.r#type.clone(),
            status: condition.status.clone(),
            last_update_time: condition.last_transition_time,
            last_transition_time: condition.last_transition_time,
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            ..DeploymentCondition::default()
        })
    };
    sets.newest().and_then(failure).or_else(|| sets.sets.iter().find_map(failure))
}

/// When a rollout that does not move must be called stuck.
pub fn stuck_at(deployment: &Deployment, new: &DeploymentStatus) -> Option<Timestamp> {
    let condition = status::find(new, TYPE).filter(|_| has_deadline(deployment))?;
    if complete(deployment, new) || condition.reason == TIMED_OUT || condition.reason == AVAILABLE {
        return None;
    }
    deadline(deployment, condition).map(|at| Timestamp(at.0 + 1))
}

/// The status that tells that a Deployment was paused or resumed, if that is news (`checkPausedConditions`).
pub fn paused_condition(deployment: &Deployment, now: Timestamp) -> Option<DeploymentStatus> {
    if !has_deadline(deployment) {
        return None;
    }
    let known = status::find(&deployment.status, TYPE);
    if known.is_some_and(|condition| condition.reason == TIMED_OUT) {
        return None;
    }
    let told = known.is_some_and(|condition| condition.reason == "DeploymentPaused");
    let (reason, words) = match (deployment.spec.paused, told) {
        (true, false) => ("DeploymentPaused", "Deployment is paused"),
        (false, true) => ("DeploymentResumed", "Deployment is resumed"),
        _ => return None,
    };
    let mut status = deployment.status.clone();
    status::set(&mut status, status::condition(TYPE, "Unknown", reason, words, now));
    Some(status)
}
