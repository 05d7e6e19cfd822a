//! Packets with their ways: from hops of the network to the steps that the page shows.

mod endpoints;
mod links;

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::api::{Kind, KindOf as _, Service};
use crate::cluster::Cluster;
use crate::cluster::outside::LOAD_BALANCER;
use crate::lesson::PacketFact;
use crate::net::addr::{NsId, Owner};
use crate::net::hop::{Decision as NetDecision, DropReason as NetDrop, Hop, Link, Stage};
use crate::net::packet::{ETHER_LEN, Ip, TCP, UDP, layers};
use crate::net::path::{self, Step, StepKind};
use crate::sim::VecMap;
use crate::view::{
    Decision, DropReason, FieldView, FlannelStep, FrameView, HopView, LayerKind, LayerView, Outcome, PacketId,
    PacketLine, PacketListView, PacketView, Scope,
};

/// The most packets that the list holds.
const MOST: usize = 300;

/// The hops of one packet (and of what carried it), in order.
type Way<'a> = Vec<&'a Hop>;

/// All packets that are remembered, oldest first. What only carries another packet is part of that packet's way.
fn ways(cluster: &Cluster) -> VecMap<u64, Way<'_>> {
    let mut ways: VecMap<u64, Way<'_>> = VecMap::new();
    for hop in cluster.hops().iter() {
        let of = hop.carries.unwrap_or(hop.packet);
        ways.entry(of.0).or_default().push(hop);
    }
    ways
}

