//! `kubectl set`: images, environment, resources, service account, selector, subjects.
//!
//! Models `k8s.io/kubectl/pkg/cmd/set`.

mod env;
mod subject;

use serde_json::{Value, json};

use super::change;
use super::common;
use crate::api::Quantity;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::text;
use crate::kubectl::select::NOTHING_NAMED;

pub use env::env;
pub use subject::subject;

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
