//! A database in a file, and the member of a new cluster that begins with it.
//!
//! Models `etcdutl/snapshot/v3_snapshot.go`, `computeMemberID` of `server/etcdserver/api/membership/member.go` and
//! `HashStorage` of `server/storage/mvcc` (etcd 3.6). The buckets beside the keys are counted, not kept. Hashes are taken over
//! values' text: who compares them with those of a real cluster could tell.

use std::fmt;

use sha1::{Digest, Sha1};

use crate::etcd::backend::Record;
use crate::etcd::error::EtcdError;
use crate::etcd::member::MemberConfig;
use crate::etcd::payload::Payload;
use crate::etcd::raft::NodeId;
use crate::etcd::replica::Replica;
use crate::etcd::reply::{HashKv, MemberInfo};
use crate::etcd::revision::Revision;
use crate::etcd::store::Store;

/// A member's database at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Saved<V> {
    /// What was in it.
    pub replica: Replica<V>,
    /// Bytes of the file, without a hash at its end.
    pub size: u64,
}

/// How a new cluster is to begin with a database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Restore {
    /// The member's name (`--name`).
    pub name: String,
    /// All members, by name, with where their peers reach them (`--initial-cluster`).
    pub cluster: Vec<(String, Vec<String>)>,
    /// What tells the cluster from others with the same members (`--initial-cluster-token`).
    pub token: String,
    /// Where this member's peers reach it (`--initial-advertise-peer-urls`).
    pub peer_urls: Vec<String>,
    /// By how much the revision grows (`--bump-revision`); 0 for not at all.
    pub bump: u64,
}

/// Why that cannot be. `Display` is etcd's text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RestoreError {
    /// The member is not among those of the cluster.
    NotAMember(String),
    /// Two members have one URL.
    Duplicate(String),
    /// The member's own URLs are others in the cluster.
    OtherUrls {
        /// Its name.
        name: String,
        /// Its own.
        own: Vec<String>,
        /// Those of the cluster.
        theirs: Vec<String>,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::NotAMember(name) => {
                write!(f, "couldn't find local name \"{name}\" in the initial cluster configuration")
            }
            RestoreError::Duplicate(cluster) => {
                write!(f, "initial cluster {cluster} has duplicate url")
            }
            RestoreError::OtherUrls { name, own, theirs } => {
                let named =
                    |urls: &[String]| urls.iter().map(|url| format!("{name}={url}")).collect::<Vec<_>>().join(",");
                write!(
                    f,
                    "--initial-cluster has {} but missing from --initial-advertise-peer-urls={} (resolved urls: \"{}\" != \"{}\")",
                    named(theirs),
                    own.join(","),
                    own.join(","),
                    theirs.join(",")
                )
            }
        }
    }
}

impl std::error::Error for RestoreError {}

/// The first eight bytes of the SHA-1 of `parts`.
fn number_of(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha1::new();
    parts.iter().for_each(|part| hash.update(part));
    let hash = hash.finalize();
    u64::from_be_bytes(hash[..8].try_into().expect("a hash of 20 bytes has eight"))
}

/// The number of a first member of a cluster.
pub fn member_number(peer_urls: &[String], token: &str) -> u64 {
    let mut sorted = peer_urls.to_vec();
    sorted.sort();
    number_of(&[sorted.concat().as_bytes(), token.as_bytes()])
}

/// The number of a cluster with these first members.
pub fn cluster_number(members: &[u64]) -> u64 {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    let bytes: Vec<u8> = sorted.iter().flat_map(|id| id.to_be_bytes()).collect();
    number_of(&[&bytes])
}

impl Restore {
    /// Whether this can be. Models `VerifyBootstrap` of `server/config/config.go` (etcd).
    ///
    /// # Errors
    /// What stands against it.
    pub fn check(&self) -> Result<(), RestoreError> {
        let own = self.cluster.iter().find(|(name, _)| *name == self.name);
        let (_, theirs) = own.ok_or_else(|| RestoreError::NotAMember(self.name.clone()))?;
        let mut all: Vec<&String> = self.cluster.iter().flat_map(|(_, urls)| urls).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        if all.len() != count {
            let pairs =
                self.cluster.iter().flat_map(|(name, urls)| urls.iter().map(move |url| format!("{name}={url}")));
            return Err(RestoreError::Duplicate(pairs.collect::<Vec<_>>().join(",")));
        }
        let sorted = |urls: &[String]| {
            let mut urls = urls.to_vec();
            urls.sort();
            urls
        };
        let (own, theirs) = (sorted(&self.peer_urls), sorted(theirs));
        if own == theirs { Ok(()) } else { Err(RestoreError::OtherUrls { name: self.name.clone(), own, theirs }) }
    }

