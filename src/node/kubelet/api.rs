//! The kubelet as a client of the API server: lists, watches, calls under way and those to be tried again.
//! Models `pkg/kubelet/config/apiserver.go` and client-go's reflector.

use std::sync::Arc;

use crate::api::{
    Answer, Call, CallId, Kind, Object, ObjectRef, Origin, Request, ResourceVersion, Response, Status, Uid, Verb,
    WatchEvent, WatchEventType,
};
use crate::node::kubelet::statics::is_mirror;
use crate::node::kubelet::worker::Worker;
use crate::node::kubelet::{Effect, Kubelet, Reason, objects};
use crate::sim::{Out, Span, Time, VecMap, Wake};

/// What a call is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The node is created or read.
    Register,
    /// The node's status is written.
    NodeStatus,
    /// The node was there already: it is read, to see what it was like.
    NodeKnown,
    /// The node is read, to see whether somebody else wrote its status.
    NodeRead,
    /// The lease is created or renewed.
    Lease,
    /// All there is.
    List(Target),
    /// Changes from then on.
    Watch(Target),
    /// A pod's status is written.
    PodStatus(Uid),
    /// A pod that has ended is removed.
    PodDelete(Uid),
    /// A mirror pod is made, by namespace and name; or the one with this uid is deleted.
    Mirror((String, String), Option<Uid>),
    /// A claim or its volume for a pod.
    Fetch(Uid, ObjectRef),
    /// An event.
    Event,
}

/// What is listed and then watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The pods of this node.
    Pods,
    /// All services.
    Services,
    /// A ConfigMap or Secret that a pod uses.
    One(ObjectRef),
}

/// The calls under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Calls {
    next: u64,
    pending: VecMap<CallId, Purpose>,
    retries: VecMap<(Time, u64), Target>,
}

impl Kubelet {
    /// Calls the API server; `about` is the object on whose behalf.
    pub(super) fn call(
        &mut self,
        purpose: Purpose,
        request: Request,
        about: Option<ObjectRef>,
        out: &mut Out<Effect>,
    ) -> CallId {
        self.calls.next += 1;
        let id = CallId(self.calls.next);
        self.calls.pending.insert(id, purpose);
        let origin = about.map(|key| Origin { controller: "kubelet", key });
        out.push(Effect::Call(Box::new(Call { id, request, origin })));
        id
    }

    /// Whether a mirror pod is being made or deleted.
    pub(super) fn is_mirroring(&self, name: &(String, String)) -> bool {
        self.calls.pending.values().any(|purpose| matches!(purpose, Purpose::Mirror(of, _) if of == name))
    }

    /// Lists what it then watches.
    pub(super) fn list(&mut self, target: Target, out: &mut Out<Effect>) {
        self.list_target(target, None, out);
    }

    /// Lists what it then watches, on behalf of `about`.
    pub(super) fn list_target(&mut self, target: Target, about: Option<ObjectRef>, out: &mut Out<Effect>) {
        let request = self.selection(&target, Verb::List, None);
        self.call(Purpose::List(target), request, about, out);
    }

    pub(super) fn watch(&mut self, target: Target, from: ResourceVersion, out: &mut Out<Effect>) {
        let request = self.selection(&target, Verb::Watch, Some(from));
        self.call(Purpose::Watch(target), request, None, out);
    }

    /// Lists and watches a target no more.
    pub(super) fn end_target(&mut self, target: &Target, out: &mut Out<Effect>) {
        self.calls.retries.retain(|_, waiting| waiting != target);
        let is_of_target =
            |purpose: &Purpose| matches!(purpose, Purpose::List(of) | Purpose::Watch(of) if of == target);
        let ended: Vec<CallId> =
            self.calls.pending.iter().filter(|(_, purpose)| is_of_target(purpose)).map(|(id, _)| *id).collect();
        for id in ended {
            self.calls.pending.remove(&id);
            out.push(Effect::Cancel(id));
        }
    }

    fn selection(&self, target: &Target, verb: Verb, from: Option<ResourceVersion>) -> Request {
        let mut request = match target {
            Target::One(key) => return objects::only(key, verb, from),
            Target::Services => Request::new(verb, Kind::Service, "", ""),
            Target::Pods => Request::new(verb, Kind::Pod, "", ""),
        };
        if *target == Target::Pods {
            request.options.field_selector = format!("spec.nodeName={}", self.config.node);
        }
        request.options.resource_version = from;
        request
    }

    pub(super) fn answered(&mut self, answer: Answer, now: Time, out: &mut Out<Effect>) {
        match answer {
            Answer::Response { id, response } => {
                let Some(purpose) = self.calls.pending.get(&id).cloned() else { return };
                if response != Response::Watching {
                    self.calls.pending.remove(&id);
                }
                self.responded(purpose, id, response, now, out);
            }
            Answer::Events { id, events, .. } => {
                if let Some(Purpose::Watch(target)) = self.calls.pending.get(&id).cloned() {
                    for event in events.iter() {
                        self.watched(&target, event, now, out);
                    }
                }
            }
            Answer::WatchClosed { id, .. } => {
                if let Some(Purpose::Watch(target)) = self.calls.pending.remove(&id) {
                    self.retry(target, now);
                }
            }
        }
    }

