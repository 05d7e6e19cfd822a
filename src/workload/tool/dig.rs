//! `dig`. Models bind's dig 9.18 in what it asks and prints. Differs: UDP without EDNS only, one question at a time.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net::dns::{Message, Record, RecordData, RecordKind, ResponseCode, reverse_name};
use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::resolver::{Lookup, ResolvConf, Resolved, resolve};
use crate::workload::{Ctx, Fd, Input, NetEvent, NetOp, Spec};

/// The types that it can ask for by name.
const KINDS: [(&str, RecordKind); 6] = [
    ("A", RecordKind::A),
    ("AAAA", RecordKind::Aaaa),
    ("CNAME", RecordKind::Cname),
    ("PTR", RecordKind::Ptr),
    ("SOA", RecordKind::Soa),
    ("SRV", RecordKind::Srv),
];
/// How long it waits for an answer, and how often it asks.
const WAIT: Span = Span::secs(5);
const TRIES: u32 = 3;

/// `dig`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dig {
    args: String,
    name: String,
    kind: RecordKind,
    server: Option<String>,
    show: Show,
    bad: Option<String>,
    lookup: Option<Lookup>,
    asked: Option<Asked>,
}

/// Which parts it prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Show {
    short: bool,
    search: bool,
    command: bool,
    comments: bool,
    question: bool,
    answer: bool,
    authority: bool,
    stats: bool,
}

/// A question that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    fd: Fd,
    server: Ipv4Addr,
    names: Vec<String>,
    id: u16,
    at: Time,
    tries: u32,
}

