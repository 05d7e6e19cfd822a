//! What a deletion does: grace, finalizers, propagation. Models `rest/delete.go` and `Delete` of
//! `k8s.io/apiserver/pkg/registry/generic/registry/store.go`, and `pkg/registry/core/{pod,namespace}`.

use crate::api::validate::priority_class::SYSTEM;
use crate::api::{Kind, Object, Request, ResourceVersion, Status, Timestamp, Verb};
use crate::control::apiserver::call::{Reply, Step};
use crate::control::apiserver::change::Plan;
use crate::control::apiserver::definition;

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";
/// Namespaces that stay.
const LASTING: [&str; 3] = ["default", "kube-system", "kube-public"];

/// What a deletion does to an object.
///
/// # Errors
/// A precondition that does not hold, or a namespace that stays.
pub fn plan(request: &Request, current: &Object, now: Timestamp) -> Result<Plan, Status> {
    preconditions(request, current)?;
    if let Object::Namespace(namespace) = current {
        if LASTING.contains(&namespace.metadata.name.as_str()) {
            return Err(Status::forbidden(Kind::Namespace, &request.name, "this namespace may not be deleted"));
        }
        if let Some(plan) = plan_namespace(request, namespace, now) {
            return Ok(plan);
        }
    }
    if let Object::CustomResourceDefinition(found) = current
        && found.metadata.deletion_timestamp.is_none()
    {
        let object = definition::marked(found, now).into();
        return Ok(Plan::Commit(Step::Replace { object, then_delete: false }));
    }
    if current.kind() == Kind::PriorityClass && SYSTEM.iter().any(|(name, _, _)| *name == current.meta().name) {
        let why = "this is a system priority class and cannot be deleted";
        return Err(Status::forbidden(Kind::PriorityClass, &request.name, why));
    }
    let mut object = current.clone();
    let graceful = grace(request, &mut object, now);
    let finalizers = finalizers_after(request, &object);
    let changed = finalizers != object.meta().finalizers;
    if changed {
        object.meta_mut().finalizers = finalizers;
    }
    let pending = !object.meta().finalizers.is_empty();
    match graceful {
        Grace::Already => Ok(Plan::Answer(Reply::Object(object))),
        Grace::Now if pending => {
            mark(&mut object, 0, now);
            Ok(settle(object, current, false))
        }
        Grace::Now => Ok(Plan::Commit(Step::Delete(object))),
        Grace::Period(seconds) => Ok(settle(object, current, seconds == 0 && !pending)),
    }
}

fn settle(object: Object, current: &Object, then_delete: bool) -> Plan {
    if object == *current && !then_delete {
        return Plan::Answer(Reply::Object(object));
    }
    Plan::Commit(Step::Replace { object, then_delete })
}

/// The deletion that an eviction is.
pub fn of_eviction(request: &Request) -> Request {
    let mut delete = request.clone();
    delete.verb = Verb::Delete;
    delete.subresource = None;
    if let crate::api::Body::Value(body) = &request.body {
        delete.options.grace_period_seconds = body["deleteOptions"]["gracePeriodSeconds"].as_i64();
    }
    delete
}

/// Whether an update ends a deletion that was waiting: it takes the last finalizer away.
pub fn done_by_update(new: &Object, old: &Object) -> bool {
    let meta = new.meta();
    let grace = old.meta().deletion_grace_period_seconds.unwrap_or(0);
    let settled = match new {
        Object::Namespace(namespace) => namespace.spec.finalizers.is_empty(),
        _ => true,
    };
    settled && meta.finalizers.is_empty() && old.meta().deletion_timestamp.is_some() && grace == 0
}

fn preconditions(request: &Request, current: &Object) -> Result<(), Status> {
    let meta = current.meta();
    if let Some(uid) = &request.options.precondition_uid
        && *uid != meta.uid
    {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", meta.uid);
        return Err(Status::conflict(request.kind, &request.name, &why));
    }
    if let Some(version) = request.options.precondition_version
        && Some(version) != meta.resource_version
    {
        let stored = meta.resource_version.unwrap_or(ResourceVersion(0));
        let why = format!(
            "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {stored}"
        );
        return Err(Status::conflict(request.kind, &request.name, &why));
    }
    Ok(())
}

/// The first deletion of a namespace only marks it; its controller empties it.
fn plan_namespace(request: &Request, namespace: &crate::api::Namespace, now: Timestamp) -> Option<Plan> {
    if namespace.metadata.deletion_timestamp.is_none() {
        let mut new = namespace.clone();
        new.metadata.deletion_timestamp = Some(now);
        new.metadata.finalizers = finalizers_after(request, &Object::from(namespace.clone()));
        new.status.phase = "Terminating".into();
        let object = Object::from(new);
        return Some(Plan::Commit(Step::Replace { object, then_delete: false }));
    }
    let waiting = !namespace.spec.finalizers.is_empty();
    waiting.then(|| Plan::Answer(Reply::Object(Object::from(namespace.clone()))))
}

/// How long an object still has.
enum Grace {
    /// It goes at once.
    Now,
    /// It was marked to go after so many seconds.
    Period(i64),
    /// It was marked before, to go as soon or sooner.
    Already,
}

/// Marks an object that goes gracefully (only pods do).
fn grace(request: &Request, object: &mut Object, now: Timestamp) -> Grace {
    let asked = request.options.grace_period_seconds;
    let meta = object.meta();
    if let Some(due) = meta.deletion_timestamp {
        let has = meta.deletion_grace_period_seconds.unwrap_or(0);
        if has == 0 {
            return Grace::Now;
        }
        let asked = asked.map(|s| if s < 0 { 1 } else { s });
        return match asked {
            Some(period) if period < has => {
                let meta = object.meta_mut();
                meta.deletion_timestamp = Some(Timestamp(due.0 - has + period));
                meta.deletion_grace_period_seconds = Some(period);
                Grace::Period(period)
            }
            _ => Grace::Already,
        };
    }
    let Object::Pod(pod) = &*object else { return Grace::Now };
    let mut period = asked.unwrap_or(pod.spec.termination_grace_period_seconds);
    if period < 0 {
        period = 1;
    }
    if pod.spec.node_name.is_empty() || matches!(pod.status.phase.as_str(), "Failed" | "Succeeded") {
        period = 0;
    }
    mark(object, period, now);
    Grace::Period(period)
}

fn mark(object: &mut Object, seconds: i64, now: Timestamp) {
    if object.meta().deletion_timestamp.is_some() {
        return;
    }
    let meta = object.meta_mut();
    meta.deletion_timestamp = Some(Timestamp(now.0 + seconds));
    meta.deletion_grace_period_seconds = Some(seconds);
    if meta.generation > 0 {
        meta.generation += 1;
    }
}

/// The finalizers after the propagation policy has had its say.
fn finalizers_after(request: &Request, object: &Object) -> Vec<String> {
    let has = &object.meta().finalizers;
    if object.kind() == Kind::Event {
        return has.clone();
    }
    let had = |name: &str| has.iter().any(|f| f == name);
    let (orphan, foreground) = match &*request.options.propagation_policy {
        "Orphan" => (true, false),
        "Foreground" => (false, true),
        "Background" => (false, false),
        _ => (had(ORPHAN), had(FOREGROUND)),
    };
    let mut after: Vec<String> = has.iter().filter(|f| *f != ORPHAN && *f != FOREGROUND).cloned().collect();
    if orphan {
        after.push(ORPHAN.into());
    }
    if foreground {
        after.push(FOREGROUND.into());
    }
    after
}
