//! `kubectl get`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/get/get.go`: tables are the server's, objects are shown as they came, several
//! resources stand below each other.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::common::{self, ACCEPT_TABLE, Named, end_with_failures};
use crate::api::http::HttpRequest;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::follow::{Follow, Watch, with_event_column};
use crate::kubectl::json::{items, text};
use crate::kubectl::object;
use crate::kubectl::print::columns::Columns;
use crate::kubectl::print::custom_columns;
use crate::kubectl::print::output::{self, Output};
use crate::kubectl::print::table::{TableOptions, TablePrinter};
use crate::kubectl::resource::Resource;
use crate::kubectl::select::{self, Target};
use crate::kubectl::verb::{raw, sort};
use crate::kubectl::{duration, timestamp};

/// One answered request of the command.
struct Part {
    resource: &'static Resource,
    named: bool,
    value: Value,
}

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !ctx.args().text("raw").is_empty() {
        return raw::get(ctx);
    }
    let output = output::parse(ctx)?;
    let targets = targets(ctx)?;
    if !ctx.args().text("subresource").is_empty() && targets.iter().any(|(_, name, _)| name.is_none()) {
        return fail("subresource cannot be used when bulk resources are specified");
    }
    let watches = ctx.args().bool("watch") || ctx.args().bool("watch-only");
    if ctx.args().bool("output-watch-events") && !watches {
        return fail("--output-watch-events option can only be used with --watch or --watch-only");
    }
    if ctx.args().bool("watch") || ctx.args().bool("watch-only") {
        return watch(ctx, &targets, output);
    }
    let mut parts = Vec::new();
    for (resource, name, namespace) in &targets {
        if let Some(part) = fetch(ctx, resource, name.as_deref(), namespace, &output)? {
            parts.push(part);
        }
    }
    if output.wants_objects() {
        objects(ctx, &output, parts)?
    } else {
        tables(ctx, &output, &parts)?
    }
    end_with_failures(ctx)
}

type Wanted = (&'static Resource, Option<String>, String);

/// What the words or files mean, with the namespace of each.
fn targets(ctx: &mut Ctx<'_>) -> Result<Vec<Wanted>, Stop> {
    let words = ctx.args().words.clone();
    if ctx.reads_objects() {
        let named = common::named_objects(ctx, &words)?;
        return Ok(named
            .into_iter()
            .map(|Named { resource, namespace, name, .. }| (resource, Some(name), namespace))
            .collect());
    }
    if words.is_empty() {
        let text = "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\nerror: Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples\n";
        return Err(Stop::Fail(Failure { text: text.into(), code: 1 }));
    }
    let all = ctx.args().bool("all-namespaces");
    let found = select::targets(ctx, &words)?;
    if all && found.iter().any(|t| t.name.is_some()) {
        return fail("a resource cannot be retrieved by name across all namespaces");
    }
    let selecting = ctx.args().given("selector") || ctx.args().given("field-selector");
    if selecting && found.iter().any(|t| t.name.is_some()) {
        return fail("name cannot be provided when a selector is specified");
    }
    let namespace = if all { String::new() } else { ctx.namespace() };
    let with_namespace = |Target { resource, name }: Target| {
        let own = if resource.namespaced { namespace.clone() } else { String::new() };
        (resource, name, own)
    };
    Ok(found.into_iter().map(with_namespace).collect())
}

fn request(ctx: &Ctx<'_>, wanted: (&'static Resource, Option<&str>, &str), tables: bool) -> HttpRequest {
    let (resource, name, namespace) = wanted;
    let mut request = match name {
        Some(name) => HttpRequest::get(resource.object_path(namespace, name)),
        None => HttpRequest::get(resource.path(namespace)),
    };
    if !ctx.args().text("subresource").is_empty() && name.is_some() {
        request.path = format!("{}/{}", request.path, ctx.args().text("subresource"));
    }
    if tables && ctx.args().bool("server-print") {
        request.accept = ACCEPT_TABLE.into();
        if !ctx.args().text("sort-by").is_empty() {
            request.query.push(("includeObject".into(), "Object".into()));
        }
    }
    if name.is_none() {
        common::add_selectors(ctx, &mut request);
        let chunk = ctx.args().int("chunk-size");
        if chunk > 0 && ctx.args().text("sort-by").is_empty() {
            request.query.push(("limit".into(), chunk.to_string()));
        }
    }
    request
}

