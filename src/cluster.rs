//! The composition root: every component of a cluster, and the only place that routes effects between them.
//!
//! One loop ([`Cluster::step`]): take what is due next (a message that arrives, a component that wants to be woken), give it
//! to its component, and route what the component wants done. A message between components has a send time, an arrival time and
//! a cause, and is written into the trace; a fault may take it.
//!
//! `route` sends and delivers messages, `masters` are the control plane with `etcds`, its members of etcd (`etcd_start`, what
//! is in their `etcd_disks`, and the `etcd_tools` on masters' shells), and `balancer` before
//! its API servers, `host` is a node with its processes, `plane` those of a master as pods, `power` switches it, `cni` and `overlay` are its pods' network,
//! `outside` are machines beyond the nodes, `cloud` the load balancer that is one of them, `ingress` an Ingress controller,
//! `query` answers what a program asks of the kernel, `why` remembers who wrote what an object wants.

pub mod addon;
pub mod balancer;
pub mod chaos;
pub mod check;
pub mod clients;
pub mod cloud;
pub mod cni;
mod etcd_disks;
mod etcd_start;
mod etcd_tools;
mod etcds;
pub mod event;
pub mod fault;
pub mod host;
pub mod ingress;
pub mod link;
pub mod masters;
pub mod metrics;
pub mod outside;
pub mod overlay;
mod plane;
mod power;
mod proxy;
pub mod query;
pub mod route;
mod said;
pub mod scenario;
mod secure_port;
pub mod wakes;
pub mod watched;
pub mod why;

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::api::http::{Chunk, HttpRequest, HttpResponse, StreamInput};
use crate::api::{CallId, KindOf as _, Object};
use crate::control::apiserver::{self, StoredValue};
use crate::etcd::{self, KeyRange, Member};
use crate::net::capture;
use crate::net::fabric::Fabric;
use crate::net::hop::Hop;
use crate::sim::{Component, EventId, EventQueue, Log, Out, Rng, Time, Trace, VecMap};

pub use event::{Actor, Happened, MachineIx, MasterIx, NodeIx, OutsideId, Said, WokeFor};
pub use fault::{Fault, Faults};
pub use host::Host;
pub use route::Message;
pub use scenario::{Backend, ProxyMode, Scenario, ScenarioError};

use addon::Dns;
use balancer::Balancer;
use chaos::Chaos;
use cloud::Cloud;
use etcd_disks::EtcdDisks;
use etcd_tools::Tool;
use ingress::IngressController;
use link::Links;
use masters::Master;
use outside::Machine;
use wakes::Wakes;
use watched::Watched;
use why::{Hands, Writers};

/// How many entries the trace remembers.
const TRACE: u32 = 400_000;
/// How many hops of packets are remembered.
const HOPS: u32 = 20_000;

/// Something for a client outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mail {
    /// For whom.
    pub to: OutsideId,
    /// Its arrival's entry in the trace.
    pub cause: Option<EventId>,
    /// What.
    pub what: MailKind,
}

