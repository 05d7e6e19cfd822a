//! Revisions: every template that a Deployment had is a ReplicaSet with a number; the oldest are deleted.
//!
//! Models `getAllReplicaSetsAndSyncRevision`, `getNewReplicaSet` and `cleanupDeployment` of
//! `pkg/controller/deployment/sync.go`, and the annotations of `util/deployment_util.go`.

use std::sync::Arc;

use crate::api::{
    Deployment, Kind, LabelSelector, Object, ObjectMeta, PodTemplateSpec, ReplicaSet, ReplicaSetSpec, Request,
};
use crate::control::controller::deployment::view::{DESIRED, MAX, Set, Sets};
use crate::control::controller::deployment::{hash, limits, status, update_status};
use crate::control::controller::owner;
use crate::control::reconciler::{ApiCall, Context, Note, Plan, about};

/// The number of a revision, on the Deployment and its ReplicaSets.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The numbers that a revision had before.
pub const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// `revisionHistoryLimit` of a Deployment that keeps everything.
const NO_LIMIT: i32 = i32::MAX;
/// The most characters of [`HISTORY`].
const HISTORY_LENGTH: usize = 1_024;
/// Annotations of the Deployment that its ReplicaSets do not get.
const NOT_COPIED: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// The number of a revision; zero without one.
fn number(set: &Set) -> i64 {
    set.original.metadata.annotations.get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Makes the new ReplicaSet and its number what they must be; `None` if they are.
pub fn sync(sets: &Sets, create: bool, cx: &Context<'_>) -> Option<Plan> {
    let next = sets.old().map(number).max().unwrap_or(0) + 1;
    match sets.newest() {
        Some(newest) => keep(sets, newest, next, cx),
        None if create => Some(make(sets, next, cx)),
        None => None,
    }
}

/// The new ReplicaSet is there: its annotations and the Deployment's revision follow.
fn keep(sets: &Sets, newest: &Set, next: i64, cx: &Context<'_>) -> Option<Plan> {
    let deployment = &sets.deployment;
    let mut plan = Plan::nothing();
    let mut updated = newest.original.as_ref().clone();
    updated.metadata.annotations = annotations(deployment, &newest.original.metadata, next);
    updated.spec.min_ready_seconds = deployment.spec.min_ready_seconds;
    let revision = updated.metadata.annotations.get(REVISION).cloned();
    if updated != *newest.original {
        plan.then(ApiCall::new(Request::update(updated)));
        return Some(plan);
    }
    let found = (has_deadline(deployment) && status::find(&deployment.status, "Progressing").is_none()).then(|| {
        let words = format!("Found new replica set {:?}", newest.original.metadata.name);
        status::condition("Progressing", "True", "FoundNewReplicaSet", words, cx.timestamp())
    });
    let call = with_revision(deployment, revision, found)?;
    plan.then(call);
    Some(plan)
}

/// Makes the new ReplicaSet, then tells so in the Deployment's status.
fn make(sets: &Sets, next: i64, cx: &Context<'_>) -> Plan {
    let deployment = &sets.deployment;
    let mut plan = Plan::nothing();
    let new = new_set(sets, next);
    let name = new.metadata.name.clone();
    if cx.cache.get::<ReplicaSet>(&deployment.metadata.namespace, &name).is_some() {
        let mut status = deployment.status.clone();
        status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
        plan.then(update_status(deployment, status));
        return plan;
    }
    let about = about(Object::Deployment(Arc::clone(deployment)));
    let size = new.spec.replicas;
    let mut call = ApiCall::new(Request::create(new)).tagged("FailedCreate").on_failed(Note::warning(
        about.clone(),
        "ReplicaSetCreateError",
        format!("Failed to create new replica set {name:?}: {{error}}"),
    ));
    if size > 0 {
        let words = format!("Scaled up replica set {name} from 0 to {size}");
        call = call.on_done(Note::normal(about, "ScalingReplicaSet", words));
    }
    plan.then(call);
    let created = has_deadline(deployment).then(|| {
        let words = format!("Created new replica set {name:?}");
        status::condition("Progressing", "True", "NewReplicaSetCreated", words, cx.timestamp())
    });
    if let Some(call) = with_revision(deployment, Some(next.to_string()), created) {
        plan.then(call);
    }
    plan
}

/// The ReplicaSet of the Deployment's template, of the size that it may have at once.
fn new_set(sets: &Sets, next: i64) -> ReplicaSet {
    let deployment = &sets.deployment;
    let hash = hash::of(&deployment.spec.template, deployment.status.collision_count);
    let mut template: PodTemplateSpec = deployment.spec.template.as_ref().clone();
    template.metadata.labels.insert(hash::LABEL.into(), hash.clone());
    let mut selector: LabelSelector = deployment.spec.selector.clone();
    selector.match_labels.insert(hash::LABEL.into(), hash.clone());
    let wanted = deployment.spec.replicas;
    let mut metadata = ObjectMeta {
        name: format!("{}-{hash}", deployment.metadata.name),
        namespace: deployment.metadata.namespace.clone(),
        labels: template.metadata.labels.clone(),
        owner_references: vec![owner::controller_ref(deployment.as_ref())],
        ..ObjectMeta::default()
    };
    metadata.annotations = annotations(deployment, &metadata, next);
    metadata.annotations.insert(DESIRED.into(), wanted.to_string());
    metadata.annotations.insert(MAX.into(), wanted.saturating_add(limits::max_surge(deployment)).to_string());
    ReplicaSet {
        metadata,
        spec: ReplicaSetSpec {
            replicas: limits::new_size(deployment, sets.size(), 0),
            min_ready_seconds: deployment.spec.min_ready_seconds,
            selector,
            template: Arc::new(template),
            ..ReplicaSetSpec::default()
        },
        ..ReplicaSet::default()
    }
}

/// The annotations of the new ReplicaSet: the Deployment's, the number, and the numbers that it had before
/// (`SetNewReplicaSetAnnotations`).
fn annotations(deployment: &Deployment, set: &ObjectMeta, next: i64) -> crate::api::meta::Labels {
    let mut annotations = set.annotations.clone();
    let copied = deployment.metadata.annotations.iter().filter(|(key, _)| !NOT_COPIED.contains(&key.as_str()));
    annotations.extend(copied.map(|(key, value)| (key.clone(), value.clone())));
    let known = annotations.get(REVISION).cloned();
    let before = known.as_deref().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    if before >= next {
        return annotations;
    }
    annotations.insert(REVISION.into(), next.to_string());
    if let Some(known) = known {
        let mut history: Vec<String> =
            annotations.get(HISTORY).map_or_else(Vec::new, |text| text.split(',').map(str::to_owned).collect());
        history.retain(|part| !part.is_empty());
        history.push(known);
        while history.join(",").len() > HISTORY_LENGTH && history.len() > 1 {
            history.remove(0);
        }
        annotations.insert(HISTORY.into(), history.join(","));
    }
    annotations
}

/// Writes the Deployment's revision and a condition; `None` if both are so already.
fn with_revision(
    deployment: &Arc<Deployment>,
    revision: Option<String>,
    condition: Option<crate::api::DeploymentCondition>,
) -> Option<ApiCall> {
    let mut updated = deployment.as_ref().clone();
    if let Some(revision) = revision {
        updated.metadata.annotations.insert(REVISION.into(), revision);
    }
    if let Some(condition) = condition {
        status::set(&mut updated.status, condition);
    }
    (updated != **deployment).then(|| ApiCall::unless_gone(Request::update_status(updated)))
}

/// Whether the Deployment's progress is watched.
pub fn has_deadline(deployment: &Deployment) -> bool {
    deployment.spec.progress_deadline_seconds != i32::MAX
}

/// Deletes the oldest revisions beyond the limit (`cleanupDeployment`).
pub fn cleanup(sets: &Sets) -> Vec<ApiCall> {
    let limit = sets.deployment.spec.revision_history_limit;
    if limit == NO_LIMIT {
        return Vec::new();
    }
    let mut old: Vec<&Set> = sets.old().filter(|set| set.original.metadata.deletion_timestamp.is_none()).collect();
    let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    old.sort_by_key(|set| number(set));
    let empty = |set: &&Set| {
        let (spec, status) = (&set.original.spec, &set.original.status);
        status.replicas == 0 && spec.replicas == 0 && set.original.metadata.generation <= status.observed_generation
    };
    let delete = |set: &Set| {
        let meta = &set.original.metadata;
        ApiCall::unless_gone(Request::delete(Kind::ReplicaSet, &meta.namespace, &meta.name))
    };
    old.into_iter().take(surplus).filter(empty).map(delete).collect()
}
