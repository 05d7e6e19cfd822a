//! The node lifecycle controller: a node that is silent for too long is unknown, and its taints say so.
//!
//! Models `pkg/controller/nodelifecycle/node_lifecycle_controller.go`. Upstream looks at every node every five seconds;
//! here a node is looked at when it changes and at the first such moment after its grace would be over, which is the same
//! to see and does not scan. Silence is judged by when the cache last saw the node's lease change, as upstream does, so a
//! controller-manager that starts gives every node its grace anew. All nodes form one zone.

use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Kind, Lease, Node, NodeCondition, Object, ObjectRef, PatchType, Pod, Request, Subresource, Taint, TaintEffect,
    Timestamp,
};
use crate::control::cache::{Cache, Change, Index};
use crate::control::controller::{Setup, owner, pods};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};
use crate::sim::{Span, Time, VecSet};

/// `--node-monitor-period`.
const PERIOD: Span = Span::secs(5);
/// `--node-monitor-grace-period`.
const GRACE: Span = Span::secs(50);
/// `--node-startup-grace-period`.
const STARTUP_GRACE: Span = Span::secs(60);
/// The reverse of `--node-eviction-rate` (0.1 a second).
const BETWEEN_EVICTIONS: Span = Span::secs(10);
const LEASES: &str = "kube-node-lease";

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Conditions that become taints: type, status, taint.
const TAINTED: &[(&str, &str, &str)] = &[
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The node lifecycle controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeLifecycle {
    nodes: VecSet<Arc<str>>,
    unready: VecSet<Arc<str>>,
}

impl NodeLifecycle {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        NodeLifecycle { nodes: VecSet::new(), unready: VecSet::new() }
    }

    /// Whether so many nodes are not ready that the fault is likely to be elsewhere: then nothing is evicted
    /// (`ComputeZoneState`, with a secondary rate of zero below 50 nodes).
    fn disrupted(&self) -> bool {
        let (all, unready) = (self.nodes.len(), self.unready.len());
        let full = unready == all;
        let partial = unready > 2 && unready * 100 >= all * 55;
        full || (partial && all <= 50)
    }
}

impl Reconciler for NodeLifecycle {
    const NAME: &'static str = "node-lifecycle-controller";
    const SOURCE: &'static str = "node-controller";
    const WORKERS: u32 = 8;
    const WATCHES: &'static [Kind] = &[Kind::Node, Kind::Lease, Kind::Pod];

    fn observe(&mut self, change: &Change, _: &Cache, _: Time) -> Vec<Note> {
        let Some(node) = change.new_as::<Node>() else { return Vec::new() };
        let name: Arc<str> = node.metadata.name.as_str().into();
        let tell = |reason, words: String| {
            vec![Note::normal(about(Object::Node(Arc::clone(node))), reason, format!("Node {name} event: {words}"))]
        };
        if change.deleted() {
            self.nodes.remove(&name);
            self.unready.remove(&name);
            return tell("RemovingNode", format!("Removing Node {name} from Controller"));
        }
        if condition(node, "Ready").is_some_and(|ready| ready.status == "True") {
            self.unready.remove(&name);
        } else {
            self.unready.insert(name.clone());
        }
        let new = self.nodes.insert(name.clone());
        if new { tell("RegisteredNode", format!("Registered Node {name} in Controller")) } else { Vec::new() }
    }

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        if change.kind() == Kind::Node && !change.deleted() { vec![change.new.reference()] } else { Vec::new() }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(node) = cx.cache.get_ref::<Node>(key) else { return Ok(Plan::nothing()) };
        let mut plan = Plan::nothing();
        let silent_at = silent_at(node, cx);
        if silent_at > cx.now {
            plan.look_again(silent_at);
        } else if let Some(unknown) = unknown(node, cx.timestamp()) {
            return Ok(declare_unknown(node, unknown, cx));
        }
        if let Some(at) = self.taint(node, cx, &mut plan) {
            plan.look_again(at);
        }
        Ok(plan)
    }
}

