//! The HTTP door: a path, a query and a body become a typed request. Models `k8s.io/apiserver/pkg/endpoints/{request,handlers}`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::decode::{self, Strictness};
use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::api::{
    Body, CallId, Kind, Object, Options, PatchType, Request, ResourceVersion, Status, Subresource, Uid, Verb, go_json,
    manifest, validate, yaml,
};
use crate::control::apiserver::call::{ClientId, Door};
use crate::control::apiserver::definition::Definitions;
use crate::control::apiserver::negotiate::{self, ShownAs};
use crate::control::apiserver::other_form::OtherForm;
use crate::control::apiserver::{ApiServer, Effect, authorizer, discovery, events_v1, legacy, review, token};
use crate::sim::{Out, Span, Time};

/// The form in which a client wants its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Presentation {
    /// As whom it is asked, if not as the administrator.
    pub user: Option<authorizer::User>,
    /// Whether it is written as YAML.
    pub yaml: bool,
    /// What the objects are told as, if not as themselves.
    pub shown_as: Option<ShownAs>,
    /// What goes with each row of a table.
    pub include: Include,
    /// Texts of `Warning` headers.
    pub warnings: Vec<String>,
    /// What is done about fields that are unknown or come twice (`fieldValidation`).
    pub strictness: Strictness,
    /// The fields that come twice in a patch.
    pub twice: Vec<String>,
    /// The other form in which the objects are wanted.
    pub other: Option<OtherForm>,
    /// The custom kind in the version that is wanted.
    pub custom: Option<Kind>,
    /// Whether the client wants to be told when a watch has told everything that was there (`sendInitialEvents`).
    pub initial_events: bool,
    /// Whether it wants to hear now and then how far a watch is (`allowWatchBookmarks`).
    pub bookmarks: bool,
    /// How long a watch may go on (`timeoutSeconds`); as long as the client likes if it did not say.
    pub ends_after: Option<Span>,
}

/// What goes with each row of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Include {
    /// The object's metadata.
    #[default]
    Metadata,
    /// The whole object.
    Object,
    /// Nothing.
    Nothing,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The kind.
    pub kind: Kind,
    /// The namespace; empty for none.
    pub namespace: String,
    /// The name; empty for the collection.
    pub name: String,
    /// The sub-resource.
    pub subresource: Option<Subresource>,
}

impl ApiServer {
    /// Takes a request in its HTTP form in.
    pub(super) fn on_http(
        &mut self,
        client: ClientId,
        id: CallId,
        http: HttpRequest,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let yaml = negotiate::wants_yaml(&http);
        let answer = |response: HttpResponse, out: &mut Out<Effect>| {
            let response = if yaml { negotiate::as_yaml(response) } else { response };
            out.push(Effect::Http { client, id, response });
        };
        let http = match token::authenticated(self, http, now) {
            Ok(http) => http,
            Err(status) => return answer(failure(&status), out),
        };
        if let Some(response) = authorizer::refusal(self, &http) {
            return answer(response, out);
        }
        if self.check_health(client, id, &http, out) || self.ask_components(client, id, &http, now, out) {
            return;
        }
        if let Some(response) = discovery::answer(self, &http) {
            return answer(response, out);
        }
        if let Some(response) = token::answer(self, &http, now).or_else(|| review::answer(self, &http)) {
            return answer(response, out);
        }
        if self.forward(client, id, &http, out) {
            return;
        }
        if target(&http.path, self.definitions()).is_none() {
            return answer(discovery::not_found(self, &http.path), out);
        }
        match request(&http, self.definitions()) {
            Ok((request, mut form)) => {
                form.user = http.impersonate.is_some().then(|| authorizer::user(&http));
                let agent: Arc<str> = http.user_agent.as_str().into();
                self.begin(client, id, agent, Door::Http(form), request, now, out);
            }
            Err(status) => answer(failure(&status), out),
        }
    }
}

/// The answer to a request that cannot be served.
pub fn failure(status: &Status) -> HttpResponse {
    let code = if status.code == 0 { 500 } else { status.code };
    HttpResponse::json(code, &status.to_value())
}

