//! Priorities of pods by their class, and one default class at most. Models `plugin/pkg/admission/priority`.

use std::sync::Arc;

use crate::api::{Kind, Object, Pod, PriorityClass, Status};
use crate::control::apiserver::registry::Env;

/// What a pod does to others if neither it nor its class says.
const PREEMPT: &str = "PreemptLowerPriority";

/// Gives a new pod the priority of its class.
///
/// # Errors
/// There is no such class, or the pod says something else.
pub fn pod(pod: &mut Pod, env: &Env<'_>) -> Result<(), Status> {
    let forbidden = |why: String| Err(Status::forbidden(Kind::Pod, super::name_of(&pod.metadata), &why));
    let name = pod.spec.priority_class_name.as_str();
    let found = match name {
        "" => default(env),
        name => match classes(env).find(|class| class.metadata.name == name) {
            Some(class) => Some(class),
            None => return forbidden(format!("no PriorityClass with name {name} was found")),
        },
    };
    let value = found.map_or(0, |class| class.value);
    let policy = found.and_then(|class| class.preemption_policy.as_deref()).unwrap_or(PREEMPT).to_owned();
    if let Some(said) = pod.spec.priority.filter(|said| *said != value) {
        return forbidden(format!(
            "the integer value of priority ({said}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
        ));
    }
    if let Some(said) = pod.spec.preemption_policy.as_deref().filter(|said| **said != policy) {
        return forbidden(format!(
            "the string value of PreemptionPolicy ({said}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name"
        ));
    }
    let class = found.map(|class| class.metadata.name.clone()).unwrap_or_default();
    let spec = Arc::make_mut(&mut pod.spec);
    spec.priority_class_name = class;
    spec.priority = Some(value);
    spec.preemption_policy = Some(policy);
    Ok(())
}

/// A new or changed class: only one may be the default.
///
/// # Errors
/// Another one is.
pub fn class(class: &PriorityClass, is_new: bool, env: &Env<'_>) -> Result<(), Status> {
    let name = &class.metadata.name;
    let Some(other) = default(env).filter(|_| class.global_default) else { return Ok(()) };
    if !is_new && other.metadata.name == *name {
        return Ok(());
    }
    let why = format!("PriorityClass {} is already marked as default. Only one default can exist", other.metadata.name);
    Err(Status::forbidden(Kind::PriorityClass, name, &why))
}

fn classes<'a>(env: &'a Env<'_>) -> impl Iterator<Item = &'a PriorityClass> {
    env.objects(Kind::PriorityClass).filter_map(|object| match object {
        Object::PriorityClass(class) => Some(class.as_ref()),
        _ => None,
    })
}

/// The default class; the least of several.
fn default<'a>(env: &'a Env<'_>) -> Option<&'a PriorityClass> {
    classes(env).filter(|class| class.global_default).min_by_key(|class| class.value)
}
