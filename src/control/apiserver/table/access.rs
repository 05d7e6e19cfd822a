//! Service accounts, roles and their bindings (`printServiceAccount`, `printRole`, `printRoleBinding`, …), pod templates
//! (`printPodTemplate`), API services (`kube-aggregator`'s table convertor).

use serde_json::{Value, json};

use super::{Column, or_none, text, wide};
use crate::api::{APIService, ObjectMeta, PodTemplate, RoleRef, Subject};

pub(super) const ACCOUNT: &[Column] = &[text("Name"), text("Age")];
pub(super) const ROLE: &[Column] = &[text("Name"), text("Created At")];
pub(super) const BINDING: &[Column] =
    &[text("Name"), text("Role"), text("Age"), wide("Users"), wide("Groups"), wide("ServiceAccounts")];
pub(super) const TEMPLATE: &[Column] = &[text("Name"), text("Containers"), text("Images"), text("Pod Labels")];
pub(super) const API_SERVICE: &[Column] = &[text("Name"), text("Service"), text("Available"), text("Age")];

/// A role of either kind.
pub(super) fn role(meta: &ObjectMeta) -> Vec<Value> {
    let made = meta.creation_timestamp.map_or("0001-01-01T00:00:00Z".to_owned(), |at| at.to_string());
    vec![json!(meta.name), json!(made)]
}

/// A binding of either kind.
pub(super) fn binding(meta: &ObjectMeta, role: &RoleRef, subjects: &[Subject], age: &str) -> Vec<Value> {
    let of = |kind: &str, shown: fn(&Subject) -> String| {
        subjects.iter().filter(|s| s.kind == kind).map(shown).collect::<Vec<_>>().join(", ")
    };
    let name = |subject: &Subject| subject.name.clone();
    vec![
        json!(meta.name),
        json!(format!("{}/{}", role.kind, role.name)),
        json!(age),
        json!(of("User", name)),
        json!(of("Group", name)),
        json!(of("ServiceAccount", |subject| format!("{}/{}", subject.namespace, subject.name))),
    ]
}

pub(super) fn template(template: &PodTemplate) -> Vec<Value> {
    let containers = &template.template.spec.containers;
    let names: Vec<&str> = containers.iter().map(|c| c.name.as_str()).collect();
    let images: Vec<&str> = containers.iter().map(|c| c.image.as_str()).collect();
    let labels: Vec<String> = template.template.metadata.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    vec![
        json!(template.metadata.name),
        json!(names.join(",")),
        json!(images.join(",")),
        json!(or_none(&labels.join(","))),
    ]
}

/// A version of a group, and whether whoever answers for it can be reached.
pub(super) fn api_service(service: &APIService, age: &str) -> Vec<Value> {
    let behind = service.spec.service.as_ref();
    let behind = behind.map_or_else(|| "Local".to_owned(), |s| format!("{}/{}", s.namespace, s.name));
    let available = match service.availability() {
        None => "Unknown".to_owned(),
        Some(condition) if condition.status != "True" && !condition.reason.is_empty() => {
            format!("{} ({})", condition.status, condition.reason)
        }
        Some(condition) => condition.status.clone(),
    };
    vec![json!(service.metadata.name), json!(behind), json!(available), json!(age)]
}
