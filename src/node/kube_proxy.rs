//! kube-proxy in userspace mode: listens on a random local port for every service port, has iptables send portal traffic
//! there, and passes each connection on to the backends in turn.
//!
//! Models `pkg/proxy/userspace` (1.11; removed in 1.26). Differs: rules are written as one `iptables-restore` after each
//! change instead of one `iptables` call a rule; the resulting chains are the same.

pub mod balancer;
pub mod connection;
pub mod proxy;
pub mod rules;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

pub use balancer::Balancer;
pub use proxy::Proxy;
pub use rules::Portal;

use crate::api::{Answer, Call, Endpoints, Kind, Protocol, Service, ServiceType};
use crate::control::cache::Change;
use crate::control::informer::{CallIds, Informers};
use crate::net::addr::SocketId;
use crate::net::socket::{SocketEvent, SocketOp};
use crate::sim::{Component, Out, Rng, Span, Time, VecMap, Wake};

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
}

/// Why kube-proxy wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// To ask the API server (again).
    Api,
    /// A try to reach a backend takes too long, or a UDP client was silent for long.
    Timeout,
}

/// A service port that is being served.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Served {
    protocol: Protocol,
    addresses: Vec<Ipv4Addr>,
    port: u16,
    node_port: Option<u16>,
    token: u64,
    /// The listening socket and its port, once bound.
    listener: Option<(SocketId, u16)>,
}

/// kube-proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubeProxy {
    host: Ipv4Addr,
    informers: Informers,
    ids: CallIds,
    services: VecMap<ServicePortName, Served>,
    proxy: Proxy,
    hooked: bool,
    next_token: u64,
}

impl KubeProxy {
    /// A kube-proxy that starts when it is first woken. `host` is the node's address.
    pub fn new(host: Ipv4Addr, rng: Rng) -> KubeProxy {
        KubeProxy {
            host,
            informers: Informers::new([Kind::Service, Kind::Endpoints]),
            ids: CallIds::default(),
            services: VecMap::new(),
            proxy: Proxy::new(Balancer::new(rng)),
            hooked: false,
            next_token: 0,
        }
    }

    /// The service ports with the local ports on which they are served, and their backends in the order of their turns.
    pub fn served(&self) -> impl Iterator<Item = (&ServicePortName, Option<u16>, &[SocketAddrV4])> {
        self.services
            .iter()
            .map(|(name, served)| (name, served.listener.map(|(_, port)| port), self.proxy.balancer.endpoints(name)))
    }

    fn changed(&mut self, change: &Change, out: &mut Out<Effect>) {
        let gone = change.deleted();
        if let Some(service) = change.new_as::<Service>() {
            self.service_changed(service, gone, out);
        } else if let Some(endpoints) = change.new_as::<Endpoints>() {
            self.endpoints_changed(endpoints, gone);
        }
    }

    fn service_changed(&mut self, service: &Service, gone: bool, out: &mut Out<Effect>) {
        let wanted = if gone { VecMap::new() } else { portals_of(service) };
        let meta = &service.metadata;
        let of_service = |name: &ServicePortName| *name.namespace == *meta.namespace && *name.name == *meta.name;
        let stale: Vec<ServicePortName> =
            self.services.keys().filter(|n| of_service(n) && !wanted.contains_key(n)).cloned().collect();
        for name in stale {
            self.stop_serving(&name, out);
        }
        let sticky = sticky_of(service);
        for (name, wanted) in wanted {
            self.proxy.balancer.set_service(&name, sticky);
            match self.services.get_mut(&name) {
                Some(served) if served.protocol == wanted.protocol => {
                    *served = Served { token: served.token, listener: served.listener, ..wanted };
                }
                known => {
                    if known.is_some() {
                        self.stop_serving(&name, out);
                    }
                    self.serve(name, wanted, out);
                }
            }
        }
        self.write_rules(out);
    }

    fn serve(&mut self, name: ServicePortName, wanted: Served, out: &mut Out<Effect>) {
        self.next_token += 1;
        let token = self.next_token;
        let at = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        out.push(Effect::Socket(match wanted.protocol {
            Protocol::Udp => SocketOp::Bind { token, at },
            _ => SocketOp::Listen { token, at },
        }));
        self.services.insert(name, Served { token, ..wanted });
    }

    fn stop_serving(&mut self, name: &ServicePortName, out: &mut Out<Effect>) {
        let served = self.services.remove(name);
        if let Some((socket, _)) = served.and_then(|served| served.listener) {
            out.push(Effect::Socket(SocketOp::Close { socket }));
        }
        self.proxy.balancer.remove_service(name);
    }

    /// Every named port of every subset has the ready addresses of that subset.
    fn endpoints_changed(&mut self, endpoints: &Endpoints, gone: bool) {
        let meta = &endpoints.metadata;
        let mut by_port: VecMap<ServicePortName, Vec<SocketAddrV4>> = VecMap::new();
        for subset in if gone { &[][..] } else { &endpoints.subsets } {
            for port in &subset.ports {
                let name = ServicePortName {
                    namespace: meta.namespace.as_str().into(),
                    name: meta.name.as_str().into(),
                    port: port.name.clone(),
                };
                let number = u16::try_from(port.port).unwrap_or(0);
                let addresses = subset.addresses.iter().filter_map(|address| address.ip.parse().ok());
                by_port.entry(name).or_default().extend(addresses.map(|ip| SocketAddrV4::new(ip, number)));
            }
        }
        let of_service = |name: &&ServicePortName| *name.namespace == *meta.namespace && *name.name == *meta.name;
        let served: Vec<ServicePortName> = self.services.keys().filter(of_service).cloned().collect();
        for name in served {
            by_port.entry(name).or_default();
        }
        for (name, endpoints) in by_port {
            self.proxy.balancer.set_endpoints(&name, &endpoints);
        }
    }

