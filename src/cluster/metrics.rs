//! metrics-server on its node: it begins and ends with the container that runs its image; what it asks, and what it is asked,
//! are messages.
//!
//! A kubelet answers a scrape from the cgroups (`pkg/kubelet/server/stats`, cAdvisor): of the containers as the runtime keeps
//! them, of the node as their sum with what the node's own processes use.

use std::net::Ipv4Addr;

use crate::api::http::HttpRequest;
use crate::api::{CallId, Timestamp};
use crate::cluster::clients::number_of;
use crate::cluster::event::{Actor, NodeIx, WokeFor};
use crate::cluster::route::CONNECT_TIMEOUT;
use crate::cluster::{Cluster, Envelope, Message, rouse, run};
use crate::control::Calendar;
use crate::control::apiserver::{self, aggregation};
use crate::control::metrics_server::{self, Batch, MetricsServer, Point};
use crate::node::runtime::{ContainerId, ContainerPhase, ContainerView, PodMeta, Runtime, SYSTEM_MEMORY};
use crate::sim::{EventId, Span, Time, Wake};
use crate::workload::{Family, image};

/// What the processes of a node use that are in no pod, in thousandths of a core.
const SYSTEM_CPU: u64 = 47;

/// A metrics-server that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricsPod {
    /// Its pod.
    pub pod: PodMeta,
    container: ContainerId,
    ip: Option<Ipv4Addr>,
    server: MetricsServer,
}

impl MetricsPod {
    /// When it wants to be woken, and why.
    pub fn wake_at(&self) -> Option<Wake<WokeFor>> {
        self.server.wake_at_for()
    }
}

impl MetricsServer {
    fn wake_at_for(&self) -> Option<Wake<WokeFor>> {
        use crate::sim::Component as _;
        let wake = self.wake_at()?;
        let why = match wake.why {
            metrics_server::Reason::List => WokeFor::Retry,
            metrics_server::Reason::Scrape => WokeFor::Resync,
            metrics_server::Reason::GiveUp => WokeFor::Timeout,
        };
        Some(Wake { at: wake.at, why })
    }
}

impl Cluster {
    /// A container of a node has changed: a metrics-server may begin or end with it.
    pub(crate) fn metrics_container(&mut self, ix: NodeIx, view: &ContainerView, cause: Option<EventId>) {
        let of_family = || image::parse(&view.image).is_ok_and(|name| name.info().family == Family::MetricsServer);
        let calendar = Calendar::new(Timestamp(self.scenario.epoch().0));
        let Some(host) = self.host_mut(ix) else { return };
        let is_known = host.metrics.as_ref().is_some_and(|known| known.container == view.id);
        match view.phase {
            ContainerPhase::Running { .. } if !is_known && of_family() => {
                let ip = host.runtime.sandboxes().find(|sandbox| sandbox.id == view.sandbox).and_then(|s| s.ip);
                let args = host.runtime.containers().find(|c| c.view.id == view.id).map(|c| c.config.args.clone());
                let server = MetricsServer::new(&args.unwrap_or_default(), calendar);
                let (pod, container) = (view.pod.clone(), view.id.clone());
                host.metrics = Some(Box::new(MetricsPod { pod, container, ip, server }));
                self.rearm(Actor::MetricsServer(ix));
            }
            ContainerPhase::Exited { .. } if is_known => {
                host.metrics = None;
                self.metrics_ended(ix, cause);
            }
            _ => {}
        }
    }

    /// Its connections are gone.
    pub(super) fn metrics_ended(&mut self, ix: NodeIx, cause: Option<EventId>) {
        let actor = Actor::MetricsServer(ix);
        let number = number_of(actor);
        self.calls.retain(|(client, _), _| *client != number);
        self.lose_what_is_under_way_to(actor);
        self.leave_api_servers(actor, cause);
        self.rearm(actor);
    }

    /// A message arrives at a metrics-server.
    pub(crate) fn deliver_to_metrics(&mut self, ix: NodeIx, message: Message, entry: Option<EventId>) {
        let input = match message {
            Message::Answer(answer) => metrics_server::Input::Answer(answer),
            Message::Scraped(batch) => metrics_server::Input::Scraped(*batch),
            Message::Forward(id, request) => metrics_server::Input::Request { id, request },
            _ => return,
        };
        let now = self.now;
        if let Some(metrics) = self.host_mut(ix).and_then(|host| host.metrics.as_mut()) {
            let effects = run(&mut metrics.server, input, now, entry);
            self.metrics_did(ix, effects);
        } else if let metrics_server::Input::Request { id, .. } = input {
            self.not_reached(CallId(id), "connect: connection refused", Span::ZERO, entry);
        }
    }

