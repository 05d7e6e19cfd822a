//! The DaemonSet controller: a pod on every node that will have it.
//!
//! Models `pkg/controller/daemon/daemon_controller.go`.

pub mod nodes;
pub mod pod;
pub mod status;
pub mod update;

use crate::sim::{VecMap, VecSet};
use std::sync::Arc;

use crate::api::{ControllerRevision, DaemonSet, Kind, Node, Object, ObjectRef, ObjectReference, Pod, Request, Uid};
use crate::control::cache::{Cache, Change};
use crate::control::controller::history::{self, Author, History};
use crate::control::controller::{Setup, owner, pods, replicas, selects};
use crate::control::reconciler::{ApiCall, Context, Failed, Note, Plan, ReconcileError, Reconciler, about};
use crate::sim::{Span, Time};

/// At most so many pods are made or deleted in one go.
const BURST: usize = 250;
/// A pod that failed again and again is deleted later and later, up to so much later.
const LONGEST_BACKOFF: Span = Span::mins(15);

/// How often pods of a set failed on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Failures {
    count: u32,
    /// When the one before the last failed.
    before: Time,
    last: Time,
}

/// The DaemonSet controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DaemonSetsController {
    failures: VecMap<(Uid, String), Failures>,
}

impl DaemonSetsController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        DaemonSetsController { failures: VecMap::new() }
    }

    /// When the failed pod of a node may be deleted.
    fn may_go_at(&self, set: &Uid, node: &str) -> Time {
        let Some(failures) = self.failures.get(&(set.clone(), node.to_owned())) else { return Time::ZERO };
        if failures.count < 2 {
            return Time::ZERO;
        }
        let wait = Span(Span::secs(1).0 << (failures.count - 2).min(20));
        failures.before + wait.min(LONGEST_BACKOFF)
    }
}

impl Reconciler for DaemonSetsController {
    const NAME: &'static str = "daemonset-controller";
    const WORKERS: u32 = 2;
    const WATCHES: &'static [Kind] = &[Kind::DaemonSet, Kind::Pod, Kind::Node, Kind::ControllerRevision];

    fn observe(&mut self, change: &Change, _: &Cache, now: Time) -> Vec<Note> {
        if let Object::DaemonSet(set) = &change.new
            && change.deleted()
        {
            self.failures.retain(|(uid, _), _| *uid != set.metadata.uid);
        }
        if let Object::Pod(pod) = &change.new
            && pod.status.phase == "Failed"
            && change.old_as::<Pod>().is_none_or(|old| old.status.phase != "Failed")
            && let Some(owner) = pod.metadata.controller().filter(|owner| owner.kind == "DaemonSet")
            && let Some(node) = nodes::target(pod)
        {
            let key = (owner.uid.clone(), node.to_owned());
            let known = self.failures.entry(key).or_insert(Failures { count: 0, before: now, last: now });
            // Long quiet forgives.
            let forgiven = known.last + LONGEST_BACKOFF + LONGEST_BACKOFF <= now;
            let count = if forgiven { 1 } else { known.count + 1 };
            *known = Failures { count, before: known.last, last: now };
        }
        Vec::new()
    }

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        match &change.new {
            Object::DaemonSet(_) => vec![change.new.reference()],
            Object::Pod(pod) => selects::affected_by_pod::<DaemonSet>(change, pod, cache),
            Object::Node(node) => affected_by_node(change, node, cache),
            Object::ControllerRevision(revision) => history::affected_by_adoption::<DaemonSet>(change, revision, cache),
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(set) = cx.cache.get_ref::<DaemonSet>(key) else { return Ok(Plan::nothing()) };
        if set.metadata.deletion_timestamp.is_some() {
            return Ok(Plan::nothing());
        }
        if let Some(plan) = author(set).adoption(cx.cache) {
            return Ok(plan);
        }
        let claims = owner::claim::<_, Pod>(set.as_ref(), &set.spec.selector, cx.cache);
        if let Some(plan) = owner::claiming_plan(set.as_ref(), &claims) {
            return Ok(plan);
        }
        let mut history = author(set).sync(cx.cache);
        let mut plan = Plan::nothing();
        if let Some(call) = history.call.take() {
            plan.then(call);
        }
        let round = Round::new(self, set, &history, cx);
        round.fill(&mut plan);
        let live: VecSet<&str> = round.live_revisions(&history);
        plan.together(history.truncate(set.spec.revision_history_limit, &live));
        Ok(plan)
    }