fn condition<'a>(node: &'a Node, r#type: &str) -> Option<&'a NodeCondition> {
    node.status.conditions.iter().find(|condition| condition.r#type == r#type)
}

/// The first look after the node's grace is over.
fn silent_at(node: &Node, cx: &Context<'_>) -> Time {
    let lease = ObjectRef { kind: Kind::Lease, namespace: LEASES.into(), name: node.metadata.name.as_str().into() };
    let renewed = cx.cache.get_ref::<Lease>(&lease).and_then(|_| cx.cache.seen_at(&lease));
    let ready = condition(node, "Ready");
    let posted = ready.and_then(|ready| ready.last_heartbeat_time).map(|at| cx.calendar.time(at));
    let created = node.metadata.creation_timestamp.map_or(Time::ZERO, |at| cx.calendar.time(at));
    let (heard, grace) = match ready {
        Some(_) => (renewed.max(posted).unwrap_or(created), GRACE),
        None => (renewed.unwrap_or(created).max(created), STARTUP_GRACE),
    };
    let over = heard + grace;
    Time(over.0.next_multiple_of(PERIOD.0))
}

/// The conditions of a silent node; `None` if they are unknown already.
fn unknown(node: &Node, now: Timestamp) -> Option<Vec<NodeCondition>> {
    let mut conditions = node.status.conditions.clone();
    for r#type in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
        match conditions.iter_mut().find(|condition| condition.r#type == r#type) {
            Some(known) if known.status == "Unknown" => {}
            Some(known) => {
                known.status = "Unknown".into();
                known.reason = "NodeStatusUnknown".into();
                known.message = "Kubelet stopped posting node status.".into();
                known.last_transition_time = Some(now);
            }
            None => conditions.push(NodeCondition {
                r#type: r#type.into(),
                status: "Unknown".into(),
                reason: "NodeStatusNeverUpdated".into(),
                message: "Kubelet never posted node status.".into(),
                last_heartbeat_time: node.metadata.creation_timestamp,
                last_transition_time: Some(now),
                ..NodeCondition::default()
            }),
        }
    }
    (conditions != node.status.conditions).then_some(conditions)
}

/// Writes the conditions of a silent node; if it was ready, tells so and marks its pods not ready.
fn declare_unknown(node: &Arc<Node>, conditions: Vec<NodeCondition>, cx: &Context<'_>) -> Plan {
    let mut plan = Plan::nothing();
    let was_ready = condition(node, "Ready").is_some_and(|ready| ready.status == "True");
    let mut updated = node.as_ref().clone();
    updated.status.conditions = conditions;
    let name = &node.metadata.name;
    let mut call = ApiCall::unless_gone(Request::update_status(updated));
    if was_ready {
        let words = format!("Node {name} status is now: NodeNotReady");
        call = call.on_done(Note::normal(about(Object::Node(Arc::clone(node))), "NodeNotReady", words));
    }
    plan.then(call);
    if was_ready {
        let of_node = cx.cache.find_as::<Pod>(Index::Node, name).filter(|pod| pods::is_ready(pod));
        plan.together(of_node.map(|pod| mark_not_ready(pod, cx.timestamp())).collect());
    }
    plan
}

/// A pod of a silent node is not ready (`MarkPodsNotReady`).
fn mark_not_ready(pod: &Arc<Pod>, now: Timestamp) -> ApiCall {
    let patch = json!({"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [
        {"type": "Ready", "status": "False", "lastTransitionTime": now},
    ]}});
    let mut request = owner::patch_of(Kind::Pod, &pod.metadata, PatchType::Strategic, patch);
    request.subresource = Some(Subresource::Status);
    ApiCall::unless_gone(request).on_done(Note::warning(
        about(Object::Pod(Arc::clone(pod))),
        "NodeNotReady",
        "Node is not ready",
    ))
}

