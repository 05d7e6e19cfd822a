//! How answers are shown, and the simple form of it.
//!
//! Models `printer.go` and `printer_simple.go` in `etcdctl/ctlv3/command` (etcd 3.6).

use std::fmt::Write as _;

use crate::etcd::{
    Alarm, Body, Event, Found, HashKv, Header, KeyValue, LeaseId, LeaseLife, MemberInfo, Payload, Reply, Status,
};
use crate::etcdctl::plan::{Refusal, exit, refuse};
use crate::etcdctl::{fields, golang, json, table};
use crate::sim::Span;

/// The form of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Keys and values, a line each.
    Simple,
    /// JSON, keys and values in base64.
    Json,
    /// A field a line.
    Fields,
    /// A table; only of endpoints and members.
    Table,
    /// Protobuf; not simulated.
    Protobuf,
}

/// The flags that say how answers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Display {
    /// The form.
    pub format: Format,
    /// Whether keys and values are in hexadecimal.
    pub hex: bool,
    /// Whether only values are shown.
    pub value_only: bool,
    /// Whether only the count was asked for.
    pub count_only: bool,
}

/// What an answer answers, with what its text needs to know of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// `get`
    Get,
    /// `put`
    Put,
    /// `del`
    Del,
    /// `txn`
    Txn,
    /// `compaction`, with the revision
    Compact(i64),
    /// `lease grant`
    LeaseGrant,
    /// `lease revoke`
    LeaseRevoke(LeaseId),
    /// `lease timetolive`
    LeaseTimeToLive {
        /// Whether keys were asked for.
        keys: bool,
    },
    /// `lease keep-alive --once`
    LeaseKeepAlive,
    /// `lease list`
    LeaseList,
    /// `member list`
    MemberList,
    /// `member add`
    MemberAdd,
    /// `member promote`, with the member
    MemberPromote(u64),
    /// `member remove`, with the member
    MemberRemove(u64),
    /// `member update`, with the member
    MemberUpdate(u64),
    /// `alarm list` and `alarm disarm`
    Alarm,
    /// `move-leader`, with the member that shall lead.
    MoveLeader(u64),
}

/// How an endpoint's health was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checked {
    /// Where.
    pub endpoint: String,
    /// How long the answer took.
    pub took: Span,
    /// What went wrong.
    pub error: Option<String>,
}

/// How an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointStatus {
    /// Where.
    pub endpoint: String,
    /// Who answered.
    pub header: Header,
    /// What it said.
    pub status: Status,
}

/// The hash of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointHash {
    /// Where.
    pub endpoint: String,
    /// Who answered.
    pub header: Header,
    /// What it said.
    pub hash: HashKv,
}

impl Display {
    /// The text of `reply`.
    pub fn reply<V: Payload>(self, subject: Subject, reply: &Reply<V>) -> Result<String, Refusal> {
        if self.count_only && self.format != Format::Fields {
            return refuse(exit::BAD_ARGS, "--count-only is only for `--write-out=fields`");
        }
        if self.value_only && self.format != Format::Simple {
            return refuse(exit::BAD_ARGS, "print-value-only is only for `--write-out=simple`");
        }
        if let Subject::Compact(revision) = subject {
            return Ok(format!("compacted revision {revision}\n"));
        }
        match (self.format, &reply.body) {
            (Format::Simple, Body::MemberAdd { member, .. }) => {
                let learner = if member.is_learner { " as learner " } else { " " };
                Ok(format!("Member {:>16x} added{learner}to cluster {:>16x}\n", member.id, reply.header.cluster_id))
            }
            (Format::Simple, Body::MembersChanged(_)) => {
                let (id, done) = match subject {
                    Subject::MemberPromote(id) => (id, "promoted in"),
                    Subject::MemberRemove(id) => (id, "removed from"),
                    Subject::MemberUpdate(id) => (id, "updated in"),
                    _ => return Ok(String::new()),
                };
                Ok(format!("Member {id:>16x} {done} cluster {:>16x}\n", reply.header.cluster_id))
            }
            (Format::Simple, body) => Ok(self.simple(subject, body)),
            (Format::Json, _) => Ok(json::reply(reply) + "\n"),
            (Format::Fields, _) => Ok(fields::reply(reply)),
            (Format::Table, Body::MemberList(members)) => Ok(table::members(members)),
            (Format::Table, _) => refuse(exit::BAD_FEATURE, "table not supported as output format"),
            (Format::Protobuf, _) => self.refuse_protobuf(),
        }
    }

