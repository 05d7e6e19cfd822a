//! The sets and the few rules of the ipvs mode: what is masqueraded, what may come in, what the firewall of a load balancer
//! drops. Models `writeIptablesRules`, `ipsetInfo` and `ipsetWithIptablesChain` of `pkg/proxy/ipvs/proxier.go` (1.36).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

use crate::net::filter::set::{IpSet, Member, SetKind};
use crate::net::filter::text::proto_name;
use crate::net::packet::{TCP, UDP};
use crate::node::kube_proxy::iptables::service::Lines;
use crate::node::kube_proxy::model::{Endpoint, ServicePort};
use crate::node::kube_proxy::tracker::Config;
use crate::node::kube_proxy::tracker::ipv4;
use crate::sim::{VecMap, VecSet};

/// The mark of what is to be masqueraded.
const MASQUERADE: &str = "0x00004000";

const SERVICES: &str = "KUBE-SERVICES";
const POSTROUTING: &str = "KUBE-POSTROUTING";
const NODE_PORT: &str = "KUBE-NODE-PORT";
const LOAD_BALANCER: &str = "KUBE-LOAD-BALANCER";
const MARK_MASQ: &str = "KUBE-MARK-MASQ";
const FORWARD: &str = "KUBE-FORWARD";
const FIREWALL: &str = "KUBE-PROXY-FIREWALL";
const SOURCE_RANGES: &str = "KUBE-SOURCE-RANGES-FIREWALL";
const FILTER: &str = "KUBE-IPVS-FILTER";
const OUT_FILTER: &str = "KUBE-IPVS-OUT-FILTER";

/// The set of the addresses that the device holds.
pub const IPVS_IPS: &str = "KUBE-IPVS-IPS";
const LOOP_BACK: &str = "KUBE-LOOP-BACK";
const CLUSTER_IP: &str = "KUBE-CLUSTER-IP";
const EXTERNAL_IP: &str = "KUBE-EXTERNAL-IP";
const EXTERNAL_IP_LOCAL: &str = "KUBE-EXTERNAL-IP-LOCAL";
const BALANCER: &str = "KUBE-LOAD-BALANCER";
const BALANCER_LOCAL: &str = "KUBE-LOAD-BALANCER-LOCAL";
const BALANCER_FW: &str = "KUBE-LOAD-BALANCER-FW";
const BALANCER_SOURCE_IP: &str = "KUBE-LOAD-BALANCER-SOURCE-IP";
const BALANCER_SOURCE_CIDR: &str = "KUBE-LOAD-BALANCER-SOURCE-CIDR";
const NODE_TCP: &str = "KUBE-NODE-PORT-TCP";
const NODE_LOCAL_TCP: &str = "KUBE-NODE-PORT-LOCAL-TCP";
const NODE_UDP: &str = "KUBE-NODE-PORT-UDP";
const NODE_LOCAL_UDP: &str = "KUBE-NODE-PORT-LOCAL-UDP";
const NODE_SCTP: &str = "KUBE-NODE-PORT-SCTP-HASH";
const NODE_LOCAL_SCTP: &str = "KUBE-NODE-PORT-LOCAL-SCTP-HASH";
const HEALTH_CHECK: &str = "KUBE-HEALTH-CHECK-NODE-PORT";

