//! Sending a packet for the learner: a command is run where the packet is to start, and the first packet that it sends is
//! followed. Nothing is made up: the packet is one that a program sends. What would become of it is found by letting all of
//! that happen on a copy of the world.

use std::net::Ipv4Addr;

use crate::api::{Kind, KindOf as _, Pod, Service};
use crate::cluster::outside;
use crate::session::build::packets;
use crate::session::protocol::{EndpointRef, PacketRequest, Update};
use crate::session::terminal::Output;
use crate::session::{Session, World};
use crate::share::Action;
use crate::sim::Span;
use crate::view::{PacketId, PacketKind, PacketView};

/// For how long what is tried goes on at most: after each of these times it is looked at whether the packet is there, and over.
const LOOKS: [Span; 5] = [Span::millis(50), Span::millis(500), Span::secs(2), Span::secs(6), Span::secs(12)];

/// What is waited for: the first packet of this sort after those that were there before.
pub(super) struct Follow {
    after: u64,
    from: String,
    protocol: &'static str,
}

impl Follow {
    /// The packet, once it is there.
    fn find(&self, world: &World) -> Option<PacketId> {
        let wanted = |protocol: &str| match self.protocol {
            "TCP" => matches!(protocol, "TCP" | "HTTP"),
            "UDP" => matches!(protocol, "UDP" | "DNS"),
            other => protocol == other,
        };
        let list = packets::list(&world.cluster).packets;
        let mut all = list.iter();
        all.find(|packet| packet.id.0 > self.after && packet.from == self.from && wanted(&packet.protocol))
            .map(|p| p.id)
    }
}

impl Session {
    pub(super) fn send_packet(&mut self, packet: &PacketRequest, updates: &mut Vec<Update>) {
        let Some((line, follow)) = command(&self.world, packet) else { return };
        if packet.tried {
            self.want.packet = None;
            return updates.push(Update::Tried(tried(&self.world, line, &follow).map(Box::new)));
        }
        self.follow = Some(follow);
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
        let found = self.follow.as_ref().and_then(|follow| follow.find(&self.world));
        if let Some(id) = found {
            self.follow = None;
            updates.push(Update::Followed(id));
        }
    }
}

/// The line that sends a packet, and what to wait for; `None` if an end is not there.
fn command(world: &World, packet: &PacketRequest) -> Option<(String, Follow)> {
    let address = address_of(world, &packet.to)?;
    let (tool, protocol) = match &packet.kind {
        PacketKind::Ping => (format!("ping -c 1 {address}"), "ICMP"),
        PacketKind::Http { port } => (format!("curl -s -m 5 http://{address}:{port}/"), "TCP"),
        PacketKind::Tcp { port } => (format!("nc -z -w 5 {address} {port}"), "TCP"),
        PacketKind::Udp { port } => (format!("nc -u -w 1 {address} {port}"), "UDP"),
        PacketKind::Dns { name } => (format!("nslookup {name}"), "UDP"),
    };
    let (line, from) = match &packet.from {
        EndpointRef::Object(pod) => (
            format!("kubectl exec -n {} {} -- {tool}", pod.namespace, pod.name),
            format!("{}/{}", pod.namespace, pod.name),
        ),
        EndpointRef::Node(name) | EndpointRef::Machine(name) => (format!("node {name} {tool}"), name.clone()),
        EndpointRef::Address(_) => return None,
    };
    let after = packets::list(&world.cluster).packets.last().map_or(0, |packet| packet.id.0);
    Some((line, Follow { after, from, protocol }))
}

/// The way of the packet that a line sends on a copy of the world. Entries of the trace that are the copy's own are left out.
///
/// # Errors
/// What the tool says if it sends none.
fn tried(world: &World, line: String, follow: &Follow) -> Result<PacketView, String> {
    let mut copy = world.clone();
    // What runs in the terminal goes on beside it.
    copy.foreground = None;
    copy.take_output();
    copy.act(Action::Line { line, files: Vec::new() }, None)?;
    let (begin, mut found) = (copy.now(), None);
    for look in LOOKS {
        copy.run_until(begin + look);
        found = follow.find(&copy).and_then(|id| packets::packet(&copy.cluster, id));
        if found.as_ref().is_some_and(|packet| packet.line.outcome.is_over())
            || copy.foreground.is_none() && found.is_none()
        {
            break;
        }
    }
    let packet = found.ok_or_else(|| said(copy.take_output()))?;
    let ended_by = packet.ended_by.filter(|entry| world.cluster.trace().get(*entry).is_some());
    Ok(PacketView { sent_by: None, ended_by, ..packet })
}

fn said(output: Vec<Output>) -> String {
    let text = output.into_iter().filter_map(|output| match output {
        Output::Text(_, _, text) => Some(text),
        Output::Exit(..) | Output::Clear => None,
    });
    text.collect()
}

