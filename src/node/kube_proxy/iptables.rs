//! The iptables mode: writes rules that choose an endpoint for each connection; no packet passes the process.
//!
//! Models `pkg/proxy/iptables/proxier.go` (1.36) with `pkg/proxy/runner/bounded_frequency_runner.go`. A change is written at
//! once unless something was written less than a second ago; what comes meanwhile is written together when that is over.
//! The first writing and one every hour are of everything, the others of the Services that changed. Differs: nobody but
//! kube-proxy changes its chains here, so that they are still there is not checked every 30 s; node ports are not held
//! open and health check ports not served.

pub mod chain;
pub mod rules;
mod service;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::api::{EndpointSlice, Node, Protocol, Service};
use crate::control::cache::Change;
use crate::net::conntrack::Connection;
use crate::net::packet::UDP;
use crate::node::kube_proxy::model::{Model, ServiceNames};
use crate::node::kube_proxy::{Effect, Served, ServicePortName};
use crate::sim::{EventId, Out, Span, Time, VecMap, VecSet};

pub use rules::{Chains, Config, restore};

/// `minSyncPeriod`: rules are not written more often.
const MIN_SYNC: Span = Span::secs(1);
/// Everything is written this often (`FullSyncPeriod`).
const FULL_SYNC: Span = Span::mins(60);
/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

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
    fn of(model: &Model) -> StaleUdp {
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

fn ipv4(ip: IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

/// The proxier of this mode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Iptables {
    config: Config,
    model: Model,
    /// The per-service chains in the kernel.
    chains: Chains,
    /// What is to be written: Services, or everything.
    changed: ServiceNames,
    full: bool,
    /// Whether endpoints of a UDP port changed.
    udp: bool,
    /// The event that first demanded the next writing.
    wanted: Option<Option<EventId>>,
    initialized: bool,
    last: Option<Time>,
    last_full: Option<Time>,
}

impl Iptables {
    /// A proxier that has seen nothing yet. `found` are the chains of table `nat` that are there.
    pub fn new(config: Config, found: impl Iterator<Item = Arc<str>>) -> Iptables {
        // No service port has this name, so what an earlier process left is deleted unless it is wanted again.
        let nobody = ServicePortName { namespace: "".into(), name: "".into(), port: String::new() };
        let found: Vec<Arc<str>> = found.filter(|name| chain::is_per_service(name)).collect();
        Iptables {
            model: Model::new(config.family, config.node.clone()),
            config,
            chains: [(nobody, found)].into_iter().collect(),
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

    /// Writes what is due.
    pub fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.wake_at().is_none_or(|at| at > now) {
            return;
        }
        let cause = self.wanted.take().unwrap_or(out.cause());
        let full = std::mem::take(&mut self.full) || self.last_full.is_none_or(|at| at + FULL_SYNC <= now);
        let changed = std::mem::take(&mut self.changed);
        if full {
            self.last_full = Some(now);
            for (table, command) in chain::hooks() {
                out.push_for(cause, Effect::Iptables { table, command });
            }
        }
        self.last = Some(now);
        let (text, chains) = restore(&self.model, &self.config, (!full).then_some(&changed), &self.chains);
        self.chains = chains;
        out.push_for(cause, Effect::Restore(text));
        if std::mem::take(&mut self.udp) {
            out.push_for(cause, Effect::ForgetUdp(StaleUdp::of(&self.model)));
        }
    }

    /// When something is to be written.
    pub fn wake_at(&self) -> Option<Time> {
        if !self.initialized {
            return None;
        }
        let allowed = self.last.map_or(Time::ZERO, |last| last + MIN_SYNC);
        let wanted = self.wanted.map(|_| allowed);
        let again = self.last_full.map(|last| (last + FULL_SYNC).max(allowed));
        wanted.into_iter().chain(again).min()
    }
}

#[cfg(test)]
mod tests;