/// The sets: name, kind, and what the rules that ask them have for a comment.
const SETS: [(&str, SetKind, &str); 16] = [
    (LOOP_BACK, SetKind::HashIpPortIp, "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"),
    (CLUSTER_IP, SetKind::HashIpPort, "Kubernetes service cluster ip + port for masquerade purpose"),
    (EXTERNAL_IP, SetKind::HashIpPort, "Kubernetes service external ip + port for masquerade and filter purpose"),
    (EXTERNAL_IP_LOCAL, SetKind::HashIpPort, "Kubernetes service external ip + port with externalTrafficPolicy=local"),
    (BALANCER, SetKind::HashIpPort, "Kubernetes service lb portal"),
    (BALANCER_FW, SetKind::HashIpPort, "Kubernetes service load balancer ip + port for load balancer with sourceRange"),
    (
        BALANCER_LOCAL,
        SetKind::HashIpPort,
        "Kubernetes service load balancer ip + port with externalTrafficPolicy=local",
    ),
    (
        BALANCER_SOURCE_IP,
        SetKind::HashIpPortIp,
        "Kubernetes service load balancer ip + port + source IP for packet filter purpose",
    ),
    (
        BALANCER_SOURCE_CIDR,
        SetKind::HashIpPortNet,
        "Kubernetes service load balancer ip + port + source cidr for packet filter purpose",
    ),
    (NODE_TCP, SetKind::BitmapPort, "Kubernetes nodeport TCP port for masquerade purpose"),
    (NODE_LOCAL_TCP, SetKind::BitmapPort, "Kubernetes nodeport TCP port with externalTrafficPolicy=local"),
    (NODE_UDP, SetKind::BitmapPort, "Kubernetes nodeport UDP port for masquerade purpose"),
    (NODE_LOCAL_UDP, SetKind::BitmapPort, "Kubernetes nodeport UDP port with externalTrafficPolicy=local"),
    (NODE_SCTP, SetKind::HashIpPort, "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'"),
    (
        NODE_LOCAL_SCTP,
        SetKind::HashIpPort,
        "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
    ),
    (HEALTH_CHECK, SetKind::BitmapPort, "Kubernetes health check node port"),
];

/// A rule that asks a set: the set, whether the table is `nat`, the chain, where it jumps, the directions, the protocol.
type Asking = (&'static str, bool, &'static str, &'static str, &'static str, &'static str);

/// The rules that ask sets, in their order; each is there only while its set has members.
const ASKING: [Asking; 10] = [
    (LOOP_BACK, true, POSTROUTING, "MASQUERADE", "dst,dst,src", ""),
    (BALANCER, true, SERVICES, LOAD_BALANCER, "dst,dst", ""),
    (BALANCER_LOCAL, true, LOAD_BALANCER, "RETURN", "dst,dst", ""),
    (NODE_LOCAL_TCP, true, NODE_PORT, "RETURN", "dst", "tcp"),
    (NODE_TCP, true, NODE_PORT, MARK_MASQ, "dst", "tcp"),
    (NODE_LOCAL_UDP, true, NODE_PORT, "RETURN", "dst", "udp"),
    (NODE_UDP, true, NODE_PORT, MARK_MASQ, "dst", "udp"),
    (BALANCER_FW, false, FIREWALL, SOURCE_RANGES, "dst,dst", ""),
    (BALANCER_SOURCE_CIDR, false, SOURCE_RANGES, "RETURN", "dst,dst,src", ""),
    (BALANCER_SOURCE_IP, false, SOURCE_RANGES, "RETURN", "dst,dst,src", ""),
];

/// What the sets are filled with.
pub struct Sets {
    node_ip: IpAddr,
    members: VecMap<&'static str, VecSet<Member>>,
    /// Load balancers' addresses with protocol and port that the node itself may not reach.
    closed: Vec<(Ipv4Addr, u8, u16)>,
}

impl Sets {
    /// Empty ones, on the node with that address.
    pub fn new(node_ip: IpAddr) -> Sets {
        Sets { node_ip, members: VecMap::new(), closed: Vec::new() }
    }

    fn put(&mut self, set: &'static str, member: Member) {
        self.members.entry(set).or_default().insert(member);
    }

    fn has_any(&self, set: &str) -> bool {
        self.members.get(set).is_some_and(|members| !members.is_empty())
    }

    /// Puts in what a service port adds.
    pub fn service(&mut self, service: &ServicePort, endpoints: &[Endpoint], proto: u8) {
        let portal = |ip: Ipv4Addr| Member { port: Some((proto, service.port)), ..Member::ip(ip) };
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.local) {
            if let Some(ip) = ipv4(endpoint.at.ip()) {
                let port = Some((proto, endpoint.at.port()));
                self.put(LOOP_BACK, Member { port, second: Some(ip.into()), ..Member::ip(ip) });
            }
        }
        if let Some(ip) = ipv4(service.cluster_ip) {
            self.put(CLUSTER_IP, portal(ip));
        }
        for ip in service.external_ips.iter().filter_map(|ip| ipv4(*ip)) {
            self.put(if service.external_local { EXTERNAL_IP_LOCAL } else { EXTERNAL_IP }, portal(ip));
        }
        for ip in service.load_balancer_ips.iter().filter_map(|ip| ipv4(*ip)) {
            self.put(BALANCER, portal(ip));
            if service.external_local {
                self.put(BALANCER_LOCAL, portal(ip));
            }
            if !service.source_ranges.is_empty() {
                self.firewall(service, ip, portal(ip));
            }
        }
        let port_of = |port: u16| Member { port: Some((0, port)), ..Member::default() };
        if let Some(port) = service.node_port {
            let sets = match proto {
                TCP => Some((NODE_TCP, NODE_LOCAL_TCP)),
                UDP => Some((NODE_UDP, NODE_LOCAL_UDP)),
                _ => None,
            };
            if let Some((all, local)) = sets {
                self.put(all, port_of(port));
                if service.external_local {
                    self.put(local, port_of(port));
                }
            }
        }
        if let Some(port) = service.health_check_port {
            self.put(HEALTH_CHECK, port_of(port));
        }
    }

    /// Who may use a load balancer's address.
    fn firewall(&mut self, service: &ServicePort, ip: Ipv4Addr, portal: Member) {
        self.put(BALANCER_FW, portal);
        for range in &service.source_ranges {
            if let IpNet::V4(range) = range {
                self.put(BALANCER_SOURCE_CIDR, Member { second: Some(*range), ..portal });
            }
        }
        if service.source_ranges.iter().any(|range| range.contains(&self.node_ip)) {
            self.put(BALANCER_SOURCE_IP, Member { second: Some(Ipv4Net::from(ip)), ..portal });
        } else if let Some((proto, port)) = portal.port {
            self.closed.push((ip, proto, port));
        }
    }

    /// As the kernel keeps them: all of them, the empty ones too.
    pub fn into_sets(self) -> VecMap<Arc<str>, IpSet> {
        let of = |name: &str| self.members.get(name).into_iter().flatten().copied();
        SETS.iter().map(|(name, kind, _)| (Arc::from(*name), IpSet::of(*kind, of(name)))).collect()
    }
}

