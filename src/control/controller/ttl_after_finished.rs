//! Deletes Jobs that have been over for long enough. Models `pkg/controller/ttlafterfinished`.

use crate::api::{Job, Kind, ObjectRef, Request, Timestamp};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, job::finish};
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TtlAfterFinished;

impl TtlAfterFinished {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        TtlAfterFinished
    }
}

/// When a Job may go; `None` while it runs or if it stays.
fn expiry(job: &Job) -> Option<Timestamp> {
    let ttl = job.spec.ttl_seconds_after_finished?;
    let over = finish::finished(job)?.last_transition_time?;
    (job.metadata.deletion_timestamp.is_none()).then_some(Timestamp(over.0 + i64::from(ttl)))
}

impl Reconciler for TtlAfterFinished {
    const NAME: &'static str = "ttl-after-finished-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::Job];

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        let due = change.new_as::<Job>().is_some_and(|job| expiry(job).is_some());
        if due && !change.deleted() { vec![change.new.reference()] } else { Vec::new() }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(job) = cx.cache.get_ref::<Job>(key) else { return Ok(plan) };
        let Some(at) = expiry(job) else { return Ok(plan) };
        if at > cx.timestamp() {
            plan.look_again(cx.calendar.time(at));
            return Ok(plan);
        }
        let mut request = Request::delete(Kind::Job, &key.namespace, &key.name);
        request.options.propagation_policy = "Foreground".into();
        request.options.precondition_uid = Some(job.metadata.uid.clone());
        plan.then(ApiCall::unless_gone(request));
        Ok(plan)
    }
}
