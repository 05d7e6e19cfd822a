//! `kubectl label` and `kubectl annotate`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/label` and `pkg/cmd/annotate`.

use serde_json::{Map, Value, json};

use super::change;
use super::common::{self, MERGE, Named};
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{at, entries};
use crate::kubectl::print::output;

/// What the words ask for.
struct Wanted {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let annotates = ctx.args().command.path == "annotate";
    let (noun, map) = if annotates { ("annotation", "annotations") } else { ("label", "labels") };
    let (resources, pairs) = split(&ctx.args().words, ctx.reads_objects());
    if resources.is_empty() && !ctx.reads_objects() {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    let list = ctx.args().bool("list");
    if pairs.is_empty() && !list {
        return fail(format!("at least one {noun} update is required"));
    }
    let wanted = wanted(noun, &pairs)?;
    common::check_dry_run(ctx)?;
    let named = common::named_objects(ctx, &resources)?;
    ctx.each(named.len() as u32, |ctx, i| one(ctx, &named[i as usize], &wanted, map, list))?;
    common::end_with_failures(ctx)
}

/// The words that name objects, and the changes: everything from the first `key=value` or `key-`. Where files name the objects,
/// every word is a change.
fn split(words: &[String], by_files: bool) -> (Vec<String>, Vec<String>) {
    let is_change = |w: &String| (w.contains('=') && !w.starts_with('=')) || (w.len() > 1 && w.ends_with('-'));
    let first = words.iter().enumerate().position(|(i, w)| (i > 0 || by_files) && is_change(w)).unwrap_or(words.len());
    (words[..first].to_vec(), words[first..].to_vec())
}

fn wanted(noun: &str, pairs: &[String]) -> Result<Wanted, Stop> {
    let mut found = Wanted { set: Vec::new(), remove: Vec::new() };
    for pair in pairs {
        match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                if noun == "label" && !is_label_value(value) {
                    return fail(format!(
                        "invalid label value: {pair:?}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                    ));
                }
                found.set.push((key.to_owned(), value.to_owned()));
            }
            None if pair.len() > 1 && pair.ends_with('-') => found.remove.push(pair[..pair.len() - 1].to_owned()),
            _ => return fail(format!("unknown {noun} spec: {pair}")),
        }
    }
    if found.set.iter().any(|(key, _)| found.remove.contains(key)) {
        let article = if noun == "label" { "a label" } else { "an annotation" };
        return fail(format!("can not both modify and remove {article} in the same command"));
    }
    Ok(found)
}

fn is_label_value(value: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= 63
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && edge(value.chars().next())
        && edge(value.chars().next_back())
}

fn one(ctx: &mut Ctx<'_>, one: &Named, wanted: &Wanted, map: &str, list: bool) -> Result<(), Stop> {
    let Some(live) = change::fetch(ctx, one)? else { return Ok(()) };
    let now = at(&live, &["metadata", map]);
    if list && wanted.set.is_empty() && wanted.remove.is_empty() {
        let lines: String =
            entries(now, &[]).into_iter().map(|(k, v)| format!("{k}={}\n", v.as_str().unwrap_or(""))).collect();
        ctx.print(lines);
        return Ok(());
    }
    if !ctx.args().bool("overwrite") {
        // The cause of a change may always be written anew.
        let held = |key: &str| map == "labels" || key != "kubernetes.io/change-cause";
        let differs = |key: &str, value: &str| now.get(key).is_some_and(|v| v.as_str() != Some(value));
        let taken = wanted.set.iter().find(|(key, value)| held(key) && differs(key, value));
        if let Some((key, _)) = taken {
            let value = now[key].as_str().unwrap_or("");
            ctx.note_failure(match map {
                "labels" => format!("error: '{key}' already has a value ({value}), and --overwrite is false\n"),
                _ => {
                    "error: --overwrite is false but found the following declared annotation(s): ".to_owned()
                        + &format!("'{key}' already has a value ({value})\n")
                }
            });
            return Ok(());
        }
    }
    let mut patch = Map::new();
    for (key, value) in &wanted.set {
        if now.get(key).and_then(Value::as_str) != Some(value) {
            patch.insert(key.clone(), json!(value));
        }
    }
    for key in &wanted.remove {
        if now.get(key).is_some() {
            patch.insert(key.clone(), Value::Null);
        } else if map == "labels" {
            ctx.print(format!("label {key:?} not found.\n"));
        }
    }
    let changed = !patch.is_empty();
    let body = if changed { json!({"metadata": {map: patch}}) } else { json!({}) };
    let manager = ctx.args().text("field-manager").to_owned();
    let Some(made) = change::patch(ctx, one, &live, &body, MERGE, &manager)? else { return Ok(()) };
    let did = match (map, changed, wanted.set.is_empty()) {
        ("annotations", ..) => "annotated",
        (_, false, _) => "not labeled",
        (_, true, true) => "unlabeled",
        (_, true, false) => "labeled",
    };
    output::changed(ctx, one.resource, &made, did)
}
