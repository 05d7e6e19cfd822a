//! The nftables mode: a table of chains, and maps that lead from an address and port to the chain of a service.
//!
//! Models `pkg/proxy/nftables/proxier.go` (1.36). A chain that is not wanted any more is emptied first and deleted at a later
//! writing, a second after at the earliest. Differs: the whole table is made anew at every writing, where upstream writes what
//! changed; services come in the order of their names, where upstream takes them as its map gives them.

mod chains;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::net::nft::{Chain, Table};
use crate::node::kube_proxy::Effect;
use crate::node::kube_proxy::tracker::{Config, StaleUdp, Tracker, ipv4};
use crate::sim::{Out, Span, Time, VecMap, VecSet};

/// The table.
pub const TABLE: &str = "kube-proxy";
/// `minSyncPeriod`: nothing is written more often.
const MIN_SYNC: Span = Span::secs(1);
/// Everything is written this often.
const FULL_SYNC: Span = Span::mins(60);

/// The proxier of this mode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nftables {
    /// What is to be written, and when.
    pub tracker: Tracker,
    /// From where virtual addresses are taken.
    service_cidrs: Vec<Ipv4Net>,
    /// The chains of services and endpoints that were written last.
    written: VecSet<Arc<str>>,
    /// Those that were emptied, and when.
    stale: VecMap<Arc<str>, Time>,
}

impl Nftables {
    /// A proxier that has seen nothing yet. `found` are the chains of its table that are there.
    pub fn new(config: Config, service_cidrs: Vec<Ipv4Net>, found: impl Iterator<Item = Arc<str>>) -> Nftables {
        // Only the chains of services and endpoints have a slash in their names.
        let written = found.filter(|name| name.contains('/')).collect();
        let tracker = Tracker::new(config, MIN_SYNC, FULL_SYNC);
        Nftables { tracker, service_cidrs, written, stale: VecMap::new() }
    }

    /// Writes what is due.
    pub fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        let Some(due) = self.tracker.due(now, out.cause()) else { return };
        self.stale.retain(|_, since| *since + Span::secs(1) >= now);
        let mut table = chains::table(&self.tracker.model, &self.tracker.config, &self.service_cidrs);
        let wanted: VecSet<Arc<str>> =
            table.chains.iter().map(|(name, _)| name).filter(|name| name.contains('/')).cloned().collect();
        self.stale.retain(|name, _| !wanted.contains(name));
        for name in self.written.iter().filter(|name| !wanted.contains(*name)) {
            self.stale.insert(name.clone(), now);
        }
        table.chains.extend(self.stale.keys().map(|name| (name.clone(), Chain::default())));
        self.written = wanted;
        out.push_for(due.cause, Effect::Nft(Box::new(table)));
        if due.udp {
            out.push_for(due.cause, Effect::ForgetUdp(StaleUdp::of(&self.tracker.model)));
        }
    }
}

fn address(at: SocketAddr) -> Option<SocketAddrV4> {
    ipv4(at.ip()).map(|ip| SocketAddrV4::new(ip, at.port()))
}

#[cfg(test)]
mod tests;
