//! The server with an etcd member, driven until nothing is left to do.

mod crud;

use serde_json::{Value, json};

use crate::api::http::{Chunk, HttpRequest, HttpResponse, Method};
use crate::api::{Answer, CallId, Kind, Object, Request, Response, Status};
use crate::control::apiserver::{ApiServer, ClientId, Config, Effect, Input, StoredValue};
use crate::etcd::{self, Member, MemberConfig};
use crate::sim::{Component, Out, Span, Time};

/// A server and its etcd.
pub(super) struct World {
    pub server: ApiServer,
    member: Member<StoredValue>,
    pub now: Time,
    next: u64,
    pub answers: Vec<Answer>,
    pub responses: Vec<(CallId, HttpResponse)>,
    pub chunks: Vec<(CallId, Chunk)>,
}

impl World {
    /// A world whose server is ready.
    pub fn new() -> World {
        let mut world = World {
            server: ApiServer::new(Config::default()),
            member: Member::new(MemberConfig::default()),
            now: Time::ZERO,
            next: 0,
            answers: Vec::new(),
            responses: Vec::new(),
            chunks: Vec::new(),
        };
        let mut out = Out::default();
        world.server.wake(Time::ZERO, &mut out);
        world.settle(out);
        assert!(world.server.is_ready());
        world
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now += Span::secs(seconds);
    }

    pub fn send(&mut self, input: Input) {
        let mut out = Out::default();
        self.server.handle(input, self.now, &mut out);
        self.settle(out);
    }

    fn settle(&mut self, mut out: Out<Effect>) {
        let client = etcd::ClientId(1);
        loop {
            let effects = out.take();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Etcd { id, op } => {
                        let mut replies = Out::default();
                        self.member.handle(etcd::Input::Request { client, id, op }, self.now, &mut replies);
                        for reply in replies.take() {
                            self.server.handle(Input::Etcd(reply), self.now, &mut out);
                        }
                    }
                    Effect::Answer { answer, .. } => self.answers.push(answer),
                    Effect::Http { id, response, .. } => self.responses.push((id, response)),
                    Effect::Chunk { id, chunk, .. } => self.chunks.push((id, chunk)),
                    Effect::Kubelet { .. }
                    | Effect::KubeletInput { .. }
                    | Effect::KubeletCancel { .. }
                    | Effect::Forward { .. }
                    | Effect::Probe { .. } => {}
                }
            }
        }
    }

    /// Makes a typed request; its number.
    pub fn ask(&mut self, request: Request) -> CallId {
        self.next += 1;
        let id = CallId(self.next);
        self.send(Input::Request { client: ClientId(7), id, user_agent: "test".into(), request });
        id
    }

    /// Makes a typed request and takes its answer.
    pub fn call(&mut self, request: Request) -> Response {
        let id = self.ask(request);
        let found = self.answers.iter().find_map(|a| match a {
            Answer::Response { id: of, response } if *of == id => Some(response.clone()),
            _ => None,
        });
        found.expect("every call is answered")
    }

    pub fn object(&mut self, request: Request) -> Object {
        match self.call(request) {
            Response::Object(object) => object,
            other => panic!("an object was expected, not {other:?}"),
        }
    }

    pub fn failure(&mut self, request: Request) -> Status {
        match self.call(request) {
            Response::Failure(status) => (*status).clone(),
            other => panic!("a failure was expected, not {other:?}"),
        }
    }

    /// Makes an HTTP request and takes its answer: code and body.
    pub fn http(&mut self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query = query
            .split('&')
            .filter(|p| !p.is_empty())
            .map(|p| p.split_once('=').unwrap_or((p, "")))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        let mut request = HttpRequest { method, query, ..HttpRequest::get(path) };
        if !body.is_null() {
            request.body = body.to_string().into_bytes();
            request.content_type = match method {
                Method::Patch => "application/strategic-merge-patch+json".into(),
                _ => "application/json".into(),
            };
        }
        let response = self.raw(request);
        let value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        (response.code, value)
    }

    pub fn raw(&mut self, request: HttpRequest) -> HttpResponse {
        self.next += 1;
        let id = CallId(self.next);
        self.send(Input::Http { client: ClientId(8), id, request });
        self.responses.iter().find(|(of, _)| *of == id).expect("every request is answered").1.clone()
    }
}

/// A pod with one container.
pub(super) fn pod(name: &str) -> Object {
    let value = json!({
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1.25"}]},
    });
    Object::from_value(Kind::Pod, value).expect("a pod")
}
