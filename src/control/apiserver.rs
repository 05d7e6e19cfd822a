//! The API server: requests in, answers, transactions on etcd and watch events out.
//!
//! ```text
//! http, present    the HTTP door: paths, bodies, tables, discovery
//! flow             a request step by step: the state machine of `call`
//! change           what a write does to an object: create, replace, patch, sub-resources
//! managed          whose fields are whose after a write, server-side apply
//! removal          what a deletion does: grace, finalizers, propagation
//! registry         the rules of each kind
//! admission        what is added to or refused of new objects
//! alloc            cluster IPs and node ports
//! aggregation      what another server answers for
//! cache, watchers  the watch cache of each kind and its watchers
//! openapi          what every kind looks like
//! definition       kinds that are described while the server runs
//! boot             what the server makes itself when it starts
//! upkeep           what of that it makes again
//! masterlease      which of several servers live
//! health           how the server is
//! component        how the rest of the control plane is
//! storage          what etcd holds
//! ```
//!
//! Models `k8s.io/apiserver`, `pkg/registry` and `pkg/controlplane`. There, a request is a goroutine; here it is a [`call::Call`]
//! whose state says which answer of etcd it waits for. Authentication, authorisation, audit and flow control are not there.

mod addresses;
pub mod admission;
pub mod aggregation;
pub mod alloc;
pub mod authorizer;
pub mod autoscaling_v1;
pub mod boot;
pub mod cache;
pub mod call;
pub mod change;
pub mod charge;
pub mod component;
pub mod definition;
pub mod discovery;
pub mod escalation;
pub mod events_v1;
pub mod flow;
mod health;
pub mod http;
pub mod legacy;
mod managed;
mod masterlease;
mod negotiate;
pub mod openapi;
pub mod other_form;
mod patch_form;
mod patience;
pub mod present;
pub mod registry;
pub mod removal;
pub mod review;
pub mod storage;
pub mod stream;
mod strict;
pub mod sync;
pub mod table;
pub mod token;
mod upkeep;
pub mod warnings;
pub mod watchers;
pub mod watching;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::api::http::{Chunk, HttpRequest, HttpResponse, StreamInput};
use crate::api::{Answer, CallId, Kind, KubeletAnswer, KubeletRequest, MicroTime, Object, Request, Timestamp};
use crate::etcd;
use crate::sim::{Component, Out, Rng, SharedMap, Time, VecMap, VecSet, Wake};
use alloc::Allocator;
use boot::Boot;
use cache::Cache;
use call::{Call, CallNo};
use definition::Definitions;
use upkeep::Upkeep;
use watchers::Watchers;

pub use call::ClientId;
pub use storage::StoredValue;

/// What the server is told at its start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The seed of its names and uids.
    pub seed: u64,
    /// Its name, which tells the servers of several masters apart.
    pub name: Arc<str>,
    /// The calendar time at which the simulation starts.
    pub epoch: Timestamp,
    /// Where cluster IPs come from.
    pub service_cidr: Ipv4Net,
    /// The address at which it is reached: the endpoint of the service `kubernetes`.
    pub advertise: std::net::Ipv4Addr,
    /// Whether the endpoints of the service `kubernetes` are kept (`--endpoint-reconciler-type` other than `none`).
    pub reconciles_endpoints: bool,
    /// How many servers there are (`--apiserver-count`).
    pub servers: u8,
    /// The numbers of its requests come after this one, which tells the servers of several masters apart.
    pub numbers_after: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 0,
            name: "apiserver".into(),
            epoch: Timestamp(1_767_225_600),
            service_cidr: "10.96.0.0/12".parse().expect("a CIDR"),
            advertise: std::net::Ipv4Addr::new(192, 168, 0, 10),
            reconciles_endpoints: true,
            servers: 1,
            numbers_after: 0,
        }
    }
}

