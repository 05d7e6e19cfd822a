//! Exponential back-off by key. Models `k8s.io/client-go/util/flowcontrol/backoff.go` (without jitter).

use crate::sim::{Span, Time, VecMap};

/// Back-offs that double from a start to a limit and are forgotten after twice the limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    initial: Span,
    most: Span,
    entries: VecMap<String, Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    backoff: Span,
    updated: Time,
}

impl Backoff {
    /// An empty table.
    pub fn new(initial: Span, most: Span) -> Backoff {
        Backoff { initial, most, entries: VecMap::new() }
    }

    /// Counts another failure that happened at `event`.
    pub fn next(&mut self, key: &str, event: Time) {
        let (initial, most) = (self.initial, self.most);
        let expired = self.entries.get(key).is_none_or(|e| event.since(e.updated) > most * 2);
        let entry = self.entries.entry(key.to_owned()).or_insert(Entry { backoff: initial, updated: event });
        entry.backoff = if expired { initial } else { (entry.backoff * 2).min(most) };
        entry.updated = event;
    }

    /// The back-off of a key.
    pub fn get(&self, key: &str) -> Span {
        self.entries.get(key).map_or(Span::ZERO, |e| e.backoff)
    }

    /// Until when the key is in back-off, counted from `event`; `None` if it is not at `now`.
    pub fn until_since(&self, key: &str, event: Time, now: Time) -> Option<Time> {
        let entry = self.entries.get(key).filter(|e| event.since(e.updated) <= self.most * 2)?;
        let until = event + entry.backoff;
        (now < until).then_some(until)
    }

    /// Until when the key is in back-off, counted from the last failure; `None` if it is not at `now`.
    pub fn until_since_update(&self, key: &str, now: Time) -> Option<Time> {
        let entry = self.entries.get(key).filter(|e| now.since(e.updated) <= self.most * 2)?;
        let until = entry.updated + entry.backoff;
        (now < until).then_some(until)
    }

    /// Forgets all keys that begin with `prefix`.
    pub fn forget(&mut self, prefix: &str) {
        self.entries.retain(|key, _| !key.starts_with(prefix));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_off_doubles_to_its_limit_and_is_forgotten_after_twice_the_limit() {
        let mut backoff = Backoff::new(Span::secs(10), Span::secs(300));
        let mut seen = Vec::new();
        for n in 0..7 {
            backoff.next("k", Time::ZERO + Span::secs(n));
            seen.push(backoff.get("k").as_secs());
        }
        assert_eq!(seen, [10, 20, 40, 80, 160, 300, 300]);
        let last = Time::ZERO + Span::secs(6);
        assert_eq!(backoff.until_since_update("k", last + Span::secs(299)), Some(last + Span::secs(300)));
        assert_eq!(backoff.until_since_update("k", last + Span::secs(300)), None);
        backoff.next("k", last + Span::secs(601));
        assert_eq!(backoff.get("k"), Span::secs(10));
    }
}
