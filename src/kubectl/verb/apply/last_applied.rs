//! `kubectl apply view-last-applied` and `set-last-applied`. Models `apply_view_last_applied.go` and
//! `apply_set_last_applied.go`.

use serde_json::{Value, json};

use super::LAST_APPLIED;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::text_at;
use crate::kubectl::object;
use crate::kubectl::print::output::{self, compact, pretty};
use crate::kubectl::print::yaml::to_yaml;
use crate::kubectl::select::NOTHING_NAMED;
use crate::kubectl::verb::{change, common};

/// Runs `set-last-applied`: what the files say is what was applied last, whatever the objects are like.
pub fn set(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !ctx.reads_objects() {
        return fail("must specify one of -f and -k");
    }
    common::check_dry_run(ctx)?;
    let documents = ctx.documents();
    ctx.each(documents.len() as u32, |ctx, i| {
        let document = &documents[i as usize];
        let (mut value, resource) = match &document.content {
            Ok((value, resource)) => (value.clone(), *resource),
            Err(why) => {
                ctx.note_failure(format!("error: {why}\n"));
                return Ok(());
            }
        };
        let namespace = match common::into_namespace(ctx, resource, &mut value) {
            Ok(namespace) => namespace,
            Err(why) => {
                ctx.note_failure(why);
                return Ok(());
            }
        };
        let (name, source) = (object::name(&value).to_owned(), document.source.clone());
        let one = common::Named { resource, namespace, name, source };
        let Some(live) = change::fetch(ctx, &one)? else { return Ok(()) };
        let text = format!("{}\n", compact(&value));
        let remembered = text_at(&live, &["metadata", "annotations", LAST_APPLIED]);
        if remembered.is_empty() && !ctx.args().bool("create-annotation") {
            ctx.note_failure(format!(
                "error: no last-applied-configuration annotation found on resource: {}, to create the annotation, run the command with --create-annotation\n",
                one.name
            ));
            return Ok(());
        }
        if remembered == text {
            ctx.print(format!("set-last-applied {}: no changes required.\n", one.name));
            return Ok(());
        }
        let patch = json!({"metadata": {"annotations": {LAST_APPLIED: text}}});
        if let Some(made) = change::patch(ctx, &one, &live, &patch, common::MERGE, "")? {
            output::changed(ctx, resource, &made, "configured")?;
        }
        Ok(())
    })?;
    common::end_with_failures(ctx)
}

/// Runs `view-last-applied`.
pub fn view(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let as_json = match ctx.args().text("output") {
        "json" => true,
        "" | "yaml" => false,
        other => {
            return common::usage(
                ctx,
                &format!("Unexpected -o output mode: {other}, the flag 'output' must be one of yaml|json"),
            );
        }
    };
    if !common::names_anything(ctx) {
        return fail(NOTHING_NAMED);
    }
    let words = ctx.args().words.clone();
    let named = common::named_objects(ctx, &words)?;
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let Some(object) = change::fetch(ctx, one)? else { return Ok(()) };
        let remembered = text_at(&object, &["metadata", "annotations", LAST_APPLIED]);
        match serde_json::from_str::<Value>(remembered) {
            // Two spaces, not the four of `-o json` elsewhere.
            Ok(value) if as_json => ctx.print(pretty(&value).replace("    ", "  ")),
            Ok(value) => ctx.print(to_yaml(&value)),
            // Upstream has words for it, and loses them.
            Err(_) => {}
        }
        Ok(())
    })?;
    common::end_with_failures(ctx)
}
