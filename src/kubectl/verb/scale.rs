//! `kubectl scale`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/scale` and `pkg/scale`.

use serde_json::json;

use super::common::{self, MERGE, with_body};
use super::create::require;
use crate::api::http::{HttpRequest, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{int_at, text_at};
use crate::kubectl::print::output;
use crate::kubectl::select::NOTHING_NAMED;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    require(ctx, &["replicas"])?;
    let replicas = ctx.args().int("replicas");
    if replicas < 0 {
        return fail("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0");
    }
    if !common::names_anything(ctx) {
        return fail(NOTHING_NAMED);
    }
    common::check_dry_run(ctx)?;
    let words = ctx.args().words.clone();
    let named = common::named_objects(ctx, &words)?;
    if named.is_empty() && ctx.failures().is_empty() {
        return fail("no objects passed to scale");
    }
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let live = ctx.request(HttpRequest::get(one.path()))?;
        if !live.response.is_success() {
            ctx.note_failure(match api_error::reason(&live.response).as_str() {
                "NotFound" => {
                    format!("error: no objects passed to scale {}\n", api_error::bare_message(&live.response))
                }
                _ => api_error::message(&live.response, None),
            });
            return Ok(());
        }
        let object = api_error::body_or_stop(&live.response)?;
        if common::is_client_dry_run(ctx) {
            return output::changed(ctx, one.resource, &object, "scaled");
        }
        let path = format!("{}/scale", one.path());
        let (wanted, version) = (ctx.args().int("current-replicas"), ctx.args().text("resource-version").to_owned());
        if wanted >= 0 || !version.is_empty() {
            let scale = ctx.json(HttpRequest::get(&path))?;
            let now = int_at(&scale, &["spec", "replicas"]).unwrap_or(0);
            if wanted >= 0 && now != wanted {
                return fail(format!("Expected replicas to be {wanted}, was {now}"));
            }
            let live_version = text_at(&scale, &["metadata", "resourceVersion"]);
            if !version.is_empty() && live_version != version {
                return fail(format!("Expected resource version to be {version}, was {live_version}"));
            }
        }
        let mut request = with_body(Method::Patch, path, MERGE, &json!({"spec": {"replicas": replicas}}));
        common::add_dry_run(ctx, &mut request);
        let answer = ctx.request(request)?;
        if !answer.response.is_success() {
            ctx.note_failure(api_error::message(&answer.response, None));
            return Ok(());
        }
        output::changed(ctx, one.resource, &object, "scaled")
    })?;
    common::end_with_failures(ctx)
}
