//! The fabric: every namespace and the links between them, as one component.
//!
//! What reaches it ([`Input`]): a frame at the end of a link, what a program asks of a socket, what a program writes into a
//! TUN. What it wants done ([`Effect`]): a frame to be brought to its peer after a while, news for programs, a packet for the
//! program at the other end of a TUN, and hop records. Whoever composes the world brings every `Deliver` back as `Frame`.
//!
//! Namespaces, devices, addresses, routes and rules are set up by direct calls (`config`): they are what CNI plugins, flanneld
//! and kube-proxy do with netlink and iptables, and take no time on the wire.

use crate::sim::{VecMap, VecSet};
use std::sync::Arc;

use crate::net::addr::{DevId, End, FlowId, Mac, NsId, Owner, PacketId, SegmentId, SocketId, Tag};
use crate::net::fault::{Fate, Faults};
use crate::net::hop::{Decision, DropReason, Hop, Link, Stage};
use crate::net::host::Netns;
use crate::net::packet::Packet;
use crate::net::socket::{SocketEvent, SocketOp};
use crate::sim::{Component, Out, Rng, Span, Time, Wake};

pub mod config;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod world;

/// How long a frame takes through a veth pair or loopback.
pub const VETH_LATENCY: Span = Span::micros(2);
/// How long a frame takes from one node to another.
pub const SEGMENT_LATENCY: Span = Span::micros(100);

/// What reaches the fabric.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A frame arrives: the time of an [`Effect::Deliver`] has passed.
    Frame {
        /// Where.
        to: End,
        /// What.
        packet: Packet,
    },
    /// A program wants something of a socket.
    Op {
        /// In which namespace it runs.
        ns: NsId,
        /// Who it is.
        owner: Owner,
        /// What it wants.
        op: SocketOp,
    },
    /// A program writes an IP packet into its TUN.
    Tun {
        /// The TUN.
        to: End,
        /// The packet.
        bytes: Arc<[u8]>,
        /// The packet that this is (what a datagram carried, or what was read from a TUN); `None` for a new one.
        tag: Option<Tag>,
    },
}

/// What the fabric wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Bring a frame to its peer.
    Deliver {
        /// To which device.
        to: End,
        /// When from now.
        after: Span,
        /// The frame.
        packet: Packet,
    },
    /// News of a socket for a program.
    Socket {
        /// Whose.
        owner: Owner,
        /// In which namespace.
        ns: NsId,
        /// Which socket.
        socket: SocketId,
        /// What its owner calls it.
        token: u64,
        /// What happened.
        event: SocketEvent,
    },
    /// A packet for the program at the other end of a TUN.
    TunRead {
        /// Who.
        owner: Owner,
        /// In which namespace.
        ns: NsId,
        /// The TUN.
        dev: DevId,
        /// The IP packet.
        bytes: Arc<[u8]>,
        /// What it is.
        tag: Tag,
    },
    /// Something happened to a packet.
    Hop(Hop),
}

/// Why the fabric wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A timer of TCP, ARP or fragments in this namespace.
    Timer(NsId),
}

/// A switch that joins network cards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// Its name.
    pub name: Arc<str>,
    /// How long a frame takes from card to card.
    pub latency: Span,
    /// The cards.
    pub cards: VecMap<Mac, End>,
}

/// All namespaces and links.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fabric {
    namespaces: VecMap<NsId, Arc<Netns>>,
    wakes: VecSet<(Time, NsId)>,
    next_ns: u32,
    core: Core,
}

/// What all namespaces share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Core {
    next_packet: u64,
    next_flow: u64,
    next_socket: u64,
    next_segment: u32,
    recording: bool,
    /// Whether every device shows what passes through it.
    capturing: bool,
    segments: VecMap<SegmentId, Segment>,
    faults: Faults,
    /// Draws for faults, rules and sequence numbers.
    pub(crate) rng: Rng,
}

/// What a namespace needs while it handles something.
pub(crate) struct Ctx<'a> {
    pub now: Time,
    pub ns: NsId,
    pub core: &'a mut Core,
    pub out: &'a mut Out<Effect>,
}

