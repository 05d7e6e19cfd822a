//! Objects as tables, made by the server. Models `pkg/printers/internalversion/printers.go`.

use serde_json::{Value, json};

use crate::api::{Kind, Object, Timestamp};
use crate::control::apiserver::http::Include;

/// A table of objects of one kind (`meta.k8s.io/v1 Table`), as of `now`.
pub fn table(_kind: Kind, objects: &[Object], now: Timestamp, include: Include) -> Value {
    let _ = (now, include);
    let rows: Vec<Value> = objects.iter().map(|o| json!({"cells": [o.meta().name], "object": null})).collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": [{"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}],
        "rows": rows,
    })
}
