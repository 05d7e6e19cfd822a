//! A request on its way through the server.
//!
//! ```text
//! create    [Namespace ->] Commit -> answered          name taken by chance: Commit again
//! change    [Load ->] Commit -> answered               changed meanwhile: Commit again, on what is there now
//! delete    [Load ->] Commit [-> Commit] -> answered
//! get       Load -> answered
//! list      Revision -> Cache -> answered
//! watch     Watching until cancelled or closed
//! eviction  Charge -> [Load ->] Commit -> answered     as create and change, after the charge to a budget
//! log, exec Kubelet until the end of the stream
//! ```

use std::sync::Arc;

use serde_json::Value;

use crate::api::{CallId, Object, Request, Response, Status, Uid};
use crate::control::apiserver::http::Presentation;
use crate::etcd::Revision;
use crate::sim::Time;

/// A client's connection; given by whoever composes the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u32);

/// The server's own number of a call; also the number of its requests to etcd and to kubelets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallNo(pub u64);

/// By which door a call came in, and so how it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// Typed.
    Typed,
    /// HTTP, answered in this form.
    Http(Presentation),
    /// One of the deletions that a deletion of a collection is made of.
    Part(CallNo),
    /// The server's own.
    Internal,
    /// Its client gave it up.
    Nobody,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Who makes it.
    pub client: ClientId,
    /// The client's number for it.
    pub id: CallId,
    /// The client's name, as in `User-Agent`.
    pub agent: Arc<str>,
    /// How it is answered.
    pub door: Door,
    /// What is asked.
    pub request: Arc<Request>,
    /// How far it is.
    pub state: State,
    /// When it came.
    pub began: Time,
    /// How often it was tried again.
    pub attempts: u32,
    /// How many charges that it must make first are made.
    pub charges: u32,
}

impl Call {
    /// Whether its next step needs an answer of etcd.
    pub fn waits_for_etcd(&self) -> bool {
        matches!(self.state, State::Namespace | State::Load | State::Commit(_) | State::Lease(_) | State::Revision)
    }

    /// The key of its object.
    pub fn key(&self) -> String {
        self.request.kind.etcd_key(&self.request.namespace, &self.request.name)
    }
}

/// How far a call is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Just in.
    New,
    /// The namespace is not in the cache: etcd is asked whether it exists.
    Namespace,
    /// The object is being read from etcd.
    Load,
    /// A lease for events is being granted.
    Lease(Step),
    /// A transaction is under way.
    Commit(Step),
    /// Etcd is asked for its revision.
    Revision,
    /// The cache has not heard of this revision yet.
    Cache(Revision),
    /// Events follow.
    Watching,
    /// A kubelet is asked.
    Kubelet {
        /// Whether the stream has begun to be answered.
        begun: bool,
    },
    /// What it costs is being charged.
    Charge,
    /// A collection is being deleted.
    Parts {
        /// How many deletions are not answered yet.
        left: u64,
        /// What was deleted.
        items: Vec<Object>,
    },
}

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Writes the object where none is.
    Create(Object),
    /// Writes the object in place of what was there.
    Replace {
        /// The object.
        object: Object,
        /// Whether it is deleted right after.
        then_delete: bool,
    },
    /// Deletes the object.
    Delete(Object),
}

/// An answer, before it takes the form that the door wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// An object.
    Object(Object),
    /// A new object.
    Created(Object),
    /// A list.
    List {
        /// The objects.
        items: Vec<Object>,
        /// Its resource version.
        revision: Revision,
        /// Where the next page begins, if the list was cut: the last key of this page.
        next: Option<Arc<str>>,
        /// How many objects are left after this page.
        remaining: Option<u64>,
    },
    /// The object is gone.
    Gone(Object),
    /// A sub-resource that is no kind (`Scale`), and the object that it belongs to.
    Value(Arc<Value>, Object),
    /// Done; nothing to show.
    Success {
        /// The object that it was about.
        uid: Option<Uid>,
    },
    /// The watch has begun.
    Watching,
    /// A failure.
    Failure(Arc<Status>),
}

impl From<Status> for Reply {
    fn from(status: Status) -> Reply {
        Reply::Failure(Arc::new(status))
    }
}

impl Reply {
    /// The typed form.
    pub fn into_response(self) -> Response {
        match self {
            Reply::Object(object) | Reply::Created(object) | Reply::Value(_, object) => Response::Object(object),
            Reply::List { items, revision, .. } => Response::List(items, crate::api::ResourceVersion(revision.0)),
            Reply::Gone(_) | Reply::Success { .. } => Response::Success,
            Reply::Watching => Response::Watching,
            Reply::Failure(status) => Response::Failure(status),
        }
    }
}
