//! Upstream's own scheduler benchmark: the named workloads of `test/integration/scheduler_perf` with their numbers of nodes
//! and pods, on our API server, etcd and scheduler, beside the pods a second below which upstream's own run fails.
//!
//! As there, nodes are objects without kubelets, and the clock runs from the creation of the measured pods until each has
//! a node. What upstream switches off (the priority and taint admission) is on here: classes give the priorities, and nodes
//! lose the taint that new ones get.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kubarium::api::{Answer, Body, CallId, Kind, Node, Object, Request, Response, Timestamp};
use kubarium::control::Calendar;
use kubarium::control::apiserver::{self, ApiServer, ClientId, Config, Effect, StoredValue};
use kubarium::control::scheduler::Scheduler;
use kubarium::etcd::{self, Member, MemberConfig};
use kubarium::sim::{Component, Out, Rng, Time};
use serde_json::{Value, json};

/// One workload.
struct Workload {
    name: &'static str,
    /// Upstream's threshold in pods a second; none where upstream has none.
    threshold: Option<u32>,
    nodes: u32,
    /// The zones over which the nodes are spread.
    zones: &'static [&'static str],
    before: (u32, fn() -> Value),
    measured: (u32, fn() -> Value),
}

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "SchedulingBasic/5000Nodes_10000Pods",
        threshold: Some(680),
        nodes: 5_000,
        zones: &[],
        before: (1_000, || pod("100m", json!({}))),
        measured: (10_000, || pod("100m", json!({}))),
    },
    Workload {
        name: "SchedulingPodAffinity/5000Nodes_5000Pods",
        threshold: Some(35),
        nodes: 5_000,
        zones: &["zone1"],
        before: (5_000, || pod("100m", json!({"affinity": {"podAffinity": of_colour("topology.kubernetes.io/zone")}}))),
        measured: (5_000, || {
            pod("100m", json!({"affinity": {"podAffinity": of_colour("topology.kubernetes.io/zone")}}))
        }),
    },
    Workload {
        name: "SchedulingPodAntiAffinity/5000Nodes_2000Pods",
        threshold: Some(60),
        nodes: 5_000,
        zones: &[],
        before: (1_000, || pod("100m", json!({"affinity": {"podAntiAffinity": of_colour("kubernetes.io/hostname")}}))),
        measured: (2_000, || {
            pod("100m", json!({"affinity": {"podAntiAffinity": of_colour("kubernetes.io/hostname")}}))
        }),
    },
    Workload {
        name: "TopologySpreading/5000Nodes_5000Pods",
        threshold: Some(460),
        nodes: 5_000,
        zones: &["moon-1", "moon-2", "moon-3"],
        before: (5_000, || pod("100m", json!({}))),
        measured: (5_000, || {
            let constraint = json!({"maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"color": "blue"}}});
            pod("100m", json!({"topologySpreadConstraints": [constraint]}))
        }),
    },
    Workload {
        name: "SchedulingNodeAffinity/5000Nodes_10000Pods",
        threshold: Some(220),
        nodes: 5_000,
        zones: &["zone1"],
        before: (5_000, in_zone),
        measured: (10_000, in_zone),
    },
    Workload {
        name: "PreemptionBasic/1000Nodes",
        threshold: None,
        nodes: 1_000,
        zones: &[],
        before: (4_000, || pod("900m", json!({"terminationGracePeriodSeconds": 0}))),
        measured: (1_000, || pod("3000m", json!({"priorityClassName": "high"}))),
    },
];

/// A pod of upstream's template, with more in its spec.
fn pod(cpu: &str, more: Value) -> Value {
    let resources = json!({"cpu": cpu, "memory": "500Mi"});
    let mut spec = json!({"containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10",
        "ports": [{"containerPort": 80}], "resources": {"limits": resources, "requests": resources}}]});
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    json!({"metadata": {"generateName": "pod-", "labels": {"color": "blue"}}, "spec": spec})
}

fn of_colour(key: &str) -> Value {
    json!({"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {"matchLabels": {"color": "blue"}},
        "topologyKey": key, "namespaces": ["sched-0", "sched-1"]}]})
}

