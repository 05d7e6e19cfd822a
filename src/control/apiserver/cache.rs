//! The watch cache of one kind: what etcd holds, as far as its watch has told, and a window of what happened lately.
//! Models `k8s.io/apiserver/pkg/storage/cacher`.
//!
//! ```text
//! Empty --list--> Listing --range reply--> Ready --watch cancelled--> Empty
//! ```

use std::sync::Arc;

use crate::api::{Kind, Object, ResourceVersion, WatchEventType};
use crate::control::apiserver::storage::{self, StoredValue};
use crate::etcd::{Event, KeyValue, Revision};
use crate::sim::{SharedMap, Span, Time};

/// Events younger than this are kept.
const FRESH: Span = Span::secs(75);
/// So many events are kept however old they are.
const LEAST_WINDOW: u64 = 100;

/// How far a cache is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing is known.
    Empty,
    /// The list was asked for.
    Listing,
    /// The list came; the watch goes on from there.
    Ready,
}

/// One change, with what was there before and is there now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// The revision at which it happened.
    pub revision: Revision,
    /// When it was heard of.
    pub at: Time,
    /// The object before; `None` if it was created.
    pub old: Option<Object>,
    /// The object after; `None` if it was deleted.
    pub new: Option<Object>,
}

impl Change {
    /// The object after, or the last state of a deleted one with the resource version of its deletion.
    pub fn object(&self) -> Option<Object> {
        match (&self.new, &self.old) {
            (Some(new), _) => Some(new.clone()),
            (None, Some(old)) => {
                let mut last = old.clone();
                last.meta_mut().resource_version = Some(ResourceVersion(self.revision.0));
                Some(last)
            }
            (None, None) => None,
        }
    }

    /// What a watcher sees that chooses objects by `chosen`; `None` if it does not concern it.
    pub fn seen_by(&self, chosen: impl Fn(&Object) -> bool) -> Option<WatchEventType> {
        let before = self.old.as_ref().is_some_and(&chosen);
        let after = self.new.as_ref().is_some_and(&chosen);
        match (before, after) {
            (false, true) => Some(WatchEventType::Added),
            (true, true) => Some(WatchEventType::Modified),
            (true, false) => Some(WatchEventType::Deleted),
            (false, false) => None,
        }
    }
}

/// The cache of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cache {
    kind: Kind,
    phase: Phase,
    objects: SharedMap<Arc<str>, Object>,
    revision: Revision,
    /// Changes in order, by a running number.
    window: SharedMap<u64, Change>,
    next: u64,
    /// Every change after this revision is in the window.
    complete_after: Revision,
}

impl Cache {
    /// An empty cache.
    pub fn new(kind: Kind) -> Cache {
        Cache {
            kind,
            phase: Phase::Empty,
            objects: SharedMap::new(),
            revision: Revision(0),
            window: SharedMap::new(),
            next: 0,
            complete_after: Revision(0),
        }
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it can serve.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// The list was asked for.
    pub fn begin_list(&mut self) {
        self.phase = Phase::Listing;
    }

    /// Everything up to here is known.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The object under an etcd key.
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// The objects whose keys begin with `prefix`, in key order.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a Arc<str>, &'a Object)> + 'a {
        use std::ops::Bound;
        self.objects
            .range::<str>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// All objects, in key order.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// How many objects there are.
    pub fn len(&self) -> u64 {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Takes the list in: what is there replaces everything.
    pub fn fill(&mut self, kvs: Vec<KeyValue<StoredValue>>, revision: Revision) {
        self.objects = SharedMap::new();
        for kv in kvs {
            if let Some(object) = storage::decode(&kv).filter(|o| o.kind() == self.kind) {
                self.objects.insert(kv.key, object);
            }
        }
        self.window = SharedMap::new();
        self.complete_after = revision;
        self.revision = revision;
        self.phase = Phase::Ready;
    }

    /// The watch was lost: what is here may be old, and serves nobody who asks for more than that.
    pub fn reset(&mut self) {
        self.phase = Phase::Empty;
        self.window = SharedMap::new();
    }

    /// Takes events of the watch in and answers the changes, in order.
    pub fn apply(&mut self, events: Vec<Event<StoredValue>>, revision: Revision, now: Time) -> Vec<Change> {
        let known = self.revision;
        let mut changes = Vec::with_capacity(events.len());
        for event in events {
            let at = event.revision();
            if at <= known {
                continue;
            }
            let change = match event {
                Event::Put { kv, .. } => {
                    let Some(new) = storage::decode(&kv).filter(|o| o.kind() == self.kind) else { continue };
                    let old = self.objects.get(&kv.key).cloned();
                    self.objects.insert(kv.key, new.clone());
                    Change { revision: at, at: now, old, new: Some(new) }
                }
                Event::Delete { key, .. } => {
                    let Some(old) = self.objects.get(&key).cloned() else { continue };
                    self.objects.remove(&key);
                    Change { revision: at, at: now, old: Some(old), new: None }
                }
            };
            self.window.insert(self.next, change.clone());
            self.next += 1;
            changes.push(change);
        }
        self.progress(revision);
        self.trim(now);
        changes
    }

    /// Everything up to `revision` has been told.
    pub fn progress(&mut self, revision: Revision) {
        self.revision = self.revision.max(revision);
    }

    fn trim(&mut self, now: Time) {
        let is_old = |change: &Change| now.since(change.at) >= FRESH;
        while self.window.len() > LEAST_WINDOW && self.window.first_key_value().is_some_and(|(_, c)| is_old(c)) {
            if let Some((_, change)) = self.window.pop_first() {
                self.complete_after = change.revision;
            }
        }
    }

    /// The changes after `revision`, in order.
    ///
    /// # Errors
    /// The oldest revision from which on changes are known, if `revision` is older.
    pub fn since(&self, revision: Revision) -> Result<Vec<Change>, Revision> {
        if revision < self.complete_after {
            return Err(self.complete_after);
        }
        let mut changes: Vec<Change> = Vec::new();
        for (_, change) in self.window.iter().rev() {
            if change.revision <= revision {
                break;
            }
            changes.push(change.clone());
        }
        changes.reverse();
        Ok(changes)
    }
}
