//! The rules of workloads and storage. Models `strategy.go` of `pkg/registry/{apps,batch,core,storage}`.

use std::sync::Arc;

use serde_json::json;

use super::{Env, admission};
use crate::api::{
    CertificateSigningRequest, CustomResourceDefinition, DaemonSet, Job, Kind, LabelSelector, Object, Timestamp,
};

/// The annotation that counts the templates of a DaemonSet.
const GENERATION: &str = "deprecated.daemonset.template.generation";
/// Keeps a claim or volume that is in use.
const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";
const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";

/// Whether a kind has a `status` sub-resource.
pub fn has_status(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ReplicationController
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::Job
            | Kind::CronJob
            | Kind::Ingress
            | Kind::PersistentVolume
            | Kind::PersistentVolumeClaim
            | Kind::HorizontalPodAutoscaler
            | Kind::PodDisruptionBudget
            | Kind::ResourceQuota
            | Kind::VolumeAttachment
            | Kind::CertificateSigningRequest
            | Kind::CustomResourceDefinition
            | Kind::APIService
    ) || admission::has_status(kind)
}

/// What a creation does besides.
pub fn prepare_new(object: &mut Object, env: &Env<'_>) {
    match object {
        Object::ReplicationController(o) => _ = fresh!(o),
        Object::StatefulSet(o) => _ = fresh!(o),
        Object::DaemonSet(o) => {
            let set = fresh!(o);
            set.metadata.annotations.insert(GENERATION.into(), "1".into());
        }
        Object::Job(o) => label(fresh!(o)),
        Object::CronJob(o) => _ = fresh!(o),
        Object::Ingress(o) => _ = fresh!(o),
        Object::IngressClass(_) | Object::NetworkPolicy(_) | Object::PodTemplate(_) => object.meta_mut().generation = 1,
        Object::PersistentVolume(o) => {
            let volume = Arc::make_mut(o);
            volume.status = Default::default();
            volume.status.phase = "Pending".into();
            volume.status.last_phase_transition_time = Some(env.now);
            protect(&mut volume.metadata.finalizers, VOLUME_PROTECTION);
        }
        Object::PersistentVolumeClaim(o) => {
            let claim = Arc::make_mut(o);
            claim.status = Default::default();
            claim.status.phase = "Pending".into();
            protect(&mut claim.metadata.finalizers, CLAIM_PROTECTION);
        }
        Object::PodDisruptionBudget(o) => _ = fresh!(o),
        Object::VolumeAttachment(o) => Arc::make_mut(o).status = Default::default(),
        Object::CertificateSigningRequest(o) => asked(Arc::make_mut(o)),
        Object::CustomResourceDefinition(o) => {
            let definition = fresh!(o);
            definition.status.stored_versions = Some(storage_version(definition).into_iter().collect());
        }
        Object::ResourceQuota(o) => Arc::make_mut(o).status = Default::default(),
        Object::HorizontalPodAutoscaler(o) => Arc::make_mut(o).status = Default::default(),
        Object::APIService(o) => Arc::make_mut(o).status = Default::default(),
        other => admission::prepare_new(other, env),
    }
}

fn protect(finalizers: &mut Vec<String>, finalizer: &str) {
    if !finalizers.iter().any(|known| known == finalizer) {
        finalizers.push(finalizer.into());
    }
}

/// Who asks for a certificate: whoever speaks to this server does so as the administrator.
fn asked(request: &mut CertificateSigningRequest) {
    request.status = Default::default();
    for (name, value) in [
        ("username", json!("admin")),
        ("uid", json!("admin")),
        ("groups", json!(["system:masters", "system:authenticated"])),
    ] {
        request.spec.insert(name.into(), value);
    }
    request.spec.remove("extra");
}

/// The version in which objects of a kind are stored.
fn storage_version(definition: &CustomResourceDefinition) -> Option<String> {
    let versions = definition.spec.get("versions")?.as_array()?;
    let stored = versions.iter().find(|version| version["storage"] == true)?;
    stored["name"].as_str().map(str::to_owned)
}

