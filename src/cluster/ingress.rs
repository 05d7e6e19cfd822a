//! An Ingress controller as a client of the API server: it is there while pods of its image run, tells them where requests go,
//! and writes into each Ingress where it is reached.
//!
//! Models ingress-nginx (`internal/ingress/controller`): `store.go` for which Ingresses are its own, `controller.go` for what it
//! makes of them, `internal/ingress/status` for what it writes. Its own are those of a class whose controller is
//! `k8s.io/ingress-nginx`, or with the old annotation. Addresses are those of the Service that `--publish-service` names, else
//! those of the nodes on which its pods run; they are written when Ingresses change and every 60 s.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Answer, Call, EndpointSlice, Ingress, IngressBackend, IngressClass, Kind, Object, PatchType, Request, Service,
    Subresource, Timestamp,
};
use crate::cluster::clients::number_of;
use crate::cluster::event::{Actor, NodeIx};
use crate::cluster::{Cluster, Message};
use crate::control::Calendar;
use crate::control::cache::Cache;
use crate::control::controller::owner;
use crate::control::informer::{CallIds, Informers};
use crate::control::recorder::{Recorder, involved};
use crate::node::runtime::{self, ContainerId, ContainerPhase, ContainerView};
use crate::sim::{EventId, Span, Time, VecMap};
use crate::workload::ingress::{Location, PathKind, Routes, Upstream};
use crate::workload::{Family, image};

/// The controller that classes name.
const CONTROLLER: &str = "k8s.io/ingress-nginx";
/// How a class was named before there were classes, and the one that is meant.
const ANNOTATION: (&str, &str) = ("kubernetes.io/ingress.class", "nginx");
/// `--status-update-interval`.
const STATUS: Span = Span::secs(60);

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IngressController {
    informers: Informers,
    ids: CallIds,
    recorder: Recorder,
    /// The containers in which it runs, each with its node and the Service whose address it is to publish.
    runs: VecMap<ContainerId, (NodeIx, Option<String>)>,
    routes: Arc<Routes>,
    /// Ingresses that have come before everything was listed.
    early: Vec<Arc<Ingress>>,
    next_status: Option<Time>,
}

impl IngressController {
    fn new(epoch: i64) -> IngressController {
        let kinds = [Kind::Ingress, Kind::IngressClass, Kind::Service, Kind::EndpointSlice];
        IngressController {
            informers: Informers::new(kinds),
            ids: CallIds::default(),
            recorder: Recorder::new(Calendar::new(Timestamp(epoch)), "nginx-ingress-controller", ""),
            runs: VecMap::new(),
            routes: Arc::default(),
            early: Vec::new(),
            next_status: None,
        }
    }

    /// When it asks the API server, or writes addresses.
    pub(super) fn wake_at(&self) -> Option<Time> {
        let status = self.next_status.filter(|_| self.informers.synced());
        self.informers.wake_at().map(|(at, _)| at).into_iter().chain(status).min()
    }

    /// The Ingresses that are its own, the oldest first.
    fn own(&self) -> Vec<&Arc<Ingress>> {
        let cache = &self.informers.cache;
        let mut own: Vec<&Arc<Ingress>> = cache.all::<Ingress>().filter(|ingress| is_own(ingress, cache)).collect();
        own.sort_by_key(|ingress| ingress.metadata.creation_timestamp);
        own
    }

    /// Reports that its Ingresses which came are taken up.
    fn told_of(&mut self, now: Time) -> Vec<Call> {
        let came = std::mem::take(&mut self.early);
        let mut calls = Vec::new();
        for ingress in came.into_iter().filter(|ingress| is_own(ingress, &self.informers.cache)) {
            let about = involved(&Object::Ingress(ingress));
            let requests = self.recorder.event(now, about, "Normal", "Sync", "Scheduled for sync");
            let ids = &mut self.ids;
            calls.extend(requests.into_iter().map(|request| Call { id: ids.next(), request, origin: None }));
        }
        calls
    }

