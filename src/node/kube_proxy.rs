//! kube-proxy: makes Services reachable from its node.
//!
//! Models `cmd/kube-proxy`. Two modes: [`userspace`], in which every connection runs through the process, and [`iptables`],
//! in which the kernel's rules do it all. What both need to know is in [`model`]. If policies are enforced, the controller that
//! does it runs in the same process, as in k3s.

pub mod iptables;
pub mod model;
pub mod topology;
pub mod userspace;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::api::{Answer, Call, CallId, Kind, Request};
use crate::control::informer::{CallIds, Informers};
use crate::net::addr::SocketId;
use crate::net::socket::{SocketEvent, SocketOp};
use crate::node::kube_proxy::iptables::{Config, Iptables, StaleUdp};
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
    policies: Option<Box<NetworkPolicies>>,
}

/// How it makes Services reachable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Mode {
    Userspace(Userspace),
    Iptables(Iptables),
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
            policies: None,
        }
    }

    /// The same in iptables mode. `found` are the chains of table `nat` that are there when it starts.
    pub fn iptables(config: Config, found: impl Iterator<Item = Arc<str>>) -> KubeProxy {
        let own_node = format!("metadata.name={}", config.node);
        let kinds = [(Kind::Service, String::new()), (Kind::EndpointSlice, String::new()), (Kind::Node, own_node)];
        KubeProxy {
            informers: Informers::selected(kinds),
            ids: CallIds::default(),
            mode: Mode::Iptables(Iptables::new(config, found)),
            policies: None,
        }
    }

    /// The same with a controller that enforces network policies.
    #[must_use]
    pub fn with_policies(self, policies: NetworkPolicies) -> KubeProxy {
        KubeProxy { policies: Some(Box::new(policies)), ..self }
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
            Mode::Iptables(mode) => mode.served().collect(),
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
                match &mut self.mode {
                    Mode::Userspace(mode) => told.changes.iter().for_each(|change| mode.changed(change, out)),
                    Mode::Iptables(mode) => {
                        told.changes.iter().for_each(|change| mode.changed(change, out.cause()));
                        mode.synced(self.informers.synced(), out.cause());
                        mode.wake(now, out);
                    }
                }
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
        match &mut self.mode {
            Mode::Userspace(mode) => mode.wake(now, out),
            Mode::Iptables(mode) => mode.wake(now, out),
        }
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let policies = self.policies.as_ref().and_then(|policies| policies.informers.wake_at());
        let calls = self.informers.wake_at().into_iter().chain(policies);
        let api = calls.map(|(at, _)| Wake { at, why: Reason::Api }).min();
        let mode = match &self.mode {
            Mode::Userspace(mode) => mode.wake_at().map(|at| Wake { at, why: Reason::Timeout }),
            Mode::Iptables(mode) => mode.wake_at().map(|at| Wake { at, why: Reason::Sync }),
        };
        api.into_iter().chain(mode).min()
    }
}
