//! `describe` of ResourceQuota and LimitRange, and their part of a namespace's description.

use serde_json::Value;

use super::page::Page;
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::{at, entries, items, plain, text};
use crate::kubectl::{object, resource};
use crate::sim::VecSet;

/// Describes a ResourceQuota.
pub fn quota(object: &Value) -> String {
    let mut page = Page::default();
    page.name(object);
    scopes(&mut page, 0, " * ", object);
    page.line(0, "Resource\tUsed\tHard");
    page.line(0, "--------\t----\t----");
    used(&mut page, 0, object);
    page.finish()
}

fn scopes(page: &mut Page, level: u32, bullet: &str, object: &Value) {
    let mut scopes: Vec<&str> = items(object, &["spec", "scopes"]).iter().filter_map(Value::as_str).collect();
    if scopes.is_empty() {
        return;
    }
    scopes.sort_unstable();
    page.pair(level, "Scopes", scopes.join(", "));
    for words in scopes.into_iter().filter_map(help) {
        page.line(level, format!("{bullet}{words}"));
    }
}

/// What a scope means, as upstream tells it.
fn help(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "Terminating" => {
            "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system."
        }
        "NotTerminating" => {
            "Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate."
        }
        "BestEffort" => {
            "Matches all pods that do not have resource requirements set. These pods have a best effort quality of service."
        }
        "NotBestEffort" => {
            "Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service."
        }
        _ => return None,
    })
}

fn used(page: &mut Page, level: u32, object: &Value) {
    for (name, hard) in entries(object, &["status", "hard"]) {
        let used = at(object, &["status", "used", name]);
        let used = if used.is_null() { "0".into() } else { plain(used) };
        page.line(level, format!("{name}\t{used}\t{}", plain(hard)));
    }
}

/// Describes a LimitRange.
pub fn range(object: &Value) -> String {
    let mut page = Page::default();
    page.name(object);
    limits(&mut page, "", object);
    page.finish()
}

fn limits(page: &mut Page, indent: &str, object: &Value) {
    let all = items(object, &["spec", "limits"]);
    if all.is_empty() {
        return;
    }
    let heads = "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio";
    page.line(0, format!("{indent}{heads}"));
    let dashes: Vec<String> = heads.split('\t').map(|head| "-".repeat(head.len())).collect();
    page.line(0, format!("{indent}{}", dashes.join("\t")));
    let lists = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
    for item in all {
        let names: VecSet<&str> = lists.iter().flat_map(|list| entries(item, &[list])).map(|(name, _)| name).collect();
        for name in names {
            let value = |list: &&str| match at(item, &[list, name]) {
                Value::Null => "-".to_owned(),
                value => plain(value),
            };
            let values: Vec<String> = lists.iter().map(value).collect();
            page.line(0, format!("{indent}{}\t{name}\t{}", text(item, "type"), values.join("\t")));
        }
    }
}

/// The quotas and limit ranges of a namespace.
pub fn of_namespace(ctx: &mut Ctx<'_>, page: &mut Page, name: &str) -> Result<(), Stop> {
    let mut list = |plural: &str| -> Result<Vec<Value>, Stop> {
        let resource = resource::by_plural(plural).expect("the table has it");
        let list = ctx.json(HttpRequest::get(resource.path(name)))?;
        Ok(items(&list, &["items"]).to_vec())
    };
    let (quotas, ranges) = (list("resourcequotas")?, list("limitranges")?);
    if quotas.is_empty() {
        page.line(0, "\nNo resource quota.");
    } else {
        page.line(0, "\nResource Quotas");
    }
    for quota in &quotas {
        page.pair(1, "Name", object::name(quota));
        scopes(page, 1, "* ", quota);
        page.line(1, "Resource\tUsed\tHard");
        page.line(1, "--------\t---\t---");
        used(page, 1, quota);
    }
    if ranges.is_empty() {
        page.line(0, "\nNo LimitRange resource.");
        return Ok(());
    }
    page.line(0, "\nResource Limits");
    ranges.iter().for_each(|range| limits(page, " ", range));
    Ok(())
}
