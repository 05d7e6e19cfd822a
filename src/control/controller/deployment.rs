//! The Deployment controller: rolls pods out through ReplicaSets.
//!
//! Models `pkg/controller/deployment/deployment_controller.go`. Where upstream goes on after making a ReplicaSet in the same
//! sync, this one looks again once the cache has it; the requests and events are the same. `rolling`, `scaling` and
//! `progress` are pure: they choose on [`view::Sets`], and the plan is what changed.

pub mod hash;
pub mod limits;
pub mod progress;
pub mod revision;
pub mod rolling;
pub mod scaling;
pub mod status;
pub mod view;

use std::sync::Arc;

use crate::api::{Deployment, DeploymentStatus, Kind, Object, ObjectRef, Pod, ReplicaSet, Request, StrategyType};
use crate::control::cache::{Cache, Change, Index};
use crate::control::controller::deployment::view::Sets;
use crate::control::controller::{Setup, owner, pods};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};
use crate::control::selector;

/// The Deployment controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeploymentController;

impl DeploymentController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        DeploymentController
    }
}

impl Reconciler for DeploymentController {
    const NAME: &'static str = "deployment-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::Deployment, Kind::ReplicaSet, Kind::Pod];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        match &change.new {
            Object::Deployment(_) => vec![change.new.reference()],
            Object::ReplicaSet(set) => affected_by_set(change, set, cache),
            Object::Pod(pod) if change.deleted() => affected_by_lost_pod(pod, cache),
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(deployment) = cx.cache.get_ref::<Deployment>(key) else { return Ok(Plan::nothing()) };
        if selector::is_empty(&deployment.spec.selector) {
            return Ok(selects_everything(deployment));
        }
        let claims = owner::claim::<_, ReplicaSet>(deployment.as_ref(), &deployment.spec.selector, cx.cache);
        if let Some(plan) = owner::claiming_plan(deployment.as_ref(), &claims) {
            return Ok(plan);
        }
        let owned: Vec<Arc<ReplicaSet>> = claims.owned.into_iter().cloned().collect();
        Ok(sync(deployment, owned, cx))
    }
}

/// A ReplicaSet changed: its Deployment, its former one, or those that may adopt it.
fn affected_by_set(change: &Change, set: &ReplicaSet, cache: &Cache) -> Vec<ObjectRef> {
    let mut keys = Vec::new();
    let owner =
        |set: &ReplicaSet| owner::controller_of::<Deployment>(&set.metadata, cache).map(|d| owner::reference(&**d));
    if let Some(old) = change.old_as::<ReplicaSet>()
        && old.metadata.controller() != set.metadata.controller()
    {
        keys.extend(owner(old));
    }
    if set.metadata.controller().is_some() {
        keys.extend(owner(set));
    } else if !change.deleted() {
        let all = cache.in_namespace::<Deployment>(&set.metadata.namespace);
        let selects = |d: &&Arc<Deployment>| {
            !selector::is_empty(&d.spec.selector) && selector::matches(&d.spec.selector, &set.metadata.labels)
        };
        keys.extend(all.filter(selects).map(|d| owner::reference(&**d)));
    }
    keys
}

/// A pod is gone: a Deployment that recreates may have waited for it.
fn affected_by_lost_pod(pod: &Pod, cache: &Cache) -> Vec<ObjectRef> {
    let deployment = owner::controller_of::<ReplicaSet>(&pod.metadata, cache)
        .and_then(|set| owner::controller_of::<Deployment>(&set.metadata, cache));
    let recreates = |d: &&Arc<Deployment>| d.spec.strategy.r#type == StrategyType::Recreate;
    deployment.filter(recreates).map(|d| owner::reference(&**d)).into_iter().collect()
}

fn selects_everything(deployment: &Arc<Deployment>) -> Plan {
    let mut plan = Plan::nothing();
    let words = "This deployment is selecting all pods. A non-empty selector is required.";
    plan.notes.push(Note::warning(about(Object::Deployment(Arc::clone(deployment))), "SelectingAll", words));
    if deployment.status.observed_generation < deployment.metadata.generation {
        let status =
            DeploymentStatus { observed_generation: deployment.metadata.generation, ..deployment.status.clone() };
        plan.then(update_status(deployment, status));
    }
    plan
}

