//! Invariants, checked from outside after events. A broken one stops the simulation: it never goes on with a wrong world.

use std::net::Ipv4Addr;

use crate::api::{Kind, KindOf as _, Pod};
use crate::cluster::host::Host;
use crate::cluster::{Cluster, MasterIx};
use crate::control::apiserver::StoredValue;
use crate::etcd::{Member, Revision};
use crate::sim::VecMap;

/// What may never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Two pods of the network have one address.
    SharedIp(Ipv4Addr),
    /// A pod's address is outside of its node's subnet.
    ForeignIp(Ipv4Addr),
    /// A pod is bound to a node that never was.
    NoSuchNode {
        /// The pod.
        pod: String,
        /// The node.
        node: String,
    },
    /// An object's resource version is ahead of the store.
    FromTheFuture(String),
    /// Two nodes have one subnet.
    SharedSubnet(String),
    /// The store's revision, or an object's, went back.
    Backwards(String),
    /// Two members of etcd lead in one term.
    TwoLeaders(u64),
    /// A process asks for a change and does not hold the lease.
    Unfenced {
        /// Who.
        who: String,
        /// The lease.
        lease: &'static str,
    },
    /// Two members of etcd have applied the same log, and hold different things.
    Apart {
        /// The last entry that both have applied.
        applied: u64,
    },
}

/// What must hold, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// No two pods have one address, and each is of its node's subnet.
    Addresses,
    /// No two nodes have one subnet.
    Subnets,
    /// The scheduler binds pods to nodes that are.
    Bindings,
    /// No object is newer than the store.
    Versions,
    /// The store never goes back.
    Forward,
    /// Members of etcd that have applied the same hold the same.
    Agreement,
    /// Of each term, one member leads at most.
    OneLeader,
    /// What a scheduler or controller-manager asks for, it asks while it holds the lease.
    Fencing,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Invariant; 8] = [
        Invariant::Addresses,
        Invariant::Subnets,
        Invariant::Bindings,
        Invariant::Versions,
        Invariant::Forward,
        Invariant::Agreement,
        Invariant::OneLeader,
        Invariant::Fencing,
    ];
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Broken::SharedIp(ip) => write!(f, "two pods have the address {ip}"),
            Broken::ForeignIp(ip) => write!(f, "the address {ip} is outside of its node's subnet"),
            Broken::NoSuchNode { pod, node } => write!(f, "{pod} is bound to {node}, which does not exist"),
            Broken::FromTheFuture(object) => write!(f, "{object} has a resource version that the store never had"),
            Broken::SharedSubnet(subnet) => write!(f, "two nodes have the subnet {subnet}"),
            Broken::Apart { applied } => write!(f, "two members of etcd differ after entry {applied} of their log"),
            Broken::TwoLeaders(term) => write!(f, "two members of etcd lead in term {term}"),
            Broken::Unfenced { who, lease } => write!(f, "{who} asks for a change without holding {lease}"),
            Broken::Backwards(what) => write!(f, "the revision of {what} went back"),
        }
    }
}

/// Everything that must hold at any moment.
///
/// # Errors
/// The first thing that does not.
pub fn invariants(cluster: &Cluster) -> Result<(), Broken> {
    addresses(cluster.hosts())?;
    subnets(cluster.hosts())?;
    bindings(cluster)?;
    revisions(cluster)
}

/// The same after every event of one cluster: it looks only at what has changed since it last looked, and sees to it that
/// revisions only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checker {
    store: Revision,
    /// The revision of each kind's cache when it was last looked at.
    seen: VecMap<Kind, Revision>,
}

impl Checker {
    /// Checks a cluster, an event (or some) after the last time.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&mut self, cluster: &Cluster) -> Result<(), Broken> {
        addresses(cluster.hosts())?;
        subnets(cluster.hosts())?;
        let store = cluster.etcd_member().store().revision();
        if store < self.store {
            return Err(Broken::Backwards("the store".into()));
        }
        self.store = store;
        members(cluster)?;
        let mut changed = false;
        for kind in Kind::ALL {
            let now = cluster.apiserver().cache(*kind).revision();
            if self.seen.insert(*kind, now) != Some(now) {
                changed |= *kind == Kind::Pod || *kind == Kind::Node;
                ahead(cluster, *kind, store)?;
            }
        }
        if changed { bindings(cluster) } else { Ok(()) }
    }
}

pub(super) fn addresses(hosts: &[Host]) -> Result<(), Broken> {
    let mut seen = VecMap::new();
    for host in hosts {
        for net in host.cni.pods.values() {
            if seen.insert(net.ip, ()).is_some() {
                return Err(Broken::SharedIp(net.ip));
            }
            if host.cni.bridge.is_none_or(|(_, subnet, _)| !subnet.contains(&net.ip)) {
                return Err(Broken::ForeignIp(net.ip));
            }
        }
    }
    Ok(())
}

pub(super) fn subnets(hosts: &[Host]) -> Result<(), Broken> {
    let mut seen = VecMap::new();
    for subnet in hosts.iter().filter_map(|host| host.cni.bridge).map(|(_, subnet, _)| subnet) {
        if seen.insert(subnet.to_string(), ()).is_some() {
            return Err(Broken::SharedSubnet(subnet.to_string()));
        }
    }
    Ok(())
}

/// Members that have applied the same log have come to the same revision and keep as much.
pub(super) fn members(cluster: &Cluster) -> Result<(), Broken> {
    // A fault has made them differ.
    if !cluster.faults().corrupted.is_empty() {
        return Ok(());
    }
    let known = |member: &Member<StoredValue>| {
        let store = member.store();
        (store.revision(), store.compacted(), store.records(), store.bytes())
    };
    for (place, member) in cluster.etcd_members() {
        let applied = member.raft().log().applied();
        let like =
            |(other, m): &(MasterIx, &Member<StoredValue>)| *other > place && m.raft().log().applied() == applied;
        if cluster.etcd_members().filter(like).any(|(_, other)| known(other) != known(member)) {
            return Err(Broken::Apart { applied: applied.0 });
        }
    }
    Ok(())
}

pub(super) fn bindings(cluster: &Cluster) -> Result<(), Broken> {
    for pod in cluster.objects(Kind::Pod).filter_map(Pod::of) {
        let node = &pod.spec.node_name;
        if !node.is_empty() && cluster.node_named(node).is_none() && cluster.object(Kind::Node, "", node).is_none() {
            // A learner may write any name there; only the scheduler may not.
            let by_scheduler = pod.status.conditions.iter().any(|c| c.r#type == "PodScheduled" && c.status == "True");
            if by_scheduler {
                return Err(Broken::NoSuchNode { pod: pod.metadata.name.clone(), node: node.clone() });
            }
        }
    }
    Ok(())
}

fn revisions(cluster: &Cluster) -> Result<(), Broken> {
    let store = cluster.etcd_member().store().revision();
    Kind::ALL.iter().try_for_each(|kind| ahead(cluster, *kind, store))
}

/// No object of a kind is newer than the store.
pub(super) fn ahead(cluster: &Cluster, kind: Kind, store: Revision) -> Result<(), Broken> {
    let ahead = cluster.objects(kind).find(|object| object.meta().resource_version.is_some_and(|v| v.0 > store.0));
    ahead.map_or(Ok(()), |object| Err(Broken::FromTheFuture(object.reference().to_string())))
}
