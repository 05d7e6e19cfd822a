//! Deployments, ReplicaSets and ReplicationControllers: what keeps a number of pods. Models
//! `pkg/apis/apps/validation/validation.go` and `ValidateReplicationController` of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{forbidden, immutable_form, invalid, invalid_form, not_negative, required, unsupported};
use super::{go_form, pod, rollout, selector};
use crate::api::{
    Deployment, FieldError, LabelSelector, PodTemplateSpec, ReplicaSet, ReplicationController, RestartPolicy,
};

/// A new Deployment.
pub fn deployment(deployment: &Deployment, errors: &mut Vec<FieldError>) {
    let spec = &deployment.spec;
    not_negative("spec.replicas", i64::from(spec.replicas), errors);
    chosen_template(&spec.selector, &spec.template, errors);
    rollout::deployment(&spec.strategy, "spec.strategy", errors);
    not_negative("spec.minReadySeconds", i64::from(spec.min_ready_seconds), errors);
    not_negative("spec.revisionHistoryLimit", i64::from(spec.revision_history_limit), errors);
    let deadline = spec.progress_deadline_seconds;
    not_negative("spec.progressDeadlineSeconds", i64::from(deadline), errors);
    if deadline <= spec.min_ready_seconds {
        let why = "must be greater than minReadySeconds";
        errors.push(invalid("spec.progressDeadlineSeconds", &json!(deadline), why));
    }
}

/// A new ReplicaSet.
pub fn replica_set(set: &ReplicaSet, errors: &mut Vec<FieldError>) {
    not_negative("spec.replicas", i64::from(set.spec.replicas), errors);
    not_negative("spec.minReadySeconds", i64::from(set.spec.min_ready_seconds), errors);
    chosen_template(&set.spec.selector, &set.spec.template, errors);
}

/// A selector and the template whose pods it must choose.
fn chosen_template(of: &LabelSelector, template: &PodTemplateSpec, errors: &mut Vec<FieldError>) {
    if selector::is_empty(of) {
        errors.push(required("spec.selector", ""));
    } else {
        selector::label_selector(of, "spec.selector", errors);
        if !selector::is_usable(of) {
            let value = go_form::of("LabelSelector", of);
            return errors.push(invalid_form("spec.selector", &value, "invalid label selector"));
        }
    }
    if !selector::chooses(of, template) {
        errors.push(selector::mismatch(template, "spec.template"));
    }
    kept_template(template, errors);
}

/// A template of pods that run for ever.
fn kept_template(template: &PodTemplateSpec, errors: &mut Vec<FieldError>) {
    pod::template(template, "spec.template", errors);
    always(template, "ReplicaSet", errors);
}

/// What a template may not say whose pods run for ever.
pub fn always(template: &PodTemplateSpec, kind: &str, errors: &mut Vec<FieldError>) {
    if template.spec.restart_policy != RestartPolicy::Always {
        let field = "spec.template.spec.restartPolicy";
        errors.push(unsupported(field, template.spec.restart_policy.as_str(), &["Always"]));
    }
    if template.spec.active_deadline_seconds.is_some() {
        let why = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.push(forbidden("spec.template.spec.activeDeadlineSeconds", &why));
    }
}

/// A changed Deployment.
pub fn deployment_update(new: &Deployment, old: &Deployment, errors: &mut Vec<FieldError>) {
    deployment(new, errors);
    let selectors = (Some(&new.spec.selector), Some(&old.spec.selector));
    immutable_form("spec.selector", "LabelSelector", selectors.0, selectors.1, errors);
}

/// A changed ReplicaSet.
pub fn replica_set_update(new: &ReplicaSet, old: &ReplicaSet, errors: &mut Vec<FieldError>) {
    replica_set(new, errors);
    let selectors = (Some(&new.spec.selector), Some(&old.spec.selector));
    immutable_form("spec.selector", "LabelSelector", selectors.0, selectors.1, errors);
}

/// A ReplicationController, new or changed.
pub fn replication_controller(controller: &ReplicationController, errors: &mut Vec<FieldError>) {
    let spec = &controller.spec;
    not_negative("spec.minReadySeconds", i64::from(spec.min_ready_seconds), errors);
    if spec.selector.is_empty() {
        errors.push(required("spec.selector", ""));
    }
    not_negative("spec.replicas", i64::from(spec.replicas), errors);
    if *spec.template == PodTemplateSpec::default() {
        return errors.push(required("spec.template", ""));
    }
    let labels = &spec.template.metadata.labels;
    if !spec.selector.iter().all(|(key, value)| labels.get(key) == Some(value)) {
        errors.push(selector::mismatch(&spec.template, "spec.template"));
    }
    kept_template(&spec.template, errors);
}

