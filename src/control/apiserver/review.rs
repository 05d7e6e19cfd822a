//! Reviews: may someone do something, and who am I? Answered at once, kept nowhere. Models `pkg/registry/authorization`,
//! `pkg/registry/authentication/selfsubjectreview` and `pkg/apis/authorization/validation`.

use serde_json::{Value, json};

use crate::api::decode::{self, Strictness};
use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::api::validate::{forbidden, invalid};
use crate::api::{FieldError, PolicyRule, Status, schema};
use crate::control::apiserver::ApiServer;
use crate::control::apiserver::authorizer::{self, Question, Target, User};
use crate::control::apiserver::http::{failure, recognised};

const GROUP: &str = "authorization.k8s.io";
/// Where one asks who one is.
const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// The resources: plural, kind, whether it belongs to a namespace.
pub const RESOURCES: &[(&str, &str, bool)] = &[
    ("localsubjectaccessreviews", "LocalSubjectAccessReview", true),
    ("selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
    ("selfsubjectrulesreviews", "SelfSubjectRulesReview", false),
    ("subjectaccessreviews", "SubjectAccessReview", false),
];

/// The group in which one asks who somebody is.
pub const WHO_GROUP: &str = "authentication.k8s.io";

/// Its resources, as [`RESOURCES`].
pub const WHO_RESOURCES: &[(&str, &str, bool)] =
    &[("selfsubjectreviews", "SelfSubjectReview", false), ("tokenreviews", "TokenReview", false)];

/// Whether a group and version are those of the reviews.
pub fn is(group: &str, version: &str) -> bool {
    (group, version) == (GROUP, "v1")
}

/// The reviews of a group and version.
pub fn resources(group: &str, version: &str) -> &'static [(&'static str, &'static str, bool)] {
    match (group, version) {
        (GROUP, "v1") => RESOURCES,
        (WHO_GROUP, "v1") => WHO_RESOURCES,
        _ => &[],
    }
}

/// The answer to a request for a review; `None` if it is for something else.
pub fn answer(server: &ApiServer, http: &HttpRequest) -> Option<HttpResponse> {
    if http.path == WHO && http.method == Method::Post {
        let User { name, groups } = authorizer::user(http);
        let who = json!({"username": name, "groups": groups});
        return Some(HttpResponse::json(
            201,
            &json!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}, "status": {"userInfo": who},
            }),
        ));
    }
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
        Ok(value) => HttpResponse::json(201, &value),
        Err(status) => failure(&status),
    })
}

/// The rules that hold for who asks, in the namespace that is asked about.
fn rules_status(rules: &[PolicyRule]) -> Value {
    let (paths, resources): (Vec<&PolicyRule>, Vec<&PolicyRule>) =
        rules.iter().partition(|rule| !rule.non_resource_urls.is_empty());
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}

fn reviewed(server: &ApiServer, http: &HttpRequest, kind: &str, namespace: &str) -> Result<Value, Status> {
    let mut review = recognised(http, decode::Wanted { kind, group: GROUP, version: "v1" })?;
    if kind == "SelfSubjectRulesReview" {
        let namespace = review["spec"]["namespace"].as_str().unwrap_or("");
        if namespace.is_empty() {
            return Err(Status::bad_request("no namespace on request"));
        }
        review["status"] = rules_status(&authorizer::rules_for(server, &authorizer::user(http), namespace));
        return Ok(review);
    }
    fits(http, kind, &mut review)?;
    let own = kind == "SelfSubjectAccessReview";
    let errors = wrong(&review, namespace, own);
    if !errors.is_empty() {
        return Err(refused(kind, &errors));
    }
    let verdict = {
        let question = question(&review["spec"], own.then(|| authorizer::user(http)));
        authorizer::verdict(server, &question)
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

fn question(spec: &Value, own: Option<User>) -> Question<'_> {
    let user = own.unwrap_or_else(|| {
        let groups = spec["groups"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let name = spec["user"].as_str().unwrap_or("").to_owned();
        User { name, groups: groups.map(str::to_owned).collect() }
    });
    let resource = &spec["resourceAttributes"];
    let path = &spec["nonResourceAttributes"];
    if resource.is_null() {
        let text = |name: &str| path[name].as_str().unwrap_or("");
        return Question { user, verb: text("verb"), target: Target::Path(text("path")) };
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
    Question { user, verb: text(resource, "verb"), target }
}
