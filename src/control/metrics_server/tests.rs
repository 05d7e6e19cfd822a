//! A metrics-server between a made-up API server and made-up kubelets.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::api::{Object, ObjectMeta, Pod, ResourceVersion, Response, Timestamp};

struct World {
    server: MetricsServer,
    now: Time,
}

fn meta(namespace: &str, name: &str, app: &str) -> ObjectMeta {
    let labels = [("app".to_owned(), app.to_owned())].into_iter().collect();
    ObjectMeta { name: name.into(), namespace: namespace.into(), labels, ..ObjectMeta::default() }
}

impl World {
    /// A server that knows a node `n` and the pods `default/a` and `default/b`.
    fn new() -> World {
        let args = ["--metric-resolution=15s".to_owned()];
        let server = MetricsServer::new(&args, Calendar::new(Timestamp(1_767_225_600)));
        let mut world = World { server, now: Time::ZERO };
        let node: Object = Node { metadata: meta("", "n", "x"), ..Node::default() }.into();
        let pods = ["a", "b"].map(|name| Pod { metadata: meta("default", name, name), ..Pod::default() }.into());
        for effect in world.wake() {
            let Effect::Call(call) = effect else { panic!("{effect:?}") };
            let objects = if call.request.kind == Kind::Node { vec![node.clone()] } else { pods.to_vec() };
            let response = Response::List(objects, ResourceVersion(1));
            world.give(Input::Answer(Answer::Response { id: call.id, response }));
        }
        world
    }

    fn wake(&mut self) -> Vec<Effect> {
        let mut out = Out::default();
        self.server.wake(self.now, &mut out);
        out.take()
    }

    fn give(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Out::default();
        self.server.handle(input, self.now, &mut out);
        out.take()
    }

    /// The next scrape: `default/a` has used so much CPU time since it started at second 1.
    fn scrape(&mut self, cpu: Span) -> Vec<Effect> {
        assert!(self.wake().contains(&Effect::Scrape("n".into())));
        let point = Point { started: Time::ZERO + Span::secs(1), at: self.now, cpu, memory: 5 << 20 };
        let containers = vec![((Arc::from("default"), Arc::from("a")), Arc::from("c"), point)];
        self.give(Input::Scraped(Batch { node: "n".into(), whole: point, containers }))
    }

    fn ask(&mut self, path: &str, selector: &str) -> (u16, Value) {
        let mut request = HttpRequest::get(format!("/apis/metrics.k8s.io/v1beta1{path}"));
        request.query.push(("labelSelector".into(), selector.into()));
        let effects = self.give(Input::Request { id: 1, request });
        let [Effect::Response { response, .. }] = effects.as_slice() else { panic!("{effects:?}") };
        (response.code, serde_json::from_slice(&response.body).expect("answers are JSON"))
    }
}

#[test]
fn usage_is_told_after_the_second_scrape() {
    let mut world = World::new();
    world.now = Time::ZERO + Span::secs(30);
    assert_eq!(world.scrape(Span::secs(1)), []);
    assert_eq!(world.ask("/namespaces/default/pods", "").1["items"], json!([]));
    let (code, body) = world.ask("/namespaces/default/pods/a", "");
    assert_eq!((code, &body["message"]), (404, &json!("podmetrics.metrics.k8s.io \"default/a\" not found")));
    world.now += Span::secs(15);
    assert_eq!(world.scrape(Span::millis(2_500)), [Effect::Ready(true)]);
    let (code, body) = world.ask("/namespaces/default/pods/a", "");
    let want = json!({
        "kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1", "timestamp": "2026-01-01T00:00:45Z",
        "metadata": {
            "name": "a", "namespace": "default", "labels": {"app": "a"}, "creationTimestamp": "2026-01-01T00:00:45Z",
        },
        "window": "15s", "containers": [{"name": "c", "usage": {"cpu": "100m", "memory": "5Mi"}}],
    });
    assert_eq!((code, body), (200, want));
}

#[test]
fn selectors_choose_and_what_is_not_there_is_not_found() {
    let mut world = World::new();
    for cpu in [1, 2] {
        world.now += Span::secs(15);
        world.scrape(Span::secs(cpu));
    }
    let count = |(_, body): (u16, Value)| body["items"].as_array().map(Vec::len);
    assert_eq!(count(world.ask("/pods", "")), Some(1));
    assert_eq!(count(world.ask("/pods", "app=b")), Some(0));
    assert_eq!(count(world.ask("/namespaces/other/pods", "")), Some(0));
    assert_eq!(count(world.ask("/nodes", "")), Some(1));
    assert_eq!(world.ask("/nodes/m", "").1["message"], json!("nodes \"m\" not found"));
    assert_eq!(world.ask("/namespaces/default/pods/z", "").1["message"], json!("pods \"z\" not found"));
}

#[test]
fn a_kubelet_that_does_not_answer_is_given_up() {
    let mut world = World::new();
    for cpu in [1, 2] {
        world.now += Span::secs(15);
        world.scrape(Span::secs(cpu));
    }
    world.now += Span::secs(15);
    world.wake();
    assert_eq!(world.server.wake_at().map(|wake| wake.why), Some(Reason::GiveUp));
    world.now += Span::millis(13_500);
    assert_eq!(world.wake(), [Effect::Ready(false)]);
}
