//! ConfigMap and Secret. Models `k8s.io/api/core/v1/types.go`.

use crate::api::ObjectMeta;
use crate::sim::VecMap;

api_struct! {
    /// Configuration as text.
    ConfigMap {
        keep { metadata: ObjectMeta }
        omit { data: VecMap<String, String>, binary_data: VecMap<String, String>, immutable: Option<bool> }
    }

    /// Confidential data; values of `data` are base64.
    Secret {
        keep { metadata: ObjectMeta }
        omit {
            data: VecMap<String, String>,
            string_data: VecMap<String, String>,
            r#type: String = "Opaque".into(),
            immutable: Option<bool>,
        }
    }
}
