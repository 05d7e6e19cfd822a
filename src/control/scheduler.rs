//! The scheduler: gives every pod a node.
//!
//! Models `pkg/scheduler/scheduler.go`, `schedule_one.go` and `eventhandlers.go`. One pod is tried at a time; a cycle takes
//! [`CYCLE`] of virtual time. The chosen node counts the pod at once (it is assumed), while the binding is under way.

pub mod cycle;
pub mod decision;
pub mod framework;
pub mod near;
pub mod plugin;
pub mod preemption;
pub mod queue;
pub mod resources;
pub mod snapshot;
pub mod spreading;
pub mod tally;
pub mod terms;
pub mod victims;
pub mod volumes;
mod what_if;

use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Answer, Body, Call, CallId, Kind, Node, Object, ObjectRef, Origin, PatchType, Pod, Request, Response, Status,
    Subresource, Verb, usage,
};
use crate::control::cache::Change;
use crate::control::informer::{CallIds, Informers};
use crate::control::recorder::{Style, involved};
use crate::control::scheduler::decision::{Decision, Decisions};
use crate::control::scheduler::framework::{ClusterEvent, CycleState};
use crate::control::scheduler::queue::{Queued, SchedulingQueue};
use crate::control::scheduler::snapshot::{PodInfo, Snapshot};
use crate::control::{Cache, Calendar, Recorder};
use crate::sim::{Component, EventId, Out, Rng, Span, Time, VecMap, Wake};

/// The scheduler's name in pods, events and traces.
pub const NAME: &str = "default-scheduler";
/// How long one scheduling cycle takes.
pub const CYCLE: Span = Span::micros(500);

/// The kinds that the scheduler watches.
const WATCHED: &[Kind] = &[
    Kind::Namespace,
    Kind::Node,
    Kind::PersistentVolume,
    Kind::PersistentVolumeClaim,
    Kind::Pod,
    Kind::PodDisruptionBudget,
    Kind::ReplicaSet,
    Kind::ReplicationController,
    Kind::Service,
    Kind::StatefulSet,
    Kind::StorageClass,
];

/// A binding that is not answered for so long has failed.
const PATIENCE: Span = Span::secs(60);

/// Why the scheduler wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// To begin.
    Start,
    /// To list a kind, again after a failure.
    List(Kind),
    /// To try the next pod.
    Next,
    /// To try pods again whose time has come.
    Retry,
    /// To stop waiting for the answer to a binding.
    GiveUp,
}

/// A binding that the API server has not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Binding {
    queued: Queued,
    node: Arc<str>,
    since: Time,
}

/// The scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scheduler {
    calendar: Calendar,
    informers: Informers,
    ids: CallIds,
    queue: SchedulingQueue,
    snapshot: Snapshot,
    /// Where the next search for nodes begins.
    start: u32,
    rng: Rng,
    free_at: Time,
    binding: VecMap<CallId, Binding>,
    /// Pods whose volumes are being bound.
    prebinding: VecMap<ObjectRef, volumes::Waiting>,
    recorder: Recorder,
    decisions: Decisions,
}

impl Component for Scheduler {
    type Input = Answer;
    type Effect = Call;
    type Reason = Reason;

    fn handle(&mut self, answer: Answer, now: Time, out: &mut Out<Call>) {
        if let Some(told) = self.informers.handle(&answer, now, &mut self.ids) {
            for (id, request) in told.calls {
                out.push(Call { id, request, origin: None });
            }
            for change in &told.changes {
                self.changed(change, now, out);
            }
        } else if let Answer::Response { id, response } = answer
            && let Some(binding) = self.binding.remove(&id)
        {
            self.bound(binding, &response, now, out);
        }
        self.work(now, out);
    }

