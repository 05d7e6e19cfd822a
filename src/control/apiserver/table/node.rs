//! Nodes (`printNode`).

use serde_json::{Value, json};

use super::{Column, NONE, UNKNOWN, text, wide};
use crate::api::Node;
use crate::sim::VecSet;

pub(super) const COLUMNS: &[Column] = &[
    text("Name"),
    text("Status"),
    text("Roles"),
    text("Age"),
    text("Version"),
    wide("Internal-IP"),
    wide("External-IP"),
    wide("OS-Image"),
    wide("Kernel-Version"),
    wide("Container-Runtime"),
];

const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
const ROLE_LABEL: &str = "kubernetes.io/role";

pub(super) fn cells(node: &Node, age: &str) -> Vec<Value> {
    let info = &node.status.node_info;
    let or_unknown = |text: &str| if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() };
    vec![
        json!(node.metadata.name),
        json!(status(node)),
        json!(roles(node)),
        json!(age),
        json!(info.kubelet_version),
        json!(address(node, "InternalIP")),
        json!(address(node, "ExternalIP")),
        json!(or_unknown(&info.os_image)),
        json!(kernel(&info.kernel_version, &info.architecture)),
        json!(or_unknown(&info.container_runtime_version)),
    ]
}

fn status(node: &Node) -> String {
    let ready = node.status.conditions.iter().find(|c| c.r#type == "Ready");
    let mut word = match ready {
        Some(condition) if condition.status == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if node.spec.unschedulable {
        word.push_str(",SchedulingDisabled");
    }
    word
}

fn roles(node: &Node) -> String {
    let roles: VecSet<&str> = node
        .metadata
        .labels
        .iter()
        .filter_map(|(key, value)| match key.strip_prefix(ROLE_PREFIX) {
            Some(role) => Some(role),
            None if key == ROLE_LABEL => Some(value.as_str()),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    if roles.is_empty() { NONE.into() } else { roles.into_iter().collect::<Vec<_>>().join(",") }
}

/// `6.1.0 (amd64)`: the kernel and, if it is known, what it runs on.
fn kernel(version: &str, architecture: &str) -> String {
    match (version, architecture) {
        ("", _) => super::UNKNOWN.to_owned(),
        (version, "") => version.to_owned(),
        (version, architecture) => format!("{version} ({architecture})"),
    }
}

fn address(node: &Node, r#type: &str) -> String {
    let found = node.status.addresses.iter().find(|a| a.r#type == r#type);
    found.map_or_else(|| NONE.into(), |a| a.address.clone())
}
