//! The event queue: ordered by time, then by the order of insertion.

use std::collections::BTreeMap;

use crate::sim::Time;

/// Events yet to happen. Two events of one time happen in the order in which they were put in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventQueue<E> {
    events: BTreeMap<(Time, u64), E>,
    next: u64,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue { events: BTreeMap::new(), next: 0 }
    }
}

impl<E> EventQueue<E> {
    /// Puts `event` in, to happen at `at`.
    pub fn push(&mut self, at: Time, event: E) {
        self.events.insert((at, self.next), event);
        self.next += 1;
    }

    /// The time of the next event.
    pub fn next_at(&self) -> Option<Time> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next event out.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }

    /// Takes every event out that `fits`, next first.
    pub fn take_where(&mut self, fits: impl Fn(&E) -> bool) -> Vec<E> {
        self.events.extract_if(.., |_, event| fits(event)).map(|(_, event)| event).collect()
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Every waiting event with its time, next first.
    pub fn iter(&self) -> impl Iterator<Item = (Time, &E)> {
        self.events.iter().map(|((at, _), event)| (*at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_time_keep_their_order() {
        let mut queue = EventQueue::default();
        for (at, event) in [(5, 'b'), (1, 'a'), (5, 'c')] {
            queue.push(Time(at), event);
        }
        let order: Vec<char> = std::iter::from_fn(|| queue.pop().map(|(_, e)| e)).collect();
        assert_eq!(order, ['a', 'b', 'c']);
    }
}
