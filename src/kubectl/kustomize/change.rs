//! What a kustomization changes in every resource: namespace, names, labels, annotations, replicas, images.
//!
//! Models `api/internal/builtins` and `api/filters` of kustomize.

use serde_json::{Value, json};

use super::field::FieldSpec;
use super::id::Id;
use super::item::Item;
use super::spec::structs;
use super::tables;
use crate::kubectl::json::{bool_at, entries, object_at, text, text_at};

/// Puts everything that has a namespace into this one.
pub fn namespace(items: &mut [Item], namespace: &str) -> Result<(), String> {
    if namespace.is_empty() {
        return Ok(());
    }
    for i in 0..items.len() {
        let item = &mut items[i];
        let id = item.id();
        item.remember();
        if !id.is_cluster_wide() {
            object_at(&mut item.value, &["metadata"]).insert("namespace".into(), json!(namespace));
        }
        into_other_fields(&mut item.value, &id, namespace);
        let id = items[i].id();
        if items.iter().filter(|other| other.id().equals(&id)).count() != 1 {
            let all: Vec<String> = items.iter().map(|item| item.id().to_string()).collect();
            return Err(format!("namespace transformation produces ID conflict: [{}]", all.join(" ")));
        }
    }
    Ok(())
}

fn into_other_fields(value: &mut Value, id: &Id, namespace: &str) {
    let mut set = |path: &str, create: bool| {
        let field = FieldSpec { path: path.into(), create, ..FieldSpec::default() };
        field.each(value, &mut |value| *value = json!(namespace));
    };
    match id.kind.as_str() {
        "Namespace" if id.group.is_empty() => set("metadata/name", true),
        "APIService" => set("spec/service/namespace", true),
        "CustomResourceDefinition" => set("spec/conversion/webhook/clientConfig/service/namespace", false),
        "RoleBinding" | "ClusterRoleBinding" => {
            for subject in value["subjects"].as_array_mut().into_iter().flatten() {
                if text(subject, "kind") == "ServiceAccount" && text(subject, "name") == "default" {
                    subject["namespace"] = json!(namespace);
                }
            }
        }
        _ => {}
    }
}

/// Puts a prefix before, or a suffix behind, the names.
pub fn affix(items: &mut [Item], affix: &str, before: bool) {
    if affix.is_empty() {
        return;
    }
    for item in items {
        let id = item.origin();
        if matches!(id.kind.as_str(), "CustomResourceDefinition" | "APIService")
            || (id.kind == "Namespace" && id.group.is_empty())
        {
            continue;
        }
        let list = if before { &mut item.prefixes } else { &mut item.suffixes };
        list.push(affix.to_owned());
        item.remember();
        let name = text_at(&item.value, &["metadata", "name"]).to_owned();
        item.rename(&if before { format!("{affix}{name}") } else { format!("{name}{affix}") });
    }
}

/// Sets entries of the maps at these fields.
fn set_all(items: &mut [Item], fields: &[FieldSpec], pairs: &[(&str, &Value)]) {
    for item in items {
        let id = item.id();
        for field in fields.iter().filter(|field| field.selects(&id)) {
            field.each(&mut item.value, &mut |value| {
                for (key, given) in pairs {
                    object_at(value, &[]).insert((*key).to_owned(), as_text(given));
                }
            });
        }
    }
}

/// Labels and annotations are text, whatever they look like.
fn as_text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        other => json!(other.to_string()),
    }
}

/// `labels` and `commonLabels`.
pub fn labels(items: &mut [Item], file: &Value) {
    for entry in structs(file, "labels") {
        let mut fields = more_fields(entry);
        fields.push(tables::metadata("labels"));
        let selectors = bool_at(entry, &["includeSelectors"]);
        if selectors {
            fields.extend(tables::selectors());
        }
        if selectors || bool_at(entry, &["includeTemplates"]) {
            fields.extend(tables::templates("labels"));
        }
        set_all(items, &fields, &entries(entry, &["pairs"]));
    }
    let common = entries(file, &["commonLabels"]);
    if !common.is_empty() {
        let mut fields = tables::selectors();
        fields.extend(tables::templates("labels"));
        fields.push(tables::metadata("labels"));
        set_all(items, &fields, &common);
    }
}

