//! The service account controller: every namespace that is not being deleted has the account `default`.
//!
//! Models `pkg/controller/serviceaccount/serviceaccounts_controller.go`.

use crate::api::{Kind, Namespace, ObjectMeta, ObjectRef, Request, ServiceAccount};
use crate::control::cache::{Cache, Change};
use crate::control::controller::Setup;
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};

/// The account that pods have if they name none.
const DEFAULT: &str = "default";

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceAccountsController;

impl ServiceAccountsController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        ServiceAccountsController
    }
}

impl Reconciler for ServiceAccountsController {
    const NAME: &'static str = "serviceaccount-controller";
    const WORKERS: u32 = 1;
    const WATCHES: &'static [Kind] = &[Kind::Namespace, Kind::ServiceAccount];

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        match change.kind() {
            Kind::Namespace if !change.deleted() => vec![change.new.reference()],
            Kind::ServiceAccount if change.deleted() => {
                let name = change.new.meta().namespace.as_str().into();
                vec![ObjectRef { kind: Kind::Namespace, namespace: "".into(), name }]
            }
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(namespace) = cx.cache.get_ref::<Namespace>(key) else { return Ok(plan) };
        if namespace.status.phase != "Active" || cx.cache.get::<ServiceAccount>(&key.name, DEFAULT).is_some() {
            return Ok(plan);
        }
        let metadata = ObjectMeta { name: DEFAULT.into(), namespace: key.name.to_string(), ..ObjectMeta::default() };
        plan.then(ApiCall::new(Request::create(ServiceAccount { metadata, ..ServiceAccount::default() })));
        Ok(plan)
    }
}