/// What a client outside the cluster gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// The answer to an HTTP request.
    Http {
        /// The number of the request.
        id: u64,
        /// The answer; code 0 with the words of the failure if there was no connection.
        response: HttpResponse,
    },
    /// A piece of a stream.
    Chunk {
        /// The number of the request.
        id: u64,
        /// The piece.
        chunk: Chunk,
    },
    /// An answer of etcd or news of a watch.
    Etcd(etcd::Effect<StoredValue>),
    /// Output of a command on a node.
    Node(Chunk),
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Envelope {
    from: Actor,
    to: Actor,
    entry: Option<EventId>,
    message: Message,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cluster {
    scenario: Arc<Scenario>,
    now: Time,
    queue: EventQueue<Envelope>,
    wakes: Wakes,
    links: Links,
    faults: Faults,
    chance: Rng,
    trace: Trace<Happened>,
    writers: Writers,
    hands: Hands,
    etcds: Vec<Member<StoredValue>>,
    disks: EtcdDisks,
    tools: VecMap<OutsideId, Tool>,
    masters: Vec<Master>,
    balancer: Option<Balancer>,
    chaos: Option<Chaos>,
    /// What was found while chaos reigned last.
    watched: Option<Box<Watched>>,
    dns: Dns,
    cloud: Option<Cloud>,
    ingress: Option<Box<IngressController>>,
    hosts: Vec<Host>,
    machines: Vec<Machine>,
    fabric: Fabric,
    hops: Log<Hop>,
    captured: Option<VecDeque<Hop>>,
    calls: VecMap<(u32, u64), route::Pending>,
    next_outside: u32,
    node_commands: VecMap<OutsideId, NodeIx>,
    machine_commands: VecMap<OutsideId, MachineIx>,
    /// What has come for processes that are halted.
    held: VecMap<Actor, Vec<Envelope>>,
    mail: Vec<Mail>,
    events: u64,
}

impl Cluster {
    /// A cluster that has just been switched on.
    pub fn new(scenario: Scenario) -> Cluster {
        let seed = scenario.seed;
        let mut cluster = Cluster {
            now: Time::ZERO,
            queue: EventQueue::default(),
            wakes: Wakes::default(),
            links: Links::new(seed),
            faults: Faults::default(),
            chance: Rng::stream(seed, "faults"),
            trace: Trace::new(TRACE),
            writers: Writers::default(),
            hands: Hands::default(),
            etcds: etcds::members_of(&scenario),
            disks: EtcdDisks::default(),
            tools: VecMap::new(),
            masters: masters::masters_of(&scenario),
            balancer: (scenario.masters > 1).then(|| Balancer::new(usize::from(scenario.masters))),
            chaos: None,
            watched: None,
            dns: Dns::default(),
            cloud: scenario.cloud.then(Cloud::default),
            ingress: None,
            hosts: Vec::new(),
            machines: Vec::new(),
            fabric: Fabric::new(seed),
            hops: Log::new(HOPS),
            captured: None,
            calls: VecMap::new(),
            next_outside: 0,
            node_commands: VecMap::new(),
            machine_commands: VecMap::new(),
            held: VecMap::new(),
            mail: Vec::new(),
            events: 0,
            scenario: Arc::new(scenario),
        };
        cluster.switch_on();
        cluster
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many events have happened.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// When something happens next.
    pub fn next_at(&self) -> Option<Time> {
        let wake = self.wakes.next().map(|(_, wake)| wake.at.max(self.now));
        [self.queue.next_at(), wake].into_iter().flatten().min()
    }

    /// Lets the next event happen; nothing happens if nothing is due ever.
    pub fn step(&mut self) {
        let wake =
            self.wakes.next().filter(|(_, wake)| self.queue.next_at().is_none_or(|at| wake.at.max(self.now) < at));
        self.events += 1;
        match wake {
            Some((actor, wake)) => {
                self.now = self.now.max(wake.at);
                self.wake(actor, wake.why);
            }
            None => {
                let Some((at, envelope)) = self.queue.pop() else { return };
                self.now = self.now.max(at);
                self.deliver(envelope);
            }
        }
        if self.chaos.is_some() {
            self.watch_invariants();
        }
    }

    /// Is at `until` without anything happening; nothing may be due before.
    pub fn advance_clock(&mut self, until: Time) {
        self.now = self.now.max(until);
    }

    /// Whether the cluster is ready to be used: the API server answers, every node is Ready and has its network, and the
    /// addons run.
    pub fn is_ready(&self) -> bool {
        self.apiserver().is_ready()
            && self.hosts.iter().all(|host| host.cni.bridge.is_some() && self.node_is_ready(&host.name))
            && self.addons_are_ready()
    }

    fn node_is_ready(&self, name: &str) -> bool {
        self.object(crate::api::Kind::Node, "", name)
            .and_then(crate::api::Node::of)
            .is_some_and(|node| node.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True"))
    }

    /// An object as the API server knows it; as etcd holds it while no API server is ready.
    pub fn object(&self, kind: crate::api::Kind, namespace: &str, name: &str) -> Option<&Object> {
        let server = self.apiserver_for(kind);
        if server.is_ready() {
            return server.cached(kind, namespace, name);
        }
        self.etcd_member().store().get(&kind.etcd_key(namespace, name))?.value.object()
    }

    /// All objects of a kind as the API server knows them, by namespace and name; as etcd holds them while no API server is
    /// ready.
    pub fn objects(&self, kind: crate::api::Kind) -> impl Iterator<Item = &Object> {
        let server = Some(self.apiserver_for(kind)).filter(|server| server.is_ready());
        let cached = server.map(|server| server.cache(kind).objects());
        let stored: Vec<&Object> = match server {
            Some(_) => Vec::new(),
            None => {
                let all = KeyRange::prefix(&kind.etcd_prefix());
                let values = self.etcd_member().store().keys(&all);
                values.filter_map(|kv| kv.value.object()).collect()
            }
        };
        cached.into_iter().flatten().chain(stored)
    }

    /// The learner runs a line: the root of what it causes.
    pub fn command(&mut self, line: &str) -> EventId {
        self.trace.record(self.now, None, Happened::Command(line.into()))
    }

    /// A new client outside the cluster.
    pub fn connect(&mut self) -> OutsideId {
        self.next_outside += 1;
        OutsideId(self.next_outside)
    }

    /// A client outside is gone.
    pub fn disconnect(&mut self, client: OutsideId) {
        let actor = Actor::Outside(client);
        let number = clients::number_of(actor);
        let mut servers: Vec<MasterIx> =
            self.calls.iter().filter(|((client, _), _)| *client == number).map(|(_, pending)| pending.server).collect();
        servers.dedup();
        for at in servers {
            let gone = Message::ToApi(apiserver::Input::Disconnect { client: apiserver::ClientId(number) });
            self.send(actor, Actor::ApiServer(at), None, gone);
        }
        self.calls.retain(|(client, _), _| *client != number);
        self.session_broke(actor);
        self.links.forget(actor);
        self.node_commands.remove(&client);
        self.machine_commands.remove(&client);
    }

    /// A client outside sends an HTTP request.
    pub fn http(&mut self, client: OutsideId, id: u64, request: HttpRequest, cause: Option<EventId>) {
        let from = Actor::Outside(client);
        let number = apiserver::ClientId(clients::number_of(from));
        match self.server_of(from) {
            Some((server, late)) => {
                if let Some(words) = self.distrust(from, server) {
                    return self.distrusted(from, server, CallId(id), words);
                }
                let input = apiserver::Input::Http { client: number, id: CallId(id), request };
                self.send_late(from, server, cause, Message::ToApi(input), late);
            }
            None => self.fail_http(from, CallId(id), cause),
        }
    }

    /// A client outside sends something on a stream that it opened.
    pub fn stream_input(&mut self, client: OutsideId, id: u64, input: StreamInput, cause: Option<EventId>) {
        let from = Actor::Outside(client);
        let number = apiserver::ClientId(clients::number_of(from));
        let Some(pending) = self.calls.get(&(number.0, id)) else { return };
        let server = Actor::ApiServer(pending.server);
        let input = apiserver::Input::Stream { client: number, id: CallId(id), input };
        self.send(from, server, cause, Message::ToApi(input));
    }

    /// A client outside gives a request up.
    pub fn cancel(&mut self, client: OutsideId, id: u64, cause: Option<EventId>) {
        let from = Actor::Outside(client);
        let number = clients::number_of(from);
        let Some(pending) = self.calls.remove(&(number, id)) else { return };
        let input = apiserver::Input::Cancel { client: apiserver::ClientId(number), id: CallId(id) };
        self.send(from, Actor::ApiServer(pending.server), cause, Message::ToApi(input));
    }

    /// A client outside asks the member of etcd at one of `endpoints`; nobody answers where there is none.
    pub fn etcd(
        &mut self,
        client: OutsideId,
        id: u64,
        endpoints: &str,
        op: etcd::Op<StoredValue>,
        cause: Option<EventId>,
    ) {
        let from = Actor::Outside(client);
        let Some(at) = self.etcd_named(endpoints, self.machine_of(from)) else { return };
        let input = etcd::Input::Request { client: etcd::ClientId(clients::number_of(from)), id, op };
        self.send(from, Actor::Etcd(at), cause, Message::ToEtcd(input));
    }

    /// Takes what arrived for clients outside.
    pub fn take_mail(&mut self) -> Vec<Mail> {
        std::mem::take(&mut self.mail)
    }

    /// The trace.
    pub fn trace(&self) -> &Trace<Happened> {
        &self.trace
    }

    /// The entry that last wrote what an object wants.
    pub fn writers(&self) -> &Writers {
        &self.writers
    }

    /// The entries that last changed what decides on nodes where packets go.
    pub fn hands(&self) -> &Hands {
        &self.hands
    }

    /// The nodes, in the order in which they joined.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The network.
    pub fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    /// The hops of packets that are remembered, oldest first.
    pub fn hops(&self) -> &Log<Hop> {
        &self.hops
    }

    /// What is broken.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What every actor waits for.
    pub fn wakes(&self) -> &Wakes {
        &self.wakes
    }

    /// Records every frame on every device from now on.
    pub fn start_capture(&mut self) {
        self.captured = Some(VecDeque::new());
        self.fabric.set_capturing(true);
    }

    /// What was captured, as pcapng; `None` if nothing is being captured.
    pub fn capture(&self) -> Option<Vec<u8>> {
        let hops = self.captured.as_ref()?;
        Some(capture::pcapng(&self.fabric, hops, Hop::is_tap))
    }

    /// The hops that are remembered, as pcapng.
    pub fn capture_of_hops(&self) -> Vec<u8> {
        capture::pcapng(&self.fabric, self.hops.iter(), capture::crosses_a_link)
    }

    /// The number of a node.
    pub fn node_named(&self, name: &str) -> Option<NodeIx> {
        let at = self.hosts.iter().position(|host| &*host.name == name)?;
        Some(NodeIx(u32::try_from(at).expect("fewer nodes than 2^32")))
    }

    /// The address of a node.
    pub fn node_ip(&self, ix: NodeIx) -> Option<Ipv4Addr> {
        self.host(ix).map(|host| host.ip)
    }

    pub(crate) fn host(&self, ix: NodeIx) -> Option<&Host> {
        self.hosts.get(usize::try_from(ix.0).ok()?)
    }

    pub(crate) fn host_mut(&mut self, ix: NodeIx) -> Option<&mut Host> {
        self.hosts.get_mut(usize::try_from(ix.0).ok()?)
    }

    /// Asks an actor when it wants to be woken next.
    pub(crate) fn rearm(&mut self, actor: Actor) {
        let sleeps = self.faults.down.contains(&actor) || self.faults.paused.contains(&actor);
        let wake = if sleeps { None } else { route::wake_of(self, actor) };
        self.wakes.set(actor, wake);
    }
}

/// Lets a component handle an input; its effects with their causes.
pub(crate) fn run<C: Component>(
    component: &mut C,
    input: C::Input,
    now: Time,
    entry: Option<EventId>,
) -> Vec<(Option<EventId>, C::Effect)> {
    let mut out = Out::caused_by(entry);
    component.handle(input, now, &mut out);
    out.take_caused()
}

/// Wakes a component; its effects with their causes.
pub(crate) fn rouse<C: Component>(
    component: &mut C,
    now: Time,
    entry: Option<EventId>,
) -> Vec<(Option<EventId>, C::Effect)> {
    let mut out = Out::caused_by(entry);
    component.wake(now, &mut out);
    out.take_caused()
}
