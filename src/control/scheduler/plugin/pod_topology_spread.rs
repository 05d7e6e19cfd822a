//! PodTopologySpread: pods of a kind are spread over zones, nodes, or whatever a label of nodes tells apart.
//! Models `plugins/podtopologyspread/filtering.go`, `common.go` and `plugin.go`.

pub mod scoring;

use std::sync::Arc;

use crate::api::{Node, Taint, TaintEffect};
use crate::control::scheduler::framework::{ClusterEvent, CycleState, Plugin, PreFilter, Rejection};
use crate::control::scheduler::plugin::node_affinity;
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::scheduler::terms::Constraint;
use crate::control::taint;
use crate::sim::VecMap;

const CONSTRAINTS: &str = "node(s) didn't match pod topology spread constraints";
const NO_LABEL: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct PodTopologySpread;

/// What PreFilter counted, a constraint each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<Counted>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Counted {
    constraint: Constraint,
    /// How many pods each place has.
    places: VecMap<String, i64>,
}

impl Counted {
    /// The emptiest place; with too few places, as if there were an empty one.
    fn least(&self) -> i64 {
        let few = i64::try_from(self.places.len()).unwrap_or(i64::MAX) < self.constraint.min_domains;
        if few { 0 } else { self.places.values().min().copied().unwrap_or(i64::from(i32::MAX)) }
    }
}

/// Whether a node has all the labels that constraints tell places apart by.
pub fn has_labels(node: &Node, constraints: &[Constraint]) -> bool {
    constraints.iter().all(|constraint| node.metadata.labels.contains_key(&constraint.topology_key))
}

/// Whether a node's pods count (`matchNodeInclusionPolicies`).
pub fn includes(constraint: &Constraint, pod: &PodInfo, node: &Node) -> bool {
    if constraint.honour_affinity && !node_affinity::matches(&pod.pod.spec, node) {
        return false;
    }
    let hard = |taint: &&Taint| matches!(taint.effect, TaintEffect::NoSchedule | TaintEffect::NoExecute);
    let borne = |t: &Taint| pod.pod.spec.tolerations.iter().any(|toleration| taint::tolerates(toleration, t));
    !constraint.honour_taints || node.spec.taints.iter().filter(hard).all(borne)
}

/// Whether the nodes that count are simply all.
pub fn includes_all(constraint: &Constraint, pod: &PodInfo) -> bool {
    let spec = &pod.pod.spec;
    let picky = !spec.node_selector.is_empty() || spec.affinity.as_ref().is_some_and(|a| a.node_affinity.is_some());
    let by_affinity = constraint.honour_affinity && picky;
    !constraint.honour_taints && !by_affinity
}

/// How many pods of a node count.
pub fn count_on(constraint: &Constraint, namespace: &str, node: &NodeInfo) -> i64 {
    let count = node.pods.values().filter(|other| constraint.counts(&other.pod, namespace)).count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn counted(pod: &PodInfo, constraints: Vec<Constraint>, nodes: &Snapshot) -> Counts {
    let namespace = &pod.pod.metadata.namespace;
    if let [constraint] = constraints.as_slice()
        && includes_all(constraint, pod)
        && let Some(places) =
            nodes.tally(namespace, &constraint.selector).and_then(|tally| tally.by(&constraint.topology_key))
    {
        let mut places = places.clone();
        places.remove("");
        return Counts(vec![Counted { constraint: constraint.clone(), places }]);
    }
    let all: Vec<&Arc<NodeInfo>> = nodes.nodes().filter(|node| has_labels(&node.node, &constraints)).collect();
    let count = |constraint: Constraint| {
        let mut places: VecMap<String, i64> = VecMap::new();
        for node in all.iter().filter(|node| includes(&constraint, pod, &node.node)) {
            let value = &node.node.metadata.labels[&constraint.topology_key];
            *places.entry(value.clone()).or_default() += count_on(&constraint, namespace, node);
        }
        Counted { constraint, places }
    };
    Counts(constraints.into_iter().map(count).collect())
}

impl Plugin for PodTopologySpread {
    fn name(&self) -> &'static str {
        "PodTopologySpread"
    }

    fn pre_filter(&self, pod: &PodInfo, nodes: &Snapshot, state: &mut CycleState) -> PreFilter {
        let hard: Vec<Constraint> = pod.constraints.iter().filter(|c| c.hard).cloned().collect();
        if hard.is_empty() {
            return PreFilter::Skip;
        }
        state.spread = counted(pod, hard, nodes);
        PreFilter::Go
    }

    fn pod_moves(
        &self,
        pod: &PodInfo,
        other: &PodInfo,
        node: &NodeInfo,
        _: &Snapshot,
        by: i64,
        state: &mut CycleState,
    ) {
        let constraints: Vec<Constraint> = state.spread.0.iter().map(|counted| counted.constraint.clone()).collect();
        if other.pod.metadata.namespace != pod.pod.metadata.namespace || !has_labels(&node.node, &constraints) {
            return;
        }
        for counted in &mut state.spread.0 {
            let constraint = &counted.constraint;
            if constraint.selector.matches(&other.pod.metadata.labels) && includes(constraint, pod, &node.node) {
                let value = node.node.metadata.labels[&constraint.topology_key].clone();
                *counted.places.entry(value).or_default() += by;
            }
        }
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, state: &CycleState) -> Result<(), Rejection> {
        for counted in &state.spread.0 {
            let constraint = &counted.constraint;
            let Some(value) = node.node.metadata.labels.get(&constraint.topology_key) else {
                return Err(Rejection::unresolvable(NO_LABEL));
            };
            let itself = i64::from(constraint.selector.matches(&pod.pod.metadata.labels));
            let there = counted.places.get(value).copied().unwrap_or(0);
            if there + itself - counted.least() > constraint.max_skew {
                return Err(Rejection::unschedulable(CONSTRAINTS));
            }
        }
        Ok(())
    }

    fn pre_score(&self, pod: &PodInfo, feasible: &[&Arc<NodeInfo>], nodes: &Snapshot, state: &mut CycleState) -> bool {
        let scores = scoring::count(pod, feasible, nodes, state.selector.as_ref());
        let any = scores.is_some();
        state.spread_scores = scores.unwrap_or_default();
        any
    }

    fn score(&self, pod: &PodInfo, node: &NodeInfo, nodes: &Snapshot, state: &CycleState) -> i64 {
        scoring::score(&state.spread_scores, pod, node, nodes)
    }

    fn normalise(&self, scores: &mut [i64]) {
        scoring::normalise(scores);
    }

    /// A pod that counts came or went, or places did.
    fn may_help(&self, pod: &PodInfo, event: ClusterEvent<'_>) -> bool {
        let counts = |other: &PodInfo| {
            let same = other.pod.metadata.namespace == pod.pod.metadata.namespace;
            same && pod.constraints.iter().any(|c| c.selector.matches(&other.pod.metadata.labels))
        };
        match event {
            ClusterEvent::NodeAdded(node) | ClusterEvent::NodeUpdated(_, node) => {
                has_labels(&node.node, &pod.constraints)
            }
            ClusterEvent::PodAssigned(other) | ClusterEvent::PodDeleted(other) => counts(other),
            ClusterEvent::PodScaledDown(..) | ClusterEvent::Volumes => false,
        }
    }
}
