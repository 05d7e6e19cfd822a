//! Finding the pod and the container that `logs` and `exec` mean.
//!
//! Models `k8s.io/kubectl/pkg/polymorphichelpers` and `podcmd.FindOrDefaultContainerByName`.

use serde_json::Value;

use crate::api::http::HttpRequest;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::describe::page::selector as selector_text;
use crate::kubectl::json::{at, entries, items, text, text_at};
use crate::kubectl::object;
use crate::kubectl::resource::{self, Resource};
use crate::kubectl::select::resource_named;
use crate::kubectl::verb::common;

/// A pod that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The object.
    pub object: Value,
}

/// The annotation that names the container to take.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

fn pod(object: Value) -> Pod {
    Pod { namespace: object::namespace(&object).into(), name: object::name(&object).into(), object }
}

/// The pod that a word means: `web-0`, `pod/web-0`, `deploy/web`.
pub fn one(ctx: &mut Ctx<'_>, word: &str) -> Result<Pod, Stop> {
    let (kind, name) = word.split_once('/').unwrap_or(("pods", word));
    let resource = resource_named(ctx, kind)?;
    if name.is_empty() || name.contains('/') {
        return fail("arguments in resource/name form must have a single resource and name");
    }
    let namespace = ctx.namespace();
    let answer = ctx.request(HttpRequest::get(resource.object_path(&namespace, name)))?;
    if ctx.args().command.path == "logs" && api_error::reason_if_failed(&answer.response) == "NotFound" {
        let said = api_error::bare_message(&answer.response);
        return fail(format!("error from server (NotFound): {said} in namespace {namespace:?}"));
    }
    let found = api_error::body_or_stop(&answer.response)?;
    if resource.kind == "Pod" {
        return Ok(pod(found));
    }
    let mut pods = of(ctx, resource, &found)?;
    if pods.is_empty() {
        return fail("timed out waiting for the condition");
    }
    if pods.len() > 1 && ctx.args().command.path == "logs" {
        ctx.print_err(format!("Found {} pods, using pod/{}\n", pods.len(), pods[0].name));
    }
    Ok(pods.remove(0))
}

/// All pods of what a word means.
pub fn all(ctx: &mut Ctx<'_>, word: &str) -> Result<Vec<Pod>, Stop> {
    let (kind, name) = word.split_once('/').unwrap_or(("pods", word));
    let resource = resource_named(ctx, kind)?;
    if resource.kind == "Pod" {
        return Ok(vec![one(ctx, word)?]);
    }
    let namespace = ctx.namespace();
    let found = ctx.json(HttpRequest::get(resource.object_path(&namespace, name)))?;
    of(ctx, resource, &found)
}

/// The pods of an object, the one to take if only one is wanted first.
fn of(ctx: &mut Ctx<'_>, resource: &Resource, object: &Value) -> Result<Vec<Pod>, Stop> {
    let selector = pod_selector(object);
    if selector.is_empty() {
        let doing = if ctx.args().command.path == "logs" { "get the logs from" } else { "attach to" };
        let kind = match resource.custom {
            true => "*unstructured.Unstructured".to_owned(),
            false => format!("*{}.{}", resource.version, resource.kind),
        };
        return fail(format!("cannot {doing} {kind}: selector for {kind} not implemented"));
    }
    let mut pods = selected(ctx, &selector)?;
    pods.sort_by_key(|p| rank(&p.object));
    Ok(pods)
}

/// Running and ready pods first, the older ones before.
fn rank(pod: &Value) -> (bool, bool, bool, String) {
    let ready =
        items(pod, &["status", "conditions"]).iter().any(|c| text(c, "type") == "Ready" && text(c, "status") == "True");
    let running = text_at(pod, &["status", "phase"]) == "Running";
    let assigned = !text_at(pod, &["spec", "nodeName"]).is_empty();
    (!assigned, !running, !ready, text_at(pod, &["metadata", "creationTimestamp"]).to_owned())
}

/// The selector of a workload or service as text.
pub fn pod_selector(object: &Value) -> String {
    let selector = at(object, &["spec", "selector"]);
    if selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some() {
        return selector_text(selector);
    }
    let pairs: Vec<String> =
        entries(selector, &[]).into_iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or(""))).collect();
    pairs.join(",")
}

/// The pods that a selector finds in the command's namespace.
pub fn selected(ctx: &mut Ctx<'_>, selector: &str) -> Result<Vec<Pod>, Stop> {
    let mut request = HttpRequest::get(format!("/api/v1/namespaces/{}/pods", ctx.namespace()));
    request.query = vec![("labelSelector".into(), selector.into()), ("limit".into(), "500".into())];
    let pods = resource::by_plural("pods").expect("the table has pods");
    let list = common::list(ctx, pods, request)?;
    let namespace = ctx.namespace();
    let found: Vec<Pod> = items(&list, &["items"]).iter().cloned().map(pod).collect();
    if found.is_empty() && ctx.args().command.path == "logs" && !ctx.args().text("selector").is_empty() {
        ctx.print_err(format!("No resources found in {namespace} namespace.\n"));
    }
    Ok(found)
}

/// The container that is meant when none is named.
pub fn default_container_quietly(pod: &Value) -> String {
    let names: Vec<&str> = items(pod, &["spec", "containers"]).iter().map(|c| text(c, "name")).collect();
    let annotated = text_at(pod, &["metadata", "annotations", DEFAULT_CONTAINER]);
    if names.contains(&annotated) { annotated.to_owned() } else { names.first().copied().unwrap_or("").to_owned() }
}

/// The container that is meant when none is named; tells so if there are several.
pub fn default_container(ctx: &mut Ctx<'_>, pod: &Value) -> String {
    let first = default_container_quietly(pod);
    let names: Vec<&str> = items(pod, &["spec", "containers"]).iter().map(|c| text(c, "name")).collect();
    if text_at(pod, &["metadata", "annotations", DEFAULT_CONTAINER]) == first {
        return first;
    }
    let inits = items(pod, &["spec", "initContainers"]);
    if names.len() + inits.len() > 1 {
        let all: Vec<String> = names
            .iter()
            .map(|n| (*n).to_owned())
            .chain(inits.iter().map(|c| format!("{} (init)", text(c, "name"))))
            .collect();
        ctx.print_err(format!("Defaulted container {first:?} out of: {}\n", all.join(", ")));
    }
    first
}

/// Refuses a container that the pod does not have.
pub fn check_container(pod: &Value, name: &str) -> Result<(), Stop> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let known = lists.iter().any(|list| items(pod, &["spec", list]).iter().any(|c| text(c, "name") == name));
    if known {
        return Ok(());
    }
    fail(format!("container {name} is not valid for pod {}", object::name(pod)))
}
