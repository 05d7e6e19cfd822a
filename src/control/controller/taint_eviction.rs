//! The taint eviction controller: deletes pods from nodes whose NoExecute taints they do not tolerate, or not any longer.
//!
//! Models `pkg/controller/tainteviction/taint_eviction.go`. The time of an eviction follows from when the taint came and
//! when the pod came; upstream counts from when it noticed, which is at most a second later.

use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Kind, Node, Object, ObjectRef, PatchType, Pod, Request, Subresource, Taint, TaintEffect, Timestamp, Toleration,
};
use crate::control::cache::{Cache, Change, Index};
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};
use crate::control::taint;
use crate::sim::Time;

/// The taint eviction controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaintEviction;

impl TaintEviction {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        TaintEviction
    }
}

impl Reconciler for TaintEviction {
    const NAME: &'static str = "taint-eviction-controller";
    const WORKERS: u32 = 8;
    const WATCHES: &'static [Kind] = &[Kind::Node, Kind::Pod];

    fn observe(&mut self, change: &Change, cache: &Cache, _: Time) -> Vec<Note> {
        let (Some(old), Some(new)) = (change.old_as::<Node>(), change.new_as::<Node>()) else { return Vec::new() };
        let before = evicting(old);
        if before.is_empty() || !evicting(new).is_empty() || change.deleted() {
            return Vec::new();
        }
        let pods = cache.find_as::<Pod>(Index::Node, &new.metadata.name);
        let waited = |pod: &&Arc<Pod>| {
            let patience = patience(&pod.spec.tolerations, &before);
            pod.metadata.deletion_timestamp.is_none() && matches!(patience, Patience::Until(_))
        };
        let cancel = |pod: &Arc<Pod>| {
            let words = format!("Cancelling deletion of Pod {}/{}", pod.metadata.namespace, pod.metadata.name);
            Note::normal(about(Object::Pod(Arc::clone(pod))), "TaintManagerEviction", words)
        };
        pods.filter(waited).map(cancel).collect()
    }

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        if let Some(node) = change.new_as::<Node>() {
            let before = change.old_as::<Node>().map_or_else(Vec::new, |old| evicting(old));
            if change.deleted() || evicting(node) == before {
                return Vec::new();
            }
            return cache.find(Index::Node, &node.metadata.name).map(Object::reference).collect();
        }
        let Some(pod) = change.new_as::<Pod>().filter(|_| !change.deleted()) else { return Vec::new() };
        let same = change.old_as::<Pod>().is_some_and(|old| {
            old.spec.node_name == pod.spec.node_name && old.spec.tolerations == pod.spec.tolerations
        });
        let node = cache.get::<Node>("", &pod.spec.node_name);
        let tainted = node.is_some_and(|node| !evicting(node).is_empty());
        if tainted && !same { vec![change.new.reference()] } else { Vec::new() }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(pod) = cx.cache.get_ref::<Pod>(key).filter(|pod| pod.metadata.deletion_timestamp.is_none()) else {
            return Ok(plan);
        };
        let Some(node) = cx.cache.get::<Node>("", &pod.spec.node_name) else { return Ok(plan) };
        let taints = evicting(node);
        match patience(&pod.spec.tolerations, &taints) {
            Patience::Forever => {}
            Patience::None => evict(pod, cx, &mut plan),
            Patience::Until(seconds) => {
                let tainted = taints.iter().filter_map(|taint| taint.time_added).max();
                let since = tainted.max(pod.status.start_time).unwrap_or_else(|| cx.timestamp());
                let at = cx.calendar.time(Timestamp(since.0.saturating_add(seconds)));
                if at > cx.now {
                    plan.look_again(at);
                } else {
                    evict(pod, cx, &mut plan);
                }
            }
        }
        Ok(plan)
    }
}

/// The taints of a node that evict.
fn evicting(node: &Node) -> Vec<&Taint> {
    node.spec.taints.iter().filter(|taint| taint.effect == TaintEffect::NoExecute).collect()
}

/// How long a pod may stay.
#[derive(Debug, PartialEq, Eq)]
enum Patience {
    Forever,
    None,
    Until(i64),
}

/// How long tolerations bear taints: the shortest of those that are needed (`getMinTolerationTime`).
fn patience(tolerations: &[Toleration], taints: &[&Taint]) -> Patience {
    let mut used: Vec<&Toleration> = Vec::new();
    for taint in taints {
        match tolerations.iter().find(|toleration| taint::tolerates(toleration, taint)) {
            Some(toleration) => used.push(toleration),
            None => return Patience::None,
        }
    }
    let shortest = used.iter().filter_map(|toleration| toleration.toleration_seconds).min();
    match shortest {
        None => Patience::Forever,
        Some(seconds) if seconds <= 0 => Patience::None,
        Some(seconds) => Patience::Until(seconds),
    }
}

/// Tells why, then deletes the pod.
fn evict(pod: &Arc<Pod>, cx: &Context<'_>, plan: &mut Plan) {
    let words = format!("Marking for deletion Pod {}/{}", pod.metadata.namespace, pod.metadata.name);
    plan.notes.push(Note::normal(about(Object::Pod(Arc::clone(pod))), "TaintManagerEviction", words));
    let now = cx.timestamp();
    let patch = json!({"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [{
        "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint", "lastProbeTime": null, "lastTransitionTime": now,
        "observedGeneration": pod.metadata.generation,
    }]}});
    let mut request = owner::patch_of(Kind::Pod, &pod.metadata, PatchType::Strategic, patch);
    request.subresource = Some(Subresource::Status);
    plan.then(ApiCall::unless_gone(request));
    let mut delete = Request::delete(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name);
    delete.options.precondition_uid = Some(pod.metadata.uid.clone());
    plan.then(ApiCall::unless_gone(delete));
}
