//! Which nodes a DaemonSet wants, and which pods it has where.
//!
//! Models `NodeShouldRunDaemonPod`, `Predicates` and `getNodesToDaemonPods` of `pkg/controller/daemon/daemon_controller.go`.

use std::sync::Arc;

use crate::api::{DaemonSet, Node, Pod, TaintEffect};
use crate::control::Cache;
use crate::control::controller::daemon_set::pod;
use crate::control::controller::pods;
use crate::control::scheduler::plugin::node_affinity;
use crate::control::{selector, taint};
use crate::sim::VecMap;

/// What a set thinks of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// A pod should be there.
    pub run: bool,
    /// A pod that is there may stay.
    pub stay: bool,
}

/// What a set thinks of a node.
pub fn verdict(set: &DaemonSet, node: &Node) -> Verdict {
    let spec = &set.spec.template.spec;
    let named = spec.node_name.is_empty() || spec.node_name == node.metadata.name;
    if !named || !node_affinity::matches(spec, node) {
        return Verdict { run: false, stay: false };
    }
    let tolerations = pod::tolerations(spec);
    let borne = |effects: &[TaintEffect]| {
        let taints = node.spec.taints.iter().filter(|taint| effects.contains(&taint.effect));
        taints.into_iter().all(|t| tolerations.iter().any(|toleration| taint::tolerates(toleration, t)))
    };
    let run = borne(&[TaintEffect::NoSchedule, TaintEffect::NoExecute]);
    Verdict { run, stay: run || borne(&[TaintEffect::NoExecute]) }
}

/// The node that a pod is on, or is meant for.
pub fn target(pod: &Pod) -> Option<&str> {
    if !pod.spec.node_name.is_empty() {
        return Some(&pod.spec.node_name);
    }
    let affinity = pod.spec.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    let fields = required.node_selector_terms.iter().flat_map(|term| &term.match_fields);
    let mut named = fields.filter(|field| field.key == "metadata.name" && field.operator == "In");
    named.find_map(|field| field.values.first()).map(String::as_str)
}

/// The pods of a set by node, those without one left out.
pub fn pods_by_node(set: &DaemonSet, cache: &Cache) -> VecMap<String, Vec<Arc<Pod>>> {
    let mut found: VecMap<String, Vec<Arc<Pod>>> = VecMap::new();
    for pod in cache.controlled_by::<Pod>(&set.metadata.uid) {
        let gone = pods::is_terminal(pod) && pod.metadata.deletion_timestamp.is_some();
        if gone || !selector::matches(&set.spec.selector, &pod.metadata.labels) {
            continue;
        }
        if let Some(node) = target(pod) {
            found.entry(node.to_owned()).or_default().push(Arc::clone(pod));
        }
    }
    found
}
