//! ControllerRevision. Models `k8s.io/api/apps/v1/types.go`.

use serde_json::Value;

use crate::api::ObjectMeta;

api_struct! {
    /// What a workload once was.
    ControllerRevision {
        keep { metadata: ObjectMeta, revision: i64 }
        omit { data: Option<Value> }
    }
}
