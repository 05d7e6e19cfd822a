//! Label selectors of objects, and whether they choose a template's pods. Models `ValidateLabelSelector` of
//! `k8s.io/apimachinery/pkg/apis/meta/v1/validation` and `metav1.LabelSelectorAsSelector`.

use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, required};
use super::{meta, names};
use crate::api::labels::Selector;
use crate::api::{FieldError, LabelSelector, LabelSelectorRequirement, PodTemplateSpec};

/// A label selector, at `field`.
pub fn label_selector(selector: &LabelSelector, field: &str, errors: &mut Vec<FieldError>) {
    meta::labels(&selector.match_labels, &format!("{field}.matchLabels"), errors);
    for (at, one) in selector.match_expressions.iter().enumerate() {
        expression(one, &format!("{field}.matchExpressions[{at}]"), errors);
    }
}

fn expression(one: &LabelSelectorRequirement, field: &str, errors: &mut Vec<FieldError>) {
    let values = format!("{field}.values");
    match one.operator.as_str() {
        "In" | "NotIn" if one.values.is_empty() => {
            errors.push(required(&values, "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !one.values.is_empty() => {
            errors.push(forbidden(&values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => {
            errors.push(invalid(&format!("{field}.operator"), &json!(other), "not a valid selector operator"));
        }
    }
    each(&format!("{field}.key"), &one.key, names::qualified_name(&one.key), errors);
    for (index, value) in one.values.iter().enumerate() {
        each(&format!("{values}[{index}]"), value, names::label_value(value), errors);
    }
}

/// Whether labels can be compared with it at all.
pub fn is_usable(selector: &LabelSelector) -> bool {
    let mut errors = Vec::new();
    label_selector(selector, "", &mut errors);
    errors.is_empty()
}

/// Whether it says nothing: what is missing reads like that too.
pub fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.is_empty() && selector.match_expressions.is_empty()
}

/// A selector that is missing or empty chooses no pod of a template, a usable one those that it matches.
pub fn chooses(selector: &LabelSelector, template: &PodTemplateSpec) -> bool {
    !is_empty(selector) && Selector::from(selector).matches(&template.metadata.labels)
}

/// The error of a selector that does not choose the pods of the template at `field`.
pub fn mismatch(template: &PodTemplateSpec, field: &str) -> FieldError {
    let labels = match template.metadata.labels.is_empty() {
        true => Value::Null,
        false => json!(template.metadata.labels),
    };
    invalid(&format!("{field}.metadata.labels"), &labels, "`selector` does not match template `labels`")
}
