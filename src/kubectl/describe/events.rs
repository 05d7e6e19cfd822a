//! The events of an object, and the description of kinds without one of their own.

use serde_json::Value;

use super::page::Page;
use crate::api::http::HttpRequest;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::duration::human;
use crate::kubectl::json::{at, int_at, items, text, text_at};
use crate::kubectl::object;
use crate::kubectl::resource::Resource;
use crate::kubectl::timestamp;

/// Fetches the events about an object and writes their table.
pub fn append(ctx: &mut Ctx<'_>, page: &mut Page, kind: &str, object: &Value) -> Result<(), Stop> {
    let flag = ctx.args().flag("show-events").is_none_or(|_| ctx.args().bool("show-events"));
    if !flag {
        return Ok(());
    }
    let namespace = object::namespace(object);
    let path = match namespace {
        "" => "/api/v1/events".to_owned(),
        namespace => format!("/api/v1/namespaces/{namespace}/events"),
    };
    // A kubelet names the node where others give its uid, and tells of a static pod by the hash of its manifest.
    let mirrored = text_at(object, &["metadata", "annotations", "kubernetes.io/config.mirror"]);
    let uid = if mirrored.is_empty() { object::uid(object) } else { mirrored };
    let uids = [uid, object::name(object)];
    let mut events = Vec::new();
    for uid in &uids[..if kind == "Node" { 2 } else { 1 }] {
        let mut request = HttpRequest::get(path.clone());
        let selector = format!(
            "involvedObject.kind={kind},involvedObject.name={},involvedObject.namespace={namespace},involvedObject.uid={uid}",
            object::name(object)
        );
        request.query = vec![("fieldSelector".into(), selector), ("limit".into(), "500".into())];
        let answer = ctx.request(request)?;
        if !answer.response.is_success() {
            return Ok(());
        }
        let list = api_error::body_or_stop(&answer.response)?;
        events.extend(items(&list, &["items"]).iter().cloned());
    }
    write(page, &events, ctx.unix_now());
    Ok(())
}

/// Writes the table of these events.
pub fn write(page: &mut Page, events: &[Value], now: i64) {
    if events.is_empty() {
        return page.line(0, "Events:\t<none>");
    }
    let mut sorted: Vec<&Value> = events.iter().collect();
    sorted.sort_by_key(|e| timestamp::parse(text(e, "lastTimestamp")).unwrap_or(i64::MIN));
    page.line(0, "Events:");
    let rows: Vec<Vec<String>> = sorted.into_iter().map(|e| row(e, now)).collect();
    page.table(1, &["Type", "Reason", "Age", "From", "Message"], &rows);
}

fn row(event: &Value, now: i64) -> Vec<String> {
    let source = match text_at(event, &["source", "component"]) {
        "" => text(event, "reportingComponent"),
        component => component,
    };
    let message = text(event, "message").trim();
    let message = match text_at(event, &["involvedObject", "fieldPath"]) {
        "" => message.to_owned(),
        path => format!("{path}: {message}"),
    };
    vec![text(event, "type").into(), text(event, "reason").into(), interval(event, now), source.into(), message]
}

/// How long ago an event was, and how often and since when.
pub fn interval(event: &Value, now: i64) -> String {
    let since = |time: &str| timestamp::parse(time).map_or("<unknown>".to_owned(), |t| human(now - t));
    let first = match text(event, "eventTime") {
        "" => since(text(event, "firstTimestamp")),
        time => since(time),
    };
    if !at(event, &["series"]).is_null() {
        let count = int_at(event, &["series", "count"]).unwrap_or(0);
        return format!("{} (x{count} over {first})", since(text_at(event, &["series", "lastObservedTime"])));
    }
    match int_at(event, &["count"]) {
        Some(count) if count > 1 => format!("{} (x{count} over {first})", since(text(event, "lastTimestamp"))),
        _ => first,
    }
}

/// Kinds that upstream describes field by field: metadata, then everything else, then events.
pub fn generic(ctx: &mut Ctx<'_>, resource: &Resource, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    if !resource.namespaced {
        page.pair(0, "Namespace", "");
    }
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    for (key, value) in crate::kubectl::json::entries(object, &[]) {
        field(&mut page, 0, key, value);
    }
    append(ctx, &mut page, resource.kind, object)?;
    Ok(page.finish())
}

const HIDDEN: &[&str] = &["managedFields", "labels", "annotations", "name", "namespace"];

fn field(page: &mut Page, level: u32, key: &str, value: &Value) {
    let title = spaced(key);
    match value {
        Value::Object(map) => {
            page.line(level, format!("{title}:"));
            for (inner, value) in map {
                if !(level == 0 && key == "metadata" && HIDDEN.contains(&inner.as_str())) {
                    field(page, level + 1, inner, value);
                }
            }
        }
        Value::Array(list) => {
            page.line(level, format!("{title}:"));
            for item in list {
                match item {
                    Value::Object(map) => map.iter().for_each(|(inner, value)| field(page, level + 1, inner, value)),
                    other => page.line(level + 1, crate::kubectl::json::plain(other)),
                }
            }
        }
        other => page.pair(level, &title, crate::kubectl::json::plain(other)),
    }
}

/// `resourceVersion` as `Resource Version`.
fn spaced(key: &str) -> String {
    if !key.chars().all(|c| c.is_alphabetic() || c == '-') {
        return key.to_owned();
    }
    if key.contains('-') {
        let words = key.split_inclusive('-').flat_map(|word| match word.strip_suffix('-') {
            Some(word) => vec![spaced(word), "-".into()],
            None => vec![spaced(word)],
        });
        return words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    }
    let mut out = String::new();
    let mut previous_lower = false;
    let letters: Vec<char> = key.chars().collect();
    for (i, c) in letters.iter().copied().enumerate() {
        if i == 0 {
            out.extend(c.to_uppercase());
        } else {
            // The last letter of `TLS` in `TLSVerify` is no beginning of a word, the first of `Verify` is.
            let begins = letters.get(i + 1).is_some_and(|next| next.is_lowercase());
            if c.is_uppercase() && (previous_lower || begins) {
                out.push(' ');
            }
            out.push(c);
        }
        previous_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    let words = out.split(' ').map(|word| match word.to_uppercase() {
        acronym if ACRONYMS.contains(&acronym.as_str()) => acronym,
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Words that are written in capitals (`smartLabelFor`).
const ACRONYMS: [&str; 5] = ["API", "URL", "UID", "OSB", "GUID"];
