//! Answers as one field a line.
//!
//! Models `etcdctl/ctlv3/command/printer_fields.go` (etcd 3.6).

use crate::etcd::{
    Alarm, Body, Event, Found, Header, KeyMeta, KeyValue, MemberInfo, Payload, RangeReply, Reply, Revision,
};
use crate::etcdctl::golang::{duration, quoted};
use crate::etcdctl::show::{Checked, EndpointHash, EndpointStatus};

/// The fields of an answer.
pub fn reply<V: Payload>(reply: &Reply<V>) -> String {
    let mut header = reply.header;
    if let Body::MemberList(_) = reply.body {
        // A list of members says no revision.
        header.revision = Revision(0);
    }
    head(&header) + &body(&reply.body, header.revision)
}

/// The fields of watch events.
pub fn events<V: Payload>(header: &Header, events: &[Event<V>]) -> String {
    let mut out = head(header);
    for event in events {
        let kind = if event.is_put() { "PUT" } else { "DELETE" };
        out += &format!("\"Type\" : {kind}\n");
        if let Some(prev) = event.prev() {
            out += &kv("Prev", prev);
        }
        out += &match event {
            Event::Put { kv: now, .. } => kv("", now),
            Event::Delete { key, mod_revision, .. } => gone(key, *mod_revision),
        };
    }
    out
}

/// The fields of endpoints' health.
pub fn health(checked: &[Checked]) -> String {
    let one = |check: &Checked| {
        let (endpoint, took) = (quoted(&check.endpoint), quoted(&duration(check.took)));
        let (healthy, error) = (check.error.is_none(), check.error.clone().unwrap_or_default());
        format!("\"Endpoint\" : {endpoint}\n\"Health\" : {healthy}\n\"Took\" : {took}\n\"Error\" : {error}\n\n")
    };
    checked.iter().map(one).collect()
}

/// The fields of endpoints' hashes.
pub fn hashes(hashes: &[EndpointHash]) -> String {
    let one = |of: &EndpointHash| {
        let compacted = of.hash.compacted.map_or(0, |revision| revision.0);
        head(&of.header)
            + &format!("\"Endpoint\" : {}\n\"Hash\" : {}\n", quoted(&of.endpoint), of.hash.hash)
            + &format!("\"HashRevision\" : {}\n\"CompactRevision\" : {compacted}\n\n", of.hash.at)
    };
    hashes.iter().map(one).collect()
}

/// The fields of endpoints' states.
pub fn statuses(statuses: &[EndpointStatus]) -> String {
    let one = |of: &EndpointStatus| {
        let status = &of.status;
        head(&of.header)
            + &format!("\"Version\" : {}\n", quoted(&status.version))
            + &format!("\"StorageVersion\" : {}\n", quoted(&super::table::storage_version(&status.version)))
            + &format!("\"DBSize\" : {}\n\"DBSizeInUse\" : {}\n", status.db_size, status.db_size_in_use)
            + "\"DBSizeQuota\" : 0\n"
            + &format!("\"Leader\" : {}\n\"IsLearner\" : {}\n", status.leader.unwrap_or(0), status.is_learner)
            + &format!("\"RaftIndex\" : {}\n\"RaftTerm\" : {}\n", status.raft_index, status.raft_term)
            + &format!("\"RaftAppliedIndex\" : {}\n", status.raft_applied_index)
            + &format!("\"Errors\" : [{}]\n\"Endpoint\" : {}\n", status.errors.join(" "), quoted(&of.endpoint))
            + "\"DowngradeTargetVersion\" : \"\"\n\"DowngradeEnabled\" : false\n\n"
    };
    statuses.iter().map(one).collect()
}

