//! What a packet can be sent from and to.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::api::{Kind, KindOf as _, Object, Pod, Service};
use crate::cluster::{Cluster, Host, outside};
use crate::session::build::object_ref;
use crate::sim::VecSet;
use crate::view::EndpointView;

/// What can send: pods, nodes, and the client outside.
pub fn sources(cluster: &Cluster) -> Vec<EndpointView> {
    pods(cluster).chain(nodes(cluster)).chain([client()]).collect()
}

/// What can be sent to: pods, nodes, what Services have for addresses and node ports, and the client once it is plugged in.
pub fn targets(cluster: &Cluster) -> Vec<EndpointView> {
    let services = cluster.objects(Kind::Service).filter_map(Service::of);
    let client = (!cluster.machines().is_empty()).then(client);
    let mut targets: Vec<EndpointView> = pods(cluster).chain(nodes(cluster)).chain(client).collect();
    targets.extend(node_ports(cluster));
    for service in services {
        let ports: Vec<u16> = service.spec.ports.iter().filter_map(|port| port_of(port.port)).collect();
        let object = object_ref(&Object::Service(service.clone()).reference());
        if service.spec.cluster_ip.parse::<Ipv4Addr>().is_ok() {
            let (object, ip, ports) = (object.clone(), service.spec.cluster_ip.clone(), ports.clone());
            targets.push(EndpointView::Service { object, ip, ports });
        }
        targets.extend(balancers(service).map(|ip| {
            let (object, ports) = (object.clone(), ports.clone());
            EndpointView::Balancer { object, ip, ports }
        }));
    }
    targets
}

fn pods(cluster: &Cluster) -> impl Iterator<Item = EndpointView> {
    cluster.objects(Kind::Pod).filter_map(Pod::of).filter_map(pod)
}

fn pod(pod: &Arc<Pod>) -> Option<EndpointView> {
    let ip = &pod.status.pod_ip;
    let ports = pod.spec.containers.iter().flat_map(|c| &c.ports).filter_map(|p| port_of(p.container_port));
    let reference = Object::Pod(pod.clone()).reference();
    (!ip.is_empty() && pod.status.phase == "Running").then(|| EndpointView::Pod {
        object: object_ref(&reference),
        ip: ip.clone(),
        ports: ports.collect(),
    })
}

fn nodes(cluster: &Cluster) -> impl Iterator<Item = EndpointView> {
    cluster.hosts().iter().map(|host| EndpointView::Node { node: host.name.to_string(), ip: host.ip.to_string() })
}

fn client() -> EndpointView {
    let (name, ip) = outside::client();
    EndpointView::Machine { name: name.into(), ip: ip.to_string() }
}

/// Each node with the node ports that there are.
fn node_ports(cluster: &Cluster) -> Vec<EndpointView> {
    let services = cluster.objects(Kind::Service).filter_map(Service::of);
    let ports: VecSet<u16> =
        services.flat_map(|service| &service.spec.ports).filter_map(|port| port_of(port.node_port)).collect();
    let hosts = cluster.hosts().iter().filter(|_| !ports.is_empty());
    let view = |host: &Host| EndpointView::NodePort {
        node: host.name.to_string(),
        ip: host.ip.to_string(),
        ports: ports.iter().copied().collect(),
    };
    hosts.map(view).collect()
}

/// The addresses that a load balancer has for a Service.
fn balancers(service: &Arc<Service>) -> impl Iterator<Item = String> {
    let points = service.status.load_balancer.get("ingress").and_then(|points| points.as_array());
    points.into_iter().flatten().filter_map(|point| point["ip"].as_str().map(str::to_owned))
}

fn port_of(number: i32) -> Option<u16> {
    u16::try_from(number).ok().filter(|port| *port > 0)
}
