//! What pods without spread constraints are spread by: the pods of the same Service or owner.
//!
//! Models `pkg/scheduler/framework/plugins/helper/spread.go` (`DefaultSelector`).

use crate::api::labels::Selector;
use crate::api::meta::Labels;
use crate::api::{ReplicaSet, ReplicationController, Service, StatefulSet};
use crate::control::Cache;
use crate::control::controller::owner;
use crate::control::scheduler::plugin::inter_pod_affinity;
use crate::control::scheduler::plugin::pod_topology_spread::scoring::{HOSTNAME, ZONE};
use crate::control::scheduler::snapshot::{PodInfo, Snapshot};

/// Chooses the pods of the same Services and owner; `None` for a pod with neither.
pub fn default_selector(pod: &PodInfo, cache: &Cache) -> Option<Selector> {
    if !pod.constraints.is_empty() {
        return None;
    }
    let meta = &pod.pod.metadata;
    let mut labels = Labels::new();
    for service in cache.in_namespace::<Service>(&meta.namespace) {
        let wanted = &service.spec.selector;
        if !wanted.is_empty() && wanted.iter().all(|(key, value)| meta.labels.get(key) == Some(value)) {
            labels.extend(wanted.clone());
        }
    }
    let mut selector = Selector::from_labels(&labels);
    if let Some(set) = owner::controller_of::<ReplicaSet>(meta, cache) {
        selector = selector.and(Selector::from(&set.spec.selector).requirements().iter().cloned());
    }
    if let Some(set) = owner::controller_of::<StatefulSet>(meta, cache) {
        selector = selector.and(Selector::from(&set.spec.selector).requirements().iter().cloned());
    }
    if let Some(rc) = owner::controller_of::<ReplicationController>(meta, cache) {
        selector = selector.and(Selector::from_labels(&rc.spec.selector).requirements().iter().cloned());
    }
    (!selector.is_everything()).then_some(selector)
}

/// Makes the tallies that a cycle will ask for, those of InterPodAffinity among them.
pub fn prepare(pod: &PodInfo, selector: Option<&Selector>, nodes: &mut Snapshot) {
    let namespace = &pod.pod.metadata.namespace;
    if let Some(selector) = selector {
        nodes.ensure_tally(namespace, selector, &[HOSTNAME, ZONE]);
    }
    for constraint in &pod.constraints {
        nodes.ensure_tally(namespace, &constraint.selector, &[&constraint.topology_key]);
    }
    inter_pod_affinity::prepare(pod, nodes);
}
