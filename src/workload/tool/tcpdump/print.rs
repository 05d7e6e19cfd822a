//! The lines of tcpdump. Models print-ether.c, print-sll.c, print-arp.c, print-ip.c, print-icmp.c, print-udp.c, print-tcp.c,
//! print-domain.c, print-otv.c and print-ascii.c of tcpdump 4.99.
//!
//! UDP port 8472 is OTV to tcpdump, which has the same header as flannel's VXLAN; only port 4789 is VXLAN to it.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::net::dns::{Message, RecordData, RecordKind, ResponseCode};
use crate::net::packet::{ETHER_ARP, ETHER_IPV4, ETHER_LEN, ICMP, Ip, TCP, UDP, be16, is_sound};
use crate::sim::VecMap;
use crate::workload::tool::tcpdump::file::{LinkType, Record};
use crate::workload::tool::tcpdump::names::Names;
use crate::workload::tool::tcpdump::options::Options;

/// Both ends of a TCP conversation, the smaller port first.
type Conversation = ((u16, Ipv4Addr), (u16, Ipv4Addr));

/// What prints packets: it remembers where the sequence numbers of conversations began and when the last packet was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Printer {
    starts: VecMap<Conversation, (u32, u32)>,
    last: Option<u64>,
    first: Option<u64>,
}

impl Printer {
    /// A packet, with the end of its line.
    pub fn packet(&mut self, record: &Record, how: &Options, names: &Names) -> String {
        let mut text = self.time(record.at, how);
        match record.link {
            LinkType::Ethernet => self.ether(&record.bytes, how, names, &mut text),
            LinkType::Raw => {
                self.ip(&record.bytes, how, names, &mut text);
            }
            LinkType::Cooked => self.cooked(&record.bytes, how, names, &mut text),
        }
        let skip = match record.link {
            LinkType::Ethernet => ETHER_LEN,
            LinkType::Raw => 0,
            LinkType::Cooked => 20,
        };
        let shown = if how.with_header { &record.bytes[..] } else { record.bytes.get(skip..).unwrap_or_default() };
        text += &how.dump(shown);
        text.push('\n');
        text
    }

    fn time(&mut self, at: u64, how: &Options) -> String {
        let first = *self.first.get_or_insert(at);
        let last = self.last.replace(at).unwrap_or(at);
        let clock = |at: u64| {
            let secs = at / 1_000_000_000 % 86_400;
            format!("{:02}:{:02}:{:02}.{:06}", secs / 3_600, secs / 60 % 60, secs % 60, at / 1_000 % 1_000_000)
        };
        match how.time {
            0 => format!("{} ", clock(at)),
            1 => String::new(),
            2 => format!("{}.{:06} ", at / 1_000_000_000, at / 1_000 % 1_000_000),
            3 => format!(" {} ", clock(at - last)),
            4 => {
                let day = crate::api::Timestamp(i64::try_from(at / 1_000_000_000).unwrap_or(0)).to_string();
                format!("{} {} ", day.get(..10).unwrap_or_default(), clock(at))
            }
            _ => format!(" {} ", clock(at - first)),
        }
    }

    fn cooked(&mut self, bytes: &[u8], how: &Options, names: &Names, text: &mut String) {
        let Some((head, payload)) = bytes.split_at_checked(20) else { return text.push_str("[|sll2]") };
        let (kind, index) = (be16(head, 0), u32::from_be_bytes([head[4], head[5], head[6], head[7]]));
        let way = ["In", "B", "M", "P", "Out"].get(usize::from(head[10])).copied().unwrap_or("?");
        _ = write!(text, "{:<5} {way:<3} ", names.device(index));
        if how.link {
            _ = write!(text, "ifindex {index} ");
            if head[11] == 6 {
                _ = write!(text, "{} ", mac(&head[12..18]));
            }
            if how.quiet == 0 {
                _ = write!(text, "ethertype {} (0x{kind:04x})", ether_name(kind));
            }
            _ = write!(text, ", length {}: ", bytes.len());
        }
        self.ether_payload(kind, payload, how, names, text);
    }