/// The typed form of a request, and the form of its answer.
///
/// # Errors
/// It names nothing that is there, or cannot be understood.
pub fn request(http: &HttpRequest, definitions: &Definitions) -> Result<(Request, Presentation), Status> {
    let target = target(&http.path, definitions).ok_or_else(Status::no_such_resource)?;
    let other = OtherForm::of(&target.group, &target.version);
    let mut form = Presentation { include: include(http), other, ..Presentation::default() };
    form.custom = Some(target.kind).filter(|kind| matches!(kind, Kind::Custom(_)));
    form.warnings.extend(legacy::warning(&target));
    let verb = verb(http, &target)?;
    (form.yaml, form.shown_as) = negotiate::answer(http, verb, target.subresource)?;
    form.strictness = strictness(http)?;
    if verb == Verb::Watch {
        form.initial_events = is_true(http.query_value("sendInitialEvents"));
        form.bookmarks = is_true(http.query_value("allowWatchBookmarks"));
        form.ends_after =
            number(http, "timeoutSeconds")?.filter(|n| *n != 0).map(|n| Span::secs(n.max(0).unsigned_abs()));
    }
    let mut options = options(http)?;
    if other == Some(OtherForm::Events) {
        options.field_selector = events_v1::selector(&options.field_selector);
    }
    let body = body(http, &target, verb, &mut options, &mut form)?;
    let mut request = Request::new(verb, target.kind, &target.namespace, &target.name);
    request.subresource = target.subresource;
    request.options = options;
    request.body = body;
    Ok((request, form))
}

/// What a path names; `None` if nothing.
pub fn target(path: &str, definitions: &Definitions) -> Option<Target> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, plural, name, sub) = match rest {
        ["namespaces", name] => ("", "namespaces", *name, None),
        ["namespaces", name, sub @ ("status" | "finalize")] => ("", "namespaces", *name, Some(*sub)),
        ["namespaces", namespace, plural] => (*namespace, *plural, "", None),
        ["namespaces", namespace, plural, name] => (*namespace, *plural, *name, None),
        ["namespaces", namespace, plural, name, sub] => (*namespace, *plural, *name, Some(*sub)),
        [plural] => ("", *plural, "", None),
        [plural, name] => ("", *plural, *name, None),
        [plural, name, sub] => ("", *plural, *name, Some(*sub)),
        _ => return None,
    };
    let kind = legacy::kind(group, version, plural).or_else(|| definitions.kind(group, version, plural))?;
    let namespaced = kind.info().namespaced;
    if namespaced && namespace.is_empty() && !name.is_empty() || !namespaced && !namespace.is_empty() {
        return None;
    }
    let subresource = match sub {
        Some(word) => Some(subresource(kind, word)?),
        None => None,
    };
    let (group, version) = (group.to_owned(), version.to_owned());
    Some(Target { group, version, kind, namespace: namespace.into(), name: name.into(), subresource })
}

/// A sub-resource of a kind by its name in paths.
fn subresource(kind: Kind, word: &str) -> Option<Subresource> {
    let (which, has) = match word {
        "status" => (Subresource::Status, super::registry::has_status(kind)),
        // What is approved stands in the status.
        "approval" => (Subresource::Status, kind == Kind::CertificateSigningRequest),
        "scale" => (
            Subresource::Scale,
            matches!(kind, Kind::Custom(kind) if kind.scale().is_some())
                || matches!(
                    kind,
                    Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController
                ),
        ),
        "binding" => (Subresource::Binding, kind == Kind::Pod),
        "eviction" => (Subresource::Eviction, kind == Kind::Pod),
        "log" => (Subresource::Log, kind == Kind::Pod),
        "exec" => (Subresource::Exec, kind == Kind::Pod),
        "attach" => (Subresource::Attach, kind == Kind::Pod),
        "portforward" => (Subresource::PortForward, kind == Kind::Pod),
        "ephemeralcontainers" => (Subresource::EphemeralContainers, kind == Kind::Pod),
        "resize" => (Subresource::Resize, kind == Kind::Pod),
        "finalize" => (Subresource::Finalize, kind == Kind::Namespace),
        _ => return None,
    };
    has.then_some(which)
}

pub(super) fn include(http: &HttpRequest) -> Include {
    match http.query_value("includeObject") {
        Some("Object") => Include::Object,
        Some("None") => Include::Nothing,
        _ => Include::Metadata,
    }
}

