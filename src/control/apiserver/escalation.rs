//! Nobody grants what they may not do themselves. Models `pkg/registry/rbac/{escalation_check,helpers}.go`,
//! `pkg/registry/rbac/*/policybased` and `pkg/registry/rbac/validation/{rule,policy_compact}.go`.
//!
//! Those who ask in their own name are of the group `system:masters` or parts of the cluster: they are not looked at.

use std::collections::BTreeSet;

use crate::api::{Kind, Object, PolicyRule, Request, RoleRef, Status, rule};
use crate::control::apiserver::ApiServer;
use crate::control::apiserver::authorizer::{self, Question, Target, User};
use crate::sim::VecMap;

/// Refuses a role or binding that would grant more than its author holds. `old` is what it takes the place of.
///
/// # Errors
/// It is forbidden, or the role of a binding does not exist.
pub fn check(
    server: &ApiServer,
    user: &User,
    request: &Request,
    new: &Object,
    old: Option<&Object>,
) -> Result<(), Status> {
    if authorizer::is_master(user) || old.is_some_and(|old| changes_only_what_removal_needs(new, old)) {
        return Ok(());
    }
    match new {
        Object::Role(role) => {
            if may(server, user, "escalate", request, "roles", &request.name) {
                return Ok(());
            }
            confirm(server, user, request, new, role.rules.as_deref().unwrap_or_default())
        }
        Object::ClusterRole(role) => {
            if may(server, user, "escalate", request, "clusterroles", &request.name) {
                return Ok(());
            }
            confirm(server, user, request, new, role.rules.as_deref().unwrap_or_default())?;
            let aggregates = |object: &Object| matches!(object, Object::ClusterRole(r) if r.aggregation_rule.is_some());
            if (aggregates(new) || old.is_some_and(aggregates))
                && !missing(server, user, &request.namespace, &everything()).is_empty()
            {
                let why = "must have cluster-admin privileges to use an aggregationRule";
                return Err(Status::forbidden(Kind::ClusterRole, &role.metadata.name, why));
            }
            Ok(())
        }
        Object::RoleBinding(binding) => bound(server, user, request, new, &binding.role_ref),
        Object::ClusterRoleBinding(binding) => bound(server, user, request, new, &binding.role_ref),
        _ => Ok(()),
    }
}

/// A binding: who may `bind` the role may do so, and who holds all that it grants.
fn bound(server: &ApiServer, user: &User, request: &Request, new: &Object, role: &RoleRef) -> Result<(), Status> {
    let (kind, plural, namespace) = match role.kind.as_str() {
        "Role" => (Kind::Role, "roles", &*request.namespace),
        "ClusterRole" => (Kind::ClusterRole, "clusterroles", ""),
        other => return Err(Status::internal(&format!("unsupported role reference kind: {other:?}"))),
    };
    if may(server, user, "bind", request, plural, &role.name) {
        return Ok(());
    }
    let rules = match server.cached(kind, namespace, &role.name) {
        Some(Object::Role(role)) => role.rules.clone(),
        Some(Object::ClusterRole(role)) => role.rules.clone(),
        _ => return Err(Status::not_found(kind, &role.name)),
    };
    confirm(server, user, request, new, rules.as_deref().unwrap_or_default())
}

fn may(server: &ApiServer, user: &User, verb: &str, request: &Request, plural: &str, name: &str) -> bool {
    let group = Kind::Role.info().group;
    let target = Target::Resource { namespace: &request.namespace, group, resource: plural.into(), name };
    authorizer::verdict(server, &Question { user: user.clone(), verb, target }).allowed
}

fn confirm(
    server: &ApiServer,
    user: &User,
    request: &Request,
    new: &Object,
    rules: &[PolicyRule],
) -> Result<(), Status> {
    let missing = missing(server, user, &request.namespace, rules);
    if missing.is_empty() {
        return Ok(());
    }
    let told: BTreeSet<String> = compact(missing).iter().map(described).collect();
    let told: Vec<String> = told.into_iter().collect();
    let (name, groups) = (&user.name, quoted(&user.groups));
    let why = format!(
        "user {name:?} (groups={groups}) is attempting to grant RBAC permissions not currently held:\n{}",
        told.join("\n")
    );
    Err(Status::forbidden(new.kind(), &new.meta().name, &why))
}

