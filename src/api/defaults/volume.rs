//! Volumes. Models `SetDefaults_Volume` and the defaults of its sources. The sources are in `rest`.

use serde_json::{Map, Value, json};

use crate::api::Volume;
use crate::api::define::Rest;

/// The mode of files that a volume makes: 0644.
const MODE: i64 = 0o644;

/// Whether there is nothing to fill in.
pub fn is_complete(volume: &Volume) -> bool {
    let mut copy = volume.clone();
    fill(&mut copy);
    copy == *volume
}

/// Fills in what is missing.
pub fn fill(volume: &mut Volume) {
    if volume.rest.is_empty() {
        volume.rest.insert("emptyDir".into(), json!({}));
    }
    fill_sources(&mut volume.rest);
}

/// Fills in what is missing in sources, of a pod's volume or of a persistent one.
pub fn fill_sources(sources: &mut Rest) {
    for (source, value) in sources {
        let Value::Object(fields) = value else { continue };
        match source.as_str() {
            "secret" | "configMap" => with_mode(fields),
            "downwardAPI" => {
                with_mode(fields);
                field_refs(fields);
            }
            "projected" => projected(fields),
            "hostPath" => set(fields, "type", json!("")),
            "iscsi" => set(fields, "iscsiInterface", json!("default")),
            "azureDisk" => {
                set(fields, "cachingMode", json!("ReadWrite"));
                set(fields, "kind", json!("Shared"));
                set(fields, "fsType", json!("ext4"));
                set(fields, "readOnly", json!(false));
            }
            "rbd" => {
                set(fields, "pool", json!("rbd"));
                set(fields, "user", json!("admin"));
                set(fields, "keyring", json!("/etc/ceph/keyring"));
            }
            _ => {}
        }
    }
}

fn set(fields: &mut Map<String, Value>, name: &str, value: Value) {
    fields.entry(name).or_insert(value);
}

fn with_mode(fields: &mut Map<String, Value>) {
    set(fields, "defaultMode", json!(MODE));
}

fn field_refs(fields: &mut Map<String, Value>) {
    let Some(Value::Array(items)) = fields.get_mut("items") else { return };
    for item in items {
        if let Some(Value::Object(field)) = item.get_mut("fieldRef") {
            set(field, "apiVersion", json!("v1"));
        }
    }
}

fn projected(fields: &mut Map<String, Value>) {
    with_mode(fields);
    let Some(Value::Array(sources)) = fields.get_mut("sources") else { return };
    for source in sources {
        if let Some(Value::Object(token)) = source.get_mut("serviceAccountToken") {
            set(token, "expirationSeconds", json!(3_600));
        }
        if let Some(Value::Object(downward)) = source.get_mut("downwardAPI") {
            field_refs(downward);
        }
    }
}