    /// The members of the new cluster, by number.
    pub fn members(&self) -> Vec<MemberInfo> {
        let member = |(name, peer_urls): &(String, Vec<String>)| MemberInfo {
            id: member_number(peer_urls, &self.token),
            name: name.clone(),
            peer_urls: peer_urls.clone(),
            client_urls: Vec::new(),
            is_learner: false,
        };
        let mut all: Vec<MemberInfo> = self.cluster.iter().map(member).collect();
        all.sort_by_key(|member| member.id);
        all
    }

    /// The cluster's number.
    pub fn cluster_id(&self) -> u64 {
        cluster_number(&self.members().iter().map(|member| member.id).collect::<Vec<_>>())
    }

    /// Who a member is that starts with what was restored. How it is called, where its clients reach it and how it is run stay
    /// as `config` says.
    pub fn config(&self, config: &MemberConfig) -> MemberConfig {
        let (own, others): (Vec<_>, Vec<_>) = self.members().into_iter().partition(|member| member.name == self.name);
        let own = own.into_iter().next().expect("a restore that was checked names its member");
        let (member_id, peer_urls) = (own.id, own.peer_urls);
        MemberConfig { cluster_id: self.cluster_id(), member_id, peer_urls, others, ..config.clone() }
    }

    /// What the members of the new cluster begin with: the keys, leases and alarms of the old one.
    pub fn replica<V: Payload>(&self, saved: &Saved<V>) -> Replica<V> {
        let mut replica = saved.replica.clone();
        replica.members = self.members().into_iter().map(|member| (NodeId(member.id), member)).collect();
        replica.removed.clear();
        replica.version = None;
        if self.bump > 0 {
            replica.store.bump(self.bump);
        }
        replica
    }
}

impl<V: Payload> Saved<V> {
    /// How many keys all buckets of the file have together.
    pub fn total_keys(&self) -> u64 {
        // The consistent index, its term, who votes, the layout's version; the cluster's version and its downgrade.
        const META: u64 = 4;
        const CLUSTER: u64 = 2;
        let replica = &self.replica;
        let compactions = if replica.store.compacted().is_some() { 2 } else { 0 };
        let rest =
            [replica.store.leases.iter().count(), replica.members.len(), replica.removed.len(), replica.alarms.len()];
        let rest: usize = rest.iter().sum();
        let cluster = if replica.version.is_some() { CLUSTER } else { 0 };
        replica.store.records() + u64::try_from(rest).unwrap_or(u64::MAX) + META + cluster + compactions
    }

    /// A hash over all of the file.
    pub fn hash(&self) -> u32 {
        let mut hash = Sha1::new();
        self.replica.store.hash_into(self.replica.store.revision(), &mut hash);
        for (id, ttl) in self.replica.store.leases.iter() {
            hash.update(format!("{id} {}", ttl.as_secs()));
        }
        self.replica.members.keys().for_each(|id| hash.update(id.0.to_be_bytes()));
        self.replica.alarms.iter().for_each(|(id, alarm)| hash.update(format!("{} {}", id.0, alarm.name())));
        short(hash)
    }

    /// The last revision of a key in it.
    pub fn revision(&self) -> Revision {
        self.replica.store.revision()
    }
}

impl<V: Payload> Store<V> {
    /// A hash over the history of all keys up to `at`, or now.
    ///
    /// # Errors
    /// That revision has not been reached, or is forgotten.
    pub fn hash_kv(&self, at: Option<Revision>) -> Result<HashKv, EtcdError> {
        let at = at.unwrap_or(self.revision());
        if at > self.revision() {
            return Err(EtcdError::FutureRevision);
        }
        if let Some(compacted) = self.compacted().filter(|compacted| at < *compacted) {
            return Err(EtcdError::Compacted { compacted });
        }
        let mut hash = Sha1::new();
        self.hash_into(at, &mut hash);
        Ok(HashKv { hash: short(hash), at, compacted: self.compacted() })
    }

