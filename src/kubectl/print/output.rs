//! `-o`: which form an object is printed in.
//!
//! Models `k8s.io/cli-runtime/pkg/genericclioptions` print flags.

use serde::Serialize;
use serde_json::Value;

use super::yaml::to_yaml;
use super::{custom_columns, jsonpath};
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::files::FileNode;
use crate::kubectl::object;
use crate::kubectl::resource::Resource;

/// A parsed `-o`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// The usual form of the verb.
    Default,
    /// `-o wide`.
    Wide,
    /// `-o name`.
    Name,
    /// `-o json`.
    Json,
    /// `-o yaml`.
    Yaml,
    /// `-o jsonpath=…`.
    JsonPath(jsonpath::Template),
    /// `-o jsonpath-as-json=…`.
    JsonPathAsJson(jsonpath::Template),
    /// `-o custom-columns=…`.
    Columns(custom_columns::Spec),
}

const FORMATS_OF_GET: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml";
const FORMATS: &str =
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,yaml";

/// Reads `-o` of a command.
pub fn parse(ctx: &Ctx<'_>) -> Result<Output, Stop> {
    let given = ctx.args().text("output").to_owned();
    let (name, value) = match given.split_once('=') {
        Some((name, value)) => (name, value.to_owned()),
        None => (given.as_str(), String::new()),
    };
    let of_get = matches!(ctx.args().command.path, "get");
    Ok(match name {
        "" => Output::Default,
        "wide" => Output::Wide,
        "name" => Output::Name,
        "json" => Output::Json,
        "yaml" => Output::Yaml,
        "jsonpath" => Output::JsonPath(template(&value)?),
        "jsonpath-as-json" => Output::JsonPathAsJson(template(&value)?),
        "jsonpath-file" => Output::JsonPath(template(&file(ctx, &value)?)?),
        "custom-columns" if of_get => Output::Columns(columns(&value)?),
        "custom-columns-file" if of_get => Output::Columns(columns_file(&file(ctx, &value)?)?),
        "go-template" | "go-template-file" | "template" | "templatefile" => {
            return fail("go templates are not here yet; use -o jsonpath or -o custom-columns");
        }
        _ => {
            let formats = if of_get { FORMATS_OF_GET } else { FORMATS };
            return fail(format!(
                "unable to match a printer suitable for the output format {given:?}, allowed formats are: {formats}"
            ));
        }
    })
}

fn template(text: &str) -> Result<jsonpath::Template, Stop> {
    if text.is_empty() {
        return fail("template format specified but no template given");
    }
    jsonpath::parse(text).or_else(|why| fail(format!("error parsing jsonpath {text}, {why}")))
}

fn columns(text: &str) -> Result<custom_columns::Spec, Stop> {
    if text.is_empty() {
        return fail("custom-columns format specified but no custom columns given");
    }
    custom_columns::parse(text).or_else(fail)
}

fn columns_file(text: &str) -> Result<custom_columns::Spec, Stop> {
    let mut lines = text.lines();
    let headers = lines.next().unwrap_or("").split_whitespace();
    let paths = lines.next().unwrap_or("").split_whitespace();
    let spec: Vec<String> = headers.zip(paths).map(|(h, p)| format!("{h}:{p}")).collect();
    columns(&spec.join(","))
}

fn file(ctx: &Ctx<'_>, path: &str) -> Result<String, Stop> {
    match ctx.file(path) {
        Some(FileNode::File(content)) => Ok(String::from_utf8_lossy(content).into_owned()),
        _ => fail(format!("error reading --template {path}, open {path}: no such file or directory\n")),
    }
}

impl Output {
    /// Whether this form needs the objects themselves rather than the server's table.
    pub fn wants_objects(&self) -> bool {
        !matches!(self, Output::Default | Output::Wide)
    }

    /// Prints objects; the error is upstream's text.
    pub fn print(&self, value: &Value) -> Result<String, String> {
        Ok(match self {
            Output::Json => pretty(value),
            Output::Yaml => to_yaml(value),
            Output::JsonPath(template) => jsonpath::print(template, value)
                .map_err(|why| format!("error executing jsonpath: Error executing template: {why}"))?,
            Output::JsonPathAsJson(template) => pretty(&Value::Array(jsonpath::values(template, value)?)),
            Output::Columns(spec) => custom_columns::print(spec, value),
            Output::Name | Output::Default | Output::Wide => String::new(),
        })
    }
}

/// Prints one object as a verb that changed it does: `deployment.apps/web created`, or in the form of `-o`.
pub fn changed(ctx: &mut Ctx<'_>, resource: &Resource, value: &Value, did: &str) -> Result<(), Stop> {
    let output = parse(ctx)?;
    let did = format!("{did}{}", dry_run_note(ctx));
    print_changed(ctx, &output, resource, value, &did)
}

/// The words that a dry run appends.
pub fn dry_run_note(ctx: &Ctx<'_>) -> &'static str {
    match ctx.args().text("dry-run") {
        "client" | "unchanged" => " (dry run)",
        "server" => " (server dry run)",
        _ => "",
    }
}

/// Prints one object, changed in this way, in this form.
pub fn print_changed(
    ctx: &mut Ctx<'_>,
    output: &Output,
    resource: &Resource,
    value: &Value,
    did: &str,
) -> Result<(), Stop> {
    let name = match object::name(value) {
        "" => "<unknown>",
        name => name,
    };
    let line = match output {
        Output::Default | Output::Wide if did.is_empty() => format!("{}/{name}\n", resource.kind_name()),
        Output::Default | Output::Wide => format!("{}/{name} {did}\n", resource.kind_name()),
        Output::Name => format!("{}/{name}\n", resource.kind_name()),
        other => {
            let shown = if ctx.args().bool("show-managed-fields") {
                value.clone()
            } else {
                object::without_managed_fields(value.clone())
            };
            match other.print(&shown) {
                Ok(text) => text,
                Err(why) => return fail(why),
            }
        }
    };
    ctx.print(line);
    Ok(())
}

/// JSON with four spaces, as `-o json` prints it.
pub fn pretty(value: &Value) -> String {
    let mut bytes = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, format);
    value.serialize(&mut serializer).expect("a JSON value always serialises into memory");
    let mut text = html_escaped(&String::from_utf8_lossy(&bytes));
    text.push('\n');
    text
}

/// JSON on one line, as Go's encoder writes it.
pub fn compact(value: &Value) -> String {
    html_escaped(&value.to_string())
}

/// Go's JSON encoder writes `<`, `>` and `&` as escapes.
fn html_escaped(text: &str) -> String {
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}
