//! The disruption controller: how many of the pods of a budget may go.
//!
//! Models `pkg/controller/disruption/disruption.go` and `k8s.io/component-helpers/apps/poddisruptionbudget`. It also takes
//! back what a pod was told of a disruption that never came.

use std::sync::Arc;

use crate::api::{
    Deployment, IntOrString, Kind, Object, ObjectRef, OwnerReference, Pod, PodDisruptionBudget, ReplicaSet,
    ReplicationController, Request, StatefulSet, Timestamp, Uid,
};
use crate::control::apiserver::charge::{self, concerns};
use crate::control::cache::{Cache, Change};
use crate::control::controller::deployment::limits::scaled;
use crate::control::controller::{Setup, pods};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};
use crate::sim::{Span, Time, VecMap};

/// How long an evicted pod may take to be seen as being deleted, in seconds.
const DELETION_TIMEOUT: i64 = 120;
/// How long a pod may say that it is a target of a disruption, in seconds.
const STALE_TIMEOUT: i64 = 120;
const TARGET: &str = "DisruptionTarget";

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DisruptionController;

impl DisruptionController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        DisruptionController
    }
}

impl Reconciler for DisruptionController {
    const NAME: &'static str = "disruption-controller";
    const SOURCE: &'static str = "controllermanager";
    const WORKERS: u32 = 1;
    const WATCHES: &'static [Kind] = &[
        Kind::PodDisruptionBudget,
        Kind::Pod,
        Kind::ReplicationController,
        Kind::ReplicaSet,
        Kind::Deployment,
        Kind::StatefulSet,
    ];

    fn observe(&mut self, change: &Change, cache: &Cache, _: Time) -> Vec<Note> {
        let Some(pod) = change.new_as::<Pod>() else { return Vec::new() };
        let mut budgets = budgets_of(pod, cache);
        let (Some(first), Some(_)) = (budgets.next(), budgets.next()) else { return Vec::new() };
        let meta = &pod.metadata;
        let words = format!(
            "Pod {:?}/{:?} matches multiple PodDisruptionBudgets.  Chose {:?} arbitrarily.",
            meta.namespace, meta.name, first.metadata.name
        );
        vec![Note::warning(about(Object::Pod(Arc::clone(pod))), "MultiplePodDisruptionBudgets", words)]
    }

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        if change.kind() == Kind::PodDisruptionBudget {
            return vec![change.new.reference()];
        }
        let Some(pod) = change.new_as::<Pod>() else { return Vec::new() };
        let budget = budgets_of(pod, cache).next().map(|budget| ObjectRef {
            kind: Kind::PodDisruptionBudget,
            namespace: budget.metadata.namespace.as_str().into(),
            name: budget.metadata.name.as_str().into(),
        });
        let stale = (!change.deleted() && target_since(pod).is_some()).then(|| change.new.reference());
        budget.into_iter().chain(stale).collect()
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        if key.kind == Kind::Pod {
            return Ok(cx.cache.get_ref::<Pod>(key).map_or_else(Plan::nothing, |pod| take_back(pod, cx)));
        }
        let Some(budget) = cx.cache.get_ref::<PodDisruptionBudget>(key) else { return Ok(Plan::nothing()) };
        Ok(sync(budget, cx))
    }
}

fn budgets_of<'a>(pod: &'a Pod, cache: &'a Cache) -> impl Iterator<Item = &'a Arc<PodDisruptionBudget>> {
    let labelled = !pod.metadata.labels.is_empty();
    cache
        .in_namespace::<PodDisruptionBudget>(&pod.metadata.namespace)
        .filter(move |budget| labelled && concerns(budget, pod))
}

