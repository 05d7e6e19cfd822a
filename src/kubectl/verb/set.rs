//! `kubectl set`: images, environment (literal values), resources, service account, selector.
//!
//! Models `k8s.io/kubectl/pkg/cmd/set`.

use serde_json::{Value, json};

use super::change;
use super::common;
use crate::api::Quantity;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::text;
use crate::kubectl::select::NOTHING_NAMED;

/// Runs `set image`.
pub fn image(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let (resources, pairs) = split(&ctx.args().words, |w| w.contains('='));
    if resources.is_empty() && !ctx.reads_objects() {
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
    change::each_edited(ctx, &named, &manager, false, |object, one| {
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
    for flag in ["from", "resolve"] {
        if ctx.args().given(flag) {
            return fail(format!("set env --{flag} is not here yet"));
        }
    }
    let (resources, pairs) = split(&ctx.args().words, |w| w.contains('=') || (w.len() > 1 && w.ends_with('-')));
    if resources.is_empty() && !ctx.reads_objects() {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    for pair in &pairs {
        let name = pair.split_once('=').map_or(pair.trim_end_matches('-'), |(name, _)| name);
        check_env_name(name)?;
    }
    common::check_dry_run(ctx)?;
    let named = common::named_objects(ctx, &resources)?;
    let only = ctx.args().text("containers").to_owned();
    if ctx.args().bool("list") && pairs.is_empty() {
        return list_env(ctx, &named, &only);
    }
    let manager = ctx.args().text("field-manager").to_owned();
    change::each_edited(ctx, &named, &manager, false, |object, one| {
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

/// Refuses what no environment variable may be called (`validation.IsEnvVarName`).
fn check_env_name(name: &str) -> Result<(), Stop> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let why = if name.chars().all(known) && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(());
    } else {
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
    };
    fail(format!("{name:?} is not a valid key name: {why}"))
}

/// `set env --list`: what each container has.
fn list_env(ctx: &mut Ctx<'_>, named: &[common::Named], only: &str) -> Result<u8, Stop> {
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let Some(mut object) = change::fetch(ctx, one)? else { return Ok(()) };
        let mut out = String::new();
        let spec = pod_spec(&mut object).cloned().unwrap_or_default();
        for container in crate::kubectl::json::items(&spec, &["containers"]) {
            if !matches!(only, "*" | "") && text(container, "name") != only {
                continue;
            }
            let kind = one.resource.kind;
            out.push_str(&format!("# {kind} {}, container {}\n", one.name, text(container, "name")));
            for env in crate::kubectl::json::items(container, &["env"]) {
                out.push_str(&env_line(env));
            }
        }
        ctx.print(out);
        Ok(())
    })?;
    common::end_with_failures(ctx)
}

/// A variable as a line of a shell, or what it comes from.
fn env_line(env: &Value) -> String {
    let name = text(env, "name");
    let from = crate::kubectl::json::at(env, &["valueFrom"]);
    let part = |of: &str, key: &str| crate::kubectl::json::text_at(from, &[of, key]).to_owned();
    let source = match from.as_object().and_then(|from| from.keys().next()).map(String::as_str) {
        Some(of @ "configMapKeyRef") => format!("configmap {}, key {}", part(of, "name"), part(of, "key")),
        Some(of @ "secretKeyRef") => format!("secret {}, key {}", part(of, "name"), part(of, "key")),
        Some(of @ "fieldRef") => format!("field path {}", part(of, "fieldPath")),
        Some(of @ "resourceFieldRef") => format!("resource field {}", part(of, "resource")),
        _ => return format!("{name}={}\n", text(env, "value")),
    };
    format!("# {name} from {source}\n")
}

/// Runs `set resources`.
pub fn resources(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let amounts = [("limits", amounts(ctx, "limits")?), ("requests", amounts(ctx, "requests")?)];
    if words.is_empty() && !ctx.reads_objects() {
        return fail(NOTHING_NAMED);
    }
    common::check_dry_run(ctx)?;
    let named = common::named_objects(ctx, &words)?;
    if amounts.iter().all(|(_, amounts)| amounts.is_empty()) {
        return fail("you must specify an update to requests or limits (in the form of --requests/--limits)");
    }
    let only = ctx.args().text("containers").to_owned();
    let manager = ctx.args().text("field-manager").to_owned();
    change::each_edited(ctx, &named, &manager, false, |object, one| {
        let Some(spec) = pod_spec(object) else {
            return Err(format!("{} is not a pod or does not have a pod template", one.shown()));
        };
        let mut found = false;
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                if only != "*" && text(container, "name") != only {
                    continue;
                }
                found = true;
                for (field, amounts) in &amounts {
                    for (name, amount) in amounts {
                        container["resources"][field][name] = json!(amount);
                    }
                }
            }
        }
        if found { Ok("resource requirements updated") } else { Err(format!("unable to find container named {only}")) }
    })
}

/// Reads `cpu=100m,memory=256Mi`.
fn amounts(ctx: &Ctx<'_>, flag: &str) -> Result<Vec<(String, Quantity)>, Stop> {
    let mut found = Vec::new();
    for pair in ctx.args().text(flag).split(',').filter(|pair| !pair.is_empty()) {
        let parts: Vec<&str> = pair.split('=').collect();
        let [name, amount] = parts.as_slice() else {
            return fail(format!("invalid argument syntax {pair}, expected <resource>=<value>"));
        };
        match amount.parse::<Quantity>() {
            Ok(amount) => found.push(((*name).to_owned(), amount)),
            Err(why) => return fail(why),
        }
    }
    Ok(found)
}

/// Runs `set serviceaccount`.
pub fn service_account(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let Some((account, words)) = words.split_last() else { return fail("serviceaccount is required") };
    if words.is_empty() && !ctx.reads_objects() {
        return fail(NOTHING_NAMED);
    }
    common::check_dry_run(ctx)?;
    let named = common::named_objects(ctx, words)?;
    let manager = ctx.args().text("field-manager").to_owned();
    change::each_edited(ctx, &named, &manager, true, |object, one| match pod_spec(object) {
        Some(spec) => {
            spec["serviceAccountName"] = json!(account);
            Ok("serviceaccount updated")
        }
        None => Err(format!("{} is not a pod or does not have a pod template", one.shown())),
    })
}

/// Runs `set selector`.
pub fn selector(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let Some((selector, words)) = words.split_last() else { return fail("one selector is required") };
    let selector = common::label_selector(selector)?;
    if words.is_empty() && !ctx.reads_objects() {
        return fail(NOTHING_NAMED);
    }
    common::check_dry_run(ctx)?;
    let named = common::named_objects(ctx, words)?;
    let manager = ctx.args().text("field-manager").to_owned();
    let version = ctx.args().text("resource-version").to_owned();
    change::each_edited(ctx, &named, &manager, true, |object, one| {
        if one.resource.kind != "Service" {
            return Err("setting a selector is only supported for Services".to_owned());
        }
        if !selector["matchExpressions"].is_null() {
            let words = format!("match expression {} not supported on this object", selector["matchExpressions"]);
            return Err(words);
        }
        object["spec"]["selector"] = selector["matchLabels"].clone();
        if !version.is_empty() {
            object["metadata"]["resourceVersion"] = json!(version);
        }
        Ok("selector updated")
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
