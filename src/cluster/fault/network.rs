//! Faults of a node's network, in the words after `!fault`.
//!
//! ```text
//! link NODE [loss=5%] [duplicate=1%] [delay=20ms] [jitter=5ms] [mtu=1400]   a bad cable; `link NODE` mends it
//! ip-forward NODE off|on          net.ipv4.ip_forward
//! conntrack NODE full|ENTRIES     the table of connections takes no more than it has, or so many
//! stale-route NODE NODE           the first node's route to the pods of the second leads to where nobody is
//! wrong-fdb NODE NODE             the first node's VXLAN entry for the second names another node
//! drop-rule NODE TABLE CHAIN N    the Nth rule of a chain is gone
//! ```
//!
//! The cable mends with `heal`. What flanneld or kube-proxy wrote, they write again when they start.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::cluster::event::NodeIx;
use crate::cluster::power::CARD;
use crate::cluster::scenario::parse_span;
use crate::cluster::{Backend, Cluster};
use crate::net::addr::{DevId, End, NsId};
use crate::net::fault::LinkFault;
use crate::net::filter::Table;
use crate::net::route::Route;

/// A fault of a node's network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NetFault {
    /// The cable.
    Link(LinkFault),
    /// `net.ipv4.ip_forward`.
    IpForward(bool),
    /// `nf_conntrack_max`; `None` for as many as there are now.
    Conntrack(Option<u32>),
    /// The route to the pods of this node is old.
    StaleRoute(NodeIx),
    /// The VXLAN entry of this node is wrong.
    WrongFdb(NodeIx),
    /// A rule is missing.
    DropRule {
        /// The table.
        table: Table,
        /// The chain.
        chain: Arc<str>,
        /// Which rule, from 1.
        number: u32,
    },
}

/// Reads the words of a fault of the network; `None` if they are of another kind.
pub(super) fn parse(
    words: &[&str],
    find: impl Fn(&str) -> Result<NodeIx, String>,
) -> Option<Result<(NodeIx, NetFault), String>> {
    let on = |node: &str, fault: Result<NetFault, String>| Some(find(node).and_then(|ix| Ok((ix, fault?))));
    match words {
        ["link", node, rest @ ..] => on(node, link(rest).map(NetFault::Link)),
        ["ip-forward", node, "on"] => on(node, Ok(NetFault::IpForward(true))),
        ["ip-forward", node, "off"] => on(node, Ok(NetFault::IpForward(false))),
        ["conntrack", node, "full"] => on(node, Ok(NetFault::Conntrack(None))),
        ["conntrack", node, entries] => {
            let wrong = || format!("conntrack takes full or a number of entries, not {entries:?}");
            on(node, entries.parse().map(|n| NetFault::Conntrack(Some(n))).map_err(|_| wrong()))
        }
        ["stale-route", node, to] => on(node, find(to).map(NetFault::StaleRoute)),
        ["wrong-fdb", node, to] => on(node, find(to).map(NetFault::WrongFdb)),
        ["drop-rule", node, table, chain, number] => on(node, rule(table, chain, number)),
        _ => None,
    }
}

fn rule(table: &str, chain: &str, number: &str) -> Result<NetFault, String> {
    let table = Table::of_name(table).ok_or(format!("there is no table {table:?}"))?;
    let number = number.parse().ok().filter(|n| *n > 0).ok_or(format!("{number:?} is no number of a rule"))?;
    Ok(NetFault::DropRule { table, chain: chain.into(), number })
}

