//! What a leader knows of one member's log, and how it sends to it.
//!
//! Raft paper §5.3 (`nextIndex`, `matchIndex`); dissertation §10.2.1 (pipelining). Models `tracker/progress.go`,
//! `tracker/inflights.go` and `tracker/state.go` (etcd-io/raft).
//!
//! ```text
//! Probe -- accepted --> Replicate -- rejected, unreachable --> Probe
//! Probe, Replicate -- needs what is gone --> Snapshot -- follower is back in the log --> Replicate
//!                                            Snapshot -- reported sent or failed ------> Probe
//! ```

use std::collections::VecDeque;
use std::fmt;

use crate::etcd::raft::number::LogIndex;

/// How entries are sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// One message per heartbeat, to find where the logs part.
    Probe,
    /// One message after another without waiting for answers; the last index of each that is under way.
    Replicate {
        /// Ordered; never more than the limit.
        inflight: VecDeque<LogIndex>,
    },
    /// None: a snapshot up to `pending` is under way.
    Snapshot {
        /// The last index in it.
        pending: LogIndex,
    },
}

/// A member's progress. `matched < next`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Progress {
    /// Up to here its log is known to be the leader's.
    pub matched: LogIndex,
    /// What is sent to it next.
    pub next: LogIndex,
    /// How.
    pub phase: Phase,
    /// A message is under way that must be answered (or a heartbeat be) before another without entries goes.
    pub paused: bool,
    /// The highest commit index that was sent; below `next`.
    pub sent_commit: LogIndex,
    /// It was heard of since the last look.
    pub active: bool,
    /// How many messages may be under way.
    limit: usize,
}

