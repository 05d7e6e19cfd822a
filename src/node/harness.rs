//! A kubelet and a runtime on one bench, for tests: the API server is a table of objects, CNI counts addresses up, nothing
//! takes time but what they do themselves.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;

use crate::api::http::Chunk;
use crate::api::{
    Answer, Body, Call, CallId, Event, Kind, KubeletAnswer, KubeletRequest, Object, ObjectRef, Pod, PodStatus, Request,
    ResourceVersion, Response, Status, Subresource, Timestamp, Uid, Verb, WatchEvent, WatchEventType,
};
use crate::node::kubelet::{self, Kubelet, NodeConfig};
use crate::node::runtime::{self, Runtime, Timing};
use crate::sim::{Component, Out, Span, Time, VecMap};

/// 2026-01-01T00:00:00Z.
pub const EPOCH: i64 = 1_767_225_600;

/// The bench.
pub struct Bench {
    /// The kubelet.
    pub kubelet: Kubelet,
    /// The runtime.
    pub runtime: Runtime,
    /// The time.
    pub now: Time,
    /// All objects.
    pub objects: VecMap<(Kind, String, String), Object>,
    /// What was answered to sessions.
    pub served: VecMap<u64, Vec<KubeletAnswer>>,
    /// What was printed by commands on the node.
    pub host: VecMap<u64, Vec<Chunk>>,
    /// Every status of every pod that was written: when, which, phase and what its containers wait for.
    pub history: Vec<(Time, String, PodStatus)>,
    /// Who watches a kind, or one object of it by name.
    watches: VecMap<(Kind, String), CallId>,
    version: u64,
    next_ip: u8,
}

impl Bench {
    /// A bench whose node is ready; image pulls take `pull`.
    pub fn new(pull: Span) -> Bench {
        let ip = Ipv4Addr::new(192, 168, 0, 11);
        let timing = Timing { pull, ..Timing::default() };
        let runtime = Runtime::new(
            runtime::Config { node: "worker1".into(), ip, epoch: EPOCH, timing, memory: runtime::Memory::default() },
            7,
        );
        let config = kubelet::Config {
            node: "worker1".into(),
            ip,
            epoch: EPOCH,
            info: NodeConfig::default(),
            cluster_dns: Some(Ipv4Addr::new(10, 96, 0, 10)),
            cluster_domain: "cluster.local".into(),
        };
        let mut bench = Bench {
            kubelet: Kubelet::new(config, 7),
            runtime,
            now: Time::ZERO,
            objects: VecMap::new(),
            served: VecMap::new(),
            host: VecMap::new(),
            history: Vec::new(),
            watches: VecMap::new(),
            version: 1,
            next_ip: 2,
        };
        bench.runtime_input(runtime::Input::NetworkReady(true));
        bench.kubelet_input(kubelet::Input::Start);
        bench
    }

    /// A pod from YAML, bound to the node.
    pub fn pod(&mut self, yaml: &str) {
        let value: Value = serde_yaml::from_str(yaml).expect("a test's YAML is well-formed");
        let mut object = Object::from_value(Kind::Pod, value).expect("a test's pod is well-formed");
        self.version += 1;
        let meta = object.meta_mut();
        meta.namespace = "default".into();
        meta.uid = Uid(format!("uid-{}", meta.name).into());
        meta.generation = 1;
        let mut pod = object.get::<Pod>().expect("it is a pod").as_ref().clone();
        let spec = Arc::make_mut(&mut pod.spec);
        spec.node_name = "worker1".into();
        for c in spec.containers.iter_mut().chain(&mut spec.init_containers) {
            if c.image_pull_policy.is_empty() {
                let latest = !c.image.contains(':') || c.image.ends_with(":latest");
                c.image_pull_policy = if latest { "Always".into() } else { "IfNotPresent".into() };
            }
        }
        self.put(pod.into(), WatchEventType::Added);
    }

    /// Deletes a pod as a user does.
    pub fn delete(&mut self, name: &str) {
        let mut pod = self.get(name).as_ref().clone();
        let grace = pod.spec.termination_grace_period_seconds;
        pod.metadata.deletion_timestamp =
            Some(Timestamp(EPOCH + i64::try_from(self.now.as_secs()).expect("small") + grace));
        pod.metadata.deletion_grace_period_seconds = Some(grace);
        self.put(pod.into(), WatchEventType::Modified);
    }

    /// Stores any object.
    pub fn put(&mut self, mut object: Object, event: WatchEventType) {
        self.version += 1;
        object.meta_mut().resource_version = Some(ResourceVersion(self.version));
        let meta = object.meta();
        let key = (object.kind(), meta.namespace.clone(), meta.name.clone());
        self.objects.insert(key, object.clone());
        self.tell(object, event);
    }

