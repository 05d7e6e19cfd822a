//! Definitions of kinds. Models `k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go` and, of
//! `pkg/apiserver/schema/validation.go`, what makes a schema structural.
//!
//! Rules in CEL, defaults and the values of schemas are not looked at.

use serde_json::{Value, json};

use super::error::{each, invalid, required, unsupported};
use super::names;
use crate::api::custom::rules;
use crate::api::{CustomResourceDefinition, FieldError};
use crate::sim::VecSet;

const APPROVED: &str = "api-approved.kubernetes.io";
const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];

/// A new definition.
pub fn create(definition: &CustomResourceDefinition, errors: &mut Vec<FieldError>) {
    let text = |pointer: &[&str]| -> String { at(definition, pointer).as_str().unwrap_or("").to_owned() };
    let (group, plural) = (text(&["group"]), text(&["names", "plural"]));
    if definition.metadata.name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        errors.push(invalid("metadata.name", &json!(definition.metadata.name), why));
    }
    if group.is_empty() {
        errors.push(required("spec.group", ""));
    } else {
        each("spec.group", &group, names::dns_subdomain(&group), errors);
        if !group.contains('.') {
            errors.push(invalid("spec.group", &json!(group), "should be a domain with at least one dot"));
        }
    }
    match text(&["scope"]).as_str() {
        "Cluster" | "Namespaced" => {}
        "" => errors.push(required("spec.scope", "")),
        other => errors.push(unsupported("spec.scope", other, &["Cluster", "Namespaced"])),
    }
    versions(definition, errors);
    kind_names(definition, errors);
    conversion(at(definition, &["conversion"]), errors);
    if at(definition, &["preserveUnknownFields"]) == &Value::Bool(true) {
        let why =
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.push(invalid("spec.preserveUnknownFields", &json!(true), why));
    }
    let protected = group.ends_with(".k8s.io") || group.ends_with(".kubernetes.io") || group == "k8s.io";
    if protected && definition.metadata.annotations.get(APPROVED).is_none_or(String::is_empty) {
        let why = "protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111";
        errors.push(required(&format!("metadata.annotations[{APPROVED}]"), why));
    }
}

/// A changed definition: group, names and scope stay, once they are taken.
pub fn update(new: &CustomResourceDefinition, old: &CustomResourceDefinition, errors: &mut Vec<FieldError>) {
    create(new, errors);
    let had = old.status.stored_versions.iter().flatten();
    for (index, version) in had.enumerate() {
        if !list(at(new, &["versions"])).iter().any(|v| v["name"] == *version) {
            let why = "missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions";
            let why = why.replace("v1", version);
            errors.push(invalid(&format!("status.storedVersions[{index}]"), &json!(version), &why));
        }
    }
}

fn at<'a>(definition: &'a CustomResourceDefinition, path: &[&str]) -> &'a Value {
    let Some((first, rest)) = path.split_first() else { return &Value::Null };
    rest.iter().fold(definition.spec.get(*first).unwrap_or(&Value::Null), |value, name| &value[*name])
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn versions(definition: &CustomResourceDefinition, errors: &mut Vec<FieldError>) {
    let field = "spec.versions";
    let all = list(at(definition, &["versions"]));
    let mut seen = VecSet::new();
    let (mut unique, mut stored) = (true, 0);
    for (index, version) in all.iter().enumerate() {
        let at = format!("{field}[{index}]");
        let name = version["name"].as_str().unwrap_or("");
        stored += usize::from(version["storage"] == true);
        unique &= seen.insert(name);
        let wrong = names::dns_1035_label(name);
        each(&format!("{at}.name"), name, wrong, errors);
        let schema = &version["schema"]["openAPIV3Schema"];
        if schema.is_null() {
            errors.push(required(&format!("{at}.schema.openAPIV3Schema"), "schemas are required"));
        } else {
            structural(schema, &format!("{at}.schema.openAPIV3Schema"), Level::Root, errors);
            for (field, rule, why) in rules::unreadable(schema, &format!("{at}.schema.openAPIV3Schema")) {
                errors.push(invalid(&field, &rule, &why));
            }
        }
        for (index, column) in list(&version["additionalPrinterColumns"]).iter().enumerate() {
            printer_column(column, &format!("{at}.additionalPrinterColumns[{index}]"), errors);
        }
    }
    if !unique {
        errors.push(invalid(field, &json!(all), "must contain unique version names"));
    }
    if stored != 1 {
        errors.push(invalid(field, &json!(all), "must have exactly one version marked as storage version"));
    }
}