/// The list of packets, and what can be sent from and to.
pub fn list(cluster: &Cluster) -> PacketListView {
    let names = Names::of(cluster);
    let ways = ways(cluster);
    let ways: Vec<(&u64, &Way<'_>)> = ways.iter().filter(|(_, way)| !is_check(cluster, way[0])).collect();
    let skip = ways.len().saturating_sub(MOST);
    let packets = ways.into_iter().skip(skip).filter_map(|(id, way)| line(cluster, &names, *id, way)).collect();
    PacketListView { packets, sources: endpoints::sources(cluster), targets: endpoints::targets(cluster) }
}

/// Whether a hop is of a check of the load balancer outside: what it passes on keeps the addresses of others. Checks are left
/// out, as heartbeats are.
pub fn is_check(cluster: &Cluster, hop: &Hop) -> bool {
    let Some(balancer) = cluster.machine(LOAD_BALANCER) else { return false };
    ends(hop).is_some_and(|(from, to)| [from.ip(), to.ip()].contains(&&balancer.ip))
}

/// One packet with its whole way; `None` if nothing is remembered of it.
pub fn packet(cluster: &Cluster, id: PacketId) -> Option<PacketView> {
    let names = Names::of(cluster);
    let ways = ways(cluster);
    let way = ways.get(&id.0)?;
    let line = line(cluster, &names, id.0, way)?;
    let steps = path::steps(way.iter().copied(), crate::net::addr::PacketId(id.0));
    let mut view = PacketView { line, hops: Vec::new(), frames: Vec::new(), sent_by: None, ended_by: None };
    view.sent_by = links::sent_by(cluster, way);
    view.ended_by = links::ended_by(cluster, way, &view.line.outcome);
    // The ten steps are those through flanneld.
    let overlay = way.iter().any(|hop| hop.stage == Stage::Tun);
    let mut unwrapped = false;
    for step in &steps {
        unwrapped |= step.kind == StepKind::Decap;
        let number = if overlay { flannel_step(step.kind, unwrapped) } else { None };
        hops_of_step(cluster, step, number, &mut view);
    }
    Some(view)
}

/// The packets that arrived, as the checks of lessons see them.
pub fn facts(cluster: &Cluster) -> Vec<PacketFact> {
    let names = Names::of(cluster);
    ways(cluster).values().filter_map(|way| fact(cluster, &names, way)).collect()
}

fn fact(cluster: &Cluster, names: &Names, way: &Way<'_>) -> Option<PacketFact> {
    let last = way.iter().rev().find(|hop| hop.stage == Stage::Deliver && hop.carries.is_none())?;
    let first = way.first()?;
    let (from, to) = ends(first)?;
    let labels = |ip: &Ipv4Addr| {
        let pod = names.pods.get(ip).and_then(|(namespace, name)| cluster.object(Kind::Pod, namespace, name));
        pod.map(|pod| pod.meta().labels.clone()).unwrap_or_default()
    };
    let mut devices: Vec<String> = Vec::new();
    for hop in way {
        if devices.last().is_none_or(|last| **last != *hop.dev) {
            devices.push(hop.dev.to_string());
        }
    }
    // Behind a Service, who got it is not to whom it was sent.
    let receiver = cluster.hosts().iter().flat_map(|host| host.cni.pods.values()).find(|pod| pod.ns == last.ns);
    Some(PacketFact {
        sent: first.at,
        from: labels(from.ip()),
        to: receiver.map(|pod| labels(&pod.ip)).unwrap_or_default(),
        port: to.port(),
        devices,
        via_service: names.services.get(to.ip()).map(|(_, name)| name.clone()),
    })
}

/// Names of addresses.
struct Names {
    pods: VecMap<Ipv4Addr, (String, String)>,
    services: VecMap<Ipv4Addr, (String, String)>,
    nodes: VecMap<Ipv4Addr, String>,
}

impl Names {
    fn of(cluster: &Cluster) -> Names {
        let nets = cluster.hosts().iter().flat_map(|host| host.cni.pods.values());
        let services = cluster.objects(Kind::Service).filter_map(Service::of).flat_map(|service| {
            let points = service.status.load_balancer.get("ingress").and_then(|points| points.as_array());
            let points = points.into_iter().flatten().filter_map(|point| point["ip"].as_str());
            let ips = std::iter::once(service.spec.cluster_ip.as_str()).chain(points);
            let name = (service.metadata.namespace.clone(), service.metadata.name.clone());
            let named: Vec<(Ipv4Addr, (String, String))> =
                ips.filter_map(|ip| ip.parse().ok()).map(|ip| (ip, name.clone())).collect();
            named
        });
        let mut nodes: VecMap<Ipv4Addr, String> = VecMap::new();
        let machines = cluster.machines().iter().map(|machine| (machine.ns, &machine.name));
        for (ns, name) in cluster.hosts().iter().map(|host| (host.ns, &host.name)).chain(machines) {
            let Some(ns) = cluster.fabric().ns(ns) else { continue };
            for addr in ns.devices().flat_map(|device| device.primary()) {
                nodes.insert(addr, name.to_string());
            }
        }
        nodes.remove(&Ipv4Addr::LOCALHOST);
        Names {
            pods: nets.map(|net| (net.ip, (net.pod.namespace.to_string(), net.pod.name.to_string()))).collect(),
            services: services.collect(),
            nodes,
        }
    }

    fn name(&self, ip: &Ipv4Addr) -> String {
        let object = self.pods.get(ip).or_else(|| self.services.get(ip));
        match object {
            Some((namespace, name)) => format!("{namespace}/{name}"),
            None => self.nodes.get(ip).cloned().unwrap_or_else(|| ip.to_string()),
        }
    }
}

/// The IP packet as a hop saw it; `None` if it is none.
fn ip_of(hop: &Hop) -> Option<(Ip, &[u8])> {
    let packet = match hop.link {
        Link::Ethernet => hop.bytes().get(ETHER_LEN..)?,
        Link::Ip => hop.bytes(),
    };
    Some((Ip::parse(packet)?, packet))
}

/// Source and destination of the packet as a hop saw it; `None` if it is no IP packet.
fn ends(hop: &Hop) -> Option<(SocketAddrV4, SocketAddrV4)> {
    let (ip, packet) = ip_of(hop)?;
    let (from, to) = ports_of(&ip, packet).unwrap_or((0, 0));
    Some((SocketAddrV4::new(ip.src, from), SocketAddrV4::new(ip.dst, to)))
}

/// The ports of a TCP or UDP packet.
fn ports_of(ip: &Ip, packet: &[u8]) -> Option<(u16, u16)> {
    let head = usize::from(*packet.first()? & 0x0f) * 4;
    let port = |at: usize| Some(u16::from_be_bytes([*packet.get(head + at)?, *packet.get(head + at + 1)?]));
    matches!(ip.proto, TCP | UDP).then(|| Some((port(0)?, port(2)?))).flatten()
}

fn line(cluster: &Cluster, names: &Names, id: u64, way: &Way<'_>) -> Option<PacketLine> {
    let first = way.iter().find(|hop| hop.carries.is_none())?;
    let (from, to) = ends(first)?;
    let last = way.last()?;
    let info = layers::summary(first.bytes(), first.link);
    Some(PacketLine {
        id: PacketId(id),
        conversation: first.flow.0,
        at: first.at,
        from: names.name(from.ip()),
        to: names.name(to.ip()),
        protocol: protocol_of(first, [from.port(), to.port()], &info).to_owned(),
        info,
        size: u32::try_from(first.bytes().len()).unwrap_or(u32::MAX),
        outcome: explained(outcome(cluster, last), names, last),
        by_flanneld: way.iter().any(|hop| hop.stage == Stage::Tun),
    })
}

/// The highest protocol that can be told from a packet's bytes.
fn protocol_of(hop: &Hop, ports: [u16; 2], summary: &str) -> &'static str {
    let names: Vec<&str> = layers::layers(hop.bytes(), hop.link).iter().map(|layer| layer.name).collect();
    let known = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    // An ICMP error quotes the packet that it is about.
    if known("ICMP") {
        "ICMP"
    } else if summary.contains(": HTTP") {
        "HTTP"
    } else if known("DNS") || (known("UDP") && ports.contains(&53)) {
        "DNS"
    } else if known("TCP") {
        "TCP"
    } else if known("UDP") {
        "UDP"
    } else {
        "IP"
    }
}

