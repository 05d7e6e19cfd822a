//! VolumeZone: a pod goes to the zone of its volumes. Models `plugins/volumezone/volume_zone.go`.
//!
//! A volume says by its labels where it is, several places divided by `__`; a node that says nothing is anywhere.

use crate::api::{Node, PersistentVolume};
use crate::control::scheduler::framework::{ClusterEvent, CycleState, Plugin, PreFilter, Rejection};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::scheduler::volumes::Volumes;

const CONFLICT: &str = "node(s) had no available volume zone";

/// The labels that say where something is: the old names, and those that took their place.
const PLACES: [(&str, &str); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "topology.kubernetes.io/region"),
];

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct VolumeZone;

/// Whether a node is where a volume is.
pub fn is_there(volume: &PersistentVolume, node: &Node) -> bool {
    let labels = &node.metadata.labels;
    if !PLACES.iter().any(|(name, _)| labels.contains_key(*name)) {
        return true;
    }
    PLACES.iter().all(|(name, now)| {
        let Some(wanted) = volume.metadata.labels.get(*name) else { return true };
        let is = labels.get(*name).or_else(|| labels.get(*now));
        is.is_some_and(|is| wanted.split("__").any(|place| place == is))
    })
}

impl Plugin for VolumeZone {
    fn name(&self) -> &'static str {
        "VolumeZone"
    }

    fn pre_filter(&self, _: &PodInfo, _: &Snapshot, state: &mut CycleState) -> PreFilter {
        let placed =
            |volume: &PersistentVolume| PLACES.iter().any(|(name, _)| volume.metadata.labels.contains_key(*name));
        match &state.volumes {
            Volumes::Needs { bound, .. } if bound.iter().any(|volume| placed(volume)) => PreFilter::Go,
            _ => PreFilter::Skip,
        }
    }

    fn filter(&self, _: &PodInfo, node: &NodeInfo, state: &CycleState) -> Result<(), Rejection> {
        let Volumes::Needs { bound, .. } = &state.volumes else { return Ok(()) };
        match bound.iter().all(|volume| is_there(volume, &node.node)) {
            true => Ok(()),
            false => Err(Rejection::unresolvable(CONFLICT)),
        }
    }

    fn may_help(&self, _: &PodInfo, event: ClusterEvent<'_>) -> bool {
        matches!(event, ClusterEvent::NodeAdded(_) | ClusterEvent::NodeUpdated(..) | ClusterEvent::Volumes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_where_a_volume_is_unless_it_says_otherwise() {
        let zone = "topology.kubernetes.io/zone";
        let old = "failure-domain.beta.kubernetes.io/zone";
        for (of_volume, of_node, there) in [
            (None, Some((zone, "b")), true),
            (Some((zone, "a")), None, true),
            (Some((zone, "a")), Some((zone, "a")), true),
            (Some((zone, "a")), Some((zone, "b")), false),
            (Some((zone, "a__b")), Some((zone, "b")), true),
            (Some((old, "a")), Some((zone, "a")), true),
            (Some((zone, "a")), Some(("topology.kubernetes.io/region", "a")), false),
        ] {
            let labels =
                |pair: Option<(&str, &str)>| pair.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect();
            let (mut volume, mut node) = (PersistentVolume::default(), Node::default());
            volume.metadata.labels = labels(of_volume);
            node.metadata.labels = labels(of_node);
            assert_eq!(is_there(&volume, &node), there, "{of_volume:?} {of_node:?}");
        }
    }
}
