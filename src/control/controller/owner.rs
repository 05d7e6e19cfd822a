//! Owners: controller references, adoption and release.
//!
//! Models `pkg/controller/controller_ref_manager.go`. Adoption asks the API server, not the cache, whether the owner still
//! lives (`RecheckDeletionTimestamp`), because adopting for a deleted owner would lose the object to the garbage collector.

use serde_json::json;

use crate::api::{
    Body, Kind, KindOf, LabelSelector, ObjectMeta, ObjectRef, OwnerReference, PatchType, Request, Uid, Verb,
};
use crate::control::reconciler::{ApiCall, Plan};
use crate::control::{Cache, selector};

/// The reference by which `owner` controls what it makes (`metav1.NewControllerRef`).
pub fn controller_ref<K: KindOf>(owner: &K) -> OwnerReference {
    let info = K::KIND.info();
    OwnerReference {
        api_version: info.api_version(),
        kind: info.kind.to_owned(),
        name: owner.meta().name.clone(),
        uid: owner.meta().uid.clone(),
        controller: true,
        block_owner_deletion: true,
        ..OwnerReference::default()
    }
}

/// The controller of an object, if it is of that kind and the cache has it with that very uid.
pub fn controller_of<'a, K: KindOf>(meta: &ObjectMeta, cache: &'a Cache) -> Option<&'a std::sync::Arc<K>> {
    let owner = meta.controller().filter(|owner| owner.kind == K::KIND.info().kind)?;
    cache.get::<K>(&meta.namespace, &owner.name).filter(|found| found.meta().uid == owner.uid)
}

/// A reference to an object of a kind.
pub fn reference<K: KindOf>(object: &K) -> ObjectRef {
    let meta = object.meta();
    ObjectRef { kind: K::KIND, namespace: meta.namespace.as_str().into(), name: meta.name.as_str().into() }
}

/// What an owner may claim: its own objects whose labels it still selects, released ones and adopted ones.
#[derive(Debug)]
pub struct Claims<T> {
    /// Selected and owned.
    pub owned: Vec<T>,
    /// Owned, but not selected any more.
    pub released: Vec<T>,
    /// Selected, and nobody's.
    pub adoptable: Vec<T>,
}

/// Sorts an owner's objects and the orphans of its namespace (`ClaimObject`).
pub fn claim<'a, O: KindOf, T: KindOf + 'static>(
    owner: &O,
    select: &'a LabelSelector,
    cache: &'a Cache,
) -> Claims<&'a std::sync::Arc<T>> {
    let selected = |object: &T| selector::matches(select, &object.meta().labels);
    let (owned, released) = cache.controlled_by::<T>(&owner.meta().uid).partition(|object| selected(object));
    let adoptable = if owner.meta().deletion_timestamp.is_some() {
        Vec::new()
    } else {
        let alive = |object: &&std::sync::Arc<T>| object.meta().deletion_timestamp.is_none();
        cache.orphans::<T>(&owner.meta().namespace, select).filter(alive).collect()
    };
    let released: Vec<_> = released;
    let released = if owner.meta().deletion_timestamp.is_some() { Vec::new() } else { released };
    Claims { owned, released, adoptable }
}

/// The plan that adopts and releases; `None` if there is nothing to adopt or release.
pub fn claiming_plan<O: KindOf, T: KindOf>(owner: &O, claims: &Claims<&std::sync::Arc<T>>) -> Option<Plan> {
    if claims.released.is_empty() && claims.adoptable.is_empty() {
        return None;
    }
    let mut plan = Plan::nothing();
    let release = |object: &&std::sync::Arc<T>| release_call(T::KIND, object.meta(), &owner.meta().uid);
    plan.together(claims.released.iter().map(release).collect());
    if !claims.adoptable.is_empty() {
        plan.then(ApiCall::only_if_alive(&reference(owner), &owner.meta().uid));
        let reference = controller_ref(owner);
        plan.together(claims.adoptable.iter().map(|o| adopt_call(T::KIND, o.meta(), &reference)).collect());
    }
    Some(plan)
}

/// Makes an object the owner's.
fn adopt_call(kind: Kind, meta: &ObjectMeta, owner: &OwnerReference) -> ApiCall {
    let patch = json!({"metadata": {"ownerReferences": [owner], "uid": meta.uid}});
    ApiCall::unless_gone(patch_of(kind, meta, PatchType::Strategic, patch))
}

/// Takes an owner's reference off an object. The list is sent whole, because a merge needs no server-side directive.
fn release_call(kind: Kind, meta: &ObjectMeta, owner: &Uid) -> ApiCall {
    ApiCall::unless_gone(without_owners(kind, meta, |reference| reference.uid == *owner))
}

/// The patch that removes the owners that `gone` chooses, if the object has not changed meanwhile.
pub fn without_owners(kind: Kind, meta: &ObjectMeta, gone: impl Fn(&OwnerReference) -> bool) -> Request {
    let left: Vec<&OwnerReference> = meta.owner_references.iter().filter(|reference| !gone(reference)).collect();
    let patch = json!({"metadata": {
        "ownerReferences": left, "uid": meta.uid, "resourceVersion": meta.resource_version,
    }});
    patch_of(kind, meta, PatchType::Merge, patch)
}

/// A patch of an object.
pub fn patch_of(kind: Kind, meta: &ObjectMeta, r#type: PatchType, patch: serde_json::Value) -> Request {
    let mut request = Request::new(Verb::Patch(r#type), kind, &meta.namespace, &meta.name);
    request.body = Body::Value(patch.into());
    request
}
