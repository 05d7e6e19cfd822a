//! `kubectl label` and `kubectl annotate`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/label` and `pkg/cmd/annotate`.

use serde_json::{Value, json};

use super::change;
use super::common::{self, MERGE, Named};
use crate::api::patch::merge;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{at, entries, object_at};
use crate::kubectl::print::output;

/// What the words ask for.
struct Wanted {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

/// Which of the two verbs it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noun {
    Label,
    Annotation,
}

impl Noun {
    fn word(self) -> &'static str {
        if self == Noun::Label { "label" } else { "annotation" }
    }

    /// The field of the metadata.
    fn map(self) -> &'static str {
        if self == Noun::Label { "labels" } else { "annotations" }
    }
}

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let noun = if ctx.args().command.path == "annotate" { Noun::Annotation } else { Noun::Label };
    common::check_dry_run(ctx)?;
    output::parse(ctx)?;
    if ctx.args().bool("list") && ctx.args().given("output") {
        return fail("--list and --output may not be specified together");
    }
    let (resources, pairs) = split(noun, &ctx.args().words, ctx.reads_objects())?;
    let wanted = wanted(noun, &pairs)?;
    check(ctx, noun, &resources, &wanted)?;
    let local = ctx.args().bool("local");
    let named = common::named_objects(ctx, &resources)?;
    let single = named.len() == 1 && !ctx.args().bool("all") && !selects(ctx);
    if !single && ctx.args().given("resource-version") {
        return fail("--resource-version may only be used with a single resource");
    }
    let documents = change::documents(ctx, local);
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let found = match documents.get(i as usize) {
            Some(document) => Some(document.clone()),
            None => change::fetch(ctx, one)?,
        };
        let Some(before) = found else { return Ok(()) };
        match changed(ctx, noun, &before, &wanted) {
            Ok(after) if ctx.args().bool("list") => list(ctx, noun, one, &after, single),
            Ok(after) => send(ctx, noun, one, &before, after, &wanted)?,
            Err(reasons) => reasons.into_iter().for_each(|why| ctx.note_failure(format!("error: {why}\n"))),
        }
        Ok(())
    })?;
    common::end_with_failures(ctx)
}

fn selects(ctx: &Ctx<'_>) -> bool {
    !ctx.args().text("selector").is_empty() || !ctx.args().text("field-selector").is_empty()
}