/// What reaches the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A typed request of a component in the cluster.
    Request {
        /// Who.
        client: ClientId,
        /// The client's number for it.
        id: CallId,
        /// The client's name.
        user_agent: Arc<str>,
        /// What.
        request: Request,
    },
    /// A request in its HTTP form.
    Http {
        /// Who.
        client: ClientId,
        /// The client's number for it.
        id: CallId,
        /// What.
        request: HttpRequest,
    },
    /// A client sends something on a stream.
    Stream {
        /// Who.
        client: ClientId,
        /// The client's number for it.
        id: CallId,
        /// What.
        input: StreamInput,
    },
    /// A client gives a request or watch up.
    Cancel {
        /// Who.
        client: ClientId,
        /// The client's number for it.
        id: CallId,
    },
    /// A client's connection is gone, and all its requests and watches with it.
    Disconnect {
        /// Who.
        client: ClientId,
    },
    /// Etcd answers or tells of changes (the client in it is this server).
    Etcd(etcd::Effect<StoredValue>),
    /// The connection to etcd is gone: requests under way fail, caches start again.
    EtcdLost,
    /// Another server answers a request that was passed on to it ([`Effect::Forward`]).
    Forwarded {
        /// The number of the request.
        id: CallId,
        /// The answer.
        response: HttpResponse,
    },
    /// A process of the control plane was asked how it is ([`Effect::Probe`]).
    Probed {
        /// The number of the question.
        id: u64,
        /// The process.
        part: component::Part,
        /// Whether it answers; if not, nobody listens.
        answers: bool,
    },
    /// A kubelet answers.
    Kubelet {
        /// The number of the request.
        id: CallId,
        /// A piece of the answer.
        answer: KubeletAnswer,
    },
}

/// What the server wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Answer a typed request or tell its watch.
    Answer {
        /// Whom.
        client: ClientId,
        /// What.
        answer: Answer,
    },
    /// Answer an HTTP request.
    Http {
        /// Whom.
        client: ClientId,
        /// The client's number for it.
        id: CallId,
        /// What.
        response: HttpResponse,
    },
    /// Go on with the stream of an HTTP request.
    Chunk {
        /// Whom.
        client: ClientId,
        /// The client's number for it.
        id: CallId,
        /// What.
        chunk: Chunk,
    },
    /// Ask etcd.
    Etcd {
        /// The number of the request.
        id: u64,
        /// What.
        op: etcd::Op<StoredValue>,
    },
    /// Pass a request on to another server: answered by [`Input::Forwarded`].
    Forward {
        /// Its address.
        to: std::net::Ipv4Addr,
        /// The number of the request.
        id: CallId,
        /// What.
        request: HttpRequest,
    },
    /// Ask a process of the control plane on this machine how it is: answered by [`Input::Probed`].
    Probe {
        /// The number of the question.
        id: u64,
        /// The process.
        part: component::Part,
    },
    /// Ask the kubelet of a node.
    Kubelet {
        /// The node's name.
        node: Arc<str>,
        /// The number of the request.
        id: CallId,
        /// What.
        request: KubeletRequest,
    },
    /// Pass on what the client of a stream sends.
    KubeletInput {
        /// The node's name.
        node: Arc<str>,
        /// The number of the request.
        id: CallId,
        /// What.
        input: StreamInput,
    },
    /// The client of a stream from a kubelet is gone: stop it.
    KubeletCancel {
        /// The node's name.
        node: Arc<str>,
        /// The number of the request.
        id: CallId,
    },
}

/// Why the server wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It has not listed etcd yet.
    Start,
    /// A request has taken too long.
    Timeout,
    /// To say that it lives, and to look who else does.
    Endpoints,
    /// A new kind is to be established.
    Establish,
}

/// The server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiServer {
    config: Config,
    rng: Rng,
    boot: Boot,
    caches: VecMap<Kind, Cache>,
    watchers: VecMap<Kind, Watchers>,
    calls: SharedMap<CallNo, Call>,
    by_client: SharedMap<(ClientId, CallId), CallNo>,
    /// Calls that wait for a cache to hear of a revision.
    behind: VecSet<CallNo>,
    /// Calls whose questions etcd could not answer, by when they are given up.
    patient: VecSet<(Time, CallNo)>,
    /// Requests to etcd that no call waits for: what they are.
    errands: VecMap<u64, sync::Errand>,
    /// Nodes whose kubelets stream for a call.
    streams: VecMap<CallNo, Arc<str>>,
    /// Logs that are not followed: what has come of each so far.
    logs: VecMap<CallNo, Vec<u8>>,
    /// Requests that other servers have.
    forwarded: VecMap<CallNo, aggregation::Forwarded>,
    /// Questions how the control plane is, by number.
    asking: VecMap<u64, component::Asking>,
    event_lease: Option<sync::EventLease>,
    /// When the endpoints of the service `kubernetes` are looked at next.
    next_round: Time,
    upkeep: Upkeep,
    alloc: Allocator,
    definitions: Definitions,
    /// What came before the server was ready, and when.
    backlog: VecDeque<(Time, Input)>,
    last_number: u64,
}

