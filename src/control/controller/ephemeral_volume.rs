//! The controller of ephemeral volumes: makes the claim of each and gives it to the pod, with which it goes.
//!
//! Models `pkg/controller/volume/ephemeral/controller.go`.

use std::sync::Arc;

use crate::api::{Kind, Object, ObjectMeta, ObjectRef, PersistentVolumeClaim, Pod, Request, Volume};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EphemeralVolume;

impl EphemeralVolume {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        EphemeralVolume
    }
}

/// Whether a volume's claim is made for its pod.
pub fn is_one(volume: &Volume) -> bool {
    volume.rest.contains_key("ephemeral")
}

/// The name of that claim.
pub fn claim_name(pod: &Pod, volume: &Volume) -> String {
    format!("{}-{}", pod.metadata.name, volume.name)
}

/// Whether a claim of that name is made for a pod.
pub fn makes(pod: &Pod, claim: &str) -> bool {
    pod.spec.volumes.iter().any(|volume| is_one(volume) && claim_name(pod, volume) == claim)
}

impl Reconciler for EphemeralVolume {
    const NAME: &'static str = "ephemeral-volume-controller";
    const SOURCE: &'static str = "ephemeral_volume";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::Pod, Kind::PersistentVolumeClaim];

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        match &change.new {
            Object::Pod(pod) if !change.deleted() && pod.spec.volumes.iter().any(is_one) => {
                vec![change.new.reference()]
            }
            Object::PersistentVolumeClaim(claim) if change.deleted() => {
                let pod = claim.metadata.controller().filter(|owner| owner.kind == "Pod");
                let namespace = claim.metadata.namespace.as_str();
                let of = |name: &str| ObjectRef { kind: Kind::Pod, namespace: namespace.into(), name: name.into() };
                pod.map(|owner| of(&owner.name)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(pod) = cx.cache.get_ref::<Pod>(key).filter(|pod| pod.metadata.deletion_timestamp.is_none()) else {
            return Ok(plan);
        };
        for volume in pod.spec.volumes.iter().filter(|volume| is_one(volume)) {
            let name = claim_name(pod, volume);
            let namespace = &pod.metadata.namespace;
            let note = |why: String| {
                let words = format!("ephemeral volume {}: {why}", volume.name);
                Note::warning(about(Object::Pod(Arc::clone(pod))), "FailedBinding", words)
            };
            match cx.cache.get::<PersistentVolumeClaim>(namespace, &name) {
                Some(claim) if claim.metadata.controller().is_some_and(|owner| owner.uid == pod.metadata.uid) => {}
                Some(_) => {
                    let of = &pod.metadata.name;
                    plan.notes.push(note(format!(
                        "PVC {namespace}/{name} was not created for pod {namespace}/{of} (pod is not owner)"
                    )));
                }
                None => {
                    let failed = note(format!("create PVC {name}: {{error}}"));
                    plan.then(ApiCall::new(Request::create(claim_of(pod, volume, name))).on_failed(failed));
                }
            }
        }
        Ok(plan)
    }
}

/// The claim of a volume, as its template says.
fn claim_of(pod: &Arc<Pod>, volume: &Volume, name: String) -> PersistentVolumeClaim {
    let template = volume.rest.get("ephemeral").map(|source| &source["volumeClaimTemplate"]);
    let claim = template.and_then(|template| serde_json::from_value::<PersistentVolumeClaim>(template.clone()).ok());
    let mut claim = claim.unwrap_or_default();
    claim.metadata = ObjectMeta {
        name,
        namespace: pod.metadata.namespace.clone(),
        owner_references: vec![owner::controller_ref(&**pod)],
        annotations: claim.metadata.annotations,
        labels: claim.metadata.labels,
        ..ObjectMeta::default()
    };
    claim
}
