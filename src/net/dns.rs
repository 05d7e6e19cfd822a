//! DNS messages: building and reading what goes over port 53.
//!
//! Models RFC 1035 with the record types that a cluster serves: A, AAAA (asked for, never answered), CNAME, PTR, SOA, SRV. A
//! name is text without the last dot. When writing, a name that was written before becomes a pointer to it.

use crate::sim::VecMap;
use std::net::Ipv4Addr;

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Message {
    /// Identifier, the same in question and answer.
    pub id: u16,
    /// Whether it is an answer.
    pub response: bool,
    /// Whether the server answers for the zone.
    pub authoritative: bool,
    /// Whether the client wants the server to ask on.
    pub recursion_desired: bool,
    /// Whether the server would.
    pub recursion_available: bool,
    /// How it went.
    pub code: ResponseCode,
    /// What is asked.
    pub questions: Vec<Question>,
    /// The answers.
    pub answers: Vec<Record>,
    /// Who would know (the SOA of a negative answer).
    pub authority: Vec<Record>,
    /// What helps (the addresses of an SRV answer).
    pub additional: Vec<Record>,
}

/// How a question went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResponseCode {
    /// There is such a name.
    #[default]
    NoError,
    /// The question makes no sense.
    FormErr,
    /// The server could not find out.
    ServFail,
    /// There is no such name.
    NxDomain,
    /// Not done here.
    NotImp,
    /// Not told.
    Refused,
}

impl ResponseCode {
    const ALL: [ResponseCode; 6] = [
        ResponseCode::NoError,
        ResponseCode::FormErr,
        ResponseCode::ServFail,
        ResponseCode::NxDomain,
        ResponseCode::NotImp,
        ResponseCode::Refused,
    ];

    /// The word that `nslookup` and `dig` print.
    pub fn word(self) -> &'static str {
        match self {
            ResponseCode::NoError => "NOERROR",
            ResponseCode::FormErr => "FORMERR",
            ResponseCode::ServFail => "SERVFAIL",
            ResponseCode::NxDomain => "NXDOMAIN",
            ResponseCode::NotImp => "NOTIMP",
            ResponseCode::Refused => "REFUSED",
        }
    }

    fn number(self) -> u16 {
        u16::try_from(ResponseCode::ALL.iter().position(|c| *c == self).unwrap_or(0)).unwrap_or(0)
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// About which name.
    pub name: String,
    /// What about it.
    pub kind: RecordKind,
}

/// The type of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name.
    Cname,
    /// The name of an address.
    Ptr,
    /// The head of a zone.
    Soa,
    /// Host and port of a service.
    Srv,
    /// Anything else, by its number.
    Other(u16),
}

impl RecordKind {
    const KNOWN: [(RecordKind, u16); 6] = [
        (RecordKind::A, 1),
        (RecordKind::Cname, 5),
        (RecordKind::Soa, 6),
        (RecordKind::Ptr, 12),
        (RecordKind::Aaaa, 28),
        (RecordKind::Srv, 33),
    ];

    /// Its number.
    pub fn number(self) -> u16 {
        match self {
            RecordKind::Other(n) => n,
            known => RecordKind::KNOWN.iter().find(|(k, _)| *k == known).map_or(0, |(_, n)| *n),
        }
    }

