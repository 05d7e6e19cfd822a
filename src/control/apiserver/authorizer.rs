//! Who may do what: the rules of roles, and what a request asks of them. Models `plugin/pkg/auth/authorizer/rbac`,
//! `pkg/apis/rbac/v1/evaluation_helpers.go` and `k8s.io/apiserver/pkg/endpoints/{request,filters}` (`RequestInfo`,
//! impersonation, authorization).
//!
//! Everyone is the administrator, who may do everything, unless a request says as whom it is made (`kubectl --as`). Differs: no
//! rule knows of nodes.

use serde_json::json;

use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::api::{ClusterRoleBinding, Kind, Object, PolicyRule, RoleBinding, RoleRef, Status, Subject};
use crate::control::apiserver::ApiServer;
use crate::control::apiserver::http::failure;

/// The group that may do everything.
const MASTERS: &str = "system:masters";
/// The group of everyone who is known.
const AUTHENTICATED: &str = "system:authenticated";
/// What the names of service accounts as users begin with.
const ACCOUNT: &str = "system:serviceaccount:";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// The name.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// A question: may somebody do something?
pub struct Question<'a> {
    /// Who.
    pub user: User,
    /// `get`, `list`, …
    pub verb: &'a str,
    /// What with.
    pub target: Target<'a>,
}

/// What a question is about.
pub enum Target<'a> {
    /// A resource; the name is empty for all of them.
    Resource {
        /// The namespace; empty for none or all.
        namespace: &'a str,
        /// The group.
        group: &'a str,
        /// The plural, with its part: `pods/log`.
        resource: String,
        /// The object.
        name: &'a str,
    },
    /// A path that is no resource.
    Path(&'a str),
}

/// What comes of it: whether it is allowed, and why.
pub struct Verdict {
    /// Whether.
    pub allowed: bool,
    /// Why, in upstream's words; may be empty.
    pub reason: String,
}

/// As whom a request is made.
pub fn user(http: &HttpRequest) -> User {
    let Some(other) = &http.impersonate else {
        return User { name: "kubernetes-admin".into(), groups: vec![MASTERS.into(), AUTHENTICATED.into()] };
    };
    let mut groups = other.groups.clone();
    if let Some((namespace, _)) = other.user.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':'))
        && groups.is_empty()
    {
        groups = vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")];
    }
    if other.user == "system:anonymous" {
        groups.push("system:unauthenticated".into());
    } else if !groups.iter().any(|group| group == AUTHENTICATED) {
        groups.push(AUTHENTICATED.into());
    }
    User { name: other.user.clone(), groups }
}

/// Whether somebody may do everything, whatever the roles say.
pub fn is_master(user: &User) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
}

/// Refuses what whoever a request is made as may not do.
pub fn refusal(server: &ApiServer, http: &HttpRequest) -> Option<HttpResponse> {
    http.impersonate.as_ref()?;
    let asked = Question { user: user(http), ..asked(http) };
    let verdict = verdict(server, &asked);
    (!verdict.allowed).then(|| failure(&forbidden(&asked, &verdict.reason)))
}

/// What a request asks for, before it is known who asks.
fn asked(http: &HttpRequest) -> Question<'_> {
    let user = User { name: String::new(), groups: Vec::new() };
    let parts: Vec<&str> = http.path.trim_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] if !rest.is_empty() => ("", rest),
        ["apis", group, _, rest @ ..] if !rest.is_empty() => (*group, rest),
        _ => {
            let verb = if http.method == Method::Get { "get" } else { "post" };
            return Question { user, verb, target: Target::Path(&http.path) };
        }
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, plural, ..] if !matches!(*plural, "status" | "finalize") => (*namespace, &rest[2..]),
        ["namespaces", name, ..] => (*name, rest),
        _ => ("", rest),
    };
    let (plural, name, part) = match rest {
        [plural, name, part, ..] => (*plural, *name, Some(*part)),
        [plural, name] => (*plural, *name, None),
        [plural, ..] => (*plural, "", None),
        [] => ("", "", None),
    };
    let watches = http.query_value("watch").is_some_and(|value| value == "true" || value == "1");
    let verb = match (http.method, name.is_empty()) {
        (Method::Get, _) if watches => "watch",
        (Method::Get, true) => "list",
        (Method::Get, false) => "get",
        (Method::Post, _) => "create",
        (Method::Put, _) => "update",
        (Method::Patch, _) => "patch",
        (Method::Delete, true) => "deletecollection",
        (Method::Delete, false) => "delete",
    };
    let resource = part.map_or_else(|| plural.to_owned(), |part| format!("{plural}/{part}"));
    Question { user, verb, target: Target::Resource { namespace, group, resource, name } }
}

/// The refusal in upstream's words.
fn forbidden(question: &Question<'_>, reason: &str) -> Status {
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let (who, verb) = (&question.user.name, question.verb);
    let (message, details) = match &question.target {
        Target::Path(path) => (format!("forbidden: User {who:?} cannot {verb} path {path:?}{reason}"), json!({})),
        Target::Resource { namespace, group, resource, name } => {
            let plural = resource.split('/').next().unwrap_or_default();
            let full = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
            let what = if name.is_empty() { full } else { format!("{full} {name:?}") };
            let scope = match *namespace {
                "" => "at the cluster scope".to_owned(),
                namespace => format!("in the namespace {namespace:?}"),
            };
            let words = format!("cannot {verb} resource {resource:?} in API group {group:?} {scope}{reason}");
            let mut details = json!({"kind": plural});
            for (field, value) in [("name", *name), ("group", *group)] {
                if !value.is_empty() {
                    details[field] = json!(value);
                }
            }
            (format!("{what} is forbidden: User {who:?} {words}"), details)
        }
    };
    Status { code: 403, reason: "Forbidden".into(), message, details: Some(details) }
}

