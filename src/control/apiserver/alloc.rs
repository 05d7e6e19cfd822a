//! Cluster IPs and node ports: which are taken and by whom. Models `pkg/registry/core/service/{ipallocator,portallocator}`.
//!
//! There, what is taken is stored (IPAddress objects, a port bitmap); here it is derived from the services in the cache, plus
//! what writes under way have reserved. A free one is drawn at random from the upper part of the range, then the lower part.

use crate::sim::{VecMap, VecSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::api::Object;
use crate::control::apiserver::call::CallNo;
use crate::sim::Rng;

/// The first and last node port.
pub const NODE_PORTS: (u16, u16) = (30_000, 32_767);
/// How many ports at the beginning of the range are kept for those who choose their own.
const STATIC_PORTS: u16 = 86;
/// How many addresses at the beginning of the range are kept for those who choose their own, at most.
const STATIC_IPS: u32 = 256;

/// What is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Allocator {
    cidr: Ipv4Net,
    /// Owner of each address: `namespace/name`.
    ips: VecMap<Ipv4Addr, String>,
    /// Owners of each port. One service may use a port for two protocols.
    ports: VecMap<u16, String>,
    reserved: VecMap<CallNo, (VecSet<Ipv4Addr>, VecSet<u16>)>,
}

/// Why an address or port cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody has it.
    Taken,
    /// It is not in the range.
    OutOfRange,
    /// All are taken.
    Full,
}

impl Allocator {
    /// Nothing is taken.
    pub fn new(cidr: Ipv4Net) -> Allocator {
        Allocator { cidr, ips: VecMap::new(), ports: VecMap::new(), reserved: VecMap::new() }
    }

    /// The range of cluster IPs.
    pub fn cidr(&self) -> Ipv4Net {
        self.cidr
    }

    /// Learns from a change of a service.
    pub fn learn(&mut self, old: Option<&Object>, new: Option<&Object>) {
        for (object, taken) in [(old, false), (new, true)] {
            let Some(Object::Service(service)) = object else { continue };
            let owner = format!("{}/{}", service.metadata.namespace, service.metadata.name);
            for ip in service.spec.cluster_ips.iter().chain([&service.spec.cluster_ip]).filter_map(|ip| ip.parse().ok())
            {
                if taken {
                    self.ips.insert(ip, owner.clone());
                } else if self.ips.get(&ip) == Some(&owner) {
                    self.ips.remove(&ip);
                }
            }
            let ports = service.spec.ports.iter().map(|p| p.node_port).chain([service.spec.health_check_node_port]);
            for port in ports.filter_map(|p| u16::try_from(p).ok()).filter(|p| *p != 0) {
                if taken {
                    self.ports.insert(port, owner.clone());
                } else if self.ports.get(&port) == Some(&owner) {
                    self.ports.remove(&port);
                }
            }
        }
    }

    /// The write of a call was done: what it reserved belongs to its service.
    pub fn commit(&mut self, call: CallNo, object: &Object) {
        if self.reserved.remove(&call).is_some() {
            self.learn(None, Some(object));
        }
    }

    /// The write of a call was not done: what it reserved is free again.
    pub fn release(&mut self, call: CallNo) {
        self.reserved.remove(&call);
    }

    fn ip_taken(&self, ip: Ipv4Addr) -> bool {
        self.ips.contains_key(&ip) || self.reserved.values().any(|(ips, _)| ips.contains(&ip))
    }

    fn port_taken(&self, port: u16) -> bool {
        self.ports.contains_key(&port) || self.reserved.values().any(|(_, ports)| ports.contains(&port))
    }

    /// Whether an address is one that services may have: neither the network's own nor the broadcast address.
    fn usable(&self, ip: Ipv4Addr) -> bool {
        self.cidr.contains(&ip) && ip != self.cidr.network() && ip != self.cidr.broadcast()
    }

    /// Reserves an address that was asked for.
    ///
    /// # Errors
    /// It cannot be had.
    pub fn take_ip(&mut self, call: CallNo, ip: Ipv4Addr) -> Result<(), Refusal> {
        if !self.usable(ip) {
            return Err(Refusal::OutOfRange);
        }
        if self.ip_taken(ip) {
            return Err(Refusal::Taken);
        }
        self.reserved.entry(call).or_default().0.insert(ip);
        Ok(())
    }

    /// Reserves a free address.
    ///
    /// # Errors
    /// All are taken.
    pub fn next_ip(&mut self, call: CallNo, rng: &mut Rng) -> Result<Ipv4Addr, Refusal> {
        let first = u32::from(self.cidr.network()) + 1;
        let last = u32::from(self.cidr.broadcast()).saturating_sub(1);
        let size = last.saturating_sub(first) + 1;
        let kept = STATIC_IPS.min(16.max(size / 16)).min(size / 2);
        for (low, high) in [(first + kept, last), (first, first + kept - 1)] {
            if low > high {
                continue;
            }
            let start = u32::try_from(rng.between(u64::from(low), u64::from(high))).expect("between two u32");
            let free = (start..=high).chain(low..start).map(Ipv4Addr::from).find(|ip| !self.ip_taken(*ip));
            if let Some(ip) = free {
                self.reserved.entry(call).or_default().0.insert(ip);
                return Ok(ip);
            }
        }
        Err(Refusal::Full)
    }

    /// Reserves a port that was asked for.
    ///
    /// # Errors
    /// It cannot be had.
    pub fn take_port(&mut self, call: CallNo, port: i32) -> Result<(), Refusal> {
        let port = u16::try_from(port).map_err(|_| Refusal::OutOfRange)?;
        if !(NODE_PORTS.0..=NODE_PORTS.1).contains(&port) {
            return Err(Refusal::OutOfRange);
        }
        let own = self.reserved.get(&call).is_some_and(|(_, ports)| ports.contains(&port));
        if self.port_taken(port) && !own {
            return Err(Refusal::Taken);
        }
        self.reserved.entry(call).or_default().1.insert(port);
        Ok(())
    }

    /// Reserves a free port.
    ///
    /// # Errors
    /// All are taken.
    pub fn next_port(&mut self, call: CallNo, rng: &mut Rng) -> Result<u16, Refusal> {
        let (first, last) = NODE_PORTS;
        for (low, high) in [(first + STATIC_PORTS, last), (first, first + STATIC_PORTS - 1)] {
            let start = u16::try_from(rng.between(u64::from(low), u64::from(high))).expect("between two u16");
            if let Some(port) = (start..=high).chain(low..start).find(|port| !self.port_taken(*port)) {
                self.reserved.entry(call).or_default().1.insert(port);
                return Ok(port);
            }
        }
        Err(Refusal::Full)
    }
}
