//! Answers as JSON, as Go writes etcd's protobuf structs: fields in order, zeros left out, bytes in base64.
//!
//! Models `etcdctl/ctlv3/command/printer_json.go` (etcd 3.6).

use data_encoding::BASE64;

use crate::etcd::{
    Alarm, Body, Event, Found, Header, KeyMeta, KeyValue, MemberInfo, Payload, RangeReply, Reply, Revision, TxnReply,
};
use crate::etcdctl::golang::{duration, json_string};
use crate::etcdctl::show::{Checked, EndpointHash, EndpointStatus};

/// An object in the making.
#[derive(Default)]
struct Object(Vec<String>);

impl Object {
    fn raw(mut self, name: &str, value: &str) -> Object {
        self.0.push(format!("{}:{value}", json_string(name)));
        self
    }

    /// A number that is left out when it is zero.
    fn number(self, name: &str, n: u64) -> Object {
        if n == 0 { self } else { self.raw(name, &n.to_string()) }
    }

    /// Bytes that are left out when there are none.
    fn bytes(self, name: &str, text: &str) -> Object {
        if text.is_empty() { self } else { self.raw(name, &base64(text)) }
    }

    /// A flag that is left out when it is off.
    fn on(self, name: &str, on: bool) -> Object {
        if on { self.raw(name, "true") } else { self }
    }

    /// Text that is left out when there is none.
    fn text(self, name: &str, text: &str) -> Object {
        if text.is_empty() { self } else { self.raw(name, &json_string(text)) }
    }

    /// A list that is left out when it is empty.
    fn list(self, name: &str, items: &[String]) -> Object {
        if items.is_empty() { self } else { self.raw(name, &list(items)) }
    }

    /// All fields of another object.
    fn all(mut self, other: Object) -> Object {
        self.0.extend(other.0);
        self
    }

    fn done(self) -> String {
        format!("{{{}}}", self.0.join(","))
    }
}

/// The JSON of an answer.
pub fn reply<V: Payload>(reply: &Reply<V>) -> String {
    let full = header(&reply.header);
    let with = |object: Object| Object::default().raw("header", &header(&reply.header).done()).all(object).done();
    let seconds = |n: u64| n.to_string();
    match &reply.body {
        Body::LeaseGrant { id, ttl } => {
            let ids = full.raw("ID", &seconds(id.get())).raw("TTL", &seconds(ttl.as_secs()));
            ids.raw("Error", "\"\"").done()
        }
        Body::LeaseKeepAlive { id, ttl } => {
            let ttl = ttl.unwrap_or_default().as_secs();
            full.raw("ID", &seconds(id.get())).raw("TTL", &seconds(ttl)).done()
        }
        Body::LeaseTimeToLive { id, life } => {
            let (ttl, granted) = life
                .as_ref()
                .map_or(("-1".to_string(), 0), |life| (seconds(life.remaining.as_secs()), life.granted.as_secs()));
            let keys: Vec<String> = life.iter().flat_map(|life| &life.keys).map(|key| base64(key)).collect();
            let keys = if keys.is_empty() { "null".into() } else { list(&keys) };
            let object = full.raw("id", &seconds(id.get())).raw("ttl", &ttl);
            object.raw("granted-ttl", &seconds(granted)).raw("keys", &keys).done()
        }
        Body::LeaseList(leases) => {
            let ids: Vec<String> =
                leases.iter().map(|id| Object::default().raw("id", &seconds(id.get())).done()).collect();
            full.raw("leases", &list(&ids)).done()
        }
        Body::MemberAdd { member: new, members } => {
            let members: Vec<String> = members.iter().map(member).collect();
            with(Object::default().raw("member", &member(new)).list("members", &members))
        }
        Body::MembersChanged(members) => {
            with(Object::default().list("members", &members.iter().map(member).collect::<Vec<_>>()))
        }
        Body::MemberList(members) => {
            let members: Vec<String> = members.iter().map(member).collect();
            let no_revision = Header { revision: Revision(0), ..reply.header };
            let object = Object::default().raw("header", &header(&no_revision).done());
            object.list("members", &members).done()
        }
        Body::Alarms(members) => {
            let alarm = |(id, alarm): &(u64, Alarm)| {
                Object::default().number("memberID", *id).number("alarm", alarm.number()).done()
            };
            with(Object::default().list("alarms", &members.iter().map(alarm).collect::<Vec<_>>()))
        }
        body => with(self::body(body, reply.header.revision)),
    }
}

/// The JSON of watch events.
pub fn events<V: Payload>(head: &Header, events: &[Event<V>]) -> String {
    let events: Vec<String> = events.iter().map(event).collect();
    let object = Object::default().raw("Header", &header(head).done()).raw("Events", &list(&events));
    object.raw("CompactRevision", "0").raw("Canceled", "false").raw("Created", "false").done()
}

/// The JSON of endpoints' health.
pub fn health(checked: &[Checked]) -> String {
    let one = |check: &Checked| {
        let object = Object::default().raw("endpoint", &json_string(&check.endpoint));
        let object = object.raw("health", &check.error.is_none().to_string());
        let object = object.raw("took", &json_string(&duration(check.took)));
        object.text("error", check.error.as_deref().unwrap_or_default()).done()
    };
    list(&checked.iter().map(one).collect::<Vec<_>>())
}