/// The commands that make the chains and the jumps to them, each with its table.
pub fn hooks() -> Vec<(&'static str, String)> {
    let jumps = [
        ("nat", "OUTPUT", SERVICES, "kubernetes service portals"),
        ("nat", "PREROUTING", SERVICES, "kubernetes service portals"),
        ("nat", "POSTROUTING", POSTROUTING, "kubernetes postrouting rules"),
        ("filter", "FORWARD", FORWARD, "kubernetes forwarding rules"),
        ("filter", "INPUT", NODE_PORT, "kubernetes health check rules"),
        ("filter", "INPUT", FIREWALL, "kube-proxy firewall rules"),
        ("filter", "FORWARD", FIREWALL, "kube-proxy firewall rules"),
        ("filter", "INPUT", FILTER, "kubernetes ipvs access filter"),
        ("filter", "OUTPUT", OUT_FILTER, "kubernetes ipvs access filter"),
    ];
    let new = CHAINS.into_iter().map(|(table, chain)| (table, format!("-N {chain}")));
    let jumps = jumps
        .into_iter()
        .map(|(table, from, to, comment)| (table, format!("-I {from} -m comment --comment {comment:?} -j {to}")));
    new.chain(jumps).collect()
}

const CHAINS: [(&str, &str); 11] = [
    ("nat", SERVICES),
    ("nat", POSTROUTING),
    ("nat", NODE_PORT),
    ("nat", LOAD_BALANCER),
    ("nat", MARK_MASQ),
    ("filter", FORWARD),
    ("filter", NODE_PORT),
    ("filter", FIREWALL),
    ("filter", SOURCE_RANGES),
    ("filter", FILTER),
    ("filter", OUT_FILTER),
];

