//! The node's object, status and lease. Models `pkg/kubelet/kubelet_node_status.go`, `pkg/kubelet/nodestatus/setters.go`
//! and `k8s.io/component-helpers/apimachinery/lease`.

use std::sync::Arc;

use ipnet::Ipv4Net;
use serde_json::json;

use crate::api::{
    Body, Kind, Lease, LeaseSpec, MicroTime, Node, NodeAddress, NodeCondition, NodeImage, NodeStatus, NodeSystemInfo,
    ObjectMeta, ObjectRef, ObjectReference, OwnerReference, PatchType, Quantity, Request, Response, Subresource, Uid,
    Verb,
};
use crate::node::kubelet::api::Purpose;
use crate::node::kubelet::ops::For;
use crate::node::kubelet::{Effect, Kubelet, Reason};
use crate::node::runtime::{CriRequest, ImageRef};
use crate::sim::{Out, Span, Time, VecMap, Wake, digest_of};

/// What a node has and says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeConfig {
    /// Cores, in thousandths.
    pub cpu_millis: i64,
    /// Bytes of memory.
    pub memory: i64,
    /// Bytes of disk.
    pub disk: i64,
    /// The most pods.
    pub pods: i64,
    /// What of the memory is kept back for eviction (`memory.available<100Mi`).
    pub memory_reserved: i64,
    /// Whether cgroups hold pods to what is allocatable (`enforceNodeAllocatable`).
    pub enforces_allocatable: bool,
    /// More labels.
    pub labels: VecMap<String, String>,
    /// How often the machine has been switched on.
    pub boots: u32,
    /// Whether pods get their network from the subnet in the node's spec.
    pub waits_for_pod_cidr: bool,
    /// Taints that it registers with.
    pub taints: Vec<crate::api::Taint>,
    /// `v1.36.2`.
    pub kubelet_version: Arc<str>,
    /// `containerd://2.1.3`.
    pub runtime_version: Arc<str>,
    /// `6.8.0-60-generic`.
    pub kernel_version: Arc<str>,
    /// `Ubuntu 24.04.2 LTS`.
    pub os_image: Arc<str>,
}

impl Default for NodeConfig {
    fn default() -> Self {
        NodeConfig {
            cpu_millis: 4_000,
            memory: 8 << 30,
            disk: 100 << 30,
            pods: 110,
            memory_reserved: 100 << 20,
            enforces_allocatable: true,
            labels: VecMap::new(),
            boots: 1,
            waits_for_pod_cidr: false,
            taints: Vec::new(),
            kubelet_version: "v1.36.2".into(),
            runtime_version: "containerd://2.1.3".into(),
            kernel_version: "6.8.0-60-generic".into(),
            os_image: "Ubuntu 24.04.2 LTS".into(),
        }
    }
}

/// How often the status is looked at, how often it is written though nothing changed, and how often the lease is renewed.
const UPDATE: Span = Span::secs(10);
const REPORT: Span = Span::mins(5);
const LEASE: Span = Span::secs(10);
const LEASE_DURATION: i32 = 40;
/// How often a kubelet looks whether its node has a subnet by now. Upstream watches its node and looks at what it saw.
const POD_CIDR_POLL: Span = Span::millis(100);

/// What the kubelet knows of its node object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeState {
    stage: Stage,
    written: Option<NodeStatus>,
    written_at: Time,
    writing: bool,
    update_at: Option<Time>,
    lease_at: Option<Time>,
    lease_version: Option<Lease>,
    /// What the server calls its node.
    uid: Option<Uid>,
    conditions: VecMap<String, (String, Time)>,
    announced: bool,
    /// Whether its node took no new pods when it last looked.
    unschedulable: bool,
    /// The node's subnet for pods, once the runtime was told.
    pod_cidr: Option<Ipv4Net>,
}

/// `New -> Creating -> Registered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Stage {
    #[default]
    New,
    Creating,
    Registered,
}

impl Kubelet {
    fn node_ref(&self) -> ObjectRef {
        ObjectRef { kind: Kind::Node, namespace: "".into(), name: self.config.node.clone() }
    }