    fn ether(&mut self, bytes: &[u8], how: &Options, names: &Names, text: &mut String) {
        let Some((head, payload)) = bytes.split_at_checked(ETHER_LEN) else { return text.push_str("[|ether]") };
        let kind = be16(head, 12);
        if how.link {
            _ = write!(text, "{} > {}", mac(&head[6..12]), mac(&head[..6]));
            let name = ether_name(kind);
            match how.quiet {
                0 => _ = write!(text, ", ethertype {name} (0x{kind:04x})"),
                _ => _ = write!(text, ", {name}"),
            }
            _ = write!(text, ", length {}: ", bytes.len());
        }
        self.ether_payload(kind, payload, how, names, text);
    }

    fn ether_payload(&mut self, kind: u16, payload: &[u8], how: &Options, names: &Names, text: &mut String) {
        match kind {
            ETHER_IPV4 => self.ip(payload, how, names, text),
            ETHER_ARP => arp(payload, how, names, text),
            _ => _ = write!(text, "ethertype Unknown (0x{kind:04x}), length {}: ", payload.len()),
        }
    }

    fn ip(&mut self, packet: &[u8], how: &Options, names: &Names, text: &mut String) {
        if !how.link {
            text.push_str("IP ");
        }
        let Some(ip) = Ip::parse_cut(packet) else { return text.push_str("[|ip]") };
        let end = usize::from(ip.total).min(packet.len());
        let l4 = packet.get(usize::from(ip.header)..end).unwrap_or_default();
        if how.verbose > 0 {
            let flags = match (ip.mf, ip.df) {
                (true, _) => "+",
                (_, true) => "DF",
                _ => "none",
            };
            let ttl = if ip.ttl > 0 { format!(", ttl {}", ip.ttl) } else { String::new() };
            _ = write!(
                text,
                "(tos 0x{:x}{ttl}, id {}, offset {}, flags [{flags}], proto {} ({}), length {})\n    ",
                packet[1],
                ip.id,
                ip.offset,
                proto_name(ip.proto).map_or_else(|| "unknown".to_owned(), str::to_uppercase),
                ip.proto,
                ip.total
            );
        }
        if !ip.is_first() {
            let proto = proto_name(ip.proto).filter(|_| !how.numeric);
            let proto = proto.map_or_else(|| format!("ip-proto-{}", ip.proto), str::to_owned);
            _ = write!(text, "{} > {}: {proto}", names.host(ip.src), names.host(ip.dst));
            return;
        }
        match ip.proto {
            TCP if l4.len() >= 20 => self.tcp(&ip, l4, how, names, text),
            UDP if l4.len() >= 8 => self.udp(&ip, l4, how, names, text),
            _ => {
                _ = write!(text, "{} > {}: ", names.host(ip.src), names.host(ip.dst));
                match ip.proto {
                    ICMP => icmp(l4, how, names, text),
                    proto => _ = write!(text, "ip-proto-{proto} {}", l4.len()),
                }
            }
        }
    }

    fn udp(&mut self, ip: &Ip, l4: &[u8], how: &Options, names: &Names, text: &mut String) {
        let (from, to, data) = (be16(l4, 0), be16(l4, 2), &l4[8..]);
        let ends = format!(
            "{}.{} > {}.{}: ",
            names.host(ip.src),
            names.port(UDP, from),
            names.host(ip.dst),
            names.port(UDP, to)
        );
        text.push_str(&ends);
        if how.quiet > 0 {
            _ = write!(text, "UDP, length {}", data.len());
            return;
        }
        if how.verbose > 0 && !ip.mf {
            text.push_str(match (be16(l4, 6), is_sound(ip, l4)) {
                (0, _) => "[no cksum] ",
                (_, true) => "[udp sum ok] ",
                (_, false) => "[bad udp cksum] ",
            });
        }
        let is = |port| from == port || to == port;
        match data.split_at_checked(8) {
            _ if is(53) => domain(data, how, text),
            Some((head, frame)) if is(8472) || is(4789) => {
                let word = u32::from_be_bytes([0, head[4], head[5], head[6]]);
                let flags = if head[0] & 8 != 0 { "I" } else { "." };
                _ = match is(8472) {
                    true => writeln!(text, "OTV, flags [{flags}] (0x{:02x}), overlay 0, instance {word}", head[0]),
                    false => writeln!(text, "VXLAN, flags [{flags}] (0x{:02x}), vni {word}", head[0]),
                };
                self.ether(frame, how, names, text);
            }
            _ => _ = write!(text, "UDP, length {}", data.len()),
        }
    }

