//! What a value is: anything that can be kept, compared and shown. The store never looks inside.

use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

/// A value of the store. The API server keeps typed objects, flannel keeps JSON text.
pub trait Payload: Clone + Debug + PartialEq + Eq + Hash {
    /// How many bytes it takes. Asked once per write, so it must be cheap: known or estimated, not serialised for.
    fn size(&self) -> u64;

    /// What etcdctl prints, and what `value("k") < "v"` compares.
    fn text(&self) -> Cow<'_, str>;
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
