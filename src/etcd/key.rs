//! Keys and ranges of keys.
//!
//! Models `KeyRange` handling in `client/v3/op.go` (etcd). etcd says every range as key and range end (a prefix is
//! `[p, p+1)`, "from key" is an end of one zero byte); here each shape is a case. Keys are text: a key that is not UTF-8
//! cannot be said, which nobody who uses Kubernetes' or flannel's keys could tell.

use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A key, shared between all the places that mention it.
pub type Key = Arc<str>;

/// Which keys are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyRange {
    /// This key.
    One(Key),
    /// The keys that begin with this; all keys if it is empty.
    Prefix(Key),
    /// The keys from this one on.
    From(Key),
    /// The keys from `from` up to, but not, `to`.
    Between {
        /// The first key.
        from: Key,
        /// The first key that is not meant any more.
        to: Key,
    },
}

impl KeyRange {
    /// Exactly `key`.
    pub fn one(key: &str) -> KeyRange {
        KeyRange::One(key.into())
    }

    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: &str) -> KeyRange {
        KeyRange::Prefix(prefix.into())
    }

    /// All keys from `key` on.
    pub fn from(key: &str) -> KeyRange {
        KeyRange::From(key.into())
    }

    /// The keys in `[from, to)`.
    pub fn between(from: &str, to: &str) -> KeyRange {
        KeyRange::Between { from: from.into(), to: to.into() }
    }

    /// All keys.
    pub fn all() -> KeyRange {
        KeyRange::prefix("")
    }

    /// The first key that can be in the range.
    pub fn start(&self) -> &str {
        match self {
            KeyRange::One(key) | KeyRange::Prefix(key) | KeyRange::From(key) | KeyRange::Between { from: key, .. } => {
                key
            }
        }
    }

    /// Whether `key` is meant.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            KeyRange::One(one) => **one == *key,
            KeyRange::Prefix(prefix) => key.starts_with(&**prefix),
            KeyRange::From(from) => *key >= **from,
            KeyRange::Between { from, to } => *key >= **from && *key < **to,
        }
    }

    /// Whether no key at all can be meant: the end is not after the start.
    pub fn is_empty(&self) -> bool {
        matches!(self, KeyRange::Between { from, to } if from >= to)
    }

    /// Whether some key is in both ranges.
    pub fn overlaps(&self, other: &KeyRange) -> bool {
        // Two intervals meet exactly when the start of one lies in the other.
        !self.is_empty() && !other.is_empty() && (self.contains(other.start()) || other.contains(self.start()))
    }

    /// Where a walk in key order begins. The walk ends at the first key that is not contained.
    pub(crate) fn walk_from(&self) -> (Bound<&str>, Bound<&str>) {
        (Bound::Included(self.start()), Bound::Unbounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &KeyRange, inside: &[&str], outside: &[&str]) {
        for key in inside {
            assert!(range.contains(key), "{range:?} has {key}");
        }
        for key in outside {
            assert!(!range.contains(key), "{range:?} has not {key}");
        }
    }

    #[test]
    fn a_range_contains_what_etcd_says() {
        check(&KeyRange::one("a"), &["a"], &["", "aa", "b"]);
        check(&KeyRange::prefix("/r/"), &["/r/", "/r/a", "/r/z/y"], &["/r", "/r0", "/s/"]);
        check(&KeyRange::from("b"), &["b", "ba", "c"], &["a", "az"]);
        check(&KeyRange::between("b", "d"), &["b", "c", "czz"], &["a", "d"]);
        check(&KeyRange::all(), &["", "a"], &[]);
    }

    #[test]
    fn ranges_overlap_when_one_begins_in_the_other() {
        assert!(KeyRange::prefix("/r/").overlaps(&KeyRange::one("/r/a")));
        assert!(KeyRange::from("b").overlaps(&KeyRange::between("a", "c")));
        assert!(!KeyRange::between("a", "b").overlaps(&KeyRange::one("b")));
        assert!(!KeyRange::between("b", "b").overlaps(&KeyRange::one("b")));
    }
}
