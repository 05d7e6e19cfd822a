//! What a profile of `kubectl debug` makes of a pod.
//!
//! Models `k8s.io/kubectl/pkg/cmd/debug/profiles.go`.

use serde_json::{Value, json};

use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::text;

const PROFILES: [&str; 6] = ["legacy", "general", "baseline", "restricted", "netadmin", "sysadmin"];

/// How one debugs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// With a pod on a node.
    Node,
    /// With a copy of a pod.
    Copy,
    /// With a container that is added to a pod.
    Ephemeral,
}

/// Refuses a profile that is none.
pub fn check(ctx: &Ctx<'_>) -> Result<(), Stop> {
    let profile = ctx.args().text("profile");
    if PROFILES.contains(&profile) { Ok(()) } else { fail(format!("unknown profile: {profile}")) }
}

/// Applies the command's profile to a container of a pod.
pub fn apply(ctx: &Ctx<'_>, pod: &mut Value, container: &str, style: Style) {
    let profile = ctx.args().text("profile");
    container_rules(profile, pod, container, style);
    match style {
        Style::Node if matches!(profile, "legacy" | "general" | "sysadmin") => {
            mount_root(pod, container);
            use_host(pod);
        }
        Style::Node if profile == "netadmin" => use_host(pod),
        Style::Copy if profile == "legacy" => forget(&mut pod["metadata"], "labels"),
        Style::Copy => {
            thin_out(ctx, pod);
            if pod["spec"]["shareProcessNamespace"].is_null() {
                pod["spec"]["shareProcessNamespace"] = json!(true);
            }
        }
        Style::Node | Style::Ephemeral => {}
    }
}

fn container_rules(profile: &str, pod: &mut Value, name: &str, style: Style) {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let mut all = Vec::new();
    if let Some(spec) = pod["spec"].as_object_mut() {
        for (list, containers) in spec.iter_mut().filter(|(list, _)| lists.contains(&list.as_str())) {
            all.extend(containers.as_array_mut().into_iter().flatten().map(|one| (list.clone(), one)));
        }
    }
    let Some((_, container)) = all.into_iter().find(|(_, one)| text(one, "name") == name) else { return };
    match profile {
        "general" if style == Style::Node => forget(container, "securityContext"),
        "general" => add_capability(container, "SYS_PTRACE"),
        "baseline" => forget(container, "securityContext"),
        "restricted" => {
            container["securityContext"] = json!({
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": true,
                "seccompProfile": {"type": "RuntimeDefault"},
            });
        }
        "netadmin" => {
            add_capability(container, "NET_ADMIN");
            add_capability(container, "NET_RAW");
        }
        "sysadmin" => container["securityContext"]["privileged"] = json!(true),
        _ => {}
    }
}

fn add_capability(container: &mut Value, capability: &str) {
    let added = &mut container["securityContext"]["capabilities"]["add"];
    match added.as_array_mut() {
        Some(list) => list.push(json!(capability)),
        None => *added = json!([capability]),
    }
}

/// What a copy does not keep, unless it is to.
fn thin_out(ctx: &Ctx<'_>, pod: &mut Value) {
    for (flag, field) in [("keep-labels", "labels"), ("keep-annotations", "annotations")] {
        if !ctx.args().bool(flag) {
            forget(&mut pod["metadata"], field);
        }
    }
    let probes =
        [("keep-liveness", "livenessProbe"), ("keep-readiness", "readinessProbe"), ("keep-startup", "startupProbe")];
    for (_, probe) in probes.into_iter().filter(|(flag, _)| !ctx.args().bool(flag)) {
        pod["spec"]["containers"].as_array_mut().into_iter().flatten().for_each(|one| forget(one, probe));
    }
    if !ctx.args().bool("keep-init-containers") {
        forget(&mut pod["spec"], "initContainers");
    }
}

fn mount_root(pod: &mut Value, container: &str) {
    let push = |list: &mut Value, item: Value| match list.as_array_mut() {
        Some(items) => items.push(item),
        None => *list = json!([item]),
    };
    push(&mut pod["spec"]["volumes"], json!({"name": "host-root", "hostPath": {"path": "/"}}));
    let containers = pod["spec"]["containers"].as_array_mut().into_iter().flatten();
    for one in containers.filter(|one| text(one, "name") == container) {
        push(&mut one["volumeMounts"], json!({"name": "host-root", "mountPath": "/host"}));
    }
}

fn use_host(pod: &mut Value) {
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        pod["spec"][field] = json!(true);
    }
}

fn forget(value: &mut Value, field: &str) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove(field);
    }
}