/// The JSON of endpoints' hashes.
pub fn hashes(hashes: &[EndpointHash]) -> String {
    let one = |of: &EndpointHash| {
        let object = Object::default()
            .raw("header", &header(&of.header).done())
            .number("hash", u64::from(of.hash.hash))
            .number("compact_revision", of.hash.compacted.map_or(0, |revision| revision.0))
            .number("hash_revision", of.hash.at.0);
        Object::default().raw("Endpoint", &json_string(&of.endpoint)).raw("HashKV", &object.done()).done()
    };
    list(&hashes.iter().map(one).collect::<Vec<_>>())
}

/// The JSON of endpoints' states.
pub fn statuses(statuses: &[EndpointStatus]) -> String {
    let one = |of: &EndpointStatus| {
        let status = &of.status;
        let errors: Vec<String> = status.errors.iter().map(|error| json_string(error)).collect();
        let object = Object::default()
            .raw("header", &header(&of.header).done())
            .text("version", &status.version)
            .number("dbSize", status.db_size)
            .number("leader", status.leader.unwrap_or(0))
            .number("raftIndex", status.raft_index)
            .number("raftTerm", status.raft_term)
            .number("raftAppliedIndex", status.raft_applied_index)
            .list("errors", &errors)
            .number("dbSizeInUse", status.db_size_in_use)
            .on("isLearner", status.is_learner)
            .text("storageVersion", &super::table::storage_version(&status.version))
            .number("dbSizeQuota", status.quota)
            .raw("downgradeInfo", "{}");
        Object::default().raw("Endpoint", &json_string(&of.endpoint)).raw("Status", &object.done()).done()
    };
    list(&statuses.iter().map(one).collect::<Vec<_>>())
}

fn body<V: Payload>(body: &Body<V>, revision: Revision) -> Object {
    match body {
        Body::Range(range) => found(range),
        Body::Put { prev: Some(prev) } => Object::default().raw("prev_kv", &kv(prev)),
        Body::Delete { deleted, prev } => {
            let prev: Vec<String> = prev.iter().map(kv).collect();
            Object::default().number("deleted", *deleted).list("prev_kvs", &prev)
        }
        Body::Txn(reply) => txn(reply, revision),
        _ => Object::default(),
    }
}

fn txn<V: Payload>(reply: &TxnReply<V>, revision: Revision) -> Object {
    let one = |response: &Body<V>| {
        let name = match response {
            Body::Range(_) => "ResponseRange",
            Body::Put { .. } => "ResponsePut",
            Body::Delete { .. } => "ResponseDeleteRange",
            _ => "ResponseTxn",
        };
        let header = Object::default().number("revision", revision.0).done();
        let inside = Object::default().raw("header", &header).all(body(response, revision)).done();
        Object::default().raw("Response", &Object::default().raw(name, &inside).done()).done()
    };
    let responses: Vec<String> = reply.responses.iter().map(one).collect();
    Object::default().on("succeeded", reply.succeeded).list("responses", &responses)
}

fn found<V: Payload>(range: &RangeReply<V>) -> Object {
    let kvs: Vec<String> = match &range.found {
        Found::Full(kvs) => kvs.iter().map(kv).collect(),
        Found::Keys(keys) => keys.iter().map(|key| meta(key, "").done()).collect(),
        Found::Count => Vec::new(),
    };
    Object::default().list("kvs", &kvs).on("more", range.more).number("count", range.count)
}

fn header(header: &Header) -> Object {
    Object::default()
        .number("cluster_id", header.cluster_id)
        .number("member_id", header.member_id)
        .number("revision", header.revision.0)
        .number("raft_term", header.raft_term)
}

fn event<V: Payload>(event: &Event<V>) -> String {
    let object = match event {
        Event::Put { kv: now, .. } => Object::default().raw("kv", &kv(now)),
        Event::Delete { key, mod_revision, .. } => {
            let gone = Object::default().bytes("key", key).number("mod_revision", mod_revision.0);
            Object::default().raw("type", "1").raw("kv", &gone.done())
        }
    };
    match event.prev() {
        Some(prev) => object.raw("prev_kv", &kv(prev)).done(),
        None => object.done(),
    }
}

fn kv<V: Payload>(kv: &KeyValue<V>) -> String {
    meta(&kv.meta(), &kv.value.text()).done()
}

fn meta(key: &KeyMeta, value: &str) -> Object {
    Object::default()
        .bytes("key", &key.key)
        .number("create_revision", key.create_revision.0)
        .number("mod_revision", key.mod_revision.0)
        .number("version", key.version)
        .bytes("value", value)
        .number("lease", key.lease.map_or(0, |lease| lease.get()))
}

fn member(member: &MemberInfo) -> String {
    let urls = |urls: &[String]| -> Vec<String> { urls.iter().map(|url| json_string(url)).collect() };
    Object::default()
        .number("ID", member.id)
        .text("name", &member.name)
        .list("peerURLs", &urls(&member.peer_urls))
        .list("clientURLs", &urls(&member.client_urls))
        .on("isLearner", member.is_learner)
        .done()
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

fn base64(text: &str) -> String {
    format!("\"{}\"", BASE64.encode(text.as_bytes()))
}
