//! The store against a naive one that keeps every revision whole.

use std::sync::Arc;

use crate::etcd::{
    Command, DeleteOp, Event, KeyRange, KeyValue, LeaseId, PutOp, RangeOp, Revision, Store, TxnOp, TxnStep,
};
use crate::sim::{Rng, Span, VecMap};

type Text = Arc<str>;
type World = VecMap<Text, KeyValue<Text>>;

/// Every revision as a whole map; what compaction forgets is only not asked for.
#[derive(Clone)]
struct Naive {
    worlds: VecMap<Revision, World>,
    compacted: Revision,
}

impl Naive {
    fn new() -> Naive {
        Naive { worlds: VecMap::from([(Revision(1), World::new())]), compacted: Revision(0) }
    }

    fn revision(&self) -> Revision {
        *self.worlds.keys().next_back().unwrap()
    }

    /// Puts and deletions of one revision; `None` deletes.
    fn write(&mut self, writes: &[(Text, Option<Text>, Option<LeaseId>)]) {
        let mut world = self.worlds.values().next_back().unwrap().clone();
        let next = self.revision().next();
        let mut changed = false;
        for (key, value, lease) in writes {
            match value {
                Some(value) => {
                    let old = world.get(key);
                    let kv = KeyValue {
                        key: key.clone(),
                        value: value.clone(),
                        create_revision: old.map_or(next, |kv| kv.create_revision),
                        mod_revision: next,
                        version: old.map_or(1, |kv| kv.version + 1),
                        lease: *lease,
                    };
                    world.insert(key.clone(), kv);
                    changed = true;
                }
                None => changed |= world.remove(key).is_some(),
            }
        }
        if changed {
            self.worlds.insert(next, world);
        }
    }

    fn keys_in(&self, range: &KeyRange) -> Vec<Text> {
        let world = self.worlds.values().next_back().unwrap();
        world.keys().filter(|key| range.contains(key)).cloned().collect()
    }
}

fn some_key(rng: &mut Rng) -> Text {
    let key = *rng.pick(&["a", "aa", "ab", "b", "b/1", "b/2", "c", "d"]).unwrap();
    key.into()
}

fn some_range(rng: &mut Rng) -> KeyRange {
    match rng.below(4) {
        0 => KeyRange::One(some_key(rng)),
        1 => KeyRange::Prefix(some_key(rng)),
        2 => KeyRange::From(some_key(rng)),
        _ => KeyRange::Between { from: some_key(rng), to: some_key(rng) },
    }
}

/// One random command on both.
fn step(rng: &mut Rng, store: &mut Store<Text>, naive: &mut Naive) -> Vec<Event<Text>> {
    let value = |rng: &mut Rng| -> Text { rng.below(5).to_string().into() };
    let lease = LeaseId::new(1 + rng.below(3)).unwrap();
    let command = match rng.below(12) {
        0..=4 => {
            let (key, value) = (some_key(rng), value(rng));
            naive.write(&[(key.clone(), Some(value.clone()), None)]);
            Command::Put(PutOp::new(key, value))
        }
        5 | 6 => {
            let range = some_range(rng);
            let writes: Vec<_> = naive.keys_in(&range).into_iter().map(|key| (key, None, None)).collect();
            naive.write(&writes);
            Command::Delete(DeleteOp::new(range))
        }
        7 => {
            let (deleted, put, text) = (KeyRange::prefix("b/"), some_key(rng), value(rng));
            let mut writes: Vec<_> = naive.keys_in(&deleted).into_iter().map(|key| (key, None, None)).collect();
            writes.push((put.clone(), Some(text.clone()), None));
            if !deleted.contains(&put) {
                naive.write(&writes);
            }
            let success = vec![TxnStep::Delete(DeleteOp::new(deleted)), TxnStep::Put(PutOp::new(put, text))];
            Command::Txn(TxnOp { compare: vec![], success, failure: vec![] })
        }
        8 => {
            let at = Revision(rng.between(1, naive.revision().0));
            naive.compacted = naive.compacted.max(at);
            Command::Compact(at)
        }
        9 => Command::LeaseGrant(lease, Span::secs(60)),
        10 => {
            let (key, value) = (some_key(rng), value(rng));
            if store.leases().any(|known| known == lease) {
                naive.write(&[(key.clone(), Some(value.clone()), Some(lease))]);
            }
            Command::Put(PutOp::new(key, value).lease(lease))
        }
        _ => {
            let world = naive.worlds.values().next_back().unwrap();
            let under = world.values().filter(|kv| kv.lease == Some(lease));
            let writes: Vec<_> = under.map(|kv| (kv.key.clone(), None, None)).collect();
            naive.write(&writes);
            Command::LeaseRevoke(lease)
        }
    };
    store.apply(command).events
}

fn same_ranges(rng: &mut Rng, store: &Store<Text>, naive: &Naive, seed: u64) {
    let range = some_range(rng);
    let at = Revision(rng.between(1, naive.revision().0));
    let found = store.range(&RangeOp::new(range.clone()).at(at));
    if at < naive.compacted {
        assert!(found.is_err(), "seed {seed}: {at} is compacted");
        return;
    }
    let world = &naive.worlds[&at];
    let expected: Vec<_> = world.values().filter(|kv| range.contains(&kv.key)).cloned().collect();
    assert_eq!(found.map(|reply| reply.into_kvs()), Ok(expected), "seed {seed}: {range:?} as of {at}");
}

/// What the difference of two revisions says must be what the events say.
fn same_events(store: &Store<Text>, naive: &Naive, seed: u64) {
    let start = naive.compacted.max(Revision(1));
    let all = KeyRange::all();
    let mut world = start.previous().and_then(|before| naive.worlds.get(&before)).cloned().unwrap_or_default();
    let mut revision = start;
    for event in store.events_since(start, &all).expect("nothing after the compaction is forgotten") {
        assert!(event.revision() >= revision, "seed {seed}: events come in the order of revisions");
        if event.revision() > revision {
            assert_eq!(world, naive.worlds[&event.revision().previous().unwrap()], "seed {seed}: before {event:?}");
            revision = event.revision();
        }
        let prev = match &event {
            Event::Put { kv, .. } => world.insert(kv.key.clone(), kv.clone()),
            Event::Delete { key, .. } => world.remove(key),
        };
        if event.revision() > start {
            assert_eq!(event.prev(), prev.as_ref(), "seed {seed}: what was before {event:?}");
        }
    }
    assert_eq!(&world, naive.worlds.values().next_back().unwrap(), "seed {seed}: events lead to the present");
}

#[test]
fn the_store_equals_a_naive_one_and_its_events_are_its_history() {
    for seed in 0..300 {
        let mut rng = Rng::stream(seed, "etcd property");
        let (mut store, mut naive) = (Store::new(), Naive::new());
        for _ in 0..80 {
            let before = naive.revision();
            let events = step(&mut rng, &mut store, &mut naive);
            assert_eq!(store.revision(), naive.revision(), "seed {seed}");
            assert_eq!(!events.is_empty(), naive.revision() > before, "seed {seed}: changes take a revision");
            let all = KeyRange::all();
            let told: Vec<_> = store.events_since(before.next(), &all).unwrap().collect();
            let at_once = !events.is_empty();
            assert!(!at_once || told == events, "seed {seed}: {told:?} is told later, {events:?} at once");
            same_ranges(&mut rng, &store, &naive, seed);
        }
        same_events(&store, &naive, seed);
    }
}