    fn build(&self) -> Routes {
        let (cache, mut routes) = (&self.informers.cache, Routes::default());
        for ingress in self.own() {
            let (spec, namespace) = (&ingress.spec, ingress.metadata.namespace.as_str());
            let secured = |host: &str| spec.tls.iter().any(|tls| tls.hosts.iter().any(|known| known == host));
            let location = |host: &str, path: &str, kind, backend: &IngressBackend| {
                let (path, upstream) = (path.to_owned(), upstream(cache, namespace, backend));
                Location { path, kind, upstream, redirects: secured(host) }
            };
            for rule in &spec.rules {
                for path in rule.http.iter().flat_map(|http| &http.paths) {
                    let text = if path.path.is_empty() { "/" } else { &path.path };
                    let kind = match path.path_type.as_deref() {
                        Some("Exact") => PathKind::Exact,
                        Some("Prefix") => PathKind::Prefix,
                        _ => PathKind::Characters,
                    };
                    routes.add(&rule.host, location(&rule.host, text, kind, &path.backend));
                }
            }
            let Some(default) = &spec.default_backend else { continue };
            let hosts = spec.rules.iter().map(|rule| rule.host.as_str());
            let hosts: Vec<&str> = if spec.rules.is_empty() { vec![""] } else { hosts.collect() };
            for host in hosts {
                if !routes.takes_all(host) {
                    routes.add(host, location(host, "/", PathKind::Prefix, default));
                }
            }
        }
        routes
    }

    /// The addresses at which it is reached.
    fn addresses(&self, node_ips: &[Ipv4Addr]) -> Vec<String> {
        let published = self.runs.values().find_map(|(_, service)| service.as_deref());
        let Some((namespace, name)) = published.and_then(|service| service.split_once('/')) else {
            return node_ips.iter().map(Ipv4Addr::to_string).collect();
        };
        let Some(service) = self.informers.cache.get::<Service>(namespace, name) else { return Vec::new() };
        let points = service.status.load_balancer.get("ingress").and_then(|points| points.as_array());
        points.into_iter().flatten().filter_map(|point| point["ip"].as_str()).map(str::to_owned).collect()
    }

    /// The requests that make the addresses of its Ingresses these.
    fn publish(&mut self, addresses: &[String]) -> Vec<Request> {
        let stale = |ingress: &&Arc<Ingress>| {
            let known = ingress.status.load_balancer.ingress.iter().map(|point| &point.ip);
            !known.eq(addresses.iter())
        };
        let points: Vec<serde_json::Value> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
        let patch = |ingress: &Arc<Ingress>| {
            let body = json!({"status": {"loadBalancer": {"ingress": points}}});
            let mut request = owner::patch_of(Kind::Ingress, &ingress.metadata, PatchType::Merge, body);
            request.subresource = Some(Subresource::Status);
            request
        };
        self.own().into_iter().filter(stale).map(patch).collect()
    }
}

/// Whether an Ingress is this controller's.
fn is_own(ingress: &Ingress, cache: &Cache) -> bool {
    match &ingress.spec.ingress_class_name {
        Some(name) => cache.get::<IngressClass>("", name).is_some_and(|class| class.spec.controller == CONTROLLER),
        None => ingress.metadata.annotations.get(ANNOTATION.0).is_some_and(|class| class == ANNOTATION.1),
    }
}

/// The endpoints of the port of a Service that a backend names.
fn upstream(cache: &Cache, namespace: &str, backend: &IngressBackend) -> Upstream {
    let Some(to) = &backend.service else { return Upstream::default() };
    let port = if to.port.name.is_empty() { to.port.number.to_string() } else { to.port.name.clone() };
    let name = format!("{namespace}-{}-{port}", to.name);
    let service = cache.get::<Service>(namespace, &to.name);
    let meant = service.and_then(|service| {
        let named = |p: &&crate::api::ServicePort| !to.port.name.is_empty() && p.name == to.port.name;
        let numbered = |p: &&crate::api::ServicePort| to.port.name.is_empty() && p.port == to.port.number;
        service.spec.ports.iter().find(|p| named(p) || numbered(p))
    });
    let Some(meant) = meant else { return Upstream { name, endpoints: Vec::new() } };
    let mut endpoints = Vec::new();
    let of = |slice: &&Arc<EndpointSlice>| {
        slice.metadata.labels.get("kubernetes.io/service-name").is_some_and(|service| *service == to.name)
    };
    for slice in cache.in_namespace::<EndpointSlice>(namespace).filter(of) {
        let ports = slice.ports.iter().filter(|port| port.name == meant.name);
        for number in ports.filter_map(|port| u16::try_from(port.port?).ok()) {
            let ready = slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready.unwrap_or(true));
            let ips = ready.filter_map(|endpoint| endpoint.addresses.first()?.parse::<Ipv4Addr>().ok());
            endpoints.extend(ips.map(|ip| SocketAddrV4::new(ip, number)));
        }
    }
    endpoints.sort_unstable();
    endpoints.dedup();
    Upstream { name, endpoints }
}