    /// Records an event about the node.
    pub(super) fn node_event(&mut self, kind: &str, reason: &str, message: &str, now: Time, out: &mut Out<Effect>) {
        let name = self.config.node.to_string();
        // The kubelet calls its node by name before it knows a uid.
        let about =
            ObjectReference { kind: "Node".into(), uid: Uid(name.as_str().into()), name, ..ObjectReference::default() };
        for request in self.recorder.event(now, about, kind, reason, message) {
            let node = self.node_ref();
            self.call(Purpose::Event, request, Some(node), out);
        }
    }

    pub(super) fn register(&mut self, now: Time, out: &mut Out<Effect>) {
        let name = &self.config.node;
        let fixed = [
            ("beta.kubernetes.io/arch", "amd64"),
            ("beta.kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/hostname", name),
            ("kubernetes.io/os", "linux"),
        ];
        let mut labels: VecMap<String, String> = fixed.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        labels.extend(self.config.info.labels.clone());
        let annotations =
            [("volumes.kubernetes.io/controller-managed-attach-detach".to_owned(), "true".to_owned())].into();
        let mut node = Node {
            metadata: ObjectMeta { name: name.to_string(), labels, annotations, ..ObjectMeta::default() },
            ..Node::default()
        };
        node.spec.taints.clone_from(&self.config.info.taints);
        node.status = self.node_status(now);
        self.node.stage = Stage::Creating;
        let about = self.node_ref();
        self.call(Purpose::Register, Request::create(node), Some(about), out);
    }

    pub(super) fn registered(&mut self, response: Response, now: Time, out: &mut Out<Effect>) {
        match response {
            Response::Failure(status) if status.reason != "AlreadyExists" => {
                // The API server is not there yet.
                self.node.stage = Stage::New;
                self.node.update_at = Some(now + Span::millis(500));
            }
            answer => {
                self.node.stage = Stage::Registered;
                if let Response::Object(node) = &answer {
                    self.node.uid = Some(node.meta().uid.clone());
                }
                if matches!(answer, Response::Failure(_)) {
                    let about = self.node_ref();
                    self.call(Purpose::NodeKnown, Request::get(Kind::Node, "", &self.config.node), Some(about), out);
                }
                // Once for the node as it was registered, and once more for its first status.
                self.announce_pressures(now, out);
                self.node.update_at = Some(now);
                self.node.lease_at = Some(now);
                self.node_due(now, out);
            }
        }
    }

    pub(super) fn set_network_ready(&mut self, ready: bool, now: Time, out: &mut Out<Effect>) {
        if self.network_ready != ready {
            self.network_ready = ready;
            self.node.update_at = self.node.update_at.map(|_| now);
            self.node_due(now, out);
            self.wake_all_workers(now, out);
        }
    }

    pub(super) fn node_due(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.node.update_at.is_some_and(|at| at <= now) {
            match self.node.stage {
                Stage::New => {
                    self.node.update_at = None;
                    self.register(now, out);
                }
                _ => self.update_status(now, out),
            }
        }
        if self.node.lease_at.is_some_and(|at| at <= now) {
            self.renew(now, out);
        }
    }

    pub(super) fn node_wake(&self) -> Option<Wake<Reason>> {
        let update = self.node.update_at.map(|at| Wake { at, why: Reason::NodeStatus });
        let lease = self.node.lease_at.map(|at| Wake { at, why: Reason::Lease });
        [update, lease].into_iter().flatten().min()
    }

    fn update_status(&mut self, now: Time, out: &mut Out<Effect>) {
        self.node.update_at = Some(now + UPDATE);
        if self.node.writing {
            return;
        }
        let status = self.node_status(now);
        let changed = self.node.written.as_ref().is_none_or(|old| !same(old, &status));
        if !changed && now.since(self.node.written_at) < REPORT {
            let about = self.node_ref();
            self.call(Purpose::NodeRead, Request::get(Kind::Node, "", &self.config.node), Some(about), out);
            return;
        }
        self.announce(&status, now, out);
        let mut request = Request::new(Verb::Patch(PatchType::Strategic), Kind::Node, "", &self.config.node);
        request.subresource = Some(Subresource::Status);
        request.body = Body::Value(Arc::new(json!({"status": status})));
        self.node.writing = true;
        self.node.written = Some(status);
        self.node.written_at = now;
        let about = self.node_ref();
        self.call(Purpose::NodeStatus, request, Some(about), out);
    }

