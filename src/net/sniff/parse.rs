//! Reading a filter expression. Models libpcap's grammar.y: `and` and `or` bind equally and from the left, a name without
//! qualifiers takes those of the one before. Differs: no link layers but Ethernet, no VLAN, MPLS or IPv6 addresses.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::net::packet::{ETHER_ARP, ETHER_IPV4, ICMP, TCP, UDP};
use crate::net::sniff::expr::{Arith, Carrier, Dir, Expr, Header, Order};
use crate::net::sniff::token::{Token, tokens};

/// Why an expression is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FilterError {
    /// The address of this name must be known first.
    UnknownHost(String),
    /// libpcap's words.
    Refused(String),
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FilterError::UnknownHost(name) => write!(f, "unknown host '{name}'"),
            FilterError::Refused(words) => f.write_str(words),
        }
    }
}

fn syntax() -> FilterError {
    FilterError::Refused("can't parse filter expression: syntax error".into())
}

fn refused<T>(words: String) -> Result<T, FilterError> {
    Err(FilterError::Refused(words))
}

/// Names that stand for numbers.
pub const SERVICES: [(&str, u16); 16] = [
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("tftp", 69),
    ("http", 80),
    ("ntp", 123),
    ("snmp", 161),
    ("bgp", 179),
    ("https", 443),
    ("mysql", 3306),
    ("postgresql", 5432),
    ("redis", 6379),
    ("http-alt", 8080),
    ("etcd-client", 2379),
];

