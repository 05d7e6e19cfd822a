//! Who belongs to the cluster: what may be changed, and what becomes of who is removed.
//!
//! Models `mayAddMember`, `mayRemoveMember`, `mayPromoteMember` and `applyConfChange` of `server/etcdserver/server.go`, and
//! `ValidateConfigurationChange` of `server/etcdserver/api/membership/cluster.go` (etcd). Differs: whether enough members are
//! connected is looked at by the leader, which every change goes by; there, by the member that is asked.

use sha1::{Digest, Sha1};

use crate::etcd::error::EtcdError;
use crate::etcd::member::{Effect, Member};
use crate::etcd::op::Op;
use crate::etcd::payload::Payload;
use crate::etcd::raft::membership::majority_of;
use crate::etcd::raft::{Change, NodeId};
use crate::etcd::replica::{Proposal, Replica};
use crate::etcd::reply::{Body, MemberInfo};
use crate::etcd::revision::ClientId;
use crate::sim::{Out, Span, Time, VecMap};

/// A connection must be that old to count (`HealthInterval`).
const HEALTHY: Span = Span::secs(5);
/// Who was not heard of for that long is not connected (`ConnReadTimeout`).
const SILENT: Span = Span::secs(5);
/// How many learners there may be (`--max-learners`).
const MOST_LEARNERS: usize = 1;
/// How long a member that is removed still runs, so that the others learn of it.
const FAREWELL: Span = Span::secs(1);
/// What it says then.
pub const REMOVED: &str = "the member has been permanently removed from the cluster";

/// Since when each other member is connected, and when it was heard of last.
pub type Connections = VecMap<NodeId, (Time, Time)>;

/// The number of a member that is added, as etcd makes it of its peers' URLs and the seconds since 1970.
fn member_id(peer_urls: &[String], unix_seconds: u64) -> u64 {
    let mut sorted = peer_urls.to_vec();
    sorted.sort();
    let hash = Sha1::digest(format!("{}{unix_seconds}", sorted.concat()));
    u64::from_be_bytes(hash[..8].try_into().expect("a hash of 20 bytes has eight"))
}

/// Whether etcd takes these as the URLs of a member.
fn are_urls(urls: &[String]) -> bool {
    let is_url = |url: &String| {
        let Some(place) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else { return false };
        let Some((host, port)) = place.rsplit_once(':') else { return false };
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok()
    };
    !urls.is_empty() && urls.iter().all(is_url)
}

/// What a change does to the membership of the log; `None` if it only tells something of a member.
fn change_of<V>(what: &Proposal<V>) -> Option<Change> {
    match what {
        Proposal::Join(info) if info.is_learner => Some(Change::AddLearner(NodeId(info.id))),
        Proposal::Join(info) => Some(Change::AddVoter(NodeId(info.id))),
        Proposal::Promote(id) => Some(Change::AddVoter(*id)),
        Proposal::Leave(id) => Some(Change::Remove(*id)),
        _ => None,
    }
}

