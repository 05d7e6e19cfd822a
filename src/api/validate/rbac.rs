//! Roles and their bindings. Models `pkg/apis/rbac/validation/validation.go`.

use serde_json::json;

use super::error::{each, invalid, required, unsupported};
use super::{names, selector};
use crate::api::{ClusterRole, ClusterRoleBinding, FieldError, PolicyRule, Role, RoleBinding, RoleRef, Subject};

/// The group of roles, users and groups.
const GROUP: &str = "rbac.authorization.k8s.io";

/// A role.
pub fn role(role: &Role, errors: &mut Vec<FieldError>) {
    rules(role.rules.as_deref().unwrap_or_default(), true, errors);
}

/// A cluster role.
pub fn cluster_role(role: &ClusterRole, errors: &mut Vec<FieldError>) {
    rules(role.rules.as_deref().unwrap_or_default(), false, errors);
    let Some(aggregation) = &role.aggregation_rule else { return };
    let field = "aggregationRule.clusterRoleSelectors";
    if aggregation.cluster_role_selectors.is_empty() {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.push(required(field, why));
    }
    for (at, selector) in aggregation.cluster_role_selectors.iter().enumerate() {
        selector::label_selector(selector, &format!("{field}[{at}]"), errors);
    }
}

fn rules(rules: &[PolicyRule], namespaced: bool, errors: &mut Vec<FieldError>) {
    for (at, rule) in rules.iter().enumerate() {
        let at = |name: &str| format!("rules[{at}].{name}");
        if rule.verbs.is_empty() {
            errors.push(required(&at("verbs"), "verbs must contain at least one value"));
        }
        if !rule.non_resource_urls.is_empty() {
            let mut refuse = |why: &str| {
                errors.push(invalid(&at("nonResourceURLs"), &json!(rule.non_resource_urls), why));
            };
            if namespaced {
                refuse("namespaced rules cannot apply to non-resource URLs");
            }
            if !(rule.api_groups.is_empty() && rule.resources.is_empty() && rule.resource_names.is_empty()) {
                refuse("rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        if rule.api_groups.is_empty() {
            errors.push(required(&at("apiGroups"), "resource rules must supply at least one api group"));
        }
        if rule.resources.is_empty() {
            errors.push(required(&at("resources"), "resource rules must supply at least one resource"));
        }
    }
}

/// A binding in a namespace.
pub fn binding(binding: &RoleBinding, errors: &mut Vec<FieldError>) {
    role_ref(&binding.role_ref, &["Role", "ClusterRole"], errors);
    subjects(&binding.subjects, true, errors);
}

/// A binding for the cluster.
pub fn cluster_binding(binding: &ClusterRoleBinding, errors: &mut Vec<FieldError>) {
    role_ref(&binding.role_ref, &["ClusterRole"], errors);
    subjects(&binding.subjects, false, errors);
}

/// A changed binding: its role stays.
pub fn same_role(new: &RoleRef, old: &RoleRef, errors: &mut Vec<FieldError>) {
    if new != old {
        // Upstream shows the internal type, whose fields have no names for the wire.
        let value = format!("{{\"APIGroup\":{:?},\"Kind\":{:?},\"Name\":{:?}}}", new.api_group, new.kind, new.name);
        let message = format!("Invalid value: {value}: cannot change roleRef");
        errors.push(FieldError { reason: "FieldValueInvalid", field: "roleRef".into(), message });
    }
}

fn role_ref(role: &RoleRef, kinds: &[&str], errors: &mut Vec<FieldError>) {
    if role.api_group != GROUP {
        errors.push(unsupported("roleRef.apiGroup", &role.api_group, &[GROUP]));
    }
    if !kinds.contains(&role.kind.as_str()) {
        errors.push(unsupported("roleRef.kind", &role.kind, kinds));
    }
    if role.name.is_empty() {
        errors.push(required("roleRef.name", ""));
    } else {
        each("roleRef.name", &role.name, names::path_segment(&role.name), errors);
    }
}

fn subjects(subjects: &[Subject], namespaced: bool, errors: &mut Vec<FieldError>) {
    for (at, subject) in subjects.iter().enumerate() {
        let at = |name: &str| format!("subjects[{at}].{name}");
        if subject.name.is_empty() {
            errors.push(required(&at("name"), ""));
        }
        match subject.kind.as_str() {
            "ServiceAccount" => {
                if !subject.name.is_empty() {
                    each(&at("name"), &subject.name, names::dns_subdomain(&subject.name), errors);
                }
                if !subject.api_group.is_empty() {
                    errors.push(unsupported(&at("apiGroup"), &subject.api_group, &[""]));
                }
                if !namespaced && subject.namespace.is_empty() {
                    errors.push(required(&at("namespace"), ""));
                }
            }
            "User" | "Group" => {
                if subject.api_group != GROUP {
                    errors.push(unsupported(&at("apiGroup"), &subject.api_group, &[GROUP]));
                }
            }
            other => errors.push(unsupported(&at("kind"), other, &["ServiceAccount", "User", "Group"])),
        }
    }
}
