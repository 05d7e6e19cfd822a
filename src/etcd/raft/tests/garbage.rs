//! Messages that no correct member sends: none stops a member, and none makes it forget what it has applied.

use std::sync::Arc;

use crate::etcd::raft::tests::kv::{Kv, Put, entries, node_of, settle};
use crate::etcd::raft::tests::seeds::for_each_seed;
use crate::etcd::raft::{
    Ballot, Body, Change, Content, EntryId, LogIndex, Membership, Message, Node, NodeId, ReadId, Snapshot, Term,
};
use crate::sim::Rng;

fn id(rng: &mut Rng) -> EntryId {
    EntryId { term: term(rng), index: index(rng) }
}

/// Small mostly, so that some of it fits by accident, and now and then the greatest there is.
fn term(rng: &mut Rng) -> Term {
    Term(if rng.chance(10_000) { u64::MAX } else { rng.below(6) })
}

fn index(rng: &mut Rng) -> LogIndex {
    LogIndex(if rng.chance(10_000) { u64::MAX } else { rng.below(12) })
}

fn node(rng: &mut Rng) -> NodeId {
    NodeId(rng.below(6))
}

fn content(rng: &mut Rng) -> Content<Kv> {
    match rng.below(5) {
        0 => Content::Empty,
        1 => Content::Change(Change::AddVoter(node(rng)), None),
        2 => Content::Change(Change::AddLearner(node(rng)), None),
        3 => Content::Change(Change::Remove(node(rng)), None),
        _ => Content::Command(Arc::new(Put { key: 0, value: 1 })),
    }
}

fn body(rng: &mut Rng) -> Body<Kv> {
    let ballot = if rng.chance(500_000) { Ballot::Pre } else { Ballot::Real };
    let yes = rng.chance(500_000);
    match rng.below(13) {
        0 => Body::Vote { ballot, last: id(rng), transfer: yes },
        1 => Body::VoteReply { ballot, granted: yes },
        2 => {
            let (prev, first, term) = (id(rng), rng.below(9), rng.below(5));
            let ids: Vec<(u64, u64)> = (first..first + rng.below(4)).map(|index| (term, index)).collect();
            Body::Append { prev, entries: entries(&ids), commit: index(rng) }
        }
        3 => {
            let (prev, count) = (EntryId { term: term(rng), index: LogIndex(rng.below(9)) }, rng.below(4));
            let next = (1..=count).map(|n| (prev.term.0, prev.index.0 + n)).filter(|(term, _)| *term < u64::MAX / 100);
            let entries = entries(&next.filter(|(term, _)| *term < 100).collect::<Vec<_>>());
            Body::Append { prev, entries, commit: index(rng) }
        }
        4 => Body::AppendAccepted { last: index(rng) },
        5 => Body::AppendRejected { at: index(rng), hint: id(rng) },
        6 => Body::Heartbeat { commit: index(rng), read: yes.then_some(ReadId(7)) },
        7 => Body::HeartbeatReply { read: yes.then_some(ReadId(7)) },
        8 => {
            let membership = Membership::of((0..rng.below(4)).map(NodeId));
            Body::Snapshot(Snapshot { last: id(rng), membership, machine: Arc::new(Kv::default()) })
        }
        9 => Body::Propose((0..rng.below(3)).map(|_| content(rng)).collect()),
        10 => Body::ReadRequest(ReadId(7)),
        11 => Body::Transfer { target: node(rng) },
        _ => Body::TimeoutNow,
    }
}

fn message(rng: &mut Rng) -> Message<Kv> {
    let body = body(rng);
    let timeless = matches!(body, Body::Propose(_) | Body::ReadRequest(_));
    let term = (timeless == rng.chance(50_000)).then(|| term(rng));
    Message { from: node(rng), to: NodeId(1), term, body }
}

/// What a member has applied, as far as its log still says.
fn applied(node: &Node<Kv>) -> Vec<EntryId> {
    let log = node.log();
    (log.first_index().0..=log.applied().0).filter_map(|index| Some(log.entry(LogIndex(index))?.id())).collect()
}

#[test]
fn no_message_stops_a_member_or_takes_back_what_it_applied() {
    for_each_seed(2_000, |seed| {
        let mut rng = Rng::stream(seed, "raft garbage");
        let mut node = node_of(1, rng.between(1, 3));
        for _ in 0..300 {
            match rng.below(20) {
                0 => node.tick(),
                1 => node.campaign(),
                2 => drop(node.propose(Arc::new(Put { key: 0, value: 1 }))),
                3 => drop(node.read_index(ReadId(7))),
                4 => node.take_snapshot(Arc::new(Kv::default()), rng.below(3)),
                _ => drop(node.step(message(&mut rng))),
            }
            let before = applied(&node);
            if rng.chance(500_000) {
                settle(&mut node);
            }
            let log = node.log();
            assert!(log.applied() <= log.committed() && log.committed() <= log.last_index(), "{}", node.summary());
            let after = applied(&node);
            let kept = before.iter().filter(|id| id.index >= node.log().first_index());
            assert!(kept.into_iter().all(|id| after.contains(id)), "{}", node.summary());
        }
    });
}