/// Since when a pod that goes on living says that it is a target.
fn target_since(pod: &Pod) -> Option<Timestamp> {
    let alive = pod.metadata.deletion_timestamp.is_none() && !pods::is_terminal(pod);
    let condition = pod.status.conditions.iter().find(|c| c.r#type == TARGET && c.status == "True");
    condition.filter(|_| alive).and_then(|c| c.last_transition_time)
}

/// Takes back that a pod is a target, when it was told so long ago.
fn take_back(pod: &Arc<Pod>, cx: &Context<'_>) -> Plan {
    let mut plan = Plan::nothing();
    let Some(since) = target_since(pod) else { return plan };
    let left = since.0 + STALE_TIMEOUT - cx.timestamp().0;
    if left > 0 {
        plan.look_again(cx.now + Span::secs(left.unsigned_abs()));
        return plan;
    }
    let mut new = (**pod).clone();
    crate::control::apiserver::registry::pod::set_condition(&mut new, TARGET, "False", "", "", cx.timestamp());
    plan.then(ApiCall::unless_gone(Request::update_status(new)));
    plan
}

fn sync(budget: &Arc<PodDisruptionBudget>, cx: &Context<'_>) -> Plan {
    let mut plan = Plan::nothing();
    let space = &budget.metadata.namespace;
    let found: Vec<&Arc<Pod>> = cx.cache.in_namespace::<Pod>(space).filter(|pod| concerns(budget, pod)).collect();
    if found.is_empty() {
        plan.notes.push(Note::normal(
            about(Object::PodDisruptionBudget(Arc::clone(budget))),
            "NoPods",
            "No matching pods found",
        ));
    }
    let mut new = (**budget).clone();
    match expected(budget, &found, cx.cache) {
        Ok((expected, desired, unmanaged)) => {
            if unmanaged {
                plan.notes.push(Note::warning(
                    about(Object::PodDisruptionBudget(Arc::clone(budget))),
                    "UnmanagedPods",
                    unmanaged_words(budget),
                ));
            }
            let disrupted = disrupted(budget, &found, cx, &mut plan);
            tell(&mut new, &found, expected, desired, disrupted, cx.timestamp());
        }
        Err(why) => {
            let words = format!("Failed to calculate the number of expected pods: {why}");
            let note = Note::warning(
                about(Object::PodDisruptionBudget(Arc::clone(budget))),
                "CalculateExpectedPodCountFailed",
                words,
            );
            plan.notes.push(note);
            new.status.disruptions_allowed = 0;
            charge::set_condition(&mut new, "False", "SyncFailed", &why, cx.timestamp());
        }
    }
    if new != **budget {
        plan.then(ApiCall::unless_gone(Request::update_status(new)));
    }
    plan
}

/// The status of a budget (`updatePdbStatus`).
fn tell(
    budget: &mut PodDisruptionBudget,
    found: &[&Arc<Pod>],
    expected: i32,
    desired: i32,
    disrupted: VecMap<String, Timestamp>,
    now: Timestamp,
) {
    let due = |pod: &Pod| disrupted.get(&pod.metadata.name).is_some_and(|at| at.0 + DELETION_TIMEOUT > now.0);
    let healthy = |pod: &&&Arc<Pod>| pod.metadata.deletion_timestamp.is_none() && !due(pod) && pods::is_ready(pod);
    let current = i32::try_from(found.iter().filter(healthy).count()).unwrap_or(i32::MAX);
    let allowed = if expected <= 0 { 0 } else { (current - desired).max(0) };
    let status = &mut budget.status;
    status.current_healthy = current;
    status.desired_healthy = desired;
    status.expected_pods = expected;
    status.disruptions_allowed = allowed;
    status.disrupted_pods = disrupted;
    status.observed_generation = budget.metadata.generation;
    charge::set_allowed(budget, now);
}

/// The evictions that are still to be seen (`buildDisruptedPodMap`); looks again when one of them is late.
fn disrupted(
    budget: &PodDisruptionBudget,
    found: &[&Arc<Pod>],
    cx: &Context<'_>,
    plan: &mut Plan,
) -> VecMap<String, Timestamp> {
    let mut left = VecMap::new();
    for pod in found.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        let Some(since) = budget.status.disrupted_pods.get(&pod.metadata.name) else { continue };
        let wait = since.0 + DELETION_TIMEOUT - cx.timestamp().0;
        if wait < 0 {
            let space = &budget.metadata.namespace;
            let words = format!("Pod was expected by PDB {space}/{space} to be deleted but it wasn't");
            plan.notes.push(Note::warning(about(Object::Pod(Arc::clone(pod))), "NotDeleted", words));
        } else {
            plan.look_again(cx.now + Span::secs(wait.unsigned_abs() + 1));
            left.insert(pod.metadata.name.clone(), *since);
        }
    }
    left
}

