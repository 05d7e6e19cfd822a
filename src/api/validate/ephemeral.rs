//! Ephemeral containers. Models `validateEphemeralContainers` of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::container;
use super::error::{duplicate, forbidden, not_found, required};
use super::pod::{self, Options};
use super::{diff, go_form, meta, pod_annotations};
use crate::api::{FieldError, Pod, PodSpec};
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
    let others: VecSet<&str> =
        spec.containers.iter().chain(&spec.init_containers).map(|container| container.name.as_str()).collect();
    let mut names = others.clone();
    for (at, one) in spec.ephemeral_containers.iter().enumerate() {
        let field = format!("{field}.ephemeralContainers[{at}]");
        let name = one.name.as_str();
        if name.is_empty() {
            errors.push(required(&format!("{field}.name"), ""));
        }
        container::common(one, spec, volumes, &field, errors);
        container::image_is_trimmed(&one.image, &format!("{field}.image"), errors);
        if !names.insert(name) {
            errors.push(duplicate(&format!("{field}.name"), &json!(name)));
        }
        if let Some(target) = one.target()
            && !others.contains(target)
        {
            errors.push(not_found(&format!("{field}.targetContainerName"), target));
        }
        let value = json!(one);
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

/// A pod that gets ephemeral containers: those it has stay as they are (`ValidatePodEphemeralContainersUpdate`).
pub fn update(new: &Pod, old: &Pod, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.ephemeralContainers";
    errors.extend(meta::update(&new.clone().into(), &old.clone().into()));
    pod::whole(new, Options { is_pod: true, ..Options::default() }, errors);
    pod_annotations::update(new, old, errors);
    if old.metadata.annotations.contains_key(pod_annotations::MIRROR) {
        *errors = vec![forbidden("[]", "static pods do not support ephemeral containers")];
        return;
    }
    for had in &old.spec.ephemeral_containers {
        match new.spec.ephemeral_containers.iter().find(|one| one.name == had.name) {
            None => {
                let why = format!("existing ephemeral containers {:?} may not be removed\n", had.name);
                errors.push(forbidden(FIELD, &why));
            }
            Some(one) if one != had => {
                let form = |one| go_form::of("EphemeralContainer", one);
                let difference = diff::forms(&form(had), &form(one));
                let why = format!("existing ephemeral containers {:?} may not be changed\n{difference}", had.name);
                errors.push(forbidden(FIELD, &why));
            }
            Some(_) => {}
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
