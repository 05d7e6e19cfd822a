//! Which volume will do for a claim.
//!
//! Models `pkg/controller/volume/persistentvolume/index.go` and `FindMatchingVolume` of `pkg/volume/util`.

use std::sync::Arc;

use crate::api::{Node, ObjectReference, PersistentVolume, PersistentVolumeClaim};
use crate::control::scheduler::plugin::node_affinity;
use crate::control::{Cache, selector};

/// Whether a volume's reference means a claim: one without uid means any claim of that name.
pub fn is_for(of: &ObjectReference, claim: &PersistentVolumeClaim) -> bool {
    let meta = &claim.metadata;
    of.name == meta.name && of.namespace == meta.namespace && (of.uid.0.is_empty() || of.uid == meta.uid)
}

/// The volume that was made for a claim.
pub fn named_for<'a>(claim: &PersistentVolumeClaim, cache: &'a Cache) -> Option<&'a Arc<PersistentVolume>> {
    let mut volumes = cache.all::<PersistentVolume>();
    volumes.find(|volume| volume.spec.claim_ref.as_ref().is_some_and(|of| is_for(of, claim)))
}

/// Whether a node can reach a volume.
pub fn reaches(volume: &PersistentVolume, node: &Node) -> bool {
    let required = volume.spec.node_affinity.as_ref().and_then(|affinity| affinity.required.as_ref());
    required.is_none_or(|required| required.node_selector_terms.iter().any(|t| node_affinity::term_matches(t, node)))
}

/// The volume made for a claim, or the smallest free one that will do.
pub fn find<'a>(
    claim: &PersistentVolumeClaim,
    node: Option<&Node>,
    cache: &'a Cache,
) -> Option<&'a Arc<PersistentVolume>> {
    if let Some(volume) = named_for(claim, cache) {
        return Some(volume);
    }
    let wanted = claim.spec.resources.requests.get("storage").map_or(0, |quantity| quantity.units());
    let class = claim.spec.storage_class_name.as_deref().unwrap_or("");
    let mode = |mode: &Option<String>| mode.clone().unwrap_or_else(|| "Filesystem".into());
    let size = |volume: &PersistentVolume| volume.spec.capacity.get("storage").map_or(0, |q| q.units());
    let fits = |volume: &&Arc<PersistentVolume>| {
        volume.spec.claim_ref.is_none()
            && volume.metadata.deletion_timestamp.is_none()
            && size(volume) >= wanted
            && volume.spec.storage_class_name == class
            && mode(&volume.spec.volume_mode) == mode(&claim.spec.volume_mode)
            && claim.spec.access_modes.iter().all(|mode| volume.spec.access_modes.contains(mode))
            && claim.spec.selector.as_ref().is_none_or(|s| selector::matches(s, &volume.metadata.labels))
            && node.is_none_or(|node| reaches(volume, node))
    };
    cache.all::<PersistentVolume>().filter(fits).min_by_key(|volume| (size(volume), volume.metadata.name.clone()))
}