/// What died on a node with the address of a Service still on it died because no rule knew it.
fn explained(outcome: Outcome, names: &Names, last: &Hop) -> Outcome {
    let service = ends(last).and_then(|(_, to)| names.services.get(to.ip()));
    match (outcome, service) {
        (
            Outcome::Dropped { at, reason: DropReason::NoNeighbour(_) | DropReason::NoRoute },
            Some((namespace, name)),
        ) => Outcome::Dropped { at, reason: DropReason::NoRuleFor(format!("{namespace}/{name}")) },
        (outcome, _) => outcome,
    }
}

fn outcome(cluster: &Cluster, last: &Hop) -> Outcome {
    match (&last.stage, &last.decision) {
        (_, NetDecision::Drop(why)) => Outcome::Dropped { at: last.at, reason: drop_reason(why) },
        (Stage::Deliver, _) => Outcome::Delivered(last.at),
        _ if cluster.now().since(last.at).as_secs() > 5 => {
            Outcome::Dropped { at: last.at, reason: DropReason::NoSubnet }
        }
        _ => Outcome::Travelling,
    }
}

/// Which of flannel's ten steps a step is.
fn flannel_step(kind: StepKind, unwrapped: bool) -> Option<FlannelStep> {
    Some(match kind {
        StepKind::Send => FlannelStep::ContainerSends,
        StepKind::Veth => FlannelStep::Veth,
        StepKind::BridgeIn => FlannelStep::Bridge,
        StepKind::Route if unwrapped => FlannelStep::RouteToBridge,
        StepKind::Route => FlannelStep::RouteToFlannel,
        StepKind::Encap => FlannelStep::Wrap,
        StepKind::Wire => FlannelStep::Cross,
        StepKind::Arrive => FlannelStep::Receive,
        StepKind::Decap => FlannelStep::Unwrap,
        StepKind::BridgeOut => FlannelStep::Deliver,
        StepKind::Deliver | StepKind::Drop => return None,
    })
}

