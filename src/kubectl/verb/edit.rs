//! `kubectl edit`: objects as a text in an editor, and what was changed there as a patch. The same editor serves
//! `kubectl create --edit` and `kubectl apply edit-last-applied`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/util/editor/editoptions.go`. The editor is the page's, or a command of the terminal's shell
//! that `KUBE_EDITOR` or `EDITOR` names: `KUBE_EDITOR='sed -i s/1/2/' kubectl edit deploy web`.

use serde_json::{Value, json};

use super::apply::{LAST_APPLIED, annotated};
use super::change;
use super::common::{self, MERGE, Named, with_body};
use crate::api::http::{HttpRequest, Method};
use crate::api::yaml::read;
use crate::api::yaml::to_yaml;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::{items, object_at, text, text_at};
use crate::kubectl::manifest;
use crate::kubectl::object;
use crate::kubectl::print::output::{self, compact, pretty};
use crate::kubectl::process::Edited;
use crate::kubectl::resource::{self, Resource};
use crate::kubectl::select;

/// What stands at the head of the file.
const HEAD: &str = "\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
";

/// What stands there for `kubectl apply edit-last-applied`.
const HEAD_OF_LAST_APPLIED: &str = "\
# Please edit the 'last-applied-configuration' annotations below.
# Lines beginning with a '#' will be ignored, and an empty file will abort the edit.
#
";

/// What becomes of the edited text (`EditMode`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The objects are patched.
    Normal,
    /// The object is created.
    BeforeCreate,
    /// It is what was applied last.
    LastApplied,
}

/// An object that is being edited.
struct Original {
    named: Named,
    value: Value,
}

/// What came of one round in the editor.
#[derive(Default)]
struct Round {
    /// Why the file is opened again: a head line and its details.
    reasons: Vec<(String, Vec<String>)>,
    not_found: bool,
    failed: bool,
}

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    check(ctx)?;
    let originals = originals(ctx)?;
    common::end_with_failures(ctx)?;
    if originals.is_empty() {
        return fail("edit cancelled, no objects found");
    }
    edit(ctx, Mode::Normal, &originals)
}

/// Runs `apply edit-last-applied`.
pub fn last_applied(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    check(ctx)?;
    let mut remembered = Vec::new();
    for one in originals(ctx)? {
        let text = text_at(&one.value, &["metadata", "annotations", LAST_APPLIED]);
        if text.is_empty() {
            continue;
        }
        let Ok(value) = serde_json::from_str(text) else {
            return fail(format!("the annotation {LAST_APPLIED} of {} is not JSON", one.named.shown()));
        };
        remembered.push(Original { value, ..one });
    }
    common::end_with_failures(ctx)?;
    if remembered.is_empty() {
        return fail(
            "no last-applied-configuration annotation found on resources, to create the annotation, use command `kubectl apply set-last-applied --create-annotation`",
        );
    }
    edit(ctx, Mode::LastApplied, &remembered)
}

/// Runs the editor for an object of `create --edit`, and creates what it became.
pub fn before_create(ctx: &mut Ctx<'_>, named: Named, value: Value) -> Result<(), Stop> {
    edit(ctx, Mode::BeforeCreate, &[Original { named, value }]).map(|_| ())
}

/// Refuses a command line that names nothing, or a form that cannot be edited.
fn check(ctx: &Ctx<'_>) -> Result<(), Stop> {
    if ctx.args().words.is_empty() && !ctx.reads_objects() {
        return fail(
            "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
        );
    }
    common::field_validation(ctx)?;
    if !matches!(ctx.args().text("output"), "" | "yaml" | "json") {
        let given = ctx.args().text("output").to_owned();
        return fail(format!(
            "unable to match a printer suitable for the output format {given:?}, allowed formats are: json,yaml"
        ));
    }
    Ok(())
}

