//! What is known of storage drivers, and attachments of volumes. Models `k8s.io/api/storage/v1/types.go`.
//!
//! No driver is simulated: these are kept, validated and shown, and nothing attaches a volume because of them.

use crate::api::define::Rest;
use crate::api::{LabelSelector, ObjectMeta, Quantity};
use crate::sim::VecMap;

api_struct! {
    /// A storage driver of the cluster.
    CSIDriver {
        keep { metadata: ObjectMeta, spec: Rest }
        omit {}
    }

    /// The storage drivers of a node.
    CSINode {
        keep { metadata: ObjectMeta, spec: Rest }
        omit {}
    }

    /// How much storage of a class there is somewhere.
    CSIStorageCapacity {
        keep { metadata: ObjectMeta, storage_class_name: String }
        omit {
            node_topology: Option<LabelSelector>,
            capacity: Option<Quantity>,
            maximum_volume_size: Option<Quantity>,
        }
    }

    /// A volume that is to be attached to a node.
    VolumeAttachment {
        keep { metadata: ObjectMeta, spec: Rest, status: VolumeAttachmentStatus }
        omit {}
    }

    /// What is.
    VolumeAttachmentStatus {
        keep { attached: bool }
        omit {}
    }

    /// A name for attributes of volumes that can be changed.
    VolumeAttributesClass {
        keep { metadata: ObjectMeta, driver_name: String }
        omit { parameters: VecMap<String, String> }
    }
}