/// The telling hop of a step under its number, then what was rewritten or ruled in it.
fn hops_of_step(cluster: &Cluster, step: &Step, number: Option<FlannelStep>, view: &mut PacketView) {
    let telling = step.hops.iter().position(|hop| is_telling(step.kind, hop)).unwrap_or(0);
    let mut order: Vec<(usize, &Hop)> =
        step.hops.iter().enumerate().filter(|(at, hop)| *at == telling || adds(hop)).collect();
    order.sort_by_key(|(at, _)| *at);
    for (at, hop) in order {
        let frame = frame_of(hop, view);
        let scope = if step.kind == StepKind::Wire && at == telling { Scope::Wire } else { scope_of(cluster, hop.ns) };
        view.hops.push(HopView {
            at: hop.at,
            scope,
            device: device_of(step.kind, hop, at == telling),
            step: number.filter(|_| at == telling),
            decision: decision(cluster, step.kind, hop),
            rule: rule_of(hop),
            frame,
        });
    }
}

fn is_telling(kind: StepKind, hop: &Hop) -> bool {
    match kind {
        StepKind::Send | StepKind::Route => matches!(hop.decision, NetDecision::Route(_)),
        StepKind::BridgeOut => matches!(hop.decision, NetDecision::Fdb { .. } | NetDecision::Flood { .. }),
        StepKind::Arrive | StepKind::Deliver => matches!(hop.decision, NetDecision::Socket { .. } | NetDecision::Icmp),
        _ => true,
    }
}

/// Whether a hop is worth a line of its own.
fn adds(hop: &Hop) -> bool {
    matches!(
        hop.decision,
        NetDecision::Rewrite { .. }
            | NetDecision::Direct { .. }
            | NetDecision::Late { .. }
            | NetDecision::Drop(_)
            | NetDecision::Fragmented(_)
    ) || matches!(&hop.decision, NetDecision::Rule(hit) if hit.rule.is_some())
        || (hop.stage == Stage::Deliver && hop.carries.is_none())
}

fn device_of(kind: StepKind, hop: &Hop, telling: bool) -> String {
    match kind {
        StepKind::Encap | StepKind::Decap if telling && !by_kernel(hop) => "flanneld".into(),
        _ => hop.dev.to_string(),
    }
}

/// Whether the kernel wraps or unwraps here, not flanneld.
fn by_kernel(hop: &Hop) -> bool {
    matches!(hop.decision, NetDecision::Tunnel { .. } | NetDecision::Tunnelled { .. })
}

fn scope_of(cluster: &Cluster, ns: NsId) -> Scope {
    if let Some((ix, net)) = cluster.pod_of_ns(ns) {
        let node = cluster.hosts().get(usize::try_from(ix.0).unwrap_or(usize::MAX));
        return Scope::Pod {
            name: format!("{}/{}", net.pod.namespace, net.pod.name),
            node: node.map(|host| host.name.to_string()).unwrap_or_default(),
        };
    }
    match cluster.hosts().iter().find(|host| host.ns == ns) {
        Some(host) => Scope::Node(host.name.to_string()),
        None => match cluster.machines().iter().find(|machine| machine.ns == ns) {
            Some(machine) => Scope::Machine(machine.name.to_string()),
            None => Scope::Outside,
        },
    }
}

