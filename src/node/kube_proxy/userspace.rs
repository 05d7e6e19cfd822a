//! The userspace mode: listens on a random local port for every service port, has iptables send portal traffic there, and
//! passes each connection on to the backends in turn.
//!
//! Models `pkg/proxy/userspace` (1.11; removed in 1.26). Differs: rules are written as one `iptables-restore` after each
//! change instead of one `iptables` call a rule; the resulting chains are the same.

pub mod balancer;
pub mod connection;
pub mod proxy;
pub mod rules;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

pub use balancer::Balancer;
pub use proxy::Proxy;
pub use rules::Portal;

use crate::api::{Endpoints, Protocol, Service};
use crate::control::cache::Change;
use crate::net::addr::SocketId;
use crate::net::socket::{SocketEvent, SocketOp};
use crate::node::kube_proxy::model::{Family, ServicePort};
use crate::node::kube_proxy::{self, Effect, ServicePortName};
use crate::sim::{Out, Rng, Time, VecMap};

/// A service port that is being served.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Served {
    port: ServicePort,
    token: u64,
    /// The listening socket and its port, once bound.
    listener: Option<(SocketId, u16)>,
}

/// The proxier of this mode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Userspace {
    host: Ipv4Addr,
    services: VecMap<ServicePortName, Served>,
    proxy: Proxy,
    hooked: bool,
    next_token: u64,
}

impl Userspace {
    /// A proxier on the node with the address `host`.
    pub fn new(host: Ipv4Addr, rng: Rng) -> Userspace {
        Userspace { host, services: VecMap::new(), proxy: Proxy::new(Balancer::new(rng)), hooked: false, next_token: 0 }
    }

    /// The service ports, their backends in the order of their turns.
    pub fn served(&self) -> impl Iterator<Item = kube_proxy::Served<'_>> {
        self.services.iter().map(|(name, served)| kube_proxy::Served {
            name,
            local_port: served.listener.map(|(_, port)| port),
            backends: self.proxy.balancer.endpoints(name).iter().copied().map(SocketAddr::V4).collect(),
        })
    }

    /// A Service or its Endpoints changed.
    pub fn changed(&mut self, change: &Change, out: &mut Out<Effect>) {
        let gone = change.deleted();
        if let Some(service) = change.new_as::<Service>() {
            self.service_changed(service, gone, out);
        } else if let Some(endpoints) = change.new_as::<Endpoints>() {
            self.endpoints_changed(endpoints, gone);
        }
    }

    fn service_changed(&mut self, service: &Service, gone: bool, out: &mut Out<Effect>) {
        let wanted: VecMap<ServicePortName, ServicePort> =
            if gone { VecMap::new() } else { portals_of(service).collect() };
        let meta = &service.metadata;
        let of_service = |name: &ServicePortName| *name.namespace == *meta.namespace && *name.name == *meta.name;
        let stale: Vec<ServicePortName> =
            self.services.keys().filter(|n| of_service(n) && !wanted.contains_key(n)).cloned().collect();
        for name in stale {
            self.stop_serving(&name, out);
        }
        for (name, wanted) in wanted {
            self.proxy.balancer.set_service(&name, wanted.affinity);
            match self.services.get_mut(&name) {
                Some(served) if served.port.protocol == wanted.protocol => served.port = wanted,
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

    fn serve(&mut self, name: ServicePortName, port: ServicePort, out: &mut Out<Effect>) {
        self.next_token += 1;
        let token = self.next_token;
        let at = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        out.push(Effect::Socket(match port.protocol {
            Protocol::Udp => SocketOp::Bind { token, at },
            _ => SocketOp::Listen { token, at },
        }));
        self.services.insert(name, Served { port, token, listener: None });
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
                    protocol: served.port.protocol.clone(),
                    addresses: addresses_of(&served.port),
                    port: served.port.port,
                    node_port: served.port.node_port,
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

    /// Something happened on a socket of kube-proxy's.
    pub fn socket(&mut self, socket: SocketId, token: u64, event: SocketEvent, now: Time, out: &mut Out<Effect>) {
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

    /// Gives up what takes too long.
    pub fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        self.proxy.wake(now, out);
    }

    /// When something has taken too long.
    pub fn wake_at(&self) -> Option<Time> {
        self.proxy.wake_at()
    }
}

/// The service ports of a Service that this mode can serve.
fn portals_of(service: &Service) -> impl Iterator<Item = (ServicePortName, ServicePort)> {
    let served = |port: &ServicePort| matches!(port.protocol, Protocol::Tcp | Protocol::Udp);
    ServicePort::of(service, Family::V4).into_iter().filter(move |(_, port)| served(port))
}

/// The addresses that a portal has: the cluster IP, the external IPs and those of a load balancer.
fn addresses_of(port: &ServicePort) -> Vec<Ipv4Addr> {
    let all = std::iter::once(&port.cluster_ip).chain(&port.external_ips).chain(&port.load_balancer_ips);
    let v4 = all.filter_map(|ip| match ip {
        IpAddr::V4(ip) => Some(*ip),
        IpAddr::V6(_) => None,
    });
    v4.collect()
}
