//! What passes between the API server and its clients inside the cluster, and between the API server and kubelets.

use std::sync::Arc;

use crate::api::{ObjectRef, Request, ResourceVersion, Response, Status, WatchEvent};

/// The number of a call, given by the client that makes it; unique per client. A watch keeps the number of its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// On whose behalf a controller makes a call: shown in the trace, the link of a chain of causes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// `replicaset-controller`, `kubelet`, `default-scheduler`.
    pub controller: &'static str,
    /// The object that is being reconciled.
    pub key: ObjectRef,
}

/// A client makes a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Its number.
    pub id: CallId,
    /// The request.
    pub request: Request,
    /// Why.
    pub origin: Option<Origin>,
}

/// What comes back to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The answer to a call. A failed connection is a failure with code 0 and reason `Unreachable`.
    Response {
        /// The call.
        id: CallId,
        /// The answer.
        response: Response,
    },
    /// Changes, in order, all at or before `revision`. An empty list is a bookmark.
    Events {
        /// The call that began the watch.
        id: CallId,
        /// The changes; shared between the watchers of the same things.
        events: Arc<[WatchEvent]>,
        /// Everything up to here has been told.
        revision: ResourceVersion,
    },
    /// The watch is over (expired revision, lost connection): list again, then watch again.
    WatchClosed {
        /// The call that began the watch.
        id: CallId,
        /// Why.
        status: Arc<Status>,
    },
}

/// From when on lines of a log are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Since {
    /// So many seconds ago.
    Ago(u64),
    /// A time, as it was written.
    At(String),
}

/// What the API server asks of a kubelet (port 10250) for `kubectl logs` and `kubectl exec`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KubeletRequest {
    /// A container's output. Answered by `Chunk::Stdout` pieces and `Chunk::End`.
    Logs {
        /// `namespace/name` of the pod.
        pod: ObjectRef,
        /// The container.
        container: String,
        /// Go on with what comes.
        follow: bool,
        /// Of the instance before this one.
        previous: bool,
        /// Only the last so many lines.
        tail: Option<u64>,
        /// Each line begins with its time.
        timestamps: bool,
        /// Only lines that are not older.
        since: Option<Since>,
        /// At most so many bytes.
        limit: Option<u64>,
    },
    /// Runs a command in a container. Answered by `Chunk::Stdout`, `Stderr`, then `Exit` and `End`.
    Exec {
        /// `namespace/name` of the pod.
        pod: ObjectRef,
        /// The container.
        container: String,
        /// The command and its arguments.
        command: Vec<String>,
        /// Whether standard input comes ([`StreamInput`](crate::api::http::StreamInput)); without, it is at its end.
        stdin: bool,
        /// Whether at a terminal.
        tty: bool,
    },
    /// One connection to a port of a pod. Answered by `Began`, `Chunk::Stdout` for what comes back, `Stderr` for what went
    /// wrong, then `Exit` and `End`.
    PortForward {
        /// `namespace/name` of the pod.
        pod: ObjectRef,
        /// The port.
        port: u16,
    },
    /// Listens to a container's first process, and types to it. Answered by `Began`, `Chunk::Stdout` and `Stderr`, then `End`.
    Attach {
        /// `namespace/name` of the pod.
        pod: ObjectRef,
        /// The container.
        container: String,
        /// Whether standard input comes.
        stdin: bool,
        /// Whether at a terminal.
        tty: bool,
    },
}

/// What a kubelet answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KubeletAnswer {
    /// The stream has begun and takes input; nothing may come for a while.
    Began,
    /// A piece of the stream.
    Chunk(crate::api::http::Chunk),
    /// The request fails; nothing follows.
    Failure(Arc<Status>),
}
