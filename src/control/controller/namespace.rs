//! The namespace controller: empties a namespace that is being deleted, then lets it go.
//!
//! Models `pkg/controller/namespace/namespace_controller.go` and `deletion/namespaced_resources_deleter.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Kind, Namespace, Object, ObjectRef, Pod, Request, Subresource, Verb};
use crate::control::cache::{Cache, Change};
use crate::control::controller::Setup;
use crate::control::custom;
use crate::control::reconciler::{ALL_BUT_EVENTS, ApiCall, Context, Plan, ReconcileError, Reconciler};
use crate::sim::{Span, VecMap};

const FINALIZER: &str = "kubernetes";

/// The namespace controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamespaceController;

impl NamespaceController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        NamespaceController
    }
}

impl Reconciler for NamespaceController {
    const NAME: &'static str = "namespace-controller";
    const WORKERS: u32 = 10;
    const WATCHES: &'static [Kind] = ALL_BUT_EVENTS;

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        let dying = change.new_as::<Namespace>().is_some_and(|ns| ns.metadata.deletion_timestamp.is_some());
        if dying && !change.deleted() { vec![change.new.reference()] } else { Vec::new() }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(namespace) = cx.cache.get_ref::<Namespace>(key) else { return Ok(Plan::nothing()) };
        let ours = namespace.spec.finalizers.iter().any(|finalizer| finalizer == FINALIZER);
        if namespace.metadata.deletion_timestamp.is_none() || !ours {
            return Ok(Plan::nothing());
        }
        let left: Vec<(Kind, usize)> = ALL_BUT_EVENTS
            .iter()
            .chain(&custom::kinds(cx.cache))
            .filter(|kind| kind.info().namespaced)
            .map(|kind| (*kind, cx.cache.objects_in(*kind, &key.name).count()))
            .filter(|(_, count)| *count > 0)
            .collect();
        Ok(if left.is_empty() { let_go(namespace) } else { empty(namespace, &left, cx) })
    }
}

/// Deletes everything in it and looks again when that should be done.
fn empty(namespace: &Arc<Namespace>, left: &[(Kind, usize)], cx: &Context<'_>) -> Plan {
    let name = &namespace.metadata.name;
    let mut plan = Plan::nothing();
    let delete = |(kind, _): &(Kind, usize)| ApiCall::new(Request::new(Verb::DeleteCollection, *kind, name, ""));
    plan.together(left.iter().map(delete).collect());
    if let Some(status) = with_conditions(namespace, &Remains::of(left, name, cx), cx) {
        plan.then(ApiCall::unless_gone(Request::update_status(status)));
    }
    let grace = |pod: &Arc<Pod>| {
        pod.metadata.deletion_grace_period_seconds.unwrap_or(pod.spec.termination_grace_period_seconds)
    };
    let longest = cx.cache.in_namespace::<Pod>(name).map(grace).max().unwrap_or(0);
    let wait = u64::try_from(longest).unwrap_or(0) / 2 + 1;
    plan.look_again(cx.now + Span::secs(if longest > 0 { wait } else { 1 }));
    plan
}

/// Removes our finalizer; the API server then removes the namespace.
fn let_go(namespace: &Arc<Namespace>) -> Plan {
    let mut finalized = namespace.as_ref().clone();
    finalized.spec.finalizers.retain(|finalizer| finalizer != FINALIZER);
    let mut request = Request::update(finalized);
    request.subresource = Some(Subresource::Finalize);
    let mut plan = Plan::nothing();
    // Events come as long as something happens, and are not in the cache: they go last.
    plan.then(ApiCall::new(Request::new(Verb::DeleteCollection, Kind::Event, &namespace.metadata.name, "")));
    plan.then(ApiCall::unless_gone(request));
    plan
}

/// What a deletion leaves for a while: how many objects of each resource, and how many wait for each finalizer.
#[derive(Default)]
struct Remains {
    resources: VecMap<String, u32>,
    finalizers: VecMap<String, u32>,
}

impl Remains {
    fn of(left: &[(Kind, usize)], namespace: &str, cx: &Context<'_>) -> Remains {
        let mut remains = Remains::default();
        for (kind, _) in left {
            for object in cx.cache.objects_in(*kind, namespace).filter(|object| outlives_deletion(object)) {
                let info = kind.info();
                let dotted = if info.group.is_empty() { format!("{}.", info.plural) } else { info.group_resource() };
                *remains.resources.entry(dotted).or_default() += 1;
                for finalizer in &object.meta().finalizers {
                    *remains.finalizers.entry(finalizer.clone()).or_default() += 1;
                }
            }
        }
        remains
    }

    /// `Some resources are remaining: configmaps. has 1 resource instances`, and its reason.
    fn content(&self) -> (&'static str, &'static str, String) {
        if self.resources.is_empty() {
            return ("False", "ContentRemoved", "All content successfully removed".into());
        }
        let each = self.resources.iter().map(|(name, count)| format!("{name} has {count} resource instances"));
        let each: Vec<String> = each.collect();
        ("True", "SomeResourcesRemain", format!("Some resources are remaining: {}", each.join(", ")))
    }

    /// `Some content in the namespace has finalizers remaining: … in 1 resource instances`, and its reason.
    fn held(&self) -> (&'static str, &'static str, String) {
        if self.finalizers.is_empty() {
            return ("False", "ContentHasNoFinalizers", "All content-preserving finalizers finished".into());
        }
        let each = self.finalizers.iter().map(|(name, count)| format!("{name} in {count} resource instances"));
        let each: Vec<String> = each.collect();
        let words = format!("Some content in the namespace has finalizers remaining: {}", each.join(", "));
        ("True", "SomeFinalizersRemain", words)
    }
}

/// Whether an object is still there right after its deletion.
fn outlives_deletion(object: &Object) -> bool {
    let runs = matches!(object, Object::Pod(pod) if !pod.spec.node_name.is_empty());
    runs || !object.meta().finalizers.is_empty()
}

/// The conditions that tell what is left (`namespaceConditionUpdater`); `None` if they tell so already.
fn with_conditions(namespace: &Arc<Namespace>, remains: &Remains, cx: &Context<'_>) -> Option<Namespace> {
    let (content, held) = (remains.content(), remains.held());
    let told = [
        ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        ("NamespaceContentRemaining", content.0, content.1, content.2.as_str()),
        ("NamespaceFinalizersRemaining", held.0, held.1, held.2.as_str()),
    ];
    let known = namespace.status.rest.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    let now = cx.timestamp().to_string();
    let conditions: Vec<Value> = told
        .iter()
        .map(|(r#type, status, reason, message)| {
            let before = known.iter().find(|c| c["type"] == **r#type && c["status"] == **status);
            let since = before.map_or(json!(now), |c| c["lastTransitionTime"].clone());
            json!({"type": r#type, "status": status, "lastTransitionTime": since, "reason": reason, "message": message})
        })
        .collect();
    if conditions == known {
        return None;
    }
    let mut updated = namespace.as_ref().clone();
    updated.status.rest.insert("conditions".into(), Value::Array(conditions));
    Some(updated)
}