/// Numbers of a status, and that none is greater than another.
pub fn counts(counts: &[(&str, i64)], relations: &[(&str, &str, &str)], errors: &mut Vec<FieldError>) {
    let of = |name: &str| counts.iter().find(|(n, _)| *n == name).map_or(0, |(_, v)| *v);
    for (name, value) in counts {
        not_negative(&format!("status.{name}"), *value, errors);
    }
    for (small, great, why) in relations {
        if of(small) > of(great) {
            errors.push(invalid(&format!("status.{small}"), &json!(of(small)), why));
        }
    }
}

/// `cannot be decremented`, if the count of collisions was.
pub fn collisions(new: Option<i32>, old: Option<i32>, errors: &mut Vec<FieldError>) {
    if let Some(old) = old
        && new.unwrap_or(0) < old
    {
        errors.push(invalid("status.collisionCount", &json!(new.unwrap_or(0)), "cannot be decremented"));
    }
}

/// More than there are.
pub const MORE_THAN_ALL: &str = "cannot be greater than status.replicas";
const MORE_THAN_READY: &str = "cannot be greater than readyReplicas";

/// A changed Deployment's status.
pub fn deployment_status(new: &Deployment, old: &Deployment, errors: &mut Vec<FieldError>) {
    let s = &new.status;
    let all = [
        ("observedGeneration", s.observed_generation),
        ("replicas", i64::from(s.replicas)),
        ("updatedReplicas", i64::from(s.updated_replicas)),
        ("readyReplicas", i64::from(s.ready_replicas)),
        ("availableReplicas", i64::from(s.available_replicas)),
        ("unavailableReplicas", i64::from(s.unavailable_replicas)),
        ("terminatingReplicas", i64::from(s.terminating_replicas.unwrap_or(0))),
        ("collisionCount", i64::from(s.collision_count.unwrap_or(0))),
    ];
    let relations = [
        ("updatedReplicas", "replicas", MORE_THAN_ALL),
        ("readyReplicas", "replicas", MORE_THAN_ALL),
        ("availableReplicas", "replicas", MORE_THAN_ALL),
        ("availableReplicas", "readyReplicas", MORE_THAN_READY),
    ];
    counts(&all, &relations, errors);
    collisions(s.collision_count, old.status.collision_count, errors);
}

/// A changed ReplicaSet's status.
pub fn replica_set_status(new: &ReplicaSet, errors: &mut Vec<FieldError>) {
    let s = &new.status;
    let all = [
        ("replicas", i64::from(s.replicas)),
        ("fullyLabeledReplicas", i64::from(s.fully_labeled_replicas)),
        ("readyReplicas", i64::from(s.ready_replicas)),
        ("availableReplicas", i64::from(s.available_replicas)),
        ("terminatingReplicas", i64::from(s.terminating_replicas.unwrap_or(0))),
        ("observedGeneration", s.observed_generation),
    ];
    counts(&all, &REPLICA_RELATIONS, errors);
}

const REPLICA_RELATIONS: [(&str, &str, &str); 4] = [
    ("fullyLabeledReplicas", "replicas", MORE_THAN_ALL),
    ("readyReplicas", "replicas", MORE_THAN_ALL),
    ("availableReplicas", "replicas", MORE_THAN_ALL),
    ("availableReplicas", "readyReplicas", MORE_THAN_READY),
];

/// A changed ReplicationController's status.
pub fn replication_controller_status(new: &ReplicationController, errors: &mut Vec<FieldError>) {
    let s = &new.status;
    let all = [
        ("replicas", i64::from(s.replicas)),
        ("fullyLabeledReplicas", i64::from(s.fully_labeled_replicas)),
        ("readyReplicas", i64::from(s.ready_replicas)),
        ("availableReplicas", i64::from(s.available_replicas)),
        ("observedGeneration", s.observed_generation),
    ];
    counts(&all, &REPLICA_RELATIONS, errors);
}

/// What a ControllerRevision holds: an object.
pub fn revision_data(data: Option<&Value>, revision: i64, errors: &mut Vec<FieldError>) {
    match data {
        None | Some(Value::Null) => errors.push(required("data", "data is mandatory")),
        Some(Value::Object(_)) => {}
        Some(_) => errors.push(required("data", "data must be a valid JSON object")),
    }
    not_negative("revision", revision, errors);
}
