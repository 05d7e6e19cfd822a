//! The table: its base chains, and what every service port puts into maps and chains. Models `setupNFTables` and the loop of
//! `syncProxyRules` in `pkg/proxy/nftables/proxier.go` (1.36).

use std::net::IpAddr;

use data_encoding::BASE32;
use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::{Arc, Chain, Config, Ipv4Addr, Ipv4Net, SocketAddrV4, Table, VecMap, address, ipv4};
use crate::api::Protocol;
use crate::net::nft::{Among, Base, Hook, Key, Kind, Map, Part, Rule, Set, Verdict};
use crate::net::packet::{TCP, UDP};
use crate::node::kube_proxy::ServicePortName;
use crate::node::kube_proxy::model::{Endpoint, Model, ServicePort};
use crate::node::kube_proxy::topology::Usable;

/// The mark of what is to be masqueraded.
const MASQUERADE: u32 = 0x4000;
/// IP protocol number of SCTP.
const SCTP: u8 = 132;
/// The longest name without its prefix, in bytes.
const LONGEST: usize = 240;

const CLUSTER_IPS: &str = "cluster-ips";
const NODE_PORT_IPS: &str = "nodeport-ips";
const NO_SERVICES: &str = "no-endpoint-services";
const NO_NODE_PORTS: &str = "no-endpoint-nodeports";
const FIREWALL_IPS: &str = "firewall-ips";
const SERVICE_IPS: &str = "service-ips";
const NODE_PORTS: &str = "service-nodeports";

const MARK: &str = "mark-for-masquerade";
const REJECT: &str = "reject-chain";
const CHECK_NODE_PORTS: &str = "nodeport-endpoints-check";
const CHECK_SERVICES: &str = "service-endpoints-check";
const CHECK_FIREWALL: &str = "firewall-check";
const CHECK_CLUSTER_IPS: &str = "cluster-ips-check";
const SERVICES: &str = "services";
const MASQUERADING: &str = "masquerading";

/// The base chains: name, kind, hook, priority.
const BASES: [(&str, Kind, Hook, i32); 8] = [
    ("filter-prerouting-pre-dnat", Kind::Filter, Hook::Prerouting, -110),
    ("filter-output-pre-dnat", Kind::Filter, Hook::Output, -110),
    ("filter-input", Kind::Filter, Hook::Input, 0),
    ("filter-forward", Kind::Filter, Hook::Forward, 0),
    ("filter-output", Kind::Filter, Hook::Output, 0),
    ("nat-prerouting", Kind::Nat, Hook::Prerouting, -100),
    ("nat-output", Kind::Nat, Hook::Output, -100),
    ("nat-postrouting", Kind::Nat, Hook::Postrouting, 100),
];

/// The jumps out of them: to which chain, from which, and whether for the first packet of a connection only.
const JUMPS: [(&str, &str, bool); 11] = [
    (CHECK_NODE_PORTS, "filter-input", true),
    (CHECK_SERVICES, "filter-input", true),
    (CHECK_SERVICES, "filter-forward", true),
    (CHECK_SERVICES, "filter-output", true),
    (CHECK_FIREWALL, "filter-prerouting-pre-dnat", true),
    (CHECK_FIREWALL, "filter-output-pre-dnat", true),
    (SERVICES, "nat-output", false),
    (SERVICES, "nat-prerouting", false),
    (MASQUERADING, "nat-postrouting", false),
    (CHECK_CLUSTER_IPS, "filter-forward", true),
    (CHECK_CLUSTER_IPS, "filter-output", true),
];

/// The whole table for what `model` has.
pub fn table(model: &Model, config: &Config, service_cidrs: &[Ipv4Net]) -> Table {
    let mut writer =
        Writer { config, chains: Vec::new(), at: VecMap::new(), affinity: Vec::new(), content: Content::default() };
    writer.fixed(service_cidrs);
    for (name, service) in model.services() {
        writer.service(name, service, model.endpoints(name));
    }
    writer.into_table()
}

