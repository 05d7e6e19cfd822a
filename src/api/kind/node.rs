//! Node. Models `k8s.io/api/core/v1/types.go`.

use crate::api::{ObjectMeta, Quantity, Timestamp};
use crate::sim::VecMap;

api_struct! {
    /// A machine.
    Node {
        keep { metadata: ObjectMeta, spec: NodeSpec, status: NodeStatus }
        omit {}
    }

    /// What is wanted.
    NodeSpec {
        keep {}
        omit {
            #[serde(rename = "podCIDR")] pod_cidr: String,
            #[serde(rename = "podCIDRs")] pod_cidrs: Vec<String>,
            #[serde(rename = "providerID")] provider_id: String,
            unschedulable: bool,
            taints: Vec<Taint>,
        }
    }

    /// What pods must tolerate.
    Taint {
        keep { key: String, effect: TaintEffect }
        omit { value: String, time_added: Option<Timestamp> }
    }

    /// What is.
    NodeStatus {
        keep {}
        omit {
            capacity: VecMap<String, Quantity>,
            allocatable: VecMap<String, Quantity>,
            conditions: Vec<NodeCondition>,
            addresses: Vec<NodeAddress>,
            node_info: NodeSystemInfo,
            images: Vec<NodeImage>,
        }
    }

    /// A condition: Ready, MemoryPressure, DiskPressure, PIDPressure, NetworkUnavailable.
    NodeCondition {
        keep { r#type: String, status: String }
        omit {
            last_heartbeat_time: Option<Timestamp>,
            last_transition_time: Option<Timestamp>,
            reason: String,
            message: String,
        }
    }

    /// An address: InternalIP, Hostname.
    NodeAddress {
        keep { r#type: String, address: String }
        omit {}
    }

    /// The software on it.
    NodeSystemInfo {
        keep {
            #[serde(rename = "machineID")] machine_id: String,
            #[serde(rename = "systemUUID")] system_uuid: String,
            #[serde(rename = "bootID")] boot_id: String,
            kernel_version: String,
            os_image: String,
            container_runtime_version: String,
            kubelet_version: String,
            kube_proxy_version: String,
            operating_system: String,
            architecture: String,
        }
        omit {}
    }

    /// An image on its disk.
    NodeImage {
        keep { names: Vec<String> }
        omit { size_bytes: i64 }
    }
}

api_enum! {
    /// What a taint does to pods that do not tolerate it.
    TaintEffect { NoSchedule = "NoSchedule", PreferNoSchedule = "PreferNoSchedule", NoExecute = "NoExecute" }
}
