//! Older versions of an API that old articles use: `apps/v1beta1`, `apps/v1beta2`, `extensions/v1beta1`. Servers of today do not
//! have them any more; this one takes them, warns, and answers in `apps/v1`.

use serde_json::Value;

use crate::api::decode::{self, Strictness};
use crate::api::{Kind, Object, Status};
use crate::control::apiserver::http::Target;
use crate::control::apiserver::other_form::OtherForm;

/// The versions that are taken although they are gone: group, version.
pub const VERSIONS: &[(&str, &str)] = &[("apps", "v1beta2"), ("apps", "v1beta1"), ("extensions", "v1beta1")];

/// The kind that a path means.
pub fn kind(group: &str, version: &str, plural: &str) -> Option<Kind> {
    if is_legacy(group, version) {
        return Kind::by_plural("apps", plural);
    }
    if let Some(other) = OtherForm::of(group, version) {
        return Some(other.kind()).filter(|kind| kind.info().plural == plural);
    }
    Kind::by_plural(group, plural).filter(|kind| kind.info().version == version)
}

/// Whether a version is one of the gone ones.
pub fn is_legacy(group: &str, version: &str) -> bool {
    VERSIONS.contains(&(group, version))
}

/// The warning about a gone version, or about a kind that is on its way out.
pub fn warning(target: &Target) -> Option<String> {
    if target.kind == Kind::Endpoints {
        return Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".into());
    }
    is_legacy(&target.group, &target.version).then(|| {
        let info = target.kind.info();
        let since = if target.version == "v1beta2" { "v1.9+" } else { "v1.8+" };
        let since = if target.group == "extensions" { "v1.8+" } else { since };
        format!(
            "{}/{} {} is deprecated in {since}, unavailable in v1.16+; use {} {}",
            target.group,
            target.version,
            info.kind,
            info.api_version(),
            info.kind
        )
    })
}

/// Reads the object of a body, of this version or of a gone one, and the warnings about its fields.
///
/// # Errors
/// It does not fit.
pub fn decode(target: &Target, text: &str, strictness: Strictness) -> Result<(Object, Vec<String>), Status> {
    let other = OtherForm::of(&target.group, &target.version);
    if other.is_none() && !is_legacy(&target.group, &target.version) {
        return decode::body(target.kind, text, strictness);
    }
    let want = decode::Wanted { kind: target.kind.info().kind, group: &target.group, version: &target.version };
    let (mut value, _) = decode::recognise(want, text)?;
    let changed = match other {
        Some(other) => other.up(&mut value),
        None => modernise(target, &mut value),
    };
    changed.map_err(|why| decode::unfit(target.kind, &why))?;
    decode::body(target.kind, &value.to_string(), strictness)
}

/// Turns an object of a gone version into today's, with the defaults that it had then.
///
/// # Errors
/// It is no object.
fn modernise(target: &Target, value: &mut Value) -> Result<(), String> {
    decode::shaped(value, &format!("{}.{}", target.version, target.kind.info().kind))?;
    value["apiVersion"] = Value::String(target.kind.info().api_version());
    let labels = value["spec"]["template"]["metadata"]["labels"].clone();
    if target.version == "v1beta1" && value["spec"]["selector"].is_null() && !labels.is_null() {
        value["spec"]["selector"] = serde_json::json!({"matchLabels": labels});
    }
    if let Value::Object(spec) = &mut value["spec"] {
        spec.remove("rollbackTo");
        if target.kind == Kind::Deployment && target.group == "extensions" {
            spec.entry("progressDeadlineSeconds").or_insert(serde_json::json!(i32::MAX));
            spec.entry("revisionHistoryLimit").or_insert(serde_json::json!(i32::MAX));
        }
    }
    Ok(())
}
