//! The score of PodTopologySpread: nodes whose places have fewer pods of the kind are better.
//! Models `plugins/podtopologyspread/scoring.go` and its default constraints.

use crate::sim::{VecMap, VecSet};
use std::sync::Arc;

use crate::api::labels::Selector;
use crate::control::scheduler::framework::MAX_SCORE;
use crate::control::scheduler::plugin::pod_topology_spread::{count_on, has_labels, includes, includes_all};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::scheduler::terms::Constraint;

/// The label of a node's name.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// The label of a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// The score of a node that is not to be scored.
const INVALID: i64 = -1;

/// What PreScore counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scores {
    constraints: Vec<Constraint>,
    /// Nodes without the labels.
    ignored: VecSet<String>,
    /// How many pods each place has, a constraint each; nodes as places are counted when they are scored.
    places: Vec<VecMap<String, i64>>,
    /// How many places there are, a constraint each.
    sizes: Vec<u64>,
}

/// The constraints of pods without any: by node and by zone (`systemDefaultConstraints`).
fn defaults(selector: &Selector) -> Vec<Constraint> {
    vec![Constraint::soft(3, HOSTNAME, selector), Constraint::soft(5, ZONE, selector)]
}

/// Counts the pods of all places; `None` if nothing is to be scored. `selector` chooses the pods of the same owner or
/// Service.
pub fn count(
    pod: &PodInfo,
    feasible: &[&Arc<NodeInfo>],
    nodes: &Snapshot,
    selector: Option<&Selector>,
) -> Option<Scores> {
    let own = !pod.constraints.is_empty();
    let constraints: Vec<Constraint> = if own {
        pod.constraints.iter().filter(|constraint| !constraint.hard).cloned().collect()
    } else {
        selector.map(defaults).unwrap_or_default()
    };
    if constraints.is_empty() {
        return None;
    }
    let mut scores = Scores { places: vec![VecMap::new(); constraints.len()], ..Scores::default() };
    for node in feasible {
        // Defaults may be kept in part: nodes without zones are spread over all the same.
        if own && !has_labels(&node.node, &constraints) {
            scores.ignored.insert(node.name().to_owned());
            continue;
        }
        for (constraint, places) in constraints.iter().zip(&mut scores.places) {
            if constraint.topology_key != HOSTNAME {
                places.entry(place(constraint, node)).or_default();
            }
        }
    }
    let scored = feasible.len() - scores.ignored.len();
    let size = |(constraint, places): (&Constraint, &VecMap<String, i64>)| {
        if constraint.topology_key == HOSTNAME { scored as u64 } else { places.len() as u64 }
    };
    scores.sizes = constraints.iter().zip(&scores.places).map(size).collect();
    for (constraint, places) in constraints.iter().zip(&mut scores.places) {
        fill(pod, constraint, own.then_some(constraints.as_slice()), places, nodes);
    }
    scores.constraints = constraints;
    Some(scores)
}

fn place(constraint: &Constraint, node: &NodeInfo) -> String {
    node.node.metadata.labels.get(&constraint.topology_key).cloned().unwrap_or_default()
}

/// Counts the pods of the places of one constraint. `all`: the constraints whose labels a node must have to count.
fn fill(
    pod: &PodInfo,
    constraint: &Constraint,
    all: Option<&[Constraint]>,
    places: &mut VecMap<String, i64>,
    nodes: &Snapshot,
) {
    if places.is_empty() {
        return;
    }
    let namespace = &pod.pod.metadata.namespace;
    let tally = nodes.tally(namespace, &constraint.selector).and_then(|tally| tally.by(&constraint.topology_key));
    if let (Some(tally), None, true) = (tally, all, includes_all(constraint, pod)) {
        for (value, count) in places {
            *count = tally.get(value).copied().unwrap_or(0);
        }
        return;
    }
    for node in nodes.nodes() {
        if all.is_some_and(|all| !has_labels(&node.node, all)) || !includes(constraint, pod, &node.node) {
            continue;
        }
        if let Some(count) = places.get_mut(&place(constraint, node)) {
            *count += count_on(constraint, namespace, node);
        }
    }
}

/// The pods of a node's places, weighted: less is better.
pub fn score(scores: &Scores, pod: &PodInfo, node: &NodeInfo, nodes: &Snapshot) -> i64 {
    if scores.ignored.contains(node.name()) {
        return INVALID;
    }
    let namespace = &pod.pod.metadata.namespace;
    let mut sum = 0.0;
    for (index, constraint) in scores.constraints.iter().enumerate() {
        let Some(value) = node.node.metadata.labels.get(&constraint.topology_key) else { continue };
        let count = if constraint.topology_key == HOSTNAME {
            let tally = nodes.tally(namespace, &constraint.selector);
            tally.map_or_else(|| count_on(constraint, namespace, node), |tally| tally.of_node(node.name()))
        } else {
            scores.places[index].get(value).copied().unwrap_or(0)
        };
        sum += count as f64 * logarithm(scores.sizes[index] + 2) + (constraint.max_skew - 1) as f64;
    }
    sum.round() as i64
}

/// Brings scores into 0..=100, the least becoming the best.
pub fn normalise(scores: &mut [i64]) {
    let valid = scores.iter().copied().filter(|score| *score != INVALID);
    let least = valid.clone().min().unwrap_or(0);
    let most = valid.max().unwrap_or(0).max(0);
    for score in scores {
        *score = match *score {
            INVALID => 0,
            _ if most == 0 => MAX_SCORE,
            score => MAX_SCORE * (most + least - score) / most,
        };
    }
}

/// The natural logarithm. Own, because those of the machines may differ in the last digit: ln n = k ln 2 + 2 artanh x.
fn logarithm(n: u64) -> f64 {
    let doublings = n.ilog2();
    let rest = n as f64 / (1_u64 << doublings) as f64;
    let x = (rest - 1.0) / (rest + 1.0);
    let (mut power, mut sum, mut odd) = (x, 0.0, 1.0);
    while power > 1e-18 {
        sum += power / odd;
        power *= x * x;
        odd += 2.0;
    }
    f64::from(doublings) * std::f64::consts::LN_2 + 2.0 * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_mathematics() {
        for n in [2, 3, 5, 7, 1_000, 5_002] {
            assert!((logarithm(n) - (n as f64).ln()).abs() < 1e-12, "{n}");
        }
    }
}
