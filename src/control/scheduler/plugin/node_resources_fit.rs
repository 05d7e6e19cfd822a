//! NodeResourcesFit: a node must have what a pod asks for, and by default the emptier node is better.
//! Models `plugins/noderesources/fit.go`, `least_allocated.go` and `most_allocated.go`.

use crate::control::scheduler::framework::{ClusterEvent, Code, CycleState, MAX_SCORE, Plugin, Rejection};
use crate::control::scheduler::resources::Amounts;
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};

/// How fullness is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The emptier the better.
    LeastAllocated,
    /// The fuller the better.
    MostAllocated,
}

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeResourcesFit {
    /// How fullness is scored.
    pub strategy: Strategy,
    /// The resources that count, with their weights.
    pub resources: &'static [(&'static str, i64)],
}

impl NodeResourcesFit {
    /// The default: LeastAllocated over cpu and memory.
    pub const LEAST: NodeResourcesFit =
        NodeResourcesFit { strategy: Strategy::LeastAllocated, resources: &[("cpu", 1), ("memory", 1)] };
}

/// The score of a node for resources with weights; resources that the node does not have do not count.
pub fn score(strategy: Strategy, resources: &[(&str, i64)], pod: &Amounts, node: &NodeInfo) -> i64 {
    let (mut sum, mut weights) = (0_i64, 0_i64);
    for (name, weight) in resources {
        let scalar = !matches!(*name, "cpu" | "memory" | "ephemeral-storage");
        let allocatable = node.allocatable.get(name);
        if allocatable == 0 || (scalar && pod.get(name) == 0) {
            continue;
        }
        let counted = if matches!(*name, "cpu" | "memory") { &node.non_zero } else { &node.requested };
        let requested = counted.get(name) + pod.get(name);
        sum += fullness(strategy, requested, allocatable) * weight;
        weights += weight;
    }
    if weights == 0 { 0 } else { sum / weights }
}

/// The fields of a scoring strategy whose weights are out of 1..=100 (`validateResources`).
pub fn invalid_weights(resources: &[(&str, i64)]) -> Vec<String> {
    let wrong = resources.iter().enumerate().filter(|(_, (_, weight))| !(1..=MAX_SCORE).contains(weight));
    wrong.map(|(index, _)| format!("scoringStrategy.resources[{index}].weight")).collect()
}

fn fullness(strategy: Strategy, requested: i64, allocatable: i64) -> i64 {
    let share =
        |part: i64| i64::try_from(i128::from(part) * i128::from(MAX_SCORE) / i128::from(allocatable)).unwrap_or(0);
    match strategy {
        Strategy::LeastAllocated if requested > allocatable => 0,
        Strategy::LeastAllocated => share(allocatable - requested),
        Strategy::MostAllocated => share(requested.min(allocatable)),
    }
}

impl Plugin for NodeResourcesFit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, _: &CycleState) -> Result<(), Rejection> {
        let mut rejection = Rejection { code: Code::Unschedulable, reasons: Vec::new() };
        if node.requested.pods + 1 > node.allocatable.pods {
            rejection.reasons.push("Too many pods".into());
        }
        let asked = &pod.requests;
        let mut check = |name: &str| {
            let (wanted, all) = (asked.get(name), node.allocatable.get(name));
            if wanted > 0 && wanted > all - node.requested.get(name) {
                rejection.reasons.push(format!("Insufficient {name}").into());
                if wanted > all {
                    rejection.code = Code::UnschedulableAndUnresolvable;
                }
            }
        };
        ["cpu", "memory", "ephemeral-storage"].into_iter().for_each(&mut check);
        asked.other.keys().for_each(|name| check(name));
        if rejection.reasons.is_empty() { Ok(()) } else { Err(rejection) }
    }

    fn scores(&self, _: &PodInfo) -> bool {
        true
    }

    fn score(&self, pod: &PodInfo, node: &NodeInfo, _: &Snapshot, _: &CycleState) -> i64 {
        score(self.strategy, self.resources, &pod.non_zero, node)
    }

    fn may_help(&self, pod: &PodInfo, event: ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(node) => self.filter(pod, node, &CycleState::default()).is_ok(),
            ClusterEvent::NodeUpdated(old, node) => {
                old.status.allocatable != node.node.status.allocatable
                    && self.filter(pod, node, &CycleState::default()).is_ok()
            }
            ClusterEvent::PodDeleted(_) => true,
            ClusterEvent::PodScaledDown(before, other) => {
                let is_less = |name: &str| pod.requests.get(name) > 0 && other.requests.get(name) < before.get(name);
                ["cpu", "memory", "ephemeral-storage"].into_iter().any(is_less)
                    || pod.requests.other.keys().any(|name| is_less(name))
            }
            ClusterEvent::PodAssigned(_) | ClusterEvent::Volumes => false,
        }
    }
}
