//! All that can happen in a group of three within bounds: every order of messages, each lost or doubled, elections at any
//! time, a crash at any moment, before or after the disk was written.
//!
//! Clocks are not in it: a member may campaign whenever it likes, which is more than any clock lets it. What is told apart of a
//! member is all but its clock and its random numbers.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use stateright::{Checker, Model, Property};

use crate::etcd::raft::tests::kv::{Kv, Put, entries, settle};
use crate::etcd::raft::{
    Config, Entry, EntryId, HardState, LogIndex, Membership, Message, Node, NodeId, Snapshot, Storage, Term,
};
use crate::sim::{Rng, VecSet, digest_of};

/// The bounds.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    config: Config,
    /// The last term in which anybody campaigns.
    terms: u64,
    /// How many commands are proposed.
    commands: u32,
    /// How many crashes there are.
    crashes: u32,
    /// How many messages come twice.
    doubles: u32,
    /// The logs at the beginning: the terms of each member's entries.
    logs: [&'static [u64]; 3],
}

/// A member, told apart by what matters.
#[derive(Clone, Debug)]
struct Timeless(Node<Kv>);

impl Hash for Timeless {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let node = &self.0;
        (node.term, node.vote, node.leader, &node.role, &node.log).hash(state);
    }
}

impl PartialEq for Timeless {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        (a.term, a.vote, a.leader, &a.role, &a.log) == (b.term, b.vote, b.leader, &b.role, &b.log)
    }
}

/// The group, what is or was under way, and what was seen.
#[derive(Clone, Debug, PartialEq, Hash)]
struct World {
    nodes: Vec<Timeless>,
    /// Ordered, none twice. What never arrives is lost.
    network: Vec<Message<Kv>>,
    commands: u32,
    crashes: u32,
    doubles: u32,
    leaders: VecSet<(Term, NodeId)>,
    /// What is committed, each with the term in which a leader found that it is.
    committed: Vec<(Entry<Kv>, Term)>,
    /// Two members found different entries committed at one place.
    torn: bool,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
enum Happening {
    Campaign(usize),
    Propose(usize),
    Deliver(usize),
    /// A message arrives, and will again.
    Double(usize),
    Crash(usize),
    /// A message arrives, what it leads to is sent, and the member crashes before its disk is written.
    DeliverAndCrash(usize),
    /// The same with the beginning of a campaign.
    CampaignAndCrash(usize),
}

impl World {
    fn new(bounds: &Bounds) -> World {
        let membership = Membership::of((1..=3).map(NodeId));
        let snapshot = Snapshot { last: EntryId::default(), membership, machine: Arc::new(Kv::default()) };
        let term = Term(bounds.logs.iter().filter_map(|terms| terms.last().copied()).max().unwrap_or_default());
        let node = |(id, terms): (u64, &&[u64])| {
            let mut disk = Storage::from_snapshot(snapshot.clone());
            let ids: Vec<(u64, u64)> = (1..).zip(terms.iter()).map(|(index, term)| (*term, index)).collect();
            disk.append(&entries(&ids));
            disk.write_hard_state(HardState { term, vote: None, commit: LogIndex::ZERO });
            start(bounds, NodeId(id), disk)
        };
        World {
            nodes: (1..).zip(&bounds.logs).map(node).collect(),
            network: Vec::new(),
            commands: 0,
            crashes: 0,
            doubles: 0,
            leaders: VecSet::new(),
            committed: Vec::new(),
            torn: false,
        }
    }

    /// A member does all its work.
    fn work(&mut self, place: usize) {
        while let Some(mut ready) = self.nodes[place].0.ready() {
            self.network.append(&mut ready.messages);
            self.network.append(&mut ready.replies);
            self.nodes[place].0.advance(ready);
        }
    }

    /// A member begins its work, and crashes.
    fn crash(&mut self, place: usize, bounds: &Bounds) {
        if let Some(mut ready) = self.nodes[place].0.ready() {
            self.network.append(&mut ready.messages);
        }
        let node = self.nodes[place].0.clone();
        self.nodes[place] = start(bounds, node.id(), node.crash());
        self.crashes += 1;
    }

    /// Notes what is new, and forgets messages that can do nothing any more: their terms are over on their receiver's disk.
    fn look(&mut self, place: usize) {
        let node = &self.nodes[place].0;
        if node.is_leader() {
            self.leaders.insert((node.term(), node.id()));
        }
        for index in 1..=node.log().committed().0 {
            let Some(entry) = node.log().entry(LogIndex(index)).cloned() else { continue };
            match self.committed.get(usize::try_from(index).unwrap() - 1) {
                Some((known, _)) => self.torn |= *known != entry,
                None => self.committed.push((entry, node.term())),
            }
        }
        let terms: Vec<Term> = self.nodes.iter().map(|node| node.0.log().storage().hard_state().term).collect();
        self.network.retain(|message| message.term >= Some(terms[usize::try_from(message.to.0).unwrap() - 1]));
        self.network.sort_by_cached_key(digest_of);
        self.network.dedup();
    }

    fn has_complete_leaders(&self) -> bool {
        self.nodes.iter().filter(|node| node.0.is_leader()).all(|node| {
            let before = self.committed.iter().filter(|(_, found)| *found < node.0.term());
            before.into_iter().all(|(entry, _)| node.0.log().entry(entry.index) == Some(entry))
        })
    }