/// Sends one request, and more while the server has more of the list.
fn fetch(
    ctx: &mut Ctx<'_>,
    resource: &'static Resource,
    name: Option<&str>,
    namespace: &str,
    output: &Output,
) -> Result<Option<Part>, Stop> {
    let first = request(ctx, (resource, name, namespace), !output.wants_objects());
    let mut whole: Option<Value> = None;
    let mut next = String::new();
    loop {
        let mut request = first.clone();
        if !next.is_empty() {
            request.query.push(("continue".into(), next.clone()));
        }
        let answer = ctx.request(request)?;
        if !answer.response.is_success() {
            let quiet = ctx.args().bool("ignore-not-found") && api_error::reason(&answer.response) == "NotFound";
            if !quiet {
                let text = match name {
                    Some(_) => api_error::message(&answer.response, None),
                    None => common::list_refusal(ctx, resource, &answer.response),
                };
                ctx.note_failure(text);
            }
            return Ok(None);
        }
        let value = api_error::body_or_stop(&answer.response)?;
        next = crate::kubectl::json::text_at(&value, &["metadata", "continue"]).to_owned();
        match &mut whole {
            None => whole = Some(value),
            Some(sum) => {
                for key in ["items", "rows"] {
                    if let (Some(Value::Array(all)), Some(Value::Array(more))) = (sum.get_mut(key), value.get(key)) {
                        all.extend(more.iter().cloned());
                    }
                }
            }
        }
        if next.is_empty() {
            break;
        }
    }
    Ok(whole.map(|value| Part { resource, named: name.is_some(), value }))
}

fn table_options(ctx: &Ctx<'_>, output: &Output, resource: &Resource, with_kind: bool) -> TableOptions {
    TableOptions {
        wide: *output == Output::Wide,
        no_headers: ctx.args().bool("no-headers"),
        with_namespace: ctx.args().bool("all-namespaces") && resource.namespaced,
        with_kind: (with_kind || ctx.args().bool("show-kind")).then(|| resource.kind_name()),
        show_labels: ctx.args().bool("show-labels"),
        label_columns: ctx.args().list("label-columns"),
    }
}

/// Whether the words ask for more than one resource, so that names need their kind.
fn asks_for_several(words: &[String]) -> bool {
    let Some(first) = words.first() else { return false };
    if words.iter().any(|w| w.contains('/')) {
        let mut kinds: Vec<&str> = words.iter().map(|w| w.split('/').next().unwrap_or("")).collect();
        kinds.dedup();
        return kinds.len() > 1;
    }
    first.split(',').any(|w| w == "all") || first.contains(',')
}

