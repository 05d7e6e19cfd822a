//! The numbers of Raft: members, terms, places in the log, requests to read.
//!
//! Raft paper §5.1 (terms) and §5.3 (indexes). Models the bare `uint64` of `raftpb/raft.proto` (etcd-io/raft); there a member
//! of 0 is nobody and a term of 0 is no term, here that is an `Option`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A member of the group. etcd draws such numbers from a member's URLs and prints them in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    /// Hexadecimal digits, no zeros before them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A term: the time of at most one leader. It never goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Term(pub u64);

impl Term {
    /// The term before the first: nobody was elected in it, and what stands before a log is of this term.
    pub const ZERO: Term = Term(0);

    /// The term after this one.
    pub fn next(self) -> Term {
        Term(self.0.saturating_add(1))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in the log. The first entry is at 1; 0 is the place before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogIndex(pub u64);

impl LogIndex {
    /// The place before the first entry.
    pub const ZERO: LogIndex = LogIndex(0);

    /// The place `n` further on.
    pub fn plus(self, n: u64) -> LogIndex {
        LogIndex(self.0.saturating_add(n))
    }

    /// The place after this one.
    pub fn next(self) -> LogIndex {
        self.plus(1)
    }

    /// The place before this one; 0 has none before it and stays.
    pub fn previous(self) -> LogIndex {
        LogIndex(self.0.saturating_sub(1))
    }

    /// How many places `self` is after `earlier`; 0 if it is not after it.
    pub fn since(self, earlier: LogIndex) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names an entry: two logs that hold entries of one name hold the same entries up to it (§5.3, the log matching property).
/// The order is the one of "more up to date" (§5.4.1): by term, then by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId {
    /// The term in which a leader wrote it.
    pub term: Term,
    /// Its place.
    pub index: LogIndex,
}

impl fmt::Display for EntryId {
    /// `term/index`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.term, self.index)
    }
}

/// A request to read, numbered by who asks. No number may come twice in a group's life, restarts included: a late answer to
/// the first use would pass for the answer to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReadId(pub u64);

impl fmt::Display for ReadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(term: u64, index: u64) -> EntryId {
        EntryId { term: Term(term), index: LogIndex(index) }
    }

    #[test]
    fn a_later_term_is_more_up_to_date_than_a_longer_log() {
        assert!(id(3, 1) > id(2, 9));
        assert!(id(2, 9) > id(2, 8));
    }

    #[test]
    fn there_is_no_place_before_zero() {
        assert_eq!(LogIndex::ZERO.previous(), LogIndex::ZERO);
        assert_eq!(LogIndex(3).since(LogIndex(5)), 0);
        assert_eq!(LogIndex(u64::MAX).next(), LogIndex(u64::MAX));
    }
}
