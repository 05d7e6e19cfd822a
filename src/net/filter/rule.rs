//! One rule: what it matches and what it does.
//!
//! The first five matches (addresses, devices, protocol) belong to the rule itself, as in iptables; the others are
//! extensions in the order in which they were given, which is the order in which they are printed and asked.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::IpNet;

use crate::net::conntrack::CtState;
use crate::net::filter::recent::{Recent, Recents};
use crate::net::filter::set::Sets;
use crate::net::filter::{Extra, Question};
use crate::net::packet::ICMP;
use crate::sim::Rng;

/// A match that may be negated with `!`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Maybe<T> {
    /// Whether it is negated.
    pub not: bool,
    /// What is compared.
    pub is: T,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rule {
    /// `-s`.
    pub src: Option<Maybe<IpNet>>,
    /// `-d`.
    pub dst: Option<Maybe<IpNet>>,
    /// `-i`; a trailing `+` matches any ending.
    pub input: Option<Maybe<Arc<str>>>,
    /// `-o`; a trailing `+` matches any ending.
    pub output: Option<Maybe<Arc<str>>>,
    /// `-p`, as a protocol number.
    pub proto: Option<Maybe<u8>>,
    /// The extensions, in order.
    pub matches: Vec<Match>,
    /// `-j`; a rule without one only counts.
    pub target: Option<Target>,
}

/// An extension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Match {
    /// `-m comment --comment …`: always true.
    Comment(Arc<str>),
    /// `-m tcp`, `-m udp` or `-m sctp` with `--sport` and `--dport` ranges.
    Ports {
        /// Which protocol's module.
        proto: u8,
        /// Source ports, both ends included.
        source: Option<Maybe<(u16, u16)>>,
        /// Destination ports, both ends included.
        dest: Option<Maybe<(u16, u16)>>,
        /// `--tcp-flags FIN,SYN,RST,ACK SYN`, also written `--syn`.
        syn: Option<bool>,
    },
    /// `-m icmp --icmp-type N`.
    IcmpType(Maybe<u8>),
    /// `-m addrtype --src-type/--dst-type LOCAL`.
    AddrTypeLocal {
        /// The source type.
        src: Option<bool>,
        /// The destination type.
        dst: Option<bool>,
    },
    /// `-m conntrack --ctstate … --ctorigdst … --ctorigdstport …` (or `-m state --state …`).
    State {
        /// Whether it was written `-m state --state`.
        old: bool,
        /// The states; none if it does not ask for them.
        states: Maybe<Vec<CtWord>>,
        /// Where the connection went before anything was rewritten.
        orig_dst: Option<Maybe<IpNet>>,
        /// Its port, both ends included.
        orig_port: Option<Maybe<(u16, u16)>>,
    },
    /// `-m mark --mark VALUE/MASK`.
    Mark(Maybe<(u32, u32)>),
    /// `-m statistic --mode random --probability P`, P in units of 2⁻³¹ as in the kernel.
    Random {
        /// The probability times 2³¹.
        probability: u32,
    },
    /// `-m statistic --mode nth --every N --packet P`.
    Nth {
        /// One of how many.
        every: u32,
        /// Which one.
        packet: u32,
    },
    /// `-m recent …`.
    Recent(Recent),
    /// `-m nfacct --nfacct-name NAME`: always true; what the object counts is what its rules count.
    Account(Arc<str>),
    /// An extension that few rules need.
    Extra(Extra),
}

/// A word of `--ctstate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtWord {
    /// The first packet of a connection.
    New,
    /// A packet of a connection that was answered.
    Established,
    /// A packet about a connection (an ICMP error).
    Related,
    /// A packet that belongs to nothing.
    Invalid,
    /// A packet of a connection whose destination was rewritten.
    Dnat,
    /// A packet of a connection whose source was rewritten.
    Snat,
}

impl CtWord {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            CtWord::New => "NEW",
            CtWord::Established => "ESTABLISHED",
            CtWord::Related => "RELATED",
            CtWord::Invalid => "INVALID",
            CtWord::Dnat => "DNAT",
            CtWord::Snat => "SNAT",
        }
    }
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `ACCEPT`.
    Accept,
    /// `DROP`.
    Drop,
    /// `REJECT --reject-with …`.
    Reject(RejectWith),
    /// `RETURN`.
    Return,
    /// `NFLOG --nflog-group N`: a copy for whoever listens there, which nobody does.
    Log(u16),
    /// Another chain.
    Jump(Arc<str>),
    /// `MARK --set-xmark VALUE/MASK`.
    Mark {
        /// XORed in.
        value: u32,
        /// Cleared before.
        mask: u32,
    },
    /// `DNAT --to-destination …`.
    Dnat(NatTo),
    /// `SNAT --to-source …`.
    Snat(NatTo),
    /// `MASQUERADE`.
    Masquerade {
        /// `--random-fully`.
        random_fully: bool,
    },
    /// `REDIRECT [--to-ports N]`.
    Redirect(Option<u16>),
}

/// A new address, a new port, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NatTo {
    /// The address.
    pub ip: Option<IpAddr>,
    /// The port.
    pub port: Option<u16>,
}

impl NatTo {
    /// The address, if it is one of IPv4.
    pub fn ipv4(self) -> Option<Ipv4Addr> {
        match self.ip? {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        }
    }
}