    fn wake(&mut self, now: Time, out: &mut Out<Call>) {
        for (id, request) in self.informers.wake(now, &mut self.ids) {
            out.push(Call { id, request, origin: None });
        }
        while self.binding.first_key_value().is_some_and(|(_, binding)| binding.since + PATIENCE <= now) {
            let Some((_, binding)) = self.binding.pop_first() else { break };
            let message = "context deadline exceeded".to_owned();
            let status = Status { code: 0, reason: "Timeout".into(), message, details: None };
            self.bound(binding, &Response::Failure(Arc::new(status)), now, out);
        }
        self.give_up_volumes(now);
        self.queue.wake(now);
        self.work(now, out);
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let list = self.informers.wake_at().map(|(at, kind)| {
            let why = if at == Time::ZERO { Reason::Start } else { Reason::List(kind) };
            Wake { at, why }
        });
        let next =
            (self.informers.synced() && self.queue.has_next()).then_some(Wake { at: self.free_at, why: Reason::Next });
        let retry = self.queue.wake_at().map(|at| Wake { at, why: Reason::Retry });
        let late = self.binding.values().next().map(|binding| binding.since + PATIENCE);
        let late = late.map(|at| Wake { at, why: Reason::GiveUp });
        let volumes = self.volumes_wake_at().map(|at| Wake { at, why: Reason::GiveUp });
        list.into_iter().chain(next).chain(retry).chain(late).chain(volumes).min()
    }
}

impl Scheduler {
    /// A scheduler on a host, with its stream of random numbers.
    pub fn new(calendar: Calendar, host: &str, rng: Rng) -> Scheduler {
        Scheduler {
            calendar,
            informers: Informers::new(WATCHED.iter().copied()),
            ids: CallIds::default(),
            queue: SchedulingQueue::default(),
            snapshot: Snapshot::default(),
            start: 0,
            rng,
            free_at: Time::ZERO,
            binding: VecMap::new(),
            prebinding: VecMap::new(),
            recorder: Recorder::with_style(calendar, NAME, host, Style::Series),
            decisions: Decisions::default(),
        }
    }

    /// The last decisions.
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// The pods that wait.
    pub fn queue(&self) -> &SchedulingQueue {
        &self.queue
    }

    /// The nodes as the scheduler sees them.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Tries pods, one at a time.
    fn work(&mut self, now: Time, out: &mut Out<Call>) {
        if !self.informers.synced() {
            return;
        }
        while self.free_at <= now {
            let Some(queued) = self.queue.pop() else { return };
            self.try_one(queued, now, out);
        }
    }

    fn changed(&mut self, change: &Change, now: Time, out: &mut Out<Call>) {
        match &change.new {
            Object::Node(node) => self.node_changed(change, node, now, out.cause()),
            Object::Pod(pod) => self.pod_changed(change, pod, now, out.cause()),
            Object::Namespace(namespace) => {
                let labels = (!change.deleted()).then_some(&namespace.metadata.labels);
                self.snapshot.set_namespace(&namespace.metadata.name, labels);
            }
            Object::PersistentVolume(_) | Object::PersistentVolumeClaim(_) | Object::StorageClass(_) => {
                self.queue.happened(ClusterEvent::Volumes, now, out.cause());
                self.volumes_changed(now, out);
            }
            _ => {}
        }
    }

    fn node_changed(&mut self, change: &Change, node: &Arc<Node>, now: Time, cause: Option<EventId>) {
        if change.deleted() {
            self.snapshot.remove_node(&node.metadata.name);
            return;
        }
        let old = change.old_as::<Node>();
        if old.is_some_and(|old| !matters(old, node)) {
            return;
        }
        self.snapshot.set_node(node);
        let Some(info) = self.snapshot.get(&node.metadata.name) else { return };
        let event = match old {
            Some(old) => ClusterEvent::NodeUpdated(old, info),
            None => ClusterEvent::NodeAdded(info),
        };
        self.queue.happened(event, now, cause);
    }

    fn pod_changed(&mut self, change: &Change, pod: &Arc<Pod>, now: Time, cause: Option<EventId>) {
        let key = change.new.reference();
        let ended = change.deleted() || matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        if ended || !pod.spec.node_name.is_empty() {
            self.snapshot.nominate(&Arc::new(PodInfo::new(Arc::clone(pod))), None);
        }
        if ended {
            self.prebinding.remove(&key);
            self.queue.remove(&key);
            if self.snapshot.displace(&key) || !pod.spec.node_name.is_empty() {
                self.queue.happened(ClusterEvent::PodDeleted(&PodInfo::new(Arc::clone(pod))), now, cause);
            }
            return;
        }
        if !pod.spec.node_name.is_empty() {
            self.queue.remove(&key);
            let same = |old: &Pod| {
                let (then, now) = (&old.metadata, &pod.metadata);
                old.spec == pod.spec && then.labels == now.labels && then.deletion_timestamp == now.deletion_timestamp
            };
            let old = change.old_as::<Pod>().filter(|old| old.spec.node_name == pod.spec.node_name);
            let is_same = old.is_some_and(|old| same(old));
            if is_same && old.is_some_and(|old| usage::holds_the_same(old, pod)) {
                return;
            }
            let info = Arc::new(PodInfo::new(Arc::clone(pod)));
            self.snapshot.place(Arc::clone(&info), &pod.spec.node_name);
            if !is_same {
                self.queue.happened(ClusterEvent::PodAssigned(&info), now, cause);
            }
            let before = old.map(|old| resources::requests(old)).filter(|before| *before != info.requests);
            if let Some(before) = before {
                self.queue.happened(ClusterEvent::PodScaledDown(&before, &info), now, cause);
            }
            return;
        }
        if pod.spec.scheduler_name == NAME {
            self.waiting_changed(change, pod, &key, now, cause);
        }
    }

