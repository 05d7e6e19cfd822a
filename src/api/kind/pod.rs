//! Pod and its template. Models `k8s.io/api/core/v1/types.go`.

use std::sync::Arc;

use crate::api::{Lifecycle, ObjectMeta, PodStatus, Probe, Protocol, Quantity, TaintEffect, Volume, VolumeMount};
use crate::sim::VecMap;

api_struct! {
    /// Containers that share a network and volumes. The spec is shared between the pods of one template.
    Pod {
        keep { metadata: ObjectMeta, spec: Arc<PodSpec>, status: PodStatus }
        omit {}
    }

    /// What a controller makes pods from.
    PodTemplateSpec {
        keep { metadata: ObjectMeta, spec: Arc<PodSpec> }
        omit {}
    }

    /// What is wanted.
    PodSpec {
        keep {
            containers: Vec<Container>,
            restart_policy: RestartPolicy,
            termination_grace_period_seconds: i64 = 30,
            dns_policy: String = "ClusterFirst".into(),
            scheduler_name: String = "default-scheduler".into(),
        }
        omit {
            init_containers: Vec<Container>,
            ephemeral_containers: Vec<Container>,
            volumes: Vec<Volume>,
            active_deadline_seconds: Option<i64>,
            node_selector: VecMap<String, String>,
            service_account_name: String,
            #[serde(rename = "serviceAccount")] deprecated_service_account: String,
            automount_service_account_token: Option<bool>,
            node_name: String,
            host_network: bool,
            #[serde(rename = "hostPID")] host_pid: bool,
            share_process_namespace: Option<bool>,
            hostname: String,
            subdomain: String,
            affinity: Option<Affinity>,
            tolerations: Vec<Toleration>,
            resources: Option<ResourceRequirements>,
            priority_class_name: String,
            priority: Option<i32>,
            preemption_policy: Option<String>,
            enable_service_links: Option<bool>,
        }
    }

    /// One container. That an ephemeral one looks at the processes of another (`targetContainerName`) is in `rest`.
    Container {
        keep {
            name: String,
            resources: ResourceRequirements,
            termination_message_path: String = "/dev/termination-log".into(),
            termination_message_policy: String = "File".into(),
            image_pull_policy: String,
        }
        omit {
            image: String,
            command: Vec<String>,
            args: Vec<String>,
            working_dir: String,
            ports: Vec<ContainerPort>,
            env: Vec<EnvVar>,
            env_from: Vec<EnvFromSource>,
            restart_policy: Option<RestartPolicy>,
            volume_mounts: Vec<VolumeMount>,
            liveness_probe: Option<Probe>,
            readiness_probe: Option<Probe>,
            startup_probe: Option<Probe>,
            lifecycle: Option<Lifecycle>,
            stdin: bool,
            stdin_once: bool,
            tty: bool,
        }
    }

    /// A declared port.
    ContainerPort {
        keep { container_port: i32, protocol: Protocol }
        omit { name: String, host_port: i32, #[serde(rename = "hostIP")] host_ip: String }
    }

    /// A variable of the environment.
    EnvVar {
        keep { name: String }
        omit { value: String, value_from: Option<EnvVarSource> }
    }

    /// Where a variable's value comes from.
    EnvVarSource {
        keep {}
        omit {
            field_ref: Option<FieldSelector>,
            config_map_key_ref: Option<KeySelector>,
            secret_key_ref: Option<KeySelector>,
        }
    }

    /// A field of the pod itself.
    FieldSelector {
        keep { api_version: String = "v1".into(), field_path: String }
        omit {}
    }

    /// A key of a ConfigMap or Secret.
    KeySelector {
        keep { key: String }
        omit { name: String, optional: Option<bool> }
    }

    /// All keys of a ConfigMap or Secret.
    EnvFromSource {
        keep {}
        omit { prefix: String, config_map_ref: Option<EnvFromRef>, secret_ref: Option<EnvFromRef> }
    }

    /// A ConfigMap or Secret as a whole.
    EnvFromRef {
        keep {}
        omit { name: String, optional: Option<bool> }
    }

    /// What a container may use (`limits`) and what is kept for it (`requests`).
    ResourceRequirements {
        keep {}
        omit { limits: VecMap<String, Quantity>, requests: VecMap<String, Quantity> }
    }

    /// What a pod bears.
    Toleration {
        keep {}
        omit {
            key: String,
            operator: String,
            value: String,
            effect: Option<TaintEffect>,
            toleration_seconds: Option<i64>,
        }
    }

    /// Where a pod wants to be. Pod affinity and anti-affinity are in `rest`.
    Affinity {
        keep {}
        omit { node_affinity: Option<NodeAffinity> }
    }

    /// Which nodes a pod needs or prefers.
    NodeAffinity {
        keep {}
        omit {
            required_during_scheduling_ignored_during_execution: Option<NodeSelector>,
            preferred_during_scheduling_ignored_during_execution: Vec<PreferredSchedulingTerm>,
        }
    }

    /// Any of the terms.
    NodeSelector {
        keep { node_selector_terms: Vec<NodeSelectorTerm> }
        omit {}
    }

    /// All of the requirements.
    NodeSelectorTerm {
        keep {}
        omit { match_expressions: Vec<NodeSelectorRequirement>, match_fields: Vec<NodeSelectorRequirement> }
    }

    /// One requirement; the operator is In, NotIn, Exists, DoesNotExist, Gt or Lt.
    NodeSelectorRequirement {
        keep { key: String, operator: String }
        omit { values: Vec<String> }
    }

    /// A preference with its weight, 1 to 100.
    PreferredSchedulingTerm {
        keep { weight: i32, preference: NodeSelectorTerm }
        omit {}
    }
}

api_enum! {
    /// When a container that ended is started again.
    RestartPolicy { Always = "Always", OnFailure = "OnFailure", Never = "Never" }
}

impl PodSpec {
    /// The resources of the pod as a whole, if it says any: for what it says, those of its containers do not count.
    pub fn own_resources(&self) -> Option<&ResourceRequirements> {
        self.resources.as_ref().filter(|own| !own.requests.is_empty() || !own.limits.is_empty())
    }
}

impl ResourceRequirements {
    /// Whether a pod as a whole can say how much it uses of a resource.
    pub fn is_of_pods(name: &str) -> bool {
        matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
    }
}

impl Container {
    /// The container whose processes an ephemeral one sees.
    pub fn target(&self) -> Option<&str> {
        let target = self.rest.get("targetContainerName")?.as_str()?;
        (!target.is_empty()).then_some(target)
    }
}
