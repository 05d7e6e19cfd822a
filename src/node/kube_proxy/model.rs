//! Services and their endpoints as a proxier sees them: service ports by name, endpoints by service port.
//!
//! Models `pkg/proxy/serviceport.go`, `pkg/proxy/endpoint.go` and `pkg/proxy/endpointslicecache.go`. Addresses of the other
//! family are left out; those that cannot be read, too, with upstream's leniency for leading zeros.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;

use crate::api::{EndpointSlice, ObjectMeta, Protocol, Service, ServiceType};
use crate::node::kube_proxy::ServicePortName;
use crate::sim::{Span, VecMap, VecSet};

/// The label of a Service that another proxy serves.
const OTHER_PROXY: &str = "service.kubernetes.io/service-proxy-name";
/// The label of a slice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Namespace and name of a Service.
pub type ServiceName = (Arc<str>, Arc<str>);

/// A family of addresses; a proxier serves one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Reads an address, if it is one of this family.
    fn address(self, text: &str) -> Option<IpAddr> {
        sloppy_address(text).filter(|ip| ip.is_ipv6() == (self == Family::V6))
    }

    fn addresses<'a>(self, texts: impl IntoIterator<Item = &'a str>) -> Vec<IpAddr> {
        texts.into_iter().filter_map(|text| self.address(text)).collect()
    }
}

/// A port of a Service that has a virtual address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServicePort {
    /// The protocol.
    pub protocol: Protocol,
    /// The virtual address.
    pub cluster_ip: IpAddr,
    /// The port.
    pub port: u16,
    /// The port on every node, if there is one.
    pub node_port: Option<u16>,
    /// `externalIPs`.
    pub external_ips: Vec<IpAddr>,
    /// The addresses that a load balancer keeps in the packets that it sends.
    pub load_balancer_ips: Vec<IpAddr>,
    /// From where those may be reached; empty: from everywhere.
    pub source_ranges: Vec<IpNet>,
    /// How long a client stays with its endpoint; `None` without affinity.
    pub affinity: Option<Span>,
    /// `internalTrafficPolicy: Local`.
    pub internal_local: bool,
    /// `externalTrafficPolicy: Local`.
    pub external_local: bool,
    /// Where a load balancer asks whether there are local endpoints.
    pub health_check_port: Option<u16>,
}

impl ServicePort {
    /// The ports of a Service of `family`, in its order; none if it has no virtual address or another proxy serves it.
    pub fn of(service: &Service, family: Family) -> Vec<(ServicePortName, ServicePort)> {
        let spec = &service.spec;
        let texts = std::iter::once(&spec.cluster_ip).chain(&spec.cluster_ips);
        let cluster_ip = texts.filter_map(|text| family.address(text)).next();
        let Some(cluster_ip) = cluster_ip else { return Vec::new() };
        let meta = &service.metadata;
        if spec.r#type == ServiceType::ExternalName || meta.labels.contains_key(OTHER_PROXY) {
            return Vec::new();
        }
        let accessible = matches!(spec.r#type, ServiceType::NodePort | ServiceType::LoadBalancer)
            || spec.r#type == ServiceType::ClusterIp && !spec.external_ips.is_empty();
        let external_local = accessible && spec.external_traffic_policy == "Local";
        let checked = external_local && spec.r#type == ServiceType::LoadBalancer;
        let common = ServicePort {
            protocol: Protocol::default(),
            cluster_ip,
            port: 0,
            node_port: None,
            external_ips: family.addresses(spec.external_ips.iter().map(String::as_str)),
            load_balancer_ips: load_balancer_ips(service, family),
            source_ranges: source_ranges(service, family),
            affinity: affinity(service),
            internal_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
            external_local,
            health_check_port: number(spec.health_check_node_port).filter(|_| checked),
        };
        let ports = spec.ports.iter().filter_map(|port| {
            let name = name_of(&meta.namespace, &meta.name, &port.name);
            let (protocol, node_port) = (port.protocol.clone(), number(port.node_port));
            Some((name, ServicePort { protocol, port: number(port.port)?, node_port, ..common.clone() }))
        });
        ports.collect()
    }

    /// Whether it can be reached from outside at all.
    pub fn externally_accessible(&self) -> bool {
        self.node_port.is_some() || !self.load_balancer_ips.is_empty() || !self.external_ips.is_empty()
    }

