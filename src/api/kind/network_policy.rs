//! NetworkPolicy. Models `k8s.io/api/networking/v1/types.go`.

use crate::api::{IntOrString, LabelSelector, ObjectMeta};

api_struct! {
    /// What traffic some pods may have.
    NetworkPolicy {
        keep { metadata: ObjectMeta, spec: NetworkPolicySpec }
        omit {}
    }

    /// What is wanted.
    NetworkPolicySpec {
        keep { pod_selector: LabelSelector }
        omit {
            ingress: Vec<NetworkPolicyIngressRule>,
            egress: Vec<NetworkPolicyEgressRule>,
            policy_types: Vec<String>,
        }
    }

    /// Who may come in, to which ports.
    NetworkPolicyIngressRule {
        keep {}
        omit { ports: Vec<NetworkPolicyPort>, from: Vec<NetworkPolicyPeer> }
    }

    /// Where pods may go, to which ports.
    NetworkPolicyEgressRule {
        keep {}
        omit { ports: Vec<NetworkPolicyPort>, to: Vec<NetworkPolicyPeer> }
    }

    /// A port, or a range of them.
    NetworkPolicyPort {
        keep {}
        omit { protocol: Option<String>, port: Option<IntOrString>, end_port: Option<i32> }
    }

    /// Pods, or a block of addresses.
    NetworkPolicyPeer {
        keep {}
        omit {
            pod_selector: Option<LabelSelector>,
            namespace_selector: Option<LabelSelector>,
            ip_block: Option<IpBlock>,
        }
    }

    /// Addresses with exceptions.
    IpBlock {
        keep { cidr: String }
        omit { except: Vec<String> }
    }
}
