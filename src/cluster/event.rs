//! Who takes part, and what the trace says of what happens between them.

use std::fmt;
use std::sync::Arc;

use crate::api::http::Method;
use crate::api::{ObjectRef, Subresource, Verb, WatchEventType};
use crate::sim::Time;

/// The number of a node in the order in which nodes joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIx(pub u32);

/// The number of a master, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterIx(pub u32);

/// The number of a machine outside the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineIx(pub u32);

/// The number of a client outside the cluster: a running `kubectl` or `etcdctl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutsideId(pub u32);

/// Whoever sends and receives messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A client outside the cluster.
    Outside(OutsideId),
    /// The kube-apiserver of a master.
    ApiServer(MasterIx),
    /// The load balancer in front of the API servers of several masters.
    LoadBalancer,
    /// The etcd member of a master.
    Etcd(MasterIx),
    /// The kube-scheduler of a master.
    Scheduler(MasterIx),
    /// The kube-controller-manager of a master.
    ControllerManager(MasterIx),
    /// kubelet.
    Kubelet(NodeIx),
    /// The container runtime.
    Runtime(NodeIx),
    /// kube-proxy.
    KubeProxy(NodeIx),
    /// flanneld.
    Flanneld(NodeIx),
    /// CoreDNS as a client of the API server.
    Dns,
    /// metrics-server, on the node of its pod.
    MetricsServer(NodeIx),
    /// The network: all devices of all nodes.
    Network,
    /// Whoever breaks things at random.
    Chaos,
    /// The load balancer of a cloud, as a client of the API server.
    Cloud,
    /// An Ingress controller, as a client of the API server.
    Ingress,
    /// What runs on a machine outside the cluster.
    Machine(MachineIx),
}

/// One entry of the trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Happened {
    /// The cluster was switched on.
    Booted,
    /// The learner ran a line in the terminal, or applied the editor's text.
    Command(Arc<str>),
    /// A fault was injected: the words after `!fault`.
    Fault(Arc<str>),
    /// A message was sent.
    Sent {
        /// By whom.
        from: Actor,
        /// To whom.
        to: Actor,
        /// When it arrives.
        arrives_at: Time,
        /// Whether a fault takes it.
        lost: bool,
        /// What it says.
        what: Said,
    },
    /// A controller looked at an object and decided to make calls. `spec` is the entry that wrote what the object wants.
    Reconciled {
        /// The process in which the controller runs.
        who: Actor,
        /// The controller.
        controller: &'static str,
        /// The object.
        object: ObjectRef,
        /// The entry that last wrote the object's desired state, if it is known.
        spec: Option<crate::sim::EventId>,
    },
    /// An actor acted because a time had come.
    Woke {
        /// Who.
        who: Actor,
        /// Why.
        why: WokeFor,
    },
    /// Something on a node that is no message.
    Node {
        /// Who did it.
        who: Actor,
        /// What.
        what: Local,
    },
}

/// What a message says, in brief.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    /// A request of a component to the API server.
    Call {
        /// What is asked for.
        verb: Verb,
        /// The object, its name empty for lists and generated names.
        object: ObjectRef,
        /// The sub-resource.
        subresource: Option<Subresource>,
    },
    /// A request of a client outside the cluster.
    Http {
        /// The method.
        method: Method,
        /// The path with its query.
        path: Arc<str>,
        /// Bytes of the body.
        size: u32,
    },
    /// The API server's answer.
    Response {
        /// The status code.
        code: u16,
        /// The object, if it is one.
        object: Option<ObjectRef>,
        /// Whether the object's desired state was written.
        wrote: bool,
    },
    /// Watch events: how many, and the first of them. None is a bookmark.
    Watch {
        /// The first.
        first: Option<(WatchEventType, ObjectRef)>,
        /// How many.
        count: u32,
    },
    /// A read of etcd.
    EtcdRead(Arc<str>),
    /// A write to etcd.
    EtcdWrite(Arc<str>),
    /// A deletion in etcd.
    EtcdDelete(Arc<str>),
    /// etcd's answer at a revision.
    EtcdReply {
        /// Whether something was written, at that revision.
        wrote: bool,
        /// The revision.
        revision: u64,
    },
    /// Changes that an etcd watch reports: the first key, how many, the revision.
    EtcdEvents {
        /// The first key.
        key: Arc<str>,
        /// How many.
        count: u32,
        /// The revision.
        revision: u64,
    },
    /// One etcd member to another: Raft's name of it, the sender's term.
    Raft {
        /// The kind, as upstream calls it.
        kind: &'static str,
        /// The term, if it is of one.
        term: Option<u64>,
    },
    /// A call on one machine: kubelet and runtime, API server and kubelet.
    Local(Arc<str>),
}

/// Why an actor woke up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WokeFor {
    /// A retry after an error.
    Retry,
    /// A probe.
    Probe,
    /// A heartbeat or the renewal of a lease.
    Heartbeat,
    /// A back-off ends.
    BackOff,
    /// A grace period ends.
    Grace,
    /// A full look at everything.
    Resync,
    /// A time-out.
    Timeout,
    /// A program's own timer.
    Sleep,
    /// Work that was put off.
    Work,
}

/// What happens on a node without a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Local {
    /// flanneld took a subnet or learned of another's.
    Subnet {
        /// The subnet.
        subnet: Arc<str>,
        /// The node's address.
        via: Arc<str>,
    },
    /// kube-proxy wrote its rules.
    ProxyRules,
    /// A pod's network was set up.
    SandboxCreated {
        /// The pod.
        pod: ObjectRef,
        /// Its address.
        ip: Arc<str>,
    },
    /// A program was started in a container.
    Started {
        /// The pod.
        pod: ObjectRef,
        /// The container.
        container: Arc<str>,
    },
    /// A program ended.
    Exited {
        /// The pod.
        pod: ObjectRef,
        /// The container.
        container: Arc<str>,
        /// Its exit code.
        code: i32,
    },
}

impl fmt::Display for NodeIx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
