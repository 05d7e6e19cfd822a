//! What a request costs before it is done: an eviction costs its budget one disruption, an object costs quotas
//! what it uses.
//!
//! Models `pkg/registry/core/pod/storage/eviction.go`. The charge is a request of its own, whose answer the call waits for:
//! what it costs is worked out on what etcd has, so two evictions never share one allowance.

use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Body, Charge, Condition, Kind, Object, Pod, PodDisruptionBudget, Request, ResourceQuota, Status, Subresource,
    Timestamp, Verb,
};
use crate::control::apiserver::call::{CallNo, Door, Reply, State, Step};
use crate::control::apiserver::change::Plan;
use crate::control::apiserver::{ApiServer, Effect, registry, removal};
use crate::control::{quota, selector};
use crate::sim::{Out, Time};

const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
const TOO_MANY: &str =
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
/// So many evictions may wait for the disruption controller to see them.
const MOST_DISRUPTED: usize = 2_000;

/// The condition that says whether a budget allows disruptions.
pub const ALLOWED: &str = "DisruptionAllowed";

impl ApiServer {
    /// Makes a charge, and goes on with the call when it is made.
    pub(super) fn charge(&mut self, no: CallNo, request: Request, now: Time, out: &mut Out<Effect>) {
        self.set_state(no, State::Charge);
        let call = self.call(no);
        let (client, id, agent) = (call.client, call.id, Arc::clone(&call.agent));
        self.begin(client, id, agent, Door::Part(no), request, now, out);
    }

    /// A charge is answered: the call goes on, or fails as it did. Who charges nobody any more is not in the way.
    pub(super) fn charged(&mut self, no: CallNo, reply: Reply, now: Time, out: &mut Out<Effect>) {
        if let Reply::Failure(status) = &reply
            && status.code != 404
        {
            return self.answer(no, reply, now, out);
        }
        let call = self.calls.get_mut(&no).expect("a call under way is known");
        call.charges += 1;
        let (whole, key, kind) = (call.request.subresource.is_none(), call.key(), call.request.kind);
        let creates = whole && call.request.verb == Verb::Create;
        match self.cache(kind).get(&key).cloned() {
            Some(object) if !creates => self.try_write(no, Some(object), true, now, out),
            _ if whole => self.try_write(no, None, false, now, out),
            _ => self.answer(no, Status::not_found(kind, key.rsplit('/').next().unwrap_or("")).into(), now, out),
        }
    }

    /// An eviction: the charge to its budget first, if it has one, then the deletion.
    pub(super) fn plan_eviction(
        &self,
        no: CallNo,
        request: &Request,
        current: &Object,
        now: Timestamp,
    ) -> Result<Plan, Status> {
        let Object::Pod(pod) = current else { return Err(Status::no_such_resource()) };
        if self.call(no).charges == 0 && counts(pod) {
            let mut budgets = self.budgets_of(pod);
            let first = budgets.next();
            if budgets.next().is_some() {
                return Err(Status { code: 500, reason: String::new(), message: TOO_MANY.into(), details: None });
            }
            if let Some(budget) = first.filter(|budget| !spares(budget, pod)) {
                return Ok(Plan::First(charge_of(request, budget).into()));
            }
        }
        let mut marked = (**pod).clone();
        registry::pod::set_condition(
            &mut marked,
            "DisruptionTarget",
            "True",
            "EvictionByEvictionAPI",
            "Eviction API: evicting",
            now,
        );
        removal::plan(&removal::of_eviction(request), &marked.into(), now)
    }

    fn budgets_of(&self, pod: &Pod) -> impl Iterator<Item = &PodDisruptionBudget> {
        self.all_cached(Kind::PodDisruptionBudget).filter_map(|object| match object {
            Object::PodDisruptionBudget(budget) if concerns(budget, pod) => Some(budget.as_ref()),
            _ => None,
        })
    }
}

/// Whether a budget is about a pod.
pub fn concerns(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let chosen = budget.spec.selector.as_ref().is_some_and(|s| selector::matches(s, &pod.metadata.labels));
    chosen && budget.metadata.namespace == pod.metadata.namespace
}

/// Whether a pod is worth protecting (the opposite of `canIgnorePDB`).
fn counts(pod: &Pod) -> bool {
    let over = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed" | "Pending");
    !over && pod.metadata.deletion_timestamp.is_none()
}

/// Whether a budget lets a pod go for nothing because the pod does no work.
fn spares(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let ready = pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
    let status = &budget.status;
    let always = budget.spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow");
    !ready && (always || status.current_healthy >= status.desired_healthy && status.desired_healthy > 0)
}

