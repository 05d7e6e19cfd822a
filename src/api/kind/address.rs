//! The addresses of services: the ranges, and which are taken. Models `k8s.io/api/networking/v1/types.go`.

use crate::api::{Condition, ObjectMeta};

api_struct! {
    /// A range of addresses for services.
    ServiceCIDR {
        keep { metadata: ObjectMeta, spec: ServiceCIDRSpec, status: ServiceCIDRStatus }
        omit {}
    }

    /// One range of each family.
    ServiceCIDRSpec {
        keep {}
        omit { cidrs: Vec<String> }
    }

    /// Whether addresses are taken from it.
    ServiceCIDRStatus {
        keep {}
        omit { conditions: Vec<Condition> }
    }

    /// An address that is taken; its name is the address.
    IPAddress {
        keep { metadata: ObjectMeta, spec: IPAddressSpec }
        omit {}
    }

    /// Who has it.
    IPAddressSpec {
        keep {}
        omit { parent_ref: Option<ParentReference> }
    }

    /// A service.
    ParentReference {
        keep {}
        omit { group: String, resource: String, namespace: String, name: String }
    }
}
