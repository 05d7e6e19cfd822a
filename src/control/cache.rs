//! The cache of an informer: what a client has seen of the cluster, ordered and indexed.
//!
//! Models `client-go/tools/cache/store.go` and `thread_safe_store.go`. Objects are never changed in place: a reader gets
//! shared, immutable values. Each object remembers when it was last seen to change, which is all that a controller which
//! judges silence (the node lifecycle) needs to keep.

mod index;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::sync::Arc;

use crate::api::{Kind, KindOf, LabelSelector, Object, ObjectRef, ResourceVersion, Uid, WatchEventType};
use crate::control::selector;
use crate::sim::{SharedMap, Time, VecMap};

pub use index::{Index, Indexes, Tally};

/// A change that an informer saw.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// What happened.
    pub event: WatchEventType,
    /// The object before; `None` when it was not known.
    pub old: Option<Object>,
    /// The object now; its last state when it is gone.
    pub new: Object,
}

impl Change {
    /// The kind of the object.
    pub fn kind(&self) -> Kind {
        self.new.kind()
    }

    /// The object as a struct, if it is of that kind.
    pub fn new_as<K: KindOf>(&self) -> Option<&Arc<K>> {
        self.new.get()
    }

    /// The object before as a struct, if it is of that kind and was known.
    pub fn old_as<K: KindOf>(&self) -> Option<&Arc<K>> {
        self.old.as_ref()?.get()
    }

    /// Whether it is gone.
    pub fn deleted(&self) -> bool {
        self.event == WatchEventType::Deleted
    }

    /// Whether it is new.
    pub fn added(&self) -> bool {
        self.event == WatchEventType::Added
    }
}

/// Namespace and name.
type Key = (Arc<str>, Arc<str>);

/// A namespace and a name in whatever form they are there, so that an object is looked up without making a [`Key`].
trait Named {
    fn name(&self) -> (&str, &str);
}

impl Named for Key {
    fn name(&self) -> (&str, &str) {
        (&self.0, &self.1)
    }
}

impl Named for (&str, &str) {
    fn name(&self) -> (&str, &str) {
        *self
    }
}

impl<'a> Borrow<dyn Named + 'a> for Key {
    fn borrow(&self) -> &(dyn Named + 'a) {
        self
    }
}

impl PartialEq for dyn Named + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Named + '_ {}