fn body<V: Payload>(body: &Body<V>, revision: Revision) -> String {
    match body {
        Body::Range(range) => found(range),
        Body::Put { prev } => prev.iter().map(|prev| kv("Prev", prev)).collect(),
        Body::Delete { deleted, prev } => {
            let prev: String = prev.iter().map(|prev| kv("Prev", prev)).collect();
            format!("\"Deleted\" : {deleted}\n{prev}")
        }
        Body::Txn(txn) => {
            let one = |response: &Body<V>| head(&inner(revision)) + &self::body(response, revision);
            let all: String = txn.responses.iter().map(one).collect();
            format!("\"Succeeded\" : {}\n{all}", txn.succeeded)
        }
        Body::LeaseGrant { id, ttl } => format!("\"ID\" : {}\n\"TTL\" : {}\n", id.get(), ttl.as_secs()),
        Body::LeaseKeepAlive { id, ttl } => {
            format!("\"ID\" : {}\n\"TTL\" : {}\n", id.get(), ttl.unwrap_or_default().as_secs())
        }
        Body::LeaseTimeToLive { id, life } => {
            let (ttl, granted) = life
                .as_ref()
                .map_or(("-1".to_string(), 0), |life| (life.remaining.as_secs().to_string(), life.granted.as_secs()));
            let keys = life.iter().flat_map(|life| &life.keys);
            let keys: String = keys.map(|key| format!("\"Key\" : {}\n", quoted(key))).collect();
            format!("\"ID\" : {}\n\"TTL\" : {ttl}\n\"GrantedTTL\" : {granted}\n{keys}", id.get())
        }
        Body::LeaseList(leases) => leases.iter().map(|id| format!("\"ID\" : {}\n", id.get())).collect(),
        Body::MemberList(members) => members.iter().map(member).collect(),
        Body::Alarms(members) => {
            let shown =
                |(id, alarm): &(u64, Alarm)| format!("\"MemberID\" : {id}\n\"AlarmType\" : {}\n\n", alarm.name());
            members.iter().map(shown).collect()
        }
        _ => String::new(),
    }
}

fn found<V: Payload>(range: &RangeReply<V>) -> String {
    let kvs: String = match &range.found {
        Found::Full(kvs) => kvs.iter().map(|one| kv("", one)).collect(),
        Found::Keys(keys) => keys.iter().map(|one| meta("", one, "")).collect(),
        Found::Count => String::new(),
    };
    format!("{kvs}\"More\" : {}\n\"Count\" : {}\n", range.more, range.count)
}

fn head(header: &Header) -> String {
    let (cluster, member) = (header.cluster_id, header.member_id);
    let (revision, term) = (header.revision, header.raft_term);
    format!("\"ClusterID\" : {cluster}\n\"MemberID\" : {member}\n\"Revision\" : {revision}\n\"RaftTerm\" : {term}\n")
}

/// The header of an answer inside a transaction: it says only the revision.
fn inner(revision: Revision) -> Header {
    Header { cluster_id: 0, member_id: 0, revision, raft_term: 0 }
}

fn kv<V: Payload>(prefix: &str, kv: &KeyValue<V>) -> String {
    meta(prefix, &kv.meta(), &kv.value.text())
}

fn meta(prefix: &str, key: &KeyMeta, value: &str) -> String {
    format!("\"{prefix}Key\" : {}\n", quoted(&key.key))
        + &format!("\"{prefix}CreateRevision\" : {}\n", key.create_revision)
        + &format!("\"{prefix}ModRevision\" : {}\n\"{prefix}Version\" : {}\n", key.mod_revision, key.version)
        + &format!("\"{prefix}Value\" : {}\n", quoted(value))
        + &format!("\"{prefix}Lease\" : {}\n", key.lease.map_or(0, |lease| lease.get()))
}

fn gone(key: &str, revision: Revision) -> String {
    let deleted =
        KeyMeta { key: key.into(), create_revision: Revision(0), mod_revision: revision, version: 0, lease: None };
    meta("", &deleted, "")
}

fn member(member: &MemberInfo) -> String {
    let urls = |name: &str, urls: &[String]| -> String {
        urls.iter().map(|url| format!("\"{name}\" : {}\n", quoted(url))).collect()
    };
    format!("\"ID\" : {}\n\"Name\" : {}\n", member.id, quoted(&member.name))
        + &urls("PeerURL", &member.peer_urls)
        + &urls("ClientURL", &member.client_urls)
        + &format!("\"IsLearner\" : {}\n\n", member.is_learner)
}
