//! How the server is: `/healthz`, `/livez`, `/readyz`, and each of their checks by itself (`/livez/etcd`).
//!
//! Models `k8s.io/apiserver/pkg/server/healthz`; the names are those of `kube-apiserver`. The check `etcd` of
//! `pkg/server/options/etcd.go` is a read of a key that is not there, which fails when etcd says so. Differs: there it fails
//! after 2 s, here whoever asks gives up then. A server that answers at all has done what the other checks look for.

use std::collections::BTreeSet;

use crate::api::CallId;
use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::control::apiserver::call::ClientId;
use crate::control::apiserver::sync::Errand;
use crate::control::apiserver::{ApiServer, Effect};
use crate::etcd::{KeyRange, Op, RangeOp};
use crate::sim::Out;

/// The key that is read.
const KEY: &str = "/registry/health";
/// The paths, by which a failure is named.
const PATHS: [&str; 3] = ["healthz", "livez", "readyz"];
/// The path that tells whether requests may come.
const READY: &str = "readyz";
/// The checks that fail with etcd.
const OF_ETCD: [&str; 2] = ["etcd", "etcd-readiness"];
/// The checks that only `/readyz` has.
const OF_READY: [&str; 3] = ["etcd-readiness", "informer-sync", "shutdown"];

/// The checks in their order; what stands behind a slash is a hook that runs when the server has started.
const CHECKS: [&str; 35] = [
    "ping",
    "log",
    "etcd",
    "etcd-readiness",
    "informer-sync",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/aggregator-reload-proxy-client-cert",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
    "shutdown",
];

/// What is asked about the server's health.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    path: &'static str,
    /// The one check, if not all.
    check: Option<&'static str>,
    verbose: bool,
    /// The checks that are left out.
    excluded: BTreeSet<String>,
}

/// The checks of a path.
fn checks(path: &str) -> impl Iterator<Item = &'static str> {
    let is_ready = path == READY;
    CHECKS.into_iter().filter(move |check| is_ready || !OF_READY.contains(check))
}

/// All paths under which the health is told.
pub(super) fn paths() -> impl Iterator<Item = String> {
    PATHS.into_iter().flat_map(|path| {
        checks(path).map(move |check| format!("/{path}/{check}")).chain(std::iter::once(format!("/{path}")))
    })
}

impl Asked {
    /// What a request asks; `None` if it asks for something else.
    fn of(http: &HttpRequest) -> Option<Asked> {
        let whole = http.path.trim_matches('/');
        let (root, check) = whole.split_once('/').map_or((whole, None), |(root, check)| (root, Some(check)));
        let path = PATHS.into_iter().find(|path| *path == root)?;
        let check = match check {
            Some(name) => Some(checks(path).find(|check| *check == name)?),
            None => None,
        };
        let excluded = http.query_values("exclude").map(str::to_owned).collect();
        Some(Asked { path, check, verbose: http.query_value("verbose").is_some(), excluded })
    }

    /// Whether etcd has to be asked.
    fn needs_etcd(&self) -> bool {
        self.check.is_none_or(|check| OF_ETCD.contains(&check))
    }

    /// The answer.
    fn told(&self, is_etcd_well: bool) -> HttpResponse {
        let fails = |check: &str| !is_etcd_well && OF_ETCD.contains(&check);
        if let Some(check) = self.check {
            return match fails(check) {
                true => HttpResponse::text(500, "internal server error: etcd failed: error getting data from etcd\n"),
                false => HttpResponse::text(200, "ok"),
            };
        }
        let (mut said, mut failed, mut unmatched) = (String::new(), false, self.excluded.clone());
        for check in checks(self.path) {
            if unmatched.remove(check) {
                said.push_str(&format!("[+]{check} excluded: ok\n"));
            } else if fails(check) {
                failed = true;
                said.push_str(&format!("[-]{check} failed: reason withheld\n"));
            } else {
                said.push_str(&format!("[+]{check} ok\n"));
            }
        }
        if !unmatched.is_empty() {
            let words: Vec<String> = unmatched.iter().map(|word| format!("{word:?}")).collect();
            let words = words.join(", ");
            said.push_str(&format!("warn: some health checks cannot be excluded: no matches for {words}\n"));
        }
        let path = self.path;
        match (failed, self.verbose) {
            (true, _) => HttpResponse::text(500, format!("{said}{path} check failed\n")),
            (false, true) => HttpResponse::text(200, format!("{said}{path} check passed\n")),
            (false, false) => HttpResponse::text(200, "ok"),
        }
    }
}

impl ApiServer {
    /// Begins to answer a request for the server's health; `false` if it is none.
    pub(super) fn check_health(
        &mut self,
        client: ClientId,
        id: CallId,
        http: &HttpRequest,
        out: &mut Out<Effect>,
    ) -> bool {
        let asked = Some(http).filter(|http| http.method == Method::Get).and_then(Asked::of);
        let Some(asked) = asked else { return false };
        if asked.needs_etcd() {
            let read = Op::Range(RangeOp::new(KeyRange::one(KEY)));
            self.errand(Errand::Health(client, id, asked), read, out);
        } else {
            out.push(Effect::Http { client, id, response: asked.told(true) });
        }
        true
    }

    /// Etcd answers, or does not, for a request for the server's health.
    pub(super) fn health_found(client: ClientId, id: CallId, asked: &Asked, is_well: bool, out: &mut Out<Effect>) {
        out.push(Effect::Http { client, id, response: asked.told(is_well) });
    }
}
