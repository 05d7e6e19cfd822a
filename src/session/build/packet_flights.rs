//! Packets under way, as the picture of the cluster shows them: from where a packet set out to where it ended.

use crate::cluster::Cluster;
use crate::net::addr::NsId;
use crate::net::hop::{Decision, DropReason, Hop, Stage};
use crate::net::packet::layers;
use crate::session::build::packets::is_check;
use crate::sim::{EventId, Span, Time, VecMap};
use crate::view::{Fate, MessageKind, MessageView, PacketId, Place, Plane};

/// How long a packet that is still travelling is drawn on, beyond now.
const AHEAD: Span = Span::micros(100);
/// Numbers of packets in the picture: beyond those of the trace.
const NUMBERS: u64 = 1 << 62;

/// The packets that were under way between `since` and now, of those that set out after `from`.
pub fn packet_flights(cluster: &Cluster, from: Time, since: Time) -> Vec<MessageView> {
    let mut ways: VecMap<u64, Vec<&Hop>> = VecMap::new();
    for hop in cluster.hops().iter().rev().take_while(|hop| hop.at >= from) {
        ways.entry(hop.carries.unwrap_or(hop.packet).0).or_default().push(hop);
    }
    let flights = ways.iter().filter_map(|(id, way)| flight(cluster, *id, way));
    flights.filter(|flight| flight.arrives_at >= since && flight.from != flight.to).collect()
}

/// The flight of one packet, its hops given latest first.
fn flight(cluster: &Cluster, id: u64, way: &[&Hop]) -> Option<MessageView> {
    let first = way.iter().rev().find(|hop| hop.carries.is_none()).filter(|first| !is_check(cluster, first))?;
    // A flooded frame reaches many who do not want it: that is no loss.
    let unwanted = |hop: &&&Hop| matches!(hop.decision, Decision::Drop(DropReason::NotForUs(_)));
    let delivered = way.iter().find(|hop| hop.stage == Stage::Deliver && hop.carries.is_none());
    let last = delivered.or_else(|| way.iter().find(|hop| !unwanted(hop)))?;
    let over = matches!(last.stage, Stage::Deliver | Stage::Drop);
    let lost = matches!(last.decision, Decision::Drop(_));
    Some(MessageView {
        id: EventId(NUMBERS + id),
        from: place(cluster, first.ns)?,
        to: place(cluster, last.ns)?,
        plane: if lost { Plane::Fault } else { Plane::Data },
        kind: MessageKind::Packet,
        label: layers::summary(first.bytes(), first.link),
        sent_at: first.at,
        arrives_at: if over { last.at } else { cluster.now() + AHEAD },
        size: u32::try_from(first.bytes().len()).unwrap_or(u32::MAX),
        fate: if lost { Fate::Lost } else { Fate::Arrives },
        object: None,
        cause: None,
        packet: Some(PacketId(id)),
    })
}

fn place(cluster: &Cluster, ns: NsId) -> Option<Place> {
    if let Some((_, net)) = cluster.pod_of_ns(ns) {
        return Some(Place::Pod { namespace: net.pod.namespace.to_string(), name: net.pod.name.to_string() });
    }
    let node = cluster.hosts().iter().find(|host| host.ns == ns).map(|host| Place::Node(host.name.to_string()));
    node.or_else(|| cluster.machines().iter().any(|machine| machine.ns == ns).then_some(Place::Outside))
}
