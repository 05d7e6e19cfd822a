//! Messages on their way between components, exactly as the trace holds them.
//!
//! An update holds every message whose flight overlaps the virtual time since the last update, so that a message that
//! takes half a millisecond is still seen at full speed. Beyond [`MessagesView::MOST`] they are summed per line.

use serde::{Deserialize, Serialize};

use crate::sim::{EventId, Time};
use crate::view::{ObjectRef, PacketId, Place, Plane};

/// Messages since the last update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesView {
    /// Those that are or were under way, in the order of sending.
    pub messages: Vec<MessageView>,
    /// What `messages` leaves out, summed per line.
    pub summed: Vec<LinkLoad>,
}

impl MessagesView {
    /// The most messages that one update lists one by one.
    pub const MOST: u32 = 200;
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// Its number in the trace.
    pub id: EventId,
    /// Where it started.
    pub from: Place,
    /// Where it goes.
    pub to: Place,
    /// Its plane.
    pub plane: Plane,
    /// What it is.
    pub kind: MessageKind,
    /// Upstream's words for it: `PATCH /api/v1/namespaces/default/pods/web-0/status`, `ADDED Pod/web-0`.
    pub label: String,
    /// When it was sent.
    pub sent_at: Time,
    /// When it arrives; of a lost one, when it would have.
    pub arrives_at: Time,
    /// Its size in bytes.
    pub size: u32,
    /// Whether it arrives.
    pub fate: Fate,
    /// The object that it is about.
    pub object: Option<ObjectRef>,
    /// The trace entry that brought it about.
    pub cause: Option<EventId>,
    /// Its number among the packets, if it is one.
    pub packet: Option<PacketId>,
}

/// What a message is; told by shape in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MessageKind {
    /// A request.
    Request,
    /// The answer to one.
    Response,
    /// A change that a watch delivers.
    Watch,
    /// A read or write of etcd.
    Storage,
    /// Raft between members.
    Raft,
    /// A packet between pods, nodes or the outside.
    Packet,
    /// An image on its way to a node.
    Image,
    /// A call on one machine: kubelet to runtime, runtime to CNI.
    Local,
}

/// Whether a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fate {
    /// It does.
    Arrives,
    /// A fault took it.
    Lost,
}

/// How many messages went over a line that are not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkLoad {
    /// Where they started.
    pub from: Place,
    /// Where they went.
    pub to: Place,
    /// Their plane.
    pub plane: Plane,
    /// How many.
    pub count: u32,
}
