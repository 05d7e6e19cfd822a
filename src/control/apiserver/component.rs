//! How the parts of the control plane are: `kubectl get componentstatuses`. Nothing of it is kept: whoever asks makes the
//! server ask the scheduler, the controller-manager and etcd.
//!
//! Models `pkg/registry/core/componentstatus` and the list of servers in `pkg/registry/core/rest/storage_core.go`. Differs:
//! a list is in the order of the names; upstream's is in that of the answers.

use serde_json::{Value, json};

use crate::api::fields::FieldSelectors;
use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::api::labels::Selector;
use crate::api::{CallId, Kind, Status, Verb};
use crate::control::apiserver::call::ClientId;
use crate::control::apiserver::http::{Include, failure};
use crate::control::apiserver::negotiate::{self, ShownAs, What};
use crate::control::apiserver::sync::Errand;
use crate::control::apiserver::{ApiServer, Effect, table};
use crate::etcd::{EtcdError, KeyRange, Op, RangeOp};
use crate::sim::{Out, Span, Time, VecMap};

/// The plural of the kind.
pub const PLURAL: &str = "componentstatuses";
const PATH: &str = "/api/v1/componentstatuses";
const WARNING: &str = "v1 ComponentStatus is deprecated in v1.19+";
/// The key that is read.
const KEY: &str = "/registry/health";
/// How long a process may take to shake hands, and how long etcd may take to answer.
const HANDSHAKE_TIMEOUT: Span = Span::secs(10);
const PROBE_TIMEOUT: Span = Span::secs(20);

/// A part of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// kube-controller-manager.
    ControllerManager,
    /// The members of etcd, as one.
    Etcd,
    /// kube-scheduler.
    Scheduler,
}

impl Part {
    const ALL: [Part; 3] = [Part::ControllerManager, Part::Etcd, Part::Scheduler];

    fn name(self) -> &'static str {
        match self {
            Part::ControllerManager => "controller-manager",
            Part::Etcd => "etcd-0",
            Part::Scheduler => "scheduler",
        }
    }

    /// The port on which its process tells how it is; `None` for etcd, which is read from.
    fn port(self) -> Option<u16> {
        match self {
            Part::ControllerManager => Some(10_257),
            Part::Etcd => None,
            Part::Scheduler => Some(10_259),
        }
    }

    fn timeout(self) -> Span {
        if self == Part::Etcd { PROBE_TIMEOUT } else { HANDSHAKE_TIMEOUT }
    }

    /// What is known when it did not answer in time.
    fn late(self) -> Health {
        match self.port() {
            Some(_) => self.failed("net/http: TLS handshake timeout"),
            None => Health::etcd_failed("context deadline exceeded"),
        }
    }

    /// What is known when its process could not be asked.
    fn failed(self, why: &str) -> Health {
        let port = self.port().unwrap_or_default();
        Health {
            is_well: false,
            message: format!("Get \"https://127.0.0.1:{port}/healthz\": {why}"),
            error: String::new(),
        }
    }
}

/// How a part is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Health {
    is_well: bool,
    message: String,
    error: String,
}

impl Health {
    fn well() -> Health {
        Health { is_well: true, message: "ok".into(), error: String::new() }
    }

    fn etcd_failed(why: &str) -> Health {
        Health { is_well: false, message: String::new(), error: format!("error getting data from etcd: {why}") }
    }

    fn cells(&self, part: Part) -> Value {
        json!([part.name(), if self.is_well { "Healthy" } else { "Unhealthy" }, self.message, self.error])
    }

    fn object(&self, part: Part) -> Value {
        let status = if self.is_well { "True" } else { "False" };
        let mut condition = json!({"type": "Healthy", "status": status});
        for (field, text) in [("message", &self.message), ("error", &self.error)] {
            if !text.is_empty() {
                condition[field] = json!(text);
            }
        }
        json!({"metadata": {"name": part.name()}, "conditions": [condition]})
    }
}

