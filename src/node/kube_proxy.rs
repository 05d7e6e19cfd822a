//! kube-proxy: makes Services reachable from its node.
//!
//! Models `cmd/kube-proxy`. Its modes: [`userspace`], in which every connection runs through the process, [`iptables`] and
//! [`nftables`], in which the kernel's rules do it all, and [`ipvs`], in which its virtual servers do. What they need to know is in [`model`]. If policies are enforced, the controller that
//! does it runs in the same process, as in k3s. Load balancers ask [`health`] whether a node takes traffic.

pub mod health;
pub mod iptables;
pub mod ipvs;
pub mod model;
pub mod nftables;
pub mod topology;
pub mod tracker;
pub mod userspace;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::api::{Answer, Call, CallId, Kind, Node, Request};
use crate::control::informer::{CallIds, Informers};
use crate::net::addr::SocketId;
use crate::net::ipvs::Scheduler;
use crate::net::nft;
use crate::net::socket::{SocketEvent, SocketOp};
use crate::node::kube_proxy::health::Health;
use crate::node::kube_proxy::iptables::Iptables;
use crate::node::kube_proxy::ipvs::Ipvs;
use crate::node::kube_proxy::nftables::Nftables;
use crate::node::kube_proxy::tracker::{Config, StaleUdp, Tracker};
use crate::node::kube_proxy::userspace::Userspace;
use crate::node::network_policy::{NetworkPolicies, Written};
use crate::sim::{Component, Out, Rng, Time, Wake};

/// A port of a service: `default/web:http`, or `default/web` for an unnamed port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServicePortName {
    /// The service's namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The port's name.
    pub port: String,
}

impl fmt::Display for ServicePortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)?;
        if self.port.is_empty() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// What reaches kube-proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The API server answers.
    Api(Answer),
    /// Something happened on one of its sockets.
    Socket {
        /// The socket.
        socket: SocketId,
        /// What kube-proxy calls it.
        token: u64,
        /// What happened.
        event: SocketEvent,
    },
}

/// What kube-proxy wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Ask the API server.
    Api(Box<Call>),
    /// Use a socket of the node.
    Socket(SocketOp),
    /// Run `iptables -t TABLE COMMAND` once.
    Iptables {
        /// The table.
        table: &'static str,
        /// The command.
        command: String,
    },
    /// Run `iptables-restore --noflush` with this text.
    Restore(String),
    /// Write the rules and sets of policies.
    Policies(Box<Written>),
    /// Make the virtual servers, sets and rules these.
    Ipvs(Box<ipvs::Written>),
    /// Take the real servers away that have weight 0 and no connection.
    IpvsReap,
    /// Make its table of nftables be this.
    Nft(Box<nft::Table>),
    /// Forget these connections.
    ForgetUdp(StaleUdp),
}

/// Why kube-proxy wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// To ask the API server (again).
    Api,
    /// A try to reach a backend takes too long, or a UDP client was silent for long.
    Timeout,
    /// To write the rules.
    Sync,
}

/// kube-proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubeProxy {
    informers: Informers,
    ids: CallIds,
    mode: Mode,
    health: Health,
    policies: Option<Box<NetworkPolicies>>,
}

/// How it makes Services reachable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Mode {
    Userspace(Userspace),
    Iptables(Iptables),
    Ipvs(Ipvs),
    Nftables(Nftables),
}

impl Mode {
    /// What it keeps of Services, unless every connection runs through it.
    fn tracker(&mut self) -> Option<&mut Tracker> {
        match self {
            Mode::Userspace(_) => None,
            Mode::Iptables(mode) => Some(&mut mode.tracker),
            Mode::Ipvs(mode) => Some(&mut mode.tracker),
            Mode::Nftables(mode) => Some(&mut mode.tracker),
        }
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        match self {
            Mode::Userspace(mode) => mode.wake(now, out),
            Mode::Iptables(mode) => mode.wake(now, out),
            Mode::Ipvs(mode) => mode.wake(now, out),
            Mode::Nftables(mode) => mode.wake(now, out),
        }
    }
}

/// A service port as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served<'a> {
    /// Its name.
    pub name: &'a ServicePortName,
    /// The local port on which it is served, in userspace mode, once it is bound.
    pub local_port: Option<u16>,
    /// Its backends; in userspace mode in the order of their turns.
    pub backends: Vec<SocketAddr>,
}

impl KubeProxy {
    /// A kube-proxy in userspace mode that starts when it is first woken. `host` is the node's address.
    pub fn userspace(host: Ipv4Addr, rng: Rng) -> KubeProxy {
        KubeProxy {
            informers: Informers::new([Kind::Service, Kind::Endpoints]),
            ids: CallIds::default(),
            mode: Mode::Userspace(Userspace::new(host, rng)),
            health: Health::new(0),
            policies: None,
        }
    }

    /// The same in iptables mode. `found` are the chains of table `nat` that are there when it starts.
    pub fn iptables(config: Config, found: impl Iterator<Item = Arc<str>>) -> KubeProxy {
        let node = config.node.clone();
        KubeProxy::of(Mode::Iptables(Iptables::new(config, found)), &node)
    }

    /// The same in ipvs mode.
    pub fn ipvs(config: Config, scheduler: Scheduler) -> KubeProxy {
        let node = config.node.clone();
        KubeProxy::of(Mode::Ipvs(Ipvs::new(config, scheduler)), &node)
    }

