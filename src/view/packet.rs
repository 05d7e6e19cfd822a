//! A packet's way through devices, with its bytes: what each device decided, and because of which rule.
//!
//! Bytes are stored once per change: a hop names the frame (by its index) as it was when it *reached* that hop.

use serde::{Deserialize, Serialize};

use crate::sim::{EventId, Time};
use crate::view::ObjectRef;

/// The number of a packet that was followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PacketId(pub u64);

/// What the learner sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PacketKind {
    /// One ICMP echo request.
    Ping,
    /// A whole HTTP GET.
    Http {
        /// The port.
        port: u16,
    },
    /// A TCP handshake and nothing more.
    Tcp {
        /// The port.
        port: u16,
    },
    /// One UDP datagram.
    Udp {
        /// The port.
        port: u16,
    },
    /// One DNS question for this name.
    Dns {
        /// The name.
        name: String,
    },
}

/// Something that a packet can be sent from or to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EndpointView {
    /// A pod.
    Pod {
        /// The pod.
        object: ObjectRef,
        /// Its address.
        ip: String,
        /// Ports that its containers declare.
        ports: Vec<u16>,
    },
    /// A service's virtual address.
    Service {
        /// The service.
        object: ObjectRef,
        /// Its cluster IP.
        ip: String,
        /// Its ports.
        ports: Vec<u16>,
    },
    /// A port on a node.
    NodePort {
        /// The node.
        node: String,
        /// Its address.
        ip: String,
        /// The node ports in use.
        ports: Vec<u16>,
    },
    /// A node itself.
    Node {
        /// The node.
        node: String,
        /// Its address.
        ip: String,
    },
    /// A load balancer's address for a service.
    Balancer {
        /// The service.
        object: ObjectRef,
        /// The address.
        ip: String,
        /// The service's ports.
        ports: Vec<u16>,
    },
    /// A machine outside the cluster.
    Machine {
        /// Its name.
        name: String,
        /// Its address.
        ip: String,
    },
}

/// Packets that were followed, and what can be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketListView {
    /// Packets, newest last.
    pub packets: Vec<PacketLine>,
    /// Where one can send from: pods, nodes, the client outside.
    pub sources: Vec<EndpointView>,
    /// Where one can send to.
    pub targets: Vec<EndpointView>,
}

/// A packet in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketLine {
    /// Its number.
    pub id: PacketId,
    /// The conversation that it belongs to (both directions of one connection have one number).
    pub conversation: u64,
    /// When it set out.
    pub at: Time,
    /// The source: a name where there is one (`default/web-0`), else the address.
    pub from: String,
    /// The destination in the same way.
    pub to: String,
    /// `TCP`, `HTTP`, `ICMP`, `UDP`, `DNS`, `ARP`.
    pub protocol: String,
    /// In the words of a capture: `40312 → 80 [SYN] Seq=0 Win=64240 Len=0`.
    pub info: String,
    /// Bytes of the frame as it set out.
    pub size: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it passed through flanneld, as with its UDP backend.
    pub by_flanneld: bool,
}

/// How a packet ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is still under way.
    Travelling,
    /// It arrived.
    Delivered(Time),
    /// It was dropped.
    Dropped {
        /// When.
        at: Time,
        /// Why.
        reason: DropReason,
    },
}

impl Outcome {
    /// Whether nothing more will happen to it.
    pub fn is_over(&self) -> bool {
        !matches!(self, Outcome::Travelling)
    }
}

/// Why a packet died.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DropReason {
    /// No route to its destination.
    NoRoute,
    /// Nobody answered the ARP question for this address.
    NoNeighbour(String),
    /// Nobody listens on this port.
    NoListener(u16),
    /// A rule rejects or drops it: the rule as `iptables-save` writes it.
    Filtered(String),
    /// A service without a ready endpoint.
    NoEndpoint,
    /// The time to live ran out.
    TtlExpired,
    /// Larger than the MTU of the device and not to be fragmented.
    TooBig(u16),
    /// The device is down.
    DeviceDown(String),
    /// A fault of the link lost it.
    Fault,
    /// A fault cut the link.
    Cut,
    /// A fault: the link carries only so many bytes, and nobody is told.
    LinkMtu(u32),
    /// The node does not forward: `net.ipv4.ip_forward` is 0.
    ForwardingOff,
    /// The table of connections takes no new ones.
    ConntrackFull,
    /// The tunnel device does not know behind which node this MAC is.
    NoTunnelEnd(String),
    /// flanneld has no subnet for its destination.
    NoSubnet,
    /// Addressed to another machine: a frame whose MAC is not ours.
    NotForUs,
    /// Malformed: a bad length or checksum.
    Malformed,
    /// The reverse-path filter: answers to this address would leave by another device.
    NoWayBack(String),
    /// The address of this Service left the node as it is: no rule has sent it to an endpoint.
    NoRuleFor(String),
    /// Something without a word of its own, in the words of the core.
    Other(String),
}

