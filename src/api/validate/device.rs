//! Devices and the claims for them: the part of `pkg/apis/resource/validation/validation.go` that manifests meet. Selectors in
//! CEL, constraints and counters are kept as they are.

use serde_json::{Value, json};

use super::error::{duplicate, each, immutable, invalid, required, too_many, unsupported};
use super::names;
use crate::api::{DeviceClass, FieldError, ResourceClaim, ResourceClaimSpec, ResourceClaimTemplate, ResourceSlice};
use crate::sim::VecSet;

const MOST_REQUESTS: usize = 32;
const MOST_DEVICES: usize = 128;

/// A class.
pub fn class(class: &DeviceClass, errors: &mut Vec<FieldError>) {
    selectors(class.spec.get("selectors").unwrap_or(&Value::Null), "spec.selectors", errors);
}

fn selectors(of: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (at, selector) in of.as_array().into_iter().flatten().enumerate() {
        let field = format!("{field}[{at}].cel");
        if selector["cel"].is_null() {
            errors.push(required(&field, ""));
        } else if selector["cel"]["expression"].as_str().is_none_or(str::is_empty) {
            errors.push(required(&format!("{field}.expression"), ""));
        }
    }
}

/// A claim.
pub fn claim(claim: &ResourceClaim, errors: &mut Vec<FieldError>) {
    spec(&claim.spec, "spec", errors);
}

/// A changed claim: what is asked for stays.
pub fn claim_update(new: &ResourceClaim, old: &ResourceClaim, errors: &mut Vec<FieldError>) {
    immutable("spec", &new.spec, &old.spec, errors);
}

/// What claims are made of.
pub fn template(template: &ResourceClaimTemplate, errors: &mut Vec<FieldError>) {
    spec(&template.spec.spec, "spec.spec", errors);
}

/// The same, changed: it stays.
pub fn template_update(new: &ResourceClaimTemplate, old: &ResourceClaimTemplate, errors: &mut Vec<FieldError>) {
    immutable("spec", &new.spec, &old.spec, errors);
}

fn spec(spec: &ResourceClaimSpec, field: &str, errors: &mut Vec<FieldError>) {
    let field = format!("{field}.devices.requests");
    let requests = spec.devices.get("requests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if requests.len() > MOST_REQUESTS {
        errors.push(too_many(&field, requests.len(), MOST_REQUESTS));
    }
    let mut seen = VecSet::new();
    for (at, request) in requests.iter().enumerate() {
        let field = format!("{field}[{at}]");
        let name = request["name"].as_str().unwrap_or("");
        match name {
            "" => errors.push(required(&format!("{field}.name"), "")),
            name => each(&format!("{field}.name"), name, names::dns_label(name), errors),
        }
        if !seen.insert(name) {
            errors.push(duplicate(&format!("{field}.name"), &json!(name)));
        }
        match (request["exactly"].is_null(), request["firstAvailable"].as_array().is_none_or(Vec::is_empty)) {
            (true, true) => {
                errors.push(required(&field, "exactly one of `exactly` or `firstAvailable` is required"));
            }
            (false, false) => {
                let why = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
                errors.push(invalid(&field, &Value::Null, why));
            }
            (false, true) => device(&request["exactly"], &format!("{field}.exactly"), errors),
            (true, false) => {
                for (at, one) in request["firstAvailable"].as_array().into_iter().flatten().enumerate() {
                    device(one, &format!("{field}.firstAvailable[{at}]"), errors);
                }
            }
        }
    }
}

/// So many devices of a class.
fn device(device: &Value, field: &str, errors: &mut Vec<FieldError>) {
    match device["deviceClassName"].as_str().unwrap_or("") {
        "" => errors.push(required(&format!("{field}.deviceClassName"), "")),
        class => each(&format!("{field}.deviceClassName"), class, names::dns_subdomain(class), errors),
    }
    selectors(&device["selectors"], &format!("{field}.selectors"), errors);
    let count = device["count"].as_i64().unwrap_or(0);
    match device["allocationMode"].as_str().unwrap_or("") {
        "All" if count != 0 => {
            let why = "must not be specified when allocationMode is 'All'";
            errors.push(invalid(&format!("{field}.count"), &json!(count), why));
        }
        "ExactCount" if count <= 0 => {
            errors.push(invalid(&format!("{field}.count"), &json!(count), "must be greater than zero"));
        }
        "All" | "ExactCount" => {}
        other => errors.push(unsupported(&format!("{field}.allocationMode"), other, &["All", "ExactCount"])),
    }
}

/// The devices of a node.
pub fn slice(slice: &ResourceSlice, errors: &mut Vec<FieldError>) {
    let text = |name: &str| slice.spec.get(name).and_then(Value::as_str).unwrap_or("");
    match text("driver") {
        "" => errors.push(required("spec.driver", "")),
        driver => each("spec.driver", driver, names::dns_subdomain(driver), errors),
    }
    let pool = slice.spec.get("pool").unwrap_or(&Value::Null);
    if pool["name"].as_str().is_none_or(str::is_empty) {
        errors.push(required("spec.pool.name", ""));
    }
    if pool["resourceSliceCount"].as_i64().unwrap_or(0) <= 0 {
        let why = "must be greater than zero";
        errors.push(invalid("spec.pool.resourceSliceCount", &pool["resourceSliceCount"], why));
    }
    let devices = slice.spec.get("devices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if devices.len() > MOST_DEVICES {
        errors.push(too_many("spec.devices", devices.len(), MOST_DEVICES));
    }
    let mut seen = VecSet::new();
    for (at, device) in devices.iter().enumerate() {
        let field = format!("spec.devices[{at}].name");
        let name = device["name"].as_str().unwrap_or("");
        each(&field, name, names::dns_label(name), errors);
        if !seen.insert(name) {
            errors.push(duplicate(&field, &json!(name)));
        }
    }
}
