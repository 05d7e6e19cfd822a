//! What the scheduler knows of nodes: each with its pods and the sums over them, kept up to date change by change.
//!
//! Models `pkg/scheduler/framework/types.go` (`NodeInfo`), `backend/cache/cache.go`, `snapshot.go` and `node_tree.go`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sim::VecMap;

use crate::api::labels::Selector;
use crate::api::meta::Labels;
use crate::api::{Node, ObjectRef, Pod, Protocol};
use crate::control::scheduler::near::{self, Near, Places, Wish};
use crate::control::scheduler::resources::{self, Amounts};
use crate::control::scheduler::tally::{Tallies, Tally};
use crate::control::scheduler::terms::{Affinity, Constraint, Term};

/// A port on a node: protocol, number, address (empty for any).
pub type HostPort = (Protocol, i32, String);

/// A pod with what the plugins need of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodInfo {
    /// The pod.
    pub pod: Arc<Pod>,
    /// What it asks for.
    pub requests: Amounts,
    /// What it counts for in scores.
    pub non_zero: Amounts,
    /// The host ports that it takes.
    pub ports: Vec<HostPort>,
    /// What it wants of other pods; `None` for nothing.
    pub affinity: Option<Arc<Affinity>>,
    /// How its kind is to be spread.
    pub constraints: Vec<Constraint>,
}

/// A node with its pods.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeInfo {
    /// Its name.
    pub(super) name: Arc<str>,
    /// The node.
    pub node: Arc<Node>,
    /// What pods may have of it.
    pub allocatable: Amounts,
    /// Its pods, those on their way included.
    pub pods: VecMap<ObjectRef, Arc<PodInfo>>,
    /// The sum of what they ask for.
    pub requested: Amounts,
    /// The sum of what they count for.
    pub non_zero: Amounts,
    /// The host ports that they take, and how many of them take each.
    pub ports: VecMap<HostPort, u32>,
    /// The images on its disk, with their sizes.
    pub images: VecMap<String, i64>,
}

/// All nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    nodes: VecMap<Arc<str>, Arc<NodeInfo>>,
    /// Where each pod is, or is thought to be.
    placed: BTreeMap<ObjectRef, Arc<str>>,
    /// Pods on nodes that are not known (yet).
    homeless: VecMap<ObjectRef, Arc<PodInfo>>,
    /// How many nodes have an image.
    images: VecMap<String, u32>,
    /// The order in which nodes are looked at: zone by zone in turn, by their place in `nodes`.
    order: Vec<u32>,
    /// Whether nodes came, went or moved since the order was made.
    unordered: bool,
    near: Near,
    /// Whether nodes moved to other places since `near` was counted.
    moved: bool,
    /// The labels of namespaces.
    namespaces: VecMap<Arc<str>, Labels>,
    /// Where room is being made for a pod.
    nominations: VecMap<ObjectRef, Arc<str>>,
    /// Pods for which room is being made, by node.
    nominated: VecMap<Arc<str>, VecMap<ObjectRef, Arc<PodInfo>>>,
    tallies: Tallies,
}

impl PodInfo {
    /// Works out what the plugins need.
    pub fn new(pod: Arc<Pod>) -> PodInfo {
        let (requests, non_zero) = (resources::requests(&pod), resources::non_zero(&pod));
        let sidecars = pod.spec.init_containers.iter().filter(|c| c.restart_policy.is_some());
        let ports = pod.spec.containers.iter().chain(sidecars).flat_map(|c| &c.ports).filter(|p| p.host_port > 0);
        let ports = ports
            .map(|p| {
                let any = p.host_ip.is_empty() || p.host_ip == "0.0.0.0";
                (p.protocol.clone(), p.host_port, if any { String::new() } else { p.host_ip.clone() })
            })
            .collect();
        let affinity = Affinity::of(&pod).map(Arc::new);
        let constraints = Constraint::all_of(&pod);
        PodInfo { pod, requests, non_zero, ports, affinity, constraints }
    }