    fn has_matching_logs(&self) -> bool {
        self.nodes.iter().all(|a| self.nodes.iter().all(|b| match_each_other(&a.0, &b.0)))
    }
}

fn start(bounds: &Bounds, id: NodeId, storage: Storage<Kv>) -> Timeless {
    let mut node = Node::start(id, bounds.config, storage, None, Rng::stream(id.0, "model"));
    settle(&mut node);
    Timeless(node)
}

/// Is everything up to the last entry of one name equal?
fn match_each_other(a: &Node<Kv>, b: &Node<Kv>) -> bool {
    let last = a.log().last_index().min(b.log().last_index());
    let same = (1..=last.0).rev().find(|index| a.log().term(LogIndex(*index)) == b.log().term(LogIndex(*index)));
    (1..=same.unwrap_or(0)).all(|index| a.log().entry(LogIndex(index)) == b.log().entry(LogIndex(index)))
}

impl Model for Bounds {
    type State = World;
    type Action = Happening;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happening>) {
        let may_crash = world.crashes < self.crashes;
        for (place, node) in world.nodes.iter().enumerate() {
            if node.0.term().0 < self.terms && !node.0.is_leader() {
                actions.push(Happening::Campaign(place));
                actions.extend(may_crash.then_some(Happening::CampaignAndCrash(place)));
            }
            if node.0.is_leader() && world.commands < self.commands {
                actions.push(Happening::Propose(place));
            }
            actions.extend(may_crash.then_some(Happening::Crash(place)));
        }
        for message in 0..world.network.len() {
            actions.push(Happening::Deliver(message));
            actions.extend((world.doubles < self.doubles).then_some(Happening::Double(message)));
            actions.extend(may_crash.then_some(Happening::DeliverAndCrash(message)));
        }
    }

    fn next_state(&self, world: &World, happening: Happening) -> Option<World> {
        let mut next = world.clone();
        let place = match happening {
            Happening::Campaign(place) | Happening::CampaignAndCrash(place) => {
                next.nodes[place].0.campaign();
                place
            }
            Happening::Propose(place) => {
                next.commands += 1;
                let put = Put { key: 0, value: next.commands };
                next.nodes[place].0.propose(Arc::new(put)).ok()?;
                place
            }
            Happening::Deliver(message) | Happening::DeliverAndCrash(message) => {
                let message = next.network.remove(message);
                let place = usize::try_from(message.to.0).unwrap() - 1;
                next.nodes[place].0.step(message).ok()?;
                place
            }
            Happening::Double(message) => {
                next.doubles += 1;
                let message = next.network[message].clone();
                let place = usize::try_from(message.to.0).unwrap() - 1;
                next.nodes[place].0.step(message).ok()?;
                place
            }
            Happening::Crash(place) => place,
        };
        match happening {
            Happening::Crash(_) | Happening::DeliverAndCrash(_) | Happening::CampaignAndCrash(_) => {
                next.crash(place, self);
            }
            _ => next.work(place),
        }
        next.look(place);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("election safety", |_, world: &World| {
                let terms: VecSet<Term> = world.leaders.iter().map(|(term, _)| *term).collect();
                terms.len() == world.leaders.len()
            }),
            Property::always("log matching", |_, world: &World| world.has_matching_logs()),
            Property::always("leader completeness", |_, world: &World| world.has_complete_leaders()),
            Property::always("state-machine safety", |_, world: &World| !world.torn),
            Property::sometimes("an entry of the last term is committed", |bounds: &Bounds, world: &World| {
                world.committed.iter().any(|(entry, _)| entry.term.0 == bounds.terms)
            }),
        ]
    }
}

/// For a soak: there is no world within the bounds that is not looked at.
const ALL: usize = usize::MAX;

/// Looks at every world within the bounds and within `depth` happenings, with `KUBARIUM_SOAK` within `soak`.
fn check(bounds: Bounds, depth: usize, soak: usize) {
    let depth = if std::env::var("KUBARIUM_SOAK").is_ok() { soak } else { depth };
    let checker = bounds.checker().threads(2).target_max_depth(depth).spawn_bfs().join();
    let (all, apart, deep) = (checker.state_count(), checker.unique_state_count(), checker.max_depth());
    eprintln!("{all} worlds, {apart} told apart, {deep} happenings deep");
    checker.assert_properties();
}

/// Three members without a log; nothing but elections, and all that comes of them.
const NEW: Bounds = Bounds {
    config: Config { pre_vote: false, check_quorum: false, ..Config::ETCD },
    terms: 1,
    commands: 0,
    crashes: 0,
    doubles: 0,
    logs: [&[], &[], &[]],
};

#[test]
fn one_term_and_a_command() {
    check(Bounds { commands: 1, ..NEW }, 18, ALL);
}

#[test]
fn two_terms() {
    check(Bounds { terms: 2, ..NEW }, 100, ALL);
}

#[test]
fn a_term_with_pre_vote() {
    let config = Config { pre_vote: true, ..NEW.config };
    // All of them take more memory than 24 GB.
    check(Bounds { config, ..NEW }, 11, 15);
}

#[test]
fn two_terms_and_a_crash() {
    check(Bounds { terms: 2, crashes: 1, ..NEW }, 9, ALL);
}

#[test]
fn two_terms_and_a_message_that_comes_twice() {
    check(Bounds { terms: 2, doubles: 1, ..NEW }, 11, ALL);
}

/// Figure 8 of the paper: what a majority holds of an earlier term is not committed by that alone.
#[test]
fn an_inherited_entry_may_still_be_overwritten() {
    let config = Config { max_message_bytes: 1, ..NEW.config };
    check(Bounds { config, terms: 5, logs: [&[1, 2], &[1], &[1, 3]], ..NEW }, 14, ALL);
}
