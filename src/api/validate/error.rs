//! The kinds of field errors and their words. Models `k8s.io/apimachinery/pkg/util/validation/field/errors.go`.

use serde_json::Value;

use crate::api::FieldError;

/// `Required value`, with a reason if there is one.
pub fn required(field: &str, why: &str) -> FieldError {
    let message = if why.is_empty() { "Required value".into() } else { format!("Required value: {why}") };
    FieldError { reason: "FieldValueRequired", field: field.into(), message }
}

/// `Invalid value: "x": why`.
pub fn invalid(field: &str, value: &Value, why: &str) -> FieldError {
    FieldError { reason: "FieldValueInvalid", field: field.into(), message: format!("Invalid value: {value}: {why}") }
}

/// `Unsupported value: "x": supported values: "A", "B"`.
pub fn unsupported(field: &str, value: &str, supported: &[&str]) -> FieldError {
    let words: Vec<String> = supported.iter().map(|word| format!("{word:?}")).collect();
    FieldError {
        reason: "FieldValueNotSupported",
        field: field.into(),
        message: format!("Unsupported value: {value:?}: supported values: {}", words.join(", ")),
    }
}

/// `Duplicate value: "x"`.
pub fn duplicate(field: &str, value: &Value) -> FieldError {
    FieldError { reason: "FieldValueDuplicate", field: field.into(), message: format!("Duplicate value: {value}") }
}

/// `Forbidden: why`.
pub fn forbidden(field: &str, why: &str) -> FieldError {
    FieldError { reason: "FieldValueForbidden", field: field.into(), message: format!("Forbidden: {why}") }
}

/// `Not found: "x"`.
pub fn not_found(field: &str, value: &str) -> FieldError {
    FieldError { reason: "FieldValueNotFound", field: field.into(), message: format!("Not found: {value:?}") }
}

/// `Too long: may not be more than 10 bytes`.
pub fn too_long(field: &str, most: usize) -> FieldError {
    FieldError {
        reason: "FieldValueTooLong",
        field: field.into(),
        message: format!("Too long: may not be more than {most} bytes"),
    }
}

/// `Invalid value` for each thing that is wrong with a text.
pub fn each(field: &str, text: &str, wrong: Vec<String>, errors: &mut Vec<FieldError>) {
    errors.extend(wrong.iter().map(|why| invalid(field, &Value::String(text.to_owned()), why)));
}

/// `must be greater than or equal to 0`, if it is not.
pub fn not_negative(field: &str, value: i64, errors: &mut Vec<FieldError>) {
    if value < 0 {
        errors.push(invalid(field, &value.into(), "must be greater than or equal to 0"));
    }
}
