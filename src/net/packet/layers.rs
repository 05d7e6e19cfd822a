//! Taking a packet apart for a reader: layers with their fields and where each sits in the bytes, and a line as tcpdump's.
//!
//! The line is that of `tcpdump -n -S` (print-arp.c, print-icmp.c, print-udp.c, print-tcp.c). Nothing in here can fail: what
//! is cut short or unknown is shown as data.

use crate::net::addr::Mac;
use crate::net::hop::Link;
use crate::net::neigh::Arp;
use crate::net::packet::{ETHER_ARP, ETHER_IPV4, ETHER_LEN, ICMP, Ip, TCP, UDP, addr, be16, ports_of};
use crate::net::vxlan;

/// The UDP port of flannel's UDP backend, whose payload is an IP packet and nothing else.
const FLANNEL_UDP: u16 = 8285;

/// A layer of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Its name.
    pub name: &'static str,
    /// Where it begins, in bytes from the start of the packet.
    pub start: u16,
    /// How long it is, in bytes, without what it carries.
    pub len: u16,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

/// A field of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its value, for a reader.
    pub value: String,
    /// Where it begins, in bytes from the start of the packet.
    pub start: u16,
    /// How long it is, in bytes; a field of some bits has the bytes that they are in.
    pub len: u16,
}

/// Takes a packet apart, outermost layer first; the packet inside a flannel or VXLAN datagram is taken apart too.
pub fn layers(bytes: &[u8], link: Link) -> Vec<Layer> {
    let mut reader = Reader { bytes, layers: Vec::new() };
    match link {
        Link::Ethernet => reader.ethernet(0),
        Link::Ip => reader.ipv4(0),
    }
    reader.layers
}

struct Reader<'a> {
    bytes: &'a [u8],
    layers: Vec<Layer>,
}

