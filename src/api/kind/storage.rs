//! PersistentVolume, PersistentVolumeClaim and StorageClass. Models `k8s.io/api/core/v1/types.go` and
//! `k8s.io/api/storage/v1/types.go`.

use crate::api::{LabelSelector, NodeSelector, ObjectMeta, ObjectReference, Quantity, ResourceRequirements, Timestamp};
use crate::sim::VecMap;

api_struct! {
    /// A piece of storage. Its source (`hostPath`, `nfs`, `csi`, …) is in `rest` of the spec.
    PersistentVolume {
        keep { metadata: ObjectMeta, spec: PersistentVolumeSpec, status: PersistentVolumeStatus }
        omit {}
    }

    /// What is wanted.
    PersistentVolumeSpec {
        keep {}
        omit {
            capacity: VecMap<String, Quantity>,
            access_modes: Vec<String>,
            claim_ref: Option<ObjectReference>,
            persistent_volume_reclaim_policy: String,
            storage_class_name: String,
            mount_options: Vec<String>,
            volume_mode: Option<String>,
            node_affinity: Option<VolumeNodeAffinity>,
        }
    }

    /// The nodes that a volume can be reached from.
    VolumeNodeAffinity {
        keep {}
        omit { required: Option<NodeSelector> }
    }

    /// What is: Pending, Available, Bound, Released, Failed.
    PersistentVolumeStatus {
        keep {}
        omit { phase: String, message: String, reason: String, last_phase_transition_time: Option<Timestamp> }
    }

    /// A wish for storage.
    PersistentVolumeClaim {
        keep { metadata: ObjectMeta, spec: PersistentVolumeClaimSpec, status: PersistentVolumeClaimStatus }
        omit {}
    }

    /// What is wanted.
    PersistentVolumeClaimSpec {
        keep {}
        omit {
            access_modes: Vec<String>,
            selector: Option<LabelSelector>,
            resources: ResourceRequirements,
            volume_name: String,
            storage_class_name: Option<String>,
            volume_mode: Option<String>,
        }
    }

    /// What is: Pending, Bound, Lost.
    PersistentVolumeClaimStatus {
        keep {}
        omit { phase: String, access_modes: Vec<String>, capacity: VecMap<String, Quantity> }
    }

    /// A way of making storage.
    StorageClass {
        keep { metadata: ObjectMeta, provisioner: String }
        omit {
            parameters: VecMap<String, String>,
            reclaim_policy: Option<String>,
            mount_options: Vec<String>,
            allow_volume_expansion: Option<bool>,
            volume_binding_mode: Option<String>,
        }
    }
}
