//! [`SharedMap`] and [`SharedSet`]: ordered collections for many entries whose clones share what has not changed since.
//!
//! A sorted vector cut into chunks of at most 64 entries, each behind an `Arc`. A clone copies a pointer a chunk, which
//! makes a checkpoint of a store with a million records cheap; a change copies the one chunk that it is in, if that is shared.
//! Entries lie side by side, so searching and walking touch little memory. For small maps see [`VecMap`](super::VecMap).

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

/// The most entries of a chunk.
const MOST: usize = 64;
/// Two neighbours with so many entries together become one.
const FEW: usize = 24;

/// An ordered map. Searching takes O(log n), inserting and removing at most 64 moves and n / 64 of pointers.
#[derive(Clone)]
pub struct SharedMap<K, V> {
    /// Sorted by key, no key twice, none empty.
    chunks: Vec<Arc<Vec<(K, V)>>>,
    len: u64,
}

/// A place: a chunk and a place in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    chunk: usize,
    at: usize,
}

impl<K, V> SharedMap<K, V> {
    /// A map with nothing in it.
    pub const fn new() -> Self {
        SharedMap { chunks: Vec::new(), len: 0 }
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Is there no entry?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { chunks: &self.chunks, front: Place { chunk: 0, at: 0 }, back: self.end() }
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entry with the least key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The entry with the greatest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    fn end(&self) -> Place {
        Place { chunk: self.chunks.len(), at: 0 }
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// The chunk in which a key is or belongs.
    fn chunk_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.chunks.partition_point(|chunk| chunk[0].0.borrow() <= key).saturating_sub(1)
    }

    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunk_of(key);
        let Some(entries) = self.chunks.get(chunk) else { return Err(self.end()) };
        match entries.binary_search_by(|(k, _)| k.borrow().cmp(key)) {
            Ok(at) => Ok(Place { chunk, at }),
            Err(at) => Err(Place { chunk, at }),
        }
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|place| &self.chunks[place.chunk][place.at].1)
    }

    /// Is there an entry for this key?
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// The entries whose keys are within the bounds.
    pub fn range<Q: Ord + ?Sized>(&self, bounds: impl RangeBounds<Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let place = |key: &Q, after: bool| match self.find(key) {
            Ok(place) if after => self.normal(Place { at: place.at + 1, ..place }),
            Ok(place) => place,
            Err(place) => self.normal(place),
        };
        let front = match bounds.start_bound() {
            Bound::Included(key) => place(key, false),
            Bound::Excluded(key) => place(key, true),
            Bound::Unbounded => Place { chunk: 0, at: 0 },
        };
        let back = match bounds.end_bound() {
            Bound::Included(key) => place(key, true),
            Bound::Excluded(key) => place(key, false),
            Bound::Unbounded => self.end(),
        };
        Iter { chunks: &self.chunks, front, back: back.max(front) }
    }

    /// The same place, named as the start of the next chunk if it is the end of one.
    fn normal(&self, place: Place) -> Place {
        match self.chunks.get(place.chunk) {
            Some(chunk) if place.at == chunk.len() => Place { chunk: place.chunk + 1, at: 0 },
            _ => place,
        }
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(&mut Arc::make_mut(&mut self.chunks[place.chunk])[place.at].1)
    }

    /// Sets the value of a key and returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => {
                let chunk = Arc::make_mut(&mut self.chunks[place.chunk]);
                Some(std::mem::replace(&mut chunk[place.at].1, value))
            }
            Err(place) => {
                self.insert_at(place, (key, value));
                None
            }
        }
    }

    fn insert_at(&mut self, mut place: Place, entry: (K, V)) {
        self.len += 1;
        let full = self.chunks.get(place.chunk).is_some_and(|chunk| chunk.len() == MOST);
        if place.chunk == self.chunks.len() || full && place.at == MOST && place.chunk + 1 == self.chunks.len() {
            // What grows at its end has full chunks.
            return self.chunks.push(Arc::new(vec![entry]));
        }
        if full {
            let rest = Arc::make_mut(&mut self.chunks[place.chunk]).split_off(MOST / 2);
            self.chunks.insert(place.chunk + 1, Arc::new(rest));
            if place.at > MOST / 2 {
                place = Place { chunk: place.chunk + 1, at: place.at - MOST / 2 };
            }
        }
        Arc::make_mut(&mut self.chunks[place.chunk]).insert(place.at, entry);
    }

    /// Removes a key and returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        let (_, value) = Arc::make_mut(&mut self.chunks[place.chunk]).remove(place.at);
        self.len -= 1;
        self.tidy(place.chunk);
        Some(value)
    }

    /// Removes the entry with the least key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let first = Arc::make_mut(self.chunks.first_mut()?).remove(0);
        self.len -= 1;
        self.tidy(0);
        Some(first)
    }

    /// A chunk has become smaller: an empty one goes, a small one joins the next.
    fn tidy(&mut self, chunk: usize) {
        let here = self.chunks[chunk].len();
        if here == 0 {
            self.chunks.remove(chunk);
        } else if self.chunks.get(chunk + 1).is_some_and(|next| here + next.len() <= FEW) {
            let next = self.chunks.remove(chunk + 1);
            Arc::make_mut(&mut self.chunks[chunk]).extend(Arc::unwrap_or_clone(next));
        }
    }
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        SharedMap::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SharedMap<K, V> {}

