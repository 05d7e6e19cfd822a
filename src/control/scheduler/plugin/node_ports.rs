//! NodePorts: a host port belongs to one pod of a node. Models `plugins/nodeports/node_ports.go`.

use crate::control::scheduler::framework::{ClusterEvent, CycleState, Plugin, PreFilter, Rejection};
use crate::control::scheduler::snapshot::{HostPort, NodeInfo, PodInfo, Snapshot};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodePorts;

/// Whether two ports cannot be had at once: same protocol and number, and an address in common.
fn conflicts(a: &HostPort, b: &HostPort) -> bool {
    a.0 == b.0 && a.1 == b.1 && (a.2.is_empty() || b.2.is_empty() || a.2 == b.2)
}

impl Plugin for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn pre_filter(&self, pod: &PodInfo, _: &Snapshot, _: &mut CycleState) -> PreFilter {
        if pod.ports.is_empty() { PreFilter::Skip } else { PreFilter::Go }
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, _: &CycleState) -> Result<(), Rejection> {
        let taken = |port: &HostPort| node.ports.keys().any(|other| conflicts(port, other));
        if pod.ports.iter().any(taken) {
            return Err(Rejection::unschedulable("node(s) didn't have free ports for the requested pod ports"));
        }
        Ok(())
    }

    fn may_help(&self, pod: &PodInfo, event: ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(node) => self.filter(pod, node, &CycleState::default()).is_ok(),
            ClusterEvent::PodDeleted(gone) => gone.ports.iter().any(|a| pod.ports.iter().any(|b| conflicts(a, b))),
            ClusterEvent::NodeUpdated(..)
            | ClusterEvent::PodAssigned(_)
            | ClusterEvent::PodScaledDown(..)
            | ClusterEvent::Volumes => false,
        }
    }
}
