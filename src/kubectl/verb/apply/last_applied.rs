//! `kubectl apply view-last-applied`. Models `apply_view_last_applied.go`.

use serde_json::Value;

use super::LAST_APPLIED;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::text_at;
use crate::kubectl::print::output::pretty;
use crate::kubectl::print::yaml::to_yaml;
use crate::kubectl::select::NOTHING_NAMED;
use crate::kubectl::verb::{change, common};

/// Runs the verb.
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
