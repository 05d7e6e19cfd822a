//! The `scale` sub-resource. Models `k8s.io/api/autoscaling/v1` `Scale` and the `ScaleREST` of `pkg/registry/apps`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::labels::Selector;
use crate::api::{CustomResource, FieldError, LabelSelector, Object, ObjectMeta, Status};

/// The scale of an object; `None` if its kind has none.
pub fn of(object: &Object) -> Option<Value> {
    if let Object::Custom(object) = object {
        return of_custom(object);
    }
    let (replicas, current, selector) = match object {
        Object::Deployment(d) => (d.spec.replicas, d.status.replicas, d.spec.selector.clone()),
        Object::ReplicaSet(r) => (r.spec.replicas, r.status.replicas, r.spec.selector.clone()),
        Object::StatefulSet(s) => (s.spec.replicas, s.status.replicas, s.spec.selector.clone()),
        Object::ReplicationController(r) => {
            let match_labels = r.spec.selector.clone();
            (r.spec.replicas, r.status.replicas, LabelSelector { match_labels, ..LabelSelector::default() })
        }
        _ => return None,
    };
    Some(scale(object.meta(), replicas, current, Some(&selector_text(&selector))))
}

/// The scale of a custom resource, from where its definition says that it stands.
fn of_custom(object: &CustomResource) -> Option<Value> {
    let paths = object.kind.scale()?;
    let at = |name: &str| paths[name].as_str().and_then(|path| object.at(path));
    let number = |name: &str| at(name).and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok()).unwrap_or(0);
    let selector = at("labelSelectorPath").and_then(Value::as_str);
    Some(scale(&object.metadata, number("specReplicasPath"), number("statusReplicasPath"), selector))
}

fn scale(meta: &ObjectMeta, replicas: i32, current: i32, selector: Option<&str>) -> Value {
    let mut spec = Map::new();
    if replicas != 0 {
        spec.insert("replicas".into(), json!(replicas));
    }
    let mut metadata = json!({"name": meta.name, "namespace": meta.namespace, "uid": meta.uid});
    metadata["resourceVersion"] = json!(meta.resource_version);
    metadata["creationTimestamp"] = json!(meta.creation_timestamp);
    let mut status = json!({"replicas": current});
    if let Some(selector) = selector {
        status["selector"] = json!(selector);
    }
    json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": spec, "status": status})
}

fn selector_text(selector: &LabelSelector) -> String {
    Selector::from(selector).to_string()
}

/// Sets the replicas of an object that has a scale.
pub fn set(object: &mut Object, replicas: i32) {
    match object {
        Object::Deployment(d) => Arc::make_mut(d).spec.replicas = replicas,
        Object::ReplicaSet(r) => Arc::make_mut(r).spec.replicas = replicas,
        Object::StatefulSet(s) => Arc::make_mut(s).spec.replicas = replicas,
        Object::ReplicationController(r) => Arc::make_mut(r).spec.replicas = replicas,
        Object::Custom(c) => {
            if let Some(path) = c.kind.scale().and_then(|paths| paths["specReplicasPath"].as_str()) {
                Arc::make_mut(c).set(path, json!(replicas));
            }
        }
        _ => {}
    }
}

/// The failure of a scale that is not valid.
pub fn invalid(name: &str, errors: &[FieldError]) -> Status {
    let words: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
    Status {
        code: 422,
        reason: "Invalid".into(),
        message: format!("Scale.autoscaling {name:?} is invalid: {}", words.join(", ")),
        details: Some(json!({"name": name, "group": "autoscaling", "kind": "Scale"})),
    }
}
