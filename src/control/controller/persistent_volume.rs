//! The controller of volumes and claims: brings them together.
//!
//! Models `pkg/controller/volume/persistentvolume/pv_controller.go` and `index.go` (the smallest volume that will do). What
//! upstream writes in four requests, one after the other, is one plan here.

pub mod matching;
pub mod reclaim;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Kind, Node, Object, ObjectMeta, ObjectRef, ObjectReference, PatchType, PersistentVolume, PersistentVolumeClaim,
    Pod, StorageClass, Subresource,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, ephemeral_volume, owner};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};
use crate::control::recorder::involved;
use crate::sim::{Span, Time, VecMap};

/// The claim and its volume have found each other.
pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// The controller brought them together, not the user.
pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// The node that the scheduler chose for the first pod of a claim.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Who makes a volume for a claim.
pub const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
const BETA_PROVISIONER: &str = "volume.beta.kubernetes.io/storage-provisioner";
/// Who made a volume.
pub const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// Classes whose volumes nobody makes.
pub const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// How often all volumes and claims are looked at (`--pvclaimbinder-sync-period`).
const RESYNC: Span = Span::secs(15);

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersistentVolumeController;

impl PersistentVolumeController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        PersistentVolumeController
    }
}

impl Reconciler for PersistentVolumeController {
    const NAME: &'static str = "persistentvolume-binder-controller";
    const SOURCE: &'static str = "persistentvolume-controller";
    const WORKERS: u32 = 1;
    const WATCHES: &'static [Kind] =
        &[Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::StorageClass, Kind::Pod, Kind::Node];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        let waiting = || {
            let unbound = |claim: &&Arc<PersistentVolumeClaim>| claim.spec.volume_name.is_empty();
            cache.all::<PersistentVolumeClaim>().filter(unbound).map(|claim| owner::reference(&**claim))
        };
        match &change.new {
            Object::PersistentVolume(volume) => {
                let claim = volume.spec.claim_ref.as_ref().map(claim_ref);
                let others = waiting().filter(|_| volume.spec.claim_ref.is_none());
                others.chain(claim).chain([change.new.reference()]).collect()
            }
            Object::PersistentVolumeClaim(claim) => {
                let name = claim.spec.volume_name.as_str();
                let volume = ObjectRef { kind: Kind::PersistentVolume, namespace: "".into(), name: name.into() };
                let volume = (!name.is_empty()).then_some(volume);
                volume.into_iter().chain([change.new.reference()]).collect()
            }
            Object::StorageClass(_) => waiting().collect(),
            _ => Vec::new(),
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        if let Some(volume) = cx.cache.get_ref::<PersistentVolume>(key) {
            return Ok(sync_volume(volume, cx));
        }
        let Some(claim) = cx.cache.get_ref::<PersistentVolumeClaim>(key) else { return Ok(Plan::nothing()) };
        let sync = ClaimSync { claim, cx, about: about(Object::PersistentVolumeClaim(Arc::clone(claim))) };
        if claim.metadata.annotations.contains_key(BIND_COMPLETED) {
            return Ok(sync.bound());
        }
        let mut plan = sync.unbound();
        if plan.steps.is_empty() && claim.metadata.deletion_timestamp.is_none() {
            plan.look_again(next_resync(cx.now));
        }
        Ok(plan)
    }
}

/// When all volumes and claims are looked at next, whatever has happened to them.
fn next_resync(now: Time) -> Time {
    let period = RESYNC.as_secs();
    Time::ZERO + Span::secs((now.as_secs() / period + 1) * period)
}

fn claim_ref(of: &ObjectReference) -> ObjectRef {
    ObjectRef {
        kind: Kind::PersistentVolumeClaim,
        namespace: of.namespace.as_str().into(),
        name: of.name.as_str().into(),
    }
}

/// The class of a claim; `None` for none.
pub fn class_of<'a>(claim: &PersistentVolumeClaim, cache: &'a Cache) -> Option<&'a Arc<StorageClass>> {
    cache.get::<StorageClass>("", claim.spec.storage_class_name.as_deref().filter(|name| !name.is_empty())?)
}

/// Whether the volume of a claim is chosen only when its first pod has a node (`WaitForFirstConsumer`).
pub fn waits_for_consumer(claim: &PersistentVolumeClaim, cache: &Cache) -> bool {
    let mode = class_of(claim, cache).and_then(|class| class.volume_binding_mode.as_deref());
    mode == Some("WaitForFirstConsumer")
}

fn patch(kind: Kind, meta: &ObjectMeta, patch: serde_json::Value) -> ApiCall {
    ApiCall::unless_gone(owner::patch_of(kind, meta, PatchType::Merge, patch))
}

