//! Security contexts of pods and containers. Models `validatePodSpecSecurityContext`, `ValidateSecurityContext` and
//! `validateHostUsers` of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{duplicate, forbidden, invalid, invalid_form, required, too_long, unsupported};
use super::go_form;
use super::volume_source::{descending_path, text};
use crate::api::{Container, FieldError, PodSpec};

const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];
const SYSCTL: &str = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const LONGEST_SYSCTL: usize = 253;
const LONGEST_PROFILE: usize = 4_095;

/// A user or a group.
pub fn id(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(id) = value.as_i64()
        && !(0..=i64::from(i32::MAX)).contains(&id)
    {
        errors.push(invalid(field, &json!(id), "must be between 0 and 2147483647, inclusive"));
    }
}

fn one_of(value: &Value, name: &str, words: &[&str], field: &str, errors: &mut Vec<FieldError>) {
    if let Some(word) = value[name].as_str().filter(|word| !words.contains(word)) {
        errors.push(unsupported(&format!("{field}.{name}"), word, words));
    }
}

/// The context of a pod, at `field`.
pub fn pod(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    if spec.share_process_namespace == Some(true) && spec.host_pid {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(invalid(&format!("{field}.shareProcessNamespace"), &json!(true), why));
    }
    let Some(context) = spec.rest.get("securityContext").filter(|context| context.is_object()) else { return };
    for name in ["fsGroup", "runAsUser", "runAsGroup"] {
        id(&context[name], &format!("{field}.{name}"), errors);
    }
    for (at, group) in context["supplementalGroups"].as_array().into_iter().flatten().enumerate() {
        id(group, &format!("{field}.supplementalGroups[{at}]"), errors);
    }
    sysctls(spec, context, &format!("{field}.sysctls"), errors);
    one_of(context, "fsGroupChangePolicy", &["Always", "OnRootMismatch"], field, errors);
    seccomp(&context["seccompProfile"], &format!("{field}.seccompProfile"), errors);
    apparmor(&context["appArmorProfile"], &format!("{field}.appArmorProfile"), errors);
    one_of(context, "supplementalGroupsPolicy", &["Merge", "Strict"], field, errors);
    one_of(context, "seLinuxChangePolicy", &["MountOption", "Recursive"], field, errors);
}

fn is_sysctl(name: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let good = |part: &str| {
        let bytes = part.as_bytes();
        edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| inside(*b))
    };
    name.len() <= LONGEST_SYSCTL && name.split(['.', '/']).all(good)
}

fn sysctls(spec: &PodSpec, context: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let mut seen: Vec<&str> = Vec::new();
    for (at, one) in context["sysctls"].as_array().into_iter().flatten().enumerate() {
        let (name, field) = (text(one, "name"), format!("{field}[{at}].name"));
        if name.is_empty() {
            errors.push(required(&field, ""));
        } else if !is_sysctl(name) {
            let why = format!("must have at most {LONGEST_SYSCTL} characters and match regex {SYSCTL}");
            errors.push(invalid(&field, &json!(name), &why));
        } else if seen.contains(&name) {
            errors.push(duplicate(&field, &json!(name)));
        }
        seen.push(name);
        let dotted = name.replace('/', ".");
        let ipc = dotted.starts_with("kernel.shm")
            || dotted.starts_with("kernel.msg")
            || dotted == "kernel.sem"
            || dotted.starts_with("fs.mqueue.");
        if spec.host_network && dotted.starts_with("net.") {
            errors.push(invalid(&field, &json!(name), "may not be specified when 'hostNetwork' is true"));
        } else if spec.rest.get("hostIPC").is_some_and(|on| *on == true) && ipc {
            errors.push(invalid(&field, &json!(name), "may not be specified when 'hostIPC' is true"));
        }
    }
}

fn seccomp(profile: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if !profile.is_object() {
        return;
    }
    let local = format!("{field}.localhostProfile");
    match text(profile, "type") {
        "" => errors.push(required(&format!("{field}.type"), "type is required when seccompProfile is set")),
        kind if PROFILES.contains(&kind) => {}
        kind => errors.push(unsupported(&format!("{field}.type"), kind, &PROFILES)),
    }
    match (text(profile, "type") == "Localhost", profile["localhostProfile"].as_str()) {
        (true, None) => errors.push(required(&local, "must be set when seccomp type is Localhost")),
        (true, Some(path)) => descending_path(path, &local, errors),
        (false, Some(_)) => {
            let value = go_form::form("SeccompProfile", profile);
            errors.push(invalid_form(&local, &value, "can only be set when seccomp type is Localhost"));
        }
        (false, None) => {}
    }
}

fn apparmor(profile: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if !profile.is_object() {
        return;
    }
    let local = format!("{field}.localhostProfile");
    let missing = "must be set when AppArmor type is Localhost";
    match (text(profile, "type"), profile["localhostProfile"].as_str()) {
        ("Localhost", None) => errors.push(required(&local, missing)),
        ("Localhost", Some(path)) => {
            if path.trim() != path {
                errors.push(invalid(&local, &json!(path), "must not be padded with whitespace"));
            } else if path.is_empty() {
                errors.push(required(&local, missing));
            }
            if path.len() > LONGEST_PROFILE {
                errors.push(too_long(&local, LONGEST_PROFILE));
            }
        }
        ("RuntimeDefault" | "Unconfined", Some(path)) => {
            errors.push(invalid(&local, &json!(path), "can only be set when AppArmor type is Localhost"));
        }
        ("RuntimeDefault" | "Unconfined", None) => {}
        ("", _) => errors.push(required(&format!("{field}.type"), "type is required when appArmorProfile is set")),
        (other, _) => errors.push(unsupported(&format!("{field}.type"), other, &PROFILES)),
    }
}

/// The context of a container, at `field`.
pub fn container(container: &Container, field: &str, errors: &mut Vec<FieldError>) {
    let Some(context) = container.rest.get("securityContext").filter(|context| context.is_object()) else { return };
    for name in ["runAsUser", "runAsGroup"] {
        id(&context[name], &format!("{field}.{name}"), errors);
    }
    one_of(context, "procMount", &["Default", "Unmasked"], field, errors);
    seccomp(&context["seccompProfile"], &format!("{field}.seccompProfile"), errors);
    if context["allowPrivilegeEscalation"] == false {
        let field = format!("{field}.allowPrivilegeEscalation");
        if context["privileged"] == true {
            let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.push(invalid(&field, &json!(false), why));
        }
        let added = context["capabilities"]["add"].as_array().into_iter().flatten();
        for _ in added.filter(|capability| *capability == "CAP_SYS_ADMIN") {
            let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            errors.push(invalid(&field, &json!(false), why));
        }
    }
    apparmor(&context["appArmorProfile"], &format!("{field}.appArmorProfile"), errors);
}

/// A pod with users of its own shares nothing with the node.
pub fn host_users(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    if spec.rest.get("hostUsers").is_none_or(|on| *on != false) {
        return;
    }
    let ipc = spec.rest.get("hostIPC").is_some_and(|on| *on == true);
    for (name, on) in [("hostNetwork", spec.host_network), ("HostPID", spec.host_pid), ("HostIPC", ipc)] {
        if on {
            errors.push(forbidden(&format!("{field}.{name}"), "when `pod.Spec.HostUsers` is false"));
        }
    }
}
