//! What a proxier has seen, what of it is to be written, and when: common to the modes that write rules.
//!
//! Models `pkg/proxy/runner/bounded_frequency_runner.go`. A change is written at once unless something was written less than
//! a while ago; what comes meanwhile is written together when that is over.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::IpNet;

use crate::api::{EndpointSlice, Node, Protocol, Service};
use crate::control::cache::Change;
use crate::net::conntrack::Connection;
use crate::net::packet::UDP;
use crate::node::kube_proxy::Served;
use crate::node::kube_proxy::model::{Family, Model, ServiceNames};
use crate::sim::{EventId, Span, Time, VecMap, VecSet};

/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// What kube-proxy is told when it starts, and the zone of its node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The family that it serves.
    pub family: Family,
    /// Its node.
    pub node: Arc<str>,
    /// The node's address.
    pub node_ip: IpAddr,
    /// `topology.kubernetes.io/zone` of the node.
    pub zone: Option<Arc<str>>,
    /// `clusterCIDR`: from where pods send; `None` if that cannot be told.
    pub pods: Option<IpNet>,
    /// `iptables.masqueradeAll`.
    pub masquerade_all: bool,
    /// `iptables.localhostNodePorts`.
    pub localhost_node_ports: bool,
    /// The addresses that have node ports; `None`: all of the node's.
    pub node_port_addresses: Option<Vec<IpAddr>>,
    /// Whether iptables knows `--random-fully`.
    pub random_fully: bool,
}

#[cfg(test)]
impl Config {
    /// That of a worker whose pods are in 10.244.0.0/16.
    pub(super) fn of_test() -> Config {
        Config {
            family: Family::V4,
            node: "node1".into(),
            node_ip: IpAddr::from([192, 168, 1, 21]),
            zone: None,
            pods: Some("10.244.0.0/16".parse().expect("a network")),
            masquerade_all: false,
            localhost_node_ports: true,
            node_port_addresses: None,
            random_fully: true,
        }
    }
}

/// UDP connections whose endpoint does not serve any more: kept, they would lead there for ever.
/// Models `pkg/proxy/conntrack/cleanup.go`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StaleUdp {
    /// The addresses of endpoints that serve, by address and port of the service.
    by_address: VecMap<(Ipv4Addr, u16), VecSet<Ipv4Addr>>,
    /// The same by node port.
    by_node_port: VecMap<u16, VecSet<Ipv4Addr>>,
}

impl StaleUdp {
    /// Of a Service without any serving endpoint connections are kept.
    pub fn of(model: &Model) -> StaleUdp {
        let mut stale = StaleUdp::default();
        for (name, port) in model.services().filter(|(_, port)| port.protocol == Protocol::Udp) {
            let serving = model.endpoints(name).iter().filter(|e| e.serving).filter_map(|e| ipv4(e.at.ip()));
            let serving: VecSet<Ipv4Addr> = serving.collect();
            if serving.is_empty() {
                continue;
            }
            let others = port.load_balancer_ips.iter().chain(&port.external_ips);
            for ip in std::iter::once(&port.cluster_ip).chain(others).filter_map(|ip| ipv4(*ip)) {
                stale.by_address.insert((ip, port.port), serving.clone());
            }
            if let Some(node_port) = port.node_port {
                stale.by_node_port.insert(node_port, serving);
            }
        }
        stale
    }

    /// Whether a connection is one of them.
    pub fn contains(&self, connection: &Connection) -> bool {
        let (to, answerer) = (connection.orig.dst, connection.reply.src.0);
        let gone = |serving: Option<&VecSet<Ipv4Addr>>| serving.is_some_and(|serving| !serving.contains(&answerer));
        connection.orig.proto == UDP && (gone(self.by_address.get(&to)) || gone(self.by_node_port.get(&to.1)))
    }
}

