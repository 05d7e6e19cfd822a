//! The kubelet as a client of the API server: lists, watches, calls under way and those to be tried again.
//! Models `pkg/kubelet/config/apiserver.go` and client-go's reflector.

use std::sync::Arc;

use crate::api::{
    Answer, Call, CallId, Kind, Object, ObjectRef, Options, Origin, Request, ResourceVersion, Response, Status, Uid,
    Verb, WatchEvent, WatchEventType,
};
use crate::node::kubelet::statics::is_mirror;
use crate::node::kubelet::worker::Worker;
use crate::node::kubelet::{Effect, Kubelet, Reason};
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
    /// All pods of this node, or all services.
    List(Kind),
    /// Changes from then on.
    Watch(Kind),
    /// A pod's status is written.
    PodStatus(Uid),
    /// A pod that has ended is removed.
    PodDelete(Uid),
    /// A mirror pod is made, by namespace and name; or the one with this uid is deleted.
    Mirror((String, String), Option<Uid>),
    /// A ConfigMap or Secret for a pod.
    Fetch(Uid, ObjectRef),
    /// An event.
    Event,
}

/// The calls under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Calls {
    next: u64,
    pending: VecMap<CallId, Purpose>,
    retries: VecMap<(Time, u64), Kind>,
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
        out.push(Effect::Call(Call { id, request, origin }));
        id
    }

    /// Whether a mirror pod is being made or deleted.
    pub(super) fn is_mirroring(&self, name: &(String, String)) -> bool {
        self.calls.pending.values().any(|purpose| matches!(purpose, Purpose::Mirror(of, _) if of == name))
    }

    /// Lists what it then watches.
    pub(super) fn list(&mut self, kind: Kind, out: &mut Out<Effect>) {
        let mut request = Request::new(Verb::List, kind, "", "");
        request.options = self.selection(kind);
        self.call(Purpose::List(kind), request, None, out);
    }

    fn selection(&self, kind: Kind) -> Options {
        match kind {
            Kind::Pod => {
                Options { field_selector: format!("spec.nodeName={}", self.config.node), ..Options::default() }
            }
            _ => Options::default(),
        }
    }

    fn watch(&mut self, kind: Kind, from: ResourceVersion, out: &mut Out<Effect>) {
        let mut request = Request::new(Verb::Watch, kind, "", "");
        request.options = Options { resource_version: Some(from), ..self.selection(kind) };
        self.call(Purpose::Watch(kind), request, None, out);
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
                if let Some(Purpose::Watch(kind)) = self.calls.pending.get(&id).cloned() {
                    for event in events.iter() {
                        self.watched(kind, event, now, out);
                    }
                }
            }
            Answer::WatchClosed { id, .. } => {
                if let Some(Purpose::Watch(kind)) = self.calls.pending.remove(&id) {
                    self.retry(kind, now);
                }
            }
        }
    }

    fn responded(&mut self, purpose: Purpose, id: CallId, response: Response, now: Time, out: &mut Out<Effect>) {
        if matches!(purpose, Purpose::Register | Purpose::NodeKnown | Purpose::NodeRead | Purpose::NodeStatus) {
            self.node_is(&response, out);
        }
        match (purpose, response) {
            (Purpose::List(kind), Response::List(objects, version)) => {
                self.listed(kind, &objects, now, out);
                self.watch(kind, version, out);
            }
            (Purpose::Watch(_), Response::Watching) => {}
            (Purpose::List(kind) | Purpose::Watch(kind), _) => self.retry(kind, now),
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

    /// Lists a kind again in a second.
    fn retry(&mut self, kind: Kind, now: Time) {
        self.calls.next += 1;
        let at = now + Span::secs(1);
        self.calls.retries.insert((at, self.calls.next), kind);
    }

    pub(super) fn retry_due(&mut self, now: Time, out: &mut Out<Effect>) {
        while let Some((&(at, _), _)) = self.calls.retries.first_key_value() {
            if at > now {
                break;
            }
            if let Some((_, kind)) = self.calls.retries.pop_first() {
                self.list(kind, out);
            }
        }
    }

    pub(super) fn retry_wake(&self) -> Option<Wake<Reason>> {
        self.calls.retries.first_key_value().map(|((at, _), _)| Wake { at: *at, why: Reason::Retry })
    }

    /// A whole list: what is not in it any more is gone.
    fn listed(&mut self, kind: Kind, objects: &[Object], now: Time, out: &mut Out<Effect>) {
        match kind {
            Kind::Pod => {
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

    fn watched(&mut self, kind: Kind, event: &WatchEvent, now: Time, out: &mut Out<Effect>) {
        let gone = event.event == WatchEventType::Deleted;
        match (kind, event.object.get::<crate::api::Pod>()) {
            (Kind::Pod, Some(pod)) if is_mirror(pod) && gone => self.mirror_removed(pod, out),
            (Kind::Pod, Some(pod)) if is_mirror(pod) => self.mirror_updated(pod, now, out),
            (Kind::Pod, Some(pod)) if gone => {
                let uid = pod.metadata.uid.clone();
                self.pod_removed(&uid, now, out);
            }
            (Kind::Pod, Some(pod)) => {
                self.pod_updated(pod.clone(), now, out);
            }
            _ => self.service_changed(&event.object, gone),
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
