//! TaintToleration: pods stay off nodes whose taints they do not tolerate, and prefer those without soft taints.
//! Models `plugins/tainttoleration/taint_toleration.go`.

use crate::api::{Node, Taint, TaintEffect};
use crate::control::scheduler::framework::{ClusterEvent, CycleState, Plugin, Rejection, normalise_by_largest};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::taint;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct TaintToleration;

/// Whether a pod tolerates all taints of a node that keep pods off.
fn is_tolerated(pod: &PodInfo, node: &Node) -> bool {
    let hard = |taint: &&Taint| matches!(taint.effect, TaintEffect::NoSchedule | TaintEffect::NoExecute);
    let tolerations = &pod.pod.spec.tolerations;
    let bears = |t: &Taint| tolerations.iter().any(|toleration| taint::tolerates(toleration, t));
    node.spec.taints.iter().filter(hard).all(bears)
}

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, _: &CycleState) -> Result<(), Rejection> {
        if is_tolerated(pod, &node.node) {
            return Ok(());
        }
        Err(Rejection::unresolvable("node(s) had untolerated taint(s)"))
    }

    fn scores(&self, _: &PodInfo) -> bool {
        true
    }

    /// How many soft taints the pod does not tolerate.
    fn score(&self, pod: &PodInfo, node: &NodeInfo, _: &Snapshot, _: &CycleState) -> i64 {
        let soft = |taint: &&Taint| taint.effect == TaintEffect::PreferNoSchedule;
        let tolerations = &pod.pod.spec.tolerations;
        let bears = |t: &Taint| tolerations.iter().any(|toleration| taint::tolerates(toleration, t));
        let count = node.node.spec.taints.iter().filter(soft).filter(|t| !bears(t)).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    fn normalise(&self, scores: &mut [i64]) {
        normalise_by_largest(scores, true);
    }

    /// A node that the pod tolerates helps if it is new or if it was not tolerated before.
    fn may_help(&self, pod: &PodInfo, event: ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(node) => is_tolerated(pod, &node.node),
            ClusterEvent::NodeUpdated(old, node) => !is_tolerated(pod, old) && is_tolerated(pod, &node.node),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::Pod;

    #[test]
    fn a_node_helps_once_its_taint_is_gone() {
        let pod = PodInfo::new(Arc::new(Pod::default()));
        let free = Node::default();
        let mut tainted = Node::default();
        tainted.spec.taints = vec![Taint { key: "full".into(), effect: TaintEffect::NoSchedule, ..Taint::default() }];
        let helps = |old: &Node, new: &Node| {
            let info = NodeInfo::new(Arc::new(new.clone()));
            TaintToleration.may_help(&pod, ClusterEvent::NodeUpdated(old, &info))
        };
        assert!(helps(&tainted, &free));
        assert!(!helps(&free, &free), "it was no hindrance before");
        assert!(!helps(&tainted, &tainted));
    }
}
