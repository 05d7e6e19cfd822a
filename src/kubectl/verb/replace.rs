//! `kubectl replace`: objects from files put in the place of those that are there.
//!
//! Models `k8s.io/kubectl/pkg/cmd/replace`. An object without a resource version takes the live one's, so that the last
//! writer wins; `--force` deletes the old objects, waits for them to go and creates the new ones.

use serde_json::{Value, json};

use super::common::{self, end_with_failures, with_body};
use super::{create, delete, raw};
use crate::api::http::{HttpRequest, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::object_at;
use crate::kubectl::manifest::Document;
use crate::kubectl::object;
use crate::kubectl::print::output;
use crate::kubectl::resource::Resource;
use crate::kubectl::verb::common::Named;
use crate::sim::Span;

const LOOK: Span = Span::secs(1);
/// How long the old objects may take to go, unless `--timeout` says otherwise.
const PATIENCE: Span = Span::secs(300);

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let (force, grace) = (ctx.args().bool("force"), ctx.args().int("grace-period"));
    if !ctx.reads_objects() {
        return fail("must specify one of -f and -k");
    }
    if !ctx.args().text("raw").is_empty() {
        return raw::send(ctx, Method::Put);
    }
    if grace >= 0 && !force {
        return fail("--grace-period must have --force specified");
    }
    if ctx.args().span("timeout").0 > 0 && !force {
        return fail("--timeout must have --force specified");
    }
    if force && ctx.args().text("dry-run") != "none" {
        return fail("--dry-run can not be used when --force is set");
    }
    let subresource = ctx.args().text("subresource");
    if !matches!(subresource, "" | "status" | "scale" | "resize") {
        let words = format!("invalid subresource value: {subresource:?}. Must be one of [status scale resize]");
        return fail(words);
    }
    common::check_dry_run(ctx)?;
    common::field_validation(ctx)?;
    output::parse(ctx)?;
    let documents = ctx.documents();
    if force {
        remove_all(ctx, &documents)?;
    }
    ctx.each(documents.len() as u32, |ctx, i| {
        let document = &documents[i as usize];
        match &document.content {
            Ok((value, resource)) => put(ctx, &document.source, value.clone(), resource, force),
            Err(why) => {
                ctx.note_failure(format!("error: {why}\n"));
                Ok(())
            }
        }
    })?;
    if documents.is_empty() {
        return fail("no objects passed to replace");
    }
    end_with_failures(ctx)
}

/// Puts one object in the place of the live one, or creates it where the live one was removed.
fn put(ctx: &mut Ctx<'_>, source: &str, value: Value, resource: &'static Resource, removed: bool) -> Result<(), Stop> {
    let Some((mut value, namespace)) = create::prepared(ctx, value, resource) else { return Ok(()) };
    if common::is_client_dry_run(ctx) {
        return output::changed(ctx, resource, &value, "replaced");
    }
    let mut path = resource.object_path(&namespace, object::name(&value));
    let subresource = ctx.args().text("subresource");
    if !subresource.is_empty() {
        path = format!("{path}/{subresource}");
    }
    let (method, path) = if removed { (Method::Post, resource.path(&namespace)) } else { (Method::Put, path) };
    if !removed && object::resource_version(&value).is_empty() {
        let live = ctx.request(HttpRequest::get(path.clone()))?.response;
        if live.is_success() {
            let version = object::resource_version(&api_error::body_or_stop(&live)?).to_owned();
            object_at(&mut value, &["metadata"]).insert("resourceVersion".into(), json!(version));
        }
    }
    let mut request = with_body(method, path, "application/json", &value);
    common::add_dry_run(ctx, &mut request);
    request.query.push(("fieldManager".into(), ctx.args().text("field-manager").into()));
    request.query.push(("fieldValidation".into(), common::field_validation(ctx)?.into()));
    let answer = ctx.request(request)?.response;
    if !answer.is_success() {
        let doing = (!removed).then(|| format!("error when replacing {source:?}"));
        ctx.note_failure(api_error::message(&answer, doing.as_deref()));
        return Ok(());
    }
    output::changed(ctx, resource, &api_error::body_or_stop(&answer)?, "replaced")
}

/// Deletes the live objects of the files and waits until they are gone.
fn remove_all(ctx: &mut Ctx<'_>, documents: &[Document]) -> Result<(), Stop> {
    let grace = match ctx.args().int("grace-period") {
        given if given < 0 => None,
        // An object is waited for, so it is given a second.
        given => Some(given.max(1)),
    };
    let options = delete::options(ctx, grace);
    let mut removed = Vec::new();
    for document in documents {
        let Ok((value, resource)) = &document.content else { continue };
        let mut value = value.clone();
        let namespace = match common::into_namespace(ctx, resource, &mut value) {
            Ok(namespace) => namespace,
            Err(text) => return Err(Stop::Fail(Failure { text, code: 1 })),
        };
        let name = object::name(&value).to_owned();
        let one = Named { resource, namespace, name, source: document.source.clone() };
        let answer = ctx.request(with_body(Method::Delete, one.path(), "application/json", &options))?.response;
        if answer.is_success() {
            let line = delete::message(ctx, &one, grace);
            ctx.print(line);
            removed.push(one);
        } else if api_error::reason(&answer) != "NotFound" {
            let doing = format!("error when deleting {:?}", one.source);
            return Err(Stop::Fail(Failure { text: api_error::message(&answer, Some(&doing)), code: 1 }));
        }
    }
    let timeout = ctx.args().span("timeout");
    let patience = if timeout.0 > 0 { timeout } else { PATIENCE };
    for one in &removed {
        let deadline = ctx.now() + patience;
        loop {
            let answer = ctx.request(HttpRequest::get(one.path()))?.response;
            if api_error::reason_if_failed(&answer) == "NotFound" {
                break;
            }
            api_error::body_or_stop(&answer)?;
            if ctx.now() >= deadline {
                return fail("timed out waiting for the condition");
            }
            let next = ctx.now() + LOOK;
            ctx.sleep_until(next)?;
        }
    }
    Ok(())
}
