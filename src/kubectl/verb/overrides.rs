//! `--overrides` of `run` and `expose`: a patch of what they make. Models `OverrideOptions` of `k8s.io/kubectl/pkg/cmd/util`.

use serde_json::Value;

use crate::api::{Kind, decode, patch, schema};
use crate::kubectl::ctx::{Ctx, Stop, fail};

const NO_OBJECT: &str = "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";

/// What is made, after `--overrides` in the form that `--override-type` names.
///
/// # Errors
/// No JSON, a patch that cannot be applied, or one that makes what no object of the kind is, in kubectl's words.
pub fn overridden(ctx: &Ctx<'_>, made: Value, kind: Kind) -> Result<Value, Stop> {
    let (text, form) = (ctx.args().text("overrides"), ctx.args().text("override-type"));
    if text.is_empty() {
        return Ok(made);
    }
    let given = serde_json::from_str::<Value>(text);
    let patched = match (form, given) {
        ("merge", Ok(Value::Object(fields))) => patch::merge(&made, &Value::Object(fields)),
        ("merge", Ok(Value::Array(_))) => return fail(NO_OBJECT),
        ("merge", _) => return fail("Invalid JSON Patch"),
        ("strategic", Ok(Value::Object(fields))) => {
            patch::strategic(&made, &Value::Object(fields), &schema::of(kind)).or_else(fail)?
        }
        ("strategic", _) => return fail("invalid JSON document"),
        ("json", Ok(operations @ Value::Array(_))) => patch::json(&made, &operations).or_else(fail)?,
        ("json", Ok(_)) => return fail("json: cannot unmarshal object into Go value of type jsonpatch.Patch"),
        ("json", Err(why)) => return fail(why.to_string()),
        (other, _) => return fail(format!("invalid override type: {other}")),
    };
    let (_, unknown) = decode::lenient(kind, patched.clone()).or_else(fail)?;
    Ok(without(patched, &unknown))
}

/// What is made without the fields that no object of its kind has: `unknown field "spec.nope"`.
fn without(mut made: Value, unknown: &[String]) -> Value {
    for path in unknown.iter().filter_map(|why| why.split('"').nth(1)) {
        let (parents, field) = path.rsplit_once('.').unwrap_or(("", path));
        let pointer: String = parents.split('.').filter(|part| !part.is_empty()).map(steps).collect();
        if let Some(fields) = made.pointer_mut(&pointer).and_then(Value::as_object_mut) {
            fields.remove(field);
        }
    }
    made
}

/// A part of a path as a pointer has it: `containers[0]` is `/containers/0`.
fn steps(part: &str) -> String {
    format!("/{}", part.replace('[', "/").replace(']', ""))
}
