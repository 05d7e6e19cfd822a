//! Switching a node off and on again. What is on its disk stays: images, containers that have ended, what etcd knows of its
//! subnet. Everything else is gone: processes, sockets, devices, rules, tracked connections.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::api::http::Chunk;
use crate::cluster::event::{Actor, MasterIx, NodeIx};
use crate::cluster::host::processes_of;
use crate::cluster::{Cluster, Mail, MailKind, Message, OutsideId, run};
use crate::net::addr::{Mac, NsId, SegmentId};
use crate::net::device::DeviceKind;
use crate::net::route::Route;
use crate::node::runtime;
use crate::sim::{EventId, Span};

/// A node's network card.
pub(super) const CARD: &str = "eth0";
/// From the switch to the first process: firmware, kernel, systemd.
const STARTUP: Span = Span::secs(12);

impl Cluster {
    /// The root network namespace of a node: its card with its address, forwarding, and the way out of the network, which is
    /// the first address of it.
    pub(super) fn plug_in(&mut self, name: &str, addr: Ipv4Net, mac: Mac, segment: SegmentId) -> NsId {
        let ns = self.fabric.add_ns(name);
        let eth0 = self.fabric.add_ether(ns, CARD, segment, mac, addr).expect("a new namespace has no eth0");
        let gateway = Ipv4Addr::from(u32::from(addr.network()) + 1);
        let default = Route::new(Ipv4Net::default(), Some(gateway), eth0, CARD.into());
        self.fabric.add_route(ns, default).expect("the gateway is on the link");
        self.fabric.set_ip_forward(ns, true);
        ns
    }

    /// Switches a node off, if it is on.
    pub(crate) fn power_off(&mut self, ix: NodeIx) {
        let starting = !self.faults.down.contains(&Actor::Runtime(ix));
        if self.host(ix).is_none() || !self.faults.off.insert(ix) && !starting {
            return;
        }
        let processes = [Actor::Kubelet(ix), Actor::KubeProxy(ix), Actor::Flanneld(ix)];
        for actor in processes.into_iter().chain(self.control_plane_on(ix)) {
            self.crash(actor);
        }
        if self.host_mut(ix).is_some_and(|host| host.metrics.take().is_some()) {
            self.metrics_ended(ix, None);
        }
        self.faults.halted.remove(&ix);
        self.faults.down.insert(Actor::Runtime(ix));
        self.lose_what_is_under_way_to(Actor::Runtime(ix));
        self.unplug_everything(ix);
        self.cut_cables();
        self.end_node_commands(ix);
        self.forget_tools(ix);
        self.rearm(Actor::Runtime(ix));
    }

    /// All that runs on a node.
    pub(super) fn processes_on(&self, ix: NodeIx) -> Vec<Actor> {
        let own = [Actor::Runtime(ix), Actor::Kubelet(ix), Actor::KubeProxy(ix), Actor::Flanneld(ix)];
        own.into_iter().chain(self.control_plane_on(ix)).collect()
    }

    /// What runs of the control plane on a node.
    fn control_plane_on(&self, ix: NodeIx) -> Vec<Actor> {
        let at = MasterIx(ix.0);
        let all = || processes_of(at).into_iter().chain([Actor::Etcd(at)]);
        self.host(ix).filter(|host| host.master).map(|_| all().collect()).unwrap_or_default()
    }

    fn unplug_everything(&mut self, ix: NodeIx) {
        let Some(host) = self.host_mut(ix) else { return };
        host.runtime.power_off();
        host.subnet_env.clear();
        host.cni.bridge = None;
        let pods = std::mem::take(&mut host.cni.pods);
        let (ns, name) = (host.ns, host.name.clone());
        for pod in pods.values() {
            self.fabric.remove_ns(pod.ns);
        }
        let card = self.fabric.ns(ns).and_then(|ns| ns.device_named(CARD)).expect("a node has its card");
        let (DeviceKind::Ether(segment), mac, addr) = (card.kind.clone(), card.mac, card.addrs[0]) else { return };
        self.fabric.remove_ns(ns);
        let ns = self.plug_in(&name, addr, mac, segment);
        if let Some(host) = self.host_mut(ix) {
            host.ns = ns;
        }
    }

    /// Whoever is logged in on the node notices.
    fn end_node_commands(&mut self, ix: NodeIx) {
        let clients: Vec<OutsideId> =
            self.node_commands.iter().filter(|(_, node)| **node == ix).map(|(client, _)| *client).collect();
        for to in clients {
            self.node_commands.remove(&to);
            self.ssh_fails(to, "client_loop: send disconnect: Broken pipe");
        }
    }

    /// What `ssh` to a node says when it fails.
    pub(super) fn ssh_fails(&mut self, to: OutsideId, words: &str) {
        for chunk in [Chunk::Stderr(format!("{words}\n").into_bytes()), Chunk::Exit(255)] {
            self.mail.push(Mail { to, cause: None, what: MailKind::Node(chunk) });
        }
    }

    /// Switches a node on, if it is off.
    pub(crate) fn power_on(&mut self, ix: NodeIx, cause: Option<EventId>) {
        if !self.faults.off.contains(&ix) || !self.faults.down.remove(&Actor::Runtime(ix)) {
            return;
        }
        self.hand_over(Actor::Runtime(ix), cause, STARTUP, Message::PoweredOn);
    }

    /// The operating system is up: every process of the node starts.
    pub(crate) fn powered_on(&mut self, ix: NodeIx, cause: Option<EventId>) {
        if !self.faults.off.remove(&ix) {
            return;
        }
        self.cut_cables();
        let now = self.now;
        let records = Arc::clone(self.dns.zone());
        if let Some(host) = self.host_mut(ix) {
            host.runtime.power_on(now);
            host.kubelet.booted();
            run(&mut host.runtime, runtime::Input::DnsRecords(records), now, cause);
        }
        let processes = [Actor::Runtime(ix), Actor::KubeProxy(ix), Actor::Flanneld(ix), Actor::Kubelet(ix)];
        for actor in processes.into_iter().chain(self.control_plane_on(ix)) {
            self.start(actor, cause);
        }
    }
}
