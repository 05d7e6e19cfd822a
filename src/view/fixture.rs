//! Sample views: for tests, and for the page on its own (`?fixture` in a development build).

mod cluster;
mod packet;
mod store;
mod story;

pub use cluster::cluster;
pub use packet::{packet, packets};
pub use store::etcd;
pub use story::{compare, detail, lesson, lessons, messages, timeline, updates, why};

use crate::sim::Time;
use crate::view::{ComponentKind, ObjectRef, Place};

/// So many milliseconds after the start.
fn ms(n: u64) -> Time {
    Time(n * 1_000_000)
}

/// A process on a host.
fn process(kind: ComponentKind, host: &str) -> Place {
    Place::Component { kind, host: Some(host.into()) }
}

/// A pod of the default namespace.
fn pod_ref(name: &str) -> ObjectRef {
    ObjectRef::new("v1", "Pod", "default", name)
}
