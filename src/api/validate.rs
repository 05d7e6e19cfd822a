//! Validation with upstream's field paths and words, all errors at once. Models `pkg/apis/*/validation`.
//!
//! What a strict decoder refuses (unknown fields, wrong types) is not looked at here, and features that the simulation does not
//! have (windows pods, dynamic resource allocation, SELinux, …) are taken as valid.

mod address;
mod admission;
mod api_service;
mod autoscaler;
mod claim;
mod container;
mod cron_job;
mod csi;
mod custom;
mod definition;
pub mod device;
pub mod diff;

mod endpoints;
mod env;
mod ephemeral;
mod error;
mod event;
mod extension;
mod field_path;
mod flow_control;
mod go_form;
mod ingress;
mod ip;
mod job;
mod job_index;
mod job_policy;
mod job_status;
pub mod limits;
mod meta;
mod mounts;
pub mod names;
mod namespace;
mod network_policy;
mod node;
mod persistent_volume;
mod placement;
mod pod;
mod pod_affinity;
mod pod_annotations;
mod pod_network;
mod pod_resize;
mod pod_status;
mod pod_update;
mod policy;
pub mod priority_class;
mod probe;
mod projected;
mod rbac;
mod resources;
mod rollout;
mod security;
mod selector;
mod service;
mod service_ip;
mod sets;
mod stores;
mod volume;
mod volume_source;
mod workload;

use crate::api::{FieldError, Object};

pub use error::{duplicate, forbidden, invalid, not_found, required, too_long, too_many, unsupported};

