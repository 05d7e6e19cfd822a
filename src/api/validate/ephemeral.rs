//! Ephemeral containers. Models `validateEphemeralContainers` of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::container;
use super::error::{duplicate, forbidden, not_found, required};
use crate::api::{Container, FieldError, PodSpec};
use crate::sim::VecSet;

/// What such a container cannot have.
const REFUSED: [&str; 9] = [
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
];

/// The ephemeral containers of a spec.
pub fn containers(spec: &PodSpec, volumes: &VecSet<String>, field: &str, errors: &mut Vec<FieldError>) {
    let Some(list) = spec.rest.get("ephemeralContainers").and_then(Value::as_array) else { return };
    let others: VecSet<&str> =
        spec.containers.iter().chain(&spec.init_containers).map(|container| container.name.as_str()).collect();
    let mut names = others.clone();
    for (at, value) in list.iter().enumerate() {
        let field = format!("{field}.ephemeralContainers[{at}]");
        let name = value["name"].as_str().unwrap_or("");
        if name.is_empty() {
            errors.push(required(&format!("{field}.name"), ""));
        }
        let mut one: Container = serde_json::from_value(value.clone()).unwrap_or_default();
        if value["terminationMessagePolicy"].is_null() {
            one.termination_message_policy = String::new();
        }
        container::common(&one, spec, volumes, &field, errors);
        container::image_is_trimmed(&one.image, &format!("{field}.image"), errors);
        if !names.insert(name) {
            errors.push(duplicate(&format!("{field}.name"), &json!(name)));
        }
        if let Some(target) = value["targetContainerName"].as_str().filter(|target| !target.is_empty())
            && !others.contains(target)
        {
            errors.push(not_found(&format!("{field}.targetContainerName"), target));
        }
        for name in REFUSED.iter().filter(|name| value.get(**name).is_some_and(is_set)) {
            errors.push(forbidden(&format!("{field}.{name}"), "cannot be set for an Ephemeral Container"));
        }
        for (index, mount) in value["volumeMounts"].as_array().into_iter().flatten().enumerate() {
            for name in ["subPath", "subPathExpr"] {
                if !mount[name].as_str().unwrap_or("").is_empty() {
                    let field = format!("{field}.volumeMounts[{index}].{name}");
                    errors.push(forbidden(&field, "cannot be set for an Ephemeral Container"));
                }
            }
        }
    }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}
