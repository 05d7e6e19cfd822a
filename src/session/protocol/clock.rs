//! What is said about time: the clock, the timeline, its branches, and moments beside each other.

use serde::{Deserialize, Serialize};

use crate::session::protocol::Selection;
use crate::sim::Time;
use crate::view::{MomentRef, ObjectRef, Place, Plane};

/// The speed of the clock: virtual nanoseconds per wall-clock microsecond, that is thousandths of real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Speed(pub u32);

impl Speed {
    /// Real time.
    pub const REAL: Speed = Speed(1_000);
    /// What the page offers, slowest first: messages of a millisecond can be followed at the slow end.
    pub const OFFERED: [Speed; 10] = [
        Speed(1),
        Speed(5),
        Speed(10),
        Speed(20),
        Speed(100),
        Speed(500),
        Speed(1_000),
        Speed(5_000),
        Speed(20_000),
        Speed(100_000),
    ];
}

/// How to move the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockRequest {
    /// Run.
    Play,
    /// Stand.
    Pause,
    /// Do exactly the next event, then stand.
    Step,
    /// Undo exactly the last event, then stand.
    StepBack,
    /// Run at this speed.
    Speed(Speed),
    /// Be at that moment (back or forth), then stand.
    SeekTo(Time),
    /// Run as fast as possible to the next event at that place or about that object, then stand; if there is none in half an
    /// hour, stand there and say [`Update::Unreached`](super::Update::Unreached).
    Next(Selection),
    /// Be at the last event before now at that place or about that object, as far as the trace reaches, then stand.
    Previous(Selection),
    /// Run as fast as possible until the cluster is settled: for 20 s nobody wrote anything but heartbeats. Then stand.
    Settle,
}

/// What time runs on for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Toward {
    /// An event of the chosen thing.
    Next,
    /// A cluster that is settled.
    Settled,
}

/// The clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockView {
    /// The virtual time.
    pub now: Time,
    /// Whether it runs.
    pub playing: bool,
    /// Its speed when it runs.
    pub speed: Speed,
    /// The latest moment that was ever reached on this branch.
    pub end: Time,
    /// When the next event happens, if any is due.
    pub next: Option<Time>,
    /// What it runs on for as fast as it can.
    pub toward: Option<Toward>,
}

/// Something about branches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BranchRequest {
    /// Goes to its end, and keeps the one that is lived.
    Go(u32),
    /// Names it.
    Rename {
        /// The branch.
        id: u32,
        /// Its name; an empty one changes nothing.
        name: String,
    },
    /// Forgets it; the one that is lived cannot be forgotten.
    Forget(u32),
}

/// How much of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineWant {
    /// Into how many buckets the whole run is cut.
    pub buckets: u32,
    /// The window of the list ends here; `None` for now.
    pub until: Option<Time>,
    /// At most so many events in the list; 0 for none.
    pub limit: u32,
    /// Only these planes.
    pub planes: Vec<Plane>,
    /// Only events at this place or about it.
    pub place: Option<Place>,
}

/// Which moments are compared, and of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareWant {
    /// The earlier side.
    pub from: MomentRef,
    /// The later side; `None` for now, which is followed.
    pub to: Option<MomentRef>,
    /// Whether all objects are compared.
    pub whole: bool,
    /// The object whose YAML is compared.
    pub object: Option<ObjectRef>,
}