    /// The node was there before this kubelet: has the machine been started anew since?
    pub(super) fn node_known(&mut self, response: &Response, now: Time, out: &mut Out<Effect>) {
        let Response::Object(object) = response else { return };
        let Some(node) = object.get::<Node>() else { return };
        let (before, boot_id) = (&node.status.node_info.boot_id, self.system_info().boot_id);
        if !before.is_empty() && *before != boot_id {
            let message = format!("Node {} has been rebooted, boot id: {boot_id}", self.config.node);
            self.node_event("Warning", "Rebooted", &message, now, out);
        }
    }

    /// Somebody else wrote the node's conditions (the node controller, while this node was not heard of): they are written
    /// again.
    pub(super) fn node_read(&mut self, response: &Response, now: Time, out: &mut Out<Effect>) {
        self.adopt_pod_cidr(response, now, out);
        let Response::Object(object) = response else { return };
        let Some(node) = object.get::<Node>() else { return };
        self.announce_schedulable(node, now, out);
        let Some(own) = &self.node.written else { return };
        let there = |own: &NodeCondition| {
            node.status.conditions.iter().any(|known| known.r#type == own.r#type && known.status == own.status)
        };
        if !self.node.writing && !own.conditions.iter().all(there) {
            self.node.written = None;
            self.update_status(now, out);
        }
    }

    pub(super) fn node_status_written(&mut self, response: &Response, now: Time, out: &mut Out<Effect>) {
        self.node.writing = false;
        self.adopt_pod_cidr(response, now, out);
        if let Response::Object(object) = response
            && let Some(node) = object.get::<Node>()
        {
            self.announce_schedulable(node, now, out);
        }
        if let Response::Failure(status) = response {
            self.node.written = None;
            // A node that was deleted is not registered again before the kubelet starts anew, and has no mirror pods.
            if status.code == 404 {
                self.statics.node = None;
            }
            let again = if status.code == 404 { UPDATE } else { Span::secs(1) };
            self.node.update_at = Some(now + again);
        }
    }

    /// The subnet that the node was given for its pods is passed on to the runtime (`updatePodCIDR`). A kubelet that waits
    /// for it looks often, as upstream's does until its node is ready.
    fn adopt_pod_cidr(&mut self, response: &Response, now: Time, out: &mut Out<Effect>) {
        let Response::Object(object) = response else { return };
        let Some(node) = object.get::<Node>() else { return };
        let cidr: Option<Ipv4Net> = node.spec.pod_cidr.parse().ok();
        if cidr != self.node.pod_cidr
            && let Some(cidr) = cidr
        {
            self.node.pod_cidr = Some(cidr);
            self.ask(For::Nothing, CriRequest::UpdateRuntimeConfig(cidr), out);
        }
        if self.config.info.waits_for_pod_cidr && self.node.pod_cidr.is_none() {
            self.node.update_at = Some(now + POD_CIDR_POLL);
        }
    }

    /// The events of conditions that changed.
    fn announce(&mut self, status: &NodeStatus, now: Time, out: &mut Out<Effect>) {
        let node = self.config.node.to_string();
        let mut events: Vec<(&str, String)> = Vec::new();
        if !self.node.announced {
            self.node.announced = true;
            self.announce_pressures(now, out);
            if self.config.info.enforces_allocatable {
                events.push(("NodeAllocatableEnforced", "Updated Node Allocatable limit across pods".into()));
            }
        }
        let holds = |s: &NodeStatus, kind: &str| s.conditions.iter().any(|c| c.r#type == kind && c.status == "True");
        let ready = |s: &NodeStatus| holds(s, "Ready");
        let pressed = holds(status, "MemoryPressure");
        if self.node.written.as_ref().is_some_and(|was| holds(was, "MemoryPressure") != pressed) {
            let reason = if pressed { "NodeHasInsufficientMemory" } else { "NodeHasSufficientMemory" };
            events.push((reason, format!("Node {node} status is now: {reason}")));
        }
        let was = self.node.written.as_ref().map(ready);
        if was != Some(ready(status)) && (was.is_some() || ready(status)) {
            let reason = if ready(status) { "NodeReady" } else { "NodeNotReady" };
            events.push((reason, format!("Node {node} status is now: {reason}")));
        }
        for (reason, message) in events {
            self.node_event("Normal", reason, &message, now, out);
        }
    }

    /// The event of a node that was cordoned or uncordoned (`recordNodeSchedulableEvent`).
    fn announce_schedulable(&mut self, node: &Node, now: Time, out: &mut Out<Effect>) {
        if node.spec.unschedulable == self.node.unschedulable {
            return;
        }
        self.node.unschedulable = node.spec.unschedulable;
        let reason = if node.spec.unschedulable { "NodeNotSchedulable" } else { "NodeSchedulable" };
        let message = format!("Node {} status is now: {reason}", self.config.node);
        self.node_event("Normal", reason, &message, now, out);
    }

    /// The events of a node that was under no pressure from the first.
    fn announce_pressures(&mut self, now: Time, out: &mut Out<Effect>) {
        for reason in ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"] {
            let message = format!("Node {} status is now: {reason}", self.config.node);
            self.node_event("Normal", reason, &message, now, out);
        }
    }

    fn node_status(&mut self, now: Time) -> NodeStatus {
        let info = self.config.info.clone();
        let stamp = self.timestamp(now);
        let amounts = |memory: i64| -> VecMap<String, Quantity> {
            [
                ("cpu", Quantity::from_millis(info.cpu_millis)),
                ("ephemeral-storage", Quantity::from_bytes(info.disk)),
                ("hugepages-1Gi", Quantity::from_units(0)),
                ("hugepages-2Mi", Quantity::from_units(0)),
                ("memory", Quantity::from_bytes(memory)),
                ("pods", Quantity::from_units(info.pods)),
            ]
            .into_iter()
            .map(|(name, amount)| (name.to_owned(), amount))
            .collect()
        };
        let ready = match self.network_ready {
            true => ("True", "KubeletReady", "kubelet is posting ready status"),
            false => ("False", "KubeletNotReady", NETWORK_NOT_READY),
        };
        let memory = match self.eviction.has_pressure() {
            true => ("True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
            false => ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        };
        let words = [
            ("MemoryPressure", memory),
            ("DiskPressure", ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure")),
            ("PIDPressure", ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available")),
            ("Ready", ready),
        ];
        let mut conditions = Vec::new();
        for (name, (status, reason, message)) in words {
            let entry = self.node.conditions.entry(name.into()).or_insert((status.into(), now));
            if entry.0 != status {
                *entry = (status.into(), now);
            }
            let since = entry.1;
            conditions.push(NodeCondition {
                r#type: name.into(),
                status: status.into(),
                last_heartbeat_time: Some(stamp),
                last_transition_time: Some(self.timestamp(since)),
                reason: reason.into(),
                message: message.into(),
                ..NodeCondition::default()
            });
        }
        let address =
            |kind: &str, address: String| NodeAddress { r#type: kind.into(), address, ..NodeAddress::default() };
        NodeStatus {
            capacity: amounts(info.memory),
            allocatable: amounts(info.memory - info.memory_reserved),
            conditions,
            addresses: vec![
                address("InternalIP", self.config.ip.to_string()),
                address("Hostname", self.config.node.to_string()),
            ],
            node_info: self.system_info(),
            images: self.node_images(),
            rest: [("daemonEndpoints".to_owned(), json!({"kubeletEndpoint": {"Port": 10250}}))].into(),
        }
    }

    /// The largest images on the disk, at most fifty (`nodeStatusMaxImages`).
    fn node_images(&self) -> Vec<NodeImage> {
        let mut images: Vec<_> = self.images.values().collect();
        images.sort_by_key(|i| (std::cmp::Reverse(i.size), i.name.clone()));
        let image = |i: &&ImageRef| NodeImage {
            names: vec![i.id.to_string(), i.name.to_string()],
            size_bytes: i64::try_from(i.size).unwrap_or(i64::MAX),
            ..NodeImage::default()
        };
        images.iter().take(50).map(image).collect()
    }

    fn system_info(&self) -> NodeSystemInfo {
        let info = &self.config.info;
        let hex = |n: u8| digest_of(&(&*self.config.node, n)).to_string();
        let (a, b) = (hex(1), hex(2));
        let boot = digest_of(&(&*self.config.node, 3, info.boots)).to_string();
        let uuid = |a: &str, b: &str| {
            format!("{}-{}-4{}-a{}-{}{}", &a[..8], &a[8..12], &a[13..16], &b[1..4], &b[4..12], &b[12..16])
        };
        NodeSystemInfo {
            machine_id: format!("{a}{b}"),
            system_uuid: uuid(&a, &b),
            boot_id: uuid(&boot, &hex(4)),
            kernel_version: info.kernel_version.to_string(),
            os_image: info.os_image.to_string(),
            container_runtime_version: info.runtime_version.to_string(),
            kubelet_version: info.kubelet_version.to_string(),
            operating_system: "linux".into(),
            architecture: "amd64".into(),
            ..NodeSystemInfo::default()
        }
    }

    fn renew(&mut self, now: Time, out: &mut Out<Effect>) {
        self.node.lease_at = Some(now + LEASE);
        let renewed =
            MicroTime((self.config.epoch + self.skew) * 1_000_000 + i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX));
        let name = self.config.node.to_string();
        let request = match self.node.lease_version.clone() {
            Some(mut lease) => {
                lease.spec.renew_time = Some(renewed);
                Request::update(lease)
            }
            None => Request::create(Lease {
                metadata: ObjectMeta {
                    name: name.clone(),
                    namespace: "kube-node-lease".into(),
                    owner_references: self.node.uid.iter().map(|uid| owned_by(&name, uid)).collect(),
                    ..ObjectMeta::default()
                },
                spec: LeaseSpec {
                    holder_identity: Some(name),
                    lease_duration_seconds: Some(LEASE_DURATION),
                    renew_time: Some(renewed),
                    ..LeaseSpec::default()
                },
                ..Lease::default()
            }),
        };
        let about = self.node_ref();
        self.call(Purpose::Lease, request, Some(about), out);
    }

    pub(super) fn lease_written(&mut self, response: &Response, now: Time, out: &mut Out<Effect>) {
        match response {
            Response::Object(object) => {
                if let Some(lease) = object.get::<Lease>() {
                    self.node.lease_version = Some(lease.as_ref().clone());
                }
            }
            Response::Failure(status) if matches!(status.reason.as_str(), "AlreadyExists" | "Conflict") => {
                let request = Request::get(Kind::Lease, "kube-node-lease", &self.config.node);
                let about = self.node_ref();
                self.call(Purpose::Lease, request, Some(about), out);
            }
            Response::Failure(status) if status.reason == "NotFound" => {
                // The namespace or the lease is not there (any more): make it at the next turn.
                self.node.lease_version = None;
                self.node.lease_at = Some(now + Span::secs(1));
            }
            _ => self.node.lease_at = Some(now + Span::secs(1)),
        }
    }
}

/// What the node says while no network plugin is configured.
pub const NETWORK_NOT_READY: &str = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";

/// Whether two statuses differ only by their heartbeats.
fn same(old: &NodeStatus, new: &NodeStatus) -> bool {
    let still = |status: &NodeStatus| {
        let mut status = status.clone();
        status.conditions.iter_mut().for_each(|c| c.last_heartbeat_time = None);
        status
    };
    still(old) == still(new)
}

/// The node's own reference in its lease.
fn owned_by(node: &str, uid: &Uid) -> OwnerReference {
    let (api_version, kind) = ("v1".into(), "Node".into());
    OwnerReference { api_version, kind, name: node.to_owned(), uid: uid.clone(), ..OwnerReference::default() }
}