    fn tell(&mut self, object: Object, event: WatchEventType) {
        let names = [String::new(), object.meta().name.clone()];
        for id in names.map(|name| self.watches.get(&(object.kind(), name)).copied()).into_iter().flatten() {
            let object = object.clone();
            let events: Arc<[WatchEvent]> = vec![WatchEvent { event, object }].into();
            let revision = ResourceVersion(self.version);
            self.kubelet_input(kubelet::Input::Answer(Answer::Events { id, events, revision }));
        }
    }

    /// A pod of the default namespace.
    pub fn get(&self, name: &str) -> Arc<Pod> {
        self.find(name).expect("the pod is there")
    }

    /// A pod of the default namespace, if it is there.
    pub fn find(&self, name: &str) -> Option<Arc<Pod>> {
        self.objects.get(&(Kind::Pod, "default".into(), name.into()))?.get::<Pod>().cloned()
    }

    /// The events about a pod: `reason message xCount`.
    pub fn events(&self, name: &str) -> Vec<String> {
        let mut events: Vec<&Arc<Event>> =
            self.objects.values().filter_map(|o| o.get::<Event>()).filter(|e| e.involved_object.name == name).collect();
        events.sort_by_key(|e| (e.first_timestamp, e.metadata.name.clone()));
        events.iter().map(|e| format!("{} {} x{}", e.reason, e.message, e.count)).collect()
    }

