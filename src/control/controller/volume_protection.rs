//! Claims and volumes that are in use stay until they are not: the protection finalizers.
//!
//! Models `pkg/controller/volume/pvcprotection` and `pkg/controller/volume/pvprotection`.

use std::sync::Arc;

use serde_json::json;

use crate::api::{Kind, Object, ObjectMeta, ObjectRef, PatchType, PersistentVolume, PersistentVolumeClaim, Pod};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, owner, persistent_volume, pods};
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};

const CLAIM: &str = "kubernetes.io/pvc-protection";
const VOLUME: &str = "kubernetes.io/pv-protection";

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VolumeProtection;

impl VolumeProtection {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        VolumeProtection
    }
}

impl Reconciler for VolumeProtection {
    const NAME: &'static str = "persistentvolumeclaim-protection-controller";
    const WORKERS: u32 = 1;
    const WATCHES: &'static [Kind] = &[Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::Pod];

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        match &change.new {
            Object::Pod(pod) if change.deleted() || pods::is_terminal(pod) => {
                let of = |name: std::borrow::Cow<'_, str>| ObjectRef {
                    kind: Kind::PersistentVolumeClaim,
                    namespace: pod.metadata.namespace.as_str().into(),
                    name: (*name).into(),
                };
                persistent_volume::claims_of(pod).map(of).collect()
            }
            Object::Pod(_) => Vec::new(),
            other if other.meta().deletion_timestamp.is_some() && !change.deleted() => vec![other.reference()],
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(object) = cx.cache.object(key).filter(|o| o.meta().deletion_timestamp.is_some()) else {
            return Ok(plan);
        };
        let (finalizer, used) = match object {
            Object::PersistentVolume(volume) => (VOLUME, volume_is_used(volume, cx.cache)),
            Object::PersistentVolumeClaim(claim) => (CLAIM, claim_is_used(claim, cx.cache)),
            _ => return Ok(plan),
        };
        if !used && object.meta().finalizers.iter().any(|known| known == finalizer) {
            plan.then(without(key.kind, object.meta(), finalizer));
        }
        Ok(plan)
    }
}

fn without(kind: Kind, meta: &ObjectMeta, finalizer: &str) -> ApiCall {
    let left: Vec<&String> = meta.finalizers.iter().filter(|known| *known != finalizer).collect();
    let patch = json!({"metadata": {"finalizers": left, "uid": meta.uid}});
    ApiCall::unless_gone(owner::patch_of(kind, meta, PatchType::Merge, patch))
}

fn volume_is_used(volume: &PersistentVolume, cache: &Cache) -> bool {
    volume.status.phase == "Bound"
        && volume
            .spec
            .claim_ref
            .as_ref()
            .is_some_and(|of| cache.get::<PersistentVolumeClaim>(&of.namespace, &of.name).is_some())
}

fn claim_is_used(claim: &PersistentVolumeClaim, cache: &Cache) -> bool {
    let uses = |pod: &&Arc<Pod>| {
        let alive = !pods::is_terminal(pod) && !pod.spec.node_name.is_empty();
        alive && persistent_volume::uses_claim(pod, &claim.metadata.name)
    };
    cache.in_namespace::<Pod>(&claim.metadata.namespace).any(|pod| uses(&pod))
}
