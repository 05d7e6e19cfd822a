//! The garbage collector: deletes what lost its owners.
//!
//! Models `pkg/controller/garbagecollector/garbagecollector.go`. The graph is the cache's index of owners; before anything
//! is deleted the API server is asked whether the owner is really gone, because caches of different kinds may be ahead of
//! one another.

use serde_json::json;

use crate::api::{Kind, Object, ObjectMeta, ObjectRef, OwnerReference, PatchType, Request, WatchEventType};
use crate::control::cache::{Cache, Change, Index};
use crate::control::controller::{Setup, owner};
use crate::control::custom;
use crate::control::reconciler::{ALL_BUT_EVENTS, ApiCall, Context, Plan, ReconcileError, Reconciler};

/// The finalizer of an owner whose dependents are to be deleted first.
const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an owner whose dependents are to be left alone.
const ORPHAN: &str = "orphan";

/// The garbage collector.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GarbageCollector;

impl GarbageCollector {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        GarbageCollector
    }
}

impl Reconciler for GarbageCollector {
    const NAME: &'static str = "garbage-collector-controller";
    const WORKERS: u32 = 20;
    const WATCHES: &'static [Kind] = ALL_BUT_EVENTS;

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        let meta = change.new.meta();
        if change.event == WatchEventType::Deleted {
            let dependents = cache.find(Index::Owner, &meta.uid.0).map(Object::reference);
            // Owners that wait for their dependents are looked at again.
            let waiting = owners(meta, cache).filter(|owner| has(owner.meta(), FOREGROUND)).map(Object::reference);
            return dependents.chain(waiting).collect();
        }
        let news = change.old.as_ref().is_none_or(|old| {
            let old = old.meta();
            old.owner_references != meta.owner_references
                || old.deletion_timestamp != meta.deletion_timestamp
                || old.finalizers != meta.finalizers
        });
        let concerned = !meta.owner_references.is_empty() || meta.deletion_timestamp.is_some();
        if news && concerned { vec![change.new.reference()] } else { Vec::new() }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(object) = cx.cache.object(key) else { return Ok(Plan::nothing()) };
        let meta = object.meta();
        if meta.deletion_timestamp.is_some() {
            if has(meta, ORPHAN) {
                return Ok(orphan_dependents(object, cx.cache));
            }
            if has(meta, FOREGROUND) {
                return Ok(delete_dependents(object, cx.cache));
            }
            return Ok(Plan::nothing());
        }
        Ok(collect(object, cx.cache))
    }
}

fn has(meta: &ObjectMeta, finalizer: &str) -> bool {
    meta.deletion_timestamp.is_some() && meta.finalizers.iter().any(|known| known == finalizer)
}

/// A reference to an owner; `None` for a kind that is not simulated.
fn owner_ref(meta: &ObjectMeta, reference: &OwnerReference, cache: &Cache) -> Option<ObjectRef> {
    let group = reference.api_version.split_once('/').map_or("", |(group, _)| group);
    let kind = custom::by_kind(cache, group, &reference.kind)?;
    let namespace = if kind.info().namespaced { meta.namespace.as_str() } else { "" };
    Some(ObjectRef { kind, namespace: namespace.into(), name: reference.name.as_str().into() })
}

/// The owners of an object that the cache has.
fn owners<'a>(meta: &ObjectMeta, cache: &'a Cache) -> impl Iterator<Item = &'a Object> {
    let found = meta.owner_references.iter().filter_map(|reference| {
        let object = cache.object(&owner_ref(meta, reference, cache)?)?;
        (*object.uid() == reference.uid).then_some(object)
    });
    found.collect::<Vec<_>>().into_iter()
}

