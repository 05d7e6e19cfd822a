//! `kubectl apply view-last-applied` and `set-last-applied`. Models `apply_view_last_applied.go` and
//! `apply_set_last_applied.go`.

use serde_json::{Value, json};

use super::{LAST_APPLIED, described};
use crate::api::go_json;
use crate::api::http::HttpRequest;
use crate::api::yaml::to_yaml;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::text_at;
use crate::kubectl::object;
use crate::kubectl::print::output::{self, compact};
use crate::kubectl::select::NOTHING_NAMED;
use crate::kubectl::verb::{change, common};

/// Runs `set-last-applied`: what the files say is what was applied last, whatever the objects are like. All of them are
/// checked before one is changed; the first error ends the command.
pub fn set(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    common::check_dry_run(ctx)?;
    output::parse(ctx)?;
    if !ctx.reads_objects() {
        return fail(NOTHING_NAMED);
    }
    let mut changes = Vec::new();
    for document in ctx.documents().iter() {
        let (mut value, resource) = match &document.content {
            Ok((value, resource)) => (value.clone(), *resource),
            Err(why) => return fail(why),
        };
        let namespace =
            common::into_namespace(ctx, resource, &mut value).map_err(|text| Stop::Fail(Failure { text, code: 1 }))?;
        let (name, source) = (object::name(&value).to_owned(), document.source.clone());
        let one = common::Named { resource, namespace, name, source };
        let answer = ctx.request(HttpRequest::get(one.path()))?.response;
        if !answer.is_success() {
            let doing = format!(
                "error when retrieving current configuration of:\n{}\nfrom server for: {:?}",
                described(resource, &one.namespace, &one.name),
                one.source
            );
            let is_missing = api_error::reason(&answer) == "NotFound";
            let text = api_error::message(&answer, Some(doing.as_str()).filter(|_| !is_missing));
            return Err(Stop::Fail(Failure { text, code: 1 }));
        }
        let live = api_error::body_or_stop(&answer)?;
        let text = format!("{}\n", compact(&value));
        let remembered = text_at(&live, &["metadata", "annotations", LAST_APPLIED]);
        if remembered.is_empty() && !ctx.args().bool("create-annotation") {
            return fail(format!(
                "no last-applied-configuration annotation found on resource: {}, to create the annotation, run the command with --create-annotation",
                one.name
            ));
        }
        if remembered == text {
            ctx.print(format!("set-last-applied {}: no changes required.\n", one.name));
        } else {
            changes.push((one, live, text));
        }
    }
    for (one, live, text) in changes {
        let patch = json!({"metadata": {"annotations": {LAST_APPLIED: text}}});
        if let Some(made) = change::patch(ctx, &one, &live, &patch, common::MERGE, "")? {
            output::changed(ctx, one.resource, &made, "configured")?;
        }
        common::end_with_failures(ctx)?;
    }
    Ok(0)
}

/// Runs `view-last-applied`.
pub fn view(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !common::names_anything(ctx) {
        return fail(NOTHING_NAMED);
    }
    let words = ctx.args().words.clone();
    let named = common::named_objects(ctx, &words)?;
    let mut remembered = Vec::new();
    for one in &named {
        let object = ctx.json(HttpRequest::get(one.path()))?;
        match text_at(&object, &["metadata", "annotations", LAST_APPLIED]) {
            // Upstream has words for it, and loses them where there is no file to name.
            "" if one.source.is_empty() => {}
            "" => {
                return fail(format!(
                    "error when no last-applied-configuration annotation found on resource: {}\n {:?}: <nil>",
                    one.name, one.source
                ));
            }
            text => remembered.push(text.to_owned()),
        }
    }
    common::end_with_failures(ctx)?;
    for text in remembered {
        match ctx.args().text("output") {
            // Two spaces, not the four of `-o json` elsewhere, and what the annotation has otherwise.
            "json" => match go_json::indented(&text, "  ") {
                Ok(text) => ctx.print(text),
                Err(why) => return fail(why),
            },
            "yaml" => match serde_json::from_str::<Value>(&text) {
                Ok(value) => ctx.print(to_yaml(&value)),
                Err(why) => return fail(format!("the annotation {LAST_APPLIED} is not JSON: {why}")),
            },
            other => {
                return common::usage(
                    ctx,
                    &format!("Unexpected -o output mode: {other}, the flag 'output' must be one of yaml|json"),
                );
            }
        }
    }
    Ok(0)
}