/// How many pods there should be, how many of them healthy, and whether some have no controller (`getExpectedPodCount`).
fn expected(budget: &PodDisruptionBudget, found: &[&Arc<Pod>], cache: &Cache) -> Result<(i32, i32, bool), String> {
    let share = |value: &IntOrString, of: i32| scaled(value, of, true).ok_or_else(|| bad_percent(value));
    if let Some(most) = &budget.spec.max_unavailable {
        let (scale, unmanaged) = scale(found, cache)?;
        return Ok((scale, (scale - share(most, scale)?).max(0), unmanaged));
    }
    match &budget.spec.min_available {
        Some(IntOrString::Int(least)) => Ok((i32::try_from(found.len()).unwrap_or(i32::MAX), *least, false)),
        Some(least) => {
            let (scale, unmanaged) = scale(found, cache)?;
            Ok((scale, share(least, scale)?, unmanaged))
        }
        None => Ok((0, 0, false)),
    }
}

fn bad_percent(value: &IntOrString) -> String {
    format!("invalid value for IntOrString: invalid type: string is not a percentage: {value}")
}

/// The replicas that all controllers of the pods want together, and whether some pods have none (`getExpectedScale`).
fn scale(found: &[&Arc<Pod>], cache: &Cache) -> Result<(i32, bool), String> {
    let mut scales: VecMap<Uid, i32> = VecMap::new();
    let mut unmanaged = false;
    for pod in found {
        let Some(owner) = pod.metadata.owner_references.iter().find(|owner| owner.controller) else {
            unmanaged = true;
            continue;
        };
        if scales.contains_key(&owner.uid) {
            continue;
        }
        let (uid, replicas) = scale_of(owner, &pod.metadata.namespace, cache)?
            .ok_or_else(|| format!("found no controllers for pod {:?}", pod.metadata.name))?;
        scales.insert(uid, replicas);
    }
    Ok((scales.values().sum(), unmanaged))
}

/// Who wants the pods of an owner, and how many.
fn scale_of(owner: &OwnerReference, space: &str, cache: &Cache) -> Result<Option<(Uid, i32)>, String> {
    let same = |uid: &Uid| *uid == owner.uid;
    match owner.kind.as_str() {
        "ReplicationController" => {
            let found = cache.get::<ReplicationController>(space, &owner.name).filter(|rc| same(&rc.metadata.uid));
            Ok(found.map(|rc| (rc.metadata.uid.clone(), rc.spec.replicas)))
        }
        "StatefulSet" => {
            let found = cache.get::<StatefulSet>(space, &owner.name).filter(|set| same(&set.metadata.uid));
            Ok(found.map(|set| (set.metadata.uid.clone(), set.spec.replicas)))
        }
        "ReplicaSet" => {
            let Some(set) = cache.get::<ReplicaSet>(space, &owner.name).filter(|set| same(&set.metadata.uid)) else {
                return Ok(None);
            };
            let above = set.metadata.owner_references.iter().find(|o| o.controller && o.kind == "Deployment");
            let Some(above) = above else { return Ok(Some((set.metadata.uid.clone(), set.spec.replicas))) };
            let deployment = cache.get::<Deployment>(space, &above.name).filter(|d| d.metadata.uid == above.uid);
            Ok(deployment.map(|d| (d.metadata.uid.clone(), d.spec.replicas)))
        }
        kind => {
            let plural = crate::api::Kind::ALL.iter().map(|k| k.info()).find(|info| info.kind == kind);
            let name = plural.map_or_else(|| kind.to_lowercase(), |info| info.group_resource());
            Err(format!("{name} does not implement the scale subresource"))
        }
    }
}

fn unmanaged_words(budget: &PodDisruptionBudget) -> String {
    let selector = budget.spec.selector.clone().unwrap_or_default();
    let labels: String = selector.match_labels.iter().map(|(key, value)| format!("{key}: {value},")).collect();
    let labels =
        if labels.is_empty() { "map[string]string{}".into() } else { format!("map[string]string{{{labels}}}") };
    let expressions: String = selector
        .match_expressions
        .iter()
        .map(|e| format!("{{{} {} [{}]}},", e.key, e.operator, e.values.join(" ")))
        .collect();
    format!(
        "Pods selected by this PodDisruptionBudget (selector: &LabelSelector{{MatchLabels:{labels},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value."
    )
}