    fn conclude(&self, key: &ObjectRef, _: Option<&Failed>, cx: &Context<'_>) -> Plan {
        let Some(set) = cx.cache.get_ref::<DaemonSet>(key) else { return Plan::nothing() };
        let history = author(set).sync(cx.cache);
        let by_node = nodes::pods_by_node(set, cx.cache);
        let status = status::of(set, &hash_of(&history.update), &by_node, history.collisions, cx);
        let mut plan = Plan::nothing();
        let owned = by_node.values().flatten();
        if let Some(at) = replicas::next_available(owned, set.spec.min_ready_seconds, cx) {
            plan.look_again(at);
        }
        if set.metadata.deletion_timestamp.is_none() && history.call.is_none() && status != set.status {
            plan.then(ApiCall::unless_gone(Request::update_status(DaemonSet { status, ..set.as_ref().clone() })));
        }
        plan
    }
}

fn author(set: &DaemonSet) -> Author<'_, DaemonSet> {
    Author {
        owner: set,
        selector: &set.spec.selector,
        template: &set.spec.template,
        collisions: set.status.collision_count,
        hash_label: history::REVISION_LABEL,
    }
}

/// The hash in a revision's label.
fn hash_of(revision: &ControllerRevision) -> String {
    revision.metadata.labels.get(history::REVISION_LABEL).cloned().unwrap_or_default()
}

/// A node came, went or changed: the sets that think of it otherwise than before.
fn affected_by_node(change: &Change, node: &Node, cache: &Cache) -> Vec<ObjectRef> {
    let old = change.old_as::<Node>();
    let same = old
        .is_some_and(|old| old.spec == node.spec && old.metadata.labels == node.metadata.labels && !change.deleted());
    if same {
        return Vec::new();
    }
    let differs = |set: &&Arc<DaemonSet>| match old.filter(|_| !change.deleted()) {
        Some(old) => nodes::verdict(set, old) != nodes::verdict(set, node),
        None => nodes::verdict(set, node).stay,
    };
    cache.all::<DaemonSet>().filter(differs).map(|set| owner::reference(&**set)).collect()
}

/// One look at a set.
struct Round<'a> {
    controller: &'a DaemonSetsController,
    set: &'a Arc<DaemonSet>,
    about: ObjectReference,
    hash: String,
    nodes: Vec<&'a Arc<Node>>,
    by_node: VecMap<String, Vec<Arc<Pod>>>,
    cx: &'a Context<'a>,
}

