//! DNS: messages on the wire and the zone that the cluster's DNS server answers from. Models RFC 1035 as far as A, SRV,
//! PTR and CNAME go, and CoreDNS's `kubernetes` plugin.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The names of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zone {
    /// Addresses by name, lower case, without the final dot: `web.default.svc.cluster.local`.
    pub a: BTreeMap<String, Vec<Ipv4Addr>>,
    /// Other names by name (ExternalName services).
    pub cname: BTreeMap<String, String>,
    /// Targets with their ports by name: `_http._tcp.web.default.svc.cluster.local`.
    pub srv: BTreeMap<String, Vec<(String, u16)>>,
}
