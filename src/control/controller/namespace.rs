//! The namespace controller: empties a namespace that is being deleted, then lets it go.
//!
//! Models `pkg/controller/namespace/namespace_controller.go` and `deletion/namespaced_resources_deleter.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Kind, Namespace, ObjectRef, Pod, Request, Subresource, Verb};
use crate::control::cache::{Cache, Change};
use crate::control::controller::Setup;
use crate::control::custom;
use crate::control::reconciler::{ALL_BUT_EVENTS, ApiCall, Context, Plan, ReconcileError, Reconciler};
use crate::sim::Span;

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
    if let Some(status) = with_conditions(namespace, left, cx) {
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

/// The conditions that tell what is left (`namespaceConditionUpdater`); `None` if they tell so already.
fn with_conditions(namespace: &Arc<Namespace>, left: &[(Kind, usize)], cx: &Context<'_>) -> Option<Namespace> {
    let mut remaining: Vec<String> = left
        .iter()
        .map(|(kind, count)| {
            let info = kind.info();
            let dotted = if info.group.is_empty() { format!("{}.", info.plural) } else { info.group_resource() };
            format!("{dotted} has {count} resource instances")
        })
        .collect();
    remaining.sort_unstable();
    let content = format!("Some resources are remaining: {}", remaining.join(", "));
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
        ("NamespaceContentRemaining", "True", "SomeResourcesRemain", content.as_str()),
        (
            "NamespaceFinalizersRemaining",
            "False",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
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
