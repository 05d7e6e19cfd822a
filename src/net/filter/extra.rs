//! Extensions that few rules need: `set`, `physdev`, `multiport`, `ipvs`. Models extensions/libxt_*.c of iptables 1.8.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::net::filter::Question;
use crate::net::filter::set::Sets;
use crate::net::filter::text::{Refused, proto, range, range_text};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Extra {
    /// `-m set --match-set NAME src,dst`.
    Set {
        /// Whether it is negated.
        not: bool,
        /// The set.
        name: Arc<str>,
        /// For each part of a member whether it is the source's.
        dirs: Vec<bool>,
    },
    /// `-m physdev --physdev-is-bridged`.
    Bridged {
        /// Whether it is negated.
        not: bool,
    },
    /// `-m physdev --physdev-is-in`: it came in by a port of a bridge.
    ByPort {
        /// Whether it is negated.
        not: bool,
    },
    /// `-m ipvs --vaddr … --vproto … --vport …`: it goes to this virtual server.
    Ipvs {
        /// The virtual address.
        address: Ipv4Addr,
        /// Protocol and port.
        port: (u8, u16),
    },
    /// `-m multiport --dports …`.
    DestPorts {
        /// Whether it is negated.
        not: bool,
        /// The ports.
        ranges: Vec<(u16, u16)>,
    },
}

impl Extra {
    /// What `-m NAME` begins.
    pub(crate) fn open(name: &str) -> Option<Extra> {
        Some(match name {
            "set" => Extra::Set { not: false, name: "".into(), dirs: Vec::new() },
            "physdev" => Extra::Bridged { not: false },
            "ipvs" => Extra::Ipvs { address: Ipv4Addr::UNSPECIFIED, port: (0, 0) },
            "multiport" => Extra::DestPorts { not: false, ranges: Vec::new() },
            _ => return None,
        })
    }

    /// An option with its values.
    pub(crate) fn option(&mut self, flag: &str, negate: bool, value: &str) -> Result<(), Refused> {
        match (self, flag) {
            (Extra::Set { not, name, dirs }, "--match-set") => {
                let (set, ways) = value.split_once(' ').unwrap_or((value, ""));
                (*not, *name) = (negate, set.into());
                *dirs = ways.split(',').map(|way| way == "src").collect();
            }
            (Extra::DestPorts { not, ranges }, "--dports" | "--destination-ports") => {
                *not = negate;
                *ranges = value.split(',').map(range).collect::<Result<_, _>>()?;
            }
            (Extra::Ipvs { address, .. }, "--vaddr") => {
                let bad = |_| Refused(format!("host/network `{value}' not found"));
                *address = value.trim_end_matches("/32").parse().map_err(bad)?;
            }
            (Extra::Ipvs { port, .. }, "--vproto") => port.0 = proto(value)?,
            (Extra::Ipvs { port, .. }, "--vport") => port.1 = range(value)?.0,
            _ => return Err(Refused(format!("unknown option \"{flag}\""))),
        }
        Ok(())
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, q: &Question<'_>, sets: &Sets) -> bool {
        match self {
            Extra::Set { not, name, dirs } => sets.get(name).is_some_and(|set| set.has(dirs, q)) != *not,
            Extra::Bridged { not } => q.bridged != *not,
            Extra::ByPort { not } => q.by_port != *not,
            Extra::Ipvs { address, port } => {
                q.ipvs && q.proto == port.0 && q.orig_dst == Some((IpAddr::V4(*address), port.1))
            }
            Extra::DestPorts { not, ranges } => {
                q.ports.is_some_and(|(_, to)| ranges.iter().any(|r| (r.0..=r.1).contains(&to))) != *not
            }
        }
    }

    /// As `iptables -L` says it.
    pub(crate) fn explain(&self) -> String {
        let bang = |not: &bool| if *not { "! " } else { "" };
        match self {
            Extra::Set { not, name, dirs } => format!("{}match-set {name} {}", bang(not), ways(dirs)),
            Extra::Bridged { not } => format!("PHYSDEV match {}--physdev-is-bridged", bang(not)),
            Extra::ByPort { not } => format!("PHYSDEV match {}--physdev-is-in", bang(not)),
            Extra::Ipvs { address, port } => format!("vproto {} vaddr {address} vport {}", port.0, port.1),
            Extra::DestPorts { not, ranges } => format!("multiport dports {}{}", bang(not).trim_end(), list(ranges)),
        }
    }
}

fn ways(dirs: &[bool]) -> String {
    dirs.iter().map(|source| if *source { "src" } else { "dst" }).collect::<Vec<_>>().join(",")
}

fn list(ranges: &[(u16, u16)]) -> String {
    ranges.iter().map(|r| range_text(*r)).collect::<Vec<_>>().join(",")
}

impl fmt::Display for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bang = |not: &bool| if *not { "! " } else { "" };
        match self {
            Extra::Set { not, name, dirs } => write!(f, "-m set {}--match-set {name} {}", bang(not), ways(dirs)),
            Extra::Bridged { not } => write!(f, "-m physdev {}--physdev-is-bridged", bang(not)),
            Extra::ByPort { not } => write!(f, "-m physdev {}--physdev-is-in", bang(not)),
            Extra::Ipvs { address, port } => {
                write!(f, "-m ipvs --vproto {} --vaddr {address} --vport {}", port.0, port.1)
            }
            Extra::DestPorts { not, ranges } => write!(f, "-m multiport {}--dports {}", bang(not), list(ranges)),
        }
    }
}
