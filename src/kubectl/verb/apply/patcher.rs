//! The patch that brings a live object to what a file says. Models `k8s.io/kubectl/pkg/cmd/apply/patcher.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{LAST_APPLIED, Place, described, query};
use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{object_at, text_at};
use crate::kubectl::object;
use crate::kubectl::patch::three_way;
use crate::kubectl::print::output::compact;
use crate::kubectl::verb::common::{self, with_body};
use crate::kubectl::verb::delete;
use crate::sim::Span;

/// How often a conflict is tried again.
const MAX_RETRIES: u32 = 5;
/// How long it waits before it tries again, from the second time on, and between two looks at an object that goes.
const BACK_OFF: Span = Span::secs(1);

/// Patches a live object; gives it as it is then and what was done, or the text of the refusal. What cannot be patched is
/// made anew with `--force`.
pub fn patch(
    ctx: &mut Ctx<'_>,
    place: &Place<'_>,
    modified: &Value,
    mut live: Value,
) -> Result<Result<(Value, &'static str), String>, Stop> {
    let mut retries = 0;
    let (patch, refused) = loop {
        let patch = between(place, modified, &live);
        if patch == json!({}) {
            return Ok(Ok((live, "unchanged")));
        }
        let content_type = common::patch_type(place.resource);
        let mut request = with_body(Method::Patch, place.path.to_owned(), content_type, &patch);
        query(ctx, &mut request)?;
        let answer = ctx.request(request)?.response;
        if answer.is_success() {
            return Ok(Ok((api_error::body_or_stop(&answer)?, "configured")));
        }
        if answer.code != 409 || retries == MAX_RETRIES {
            break (patch, answer);
        }
        retries += 1;
        if retries > 1 {
            let next = ctx.now() + BACK_OFF;
            ctx.sleep_until(next)?;
        }
        live = ctx.json(HttpRequest::get(place.path))?;
    };
    if !ctx.args().bool("force") || !matches!(refused.code, 409 | 422) {
        let doing = format!("{}: error when patching {:?}", applying(&patch, place, &live), place.document.source);
        return Ok(Err(api_error::message(&refused, Some(&doing))));
    }
    match replace(ctx, place, modified, &live)? {
        Ok(made) => Ok(Ok((made, "configured"))),
        Err(response) => Ok(Err(api_error::message(&response, Some(&applying(modified, place, &live))))),
    }
}

/// The three-way patch of what was applied last, what is to be and what is there.
fn between(place: &Place<'_>, modified: &Value, live: &Value) -> Value {
    let remembered = text_at(live, &["metadata", "annotations", LAST_APPLIED]);
    let original: Value = serde_json::from_str(remembered).unwrap_or(Value::Null);
    let kind = if place.resource.custom { "" } else { place.resource.kind };
    three_way::strategic(kind, &original, modified, live)
}

fn applying(patch: &Value, place: &Place<'_>, live: &Value) -> String {
    format!(
        "error when applying patch:\n{}\nto:\n{}\nfor: {:?}",
        compact(patch),
        described(place.resource, place.namespace, object::name(live)),
        place.document.source
    )
}

/// Deletes the live object, waits until it is gone and creates the new one, or the old one again if the new one is refused.
fn replace(
    ctx: &mut Ctx<'_>,
    place: &Place<'_>,
    modified: &Value,
    live: &Value,
) -> Result<Result<Value, Arc<HttpResponse>>, Stop> {
    let grace = Some(ctx.args().int("grace-period")).filter(|seconds| *seconds >= 0);
    let options = delete::options(ctx, grace);
    let mut request = with_body(Method::Delete, place.path.to_owned(), "application/json", &options);
    common::add_dry_run(ctx, &mut request);
    let answer = ctx.request(request)?.response;
    if !answer.is_success() {
        return Ok(Err(answer));
    }
    let timeout = ctx.args().span("timeout");
    let deadline = (timeout.0 > 0).then(|| ctx.now() + timeout);
    loop {
        let answer = ctx.request(HttpRequest::get(place.path))?.response;
        match api_error::reason_if_failed(&answer).as_str() {
            "NotFound" => break,
            _ if !answer.is_success() => return Ok(Err(answer)),
            _ => {}
        }
        let next = ctx.now() + BACK_OFF;
        if deadline.is_some_and(|deadline| next > deadline) {
            return fail("timed out waiting for the condition");
        }
        ctx.sleep_until(next)?;
    }
    let answer = create(ctx, place, modified)?;
    if answer.is_success() {
        return api_error::body_or_stop(&answer).map(Ok);
    }
    create(ctx, place, live)?;
    Ok(Err(answer))
}

fn create(ctx: &mut Ctx<'_>, place: &Place<'_>, value: &Value) -> Result<Arc<HttpResponse>, Stop> {
    let mut value = value.clone();
    object_at(&mut value, &["metadata"]).remove("resourceVersion");
    let path = place.resource.path(place.namespace);
    let mut request = with_body(Method::Post, path, "application/json", &value);
    query(ctx, &mut request)?;
    Ok(ctx.request(request)?.response)
}
