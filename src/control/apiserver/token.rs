//! Tokens of service accounts: made by `TokenRequest`, taken as `Authorization: Bearer`, looked over by `TokenReview`.
//!
//! Models `pkg/registry/core/serviceaccount/storage/token.go`, `pkg/serviceaccount` and
//! `k8s.io/apiserver/pkg/endpoints/filters/authentication.go`. A token of a pod holds as long as there is the pod.

use serde_json::{Value, json};

use crate::api::bearer::{self, ACCOUNT, ISSUER};
use crate::api::decode::Wanted;
use crate::api::http::{HttpRequest, HttpResponse, Impersonated, Method};
use crate::api::{Kind, Pod, Status};
use crate::control::apiserver::ApiServer;
use crate::control::apiserver::http::{failure, recognised};
use crate::sim::{Time, digest_of};

/// How long one holds if nothing is said, and the least.
const HOUR: i64 = 3_600;
const SHORTEST: i64 = 600;
const GROUP: &str = "authentication.k8s.io";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const OTHER_ACCOUNT: &str = "[invalid bearer token, service account UID does not match]";

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bearer {
    user: String,
    uid: String,
    audiences: Vec<String>,
}

/// The answer to a request for or about a token; `None` if it is for something else.
pub fn answer(server: &ApiServer, http: &HttpRequest, now: Time) -> Option<HttpResponse> {
    let parts: Vec<&str> = http.path.trim_matches('/').split('/').collect();
    let account = match parts.as_slice() {
        _ if http.path == REVIEWS => None,
        ["api", "v1", "namespaces", namespace, "serviceaccounts", name, "token"] => Some((*namespace, *name)),
        _ => return None,
    };
    if http.method != Method::Post {
        return Some(failure(&Status::method_not_allowed()));
    }
    let made = match account {
        Some(account) => request(server, http, account, now),
        None => review(server, http, now),
    };
    Some(made.map_or_else(|status| failure(&status), |value| HttpResponse::json(201, &value)))
}

/// The request as made by whom its token stands for.
pub fn authenticated(server: &ApiServer, mut http: HttpRequest, now: Time) -> Result<HttpRequest, Status> {
    let Some(token) = http.bearer.take() else { return Ok(http) };
    let Ok(bearer) = read(server, &token, now) else { return Err(unauthorized()) };
    if http.impersonate.is_some() {
        return Err(Status {
            code: 403,
            reason: "Forbidden".into(),
            message: format!(
                "users \"{}\" is forbidden: User {:?} cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
                http.impersonate.as_ref().map_or("", |other| other.user.as_str()),
                bearer.user
            ),
            details: None,
        });
    }
    http.impersonate = Some(Impersonated { user: bearer.user, groups: Vec::new() });
    Ok(http)
}

fn unauthorized() -> Status {
    Status { code: 401, reason: "Unauthorized".into(), message: "Unauthorized".into(), details: None }
}

fn body(http: &HttpRequest, kind: &str) -> Result<Value, Status> {
    recognised(http, Wanted { kind, group: GROUP, version: "v1" })
}

fn request(
    server: &ApiServer,
    http: &HttpRequest,
    (namespace, name): (&str, &str),
    now: Time,
) -> Result<Value, Status> {
    let mut asked = body(http, "TokenRequest")?;
    let account = server
        .cached(Kind::ServiceAccount, namespace, name)
        .ok_or_else(|| Status::not_found(Kind::ServiceAccount, name))?;
    let seconds = asked["spec"]["expirationSeconds"].as_i64().unwrap_or(HOUR);
    if seconds < SHORTEST {
        return Err(too_short(seconds));
    }
    let given = asked["spec"]["audiences"].as_array().filter(|all| !all.is_empty()).cloned();
    let audiences = given.unwrap_or_else(|| vec![json!(ISSUER)]);
    let issued = server.calendar(now).0;
    let bound = bound(server, &asked["spec"]["boundObjectRef"], (namespace, name))?;
    let mut claims = json!({
        "aud": audiences, "exp": issued + seconds, "iat": issued, "iss": ISSUER, "nbf": issued,
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": account.meta().uid}},
        "sub": format!("{ACCOUNT}{namespace}:{name}"),
    });
    for (kind, reference) in bound {
        claims["kubernetes.io"][kind] = reference;
    }
    claims["jti"] = json!(identity(&claims));
    asked["apiVersion"] = json!("authentication.k8s.io/v1");
    asked["kind"] = json!("TokenRequest");
    asked["metadata"] = json!({"name": name, "namespace": namespace, "creationTimestamp": server.calendar(now)});
    asked["spec"]["audiences"] = json!(audiences);
    asked["spec"]["expirationSeconds"] = json!(seconds);
    if asked["spec"].get("boundObjectRef").is_none() {
        asked["spec"]["boundObjectRef"] = Value::Null;
    }
    let expires = crate::api::Timestamp(issued + seconds);
    asked["status"] = json!({"token": bearer::signed(&claims), "expirationTimestamp": expires});
    Ok(asked)
}