impl Dig {
    /// The process that `spec` starts.
    pub fn new(spec: &Spec) -> Dig {
        let all = Show {
            short: false,
            search: false,
            command: true,
            comments: true,
            question: true,
            answer: true,
            authority: true,
            stats: true,
        };
        let mut dig = Dig {
            args: spec.argv[1..].join(" "),
            name: String::new(),
            kind: RecordKind::A,
            server: None,
            show: all,
            bad: None,
            lookup: None,
            asked: None,
        };
        let mut args = spec.argv[1..].iter();
        while let Some(arg) = args.next() {
            let kind = KINDS.iter().find(|(word, _)| arg.eq_ignore_ascii_case(word)).map(|(_, kind)| *kind);
            match (arg.as_str(), kind) {
                (_, Some(kind)) => dig.kind = kind,
                ("IN" | "-4" | "-u", _) => {}
                ("-t", _) => {
                    let word = args.next().map_or("", String::as_str);
                    match KINDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)) {
                        Some((_, kind)) => dig.kind = *kind,
                        None => dig.bad = Some(format!(";; Warning, ignoring invalid type {word}\n")),
                    }
                }
                ("-x", _) => match args.next().and_then(|ip| ip.parse().ok()) {
                    Some(ip) => (dig.name, dig.kind) = (reverse_name(ip), RecordKind::Ptr),
                    None => dig.bad = Some("dig: couldn't get address\n".to_owned()),
                },
                (word, _) if word.starts_with('+') => dig.flag(&word[1..]),
                (word, _) if word.starts_with('@') => dig.server = Some(word[1..].to_owned()),
                (word, _) if word.starts_with('-') => {
                    dig.bad = Some(format!(
                        "Invalid option: {word}\nUsage:  dig [@global-server] [domain] [q-type] {{d-opt}}\n"
                    ));
                }
                (word, _) => dig.name = word.to_owned(),
            }
        }
        dig
    }

    fn flag(&mut self, word: &str) {
        let (name, on) = word.strip_prefix("no").map_or((word, true), |name| (name, false));
        let show = &mut self.show;
        match name {
            "short" => show.short = on,
            "search" => show.search = on,
            "cmd" => show.command = on,
            "comments" => show.comments = on,
            "question" => show.question = on,
            "answer" => show.answer = on,
            "authority" => show.authority = on,
            "stats" => show.stats = on,
            "all" => {
                *show = Show { comments: on, question: on, answer: on, authority: on, stats: on, command: on, ..*show };
            }
            "edns" | "recurse" | "cookie" | "additional" => {}
            _ if name.starts_with("time=") || name.starts_with("tries=") => {}
            _ => {
                self.bad =
                    Some(format!("Invalid option: +{word}\nUsage:  dig [@global-server] [domain] [q-type] {{d-opt}}\n"))
            }
        }
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(words) = &self.bad {
            ctx.eprint(words);
            return ctx.exit(1);
        }
        match self.server.clone() {
            Some(server) => {
                let resolved = resolve(&server, ctx);
                self.resolved(resolved, ctx);
            }
            None => match ResolvConf::read(ctx).server {
                Some(server) => self.begin(server, ctx),
                None => self.nobody(Ipv4Addr::LOCALHOST, "connection refused", ctx),
            },
        }
    }

    fn resolved(&mut self, resolved: Resolved, ctx: &mut Ctx<'_>) {
        self.lookup = None;
        match resolved {
            Resolved::Wait(lookup) => self.lookup = Some(lookup),
            Resolved::Address(server) => self.begin(server, ctx),
            _ => {
                let server = self.server.clone().unwrap_or_default();
                ctx.eprint(format!("dig: couldn't get address for '{server}': not found\n"));
                ctx.exit(10);
            }
        }
    }

    fn begin(&mut self, server: Ipv4Addr, ctx: &mut Ctx<'_>) {
        let names = if self.show.search {
            ResolvConf::read(ctx).candidates(&self.name)
        } else {
            vec![self.name.trim_end_matches('.').to_owned()]
        };
        let fd = ctx.fd();
        ctx.net(NetOp::Bind { fd, port: 0 });
        self.asked = Some(Asked { fd, server, names, id: 0, at: ctx.now, tries: 0 });
        self.ask(ctx);
    }

    fn ask(&mut self, ctx: &mut Ctx<'_>) {
        let Some(asked) = self.asked.as_mut() else { return };
        let name = asked.names.first().cloned().unwrap_or_default();
        asked.id = u16::try_from(ctx.rng.below(65_536)).unwrap_or(0);
        asked.at = ctx.now;
        match Message::query(asked.id, &name, self.kind).to_bytes() {
            Ok(bytes) => ctx.net(NetOp::SendTo { fd: asked.fd, to: SocketAddrV4::new(asked.server, 53), bytes }),
            Err(_) => {
                ctx.eprint(format!("dig: '{name}' is not a legal IDNA2008 name (string contains a disallowed character), use +noidnin\n"));
                ctx.exit(10);
            }
        }
    }

    fn answered(&mut self, answer: &Message, size: usize, ctx: &mut Ctx<'_>) {
        let Some(asked) = self.asked.as_mut() else { return };
        if asked.names.len() > 1 && answer.answers.is_empty() {
            asked.names.remove(0);
            return self.ask(ctx);
        }
        let (server, took) = (asked.server, ctx.now.since(asked.at));
        let text = if self.show.short {
            answer.answers.iter().map(|record| data(&record.data) + "\n").collect()
        } else {
            self.text(answer, server, took, size, ctx)
        };
        ctx.print(text);
        ctx.exit(0);
    }

    fn text(&self, answer: &Message, server: Ipv4Addr, took: Span, size: usize, ctx: &Ctx<'_>) -> String {
        let mut text = String::new();
        if self.show.command {
            text += &format!("\n; <<>> DiG 9.18.24 <<>> {}\n;; global options: +cmd\n", self.args);
        }
        if self.show.comments {
            text += &header(answer);
        }
        if self.show.question {
            let questions = answer
                .questions
                .iter()
                .map(|q| columns(&[(0, format!(";{}.", q.name)), (32, "IN".into()), (40, kind(q.kind))]) + "\n");
            let title = if self.show.comments { ";; QUESTION SECTION:\n" } else { "" };
            text += &format!("{title}{}\n", questions.collect::<String>());
        }
        let sections =
            [("ANSWER", self.show.answer, &answer.answers), ("AUTHORITY", self.show.authority, &answer.authority)];
        for (title, shown, records) in sections {
            if shown && !records.is_empty() {
                let title = if self.show.comments { format!(";; {title} SECTION:\n") } else { String::new() };
                text += &format!("{title}{}\n", records.iter().map(line).collect::<String>());
            }
        }
        if self.show.stats {
            let when = crate::api::Timestamp(ctx.unix());
            text += &format!(
                ";; Query time: {} msec\n;; SERVER: {server}#53({server}) (UDP)\n;; WHEN: {}\n;; MSG SIZE  rcvd: {size}\n\n",
                took.as_millis(),
                date(&when.to_string(), when.0)
            );
        }
        text
    }

    fn again(&mut self, why: &str, ctx: &mut Ctx<'_>) {
        let Some(asked) = self.asked.as_mut() else { return };
        asked.tries += 1;
        let server = asked.server;
        if asked.tries >= TRIES {
            return self.nobody(server, why, ctx);
        }
        ctx.print(format!(";; communications error to {server}#53: {why}\n"));
        self.ask(ctx);
    }

    fn nobody(&self, server: Ipv4Addr, why: &str, ctx: &mut Ctx<'_>) {
        let args = &self.args;
        ctx.print(format!(
            ";; communications error to {server}#53: {why}\n\n; <<>> DiG 9.18.24 <<>> {args}\n;; global options: +cmd\n;; no servers could be reached\n\n"
        ));
        ctx.exit(9);
    }
}

