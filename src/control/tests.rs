//! The control plane as a whole: API server and etcd, controller-manager and scheduler, with nodes that do at once what they
//! are told. Every message takes a millisecond.

mod accounts;
mod autoscaling;
mod lifecycle;
mod nodes;
mod policy;
mod services;
mod workloads;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{
    Answer, Body, CallId, Deployment, Event, Kind, KindOf, Object, PatchType, Pod, ReplicaSet, Request, Response,
    Subresource, Timestamp, Verb,
};
use crate::control::apiserver::{ApiServer, ClientId, Config, Effect, Input, StoredValue};
use crate::control::{Calendar, CallIds, Informers, Manager, Scheduler, Setup};
use crate::etcd::{self, Member, MemberConfig};
use crate::sim::{Component, EventQueue, Out, Rng, Span, Time, VecMap};

const LATENCY: Span = Span::millis(1);
const EPOCH: Timestamp = Timestamp(1_767_225_600);

/// Who a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Manager = 1,
    Scheduler = 2,
    Nodes = 3,
    Test = 4,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // They live for a moment, in a test.
enum Message {
    ToServer(Client, CallId, Request),
    Answer(Client, Answer),
}

/// A control plane.
pub(super) struct World {
    server: ApiServer,
    member: Member<StoredValue>,
    pub manager: Manager,
    pub scheduler: Scheduler,
    nodes: Informers,
    node_ids: CallIds,
    messages: EventQueue<Message>,
    pub now: Time,
    /// Requests by controllers and the scheduler, by verb and kind.
    pub calls: VecMap<String, u64>,
    answers: Vec<Answer>,
    next: u64,
    /// Nodes whose kubelet lives.
    pub alive: Vec<String>,
    renewed: Time,
    addresses: u32,
    /// Whether pods become ready.
    pub ready: bool,
    /// What a metrics-server says that each ready pod uses, in thousandths of a core.
    pub usage: i64,
}

impl World {
    /// A control plane with so many nodes, settled.
    pub fn new(nodes: u32) -> World {
        let calendar = Calendar::new(EPOCH);
        let mut world = World {
            server: ApiServer::new(Config { epoch: EPOCH, ..Config::default() }),
            member: Member::new(MemberConfig::default()),
            manager: Manager::new(&Setup::new(calendar)),
            scheduler: Scheduler::new(calendar, "master1", Rng::stream(7, "scheduler")),
            nodes: Informers::new([Kind::Pod]),
            node_ids: CallIds::default(),
            messages: EventQueue::default(),
            now: Time::ZERO,
            calls: VecMap::new(),
            answers: Vec::new(),
            next: 0,
            alive: Vec::new(),
            renewed: Time::ZERO,
            addresses: 0,
            ready: true,
            usage: 0,
        };
        let mut out = Out::default();
        world.server.wake(Time::ZERO, &mut out);
        world.serve(out);
        for index in 1..=nodes {
            world.join(&format!("node{index}"));
        }
        world.run(Span::secs(2));
        world
    }

