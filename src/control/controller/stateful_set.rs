//! The StatefulSet controller: pods with names, in order.
//!
//! Models `pkg/controller/statefulset` (`stateful_set.go`, `stateful_set_control.go`). Revisions, claims and pods of one sync
//! are asked for in one plan; the status is made of what the cache shows when the plan is done.

pub mod claims;
pub mod identity;
pub mod status;

use std::sync::Arc;

use crate::api::{
    ControllerRevision, IntOrString, Kind, Object, ObjectRef, ObjectReference, Pod, Request, StatefulSet,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::deployment::limits;
use crate::control::controller::history::{self, Author, History};
use crate::control::controller::{Setup, owner, pods, replicas, selects};
use crate::control::reconciler::{ApiCall, Context, Failed, Note, Plan, ReconcileError, Reconciler, about};
use crate::sim::VecSet;

/// The StatefulSet controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StatefulSetController;

impl StatefulSetController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        StatefulSetController
    }
}

impl Reconciler for StatefulSetController {
    const NAME: &'static str = "statefulset-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] =
        &[Kind::StatefulSet, Kind::Pod, Kind::ControllerRevision, Kind::PersistentVolumeClaim];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        match &change.new {
            Object::StatefulSet(_) => vec![change.new.reference()],
            Object::Pod(pod) => selects::affected_by_pod::<StatefulSet>(change, pod, cache),
            Object::ControllerRevision(revision) => {
                history::affected_by_adoption::<StatefulSet>(change, revision, cache)
            }
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(set) = cx.cache.get_ref::<StatefulSet>(key) else { return Ok(Plan::nothing()) };
        if set.metadata.deletion_timestamp.is_none()
            && let Some(plan) = author(set).adoption(cx.cache)
        {
            return Ok(plan);
        }
        let mut claims = owner::claim::<_, Pod>(set.as_ref(), &set.spec.selector, cx.cache);
        claims.adoptable.retain(|pod| identity::is_member(set, pod));
        if let Some(plan) = owner::claiming_plan(set.as_ref(), &claims) {
            return Ok(plan);
        }
        if set.metadata.deletion_timestamp.is_some() {
            return Ok(Plan::nothing());
        }
        let pods: Vec<Arc<Pod>> = claims.owned.into_iter().cloned().collect();
        Ok(Sync::new(set, pods, cx).plan())
    }

    fn conclude(&self, key: &ObjectRef, _: Option<&Failed>, cx: &Context<'_>) -> Plan {
        let Some(set) = cx.cache.get_ref::<StatefulSet>(key) else { return Plan::nothing() };
        let history = author(set).sync(cx.cache);
        let owned: Vec<&Arc<Pod>> = cx.cache.controlled_by::<Pod>(&set.metadata.uid).collect();
        let status = status::of(set, &history, &owned, cx);
        let mut plan = Plan::nothing();
        if let Some(at) = replicas::next_available(owned.iter().copied(), set.spec.min_ready_seconds, cx) {
            plan.look_again(at);
        }
        if history.call.is_none() && status != set.status {
            plan.then(ApiCall::unless_gone(Request::update_status(StatefulSet { status, ..set.as_ref().clone() })));
        }
        plan
    }
}

fn author(set: &StatefulSet) -> Author<'_, StatefulSet> {
    Author {
        owner: set,
        selector: &set.spec.selector,
        template: &set.spec.template,
        collisions: set.status.collision_count,
        hash_label: history::STATEFUL_HASH,
    }
}

/// The revision that most pods still have: the one in the status, or the newest.
fn current(set: &StatefulSet, history: &History) -> Arc<ControllerRevision> {
    let known = history.revisions.iter().find(|r| r.metadata.name == set.status.current_revision);
    Arc::clone(known.unwrap_or(&history.update))
}

/// A pod of the set, or one that is to be.
enum Replica {
    Is(Arc<Pod>),
    ToBe(Box<Pod>),
}

/// One look at a set.
struct Sync<'a> {
    set: &'a Arc<StatefulSet>,
    about: ObjectReference,
    cx: &'a Context<'a>,
    history: History,
    replicas: Vec<Replica>,
    /// Pods beyond the ordinals, the highest first.
    condemned: Vec<Arc<Pod>>,
    monotonic: bool,
    plan: Plan,
    creations: Vec<ApiCall>,
    deletions: Vec<ApiCall>,
}

/// Whether there is more to do in this look.
enum Next {
    GoOn,
    Stop,
}

