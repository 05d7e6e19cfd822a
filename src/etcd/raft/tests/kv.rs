//! The machine of the tests: registers by name, and the order in which they were written.

use std::sync::Arc;

use crate::etcd::raft::{
    Body, Command, Config, Content, Entry, EntryId, LogIndex, Machine, Message, Node, NodeId, Storage, Term,
};
use crate::sim::{Rng, VecMap};

/// What is written: `value` into `key`. Values are never written twice, so that each names its write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Put {
    /// Which register.
    pub key: u8,
    /// What.
    pub value: u32,
}

impl Command for Put {
    fn size(&self) -> u64 {
        8
    }
}

impl std::fmt::Display for Put {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", char::from(b'a' + self.key), self.value)
    }
}

/// Registers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kv {
    /// What each holds.
    pub values: VecMap<u8, u32>,
    /// How many writes it has seen.
    pub writes: u64,
}

impl Machine for Kv {
    type Command = Put;
}

impl Kv {
    /// Applies what an entry says.
    pub fn apply(&mut self, entry: &Entry<Kv>) {
        if let Content::Command(put) = &entry.content {
            self.values.insert(put.key, put.value);
            self.writes += 1;
        }
    }
}

/// Entries of these terms and indexes, each with a value that tells it from all others.
pub fn entries(ids: &[(u64, u64)]) -> Vec<Entry<Kv>> {
    let entry = |(term, index): &(u64, u64)| {
        let put = Put { key: 0, value: u32::try_from(term * 100 + index).unwrap() };
        Entry { term: Term(*term), index: LogIndex(*index), content: Content::Command(Arc::new(put)) }
    };
    ids.iter().map(entry).collect()
}

/// Entries from a leader of `term`.
pub fn append(from: u64, to: u64, term: u64, prev: (u64, u64), entries: Vec<Entry<Kv>>) -> Message<Kv> {
    let prev = EntryId { term: Term(prev.0), index: LogIndex(prev.1) };
    let body = Body::Append { prev, entries, commit: prev.index };
    Message { from: NodeId(from), to: NodeId(to), term: Some(Term(term)), body }
}

/// Does all the work that a member has, as if disks and machines were instant, and loses its messages.
pub fn settle(node: &mut Node<Kv>) {
    while let Some(ready) = node.ready() {
        node.advance(ready);
    }
}

/// Member `id` of a new group of `n`, having applied the entries that the group begins with: term 1, log up to `1/n`.
pub fn node_of(id: u64, n: u64) -> Node<Kv> {
    let voters: Vec<NodeId> = (1..=n).map(NodeId).collect();
    let storage = Storage::bootstrap(voters.iter().map(|id| (*id, None)), Kv::default());
    let mut node = Node::start(NodeId(id), Config::default(), storage, None, Rng::stream(id, "raft"));
    settle(&mut node);
    node
}

/// [`node_of`] with three members.
pub fn node_of_three(id: u64) -> Node<Kv> {
    node_of(id, 3)
}
