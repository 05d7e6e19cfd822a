//! The checks of the two policies, each in the order of its name. Models `k8s.io/pod-security-admission/policy`.

use serde_json::Value;

use crate::api::{Container, PodSpec};
use crate::sim::VecSet;

/// What is forbidden, and why this is that.
type Found = Vec<(&'static str, String)>;

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
const SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
];
const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const PROFILES: [&str; 2] = ["RuntimeDefault", "Localhost"];

fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers.iter().chain(&spec.containers)
}

/// A value of a container's security context.
fn of<'a>(container: &'a Container, path: &str) -> &'a Value {
    container.rest.get("securityContext").and_then(|context| context.pointer(path)).unwrap_or(&Value::Null)
}

/// A value of the pod's security context.
fn of_pod<'a>(spec: &'a PodSpec, path: &str) -> &'a Value {
    spec.rest.get("securityContext").and_then(|context| context.pointer(path)).unwrap_or(&Value::Null)
}

fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

fn plural(one: &str, count: usize) -> String {
    if count == 1 { one.to_owned() } else { format!("{one}s") }
}

/// `container "a"`, `containers "a", "b"`.
fn named(names: &[&str]) -> String {
    format!("{} {}", plural("container", names.len()), quoted(names.iter().copied()))
}

/// The names of the containers that are so.
fn which(spec: &PodSpec, test: impl Fn(&Container) -> bool) -> Vec<&str> {
    containers(spec).filter(|container| test(container)).map(|container| container.name.as_str()).collect()
}