/// An address, if it is one of IPv4.
pub(super) fn ipv4(ip: IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

/// What is to be written now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The event that first demanded it.
    pub cause: Option<EventId>,
    /// Whether everything is to be written, not only what changed.
    pub full: bool,
    /// The Services that changed.
    pub changed: ServiceNames,
    /// Whether endpoints of a UDP port changed.
    pub udp: bool,
}

/// The services and endpoints, and the writing that they want.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tracker {
    /// What kube-proxy was told when it started.
    pub config: Config,
    /// The services and endpoints.
    pub model: Model,
    min_sync: Span,
    full_sync: Span,
    changed: ServiceNames,
    full: bool,
    udp: bool,
    wanted: Option<Option<EventId>>,
    initialized: bool,
    last: Option<Time>,
    last_full: Option<Time>,
}

impl Tracker {
    /// Nothing seen yet. Something is written at most every `min_sync`, everything at least every `full_sync`.
    pub fn new(config: Config, min_sync: Span, full_sync: Span) -> Tracker {
        Tracker {
            model: Model::new(config.family, config.node.clone()),
            config,
            min_sync,
            full_sync,
            changed: ServiceNames::new(),
            full: true,
            udp: false,
            wanted: None,
            initialized: false,
            last: None,
            last_full: None,
        }
    }

    /// The service ports with their endpoints.
    pub fn served(&self) -> impl Iterator<Item = Served<'_>> {
        self.model.services().map(|(name, _)| Served {
            name,
            local_port: None,
            backends: self.model.endpoints(name).iter().map(|endpoint| endpoint.at).collect(),
        })
    }

    /// A Service, a slice or the node changed; `cause` is the event that told.
    pub fn changed(&mut self, change: &Change, cause: Option<EventId>) {
        let gone = change.deleted();
        let changed = if let Some(service) = change.new_as::<Service>() {
            self.model.set_service(service, gone)
        } else if let Some(slice) = change.new_as::<EndpointSlice>() {
            let service = self.model.set_slice(slice, gone);
            self.udp |= service.as_ref().is_some_and(|service| self.model.has_protocol(service, &Protocol::Udp));
            service
        } else if let Some(node) = change.new_as::<Node>() {
            return self.zone_is(node.metadata.labels.get(ZONE).map(|zone| zone.as_str().into()), cause);
        } else {
            None
        };
        if let Some(service) = changed {
            self.changed.insert(service);
            self.wanted.get_or_insert(cause);
        }
    }

    fn zone_is(&mut self, zone: Option<Arc<str>>, cause: Option<EventId>) {
        if self.config.zone != zone {
            self.config.zone = zone;
            self.full = true;
            self.wanted.get_or_insert(cause);
        }
    }

    /// Whether everything has been listed: before that nothing is written, and then something is at once.
    pub fn synced(&mut self, synced: bool, cause: Option<EventId>) {
        if synced && !self.initialized {
            self.initialized = true;
            self.wanted.get_or_insert(cause);
        }
    }

    /// What is to be written at `now`; it counts as written from then on.
    pub fn due(&mut self, now: Time, cause: Option<EventId>) -> Option<Due> {
        self.wake_at().filter(|at| *at <= now)?;
        let cause = self.wanted.take().unwrap_or(cause);
        let full = std::mem::take(&mut self.full) || self.last_full.is_none_or(|at| at + self.full_sync <= now);
        if full {
            self.last_full = Some(now);
        }
        self.last = Some(now);
        Some(Due { cause, full, changed: std::mem::take(&mut self.changed), udp: std::mem::take(&mut self.udp) })
    }

    /// When something was written last.
    pub fn written_at(&self) -> Option<Time> {
        self.last
    }

    /// When something is to be written.
    pub fn wake_at(&self) -> Option<Time> {
        if !self.initialized {
            return None;
        }
        let allowed = self.last.map_or(Time::ZERO, |last| last + self.min_sync);
        let wanted = self.wanted.map(|_| allowed);
        let again = self.last_full.map(|last| (last + self.full_sync).max(allowed));
        wanted.into_iter().chain(again).min()
    }
}
