//! Defaults of limit ranges. Models `SetDefaults_LimitRangeItem` of `pkg/apis/core/v1/defaults.go`.

use crate::api::LimitRange;

/// For containers: the default limit is the greatest one, the default request is the default limit or else the least.
pub fn range(range: &mut LimitRange) {
    for item in range.spec.limits.iter_mut().filter(|item| item.r#type == "Container") {
        for (name, value) in &item.max {
            item.default.entry(name.clone()).or_insert(*value);
        }
        for from in [&item.default, &item.min] {
            for (name, value) in from {
                item.default_request.entry(name.clone()).or_insert(*value);
            }
        }
    }
}
