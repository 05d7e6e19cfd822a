//! What a patch makes of an object must fit its kind: `fieldValidation` of patches. Models `applyJSPatch`,
//! `applyPatchToObject` of `k8s.io/apiserver/pkg/endpoints/handlers/patch.go` and `runtime.DefaultUnstructuredConverter`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::api::decode::{self, Strictness};
use crate::api::{Kind, Object, PatchType, Status, validate};

/// What a client wants to be told about the fields of its patch.
pub struct Wanted<'a> {
    /// `fieldValidation`.
    pub strictness: Strictness,
    /// The fields of the patch that came twice.
    pub twice: &'a [String],
}

/// The patched object, and what is to be warned of.
///
/// # Errors
/// It does not fit its kind, or a field is unknown or came twice and that is refused.
pub fn patched(
    how: PatchType,
    kind: Kind,
    patch: &Value,
    value: Value,
    wanted: &Wanted<'_>,
) -> Result<(Object, Vec<String>), Status> {
    let whole = value.clone();
    let refuse = |why: &str| {
        let shown = if how == PatchType::Strategic { go(patch) } else { whole.to_string() };
        Status::invalid_of("", "", "", &[validate::invalid("patch", &json!(shown), why)])
    };
    let (object, unknown) = decode::lenient(kind, value)
        .map_err(|why| refuse(&if how == PatchType::Strategic { unconverted(&why) } else { why }))?;
    let mut complaints: Vec<String> = wanted.twice.iter().map(|path| format!("duplicate field {path:?}")).collect();
    complaints.extend(unknown);
    if wanted.strictness == Strictness::Strict && !complaints.is_empty() {
        return Err(refuse(&format!("strict decoding error: {}", complaints.join(", "))));
    }
    if wanted.strictness != Strictness::Warn {
        complaints.clear();
    }
    Ok((object, complaints))
}

/// A value as Go prints it with `%+v`.
fn go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            let mut text = String::from("map[");
            for (at, name) in names.into_iter().enumerate() {
                let _ = write!(text, "{}{name}:{}", if at > 0 { " " } else { "" }, go(&fields[name]));
            }
            text + "]"
        }
        other => other.to_string(),
    }
}

/// The words of the converter of maps for what the decoder of JSON says.
fn unconverted(why: &str) -> String {
    let Some((from, to)) = why.strip_prefix("json: cannot unmarshal ").and_then(|rest| rest.split_once(" into "))
    else {
        return why.to_owned();
    };
    let from = match from.split(' ').next().unwrap_or("") {
        "number" => "int64",
        "object" => "map",
        "array" => "slice",
        other => other,
    };
    match to.rsplit(" of type ").next().unwrap_or("") {
        "string" if from == "int64" => "cannot convert int64 to string".into(),
        ty if ty.starts_with("[]") => format!("cannot restore slice from {from}"),
        ty if ty.starts_with("map[") => format!("cannot restore map from {from}"),
        ty if ty.contains('.') => format!("cannot restore struct from: {from}"),
        ty => format!("unrecognized type: {ty}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(how: PatchType, strictness: Strictness, patch: Value, value: Value) -> Result<Vec<String>, String> {
        let twice = ["spec.replicas".to_owned()];
        let twice: &[String] = if patch["twice"].is_null() { &[] } else { &twice };
        let done = patched(how, Kind::Deployment, &patch, value, &Wanted { strictness, twice });
        done.map(|(_, warnings)| warnings).map_err(|status| status.message)
    }

    #[test]
    fn unknown_fields_are_refused_warned_of_or_nothing_is_said() {
        let (patch, value) = (json!({"spec": {"x": [1, null]}}), json!({"spec": {"x": [1, null]}}));
        assert_eq!(
            of(PatchType::Strategic, Strictness::Strict, patch.clone(), value.clone()),
            Err(" \"\" is invalid: patch: Invalid value: \"map[spec:map[x:[1 <nil>]]]\": strict decoding error: unknown field \"spec.x\"".into())
        );
        assert_eq!(
            of(PatchType::Merge, Strictness::Strict, patch.clone(), value.clone()),
            Err(" \"\" is invalid: patch: Invalid value: \"{\\\"spec\\\":{\\\"x\\\":[1,null]}}\": strict decoding error: unknown field \"spec.x\"".into())
        );
        let told = Ok(vec!["unknown field \"spec.x\"".to_owned()]);
        assert_eq!(of(PatchType::Merge, Strictness::Warn, patch.clone(), value.clone()), told);
        assert_eq!(of(PatchType::Merge, Strictness::Ignore, patch, value), Ok(Vec::new()));
    }

    #[test]
    fn what_came_twice_is_told_before_what_is_unknown() {
        let told = of(PatchType::Merge, Strictness::Warn, json!({"twice": 1}), json!({"spec": {"x": 1}}));
        assert_eq!(told, Ok(vec!["duplicate field \"spec.replicas\"".into(), "unknown field \"spec.x\"".into()]));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_told_in_the_words_of_who_reads_it() {
        let value = json!({"spec": {"replicas": "three"}});
        let said = |how| of(how, Strictness::Ignore, value.clone(), value.clone()).expect_err("it does not fit");
        assert!(said(PatchType::Strategic).ends_with("\"map[spec:map[replicas:three]]\": unrecognized type: int32"));
        assert!(said(PatchType::Json).ends_with(
            ": json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        ));
    }
}
