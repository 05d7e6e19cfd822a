//! The volumes of a pod as the scheduler sees them, and the wait for those that are bound only when the pod has a node.
//!
//! Models `plugins/volumebinding/binder.go` (`GetPodVolumeClaims`, `BindPodVolumes`). The scheduler names the node; which
//! volume a claim gets is the volume controller's to say, where upstream's scheduler already picks one.

use std::sync::Arc;

use serde_json::json;

use crate::api::{Body, Pod};
use crate::api::{Call, Kind, ObjectRef, PatchType, PersistentVolume, PersistentVolumeClaim, Request, Verb};
use crate::control::Cache;
use crate::control::controller::ephemeral_volume;
use crate::control::controller::persistent_volume::{self, BIND_COMPLETED, NO_PROVISIONER, SELECTED_NODE, matching};
use crate::control::scheduler::queue::Queued;
use crate::control::scheduler::{Scheduler, origin};
use crate::sim::{EventId, Out, Span, Time};

/// Volumes that are not bound for so long are given up (`bindTimeoutSeconds`).
const PATIENCE: Span = Span::mins(10);

/// What a pod needs of volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Volumes {
    /// No claims.
    #[default]
    None,
    /// A claim is not there or not ready; the words.
    Wrong(String),
    /// Claims.
    Needs {
        /// The volumes of claims that have theirs.
        bound: Vec<Arc<PersistentVolume>>,
        /// Claims that get theirs when the pod has a node.
        delayed: Vec<Delayed>,
        /// The claims that only one pod may have.
        exclusive: Vec<String>,
    },
}

/// A claim that gets its volume when its pod has a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delayed {
    /// The claim.
    pub claim: Arc<PersistentVolumeClaim>,
    /// Volumes that are there and would do.
    pub candidates: Vec<Arc<PersistentVolume>>,
    /// Whether one can be made.
    pub provisioned: bool,
}

/// A pod whose volumes are being bound.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Waiting {
    queued: Queued,
    node: Arc<str>,
    since: Time,
}

/// What a pod needs.
pub fn of(pod: &Pod, cache: &Cache) -> Volumes {
    let (mut bound, mut delayed, mut exclusive, mut any) = (Vec::new(), Vec::new(), Vec::new(), false);
    for name in persistent_volume::claims_of(pod) {
        let name = &*name;
        any = true;
        let Some(claim) = cache.get::<PersistentVolumeClaim>(&pod.metadata.namespace, name) else {
            return Volumes::Wrong(match ephemeral_volume::makes(pod, name) {
                true => format!("waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}"),
                false => format!("persistentvolumeclaim {name:?} not found"),
            });
        };
        if claim.metadata.deletion_timestamp.is_some() {
            return Volumes::Wrong(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        if claim.spec.access_modes.iter().any(|mode| mode == "ReadWriteOncePod") {
            exclusive.push(name.to_owned());
        }
        if is_bound(claim) {
            match cache.get::<PersistentVolume>("", &claim.spec.volume_name) {
                Some(volume) => bound.push(Arc::clone(volume)),
                None => return Volumes::Wrong(format!("persistentvolume {:?} not found", claim.spec.volume_name)),
            }
        } else if persistent_volume::waits_for_consumer(claim, cache) {
            let provisioner = persistent_volume::class_of(claim, cache).map(|class| class.provisioner.as_str());
            let candidates = matching::find(claim, None, cache).into_iter();
            delayed.push(Delayed {
                claim: Arc::clone(claim),
                candidates: candidates.cloned().collect(),
                provisioned: provisioner.is_some_and(|by| by != NO_PROVISIONER),
            });
        } else {
            return Volumes::Wrong("pod has unbound immediate PersistentVolumeClaims".into());
        }
    }
    if any { Volumes::Needs { bound, delayed, exclusive } } else { Volumes::None }
}

fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    !claim.spec.volume_name.is_empty() && claim.metadata.annotations.contains_key(BIND_COMPLETED)
}

impl Scheduler {
    /// Names the node to the claims of a pod that wait for it; whether there are any, and so the pod must wait.
    pub(super) fn prebind(
        &mut self,
        queued: &Queued,
        node: &Arc<str>,
        cause: Option<EventId>,
        now: Time,
        out: &mut Out<Call>,
    ) -> bool {
        let pod = &queued.pod.pod;
        let Volumes::Needs { delayed, .. } = of(pod, &self.informers.cache) else { return false };
        if delayed.is_empty() {
            return false;
        }
        for Delayed { claim, .. } in delayed {
            let meta = &claim.metadata;
            let kind = Kind::PersistentVolumeClaim;
            let mut request = Request::new(Verb::Patch(PatchType::Merge), kind, &meta.namespace, &meta.name);
            request.body = Body::Value(json!({"metadata": {"annotations": {SELECTED_NODE: &**node}}}).into());
            let id = self.ids.next();
            out.push_for(cause, Call { id, request, origin: origin(&queued.pod.key()) });
        }
        self.snapshot.place(Arc::clone(&queued.pod), node);
        let waiting = Waiting { queued: queued.clone(), node: node.clone(), since: now };
        self.prebinding.insert(queued.pod.key(), waiting);
        true
    }

    /// A claim changed: pods whose volumes are all there now are bound.
    pub(super) fn volumes_changed(&mut self, now: Time, out: &mut Out<Call>) {
        let ready = |key: &ObjectRef| {
            let pod = self.informers.cache.get_ref::<Pod>(key)?;
            match of(pod, &self.informers.cache) {
                Volumes::Needs { delayed, .. } if delayed.is_empty() => Some(()),
                Volumes::None => Some(()),
                _ => None,
            }
        };
        let keys: Vec<ObjectRef> = self.prebinding.keys().filter(|key| ready(key).is_some()).cloned().collect();
        for key in keys {
            if let Some(waiting) = self.prebinding.remove(&key) {
                self.bind_now(waiting.queued, waiting.node, now, out);
            }
        }
    }

    /// A pod is gone, or nobody binds its volumes.
    pub(super) fn give_up_volumes(&mut self, now: Time) {
        let late = |waiting: &Waiting| waiting.since + PATIENCE <= now;
        let keys: Vec<ObjectRef> =
            self.prebinding.iter().filter(|(_, waiting)| late(waiting)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            if let Some(waiting) = self.prebinding.remove(&key) {
                self.snapshot.displace(&key);
                self.queue.errored(waiting.queued, now);
            }
        }
    }

    /// When [`Scheduler::give_up_volumes`] has something to do.
    pub(super) fn volumes_wake_at(&self) -> Option<Time> {
        self.prebinding.values().map(|waiting| waiting.since + PATIENCE).min()
    }
}
