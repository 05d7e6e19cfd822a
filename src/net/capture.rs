//! Captures: hops as a pcapng file that Wireshark and tshark open.
//!
//! One interface per device, called `namespace/device`; TUN devices have raw IP packets, all others Ethernet frames. The
//! comment of a packet is what led to it: what was decided about it in its namespace since it was last seen there, and how it
//! ended if it did. A fabric that was told to capture shows what tcpdump in promiscuous mode would see on every device, In
//! and Out. From hops alone ([`crosses_a_link`]) a frame is written once per link that it crosses, where it arrives (where it
//! leaves, on a network card), not at both ends.

use std::borrow::Cow;
use std::sync::Arc;

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, Endianness};

use crate::net::addr::{NsId, PacketId};
use crate::net::fabric::Fabric;
use crate::net::hop::{Decision, Hop, Link, Stage};
use crate::sim::VecMap;

/// Whether a packet is seen once for each link if it is seen at this hop.
pub fn crosses_a_link(hop: &Hop) -> bool {
    match hop.stage {
        Stage::Veth | Stage::Wire | Stage::Tun | Stage::Tunnel | Stage::Decap => true,
        Stage::Deliver => &*hop.dev == "lo",
        _ => false,
    }
}

/// A packet of the file: on which interface, and why it is there.
struct Seen<'a> {
    interface: u32,
    hop: &'a Hop,
    why: Vec<String>,
}

/// The packets at the hops that `seen` says yes to, as a pcapng file; the other hops explain them.
pub fn pcapng<'a>(fabric: &Fabric, hops: impl IntoIterator<Item = &'a Hop>, seen: impl Fn(&Hop) -> bool) -> Vec<u8> {
    let mut interfaces: VecMap<(NsId, Arc<str>), (u32, &Hop)> = VecMap::new();
    let mut packets: Vec<Seen<'_>> = Vec::new();
    // By packet and namespace: what was decided since it was seen, and where it was seen last.
    let mut decided: VecMap<(PacketId, NsId), (Vec<String>, Option<usize>)> = VecMap::new();
    for hop in hops {
        let (open, last) = decided.entry((hop.packet, hop.ns)).or_default();
        let word = match &hop.decision {
            Decision::Peer | Decision::Seen => None,
            decision => Some(decision.to_string()),
        };
        if seen(hop) {
            let next = u32::try_from(interfaces.len()).expect("fewer devices than 2^32");
            let (interface, _) = *interfaces.entry((hop.ns, hop.dev.clone())).or_insert((next, hop));
            let why = std::mem::take(open).into_iter().chain(word).collect();
            *last = Some(packets.len());
            packets.push(Seen { interface, hop, why });
        } else if let (Stage::Deliver | Stage::Drop, Some(at)) = (hop.stage, *last) {
            // Nothing will follow: the reason belongs to where it was seen last.
            packets[at].why.extend(std::mem::take(open).into_iter().chain(word));
        } else {
            open.extend(word);
        }
    }
    write(fabric, interfaces.values().copied(), &packets)
}

fn write<'a>(fabric: &Fabric, interfaces: impl Iterator<Item = (u32, &'a Hop)>, packets: &[Seen<'_>]) -> Vec<u8> {
    let written = "a Vec takes every byte";
    let mut file = PcapNgWriter::with_endianness(Vec::new(), Endianness::Little).expect(written);
    let mut interfaces: Vec<(u32, &Hop)> = interfaces.collect();
    interfaces.sort_by_key(|(number, _)| *number);
    for (_, hop) in interfaces {
        file.write_block(&interface(fabric, hop).into_block()).expect(written);
    }
    for seen in packets {
        file.write_block(&packet(seen).into_block()).expect(written);
    }
    file.into_inner()
}

fn interface(fabric: &Fabric, hop: &Hop) -> InterfaceDescriptionBlock<'static> {
    let ns = fabric.ns(hop.ns).map_or_else(|| hop.ns.to_string(), |ns| ns.name.to_string());
    let linktype = match hop.link {
        Link::Ethernet => DataLink::ETHERNET,
        Link::Ip => DataLink::RAW,
    };
    let name = InterfaceDescriptionOption::IfName(Cow::Owned(format!("{ns}/{}", hop.dev)));
    // Nanoseconds.
    let options = vec![name, InterfaceDescriptionOption::IfTsResol(9)];
    InterfaceDescriptionBlock { linktype, snaplen: 0, options }
}

