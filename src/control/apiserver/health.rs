//! How the server is: `/healthz`, `/livez`, `/readyz`.
//!
//! Models `k8s.io/apiserver/pkg/server/healthz` and the check `etcd` of `pkg/server/options/etcd.go`: a read of a key that is
//! not there, which fails when etcd says so. Differs: there it fails after 2 s, here whoever asks gives up then.

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
/// The checks of which a failure of etcd's is one, in order.
const BEFORE: [&str; 2] = ["ping", "log"];

impl ApiServer {
    /// Begins to answer a request for the server's health; `false` if it is none.
    pub(super) fn check_health(
        &mut self,
        client: ClientId,
        id: CallId,
        http: &HttpRequest,
        out: &mut Out<Effect>,
    ) -> bool {
        let asked = PATHS.into_iter().find(|path| http.path.trim_matches('/') == *path);
        let Some(path) = asked.filter(|_| http.method == Method::Get) else { return false };
        let read = Op::Range(RangeOp::new(KeyRange::one(KEY)));
        self.errand(Errand::Health(client, id, path), read, out);
        true
    }

    /// Etcd answers, or does not, for a request for the server's health.
    pub(super) fn health_found(client: ClientId, id: CallId, path: &'static str, is_well: bool, out: &mut Out<Effect>) {
        let response = if is_well {
            HttpResponse::text(200, "ok")
        } else {
            let fine: String = BEFORE.iter().map(|name| format!("[+]{name} ok\n")).collect();
            HttpResponse::text(500, format!("{fine}[-]etcd failed: reason withheld\n{path} check failed\n"))
        };
        out.push(Effect::Http { client, id, response });
    }
}