    /// A pod without a node is new or changed.
    fn waiting_changed(&mut self, change: &Change, pod: &Arc<Pod>, key: &ObjectRef, now: Time, cause: Option<EventId>) {
        let under_way = self.binding.values().any(|binding| binding.queued.pod.key() == *key);
        if under_way || self.prebinding.contains_key(key) {
            return;
        }
        let info = Arc::new(PodInfo::new(Arc::clone(pod)));
        let nominated = Some(pod.status.nominated_node_name.as_str()).filter(|node| !node.is_empty());
        if nominated.is_some() {
            self.snapshot.nominate(&info, nominated);
        }
        let news = change.old_as::<Pod>().is_none_or(|old| {
            old.spec != pod.spec
                || old.metadata.labels != pod.metadata.labels
                || old.metadata.deletion_timestamp != pod.metadata.deletion_timestamp
        });
        if news || self.queue.get(key).is_none() {
            self.queue.add(info, now, cause);
        } else {
            self.queue.refresh(info);
        }
    }

    /// One scheduling cycle.
    fn try_one(&mut self, queued: Queued, now: Time, out: &mut Out<Call>) {
        let pod = Arc::clone(&queued.pod);
        let cause = queued.cause;
        if pod.pod.metadata.deletion_timestamp.is_some() {
            let meta = &pod.pod.metadata;
            let words = format!("skip schedule deleting pod: {}/{}", meta.namespace, meta.name);
            self.record(&pod, "Warning", "FailedScheduling", "Scheduling", &words, cause, now, out);
            return;
        }
        self.free_at = now + CYCLE;
        let (cache, snapshot) = (&self.informers.cache, &mut self.snapshot);
        let found = Scheduler::search(&pod, snapshot, cache, &mut self.start, &mut self.rng);
        let (decision, chosen) = Decision::of(&pod, queued.attempts, now, self.snapshot.len(), found);
        self.decisions.push(decision);
        match chosen {
            Ok(node) => {
                if !self.prebind(&queued, &node, cause, now, out) {
                    self.bind_now(queued, node, now, out);
                }
            }
            Err(unfit) => {
                self.preempt(&pod, &unfit.nomination, cause, now, out);
                self.record(&pod, "Warning", "FailedScheduling", "Scheduling", &unfit.message, cause, now, out);
                self.tell_unschedulable(&pod, "Unschedulable", &unfit.message, cause, now, out);
                self.queue.failed(queued, unfit.plugins, now);
            }
        }
    }

    /// Looks for a node for a pod.
    fn search(pod: &PodInfo, nodes: &mut Snapshot, cache: &Cache, start: &mut u32, rng: &mut Rng) -> cycle::Found {
        nodes.refresh();
        let selector = spreading::default_selector(pod, cache);
        spreading::prepare(pod, selector.as_ref(), nodes);
        let volumes = volumes::of(&pod.pod, cache);
        let state = CycleState { selector, volumes, ..CycleState::default() };
        let mut search = cycle::Search { start, rng, state, budgets: victims::budgets(cache) };
        cycle::schedule(pod, nodes, &mut search)
    }

    /// Counts the pod on its node and asks the API server to bind it.
    fn bind_now(&mut self, queued: Queued, node: Arc<str>, now: Time, out: &mut Out<Call>) {
        let pod = &queued.pod.pod;
        let meta = &pod.metadata;
        let mut request = Request::new(Verb::Create, Kind::Pod, &meta.namespace, &meta.name);
        request.subresource = Some(Subresource::Binding);
        request.body = Body::Binding(node.clone());
        self.snapshot.place(Arc::clone(&queued.pod), &node);
        let (cause, key) = (queued.cause, queued.pod.key());
        let id = self.ids.next();
        self.binding.insert(id, Binding { queued, node, since: now });
        out.push_for(cause, Call { id, request, origin: origin(&key) });
    }