impl<K: Hash, V: Hash> Hash for SharedMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.len.hash(state);
        self.iter().for_each(|entry| entry.hash(state));
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = SharedMap::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl<'a, K, V> IntoIterator for &'a SharedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

/// The entries of a [`SharedMap`] in the order of their keys.
#[derive(Clone)]
pub struct Iter<'a, K, V> {
    chunks: &'a [Arc<Vec<(K, V)>>],
    /// The next entry.
    front: Place,
    /// Behind the last entry; never the end of a chunk, but the start of the next.
    back: Place,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let chunk = &self.chunks[self.front.chunk];
        let (key, value) = &chunk[self.front.at];
        self.front.at += 1;
        if self.front.at == chunk.len() {
            self.front = Place { chunk: self.front.chunk + 1, at: 0 };
        }
        Some((key, value))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        if self.back.at == 0 {
            let chunk = self.back.chunk - 1;
            self.back = Place { chunk, at: self.chunks[chunk].len() };
        }
        self.back.at -= 1;
        let (key, value) = &self.chunks[self.back.chunk][self.back.at];
        Some((key, value))
    }
}

/// An ordered set: a [`SharedMap`] without values.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SharedSet<T>(SharedMap<T, ()>);

impl<T> SharedSet<T> {
    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.keys()
    }

    /// The least.
    pub fn first(&self) -> Option<&T> {
        self.iter().next()
    }
}

impl<T: Ord + Clone> SharedSet<T> {
    /// Adds one.
    pub fn insert(&mut self, item: T) {
        self.0.insert(item, ());
    }

    /// Removes one.
    pub fn remove<Q: Ord + ?Sized>(&mut self, item: &Q)
    where
        T: Borrow<Q>,
    {
        self.0.remove(item);
    }
}

impl<T> Default for SharedSet<T> {
    fn default() -> Self {
        SharedSet(SharedMap::new())
    }
}

impl<T: fmt::Debug> fmt::Debug for SharedSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::sim::{Rng, digest_of};

    #[test]
    fn it_does_what_a_b_tree_does_whatever_is_asked() {
        for seed in 0..20 {
            let mut rng = Rng::stream(seed, "shared map");
            let span = [40, 400, 4_000][seed as usize % 3];
            let (mut map, mut model) = (SharedMap::new(), BTreeMap::new());
            let mut earlier = (map.clone(), model.clone());
            for step in 0..3_000u32 {
                let key = rng.next_u64() % span;
                match rng.next_u64() % 5 {
                    0 | 1 => assert_eq!(map.insert(key, step), model.insert(key, step)),
                    2 => assert_eq!(map.remove(&key), model.remove(&key)),
                    3 => assert_eq!(map.get_mut(&key).map(|v| *v += 1), model.get_mut(&key).map(|v| *v += 1)),
                    _ if step % 7 == 0 => assert_eq!(map.pop_first(), model.pop_first()),
                    _ => {
                        let (from, to) = (key.min(span / 2), key.max(span / 2));
                        assert!(map.range(from..to).eq(model.range(from..to)));
                        assert!(map.range(from..=to).rev().eq(model.range(from..=to).rev()));
                        assert!(map.range((Bound::Excluded(from), Bound::Unbounded)).eq(model.range(from + 1..)));
                        assert_eq!(map.get(&key), model.get(&key));
                    }
                }
                assert_eq!(map.len(), model.len() as u64);
                if step % 500 == 0 {
                    assert!(earlier.0.iter().eq(&earlier.1), "a clone stays what it was");
                    earlier = (map.clone(), model.clone());
                }
            }
            assert!(map.iter().eq(&model) && map.iter().rev().eq(model.iter().rev()));
            assert_eq!(
                (map.first_key_value(), map.last_key_value()),
                (model.first_key_value(), model.last_key_value())
            );
            assert!(map.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= MOST));
        }
    }

    #[test]
    fn what_is_equal_has_one_digest_however_it_came_to_be() {
        let grown: SharedMap<u32, u32> = (0..1_000).map(|n| (n, n)).collect();
        let mut shrunk: SharedMap<u32, u32> = (0..2_000).rev().map(|n| (n, n)).collect();
        (1_000..2_000).for_each(|n| _ = shrunk.remove(&n));
        assert_eq!((&grown, digest_of(&grown)), (&shrunk, digest_of(&shrunk)));
    }

    #[test]
    fn what_grows_at_its_end_has_full_chunks() {
        let map: SharedMap<u32, ()> = (0..6_400).map(|n| (n, ())).collect();
        assert_eq!(map.chunks.len(), 100);
    }
}
