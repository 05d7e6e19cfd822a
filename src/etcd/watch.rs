//! Who watches what, and whom a change concerns.
//!
//! Models `server/storage/mvcc/watchable_store.go`, `watcher_group.go` and `server/etcdserver/api/v3rpc/watch.go` (etcd). There,
//! watchers of ranges sit in an interval tree; here watchers of prefixes are found by looking up the key's own prefixes
//! of the lengths in use, because nearly every watch is one of a key or of a prefix. There, a watch from an old revision
//! catches up in a loop every 100 ms; here at once. Who measures the delay of the first events could tell.

use crate::etcd::error::EtcdError;
use crate::etcd::key::{Key, KeyRange};
use crate::etcd::op::WatchOp;
use crate::etcd::payload::Payload;
use crate::etcd::reply::Event;
use crate::etcd::revision::{ClientId, Revision, WatchId};
use crate::sim::{SharedMap, SharedSet, Span, Time, VecMap};

/// How often an idle watch that asks for it is told the revision.
const PROGRESS_EVERY: Span = Span::mins(10);

/// One watch of one client.
pub type Watch = (ClientId, WatchId);

type Watches = SharedSet<Watch>;

/// All watches of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WatchHub {
    watchers: SharedMap<Watch, Watcher>,
    next_id: SharedMap<ClientId, WatchId>,
    by_key: SharedMap<Key, Watches>,
    by_prefix: SharedMap<Key, Watches>,
    /// How many watched prefixes have this length in bytes.
    prefix_lengths: SharedMap<u32, u32>,
    by_interval: Watches,
    progress: SharedSet<(Time, Watch)>,
}

/// What a watch wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Watcher {
    /// Which keys.
    pub range: KeyRange,
    /// The least revision it has not been told of.
    pub next: Revision,
    /// Whether puts are left out.
    pub no_put: bool,
    /// Whether deletions are left out.
    pub no_delete: bool,
    /// Whether events carry what was there before.
    pub prev_kv: bool,
    /// When it is next told the revision if it stays idle; `None` if it did not ask for that.
    progress_at: Option<Time>,
    /// Whether it was told of an event since it was last told the revision.
    busy: bool,
}

impl WatchHub {
    /// Adds a watch that wants events from `next` on.
    pub fn create(&mut self, client: ClientId, op: WatchOp, next: Revision, now: Time) -> Result<WatchId, EtcdError> {
        if op.range.is_empty() {
            return Err(EtcdError::EmptyWatchRange);
        }
        let id = self.number(client, op.id)?;
        let watch = (client, id);
        let progress_at = op.progress.then(|| now + PROGRESS_EVERY);
        if let Some(at) = progress_at {
            self.progress.insert((at, watch));
        }
        self.file(watch, &op.range);
        let (no_put, no_delete, prev_kv) = (op.no_put, op.no_delete, op.prev_kv);
        let watcher = Watcher { range: op.range, next, no_put, no_delete, prev_kv, progress_at, busy: false };
        self.watchers.insert(watch, watcher);
        Ok(id)
    }

    /// Removes a watch. Returns whether there was one.
    pub fn cancel(&mut self, watch: Watch) -> bool {
        let Some(watcher) = self.watchers.get(&watch).cloned() else { return false };
        if let Some(at) = watcher.progress_at {
            self.progress.remove(&(at, watch));
        }
        self.unfile(watch, &watcher.range);
        self.watchers.remove(&watch);
        true
    }

    /// Removes all watches of a client that went away.
    pub fn disconnect(&mut self, client: ClientId) {
        let gone: Vec<Watch> = self.of_client(client).collect();
        for watch in gone {
            self.cancel(watch);
        }
        self.next_id.remove(&client);
    }