/// The index of a hop's bytes among the frames of the view; bytes are stored once per change.
fn frame_of(hop: &Hop, view: &mut PacketView) -> u16 {
    let bytes = hop.bytes();
    let known = view.frames.iter().rposition(|frame| frame.bytes == bytes);
    let at = known.unwrap_or_else(|| {
        view.frames.push(FrameView { bytes: bytes.to_vec(), layers: layer_views(bytes, hop.link) });
        view.frames.len() - 1
    });
    u16::try_from(at).unwrap_or(u16::MAX)
}

fn layer_views(bytes: &[u8], link: Link) -> Vec<LayerView> {
    let mut depth = 0_u8;
    let mut seen_udp = false;
    layers::layers(bytes, link)
        .into_iter()
        .map(|layer| {
            let kind = layer_kind(layer.name);
            if seen_udp && matches!(kind, LayerKind::Ipv4 | LayerKind::Ethernet) {
                depth = 1;
            }
            seen_udp |= kind == LayerKind::Udp;
            let start = u32::from(layer.start);
            let fields = layer.fields.into_iter().map(|field| FieldView {
                name: field.name.to_owned(),
                value: field.value,
                start: u32::from(field.start),
                end: u32::from(field.start) + u32::from(field.len),
            });
            let fields: Vec<FieldView> = fields.collect();
            LayerView {
                kind,
                summary: summary_of(kind, &fields),
                start,
                end: start + u32::from(layer.len),
                depth,
                fields,
            }
        })
        .collect()
}

fn layer_kind(name: &str) -> LayerKind {
    match name.to_ascii_lowercase().as_str() {
        "ethernet" | "ethernet ii" => LayerKind::Ethernet,
        "arp" => LayerKind::Arp,
        "ip" | "ipv4" => LayerKind::Ipv4,
        "icmp" => LayerKind::Icmp,
        "udp" => LayerKind::Udp,
        "tcp" => LayerKind::Tcp,
        "vxlan" => LayerKind::Vxlan,
        "http" => LayerKind::Http,
        "dns" => LayerKind::Dns,
        _ => LayerKind::Data,
    }
}

/// Source and destination, where a layer has them.
fn summary_of(kind: LayerKind, fields: &[FieldView]) -> String {
    let value = |words: &[&str]| {
        fields.iter().find(|f| words.iter().any(|w| f.name.eq_ignore_ascii_case(w))).map(|f| f.value.clone())
    };
    let from = value(&["source", "source address", "source port"]);
    let to = value(&["destination", "destination address", "destination port"]);
    match (kind, from, to) {
        (LayerKind::Data, ..) => String::new(),
        (_, Some(from), Some(to)) => format!("{from} → {to}"),
        _ => String::new(),
    }
}

/// What was decided at a hop.
fn decision(cluster: &Cluster, kind: StepKind, hop: &Hop) -> Decision {
    match (&hop.decision, kind) {
        (NetDecision::Tunnel { remote, .. }, _) => {
            Decision::Encapsulated { subnet: String::new(), remote: remote.to_string() }
        }
        (_, StepKind::Encap) if hop.carries.is_some() => encapsulated(hop),
        (_, StepKind::Decap) => Decision::Decapsulated,
        (NetDecision::Route(route), _) => {
            Decision::Routed { device: route.dev_name.to_string(), via: route.via.map(|via| via.to_string()) }
        }
        (NetDecision::Peer, _) => Decision::Crossed { peer: hop.dev.to_string() },
        (NetDecision::BridgeOwn(_), _) => Decision::Up,
        (NetDecision::Fdb { mac, port }, _) => Decision::Switched { mac: mac.to_string(), port: port.to_string() },
        (NetDecision::Flood { .. }, _) => Decision::Flooded,
        (NetDecision::Rule(hit), _) => Decision::Accepted { chain: hit.chain.to_string() },
        (NetDecision::Rewrite { source, from, to, .. }, _) => {
            let (from, to) = (from.to_string(), to.to_string());
            if *source { Decision::Snat { from, to } } else { Decision::Dnat { from, to } }
        }
        (NetDecision::Late { by, twice }, _) => Decision::Late { by: by.to_string(), twice: *twice },
        (NetDecision::Waits(ip), _) => Decision::AwaitsArp { ip: ip.to_string() },
        (NetDecision::Segment { .. }, _) => {
            let to = ends(hop).map(|(_, to)| to.ip().to_string()).unwrap_or_default();
            Decision::Transmitted { to }
        }
        (NetDecision::Socket { owner, at, .. }, _) => {
            Decision::Delivered { to: program(cluster, *owner, hop.ns), port: Some(at.port()) }
        }
        (NetDecision::Icmp, _) => Decision::Answered,
        (NetDecision::Arp { ip, mac }, _) => Decision::Resolved { ip: ip.to_string(), mac: mac.to_string() },
        (NetDecision::Drop(why), _) => Decision::Dropped(drop_reason(why)),
        (other, _) => Decision::Other(other.to_string()),
    }
}

