//! The objects that `-f` names: files, directories and standard input, several documents each, lists opened.
//!
//! Models `k8s.io/cli-runtime/pkg/resource` visitors and `k8s.io/apimachinery/pkg/util/yaml`. Documents are split at
//! `---` before they are parsed, so a line in an error counts from its own document's start, as upstream's does.

use serde_json::Value;

use super::args::Args;
use super::ctx::Ctx;
use super::files::{self, FileNode, Read};
use super::json::{entries, text};
use super::kustomize;
use super::object;
use super::print::output::compact;
use super::resource::{self, Resource};
use crate::api::labels::Selector;
use crate::api::yaml;

/// An object from a file, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Where it came from: `STDIN` or the path.
    pub source: String,
    /// The object and its resource, or an error without its `error: `.
    pub content: Result<(Value, &'static Resource), String>,
}

/// Reads everything that `-f`, `-R` and `-k` name, with `-l` only what has such labels; and what a kustomization warns of.
pub fn read(ctx: &Ctx<'_>) -> (Vec<Document>, Vec<String>) {
    let (mut found, warnings) = all(ctx);
    if ctx.args().flag("selector").is_some()
        && let Ok(selector) = Selector::parse(ctx.args().text("selector"))
    {
        let labels = |value: &Value| {
            entries(value, &["metadata", "labels"])
                .into_iter()
                .filter_map(|(k, v)| Some((k.into(), v.as_str()?.into())))
                .collect()
        };
        found.retain(|document| match &document.content {
            Ok((value, _)) => selector.matches(&labels(value)),
            Err(_) => true,
        });
    }
    (found, warnings)
}

fn all(ctx: &Ctx<'_>) -> (Vec<Document>, Vec<String>) {
    let (mut found, mut missing, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(folder) = files::kustomization(ctx.args()) {
        let built = kustomize::build(&Read(ctx.files()), &folder);
        warnings = built.warnings;
        match built.objects {
            Ok(objects) => objects.into_iter().for_each(|value| flatten(ctx, &folder, value, false, &mut found)),
            Err(why) => error(&folder, why, &mut found),
        }
    }
    for path in ctx.args().list("filename") {
        if matches!(path.as_str(), "-" | "/dev/stdin") {
            let source = if path == "-" { "STDIN" } else { path.as_str() };
            documents(ctx, source, ctx.stdin().unwrap_or_default(), &mut found);
        } else if path.starts_with("http://") || path.starts_with("https://") {
            error(
                &path,
                format!("unable to read URL {path:?}: there is no network outside of the cluster here"),
                &mut missing,
            );
        } else if ctx.file(&path).is_none() {
            error(&path, format!("the path {path:?} does not exist"), &mut missing);
        } else {
            file(ctx, &path, true, &mut found);
            if found.is_empty() && missing.is_empty() && matches!(ctx.file(&path), Some(FileNode::Dir(_))) {
                let words = format!("error reading [{path}]: recognized file extensions are [.json .yaml .yml]");
                error(&path, words, &mut missing);
            }
        }
    }
    // Nothing is read where not all of it is there (`Builder.Do`).
    (if missing.is_empty() { found } else { missing }, warnings)
}

fn error(source: &str, text: String, found: &mut Vec<Document>) {
    found.push(Document { source: source.to_owned(), content: Err(text) });
}

fn file(ctx: &Ctx<'_>, path: &str, top: bool, found: &mut Vec<Document>) {
    match ctx.file(path) {
        None => {}
        Some(FileNode::File(content)) => documents(ctx, path, content, found),
        Some(FileNode::Dir(names)) if top || ctx.args().bool("recursive") => {
            for name in names {
                let inner = format!("{}/{name}", path.trim_end_matches('/'));
                let wanted = [".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end));
                let is_dir = matches!(ctx.file(&inner), Some(FileNode::Dir(_)));
                if wanted || is_dir {
                    file(ctx, &inner, false, found);
                }
            }
        }
        Some(FileNode::Dir(_)) => {}
    }
}

/// Splits a text into documents at lines that begin with `---`.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let is_end = line.strip_prefix("---").is_some_and(|rest| {
            let rest = rest.trim();
            rest.is_empty() || rest.starts_with('#')
        });
        if is_end {
            if parts.last().is_some_and(|p| !p.is_empty()) {
                parts.push(String::new());
            }
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
        }
    }
    parts
}

fn documents(ctx: &Ctx<'_>, source: &str, content: &[u8], found: &mut Vec<Document>) {
    let text = String::from_utf8_lossy(content);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    for part in split(text) {
        match yaml::read::read(&part) {
            Ok(Value::Null) => {}
            Ok(value) => flatten(ctx, source, value, false, found),
            Err(why) => {
                error(source, format!("error parsing {source}: error converting YAML to JSON: {why}"), found);
                return;
            }
        }
    }
}

/// Opens lists; checks that an object says what it is.
fn flatten(ctx: &Ctx<'_>, source: &str, value: Value, listed: bool, found: &mut Vec<Document>) {
    if let Err(why) = check_kind(source, &value, ctx.args()) {
        return error(source, why, found);
    }
    let is_list = text(&value, "kind").ends_with("List");
    if let (true, Some(items)) = (is_list, value.get("items").and_then(Value::as_array)) {
        for item in items {
            flatten(ctx, source, item.clone(), true, found);
        }
        return;
    }
    let (group, version) = object::group_version(&value);
    let kind = text(&value, "kind");
    match resource::by_kind(&ctx.session().discovered, group, version, kind) {
        Some(resource) => {
            found.push(Document { source: source.to_owned(), content: Ok((value, resource)) });
        }
        None => {
            let api_version = text(&value, "apiVersion");
            let unknown = format!("no matches for kind {kind:?} in version {api_version:?}");
            let why = match listed {
                true => format!("unable to recognize {unknown}"),
                false => format!(
                    "resource mapping not found for name: {:?} namespace: {:?} from {source:?}: {unknown}\nensure CRDs are installed first",
                    object::name(&value),
                    object::namespace(&value),
                ),
            };
            error(source, why, found);
        }
    }
}

/// What an object must say and does not, or says in another way than as text.
pub fn missing(value: &Value) -> Option<String> {
    let mut missing = Vec::new();
    if !value.is_object() {
        missing.push("invalid object to validate".to_owned());
    } else {
        for key in ["apiVersion", "kind"] {
            match value.get(key) {
                None | Some(Value::Null) => missing.push(format!("{key} not set")),
                Some(Value::String(_)) => {}
                Some(_) => missing.push(format!("{key} isn't string type")),
            }
        }
    }
    match missing.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("[{}]", many.join(", "))),
    }
}

fn check_kind(source: &str, value: &Value, args: &Args) -> Result<(), String> {
    let validates = args.flag("validate").is_some() && !matches!(args.text("validate"), "false" | "ignore");
    if validates {
        let Some(why) = missing(value) else { return Ok(()) };
        return Err(format!(
            "error validating {source:?}: error validating data: {why}; if you choose to ignore these errors, turn validation off with --validate=false"
        ));
    }
    let word = match value {
        Value::Object(_) if text(value, "kind").is_empty() => {
            return Err(format!("unable to decode {source:?}: Object 'Kind' is missing in '{}'", compact(value)));
        }
        Value::Object(_) => return Ok(()),
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        _ => "number",
    };
    Err(format!(
        "unable to decode {source:?}: json: cannot unmarshal {word} into Go value of type unstructured.detector"
    ))
}
