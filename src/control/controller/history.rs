//! What a StatefulSet or DaemonSet once was: its ControllerRevisions.
//!
//! Models `pkg/controller/history/controller_history.go`, `newRevision` of `pkg/controller/statefulset/stateful_set_utils.go`
//! and `snapshot` of `pkg/controller/daemon/update.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{
    ControllerRevision, Kind, KindOf, LabelSelector, ObjectMeta, ObjectRef, PodTemplateSpec, Request, Uid,
};
use crate::control::cache::Change;
use crate::control::controller::deployment::hash;
use crate::control::controller::owner;
use crate::control::reconciler::{ApiCall, Plan};
use crate::control::{Cache, selector};
use crate::sim::VecSet;

/// The label of the hash on the revisions of StatefulSets.
pub const STATEFUL_HASH: &str = "controller.kubernetes.io/hash";
/// The label of the revision on pods, and of the hash on the revisions of DaemonSets.
pub const REVISION_LABEL: &str = "controller-revision-hash";

/// A revision was adopted: its new owner looks at its history again. Upstream goes on within the sync that adopted it.
pub fn affected_by_adoption<K: KindOf>(
    change: &Change,
    revision: &ControllerRevision,
    cache: &Cache,
) -> Vec<ObjectRef> {
    let references = &revision.metadata.owner_references;
    let adopted = change.old_as::<ControllerRevision>().is_some_and(|old| old.metadata.owner_references != *references);
    let by = owner::controller_of::<K>(&revision.metadata, cache).filter(|_| adopted);
    by.map(|set| owner::reference(&**set)).into_iter().collect()
}

/// Who has a history.
#[derive(Debug)]
pub struct Author<'a, K> {
    /// The owner.
    pub owner: &'a K,
    /// Its selector.
    pub selector: &'a LabelSelector,
    /// Its template as it is.
    pub template: &'a PodTemplateSpec,
    /// How many names were taken when revisions were named.
    pub collisions: Option<i32>,
    /// The label of the hash.
    pub hash_label: &'static str,
}

/// The history of an owner, with the revision of its template as it is.
#[derive(Debug)]
pub struct History {
    /// The revisions, oldest first, without one that is yet to be made.
    pub revisions: Vec<Arc<ControllerRevision>>,
    /// The revision of the template.
    pub update: Arc<ControllerRevision>,
    /// What is to be done so that it is there, with its number.
    pub call: Option<ApiCall>,
    /// How many names were taken.
    pub collisions: i32,
}

/// What a revision holds: a patch that brings the template back.
pub fn data_of(template: &PodTemplateSpec) -> Value {
    let mut value = serde_json::to_value(template).expect("API structs have JSON forms: their keys are texts");
    value["$patch"] = json!("replace");
    json!({"spec": {"template": value}})
}

/// The template that a revision holds.
pub fn template_of(revision: &ControllerRevision) -> Option<PodTemplateSpec> {
    let mut value = revision.data.as_ref()?.get("spec")?.get("template")?.clone();
    value.as_object_mut()?.remove("$patch");
    serde_json::from_value(value).ok()
}

impl<K: KindOf> Author<'_, K> {
    /// The revisions of an owner, oldest first.
    pub fn revisions(&self, cache: &Cache) -> Vec<Arc<ControllerRevision>> {
        let mut all: Vec<Arc<ControllerRevision>> =
            cache.controlled_by::<ControllerRevision>(&self.owner.meta().uid).cloned().collect();
        let order = |r: &Arc<ControllerRevision>| (r.revision, r.metadata.creation_timestamp, r.metadata.name.clone());
        all.sort_by_key(order);
        all
    }

    /// Adopts revisions that lost their owner; `None` if there are none.
    pub fn adoption(&self, cache: &Cache) -> Option<Plan> {
        let claims = owner::claim::<K, ControllerRevision>(self.owner, self.selector, cache);
        let claims = owner::Claims { released: Vec::new(), ..claims };
        owner::claiming_plan(self.owner, &claims)
    }

    /// The history, and what is to be done so that the template as it is has the highest number.
    pub fn sync(&self, cache: &Cache) -> History {
        let revisions = self.revisions(cache);
        let next = revisions.last().map_or(1, |last| last.revision + 1);
        let data = data_of(self.template);
        let equal = revisions.iter().rev().find(|known| known.data.as_ref() == Some(&data)).cloned();
        let mut collisions = self.collisions.unwrap_or(0);
        let (update, call) = match equal {
            Some(known) if revisions.last().is_some_and(|last| last.metadata.uid == known.metadata.uid) => {
                (known, None)
            }
            Some(known) => {
                let again = ControllerRevision { revision: next, ..known.as_ref().clone() };
                let call = ApiCall::new(Request::update(again.clone()));
                (Arc::new(again), Some(call))
            }
            None => {
                let mut new = self.new_revision(next, &data, collisions);
                while cache.get::<ControllerRevision>(&new.metadata.namespace, &new.metadata.name).is_some() {
                    collisions += 1;
                    new = self.new_revision(next, &data, collisions);
                }
                let call = ApiCall::new(Request::create(new.clone()));
                (Arc::new(new), Some(call))
            }
        };
        History { revisions, update, call, collisions }
    }

    fn new_revision(&self, number: i64, data: &Value, collisions: i32) -> ControllerRevision {
        let hash = hash::of(self.template, Some(collisions));
        let meta = self.owner.meta();
        let mut labels = self.template.metadata.labels.clone();
        labels.insert(self.hash_label.into(), hash.clone());
        ControllerRevision {
            metadata: ObjectMeta {
                name: format!("{}-{hash}", meta.name),
                namespace: meta.namespace.clone(),
                labels,
                annotations: meta.annotations.clone(),
                owner_references: vec![owner::controller_ref(self.owner)],
                ..ObjectMeta::default()
            },
            revision: number,
            data: Some(data.clone()),
            ..ControllerRevision::default()
        }
    }
}

impl History {
    /// Deletes the oldest revisions beyond a limit that nobody lives by (`truncateHistory`).
    pub fn truncate(&self, limit: i32, live: &VecSet<&str>) -> Vec<ApiCall> {
        let dead: Vec<&Arc<ControllerRevision>> = self
            .revisions
            .iter()
            .filter(|r| r.metadata.uid != self.update.metadata.uid && !live.contains(r.metadata.name.as_str()))
            .collect();
        let surplus = dead.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        let delete = |r: &&Arc<ControllerRevision>| {
            ApiCall::unless_gone(Request::delete(Kind::ControllerRevision, &r.metadata.namespace, &r.metadata.name))
        };
        dead.iter().take(surplus).map(delete).collect()
    }
}

/// Whether a revision belongs to an owner and its selector still chooses it.
pub fn belongs(revision: &ControllerRevision, owner: &Uid, of: &LabelSelector) -> bool {
    let owned = revision.metadata.controller().is_some_and(|controller| controller.uid == *owner);
    owned && selector::matches(of, &revision.metadata.labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_brings_its_template_back() {
        let mut template = PodTemplateSpec::default();
        template.metadata.labels.insert("app".into(), "web".into());
        let data = Some(data_of(&template));
        let revision = ControllerRevision { data, ..ControllerRevision::default() };
        assert_eq!(template_of(&revision), Some(template));
    }
}