/// Everything that is wrong with a new object.
pub fn create(object: &Object) -> Vec<FieldError> {
    let mut errors = meta::create(object);
    match object {
        Object::Pod(p) => pod::create(p, &mut errors),
        Object::Deployment(d) => workload::deployment(d, &mut errors),
        Object::ReplicaSet(r) => workload::replica_set(r, &mut errors),
        Object::Service(s) => service::create(s, &mut errors),
        Object::ConfigMap(c) => stores::config_map(c, &mut errors),
        Object::Secret(s) => stores::secret(s, &mut errors),
        Object::Node(n) => node::create(n, &mut errors),
        Object::Endpoints(e) => endpoints::endpoints(e, &mut errors),
        Object::EndpointSlice(s) => endpoints::slice(s, &mut errors),
        Object::Lease(l) => endpoints::lease(l, &mut errors),
        Object::Job(j) => job::create(j, &mut errors),
        Object::CronJob(c) => cron_job::create(c, &mut errors),
        Object::StatefulSet(s) => sets::stateful_set(s, &mut errors),
        Object::DaemonSet(s) => sets::daemon_set(s, &mut errors),
        Object::ControllerRevision(r) => sets::controller_revision(r, &mut errors),
        Object::ReplicationController(r) => workload::replication_controller(r, &mut errors),
        Object::PersistentVolume(v) => persistent_volume::create(v, &mut errors),
        Object::PersistentVolumeClaim(c) => claim::create(c, &mut errors),
        Object::StorageClass(c) => persistent_volume::class(c, &mut errors),
        Object::PodDisruptionBudget(b) => policy::budget(b, &mut errors),
        Object::PriorityClass(c) => priority_class::class(c, &mut errors),
        Object::LimitRange(r) => limits::range(r, &mut errors),
        Object::ResourceQuota(q) => limits::quota(q, &mut errors),
        Object::HorizontalPodAutoscaler(h) => autoscaler::autoscaler(h, &mut errors),
        Object::Namespace(n) => namespace::finalizers(n, &mut errors),
        Object::PodTemplate(t) => pod::template(&t.template, "template", &mut errors),
        Object::Ingress(i) => ingress::create(i, &mut errors),
        Object::IngressClass(c) => ingress::class(c, &mut errors),
        Object::NetworkPolicy(p) => network_policy::create(p, &mut errors),
        Object::Role(r) => rbac::role(r, &mut errors),
        Object::ClusterRole(r) => rbac::cluster_role(r, &mut errors),
        Object::RoleBinding(b) => rbac::binding(b, &mut errors),
        Object::ClusterRoleBinding(b) => rbac::cluster_binding(b, &mut errors),
        Object::Event(e) => event::event(e, &mut errors),
        Object::CSIDriver(d) => csi::driver(d, &mut errors),
        Object::CSINode(n) => csi::node(n, &mut errors),
        Object::CSIStorageCapacity(c) => csi::capacity(c, &mut errors),
        Object::VolumeAttachment(a) => csi::attachment(a, &mut errors),
        Object::VolumeAttributesClass(c) => csi::attributes(c, &mut errors),
        Object::CertificateSigningRequest(r) => extension::request(r, &mut errors),
        Object::RuntimeClass(c) => extension::runtime(c, &mut errors),
        Object::IPAddress(a) => address::address(a, &mut errors),
        Object::ServiceCIDR(c) => address::ranges(c, &mut errors),
        Object::FlowSchema(s) => flow_control::schema(s, &mut errors),
        Object::PriorityLevelConfiguration(l) => flow_control::level(l, &mut errors),
        Object::DeviceClass(c) => device::class(c, &mut errors),
        Object::ResourceClaim(c) => device::claim(c, &mut errors),
        Object::ResourceClaimTemplate(t) => device::template(t, &mut errors),
        Object::ResourceSlice(s) => device::slice(s, &mut errors),
        Object::ValidatingWebhookConfiguration(c) => admission::webhooks(&c.webhooks, &mut errors),
        Object::MutatingWebhookConfiguration(c) => admission::webhooks(&c.webhooks, &mut errors),
        Object::ValidatingAdmissionPolicy(p) => admission::policy(p, &mut errors),
        Object::MutatingAdmissionPolicy(p) => admission::mutating(p, &mut errors),
        Object::ValidatingAdmissionPolicyBinding(b) => admission::binding(b, &mut errors),
        Object::MutatingAdmissionPolicyBinding(b) => admission::mutating_binding(b, &mut errors),
        Object::CustomResourceDefinition(d) => definition::create(d, &mut errors),
        Object::APIService(s) => api_service::api_service(s, &mut errors),
        Object::Custom(c) => custom::create(c, &mut errors),
        #[allow(unreachable_patterns)] // A kind that is new has no rules of its own at first.
        _ => {}
    }
    errors
}

