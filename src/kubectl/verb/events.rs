//! `kubectl events`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/events`.

use serde_json::{Value, json};

use crate::api::http::HttpRequest;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::describe::events::interval;
use crate::kubectl::follow::{Events, Follow};
use crate::kubectl::json::{items, text, text_at};
use crate::kubectl::print::columns::Columns;
use crate::kubectl::print::output;
use crate::kubectl::{object, resource, timestamp};

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let about = about(ctx)?;
    if ctx.args().list("types").iter().any(|kind| !["normal", "warning"].contains(&kind.to_lowercase().as_str())) {
        return fail("valid --types are Normal or Warning");
    }
    let output = output::parse(ctx)?;
    let all = ctx.args().bool("all-namespaces");
    let path = if all { "/api/v1/events".to_owned() } else { format!("/api/v1/namespaces/{}/events", ctx.namespace()) };
    let mut request = HttpRequest::get(path);
    if let Some((kind, name)) = about {
        let selector = format!("involvedObject.kind={kind},involvedObject.name={name}");
        request.query.push(("fieldSelector".into(), selector));
    }
    let types: Vec<String> = ctx.args().list("types").iter().map(|t| t.to_lowercase()).collect();
    if ctx.args().bool("watch") {
        request.query.push(("watch".into(), "true".into()));
        let answer = ctx.request(request)?;
        if !answer.response.is_success() {
            return Err(api_error::stop(&answer.response));
        }
        let (header, epoch) = (!ctx.args().bool("no-headers"), ctx.session().epoch);
        let columns = Columns::for_tables();
        let events = Events { output, types, namespaces: all, header, epoch, columns };
        return Err(Stop::Follow { id: answer.id, follow: Box::new(Follow::Events(Box::new(events))), resumes: false });
    }
    request.query.push(("limit".into(), "500".into()));
    let list = ctx.json(request)?;
    let mut found: Vec<&Value> = items(&list, &["items"])
        .iter()
        .filter(|e| types.is_empty() || types.contains(&text(e, "type").to_lowercase()))
        .collect();
    if found.is_empty() {
        let text = if all {
            "No events found.\n".to_owned()
        } else {
            format!("No events found in {} namespace.\n", ctx.namespace())
        };
        ctx.print_err(text);
        return Ok(0);
    }
    found.sort_by_key(|e| last(e));
    if output.wants_objects() {
        let shown = |event: &&Value| {
            let mut event = object::without_managed_fields((*event).clone());
            (event["apiVersion"], event["kind"]) = (json!("v1"), json!("Event"));
            event
        };
        let items: Vec<Value> = found.iter().map(shown).collect();
        let list = json!({"apiVersion": "v1", "items": items, "kind": "EventList", "metadata": {}});
        output.show(ctx, &list)?;
        return Ok(0);
    }
    let mut columns = Columns::for_tables();
    if !ctx.args().bool("no-headers") {
        columns.write(&header(all));
    }
    let now = ctx.unix_now();
    for event in found {
        columns.write(&row(event, all, now));
    }
    ctx.print(columns.flush());
    Ok(0)
}

/// The header, cells separated by tabs.
pub fn header(namespaces: bool) -> String {
    let first = if namespaces { "NAMESPACE\t" } else { "" };
    format!("{first}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n")
}

/// The line of an event.
pub fn row(event: &Value, namespaces: bool, now: i64) -> String {
    let first = if namespaces { format!("{}\t", text_at(event, &["metadata", "namespace"])) } else { String::new() };
    let object =
        format!("{}/{}", text_at(event, &["involvedObject", "kind"]), text_at(event, &["involvedObject", "name"]));
    let (kind, reason, message) = (text(event, "type"), text(event, "reason"), text(event, "message").trim());
    format!("{first}{}\t{kind}\t{reason}\t{object}\t{message}\n", interval(event, now))
}

/// The kind and name of `--for`.
fn about(ctx: &Ctx<'_>) -> Result<Option<(&'static str, String)>, Stop> {
    let about = ctx.args().text("for");
    let (kind, name) = match about.split('/').collect::<Vec<_>>()[..] {
        _ if about.is_empty() => return Ok(None),
        [_] => return fail("--for must be in resource/name form"),
        [kind, name] => (kind.to_lowercase(), name.to_owned()),
        _ => return fail("arguments in resource/name form may not have more than one slash"),
    };
    match resource::named(&ctx.session().discovered, &kind) {
        Some(resource) => Ok(Some((resource.kind, name))),
        None => {
            let text = format!("the server doesn't have a resource type {kind:?}\n");
            Err(Stop::Fail(Failure { text, code: 1 }))
        }
    }
}

/// When an event was last seen: seconds, and the digits of the fraction.
fn last(event: &Value) -> (i64, String) {
    let times =
        [text_at(event, &["series", "lastObservedTime"]), text(event, "lastTimestamp"), text(event, "eventTime")];
    let found = times.iter().find_map(|t| Some((timestamp::parse(t)?, *t)));
    let fraction = |text: &str| {
        let digits = text.split_once('.').map_or("", |(_, digits)| digits);
        digits.trim_end_matches(|c: char| !c.is_ascii_digit()).to_owned()
    };
    found.map(|(seconds, text)| (seconds, fraction(text))).unwrap_or_default()
}