/// A number for the token that no other has.
fn identity(claims: &Value) -> String {
    let hex = format!("{}{}", digest_of(&(0_u8, claims.to_string())), digest_of(&(1_u8, claims.to_string())));
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or("");
    format!("{}-{}-4{}-a{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

/// What the claims say of the object with which a token ends, and of its node if it is a pod.
fn bound(
    server: &ApiServer,
    reference: &Value,
    (namespace, account): (&str, &str),
) -> Result<Vec<(&'static str, Value)>, Status> {
    if !reference.is_object() {
        return Ok(Vec::new());
    }
    let text = |field: &str| reference[field].as_str().unwrap_or("");
    let (name, uid) = (text("name"), text("uid"));
    let (kind, word, place) = match (text("apiVersion"), text("kind")) {
        ("v1", "Pod") => (Kind::Pod, "pod", namespace),
        ("v1", "Secret") => (Kind::Secret, "secret", namespace),
        ("v1", "Node") => (Kind::Node, "node", ""),
        (version, kind) => {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            let of = format!("{group}/{version}, Kind={kind}");
            return Err(Status::bad_request(format!(
                "cannot bind token for serviceaccount {account:?} to object type {of}"
            )));
        }
    };
    let object = server.cached(kind, place, name).ok_or_else(|| Status::not_found(kind, name))?;
    let mut parts = Vec::new();
    if let Some(pod) = object.get::<Pod>() {
        if pod.spec.service_account_name != account {
            return Err(Status::bad_request(format!(
                "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
            )));
        }
        if let Some(node) = server.cached(Kind::Node, "", &pod.spec.node_name) {
            parts.push(("node", json!({"name": pod.spec.node_name, "uid": node.meta().uid})));
        }
    }
    if !uid.is_empty() && uid != object.meta().uid.to_string() {
        return Err(Status::conflict_of(
            text("kind"),
            name,
            &format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
            ),
        ));
    }
    parts.push((word, json!({"name": name, "uid": object.meta().uid})));
    Ok(parts)
}

fn too_short(seconds: i64) -> Status {
    let why = "may not specify a duration less than 10 minutes";
    Status {
        code: 422,
        reason: "Invalid".into(),
        message: format!(
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: {seconds}: {why}"
        ),
        details: Some(json!({"group": "authentication.k8s.io", "kind": "TokenRequest", "causes": [{
            "reason": "FieldValueInvalid", "message": format!("Invalid value: {seconds}: {why}"), "field": "spec.expirationSeconds",
        }]})),
    }
}

/// Whom a token stands for, or why for nobody.
fn read(server: &ApiServer, token: &str, now: Time) -> Result<Bearer, &'static str> {
    let claims = bearer::claims(token).ok_or("invalid bearer token")?;
    if claims["iss"] == bearer::LEGACY {
        return read_legacy(server, &claims);
    }
    if claims["exp"].as_i64().unwrap_or(0) <= server.calendar(now).0 {
        return Err("[invalid bearer token, service account token has expired]");
    }
    let place = &claims["kubernetes.io"];
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let (namespace, name) = (text(&place["namespace"]), text(&place["serviceaccount"]["name"]));
    let account = server.cached(Kind::ServiceAccount, &namespace, &name).ok_or(OTHER_ACCOUNT)?;
    let uid = account.meta().uid.to_string();
    match place.get("pod") {
        None if place["serviceaccount"]["uid"] == *uid => {}
        None => return Err(OTHER_ACCOUNT),
        Some(bound) => {
            let pod = server.cached(Kind::Pod, &namespace, bound["name"].as_str().unwrap_or(""));
            if pod.is_none_or(|pod| bound["uid"] != *pod.meta().uid.to_string()) {
                return Err("[invalid bearer token, service account token has been invalidated]");
            }
        }
    }
    let lives = |kind, namespace: &str, bound: &Value| {
        let object = server.cached(kind, namespace, bound["name"].as_str().unwrap_or(""));
        object.is_some_and(|object| bound["uid"] == *object.meta().uid.to_string())
    };
    let node = place.get("node").filter(|_| place.get("pod").is_none());
    let gone = place.get("secret").is_some_and(|bound| !lives(Kind::Secret, &namespace, bound))
        || node.is_some_and(|bound| !lives(Kind::Node, "", bound));
    if gone {
        return Err("[invalid bearer token, service account token has been invalidated]");
    }
    let audiences = claims["aud"].as_array().into_iter().flatten().map(text).collect();
    Ok(Bearer { user: text(&claims["sub"]), uid, audiences })
}

/// Whom a token of a Secret stands for, as long as there are both.
fn read_legacy(server: &ApiServer, claims: &Value) -> Result<Bearer, &'static str> {
    let text = |name: &str| claims[format!("kubernetes.io/serviceaccount/{name}")].as_str().unwrap_or("").to_owned();
    let (namespace, uid) = (text("namespace"), text("service-account.uid"));
    if server.cached(Kind::Secret, &namespace, &text("secret.name")).is_none() {
        return Err("[invalid bearer token, service account token has been invalidated]");
    }
    let account = server.cached(Kind::ServiceAccount, &namespace, &text("service-account.name"));
    account.filter(|account| account.meta().uid.to_string() == uid).ok_or(OTHER_ACCOUNT)?;
    let user = claims["sub"].as_str().unwrap_or("").to_owned();
    Ok(Bearer { user, uid, audiences: vec![ISSUER.to_owned()] })
}

fn review(server: &ApiServer, http: &HttpRequest, now: Time) -> Result<Value, Status> {
    let mut asked = body(http, "TokenReview")?;
    asked["apiVersion"] = json!("authentication.k8s.io/v1");
    asked["kind"] = json!("TokenReview");
    if !asked["metadata"].is_object() {
        asked["metadata"] = json!({});
    }
    let token = asked["spec"]["token"].as_str().unwrap_or("").to_owned();
    asked["status"] = match read(server, &token, now) {
        Ok(Bearer { user, uid, audiences }) => {
            let namespace = user.strip_prefix(ACCOUNT).and_then(|rest| rest.split(':').next()).unwrap_or("");
            let groups = json!([
                "system:serviceaccounts",
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated"
            ]);
            json!({
                "authenticated": true, "audiences": audiences,
                "user": {"username": user, "uid": uid, "groups": groups},
            })
        }
        Err(why) => json!({"user": {}, "error": why}),
    };
    Ok(asked)
}
