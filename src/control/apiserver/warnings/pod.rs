//! Warnings about pods and their templates. Models `pkg/api/pod/warnings.go` and `pkg/api/node/util.go`.

use crate::sim::{VecMap, VecSet};

use serde_json::Value;

use super::fractional;
use crate::api::define::Rest;
use crate::api::{Container, ContainerPort, NodeSelectorTerm, ObjectMeta, PodSpec};

const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const NO_POD: &str = "a null labelSelector results in matching no pod";

/// Labels of nodes that are not used any more, and what is said about them.
const LABELS: &[(&str, &str)] = &[
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    ("failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"),
    ("beta.kubernetes.io/instance-type", "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    ("scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since v1.22; use Taints and Tolerations instead"),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];

/// Annotations that do nothing any more.
const ANNOTATIONS: &[(&str, &str)] = &[
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
];

/// Kinds of volumes that are gone or going.
const SOURCES: &[(&str, &str)] = &[
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "deprecated in v1.11"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// What is to be said about a pod, or about a template at `base`.
pub fn warn(base: &str, meta: &ObjectMeta, spec: &PodSpec, found: &mut Vec<String>) {
    let at = |path: &str| if base.is_empty() { path.to_owned() } else { format!("{base}.{path}") };
    placement(&at("spec"), spec, found);
    let annotations = at("metadata.annotations");
    for (key, words) in ANNOTATIONS {
        if meta.annotations.contains_key(*key) {
            found.push(format!("{annotations}[{key}]: {words}"));
        }
    }
    for (index, volume) in spec.volumes.iter().enumerate() {
        found.extend(gone_sources(&format!("{}[{index}]", at("spec.volumes")), &volume.rest));
    }
    lists(&at("spec"), spec, found);
    let profile = |rest: &Rest, name: &str| rest.get("securityContext").is_some_and(|context| !context[name].is_null());
    if !profile(&spec.rest, "seccompProfile") && meta.annotations.contains_key(SECCOMP_POD) {
        found.push(format!(
            "{annotations}[{SECCOMP_POD}]: non-functional in v1.27+; use the \"seccompProfile\" field instead"
        ));
    }
    for (path, container) in containers(&at("spec"), spec) {
        let key = format!("{SECCOMP_CONTAINER}{}", container.name);
        if !profile(&container.rest, "seccompProfile") && meta.annotations.contains_key(&key) {
            found.push(format!(
                "{annotations}[{key}]: non-functional in v1.27+; use the \"seccompProfile\" field instead"
            ));
        }
        let key = format!("{APPARMOR}{}", container.name);
        let field =
            !base.is_empty() && (profile(&spec.rest, "appArmorProfile") || profile(&container.rest, "appArmorProfile"));
        if !field && meta.annotations.contains_key(&key) {
            found.push(format!(
                "{annotations}[{key}]: deprecated since v1.30; use the \"appArmorProfile\" field instead"
            ));
        }
        amounts(&path, container, found);
        variables(&path, container, found);
    }
    ports(&at("spec"), spec, found);
    if spec.termination_grace_period_seconds < 0 {
        let path = at("spec.terminationGracePeriodSeconds");
        found.push(format!("{path}: must be >= 0; negative values are invalid and will be treated as 1"));
    }
    pod_affinity(&at("spec.affinity"), spec, found);
}

/// The containers with their paths, as upstream visits them: init containers first.
fn containers<'a>(path: &str, spec: &'a PodSpec) -> Vec<(String, &'a Container)> {
    let paths = |list: &'static str| move |(index, _): &(usize, _)| format!("{list}[{index}]");
    let init = spec.init_containers.iter().enumerate().map(|found| (paths("initContainers")(&found), found.1));
    let regular = spec.containers.iter().enumerate().map(|found| (paths("containers")(&found), found.1));
    init.chain(regular).map(|(list, container)| (format!("{path}.{list}"), container)).collect()
}

fn old_label(key: &str) -> Option<&'static str> {
    LABELS.iter().find(|(label, _)| *label == key).map(|(_, words)| *words)
}

/// A term of a node selector at `path`.
pub fn node_term(path: &str, term: &NodeSelectorTerm, found: &mut Vec<String>) {
    for (index, requirement) in term.match_expressions.iter().enumerate() {
        if let Some(words) = old_label(&requirement.key) {
            found.push(format!("{path}.matchExpressions[{index}].key: {} is {words}", requirement.key));
        }
    }
}

fn placement(path: &str, spec: &PodSpec, found: &mut Vec<String>) {
    for key in spec.node_selector.keys() {
        found.extend(old_label(key).map(|words| format!("{path}.nodeSelector[{key}]: {words}")));
    }
    if let Some(affinity) = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref()) {
        let path = format!("{path}.affinity.nodeAffinity");
        let required = affinity.required_during_scheduling_ignored_during_execution.iter();
        for (index, term) in required.flat_map(|selector| &selector.node_selector_terms).enumerate() {
            let place = format!("{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[{index}]");
            node_term(&place, term, found);
        }
        for (index, term) in affinity.preferred_during_scheduling_ignored_during_execution.iter().enumerate() {
            let place = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}].preference");
            node_term(&place, &term.preference, found);
        }
    }
    let constraints = spec.rest.get("topologySpreadConstraints").and_then(Value::as_array).into_iter().flatten();
    for (index, constraint) in constraints.enumerate() {
        let path = format!("{path}.topologySpreadConstraints[{index}]");
        let key = constraint["topologyKey"].as_str().unwrap_or_default();
        found.extend(old_label(key).map(|words| format!("{path}.topologyKey: {key} is {words}")));
        if constraint["labelSelector"].is_null() {
            found.push(format!("{path}.labelSelector: {NO_POD}"));
        }
    }
}

