//! The EndpointSlice controller: the backends of a Service, at most a hundred to a slice.
//!
//! Models `pkg/controller/endpointslice/endpointslice_controller.go` and `k8s.io/endpointslice/reconciler.go`: endpoints
//! that are right stay in their slices, what is new fills the fullest slice that has room, and the rest gets new slices.

use crate::sim::{VecMap, VecSet};
use std::sync::Arc;

use crate::api::{
    Endpoint, EndpointConditions, EndpointSlice, EndpointSlicePort, Kind, Node, ObjectMeta, ObjectRef, OwnerReference,
    Pod, Request, Service,
};
use crate::control::cache::{Cache, Change, Index};
use crate::control::controller::service_pods::{self, TRIGGER_TIME};
use crate::control::controller::{Setup, owner, pods};
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};

const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
const HEADLESS: &str = "service.kubernetes.io/headless";
const ZONE: &str = "topology.kubernetes.io/zone";
/// `--max-endpoints-per-slice`.
const MOST: usize = 100;

/// The EndpointSlice controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointSliceController;

impl EndpointSliceController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        EndpointSliceController
    }
}

/// The ports of a slice, as a key.
type Ports = Vec<(String, Option<i32>, String, Option<String>)>;

impl Reconciler for EndpointSliceController {
    const NAME: &'static str = "endpoint-slice-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::Service, Kind::Pod, Kind::Node, Kind::EndpointSlice];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        if let Some(slice) = change.new_as::<EndpointSlice>() {
            return affected_by_slice(change, slice);
        }
        service_pods::affected(change, cache)
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(service) = cx.cache.get_ref::<Service>(key) else { return Ok(Plan::nothing()) };
        if !service_pods::is_served(service) || service.metadata.deletion_timestamp.is_some() {
            return Ok(Plan::nothing());
        }
        let selected = cx.cache.pods_with(&key.namespace, &service.spec.selector);
        let ours = |slice: &&Arc<EndpointSlice>| {
            slice.metadata.labels.get(MANAGED_BY).is_some_and(|by| by == MANAGER)
                && slice.metadata.deletion_timestamp.is_none()
        };
        let place = format!("{}/{}", key.namespace, key.name);
        let known: Vec<&Arc<EndpointSlice>> =
            cx.cache.find_as::<EndpointSlice>(Index::Service, &place).filter(ours).collect();
        let mut wanted: VecMap<Ports, (Vec<EndpointSlicePort>, VecMap<String, Endpoint>)> = VecMap::new();
        for pod in selected.iter().filter(|pod| belongs(pod)) {
            let ports = ports_of(pod, service);
            let endpoint = endpoint(pod, service, cx.cache);
            let of_ports = wanted.entry(key_of(&ports)).or_insert_with(|| (ports, VecMap::new()));
            of_ports.1.insert(pod.metadata.uid.to_string(), endpoint);
        }
        Ok(Changes::new(service, &selected).plan(wanted, &known))
    }
}

/// A slice was changed by somebody else, or is gone: its Service is looked at.
fn affected_by_slice(change: &Change, slice: &EndpointSlice) -> Vec<ObjectRef> {
    let managed = slice.metadata.labels.get(MANAGED_BY).is_some_and(|by| by == MANAGER);
    let service = slice.metadata.labels.get(SERVICE_NAME).filter(|_| managed && !change.added());
    let key = |name: &String| ObjectRef {
        kind: Kind::Service,
        namespace: slice.metadata.namespace.as_str().into(),
        name: name.as_str().into(),
    };
    service.map(key).into_iter().collect()
}

/// Whether a pod is to be a backend (`ShouldPodBeInEndpoints` with terminating ones).
pub fn belongs(pod: &Pod) -> bool {
    !pods::is_terminal(pod) && !pod.status.pod_ip.is_empty()
}

/// The ports of a Service on a pod.
fn ports_of(pod: &Pod, service: &Service) -> Vec<EndpointSlicePort> {
    let port = |port: &crate::api::ServicePort| {
        Some(EndpointSlicePort {
            name: port.name.clone(),
            protocol: port.protocol.clone(),
            port: Some(service_pods::find_port(pod, port)?),
            app_protocol: port.app_protocol.clone(),
            ..EndpointSlicePort::default()
        })
    };
    service.spec.ports.iter().filter_map(port).collect()
}