fn link(words: &[&str]) -> Result<LinkFault, String> {
    let mut fault = LinkFault::default();
    for word in words {
        let wrong = || format!("{word:?} is none of loss=5%, duplicate=1%, delay=20ms, jitter=5ms, mtu=1400");
        let (key, value) = word.split_once('=').ok_or_else(wrong)?;
        let millionths = || value.trim_end_matches('%').parse::<u32>().ok().filter(|n| *n <= 100).map(|n| n * 10_000);
        match key {
            "loss" => fault.loss = millionths().ok_or_else(wrong)?,
            "duplicate" => fault.duplicate = millionths().ok_or_else(wrong)?,
            "delay" => fault.delay = parse_span(value).ok_or_else(wrong)?,
            "jitter" => fault.jitter = parse_span(value).ok_or_else(wrong)?,
            "mtu" => fault.mtu = Some(value.parse().ok().filter(|mtu| *mtu >= 68).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        }
    }
    Ok(fault)
}

impl Cluster {
    /// Breaks (or mends) the network of a node.
    ///
    /// # Errors
    /// There is nothing to break there.
    pub(in crate::cluster) fn break_network(&mut self, ix: NodeIx, fault: &NetFault) -> Result<(), String> {
        let ns = self.host(ix).ok_or("there is no such node")?.ns;
        match fault {
            NetFault::Link(fault) => {
                if *fault == LinkFault::default() {
                    self.faults.links.remove(&ix);
                } else {
                    self.faults.links.insert(ix, *fault);
                }
                self.cut_cables();
            }
            NetFault::IpForward(on) => self.fabric.set_ip_forward(ns, *on),
            NetFault::Conntrack(entries) => {
                let now = self.fabric.ns(ns).map_or(0, |ns| ns.conntrack().len());
                self.fabric.set_conntrack_max(ns, entries.unwrap_or(now));
            }
            NetFault::StaleRoute(to) => self.stale_route(ix, ns, *to)?,
            NetFault::WrongFdb(to) => self.wrong_fdb(ix, ns, *to)?,
            NetFault::DropRule { table, chain, number } => {
                let line = format!("-D {chain} {number}");
                self.fabric.iptables(ns, *table, &line).map_err(|why| why.to_string())?;
            }
        }
        Ok(())
    }

    /// The node that had the subnet before is gone; the route still leads there.
    fn stale_route(&mut self, ix: NodeIx, ns: NsId, to: NodeIx) -> Result<(), String> {
        let subnet = self.host(to).and_then(|host| host.cni.bridge).map(|(_, addr, _)| addr.trunc());
        let subnet = subnet.ok_or("that node has no subnet yet")?;
        if self.scenario.backend == Backend::Udp {
            let nobody = self.nobody(ns)?;
            return match self.host_mut(ix).is_some_and(|host| host.flanneld.mislead(subnet, nobody)) {
                true => Ok(()),
                false => Err(format!("flanneld has no route to {subnet}")),
            };
        }
        let route = self.fabric.ns(ns).and_then(|ns| ns.routes().iter().find(|route| route.dst == subnet).cloned());
        let route = route.filter(|route| route.via.is_some()).ok_or(format!("there is no route to {subnet}"))?;
        // On the VXLAN device next hops are addresses of subnets, elsewhere of nodes.
        let via = if route.onlink { last_host(subnet) } else { self.nobody(ns)? };
        let stale = Route { via: Some(via), ..(*route).clone() };
        self.fabric.replace_route(ns, stale).map_err(|why| why.to_string())
    }

    fn wrong_fdb(&mut self, ix: NodeIx, ns: NsId, to: NodeIx) -> Result<(), String> {
        let tunnel: Option<DevId> = self.host(ix).and_then(|host| host.tunnel);
        let (Some(dev), Some(mac)) = (tunnel, self.vtep_of(to)) else {
            return Err("only the VXLAN backend has such entries".into());
        };
        let others = (0_u32..).map(NodeIx).zip(&self.hosts).filter(|(other, _)| *other != ix && *other != to);
        let wrong = others.map(|(_, host)| host.ip).next().map_or_else(|| self.nobody(ns), Ok)?;
        self.fabric.set_tunnel(ns, dev, mac, Some(wrong)).map_err(|why| why.to_string())
    }

    /// An address of the nodes' network that no node has: the last one.
    fn nobody(&self, ns: NsId) -> Result<Ipv4Addr, String> {
        let card = self.fabric.ns(ns).and_then(|ns| ns.device_named(CARD));
        card.and_then(|card| card.addrs.first()).map(|net| last_host(*net)).ok_or("the node has no network card".into())
    }

    /// Tells the network which cables are bad.
    pub(in crate::cluster) fn spoil_cables(&mut self) {
        for (ix, host) in (0_u32..).map(NodeIx).zip(&self.hosts) {
            let Some(card) = self.fabric.ns(host.ns).and_then(|ns| ns.device_named(CARD)) else { continue };
            let end = End { ns: host.ns, dev: card.id };
            let fault = self.faults.links.get(&ix).copied().unwrap_or_default();
            self.fabric.faults_mut().set_link(end, fault);
        }
    }
}

fn last_host(net: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(net.broadcast()) - 1)
}