/// What the sets and maps have.
#[derive(Default)]
struct Content {
    cluster_ips: Vec<Ipv4Addr>,
    no_services: Elements,
    no_node_ports: Elements,
    firewall_ips: Elements,
    service_ips: Elements,
    node_ports: Elements,
}

type Elements = VecMap<Key, (Verdict, Option<Arc<str>>)>;

struct Writer<'a> {
    config: &'a Config,
    chains: Vec<(Arc<str>, Chain)>,
    at: VecMap<Arc<str>, usize>,
    affinity: Vec<(Arc<str>, Set)>,
    content: Content,
}

/// A service port, with all that is decided before a rule is written.
struct Port<'a> {
    service: &'a ServicePort,
    proto: u8,
    /// The name as text, in comments.
    text: Arc<str>,
    /// The chains of the service port, by policy and for what comes from outside.
    cluster: Arc<str>,
    local: Arc<str>,
    external: Arc<str>,
    firewall: Arc<str>,
    usable: Usable<'a>,
}

/// An endpoint with its chain and the set of the clients that are held to it.
struct Target {
    at: SocketAddrV4,
    chain: Arc<str>,
    affinity: Arc<str>,
}

impl Writer<'_> {
    fn chain(&mut self, name: &Arc<str>) -> &mut Chain {
        let at = *self.at.entry(name.clone()).or_insert_with(|| {
            self.chains.push((name.clone(), Chain::default()));
            self.chains.len() - 1
        });
        &mut self.chains[at].1
    }

    fn rule(&mut self, chain: &str, parts: impl Into<Vec<Part>>) {
        self.commented(chain, parts, "");
    }

    fn commented(&mut self, chain: &str, parts: impl Into<Vec<Part>>, comment: &'static str) {
        let rule = Rule { comment, ..Rule::of(parts) };
        self.chain(&chain.into()).rules.push(Arc::new(rule));
    }

    /// What depends on no Service.
    fn fixed(&mut self, service_cidrs: &[Ipv4Net]) {
        for (name, kind, hook, priority) in BASES {
            self.chain(&name.into()).base = Some(Base { kind, hook, priority });
        }
        for (to, from, only_new) in JUMPS {
            self.chain(&to.into());
            let jump = Part::Verdict(Verdict::Jump(to.into()));
            self.rule(from, if only_new { vec![Part::New, jump] } else { vec![jump] });
        }
        self.rule(MARK, [Part::MarkOr(MASQUERADE)]);
        self.rule(MASQUERADING, [Part::Unmarked(MASQUERADE), Part::Verdict(Verdict::Return)]);
        self.rule(MASQUERADING, [Part::MarkXor(MASQUERADE)]);
        self.rule(MASQUERADING, [Part::Masquerade]);
        let to = |among| Part::Ip { dst: true, not: false, among };
        self.commented(
            CHECK_CLUSTER_IPS,
            [to(Among::Set(CLUSTER_IPS.into())), Part::Reject],
            "Reject traffic to invalid ports of ClusterIPs",
        );
        if !service_cidrs.is_empty() {
            self.commented(
                CHECK_CLUSTER_IPS,
                [to(Among::Nets(service_cidrs.to_vec())), Part::Verdict(Verdict::Drop)],
                "Drop traffic to unallocated ClusterIPs",
            );
        }
        self.chain(&REJECT.into()).comment = "helper for @no-endpoint-services / @no-endpoint-nodeports";
        self.rule(REJECT, [Part::Reject]);
        let map = |by_address, map: &str| Part::Map { by_address, map: map.into() };
        let node_ports = || to(Among::Set(NODE_PORT_IPS.into()));
        self.rule(CHECK_SERVICES, [map(true, NO_SERVICES)]);
        self.rule(CHECK_NODE_PORTS, [node_ports(), map(false, NO_NODE_PORTS)]);
        self.rule(CHECK_FIREWALL, [map(true, FIREWALL_IPS)]);
        self.rule(SERVICES, [map(true, SERVICE_IPS)]);
        self.rule(SERVICES, [node_ports(), map(false, NODE_PORTS)]);
    }

    fn service(&mut self, name: &ServicePortName, service: &ServicePort, endpoints: &[Endpoint]) {
        let usable = Usable::of(endpoints, service, &self.config.node, self.config.zone.as_deref());
        let proto = number_of(&service.protocol);
        let base = base(name, service.protocol.as_str(), None);
        let named = |prefix: &str| Arc::from(format!("{prefix}{base}"));
        let port = Port {
            service,
            proto,
            text: name.to_string().into(),
            cluster: named("service-"),
            local: named("local-"),
            external: named("external-"),
            firewall: named("firewall-"),
            usable,
        };
        let targets: Vec<Target> = port.usable.all.iter().filter_map(|e| target(name, service, e)).collect();
        targets.iter().for_each(|target| _ = self.chain(&target.chain));
        for (chain, there) in [(&port.cluster, &port.usable.cluster), (&port.local, &port.usable.local)] {
            if !there.is_empty() {
                self.chain(chain);
            }
        }
        self.capture(&port);
        self.internal_rules(&port);
        self.external_rules(&port);
        self.firewall_rules(&port);
        if let Some(timeout) = service.affinity {
            let set = || Set { timeout: Some(timeout), ..Set::default() };
            self.affinity.extend(targets.iter().map(|target| (target.affinity.clone(), set())));
        }
        for (chain, there) in [(&port.cluster, &port.usable.cluster), (&port.local, &port.usable.local)] {
            let those: Vec<&Target> =
                targets.iter().filter(|t| there.iter().any(|e| address(e.at) == Some(t.at))).collect();
            self.balance(chain, &those, service.affinity.is_some());
        }
        for target in &targets {
            self.endpoint_rules(target, proto, service.affinity.is_some());
        }
    }

    /// The elements of maps: where what goes to the service port jumps, or how it is refused.
    fn capture(&mut self, port: &Port<'_>) {
        let some = |local_only: bool| if local_only { !port.usable.local.is_empty() } else { port.usable.anywhere };
        let (internal, external) = (some(port.service.internal_local), some(port.service.external_local));
        let refusal = if port.usable.anywhere { Verdict::Drop } else { Verdict::Goto(REJECT.into()) };
        let key = |ip: Ipv4Addr| Key { ip: Some(ip), proto: port.proto, port: port.service.port };
        let refused = || (refusal.clone(), Some(port.text.clone()));
        let leads = |chain: &Arc<str>| (Verdict::Goto(chain.clone()), None);
        let content = &mut self.content;
        if let Some(ip) = ipv4(port.service.cluster_ip) {
            content.cluster_ips.push(ip);
            match internal {
                true => content.service_ips.insert(key(ip), leads(port.internal())),
                false => content.no_services.insert(key(ip), refused()),
            };
        }
        let balancers = port.service.load_balancer_ips.iter();
        for ip in port.service.external_ips.iter().chain(balancers.clone()).filter_map(|ip| ipv4(*ip)) {
            if port.usable.anywhere {
                content.service_ips.insert(key(ip), leads(&port.external));
            }
            if !external {
                content.no_services.insert(key(ip), refused());
            }
        }
        if port.has_firewall() {
            for ip in balancers.filter_map(|ip| ipv4(*ip)) {
                content.firewall_ips.insert(key(ip), leads(&port.firewall));
            }
        }
        if let Some(node_port) = port.service.node_port {
            let key = Key { ip: None, proto: port.proto, port: node_port };
            if port.usable.anywhere {
                content.node_ports.insert(key, leads(&port.external));
            }
            if !external {
                content.no_node_ports.insert(key, refused());
            }
        }
    }

    /// What does not come from a pod of this cluster must come back through this node.
    fn internal_rules(&mut self, port: &Port<'_>) {
        let there = if port.service.internal_local { !port.usable.local.is_empty() } else { port.usable.anywhere };
        let Some(ip) = ipv4(port.service.cluster_ip).filter(|_| there) else { return };
        let to = Part::Ip { dst: true, not: false, among: Among::Nets(vec![ip.into()]) };
        let mark = Part::Verdict(Verdict::Jump(MARK.into()));
        let chain = port.internal().clone();
        match (self.config.masquerade_all, self.pods(true)) {
            (true, _) => self.rule(&chain, [to, mark]),
            (false, Some(from)) => self.rule(&chain, [to, from, mark]),
            (false, None) => {}
        }
    }

    /// What comes from outside is masqueraded if it may have to go to another node. If it stays here it keeps its source; but
    /// what pods and the node itself send goes anywhere, as if it came back in from a load balancer.
    fn external_rules(&mut self, port: &Port<'_>) {
        if !port.usable.anywhere || !port.service.externally_accessible() {
            return;
        }
        let (chain, mark) = (&port.external, Part::Verdict(Verdict::Jump(MARK.into())));
        let goto = |chain: &Arc<str>| Part::Verdict(Verdict::Goto(chain.clone()));
        if port.service.external_local {
            if let Some(pods) = self.pods(false) {
                self.commented(chain, [pods, goto(&port.cluster)], "short-circuit pod traffic");
            }
            let own = Part::Local { dst: false };
            self.commented(chain, [own.clone(), mark], "masquerade local traffic");
            self.commented(chain, [own, goto(&port.cluster)], "short-circuit local traffic");
        } else {
            self.rule(chain, [mark]);
        }
        let (policy, there) = match port.service.external_local {
            true => (&port.local, !port.usable.local.is_empty()),
            false => (&port.cluster, true),
        };
        if there {
            self.rule(chain, [goto(policy)]);
        }
    }

    /// Who may use the load balancer's addresses: the source ranges, and with the node also what it sends to them itself.
    fn firewall_rules(&mut self, port: &Port<'_>) {
        if !port.has_firewall() {
            return;
        }
        let ranges = &port.service.source_ranges;
        let mut sources: Vec<Ipv4Net> = ranges
            .iter()
            .filter_map(|range| match range {
                IpNet::V4(range) => Some(*range),
                IpNet::V6(_) => None,
            })
            .collect();
        if ranges.iter().any(|range| range.contains(&self.config.node_ip)) {
            sources.extend(port.service.load_balancer_ips.iter().filter_map(|ip| ipv4(*ip)).map(Ipv4Net::from));
        }
        let from = Part::Ip { dst: false, not: true, among: Among::Nets(sources) };
        self.rule(&port.firewall, [from, Part::Verdict(Verdict::Drop)]);
    }

    /// From the chain of a policy to its endpoints: to that of before, if the client has one, else to one at random.
    fn balance(&mut self, chain: &Arc<str>, targets: &[&Target], affinity: bool) {
        if targets.is_empty() {
            return;
        }
        let goto = |target: &Target| Verdict::Goto(target.chain.clone());
        for target in targets.iter().filter(|_| affinity) {
            let held = Part::Ip { dst: false, not: false, among: Among::Set(target.affinity.clone()) };
            self.rule(chain, [held, Part::Verdict(goto(target))]);
        }
        self.rule(chain, [Part::Random(targets.iter().map(|target| goto(target)).collect())]);
    }

    /// The client's own endpoint answers it through this node; everything goes where the endpoint is.
    fn endpoint_rules(&mut self, target: &Target, proto: u8, affinity: bool) {
        let itself = Part::Ip { dst: false, not: false, among: Among::Nets(vec![(*target.at.ip()).into()]) };
        self.rule(&target.chain, [itself, Part::Verdict(Verdict::Jump(MARK.into()))]);
        if affinity {
            self.rule(&target.chain, [Part::Update(target.affinity.clone())]);
        }
        self.rule(&target.chain, [Part::Proto(proto), Part::Dnat(target.at)]);
    }

    /// Whether something comes from pods, or does not.
    fn pods(&self, not: bool) -> Option<Part> {
        match self.config.pods? {
            IpNet::V4(pods) => Some(Part::Ip { dst: false, not, among: Among::Nets(vec![pods]) }),
            IpNet::V6(_) => None,
        }
    }

    fn into_table(self) -> Table {
        let Content { mut cluster_ips, no_services, no_node_ports, firewall_ips, service_ips, node_ports } =
            self.content;
        cluster_ips.dedup();
        let members = |ips: Vec<Ipv4Addr>| ips.into_iter().map(|ip| (ip, None)).collect();
        let set = |comment, ips| Set { comment, timeout: None, members: members(ips) };
        let map = |by_address, comment, elements| Map { by_address, comment, elements };
        let node_ips: Vec<Ipv4Addr> = match (&self.config.node_port_addresses, self.config.node_ip) {
            (None, IpAddr::V4(own)) => vec![own],
            (None, IpAddr::V6(_)) => Vec::new(),
            (Some(all), _) => all.iter().filter_map(|ip| ipv4(*ip)).filter(|ip| !ip.is_loopback()).collect(),
        };
        let mut sets = vec![
            (CLUSTER_IPS.into(), set("Active ClusterIPs", cluster_ips)),
            (NODE_PORT_IPS.into(), set("IPs that accept NodePort traffic", node_ips)),
        ];
        sets.extend(self.affinity);
        let maps = vec![
            (
                NO_SERVICES.into(),
                map(true, "vmap to drop or reject packets to services with no endpoints", no_services),
            ),
            (
                NO_NODE_PORTS.into(),
                map(false, "vmap to drop or reject packets to service nodeports with no endpoints", no_node_ports),
            ),
            (FIREWALL_IPS.into(), map(true, "destinations that are subject to LoadBalancerSourceRanges", firewall_ips)),
            (SERVICE_IPS.into(), map(true, "ClusterIP, ExternalIP and LoadBalancer IP traffic", service_ips)),
            (NODE_PORTS.into(), map(false, "NodePort traffic", node_ports)),
        ];
        Table { comment: "rules for kube-proxy", sets, maps, chains: self.chains }
    }
}