    /// Whether some of its traffic may go to any endpoint. With external traffic it does even if that is to stay local:
    /// what pods and the node itself send to external addresses may go anywhere.
    pub fn uses_cluster_endpoints(&self) -> bool {
        !self.internal_local || self.externally_accessible()
    }

    /// Whether some of its traffic stays on the node.
    pub fn uses_local_endpoints(&self) -> bool {
        self.internal_local || self.external_local && self.externally_accessible()
    }
}

/// An address and port behind a service port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Where it is.
    pub at: SocketAddr,
    /// Whether it is on the proxier's node.
    pub local: bool,
    /// Whether it may be sent to.
    pub ready: bool,
    /// Whether it answers, even if it is about to end.
    pub serving: bool,
    /// Whether it is about to end.
    pub terminating: bool,
    /// For which zones it is meant.
    pub zones: Vec<Arc<str>>,
    /// For which nodes it is meant.
    pub nodes: Vec<Arc<str>>,
}

/// All service ports with their endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Model {
    family: Family,
    node: Arc<str>,
    services: VecMap<ServicePortName, ServicePort>,
    slices: VecMap<ServiceName, VecMap<Arc<str>, Arc<EndpointSlice>>>,
    endpoints: VecMap<ServicePortName, Vec<Endpoint>>,
}

impl Model {
    /// Nothing yet, for a proxier on `node`.
    pub fn new(family: Family, node: Arc<str>) -> Model {
        Model { family, node, services: VecMap::new(), slices: VecMap::new(), endpoints: VecMap::new() }
    }

    /// The service ports by name.
    pub fn services(&self) -> impl Iterator<Item = (&ServicePortName, &ServicePort)> {
        self.services.iter()
    }

    /// The endpoints of a service port, in the order of their text.
    pub fn endpoints(&self, name: &ServicePortName) -> &[Endpoint] {
        self.endpoints.get(name).map_or(&[], Vec::as_slice)
    }

    /// How many endpoints the service ports have together.
    pub fn endpoint_count(&self) -> usize {
        self.services.keys().map(|name| self.endpoints(name).len()).sum()
    }

    /// Whether a Service has a port of that protocol.
    pub fn has_protocol(&self, (namespace, name): &ServiceName, protocol: &Protocol) -> bool {
        let all = name_of(namespace, name, "");
        let of = self.services.range(all..).take_while(|(n, _)| n.namespace == *namespace && n.name == *name);
        of.into_iter().any(|(_, port)| port.protocol == *protocol)
    }

    /// A Service is this, or gone. Answers its name if that changes anything.
    pub fn set_service(&mut self, service: &Service, gone: bool) -> Option<ServiceName> {
        let meta = &service.metadata;
        let new: VecMap<ServicePortName, ServicePort> =
            if gone { VecMap::new() } else { ServicePort::of(service, self.family).into_iter().collect() };
        let of = |name: &ServicePortName| *name.namespace == *meta.namespace && *name.name == *meta.name;
        let first = name_of(&meta.namespace, &meta.name, "");
        let old = self.services.range(first..).take_while(|(name, _)| of(name));
        if old.eq(new.iter()) {
            return None;
        }
        self.services.retain(|name, _| !of(name));
        for (name, port) in new {
            self.services.insert(name, port);
        }
        Some((meta.namespace.as_str().into(), meta.name.as_str().into()))
    }

    /// A slice is this, or gone. Answers the name of its Service if that changes anything.
    pub fn set_slice(&mut self, slice: &Arc<EndpointSlice>, gone: bool) -> Option<ServiceName> {
        let service = service_of(&slice.metadata)?;
        let slices = self.slices.entry(service.clone()).or_default();
        let name = slice.metadata.name.as_str();
        if gone {
            slices.remove(name);
        } else {
            slices.insert(name.into(), slice.clone());
        }
        let new = endpoints_of(&service, slices, self.family, &self.node);
        let of = |name: &ServicePortName| name.namespace == service.0 && name.name == service.1;
        let old = self.endpoints.range(name_of(&service.0, &service.1, "")..).take_while(|(name, _)| of(name));
        if old.eq(new.iter()) {
            return None;
        }
        self.endpoints.retain(|name, _| !of(name));
        for (name, endpoints) in new {
            self.endpoints.insert(name, endpoints);
        }
        Some(service)
    }
}