impl Fabric {
    /// An empty fabric that records hops.
    pub fn new(seed: u64) -> Fabric {
        Fabric {
            namespaces: VecMap::new(),
            wakes: VecSet::new(),
            next_ns: 1,
            core: Core {
                next_packet: 1,
                next_flow: 1,
                next_socket: 1,
                next_segment: 1,
                recording: true,
                capturing: false,
                segments: VecMap::new(),
                faults: Faults::default(),
                rng: Rng::stream(seed, "net"),
            },
        }
    }

    /// Whether hops are recorded.
    pub fn set_recording(&mut self, recording: bool) {
        self.core.recording = recording;
    }

    /// Whether every device shows what passes through it, as hops of the stages `In` and `Out`.
    pub fn set_capturing(&mut self, capturing: bool) {
        self.core.capturing = capturing;
    }

    /// The namespaces.
    pub fn namespaces(&self) -> impl Iterator<Item = &Netns> {
        self.namespaces.values().map(|ns| &**ns)
    }

    /// A namespace.
    pub fn ns(&self, id: NsId) -> Option<&Netns> {
        self.namespaces.get(&id).map(|ns| &**ns)
    }

    /// The faults that are there.
    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    /// The faults, to change them.
    pub fn faults_mut(&mut self) -> &mut Faults {
        &mut self.core.faults
    }

    /// A segment.
    pub fn segment(&self, id: SegmentId) -> Option<&Segment> {
        self.core.segments.get(&id)
    }

    /// A conversation that has not begun: for a program that wants several exchanges shown as one.
    pub fn new_flow(&mut self) -> FlowId {
        self.core.flow()
    }

    /// Lets a namespace do something and keeps its wake-up.
    fn within<R>(
        &mut self,
        id: NsId,
        now: Time,
        out: &mut Out<Effect>,
        act: impl FnOnce(&mut Netns, &mut Ctx<'_>) -> R,
    ) -> Option<R> {
        let ns = Arc::make_mut(self.namespaces.get_mut(&id)?);
        let done = act(ns, &mut Ctx { now, ns: id, core: &mut self.core, out });
        let wake = ns.next_wake();
        if wake != ns.wake {
            if let Some(old) = ns.wake {
                self.wakes.remove(&(old, id));
            }
            self.wakes.extend(wake.map(|at| (at, id)));
            ns.wake = wake;
        }
        Some(done)
    }
}

impl Component for Fabric {
    type Input = Input;
    type Effect = Effect;
    type Reason = Reason;

    fn handle(&mut self, input: Input, now: Time, out: &mut Out<Effect>) {
        match input {
            Input::Frame { to, packet } if self.namespaces.contains_key(&to.ns) => {
                _ = self.within(to.ns, now, out, |ns, cx| ns.receive(to.dev, packet, cx));
            }
            Input::Frame { to, packet } => {
                let mut cx = Ctx { now, ns: to.ns, core: &mut self.core, out };
                cx.drop_at(&packet, Link::Ethernet, &Arc::default(), DropReason::Gone);
            }
            Input::Op { ns, owner, op } => _ = self.within(ns, now, out, |ns, cx| ns.op(owner, op, cx)),
            Input::Tun { to, bytes, tag } => {
                _ = self.within(to.ns, now, out, |ns, cx| {
                    let tag = tag.unwrap_or_else(|| {
                        let flow = cx.flow();
                        cx.tag(flow)
                    });
                    ns.tun_input(to.dev, Packet::of_ip(&bytes, tag, None), cx);
                });
            }
        }
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        while let Some((_, id)) = self.wakes.first().copied().filter(|(at, _)| *at <= now) {
            let woken = self.within(id, now, out, |ns, cx| {
                ns.wake_sockets(cx);
                ns.wake_neighbours(cx);
                ns.wake_fragments(cx);
            });
            if woken.is_none() {
                self.wakes.retain(|(_, ns)| *ns != id);
            }
        }
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        self.wakes.first().map(|(at, ns)| Wake { at: *at, why: Reason::Timer(*ns) })
    }
}

impl Core {
    fn flow(&mut self) -> FlowId {
        self.next_flow += 1;
        FlowId(self.next_flow - 1)
    }
}

impl Ctx<'_> {
    /// A new conversation.
    pub fn flow(&mut self) -> FlowId {
        self.core.flow()
    }

