//! The provisioner of the class `standard`: makes directories of nodes into volumes, and deletes them again.
//!
//! Models `rancher.io/local-path` as small clusters run it, by way of `sigs.k8s.io/sig-storage-lib-external-provisioner`.
//! Upstream it runs in a pod and makes each directory with a helper pod; here it takes no time.

use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Kind, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Object, ObjectMeta, ObjectRef, PersistentVolume,
    PersistentVolumeClaim, Request, VolumeNodeAffinity,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::persistent_volume::{self, PROVISIONED_BY, PROVISIONER, SELECTED_NODE};
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};
use crate::control::recorder::involved;

/// The name in classes.
pub const NAME: &str = "rancher.io/local-path";

/// The provisioner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VolumeProvisioner;

impl VolumeProvisioner {
    /// The provisioner.
    pub fn new(_: &Setup) -> Self {
        VolumeProvisioner
    }
}

impl Reconciler for VolumeProvisioner {
    const NAME: &'static str = "local-path-provisioner";
    const SOURCE: &'static str = NAME;
    const WORKERS: u32 = 4;
    const WATCHES: &'static [Kind] = &[Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::StorageClass];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        match &change.new {
            Object::StorageClass(_) => {
                let unbound = |claim: &&Arc<PersistentVolumeClaim>| claim.spec.volume_name.is_empty();
                let claims = cache.all::<PersistentVolumeClaim>().filter(unbound);
                claims.map(|claim| owner::reference(&**claim)).collect()
            }
            _ if change.deleted() => Vec::new(),
            _ => vec![change.new.reference()],
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        if let Some(volume) = cx.cache.get_ref::<PersistentVolume>(key) {
            return Ok(reclaim(volume));
        }
        let claim = cx.cache.get_ref::<PersistentVolumeClaim>(key);
        Ok(claim.map_or_else(Plan::nothing, |claim| provision(claim, cx.cache)))
    }
}

/// Deletes a released volume that it made, if its policy says so.
fn reclaim(volume: &PersistentVolume) -> Plan {
    let mut plan = Plan::nothing();
    let ours = volume.metadata.annotations.get(PROVISIONED_BY).is_some_and(|by| by == NAME);
    let done = volume.status.phase == "Released" && volume.spec.persistent_volume_reclaim_policy == "Delete";
    if ours && done && volume.metadata.deletion_timestamp.is_none() {
        plan.then(ApiCall::unless_gone(Request::delete(Kind::PersistentVolume, "", &volume.metadata.name)));
    }
    plan
}

/// Makes the volume of a claim that asks for one.
fn provision(claim: &Arc<PersistentVolumeClaim>, cache: &Cache) -> Plan {
    let mut plan = Plan::nothing();
    let meta = &claim.metadata;
    let asked = meta.annotations.get(PROVISIONER).is_some_and(|by| by == NAME);
    let Some(class) = persistent_volume::class_of(claim, cache) else { return plan };
    let node = meta.annotations.get(SELECTED_NODE);
    let waits = persistent_volume::waits_for_consumer(claim, cache) && node.is_none();
    let name = format!("pvc-{}", meta.uid);
    let exists = cache.get::<PersistentVolume>("", &name).is_some();
    if !asked || waits || exists || !claim.spec.volume_name.is_empty() || meta.deletion_timestamp.is_some() {
        return plan;
    }
    let about = about(Object::PersistentVolumeClaim(Arc::clone(claim)));
    let words = format!("External provisioner is provisioning volume for claim \"{}/{}\"", meta.namespace, meta.name);
    plan.notes.push(Note::normal(about.clone(), "Provisioning", words));
    let mut volume = PersistentVolume {
        metadata: ObjectMeta { name: name.clone(), ..ObjectMeta::default() },
        ..PersistentVolume::default()
    };
    volume.metadata.annotations.insert(PROVISIONED_BY.into(), NAME.into());
    let spec = &mut volume.spec;
    spec.capacity = claim.spec.resources.requests.clone();
    spec.access_modes.clone_from(&claim.spec.access_modes);
    spec.claim_ref = Some(involved(&Object::PersistentVolumeClaim(Arc::clone(claim))));
    spec.persistent_volume_reclaim_policy = class.reclaim_policy.clone().unwrap_or_else(|| "Delete".into());
    spec.storage_class_name.clone_from(&class.metadata.name);
    spec.volume_mode.clone_from(&claim.spec.volume_mode);
    let path = format!("/opt/local-path-provisioner/{name}_{}_{}", meta.namespace, meta.name);
    spec.rest.insert("hostPath".into(), json!({"path": path, "type": "DirectoryOrCreate"}));
    spec.node_affinity = node.map(|node| on_node(node));
    let done = format!("Successfully provisioned volume {name}");
    let failed = format!("failed to provision volume with StorageClass {:?}: {{error}}", class.metadata.name);
    let call = ApiCall::new(Request::create(volume))
        .on_done(Note::normal(about.clone(), "ProvisioningSucceeded", done))
        .on_failed(Note::warning(about, "ProvisioningFailed", failed));
    plan.then(call);
    plan
}

/// Only that node can reach it.
fn on_node(node: &str) -> VolumeNodeAffinity {
    let requirement = NodeSelectorRequirement {
        key: "kubernetes.io/hostname".into(),
        operator: "In".into(),
        values: vec![node.to_owned()],
        ..NodeSelectorRequirement::default()
    };
    let term = NodeSelectorTerm { match_expressions: vec![requirement], ..NodeSelectorTerm::default() };
    let required = NodeSelector { node_selector_terms: vec![term], ..NodeSelector::default() };
    VolumeNodeAffinity { required: Some(required), ..VolumeNodeAffinity::default() }
}
