//! From JSON to objects, with upstream's words about what does not fit. Models `k8s.io/apimachinery/pkg/runtime/serializer/json`.

use serde_json::Value;

use crate::api::{Kind, Object, Status};

/// Reads an object of a kind.
///
/// # Errors
/// `Pod in version "v1" cannot be handled as a Pod: …`.
pub fn object(kind: Kind, value: Value) -> Result<Object, Status> {
    Object::from_value(kind, value).map_err(|error| unfit(kind, &error.to_string()))
}

/// The failure of a body that does not fit its kind.
pub fn unfit(kind: Kind, why: &str) -> Status {
    let info = kind.info();
    Status::bad_request(format!("{0} in version {1:?} cannot be handled as a {0}: {why}", info.kind, info.version))
}

/// What is done about unknown and duplicate fields (`fieldValidation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Nothing.
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

/// Reads the object of a body, and the warnings about its fields.
///
/// # Errors
/// It does not fit.
pub fn body(kind: Kind, text: &str, _strictness: Strictness) -> Result<(Object, Vec<String>), Status> {
    let value: Value = serde_json::from_str(text).map_err(|e| unfit(kind, &e.to_string()))?;
    Ok((object(kind, value)?, Vec::new()))
}