impl Port<'_> {
    fn internal(&self) -> &Arc<str> {
        if self.service.internal_local { &self.local } else { &self.cluster }
    }

    fn has_firewall(&self) -> bool {
        !self.service.load_balancer_ips.is_empty() && !self.service.source_ranges.is_empty()
    }
}

fn number_of(protocol: &Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => TCP,
        Protocol::Udp => UDP,
        _ => SCTP,
    }
}

fn target(name: &ServicePortName, service: &ServicePort, endpoint: &Endpoint) -> Option<Target> {
    let at = address(endpoint.at)?;
    let base = base(name, service.protocol.as_str(), Some(at));
    let named = |prefix: &str| Arc::from(format!("{prefix}{base}"));
    Some(Target { at, chain: named("endpoint-"), affinity: named("affinity-") })
}

/// What the names of the chains of a service port, or of one of its endpoints, end with: `ULMVA6XW-ns1/svc1/tcp/p80`,
/// `5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80`.
fn base(name: &ServicePortName, protocol: &str, endpoint: Option<SocketAddrV4>) -> String {
    let endpoint = endpoint.map_or_else(String::new, |at| format!("__{}/{}", at.ip(), at.port()));
    let protocol = protocol.to_lowercase();
    let whole = format!("{}/{}/{protocol}/{}{endpoint}", name.namespace, name.name, name.port);
    let hash = BASE32.encode(&Sha256::digest(&whole));
    let named = format!("{}-{whole}", &hash[..8]);
    if named.len() > LONGEST { format!("{}...", &named[..LONGEST - 3]) } else { named }
}
