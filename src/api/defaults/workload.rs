//! Defaults of workloads and storage. Models `pkg/apis/{apps,batch,core,storage}/v1/defaults.go`.

use crate::api::{
    DaemonSet, Job, JobSpec, PersistentVolume, PersistentVolumeClaim, ReplicationController, RollingUpdateDaemonSet,
    RollingUpdateStatefulSet, StatefulSet, StorageClass,
};

use super::pod;

pub fn replication_controller(rc: &mut ReplicationController) {
    let labels = rc.spec.template.metadata.labels.clone();
    if rc.spec.selector.is_empty() {
        rc.spec.selector = labels.clone();
    }
    if rc.metadata.labels.is_empty() {
        rc.metadata.labels = labels;
    }
    pod::template(&mut rc.spec.template);
}

pub fn stateful_set(set: &mut StatefulSet) {
    let strategy = &mut set.spec.update_strategy;
    if strategy.r#type.is_empty() {
        strategy.r#type = "RollingUpdate".into();
        strategy.rolling_update.get_or_insert_with(RollingUpdateStatefulSet::default);
    }
    for template in &mut set.spec.volume_claim_templates {
        claim(template);
        template.rest.entry("apiVersion".into()).or_insert_with(|| "v1".into());
        template.rest.entry("kind".into()).or_insert_with(|| "PersistentVolumeClaim".into());
    }
    pod::template(&mut set.spec.template);
}

pub fn daemon_set(set: &mut DaemonSet) {
    let strategy = &mut set.spec.update_strategy;
    if strategy.r#type == "RollingUpdate" {
        strategy.rolling_update.get_or_insert_with(RollingUpdateDaemonSet::default);
    }
    pod::template(&mut set.spec.template);
}

pub fn job(job: &mut Job) {
    job_spec(&mut job.spec);
    if job.metadata.labels.is_empty() {
        job.metadata.labels = job.spec.template.metadata.labels.clone();
    }
}

pub fn job_spec(spec: &mut JobSpec) {
    if spec.completions.is_none() && spec.parallelism.is_none() {
        spec.completions = Some(1);
    }
    spec.parallelism.get_or_insert(1);
    if spec.backoff_limit.is_none() {
        spec.backoff_limit = Some(if spec.backoff_limit_per_index.is_some() { i32::MAX } else { 6 });
    }
    spec.completion_mode.get_or_insert_with(|| "NonIndexed".into());
    spec.suspend.get_or_insert(false);
    spec.manual_selector.get_or_insert(false);
    if spec.pod_replacement_policy.is_none() {
        let policy = if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
        spec.pod_replacement_policy = Some(policy.into());
    }
    for rule in spec.pod_failure_policy.iter_mut().flat_map(|policy| &mut policy.rules) {
        for pattern in rule.on_pod_conditions.iter_mut().filter(|pattern| pattern.status.is_empty()) {
            pattern.status = "True".into();
        }
    }
    pod::template(&mut spec.template);
}

pub fn volume(volume: &mut PersistentVolume) {
    if volume.status.phase.is_empty() {
        volume.status.phase = "Pending".into();
    }
    if volume.spec.persistent_volume_reclaim_policy.is_empty() {
        volume.spec.persistent_volume_reclaim_policy = "Retain".into();
    }
    volume.spec.volume_mode.get_or_insert_with(|| "Filesystem".into());
    super::volume::fill_sources(&mut volume.spec.rest);
}

pub fn claim(claim: &mut PersistentVolumeClaim) {
    if claim.status.phase.is_empty() {
        claim.status.phase = "Pending".into();
    }
    claim.spec.volume_mode.get_or_insert_with(|| "Filesystem".into());
}

pub fn class(class: &mut StorageClass) {
    class.reclaim_policy.get_or_insert_with(|| "Delete".into());
    class.volume_binding_mode.get_or_insert_with(|| "Immediate".into());
}
