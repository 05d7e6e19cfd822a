//! `kubectl explain`: the fields of a kind, out of the server's OpenAPI document.
//!
//! Models `k8s.io/kubectl/pkg/explain/v2` and its template `plaintext.tmpl`. The server's documents have no descriptions but of
//! custom resources, so that all others are shown as upstream shows one that is missing.

use serde_json::Value;

use crate::api::http::HttpRequest;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::{at, entries, items, text};
use crate::kubectl::resource::{self, Resource};

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let word = match words.as_slice() {
        [] => {
            return fail(
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.\n",
            );
        }
        [word] => word.clone(),
        _ => return fail("We accept only this format: explain RESOURCE\n"),
    };
    let (resource, path) = asked(ctx, &word)?;
    let (group, version) = version(ctx, resource)?;
    let form = ctx.args().text("output").to_owned();
    let document = match form.as_str() {
        "plaintext" => format!("/openapi/v3/{}", if group.is_empty() { "api".into() } else { format!("apis/{group}") }),
        "plaintext-openapiv2" => "/openapi/v2".to_owned(),
        other => return fail(format!("unrecognized format: {other}")),
    };
    let document = if form == "plaintext" { format!("{document}/{version}") } else { document };
    let answer = ctx.request(HttpRequest::get(document))?;
    let document = api_error::body_or_stop(&answer.response)?;
    let mut head = String::new();
    if !group.is_empty() {
        head.push_str(&format!("GROUP:      {group}\n"));
    }
    head.push_str(&format!("KIND:       {}\nVERSION:    {version}\n\n", resource.kind));
    ctx.print(head);
    let book = Book { schemas: at(&document, &["components", "schemas"]) };
    let Some(kind) = book.kind(&group, &version, resource.kind) else {
        return fail(format!("GVR ({group}/{version}, Resource={}) not found in OpenAPI schema", resource.plural));
    };
    let Some(page) = book.page(kind, &path, ctx.args().bool("recursive")) else {
        let last = path.last().map_or("", String::as_str);
        return fail(format!("field {last:?} does not exist"));
    };
    ctx.print(page);
    Ok(0)
}

/// The resource that a word begins with, the longest that there is, and the fields after it.
fn asked(ctx: &Ctx<'_>, word: &str) -> Result<(&'static Resource, Vec<String>), Stop> {
    let parts: Vec<&str> = word.trim_end_matches('.').split('.').collect();
    let found = (1..=parts.len())
        .rev()
        .find_map(|n| Some((resource::named(&ctx.session().discovered, &parts[..n].join("."))?, n)));
    match found {
        Some((resource, n)) => Ok((resource, parts[n..].iter().map(|part| (*part).to_owned()).collect())),
        None => {
            let text = format!("the server doesn't have a resource type {:?}\n", parts[0]);
            Err(Stop::Fail(Failure { text, code: 1 }))
        }
    }
}

/// The group and version that are meant.
fn version(ctx: &Ctx<'_>, resource: &Resource) -> Result<(String, String), Stop> {
    let asked = ctx.args().text("api-version");
    if asked.is_empty() || asked == resource.group_version() {
        return Ok((resource.group.to_owned(), resource.version.to_owned()));
    }
    let (group, version) = asked.split_once('/').unwrap_or(("", asked));
    if resource::by_kind(&ctx.session().discovered, group, version, resource.kind).is_none() {
        return fail(format!("couldn't find resource for \"{group}/{version}, Resource={}\"", resource.plural));
    }
    Ok((group.to_owned(), version.to_owned()))
}

/// The schemas of a document.
struct Book<'d> {
    schemas: &'d Value,
}