fn packet<'a>(seen: &Seen<'a>) -> EnhancedPacketBlock<'a> {
    let data = seen.hop.bytes();
    let comment = Some(seen.why.join("\n")).filter(|why| !why.is_empty());
    EnhancedPacketBlock {
        interface_id: seen.interface,
        timestamp: std::time::Duration::from_nanos(seen.hop.at.0),
        original_len: u32::try_from(data.len()).expect("a frame is short"),
        data: Cow::Borrowed(data),
        options: comment.map(|why| EnhancedPacketOption::Comment(Cow::Owned(why))).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::fabric::world::World;
    use crate::sim::Span;
    use pcap_file::pcapng::{Block, PcapNgReader};

    /// Each packet of a file: its interface's name, its bytes, its comment.
    fn read(file: &[u8]) -> Vec<(String, Vec<u8>, String)> {
        let mut reader = PcapNgReader::new(file).expect("a section header");
        let (mut names, mut packets) = (Vec::new(), Vec::new());
        while let Some(block) = reader.next_block() {
            match block.expect("a sound block") {
                Block::InterfaceDescription(i) => names.extend(i.options.into_iter().filter_map(|o| match o {
                    InterfaceDescriptionOption::IfName(name) => Some(name.into_owned()),
                    _ => None,
                })),
                Block::EnhancedPacket(packet) => {
                    let at = usize::try_from(packet.interface_id).expect("small");
                    let comment = packet.options.into_iter().find_map(|o| match o {
                        EnhancedPacketOption::Comment(text) => Some(text.into_owned()),
                        _ => None,
                    });
                    packets.push((names[at].clone(), packet.data.into_owned(), comment.unwrap_or_default()));
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        packets
    }

    fn captured(mut world: World) -> (World, Vec<(String, Vec<u8>, String)>) {
        world.fabric.set_capturing(true);
        world.serve(world.pods[2], 80);
        world.curl(world.pods[0], "10.244.2.2:80", Span::secs(1)).expect("an answer");
        let file = pcapng(&world.fabric, &world.hops, Hop::is_tap);
        (world, read(&file))
    }

    #[test]
    fn a_packet_is_seen_at_both_ends_of_every_link_with_what_decided() {
        let (world, packets) = captured(World::vxlan());
        let syn = |(_, bytes, _): &&(String, Vec<u8>, String)| bytes.len() > 47 && bytes[bytes.len() - 15] == 0x02;
        let way: Vec<(&str, &str)> = packets
            .iter()
            .filter(|packet| syn(packet))
            .map(|(name, _, why)| (name.as_str(), why.lines().next().unwrap_or_default()))
            .collect();
        let bridge = world.fabric.ns(world.nodes[0]).and_then(|ns| ns.device(world.docker0[0])).expect("there").mac;
        assert_eq!(
            way,
            [
                ("pod0/eth0", "route default via 10.244.1.1 dev eth0"),
                ("worker1/veth0", ""),
                ("worker1/docker0", ""),
                ("worker1/flannel.1", &*format!("{bridge} is the bridge itself")),
                ("worker1/eth0", "route 192.168.0.0/24 dev eth0 proto kernel scope link src 192.168.0.11"),
                ("worker2/eth0", "to 02:42:c0:a8:00:0c on the segment"),
                ("worker2/flannel.1", ""),
                ("worker2/docker0", "from 192.168.0.11, vni 1"),
                ("worker2/veth2", "fdb 02:42:0a:f4:02:02 dev veth2"),
                ("pod2/eth0", "socket 10.244.2.2:80"),
            ]
        );
    }

    #[test]
    fn a_capture_by_hops_has_each_link_once_and_reads_back() {
        let mut world = World::new();
        world.serve(world.pods[2], 80);
        world.curl(world.pods[0], "10.244.2.2:80", Span::secs(1)).expect("an answer");
        let packets = read(&pcapng(&world.fabric, &world.hops, crosses_a_link));
        for name in ["worker1/veth0", "worker1/flannel0", "worker1/eth0", "worker2/flannel0", "pod2/eth0"] {
            assert!(packets.iter().any(|(n, ..)| n == name), "{name}");
        }
        assert_eq!(packets.len(), world.hops.iter().filter(|h| crosses_a_link(h)).count());
    }

    #[test]
    fn a_packet_that_ended_says_why_where_it_was_seen_last() {
        let mut world = World::vxlan();
        world.fabric.set_capturing(true);
        world.fabric.set_ip_forward(world.nodes[0], false);
        assert!(world.curl(world.pods[0], "10.244.2.2:80", Span::millis(500)).is_err());
        let packets = read(&pcapng(&world.fabric, &world.hops, Hop::is_tap));
        let (name, _, why) = packets.iter().rfind(|(_, bytes, _)| bytes[12..14] == [8, 0]).expect("a SYN");
        assert_eq!((name.as_str(), why.lines().last()), ("worker1/docker0", Some("net.ipv4.ip_forward = 0")));
    }
}
