//! In which form a client wants its answer: the `Accept` header. Models `endpoints/handlers/negotiation` and
//! `github.com/munnerz/goautoneg`. Differs: who takes protobuf and nothing else gets JSON.

use serde_json::{Value, json};

use crate::api::http::{ContentType, HttpRequest, HttpResponse};
use crate::api::{Kind, Object, Request, Status, Subresource, Verb, wire, yaml};
use crate::control::apiserver::http::Presentation;

/// The forms of objects on the wire.
pub(super) const MEDIA_TYPES: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
/// Those in which a watch can be told.
const STREAM_TYPES: &str = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

/// What objects are told as (`as=Table;v=v1;g=meta.k8s.io`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShownAs {
    /// The kind.
    pub what: What,
    /// Whether in the version `v1beta1`.
    beta: bool,
}

/// A kind that objects can be told as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// `Table`.
    Table,
    /// `PartialObjectMetadata`: the metadata of an object.
    Metadata,
    /// `PartialObjectMetadataList`: the metadata of the objects of a list.
    MetadataList,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            What::Table => "Table",
            What::Metadata => "PartialObjectMetadata",
            What::MetadataList => "PartialObjectMetadataList",
        }
    }
}

impl ShownAs {
    /// The version of what is told.
    pub fn api_version(self) -> &'static str {
        if self.beta { "meta.k8s.io/v1beta1" } else { "meta.k8s.io/v1" }
    }

    /// The metadata of an object.
    pub fn metadata(self, object: &Object) -> Value {
        self.metadata_of(&object.to_value())
    }

    /// The same of an object in JSON.
    pub fn metadata_of(self, object: &Value) -> Value {
        json!({"kind": What::Metadata.word(), "apiVersion": self.api_version(), "metadata": object["metadata"]})
    }

    /// The metadata of all objects of a list.
    pub fn list(self, items: &[Object], metadata: &Value) -> Value {
        self.list_of(items.iter().map(Object::to_value), metadata)
    }

    /// The same of objects in JSON.
    pub fn list_of(self, items: impl Iterator<Item = Value>, metadata: &Value) -> Value {
        let items: Vec<Value> = items.map(|item| self.metadata_of(&item)).collect();
        json!({"kind": self.what.word(), "apiVersion": self.api_version(), "metadata": metadata, "items": items})
    }

    /// Why a request cannot be answered so, if it is for a list and one is wanted, or the other way round.
    pub fn refusal(self, request: &Request) -> Option<Status> {
        let is_list = request.verb == Verb::List;
        let isnt = match self.what {
            What::Metadata if is_list => "a list",
            What::MetadataList if !is_list && request.verb != Verb::Watch => "not a list",
            _ => return None,
        };
        let info = request.kind.info();
        let group = match info.group.split('.').next() {
            None | Some("") => "core",
            Some(group) => group,
        };
        let list = if is_list { "List" } else { "" };
        let go = match request.kind {
            Kind::Custom(_) => format!("*unstructured.Unstructured{list}"),
            _ => format!("*{group}.{}{list}", info.kind),
        };
        let words = format!("you requested {}, but the requested object is {isnt} ({go})", self.what.word());
        Some(not_acceptable(words))
    }
}

impl Presentation {
    /// Whether the objects are told as a table.
    pub fn is_table(&self) -> bool {
        self.shown_as.is_some_and(|shown_as| shown_as.what == What::Table)
    }
}

/// A range of media types that a client takes, with its parameters.
struct Range<'a> {
    media_type: &'a str,
    /// How much it is liked, thousandths.
    quality: u32,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Range<'a> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or("");
        let (mut quality, mut parameters) = (1_000, Vec::new());
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name {
                "q" => quality = thousandths(value).unwrap_or(1_000),
                _ => parameters.push((name, value)),
            }
        }
        Range { media_type, quality, parameters }
    }

    /// How special it is: a wildcard comes after what is named.
    fn wildcards(&self) -> usize {
        self.media_type.matches('*').count()
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn takes(&self, media_type: &str) -> bool {
        match self.media_type.split_once('/') {
            Some(("*", "*")) => true,
            Some((kind, "*")) => media_type.starts_with(kind),
            _ => self.media_type == media_type,
        }
    }

    /// What the objects are to be told as; `None` if nobody can.
    fn shown_as(&self, media_type: &str) -> Option<Option<ShownAs>> {
        let Some(word) = self.parameter("as") else { return Some(None) };
        let what = [What::Table, What::Metadata, What::MetadataList].into_iter().find(|what| what.word() == word)?;
        let beta = match (self.parameter("g"), self.parameter("v")) {
            (Some("meta.k8s.io"), Some("v1")) => false,
            (Some("meta.k8s.io"), Some("v1beta1")) => true,
            _ => return None,
        };
        let can = what != What::Table || media_type != "application/vnd.kubernetes.protobuf";
        can.then_some(Some(ShownAs { what, beta }))
    }
}