/// A request whose parts are being asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asking {
    client: ClientId,
    id: CallId,
    began: Time,
    form: Form,
    /// The parts that are wanted, and what is known of each.
    parts: Vec<(Part, Option<Health>)>,
}

/// In which form the answer is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Form {
    is_list: bool,
    yaml: bool,
    shown_as: Option<ShownAs>,
    include: Include,
}

impl Asking {
    /// Whether a client asks.
    pub fn is_from(&self, client: ClientId) -> bool {
        self.client == client
    }

    /// Whether it is this request of a client.
    pub fn is_of(&self, client: ClientId, id: CallId) -> bool {
        self.client == client && self.id == id
    }

    /// When the next of the parts has had its time.
    fn due(&self) -> Option<Time> {
        self.parts.iter().filter(|(_, health)| health.is_none()).map(|(part, _)| self.began + part.timeout()).min()
    }

    fn answer(&self) -> HttpResponse {
        let known = || self.parts.iter().filter_map(|(part, health)| Some((*part, health.as_ref()?)));
        let objects = || known().map(|(part, health)| typed(health.object(part)));
        let form = &self.form;
        let value = match form.shown_as {
            Some(shown_as) if shown_as.what == What::Table => {
                let rows = known().map(|(part, health)| (health.cells(part), typed(health.object(part))));
                table::components(rows, shown_as.api_version(), form.include)
            }
            Some(shown_as) if form.is_list => shown_as.list_of(objects(), &json!({})),
            Some(shown_as) => objects().next().map(|object| shown_as.metadata_of(&object)).unwrap_or_default(),
            None if form.is_list => {
                let items: Vec<Value> = known().map(|(part, health)| health.object(part)).collect();
                json!({"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": items})
            }
            None => objects().next().unwrap_or_default(),
        };
        let mut response = HttpResponse::json(200, &value);
        if form.yaml {
            response = negotiate::as_yaml(response);
        }
        response.warnings.push(WARNING.into());
        response
    }
}

/// An object with its kind.
fn typed(mut object: Value) -> Value {
    object["kind"] = json!("ComponentStatus");
    object["apiVersion"] = json!("v1");
    object
}

/// What is wanted of a request; `None` if it is for something else.
///
/// # Errors
/// It cannot be answered.
fn wanted(http: &HttpRequest) -> Option<Result<(Vec<Part>, Form), Status>> {
    let rest = http.path.trim_end_matches('/').strip_prefix(PATH)?;
    let name = match rest.strip_prefix('/') {
        None if rest.is_empty() => "",
        Some(name) if !name.contains('/') => name,
        _ => return None,
    };
    Some(chosen(http, name))
}

fn chosen(http: &HttpRequest, name: &str) -> Result<(Vec<Part>, Form), Status> {
    if http.method != Method::Get {
        return Err(Status::method_not_allowed());
    }
    let is_list = name.is_empty();
    if super::http::is_true(http.query_value("watch")) {
        return Err(Status {
            code: 405,
            reason: "MethodNotAllowed".into(),
            message: format!("watch is not supported on resources of kind {PLURAL:?}"),
            details: Some(json!({"kind": PLURAL})),
        });
    }
    let (yaml, shown_as) = negotiate::answer(http, if is_list { Verb::List } else { Verb::Get }, None)?;
    let form = Form { is_list, yaml, shown_as, include: super::http::include(http) };
    let parts = if is_list {
        let labels = Selector::parse(http.query_value("labelSelector").unwrap_or("")).map_err(Status::bad_request)?;
        // A kind that has no fields of its own to select by, either.
        let fields = FieldSelectors::parse(Kind::ConfigMap, http.query_value("fieldSelector").unwrap_or(""));
        let fields = fields.map_err(Status::bad_request)?;
        let is_chosen = |part: &Part| labels.matches(&VecMap::default()) && fields.chooses(part.name());
        Part::ALL.into_iter().filter(is_chosen).collect()
    } else {
        let part = Part::ALL.into_iter().find(|part| part.name() == name);
        vec![part.ok_or_else(|| not_found(name))?]
    };
    Ok((parts, form))
}

