//! NodeName: a pod that names its node runs there or nowhere. Models `plugins/nodename/node_name.go`.

use crate::control::scheduler::framework::{ClusterEvent, CycleState, Plugin, Rejection};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct NodeName;

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, _: &CycleState) -> Result<(), Rejection> {
        let wanted = &pod.pod.spec.node_name;
        if wanted.is_empty() || wanted == node.name() {
            return Ok(());
        }
        Err(Rejection::unresolvable("node(s) didn't match the requested node name"))
    }

    fn may_help(&self, pod: &PodInfo, event: ClusterEvent<'_>) -> bool {
        matches!(event, ClusterEvent::NodeAdded(node) if self.filter(pod, node, &CycleState::default()).is_ok())
    }
}