impl<'a> Sync<'a> {
    fn new(set: &'a Arc<StatefulSet>, pods: Vec<Arc<Pod>>, cx: &'a Context<'a>) -> Sync<'a> {
        let history = author(set).sync(cx.cache);
        let current = current(set, &history);
        let start = identity::start(set);
        let count = i64::from(set.spec.replicas.max(0));
        let in_range = |pod: &Arc<Pod>| {
            identity::ordinal(set, pod).is_some_and(|ordinal| ordinal >= start && ordinal < start + count)
        };
        let (mut living, mut condemned): (Vec<_>, Vec<_>) =
            pods.into_iter().filter(|pod| identity::ordinal(set, pod).is_some()).partition(in_range);
        condemned.sort_by_key(|pod| std::cmp::Reverse(identity::ordinal(set, pod)));
        let replica = |ordinal: i64| match living.iter().position(|pod| identity::ordinal(set, pod) == Some(ordinal)) {
            Some(index) => Replica::Is(living.swap_remove(index)),
            None => Replica::ToBe(Box::new(identity::new_pod(set, &current, &history.update, ordinal))),
        };
        let replicas = (start..start + count).map(replica).collect();
        Sync {
            about: about(Object::StatefulSet(Arc::clone(set))),
            monotonic: set.spec.pod_management_policy != "Parallel",
            set,
            cx,
            history,
            replicas,
            condemned,
            plan: Plan::nothing(),
            creations: Vec::new(),
            deletions: Vec::new(),
        }
    }

    fn plan(mut self) -> Plan {
        if let Some(call) = self.history.call.take() {
            self.plan.then(call);
        }
        if let Next::GoOn = self.living()
            && let Next::GoOn = self.going()
        {
            self.update();
        }
        self.plan.slow_start(std::mem::take(&mut self.creations));
        self.plan.slow_start(std::mem::take(&mut self.deletions));
        let names: Vec<String> = self
            .condemned
            .iter()
            .chain(self.replicas.iter().filter_map(Replica::pod))
            .map(|pod| identity::revision(pod).to_owned())
            .collect();
        let mut live: VecSet<&str> = names.iter().map(String::as_str).collect();
        live.insert(&self.set.status.current_revision);
        self.plan.together(self.history.truncate(self.set.spec.revision_history_limit, &live));
        self.plan
    }

    /// Every replica in turn (`processReplica`).
    fn living(&mut self) -> Next {
        for index in 0..self.replicas.len() {
            let next = match &self.replicas[index] {
                Replica::ToBe(pod) => {
                    let pod = pod.as_ref().clone();
                    self.create(pod)
                }
                Replica::Is(pod) => {
                    let pod = Arc::clone(pod);
                    self.keep(&pod)
                }
            };
            if let (Next::Stop, true) = (next, self.monotonic) {
                return Next::Stop;
            }
        }
        Next::GoOn
    }

    fn create(&mut self, pod: Pod) -> Next {
        match claims::missing(self.set, &pod, &self.about, self.cx.cache) {
            Ok(calls) => self.plan.together(calls),
            Err(note) => {
                // Its claim is being deleted: later.
                self.plan.notes.push(*note);
                self.plan.retry = true;
                return Next::Stop;
            }
        }
        let (name, set) = (&pod.metadata.name, &self.set.metadata.name);
        let done = format!("Create Pod {name} in StatefulSet {set} successful");
        let failed = format!("Create Pod {name} in StatefulSet {set} failed error: {{error}}");
        let call = ApiCall::new(Request::create(pod))
            .on_done(Note::normal(self.about.clone(), "SuccessfulCreate", done))
            .on_failed(Note::warning(self.about.clone(), "FailedCreate", failed));
        self.creations.push(call);
        Next::Stop
    }

    fn keep(&mut self, pod: &Arc<Pod>) -> Next {
        if pods::is_terminal(pod) {
            if pod.metadata.deletion_timestamp.is_none() {
                self.delete(pod);
            }
            return Next::Stop;
        }
        if pod.status.phase == "Pending"
            && let Ok(calls) = claims::missing(self.set, pod, &self.about, self.cx.cache)
        {
            self.plan.together(calls);
        }
        if pod.metadata.deletion_timestamp.is_some() || !self.available(pod) {
            return Next::Stop;
        }
        if let Some(call) = identity::repair(self.set, pod) {
            self.plan.then(call);
        }
        let calls = claims::retention(self.set, pod, false, self.cx.cache);
        self.plan.together(calls);
        Next::GoOn
    }

    /// Pods beyond the ordinals, from the highest down (`processCondemned`).
    fn going(&mut self) -> Next {
        let first_unavailable = self.first_unavailable();
        for pod in self.condemned.clone() {
            let calls = claims::retention(self.set, &pod, true, self.cx.cache);
            self.plan.together(calls);
        }
        for pod in self.condemned.clone() {
            if pod.metadata.deletion_timestamp.is_some() {
                if self.monotonic {
                    return Next::Stop;
                }
                continue;
            }
            if self.monotonic && !self.available(&pod) && first_unavailable != Some(pod.metadata.name.clone()) {
                return Next::Stop;
            }
            self.delete(&pod);
            if self.monotonic {
                return Next::Stop;
            }
        }
        Next::GoOn
    }

    /// The unavailable pod with the lowest ordinal.
    fn first_unavailable(&self) -> Option<String> {
        let replicas = self.replicas.iter().find(|replica| match replica {
            Replica::Is(pod) => self.is_unavailable(pod),
            Replica::ToBe(_) => true,
        });
        let name = replicas.map(|replica| match replica {
            Replica::Is(pod) => pod.metadata.name.clone(),
            Replica::ToBe(pod) => pod.metadata.name.clone(),
        });
        let condemned = || self.condemned.iter().rev().find(|pod| self.is_unavailable(pod));
        name.or_else(|| condemned().map(|pod| pod.metadata.name.clone()))
    }

    /// Deletes pods of another revision, from the highest ordinal down.
    fn update(&mut self) {
        let strategy = &self.set.spec.update_strategy;
        if strategy.r#type == "OnDelete" {
            return;
        }
        let rolling = strategy.rolling_update.as_ref();
        let from = usize::try_from(rolling.map_or(0, |r| r.partition)).unwrap_or(0);
        let limit = rolling.and_then(|r| r.max_unavailable.as_ref());
        let most = max_unavailable(limit, self.set.spec.replicas);
        let unavailable = self.replicas.iter().filter(|replica| match replica {
            Replica::Is(pod) => self.is_unavailable(pod),
            Replica::ToBe(_) => true,
        });
        let mut left = most.saturating_sub(unavailable.count());
        let target = &self.history.update.metadata.name;
        let old = |pod: &&Arc<Pod>| identity::revision(pod) != target && pod.metadata.deletion_timestamp.is_none();
        let candidates: Vec<Arc<Pod>> =
            self.replicas.iter().skip(from).rev().filter_map(Replica::pod).filter(old).cloned().collect();
        for pod in candidates {
            if !self.available(&pod) {
                self.delete(&pod);
            } else if left > 0 {
                left -= 1;
                self.delete(&pod);
            }
        }
    }

