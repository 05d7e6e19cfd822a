//! Namespaces. Models `ValidateNamespace` and `ValidateNamespaceStatusUpdate` of `pkg/apis/core/validation/validation.go`.

use serde_json::json;

use super::error::{each, invalid};
use super::names;
use crate::api::{FieldError, Namespace};

/// What must finish before a namespace goes.
pub fn finalizers(namespace: &Namespace, errors: &mut Vec<FieldError>) {
    for name in &namespace.spec.finalizers {
        let plain = matches!(name.as_str(), "orphan" | "foregroundDeletion" | "kubernetes");
        each("spec.finalizers", name, names::qualified_name(name), errors);
        if !plain && !name.contains('/') {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(invalid("spec.finalizers", &json!(name), why));
        }
    }
}

/// A changed status: the phase says whether the namespace is being deleted.
pub fn update_status(new: &Namespace, old: &Namespace, errors: &mut Vec<FieldError>) {
    let phase = new.status.phase.as_str();
    match old.metadata.deletion_timestamp.or(new.metadata.deletion_timestamp) {
        None if phase != "Active" && !phase.is_empty() => {
            let why = "may only be 'Active' if `deletionTimestamp` is empty";
            errors.push(invalid("status.Phase", &json!(phase), why));
        }
        Some(_) if phase != "Terminating" => {
            let why = "may only be 'Terminating' if `deletionTimestamp` is not empty";
            errors.push(invalid("status.Phase", &json!(phase), why));
        }
        _ => {}
    }
}
