//! `kubectl run -i` and `--attach`: waits for the pod, attaches to it, and tells how it ended.
//!
//! Models `handleAttachPod` and what follows it in `k8s.io/kubectl/pkg/cmd/run/run.go`. Differs: of a log that stands in for
//! an attachment, what was printed before is left out by its text, not by its time.

use serde_json::{Value, json};

use crate::api::http::{HttpRequest, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::{int_at, items, text, text_at};
use crate::kubectl::resource::{self, Resource};
use crate::kubectl::verb::common::{self, Named};
use crate::kubectl::verb::pods::Pod;
use crate::kubectl::verb::{attach, wait};

/// Runs the rest of the verb; with `--rm`, what was made is deleted however it ends.
pub fn run(ctx: &mut Ctx<'_>, pods: &'static Resource, namespace: &str, name: &str) -> Result<u8, Stop> {
    let one = Named { resource: pods, namespace: namespace.into(), name: name.into(), source: String::new() };
    let ended = attached(ctx, &one);
    if matches!(ended, Err(Stop::Pending | Stop::Follow { .. })) || !ctx.args().bool("rm") {
        return ended;
    }
    remove(ctx, &one)?;
    if ctx.args().bool("expose") {
        let services = resource::by_plural("services").expect("the table has services");
        remove(ctx, &Named { resource: services, ..one })?;
    }
    ended
}

fn attached(ctx: &mut Ctx<'_>, one: &Named) -> Result<u8, Stop> {
    let pod = until(ctx, one, |pod| is_over(pod) || is_ready(pod))?;
    if is_over(&pod) {
        let log = log(ctx, one)?;
        ctx.print(log.unwrap_or_else(|refused| refused));
    } else {
        attach_to(ctx, one, pod)?;
    }
    let wanted = match ctx.args().text("restart") {
        _ if ctx.args().bool("leave-stdin-open") => return Ok(0),
        "Never" => until(ctx, one, is_over)?,
        "OnFailure" => until(ctx, one, |pod| phase(pod) == "Succeeded")?,
        _ => return Ok(0),
    };
    exit_code(one, &wanted)
}

/// Attaches to a running pod. Where that fails, its log must do.
fn attach_to(ctx: &mut Ctx<'_>, one: &Named, object: Value) -> Result<(), Stop> {
    let before = match log(ctx, one)? {
        Ok(text) => text,
        Err(refused) => {
            ctx.print_err(format!("warning: couldn't fetch pre-attach logs: {refused}\n"));
            String::new()
        }
    };
    ctx.print(before.clone());
    let pod = Pod { namespace: one.namespace.clone(), name: one.name.clone(), object };
    let answer = attach::to(ctx, &pod)?;
    if answer.response.is_success() {
        return Ok(());
    }
    let why = api_error::bare_message(&answer.response);
    ctx.print_err(format!("warning: couldn't attach to pod/{}, falling back to streaming logs: {why}\n", one.name));
    match log(ctx, one)? {
        Ok(text) => {
            ctx.print(text.strip_prefix(&before).unwrap_or(&text));
            Ok(())
        }
        Err(refused) => fail(refused),
    }
}

/// The log of the pod's container, or why there is none.
fn log(ctx: &mut Ctx<'_>, one: &Named) -> Result<Result<String, String>, Stop> {
    let mut request = HttpRequest::get(format!("{}/log", one.path()));
    request.accept = "*/*".into();
    request.query = vec![("container".into(), one.name.clone())];
    let response = ctx.request(request)?.response;
    let text = || String::from_utf8_lossy(&response.body).into_owned();
    Ok(if response.is_success() { Ok(text()) } else { Err(api_error::bare_message(&response)) })
}

/// The pod as soon as it is as wanted.
fn until(ctx: &mut Ctx<'_>, one: &Named, wanted: impl Fn(&Value) -> bool) -> Result<Value, Stop> {
    let (mut pod, deadline) = (Value::Null, ctx.now() + ctx.args().span("pod-running-timeout"));
    match wait::watch(ctx, one, wanted, &mut pod, deadline)? {
        true => Ok(pod),
        false => fail("timed out waiting for the condition"),
    }
}

fn phase(pod: &Value) -> &str {
    text_at(pod, &["status", "phase"])
}

fn is_over(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

fn is_ready(pod: &Value) -> bool {
    let ready = |c: &Value| text(c, "type") == "Ready" && text(c, "status") == "True";
    phase(pod) == "Running" && items(pod, &["status", "conditions"]).iter().any(ready)
}

/// The exit code of a pod that is over is the command's.
fn exit_code(one: &Named, pod: &Value) -> Result<u8, Stop> {
    if phase(pod) == "Succeeded" {
        return Ok(0);
    }
    let place = format!("{}/{}", one.namespace, one.name);
    let ended = items(pod, &["status", "containerStatuses"]).first().map(|status| &status["state"]["terminated"]);
    let code = ended.and_then(|ended| int_at(ended, &["exitCode"])).and_then(|code| u8::try_from(code).ok());
    match (ended, code) {
        (Some(ended), Some(code)) if code != 0 => {
            let text = format!("pod {place} terminated ({})\n{}", text(ended, "reason"), text(ended, "message"));
            Err(Stop::Fail(Failure { text, code }))
        }
        _ => fail(format!("pod {place} failed with unknown exit code")),
    }
}

fn remove(ctx: &mut Ctx<'_>, one: &Named) -> Result<(), Stop> {
    let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
    let request = common::with_body(Method::Delete, one.path(), "application/json", &body);
    let response = ctx.request(request)?.response;
    if !response.is_success() && api_error::reason(&response) != "NotFound" {
        return Err(api_error::stop(&response));
    }
    if response.is_success() && !ctx.args().bool("quiet") {
        let kind = one.resource.kind_name();
        ctx.print(format!("{kind} {:?} deleted from {} namespace\n", one.name, one.namespace));
    }
    Ok(())
}