    fn write_rules(&mut self, out: &mut Out<Effect>) {
        if !std::mem::replace(&mut self.hooked, true) {
            for (table, command) in rules::hooks() {
                out.push(Effect::Iptables { table, command });
            }
        }
        let portals: Vec<Portal> = self
            .services
            .iter()
            .filter_map(|(name, served)| {
                Some(Portal {
                    name: name.clone(),
                    protocol: served.protocol.clone(),
                    addresses: served.addresses.clone(),
                    port: served.port,
                    node_port: served.node_port,
                    proxy_port: served.listener?.1,
                })
            })
            .collect();
        out.push(Effect::Restore(rules::restore(&portals, self.host)));
    }

    /// The service port that a listening socket is for.
    fn name_of(&self, listener: SocketId) -> Option<ServicePortName> {
        self.services
            .iter()
            .find(|(_, s)| s.listener.is_some_and(|(id, _)| id == listener))
            .map(|(name, _)| name.clone())
    }

    fn socket(&mut self, socket: SocketId, token: u64, event: SocketEvent, now: Time, out: &mut Out<Effect>) {
        match event {
            SocketEvent::Bound { at } => {
                let served = self.services.values_mut().find(|served| served.token == token);
                match served {
                    Some(served) => {
                        served.listener = Some((socket, at.port()));
                        self.write_rules(out);
                    }
                    None if proxy::is_outgoing(token) => self.proxy.bound(socket, token, out),
                    // The service went away meanwhile.
                    None => out.push(Effect::Socket(SocketOp::Close { socket })),
                }
            }
            SocketEvent::Accepted { listener, peer, flow, .. } => match self.name_of(listener) {
                Some(name) => self.proxy.accepted(name, socket, peer, flow, now, out),
                None => out.push(Effect::Socket(SocketOp::Abort { socket })),
            },
            SocketEvent::Datagram { from, ref bytes, tag, .. } if !proxy::is_outgoing(token) => {
                if let Some(name) = self.name_of(socket) {
                    self.proxy.datagram(name, socket, from, bytes.to_vec(), tag.flow, now, out);
                }
            }
            event => self.proxy.handle(socket, token, event, now, out),
        }
    }
}

/// The service ports of a service that have a virtual address.
fn portals_of(service: &Service) -> VecMap<ServicePortName, Served> {
    let spec = &service.spec;
    let Ok(cluster_ip) = spec.cluster_ip.parse::<Ipv4Addr>() else { return VecMap::new() };
    if spec.r#type == ServiceType::ExternalName {
        return VecMap::new();
    }
    let external = spec.external_ips.iter().filter_map(|ip| ip.parse().ok());
    let addresses: Vec<Ipv4Addr> = std::iter::once(cluster_ip).chain(external).collect();
    let served = |port: &crate::api::ServicePort| {
        let name = ServicePortName {
            namespace: service.metadata.namespace.as_str().into(),
            name: service.metadata.name.as_str().into(),
            port: port.name.clone(),
        };
        let number = |n: i32| u16::try_from(n).ok().filter(|n| *n > 0);
        let served = Served {
            protocol: port.protocol.clone(),
            addresses: addresses.clone(),
            port: number(port.port)?,
            node_port: number(port.node_port),
            token: 0,
            listener: None,
        };
        matches!(port.protocol, Protocol::Tcp | Protocol::Udp).then_some((name, served))
    };
    spec.ports.iter().filter_map(served).collect()
}

/// How long a client stays with its backend.
fn sticky_of(service: &Service) -> Option<Span> {
    if service.spec.session_affinity != "ClientIP" {
        return None;
    }
    let config = service.spec.rest.get("sessionAffinityConfig");
    let seconds = config.and_then(|c| c["clientIP"]["timeoutSeconds"].as_u64()).unwrap_or(10_800);
    Some(Span::secs(seconds))
}

impl Component for KubeProxy {
    type Input = Input;
    type Effect = Effect;
    type Reason = Reason;

    fn handle(&mut self, input: Input, now: Time, out: &mut Out<Effect>) {
        match input {
            Input::Api(answer) => {
                let Some(told) = self.informers.handle(&answer, now, &mut self.ids) else { return };
                for (id, request) in told.calls {
                    out.push(Effect::Api(Box::new(Call { id, request, origin: None })));
                }
                for change in &told.changes {
                    self.changed(change, out);
                }
            }
            Input::Socket { socket, token, event } => self.socket(socket, token, event, now, out),
        }
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        for (id, request) in self.informers.wake(now, &mut self.ids) {
            out.push(Effect::Api(Box::new(Call { id, request, origin: None })));
        }
        self.proxy.wake(now, out);
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let api = self.informers.wake_at().map(|(at, _)| Wake { at, why: Reason::Api });
        let timeout = self.proxy.wake_at().map(|at| Wake { at, why: Reason::Timeout });
        api.into_iter().chain(timeout).min()
    }
}