    fn tcp(&mut self, ip: &Ip, l4: &[u8], how: &Options, names: &Names, text: &mut String) {
        let word = |at: usize| u32::from_be_bytes([l4[at], l4[at + 1], l4[at + 2], l4[at + 3]]);
        let (from, to, bits) = (be16(l4, 0), be16(l4, 2), l4[13]);
        let header = (usize::from(l4[12] >> 4) * 4).clamp(20, l4.len());
        let data = &l4[header..];
        let ends = format!(
            "{}.{} > {}.{}: ",
            names.host(ip.src),
            names.port(TCP, from),
            names.host(ip.dst),
            names.port(TCP, to)
        );
        text.push_str(&ends);
        if how.quiet > 0 {
            _ = write!(text, "tcp {}", data.len());
            return;
        }
        let flags: String = [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, '.'), (32, 'U'), (64, 'E'), (128, 'W')]
            .into_iter()
            .filter(|(bit, _)| bits & bit != 0)
            .map(|(_, c)| c)
            .collect();
        _ = write!(text, "Flags [{}]", if flags.is_empty() { "none" } else { &flags });
        let (mut seq, mut ack) = (word(4), word(8));
        if !how.absolute && bits & 16 != 0 {
            (seq, ack) = self.relative(((from, ip.src), (to, ip.dst)), bits & 2 != 0, seq, ack);
        }
        if how.verbose > 0 && !ip.mf {
            let right = if is_sound(ip, l4) { "correct" } else { "incorrect" };
            _ = write!(text, ", cksum 0x{:04x} ({right})", be16(l4, 16));
        }
        if how.verbose > 1 || !data.is_empty() || bits & 7 != 0 {
            _ = write!(text, ", seq {seq}");
            if !data.is_empty() {
                _ = write!(text, ":{}", seq.wrapping_add(u32::try_from(data.len()).unwrap_or(0)));
            }
        }
        if bits & 16 != 0 {
            _ = write!(text, ", ack {ack}");
        }
        _ = write!(text, ", win {}", be16(l4, 14));
        if header > 20 {
            _ = write!(text, ", options [{}]", tcp_options(&l4[20..header]));
        }
        _ = write!(text, ", length {}", data.len());
        let is = |port| from == port || to == port;
        if !data.is_empty() && bits & 4 == 0 && (is(80) || is(8080)) {
            http(data, how, text);
        }
    }

    /// Sequence numbers counted from the first that was seen of a conversation; that one is shown as it is.
    fn relative(&mut self, (a, b): Conversation, syn: bool, seq: u32, ack: u32) -> (u32, u32) {
        let back = a > b;
        let key = if back { (b, a) } else { (a, b) };
        match self.starts.get(&key).copied().filter(|_| !syn) {
            None => {
                let start = if back { (ack.wrapping_sub(1), seq) } else { (seq, ack.wrapping_sub(1)) };
                self.starts.insert(key, start);
                (seq, ack)
            }
            Some((first, second)) if back => (seq.wrapping_sub(second), ack.wrapping_sub(first)),
            Some((first, second)) => (seq.wrapping_sub(first), ack.wrapping_sub(second)),
        }
    }
}

fn mac(b: &[u8]) -> String {
    b.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
}

fn ether_name(kind: u16) -> &'static str {
    match kind {
        ETHER_IPV4 => "IPv4",
        ETHER_ARP => "ARP",
        0x86dd => "IPv6",
        _ => "Unknown",
    }
}

