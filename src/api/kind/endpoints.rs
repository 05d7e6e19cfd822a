//! Endpoints and EndpointSlice. Models `k8s.io/api/core/v1/types.go` and `k8s.io/api/discovery/v1/types.go`.

use crate::api::{ObjectMeta, Protocol, ResourceVersion, Uid};

api_struct! {
    /// A reference to any object.
    ObjectReference {
        keep {}
        omit {
            kind: String,
            namespace: String,
            name: String,
            uid: Uid,
            api_version: String,
            resource_version: Option<ResourceVersion>,
            field_path: String,
        }
    }

    /// The addresses behind a Service, in the older form.
    Endpoints {
        keep { metadata: ObjectMeta }
        omit { subsets: Vec<EndpointSubset> }
    }

    /// Every address with every port.
    EndpointSubset {
        keep {}
        omit { addresses: Vec<EndpointAddress>, not_ready_addresses: Vec<EndpointAddress>, ports: Vec<EndpointPort> }
    }

    /// One address.
    EndpointAddress {
        keep { ip: String }
        omit { hostname: String, node_name: Option<String>, target_ref: Option<ObjectReference> }
    }

    /// One port.
    EndpointPort {
        keep { port: i32, protocol: Protocol }
        omit { name: String, app_protocol: Option<String> }
    }

    /// A part of the addresses behind a Service.
    EndpointSlice {
        keep { metadata: ObjectMeta, address_type: String, endpoints: Vec<Endpoint>, ports: Vec<EndpointSlicePort> }
        omit {}
    }

    /// One backend.
    Endpoint {
        keep { addresses: Vec<String>, conditions: EndpointConditions }
        omit {
            hostname: Option<String>,
            node_name: Option<String>,
            target_ref: Option<ObjectReference>,
            zone: Option<String>,
        }
    }

    /// Whether it may be sent to.
    EndpointConditions {
        keep {}
        omit { ready: Option<bool>, serving: Option<bool>, terminating: Option<bool> }
    }

    /// One port of a slice; the name is always there, empty for the only port.
    EndpointSlicePort {
        keep { name: String, protocol: Protocol }
        omit { port: Option<i32>, app_protocol: Option<String> }
    }
}
