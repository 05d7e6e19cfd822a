//! Requests that another server answers: which, whether it can be reached, and what comes back.
//!
//! Models `k8s.io/kube-aggregator/pkg/apiserver` (`handler_proxy.go`, `handler_apis.go`). An APIService says which group and
//! version belongs to the server behind which Service; its condition Available says whether that can be reached. Differs:
//! the server's own versions have no APIServices (upstream registers one for each, `Local`).

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::http::{HttpRequest, HttpResponse};
use crate::api::{
    APIService, Answer, CallId, Endpoints, Kind, KindOf as _, Request, Response, Service, Status, Subresource,
};
use crate::control::apiserver::call::{CallNo, ClientId};
use crate::control::apiserver::{ApiServer, Effect};
use crate::sim::Out;

/// A request that another server has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Forwarded {
    client: ClientId,
    id: CallId,
    /// Whether it came in typed, not as HTTP.
    typed: bool,
}

impl Forwarded {
    /// Whether a client asked.
    pub fn is_from(&self, client: ClientId) -> bool {
        self.client == client
    }

    /// Whether it is this request of a client.
    pub fn is_of(&self, client: ClientId, id: CallId) -> bool {
        self.client == client && self.id == id
    }
}

/// Where a version of a group is answered.
enum Behind {
    /// At this address.
    Address(Ipv4Addr),
    /// Nowhere at the moment.
    Unavailable,
}

impl ApiServer {
    /// Passes a request on if its group is another server's; whether it is.
    pub(super) fn forward(&mut self, client: ClientId, id: CallId, http: &HttpRequest, out: &mut Out<Effect>) -> bool {
        let parts: Vec<&str> = http.path.trim_matches('/').splitn(4, '/').collect();
        let ["apis", group, version, ..] = parts.as_slice() else { return false };
        match self.behind(group, version) {
            None => return false,
            Some(Behind::Address(to)) => self.pass_on(Forwarded { client, id, typed: false }, to, http.clone(), out),
            Some(Behind::Unavailable) => {
                let response = plain(503, "service unavailable\n");
                out.push(Effect::Http { client, id, response });
            }
        }
        true
    }

    /// A component asks for the metrics of pods ([`Subresource::Metrics`]).
    pub(super) fn forward_metrics(&mut self, client: ClientId, id: CallId, request: &Request, out: &mut Out<Effect>) {
        let (group, version) = ("metrics.k8s.io", "v1beta1");
        let status = match self.behind(group, version) {
            Some(Behind::Address(to)) => {
                let path = format!("/apis/{group}/{version}/namespaces/{}/pods", request.namespace);
                let mut http = HttpRequest::get(path);
                http.query.push(("labelSelector".into(), request.options.label_selector.clone()));
                return self.pass_on(Forwarded { client, id, typed: true }, to, http, out);
            }
            Some(Behind::Unavailable) => unavailable(),
            None => Status::no_such_resource(),
        };
        let answer = Answer::Response { id, response: Response::Failure(Arc::new(status)) };
        out.push(Effect::Answer { client, answer });
    }

    fn pass_on(&mut self, what: Forwarded, to: Ipv4Addr, request: HttpRequest, out: &mut Out<Effect>) {
        let no = self.number();
        self.forwarded.insert(CallNo(no), what);
        out.push(Effect::Forward { to, id: CallId(no), request });
    }

    /// The other server has answered.
    pub(super) fn on_forwarded(&mut self, id: CallId, response: HttpResponse, out: &mut Out<Effect>) {
        let Some(Forwarded { client, id, typed }) = self.forwarded.remove(&CallNo(id.0)) else { return };
        if typed {
            let answer = Answer::Response { id, response: typed_form(&response) };
            out.push(Effect::Answer { client, answer });
        } else {
            out.push(Effect::Http { client, id, response });
        }
    }

    /// Where a version of a group is answered; `None` if no other server has it.
    fn behind(&self, group: &str, version: &str) -> Option<Behind> {
        let registered = self.cached(Kind::APIService, "", &format!("{version}.{group}"))?;
        let registered = APIService::of(registered)?;
        let of = registered.spec.service.as_ref()?;
        if !registered.is_available() {
            return Some(Behind::Unavailable);
        }
        let address = self.endpoint(&of.namespace, &of.name, of.port.unwrap_or(443));
        Some(address.map_or(Behind::Unavailable, Behind::Address))
    }

    /// The first ready endpoint behind a port of a Service.
    fn endpoint(&self, namespace: &str, name: &str, port: i32) -> Option<Ipv4Addr> {
        let service = Service::of(self.cached(Kind::Service, namespace, name)?)?;
        let port = service.spec.ports.iter().find(|p| p.port == port)?;
        let endpoints = Endpoints::of(self.cached(Kind::Endpoints, namespace, name)?)?;
        let subset = endpoints.subsets.iter().find(|s| s.ports.iter().any(|p| p.name == port.name))?;
        subset.addresses.first()?.ip.parse().ok()
    }

    /// The groups of other servers, as discovery lists them.
    pub(super) fn foreign_groups(&self) -> Vec<Value> {
        let registered = self.all_cached(Kind::APIService).filter_map(APIService::of);
        let foreign = registered.filter(|registered| registered.spec.service.is_some());
        let mut groups: Vec<Value> = Vec::new();
        for spec in foreign.map(|registered| &registered.spec) {
            let version = json!({"groupVersion": format!("{}/{}", spec.group, spec.version), "version": spec.version});
            match groups.iter_mut().find(|group| group["name"] == *spec.group) {
                Some(known) => known["versions"].as_array_mut().expect("made below").push(version),
                None => groups.push(json!({"name": spec.group, "versions": [version], "preferredVersion": version})),
            }
        }
        groups
    }
}

/// An answer without a `Status` in it.
pub fn plain(code: u16, text: &str) -> HttpResponse {
    HttpResponse::text(code, text)
}

/// How client-go reads an answer without a `Status` in it.
fn unavailable() -> Status {
    let message = "the server is currently unable to handle the request".to_owned();
    Status { code: 503, reason: "ServiceUnavailable".into(), message, details: None }
}

/// An answer in its typed form.
fn typed_form(response: &HttpResponse) -> Response {
    let value: Option<Value> = serde_json::from_slice(&response.body).ok();
    let words = |value: &Value| value["message"].as_str().map(str::to_owned);
    match value {
        Some(value) if response.is_success() => Response::Value(Arc::new(value)),
        Some(value) if value["kind"] == "Status" => {
            let reason = value["reason"].as_str().unwrap_or("").into();
            let message = words(&value).unwrap_or_default();
            Response::Failure(Arc::new(Status { code: response.code, reason, message, details: None }))
        }
        _ if response.code == 404 => Response::Failure(Arc::new(Status::no_such_resource())),
        _ => Response::Failure(Arc::new(unavailable())),
    }
}

/// Whether a request is for another server's objects.
pub(super) fn is_foreign(request: &Request) -> bool {
    request.subresource == Some(Subresource::Metrics)
}