/// Prints the server's tables, with an empty line between resources.
fn tables(ctx: &mut Ctx<'_>, output: &Output, parts: &[Part]) -> Result<(), Stop> {
    let several = parts.windows(2).any(|pair| !std::ptr::eq(pair[0].resource, pair[1].resource));
    let sort_by = ctx.args().text("sort-by").to_owned();
    let now = ctx.unix_now();
    if !sort_by.is_empty() && parts.len() > 1 {
        // Several tables are objects of their own to the sorter (`RuntimeSorter`).
        let mut whole = parts.iter().map(|part| (part.resource, part.value.clone())).collect();
        sort::objects(&mut whole, &sort_by).or_else(|why| why.stop(ctx))?;
    }
    let mut shown = String::new();
    let mut start = 0;
    while start < parts.len() {
        let resource = parts[start].resource;
        let len = parts[start..].iter().take_while(|p| std::ptr::eq(p.resource, resource)).count();
        let group = &parts[start..start + len];
        start += len;
        let mut table = as_table(&group[0].value, now);
        for part in &group[1..] {
            if let (Some(Value::Array(all)), more) = (table.to_mut().get_mut("rows"), as_table(&part.value, now)) {
                all.extend(items(&more, &["rows"]).iter().cloned());
            }
        }
        if !sort_by.is_empty() {
            match sort::table(table.to_mut(), &sort_by) {
                Err(why @ sort::Unsorted::Type(_)) => return why.stop(ctx),
                // A table that cannot be sorted is not shown, unless there is nothing to sort (`RuntimeSorter`).
                Err(_) if items(&table, &["rows"]).len() > 1 => continue,
                _ => {}
            }
        }
        let mut columns = Columns::for_tables();
        columns.write(&TablePrinter::new(table_options(ctx, output, resource, several)).rows(&table));
        let text = columns.flush();
        if !text.is_empty() {
            if !shown.is_empty() && !ctx.args().bool("no-headers") {
                shown.push('\n');
            }
            shown.push_str(&text);
        }
    }
    if shown.is_empty() {
        if ctx.failures().is_empty() && !ctx.args().bool("ignore-not-found") {
            say_nothing_found(ctx, parts);
        }
    } else {
        ctx.print(shown);
    }
    Ok(())
}

/// The server's table, or one of names and ages if it gave the objects.
fn as_table(value: &Value, now: i64) -> Cow<'_, Value> {
    if text(value, "kind") == "Table" {
        return Cow::Borrowed(value);
    }
    let age = |object: &Value| {
        let born = timestamp::parse(crate::kubectl::json::text_at(object, &["metadata", "creationTimestamp"]));
        born.map_or_else(|| "<unknown>".to_owned(), |born| duration::human(now - born))
    };
    let row = |object: &Value| json!({"cells": [object::name(object), age(object)], "object": object});
    let rows: Vec<Value> = match value.get("items").and_then(Value::as_array) {
        Some(list) if text(value, "kind").ends_with("List") => list.iter().map(row).collect(),
        _ => vec![row(value)],
    };
    Cow::Owned(json!({"kind": "Table", "columnDefinitions": [{"name": "Name"}, {"name": "Age"}], "rows": rows}))
}

fn say_nothing_found(ctx: &mut Ctx<'_>, parts: &[Part]) {
    let in_namespace = !ctx.args().bool("all-namespaces") && parts.iter().all(|p| p.resource.namespaced);
    let text = if in_namespace {
        format!("No resources found in {} namespace.\n", ctx.namespace())
    } else {
        "No resources found\n".into()
    };
    ctx.print_err(text);
}

