//! DNS: messages on the wire and the zone that the cluster's DNS server answers from. Models RFC 1035 as far as A, AAAA,
//! PTR, SRV and CNAME go, and the answers of CoreDNS's `kubernetes` plugin.

use crate::sim::VecMap;
use std::net::Ipv4Addr;

/// The names of a cluster; lower case, without the final dot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zone {
    /// The domain that it is the authority of; empty for `cluster.local`.
    pub domain: String,
    /// Addresses by name: `web.default.svc.cluster.local`.
    pub a: VecMap<String, Vec<Ipv4Addr>>,
    /// Other names by name (ExternalName services).
    pub cname: VecMap<String, String>,
    /// Targets with their ports by name: `_http._tcp.web.default.svc.cluster.local`.
    pub srv: VecMap<String, Vec<(String, u16)>>,
}

/// A question or answer of this type.
pub const A: u16 = 1;
/// Another name.
pub const CNAME: u16 = 5;
/// A name of an address.
pub const PTR: u16 = 12;
/// An IPv6 address.
pub const AAAA: u16 = 28;
/// A target with its port.
pub const SRV: u16 = 33;

/// The server cannot answer.
pub const SERVFAIL: u8 = 2;
/// The name does not exist.
pub const NXDOMAIN: u8 = 3;
/// The server is not to be asked this.
pub const REFUSED: u8 = 5;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Whose.
    pub name: String,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Data {
    /// An address.
    A(Ipv4Addr),
    /// A name: CNAME (false) or PTR (true).
    Name(bool, String),
    /// A target with its port.
    Srv(String, u16),
}

/// A message with one question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Message {
    /// Its number.
    pub id: u16,
    /// Whether it is an answer.
    pub response: bool,
    /// The name that is asked for, without the final dot.
    pub name: String,
    /// The type that is asked for.
    pub kind: u16,
    /// 0 for success, [`NXDOMAIN`], …
    pub code: u8,
    /// The answers.
    pub answers: Vec<Record>,
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|l| !l.is_empty()) {
        let bytes = &label.as_bytes()[..label.len().min(63)];
        out.push(u8::try_from(bytes.len()).unwrap_or(63));
        out.extend_from_slice(bytes);
    }
    out.push(0);
}

fn put(out: &mut Vec<u8>, n: u16) {
    out.extend_from_slice(&n.to_be_bytes());
}

fn get(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// The name at `at`, and where what follows it begins.
fn get_name(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut end = None;
    for _ in 0..128 {
        let length = usize::from(*bytes.get(at)?);
        if length == 0 {
            return Some((labels.join("."), end.unwrap_or(at + 1)));
        }
        if length & 0xc0 == 0xc0 {
            end = end.or(Some(at + 2));
            at = usize::from(get(bytes, at)? & 0x3fff);
            continue;
        }
        labels.push(String::from_utf8_lossy(bytes.get(at + 1..at + 1 + length)?).into_owned());
        at += 1 + length;
    }
    None
}

impl Message {
    /// A question.
    pub fn query(id: u16, name: &str, kind: u16) -> Message {
        Message { id, name: name.trim_end_matches('.').into(), kind, ..Message::default() }
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.id);
        let flags = if self.response { 0x8580 | u16::from(self.code) } else { 0x0100 };
        put(&mut out, flags);
        put(&mut out, 1);
        put(&mut out, u16::try_from(self.answers.len()).unwrap_or(u16::MAX));
        put(&mut out, 0);
        put(&mut out, 0);
        put_name(&mut out, &self.name);
        put(&mut out, self.kind);
        put(&mut out, 1);
        for record in &self.answers {
            put_name(&mut out, &record.name);
            let mut data = Vec::new();
            let kind = match &record.data {
                Data::A(ip) => {
                    data.extend_from_slice(&ip.octets());
                    A
                }
                Data::Name(pointer, name) => {
                    put_name(&mut data, name);
                    if *pointer { PTR } else { CNAME }
                }
                Data::Srv(target, port) => {
                    put(&mut data, 0);
                    put(&mut data, 100);
                    put(&mut data, *port);
                    put_name(&mut data, target);
                    SRV
                }
            };
            put(&mut out, kind);
            put(&mut out, 1);
            out.extend_from_slice(&30_u32.to_be_bytes());
            put(&mut out, u16::try_from(data.len()).unwrap_or(u16::MAX));
            out.extend_from_slice(&data);
        }
        out
    }

    /// A message from its bytes; `None` if they are none, or have no question.
    pub fn decode(bytes: &[u8]) -> Option<Message> {
        let flags = get(bytes, 2)?;
        if get(bytes, 4)? == 0 {
            return None;
        }
        let (name, mut at) = get_name(bytes, 12)?;
        let kind = get(bytes, at)?;
        at += 4;
        let mut answers = Vec::new();
        for _ in 0..get(bytes, 6)? {
            let (owner, after) = get_name(bytes, at)?;
            let kind = get(bytes, after)?;
            let length = usize::from(get(bytes, after + 8)?);
            let data = bytes.get(after + 10..after + 10 + length)?;
            let data = match (kind, data) {
                (A, [a, b, c, d]) => Some(Data::A(Ipv4Addr::new(*a, *b, *c, *d))),
                (CNAME | PTR, _) => get_name(bytes, after + 10).map(|(n, _)| Data::Name(kind == PTR, n)),
                (SRV, _) => {
                    get_name(bytes, after + 16).zip(get(bytes, after + 14)).map(|((n, _), port)| Data::Srv(n, port))
                }
                _ => None,
            };
            answers.extend(data.map(|data| Record { name: owner, data }));
            at = after + 10 + length;
        }
        let code = u8::try_from(flags & 0xf).unwrap_or(0);
        Some(Message { id: get(bytes, 0)?, response: flags & 0x8000 != 0, name, kind, code, answers })
    }
}

