//! The kubelet of one node. Models `pkg/kubelet/kubelet.go` and `pkg/kubelet/pod_workers.go`.
//!
//! It registers its node, keeps the node's status and lease fresh, watches the pods bound to it and makes the runtime agree
//! with them: one [`worker::Worker`] per pod, each with at most one sync in flight. What happens in the runtime is noticed
//! at the next relist (the PLEG, every second), as upstream's is; a failed sync is tried again after the back-off.
//! Differs: no devices.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::api::http::StreamInput;
use crate::api::{Answer, Call, CallId, KubeletAnswer, KubeletRequest, Pod, Service, Timestamp, Uid};
use crate::control::Calendar;
use crate::control::recorder::Recorder;
use crate::net::{SocketEvent, SocketId, SocketOp};
use crate::node::runtime::{ContainerView, CriEvent, CriRequest, ImageRef, OpId, SandboxView};
use crate::sim::{Component, Out, Rng, Span, Time, VecMap, Wake};

pub mod actions;
pub mod api;
pub mod atomic;
pub mod backoff;
pub mod dns;
pub mod env;
pub mod eviction;
pub mod hook;
pub mod kill;
pub mod mount;
pub mod node_status;
pub mod objects;
pub mod ops;
pub mod phase;
pub mod probe;
pub mod prober;
pub mod resize;
pub mod security;
pub mod start;
pub mod statics;
pub mod status;
pub mod status_manager;
pub mod stream;
pub mod sync;
pub mod volume;
pub mod worker;

#[cfg(test)]
mod tests;

pub use node_status::NodeConfig;
use worker::Worker;

/// What a kubelet is told at its birth.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The node's name.
    pub node: Arc<str>,
    /// The node's address.
    pub ip: Ipv4Addr,
    /// Seconds since the Unix epoch at virtual time zero.
    pub epoch: i64,
    /// What the node has and says of itself.
    pub info: NodeConfig,
    /// The address of the cluster's DNS server.
    pub cluster_dns: Option<Ipv4Addr>,
    /// The cluster's domain.
    pub cluster_domain: Arc<str>,
}

/// What reaches the kubelet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// It begins.
    Start,
    /// From the API server.
    Answer(Answer),
    /// From the runtime.
    Cri(CriEvent),
    /// The network answers a probe or a hook; sockets are opened in the node's namespace.
    Socket {
        /// The token that the socket was opened with.
        token: u64,
        /// The socket.
        socket: SocketId,
        /// What happened.
        event: SocketEvent,
    },
    /// The API server asks for a log or an exec session.
    Serve {
        /// Chosen by the API server; comes back in [`Effect::Served`].
        id: u64,
        /// What.
        request: KubeletRequest,
    },
    /// The client of a stream sends something.
    ServeInput(u64, StreamInput),
    /// The client of a stream has gone.
    ServeCancel(u64),
    /// Whatever kept a container of a static pod from running is gone: it is started without a back-off.
    Unblocked(Arc<str>),
}

/// What the kubelet wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// To the API server.
    Call(Box<Call>),
    /// To the API server: a call of before is of no more interest.
    Cancel(CallId),
    /// To the runtime.
    Cri(OpId, CriRequest),
    /// A socket operation in the node's network namespace.
    Socket(SocketOp),
    /// To the API server, for the session `id`.
    Served {
        /// The session.
        id: u64,
        /// A piece of the answer.
        answer: KubeletAnswer,
    },
}

/// Why the kubelet wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The runtime's state is read (the PLEG, every second).
    Relist,
    /// A pod is to be synced again.
    PodSync,
    /// A probe is due.
    Probe,
    /// A hook is over.
    Hook,
    /// What the pods take is looked at.
    Usage,
    /// The lease is renewed.
    Lease,
    /// The node's status is looked at.
    NodeStatus,
    /// A call that failed is tried again.
    Retry,
    /// A step of a termination.
    Termination,
}

/// The period of the PLEG and of the sync loop.
const RELIST: Span = Span::secs(1);

/// The kubelet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kubelet {
    config: Config,
    rng: Rng,
    /// By how many seconds its machine's clock is ahead.
    skew: i64,
    /// Ticks of the relist are at this plus whole seconds.
    phase: Span,
    calls: api::Calls,
    ops: ops::Ops,
    node: node_status::NodeState,
    workers: VecMap<Uid, Worker>,
    services: VecMap<(String, String), Arc<Service>>,
    services_known: bool,
    objects: objects::Objects,
    image_backoff: backoff::Backoff,
    restart_backoff: backoff::Backoff,
    pull_errors: VecMap<String, String>,
    pulls: VecDeque<Uid>,
    recorder: Recorder,
    left_behind: Option<(Vec<SandboxView>, Vec<ContainerView>)>,
    runtime_known: bool,
    pods_known: bool,
    images: VecMap<Arc<str>, ImageRef>,
    network_ready: bool,
    probes: prober::Prober,
    hooks: hook::Hooks,
    streams: stream::Streams,
    statics: statics::Statics,
    eviction: eviction::Eviction,
    /// What another one has left of pods that are not known yet.
    checkpoint: resize::Checkpoint,
}

