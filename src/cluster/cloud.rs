//! The cloud's load balancer: a machine with IPVS that holds the addresses of Services and passes what comes for them on to
//! nodes, as it is.
//!
//! Models what a cloud does behind `EnsureLoadBalancer` (k8s.io/cloud-provider) where the ingress is of mode VIP, after
//! Compute Engine's passthrough load balancer: every node that is not excluded is a target; a health check asks each every 8 s,
//! on the health check port of a Service whose external traffic stays local, else on port 10256 of kube-proxy; one answer 200
//! makes a target healthy, three others unhealthy. Nodes take what comes for the address by their own rules and answer the
//! client past the load balancer. Differs: connections are handed out in turn, where a cloud takes a hash of their ends.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::api::{Answer, Call, Kind, Node, Protocol, Service, ServiceType};
use crate::cluster::event::Actor;
use crate::cluster::outside::{LOAD_BALANCER, VIRTUAL};
use crate::cluster::{Cluster, host::owner_of, power::CARD};
use crate::control::informer::{CallIds, Informers};
use crate::net::addr::SocketId;
use crate::net::fabric;
use crate::net::ipvs::{Forward, Ipvs, Scheduler, VirtualAt};
use crate::net::packet::{TCP, UDP};
use crate::net::socket::{SocketEvent, SocketOp};
use crate::node::kube_proxy::health;
use crate::sim::{EventId, Span, Time, VecMap, VecSet};
use crate::workload::http::{self, Parsed};

/// From one check of a target to the next.
const INTERVAL: Span = Span::secs(8);
/// The time that one may take.
const TIMEOUT: Span = Span::secs(1);
/// So many checks in a row must fail until a target gets no new connections.
const UNHEALTHY: u8 = 3;
/// A node with this label is no target.
pub const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Where a health check asks.
type Target = (Ipv4Addr, u16);

/// What is known of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Check {
    healthy: bool,
    failures: u8,
    /// When it is asked next, or given up.
    due: Time,
    asking: Option<Asking>,
}

/// A question that is not answered yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Asking {
    socket: Option<SocketId>,
    heard: Vec<u8>,
}

/// A virtual server that is wanted.
struct Wanted {
    at: VirtualAt,
    persistent: Option<Span>,
    /// Where a node is asked whether it takes traffic.
    check: u16,
}

/// What the load balancer knows of the cluster and of its nodes' health.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cloud {
    informers: Informers,
    ids: CallIds,
    checks: VecMap<Target, Check>,
    /// The target that each token asks.
    tokens: VecMap<u64, Target>,
    next_token: u64,
}

impl Default for Cloud {
    fn default() -> Self {
        let informers = Informers::new([Kind::Service, Kind::Node]);
        Cloud { informers, ids: CallIds::default(), checks: VecMap::new(), tokens: VecMap::new(), next_token: 0 }
    }
}

impl Cloud {
    /// When it asks the API server, or a target.
    pub(super) fn wake_at(&self) -> Option<Time> {
        let api = self.informers.wake_at().map(|(at, _)| at);
        self.checks.values().map(|check| check.due).chain(api).min()
    }

    /// The virtual servers, as Services have them.
    fn wanted(&self) -> Vec<Wanted> {
        let mut all = Vec::new();
        for service in self.informers.cache.all::<Service>() {
            let local = service.spec.external_traffic_policy == "Local";
            let check = u16::try_from(service.spec.health_check_node_port).ok().filter(|port| local && *port > 0);
            for ip in addresses(service) {
                for port in &service.spec.ports {
                    let proto = match port.protocol {
                        Protocol::Tcp => TCP,
                        Protocol::Udp => UDP,
                        _ => continue,
                    };
                    let at = SocketAddrV4::new(ip, u16::try_from(port.port).unwrap_or(0));
                    let (at, check) = (VirtualAt { proto, at }, check.unwrap_or(health::PORT));
                    all.push(Wanted { at, persistent: persistence(service), check });
                }
            }
        }
        all
    }

