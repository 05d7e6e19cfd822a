//! The claims of a StatefulSet's pods: one for each template and ordinal, which outlive the pods.
//!
//! Models `getPersistentVolumeClaims` and the retention policies of `pkg/controller/statefulset/stateful_set_utils.go` and
//! `createMissingPersistentVolumeClaims` of `stateful_pod_control.go`.

use std::sync::Arc;

use serde_json::json;

use crate::api::{Kind, ObjectReference, OwnerReference, PatchType, PersistentVolumeClaim, Pod, Request, StatefulSet};
use crate::control::Cache;
use crate::control::controller::owner;
use crate::control::controller::stateful_set::identity;
use crate::control::reconciler::{ApiCall, Note};

/// The name of a claim.
pub fn name(set: &StatefulSet, template: &str, ordinal: i64) -> String {
    format!("{template}-{}-{ordinal}", set.metadata.name)
}

/// Makes the claims of a pod that are not there.
///
/// # Errors
/// One is being deleted; the event about it.
pub fn missing(
    set: &StatefulSet,
    pod: &Pod,
    about: &ObjectReference,
    cache: &Cache,
) -> Result<Vec<ApiCall>, Box<Note>> {
    let Some(ordinal) = identity::ordinal(set, pod) else { return Ok(Vec::new()) };
    let mut calls = Vec::new();
    for template in &set.spec.volume_claim_templates {
        let name = name(set, &template.metadata.name, ordinal);
        let told = |end: &str| {
            format!("Create Claim {name} Pod {} in StatefulSet {} {end}", pod.metadata.name, set.metadata.name)
        };
        let failed = |error: &str| {
            let (pod, set) = (&pod.metadata.name, &set.metadata.name);
            let words = format!("Create Claim {name} for Pod {pod} in StatefulSet {set} failed error: {error}");
            Note::warning(about.clone(), "FailedCreate", words)
        };
        match cache.get::<PersistentVolumeClaim>(&set.metadata.namespace, &name) {
            Some(known) if known.metadata.deletion_timestamp.is_some() => {
                return Err(Box::new(failed(&format!("pvc {name} is being deleted"))));
            }
            Some(_) => {}
            None => {
                let call = ApiCall::new(Request::create(new_claim(set, template, &name)))
                    .on_done(Note::normal(about.clone(), "SuccessfulCreate", told("success")))
                    .on_failed(failed("{error}"));
                calls.push(call);
            }
        }
    }
    Ok(calls)
}

fn new_claim(set: &StatefulSet, template: &PersistentVolumeClaim, name: &str) -> PersistentVolumeClaim {
    let mut claim = template.clone();
    claim.rest.clear();
    claim.status = Default::default();
    claim.metadata.name = name.to_owned();
    claim.metadata.namespace.clone_from(&set.metadata.namespace);
    claim.metadata.labels.extend(set.spec.selector.match_labels.clone());
    if set.spec.persistent_volume_claim_retention_policy.when_deleted == "Delete" {
        claim.metadata.owner_references = vec![owner::controller_ref(set)];
    }
    claim
}

/// Gives the claims of a pod the owners that the retention policy wants. `condemned`: the pod is to go.
pub fn retention(set: &StatefulSet, pod: &Arc<Pod>, condemned: bool, cache: &Cache) -> Vec<ApiCall> {
    let Some(ordinal) = identity::ordinal(set, pod) else { return Vec::new() };
    let policy = &set.spec.persistent_volume_claim_retention_policy;
    let mut wanted: Vec<OwnerReference> = Vec::new();
    if condemned && policy.when_scaled == "Delete" {
        wanted.push(owner::controller_ref(pod.as_ref()));
    } else if policy.when_deleted == "Delete" {
        wanted.push(owner::controller_ref(set));
    }
    let ours = |reference: &OwnerReference| {
        (reference.kind == "StatefulSet" && reference.uid == set.metadata.uid)
            || (reference.kind == "Pod" && reference.name == pod.metadata.name)
    };
    let call = |template: &PersistentVolumeClaim| {
        let name = name(set, &template.metadata.name, ordinal);
        let claim = cache.get::<PersistentVolumeClaim>(&set.metadata.namespace, &name)?;
        let known = &claim.metadata.owner_references;
        let mut references: Vec<OwnerReference> = known.iter().filter(|r| !ours(r)).cloned().collect();
        references.extend(wanted.iter().cloned());
        if references == *known {
            return None;
        }
        let patch = json!({"metadata": {"ownerReferences": references, "uid": claim.metadata.uid}});
        let kind = Kind::PersistentVolumeClaim;
        Some(ApiCall::unless_gone(owner::patch_of(kind, &claim.metadata, PatchType::Merge, patch)))
    };
    set.spec.volume_claim_templates.iter().filter_map(call).collect()
}
