//! `kubectl set image` and `kubectl set env` (literal values).
//!
//! Models `k8s.io/kubectl/pkg/cmd/set`.

use serde_json::{Value, json};

use super::change;
use super::common;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::text;

/// Runs `set image`.
pub fn image(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let (resources, pairs) = split(&ctx.args().words, |w| w.contains('='));
    if resources.is_empty() && !ctx.args().given("filename") {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if pairs.is_empty() {
        if resources.len() < 2 && !resources.iter().any(|r| r.contains('/')) {
            return fail("at least one image update is required");
        }
        common::named_objects(ctx, &resources)?;
        return fail("at least one image update is required");
    }
    common::check_dry_run(ctx)?;
    let named = common::named_objects(ctx, &resources)?;
    let manager = ctx.args().text("field-manager").to_owned();
    change::each_edited(ctx, &named, &manager, |object, one| {
        let Some(spec) = pod_spec(object) else {
            return Err(format!("{} is not a pod or does not have a pod template", one.shown()));
        };
        for pair in &pairs {
            let Some((name, image)) = pair.split_once('=') else { continue };
            let mut found = false;
            for list in ["initContainers", "containers"] {
                for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                    if name == "*" || text(container, "name") == name {
                        container["image"] = json!(image);
                        found = true;
                    }
                }
            }
            if !found {
                return Err(format!("unable to find container named {name:?}"));
            }
        }
        Ok("image updated")
    })
}

/// Runs `set env`.
pub fn env(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    for flag in ["from", "list", "resolve"] {
        if ctx.args().given(flag) {
            return fail(format!("set env --{flag} is not here yet"));
        }
    }
    let (resources, pairs) = split(&ctx.args().words, |w| w.contains('=') || (w.len() > 1 && w.ends_with('-')));
    if resources.is_empty() && !ctx.args().given("filename") {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if pairs.is_empty() {
        return fail("at least one environment variable must be provided");
    }
    common::check_dry_run(ctx)?;
    let named = common::named_objects(ctx, &resources)?;
    let only = ctx.args().text("containers").to_owned();
    let manager = ctx.args().text("field-manager").to_owned();
    change::each_edited(ctx, &named, &manager, |object, one| {
        let Some(spec) = pod_spec(object) else {
            return Err(format!("{} is not a pod or does not have a pod template", one.shown()));
        };
        for container in spec.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
            if matches!(only.as_str(), "*" | "") || text(container, "name") == only {
                set_env(container, &pairs);
            }
        }
        Ok("env updated")
    })
}

fn set_env(container: &mut Value, pairs: &[String]) {
    let mut env: Vec<Value> = container.get("env").and_then(Value::as_array).cloned().unwrap_or_default();
    for pair in pairs {
        match pair.split_once('=') {
            Some((name, value)) => match env.iter_mut().find(|e| text(e, "name") == name) {
                Some(there) => *there = json!({"name": name, "value": value}),
                None => env.push(json!({"name": name, "value": value})),
            },
            None => env.retain(|e| text(e, "name") != pair.trim_end_matches('-')),
        }
    }
    container["env"] = Value::Array(env);
}

fn split(words: &[String], is_pair: impl Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
    words.iter().cloned().partition(|w| !is_pair(w))
}

/// The pod spec inside an object, whatever its kind.
pub fn pod_spec(object: &mut Value) -> Option<&mut Value> {
    let pointer = match text(object, "kind") {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    object.pointer_mut(pointer)
}
