//! The iptables mode: writes rules that choose an endpoint for each connection; no packet passes the process.
//!
//! Models `pkg/proxy/iptables/proxier.go` (1.36). The first writing and one every hour are of everything, the others of the
//! Services that changed. Differs: nobody but kube-proxy changes its chains here, so that they are still there is not checked
//! every 30 s; node ports are not held open.

pub mod chain;
pub mod rules;
pub(crate) mod service;

use std::sync::Arc;

use crate::node::kube_proxy::tracker::{Config, StaleUdp, Tracker};
use crate::node::kube_proxy::{Effect, ServicePortName};
use crate::sim::{Out, Span, Time};

pub use rules::{Chains, restore};

/// `minSyncPeriod`: rules are not written more often.
pub const MIN_SYNC: Span = Span::secs(1);
/// Everything is written this often (`FullSyncPeriod`).
pub const FULL_SYNC: Span = Span::mins(60);

/// The proxier of this mode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Iptables {
    /// What is to be written, and when.
    pub tracker: Tracker,
    /// The per-service chains in the kernel.
    chains: Chains,
}

impl Iptables {
    /// A proxier that has seen nothing yet. `found` are the chains of table `nat` that are there.
    pub fn new(config: Config, found: impl Iterator<Item = Arc<str>>) -> Iptables {
        // No service port has this name, so what an earlier process left is deleted unless it is wanted again.
        let nobody = ServicePortName { namespace: "".into(), name: "".into(), port: String::new() };
        let found: Vec<Arc<str>> = found.filter(|name| chain::is_per_service(name)).collect();
        Iptables { tracker: Tracker::new(config, MIN_SYNC, FULL_SYNC), chains: [(nobody, found)].into_iter().collect() }
    }

    /// Writes what is due.
    pub fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        let Some(due) = self.tracker.due(now, out.cause()) else { return };
        if due.full {
            for (table, command) in chain::hooks() {
                out.push_for(due.cause, Effect::Iptables { table, command });
            }
        }
        let Tracker { model, config, .. } = &self.tracker;
        let (text, chains) = restore(model, config, (!due.full).then_some(&due.changed), &self.chains);
        self.chains = chains;
        out.push_for(due.cause, Effect::Restore(text));
        if due.udp {
            out.push_for(due.cause, Effect::ForgetUdp(StaleUdp::of(&self.tracker.model)));
        }
    }
}

#[cfg(test)]
mod tests;