impl PartialOrd for dyn Named + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Named + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(&other.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stored {
    object: Object,
    seen: Time,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Store {
    objects: SharedMap<Key, Stored>,
    revision: Option<ResourceVersion>,
}

/// Everything that a client has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cache {
    stores: VecMap<Kind, Store>,
    /// Only for clients that look things up by something else than their name.
    indexes: Option<Indexes>,
}

impl Cache {
    /// A cache with indexes.
    pub fn indexed() -> Self {
        Cache { indexes: Some(Indexes::default()), ..Cache::default() }
    }

    /// An object by its reference.
    pub fn object(&self, of: &ObjectRef) -> Option<&Object> {
        Some(&self.stored(of.kind, &of.namespace, &of.name)?.object)
    }

    fn stored(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Stored> {
        self.stores.get(&kind)?.objects.get(&(namespace, name) as &dyn Named)
    }

    /// An object by namespace and name.
    pub fn get<K: KindOf>(&self, namespace: &str, name: &str) -> Option<&Arc<K>> {
        K::of(&self.stored(K::KIND, namespace, name)?.object)
    }

    /// An object by its reference, if it is of that kind.
    pub fn get_ref<K: KindOf>(&self, of: &ObjectRef) -> Option<&Arc<K>> {
        K::of(self.object(of)?)
    }

    /// When an object was last seen to change.
    pub fn seen_at(&self, of: &ObjectRef) -> Option<Time> {
        Some(self.stored(of.kind, &of.namespace, &of.name)?.seen)
    }

    /// Everything of a kind up to this revision has been seen; `None` before the first list.
    pub fn revision(&self, kind: Kind) -> Option<ResourceVersion> {
        self.stores.get(&kind)?.revision
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> u64 {
        self.stores.get(&kind).map_or(0, |store| store.objects.len())
    }

    /// All objects of a kind, by namespace and name.
    pub fn all<K: KindOf + 'static>(&self) -> impl Iterator<Item = &Arc<K>> {
        self.stores.get(&K::KIND).into_iter().flat_map(|store| store.objects.values()).filter_map(|s| K::of(&s.object))
    }

    /// The objects of a kind in a namespace, by name.
    pub fn in_namespace<K: KindOf + 'static>(&self, namespace: &str) -> impl Iterator<Item = &Arc<K>> {
        self.objects_in(K::KIND, namespace).filter_map(K::of)
    }

    /// The objects of a kind in a namespace, by name.
    pub fn objects_in(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Object> {
        let namespace: Arc<str> = namespace.into();
        let from: Key = (namespace.clone(), "".into());
        self.stores
            .get(&kind)
            .into_iter()
            .flat_map(move |store| store.objects.range(from.clone()..))
            .take_while(move |((ns, _), _)| *ns == namespace)
            .map(|(_, stored)| &stored.object)
    }

    /// The objects that an index finds, of any kind. Nothing is found in a cache without indexes.
    pub fn find(&self, index: Index, value: &str) -> impl Iterator<Item = &Object> {
        self.indexes.iter().flat_map(move |indexes| indexes.find(index, value))
    }

    /// The pods that an object controls, counted by their labels. Nothing is counted in a cache without indexes.
    pub fn tallies(&self, controller: &Uid) -> impl Iterator<Item = (&VecMap<String, String>, &Tally)> {
        self.indexes.iter().flat_map(move |indexes| indexes.tallies(controller))
    }

    /// The objects of a kind that an index finds.
    pub fn find_as<K: KindOf + 'static>(&self, index: Index, value: &str) -> impl Iterator<Item = &Arc<K>> {
        self.find(index, value).filter_map(K::of)
    }

    /// The objects of a kind that have the owner as their controller.
    pub fn controlled_by<K: KindOf + 'static>(&self, owner: &Uid) -> impl Iterator<Item = &Arc<K>> {
        let uid = owner.clone();
        self.find_as::<K>(Index::Owner, &owner.0).filter(move |o| o.meta().controller().is_some_and(|c| c.uid == uid))
    }

    /// The pods of a namespace with all of these labels; none for no labels.
    pub fn pods_with(&self, namespace: &str, labels: &VecMap<String, String>) -> Vec<&Arc<crate::api::Pod>> {
        let Some((key, value)) = labels.iter().next() else { return Vec::new() };
        self.find_as::<crate::api::Pod>(Index::Label, &format!("{namespace}/{key}={value}"))
            .filter(|pod| labels.iter().all(|(key, value)| pod.metadata.labels.get(key) == Some(value)))
            .collect()
    }

    /// The objects of a kind in a namespace that a selector chooses and nothing controls.
    pub fn orphans<'a, K: KindOf + 'static>(
        &'a self,
        namespace: &str,
        selector: &'a LabelSelector,
    ) -> impl Iterator<Item = &'a Arc<K>> {
        self.find_as::<K>(Index::Orphan, namespace).filter(move |o| selector::matches(selector, &o.meta().labels))
    }

    /// Takes one reported change in; `None` if it is older than what is known.
    pub fn apply(&mut self, event: WatchEventType, object: Object, now: Time) -> Option<Change> {
        let store = self.stores.entry(object.kind()).or_default();
        let meta = object.meta();
        let name = &(meta.namespace.as_str(), meta.name.as_str()) as &dyn Named;
        let old = store.objects.get(name).map(|stored| stored.object.clone());
        if let Some(old) = &old {
            let (then, now) = (old.meta().resource_version, object.meta().resource_version);
            if event != WatchEventType::Deleted && then.is_some() && then >= now && old.uid() == object.uid() {
                return None;
            }
        }
        let gone = event == WatchEventType::Deleted;
        if let Some(indexes) = &mut self.indexes {
            indexes.update(old.as_ref(), (!gone).then_some(&object));
        }
        if gone {
            old.as_ref()?;
            store.objects.remove(name);
            return Some(Change { event, old, new: object });
        }
        let stored = Stored { object: object.clone(), seen: now };
        match store.objects.get_mut(name) {
            Some(known) => *known = stored,
            None => _ = store.objects.insert(key_of(&object.reference()), stored),
        }
        let event = if old.is_some() { WatchEventType::Modified } else { WatchEventType::Added };
        Some(Change { event, old, new: object })
    }

    /// Takes a whole list in; what is missing in it is gone.
    pub fn replace(&mut self, kind: Kind, objects: Vec<Object>, revision: ResourceVersion, now: Time) -> Vec<Change> {
        let listed: crate::sim::VecSet<Key> = objects.iter().map(|object| key_of(&object.reference())).collect();
        let gone: Vec<Object> = self.stores.get(&kind).map_or_else(Vec::new, |store| {
            let missing = store.objects.iter().filter(|(key, _)| !listed.contains::<Key>(key));
            missing.map(|(_, stored)| stored.object.clone()).collect()
        });
        let mut changes: Vec<Change> =
            gone.into_iter().filter_map(|object| self.apply(WatchEventType::Deleted, object, now)).collect();
        changes.extend(objects.into_iter().filter_map(|object| self.apply(WatchEventType::Added, object, now)));
        self.told_up_to(kind, revision);
        changes
    }

    /// A kind is there no more, and its objects with it.
    pub fn forget(&mut self, kind: Kind, now: Time) {
        self.replace(kind, Vec::new(), ResourceVersion(0), now);
        self.stores.remove(&kind);
    }

    /// Everything of a kind up to `revision` has been seen.
    pub fn told_up_to(&mut self, kind: Kind, revision: ResourceVersion) {
        let known = &mut self.stores.entry(kind).or_default().revision;
        *known = (*known).max(Some(revision));
    }
}