pub(super) fn is_true(value: Option<&str>) -> bool {
    matches!(value, Some("true" | "1" | "True"))
}

fn verb(http: &HttpRequest, target: &Target) -> Result<Verb, Status> {
    let one = !target.name.is_empty();
    match (http.method, target.subresource) {
        (Method::Get | Method::Post, Some(Subresource::Exec | Subresource::Attach | Subresource::PortForward)) => {
            Ok(Verb::Create)
        }
        (Method::Get, Some(Subresource::Binding | Subresource::Eviction)) => Err(Status::method_not_allowed()),
        (Method::Get, _) if is_true(http.query_value("watch")) => Ok(Verb::Watch),
        (Method::Get, _) if one => Ok(Verb::Get),
        (Method::Get, _) => Ok(Verb::List),
        (Method::Post, None) if !one => {
            if target.kind.info().namespaced && target.namespace.is_empty() {
                return Err(Status::method_not_allowed());
            }
            Ok(Verb::Create)
        }
        (Method::Post, Some(Subresource::Binding | Subresource::Eviction)) => Ok(Verb::Create),
        (Method::Put, part) if one && (is_part_of_object(part) || part == Some(Subresource::Finalize)) => {
            Ok(Verb::Update)
        }
        (Method::Patch, part) if one && is_part_of_object(part) => {
            patch_type(&http.content_type, target.kind).map(Verb::Patch)
        }
        (Method::Delete, None) if one => Ok(Verb::Delete),
        (Method::Delete, None) => Ok(Verb::DeleteCollection),
        _ => Err(Status::method_not_allowed()),
    }
}

/// Whether it is the object, or a part of it that is written by itself.
fn is_part_of_object(part: Option<Subresource>) -> bool {
    use Subresource::{EphemeralContainers, Resize, Scale, Status};
    matches!(part, None | Some(Status | Scale | EphemeralContainers | Resize))
}

fn patch_type(content_type: &str, kind: Kind) -> Result<PatchType, Status> {
    let custom = matches!(kind, Kind::Custom(_));
    match content_type.split(';').next().unwrap_or("").trim() {
        "application/json-patch+json" => Ok(PatchType::Json),
        "application/merge-patch+json" => Ok(PatchType::Merge),
        "application/strategic-merge-patch+json" if !custom => Ok(PatchType::Strategic),
        "application/apply-patch+yaml" => Ok(PatchType::Apply),
        _ => Err(unknown_format(&format!(
            "application/json-patch+json, application/merge-patch+json, {}application/apply-patch+yaml",
            if custom { "" } else { "application/strategic-merge-patch+json, " }
        ))),
    }
}

fn options(http: &HttpRequest) -> Result<Options, Status> {
    let text = |name: &str| http.query_value(name).unwrap_or("").to_owned();
    let resource_version = match http.query_value("resourceVersion") {
        None | Some("") => None,
        Some(version) => Some(ResourceVersion(version.parse().map_err(|_| {
            Status::bad_request(format!(
                "resourceVersion: Invalid value: {version:?}: strconv.ParseUint: parsing {version:?}: invalid syntax"
            ))
        })?)),
    };
    let dry_run = match http.query_value("dryRun") {
        None | Some("") => false,
        Some("All") => true,
        Some(other) => {
            return Err(Status {
                code: 422,
                reason: "Invalid".into(),
                message: format!(
                    "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: {other:?}: supported values: \"All\""
                ),
                details: None,
            });
        }
    };
    let continue_after = match http.query_value("continue") {
        None | Some("") => "".into(),
        Some(token) => super::present::continued(token)
            .ok_or_else(|| Status::bad_request("continue key is not valid: illegal base64 data"))?,
    };
    Ok(Options {
        label_selector: text("labelSelector"),
        field_selector: text("fieldSelector"),
        resource_version,
        dry_run,
        field_manager: text("fieldManager").into(),
        force: is_true(http.query_value("force")),
        propagation_policy: text("propagationPolicy").into(),
        grace_period_seconds: match http.method {
            Method::Delete => number(http, "gracePeriodSeconds")?,
            _ => None,
        },
        limit: match http.method {
            Method::Get => number(http, "limit")?.filter(|n| *n > 0).map(i64::unsigned_abs),
            _ => None,
        },
        continue_after,
        ..Options::default()
    })
}

