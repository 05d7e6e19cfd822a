//! What a patch makes of an object. Models `applyPatchToObject` and `jsonPatcher` of
//! `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`.

use serde_json::Value;

use crate::api::{Body, Kind, Object, PatchType, Request, Status, patch};
use crate::control::apiserver::http::Presentation;
use crate::control::apiserver::strict;

/// The object after a patch, and what is to be warned of.
///
/// # Errors
/// The patch does not apply, or what it makes does not fit.
pub fn patched(
    how: PatchType,
    request: &Request,
    current: &Object,
    form: &Presentation,
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
    let wanted = strict::Wanted { strictness: form.strictness, twice: &form.twice };
    if let Some(other) = form.other {
        let mut value = apply(how, &other.down(current), &body, Some(request.kind))?;
        other.up(&mut value).map_err(Status::bad_request)?;
        return strict::patched(how, request.kind, &body, value, &wanted);
    }
    let value = apply(how, &before, &body, Some(request.kind))?;
    let info = request.kind.info();
    for (field, want) in [("kind", info.kind.to_owned()), ("apiVersion", info.api_version())] {
        if value[field].as_str() != Some(&want) {
            return Err(Status::bad_request(format!("the {field} of the patched object does not match: {want}")));
        }
    }
    strict::patched(how, request.kind, &body, value, &wanted)
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
