//! The path of a packet: its hops gathered into the steps that one would tell somebody.
//!
//! A step opens where the packet gets somewhere new (a device, a route table, a program); rules, rewriting, ARP and cutting
//! belong to the step in which they happen. For a packet that flannel's UDP backend carries to another node these are the
//! ten steps of every description of it; without an overlay or on one node there are fewer.

use std::sync::Arc;

use crate::net::addr::{NsId, PacketId};
use crate::net::hop::{Hop, Stage};

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// A program sends; the route table of its namespace chooses the device.
    Send,
    /// A veth pair carries it to the other namespace.
    Veth,
    /// A bridge takes it in for its own host.
    BridgeIn,
    /// The route table sends it on (and to the program at a TUN, if the device is one).
    Route,
    /// A program or a tunnel device wraps it and sends the wrapping packet.
    Encap,
    /// It crosses the network between hosts.
    Wire,
    /// It rises through the stack of the host that it came to.
    Arrive,
    /// A program unwraps it and writes it into a TUN, or a tunnel device unwraps it.
    Decap,
    /// A bridge finds the port behind which its destination is and delivers it.
    BridgeOut,
    /// It reaches a program without any of these in between (loopback).
    Deliver,
    /// It ends here.
    Drop,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// What it is.
    pub kind: StepKind,
    /// Where it begins.
    pub ns: NsId,
    /// At which device it begins.
    pub dev: Arc<str>,
    /// The packet that moves: the one asked for, or the one that carries it.
    pub packet: PacketId,
    /// The hops that belong to it, in order.
    pub hops: Vec<Hop>,
}

/// The steps of `packet`, from all hops in order of time.
pub fn steps<'a>(hops: impl IntoIterator<Item = &'a Hop>, packet: PacketId) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let its = |h: &&Hop| !h.is_tap() && (h.packet == packet || h.carries == Some(packet));
    for hop in hops.into_iter().filter(its) {
        match opens(hop.stage, steps.last().map(|s| s.kind)) {
            Some(kind) => {
                let (ns, dev, hops) = (hop.ns, hop.dev.clone(), vec![hop.clone()]);
                steps.push(Step { kind, ns, dev, packet: hop.packet, hops });
            }
            None => steps.last_mut().expect("only a step that is there is joined").hops.push(hop.clone()),
        }
    }
    steps
}

/// The step that a hop opens after a step of kind `now`; `None` if it belongs to that step.
fn opens(stage: Stage, now: Option<StepKind>) -> Option<StepKind> {
    use StepKind as K;
    let kind = match stage {
        Stage::Send => K::Send,
        // A tunnel device has named the other end already; now the wrapping packet is sent.
        Stage::Encap if now == Some(K::Encap) => return None,
        Stage::Tunnel | Stage::Encap => K::Encap,
        Stage::Veth if now == Some(K::BridgeOut) => return None,
        Stage::Veth => K::Veth,
        Stage::BridgeIn => K::BridgeIn,
        Stage::BridgeForward | Stage::BridgeFlood => K::BridgeOut,
        Stage::Route => K::Route,
        Stage::Wire => K::Wire,
        Stage::Arrive => K::Arrive,
        Stage::Decap => K::Decap,
        Stage::Drop => K::Drop,
        Stage::Deliver => match now {
            Some(K::Arrive | K::BridgeOut | K::BridgeIn | K::Decap) => return None,
            _ => K::Deliver,
        },
        Stage::Prerouting
        | Stage::Forward
        | Stage::Input
        | Stage::Ipvs
        | Stage::Output
        | Stage::Postrouting
        | Stage::Neighbour
        | Stage::Tun
        | Stage::In
        | Stage::Out
        | Stage::Cable
        | Stage::Fragment => return if now.is_some() { None } else { Some(K::Send) },
    };
    Some(kind)
}
