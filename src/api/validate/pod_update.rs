//! Changed pods: little may change. Models `ValidatePodUpdate` of `pkg/apis/core/validation/validation.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::{forbidden, invalid, invalid_form, required};
use super::pod::{self, Options, gates_of};
use super::{container, diff, go_form, names, placement, pod_annotations};
use crate::api::{Affinity, Container, FieldError, NodeAffinity, NodeSelectorTerm, Pod, PodSpec};

/// What may change; the difference of the specs follows.
const FROZEN: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const NODES: &str = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";

/// A changed pod.
pub fn update(new: &Pod, old: &Pod, errors: &mut Vec<FieldError>) {
    let any_node_value = has_odd_values(&old.spec);
    let any_resize = container::has_odd_resize(&old.spec);
    pod::whole(new, Options { is_pod: true, any_node_value, any_resize }, errors);
    pod_annotations::update(new, old, errors);
    let (spec, had) = (&new.spec, &old.spec);
    for (list, now, before) in [
        ("containers", &spec.containers, &had.containers),
        ("initContainers", &spec.init_containers, &had.init_containers),
    ] {
        if now.len() != before.len() {
            let why = "pod updates may not add or remove containers";
            return errors.push(forbidden(&format!("spec.{list}"), why));
        }
        images(now, list, errors);
    }
    if !deadline(spec, had, errors) {
        return;
    }
    tolerations(spec, had, errors);
    gates(spec, had, errors);
    if spec == had {
        return;
    }
    let mut thawed = thawed(spec, had);
    if !gates_of(had).is_empty() {
        gated(spec, had, &mut thawed, errors);
    }
    let (now, before) = (go_form::of("PodSpec", &thawed), go_form::of("PodSpec", &**had));
    if now != before {
        errors.push(forbidden("spec", &format!("{FROZEN}\n{}", diff::forms(&before, &now))));
    }
}

/// Whether nodes were already chosen by values that no label can have.
fn has_odd_values(spec: &PodSpec) -> bool {
    let terms = node_terms(nodes_of(spec));
    let mut values = terms.iter().flat_map(|term| &term.match_expressions).flat_map(|one| &one.values);
    values.any(|value| !names::label_value(value).is_empty())
}

fn images(containers: &[Container], list: &str, errors: &mut Vec<FieldError>) {
    for (at, one) in containers.iter().enumerate() {
        let field = format!("spec.{list}[{at}].image");
        if one.image.is_empty() {
            errors.push(required(&field, ""));
        }
        container::image_is_trimmed(&one.image, &field, errors);
    }
}

/// The deadline may come nearer; `false` if it makes no sense to go on.
fn deadline(new: &PodSpec, old: &PodSpec, errors: &mut Vec<FieldError>) -> bool {
    const FIELD: &str = "spec.activeDeadlineSeconds";
    match (new.active_deadline_seconds, old.active_deadline_seconds) {
        (Some(now), _) if !(0..=i64::from(i32::MAX)).contains(&now) => {
            errors.push(invalid(FIELD, &json!(now), "must be between 0 and 2147483647, inclusive"));
            false
        }
        (Some(now), Some(before)) if now > before => {
            errors.push(invalid(FIELD, &json!(now), "must be less than or equal to previous value"));
            false
        }
        (None, Some(_)) => {
            errors.push(invalid(FIELD, &Value::Null, "must not update from a positive integer to nil value"));
            true
        }
        _ => true,
    }
}

fn tolerations(new: &PodSpec, old: &PodSpec, errors: &mut Vec<FieldError>) {
    let kept = old.tolerations.iter().all(|had| {
        new.tolerations.iter().any(|now| {
            let mut same = now.clone();
            same.toleration_seconds = had.toleration_seconds;
            same == *had
        })
    });
    if !kept {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        return errors.push(forbidden("spec.tolerations", why));
    }
    placement::tolerations(&new.tolerations, "spec.tolerations", errors);
}

