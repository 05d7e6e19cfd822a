//! VolumeRestrictions: a disk that only one may write is not shared, nor a claim that only one pod may have.
//! Models `plugins/volumerestrictions/volume_restrictions.go`.

use serde_json::Value;

use crate::api::{Pod, Volume};
use crate::control::controller::persistent_volume::claims_of;
use crate::control::scheduler::framework::{ClusterEvent, CycleState, Plugin, PreFilter, Rejection};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::scheduler::volumes::Volumes;

const DISK: &str = "node(s) had no available disk";
const CLAIM: &str = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode";

/// The disks of clouds and networks that may be shared only to be read, if at all.
const DISKS: [&str; 4] = ["gcePersistentDisk", "awsElasticBlockStore", "rbd", "iscsi"];

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct VolumeRestrictions;

/// Whether two volumes are one disk that they cannot share.
fn conflict(one: &Volume, other: &Volume) -> bool {
    DISKS.iter().any(|kind| {
        let (Some(one), Some(other)) = (one.rest.get(*kind), other.rest.get(*kind)) else { return false };
        let same = |field: &str| one[field] == other[field];
        let read_only = one["readOnly"] == true && other["readOnly"] == true;
        let hosts = |disk: &Value| disk["monitors"].as_array().cloned().unwrap_or_default();
        match *kind {
            "gcePersistentDisk" => same("pdName") && !read_only,
            "awsElasticBlockStore" => same("volumeID"),
            "iscsi" => same("iqn") && !read_only,
            _ => hosts(one).iter().any(|h| hosts(other).contains(h)) && same("pool") && same("image") && !read_only,
        }
    })
}

/// Whether a pod has a disk that another pod cannot share with it.
fn conflicts(pod: &Pod, other: &Pod) -> bool {
    pod.spec.volumes.iter().any(|one| other.spec.volumes.iter().any(|other| conflict(one, other)))
}

/// How many of the claims that only one pod may have a pod uses.
fn uses(pod: &Pod, other: &Pod, state: &CycleState) -> i64 {
    let Volumes::Needs { exclusive, .. } = &state.volumes else { return 0 };
    if exclusive.is_empty() || pod.metadata.namespace != other.metadata.namespace {
        return 0;
    }
    claims_of(other).filter(|name| exclusive.iter().any(|own| own == &**name)).map(|_| 1).sum()
}

impl Plugin for VolumeRestrictions {
    fn name(&self) -> &'static str {
        "VolumeRestrictions"
    }

    fn pre_filter(&self, pod: &PodInfo, nodes: &Snapshot, state: &mut CycleState) -> PreFilter {
        let disks = pod.pod.spec.volumes.iter().any(|volume| DISKS.iter().any(|kind| volume.rest.contains_key(*kind)));
        let exclusive = matches!(&state.volumes, Volumes::Needs { exclusive, .. } if !exclusive.is_empty());
        state.shared_claims = match exclusive {
            true => {
                nodes.nodes().flat_map(|node| node.pods.values()).map(|other| uses(&pod.pod, &other.pod, state)).sum()
            }
            false => 0,
        };
        if disks || state.shared_claims > 0 { PreFilter::Go } else { PreFilter::Skip }
    }

    fn pod_moves(&self, pod: &PodInfo, other: &PodInfo, _: &NodeInfo, _: &Snapshot, by: i64, state: &mut CycleState) {
        state.shared_claims += by * uses(&pod.pod, &other.pod, state);
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, state: &CycleState) -> Result<(), Rejection> {
        if node.pods.values().any(|other| conflicts(&pod.pod, &other.pod)) {
            return Err(Rejection::unschedulable(DISK));
        }
        if state.shared_claims > 0 { Err(Rejection::unschedulable(CLAIM)) } else { Ok(()) }
    }

    fn may_help(&self, pod: &PodInfo, event: ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::NodeAdded(_) | ClusterEvent::Volumes => true,
            ClusterEvent::PodDeleted(other) => {
                let shares = |name: std::borrow::Cow<'_, str>| claims_of(&pod.pod).any(|own| own == name);
                let here = pod.pod.metadata.namespace == other.pod.metadata.namespace;
                conflicts(&pod.pod, &other.pod) || here && claims_of(&other.pod).any(shares)
            }
            _ => false,
        }
    }
}