    /// A node joins.
    pub fn join(&mut self, name: &str) {
        let now = Calendar::new(EPOCH).timestamp(self.now);
        let node = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {
                "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}],
            },
        });
        self.make(Kind::Node, node.clone());
        let mut status = Request::update_status(Object::from_value(Kind::Node, node).expect("well-formed"));
        if let Body::Object(object) = &mut status.body {
            object.meta_mut().resource_version = None;
        }
        self.call(status);
        let lease =
            json!({"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": {"holderIdentity": name}});
        self.make(Kind::Lease, lease);
        self.alive.push(name.to_owned());
    }

    /// Creates an object.
    pub fn make(&mut self, kind: Kind, value: Value) -> Object {
        let object = Object::from_value(kind, value).expect("well-formed");
        match self.call(Request::create(object)) {
            Response::Object(object) => object,
            other => panic!("not created: {other:?}"),
        }
    }

    /// Makes a request at once and answers its response.
    pub fn call(&mut self, request: Request) -> Response {
        self.next += 1;
        let id = CallId(self.next);
        self.send(Client::Test, id, request);
        let found = self.answers.iter().rev().find_map(|answer| match answer {
            Answer::Response { id: of, response } if *of == id => Some(response.clone()),
            _ => None,
        });
        found.expect("every call is answered")
    }

    /// A strategic merge patch.
    pub fn patch(&mut self, kind: Kind, name: &str, patch: Value) {
        let namespace = if kind.info().namespaced { "default" } else { "" };
        let mut request = Request::new(Verb::Patch(PatchType::Strategic), kind, namespace, name);
        request.body = Body::Value(patch.into());
        assert!(!matches!(self.call(request), Response::Failure(_)));
    }

    /// Deletes an object, with the propagation policy that kubectl sends.
    pub fn delete(&mut self, kind: Kind, name: &str) {
        let namespace = if kind.info().namespaced { "default" } else { "" };
        let mut request = Request::delete(kind, namespace, name);
        request.options.propagation_policy = "Background".into();
        let response = self.call(request);
        assert!(!matches!(response, Response::Failure(_)), "{response:?}");
    }

    /// All objects of a kind, from the API server.
    pub fn list<K: KindOf>(&mut self) -> Vec<Arc<K>> {
        match self.call(Request::new(Verb::List, K::KIND, "", "")) {
            Response::List(objects, _) => objects.iter().filter_map(|o| K::of(o).cloned()).collect(),
            other => panic!("not a list: {other:?}"),
        }
    }

    pub fn deployment(&mut self, name: &str) -> Arc<Deployment> {
        self.list::<Deployment>().into_iter().find(|d| d.metadata.name == name).expect("the deployment is there")
    }

    /// `name replicas ready` of every ReplicaSet that has pods or is to have some.
    pub fn sets(&mut self) -> Vec<(i32, i32)> {
        let sets = self.list::<ReplicaSet>();
        sets.iter().filter(|s| s.spec.replicas > 0).map(|s| (s.spec.replicas, s.status.ready_replicas)).collect()
    }

    pub fn pods(&mut self) -> Vec<Arc<Pod>> {
        self.list::<Pod>()
    }

    /// `reason message` of every event about objects of a kind, oldest first.
    pub fn events(&mut self, kind: &str) -> Vec<String> {
        let mut events: Vec<Arc<Event>> = self.list::<Event>();
        events.retain(|event| event.involved_object.kind == kind);
        events.sort_by_key(|event| event.metadata.resource_version);
        events.iter().map(|event| format!("{} {}", event.reason, event.message)).collect()
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            let wakes = [
                self.manager.wake_at().map(|wake| wake.at),
                self.scheduler.wake_at().map(|wake| wake.at),
                self.server.wake_at().map(|wake| wake.at),
                self.nodes.wake_at().map(|(at, _)| at),
                self.messages.next_at(),
                Some(self.renewed + Span::secs(10)),
            ];
            let at = wakes.into_iter().flatten().min().expect("leases are always renewed").max(self.now);
            if at > end {
                self.now = end;
                return;
            }
            self.now = at;
            self.step();
        }
    }

    fn step(&mut self) {
        if self.messages.next_at().is_some_and(|at| at <= self.now) {
            let (_, message) = self.messages.pop().expect("a message is due");
            return self.deliver(message);
        }
        if self.renewed + Span::secs(10) <= self.now {
            self.renew();
        }
        let mut out = Out::default();
        self.manager.wake(self.now, &mut out);
        self.calls_of(Client::Manager, out);
        let mut out = Out::default();
        self.scheduler.wake(self.now, &mut out);
        self.calls_of(Client::Scheduler, out);
        for (id, request) in self.nodes.wake(self.now, &mut self.node_ids) {
            self.messages.push(self.now + LATENCY, Message::ToServer(Client::Nodes, id, request));
        }
        let mut out = Out::default();
        self.server.wake(self.now, &mut out);
        self.serve(out);
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::ToServer(client, id, request) => self.send(client, id, request),
            Message::Answer(Client::Test, answer) => self.answers.push(answer),
            Message::Answer(Client::Manager, answer) => {
                let mut out = Out::default();
                self.manager.handle(answer, self.now, &mut out);
                self.calls_of(Client::Manager, out);
            }
            Message::Answer(Client::Scheduler, answer) => {
                let mut out = Out::default();
                self.scheduler.handle(answer, self.now, &mut out);
                self.calls_of(Client::Scheduler, out);
            }
            Message::Answer(Client::Nodes, answer) => self.kubelets(&answer),
        }
    }

    fn calls_of(&mut self, client: Client, mut out: Out<crate::api::Call>) {
        for call in out.take() {
            let verb = format!("{:?} {}", call.request.verb, call.request.kind);
            *self.calls.entry(verb).or_default() += 1;
            self.messages.push(self.now + LATENCY, Message::ToServer(client, call.id, call.request));
        }
    }

    fn send(&mut self, client: Client, id: CallId, request: Request) {
        let mut out = Out::default();
        let input = Input::Request { client: ClientId(client as u32), id, user_agent: "test".into(), request };
        self.server.handle(input, self.now, &mut out);
        self.serve(out);
    }

    /// Does what the server wants, until it wants nothing.
    fn serve(&mut self, mut out: Out<Effect>) {
        loop {
            let effects = out.take();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Etcd { id, op } => {
                        let mut replies = Out::default();
                        let input = etcd::Input::Request { client: etcd::ClientId(1), id, op };
                        self.member.handle(input, self.now, &mut replies);
                        for reply in replies.take() {
                            self.server.handle(Input::Etcd(reply), self.now, &mut out);
                        }
                    }
                    Effect::Answer { client, answer } => self.answer(client, answer),
                    Effect::Forward { id, request, .. } => {
                        let response = autoscaling::metrics(self, &request);
                        self.server.handle(Input::Forwarded { id, response }, self.now, &mut out);
                    }
                    _ => {}
                }
            }
        }
    }

    fn answer(&mut self, client: ClientId, answer: Answer) {
        let client = match client.0 {
            1 => Client::Manager,
            2 => Client::Scheduler,
            3 => Client::Nodes,
            _ => return self.answers.push(answer),
        };
        self.messages.push(self.now + LATENCY, Message::Answer(client, answer));
    }

    /// The living kubelets renew their leases.
    fn renew(&mut self) {
        self.renewed = self.now;
        let now = Calendar::new(EPOCH).micros(self.now);
        for node in self.alive.clone() {
            let mut request = Request::new(Verb::Patch(PatchType::Merge), Kind::Lease, "kube-node-lease", &node);
            request.body = Body::Value(json!({"spec": {"renewTime": now}}).into());
            self.call(request);
        }
    }

    /// What kubelets do about pods: run those that came, end those that are to go.
    fn kubelets(&mut self, answer: &Answer) {
        let Some(told) = self.nodes.handle(answer, self.now, &mut self.node_ids) else { return };
        for (id, request) in told.calls {
            self.messages.push(self.now + LATENCY, Message::ToServer(Client::Nodes, id, request));
        }
        for change in told.changes.iter().filter(|change| !change.deleted()) {
            let Some(pod) = change.new_as::<Pod>() else { continue };
            if self.alive.contains(&pod.spec.node_name) {
                self.kubelet(pod);
            }
        }
    }

    fn kubelet(&mut self, pod: &Arc<Pod>) {
        let meta = &pod.metadata;
        if meta.deletion_timestamp.is_some() {
            let mut request = Request::delete(Kind::Pod, &meta.namespace, &meta.name);
            request.options.grace_period_seconds = Some(0);
            request.options.precondition_uid = Some(meta.uid.clone());
            let id = self.node_ids.next();
            self.messages.push(self.now + Span::millis(200), Message::ToServer(Client::Nodes, id, request));
        } else if pod.status.pod_ip.is_empty() {
            self.addresses += 1;
            let ip = format!("10.244.{}.{}", self.addresses / 250, self.addresses % 250 + 2);
            let now = Calendar::new(EPOCH).timestamp(self.now);
            let ready = if self.ready { "True" } else { "False" };
            let patch = json!({"status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "startTime": now,
                "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": now}]}});
            let mut request = Request::new(Verb::Patch(PatchType::Strategic), Kind::Pod, &meta.namespace, &meta.name);
            request.subresource = Some(Subresource::Status);
            request.body = Body::Value(patch.into());
            let id = self.node_ids.next();
            self.messages.push(self.now + Span::millis(200), Message::ToServer(Client::Nodes, id, request));
        }
    }
}

/// A Deployment of nginx.
pub(super) fn web(replicas: i32) -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "nginx", "image": "nginx:1.25", "ports": [{"name": "http", "containerPort": 80}]}]},
        }},
    })
}

/// The patch that gives the Deployment another image.
pub(super) fn image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": image}]}}}})
}
