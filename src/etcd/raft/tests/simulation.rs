//! Random faults, then peace: the laws hold throughout, nothing that was acknowledged is lost, and all agree in the end.

use std::sync::Arc;

use crate::etcd::raft::tests::chaos::Chaos;
use crate::etcd::raft::tests::cluster::Cluster;
use crate::etcd::raft::tests::kv::{Kv, Put};
use crate::etcd::raft::tests::seeds::for_each_seed;
use crate::etcd::raft::{Change, Content, LogIndex, Node, NodeId, Proposed, ReadId, RoleName, Storage};
use crate::sim::{VecMap, VecSet};

/// A run: a group, its faults, and what it has promised.
struct Run {
    cluster: Cluster,
    chaos: Chaos,
    /// How often a change of the membership is proposed, per million things that happen.
    change: u32,
    next_value: u32,
    next_read: u64,
    /// Reads under way, with up to where anybody had applied when they were asked for.
    asked: VecMap<ReadId, LogIndex>,
    /// Proposals that were taken, as (member, value); acknowledged once that member applies them.
    proposed: VecSet<(NodeId, u32)>,
    acknowledged: VecSet<u32>,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut chaos = Chaos::new(seed, "raft simulation");
        let members = [1, 3, 3, 3, 5][usize::try_from(chaos.rng.below(5)).unwrap()];
        let change = u32::try_from(chaos.rng.below(3_000)).unwrap();
        Run {
            cluster: chaos.cluster(members, seed),
            chaos,
            change,
            next_value: 0,
            next_read: 0,
            asked: VecMap::new(),
            proposed: VecSet::new(),
            acknowledged: VecSet::new(),
        }
    }

    /// One thing happens.
    fn step(&mut self) {
        self.chaos.step(&mut self.cluster);
        let id = self.chaos.any(&self.cluster);
        match self.chaos.rng.below(100) {
            0..3 => self.propose(id),
            3 => self.read(id),
            _ if self.chaos.rng.chance(self.change) => self.change(id),
            _ => {}
        }
        self.cluster.ids().into_iter().for_each(|id| self.check_promises(id));
    }

    fn propose(&mut self, id: NodeId) {
        self.next_value += 1;
        let put = Put { key: u8::try_from(self.next_value % 3).unwrap(), value: self.next_value };
        if let Some(Ok(Proposed::Appended(_) | Proposed::Forwarded(_))) =
            self.cluster.with(id, |node| node.propose(Arc::new(put)))
        {
            self.proposed.insert((id, put.value));
        }
    }

    fn read(&mut self, id: NodeId) {
        self.next_read += 1;
        let read = ReadId(self.next_read);
        if let Some(Ok(())) = self.cluster.with(id, |node| node.read_index(read)) {
            self.asked.insert(read, self.cluster.laws.applied_to());
        }
    }

    /// A change of the membership is proposed; who is to be new starts with an empty disk.
    fn change(&mut self, id: NodeId) {
        let new = NodeId(self.cluster.members.len() as u64 + 1);
        let old = self.chaos.any(&self.cluster);
        let change = match self.chaos.rng.below(4) {
            0 if self.cluster.members.len() < 7 => Change::AddLearner(new),
            1 if self.cluster.members.len() < 7 => Change::AddVoter(new),
            2 => Change::AddVoter(old),
            _ => Change::Remove(old),
        };
        let voters = self.cluster.node(id).map_or(0, |node| node.membership().voters.len());
        if matches!(change, Change::Remove(_)) && voters <= 2 {
            // Of two, the one that stays cannot know that the other's removal is committed if that one is gone first: a
            // change takes effect where it is applied, as upstream's.
            return;
        }
        let accepted = self.cluster.with(id, |node| node.propose_change(change, None));
        if let (Some(Ok(_)), Change::AddLearner(added) | Change::AddVoter(added)) = (accepted, change)
            && added == new
        {
            self.cluster.join(new, Storage::empty(Kv::default()));
        }
    }

    /// What a member just applied or may read now.
    fn check_promises(&mut self, id: NodeId) {
        let Some(member) = self.cluster.members.get_mut(&id) else { return };
        for read in member.reads.drain(..) {
            if let Some(at_least) = self.asked.remove(&read.id) {
                assert!(read.index >= at_least, "read {} at {}, but {at_least} was applied", read.id, read.index);
            }
        }
        for value in member.applied.drain(..) {
            if self.proposed.remove(&(id, value)) {
                self.acknowledged.insert(value);
            }
        }
    }

    /// Faults stop; the group elects, commits, and all its members come to the same.
    fn peace(&mut self) {
        self.cluster.heal();
        self.cluster.settle();
        let mut last = None;
        for round in 0..400 {
            if round == 50 {
                self.stop_the_removed();
            }
            for id in self.cluster.ids() {
                self.cluster.with(id, |node| node.tick());
                self.cluster.settle();
            }
            if round % 20 == 0 {
                last = self.propose_last();
            }
            if last.is_some_and(|value| self.agrees_on(value)) {
                return;
            }
        }
        let states = self.cluster.members.values().map(|member| member.node.as_ref().map(Node::summary));
        panic!("no agreement after faults stopped: {:#?}", states.collect::<Vec<_>>());
    }

    /// Who knows that it was removed stops, as etcd's server does; not who was taken in again since, which etcd never does under
    /// an old number.
    fn stop_the_removed(&mut self) {
        let ids = self.cluster.ids();
        let nodes = ids.iter().filter_map(|id| self.cluster.node(*id));
        let newest = nodes.max_by_key(|node| node.log().applied()).map(|node| node.membership().clone());
        for id in ids {
            let members = self.cluster.node(id).map(|node| node.membership().clone()).unwrap_or_default();
            let is_back = newest.as_ref().is_some_and(|newest| newest.contains(id));
            if !members.voters.is_empty() && !members.contains(id) && !is_back {
                self.cluster.crash(id, true);
            }
        }
    }

    /// A last write, to whoever says that it leads: it may not any more.
    fn propose_last(&mut self) -> Option<u32> {
        let leader = self.cluster.leader()?;
        self.next_value += 1;
        let put = Put { key: 9, value: self.next_value };
        self.cluster.with(leader, |node| node.propose(Arc::new(put)))?.ok()?;
        Some(put.value)
    }

    /// Have all members of the group, as its leader knows it, applied `value`, and the same before it?
    fn agrees_on(&self, value: u32) -> bool {
        let Some(leader) = self.cluster.leader().and_then(|id| self.cluster.members.get(&id)) else { return false };
        let Some(node) = &leader.node else { return false };
        node.membership().all().iter().all(|id| {
            let member = self.cluster.members.get(id);
            let same = member.is_some_and(|member| member.machine == leader.machine);
            let follows = member.and_then(|member| member.node.as_ref());
            let follows = follows.is_some_and(|other| {
                *id == node.id() || (other.role() == RoleName::Follower && other.leader() == Some(node.id()))
            });
            same && follows && leader.machine.values.get(&9) == Some(&value)
        })
    }
}

/// Runs a seed; says how many writes were acknowledged.
fn run(seed: u64) -> usize {
    let mut run = Run::new(seed);
    (0..3_000).for_each(|_| run.step());
    run.peace();
    let command = |content: &Content<Kv>| if let Content::Command(put) = content { Some(put.value) } else { None };
    let values: VecSet<u32> = run.cluster.laws.commands().filter_map(command).collect();
    assert!(run.acknowledged.is_subset(&values), "an acknowledged write is lost");
    run.acknowledged.len()
}

#[test]
fn whatever_fails_the_laws_hold_and_the_group_recovers() {
    for_each_seed(1_000, |seed| {
        run(seed);
    });
}

#[test]
fn the_faults_leave_enough_to_be_checked() {
    let acknowledged: usize = (0..50).map(run).sum();
    assert!(acknowledged > 500, "only {acknowledged} writes of 50 runs were acknowledged");
}
