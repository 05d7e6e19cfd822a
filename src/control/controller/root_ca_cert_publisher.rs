//! The publisher of the cluster's certificate: every namespace that is not being deleted has it as the ConfigMap
//! `kube-root-ca.crt`, which every pod mounts beside its token.
//!
//! Models `pkg/controller/certificates/rootcacertpublisher/publisher.go`. Differs: the certificate is a word, for nothing is
//! signed here.

use crate::api::{ConfigMap, Kind, Namespace, ObjectMeta, ObjectRef, Request};
use crate::control::cache::{Cache, Change};
use crate::control::controller::Setup;
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};

/// The ConfigMap's name.
pub const NAME: &str = "kube-root-ca.crt";

/// The key in it.
const KEY: &str = "ca.crt";

/// The annotation that says what the ConfigMap is for.
const DESCRIPTION: &str = "kubernetes.io/description";

/// Upstream's words in it.
const WORDS: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// The certificate.
pub const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nsimulated\n-----END CERTIFICATE-----\n";

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RootCaCertPublisher;

impl RootCaCertPublisher {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        RootCaCertPublisher
    }
}

impl Reconciler for RootCaCertPublisher {
    const NAME: &'static str = "root-ca-certificate-publisher-controller";
    const WORKERS: u32 = 1;
    const WATCHES: &'static [Kind] = &[Kind::Namespace, Kind::ConfigMap];

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        let meta = change.new.meta();
        match change.kind() {
            Kind::Namespace if !change.deleted() => vec![change.new.reference()],
            Kind::ConfigMap if meta.name == NAME && change.old.is_some() => {
                let name = meta.namespace.as_str().into();
                vec![ObjectRef { kind: Kind::Namespace, namespace: "".into(), name }]
            }
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(namespace) = cx.cache.get_ref::<Namespace>(key) else { return Ok(plan) };
        if namespace.status.phase != "Active" {
            return Ok(plan);
        }
        let Some(published) = cx.cache.get::<ConfigMap>(&key.name, NAME) else {
            let metadata = ObjectMeta { name: NAME.into(), namespace: key.name.to_string(), ..ObjectMeta::default() };
            plan.then(ApiCall::new(Request::create(as_it_should_be(ConfigMap { metadata, ..ConfigMap::default() }))));
            return Ok(plan);
        };
        let described = published.metadata.annotations.get(DESCRIPTION).is_some_and(|words| !words.is_empty());
        let wanted = as_it_should_be(published.as_ref().clone());
        if published.data != wanted.data || !described {
            plan.then(ApiCall::new(Request::update(wanted)));
        }
        Ok(plan)
    }
}

fn as_it_should_be(mut map: ConfigMap) -> ConfigMap {
    map.data = [(KEY.to_owned(), CERTIFICATE.to_owned())].into_iter().collect();
    map.metadata.annotations.insert(DESCRIPTION.into(), WORDS.into());
    map
}