fn encapsulated(hop: &Hop) -> Decision {
    let remote = ends(hop).map(|(_, to)| to.ip().to_string()).unwrap_or_default();
    Decision::Encapsulated { subnet: String::new(), remote }
}

/// The program that owns a socket.
fn program(cluster: &Cluster, owner: Owner, ns: NsId) -> String {
    use crate::cluster::Actor;
    let actor = u32::try_from(owner.0).map(crate::cluster::clients::actor_of);
    match actor {
        Ok(Actor::KubeProxy(_)) => "kube-proxy".into(),
        Ok(Actor::Flanneld(_)) => "flanneld".into(),
        Ok(Actor::Kubelet(_)) => "kubelet".into(),
        _ => cluster.pod_of_ns(ns).map_or_else(String::new, |(_, net)| net.pod.name.to_string()),
    }
}

fn rule_of(hop: &Hop) -> Option<String> {
    match &hop.decision {
        NetDecision::Route(route) => Some(route.to_string()),
        NetDecision::Fdb { .. } | NetDecision::Tunnel { .. } | NetDecision::Arp { .. } => {
            Some(hop.decision.to_string())
        }
        NetDecision::Rule(hit) => Some(hit.to_string()),
        NetDecision::Rewrite { by: Some(hit), .. } => Some(hit.to_string()),
        _ => None,
    }
}

fn drop_reason(why: &NetDrop) -> DropReason {
    match why {
        NetDrop::NoRoute(_) | NetDrop::Blackhole(_) => DropReason::NoRoute,
        NetDrop::TtlExceeded => DropReason::TtlExpired,
        NetDrop::TooBig { mtu } => DropReason::TooBig(u16::try_from(*mtu).unwrap_or(u16::MAX)),
        NetDrop::LinkDown => DropReason::DeviceDown(String::new()),
        NetDrop::NotForUs(_) => DropReason::NotForUs,
        NetDrop::NoWayBack(ip) => DropReason::NoWayBack(ip.to_string()),
        NetDrop::NoSocket(at) => DropReason::NoListener(at.port()),
        NetDrop::NoNeighbour(ip) => DropReason::NoNeighbour(ip.to_string()),
        NetDrop::Filter(hit) => DropReason::Filtered(hit.to_string()),
        NetDrop::Nft(hit) => DropReason::Filtered(hit.to_string()),
        NetDrop::NoRealServer(_) => DropReason::NoEndpoint,
        NetDrop::Malformed => DropReason::Malformed,
        NetDrop::Lost => DropReason::Fault,
        NetDrop::Cut => DropReason::Cut,
        NetDrop::TooLong { mtu } => DropReason::LinkMtu(*mtu),
        NetDrop::ForwardingOff => DropReason::ForwardingOff,
        NetDrop::ConntrackFull => DropReason::ConntrackFull,
        NetDrop::NoTunnelEnd(mac) => DropReason::NoTunnelEnd(mac.to_string()),
        other => DropReason::Other(other.to_string()),
    }
}
