//! Validation with upstream's field paths and words, all errors at once. Models `pkg/apis/*/validation`.

pub mod names;

use crate::api::{FieldError, Object};

use serde_json::Value;

/// `Invalid value: "x": why`.
pub fn invalid(field: &str, value: &Value, why: &str) -> FieldError {
    FieldError { reason: "FieldValueInvalid", field: field.into(), message: format!("Invalid value: {value}: {why}") }
}

/// Everything that is wrong with a new object.
pub fn create(_object: &Object) -> Vec<FieldError> {
    Vec::new()
}

/// Everything that is wrong with a change of an object.
pub fn update(_new: &Object, _old: &Object) -> Vec<FieldError> {
    Vec::new()
}

/// Everything that is wrong with a change of an object's status.
pub fn update_status(_new: &Object, _old: &Object) -> Vec<FieldError> {
    Vec::new()
}
