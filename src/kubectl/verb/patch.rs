//! `kubectl patch`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/patch`.

use serde_json::Value;

use super::change;
use super::common::{self, MERGE, Named, STRATEGIC};
use crate::api::http::Method;
use crate::api::yaml;
use crate::api::{Kind, patch, schema};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::files::FileNode;
use crate::kubectl::json::text;
use crate::kubectl::object;
use crate::kubectl::print::output::{self, Output};
use crate::kubectl::resource::Resource;
use crate::kubectl::select::NOTHING_NAMED;

/// The content type of a JSON patch.
const JSON: &str = "application/json-patch+json";

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let content_type = check(ctx)?;
    let body = body(ctx)?;
    if !common::names_anything(ctx) {
        return fail(NOTHING_NAMED);
    }
    let words = ctx.args().words.clone();
    let mut named = common::named_objects(ctx, &words)?;
    let subresource = ctx.args().text("subresource").to_owned();
    if !subresource.is_empty() {
        named.iter_mut().for_each(|one| one.name = format!("{}/{subresource}", one.name));
    }
    let local = ctx.args().bool("local");
    let documents = change::documents(ctx, local);
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let found = match documents.get(i as usize) {
            Some(document) => Some(document.clone()),
            None => change::fetch(ctx, one)?,
        };
        let Some(before) = found else { return Ok(()) };
        let made = if local || common::is_client_dry_run(ctx) {
            Some(locally(one.resource, &before, &body, content_type).or_else(fail)?)
        } else {
            let manager = ctx.args().text("field-manager").to_owned();
            if one.resource.custom && content_type == STRATEGIC {
                return unsupported(ctx, one, &body, &manager);
            }
            change::patch_text(ctx, one, &before, body.clone(), content_type, &manager)?
        };
        match made {
            Some(made) => tell(ctx, one, &made, if made == before { "patched (no change)" } else { "patched" }),
            None => Ok(()),
        }
    })?;
    common::end_with_failures(ctx)
}

/// A strategic patch of what has no schema for one: the server's refusal says which kind it is of.
fn unsupported(ctx: &mut Ctx<'_>, one: &common::Named, body: &str, manager: &str) -> Result<(), Stop> {
    let mut request = common::with_body(Method::Patch, one.path(), STRATEGIC, &Value::Null);
    request.body = body.as_bytes().to_vec();
    request.query.push(("fieldManager".into(), manager.into()));
    let answer = ctx.request(request)?.response;
    let (kind, why) = (one.resource.kind, api_error::bare_message(&answer));
    let version = one.resource.group_version();
    ctx.note_failure(format!("error: {STRATEGIC} is not supported by {version}, Kind={kind}: {why}\n"));
    Ok(())
}

/// The content type that the flags ask for, once they fit together.
fn check(ctx: &mut Ctx<'_>) -> Result<&'static str, Stop> {
    common::check_dry_run(ctx)?;
    let args = ctx.args();
    match (args.text("patch").is_empty(), args.text("patch-file").is_empty()) {
        (false, false) => return fail("cannot specify --patch and --patch-file together"),
        (true, true) => return fail("must specify --patch or --patch-file containing the contents of the patch"),
        _ => {}
    }
    if args.bool("local") && !args.words.is_empty() {
        return fail("cannot specify --local and server resources");
    }
    if args.bool("local") && args.text("dry-run") == "server" {
        return fail(change::LOCAL_OR_SERVER);
    }
    match args.text("type").to_lowercase().as_str() {
        "json" => Ok(JSON),
        "merge" => Ok(MERGE),
        "strategic" | "" => Ok(STRATEGIC),
        _ => fail(format!("--type must be one of [json merge strategic], not {:?}", args.text("type"))),
    }
}

/// The patch as JSON. What looks like JSON goes as it was written: the server says what is wrong with it.
fn body(ctx: &Ctx<'_>) -> Result<String, Stop> {
    let path = ctx.args().text("patch-file");
    let text = match ctx.file(path) {
        _ if path.is_empty() => ctx.args().text("patch").to_owned(),
        Some(FileNode::File(content)) => String::from_utf8_lossy(content).into_owned(),
        _ => return fail(format!("unable to read patch file: open {path}: no such file or directory")),
    };
    match yaml::read::read(&text) {
        _ if text.trim_start().starts_with('{') => Ok(text),
        Ok(body) => Ok(body.to_string()),
        Err(why) => fail(format!("unable to parse {text:?}: {why}")),
    }
}

/// The object after a patch that no server sees (`getPatchedJSON`).
fn locally(resource: &Resource, before: &Value, body: &str, content_type: &str) -> Result<Value, String> {
    let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    match content_type {
        JSON => patch::json(before, &body),
        MERGE => Ok(patch::merge(before, &body)),
        _ => match Kind::by_kind(resource.group, resource.kind) {
            Some(kind) => patch::strategic(before, &body, &schema::of(kind)),
            None => Err(format!(
                "strategic merge patch is not supported for {}/{}, Kind={} locally, try --type merge",
                resource.group, resource.version, resource.kind
            )),
        },
    }
}

/// Prints what came of it; upstream leaves out here that it was a dry run. A scale is of a kind of its own.
fn tell(ctx: &mut Ctx<'_>, one: &Named, made: &Value, did: &str) -> Result<(), Stop> {
    let output = output::parse(ctx)?;
    let said = match output {
        Output::Default | Output::Wide => format!(" {did}"),
        Output::Name => String::new(),
        _ => return output::print_changed(ctx, &output, one.resource, made, did),
    };
    let kind = if text(made, "kind") == "Scale" { "scale.autoscaling".to_owned() } else { one.resource.kind_name() };
    ctx.print(format!("{kind}/{}{said}\n", object::name(made)));
    Ok(())
}
