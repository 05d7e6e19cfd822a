//! What a pod's class of runtimes adds to it: overhead, nodes, tolerations. Models `plugin/pkg/admission/runtimeclass`.

use std::sync::Arc;

use serde_json::Value;

use crate::api::{Kind, Object, Pod, Quantity, RuntimeClass, Status, Toleration};
use crate::control::apiserver::registry::Env;
use crate::sim::VecMap;

type Amounts = VecMap<String, Quantity>;

/// A new pod.
///
/// # Errors
/// There is no such class, or the pod says something else than its class.
pub fn pod(pod: &mut Pod, env: &Env<'_>) -> Result<(), Status> {
    let forbidden = |why: &str| Status::forbidden(Kind::Pod, super::name_of(&pod.metadata), why);
    let name = pod.spec.rest.get("runtimeClassName").and_then(Value::as_str);
    let class = match name {
        None => None,
        Some(name) => {
            let missing = || forbidden(&format!("pod rejected: RuntimeClass {name:?} not found"));
            Some(find(name, env).ok_or_else(missing)?)
        }
    };
    let said = pod.spec.rest.get("overhead").map(amounts).filter(|amounts| !amounts.is_empty());
    let fixed = class.and_then(|class| class.rest.get("overhead")).map(|overhead| overhead["podFixed"].clone());
    match (&said, &fixed) {
        (Some(_), None) => {
            let why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
            return Err(forbidden(why));
        }
        (Some(said), Some(fixed)) if *said != amounts(fixed) => {
            let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
            return Err(forbidden(why));
        }
        _ => {}
    }
    let scheduling = class.and_then(|class| class.rest.get("scheduling")).cloned().unwrap_or_default();
    let selector = scheduling["nodeSelector"].as_object().cloned().unwrap_or_default();
    for (key, wanted) in &selector {
        let wanted = wanted.as_str().unwrap_or("");
        if let Some(had) = pod.spec.node_selector.get(key).filter(|had| *had != wanted) {
            return Err(forbidden(&format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {wanted}; pod.spec.nodeSelector[{key}] = {had}"
            )));
        }
    }
    let tolerations: Vec<Toleration> = serde_json::from_value(scheduling["tolerations"].clone()).unwrap_or_default();
    let spec = Arc::make_mut(&mut pod.spec);
    if let Some(fixed) = fixed {
        spec.rest.insert("overhead".into(), fixed);
    }
    for (key, value) in selector {
        spec.node_selector.insert(key, value.as_str().unwrap_or("").into());
    }
    for one in tolerations {
        if !spec.tolerations.contains(&one) {
            spec.tolerations.push(one);
        }
    }
    Ok(())
}

fn find<'a>(name: &str, env: &'a Env<'_>) -> Option<&'a RuntimeClass> {
    env.objects(Kind::RuntimeClass).find_map(|object| match object {
        Object::RuntimeClass(class) if class.metadata.name == name => Some(class.as_ref()),
        _ => None,
    })
}

fn amounts(value: &Value) -> Amounts {
    serde_json::from_value(value.clone()).unwrap_or_default()
}
