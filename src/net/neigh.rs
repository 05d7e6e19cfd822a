//! Neighbours: the ARP cache with its states.
//!
//! Models net/core/neighbour.c and net/ipv4/arp.c:
//!
//! ```text
//! (none) --send--> Incomplete --reply--> Reachable --30 s--> Stale --send--> Delay --5 s--> Probe --reply--> Reachable
//!                      | three requests unanswered               (heard from it: Reachable)    | three unanswered
//!                      v                                                                       v
//!                    Failed                                                                  Failed
//! ```
//!
//! Differs: the reachable time is 30 s flat, not drawn from 15 to 45 s.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::net::addr::Mac;
use crate::net::packet::Packet;
use crate::net::route::Route;
use crate::sim::{Span, Time};

/// How long a confirmed address is believed without asking.
pub const REACHABLE_TIME: Span = Span::secs(30);
/// How long a stale address is used before it is probed.
pub const DELAY_PROBE: Span = Span::secs(5);
/// The time between two requests.
pub const RETRANS: Span = Span::secs(1);
/// How many requests are sent before giving up.
pub const PROBES: u8 = 3;
/// How many packets wait for one answer; the oldest give way.
pub const QUEUE: usize = 101;

/// What is known of one neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Neighbour {
    /// Asked for, no answer yet.
    Incomplete {
        /// Requests sent.
        tries: u8,
        /// When to ask again or give up.
        again: Time,
        /// What waits to be sent, with the route that it takes.
        queue: VecDeque<(Packet, Arc<Route>)>,
    },
    /// Known and confirmed at `since`.
    Reachable {
        /// Its address.
        mac: Mac,
        /// When it was confirmed.
        since: Time,
    },
    /// Known, but only from what it asked itself.
    Stale {
        /// Its address.
        mac: Mac,
    },
    /// Used although old; probed at `until` unless it is heard before.
    Delay {
        /// Its address.
        mac: Mac,
        /// When probing starts.
        until: Time,
    },
    /// Being asked again, by unicast.
    Probe {
        /// Its address.
        mac: Mac,
        /// Requests sent.
        tries: u8,
        /// When to ask again or give up.
        again: Time,
    },
    /// Nobody answered.
    Failed {
        /// When that was found out.
        since: Time,
    },
    /// Put there by hand.
    Permanent {
        /// Its address.
        mac: Mac,
    },
}

/// What `ip neigh` calls the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NeighbourState {
    /// `INCOMPLETE`.
    Incomplete,
    /// `REACHABLE`.
    Reachable,
    /// `STALE`.
    Stale,
    /// `DELAY`.
    Delay,
    /// `PROBE`.
    Probe,
    /// `FAILED`.
    Failed,
    /// `PERMANENT`.
    Permanent,
}

impl NeighbourState {
    /// The word that `ip neigh` prints.
    pub fn word(self) -> &'static str {
        match self {
            NeighbourState::Incomplete => "INCOMPLETE",
            NeighbourState::Reachable => "REACHABLE",
            NeighbourState::Stale => "STALE",
            NeighbourState::Delay => "DELAY",
            NeighbourState::Probe => "PROBE",
            NeighbourState::Failed => "FAILED",
            NeighbourState::Permanent => "PERMANENT",
        }
    }
}

/// What to do after looking a neighbour up or after its timer ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send to this address.
    Send(Mac),
    /// Wait; nothing to do now.
    Wait,
    /// Ask: broadcast if `to` is `None`.
    Ask {
        /// Whom to ask; `None` for everybody.
        to: Option<Mac>,
    },
    /// Give up; these packets are lost.
    GiveUp(Vec<(Packet, Arc<Route>)>),
}

impl Neighbour {
    /// A neighbour that was never heard of: the caller asks for it now, `packet` waits.
    pub fn asked(packet: Packet, route: Arc<Route>, now: Time) -> Neighbour {
        Neighbour::Incomplete { tries: 1, again: now + RETRANS, queue: VecDeque::from([(packet, route)]) }
    }

    /// The hardware address, if one is known.
    pub fn mac(&self) -> Option<Mac> {
        match self {
            Neighbour::Reachable { mac, .. }
            | Neighbour::Stale { mac }
            | Neighbour::Delay { mac, .. }
            | Neighbour::Probe { mac, .. }
            | Neighbour::Permanent { mac } => Some(*mac),
            Neighbour::Incomplete { .. } | Neighbour::Failed { .. } => None,
        }
    }

    /// What it is at `now`.
    pub fn state(&self, now: Time) -> NeighbourState {
        match self {
            Neighbour::Incomplete { .. } => NeighbourState::Incomplete,
            Neighbour::Reachable { since, .. } if now.since(*since) < REACHABLE_TIME => NeighbourState::Reachable,
            Neighbour::Reachable { .. } | Neighbour::Stale { .. } => NeighbourState::Stale,
            Neighbour::Delay { .. } => NeighbourState::Delay,
            Neighbour::Probe { .. } => NeighbourState::Probe,
            Neighbour::Failed { .. } => NeighbourState::Failed,
            Neighbour::Permanent { .. } => NeighbourState::Permanent,
        }
    }