fn charge_of(request: &Request, budget: &PodDisruptionBudget) -> Request {
    let meta = &budget.metadata;
    let mut charge = Request::new(Verb::Update, Kind::PodDisruptionBudget, &meta.namespace, &meta.name);
    charge.subresource = Some(Subresource::Status);
    charge.body = Body::Charge(Arc::new(Charge::Eviction { pod: Arc::clone(&request.name) }));
    charge.options.dry_run = request.options.dry_run;
    charge
}

/// What a charge does to who is charged.
///
/// # Errors
/// It cannot pay.
pub fn plan(charge: &Charge, current: &Object, now: Timestamp) -> Result<Plan, Status> {
    let object = match (charge, current) {
        (Charge::Eviction { pod }, Object::PodDisruptionBudget(budget)) => {
            let mut budget = (**budget).clone();
            evict(pod, &mut budget, now)?;
            budget.into()
        }
        (Charge::Usage { kind, name, usage }, Object::ResourceQuota(known)) => {
            let mut known = (**known).clone();
            quota::take(&mut known, usage).map_err(|why| Status::forbidden(*kind, name, &why))?;
            if known == **current.get::<ResourceQuota>().expect("the object is a quota") {
                return Ok(Plan::Answer(Reply::Object(current.clone())));
            }
            known.into()
        }
        _ => return Err(Status::no_such_resource()),
    };
    Ok(Plan::Commit(Step::Replace { object, then_delete: false }))
}

/// Takes one disruption from a budget (`checkAndDecrement`).
fn evict(pod: &str, budget: &mut PodDisruptionBudget, now: Timestamp) -> Result<(), Status> {
    let name = budget.metadata.name.clone();
    let forbidden = |why: &str| Err(Status::forbidden(Kind::PodDisruptionBudget, &name, why));
    let status = &mut budget.status;
    if status.observed_generation < budget.metadata.generation {
        return Err(refused(10, &format!("The disruption budget {name} is still being processed by the server.")));
    }
    if status.disruptions_allowed < 0 {
        return forbidden("pdb disruptions allowed is negative");
    }
    if status.disrupted_pods.len() > MOST_DISRUPTED {
        return forbidden("DisruptedPods map too big - too many evictions not confirmed by PDB controller");
    }
    if status.disruptions_allowed == 0 {
        let (wants, has) = (status.desired_healthy, status.current_healthy);
        let failed = status.conditions.iter().find(|c| c.r#type == ALLOWED && c.reason == "SyncFailed");
        let why = match failed {
            Some(condition) => format!(
                "The disruption budget {name} does not allow evicting pods currently because it failed sync: {}",
                condition.message
            ),
            None => format!("The disruption budget {name} needs {wants} healthy pods and has {has} currently"),
        };
        return Err(refused(0, &why));
    }
    status.disruptions_allowed -= 1;
    if status.disruptions_allowed == 0 {
        set_allowed(budget, now);
    }
    budget.status.disrupted_pods.insert(pod.to_owned(), now);
    Ok(())
}

/// Too many requests, and why; `retry` is in seconds.
fn refused(retry: u32, why: &str) -> Status {
    let mut details = json!({"causes": [{"reason": "DisruptionBudget", "message": why}]});
    if retry > 0 {
        details["retryAfterSeconds"] = json!(retry);
    }
    Status { code: 429, reason: "TooManyRequests".into(), message: REFUSED.into(), details: Some(details) }
}

/// Tells in the condition of a budget whether it allows disruptions (`UpdateDisruptionAllowedCondition`).
pub fn set_allowed(budget: &mut PodDisruptionBudget, now: Timestamp) {
    let (status, reason) = match budget.status.disruptions_allowed > 0 {
        true => ("True", "SufficientPods"),
        false => ("False", "InsufficientPods"),
    };
    set_condition(budget, status, reason, "", now);
}

/// Sets the condition of a budget; its time changes only if its status does.
pub fn set_condition(budget: &mut PodDisruptionBudget, status: &str, reason: &str, message: &str, now: Timestamp) {
    let observed_generation = budget.status.observed_generation;
    let conditions = &mut budget.status.conditions;
    let known = conditions.iter_mut().find(|c| c.r#type == ALLOWED);
    let since = known.as_ref().filter(|c| c.status == status).and_then(|c| c.last_transition_time);
    let condition = Condition {
        r#type: ALLOWED.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        observed_generation,
        last_transition_time: since.or(Some(now)),
        ..Condition::default()
    };
    match known {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
}
