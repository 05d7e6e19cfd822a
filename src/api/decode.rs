//! From JSON to objects, with upstream's words about what does not fit. Models
//! `k8s.io/apimachinery/pkg/runtime/serializer/json` and `sigs.k8s.io/json`.
//!
//! Fields that the schema does not have, or that come twice, are told together; a value of the wrong type is told alone,
//! the first one.

mod check;
mod recognise;
mod unique;

use serde_json::Value;

use crate::api::{Kind, Object, Status, schema, unset};

pub use check::{Misfit, check};
pub use recognise::{Wanted, recognise, said};
pub use unique::parse as parse_telling_duplicates;

/// What is done about unknown and duplicate fields (`fieldValidation`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strictness {
    /// Nothing.
    #[default]
    Ignore,
    /// They are warned of.
    Warn,
    /// They are refused.
    Strict,
}

impl Strictness {
    /// By its word in queries.
    pub fn of(word: &str) -> Strictness {
        match word {
            "Strict" => Strictness::Strict,
            "Ignore" => Strictness::Ignore,
            _ => Strictness::Warn,
        }
    }
}

/// Reads an object of a kind from a value that was made by us (a patch): unknown fields are left out.
///
/// # Errors
/// `Pod in version "v1" cannot be handled as a Pod: …`.
pub fn object(kind: Kind, value: Value) -> Result<Object, Status> {
    lenient(kind, value).map(|(object, _)| object).map_err(|why| unfit(kind, &why))
}

/// Reads an object of a kind, and what is unknown in it: `unknown field "spec.nope"`.
///
/// # Errors
/// A value is of the wrong type, in Go's words.
pub fn lenient(kind: Kind, mut value: Value) -> Result<(Object, Vec<String>), String> {
    let found = fitted(kind, &mut value);
    if let Some(why) = found.wrong_type {
        return Err(why);
    }
    unset::take_out(kind, &mut value);
    let object = Object::from_value(kind, value).map_err(|error| error.to_string())?;
    Ok((object, found.unknown.iter().map(|path| format!("unknown field {path:?}")).collect()))
}

/// What does not fit the kind.
fn fitted(kind: Kind, value: &mut Value) -> Misfit {
    match kind {
        Kind::Custom(kind) => check::check_custom(value, kind),
        kind => check(value, &schema::of(kind)),
    }
}

/// Whether a body can be an object at all: a mapping, whose metadata, spec and status are mappings if they are there. `go` is the
/// type in Go: `v1.Scale`.
///
/// # Errors
/// What is no mapping, in Go's words.
pub fn shaped(value: &Value, go: &str) -> Result<(), String> {
    let Value::Object(fields) = value else {
        return Err(format!("json: cannot unmarshal {} into Go value of type {go}", check::word_of(value)));
    };
    let name = go.rsplit('.').next().unwrap_or(go);
    for (field, ty) in [("metadata", "v1.ObjectMeta"), ("spec", "Spec"), ("status", "Status")] {
        let ty = if ty.contains('.') { ty.to_owned() } else { format!("{go}{ty}") };
        match fields.get(field) {
            None | Some(Value::Object(_) | Value::Null) => {}
            Some(other) => {
                let word = check::word_of(other);
                return Err(format!("json: cannot unmarshal {word} into Go struct field {name}.{field} of type {ty}"));
            }
        }
    }
    Ok(())
}

/// The failure of a body that does not fit its kind.
pub fn unfit(kind: Kind, why: &str) -> Status {
    Wanted::of(kind).unfit(why)
}

/// Reads the object of a body, and the warnings about its fields.
///
/// # Errors
/// It does not fit.
pub fn body(kind: Kind, text: &str, strictness: Strictness) -> Result<(Object, Vec<String>), Status> {
    let (mut value, twice) = recognise(Wanted::of(kind), text)?;
    if value.is_null() {
        value = Value::Object(Default::default());
    }
    let found = fitted(kind, &mut value);
    if let Some(why) = found.wrong_type {
        return Err(unfit(kind, &why));
    }
    let mut complaints: Vec<String> = twice.iter().map(|path| format!("duplicate field {path:?}")).collect();
    complaints.extend(found.unknown.iter().map(|path| format!("unknown field {path:?}")));
    let warnings = match strictness {
        Strictness::Strict if !complaints.is_empty() => {
            return Err(unfit(kind, &format!("strict decoding error: {}", complaints.join(", "))));
        }
        Strictness::Warn => complaints,
        Strictness::Strict | Strictness::Ignore => Vec::new(),
    };
    unset::take_out(kind, &mut value);
    let object = Object::from_value(kind, value).map_err(|error| unfit(kind, &error.to_string()))?;
    Ok((object, warnings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: Kind, text: &str) -> String {
        body(kind, text, Strictness::Strict).expect_err("it does not fit").message
    }

    #[test]
    fn what_does_not_fit_is_told_in_upstreams_words() {
        for (text, words) in [
            (
                r#"{"spec":{"replicas":"three"}}"#,
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                r#"{"spec":{"template":{"spec":{"containers":[{"ports":[{"containerPort":"x"}]}]}}}}"#,
                "json: cannot unmarshal string into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32",
            ),
            (
                r#"{"spec":{"replica":3,"template":{"spec":{"containers":[{"imag":"x"}]}}}}"#,
                r#"strict decoding error: unknown field "spec.replica", unknown field "spec.template.spec.containers[0].imag""#,
            ),
            (r#"{"spec":{"replicas":1,"replicas":2}}"#, r#"strict decoding error: duplicate field "spec.replicas""#),
            (
                r#"{"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"1x"}}}]}}}}"#,
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ),
        ] {
            let want = format!("Deployment in version \"v1\" cannot be handled as a Deployment: {words}");
            assert_eq!(refused(Kind::Deployment, text), want);
        }
    }

    #[test]
    fn unknown_fields_are_warned_of_or_ignored_and_left_out() {
        let text = r#"{"metadata":{"name":"a"},"data":{"k":"v"},"colour":"red"}"#;
        let (object, warnings) = body(Kind::ConfigMap, text, Strictness::Warn).expect("fits");
        assert_eq!(warnings, ["unknown field \"colour\""]);
        assert_eq!(object.to_value().get("colour"), None);
        assert_eq!(body(Kind::ConfigMap, text, Strictness::Ignore).expect("fits").1, Vec::<String>::new());
    }
}