/// Writes a status and leaves alone what an earlier call of the same plan wrote into the metadata.
fn patch_status(kind: Kind, meta: &ObjectMeta, status: &serde_json::Value) -> ApiCall {
    let mut request = owner::patch_of(kind, meta, PatchType::Merge, json!({"status": status}));
    request.subresource = Some(Subresource::Status);
    ApiCall::unless_gone(request)
}

/// One look at a claim.
struct ClaimSync<'a> {
    claim: &'a Arc<PersistentVolumeClaim>,
    cx: &'a Context<'a>,
    about: ObjectReference,
}

impl ClaimSync<'_> {
    fn note(&self, reason: &'static str, words: impl Into<String>) -> Plan {
        Plan { notes: vec![Note::normal(self.about.clone(), reason, words)], ..Plan::default() }
    }

    /// A claim without a volume (`syncUnboundClaim`).
    fn unbound(&self) -> Plan {
        let (claim, cache) = (self.claim, self.cx.cache);
        if claim.metadata.deletion_timestamp.is_some() {
            return Plan::nothing();
        }
        if !claim.spec.volume_name.is_empty() {
            return self.asked_for();
        }
        let selected = claim.metadata.annotations.get(SELECTED_NODE);
        let node = selected.and_then(|name| cache.get::<Node>("", name));
        if waits_for_consumer(claim, cache) && selected.is_none() {
            // A volume that names the claim is taken all the same.
            return match matching::named_for(claim, cache) {
                Some(volume) => self.bind(volume),
                None => self.wait_for_consumer(),
            };
        }
        match matching::find(claim, node.map(AsRef::as_ref), cache) {
            Some(volume) => self.bind(volume),
            None => self.provision(),
        }
    }

    /// The claim names its volume.
    fn asked_for(&self) -> Plan {
        let Some(volume) = self.cx.cache.get::<PersistentVolume>("", &self.claim.spec.volume_name) else {
            return Plan::nothing();
        };
        match &volume.spec.claim_ref {
            Some(of) if !matching::is_for(of, self.claim) => {
                let words = format!("volume {:?} already bound to a different claim.", volume.metadata.name);
                Plan { notes: vec![Note::warning(self.about.clone(), "FailedBinding", words)], ..Plan::default() }
            }
            _ => self.bind(volume),
        }
    }

    /// A pod that uses the claim, if one waits for the scheduler.
    fn wait_for_consumer(&self) -> Plan {
        let meta = &self.claim.metadata;
        let uses = |pod: &&Arc<Pod>| pod.spec.node_name.is_empty() && uses_claim(pod, &meta.name);
        let waiting: Vec<&str> = self
            .cx
            .cache
            .in_namespace::<Pod>(&meta.namespace)
            .filter(uses)
            .map(|pod| pod.metadata.name.as_str())
            .collect();
        match waiting.as_slice() {
            [] => self.note("WaitForFirstConsumer", "waiting for first consumer to be created before binding"),
            [one] => self.note("WaitForPodScheduled", format!("waiting for pod {one} to be scheduled")),
            many => self.note("WaitForPodScheduled", format!("waiting for pods {} to be scheduled", many.join(","))),
        }
    }

    /// No volume will do: one is to be made (`provisionClaim`).
    fn provision(&self) -> Plan {
        let claim = self.claim;
        let Some(name) = claim.spec.storage_class_name.as_deref().filter(|name| !name.is_empty()) else {
            let words = "no persistent volumes available for this claim and no storage class is set";
            return self.note("FailedBinding", words);
        };
        let Some(class) = class_of(claim, self.cx.cache) else {
            let words = format!("storageclass.storage.k8s.io {name:?} not found");
            let note = Note::warning(self.about.clone(), "ProvisioningFailed", words);
            return Plan { notes: vec![note], ..Plan::default() };
        };
        if class.provisioner == NO_PROVISIONER {
            let words = "no persistent volumes available for this claim and no storage class is set";
            return if class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer") {
                Plan::nothing()
            } else {
                self.note("FailedBinding", words)
            };
        }
        let words = format!(
            "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system \
             administrator. If volume creation is delayed, please verify that the provisioner is running and correctly \
             registered.",
            class.provisioner
        );
        let mut plan = self.note("ExternalProvisioning", words);
        if claim.metadata.annotations.get(PROVISIONER) != Some(&class.provisioner) {
            let annotations = json!({PROVISIONER: class.provisioner, BETA_PROVISIONER: class.provisioner});
            let change = json!({"metadata": {"annotations": annotations}});
            plan.then(patch(Kind::PersistentVolumeClaim, &claim.metadata, change));
        }
        plan
    }

    /// Writes volume and claim, first the specs, then what they are.
    fn bind(&self, volume: &Arc<PersistentVolume>) -> Plan {
        let claim = self.claim;
        let mut plan = Plan::nothing();
        if volume.spec.claim_ref.as_ref().is_none_or(|of| of.uid != claim.metadata.uid) {
            let reference = involved(&Object::PersistentVolumeClaim(Arc::clone(claim)));
            let mut change = json!({"spec": {"claimRef": reference}});
            if volume.spec.claim_ref.is_none() {
                change["metadata"] = json!({"annotations": {BOUND_BY_CONTROLLER: "yes"}});
            }
            plan.then(patch(Kind::PersistentVolume, &volume.metadata, change));
        }
        if let Some(call) = phase_call(volume, "Bound") {
            plan.then(call);
        }
        let mut annotations = VecMap::from([(BIND_COMPLETED, "yes")]);
        if claim.spec.volume_name.is_empty() {
            annotations.insert(BOUND_BY_CONTROLLER, "yes");
        }
        let change = json!({
            "metadata": {"annotations": annotations}, "spec": {"volumeName": volume.metadata.name},
        });
        plan.then(patch(Kind::PersistentVolumeClaim, &claim.metadata, change));
        plan.then(self.status_call("Bound", Some(volume)));
        plan
    }

    fn status_call(&self, phase: &str, volume: Option<&Arc<PersistentVolume>>) -> ApiCall {
        let status = match volume {
            Some(volume) => json!({
                "phase": phase, "accessModes": volume.spec.access_modes, "capacity": volume.spec.capacity,
            }),
            None => json!({"phase": phase, "accessModes": null, "capacity": null}),
        };
        patch_status(Kind::PersistentVolumeClaim, &self.claim.metadata, &status)
    }

    /// A claim that found its volume once (`syncBoundClaim`).
    fn bound(&self) -> Plan {
        let claim = self.claim;
        let mut plan = Plan::nothing();
        let volume = self.cx.cache.get::<PersistentVolume>("", &claim.spec.volume_name);
        let lost = |words: &str| Plan {
            notes: vec![Note::warning(self.about.clone(), "ClaimLost", words)],
            ..Plan::default()
        };
        match volume {
            None if claim.status.phase == "Lost" => {}
            None => {
                plan = lost("Bound claim has lost its PersistentVolume. Data on the volume is lost!");
                plan.then(self.status_call("Lost", None));
            }
            Some(volume) => match &volume.spec.claim_ref {
                Some(of) if of.uid != claim.metadata.uid && !of.uid.0.is_empty() && claim.status.phase != "Lost" => {
                    plan = lost("Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
                    plan.then(self.status_call("Lost", None));
                }
                Some(of) if of.uid != claim.metadata.uid && !of.uid.0.is_empty() => {}
                _ if claim.status.phase != "Bound" || volume.status.phase != "Bound" => plan = self.bind(volume),
                _ => {}
            },
        }
        plan
    }
}

