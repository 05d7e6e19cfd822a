//! Round robin with optional client affinity. Models `pkg/proxy/userspace/roundrobin.go` (1.11).

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::node::kube_proxy::ServicePortName;
use crate::sim::{Rng, Span, Time, VecMap};

/// Chooses a backend for each new connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Balancer {
    services: VecMap<ServicePortName, Backends>,
    rng: Rng,
}

/// The backends of one service port and whose turn it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Backends {
    endpoints: Vec<SocketAddrV4>,
    next: u32,
    /// How long a client stays with its backend; `None` without affinity.
    sticky: Option<Span>,
    clients: VecMap<Ipv4Addr, (SocketAddrV4, Time)>,
}

impl Balancer {
    /// A balancer without services.
    pub fn new(rng: Rng) -> Balancer {
        Balancer { services: VecMap::new(), rng }
    }

    /// A service port exists, with or without affinity.
    pub fn set_service(&mut self, name: &ServicePortName, sticky: Option<Span>) {
        self.services.entry(name.clone()).or_default().sticky = sticky;
    }

    /// A service port is gone.
    pub fn remove_service(&mut self, name: &ServicePortName) {
        self.services.remove(name);
    }

    /// The backends are these. When they have changed, their order is drawn anew and the first has its turn; clients whose
    /// backend is gone are forgotten.
    pub fn set_endpoints(&mut self, name: &ServicePortName, endpoints: &[SocketAddrV4]) {
        let backends = self.services.entry(name.clone()).or_default();
        let sorted = |list: &[SocketAddrV4]| {
            let mut list = list.to_vec();
            list.sort();
            list.dedup();
            list
        };
        let new = sorted(endpoints);
        if sorted(&backends.endpoints) == new {
            return;
        }
        backends.clients.retain(|_, (endpoint, _)| new.contains(endpoint));
        backends.endpoints = new;
        self.rng.shuffle(&mut backends.endpoints);
        backends.next = 0;
    }

    /// The backend for a connection of `client`; with `reset`, not the one that the client stayed with. `None` without
    /// backends.
    pub fn next(&mut self, name: &ServicePortName, client: Ipv4Addr, reset: bool, now: Time) -> Option<SocketAddrV4> {
        let backends = self.services.get_mut(name)?;
        if let (Some(ttl), false) = (backends.sticky, reset)
            && let Some((endpoint, used)) = backends.clients.get_mut(&client)
            && now.since(*used) < ttl
        {
            *used = now;
            return Some(*endpoint);
        }
        let count = u32::try_from(backends.endpoints.len()).expect("fewer endpoints than 2^32");
        let endpoint = *backends.endpoints.get(usize::try_from(backends.next).expect("an index fits"))?;
        backends.next = (backends.next + 1) % count;
        if backends.sticky.is_some() {
            backends.clients.insert(client, (endpoint, now));
        }
        Some(endpoint)
    }

    /// The backends of a service port in the order of their turns.
    pub fn endpoints(&self, name: &ServicePortName) -> &[SocketAddrV4] {
        self.services.get(name).map_or(&[], |backends| &backends.endpoints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(n: u8) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(10, 244, 1, n), 80)
    }

    fn name() -> ServicePortName {
        ServicePortName { namespace: "default".into(), name: "web".into(), port: String::new() }
    }

    const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 244, 1, 9);

    #[test]
    fn each_backend_has_its_turn() {
        let mut balancer = Balancer::new(Rng::stream(1, "proxy"));
        balancer.set_service(&name(), None);
        assert_eq!(balancer.next(&name(), CLIENT, false, Time(0)), None);
        balancer.set_endpoints(&name(), &[endpoint(1), endpoint(2), endpoint(3)]);
        let mut seen: Vec<_> = (0..6).filter_map(|_| balancer.next(&name(), CLIENT, false, Time(0))).collect();
        assert_eq!(seen[..3], seen[3..]);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn a_sticky_client_stays_until_its_time_is_over_or_its_backend_fails() {
        let mut balancer = Balancer::new(Rng::stream(1, "proxy"));
        balancer.set_service(&name(), Some(Span::secs(10)));
        balancer.set_endpoints(&name(), &[endpoint(1), endpoint(2)]);
        let first = balancer.next(&name(), CLIENT, false, Time(0));
        assert_eq!(balancer.next(&name(), CLIENT, false, Time(5)), first);
        assert_ne!(balancer.next(&name(), CLIENT, true, Time(6)), first);
        let later = Time::ZERO + Span::secs(60);
        assert_eq!(balancer.next(&name(), CLIENT, false, later), first, "the turn after the second is the first's");
    }
}
