//! `kubectl wait`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/wait`.

use serde_json::Value;

use super::common::{self, Named, end_with_failures, named_objects};
use crate::api::http::{Chunk, HttpRequest};
use crate::api::jsonpath::{self, Template};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Next, Stop, fail};
use crate::kubectl::duration;
use crate::kubectl::json::{int_at, items, text};
use crate::kubectl::object;
use crate::kubectl::print::output;
use crate::kubectl::select::NOTHING_NAMED;
use crate::sim::{Span, Time};

/// How often it is looked for what is to be created (`RunWait`).
const CREATION_POLL: Span = Span::millis(500);

/// What is waited for.
enum For {
    Delete,
    Create,
    Condition(String, String),
    JsonPath(Template, Option<String>),
}

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let wanted = parse(ctx.args().text("for"))?;
    if !common::names_anything(ctx) {
        return fail(NOTHING_NAMED);
    }
    let words = ctx.args().words.clone();
    let deadline = deadline(ctx);
    let mut named = named_objects(ctx, &words)?;
    while matches!(wanted, For::Create) && named.is_empty() && ctx.failures().is_empty() && ctx.now() < deadline {
        let next = ctx.now() + CREATION_POLL;
        ctx.sleep_until(next)?;
        named = named_objects(ctx, &words)?;
    }
    if named.is_empty() && ctx.failures().is_empty() {
        return match wanted {
            For::Delete => Ok(0),
            For::Create => fail("timed out waiting for the condition"),
            _ => fail("no matching resources found"),
        };
    }
    for one in &named {
        if !one_object(ctx, one, &wanted, deadline)? {
            return end_with_failures(ctx);
        }
    }
    end_with_failures(ctx)
}

/// `--timeout`: zero checks once, a negative one waits for a week.
fn deadline(ctx: &Ctx<'_>) -> Time {
    let span = match duration::parse(ctx.args().text("timeout")) {
        Ok(nanos) if nanos < 0 => Span::mins(7 * 24 * 60),
        Ok(nanos) => Span::nanos(nanos.unsigned_abs()),
        Err(_) => Span::secs(30),
    };
    ctx.now() + span
}

fn parse(text: &str) -> Result<For, Stop> {
    let lower = text.to_lowercase();
    if lower == "delete" {
        return Ok(For::Delete);
    }
    if lower == "create" {
        return Ok(For::Create);
    }
    if let Some(condition) = text.strip_prefix("condition=") {
        let (name, value) = condition.split_once('=').unwrap_or((condition, "true"));
        return Ok(For::Condition(name.to_owned(), value.to_owned()));
    }
    if let Some(path) = text.strip_prefix("jsonpath=") {
        let (path, value) = split_path(path);
        let path = path.trim_matches(['\'', '"']);
        if value.as_deref() == Some("") {
            return fail(
                "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
            );
        }
        if path.is_empty() {
            return fail("jsonpath expression cannot be empty");
        }
        return match jsonpath::parse_path(path) {
            Ok(template) => Ok(For::JsonPath(template, value.map(|v| v.trim_matches(['\'', '"']).to_owned()))),
            Err(why) => fail(why),
        };
    }
    fail(format!("unrecognized condition: {text:?}"))
}

/// The path, and the value after the equal sign that follows its braces.
fn split_path(text: &str) -> (&str, Option<String>) {
    match text.rfind('}') {
        Some(end) => {
            let (path, rest) = text.split_at(end + 1);
            let rest = rest.trim_start_matches(['\'', '"']);
            (path, rest.strip_prefix('=').map(str::to_owned))
        }
        None => match text.split_once('=') {
            Some((path, value)) => (path, Some(value.to_owned())),
            None => (text, None),
        },
    }
}