/// The address of an end.
fn address_of(world: &World, end: &EndpointRef) -> Option<Ipv4Addr> {
    match end {
        EndpointRef::Address(text) => text.parse().ok(),
        EndpointRef::Node(name) => world.cluster.node_named(name).and_then(|ix| world.cluster.node_ip(ix)),
        EndpointRef::Machine(name) => Some(outside::client()).filter(|(known, _)| known == name).map(|(_, ip)| ip),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::build::testing::{booted, run, world};
    use crate::view::{EndpointView, Happening, Outcome, Scope};

    const WEB: &str = "kubectl run web --image=nginx --port=80";
    const CLIENT: &str = "kubectl run client --image=curlimages/curl --command -- sleep 1d";

    fn pod(name: &str) -> EndpointRef {
        EndpointRef::Object(crate::view::ObjectRef::new("v1", "Pod", "default", name))
    }

    fn outside() -> EndpointRef {
        EndpointRef::Machine("client".into())
    }

    /// A cluster of these words after these lines.
    fn scene(words: &str, lines: &[&str]) -> World {
        let mut world = booted(words);
        for line in lines {
            run(&mut world, line);
            world.run_until(world.now() + Span::secs(5));
        }
        world
    }

    /// What would become of a packet; nothing happens to the world.
    fn tries(world: &World, from: EndpointRef, to: EndpointRef, kind: PacketKind) -> Result<PacketView, String> {
        let before = world.digest();
        let request = PacketRequest { from, to, kind, tried: true };
        let (line, follow) = command(world, &request).expect("both ends are there");
        let found = tried(world, line, &follow);
        assert_eq!(world.digest(), before, "nothing happens");
        found
    }

    fn scopes(packet: &PacketView) -> Vec<String> {
        let mut names: Vec<String> = packet
            .hops
            .iter()
            .filter_map(|hop| match &hop.scope {
                Scope::Pod { name, .. } => Some(name.clone()),
                Scope::Node(name) | Scope::Machine(name) => Some(name.clone()),
                Scope::Wire | Scope::Outside => None,
            })
            .collect();
        names.dedup();
        names
    }

    #[test]
    fn what_would_become_of_a_packet_is_told_without_sending_it() {
        let world = world(&[WEB, CLIENT]);
        let found = tries(&world, pod("client"), pod("web"), PacketKind::Http { port: 80 }).expect("it is sent");
        assert!(matches!(found.line.outcome, Outcome::Delivered(_)), "{:?}", found.line);
        assert_eq!((found.line.from.as_str(), found.line.to.as_str()), ("default/client", "default/web"));
        assert_eq!(found.sent_by, None, "nobody has sent it");
        let said = tries(&world, pod("web"), pod("client"), PacketKind::Ping).expect_err("nginx has no ping");
        assert!(said.contains("\"ping\": executable file not found in $PATH"), "{said}");
    }

    #[test]
    fn the_client_outside_reaches_node_ports_and_no_pods() {
        let front = "kubectl expose pod web --type=NodePort --overrides='{\"spec\":{\"ports\":[{\"port\":80,\"nodePort\":30080}]}}'";
        let world = scene("nodes=2 proxy=iptables pull=0s", &[WEB, front]);
        let sources = packets::list(&world.cluster).sources;
        assert!(sources.iter().any(|end| matches!(end, EndpointView::Machine { name, .. } if name == "client")));
        let targets = packets::list(&world.cluster).targets;
        let ports = EndpointView::NodePort { node: "worker1".into(), ip: "192.168.1.21".into(), ports: vec![30080] };
        assert!(targets.contains(&ports), "{targets:?}");

        let node = EndpointRef::Node("worker1".into());
        let came = tries(&world, outside(), node, PacketKind::Http { port: 30080 }).expect("it is sent");
        assert!(matches!(came.line.outcome, Outcome::Delivered(_)), "{:?}", came.line);
        let through = scopes(&came);
        assert_eq!(through[..3], ["client", "router", "worker1"]);
        assert_eq!(through.last().map(String::as_str), Some("default/web"));

        let lost = tries(&world, outside(), pod("web"), PacketKind::Http { port: 80 }).expect("it is sent");
        assert!(matches!(lost.line.outcome, Outcome::Dropped { .. }), "{:?}", lost.line);
        assert_eq!(scopes(&lost), ["client", "router"]);
    }

    #[test]
    fn the_client_outside_reaches_a_load_balancer() {
        let lines = [WEB, "kubectl expose pod web --type=LoadBalancer"];
        let world = scene("nodes=2 cloud=on proxy=ipvs backend=host-gw pull=0s", &lines);
        let targets = packets::list(&world.cluster).targets;
        let found = targets.iter().find_map(|end| match end {
            EndpointView::Balancer { ip, ports, .. } => Some((ip.clone(), ports.clone())),
            _ => None,
        });
        let (ip, ports) = found.expect("the load balancer has given an address");
        assert_eq!(ports, [80]);
        let came =
            tries(&world, outside(), EndpointRef::Address(ip), PacketKind::Tcp { port: 80 }).expect("it is sent");
        assert!(matches!(came.line.outcome, Outcome::Delivered(_)), "{:?}", came.line);
        assert_eq!(scopes(&came)[..3], ["client", "router", "load-balancer"]);
    }

    #[test]
    fn what_would_end_a_packet_leads_back_to_the_fault() {
        let world = world(&[WEB, CLIENT, "!fault partition worker1 from worker2", "kubectl get pods"]);
        let (from, to) = (EndpointRef::Node("worker1".into()), EndpointRef::Node("worker2".into()));
        let lost = tries(&world, from, to, PacketKind::Ping).expect("it is sent");
        assert!(matches!(lost.line.outcome, Outcome::Dropped { .. }), "{:?}", lost.line);
        let by = lost.ended_by.expect("somebody did it");
        let entry = world.cluster.trace().get(by).expect("it is in the trace of this world");
        let what = crate::session::build::happening::happening(&world.cluster, entry);
        assert_eq!(what, Happening::Fault("partition worker1 from worker2".into()));
    }
}