    /// The addresses of the nodes that may get traffic.
    fn nodes(&self) -> Vec<Ipv4Addr> {
        let included = |node: &&std::sync::Arc<Node>| {
            !node.metadata.labels.contains_key(EXCLUDED) && node.metadata.deletion_timestamp.is_none()
        };
        let internal = |node: &std::sync::Arc<Node>| {
            let address = node.status.addresses.iter().find(|address| address.r#type == "InternalIP")?;
            address.address.parse().ok()
        };
        self.informers.cache.all::<Node>().filter(included).filter_map(internal).collect()
    }

    /// Makes the checks those of the targets that are wanted; a new one is asked at once.
    fn keep_checks(&mut self, wanted: &[Wanted], nodes: &[Ipv4Addr], now: Time) {
        let ports: VecSet<u16> = wanted.iter().map(|wanted| wanted.check).collect();
        let targets: VecSet<Target> = nodes.iter().flat_map(|node| ports.iter().map(|port| (*node, *port))).collect();
        self.checks.retain(|target, _| targets.contains(target));
        self.tokens.retain(|_, target| targets.contains(target));
        for target in targets {
            let new = || Check { healthy: false, failures: 0, due: now, asking: None };
            self.checks.entry(target).or_insert_with(new);
        }
    }

    /// Asks whom it is time to ask, and gives up those that have not answered.
    fn checks_due(&mut self, now: Time) -> Vec<SocketOp> {
        let mut ops = Vec::new();
        let due: Vec<Target> =
            self.checks.iter().filter(|(_, check)| check.due <= now).map(|(target, _)| *target).collect();
        for target in due {
            if self.checks.get(&target).is_some_and(|check| check.asking.is_some()) {
                ops.extend(self.answered(target, false, now).map(|socket| SocketOp::Abort { socket }));
                continue;
            }
            self.next_token += 1;
            self.tokens.insert(self.next_token, target);
            if let Some(check) = self.checks.get_mut(&target) {
                check.asking = Some(Asking::default());
                check.due = now + TIMEOUT;
            }
            let to = SocketAddrV4::new(target.0, target.1);
            ops.push(SocketOp::Connect { token: self.next_token, to, flow: None });
        }
        ops
    }

    /// A check has ended; the socket that it had.
    fn answered(&mut self, target: Target, well: bool, now: Time) -> Option<SocketId> {
        self.tokens.retain(|_, of| *of != target);
        let check = self.checks.get_mut(&target)?;
        let asking = check.asking.take()?;
        check.due = now + INTERVAL;
        check.failures = if well { 0 } else { check.failures.saturating_add(1) };
        check.healthy = well || check.healthy && check.failures < UNHEALTHY;
        asking.socket
    }

    /// Something happened on the socket of a check.
    fn socket(&mut self, socket: SocketId, token: u64, event: SocketEvent, now: Time) -> Vec<SocketOp> {
        let Some(target) = self.tokens.get(&token).copied() else { return vec![SocketOp::Abort { socket }] };
        let Some(asking) = self.checks.get_mut(&target).and_then(|check| check.asking.as_mut()) else {
            return Vec::new();
        };
        asking.socket = Some(socket);
        match event {
            SocketEvent::Connected { .. } => {
                let host = SocketAddrV4::new(target.0, target.1);
                let text = format!(
                    "GET /healthz HTTP/1.1\r\nHost: {host}\r\nUser-Agent: health-check\r\nConnection: close\r\n\r\n"
                );
                vec![SocketOp::Send { socket, bytes: text.into_bytes() }]
            }
            SocketEvent::Data(bytes) => {
                asking.heard.extend(bytes);
                match http::take_response(&mut asking.heard, false, false) {
                    Parsed::More => Vec::new(),
                    Parsed::Whole(response) => self.closed(target, response.code == 200, now),
                    Parsed::Bad => self.closed(target, false, now),
                }
            }
            SocketEvent::PeerClosed => self.closed(target, false, now),
            SocketEvent::Failed(_) => {
                self.answered(target, false, now);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn closed(&mut self, target: Target, well: bool, now: Time) -> Vec<SocketOp> {
        self.answered(target, well, now).map(|socket| SocketOp::Close { socket }).into_iter().collect()
    }
}

/// The addresses of this cloud that a Service has.
fn addresses(service: &Service) -> Vec<Ipv4Addr> {
    if service.spec.r#type != ServiceType::LoadBalancer || service.metadata.deletion_timestamp.is_some() {
        return Vec::new();
    }
    let points = service.status.load_balancer.get("ingress").and_then(|points| points.as_array());
    let ip = |point: &serde_json::Value| point["ip"].as_str()?.parse().ok().filter(|ip| VIRTUAL.contains(ip));
    points.into_iter().flatten().filter_map(ip).collect()
}

/// How long a client stays with its node.
fn persistence(service: &Service) -> Option<Span> {
    let config = service.spec.rest.get("sessionAffinityConfig");
    let seconds = config.and_then(|config| config["clientIP"]["timeoutSeconds"].as_u64()).unwrap_or(10_800);
    (service.spec.session_affinity == "ClientIP").then(|| Span::secs(seconds))
}

impl Cluster {
    pub(crate) fn cloud_woken(&mut self, cause: Option<EventId>) {
        let now = self.now;
        let Some(cloud) = &mut self.cloud else { return };
        let calls = cloud.informers.wake(now, &mut cloud.ids);
        let ops = cloud.checks_due(now);
        let calls = calls.into_iter().map(|(id, request)| (cause, Call { id, request, origin: None })).collect();
        self.calls_of(Actor::Cloud, calls);
        self.cloud_does(ops, cause);
    }

    pub(crate) fn cloud_answered(&mut self, answer: &Answer, cause: Option<EventId>) {
        let now = self.now;
        let Some(cloud) = &mut self.cloud else { return };
        let Some(told) = cloud.informers.handle(answer, now, &mut cloud.ids) else { return };
        let calls = told.calls.into_iter().map(|(id, request)| (cause, Call { id, request, origin: None })).collect();
        self.calls_of(Actor::Cloud, calls);
        if !told.changes.is_empty() {
            self.cloud_does(Vec::new(), cause);
        }
    }

    /// Something happened on one of its sockets.
    pub(crate) fn cloud_hears(&mut self, socket: SocketId, token: u64, event: SocketEvent, cause: Option<EventId>) {
        let now = self.now;
        let Some(cloud) = &mut self.cloud else { return };
        let ops = cloud.socket(socket, token, event, now);
        self.cloud_does(ops, cause);
    }

    /// Uses its sockets, and makes the virtual servers of the load balancer what they are to be.
    fn cloud_does(&mut self, ops: Vec<SocketOp>, cause: Option<EventId>) {
        let Some(ns) = self.machine(LOAD_BALANCER).map(|machine| machine.ns) else { return };
        for op in ops {
            self.network(fabric::Input::Op { ns, owner: owner_of(Actor::Cloud), op }, cause);
        }
        let now = self.now;
        let Some(cloud) = &mut self.cloud else { return };
        let (wanted, nodes) = (cloud.wanted(), cloud.nodes());
        cloud.keep_checks(&wanted, &nodes, now);
        let checks = &cloud.checks;
        let healthy = |node: &&Ipv4Addr, port| checks.get(&(**node, port)).is_some_and(|check| check.healthy);
        let servers: VecMap<VirtualAt, (Option<Span>, Vec<SocketAddrV4>)> = wanted
            .iter()
            .map(|wanted| {
                let real = nodes.iter().filter(|node| healthy(node, wanted.check));
                let real = real.map(|node| SocketAddrV4::new(*node, wanted.at.at.port())).collect();
                (wanted.at, (wanted.persistent, real))
            })
            .collect();
        self.fabric.edit_ipvs(ns, |kernel| write(kernel, &servers)).expect("the load balancer is there");
        let held: VecSet<Ipv4Addr> = servers.keys().map(|at| *at.at.ip()).collect();
        let Some(card) = self.fabric.ns(ns).and_then(|ns| ns.device_named(CARD)) else { return };
        let (dev, known) = (card.id, card.addrs.clone());
        let known: VecSet<Ipv4Addr> = known.iter().map(|net| net.addr()).filter(|ip| VIRTUAL.contains(ip)).collect();
        for ip in held.iter().filter(|ip| !known.contains(*ip)) {
            self.fabric.add_addr(ns, dev, (*ip).into()).expect("it was not there");
        }
        for ip in known.iter().filter(|ip| !held.contains(*ip)) {
            self.fabric.remove_addr(ns, dev, (*ip).into()).expect("it was there");
        }
    }
}

/// Makes the virtual servers these, all with direct routing.
fn write(kernel: &mut Ipvs, wanted: &VecMap<VirtualAt, (Option<Span>, Vec<SocketAddrV4>)>) {
    let gone: Vec<VirtualAt> = kernel.services().map(|(at, _)| *at).filter(|at| !wanted.contains_key(at)).collect();
    gone.into_iter().for_each(|at| kernel.remove_service(at));
    for (at, (persistent, servers)) in wanted {
        kernel.put_service(*at, Scheduler::RoundRobin, *persistent);
        kernel.set_forward(*at, Forward::DirectRouting);
        let known: Vec<SocketAddrV4> =
            kernel.service(*at).map(|s| s.servers().iter().map(|server| server.at).collect()).unwrap_or_default();
        for server in known.iter().filter(|server| !servers.contains(server)) {
            kernel.remove_server(*at, *server);
        }
        // The newest comes first: so they are in the nodes' order.
        for server in servers.iter().rev().filter(|server| !known.contains(server)) {
            kernel.put_server(*at, *server, 1);
        }
    }
}