    /// The API server answered a binding.
    fn bound(&mut self, binding: Binding, response: &Response, now: Time, out: &mut Out<Call>) {
        let Binding { queued, node, .. } = binding;
        let pod = Arc::clone(&queued.pod);
        let (key, cause) = (pod.key(), queued.cause);
        let meta = &pod.pod.metadata;
        let known = self.informers.cache.get_ref::<Pod>(&key).cloned();
        if let Response::Failure(status) = response {
            let bound = known.as_ref().is_some_and(|known| !known.spec.node_name.is_empty());
            if bound || status.code == 404 {
                return;
            }
            self.snapshot.displace(&key);
            let words = format!("binding rejected: running Bind plugin \"DefaultBinder\": {}", status.message);
            self.record(&pod, "Warning", "FailedScheduling", "Scheduling", &words, cause, now, out);
            self.tell_unschedulable(&pod, "SchedulerError", &words, cause, now, out);
            if known.is_some_and(|known| known.metadata.uid == meta.uid) {
                self.queue.errored(queued, now);
            }
            return;
        }
        let words = format!("Successfully assigned {}/{} to {node}", meta.namespace, meta.name);
        self.record(&pod, "Normal", "Scheduled", "Binding", &words, cause, now, out);
        if known.is_none() {
            self.snapshot.displace(&key);
        }
    }

    /// Writes the PodScheduled condition, if it tells something new.
    fn tell_unschedulable(
        &mut self,
        pod: &PodInfo,
        reason: &str,
        message: &str,
        cause: Option<EventId>,
        now: Time,
        out: &mut Out<Call>,
    ) {
        let known = self.informers.cache.get_ref::<Pod>(&pod.key()).unwrap_or(&pod.pod);
        let before = known.status.conditions.iter().find(|c| c.r#type == "PodScheduled");
        let nominated = self.snapshot.nomination(&pod.key()).map_or("", |node| node);
        let same_node = known.status.nominated_node_name == nominated;
        let told = before.is_some_and(|c| c.status == "False" && c.reason == reason && c.message == message);
        if told && same_node {
            return;
        }
        let unchanged = before.filter(|c| c.status == "False").and_then(|c| c.last_transition_time);
        let since = unchanged.unwrap_or_else(|| self.calendar.timestamp(now));
        let condition = json!({
            "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
            "lastProbeTime": null, "lastTransitionTime": since, "observedGeneration": known.metadata.generation,
        });
        let meta = &known.metadata;
        let mut request = Request::new(Verb::Patch(PatchType::Strategic), Kind::Pod, &meta.namespace, &meta.name);
        request.subresource = Some(Subresource::Status);
        let mut status = json!({"conditions": [condition]});
        if !same_node {
            status["nominatedNodeName"] = if nominated.is_empty() { json!(null) } else { json!(nominated) };
        }
        request.body = Body::Value(json!({"metadata": {"uid": meta.uid}, "status": status}).into());
        let id = self.ids.next();
        out.push_for(cause, Call { id, request, origin: origin(&pod.key()) });
    }

    #[allow(clippy::too_many_arguments)] // An event has that many parts.
    fn record(
        &mut self,
        pod: &PodInfo,
        r#type: &str,
        reason: &str,
        action: &str,
        message: &str,
        cause: Option<EventId>,
        now: Time,
        out: &mut Out<Call>,
    ) {
        let about = involved(&Object::Pod(Arc::clone(&pod.pod)));
        for request in self.recorder.action(now, about, r#type, reason, action, message) {
            let id = self.ids.next();
            out.push_for(cause, Call { id, request, origin: origin(&pod.key()) });
        }
    }
}

fn origin(key: &ObjectRef) -> Option<Origin> {
    Some(Origin { controller: NAME, key: key.clone() })
}

/// Whether a change of a node can matter to any plugin: heartbeats do not.
fn matters(old: &Node, new: &Node) -> bool {
    old.spec != new.spec
        || old.metadata.labels != new.metadata.labels
        || old.status.allocatable != new.status.allocatable
        || old.status.images != new.status.images
}