fn in_zone() -> Value {
    let zones = json!({"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["zone1", "zone2"]});
    pod(
        "100m",
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": [{"matchExpressions": [zones]}]}}}}),
    )
}

/// Who talks to the API server: the scheduler and the benchmark.
const SCHEDULER: ClientId = ClientId(3);
const BENCH: ClientId = ClientId(9);

/// An API server, its etcd and a scheduler; messages take no time.
struct Plane {
    etcd: Member<StoredValue>,
    server: ApiServer,
    scheduler: Scheduler,
    now: Time,
    due: VecDeque<apiserver::Input>,
    answers: u64,
}

impl Plane {
    fn new() -> Plane {
        let mut plane = Plane {
            etcd: Member::new(MemberConfig::default()),
            server: ApiServer::new(Config::default()),
            scheduler: Scheduler::new(Calendar::new(Timestamp(1_767_225_600)), "", Rng::stream(7, "scheduler")),
            now: Time::ZERO,
            due: VecDeque::new(),
            answers: 0,
        };
        let mut out = Out::default();
        plane.server.wake(plane.now, &mut out);
        plane.served(out);
        plane.settle();
        plane
    }

    /// Lets everything happen that is due at once; the scheduler's cycles pass as time.
    fn settle(&mut self) {
        loop {
            while let Some(input) = self.due.pop_front() {
                let mut out = Out::default();
                self.server.handle(input, self.now, &mut out);
                self.served(out);
            }
            let Some(wake) = self.scheduler.wake_at().filter(|wake| wake.at.since(self.now).as_secs() < 5) else {
                return;
            };
            self.now = self.now.max(wake.at);
            let mut out = Out::default();
            self.scheduler.wake(self.now, &mut out);
            self.asked(out);
        }
    }

    fn asked(&mut self, mut out: Out<kubarium::api::Call>) {
        for call in out.take() {
            let user_agent = "kube-scheduler".into();
            self.due.push_back(apiserver::Input::Request {
                client: SCHEDULER,
                id: call.id,
                user_agent,
                request: call.request,
            });
        }
    }

    fn served(&mut self, mut out: Out<Effect>) {
        for effect in out.take() {
            match effect {
                Effect::Etcd { id, op } => {
                    let mut replies = Out::default();
                    let client = etcd::ClientId(1);
                    self.etcd.handle(etcd::Input::Request { client, id, op }, self.now, &mut replies);
                    self.due.extend(replies.take().into_iter().map(apiserver::Input::Etcd));
                }
                Effect::Answer { client: SCHEDULER, answer } => {
                    let mut out = Out::default();
                    self.scheduler.handle(answer, self.now, &mut out);
                    self.asked(out);
                }
                Effect::Answer { answer: Answer::Response { response, .. }, .. } => {
                    assert!(!matches!(response, Response::Failure(_)), "{response:?}");
                    self.answers += 1;
                }
                _ => {}
            }
        }
    }

    fn ask(&mut self, request: Request) {
        let id = CallId(self.answers + 1 + self.due.len() as u64);
        self.due.push_back(apiserver::Input::Request { client: BENCH, id, user_agent: "bench".into(), request });
    }

    fn create(&mut self, kind: Kind, namespace: &str, value: Value) {
        let mut object = Object::from_value(kind, value).expect("it fits its kind");
        object.meta_mut().namespace = namespace.into();
        self.ask(Request::create(object));
    }

    fn add_nodes(&mut self, workload: &Workload) {
        let capacity = json!({"pods": "110", "cpu": "4", "memory": "32Gi"});
        for n in 0..workload.nodes {
            let name = format!("scheduler-perf-{n}");
            let mut labels = json!({"kubernetes.io/hostname": name});
            if !workload.zones.is_empty() {
                labels["topology.kubernetes.io/zone"] = json!(workload.zones[n as usize % workload.zones.len()]);
            }
            let status = json!({"capacity": capacity, "allocatable": capacity,
                "conditions": [{"type": "Ready", "status": "True"}]});
            self.create(Kind::Node, "", json!({"metadata": {"name": name, "labels": labels}, "status": status}));
        }
        self.settle();
        let nodes: Vec<Node> =
            self.server.all_cached(Kind::Node).filter_map(|o| o.get::<Node>()).map(|n| (**n).clone()).collect();
        for mut node in nodes {
            node.spec.taints.clear();
            self.ask(Request::update(node));
        }
        self.settle();
    }

    fn add_pods(&mut self, namespace: &str, (count, template): (u32, fn() -> Value)) {
        let object = Object::from_value(Kind::Pod, template()).expect("a pod");
        for _ in 0..count {
            let mut request = Request::create(object.clone());
            request.namespace = namespace.into();
            request.body = Body::Object(object.clone());
            self.ask(request);
        }
    }

    fn unbound(&self) -> usize {
        let pods = self.server.all_cached(Kind::Pod).filter_map(|o| o.get::<kubarium::api::Pod>());
        pods.filter(|pod| pod.spec.node_name.is_empty()).count()
    }
}

/// Runs a workload: how long the measured pods took.
fn run(workload: &Workload) -> Duration {
    let mut plane = Plane::new();
    for namespace in ["sched-0", "sched-1"] {
        plane.create(Kind::Namespace, "", json!({"metadata": {"name": namespace}}));
    }
    plane.settle();
    for namespace in ["sched-0", "sched-1"] {
        plane.create(Kind::ServiceAccount, namespace, json!({"metadata": {"name": "default"}}));
    }
    plane.create(Kind::PriorityClass, "", json!({"metadata": {"name": "high"}, "value": 10}));
    plane.add_nodes(workload);
    plane.add_pods("sched-0", workload.before);
    plane.settle();
    assert_eq!(plane.unbound(), 0, "{}: the pods before have nodes", workload.name);
    let before = Instant::now();
    plane.add_pods("sched-1", workload.measured);
    plane.settle();
    let taken = before.elapsed();
    assert_eq!(plane.unbound(), 0, "{}: the measured pods have nodes", workload.name);
    taken
}

/// Prints every workload whose name contains `wanted`; how many are slower than upstream's threshold.
pub fn print(wanted: &str) -> u32 {
    let mut slow = 0;
    println!("{:>12} {:>12}  scheduler_perf", "pods/s", "upstream's");
    for workload in WORKLOADS.iter().filter(|w| w.name.contains(wanted)) {
        let rate = f64::from(workload.measured.0) / run(workload).as_secs_f64();
        let threshold = workload.threshold.map_or("none".into(), |t| t.to_string());
        let behind = workload.threshold.is_some_and(|t| rate < f64::from(t));
        slow += u32::from(behind);
        println!("{rate:>12.0} {threshold:>12}  {}{}", workload.name, if behind { "  BEHIND UPSTREAM" } else { "" });
    }
    slow
}