/// The input of `iptables-restore --noflush`.
pub fn restore(sets: &Sets, config: &Config) -> String {
    let (mut nat, mut filter) = (Lines::default(), Lines::default());
    for (table, chain) in CHAINS {
        if table == "nat" { &mut nat } else { &mut filter }.chain(chain);
    }
    nat.rule(SERVICES, format_args!("-s 127.0.0.0/8 -j RETURN"));
    for (set, in_nat, from, to, dirs, proto) in ASKING.into_iter().filter(|asking| sets.has_any(asking.0)) {
        let proto = if proto.is_empty() { String::new() } else { format!("-p {proto} ") };
        let rule = format!("{proto}{} -j {to}", asks(set, dirs));
        if in_nat { &mut nat } else { &mut filter }.rule(from, format_args!("{rule}"));
    }
    services(sets, config, &mut nat);
    filtering(sets, &mut filter);
    nat.rule(POSTROUTING, format_args!("-m mark ! --mark {MASQUERADE}/{MASQUERADE} -j RETURN"));
    nat.rule(POSTROUTING, format_args!("-j MARK --xor-mark {MASQUERADE}"));
    let random = if config.random_fully { " --random-fully" } else { "" };
    let comment = "kubernetes service traffic requiring SNAT";
    nat.rule(POSTROUTING, format_args!("-m comment --comment {comment:?} -j MASQUERADE{random}"));
    nat.rule(MARK_MASQ, format_args!("-j MARK --or-mark {MASQUERADE}"));
    format!("*nat\n{nat}COMMIT\n*filter\n{filter}COMMIT\n")
}

/// The matches of a rule that asks a set.
fn asks(set: &str, dirs: &str) -> String {
    let (.., comment) = SETS.iter().find(|(name, ..)| *name == set).expect("rules ask sets of the table");
    format!("-m comment --comment \"{comment}\" -m set --match-set {set} {dirs}")
}

/// What is marked to be masqueraded, and that IPVS gets the rest.
fn services(sets: &Sets, config: &Config, nat: &mut Lines) {
    if sets.has_any(CLUSTER_IP) {
        let rule = match (config.masquerade_all, config.pods) {
            (true, _) => asks(CLUSTER_IP, "dst,dst"),
            (false, Some(pods)) => format!("{} ! -s {pods}", asks(CLUSTER_IP, "dst,dst")),
            // What the node sends to a virtual address comes from that address.
            (false, None) => asks(CLUSTER_IP, "src,dst"),
        };
        nat.rule(SERVICES, format_args!("{rule} -j {MARK_MASQ}"));
    }
    for set in [EXTERNAL_IP, EXTERNAL_IP_LOCAL].into_iter().filter(|set| sets.has_any(set)) {
        let asks = asks(set, "dst,dst");
        if set == EXTERNAL_IP {
            nat.rule(SERVICES, format_args!("{asks} -j {MARK_MASQ}"));
        }
        nat.rule(
            SERVICES,
            format_args!("{asks} -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT"),
        );
        nat.rule(SERVICES, format_args!("{asks} -m addrtype --dst-type LOCAL -j ACCEPT"));
    }
    nat.rule(SERVICES, format_args!("-m addrtype --dst-type LOCAL -j {NODE_PORT}"));
    nat.rule(LOAD_BALANCER, format_args!("-j {MARK_MASQ}"));
    for set in [CLUSTER_IP, BALANCER].into_iter().filter(|set| sets.has_any(set)) {
        nat.rule(SERVICES, format_args!("-m set --match-set {set} dst,dst -j ACCEPT"));
    }
}

fn filtering(sets: &Sets, filter: &mut Lines) {
    filter.rule(SOURCE_RANGES, format_args!("-j DROP"));
    for (ip, proto, port) in &sets.closed {
        let proto = proto_name(*proto);
        filter.rule(OUT_FILTER, format_args!("-s {ip} -m ipvs --vaddr {ip} --vproto {proto} --vport {port} -j DROP"));
    }
    let forwarding = "kubernetes forwarding rules";
    filter.rule(
        FORWARD,
        format_args!("-m comment --comment {forwarding:?} -m mark --mark {MASQUERADE}/{MASQUERADE} -j ACCEPT"),
    );
    let known = "kubernetes forwarding conntrack rule";
    filter.rule(
        FORWARD,
        format_args!("-m comment --comment {known:?} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
    );
    let rule = asks(HEALTH_CHECK, "dst");
    filter.rule(NODE_PORT, format_args!("{rule} -j ACCEPT"));
    // The host's own ports cannot be reached by a virtual address.
    for set in [BALANCER, CLUSTER_IP, EXTERNAL_IP, EXTERNAL_IP_LOCAL] {
        filter.rule(FILTER, format_args!("-m set --match-set {set} dst,dst -j RETURN"));
    }
    filter.rule(FILTER, format_args!("-m set --match-set {HEALTH_CHECK} dst -j RETURN"));
    filter.rule(FILTER, format_args!("-m conntrack --ctstate NEW -m set --match-set {IPVS_IPS} dst -j REJECT"));
}