fn num(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

impl Reader<'_> {
    /// Opens a layer of `len` bytes at `at`; each field is its name, value, offset in the layer and length.
    fn layer(&mut self, name: &'static str, at: usize, len: usize, fields: Vec<(&'static str, String, usize, usize)>) {
        let field = |(name, value, start, len)| Field { name, value, start: num(at + start), len: num(len) };
        self.layers.push(Layer {
            name,
            start: num(at),
            len: num(len),
            fields: fields.into_iter().map(field).collect(),
        });
    }

    fn mac(&self, at: usize) -> String {
        let mut mac = [0; 6];
        mac.copy_from_slice(&self.bytes[at..at + 6]);
        Mac(mac).to_string()
    }

    fn data(&mut self, at: usize) {
        let len = self.bytes.len().saturating_sub(at);
        if len > 0 {
            let text = printable(&self.bytes[at..]);
            self.layer("Data", at, len, vec![("data", text, 0, len)]);
        }
    }

    fn ethernet(&mut self, at: usize) {
        if self.bytes.len() < at + ETHER_LEN {
            return self.data(at);
        }
        let kind = be16(self.bytes, at + 12);
        let name = match kind {
            ETHER_IPV4 => "IPv4",
            ETHER_ARP => "ARP",
            _ => "unknown",
        };
        let fields = vec![
            ("destination", self.mac(at), 0, 6),
            ("source", self.mac(at + 6), 6, 6),
            ("type", format!("0x{kind:04x} ({name})"), 12, 2),
        ];
        self.layer("Ethernet II", at, ETHER_LEN, fields);
        match kind {
            ETHER_IPV4 => self.ipv4(at + ETHER_LEN),
            ETHER_ARP => self.arp(at + ETHER_LEN),
            _ => self.data(at + ETHER_LEN),
        }
    }

    fn arp(&mut self, at: usize) {
        if self.bytes.len() < at + 28 {
            return self.data(at);
        }
        let b = &self.bytes[at..];
        let op = be16(b, 6);
        let op = format!("{op} ({})", if op == 2 { "reply" } else { "request" });
        let fields = vec![
            ("hardware type", format!("{} (Ethernet)", be16(b, 0)), 0, 2),
            ("protocol type", format!("0x{:04x} (IPv4)", be16(b, 2)), 2, 2),
            ("hardware size", b[4].to_string(), 4, 1),
            ("protocol size", b[5].to_string(), 5, 1),
            ("operation", op, 6, 2),
            ("sender MAC", self.mac(at + 8), 8, 6),
            ("sender IP", addr(b, 14).to_string(), 14, 4),
            ("target MAC", self.mac(at + 18), 18, 6),
            ("target IP", addr(b, 24).to_string(), 24, 4),
        ];
        self.layer("ARP", at, 28, fields);
    }

    fn ipv4(&mut self, at: usize) {
        let Some(ip) = self.bytes.get(at..).and_then(Ip::parse_cut) else { return self.data(at) };
        let b = &self.bytes[at..];
        let proto = match ip.proto {
            ICMP => "ICMP",
            TCP => "TCP",
            UDP => "UDP",
            _ => "unknown",
        };
        let flags = match (ip.df, ip.mf) {
            (true, true) => "DF, MF",
            (true, false) => "DF",
            (false, true) => "MF",
            (false, false) => "none",
        };
        let fields = vec![
            ("version", (b[0] >> 4).to_string(), 0, 1),
            ("header length", format!("{} bytes", ip.header), 0, 1),
            ("DSCP and ECN", format!("0x{:02x}", b[1]), 1, 1),
            ("total length", ip.total.to_string(), 2, 2),
            ("identification", format!("0x{:04x}", ip.id), 4, 2),
            ("flags", flags.to_owned(), 6, 1),
            ("fragment offset", ip.offset.to_string(), 6, 2),
            ("time to live", ip.ttl.to_string(), 8, 1),
            ("protocol", format!("{} ({proto})", ip.proto), 9, 1),
            ("header checksum", format!("0x{:04x}", be16(b, 10)), 10, 2),
            ("source", ip.src.to_string(), 12, 4),
            ("destination", ip.dst.to_string(), 16, 4),
        ];
        self.layer("IPv4", at, usize::from(ip.header), fields);
        let next = at + usize::from(ip.header);
        match ip.proto {
            _ if !ip.is_first() => self.data(next),
            UDP => self.udp(next),
            TCP => self.tcp(next),
            ICMP => self.icmp(next),
            _ => self.data(next),
        }
    }

    fn udp(&mut self, at: usize) {
        if self.bytes.len() < at + 8 {
            return self.data(at);
        }
        let b = &self.bytes[at..];
        let (from, to) = (be16(b, 0), be16(b, 2));
        let fields = vec![
            ("source port", from.to_string(), 0, 2),
            ("destination port", to.to_string(), 2, 2),
            ("length", be16(b, 4).to_string(), 4, 2),
            ("checksum", format!("0x{:04x}", be16(b, 6)), 6, 2),
        ];
        self.layer("UDP", at, 8, fields);
        match to {
            FLANNEL_UDP => self.ipv4(at + 8),
            vxlan::PORT => self.vxlan(at + 8),
            _ => self.data(at + 8),
        }
    }

    fn vxlan(&mut self, at: usize) {
        let Some((vni, _)) = vxlan::parse(&self.bytes[at..]) else { return self.data(at) };
        let fields = vec![
            ("flags", format!("0x{:02x}", self.bytes[at]), 0, 1),
            ("reserved", "0".to_owned(), 1, 3),
            ("network identifier (VNI)", vni.to_string(), 4, 3),
            ("reserved", "0".to_owned(), 7, 1),
        ];
        self.layer("VXLAN", at, vxlan::HEADER, fields);
        self.ethernet(at + vxlan::HEADER);
    }

    fn tcp(&mut self, at: usize) {
        let b = self.bytes.get(at..).unwrap_or_default();
        let len = b.get(12).map_or(usize::MAX, |n| usize::from(n >> 4) * 4);
        if b.len() < len || len < 20 {
            return self.data(at);
        }
        let word = |at: usize| u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]).to_string();
        let mut fields = vec![
            ("source port", be16(b, 0).to_string(), 0, 2),
            ("destination port", be16(b, 2).to_string(), 2, 2),
            ("sequence number", word(4), 4, 4),
            ("acknowledgment number", word(8), 8, 4),
            ("header length", format!("{len} bytes"), 12, 1),
            ("flags", tcp_flag_names(b[13]), 13, 1),
            ("window", be16(b, 14).to_string(), 14, 2),
            ("checksum", format!("0x{:04x}", be16(b, 16)), 16, 2),
            ("urgent pointer", be16(b, 18).to_string(), 18, 2),
        ];
        if len > 20 {
            fields.push(("options", tcp_options(&b[20..len]), 20, len - 20));
        }
        self.layer("TCP", at, len, fields);
        self.data(at + len);
    }

    fn icmp(&mut self, at: usize) {
        if self.bytes.len() < at + 8 {
            return self.data(at);
        }
        let b = &self.bytes[at..];
        let (kind, code) = (b[0], b[1]);
        let mut fields = vec![
            ("type", format!("{kind} ({})", icmp_name(kind)), 0, 1),
            ("code", code.to_string(), 1, 1),
            ("checksum", format!("0x{:04x}", be16(b, 2)), 2, 2),
        ];
        match (kind, code) {
            (0 | 8, _) => {
                fields.push(("identifier", be16(b, 4).to_string(), 4, 2));
                fields.push(("sequence number", be16(b, 6).to_string(), 6, 2));
            }
            (3, 4) => fields.push(("MTU of next hop", be16(b, 6).to_string(), 6, 2)),
            _ => {}
        }
        self.layer("ICMP", at, 8, fields);
        match kind {
            3 | 11 => self.ipv4(at + 8),
            _ => self.data(at + 8),
        }
    }
}

