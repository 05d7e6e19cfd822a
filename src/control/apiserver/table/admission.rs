//! Webhooks and policies (`printValidatingWebhook`, `printValidatingAdmissionPolicy` and the like).

use serde_json::{Value, json};

use super::{Column, number, text};
use crate::api::labels::Selector;
use crate::api::{ObjectMeta, ParamKind, ParamRef};

pub(super) const WEBHOOKS: &[Column] = &[text("Name"), number("Webhooks"), text("Age")];
pub(super) const VALIDATING: &[Column] = &[text("Name"), number("Validations"), text("ParamKind"), text("Age")];
pub(super) const MUTATING: &[Column] = &[text("Name"), number("Mutations"), text("ParamKind"), text("Age")];
pub(super) const BINDING: &[Column] = &[text("Name"), text("PolicyName"), text("ParamRef"), text("Age")];

const UNSET: &str = "<unset>";

pub(super) fn webhooks(meta: &ObjectMeta, count: usize, age: &str) -> Vec<Value> {
    vec![json!(meta.name), json!(count), json!(age)]
}

/// A policy with so many expressions.
pub(super) fn policy(meta: &ObjectMeta, count: usize, kind: Option<&ParamKind>, age: &str) -> Vec<Value> {
    let kind = kind.map_or_else(|| UNSET.to_owned(), |kind| format!("{}/{}", kind.api_version, kind.kind));
    vec![json!(meta.name), json!(count), json!(kind), json!(age)]
}

pub(super) fn binding(meta: &ObjectMeta, policy: &str, param: Option<&ParamRef>, age: &str) -> Vec<Value> {
    vec![json!(meta.name), json!(policy), json!(parameters(param)), json!(age)]
}

/// Whether parameters without a namespace are in one cannot be told from the reference.
fn parameters(param: Option<&ParamRef>) -> String {
    match param {
        Some(param) if !param.name.is_empty() => {
            let space = if param.namespace.is_empty() { "*" } else { &param.namespace };
            format!("{space}/{}", param.name)
        }
        Some(ParamRef { selector: Some(selector), .. }) => Selector::from(selector).to_string(),
        _ => UNSET.to_owned(),
    }
}