/// Prints the objects themselves: a single named one as it is, everything else as one list.
fn objects(ctx: &mut Ctx<'_>, output: &Output, parts: Vec<Part>) -> Result<(), Stop> {
    let single = parts.len() == 1 && parts[0].named;
    let mut found: Vec<(&'static Resource, Value)> = Vec::new();
    for part in parts {
        let listed = part.value.get("items").and_then(Value::as_array).cloned();
        match listed {
            Some(list) if text(&part.value, "kind").ends_with("List") => {
                found.extend(list.into_iter().map(|item| (part.resource, with_kind(part.resource, item))));
            }
            _ => found.push((part.resource, part.value)),
        }
    }
    let sort_by = ctx.args().text("sort-by").to_owned();
    if !sort_by.is_empty() {
        sort::objects(&mut found, &sort_by).or_else(|why| why.stop(ctx))?;
    }
    if output.hides_managed_fields() && !ctx.args().bool("show-managed-fields") {
        found = found.into_iter().map(|(r, v)| (r, object::without_managed_fields(v))).collect();
    }
    if *output == Output::Name {
        let lines: String = found.iter().map(|(r, v)| format!("{}/{}\n", r.kind_name(), object::name(v))).collect();
        ctx.print(lines);
        return Ok(());
    }
    if found.is_empty() && (single || !ctx.failures().is_empty()) {
        return Ok(());
    }
    let value = if single {
        found.remove(0).1
    } else {
        let list: Vec<Value> = found.into_iter().map(|(_, v)| v).collect();
        json!({"apiVersion": "v1", "items": list, "kind": "List", "metadata": {"resourceVersion": ""}})
    };
    if let (Output::Columns(spec), true) = (output, ctx.args().bool("no-headers")) {
        let text = custom_columns::print(spec, &value);
        ctx.print(text.split_once('\n').map_or("", |(_, rest)| rest));
        return Ok(());
    }
    output.show(ctx, &value)
}

/// Items of a list do not say their kind on the wire.
fn with_kind(resource: &Resource, mut item: Value) -> Value {
    if let Some(map) = item.as_object_mut() {
        map.entry("apiVersion").or_insert_with(|| Value::String(resource.group_version()));
        map.entry("kind").or_insert_with(|| Value::String(resource.kind.into()));
    }
    item
}

/// `-w`: the list first, then what changes.
fn watch(ctx: &mut Ctx<'_>, targets: &[Wanted], output: Output) -> Result<u8, Stop> {
    for (resource, name, namespace) in targets.iter().filter(|_| targets.len() > 1) {
        if fetch(ctx, resource, name.as_deref(), namespace, &output)?.is_none() {
            return end_with_failures(ctx);
        }
    }
    let [(resource, name, namespace)] = targets else {
        return fail(format!(
            "you may only specify a single resource type when watching: watch is only supported on individual resources and resource collections - {} resources were found",
            targets.len()
        ));
    };
    let Some(part) = fetch(ctx, resource, name.as_deref(), namespace, &output)? else { return end_with_failures(ctx) };
    let version = match object::resource_version(&part.value) {
        "" => items(&part.value, &["rows"]).first().map_or("0", |r| object::resource_version(&r["object"])).to_owned(),
        version => version.to_owned(),
    };
    let several = asks_for_several(&ctx.args().words);
    let mut state = Watch {
        table: TablePrinter::new(table_options(ctx, &output, resource, several)),
        columns: Columns::for_tables(),
        kind_name: resource.kind_name(),
        with_events: ctx.args().bool("output-watch-events"),
        managed_fields: ctx.args().bool("show-managed-fields"),
        output,
    };
    if !ctx.args().bool("watch-only") {
        first_page(ctx, &mut state, part)?;
    }
    let mut request = request(ctx, (resource, None, namespace), !state.output.wants_objects());
    request.query.retain(|(key, _)| key != "limit");
    if let Some(name) = name {
        request.query.push(("fieldSelector".into(), format!("metadata.name={name}")));
    }
    request.query.push(("resourceVersion".into(), version));
    request.query.push(("watch".into(), "true".into()));
    let answer = ctx.request(request)?;
    if !answer.response.is_success() {
        return Err(api_error::stop(&answer.response));
    }
    Err(Stop::Follow { id: answer.id, follow: Box::new(Follow::Watch(Box::new(state))), resumes: false })
}

fn first_page(ctx: &mut Ctx<'_>, state: &mut Watch, part: Part) -> Result<(), Stop> {
    if state.output.wants_objects() {
        let list = match part.value.get("items").and_then(Value::as_array).cloned() {
            Some(list) if !part.named => list,
            _ => vec![part.value],
        };
        for item in list {
            let item = with_kind(part.resource, item);
            let text = state.print(&item, "ADDED").or_else(|failed| fail(failed.why))?;
            ctx.print(text);
        }
        return Ok(());
    }
    let with_header = !state.table.options.no_headers;
    let mut rows = state.table.rows(&part.value);
    if state.with_events {
        rows = with_event_column(&rows, "ADDED", with_header);
    }
    state.columns.write(&rows);
    let text = state.columns.flush();
    if !text.is_empty() {
        ctx.print(text);
    }
    Ok(())
}