/// A number between 0 and 1 with at most three digits behind the point, in thousandths.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{rest:0<3}");
    digits.parse().ok().filter(|quality| *quality <= 1_000)
}

/// Whether an answer is written as YAML, and what its objects are told as.
///
/// # Errors
/// The client takes none of the forms that there are.
pub(super) fn answer(
    http: &HttpRequest,
    verb: Verb,
    subresource: Option<Subresource>,
) -> Result<(bool, Option<ShownAs>), Status> {
    // These are answered in a form of their own.
    if let Some(Subresource::Log | Subresource::Exec | Subresource::Attach | Subresource::PortForward) = subresource {
        return Ok((false, None));
    }
    if http.accept.is_empty() {
        return Ok((false, None));
    }
    let mut ranges: Vec<Range<'_>> = http.accept.split(',').map(|text| Range::parse(text.trim())).collect();
    ranges.sort_by(|a, b| b.quality.cmp(&a.quality).then(a.wildcards().cmp(&b.wildcards())));
    let watches = verb == Verb::Watch;
    for range in &ranges {
        if range.parameter("stream").is_some_and(|what| what != "watch") {
            continue;
        }
        for media_type in MEDIA_TYPES.split(", ").filter(|media_type| range.takes(media_type)) {
            let Some(shown_as) = range.shown_as(media_type) else { continue };
            let is_yaml = media_type == "application/yaml";
            if is_yaml && watches {
                return Err(none_of(STREAM_TYPES));
            }
            return Ok((is_yaml, shown_as));
        }
    }
    Err(none_of(if watches { STREAM_TYPES } else { MEDIA_TYPES }))
}

fn none_of(media_types: &str) -> Status {
    not_acceptable(format!("only the following media types are accepted: {media_types}"))
}

fn not_acceptable(message: String) -> Status {
    Status { code: 406, reason: "NotAcceptable".into(), message, details: None }
}

/// Whether an answer that is no object of a resource is written as YAML. What describes the API and the version is not.
pub(super) fn wants_yaml(http: &HttpRequest) -> bool {
    let is_plain = http.path.starts_with("/openapi") || http.path == "/version";
    !is_plain && matches!(answer(http, Verb::Get, None), Ok((true, _)))
}

/// An answer in JSON as YAML.
pub(super) fn as_yaml(response: HttpResponse) -> HttpResponse {
    if response.content_type != ContentType::Json || response.streams {
        return response;
    }
    let written = serde_json::from_slice(&response.body).map(|value: Value| wire::text(&value, None));
    match written.and_then(|text| serde_json::from_str::<Value>(&text)) {
        Ok(value) => HttpResponse { content_type: ContentType::Yaml, body: yaml::to_yaml(&value).into(), ..response },
        Err(_) => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &str, verb: Verb) -> Result<(bool, Option<&'static str>), String> {
        let http = HttpRequest { accept: accept.into(), ..HttpRequest::get("/api/v1/pods") };
        let told = answer(&http, verb, None).map_err(|status| status.message)?;
        Ok((told.0, told.1.map(|shown_as| shown_as.what.word())))
    }

    #[test]
    fn the_best_that_the_client_takes_is_answered() {
        let none = Err(format!("only the following media types are accepted: {MEDIA_TYPES}"));
        for (accept, wanted) in [
            ("", Ok((false, None))),
            ("*/*", Ok((false, None))),
            ("application/yaml", Ok((true, None))),
            ("application/json;q=0.5, application/yaml", Ok((true, None))),
            ("application/*, application/yaml", Ok((true, None))),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Ok((false, None))),
            ("text/html", none.clone()),
            ("application/json;as=Table;v=v1;g=meta.k8s.io", Ok((false, Some("Table")))),
            ("application/json;as=Tables;v=v1;g=meta.k8s.io", none.clone()),
            ("application/json;as=Tables;v=v1;g=meta.k8s.io,application/json", Ok((false, None))),
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
                Ok((false, Some("PartialObjectMetadataList"))),
            ),
            ("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1", none),
        ] {
            assert_eq!(of(accept, Verb::List), wanted, "{accept:?}");
        }
        let streams = Err(format!("only the following media types are accepted: {STREAM_TYPES}"));
        assert_eq!(of("application/yaml", Verb::Watch), streams);
    }
}
