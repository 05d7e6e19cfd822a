//! Variables of the environment. Models `ValidateEnv` and `ValidateEnvFrom` of `pkg/apis/core/validation/validation.go`.

use serde_json::json;

use super::error::{each, invalid, required};
use super::volume_source::text;
use super::{field_path, names};
use crate::api::{EnvFromSource, EnvVar, FieldError, KeySelector};

/// The fields of a pod that can be in a variable.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Variables, one by one.
pub fn variables(vars: &[EnvVar], field: &str, errors: &mut Vec<FieldError>) {
    for (at, var) in vars.iter().enumerate() {
        let field = format!("{field}[{at}]");
        if var.name.is_empty() {
            errors.push(required(&format!("{field}.name"), ""));
        } else {
            each(&format!("{field}.name"), &var.name, names::env_name(&var.name), errors);
        }
        value_from(var, &format!("{field}.valueFrom"), errors);
    }
}

fn value_from(var: &EnvVar, field: &str, errors: &mut Vec<FieldError>) {
    let Some(source) = &var.value_from else { return };
    let mut count = 0;
    if let Some(of) = &source.field_ref {
        count += 1;
        field_path::object(&of.field_path, &of.api_version, &FIELDS, &format!("{field}.fieldRef"), errors);
    }
    if let Some(of) = source.rest.get("resourceFieldRef") {
        count += 1;
        field_path::resource(of, false, &format!("{field}.resourceFieldRef"), errors);
    }
    for (name, of) in [("configMapKeyRef", &source.config_map_key_ref), ("secretKeyRef", &source.secret_key_ref)] {
        if let Some(of) = of {
            count += 1;
            key_of(of, &format!("{field}.{name}"), errors);
        }
    }
    if let Some(of) = source.rest.get("fileKeyRef") {
        count += 1;
        for name in ["volumeName", "path", "key"] {
            if text(of, name).is_empty() {
                errors.push(required(&format!("{field}.fileKeyRef.{name}"), ""));
            }
        }
    }
    if count == 0 {
        let why =
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
        errors.push(invalid(field, &json!(""), why));
    } else if !var.value.is_empty() {
        errors.push(invalid(field, &json!(""), "may not be specified when `value` is not empty"));
    } else if count > 1 {
        errors.push(invalid(field, &json!(""), "may not have more than one field specified at a time"));
    }
}

fn key_of(of: &KeySelector, field: &str, errors: &mut Vec<FieldError>) {
    each(&format!("{field}.name"), &of.name, names::dns_subdomain(&of.name), errors);
    if of.key.is_empty() {
        errors.push(required(&format!("{field}.key"), ""));
    } else {
        each(&format!("{field}.key"), &of.key, names::config_key(&of.key), errors);
    }
}

/// Whole ConfigMaps and Secrets.
pub fn sources(all: &[EnvFromSource], field: &str, errors: &mut Vec<FieldError>) {
    for (at, source) in all.iter().enumerate() {
        let one = format!("{field}[{at}]");
        if !source.prefix.is_empty() {
            each(&format!("{one}.prefix"), &source.prefix, names::env_name(&source.prefix), errors);
        }
        let mut count = 0;
        for (name, of) in [("configMapRef", &source.config_map_ref), ("secretRef", &source.secret_ref)] {
            let Some(of) = of else { continue };
            count += 1;
            let field = format!("{one}.{name}.name");
            if of.name.is_empty() {
                errors.push(required(&field, ""));
            } else {
                each(&field, &of.name, names::dns_subdomain(&of.name), errors);
            }
        }
        // Upstream's path has no index here.
        match count {
            0 => errors.push(invalid(field, &json!(""), "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => errors.push(invalid(field, &json!(""), "may not have more than one field specified at a time")),
        }
    }
}
