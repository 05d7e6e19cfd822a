//! The scheduling framework: what a plugin can say at each extension point, and the registry of plugins.
//!
//! Models `pkg/scheduler/framework/interface.go` and `apis/config/v1/default_plugins.go`. To add a plugin: a file with a
//! struct that implements [`Plugin`], and a line in [`PLUGINS`]. Bind is the scheduler's own call. What a plugin finds
//! out before it looks at nodes lives in the [`CycleState`].

use std::borrow::Cow;
use std::sync::Arc;

use crate::api::Node;
use crate::api::labels::Selector;
use crate::control::scheduler::plugin::{self, inter_pod_affinity, pod_topology_spread};
use crate::control::scheduler::resources::Amounts;
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::scheduler::volumes::Volumes;
use crate::sim::VecSet;

/// The most that a plugin may score.
pub const MAX_SCORE: i64 = 100;

/// Why a node is no place for a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rejection {
    /// Whether removing other pods could help.
    pub code: Code,
    /// The reasons, in upstream's words.
    pub reasons: Vec<Cow<'static, str>>,
}

/// The kinds of rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Removing other pods could help.
    Unschedulable,
    /// Nothing that the scheduler can do would help.
    UnschedulableAndUnresolvable,
}

impl Rejection {
    /// A rejection that removing other pods could lift.
    pub fn unschedulable(reason: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection { code: Code::Unschedulable, reasons: vec![reason.into()] }
    }

    /// A rejection that nothing can lift.
    pub fn unresolvable(reason: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection { code: Code::UnschedulableAndUnresolvable, reasons: vec![reason.into()] }
    }
}

/// What a plugin says before any node is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreFilter {
    /// Look at the nodes.
    Go,
    /// This plugin has nothing to say about this pod.
    Skip,
    /// Only these nodes.
    Nodes(VecSet<String>),
    /// No node at all.
    Reject(Rejection),
}

/// What plugins found out in one cycle about one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CycleState {
    /// Chooses the pods of the same owner or Service; `None` for a pod with neither.
    pub selector: Option<Selector>,
    /// The pod's volumes.
    pub volumes: Volumes,
    /// VolumeRestrictions: how many pods use claims of this pod that only one may have.
    pub shared_claims: i64,
    /// InterPodAffinity: PreFilter.
    pub affinity: inter_pod_affinity::Counts,
    /// InterPodAffinity: whether the pod is meant by its own affinity.
    pub self_affine: bool,
    /// InterPodAffinity: PreScore.
    pub affinity_scores: inter_pod_affinity::scoring::Scores,
    /// PodTopologySpread: PreFilter.
    pub spread: pod_topology_spread::Counts,
    /// PodTopologySpread: PreScore.
    pub spread_scores: pod_topology_spread::scoring::Scores,
}

/// Something that happened in the cluster, that may make room for a pod.
#[derive(Clone, Copy, Debug)]
pub enum ClusterEvent<'a> {
    /// A node came.
    NodeAdded(&'a NodeInfo),
    /// A node changed.
    NodeUpdated(&'a Node, &'a NodeInfo),
    /// A pod left a node.
    PodDeleted(&'a PodInfo),
    /// A pod came to a node or changed there.
    PodAssigned(&'a PodInfo),
    /// A pod on a node takes less of it than the amounts that it took.
    PodScaledDown(&'a Amounts, &'a PodInfo),
    /// A volume, a claim or a class came or changed.
    Volumes,
}

/// A plugin of the scheduler.
pub trait Plugin: Sync {
    /// Upstream's name.
    fn name(&self) -> &'static str;

    /// PreFilter.
    fn pre_filter(&self, _pod: &PodInfo, _nodes: &Snapshot, _state: &mut CycleState) -> PreFilter {
        PreFilter::Go
    }

    /// AddPod (`by` 1) and RemovePod (-1): what PreFilter found out, if `other` were, or were not, on the node.
    fn pod_moves(
        &self,
        _pod: &PodInfo,
        _other: &PodInfo,
        _node: &NodeInfo,
        _nodes: &Snapshot,
        _by: i64,
        _state: &mut CycleState,
    ) {
    }

    /// Filter: whether the pod may run on the node.
    ///
    /// # Errors
    /// Why it may not.
    fn filter(&self, _pod: &PodInfo, _node: &NodeInfo, _state: &CycleState) -> Result<(), Rejection> {
        Ok(())
    }

    /// Whether the plugin scores this pod, for plugins that need no more to know.
    fn scores(&self, _pod: &PodInfo) -> bool {
        false
    }

    /// PreScore: whether the plugin scores this pod; `false` is upstream's Skip.
    fn pre_score(
        &self,
        pod: &PodInfo,
        _feasible: &[&Arc<NodeInfo>],
        _nodes: &Snapshot,
        _state: &mut CycleState,
    ) -> bool {
        self.scores(pod)
    }

    /// Score.
    fn score(&self, _pod: &PodInfo, _node: &NodeInfo, _nodes: &Snapshot, _state: &CycleState) -> i64 {
        0
    }

    /// NormalizeScore: brings the scores of all nodes into 0..=100.
    fn normalise(&self, _scores: &mut [i64]) {}

    /// Whether an event may lift this plugin's rejection (the queueing hint).
    fn may_help(&self, pod: &PodInfo, event: ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(node) | ClusterEvent::NodeUpdated(_, node) => {
                self.filter(pod, node, &CycleState::default()).is_ok()
            }
            ClusterEvent::PodDeleted(_)
            | ClusterEvent::PodAssigned(_)
            | ClusterEvent::PodScaledDown(..)
            | ClusterEvent::Volumes => false,
        }
    }
}

/// The plugins in upstream's order, each with the weight of its score.
pub static PLUGINS: &[(&dyn Plugin, i64)] = &[
    (&plugin::node_unschedulable::NodeUnschedulable, 0),
    (&plugin::node_name::NodeName, 0),
    (&plugin::taint_toleration::TaintToleration, 3),
    (&plugin::node_affinity::NodeAffinity, 2),
    (&plugin::node_ports::NodePorts, 0),
    (&plugin::node_resources_fit::NodeResourcesFit::LEAST, 1),
    (&plugin::volume_restrictions::VolumeRestrictions, 0),
    (&plugin::volume_binding::VolumeBinding, 0),
    (&plugin::volume_zone::VolumeZone, 0),
    (&plugin::pod_topology_spread::PodTopologySpread, 2),
    (&plugin::inter_pod_affinity::InterPodAffinity, 2),
    (&plugin::balanced_allocation::NodeResourcesBalancedAllocation::DEFAULT, 1),
    (&plugin::image_locality::ImageLocality, 1),
];

/// Brings scores into 0..=100 in proportion to the largest (`DefaultNormalizeScore`).
pub fn normalise_by_largest(scores: &mut [i64], reverse: bool) {
    let largest = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        let scaled = if largest == 0 { 0 } else { MAX_SCORE * *score / largest };
        *score = if reverse { MAX_SCORE - scaled } else { scaled };
    }
}

/// A node for a test or a table.
pub fn node_info(node: Node) -> NodeInfo {
    NodeInfo::new(Arc::new(node))
}