fn proto_name(proto: u8) -> Option<&'static str> {
    Some(match proto {
        ICMP => "icmp",
        TCP => "tcp",
        UDP => "udp",
        _ => return None,
    })
}

fn arp(b: &[u8], how: &Options, names: &Names, text: &mut String) {
    if !how.link {
        text.push_str("ARP, ");
    }
    if b.len() < 28 {
        return text.push_str("[|arp]");
    }
    if how.verbose > 0 {
        text.push_str("Ethernet (len 6), IPv4 (len 4), ");
    }
    let ip = |at: usize| names.host(Ipv4Addr::new(b[at], b[at + 1], b[at + 2], b[at + 3]));
    _ = match be16(b, 6) {
        1 if b[18..24] == [0; 6] => write!(text, "Request who-has {} tell {}", ip(24), ip(14)),
        1 => write!(text, "Request who-has {} ({}) tell {}", ip(24), mac(&b[18..24]), ip(14)),
        2 => write!(text, "Reply {} is-at {}", ip(14), mac(&b[8..14])),
        other => write!(text, "Unknown ({other})"),
    };
    _ = write!(text, ", length {}", b.len());
}

fn icmp(l4: &[u8], how: &Options, names: &Names, text: &mut String) {
    if l4.len() < 8 {
        return text.push_str("[|icmp]");
    }
    let about = Ip::parse_cut(&l4[8..]);
    let to = about.map_or_else(String::new, |ip| names.host(ip.dst));
    let port = about.and_then(|ip| {
        let inner = l4.get(8 + usize::from(ip.header)..).filter(|inner| inner.len() >= 4)?;
        Some((ip.proto, be16(inner, 2)))
    });
    let unreachable = |words: &str| format!("host {to} unreachable{words}");
    let words = match (l4[0], l4[1], port) {
        (kind @ (0 | 8), ..) => {
            let word = if kind == 8 { "request" } else { "reply" };
            format!("echo {word}, id {}, seq {}", be16(l4, 4), be16(l4, 6))
        }
        (3, 0, _) => format!("net {to} unreachable"),
        (3, 1, _) => unreachable(""),
        (3, 2, _) => format!("{to} protocol {} unreachable", about.map_or(0, |ip| ip.proto)),
        (3, 3, Some((proto @ (TCP | UDP), port))) => {
            let name = if proto == TCP { "tcp" } else { "udp" };
            format!("{to} {name} port {} unreachable", names.port(proto, port))
        }
        (3, 3, Some((proto, port))) => format!("{to} protocol {proto} port {port} unreachable"),
        (3, 4, _) if be16(l4, 6) > 0 => format!("{to} unreachable - need to frag (mtu {})", be16(l4, 6)),
        (3, 4, _) => format!("{to} unreachable - need to frag"),
        (3, 9, _) => format!("net {to} unreachable - admin prohibited"),
        (3, 10, _) => unreachable(" - admin prohibited"),
        (3, 13, _) => unreachable(" - admin prohibited filter"),
        (3, code, _) => format!("#{code} {to} unreachable"),
        (11, 0, _) => "time exceeded in-transit".to_owned(),
        (11, 1, _) => "ip reassembly time exceeded".to_owned(),
        (kind, ..) => format!("type-#{kind}"),
    };
    _ = write!(text, "ICMP {words}, length {}", l4.len());
    // What the error is about.
    if how.verbose > 0 && matches!(l4[0], 3 | 11) {
        text.push_str("\n\t");
        let inner = Options { link: false, ..how.clone() };
        Printer::default().ip(&l4[8..], &inner, names, text);
    }
}

