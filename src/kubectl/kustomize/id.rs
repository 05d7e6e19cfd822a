//! Who a resource is to kustomize: group, version, kind, name and namespace.
//!
//! Models `kyaml/resid` of kustomize.

use std::fmt;

use serde_json::Value;

use crate::kubectl::json::{text, text_at};
use crate::kubectl::object;
use crate::kubectl::resource;

/// Kinds without a namespace that no server here has.
const CLUSTER_WIDE: &[&str] = &[
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ComponentStatus",
    "FlowSchema",
    "PriorityLevelConfiguration",
    "SelfSubjectReview",
    "TokenReview",
    "PodSecurityPolicy",
    "IPAddress",
    "ServiceCIDR",
];

/// A resource's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id {
    /// The group; empty for the core.
    pub group: String,
    /// The version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The namespace, if it says one.
    pub namespace: String,
}

impl Id {
    /// The identity of an object as it stands.
    pub fn of(value: &Value) -> Id {
        let (group, version) = object::group_version(value);
        Id {
            group: group.into(),
            version: version.into(),
            kind: text(value, "kind").into(),
            name: text_at(value, &["metadata", "name"]).into(),
            namespace: text_at(value, &["metadata", "namespace"]).into(),
        }
    }

    /// Whether its kind lives in no namespace.
    pub fn is_cluster_wide(&self) -> bool {
        CLUSTER_WIDE.contains(&self.kind.as_str())
            || resource::RESOURCES.iter().any(|r| r.kind == self.kind && r.group == self.group && !r.namespaced)
    }

    /// The namespace that counts: `default` stands for none.
    pub fn namespace_that_counts(&self) -> &str {
        match self.namespace.as_str() {
            _ if self.is_cluster_wide() => "_non_namespaceable_",
            "" => "default",
            given => given,
        }
    }

    /// Whether both are the same resource.
    pub fn equals(&self, other: &Id) -> bool {
        (&self.group, &self.version, &self.kind, &self.name) == (&other.group, &other.version, &other.kind, &other.name)
            && self.namespace_that_counts() == other.namespace_that_counts()
    }

    /// Group, version and kind as kustomize prints them.
    pub fn kind_text(&self) -> String {
        let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        [or(&self.kind, "[noKind]"), or(&self.version, "[noVer]"), or(&self.group, "[noGrp]")].join(".")
    }

    /// As Go prints the struct.
    pub fn go_syntax(&self) -> String {
        format!(
            "resid.ResId{{Gvk:resid.Gvk{{Group:{:?}, Version:{:?}, Kind:{:?}, isClusterScoped:{}}}, Name:{:?}, Namespace:{:?}}}",
            self.group,
            self.version,
            self.kind,
            self.is_cluster_wide(),
            self.name,
            self.namespace
        )
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "[noName]" } else { &self.name };
        let namespace = if self.namespace.is_empty() { "[noNs]" } else { &self.namespace };
        write!(f, "{}/{name}.{namespace}", self.kind_text())
    }
}
