//! How a master's member of etcd starts: with what is on its disk.
//!
//! Models `bootstrap` of `server/etcdserver/bootstrap.go`, and of `server/embed/etcd.go` the check before a member serves
//! (etcd 3.6). Of the manifest's flags it goes by `--data-dir`, `--feature-gates`, `--corrupt-check-time` and those of the
//! election that are the default; the others say what the scenario does anyway.

use crate::cluster::Cluster;
use crate::cluster::etcd_disks::{Content, Found};
use crate::cluster::etcds::members_of;
use crate::cluster::event::{Actor, MasterIx};
use crate::cluster::scenario::parse_span;
use crate::control::apiserver::StoredValue;
use crate::etcd::raft::NodeId;
use crate::etcd::{self, Member, MemberConfig, MemberInfo};
use crate::sim::{Span, Time};

/// How long a member tries to find out who it is before it gives up.
const BOOTSTRAP: Span = Span::millis(200);
/// How often hashes are compared where the gate is on (`--compact-hash-check-time`).
const COMPACT_HASH_CHECK: Span = Span::mins(1);

impl Cluster {
    /// A member's process starts with what is on its disk.
    pub(super) fn etcd_starts(&mut self, at: MasterIx) {
        let now = self.now;
        match self.etcd_finds(at) {
            Found::Own => {
                if let Some(member) = self.etcd_at_mut(at) {
                    member.restart(now);
                }
            }
            Found::Other(number, content) => {
                let quota = self.etcd_at(at).map_or(0, |member| member.config().quota);
                let config = MemberConfig { quota, ..self.etcd_config(at) };
                self.etcd_moves_to(at, Some(number));
                let member = match content {
                    Content::Restored(saved, restore) => Member::restored(&config, &restore, &saved, now),
                    Content::Left(mut member) => {
                        member.restart(now);
                        *member
                    }
                    Content::Snapshot(_) => unreachable!("a member does not start with a snapshot"),
                };
                self.put_etcd(at, member);
            }
            Found::Nothing => return self.etcd_starts_empty(at),
            Found::Garbage => {
                if let Some(member) = self.etcd_at_mut(at) {
                    member.restart(now);
                    member.end_at(now + BOOTSTRAP, "failed to open database: invalid database".into());
                }
                return;
            }
        }
        // The first that it speaks to tells it.
        let Some(id) = self.etcd_at(at).map(|member| NodeId(member.config().member_id)) else { return };
        let removed = self.etcd_peers(at).any(|other| other.replica().removed.contains(&id));
        if let Some(member) = self.etcd_at_mut(at).filter(|_| removed) {
            member.end_at(now + BOOTSTRAP, etcd::REMOVED.into());
        }
        self.set_checks(at, now);
    }

    /// Its checks for corruption, as its flags say.
    fn set_checks(&mut self, at: MasterIx, now: Time) {
        let gates = self.etcd_flag(at, "feature-gates").unwrap_or_default();
        let is_on = |gate: &str| gates.split(',').any(|pair| pair == format!("{gate}=true"));
        let compact = is_on("CompactHashCheck").then_some(COMPACT_HASH_CHECK);
        let every = self.etcd_flag(at, "corrupt-check-time").as_deref().and_then(parse_span);
        let every = every.filter(|every| *every > Span::ZERO).or(compact);
        let differs = is_on("InitialCorruptCheck")
            && self.etcd_at(at).is_some_and(|member| self.etcd_peers(at).any(|other| member.differs_from(other)));
        let Some(member) = self.etcd_at_mut(at) else { return };
        member.set_corrupt_check(every, now);
        if differs {
            let id = member.config().member_id;
            member.end_at(now + BOOTSTRAP, format!("{id:x} found data inconsistency with peers"));
        }
    }

    /// A member whose disk is empty: alone it makes a new cluster, else it joins the one that there is.
    fn etcd_starts_empty(&mut self, at: MasterIx) {
        let now = self.now;
        let quota = self.etcd_at(at).map_or(0, |member| member.config().quota);
        let config = MemberConfig { quota, ..self.etcd_config(at) };
        let member = if config.others.is_empty() {
            Ok(Member::new_at(config.clone(), now))
        } else {
            self.etcd_joins(at, &config).map(|config| Member::join(config, now))
        };
        match member {
            Ok(member) => {
                self.etcd_moves_to(at, None);
                self.put_etcd(at, member);
                self.set_checks(at, now);
            }
            Err(why) => {
                let mut member = Member::join(config, now);
                member.end_at(now + BOOTSTRAP, why);
                self.put_etcd(at, member);
            }
        }
    }

    /// Who a master's member is by its flags.
    fn etcd_config(&self, at: MasterIx) -> MemberConfig {
        let mut all = members_of(&self.scenario).into_iter();
        let place = usize::try_from(at.0).expect("there are at most five");
        all.nth(place).expect("each master has a member").config().clone()
    }

    fn put_etcd(&mut self, at: MasterIx, member: Member<StoredValue>) {
        if let Some(place) = self.etcd_at_mut(at) {
            *place = member;
        }
    }

    /// The other members that run and that one reaches.
    fn etcd_peers(&self, at: MasterIx) -> impl Iterator<Item = &Member<StoredValue>> {
        let here = self.machine_of(Actor::Etcd(at));
        let answers = move |other: MasterIx| {
            let actor = Actor::Etcd(other);
            other != at && !self.faults.down.contains(&actor) && !self.faults.cuts(here, self.machine_of(actor))
        };
        self.etcd_members().filter(move |(other, _)| answers(*other)).map(|(_, member)| member)
    }

    /// Who a member without data is in the cluster that exists (`--initial-cluster-state=existing`): the one that the others
    /// know by its peers' URLs. Models `bootstrapExistingClusterNoWAL` and `ValidateClusterAndAssignIDs` (etcd).
    ///
    /// # Errors
    /// What etcd says when it cannot start so.
    fn etcd_joins(&self, at: MasterIx, config: &MemberConfig) -> Result<MemberConfig, String> {
        let other = self.etcd_peers(at).next().ok_or(
            "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs",
        )?;
        let (members, removed) = (other.members(), &other.replica().removed);
        let cluster_id = other.config().cluster_id;
        let own = members.iter().find(|member| member.peer_urls == config.peer_urls);
        if members.len() != self.etcds.len() {
            let known: Vec<String> = members.iter().map(as_go_shows).collect();
            let removed: Vec<String> = removed.iter().map(ToString::to_string).collect();
            return Err(format!(
                "error validating peerURLs {{ClusterID:{cluster_id:x} Members:[{}] RemovedMemberIDs:[{}]}}: member count is unequal",
                known.join(" "),
                removed.join(" ")
            ));
        }
        let own = own.ok_or_else(|| {
            format!("couldn't find local name \"{}\" in the initial cluster configuration", config.name)
        })?;
        let others = members.iter().filter(|member| member.id != own.id).cloned().collect();
        Ok(MemberConfig { cluster_id, member_id: own.id, others, ..config.clone() })
    }
}

/// A member as Go's `%+v` shows it.
fn as_go_shows(member: &MemberInfo) -> String {
    format!(
        "&{{ID:{:x} RaftAttributes:{{PeerURLs:[{}] IsLearner:{}}} Attributes:{{Name:{} ClientURLs:[{}]}}}}",
        member.id,
        member.peer_urls.join(" "),
        member.is_learner,
        member.name,
        member.client_urls.join(" ")
    )
}
