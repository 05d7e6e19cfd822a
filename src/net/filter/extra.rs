//! Extensions that few rules need: `set`, `physdev`, `multiport`. Models extensions/libxt_*.c of iptables 1.8.

use std::fmt;
use std::sync::Arc;

use crate::net::filter::Question;
use crate::net::filter::set::Sets;
use crate::net::filter::text::{Refused, range, range_text};

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
            _ => return Err(Refused(format!("unknown option \"{flag}\""))),
        }
        Ok(())
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, q: &Question<'_>, sets: &Sets) -> bool {
        match self {
            Extra::Set { not, name, dirs } => sets.get(name).is_some_and(|set| set.has(dirs, q)) != *not,
            Extra::Bridged { not } => q.bridged != *not,
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
            Extra::DestPorts { not, ranges } => write!(f, "-m multiport {}--dports {}", bang(not), list(ranges)),
        }
    }
}
