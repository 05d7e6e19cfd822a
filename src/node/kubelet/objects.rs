//! The ConfigMaps and Secrets that pods of the node use: each is listed once and then watched, for as long as a pod here uses
//! it. Models `pkg/kubelet/util/manager/watch_based_manager.go`.
//!
//! Differs: one that could not be listed is at once what upstream calls it after waiting for a second.

use std::sync::Arc;

use crate::api::{
    ConfigMap, Kind, Object, ObjectRef, Pod, Request, ResourceVersion, Response, Secret, Status, Uid, Verb, WatchEvent,
    WatchEventType,
};
use crate::node::kubelet::api::Target;
use crate::node::kubelet::{Effect, Kubelet, env, volume};
use crate::sim::{Out, Time, VecMap, VecSet};

/// An object as last told, or why it is not there.
pub type Told = Result<Object, Arc<Status>>;

/// One object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Item {
    /// The pods that use it.
    users: VecSet<Uid>,
    /// `None` until it was listed.
    told: Option<Told>,
}

/// The objects that pods of the node use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Objects(VecMap<ObjectRef, Item>);

impl Objects {
    /// The object, if it was listed.
    pub fn get(&self, key: &ObjectRef) -> Option<&Told> {
        self.0.get(key)?.told.as_ref()
    }

    /// Whether a pod uses it.
    pub fn is_used(&self, key: &ObjectRef) -> bool {
        self.0.contains_key(key)
    }
}

impl Kubelet {
    /// A pod is new here or has changed: what it uses is listed and watched. The pods of files use nothing.
    pub(super) fn register_objects(&mut self, uid: &Uid, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let about = worker.reference();
        let used = if worker.is_static { VecSet::new() } else { used_by(&worker.pod) };
        let unused = |key: &ObjectRef, item: &Item| item.users.contains(uid) && !used.contains(key);
        let unused: Vec<ObjectRef> =
            self.objects.0.iter().filter(|(key, item)| unused(key, item)).map(|(key, _)| key.clone()).collect();
        for key in used {
            let is_new = !self.objects.is_used(&key);
            self.objects.0.entry(key.clone()).or_default().users.insert(uid.clone());
            if is_new {
                self.list_target(Target::One(key), Some(about.clone()), out);
            }
        }
        self.release_objects(uid, unused, out);
    }

    /// A pod is gone: what nobody else here uses is no longer watched.
    pub(super) fn unregister_objects(&mut self, uid: &Uid, out: &mut Out<Effect>) {
        let used: Vec<ObjectRef> =
            (self.objects.0.iter()).filter(|(_, item)| item.users.contains(uid)).map(|(key, _)| key.clone()).collect();
        self.release_objects(uid, used, out);
    }

    fn release_objects(&mut self, uid: &Uid, keys: Vec<ObjectRef>, out: &mut Out<Effect>) {
        for key in keys {
            let Some(item) = self.objects.0.get_mut(&key) else { continue };
            item.users.remove(uid);
            if item.users.is_empty() {
                self.objects.0.remove(&key);
                self.end_target(&Target::One(key), out);
            }
        }
    }

    /// An object was listed: it is there or it is not; then it is watched, unless it can never change.
    pub(super) fn object_listed(&mut self, key: ObjectRef, response: Response, now: Time, out: &mut Out<Effect>) {
        let (told, version) = match response {
            Response::List(objects, version) => match objects.into_iter().next() {
                Some(object) => (Ok(object), Some(version)),
                None => (Err(Arc::new(not_found(&key))), Some(version)),
            },
            _ => (Err(Arc::new(timed_out(&key))), None),
        };
        let for_good = told.as_ref().is_ok_and(is_immutable);
        let Some(item) = self.objects.0.get_mut(&key) else { return };
        // What was once seen holds until the server says otherwise.
        if version.is_some() || !matches!(item.told, Some(Ok(_))) {
            item.told = Some(told.clone());
        }
        let users: Vec<Uid> = item.users.iter().cloned().collect();
        match version {
            None => self.retry(Target::One(key.clone()), now),
            Some(_) if for_good => {}
            Some(version) => self.watch(Target::One(key.clone()), version, out),
        }
        for uid in users {
            self.fetched(&uid, &key, told.clone(), now, out);
        }
    }

    /// A watched object changed. Nothing hurries: the pods see it when they are next synced.
    pub(super) fn object_changed(&mut self, key: &ObjectRef, event: &WatchEvent) {
        let Some(item) = self.objects.0.get_mut(key) else { return };
        item.told = Some(match event.event {
            WatchEventType::Deleted => Err(Arc::new(not_found(key))),
            _ => Ok(event.object.clone()),
        });
    }
}

/// The ConfigMaps and Secrets that the volumes and the environment of a pod name.
fn used_by(pod: &Pod) -> VecSet<ObjectRef> {
    let volumes = volume::objects(pod).map(|need| need.object);
    let spec = &pod.spec;
    let ephemeral = pod.spec.ephemeral_containers.iter();
    let containers = spec.init_containers.iter().chain(&spec.containers).chain(ephemeral);
    volumes.chain(containers.flat_map(|container| env::needs(pod, container))).collect()
}

/// The request that finds one object in a list, and no other.
pub(super) fn only(key: &ObjectRef, verb: Verb, from: Option<ResourceVersion>) -> Request {
    let mut request = Request::new(verb, key.kind, &key.namespace, "");
    request.options.field_selector = format!("metadata.name={}", key.name);
    request.options.resource_version = from;
    request
}

fn is_immutable(object: &Object) -> bool {
    match object.kind() {
        Kind::Secret => object.get::<Secret>().is_some_and(|secret| secret.immutable == Some(true)),
        _ => object.get::<ConfigMap>().is_some_and(|map| map.immutable == Some(true)),
    }
}

/// What it is called in messages.
fn word(key: &ObjectRef) -> &'static str {
    if key.kind == Kind::Secret { "secret" } else { "configmap" }
}

/// `configmap "nope" not found`, as the kubelet words it.
pub fn not_found(key: &ObjectRef) -> Status {
    Status { message: format!("{} {:?} not found", word(key), &*key.name), ..Status::not_found(key.kind, &key.name) }
}

/// It could not be listed.
fn timed_out(key: &ObjectRef) -> Status {
    let message = format!("failed to sync {} cache: timed out waiting for the condition", word(key));
    Status { message, ..Status::not_found(key.kind, &key.name) }
}