/// The objects as the server has them.
fn originals(ctx: &mut Ctx<'_>) -> Result<Vec<Original>, Stop> {
    let words = ctx.args().words.clone();
    let mut found = Vec::new();
    let mut named = Vec::new();
    if ctx.reads_objects() {
        named = common::named_objects(ctx, &words)?;
    } else {
        for target in select::targets(ctx, &words)? {
            let resource = target.resource;
            let namespace = if resource.namespaced { ctx.namespace() } else { String::new() };
            if let Some(name) = target.name {
                named.push(Named { resource, namespace, name, source: String::new() });
                continue;
            }
            let list = common::list(ctx, resource, HttpRequest::get(resource.path(&namespace)))?;
            for item in items(&list, &["items"]) {
                let (namespace, name) = (object::namespace(item).into(), object::name(item).into());
                named.push(Named { resource, namespace, name, source: String::new() });
            }
        }
    }
    for one in named {
        if let Some(value) = change::fetch(ctx, &one)? {
            found.push(Original { named: one, value: object::without_managed_fields(value) });
        }
    }
    Ok(found)
}

fn edit(ctx: &mut Ctx<'_>, mode: Mode, originals: &[Original]) -> Result<u8, Stop> {
    let as_json = ctx.args().text("output") == "json";
    let whole = match originals {
        [one] => one.value.clone(),
        many => {
            let items: Vec<Value> = many.iter().map(|one| one.value.clone()).collect();
            json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}})
        }
    };
    let body = if as_json { pretty(&whole) } else { to_yaml(&whole) };
    let file = format!("/tmp/kubectl-edit-{}.{}", ctx.now().0 % 10_000_000_000, if as_json { "json" } else { "yaml" });
    let (mut round, mut edited, mut again) = (Round::default(), String::new(), false);
    loop {
        let shown = if again { without_comments(&edited) } else { body.clone() };
        let head = if as_json { String::new() } else { head(mode, &round) };
        let saved = match ctx.edit(&file, &format!("{head}{shown}"))? {
            Edited::Saved(text) => text,
            Edited::Failed(why) => return preserved(ctx, again.then_some(&file), &format!("error: {why}\n")),
        };
        let before = std::mem::replace(&mut edited, saved);
        if again && meaning(&before) == meaning(&edited) {
            return preserved(ctx, Some(&file), "error: Edit cancelled, no valid changes were saved.\n");
        }
        round = Round::default();
        if let Err(why) = read::read(&edited).and_then(|value| manifest::missing(&value).map_or(Ok(()), Err)) {
            let details = format!("<nil>: Invalid value: \"The edited file failed validation\": {why}");
            refuse(ctx, &originals[0], &mut round, vec![details]);
            again = true;
            continue;
        }
        if meaning(&body) == meaning(&edited) {
            ctx.print_err("Edit cancelled, no changes made.\n");
            return Ok(0);
        }
        if without_comments(&edited).trim().is_empty() {
            ctx.print_err("Edit cancelled, saved file was empty.\n");
            return Ok(0);
        }
        if let Some(why) = unknown_kind(ctx, &edited) {
            round.reasons.push((format!("The edited file had a syntax error: {why}"), Vec::new()));
            again = true;
            continue;
        }
        if let Err(text) = save(ctx, mode, originals, &edited, &mut round)? {
            return preserved(ctx, Some(&file), &text);
        }
        if round.failed {
            ctx.print_err(format!("You can run `kubectl replace -f {file}` to try this update again.\n"));
            ctx.write_file(&file, Some(edited.into_bytes()));
            return Ok(1);
        }
        if round.not_found {
            ctx.print_err(format!("The edits you made on deleted resources have been saved to {file:?}\n"));
            ctx.write_file(&file, Some(edited.into_bytes()));
            return Ok(1);
        }
        if round.reasons.is_empty() {
            return Ok(0);
        }
        again = true;
    }
}

/// Whether a text names a kind that nobody has.
fn unknown_kind(ctx: &Ctx<'_>, edited: &str) -> Option<String> {
    let value = read::read(edited).ok()?;
    let (group, version) = object::group_version(&value);
    let kind = text(&value, "kind");
    let known = kind == "List" || resource::by_kind(&ctx.session().discovered, group, version, kind).is_some();
    let api_version = text(&value, "apiVersion");
    (!known).then(|| {
        format!("unable to recognize \"edited-file\": no matches for kind {kind:?} in version {api_version:?}")
    })
}