fn key_of(of: &ObjectRef) -> Key {
    (of.namespace.clone(), of.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Pod;
    use serde_json::json;

    fn pod(name: &str, node: &str, revision: u64) -> Object {
        let value = json!({
            "metadata": {"name": name, "namespace": "default", "uid": name, "resourceVersion": revision.to_string(),
                "labels": {"app": "web"}, "ownerReferences":
                [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "u1", "controller": true}]},
            "spec": {"containers": [], "nodeName": node},
        });
        Object::from_value(Kind::Pod, value).expect("well-formed")
    }

    fn names(pods: Vec<&Arc<Pod>>) -> Vec<String> {
        pods.into_iter().map(|pod| pod.metadata.name.clone()).collect()
    }

    #[test]
    fn indexes_follow_every_change() {
        let mut cache = Cache::indexed();
        cache.apply(WatchEventType::Added, pod("a", "", 1), Time(0));
        cache.apply(WatchEventType::Added, pod("b", "n1", 2), Time(0));
        assert_eq!(names(cache.controlled_by::<Pod>(&Uid("u1".into())).collect()), ["a", "b"]);
        assert_eq!(names(cache.find_as::<Pod>(Index::Node, "n1").collect()), ["b"]);
        cache.apply(WatchEventType::Modified, pod("a", "n1", 3), Time(1));
        assert_eq!(names(cache.find_as::<Pod>(Index::Node, "n1").collect()), ["a", "b"]);
        let labels = [("app".to_owned(), "web".to_owned())].into();
        assert_eq!(names(cache.pods_with("default", &labels)), ["a", "b"]);
        cache.apply(WatchEventType::Deleted, pod("a", "n1", 4), Time(2));
        assert_eq!(names(cache.find_as::<Pod>(Index::Node, "n1").collect()), ["b"]);
    }

    #[test]
    fn an_older_state_does_not_replace_a_newer_one() {
        let mut cache = Cache::indexed();
        cache.apply(WatchEventType::Added, pod("a", "n1", 5), Time(0));
        assert_eq!(cache.apply(WatchEventType::Modified, pod("a", "", 4), Time(1)), None);
    }

    #[test]
    fn a_list_tells_what_is_gone() {
        let mut cache = Cache::indexed();
        cache.apply(WatchEventType::Added, pod("a", "", 1), Time(0));
        cache.apply(WatchEventType::Added, pod("b", "", 2), Time(0));
        let changes = cache.replace(Kind::Pod, vec![pod("b", "", 2), pod("c", "", 7)], ResourceVersion(9), Time(3));
        let told: Vec<(WatchEventType, &str)> = changes.iter().map(|c| (c.event, c.new.meta().name.as_str())).collect();
        assert_eq!(told, [(WatchEventType::Deleted, "a"), (WatchEventType::Added, "c")]);
        assert_eq!(cache.revision(Kind::Pod), Some(ResourceVersion(9)));
    }
}
