//! The Job controller: runs pods until enough of them have succeeded.
//!
//! Models `pkg/controller/job/job_controller.go`. What ended is counted by way of the tracking finalizer as upstream does it:
//! first the uncounted pods are written down, then their finalizers go, then they are counted. Back-off is worked out from
//! the pods that are there (upstream remembers it beside them).

pub mod backoff;
pub mod finish;
pub mod indexes;
pub mod per_index;
pub mod policy;
pub mod round;

use std::sync::Arc;

use serde_json::json;

use crate::api::{Job, Kind, Object, ObjectRef, PatchType, Pod};
use crate::control::cache::{Cache, Change};
use crate::control::controller::selects::{self, Selects as _};
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};
use crate::sim::Span;

/// The finalizer of pods that are not counted yet.
pub const TRACKING: &str = "batch.kubernetes.io/job-tracking";
/// Changes of pods are looked at together after so long (`SyncJobBatchPeriod`).
const BATCH: Span = Span::secs(1);

/// The Job controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobController;

impl JobController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        JobController
    }
}

impl Reconciler for JobController {
    const NAME: &'static str = "job-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::Job, Kind::Pod];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        match &change.new {
            Object::Pod(pod) => {
                let mut keys = selects::affected_by_pod::<Job>(change, pod, cache);
                if is_orphan(pod, cache) && !change.deleted() {
                    keys.push(change.new.reference());
                }
                keys
            }
            Object::Job(job) if change.deleted() => {
                let pods = cache.controlled_by::<Pod>(&job.metadata.uid).filter(|pod| is_tracked(pod));
                pods.map(|pod| owner::reference(&**pod)).collect()
            }
            _ => vec![change.new.reference()],
        }
    }

    fn delay(&self, change: &Change) -> Span {
        let same = change.old.as_ref().is_some_and(|old| old.meta().generation == change.new.meta().generation);
        let dying = change.new.meta().deletion_timestamp.is_some();
        match change.new {
            Object::Pod(_) => BATCH,
            _ if same && !dying => BATCH,
            _ => Span::ZERO,
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        if let Some(pod) = cx.cache.get_ref::<Pod>(key) {
            return Ok(let_go(pod, cx.cache));
        }
        let Some(job) = cx.cache.get_ref::<Job>(key) else { return Ok(Plan::nothing()) };
        let managed = job.spec.managed_by.as_deref().is_none_or(|by| by == "kubernetes.io/job-controller");
        if finish::is_finished(job) || !managed {
            return Ok(Plan::nothing());
        }
        let selector = job.selector();
        let claims = owner::claim::<_, Pod>(job.as_ref(), &selector, cx.cache);
        if let Some(plan) = owner::claiming_plan(job.as_ref(), &claims) {
            return Ok(plan);
        }
        let pods: Vec<Arc<Pod>> = claims.owned.into_iter().cloned().collect();
        Ok(round::Round::new(job, pods, cx).plan())
    }
}

/// Whether a pod has the tracking finalizer.
pub fn is_tracked(pod: &Pod) -> bool {
    pod.metadata.finalizers.iter().any(|finalizer| finalizer == TRACKING)
}

/// Whether a pod waits to be counted by a Job that is no more.
fn is_orphan(pod: &Pod, cache: &Cache) -> bool {
    let of_job = pod.metadata.controller().is_none_or(|owner| owner.kind == "Job");
    is_tracked(pod) && of_job && owner::controller_of::<Job>(&pod.metadata, cache).is_none()
}

/// Lets a pod of a Job that is no more go.
fn let_go(pod: &Pod, cache: &Cache) -> Plan {
    let mut plan = Plan::nothing();
    if !is_orphan(pod, cache) {
        return plan;
    }
    if let Some(of) = pod.metadata.controller() {
        let namespace = pod.metadata.namespace.as_str().into();
        let job = ObjectRef { kind: Kind::Job, namespace, name: of.name.as_str().into() };
        plan.then(ApiCall::only_if_absent(&job, &of.uid));
    }
    plan.then(untrack(pod));
    plan
}

/// Takes the tracking finalizer off a pod.
pub fn untrack(pod: &Pod) -> ApiCall {
    let left: Vec<&String> = pod.metadata.finalizers.iter().filter(|known| *known != TRACKING).collect();
    let patch = json!({"metadata": {"finalizers": left, "uid": pod.metadata.uid}});
    ApiCall::unless_gone(owner::patch_of(Kind::Pod, &pod.metadata, PatchType::Merge, patch))
}
