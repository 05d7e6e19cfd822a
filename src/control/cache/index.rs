//! The indexes of a cache: what finds objects by something else than their name, and how many pods each controller has.
//!
//! Models the indexers of `client-go/tools/cache/thread_safe_store.go`. Upstream has no tallies: there, a controller looks
//! at each of its pods whenever one of them changes.

use std::sync::Arc;

use crate::api::{Kind, Object, Pod, Uid};
use crate::control::controller::pods;
use crate::sim::{SharedMap, VecMap};

/// What objects can be found by, beside their namespace and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Index {
    /// The uid of any of its owners.
    Owner,
    /// The namespace of a pod or workload that nothing controls.
    Orphan,
    /// The node of a pod.
    Node,
    /// `namespace/key=value`: a label of a pod.
    Label,
    /// `namespace/service`: the Service that an endpoint slice belongs to.
    Service,
}

/// Pods of one controller that carry the same labels, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    /// Neither ended nor being deleted.
    pub active: u32,
    /// Those of the active ones that are ready.
    pub ready: u32,
    /// Being deleted, and not ended.
    pub terminating: u32,
    /// Ended.
    pub ended: u32,
}

impl Tally {
    fn is_empty(&self) -> bool {
        *self == Tally::default()
    }

    /// Counts a pod in or out.
    fn count(&mut self, pod: &Pod, by: impl Fn(&mut u32)) {
        if pods::is_active(pod) {
            by(&mut self.active);
            if pods::is_ready(pod) {
                by(&mut self.ready);
            }
        } else if pods::is_terminating(pod) {
            by(&mut self.terminating);
        } else {
            by(&mut self.ended);
        }
    }
}

/// The labels of pods, and how many have them.
pub type Tallies = VecMap<VecMap<String, String>, Tally>;

/// Objects by kind, namespace and name.
type Found = SharedMap<(Kind, Arc<str>, Arc<str>), Object>;

/// The indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Indexes {
    /// Every entry has its object, so that what an index finds needs no second look-up.
    found: VecMap<Index, SharedMap<Arc<str>, Found>>,
    tallies: SharedMap<Uid, Tallies>,
}

impl Indexes {
    /// An object has changed, has come (nothing before) or has gone (nothing now).
    pub fn update(&mut self, before: Option<&Object>, now: Option<&Object>) {
        let after = now.map_or_else(Vec::new, values);
        if let Some(before) = before.filter(|before| now.is_none_or(|now| moved(before, now))) {
            for value in values(before).iter().filter(|value| !after.contains(value)) {
                self.remove(value, before);
            }
        }
        if let Some(now) = now {
            let of = now.reference();
            for (index, value) in after {
                let entry = (of.kind, of.namespace.clone(), of.name.clone());
                let values = self.found.entry(index).or_default();
                match values.get_mut(&value) {
                    Some(found) => _ = found.insert(entry, now.clone()),
                    None => _ = values.insert(value, Found::from_iter([(entry, now.clone())])),
                }
            }
        }
        self.tally(before, |count| *count -= 1);
        self.tally(now, |count| *count += 1);
    }

    fn remove(&mut self, (index, value): &(Index, Arc<str>), object: &Object) {
        let of = object.reference();
        let Some(values) = self.found.get_mut(index) else { return };
        let Some(found) = values.get_mut(value) else { return };
        found.remove(&(of.kind, of.namespace, of.name));
        if found.is_empty() {
            values.remove(value);
        }
    }

    fn tally(&mut self, object: Option<&Object>, by: impl Fn(&mut u32)) {
        let Some(Object::Pod(pod)) = object else { return };
        let Some(controller) = pod.metadata.controller() else { return };
        if !self.tallies.contains_key(&controller.uid) {
            self.tallies.insert(controller.uid.clone(), Tallies::new());
        }
        let Some(tallies) = self.tallies.get_mut(&controller.uid) else { return };
        let labels = &pod.metadata.labels;
        match tallies.get_mut(labels) {
            Some(tally) => tally.count(pod, by),
            None => tallies.entry(labels.clone()).or_default().count(pod, by),
        }
        if tallies.get(labels).is_some_and(Tally::is_empty) {
            tallies.remove(labels);
            if tallies.is_empty() {
                self.tallies.remove(&controller.uid);
            }
        }
    }

    /// The objects that an index finds, of any kind, by kind, namespace and name.
    pub fn find(&self, index: Index, value: &str) -> impl Iterator<Item = &Object> {
        self.found.get(&index).and_then(|values| values.get(value)).into_iter().flat_map(SharedMap::values)
    }

    /// The pods that an object controls, counted by their labels.
    pub fn tallies(&self, controller: &Uid) -> impl Iterator<Item = (&VecMap<String, String>, &Tally)> {
        self.tallies.get(controller).into_iter().flat_map(VecMap::iter)
    }
}

/// Whether an object is found by something else than before.
fn moved(before: &Object, now: &Object) -> bool {
    let (old, new) = (before.meta(), now.meta());
    old.owner_references != new.owner_references || old.labels != new.labels || node_of(before) != node_of(now)
}

fn node_of(object: &Object) -> &str {
    object.get::<Pod>().map_or("", |pod| &pod.spec.node_name)
}

/// Every value by which an object is found.
fn values(object: &Object) -> Vec<(Index, Arc<str>)> {
    let meta = object.meta();
    let mut values: Vec<(Index, Arc<str>)> =
        meta.owner_references.iter().map(|owner| (Index::Owner, owner.uid.0.clone())).collect();
    let adoptable = matches!(object, Object::Pod(_) | Object::ReplicaSet(_) | Object::ControllerRevision(_));
    if adoptable && meta.controller().is_none() {
        values.push((Index::Orphan, meta.namespace.as_str().into()));
    }
    if !node_of(object).is_empty() {
        values.push((Index::Node, node_of(object).into()));
    }
    match object {
        Object::Pod(_) => {
            let labels = meta.labels.iter().map(|(key, value)| format!("{}/{key}={value}", meta.namespace).into());
            values.extend(labels.map(|value| (Index::Label, value)));
        }
        Object::EndpointSlice(_) => {
            if let Some(service) = meta.labels.get("kubernetes.io/service-name") {
                values.push((Index::Service, format!("{}/{service}", meta.namespace).into()));
            }
        }
        _ => {}
    }
    values
}
