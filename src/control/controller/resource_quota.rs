//! The quota controller: counts what is used of each quota.
//!
//! Models `pkg/controller/resourcequota`: what is created is charged by the API server; the controller counts when a quota is
//! new or changed, when something goes, and every five minutes.

use crate::api::{Kind, Object, ObjectRef, Request, ResourceQuota, Service, usage};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, pods};
use crate::control::quota;
use crate::control::reconciler::{ALL_BUT_EVENTS, ApiCall, Context, Plan, ReconcileError, Reconciler};
use crate::sim::Span;

const RESYNC: Span = Span::mins(5);

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourceQuotaController;

impl ResourceQuotaController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        ResourceQuotaController
    }
}

impl Reconciler for ResourceQuotaController {
    const NAME: &'static str = "resourcequota-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = ALL_BUT_EVENTS;

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        if let Some(new) = change.new_as::<ResourceQuota>()
            && !change.deleted()
        {
            let same = change.old_as::<ResourceQuota>().is_some_and(|old| old.spec == new.spec);
            return if same { Vec::new() } else { vec![change.new.reference()] };
        }
        if !frees(change) || cache.count(Kind::ResourceQuota) == 0 {
            return Vec::new();
        }
        let space = &change.new.meta().namespace;
        cache.objects_in(Kind::ResourceQuota, space).map(Object::reference).collect()
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(quota) = cx.cache.get_ref::<ResourceQuota>(key) else { return Ok(plan) };
        let space = &quota.metadata.namespace;
        let namespaced = Kind::ALL.iter().filter(|kind| kind.info().namespaced && **kind != Kind::Event);
        let objects = namespaced.flat_map(|kind| cx.cache.objects_in(*kind, space));
        let used = quota::count(quota, objects, cx.timestamp());
        if quota.status.hard != quota.spec.hard || quota.status.used != used {
            let mut new = (**quota).clone();
            new.status.hard.clone_from(&quota.spec.hard);
            new.status.used = used;
            plan.then(ApiCall::unless_gone(Request::update_status(new)));
        }
        plan.look_again(cx.now + RESYNC);
        Ok(plan)
    }
}

/// Whether a change gives something back to the quotas of its namespace.
fn frees(change: &Change) -> bool {
    match (&change.new, &change.old) {
        _ if change.deleted() => true,
        (Object::Pod(new), Some(Object::Pod(old))) => {
            pods::is_terminal(new) && !pods::is_terminal(old) || !usage::holds_the_same(old, new)
        }
        (Object::Service(new), Some(Object::Service(old))) => ports(new) != ports(old),
        _ => false,
    }
}

fn ports(service: &Service) -> (&str, usize) {
    (service.spec.r#type.as_str(), service.spec.ports.len())
}