fn icmp_name(kind: u8) -> &'static str {
    match kind {
        0 => "echo reply",
        3 => "destination unreachable",
        8 => "echo request",
        11 => "time exceeded",
        _ => "unknown",
    }
}

fn tcp_flag_names(flags: u8) -> String {
    let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];
    let set: Vec<&str> = names.iter().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1).map(|(_, n)| *n).collect();
    set.join(", ")
}

/// The options as tcpdump writes them: `mss 1460,nop,wscale 7`.
fn tcp_options(mut b: &[u8]) -> String {
    let mut words = Vec::new();
    while let Some(kind) = b.first() {
        let len = match kind {
            0 | 1 => 1,
            _ => b.get(1).map_or(0, |n| usize::from(*n)),
        };
        if len == 0 || len > b.len() {
            break;
        }
        words.push(match (kind, len) {
            (0, _) => "eol".to_owned(),
            (1, _) => "nop".to_owned(),
            (2, 4) => format!("mss {}", be16(b, 2)),
            (3, 3) => format!("wscale {}", b[2]),
            (kind, _) => format!("unknown-{kind}"),
        });
        b = &b[len..];
    }
    words.join(",")
}

/// The bytes as text, with a dot for what is not printable.
fn printable(bytes: &[u8]) -> String {
    let shown = bytes.iter().take(512);
    shown.map(|b| if (0x20..0x7f).contains(b) || *b == b'\n' { char::from(*b) } else { '.' }).collect()
}

/// The line of `tcpdump -n -S` without the time: `IP 10.244.1.2.32768 > 10.244.2.2.80: Flags [S], seq 1, …`.
pub fn summary(bytes: &[u8], link: Link) -> String {
    let (kind, payload) = match link {
        Link::Ip => (ETHER_IPV4, bytes),
        Link::Ethernet if bytes.len() >= ETHER_LEN => (be16(bytes, 12), &bytes[ETHER_LEN..]),
        Link::Ethernet => return "[|ether]".to_owned(),
    };
    match kind {
        ETHER_ARP => arp_line(payload),
        _ => Ip::parse_cut(payload).map_or_else(|| "[|ip]".to_owned(), |ip| format!("IP {}", ip_line(&ip, payload))),
    }
}

