//! `kubectl describe`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/describe`.

use serde_json::Value;

use super::common::{self, end_with_failures};
use crate::api::http::HttpRequest;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::describe;
use crate::kubectl::json::items;
use crate::kubectl::object;
use crate::kubectl::resource::Resource;
use crate::kubectl::select;

type Found = (&'static Resource, String, String);

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !common::names_anything(ctx) {
        return fail(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.\n",
        );
    }
    let found = find(ctx)?;
    if found.is_empty() && ctx.failures().is_empty() {
        let text = match ctx.args().bool("all-namespaces") {
            true => "No resources found\n".to_owned(),
            false => format!("No resources found in {} namespace.\n", ctx.namespace()),
        };
        ctx.print_err(text);
        return Ok(0);
    }
    ctx.each(found.len() as u32, |ctx, i| {
        let (resource, namespace, name) = &found[i as usize];
        let answer = ctx.request(HttpRequest::get(resource.object_path(namespace, name)))?;
        if !answer.response.is_success() {
            ctx.note_failure(api_error::message(&answer.response, None));
            return Ok(());
        }
        let object = api_error::body_or_stop(&answer.response)?;
        let text = describe::describe(ctx, resource, &object)?;
        let gap = if ctx.kept().is_empty() { "" } else { "\n\n" };
        ctx.print(format!("{gap}{text}"));
        ctx.keep("printed");
        Ok(())
    })?;
    end_with_failures(ctx)
}

/// The objects that the words mean; a name that is not there stands for all that begin with it.
fn find(ctx: &mut Ctx<'_>) -> Result<Vec<Found>, Stop> {
    if ctx.reads_objects() {
        let words = ctx.args().words.clone();
        let named = common::named_objects(ctx, &words)?;
        return Ok(named.into_iter().map(|n| (n.resource, n.namespace, n.name)).collect());
    }
    let words = ctx.args().words.clone();
    let all = ctx.args().bool("all-namespaces");
    let mut found = Vec::new();
    for target in select::targets(ctx, &words)? {
        let resource = target.resource;
        let namespace = if resource.namespaced && !all { ctx.namespace() } else { String::new() };
        let Some(name) = target.name else {
            found.extend(list(ctx, resource, &namespace, "")?);
            continue;
        };
        let answer = ctx.request(HttpRequest::get(resource.object_path(&namespace, &name)))?;
        if answer.response.is_success() {
            found.push((resource, namespace, name));
            continue;
        }
        let alike = if api_error::reason(&answer.response) == "NotFound" {
            list(ctx, resource, &namespace, &name)?
        } else {
            Vec::new()
        };
        if alike.is_empty() {
            ctx.note_failure(api_error::message(&answer.response, None));
        }
        found.extend(alike);
    }
    Ok(found)
}

fn list(ctx: &mut Ctx<'_>, resource: &'static Resource, namespace: &str, prefix: &str) -> Result<Vec<Found>, Stop> {
    let mut request = HttpRequest::get(resource.path(namespace));
    common::add_selectors(ctx, &mut request);
    request.query.push(("limit".into(), "500".into()));
    let list: Value = common::list(ctx, resource, request)?;
    Ok(items(&list, &["items"])
        .iter()
        .filter(|item| object::name(item).starts_with(prefix))
        .map(|item| (resource, object::namespace(item).to_owned(), object::name(item).to_owned()))
        .collect())
}
