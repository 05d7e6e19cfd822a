//! What is said about sending packets.

use serde::{Deserialize, Serialize};

use crate::view::{ObjectRef, PacketKind};

/// A packet to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PacketRequest {
    /// From a pod, a node or a machine outside.
    pub from: EndpointRef,
    /// To whatever.
    pub to: EndpointRef,
    /// What to send.
    pub kind: PacketKind,
    /// Whether it is only asked what would become of it: it is sent on a copy of the world, and nothing happens here.
    pub tried: bool,
}

/// One end of a packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EndpointRef {
    /// A pod or a service.
    Object(ObjectRef),
    /// A node.
    Node(String),
    /// A machine outside the cluster.
    Machine(String),
    /// An address.
    Address(String),
}