fn key_of(ports: &[EndpointSlicePort]) -> Ports {
    let mut key: Ports =
        ports.iter().map(|p| (p.name.clone(), p.port, p.protocol.to_string(), p.app_protocol.clone())).collect();
    key.sort();
    key
}

/// The endpoint of a pod (`podToEndpoint`).
pub fn endpoint(pod: &Pod, service: &Service, cache: &Cache) -> Endpoint {
    let serving = pods::is_ready(pod);
    // The first address of the slice's family.
    let address = pod.status.pod_ips.iter().map(|ip| &ip.ip).find(|ip| ip.parse::<std::net::Ipv4Addr>().is_ok());
    let terminating = pod.metadata.deletion_timestamp.is_some();
    let ready = service.spec.publish_not_ready_addresses || (serving && !terminating);
    let node = (!pod.spec.node_name.is_empty()).then(|| pod.spec.node_name.clone());
    let zone = node.as_ref().and_then(|name| cache.get::<Node>("", name)?.metadata.labels.get(ZONE).cloned());
    Endpoint {
        addresses: vec![address.cloned().unwrap_or_else(|| pod.status.pod_ip.clone())],
        conditions: EndpointConditions {
            ready: Some(ready),
            serving: Some(serving),
            terminating: Some(terminating),
            ..EndpointConditions::default()
        },
        hostname: service_pods::hostname(pod, service).cloned(),
        node_name: node,
        target_ref: Some(service_pods::target(pod)),
        zone,
        ..Endpoint::default()
    }
}

/// The slices of one Service, being changed.
struct Changes<'a> {
    service: &'a Service,
    labels: crate::api::meta::Labels,
    trigger: Option<String>,
    create: Vec<EndpointSlice>,
    update: Vec<EndpointSlice>,
    delete: Vec<ObjectMeta>,
}

impl<'a> Changes<'a> {
    fn new(service: &'a Service, selected: &[&Arc<Pod>]) -> Self {
        let mut labels = service_pods::inherited_labels(service);
        labels.remove(HEADLESS);
        if service_pods::is_headless(service) {
            labels.insert(HEADLESS.into(), String::new());
        }
        labels.insert(SERVICE_NAME.into(), service.metadata.name.clone());
        labels.insert(MANAGED_BY.into(), MANAGER.into());
        let trigger = service_pods::trigger_time(service, selected).map(|at| at.to_string());
        Changes { service, labels, trigger, create: Vec::new(), update: Vec::new(), delete: Vec::new() }
    }

    fn plan(
        mut self,
        mut wanted: VecMap<Ports, (Vec<EndpointSlicePort>, VecMap<String, Endpoint>)>,
        known: &[&Arc<EndpointSlice>],
    ) -> Plan {
        let mut by_ports: VecMap<Ports, Vec<&Arc<EndpointSlice>>> = VecMap::new();
        for slice in known {
            by_ports.entry(key_of(&slice.ports)).or_default().push(slice);
        }
        // A Service without backends keeps one slice without endpoints and ports as a placeholder.
        if wanted.is_empty() {
            wanted.insert(Vec::new(), (Vec::new(), VecMap::new()));
        }
        for (ports, slices) in &by_ports {
            if !wanted.contains_key(ports) {
                self.delete.extend(slices.iter().map(|slice| slice.metadata.clone()));
            }
        }
        for (key, (ports, endpoints)) in wanted {
            self.reconcile_ports(&ports, endpoints, by_ports.get(&key).map_or(&[][..], Vec::as_slice));
        }
        self.reuse();
        let mut plan = Plan::nothing();
        plan.together(self.create.into_iter().map(|slice| ApiCall::new(Request::create(slice))).collect());
        plan.together(self.update.into_iter().map(|slice| ApiCall::new(Request::update(slice))).collect());
        let delete =
            |meta: &ObjectMeta| ApiCall::unless_gone(Request::delete(Kind::EndpointSlice, &meta.namespace, &meta.name));
        plan.together(self.delete.iter().map(delete).collect());
        plan
    }

