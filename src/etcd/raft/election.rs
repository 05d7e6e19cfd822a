//! Elections: who campaigns when, who votes for whom.
//!
//! Raft paper §5.2 (elections, randomised time-outs) and §5.4.1 (who may win); dissertation §9.6 (pre-vote) and §4.2.3 (who
//! disturbs a group whose leader lives is not listened to). Models `hup`, `campaign`, `becomeFollower`, `becomeCandidate`,
//! `becomePreCandidate`, `tickElection` and the vote part of `Step` of `raft.go` (etcd-io/raft).

use crate::etcd::raft::entry::Machine;
use crate::etcd::raft::membership::VoteResult;
use crate::etcd::raft::message::{Ballot, Body};
use crate::etcd::raft::node::{Node, Role};
use crate::etcd::raft::number::{EntryId, NodeId, Term};
use crate::sim::VecMap;

/// Why a member campaigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Campaign {
    /// To see whether it could win.
    Ask,
    /// To win.
    Run,
    /// To win, as the leader told it to.
    Transfer,
}

impl<M: Machine> Node<M> {
    /// Campaigns as if the time-out was over. Nothing happens where it may not: it leads, does not vote, or has yet to apply
    /// what may change who votes.
    pub fn campaign(&mut self) {
        self.start_campaign(if self.config.pre_vote { Campaign::Ask } else { Campaign::Run });
    }

    pub(super) fn tick_election(&mut self) {
        self.election_elapsed = self.election_elapsed.saturating_add(1);
        if self.is_promotable() && self.election_elapsed >= self.election_timeout {
            self.election_elapsed = 0;
            self.campaign();
        }
    }

    pub(super) fn start_campaign(&mut self, why: Campaign) {
        let leads = matches!(self.role, Role::Leader(_));
        if !leads && self.is_promotable() && !self.log.has_unapplied_change() {
            self.run(why);
        }
    }

    /// May it become leader?
    fn is_promotable(&self) -> bool {
        self.membership.is_voter(self.id) && !self.log.awaits_snapshot()
    }

    fn run(&mut self, why: Campaign) {
        let (ballot, term) = match why {
            Campaign::Ask => {
                self.become_pre_candidate();
                (Ballot::Pre, self.term.next())
            }
            Campaign::Run | Campaign::Transfer => {
                self.become_candidate();
                (Ballot::Real, self.term)
            }
        };
        let transfer = why == Campaign::Transfer;
        let last = self.log.last();
        for id in &self.membership.voters {
            let body = if *id == self.id {
                // Its own vote counts once it is on disk, like any other.
                Body::VoteReply { ballot, granted: true }
            } else {
                Body::Vote { ballot, last, transfer }
            };
            self.outbox.send(*id, Some(term), body);
        }
    }

    pub(super) fn become_follower(&mut self, term: Term, leader: Option<NodeId>) {
        self.reset(term);
        self.leader = leader;
        self.role = Role::Follower;
    }

    /// Neither term nor vote nor time-out change: a question binds nobody.
    fn become_pre_candidate(&mut self) {
        self.leader = None;
        self.role = Role::PreCandidate { votes: VecMap::new() };
    }

    fn become_candidate(&mut self) {
        self.reset(self.term.next());
        self.vote = Some(self.id);
        self.role = Role::Candidate { votes: VecMap::new() };
    }

    /// What every change of role but to pre-candidate begins with.
    pub(super) fn reset(&mut self, term: Term) {
        if self.term != term {
            self.term = term;
            self.vote = None;
        }
        self.leader = None;
        self.election_elapsed = 0;
        let ticks = u64::from(self.config.election_ticks);
        let timeout = self.rng.between(ticks, 2 * ticks - 1);
        self.election_timeout = u32::try_from(timeout).unwrap_or(u32::MAX);
    }

    /// Was a leader heard of so lately that nobody else need campaign? (The leader hears itself.)
    pub(super) fn hears_from_leader(&self) -> bool {
        self.config.check_quorum && self.leader.is_some() && self.election_elapsed < self.config.election_ticks
    }

    /// Somebody asks for a vote for `term`, which is this member's or, of a question, a later one. Learners vote as well: one
    /// that was promoted may not know it yet, and a candidate that does not count it is not harmed.
    pub(super) fn handle_vote(&mut self, from: NodeId, term: Term, ballot: Ballot, last: EntryId) {
        let free = self.vote == Some(from)
            || (self.vote.is_none() && self.leader.is_none())
            || (ballot == Ballot::Pre && term > self.term);
        let granted = free && self.log.is_up_to_date(last);
        if granted && ballot == Ballot::Real {
            self.election_elapsed = 0;
            self.vote = Some(from);
        }
        // A yes is for the term that was asked for; a no tells of the term that this member is in.
        let term = if granted { term } else { self.term };
        self.outbox.send(from, Some(term), Body::VoteReply { ballot, granted });
    }