/// One look at a Deployment (`syncDeployment`).
fn sync(deployment: &Arc<Deployment>, owned: Vec<Arc<ReplicaSet>>, cx: &Context<'_>) -> Plan {
    let mut sets = Sets::new(deployment, owned);
    if deployment.metadata.deletion_timestamp.is_some() {
        return status_only(&sets, cx);
    }
    if let Some(status) = progress::paused_condition(deployment, cx.timestamp()) {
        let mut plan = Plan::nothing();
        plan.then(update_status(deployment, status));
        return plan;
    }
    if deployment.spec.paused || scaling::is_scaling_event(&sets) {
        return scale_or_pause(&mut sets, cx);
    }
    match deployment.spec.strategy.r#type {
        StrategyType::Recreate => roll_out_by_recreating(&mut sets, cx),
        _ => roll_out(&mut sets, cx),
    }
}

/// Being deleted: only the status is kept true.
fn status_only(sets: &Sets, cx: &Context<'_>) -> Plan {
    let mut plan = Plan::nothing();
    let status = status::calculate(sets, cx.timestamp());
    if status != sets.deployment.status {
        plan.then(update_status(&sets.deployment, status));
    }
    plan
}

/// Paused or scaled: proportions are kept, nothing rolls.
fn scale_or_pause(sets: &mut Sets, cx: &Context<'_>) -> Plan {
    if let Some(plan) = revision::sync(sets, false, cx) {
        return plan;
    }
    scaling::scale(sets);
    let mut plan = Plan::nothing();
    let changed = sets.changed();
    if changed.is_empty() && sets.deployment.spec.paused {
        plan.together(revision::cleanup(sets));
    }
    plan.together(changed);
    let status = status::calculate(sets, cx.timestamp());
    if status != sets.deployment.status {
        plan.then(update_status(&sets.deployment, status));
    }
    plan
}

/// A rolling update (`rolloutRolling`).
fn roll_out(sets: &mut Sets, cx: &Context<'_>) -> Plan {
    if let Some(plan) = revision::sync(sets, true, cx) {
        return plan;
    }
    if !rolling::reconcile_new(sets) {
        rolling::reconcile_old(sets);
    }
    finish(sets, cx)
}

/// All old pods go before any new one comes (`rolloutRecreate`).
fn roll_out_by_recreating(sets: &mut Sets, cx: &Context<'_>) -> Plan {
    if let Some(plan) = revision::sync(sets, false, cx) {
        return plan;
    }
    if scaling::scale_down_old(sets) || old_pods_running(sets, cx.cache) {
        return finish(sets, cx);
    }
    if let Some(plan) = revision::sync(sets, true, cx) {
        return plan;
    }
    sets.scale_new(sets.deployment.spec.replicas);
    finish(sets, cx)
}

/// Whether a pod of an old ReplicaSet is still there, even one that is ending.
fn old_pods_running(sets: &Sets, cache: &Cache) -> bool {
    let counted: i32 = sets.old().map(|set| set.original.status.replicas).sum();
    let there = |set: &view::Set| {
        let pods = cache.find_as::<Pod>(Index::Owner, &set.original.metadata.uid.0);
        pods.into_iter().any(|pod| !pods::is_terminal(pod))
    };
    counted > 0 || sets.old().any(there)
}

/// Writes what changed, cleans old revisions up when all is done, and keeps the status true (`syncRolloutStatus`).
fn finish(sets: &mut Sets, cx: &Context<'_>) -> Plan {
    let mut plan = Plan::nothing();
    let changed = sets.changed();
    if changed.is_empty() && progress::complete(&sets.deployment, &sets.deployment.status) {
        plan.together(revision::cleanup(sets));
    }
    plan.together(changed);
    let status = progress::rollout_status(sets, cx.timestamp());
    if let Some(at) = progress::stuck_at(&sets.deployment, &status) {
        plan.look_again(cx.calendar.time(at));
    }
    if status != sets.deployment.status {
        plan.then(update_status(&sets.deployment, status));
    }
    plan
}

/// Replaces the status.
fn update_status(deployment: &Arc<Deployment>, status: DeploymentStatus) -> ApiCall {
    ApiCall::unless_gone(Request::update_status(Deployment { status, ..deployment.as_ref().clone() }))
}
