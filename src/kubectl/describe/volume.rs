//! The volumes of a pod or a template.

use serde_json::Value;

use super::page::Page;
use crate::kubectl::json::{at, bool_at, int_at, items, plain, text, text_at};

/// Describes volumes. `space` is the extra indent of a template.
pub fn describe(page: &mut Page, volumes: &[Value], space: &str) {
    if volumes.is_empty() {
        return page.line(0, format!("{space}Volumes:\t<none>"));
    }
    page.line(0, format!("{space}Volumes:"));
    let indent = if space.is_empty() { "" } else { " " };
    for volume in volumes {
        page.line(1, format!("{indent}{}:", text(volume, "name")));
        for (label, value) in lines(volume) {
            page.pair(2, &label, value);
        }
        for item in items(volume, &["downwardAPI", "items"]) {
            page.line(3, format!("{} -> {}", text_at(item, &["fieldRef", "fieldPath"]), text(item, "path")));
        }
    }
}

fn pair(label: &str, value: impl Into<String>) -> (String, String) {
    (label.to_owned(), value.into())
}

/// What a volume, or the spec of a PersistentVolume, is made of.
pub fn lines(volume: &Value) -> Vec<(String, String)> {
    let has = |kind: &str| !at(volume, &[kind]).is_null();
    let field = |kind: &str, name: &str| text_at(volume, &[kind, name]).to_owned();
    let flag = |kind: &str, name: &str| bool_at(volume, &[kind, name]).to_string();
    if has("hostPath") {
        vec![
            pair("Type", "HostPath (bare host directory volume)"),
            pair("Path", field("hostPath", "path")),
            pair("HostPathType", field("hostPath", "type")),
        ]
    } else if has("emptyDir") {
        let limit = at(volume, &["emptyDir", "sizeLimit"]);
        vec![
            pair("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)"),
            pair("Medium", field("emptyDir", "medium")),
            pair("SizeLimit", if limit.is_null() { "<unset>".into() } else { plain(limit) }),
        ]
    } else if has("secret") {
        vec![
            pair("Type", "Secret (a volume populated by a Secret)"),
            pair("SecretName", field("secret", "secretName")),
            pair("Optional", flag("secret", "optional")),
        ]
    } else if has("configMap") {
        vec![
            pair("Type", "ConfigMap (a volume populated by a ConfigMap)"),
            pair("Name", field("configMap", "name")),
            pair("Optional", flag("configMap", "optional")),
        ]
    } else if has("persistentVolumeClaim") {
        vec![
            pair("Type", "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"),
            pair("ClaimName", field("persistentVolumeClaim", "claimName")),
            pair("ReadOnly", flag("persistentVolumeClaim", "readOnly")),
        ]
    } else if has("nfs") {
        vec![
            pair("Type", "NFS (an NFS mount that lasts the lifetime of a pod)"),
            pair("Server", field("nfs", "server")),
            pair("Path", field("nfs", "path")),
            pair("ReadOnly", flag("nfs", "readOnly")),
        ]
    } else if has("downwardAPI") {
        vec![pair("Type", "DownwardAPI (a volume populated by information about the pod)"), pair("Items", "")]
    } else if has("projected") {
        projected(volume)
    } else {
        vec![pair("Type", "<unknown>")]
    }
}

fn projected(volume: &Value) -> Vec<(String, String)> {
    let mut found = vec![pair("Type", "Projected (a volume that contains injected data from multiple sources)")];
    for source in items(volume, &["projected", "sources"]) {
        for (kind, label) in [("secret", "SecretName"), ("configMap", "ConfigMapName")] {
            if !at(source, &[kind]).is_null() {
                found.push(pair(label, text_at(source, &[kind, "name"])));
                found.push(pair("Optional", bool_at(source, &[kind, "optional"]).to_string()));
            }
        }
        if !at(source, &["downwardAPI"]).is_null() {
            found.push(pair("DownwardAPI", "true"));
        }
        if let Some(seconds) = int_at(source, &["serviceAccountToken", "expirationSeconds"]) {
            found.push(pair("TokenExpirationSeconds", seconds.to_string()));
        }
    }
    found
}
