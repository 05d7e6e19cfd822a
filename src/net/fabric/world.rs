//! A world of two nodes with two pods each, joined as flannel's UDP or VXLAN backend joins them, for the tests.
//!
//! Node 1 is 192.168.0.11 with 10.244.1.0/24 on docker0, node 2 is 192.168.0.12 with 10.244.2.0/24.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::net::hop::{Decision, Hop, Stage};
use crate::net::packet::{Packet, lower_ttl};
use crate::net::route::{Route, Scope};
use crate::net::vxlan::{self, Vxlan};
use crate::net::*;
use crate::sim::{Component, EventQueue, Out, Span, Time};

/// What a test program is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub at: Time,
    pub owner: Owner,
    pub socket: SocketId,
    pub event: SocketEvent,
}

pub struct World {
    pub fabric: Fabric,
    pub queue: EventQueue<Input>,
    pub now: Time,
    pub hops: Vec<Hop>,
    pub news: Vec<News>,
    pub nodes: [NsId; 2],
    pub pods: [NsId; 4],
    pub docker0: [DevId; 2],
    pub flannel: [DevId; 2],
    pub flanneld: [Option<SocketId>; 2],
    pub answer: Vec<u8>,
}

pub const POD_IPS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(10, 244, 1, 2),
    Ipv4Addr::new(10, 244, 1, 3),
    Ipv4Addr::new(10, 244, 2, 2),
    Ipv4Addr::new(10, 244, 2, 3),
];
/// The nodes' subnets (/24), and the addresses of their tunnel devices.
pub const POD_NETS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 244, 1, 0), Ipv4Addr::new(10, 244, 2, 0)];
/// The hardware addresses of their VXLAN devices.
pub const VTEPS: [Mac; 2] = [Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2])];
pub const NODE_IPS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 0, 11), Ipv4Addr::new(192, 168, 0, 12)];

/// A program that answers every request over TCP with `World::answer` and closes.
pub const SERVER: Owner = Owner(100);
/// A program that does what the test says.
pub const CLIENT: Owner = Owner(200);

impl World {
    /// Joined by the UDP backend.
    pub fn new() -> World {
        let mut world = World::bare(1472);
        for n in 0..2 {
            let (node, own) = (world.nodes[n], POD_NETS[n]);
            let tun = world.fabric.add_tun(node, "flannel0", 1472, own, Owner(n as u64)).expect("new");
            let overlay = "10.244.0.0/16".parse().expect("a net");
            let route = Route { scope: Scope::Universe, ..Route::new(overlay, None, tun, "flannel0".into()) };
            world.fabric.add_route(node, route).expect("new");
            world.flannel[n] = tun;
            let at = SocketAddrV4::new(NODE_IPS[n], 8285);
            world.op(node, Owner(n as u64), SocketOp::Bind { token: 8285, at });
        }
        world
    }

    /// Joined by the VXLAN backend.
    pub fn vxlan() -> World {
        let mut world = World::bare(1450);
        for n in 0..2 {
            let node = world.nodes[n];
            let eth0 = world.fabric.ns(node).and_then(|ns| ns.device_named("eth0")).expect("there").id;
            let tunnel = Vxlan::new(1, NODE_IPS[n], eth0, vxlan::PORT);
            let dev = world.fabric.add_vxlan(node, "flannel.1", (VTEPS[n], 1450), POD_NETS[n], tunnel).expect("new");
            let other = 1 - n;
            let via = POD_NETS[other];
            world.fabric.set_neighbour(node, dev, via, Some(VTEPS[other])).expect("there");
            world.fabric.set_tunnel(node, dev, VTEPS[other], Some(NODE_IPS[other])).expect("there");
            let dst = ipnet::Ipv4Net::new_assert(via, 24);
            let route = Route { onlink: true, ..Route::new(dst, Some(via), dev, "flannel.1".into()) };
            world.fabric.add_route(node, route).expect("new");
            world.flannel[n] = dev;
        }
        world
    }

