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
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for one in &named {
        let answer = ctx.request(HttpRequest::get(one.path()))?.response;
        match answer.is_success() {
            true => found.push((one, api_error::body_or_stop(&answer)?)),
            false => refused.push(answer),
        }
    }
    if found.is_empty() {
        let why: Vec<String> = refused.iter().map(|answer| api_error::bare_message(answer)).collect();
        let why = if let [one] = why.as_slice() { one.clone() } else { format!("[{}]", why.join(", ")) };
        return fail(format!("no objects passed to scale {why}"));
    }
    ctx.each(found.len() as u32, |ctx, i| {
        let (one, object) = &found[i as usize];
        if common::is_client_dry_run(ctx) {
            return output::changed(ctx, one.resource, object, "scaled");
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
        output::changed(ctx, one.resource, object, "scaled")
    })?;
    for answer in refused {
        ctx.note_failure(api_error::message(&answer, None));
    }
    common::end_with_failures(ctx)
}
