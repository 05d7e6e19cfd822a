//! The work queue: keys to be reconciled, each once, none by two workers at a time.
//!
//! Models `client-go/util/workqueue/queue.go`, `delaying_queue.go` and `default_rate_limiters.go` (the per-item
//! exponential one; the overall limit of ten a second is left out: no controller here fails that often). Every key keeps
//! the event that made it dirty first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::api::ObjectRef;
use crate::sim::{EventId, Span, Time};

const BASE: Span = Span::millis(5);
const MOST: Span = Span::secs(1_000);
/// What a worker needs for a key: what changes meanwhile is looked at together, once.
const WORK: Span = Span::millis(5);

/// Keys to be reconciled.
///
/// A key is dirty (to be done), in process, or both (to be done again afterwards); only a dirty key that is not in
/// process stands in the line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WorkQueue {
    line: VecDeque<ObjectRef>,
    dirty: BTreeMap<ObjectRef, Option<EventId>>,
    processing: BTreeSet<ObjectRef>,
    delayed: BTreeSet<(Time, ObjectRef)>,
    waiting: BTreeMap<ObjectRef, (Time, Option<EventId>)>,
    failures: BTreeMap<ObjectRef, u32>,
    /// Until when a worker is busy with a key that has nothing more to wait for.
    busy: BTreeMap<ObjectRef, Time>,
}

impl WorkQueue {
    /// A key is to be reconciled, because of `cause`.
    pub fn add(&mut self, key: ObjectRef, now: Time, cause: Option<EventId>) {
        if self.dirty.contains_key(&key) {
            return;
        }
        if let Some(until) = self.busy.get(&key).copied().filter(|until| *until > now) {
            return self.add_at(key, until, cause);
        }
        self.dirty.insert(key.clone(), cause);
        if !self.processing.contains(&key) {
            self.line.push_back(key);
        }
    }

    /// A key is to be reconciled at `at`; the earliest of several such times counts.
    pub fn add_at(&mut self, key: ObjectRef, at: Time, cause: Option<EventId>) {
        if let Some((known, _)) = self.waiting.get(&key) {
            if *known <= at {
                return;
            }
            self.delayed.remove(&(*known, key.clone()));
        }
        self.delayed.insert((at, key.clone()));
        self.waiting.insert(key, (at, cause));
    }

    /// A key failed: it is to be reconciled again after 5 ms, 10 ms, 20 ms, …, 1000 s.
    pub fn add_rate_limited(&mut self, key: ObjectRef, now: Time, cause: Option<EventId>) {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = Span(BASE.0.checked_shl((*failures).min(40)).unwrap_or(u64::MAX)).min(MOST);
        *failures = failures.saturating_add(1);
        self.add_at(key, now + wait, cause);
    }

    /// A key succeeded: its failures are forgotten.
    pub fn forget(&mut self, key: &ObjectRef) {
        self.failures.remove(key);
    }

    /// How often a key has failed in a row.
    pub fn failures(&self, key: &ObjectRef) -> u32 {
        self.failures.get(key).copied().unwrap_or(0)
    }

    /// Takes the next key, with the cause; it is in process until [`WorkQueue::done`].
    pub fn take(&mut self) -> Option<(ObjectRef, Option<EventId>)> {
        let key = self.line.pop_front()?;
        let cause = self.dirty.remove(&key).expect("a key in the line is dirty");
        self.processing.insert(key.clone());
        Some((key, cause))
    }

    /// A key is not in process any more, but for the time that the work takes; if it became dirty meanwhile, it is in the
    /// line again after that.
    pub fn done(&mut self, key: &ObjectRef, now: Time) {
        if !self.processing.remove(key) {
            return;
        }
        self.busy.retain(|_, until| *until > now);
        self.busy.insert(key.clone(), now + WORK);
        if let Some(cause) = self.dirty.remove(key) {
            self.add_at(key.clone(), now + WORK, cause);
        }
    }

    /// Puts the keys whose time has come into the line.
    pub fn wake(&mut self, now: Time) {
        while let Some((at, key)) = self.delayed.first().cloned() {
            if at > now {
                return;
            }
            self.delayed.pop_first();
            let (_, cause) = self.waiting.remove(&key).expect("what is delayed is waiting");
            self.add(key, now, cause);
        }
    }

