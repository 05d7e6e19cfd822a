//! Reviews: may someone do something? Answered at once, kept nowhere. Models `pkg/registry/authorization`,
//! `pkg/apis/authorization/validation`, `plugin/pkg/auth/authorizer/rbac` and `pkg/apis/rbac/v1/evaluation_helpers.go`.
//!
//! The server itself lets everyone do everything, as the administrator; a review tells what the roles say. Roles that a real
//! server makes for itself (`cluster-admin`, `view`, `system:*`) are not there, and no rule knows of nodes.

use serde_json::{Value, json};

use crate::api::decode::{self, Strictness};
use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::api::validate::{forbidden, invalid};
use crate::api::{
    ClusterRoleBinding, FieldError, Kind, Object, PolicyRule, RoleBinding, RoleRef, Status, Subject, schema,
};
use crate::control::apiserver::ApiServer;
use crate::control::apiserver::http::failure;

const GROUP: &str = "authorization.k8s.io";
const MASTERS: &str = "system:masters";

/// The resources: plural, kind, whether it belongs to a namespace.
pub const RESOURCES: &[(&str, &str, bool)] = &[
    ("localsubjectaccessreviews", "LocalSubjectAccessReview", true),
    ("selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
    ("subjectaccessreviews", "SubjectAccessReview", false),
];

/// Whether a group and version are those of the reviews.
pub fn is(group: &str, version: &str) -> bool {
    (group, version) == (GROUP, "v1")
}

/// Who asks for what.
struct Question<'a> {
    user: &'a str,
    groups: Vec<String>,
    verb: &'a str,
    target: Target<'a>,
}

enum Target<'a> {
    Resource { namespace: &'a str, group: &'a str, resource: String, name: &'a str },
    Path(&'a str),
}

/// What comes of it: whether it is allowed, and why.
struct Verdict {
    allowed: bool,
    reason: String,
}

/// The answer to a request for a review; `None` if it is for something else.
pub fn answer(server: &ApiServer, http: &HttpRequest) -> Option<HttpResponse> {
    let path = http.path.trim_matches('/').strip_prefix("apis/authorization.k8s.io/v1/")?;
    let (namespace, plural) = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["namespaces", namespace, plural] => (*namespace, *plural),
        [plural] => ("", *plural),
        _ => return None,
    };
    let (_, kind, namespaced) = RESOURCES.iter().find(|(name, _, _)| *name == plural)?;
    if *namespaced == namespace.is_empty() {
        return None;
    }
    if http.method != Method::Post {
        return Some(failure(&Status::method_not_allowed()));
    }
    Some(match reviewed(server, http, kind, namespace) {
        Ok(value) => {
            let body = value.to_string().into_bytes();
            HttpResponse { code: 201, warnings: Vec::new(), body, streams: false }
        }
        Err(status) => failure(&status),
    })
}

fn reviewed(server: &ApiServer, http: &HttpRequest, kind: &str, namespace: &str) -> Result<Value, Status> {
    let text = std::str::from_utf8(&http.body).map_err(|e| Status::bad_request(e.to_string()))?;
    let mut review: Value = if http.content_type.contains("yaml") {
        crate::api::manifest::to_value(text).map_err(|e| Status::bad_request(e.to_string()))?
    } else {
        serde_json::from_str(text).map_err(|e| Status::bad_request(format!("error decoding: {e}")))?
    };
    fits(http, kind, &mut review)?;
    let own = kind == "SelfSubjectAccessReview";
    let errors = wrong(&review, namespace, own);
    if !errors.is_empty() {
        return Err(refused(kind, &errors));
    }
    let verdict = {
        let question = question(&review["spec"], own);
        verdict(server, &question)
    };
    review["apiVersion"] = json!("authorization.k8s.io/v1");
    review["kind"] = json!(kind);
    if !review["metadata"].is_object() {
        review["metadata"] = json!({});
    }
    review["status"] = json!({"allowed": verdict.allowed});
    if !verdict.reason.is_empty() {
        review["status"]["reason"] = json!(verdict.reason);
    }
    Ok(review)
}

