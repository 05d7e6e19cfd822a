//! Service. Models `k8s.io/api/core/v1/types.go`.

use serde::{Deserialize, Serialize};

use crate::api::ObjectMeta;
use crate::sim::VecMap;

/// A number or a text: a port number or name, a count or a percentage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A text.
    String(String),
}

impl Default for IntOrString {
    fn default() -> Self {
        IntOrString::Int(0)
    }
}

impl std::fmt::Display for IntOrString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            IntOrString::Int(n) => n.fmt(f),
            IntOrString::String(s) => s.fmt(f),
        }
    }
}

api_struct! {
    /// A virtual address in front of pods.
    Service {
        keep { metadata: ObjectMeta, spec: ServiceSpec, status: ServiceStatus }
        omit {}
    }

    /// What is wanted.
    ServiceSpec {
        keep { r#type: ServiceType, session_affinity: String = "None".into() }
        omit {
            ports: Vec<ServicePort>,
            selector: VecMap<String, String>,
            #[serde(rename = "clusterIP")] cluster_ip: String,
            #[serde(rename = "clusterIPs")] cluster_ips: Vec<String>,
            #[serde(rename = "externalIPs")] external_ips: Vec<String>,
            external_name: String,
            external_traffic_policy: String,
            internal_traffic_policy: Option<String>,
            ip_families: Vec<String>,
            ip_family_policy: Option<String>,
            #[serde(rename = "loadBalancerIP")] load_balancer_ip: String,
            health_check_node_port: i32,
            publish_not_ready_addresses: bool,
        }
    }

    /// One port of a Service.
    ServicePort {
        keep { port: i32, protocol: Protocol, target_port: IntOrString }
        omit { name: String, node_port: i32, app_protocol: Option<String> }
    }

    /// What is: the ingress points of a load balancer, kept in `rest`.
    ServiceStatus {
        keep { load_balancer: crate::api::define::Rest }
        omit {}
    }
}

api_enum! {
    /// How a Service is reached.
    ServiceType { ClusterIp = "ClusterIP", NodePort = "NodePort", LoadBalancer = "LoadBalancer", ExternalName = "ExternalName" }

    /// A transport protocol.
    Protocol { Tcp = "TCP", Udp = "UDP", Sctp = "SCTP" }
}