impl Zone {
    fn domain(&self) -> &str {
        if self.domain.is_empty() { "cluster.local" } else { &self.domain }
    }

    /// The answer to a question.
    pub fn answer(&self, query: &Message) -> Message {
        let name = query.name.to_ascii_lowercase();
        let mut message = Message { response: true, answers: Vec::new(), code: 0, ..query.clone() };
        if name.ends_with(".in-addr.arpa") {
            let mut parts: Vec<&str> = name.trim_end_matches(".in-addr.arpa").split('.').collect();
            parts.reverse();
            let ip = parts.join(".").parse::<Ipv4Addr>().ok();
            let owner = ip.and_then(|ip| self.a.iter().find(|(_, all)| all.contains(&ip)));
            match owner {
                Some((owner, _)) => message.answers.push(Record { name, data: Data::Name(true, format!("{owner}.")) }),
                None => message.code = NXDOMAIN,
            }
            return message;
        }
        if let Some(other) = self.cname.get(&name) {
            message.answers.push(Record { name: name.clone(), data: Data::Name(false, other.clone()) });
        }
        let pod = self.pod_address(&name);
        let known =
            self.a.contains_key(&name) || self.srv.contains_key(&name) || pod.is_some() || !message.answers.is_empty();
        match query.kind {
            A => {
                let all = self.a.get(&name).cloned().unwrap_or_default().into_iter().chain(pod);
                message.answers.extend(all.map(|ip| Record { name: name.clone(), data: Data::A(ip) }));
            }
            SRV => {
                let all = self.srv.get(&name).cloned().unwrap_or_default();
                let record = |(target, port)| Record { name: name.clone(), data: Data::Srv(target, port) };
                message.answers.extend(all.into_iter().map(record));
            }
            _ => {}
        }
        let above = format!(".{name}");
        let inside = self.a.keys().any(|k| k.ends_with(&above));
        if !known && !inside {
            message.code = NXDOMAIN;
        }
        message
    }

    /// `10-244-1-2.default.pod.cluster.local` (CoreDNS's `pods insecure`).
    fn pod_address(&self, name: &str) -> Option<Ipv4Addr> {
        let rest = name.strip_suffix(&format!(".pod.{}", self.domain()))?;
        let (first, _) = rest.split_once('.')?;
        first.replace('-', ".").parse().ok()
    }

    /// Whether the name is the zone's own.
    pub fn owns(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        name.ends_with(&format!(".{}", self.domain())) || name == self.domain() || name.ends_with(".in-addr.arpa")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_answers_for_services_pods_and_addresses() {
        let ip = Ipv4Addr::new(10, 96, 0, 9);
        let zone = Zone {
            domain: "cluster.local".into(),
            a: [("web.default.svc.cluster.local".to_owned(), vec![ip])].into(),
            ..Zone::default()
        };
        let ask = |name: &str, kind| {
            let wire = zone.answer(&Message::query(7, name, kind)).encode();
            let answer = Message::decode(&wire).expect("well-formed");
            (answer.code, answer.answers.into_iter().map(|r| r.data).collect::<Vec<_>>())
        };
        assert_eq!(ask("Web.default.svc.cluster.local", A), (0, vec![Data::A(ip)]));
        assert_eq!(ask("web.default.svc.cluster.local", AAAA), (0, vec![]));
        assert_eq!(ask("nope.default.svc.cluster.local", A), (NXDOMAIN, vec![]));
        assert_eq!(ask("10-244-1-2.default.pod.cluster.local", A), (0, vec![Data::A(Ipv4Addr::new(10, 244, 1, 2))]));
        let name = Data::Name(true, "web.default.svc.cluster.local".into());
        assert_eq!(ask("9.0.96.10.in-addr.arpa", PTR), (0, vec![name]));
    }

    #[test]
    fn nonsense_is_no_message() {
        for bytes in [&b""[..], b"abc", &[0xff; 40], &[0; 12]] {
            assert_eq!(Message::decode(bytes), None);
        }
    }
}