/// What the flags and words refuse together (`Validate`).
fn check(ctx: &Ctx<'_>, noun: Noun, resources: &[String], wanted: &Wanted) -> Result<(), Stop> {
    let args = ctx.args();
    for other in ["selector", "field-selector"] {
        if args.bool("all") && !args.text(other).is_empty() {
            return fail(format!("cannot set --all and --{other} at the same time"));
        }
    }
    if args.bool("local") {
        let file = if noun == Noun::Label { "pod" } else { "rsrc" };
        let files = format!("-f {file}.yaml or --filename={file}.json");
        if args.text("dry-run") == "server" {
            return fail(change::LOCAL_OR_SERVER);
        }
        if !resources.is_empty() {
            return fail(format!("can only use local files by {files} when --local=true is set"));
        }
        if !ctx.reads_objects() {
            return fail(format!("one or more files must be specified as {files}"));
        }
    } else if resources.is_empty() && !ctx.reads_objects() {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if wanted.set.is_empty() && wanted.remove.is_empty() && !args.bool("list") {
        return fail(format!("at least one {} update is required", noun.word()));
    }
    let both: Vec<&str> =
        wanted.remove.iter().filter(|key| wanted.set.iter().any(|(k, _)| k == *key)).map(String::as_str).collect();
    match noun {
        _ if both.is_empty() => Ok(()),
        Noun::Label => fail("can not both modify and remove a label in the same command"),
        Noun::Annotation => fail(format!(
            "can not both modify and remove the following annotation(s) in the same command: {}",
            both.join(", ")
        )),
    }
}

/// The words that name objects, and the changes: everything from the first `key=value` or `key-`. Where files name the objects,
/// every word is a change.
fn split(noun: Noun, words: &[String], by_files: bool) -> Result<(Vec<String>, Vec<String>), Stop> {
    let is_change = |w: &String| (w.contains('=') && !w.starts_with('=')) || (w.len() > 1 && w.ends_with('-'));
    let first = words.iter().enumerate().position(|(i, w)| (i > 0 || by_files) && is_change(w)).unwrap_or(words.len());
    if let Some(late) = words[first..].iter().find(|w| !is_change(w)) {
        return fail(format!("all resources must be specified before {} changes: {late}", noun.word()));
    }
    Ok((words[..first].to_vec(), words[first..].to_vec()))
}

fn wanted(noun: Noun, pairs: &[String]) -> Result<Wanted, Stop> {
    let mut found = Wanted { set: Vec::new(), remove: Vec::new() };
    for pair in pairs {
        match pair.split_once('=') {
            // Only annotations may have another equal sign in them.
            Some((_, value)) if noun == Noun::Label && value.contains('=') => {
                return fail(format!("invalid label spec: {pair}"));
            }
            Some((key, value)) if !key.is_empty() => {
                if noun == Noun::Label && !is_label_value(value) {
                    return fail(format!(
                        "invalid label value: {pair:?}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                    ));
                }
                found.set.push((key.to_owned(), value.to_owned()));
            }
            None if pair.len() > 1 && pair.ends_with('-') => found.remove.push(pair[..pair.len() - 1].to_owned()),
            _ => return fail(format!("unknown {} spec: {pair}", noun.word())),
        }
    }
    Ok(found)
}

fn is_label_value(value: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= 63
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && edge(value.chars().next())
        && edge(value.chars().next_back())
}

/// The object after the changes, or why they may not be made.
fn changed(ctx: &Ctx<'_>, noun: Noun, before: &Value, wanted: &Wanted) -> Result<Value, Vec<String>> {
    if !ctx.args().bool("overwrite") {
        let taken = taken(noun, at(before, &["metadata", noun.map()]), wanted);
        if !taken.is_empty() {
            return Err(taken);
        }
    }
    let mut change = json!({});
    wanted.set.iter().for_each(|(key, value)| change[key] = json!(value));
    wanted.remove.iter().for_each(|key| change[key] = Value::Null);
    let mut after = merge(before, &json!({"metadata": {noun.map(): change}}));
    if object_at(&mut after, &["metadata", noun.map()]).is_empty() {
        object_at(&mut after, &["metadata"]).remove(noun.map());
    }
    Ok(after)
}

/// What stands in the way without `--overwrite`. The cause of a change may always be written anew.
fn taken(noun: Noun, now: &Value, wanted: &Wanted) -> Vec<String> {
    let held = |key: &str, value: &str| {
        let is = now.get(key)?.as_str()?;
        let free = if noun == Noun::Label { is == value } else { key == "kubernetes.io/change-cause" };
        (!free).then(|| format!("'{key}' already has a value ({is})"))
    };
    let found: Vec<String> = wanted.set.iter().filter_map(|(key, value)| held(key, value)).collect();
    match noun {
        _ if found.is_empty() => found,
        Noun::Label => found.iter().map(|text| format!("{text}, and --overwrite is false")).collect(),
        Noun::Annotation => {
            vec![format!("--overwrite is false but found the following declared annotation(s): {}", found.join("; "))]
        }
    }
}

/// `--list`: where several are asked for, each has a line that names it.
fn list(ctx: &mut Ctx<'_>, noun: Noun, one: &Named, after: &Value, single: bool) {
    let indent = if single { "" } else { " " };
    if !single {
        ctx.print(format!("Listing {} for {}.{}/{}:\n", noun.map(), one.resource.kind, one.resource.group, one.name));
    }
    let lines: String = entries(after, &["metadata", noun.map()])
        .into_iter()
        .map(|(k, v)| format!("{indent}{k}={}\n", v.as_str().unwrap_or("")))
        .collect();
    ctx.print(lines);
}

/// Sends the change, unless it is one for this machine alone, and says what was done.
fn send(ctx: &mut Ctx<'_>, noun: Noun, one: &Named, before: &Value, after: Value, wanted: &Wanted) -> Result<(), Stop> {
    let did = did(ctx, noun, before, &after);
    let stays_here = ctx.args().bool("local") || common::is_client_dry_run(ctx);
    if stays_here {
        return output::changed(ctx, one.resource, &after, did);
    }
    if noun == Noun::Label {
        let missing = |key: &&String| at(before, &["metadata", "labels", key]).is_null();
        let lines: String =
            wanted.remove.iter().filter(missing).map(|key| format!("label {key:?} not found.\n")).collect();
        ctx.print(lines);
    }
    let was = at(before, &["metadata", noun.map()]);
    let mut patch = json!({});
    for (key, value) in wanted.set.iter().filter(|(key, value)| was.get(key).and_then(Value::as_str) != Some(value)) {
        patch["metadata"][noun.map()][key] = json!(value);
    }
    for key in wanted.remove.iter().filter(|key| was.get(key).is_some()) {
        patch["metadata"][noun.map()][key] = Value::Null;
    }
    if ctx.args().given("resource-version") {
        patch["metadata"]["resourceVersion"] = json!(ctx.args().text("resource-version"));
    }
    let manager = ctx.args().text("field-manager").to_owned();
    match change::patch(ctx, one, before, &patch, MERGE, &manager)? {
        Some(made) => output::changed(ctx, one.resource, &made, did),
        None => Ok(()),
    }
}

/// The word for what was done; of labels it tells by the size of the object (`updateDataChangeMsg`).
fn did(ctx: &Ctx<'_>, noun: Noun, before: &Value, after: &Value) -> &'static str {
    let shrank = || output::compact(after).len() < output::compact(before).len();
    match noun {
        Noun::Annotation => "annotated",
        Noun::Label if before == after && !ctx.args().given("resource-version") => "not labeled",
        Noun::Label if !ctx.args().bool("overwrite") && shrank() => "unlabeled",
        Noun::Label => "labeled",
    }
}
