//! Who belongs to the group, how it changes by one member at a time, and what a majority of it says.
//!
//! Raft paper §5.2 (majorities); dissertation §4.1 (one member at a time: two successive majorities always overlap) and §4.2.1
//! (learners catch up before they vote). Models `quorum/majority.go`, `tracker/tracker.go` and the simple changes of
//! `confchange/confchange.go` (etcd-io/raft); joint consensus (§4.3) is not here, as etcd's server never uses it.
//!
//! As upstream, a change takes effect where it is applied, not where it is appended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::etcd::raft::number::{LogIndex, NodeId};
use crate::sim::{VecMap, VecSet};

/// The members of a group. No member is both voter and learner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// Who votes and counts towards a majority.
    pub voters: VecSet<NodeId>,
    /// Who is sent the log and counts for nothing.
    pub learners: VecSet<NodeId>,
}

/// A change of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Change {
    /// A new member votes, or a learner is promoted.
    AddVoter(NodeId),
    /// A new member learns.
    AddLearner(NodeId),
    /// A member leaves.
    Remove(NodeId),
}

/// Why a change cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeError {
    /// The member is what it would become.
    AlreadyMember(NodeId),
    /// There is no such member.
    NoSuchMember(NodeId),
    /// A voter never becomes a learner again (as in etcd).
    Demotion(NodeId),
    /// A group without voters could decide nothing any more.
    LastVoter(NodeId),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::AddVoter(id) => write!(f, "add-voter {id}"),
            Change::AddLearner(id) => write!(f, "add-learner {id}"),
            Change::Remove(id) => write!(f, "remove {id}"),
        }
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangeError::AlreadyMember(id) => write!(f, "{id} is such a member already"),
            ChangeError::NoSuchMember(id) => write!(f, "{id} is not a member"),
            ChangeError::Demotion(id) => write!(f, "{id} votes and cannot become a learner"),
            ChangeError::LastVoter(id) => write!(f, "{id} is the last voter"),
        }
    }
}

impl std::error::Error for ChangeError {}

/// How many of so many voters make a majority.
pub fn majority_of(voters: usize) -> usize {
    voters / 2 + 1
}

/// How a vote stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VoteResult {
    /// A majority said yes.
    Won,
    /// No majority can say yes any more.
    Lost,
    /// It depends on those who have not answered.
    Open,
}

impl Membership {
    /// A group of voters.
    pub fn of(voters: impl IntoIterator<Item = NodeId>) -> Membership {
        Membership { voters: voters.into_iter().collect(), learners: VecSet::new() }
    }

    /// Is it a member of either kind?
    pub fn contains(&self, id: NodeId) -> bool {
        self.is_voter(id) || self.is_learner(id)
    }

    /// Does it vote?
    pub fn is_voter(&self, id: NodeId) -> bool {
        self.voters.contains(&id)
    }

    /// Does it learn?
    pub fn is_learner(&self, id: NodeId) -> bool {
        self.learners.contains(&id)
    }

    /// Every member, voters and learners together, by number.
    pub fn all(&self) -> VecSet<NodeId> {
        self.voters.iter().chain(self.learners.iter()).copied().collect()
    }

    /// How many voters make a majority.
    pub fn majority(&self) -> usize {
        majority_of(self.voters.len())
    }

    /// The membership after `change`.
    ///
    /// # Errors
    /// If the change makes no sense here; every member refuses it alike.
    pub fn after(&self, change: Change) -> Result<Membership, ChangeError> {
        let mut next = self.clone();
        match change {
            Change::AddVoter(id) => {
                if !next.voters.insert(id) {
                    return Err(ChangeError::AlreadyMember(id));
                }
                next.learners.remove(&id);
            }
            Change::AddLearner(id) => {
                if self.is_voter(id) {
                    return Err(ChangeError::Demotion(id));
                }
                if !next.learners.insert(id) {
                    return Err(ChangeError::AlreadyMember(id));
                }
            }
            Change::Remove(id) => {
                let voted = next.voters.remove(&id);
                if !voted && !next.learners.remove(&id) {
                    return Err(ChangeError::NoSuchMember(id));
                }
                if next.voters.is_empty() {
                    return Err(ChangeError::LastVoter(id));
                }
            }
        }
        Ok(next)
    }

