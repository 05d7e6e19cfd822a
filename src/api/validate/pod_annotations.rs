//! Annotations that mean something to pods. Models `ValidatePodSpecificAnnotations`, `ValidatePodSpecificAnnotationUpdates`
//! and the comparison of annotations and fields in `ValidatePodCreate`, of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{forbidden, invalid};
use super::volume_source::descending_path;
use crate::api::meta::Labels;
use crate::api::{FieldError, ObjectMeta, Pod, PodSpec};

/// Marks what stands for a pod of a file of its node.
pub const MIRROR: &str = "kubernetes.io/config.mirror";
const COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// The annotations of a pod or a template.
pub fn of(annotations: &Labels, spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(value) = annotations.get(MIRROR).filter(|_| spec.node_name.is_empty()) {
        let why = "must set spec.nodeName if mirror pod annotation is set";
        errors.push(invalid(&format!("{field}[{MIRROR}]"), &json!(value), why));
    }
    if let Some(text) = annotations.get(COST) {
        // A number as people write it: no plus and no zeros before it.
        let plain = !text.starts_with('+') && (text == "0" || !text.trim_start_matches('-').starts_with('0'));
        if !plain || text.parse::<i32>().is_err() {
            errors.push(invalid(&format!("{field}[{COST}]"), &json!(text), "must be a 32bit integer"));
        }
    }
    if let Some(profile) = annotations.get(SECCOMP_POD) {
        seccomp(profile, &format!("{field}.{SECCOMP_POD}"), errors);
    }
    for (key, profile) in annotations.iter().filter(|(key, _)| key.starts_with(SECCOMP)) {
        seccomp(profile, &format!("{field}.{key}"), errors);
    }
    for (key, profile) in annotations {
        let Some(name) = key.strip_prefix(APPARMOR) else { continue };
        let field = format!("{field}[{key}]");
        if !containers(spec).iter().any(|container| container.name == name) {
            errors.push(invalid(&field, &json!(name), "container not found"));
        }
        let known = matches!(profile.as_str(), "" | "runtime/default" | "unconfined");
        if !known && !profile.starts_with("localhost/") {
            errors.push(invalid(&field, &json!(profile), &format!("invalid AppArmor profile name: {profile:?}")));
        }
    }
}

fn seccomp(profile: &str, field: &str, errors: &mut Vec<FieldError>) {
    match profile.strip_prefix("localhost/") {
        Some(path) => descending_path(path, field, errors),
        None if matches!(profile, "runtime/default" | "docker/default" | "unconfined") => {}
        None => errors.push(invalid(field, &json!(profile), "must be a valid seccomp profile")),
    }
}

/// A container of any sort.
struct Any<'a> {
    name: &'a str,
    field: String,
    security: Option<&'a Value>,
}

/// All containers: init containers, then the others, then ephemeral ones.
fn containers(spec: &PodSpec) -> Vec<Any<'_>> {
    let mut all = Vec::new();
    for (list, of) in [
        ("initContainers", &spec.init_containers),
        ("containers", &spec.containers),
        ("ephemeralContainers", &spec.ephemeral_containers),
    ] {
        all.extend(of.iter().enumerate().map(|(at, c)| Any {
            name: &c.name,
            field: format!("spec.{list}[{at}]"),
            security: c.rest.get("securityContext"),
        }));
    }
    all
}

/// A new pod's annotations say the same as its fields.
pub fn fields_match(meta: &ObjectMeta, spec: &PodSpec, errors: &mut Vec<FieldError>) {
    let pod = spec.rest.get("securityContext");
    let profile = |context: Option<&'_ Value>, name: &str| context.map(|c| c[name].clone()).filter(|p| !p.is_null());
    if let (Some(field), Some(annotation)) = (profile(pod, "seccompProfile"), meta.annotations.get(SECCOMP_POD)) {
        same(annotation, &field, "seccomp", "spec.securityContext.seccompProfile", errors);
    }
    let all = containers(spec);
    for container in &all {
        let annotation = meta.annotations.get(&format!("{SECCOMP}{}", container.name));
        if let (Some(field), Some(annotation)) = (profile(container.security, "seccompProfile"), annotation) {
            let at = format!("{}.securityContext.seccompProfile", container.field);
            same(annotation, &field, "seccomp", &at, errors);
        }
    }
    if spec.rest.get("os").is_some_and(|os| os["name"] == "windows") {
        return;
    }
    for container in &all {
        let field = profile(container.security, "appArmorProfile").or_else(|| profile(pod, "appArmorProfile"));
        let annotation = meta.annotations.get(&format!("{APPARMOR}{}", container.name));
        if let (Some(field), Some(annotation)) = (field, annotation) {
            let at = format!("{}.securityContext.appArmorProfile", container.field);
            same(annotation, &field, "apparmor", &at, errors);
        }
    }
}

fn same(annotation: &str, profile: &Value, what: &str, field: &str, errors: &mut Vec<FieldError>) {
    let mut differ = |name: &str, part: &str| {
        errors
            .push(forbidden(&format!("{field}.{name}"), &format!("{what} {part} in annotation and field must match")));
    };
    match profile["type"].as_str().unwrap_or("") {
        "Unconfined" if annotation != "unconfined" => differ("type", "type"),
        "RuntimeDefault"
            if annotation != "runtime/default" && !(what == "seccomp" && annotation == "docker/default") =>
        {
            differ("type", "type");
        }
        "Localhost" => match annotation.strip_prefix("localhost/") {
            None => differ("type", "type"),
            Some(path) if profile["localhostProfile"] != path => differ("localhostProfile", "profile"),
            Some(_) => {}
        },
        _ => {}
    }
}

/// Some annotations stay as they were when the pod was made.
pub fn update(new: &Pod, old: &Pod, errors: &mut Vec<FieldError>) {
    let (now, before) = (&new.metadata.annotations, &old.metadata.annotations);
    let mut refuse = |key: &str, what: &str| {
        let field = format!("metadata.annotations[{key}]");
        if key.starts_with(APPARMOR) {
            errors.push(forbidden(&field, &format!("may not {what} AppArmor annotations")));
        }
        if key == MIRROR {
            errors.push(forbidden(&field, &format!("may not {what} mirror pod annotation")));
        }
    };
    for (key, value) in before {
        if now.get(key) != Some(value) {
            refuse(key, "remove or update");
        }
    }
    for key in now.keys().filter(|key| !before.contains_key(*key)) {
        refuse(key, "add");
    }
    of(now, &new.spec, "metadata.annotations", errors);
}
