//! The network's socket types, as the node's programs use them.

pub use crate::net::addr::{FlowId, SocketId, Tag};
pub use crate::net::socket::{NetError, SocketEvent, SocketOp};