const PROTOS: [&str; 10] = ["ether", "ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "sctp"];
const NUMBERS: [(&str, u32); 17] = [
    ("tcpflags", 13),
    ("tcp-fin", 1),
    ("tcp-syn", 2),
    ("tcp-rst", 4),
    ("tcp-push", 8),
    ("tcp-ack", 16),
    ("tcp-urg", 32),
    ("icmptype", 0),
    ("icmpcode", 1),
    ("icmp-echoreply", 0),
    ("icmp-unreach", 3),
    ("icmp-redirect", 5),
    ("icmp-echo", 8),
    ("icmp-timxceed", 11),
    ("icmp-paramprob", 12),
    ("tcp-ece", 64),
    ("tcp-cwr", 128),
];

/// What a name is asked about.
#[derive(Clone, Debug, Default)]
struct Qualifiers {
    proto: Option<String>,
    dir: Option<Dir>,
    kind: Option<String>,
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    last: Qualifiers,
    resolve: &'a dyn Fn(&str) -> Option<Ipv4Addr>,
}

impl Expr {
    /// Reads an expression; `resolve` gives the addresses of names.
    ///
    /// # Errors
    /// It is none, or a name is not known.
    pub fn parse(text: &str, resolve: &dyn Fn(&str) -> Option<Ipv4Addr>) -> Result<Expr, FilterError> {
        let tokens = tokens(text).map_err(|bad| FilterError::Refused(format!("illegal token: {bad}")))?;
        if tokens.is_empty() {
            return Ok(Expr::All);
        }
        let mut parser = Parser { tokens, at: 0, last: Qualifiers::default(), resolve };
        let expr = parser.either()?;
        if parser.at < parser.tokens.len() { Err(syntax()) } else { Ok(expr) }
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn word(&self) -> Option<&str> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn sign_at(&self, at: usize) -> Option<&'static str> {
        match self.tokens.get(at) {
            Some(Token::Sign(sign)) => Some(sign),
            _ => None,
        }
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is = self.sign_at(self.at) == Some(sign);
        self.at += usize::from(is);
        is
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = self.word() == Some(word);
        self.at += usize::from(is);
        is
    }

    fn next_word(&mut self) -> Result<String, FilterError> {
        let word = self.word().ok_or_else(syntax)?.to_owned();
        self.at += 1;
        Ok(word)
    }

    fn either(&mut self) -> Result<Expr, FilterError> {
        let mut left = self.primary()?;
        loop {
            if self.take_word("and") || self.take_sign("&&") {
                left = Expr::And(Box::new(left), Box::new(self.primary()?));
            } else if self.take_word("or") || self.take_sign("||") {
                left = Expr::Or(Box::new(left), Box::new(self.primary()?));
            } else {
                return Ok(left);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, FilterError> {
        if self.take_word("not") || self.take_sign("!") {
            return Ok(Expr::Not(Box::new(self.primary()?)));
        }
        let start = self.at;
        if self.take_sign("(") {
            let inner = self.either();
            let ends = self.take_sign(")");
            if inner.is_err() || !ends || self.sign_at(self.at).is_some_and(|sign| !matches!(sign, ")" | "&&" | "||")) {
                // It was a number in parentheses, unless it is nothing at all.
                self.at = start;
                return if self.is_sum() { self.comparison() } else { inner.and(Err(syntax())) };
            }
            return inner;
        }
        for (name, order) in [("less", Order::AtMost), ("greater", Order::AtLeast)] {
            if self.take_word(name) {
                let n = self.next_word()?.parse().map_err(|_| syntax())?;
                return Ok(Expr::Compare(Arith::Len, order, Arith::Number(n)));
            }
        }
        if self.is_sum() {
            return self.comparison();
        }
        self.qualified()
    }

    /// Whether arithmetic follows: a number that is compared, bytes of a header, `len`.
    fn is_sum(&self) -> bool {
        let mut at = self.at;
        while self.sign_at(at) == Some("(") {
            at += 1;
        }
        match self.tokens.get(at) {
            Some(Token::Word(word)) if word == "len" => true,
            Some(Token::Word(word)) if PROTOS.contains(&word.as_str()) => self.sign_at(at + 1) == Some("["),
            Some(Token::Word(word)) => {
                let number = number(word).is_some();
                number && self.sign_at(at + 1).is_some_and(|s| !matches!(s, "(" | ")" | "&&" | "||" | "!"))
            }
            _ => false,
        }
    }

    fn comparison(&mut self) -> Result<Expr, FilterError> {
        let left = self.sum()?;
        let order = match self.sign_at(self.at) {
            Some("=" | "==") => Order::Equal,
            Some("!=") => Order::Unequal,
            Some(">") => Order::Greater,
            Some("<") => Order::Less,
            Some(">=") => Order::AtLeast,
            Some("<=") => Order::AtMost,
            _ => return Err(syntax()),
        };
        self.at += 1;
        Ok(Expr::Compare(left, order, self.sum()?))
    }

    fn sum(&mut self) -> Result<Arith, FilterError> {
        let mut left = self.term()?;
        while let Some(sign) = self.sign_at(self.at).filter(|s| matches!(*s, "+" | "*" | "&" | "|" | "<<" | ">>")) {
            self.at += 1;
            left = Arith::With(sign, Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Arith, FilterError> {
        if self.take_sign("(") {
            let inner = self.sum()?;
            return if self.take_sign(")") { Ok(inner) } else { Err(syntax()) };
        }
        let word = self.next_word()?;
        if word == "len" {
            return Ok(Arith::Len);
        }
        if let Some(n) = number(&word) {
            return Ok(Arith::Number(n));
        }
        let header = match word.as_str() {
            "ether" => Header::Ether,
            "ip" => Header::Ip,
            "arp" => Header::Arp,
            "tcp" => Header::Inside(TCP),
            "udp" => Header::Inside(UDP),
            "icmp" => Header::Inside(ICMP),
            _ => return Err(syntax()),
        };
        if !self.take_sign("[") {
            return Err(syntax());
        }
        let at = self.sum()?;
        let size = if self.take_sign(":") { self.next_word()?.parse().map_err(|_| syntax())? } else { 1 };
        if !matches!(size, 1 | 2 | 4) {
            return refused("data size must be 1, 2, or 4".into());
        }
        if self.take_sign("]") { Ok(Arith::Bytes(header, Box::new(at), size)) } else { Err(syntax()) }
    }

    fn qualified(&mut self) -> Result<Expr, FilterError> {
        let start = self.at;
        let mut q = Qualifiers::default();
        if let Some(proto) = self.word().filter(|w| PROTOS.contains(w)).map(str::to_owned) {
            q.proto = Some(proto);
            self.at += 1;
        }
        q.dir = self.dir();
        let kinds = ["host", "net", "port", "portrange", "proto", "broadcast", "multicast"];
        if let Some(kind) = self.word().filter(|w| kinds.contains(w)).map(str::to_owned) {
            q.kind = Some(kind);
            self.at += 1;
        }
        match q.kind.as_deref() {
            Some("broadcast") => return Ok(Expr::Broadcast),
            Some("multicast") if q.proto.as_deref() == Some("ip") => return Ok(Expr::IpMulticast),
            Some("multicast") => return Ok(Expr::Multicast),
            _ => {}
        }
        let id = self.word().filter(|w| !matches!(*w, "and" | "or" | "not") && !PROTOS.contains(w)).map(str::to_owned);
        let id = if q.kind.as_deref() == Some("proto") { self.word().map(str::to_owned) } else { id };
        if start == self.at {
            q = self.last.clone();
        }
        match id {
            Some(id) => {
                self.at += 1;
                let mask = if q.kind.as_deref() == Some("net") && self.take_word("mask") {
                    Some(self.next_word()?)
                } else {
                    None
                };
                self.last = q.clone();
                self.about(&q, &id, mask.as_deref())
            }
            None if q.dir.is_none() && q.kind.is_none() && start != self.at => protocol(q.proto.as_deref()),
            None => Err(syntax()),
        }
    }

    /// `src`, `dst`, `src or dst`, `src and dst`.
    fn dir(&mut self) -> Option<Dir> {
        let pair = |a: &str, join: &str, b: &str| {
            let words = [a, join, b];
            (0..3).all(|n| self.tokens.get(self.at + n) == Some(&Token::Word(words[n].to_owned())))
        };
        let both = pair("src", "and", "dst") || pair("dst", "and", "src");
        if both || pair("src", "or", "dst") || pair("dst", "or", "src") {
            self.at += 3;
            return Some(if both { Dir::Both } else { Dir::Either });
        }
        let dir = match self.word()? {
            "src" => Dir::Src,
            "dst" => Dir::Dst,
            _ => return None,
        };
        self.at += 1;
        Some(dir)
    }

    fn about(&self, q: &Qualifiers, id: &str, mask: Option<&str>) -> Result<Expr, FilterError> {
        let dir = q.dir.unwrap_or(Dir::Either);
        let proto = q.proto.as_deref();
        let carrier = match proto {
            None => Carrier::Any,
            Some("ip") => Carrier::Ip,
            Some("arp" | "rarp") => Carrier::Arp,
            Some("ether") => {
                return match (q.kind.as_deref(), id.parse()) {
                    (Some("proto"), _) => ether_proto(id),
                    (None | Some("host"), Ok(mac)) => Ok(Expr::Ether(dir, mac)),
                    _ => refused(format!("unknown ether host '{id}'")),
                };
            }
            Some(other) => {
                let ports = matches!(q.kind.as_deref(), Some("port" | "portrange"));
                let kind = q.kind.as_deref().unwrap_or("host");
                if !ports || !matches!(other, "tcp" | "udp" | "sctp") {
                    return refused(format!("'{other}' modifier applied to {kind}"));
                }
                Carrier::Ip
            }
        };
        match q.kind.as_deref() {
            Some("port") => port(id).map(|port| Expr::Ports(ported(proto), dir, port, port)),
            Some("portrange") => {
                let (low, high) = id.split_once('-').unwrap_or((id, id));
                let (low, high) = (port(low)?, port(high)?);
                Ok(Expr::Ports(ported(proto), dir, low.min(high), low.max(high)))
            }
            Some("proto") if proto.is_none_or(|p| p == "ip") => ip_proto(id),
            Some("net") => Ok(Expr::Net(carrier, dir, net(id, mask)?)),
            _ if id.contains('/') => Ok(Expr::Net(carrier, dir, net(id, None)?)),
            _ => match id.parse().ok().or_else(|| (self.resolve)(id)) {
                Some(ip) => Ok(Expr::Host(carrier, dir, ip)),
                None => Err(FilterError::UnknownHost(id.into())),
            },
        }
    }
}

fn ported(proto: Option<&str>) -> Option<u8> {
    match proto {
        Some("tcp") => Some(TCP),
        Some("udp") => Some(UDP),
        Some("sctp") => Some(132),
        _ => None,
    }
}

fn protocol(name: Option<&str>) -> Result<Expr, FilterError> {
    Ok(match name {
        Some("ip") => Expr::EtherProto(ETHER_IPV4),
        Some("ip6") => Expr::EtherProto(0x86dd),
        Some("arp") => Expr::EtherProto(ETHER_ARP),
        Some("rarp") => Expr::EtherProto(0x8035),
        Some("tcp") => Expr::IpProto(TCP),
        Some("udp") => Expr::IpProto(UDP),
        Some("icmp") => Expr::IpProto(ICMP),
        Some("icmp6") => Expr::IpProto(58),
        Some("sctp") => Expr::IpProto(132),
        _ => return Err(syntax()),
    })
}

fn ip_proto(id: &str) -> Result<Expr, FilterError> {
    match protocol(Some(id)) {
        Ok(Expr::IpProto(proto)) => Ok(Expr::IpProto(proto)),
        _ => match id.parse() {
            Ok(proto) => Ok(Expr::IpProto(proto)),
            Err(_) => refused(format!("unknown ip proto '{id}'")),
        },
    }
}

fn ether_proto(id: &str) -> Result<Expr, FilterError> {
    match (protocol(Some(id)), number(id).and_then(|n| u16::try_from(n).ok())) {
        (Ok(expr @ Expr::EtherProto(_)), _) => Ok(expr),
        (_, Some(kind)) => Ok(Expr::EtherProto(kind)),
        _ => refused(format!("unknown ether proto '{id}'")),
    }
}

fn port(id: &str) -> Result<u16, FilterError> {
    let named = SERVICES.into_iter().find(|(name, _)| *name == id).map(|(_, port)| port);
    match (named, id.parse::<u32>()) {
        (Some(port), _) => Ok(port),
        (_, Ok(n)) => u16::try_from(n).or_else(|_| refused(format!("illegal port number {n} > 65535"))),
        _ => refused(format!("unknown port '{id}'")),
    }
}

/// `10.244.0.0/16`, `10.244`, or with a mask in words.
fn net(id: &str, mask: Option<&str>) -> Result<Ipv4Net, FilterError> {
    let (address, len) = id.split_once('/').map_or((id, None), |(a, l)| (a, Some(l)));
    let parts: Vec<Option<u8>> = address.split('.').map(|part| part.parse().ok()).collect();
    let known: Option<Vec<u8>> = parts.into_iter().collect();
    let Some(known) = known.filter(|known| known.len() <= 4) else {
        return refused(format!("unknown network '{id}'"));
    };
    let octets: [u8; 4] = std::array::from_fn(|n| known.get(n).copied().unwrap_or(0));
    let whole = u8::try_from(known.len() * 8).unwrap_or(32);
    let mask = mask.map(|mask| mask.parse::<Ipv4Addr>().ok().and_then(|m| ipnet::ipv4_mask_to_prefix(m).ok()));
    let len = match (len, mask) {
        (Some(len), _) => len.parse().ok().filter(|len| *len <= 32),
        (None, Some(mask)) => mask,
        (None, None) => Some(whole),
    };
    let Some(net) = len.and_then(|len| Ipv4Net::new(octets.into(), len).ok()) else {
        return refused("mask length must be <= 32".into());
    };
    if net.network() != net.addr() {
        return refused(format!("non-network bits set in \"{id}\""));
    }
    Ok(net)
}

/// A number as filters write them.
fn number(word: &str) -> Option<u32> {
    let named = NUMBERS.into_iter().find(|(name, _)| *name == word).map(|(_, n)| n);
    let hex = word.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok());
    named.or(hex).or_else(|| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::addr::Mac;
    use crate::net::hop::Link;
    use crate::net::packet::build::{self, IpChoice, Segment};
    use crate::net::sniff::View;
    use std::net::SocketAddrV4;

    const CHOICE: IpChoice = IpChoice { ttl: 64, id: 1, df: true };

    fn names(name: &str) -> Option<Ipv4Addr> {
        (name == "web").then_some(Ipv4Addr::new(10, 244, 2, 2))
    }

    /// Which of a SYN to 10.244.2.2:80, a DNS question to 10.96.0.10, an ARP question for 10.244.1.1 and a ping pass.
    fn check(filter: &str, passes: [bool; 4]) {
        let expr = Expr::parse(filter, &names).expect(filter);
        let at = |ip: [u8; 4], port| SocketAddrV4::new(ip.into(), port);
        let me = at([10, 244, 1, 2], 40_000);
        let syn = Segment { syn: true, seq: 1, ..Segment::default() };
        let mut frames = [
            build::tcp(me, at([10, 244, 2, 2], 80), CHOICE, &syn),
            build::udp(me, at([10, 96, 0, 10], 53), CHOICE, b"question"),
            build::arp(false, (Mac([2; 6]), *me.ip()), (Mac::ZERO, [10, 244, 1, 1].into()), Mac::BROADCAST),
            build::echo(*me.ip(), [10, 244, 2, 2].into(), CHOICE, false, 1, 1, &[0; 56]),
        ];
        for n in [0, 1, 3] {
            frames[n][..14].copy_from_slice(&[2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 0]);
        }
        let found = frames.map(|frame| expr.passes(&View::new(&frame, Link::Ethernet, 0)));
        assert_eq!(found, passes, "{filter}");
    }

    #[test]
    fn a_filter_passes_what_tcpdump_would_show() {
        for (filter, passes) in [
            ("", [true; 4]),
            ("tcp", [true, false, false, false]),
            ("port 80", [true, false, false, false]),
            ("udp port domain", [false, true, false, false]),
            ("tcp port 53", [false; 4]),
            ("dst portrange 50-90", [true, true, false, false]),
            ("src port 80", [false; 4]),
            ("host 10.244.2.2", [true, false, false, true]),
            ("host web and icmp", [false, false, false, true]),
            ("dst host 10.244.1.1", [false, false, true, false]),
            ("arp", [false, false, true, false]),
            ("not arp and not port 53", [true, false, false, true]),
            ("net 10.96.0.0/12", [false, true, false, false]),
            ("net 10.244", [true; 4]),
            ("dst net 10.244.0.0 mask 255.255.0.0", [true, false, true, true]),
            ("port 80 or 53", [true, true, false, false]),
            ("icmp or port 80 and udp", [false; 4]),
            ("icmp or (port 53 and udp)", [false, true, false, true]),
            ("tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", [true, false, false, false]),
            ("icmp[icmptype] = icmp-echo", [false, false, false, true]),
            ("tcp port 80 and (tcp[tcpflags] & tcp-syn != 0)", [true, false, false, false]),
            ("(ip[8] + 1) = 65", [true, true, false, true]),
            ("ip[9] = 17", [false, true, false, false]),
            ("tcp[0:2] = 40000 && len < 100", [true, false, false, false]),
            ("ether broadcast", [false, false, true, false]),
            ("ether src 02:02:02:02:02:02", [false, false, true, false]),
            ("ip proto \\icmp", [false, false, false, true]),
            ("greater 60", [false, false, false, true]),
            ("src and dst net 10.244.0.0/16", [true, false, true, true]),
        ] {
            check(filter, passes);
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_in_libpcaps_words() {
        for (filter, words) in [
            ("port", "can't parse filter expression: syntax error"),
            ("(tcp", "can't parse filter expression: syntax error"),
            ("tcp and", "can't parse filter expression: syntax error"),
            ("tcp port 80 81", "can't parse filter expression: syntax error"),
            ("host nobody", "unknown host 'nobody'"),
            ("port nothing", "unknown port 'nothing'"),
            ("port 70000", "illegal port number 70000 > 65535"),
            ("tcp host 10.0.0.1", "'tcp' modifier applied to host"),
            ("net 10.0.0.1/24", "non-network bits set in \"10.0.0.1/24\""),
            ("host #", "illegal token: #"),
        ] {
            let said = Expr::parse(filter, &names).map_err(|e| e.to_string());
            assert_eq!(said, Err(words.to_owned()), "{filter}");
        }
    }
}