fn not_found(name: &str) -> Status {
    let message = format!("componentstatus {name:?} not found");
    let details = json!({"name": name, "kind": "componentstatus"});
    Status { code: 404, reason: "NotFound".into(), message, details: Some(details) }
}

impl ApiServer {
    /// Begins to answer a request for how the parts of the control plane are; `false` if it is for something else.
    pub(super) fn ask_components(
        &mut self,
        client: ClientId,
        id: CallId,
        http: &HttpRequest,
        now: Time,
        out: &mut Out<Effect>,
    ) -> bool {
        let (parts, form) = match wanted(http) {
            None => return false,
            Some(Ok(wanted)) => wanted,
            Some(Err(status)) => {
                out.push(Effect::Http { client, id, response: failure(&status) });
                return true;
            }
        };
        let no = self.number();
        let parts = parts.into_iter().map(|part| (part, None)).collect();
        let asking = Asking { client, id, began: now, form, parts };
        for (part, _) in &asking.parts {
            match part.port() {
                Some(_) => out.push(Effect::Probe { id: no, part: *part }),
                None => {
                    let read = Op::Range(RangeOp::new(KeyRange::one(KEY)));
                    self.errand(Errand::Components(no), read, out);
                }
            }
        }
        self.asking.insert(no, asking);
        self.answer_components(no, out);
        true
    }

    /// A process of the control plane answers, or nobody listens there.
    pub(super) fn on_probed(&mut self, no: u64, part: Part, answers: bool, out: &mut Out<Effect>) {
        let refused = || {
            let port = part.port().unwrap_or_default();
            part.failed(&format!("dial tcp 127.0.0.1:{port}: connect: connection refused"))
        };
        self.component_found(no, part, if answers { Health::well() } else { refused() }, out);
    }

    /// Etcd answers, or does not.
    pub(super) fn etcd_probed(&mut self, no: u64, result: Result<(), EtcdError>, out: &mut Out<Effect>) {
        let health = result.map_or_else(|why| Health::etcd_failed(&why.to_string()), |()| Health::well());
        self.component_found(no, Part::Etcd, health, out);
    }

    fn component_found(&mut self, no: u64, part: Part, health: Health, out: &mut Out<Effect>) {
        let Some(asking) = self.asking.get_mut(&no) else { return };
        if let Some((_, known @ None)) = asking.parts.iter_mut().find(|(asked, _)| *asked == part) {
            *known = Some(health);
        }
        self.answer_components(no, out);
    }

    /// Answers when nothing is waited for any more.
    fn answer_components(&mut self, no: u64, out: &mut Out<Effect>) {
        if self.asking.get(&no).is_some_and(|asking| asking.due().is_none())
            && let Some(asking) = self.asking.remove(&no)
        {
            out.push(Effect::Http { client: asking.client, id: asking.id, response: asking.answer() });
        }
    }

    /// When the next part of the control plane has had its time to answer.
    pub(super) fn next_component_due(&self) -> Option<Time> {
        self.asking.values().filter_map(Asking::due).min()
    }

    /// Parts of the control plane have had their time.
    pub(super) fn give_components_up(&mut self, now: Time, out: &mut Out<Effect>) {
        let due: Vec<(u64, Part)> = self
            .asking
            .iter()
            .flat_map(|(no, asking)| {
                let late = |part: &Part| asking.began + part.timeout() <= now;
                asking
                    .parts
                    .iter()
                    .filter(move |(part, health)| health.is_none() && late(part))
                    .map(|(part, _)| (*no, *part))
            })
            .collect();
        for (no, part) in due {
            self.component_found(no, part, part.late(), out);
        }
    }
}
