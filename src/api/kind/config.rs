//! ConfigMap and Secret. Models `k8s.io/api/core/v1/types.go`.

use std::collections::BTreeMap;

use crate::api::ObjectMeta;

api_struct! {
    /// Configuration as text.
    ConfigMap {
        keep { metadata: ObjectMeta }
        omit { data: BTreeMap<String, String>, binary_data: BTreeMap<String, String>, immutable: Option<bool> }
    }

    /// Confidential data; values of `data` are base64.
    Secret {
        keep { metadata: ObjectMeta }
        omit {
            data: BTreeMap<String, String>,
            string_data: BTreeMap<String, String>,
            r#type: String = "Opaque".into(),
            immutable: Option<bool>,
        }
    }
}