impl<'a> Round<'a> {
    fn new(
        controller: &'a DaemonSetsController,
        set: &'a Arc<DaemonSet>,
        history: &History,
        cx: &'a Context<'a>,
    ) -> Round<'a> {
        Round {
            controller,
            set,
            about: about(Object::DaemonSet(Arc::clone(set))),
            hash: hash_of(&history.update),
            nodes: cx.cache.all::<Node>().collect(),
            by_node: nodes::pods_by_node(set, cx.cache),
            cx,
        }
    }

    /// Puts pods where they belong; if they are, replaces old ones.
    fn fill(&self, plan: &mut Plan) {
        let (mut missing, mut surplus) = (Vec::new(), Vec::new());
        for node in &self.nodes {
            self.look_at(node, &mut missing, &mut surplus, plan);
        }
        let known: VecSet<&str> = self.nodes.iter().map(|node| node.metadata.name.as_str()).collect();
        let strays = self.by_node.iter().filter(|(node, _)| !known.contains(node.as_str()));
        surplus.extend(strays.flat_map(|(_, pods)| pods).filter(|pod| pod.spec.node_name.is_empty()).cloned());
        let settled = missing.is_empty() && surplus.is_empty();
        if settled && self.set.spec.update_strategy.r#type == "RollingUpdate" {
            let desired = self.nodes.iter().filter(|node| nodes::verdict(self.set, node).run).count();
            let chosen = update::choose(self.set, &self.hash, &self.by_node, desired, self.cx.timestamp());
            (missing, surplus) = (chosen.nodes, chosen.pods);
        }
        missing.truncate(BURST);
        surplus.truncate(BURST);
        let create = |node: &String| replicas::create_call(pod::on(self.set, node, &self.hash), &self.about);
        plan.slow_start(missing.iter().map(create).collect());
        plan.together(surplus.iter().map(|pod| replicas::delete_call(pod, &self.about)).collect());
    }

    /// What a node lacks or has too many of (`podsShouldBeOnNode`).
    fn look_at(&self, node: &Node, missing: &mut Vec<String>, surplus: &mut Vec<Arc<Pod>>, plan: &mut Plan) {
        let verdict = nodes::verdict(self.set, node);
        let name = &node.metadata.name;
        let pods = self.by_node.get(name).map_or(&[][..], Vec::as_slice);
        let alive = |pod: &&Arc<Pod>| pod.metadata.deletion_timestamp.is_none();
        if !verdict.stay {
            surplus.extend(pods.iter().filter(alive).cloned());
        } else if pods.is_empty() {
            if verdict.run {
                missing.push(name.clone());
            }
        } else {
            let mut running: Vec<&Arc<Pod>> = Vec::new();
            for pod in pods.iter().filter(alive) {
                if pods::is_terminal(pod) {
                    self.ended(pod, name, surplus, plan);
                } else {
                    running.push(pod);
                }
            }
            running.sort_by_key(|pod| pod.metadata.creation_timestamp);
            if update::max_surge(self.set, 1) == 0 {
                surplus.extend(running.into_iter().skip(1).cloned());
            } else {
                // With surge a node may have one pod of each kind.
                for new in [true, false] {
                    let kind = running.iter().filter(|pod| update::is_updated(pod, self.set, &self.hash) == new);
                    surplus.extend(kind.skip(1).map(|pod| Arc::clone(pod)));
                }
            }
        }
    }

    /// A pod of the set ended: it is deleted, later and later if it fails again and again.
    fn ended(&self, pod: &Arc<Pod>, node: &str, surplus: &mut Vec<Arc<Pod>>, plan: &mut Plan) {
        let meta = &pod.metadata;
        let of = format!("{}/{} on node {node}", meta.namespace, meta.name);
        if pod.status.phase == "Failed" {
            let at = self.controller.may_go_at(&self.set.metadata.uid, node);
            if at > self.cx.now {
                plan.look_again(at);
                return;
            }
            let words = format!("Found failed daemon pod {of}, will try to kill it");
            plan.notes.push(Note::warning(self.about.clone(), "FailedDaemonPod", words));
        } else {
            let words = format!("Found succeeded daemon pod {of}, will try to delete it");
            plan.notes.push(Note::normal(self.about.clone(), "SucceededDaemonPod", words));
        }
        surplus.push(Arc::clone(pod));
    }

    /// The revisions that pods live by.
    fn live_revisions<'h>(&self, history: &'h History) -> VecSet<&'h str> {
        let hashes: VecSet<&str> = self
            .by_node
            .values()
            .flatten()
            .filter_map(|pod| pod.metadata.labels.get(history::REVISION_LABEL))
            .map(String::as_str)
            .collect();
        let live = |revision: &&Arc<ControllerRevision>| hashes.contains(hash_of(revision).as_str());
        history.revisions.iter().filter(live).map(|revision| revision.metadata.name.as_str()).collect()
    }
}
