//! Machines outside the cluster: a client, the router between it and the nodes, and with a cloud its load balancer.
//!
//! ```text
//! client 203.0.113.10 -- 203.0.113.1 router 192.168.0.1 --+-- nodes 192.168.1.0/24
//!                                                         +-- load-balancer 192.168.0.2, with the addresses of Services
//! ```
//!
//! The router is the nodes' default gateway. A cloud's machines are there from the start; elsewhere the router is plugged in
//! with the first command on the client, so that a cluster without either is one without the world around it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::cluster::event::{Actor, MachineIx};
use crate::cluster::host::owner_of;
use crate::cluster::power::CARD;
use crate::cluster::query::machine::{self, is_machine_tool};
use crate::cluster::{Cluster, Mail, MailKind, Message, OutsideId, run};
use crate::net::addr::{Mac, NsId};
use crate::net::fabric;
use crate::net::route::Route;
use crate::node::runtime::{self, Runtime};
use crate::sim::{EventId, Out, Span};

/// The client.
pub const CLIENT: MachineIx = MachineIx(0);
/// The router.
pub const ROUTER: MachineIx = MachineIx(1);
/// The cloud's load balancer.
pub const LOAD_BALANCER: MachineIx = MachineIx(2);
/// Their names, by number.
const NAMES: [&str; 3] = ["client", "router", "load-balancer"];
/// The client's network, of those that are kept for documentation.
const OUTSIDE: [u8; 3] = [203, 0, 113];
/// The network of the addresses that the load balancer gives to Services.
pub const VIRTUAL: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 254, 0), 24);

/// The client's name and address, plugged in or not.
pub fn client() -> (&'static str, Ipv4Addr) {
    let [a, b, c] = OUTSIDE;
    (NAMES[0], Ipv4Addr::new(a, b, c, 10))
}

/// A machine outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    /// Its name.
    pub name: Arc<str>,
    /// Its address.
    pub ip: Ipv4Addr,
    /// Its network namespace.
    pub ns: NsId,
    /// What runs on it.
    pub runtime: Runtime,
}

impl Cluster {
    /// The machines outside that are there.
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// A machine outside.
    pub(crate) fn machine(&self, at: MachineIx) -> Option<&Machine> {
        self.machines.get(usize::try_from(at.0).ok()?)
    }

    pub(crate) fn machine_mut(&mut self, at: MachineIx) -> Option<&mut Machine> {
        self.machines.get_mut(usize::try_from(at.0).ok()?)
    }

    /// The machine outside that has this name; plugs the client and the router in where they are missing.
    pub(crate) fn machine_named(&mut self, name: &str) -> Option<MachineIx> {
        let at = NAMES.iter().position(|known| *known == name)?;
        self.plug_outside_in();
        (at < self.machines.len()).then(|| MachineIx(u32::try_from(at).expect("there are three")))
    }

