//! The ipvs mode: a virtual server of the kernel for every address of a Service, a few rules and sets for what IPVS cannot do.
//!
//! Models `pkg/proxy/ipvs/proxier.go` and `graceful_termination.go` (1.36). Everything is written every time, and every 30 s.
//! A real server that is not wanted any more gets weight 0 and goes when its last connection has ended, which is looked at
//! every minute; one of UDP goes at once. Differs: virtual servers come in the order of the Services' names, where upstream
//! takes them as its map gives them; SCTP node ports are in no set.

mod rules;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use crate::api::Protocol;
use crate::net::filter::set::{IpSet, Member, SetKind};
use crate::net::ipvs::{Ipvs as Kernel, Scheduler, VirtualAt};
use crate::net::packet::{TCP, UDP};
use crate::node::kube_proxy::Effect;
use crate::node::kube_proxy::model::Endpoint;
use crate::node::kube_proxy::topology::Usable;
use crate::node::kube_proxy::tracker::{Config, StaleUdp, Tracker, ipv4};
use crate::sim::{Out, Span, Time, VecMap, VecSet};

use rules::Sets;

/// The device that holds the addresses of Services.
pub const DEVICE: &str = "kube-ipvs0";
/// `syncPeriod`: everything is written this often.
pub const SYNC: Span = Span::secs(30);
/// Real servers that are on their way out are looked at this often (`rsCheckDeleteInterval`).
pub const REAP: Span = Span::mins(1);
/// IP protocol number of SCTP.
const SCTP: u8 = 132;

/// Where a virtual server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Where {
    /// At this address, which the device holds unless another one of the node does.
    Address(Ipv4Addr),
    /// At every address of the node but those of loopback and of the device.
    Node,
}

/// A virtual server that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Virtual {
    /// Where.
    pub at: Where,
    /// Protocol number.
    pub proto: u8,
    /// The port.
    pub port: u16,
    /// How long a client stays with its server.
    pub persistent: Option<Span>,
    /// The real servers, each once.
    pub servers: VecSet<SocketAddrV4>,
}

/// What the kernel is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Written {
    /// Commands that make the chains and put the jumps to them in front of the built-in ones, each with its table.
    pub hooks: Vec<(&'static str, String)>,
    /// How servers are chosen.
    pub scheduler: Scheduler,
    /// The virtual servers.
    pub servers: Vec<Virtual>,
    /// The sets, without the one of the addresses that the device holds.
    pub sets: VecMap<Arc<str>, IpSet>,
    /// The input of `iptables-restore --noflush`.
    pub text: String,
}

/// The same for a node with these addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnNode {
    /// The virtual servers.
    pub servers: VecMap<VirtualAt, (Option<Span>, VecSet<SocketAddrV4>)>,
    /// The addresses that the device holds.
    pub bound: VecSet<Ipv4Addr>,
}

impl Written {
    /// For a node with these addresses, besides loopback's and the device's own.
    pub fn on(&self, addresses: &[Ipv4Addr]) -> OnNode {
        let mut on = OnNode::default();
        for wanted in &self.servers {
            let own: &[Ipv4Addr] = match &wanted.at {
                Where::Address(ip) => std::slice::from_ref(ip),
                Where::Node => addresses,
            };
            for ip in own {
                let at = VirtualAt { proto: wanted.proto, at: SocketAddrV4::new(*ip, wanted.port) };
                on.servers.insert(at, (wanted.persistent, wanted.servers.clone()));
                if wanted.at != Where::Node && !addresses.contains(ip) {
                    on.bound.insert(*ip);
                }
            }
        }
        on
    }

    /// All sets for that node.
    pub fn sets_of(&self, on: &OnNode) -> VecMap<Arc<str>, IpSet> {
        let bound = IpSet::of(SetKind::HashIp, on.bound.iter().copied().map(Member::ip));
        let mut sets = self.sets.clone();
        sets.insert(rules::IPVS_IPS.into(), bound);
        sets
    }
}

