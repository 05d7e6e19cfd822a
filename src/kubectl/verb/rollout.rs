//! `kubectl rollout`: status, history, undo, pause, resume, restart.
//!
//! Models `k8s.io/kubectl/pkg/cmd/rollout`.

mod history;
pub mod status;
mod undo;

use serde_json::{Value, json};

use super::change;
use super::common::{self, Named, STRATEGIC};
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{bool_at, items};
use crate::kubectl::print::output;
use crate::kubectl::{object, select, timestamp};

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let path = ctx.args().command.path;
    if path == "rollout" {
        return match ctx.args().words.first().cloned() {
            Some(word) => common::usage(ctx, &format!("unknown command {word:?}")),
            None => super::help::run(ctx),
        };
    }
    if !common::names_anything(ctx) {
        return fail("required resource not specified");
    }
    if path == "rollout status" && ctx.args().int("revision") < 0 {
        return fail(format!("revision must be a positive integer: {}", ctx.args().int("revision")));
    }
    let words = ctx.args().words.clone();
    let named = named(ctx, &words)?;
    if named.is_empty() && ctx.failures().is_empty() && !matches!(path, "rollout undo" | "rollout history") {
        let text = format!("No resources found in {} namespace.\n", ctx.namespace());
        ctx.print_err(text);
        return Ok(0);
    }
    match path {
        "rollout status" => status::run(ctx, &named),
        "rollout history" => history::run(ctx, &named),
        "rollout undo" => undo::run(ctx, &named),
        "rollout pause" => patched(ctx, &named, "pausing", "paused", pause),
        "rollout resume" => patched(ctx, &named, "resuming", "resumed", resume),
        _ => patched(ctx, &named, "restarting", "restarted", restart),
    }
}

/// The objects; a bare type means all of them.
fn named(ctx: &mut Ctx<'_>, words: &[String]) -> Result<Vec<Named>, Stop> {
    let bare = words.len() == 1 && !words[0].contains('/') && ctx.args().text("selector").is_empty();
    if !bare {
        return common::named_objects(ctx, words);
    }
    let namespace = ctx.namespace();
    let mut named = Vec::new();
    for target in select::targets(ctx, words)? {
        let resource = target.resource;
        let list = ctx.json(HttpRequest::get(resource.path(&namespace)))?;
        named.extend(items(&list, &["items"]).iter().map(|item| Named {
            resource,
            namespace: namespace.clone(),
            name: object::name(item).into(),
            source: String::new(),
        }));
    }
    Ok(named)
}

/// What a sub-command changes in an object: the patch, or why not.
type Change = fn(&Value, i64) -> Result<Value, &'static str>;

fn pause(object: &Value, _: i64) -> Result<Value, &'static str> {
    if bool_at(object, &["spec", "paused"]) { Err("is already paused") } else { Ok(json!({"spec": {"paused": true}})) }
}

fn resume(object: &Value, _: i64) -> Result<Value, &'static str> {
    if bool_at(object, &["spec", "paused"]) { Ok(json!({"spec": {"paused": null}})) } else { Err("is not paused") }
}

fn restart(object: &Value, now: i64) -> Result<Value, &'static str> {
    if bool_at(object, &["spec", "paused"]) {
        return Err("can't restart paused deployment (run rollout resume first)");
    }
    let stamp = timestamp::rfc3339(now);
    Ok(json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": stamp}}}}}))
}

fn patched(ctx: &mut Ctx<'_>, named: &[Named], doing: &str, did: &str, change: Change) -> Result<u8, Stop> {
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let Some(live) = change::fetch(ctx, one)? else { return Ok(()) };
        let kind = one.resource.kind;
        let fits = kind == "Deployment" || (did == "restarted" && matches!(kind, "StatefulSet" | "DaemonSet"));
        let body = if fits { change(&live, ctx.unix_now()) } else { Err("") };
        match body {
            Err(why) => {
                let why = if why.is_empty() { format!("{doing} is not supported") } else { why.to_owned() };
                ctx.note_failure(format!("error: {} {:?} {why}\n", one.resource.plural_name(), one.name));
            }
            Ok(body) => {
                let manager = ctx.args().text("field-manager").to_owned();
                if let Some(made) = change::patch(ctx, one, &live, &body, STRATEGIC, &manager)? {
                    output::changed(ctx, one.resource, &made, did)?;
                }
            }
        }
        Ok(())
    })?;
    common::end_with_failures(ctx)
}