/// Everything that is wrong with a change of an object.
pub fn update(new: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = match new {
        Object::PersistentVolume(_) | Object::VolumeAttachment(_) | Object::CSINode(_) => Vec::new(),
        _ => meta::update(new, old),
    };
    // Upstream judges the metadata of these as if they were new, too.
    if matches!(
        new,
        Object::Pod(_)
            | Object::PersistentVolume(_)
            | Object::PersistentVolumeClaim(_)
            | Object::ControllerRevision(_)
            | Object::VolumeAttributesClass(_)
    ) {
        errors.extend(meta::create(new));
    }
    match (new, old) {
        (Object::Pod(n), Object::Pod(o)) => pod_update::update(n, o, &mut errors),
        (Object::Deployment(n), Object::Deployment(o)) => workload::deployment_update(n, o, &mut errors),
        (Object::ReplicaSet(n), Object::ReplicaSet(o)) => workload::replica_set_update(n, o, &mut errors),
        (Object::Service(n), Object::Service(o)) => service::update(n, o, &mut errors),
        (Object::ConfigMap(n), Object::ConfigMap(o)) => stores::config_map_update(n, o, &mut errors),
        (Object::Secret(n), Object::Secret(o)) => stores::secret_update(n, o, &mut errors),
        (Object::Node(n), Object::Node(o)) => node::update(n, o, &mut errors),
        (Object::Endpoints(n), Object::Endpoints(o)) => endpoints::endpoints_update(n, o, &mut errors),
        (Object::EndpointSlice(n), Object::EndpointSlice(o)) => endpoints::slice_update(n, o, &mut errors),
        (Object::Lease(n), _) => endpoints::lease(n, &mut errors),
        (Object::Event(n), _) => event::event(n, &mut errors),
        (Object::APIService(n), _) => api_service::api_service(n, &mut errors),
        (Object::Job(n), Object::Job(o)) => job::update(n, o, &mut errors),
        (Object::CronJob(n), Object::CronJob(o)) => cron_job::update(n, o, &mut errors),
        (Object::StatefulSet(n), Object::StatefulSet(o)) => sets::stateful_set_update(n, o, &mut errors),
        (Object::DaemonSet(n), Object::DaemonSet(o)) => sets::daemon_set_update(n, o, &mut errors),
        (Object::ControllerRevision(n), Object::ControllerRevision(o)) => {
            sets::controller_revision_update(n, o, &mut errors);
        }
        (Object::ReplicationController(n), _) => workload::replication_controller(n, &mut errors),
        (Object::PersistentVolume(n), Object::PersistentVolume(o)) => persistent_volume::update(n, o, &mut errors),
        (Object::PersistentVolumeClaim(n), Object::PersistentVolumeClaim(o)) => claim::update(n, o, &mut errors),
        (Object::StorageClass(n), Object::StorageClass(o)) => persistent_volume::class_update(n, o, &mut errors),
        (Object::HorizontalPodAutoscaler(n), Object::HorizontalPodAutoscaler(o)) => {
            autoscaler::autoscaler_update(n, o, &mut errors);
        }
        (Object::PodDisruptionBudget(n), _) => policy::budget(n, &mut errors),
        (Object::PriorityClass(n), Object::PriorityClass(o)) => priority_class::class_update(n, o, &mut errors),
        (Object::LimitRange(n), _) => limits::range(n, &mut errors),
        (Object::ResourceQuota(n), Object::ResourceQuota(o)) => limits::quota_update(n, o, &mut errors),
        (Object::PodTemplate(n), _) => pod::template(&n.template, "template", &mut errors),
        (Object::Ingress(n), Object::Ingress(o)) => ingress::update(n, o, &mut errors),
        (Object::IngressClass(n), Object::IngressClass(o)) => ingress::class_update(n, o, &mut errors),
        (Object::NetworkPolicy(n), Object::NetworkPolicy(o)) => network_policy::update(n, o, &mut errors),
        (Object::Role(n), _) => rbac::role(n, &mut errors),
        (Object::ClusterRole(n), _) => rbac::cluster_role(n, &mut errors),
        (Object::RoleBinding(n), Object::RoleBinding(o)) => {
            rbac::binding(n, &mut errors);
            rbac::same_role(&n.role_ref, &o.role_ref, &mut errors);
        }
        (Object::ClusterRoleBinding(n), Object::ClusterRoleBinding(o)) => {
            rbac::cluster_binding(n, &mut errors);
            rbac::same_role(&n.role_ref, &o.role_ref, &mut errors);
        }
        (Object::CSIDriver(n), Object::CSIDriver(o)) => csi::driver_update(n, o, &mut errors),
        (Object::CSINode(n), Object::CSINode(o)) => csi::node_update(n, o, &mut errors),
        (Object::CSIStorageCapacity(n), Object::CSIStorageCapacity(o)) => csi::capacity_update(n, o, &mut errors),
        (Object::VolumeAttachment(n), Object::VolumeAttachment(o)) => csi::attachment_update(n, o, &mut errors),
        (Object::VolumeAttributesClass(n), Object::VolumeAttributesClass(o)) => {
            csi::attributes_update(n, o, &mut errors);
        }
        (Object::CertificateSigningRequest(n), _) => extension::request(n, &mut errors),
        (Object::RuntimeClass(n), Object::RuntimeClass(o)) => extension::runtime_update(n, o, &mut errors),
        (Object::IPAddress(n), Object::IPAddress(o)) => address::address_update(n, o, &mut errors),
        (Object::ServiceCIDR(n), Object::ServiceCIDR(o)) => address::ranges_update(n, o, &mut errors),
        (Object::FlowSchema(n), _) => flow_control::schema(n, &mut errors),
        (Object::PriorityLevelConfiguration(n), _) => flow_control::level(n, &mut errors),
        (Object::DeviceClass(n), _) => device::class(n, &mut errors),
        (Object::ResourceClaim(n), Object::ResourceClaim(o)) => device::claim_update(n, o, &mut errors),
        (Object::ResourceClaimTemplate(n), Object::ResourceClaimTemplate(o)) => {
            device::template_update(n, o, &mut errors);
        }
        (Object::ResourceSlice(n), _) => device::slice(n, &mut errors),
        (Object::ValidatingWebhookConfiguration(n), _) => admission::webhooks(&n.webhooks, &mut errors),
        (Object::MutatingWebhookConfiguration(n), _) => admission::webhooks(&n.webhooks, &mut errors),
        (Object::ValidatingAdmissionPolicy(n), _) => admission::policy(n, &mut errors),
        (Object::MutatingAdmissionPolicy(n), _) => admission::mutating(n, &mut errors),
        (Object::ValidatingAdmissionPolicyBinding(n), _) => admission::binding(n, &mut errors),
        (Object::MutatingAdmissionPolicyBinding(n), _) => admission::mutating_binding(n, &mut errors),
        (Object::Custom(n), Object::Custom(o)) => custom::update(n, o, &mut errors),
        (Object::CustomResourceDefinition(n), Object::CustomResourceDefinition(o)) => {
            definition::update(n, o, &mut errors);
        }
        _ => {}
    }
    errors
}