fn arp_line(payload: &[u8]) -> String {
    match Arp::parse(payload) {
        Some(Arp { reply: true, sender: (mac, ip), .. }) => {
            format!("ARP, Reply {ip} is-at {mac}, length {}", payload.len())
        }
        Some(Arp { sender: (_, ip), target, .. }) => {
            format!("ARP, Request who-has {target} tell {ip}, length {}", payload.len())
        }
        None => "[|arp]".to_owned(),
    }
}

fn ip_line(ip: &Ip, packet: &[u8]) -> String {
    let end = usize::from(ip.total).min(packet.len());
    let l4 = packet.get(usize::from(ip.header)..end).unwrap_or_default();
    let between = |from: String, to: String| format!("{}{from} > {}{to}:", ip.src, ip.dst);
    if !ip.is_first() {
        return format!("{} ip-proto-{}", between(String::new(), String::new()), ip.proto);
    }
    match (ip.proto, ports_of(ip, l4)) {
        (UDP, Some((from, to))) => {
            format!("{} UDP, length {}", between(format!(".{from}"), format!(".{to}")), l4.len().saturating_sub(8))
        }
        (TCP, Some((from, to))) if l4.len() >= 20 => {
            format!("{} {}", between(format!(".{from}"), format!(".{to}")), tcp_line(l4, from, to))
        }
        (ICMP, _) => format!("{} ICMP {}", between(String::new(), String::new()), icmp_line(l4)),
        _ => format!("{} ip-proto-{} {}", between(String::new(), String::new()), ip.proto, l4.len()),
    }
}

fn tcp_line(l4: &[u8], from: u16, to: u16) -> String {
    let word = |at: usize| u32::from_be_bytes([l4[at], l4[at + 1], l4[at + 2], l4[at + 3]]);
    let header = (usize::from(l4[12] >> 4) * 4).clamp(20, l4.len());
    let data = &l4[header..];
    let bits = l4[13];
    let flags: String = [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, '.')]
        .into_iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, c)| c)
        .collect();
    let seq = word(4);
    let mut line = format!("Flags [{}]", if flags.is_empty() { "none" } else { &flags });
    if !data.is_empty() {
        let end = seq.wrapping_add(u32::try_from(data.len()).unwrap_or(u32::MAX));
        line.push_str(&format!(", seq {seq}:{end}"));
    } else if bits & 7 != 0 {
        line.push_str(&format!(", seq {seq}"));
    }
    if bits & 16 != 0 {
        line.push_str(&format!(", ack {}", word(8)));
    }
    line.push_str(&format!(", win {}", be16(l4, 14)));
    if header > 20 {
        line.push_str(&format!(", options [{}]", tcp_options(&l4[20..header])));
    }
    line.push_str(&format!(", length {}", data.len()));
    if !data.is_empty() && (from == 80 || to == 80) {
        let first = printable(data);
        line.push_str(&format!(": HTTP: {}", first.lines().next().unwrap_or_default().trim_end_matches('.')));
    }
    line
}

