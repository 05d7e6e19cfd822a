//! The CNI plugin of a node: an address, a namespace and a veth pair to the bridge for each pod.
//!
//! Models `plugins/main/bridge` and `plugins/ipam/host-local` of containernetworking/plugins.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::cluster::event::{Actor, Happened, Local, NodeIx};
use crate::cluster::host::CNI_ADD;
use crate::cluster::{Cluster, Message};
use crate::net::addr::{DevId, NsId};
use crate::node::runtime::{self, PodMeta, SandboxId};
use crate::sim::{EventId, VecMap};

/// What the CNI plugin of a node remembers (host-local IPAM and the bridge).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cni {
    /// The bridge, its address and its MTU, once flannel has a subnet.
    pub bridge: Option<(DevId, Ipv4Net, u32)>,
    /// The last address that was given away.
    last: Option<Ipv4Addr>,
    /// The networks of sandboxes.
    pub pods: VecMap<SandboxId, PodNet>,
}

/// A pod's network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodNet {
    /// Its namespace.
    pub ns: NsId,
    /// Its address.
    pub ip: Ipv4Addr,
    /// Whose it is.
    pub pod: PodMeta,
}

impl Cni {
    /// The next free address of the subnet, after the last one that was given away (as host-local does).
    fn allocate(&mut self) -> Result<Ipv4Addr, String> {
        let (_, subnet, _) = self.bridge.ok_or("network plugin is not ready: cni config uninitialized")?;
        let gateway = subnet.addr();
        let usable: Vec<Ipv4Addr> = subnet.hosts().filter(|ip| *ip != gateway).collect();
        let from = self.last.and_then(|last| usable.iter().position(|ip| *ip == last)).map_or(0, |at| at + 1);
        let taken = |ip: &Ipv4Addr| self.pods.values().any(|pod| pod.ip == *ip);
        let (before, after) = usable.split_at(from.min(usable.len()));
        let free = after.iter().chain(before).find(|ip| !taken(ip)).copied();
        let subnet = subnet.trunc();
        self.last = free.or(self.last);
        free.ok_or_else(|| format!("failed to allocate for range 0: no IP addresses available in range set: {subnet}"))
    }
}

impl Cluster {
    /// CNI ADD: an address, a namespace, a veth pair to the bridge, a default route.
    pub(crate) fn cni_add(&mut self, ix: NodeIx, sandbox: SandboxId, pod: PodMeta, cause: Option<EventId>) {
        let result = self.plug(ix, &sandbox, &pod);
        if let Ok(ip) = &result {
            let object = crate::api::ObjectRef {
                kind: crate::api::Kind::Pod,
                namespace: pod.namespace.clone(),
                name: pod.name.clone(),
            };
            let what = Local::SandboxCreated { pod: object, ip: ip.to_string().into() };
            self.trace.record(self.now, cause, Happened::Node { who: Actor::Runtime(ix), what });
        }
        let message = Message::ToRuntime(runtime::Input::CniAdded(sandbox, result));
        self.hand_over(Actor::Runtime(ix), cause, CNI_ADD, message);
    }

    fn plug(&mut self, ix: NodeIx, sandbox: &SandboxId, pod: &PodMeta) -> Result<Ipv4Addr, String> {
        let host = self.host_mut(ix).ok_or("no such node")?;
        let ip = host.cni.allocate()?;
        let (bridge, subnet, _) = host.cni.bridge.ok_or("cni config uninitialized")?;
        let node_ns = host.ns;
        let ns = self.fabric.add_ns(&format!("{}/{}", pod.namespace, pod.name));
        let addr = Ipv4Net::new(ip, subnet.prefix_len()).expect("the bridge has this length");
        let veth = format!("veth{}", sandbox.0.get(..8).unwrap_or(&sandbox.0));
        let host_mac = self.fabric.random_mac();
        self.fabric
            .add_pod_link(ns, node_ns, bridge, &veth, host_mac, addr, subnet.addr(), true)
            .map_err(|error| error.to_string())?;
        let host = self.host_mut(ix).ok_or("no such node")?;
        host.cni.pods.insert(sandbox.clone(), PodNet { ns, ip, pod: pod.clone() });
        Ok(ip)
    }

    pub(crate) fn cni_del(&mut self, ix: NodeIx, sandbox: SandboxId, cause: Option<EventId>) {
        let net = self.host_mut(ix).and_then(|host| host.cni.pods.remove(&sandbox));
        if let Some(net) = net {
            self.fabric.remove_ns(net.ns);
        }
        self.hand_over(Actor::Runtime(ix), cause, CNI_ADD, Message::ToRuntime(runtime::Input::CniDeleted(sandbox)));
    }

    /// The node of a network namespace: its own, or a pod's on it.
    pub fn node_of_ns(&self, ns: NsId) -> Option<NodeIx> {
        let own = (0_u32..).map(NodeIx).zip(&self.hosts).find(|(_, host)| host.ns == ns).map(|(ix, _)| ix);
        own.or_else(|| self.pod_of_ns(ns).map(|(ix, _)| ix))
    }

    /// Who has an address: the pod of a network namespace.
    pub fn pod_of_ns(&self, ns: NsId) -> Option<(NodeIx, &PodNet)> {
        let nets =
            (0_u32..).map(NodeIx).zip(&self.hosts).flat_map(|(ix, host)| host.cni.pods.values().map(move |n| (ix, n)));
        nets.into_iter().find(|(_, net)| net.ns == ns)
    }
}