    /// The text of watch events.
    pub fn events<V: Payload>(self, header: &Header, events: &[Event<V>]) -> Result<String, Refusal> {
        match self.format {
            Format::Simple => Ok(events.iter().map(|event| self.event(event)).collect()),
            Format::Json => Ok(json::events(header, events) + "\n"),
            Format::Fields => Ok(fields::events(header, events)),
            Format::Table => refuse(exit::BAD_FEATURE, "table not supported as output format"),
            Format::Protobuf => self.refuse_protobuf(),
        }
    }

    /// The text of endpoints' health: what goes to stdout, and what to stderr.
    pub fn health(self, checked: &[Checked]) -> Result<(String, String), Refusal> {
        let text = match self.format {
            Format::Simple => {
                let mut texts = (String::new(), String::new());
                for check in checked {
                    let (endpoint, took) = (&check.endpoint, golang::duration(check.took));
                    match &check.error {
                        None => line(
                            &mut texts.0,
                            format_args!("{endpoint} is healthy: successfully committed proposal: took = {took}"),
                        ),
                        Some(e) => {
                            line(&mut texts.1, format_args!("{endpoint} is unhealthy: failed to commit proposal: {e}"))
                        }
                    }
                }
                return Ok(texts);
            }
            Format::Json => json::health(checked) + "\n",
            Format::Fields => fields::health(checked),
            Format::Table => table::health(checked),
            Format::Protobuf => return self.refuse_protobuf(),
        };
        Ok((text, String::new()))
    }

    /// The text of endpoints' states.
    pub fn statuses(self, statuses: &[EndpointStatus]) -> Result<String, Refusal> {
        match self.format {
            Format::Simple => {
                let rows = statuses.iter().map(table::status_row);
                Ok(rows.map(|row| row.join(", ") + "\n").collect())
            }
            Format::Json => Ok(json::statuses(statuses) + "\n"),
            Format::Fields => Ok(fields::statuses(statuses)),
            Format::Table => Ok(table::statuses(statuses)),
            Format::Protobuf => self.refuse_protobuf(),
        }
    }

    /// The text of endpoints' hashes.
    pub fn hashes(self, hashes: &[EndpointHash]) -> Result<String, Refusal> {
        match self.format {
            Format::Simple => Ok(hashes.iter().map(|of| table::hash_row(of).join(", ") + "\n").collect()),
            Format::Json => Ok(json::hashes(hashes) + "\n"),
            Format::Fields => Ok(fields::hashes(hashes)),
            Format::Table => Ok(table::hashes(hashes)),
            Format::Protobuf => self.refuse_protobuf(),
        }
    }

    fn refuse_protobuf<T>(self) -> Result<T, Refusal> {
        refuse(exit::BAD_FEATURE, "only support simple or json as output format")
    }