/// A number of the query, in the words of Go's `strconv` where it is none.
fn number(http: &HttpRequest, name: &str) -> Result<Option<i64>, Status> {
    let Some(text) = http.query_value(name) else { return Ok(None) };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    text.parse().map(Some).map_err(|_| {
        let why = if is_number { "value out of range" } else { "invalid syntax" };
        Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
    })
}

fn body(
    http: &HttpRequest,
    target: &Target,
    verb: Verb,
    options: &mut Options,
    form: &mut Presentation,
) -> Result<Body, Status> {
    match (verb, target.subresource) {
        (_, Some(Subresource::Log | Subresource::Exec | Subresource::Attach | Subresource::PortForward)) => {
            Ok(Body::Value(stream_options(http).into()))
        }
        (Verb::Delete | Verb::DeleteCollection, _) => {
            if !http.body.is_empty() {
                delete_options(&json_body(http)?, options);
            }
            Ok(Body::None)
        }
        (Verb::Patch(how), _) if how != PatchType::Apply => {
            let text = text(http)?;
            let (value, twice) = decode::parse_telling_duplicates(text).map_err(|error| {
                let why = go_json::syntax_error(text.as_bytes()).unwrap_or_else(|| error.to_string());
                Status::bad_request(if how == PatchType::Merge { format!("error decoding patch: {why}") } else { why })
            })?;
            form.twice = twice;
            Ok(Body::Value(value.into()))
        }
        (Verb::Patch(_), _) => {
            let value = json_body(http)?;
            decode::shaped(&value, &format!("{}.{}", target.version, target.kind.info().kind))
                .map_err(|why| Status::bad_request(format!("error decoding: {why}")))?;
            Ok(Body::Value(value.into()))
        }
        (
            Verb::Create | Verb::Update,
            Some(sub @ (Subresource::Scale | Subresource::Binding | Subresource::Eviction)),
        ) => {
            let (kind, group) = match sub {
                Subresource::Scale => ("Scale", "autoscaling"),
                Subresource::Binding => ("Binding", ""),
                _ => ("Eviction", "policy"),
            };
            recognised(http, decode::Wanted { kind, group, version: "v1" }).map(|value| Body::Value(value.into()))
        }
        (Verb::Create | Verb::Update, _) => {
            let object = object_body(http, target, form)?;
            check_name(target, verb, &object)?;
            Ok(Body::Object(object))
        }
        _ => Ok(Body::None),
    }
}

fn text(http: &HttpRequest) -> Result<&str, Status> {
    std::str::from_utf8(&http.body).map_err(|e| Status::bad_request(e.to_string()))
}

/// What is to be done about fields that are unknown or come twice.
fn strictness(http: &HttpRequest) -> Result<Strictness, Status> {
    let word = match http.query_value("fieldValidation") {
        None | Some("") => "Warn",
        Some(word) => word,
    };
    let of = match http.method {
        Method::Post => "CreateOptions",
        Method::Put => "UpdateOptions",
        Method::Patch => "PatchOptions",
        Method::Get | Method::Delete => return Ok(Strictness::default()),
    };
    let words = ["Ignore", "Strict", "Warn"];
    if words.contains(&word) {
        return Ok(Strictness::of(word));
    }
    let error = validate::unsupported("fieldValidation", word, &words);
    Err(Status::invalid_of("meta.k8s.io", of, "", &[error]))
}

/// Whether a body is YAML. Models `negotiation.NegotiateInputSerializer`.
///
/// # Errors
/// It is neither YAML nor JSON.
fn is_yaml(http: &HttpRequest) -> Result<bool, Status> {
    match http.content_type.split(';').next().unwrap_or("").trim() {
        "application/yaml" | "application/apply-patch+yaml" => Ok(true),
        "" | "application/json" => Ok(false),
        _ => Err(unknown_format(negotiate::MEDIA_TYPES)),
    }
}

fn unknown_format(accepted: &str) -> Status {
    let message =
        format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
    Status { code: 415, reason: "UnsupportedMediaType".into(), message, details: None }
}