impl<'d> Book<'d> {
    fn kind(&self, group: &str, version: &str, kind: &str) -> Option<&'d Value> {
        let is = |of: &Value| text(of, "group") == group && text(of, "version") == version && text(of, "kind") == kind;
        let schemas = self.schemas.as_object()?;
        schemas.values().find(|schema| items(schema, &["x-kubernetes-group-version-kind"]).iter().any(is))
    }

    /// What stands behind a reference, and the name of it.
    fn named(&self, schema: &Value) -> Option<(&'d str, &'d Value)> {
        let reference = match text(schema, "$ref") {
            "" => text(items(schema, &["allOf"]).first()?, "$ref"),
            reference => reference,
        };
        let (name, found) = self.schemas.as_object()?.get_key_value(reference.rsplit('/').next()?)?;
        Some((name, found))
    }

    /// The struct that a field leads to, through lists, maps and references.
    fn inner(&self, schema: &'d Value) -> &'d Value {
        let mut here = schema;
        loop {
            here = match (self.named(here), here.get("items"), here.get("additionalProperties")) {
                (Some((_, found)), _, _) => found,
                (None, Some(inner), _) | (None, None, Some(inner)) => inner,
                _ => return here,
            };
        }
    }

    /// The references on the way to [`Book::inner`].
    fn reference(&self, schema: &'d Value) -> Option<&'d str> {
        let mut here = schema;
        loop {
            if let Some((name, _)) = self.named(here) {
                return Some(name);
            }
            here = here.get("items").or_else(|| here.get("additionalProperties"))?;
        }
    }

    /// The description of a schema and of those that it leads to, each with the end of its line.
    fn description(&self, schema: &Value) -> String {
        let mut out = String::new();
        if !text(schema, "description").is_empty() {
            out.push_str(&format!("{}\n", text(schema, "description")));
        }
        if let Some((_, found)) = self.named(schema) {
            out.push_str(&self.description(found));
        }
        for name in ["items", "additionalProperties"] {
            if let Some(inner) = schema.get(name).filter(|inner| inner.is_object()) {
                out.push_str(&self.description(inner));
            }
        }
        out
    }

    fn type_of(&self, schema: &Value) -> String {
        if let Some((name, _)) = self.named(schema) {
            // Some well-known types are shown as what they are on the wire.
            return match name.rsplit('.').next().unwrap_or(name) {
                "Time" | "MicroTime" => "string".into(),
                name => name.to_owned(),
            };
        }
        if let Some(inner) = schema.get("items") {
            return format!("[]{}", self.type_of(inner));
        }
        if let Some(inner) = schema.get("additionalProperties") {
            return format!("map[string]{}", self.type_of(inner));
        }
        match text(schema, "type") {
            "object" | "" => "Object".into(),
            name => name.to_owned(),
        }
    }

    /// What is printed of a kind or a field of it; `None` if there is no such field.
    fn page(&self, kind: &'d Value, path: &[String], recursive: bool) -> Option<String> {
        let mut out = String::new();
        let (mut schema, mut seen) = (kind, Vec::new());
        for (n, name) in path.iter().enumerate() {
            let owner = self.inner(schema);
            schema = at(owner, &["properties"]).get(name)?;
            if n + 1 == path.len() {
                out.push_str(&format!("FIELD: {name} <{}>{}\n", self.type_of(schema), required(owner, name)));
                let words = words_of(schema);
                if !words.is_empty() {
                    out.push_str(&format!("ENUM:\n    {}", words.join("\n    ")));
                }
                out.push_str("\n\n");
            }
        }
        let text = match self.description(schema) {
            text if text.is_empty() => "<empty>".to_owned(),
            text => text,
        };
        out.push_str(&format!("DESCRIPTION:\n{}\n", indented(&wrapped(&text, 76), 4)));
        seen.extend(self.reference(schema));
        if !entries(self.inner(schema), &["properties"]).is_empty() {
            out.push_str("FIELDS:\n");
            self.fields(schema, 1, recursive, &mut seen, &mut out);
        }
        out.push('\n');
        Some(out)
    }

    fn fields(&self, of: &'d Value, level: usize, recursive: bool, seen: &mut Vec<&'d str>, out: &mut String) {
        let owner = self.inner(of);
        for (name, schema) in entries(owner, &["properties"]) {
            let indent = "  ".repeat(level);
            out.push_str(&format!("{indent}{name}\t<{}>{}", self.type_of(schema), required(owner, name)));
            let words = words_of(schema);
            if !words.is_empty() {
                let more = if words.len() > 4 { ", ...." } else { "" };
                let shown: Vec<&str> = words.iter().take(4).map(String::as_str).collect();
                out.push_str(&format!("\n{indent}enum: {}{more}", shown.join(", ")));
            }
            out.push('\n');
            if !recursive {
                let text = match text(schema, "description") {
                    "" => "<no description>",
                    text => text,
                };
                let text = indented(&wrapped(text, 78 - indent.len()), indent.len() + 2);
                out.push_str(&format!("{text}\n\n"));
                continue;
            }
            let reference = self.reference(schema);
            if reference.is_some_and(|name| seen.contains(&name)) {
                continue;
            }
            let depth = seen.len();
            seen.extend(reference);
            self.fields(schema, level + 1, recursive, seen, out);
            seen.truncate(depth);
        }
    }
}

/// The words that a field may have.
fn words_of(schema: &Value) -> Vec<String> {
    let shown = |word: &Value| match word {
        Value::String(word) if word.is_empty() => "\"\"".to_owned(),
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    items(schema, &["enum"]).iter().map(shown).collect()
}

/// A text whose lines have at most so many letters, where words allow it.
fn wrapped(text: &str, most: usize) -> String {
    let wrap = |line: &str| {
        let mut out = String::new();
        let mut width = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if width > 0 && width + 1 + length > most {
                out.push('\n');
                width = 0;
            } else if width > 0 {
                out.push(' ');
                width += 1;
            }
            out.push_str(word);
            width += length;
        }
        out
    };
    text.split('\n').map(wrap).collect::<Vec<_>>().join("\n")
}

fn indented(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    format!("{pad}{}", text.replace('\n', &format!("\n{pad}")))
}

fn required(owner: &Value, name: &str) -> &'static str {
    if items(owner, &["required"]).iter().any(|known| known == name) { " -required-" } else { "" }
}