fn printer_column(column: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let text = |name: &str| column[name].as_str().unwrap_or("");
    if text("name").is_empty() {
        errors.push(required(&format!("{field}.name"), ""));
    }
    match text("type") {
        "" => {
            let why = format!("must be one of {}", TYPES.join(","));
            errors.push(required(&format!("{field}.type"), &why));
        }
        word if TYPES.contains(&word) => {}
        other => errors.push(invalid(
            &format!("{field}.type"),
            &json!(other),
            &format!("must be one of {}", TYPES.join(",")),
        )),
    }
    if text("jsonPath").is_empty() {
        errors.push(required(&format!("{field}.JSONPath"), ""));
    }
}

fn kind_names(definition: &CustomResourceDefinition, errors: &mut Vec<FieldError>) {
    let text = |name: &str| at(definition, &["names", name]).as_str().unwrap_or("");
    for (name, must) in [("plural", true), ("singular", false), ("kind", true), ("listKind", true)] {
        let (field, word) = (format!("spec.names.{name}"), text(name));
        if word.is_empty() {
            if must {
                errors.push(required(&field, ""));
            }
            continue;
        }
        let lower = if name.to_lowercase().contains("kind") { word.to_lowercase() } else { word.to_owned() };
        for why in names::dns_1035_label(&lower) {
            let why =
                if lower == word { why } else { format!("may have mixed case, but should otherwise match: {why}") };
            errors.push(invalid(&field, &json!(word), &why));
        }
    }
    for name in ["shortNames", "categories"] {
        for (index, word) in list(at(definition, &["names", name])).iter().filter_map(Value::as_str).enumerate() {
            each(&format!("spec.names.{name}[{index}]"), word, names::dns_1035_label(word), errors);
        }
    }
    if !text("kind").is_empty() && text("kind") == text("listKind") {
        let why = "kind and listKind may not be the same";
        errors.push(invalid("spec.names.listKind", &json!(text("listKind")), why));
    }
}

fn conversion(conversion: &Value, errors: &mut Vec<FieldError>) {
    let field = "spec.conversion";
    let webhook = &conversion["webhook"];
    match conversion["strategy"].as_str().unwrap_or("") {
        "None" => {
            if !webhook.is_null() {
                let why = "should not be set when strategy is not set to Webhook";
                errors.push(super::forbidden(&format!("{field}.webhook"), why));
            }
        }
        "Webhook" => {
            let client = &webhook["clientConfig"];
            let field = format!("{field}.webhookClientConfig");
            if client.is_null() {
                errors.push(required(&field, "required when strategy is set to Webhook"));
            } else if client["url"].is_null() == client["service"].is_null() {
                errors.push(required(&field, "exactly one of url or service is required"));
            }
            if list(&webhook["conversionReviewVersions"]).is_empty() {
                errors.push(required("spec.conversion.conversionReviewVersions", ""));
            }
        }
        "" => errors.push(required(&format!("{field}.strategy"), "")),
        other => errors.push(unsupported(&format!("{field}.strategy"), other, &["None", "Webhook"])),
    }
}

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Every level of a schema says what it is.
fn structural(schema: &Value, field: &str, level: Level, errors: &mut Vec<FieldError>) {
    let on = |name: &str| schema[name] == true;
    let ty = schema["type"].as_str().unwrap_or("");
    if ty.is_empty() && !on("x-kubernetes-int-or-string") && !on("x-kubernetes-preserve-unknown-fields") {
        let why = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(required(&format!("{field}.type"), why));
    } else if level == Level::Root && ty != "object" && !ty.is_empty() {
        errors.push(invalid(&format!("{field}.type"), &json!(ty), "must be object at the root"));
    }
    if ty == "array" && schema["items"].is_null() {
        errors.push(required(&format!("{field}.items"), "must be specified"));
    }
    if !schema["properties"].is_null() && schema["additionalProperties"].is_object() {
        let why = "must not be used with properties";
        errors.push(super::forbidden(&format!("{field}.additionalProperties"), why));
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        structural(inner, &format!("{field}.properties[{name}]"), Level::Field, errors);
    }
    if schema["additionalProperties"].is_object() {
        structural(&schema["additionalProperties"], &format!("{field}.additionalProperties"), Level::Field, errors);
    }
    if schema["items"].is_object() {
        structural(&schema["items"], &format!("{field}.items"), Level::Item, errors);
    }
}