fn gates(new: &PodSpec, old: &PodSpec, errors: &mut Vec<FieldError>) {
    let had = gates_of(old);
    for (at, gate) in gates_of(new).into_iter().enumerate().filter(|(_, gate)| !had.contains(gate)) {
        let why = format!("only deletion is allowed, but found new scheduling gate '{gate}'");
        errors.push(forbidden(&format!("spec.schedulingGates[{at}].name"), &why));
    }
}

fn put_back(rest: &mut crate::api::define::Rest, old: &crate::api::define::Rest, name: &str) {
    match old.get(name) {
        Some(value) => _ = rest.insert(name.to_owned(), value.clone()),
        None => _ = rest.remove(name),
    }
}

/// The new spec with what may change put back as it was.
fn thawed(new: &Arc<PodSpec>, old: &PodSpec) -> PodSpec {
    let mut spec = PodSpec::clone(new);
    let back = |new: &mut [Container], old: &[Container]| {
        for (now, before) in new.iter_mut().zip(old) {
            now.image.clone_from(&before.image);
        }
    };
    back(&mut spec.containers, &old.containers);
    back(&mut spec.init_containers, &old.init_containers);
    spec.active_deadline_seconds = old.active_deadline_seconds;
    spec.tolerations.clone_from(&old.tolerations);
    put_back(&mut spec.rest, &old.rest, "schedulingGates");
    if old.termination_grace_period_seconds < 0 && new.termination_grace_period_seconds == 1 {
        spec.termination_grace_period_seconds = old.termination_grace_period_seconds;
    }
    spec
}

fn nodes_of(spec: &PodSpec) -> Option<&NodeAffinity> {
    spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref())
}

fn node_terms(affinity: Option<&NodeAffinity>) -> &[NodeSelectorTerm] {
    let nodes = affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    nodes.map_or(&[], |nodes| &nodes.node_selector_terms)
}

/// While gates keep a pod from being scheduled, where it may go can become narrower.
fn gated(new: &PodSpec, old: &PodSpec, thawed: &mut PodSpec, errors: &mut Vec<FieldError>) {
    if new.node_selector != old.node_selector {
        if old.node_selector.iter().any(|(key, value)| new.node_selector.get(key) != Some(value)) {
            let value = match new.node_selector.is_empty() {
                true => Value::Null,
                false => json!(new.node_selector),
            };
            let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
            errors.push(invalid("spec.nodeSelector", &value, why));
        }
        thawed.node_selector.clone_from(&old.node_selector);
    }
    if nodes_of(new) == nodes_of(old) {
        return;
    }
    if nodes_of(old).is_some() {
        narrower(nodes_of(new), nodes_of(old), errors);
    }
    let had = nodes_of(old).cloned();
    thawed.affinity = match thawed.affinity.take() {
        None => had.map(|nodes| Affinity { node_affinity: Some(nodes), ..Affinity::default() }),
        Some(affinity) if old.affinity.is_none() && affinity.rest.is_empty() => None,
        Some(affinity) => Some(Affinity { node_affinity: had, ..affinity }),
    };
}

fn narrower(new: Option<&NodeAffinity>, old: Option<&NodeAffinity>, errors: &mut Vec<FieldError>) {
    let (now, before) = (node_terms(new), node_terms(old));
    if !before.is_empty() && now.len() != before.len() {
        let value = go_form::list("NodeSelectorTerm", now);
        let why = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        return errors.push(invalid_form(NODES, &value, why));
    }
    for (at, (now, before)) in now.iter().zip(before).enumerate() {
        if !only_adds(now, before) {
            let value = go_form::of("NodeSelectorTerm", now);
            let why = "only additions are allowed (no mutations or deletions)";
            errors.push(invalid_form(&format!("{NODES}[{at}]"), &value, why));
        }
    }
}

fn only_adds(now: &NodeSelectorTerm, before: &NodeSelectorTerm) -> bool {
    // Nothing matches no node: adding to it would make it wider.
    let nothing = |term: &NodeSelectorTerm| term.match_expressions.is_empty() && term.match_fields.is_empty();
    if nothing(before) {
        return nothing(now);
    }
    now.match_expressions.starts_with(&before.match_expressions) && now.match_fields.starts_with(&before.match_fields)
}