    /// A reference to the pod.
    pub fn key(&self) -> ObjectRef {
        let meta = &self.pod.metadata;
        ObjectRef {
            kind: crate::api::Kind::Pod,
            namespace: meta.namespace.as_str().into(),
            name: meta.name.as_str().into(),
        }
    }
}

impl NodeInfo {
    /// A node without pods.
    pub fn new(node: Arc<Node>) -> NodeInfo {
        let mut info = NodeInfo {
            name: node.metadata.name.as_str().into(),
            allocatable: Amounts::default(),
            pods: VecMap::new(),
            requested: Amounts::default(),
            non_zero: Amounts::default(),
            ports: VecMap::new(),
            images: VecMap::new(),
            node: Arc::clone(&node),
        };
        info.set_node(node);
        info
    }

    fn set_node(&mut self, node: Arc<Node>) {
        self.allocatable = Amounts::of(&node.status.allocatable);
        let images = node.status.images.iter();
        self.images =
            images.flat_map(|i| i.names.iter().map(|name| (normalised(name).into_owned(), i.size_bytes))).collect();
        self.node = node;
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a pod.
    pub fn add(&mut self, pod: Arc<PodInfo>) {
        self.count(&pod, 1);
        for port in &pod.ports {
            *self.ports.entry(port.clone()).or_default() += 1;
        }
        self.pods.insert(pod.key(), pod);
    }

    /// Takes a pod off.
    pub fn remove(&mut self, key: &ObjectRef) -> Option<Arc<PodInfo>> {
        let pod = self.pods.remove(key)?;
        self.count(&pod, -1);
        for port in &pod.ports {
            if let Some(count) = self.ports.get_mut(port) {
                *count -= 1;
            }
        }
        self.ports.retain(|_, count| *count > 0);
        Some(pod)
    }

    fn count(&mut self, pod: &PodInfo, times: i64) {
        self.requested.add(&pod.requests, times);
        self.non_zero.add(&pod.non_zero, times);
        self.requested.pods += times;
    }
}

/// A name of an image with its tag: `:latest` if it has none (`normalizedImageName`).
pub fn normalised(name: &str) -> Cow<'_, str> {
    let tagged = name.rfind(':').is_some_and(|colon| name.rfind('/').is_none_or(|slash| colon > slash));
    if tagged { Cow::Borrowed(name) } else { Cow::Owned(format!("{name}:latest")) }
}

impl Snapshot {
    /// The nodes in the order in which they are looked at, as of the last [`Snapshot::refresh`].
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<NodeInfo>> {
        (0..self.order.len()).filter_map(|index| self.at(index))
    }

    /// The node at a place of that order.
    pub fn at(&self, index: usize) -> Option<&Arc<NodeInfo>> {
        let (_, node) = self.nodes.nth(usize::try_from(*self.order.get(index)?).ok()?)?;
        Some(node)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node by name.
    pub fn get(&self, name: &str) -> Option<&Arc<NodeInfo>> {
        self.nodes.get(name)
    }

    /// What the pods that are there want of other pods, and where they are.
    pub fn wishing(&self) -> impl Iterator<Item = (Wish, &Term, &Places)> {
        self.near.wishing()
    }

    /// Where the pods are that all of the terms mean, told apart by a label of nodes.
    pub fn meant(&self, terms: &[Term], key: &str) -> Cow<'_, Places> {
        self.near.meant(terms, key, || self.count_meant(terms, key))
    }

    /// Sees to it that [`Snapshot::meant`] need not count these from now on.
    pub fn ensure_meant(&mut self, terms: &[Term], key: &str) {
        let mut near = std::mem::take(&mut self.near);
        near.ensure(terms, key, || self.count_meant(terms, key));
        self.near = near;
    }