impl Kubelet {
    /// A kubelet that has not started.
    pub fn new(config: Config, seed: u64) -> Kubelet {
        let mut rng = Rng::stream(seed, &format!("kubelet/{}", config.node));
        let phase = Span::millis(rng.below(1_000));
        Kubelet {
            phase,
            rng,
            calls: api::Calls::default(),
            ops: ops::Ops::default(),
            node: node_status::NodeState::default(),
            workers: VecMap::new(),
            services: VecMap::new(),
            services_known: false,
            objects: objects::Objects::default(),
            image_backoff: backoff::Backoff::new(Span::secs(10), Span::secs(300)),
            restart_backoff: backoff::Backoff::new(Span::secs(10), Span::secs(300)),
            pull_errors: VecMap::new(),
            pulls: VecDeque::new(),
            recorder: Recorder::new(Calendar::new(Timestamp(config.epoch)), "kubelet", &config.node),
            left_behind: None,
            skew: 0,
            runtime_known: false,
            pods_known: false,
            images: VecMap::new(),
            network_ready: false,
            probes: prober::Prober::default(),
            hooks: hook::Hooks::new(),
            streams: stream::Streams::default(),
            statics: statics::Statics::default(),
            eviction: eviction::Eviction::default(),
            checkpoint: resize::Checkpoint::default(),
            config,
        }
    }

    /// The machine has been switched on once more.
    pub fn booted(&mut self) {
        self.config.info.boots += 1;
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The pods that it cares for, as the API server has them if it does.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.workers.values().map(Worker::object)
    }

    /// What the worker of each pod is doing, in words, by uid.
    pub fn doing(&self) -> impl Iterator<Item = (&Uid, &'static str)> {
        self.workers.values().map(|w| (&w.object().metadata.uid, w.doing()))
    }

    /// Its machine's clock is ahead by so many seconds from now on.
    pub fn set_skew(&mut self, seconds: i64) {
        self.skew = seconds;
    }

    fn timestamp(&self, at: Time) -> Timestamp {
        Timestamp(self.config.epoch + self.skew + i64::try_from(at.as_secs()).unwrap_or(i64::MAX))
    }

    /// The first tick of the relist after `at`.
    fn tick_after(&self, at: Time) -> Time {
        let past = at.since(Time::ZERO + self.phase).0 / RELIST.0 * RELIST.0;
        Time::ZERO + self.phase + Span(past) + RELIST
    }

    /// `span` and up to half of it more (`wait.Jitter`).
    fn jitter(&mut self, span: Span) -> Span {
        span + Span(self.rng.below(span.0 / 2 + 1))
    }

    fn start(&mut self, now: Time, out: &mut Out<Effect>) {
        self.node_event("Normal", "Starting", "Starting kubelet.", now, out);
        self.register(now, out);
        self.list(api::Target::Services, out);
        self.ask(ops::For::List, CriRequest::List, out);
        self.list(api::Target::Pods, out);
    }
}

impl Component for Kubelet {
    type Input = Input;
    type Effect = Effect;
    type Reason = Reason;

    fn handle(&mut self, input: Input, now: Time, out: &mut Out<Effect>) {
        match input {
            Input::Start => self.start(now, out),
            Input::Answer(answer) => self.answered(answer, now, out),
            Input::Cri(CriEvent::Answer(op, answer)) => self.cri_answered(op, answer, now, out),
            Input::Cri(CriEvent::Container(view)) => self.container_changed(view, now),
            Input::Cri(CriEvent::Sandbox(view)) => self.sandbox_changed(view, now),
            Input::Cri(CriEvent::NetworkReady(ready)) => self.set_network_ready(ready, now, out),
            Input::Cri(CriEvent::MemoryLow) => self.watch_usage(now),
            Input::Cri(CriEvent::SystemOom { process, pid }) => self.tell_system_oom(&process, pid, now, out),
            Input::Cri(CriEvent::Manifests(files)) => self.manifests_changed(&files, now, out),
            Input::Unblocked(container) => self.unblocked(&container, now, out),
            Input::Socket { token, socket, event } => self.probe_socket(token, socket, event, now, out),
            Input::Serve { id, request } => self.serve(id, request, out),
            Input::ServeInput(id, input) => self.serve_input(id, input, out),
            Input::ServeCancel(id) => self.serve_cancel(id, out),
        }
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        self.retry_due(now, out);
        self.mirrors_due(now, out);
        self.node_due(now, out);
        self.probes_due(now, out);
        self.hooks_due(now, out);
        self.eviction_due(now, out);
        self.workers_due(now, out);
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let calls = [self.retry_wake(), self.mirrors_wake(), self.node_wake()];
        let pods = [self.probes_wake(), self.hooks_wake(), self.eviction_wake(), self.workers_wake()];
        calls.into_iter().chain(pods).flatten().min()
    }
}
