//! Sending a packet for the learner: a command is run where the packet is to start, and the first packet that it sends is
//! followed. Nothing is made up: the packet is one that a program sends.

use std::net::Ipv4Addr;

use crate::api::{Kind, KindOf as _, Pod, Service};
use crate::session::protocol::{EndpointRef, Update};
use crate::session::{Session, World};
use crate::share::Action;
use crate::view::build::packets;
use crate::view::{PacketId, PacketKind};

/// What is waited for: the first packet of this sort after those that were there before.
pub(super) struct Follow {
    after: u64,
    from: String,
    protocol: &'static str,
}

impl Session {
    pub(super) fn send_packet(
        &mut self,
        from: &EndpointRef,
        to: &EndpointRef,
        kind: &PacketKind,
        updates: &mut Vec<Update>,
    ) {
        let Some(address) = address_of(&self.world, to) else { return };
        let tool = match kind {
            PacketKind::Ping => format!("ping -c 1 {address}"),
            PacketKind::Http { port } => format!("curl -s -m 5 http://{address}:{port}/"),
            PacketKind::Tcp { port } => format!("nc -z -w 5 {address} {port}"),
            PacketKind::Udp { port } => format!("nc -u -w 1 {address} {port}"),
            PacketKind::Dns { name } => format!("nslookup {name}"),
        };
        let (line, name) = match from {
            EndpointRef::Object(pod) => (
                format!("kubectl exec -n {} {} -- {tool}", pod.namespace, pod.name),
                format!("{}/{}", pod.namespace, pod.name),
            ),
            EndpointRef::Node(node) => (format!("node {node} {tool}"), node.clone()),
            EndpointRef::Address(_) => return,
        };
        let protocol = match kind {
            PacketKind::Ping => "ICMP",
            PacketKind::Http { .. } | PacketKind::Tcp { .. } => "TCP",
            PacketKind::Udp { .. } | PacketKind::Dns { .. } => "UDP",
        };
        let after = packets::list(&self.world.cluster).packets.last().map_or(0, |packet| packet.id.0);
        self.follow = Some(Follow { after, from: name, protocol });
        self.run_for_page(line, updates);
    }

    /// Runs a line as if the learner had typed it.
    fn run_for_page(&mut self, line: String, updates: &mut Vec<Update>) {
        let chunk =
            super::Chunk { stream: super::Stream::Echo, text: format!("{}{line}\n", super::PROMPT), links: Vec::new() };
        let prompt = self.prompt();
        updates.push(Update::Terminal(super::TerminalUpdate { clear: false, chunks: vec![chunk], prompt }));
        self.act(Action::Line { line, files: Vec::new() }, updates);
    }

    /// Tells of the packet that was sent for the learner, once it is there.
    pub(super) fn followed(&mut self, updates: &mut Vec<Update>) {
        let Some(follow) = &self.follow else { return };
        let list = packets::list(&self.world.cluster);
        let wanted = |protocol: &str| match follow.protocol {
            "TCP" => matches!(protocol, "TCP" | "HTTP"),
            "UDP" => matches!(protocol, "UDP" | "DNS"),
            other => protocol == other,
        };
        let found: Option<PacketId> = list
            .packets
            .iter()
            .find(|packet| packet.id.0 > follow.after && packet.from == follow.from && wanted(&packet.protocol))
            .map(|packet| packet.id);
        if let Some(id) = found {
            self.follow = None;
            updates.push(Update::Followed(id));
        }
    }
}

/// The address of an end.
fn address_of(world: &World, end: &EndpointRef) -> Option<Ipv4Addr> {
    match end {
        EndpointRef::Address(text) => text.parse().ok(),
        EndpointRef::Node(name) => world.cluster.node_named(name).and_then(|ix| world.cluster.node_ip(ix)),
        EndpointRef::Object(object) => match object.kind.as_str() {
            "Pod" => {
                let pod = world.cluster.object(Kind::Pod, &object.namespace, &object.name)?;
                Pod::of(pod)?.status.pod_ip.parse().ok()
            }
            "Service" => {
                let service = world.cluster.object(Kind::Service, &object.namespace, &object.name)?;
                Service::of(service)?.spec.cluster_ip.parse().ok()
            }
            _ => None,
        },
    }
}