/// Waits for one object; false if an error was noted.
fn one_object(ctx: &mut Ctx<'_>, one: &Named, wanted: &For, deadline: Time) -> Result<bool, Stop> {
    let answer = ctx.request(HttpRequest::get(one.path()))?;
    let mut live = Value::Null;
    if answer.response.is_success() {
        live = api_error::body_or_stop(&answer.response)?;
    } else if api_error::reason(&answer.response) == "NotFound" {
        match wanted {
            For::Delete => return Ok(true),
            For::Create => {}
            _ => {
                ctx.note_failure(api_error::message(&answer.response, None));
                return Ok(false);
            }
        }
    } else {
        ctx.note_failure(api_error::message(&answer.response, None));
        return Ok(false);
    }
    let met = match wanted {
        For::Delete => common::wait_until_gone(
            ctx,
            &one.resource.path(&one.namespace),
            &one.name,
            object::uid(&live),
            Some(deadline),
        )?,
        // What cannot be compared ends the wait as well.
        _ => watch(ctx, one, |object| holds(object, wanted).unwrap_or(true), &mut live, deadline)?,
    };
    if met && let Err(why) = holds(&live, wanted) {
        ctx.note_failure(format!("error: {why}\n"));
        return Ok(false);
    }
    if !met {
        let on = match wanted {
            For::Create => String::new(),
            _ => format!(" on {}/{}", one.resource.plural, one.name),
        };
        ctx.note_failure(format!("error: timed out waiting for the condition{on}\n"));
        return Ok(false);
    }
    output::changed(ctx, one.resource, &live, "condition met")?;
    Ok(true)
}

/// Watches an object until it is as wanted; `false` after the deadline. `live` is its last state.
pub fn watch(
    ctx: &mut Ctx<'_>,
    one: &Named,
    wanted: impl Fn(&Value) -> bool,
    live: &mut Value,
    deadline: Time,
) -> Result<bool, Stop> {
    let selector = ("fieldSelector".to_owned(), format!("metadata.name={}", one.name));
    let path = one.resource.path(&one.namespace);
    loop {
        let mut list = HttpRequest::get(&path);
        list.query.push(selector.clone());
        let list = ctx.json(list)?;
        for item in items(&list, &["items"]) {
            if wanted(item) {
                *live = item.clone();
                return Ok(true);
            }
        }
        if ctx.now() >= deadline {
            return Ok(false);
        }
        let mut request = HttpRequest::get(&path);
        let version = object::resource_version(&list).to_owned();
        request.query = vec![selector.clone(), ("resourceVersion".into(), version), ("watch".into(), "true".into())];
        let mut stream = ctx.stream(request)?;
        loop {
            match ctx.next(&mut stream, Some(deadline))? {
                Next::TimedOut => return Ok(false),
                Next::End => break,
                Next::Chunk(Chunk::Event(bytes)) => {
                    let event: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                    if text(&event, "type") == "ERROR" {
                        break;
                    }
                    if matches!(text(&event, "type"), "ADDED" | "MODIFIED") && wanted(&event["object"]) {
                        *live = event["object"].clone();
                        return Ok(true);
                    }
                }
                Next::Chunk(_) => {}
            }
        }
    }
}

/// Whether an object is as wanted.
///
/// # Errors
/// The path leads to what upstream does not compare (`verifyParsedJSONPath`, `compareResults`).
fn holds(object: &Value, wanted: &For) -> Result<bool, &'static str> {
    Ok(match wanted {
        For::Delete => false,
        For::Create => true,
        For::Condition(name, value) => {
            let generation = int_at(object, &["metadata", "generation"]).unwrap_or(0);
            items(object, &["status", "conditions"]).iter().any(|c| {
                let known =
                    int_at(c, &["observedGeneration"]).or_else(|| int_at(object, &["status", "observedGeneration"]));
                let current = known.is_none_or(|n| n >= generation);
                current && text(c, "type").eq_ignore_ascii_case(name) && text(c, "status").eq_ignore_ascii_case(value)
            })
        }
        For::JsonPath(template, value) => {
            let found = jsonpath::values(template, object).unwrap_or_default();
            match (found.as_slice(), value) {
                ([], _) => false,
                ([_], None) => true,
                ([Value::Object(_) | Value::Array(_)], Some(_)) => {
                    return Err("jsonpath leads to a nested object or list which is not supported");
                }
                ([one], Some(value)) => jsonpath::value_text(one).trim() == value.trim(),
                _ => return Err("given jsonpath expression matches more than one value"),
            }
        }
    })
}