fn tcp_options(mut b: &[u8]) -> String {
    let mut words = Vec::new();
    while let Some(kind) = b.first() {
        let len = match kind {
            0 | 1 => 1,
            _ => b.get(1).map_or(0, |n| usize::from(*n)),
        };
        if len == 0 || len > b.len() {
            words.push("bad opt".to_owned());
            break;
        }
        words.push(match (kind, len) {
            (0, _) => "eol".to_owned(),
            (1, _) => "nop".to_owned(),
            (2, 4) => format!("mss {}", be16(b, 2)),
            (3, 3) => format!("wscale {}", b[2]),
            (4, 2) => "sackOK".to_owned(),
            (kind, _) => format!("unknown-{kind}"),
        });
        b = &b[len..];
    }
    words.join(",")
}

/// The first line of a request or an answer; all of it if asked for more words.
fn http(data: &[u8], how: &Options, text: &mut String) {
    let all = String::from_utf8_lossy(data);
    let first = all.lines().next().unwrap_or_default();
    let known = ["GET ", "HEAD ", "PUT ", "POST ", "DELETE ", "PATCH ", "OPTIONS ", "HTTP/1."];
    if !known.iter().any(|word| first.starts_with(word)) {
        return text.push_str(": HTTP");
    }
    if how.verbose == 0 {
        _ = write!(text, ": HTTP: {first}");
        return;
    }
    _ = write!(text, ": HTTP, length: {}", data.len());
    for line in all.lines() {
        _ = write!(text, "\n\t{line}");
    }
}

/// A DNS message as print-domain.c writes it.
fn domain(data: &[u8], how: &Options, text: &mut String) {
    let Some(message) = Message::parse(data) else { return text.push_str("[|domain]") };
    let kind = |kind: RecordKind| match kind {
        RecordKind::A => "A".to_owned(),
        RecordKind::Aaaa => "AAAA".to_owned(),
        RecordKind::Cname => "CNAME".to_owned(),
        RecordKind::Ptr => "PTR".to_owned(),
        RecordKind::Soa => "SOA".to_owned(),
        RecordKind::Srv => "SRV".to_owned(),
        RecordKind::Other(16) => "TXT".to_owned(),
        RecordKind::Other(n) => format!("Type{n}"),
    };
    let count = |n: usize, word: &str| if n > 0 { format!(" [{n}{word}]") } else { String::new() };
    if message.response {
        let code = match message.code {
            ResponseCode::NoError => "",
            ResponseCode::FormErr => " FormErr",
            ResponseCode::ServFail => " ServFail",
            ResponseCode::NxDomain => " NXDomain",
            ResponseCode::NotImp => " NotImp",
            ResponseCode::Refused => " Refused",
        };
        let star = if message.authoritative { "*" } else { "" };
        let dash = if message.recursion_available { "" } else { "-" };
        _ = write!(text, "{}{code}{star}{dash}", message.id);
        if how.verbose > 1 {
            let asked = message.questions.iter().map(|q| format!(" {}? {}.", kind(q.kind), q.name));
            _ = write!(text, " q:{}", asked.collect::<String>());
        }
        let (answers, rest) = (&message.answers, (message.authority.len(), message.additional.len()));
        _ = write!(text, " {}/{}/{}", answers.len(), rest.0, rest.1);
        let shown: Vec<String> = answers
            .iter()
            .map(|record| {
                let owner = if how.verbose > 0 { format!("{}. ", record.name) } else { String::new() };
                let data = match &record.data {
                    RecordData::A(ip) => ip.to_string(),
                    RecordData::Cname(name) | RecordData::Ptr(name) => format!("{name}."),
                    RecordData::Srv { priority, weight, port, target } => {
                        format!("{target}.:{port} {priority} {weight}")
                    }
                    RecordData::Soa { .. } | RecordData::Other(..) => String::new(),
                };
                format!(" {owner}{} {data}", kind(record.data.kind())).trim_end().to_owned()
            })
            .collect();
        text.push_str(&shown.join(","));
    } else {
        let plus = if message.recursion_desired { "+" } else { "" };
        let weird = count(message.answers.len(), "a") + &count(message.additional.len(), "au");
        _ = write!(text, "{}{plus}{weird}", message.id);
        for question in &message.questions {
            _ = write!(text, " {}? {}.", kind(question.kind), question.name);
        }
    }
    _ = write!(text, " ({})", data.len());
}
