//! The run as a line: how much happened when, on which plane, and what the learner did.

use serde::{Deserialize, Serialize};

use crate::sim::{EventId, Span, Time};
use crate::view::{Happening, Place, Plane, WaitFor};

/// The line, its marks, and the events of the window that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineView {
    /// Where `buckets` begins.
    pub from: Time,
    /// The width of a bucket.
    pub width: Span,
    /// How much happened, bucket by bucket.
    pub buckets: Vec<Bucket>,
    /// The latest moment that was ever reached (after a rewind it lies ahead of now).
    pub end: Time,
    /// What the learner did and what broke, in order.
    pub marks: Vec<MarkView>,
    /// The last events of the window that pass the filter, oldest first.
    pub events: Vec<EventLine>,
    /// How many events of the window are not listed.
    pub more: u32,
    /// What happens next.
    pub next: Option<NextView>,
    /// The branches, oldest first; the one that is lived is among them.
    pub branches: Vec<BranchView>,
}

/// A branch: what was lived from a moment on, beside what else was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchView {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: BranchName,
    /// When it and the one that is lived went different ways; `None` of the one that is lived.
    pub forked: Option<Time>,
    /// How far it was lived.
    pub end: Time,
    /// How much was done in it.
    pub actions: u32,
    /// Whether it is the one that is lived.
    pub current: bool,
}

/// What a branch is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BranchName {
    /// The first run, in which nothing was done after the others went their ways.
    #[default]
    First,
    /// What was done first in it.
    Action(String),
    /// As the learner named it.
    Given(String),
}

/// How many events of each plane fell into one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// [`Plane::Control`].
    pub control: u32,
    /// [`Plane::Storage`].
    pub storage: u32,
    /// [`Plane::Data`].
    pub data: u32,
    /// [`Plane::Fault`].
    pub fault: u32,
}

impl Bucket {
    /// The count of one plane.
    pub fn of(&self, plane: Plane) -> u32 {
        match plane {
            Plane::Control => self.control,
            Plane::Storage => self.storage,
            Plane::Data => self.data,
            Plane::Fault => self.fault,
        }
    }

    /// All planes together.
    pub fn total(&self) -> u32 {
        self.control.saturating_add(self.storage).saturating_add(self.data).saturating_add(self.fault)
    }
}

/// What a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MarkKind {
    /// A line of the terminal.
    Command,
    /// The editor was applied.
    Apply,
    /// A fault.
    Fault,
    /// A step of the lesson was done.
    LessonStep,
    /// The future was forked here.
    Fork,
}

/// A mark on the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkView {
    /// When.
    pub at: Time,
    /// What it stands for.
    pub kind: MarkKind,
    /// The command, the fault's words, the title of the step.
    pub label: String,
}

/// An event in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLine {
    /// Its number.
    pub id: EventId,
    /// When.
    pub at: Time,
    /// Its plane.
    pub plane: Plane,
    /// Who.
    pub place: Place,
    /// What.
    pub what: Happening,
    /// Whether a cause is known.
    pub caused: bool,
}

/// The next thing that will happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextView {
    /// When.
    pub at: Time,
    /// To whom.
    pub place: Place,
    /// Why then.
    pub why: WaitFor,
}