    fn simple<V: Payload>(self, subject: Subject, body: &Body<V>) -> String {
        let mut out = String::new();
        match body {
            Body::Range(range) => match &range.found {
                Found::Full(kvs) => kvs.iter().for_each(|kv| self.kv(&mut out, kv)),
                Found::Keys(keys) => keys.iter().for_each(|key| self.pair(&mut out, &key.key, "")),
                Found::Count => {}
            },
            Body::Put { prev } => {
                out += "OK\n";
                prev.iter().for_each(|kv| self.kv(&mut out, kv));
            }
            Body::Delete { deleted, prev } => {
                line(&mut out, format_args!("{deleted}"));
                prev.iter().for_each(|kv| self.kv(&mut out, kv));
            }
            Body::Txn(txn) => {
                out += if txn.succeeded { "SUCCESS\n" } else { "FAILURE\n" };
                for response in &txn.responses {
                    out += "\n";
                    out += &self.simple(subject, response);
                }
            }
            Body::LeaseGrant { id, ttl } => {
                line(&mut out, format_args!("lease {id} granted with TTL({}s)", ttl.as_secs()))
            }
            Body::LeaseRevoke => {
                if let Subject::LeaseRevoke(id) = subject {
                    line(&mut out, format_args!("lease {id} revoked"));
                }
            }
            Body::LeaseKeepAlive { id, ttl } => out += &kept_alive(*id, ttl.unwrap_or_default()),
            Body::LeaseTimeToLive { id, life } => out += &life_of(*id, life.as_ref(), subject),
            Body::LeaseList(leases) => {
                line(&mut out, format_args!("found {} leases", leases.len()));
                leases.iter().for_each(|id| line(&mut out, format_args!("{id}")));
            }
            Body::MemberList(members) => {
                members.iter().for_each(|member| out += &(member_row(member).join(", ") + "\n"))
            }
            Body::MoveLeader { from } => {
                if let Subject::MoveLeader(to) = subject {
                    line(&mut out, format_args!("Leadership transferred from {from:x} to {to:x}"));
                }
            }
            Body::Alarms(members) => {
                let shown = |(id, alarm): &(u64, Alarm)| format!("memberID:{id} alarm:{} \n", alarm.name());
                members.iter().for_each(|alarm| out += &shown(alarm));
            }
            Body::Compact
            | Body::HashKv(_)
            | Body::Snapshot(_)
            | Body::Defragment
            | Body::WatchCreate(_)
            | Body::WatchCancel(_)
            | Body::WatchProgress
            | Body::MemberAdd { .. }
            | Body::MembersChanged(_)
            | Body::Status(_) => {}
        }
        out
    }

    fn event<V: Payload>(self, event: &Event<V>) -> String {
        let mut out = String::from(if event.is_put() { "PUT\n" } else { "DELETE\n" });
        if let Some(prev) = event.prev() {
            self.kv(&mut out, prev);
        }
        match event {
            Event::Put { kv, .. } => self.kv(&mut out, kv),
            Event::Delete { key, .. } => self.pair(&mut out, key, ""),
        }
        out
    }

    fn kv<V: Payload>(self, out: &mut String, kv: &KeyValue<V>) {
        self.pair(out, &kv.key, &kv.value.text());
    }

    fn pair(self, out: &mut String, key: &str, value: &str) {
        let shown = |text: &str| if self.hex { hex(text) } else { text.to_string() };
        if !self.value_only {
            line(out, format_args!("{}", shown(key)));
        }
        line(out, format_args!("{}", shown(value)));
    }
}

/// The line of a lease that was kept alive.
pub fn kept_alive(id: LeaseId, ttl: Span) -> String {
    format!("lease {id} keepalived with TTL({})\n", ttl.as_secs())
}

/// The columns of a member.
pub fn member_row(member: &MemberInfo) -> Vec<String> {
    let status = if member.name.is_empty() { "unstarted" } else { "started" };
    vec![
        format!("{:x}", member.id),
        status.into(),
        member.name.clone(),
        member.peer_urls.join(","),
        member.client_urls.join(","),
        member.is_learner.to_string(),
    ]
}

fn life_of(id: LeaseId, life: Option<&LeaseLife>, subject: Subject) -> String {
    let Some(life) = life else { return format!("lease {id} already expired\n") };
    let (granted, remaining) = (life.granted.as_secs(), life.remaining.as_secs());
    let keys = match subject {
        Subject::LeaseTimeToLive { keys: true } => format!(", attached keys([{}])", life.keys.join(" ")),
        _ => String::new(),
    };
    format!("lease {id} granted with TTL({granted}s), remaining({remaining}s){keys}\n")
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a String takes everything");
}