    /// Names of machines outside that can be logged in on.
    pub fn machine_names(&self) -> &'static [&'static str] {
        if self.scenario.cloud { &NAMES } else { &NAMES[..2] }
    }

    /// The client, the router and, with a cloud, the load balancer.
    pub(crate) fn plug_outside_in(&mut self) {
        if !self.machines.is_empty() {
            return;
        }
        let Some((segment, addr)) = self.nodes_segment() else { return };
        let beyond = self.fabric.add_segment("outside");
        let [a, b, c] = OUTSIDE;
        let outside = |d| net(Ipv4Addr::new(a, b, c, d), 24);
        let inside = |n| net(Ipv4Addr::from(u32::from(addr.network()) + n), addr.prefix_len());
        let own = net(client().1, 24);
        let client = self.add_machine(CLIENT, own);
        self.plug_card(client, CARD, beyond, own);
        self.route_by(client, Ipv4Net::default(), outside(1).addr());
        let router = self.add_machine(ROUTER, outside(1));
        self.plug_card(router, CARD, beyond, outside(1));
        self.plug_card(router, "eth1", segment, inside(1));
        self.fabric.set_ip_forward(router, true);
        if self.scenario.cloud {
            let balancer = self.add_machine(LOAD_BALANCER, inside(2));
            self.plug_card(balancer, CARD, segment, inside(2));
            self.route_by(balancer, Ipv4Net::default(), inside(1).addr());
            self.fabric.set_ip_forward(balancer, true);
            self.route_by(router, VIRTUAL, inside(2).addr());
        }
    }

    /// The nodes' segment and an address on it with its network.
    fn nodes_segment(&self) -> Option<(crate::net::addr::SegmentId, Ipv4Net)> {
        let card = self.fabric.ns(self.hosts.first()?.ns)?.device_named(CARD)?;
        let crate::net::device::DeviceKind::Ether(segment) = card.kind else { return None };
        Some((segment, *card.addrs.first()?))
    }

    fn add_machine(&mut self, at: MachineIx, addr: Ipv4Net) -> NsId {
        let name: Arc<str> = NAMES[usize::try_from(at.0).expect("there are three")].into();
        let (ip, ns) = (addr.addr(), self.fabric.add_ns(&name));
        let (epoch, timing) = (self.scenario.epoch().0, runtime::Timing::default());
        let config = runtime::Config { node: name.clone(), ip, epoch, timing, memory: runtime::Memory::default() };
        let runtime = Runtime::new(config, self.scenario.seed);
        self.machines.push(Machine { name, ip, ns, runtime });
        ns
    }

    fn plug_card(&mut self, ns: NsId, name: &str, segment: crate::net::addr::SegmentId, addr: Ipv4Net) {
        let mac = Mac::of_ip(addr.addr());
        self.fabric.add_ether(ns, name, segment, mac, addr).expect("a new machine has no such card");
    }

    fn route_by(&mut self, ns: NsId, to: Ipv4Net, via: Ipv4Addr) {
        let route = self.fabric.ns(ns).and_then(|ns| ns.route_to(via)).expect("the gateway is on a link");
        let route = Route::new(to, Some(via), route.dev, route.dev_name.clone());
        self.fabric.add_route(ns, route).expect("a new machine has no such route");
    }

    /// A command line for a machine outside.
    pub(crate) fn machine_command(&mut self, client: OutsideId, at: MachineIx, line: String, cause: Option<EventId>) {
        self.machine_commands.insert(client, at);
        let input = runtime::Input::Host { id: u64::from(client.0), line };
        self.hand_over(Actor::Machine(at), cause, Span::micros(100), Message::ToRuntime(input));
    }

    /// Ctrl-C for a command on a machine outside; `false` if there is none.
    pub(crate) fn interrupt_machine_command(&mut self, client: OutsideId) -> bool {
        let Some(at) = self.machine_commands.get(&client).copied() else { return false };
        let input = runtime::Input::HostCancel(u64::from(client.0));
        self.hand_over(Actor::Machine(at), None, Span::ZERO, Message::ToRuntime(input));
        true
    }

    /// A message arrives at a machine outside.
    pub(crate) fn deliver_to_machine(&mut self, at: MachineIx, message: Message, entry: Option<EventId>) {
        let input = match message {
            Message::ToRuntime(input) => input,
            Message::Socket { token, socket, event } => runtime::Input::Socket { token, socket, event },
            _ => return,
        };
        let now = self.now;
        let Some(machine) = self.machine_mut(at) else { return };
        let effects = run(&mut machine.runtime, input, now, entry);
        self.machine_did(at, effects);
    }

    /// A machine outside is woken.
    pub(crate) fn wake_machine(&mut self, at: MachineIx, entry: Option<EventId>) {
        let now = self.now;
        let Some(machine) = self.machine_mut(at) else { return };
        let mut out = Out::caused_by(entry);
        crate::sim::Component::wake(&mut machine.runtime, now, &mut out);
        self.machine_did(at, out.take_caused());
    }

    fn machine_did(&mut self, at: MachineIx, effects: Vec<(Option<EventId>, runtime::Effect)>) {
        let me = Actor::Machine(at);
        let Some(ns) = self.machine(at).map(|machine| machine.ns) else { return };
        for (cause, effect) in effects {
            match effect {
                runtime::Effect::Socket(None, op) => {
                    self.network(fabric::Input::Op { ns, owner: owner_of(me), op }, cause);
                }
                runtime::Effect::Query { proc, sandbox: None, id, argv, .. } => {
                    let answer = match self.machine(at) {
                        Some(machine) if is_machine_tool(&argv) => machine::outside(&machine.runtime, proc, &argv),
                        _ => self.query_machine(ns, &argv),
                    };
                    let (stdout, stderr, code) = (answer.stdout, answer.stderr, answer.code);
                    let input = runtime::Input::Answer { proc, id, stdout, stderr, code };
                    self.hand_over(me, cause, Span::micros(200), Message::ToRuntime(input));
                }
                runtime::Effect::Host(id, chunk) => {
                    let to = OutsideId(u32::try_from(id).expect("the number was an OutsideId"));
                    self.mail.push(Mail { to, cause, what: MailKind::Node(chunk) });
                }
                // No kubelet asks anything of it: it has no pods.
                _ => {}
            }
        }
    }
}

fn net(ip: Ipv4Addr, length: u8) -> Ipv4Net {
    Ipv4Net::new(ip, length).expect("a length of a prefix")
}
