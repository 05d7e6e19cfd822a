//! kube-proxy on a node: which mode runs, and what the node's kernel does for it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::cluster::event::{Actor, Happened, Local, NodeIx};
use crate::cluster::host::{POD_NETWORK, owner_of};
use crate::cluster::{Cluster, ProxyMode, Scenario};
use crate::net::addr::NsId;
use crate::net::filter::Table;
use crate::node::kube_proxy::iptables::Config;
use crate::node::kube_proxy::model::Family;
use crate::node::kube_proxy::{Effect, KubeProxy};
use crate::node::network_policy::{NetworkPolicies, Written};
use crate::sim::{EventId, Out, Rng};

/// A kube-proxy that is about to start. `found` are the chains that are in the node's table `nat`.
pub(crate) fn proxy_of(
    scenario: &Scenario,
    node: &Arc<str>,
    ip: Ipv4Addr,
    seed: u64,
    found: impl IntoIterator<Item = Arc<str>>,
) -> KubeProxy {
    let proxy = match scenario.proxy {
        ProxyMode::Iptables => KubeProxy::iptables(config(node, ip), found.into_iter()),
        _ => KubeProxy::userspace(ip, Rng::stream(seed, &format!("kube-proxy/{node}"))),
    };
    match scenario.policy {
        false => proxy,
        true => proxy.with_policies(NetworkPolicies::new(ip, scenario.epoch().0)),
    }
}

fn config(node: &Arc<str>, ip: Ipv4Addr) -> Config {
    Config {
        family: Family::V4,
        node: node.clone(),
        node_ip: ip.into(),
        zone: None,
        pods: Some(POD_NETWORK.parse().expect("the pods' network is one")),
        masquerade_all: false,
        localhost_node_ports: true,
        node_port_addresses: None,
        random_fully: true,
    }
}

impl Cluster {
    /// kube-proxy's memory and sockets are gone; the kernel keeps its rules.
    pub(crate) fn proxy_stops(&mut self, ix: NodeIx) {
        let (now, seed) = (self.now, self.scenario.seed.wrapping_add(self.events));
        let Some((name, ip, ns)) = self.host(ix).map(|host| (host.name.clone(), host.ip, host.ns)) else { return };
        let chains = self.fabric.ns(ns).into_iter().flat_map(|ns| ns.filter().chains(Table::Nat));
        let found: Vec<Arc<str>> = chains.map(|(name, _)| name.clone()).collect();
        let proxy = proxy_of(&self.scenario, &name, ip, seed, found);
        if let Some(host) = self.host_mut(ix) {
            host.proxy = proxy;
        }
        let mut out = Out::default();
        self.fabric.kill_owner(ns, owner_of(Actor::KubeProxy(ix)), now, &mut out);
        let effects = out.take_caused();
        self.fabric_did(effects);
    }

    /// The rules and sets of network policies; a jump that is there already stays as it is.
    fn write_policies(&mut self, ns: NsId, written: Written) {
        for command in written.hooks {
            let check = command.replacen("-I ", "-C ", 1).replacen(" 1 ", " ", 1);
            if command.starts_with("-N") || self.fabric.iptables(ns, Table::Filter, &check).is_err() {
                self.fabric.iptables(ns, Table::Filter, &command).ok();
            }
        }
        let done = self.fabric.edit_filter(ns, |filter| {
            filter.keep_sets(|name| !name.starts_with("KUBE-SRC-") && !name.starts_with("KUBE-DST-"));
            written.sets.into_iter().for_each(|(name, set)| filter.put_set(name, set));
            filter.restore(&written.text, true)
        });
        done.expect("the controller writes rules that can be read");
    }

    pub(crate) fn proxy_did(&mut self, ix: NodeIx, effects: Vec<(Option<EventId>, Effect)>) {
        let me = Actor::KubeProxy(ix);
        let Some(ns) = self.host(ix).map(|host| host.ns) else { return };
        for (cause, effect) in effects {
            match effect {
                Effect::Api(call) => self.calls_of(me, vec![(cause, *call)]),
                Effect::Socket(op) => self.node_socket(me, ix, op, cause),
                Effect::Iptables { table, command } => {
                    let table = Table::of_name(table).expect("kube-proxy knows its tables");
                    // A hook that is there from before a restart is not put in twice.
                    let check = command.replacen("-I ", "-C ", 1).replacen("-A ", "-C ", 1);
                    if command.starts_with("-N") || self.fabric.iptables(ns, table, &check).is_err() {
                        self.fabric.iptables(ns, table, &command).ok();
                    }
                }
                Effect::Restore(text) => {
                    self.fabric.iptables_restore(ns, &text, true).expect("kube-proxy writes rules that can be read");
                    self.trace.record(self.now, cause, Happened::Node { who: me, what: Local::ProxyRules });
                }
                Effect::Policies(written) => {
                    self.write_policies(ns, *written);
                    self.trace.record(self.now, cause, Happened::Node { who: me, what: Local::ProxyRules });
                }
                Effect::ForgetUdp(stale) => {
                    self.fabric.forget_connections(ns, |connection| stale.contains(connection));
                }
            }
        }
    }
}
