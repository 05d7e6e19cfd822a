//! What clients see is linearizable: each write and read takes place at one moment between its call and its answer.
//!
//! Dissertation §6.3 and §6.4. Clients talk to any member; a write is answered when that member applies it, a read when that
//! member has applied up to the index that the leader gave for it. `stateright`'s tester looks for an order.

use std::sync::Arc;

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use crate::etcd::raft::tests::chaos::Chaos;
use crate::etcd::raft::tests::cluster::Cluster;
use crate::etcd::raft::tests::kv::Put;
use crate::etcd::raft::tests::seeds::for_each_seed;
use crate::etcd::raft::{NodeId, ReadId};
use crate::sim::VecMap;

/// Registers as they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Registers(VecMap<u8, u32>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Call {
    Write(Put),
    Read(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Answer {
    Written,
    Value(Option<u32>),
}

impl SequentialSpec for Registers {
    type Op = Call;
    type Ret = Answer;

    fn invoke(&mut self, call: &Call) -> Answer {
        match call {
            Call::Write(put) => {
                self.0.insert(put.key, put.value);
                Answer::Written
            }
            Call::Read(key) => Answer::Value(self.0.get(key).copied()),
        }
    }
}

/// How members answer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// By read index.
    Linearizable,
    /// At once, from what they have applied (etcdctl's `--consistency=s`).
    Serializable,
}

/// A call under way.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// In the history.
    place: usize,
    at: NodeId,
    call: Call,
    read: ReadId,
    /// How many more things happen before the client gives up.
    patience: u32,
}

/// Calls and answers in the order of their times.
#[derive(Clone, Debug, Default)]
struct History {
    calls: Vec<(u64, Call, Option<Answer>)>,
    /// Which call, and whether it is its answer.
    events: Vec<(usize, bool)>,
}

impl History {
    fn call(&mut self, name: u64, call: Call) -> usize {
        self.calls.push((name, call, None));
        self.events.push((self.calls.len() - 1, false));
        self.calls.len() - 1
    }

    fn answer(&mut self, place: usize, answer: Answer) {
        self.calls[place].2 = Some(answer);
        self.events.push((place, true));
    }

    fn answered(&self) -> usize {
        self.calls.iter().filter(|(_, _, answer)| answer.is_some()).count()
    }

    /// Is there an order of the calls that explains all answers? Registers do not know of each other, so each may be asked
    /// alone; a call without an answer that nobody saw anything of need not have taken place.
    fn is_linearizable(&self) -> bool {
        [0, 1].into_iter().all(|key| self.explains(key))
    }

    fn explains(&self, key: u8) -> bool {
        let seen = |value: u32| self.calls.iter().any(|(_, _, answer)| *answer == Some(Answer::Value(Some(value))));
        let mut tester = LinearizabilityTester::new(Registers::default());
        for (place, is_answer) in &self.events {
            let (name, call, answer) = self.calls[*place];
            let (of, matters) = match call {
                Call::Write(put) => (put.key, answer.is_some() || seen(put.value)),
                Call::Read(key) => (key, answer.is_some()),
            };
            if of == key && matters {
                if let (true, Some(answer)) = (*is_answer, answer) {
                    tester.on_return(name, answer).unwrap();
                } else {
                    tester.on_invoke(name, call).unwrap();
                }
            }
        }
        tester.is_consistent()
    }
}

/// Clients; each has one call under way, and a new name after each that it gave up, as nobody knows what became of that.
struct Clients {
    reads: Reads,
    names: u64,
    clients: Vec<(u64, Option<Waiting>)>,
    next: u32,
    history: History,
}

const CLIENTS: u64 = 3;
/// How many calls they make.
const CALLS: u32 = 24;

impl Clients {
    fn new(reads: Reads) -> Clients {
        let clients = (0..CLIENTS).map(|name| (name, None)).collect();
        Clients { reads, names: CLIENTS, clients, next: 0, history: History::default() }
    }

