//! `kubectl delete`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/delete`: all deletions are sent first, then the command waits for each object to go.

use serde_json::{Value, json};

use super::common::{self, Named, end_with_failures, named_objects};
use crate::api::http::Method;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::text_at;
use crate::kubectl::object;
use crate::kubectl::select::NOTHING_NAMED;
use crate::sim::Time;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    common::check_dry_run(ctx)?;
    if !ctx.args().text("raw").is_empty() {
        return super::raw::send(ctx, Method::Delete);
    }
    let grace = check(ctx)?;
    let words = ctx.args().words.clone();
    if !common::names_anything(ctx) {
        return fail(NOTHING_NAMED);
    }
    let named = named_objects(ctx, &words)?;
    if named.is_empty() && ctx.failures().is_empty() {
        ctx.print("No resources found\n");
        return Ok(0);
    }
    if ctx.args().bool("interactive") && !is_confirmed(ctx, &named)? {
        ctx.print("deletion is cancelled\n");
        return Ok(0);
    }
    let mut waiting = Vec::new();
    for one in &named {
        if let Some(uid) = delete(ctx, one, grace)? {
            waiting.push((one.clone(), uid));
        }
    }
    if ctx.args().bool("wait") && ctx.args().text("dry-run") == "none" {
        wait(ctx, &waiting)?;
    }
    end_with_failures(ctx)
}

/// Asks whether all of that is to go; the answer is the first line of standard input.
fn is_confirmed(ctx: &mut Ctx<'_>, named: &[Named]) -> Result<bool, Stop> {
    let Some(stdin) = ctx.stdin() else {
        return fail("--interactive takes its answer from a pipe in this terminal: echo y | kubectl delete -i ...");
    };
    let answer = String::from_utf8_lossy(stdin).lines().next().unwrap_or("").trim().to_lowercase();
    ctx.print(format!("You are about to delete the following {} resource(s):\n", named.len()));
    for one in named {
        ctx.print(format!("{}\n", one.shown()));
    }
    ctx.print("Do you want to continue? (y/n): ");
    Ok(answer == "y")
}

/// Checks the flags against each other; gives the grace period, if one is set.
fn check(ctx: &mut Ctx<'_>) -> Result<Option<i64>, Stop> {
    let args = ctx.args();
    let (force, now, given) = (args.bool("force"), args.bool("now"), args.int("grace-period"));
    if args.bool("all") && !args.text("selector").is_empty() {
        return fail("setting 'all' parameter but found a non empty selector. ");
    }
    if args.bool("all") && !args.text("field-selector").is_empty() {
        return fail("setting 'all' parameter but found a non empty selector. ");
    }
    if !matches!(args.text("output"), "" | "name") {
        let output = args.text("output").to_owned();
        return fail(format!("unexpected -o output mode: {output}. We only support '-o name'"));
    }
    if now && given != -1 {
        return fail("--now and --grace-period cannot be specified together");
    }
    if given == 0 && !force && !now {
        return Ok(Some(1));
    }
    if force && (now || given > 0) {
        return fail("--force and --grace-period greater than 0 cannot be specified together");
    }
    if !matches!(args.text("cascade"), "background" | "foreground" | "orphan" | "true" | "false") {
        let value = args.text("cascade").to_owned();
        return fail(format!("invalid cascade value ({value}). Must be \"background\", \"foreground\", or \"orphan\""));
    }
    let (said, instead) =
        (args.text("cascade").to_owned(), if args.text("cascade") == "false" { "orphan" } else { "background" });
    if matches!(said.as_str(), "true" | "false") {
        ctx.print_err(format!(
            "warning: --cascade={said} is deprecated (boolean value) and can be replaced with --cascade={instead}.\n"
        ));
    }
    if force {
        ctx.print_err("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n");
    }
    Ok(match given {
        _ if now => Some(1),
        -1 if force => Some(0),
        n if n >= 0 => Some(n),
        _ => None,
    })
}

/// Deletes one object; gives its UID to wait for.
fn delete(ctx: &mut Ctx<'_>, one: &Named, grace: Option<i64>) -> Result<Option<String>, Stop> {
    let mut uid = String::new();
    if !common::is_client_dry_run(ctx) {
        let options = options(ctx, grace);
        let mut request = common::with_body(Method::Delete, one.path(), "application/json", &options);
        common::add_dry_run(ctx, &mut request);
        let answer = ctx.request(request)?;
        if !answer.response.is_success() {
            let ignored = ctx.args().bool("ignore-not-found") && api_error::reason(&answer.response) == "NotFound";
            if !ignored {
                let doing = (!one.source.is_empty()).then(|| format!("error when deleting {:?}", one.source));
                ctx.note_failure(api_error::message(&answer.response, doing.as_deref()));
            }
            return Ok(None);
        }
        let body: Value = serde_json::from_slice(&answer.response.body).unwrap_or_default();
        uid = match text_at(&body, &["details", "uid"]) {
            "" => object::uid(&body).to_owned(),
            uid => uid.to_owned(),
        };
    }
    let line = message(ctx, one, grace);
    ctx.print(line);
    Ok(Some(uid))
}

/// The body of a deletion, as `--cascade` and the grace period want it.
pub(super) fn options(ctx: &Ctx<'_>, grace: Option<i64>) -> Value {
    let policy = match ctx.args().text("cascade") {
        "orphan" | "false" => "Orphan",
        "foreground" => "Foreground",
        _ => "Background",
    };
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
    if let Some(grace) = grace {
        options["gracePeriodSeconds"] = json!(grace);
    }
    options
}

/// What is said of a deleted object.
pub(super) fn message(ctx: &Ctx<'_>, one: &Named, grace: Option<i64>) -> String {
    if ctx.args().text("output") == "name" {
        return format!("{}\n", one.shown());
    }
    let did = if grace == Some(0) { "force deleted" } else { "deleted" };
    let note = crate::kubectl::print::output::dry_run_note(ctx);
    let from = if one.namespace.is_empty() { String::new() } else { format!(" from {} namespace", one.namespace) };
    format!("{} {:?} {did}{from}{note}\n", one.resource.kind_name(), one.name)
}

fn wait(ctx: &mut Ctx<'_>, waiting: &[(Named, String)]) -> Result<(), Stop> {
    let timeout = ctx.args().span("timeout");
    let deadline: Option<Time> = (timeout.0 > 0).then(|| ctx.now() + timeout);
    for (one, uid) in waiting {
        let path = one.resource.path(&one.namespace);
        if !common::wait_until_gone(ctx, &path, &one.name, uid, deadline)? {
            return fail(format!("timed out waiting for the condition on {}/{}", one.resource.plural, one.name));
        }
    }
    Ok(())
}
