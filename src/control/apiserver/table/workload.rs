//! Deployments and ReplicaSets (`printDeployment`, `printReplicaSet`).

use serde_json::{Value, json};

use super::{Column, number, or_none, text, wide};
use crate::api::labels::Selector;
use crate::api::{Deployment, LabelSelector, PodTemplateSpec, ReplicaSet};

pub(super) const DEPLOYMENT: &[Column] = &[
    text("Name"),
    text("Ready"),
    number("Up-to-date"),
    number("Available"),
    text("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) const REPLICA_SET: &[Column] = &[
    text("Name"),
    number("Desired"),
    number("Current"),
    number("Ready"),
    text("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) fn deployment(deployment: &Deployment, age: &str) -> Vec<Value> {
    let (spec, status) = (&deployment.spec, &deployment.status);
    let mut cells = vec![
        json!(deployment.metadata.name),
        json!(format!("{}/{}", status.ready_replicas, spec.replicas)),
        json!(status.updated_replicas),
        json!(status.available_replicas),
        json!(age),
    ];
    cells.extend(template(&spec.template, &spec.selector));
    cells
}

pub(super) fn replica_set(set: &ReplicaSet, age: &str) -> Vec<Value> {
    let mut cells = vec![
        json!(set.metadata.name),
        json!(set.spec.replicas),
        json!(set.status.replicas),
        json!(set.status.ready_replicas),
        json!(age),
    ];
    cells.extend(template(&set.spec.template, &set.spec.selector));
    cells
}

/// Containers, images and selector.
fn template(template: &PodTemplateSpec, selector: &LabelSelector) -> [Value; 3] {
    let names: Vec<&str> = template.spec.containers.iter().map(|c| c.name.as_str()).collect();
    let images: Vec<&str> = template.spec.containers.iter().map(|c| c.image.as_str()).collect();
    let selector = Selector::from(selector).to_string();
    [json!(names.join(",")), json!(images.join(",")), json!(or_none(&selector))]
}