fn icmp_line(l4: &[u8]) -> String {
    if l4.len() < 8 {
        return "[|icmp]".to_owned();
    }
    let len = l4.len();
    let about = Ip::parse_cut(&l4[8..]);
    let port = about.and_then(|ip| Some((ip, ports_of(&ip, l4.get(8 + usize::from(ip.header)..)?)?.1)));
    let to = about.map_or_else(String::new, |ip| ip.dst.to_string());
    match (l4[0], l4[1], port) {
        (0, ..) => format!("echo reply, id {}, seq {}, length {len}", be16(l4, 4), be16(l4, 6)),
        (8, ..) => format!("echo request, id {}, seq {}, length {len}", be16(l4, 4), be16(l4, 6)),
        (3, 0, _) => format!("net {to} unreachable, length {len}"),
        (3, 1, _) => format!("host {to} unreachable, length {len}"),
        (3, 2, _) => format!("{to} protocol unreachable, length {len}"),
        (3, 3, Some((ip, port))) if ip.proto == TCP => format!("{to} tcp port {port} unreachable, length {len}"),
        (3, 3, Some((_, port))) => format!("{to} udp port {port} unreachable, length {len}"),
        (3, 4, _) => format!("{to} unreachable - need to frag (mtu {}), length {len}", be16(l4, 6)),
        (3, 13, _) => format!("host {to} unreachable - admin prohibited filter, length {len}"),
        (11, 0, _) => format!("time exceeded in-transit, length {len}"),
        (kind, code, _) => format!("type-#{kind} code-#{code}, length {len}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::packet::build::{self, IpChoice, Segment};
    use std::net::{Ipv4Addr, SocketAddrV4};

    const A: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 244, 1, 2), 40_000);
    const B: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 244, 2, 2), 80);
    const CHOICE: IpChoice = IpChoice { ttl: 64, id: 1, df: true };

    fn check(frame: Vec<u8>, line: &str) {
        assert_eq!(summary(&frame[ETHER_LEN..], Link::Ip), line);
        let mut end = 0;
        for layer in layers(&frame[ETHER_LEN..], Link::Ip) {
            assert_eq!(layer.start, end, "{} begins where the one before ends", layer.name);
            end += layer.len;
            let inside = |f: &Field| f.start >= layer.start && f.start + f.len <= layer.start + layer.len;
            assert!(layer.fields.iter().all(inside), "{}", layer.name);
        }
        assert_eq!(usize::from(end), frame.len() - ETHER_LEN);
    }

    #[test]
    fn a_line_is_that_of_tcpdump() {
        let syn = Segment { seq: 7, syn: true, window: 64_240, mss: Some(1432), scale: Some(7), ..Segment::default() };
        check(
            build::tcp(A, B, CHOICE, &syn),
            "IP 10.244.1.2.40000 > 10.244.2.2.80: Flags [S], seq 7, win 64240, options [mss 1432,nop,wscale 7], length 0",
        );
        let data = b"GET / HTTP/1.1\r\n\r\n".to_vec();
        let get = Segment { seq: 8, ack: Some(3), psh: true, window: 502, data, ..Segment::default() };
        check(
            build::tcp(A, B, CHOICE, &get),
            "IP 10.244.1.2.40000 > 10.244.2.2.80: Flags [P.], seq 8:26, ack 3, win 502, length 18: HTTP: GET / HTTP/1.1",
        );
        check(
            build::echo(*A.ip(), *B.ip(), CHOICE, false, 5, 1, &[0; 56]),
            "IP 10.244.1.2 > 10.244.2.2: ICMP echo request, id 5, seq 1, length 64",
        );
        let about = build::udp(A, B, CHOICE, b"x");
        check(
            build::icmp_error(*B.ip(), *A.ip(), CHOICE, (3, 3), 0, &about[ETHER_LEN..]),
            "IP 10.244.2.2 > 10.244.1.2: ICMP 10.244.2.2 udp port 80 unreachable, length 37",
        );
    }

    #[test]
    fn the_packet_inside_a_flannel_datagram_is_taken_apart() {
        let inner = build::udp(A, B, CHOICE, b"hello");
        let outer = build::udp(
            SocketAddrV4::new([192, 168, 0, 1].into(), 8285),
            SocketAddrV4::new([192, 168, 0, 2].into(), 8285),
            CHOICE,
            &inner[ETHER_LEN..],
        );
        let names: Vec<&str> = layers(&outer[ETHER_LEN..], Link::Ip).iter().map(|l| l.name).collect();
        assert_eq!(names, ["IPv4", "UDP", "IPv4", "UDP", "Data"]);
    }

    #[test]
    fn nothing_that_is_cut_short_harms() {
        let whole = build::tcp(A, B, CHOICE, &Segment { mss: Some(1), syn: true, ..Segment::default() });
        for len in 0..whole.len() {
            let _ = (layers(&whole[..len], Link::Ethernet), summary(&whole[..len], Link::Ethernet));
            let cut = &whole[ETHER_LEN.min(len)..len];
            let _ = (layers(cut, Link::Ip), summary(cut, Link::Ip));
        }
    }
}
