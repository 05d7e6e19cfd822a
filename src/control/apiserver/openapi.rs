//! OpenAPI v3: what every kind looks like, one document a group and version, made from the schema table. Models
//! `k8s.io/kube-openapi/pkg/handler3` and `builder3`.
//!
//! Descriptions are not there: `kubectl explain` shows fields and types without their prose.

mod custom;
mod gnostic;
pub mod v2;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::api::schema::{self, Field, ListMerge, Struct, Type};
use crate::api::{Kind, Status};
use crate::control::apiserver::definition::Definitions;
use crate::control::apiserver::discovery::VERSION;
use crate::control::apiserver::http::failure;
use crate::control::apiserver::registry;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
/// Types of `meta/v1`; a type that is in no other group's package either is its group's own.
const META_TYPES: &[&str] = &[
    "Condition",
    "FieldsV1",
    "LabelSelector",
    "LabelSelectorRequirement",
    "ListMeta",
    "ManagedFieldsEntry",
    "ObjectMeta",
    "OwnerReference",
];
/// The media types of patches.
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// The answer to a request for a document; `None` if it is for something else.
pub fn answer(http: &HttpRequest, definitions: &Definitions) -> Option<HttpResponse> {
    let rest = http.path.trim_end_matches('/').strip_prefix("/openapi/v3")?;
    if http.method != Method::Get {
        return Some(failure(&Status::method_not_allowed()));
    }
    if rest.is_empty() {
        let paths: Map<String, Value> = versions(definitions)
            .map(|(group, version)| {
                let path = path_of(group, version);
                let url = format!("/openapi/v3/{path}?hash={VERSION}");
                (path, json!({"serverRelativeURL": url}))
            })
            .collect();
        return Some(HttpResponse::json(200, &json!({"paths": paths})));
    }
    let asked = rest.trim_start_matches('/');
    let (group, version) = versions(definitions).find(|(group, version)| path_of(group, version) == asked)?;
    Some(HttpResponse::json(200, &document(group, version, definitions)))
}

/// The groups and versions that have a document.
fn versions(definitions: &Definitions) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    let own: BTreeSet<_> = Kind::ALL
        .iter()
        .copied()
        .chain(definitions.served().map(Kind::from))
        .map(|kind| (kind.info().group, kind.info().version))
        .collect();
    own.into_iter()
}

fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn document(group: &str, version: &str, definitions: &Definitions) -> Value {
    let all = Kind::ALL.iter().copied().chain(definitions.served().map(Kind::from));
    let kinds: Vec<Kind> = all.filter(|k| k.info().group == group && k.info().version == version).collect();
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for kind in &kinds {
        add_paths(*kind, &mut paths);
        match kind {
            Kind::Custom(kind) => custom::add(*kind, &mut schemas),
            kind => {
                add(schema::of(*kind), &mut schemas);
                add_kind(*kind, &mut schemas);
            }
        }
    }
    json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": VERSION}, "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// The paths of a kind, with what each method takes.
fn add_paths(kind: Kind, paths: &mut Map<String, Value>) {
    let info = kind.info();
    let inside = if info.namespaced { "/namespaces/{namespace}" } else { "" };
    let all = format!("/{}{inside}/{}", path_of(info.group, info.version), info.plural);
    let gvk = json!({"group": info.group, "version": info.version, "kind": info.kind});
    let query = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
    let writes = json!([query("dryRun"), query("fieldManager"), query("fieldValidation")]);
    let content = json!({"application/json": {"schema": {"$ref": reference_to(kind)}}});
    let operation = |action: &str, parameters: &Value| {
        json!({
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk, "parameters": parameters,
            "responses": {"200": {"description": "OK", "content": content}},
        })
    };
    let body = |mut operation: Value| {
        operation["requestBody"] = json!({"required": true, "content": content});
        operation
    };
    let mut patch = operation("patch", &writes);
    // There are no strategic patches of custom resources.
    let strategic = |form: &&&str| form.contains("strategic") && matches!(kind, Kind::Custom(_));
    let types = PATCHES
        .iter()
        .filter(|form| !strategic(form))
        .map(|form| ((*form).to_owned(), json!({"schema": {"type": "object"}})));
    patch["requestBody"] = json!({"required": true, "content": types.collect::<Map<_, _>>()});
    let none = json!([]);
    paths.insert(
        format!("{all}/{{name}}"),
        json!({
            "get": operation("get", &none), "put": body(operation("put", &writes)), "patch": patch,
            "delete": operation("delete", &json!([query("dryRun"), query("gracePeriodSeconds"), query("propagationPolicy")])),
        }),
    );
    if registry::has_status(kind) {
        paths.insert(format!("{all}/{{name}}/status"), json!({"get": operation("get", &none), "patch": patch}));
    }
    paths.insert(all, json!({"get": operation("list", &none), "post": body(operation("post", &writes))}));
}

/// Says of a kind's schema which kind it is.
fn add_kind(kind: Kind, schemas: &mut Map<String, Value>) {
    let info = kind.info();
    let name = name_of(schema::of(kind));
    if let Some(schema) = schemas.get_mut(&name) {
        schema["x-kubernetes-group-version-kind"] =
            json!([{"group": info.group, "version": info.version, "kind": info.kind}]);
    }
}

/// A struct and every one that it mentions.
fn add(of: Struct, schemas: &mut Map<String, Value>) {
    let name = name_of(of);
    if schemas.contains_key(&name) {
        return;
    }
    schemas.insert(name.clone(), Value::Null);
    let properties: Map<String, Value> =
        of.fields().map(|field| (field.name.to_owned(), field_schema(field, schemas))).collect();
    let required: Vec<&str> =
        of.fields().filter(|field| field.required && !may_be_left_out(of, field)).map(|field| field.name).collect();
    let mut schema = json!({"type": "object"});
    if !properties.is_empty() {
        schema["properties"] = Value::Object(properties);
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schemas.insert(name, schema);
}

/// Whether upstream's document lets a field out of `required` that the table's source has always: metadata, and the name of
/// what is referred to, whose default is the empty text.
fn may_be_left_out(of: Struct, field: &Field) -> bool {
    let refers = ["ConfigMapEnvSource", "ConfigMapKeySelector", "ConfigMapProjection", "ConfigMapVolumeSource"]
        .contains(&of.name())
        || ["LocalObjectReference", "SecretEnvSource", "SecretKeySelector", "SecretProjection"].contains(&of.name());
    (refers && field.name == "name") || matches!(field.ty.as_struct(), Some(inner) if inner.name() == "ObjectMeta")
}

fn field_schema(field: &Field, schemas: &mut Map<String, Value>) -> Value {
    let mut schema = type_schema(&field.ty, schemas);
    let strategy = |keys: &str| if field.retain_keys { format!("{keys},retainKeys") } else { keys.to_owned() };
    match field.merge {
        ListMerge::ByKey(key) => {
            schema["x-kubernetes-patch-merge-key"] = json!(key);
            schema["x-kubernetes-patch-strategy"] = json!(strategy("merge"));
        }
        ListMerge::Set => schema["x-kubernetes-patch-strategy"] = json!(strategy("merge")),
        ListMerge::Replace if field.retain_keys => schema["x-kubernetes-patch-strategy"] = json!("retainKeys"),
        ListMerge::Replace => {}
    }
    schema
}

fn type_schema(ty: &Type, schemas: &mut Map<String, Value>) -> Value {
    let named = |schemas: &mut Map<String, Value>, name: &str, schema: Value| {
        schemas.entry(name).or_insert(schema);
        json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}]})
    };
    match ty {
        Type::String => json!({"type": "string"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Int32 => json!({"type": "integer", "format": "int32"}),
        Type::Int64 => json!({"type": "integer", "format": "int64"}),
        Type::Float => json!({"type": "number", "format": "double"}),
        Type::Bytes => json!({"type": "string", "format": "byte"}),
        Type::Any | Type::Deduced | Type::Custom(_) => json!({"type": "object"}),
        Type::Quantity => named(
            schemas,
            "io.k8s.apimachinery.pkg.api.resource.Quantity",
            json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
        ),
        Type::IntOrString => named(
            schemas,
            "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
            json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}),
        ),
        Type::Time => named(schemas, &format!("{META}.Time"), json!({"type": "string", "format": "date-time"})),
        Type::MicroTime => {
            named(schemas, &format!("{META}.MicroTime"), json!({"type": "string", "format": "date-time"}))
        }
        Type::List(item) => json!({"type": "array", "items": type_schema(item, schemas)}),
        Type::Map(item) => json!({"type": "object", "additionalProperties": type_schema(item, schemas)}),
        Type::Struct(id) => {
            let of = schema::by_id(id).expect("the table has every struct that it mentions");
            add(of, schemas);
            json!({"allOf": [{"$ref": reference(of)}]})
        }
    }
}

