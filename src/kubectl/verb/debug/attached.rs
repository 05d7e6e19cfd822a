//! Attaching to what `kubectl debug` made, as soon as it runs.
//!
//! Models `handleAttachPod` and `waitForContainer` of `k8s.io/kubectl/pkg/cmd/debug/debug.go`.

use serde_json::Value;

use crate::api::http::{Chunk, HttpRequest};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Next, Stop, fail};
use crate::kubectl::json::{items, text, text_at};
use crate::kubectl::object;
use crate::kubectl::verb::attach;
use crate::kubectl::verb::pods::Pod;

/// Attaches to a container of a pod; the log of one that has ended must do.
pub fn run(ctx: &mut Ctx<'_>, namespace: &str, name: &str, container: &str) -> Result<(), Stop> {
    let object = started(ctx, namespace, name, container)?;
    if !status(&object, container)["state"]["terminated"].is_null() {
        return log(ctx, namespace, name, container);
    }
    let pod = Pod { namespace: namespace.to_owned(), name: name.to_owned(), object };
    let answer = attach::to_container(ctx, &pod, container)?;
    if answer.response.is_success() {
        return Ok(());
    }
    let why = api_error::bare_message(&answer.response);
    ctx.print_err(format!("warning: couldn't attach to pod/{name}, falling back to streaming logs: {why}\n"));
    log(ctx, namespace, name, container)
}

fn log(ctx: &mut Ctx<'_>, namespace: &str, name: &str, container: &str) -> Result<(), Stop> {
    let mut request = HttpRequest::get(format!("/api/v1/namespaces/{namespace}/pods/{name}/log"));
    request.accept = "*/*".into();
    request.query = vec![("container".into(), container.into())];
    let response = ctx.request(request)?.response;
    if !response.is_success() {
        return fail(api_error::bare_message(&response));
    }
    ctx.print(String::from_utf8_lossy(&response.body).into_owned());
    Ok(())
}

/// The pod as soon as the container runs or has ended. What keeps it waiting is told.
fn started(ctx: &mut Ctx<'_>, namespace: &str, name: &str, container: &str) -> Result<Value, Stop> {
    let selector = ("fieldSelector".to_owned(), format!("metadata.name={name}"));
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    loop {
        let mut request = HttpRequest::get(&path);
        request.query.push(selector.clone());
        let list = ctx.json(request)?;
        if let Some(pod) = items(&list, &["items"]).iter().find(|pod| has_begun(ctx, pod, container)) {
            return Ok(pod.clone());
        }
        let mut request = HttpRequest::get(&path);
        let version = object::resource_version(&list).to_owned();
        request.query = vec![selector.clone(), ("resourceVersion".into(), version), ("watch".into(), "true".into())];
        let mut stream = ctx.stream(request)?;
        while let Next::Chunk(chunk) = ctx.next(&mut stream, None)? {
            let Chunk::Event(bytes) = chunk else { continue };
            let event: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            match text(&event, "type") {
                "ERROR" => break,
                "DELETED" => return fail("pods \"\" not found"),
                "ADDED" | "MODIFIED" if has_begun(ctx, &event["object"], container) => {
                    return Ok(event["object"].clone());
                }
                _ => {}
            }
        }
    }
}

fn has_begun(ctx: &mut Ctx<'_>, pod: &Value, container: &str) -> bool {
    let state = &status(pod, container)["state"];
    if state["running"].is_object() || state["terminated"].is_object() {
        return true;
    }
    let why = text_at(state, &["waiting", "message"]);
    if !why.is_empty() && !ctx.args().bool("quiet") {
        ctx.print_err(format!("Warning: container {container}: {why}\n"));
    }
    false
}

fn status<'a>(pod: &'a Value, container: &str) -> &'a Value {
    let lists = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
    let mut all = lists.iter().flat_map(|list| items(pod, &["status", list]));
    all.find(|status| text(status, "name") == container).unwrap_or(&Value::Null)
}
