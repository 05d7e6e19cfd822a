//! The ReplicationController's controller: as a ReplicaSet's.
//!
//! Models `pkg/controller/replication`, which wraps the ReplicaSet controller.

use std::borrow::Cow;
use std::sync::Arc;

use crate::api::{
    Kind, Object, ObjectRef, Pod, ReplicationController, ReplicationControllerCondition, ReplicationControllerStatus,
    Request,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::replicas::{Counts, Keeper};
use crate::control::controller::selects::{self, Selects as _};
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Failed, Plan, ReconcileError, Reconciler, about};

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplicationManager;

impl ReplicationManager {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        ReplicationManager
    }
}

impl Reconciler for ReplicationManager {
    const NAME: &'static str = "replication-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::ReplicationController, Kind::Pod];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        match change.new_as::<Pod>() {
            None => vec![change.new.reference()],
            Some(pod) => selects::affected_by_pod::<ReplicationController>(change, pod, cache),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(rc) = cx.cache.get_ref::<ReplicationController>(key) else { return Ok(Plan::nothing()) };
        Ok(keeper(rc).sync(rc.as_ref(), cx))
    }

    fn conclude(&self, key: &ObjectRef, failure: Option<&Failed>, cx: &Context<'_>) -> Plan {
        let Some(rc) = cx.cache.get_ref::<ReplicationController>(key) else { return Plan::nothing() };
        let keeper = keeper(rc);
        let status = status_of(rc, keeper.count(cx), failure, cx);
        let mut plan = Plan::nothing();
        if let Some(at) = keeper.next_available(cx) {
            plan.look_again(at);
        }
        if status != rc.status {
            let new = ReplicationController { status, ..rc.as_ref().clone() };
            plan.then(ApiCall::unless_gone(Request::update_status(new)));
        }
        plan
    }
}

fn keeper(rc: &Arc<ReplicationController>) -> Keeper<'_> {
    Keeper {
        about: about(Object::ReplicationController(Arc::clone(rc))),
        reference: owner::controller_ref(rc.as_ref()),
        meta: &rc.metadata,
        selector: Cow::Owned(rc.selector()),
        template: &rc.spec.template,
        replicas: rc.spec.replicas,
        min_ready_seconds: rc.spec.min_ready_seconds,
        related: vec![rc.metadata.uid.clone()],
    }
}

fn status_of(
    rc: &Arc<ReplicationController>,
    counts: Counts,
    failure: Option<&Failed>,
    cx: &Context<'_>,
) -> ReplicationControllerStatus {
    let others = rc.status.conditions.iter().filter(|c| c.r#type != "ReplicaFailure").cloned();
    let known = rc.status.conditions.iter().find(|c| c.r#type == "ReplicaFailure").cloned();
    let failing = failure.filter(|failed| !failed.tag.is_empty()).map(|failed| {
        known.unwrap_or_else(|| ReplicationControllerCondition {
            r#type: "ReplicaFailure".into(),
            status: "True".into(),
            last_transition_time: Some(cx.timestamp()),
            reason: failed.tag.into(),
            message: failed.status.message.clone(),
            ..ReplicationControllerCondition::default()
        })
    });
    ReplicationControllerStatus {
        replicas: counts.replicas,
        fully_labeled_replicas: counts.labelled,
        ready_replicas: counts.ready,
        available_replicas: counts.available,
        observed_generation: rc.metadata.generation,
        conditions: others.chain(failing).collect(),
        rest: rc.status.rest.clone(),
    }
}
