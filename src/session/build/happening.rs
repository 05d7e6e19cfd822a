//! From entries of the trace to what the page says of them.

use crate::api::{Kind, ObjectRef, Subresource, Verb, WatchEventType};
use crate::cluster::event::Local;
use crate::cluster::{Cluster, Happened, Said, WokeFor};
use crate::session::build::{api_ref, object_ref, place_of, plane_of};
use crate::session::protocol::Selection;
use crate::sim::trace::Entry;
use crate::view::{self, Happening, Place, Plane, WaitFor};

/// What happened, in the form of the views.
pub fn happening(cluster: &Cluster, entry: &Entry<Happened>) -> Happening {
    match &entry.event {
        Happened::Booted => Happening::Booted,
        Happened::Command(line) => Happening::Command(line.to_string()),
        Happened::Fault(words) => Happening::Fault(words.to_string()),
        Happened::Sent { from, to, lost: true, .. } => {
            Happening::MessageLost { from: place_of(cluster, *from), to: place_of(cluster, *to) }
        }
        Happened::Sent { what: Said::EtcdReply { wrote: true, revision }, .. } => written(cluster, entry, *revision),
        Happened::Sent { what: Said::Response { code, object: None, .. }, .. } => answered(cluster, entry, *code),
        Happened::Sent { what, .. } => said(what),
        Happened::Reconciled { controller, object, .. } => {
            Happening::Reconciled { controller: (*controller).to_owned(), object: object_ref(object) }
        }
        Happened::Woke { why, .. } => Happening::Woke(wait_for(*why)),
        Happened::Node { what, .. } => local(what),
    }
}

/// The nearest cause of an answer that is a question of the right kind.
fn question<T>(cluster: &Cluster, answer: &Entry<Happened>, of: impl Fn(&Said) -> Option<T>) -> Option<T> {
    cluster.trace().chain(answer.id).skip(1).find_map(|entry| match &entry.event {
        Happened::Sent { what, .. } => of(what),
        _ => None,
    })
}

/// What etcd says that it did; without a key if the request is forgotten.
fn written(cluster: &Cluster, answer: &Entry<Happened>, revision: u64) -> Happening {
    let done = question(cluster, answer, |said| match said {
        Said::EtcdWrite(key) => Some(Happening::Put { key: key.to_string(), revision }),
        Said::EtcdDelete(key) => Some(Happening::Removed { key: key.to_string(), revision }),
        _ => None,
    });
    done.unwrap_or(Happening::Put { key: String::new(), revision })
}

/// An answer without an object of its own: to what.
fn answered(cluster: &Cluster, answer: &Entry<Happened>, code: u16) -> Happening {
    let asked = question(cluster, answer, |what| match said(what) {
        Happening::Request { method, path } => Some((method, path)),
        _ => None,
    });
    let (method, path) = asked.unwrap_or_default();
    Happening::Response { code, method, path }
}

fn said(what: &Said) -> Happening {
    match what {
        Said::Call { verb, object, subresource } => {
            Happening::Request { method: method_of(*verb).to_owned(), path: path_of(*verb, object, *subresource) }
        }
        Said::Http { method, path, .. } => {
            Happening::Request { method: method.as_str().to_owned(), path: path.to_string() }
        }
        Said::Response { code, object, .. } => Happening::Response {
            code: *code,
            method: String::new(),
            path: object.as_ref().map(|object| path_of(Verb::Get, object, None)).unwrap_or_default(),
        },
        Said::Watch { first: Some((event, object)), .. } => {
            Happening::Watched { event: watch_word(*event).to_owned(), object: object_ref(object) }
        }
        Said::Watch { first: None, .. } => {
            Happening::Watched { event: "BOOKMARK".into(), object: view::ObjectRef::new("v1", "", "", "") }
        }
        Said::EtcdRead(key) => Happening::Read { key: key.to_string() },
        Said::EtcdWrite(key) => Happening::Put { key: key.to_string(), revision: 0 },
        Said::EtcdDelete(key) => Happening::Removed { key: key.to_string(), revision: 0 },
        Said::EtcdReply { .. } => Happening::Read { key: String::new() },
        Said::EtcdEvents { key, revision, .. } => Happening::Told { key: key.to_string(), revision: *revision },
        Said::Raft { kind, term } => {
            Happening::Other(term.map_or_else(|| (*kind).to_owned(), |term| format!("{kind} term={term}")))
        }
        Said::Local(words) => Happening::Other(words.to_string()),
    }
}

fn local(what: &Local) -> Happening {
    match what {
        Local::Subnet { subnet, via } => Happening::Subnet { subnet: subnet.to_string(), via: via.to_string() },
        Local::ProxyRules => Happening::ProxyRules(view::ObjectRef::new("v1", "Service", "", "")),
        Local::SandboxCreated { pod, ip } => Happening::SandboxCreated { pod: object_ref(pod), ip: ip.to_string() },
        Local::Started { pod, container } => {
            Happening::Started { pod: object_ref(pod), container: container.to_string() }
        }
        Local::Exited { pod, container, code } => {
            Happening::Exited { pod: object_ref(pod), container: container.to_string(), code: *code }
        }
    }
}

