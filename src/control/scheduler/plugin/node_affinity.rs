//! NodeAffinity: the labels (and the name) that a pod needs or prefers its node to have.
//! Models `plugins/nodeaffinity/node_affinity.go` and `component-helpers/scheduling/corev1/nodeaffinity`.

use crate::sim::{VecMap, VecSet};

use crate::api::{Node, NodeAffinity as Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodSpec};
use crate::control::scheduler::framework::{CycleState, Plugin, PreFilter, Rejection, normalise_by_largest};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::selector;

const NAME_FIELD: &str = "metadata.name";
const REASON: &str = "node(s) didn't match Pod's node affinity/selector";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeAffinity;

fn affinity(spec: &PodSpec) -> Option<&Affinity> {
    spec.affinity.as_ref()?.node_affinity.as_ref()
}

fn required(spec: &PodSpec) -> Option<&[NodeSelectorTerm]> {
    let required = affinity(spec)?.required_during_scheduling_ignored_during_execution.as_ref()?;
    Some(&required.node_selector_terms)
}

/// Whether a node has what a pod needs.
pub fn matches(spec: &PodSpec, node: &Node) -> bool {
    let labels = &node.metadata.labels;
    spec.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        && required(spec).is_none_or(|terms| terms.iter().any(|term| term_matches(term, node)))
}

/// Whether all requirements of a term hold; an empty term matches nothing.
pub fn term_matches(term: &NodeSelectorTerm, node: &Node) -> bool {
    if term.match_expressions.is_empty() && term.match_fields.is_empty() {
        return false;
    }
    let fields: VecMap<String, String> = [(NAME_FIELD.to_owned(), node.metadata.name.clone())].into();
    let holds =
        |want: &NodeSelectorRequirement, labels| selector::holds(&want.key, &want.operator, &want.values, labels);
    term.match_expressions.iter().all(|want| holds(want, &node.metadata.labels))
        && term.match_fields.iter().all(|want| holds(want, &fields))
}

/// The nodes that the terms name, if every term names some.
fn named(terms: &[NodeSelectorTerm]) -> Option<VecSet<String>> {
    let mut all = VecSet::new();
    for term in terms {
        let names = |want: &&NodeSelectorRequirement| want.key == NAME_FIELD && want.operator == "In";
        let mut of_term: Option<VecSet<String>> = None;
        for want in term.match_fields.iter().filter(names) {
            let these: VecSet<String> = want.values.iter().cloned().collect();
            match &mut of_term {
                Some(known) => known.retain(|name| these.contains(name)),
                None => of_term = Some(these),
            }
        }
        all.extend(of_term?);
    }
    Some(all)
}

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn pre_filter(&self, pod: &PodInfo, _: &Snapshot, _: &mut CycleState) -> PreFilter {
        let terms = required(&pod.pod.spec);
        if terms.is_none() && pod.pod.spec.node_selector.is_empty() {
            return PreFilter::Skip;
        }
        match terms.filter(|terms| !terms.is_empty()).and_then(named) {
            Some(nodes) if nodes.is_empty() => {
                PreFilter::Reject(Rejection::unresolvable("pod affinity terms conflict"))
            }
            Some(nodes) => PreFilter::Nodes(nodes),
            None => PreFilter::Go,
        }
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, _: &CycleState) -> Result<(), Rejection> {
        if matches(&pod.pod.spec, &node.node) { Ok(()) } else { Err(Rejection::unresolvable(REASON)) }
    }

    fn scores(&self, pod: &PodInfo) -> bool {
        affinity(&pod.pod.spec).is_some_and(|a| !a.preferred_during_scheduling_ignored_during_execution.is_empty())
    }

    /// The sum of the weights of the preferences that the node meets.
    fn score(&self, pod: &PodInfo, node: &NodeInfo, _: &Snapshot, _: &CycleState) -> i64 {
        let preferences = affinity(&pod.pod.spec).map(|a| &a.preferred_during_scheduling_ignored_during_execution);
        let met = preferences.into_iter().flatten().filter(|p| term_matches(&p.preference, &node.node));
        met.map(|p| i64::from(p.weight)).sum()
    }

    fn normalise(&self, scores: &mut [i64]) {
        normalise_by_largest(scores, false);
    }
}
