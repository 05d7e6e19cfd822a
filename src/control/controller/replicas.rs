//! Keeping a number of pods: what ReplicaSets and ReplicationControllers have in common.
//!
//! Models `manageReplicas` and `calculateStatus` of `pkg/controller/replicaset`, which upstream runs for both kinds.

use std::sync::Arc;

use crate::api::{Kind, ObjectMeta, ObjectReference, OwnerReference, Pod, PodTemplateSpec, Request, Timestamp, Uid};
use crate::control::Cache;
use crate::control::controller::pods;
use crate::control::reconciler::{ApiCall, Context, Note, Plan};
use crate::sim::{Time, VecMap};

/// At most so many pods are made or deleted in one go.
const BURST: usize = 500;

/// Who keeps pods, and how many.
#[derive(Debug)]
pub struct Keeper<'a> {
    /// For events.
    pub about: ObjectReference,
    /// By which it owns its pods.
    pub reference: OwnerReference,
    /// Its metadata.
    pub meta: &'a ObjectMeta,
    /// What its pods are made from.
    pub template: &'a PodTemplateSpec,
    /// How many it wants.
    pub replicas: i32,
    /// How long a pod must be ready to be available.
    pub min_ready_seconds: i32,
    /// Whose pods count as related when one is chosen for deletion: the owners' uids.
    pub related: Vec<Uid>,
}

/// The numbers of a status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Active pods.
    pub replicas: i32,
    /// Those with the template's labels.
    pub labelled: i32,
    /// Those that are ready.
    pub ready: i32,
    /// Those that have been ready long enough.
    pub available: i32,
    /// Pods that are being deleted.
    pub terminating: i32,
}

impl Keeper<'_> {
    /// Makes the pods that are missing, or deletes those that are too many.
    pub fn manage(&self, active: Vec<Arc<Pod>>, cx: &Context<'_>) -> Plan {
        let wanted = usize::try_from(self.replicas).unwrap_or(0);
        let mut plan = Plan::nothing();
        if active.len() < wanted {
            let missing = (wanted - active.len()).min(BURST);
            let (name, namespace) = (&self.meta.name, &self.meta.namespace);
            let pod = pods::from_template(self.template, name, namespace, self.reference.clone());
            plan.slow_start(vec![create_call(pod, &self.about); missing]);
        } else if active.len() > wanted {
            let surplus = (active.len() - wanted).min(BURST);
            let ranks = ranks(&self.related, cx.cache);
            let rank = |pod: &Pod| ranks.get(&*pod.spec.node_name).copied().unwrap_or(0);
            let chosen = pods::to_delete(active, surplus, rank, cx.calendar.nanos(cx.now));
            plan.together(chosen.iter().map(|pod| delete_call(pod, &self.about)).collect());
        }
        plan
    }

    /// Counts its pods.
    pub fn count(&self, owned: &[&Arc<Pod>], now: Timestamp) -> Counts {
        let labels = &self.template.metadata.labels;
        let labelled = |pod: &Pod| labels.iter().all(|(key, value)| pod.metadata.labels.get(key) == Some(value));
        let mut counts = Counts::default();
        for pod in owned {
            if pods::is_active(pod) {
                counts.replicas += 1;
                counts.labelled += i32::from(labelled(pod));
                counts.ready += i32::from(pods::is_ready(pod));
                counts.available += i32::from(pods::is_available(pod, self.min_ready_seconds, now));
            } else {
                counts.terminating += i32::from(pods::is_terminating(pod));
            }
        }
        counts
    }
}

/// Makes a pod and tells of it.
pub fn create_call(pod: Pod, about: &ObjectReference) -> ApiCall {
    ApiCall::new(Request::create(pod))
        .tagged("FailedCreate")
        .on_done(Note::normal(about.clone(), "SuccessfulCreate", "Created pod: {name}"))
        .on_failed(Note::warning(about.clone(), "FailedCreate", "Error creating: {error}"))
}

/// Deletes a pod and tells of it.
pub fn delete_call(pod: &Pod, about: &ObjectReference) -> ApiCall {
    let name = &pod.metadata.name;
    let mut request = Request::delete(Kind::Pod, &pod.metadata.namespace, name);
    request.options.precondition_uid = Some(pod.metadata.uid.clone());
    ApiCall::unless_gone(request)
        .tagged("FailedDelete")
        .on_done(Note::normal(about.clone(), "SuccessfulDelete", format!("Deleted pod: {name}")))
        .on_failed(Note::warning(about.clone(), "FailedDelete", "Error deleting: {error}"))
}

/// Counts the active pods of owners by node.
fn ranks<'a>(owners: &[Uid], cache: &'a Cache) -> VecMap<&'a str, i64> {
    let mut ranks = VecMap::new();
    for uid in owners {
        for pod in cache.controlled_by::<Pod>(uid).filter(|pod| pods::is_active(pod)) {
            *ranks.entry(pod.spec.node_name.as_str()).or_default() += 1;
        }
    }
    ranks
}

/// When the next ready pod becomes available.
pub fn next_available<'a>(
    owned: impl Iterator<Item = &'a Arc<Pod>>,
    min_ready_seconds: i32,
    cx: &Context<'_>,
) -> Option<Time> {
    if min_ready_seconds == 0 {
        return None;
    }
    let now = cx.timestamp();
    let times = owned.filter(|pod| pods::is_active(pod)).filter_map(|pod| pods::available_at(pod, min_ready_seconds));
    times.filter(|at| *at > now).min().map(|at| cx.calendar.time(at))
}
