//! What several verbs share: requests, namespaces, waiting for the end of an object.

use serde_json::{Value, json};

use crate::api::http::{Chunk, HttpRequest, HttpResponse, Method};
use crate::api::labels::{Operator, Selector};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Next, Stop, fail};
use crate::kubectl::json::{object_at, text};
use crate::kubectl::object;
use crate::kubectl::resource::Resource;
use crate::kubectl::select::{self, Target};
use crate::kubectl::timestamp;
use crate::sim::Time;

/// The `Accept` header that asks for a server-side table.
pub const ACCEPT_TABLE: &str =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

/// The kind of patch that is made from two objects of a resource: custom ones have no strategic patches.
pub fn patch_type(resource: &Resource) -> &'static str {
    if resource.custom { MERGE } else { STRATEGIC }
}

/// The content type of a strategic merge patch.
pub const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// The content type of a JSON merge patch.
pub const MERGE: &str = "application/merge-patch+json";

/// A request with a JSON body.
pub fn with_body(method: Method, path: String, content_type: &str, body: &Value) -> HttpRequest {
    let mut request = HttpRequest::get(path);
    request.method = method;
    request.content_type = content_type.to_owned();
    request.body = body.to_string().into_bytes();
    request
}

/// `error: …` followed by where to find help, as upstream's usage errors end.
pub fn usage<T>(ctx: &Ctx<'_>, message: &str) -> Result<T, Stop> {
    let path = ctx.args().command.path;
    fail(format!("{message}\nSee 'kubectl {path} -h' for help and examples"))
}

/// Puts an object into the namespace of the command, or refuses it if it names another one.
pub fn into_namespace(ctx: &Ctx<'_>, resource: &Resource, value: &mut Value) -> Result<String, String> {
    if !resource.namespaced {
        return Ok(String::new());
    }
    let (own, wanted) = (object::namespace(value).to_owned(), ctx.namespace());
    if own.is_empty() {
        object_at(value, &["metadata"]).insert("namespace".into(), Value::String(wanted.clone()));
        return Ok(wanted);
    }
    if ctx.args().given("namespace") && own != wanted {
        return Err(format!(
            "error: the namespace from the provided object {own:?} does not match the namespace {wanted:?}. You must pass '--namespace={own}' to perform this operation.\n"
        ));
    }
    Ok(own)
}

/// Adds `dryRun=All` where the command asks the server for a dry run.
pub fn add_dry_run(ctx: &Ctx<'_>, request: &mut HttpRequest) {
    if ctx.args().text("dry-run") == "server" {
        request.query.push(("dryRun".into(), "All".into()));
    }
}

/// Whether nothing is to be sent.
pub fn is_client_dry_run(ctx: &Ctx<'_>) -> bool {
    matches!(ctx.args().text("dry-run"), "client" | "unchanged")
}

/// Refuses a `--dry-run` that is none, with upstream's words.
pub fn check_dry_run(ctx: &mut Ctx<'_>) -> Result<(), Stop> {
    match ctx.args().text("dry-run") {
        "none" | "client" | "server" => Ok(()),
        "unchanged" => {
            let time = timestamp::klog(ctx.session().epoch, ctx.now());
            ctx.print_err(format!(
                "W{time}       1 helpers.go:703] --dry-run is deprecated and can be replaced with --dry-run=client.\n"
            ));
            Ok(())
        }
        value => fail(format!("Invalid dry-run value ({value}). Must be \"none\", \"server\", or \"client\".")),
    }
}

/// The `fieldValidation` query value of `--validate`.
pub fn field_validation(ctx: &Ctx<'_>) -> Result<&'static str, Stop> {
    match ctx.args().text("validate") {
        "true" | "strict" => Ok("Strict"),
        "warn" => Ok("Warn"),
        "false" | "ignore" => Ok("Ignore"),
        other => fail(format!(
            "invalid - validate option {other:?}; must be one of: strict (or true), warn, ignore (or false)"
        )),
    }
}

/// Ends the command with what its items collected: nothing, or all errors and exit code 1.
pub fn end_with_failures(ctx: &Ctx<'_>) -> Result<u8, Stop> {
    let failures = ctx.failures();
    if failures.is_empty() {
        return Ok(0);
    }
    // Only one error alone is called one (`utilerrors.Aggregate` in `cmdutil.CheckErr`).
    let text = match failures.as_slice() {
        [one] => one.clone(),
        many => many.iter().map(|text| text.strip_prefix("error: ").unwrap_or(text)).collect(),
    };
    Err(Stop::Fail(Failure { text, code: 1 }))
}

/// An object that a command names, wherever the name came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The resource.
    pub resource: &'static Resource,
    /// The namespace; empty for cluster-wide objects.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The file it came from, or the empty text.
    pub source: String,
}

