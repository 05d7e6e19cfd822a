//! ipset: named sets of addresses, networks and ports that one rule can ask about. Models net/netfilter/ipset and the output
//! of `ipset` 7. Differs: no time-outs run out, and the sizes in memory that `ipset list` tells are ours.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::net::filter::Question;
use crate::net::filter::text::proto_name;
use crate::sim::VecMap;

/// What a set's members are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetKind {
    /// Addresses.
    #[default]
    HashIp,
    /// Networks, with exceptions.
    HashNet,
    /// Addresses with ports.
    HashIpPort,
    /// Addresses with ports and second addresses.
    HashIpPortIp,
    /// Addresses with ports and networks.
    HashIpPortNet,
    /// Ports.
    BitmapPort,
}

/// A member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The address or network.
    pub net: Ipv4Net,
    /// Protocol and port.
    pub port: Option<(u8, u16)>,
    /// The second address or network.
    pub second: Option<Ipv4Net>,
}

/// A set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IpSet {
    /// What its members are.
    pub kind: SetKind,
    /// Whether members are made with `timeout 0`.
    pub timeout: bool,
    /// The text that it was made with (`comment`), if it keeps one.
    pub comment: Option<Arc<str>>,
    /// The members; true: an exception (`nomatch`).
    pub members: VecMap<Member, bool>,
}

/// All sets of a namespace by name.
pub type Sets = VecMap<Arc<str>, IpSet>;

impl SetKind {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            SetKind::HashIp => "hash:ip",
            SetKind::HashNet => "hash:net",
            SetKind::HashIpPort => "hash:ip,port",
            SetKind::HashIpPortIp => "hash:ip,port,ip",
            SetKind::HashIpPortNet => "hash:ip,port,net",
            SetKind::BitmapPort => "bitmap:port",
        }
    }
}

impl Member {
    /// An address.
    pub fn ip(ip: Ipv4Addr) -> Member {
        Member { net: ip.into(), ..Member::default() }
    }

    fn text(&self, kind: SetKind) -> String {
        let net = match kind {
            SetKind::HashNet if self.net.prefix_len() < 32 => self.net.to_string(),
            _ => self.net.addr().to_string(),
        };
        match (self.port, self.second) {
            (Some((_, port)), _) if kind == SetKind::BitmapPort => port.to_string(),
            (None, _) => net,
            (Some((proto, port)), None) => format!("{net},{}:{port}", proto_name(proto)),
            (Some((proto, port)), Some(second)) => {
                let second = if second.prefix_len() < 32 { second.to_string() } else { second.addr().to_string() };
                format!("{net},{}:{port},{second}", proto_name(proto))
            }
        }
    }
}

impl IpSet {
    /// A set of these members.
    pub fn of(kind: SetKind, members: impl IntoIterator<Item = Member>) -> IpSet {
        IpSet { kind, members: members.into_iter().map(|m| (m, false)).collect(), ..IpSet::default() }
    }

    /// Whether a packet is in it; `dirs` says for each part of a member whether it is the packet's source's.
    pub fn has(&self, dirs: &[bool], q: &Question<'_>) -> bool {
        let ip = |at: usize| {
            let source = dirs.get(at).or(dirs.last()).copied().unwrap_or(true);
            match if source { q.src } else { q.dst } {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            }
        };
        let port = |at: usize| {
            let source = dirs.get(at).or(dirs.last()).copied().unwrap_or(true);
            q.ports.map(|(from, to)| (q.proto, if source { from } else { to }))
        };
        let Some(first) = ip(0) else { return false };
        let member = match self.kind {
            SetKind::HashNet => return self.has_net(first),
            SetKind::HashIp => Some(Member::ip(first)),
            SetKind::HashIpPort => port(1).map(|port| Member { port: Some(port), ..Member::ip(first) }),
            SetKind::HashIpPortIp => port(1).zip(ip(2)).map(|(port, second)| Member {
                port: Some(port),
                second: Some(second.into()),
                ..Member::ip(first)
            }),
            SetKind::HashIpPortNet => {
                let Some((port, second)) = port(1).zip(ip(2)) else { return false };
                let of = |member: &Member| member.net == Ipv4Net::from(first) && member.port == Some(port);
                return self.members.keys().any(|m| of(m) && m.second.is_some_and(|net| net.contains(&second)));
            }
            SetKind::BitmapPort => port(0).map(|(_, port)| Member { port: Some((0, port)), ..Member::default() }),
        };
        member.is_some_and(|member| self.members.contains_key(&member))
    }

    /// The longest network decides.
    fn has_net(&self, ip: Ipv4Addr) -> bool {
        let within = self.members.iter().filter(|(member, _)| member.net.contains(&ip));
        within.max_by_key(|(member, _)| member.net.prefix_len()).is_some_and(|(_, except)| !except)
    }

    /// What `ipset list` says of it; `references` is how many rules ask it.
    pub fn list(&self, name: &str, references: usize) -> String {
        let mut text = format!("Name: {name}\nType: {}\nRevision: {}\n", self.kind.word(), self.revision());
        let timeout = if self.timeout { " timeout 0" } else { "" };
        let header = match self.kind {
            SetKind::BitmapPort => "range 0-65535".to_owned(),
            _ => format!("family inet hashsize 1024 maxelem 65536{timeout} bucketsize 12 initval {:#010x}", seed(name)),
        };
        let comment = self.comment.as_ref().map_or("", |_| " comment");
        let size = 200 + self.members.len() * 88;
        _ = writeln!(text, "Header: {header}{comment}");
        _ = writeln!(text, "Size in memory: {size}\nReferences: {references}");
        _ = writeln!(text, "Number of entries: {}\nMembers:", self.members.len());
        for (member, except) in &self.members {
            let except = if *except { " nomatch" } else { "" };
            _ = writeln!(text, "{}{timeout}{except}", member.text(self.kind));
        }
        text
    }

    fn revision(&self) -> u8 {
        match self.kind {
            SetKind::HashIp => 6,
            SetKind::HashNet => 7,
            SetKind::HashIpPort => 7,
            SetKind::HashIpPortIp => 6,
            SetKind::HashIpPortNet => 8,
            SetKind::BitmapPort => 3,
        }
    }
}

/// The start value of a set's hash, one for each name.
fn seed(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193))
}
