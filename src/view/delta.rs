//! Differences between two cluster views, so that an update costs what changed.
//!
//! `old.apply(new.since(&old))` is `new`, whatever the two are.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::view::{
    ClaimView, ClusterView, ComponentView, NodeView, ObjectRef, Place, PodView, ServiceView, WorkloadView,
};

/// A thing that is told from its neighbours in a list by a key; lists are ordered by it.
pub trait Keyed {
    /// The key.
    type Key: Ord + Clone;
    /// This one's key.
    fn key(&self) -> &Self::Key;
}

/// How a list has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDelta<T, K> {
    /// New or changed ones, in the order of their keys.
    pub put: Vec<T>,
    /// Keys of those that are gone, in order.
    pub gone: Vec<K>,
}

impl<T: Keyed + Clone + PartialEq> ListDelta<T, T::Key> {
    /// What turns `old` into `new`. Both are ordered by key.
    pub fn between(old: &[T], new: &[T]) -> Self {
        let (mut put, mut gone) = (Vec::new(), Vec::new());
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return ListDelta { put, gone },
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(was), Some(is)) => was.key().cmp(is.key()),
            };
            let was = if order == Ordering::Greater { None } else { old.next() };
            let is = if order == Ordering::Less { None } else { new.next() };
            match (was, is) {
                (Some(was), None) => gone.push(was.key().clone()),
                (was, Some(is)) if was != Some(is) => put.push(is.clone()),
                _ => {}
            }
        }
    }

    /// Does the change to `list`.
    pub fn apply(self, list: &mut Vec<T>) {
        if !self.gone.is_empty() {
            list.retain(|t| self.gone.binary_search(t.key()).is_err());
        }
        let mut added = Vec::new();
        for new in self.put {
            match list.binary_search_by(|t| t.key().cmp(new.key())) {
                Ok(at) => list[at] = new,
                Err(_) => added.push(new),
            }
        }
        if !added.is_empty() {
            list.append(&mut added);
            // Two ordered runs: sorting merges them.
            list.sort_by(|a, b| a.key().cmp(b.key()));
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.gone.is_empty()
    }
}

/// How the picture has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterDelta {
    /// Whether everything that was known before is to be forgotten first (start, rewind).
    pub whole: bool,
    /// Processes.
    pub components: ListDelta<ComponentView, Place>,
    /// Nodes.
    pub nodes: ListDelta<NodeView, String>,
    /// Pods.
    pub pods: ListDelta<PodView, ObjectRef>,
    /// Services.
    pub services: ListDelta<ServiceView, ObjectRef>,
    /// Workloads.
    pub workloads: ListDelta<WorkloadView, ObjectRef>,
    /// Claims.
    pub claims: ListDelta<ClaimView, ObjectRef>,
}

impl ClusterDelta {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        !self.whole
            && self.components.is_empty()
            && self.nodes.is_empty()
            && self.pods.is_empty()
            && self.services.is_empty()
            && self.workloads.is_empty()
            && self.claims.is_empty()
    }
}

impl ClusterView {
    /// What has changed since `old`.
    pub fn since(&self, old: &ClusterView) -> ClusterDelta {
        ClusterDelta {
            whole: false,
            components: ListDelta::between(&old.components, &self.components),
            nodes: ListDelta::between(&old.nodes, &self.nodes),
            pods: ListDelta::between(&old.pods, &self.pods),
            services: ListDelta::between(&old.services, &self.services),
            workloads: ListDelta::between(&old.workloads, &self.workloads),
            claims: ListDelta::between(&old.claims, &self.claims),
        }
    }

    /// The picture as a delta that does not depend on what was known before.
    pub fn whole(&self) -> ClusterDelta {
        ClusterDelta { whole: true, ..self.since(&ClusterView::default()) }
    }

    /// Does the change.
    pub fn apply(&mut self, delta: ClusterDelta) {
        if delta.whole {
            *self = ClusterView::default();
        }
        delta.components.apply(&mut self.components);
        delta.nodes.apply(&mut self.nodes);
        delta.pods.apply(&mut self.pods);
        delta.services.apply(&mut self.services);
        delta.workloads.apply(&mut self.workloads);
        delta.claims.apply(&mut self.claims);
    }

    /// Brings every list into the order of its keys; builders call it last.
    pub fn sorted(mut self) -> Self {
        self.components.sort_by(|a, b| a.key().cmp(b.key()));
        self.nodes.sort_by(|a, b| a.key().cmp(b.key()));
        self.pods.sort_by(|a, b| a.key().cmp(b.key()));
        self.services.sort_by(|a, b| a.key().cmp(b.key()));
        self.workloads.sort_by(|a, b| a.key().cmp(b.key()));
        self.claims.sort_by(|a, b| a.key().cmp(b.key()));
        self
    }
}

impl Keyed for ComponentView {
    type Key = Place;
    fn key(&self) -> &Place {
        &self.place
    }
}

impl Keyed for NodeView {
    type Key = String;
    fn key(&self) -> &String {
        &self.name
    }
}

impl Keyed for PodView {
    type Key = ObjectRef;
    fn key(&self) -> &ObjectRef {
        &self.object
    }
}

impl Keyed for ServiceView {
    type Key = ObjectRef;
    fn key(&self) -> &ObjectRef {
        &self.object
    }
}

impl Keyed for ClaimView {
    type Key = ObjectRef;
    fn key(&self) -> &ObjectRef {
        &self.object
    }
}

impl Keyed for WorkloadView {
    type Key = ObjectRef;
    fn key(&self) -> &ObjectRef {
        &self.object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Tone, fixture};

    /// Applying the difference to the old view gives the new one.
    fn check(old: &ClusterView, new: &ClusterView) -> ClusterDelta {
        let delta = new.since(old);
        let mut view = old.clone();
        view.apply(delta.clone());
        assert_eq!(&view, new);
        delta
    }

    #[test]
    fn nothing_changed_is_an_empty_delta() {
        let view = fixture::cluster();
        assert!(check(&view, &view).is_empty());
    }

    #[test]
    fn a_changed_pod_is_the_only_thing_sent() {
        let old = fixture::cluster();
        let mut new = old.clone();
        new.pods[1].tone = Tone::Bad;
        let delta = check(&old, &new);
        assert_eq!((delta.pods.put.len(), delta.nodes.put.len(), delta.components.put.len()), (1, 0, 0));
    }

    #[test]
    fn things_come_and_go() {
        let old = fixture::cluster();
        let mut new = old.clone();
        let moved = new.pods.remove(0);
        new.nodes.pop();
        check(&old, &new);
        let mut back = new.clone();
        back.pods.insert(0, moved);
        check(&new, &back);
    }

    #[test]
    fn the_whole_view_replaces_whatever_was_there() {
        let new = fixture::cluster();
        let mut view = new.clone();
        view.pods[0].object.name = "zzz-left-over".into();
        view.apply(new.whole());
        assert_eq!(view, new);
    }

    #[test]
    fn the_fixture_is_in_order() {
        assert_eq!(fixture::cluster().sorted(), fixture::cluster());
    }
}
