//! etcd's keys, histories, watches and leases.

use serde_json::Value;

use crate::cluster::clients::actor_of;
use crate::cluster::{Actor, Cluster, MasterIx};
use crate::control::apiserver::StoredValue;
use crate::etcd::raft::RoleName;
use crate::etcd::{KeyRange, KeyValue, Member, Payload as _};
use crate::session::build::{history, place_of};
use crate::session::protocol::EtcdWant;
use crate::view::{EtcdView, Health, KeyDetail, KeyRevision, KeyView, LeaseView, MemberRole, MemberView, WatcherView};

/// The store, as much of it as is wanted.
pub fn etcd(cluster: &Cluster, want: &EtcdWant) -> EtcdView {
    let member = cluster.etcd_member();
    let range = if want.prefix.is_empty() { KeyRange::all() } else { KeyRange::prefix(&want.prefix) };
    let store = member.store();
    let all: Vec<&KeyValue<StoredValue>> = store.keys(&range).collect();
    let limit = usize::try_from(want.limit).unwrap_or(usize::MAX);
    EtcdView {
        revision: store.revision().0,
        compacted: store.compacted().map_or(0, |revision| revision.0),
        size: store.bytes(),
        keys: all.iter().take(limit).map(|kv| key(kv)).collect(),
        more: u32::try_from(all.len().saturating_sub(limit)).unwrap_or(u32::MAX),
        selected: want.key.as_deref().map(|key| detail(cluster, key)),
        watchers: watchers(cluster),
        leases: leases(cluster),
        members: cluster.etcd_members().map(|(at, member)| member_view(cluster, at, member)).collect(),
    }
}

fn member_view(cluster: &Cluster, at: MasterIx, member: &Member<StoredValue>) -> MemberView {
    let raft = member.raft();
    MemberView {
        name: member.config().name.clone(),
        health: if cluster.faults().down.contains(&Actor::Etcd(at)) { Health::Down } else { Health::Up },
        role: role(raft.role()),
        term: raft.term().0,
        commit: raft.log().committed().0,
        last: raft.log().last_index().0,
    }
}

/// A role in the form of the views.
pub(super) fn role(role: RoleName) -> MemberRole {
    match role {
        RoleName::Follower => MemberRole::Follower,
        RoleName::PreCandidate => MemberRole::PreCandidate,
        RoleName::Candidate => MemberRole::Candidate,
        RoleName::Leader => MemberRole::Leader,
    }
}

fn key(kv: &KeyValue<StoredValue>) -> KeyView {
    KeyView {
        key: kv.key.to_string(),
        create_revision: kv.create_revision.0,
        mod_revision: kv.mod_revision.0,
        version: kv.version,
        lease: kv.lease.map(|lease| lease.0.get()),
        size: u32::try_from(kv.value.size()).unwrap_or(u32::MAX),
    }
}

fn detail(cluster: &Cluster, key: &str) -> KeyDetail {
    let written = history::writes(cluster, key);
    let mut revisions: Vec<KeyRevision> = cluster
        .etcd_member()
        .store()
        .history(key)
        .map(|change| {
            let told = written.get(&change.revision.0);
            KeyRevision {
                revision: change.revision.0,
                version: change.kv.map_or(0, |kv| kv.version),
                at: told.map(|entry| entry.at),
                value: change.kv.map(|kv| indented(&kv.value)),
                written_by: told.map(|entry| entry.id),
            }
        })
        .collect();
    revisions.reverse();
    KeyDetail { key: key.to_owned(), revisions }
}

fn indented(value: &StoredValue) -> String {
    let text = value.text();
    match serde_json::from_str::<Value>(&text) {
        Ok(json) => serde_json::to_string_pretty(&json).unwrap_or_else(|_| text.into_owned()),
        Err(_) => text.into_owned(),
    }
}

fn watchers(cluster: &Cluster) -> Vec<WatcherView> {
    cluster
        .etcd_member()
        .watch_views()
        .map(|watch| WatcherView {
            id: watch.watch.0,
            holder: place_of(cluster, actor_of(watch.client.0)),
            key: watch.watcher.range.start().to_owned(),
            prefix: !matches!(watch.watcher.range, KeyRange::One(_)),
            next_revision: watch.watcher.next.0,
            sent: 0,
        })
        .collect()
}

fn leases(cluster: &Cluster) -> Vec<LeaseView> {
    cluster
        .etcd_member()
        .lease_views(cluster.now())
        .map(|lease| LeaseView {
            id: lease.id.0.get(),
            ttl: lease.life.granted,
            remaining: lease.life.remaining,
            keys: lease.life.keys.iter().map(ToString::to_string).collect(),
        })
        .collect()
}