impl ApiServer {
    /// A server that knows nothing yet; it lists etcd when it is woken the first time.
    pub fn new(config: Config) -> ApiServer {
        let rng = Rng::stream(config.seed, &config.name);
        let alloc = Allocator::new(config.service_cidr);
        ApiServer {
            rng,
            alloc,
            boot: Boot::Off,
            caches: Kind::ALL.iter().map(|kind| (*kind, Cache::new(*kind))).collect(),
            watchers: Kind::ALL.iter().map(|kind| (*kind, Watchers::default())).collect(),
            calls: SharedMap::new(),
            by_client: SharedMap::new(),
            behind: VecSet::new(),
            patient: VecSet::new(),
            errands: VecMap::new(),
            streams: VecMap::new(),
            logs: VecMap::new(),
            forwarded: VecMap::new(),
            asking: VecMap::new(),
            event_lease: None,
            next_round: Time::ZERO,
            definitions: Definitions::default(),
            upkeep: Upkeep::default(),
            backlog: VecDeque::new(),
            last_number: config.numbers_after,
            config,
        }
    }

    /// What the server was told at its start.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// It goes by a clock that began at `epoch` from now on.
    pub fn set_epoch(&mut self, epoch: Timestamp) {
        self.config.epoch = epoch;
    }

    /// Whether it answers requests: its caches are filled and its own objects are made (`/readyz`).
    pub fn is_ready(&self) -> bool {
        self.boot == Boot::Done
    }

    /// The cache of a kind: what views may look at.
    pub fn cache(&self, kind: Kind) -> &Cache {
        self.caches.get(&kind).expect("every kind has a cache")
    }

    /// An object as the cache knows it.
    pub fn cached(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Object> {
        self.caches.get(&kind)?.get(&kind.etcd_key(namespace, name))
    }

    /// The objects of a kind, by key.
    pub fn all_cached(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.caches.get(&kind).into_iter().flat_map(Cache::objects)
    }

    /// The calls that are under way, watches included, by number.
    pub fn calls(&self) -> impl Iterator<Item = (&CallNo, &Call)> {
        self.calls.iter()
    }

    /// The calendar time at a point of the simulation.
    pub fn calendar(&self, now: Time) -> Timestamp {
        Timestamp(self.config.epoch.0 + i64::try_from(now.as_secs()).unwrap_or(i64::MAX / 2))
    }

    /// The same in microseconds.
    pub fn calendar_micros(&self, now: Time) -> MicroTime {
        MicroTime(self.config.epoch.0 * 1_000_000 + i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX / 2))
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn cache_mut(&mut self, kind: Kind) -> &mut Cache {
        self.caches.get_mut(&kind).expect("every kind has a cache")
    }

    fn watchers_mut(&mut self, kind: Kind) -> &mut Watchers {
        self.watchers.get_mut(&kind).expect("every kind has watchers")
    }
}

impl Component for ApiServer {
    type Input = Input;
    type Effect = Effect;
    type Reason = Reason;

    fn handle(&mut self, input: Input, now: Time, out: &mut Out<Effect>) {
        match input {
            Input::Etcd(effect) => self.on_etcd(effect, now, out),
            Input::EtcdLost => self.on_etcd_lost(now, out),
            Input::Stream { client, id, input } => self.on_stream_input(client, id, input, out),
            Input::Cancel { client, id } => self.cancel(client, id, out),
            Input::Disconnect { client } => self.disconnect(client, out),
            Input::Kubelet { id, answer } => self.on_kubelet(id, answer, now, out),
            Input::Forwarded { id, response } => self.on_forwarded(id, response, out),
            Input::Probed { id, part, answers } => self.on_probed(id, part, answers, out),
            input if !self.is_ready() => self.backlog.push_back((now, input)),
            Input::Request { client, id, request, .. } if aggregation::is_foreign(&request) => {
                self.forward_metrics(client, id, &request, out);
            }
            Input::Request { client, id, user_agent, request } => {
                self.begin(client, id, user_agent, call::Door::Typed, request, now, out);
            }
            Input::Http { client, id, request } => self.on_http(client, id, request, now, out),
        }
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.boot == Boot::Off {
            self.start(now, out);
        }
        self.lose_patience(now, out);
        self.give_components_up(now, out);
        self.refuse_backlog(now, out);
        self.establish_due(now, out);
        self.begin_round(now, out);
        self.keep_up(now, out);
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        if self.boot == Boot::Off {
            return Some(Wake { at: Time::ZERO, why: Reason::Start });
        }
        let timeouts = [self.patient.first().map(|(at, _)| *at), self.next_refusal(), self.next_component_due()];
        let timeouts = timeouts.into_iter().flatten().map(|at| Wake { at, why: Reason::Timeout });
        let timeouts = timeouts.chain(self.next_established().map(|at| Wake { at, why: Reason::Establish }));
        let upkeep = [self.next_round(), self.next_upkeep()].into_iter().flatten();
        timeouts.chain(upkeep.map(|at| Wake { at, why: Reason::Endpoints })).min()
    }
}
