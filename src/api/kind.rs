//! The kinds, one file each.

pub mod config;
pub mod deployment;
pub mod endpoints;
pub mod event;
pub mod lease;
pub mod namespace;
pub mod node;
pub mod pod;
pub mod pod_status;
pub mod probe;
pub mod replica_set;
pub mod service;
pub mod volume;

pub use config::{ConfigMap, Secret};
pub use deployment::{
    Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus, DeploymentStrategy, RollingUpdateDeployment,
    StrategyType,
};
pub use endpoints::{
    Endpoint, EndpointAddress, EndpointConditions, EndpointPort, EndpointSlice, EndpointSlicePort, EndpointSubset,
    Endpoints, ObjectReference,
};
pub use event::{Event, EventSource};
pub use lease::{Lease, LeaseSpec};
pub use namespace::{Namespace, NamespaceSpec, NamespaceStatus};
pub use node::{Node, NodeAddress, NodeCondition, NodeImage, NodeSpec, NodeStatus, NodeSystemInfo, Taint, TaintEffect};
pub use pod::{
    Affinity, Container, ContainerPort, EnvFromSource, EnvVar, EnvVarSource, FieldSelector, KeySelector, NodeAffinity,
    NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec, PodTemplateSpec, PreferredSchedulingTerm,
    ResourceRequirements, RestartPolicy, Toleration,
};
pub use pod_status::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    PodCondition, PodIp, PodStatus,
};
pub use probe::{ExecAction, HttpGetAction, Lifecycle, LifecycleHandler, Probe, SleepAction, TcpSocketAction};
pub use replica_set::{ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus};
pub use service::{IntOrString, Protocol, Service, ServicePort, ServiceSpec, ServiceStatus, ServiceType};
pub use volume::{Volume, VolumeMount};
