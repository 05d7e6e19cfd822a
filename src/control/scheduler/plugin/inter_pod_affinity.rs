//! InterPodAffinity: pods that must, or must not, be where other pods are.
//! Models `plugins/interpodaffinity/filtering.go` and `plugin.go`.

pub mod scoring;

use crate::api::Node;
use crate::control::scheduler::framework::{ClusterEvent, CycleState, Plugin, PreFilter, Rejection};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::scheduler::terms::Term;
use crate::sim::VecMap;

const AFFINITY: &str = "node(s) didn't match pod affinity rules";
const ANTI_AFFINITY: &str = "node(s) didn't match pod anti-affinity rules";
const EXISTING: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct InterPodAffinity;

/// How many pods are in each place, a label of nodes with its value.
type Places = VecMap<(String, String), i64>;

/// What PreFilter counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pods that do not want this pod near.
    existing_anti: Places,
    /// Pods that this pod needs near.
    affinity: Places,
    /// Pods that this pod must not be near.
    anti: Places,
}

fn count(places: &mut Places, term: &Term, node: &Node, by: i64) {
    if let Some(value) = node.metadata.labels.get(&term.topology_key) {
        let place = (term.topology_key.clone(), value.clone());
        let known = places.entry(place.clone()).or_default();
        *known += by;
        if *known == 0 {
            places.remove(&place);
        }
    }
}

fn required(pod: &PodInfo) -> (&[Term], &[Term]) {
    pod.affinity.as_ref().map_or((&[], &[]), |terms| (&terms.required, &terms.required_anti))
}

/// Whether a pod is meant by all of the terms.
fn all_match(terms: &[Term], pod: &PodInfo, nodes: &Snapshot) -> bool {
    let namespace = nodes.namespace(&pod.pod.metadata.namespace);
    !terms.is_empty() && terms.iter().all(|term| term.matches(&pod.pod, namespace))
}

impl Counts {
    /// Counts a pod on a node in (1) or out (-1).
    fn update(&mut self, pod: &PodInfo, other: &PodInfo, node: &Node, nodes: &Snapshot, by: i64) {
        let here = nodes.namespace(&pod.pod.metadata.namespace);
        for term in required(other).1.iter().filter(|term| term.matches(&pod.pod, here)) {
            count(&mut self.existing_anti, term, node, by);
        }
        let (affinity, anti) = required(pod);
        if all_match(affinity, other, nodes) {
            affinity.iter().for_each(|term| count(&mut self.affinity, term, node, by));
        }
        let there = nodes.namespace(&other.pod.metadata.namespace);
        for term in anti.iter().filter(|term| term.matches(&other.pod, there)) {
            count(&mut self.anti, term, node, by);
        }
    }
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        "InterPodAffinity"
    }

    fn pre_filter(&self, pod: &PodInfo, nodes: &Snapshot, state: &mut CycleState) -> PreFilter {
        let mut counts = Counts::default();
        let (affinity, anti) = required(pod);
        if affinity.is_empty() && anti.is_empty() {
            for node in nodes.affine() {
                node.affine.values().for_each(|other| counts.update(pod, other, &node.node, nodes, 1));
            }
            if counts.existing_anti.is_empty() {
                return PreFilter::Skip;
            }
        } else {
            for node in nodes.nodes() {
                node.pods.values().for_each(|other| counts.update(pod, other, &node.node, nodes, 1));
            }
        }
        state.affinity = counts;
        state.self_affine = all_match(affinity, pod, nodes);
        PreFilter::Go
    }

    fn pod_moves(
        &self,
        pod: &PodInfo,
        other: &PodInfo,
        node: &NodeInfo,
        nodes: &Snapshot,
        by: i64,
        state: &mut CycleState,
    ) {
        state.affinity.update(pod, other, &node.node, nodes, by);
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, state: &CycleState) -> Result<(), Rejection> {
        let (affinity, anti) = required(pod);
        let labels = &node.node.metadata.labels;
        let place = |term: &Term| Some((term.topology_key.clone(), labels.get(&term.topology_key)?.clone()));
        let counts = &state.affinity;
        let here = |places: &Places, term: &Term| place(term).map(|place| places.get(&place).copied().unwrap_or(0) > 0);
        if affinity.iter().any(|term| place(term).is_none()) {
            return Err(Rejection::unresolvable(AFFINITY));
        }
        let exist = affinity.iter().all(|term| here(&counts.affinity, term) == Some(true));
        // The first of a series of pods that want to be near one another may go anywhere.
        let first = counts.affinity.is_empty() && state.self_affine;
        if !exist && !first {
            return Err(Rejection::unresolvable(AFFINITY));
        }
        if anti.iter().any(|term| here(&counts.anti, term) == Some(true)) {
            return Err(Rejection::unschedulable(ANTI_AFFINITY));
        }
        let kept_off = |(key, value): (&String, &String)| {
            counts.existing_anti.get(&(key.clone(), value.clone())).is_some_and(|count| *count > 0)
        };
        if !counts.existing_anti.is_empty() && labels.iter().any(kept_off) {
            return Err(Rejection::unschedulable(EXISTING));
        }
        Ok(())
    }

    fn pre_score(
        &self,
        pod: &PodInfo,
        _: &[&std::sync::Arc<NodeInfo>],
        nodes: &Snapshot,
        state: &mut CycleState,
    ) -> bool {
        state.affinity_scores = scoring::count(pod, nodes, scoring::HARD_WEIGHT);
        !state.affinity_scores.is_empty()
    }

    fn score(&self, _: &PodInfo, node: &NodeInfo, _: &Snapshot, state: &CycleState) -> i64 {
        scoring::score(&state.affinity_scores, &node.node)
    }

    fn normalise(&self, scores: &mut [i64]) {
        scoring::normalise(scores);
    }

    /// A pod that comes or goes may be meant by a term, or may have kept this pod off.
    fn may_help(&self, pod: &PodInfo, event: ClusterEvent<'_>) -> bool {
        let (affinity, anti) = required(pod);
        let meant = |terms: &[Term], other: &PodInfo| terms.iter().any(|term| term.matches(&other.pod, None));
        match event {
            ClusterEvent::NodeAdded(_) | ClusterEvent::NodeUpdated(..) => true,
            ClusterEvent::PodAssigned(other) => meant(affinity, other),
            ClusterEvent::PodDeleted(other) => meant(anti, other) || meant(required(other).1, pod),
            ClusterEvent::Volumes => false,
        }
    }
}
