//! The Endpoints controller: the addresses behind a Service, in the older form.
//!
//! Models `pkg/controller/endpoint/endpoints_controller.go` and `pkg/api/v1/endpoints/util.go` (`RepackSubsets`).

use std::sync::Arc;

use crate::api::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Kind, ObjectMeta, ObjectRef, Pod, Request, Service,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::service_pods::{self, TRIGGER_TIME};
use crate::control::controller::{Setup, pods};
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};
use crate::sim::VecMap;

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const HEADLESS: &str = "service.kubernetes.io/headless";
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const MOST: usize = 1_000;

/// The Endpoints controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointsController;

impl EndpointsController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        EndpointsController
    }
}

impl Reconciler for EndpointsController {
    const NAME: &'static str = "endpoint-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::Service, Kind::Pod, Kind::Endpoints];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        if change.kind() == Kind::Endpoints {
            let of = change.new.reference();
            return if change.deleted() { vec![ObjectRef { kind: Kind::Service, ..of }] } else { Vec::new() };
        }
        service_pods::affected(change, cache)
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let known = cx.cache.get::<Endpoints>(&key.namespace, &key.name);
        let mut plan = Plan::nothing();
        let Some(service) = cx.cache.get_ref::<Service>(key) else {
            let ours = known.filter(|known| known.metadata.labels.contains_key(MANAGED_BY));
            plan.together(ours.iter().map(|_| delete(key)).collect());
            return Ok(plan);
        };
        if !service_pods::is_served(service) {
            return Ok(plan);
        }
        let selected = cx.cache.pods_with(&key.namespace, &service.spec.selector);
        let wanted = endpoints(service, &selected, known);
        match known {
            None => plan.then(ApiCall::new(Request::create(wanted))),
            Some(known) if !same(known, &wanted) => plan.then(ApiCall::new(Request::update(wanted))),
            Some(_) => {}
        }
        Ok(plan)
    }
}

fn delete(key: &ObjectRef) -> ApiCall {
    ApiCall::unless_gone(Request::delete(Kind::Endpoints, &key.namespace, &key.name))
}

/// Whether nothing but the time of the last change would be new.
fn same(known: &Endpoints, wanted: &Endpoints) -> bool {
    let labels = |endpoints: &Endpoints| {
        let mut labels = endpoints.metadata.labels.clone();
        labels.remove(HEADLESS);
        labels
    };
    known.subsets == wanted.subsets
        && labels(known) == labels(wanted)
        && known.metadata.annotations.contains_key(OVER_CAPACITY)
            == wanted.metadata.annotations.contains_key(OVER_CAPACITY)
}

/// What the Endpoints of a Service must be.
fn endpoints(service: &Service, selected: &[&Arc<Pod>], known: Option<&Arc<Endpoints>>) -> Endpoints {
    let mut wanted = known.map_or_else(Endpoints::default, |known| known.as_ref().clone());
    let mut labels = service_pods::inherited_labels(service);
    labels.insert(MANAGED_BY.into(), "endpoint-controller".into());
    if service_pods::is_headless(service) {
        labels.insert(HEADLESS.into(), String::new());
    } else {
        labels.remove(HEADLESS);
    }
    wanted.metadata = ObjectMeta {
        name: service.metadata.name.clone(),
        namespace: service.metadata.namespace.clone(),
        labels,
        ..wanted.metadata
    };
    let (subsets, truncated) = subsets(service, selected);
    wanted.subsets = subsets;
    let annotations = &mut wanted.metadata.annotations;
    match service_pods::trigger_time(service, selected) {
        Some(at) => annotations.insert(TRIGGER_TIME.into(), at.to_string()),
        None => annotations.remove(TRIGGER_TIME),
    };
    if truncated {
        annotations.insert(OVER_CAPACITY.into(), "truncated".into());
    } else {
        annotations.remove(OVER_CAPACITY);
    }
    wanted
}

/// Addresses by their ports; pods with the same ports share a subset. Whether there were too many.
fn subsets(service: &Service, selected: &[&Arc<Pod>]) -> (Vec<EndpointSubset>, bool) {
    let mut by_ports: VecMap<Vec<(String, i32, String)>, EndpointSubset> = VecMap::new();
    let mut count = 0;
    for pod in selected.iter().filter(|pod| belongs(pod, service)) {
        let mut ports: Vec<EndpointPort> =
            service.spec.ports.iter().filter_map(|port| endpoint_port(pod, port)).collect();
        if ports.is_empty() && !service.spec.ports.is_empty() {
            continue;
        }
        ports.sort_by(|a, b| (&a.name, a.port, &a.protocol).cmp(&(&b.name, b.port, &b.protocol)));
        ports.dedup();
        count += 1;
        if count > MOST {
            break;
        }
        let key = ports.iter().map(|p| (p.name.clone(), p.port, p.protocol.to_string())).collect();
        let subset = by_ports.entry(key).or_insert_with(|| EndpointSubset { ports, ..EndpointSubset::default() });
        let address = EndpointAddress {
            ip: pod.status.pod_ip.clone(),
            hostname: service_pods::hostname(pod, service).cloned().unwrap_or_default(),
            node_name: Some(pod.spec.node_name.clone()).filter(|name| !name.is_empty()),
            target_ref: Some(service_pods::target(pod)),
            ..EndpointAddress::default()
        };
        if service.spec.publish_not_ready_addresses || pods::is_ready(pod) {
            subset.addresses.push(address);
        } else {
            subset.not_ready_addresses.push(address);
        }
    }
    let mut subsets: Vec<EndpointSubset> = by_ports.into_values().collect();
    for subset in &mut subsets {
        let by_ip = |a: &EndpointAddress, b: &EndpointAddress| {
            let uid = |x: &EndpointAddress| x.target_ref.as_ref().map(|target| target.uid.clone());
            (&a.ip, uid(a)).cmp(&(&b.ip, uid(b)))
        };
        subset.addresses.sort_by(by_ip);
        subset.not_ready_addresses.sort_by(by_ip);
    }
    (subsets, count > MOST)
}

/// Whether a pod is to be among the addresses (`ShouldPodBeInEndpoints`).
fn belongs(pod: &Pod, service: &Service) -> bool {
    let dying = pod.metadata.deletion_timestamp.is_some() && !service.spec.publish_not_ready_addresses;
    !pods::is_terminal(pod) && !pod.status.pod_ip.is_empty() && !dying
}

fn endpoint_port(pod: &Pod, port: &crate::api::ServicePort) -> Option<EndpointPort> {
    Some(EndpointPort {
        port: service_pods::find_port(pod, port)?,
        protocol: port.protocol.clone(),
        name: port.name.clone(),
        app_protocol: port.app_protocol.clone(),
        ..EndpointPort::default()
    })
}