/// The comments at the head of the file.
fn head(mode: Mode, round: &Round) -> String {
    let hashed = |text: &str| text.replace('\n', "\n# ");
    let mut out = if mode == Mode::LastApplied { HEAD_OF_LAST_APPLIED } else { HEAD }.to_owned();
    for (reason, details) in &round.reasons {
        let colon = if details.is_empty() { "" } else { ":" };
        out.push_str(&format!("# {}{colon}\n", hashed(reason)));
        for detail in details {
            out.push_str(&format!("# * {}\n", hashed(detail)));
        }
        out.push_str("#\n");
    }
    out
}

fn without_comments(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.trim_start().starts_with('#')).collect()
}

/// What a text says, whatever it looks like.
fn meaning(text: &str) -> String {
    read::read(text).map_or_else(|_| without_comments(text), |value| compact(&value))
}

/// An error that leaves what was typed in a file.
fn preserved(ctx: &mut Ctx<'_>, file: Option<&String>, text: &str) -> Result<u8, Stop> {
    if let Some(file) = file {
        ctx.print_err(format!("A copy of your changes has been stored to {file:?}\n"));
    }
    Err(Stop::Fail(Failure { text: text.to_owned(), code: 1 }))
}

/// Says that an object is not valid; the file will be opened again with the details.
fn refuse(ctx: &mut Ctx<'_>, one: &Original, round: &mut Round, details: Vec<String>) {
    let shown = format!("{} {:?}", one.named.resource.plural_name(), one.named.name);
    round.reasons.push((format!("{shown} was not valid"), details));
    ctx.print_err(format!("error: {shown} is invalid\n"));
}

/// Sends what was changed. The inner error is what ends the command.
fn save(
    ctx: &mut Ctx<'_>,
    mode: Mode,
    originals: &[Original],
    edited: &str,
    round: &mut Round,
) -> Result<Result<(), String>, Stop> {
    let Ok(value) = read::read(edited) else { return Ok(Ok(())) };
    let list = value.get("items").and_then(Value::as_array).filter(|_| text(&value, "kind") == "List");
    let mut objects = list.cloned().unwrap_or_else(|| vec![value.clone()]);
    let mut wanted = Vec::new();
    for object in &mut objects {
        let Some(one) = originals.iter().find(|one| is_of(one, object, originals.len())) else {
            return Ok(Err("error: At least one of apiVersion, kind and name was changed\n".into()));
        };
        if let Err(text) = require_namespace(ctx, one, object) {
            return Ok(Err(text));
        }
        wanted.push(one);
    }
    for (object, one) in objects.into_iter().zip(wanted) {
        let done = match mode {
            Mode::Normal => patch(ctx, one, object, round)?,
            Mode::BeforeCreate => create(ctx, one, object)?,
            // Nothing tells what was applied last apart but its place.
            Mode::LastApplied => remember(ctx, &originals[0], one, object)?,
        };
        if done.is_err() {
            return Ok(done);
        }
    }
    Ok(Ok(()))
}

/// Puts an object into the namespace of the command (`resource.RequireNamespace`).
fn require_namespace(ctx: &Ctx<'_>, one: &Original, object: &mut Value) -> Result<(), String> {
    if !one.named.resource.namespaced {
        return Ok(());
    }
    let wanted = ctx.namespace();
    match object::namespace(object) {
        "" => object_at(object, &["metadata"]).insert("namespace".into(), wanted.into()),
        own if own != wanted => {
            return Err(format!(
                "error: the namespace from the provided object {own:?} does not match the namespace {wanted:?}. You must pass '--namespace={own}' to perform this operation.\n"
            ));
        }
        _ => None,
    };
    Ok(())
}

/// Sends the patch that an edit amounts to.
fn patch(ctx: &mut Ctx<'_>, one: &Original, object: Value, round: &mut Round) -> Result<Result<(), String>, Stop> {
    if object == one.value {
        return output::changed(ctx, one.named.resource, &object, "skipped").map(Ok);
    }
    let same = |field: &str| object.get(field) == one.value.get(field);
    if !same("apiVersion") || !same("kind") || object::name(&object) != object::name(&one.value) {
        return Ok(Err("error: At least one of apiVersion, kind and name was changed\n".into()));
    }
    let patch = change::between(one.named.resource.kind, &one.value, &object);
    if ctx.args().bool("output-patch") {
        ctx.print(format!("Patch: {}\n", compact(&patch)));
    }
    send(ctx, one, &patch, round).map(Ok)
}