/// Deletes an object all of whose owners are gone, or takes the gone ones off its list (`attemptToDeleteItem`).
fn collect(object: &Object, cache: &Cache) -> Plan {
    let meta = object.meta();
    let mut plan = Plan::nothing();
    let (mut solid, mut waiting, mut dangling) = (Vec::new(), Vec::new(), Vec::new());
    for reference in &meta.owner_references {
        let Some(of) = owner_ref(meta, reference, cache) else {
            solid.push(reference);
            continue;
        };
        match cache.object(&of).filter(|owner| *owner.uid() == reference.uid) {
            Some(owner) if has(owner.meta(), FOREGROUND) => waiting.push(reference),
            Some(_) => solid.push(reference),
            None => dangling.push((of, reference)),
        }
    }
    if dangling.is_empty() && waiting.is_empty() {
        return plan;
    }
    for (of, reference) in &dangling {
        plan.then(ApiCall::only_if_absent(of, &reference.uid));
    }
    if !solid.is_empty() {
        let gone = |reference: &OwnerReference| solid.iter().all(|kept| kept.uid != reference.uid);
        plan.then(ApiCall::unless_gone(owner::without_owners(object.kind(), meta, gone)));
        return plan;
    }
    let policy = match (waiting.is_empty(), meta) {
        (false, _) => "Foreground",
        (true, meta) if meta.finalizers.iter().any(|f| f == ORPHAN) => "Orphan",
        (true, meta) if meta.finalizers.iter().any(|f| f == FOREGROUND) => "Foreground",
        _ => "Background",
    };
    plan.then(delete(object, if waiting.is_empty() || has_dependents(object, cache) { policy } else { "Background" }));
    plan
}

fn has_dependents(object: &Object, cache: &Cache) -> bool {
    cache.find(Index::Owner, &object.uid().0).next().is_some()
}

fn delete(object: &Object, policy: &str) -> ApiCall {
    let meta = object.meta();
    let mut request = Request::delete(object.kind(), &meta.namespace, &meta.name);
    request.options.propagation_policy = policy.into();
    request.options.precondition_uid = Some(meta.uid.clone());
    ApiCall::unless_gone(request)
}

/// An owner waits until the dependents that block it are gone (`processDeletingDependentsItem`).
fn delete_dependents(object: &Object, cache: &Cache) -> Plan {
    let blocks = |dependent: &&Object| {
        let references = &dependent.meta().owner_references;
        references.iter().any(|r| r.uid == *object.uid() && r.block_owner_deletion)
    };
    let blocking: Vec<&Object> = cache.find(Index::Owner, &object.uid().0).filter(blocks).collect();
    let mut plan = Plan::nothing();
    if blocking.is_empty() {
        plan.then(without_finalizer(object, FOREGROUND));
        return plan;
    }
    let alive = blocking.into_iter().filter(|dependent| dependent.meta().deletion_timestamp.is_none());
    // A dependent that another, living owner keeps only loses this owner.
    let call = |dependent: &Object| {
        let meta = dependent.meta();
        let kept = owners(meta, cache).any(|owner| owner.uid() != object.uid() && !has(owner.meta(), FOREGROUND));
        if kept {
            let gone = |reference: &OwnerReference| reference.uid == *object.uid();
            ApiCall::unless_gone(owner::without_owners(dependent.kind(), meta, gone))
        } else {
            delete(dependent, if has_dependents(dependent, cache) { "Foreground" } else { "Background" })
        }
    };
    plan.together(alive.map(call).collect());
    plan
}

/// An owner leaves its dependents behind (`orphanDependents`).
fn orphan_dependents(object: &Object, cache: &Cache) -> Plan {
    let mut plan = Plan::nothing();
    let gone = |reference: &OwnerReference| reference.uid == *object.uid();
    let release =
        |dependent: &Object| ApiCall::unless_gone(owner::without_owners(dependent.kind(), dependent.meta(), gone));
    plan.together(cache.find(Index::Owner, &object.uid().0).map(release).collect());
    plan.then(without_finalizer(object, ORPHAN));
    plan
}

fn without_finalizer(object: &Object, finalizer: &str) -> ApiCall {
    let meta = object.meta();
    let left: Vec<&String> = meta.finalizers.iter().filter(|known| *known != finalizer).collect();
    let patch = json!({"metadata": {"finalizers": left, "resourceVersion": meta.resource_version}});
    ApiCall::unless_gone(owner::patch_of(object.kind(), meta, PatchType::Merge, patch))
}
