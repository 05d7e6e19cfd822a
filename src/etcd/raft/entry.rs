//! What a log holds, and the machine that the log drives.
//!
//! Raft paper §2 (replicated state machines) and §5.3. Models `Entry` of `raftpb/raft.proto` (etcd-io/raft); there a command is
//! bytes, here it is a value of the machine's own that is shared and never looked into.

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::Arc;

use crate::etcd::raft::membership::Change;
use crate::etcd::raft::number::{EntryId, LogIndex, Term};

/// What the log drives: members that apply the same commands in the same order hold equal machines. A snapshot is a clone
/// of it, so cloning must be cheap.
pub trait Machine: Clone + Debug + PartialEq + Eq + Hash {
    /// What it is told to do.
    type Command: Command;
}

/// A command, as far as the log cares.
pub trait Command: Clone + Debug + PartialEq + Eq + Hash {
    /// How many bytes it takes on the wire and on disk.
    fn size(&self) -> u64;
}

impl Command for String {
    fn size(&self) -> u64 {
        self.len() as u64
    }
}

/// What an entry costs beside its command: its term, its index, its kind.
const ENTRY_OVERHEAD: u64 = 12;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry<M: Machine> {
    /// The term of the leader that wrote it; never changes, whoever passes it on.
    pub term: Term,
    /// Its place.
    pub index: LogIndex,
    /// What it says.
    pub content: Content<M>,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content<M: Machine> {
    /// Nothing: a leader begins its term with it (§8), so that it may commit what it inherited (§5.4.2).
    Empty,
    /// A command for the machine.
    Command(Arc<M::Command>),
    /// A change of the membership, and what the machine is told with it (`ConfChange.Context`).
    Change(Change, Option<Arc<M::Command>>),
}

impl<M: Machine> Entry<M> {
    /// Its name.
    pub fn id(&self) -> EntryId {
        EntryId { term: self.term, index: self.index }
    }

    /// How many bytes it takes.
    pub fn size(&self) -> u64 {
        let command = match &self.content {
            Content::Command(command) | Content::Change(_, Some(command)) => command.size(),
            Content::Empty | Content::Change(_, None) => 0,
        };
        command.saturating_add(ENTRY_OVERHEAD)
    }
}

/// As many of `entries` from the start as fit into `max` bytes, but at least one.
pub(super) fn within<M: Machine>(entries: impl Iterator<Item = Entry<M>>, max: u64) -> Vec<Entry<M>> {
    let mut taken = Vec::new();
    let mut size = 0_u64;
    for entry in entries {
        size = size.saturating_add(entry.size());
        if size > max && !taken.is_empty() {
            break;
        }
        taken.push(entry);
    }
    taken
}

impl<M: Machine<Command: fmt::Display>> fmt::Display for Entry<M> {
    /// `term/index` and what it says: `2/11 ""`, `2/12 "put a=1"`, `2/13 add-learner 4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id(), self.content)
    }
}

impl<M: Machine<Command: fmt::Display>> fmt::Display for Content<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Empty => f.write_str("\"\""),
            Content::Command(command) => write!(f, "\"{command}\""),
            Content::Change(change, _) => write!(f, "{change}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::tests::kv::entries;

    #[test]
    fn as_much_as_fits_is_taken_and_never_nothing() {
        let all = entries(&[(1, 1), (1, 2), (1, 3)]);
        let one = all[0].size();
        for (max, taken) in [(0, 1), (one, 1), (2 * one - 1, 1), (2 * one, 2), (u64::MAX, 3)] {
            assert_eq!(within(all.iter().cloned(), max).len(), taken, "{max} bytes");
        }
        assert!(within(std::iter::empty::<Entry<crate::etcd::raft::tests::kv::Kv>>(), 9).is_empty());
    }
}
