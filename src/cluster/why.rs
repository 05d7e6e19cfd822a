//! Who wrote what an object wants: the link from an object to the entry of the trace that created it or changed its spec.

use crate::api::{Object, ObjectRef};
use crate::sim::{EventId, SharedMap};

/// For each object that lives, the entry that last wrote its desired state, and its generation then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Writers(SharedMap<ObjectRef, (i64, EventId)>);

impl Writers {
    /// An object was written by `entry`; whether that changed what it wants.
    pub fn wrote(&mut self, object: &Object, entry: EventId) -> bool {
        let generation = object.meta().generation;
        let key = object.reference();
        match self.0.get(&key) {
            Some((known, _)) if *known == generation && generation > 0 => false,
            _ => {
                self.0.insert(key, (generation, entry));
                true
            }
        }
    }

    /// An object is gone.
    pub fn forget(&mut self, object: &ObjectRef) {
        self.0.remove(object);
    }

    /// The entry that last wrote what an object wants.
    pub fn of(&self, object: &ObjectRef) -> Option<EventId> {
        self.0.get(object).map(|(_, entry)| *entry)
    }
}
