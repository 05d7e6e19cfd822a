//! VolumeBinding: a pod goes where its volumes can be reached, or made.
//! Models `plugins/volumebinding/volume_binding.go` and `binder.go`.

use crate::control::controller::persistent_volume::matching;
use crate::control::scheduler::framework::{ClusterEvent, CycleState, Plugin, PreFilter, Rejection};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::scheduler::volumes::Volumes;

const CONFLICT: &str = "node(s) didn't match PersistentVolume's node affinity";
const NONE: &str = "node(s) didn't find available persistent volumes to bind";

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct VolumeBinding;

impl Plugin for VolumeBinding {
    fn name(&self) -> &'static str {
        "VolumeBinding"
    }

    fn pre_filter(&self, _: &PodInfo, _: &Snapshot, state: &mut CycleState) -> PreFilter {
        match &state.volumes {
            Volumes::None => PreFilter::Skip,
            Volumes::Wrong(words) => PreFilter::Reject(Rejection::unresolvable(words.clone())),
            Volumes::Needs { .. } => PreFilter::Go,
        }
    }

    fn filter(&self, _: &PodInfo, node: &NodeInfo, state: &CycleState) -> Result<(), Rejection> {
        let Volumes::Needs { bound, delayed, .. } = &state.volumes else { return Ok(()) };
        if bound.iter().any(|volume| !matching::reaches(volume, &node.node)) {
            return Err(Rejection::unresolvable(CONFLICT));
        }
        let served = |claim: &crate::control::scheduler::volumes::Delayed| {
            claim.provisioned || claim.candidates.iter().any(|volume| matching::reaches(volume, &node.node))
        };
        if delayed.iter().all(served) { Ok(()) } else { Err(Rejection::unresolvable(NONE)) }
    }

    fn may_help(&self, _: &PodInfo, event: ClusterEvent<'_>) -> bool {
        matches!(event, ClusterEvent::NodeAdded(_) | ClusterEvent::NodeUpdated(..) | ClusterEvent::Volumes)
    }
}