impl OnNode {
    /// Makes the kernel's virtual servers these. Answers whether anything changed.
    pub fn sync(&self, kernel: &mut Kernel, scheduler: Scheduler, now: Time) -> bool {
        let stale: Vec<VirtualAt> =
            kernel.services().map(|(at, _)| *at).filter(|at| !self.servers.contains_key(at)).collect();
        let mut changed = !stale.is_empty();
        stale.into_iter().for_each(|at| kernel.remove_service(at));
        for (at, (persistent, servers)) in &self.servers {
            changed |= kernel.put_service(*at, scheduler, *persistent);
            for server in servers.iter().rev() {
                changed |= kernel.put_server(*at, *server, 1);
            }
            let known = kernel.service(*at).map(|service| service.servers().to_vec()).unwrap_or_default();
            for old in known.iter().filter(|old| old.weight > 0 && !servers.contains(&old.at)) {
                changed = true;
                if ended(kernel, *at, old.at, now) {
                    kernel.remove_server(*at, old.at);
                } else {
                    kernel.put_server(*at, old.at, 0);
                }
            }
        }
        changed
    }
}

/// Takes the real servers away that have weight 0 and no connection.
pub fn reap(kernel: &mut Kernel, now: Time) {
    let all = kernel.services().flat_map(|(at, service)| service.servers().iter().map(move |server| (*at, *server)));
    let over: Vec<_> = all.filter(|(at, server)| server.weight == 0 && ended(kernel, *at, server.at, now)).collect();
    over.into_iter().for_each(|(at, server)| kernel.remove_server(at, server.at));
}

fn ended(kernel: &Kernel, at: VirtualAt, server: SocketAddrV4, now: Time) -> bool {
    at.proto == UDP || kernel.connections_of(at, server, now) == (0, 0)
}

/// The proxier of this mode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ipvs {
    /// What is to be written, and when.
    pub tracker: Tracker,
    scheduler: Scheduler,
    /// When it looks again at real servers that are on their way out.
    reap_at: Time,
}

impl Ipvs {
    /// A proxier that has seen nothing yet.
    pub fn new(config: Config, scheduler: Scheduler) -> Ipvs {
        Ipvs { tracker: Tracker::new(config, Span::ZERO, SYNC), scheduler, reap_at: Time::ZERO }
    }

    /// Writes what is due.
    pub fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.tracker.wake_at().is_some() && self.reap_at <= now {
            self.reap_at = now + REAP;
            out.push(Effect::IpvsReap);
        }
        let Some(due) = self.tracker.due(now, out.cause()) else { return };
        out.push_for(due.cause, Effect::Ipvs(Box::new(written(&self.tracker, self.scheduler))));
        if due.udp {
            out.push_for(due.cause, Effect::ForgetUdp(StaleUdp::of(&self.tracker.model)));
        }
    }

    /// When something is to be done.
    pub fn wake_at(&self) -> Option<Time> {
        self.tracker.wake_at().map(|at| at.min(self.reap_at))
    }
}

fn number_of(protocol: &Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => TCP,
        Protocol::Udp => UDP,
        _ => SCTP,
    }
}

fn address(at: SocketAddr) -> Option<SocketAddrV4> {
    ipv4(at.ip()).map(|ip| SocketAddrV4::new(ip, at.port()))
}

/// Everything that the kernel is to be told.
fn written(tracker: &Tracker, scheduler: Scheduler) -> Written {
    let Tracker { model, config, .. } = tracker;
    let (mut servers, mut sets) = (Vec::new(), Sets::new(config.node_ip));
    for (name, service) in model.services() {
        let endpoints = model.endpoints(name);
        let usable = Usable::of(endpoints, service, &config.node, config.zone.as_deref());
        let proto = number_of(&service.protocol);
        let real = |local_only: bool| {
            // Without a local one, those of all nodes: the answer would not find back, but pods of the node get through.
            let chosen: &[&Endpoint] =
                if local_only && !usable.local.is_empty() { &usable.local } else { &usable.cluster };
            chosen.iter().filter_map(|endpoint| address(endpoint.at)).collect::<VecSet<_>>()
        };
        let mut put = |at: Where, port: u16, local_only: bool| {
            servers.push(Virtual { at, proto, port, persistent: service.affinity, servers: real(local_only) });
        };
        sets.service(service, endpoints, proto);
        if let Some(ip) = ipv4(service.cluster_ip) {
            put(Where::Address(ip), service.port, service.internal_local);
        }
        for ip in service.external_ips.iter().chain(&service.load_balancer_ips).filter_map(|ip| ipv4(*ip)) {
            put(Where::Address(ip), service.port, service.external_local);
        }
        if let Some(port) = service.node_port {
            put(Where::Node, port, service.external_local);
        }
    }
    Written { hooks: rules::hooks(), scheduler, servers, text: rules::restore(&sets, config), sets: sets.into_sets() }
}

#[cfg(test)]
mod tests;
