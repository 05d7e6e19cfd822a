//! The pods of a DaemonSet: its template, bound to a node by affinity, with the tolerations of a daemon.
//!
//! Models `CreatePodTemplate`, `AddOrUpdateDaemonPodTolerations` and `ReplaceDaemonSetPodNodeNameNodeAffinity` of
//! `pkg/controller/daemon/util/daemonset_util.go`.

use std::sync::Arc;

use crate::api::{
    DaemonSet, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec, TaintEffect, Toleration,
};
use crate::control::controller::{history, owner, pods};

/// The label of the template's generation.
pub const GENERATION_LABEL: &str = "pod-template-generation";
const GENERATION: &str = "deprecated.daemonset.template.generation";

/// What every daemon tolerates.
const TOLERATED: &[(&str, TaintEffect)] = &[
    ("node.kubernetes.io/not-ready", TaintEffect::NoExecute),
    ("node.kubernetes.io/unreachable", TaintEffect::NoExecute),
    ("node.kubernetes.io/disk-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/memory-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/pid-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/unschedulable", TaintEffect::NoSchedule),
];

/// The tolerations of a template with those of a daemon.
pub fn tolerations(spec: &PodSpec) -> Vec<Toleration> {
    let network = ("node.kubernetes.io/network-unavailable", TaintEffect::NoSchedule);
    let more = spec.host_network.then_some(&network);
    let mut all = spec.tolerations.clone();
    for (key, effect) in TOLERATED.iter().chain(more) {
        let toleration = Toleration {
            key: (*key).into(),
            operator: "Exists".into(),
            effect: Some(effect.clone()),
            ..Toleration::default()
        };
        let same = |known: &&mut Toleration| {
            known.key == toleration.key && known.operator == toleration.operator && known.effect == toleration.effect
        };
        match all.iter_mut().find(same) {
            Some(known) => *known = toleration,
            None => all.push(toleration),
        }
    }
    all
}

/// How many templates a set has had.
pub fn generation(set: &DaemonSet) -> Option<&str> {
    set.metadata.annotations.get(GENERATION).map(String::as_str)
}

/// The pod for a node.
pub fn on(set: &DaemonSet, node: &str, hash: &str) -> Pod {
    let reference = owner::controller_ref(set);
    let mut pod = pods::from_template(&set.spec.template, &set.metadata.name, &set.metadata.namespace, reference);
    if let Some(generation) = generation(set) {
        pod.metadata.labels.insert(GENERATION_LABEL.into(), generation.to_owned());
    }
    pod.metadata.labels.insert(history::REVISION_LABEL.into(), hash.to_owned());
    let spec = Arc::make_mut(&mut pod.spec);
    spec.tolerations = tolerations(spec);
    let requirement = NodeSelectorRequirement {
        key: "metadata.name".into(),
        operator: "In".into(),
        values: vec![node.to_owned()],
        ..NodeSelectorRequirement::default()
    };
    let term = NodeSelectorTerm { match_fields: vec![requirement], ..NodeSelectorTerm::default() };
    let affinity = spec.affinity.get_or_insert_default().node_affinity.get_or_insert_default();
    affinity.required_during_scheduling_ignored_during_execution =
        Some(NodeSelector { node_selector_terms: vec![term], ..NodeSelector::default() });
    pod
}
