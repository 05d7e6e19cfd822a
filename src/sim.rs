//! The engine: virtual time, the event queue, seeded randomness, the causal trace, the digest and checkpoints.
//!
//! Nothing in here knows what an event means. Everything is a value: state is `Clone` (a checkpoint is a clone), `Hash`
//! (the digest is a hash) and ordered (no hash maps, no floats, no `usize` in state).

pub mod component;
pub mod digest;
pub mod history;
pub mod log;
pub mod queue;
pub mod rng;
pub mod shared_map;
pub mod sort;
pub mod time;
pub mod trace;
pub mod vec_map;
pub mod vec_set;

pub use component::{Component, Out, Wake};
pub use digest::{Digest, digest_of};
pub use history::{History, Point};
pub use log::Log;
pub use queue::EventQueue;
pub use rng::Rng;
pub use shared_map::{SharedMap, SharedSet};
pub use sort::merge_sort_by;
pub use time::{Span, Time};
pub use trace::{EventId, Trace};
pub use vec_map::VecMap;
pub use vec_set::VecSet;

/// Runs `act` as a function of its own, which the compiler does not merge into the caller: of what chooses between many ways,
/// a page then loads first only those that a start takes (`.web/split.mjs`).
#[inline(never)]
pub fn apart<T>(act: impl FnOnce() -> T) -> T {
    act()
}