    /// Somebody answered; answers to an earlier campaign are of an earlier term or the other kind.
    pub(super) fn handle_vote_reply(&mut self, from: NodeId, ballot: Ballot, granted: bool) {
        let votes = match (&mut self.role, ballot) {
            (Role::PreCandidate { votes }, Ballot::Pre) | (Role::Candidate { votes }, Ballot::Real) => votes,
            _ => return,
        };
        votes.entry(from).or_insert(granted);
        match self.membership.tally(votes) {
            VoteResult::Won if ballot == Ballot::Pre => self.run(Campaign::Run),
            VoteResult::Won => {
                self.become_leader();
                self.broadcast_append();
            }
            VoteResult::Lost => self.become_follower(self.term, None),
            VoteResult::Open => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::message::Message;
    use crate::etcd::raft::node::RoleName;
    use crate::etcd::raft::number::LogIndex;
    use crate::etcd::raft::tests::kv::{Kv, node_of_three};

    fn ask(from: u64, term: u64, last: (u64, u64), ballot: Ballot) -> Message<Kv> {
        let last = EntryId { term: Term(last.0), index: LogIndex(last.1) };
        let body = Body::Vote { ballot, last, transfer: false };
        Message { from: NodeId(from), to: NodeId(1), term: Some(Term(term)), body }
    }

    /// What member 1 (term 1, log up to 1/3) answers, as (term, granted).
    fn answers(node: &mut Node<Kv>, message: Message<Kv>) -> Option<(u64, bool)> {
        node.step(message).unwrap();
        let replies = std::mem::take(&mut node.outbox.once_saved);
        replies.into_iter().find_map(|reply| match reply.body {
            Body::VoteReply { granted, .. } => Some((reply.term?.0, granted)),
            _ => None,
        })
    }

    #[test]
    fn a_vote_is_given_once_a_term_and_only_to_who_is_up_to_date() {
        let check = |asked: &[(u64, u64, (u64, u64))], answered: (u64, bool)| {
            let mut node = node_of_three(1);
            let mut last = None;
            for (from, term, log) in asked {
                last = answers(&mut node, ask(*from, *term, *log, Ballot::Real));
            }
            assert_eq!(last, Some(answered), "{asked:?}");
        };
        check(&[(2, 2, (1, 3))], (2, true));
        check(&[(2, 2, (1, 9))], (2, true));
        check(&[(2, 2, (1, 2))], (2, false));
        check(&[(2, 2, (1, 3)), (2, 2, (1, 3))], (2, true));
        check(&[(2, 2, (1, 3)), (3, 2, (1, 3))], (2, false));
        check(&[(2, 2, (1, 3)), (3, 3, (1, 3))], (3, true));
    }

    #[test]
    fn a_question_changes_nothing() {
        let mut node = node_of_three(1);
        assert_eq!(answers(&mut node, ask(2, 9, (1, 3), Ballot::Pre)), Some((9, true)));
        assert_eq!(answers(&mut node, ask(3, 9, (1, 3), Ballot::Pre)), Some((9, true)));
        assert_eq!((node.term, node.vote), (Term(1), None));
        assert_eq!(answers(&mut node, ask(3, 9, (1, 1), Ballot::Pre)), Some((1, false)));
    }

    #[test]
    fn nobody_campaigns_before_the_time_out_and_everybody_by_twice_of_it() {
        for seed in 0..200 {
            let mut node = node_of_three(1);
            node.rng = crate::sim::Rng::stream(seed, "election");
            node.become_follower(Term(1), None);
            let ticks = (1..).find(|_| {
                node.tick();
                node.role.name() != RoleName::Follower
            });
            assert!(ticks.is_some_and(|ticks| (10..20).contains(&ticks)), "seed {seed}: {ticks:?}");
        }
    }

    #[test]
    fn a_member_that_is_alone_elects_itself_once_its_vote_is_on_disk() {
        let mut node = crate::etcd::raft::tests::kv::node_of(1, 1);
        node.campaign();
        assert_eq!(node.role.name(), RoleName::PreCandidate);
        for _ in 0..3 {
            let ready = node.ready().unwrap();
            node.advance(ready);
        }
        assert_eq!((node.role.name(), node.term), (RoleName::Leader, Term(2)));
    }
}