/// The volumes of kinds that are gone or going.
pub fn gone_sources<'a>(path: &'a str, sources: &'a Rest) -> impl Iterator<Item = String> + 'a {
    let there = SOURCES.iter().filter(|(source, _)| sources.contains_key(*source));
    there.map(move |(source, words)| {
        let field = if *source == "storageos" { "storageOS" } else { source };
        format!("{path}.{field}: {words}")
    })
}

/// Lists in which a thing stands twice.
fn lists(path: &str, spec: &PodSpec, found: &mut Vec<String>) {
    for (list, field, what) in [("hostAliases", "ip", "ip"), ("imagePullSecrets", "name", "name")] {
        let items = spec.rest.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut seen = VecSet::new();
        for (index, item) in items.iter().enumerate() {
            let value = item[field].as_str().unwrap_or_default();
            if !seen.insert(value) {
                found.push(format!("{path}.{list}[{index}].{field}: duplicate {what} {value:?}"));
            }
        }
        let nameless =
            items.iter().enumerate().filter(|(_, item)| item["name"].as_str().unwrap_or_default().is_empty());
        if list == "imagePullSecrets" {
            found.extend(nameless.map(|(index, _)| format!("{path}.{list}[{index}].name: invalid empty name \"\"")));
        }
    }
}

fn amounts(path: &str, container: &Container, found: &mut Vec<String>) {
    let resources = &container.resources;
    for name in ["memory", "ephemeral-storage"] {
        for (map, amounts) in [("limits", &resources.limits), ("requests", &resources.requests)] {
            found.extend(fractional(&format!("{path}.resources.{map}[{name}]"), amounts.get(name)));
        }
    }
}

/// Variables that hide others of the same name.
fn variables(path: &str, container: &Container, found: &mut Vec<String>) {
    let mut seen = VecSet::new();
    for (index, variable) in container.env.iter().enumerate() {
        let name = &variable.name;
        let builds_on = variable.value.contains(&format!("$({name})")) && variable.value != format!("$({name})");
        if !seen.insert(name) && (variable.value_from.is_some() || !builds_on) {
            found.push(format!(
                "{path}.env[{index}]: hides previous definition of {name:?}, which may be dropped when using apply"
            ));
        }
    }
}

/// Ports that are declared twice, by number or by name.
fn ports(path: &str, spec: &PodSpec, found: &mut Vec<String>) {
    let mut by_number: VecMap<String, Vec<(String, &ContainerPort)>> = VecMap::new();
    let mut by_name: VecMap<&str, String> = VecMap::new();
    for (path, container) in containers(path, spec) {
        for (index, port) in container.ports.iter().enumerate() {
            let here = format!("{path}.ports[{index}]");
            let others = by_number.entry(format!("{}/{}", port.container_port, port.protocol)).or_default();
            found.extend(
                others.iter().filter_map(|(there, other)| {
                    clash(port, other).map(|words| format!("{here}: {words} with {there}"))
                }),
            );
            others.push((here.clone(), port));
            if port.name.is_empty() {
                continue;
            }
            match by_name.get(port.name.as_str()) {
                Some(first) if !first.starts_with(&format!("{path}.")) => found.push(format!(
                    "{here}: duplicate port name {:?} with {first}, services and probes that select ports by name will use {first}",
                    port.name
                )),
                Some(_) => {}
                None => _ = by_name.insert(&port.name, here),
            }
        }
    }
}

/// What two ports of one number have against each other.
fn clash(port: &ContainerPort, other: &ContainerPort) -> Option<&'static str> {
    if port.host_ip == other.host_ip && port.host_port == other.host_port {
        Some("duplicate port definition")
    } else if port.host_port == 0 || other.host_port == 0 {
        Some("overlapping port definition")
    } else if port.host_port == other.host_port && (port.host_ip.is_empty() != other.host_ip.is_empty()) {
        Some("dangerously ambiguous port definition")
    } else {
        None
    }
}

fn pod_affinity(path: &str, spec: &PodSpec, found: &mut Vec<String>) {
    let Some(affinity) = &spec.affinity else { return };
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(terms) = affinity.rest.get(kind) else { continue };
        for (list, inner) in [
            ("requiredDuringSchedulingIgnoredDuringExecution", ""),
            ("preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm"),
        ] {
            for (index, term) in terms[list].as_array().into_iter().flatten().enumerate() {
                let (term, dot) = if inner.is_empty() { (term, "") } else { (&term[inner], ".") };
                if term["labelSelector"].is_null() {
                    found.push(format!("{path}.{kind}.{list}[{index}]{dot}{inner}.labelSelector: {NO_POD}"));
                }
            }
        }
    }
}
