//! Validation with upstream's field paths and words, all errors at once. Models `pkg/apis/*/validation`.
//!
//! What a strict decoder refuses (unknown fields, wrong types) is not looked at here, and features that the simulation does not
//! have (windows pods, dynamic resource allocation, SELinux, …) are taken as valid.

mod container;
mod cron_job;
mod endpoints;
mod error;
mod ingress;
mod meta;
pub mod names;
mod network_policy;
mod node;
mod placement;
mod pod;
mod probe;
mod rbac;
mod service;
mod stores;
mod volume;
mod workload;

use crate::api::{FieldError, Object};

pub use error::{duplicate, forbidden, invalid, not_found, required, too_long, unsupported};

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
        Object::CronJob(c) => cron_job::spec(&c.spec, &mut errors),
        Object::PodTemplate(t) => pod::template(&t.template, "template", &mut errors),
        Object::Ingress(i) => ingress::create(i, &mut errors),
        Object::IngressClass(c) => ingress::class(c, &mut errors),
        Object::NetworkPolicy(p) => network_policy::create(p, &mut errors),
        Object::Role(r) => rbac::role(r, &mut errors),
        Object::ClusterRole(r) => rbac::cluster_role(r, &mut errors),
        Object::RoleBinding(b) => rbac::binding(b, &mut errors),
        Object::ClusterRoleBinding(b) => rbac::cluster_binding(b, &mut errors),
        _ => {}
    }
    errors
}

/// Everything that is wrong with a change of an object.
pub fn update(new: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = meta::update(new, old);
    match (new, old) {
        (Object::Pod(n), Object::Pod(o)) => pod::update(n, o, &mut errors),
        (Object::Deployment(n), Object::Deployment(o)) => workload::deployment_update(n, o, &mut errors),
        (Object::ReplicaSet(n), Object::ReplicaSet(o)) => workload::replica_set_update(n, o, &mut errors),
        (Object::Service(n), Object::Service(o)) => service::update(n, o, &mut errors),
        (Object::ConfigMap(n), Object::ConfigMap(o)) => stores::config_map_update(n, o, &mut errors),
        (Object::Secret(n), Object::Secret(o)) => stores::secret_update(n, o, &mut errors),
        (Object::Node(n), Object::Node(o)) => node::update(n, o, &mut errors),
        (Object::Endpoints(n), _) => endpoints::endpoints(n, &mut errors),
        (Object::EndpointSlice(n), Object::EndpointSlice(o)) => endpoints::slice_update(n, o, &mut errors),
        (Object::Lease(n), _) => endpoints::lease(n, &mut errors),
        (Object::CronJob(n), _) => cron_job::spec(&n.spec, &mut errors),
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
        _ => {}
    }
    errors
}

/// Everything that is wrong with a change of an object's status.
pub fn update_status(new: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = meta::update(new, old);
    match (new, old) {
        (Object::Pod(n), _) => pod::update_status(n, &mut errors),
        (Object::Deployment(n), Object::Deployment(o)) => workload::deployment_status(n, o, &mut errors),
        (Object::ReplicaSet(n), _) => workload::replica_set_status(n, &mut errors),
        (Object::Ingress(n), Object::Ingress(o)) => ingress::update_status(n, o, &mut errors),
        _ => {}
    }
    errors
}
