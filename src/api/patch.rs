//! Patches: JSON patch, merge patch, strategic merge patch, and the three-way patch of `kubectl apply`. Pure functions.
//!
//! Models `k8s.io/apimachinery/pkg/util/strategicpatch/patch.go`, `jsonmergepatch` and RFC 6902, RFC 7386.

mod diff;
mod json_patch;
mod pod_status;
mod strategic;

use serde_json::Value;

pub use diff::{three_way, three_way_merge, two_way};
pub use json_patch::json;
pub use pod_status::PodStatusPatch;
pub use strategic::strategic;

/// A merge patch (RFC 7386): `null` removes, objects merge, all else replaces.
pub fn merge(current: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut merged = current.as_object().cloned().unwrap_or_default();
    for (name, value) in patch {
        if value.is_null() {
            merged.remove(name);
        } else {
            let before = merged.get(name).unwrap_or(&Value::Null);
            let after = merge(before, value);
            merged.insert(name.clone(), after);
        }
    }
    Value::Object(merged)
}