/// The fields that an entry of `labels` names itself.
fn more_fields(entry: &Value) -> Vec<FieldSpec> {
    let of = |field: &Value| FieldSpec {
        group: text(field, "group").into(),
        version: text(field, "version").into(),
        kind: text(field, "kind").into(),
        path: text(field, "path").into(),
        create: bool_at(field, &["create"]),
    };
    structs(entry, "fields").iter().map(of).collect()
}

/// `commonAnnotations`.
pub fn annotations(items: &mut [Item], file: &Value) {
    let common = entries(file, &["commonAnnotations"]);
    if !common.is_empty() {
        let mut fields = tables::templates("annotations");
        fields.push(tables::metadata("annotations"));
        set_all(items, &fields, &common);
    }
}

/// Kinds with a number of replicas, in the order in which they are told.
const SCALED: [&str; 4] = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];

/// `replicas`.
pub fn replicas(items: &mut [Item], file: &Value) -> Result<(), String> {
    for entry in structs(file, "replicas") {
        let name = text(entry, "name");
        let mut found = false;
        for item in items.iter_mut() {
            let ids = || item.before.iter().cloned().chain([item.id()]);
            if ids().any(|id| id.name == name && SCALED.contains(&id.kind.as_str())) {
                object_at(&mut item.value, &["spec"]).insert("replicas".into(), entry["count"].clone());
                found = true;
            }
        }
        if !found {
            let kinds = SCALED.map(|kind| format!("{kind}.[noVer].[noGrp]")).join(" ");
            return Err(format!("resource with name {name} does not match a config with the following GVK [{kinds}]"));
        }
    }
    Ok(())
}

/// `images`.
pub fn images(items: &mut [Item], file: &Value) {
    for field in ["imageTags", "images"] {
        for entry in structs(file, field) {
            for item in items.iter_mut().filter(|item| text(&item.value, "kind") != "CustomResourceDefinition") {
                in_containers(&mut item.value, entry);
            }
        }
    }
}

/// Walks to containers, wherever they stand.
fn in_containers(value: &mut Value, entry: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| in_containers(item, entry)),
        Value::Object(map) => {
            for (key, inner) in map {
                if matches!(key.as_str(), "containers" | "initContainers") {
                    for container in inner.as_array_mut().into_iter().flatten() {
                        if let Some(image) = container.get("image").and_then(Value::as_str) {
                            container["image"] = json!(image_of(image, entry));
                        }
                    }
                }
                in_containers(inner, entry);
            }
        }
        _ => {}
    }
}

/// An image as an entry of `images` changes it.
fn image_of(image: &str, entry: &Value) -> String {
    let (rest, digest) = image.split_once('@').map_or((image, ""), |(rest, digest)| (rest, digest));
    let after_host = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest[after_host..].find(':') {
        Some(at) => (&rest[..after_host + at], &rest[after_host + at + 1..]),
        None => (rest, ""),
    };
    if name != text(entry, "name") {
        return image.to_owned();
    }
    let new_name = Some(text(entry, "newName")).filter(|new| !new.is_empty()).unwrap_or(name);
    let (tag, digest) = match (text(entry, "newTag"), text(entry, "digest"), text(entry, "tagSuffix")) {
        ("", "", "") => (tag.to_owned(), digest),
        ("", "", suffix) => (format!("{tag}{suffix}"), ""),
        ("", new, _) => (String::new(), new),
        (new_tag, new, _) => (new_tag.to_owned(), new),
    };
    let tag = if tag.is_empty() { tag } else { format!(":{tag}") };
    let digest = if digest.is_empty() { String::new() } else { format!("@{digest}") };
    format!("{new_name}{tag}{digest}")
}