    fn responded(&mut self, purpose: Purpose, id: CallId, response: Response, now: Time, out: &mut Out<Effect>) {
        if matches!(purpose, Purpose::Register | Purpose::NodeKnown | Purpose::NodeRead | Purpose::NodeStatus) {
            self.node_is(&response, out);
        }
        match (purpose, response) {
            (Purpose::List(Target::One(key)), response) => self.object_listed(key, response, now, out),
            (Purpose::List(target), Response::List(objects, version)) => {
                self.listed(&target, &objects, now, out);
                self.watch(target, version, out);
            }
            (Purpose::Watch(_), Response::Watching) => {}
            (Purpose::List(target) | Purpose::Watch(target), _) => self.retry(target, now),
            (Purpose::Register, response) => self.registered(response, now, out),
            (Purpose::NodeStatus, response) => self.node_status_written(&response, now, out),
            (Purpose::NodeKnown, response) => self.node_known(&response, now, out),
            (Purpose::NodeRead, response) => self.node_read(&response, now, out),
            (Purpose::Lease, response) => self.lease_written(&response, now, out),
            (Purpose::PodStatus(uid), response) => self.pod_status_written(&uid, id, &response, now, out),
            (Purpose::PodDelete(uid), response) => self.pod_deleted(&uid, &response, now, out),
            (Purpose::Mirror(_, None), response) => self.mirror_made(&response, now, out),
            (Purpose::Mirror(name, Some(uid)), response) => self.mirror_deleted(&name, &uid, &response, now, out),
            (Purpose::Fetch(uid, key), response) => self.fetched(&uid, &key, to_result(response), now, out),
            (Purpose::Event, _) => {}
        }
    }

    /// Lists again in a second.
    pub(super) fn retry(&mut self, target: Target, now: Time) {
        self.calls.next += 1;
        let at = now + Span::secs(1);
        self.calls.retries.insert((at, self.calls.next), target);
    }

    pub(super) fn retry_due(&mut self, now: Time, out: &mut Out<Effect>) {
        while let Some((&(at, _), _)) = self.calls.retries.first_key_value() {
            if at > now {
                break;
            }
            if let Some((_, target)) = self.calls.retries.pop_first() {
                self.list(target, out);
            }
        }
    }

    pub(super) fn retry_wake(&self) -> Option<Wake<Reason>> {
        self.calls.retries.first_key_value().map(|((at, _), _)| Wake { at: *at, why: Reason::Retry })
    }

    /// A whole list: what is not in it any more is gone.
    fn listed(&mut self, target: &Target, objects: &[Object], now: Time, out: &mut Out<Effect>) {
        match target {
            Target::Pods => {
                let is_gone = |uid: &Uid, worker: &Worker| {
                    !worker.is_static && !objects.iter().any(|object| object.meta().uid == *uid)
                };
                let gone: Vec<Uid> =
                    self.workers.iter().filter(|(uid, w)| is_gone(uid, w)).map(|(uid, _)| uid.clone()).collect();
                for uid in gone {
                    self.pod_removed(&uid, now, out);
                }
                let pods = objects.iter().filter_map(|o| o.get::<crate::api::Pod>()).cloned();
                let (mirrors, pods): (Vec<_>, Vec<_>) = pods.partition(|pod| is_mirror(pod));
                for pod in pods {
                    self.pod_updated(pod, now, out);
                }
                self.pods_known = true;
                self.all_restored(now, out);
                self.mirrors_listed(mirrors, now, out);
                self.adopt(now, out);
            }
            _ => {
                self.services_known = true;
                self.services.clear();
                for object in objects {
                    self.service_changed(object, false);
                }
                self.wake_all_workers(now, out);
            }
        }
    }

    fn watched(&mut self, target: &Target, event: &WatchEvent, now: Time, out: &mut Out<Effect>) {
        let gone = event.event == WatchEventType::Deleted;
        match (target, event.object.get::<crate::api::Pod>()) {
            (Target::One(key), _) => self.object_changed(key, event),
            (Target::Pods, Some(pod)) if is_mirror(pod) && gone => self.mirror_removed(pod, out),
            (Target::Pods, Some(pod)) if is_mirror(pod) => self.mirror_updated(pod, now, out),
            (Target::Pods, Some(pod)) if gone => {
                let uid = pod.metadata.uid.clone();
                self.pod_removed(&uid, now, out);
            }
            (Target::Pods, Some(pod)) => {
                self.pod_updated(pod.clone(), now, out);
            }
            (Target::Services | Target::Pods, _) => self.service_changed(&event.object, gone),
        }
    }

    fn service_changed(&mut self, object: &Object, gone: bool) {
        let Some(service) = object.get::<crate::api::Service>() else { return };
        let key = (service.metadata.namespace.clone(), service.metadata.name.clone());
        if gone {
            self.services.remove(&key);
        } else {
            self.services.insert(key, service.clone());
        }
    }
}

/// An object, or why not.
fn to_result(response: Response) -> Result<Object, Arc<Status>> {
    match response {
        Response::Object(object) => Ok(object),
        Response::Failure(status) => Err(status),
        _ => Err(Arc::new(Status::bad_request("the server sent something that is no object"))),
    }
}
