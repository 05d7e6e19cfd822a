//! StatefulSets, DaemonSets and ControllerRevisions. Models `pkg/apis/apps/validation/validation.go`.

use std::sync::Arc;

use serde_json::json;

use super::error::{forbidden, immutable, immutable_form, invalid, invalid_form, not_negative, required, unsupported};
use super::workload::{MORE_THAN_ALL, always, collisions, counts, revision_data};
use super::{claim, go_form, meta, pod, rollout, selector};
use crate::api::{
    ControllerRevision, DaemonSet, DaemonSetSpec, FieldError, PersistentVolumeClaim, PodTemplateSpec, StatefulSet,
    StatefulSetSpec, Volume,
};

/// A StatefulSet, new or changed.
pub fn stateful_set(set: &StatefulSet, errors: &mut Vec<FieldError>) {
    stateful_spec(&set.spec, true, errors);
}

/// A template that stays as it is is not judged again.
fn stateful_spec(spec: &StatefulSetSpec, template_too: bool, errors: &mut Vec<FieldError>) {
    match spec.pod_management_policy.as_str() {
        "" => errors.push(required("spec.podManagementPolicy", "")),
        "OrderedReady" | "Parallel" => {}
        other => {
            let why = "must be 'OrderedReady' or 'Parallel'";
            errors.push(invalid("spec.podManagementPolicy", &json!(other), why));
        }
    }
    rollout::stateful_set(&spec.update_strategy, "spec.updateStrategy", errors);
    retention(spec, errors);
    not_negative("spec.replicas", i64::from(spec.replicas), errors);
    not_negative("spec.minReadySeconds", i64::from(spec.min_ready_seconds), errors);
    not_negative("spec.ordinals.start", spec.ordinals.as_ref().map_or(0, |o| i64::from(o.start)), errors);
    not_negative("spec.revisionHistoryLimit", i64::from(spec.revision_history_limit), errors);
    for (at, claim) in spec.volume_claim_templates.iter().enumerate() {
        claim::attributes_class(&claim.spec, &format!("spec.volumeClaimTemplates[{at}].spec"), errors);
    }
    if selector::is_empty(&spec.selector) {
        errors.push(required("spec.selector", ""));
    } else {
        selector::label_selector(&spec.selector, "spec.selector", errors);
    }
    if !selector::is_usable(&spec.selector) {
        errors.push(invalid_form("spec.selector", &go_form::of("LabelSelector", &spec.selector), ""));
    } else {
        if !selector::chooses(&spec.selector, &spec.template) {
            errors.push(selector::mismatch(&spec.template, "spec.template"));
        }
        if template_too {
            pod::template(&as_pods(&spec.template, &spec.volume_claim_templates), "spec.template", errors);
        }
        // Upstream looks at these twice.
        meta::labels(&spec.template.metadata.labels, "spec.template.labels", errors);
        meta::annotations(&spec.template.metadata.annotations, "spec.template.annotations", errors);
    }
    always(&spec.template, "StatefulSet", errors);
}

fn retention(spec: &StatefulSetSpec, errors: &mut Vec<FieldError>) {
    let policy = &spec.persistent_volume_claim_retention_policy;
    for (name, word) in [("whenDeleted", &policy.when_deleted), ("whenScaled", &policy.when_scaled)] {
        if !matches!(word.as_str(), "Retain" | "Delete") {
            let field = format!("spec.persistentVolumeClaimRetentionPolicy.{name}");
            errors.push(unsupported(&field, word, &["Retain", "Delete"]));
        }
    }
}

/// The template as pods get it: with names that the set gives, and with the volumes of the claims, which stand for volumes of
/// the same name.
fn as_pods(template: &Arc<PodTemplateSpec>, claims: &[PersistentVolumeClaim]) -> Arc<PodTemplateSpec> {
    let mut template = Arc::clone(template);
    let spec = Arc::make_mut(&mut Arc::make_mut(&mut template).spec);
    spec.hostname.clear();
    spec.subdomain.clear();
    for claim in claims {
        let name = &claim.metadata.name;
        spec.volumes.retain(|volume| volume.name != *name);
        let mut volume = Volume { name: name.clone(), ..Volume::default() };
        volume.rest.insert("persistentVolumeClaim".into(), json!({"claimName": name}));
        spec.volumes.push(volume);
    }
    template
}

