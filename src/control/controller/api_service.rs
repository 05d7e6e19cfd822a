//! Whether the servers behind APIServices can be reached: the condition Available.
//!
//! Models `k8s.io/kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go`. Differs: it is a controller of
//! the controller-manager, not of the API server, and it does not ask the server itself (upstream's
//! `FailedDiscoveryCheck`).

use std::sync::Arc;

use crate::api::{
    APIService, APIServiceCondition, Endpoints, Kind, ObjectRef, Request, Service, ServiceReference, ServiceType,
    Timestamp,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::Setup;
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiServices;

impl ApiServices {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        ApiServices
    }
}

impl Reconciler for ApiServices {
    const NAME: &'static str = "apiservice-availability-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::APIService, Kind::Service, Kind::Endpoints];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        let meta = change.new.meta();
        let key = |name: &str| ObjectRef { kind: Kind::APIService, namespace: "".into(), name: name.into() };
        if change.kind() == Kind::APIService {
            return if change.deleted() { Vec::new() } else { vec![key(&meta.name)] };
        }
        let names = |of: &ServiceReference| of.namespace == meta.namespace && of.name == meta.name;
        let behind = cache.all::<APIService>().filter(|s| s.spec.service.as_ref().is_some_and(names));
        behind.map(|service| key(&service.metadata.name)).collect()
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(service) = cx.cache.get_ref::<APIService>(key) else { return Ok(plan) };
        let wanted = with(service, availability(service, cx.cache), cx.timestamp());
        if wanted.status != service.status {
            plan.then(ApiCall::unless_gone(Request::update_status(wanted)));
        }
        Ok(plan)
    }
}

/// Whether the server can be reached, the reason and the words.
fn availability(service: &APIService, cache: &Cache) -> (bool, &'static str, String) {
    let Some(of) = &service.spec.service else {
        return (true, "Local", "Local APIServices are always available".into());
    };
    let what = format!("service/{} in {:?}", of.name, of.namespace);
    let Some(behind) = cache.get::<Service>(&of.namespace, &of.name) else {
        return (false, "ServiceNotFound", format!("{what} is not present"));
    };
    if behind.spec.r#type != ServiceType::ClusterIp {
        return (true, "Passed", "all checks passed".into());
    }
    let wanted = of.port.unwrap_or(443);
    let Some(port) = behind.spec.ports.iter().find(|port| port.port == wanted) else {
        return (false, "ServicePortError", format!("{what} is not listening on port {wanted}"));
    };
    let Some(endpoints) = cache.get::<Endpoints>(&of.namespace, &of.name) else {
        return (false, "EndpointsNotFound", format!("cannot find endpoints for {what}"));
    };
    let listens = endpoints
        .subsets
        .iter()
        .any(|subset| !subset.addresses.is_empty() && subset.ports.iter().any(|p| p.name == port.name));
    if !listens {
        let words = format!("endpoints for {what} have no addresses with port name {:?}", port.name);
        return (false, "MissingEndpoints", words);
    }
    (true, "Passed", "all checks passed".into())
}

/// The same with that condition (`SetAPIServiceCondition`).
fn with(service: &Arc<APIService>, said: (bool, &str, String), now: Timestamp) -> APIService {
    let (available, reason, message) = said;
    let status = if available { "True" } else { "False" };
    let known = service.availability().filter(|known| known.status == status);
    let condition = APIServiceCondition {
        r#type: "Available".into(),
        status: status.into(),
        last_transition_time: known.map_or(Some(now), |known| known.last_transition_time),
        reason: reason.into(),
        message,
        ..APIServiceCondition::default()
    };
    let mut wanted = service.as_ref().clone();
    let conditions = &mut wanted.status.conditions;
    match conditions.iter_mut().find(|known| known.r#type == "Available") {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
    wanted
}
