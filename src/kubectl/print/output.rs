//! `-o`: which form an object is printed in.
//!
//! Models `k8s.io/cli-runtime/pkg/genericclioptions` print flags.

use serde::Serialize;
use serde_json::Value;

use super::{custom_columns, go_template};
pub use crate::api::go_json::compact;
use crate::api::go_json::html_escaped;
use crate::api::yaml::to_yaml;
use crate::api::{jsonpath, wire};
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
    /// The same of an object that kubectl holds as a Go struct: its fields come in the order of that.
    TypedJson,
    /// `-o yaml`.
    Yaml,
    /// `-o jsonpath=…`.
    JsonPath(jsonpath::Template),
    /// `-o jsonpath-as-json=…`.
    JsonPathAsJson(jsonpath::Template),
    /// `-o custom-columns=…`.
    Columns(custom_columns::Spec),
    /// `-o go-template=…`, and whether a key that is not there is an error.
    GoTemplate(go_template::Template, bool),
}

/// Why an object cannot be printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrintError {
    /// What stands on standard output nonetheless.
    pub printed: String,
    /// Upstream's words, after `error: `.
    pub why: String,
}

impl From<String> for PrintError {
    fn from(why: String) -> PrintError {
        PrintError { printed: String::new(), why }
    }
}

const FORMATS_OF_GET: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml";
const FORMATS: &str =
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,yaml";

/// Reads `-o` of a command.
pub fn parse(ctx: &Ctx<'_>) -> Result<Output, Stop> {
    let given = ctx.args().text("output").to_owned();
    let apart = ctx.args().flag("template").map_or("", |_| ctx.args().text("template"));
    let (name, value) = match given.split_once('=') {
        Some((name, value)) => (name, value.to_owned()),
        None if given.is_empty() && !apart.is_empty() => ("go-template", apart.to_owned()),
        None => (given.as_str(), apart.to_owned()),
    };
    let of_get = matches!(ctx.args().command.path, "get");
    Ok(match name {
        "" => Output::Default,
        "wide" if of_get => Output::Wide,
        "name" => Output::Name,
        "json" if is_typed(ctx.args().command.path) => Output::TypedJson,
        "json" => Output::Json,
        "yaml" => Output::Yaml,
        "jsonpath" => Output::JsonPath(template(ctx, &value)?),
        "jsonpath-as-json" => Output::JsonPathAsJson(template(ctx, &value)?),
        "jsonpath-file" => Output::JsonPath(template(ctx, &file(ctx, "--template ", &value)?)?),
        "custom-columns" if of_get => Output::Columns(columns(&value)?),
        "custom-columns-file" if of_get => Output::Columns(columns_file(&file(ctx, "template ", &value)?)?),
        "go-template" | "template" => go_template(ctx, &value)?,
        "go-template-file" | "templatefile" if value.is_empty() => go_template(ctx, "")?,
        "go-template-file" | "templatefile" => go_template(ctx, &file(ctx, "--template ", &value)?)?,
        _ => {
            let formats = if of_get { FORMATS_OF_GET } else { FORMATS };
            return fail(format!(
                "unable to match a printer suitable for the output format {given:?}, allowed formats are: {formats}"
            ));
        }
    })
}

/// Whether a command asks with a client that knows the types, instead of with one that takes whatever comes.
fn is_typed(path: &str) -> bool {
    let verb = path.split(' ').next().unwrap_or("");
    matches!(
        verb,
        "auth" | "autoscale" | "certificate" | "config" | "events" | "expose" | "rollout" | "run" | "set" | "taint"
    ) || path == "cluster-info dump"
        || path.starts_with("create ")
}

fn template(ctx: &Ctx<'_>, text: &str) -> Result<jsonpath::Template, Stop> {
    if text.is_empty() {
        return fail("template format specified but no template given");
    }
    match jsonpath::parse(text) {
        Ok(template) => Ok(template.strict(is_strict(ctx))),
        Err(why) => fail(format!("error parsing jsonpath {text}, {why}")),
    }
}

/// Whether a key that is not there is an error.
fn is_strict(ctx: &Ctx<'_>) -> bool {
    ctx.args().flag("allow-missing-template-keys").is_some() && !ctx.args().bool("allow-missing-template-keys")
}

fn go_template(ctx: &Ctx<'_>, text: &str) -> Result<Output, Stop> {
    if text.is_empty() {
        return fail("template format specified but no template given");
    }
    match go_template::parse(text) {
        Ok(template) => Ok(Output::GoTemplate(template, is_strict(ctx))),
        Err(why) => fail(format!("error parsing template {text}, {why}\n")),
    }
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

fn file(ctx: &Ctx<'_>, what: &str, path: &str) -> Result<String, Stop> {
    match ctx.file(path) {
        Some(FileNode::File(content)) => Ok(String::from_utf8_lossy(content).into_owned()),
        _ => fail(format!("error reading {what}{path}, open {path}: no such file or directory\n")),
    }
}

impl Output {
    /// Whether this form needs the objects themselves rather than the server's table.
    pub fn wants_objects(&self) -> bool {
        !matches!(self, Output::Default | Output::Wide)
    }

    /// Whether this form leaves managed fields out unless the command asks for them.
    pub fn hides_managed_fields(&self) -> bool {
        matches!(self, Output::Json | Output::TypedJson | Output::Yaml)
    }

    /// Prints an object on standard output; what cannot be printed ends the command.
    pub fn show(&self, ctx: &mut Ctx<'_>, value: &Value) -> Result<(), Stop> {
        match self.print(value) {
            Ok(text) => {
                ctx.print(text);
                Ok(())
            }
            Err(failed) => {
                ctx.print(failed.printed);
                fail(failed.why)
            }
        }
    }

    /// An object in this form.
    ///
    /// # Errors
    /// A template that does not fit the object.
    pub fn print(&self, value: &Value) -> Result<String, PrintError> {
        Ok(match self {
            Output::Json => pretty(value),
            Output::TypedJson => typed(value),
            Output::Yaml => to_yaml(value),
            Output::JsonPath(template) => jsonpath::print(template, value)?,
            Output::JsonPathAsJson(template) => pretty(&Value::Array(jsonpath::values(template, value)?)),
            Output::Columns(spec) => custom_columns::print(spec, value),
            Output::GoTemplate(template, strict) => {
                go_template::print(template, value, *strict).map_err(|(printed, why)| PrintError { printed, why })?
            }
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
            let shown = if ctx.args().bool("show-managed-fields") || !other.hides_managed_fields() {
                value.clone()
            } else {
                object::without_managed_fields(value.clone())
            };
            return other.show(ctx, &shown);
        }
    };
    ctx.print(line);
    Ok(())
}

/// JSON with four spaces and the fields in the order of their Go struct.
pub fn typed(value: &Value) -> String {
    wire::text(value, Some("    ")) + "\n"
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