/// A changed StatefulSet: little may change.
pub fn stateful_set_update(new: &StatefulSet, old: &StatefulSet, errors: &mut Vec<FieldError>) {
    stateful_spec(&new.spec, new.spec.template != old.spec.template, errors);
    let mut same = new.spec.clone();
    let had = &old.spec;
    same.replicas = had.replicas;
    same.template.clone_from(&had.template);
    same.update_strategy.clone_from(&had.update_strategy);
    same.min_ready_seconds = had.min_ready_seconds;
    same.ordinals.clone_from(&had.ordinals);
    same.revision_history_limit = had.revision_history_limit;
    same.persistent_volume_claim_retention_policy.clone_from(&had.persistent_volume_claim_retention_policy);
    if same != *had {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        errors.push(forbidden("spec", why));
    }
}

/// A changed StatefulSet's status.
pub fn stateful_set_status(new: &StatefulSet, old: &StatefulSet, errors: &mut Vec<FieldError>) {
    let s = &new.status;
    let all = [
        ("replicas", i64::from(s.replicas)),
        ("readyReplicas", i64::from(s.ready_replicas)),
        ("currentReplicas", i64::from(s.current_replicas)),
        ("updatedReplicas", i64::from(s.updated_replicas)),
        ("availableReplicas", i64::from(s.available_replicas)),
        ("observedGeneration", s.observed_generation),
        ("collisionCount", i64::from(s.collision_count.unwrap_or(0))),
    ];
    let relations = [
        ("readyReplicas", "replicas", MORE_THAN_ALL),
        ("currentReplicas", "replicas", MORE_THAN_ALL),
        ("updatedReplicas", "replicas", MORE_THAN_ALL),
        ("availableReplicas", "replicas", MORE_THAN_ALL),
        ("availableReplicas", "readyReplicas", "cannot be greater than status.readyReplicas"),
    ];
    counts(&all, &relations, errors);
    collisions(s.collision_count, old.status.collision_count, errors);
}

/// A new DaemonSet.
pub fn daemon_set(set: &DaemonSet, errors: &mut Vec<FieldError>) {
    daemon_spec(&set.spec, errors);
}

fn daemon_spec(spec: &DaemonSetSpec, errors: &mut Vec<FieldError>) {
    selector::label_selector(&spec.selector, "spec.selector", errors);
    if selector::is_usable(&spec.selector) && !selector::chooses(&spec.selector, &spec.template) {
        errors.push(selector::mismatch(&spec.template, "spec.template"));
    }
    pod::template(&spec.template, "spec.template", errors);
    always(&spec.template, "DaemonSet", errors);
    not_negative("spec.minReadySeconds", i64::from(spec.min_ready_seconds), errors);
    rollout::daemon_set(&spec.update_strategy, "spec.updateStrategy", errors);
    not_negative("spec.revisionHistoryLimit", i64::from(spec.revision_history_limit), errors);
}

/// A changed DaemonSet.
pub fn daemon_set_update(new: &DaemonSet, old: &DaemonSet, errors: &mut Vec<FieldError>) {
    let selectors = (Some(&new.spec.selector), Some(&old.spec.selector));
    immutable_form("spec.selector", "LabelSelector", selectors.0, selectors.1, errors);
    daemon_spec(&new.spec, errors);
}

/// A changed DaemonSet's status.
pub fn daemon_set_status(new: &DaemonSet, old: &DaemonSet, errors: &mut Vec<FieldError>) {
    let s = &new.status;
    let all = [
        ("currentNumberScheduled", i64::from(s.current_number_scheduled)),
        ("numberMisscheduled", i64::from(s.number_misscheduled)),
        ("desiredNumberScheduled", i64::from(s.desired_number_scheduled)),
        ("numberReady", i64::from(s.number_ready)),
        ("observedGeneration", s.observed_generation),
        ("updatedNumberScheduled", i64::from(s.updated_number_scheduled)),
        ("numberAvailable", i64::from(s.number_available)),
        ("numberUnavailable", i64::from(s.number_unavailable)),
        ("collisionCount", i64::from(s.collision_count.unwrap_or(0))),
    ];
    counts(&all, &[], errors);
    collisions(s.collision_count, old.status.collision_count, errors);
}

/// A new ControllerRevision.
pub fn controller_revision(revision: &ControllerRevision, errors: &mut Vec<FieldError>) {
    revision_data(revision.data.as_ref(), revision.revision, errors);
}

/// A changed ControllerRevision.
pub fn controller_revision_update(new: &ControllerRevision, old: &ControllerRevision, errors: &mut Vec<FieldError>) {
    controller_revision(new, errors);
    immutable("data", &new.data, &old.data, errors);
}
