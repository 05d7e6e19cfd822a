//! `kubectl events`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/events`.

use serde_json::Value;

use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::describe::events::interval;
use crate::kubectl::json::{items, text, text_at};
use crate::kubectl::print::columns::Columns;
use crate::kubectl::select::resource_named;
use crate::kubectl::timestamp;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if ctx.args().bool("watch") {
        return fail("events --watch is not here yet; use kubectl get events --watch");
    }
    if ctx.args().list("types").iter().any(|kind| !["normal", "warning"].contains(&kind.to_lowercase().as_str())) {
        return fail("valid --types are Normal or Warning");
    }
    let all = ctx.args().bool("all-namespaces");
    let path = if all { "/api/v1/events".to_owned() } else { format!("/api/v1/namespaces/{}/events", ctx.namespace()) };
    let mut request = HttpRequest::get(path);
    let about = ctx.args().text("for").to_owned();
    if !about.is_empty() {
        let (kind, name) = match about.split('/').collect::<Vec<_>>()[..] {
            [_] => return fail("--for must be in resource/name form"),
            [kind, name] => (kind, name),
            _ => return fail("arguments in resource/name form may not have more than one slash"),
        };
        let resource = resource_named(ctx, &kind.to_lowercase())?;
        let selector = format!("involvedObject.kind={},involvedObject.name={name}", resource.kind);
        request.query.push(("fieldSelector".into(), selector));
    }
    request.query.push(("limit".into(), "500".into()));
    let list = ctx.json(request)?;
    let types: Vec<String> = ctx.args().list("types").iter().map(|t| t.to_lowercase()).collect();
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
    let mut columns = Columns::for_tables();
    let first = if all { "NAMESPACE\t" } else { "" };
    if !ctx.args().bool("no-headers") {
        columns.write(&format!("{first}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n"));
    }
    let now = ctx.unix_now();
    for event in found {
        let first = if all { format!("{}\t", text_at(event, &["metadata", "namespace"])) } else { String::new() };
        let object =
            format!("{}/{}", text_at(event, &["involvedObject", "kind"]), text_at(event, &["involvedObject", "name"]));
        let (kind, reason, message) = (text(event, "type"), text(event, "reason"), text(event, "message").trim());
        columns.write(&format!("{first}{}\t{kind}\t{reason}\t{object}\t{message}\n", interval(event, now)));
    }
    ctx.print(columns.flush());
    Ok(0)
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
