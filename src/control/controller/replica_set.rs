//! The ReplicaSet controller: keeps a number of pods of one template.
//!
//! Models `pkg/controller/replicaset/replica_set.go` and `replica_set_utils.go`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::api::{Kind, Object, ObjectRef, Pod, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus, Request};
use crate::control::cache::{Cache, Change};
use crate::control::controller::replicas::{Counts, Keeper};
use crate::control::controller::{Setup, owner, selects};
use crate::control::reconciler::{ApiCall, Context, Failed, Plan, ReconcileError, Reconciler, about};

/// The ReplicaSet controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplicaSetController;

impl ReplicaSetController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        ReplicaSetController
    }
}

impl Reconciler for ReplicaSetController {
    const NAME: &'static str = "replicaset-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::ReplicaSet, Kind::Pod];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        match change.new_as::<Pod>() {
            None => vec![change.new.reference()],
            Some(pod) => selects::affected_by_pod::<ReplicaSet>(change, pod, cache),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(set) = cx.cache.get_ref::<ReplicaSet>(key) else { return Ok(Plan::nothing()) };
        Ok(keeper(set, cx.cache).sync(set.as_ref(), cx))
    }

    fn conclude(&self, key: &ObjectRef, failure: Option<&Failed>, cx: &Context<'_>) -> Plan {
        let Some(set) = cx.cache.get_ref::<ReplicaSet>(key) else { return Plan::nothing() };
        let keeper = keeper(set, cx.cache);
        let status = status_of(set, keeper.count(cx), failure, cx);
        let mut plan = Plan::nothing();
        if let Some(at) = keeper.next_available(cx) {
            plan.look_again(at);
        }
        if status != set.status {
            plan.then(ApiCall::unless_gone(Request::update_status(ReplicaSet { status, ..set.as_ref().clone() })));
        }
        plan
    }
}

/// A ReplicaSet as a keeper of pods. Related pods are those of all ReplicaSets of its owner (`getIndirectlyRelatedPods`).
fn keeper<'a>(set: &'a Arc<ReplicaSet>, cache: &Cache) -> Keeper<'a> {
    let related = match set.metadata.controller() {
        Some(controller) => {
            cache.controlled_by::<ReplicaSet>(&controller.uid).map(|set| set.metadata.uid.clone()).collect()
        }
        None => vec![set.metadata.uid.clone()],
    };
    Keeper {
        about: about(Object::ReplicaSet(Arc::clone(set))),
        reference: owner::controller_ref(set.as_ref()),
        meta: &set.metadata,
        selector: Cow::Borrowed(&set.spec.selector),
        template: &set.spec.template,
        replicas: set.spec.replicas,
        min_ready_seconds: set.spec.min_ready_seconds,
        related,
    }
}

/// The status that the pods make (`calculateStatus`).
fn status_of(set: &Arc<ReplicaSet>, counts: Counts, failure: Option<&Failed>, cx: &Context<'_>) -> ReplicaSetStatus {
    ReplicaSetStatus {
        replicas: counts.replicas,
        fully_labeled_replicas: counts.labelled,
        ready_replicas: counts.ready,
        available_replicas: counts.available,
        terminating_replicas: Some(counts.terminating),
        observed_generation: set.metadata.generation,
        conditions: conditions(set, failure, cx.timestamp()),
        rest: set.status.rest.clone(),
    }
}

/// ReplicaFailure is there while pods cannot be made or deleted.
fn conditions(set: &ReplicaSet, failure: Option<&Failed>, now: crate::api::Timestamp) -> Vec<ReplicaSetCondition> {
    let known = &set.status.conditions;
    let failing = failure.filter(|failed| !failed.tag.is_empty());
    let has = known.iter().any(|condition| condition.r#type == "ReplicaFailure");
    match failing {
        Some(_) if has => known.clone(),
        Some(failed) => {
            let condition = ReplicaSetCondition {
                r#type: "ReplicaFailure".into(),
                status: "True".into(),
                last_transition_time: Some(now),
                reason: failed.tag.into(),
                message: failed.status.message.clone(),
                ..ReplicaSetCondition::default()
            };
            known.iter().cloned().chain([condition]).collect()
        }
        None => known.iter().filter(|condition| condition.r#type != "ReplicaFailure").cloned().collect(),
    }
}