/// What an author of aggregation rules must hold, for such a rule may gather anything.
fn everything() -> [PolicyRule; 2] {
    let all = || vec!["*".to_owned()];
    [
        PolicyRule { verbs: all(), api_groups: all(), resources: all(), ..PolicyRule::default() },
        PolicyRule { verbs: all(), non_resource_urls: all(), ..PolicyRule::default() },
    ]
}

/// The smallest parts of rules that none of those that hold for somebody covers.
fn missing(server: &ApiServer, user: &User, namespace: &str, rules: &[PolicyRule]) -> Vec<PolicyRule> {
    rule::missing(&authorizer::rules_for(server, user, namespace), rules)
}

/// Parts of one group, resource and name as one rule with all their verbs.
fn compact(parts: Vec<PolicyRule>) -> Vec<PolicyRule> {
    let mut simple: VecMap<[Vec<String>; 3], PolicyRule> = VecMap::new();
    let mut all = Vec::new();
    for part in parts {
        if !part.non_resource_urls.is_empty() {
            all.push(part);
            continue;
        }
        let key = [part.api_groups.clone(), part.resources.clone(), part.resource_names.clone()];
        match simple.get_mut(&key) {
            Some(known) => {
                let new: Vec<String> = part.verbs.into_iter().filter(|verb| !known.verbs.contains(verb)).collect();
                known.verbs.extend(new);
            }
            None => {
                simple.insert(key, part);
            }
        }
    }
    all.extend(simple.iter().map(|(_, rule)| rule.clone()));
    all
}

/// `{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}`.
fn described(rule: &PolicyRule) -> String {
    let fields = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("ResourceNames", &rule.resource_names),
        ("Verbs", &rule.verbs),
    ];
    let fields = fields.iter().filter(|(_, words)| !words.is_empty());
    let fields: Vec<String> = fields.map(|(name, words)| format!("{name}:{}", quoted(words))).collect();
    format!("{{{}}}", fields.join(", "))
}

/// A list as Go's `%q` prints it.
fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", words.join(" "))
}

/// Whether nothing is different but the owners and the finalizers.
fn changes_only_what_removal_needs(new: &Object, old: &Object) -> bool {
    let mut new = new.clone();
    let (meta, had) = (new.meta_mut(), old.meta());
    meta.owner_references = had.owner_references.clone();
    meta.finalizers = had.finalizers.clone();
    meta.managed_fields = had.managed_fields.clone();
    new == *old
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(groups: &str, resources: &str, names: &str, verbs: &str) -> PolicyRule {
        let words = |text: &str| -> Vec<String> {
            text.split(',').filter(|word| !word.is_empty()).map(|word| word.replace("core", "")).collect()
        };
        PolicyRule {
            verbs: words(verbs),
            api_groups: words(groups),
            resources: words(resources),
            resource_names: words(names),
            ..PolicyRule::default()
        }
    }

    #[test]
    fn a_rule_covers_what_it_names_and_what_its_stars_stand_for() {
        let check = |held: PolicyRule, wanted: PolicyRule, all: bool| {
            assert_eq!(wanted.parts().iter().all(|part| held.covers(part)), all, "{held:?} {wanted:?}");
        };
        check(rule("core", "pods", "", "get,list"), rule("core", "pods", "", "list"), true);
        check(rule("core", "pods", "", "get"), rule("core", "pods", "", "get,list"), false);
        check(rule("core", "pods", "", "get"), rule("core", "pods", "web", "get"), true);
        check(rule("core", "pods", "web", "get"), rule("core", "pods", "", "get"), false);
        check(rule("*", "*/scale", "", "*"), rule("apps", "deployments/scale", "", "update"), true);
        check(rule("core", "pods", "", "get"), rule("apps", "pods", "", "get"), false);
        check(rule("core", "pods", "", "get"), rule("core", "pods", "", "*"), false);
    }

    #[test]
    fn what_is_missing_is_told_one_resource_a_rule_with_all_its_verbs() {
        let told: Vec<String> =
            compact(rule("core", "pods,nodes", "", "get,list").parts()).iter().map(described).collect();
        let nodes = r#"{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}"#;
        let pods = r#"{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}"#;
        assert_eq!(told, [nodes, pods]);
    }
}