fn reference_to(kind: Kind) -> String {
    match kind {
        Kind::Custom(kind) => format!("#/components/schemas/{}", custom::name_of(kind)),
        kind => reference(schema::of(kind)),
    }
}

fn reference(of: Struct) -> String {
    format!("#/components/schemas/{}", name_of(of))
}

/// Upstream's name of a struct: `io.k8s.api.core.v1.Pod`.
fn name_of(of: Struct) -> String {
    let name = of.name();
    if META_TYPES.contains(&name) {
        return format!("{META}.{name}");
    }
    let (group, version) = package_of(of.id());
    let group = group.split('.').next().unwrap_or("core");
    format!("io.k8s.api.{}.{version}.{name}", if group.is_empty() { "core" } else { group })
}

/// The group and version whose package a struct is in: the first that mentions it, the core group first.
fn package_of(id: &'static str) -> (&'static str, &'static str) {
    use std::sync::OnceLock;
    type Packages = std::collections::BTreeMap<&'static str, (&'static str, &'static str)>;
    static PACKAGES: OnceLock<Packages> = OnceLock::new();
    let packages = PACKAGES.get_or_init(|| {
        let mut found = Packages::new();
        for (group, version) in versions(&Definitions::default()) {
            for kind in Kind::ALL.iter().filter(|k| (k.info().group, k.info().version) == (group, version)) {
                mark(schema::of(*kind), (group, version), &mut found);
            }
        }
        found
    });
    packages.get(id).copied().unwrap_or(("", "v1"))
}

fn mark(
    of: Struct,
    package: (&'static str, &'static str),
    found: &mut std::collections::BTreeMap<&'static str, (&'static str, &'static str)>,
) {
    if found.contains_key(of.id()) {
        return;
    }
    found.insert(of.id(), package);
    for field in of.fields() {
        let mut ty = &field.ty;
        while let Some(item) = ty.item() {
            ty = item;
        }
        if let Some(of) = ty.as_struct() {
            mark(of, package, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Value {
        let response = answer(&HttpRequest::get(path), &Definitions::default()).expect("a document");
        assert_eq!(response.code, 200);
        serde_json::from_slice(&response.body).expect("JSON")
    }

    #[test]
    fn every_version_has_a_document_whose_references_lead_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    map.values().for_each(|v| references(v, found));
                }
                Value::Array(items) => items.iter().for_each(|v| references(v, found)),
                _ => {}
            }
        }
        let index = get("/openapi/v3");
        for path in index["paths"].as_object().expect("paths").keys() {
            let document = get(&format!("/openapi/v3/{path}"));
            let mut found = Vec::new();
            references(&document, &mut found);
            assert!(!found.is_empty(), "{path}");
            for reference in found {
                let name = reference.rsplit('/').next().unwrap_or("");
                assert!(document["components"]["schemas"][name].is_object(), "{path}: {reference}");
            }
        }
    }

    #[test]
    fn types_have_upstreams_names_and_lists_their_keys() {
        let document = get("/openapi/v3/apis/apps/v1");
        let schemas = &document["components"]["schemas"];
        let spec = &schemas["io.k8s.api.core.v1.PodSpec"];
        assert_eq!(spec["properties"]["containers"]["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(spec["properties"]["volumes"]["x-kubernetes-patch-strategy"], "merge,retainKeys");
        assert_eq!(spec["required"], json!(["containers"]));
        let deployment = &schemas["io.k8s.api.apps.v1.Deployment"];
        assert_eq!(deployment["x-kubernetes-group-version-kind"][0]["kind"], "Deployment");
        assert!(schemas["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"].is_object());
    }
}
