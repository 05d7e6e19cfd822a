//! Metadata. Models `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`.

use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, invalid_form, required, too_long};
use super::{go_form, ip, names};
use crate::api::meta::Labels;
use crate::api::{FieldError, Kind, Object, ObjectMeta};

/// All annotations together, in bytes.
const MOST_ANNOTATIONS: usize = 256 << 10;

/// What is wrong with the name of an object of a kind.
fn name(kind: Kind, text: &str) -> Vec<String> {
    match kind {
        Kind::IPAddress => ip::canonical(text),
        // `RelaxedServiceNameValidation` is on in v1.36: a Service's name may begin with a digit.
        Kind::Service | Kind::Namespace | Kind::StatefulSet => names::dns_label(text),
        Kind::Event => Vec::new(),
        Kind::Role | Kind::ClusterRole | Kind::RoleBinding | Kind::ClusterRoleBinding | Kind::APIService => {
            names::path_segment(text)
        }
        _ => names::dns_subdomain(text),
    }
}

/// A new object's metadata.
pub fn create(object: &Object) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (kind, meta) = (object.kind(), object.meta());
    if !meta.generate_name.is_empty() {
        let base = meta.generate_name.strip_suffix('-').map_or(meta.generate_name.clone(), |b| format!("{b}a"));
        each("metadata.generateName", &meta.generate_name, name(kind, &base), &mut errors);
    }
    if meta.name.is_empty() {
        errors.push(required("metadata.name", "name or generateName is required"));
    } else {
        let mut wrong = name(kind, &meta.name);
        if wrong.is_empty() && meta.name.contains(['/', '%']) {
            wrong.push("may not contain '/'".into());
        }
        each("metadata.name", &meta.name, wrong, &mut errors);
    }
    if kind.info().namespaced {
        if meta.namespace.is_empty() {
            errors.push(required("metadata.namespace", ""));
        } else {
            each("metadata.namespace", &meta.namespace, names::dns_label(&meta.namespace), &mut errors);
        }
    } else if !meta.namespace.is_empty() {
        errors.push(forbidden("metadata.namespace", "not allowed on this type"));
    }
    common(kind, meta, &mut errors);
    errors
}

fn common(kind: Kind, meta: &ObjectMeta, errors: &mut Vec<FieldError>) {
    // Only the kinds of the server proper insist on it.
    let insists = !matches!(kind, Kind::CustomResourceDefinition | Kind::APIService | Kind::Custom(_));
    if meta.generation < 0 {
        errors.push(invalid("metadata.generation", &meta.generation.into(), "must be greater than or equal to 0"));
    }
    labels(&meta.labels, "metadata.labels", errors);
    annotations(&meta.annotations, "metadata.annotations", errors);
    owners(meta, errors);
    for (at, finalizer) in meta.finalizers.iter().enumerate() {
        let field = "metadata.finalizers";
        let plain = matches!(finalizer.as_str(), "orphan" | "foregroundDeletion" | "kubernetes");
        each(field, finalizer, names::qualified_name(finalizer), errors);
        if insists && !plain && !finalizer.contains('/') && names::qualified_name(finalizer).is_empty() {
            let field = format!("{field}[{at}]");
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(invalid(&field, &json!(finalizer), why));
        }
    }
}

fn owners(meta: &ObjectMeta, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "metadata.ownerReferences";
    let mut first: Option<String> = None;
    for owner in &meta.owner_references {
        // Upstream's paths do not say which of them it is.
        let mut empty = |name: &str, what: &str, value: &str| {
            if value.is_empty() {
                errors.push(invalid(&format!("{FIELD}.{name}"), &json!(""), &format!("{what} must not be empty")));
            }
        };
        empty("apiVersion", "version", &owner.api_version);
        empty("kind", "kind", &owner.kind);
        empty("name", "name", &owner.name);
        empty("uid", "uid", &owner.uid.0);
        if owner.api_version == "v1" && owner.kind == "Event" {
            errors.push(invalid_form(
                FIELD,
                &go_form::of("OwnerReference", owner),
                "/v1, Kind=Event is disallowed from being an owner",
            ));
        }
        if !owner.controller {
            continue;
        }
        let name = format!("{}/{}", owner.kind, owner.name);
        if let Some(first) = &first {
            let why = format!(
                "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
            );
            errors.push(invalid_form(FIELD, &go_form::list("OwnerReference", &meta.owner_references), &why));
        } else {
            first = Some(name);
        }
    }
}

/// Labels.
pub fn labels(labels: &Labels, field: &str, errors: &mut Vec<FieldError>) {
    for (key, value) in labels {
        each(field, key, names::qualified_name(key), errors);
        each(field, value, names::label_value(value), errors);
    }
}

/// Annotations.
pub fn annotations(annotations: &Labels, field: &str, errors: &mut Vec<FieldError>) {
    for key in annotations.keys() {
        each(field, key, names::qualified_name(&key.to_lowercase()), errors);
    }
    if annotations.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() > MOST_ANNOTATIONS {
        errors.push(too_long(field, MOST_ANNOTATIONS));
    }
}

/// A changed object's metadata.
pub fn update(new: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (kind, meta, had) = (new.kind(), new.meta(), old.meta());
    if meta.resource_version.is_none() {
        errors.push(invalid("metadata.resourceVersion", &json!(""), "must be specified for an update"));
    }
    if meta.generation < had.generation {
        errors.push(invalid("metadata.generation", &json!(meta.generation), "must not be decremented"));
    }
    let mut same = |field: &str, new: Value, old: Value| {
        if new != old {
            errors.push(invalid(&format!("metadata.{field}"), &new, "field is immutable"));
        }
    };
    same("name", json!(meta.name), json!(had.name));
    same("namespace", json!(meta.namespace), json!(had.namespace));
    // What a client leaves out stays as it was.
    if !meta.uid.0.is_empty() {
        same("uid", json!(meta.uid.0), json!(had.uid.0));
    }
    if meta.creation_timestamp.is_some() {
        same("creationTimestamp", json!(meta.creation_timestamp), json!(had.creation_timestamp));
    }
    same("deletionTimestamp", json!(meta.deletion_timestamp), json!(had.deletion_timestamp));
    if meta.deletion_grace_period_seconds.is_some() {
        let (now, before) = (meta.deletion_grace_period_seconds, had.deletion_grace_period_seconds);
        same("deletionGracePeriodSeconds", json!(now), json!(before));
    }
    common(kind, meta, &mut errors);
    let fresh: Vec<&String> = meta.finalizers.iter().filter(|f| !had.finalizers.contains(f)).collect();
    if had.deletion_timestamp.is_some() && !fresh.is_empty() {
        let words: Vec<String> = fresh.iter().map(|f| format!("{f:?}")).collect();
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            words.join(", ")
        );
        errors.push(forbidden("metadata.finalizers", &why));
    }
    errors
}
