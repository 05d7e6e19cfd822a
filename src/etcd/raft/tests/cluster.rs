//! Members with their disks and machines, and a network that does as it is told.

use std::sync::Arc;

use crate::etcd::raft::tests::kv::Kv;
use crate::etcd::raft::tests::laws::Laws;
use crate::etcd::raft::{Body, Config, Content, Message, Node, NodeId, ReadState, Ready, SnapshotStatus, Storage};
use crate::sim::{Rng, VecMap, VecSet};

/// A member, running or not.
#[derive(Clone, Debug)]
pub struct Member {
    /// Running.
    pub node: Option<Node<Kv>>,
    /// Its disk, if it does not run.
    pub disk: Option<Storage<Kv>>,
    /// What it is writing.
    pub saving: Option<Ready<Kv>>,
    /// What it has applied.
    pub machine: Kv,
    /// The values that it has applied since somebody looked.
    pub applied: Vec<u32>,
    /// Reads that it may answer once their index is applied.
    pub reads: Vec<ReadState>,
    restarts: u64,
}

/// A group and its network.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub members: VecMap<NodeId, Member>,
    /// Under way.
    pub network: Vec<Message<Kv>>,
    /// From whom to whom nothing comes through.
    pub cut: VecSet<(NodeId, NodeId)>,
    pub laws: Laws,
    config: Config,
    seed: u64,
}

impl Cluster {
    /// A new group of `n`, none of which has done anything.
    pub fn new(n: u64, config: Config, seed: u64) -> Cluster {
        let voters: Vec<NodeId> = (1..=n).map(NodeId).collect();
        let mut cluster = Cluster {
            members: VecMap::new(),
            network: Vec::new(),
            cut: VecSet::new(),
            laws: Laws::default(),
            config,
            seed,
        };
        for id in &voters {
            cluster.join(*id, Storage::bootstrap(voters.iter().map(|id| (*id, None)), Kv::default()));
        }
        cluster
    }

    /// Starts a member with this disk.
    pub fn join(&mut self, id: NodeId, disk: Storage<Kv>) {
        let member = Member {
            node: None,
            disk: Some(disk),
            saving: None,
            machine: Kv::default(),
            applied: Vec::new(),
            reads: Vec::new(),
            restarts: 0,
        };
        self.members.insert(id, member);
        self.restart(id);
    }

    pub fn ids(&self) -> Vec<NodeId> {
        self.members.keys().copied().collect()
    }

    pub fn node(&self, id: NodeId) -> Option<&Node<Kv>> {
        self.members.get(&id)?.node.as_ref()
    }

    /// Lets something happen to a member, if it runs.
    pub fn with<R>(&mut self, id: NodeId, act: impl FnOnce(&mut Node<Kv>) -> R) -> Option<R> {
        let node = self.members.get_mut(&id)?.node.as_mut()?;
        let result = act(node);
        self.laws.see(node);
        Some(result)
    }

    /// A member begins its next round of work: what may go at once goes.
    pub fn begin(&mut self, id: NodeId) {
        self.try_begin(id);
    }

    fn try_begin(&mut self, id: NodeId) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        let Some(node) = &mut member.node else { return false };
        let Some(mut ready) = node.ready() else { return false };
        self.laws.write(node, &ready.entries);
        self.network.append(&mut ready.messages);
        member.reads.append(&mut ready.reads);
        member.saving = Some(ready);
        true
    }

    /// A member ends its round: it is written, and applied; what waited for the disk goes.
    pub fn finish(&mut self, id: NodeId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let (Some(node), Some(mut ready)) = (&mut member.node, member.saving.take()) else { return };
        self.network.append(&mut ready.replies);
        if let Some(snapshot) = &ready.snapshot {
            member.machine = (*snapshot.machine).clone();
        }
        for entry in &ready.committed {
            self.laws.apply(id, entry);
            member.machine.apply(entry);
            if let Content::Command(put) = &entry.content {
                member.applied.push(put.value);
            }
        }
        node.advance(ready);
        self.laws.see(node);
    }

    /// A member does all its work.
    pub fn work(&mut self, id: NodeId) {
        self.finish(id);
        while self.try_begin(id) {
            self.finish(id);
        }
    }

    /// The message at `place` arrives, or is lost on a cut line or at a member that does not run.
    pub fn deliver(&mut self, place: usize) {
        let message = self.network.remove(place);
        self.hand_over(message);
    }

    /// `message` arrives.
    pub fn hand_over(&mut self, message: Message<Kv>) {
        let (from, to) = (message.from, message.to);
        let is_snapshot = matches!(message.body, Body::Snapshot(_));
        if self.cut.contains(&(from, to)) || self.node(to).is_none() {
            return self.lose(&message);
        }
        // Strangers' answers and proposals without a leader are refused, as they should be.
        let _ = self.with(to, |node| node.step(message));
        if is_snapshot {
            self.with(from, |node| node.report_snapshot(to, SnapshotStatus::Sent));
        }
    }

    /// `message` is lost. Of a snapshot the sender's transport notices.
    pub fn lose(&mut self, message: &Message<Kv>) {
        if let Body::Snapshot(_) = message.body {
            self.with(message.from, |node| node.report_snapshot(message.to, SnapshotStatus::Failed));
        }
    }

    /// A member is gone but for its disk; what it was writing is on it or is not.
    pub fn crash(&mut self, id: NodeId, written: bool) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some(mut node) = member.node.take() else { return };
        if let Some(ready) = member.saving.take()
            && written
        {
            node.advance(ready);
        }
        self.laws.crash(id);
        member.disk = Some(node.crash());
        member.reads.clear();
        member.applied.clear();
    }

    /// A member runs again: its machine is its snapshot's, and applies the log anew.
    pub fn restart(&mut self, id: NodeId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some(disk) = member.disk.take() else { return };
        member.machine = (*disk.snapshot().machine).clone();
        member.restarts += 1;
        let rng = Rng::stream(self.seed, &format!("raft {id} {}", member.restarts));
        let node = Node::start(id, self.config, disk, None, rng);
        self.laws.see(&node);
        member.node = Some(node);
    }

    /// A member takes a snapshot and forgets all but `keep` entries.
    pub fn snapshot(&mut self, id: NodeId, keep: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let machine = Arc::new(member.machine.clone());
        if let Some(node) = &mut member.node {
            node.take_snapshot(machine, keep);
        }
    }

    /// All lines work and all members run.
    pub fn heal(&mut self) {
        self.cut.clear();
        for id in self.ids() {
            self.restart(id);
        }
    }

    /// Everything that is under way arrives, and everybody does all work, until nothing is left to do.
    pub fn settle(&mut self) {
        loop {
            self.ids().into_iter().for_each(|id| self.work(id));
            if self.network.is_empty() {
                return;
            }
            while !self.network.is_empty() {
                self.deliver(0);
            }
        }
    }

    /// The leader of the latest term that has one.
    pub fn leader(&self) -> Option<NodeId> {
        let nodes = self.members.values().filter_map(|member| member.node.as_ref());
        nodes.filter(|node| node.is_leader()).max_by_key(|node| node.term()).map(Node::id)
    }
}

/// A group of `n` as etcd sets it up, of which 1 leads term 2 and all have applied its first entry.
pub fn led(n: u64) -> Cluster {
    let mut cluster = Cluster::new(n, Config::default(), 7);
    cluster.settle();
    cluster.with(NodeId(1), |node| node.campaign());
    cluster.settle();
    assert_eq!(cluster.leader(), Some(NodeId(1)), "nobody else campaigns");
    cluster
}