impl Named {
    /// The path of the object.
    pub fn path(&self) -> String {
        self.resource.object_path(&self.namespace, &self.name)
    }

    /// `kind.group/name`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.resource.kind_name(), self.name)
    }
}

/// Whether the words or flags of a command name anything.
pub fn names_anything(ctx: &Ctx<'_>) -> bool {
    ctx.reads_objects() || !ctx.args().words.is_empty()
}

/// All objects that a command names: by file, by name, by `--all` or by selector. Sends list requests as needed.
/// Errors that concern one object go to the failures of the command.
pub fn named_objects(ctx: &mut Ctx<'_>, words: &[String]) -> Result<Vec<Named>, Stop> {
    let mut found = Vec::new();
    if ctx.reads_objects() {
        if !words.is_empty() {
            return fail(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
            );
        }
        // What reads and nothing else says so without a word before it.
        let label = match (ctx.args().command.path, ctx.args().given("kustomize")) {
            ("get" | "describe", true) => "",
            _ => "error: ",
        };
        for document in ctx.documents().iter() {
            match &document.content {
                Ok((value, resource)) => {
                    let mut value = value.clone();
                    match into_namespace(ctx, resource, &mut value) {
                        Ok(namespace) => found.push(Named {
                            resource,
                            namespace,
                            name: object::name(&value).into(),
                            source: document.source.clone(),
                        }),
                        Err(text) => ctx.note_failure(text),
                    }
                }
                Err(why) => ctx.note_failure(format!("{label}{why}\n")),
            }
        }
        return Ok(found);
    }
    for target in select::targets(ctx, words)? {
        expand(ctx, &target, &mut found)?;
    }
    Ok(found)
}

fn expand(ctx: &mut Ctx<'_>, target: &Target, found: &mut Vec<Named>) -> Result<(), Stop> {
    let resource = target.resource;
    let all_namespaces = ctx.args().bool("all-namespaces");
    let namespace = if resource.namespaced && !all_namespaces { ctx.namespace() } else { String::new() };
    // What changes objects takes no words of all namespaces for all of them.
    let changes = matches!(ctx.args().command.path, "delete" | "label" | "annotate");
    if let Some(name) = &target.name {
        if changes && all_namespaces {
            return fail("a resource cannot be retrieved by name across all namespaces");
        }
        // Only `delete --all` selects where a name is given; for the others it is what a bare type means.
        let selects = ctx.args().given("selector") && ctx.args().command.path != "expose";
        if selects || (ctx.args().command.path == "delete" && ctx.args().bool("all")) {
            return fail("name cannot be provided when a selector is specified");
        }
        found.push(Named { resource, namespace, name: name.clone(), source: String::new() });
        return Ok(());
    }
    let selects = ctx.args().bool("all")
        || ctx.args().given("selector")
        || ctx.args().given("field-selector")
        || all_namespaces && !changes;
    if !selects {
        return fail("resource(s) were provided, but no name was specified");
    }
    let mut request = HttpRequest::get(resource.path(&namespace));
    add_selectors(ctx, &mut request);
    let list = list(ctx, resource, request)?;
    for item in crate::kubectl::json::items(&list, &["items"]) {
        let namespace = object::namespace(item).to_owned();
        found.push(Named { resource, namespace, name: object::name(item).into(), source: String::new() });
    }
    Ok(())
}

/// Sends the request for a list; a refusal ends the command.
pub fn list(ctx: &mut Ctx<'_>, resource: &Resource, request: HttpRequest) -> Result<Value, Stop> {
    let answer = ctx.request(request)?;
    if !answer.response.is_success() {
        let text = list_refusal(ctx, resource, &answer.response);
        return Err(Stop::Fail(Failure { text, code: 1 }));
    }
    api_error::body_or_stop(&answer.response)
}