    /// A metrics-server is woken.
    pub(crate) fn wake_metrics(&mut self, ix: NodeIx, entry: Option<EventId>) {
        let now = self.now;
        let Some(metrics) = self.host_mut(ix).and_then(|host| host.metrics.as_mut()) else { return };
        let effects = rouse(&mut metrics.server, now, entry);
        self.metrics_did(ix, effects);
    }

    fn metrics_did(&mut self, ix: NodeIx, effects: Vec<(Option<EventId>, metrics_server::Effect)>) {
        let me = Actor::MetricsServer(ix);
        for (cause, effect) in effects {
            match effect {
                metrics_server::Effect::Call(call) => self.calls_of(me, vec![(cause, *call)]),
                metrics_server::Effect::Scrape(node) => {
                    if let Some(to) = self.node_named(&node) {
                        self.send(me, Actor::Kubelet(to), cause, Message::Scrape(ix));
                    }
                }
                metrics_server::Effect::Response { id, response } => {
                    let input = apiserver::Input::Forwarded { id: CallId(id), response };
                    self.send(me, Cluster::apiserver_of(id), cause, Message::ToApi(input));
                }
                metrics_server::Effect::Ready(ready) => {
                    let Some(metrics) = self.host(ix).and_then(|host| host.metrics.as_ref()) else { continue };
                    let input = crate::node::runtime::Input::MetricsReady(metrics.container.clone(), ready);
                    self.hand_over(Actor::Runtime(ix), cause, Span::micros(5), Message::ToRuntime(input));
                }
            }
        }
    }

    /// A kubelet is asked what its node uses.
    pub(crate) fn scraped(&mut self, ix: NodeIx, by: NodeIx, entry: Option<EventId>) {
        let Some(host) = self.host(ix) else { return };
        let batch = usage_of(&host.runtime, host.name.clone(), self.now);
        self.send(Actor::Kubelet(ix), Actor::MetricsServer(by), entry, Message::Scraped(Box::new(batch)));
    }

    /// The API server passes a request on to the server at an address.
    pub(crate) fn forward(&mut self, to: Ipv4Addr, id: CallId, request: HttpRequest, cause: Option<EventId>) {
        let at = self.hosts.iter().position(|host| host.metrics.as_ref().is_some_and(|metrics| metrics.ip == Some(to)));
        match at.and_then(|at| u32::try_from(at).ok()) {
            Some(at) => {
                let message = Message::Forward(id.0, request);
                self.send(Cluster::apiserver_of(id.0), Actor::MetricsServer(NodeIx(at)), cause, message);
            }
            None => self.not_reached(id, "connect: connection refused", Span::millis(1), cause),
        }
    }

    /// A request that was passed on reaches nobody, or its answer does not come back.
    pub(crate) fn not_reached(&mut self, id: CallId, why: &str, after: Span, entry: Option<EventId>) {
        let response = aggregation::plain(503, &format!("error trying to reach service: dial tcp: {why}\n"));
        let message = Message::ToApi(apiserver::Input::Forwarded { id, response });
        let (from, to) = (Cluster::apiserver_of(id.0), Cluster::apiserver_of(id.0));
        self.queue.push(self.now + after, Envelope { from, to, entry, message });
    }

    /// The same, when a fault took the message.
    pub(crate) fn forward_lost(&mut self, id: CallId, entry: Option<EventId>) {
        self.not_reached(id, "i/o timeout", CONNECT_TIMEOUT, entry);
    }
}

/// What a node and its containers use.
fn usage_of(runtime: &Runtime, node: std::sync::Arc<str>, now: Time) -> Batch {
    let mut memory = SYSTEM_MEMORY;
    let mut cpu = runtime.past_cpu() + Span(now.0 / 1_000 * SYSTEM_CPU);
    let mut containers = Vec::new();
    for stats in runtime.stats(now) {
        cpu = cpu + stats.cpu;
        memory += stats.memory;
        let point = Point { started: stats.started, at: stats.at, cpu: stats.cpu, memory: stats.memory };
        containers.push(((stats.pod.namespace, stats.pod.name), stats.name, point));
    }
    let whole = Point { started: Time::ZERO, at: now, cpu, memory };
    Batch { node, whole, containers }
}