/// Creates an object as it was edited.
fn create(ctx: &mut Ctx<'_>, one: &Original, object: Value) -> Result<Result<(), String>, Stop> {
    let resource = one.named.resource;
    let object = if ctx.args().bool("save-config") { annotated(object) } else { object };
    let mut request = with_body(Method::Post, resource.path(&one.named.namespace), "application/json", &object);
    add_query(ctx, &mut request)?;
    let answer = ctx.request(request)?;
    if !answer.response.is_success() {
        return Ok(Err(api_error::message(&answer.response, None)));
    }
    let made = api_error::body_or_stop(&answer.response)?;
    told(ctx, resource, &made, "created").map(Ok)
}

/// Has the live object say that this was applied last.
fn remember(ctx: &mut Ctx<'_>, first: &Original, one: &Original, object: Value) -> Result<Result<(), String>, Stop> {
    let resource = one.named.resource;
    if object == first.value {
        return told(ctx, resource, &object, "skipped").map(Ok);
    }
    if object::name(&object).is_empty() {
        return Ok(Err("error: resource name may not be empty\n".into()));
    }
    let patch = json!({"metadata": {"annotations": {LAST_APPLIED: format!("{}\n", compact(&object))}}});
    let mut request = with_body(Method::Patch, one.named.path(), MERGE, &patch);
    add_query(ctx, &mut request)?;
    let answer = ctx.request(request)?;
    if !answer.response.is_success() {
        return Ok(Err(api_error::message(&answer.response, None)));
    }
    told(ctx, resource, &object, "edited").map(Ok)
}

/// Prints an object; the editor knows of no dry run.
fn told(ctx: &mut Ctx<'_>, resource: &Resource, object: &Value, did: &str) -> Result<(), Stop> {
    let output = output::parse(ctx)?;
    output::print_changed(ctx, &output, resource, object, did)
}

fn add_query(ctx: &Ctx<'_>, request: &mut HttpRequest) -> Result<(), Stop> {
    request.query.push(("fieldManager".into(), ctx.args().text("field-manager").into()));
    request.query.push(("fieldValidation".into(), common::field_validation(ctx)?.into()));
    Ok(())
}

/// Whether an edited object is this one: told by its identifier, or by being the only one.
fn is_of(one: &Original, edited: &Value, count: usize) -> bool {
    let same_name = || text(edited, "kind") == text(&one.value, "kind") && object::name(edited) == one.named.name;
    count == 1 || object::uid(edited) == object::uid(&one.value) && (!object::uid(edited).is_empty() || same_name())
}

fn send(ctx: &mut Ctx<'_>, one: &Original, patch: &Value, round: &mut Round) -> Result<(), Stop> {
    let mut request = with_body(Method::Patch, one.named.path(), common::patch_type(one.named.resource), patch);
    add_query(ctx, &mut request)?;
    let answer = ctx.request(request)?;
    if answer.response.is_success() {
        let made = api_error::body_or_stop(&answer.response)?;
        return output::changed(ctx, one.named.resource, &made, "edited");
    }
    let shown = format!("{} {:?}", one.named.resource.plural_name(), one.named.name);
    match api_error::reason(&answer.response).as_str() {
        "Invalid" => {
            let status: Value = serde_json::from_slice(&answer.response.body).unwrap_or_default();
            let causes = items(&status, &["details", "causes"]);
            let details = causes.iter().map(|cause| format!("{}: {}", text(cause, "field"), text(cause, "message")));
            refuse(ctx, one, round, details.collect());
        }
        "NotFound" => {
            round.not_found = true;
            ctx.print_err(format!("error: {shown} could not be found on the server\n"));
        }
        _ => {
            round.failed = true;
            let why = api_error::bare_message(&answer.response);
            ctx.print_err(format!("error: {shown} could not be patched: {why}\n"));
        }
    }
    Ok(())
}
