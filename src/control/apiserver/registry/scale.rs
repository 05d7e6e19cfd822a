//! The `scale` sub-resource. Models `k8s.io/api/autoscaling/v1` `Scale` and the `ScaleREST` of `pkg/registry/apps`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::labels::Selector;
use crate::api::{FieldError, LabelSelector, Object, Status};

/// The scale of an object; `None` if its kind has none.
pub fn of(object: &Object) -> Option<Value> {
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
    let mut spec = Map::new();
    if replicas != 0 {
        spec.insert("replicas".into(), json!(replicas));
    }
    let meta = object.meta();
    let mut metadata = json!({"name": meta.name, "namespace": meta.namespace, "uid": meta.uid});
    metadata["resourceVersion"] = json!(meta.resource_version);
    metadata["creationTimestamp"] = json!(meta.creation_timestamp);
    Some(json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": spec,
        "status": {"replicas": current, "selector": selector_text(&selector)},
    }))
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
