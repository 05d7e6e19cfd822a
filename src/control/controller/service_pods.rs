//! What endpoints are made of: the pods that a Service selects and the ports that they answer on.
//!
//! Models `k8s.io/endpointslice/util` and `pkg/api/v1/pod` (`FindPort`). Used by the Endpoints and the EndpointSlice
//! controllers.

use std::sync::Arc;

use crate::api::{
    IntOrString, Kind, ObjectRef, ObjectReference, Pod, RestartPolicy, Service, ServicePort, ServiceType, Timestamp,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::pods;
use crate::sim::VecSet;

/// The annotation that tells which change an endpoints object reflects.
pub const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// Whether the controllers make endpoints for a Service.
pub fn is_served(service: &Service) -> bool {
    !service.spec.selector.is_empty() && service.spec.r#type != ServiceType::ExternalName
}

/// Whether a Service has no virtual address.
pub fn is_headless(service: &Service) -> bool {
    service.spec.cluster_ip == "None"
}

/// The number of a Service's port on a pod; `None` if the pod has no port of that name (`FindPort`).
pub fn find_port(pod: &Pod, port: &ServicePort) -> Option<i32> {
    match &port.target_port {
        IntOrString::Int(number) => Some(if *number == 0 { port.port } else { *number }),
        IntOrString::String(name) => {
            let sidecars = pod.spec.init_containers.iter().filter(|c| c.restart_policy == Some(RestartPolicy::Always));
            let ports = pod.spec.containers.iter().chain(sidecars).flat_map(|container| &container.ports);
            let named = |p: &&crate::api::ContainerPort| p.name == *name && p.protocol == port.protocol;
            ports.into_iter().find(named).map(|p| p.container_port)
        }
    }
}

/// The host name under which a pod is known in a headless Service's domain.
pub fn hostname<'a>(pod: &'a Pod, service: &Service) -> Option<&'a String> {
    let named = !pod.spec.hostname.is_empty()
        && pod.spec.subdomain == service.metadata.name
        && pod.metadata.namespace == service.metadata.namespace;
    named.then_some(&pod.spec.hostname)
}

/// The reference of an endpoint to its pod.
pub fn target(pod: &Pod) -> ObjectReference {
    ObjectReference {
        kind: "Pod".into(),
        namespace: pod.metadata.namespace.clone(),
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// The Services whose endpoints a change concerns: those that select the pod now or selected it before.
pub fn affected(change: &Change, cache: &Cache) -> Vec<ObjectRef> {
    let Some(pod) = change.new_as::<Pod>() else {
        let is_service = change.kind() == Kind::Service;
        return if is_service { vec![change.new.reference()] } else { Vec::new() };
    };
    let old = change.old_as::<Pod>();
    if let Some(old) = old.filter(|_| !change.deleted())
        && !endpoint_changed(old, pod)
        && old.metadata.labels == pod.metadata.labels
    {
        return Vec::new();
    }
    let mut keys = VecSet::new();
    for service in cache.in_namespace::<Service>(&pod.metadata.namespace).filter(|service| is_served(service)) {
        let selects = |pod: &Arc<Pod>| {
            service.spec.selector.iter().all(|(key, value)| pod.metadata.labels.get(key) == Some(value))
        };
        if selects(pod) || old.is_some_and(selects) {
            keys.insert(super::owner::reference(&**service));
        }
    }
    keys.into_iter().collect()
}

/// Whether a pod changed in anything that an endpoint tells (`podEndpointsChanged`).
fn endpoint_changed(old: &Pod, new: &Pod) -> bool {
    let told = |pod: &Pod| {
        (
            pod.metadata.deletion_timestamp.is_some(),
            pod.status.pod_ips.clone(),
            pod.status.pod_ip.clone(),
            pods::is_ready(pod),
            pods::is_terminal(pod),
            pod.spec.node_name.clone(),
            pod.spec.hostname.clone(),
            pod.spec.subdomain.clone(),
        )
    };
    told(old) != told(new)
}

/// When the change happened that endpoints made now reflect: the last time a pod became ready, or the Service came.
pub fn trigger_time(service: &Service, selected: &[&Arc<Pod>]) -> Option<Timestamp> {
    let readiness = selected.iter().filter_map(|pod| pods::ready_since(pod));
    service.metadata.creation_timestamp.into_iter().chain(readiness).max()
}

/// The labels of a Service that its endpoints carry on.
pub fn inherited_labels(service: &Service) -> crate::api::meta::Labels {
    service.metadata.labels.clone()
}
