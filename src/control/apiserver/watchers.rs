//! Who watches objects of a kind, and whom a change concerns. Models the trigger index and `dispatchEvent` of
//! `k8s.io/apiserver/pkg/storage/cacher`.
//!
//! Watchers that choose alike are one group and share one batch of events. Groups are filed by what their choice requires (a
//! node's name, an object's name, a namespace), so that a change is tested against the few groups that it can concern and not
//! against every kubelet's.

use std::sync::Arc;

use crate::api::fields::FieldSelectors;
use crate::api::labels::Selector;
use crate::api::{Object, WatchEvent};
use crate::control::apiserver::cache::Change;
use crate::control::apiserver::call::CallNo;
use crate::sim::{SharedMap, SharedSet, VecMap};

/// What a watcher chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter {
    /// The namespace; empty for all.
    pub namespace: Arc<str>,
    /// The name; empty for all.
    pub name: Arc<str>,
    /// By labels.
    pub labels: Selector,
    /// By fields.
    pub fields: FieldSelectors,
}

impl Filter {
    /// Whether it chooses the object.
    pub fn matches(&self, object: &Object) -> bool {
        let meta = object.meta();
        (self.namespace.is_empty() || *self.namespace == *meta.namespace)
            && (self.name.is_empty() || *self.name == *meta.name)
            && self.labels.matches(&meta.labels)
            && self.fields.matches(object)
    }

    /// Where watchers of this choice are filed: the rarest thing that it requires.
    fn drawer(&self) -> Drawer {
        let name = if self.name.is_empty() { self.fields.required("metadata.name") } else { Some(&*self.name) };
        let namespace = if self.namespace.is_empty() {
            self.fields.required("metadata.namespace").unwrap_or("")
        } else {
            &self.namespace
        };
        if let Some(node) = self.fields.required("spec.nodeName") {
            return Drawer::Node(node.into());
        }
        match (name, namespace) {
            (Some(name), _) => Drawer::Name(name.into()),
            (None, "") => Drawer::All,
            (None, namespace) => Drawer::Namespace(namespace.into()),
        }
    }
}

/// What an object must have to concern the watchers filed here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Drawer {
    All,
    Namespace(Arc<str>),
    Name(Arc<str>),
    Node(Arc<str>),
}

type Group = SharedSet<CallNo>;

/// The watchers of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Watchers {
    drawers: SharedMap<Drawer, SharedMap<Filter, Group>>,
    filters: SharedMap<CallNo, Filter>,
}

/// The same events for several watchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// For whom.
    pub watchers: Vec<CallNo>,
    /// What.
    pub events: Arc<[WatchEvent]>,
}

impl Watchers {
    /// Adds a watcher.
    pub fn add(&mut self, call: CallNo, filter: Filter) {
        let drawer = filter.drawer();
        let mut groups = self.drawers.get(&drawer).cloned().unwrap_or_default();
        let mut group = groups.get(&filter).cloned().unwrap_or_default();
        group.insert(call);
        groups.insert(filter.clone(), group);
        self.drawers.insert(drawer, groups);
        self.filters.insert(call, filter);
    }

    /// Removes a watcher.
    pub fn remove(&mut self, call: CallNo) {
        let Some(filter) = self.filters.get(&call).cloned() else { return };
        self.filters.remove(&call);
        let drawer = filter.drawer();
        let mut groups = self.drawers.get(&drawer).cloned().unwrap_or_default();
        let mut group = groups.get(&filter).cloned().unwrap_or_default();
        group.remove(&call);
        if group.is_empty() {
            groups.remove(&filter);
        } else {
            groups.insert(filter, group);
        }
        if groups.is_empty() {
            self.drawers.remove(&drawer);
        } else {
            self.drawers.insert(drawer, groups);
        }
    }

    /// All watchers.
    pub fn calls(&self) -> impl Iterator<Item = CallNo> + '_ {
        self.filters.keys().copied()
    }

    /// What a watcher chooses.
    pub fn filter(&self, call: CallNo) -> Option<&Filter> {
        self.filters.get(&call)
    }

    /// Whom changes concern: each group once, with its events in order.
    pub fn batches(&self, changes: &[Change]) -> Vec<Batch> {
        let mut told: VecMap<(Drawer, &Filter), (&Group, Vec<WatchEvent>)> = VecMap::new();
        for change in changes {
            for drawer in drawers_of(change) {
                let Some(groups) = self.drawers.get(&drawer) else { continue };
                for (filter, group) in groups {
                    if let Some(event) = event_for(change, filter) {
                        told.entry((drawer.clone(), filter)).or_insert_with(|| (group, Vec::new())).1.push(event);
                    }
                }
            }
        }
        told.into_values()
            .map(|(group, events)| Batch { watchers: group.iter().copied().collect(), events: events.into() })
            .collect()
    }
}

/// What a watcher of that choice sees of a change.
pub fn event_for(change: &Change, filter: &Filter) -> Option<WatchEvent> {
    let event = change.seen_by(|object| filter.matches(object))?;
    change.object().map(|object| WatchEvent { event, object: last_chosen(change, event, object) })
}

/// An object that is no longer chosen is told as its last chosen state, with the resource version of the change.
fn last_chosen(change: &Change, event: crate::api::WatchEventType, object: Object) -> Object {
    match (&change.old, event) {
        (Some(old), crate::api::WatchEventType::Deleted) if change.new.is_some() => {
            let mut last = old.clone();
            last.meta_mut().resource_version = Some(crate::api::ResourceVersion(change.revision.0));
            last
        }
        _ => object,
    }
}

/// The drawers whose watchers a change can concern.
fn drawers_of(change: &Change) -> Vec<Drawer> {
    let mut drawers = vec![Drawer::All];
    let Some(any) = change.new.as_ref().or(change.old.as_ref()) else { return drawers };
    drawers.push(Drawer::Namespace(any.meta().namespace.as_str().into()));
    drawers.push(Drawer::Name(any.meta().name.as_str().into()));
    let node = |object: &Option<Object>| match object {
        Some(Object::Pod(pod)) => Some(pod.spec.node_name.clone()),
        _ => None,
    };
    let (old, new) = (node(&change.old), node(&change.new));
    if let Some(new) = &new {
        drawers.push(Drawer::Node(new.as_str().into()));
    }
    if let Some(old) = old.filter(|old| Some(old) != new.as_ref()) {
        drawers.push(Drawer::Node(old.as_str().into()));
    }
    drawers
}
