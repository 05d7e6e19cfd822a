//! `kubectl cordon` and `kubectl uncordon`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/drain` `RunCordonOrUncordon`.

use serde_json::{Value, json};

use super::change;
use super::common::{self, Named, STRATEGIC, usage};
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::bool_at;
use crate::kubectl::print::output;
use crate::kubectl::{resource, select};

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let wanted = ctx.args().command.path == "cordon";
    let named = nodes(ctx)?;
    let live = fetch(ctx, &named)?;
    ctx.each(named.len() as u32, |ctx, i| cordon(ctx, &named[i as usize], &live[i as usize], wanted))?;
    common::end_with_failures(ctx)
}

/// The nodes that a command names, by name or by label.
pub fn nodes(ctx: &mut Ctx<'_>) -> Result<Vec<Named>, Stop> {
    let verb = ctx.args().command.path;
    let words = ctx.args().words.clone();
    let selects = !ctx.args().text("selector").is_empty();
    if words.is_empty() && !selects {
        return usage(ctx, &format!("USAGE: {verb} NODE [flags]"));
    }
    if !words.is_empty() && selects {
        return usage(ctx, "cannot specify both a node name and a --selector option");
    }
    common::check_dry_run(ctx)?;
    let named = if selects {
        common::named_objects(ctx, &["nodes".to_owned()])?
    } else {
        words.iter().map(|word| by_name(ctx, word)).collect::<Result<_, _>>()?
    };
    Ok(named)
}

/// A node, or what `type/name` names: upstream looks for that too, and passes over it.
fn by_name(ctx: &Ctx<'_>, word: &str) -> Result<Named, Stop> {
    let (resource, name) = match word.split_once('/') {
        Some((kind, name)) => (select::resource_named(ctx, kind)?, name),
        None => (resource::by_plural("nodes").expect("the table has nodes"), word),
    };
    let namespace = if resource.namespaced { ctx.namespace() } else { String::new() };
    Ok(Named { resource, namespace, name: name.to_owned(), source: String::new() })
}

/// The nodes as they are. All are looked at before the first is changed, so one that is missing leaves the others alone.
pub fn fetch(ctx: &mut Ctx<'_>, named: &[Named]) -> Result<Vec<Value>, Stop> {
    named.iter().map(|one| ctx.json(HttpRequest::get(one.path()))).collect()
}

/// Makes a node unschedulable or schedulable, if it is not yet.
pub fn cordon(ctx: &mut Ctx<'_>, one: &Named, node: &Value, wanted: bool) -> Result<(), Stop> {
    if one.resource.kind != "Node" {
        return output::changed(ctx, one.resource, node, "skipped");
    }
    if bool_at(node, &["spec", "unschedulable"]) == wanted {
        let did = if wanted { "already cordoned" } else { "already uncordoned" };
        return output::changed(ctx, one.resource, node, did);
    }
    let body = json!({"spec": {"unschedulable": if wanted { json!(true) } else { json!(null) }}});
    match change::patch(ctx, one, node, &body, STRATEGIC, "")? {
        Some(made) => output::changed(ctx, one.resource, &made, if wanted { "cordoned" } else { "uncordoned" }),
        None => Ok(()),
    }
}