    /// The same in nftables mode. `service_cidrs` are the networks of virtual addresses, `found` the chains of its table that
    /// are there when it starts.
    pub fn nftables(config: Config, service_cidrs: Vec<Ipv4Net>, found: impl Iterator<Item = Arc<str>>) -> KubeProxy {
        let node = config.node.clone();
        KubeProxy::of(Mode::Nftables(Nftables::new(config, service_cidrs, found)), &node)
    }

    fn of(mode: Mode, node: &str) -> KubeProxy {
        let own_node = format!("metadata.name={node}");
        let kinds = [(Kind::Service, String::new()), (Kind::EndpointSlice, String::new()), (Kind::Node, own_node)];
        let (ids, health) = (CallIds::default(), Health::new(0));
        KubeProxy { informers: Informers::selected(kinds), ids, mode, health, policies: None }
    }

    /// The same for a clock that shows `epoch` seconds since the Unix epoch at virtual time zero.
    #[must_use]
    pub fn with_epoch(self, epoch: i64) -> KubeProxy {
        KubeProxy { health: Health::new(epoch), ..self }
    }

    /// The same with a controller that enforces network policies.
    #[must_use]
    pub fn with_policies(self, policies: NetworkPolicies) -> KubeProxy {
        KubeProxy { policies: Some(Box::new(policies)), ..self }
    }

    /// Writes what is due, then opens and closes the ports of health checks as it was written.
    fn mode_wakes(&mut self, now: Time, out: &mut Out<Effect>) {
        self.mode.wake(now, out);
        if let Some(tracker) = self.mode.tracker().filter(|tracker| tracker.written_at() == Some(now)) {
            self.health.written(&tracker.model, now, out);
        }
    }

    /// The controller of policies takes an answer in, if it is for it.
    fn policies_told(&mut self, answer: &Answer, now: Time, out: &mut Out<Effect>) {
        let Some(policies) = &mut self.policies else { return };
        let Some(told) = policies.informers.handle(answer, now, &mut self.ids) else { return };
        told.calls.into_iter().for_each(|made| out.push(call(made)));
        told.changes.iter().for_each(|change| policies.changed(change));
        if let Some(written) = policies.sync(now) {
            out.push(Effect::Policies(Box::new(written)));
        }
    }

    /// The service ports.
    pub fn served(&self) -> Vec<Served<'_>> {
        match &self.mode {
            Mode::Userspace(mode) => mode.served().collect(),
            Mode::Iptables(mode) => mode.tracker.served().collect(),
            Mode::Ipvs(mode) => mode.tracker.served().collect(),
            Mode::Nftables(mode) => mode.tracker.served().collect(),
        }
    }
}

fn call((id, request): (CallId, Request)) -> Effect {
    Effect::Api(Box::new(Call { id, request, origin: None }))
}

impl Component for KubeProxy {
    type Input = Input;
    type Effect = Effect;
    type Reason = Reason;

    fn handle(&mut self, input: Input, now: Time, out: &mut Out<Effect>) {
        match input {
            Input::Api(answer) => {
                let Some(told) = self.informers.handle(&answer, now, &mut self.ids) else {
                    return self.policies_told(&answer, now, out);
                };
                told.calls.into_iter().for_each(|made| out.push(call(made)));
                if let Mode::Userspace(mode) = &mut self.mode {
                    told.changes.iter().for_each(|change| mode.changed(change, out));
                } else if let Some(tracker) = self.mode.tracker() {
                    told.changes.iter().for_each(|change| tracker.changed(change, out.cause()));
                    tracker.synced(self.informers.synced(), out.cause());
                    let nodes =
                        told.changes.iter().filter_map(|change| Some((change.new_as::<Node>()?, change.deleted())));
                    nodes.for_each(|(node, gone)| self.health.node_is(node, gone));
                    self.mode_wakes(now, out);
                }
            }
            Input::Socket { socket, token, event } if Health::is_its(token) => {
                self.health.socket(socket, token, event, now, out);
            }
            Input::Socket { socket, token, event } => {
                if let Mode::Userspace(mode) = &mut self.mode {
                    mode.socket(socket, token, event, now, out);
                }
            }
        }
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        self.informers.wake(now, &mut self.ids).into_iter().for_each(|made| out.push(call(made)));
        if let Some(policies) = &mut self.policies {
            policies.informers.wake(now, &mut self.ids).into_iter().for_each(|made| out.push(call(made)));
        }
        self.health.start(now, out);
        self.mode_wakes(now, out);
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let policies = self.policies.as_ref().and_then(|policies| policies.informers.wake_at());
        let calls = self.informers.wake_at().into_iter().chain(policies);
        let api = calls.map(|(at, _)| Wake { at, why: Reason::Api }).min();
        let mode = match &self.mode {
            Mode::Userspace(mode) => mode.wake_at().map(|at| Wake { at, why: Reason::Timeout }),
            Mode::Iptables(mode) => mode.tracker.wake_at().map(|at| Wake { at, why: Reason::Sync }),
            Mode::Nftables(mode) => mode.tracker.wake_at().map(|at| Wake { at, why: Reason::Sync }),
            Mode::Ipvs(mode) => mode.wake_at().map(|at| Wake { at, why: Reason::Sync }),
        };
        api.into_iter().chain(mode).min()
    }
}
