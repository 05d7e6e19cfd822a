//! NodeResourcesBalancedAllocation: nodes whose resources would be used more evenly are better.
//! Models `plugins/noderesources/balanced_allocation.go`: the score tells how much a pod improves the balance.

use crate::control::scheduler::framework::{CycleState, MAX_SCORE, Plugin};
use crate::control::scheduler::resources::Amounts;
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeResourcesBalancedAllocation {
    /// The resources that count.
    pub resources: &'static [&'static str],
}

impl NodeResourcesBalancedAllocation {
    /// The default: cpu and memory.
    pub const DEFAULT: NodeResourcesBalancedAllocation =
        NodeResourcesBalancedAllocation { resources: &["cpu", "memory"] };
}

/// The score of a node.
pub fn score(resources: &[&str], pod: &Amounts, node: &NodeInfo) -> i64 {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for name in resources {
        let scalar = !matches!(*name, "cpu" | "memory" | "ephemeral-storage");
        let allocatable = node.allocatable.get(name);
        if allocatable == 0 || (scalar && pod.get(name) == 0) {
            continue;
        }
        let requested = node.requested.get(name);
        with.push(fraction(requested + pod.get(name), allocatable));
        without.push(fraction(requested, allocatable));
    }
    let half = MAX_SCORE / 2;
    half + (half + balance(&with) - balance(&without)) / 2
}

/// What share is used, at most all. A float, but never kept.
fn fraction(requested: i64, allocatable: i64) -> f64 {
    (requested as f64 / allocatable as f64).min(1.0)
}

/// 100 for equal shares, less the more they deviate.
fn balance(shares: &[f64]) -> i64 {
    let deviation = match *shares {
        [] | [_] => 0.0,
        [a, b] => ((a - b) / 2.0).abs(),
        _ => {
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            let sum: f64 = shares.iter().map(|share| (share - mean) * (share - mean)).sum();
            (sum / shares.len() as f64).sqrt()
        }
    };
    ((1.0 - deviation) * MAX_SCORE as f64) as i64
}

impl Plugin for NodeResourcesBalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    /// A pod that asks for nothing does not change the balance.
    fn scores(&self, pod: &PodInfo) -> bool {
        self.resources.iter().any(|name| pod.requests.get(name) > 0)
    }

    fn score(&self, pod: &PodInfo, node: &NodeInfo, _: &Snapshot, _: &CycleState) -> i64 {
        score(self.resources, &pod.requests, node)
    }
}
