//! The causal trace: what happened, when, and because of what.
//!
//! Entries are numbered in order. The trace is bounded: the oldest entries are forgotten first, and asking for one answers
//! `None`, so a chain of causes that is older than the trace ends visibly instead of being made up.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::sim::{Log, Time};

/// The number of an entry; later entries have higher numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u64);

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry<E> {
    /// Its number.
    pub id: EventId,
    /// When it happened.
    pub at: Time,
    /// What brought it about; `None` for what starts by itself (a command, a fault, the boot).
    pub cause: Option<EventId>,
    /// What it was.
    pub event: E,
}

/// The causal log of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace<E> {
    entries: Log<Entry<E>>,
    next: u64,
}

/// What is remembered is hashed with how much may be.
impl<E: Hash> Hash for Trace<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entries.hash(state);
        self.next.hash(state);
        self.entries.most().hash(state);
    }
}

impl<E: Clone> Trace<E> {
    /// A trace that remembers the last `capacity` entries.
    pub fn new(capacity: u32) -> Self {
        Trace { entries: Log::new(capacity), next: 0 }
    }

    /// Writes an entry down and answers its number.
    pub fn record(&mut self, at: Time, cause: Option<EventId>, event: E) -> EventId {
        let id = EventId(self.next);
        debug_assert!(cause.is_none_or(|c| c < id), "a cause comes before its effect");
        self.next += 1;
        self.entries.push(Entry { id, at, cause, event });
        id
    }

    /// The entry of that number, unless it is forgotten or yet to come.
    pub fn get(&self, id: EventId) -> Option<&Entry<E>> {
        let first = self.entries.front()?.id.0;
        self.entries.get(usize::try_from(id.0.checked_sub(first)?).ok()?)
    }

    /// The entry, its cause, the cause of that, and so on to the root or to the edge of what is remembered.
    pub fn chain(&self, id: EventId) -> impl Iterator<Item = &Entry<E>> {
        std::iter::successors(self.get(id), |entry| self.get(entry.cause?))
    }

    /// All remembered entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry<E>> {
        self.entries.iter()
    }

    /// The entries from number `from` on, oldest first.
    pub fn since(&self, from: EventId) -> impl DoubleEndedIterator<Item = &Entry<E>> {
        let first = self.entries.front().map_or(0, |e| e.id.0);
        let skip = usize::try_from(from.0.saturating_sub(first)).unwrap_or(usize::MAX);
        self.entries.from(skip)
    }

    /// The number that the next entry will get.
    pub fn next_id(&self) -> EventId {
        EventId(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_leads_from_the_effect_to_the_root() {
        let mut trace = Trace::new(10);
        let apply = trace.record(Time(0), None, "apply");
        let create = trace.record(Time(1), Some(apply), "create");
        trace.record(Time(2), None, "tick");
        let pod = trace.record(Time(3), Some(create), "pod");
        let chain: Vec<&str> = trace.chain(pod).map(|e| e.event).collect();
        assert_eq!(chain, ["pod", "create", "apply"]);
    }

    #[test]
    fn the_oldest_entries_are_forgotten_first() {
        let mut trace = Trace::new(2);
        let first = trace.record(Time(0), None, 'a');
        trace.record(Time(1), Some(first), 'b');
        let third = trace.record(Time(2), Some(first), 'c');
        assert_eq!(trace.get(first), None);
        assert_eq!(trace.chain(third).count(), 1);
        assert_eq!(trace.since(EventId(2)).count(), 1);
    }
}