    fn step(&mut self, cluster: &mut Cluster, chaos: &mut Chaos) {
        for place in 0..self.clients.len() {
            match self.clients[place].1 {
                None if self.next < CALLS && chaos.rng.chance(10_000) => self.call(place, cluster, chaos),
                None => {}
                Some(waiting) => {
                    if let Some(answer) = answer(cluster, &waiting) {
                        self.history.answer(waiting.place, answer);
                        self.clients[place].1 = None;
                    } else if waiting.patience == 0 || cluster.node(waiting.at).is_none() {
                        self.clients[place] = (self.names, None);
                        self.names += 1;
                    } else {
                        self.clients[place].1 = Some(Waiting { patience: waiting.patience - 1, ..waiting });
                    }
                }
            }
        }
        for id in cluster.ids() {
            cluster.members.get_mut(&id).unwrap().applied.clear();
        }
    }

    fn call(&mut self, place: usize, cluster: &mut Cluster, chaos: &mut Chaos) {
        let at = chaos.any(cluster);
        let next = self.next + 1;
        let key = u8::try_from(chaos.rng.below(2)).unwrap();
        let read = ReadId(next.into());
        let call = if chaos.rng.chance(500_000) { Call::Read(key) } else { Call::Write(Put { key, value: next }) };
        let taken = match (call, self.reads) {
            (Call::Write(put), _) => cluster.with(at, |node| node.propose(Arc::new(put)).is_ok()).unwrap_or_default(),
            (Call::Read(_), Reads::Linearizable) => {
                cluster.with(at, |node| node.read_index(read).is_ok()).unwrap_or_default()
            }
            (Call::Read(key), Reads::Serializable) => {
                let Some(member) = cluster.members.get(&at) else { return };
                let value = member.machine.values.get(&key).copied();
                let name = self.clients[place].0;
                let place = self.history.call(name, call);
                self.history.answer(place, Answer::Value(value));
                self.next = next;
                return;
            }
        };
        if taken {
            self.next = next;
            let name = self.clients[place].0;
            let call_place = self.history.call(name, call);
            self.clients[place].1 = Some(Waiting { place: call_place, at, call, read, patience: 600 });
        }
    }
}

/// The answer, if the member that was asked has it now.
fn answer(cluster: &Cluster, waiting: &Waiting) -> Option<Answer> {
    let member = cluster.members.get(&waiting.at)?;
    let applied = member.node.as_ref()?.log().applied();
    match waiting.call {
        Call::Write(put) => member.applied.contains(&put.value).then_some(Answer::Written),
        Call::Read(key) => {
            let allowed = member.reads.iter().any(|read| read.id == waiting.read && read.index <= applied);
            allowed.then(|| Answer::Value(member.machine.values.get(&key).copied()))
        }
    }
}

/// Runs clients under chaos: whether there is an order, and how many calls were answered.
fn run(seed: u64, reads: Reads) -> (bool, usize) {
    let mut chaos = Chaos::new(seed, "raft history");
    let members = chaos.rng.below(2) * 2 + 3;
    let mut cluster = chaos.cluster(members, seed);
    let mut clients = Clients::new(reads);
    for _ in 0..6_000 {
        chaos.step(&mut cluster);
        clients.step(&mut cluster, &mut chaos);
    }
    (clients.history.is_linearizable(), clients.history.answered())
}

#[test]
fn reads_by_read_index_and_writes_are_linearizable() {
    for_each_seed(1_000, |seed| {
        let (consistent, _) = run(seed, Reads::Linearizable);
        assert!(consistent, "no order of the calls explains their answers");
    });
}

#[test]
fn most_runs_answer_calls_and_reads_without_the_leader_are_caught() {
    let runs: Vec<(bool, usize)> = (0..40).map(|seed| run(seed, Reads::Linearizable)).collect();
    let answered: usize = runs.iter().map(|(_, answered)| answered).sum();
    assert!(answered > 250, "only {answered} calls of 40 runs were answered");
    assert!((0..40).any(|seed| !run(seed, Reads::Serializable).0), "the tester finds nothing wrong with stale reads");
}
