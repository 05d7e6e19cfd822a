//! `kubectl patch`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/patch`.

use serde_json::Value;

use super::change;
use super::common::{self, MERGE, STRATEGIC};
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::files::FileNode;
use crate::kubectl::print::output;
use crate::kubectl::select::NOTHING_NAMED;
use crate::kubectl::yaml;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let (inline, file) = (ctx.args().text("patch").to_owned(), ctx.args().text("patch-file").to_owned());
    if inline.is_empty() == file.is_empty() {
        return fail("must specify --patch or --patch-file containing the contents of the patch");
    }
    let content_type = match ctx.args().text("type").to_lowercase().as_str() {
        "json" => "application/json-patch+json",
        "merge" => MERGE,
        "strategic" => STRATEGIC,
        other => return fail(format!("--type must be one of [json merge strategic], not {other:?}")),
    };
    common::check_dry_run(ctx)?;
    let text = match ctx.file(&file) {
        Some(FileNode::File(content)) => String::from_utf8_lossy(content).into_owned(),
        _ if !file.is_empty() => {
            return fail(format!("unable to read patch file: open {file}: no such file or directory"));
        }
        _ => inline,
    };
    // What looks like JSON goes as it was written: the server says what is wrong with it.
    let body = match yaml::read::read(&text) {
        _ if text.trim_start().starts_with('{') => text,
        Ok(body) => body.to_string(),
        Err(why) => return fail(format!("unable to parse {text:?}: {why}")),
    };
    if !common::names_anything(ctx) {
        return fail(NOTHING_NAMED);
    }
    let words = ctx.args().words.clone();
    let mut named = common::named_objects(ctx, &words)?;
    let subresource = ctx.args().text("subresource").to_owned();
    let manager = ctx.args().text("field-manager").to_owned();
    if !subresource.is_empty() {
        named.iter_mut().for_each(|one| one.name = format!("{}/{subresource}", one.name));
    }
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let before = if subresource.is_empty() {
            match change::fetch(ctx, one)? {
                Some(before) => before,
                None => return Ok(()),
            }
        } else {
            Value::Null
        };
        let Some(made) = change::patch_text(ctx, one, &before, body.clone(), content_type, &manager)? else {
            return Ok(());
        };
        let same = crate::kubectl::object::resource_version(&made) == crate::kubectl::object::resource_version(&before)
            && !before.is_null();
        if subresource == "scale" && matches!(ctx.args().text("output"), "" | "name") {
            let said = if ctx.args().text("output").is_empty() { " patched" } else { "" };
            ctx.print(format!(
                "scale.autoscaling/{}{said}{}\n",
                crate::kubectl::object::name(&made),
                output::dry_run_note(ctx)
            ));
            return Ok(());
        }
        output::changed(ctx, one.resource, &made, if same { "patched (no change)" } else { "patched" })
    })?;
    common::end_with_failures(ctx)
}
