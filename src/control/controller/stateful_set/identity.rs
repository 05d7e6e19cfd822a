//! Names, ordinals and labels of a StatefulSet's pods.
//!
//! Models `pkg/controller/statefulset/stateful_set_utils.go`.

use std::sync::Arc;

use serde_json::json;

use crate::api::{ControllerRevision, Kind, PatchType, Pod, StatefulSet, Volume};
use crate::control::controller::stateful_set::claims;
use crate::control::controller::{history, owner, pods};
use crate::control::reconciler::ApiCall;

/// The label of a pod's name.
const NAME: &str = "statefulset.kubernetes.io/pod-name";
/// The label of a pod's ordinal.
const INDEX: &str = "apps.kubernetes.io/pod-index";

/// The first ordinal.
pub fn start(set: &StatefulSet) -> i64 {
    i64::from(set.spec.ordinals.as_ref().map_or(0, |ordinals| ordinals.start))
}

/// The ordinal of a pod; `None` for a pod that is named otherwise.
pub fn ordinal(set: &StatefulSet, pod: &Pod) -> Option<i64> {
    let (parent, ordinal) = pod.metadata.name.rsplit_once('-')?;
    let digits = !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit());
    (parent == set.metadata.name && digits).then(|| ordinal.parse().ok())?
}

/// Whether a pod is named as one of the set.
pub fn is_member(set: &StatefulSet, pod: &Pod) -> bool {
    ordinal(set, pod).is_some()
}

/// The revision that a pod was made from.
pub fn revision(pod: &Pod) -> &str {
    pod.metadata.labels.get(history::REVISION_LABEL).map_or("", String::as_str)
}

/// The pod of an ordinal: below the partition of the current revision, else of the newest.
pub fn new_pod(set: &StatefulSet, current: &ControllerRevision, update: &ControllerRevision, ordinal: i64) -> Pod {
    let strategy = &set.spec.update_strategy;
    let kept = match (&strategy.rolling_update, strategy.r#type.as_str()) {
        (Some(rolling), "RollingUpdate") => i64::from(rolling.partition),
        (None, "RollingUpdate") => i64::from(set.status.current_replicas),
        _ => 0,
    };
    let revision = if ordinal < start(set) + kept { current } else { update };
    let own = history::template_of(revision);
    let template = own.as_ref().unwrap_or(&set.spec.template);
    let reference = owner::controller_ref(set);
    let mut pod = pods::from_template(template, &set.metadata.name, &set.metadata.namespace, reference);
    let name = format!("{}-{ordinal}", set.metadata.name);
    let labels = &mut pod.metadata.labels;
    labels.insert(NAME.into(), name.clone());
    labels.insert(INDEX.into(), ordinal.to_string());
    labels.insert(history::REVISION_LABEL.into(), revision.metadata.name.clone());
    let spec = Arc::make_mut(&mut pod.spec);
    spec.hostname.clone_from(&name);
    spec.subdomain.clone_from(&set.spec.service_name);
    pod.metadata.name = name;
    add_volumes(set, &mut pod, ordinal);
    pod
}

/// The volumes of the claims come before all others and take the place of those of the same name.
fn add_volumes(set: &StatefulSet, pod: &mut Pod, ordinal: i64) {
    let volume = |template: &crate::api::PersistentVolumeClaim| {
        let claim = claims::name(set, &template.metadata.name, ordinal);
        let mut volume = Volume { name: template.metadata.name.clone(), ..Volume::default() };
        volume.rest.insert("persistentVolumeClaim".into(), json!({"claimName": claim}));
        volume
    };
    let claimed: Vec<Volume> = set.spec.volume_claim_templates.iter().map(volume).collect();
    if claimed.is_empty() {
        return;
    }
    let spec = Arc::make_mut(&mut pod.spec);
    let own = std::mem::take(&mut spec.volumes);
    let others = own.into_iter().filter(|volume| claimed.iter().all(|c| c.name != volume.name)).collect::<Vec<_>>();
    spec.volumes = claimed.into_iter().chain(others).collect();
}

/// Gives an adopted pod the labels that it lacks.
pub fn repair(set: &StatefulSet, pod: &Pod) -> Option<ApiCall> {
    let ordinal = ordinal(set, pod)?.to_string();
    let has = |label: &str, value: &str| pod.metadata.labels.get(label).is_some_and(|known| known == value);
    if has(NAME, &pod.metadata.name) && has(INDEX, &ordinal) {
        return None;
    }
    let patch = json!({"metadata": {"labels": {NAME: pod.metadata.name, INDEX: ordinal}}});
    Some(ApiCall::unless_gone(owner::patch_of(Kind::Pod, &pod.metadata, PatchType::Merge, patch)))
}
