//! What is said of links, files and the lesson that is being written.

use serde::{Deserialize, Serialize};

use crate::session::protocol::Selection;
#[cfg(doc)]
use crate::session::protocol::Update;
use crate::view::{PacketId, Said};

/// What is to be shared, with what is shown beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// What.
    pub what: ShareWhat,
    /// The panels, by their names in the document; the last is the one that matters most.
    pub panels: Vec<String>,
    /// What is selected.
    pub selected: Option<Selection>,
    /// The chosen packet.
    pub packet: Option<PacketId>,
}

/// What is to be shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShareWhat {
    /// The cluster as it is.
    Cluster,
    /// The open lesson, from its beginning.
    Lesson,
    /// The chosen packet.
    Packet,
    /// A lesson of this Markdown, in the language of the page.
    Draft(String),
}

/// Something about the lesson that is being written: its text is the page's, and comes with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkshopRequest {
    /// Makes a text from the cluster as it is; answered by [`Update::Draft`].
    New,
    /// This is the text now; answered by [`Update::Workshop`], then and whenever its checks change.
    Look(String),
    /// Nobody looks at it any more.
    Close,
    /// Puts something into the text, into the step at that line (from 1); answered by [`Update::Draft`].
    Add(Part, u32),
    /// From now on, what is typed goes into the solution of the step at that line.
    Record(u32),
    /// No longer.
    Stop,
    /// Plays the lesson, as `kubarium lesson check` does; answered by [`Update::Rehearsed`].
    Rehearse,
    /// Opens it as a learner would, on a cluster of its own.
    Try,
}

/// What can be put into a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// A step.
    Step,
    /// A check.
    Check,
    /// A hint.
    Hint,
    /// A question.
    Quiz,
}

/// Why a link could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkError {
    /// It is not a link of ours, or it is damaged.
    Damaged,
    /// Made by a later version.
    TooNew,
    /// It inflates to more than is allowed.
    TooBig,
    /// It holds what this version does not understand: what that is.
    Unknown(String),
    /// Its lesson is none, or none that can be begun: the place and what is wrong.
    Lesson(Said),
}

/// What is to be shown beside a cluster that was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownView {
    /// The panels, by their names in the document, in the order in which they come to the front.
    pub panels: Vec<String>,
    /// What is selected.
    pub selected: Option<Selection>,
    /// The chosen packet.
    pub packet: Option<PacketId>,
}

/// A kind of which there is other than there was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `pods`.
    pub plural: String,
    /// How many there were in the release that made the link.
    pub there: u32,
    /// How many there are; if as many, then with other names or in other states.
    pub here: u32,
}
