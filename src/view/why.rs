//! The chain of causes of one thing, from the thing itself back to what started it.

use serde::{Deserialize, Serialize};

use crate::sim::{EventId, Time};
use crate::view::{Happening, ObjectRef, Place, Plane};

/// A chain of causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// The event that was asked about.
    pub of: EventId,
    /// The thing itself first, then its cause, and so on.
    pub links: Vec<WhyLink>,
    /// Whether the chain goes on beyond what is remembered.
    pub forgotten: bool,
}

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyLink {
    /// Its number in the trace.
    pub id: EventId,
    /// When.
    pub at: Time,
    /// Its plane.
    pub plane: Plane,
    /// Who.
    pub place: Place,
    /// What.
    pub what: Happening,
    /// The object that it is about.
    pub object: Option<ObjectRef>,
}