/// The rules that hold for somebody in a namespace.
pub fn rules_for(server: &ApiServer, user: &User, namespace: &str) -> Vec<PolicyRule> {
    let mut all = Vec::new();
    for binding in server.all_cached(Kind::ClusterRoleBinding) {
        if let Object::ClusterRoleBinding(binding) = binding
            && binding.subjects.iter().any(|subject| concerns(subject, user, ""))
        {
            all.extend(rules(server, &binding.role_ref, "").into_iter().flatten());
        }
    }
    for binding in server.all_cached(Kind::RoleBinding).filter(|b| b.meta().namespace == namespace) {
        if let Object::RoleBinding(binding) = binding
            && binding.subjects.iter().any(|subject| concerns(subject, user, namespace))
        {
            all.extend(rules(server, &binding.role_ref, namespace).into_iter().flatten());
        }
    }
    all
}

/// What the roles say.
pub fn verdict(server: &ApiServer, question: &Question<'_>) -> Verdict {
    if is_master(&question.user) {
        return Verdict { allowed: true, reason: String::new() };
    }
    let mut lost = Vec::new();
    for binding in server.all_cached(Kind::ClusterRoleBinding) {
        let Object::ClusterRoleBinding(binding) = binding else { continue };
        let ClusterRoleBinding { metadata, role_ref, subjects, .. } = binding.as_ref();
        let Some(subject) = subjects.iter().find(|subject| concerns(subject, &question.user, "")) else { continue };
        match rules(server, role_ref, "") {
            Some(rules) if rules.iter().any(|rule| allows(rule, question)) => {
                return because(&format!("ClusterRoleBinding {:?}", metadata.name), role_ref, subject, "");
            }
            Some(_) => {}
            None => lost.push(missing(role_ref)),
        }
    }
    if let Target::Resource { namespace, .. } = question.target
        && !namespace.is_empty()
    {
        for binding in server.all_cached(Kind::RoleBinding).filter(|b| b.meta().namespace == namespace) {
            let Object::RoleBinding(binding) = binding else { continue };
            let RoleBinding { metadata, role_ref, subjects, .. } = binding.as_ref();
            let concerned = subjects.iter().find(|subject| concerns(subject, &question.user, namespace));
            let Some(subject) = concerned else { continue };
            match rules(server, role_ref, namespace) {
                Some(rules) if rules.iter().any(|rule| allows(rule, question)) => {
                    let of = format!("RoleBinding {:?}", format!("{}/{namespace}", metadata.name));
                    return because(&of, role_ref, subject, namespace);
                }
                Some(_) => {}
                None => lost.push(missing(role_ref)),
            }
        }
    }
    let reason = match lost.as_slice() {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        all => format!("RBAC: [{}]", all.join(", ")),
    };
    Verdict { allowed: false, reason }
}

fn because(binding: &str, role: &RoleRef, subject: &Subject, namespace: &str) -> Verdict {
    let who = if subject.kind == "ServiceAccount" {
        let home = if subject.namespace.is_empty() { namespace } else { &subject.namespace };
        format!("ServiceAccount {:?}", format!("{}/{home}", subject.name))
    } else {
        format!("{} {:?}", subject.kind, subject.name)
    };
    let reason = format!("RBAC: allowed by {binding} of {} {:?} to {who}", role.kind, role.name);
    Verdict { allowed: true, reason }
}

fn missing(role: &RoleRef) -> String {
    format!("{}.rbac.authorization.k8s.io {:?} not found", role.kind.to_lowercase(), role.name)
}

fn rules(server: &ApiServer, role: &RoleRef, namespace: &str) -> Option<Vec<PolicyRule>> {
    match role.kind.as_str() {
        "Role" => match server.cached(Kind::Role, namespace, &role.name)? {
            Object::Role(role) => Some(role.rules.clone().unwrap_or_default()),
            _ => None,
        },
        "ClusterRole" => match server.cached(Kind::ClusterRole, "", &role.name)? {
            Object::ClusterRole(role) => Some(role.rules.clone().unwrap_or_default()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a subject of a binding is who asks.
fn concerns(subject: &Subject, user: &User, namespace: &str) -> bool {
    match subject.kind.as_str() {
        "User" => user.name == subject.name,
        "Group" => user.groups.contains(&subject.name),
        "ServiceAccount" => {
            let home = if subject.namespace.is_empty() { namespace } else { &subject.namespace };
            !home.is_empty() && user.name == format!("{ACCOUNT}{home}:{}", subject.name)
        }
        _ => false,
    }
}

/// Whether a rule allows it.
fn allows(rule: &PolicyRule, question: &Question<'_>) -> bool {
    let any = |all: &[String], word: &str| all.iter().any(|one| one == "*" || one == word);
    if !any(&rule.verbs, question.verb) {
        return false;
    }
    match &question.target {
        Target::Path(path) => rule
            .non_resource_urls
            .iter()
            .any(|url| url == "*" || url == path || url.strip_suffix('*').is_some_and(|base| path.starts_with(base))),
        Target::Resource { group, resource, name, .. } => {
            let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            let known = rule.resources.iter().any(|one| one == "*" || one == resource || Some(one) == sub.as_ref());
            let named = rule.resource_names.is_empty() || rule.resource_names.iter().any(|one| one == name);
            any(&rule.api_groups, group) && known && named
        }
    }
}