/// Gives a Job and its pods the labels by which they are found (`generateSelector`).
fn label(job: &mut Job) {
    if job.spec.manual_selector == Some(true) {
        return;
    }
    let (uid, name) = (job.metadata.uid.to_string(), job.metadata.name.clone());
    let labels = &mut Arc::make_mut(&mut job.spec.template).metadata.labels;
    for (key, value) in [
        ("controller-uid", &uid),
        ("job-name", &name),
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
    ] {
        labels.insert(key.into(), value.clone());
    }
    let selector = job.spec.selector.get_or_insert_with(LabelSelector::default);
    selector.match_labels.insert("batch.kubernetes.io/controller-uid".into(), uid);
    if job.metadata.labels.is_empty() {
        job.metadata.labels = job.spec.template.metadata.labels.clone();
    }
}

/// What a change does besides.
pub fn prepare_change(new: &mut Object, old: &Object, status: bool, now: Timestamp) {
    match (new, old) {
        (Object::ReplicationController(n), Object::ReplicationController(o)) => split!(n, o, status),
        (Object::StatefulSet(n), Object::StatefulSet(o)) => split!(n, o, status),
        (Object::DaemonSet(n), Object::DaemonSet(o)) => {
            split!(n, o, status);
            count_template(Arc::make_mut(n), o);
        }
        (Object::Job(n), Object::Job(o)) => split!(n, o, status),
        (Object::CronJob(n), Object::CronJob(o)) => split!(n, o, status),
        (Object::PodDisruptionBudget(n), Object::PodDisruptionBudget(o)) => split!(n, o, status),
        (Object::HorizontalPodAutoscaler(n), Object::HorizontalPodAutoscaler(o)) => part!(n, o, status),
        (Object::APIService(n), Object::APIService(o)) => part!(n, o, status),
        (Object::ResourceQuota(n), Object::ResourceQuota(o)) => part!(n, o, status),
        (Object::Ingress(n), Object::Ingress(o)) => split!(n, o, status),
        (Object::CustomResourceDefinition(n), Object::CustomResourceDefinition(o)) => {
            split!(n, o, status);
            let known = n.status.stored_versions.clone().unwrap_or_default();
            if let Some(version) = storage_version(n).filter(|version| !status && !known.contains(version)) {
                Arc::make_mut(n).status.stored_versions.get_or_insert_default().push(version);
            }
        }
        (Object::VolumeAttachment(n), Object::VolumeAttachment(o)) => part!(n, o, status),
        (Object::CertificateSigningRequest(n), Object::CertificateSigningRequest(o)) => {
            let n = Arc::make_mut(n);
            n.spec = o.spec.clone();
            if !status {
                n.status = o.status.clone();
            }
        }
        (Object::IngressClass(n), Object::IngressClass(o)) => count!(n, o, spec),
        (Object::NetworkPolicy(n), Object::NetworkPolicy(o)) => count!(n, o, spec),
        (Object::PodTemplate(n), Object::PodTemplate(o)) => count!(n, o, template),
        (Object::PersistentVolume(n), Object::PersistentVolume(o)) => {
            let n = Arc::make_mut(n);
            if status {
                n.spec = o.spec.clone();
                let untold = n.status.last_phase_transition_time == o.status.last_phase_transition_time;
                if n.status.phase != o.status.phase && untold {
                    n.status.last_phase_transition_time = Some(now);
                }
            } else {
                n.status = o.status.clone();
            }
        }
        (Object::PersistentVolumeClaim(n), Object::PersistentVolumeClaim(o)) => part!(n, o, status),
        (n, o) => admission::prepare_change(n, o, status),
    }
}

fn count_template(new: &mut DaemonSet, old: &DaemonSet) {
    let known = old.metadata.annotations.get(GENERATION).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let count = known + i64::from(new.spec.template != old.spec.template);
    new.metadata.annotations.insert(GENERATION.into(), count.to_string());
}
