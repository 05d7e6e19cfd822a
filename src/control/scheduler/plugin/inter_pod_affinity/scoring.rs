//! The score of InterPodAffinity: the weights of what a pod prefers, and of what the pods that are there prefer of it.
//! Models `plugins/interpodaffinity/scoring.go`.

use crate::api::Node;
use crate::control::scheduler::framework::MAX_SCORE;
use crate::control::scheduler::snapshot::{PodInfo, Snapshot};
use crate::control::scheduler::terms::Term;
use crate::sim::VecMap;

/// What a required affinity of a pod that is there counts (`hardPodAffinityWeight`).
pub const HARD_WEIGHT: i64 = 1;

/// What each place counts: a label of nodes, then its value.
pub type Scores = VecMap<String, VecMap<String, i64>>;

/// Counts all places (`PreScore`).
pub fn count(pod: &PodInfo, nodes: &Snapshot, hard_weight: i64) -> Scores {
    let mut scores = Scores::new();
    let prefers = pod.affinity.as_ref().is_some_and(|a| !a.preferred.is_empty() || !a.preferred_anti.is_empty());
    if prefers {
        for node in nodes.nodes() {
            node.pods.values().for_each(|other| add(&mut scores, pod, other, &node.node, nodes, hard_weight));
        }
    } else {
        for node in nodes.affine() {
            node.affine.values().for_each(|other| add(&mut scores, pod, other, &node.node, nodes, hard_weight));
        }
    }
    scores
}

/// Adds what a pod that is there means for the pod to come (`processExistingPod`).
fn add(scores: &mut Scores, pod: &PodInfo, other: &PodInfo, node: &Node, nodes: &Snapshot, hard_weight: i64) {
    let there = nodes.namespace(&other.pod.metadata.namespace);
    let here = nodes.namespace(&pod.pod.metadata.namespace);
    let mut term = |term: &Term, of: &PodInfo, namespace, weight: i64| {
        if weight != 0
            && let Some(value) = node.metadata.labels.get(&term.topology_key)
            && term.matches(&of.pod, namespace)
        {
            let places = scores.entry(term.topology_key.clone()).or_default();
            *places.entry(value.clone()).or_default() += weight;
        }
    };
    if let Some(wants) = &pod.affinity {
        wants.preferred.iter().for_each(|t| term(&t.term, other, there, t.weight));
        wants.preferred_anti.iter().for_each(|t| term(&t.term, other, there, -t.weight));
    }
    if let Some(wants) = &other.affinity {
        wants.required.iter().for_each(|t| term(t, pod, here, hard_weight));
        wants.preferred.iter().for_each(|t| term(&t.term, pod, here, t.weight));
        wants.preferred_anti.iter().for_each(|t| term(&t.term, pod, here, -t.weight));
    }
}

/// The sum over the places that a node is in.
pub fn score(scores: &Scores, node: &Node) -> i64 {
    let of = |(key, values): (&String, &VecMap<String, i64>)| values.get(node.metadata.labels.get(key)?).copied();
    scores.iter().filter_map(of).sum()
}

/// Brings scores into 0..=100 between the least and the most. In floats as upstream, because it rounds down.
pub fn normalise(scores: &mut [i64]) {
    let (Some(least), Some(most)) = (scores.iter().min().copied(), scores.iter().max().copied()) else { return };
    let width = most - least;
    for score in scores {
        let share = if width > 0 { (*score - least) as f64 / width as f64 } else { 0.0 };
        *score = (MAX_SCORE as f64 * share) as i64;
    }
}