impl<V> Replica<V> {
    /// Whether a change of who belongs to the cluster can be; every member says the same.
    ///
    /// # Errors
    /// What stands against it.
    fn check_change(&self, what: &Proposal<V>) -> Result<(), EtcdError> {
        let taken = |urls: &[String], but: NodeId| {
            let mut others = self.members.iter().filter(|(id, _)| **id != but);
            others.any(|(_, member)| member.peer_urls.iter().any(|url| urls.contains(url)))
        };
        match what {
            Proposal::Join(info) => {
                let id = NodeId(info.id);
                let learners = self.members.values().filter(|member| member.is_learner).count();
                if self.removed.contains(&id) {
                    Err(EtcdError::MemberNotFound)
                } else if self.members.contains_key(&id) {
                    Err(EtcdError::MemberExists)
                } else if taken(&info.peer_urls, id) {
                    Err(EtcdError::PeerUrlExists)
                } else if info.is_learner && learners >= MOST_LEARNERS {
                    Err(EtcdError::TooManyLearners)
                } else {
                    Ok(())
                }
            }
            Proposal::Leave(id) | Proposal::Promote(id) | Proposal::Readdress(id, _) => {
                let member = self.members.get(id).ok_or(EtcdError::MemberNotFound)?;
                match what {
                    Proposal::Promote(_) if !member.is_learner => Err(EtcdError::MemberNotLearner),
                    Proposal::Readdress(_, urls) if taken(urls, *id) => Err(EtcdError::PeerUrlExists),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Changes who belongs to the cluster.
    ///
    /// # Errors
    /// What stands against it; nothing has changed then.
    fn reconfigure(&mut self, what: &Proposal<V>) -> Result<(), EtcdError> {
        self.check_change(what)?;
        match what {
            Proposal::Join(info) => _ = self.members.insert(NodeId(info.id), info.clone()),
            Proposal::Leave(id) => {
                self.members.remove(id);
                self.removed.insert(*id);
                self.alarms.retain(|(of, _)| of != id);
            }
            Proposal::Promote(id) => {
                if let Some(member) = self.members.get_mut(id) {
                    member.is_learner = false;
                }
            }
            Proposal::Readdress(id, urls) => {
                if let Some(member) = self.members.get_mut(id) {
                    member.peer_urls.clone_from(urls);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// How many vote beside `but`, and how many of them have started.
    fn voters_beside(&self, but: Option<NodeId>) -> (usize, usize) {
        let voters = self.members.iter().filter(|(id, member)| Some(**id) != but && !member.is_learner);
        voters.fold((0, 0), |(all, started), (_, member)| (all + 1, started + usize::from(!member.name.is_empty())))
    }
}

impl<V: Payload> Member<V> {
    /// Whether a request changes who belongs to the cluster.
    pub(super) fn is_reconfiguration(op: &Op<V>) -> bool {
        matches!(op, Op::MemberAdd { .. } | Op::MemberRemove(_) | Op::MemberUpdate { .. } | Op::MemberPromote(_))
    }

    /// A client wants another membership: the leader is asked whether that may be.
    pub(super) fn reconfigure(&mut self, from: (ClientId, u64), op: Op<V>, now: Time, out: &mut Out<Effect<V>>) {
        if !self.raft.is_leader() {
            return self.ask_leader(from, op, now, out);
        }
        let answer = self.answer(from.0, op.clone(), now, &mut Vec::new());
        self.leader_said(from, &op, answer, now, out);
    }

    /// The leader has answered. A change that it has nothing against is proposed; all else is what the client is told.
    pub(super) fn leader_said(
        &mut self,
        from: (ClientId, u64),
        op: &Op<V>,
        result: Result<Body<V>, EtcdError>,
        now: Time,
        out: &mut Out<Effect<V>>,
    ) {
        if result.is_ok() && Member::is_reconfiguration(op) {
            self.propose_change(from, op, now, out);
        } else {
            self.respond(from, result, out);
        }
    }

    /// Nothing stands against it: it is proposed, and answered when it is applied.
    fn propose_change(&mut self, from: (ClientId, u64), op: &Op<V>, now: Time, out: &mut Out<Effect<V>>) {
        let what = match op {
            Op::MemberAdd { peer_urls, is_learner } => Proposal::Join(MemberInfo {
                id: member_id(peer_urls, (self.config.started_unix_ms + now.0 / 1_000_000) / 1_000),
                name: String::new(),
                peer_urls: peer_urls.clone(),
                client_urls: Vec::new(),
                is_learner: *is_learner,
            }),
            Op::MemberRemove(id) => Proposal::Leave(NodeId(*id)),
            Op::MemberPromote(id) => Proposal::Promote(NodeId(*id)),
            Op::MemberUpdate { id, peer_urls } => Proposal::Readdress(NodeId(*id), peer_urls.clone()),
            _ => return,
        };
        // What cannot be is refused now, as it would be once it is applied.
        if let Err(error) = self.replica.check_change(&what) {
            return self.respond(from, Err(error), out);
        }
        let change = change_of(&what);
        self.propose_with(change, Some(from), what, now, out);
    }

    /// Whether enough members are there for a change (`--strict-reconfig-check`).
    ///
    /// # Errors
    /// What stands against it.
    pub(super) fn may_reconfigure(&self, op: &Op<V>, now: Time) -> Result<(), EtcdError> {
        match op {
            Op::MemberAdd { peer_urls, .. } | Op::MemberUpdate { peer_urls, .. } if !are_urls(peer_urls) => {
                Err(EtcdError::MemberBadUrls)
            }
            Op::MemberAdd { is_learner, .. } => {
                let (voters, started) = self.replica.voters_beside(None);
                let enough = started >= majority_of(voters + 1) || (started, voters) == (1, 1);
                if !is_learner && !enough {
                    return Err(EtcdError::NotEnoughStarted);
                }
                let all = self.raft.membership().voters.len();
                if self.connected_voters(now) == all { Ok(()) } else { Err(EtcdError::Unhealthy) }
            }
            Op::MemberRemove(id) => {
                let id = NodeId(*id);
                if self.replica.members.get(&id).is_some_and(|member| member.is_learner) {
                    return Ok(());
                }
                let (voters, started) = self.replica.voters_beside(Some(id));
                if started < majority_of(voters) {
                    return Err(EtcdError::NotEnoughStarted);
                }
                if id != self.raft.id() && !self.is_connected(id, now) {
                    return Ok(());
                }
                let all = self.raft.membership().voters.len();
                let stay = self.connected_voters(now).saturating_sub(1);
                if stay < 1 + all.saturating_sub(1) / 2 { Err(EtcdError::Unhealthy) } else { Ok(()) }
            }
            Op::MemberPromote(id) => {
                let of = self.raft.progress().find(|(of, _)| of.0 == *id).ok_or(EtcdError::MemberNotFound)?;
                // Nine tenths of what the leader has.
                if of.1.matched.0 * 10 < self.raft.log().last_index().0 * 9 {
                    return Err(EtcdError::LearnerNotReady);
                }
                let (voters, started) = self.replica.voters_beside(None);
                if started + 1 < majority_of(voters + 1) { Err(EtcdError::NotEnoughStarted) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn is_connected(&self, id: NodeId, now: Time) -> bool {
        self.connections.get(&id).is_some_and(|(_, heard)| now.since(*heard) < SILENT)
    }

    /// How many voters have been connected for long enough, itself among them.
    fn connected_voters(&self, now: Time) -> usize {
        let long = |id: &NodeId| {
            let since = self.connections.get(id).map(|(since, _)| now.since(*since));
            *id == self.raft.id() || self.is_connected(*id, now) && since.is_some_and(|span| span >= HEALTHY)
        };
        self.raft.membership().voters.iter().filter(|id| long(id)).count()
    }

    /// Another member was heard of.
    pub(super) fn heard_of(&mut self, id: NodeId, now: Time) {
        match self.connections.get_mut(&id) {
            Some((since, heard)) => {
                if now.since(*heard) >= SILENT {
                    *since = now;
                }
                *heard = now;
            }
            None => _ = self.connections.insert(id, (now, now)),
        }
    }

    /// Applies a change of the membership, and says whether it stands.
    pub(super) fn apply_change(
        &mut self,
        what: &Proposal<V>,
        from: Option<(ClientId, u64)>,
        now: Time,
        out: &mut Out<Effect<V>>,
    ) -> bool {
        let done = self.replica.reconfigure(what);
        let stands = done.is_ok();
        if let Some(from) = from {
            let members = self.members();
            let body = done.map(|()| match what {
                Proposal::Join(info) => Body::MemberAdd { member: info.clone(), members },
                _ => Body::MembersChanged(members),
            });
            self.respond(from, body, out);
        }
        if stands && let Proposal::Leave(id) = what {
            self.connections.remove(id);
            if *id == self.raft.id() {
                self.end_at(now + FAREWELL, REMOVED.into());
            }
        }
        stands
    }

    /// It ends then, for this reason.
    pub fn end_at(&mut self, at: Time, why: String) {
        self.leaves = Some((at, why));
    }

    /// The time of one that is to end is over.
    pub(super) fn leave(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        if let Some((_, why)) = self.leaves.take_if(|(at, _)| *at <= now) {
            out.push(Effect::Exit(why));
        }
    }

    /// The members it knows, by number. Of one that has not yet said so, neither the name nor the clients' URLs are known.
    pub fn members(&self) -> Vec<MemberInfo> {
        self.replica.members.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_members_number_is_a_hash_of_its_urls_and_the_second() {
        // The first eight bytes of `printf 'http://10.0.0.1:23801700000000' | sha1sum`.
        assert_eq!(member_id(&["http://10.0.0.1:2380".into()], 1_700_000_000), 0x2088_7cfd_5ab6_5081);
    }

    #[test]
    fn urls_have_a_scheme_a_host_and_a_port() {
        for (url, is_one) in [
            ("http://10.0.0.1:2380", true),
            ("https://etcd4:2380", true),
            ("10.0.0.1:2380", false),
            ("ftp://10.0.0.1:2380", false),
            ("http://10.0.0.1", false),
            ("http://10.0.0.1:2380/path", false),
        ] {
            assert_eq!(are_urls(&[url.into()]), is_one, "{url}");
        }
        assert!(!are_urls(&[]));
    }
}