/// Refuses what the schema does not have.
fn fits(http: &HttpRequest, kind: &str, review: &mut Value) -> Result<(), Status> {
    let schema = schema::by_id(kind).expect("the table has the reviews");
    let found = decode::check(review, &schema);
    let strict = Strictness::of(http.query_value("fieldValidation").unwrap_or("Warn")) == Strictness::Strict;
    let unknown: Vec<String> = found.unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
    let why = match found.wrong_type {
        Some(why) => why,
        None if strict && !unknown.is_empty() => format!("strict decoding error: {}", unknown.join(", ")),
        None => return Ok(()),
    };
    let words = format!("{kind} in version \"v1\" cannot be handled as a {kind}: {why}");
    Err(Status::bad_request(words))
}

fn refused(kind: &str, errors: &[FieldError]) -> Status {
    let words: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
    let list = if let [one] = words.as_slice() { one.clone() } else { format!("[{}]", words.join(", ")) };
    Status {
        code: 422,
        reason: "Invalid".into(),
        message: format!("{kind}.{GROUP} \"\" is invalid: {list}"),
        details: Some(json!({"group": GROUP, "kind": kind})),
    }
}

fn wrong(review: &Value, namespace: &str, own: bool) -> Vec<FieldError> {
    let spec = &review["spec"];
    let mut errors = Vec::new();
    match (spec["resourceAttributes"].is_null(), spec["nonResourceAttributes"].is_null()) {
        (false, false) => {
            let why = "cannot be specified in combination with resourceAttributes";
            errors.push(invalid("spec.nonResourceAttributes", &spec["nonResourceAttributes"], why));
        }
        (true, true) => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            errors.push(invalid("spec.resourceAttributes", &Value::Null, why));
        }
        _ => {}
    }
    let nobody = spec["user"].as_str().unwrap_or("").is_empty() && spec["groups"].as_array().is_none_or(Vec::is_empty);
    if !own && nobody {
        errors.push(invalid("spec.user", &json!(""), "at least one of user or group must be specified"));
    }
    if !namespace.is_empty() {
        let asked = spec["resourceAttributes"]["namespace"].as_str().unwrap_or("");
        if asked != namespace {
            errors.push(invalid("spec.resourceAttributes.namespace", &json!(asked), "must match metadata.namespace"));
        }
        if !spec["nonResourceAttributes"].is_null() {
            let why = "disallowed on this kind of request";
            errors.push(forbidden("spec.nonResourceAttributes", why));
        }
    }
    errors
}

fn question(spec: &Value, own: bool) -> Question<'_> {
    let user = if own { "admin" } else { spec["user"].as_str().unwrap_or("") };
    let mut groups: Vec<String> =
        spec["groups"].as_array().into_iter().flatten().filter_map(|g| g.as_str().map(str::to_owned)).collect();
    if own {
        groups = vec![MASTERS.into(), "system:authenticated".into()];
    }
    let resource = &spec["resourceAttributes"];
    let path = &spec["nonResourceAttributes"];
    if resource.is_null() {
        let text = |name: &str| path[name].as_str().unwrap_or("");
        return Question { user, groups, verb: text("verb"), target: Target::Path(text("path")) };
    }
    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().unwrap_or("")
    }
    let mut plural = text(resource, "resource").to_owned();
    if !text(resource, "subresource").is_empty() {
        plural = format!("{plural}/{}", text(resource, "subresource"));
    }
    let target = Target::Resource {
        namespace: text(resource, "namespace"),
        group: text(resource, "group"),
        resource: plural,
        name: text(resource, "name"),
    };
    Question { user, groups, verb: text(resource, "verb"), target }
}

/// What the roles say.
fn verdict(server: &ApiServer, question: &Question<'_>) -> Verdict {
    if question.groups.iter().any(|group| group == MASTERS) {
        return Verdict { allowed: true, reason: String::new() };
    }
    let mut lost = Vec::new();
    for binding in server.all_cached(Kind::ClusterRoleBinding) {
        let Object::ClusterRoleBinding(binding) = binding else { continue };
        let ClusterRoleBinding { metadata, role_ref, subjects, .. } = binding.as_ref();
        let Some(subject) = subjects.iter().find(|subject| concerns(subject, question, "")) else { continue };
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
            let concerned = subjects.iter().find(|subject| concerns(subject, question, namespace));
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
fn concerns(subject: &Subject, question: &Question<'_>, namespace: &str) -> bool {
    match subject.kind.as_str() {
        "User" => question.user == subject.name,
        "Group" => question.groups.contains(&subject.name),
        "ServiceAccount" => {
            let home = if subject.namespace.is_empty() { namespace } else { &subject.namespace };
            !home.is_empty() && question.user == format!("system:serviceaccount:{home}:{}", subject.name)
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