    /// Nodes and pods, not joined.
    fn bare(mtu: u32) -> World {
        let mut fabric = Fabric::new(7);
        let segment = fabric.add_segment("nodes");
        let (mut nodes, mut pods) = ([NsId(0); 2], [NsId(0); 4]);
        let mut docker0 = [DevId(0); 2];
        for n in 0..2 {
            let node = fabric.add_ns(&format!("worker{}", n + 1));
            nodes[n] = node;
            let net: u8 = u8::try_from(n + 1).expect("small");
            let addr = ipnet::Ipv4Net::new_assert(NODE_IPS[n], 24);
            fabric.add_ether(node, "eth0", segment, Mac::of_ip(NODE_IPS[n]), addr).expect("new");
            let mac = fabric.random_mac();
            let gateway = Ipv4Addr::new(10, 244, net, 1);
            docker0[n] =
                fabric.add_bridge(node, "docker0", mac, mtu, ipnet::Ipv4Net::new_assert(gateway, 24)).expect("new");
            fabric.set_ip_forward(node, true);
            for p in 0..2 {
                let at = 2 * n + p;
                let pod = fabric.add_ns(&format!("pod{at}"));
                let mac = fabric.random_mac();
                let addr = ipnet::Ipv4Net::new_assert(POD_IPS[at], 24);
                fabric
                    .add_pod_link(pod, node, docker0[n], &format!("veth{at}"), mac, addr, gateway, true)
                    .expect("new");
                pods[at] = pod;
            }
        }
        let (now, queue, hops, news) = (Time(0), EventQueue::default(), Vec::new(), Vec::new());
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec();
        let (flannel, flanneld) = ([DevId(0); 2], [None; 2]);
        World { fabric, queue, now, hops, news, nodes, pods, docker0, flannel, flanneld, answer }
    }

    pub fn op(&mut self, ns: NsId, owner: Owner, op: SocketOp) {
        let mut out = Out::default();
        self.fabric.handle(Input::Op { ns, owner, op }, self.now, &mut out);
        self.take(out);
    }