/// A packet with its whole way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketView {
    /// The line of the list.
    pub line: PacketLine,
    /// Its hops in order.
    pub hops: Vec<HopView>,
    /// Its bytes wherever they changed.
    pub frames: Vec<FrameView>,
    /// The entry of the trace that sent it.
    pub sent_by: Option<EventId>,
    /// Of a packet that ended: the entry that last changed what ended it.
    pub ended_by: Option<EventId>,
}

/// One device or program that had the packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopView {
    /// When it reached it.
    pub at: Time,
    /// The network namespace or wire.
    pub scope: Scope,
    /// The device or program: `eth0`, `veth3f2a`, `docker0`, `flannel0`, `flanneld`, `PREROUTING`.
    pub device: String,
    /// The step of the lesson, where it is one.
    pub step: Option<FlannelStep>,
    /// What was decided here.
    pub decision: Decision,
    /// The route, rule or table entry that decided it, as the tool prints it.
    pub rule: Option<String>,
    /// The index in [`PacketView::frames`] of the bytes as they reached this hop.
    pub frame: u16,
}

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// In a pod's network namespace.
    Pod {
        /// The pod as `namespace/name`.
        name: String,
        /// Its node.
        node: String,
    },
    /// In a node's root namespace.
    Node(String),
    /// On the network between the nodes.
    Wire,
    /// On a machine outside the cluster: a client, the router, a cloud's load balancer.
    Machine(String),
    /// Beyond it.
    Outside,
}

/// The ten steps of a packet through flannel's UDP backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FlannelStep {
    /// 1: the container sends through its eth0.
    ContainerSends,
    /// 2: the veth pair carries it to the root namespace.
    Veth,
    /// 3: the bridge takes it in and gives it to the host's stack.
    Bridge,
    /// 4: the route table sends it to flannel0.
    RouteToFlannel,
    /// 5: flanneld wraps it in UDP.
    Wrap,
    /// 6: it crosses the network between the hosts.
    Cross,
    /// 7: the other host's stack gives it to flanneld on port 8285.
    Receive,
    /// 8: flanneld unwraps it and hands it to flannel0.
    Unwrap,
    /// 9: the route table sends it to the bridge.
    RouteToBridge,
    /// 10: the bridge delivers it to the container.
    Deliver,
}

impl FlannelStep {
    /// All ten, in order.
    pub const ALL: [FlannelStep; 10] = [
        FlannelStep::ContainerSends,
        FlannelStep::Veth,
        FlannelStep::Bridge,
        FlannelStep::RouteToFlannel,
        FlannelStep::Wrap,
        FlannelStep::Cross,
        FlannelStep::Receive,
        FlannelStep::Unwrap,
        FlannelStep::RouteToBridge,
        FlannelStep::Deliver,
    ];

