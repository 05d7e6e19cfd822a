//! What the verbs that change one field share: fetch, patch, print.

use serde_json::{Value, json};

use super::common::{self, Named, named_objects, with_body};
use crate::api::http::{HttpRequest, Method};
use crate::api::managed::walk;
use crate::api::{Kind, schema};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::patch::three_way;
use crate::kubectl::print::output;
use crate::kubectl::resource::Resource;

/// The patch from one object to another of the same kind.
pub fn between(kind: &str, before: &Value, after: &Value) -> Value {
    three_way::strategic(kind, before, after, before)
}

/// Fetches an object; a refusal is noted and gives `None`.
pub fn fetch(ctx: &mut Ctx<'_>, one: &Named) -> Result<Option<Value>, Stop> {
    let answer = ctx.request(HttpRequest::get(one.path()))?;
    if answer.response.is_success() {
        return api_error::body_or_stop(&answer.response).map(Some);
    }
    ctx.note_failure(api_error::message(&answer.response, None));
    Ok(None)
}

/// Sends a patch and gives the object after it; a refusal is noted and gives `None`. With `--dry-run=client` nothing is
/// sent and the object is as it was.
pub fn patch(
    ctx: &mut Ctx<'_>,
    one: &Named,
    before: &Value,
    patch: &Value,
    content_type: &str,
    manager: &str,
) -> Result<Option<Value>, Stop> {
    patch_text(ctx, one, before, patch.to_string(), content_type, manager)
}

/// The same with a patch as somebody wrote it.
pub fn patch_text(
    ctx: &mut Ctx<'_>,
    one: &Named,
    before: &Value,
    patch: String,
    content_type: &str,
    manager: &str,
) -> Result<Option<Value>, Stop> {
    if ctx.args().flag("dry-run").is_some() && common::is_client_dry_run(ctx) {
        return Ok(Some(before.clone()));
    }
    let mut request = with_body(Method::Patch, one.path(), content_type, &Value::Null);
    request.body = patch.into_bytes();
    if ctx.args().flag("dry-run").is_some() {
        common::add_dry_run(ctx, &mut request);
    }
    if !manager.is_empty() {
        request.query.push(("fieldManager".into(), manager.into()));
    }
    let answer = ctx.request(request)?;
    if answer.response.is_success() {
        return api_error::body_or_stop(&answer.response).map(Some);
    }
    ctx.note_failure(api_error::message(&answer.response, None));
    Ok(None)
}

/// The objects that a command names, resolved before its loop begins.
pub fn objects(ctx: &mut Ctx<'_>, words: &[String]) -> Result<Vec<Named>, Stop> {
    named_objects(ctx, words)
}

/// What upstream says when `--local` has no files to read.
pub const BY_FILES: &str = "you must specify resources by --filename when --local is set.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'";

/// What upstream says when nothing is to be asked of the server and something is.
pub const LOCAL_OR_SERVER: &str = "cannot specify --local and --dry-run=server - did you mean --dry-run=client?";

/// The objects of the files as they stand there, if they are to be changed locally.
pub fn documents(ctx: &mut Ctx<'_>, local: bool) -> Vec<Value> {
    if !local {
        return Vec::new();
    }
    let documents = ctx.documents();
    documents.iter().filter_map(|document| document.content.as_ref().ok()).map(|(value, _)| value.clone()).collect()
}

/// The objects of the files, with the structs that upstream's types hold by value.
fn typed_documents(ctx: &mut Ctx<'_>) -> Vec<Value> {
    let documents = ctx.documents();
    let typed = |(value, resource): &(Value, &Resource)| {
        let mut value = value.clone();
        if let Some(kind) = Kind::by_kind(resource.group, resource.kind) {
            walk::fill_by_value(schema::of(kind), &mut value);
        }
        value
    };
    documents.iter().filter_map(|document| document.content.as_ref().ok().map(typed)).collect()
}

/// Runs `edit` on each named object and sends the strategic patch that it amounts to. `edit` gives what is said of the
/// object (`image updated`), or an error text of its own. What changes nothing is sent and told only if `always`.
pub fn each_edited(
    ctx: &mut Ctx<'_>,
    named: &[Named],
    manager: &str,
    always: bool,
    mut edit: impl FnMut(&mut Value, &Named) -> Result<&'static str, String>,
) -> Result<u8, Stop> {
    let local = ctx.args().flag("local").is_some() && ctx.args().bool("local");
    let files: Vec<Value> = if local { typed_documents(ctx) } else { Vec::new() };
    if local && !ctx.reads_objects() {
        return fail(BY_FILES);
    }
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let found = match files.get(i as usize) {
            Some(value) => Some(value.clone()),
            None => fetch(ctx, one)?,
        };
        let Some(before) = found else { return Ok(()) };
        let mut after = before.clone();
        let did = match edit(&mut after, one) {
            Ok(did) => did,
            Err(why) => {
                ctx.note_failure(format!("error: {why}\n"));
                return Ok(());
            }
        };
        if local {
            return output::changed(ctx, one.resource, &after, did);
        }
        let change = between(one.resource.kind, &before, &after);
        if change == json!({}) && !always {
            return Ok(());
        }
        if let Some(made) = patch(ctx, one, &after, &change, common::patch_type(one.resource), manager)? {
            output::changed(ctx, one.resource, &made, did)?;
        }
        Ok(())
    })?;
    common::end_with_failures(ctx)
}
