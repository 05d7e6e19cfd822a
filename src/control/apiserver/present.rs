//! Answers in their HTTP form. Models `k8s.io/apiserver/pkg/endpoints/handlers/response.go`.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::api::http::{Chunk, ContentType, HttpResponse};
use crate::api::{Kind, Object, Request, Subresource, Verb, WatchEvent, WatchEventType};
use crate::control::apiserver::call::Reply;
use crate::control::apiserver::http::{Include, Presentation, failure};
use crate::control::apiserver::negotiate::{self, ShownAs, What};
use crate::control::apiserver::other_form::OtherForm;
use crate::control::apiserver::{ApiServer, registry, table, warnings};
use crate::etcd::Revision;
use crate::sim::Time;

/// What makes one form of an event another one.
type Form = (Option<ShownAs>, Include, Option<OtherForm>, Option<&'static str>);

/// Events in the forms in which clients wanted them: as what, with what in its rows, in another form or version.
pub(super) type Written = Vec<(Form, Vec<Chunk>)>;

impl ApiServer {
    /// The HTTP form of an answer.
    pub(super) fn present(&self, form: &Presentation, request: &Request, reply: Reply, now: Time) -> HttpResponse {
        let writes = matches!(request.verb, Verb::Create | Verb::Update | Verb::Patch(_));
        let said = match &reply {
            Reply::Object(object) | Reply::Created(object) if writes && request.subresource.is_none() => {
                warnings::of(object, matches!(reply, Reply::Created(_)))
            }
            _ => Vec::new(),
        };
        let mut response = match reply {
            Reply::Failure(status) => failure(&status),
            Reply::Watching => stream(request),
            Reply::Object(object) => ok(200, &self.one(form, &object, now)),
            Reply::Created(object) => ok(201, &self.one(form, &object, now)),
            Reply::Gone(object) if registry::returns_deleted(request.kind) => ok(200, &self.one(form, &object, now)),
            Reply::Gone(object) => ok(200, &success(request, Some(&object))),
            Reply::Value(value, _) if form.is_table() && value["kind"] == "Scale" => {
                ok(200, &table::scale(&value, self.calendar(now), form.include))
            }
            Reply::Value(value, _) => ok(200, &value),
            Reply::Success { .. } => ok(201, &success(request, None)),
            Reply::List { items, revision, next, remaining } => {
                ok(200, &self.list(form, request.kind, &items, (revision, next, remaining), now))
            }
        };
        if let Some(shown_as) = form.shown_as.filter(|_| response.is_success())
            && let Some(status) = shown_as.refusal(request)
        {
            response = failure(&status);
        }
        if form.yaml {
            response = negotiate::as_yaml(response);
        }
        response.warnings.splice(0..0, form.warnings.iter().cloned().chain(said));
        response
    }

    fn one(&self, form: &Presentation, object: &Object, now: Time) -> Value {
        match form.shown_as {
            Some(ShownAs { what: What::Table, .. }) => {
                let kind = form.custom.unwrap_or_else(|| object.kind());
                self.table_of(form, kind, std::slice::from_ref(object), now, true)
            }
            Some(shown_as) => shown_as.metadata(object),
            None => shown(form, object),
        }
    }

    fn table_of(&self, form: &Presentation, kind: Kind, objects: &[Object], now: Time, columns: bool) -> Value {
        let asked: Option<Vec<Object>> = form.custom.map(|kind| objects.iter().map(|o| o.in_version(kind)).collect());
        let objects = asked.as_deref().unwrap_or(objects);
        let mut value = table::table(kind, objects, self.calendar(now), form.include);
        if form.other.is_some() && form.include == Include::Object {
            for (at, object) in objects.iter().enumerate() {
                value["rows"][at]["object"] = shown(form, object);
            }
        }
        if !columns {
            value["columnDefinitions"] = Value::Null;
        }
        if let Some(shown_as) = form.shown_as {
            value["apiVersion"] = json!(shown_as.api_version());
        }
        value
    }

    fn list(
        &self,
        form: &Presentation,
        kind: Kind,
        items: &[Object],
        (revision, next, remaining): (Revision, Option<Arc<str>>, Option<u64>),
        now: Time,
    ) -> Value {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if let Some(next) = next {
            metadata["continue"] = json!(token(revision, &next));
            metadata["remainingItemCount"] = json!(remaining);
        }
        match form.shown_as {
            Some(ShownAs { what: What::Table, .. }) => {
                let mut value = self.table_of(form, kind, items, now, true);
                value["metadata"] = metadata;
                return value;
            }
            Some(shown_as) => return shown_as.list(items, &metadata),
            None => {}
        }
        let info = kind.info();
        let items: Vec<Value> = items.iter().map(|item| shown(form, item)).collect();
        let list_kind = match kind {
            Kind::Custom(kind) => kind.list_kind().to_owned(),
            _ => format!("{}List", info.kind),
        };
        let version = form.other.map_or_else(|| info.api_version(), |other| other.version().to_owned());
        json!({
            "apiVersion": version, "kind": list_kind, "metadata": metadata, "items": items,
        })
    }

    /// Writes the events of a watch, one chunk each. `written` keeps what was written for other clients who want the same
    /// events in the same form.
    pub(super) fn write_events(
        &self,
        written: &mut Written,
        form: &Presentation,
        events: &[WatchEvent],
        now: Time,
        mut send: impl FnMut(Chunk),
    ) {
        let version = form.custom.map(|kind| kind.info().version);
        let key = (form.shown_as, form.include, form.other, version);
        if !written.iter().any(|(k, _)| *k == key) {
            let chunks = events.iter().map(|event| Chunk::Event(self.event(form, event, now))).collect();
            written.push((key, chunks));
        }
        if let Some((_, chunks)) = written.iter().find(|(k, _)| *k == key) {
            chunks.iter().cloned().for_each(&mut send);
        }
    }

    fn event(&self, form: &Presentation, event: &WatchEvent, now: Time) -> Vec<u8> {
        let word = match event.event {
            WatchEventType::Added => "ADDED",
            WatchEventType::Modified => "MODIFIED",
            WatchEventType::Deleted => "DELETED",
        };
        json!({"type": word, "object": self.one(form, &event.object, now)}).to_string().into_bytes()
    }
}

/// An object as the client wants it.
fn shown(form: &Presentation, object: &Object) -> Value {
    match (form.custom, form.other) {
        (Some(kind), _) => object.in_version(kind).to_value(),
        (None, Some(other)) => other.down(object),
        (None, None) => object.to_value(),
    }
}

fn ok(code: u16, value: &Value) -> HttpResponse {
    HttpResponse::json(code, value)
}

fn stream(request: &Request) -> HttpResponse {
    match request.subresource {
        Some(Subresource::Exec | Subresource::Attach | Subresource::PortForward) => {
            HttpResponse::stream(101, ContentType::Text)
        }
        Some(Subresource::Log) => HttpResponse::stream(200, ContentType::Text),
        _ => HttpResponse::stream(200, ContentType::Json),
    }
}

/// The `Status` of a success.
fn success(request: &Request, object: Option<&Object>) -> Value {
    let mut value = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    match object {
        Some(object) => {
            let info = request.kind.info();
            let mut details = json!({"name": object.meta().name, "kind": info.plural, "uid": object.uid()});
            if !info.group.is_empty() {
                details["group"] = json!(info.group);
            }
            value["details"] = details;
        }
        None => value["code"] = json!(201),
    }
    value
}

/// The token with which a client asks for the next page.
fn token(revision: Revision, last: &str) -> String {
    let value = json!({"v": "meta.k8s.io/v1", "rv": revision.0, "start": format!("{last}\u{0}")});
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// The last key of the page before, from a token; `None` if it is none of ours.
pub fn continued(token: &str) -> Option<Arc<str>> {
    let text = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
    let value: Value = serde_json::from_slice(&text).ok()?;
    Some(value["start"].as_str()?.trim_end_matches('\u{0}').into())
}