    /// The type with that number.
    pub fn of_number(n: u16) -> RecordKind {
        RecordKind::KNOWN.iter().find(|(_, known)| *known == n).map_or(RecordKind::Other(n), |(k, _)| *k)
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// About which name.
    pub name: String,
    /// How long it may be remembered, in seconds.
    pub ttl: u32,
    /// What it says.
    pub data: RecordData,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RecordData {
    /// An address.
    A(Ipv4Addr),
    /// Another name.
    Cname(String),
    /// The name of an address.
    Ptr(String),
    /// Where a service is.
    Srv {
        /// The lower, the sooner to be tried.
        priority: u16,
        /// The share among those of one priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: String,
    },
    /// The head of a zone.
    Soa {
        /// The first server.
        server: String,
        /// Whom to write to.
        mailbox: String,
        /// Serial, refresh, retry, expire, minimum.
        numbers: [u32; 5],
    },
    /// Anything else, as bytes.
    Other(u16, Vec<u8>),
}

impl RecordData {
    /// Its type.
    pub fn kind(&self) -> RecordKind {
        match self {
            RecordData::A(_) => RecordKind::A,
            RecordData::Cname(_) => RecordKind::Cname,
            RecordData::Ptr(_) => RecordKind::Ptr,
            RecordData::Srv { .. } => RecordKind::Srv,
            RecordData::Soa { .. } => RecordKind::Soa,
            RecordData::Other(n, _) => RecordKind::Other(*n),
        }
    }
}

/// The name under which the name of an address is asked for: `2.1.244.10.in-addr.arpa`.
pub fn reverse_name(ip: Ipv4Addr) -> String {
    let [a, b, c, d] = ip.octets();
    format!("{d}.{c}.{b}.{a}.in-addr.arpa")
}

/// A name cannot be written: a part of it is empty or longer than 63 bytes, or all of it is longer than 253.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName;

impl Message {
    /// A question as a resolver sends it.
    pub fn query(id: u16, name: &str, kind: RecordKind) -> Message {
        let questions = vec![Question { name: name.to_owned(), kind }];
        Message { id, recursion_desired: true, questions, ..Message::default() }
    }

    /// An answer to it with the same identifier and questions.
    pub fn reply(&self, code: ResponseCode, answers: Vec<Record>) -> Message {
        Message {
            response: true,
            authoritative: true,
            code,
            answers,
            authority: Vec::new(),
            additional: Vec::new(),
            ..self.clone()
        }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BadName> {
        let flag = |on: bool, bit: u16| u16::from(on) << bit;
        let flags = flag(self.response, 15)
            | flag(self.authoritative, 10)
            | flag(self.recursion_desired, 8)
            | flag(self.recursion_available, 7)
            | self.code.number();
        let mut writer = Writer::default();
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let sections = [&self.answers, &self.authority, &self.additional];
        writer.u16(self.id);
        writer.u16(flags);
        writer.u16(count(self.questions.len()));
        sections.iter().for_each(|s| writer.u16(count(s.len())));
        for question in &self.questions {
            writer.name(&question.name)?;
            writer.u16(question.kind.number());
            writer.u16(1);
        }
        sections.into_iter().flatten().try_for_each(|record| writer.record(record))?;
        Ok(writer.bytes)
    }

    /// Reads a message; `None` if it is malformed.
    pub fn parse(bytes: &[u8]) -> Option<Message> {
        let mut reader = Reader { bytes, at: 0 };
        let (id, flags) = (reader.u16()?, reader.u16()?);
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        let set = |bit: u16| flags >> bit & 1 == 1;
        let code = *ResponseCode::ALL.get(usize::from(flags & 0xf))?;
        let questions = (0..counts[0]).map(|_| reader.question()).collect::<Option<_>>()?;
        let mut section = |n: u16| (0..n).map(|_| reader.record()).collect::<Option<Vec<_>>>();
        Some(Message {
            id,
            response: set(15),
            authoritative: set(10),
            recursion_desired: set(8),
            recursion_available: set(7),
            code,
            questions,
            answers: section(counts[1])?,
            authority: section(counts[2])?,
            additional: section(counts[3])?,
        })
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    /// Where each name (and each ending of it) was written.
    names: VecMap<String, u16>,
}

impl Writer {
    fn u16(&mut self, n: u16) {
        self.bytes.extend_from_slice(&n.to_be_bytes());
    }

    fn u32(&mut self, n: u32) {
        self.bytes.extend_from_slice(&n.to_be_bytes());
    }

    fn name(&mut self, name: &str) -> Result<(), BadName> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.len() > 253 {
            return Err(BadName);
        }
        let mut rest = name;
        while !rest.is_empty() {
            if let Some(at) = self.names.get(rest) {
                self.u16(0xc000 | at);
                return Ok(());
            }
            if let Some(at) = u16::try_from(self.bytes.len()).ok().filter(|at| *at < 0x4000) {
                self.names.insert(rest.to_owned(), at);
            }
            let (label, tail) = rest.split_once('.').unwrap_or((rest, ""));
            let len = u8::try_from(label.len()).ok().filter(|n| (1..=63).contains(n)).ok_or(BadName)?;
            self.bytes.push(len);
            self.bytes.extend_from_slice(label.as_bytes());
            rest = tail;
        }
        self.bytes.push(0);
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), BadName> {
        self.name(&record.name)?;
        self.u16(record.data.kind().number());
        self.u16(1);
        self.u32(record.ttl);
        let len_at = self.bytes.len();
        self.u16(0);
        match &record.data {
            RecordData::A(ip) => self.bytes.extend_from_slice(&ip.octets()),
            RecordData::Cname(name) | RecordData::Ptr(name) => self.name(name)?,
            RecordData::Srv { priority, weight, port, target } => {
                [priority, weight, port].into_iter().for_each(|n| self.u16(*n));
                self.name(target)?;
            }
            RecordData::Soa { server, mailbox, numbers } => {
                self.name(server)?;
                self.name(mailbox)?;
                numbers.iter().for_each(|n| self.u32(*n));
            }
            RecordData::Other(_, bytes) => self.bytes.extend_from_slice(bytes),
        }
        let len = u16::try_from(self.bytes.len() - len_at - 2).map_err(|_| BadName)?;
        self.bytes[len_at..len_at + 2].copy_from_slice(&len.to_be_bytes());
        Ok(())
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn u16(&mut self) -> Option<u16> {
        let b = self.bytes.get(self.at..self.at + 2)?;
        self.at += 2;
        Some(u16::from_be_bytes([b[0], b[1]]))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut end) = (self.at, None);
        // A pointer leads back only, so this ends.
        loop {
            let len = usize::from(*self.bytes.get(at)?);
            match len {
                0 => {
                    self.at = end.unwrap_or(at + 1);
                    return Some(name);
                }
                1..=63 => {
                    let label = self.bytes.get(at + 1..at + 1 + len)?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(std::str::from_utf8(label).ok()?);
                    at += 1 + len;
                }
                0xc0.. => {
                    let to = (len & 0x3f) << 8 | usize::from(*self.bytes.get(at + 1)?);
                    end = end.or(Some(at + 2));
                    if to >= at {
                        return None;
                    }
                    at = to;
                }
                _ => return None,
            }
            if name.len() > 255 {
                return None;
            }
        }
    }

    fn question(&mut self) -> Option<Question> {
        let (name, kind, _class) = (self.name()?, RecordKind::of_number(self.u16()?), self.u16()?);
        Some(Question { name, kind })
    }

    fn record(&mut self) -> Option<Record> {
        let (name, kind, _class) = (self.name()?, RecordKind::of_number(self.u16()?), self.u16()?);
        let (ttl, len) = (self.u32()?, usize::from(self.u16()?));
        let end = self.at + len;
        let bytes = self.bytes.get(self.at..end)?;
        let data = match kind {
            RecordKind::A => RecordData::A(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
            RecordKind::Cname => RecordData::Cname(self.name()?),
            RecordKind::Ptr => RecordData::Ptr(self.name()?),
            RecordKind::Srv => {
                let (priority, weight, port) = (self.u16()?, self.u16()?, self.u16()?);
                RecordData::Srv { priority, weight, port, target: self.name()? }
            }
            RecordKind::Soa => {
                let (server, mailbox) = (self.name()?, self.name()?);
                let numbers = [self.u32()?, self.u32()?, self.u32()?, self.u32()?, self.u32()?];
                RecordData::Soa { server, mailbox, numbers }
            }
            other => RecordData::Other(other.number(), bytes.to_vec()),
        };
        self.at = end;
        Some(Record { name, ttl, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Message {
        let name = "web.default.svc.cluster.local".to_owned();
        let srv = "_http._tcp.web.default.svc.cluster.local".to_owned();
        let record = |name: &String, data| Record { name: name.clone(), ttl: 30, data };
        let numbers = [1, 7200, 1800, 86_400, 30];
        let (server, mailbox) = ("ns.dns.cluster.local".to_owned(), "hostmaster.cluster.local".to_owned());
        Message {
            recursion_available: true,
            authority: vec![record(&"cluster.local".to_owned(), RecordData::Soa { server, mailbox, numbers })],
            additional: vec![record(&srv, RecordData::Other(16, b"\x02hi".to_vec()))],
            ..Message::query(7, &name, RecordKind::A).reply(
                ResponseCode::NxDomain,
                vec![
                    record(&name, RecordData::A(Ipv4Addr::new(10, 96, 0, 10))),
                    record(&name, RecordData::Cname("other.example.com".to_owned())),
                    record(&srv, RecordData::Srv { priority: 0, weight: 100, port: 80, target: name.clone() }),
                    record(&reverse_name(Ipv4Addr::new(10, 244, 1, 2)), RecordData::Ptr(name.clone())),
                ],
            )
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for message in [Message::query(1, "kubernetes", RecordKind::Aaaa), full()] {
            let bytes = message.to_bytes().expect("sound names");
            assert_eq!(Message::parse(&bytes), Some(message));
        }
        assert_eq!(reverse_name(Ipv4Addr::new(10, 244, 1, 2)), "2.1.244.10.in-addr.arpa");
    }

    #[test]
    fn a_query_has_these_very_bytes() {
        let bytes = Message::query(0x1234, "a.bc", RecordKind::A).to_bytes().expect("a sound name");
        assert_eq!(bytes, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x02bc\x00\x00\x01\x00\x01");
    }

    #[test]
    fn what_is_cut_or_leads_in_circles_is_refused() {
        let bytes = full().to_bytes().expect("sound names");
        for len in 0..bytes.len() {
            assert_eq!(Message::parse(&bytes[..len]), None, "{len}");
        }
        let circle = b"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01";
        assert_eq!(Message::parse(circle), None);
    }

    #[test]
    fn a_bad_name_is_not_written() {
        for name in ["a..b", &"x".repeat(64), &"abc.".repeat(70)] {
            assert_eq!(Message::query(1, name, RecordKind::A).to_bytes(), Err(BadName), "{name}");
        }
    }
}