    /// Lets virtual time pass.
    pub fn run(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            let next = [self.kubelet.wake_at().map(|w| w.at), self.runtime.wake_at().map(|w| w.at)];
            let Some(at) = next.into_iter().flatten().min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            let mut out = Out::default();
            self.kubelet.wake(self.now, &mut out);
            self.kubelet_effects(out.take());
            let mut out = Out::default();
            self.runtime.wake(self.now, &mut out);
            self.runtime_effects(out.take());
        }
        self.now = end;
    }

    /// `kubectl exec` to its end: output, errors, exit code.
    pub fn exec(&mut self, pod: &str, command: &[&str]) -> (String, String, Option<u8>) {
        let id = 1_000 + self.served.len() as u64;
        let key = ObjectRef { kind: Kind::Pod, namespace: "default".into(), name: pod.into() };
        let container = self.get(pod).spec.containers[0].name.clone();
        let command = command.iter().map(|w| (*w).to_owned()).collect();
        let request = KubeletRequest::Exec { pod: key, container, command, stdin: false, tty: false };
        self.kubelet_input(kubelet::Input::Serve { id, request });
        self.run(Span::secs(5));
        self.session(id)
    }

    /// `kubectl logs`.
    pub fn logs(&mut self, pod: &str, container: &str, previous: bool) -> String {
        let id = 1_000 + self.served.len() as u64;
        let key = ObjectRef { kind: Kind::Pod, namespace: "default".into(), name: pod.into() };
        let request = KubeletRequest::Logs {
            pod: key,
            container: container.into(),
            follow: false,
            previous,
            tail: None,
            timestamps: false,
            since: None,
            limit: None,
        };
        self.kubelet_input(kubelet::Input::Serve { id, request });
        let (out, err, _) = self.session(id);
        out + &err
    }

    /// A command line on the node.
    pub fn node(&mut self, line: &str) -> (String, String, Option<u8>) {
        let id = self.host.len() as u64 + 1;
        self.host.insert(id, Vec::new());
        self.runtime_input(runtime::Input::Host { id, line: line.into() });
        self.run(Span::secs(5));
        text(self.host.remove(&id).unwrap_or_default())
    }

    fn session(&self, id: u64) -> (String, String, Option<u8>) {
        let answers = self.served.get(&id).cloned().unwrap_or_default();
        let mut chunks = Vec::new();
        for answer in answers {
            match answer {
                KubeletAnswer::Began => {}
                KubeletAnswer::Chunk(chunk) => chunks.push(chunk),
                KubeletAnswer::Failure(status) => chunks.push(Chunk::Stderr(status.message.clone().into_bytes())),
            }
        }
        text(chunks)
    }

    /// Hands an input to the kubelet.
    pub fn kubelet_input(&mut self, input: kubelet::Input) {
        let mut out = Out::default();
        self.kubelet.handle(input, self.now, &mut out);
        self.kubelet_effects(out.take());
    }

    /// Hands an input to the runtime.
    pub fn runtime_input(&mut self, input: runtime::Input) {
        let mut out = Out::default();
        self.runtime.handle(input, self.now, &mut out);
        self.runtime_effects(out.take());
    }

    fn kubelet_effects(&mut self, effects: Vec<kubelet::Effect>) {
        for effect in effects {
            match effect {
                kubelet::Effect::Call(call) => self.call(*call),
                kubelet::Effect::Cancel(id) => self.watches.retain(|_, watch| *watch != id),
                kubelet::Effect::Cri(op, request) => self.runtime_input(runtime::Input::Cri(op, request)),
                kubelet::Effect::Socket(_) => {}
                kubelet::Effect::Served { id, answer } => self.served.entry(id).or_default().push(answer),
            }
        }
    }

    fn runtime_effects(&mut self, effects: Vec<runtime::Effect>) {
        for effect in effects {
            match effect {
                runtime::Effect::Cri(event) => self.kubelet_input(kubelet::Input::Cri(event)),
                runtime::Effect::CniAdd(id, _) => {
                    let ip = Ipv4Addr::new(10, 244, 1, self.next_ip);
                    self.next_ip += 1;
                    self.runtime_input(runtime::Input::CniAdded(id, Ok(ip)));
                }
                runtime::Effect::CniDel(id, _) => self.runtime_input(runtime::Input::CniDeleted(id)),
                runtime::Effect::Socket(..) | runtime::Effect::PodCidr(_) => {}
                runtime::Effect::Query { proc, id, argv, .. } => {
                    let stdout = format!("answer to {}\n", argv.join(" "));
                    self.runtime_input(runtime::Input::Answer { proc, id, stdout, stderr: String::new(), code: 0 });
                }
                runtime::Effect::Host(id, chunk) => self.host.entry(id).or_default().push(chunk),
            }
        }
    }

    fn call(&mut self, call: Call) {
        let id = call.id;
        let response = self.request(call.request, id);
        self.kubelet_input(kubelet::Input::Answer(Answer::Response { id, response }));
    }

    fn request(&mut self, request: Request, id: CallId) -> Response {
        let key = (request.kind, request.namespace.to_string(), request.name.to_string());
        let name = one_name(&request);
        match (request.verb, request.body) {
            (Verb::List, _) => {
                let chosen = |o: &&Object| o.kind() == request.kind && (name.is_empty() || o.meta().name == name);
                let all = self.objects.values().filter(chosen).cloned().collect();
                Response::List(all, ResourceVersion(self.version))
            }
            (Verb::Watch, _) => {
                self.watches.insert((request.kind, name), id);
                Response::Watching
            }
            (Verb::Get, _) => match self.objects.get(&key) {
                Some(object) => Response::Object(object.clone()),
                None => Response::Failure(Arc::new(Status::not_found(request.kind, &request.name))),
            },
            (Verb::Create | Verb::Update, Body::Object(object)) => {
                let meta = object.meta();
                self.objects.insert((object.kind(), meta.namespace.clone(), meta.name.clone()), object.clone());
                Response::Object(object)
            }
            (Verb::Patch(_), body) => {
                let patch = body.patch().expect("a patch has a body");
                self.patch(&key, &patch, request.subresource)
            }
            (Verb::Delete, _) => match self.objects.remove(&key) {
                Some(object) => {
                    self.tell(object, WatchEventType::Deleted);
                    Response::Success
                }
                None => Response::Failure(Arc::new(Status::not_found(request.kind, &request.name))),
            },
            other => panic!("the bench knows no {other:?}"),
        }
    }

    fn patch(&mut self, key: &(Kind, String, String), patch: &Value, part: Option<Subresource>) -> Response {
        let Some(object) = self.objects.get(key) else {
            return Response::Failure(Arc::new(Status::not_found(key.0, &key.2)));
        };
        let mut value = object.to_value();
        for (name, field) in patch.as_object().into_iter().flatten().filter(|(n, _)| *n != "metadata") {
            if part == Some(Subresource::Status) && value[name].is_object() {
                for (inner, v) in field.as_object().into_iter().flatten().filter(|(k, _)| !k.starts_with('$')) {
                    value[name][inner] = v.clone();
                }
            } else {
                value[name] = field.clone();
            }
        }
        crate::api::strip_nulls(&mut value);
        let object = Object::from_value(key.0, value).expect("a patched object is well-formed");
        if let Some(pod) = object.get::<Pod>() {
            self.history.push((self.now, key.2.clone(), pod.status.clone()));
        }
        self.put(object.clone(), WatchEventType::Modified);
        Response::Object(object)
    }
}

fn text(chunks: Vec<Chunk>) -> (String, String, Option<u8>) {
    let (mut out, mut err, mut code) = (String::new(), String::new(), None);
    for chunk in chunks {
        match chunk {
            Chunk::Stdout(bytes) => out.push_str(&String::from_utf8_lossy(&bytes)),
            Chunk::Stderr(bytes) => err.push_str(&String::from_utf8_lossy(&bytes)),
            Chunk::Exit(c) => code = Some(c),
            _ => {}
        }
    }
    (out, err, code)
}

/// The name that a list or a watch of one object chooses; empty for all.
fn one_name(request: &Request) -> String {
    request.options.field_selector.strip_prefix("metadata.name=").unwrap_or("").to_owned()
}
