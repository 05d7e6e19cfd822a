//! What a pod is. Models `k8s.io/api/core/v1/types.go`.

use crate::api::{Quantity, ResourceRequirements, Timestamp};
use crate::sim::VecMap;

api_struct! {
    /// What is.
    PodStatus {
        keep {}
        omit {
            phase: String,
            observed_generation: i64,
            conditions: Vec<PodCondition>,
            message: String,
            reason: String,
            nominated_node_name: String,
            #[serde(rename = "hostIP")] host_ip: String,
            #[serde(rename = "hostIPs")] host_ips: Vec<PodIp>,
            #[serde(rename = "podIP")] pod_ip: String,
            #[serde(rename = "podIPs")] pod_ips: Vec<PodIp>,
            start_time: Option<Timestamp>,
            init_container_statuses: Vec<ContainerStatus>,
            container_statuses: Vec<ContainerStatus>,
            ephemeral_container_statuses: Vec<ContainerStatus>,
            qos_class: String,
        }
    }

    /// One address.
    PodIp {
        keep { ip: String }
        omit {}
    }

    /// A condition: PodScheduled, PodReadyToStartContainers, Initialized, ContainersReady, Ready.
    PodCondition {
        keep {
            r#type: String,
            status: String,
            last_probe_time: Option<Timestamp>,
            last_transition_time: Option<Timestamp>,
        }
        omit { observed_generation: i64, reason: String, message: String }
    }

    /// What one container is.
    ContainerStatus {
        keep {
            name: String,
            state: ContainerState,
            last_state: ContainerState,
            ready: bool,
            restart_count: i32,
            image: String,
            #[serde(rename = "imageID")] image_id: String,
        }
        omit {
            #[serde(rename = "containerID")] container_id: String,
            started: Option<bool>,
            allocated_resources: VecMap<String, Quantity>,
            resources: Option<ResourceRequirements>,
        }
    }

    /// Exactly one of the three, or none for a last state that never was.
    ContainerState {
        keep {}
        omit {
            waiting: Option<ContainerStateWaiting>,
            running: Option<ContainerStateRunning>,
            terminated: Option<ContainerStateTerminated>,
        }
    }

    /// Not running yet, and why.
    ContainerStateWaiting {
        keep {}
        omit { reason: String, message: String }
    }

    /// Running, since when.
    ContainerStateRunning {
        keep { started_at: Option<Timestamp> }
        omit {}
    }

    /// Ended, how.
    ContainerStateTerminated {
        keep { exit_code: i32, started_at: Option<Timestamp>, finished_at: Option<Timestamp> }
        omit { signal: i32, reason: String, message: String, #[serde(rename = "containerID")] container_id: String }
    }
}