fn name_of(namespace: &str, name: &str, port: &str) -> ServicePortName {
    ServicePortName { namespace: namespace.into(), name: name.into(), port: port.into() }
}

fn service_of(meta: &ObjectMeta) -> Option<ServiceName> {
    Some((meta.namespace.as_str().into(), meta.labels.get(SERVICE_NAME)?.as_str().into()))
}

fn number(port: i32) -> Option<u16> {
    u16::try_from(port).ok().filter(|port| *port > 0)
}

/// How long a client stays with its endpoint.
fn affinity(service: &Service) -> Option<Span> {
    if service.spec.session_affinity != "ClientIP" {
        return None;
    }
    let config = service.spec.rest.get("sessionAffinityConfig");
    Some(Span::secs(config.and_then(|c| c["clientIP"]["timeoutSeconds"].as_u64()).unwrap_or(10_800)))
}

/// The ingress addresses in mode VIP, which is the default.
fn load_balancer_ips(service: &Service, family: Family) -> Vec<IpAddr> {
    let ingress = service.status.load_balancer.get("ingress").and_then(|i| i.as_array());
    let vip = ingress.into_iter().flatten().filter(|i| i["ipMode"].as_str().is_none_or(|mode| mode == "VIP"));
    family.addresses(vip.filter_map(|i| i["ip"].as_str()))
}

fn source_ranges(service: &Service, family: Family) -> Vec<IpNet> {
    let ranges = service.spec.rest.get("loadBalancerSourceRanges").and_then(|r| r.as_array());
    let read = |text: &str| -> Option<IpNet> {
        let (address, length) = text.trim().split_once('/')?;
        Some(IpNet::new(family.address(address)?, length.parse().ok()?).ok()?.trunc())
    };
    ranges.into_iter().flatten().filter_map(|range| read(range.as_str()?)).collect()
}

/// Reads an address as Go did before 1.17: the numbers of an IPv4 address may begin with zeros.
fn sloppy_address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        return text.parse().ok();
    }
    let parts: Vec<u8> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    <[u8; 4]>::try_from(parts).ok().map(IpAddr::from)
}

/// The endpoints of the ports of one Service, each address once, in the order of their text.
fn endpoints_of(
    service: &ServiceName,
    slices: &VecMap<Arc<str>, Arc<EndpointSlice>>,
    family: Family,
    node: &str,
) -> VecMap<ServicePortName, Vec<Endpoint>> {
    let mut by_port: VecMap<ServicePortName, VecMap<String, Endpoint>> = VecMap::new();
    for slice in slices.values() {
        for port in &slice.ports {
            let Some(number) = port.port.and_then(number) else { continue };
            let known = by_port.entry(name_of(&service.0, &service.1, &port.name)).or_default();
            for endpoint in &slice.endpoints {
                let Some(ip) = endpoint.addresses.first().and_then(|text| family.address(text)) else { continue };
                let conditions = &endpoint.conditions;
                let new = Endpoint {
                    at: SocketAddr::new(ip, number),
                    local: endpoint.node_name.as_deref() == Some(node),
                    ready: conditions.ready.unwrap_or(true),
                    serving: conditions.serving.unwrap_or(true),
                    terminating: conditions.terminating.unwrap_or(false),
                    zones: hints(endpoint, "forZones"),
                    nodes: hints(endpoint, "forNodes"),
                };
                // An address that is in two slices counts as the local one.
                let text = new.at.to_string();
                if new.local || !known.contains_key(&text) {
                    known.insert(text, new);
                }
            }
        }
    }
    by_port.into_iter().map(|(name, endpoints)| (name, endpoints.into_values().collect())).collect()
}

fn hints(endpoint: &crate::api::Endpoint, of: &str) -> Vec<Arc<str>> {
    let hints = endpoint.rest.get("hints").and_then(|hints| hints[of].as_array());
    hints.into_iter().flatten().filter_map(|hint| hint["name"].as_str()).map(Arc::from).collect()
}

/// Names of Services.
pub type ServiceNames = VecSet<ServiceName>;
