//! The ReplicaSet controller: keeps a number of pods of one template.
//!
//! Models `pkg/controller/replicaset/replica_set.go` and `replica_set_utils.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{Kind, ObjectRef, Pod, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus, Request};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, owner, pods};
use crate::control::reconciler::{ApiCall, Context, Failed, Note, Plan, ReconcileError, Reconciler, about};
use crate::control::selector;
use crate::sim::Time;

/// At most so many pods are made or deleted in one go.
const BURST: usize = 500;

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
            Some(pod) => affected_by_pod(change, pod, cache),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(set) = cx.cache.get_ref::<ReplicaSet>(key) else { return Ok(Plan::nothing()) };
        let claims = owner::claim::<_, Pod>(set.as_ref(), &set.spec.selector, cx.cache);
        if let Some(plan) = owner::claiming_plan(set.as_ref(), &claims) {
            return Ok(plan);
        }
        if set.metadata.deletion_timestamp.is_some() {
            return Ok(Plan::nothing());
        }
        let active: Vec<Arc<Pod>> = claims.owned.into_iter().filter(|pod| pods::is_active(pod)).cloned().collect();
        Ok(manage(set, active, cx))
    }

    fn conclude(&self, key: &ObjectRef, failure: Option<&Failed>, cx: &Context<'_>) -> Plan {
        let Some(set) = cx.cache.get_ref::<ReplicaSet>(key) else { return Plan::nothing() };
        let owned: Vec<&Arc<Pod>> = cx
            .cache
            .controlled_by::<Pod>(&set.metadata.uid)
            .filter(|pod| selector::matches(&set.spec.selector, &pod.metadata.labels))
            .collect();
        let status = status_of(set, &owned, failure, cx);
        let mut plan = Plan::nothing();
        if let Some(at) = next_available(set, &owned, cx) {
            plan.look_again(at);
        }
        if status != set.status {
            plan.then(ApiCall::unless_gone(Request::update_status(ReplicaSet { status, ..set.as_ref().clone() })));
        }
        plan
    }
}

/// A pod changed: its owner, its former owner, or whoever may adopt it.
fn affected_by_pod(change: &Change, pod: &Pod, cache: &Cache) -> Vec<ObjectRef> {
    let mut keys: Vec<ObjectRef> = Vec::new();
    let owner =
        |pod: &Pod| owner::controller_of::<ReplicaSet>(&pod.metadata, cache).map(|set| owner::reference(&**set));
    if let Some(old) = change.old_as::<Pod>()
        && old.metadata.controller() != pod.metadata.controller()
    {
        keys.extend(owner(old));
    }
    if pod.metadata.controller().is_some() {
        keys.extend(owner(pod));
        return keys;
    }
    let relabelled = change.old_as::<Pod>().is_none_or(|old| {
        old.metadata.labels != pod.metadata.labels || old.metadata.controller() != pod.metadata.controller()
    });
    if relabelled && !change.deleted() && pod.metadata.deletion_timestamp.is_none() {
        let sets = cache.in_namespace::<ReplicaSet>(&pod.metadata.namespace);
        let selects = |set: &&Arc<ReplicaSet>| {
            !selector::is_empty(&set.spec.selector) && selector::matches(&set.spec.selector, &pod.metadata.labels)
        };
        keys.extend(sets.filter(selects).map(|set| owner::reference(&**set)));
    }
    keys
}

