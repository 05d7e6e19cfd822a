//! What a patch makes of an object, and what it does not fit in. Models `applyPatchToObject` and `jsonPatcher` of
//! `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`.

use serde_json::Value;

use crate::api::decode::{self, Strictness};
use crate::api::{Body, FieldError, Kind, Object, PatchType, Request, Status, patch};
use crate::control::apiserver::autoscaling_v1;

/// The object after a patch, and the warnings about fields that no schema has.
///
/// # Errors
/// The patch does not apply, or what it makes does not fit.
pub fn patched(
    how: PatchType,
    request: &Request,
    current: &Object,
    older: bool,
) -> Result<(Object, Vec<String>), Status> {
    if let (Body::PodStatus(patch), Object::Pod(pod)) = (&request.body, current)
        && let Some(pod) = patch.applied_to(pod)
    {
        return Ok((pod.into(), Vec::new()));
    }
    let body = request.body.patch().ok_or_else(|| Status::bad_request("a patch needs a body"))?;
    // Managed fields are worked out only for who writes them.
    let speaks_of = |value: &Value| value.to_string().contains("managedFields");
    let before = if speaks_of(&body) { current.to_value() } else { current.plain_value() };
    if older {
        let mut value = apply(how, &autoscaling_v1::down(current), &body, Some(request.kind))?;
        autoscaling_v1::up(&mut value).map_err(Status::bad_request)?;
        return decode::object(request.kind, value).map(|object| (object, Vec::new()));
    }
    let value = apply(how, &before, &body, Some(request.kind))?;
    let info = request.kind.info();
    for (field, want) in [("kind", info.kind.to_owned()), ("apiVersion", info.api_version())] {
        if value[field].as_str() != Some(&want) {
            return Err(Status::bad_request(format!("the {field} of the patched object does not match: {want}")));
        }
    }
    // A strategic patch is shown as it came, of others what came of them.
    let strategic = how == PatchType::Strategic;
    let shown = if strategic { None } else { Some(value.to_string()) };
    let refuse = |why: &str| unfit(&shown.clone().unwrap_or_else(|| go(&body)), why);
    let (object, unknown) = decode::lenient(request.kind, value).map_err(|why| match strategic {
        true => refuse(&converted(&why)),
        false => refuse(&format!("{0} in version {1:?} cannot be handled as a {0}: {why}", info.kind, info.version)),
    })?;
    match request.options.field_validation {
        Strictness::Strict if !unknown.is_empty() => {
            Err(refuse(&format!("strict decoding error: {}", unknown.join(", "))))
        }
        Strictness::Warn => Ok((object, unknown)),
        Strictness::Strict | Strictness::Ignore => Ok((object, Vec::new())),
    }
}

/// The failure of a patch: it is the patch that is wrong, and no object is named.
fn unfit(patch: &str, why: &str) -> Status {
    let message = format!("Invalid value: {patch:?}: {why}");
    Status::invalid_patch(&FieldError { reason: "FieldValueInvalid", field: "patch".into(), message })
}

/// What the converter of strategic patches says where the decoder of JSON says that it cannot unmarshal.
fn converted(why: &str) -> String {
    let words = why.strip_prefix("json: cannot unmarshal ").and_then(|rest| {
        let (from, rest) = rest.split_once(" into Go ")?;
        Some((from, rest.rsplit_once(" of type ").map_or(rest, |(_, ty)| ty)))
    });
    let Some((from, ty)) = words else { return why.to_owned() };
    let kind = match from {
        "object" => "map",
        "array" => "slice",
        "number" => "int64",
        other => other,
    };
    match (from, ty) {
        ("number", "string") => "cannot convert int64 to string".into(),
        (_, ty) if ty.starts_with("[]") => format!("cannot restore slice from {kind}"),
        (_, ty) if ty.starts_with("map[") => format!("cannot restore map from {kind}"),
        (_, ty) if ty.contains('.') => format!("cannot restore struct from: {kind}"),
        (_, ty) => format!("unrecognized type: {ty}"),
    }
}

/// A value as Go prints its maps and slices: `map[spec:map[replicas:x]]`.
fn go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let mut words: Vec<(&String, String)> = fields.iter().map(|(name, value)| (name, go(value))).collect();
            words.sort();
            let words: Vec<String> = words.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            format!("map[{}]", words.join(" "))
        }
        other => other.to_string(),
    }
}

/// A value after a patch; strategic patches need the kind.
///
/// # Errors
/// The patch does not apply.
pub fn apply(how: PatchType, current: &Value, body: &Value, kind: Option<Kind>) -> Result<Value, Status> {
    let done = match how {
        PatchType::Json => patch::json(current, body),
        PatchType::Merge => Ok(patch::merge(current, body)),
        PatchType::Strategic => match kind {
            Some(kind) => patch::strategic(current, body, &crate::api::schema::of(kind)),
            None => Ok(patch::merge(current, body)),
        },
        PatchType::Apply => return Err(Status::method_not_allowed()),
    };
    done.map_err(|error| match how {
        PatchType::Json => Status {
            code: 422,
            reason: "Invalid".into(),
            message: format!("the server rejected our request due to an error in our request: {error}"),
            details: None,
        },
        _ => Status::bad_request(error),
    })
}
