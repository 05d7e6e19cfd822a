//! How long messages take. Each pair of actors has a connection that keeps the order of what is sent over it.

use crate::cluster::event::Actor;
use crate::sim::{Rng, Span, Time, VecMap};

/// Between processes on one machine.
const LOCAL: Span = Span::micros(50);
/// Between machines of the control plane's network.
const REMOTE: Span = Span::micros(400);
/// Between the API server and its etcd, on one machine.
const STORE: Span = Span::micros(150);
/// By how much a message may take longer than the least, in per cent.
const JITTER: u64 = 30;

/// The connections' state: when the last message over each arrives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Links {
    last: VecMap<(Actor, Actor), Time>,
    rng: Rng,
}

impl Links {
    /// No connections yet.
    pub fn new(seed: u64) -> Links {
        Links { last: VecMap::new(), rng: Rng::stream(seed, "latency") }
    }

    /// When a message arrives that is sent now; `extra` is what it takes beside the way: a fault's delay, a disk.
    pub fn arrival(&mut self, from: Actor, to: Actor, now: Time, extra: Span) -> Time {
        let least = base(from, to);
        let jitter = Span(least.0 * self.rng.below(JITTER + 1) / 100);
        let at = now + least + jitter + extra;
        let last = self.last.entry((from, to)).or_default();
        *last = at.max(*last);
        *last
    }

    /// An actor is gone, and its connections with it.
    pub fn forget(&mut self, actor: Actor) {
        self.last.retain(|(from, to), _| *from != actor && *to != actor);
    }
}

fn base(from: Actor, to: Actor) -> Span {
    match (from, to) {
        (Actor::ApiServer(_), Actor::Etcd(_)) | (Actor::Etcd(_), Actor::ApiServer(_)) => STORE,
        (Actor::Kubelet(_), Actor::Runtime(_)) | (Actor::Runtime(_), Actor::Kubelet(_)) => LOCAL,
        (Actor::Scheduler(_) | Actor::ControllerManager(_), Actor::ApiServer(_)) => STORE,
        (Actor::ApiServer(_), Actor::Scheduler(_) | Actor::ControllerManager(_)) => STORE,
        _ => REMOTE,
    }
}
