//! The defaults that depend on other fields; all others are those of the structs. Models `pkg/apis/*/v1/defaults.go`.

mod admission;
mod autoscaler;
mod extension;
mod limits;
mod network;
mod pod;
mod rbac;
mod service;
mod volume;
mod workload;

use std::sync::Arc;

use crate::api::custom::{CustomResource, structural};
use crate::api::{Object, RollingUpdateDeployment, StrategyType};

/// Fills in what is missing.
pub fn apply(object: &mut Object) {
    match object {
        Object::Custom(object) => custom(Arc::make_mut(object)),
        Object::Pod(pod) => pod::pod(Arc::make_mut(pod)),
        Object::Deployment(deployment) => {
            let spec = &mut Arc::make_mut(deployment).spec;
            if spec.strategy.r#type.as_str().is_empty() {
                spec.strategy.r#type = StrategyType::RollingUpdate;
            }
            if spec.strategy.r#type == StrategyType::RollingUpdate && spec.strategy.rolling_update.is_none() {
                spec.strategy.rolling_update = Some(RollingUpdateDeployment::default());
            }
            pod::template(&mut spec.template);
        }
        Object::ReplicaSet(rs) => {
            if rs.spec.template.metadata.labels.is_empty() && rs.spec.template.spec.containers.is_empty() {
                return;
            }
            pod::template(&mut Arc::make_mut(rs).spec.template);
        }
        Object::ReplicationController(rc) => workload::replication_controller(Arc::make_mut(rc)),
        Object::StatefulSet(set) => workload::stateful_set(Arc::make_mut(set)),
        Object::DaemonSet(set) => workload::daemon_set(Arc::make_mut(set)),
        Object::Job(job) => workload::job(Arc::make_mut(job)),
        Object::CronJob(job) => pod::template(&mut Arc::make_mut(job).spec.job_template.spec.template),
        Object::PersistentVolume(volume) => workload::volume(Arc::make_mut(volume)),
        Object::PersistentVolumeClaim(claim) => workload::claim(Arc::make_mut(claim)),
        Object::StorageClass(class) => workload::class(Arc::make_mut(class)),
        Object::PriorityClass(class) => {
            let policy = &mut Arc::make_mut(class).preemption_policy;
            policy.get_or_insert_with(|| "PreemptLowerPriority".into());
        }
        Object::LimitRange(range) => limits::range(Arc::make_mut(range)),
        Object::HorizontalPodAutoscaler(hpa) => autoscaler::autoscaler(Arc::make_mut(hpa)),
        Object::Service(service) => service::service(Arc::make_mut(service)),
        Object::Secret(secret) => service::secret(Arc::make_mut(secret)),
        Object::PodTemplate(template) => pod::template(&mut Arc::make_mut(template).template),
        Object::NetworkPolicy(policy) => network::policy(Arc::make_mut(policy)),
        Object::IngressClass(class) => network::class(Arc::make_mut(class)),
        Object::RoleBinding(binding) => {
            let binding = Arc::make_mut(binding);
            rbac::binding(&mut binding.role_ref, &mut binding.subjects);
        }
        Object::ClusterRoleBinding(binding) => {
            let binding = Arc::make_mut(binding);
            rbac::binding(&mut binding.role_ref, &mut binding.subjects);
        }
        Object::Node(node) => {
            let node = Arc::make_mut(node);
            if node.status.allocatable.is_empty() {
                node.status.allocatable = node.status.capacity.clone();
            }
        }
        Object::APIService(service) => {
            // `SetDefaults_ServiceReference`.
            if let Some(service) = &mut Arc::make_mut(service).spec.service {
                service.port.get_or_insert(443);
            }
        }
        Object::Namespace(namespace) => {
            let meta = &mut Arc::make_mut(namespace).metadata;
            if !meta.name.is_empty() {
                meta.labels.insert("kubernetes.io/metadata.name".into(), meta.name.clone());
            }
        }
        Object::ValidatingWebhookConfiguration(c) => admission::webhooks(&mut Arc::make_mut(c).webhooks, false),
        Object::MutatingWebhookConfiguration(c) => admission::webhooks(&mut Arc::make_mut(c).webhooks, true),
        Object::ValidatingAdmissionPolicy(policy) => {
            let spec = &mut Arc::make_mut(policy).spec;
            spec.failure_policy.get_or_insert_with(|| "Fail".into());
            admission::match_resources(spec.match_constraints.as_mut());
        }
        Object::MutatingAdmissionPolicy(policy) => {
            let spec = &mut Arc::make_mut(policy).spec;
            spec.failure_policy.get_or_insert_with(|| "Fail".into());
            admission::match_resources(spec.match_constraints.as_mut());
        }
        Object::ValidatingAdmissionPolicyBinding(binding) => {
            let spec = &mut Arc::make_mut(binding).spec;
            admission::match_resources(spec.match_resources.as_mut());
            admission::param_ref(spec.param_ref.as_mut());
        }
        Object::MutatingAdmissionPolicyBinding(binding) => {
            let spec = &mut Arc::make_mut(binding).spec;
            admission::match_resources(spec.match_resources.as_mut());
            admission::param_ref(spec.param_ref.as_mut());
        }
        Object::FlowSchema(schema) => admission::schema(Arc::make_mut(schema)),
        Object::PriorityLevelConfiguration(level) => admission::level(Arc::make_mut(level)),
        Object::ResourceClaim(claim) => admission::claim(&mut Arc::make_mut(claim).spec),
        Object::ResourceClaimTemplate(template) => admission::claim(&mut Arc::make_mut(template).spec.spec),
        Object::CSIDriver(driver) => extension::driver(Arc::make_mut(driver)),
        Object::CustomResourceDefinition(definition) => extension::definition(Arc::make_mut(definition)),
        Object::Endpoints(_)
        | Object::CSINode(_)
        | Object::CSIStorageCapacity(_)
        | Object::VolumeAttachment(_)
        | Object::VolumeAttributesClass(_)
        | Object::CertificateSigningRequest(_)
        | Object::RuntimeClass(_)
        | Object::IPAddress(_)
        | Object::ServiceCIDR(_)
        | Object::DeviceClass(_)
        | Object::ResourceSlice(_)
        | Object::ConfigMap(_)
        | Object::Event(_)
        | Object::EndpointSlice(_)
        | Object::ControllerRevision(_)
        | Object::PodDisruptionBudget(_)
        | Object::ResourceQuota(_)
        | Object::ServiceAccount(_)
        | Object::Ingress(_)
        | Object::Role(_)
        | Object::ClusterRole(_)
        | Object::Lease(_) => {}
    }
}

/// A custom resource: what its schema says.
fn custom(object: &mut CustomResource) {
    let mut content = object.content();
    structural::default(&mut content, object.kind.schema());
    if let serde_json::Value::Object(fields) = content {
        object.fields = fields.into_iter().collect();
    }
}
