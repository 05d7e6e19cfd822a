//! `describe`: what upstream tells about an object, from nothing but REST answers.
//!
//! Models `k8s.io/kubectl/pkg/describe/describe.go`, one file per kind.

pub mod access;
pub mod amount;
pub mod autoscaler;
pub mod config;
pub mod container;
pub mod csr;
pub mod events;
pub mod ingress;
pub mod network;
pub mod node;
pub mod page;
pub mod pod;
pub mod policy;
pub mod quota;
pub mod storage;
pub mod template;
pub mod volume;
pub mod workload;

use serde_json::Value;

use super::ctx::{Ctx, Stop};
use super::resource::Resource;

/// The description of one object.
pub fn describe(ctx: &mut Ctx<'_>, resource: &'static Resource, object: &Value) -> Result<String, Stop> {
    match resource.kind {
        "Pod" => pod::describe(ctx, object),
        "Node" => node::describe(ctx, object),
        "Deployment" => workload::deployment(ctx, object),
        "ReplicaSet" | "ReplicationController" => workload::replica_set(ctx, object, resource.kind),
        "StatefulSet" => workload::stateful_set(ctx, object),
        "DaemonSet" => workload::daemon_set(ctx, object),
        "Job" => workload::job(ctx, object),
        "CronJob" => workload::cron_job(ctx, object),
        "Service" => network::service(ctx, object),
        "Endpoints" => network::endpoints_object(ctx, object),
        "EndpointSlice" => network::endpoint_slice(ctx, object),
        "Namespace" => config::namespace(ctx, object),
        "ConfigMap" => config::config_map(ctx, object),
        "Secret" => config::secret(ctx, object),
        "PersistentVolume" => storage::volume(ctx, object),
        "PersistentVolumeClaim" => storage::claim(ctx, object),
        "ServiceAccount" => access::service_account(ctx, object),
        "Role" | "ClusterRole" => access::role(ctx, object),
        "RoleBinding" | "ClusterRoleBinding" => access::binding(ctx, object),
        "Ingress" => ingress::ingress(ctx, object),
        "IPAddress" => network::address(ctx, object),
        "ServiceCIDR" => network::ranges(ctx, object),
        "CertificateSigningRequest" => csr::request(ctx, object),
        "IngressClass" => ingress::class(ctx, object),
        "NetworkPolicy" => ingress::policy(ctx, object),
        "PodDisruptionBudget" => policy::budget(ctx, object),
        "PriorityClass" => policy::priority_class(ctx, object),
        "ResourceQuota" => Ok(quota::quota(object)),
        "LimitRange" => Ok(quota::range(object)),
        "HorizontalPodAutoscaler" => autoscaler::autoscaler(ctx, object),
        "StorageClass" => storage::storage_class(ctx, object),
        _ => events::generic(ctx, resource, object),
    }
}
