//! The files that `-w` writes and `-r` reads: classic pcap, microseconds, the version that every tool reads.

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapWriter};
use pcap_file::{DataLink, Endianness};

use crate::net::hop::Link;
use crate::net::packet::ETHER_LEN;
use crate::net::sniff::Frame;

/// The length of a cooked header.
const COOKED: usize = 20;

/// What the bytes of a record begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// An Ethernet header.
    #[default]
    Ethernet,
    /// An IP header.
    Raw,
    /// A cooked header, with the device (`-i any`).
    Cooked,
}

/// A packet of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// When, in nanoseconds since the Unix epoch.
    pub at: u64,
    /// What the bytes begin with.
    pub link: LinkType,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl LinkType {
    /// Its name and what it is.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            LinkType::Ethernet => ("EN10MB", "Ethernet"),
            LinkType::Raw => ("RAW", "Raw IP"),
            LinkType::Cooked => ("LINUX_SLL2", "Linux cooked v2"),
        }
    }

    fn of_file(link: DataLink) -> Option<LinkType> {
        match link {
            DataLink::ETHERNET => Some(LinkType::Ethernet),
            DataLink::RAW => Some(LinkType::Raw),
            other if u32::from(other) == 276 => Some(LinkType::Cooked),
            _ => None,
        }
    }

    fn in_file(self) -> DataLink {
        match self {
            LinkType::Ethernet => DataLink::ETHERNET,
            LinkType::Raw => DataLink::RAW,
            LinkType::Cooked => DataLink::from(276),
        }
    }
}

impl Record {
    /// A frame as a capture of that kind has it.
    pub fn of(frame: &Frame, link: LinkType, epoch: i64) -> Record {
        let at = u64::try_from(epoch).unwrap_or(0) * 1_000_000_000 + frame.at.0;
        if link != LinkType::Cooked {
            return Record { at, link, bytes: frame.bytes.to_vec() };
        }
        let (kind, mac, payload) = match frame.link {
            Link::Ethernet => (&frame.bytes[12..14], &frame.bytes[6..12], &frame.bytes[ETHER_LEN..]),
            Link::Ip => (&[8, 0][..], &[][..], &frame.bytes[..]),
        };
        let mut bytes = Vec::with_capacity(COOKED + payload.len());
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&frame.index.to_be_bytes());
        bytes.extend_from_slice(&frame.hardware.to_be_bytes());
        bytes.extend_from_slice(&[frame.way as u8, u8::try_from(mac.len()).unwrap_or(0)]);
        bytes.extend_from_slice(mac);
        bytes.resize(COOKED, 0);
        bytes.extend_from_slice(payload);
        Record { at, link, bytes }
    }

    /// What follows the link's header, as a filter sees it: what it begins with, the bytes, and what they are shorter by.
    pub fn for_filter(&self) -> (Link, Vec<u8>, i64) {
        match self.link {
            LinkType::Ethernet => (Link::Ethernet, self.bytes.clone(), 0),
            LinkType::Raw => (Link::Ip, self.bytes.clone(), 0),
            LinkType::Cooked => {
                let mut frame = vec![0; 12];
                frame.extend_from_slice(self.bytes.get(..2).unwrap_or(&[0, 0]));
                frame.extend_from_slice(self.bytes.get(COOKED..).unwrap_or_default());
                (Link::Ethernet, frame, 6)
            }
        }
    }
}

/// A file of these records.
pub fn write(link: LinkType, snaplen: u32, records: &[Record]) -> Vec<u8> {
    let written = "a Vec takes every byte";
    let header =
        PcapHeader { datalink: link.in_file(), snaplen, endianness: Endianness::Little, ..PcapHeader::default() };
    let mut file = PcapWriter::with_header(Vec::new(), header).expect(written);
    for record in records {
        let len = u32::try_from(record.bytes.len()).expect("a frame is short");
        let packet = PcapPacket::new(std::time::Duration::from_nanos(record.at), len, &record.bytes);
        file.write_packet(&packet).expect(written);
    }
    file.into_writer()
}

/// The records of a file with what they begin with.
///
/// # Errors
/// It is no such file; the words are libpcap's.
pub fn read(bytes: &[u8]) -> Result<(LinkType, Vec<Record>), String> {
    if bytes.len() < 24 {
        let n = bytes.len();
        return Err(format!("truncated dump file; tried to read 24 file header bytes, only got {n}"));
    }
    let mut file = PcapReader::new(bytes).map_err(|_| "unknown file format".to_owned())?;
    let datalink = file.header().datalink;
    let link =
        LinkType::of_file(datalink).ok_or_else(|| format!("link type {} is not simulated", u32::from(datalink)))?;
    let mut records = Vec::new();
    while let Some(Ok(packet)) = file.next_packet() {
        let at = u64::try_from(packet.timestamp.as_nanos()).unwrap_or(0);
        records.push(Record { at, link, bytes: packet.data.into_owned() });
    }
    Ok((link, records))
}
