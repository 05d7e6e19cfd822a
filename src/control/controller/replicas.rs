//! Keeping a number of pods: what ReplicaSets and ReplicationControllers have in common.
//!
//! Models `manageReplicas` and `calculateStatus` of `pkg/controller/replicaset`, which upstream runs for both kinds.

use std::borrow::Cow;
use std::sync::Arc;

use crate::api::{
    Kind, KindOf, LabelSelector, ObjectMeta, ObjectReference, OwnerReference, Pod, PodTemplateSpec, Request, Uid,
};
use crate::control::cache::{Cache, Tally};
use crate::control::controller::{owner, pods};
use crate::control::reconciler::{ApiCall, Context, Note, Plan};
use crate::control::selector;
use crate::sim::{Time, VecMap};

/// At most so many pods are made or deleted in one go.
const BURST: u32 = 500;

/// Who keeps pods, and how many.
#[derive(Debug)]
pub struct Keeper<'a> {
    /// For events.
    pub about: ObjectReference,
    /// By which it owns its pods.
    pub reference: OwnerReference,
    /// Its metadata.
    pub meta: &'a ObjectMeta,
    /// Which pods it selects.
    pub selector: Cow<'a, LabelSelector>,
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

impl<'a> Keeper<'a> {
    /// Adopts and releases pods, or else makes those that are missing or deletes those that are too many. As many pods as
    /// there may be, they are looked at one by one only to release or to delete some of them.
    pub fn sync<K: KindOf>(&self, owner: &K, cx: &Context<'_>) -> Plan {
        let all_selected =
            cx.cache.tallies(&self.meta.uid).all(|(labels, _)| selector::matches(&self.selector, labels));
        if !all_selected || cx.cache.orphans::<Pod>(&self.meta.namespace, &self.selector).next().is_some() {
            let claims = owner::claim::<_, Pod>(owner, &self.selector, cx.cache);
            if let Some(plan) = owner::claiming_plan(owner, &claims) {
                return plan;
            }
        }
        if self.meta.deletion_timestamp.is_some() { Plan::nothing() } else { self.manage(cx) }
    }

    fn manage(&self, cx: &Context<'_>) -> Plan {
        let wanted = u32::try_from(self.replicas).unwrap_or(0);
        let active: u32 = self.tallies(cx.cache).map(|(_, tally)| tally.active).sum();
        let mut plan = Plan::nothing();
        if active < wanted {
            let missing = (wanted - active).min(BURST);
            let (name, namespace) = (&self.meta.name, &self.meta.namespace);
            let pod = pods::from_template(self.template, name, namespace, self.reference.clone());
            plan.slow_start(vec![create_call(pod, &self.about); missing as usize]);
        } else if active > wanted {
            let surplus = (active - wanted).min(BURST);
            let ranks = ranks(&self.related, cx.cache);
            let rank = |pod: &Pod| ranks.get(&*pod.spec.node_name).copied().unwrap_or(0);
            let active = self.owned(cx.cache).filter(|pod| pods::is_active(pod)).cloned().collect();
            let chosen = pods::to_delete(active, surplus as usize, rank, cx.calendar.nanos(cx.now));
            plan.together(chosen.iter().map(|pod| delete_call(pod, &self.about)).collect());
        }
        plan
    }

    /// Counts its pods.
    pub fn count(&self, cx: &Context<'_>) -> Counts {
        let of_template = |labels: &VecMap<String, String>| {
            self.template.metadata.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        let mut counts = Counts::default();
        for (labels, tally) in self.tallies(cx.cache) {
            counts.replicas += tally.active.cast_signed();
            counts.labelled += if of_template(labels) { tally.active.cast_signed() } else { 0 };
            counts.ready += tally.ready.cast_signed();
            counts.terminating += tally.terminating.cast_signed();
        }
        counts.available = counts.ready;
        if self.min_ready_seconds != 0 {
            let now = cx.timestamp();
            let available =
                |pod: &&Arc<Pod>| pods::is_active(pod) && pods::is_available(pod, self.min_ready_seconds, now);
            counts.available = self.owned(cx.cache).filter(available).count() as i32;
        }
        counts
    }

    /// When the next ready pod becomes available.
    pub fn next_available(&self, cx: &Context<'_>) -> Option<Time> {
        if self.min_ready_seconds == 0 {
            None
        } else {
            next_available(self.owned(cx.cache), self.min_ready_seconds, cx)
        }
    }

    /// Its pods, counted by their labels.
    fn tallies<'c>(&'c self, cache: &'c Cache) -> impl Iterator<Item = (&'c VecMap<String, String>, &'c Tally)> {
        cache.tallies(&self.meta.uid).filter(|(labels, _)| selector::matches(&self.selector, labels))
    }

    fn owned<'c>(&'c self, cache: &'c Cache) -> impl Iterator<Item = &'c Arc<Pod>> {
        let selected = |pod: &&Arc<Pod>| selector::matches(&self.selector, &pod.metadata.labels);
        cache.controlled_by::<Pod>(&self.meta.uid).filter(selected)
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