/// Everything that is wrong with a change of a pod's ephemeral containers.
pub fn update_ephemeral(new: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let (Object::Pod(n), Object::Pod(o)) = (new, old) {
        ephemeral::update(n, o, &mut errors);
    }
    errors
}

/// Everything that is wrong with a change of the resources of a pod.
pub fn update_resize(new: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let (Object::Pod(n), Object::Pod(o)) = (new, old) {
        pod_resize::update(n, o, &mut errors);
    }
    errors
}

/// Everything that is wrong with a change of an object's status.
pub fn update_status(new: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = meta::update(new, old);
    match (new, old) {
        (Object::Pod(n), Object::Pod(o)) => pod_status::update(n, o, &mut errors),
        (Object::Deployment(n), Object::Deployment(o)) => workload::deployment_status(n, o, &mut errors),
        (Object::ReplicaSet(n), _) => workload::replica_set_status(n, &mut errors),
        (Object::ReplicationController(n), _) => workload::replication_controller_status(n, &mut errors),
        (Object::StatefulSet(n), Object::StatefulSet(o)) => sets::stateful_set_status(n, o, &mut errors),
        (Object::DaemonSet(n), Object::DaemonSet(o)) => sets::daemon_set_status(n, o, &mut errors),
        (Object::Job(n), Object::Job(o)) => job_status::update(n, o, &mut errors),
        (Object::PersistentVolumeClaim(n), _) => claim::update_status(n, &mut errors),
        (Object::PodDisruptionBudget(n), _) => policy::budget_status(n, &mut errors),
        (Object::HorizontalPodAutoscaler(n), _) => autoscaler::autoscaler_status(n, &mut errors),
        (Object::Namespace(n), Object::Namespace(o)) => namespace::update_status(n, o, &mut errors),
        (Object::Ingress(n), Object::Ingress(o)) => ingress::update_status(n, o, &mut errors),
        (Object::Custom(n), Object::Custom(o)) => custom::update_status(n, o, &mut errors),
        _ => {}
    }
    errors
}