    /// The slices of one set of ports.
    fn reconcile_ports(
        &mut self,
        ports: &[EndpointSlicePort],
        mut missing: VecMap<String, Endpoint>,
        known: &[&Arc<EndpointSlice>],
    ) {
        let mut slices: Vec<(EndpointSlice, bool)> = Vec::new();
        let (none_wanted, mut kept_one) = (missing.is_empty(), false);
        for slice in known {
            let mut updated = slice.as_ref().clone();
            let mut seen = VecSet::new();
            updated.endpoints = slice
                .endpoints
                .iter()
                .filter_map(|known| {
                    let uid = known.target_ref.as_ref()?.uid.to_string();
                    if !seen.insert(uid.clone()) {
                        return None;
                    }
                    missing.remove(&uid)
                })
                .collect();
            updated.metadata.labels = self.labels.clone();
            let changed = updated != ***slice;
            if updated.endpoints.is_empty() && (kept_one || !none_wanted) {
                self.delete.push(slice.metadata.clone());
                continue;
            }
            kept_one = true;
            slices.push((updated, changed));
        }
        self.fill(&mut slices, &mut missing);
        for (mut slice, _) in slices.into_iter().filter(|(_, changed)| *changed) {
            self.annotate(&mut slice.metadata);
            self.update.push(slice);
        }
        let mut rest: Vec<Endpoint> = missing.into_values().collect();
        while !rest.is_empty() || (none_wanted && !std::mem::replace(&mut kept_one, true)) {
            let chunk = rest.drain(..rest.len().min(MOST)).collect();
            self.create.push(self.new_slice(ports, chunk));
        }
    }

    /// Fills slices that change anyway, then the fullest that takes all the rest.
    fn fill(&self, slices: &mut [(EndpointSlice, bool)], missing: &mut VecMap<String, Endpoint>) {
        for (slice, _) in slices.iter_mut().filter(|(_, changed)| *changed) {
            while slice.endpoints.len() < MOST {
                let Some((_, endpoint)) = missing.pop_first() else { return };
                slice.endpoints.push(endpoint);
            }
        }
        let left = missing.len() % MOST;
        if left == 0 {
            return;
        }
        let fits = |(slice, _): &&mut (EndpointSlice, bool)| slice.endpoints.len() + left <= MOST;
        if let Some((slice, changed)) = slices.iter_mut().filter(fits).max_by_key(|(slice, _)| slice.endpoints.len()) {
            for _ in 0..left {
                slice.endpoints.extend(missing.pop_first().map(|(_, endpoint)| endpoint));
            }
            *changed = true;
        }
    }

    /// A slice that would be deleted takes the place of one that would be made, so that its name stays.
    fn reuse(&mut self) {
        while let (Some(_), Some(_)) = (self.create.last(), self.delete.last()) {
            let (Some(mut slice), Some(meta)) = (self.create.pop(), self.delete.pop()) else { return };
            slice.metadata =
                ObjectMeta { labels: slice.metadata.labels, annotations: slice.metadata.annotations, ..meta };
            self.update.push(slice);
        }
    }

    fn annotate(&self, meta: &mut ObjectMeta) {
        match &self.trigger {
            Some(at) => meta.annotations.insert(TRIGGER_TIME.into(), at.clone()),
            None => meta.annotations.remove(TRIGGER_TIME),
        };
    }

    fn new_slice(&self, ports: &[EndpointSlicePort], endpoints: Vec<Endpoint>) -> EndpointSlice {
        let owner: OwnerReference = owner::controller_ref(self.service);
        let mut metadata = ObjectMeta {
            generate_name: format!("{}-", self.service.metadata.name),
            namespace: self.service.metadata.namespace.clone(),
            labels: self.labels.clone(),
            owner_references: vec![owner],
            ..ObjectMeta::default()
        };
        self.annotate(&mut metadata);
        EndpointSlice {
            metadata,
            address_type: "IPv4".into(),
            endpoints,
            ports: ports.to_vec(),
            ..EndpointSlice::default()
        }
    }
}
