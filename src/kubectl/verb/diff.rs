//! `kubectl diff`: what applying a file would change, as `diff -u -N` shows it.
//!
//! Models `k8s.io/kubectl/pkg/cmd/diff`: the server makes the merged object in a dry run. The program that compares is always
//! this one; no other (`KUBECTL_EXTERNAL_DIFF`) is run. Exit codes: 0 no difference, 1 differences, more than 1 an error.

use serde_json::{Value, json};

use super::apply::LAST_APPLIED;
use super::common::{self, STRATEGIC, with_body};
use crate::api::http::{HttpRequest, Method};
use crate::api::yaml::to_yaml;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::{object_at, text_at};
use crate::kubectl::object;
use crate::kubectl::patch::three_way;
use crate::kubectl::print::unified;
use crate::kubectl::resource::Resource;
use crate::kubectl::timestamp;

const APPLY: &str = "application/apply-patch+yaml";
/// Stands between the name of a file and its differences; no text of YAML has it.
const MARK: char = '\u{1}';

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    compare(ctx).map_err(|stop| match stop {
        Stop::Fail(failure) => Stop::Fail(Failure { code: 2, ..failure }),
        other => other,
    })
}

fn compare(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if ctx.args().given("prune") {
        return fail("diff --prune is not supported here");
    }
    if !ctx.args().words.is_empty() {
        let words = ctx.args().words.join(" ");
        return common::usage(ctx, &format!("Unexpected args: [{words}]"));
    }
    if !ctx.reads_objects() {
        return fail("must specify one of -f and -k");
    }
    if ctx.args().bool("force-conflicts") && !ctx.args().bool("server-side") {
        return fail("--force-conflicts only works with --server-side");
    }
    let documents = ctx.documents();
    // The first error ends it, before anything is compared.
    ctx.each(documents.len() as u32, |ctx, i| {
        match &documents[i as usize].content {
            Ok((value, resource)) => one(ctx, value.clone(), resource)?,
            Err(why) => ctx.note_failure(format!("error: {why}\n")),
        }
        common::end_with_failures(ctx).map(|_| ())
    })?;
    let mut files = ctx.kept();
    files.sort();
    for file in &files {
        ctx.print(file.split_once(MARK).map_or("", |(_, text)| text));
    }
    Ok(u8::from(!files.is_empty()))
}

/// Compares one object and keeps what differs.
fn one(ctx: &mut Ctx<'_>, mut value: Value, resource: &'static Resource) -> Result<(), Stop> {
    let namespace = match common::into_namespace(ctx, resource, &mut value) {
        Ok(namespace) => namespace,
        Err(text) => {
            ctx.note_failure(text);
            return Ok(());
        }
    };
    // What was applied last had annotations, if none; without them they would seem taken away.
    object_at(&mut value, &["metadata", "annotations"]).remove(LAST_APPLIED);
    let name = object::name(&value).to_owned();
    let path = resource.object_path(&namespace, &name);
    let answer = ctx.request(HttpRequest::get(&path))?;
    let live = match api_error::reason_if_failed(&answer.response).as_str() {
        "NotFound" => Value::Null,
        _ if answer.response.is_success() => api_error::body_or_stop(&answer.response)?,
        _ => {
            ctx.note_failure(api_error::message(&answer.response, None));
            return Ok(());
        }
    };
    let request = merged(ctx, resource, (&path, &namespace), &value, &live);
    let answer = ctx.request(request)?;
    if !answer.response.is_success() {
        ctx.note_failure(api_error::message(&answer.response, None));
        return Ok(());
    }
    let mut sides = [live, api_error::body_or_stop(&answer.response)?];
    if !ctx.args().bool("show-managed-fields") {
        sides = sides.map(object::without_managed_fields);
    }
    if resource.kind == "Secret" {
        mask(&mut sides);
    }
    let [old, new] = sides.map(|side| if side.is_null() { String::new() } else { to_yaml(&side) });
    let hunks = unified::hunks(&old, &new);
    if !hunks.is_empty() {
        let group = if resource.group.is_empty() { String::new() } else { format!("{}.", resource.group) };
        let file = format!("{group}{}.{}.{namespace}.{name}", resource.version, resource.kind);
        let text = format!("{}{hunks}", head(ctx, &file));
        ctx.keep(format!("{file}{MARK}{text}"));
    }
    Ok(())
}

/// The request that makes the merged object without keeping it.
fn merged(
    ctx: &Ctx<'_>,
    resource: &'static Resource,
    (path, namespace): (&str, &str),
    value: &Value,
    live: &Value,
) -> HttpRequest {
    let server_side = ctx.args().bool("server-side");
    let mut request = if server_side {
        let mut request = with_body(Method::Patch, path.to_owned(), APPLY, value);
        request.query.push(("force".into(), ctx.args().bool("force-conflicts").to_string()));
        request
    } else if live.is_null() {
        with_body(Method::Post, resource.path(namespace), "application/json", value)
    } else {
        let remembered = text_at(live, &["metadata", "annotations", LAST_APPLIED]);
        let original: Value = serde_json::from_str(remembered).unwrap_or(Value::Null);
        let patch = three_way::strategic(resource.kind, &original, value, live);
        with_body(Method::Patch, path.to_owned(), STRATEGIC, &patch)
    };
    let manager = match (ctx.args().given("field-manager"), server_side) {
        (false, true) => "kubectl",
        _ => ctx.args().text("field-manager"),
    };
    request.query.push(("dryRun".into(), "All".into()));
    request.query.push(("fieldManager".into(), manager.to_owned()));
    request
}

/// The lines above the hunks of a file: the command that compares, and both files with their times.
fn head(ctx: &Ctx<'_>, file: &str) -> String {
    let nanos = ctx.now().0;
    // Temporary folders have random numbers; these come from the time, so that a run can be repeated.
    let folder = |side: &str, odd: u64| format!("/tmp/{side}-{}/{file}", nanos.wrapping_mul(odd) >> 33);
    let (live, merged) = (folder("LIVE", 0x9e37_79b9_7f4a_7c15), folder("MERGED", 0xc2b2_ae3d_27d4_eb4f));
    let stamp = timestamp::rfc3339(ctx.unix_now()).replace('T', " ");
    let stamp = format!("{}.{:09} +0000", stamp.trim_end_matches('Z'), nanos % 1_000_000_000);
    format!("diff -u -N {live} {merged}\n--- {live}\t{stamp}\n+++ {merged}\t{stamp}\n")
}

/// Hides the values of a secret; one that changes says so.
fn mask(sides: &mut [Value; 2]) {
    let [old, new] = sides;
    let keys: Vec<String> = [&*old, &*new]
        .iter()
        .filter_map(|side| side["data"].as_object())
        .flat_map(|data| data.keys().cloned())
        .collect();
    for key in keys {
        let (before, after) = (old["data"].get(&key).cloned(), new["data"].get(&key).cloned());
        let changed = before.is_some() && after.is_some() && before != after;
        for (side, had, word) in [(&mut *old, &before, "*** (before)"), (&mut *new, &after, "*** (after)")] {
            if had.is_some() {
                side["data"][key.as_str()] = json!(if changed { word } else { "***" });
            }
        }
    }
}