/// The body as JSON, whatever it was written in.
fn json_body(http: &HttpRequest) -> Result<Value, Status> {
    let text = text(http)?;
    if is_yaml(http)? {
        return manifest::to_value(text).map_err(|why| Status::bad_request(format!("error decoding YAML: {why}")));
    }
    serde_json::from_str(text).map_err(|error| {
        let why = go_json::syntax_error(text.as_bytes()).unwrap_or_else(|| error.to_string());
        Status::bad_request(format!("couldn't get version/kind; json parse error: {why}"))
    })
}

fn object_body(http: &HttpRequest, target: &Target, form: &mut Presentation) -> Result<Object, Status> {
    let text = text(http)?;
    let value;
    let source = if is_yaml(http)? {
        let want = decode::Wanted { kind: target.kind.info().kind, group: &target.group, version: &target.version };
        value = yaml::read::read(text).map_err(|why| want.unrecognised(&why, text))?.to_string();
        value.as_str()
    } else {
        text
    };
    let (object, more) = legacy::decode(target, source, form.strictness)?;
    form.warnings.extend(more);
    Ok(object)
}

/// The body as an object that is stored nowhere: what is asked of a sub-resource, or a review.
pub(super) fn recognised(http: &HttpRequest, want: decode::Wanted<'_>) -> Result<Value, Status> {
    let text = text(http)?;
    let written;
    let source = if is_yaml(http)? {
        written = yaml::read::read(text).map_err(|why| want.unrecognised(&why, text))?.to_string();
        written.as_str()
    } else {
        text
    };
    let (value, _) = decode::recognise(want, source)?;
    let value = if value.is_null() { json!({}) } else { value };
    decode::shaped(&value, &format!("{}.{}", want.version, want.kind)).map_err(|why| want.unfit(&why))?;
    Ok(value)
}

/// The name in the path and the name in the body must be the same.
fn check_name(target: &Target, verb: Verb, object: &Object) -> Result<(), Status> {
    let meta = object.meta();
    if verb == Verb::Update {
        if meta.name != target.name {
            return Err(Status::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                meta.name, target.name
            )));
        }
        if !meta.namespace.is_empty() && meta.namespace != target.namespace {
            return Err(Status::bad_request(format!(
                "the namespace of the object ({}) does not match the namespace on the URL ({})",
                meta.namespace, target.namespace
            )));
        }
    }
    Ok(())
}

fn delete_options(value: &Value, options: &mut Options) {
    if let Some(policy) = value["propagationPolicy"].as_str() {
        options.propagation_policy = policy.into();
    }
    match value["orphanDependents"].as_bool() {
        Some(true) => options.propagation_policy = "Orphan".into(),
        Some(false) => options.propagation_policy = "Background".into(),
        None => {}
    }
    if let Some(seconds) = value["gracePeriodSeconds"].as_i64() {
        options.grace_period_seconds = Some(seconds);
    }
    if let Some(uid) = value["preconditions"]["uid"].as_str() {
        options.precondition_uid = Some(Uid(uid.into()));
    }
    if let Some(version) = value["preconditions"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()) {
        options.precondition_version = Some(ResourceVersion(version));
    }
    if value["dryRun"].as_array().is_some_and(|all| all.iter().any(|d| d == "All")) {
        options.dry_run = true;
    }
}

/// The query of `log` and `exec` as one value.
fn stream_options(http: &HttpRequest) -> Value {
    let mut fields = Map::new();
    let command: Vec<&str> = http.query_values("command").collect();
    fields.insert("command".into(), json!(command));
    for name in ["container", "sinceTime"] {
        if let Some(value) = http.query_value(name) {
            fields.insert(name.into(), json!(value));
        }
    }
    for name in ["follow", "previous", "timestamps", "stdin", "tty"] {
        fields.insert(name.into(), json!(is_true(http.query_value(name))));
    }
    for name in ["tailLines", "sinceSeconds", "limitBytes", "ports"] {
        if let Some(number) = http.query_value(name).and_then(|v| v.parse::<u64>().ok()) {
            fields.insert(name.into(), json!(number));
        }
    }
    Value::Object(fields)
}
