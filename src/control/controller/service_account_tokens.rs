//! Fills the Secrets that somebody makes for a service account with its token, and deletes them with it.
//!
//! Models `pkg/controller/serviceaccount/tokens_controller.go`.

use crate::api::{Kind, Object, ObjectRef, Request, Secret, ServiceAccount, bearer};
use crate::control::cache::{Cache, Change};
use crate::control::controller::root_ca_cert_publisher::CERTIFICATE;
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};

/// The type of such Secrets.
const TYPE: &str = "kubernetes.io/service-account-token";
/// The annotations that name the account.
const NAME: &str = "kubernetes.io/service-account.name";
const UID: &str = "kubernetes.io/service-account.uid";

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceAccountTokens;

impl ServiceAccountTokens {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        ServiceAccountTokens
    }
}

impl Reconciler for ServiceAccountTokens {
    const NAME: &'static str = "serviceaccount-token-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::ServiceAccount, Kind::Secret];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        match &change.new {
            Object::Secret(secret) if secret.r#type == TYPE && !change.deleted() => vec![change.new.reference()],
            Object::ServiceAccount(account) => {
                let of = |secret: &&std::sync::Arc<Secret>| {
                    secret.r#type == TYPE && secret.metadata.annotations.get(NAME) == Some(&account.metadata.name)
                };
                let secrets = cache.in_namespace::<Secret>(&account.metadata.namespace).filter(of);
                secrets.map(|secret| owner::reference(&**secret)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(secret) = cx.cache.get_ref::<Secret>(key).filter(|secret| secret.r#type == TYPE) else {
            return Ok(plan);
        };
        let meta = &secret.metadata;
        let name = meta.annotations.get(NAME).map_or("", String::as_str);
        let uid = meta.annotations.get(UID).filter(|uid| !uid.is_empty());
        let account = cx.cache.get::<ServiceAccount>(&key.namespace, name);
        let Some(account) = account.filter(|account| uid.is_none_or(|uid| *uid == account.metadata.uid.to_string()))
        else {
            let mut request = Request::delete(Kind::Secret, &key.namespace, &key.name);
            request.options.precondition_uid = Some(meta.uid.clone());
            plan.then(ApiCall::unless_gone(request));
            return Ok(plan);
        };
        let filled = filled(secret, account);
        if filled.data != secret.data || filled.metadata.annotations != meta.annotations {
            plan.then(ApiCall::unless_gone(Request::update(filled)));
        }
        Ok(plan)
    }
}

/// A Secret with what is missing in it.
fn filled(secret: &Secret, account: &ServiceAccount) -> Secret {
    let (mut filled, meta) = (secret.clone(), &account.metadata);
    filled.metadata.annotations.insert(UID.into(), meta.uid.to_string());
    let encoded = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
    filled.data.insert("ca.crt".into(), encoded(CERTIFICATE));
    filled.data.insert("namespace".into(), encoded(&meta.namespace));
    let token = bearer::of_secret((&meta.namespace, &meta.name, &meta.uid.to_string()), &secret.metadata.name);
    filled.data.entry("token".into()).or_insert_with(|| encoded(&token));
    filled
}