/// Makes the pods that are missing, or deletes those that are too many (`manageReplicas`).
fn manage(set: &Arc<ReplicaSet>, active: Vec<Arc<Pod>>, cx: &Context<'_>) -> Plan {
    let wanted = usize::try_from(set.spec.replicas).unwrap_or(0);
    let mut plan = Plan::nothing();
    let about = about(crate::api::Object::ReplicaSet(Arc::clone(set)));
    if active.len() < wanted {
        let missing = (wanted - active.len()).min(BURST);
        let reference = owner::controller_ref(set.as_ref());
        let name = &set.metadata.name;
        let pod = pods::from_template(&set.spec.template, name, &set.metadata.namespace, reference);
        let call = ApiCall::new(Request::create(pod))
            .tagged("FailedCreate")
            .on_done(Note::normal(about.clone(), "SuccessfulCreate", "Created pod: {name}"))
            .on_failed(Note::warning(about, "FailedCreate", "Error creating: {error}"));
        plan.slow_start(vec![call; missing]);
    } else if active.len() > wanted {
        let surplus = (active.len() - wanted).min(BURST);
        let ranks = ranks(set, cx.cache);
        let rank = |pod: &Pod| ranks.get(&pod.spec.node_name).copied().unwrap_or(0);
        let chosen = pods::to_delete(active, surplus, rank, cx.calendar.nanos(cx.now));
        let delete = |pod: &Arc<Pod>| {
            let name = &pod.metadata.name;
            let mut request = Request::delete(Kind::Pod, &pod.metadata.namespace, name);
            request.options.precondition_uid = Some(pod.metadata.uid.clone());
            ApiCall::unless_gone(request)
                .tagged("FailedDelete")
                .on_done(Note::normal(about.clone(), "SuccessfulDelete", format!("Deleted pod: {name}")))
                .on_failed(Note::warning(about.clone(), "FailedDelete", "Error deleting: {error}"))
        };
        plan.together(chosen.iter().map(delete).collect());
    }
    plan
}

/// How many active pods of the same controller's ReplicaSets run on each node (`getIndirectlyRelatedPods`).
fn ranks(set: &ReplicaSet, cache: &Cache) -> BTreeMap<String, i64> {
    let mut ranks = BTreeMap::new();
    let mut count = |uid| {
        for pod in cache.controlled_by::<Pod>(uid).filter(|pod| pods::is_active(pod)) {
            *ranks.entry(pod.spec.node_name.clone()).or_default() += 1;
        }
    };
    match set.metadata.controller() {
        Some(controller) => {
            cache.controlled_by::<ReplicaSet>(&controller.uid).for_each(|related| count(&related.metadata.uid));
        }
        None => count(&set.metadata.uid),
    }
    ranks
}

/// The status that the pods make (`calculateStatus`).
fn status_of(set: &ReplicaSet, owned: &[&Arc<Pod>], failure: Option<&Failed>, cx: &Context<'_>) -> ReplicaSetStatus {
    let now = cx.timestamp();
    let active: Vec<&&Arc<Pod>> = owned.iter().filter(|pod| pods::is_active(pod)).collect();
    let count = |holds: &dyn Fn(&Pod) -> bool| -> i32 {
        i32::try_from(active.iter().filter(|pod| holds(pod)).count()).unwrap_or(i32::MAX)
    };
    let labels = &set.spec.template.metadata.labels;
    let labelled = |pod: &Pod| labels.iter().all(|(key, value)| pod.metadata.labels.get(key) == Some(value));
    let terminating = owned.iter().filter(|pod| pods::is_terminating(pod)).count();
    ReplicaSetStatus {
        replicas: count(&|_| true),
        fully_labeled_replicas: count(&labelled),
        ready_replicas: count(&pods::is_ready),
        available_replicas: count(&|pod| pods::is_available(pod, set.spec.min_ready_seconds, now)),
        terminating_replicas: Some(i32::try_from(terminating).unwrap_or(i32::MAX)),
        observed_generation: set.metadata.generation,
        conditions: conditions(set, failure, now),
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

/// When the next ready pod becomes available.
fn next_available(set: &ReplicaSet, owned: &[&Arc<Pod>], cx: &Context<'_>) -> Option<Time> {
    let now = cx.timestamp();
    let pending = owned.iter().filter(|pod| pods::is_active(pod));
    let times = pending.filter_map(|pod| pods::available_at(pod, set.spec.min_ready_seconds)).filter(|at| *at > now);
    times.min().map(|at| cx.calendar.time(at))
}
