//! The kinds of field errors and their words. Models `k8s.io/apimachinery/pkg/util/validation/field/errors.go`.

use serde::Serialize;
use serde_json::Value;

use super::go_form::{self, Form};
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

/// `Invalid value` of a struct, as upstream shows it.
pub fn invalid_form(field: &str, value: &Form, why: &str) -> FieldError {
    let message = format!("Invalid value: {}: {why}", value.compact());
    FieldError { reason: "FieldValueInvalid", field: field.into(), message }
}

/// `Invalid value: why`, where the value would say nothing.
pub fn invalid_rule(field: &str, why: &str) -> FieldError {
    FieldError { reason: "FieldValueInvalid", field: field.into(), message: format!("Invalid value: {why}") }
}

/// `Unsupported value` of what is no text.
pub fn unsupported_form(field: &str, value: &Form, supported: &[&str]) -> FieldError {
    let words: Vec<String> = supported.iter().map(|word| format!("{word:?}")).collect();
    FieldError {
        reason: "FieldValueNotSupported",
        field: field.into(),
        message: format!("Unsupported value: {}: supported values: {}", value.compact(), words.join(", ")),
    }
}

/// `Too many: 21: must have at most 20 items`.
pub fn too_many(field: &str, count: usize, most: usize) -> FieldError {
    let items = if most == 1 { "item" } else { "items" };
    let message = format!("Too many: {count}: must have at most {most} {items}");
    FieldError { reason: "FieldValueTooMany", field: field.into(), message }
}

/// `field is immutable`, if it changed.
pub fn immutable<T: PartialEq + Serialize>(field: &str, new: &T, old: &T, errors: &mut Vec<FieldError>) {
    if new != old {
        let value = serde_json::to_value(new).unwrap_or(Value::Null);
        errors.push(invalid(field, &value, "field is immutable"));
    }
}

/// `field is immutable` of a struct of upstream's type `ty`, if it changed.
pub fn immutable_form<T: PartialEq + Serialize>(
    field: &str,
    ty: &str,
    new: Option<&T>,
    old: Option<&T>,
    errors: &mut Vec<FieldError>,
) {
    if new != old {
        errors.push(invalid_form(field, &go_form::optional(ty, new), "field is immutable"));
    }
}
