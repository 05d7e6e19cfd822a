//! What a body says it is, before it is read as that. Models `serializer/json.Decode`, `json.SimpleMetaFactory.Interpret` and
//! `endpoints/handlers.transformDecodeError`.

use serde_json::Value;

use super::{check, unique};
use crate::api::go_json::syntax_error;
use crate::api::{Kind, Status};

/// The scheme of the server as Go names it: where it is made.
const SCHEME: &str = "pkg/api/legacyscheme/scheme.go:30";

/// The type into which Go reads what a body is.
const META: &str =
    "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";

/// How much of a body a message shows, bytes.
const SHOWN: usize = 30;

/// What the path of a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The kind: `Deployment`.
    pub kind: &'a str,
    /// Its group: `apps`; empty for the core group.
    pub group: &'a str,
    /// Its version: `v1`.
    pub version: &'a str,
}

impl Wanted<'_> {
    /// An object of a kind, in the version that is stored.
    pub fn of(kind: Kind) -> Wanted<'static> {
        let info = kind.info();
        Wanted { kind: info.kind, group: info.group, version: info.version }
    }

    fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The failure of a body that is no object at all.
    pub fn unrecognised(&self, why: &str, text: &str) -> Status {
        let (kind, shown) = (self.kind, summary(text.as_bytes()));
        Status::bad_request(format!("the object provided is unrecognized (must be of type {kind}): {why} ({shown})"))
    }

    /// The failure of a body that does not fit: `Pod in version "v1" cannot be handled as a Pod: …`.
    pub fn unfit(&self, why: &str) -> Status {
        unfit(self.kind, self.version, self.kind, why)
    }
}

fn unfit(said: &str, version: &str, kind: &str, why: &str) -> Status {
    Status::bad_request(format!("{said} in version {version:?} cannot be handled as a {kind}: {why}"))
}

/// Reads a JSON body that may be what is wanted, and the paths of the fields that come twice.
///
/// # Errors
/// It is no JSON, or says that it is something else.
pub fn recognise(want: Wanted<'_>, text: &str) -> Result<(Value, Vec<String>), Status> {
    let unknown = |why: String| want.unrecognised(&why, text);
    let (value, twice) = unique::parse(text).map_err(|error| {
        let why = syntax_error(text.as_bytes()).unwrap_or_else(|| error.to_string());
        unknown(format!("couldn't get version/kind; json parse error: {why}"))
    })?;
    let told = said(&value).map_err(unknown)?;
    check_said(want, told)?;
    Ok((value, twice))
}

/// What an object says of itself: group, version, kind.
///
/// # Errors
/// It is no object, or what it says is no text.
pub fn said(value: &Value) -> Result<(&str, &str, &str), String> {
    let wrong = |why: String| Err(format!("couldn't get version/kind; json parse error: json: cannot unmarshal {why}"));
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Null => return Ok(("", "", "")),
        other => return wrong(format!("{} into Go value of type {META}", check::word_of(other))),
    };
    let mut said = [""; 2];
    for (said, name) in said.iter_mut().zip(["apiVersion", "kind"]) {
        match fields.get(name) {
            Some(Value::String(text)) => *said = text,
            None | Some(Value::Null) => {}
            Some(other) => {
                return wrong(format!("{} into Go struct field .{name} of type string", check::word_of(other)));
            }
        }
    }
    let [api_version, kind] = said;
    match api_version.split('/').collect::<Vec<_>>()[..] {
        [version] => Ok(("", version, kind)),
        [group, version] => Ok((group, version, kind)),
        _ => Err(format!("unexpected GroupVersion string: {api_version}")),
    }
}

/// What is not said is as wanted.
fn check_said(want: Wanted<'_>, (group, version, kind): (&str, &str, &str)) -> Result<(), Status> {
    let (group, version) = if (group, version) == ("", "") { (want.group, want.version) } else { (group, version) };
    let kind = if kind.is_empty() { want.kind } else { kind };
    let said = Wanted { kind, group, version };
    if said == want {
        return Ok(());
    }
    let known = Kind::by_kind(group, kind);
    if let Some(Kind::Custom(_)) = Kind::by_kind(want.group, want.kind) {
        return Err(said_otherwise(want, said));
    }
    match known.filter(|known| known.info().version == version) {
        Some(_) if kind == want.kind => Err(said_otherwise(want, said)),
        Some(_) => {
            let package = want.group.split('.').next().filter(|name| !name.is_empty()).unwrap_or("core");
            let why = format!("converting ({version}.{kind}) to ({package}.{}): unknown conversion", want.kind);
            Err(unfit(kind, version, want.kind, &why))
        }
        None => {
            let said = said.api_version();
            let why = format!("no kind {kind:?} is registered for version {said:?} in scheme {SCHEME:?}");
            Err(unfit(kind, version, want.kind, &why))
        }
    }
}

fn said_otherwise(want: Wanted<'_>, said: Wanted<'_>) -> Status {
    let (data, expected) = (said.api_version(), want.api_version());
    Status::bad_request(if data == expected {
        format!("the kind in the data ({}) does not match the expected kind ({})", said.kind, want.kind)
    } else {
        format!("the API version in the data ({data}) does not match the expected API version ({expected})")
    })
}

/// The beginning of a body: as it is where it may be an object, else in hexadecimal.
fn summary(body: &[u8]) -> String {
    let part = &body[..body.len().min(SHOWN)];
    let shown = match body.first() {
        None => return "<empty>".into(),
        Some(b'{') => String::from_utf8_lossy(part).into_owned(),
        Some(_) => part.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    if body.len() > SHOWN { shown + " ..." } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_of_the_path_is_told_in_upstreams_words() {
        let unknown = "the object provided is unrecognized (must be of type Pod): ";
        let no_json = "couldn't get version/kind; json parse error: ";
        for (text, words) in [
            ("x", format!("{unknown}{no_json}invalid character 'x' looking for beginning of value (78)")),
            ("", format!("{unknown}{no_json}unexpected end of JSON input (<empty>)")),
            ("{\"a\":", format!("{unknown}{no_json}unexpected end of JSON input ({{\"a\":)")),
            (
                "{\"kind\": 3, \"apiVersion\": \"v1\", \"metadata\": {}}",
                format!("{unknown}{no_json}json: cannot unmarshal number into Go struct field .kind of type string ({{\"kind\": 3, \"apiVersion\": \"v1\" ...)"),
            ),
            ("[]", format!("{unknown}{no_json}json: cannot unmarshal array into Go value of type {META} (5b5d)")),
            (
                "{\"apiVersion\":\"a/b/c\"}",
                format!("{unknown}unexpected GroupVersion string: a/b/c ({{\"apiVersion\":\"a/b/c\"}})"),
            ),
            (
                "{\"kind\":\"pod\",\"apiVersion\":\"v1\"}",
                "pod in version \"v1\" cannot be handled as a Pod: no kind \"pod\" is registered for version \"v1\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"".into(),
            ),
            (
                "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\"}",
                "Deployment in version \"v1\" cannot be handled as a Pod: converting (v1.Deployment) to (core.Pod): unknown conversion".into(),
            ),
        ] {
            assert_eq!(recognise(Wanted::of(Kind::Pod), text).expect_err(text).message, words);
        }
        for text in ["{}", "{\"kind\":\"Pod\"}", "{\"apiVersion\":\"v1\",\"kind\":null}", "null"] {
            assert!(recognise(Wanted::of(Kind::Pod), text).is_ok(), "{text}");
        }
    }
}
