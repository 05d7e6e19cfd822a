//! What the scheduler would decide if a pod or nodes were different: one cycle on a copy. Nothing of it happens.

use std::sync::Arc;

use crate::api::{Node, Pod};
use crate::control::scheduler::Scheduler;
use crate::control::scheduler::cycle::Found;
use crate::control::scheduler::decision::Decision;
use crate::control::scheduler::queue::{self, GATES};
use crate::control::scheduler::snapshot::PodInfo;
use crate::sim::Time;

impl Scheduler {
    /// What would be decided about a pod that had no node, were these nodes as they are given here.
    pub fn what_if(&self, pod: &Pod, nodes: &[Arc<Node>], now: Time) -> Decision {
        let mut pod = pod.clone();
        Arc::make_mut(&mut pod.spec).node_name.clear();
        let pod = PodInfo::new(Arc::new(pod));
        let (mut snapshot, mut start, mut rng) = (self.snapshot.clone(), self.start, self.rng.clone());
        nodes.iter().for_each(|node| snapshot.set_node(node));
        snapshot.displace(&pod.key());
        let found = match queue::is_gated(&pod.pod) {
            true => Found::gated(GATES),
            false => Scheduler::search(&pod, &mut snapshot, &self.informers.cache, &mut start, &mut rng),
        };
        Decision::of(&pod, 0, now, snapshot.len(), found).0
    }
}