    fn available(&self, pod: &Pod) -> bool {
        pod.status.phase == "Running" && pods::is_available(pod, self.set.spec.min_ready_seconds, self.cx.timestamp())
    }

    fn is_unavailable(&self, pod: &Pod) -> bool {
        pod.metadata.deletion_timestamp.is_some() || !self.available(pod)
    }

    fn delete(&mut self, pod: &Pod) {
        let (name, set) = (&pod.metadata.name, &self.set.metadata.name);
        let mut request = Request::delete(Kind::Pod, &pod.metadata.namespace, name);
        request.options.precondition_uid = Some(pod.metadata.uid.clone());
        let done = format!("Delete Pod {name} in StatefulSet {set} successful");
        let failed = format!("Delete Pod {name} in StatefulSet {set} failed error: {{error}}");
        let call = ApiCall::unless_gone(request)
            .on_done(Note::normal(self.about.clone(), "SuccessfulDelete", done))
            .on_failed(Note::warning(self.about.clone(), "FailedDelete", failed));
        self.deletions.push(call);
    }
}

impl Replica {
    fn pod(&self) -> Option<&Arc<Pod>> {
        match self {
            Replica::Is(pod) => Some(pod),
            Replica::ToBe(_) => None,
        }
    }
}

/// How many pods may be unavailable while others are replaced: one, or what is asked for, at least one.
fn max_unavailable(limit: Option<&IntOrString>, replicas: i32) -> usize {
    let most = limit.map_or(1, |limit| limits::scaled(limit, replicas, false).unwrap_or(1));
    usize::try_from(most.max(1)).unwrap_or(1)
}
