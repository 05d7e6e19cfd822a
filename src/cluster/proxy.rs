//! kube-proxy on a node: which mode runs, and what the node's kernel does for it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::cluster::event::{Actor, Happened, Local, NodeIx};
use crate::cluster::host::{POD_NETWORK, owner_of};
use crate::cluster::why::Decides;
use crate::cluster::{Cluster, ProxyMode, Scenario};
use crate::net::addr::NsId;
use crate::net::filter::Table;
use crate::node::kube_proxy::model::Family;
use crate::node::kube_proxy::tracker::Config;
use crate::node::kube_proxy::{Effect, KubeProxy, ipvs, nftables};
use crate::node::network_policy::{NetworkPolicies, Written};
use crate::sim::{EventId, Out, Rng};

/// A kube-proxy that is about to start. `found` are the chains that are in the node's table `nat`, or in that
/// of kube-proxy in nftables mode.
pub(crate) fn proxy_of(
    scenario: &Scenario,
    node: &Arc<str>,
    ip: Ipv4Addr,
    seed: u64,
    found: impl IntoIterator<Item = Arc<str>>,
) -> KubeProxy {
    let proxy = match scenario.proxy {
        ProxyMode::Iptables => KubeProxy::iptables(config(node, ip), found.into_iter()),
        ProxyMode::Ipvs => KubeProxy::ipvs(config(node, ip), scenario.scheduler),
        ProxyMode::Nftables => KubeProxy::nftables(config(node, ip), vec![services()], found.into_iter()),
        ProxyMode::Userspace => KubeProxy::userspace(ip, Rng::stream(seed, &format!("kube-proxy/{node}"))),
    };
    let proxy = proxy.with_epoch(scenario.epoch().0);
    match scenario.policy {
        false => proxy,
        true => proxy.with_policies(NetworkPolicies::new(ip, scenario.epoch().0)),
    }
}

/// The network of virtual addresses.
fn services() -> Ipv4Net {
    "10.96.0.0/12".parse().expect("the services' network is one")
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
        let found: Vec<Arc<str>> = match (self.fabric.ns(ns), self.scenario.proxy) {
            (Some(ns), ProxyMode::Nftables) => ns.nft().chains(nftables::TABLE).cloned().collect(),
            (Some(ns), _) => ns.filter().chains(Table::Nat).map(|(name, _)| name.clone()).collect(),
            (None, _) => Vec::new(),
        };
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

    /// A chain or jump that is there from before a restart is not put in twice.
    fn ensure_rule(&mut self, ns: NsId, table: &str, command: &str) {
        let table = Table::of_name(table).expect("kube-proxy knows its tables");
        let check = command.replacen("-I ", "-C ", 1).replacen("-A ", "-C ", 1);
        if command.starts_with("-N") || self.fabric.iptables(ns, table, &check).is_err() {
            self.fabric.iptables(ns, table, command).ok();
        }
    }

    /// The virtual servers of the kernel, the device that holds their addresses, the sets and the rules. Answers whether
    /// the servers or the addresses changed.
    fn write_ipvs(&mut self, ns: NsId, written: &ipvs::Written) -> bool {
        for (table, command) in &written.hooks {
            self.ensure_rule(ns, table, command);
        }
        let known = self.fabric.ns(ns).and_then(|ns| ns.device_named(ipvs::DEVICE)).map(|device| device.id);
        let dev = known.unwrap_or_else(|| {
            let mac = self.fabric.random_mac();
            self.fabric.add_dummy(ns, ipvs::DEVICE, mac).expect("it was not there")
        });
        let Some(netns) = self.fabric.ns(ns) else { return false };
        let others = netns.devices().filter(|device| device.id != dev).flat_map(|device| &device.addrs);
        let others: Vec<Ipv4Addr> = others.map(Ipv4Net::addr).filter(|ip| !ip.is_loopback()).collect();
        let held: Vec<Ipv4Net> = netns.device(dev).map(|device| device.addrs.clone()).unwrap_or_default();
        let on = written.on(&others);
        let done = self.fabric.edit_filter(ns, |filter| {
            written.sets_of(&on).into_iter().for_each(|(name, set)| filter.put_set(name, set));
            filter.restore(&written.text, true)
        });
        done.expect("kube-proxy writes rules that can be read");
        let mut changed = false;
        for ip in on.bound.iter().filter(|ip| !held.iter().any(|held| held.addr() == **ip)) {
            changed |= self.fabric.add_addr(ns, dev, (*ip).into()).is_ok();
        }
        for gone in held.into_iter().filter(|held| !on.bound.contains(&held.addr())) {
            changed |= self.fabric.remove_addr(ns, dev, gone).is_ok();
        }
        let now = self.now;
        let synced = self.fabric.edit_ipvs(ns, |kernel| on.sync(kernel, written.scheduler, now));
        changed | synced.unwrap_or(false)
    }

    fn rules_written(&mut self, ix: NodeIx, cause: Option<EventId>) {
        let what = Happened::Node { who: Actor::KubeProxy(ix), what: Local::ProxyRules };
        let entry = self.trace.record(self.now, cause, what);
        self.hands.changed(ix, Decides::Rules, Some(entry));
    }

    pub(crate) fn proxy_did(&mut self, ix: NodeIx, effects: Vec<(Option<EventId>, Effect)>) {
        let me = Actor::KubeProxy(ix);
        let Some(ns) = self.host(ix).map(|host| host.ns) else { return };
        for (cause, effect) in effects {
            match effect {
                Effect::Api(call) => self.calls_of(me, vec![(cause, *call)]),
                Effect::Socket(op) => self.node_socket(me, ix, op, cause),
                Effect::Iptables { table, command } => self.ensure_rule(ns, table, &command),
                Effect::Restore(text) => {
                    self.fabric.iptables_restore(ns, &text, true).expect("kube-proxy writes rules that can be read");
                    self.rules_written(ix, cause);
                }
                Effect::Policies(written) => {
                    self.write_policies(ns, *written);
                    self.rules_written(ix, cause);
                }
                Effect::Ipvs(written) => {
                    if self.write_ipvs(ns, &written) {
                        self.rules_written(ix, cause);
                    }
                }
                Effect::Nft(table) => {
                    if self.fabric.load_nft(ns, nftables::TABLE, *table).unwrap_or(false) {
                        self.rules_written(ix, cause);
                    }
                }
                Effect::IpvsReap => {
                    let now = self.now;
                    self.fabric.edit_ipvs(ns, |kernel| ipvs::reap(kernel, now)).ok();
                }
                Effect::ForgetUdp(stale) => {
                    self.fabric.forget_connections(ns, |connection| stale.contains(connection));
                }
            }
        }
    }
}
