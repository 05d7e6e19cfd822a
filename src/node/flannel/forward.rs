//! The forwarding table of the UDP backend and what it does to a packet. Models `pkg/backend/udp/proxy_amd64.c` (flannel).

use std::net::Ipv4Addr;

use etherparse::{Icmpv4Header, Icmpv4Type, IpNumber, Ipv4Header, icmpv4};
use ipnet::Ipv4Net;

use crate::node::flannel::SubnetLease;

/// The TTL of the ICMP errors that flanneld itself sends.
const ICMP_TTL: u8 = 8;

/// Subnets and the nodes that have them. The list is searched in order, and a hit is swapped to its front.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ForwardTable(Vec<SubnetLease>);

/// What becomes of a packet that flanneld reads from its TUN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Sent to the node of the subnet; the bytes have a TTL that is one less.
    To(SubnetLease, Vec<u8>),
    /// No subnet: an ICMP "net unreachable" goes back into the TUN.
    Unreachable(Vec<u8>),
    /// Dropped without a word: no subnet and not to be answered, TTL over, or no IPv4 packet.
    Drop(&'static str),
}

impl ForwardTable {
    /// Adds or changes the route of a subnet.
    pub fn set(&mut self, lease: SubnetLease) {
        match self.0.iter_mut().find(|known| known.subnet == lease.subnet) {
            Some(known) => *known = lease,
            None => self.0.push(lease),
        }
    }

    /// Removes the route of a subnet; answers what it was.
    pub fn remove(&mut self, subnet: Ipv4Net) -> Option<SubnetLease> {
        let at = self.0.iter().position(|known| known.subnet == subnet)?;
        Some(self.0.remove(at))
    }

    /// The routes in the order in which they are searched.
    pub fn routes(&self) -> &[SubnetLease] {
        &self.0
    }

    fn lookup(&mut self, to: Ipv4Addr) -> Option<SubnetLease> {
        let at = self.0.iter().position(|lease| lease.subnet.contains(&to))?;
        self.0.swap(0, at);
        self.0.first().cloned()
    }

    /// From the TUN to the network. `own` is the address of the TUN.
    pub fn outward(&mut self, packet: &[u8], own: Ipv4Addr) -> Forward {
        let Ok((header, _)) = Ipv4Header::from_slice(packet) else {
            return Forward::Drop("not an IPv4 packet");
        };
        let Some(lease) = self.lookup(Ipv4Addr::from(header.destination)) else {
            return match net_unreachable(packet, &header, own) {
                Some(answer) => Forward::Unreachable(answer),
                None => Forward::Drop("no subnet for its destination"),
            };
        };
        match one_hop(packet) {
            Some(bytes) => Forward::To(lease, bytes),
            None => Forward::Drop("time to live exceeded"),
        }
    }
}

/// The packet after flanneld has handled it: TTL one less, checksum patched; `None` if the TTL is over or the packet is
/// shorter than its header.
pub fn one_hop(packet: &[u8]) -> Option<Vec<u8>> {
    let (mut header, _) = Ipv4Header::from_slice(packet).ok()?;
    if header.time_to_live <= 1 {
        return None;
    }
    header.time_to_live -= 1;
    header.header_checksum = header.calc_header_checksum();
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend_from_slice(packet.get(header.header_len()..)?);
    Some(bytes)
}

/// ICMP type 3 code 0 about `packet`; only for first fragments of what is not ICMP itself.
fn net_unreachable(packet: &[u8], header: &Ipv4Header, own: Ipv4Addr) -> Option<Vec<u8>> {
    if header.protocol == IpNumber::ICMP || header.fragment_offset.value() != 0 {
        return None;
    }
    let quoted = packet.get(..packet.len().min(header.header_len() + 8))?;
    let icmp =
        Icmpv4Header::with_checksum(Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Network), quoted);
    let length = u16::try_from(icmp.header_len() + quoted.len()).ok()?;
    let mut answer = Ipv4Header::new(length, ICMP_TTL, IpNumber::ICMP, own.octets(), header.source).ok()?;
    answer.header_checksum = answer.calc_header_checksum();
    let mut bytes = answer.to_bytes().to_vec();
    bytes.extend_from_slice(&icmp.to_bytes());
    bytes.extend_from_slice(quoted);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::flannel::Attrs;

    fn packet(to: [u8; 4], ttl: u8, protocol: IpNumber) -> Vec<u8> {
        let mut header = Ipv4Header::new(4, ttl, protocol, [10, 244, 1, 2], to).expect("small");
        header.header_checksum = header.calc_header_checksum();
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend_from_slice(b"data");
        bytes
    }

    fn table() -> ForwardTable {
        let mut table = ForwardTable::default();
        for n in [2_u8, 3] {
            table.set(SubnetLease {
                subnet: format!("10.244.{n}.0/24").parse().expect("valid"),
                public_ip: Ipv4Addr::new(192, 168, 1, n),
                attrs: Attrs::Udp,
            });
        }
        table
    }

    const OWN: Ipv4Addr = Ipv4Addr::new(10, 244, 1, 0);

    #[test]
    fn a_known_subnet_takes_one_ttl_and_comes_to_the_front() {
        let mut table = table();
        let Forward::To(lease, bytes) = table.outward(&packet([10, 244, 3, 9], 64, IpNumber::UDP), OWN) else {
            panic!("there is a route");
        };
        assert_eq!(lease.public_ip, Ipv4Addr::new(192, 168, 1, 3));
        assert_eq!(table.routes()[0].subnet.to_string(), "10.244.3.0/24");
        let (header, rest) = Ipv4Header::from_slice(&bytes).expect("a packet");
        assert_eq!((header.time_to_live, rest), (63, &b"data"[..]));
        assert_eq!(header.header_checksum, header.calc_header_checksum());
    }

    #[test]
    fn an_unknown_subnet_is_answered_unless_the_packet_is_icmp() {
        let Forward::Unreachable(bytes) = table().outward(&packet([10, 244, 9, 9], 64, IpNumber::UDP), OWN) else {
            panic!("it is answered");
        };
        let (header, rest) = Ipv4Header::from_slice(&bytes).expect("a packet");
        assert_eq!((header.source, header.time_to_live, rest[0], rest[1]), (OWN.octets(), 8, 3, 0));
        assert!(matches!(table().outward(&packet([10, 244, 9, 9], 64, IpNumber::ICMP), OWN), Forward::Drop(_)));
    }

    #[test]
    fn a_ttl_that_is_over_and_garbage_are_dropped() {
        assert!(matches!(table().outward(&packet([10, 244, 2, 9], 1, IpNumber::UDP), OWN), Forward::Drop(_)));
        assert!(matches!(table().outward(b"xy", OWN), Forward::Drop(_)));
    }
}
