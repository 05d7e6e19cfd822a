//! What happened, as the timeline, the cause chain and the components say it: an enum with arguments, worded by the page.
//!
//! Arguments are names and upstream's words, never sentences of ours.

use serde::{Deserialize, Serialize};

use crate::sim::Span;
use crate::view::{ObjectRef, Place};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Happening {
    /// The learner typed a line.
    Command(String),
    /// The learner applied what is in the editor; how many documents.
    Applied(u32),
    /// The cluster started.
    Booted,
    /// A fault was injected: its words, as after `!fault`.
    Fault(String),
    /// A request was sent: `POST /apis/apps/v1/namespaces/default/deployments`.
    Request {
        /// The method.
        method: String,
        /// The path with its query.
        path: String,
    },
    /// A request was answered.
    Response {
        /// The status code.
        code: u16,
        /// The method of the request.
        method: String,
        /// The path of the request.
        path: String,
    },
    /// An object was created.
    Created(ObjectRef),
    /// An object was changed.
    Updated(ObjectRef),
    /// An object was removed, or marked for removal.
    Deleted(ObjectRef),
    /// etcd tells a watch of a change.
    Told {
        /// The key; the first, if there are several.
        key: String,
        /// The revision.
        revision: u64,
    },
    /// A key was written to etcd.
    Put {
        /// The key.
        key: String,
        /// The revision that wrote it.
        revision: u64,
    },
    /// A key was deleted from etcd.
    Removed {
        /// The key.
        key: String,
        /// The revision that deleted it.
        revision: u64,
    },
    /// etcd answered a read.
    Read {
        /// The key or prefix.
        key: String,
    },
    /// A watch delivered a change: `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`.
    Watched {
        /// The word of the watch event.
        event: String,
        /// Which object.
        object: ObjectRef,
    },
    /// A controller looked at a key and did what was missing.
    Reconciled {
        /// The controller: `deployment`, `replicaset`.
        controller: String,
        /// Which object.
        object: ObjectRef,
    },
    /// The scheduler bound a pod.
    Bound {
        /// The pod.
        pod: ObjectRef,
        /// Its node.
        node: String,
    },
    /// The scheduler found no node; upstream's message.
    Unschedulable {
        /// The pod.
        pod: ObjectRef,
        /// `0/3 nodes are available: …`.
        message: String,
    },
    /// The kubelet made a pod's sandbox (the pause container and its network).
    SandboxCreated {
        /// The pod.
        pod: ObjectRef,
        /// Its address.
        ip: String,
    },
    /// An image pull began.
    Pulling(String),
    /// An image arrived.
    Pulled(String),
    /// A container started.
    Started {
        /// The pod.
        pod: ObjectRef,
        /// The container.
        container: String,
    },
    /// A container ended.
    Exited {
        /// The pod.
        pod: ObjectRef,
        /// The container.
        container: String,
        /// Its exit code.
        code: i32,
    },
    /// A probe was answered.
    Probed {
        /// The pod.
        pod: ObjectRef,
        /// The container.
        container: String,
        /// `Readiness`, `Liveness`, `Startup`.
        probe: String,
        /// Whether it succeeded.
        ok: bool,
    },
    /// A node reported that it is alive.
    Heartbeat(String),
    /// A lease was taken or renewed.
    LeaseRenewed {
        /// The lease.
        name: String,
        /// Who holds it.
        holder: String,
    },
    /// An event object was recorded: its reason and message, in upstream's words.
    Recorded {
        /// `Scheduled`, `Pulled`, `BackOff`.
        reason: String,
        /// The message.
        message: String,
    },
    /// kube-proxy wrote its rules for a service.
    ProxyRules(ObjectRef),
    /// flanneld learned a subnet.
    Subnet {
        /// `10.244.1.0/24`.
        subnet: String,
        /// The node's address.
        via: String,
    },
    /// A packet set out, in the words of a capture: `10.244.1.2 → 10.244.2.3 TCP 40312 → 80 [SYN]`.
    PacketSent(String),
    /// A packet arrived.
    PacketArrived(String),
    /// A packet was dropped.
    PacketDropped(String),
    /// A message was lost on its way.
    MessageLost {
        /// Where it came from.
        from: Place,
        /// Where it was going.
        to: Place,
    },
    /// A process started.
    ProcessUp(Place),
    /// A process stopped.
    ProcessDown(Place),
    /// A waiting time was over.
    Woke(WaitFor),
    /// Something that has no word of its own yet, in the words of the core.
    Other(String),
}

/// What somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WaitFor {
    /// A message to arrive.
    Arrival(Place),
    /// A retry after an error.
    Retry(Span),
    /// The next probe.
    Probe,
    /// The next heartbeat or lease renewal.
    Heartbeat,
    /// An image to be pulled.
    Pull(String),
    /// The back-off of a restarting container to end.
    BackOff,
    /// A grace period to end.
    Grace,
    /// A full look at everything.
    Resync,
    /// A time-out.
    Timeout,
    /// A program's own timer.
    Sleep,
    /// Something without a word of its own, in the words of the core.
    Other(String),
}
