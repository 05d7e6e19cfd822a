//! InterPodAffinity: pods that must, or must not, be where other pods are.
//! Models `plugins/interpodaffinity/filtering.go` and `plugin.go`.

pub mod scoring;

use std::sync::Arc;

use crate::api::Node;
use crate::control::scheduler::framework::{ClusterEvent, CycleState, Plugin, PreFilter, Rejection};
use crate::control::scheduler::near::{self, Places, Wish, all_match};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::scheduler::terms::Term;
use crate::sim::VecMap;

const AFFINITY: &str = "node(s) didn't match pod affinity rules";
const ANTI_AFFINITY: &str = "node(s) didn't match pod anti-affinity rules";
const EXISTING: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct InterPodAffinity;

/// How many pods are in each place: a label of nodes, then its value.
type ByKey = VecMap<String, Places>;

/// What PreFilter counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pods that do not want this pod near.
    existing_anti: ByKey,
    /// Pods that this pod needs near.
    affinity: ByKey,
    /// Pods that this pod must not be near.
    anti: ByKey,
}

/// Counts one pod in or out of a place.
fn count(counts: &mut ByKey, term: &Term, node: &Node, by: i64) {
    let Some(value) = node.metadata.labels.get(&term.topology_key) else { return };
    let places = counts.entry(term.topology_key.clone()).or_default();
    near::add(places, value, by);
    if places.is_empty() {
        counts.remove(&term.topology_key);
    }
}

/// Adds places to those of a key; the first to come are shared, not copied.
fn merge(counts: &mut ByKey, key: &str, places: &Places) {
    if places.is_empty() {
        return;
    }
    match counts.get_mut(key) {
        None => _ = counts.insert(key.to_owned(), Arc::clone(places)),
        Some(known) => places.iter().for_each(|(value, more)| near::add(known, value, *more)),
    }
}

fn required(pod: &PodInfo) -> (&[Term], &[Term]) {
    pod.affinity.as_ref().map_or((&[], &[]), |terms| (&terms.required, &terms.required_anti))
}

impl Counts {
    fn of(pod: &PodInfo, nodes: &Snapshot) -> Counts {
        let mut counts = Counts::default();
        let here = nodes.namespace(&pod.pod.metadata.namespace);
        for (wish, term, places) in nodes.wishing() {
            if wish == Wish::Far && term.matches(&pod.pod, here) {
                merge(&mut counts.existing_anti, &term.topology_key, places);
            }
        }
        let (affinity, anti) = required(pod);
        for term in affinity {
            merge(&mut counts.affinity, &term.topology_key, &nodes.meant(affinity, &term.topology_key));
        }
        for term in anti {
            let alone = std::slice::from_ref(term);
            merge(&mut counts.anti, &term.topology_key, &nodes.meant(alone, &term.topology_key));
        }
        counts
    }

    /// Counts a pod on a node in (1) or out (-1).
    fn update(&mut self, pod: &PodInfo, other: &PodInfo, node: &Node, nodes: &Snapshot, by: i64) {
        let here = nodes.namespace(&pod.pod.metadata.namespace);
        for term in required(other).1.iter().filter(|term| term.matches(&pod.pod, here)) {
            count(&mut self.existing_anti, term, node, by);
        }
        let there = nodes.namespace(&other.pod.metadata.namespace);
        let (affinity, anti) = required(pod);
        if all_match(affinity, other, there) {
            affinity.iter().for_each(|term| count(&mut self.affinity, term, node, by));
        }
        for term in anti.iter().filter(|term| term.matches(&other.pod, there)) {
            count(&mut self.anti, term, node, by);
        }
    }
}

/// Whether a node that changed is in another place for a term: for those that want pods near also if it was in none, for those
/// that want them far also if it is in none any more (`isSchedulableAfterNodeChange`).
fn is_new_place((affinity, anti): (&[Term], &[Term]), old: &Node, new: &Node) -> bool {
    let places =
        |term: &Term| (old.metadata.labels.get(&term.topology_key), new.metadata.labels.get(&term.topology_key));
    affinity.iter().map(places).any(|(before, now)| now.is_some() && before != now)
        || anti.iter().map(places).any(|(before, now)| before.is_some() && before != now)
}

/// Sees to it that the cycle of a pod finds all counts ready.
pub fn prepare(pod: &PodInfo, nodes: &mut Snapshot) {
    let Some(wants) = pod.affinity.clone() else { return };
    wants.required.iter().for_each(|term| nodes.ensure_meant(&wants.required, &term.topology_key));
    let preferred = wants.preferred.iter().chain(&wants.preferred_anti).map(|wish| &wish.term);
    for term in wants.required_anti.iter().chain(preferred) {
        nodes.ensure_meant(std::slice::from_ref(term), &term.topology_key);
    }
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        "InterPodAffinity"
    }

    fn pre_filter(&self, pod: &PodInfo, nodes: &Snapshot, state: &mut CycleState) -> PreFilter {
        let counts = Counts::of(pod, nodes);
        let (affinity, anti) = required(pod);
        if affinity.is_empty() && anti.is_empty() && counts.existing_anti.is_empty() {
            return PreFilter::Skip;
        }
        state.affinity = counts;
        state.self_affine = all_match(affinity, pod, nodes.namespace(&pod.pod.metadata.namespace));
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
        let counts = &state.affinity;
        let here = |counts: &ByKey, term: &Term| {
            let value = labels.get(&term.topology_key)?;
            Some(counts.get(&term.topology_key).and_then(|places| places.get(value)).is_some_and(|count| *count > 0))
        };
        if affinity.iter().any(|term| !labels.contains_key(&term.topology_key)) {
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
        let kept_off = |(key, places): (&String, &Places)| {
            labels.get(key).and_then(|value| places.get(value)).is_some_and(|count| *count > 0)
        };
        if counts.existing_anti.iter().any(kept_off) {
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

    /// A pod that comes or goes may be meant by a term, or may have kept this pod off; a node may be a new place.
    fn may_help(&self, pod: &PodInfo, event: ClusterEvent<'_>) -> bool {
        let (affinity, anti) = required(pod);
        let meant = |terms: &[Term], other: &PodInfo| terms.iter().any(|term| term.matches(&other.pod, None));
        let all_meant = |terms: &[Term], other: &PodInfo| {
            !terms.is_empty() && terms.iter().all(|term| term.matches(&other.pod, None))
        };
        match event {
            // Kept off by others alone.
            ClusterEvent::NodeAdded(_) | ClusterEvent::NodeUpdated(..) if affinity.is_empty() && anti.is_empty() => {
                true
            }
            ClusterEvent::NodeAdded(node) => {
                !anti.is_empty()
                    || affinity.iter().any(|term| node.node.metadata.labels.contains_key(&term.topology_key))
            }
            ClusterEvent::NodeUpdated(old, node) => is_new_place((affinity, anti), old, &node.node),
            ClusterEvent::PodAssigned(other) => all_meant(affinity, other),
            ClusterEvent::PodDeleted(other) => meant(anti, other) || meant(required(other).1, pod),
            ClusterEvent::PodScaledDown(..) | ClusterEvent::Volumes => false,
        }
    }
}
