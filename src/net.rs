//! The network, to the byte: frames that move device by device through namespaces, and a record of every decision.
//!
//! ```text
//! addr      names of things            packet   bytes: reading, building, taking apart
//! device    lo eth veth bridge tun vxlan    bridge   forwarding database        route, neigh   tables of a namespace
//! filter    iptables                   conntrack                  ipvs      virtual and real servers
//! nft       nftables
//! tcp       one connection             socket   what programs ask and are told
//! host      a namespace: the path of a packet through all of these
//! hop       what happened to a packet and what decided it; path: the steps that a reader sees
//! show      text of ip, bridge, conntrack   dns   messages   capture   pcapng   sniff   packet sockets, filters
//! vxlan     Ethernet inside UDP
//! fabric    all namespaces and links as one component; fault: what is wrong with links
//! ```
//!
//! Nothing in here knows what runs on top: no pods, services or nodes, only namespaces, programs ("owners") and packets.
//! Time passes on links only. Everything is a value; every packet that is sent is delivered, dropped with a reason, or in
//! flight.

pub mod addr;
pub mod bridge;
pub mod capture;
pub mod conntrack;
pub mod device;
pub mod dns;
pub mod fabric;
pub mod fault;
pub mod filter;
pub mod hop;
pub mod host;
pub mod ipvs;
pub mod neigh;
pub mod nft;
pub mod packet;
pub mod path;
pub mod route;
pub mod show;
pub mod sniff;
pub mod socket;
pub mod tcp;
pub mod vxlan;

pub use addr::{DevId, End, FlowId, Mac, NsId, Owner, PacketId, SegmentId, SocketId, Tag};
pub use fabric::{Effect, Fabric, Input, Reason};
pub use hop::{Decision, DropReason, Hop, Stage};
pub use packet::Packet;
pub use socket::{NetError, SocketEvent, SocketOp};