fn header(answer: &Message) -> String {
    let mut text = ";; Got answer:\n".to_owned();
    if answer.questions.iter().any(|q| q.name.ends_with(".local")) {
        text += ";; WARNING: .local is reserved for Multicast DNS\n;; You are currently testing what happens when an mDNS query is leaked to DNS\n";
    }
    text += &format!(";; ->>HEADER<<- opcode: QUERY, status: {}, id: {}\n", answer.code.word(), answer.id);
    let flags = [
        ("qr", answer.response),
        ("aa", answer.authoritative),
        ("rd", answer.recursion_desired),
        ("ra", answer.recursion_available),
    ];
    let flags: String = flags.iter().filter(|(_, on)| *on).map(|(word, _)| format!(" {word}")).collect();
    text += &format!(
        ";; flags:{flags}; QUERY: {}, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {}\n",
        answer.questions.len(),
        answer.answers.len(),
        answer.authority.len(),
        answer.additional.len()
    );
    if answer.recursion_desired && !answer.recursion_available && answer.code != ResponseCode::Refused {
        text += ";; WARNING: recursion requested but not available\n";
    }
    text + "\n"
}

/// Words, each from its column on, behind tabs; behind a blank if the column is past.
fn columns(words: &[(usize, String)]) -> String {
    let mut text = String::new();
    let mut at = 0;
    for (column, word) in words {
        if at >= *column && at > 0 {
            text.push(' ');
            at += 1;
        }
        while at < *column {
            text.push('\t');
            at = (at / 8 + 1) * 8;
        }
        text += word;
        at += word.len();
    }
    text
}

fn line(record: &Record) -> String {
    let words = [
        (0, format!("{}.", record.name)),
        (24, record.ttl.to_string()),
        (32, "IN".to_owned()),
        (40, kind(record.data.kind())),
        (48, data(&record.data)),
    ];
    columns(&words) + "\n"
}

fn kind(kind: RecordKind) -> String {
    let known = KINDS.iter().find(|(_, known)| *known == kind);
    known.map_or_else(|| format!("TYPE{}", kind.number()), |(word, _)| (*word).to_owned())
}

fn data(data: &RecordData) -> String {
    match data {
        RecordData::A(ip) => ip.to_string(),
        RecordData::Cname(name) | RecordData::Ptr(name) => format!("{name}."),
        RecordData::Srv { priority, weight, port, target } => format!("{priority} {weight} {port} {target}."),
        RecordData::Soa { server, mailbox, numbers: [a, b, c, d, e] } => {
            format!("{server}. {mailbox}. {a} {b} {c} {d} {e}")
        }
        RecordData::Other(_, bytes) => {
            format!("\\# {} {}", bytes.len(), bytes.iter().map(|b| format!("{b:02X}")).collect::<String>())
        }
    }
}

/// `Thu Jan 01 00:00:07 UTC 2026`, of `2026-01-01T00:00:07Z`.
fn date(text: &str, unix: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().unwrap_or(1);
    let day = usize::try_from(unix.div_euclid(86_400).rem_euclid(7)).unwrap_or(0);
    format!("{} {} {} {} UTC {}", DAYS[day], MONTHS[(month + 11) % 12], part(8, 10), part(11, 19), part(0, 4))
}

impl Program for Dig {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let own = self.asked.as_ref().map(|asked| (asked.fd, asked.id));
        match input {
            Input::Start => self.start(ctx),
            Input::Net(event) => {
                if let Some(lookup) = self.lookup.take() {
                    let resolved = lookup.event(&event, ctx);
                    return self.resolved(resolved, ctx);
                }
                match event {
                    NetEvent::Datagram { fd, bytes, .. } => {
                        let answer = Message::parse(&bytes).filter(|m| m.response && own == Some((fd, m.id)));
                        if let Some(answer) = answer {
                            self.answered(&answer, bytes.len(), ctx);
                        }
                    }
                    NetEvent::Failed { fd, error } if own.is_some_and(|(known, _)| known == fd) => {
                        self.again(&error.to_string().to_lowercase(), ctx);
                    }
                    _ => {}
                }
            }
            Input::Timer => {
                if let Some(lookup) = self.lookup.take() {
                    let resolved = lookup.timer(ctx);
                    return self.resolved(resolved, ctx);
                }
                if self.asked.as_ref().is_some_and(|asked| asked.at + WAIT <= ctx.now) {
                    self.again("timed out", ctx);
                }
            }
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        let asked = self.asked.as_ref().map(|asked| asked.at + WAIT);
        self.lookup.as_ref().map(Lookup::wake_at).or(asked)
    }
}
