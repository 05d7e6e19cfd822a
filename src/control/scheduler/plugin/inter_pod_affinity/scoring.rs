//! The score of InterPodAffinity: the weights of what a pod prefers, and of what the pods that are there prefer of it.
//! Models `plugins/interpodaffinity/scoring.go`.

use std::collections::BTreeMap;

use crate::api::Node;
use crate::control::scheduler::framework::MAX_SCORE;
use crate::control::scheduler::near::{Places, Wish};
use crate::control::scheduler::snapshot::{PodInfo, Snapshot};
use crate::sim::VecMap;

/// What a required affinity of a pod that is there counts (`hardPodAffinityWeight`).
pub const HARD_WEIGHT: i64 = 1;

/// What each place weighs: a label of nodes, then its value.
pub type Scores = VecMap<String, BTreeMap<String, i64>>;

/// Weighs all places (`PreScore`): what the pod wants of those that are there, and they of it (`processExistingPod`).
pub fn count(pod: &PodInfo, nodes: &Snapshot, hard_weight: i64) -> Scores {
    let mut scores = Scores::new();
    if let Some(wants) = &pod.affinity {
        let preferred = wants.preferred.iter().map(|wish| (&wish.term, wish.weight));
        let anti = wants.preferred_anti.iter().map(|wish| (&wish.term, -wish.weight));
        for (term, weight) in preferred.chain(anti) {
            let places = nodes.meant(std::slice::from_ref(term), &term.topology_key);
            add(&mut scores, &term.topology_key, &places, weight);
        }
    }
    let here = nodes.namespace(&pod.pod.metadata.namespace);
    for (wish, term, places) in nodes.wishing() {
        let weight = match wish {
            Wish::Far => continue,
            Wish::Near => hard_weight,
            Wish::Weight(weight) => weight,
        };
        if weight != 0 && term.matches(&pod.pod, here) {
            add(&mut scores, &term.topology_key, places, weight);
        }
    }
    scores
}

/// Every pod in a place adds a weight to it.
fn add(scores: &mut Scores, key: &str, places: &Places, weight: i64) {
    if places.is_empty() || weight == 0 {
        return;
    }
    let weights = scores.entry(key.to_owned()).or_default();
    for (value, count) in places.iter() {
        match weights.get_mut(value) {
            Some(known) => *known += weight * count,
            None => _ = weights.insert(value.clone(), weight * count),
        }
    }
}

/// The sum over the places that a node is in.
pub fn score(scores: &Scores, node: &Node) -> i64 {
    let of = |(key, values): (&String, &BTreeMap<String, i64>)| values.get(node.metadata.labels.get(key)?).copied();
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