    /// A program that serves in a namespace.
    pub fn serve(&mut self, ns: NsId, port: u16) {
        self.op(ns, SERVER, SocketOp::Listen { token: 1, at: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port) });
    }

    /// Runs until `until` or until nothing happens any more.
    pub fn run(&mut self, until: Span) {
        let until = self.now + until;
        loop {
            let timer = self.fabric.wake_at().map(|w| w.at);
            let Some(next) = timer.into_iter().chain(self.queue.next_at()).min().filter(|at| *at <= until) else {
                break;
            };
            self.now = self.now.max(next);
            let mut out = Out::default();
            if self.queue.next_at() == Some(next) {
                let (_, input) = self.queue.pop().expect("there is one");
                self.fabric.handle(input, self.now, &mut out);
            } else {
                self.fabric.wake(self.now, &mut out);
            }
            self.take(out);
        }
        self.now = until;
    }

    fn take(&mut self, mut out: Out<Effect>) {
        for effect in out.take() {
            match effect {
                Effect::Deliver { to, after, packet } => {
                    self.queue.push(self.now + after, Input::Frame { to, packet });
                }
                Effect::Hop(hop) => self.hops.push(hop),
                Effect::TunRead { owner, bytes, tag, .. } => self.wrap(owner, &bytes, tag),
                Effect::Socket { owner, ns, socket, event, .. } => self.hear(owner, ns, socket, event),
            }
        }
    }

    /// What flanneld does with a packet that it reads from flannel0.
    fn wrap(&mut self, owner: Owner, bytes: &[u8], tag: Tag) {
        let n = usize::try_from(owner.0).expect("0 or 1");
        let mut bytes = bytes.to_vec();
        if lower_ttl(&mut bytes).is_none_or(|ttl| ttl == 0) {
            return;
        }
        let to = SocketAddrV4::new(NODE_IPS[1 - n], 8285);
        let Some(socket) = self.flanneld[n] else { return };
        let op = SocketOp::SendTo { socket, to, bytes: bytes.into(), carries: Some(tag), flow: None };
        self.queue.push(self.now + Span::micros(10), Input::Op { ns: self.nodes[n], owner, op });
    }

    fn hear(&mut self, owner: Owner, ns: NsId, socket: SocketId, event: SocketEvent) {
        match (&event, owner) {
            (SocketEvent::Bound { .. }, Owner(n @ 0..2)) => {
                self.flanneld[usize::try_from(n).expect("0 or 1")] = Some(socket);
            }
            (SocketEvent::Datagram { bytes, carries, .. }, Owner(n @ 0..2)) => {
                let mut bytes = bytes.to_vec();
                if lower_ttl(&mut bytes).is_some_and(|ttl| ttl > 0) {
                    let n = usize::try_from(n).expect("0 or 1");
                    let to = End { ns: self.nodes[n], dev: self.flannel[n] };
                    let input = Input::Tun { to, bytes: Arc::from(bytes), tag: *carries };
                    self.queue.push(self.now + Span::micros(10), input);
                }
            }
            (SocketEvent::Data(bytes), SERVER) if bytes.ends_with(b"\r\n\r\n") => {
                let bytes = self.answer.clone();
                for op in [SocketOp::Send { socket, bytes }, SocketOp::Close { socket }] {
                    self.queue.push(self.now + Span::micros(50), Input::Op { ns, owner, op });
                }
            }
            (SocketEvent::Connected { .. }, CLIENT) => {
                let bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
                self.queue.push(self.now, Input::Op { ns, owner, op: SocketOp::Send { socket, bytes } });
            }
            (SocketEvent::PeerClosed, CLIENT) => {
                self.queue.push(self.now, Input::Op { ns, owner, op: SocketOp::Close { socket } });
            }
            _ => {}
        }
        self.news.push(News { at: self.now, owner, socket, event });
    }

    /// A request from `ns` to `to`; answers what came back, or why nothing did.
    pub fn curl(&mut self, ns: NsId, to: &str, patience: Span) -> Result<Vec<u8>, Option<NetError>> {
        let before = self.news.len();
        let to = to.parse().expect("an address and port");
        self.op(ns, CLIENT, SocketOp::Connect { token: 1, to, flow: None });
        self.run(patience);
        let (mut got, mut closed, mut failed) = (Vec::new(), false, None);
        for news in self.news[before..].iter().filter(|n| n.owner == CLIENT) {
            match &news.event {
                SocketEvent::Data(bytes) => got.extend_from_slice(bytes),
                SocketEvent::PeerClosed => closed = true,
                SocketEvent::Failed(error) => failed = Some(*error),
                _ => {}
            }
        }
        if closed && failed.is_none() { Ok(got) } else { Err(failed) }
    }

    /// Sends one ping and answers the news about it.
    pub fn ping(&mut self, ns: NsId, to: &str, size: u16, ttl: u8) -> Option<SocketEvent> {
        let before = self.news.len();
        self.op(ns, CLIENT, SocketOp::Ping { token: 9, to: to.parse().expect("an address"), seq: 1, size, ttl });
        self.run(Span::secs(5));
        let of_client = self.news[before..].iter().filter(|n| n.owner == CLIENT);
        of_client.map(|n| n.event.clone()).find(|e| !matches!(e, SocketEvent::Opened))
    }

    /// The first packet of the newest conversation of the kind `wanted`.
    pub fn first_packet(&self, wanted: impl Fn(&Packet) -> bool) -> PacketId {
        let is = |hop: &&Hop| {
            let tag = Tag { packet: hop.packet, flow: hop.flow };
            hop.stage == Stage::Send && wanted(&Packet::of_buf(hop.frame.to_vec(), tag, None))
        };
        self.hops.iter().find(is).expect("such a packet was sent").packet
    }

    /// Checks that every packet that was sent ended in some way.
    pub fn check_conservation(&self) {
        use crate::sim::VecMap;
        let mut open: VecMap<PacketId, (i64, &Hop)> = VecMap::new();
        for hop in &self.hops {
            let entry = open.entry(hop.packet).or_insert((0, hop));
            entry.0 += match (&hop.stage, &hop.decision) {
                (Stage::Send | Stage::Encap | Stage::Decap, _) => 1,
                (Stage::Deliver | Stage::Drop | Stage::Tun | Stage::Tunnel, _) => -1,
                (Stage::BridgeFlood, Decision::Flood { ports, .. }) => {
                    i64::from(*ports) - 1 + i64::from(hop_up(hop, &self.hops))
                }
                (Stage::Wire, Decision::Segment { ends, .. }) => i64::from(*ends) - 1,
                (Stage::Fragment, Decision::Fragmented(n)) => i64::from(*n) - 1,
                (Stage::Fragment, Decision::Held) => -1,
                _ => 0,
            };
        }
        // A packet that was put together again counts for its fragments.
        let fragmented = |id: PacketId| self.hops.iter().any(|h| h.packet == id && h.stage == Stage::Fragment);
        for (id, (left, hop)) in open {
            assert!(left == 0 || fragmented(id), "packet {id}: {left} left, sent as {:?} {}", hop.stage, hop.decision);
        }
    }
}

/// Whether a flooded frame also went up to the bridge's own host: it did if it came in by a port.
fn hop_up(flood: &Hop, hops: &[Hop]) -> bool {
    let sent_here = |h: &&Hop| h.packet == flood.packet && h.ns == flood.ns && h.stage == Stage::Send;
    !hops.iter().any(|h| sent_here(&h))
}
