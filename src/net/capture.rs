//! Captures: hops as a pcapng file that Wireshark and tshark open.
//!
//! One interface per device, called `namespace/device`; TUN devices have raw IP packets, all others Ethernet frames. The
//! decision is the comment of the packet. Differs from capturing on every device with tcpdump: a frame is written once per
//! link that it crosses, where it arrives (where it leaves, on a network card), not at both ends.

use std::borrow::Cow;
use std::sync::Arc;

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, Endianness};

use crate::net::addr::NsId;
use crate::net::fabric::Fabric;
use crate::net::hop::{Decision, Hop, Link, Stage};
use crate::sim::VecMap;

/// Whether a hop is where a capture sees the packet.
pub fn is_seen(hop: &Hop) -> bool {
    match hop.stage {
        Stage::Veth | Stage::Wire | Stage::Tun | Stage::Decap => true,
        Stage::Deliver => &*hop.dev == "lo",
        _ => false,
    }
}

/// The hops that a capture sees, of the devices that `wanted` names, as a pcapng file.
pub fn pcapng<'a>(
    fabric: &Fabric,
    hops: impl IntoIterator<Item = &'a Hop>,
    wanted: impl Fn(NsId, &str) -> bool,
) -> Vec<u8> {
    let written = "a Vec takes every byte";
    let mut file = PcapNgWriter::with_endianness(Vec::new(), Endianness::Little).expect(written);
    let mut interfaces: VecMap<(NsId, Arc<str>), u32> = VecMap::new();
    for hop in hops.into_iter().filter(|h| is_seen(h) && wanted(h.ns, &h.dev)) {
        let next = u32::try_from(interfaces.len()).expect("fewer devices than 2^32");
        let id = *interfaces.entry((hop.ns, hop.dev.clone())).or_insert(next);
        if id == next {
            file.write_block(&interface(fabric, hop).into_block()).expect(written);
        }
        file.write_block(&packet(hop, id).into_block()).expect(written);
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

fn packet(hop: &Hop, interface_id: u32) -> EnhancedPacketBlock<'_> {
    let data = hop.bytes();
    let comment = match &hop.decision {
        Decision::Peer => Vec::new(),
        decision => vec![EnhancedPacketOption::Comment(Cow::Owned(decision.to_string()))],
    };
    EnhancedPacketBlock {
        interface_id,
        timestamp: std::time::Duration::from_nanos(hop.at.0),
        original_len: u32::try_from(data.len()).expect("a frame is short"),
        data: Cow::Borrowed(data),
        options: comment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::fabric::world::World;
    use crate::sim::Span;
    use pcap_file::pcapng::{Block, PcapNgReader};

    fn capture(wanted: impl Fn(NsId, &str) -> bool) -> (World, Vec<u8>) {
        let mut world = World::new();
        world.serve(world.pods[2], 80);
        world.curl(world.pods[0], "10.244.2.2:80", Span::secs(1)).expect("an answer");
        let file = pcapng(&world.fabric, &world.hops, wanted);
        (world, file)
    }

    #[test]
    fn a_capture_reads_back_with_names_and_every_packet() {
        let (world, file) = capture(|_, _| true);
        let mut reader = PcapNgReader::new(file.as_slice()).expect("a section header");
        let (mut names, mut packets) = (Vec::new(), 0);
        while let Some(block) = reader.next_block() {
            match block.expect("a sound block") {
                Block::InterfaceDescription(i) => names.extend(i.options.into_iter().filter_map(|o| match o {
                    InterfaceDescriptionOption::IfName(name) => Some(name.into_owned()),
                    _ => None,
                })),
                Block::EnhancedPacket(_) => packets += 1,
                other => panic!("unexpected {other:?}"),
            }
        }
        for name in ["worker1/veth0", "worker1/flannel0", "worker1/eth0", "worker2/flannel0", "pod2/eth0"] {
            assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
        }
        assert_eq!(packets, world.hops.iter().filter(|h| is_seen(h)).count());
    }

    #[test]
    fn tshark_finds_nothing_wrong_with_the_wire() {
        let (_, file) = capture(|_, dev| dev == "eth0");
        let path = std::env::temp_dir().join(format!("kubarium-net-{}.pcapng", std::process::id()));
        std::fs::write(&path, file).expect("a temporary file");
        let sums = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"];
        let decode = [
            "-d",
            "udp.port==8285,ip",
            "-Y",
            "_ws.malformed || ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0",
        ];
        let run = std::process::Command::new("tshark").arg("-r").arg(&path).args(sums).args(decode).output();
        std::fs::remove_file(&path).expect("it was written just now");
        match run {
            Ok(done) => {
                assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
                assert_eq!(String::from_utf8_lossy(&done.stdout), "");
            }
            Err(error) => eprintln!("skipped: tshark does not run here ({error})"),
        }
    }
}
