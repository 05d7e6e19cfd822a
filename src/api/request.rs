//! API requests and answers, typed. Components inside the cluster use these; `kubectl` uses their HTTP form
//! ([`crate::api::http`]), which the API server turns into these. One handler serves both.

use std::sync::Arc;

use serde_json::Value;

use crate::api::patch::PodStatusPatch;
use crate::api::{Kind, Object, ResourceVersion, Status, Uid};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// One object.
    Get,
    /// All objects that a selector chooses.
    List,
    /// All changes from a resource version on.
    Watch,
    /// A new object.
    Create,
    /// Replace an object; conflicts if the given resource version is not the stored one.
    Update,
    /// Change an object in part.
    Patch(PatchType),
    /// Remove an object.
    Delete,
    /// Remove all objects that a selector chooses.
    DeleteCollection,
}

/// How a patch is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatchType {
    /// `application/json-patch+json`.
    Json,
    /// `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`.
    Strategic,
    /// `application/apply-patch+yaml`.
    Apply,
}

/// A part of an object with an endpoint of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subresource {
    /// `status`: only the status is written.
    Status,
    /// `scale`: the replicas of a workload.
    Scale,
    /// `binding`: the node of a pod.
    Binding,
    /// `eviction`: deletion that heeds disruption budgets.
    Eviction,
    /// `log`: a container's output.
    Log,
    /// `exec`: a command in a container.
    Exec,
    /// `attach`: a container's first process.
    Attach,
    /// `portforward`: a connection to a port of a pod.
    PortForward,
    /// `ephemeralcontainers`: the containers that a running pod gets to be looked at with.
    EphemeralContainers,
    /// `resize`: the resources of a running pod and its containers.
    Resize,
    /// `finalize`: the finalizers of a namespace.
    Finalize,
    /// The metrics of pods, in the API group `metrics.k8s.io`: no sub-resource of theirs, but theirs.
    Metrics,
}

impl Subresource {
    /// The word in its path.
    pub fn as_str(self) -> &'static str {
        match self {
            Subresource::Status => "status",
            Subresource::Scale => "scale",
            Subresource::Binding => "binding",
            Subresource::Eviction => "eviction",
            Subresource::Log => "log",
            Subresource::Exec => "exec",
            Subresource::Attach => "attach",
            Subresource::PortForward => "portforward",
            Subresource::EphemeralContainers => "ephemeralcontainers",
            Subresource::Resize => "resize",
            Subresource::Finalize => "finalize",
            Subresource::Metrics => "",
        }
    }
}

/// What a request carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// A whole object (create, update).
    Object(Object),
    /// A patch, or the body of a sub-resource that is no object of a kind (`Scale`, `Eviction`).
    Value(Arc<Value>),
    /// A kubelet's patch of a pod's status.
    PodStatus(PodStatusPatch),
    /// The node that a pod is bound to.
    Binding(Arc<str>),
    /// What the server itself charges to an object's status.
    Charge(Arc<Charge>),
}

/// What a request costs another object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Charge {
    /// A disruption, of the budget of a pod.
    Eviction {
        /// The pod.
        pod: Arc<str>,
    },
    /// What a new object uses, of a quota.
    Usage {
        /// The kind of the object.
        kind: Kind,
        /// Its name.
        name: Arc<str>,
        /// What it uses.
        usage: crate::api::ResourceList,
    },
}

/// What goes into the query or the delete options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// `labelSelector`.
    pub label_selector: String,
    /// `fieldSelector`: `spec.nodeName=worker1`.
    pub field_selector: String,
    /// `resourceVersion` of a list or watch.
    pub resource_version: Option<ResourceVersion>,
    /// `dryRun=All`: everything but the write.
    pub dry_run: bool,
    /// `fieldManager`.
    pub field_manager: Arc<str>,
    /// `force` of an apply: fields of other managers are taken from them.
    pub force: bool,
    /// `propagationPolicy` of a deletion: Background, Foreground, Orphan; empty for the kind's default.
    pub propagation_policy: Arc<str>,
    /// `gracePeriodSeconds` of a deletion.
    pub grace_period_seconds: Option<i64>,
    /// `preconditions.uid` of a deletion.
    pub precondition_uid: Option<Uid>,
    /// `preconditions.resourceVersion` of a deletion.
    pub precondition_version: Option<ResourceVersion>,
    /// `limit` of a list: at most so many objects.
    pub limit: Option<u64>,
    /// Of a list: only objects whose etcd keys come after this one (what a `continue` token holds).
    pub continue_after: Arc<str>,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The verb.
    pub verb: Verb,
    /// The kind.
    pub kind: Kind,
    /// The namespace; empty for cluster-scoped kinds and for all namespaces.
    pub namespace: Arc<str>,
    /// The name; empty for lists, collections and generated names.
    pub name: Arc<str>,
    /// The sub-resource.
    pub subresource: Option<Subresource>,
    /// The body.
    pub body: Body,
    /// Query and delete options.
    pub options: Options,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Response {
    /// An object: read, or as it was written.
    Object(Object),
    /// A list at a resource version.
    List(Vec<Object>, ResourceVersion),
    /// A deletion that is complete, or another success without an object.
    Success,
    /// The watch has begun; events follow.
    Watching,
    /// What another server answered ([`Subresource::Metrics`]).
    Value(Arc<Value>),
    /// A failure.
    Failure(Arc<Status>),
}

/// What a watch reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchEventType {
    /// New, or newly selected.
    Added,
    /// Changed.
    Modified,
    /// Gone, or no longer selected; the object is its last state with the resource version of the deletion.
    Deleted,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchEvent {
    /// What happened.
    pub event: WatchEventType,
    /// The object.
    pub object: Object,
}

impl Body {
    /// The text of a patch; `None` if this is none.
    pub fn patch(&self) -> Option<Arc<Value>> {
        match self {
            Body::Value(value) => Some(Arc::clone(value)),
            Body::PodStatus(patch) => Some(Arc::new(patch.to_value())),
            _ => None,
        }
    }
}

impl Request {
    /// A request with default options and no body.
    pub fn new(verb: Verb, kind: Kind, namespace: &str, name: &str) -> Request {
        Request {
            verb,
            kind,
            namespace: namespace.into(),
            name: name.into(),
            subresource: None,
            body: Body::None,
            options: Options::default(),
        }
    }

    /// Reads an object.
    pub fn get(kind: Kind, namespace: &str, name: &str) -> Request {
        Request::new(Verb::Get, kind, namespace, name)
    }

    /// Creates an object in its namespace.
    pub fn create(object: impl Into<Object>) -> Request {
        Request::with_object(Verb::Create, object.into(), None)
    }

    /// Replaces an object.
    pub fn update(object: impl Into<Object>) -> Request {
        Request::with_object(Verb::Update, object.into(), None)
    }

    /// Replaces an object's status.
    pub fn update_status(object: impl Into<Object>) -> Request {
        Request::with_object(Verb::Update, object.into(), Some(Subresource::Status))
    }

    /// Removes an object.
    pub fn delete(kind: Kind, namespace: &str, name: &str) -> Request {
        Request::new(Verb::Delete, kind, namespace, name)
    }

    fn with_object(verb: Verb, object: Object, subresource: Option<Subresource>) -> Request {
        let meta = object.meta();
        let name: &str = if verb == Verb::Create { "" } else { &meta.name };
        Request {
            verb,
            kind: object.kind(),
            namespace: meta.namespace.as_str().into(),
            name: name.into(),
            subresource,
            body: Body::Object(object),
            options: Options::default(),
        }
    }
}