impl Cluster {
    /// A container of a node has changed: the controller may begin or end with it.
    pub(crate) fn ingress_container(&mut self, ix: NodeIx, view: &ContainerView, cause: Option<EventId>) {
        let of_family = || image::parse(&view.image).is_ok_and(|name| name.info().family == Family::IngressNginx);
        let is_known = self.ingress.as_ref().is_some_and(|known| known.runs.contains_key(&view.id));
        match view.phase {
            ContainerPhase::Running { .. } if !is_known && of_family() => {
                let Some(host) = self.host(ix) else { return };
                let args = host.runtime.containers().find(|c| c.view.id == view.id).map(|c| c.config.args.clone());
                let published = args
                    .unwrap_or_default()
                    .iter()
                    .find_map(|arg| arg.strip_prefix("--publish-service=").map(str::to_owned));
                let namespace = view.pod.namespace.clone();
                let published = published.map(|name| name.replace("$(POD_NAMESPACE)", &namespace));
                let epoch = self.scenario.epoch().0;
                let controller = self.ingress.get_or_insert_with(|| Box::new(IngressController::new(epoch)));
                controller.runs.insert(view.id.clone(), (ix, published));
                let routes = Arc::clone(&controller.routes);
                controller.next_status = Some(self.now);
                self.tell_routes(ix, routes, cause);
                self.rearm(Actor::Ingress);
            }
            ContainerPhase::Exited { .. } if is_known => {
                let Some(controller) = &mut self.ingress else { return };
                controller.runs.remove(&view.id);
                if controller.runs.is_empty() {
                    self.ingress = None;
                    let number = number_of(Actor::Ingress);
                    self.calls.retain(|(client, _), _| *client != number);
                    self.lose_what_is_under_way_to(Actor::Ingress);
                    self.leave_api_servers(Actor::Ingress, cause);
                }
                self.rearm(Actor::Ingress);
            }
            _ => {}
        }
    }

    fn tell_routes(&mut self, ix: NodeIx, routes: Arc<Routes>, cause: Option<EventId>) {
        let message = Message::ToRuntime(runtime::Input::IngressRoutes(routes));
        self.hand_over(Actor::Runtime(ix), cause, Span::millis(1), message);
    }

    pub(crate) fn ingress_woken(&mut self, cause: Option<EventId>) {
        let now = self.now;
        let Some(controller) = &mut self.ingress else { return };
        let calls = controller.informers.wake(now, &mut controller.ids);
        self.ingress_calls(calls.into_iter().map(|(id, request)| Call { id, request, origin: None }).collect(), cause);
        self.ingress_publishes(cause);
    }

    pub(crate) fn ingress_answered(&mut self, answer: &Answer, cause: Option<EventId>) {
        let now = self.now;
        let Some(controller) = &mut self.ingress else { return };
        let Some(told) = controller.informers.handle(answer, now, &mut controller.ids) else { return };
        let mut calls: Vec<Call> =
            told.calls.into_iter().map(|(id, request)| Call { id, request, origin: None }).collect();
        let mut changed = false;
        for change in &told.changes {
            changed |= change.kind() == Kind::Ingress;
            controller.early.extend(change.new_as::<Ingress>().filter(|_| !change.deleted()).cloned());
        }
        if changed {
            controller.next_status = Some(now);
        }
        if controller.informers.synced() {
            calls.extend(controller.told_of(now));
        }
        let routes = controller.build();
        let new = (routes != *controller.routes).then(|| Arc::new(routes));
        if let Some(routes) = &new {
            controller.routes = Arc::clone(routes);
        }
        let nodes: Vec<NodeIx> = controller.runs.values().map(|(ix, _)| *ix).collect();
        self.ingress_calls(calls, cause);
        if let Some(routes) = new {
            nodes.into_iter().for_each(|ix| self.tell_routes(ix, Arc::clone(&routes), cause));
        }
    }

    /// Writes the addresses, if it is time.
    fn ingress_publishes(&mut self, cause: Option<EventId>) {
        let now = self.now;
        let Some(controller) = &self.ingress else { return };
        if !controller.informers.synced() || controller.next_status.is_none_or(|at| at > now) {
            return;
        }
        let mut ips: Vec<Ipv4Addr> = controller.runs.values().filter_map(|(ix, _)| self.node_ip(*ix)).collect();
        ips.sort_unstable();
        ips.dedup();
        let Some(controller) = &mut self.ingress else { return };
        let addresses = controller.addresses(&ips);
        let requests = controller.publish(&addresses);
        controller.next_status = Some(now + STATUS);
        let ids = &mut controller.ids;
        let calls = requests.into_iter().map(|request| Call { id: ids.next(), request, origin: None }).collect();
        self.ingress_calls(calls, cause);
    }

    fn ingress_calls(&mut self, calls: Vec<Call>, cause: Option<EventId>) {
        self.calls_of(Actor::Ingress, calls.into_iter().map(|call| (cause, call)).collect());
    }
}
