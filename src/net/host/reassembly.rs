//! Putting fragments together.
//!
//! Models net/ipv4/ip_fragment.c: fragments wait 30 seconds for each other. Overlaps are not examined.

use std::net::Ipv4Addr;
use std::sync::Arc;

use etherparse::{IpFragOffset, Ipv4Header};

use crate::net::fabric::Ctx;
use crate::net::hop::{Decision, DropReason, Link, Stage};
use crate::net::host::{Netns, Skb};
use crate::net::packet::{ETHER_LEN, Packet};
use crate::sim::{Span, Time, VecMap};

/// How long fragments wait (`net.ipv4.ipfrag_time`).
const WAIT: Span = Span::secs(30);

/// What belongs together: source, destination, protocol, identification.
type Key = (Ipv4Addr, Ipv4Addr, u8, u16);

/// Fragments that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Fragments {
    waiting: VecMap<Key, Held>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    until: Time,
    /// By offset; whether more follow.
    parts: VecMap<u16, (bool, Packet)>,
}

impl Fragments {
    /// When the first of them are given up.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.waiting.values().map(|h| h.until).min()
    }
}

impl Netns {
    /// Takes a fragment in; answers the whole packet once it is complete.
    pub(crate) fn reassemble(&mut self, skb: Skb, cx: &mut Ctx<'_>) -> Option<Skb> {
        let ip = skb.ip;
        let key = (ip.src, ip.dst, ip.proto, ip.id);
        cx.hop(&skb.packet, Link::Ip, &skb.input, Stage::Fragment, || Decision::Held);
        let fresh = || Held { until: cx.now + WAIT, parts: VecMap::new() };
        let held = self.fragments.waiting.entry(key).or_insert_with(fresh);
        held.parts.insert(ip.offset, (ip.mf, skb.packet.clone()));
        let whole = held.whole()?;
        self.fragments.waiting.remove(&key);
        let ip = whole.ip()?;
        Some(Skb { packet: whole, ip, ..skb })
    }

    /// Gives up fragments that waited too long.
    pub(crate) fn wake_fragments(&mut self, cx: &mut Ctx<'_>) {
        let late = |held: &Held| held.until <= cx.now;
        let keys: Vec<Key> = self.fragments.waiting.iter().filter(|(_, h)| late(h)).map(|(k, _)| *k).collect();
        for key in keys {
            for (_, packet) in self.fragments.waiting.remove(&key).into_iter().flat_map(|h| h.parts.into_values()) {
                cx.drop_at(&packet, Link::Ip, &Arc::from(""), DropReason::FragmentsMissing);
            }
        }
    }
}

impl Held {
    /// The packet, if no part is missing.
    fn whole(&self) -> Option<Packet> {
        let mut body = Vec::new();
        let mut last = false;
        for (offset, (more, packet)) in &self.parts {
            let ip = packet.ip()?;
            if usize::from(*offset) != body.len() {
                return None;
            }
            body.extend_from_slice(packet.l4(&ip));
            last = !more;
        }
        let (_, first) = self.parts.get(&0)?;
        let (mut head, _) = Ipv4Header::from_slice(first.payload()).ok()?;
        head.set_payload_len(body.len()).ok()?;
        (head.more_fragments, head.fragment_offset) = (false, IpFragOffset::ZERO);
        head.header_checksum = head.calc_header_checksum();
        let mut buf = vec![0; ETHER_LEN];
        buf.extend_from_slice(&head.to_bytes());
        buf.extend_from_slice(&body);
        last.then(|| Packet::of_buf(buf, first.tag, first.carries))
    }
}
