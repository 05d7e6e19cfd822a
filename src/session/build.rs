//! Builders: from the world to the views. They read and never change; the page only shows what they say.

pub mod chart;
pub mod cluster;
pub mod compare;
pub mod describe;
pub mod detail;
pub mod etcd;
pub mod flags;
pub mod generations;
pub mod ha;
pub mod happening;
pub mod history;
pub mod messages;
pub mod objects;
pub mod packet_flights;
pub mod packets;
pub mod related;
pub mod scheduler;
pub mod situations;
pub mod storage;
pub mod tally;
pub mod terms;
#[cfg(test)]
pub mod testing;
pub mod timeline;
pub mod what_if;
pub mod why;
pub mod workloads;

use crate::api;
use crate::cluster::{Actor, Cluster, MasterIx, NodeIx};
use crate::view::{ComponentKind, ObjectRef, Place, Plane};

/// The box of the picture in which an actor is.
pub fn place_of(cluster: &Cluster, actor: Actor) -> Place {
    let on = |kind: ComponentKind, ix: NodeIx| Place::Component { kind, host: node_name(cluster, ix) };
    // A hosted control plane is on no node.
    let is_hosted = cluster.scenario().masters == 0;
    let plane = |kind: ComponentKind, at: MasterIx| {
        let host = if is_hosted { None } else { node_name(cluster, NodeIx(at.0)) };
        Place::Component { kind, host }
    };
    match actor {
        Actor::Outside(_) => Place::Client,
        Actor::LoadBalancer => Place::Component { kind: ComponentKind::LoadBalancer, host: None },
        Actor::ApiServer(at) => plane(ComponentKind::ApiServer, at),
        Actor::Etcd(at) => plane(ComponentKind::Etcd, at),
        Actor::Scheduler(at) => plane(ComponentKind::Scheduler, at),
        Actor::ControllerManager(at) => plane(ComponentKind::ControllerManager, at),
        Actor::Kubelet(ix) => on(ComponentKind::Kubelet, ix),
        Actor::Runtime(ix) => on(ComponentKind::Runtime, ix),
        Actor::KubeProxy(ix) => on(ComponentKind::KubeProxy, ix),
        Actor::Flanneld(ix) => on(ComponentKind::Flanneld, ix),
        Actor::Dns => dns_pod(cluster),
        Actor::MetricsServer(ix) => metrics_pod(cluster, ix),
        Actor::Ingress => ingress_pod(cluster),
        Actor::Network | Actor::Chaos | Actor::Cloud | Actor::Machine(_) => Place::Outside,
    }
}

fn node_name(cluster: &Cluster, ix: NodeIx) -> Option<String> {
    cluster.hosts().get(usize::try_from(ix.0).ok()?).map(|host| host.name.to_string())
}

/// The pod in which CoreDNS runs.
fn dns_pod(cluster: &Cluster) -> Place {
    let pod = cluster
        .objects(api::Kind::Pod)
        .find(|pod| pod.meta().labels.get("k8s-app").is_some_and(|app| app == "kube-dns"))
        .map(|pod| pod.meta().name.clone());
    Place::Pod { namespace: "kube-system".into(), name: pod.unwrap_or_else(|| "coredns".into()) }
}

/// A pod in which the Ingress controller runs.
fn ingress_pod(cluster: &Cluster) -> Place {
    let pod = cluster.objects(api::Kind::Pod).find(|pod| {
        let labels = &pod.meta().labels;
        labels.get("app.kubernetes.io/name").is_some_and(|name| name == "ingress-nginx")
    });
    let (namespace, name) = pod.map_or(("ingress-nginx", "ingress-nginx-controller"), |pod| {
        (pod.meta().namespace.as_str(), pod.meta().name.as_str())
    });
    Place::Pod { namespace: namespace.into(), name: name.into() }
}

/// The pod of the metrics-server of a node.
fn metrics_pod(cluster: &Cluster, ix: NodeIx) -> Place {
    let host = usize::try_from(ix.0).ok().and_then(|at| cluster.hosts().get(at));
    let pod = host.and_then(|host| host.metrics.as_ref()).map(|metrics| &metrics.pod);
    let (namespace, name) = pod.map_or(("kube-system", "metrics-server"), |pod| (&*pod.namespace, &*pod.name));
    Place::Pod { namespace: namespace.into(), name: name.into() }
}

/// A reference in the form of the views.
pub fn object_ref(object: &api::ObjectRef) -> ObjectRef {
    let info = object.kind.info();
    ObjectRef::new(&info.api_version(), info.kind, &object.namespace, &object.name)
}

/// A reference in the form of the API; `None` for a kind that is not simulated.
pub fn api_ref(cluster: &Cluster, object: &ObjectRef) -> Option<api::ObjectRef> {
    let group = object.api_version.split_once('/').map_or("", |(group, _)| group);
    let described = || cluster.apiserver().definitions().by_kind(group, &object.kind);
    let kind = api::Kind::by_kind(group, &object.kind).or_else(described)?;
    Some(api::ObjectRef { kind, namespace: object.namespace.as_str().into(), name: object.name.as_str().into() })
}

/// The plane of what passes between two actors.
pub fn plane_of(from: Actor, to: Actor) -> Plane {
    match (from, to) {
        (Actor::Etcd(_), _) | (_, Actor::Etcd(_)) => Plane::Storage,
        (Actor::Network, _) | (_, Actor::Network) => Plane::Data,
        _ => Plane::Control,
    }
}
