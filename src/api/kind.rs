//! The kinds, one file each.

pub mod account;
pub mod address;
pub mod admission;
pub mod api_service;
pub mod autoscaler;
pub mod config;
pub mod controller_revision;
pub mod cron_job;
pub mod csi;
pub mod daemon_set;
pub mod deployment;
pub mod device;
pub mod endpoints;
pub mod event;
pub mod extension;
pub mod flow_control;
pub mod ingress;
pub mod job;
pub mod lease;
pub mod limits;
pub mod namespace;
pub mod network_policy;
pub mod node;
pub mod pod;
pub mod pod_status;
pub mod policy;
pub mod priority_class;
pub mod probe;
pub mod rbac;
pub mod replica_set;
pub mod replication_controller;
pub mod service;
pub mod stateful_set;
pub mod storage;
pub mod volume;

pub use account::{LocalObjectReference, PodTemplate, ServiceAccount};
pub use address::{IPAddress, IPAddressSpec, ParentReference, ServiceCIDR, ServiceCIDRSpec, ServiceCIDRStatus};
pub use admission::{
    AuditAnnotation, MatchCondition, MatchResources, MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding,
    MutatingAdmissionPolicyBindingSpec, MutatingAdmissionPolicySpec, MutatingWebhookConfiguration, ParamKind, ParamRef,
    PolicyVariable, RuleWithOperations, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec, ValidatingWebhookConfiguration, Validation,
    Webhook, WebhookClientConfig, WebhookService,
};
pub use api_service::{APIService, APIServiceCondition, APIServiceSpec, APIServiceStatus, ServiceReference};
pub use autoscaler::{
    ContainerResourceMetricSource, ContainerResourceMetricStatus, CrossVersionObjectReference, ExternalMetricSource,
    ExternalMetricStatus, HorizontalPodAutoscaler, HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerCondition,
    HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus, HpaScalingPolicy, HpaScalingRules, MetricIdentifier,
    MetricSpec, MetricStatus, MetricTarget, MetricValueStatus, ObjectMetricSource, ObjectMetricStatus,
    PodsMetricSource, PodsMetricStatus, ResourceMetricSource, ResourceMetricStatus,
};
pub use config::{ConfigMap, Secret};
pub use controller_revision::ControllerRevision;
pub use cron_job::{CronJob, CronJobSpec, CronJobStatus, JobTemplateSpec};
pub use csi::{
    CSIDriver, CSINode, CSIStorageCapacity, VolumeAttachment, VolumeAttachmentStatus, VolumeAttributesClass,
};
pub use daemon_set::{
    DaemonSet, DaemonSetCondition, DaemonSetSpec, DaemonSetStatus, DaemonSetUpdateStrategy, RollingUpdateDaemonSet,
};
pub use deployment::{
    Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus, DeploymentStrategy, RollingUpdateDeployment,
    StrategyType,
};
pub use device::{
    DeviceClass, ResourceClaim, ResourceClaimSpec, ResourceClaimTemplate, ResourceClaimTemplateSpec, ResourceSlice,
};
pub use endpoints::{
    Endpoint, EndpointAddress, EndpointConditions, EndpointPort, EndpointSlice, EndpointSlicePort, EndpointSubset,
    Endpoints, ObjectReference,
};
pub use event::{Event, EventSource};
pub use extension::{
    CertificateSigningRequest, CustomResourceDefinition, CustomResourceDefinitionNames, CustomResourceDefinitionStatus,
    RuntimeClass,
};
pub use flow_control::{
    ExemptPriorityLevelConfiguration, FlowDistinguisherMethod, FlowSchema, FlowSchemaCondition, FlowSchemaSpec,
    FlowSchemaStatus, LimitResponse, LimitedPriorityLevelConfiguration, PriorityLevelConfiguration,
    PriorityLevelConfigurationReference, PriorityLevelConfigurationSpec, QueuingConfiguration,
};
pub use ingress::{
    HttpIngressPath, HttpIngressRuleValue, Ingress, IngressBackend, IngressClass, IngressClassParametersReference,
    IngressClassSpec, IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressRule, IngressServiceBackend,
    IngressSpec, IngressStatus, IngressTls, ServiceBackendPort, TypedLocalObjectReference,
};
pub use job::{
    Job, JobCondition, JobSpec, JobStatus, PodFailurePolicy, PodFailurePolicyOnExitCodes,
    PodFailurePolicyOnPodCondition, PodFailurePolicyRule, SuccessPolicy, SuccessPolicyRule, UncountedTerminatedPods,
};
pub use lease::{Lease, LeaseSpec};
pub use limits::{
    LimitRange, LimitRangeItem, LimitRangeSpec, ResourceList, ResourceQuota, ResourceQuotaSpec, ResourceQuotaStatus,
    ScopeSelector, ScopedResourceSelectorRequirement,
};
pub use namespace::{Namespace, NamespaceSpec, NamespaceStatus};
pub use network_policy::{
    IpBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
pub use node::{Node, NodeAddress, NodeCondition, NodeImage, NodeSpec, NodeStatus, NodeSystemInfo, Taint, TaintEffect};
pub use pod::{
    Affinity, Container, ContainerPort, EnvFromRef, EnvFromSource, EnvVar, EnvVarSource, FieldSelector, KeySelector,
    NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec, PodTemplateSpec,
    PreferredSchedulingTerm, ResourceRequirements, RestartPolicy, Toleration,
};
pub use pod_status::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    PodCondition, PodIp, PodStatus,
};
pub use policy::{Condition, PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
pub use priority_class::PriorityClass;
pub use probe::{ExecAction, HttpGetAction, Lifecycle, LifecycleHandler, Probe, SleepAction, TcpSocketAction};
pub use rbac::{AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};
pub use replica_set::{ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus};
pub use replication_controller::{
    ReplicationController, ReplicationControllerCondition, ReplicationControllerSpec, ReplicationControllerStatus,
};
pub use service::{IntOrString, Protocol, Service, ServicePort, ServiceSpec, ServiceStatus, ServiceType};
pub use stateful_set::{
    RollingUpdateStatefulSet, StatefulSet, StatefulSetCondition, StatefulSetOrdinals, StatefulSetRetentionPolicy,
    StatefulSetSpec, StatefulSetStatus, StatefulSetUpdateStrategy,
};
pub use storage::{
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimStatus,
    PersistentVolumeSpec, PersistentVolumeStatus, StorageClass, VolumeNodeAffinity,
};
pub use volume::{Volume, VolumeMount};
