//! Which endpoints a node sends to. Models `pkg/proxy/topology.go`.

use crate::node::kube_proxy::model::{Endpoint, ServicePort};

/// The endpoints of a service port that one node may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usable<'a> {
    /// For traffic that may go anywhere.
    pub cluster: Vec<&'a Endpoint>,
    /// For traffic that stays on the node.
    pub local: Vec<&'a Endpoint>,
    /// Both, each once, in the order of their text.
    pub all: Vec<&'a Endpoint>,
    /// Whether there are any on any node.
    pub anywhere: bool,
}

/// To whom the endpoints of a service port are given first, as all of their hints say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Preferred {
    Anyone,
    SameNode,
    SameZone,
}

impl<'a> Usable<'a> {
    /// Chooses from `endpoints`: those that are ready; if there are none, those that still serve while they end.
    pub fn of(endpoints: &'a [Endpoint], service: &ServicePort, node: &str, zone: Option<&str>) -> Usable<'a> {
        let mut usable = Usable::default();
        if service.uses_cluster_endpoints() {
            let preferred = preferred(endpoints, node, zone);
            let for_us = |e: &Endpoint| match preferred {
                Preferred::Anyone => true,
                Preferred::SameNode => e.nodes.iter().any(|hint| **hint == *node),
                Preferred::SameZone => e.zones.iter().any(|hint| Some(&**hint) == zone),
            };
            usable.cluster = either(endpoints, |e| e.ready && for_us(e), ending);
            usable.anywhere = !usable.cluster.is_empty();
        }
        if service.uses_local_endpoints() {
            usable.local = either(endpoints, |e| e.local && e.ready, |e| e.local && ending(e));
            usable.anywhere |= endpoints.iter().any(|e| e.ready || ending(e));
        }
        // Both lists are in the order of `endpoints`.
        let (mut cluster, mut local) = (usable.cluster.iter().peekable(), usable.local.iter().peekable());
        let used = |e: &&Endpoint| {
            let is_it = |other: &&&Endpoint| std::ptr::eq(**other, *e);
            cluster.next_if(is_it).is_some() | local.next_if(is_it).is_some()
        };
        usable.all = endpoints.iter().filter(used).collect();
        usable
    }
}

fn ending(endpoint: &Endpoint) -> bool {
    endpoint.serving && endpoint.terminating
}

fn either(
    endpoints: &[Endpoint],
    first: impl Fn(&Endpoint) -> bool,
    else_these: impl Fn(&Endpoint) -> bool,
) -> Vec<&Endpoint> {
    let found: Vec<&Endpoint> = endpoints.iter().filter(|e| first(e)).collect();
    if found.is_empty() { endpoints.iter().filter(|e| else_these(e)).collect() } else { found }
}

/// Hints count if every ready endpoint has one and one of them is for us.
fn preferred(endpoints: &[Endpoint], node: &str, zone: Option<&str>) -> Preferred {
    let ready = || endpoints.iter().filter(|e| e.ready);
    if ready().next().is_none() {
        return Preferred::Anyone;
    }
    let nodes = ready().all(|e| !e.nodes.is_empty());
    let zones = ready().all(|e| !e.zones.is_empty());
    if nodes && ready().any(|e| e.nodes.iter().any(|hint| **hint == *node)) {
        Preferred::SameNode
    } else if zones && ready().any(|e| e.zones.iter().any(|hint| Some(&**hint) == zone)) {
        Preferred::SameZone
    } else {
        Preferred::Anyone
    }
}