    /// The next time at which a delayed key is due, and the key.
    pub fn wake_at(&self) -> Option<(Time, &ObjectRef)> {
        self.delayed.first().map(|(at, key)| (*at, key))
    }

    /// How many keys stand in the line.
    pub fn len(&self) -> usize {
        self.line.len()
    }

    /// Whether no key stands in the line.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    fn key(name: &str) -> ObjectRef {
        ObjectRef { kind: Kind::Pod, namespace: "default".into(), name: name.into() }
    }

    #[test]
    fn a_key_is_in_the_line_once_with_its_first_cause() {
        let mut queue = WorkQueue::default();
        queue.add(key("a"), Time(0), Some(EventId(1)));
        queue.add(key("b"), Time(0), None);
        queue.add(key("a"), Time(0), Some(EventId(2)));
        assert_eq!(queue.take(), Some((key("a"), Some(EventId(1)))));
        assert_eq!(queue.take(), Some((key("b"), None)));
        assert_eq!(queue.take(), None);
    }

    #[test]
    fn a_key_in_process_waits_until_it_is_done() {
        let mut queue = WorkQueue::default();
        queue.add(key("a"), Time(0), None);
        queue.take();
        queue.add(key("a"), Time(0), Some(EventId(3)));
        assert_eq!(queue.take(), None);
        queue.done(&key("a"), Time(0));
        assert_eq!(queue.take(), None);
        queue.wake(Time(0) + WORK);
        assert_eq!(queue.take(), Some((key("a"), Some(EventId(3)))));
    }

    #[test]
    fn what_changes_while_a_worker_is_busy_is_looked_at_once() {
        let mut queue = WorkQueue::default();
        queue.add(key("a"), Time(0), None);
        queue.take();
        queue.done(&key("a"), Time(0));
        queue.add(key("a"), Time(1), Some(EventId(4)));
        queue.add(key("a"), Time(2), Some(EventId(5)));
        assert_eq!(queue.take(), None);
        assert_eq!(queue.wake_at().map(|(at, _)| at), Some(Time(0) + WORK));
        queue.wake(Time(0) + WORK);
        assert_eq!(queue.take(), Some((key("a"), Some(EventId(4)))));
        assert_eq!(queue.take(), None);
        queue.done(&key("a"), Time(0) + WORK);
        queue.add(key("a"), Time(0) + WORK + WORK, None);
        assert_eq!(queue.take(), Some((key("a"), None)));
    }

    #[test]
    fn failures_wait_twice_as_long_each_time_up_to_the_most() {
        let mut queue = WorkQueue::default();
        for (n, wait) in [(0, 5), (1, 10), (2, 20), (3, 40)] {
            queue.add_rate_limited(key("a"), Time(0), None);
            assert_eq!(queue.wake_at().map(|(at, _)| at), Some(Time(0) + Span::millis(wait)), "failure {n}");
            queue.wake(Time(u64::MAX));
            queue.take();
            queue.done(&key("a"), Time(0));
        }
        for _ in 0..60 {
            queue.add_rate_limited(key("a"), Time(0), None);
            queue.wake(Time(u64::MAX));
            queue.take();
            queue.done(&key("a"), Time(0));
        }
        queue.add_rate_limited(key("a"), Time(0), None);
        assert_eq!(queue.wake_at().map(|(at, _)| at), Some(Time(0) + MOST));
        queue.forget(&key("a"));
        assert_eq!(queue.failures(&key("a")), 0);
    }

    #[test]
    fn the_earliest_of_several_delays_counts() {
        let mut queue = WorkQueue::default();
        queue.add_at(key("a"), Time(10), None);
        queue.add_at(key("a"), Time(5), Some(EventId(1)));
        queue.add_at(key("a"), Time(7), None);
        queue.wake(Time(5));
        assert_eq!(queue.take(), Some((key("a"), Some(EventId(1)))));
        assert_eq!(queue.wake_at(), None);
    }
}
