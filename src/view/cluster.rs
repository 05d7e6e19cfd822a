//! The cluster as a picture: components, nodes, pods with their containers, services, workloads.
//!
//! Lists are flat and ordered by [`Keyed::key`](crate::view::Keyed::key), so that a change is a small delta. A pod names its
//! node; which box it is drawn in follows from that.

use serde::{Deserialize, Serialize};

use crate::sim::Time;
use crate::view::{Happening, ObjectRef, Place, Tone};

/// The whole picture at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// Processes of the control plane and of every node.
    pub components: Vec<ComponentView>,
    /// Nodes by name.
    pub nodes: Vec<NodeView>,
    /// Pods by namespace and name, bound or not.
    pub pods: Vec<PodView>,
    /// Services by namespace and name.
    pub services: Vec<ServiceView>,
    /// Deployments, ReplicaSets and the like by kind, namespace and name.
    pub workloads: Vec<WorkloadView>,
    /// Claims by namespace and name.
    pub claims: Vec<ClaimView>,
}

/// Whether a process or node does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Health {
    /// It runs.
    Up,
    /// It starts.
    Starting,
    /// It was stopped or crashed.
    Down,
    /// It runs, but what it says does not arrive (partition, missed heartbeats).
    Unreachable,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentView {
    /// Which process where; a `Place::Component`.
    pub place: Place,
    /// Ports that it listens on: 6443 of the API server.
    pub ports: Vec<u16>,
    /// Its health.
    pub health: Health,
    /// Whether it is the active one of several (leader of etcd, holder of the lease); `true` if there is only one.
    pub active: bool,
    /// What it did last, and when.
    pub doing: Option<(Time, Happening)>,
    /// Requests, keys or messages that wait in its queue.
    pub queued: u32,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// The address of its eth0; empty before it is known.
    pub address: String,
    /// The subnet of its pods, `10.244.1.0/24`; empty before it has one.
    pub pod_cidr: String,
    /// Whether it is a control-plane node.
    pub control_plane: bool,
    /// Its health as it is (not as the API server believes it to be).
    pub health: Health,
    /// The STATUS column of `kubectl get nodes`: `Ready`, `NotReady,SchedulingDisabled`.
    pub status: String,
    /// Taints as kubectl writes them: `key=value:NoSchedule`.
    pub taints: Vec<String>,
    /// Processors, in thousandths.
    pub cpu: Usage,
    /// Memory, in mebibytes.
    pub memory: Usage,
    /// Pods.
    pub pods: Usage,
}

/// What is requested of what can be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Requested by the pods that are bound here.
    pub requested: u64,
    /// Allocatable.
    pub allocatable: u64,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodView {
    /// The object.
    pub object: ObjectRef,
    /// Its node, once bound.
    pub node: Option<String>,
    /// The STATUS column of `kubectl get pods`.
    pub status: String,
    /// The same in one glance.
    pub tone: Tone,
    /// Containers that are ready.
    pub ready: u16,
    /// Containers that should be.
    pub of: u16,
    /// Restarts of its containers together.
    pub restarts: u32,
    /// Its address; empty before it has one.
    pub ip: String,
    /// The object that controls it.
    pub owner: Option<ObjectRef>,
    /// Which generation of its workload it is of.
    pub generation: Option<GenerationOf>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// When it was created.
    pub created: Time,
    /// Its containers: the pause container first, then in the order of the spec.
    pub containers: Vec<ContainerView>,
}

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContainerRole {
    /// The hidden root container that holds the network namespace.
    Pause,
    /// Runs before the others.
    Init,
    /// Listed in `spec.containers`, or added to the running pod.
    App,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerView {
    /// Its name; `pause` for the root container.
    pub name: String,
    /// What it is for.
    pub role: ContainerRole,
    /// Its image.
    pub image: String,
    /// `Running`, or the reason why it waits or ended: `ContainerCreating`, `CrashLoopBackOff`, `Completed`.
    pub state: String,
    /// The same in one glance.
    pub tone: Tone,
    /// Restarts.
    pub restarts: u32,
    /// Ports that it declares.
    pub ports: Vec<u16>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// The object.
    pub object: ObjectRef,
    /// `ClusterIP`, `NodePort`, …
    pub service_type: String,
    /// The virtual address; `None` for a headless one.
    pub cluster_ip: String,
    /// The PORT(S) column of `kubectl get services`.
    pub ports: String,
    /// Pods behind it that are ready, as `namespace/name`.
    pub backends: Vec<String>,
    /// Endpoints that are not ready.
    pub not_ready: u16,
}

/// A thing that keeps pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadView {
    /// The object.
    pub object: ObjectRef,
    /// The object that controls it (the Deployment of a ReplicaSet).
    pub owner: Option<ObjectRef>,
    /// How many it should keep.
    pub desired: u32,
    /// How many there are.
    pub current: u32,
    /// How many are ready.
    pub ready: u32,
    /// How many are of the newest template.
    pub updated: u32,
    /// The images of its template.
    pub images: Vec<String>,
    /// Its generations that have pods or shall have some, and the newest; oldest first.
    pub generations: Vec<GenerationView>,
}

/// A generation of a workload: the pods of one template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationView {
    /// The ReplicaSet or ControllerRevision.
    pub object: ObjectRef,
    /// Its number.
    pub revision: u64,
    /// Whether it is of the template as it is.
    pub newest: bool,
    /// How many pods it should have, if that is said.
    pub desired: Option<u32>,
    /// How many there are.
    pub current: u32,
    /// How many of them are ready.
    pub ready: u32,
    /// The images of its template.
    pub images: Vec<String>,
}

/// Which generation a pod is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationOf {
    /// Its number.
    pub revision: u64,
    /// Whether it is of the template as it is.
    pub newest: bool,
}

/// A wish for storage, as pods share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimView {
    /// The object.
    pub object: ObjectRef,
    /// `Bound`.
    pub status: String,
    /// `Bound, 1Gi, ReadWriteOnce`.
    pub facts: String,
    /// The names of the pods that use it, in its namespace.
    pub pods: Vec<String>,
}
