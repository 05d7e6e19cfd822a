//! `kubectl taint`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/taint`.

use serde_json::{Value, json};

use super::change;
use super::common::{self, Named, STRATEGIC};
use crate::api::validate::names;
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
    common::check_dry_run(ctx)?;
    let words = ctx.args().words.clone();
    let is_spec = |w: &String| w.contains('=') || w.contains(':') || w.ends_with('-');
    let first = words.iter().position(is_spec).unwrap_or(words.len());
    let (resources, specs) = words.split_at(first);
    if let Some(late) = specs.iter().find(|w| !is_spec(w)) {
        return fail(format!("all resources must be specified before taint changes: {late}"));
    }
    let Some(kind) = resources.first().map(|w| w.to_lowercase()) else {
        return fail("one or more resources must be specified as <resource> <name>");
    };
    if specs.is_empty() {
        return fail("at least one taint update is required");
    }
    let (add, remove) = match parse(specs) {
        Ok(parsed) => parsed,
        Err(why) => return common::usage(ctx, &why),
    };
    if !matches!(kind.as_str(), "node" | "nodes" | "no") {
        return fail(format!("invalid resource type {kind}, only node types are supported"));
    }
    let both: Vec<String> = add.iter().flat_map(|t| conflicts(t, &remove)).collect();
    if !both.is_empty() {
        let both = both.join(", ");
        return fail(format!("can not both modify and remove the following taint(s) in the same command: {both}"));
    }
    let (all, selects) = (ctx.args().bool("all"), !ctx.args().text("selector").is_empty());
    if all && selects {
        return fail("setting 'all' parameter with a non empty selector is prohibited");
    }
    if !all && !selects && resources.len() < 2 {
        return fail("at least one resource name must be specified since 'all' parameter is not set");
    }
    // Names are not looked at where all nodes or a selector are asked for.
    let asked = if all || selects { &resources[..1] } else { resources };
    let named = common::named_objects(ctx, asked)?;
    ctx.each(named.len() as u32, |ctx, i| one(ctx, &named[i as usize], &add, &remove))?;
    common::end_with_failures(ctx)
}

/// The removals that ask for the opposite of an addition, as upstream writes them.
fn conflicts(add: &Taint, remove: &[Taint]) -> Vec<String> {
    let opposes = |t: &&Taint| t.key == add.key && (t.effect.is_empty() || t.effect == add.effect);
    remove.iter().filter(opposes).map(|t| format!("{{\"{}\":\"{}\"}}", t.key, t.effect)).collect()
}

fn parse(specs: &[String]) -> Result<(Vec<Taint>, Vec<Taint>), String> {
    let (mut add, mut remove) = (Vec::<Taint>::new(), Vec::new());
    for spec in specs {
        if let Some(body) = spec.strip_suffix('-') {
            remove.push(parse_one(body)?);
            continue;
        }
        let taint = parse_one(spec)?;
        if taint.effect.is_empty() {
            return Err(format!("invalid taint spec: {spec}"));
        }
        if add.iter().any(|t| t.key == taint.key && t.effect == taint.effect) {
            let Taint { key, value, effect } = &taint;
            return Err(format!("duplicated taints with the same key and effect: {{{key} {value} {effect} <nil>}}"));
        }
        add.push(taint);
    }
    Ok((add, remove))
}

/// `key=value:effect`, `key:effect` or `key`.
fn parse_one(spec: &str) -> Result<Taint, String> {
    let invalid = |why: &[String]| match why {
        [] => format!("invalid taint spec: {spec}"),
        why => format!("invalid taint spec: {spec}, {}", why.join("; ")),
    };
    let (mut key, mut value, mut effect) = (spec, "", "");
    if let Some((pair, rest)) = spec.split_once(':') {
        if rest.contains(':') {
            return Err(invalid(&[]));
        }
        effect = rest;
        if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            return Err(format!("invalid taint effect: {effect}, unsupported taint effect"));
        }
        (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if value.contains('=') {
            return Err(invalid(&[]));
        }
        let why = names::label_value(value);
        if !why.is_empty() {
            return Err(invalid(&why));
        }
    }
    let why = names::qualified_name(key);
    if !why.is_empty() {
        return Err(invalid(&why));
    }
    Ok(Taint { key: key.into(), value: value.into(), effect: effect.into() })
}

fn same(a: &Value, taint: &Taint) -> bool {
    text(a, "key") == taint.key && (taint.effect.is_empty() || text(a, "effect") == taint.effect)
}

fn one(ctx: &mut Ctx<'_>, one: &Named, add: &[Taint], remove: &[Taint]) -> Result<(), Stop> {
    let Some(node) = change::fetch(ctx, one)? else { return Ok(()) };
    let old = items(&node, &["spec", "taints"]);
    let taken = |t: &&Taint| old.iter().any(|o| same(o, t));
    let taken: Vec<&str> = add.iter().filter(taken).map(|t| t.key.as_str()).collect();
    if !ctx.args().bool("overwrite") && !taken.is_empty() {
        ctx.note_failure(format!(
            "error: node {} already has {} taint(s) with same effect(s) and --overwrite is false\n",
            one.name,
            taken.join(",")
        ));
        return Ok(());
    }
    let missing: Vec<&Taint> = remove.iter().filter(|t| !old.iter().any(|o| same(o, t))).collect();
    for taint in &missing {
        let effect = if taint.effect.is_empty() { String::new() } else { format!(":{}", taint.effect) };
        ctx.note_failure(format!("error: taint \"{}{effect}\" not found\n", taint.key));
    }
    if !missing.is_empty() {
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
    taints.extend(old.iter().filter(|o| !add.iter().chain(remove).any(|t| same(o, t))).cloned());
    let body = json!({"spec": {"taints": if taints.is_empty() { Value::Null } else { json!(taints) }}});
    let manager = ctx.args().text("field-manager").to_owned();
    let Some(made) = change::patch(ctx, one, &node, &body, STRATEGIC, &manager)? else { return Ok(()) };
    let did = match (add.is_empty(), remove.is_empty()) {
        _ if ctx.args().bool("overwrite") => "modified",
        (false, false) => "modified",
        (false, true) => "tainted",
        _ => "untainted",
    };
    output::changed(ctx, one.resource, &made, did)
}
