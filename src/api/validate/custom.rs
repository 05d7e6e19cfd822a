//! Custom resources: against the schema of their kind. Models `pkg/registry/customresource/validator.go` of
//! `k8s.io/apiextensions-apiserver`; what a change leaves as it was is not judged again.

use super::error::invalid_rule;
use crate::api::custom::{check, rules};
use crate::api::{CustomResource, FieldError};

fn judged(object: &CustomResource, old: Option<&CustomResource>) -> Vec<FieldError> {
    let (value, schema) = (object.content(), object.kind.schema());
    let mut errors = check::check(&value, schema);
    errors.extend(check::check_lists(&value, schema));
    if let Some(old) = old {
        let before = old.content();
        let had: Vec<FieldError> =
            check::check(&before, schema).into_iter().chain(check::check_lists(&before, schema)).collect();
        errors.retain(|error| !had.contains(error));
    }
    if rules::has(schema) {
        if check::blocks_rules(&errors) {
            let why = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            errors.push(FieldError { message: format!("Invalid value: null: {why}"), ..invalid_rule("<nil>", why) });
        } else {
            errors.extend(rules::check(object, old));
        }
    }
    errors
}

/// A new object.
pub fn create(object: &CustomResource, errors: &mut Vec<FieldError>) {
    errors.extend(judged(object, None));
}

/// A changed object.
pub fn update(new: &CustomResource, old: &CustomResource, errors: &mut Vec<FieldError>) {
    errors.extend(judged(new, Some(old)));
}

/// A changed status.
pub fn update_status(new: &CustomResource, old: &CustomResource, errors: &mut Vec<FieldError>) {
    errors.extend(judged(new, Some(old)));
}
