//! The revisions of one key, in generations: each begins with the key's creation and ends with its deletion (a tombstone).
//!
//! Models `server/storage/mvcc/key_index.go` (etcd). There, the generation after a tombstone is an empty one at the end of
//! the list; here it is absent. As of etcd 3.6, a compaction at a tombstone's own revision keeps the tombstone.
//!
//! A worked example: put at 2, put at 4, delete at 5, put at 7, delete at 8:
//!
//! ```text
//! past: [2 4 5t] [7 8t]      live: none
//! as of 4: 4    as of 6: nothing (deleted at 5)    as of 7: 7    as of 1: nothing (not yet created)
//!
//! compact(4): [4 5t] [7 8t]      the put at 2 was overwritten at 4
//! compact(5): [5t] [7 8t]        only the tombstone says something about revision 5
//! compact(6): [7 8t]             the whole first generation is over before 6
//! compact(8): [8t]
//! compact(9): nothing            the key leaves the index
//! ```
//!
//! Invariants: changes grow within a generation and from one to the next; a past generation ends with its tombstone; a
//! generation is never empty; `version` counts the puts since `created`, also those compacted away.

use crate::etcd::revision::{Change, Revision};

/// All that is known about when a key changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyIndex {
    /// The generations that ended with a tombstone, oldest first.
    past: Vec<Generation>,
    /// The generation of a key that exists.
    live: Option<Generation>,
}

/// The changes of a key from its creation to its deletion.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Generation {
    /// The change that created the key.
    created: Change,
    /// How many puts there were.
    version: u64,
    /// The changes still known, oldest first; the last of a past generation is the tombstone.
    changes: Vec<Change>,
}

/// What a put needs to know of the generation it extends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extended {
    /// The revision of the key's creation.
    pub created: Revision,
    /// How many puts there were, this one included.
    pub version: u64,
}

impl KeyIndex {
    /// A put at `change`.
    pub fn put(&mut self, change: Change) -> Extended {
        debug_assert!(self.last().is_none_or(|last| last < change), "changes of a key grow");
        let live =
            self.live.get_or_insert_with(|| Generation { created: change, version: 0, changes: Vec::with_capacity(2) });
        live.version += 1;
        live.changes.push(change);
        Extended { created: live.created.main, version: live.version }
    }

    /// A deletion at `change`. The key must exist.
    pub fn tombstone(&mut self, change: Change) {
        let mut ended = self.live.take().expect("only a key that exists is deleted");
        debug_assert!(ended.changes.last().is_some_and(|last| *last < change), "changes of a key grow");
        ended.changes.push(change);
        self.past.push(ended);
    }

    /// The last put of the key, if it exists now.
    pub fn current(&self) -> Option<Change> {
        self.live.as_ref().and_then(|live| live.changes.last().copied())
    }

    /// The put that is in force as of `at`, if the key exists then.
    pub fn get(&self, at: Revision) -> Option<Change> {
        if let Some(live) = self.live.as_ref().filter(|live| live.first().main <= at) {
            return live.last_until(at);
        }
        for past in self.past.iter().rev() {
            if past.last().main <= at {
                return None;
            }
            if past.first().main <= at {
                return past.last_until(at);
            }
        }
        None
    }

    /// All changes still known, oldest first, tombstones included.
    pub fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        self.past.iter().chain(&self.live).flat_map(|generation| generation.changes.iter().copied())
    }

    /// Whether `compact(at)` would drop something.
    pub fn has_garbage(&self, at: Revision) -> bool {
        let superseded = |g: &Generation| g.changes.get(1).is_some_and(|second| second.main <= at);
        self.past.iter().chain(&self.live).any(superseded) || self.past.iter().any(|g| g.last().main < at)
    }

    /// Forgets what nobody can ask for once `at` is the oldest revision, and hands it over.
    pub fn compact(&mut self, at: Revision) -> Vec<Change> {
        let mut dropped = Vec::new();
        self.past.retain_mut(|generation| {
            if generation.last().main < at {
                dropped.append(&mut generation.changes);
                return false;
            }
            generation.drop_superseded(at, &mut dropped);
            true
        });
        if let Some(live) = &mut self.live {
            live.drop_superseded(at, &mut dropped);
        }
        dropped
    }

    /// Whether nothing is known of the key any more.
    pub fn is_empty(&self) -> bool {
        self.past.is_empty() && self.live.is_none()
    }

    fn last(&self) -> Option<Change> {
        self.live.as_ref().or(self.past.last()).map(Generation::last)
    }
}

impl Generation {
    fn first(&self) -> Change {
        *self.changes.first().expect("a generation is never empty")
    }

    fn last(&self) -> Change {
        *self.changes.last().expect("a generation is never empty")
    }

    fn last_until(&self, at: Revision) -> Option<Change> {
        let until = self.changes.partition_point(|change| change.main <= at);
        until.checked_sub(1).and_then(|last| self.changes.get(last).copied())
    }

    /// Drops all changes up to `at` but the last of them.
    fn drop_superseded(&mut self, at: Revision, dropped: &mut Vec<Change>) {
        let until = self.changes.partition_point(|change| change.main <= at);
        if until > 1 {
            dropped.extend(self.changes.drain(..until - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(main: u64) -> Change {
        Change { main: Revision(main), sub: 0 }
    }

    /// Puts at positive numbers, tombstones at negative ones.
    fn index(changes: &[i64]) -> KeyIndex {
        let mut index = KeyIndex::default();
        for at in changes {
            let when = change(at.unsigned_abs());
            if *at > 0 {
                index.put(when);
            } else {
                index.tombstone(when);
            }
        }
        index
    }

    fn check_get(changes: &[i64], expected: &[(u64, Option<u64>)]) {
        let index = index(changes);
        for (at, found) in expected {
            assert_eq!(index.get(Revision(*at)), found.map(change), "as of {at} in {changes:?}");
        }
    }

    fn check_compact(changes: &[i64], at: u64, left: &[u64]) {
        let mut index = index(changes);
        let garbage = index.has_garbage(Revision(at));
        let dropped = index.compact(Revision(at));
        assert_eq!(garbage, !dropped.is_empty(), "garbage of {changes:?} at {at}");
        let kept: Vec<u64> = index.changes().map(|c| c.main.0).collect();
        assert_eq!(kept, left, "{changes:?} compacted at {at}");
    }

    #[test]
    fn a_key_is_found_as_of_every_revision() {
        let known =
            [(1, None), (2, Some(2)), (3, Some(2)), (4, Some(4)), (5, None), (6, None), (7, Some(7)), (8, None)];
        check_get(&[2, 4, -5, 7, -8], &known);
        check_get(&[3], &[(2, None), (3, Some(3)), (99, Some(3))]);
        check_get(&[], &[(1, None)]);
    }

    #[test]
    fn compaction_keeps_what_can_still_be_asked_for() {
        let changes = [2, 4, -5, 7, -8];
        check_compact(&changes, 1, &[2, 4, 5, 7, 8]);
        check_compact(&changes, 4, &[4, 5, 7, 8]);
        check_compact(&changes, 5, &[5, 7, 8]);
        check_compact(&changes, 6, &[7, 8]);
        check_compact(&changes, 8, &[8]);
        check_compact(&changes, 9, &[]);
        check_compact(&[2, 3, 9], 5, &[3, 9]);
    }

    #[test]
    fn a_version_counts_puts_since_the_creation_whatever_is_compacted() {
        let mut index = index(&[2, -3, 4, 5]);
        index.compact(Revision(5));
        assert_eq!(index.put(change(6)), Extended { created: Revision(4), version: 3 });
    }
}