impl Progress {
    /// Nothing is known; probing begins at `next`.
    pub(super) fn new(next: LogIndex, limit: u32) -> Progress {
        Progress {
            matched: LogIndex::ZERO,
            next,
            phase: Phase::Probe,
            paused: false,
            sent_commit: LogIndex::ZERO,
            active: false,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// Back to probing. After a snapshot that arrived the follower's answer says so; until then all after `matched` is in
    /// doubt.
    pub(super) fn become_probe(&mut self) {
        self.phase = Phase::Probe;
        self.restart();
    }

    /// On to replicating, from what is known to match.
    pub(super) fn become_replicate(&mut self) {
        self.phase = Phase::Replicate { inflight: VecDeque::new() };
        self.restart();
    }

    /// A snapshot up to `pending` goes.
    pub(super) fn become_snapshot(&mut self, pending: LogIndex) {
        self.phase = Phase::Snapshot { pending };
        self.paused = false;
    }

    fn restart(&mut self) {
        self.paused = false;
        self.next = self.matched.next();
        self.sent_commit = self.sent_commit.min(self.matched);
    }

    /// Are as many messages under way as may be?
    pub fn is_full(&self) -> bool {
        matches!(&self.phase, Phase::Replicate { inflight } if inflight.len() >= self.limit)
    }

    /// Must nothing be sent now?
    pub fn is_paused(&self) -> bool {
        match &self.phase {
            Phase::Probe => self.paused,
            Phase::Replicate { .. } => self.paused && self.is_full(),
            Phase::Snapshot { .. } => true,
        }
    }

    /// `last` is the last of the entries that were sent; `None` if there were none.
    pub(super) fn sent(&mut self, last: Option<LogIndex>, commit: LogIndex) {
        match (&mut self.phase, last) {
            (Phase::Replicate { inflight }, Some(last)) => {
                self.next = last.next();
                inflight.push_back(last);
                self.paused = inflight.len() >= self.limit;
            }
            (Phase::Replicate { inflight }, None) => self.paused = inflight.len() >= self.limit,
            (Phase::Probe | Phase::Snapshot { .. }, _) => self.paused = true,
        }
        self.sent_commit_in_heartbeat(commit);
    }

    /// A message that carries `commit` was sent.
    pub(super) fn sent_commit_in_heartbeat(&mut self, commit: LogIndex) {
        self.sent_commit = self.sent_commit.max(commit).min(self.next.previous());
    }

    /// Would telling it that the leader has committed up to `commit` be news?
    pub(super) fn can_learn_commit(&self, commit: LogIndex) -> bool {
        self.sent_commit < commit.min(self.next.previous())
    }

    /// It accepted all up to `index`. Says whether that is news.
    pub(super) fn accepted(&mut self, index: LogIndex) -> bool {
        let news = index > self.matched;
        if news {
            self.matched = index;
            self.next = self.next.max(index.next());
            self.paused = false;
        }
        news
    }

    /// The messages that ended at `index` or before have arrived.
    pub(super) fn arrived(&mut self, index: LogIndex) {
        if let Phase::Replicate { inflight } = &mut self.phase {
            while inflight.front().is_some_and(|last| *last <= index) {
                inflight.pop_front();
            }
        }
    }

    /// It rejected what followed `at`, and knows nothing that matches after `hint`. Says whether that is news, not an old
    /// message's answer.
    pub(super) fn rejected(&mut self, at: LogIndex, hint: LogIndex) -> bool {
        if let Phase::Replicate { .. } = self.phase {
            let news = at > self.matched;
            if news {
                self.next = self.matched.next();
                self.sent_commit = self.sent_commit.min(self.matched);
            }
            return news;
        }
        if self.next.previous() != at {
            return false;
        }
        self.next = at.min(hint.next()).max(self.matched.next());
        self.sent_commit = self.sent_commit.min(self.next.previous());
        self.paused = false;
        true
    }
}

impl fmt::Display for Progress {
    /// As upstream's status has it: `StateReplicate match=14 next=17 paused inflight=2[full]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.phase {
            Phase::Probe => "StateProbe",
            Phase::Replicate { .. } => "StateReplicate",
            Phase::Snapshot { .. } => "StateSnapshot",
        };
        write!(f, "{name} match={} next={}", self.matched, self.next)?;
        if self.is_paused() {
            f.write_str(" paused")?;
        }
        if let Phase::Snapshot { pending } = self.phase {
            write!(f, " pendingSnap={pending}")?;
        }
        if !self.active {
            f.write_str(" inactive")?;
        }
        if let Phase::Replicate { inflight } = &self.phase
            && !inflight.is_empty()
        {
            write!(f, " inflight={}{}", inflight.len(), if self.is_full() { "[full]" } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probing(matched: u64, next: u64) -> Progress {
        let mut progress = Progress::new(LogIndex(next), 2);
        progress.matched = LogIndex(matched);
        progress
    }

    #[test]
    fn a_probe_goes_out_once_and_then_waits() {
        let mut progress = probing(0, 5);
        assert!(!progress.is_paused());
        progress.sent(Some(LogIndex(7)), LogIndex(3));
        assert!(progress.is_paused());
        assert_eq!(progress.next, LogIndex(5), "probing is not optimistic");
    }

    #[test]
    fn replicating_goes_on_until_the_window_is_full() {
        let mut progress = probing(4, 9);
        progress.become_replicate();
        assert_eq!(progress.next, LogIndex(5));
        progress.sent(Some(LogIndex(6)), LogIndex(4));
        assert!(!progress.is_paused());
        progress.sent(Some(LogIndex(7)), LogIndex(4));
        assert!(progress.is_paused() && progress.is_full());
        assert_eq!(progress.to_string(), "StateReplicate match=4 next=8 paused inactive inflight=2[full]");
        assert!(progress.accepted(LogIndex(6)));
        progress.arrived(LogIndex(6));
        assert!(!progress.is_full());
    }

    #[test]
    fn an_old_rejection_changes_nothing() {
        let mut probe = probing(2, 6);
        assert!(!probe.rejected(LogIndex(3), LogIndex(1)), "not the probe that is under way");
        assert!(probe.rejected(LogIndex(5), LogIndex(3)));
        assert_eq!(probe.next, LogIndex(4));
        let mut replicate = probing(4, 6);
        replicate.become_replicate();
        assert!(!replicate.rejected(LogIndex(4), LogIndex(0)), "this much is known to match");
        assert!(replicate.rejected(LogIndex(7), LogIndex(5)));
        assert_eq!(replicate.next, LogIndex(5));
    }

    #[test]
    fn next_never_falls_to_what_matches() {
        let mut probe = probing(4, 6);
        assert!(probe.rejected(LogIndex(5), LogIndex(0)));
        assert_eq!(probe.next, LogIndex(5));
    }
}