    /// The address to send to now; a stale one becomes `Delay`. `None` if it must be asked for.
    pub fn use_mac(&mut self, now: Time) -> Option<Mac> {
        if self.state(now) == NeighbourState::Stale
            && let Some(mac) = self.mac()
        {
            *self = Neighbour::Delay { mac, until: now + DELAY_PROBE };
        }
        self.mac()
    }

    /// It answered (`confirmed`) or asked us: answers what waited for that.
    pub fn heard(&mut self, mac: Mac, confirmed: bool, now: Time) -> Vec<(Packet, Arc<Route>)> {
        if !confirmed && self.mac() == Some(mac) {
            return Vec::new();
        }
        let known = if confirmed { Neighbour::Reachable { mac, since: now } } else { Neighbour::Stale { mac } };
        match std::mem::replace(self, known) {
            Neighbour::Incomplete { queue, .. } => queue.into(),
            Neighbour::Permanent { mac } => {
                *self = Neighbour::Permanent { mac };
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// The peer was heard at a higher layer: what is known of it is true.
    pub fn confirm(&mut self, now: Time) {
        if let Neighbour::Reachable { mac, .. }
        | Neighbour::Stale { mac }
        | Neighbour::Delay { mac, .. }
        | Neighbour::Probe { mac, .. } = *self
        {
            *self = Neighbour::Reachable { mac, since: now };
        }
    }

    /// When its timer runs out.
    pub fn deadline(&self) -> Option<Time> {
        match self {
            Neighbour::Incomplete { again, .. } | Neighbour::Probe { again, .. } => Some(*again),
            Neighbour::Delay { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Its timer ran out.
    pub fn timeout(&mut self, now: Time) -> Step {
        match self {
            Neighbour::Incomplete { again, .. } | Neighbour::Probe { again, .. } if *again > now => Step::Wait,
            Neighbour::Incomplete { tries, again, .. } if *tries < PROBES => {
                (*tries, *again) = (*tries + 1, now + RETRANS);
                Step::Ask { to: None }
            }
            Neighbour::Incomplete { queue, .. } => {
                let lost = std::mem::take(queue).into();
                *self = Neighbour::Failed { since: now };
                Step::GiveUp(lost)
            }
            Neighbour::Delay { until, .. } if *until > now => Step::Wait,
            Neighbour::Delay { mac, .. } => {
                let mac = *mac;
                *self = Neighbour::Probe { mac, tries: 1, again: now + RETRANS };
                Step::Ask { to: Some(mac) }
            }
            Neighbour::Probe { mac, tries, again } if *tries < PROBES => {
                (*tries, *again) = (*tries + 1, now + RETRANS);
                Step::Ask { to: Some(*mac) }
            }
            Neighbour::Probe { .. } => {
                *self = Neighbour::Failed { since: now };
                Step::GiveUp(Vec::new())
            }
            _ => Step::Wait,
        }
    }
}

/// The address that an ARP packet is about: who sends it and whom it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Whether it is a reply.
    pub reply: bool,
    /// The sender.
    pub sender: (Mac, Ipv4Addr),
    /// The target address.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Reads the ARP packet after the Ethernet header.
    pub fn parse(payload: &[u8]) -> Option<Arp> {
        let arp = etherparse::ArpPacket::from_slice(payload).ok()?.try_eth_ipv4().ok()?;
        Some(Arp {
            reply: arp.operation == etherparse::ArpOperation::REPLY,
            sender: (Mac(arp.sender_mac), arp.sender_ipv4_addr()),
            target: arp.target_ipv4_addr(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: Mac = Mac([2, 0, 0, 0, 0, 1]);

    #[test]
    fn a_stale_neighbour_is_used_then_probed_then_given_up() {
        let mut n = Neighbour::Reachable { mac: M, since: Time(0) };
        let mut now = Time(0) + REACHABLE_TIME;
        assert_eq!(n.state(now), NeighbourState::Stale);
        assert_eq!(n.use_mac(now), Some(M));
        assert_eq!(n.state(now), NeighbourState::Delay);
        now += DELAY_PROBE;
        for _ in 0..PROBES {
            assert_eq!(n.timeout(now), Step::Ask { to: Some(M) });
            now += RETRANS;
        }
        assert_eq!(n.timeout(now), Step::GiveUp(Vec::new()));
        assert_eq!(n.state(now), NeighbourState::Failed);
    }

    #[test]
    fn an_answer_makes_it_reachable_and_a_permanent_one_stays() {
        let mut n = Neighbour::Failed { since: Time(0) };
        assert_eq!(n.heard(M, true, Time(5)), Vec::new());
        assert_eq!(n.state(Time(6)), NeighbourState::Reachable);
        let mut fixed = Neighbour::Permanent { mac: M };
        fixed.heard(Mac::ZERO, true, Time(5));
        assert_eq!(fixed.mac(), Some(M));
    }
}