    pub(super) fn count_meant(&self, terms: &[Term], key: &str) -> Places {
        let mut places = Places::default();
        for node in self.nodes.values() {
            let Some(value) = node.node.metadata.labels.get(key) else { continue };
            let meant = |pod: &&Arc<PodInfo>| {
                let namespace = self.namespace(&pod.pod.metadata.namespace);
                near::all_match(terms, pod, namespace)
            };
            let count = node.pods.values().filter(meant).count();
            if count > 0 {
                near::add(&mut places, value, i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        places
    }

    /// The labels of a namespace.
    pub fn namespace(&self, name: &str) -> Option<&Labels> {
        self.namespaces.get(name)
    }

    /// A namespace is new, changed or (`None`) gone.
    pub fn set_namespace(&mut self, name: &str, labels: Option<&Labels>) {
        match labels {
            Some(labels) => self.namespaces.insert(name.into(), labels.clone()),
            None => self.namespaces.remove(name),
        };
        self.near.forget_meant();
    }

    /// Room is being made for a pod on a node, or (`None`) no longer.
    pub fn nominate(&mut self, pod: &Arc<PodInfo>, node: Option<&str>) {
        let key = pod.key();
        if let Some(before) = self.nominations.remove(&key)
            && let Some(pods) = self.nominated.get_mut(&before)
        {
            pods.remove(&key);
            if pods.is_empty() {
                self.nominated.remove(&before);
            }
        }
        if let Some(node) = node {
            let node: Arc<str> = node.into();
            self.nominations.insert(key.clone(), Arc::clone(&node));
            self.nominated.entry(node).or_default().insert(key, Arc::clone(pod));
        }
    }

    /// Where room is being made for a pod.
    pub fn nomination(&self, pod: &ObjectRef) -> Option<&Arc<str>> {
        self.nominations.get(pod)
    }

    /// The pods for which room is being made on a node.
    pub fn nominated(&self, node: &str) -> impl Iterator<Item = &Arc<PodInfo>> {
        self.nominated.get(node).into_iter().flat_map(|pods| pods.values())
    }

    /// The tally of a selector, if there is one.
    pub fn tally(&self, namespace: &str, selector: &Selector) -> Option<&Tally> {
        self.tallies.get(namespace, selector)
    }

    /// Makes the tally of a selector if it is not there.
    pub fn ensure_tally(&mut self, namespace: &str, selector: &Selector, keys: &[&str]) {
        let nodes = self.nodes.values().map(|info| (info.node.as_ref(), info.pods.values().map(|p| &p.pod).collect()));
        self.tallies.ensure(namespace, selector, keys, nodes);
    }

    /// How many nodes have an image.
    pub fn nodes_with_image(&self, image: &str) -> u32 {
        self.images.get(image).copied().unwrap_or(0)
    }

    /// A node is new or changed.
    pub fn set_node(&mut self, node: &Arc<Node>) {
        let name: Arc<str> = node.metadata.name.as_str().into();
        let before = self.nodes.get(&name).map(|info| (Arc::clone(&info.node), info.images.clone()));
        let same_images = before.as_ref().is_some_and(|(old, _)| old.status.images == node.status.images);
        let same_zone = before.as_ref().is_some_and(|(old, _)| zone(old) == zone(node));
        match self.nodes.get_mut(&name) {
            Some(info) => Arc::make_mut(info).set_node(Arc::clone(node)),
            None => {
                self.nodes.insert(name.clone(), Arc::new(NodeInfo::new(Arc::clone(node))));
                self.settle(&name);
            }
        }
        if !same_images {
            self.count_images(before.iter().flat_map(|(_, images)| images.keys()).cloned().collect(), false);
            let now = self.nodes.get(&name).map(|info| info.images.keys().cloned().collect());
            self.count_images(now.unwrap_or_default(), true);
        }
        if !same_zone {
            self.unordered = true;
        }
        if before.is_none_or(|(old, _)| old.metadata.labels != node.metadata.labels) {
            self.tallies.clear();
            self.moved = true;
        }
    }

    /// A node is gone. Its pods are remembered until they are gone too.
    pub fn remove_node(&mut self, name: &str) {
        let Some(info) = self.nodes.remove(name) else { return };
        self.count_images(info.images.keys().cloned().collect(), false);
        self.tallies.clear();
        self.moved = true;
        self.homeless.extend(info.pods.iter().map(|(key, pod)| (key.clone(), Arc::clone(pod))));
        self.unordered = true;
    }

    /// A pod is, or is going to be, on a node.
    pub fn place(&mut self, pod: Arc<PodInfo>, node: &str) {
        let key = pod.key();
        self.displace(&key);
        self.placed.insert(key.clone(), node.into());
        match self.nodes.get_mut(node) {
            Some(info) => {
                let namespace = self.namespaces.get(pod.pod.metadata.namespace.as_str());
                self.near.count(&pod, &info.node, namespace, 1);
                self.tallies.count(&pod.pod, &info.node, 1);
                Arc::make_mut(info).add(pod);
            }
            None => {
                self.homeless.insert(key, pod);
            }
        }
    }

    /// A pod is nowhere any more. Whether it was anywhere.
    pub fn displace(&mut self, key: &ObjectRef) -> bool {
        let Some(node) = self.placed.remove(key) else { return false };
        if self.homeless.remove(key).is_none()
            && let Some(info) = self.nodes.get_mut(&node)
            && let Some(pod) = Arc::make_mut(info).remove(key)
        {
            let namespace = self.namespaces.get(pod.pod.metadata.namespace.as_str());
            self.near.count(&pod, &info.node, namespace, -1);
            self.tallies.count(&pod.pod, &info.node, -1);
        }
        true
    }

    /// Pods that waited for a node to be known move onto it.
    fn settle(&mut self, name: &Arc<str>) {
        let here = |(key, _): &(&ObjectRef, &Arc<PodInfo>)| self.placed.get(*key) == Some(name);
        let keys: Vec<ObjectRef> = self.homeless.iter().filter(here).map(|(key, _)| key.clone()).collect();
        for key in keys {
            let Some(pod) = self.homeless.remove(&key) else { continue };
            if let Some(info) = self.nodes.get_mut(name) {
                self.tallies.clear();
                let namespace = self.namespaces.get(pod.pod.metadata.namespace.as_str());
                self.near.count(&pod, &info.node, namespace, 1);
                Arc::make_mut(info).add(pod);
            }
        }
    }

    fn count_images(&mut self, names: Vec<String>, more: bool) {
        for name in names {
            let count = self.images.entry(name).or_default();
            *count = if more { *count + 1 } else { count.saturating_sub(1) };
        }
        self.images.retain(|_, count| *count > 0);
    }

    /// Puts the nodes in order, if any came or went: one of each zone in turn; and counts anew who is near whom, if any
    /// moved. To be called before a cycle.
    pub fn refresh(&mut self) {
        if std::mem::take(&mut self.moved) {
            self.near = Near::default(); // what is meant is counted when it is asked for
            for node in self.nodes.values() {
                node.pods.values().for_each(|pod| self.near.count(pod, &node.node, None, 1));
            }
        }
        if !std::mem::take(&mut self.unordered) {
            return;
        }
        let mut zones: VecMap<(String, String), std::collections::VecDeque<u32>> = VecMap::new();
        for (place, info) in (0..).zip(self.nodes.values()) {
            zones.entry(zone(&info.node)).or_default().push_back(place);
        }
        self.order.clear();
        while self.order.len() < self.nodes.len() {
            self.order.extend(zones.values_mut().filter_map(|nodes| nodes.pop_front()));
        }
    }
}

/// Region and zone of a node; empty without.
fn zone(node: &Node) -> (String, String) {
    let label = |key: &str| node.metadata.labels.get(key).cloned().unwrap_or_default();
    (label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"))
}
