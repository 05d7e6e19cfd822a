//! What custom resources look like: the schema of their definition, with metadata as every object has them. Models
//! `pkg/controller/openapi/builder` of `k8s.io/apiextensions-apiserver`.

use serde_json::{Map, Value, json};

use super::{add as add_struct, reference};
use crate::api::CustomKind;
use crate::api::schema::by_id;

const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object.";
const KIND: &str = "Kind is a string value representing the REST resource this object represents.";
const METADATA: &str = "Standard object's metadata.";

/// Upstream's name of a kind: `com.example.stable.v1.CronTab`.
pub fn name_of(kind: CustomKind) -> String {
    let info = kind.info();
    let group: Vec<&str> = info.group.split('.').rev().collect();
    format!("{}.{}.{}", group.join("."), info.version, info.kind)
}

/// A kind and its list.
pub fn add(kind: CustomKind, schemas: &mut Map<String, Value>) {
    let info = kind.info();
    let meta = by_id("ObjectMeta").expect("the table has metadata");
    add_struct(meta, schemas);
    let of = |kind: &str| json!([{"group": info.group, "version": info.version, "kind": kind}]);
    let mut schema = kind.schema().clone();
    if !schema.is_object() {
        schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    }
    schema["properties"]["apiVersion"] = json!({"type": "string", "description": API_VERSION});
    schema["properties"]["kind"] = json!({"type": "string", "description": KIND});
    schema["properties"]["metadata"] = json!({"description": METADATA, "allOf": [{"$ref": reference(meta)}]});
    schema["x-kubernetes-group-version-kind"] = of(info.kind);
    let name = name_of(kind);
    let items = json!({"type": "array", "items": {"allOf": [{"$ref": format!("#/components/schemas/{name}")}]}});
    let list = json!({
        "type": "object", "description": format!("{} is a list of {}", kind.list_kind(), info.kind), "required": ["items"],
        "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "items": items, "metadata": {"type": "object"}},
        "x-kubernetes-group-version-kind": of(kind.list_kind()),
    });
    schemas.insert(format!("{name}List"), list);
    schemas.insert(name, schema);
}
