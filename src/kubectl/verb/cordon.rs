//! `kubectl cordon` and `kubectl uncordon`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/drain` `RunCordonOrUncordon`.

use serde_json::json;

use super::change;
use super::common::{self, Named, STRATEGIC, usage};
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::bool_at;
use crate::kubectl::print::output;
use crate::kubectl::resource;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let verb = ctx.args().command.path;
    let words = ctx.args().words.clone();
    let selects = !ctx.args().text("selector").is_empty();
    if words.is_empty() && !selects {
        return usage(ctx, &format!("USAGE: {verb} NODE [flags]"));
    }
    if !words.is_empty() && selects {
        return usage(ctx, "error: cannot specify both a node name and a --selector option");
    }
    common::check_dry_run(ctx)?;
    let nodes = resource::by_plural("nodes").expect("the table has nodes");
    let named = if selects {
        common::named_objects(ctx, &["nodes".to_owned()])?
    } else {
        let bare = |w: &String| w.strip_prefix("node/").or_else(|| w.strip_prefix("nodes/")).unwrap_or(w).to_owned();
        words
            .iter()
            .map(|w| Named { resource: nodes, namespace: String::new(), name: bare(w), source: String::new() })
            .collect()
    };
    if named.is_empty() {
        return fail("no nodes were selected");
    }
    let wanted = verb == "cordon";
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let Some(node) = change::fetch(ctx, one)? else { return Ok(()) };
        if bool_at(&node, &["spec", "unschedulable"]) == wanted {
            return output::changed(ctx, nodes, &node, if wanted { "already cordoned" } else { "already uncordoned" });
        }
        let body = json!({"spec": {"unschedulable": if wanted { json!(true) } else { json!(null) }}});
        match change::patch(ctx, one, &node, &body, STRATEGIC, "")? {
            Some(made) => output::changed(ctx, nodes, &made, if wanted { "cordoned" } else { "uncordoned" }),
            None => Ok(()),
        }
    })?;
    common::end_with_failures(ctx)
}
