//! Routes: longest prefix first, then the lowest metric.
//!
//! Models net/ipv4/fib_trie.c in what it answers. Two tables, as in Linux: `local` (own addresses and broadcast addresses,
//! asked first) and `main`. No policy routing, no multipath.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::net::addr::DevId;
use crate::sim::VecMap;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// To where; `0.0.0.0/0` is the default route.
    pub dst: Ipv4Net,
    /// The next hop; `None` if the destination is on the link itself.
    pub via: Option<Ipv4Addr>,
    /// The device.
    pub dev: DevId,
    /// The name of the device.
    pub dev_name: Arc<str>,
    /// The preferred source address.
    pub src: Option<Ipv4Addr>,
    /// How far the destination is.
    pub scope: Scope,
    /// Who put it there.
    pub proto: RouteProto,
    /// The lower, the better.
    pub metric: u32,
    /// Whether the next hop counts as on the link although no address says so.
    pub onlink: bool,
    /// What happens to a packet that takes it.
    pub kind: RouteKind,
}

/// How far a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Anywhere.
    Universe,
    /// On this link.
    Link,
    /// On this host.
    Host,
}

/// Who put a route there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteProto {
    /// The kernel, when an address was added.
    Kernel,
    /// `ip route add` and whoever says nothing about it.
    Boot,
    /// The administrator.
    Static,
    /// A DHCP client.
    Dhcp,
}

/// What happens to a packet that takes a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// It is sent on.
    Unicast,
    /// It is for this host.
    Local,
    /// It is for everybody on the link.
    Broadcast,
    /// It is dropped without a word.
    Blackhole,
    /// It is answered with "host unreachable".
    Unreachable,
}

impl Route {
    /// An ordinary route, as `ip route add DST [via VIA] dev DEV` makes it: scope link without a gateway.
    pub fn new(dst: Ipv4Net, via: Option<Ipv4Addr>, dev: DevId, dev_name: Arc<str>) -> Route {
        Route {
            dst: dst.trunc(),
            via,
            dev,
            dev_name,
            src: None,
            scope: if via.is_some() { Scope::Universe } else { Scope::Link },
            proto: RouteProto::Boot,
            metric: 0,
            onlink: false,
            kind: RouteKind::Unicast,
        }
    }

    /// Whom to ask for the hardware address when sending to `dst` by this route.
    pub fn next_hop(&self, dst: Ipv4Addr) -> Ipv4Addr {
        self.via.unwrap_or(dst)
    }
}

impl fmt::Display for Route {
    /// The line of `ip route`, without the blank at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            RouteKind::Unicast => {}
            RouteKind::Local => write!(f, "local ")?,
            RouteKind::Broadcast => write!(f, "broadcast ")?,
            RouteKind::Blackhole => write!(f, "blackhole ")?,
            RouteKind::Unreachable => write!(f, "unreachable ")?,
        }
        match self.dst.prefix_len() {
            0 => write!(f, "default")?,
            32 => write!(f, "{}", self.dst.addr())?,
            _ => write!(f, "{}", self.dst)?,
        }
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        write!(f, " dev {}", self.dev_name)?;
        match self.proto {
            RouteProto::Boot => {}
            RouteProto::Kernel => write!(f, " proto kernel")?,
            RouteProto::Static => write!(f, " proto static")?,
            RouteProto::Dhcp => write!(f, " proto dhcp")?,
        }
        match self.scope {
            Scope::Universe => {}
            Scope::Link => write!(f, " scope link")?,
            Scope::Host => write!(f, " scope host")?,
        }
        if let Some(src) = self.src {
            write!(f, " src {src}")?;
        }
        if self.metric > 0 {
            write!(f, " metric {}", self.metric)?;
        }
        if self.onlink { write!(f, " onlink") } else { Ok(()) }
    }
}

/// A table of routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RouteTable {
    /// By prefix length, longest last; then by network; each list by metric.
    by_len: VecMap<u8, VecMap<u32, Vec<Arc<Route>>>>,
}

impl RouteTable {
    /// Adds a route; `false` if there is one to the same destination with the same metric ("File exists").
    pub fn add(&mut self, route: Route) -> bool {
        let nets = self.by_len.entry(route.dst.prefix_len()).or_default();
        let list = nets.entry(route.dst.network().to_bits()).or_default();
        let at = list.partition_point(|r| r.metric < route.metric);
        if list.get(at).is_some_and(|r| r.metric == route.metric) {
            return false;
        }
        list.insert(at, Arc::new(route));
        true
    }

    /// Adds a route or takes the place of the one with the same destination and metric.
    pub fn replace(&mut self, route: Route) {
        self.retain(|r| (r.dst, r.metric) != (route.dst, route.metric));
        self.add(route);
    }

    /// Takes out the routes that `wanted` says no to; answers how many went.
    pub fn retain(&mut self, wanted: impl Fn(&Route) -> bool) -> usize {
        let mut gone = 0;
        for nets in self.by_len.values_mut() {
            for list in nets.values_mut() {
                let before = list.len();
                list.retain(|r| wanted(r));
                gone += before - list.len();
            }
            nets.retain(|_, list| !list.is_empty());
        }
        self.by_len.retain(|_, nets| !nets.is_empty());
        gone
    }

    /// The route for `to`.
    pub fn lookup(&self, to: Ipv4Addr) -> Option<&Arc<Route>> {
        self.by_len.iter().rev().find_map(|(len, nets)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(*len)).unwrap_or(0);
            nets.get(&(to.to_bits() & mask))?.first()
        })
    }

    /// All routes in the order of `ip route`: the default first, then by network.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        let mut all: Vec<&Arc<Route>> = self.by_len.values().flat_map(VecMap::values).flatten().collect();
        all.sort_by_key(|r| (r.dst.network(), r.dst.prefix_len(), r.metric));
        all.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &[(&str, Option<&str>, &str, u32)]) -> RouteTable {
        let mut table = RouteTable::default();
        for (dst, via, dev, metric) in lines {
            let via = via.map(|v| v.parse().expect("an address"));
            let mut route = Route::new(dst.parse().expect("a net"), via, DevId(1), (*dev).into());
            route.metric = *metric;
            assert!(table.add(route));
        }
        table
    }

    #[test]
    fn the_longest_prefix_wins_then_the_lowest_metric() {
        let table = table(&[
            ("0.0.0.0/0", Some("192.168.0.1"), "eth0", 0),
            ("10.244.0.0/16", None, "flannel0", 0),
            ("10.244.1.0/24", None, "docker0", 10),
            ("10.244.1.0/24", None, "better0", 5),
            ("10.244.1.9/32", None, "one0", 0),
        ]);
        for (to, dev) in
            [("10.244.1.9", "one0"), ("10.244.1.8", "better0"), ("10.244.2.8", "flannel0"), ("8.8.8.8", "eth0")]
        {
            assert_eq!(&*table.lookup(to.parse().expect("an address")).expect("a route").dev_name, dev);
        }
    }

    #[test]
    fn the_same_destination_and_metric_exists_already() {
        let mut table = table(&[("10.0.0.0/8", None, "a", 0)]);
        let again = Route::new("10.0.0.0/8".parse().expect("a net"), None, DevId(2), "b".into());
        assert!(!table.add(again.clone()));
        table.replace(again);
        assert_eq!(table.iter().map(|r| r.to_string()).collect::<Vec<_>>(), ["10.0.0.0/8 dev b scope link"]);
        assert_eq!(table.retain(|r| r.dev != DevId(2)), 1);
        assert!(table.lookup("10.0.0.1".parse().expect("an address")).is_none());
    }
}
