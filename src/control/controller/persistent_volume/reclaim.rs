//! What becomes of a volume whose claim is gone: it is kept, deleted, or emptied and used again. Models `reclaimVolume`,
//! `deleteVolumeOperation` and `recycleVolumeOperation` of `pv_controller.go`.
//!
//! Differs: what could not be deleted is not tried again every quarter of a minute, and nothing is wiped by a pod
//! (`recycler-for-NAME`); who could tell: the count of the events, and who reads a recycled volume.

use std::sync::Arc;

use serde_json::json;

use super::{BOUND_BY_CONTROLLER, PROVISIONED_BY, patch, patch_status, phase_call};
use crate::api::{Kind, Object, PersistentVolume, Request};
use crate::control::reconciler::{ApiCall, Note, Plan, about};

/// Where the deleter of directories of a host works.
const DELETABLE: &str = "/tmp/";

/// What is done with a released volume.
pub fn plan(volume: &Arc<PersistentVolume>) -> Plan {
    let mut plan = Plan::nothing();
    if volume.status.phase != "Failed"
        && let Some(call) = phase_call(volume, "Released")
    {
        plan.then(call);
        return plan;
    }
    if volume.status.phase == "Failed" || volume.metadata.deletion_timestamp.is_some() {
        return plan;
    }
    match volume.spec.persistent_volume_reclaim_policy.as_str() {
        "Delete" => delete(volume),
        "Recycle" => recycle(volume),
        _ => plan,
    }
}

fn host_path(volume: &PersistentVolume) -> Option<&str> {
    volume.spec.rest.get("hostPath")?["path"].as_str()
}

/// Deletes what the controller can delete; what an external provisioner made is its own to delete.
fn delete(volume: &Arc<PersistentVolume>) -> Plan {
    if volume.metadata.annotations.get(PROVISIONED_BY).is_some_and(|by| !by.starts_with("kubernetes.io/")) {
        return Plan::nothing();
    }
    let name = &volume.metadata.name;
    let why = match host_path(volume) {
        Some(path) if path.contains(DELETABLE) && !path.ends_with(DELETABLE) => {
            let mut plan = Plan::nothing();
            plan.then(ApiCall::unless_gone(Request::delete(Kind::PersistentVolume, "", name)));
            return plan;
        }
        Some(path) => format!("host_path deleter only supports /tmp/.+ but received provided {path}"),
        None => {
            format!("error getting deleter volume plugin for volume {name:?}: no deletable volume plugin matched")
        }
    };
    failed(volume, "VolumeFailedDelete", why)
}

/// Sets a volume free again.
fn recycle(volume: &Arc<PersistentVolume>) -> Plan {
    if host_path(volume).is_none() && !volume.spec.rest.contains_key("nfs") {
        return failed(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!".into());
    }
    let note = Note::normal(about(Object::PersistentVolume(Arc::clone(volume))), "VolumeRecycled", "Volume recycled");
    let mut plan = Plan { notes: vec![note], ..Plan::default() };
    let ours = volume.metadata.annotations.contains_key(BOUND_BY_CONTROLLER);
    let freed = json!({"uid": null, "resourceVersion": null});
    let change = json!({
        "metadata": {"annotations": {BOUND_BY_CONTROLLER: null}},
        "spec": {"claimRef": if ours { serde_json::Value::Null } else { freed }},
    });
    plan.then(patch(Kind::PersistentVolume, &volume.metadata, change));
    plan.then(patch_status(Kind::PersistentVolume, &volume.metadata, &json!({"phase": "Available"})));
    plan
}

fn failed(volume: &Arc<PersistentVolume>, reason: &'static str, why: String) -> Plan {
    let note = Note::warning(about(Object::PersistentVolume(Arc::clone(volume))), reason, why.clone());
    let mut plan = Plan { notes: vec![note], ..Plan::default() };
    let status = json!({"phase": "Failed", "message": why});
    plan.then(patch_status(Kind::PersistentVolume, &volume.metadata, &status));
    plan
}