fn added(container: &Container) -> impl Iterator<Item = &str> {
    of(container, "/capabilities/add").as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The policy `baseline`; `overridden` without what `restricted` says more strictly.
pub fn baseline(spec: &PodSpec, overridden: bool, found: &mut Found) {
    if !overridden {
        capabilities(spec, "non-default capabilities", |one| CAPABILITIES.contains(&one), Vec::new(), found);
    }
    let host_ipc = spec.rest.get("hostIPC").is_some_and(|on| on == true);
    let hosts = [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", host_ipc)];
    let hosts: Vec<String> = hosts.iter().filter(|(_, on)| *on).map(|(name, _)| format!("{name}=true")).collect();
    if !hosts.is_empty() {
        found.push(("host namespaces", hosts.join(", ")));
    }
    let paths: Vec<&str> =
        spec.volumes.iter().filter(|v| v.rest.contains_key("hostPath")).map(|v| v.name.as_str()).collect();
    if !overridden && !paths.is_empty() {
        found.push(("hostPath volumes", format!("{} {}", plural("volume", paths.len()), quoted(paths))));
    }
    host_ports(spec, found);
    let privileged = which(spec, |c| of(c, "/privileged") == true);
    if !privileged.is_empty() {
        found.push(("privileged", format!("{} must not set securityContext.privileged=true", named(&privileged))));
    }
    let masked = |c: &Container| of(c, "/procMount").as_str().is_some_and(|mount| mount != "Default");
    let unmasked = which(spec, masked);
    if !unmasked.is_empty() {
        let mounts: VecSet<&str> = containers(spec).filter_map(|c| of(c, "/procMount").as_str()).collect();
        let mounts = quoted(mounts.iter().copied().filter(|mount| *mount != "Default"));
        let why = format!("{} must not set securityContext.procMount to {mounts}", named(&unmasked));
        found.push(("procMount", why));
    }
    if !overridden {
        profiles(spec, |profile| profile == "Unconfined", found);
    }
    let sysctls = of_pod(spec, "/sysctls").as_array().into_iter().flatten().filter_map(|s| s["name"].as_str());
    let forbidden: Vec<&str> = sysctls.filter(|name| !SYSCTLS.contains(name)).collect();
    if !forbidden.is_empty() {
        found.push(("forbidden sysctls", forbidden.join(", ")));
    }
}

fn host_ports(spec: &PodSpec, found: &mut Found) {
    let names = which(spec, |c| c.ports.iter().any(|port| port.host_port != 0));
    if names.is_empty() {
        return;
    }
    let ports: VecSet<String> = containers(spec)
        .flat_map(|c| &c.ports)
        .filter(|port| port.host_port != 0)
        .map(|port| port.host_port.to_string())
        .collect();
    let uses = if names.len() == 1 { "uses" } else { "use" };
    let list: Vec<&str> = ports.iter().map(String::as_str).collect();
    found
        .push(("hostPort", format!("{} {uses} {} {}", named(&names), plural("hostPort", list.len()), list.join(", "))));
}

/// Capabilities that may not be added, after what else is wrong with them.
fn capabilities(
    spec: &PodSpec,
    what: &'static str,
    allowed: fn(&str) -> bool,
    mut words: Vec<String>,
    found: &mut Found,
) {
    let names = which(spec, |c| added(c).any(|one| !allowed(one)));
    if !names.is_empty() {
        let all: VecSet<&str> = containers(spec).flat_map(added).filter(|one| !allowed(one)).collect();
        let all = quoted(all.iter().copied());
        words.push(format!("{} must not include {all} in securityContext.capabilities.add", named(&names)));
    }
    if !words.is_empty() {
        found.push((what, words.join("; ")));
    }
}

/// Profiles that may not be; whether there were any.
fn profiles(spec: &PodSpec, forbidden: fn(&str) -> bool, found: &mut Found) -> bool {
    const PATH: &str = "/seccompProfile/type";
    let pod = of_pod(spec, PATH).as_str().filter(|profile| forbidden(profile));
    let names = which(spec, |c| of(c, PATH).as_str().is_some_and(forbidden));
    let mut who = Vec::new();
    who.extend(pod.map(|_| "pod".to_owned()));
    if !names.is_empty() {
        who.push(named(&names));
    }
    if who.is_empty() {
        return false;
    }
    let all: VecSet<&str> =
        containers(spec).filter_map(|c| of(c, PATH).as_str()).filter(|p| forbidden(p)).chain(pod).collect();
    let all = quoted(all.iter().copied());
    let why = format!("{} must not set securityContext.seccompProfile.type to {all}", who.join(" and "));
    found.push(("seccompProfile", why));
    true
}

/// What the policy `restricted` asks for besides.
pub fn restricted(spec: &PodSpec, found: &mut Found) {
    let escalating = which(spec, |c| of(c, "/allowPrivilegeEscalation") != false);
    if !escalating.is_empty() {
        let why = format!("{} must set securityContext.allowPrivilegeEscalation=false", named(&escalating));
        found.push(("allowPrivilegeEscalation != false", why));
    }
    let drops_all =
        |c: &Container| of(c, "/capabilities/drop").as_array().is_some_and(|list| list.iter().any(|one| one == "ALL"));
    let keeping = which(spec, |c| !drops_all(c));
    let mut words = Vec::new();
    if !keeping.is_empty() {
        words.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", named(&keeping)));
    }
    capabilities(spec, "unrestricted capabilities", |one| one == "NET_BIND_SERVICE", words, found);
    volumes(spec, found);
    run_as(spec, found);
    if !profiles(spec, |profile| !PROFILES.contains(&profile), found) {
        let has = |profile: &Value| profile.as_str().is_some_and(|profile| PROFILES.contains(&profile));
        let pod = has(of_pod(spec, "/seccompProfile/type"));
        let without = which(spec, |c| !has(of(c, "/seccompProfile/type")));
        if !pod && !without.is_empty() {
            let why = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
            found.push(("seccompProfile", format!("pod or {} {why}", named(&without))));
        }
    }
}

fn volumes(spec: &PodSpec, found: &mut Found) {
    let source = |rest: &crate::api::define::Rest| rest.keys().find(|name| !VOLUMES.contains(&name.as_str())).cloned();
    let bad: Vec<(&str, String)> =
        spec.volumes.iter().filter_map(|v| Some((v.name.as_str(), source(&v.rest)?))).collect();
    if bad.is_empty() {
        return;
    }
    let kinds: VecSet<&str> = bad.iter().map(|(_, kind)| kind.as_str()).collect();
    let uses = if bad.len() == 1 { "uses" } else { "use" };
    let why = format!(
        "{} {} {uses} restricted volume {} {}",
        plural("volume", bad.len()),
        quoted(bad.iter().map(|(name, _)| *name)),
        plural("type", kinds.len()),
        quoted(kinds.iter().copied())
    );
    found.push(("restricted volume types", why));
}

fn run_as(spec: &PodSpec, found: &mut Found) {
    const NOT_ROOT: &str = "/runAsNonRoot";
    let what = "runAsNonRoot != true";
    let pod = of_pod(spec, NOT_ROOT);
    let refused = which(spec, |c| of(c, NOT_ROOT) == false);
    let silent = which(spec, |c| of(c, NOT_ROOT).is_null());
    let mut who = Vec::new();
    if pod == false {
        who.push("pod".to_owned());
    }
    if !refused.is_empty() {
        who.push(named(&refused));
    }
    if !who.is_empty() {
        found.push((what, format!("{} must not set securityContext.runAsNonRoot=false", who.join(" and "))));
    } else if pod != true && !silent.is_empty() {
        found.push((what, format!("pod or {} must set securityContext.runAsNonRoot=true", named(&silent))));
    }
    let mut who = Vec::new();
    if of_pod(spec, "/runAsUser") == 0 {
        who.push("pod".to_owned());
    }
    let roots = which(spec, |c| of(c, "/runAsUser") == 0);
    if !roots.is_empty() {
        who.push(named(&roots));
    }
    if !who.is_empty() {
        found.push(("runAsUser=0", format!("{} must not set runAsUser=0", who.join(" and "))));
    }
}
