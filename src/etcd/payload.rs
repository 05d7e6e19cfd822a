//! What a value is: anything that can be kept, compared and shown. The store never looks inside.

use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use crate::etcd::revision::Revision;

/// A value of the store. The API server keeps typed objects, flannel keeps JSON text.
pub trait Payload: Clone + Debug + PartialEq + Eq + Hash {
    /// How many bytes it takes. Asked once per write, so it must be cheap: known or estimated, not serialised for.
    fn size(&self) -> u64;

    /// What etcdctl prints, and what `value("k") < "v"` compares.
    fn text(&self) -> Cow<'_, str>;

    /// It is being stored at this revision. A value that knows its revision need not be given it by each who reads it.
    fn stored_at(&mut self, _revision: Revision) {}
}

impl Payload for Arc<str> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl Payload for String {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}