    /// The watches of `client`.
    pub fn of_client(&self, client: ClientId) -> impl Iterator<Item = Watch> + '_ {
        let all = (client, WatchId(0))..=(client, WatchId(u64::MAX));
        self.watchers.range(all).map(|(watch, _)| *watch)
    }

    /// All watches, by client and number.
    pub fn iter(&self) -> impl Iterator<Item = (&Watch, &Watcher)> {
        self.watchers.iter()
    }

    /// One watch.
    pub fn get(&self, watch: Watch) -> Option<&Watcher> {
        self.watchers.get(&watch)
    }

    /// Whom `events`, all of revision `revision`, concern: each watch once, with its events in order.
    pub fn notify<V: Payload>(&mut self, events: &[Event<V>], revision: Revision) -> VecMap<Watch, Vec<Event<V>>> {
        let mut told: VecMap<Watch, Vec<Event<V>>> = VecMap::new();
        for event in events {
            for watch in self.concerned(event.key()) {
                let watcher = self.watchers.get(&watch).expect("every filed watch exists");
                if let Some(event) = watcher.shown(event) {
                    told.entry(watch).or_default().push(event);
                }
            }
        }
        for watch in told.keys() {
            self.told(*watch, revision);
        }
        told
    }

    /// Notes that `watch` has been told all up to `revision`.
    pub fn told(&mut self, watch: Watch, revision: Revision) {
        if let Some(watcher) = self.watchers.get_mut(&watch) {
            watcher.next = watcher.next.max(revision.next());
            watcher.busy = watcher.progress_at.is_some();
        }
    }

    /// When the next idle watch is told the revision.
    pub fn next_progress(&self) -> Option<Time> {
        self.progress.first().map(|(at, _)| *at)
    }

    /// The watches that were idle for ten minutes.
    pub fn due_progress(&mut self, now: Time) -> Vec<Watch> {
        let due: Vec<(Time, Watch)> = self.progress.iter().take_while(|(at, _)| *at <= now).copied().collect();
        let mut idle = Vec::new();
        for (at, watch) in due {
            self.progress.remove(&(at, watch));
            let watcher = self.watchers.get_mut(&watch).expect("every watch with a clock exists");
            let next = at.max(now - PROGRESS_EVERY) + PROGRESS_EVERY;
            watcher.progress_at = Some(next);
            if !std::mem::take(&mut watcher.busy) {
                idle.push(watch);
            }
            self.progress.insert((next, watch));
        }
        idle
    }

    fn number(&mut self, client: ClientId, wanted: Option<WatchId>) -> Result<WatchId, EtcdError> {
        if let Some(id) = wanted {
            let taken = self.watchers.contains_key(&(client, id));
            return if taken { Err(EtcdError::DuplicateWatchId) } else { Ok(id) };
        }
        let mut id = self.next_id.get(&client).copied().unwrap_or_default();
        while self.watchers.contains_key(&(client, id)) {
            id = WatchId(id.0 + 1);
        }
        self.next_id.insert(client, WatchId(id.0 + 1));
        Ok(id)
    }

    /// The watches whose range has `key`.
    fn concerned(&self, key: &str) -> Vec<Watch> {
        let mut found: Vec<Watch> = self.by_key.get(key).into_iter().flat_map(Watches::iter).copied().collect();
        for length in self.prefix_lengths.keys() {
            let Some(prefix) = key.get(..index(*length)) else { continue };
            found.extend(self.by_prefix.get(prefix).into_iter().flat_map(Watches::iter));
        }
        let contains = |watch: &&Watch| self.watchers.get(*watch).is_some_and(|w| w.range.contains(key));
        found.extend(self.by_interval.iter().filter(contains));
        found
    }

    fn file(&mut self, watch: Watch, range: &KeyRange) {
        match range {
            KeyRange::One(key) => add(&mut self.by_key, key, watch),
            KeyRange::Prefix(prefix) => {
                if !self.by_prefix.contains_key(&**prefix) {
                    let users = self.prefix_lengths.get(&length(prefix)).copied().unwrap_or_default();
                    self.prefix_lengths.insert(length(prefix), users + 1);
                }
                add(&mut self.by_prefix, prefix, watch);
            }
            KeyRange::From(_) | KeyRange::Between { .. } => self.by_interval.insert(watch),
        }
    }

    fn unfile(&mut self, watch: Watch, range: &KeyRange) {
        match range {
            KeyRange::One(key) => {
                remove(&mut self.by_key, key, watch);
            }
            KeyRange::Prefix(prefix) => {
                if !remove(&mut self.by_prefix, prefix, watch) {
                    return;
                }
                match self.prefix_lengths.get(&length(prefix)) {
                    Some(users) if *users > 1 => _ = self.prefix_lengths.insert(length(prefix), users - 1),
                    _ => {
                        self.prefix_lengths.remove(&length(prefix));
                    }
                }
            }
            KeyRange::From(_) | KeyRange::Between { .. } => {
                self.by_interval.remove(&watch);
            }
        }
    }
}

impl Watcher {
    /// `event` as this watch is told it; `None` if it does not want it.
    pub fn shown<V: Payload>(&self, event: &Event<V>) -> Option<Event<V>> {
        let unwanted = if event.is_put() { self.no_put } else { self.no_delete };
        if unwanted || event.revision() < self.next {
            return None;
        }
        Some(if self.prev_kv { event.clone() } else { event.clone().without_prev() })
    }
}

fn length(prefix: &str) -> u32 {
    u32::try_from(prefix.len()).expect("a request is at most 1.5 MiB")
}

fn index(length: u32) -> usize {
    usize::try_from(length).expect("a length of a key fits")
}

fn add(map: &mut SharedMap<Key, Watches>, key: &Key, watch: Watch) {
    if let Some(watches) = map.get_mut::<str>(key) {
        watches.insert(watch);
        return;
    }
    let mut fresh = Watches::default();
    fresh.insert(watch);
    map.insert(key.clone(), fresh);
}

/// Removes `watch` at `key`. Returns whether it was the last there.
fn remove(map: &mut SharedMap<Key, Watches>, key: &Key, watch: Watch) -> bool {
    let Some(watches) = map.get_mut::<str>(key) else { return false };
    watches.remove(&watch);
    let last = watches.is_empty();
    if last {
        map.remove::<str>(key);
    }
    last
}