    fn hash_into(&self, at: Revision, hash: &mut Sha1) {
        for (change, record) in self.backend.since(Revision::default()).take_while(|(change, _)| change.main <= at) {
            hash.update(change.main.0.to_be_bytes());
            hash.update(change.sub.to_be_bytes());
            hash.update(record.key().as_bytes());
            if let Record::Put(kv) = record {
                hash.update(kv.version.to_be_bytes());
                hash.update(kv.value.text().as_bytes());
            }
        }
    }
}

fn short(hash: Sha1) -> u32 {
    let hash = hash.finalize();
    u32::from_be_bytes(hash[..4].try_into().expect("a hash of 20 bytes has four"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::op::PutOp;
    use crate::etcd::store::Command;

    fn restore(cluster: &[(&str, &str)], token: &str) -> Restore {
        Restore {
            name: cluster[0].0.into(),
            cluster: cluster.iter().map(|(name, url)| ((*name).into(), vec![(*url).into()])).collect(),
            token: token.into(),
            peer_urls: vec![cluster[0].1.into()],
            bump: 0,
        }
    }

    #[test]
    fn numbers_are_those_that_etcd_gives() {
        // A member called `default` of a cluster of its own, as etcd logs it at its first start.
        let alone = restore(&[("default", "http://localhost:2380")], "etcd-cluster");
        assert_eq!(alone.members()[0].id, 0x8e9e_05c5_2164_694d);
        assert_eq!(alone.cluster_id(), 0xcdf8_1819_4e3a_8c32);
        assert_ne!(restore(&[("default", "http://localhost:2380")], "other").cluster_id(), alone.cluster_id());
    }

    #[test]
    fn what_cannot_be_restored_is_refused_with_words() {
        let two = [("a", "http://10.0.0.1:2380"), ("b", "http://10.0.0.2:2380")];
        assert_eq!(restore(&two, "t").check(), Ok(()));
        let stranger = Restore { name: "c".into(), ..restore(&two, "t") };
        let words = stranger.check().map_err(|why| why.to_string());
        assert_eq!(words, Err("couldn't find local name \"c\" in the initial cluster configuration".into()));
        let elsewhere = Restore { peer_urls: vec!["http://10.0.0.9:2380".into()], ..restore(&two, "t") };
        let words = elsewhere.check().expect_err("its URLs differ").to_string();
        assert!(words.contains("missing from --initial-advertise-peer-urls=http://10.0.0.9:2380"), "{words}");
        let one_place = restore(&[("a", "http://10.0.0.1:2380"), ("b", "http://10.0.0.1:2380")], "t");
        assert!(matches!(one_place.check(), Err(RestoreError::Duplicate(_))));
    }

    #[test]
    fn a_bumped_revision_leaves_the_keys_and_forgets_their_history() {
        let mut replica: Replica<String> = Replica::default();
        for value in ["1", "2"] {
            replica.store.apply(Command::Put(PutOp::new("a", value.to_owned())));
        }
        let saved = Saved { replica, size: 20_480 };
        let bumped = Restore { bump: 1_000, ..restore(&[("a", "http://10.0.0.1:2380")], "t") }.replica(&saved).store;
        assert_eq!(
            (saved.revision(), bumped.revision(), bumped.compacted()),
            (Revision(3), Revision(1_003), Some(Revision(1_003)))
        );
        assert_eq!(bumped.get("a").map(|kv| (kv.value.as_str(), kv.mod_revision)), Some(("2", Revision(3))));
        assert_eq!(bumped.records(), 1);
    }

    #[test]
    fn hashes_differ_where_histories_do() {
        let mut store: Store<String> = Store::new();
        store.apply(Command::Put(PutOp::new("a", "1".to_owned())));
        let then = store.hash_kv(None);
        store.apply(Command::Put(PutOp::new("b", "1".to_owned())));
        assert_eq!(store.hash_kv(Some(Revision(2))), then);
        assert_ne!(store.hash_kv(None), then);
        assert_eq!(store.hash_kv(Some(Revision(4))), Err(EtcdError::FutureRevision));
        let mut other = store.clone();
        assert!(other.lose("b"));
        assert_ne!(other.hash_kv(None), store.hash_kv(None));
    }
}
