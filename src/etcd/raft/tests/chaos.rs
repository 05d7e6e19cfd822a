//! Everything that can go wrong with members and lines, at random.

use crate::etcd::raft::tests::cluster::Cluster;
use crate::etcd::raft::{Config, Node, NodeId};
use crate::sim::Rng;

/// How often what happens, per million things that happen, and the randomness that decides.
#[derive(Clone, Debug)]
pub struct Chaos {
    pub rng: Rng,
    lose: u32,
    double: u32,
    crash: u32,
    cut: u32,
}

impl Chaos {
    /// Chaos of its own kind for each seed: some have no crashes, some no lost messages.
    pub fn new(seed: u64, name: &str) -> Chaos {
        let mut rng = Rng::stream(seed, name);
        let mut up_to = |most: u64| u32::try_from(rng.below(most + 1)).unwrap();
        let (lose, double, crash, cut) = (up_to(200_000), up_to(100_000), up_to(2_000), up_to(3_000));
        Chaos { rng, lose, double, crash, cut }
    }

    /// A group with settings of its own kind for each seed.
    pub fn cluster(&mut self, members: u64, seed: u64) -> Cluster {
        let rng = &mut self.rng;
        let config = Config {
            pre_vote: rng.chance(800_000),
            check_quorum: rng.chance(800_000),
            max_inflight: u32::try_from(rng.between(1, 8)).unwrap(),
            max_message_bytes: rng.between(1, 200),
            ..Config::default()
        };
        Cluster::new(members, config, seed)
    }

    /// Any member.
    pub fn any(&mut self, cluster: &Cluster) -> NodeId {
        *self.rng.pick(&cluster.ids()).unwrap()
    }

    /// One thing happens, to a member or on the network. Clocks do not keep step: who ticks is drawn.
    pub fn step(&mut self, cluster: &mut Cluster) {
        let id = self.any(cluster);
        match self.rng.below(100) {
            0..9 => drop(cluster.with(id, |node| node.tick())),
            9..40 => cluster.begin(id),
            40..70 => cluster.finish(id),
            70..98 => self.network(cluster),
            98 => cluster.snapshot(id, self.rng.below(20)),
            _ => self.transfer(cluster, id),
        }
        self.fault(cluster, id);
    }

    fn network(&mut self, cluster: &mut Cluster) {
        if cluster.network.is_empty() {
            return;
        }
        let place = usize::try_from(self.rng.below(cluster.network.len() as u64)).unwrap();
        if self.rng.chance(self.lose) {
            let message = cluster.network.swap_remove(place);
            cluster.lose(&message);
        } else if self.rng.chance(self.double) {
            let message = cluster.network[place].clone();
            cluster.hand_over(message);
        } else {
            cluster.deliver(place);
        }
    }

    fn transfer(&mut self, cluster: &mut Cluster, id: NodeId) {
        let target = self.any(cluster);
        let _ = cluster.with(id, |node: &mut Node<_>| node.transfer_leadership(target));
    }

    /// Nothing gets from one member to another, or between two halves of the group.
    fn part(&mut self, cluster: &mut Cluster, id: NodeId) {
        if self.rng.chance(500_000) {
            let other = self.any(cluster);
            cluster.cut.insert((id, other));
            return;
        }
        let (here, there): (Vec<NodeId>, Vec<NodeId>) =
            cluster.ids().into_iter().partition(|_| self.rng.chance(500_000));
        for a in &here {
            cluster.cut.extend(there.iter().flat_map(|b| [(*a, *b), (*b, *a)]));
        }
    }

    fn fault(&mut self, cluster: &mut Cluster, id: NodeId) {
        if self.rng.chance(self.crash) {
            let written = self.rng.chance(500_000);
            cluster.crash(id, written);
        }
        if self.rng.chance(self.crash * 12) {
            let any = self.any(cluster);
            cluster.restart(any);
        }
        if self.rng.chance(self.cut) {
            self.part(cluster, id);
        }
        if self.rng.chance(self.cut / 3) {
            cluster.cut.clear();
        }
    }
}
