//! Who wrote what an object wants, and what decides where packets go: the links from what there is to entries of the trace.

use crate::api::{Object, ObjectRef};
use crate::cluster::NodeIx;
use crate::control::apiserver::StoredValue;
use crate::etcd::{Event, KeyValue};
use crate::sim::{EventId, SharedMap, VecMap};

/// For each object, the entry that last wrote its desired state, and its generation then; or the one that took it away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Writers(SharedMap<ObjectRef, (i64, EventId)>);

impl Writers {
    /// etcd told in `entry` of what was written. Of several watches that tell the same, the first one counts.
    pub fn told(&mut self, events: &[Event<StoredValue>], entry: EventId) {
        for event in events {
            match event {
                Event::Put { kv: KeyValue { value: StoredValue::Object(object), .. }, .. } => self.wrote(object, entry),
                Event::Delete { prev: Some(KeyValue { value: StoredValue::Object(object), .. }), .. } => {
                    self.0.insert(object.reference(), (0, entry));
                }
                _ => {}
            }
        }
    }

    fn wrote(&mut self, object: &Object, entry: EventId) {
        let generation = object.meta().generation;
        let key = object.reference();
        if generation == 0 || self.0.get(&key).is_none_or(|(known, _)| *known != generation) {
            self.0.insert(key, (generation, entry));
        }
    }

    /// The entry that last wrote what an object wants, or took it away.
    pub fn of(&self, object: &ObjectRef) -> Option<EventId> {
        self.0.get(object).map(|(_, entry)| *entry)
    }
}

/// What decides on a node where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decides {
    /// The rules of kube-proxy and of whoever else writes some.
    Rules,
    /// Routes, and the tables of tunnels.
    Routes,
    /// The cable.
    Cable,
    /// The settings of the kernel.
    Kernel,
    /// Whether kube-proxy runs, which keeps the rules up to date.
    Proxy,
}

/// For each node, the entries that last changed what decides there where packets go, and who takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hands {
    changed: VecMap<(NodeIx, Decides), EventId>,
    /// By node, protocol number and port: what ended the process that listened there.
    closed: VecMap<(NodeIx, u8, u16), EventId>,
}

impl Hands {
    /// Something was changed by `entry`.
    pub fn changed(&mut self, at: NodeIx, what: Decides, entry: Option<EventId>) {
        if let Some(entry) = entry {
            self.changed.insert((at, what), entry);
        }
    }

    /// Nobody listens on a port of the node any more because of `entry`.
    pub fn closed(&mut self, at: NodeIx, (proto, port): (u8, u16), entry: EventId) {
        self.closed.insert((at, proto, port), entry);
    }

    /// The entry that last changed it.
    pub fn of(&self, at: NodeIx, what: Decides) -> Option<EventId> {
        self.changed.get(&(at, what)).copied()
    }

    /// The entry that last ended who listened on a port of the node.
    pub fn who_closed(&self, at: NodeIx, (proto, port): (u8, u16)) -> Option<EventId> {
        self.closed.get(&(at, proto, port)).copied()
    }
}