/// How a sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectWith {
    /// `icmp-net-unreachable`.
    NetUnreachable,
    /// `icmp-host-unreachable`.
    HostUnreachable,
    /// `icmp-port-unreachable`.
    PortUnreachable,
    /// `icmp-admin-prohibited`.
    AdminProhibited,
    /// `tcp-reset`.
    TcpReset,
}

impl RejectWith {
    /// All of them.
    pub const ALL: [RejectWith; 5] = [
        RejectWith::NetUnreachable,
        RejectWith::HostUnreachable,
        RejectWith::PortUnreachable,
        RejectWith::AdminProhibited,
        RejectWith::TcpReset,
    ];

    /// The word after `--reject-with`.
    pub fn word(self) -> &'static str {
        match self {
            RejectWith::NetUnreachable => "icmp-net-unreachable",
            RejectWith::HostUnreachable => "icmp-host-unreachable",
            RejectWith::PortUnreachable => "icmp-port-unreachable",
            RejectWith::AdminProhibited => "icmp-admin-prohibited",
            RejectWith::TcpReset => "tcp-reset",
        }
    }

    /// The code of the ICMP "destination unreachable"; `None` for a reset.
    pub fn code(self) -> Option<u8> {
        match self {
            RejectWith::NetUnreachable => Some(0),
            RejectWith::HostUnreachable => Some(1),
            RejectWith::PortUnreachable => Some(3),
            RejectWith::AdminProhibited => Some(13),
            RejectWith::TcpReset => None,
        }
    }
}

/// What matching changes: the random stream and the lists of `recent`.
pub(crate) struct Memory<'a> {
    pub rng: &'a mut Rng,
    pub recents: &'a mut Recents,
    pub sets: &'a Sets,
}

impl Rule {
    /// Whether it matches. `seen` is how many packets it matched so far, for `--mode nth`.
    pub(crate) fn matches(&self, q: &Question<'_>, mark: u32, seen: u64, memory: &mut Memory<'_>) -> bool {
        holds(&self.proto, |p| *p == q.proto)
            && holds(&self.dst, |net| net.contains(&q.dst))
            && holds(&self.src, |net| net.contains(&q.src))
            && holds(&self.input, |name| is_device(name, q.input))
            && holds(&self.output, |name| is_device(name, q.output))
            && self.matches.iter().all(|m| m.matches(q, mark, seen, memory))
    }

    /// Whether it asks for the state of the connection.
    pub(crate) fn asks_state(&self) -> bool {
        self.matches.iter().any(|m| matches!(m, Match::State { .. }))
    }

    /// The names of the lists of `recent` that it keeps.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &Arc<str>> {
        self.matches.iter().filter_map(|m| match m {
            Match::Recent(recent) => Some(&recent.name),
            _ => None,
        })
    }

    /// The comment, if it has one.
    pub fn comment(&self) -> Option<&str> {
        self.matches.iter().find_map(|m| match m {
            Match::Comment(text) => Some(&**text),
            _ => None,
        })
    }
}

impl Match {
    fn matches(&self, q: &Question<'_>, mark: u32, seen: u64, memory: &mut Memory<'_>) -> bool {
        match self {
            Match::Comment(_) | Match::Account(_) => true,
            Match::Ports { proto, source, dest, syn } => {
                let Some((from, to)) = q.ports.filter(|_| q.proto == *proto) else {
                    return false;
                };
                let within = |port: u16| move |range: &(u16, u16)| (range.0..=range.1).contains(&port);
                let is_syn = || q.l4.get(13).is_some_and(|flags| flags & 0x17 == 0x02);
                holds(source, within(from)) && holds(dest, within(to)) && syn.is_none_or(|want| want == is_syn())
            }
            Match::IcmpType(kind) => {
                q.proto == ICMP && q.first && q.l4.first().is_some_and(|k| (*k == kind.is) != kind.not)
            }
            Match::AddrTypeLocal { src, dst } => {
                src.is_none_or(|want| (q.is_local)(q.src) == want) && dst.is_none_or(|want| (q.is_local)(q.dst) == want)
            }
            Match::State { states, orig_dst, orig_port, .. } => {
                let to = |test: &dyn Fn(IpAddr, u16) -> bool| q.orig_dst.is_some_and(|(ip, port)| test(ip, port));
                let found = states.is.iter().any(|word| match word {
                    CtWord::New => q.state == CtState::New,
                    CtWord::Established => q.state == CtState::Established,
                    CtWord::Related => q.state == CtState::Related,
                    CtWord::Invalid => q.state == CtState::Invalid,
                    CtWord::Dnat => q.dnat,
                    CtWord::Snat => q.snat,
                });
                (states.is.is_empty() || found != states.not)
                    && holds(orig_dst, |net| to(&|ip, _| net.contains(&ip)))
                    && holds(orig_port, |range| to(&|_, port| (range.0..=range.1).contains(&port)))
            }
            Match::Mark(m) => (mark & m.is.1 == m.is.0) != m.not,
            Match::Random { probability } => memory.rng.below(1 << 31) < u64::from(*probability),
            Match::Nth { every, packet } => seen % u64::from((*every).max(1)) == u64::from(*packet),
            Match::Recent(recent) => memory.recents.asks(recent, q),
            Match::Extra(extra) => extra.holds(q, memory.sets),
        }
    }
}

fn holds<T>(maybe: &Option<Maybe<T>>, test: impl Fn(&T) -> bool) -> bool {
    maybe.as_ref().is_none_or(|m| test(&m.is) != m.not)
}

fn is_device(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('+') {
        Some(start) => name.starts_with(start) && !name.is_empty(),
        None => pattern == name,
    }
}