    /// How a vote stands; answers of those who do not vote count for nothing. A group without voters never elects.
    pub fn tally(&self, votes: &VecMap<NodeId, bool>) -> VoteResult {
        let count = |said: bool| self.voters.iter().filter(|id| votes.get(*id) == Some(&said)).count();
        if count(true) >= self.majority() {
            VoteResult::Won
        } else if self.voters.len().saturating_sub(count(false)) < self.majority() {
            VoteResult::Lost
        } else {
            VoteResult::Open
        }
    }

    /// Do those for whom `said` holds make a majority?
    pub fn is_majority(&self, said: impl Fn(NodeId) -> bool) -> bool {
        self.voters.iter().filter(|id| said(**id)).count() >= self.majority()
    }

    /// The last place that a majority holds, where `holds` says up to where each voter's log is known to match (§5.3).
    pub fn held_by_majority(&self, holds: impl Fn(NodeId) -> LogIndex) -> LogIndex {
        let mut held: Vec<LogIndex> = self.voters.iter().map(|id| holds(*id)).collect();
        held.sort_unstable_by(|a, b| b.cmp(a));
        held.get(self.majority() - 1).copied().unwrap_or(LogIndex::ZERO)
    }
}

impl fmt::Display for Membership {
    /// `voters=(1 2 3)`, and the learners if there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |ids: &VecSet<NodeId>| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        write!(f, "voters=({})", words(&self.voters))?;
        if !self.learners.is_empty() {
            write!(f, " learners=({})", words(&self.learners))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(n: u64) -> Membership {
        Membership::of((1..=n).map(NodeId))
    }

    #[test]
    fn a_majority_is_more_than_half() {
        for (voters, majority) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
            assert_eq!(group(voters).majority(), majority, "of {voters}");
        }
    }

    #[test]
    fn a_vote_is_open_until_a_majority_or_its_impossibility() {
        let check = |voters: u64, votes: &[(u64, bool)], result: VoteResult| {
            let votes = votes.iter().map(|(id, yes)| (NodeId(*id), *yes)).collect();
            assert_eq!(group(voters).tally(&votes), result, "{voters} {votes:?}");
        };
        check(3, &[(1, true)], VoteResult::Open);
        check(3, &[(1, true), (2, false)], VoteResult::Open);
        check(3, &[(1, true), (3, true)], VoteResult::Won);
        check(3, &[(1, true), (2, false), (3, false)], VoteResult::Lost);
        check(4, &[(1, true), (2, true), (3, false), (4, false)], VoteResult::Lost);
        check(3, &[(1, true), (9, true)], VoteResult::Open);
        check(0, &[(1, true)], VoteResult::Lost);
    }

    #[test]
    fn what_a_majority_holds_is_committed() {
        let check = |held: &[u64], committed: u64| {
            let group = group(held.len() as u64);
            let holds = |id: NodeId| LogIndex(held[usize::try_from(id.0).unwrap() - 1]);
            assert_eq!(group.held_by_majority(holds), LogIndex(committed), "{held:?}");
        };
        check(&[7], 7);
        check(&[7, 3], 3);
        check(&[7, 3, 5], 5);
        check(&[7, 3, 5, 9], 5);
        check(&[0, 0, 0, 9, 9], 0);
        check(&[], 0);
    }

    #[test]
    fn members_change_one_at_a_time_and_never_to_none() {
        let one = group(1);
        let two = one.after(Change::AddLearner(NodeId(2))).unwrap();
        assert_eq!(two.to_string(), "voters=(1) learners=(2)");
        let promoted = two.after(Change::AddVoter(NodeId(2))).unwrap();
        assert_eq!(promoted.to_string(), "voters=(1 2)");
        assert_eq!(two.after(Change::AddLearner(NodeId(2))), Err(ChangeError::AlreadyMember(NodeId(2))));
        assert_eq!(promoted.after(Change::AddLearner(NodeId(1))), Err(ChangeError::Demotion(NodeId(1))));
        assert_eq!(one.after(Change::Remove(NodeId(1))), Err(ChangeError::LastVoter(NodeId(1))));
        assert_eq!(one.after(Change::Remove(NodeId(3))), Err(ChangeError::NoSuchMember(NodeId(3))));
        assert_eq!(one.after(Change::AddVoter(NodeId(1))), Err(ChangeError::AlreadyMember(NodeId(1))));
    }
}