    /// A new packet of a conversation.
    pub fn tag(&mut self, flow: FlowId) -> Tag {
        self.core.next_packet += 1;
        Tag { packet: PacketId(self.core.next_packet - 1), flow }
    }

    /// A new socket.
    pub fn socket(&mut self) -> SocketId {
        self.core.next_socket += 1;
        SocketId(self.core.next_socket - 1)
    }

    /// An initial sequence number.
    pub fn sequence_number(&mut self) -> u32 {
        u32::try_from(self.core.rng.below(1 << 32)).expect("drawn below 2^32")
    }

    /// Records a hop; `decision` is only asked for if hops are recorded.
    pub fn hop(
        &mut self,
        packet: &Packet,
        link: Link,
        dev: &Arc<str>,
        stage: Stage,
        decision: impl FnOnce() -> Decision,
    ) {
        if self.core.recording {
            self.out.push(Effect::Hop(Hop {
                packet: packet.tag.packet,
                flow: packet.tag.flow,
                carries: packet.carries.map(|c| c.packet),
                at: self.now,
                cause: None,
                ns: self.ns,
                dev: dev.clone(),
                stage,
                decision: decision(),
                link,
                frame: packet.buf.clone(),
            }));
        }
    }

    /// Whether every device shows what passes through it.
    pub fn capturing(&self) -> bool {
        self.core.capturing
    }

    /// Records the end of a packet.
    pub fn drop_at(&mut self, packet: &Packet, link: Link, dev: &Arc<str>, why: DropReason) {
        self.hop(packet, link, dev, Stage::Drop, || Decision::Drop(why));
    }

    /// Puts a frame on a link, past its faults.
    pub fn carry(&mut self, from: End, to: End, dev: &Arc<str>, latency: Span, packet: Packet) {
        match self.core.faults.fate(from, to, packet.payload().len(), &mut self.core.rng) {
            Fate::Arrives(later) if later > Span::ZERO => {
                self.hop(&packet, Link::Ethernet, dev, Stage::Cable, || Decision::Late { by: later, twice: false });
                self.out.push(Effect::Deliver { to, after: latency + later, packet });
            }
            Fate::Arrives(later) => self.out.push(Effect::Deliver { to, after: latency + later, packet }),
            Fate::Twice(first, second) => {
                self.hop(&packet, Link::Ethernet, dev, Stage::Cable, || Decision::Late { by: first, twice: true });
                self.out.push(Effect::Deliver { to, after: latency + first, packet: packet.clone() });
                self.out.push(Effect::Deliver { to, after: latency + second, packet });
            }
            Fate::TooLong(mtu) => self.drop_at(&packet, Link::Ethernet, dev, DropReason::TooLong { mtu }),
            Fate::Lost => self.drop_at(&packet, Link::Ethernet, dev, DropReason::Lost),
            Fate::Cut => self.drop_at(&packet, Link::Ethernet, dev, DropReason::Cut),
        }
    }

    /// Puts a frame on a segment: to the card with that address, or to all others.
    pub fn wire(&mut self, segment: SegmentId, from: End, dev: &Arc<str>, packet: Packet) {
        let mac = packet.ether().dst;
        let Some(segment) = self.core.segments.get(&segment) else {
            return self.drop_at(&packet, Link::Ethernet, dev, DropReason::NobodyThere);
        };
        let latency = segment.latency;
        if let Some(to) = segment.cards.get(&mac).copied() {
            self.hop(&packet, Link::Ethernet, dev, Stage::Wire, || Decision::Segment { mac, ends: 1 });
            return self.carry(from, to, dev, latency, packet);
        }
        let to: Vec<End> = segment.cards.values().copied().filter(|end| *end != from).collect();
        if to.is_empty() {
            return self.drop_at(&packet, Link::Ethernet, dev, DropReason::NobodyThere);
        }
        let ends = u16::try_from(to.len()).unwrap_or(u16::MAX);
        self.hop(&packet, Link::Ethernet, dev, Stage::Wire, || Decision::Segment { mac, ends });
        for end in to {
            self.carry(from, end, dev, latency, packet.clone());
        }
    }
}