    /// 1 to 10.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// What a device or program decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Decision {
    /// A program sent it.
    Sent {
        /// The program: `curl`.
        by: String,
    },
    /// The route table chose a device and perhaps a gateway.
    Routed {
        /// The device.
        device: String,
        /// The gateway; `None` if the destination is on the link.
        via: Option<String>,
    },
    /// It came out at the other end of a veth pair.
    Crossed {
        /// The other end.
        peer: String,
    },
    /// The bridge knew the MAC and sent it out of one port.
    Switched {
        /// The destination's MAC.
        mac: String,
        /// The port.
        port: String,
    },
    /// The bridge did not know the MAC, or it is a broadcast: out of every port.
    Flooded,
    /// The frame was for the bridge's own MAC: up into the host's stack.
    Up,
    /// The neighbour table gave the MAC.
    Resolved {
        /// The address.
        ip: String,
        /// Its MAC.
        mac: String,
    },
    /// An injected fault of the cable: it comes later, or twice.
    Late {
        /// By how much: `3.2ms`.
        by: String,
        /// Whether a second one follows.
        twice: bool,
    },
    /// Held until ARP answers.
    AwaitsArp {
        /// The address that is asked for.
        ip: String,
    },
    /// The destination was rewritten.
    Dnat {
        /// From `address:port`.
        from: String,
        /// To `address:port`.
        to: String,
    },
    /// The source was rewritten.
    Snat {
        /// From `address:port`.
        from: String,
        /// To `address:port`.
        to: String,
    },
    /// An established connection: what was decided for its first packet holds.
    Tracked,
    /// A chain let it pass.
    Accepted {
        /// The chain.
        chain: String,
    },
    /// kube-proxy's own listener took it and chose a backend.
    Proxied {
        /// The backend `address:port`.
        backend: String,
    },
    /// flanneld looked the subnet up and wrapped it in UDP.
    Encapsulated {
        /// The subnet: `10.244.2.0/24`.
        subnet: String,
        /// The other node's address.
        remote: String,
    },
    /// flanneld or the VXLAN device unwrapped it.
    Decapsulated,
    /// It travelled over the wire to another machine.
    Transmitted {
        /// The other machine.
        to: String,
    },
    /// The stack gave it to a socket.
    Delivered {
        /// The program.
        to: String,
        /// The port; `None` for ICMP.
        port: Option<u16>,
    },
    /// It was answered by the kernel itself (echo, reset, ICMP error).
    Answered,
    /// It was dropped.
    Dropped(DropReason),
    /// Something without a word of its own, in the words of the core.
    Other(String),
}

/// The bytes of a frame and what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameView {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The layers from outside in.
    pub layers: Vec<LayerView>,
}

/// Which protocol a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LayerKind {
    /// Ethernet II.
    Ethernet,
    /// ARP.
    Arp,
    /// IPv4.
    Ipv4,
    /// ICMP.
    Icmp,
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// VXLAN.
    Vxlan,
    /// HTTP.
    Http,
    /// DNS.
    Dns,
    /// Bytes that mean nothing to us.
    Data,
}

impl LayerKind {
    /// The protocol's own name.
    pub fn name(self) -> &'static str {
        match self {
            LayerKind::Ethernet => "Ethernet",
            LayerKind::Arp => "ARP",
            LayerKind::Ipv4 => "IPv4",
            LayerKind::Icmp => "ICMP",
            LayerKind::Udp => "UDP",
            LayerKind::Tcp => "TCP",
            LayerKind::Vxlan => "VXLAN",
            LayerKind::Http => "HTTP",
            LayerKind::Dns => "DNS",
            LayerKind::Data => "Data",
        }
    }
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerView {
    /// The protocol.
    pub kind: LayerKind,
    /// One line: `10.244.1.2 → 10.244.2.3, ttl 63`.
    pub summary: String,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
    /// 0 for the outer packet, 1 for what is inside a tunnel.
    pub depth: u8,
    /// Its fields in order.
    pub fields: Vec<FieldView>,
}

/// A field of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldView {
    /// The protocol's own name for it: `Time to live`.
    pub name: String,
    /// Its value, readable.
    pub value: String,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl EndpointView {
    /// Its address.
    pub fn ip(&self) -> &str {
        match self {
            EndpointView::Pod { ip, .. }
            | EndpointView::Service { ip, .. }
            | EndpointView::NodePort { ip, .. }
            | EndpointView::Node { ip, .. }
            | EndpointView::Balancer { ip, .. }
            | EndpointView::Machine { ip, .. } => ip,
        }
    }

    /// Its ports.
    pub fn ports(&self) -> &[u16] {
        match self {
            EndpointView::Pod { ports, .. }
            | EndpointView::Service { ports, .. }
            | EndpointView::NodePort { ports, .. }
            | EndpointView::Balancer { ports, .. } => ports,
            EndpointView::Node { .. } | EndpointView::Machine { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_steps_are_numbered_one_to_ten() {
        let numbers: Vec<u8> = FlannelStep::ALL.iter().map(|s| s.number()).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
}