/// Why somebody wakes, in the form of the views.
pub fn wait_for(why: WokeFor) -> WaitFor {
    match why {
        WokeFor::Retry => WaitFor::Other("retry".into()),
        WokeFor::Probe => WaitFor::Probe,
        WokeFor::Heartbeat => WaitFor::Heartbeat,
        WokeFor::BackOff => WaitFor::BackOff,
        WokeFor::Grace => WaitFor::Grace,
        WokeFor::Resync | WokeFor::Work => WaitFor::Resync,
        WokeFor::Timeout => WaitFor::Timeout,
        WokeFor::Sleep => WaitFor::Sleep,
    }
}

fn watch_word(event: WatchEventType) -> &'static str {
    match event {
        WatchEventType::Added => "ADDED",
        WatchEventType::Modified => "MODIFIED",
        WatchEventType::Deleted => "DELETED",
    }
}

fn method_of(verb: Verb) -> &'static str {
    match verb {
        Verb::Get | Verb::List | Verb::Watch => "GET",
        Verb::Create => "POST",
        Verb::Update => "PUT",
        Verb::Patch(_) => "PATCH",
        Verb::Delete | Verb::DeleteCollection => "DELETE",
    }
}

/// The path of a typed request, as its HTTP form has it.
fn path_of(verb: Verb, object: &ObjectRef, subresource: Option<Subresource>) -> String {
    let info = object.kind.info();
    let mut path = if subresource == Some(Subresource::Metrics) {
        "/apis/metrics.k8s.io/v1beta1".to_owned()
    } else if info.group.is_empty() {
        format!("/api/{}", info.version)
    } else {
        format!("/apis/{}/{}", info.group, info.version)
    };
    if !object.namespace.is_empty() {
        path.push_str(&format!("/namespaces/{}", object.namespace));
    }
    path.push_str(&format!("/{}", info.plural));
    if !object.name.is_empty() {
        path.push_str(&format!("/{}", object.name));
    }
    if let Some(sub) = subresource {
        path.push_str(match sub {
            Subresource::Status => "/status",
            Subresource::Scale => "/scale",
            Subresource::Binding => "/binding",
            Subresource::Eviction => "/eviction",
            Subresource::Log => "/log",
            Subresource::Exec => "/exec",
            Subresource::Attach => "/attach",
            Subresource::PortForward => "/portforward",
            Subresource::EphemeralContainers => "/ephemeralcontainers",
            Subresource::Resize => "/resize",
            Subresource::Finalize => "/finalize",
            Subresource::Metrics => "",
        });
    }
    if verb == Verb::Watch {
        path.push_str("?watch=true");
    }
    path
}

/// Who an entry is about.
pub fn place(cluster: &Cluster, entry: &Entry<Happened>) -> Place {
    match &entry.event {
        Happened::Booted | Happened::Command(_) | Happened::Fault(_) => Place::Client,
        Happened::Sent { from, .. } => place_of(cluster, *from),
        Happened::Reconciled { who, .. } | Happened::Woke { who, .. } | Happened::Node { who, .. } => {
            place_of(cluster, *who)
        }
    }
}

/// Whether an entry is about the thing: it happened at that place or was sent there, or concerns that object.
pub fn is_about(cluster: &Cluster, entry: &Entry<Happened>, of: &Selection) -> bool {
    let at = |wanted: &Place| {
        place(cluster, entry) == *wanted
            || matches!(&entry.event, Happened::Sent { to, .. } if place_of(cluster, *to) == *wanted)
    };
    match of {
        Selection::Place(Place::Pod { namespace, name }) => concerns(entry, Kind::Pod, namespace, name),
        Selection::Place(Place::Node(name)) => concerns(entry, Kind::Node, "", name),
        Selection::Place(wanted) => at(wanted),
        Selection::Object(wanted) => {
            api_ref(cluster, wanted).is_some_and(|of| concerns(entry, of.kind, &of.namespace, &of.name))
        }
    }
}

/// Whether an entry names the object or its key.
fn concerns(entry: &Entry<Happened>, kind: Kind, namespace: &str, name: &str) -> bool {
    let key = |key: &str| key == kind.etcd_key(namespace, name);
    match &entry.event {
        Happened::Sent { what: Said::EtcdWrite(written), .. } => key(written),
        _ => object(entry).is_some_and(|of| of.kind == kind && *of.namespace == *namespace && *of.name == *name),
    }
}

/// The plane of an entry.
pub fn plane(entry: &Entry<Happened>) -> Plane {
    match &entry.event {
        Happened::Fault(_) | Happened::Sent { lost: true, .. } => Plane::Fault,
        Happened::Sent { from, to, .. } => plane_of(*from, *to),
        Happened::Node { what: Local::Subnet { .. } | Local::ProxyRules, .. } => Plane::Data,
        _ => Plane::Control,
    }
}

/// The object that an entry is about.
pub fn object(entry: &Entry<Happened>) -> Option<&ObjectRef> {
    match &entry.event {
        Happened::Sent { what, .. } => match what {
            Said::Call { object, .. } if !object.name.is_empty() => Some(object),
            Said::Response { object, .. } => object.as_ref(),
            Said::Watch { first, .. } => first.as_ref().map(|(_, object)| object),
            _ => None,
        },
        Happened::Reconciled { object, .. } => Some(object),
        Happened::Node {
            what: Local::SandboxCreated { pod, .. } | Local::Started { pod, .. } | Local::Exited { pod, .. },
            ..
        } => Some(pod),
        _ => None,
    }
}
