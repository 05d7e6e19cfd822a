//! Two moments of the cluster beside each other: which objects came, went and changed between them, and how.
//!
//! Left out, because it differs between any two moments and means nothing: `metadata.managedFields`,
//! `metadata.resourceVersion`, the times of heartbeats (`spec.renewTime` of a Lease, `lastHeartbeatTime` of a node's condition)
//! and Leases that differ in nothing else.

use serde::{Deserialize, Serialize};

use crate::view::{ObjectRef, Time};

/// A moment of a branch. All that was due by then has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MomentRef {
    /// The number of the branch.
    pub branch: u32,
    /// The time.
    pub at: Time,
}

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareView {
    /// The earlier side.
    pub from: MomentRef,
    /// The later side; `None` for now.
    pub to: Option<MomentRef>,
    /// Whether both could be looked at.
    pub found: Found,
    /// Objects of the later side only.
    pub added: Part<ObjectRef>,
    /// Objects of the earlier side only.
    pub removed: Part<ObjectRef>,
    /// Objects of both that differ.
    pub changed: Part<ChangedView>,
    /// The one object that was asked for: a unified diff of its YAML, empty if it is the same. `None` if none was asked for.
    pub diff: Option<String>,
}

/// Whether two moments could be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// Both.
    #[default]
    Both,
    /// To reach one of them, more would have to be lived again than the page would wait for.
    TooFar,
    /// The branch of one of them was forgotten.
    Gone,
}

/// The first of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part<T> {
    /// Those that are listed.
    pub listed: Vec<T>,
    /// How many are not.
    pub more: u32,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Part { listed: Vec::new(), more: 0 }
    }
}

impl<T> Part<T> {
    /// Adds one, which is only counted if `most` are listed.
    pub fn add(&mut self, most: usize, make: impl FnOnce() -> T) {
        if self.listed.len() < most {
            self.listed.push(make());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.listed.len()).unwrap_or(u32::MAX).saturating_add(self.more)
    }
}

/// An object that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedView {
    /// The object as it is on the later side.
    pub object: ObjectRef,
    /// Whether it is another one of the same name: the first was deleted.
    pub replaced: bool,
    /// The fields that differ.
    pub fields: Part<FieldChange>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its path: `spec.template.spec.containers[web].image`.
    pub path: String,
    /// What it was; `None` if it was not there.
    pub old: Option<String>,
    /// What it is; `None` if it is not there any more.
    pub new: Option<String>,
}