impl NodeLifecycle {
    /// Brings the taints in line with the conditions. When to look again, if that has to wait.
    fn taint(&self, node: &Arc<Node>, cx: &Context<'_>, plan: &mut Plan) -> Option<Time> {
        let mut wait = None;
        let holds = |(r#type, status, _): &&(&str, &str, &str)| {
            condition(node, r#type).is_some_and(|condition| condition.status == *status)
        };
        let mut wanted: Vec<(&str, TaintEffect)> =
            TAINTED.iter().filter(holds).map(|(_, _, key)| (*key, TaintEffect::NoSchedule)).collect();
        if node.spec.unschedulable {
            wanted.push((UNSCHEDULABLE, TaintEffect::NoSchedule));
        }
        let evicting = match condition(node, "Ready").map(|ready| ready.status.as_str()) {
            Some("False") => Some(NOT_READY),
            Some("Unknown") => Some(UNREACHABLE),
            _ => None,
        };
        if let Some(key) = evicting.filter(|_| !self.disrupted()) {
            match self.eviction_at(node, cx) {
                Some(at) => wait = Some(at),
                None => wanted.push((key, TaintEffect::NoExecute)),
            }
        }
        let taints = swapped(&node.spec.taints, &wanted, cx.timestamp());
        if taints != node.spec.taints {
            let patch =
                json!({"metadata": {"resourceVersion": node.metadata.resource_version}, "spec": {"taints": taints}});
            plan.then(ApiCall::unless_gone(owner::patch_of(Kind::Node, &node.metadata, PatchType::Merge, patch)));
        }
        wait
    }

    /// When the eviction from this node has to wait for others: one node every ten seconds.
    fn eviction_at(&self, node: &Node, cx: &Context<'_>) -> Option<Time> {
        if since_eviction(node).is_some() {
            return None;
        }
        let others = || self.unready.iter().filter_map(|name| cx.cache.get::<Node>("", name));
        let last = others().filter_map(|other| since_eviction(other)).max();
        let next = last.map(|at| cx.calendar.time(at) + BETWEEN_EVICTIONS).filter(|at| *at > cx.now);
        let first = others().find(|other| since_eviction(other).is_none());
        let mine = first.is_none_or(|first| first.metadata.name == node.metadata.name);
        next.or(if mine { None } else { Some(cx.now + PERIOD) })
    }
}

/// Since when a node's pods are being evicted.
fn since_eviction(node: &Node) -> Option<Timestamp> {
    let evicts = |taint: &&Taint| {
        taint.effect == TaintEffect::NoExecute && matches!(taint.key.as_str(), NOT_READY | UNREACHABLE)
    };
    node.spec.taints.iter().find(evicts).map(|taint| taint.time_added.unwrap_or_default())
}

/// The taints with ours as wanted; those of others stay, and those that were there keep their times.
fn swapped(known: &[Taint], wanted: &[(&str, TaintEffect)], now: Timestamp) -> Vec<Taint> {
    let ours = |taint: &Taint| match taint.effect {
        TaintEffect::NoSchedule => taint.key == UNSCHEDULABLE || TAINTED.iter().any(|(_, _, key)| *key == taint.key),
        TaintEffect::NoExecute => matches!(taint.key.as_str(), NOT_READY | UNREACHABLE),
        _ => false,
    };
    let is = |taint: &Taint, want: &(&str, TaintEffect)| taint.key == want.0 && taint.effect == want.1;
    let kept = known.iter().filter(|taint| !ours(taint) || wanted.iter().any(|want| is(taint, want))).cloned();
    let new = wanted.iter().filter(|want| !known.iter().any(|taint| is(taint, want)));
    let new = new.map(|(key, effect)| Taint {
        key: (*key).to_owned(),
        effect: effect.clone(),
        time_added: Some(now),
        ..Taint::default()
    });
    kept.chain(new).collect()
}
