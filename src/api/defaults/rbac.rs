//! Bindings of roles. Models `pkg/apis/rbac/v1/defaults.go`.

use crate::api::{RoleRef, Subject};

/// The group of roles, users and groups.
const GROUP: &str = "rbac.authorization.k8s.io";

/// A binding: its role, users and groups are RBAC's.
pub fn binding(role: &mut RoleRef, subjects: &mut [Subject]) {
    if role.api_group.is_empty() {
        role.api_group = GROUP.into();
    }
    for subject in subjects.iter_mut().filter(|s| s.api_group.is_empty()) {
        if matches!(subject.kind.as_str(), "User" | "Group") {
            subject.api_group = GROUP.into();
        }
    }
}
