//! Devices that pods share. Models `k8s.io/api/resource/v1/types.go`.
//!
//! No driver is simulated: these are kept, validated and shown, and a pod that claims a device waits for it.

use crate::api::ObjectMeta;
use crate::api::define::Rest;

api_struct! {
    /// Devices of a sort.
    DeviceClass {
        keep { metadata: ObjectMeta, spec: Rest }
        omit {}
    }

    /// A wish for devices, and those that were given.
    ResourceClaim {
        keep { metadata: ObjectMeta, spec: ResourceClaimSpec, status: Rest }
        omit {}
    }

    /// Which devices.
    ResourceClaimSpec {
        keep { devices: Rest }
        omit {}
    }

    /// What the claims of pods are made of.
    ResourceClaimTemplate {
        keep { metadata: ObjectMeta, spec: ResourceClaimTemplateSpec }
        omit {}
    }

    /// The metadata and content of such a claim.
    ResourceClaimTemplateSpec {
        keep { spec: ResourceClaimSpec }
        omit { metadata: Rest }
    }

    /// The devices of a node, as their driver tells.
    ResourceSlice {
        keep { metadata: ObjectMeta, spec: Rest }
        omit {}
    }
}
