//! When leases end. Only the leader knows.
//!
//! Models the clock of `server/lease/lessor.go` (etcd): a new leader calls `Promote`, which gives every lease its whole time
//! again and one election time-out more; who leads no longer calls `Demote` and forgets. What is over goes by a `LeaseRevoke`
//! through the log. etcd looks every 500 ms, so a lease outlives its time by up to that; a revocation that comes to nothing is
//! tried again after 3 s.

use crate::etcd::revision::LeaseId;
use crate::sim::{SharedMap, SharedSet, Span, Time};

/// How often the leader looks for leases that are over.
const LOOK_EVERY: Span = Span::millis(500);
/// How long a revocation may take before it is tried again.
const RETRY: Span = Span::secs(3);

/// The ends of all leases; empty at who does not lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LeaseClock {
    ends: SharedMap<LeaseId, End>,
    by_look: SharedSet<(Time, LeaseId)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct End {
    /// Until then it lives.
    at: Time,
    /// From then on it is to be revoked.
    look: Time,
}

impl LeaseClock {
    /// This member leads now: `leases` have their whole time again, and `extend` more.
    pub fn promote(&mut self, leases: impl Iterator<Item = (LeaseId, Span)>, extend: Span, now: Time) {
        self.demote();
        for (id, ttl) in leases {
            self.begin(id, ttl + extend, now);
        }
    }

    /// This member does not lead any more.
    pub fn demote(&mut self) {
        *self = LeaseClock::default();
    }

    /// The time of lease `id` begins, or begins again.
    pub fn begin(&mut self, id: LeaseId, ttl: Span, now: Time) {
        let at = now + ttl;
        self.set(id, End { at, look: at });
    }

    /// Lease `id` is gone.
    pub fn end(&mut self, id: LeaseId) {
        if let Some(end) = self.ends.get(&id).copied() {
            self.by_look.remove(&(end.look, id));
            self.ends.remove(&id);
        }
    }

    /// How long lease `id` still lives.
    pub fn remaining(&self, id: LeaseId, now: Time) -> Option<Span> {
        self.ends.get(&id).map(|end| end.at.since(now))
    }

    /// All leases, the one that ends first comes first.
    pub fn in_order(&self) -> impl Iterator<Item = LeaseId> + '_ {
        self.by_look.iter().map(|(_, id)| *id)
    }

    /// The leases that are to be revoked at `now`, the one that ended first first.
    pub fn due(&mut self, now: Time) -> Vec<LeaseId> {
        let due: Vec<LeaseId> = self.by_look.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        for id in &due {
            if let Some(end) = self.ends.get(id).copied() {
                self.set(*id, End { look: now + RETRY, ..end });
            }
        }
        due
    }

    /// When the next look finds a lease that is over, if nobody keeps it alive.
    pub fn next_look(&self) -> Option<Time> {
        let (at, _) = self.by_look.first()?;
        Some(Time(at.0.div_ceil(LOOK_EVERY.0).saturating_mul(LOOK_EVERY.0)))
    }

    fn set(&mut self, id: LeaseId, end: End) {
        self.end(id);
        self.by_look.insert((end.look, id));
        self.ends.insert(id, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::ZERO + Span::millis(millis)
    }

    #[test]
    fn a_revocation_that_comes_to_nothing_is_tried_again() {
        let mut clock = LeaseClock::default();
        let id = LeaseId::new(7).unwrap();
        clock.begin(id, Span::secs(2), at(100));
        assert_eq!(clock.next_look(), Some(at(2_500)));
        assert_eq!(clock.due(at(2_000)), []);
        assert_eq!(clock.due(at(2_500)), [id]);
        assert_eq!((clock.due(at(2_500)), clock.next_look()), (vec![], Some(at(5_500))));
        assert_eq!(clock.due(at(5_500)), [id]);
        clock.end(id);
        assert_eq!(clock.next_look(), None);
    }

    #[test]
    fn a_new_leader_gives_every_lease_its_time_again() {
        let mut clock = LeaseClock::default();
        let (a, b) = (LeaseId::new(1).unwrap(), LeaseId::new(2).unwrap());
        clock.begin(a, Span::secs(2), at(0));
        clock.promote([(a, Span::secs(5)), (b, Span::secs(3))].into_iter(), Span::secs(1), at(1_000));
        assert_eq!(clock.in_order().collect::<Vec<_>>(), [b, a]);
        assert_eq!(clock.remaining(a, at(2_000)), Some(Span::secs(5)));
        clock.demote();
        assert_eq!(clock, LeaseClock::default());
    }
}
