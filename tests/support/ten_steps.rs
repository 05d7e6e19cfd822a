//! The ten steps of flannel's UDP backend alone: datagrams from a pod of one node to a pod of the other, by a fabric and two
//! programs that wrap and unwrap, with the hops recorded as in a cluster.

use std::net::{Ipv4Addr, SocketAddrV4};

use kubarium::net::packet::lower_ttl;
use kubarium::net::route::{Route, Scope};
use kubarium::net::{DevId, Effect, End, Fabric, Input, Mac, NsId, Owner, SocketEvent, SocketId, SocketOp, Tag};
use kubarium::sim::{Component, EventQueue, Out, Span, Time};

/// How many are under way at a time.
const WINDOW: u64 = 64;

const CLIENT: Owner = Owner(100);
const SERVER: Owner = Owner(101);
const TARGET: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 244, 2, 2), 9_000);

struct World {
    fabric: Fabric,
    queue: EventQueue<Input>,
    now: Time,
    nodes: Vec<(NsId, DevId)>,
    flanneld: [Option<SocketId>; 2],
    client: (NsId, Option<SocketId>),
    wanted: u64,
    sent: u64,
    arrived: u64,
    hops: u64,
}

fn node_ip(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 0, 11 + n)
}

impl World {
    fn new(wanted: u64) -> World {
        let mut fabric = Fabric::new(7);
        let segment = fabric.add_segment("nodes");
        let (mut nodes, mut pods) = (Vec::new(), Vec::new());
        for n in 0..2_u8 {
            let node = fabric.add_ns(&format!("worker{}", n + 1));
            let (own, gateway) = (node_ip(n), Ipv4Addr::new(10, 244, n + 1, 1));
            let net = |ip: Ipv4Addr| format!("{ip}/24").parse().expect("a network");
            fabric.add_ether(node, "eth0", segment, Mac::of_ip(own), net(own)).expect("a new device");
            let bridge = fabric.add_bridge(node, "docker0", Mac::of_ip(gateway), 1472, net(gateway)).expect("new");
            fabric.set_ip_forward(node, true);
            let subnet = Ipv4Addr::new(10, 244, n + 1, 0);
            let tun = fabric.add_tun(node, "flannel0", 1472, subnet, Owner(u64::from(n))).expect("new");
            let overlay = "10.244.0.0/16".parse().expect("a network");
            let route = Route { scope: Scope::Universe, ..Route::new(overlay, None, tun, "flannel0".into()) };
            fabric.add_route(node, route).expect("a new route");
            let pod = fabric.add_ns(&format!("pod{n}"));
            let addr = net(Ipv4Addr::new(10, 244, n + 1, 2));
            fabric.add_pod_link(pod, node, bridge, "veth0", Mac([2, 0, 0, 0, 0, n]), addr, gateway, true).expect("new");
            nodes.push((node, tun));
            pods.push(pod);
        }
        let mut world = World {
            fabric,
            queue: EventQueue::default(),
            now: Time(0),
            nodes,
            flanneld: [None; 2],
            client: (pods[0], None),
            wanted,
            sent: 0,
            arrived: 0,
            hops: 0,
        };
        for n in 0..2_u8 {
            let at = SocketAddrV4::new(node_ip(n), 8285);
            world.op(world.nodes[usize::from(n)].0, Owner(u64::from(n)), SocketOp::Bind { token: 1, at });
        }
        world.op(pods[1], SERVER, SocketOp::Bind { token: 1, at: TARGET });
        let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        world.op(pods[0], CLIENT, SocketOp::Bind { token: 1, at: any });
        world
    }

    fn op(&mut self, ns: NsId, owner: Owner, op: SocketOp) {
        self.queue.push(self.now, Input::Op { ns, owner, op });
        self.step();
    }

    fn step(&mut self) -> bool {
        let timer = self.fabric.wake_at().map(|wake| wake.at);
        let Some(next) = timer.into_iter().chain(self.queue.next_at()).min() else { return false };
        self.now = self.now.max(next);
        let mut out = Out::default();
        match self.queue.next_at() == Some(next) {
            true => {
                let (_, input) = self.queue.pop().expect("there is one");
                self.fabric.handle(input, self.now, &mut out);
            }
            false => self.fabric.wake(self.now, &mut out),
        }
        for effect in out.take() {
            self.did(effect);
        }
        true
    }

    fn did(&mut self, effect: Effect) {
        match effect {
            Effect::Deliver { to, after, packet } => self.queue.push(self.now + after, Input::Frame { to, packet }),
            Effect::Hop(_) => self.hops += 1,
            Effect::TunRead { owner, bytes, tag, .. } => self.wrap(owner.0, &bytes, tag),
            Effect::Socket { owner, socket, event, .. } => self.heard(owner, socket, event),
        }
    }

    fn wrap(&mut self, node: u64, bytes: &[u8], tag: Tag) {
        let (from, to) = if node == 0 { (0, 1) } else { (1, 0) };
        let mut bytes = bytes.to_vec();
        lower_ttl(&mut bytes);
        let Some(socket) = self.flanneld[from] else { return };
        let to = SocketAddrV4::new(node_ip(to), 8285);
        let op = SocketOp::SendTo { socket, to, bytes: bytes.into(), carries: Some(tag), flow: None };
        self.queue.push(self.now + Span::micros(10), Input::Op { ns: self.nodes[from].0, owner: Owner(node), op });
    }

    fn heard(&mut self, owner: Owner, socket: SocketId, event: SocketEvent) {
        match (owner, event) {
            (Owner(n @ 0..2), SocketEvent::Bound { .. }) => self.flanneld[usize::from(n == 1)] = Some(socket),
            (Owner(n @ 0..2), SocketEvent::Datagram { bytes, carries, .. }) => {
                let (ns, dev) = self.nodes[usize::from(n == 1)];
                let mut bytes = bytes.to_vec();
                lower_ttl(&mut bytes);
                let input = Input::Tun { to: End { ns, dev }, bytes: bytes.into(), tag: carries };
                self.queue.push(self.now + Span::micros(10), input);
            }
            (CLIENT, SocketEvent::Bound { .. }) => self.client.1 = Some(socket),
            (SERVER, SocketEvent::Datagram { .. }) => {
                self.arrived += 1;
                self.send();
            }
            _ => {}
        }
    }

    fn send(&mut self) {
        let (ns, Some(socket)) = self.client else { return };
        if self.sent < self.wanted {
            self.sent += 1;
            let op =
                SocketOp::SendTo { socket, to: TARGET, bytes: [0; 64].as_slice().into(), carries: None, flow: None };
            self.queue.push(self.now, Input::Op { ns, owner: CLIENT, op });
        }
    }
}

/// Sends `packets` datagrams, 64 at a time, and says how many hops each made. `ready` is called when the first has found the
/// hardware addresses.
pub fn send(packets: u64, ready: impl FnOnce()) -> u64 {
    let mut world = World::new(packets);
    world.send();
    while world.arrived == 0 && world.step() {}
    ready();
    (0..WINDOW).for_each(|_| world.send());
    while world.arrived < packets && world.step() {}
    assert_eq!(world.arrived, packets, "every datagram arrives");
    world.hops / packets
}
