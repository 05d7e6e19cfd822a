//! Role, ClusterRole and their bindings. Models `k8s.io/api/rbac/v1/types.go`.

use crate::api::{LabelSelector, ObjectMeta};

api_struct! {
    /// What may be done in a namespace. Rules that are not given are shown as `null`.
    Role {
        keep { metadata: ObjectMeta, rules: Option<Vec<PolicyRule>> }
        omit {}
    }

    /// What may be done everywhere, or in the namespace of a RoleBinding.
    ClusterRole {
        keep { metadata: ObjectMeta, rules: Option<Vec<PolicyRule>> }
        omit { aggregation_rule: Option<AggregationRule> }
    }

    /// Verbs on resources or on URLs.
    PolicyRule {
        keep { verbs: Vec<String> }
        omit {
            api_groups: Vec<String>,
            resources: Vec<String>,
            resource_names: Vec<String>,
            #[serde(rename = "nonResourceURLs")] non_resource_urls: Vec<String>,
        }
    }

    /// Which ClusterRoles' rules this one takes over.
    AggregationRule {
        keep {}
        omit { cluster_role_selectors: Vec<LabelSelector> }
    }

    /// Who may do in a namespace what a Role or ClusterRole says.
    RoleBinding {
        keep { metadata: ObjectMeta, role_ref: RoleRef }
        omit { subjects: Vec<Subject> }
    }

    /// Who may do everywhere what a ClusterRole says.
    ClusterRoleBinding {
        keep { metadata: ObjectMeta, role_ref: RoleRef }
        omit { subjects: Vec<Subject> }
    }

    /// A role.
    RoleRef {
        keep { api_group: String, kind: String, name: String }
        omit {}
    }

    /// A user, a group or a service account.
    Subject {
        keep { kind: String, name: String }
        omit { api_group: String, namespace: String }
    }
}
