//! The service controller: gives Services of type LoadBalancer an address of the cloud's load balancer.
//!
//! Models `controllers/service/controller.go` of k8s.io/cloud-provider with a cloud that answers at once: the load balancer's
//! addresses are 192.168.254.1 and on, beside the nodes. It runs only where there is a cloud (`cloud=on`); elsewhere such a
//! Service waits for an address for ever, as it does on bare metal.

use std::net::Ipv4Addr;

use serde_json::json;

use crate::api::{Kind, Object, ObjectRef, PatchType, Service, ServiceType};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};
use crate::sim::{Time, VecMap};

const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// The network of the load balancer's addresses.
const ADDRESSES: [u8; 3] = [192, 168, 254];

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceLoadBalancer {
    /// Which address each Service has.
    given: VecMap<ObjectRef, Ipv4Addr>,
}

impl ServiceLoadBalancer {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        ServiceLoadBalancer { given: VecMap::new() }
    }

    fn free(&self, wanted: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        let [a, b, c] = ADDRESSES;
        let taken = |ip: &Ipv4Addr| self.given.values().any(|given| given == ip);
        let all = (1..=254).map(|d| Ipv4Addr::new(a, b, c, d));
        wanted.into_iter().chain(all).find(|ip| !taken(ip))
    }
}

/// Whether a Service is to have a load balancer of this cloud.
fn wants(service: &Service) -> bool {
    let other = service.spec.rest.contains_key("loadBalancerClass");
    service.spec.r#type == ServiceType::LoadBalancer && !other && service.metadata.deletion_timestamp.is_none()
}

fn has_finalizer(service: &Service) -> bool {
    service.metadata.finalizers.iter().any(|known| known == FINALIZER)
}

/// The addresses that the Service says it is reached at.
fn known(service: &Service) -> Vec<String> {
    let points = service.status.load_balancer.get("ingress").and_then(|points| points.as_array());
    let ip = |point: &serde_json::Value| point.get("ip").and_then(|ip| ip.as_str()).map(str::to_owned);
    points.into_iter().flatten().filter_map(ip).collect()
}

impl Reconciler for ServiceLoadBalancer {
    const NAME: &'static str = "service-lb-controller";
    const SOURCE: &'static str = "service-controller";
    const WORKERS: u32 = 1;
    const WATCHES: &'static [Kind] = &[Kind::Service];

    fn observe(&mut self, change: &Change, _: &Cache, _: Time) -> Vec<Note> {
        let Some(service) = change.new_as::<Service>() else { return Vec::new() };
        let key = change.new.reference();
        if change.deleted() || !(wants(service) || has_finalizer(service)) {
            self.given.remove(&key);
        } else if !self.given.contains_key(&key) {
            let before = known(service).first().and_then(|ip| ip.parse().ok());
            let wanted = before.or_else(|| service.spec.load_balancer_ip.parse().ok());
            if let Some(ip) = self.free(wanted) {
                self.given.insert(key, ip);
            }
        }
        Vec::new()
    }

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        let relevant = change.new_as::<Service>().is_some_and(|service| wants(service) || has_finalizer(service));
        if relevant && !change.deleted() { vec![change.new.reference()] } else { Vec::new() }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(service) = cx.cache.get_ref::<Service>(key) else { return Ok(plan) };
        let note = |reason, words: &str| Note::normal(about(Object::Service(service.clone())), reason, words);
        let patch = |patch| owner::patch_of(Kind::Service, &service.metadata, PatchType::Merge, patch);
        let status = |points: serde_json::Value| {
            let mut request = patch(json!({"status": {"loadBalancer": {"ingress": points}}}));
            request.subresource = Some(crate::api::Subresource::Status);
            request
        };
        if !wants(service) {
            if !has_finalizer(service) {
                return Ok(plan);
            }
            plan.notes.push(note("DeletingLoadBalancer", "Deleting load balancer"));
            let left: Vec<&String> = service.metadata.finalizers.iter().filter(|f| *f != FINALIZER).collect();
            if service.metadata.deletion_timestamp.is_none() {
                plan.then(ApiCall::unless_gone(status(json!(null))));
            }
            let done = note("DeletedLoadBalancer", "Deleted load balancer");
            plan.then(ApiCall::unless_gone(patch(json!({"metadata": {"finalizers": left}}))).on_done(done));
            return Ok(plan);
        }
        let Some(ip) = self.given.get(key) else {
            let words = "Error syncing load balancer: failed to ensure load balancer: no address is left";
            plan.notes.push(Note::warning(about(Object::Service(service.clone())), "SyncLoadBalancerFailed", words));
            plan.retry = true;
            return Ok(plan);
        };
        if known(service) == [ip.to_string()] && has_finalizer(service) {
            return Ok(plan);
        }
        plan.notes.push(note("EnsuringLoadBalancer", "Ensuring load balancer"));
        if !has_finalizer(service) {
            let all: Vec<&str> = service.metadata.finalizers.iter().map(String::as_str).chain([FINALIZER]).collect();
            plan.then(ApiCall::new(patch(json!({"metadata": {"finalizers": all}}))));
        }
        let points = json!([{"ip": ip.to_string(), "ipMode": "VIP"}]);
        plan.then(ApiCall::new(status(points)).on_done(note("EnsuredLoadBalancer", "Ensured load balancer")));
        Ok(plan)
    }
}