/// Whether a pod uses a claim of its namespace.
pub fn uses_claim(pod: &Pod, claim: &str) -> bool {
    claims_of(pod).any(|name| name == claim)
}

/// The claims that a pod uses, those that are made for it among them.
pub fn claims_of(pod: &Pod) -> impl Iterator<Item = Cow<'_, str>> {
    pod.spec.volumes.iter().filter_map(|volume| match volume.rest.get("persistentVolumeClaim") {
        Some(source) => source.get("claimName")?.as_str().map(Cow::Borrowed),
        None if ephemeral_volume::is_one(volume) => Some(Cow::Owned(ephemeral_volume::claim_name(pod, volume))),
        None => None,
    })
}

/// Writes the phase of a volume, if it is another.
fn phase_call(volume: &Arc<PersistentVolume>, phase: &str) -> Option<ApiCall> {
    if volume.status.phase == phase {
        return None;
    }
    Some(patch_status(Kind::PersistentVolume, &volume.metadata, &json!({"phase": phase})))
}

/// A volume: free, bound, or released by its claim (`syncVolume`). What is released is kept, deleted or used again.
fn sync_volume(volume: &Arc<PersistentVolume>, cx: &Context<'_>) -> Plan {
    let mut plan = Plan::nothing();
    let phase = match &volume.spec.claim_ref {
        None => "Available",
        Some(of) if of.uid.0.is_empty() => "Available",
        Some(of) => match cx.cache.get::<PersistentVolumeClaim>(&of.namespace, &of.name) {
            Some(claim) if claim.metadata.uid == of.uid => {
                if claim.spec.volume_name == volume.metadata.name {
                    "Bound"
                } else {
                    return plan;
                }
            }
            _ => return reclaim::plan(volume),
        },
    };
    if let Some(call) = phase_call(volume, phase) {
        plan.then(call);
    }
    plan
}
