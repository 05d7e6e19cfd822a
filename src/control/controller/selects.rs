//! Owners that choose their pods by labels, and whom a change of a pod concerns.
//!
//! Models the pod handlers (`addPod`, `updatePod`, `deletePod`) of `pkg/controller/{replicaset,statefulset,daemon,job}`.

use std::sync::Arc;

use crate::api::{
    DaemonSet, Job, KindOf, LabelSelector, ObjectRef, Pod, ReplicaSet, ReplicationController, StatefulSet,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::owner;
use crate::control::selector;

/// An owner of pods.
pub trait Selects: KindOf + 'static {
    /// What it chooses its pods by.
    fn selector(&self) -> LabelSelector;
}

impl Selects for ReplicaSet {
    fn selector(&self) -> LabelSelector {
        self.spec.selector.clone()
    }
}

impl Selects for ReplicationController {
    fn selector(&self) -> LabelSelector {
        LabelSelector { match_labels: self.spec.selector.clone(), ..LabelSelector::default() }
    }
}

impl Selects for StatefulSet {
    fn selector(&self) -> LabelSelector {
        self.spec.selector.clone()
    }
}

impl Selects for DaemonSet {
    fn selector(&self) -> LabelSelector {
        self.spec.selector.clone()
    }
}

impl Selects for Job {
    fn selector(&self) -> LabelSelector {
        self.spec.selector.clone().unwrap_or_default()
    }
}

/// A pod changed: its owner, its former owner, or whoever may adopt it.
pub fn affected_by_pod<K: Selects>(change: &Change, pod: &Pod, cache: &Cache) -> Vec<ObjectRef> {
    let mut keys: Vec<ObjectRef> = Vec::new();
    let owner = |pod: &Pod| owner::controller_of::<K>(&pod.metadata, cache).map(|set| owner::reference(&**set));
    if let Some(old) = change.old_as::<Pod>()
        && old.metadata.controller() != pod.metadata.controller()
    {
        keys.extend(owner(old));
    }
    if pod.metadata.controller().is_some() {
        keys.extend(owner(pod));
        return keys;
    }
    let relabelled = change.old_as::<Pod>().is_none_or(|old| {
        old.metadata.labels != pod.metadata.labels || old.metadata.controller() != pod.metadata.controller()
    });
    if relabelled && !change.deleted() && pod.metadata.deletion_timestamp.is_none() {
        let sets = cache.in_namespace::<K>(&pod.metadata.namespace);
        let selects = |set: &&Arc<K>| {
            let wanted = set.selector();
            !selector::is_empty(&wanted) && selector::matches(&wanted, &pod.metadata.labels)
        };
        keys.extend(sets.filter(selects).map(|set| owner::reference(&**set)));
    }
    keys
}
