//! `kubectl taint`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/taint`.

use serde_json::{Value, json};

use super::change;
use super::common::{self, Named, STRATEGIC};
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{items, text};
use crate::kubectl::print::output;

struct Taint {
    key: String,
    value: String,
    effect: String,
}

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let is_spec = |w: &String| w.contains('=') || w.contains(':') || (w.len() > 1 && w.ends_with('-'));
    let first = words.iter().enumerate().position(|(i, w)| i > 0 && is_spec(w)).unwrap_or(words.len());
    let (resources, specs) = words.split_at(first);
    if specs.is_empty() {
        return fail("at least one taint update is required");
    }
    if resources.is_empty() || (resources.len() < 2 && !ctx.args().bool("all") && !ctx.args().given("selector")) {
        return fail("one or more resources must be specified as <resource> <name>");
    }
    if !matches!(resources[0].as_str(), "node" | "nodes" | "no") {
        return fail(format!("invalid resource type {}, only node types are supported", resources[0]));
    }
    let (add, remove) = parse(ctx, specs)?;
    common::check_dry_run(ctx)?;
    let named = common::named_objects(ctx, resources)?;
    ctx.each(named.len() as u32, |ctx, i| one(ctx, &named[i as usize], &add, &remove))?;
    common::end_with_failures(ctx)
}

fn parse(ctx: &Ctx<'_>, specs: &[String]) -> Result<(Vec<Taint>, Vec<Taint>), Stop> {
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for spec in specs {
        let (body, removes) = match spec.strip_suffix('-') {
            Some(body) => (body, true),
            None => (spec.as_str(), false),
        };
        let (pair, effect) = body.split_once(':').unwrap_or((body, ""));
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if effect.is_empty() && !removes {
            return common::usage(
                ctx,
                &format!(
                    "invalid taint spec: {spec}, name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
                ),
            );
        }
        if !effect.is_empty() && !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            return common::usage(ctx, &format!("invalid taint effect: {effect}, unsupported taint effect"));
        }
        let taint = Taint { key: key.into(), value: value.into(), effect: effect.into() };
        if removes { remove.push(taint) } else { add.push(taint) }
    }
    Ok((add, remove))
}

fn same(a: &Value, taint: &Taint) -> bool {
    text(a, "key") == taint.key && (taint.effect.is_empty() || text(a, "effect") == taint.effect)
}

fn one(ctx: &mut Ctx<'_>, one: &Named, add: &[Taint], remove: &[Taint]) -> Result<(), Stop> {
    let Some(node) = change::fetch(ctx, one)? else { return Ok(()) };
    let old = items(&node, &["spec", "taints"]);
    if !ctx.args().bool("overwrite")
        && let Some(taken) = add.iter().find(|t| old.iter().any(|o| same(o, t)))
    {
        ctx.note_failure(format!(
            "error: node {} already has {} taint(s) with same effect(s) and --overwrite is false\n",
            one.name, taken.key
        ));
        return Ok(());
    }
    let missing: Vec<&Taint> = remove.iter().filter(|t| !old.iter().any(|o| same(o, t))).collect();
    for taint in &missing {
        let effect = if taint.effect.is_empty() { String::new() } else { format!(":{}", taint.effect) };
        ctx.note_failure(format!("error: taint \"{}{effect}\" not found\n", taint.key));
    }
    if !missing.is_empty() && add.is_empty() && missing.len() == remove.len() {
        return Ok(());
    }
    let mut taints: Vec<Value> = add
        .iter()
        .map(|t| {
            if t.value.is_empty() {
                json!({"key": t.key, "effect": t.effect})
            } else {
                json!({"key": t.key, "value": t.value, "effect": t.effect})
            }
        })
        .collect();
    let overwritten = old.iter().any(|o| add.iter().any(|t| same(o, t)));
    taints.extend(old.iter().filter(|o| !add.iter().chain(remove).any(|t| same(o, t))).cloned());
    let body = json!({"spec": {"taints": if taints.is_empty() { Value::Null } else { json!(taints) }}});
    let manager = ctx.args().text("field-manager").to_owned();
    let Some(made) = change::patch(ctx, one, &node, &body, STRATEGIC, &manager)? else { return Ok(()) };
    let did = match (add.is_empty(), remove.is_empty(), overwritten) {
        (_, _, true) => "modified",
        (false, true, _) => "tainted",
        (true, false, _) => "untainted",
        _ => "modified",
    };
    output::changed(ctx, one.resource, &made, did)
}
