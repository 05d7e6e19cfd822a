//! LimitRange and ResourceQuota. Models `k8s.io/api/core/v1/types.go`.

use crate::api::{ObjectMeta, Quantity};
use crate::sim::VecMap;

/// Quantities by the name of their resource.
pub type ResourceList = VecMap<String, Quantity>;

api_struct! {
    /// What the things of a namespace may use, each, and what they use if they do not say.
    LimitRange {
        keep { metadata: ObjectMeta, spec: LimitRangeSpec }
        omit {}
    }

    /// The limits.
    LimitRangeSpec {
        keep { limits: Vec<LimitRangeItem> }
        omit {}
    }

    /// The limits of one type of thing: Pod, Container, PersistentVolumeClaim.
    LimitRangeItem {
        keep { r#type: String }
        omit {
            max: ResourceList,
            min: ResourceList,
            default: ResourceList,
            default_request: ResourceList,
            max_limit_request_ratio: ResourceList,
        }
    }

    /// What the things of a namespace may use together.
    ResourceQuota {
        keep { metadata: ObjectMeta, spec: ResourceQuotaSpec, status: ResourceQuotaStatus }
        omit {}
    }

    /// What is allowed, and of which pods.
    ResourceQuotaSpec {
        keep {}
        omit { hard: ResourceList, scopes: Vec<String>, scope_selector: Option<ScopeSelector> }
    }

    /// Scopes, all of which a pod must be in.
    ScopeSelector {
        keep {}
        omit { match_expressions: Vec<ScopedResourceSelectorRequirement> }
    }

    /// A scope, by its values or whether it has any.
    ScopedResourceSelectorRequirement {
        keep { scope_name: String, operator: String }
        omit { values: Vec<String> }
    }

    /// What was allowed when it was last counted, and what is used.
    ResourceQuotaStatus {
        keep {}
        omit { hard: ResourceList, used: ResourceList }
    }
}
