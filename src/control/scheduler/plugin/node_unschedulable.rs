//! NodeUnschedulable: cordoned nodes get no pods, but those that tolerate it.
//! Models `plugins/nodeunschedulable/node_unschedulable.go`.

use crate::api::{Taint, TaintEffect};
use crate::control::scheduler::framework::{CycleState, Plugin, Rejection};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo};
use crate::control::taint;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeUnschedulable;

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, _: &CycleState) -> Result<(), Rejection> {
        if !node.node.spec.unschedulable {
            return Ok(());
        }
        let cordon = Taint {
            key: "node.kubernetes.io/unschedulable".into(),
            effect: TaintEffect::NoSchedule,
            ..Taint::default()
        };
        if pod.pod.spec.tolerations.iter().any(|toleration| taint::tolerates(toleration, &cordon)) {
            return Ok(());
        }
        Err(Rejection::unresolvable("node(s) were unschedulable"))
    }
}