/// What kubectl says of a list that was refused: what it looked for, if the server says that it makes no sense
/// (`cli-runtime` `Selector.Visit`).
pub fn list_refusal(ctx: &Ctx<'_>, resource: &Resource, response: &HttpResponse) -> String {
    if !matches!(api_error::reason(response).as_str(), "BadRequest" | "NotFound") {
        return api_error::message(response, None);
    }
    let given = |flag: &str| ctx.args().flag(flag).map_or("", |_| ctx.args().text(flag));
    let (labels, fields) = (given("selector"), given("field-selector"));
    let shown = format!("\"{}/{}, Resource={}\"", resource.group, resource.version, resource.plural);
    let doing = match (labels, fields) {
        ("", "") => format!("Unable to list {shown}"),
        _ => format!("Unable to find {shown} that match label selector {labels:?}, field selector {fields:?}"),
    };
    api_error::message(response, Some(&doing))
}

/// Adds `-l` and `--field-selector` to a request.
pub fn add_selectors(ctx: &Ctx<'_>, request: &mut HttpRequest) {
    for (flag, name) in [("field-selector", "fieldSelector"), ("selector", "labelSelector")] {
        if ctx.args().flag(flag).is_some() && !ctx.args().text(flag).is_empty() {
            request.query.push((name.into(), ctx.args().text(flag).into()));
        }
    }
}

/// Waits until an object is gone, or another one has its name. False at the deadline.
pub fn wait_until_gone(
    ctx: &mut Ctx<'_>,
    path: &str,
    name: &str,
    uid: &str,
    deadline: Option<Time>,
) -> Result<bool, Stop> {
    let selector = ("fieldSelector".to_owned(), format!("metadata.name={name}"));
    loop {
        let mut list = HttpRequest::get(path);
        list.query.push(selector.clone());
        let answer = ctx.request(list)?;
        let list = api_error::body_or_stop(&answer.response)?;
        let there = crate::kubectl::json::items(&list, &["items"])
            .iter()
            .any(|item| uid.is_empty() || object::uid(item) == uid);
        if !there {
            return Ok(true);
        }
        let mut watch = HttpRequest::get(path);
        watch.query = vec![
            selector.clone(),
            ("resourceVersion".into(), object::resource_version(&list).into()),
            ("watch".into(), "true".into()),
        ];
        let mut stream = ctx.stream(watch)?;
        loop {
            match ctx.next(&mut stream, deadline)? {
                Next::TimedOut => return Ok(false),
                Next::End => break,
                Next::Chunk(Chunk::Event(bytes)) => {
                    let event: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                    match text(&event, "type") {
                        "DELETED" => return Ok(true),
                        "ERROR" => break,
                        _ => {}
                    }
                }
                Next::Chunk(_) => {}
            }
        }
    }
}

/// A label selector of an object, from its text (`metav1.ParseToLabelSelector`).
pub fn label_selector(text: &str) -> Result<Value, Stop> {
    let parsed = match Selector::parse(text) {
        Ok(parsed) => parsed,
        Err(why) => return fail(format!("couldn't parse the selector string \"{text}\": {why}")),
    };
    let mut selector = json!({});
    for requirement in parsed.requirements() {
        let (key, values) = (&requirement.key, &requirement.values);
        let operator = match requirement.operator {
            Operator::In if values.len() == 1 => {
                selector["matchLabels"][key] = json!(values.first());
                continue;
            }
            Operator::In => "In",
            Operator::NotIn => "NotIn",
            Operator::Exists => "Exists",
            Operator::DoesNotExist => "DoesNotExist",
            Operator::Gt => return fail("\"gt\" isn't supported in label selectors"),
            Operator::Lt => return fail("\"lt\" isn't supported in label selectors"),
        };
        let mut expression = json!({"key": key, "operator": operator});
        if !values.is_empty() {
            expression["values"] = json!(values);
        }
        match selector["matchExpressions"].as_array_mut() {
            Some(all) => all.push(expression),
            None => selector["matchExpressions"] = json!([expression]),
        }
    }
    Ok(selector)
}
