//! Pods that are resized have room on their nodes. Models `plugin/pkg/admission/podresize/admission.go`.

use serde_json::json;

use crate::api::{Kind, Object, Pod, Quantity, Status, usage};
use crate::control::apiserver::registry::Env;

/// Whether what a pod asks for now is no more than its node has for all pods.
///
/// # Errors
/// It is more, or the node is not there.
pub fn check(new: &Pod, old: &Pod, env: &Env<'_>) -> Result<(), Status> {
    if new.spec.node_name.is_empty() || new.metadata.generation == old.metadata.generation {
        return Ok(());
    }
    let forbidden = |why: &str| Status::forbidden(Kind::Pod, &new.metadata.name, why);
    let node = env.objects(Kind::Node).find_map(|object| match object {
        Object::Node(node) if node.metadata.name == new.spec.node_name => Some(node),
        _ => None,
    });
    let node = node.ok_or_else(|| forbidden(&format!("node {:?} not found", new.spec.node_name)))?;
    let requests = usage::requests(&new.spec);
    let zero = Quantity::from_units(0);
    let beyond = |name: &str, count: fn(Quantity) -> i64| {
        let request = requests.get(name).copied().unwrap_or(zero);
        let most = node.status.allocatable.get(name).copied().unwrap_or(zero);
        let is_more = request.minus(most).sign() > 0;
        is_more.then(|| format!("{name}, requested: {}, allocatable: {}", count(request), count(most)))
    };
    let wrong: Vec<String> =
        [beyond("cpu", Quantity::millis), beyond("memory", Quantity::units)].into_iter().flatten().collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let mut status = forbidden(&format!("node didn't have enough allocatable resources: {}", wrong.join("; ")));
    if let Some(details) = &mut status.details {
        details["causes"] = json!([{"reason": "NodeCapacity"}]);
    }
    Err(status)
}
