//! Drivers and definitions of kinds. Models `pkg/apis/storage/v1/defaults.go` and
//! `k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go`.

use serde_json::{Value, json};

use crate::api::{CSIDriver, CustomResourceDefinition};

/// A driver.
pub fn driver(driver: &mut CSIDriver) {
    for (name, value) in [
        ("attachRequired", json!(true)),
        ("podInfoOnMount", json!(false)),
        ("storageCapacity", json!(false)),
        ("fsGroupPolicy", json!("ReadWriteOnceWithFSType")),
        ("volumeLifecycleModes", json!(["Persistent"])),
        ("requiresRepublish", json!(false)),
        ("seLinuxMount", json!(false)),
    ] {
        if !driver.spec.contains_key(name) {
            driver.spec.insert(name.into(), value);
        }
    }
}

/// A definition of a kind.
pub fn definition(definition: &mut CustomResourceDefinition) {
    let spec = &mut definition.spec;
    if !spec.contains_key("conversion") {
        spec.insert("conversion".into(), json!({"strategy": "None"}));
    }
    if let Some(client) = spec.get_mut("conversion").and_then(|c| c.pointer_mut("/webhook/clientConfig/service"))
        && client.get("port").is_none()
    {
        client["port"] = json!(443);
    }
    let Some(Value::Object(names)) = spec.get_mut("names") else { return };
    let kind = names.get("kind").and_then(Value::as_str).unwrap_or("").to_owned();
    let missing = |value: Option<&Value>| value.and_then(Value::as_str).is_none_or(str::is_empty);
    if missing(names.get("singular")) {
        names.insert("singular".into(), json!(kind.to_lowercase()));
    }
    if missing(names.get("listKind")) && !kind.is_empty() {
        names.insert("listKind".into(), json!(format!("{kind}List")));
    }
}
