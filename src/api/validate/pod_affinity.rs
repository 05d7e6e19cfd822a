//! Which pods a pod wants to be near to, or far from. Models `validatePodAffinity`, `validatePodAntiAffinity` and
//! `validateMatchLabelKeysAndMismatchLabelKeys` of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, required};
use super::{names, selector};
use crate::api::{Affinity, FieldError, LabelSelector};

/// Affinity to pods and its opposite.
pub fn affinity(affinity: &Affinity, field: &str, errors: &mut Vec<FieldError>) {
    for name in ["podAffinity", "podAntiAffinity"] {
        let Some(of) = affinity.rest.get(name) else { continue };
        let list = |name: &str| of[name].as_array().into_iter().flatten().enumerate();
        for (at, one) in list("requiredDuringSchedulingIgnoredDuringExecution") {
            term(one, &format!("{field}.{name}.requiredDuringSchedulingIgnoredDuringExecution[{at}]"), errors);
        }
        for (at, one) in list("preferredDuringSchedulingIgnoredDuringExecution") {
            let field = format!("{field}.{name}.preferredDuringSchedulingIgnoredDuringExecution[{at}]");
            let weight = one["weight"].as_i64().unwrap_or(0);
            if !(1..=100).contains(&weight) {
                errors.push(invalid(&format!("{field}.weight"), &json!(weight), "must be in the range 1-100"));
            }
            term(&one["podAffinityTerm"], &format!("{field}.podAffinityTerm"), errors);
        }
    }
}

fn read_selector(value: &Value) -> LabelSelector {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

fn words<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    value[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn term(term: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for name in ["labelSelector", "namespaceSelector"] {
        selector::label_selector(&read_selector(&term[name]), &format!("{field}.{name}"), errors);
    }
    for name in words(term, "namespaces") {
        each(&format!("{field}.namespace"), name, names::dns_label(name), errors);
    }
    label_keys(term, field, errors);
    let key = term["topologyKey"].as_str().unwrap_or("");
    let field = format!("{field}.topologyKey");
    if key.is_empty() {
        errors.push(required(&field, "can not be empty"));
    }
    each(&field, key, names::qualified_name(key), errors);
}

/// Keys whose values are taken from the pod itself: real names, none both ways, and none that the selector already has.
fn label_keys(term: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let (same, other) = (words(term, "matchLabelKeys"), words(term, "mismatchLabelKeys"));
    for (name, keys) in [("matchLabelKeys", &same), ("mismatchLabelKeys", &other)] {
        for (at, key) in keys.iter().enumerate() {
            each(&format!("{field}.{name}[{at}]"), key, names::qualified_name(key), errors);
        }
    }
    if same.is_empty() && other.is_empty() {
        return;
    }
    let of = read_selector(&term["labelSelector"]);
    for (at, key) in taken(&same, &of) {
        // Upstream's path is that of the term.
        let why = "exists in both matchLabelKeys and labelSelector";
        errors.push(invalid(&format!("{field}[{at}]"), &json!(key), why));
    }
    for (at, key) in same.iter().enumerate().filter(|(_, key)| other.contains(key)) {
        let why = "exists in both matchLabelKeys and mismatchLabelKeys";
        errors.push(invalid(&format!("{field}.matchLabelKeys[{at}]"), &json!(key), why));
    }
    if term["labelSelector"].is_null() {
        for (name, keys) in [("matchLabelKeys", &same), ("mismatchLabelKeys", &other)] {
            if !keys.is_empty() {
                let why = "must not be specified when labelSelector is not set";
                errors.push(forbidden(&format!("{field}.{name}"), why));
            }
        }
    }
}

/// Which of `keys` the selector has besides the one expression that they are turned into.
fn taken<'a>(keys: &[&'a str], of: &LabelSelector) -> Vec<(usize, &'a str)> {
    let mut seen: Vec<&str> = of.match_labels.keys().map(String::as_str).collect();
    let mut found = Vec::new();
    for expression in &of.match_expressions {
        let at = keys.iter().position(|key| *key == expression.key);
        found.extend(at.filter(|_| seen.contains(&expression.key.as_str())).map(|at| (at, keys[at])));
        seen.push(&expression.key);
    }
    found
}

/// Keys of a constraint of spread: a selector has to be there, and may not have them.
pub fn spread_keys(constraint: &Value, of: &LabelSelector, field: &str, errors: &mut Vec<FieldError>) {
    let keys = words(constraint, "matchLabelKeys");
    if keys.is_empty() {
        return;
    }
    if constraint["labelSelector"].is_null() {
        return errors.push(forbidden(field, "must not be specified when labelSelector is not set"));
    }
    for (at, key) in keys.iter().enumerate() {
        let field = format!("{field}[{at}]");
        each(&field, key, names::qualified_name(key), errors);
        let expressions = of.match_expressions.iter().any(|e| e.key == *key);
        if of.match_labels.contains_key(*key) || expressions {
            errors.push(invalid(&field, &json!(key), "exists in both matchLabelKeys and labelSelector"));
        }
    }
}
