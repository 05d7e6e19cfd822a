//! `kubectl apply`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/apply`: the applied object is kept in an annotation, and what changes is a three-way
//! strategic merge patch of that, the file and the live object.

pub mod last_applied;
mod patcher;
mod prune;
mod server_side;

use serde_json::{Value, json};

use super::common::{self, end_with_failures, with_body};
use crate::api::http::{HttpRequest, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{at, object_at, text_at};
use crate::kubectl::manifest::Document;
use crate::kubectl::object;
use crate::kubectl::print::output::{self, Output, compact, pretty};
use crate::kubectl::resource::Resource;

/// The annotation that remembers what was applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !ctx.args().words.is_empty() {
        let words = ctx.args().words.join(" ");
        return common::usage(ctx, &format!("Unexpected args: [{words}]"));
    }
    common::check_dry_run(ctx)?;
    if !ctx.reads_objects() {
        return fail("must specify one of -f and -k");
    }
    let pruned = ctx.args().bool("prune").then(|| prune::resources(ctx)).transpose()?;
    common::field_validation(ctx)?;
    check_flags(ctx)?;
    let documents = ctx.documents();
    if documents.is_empty() {
        return fail("no objects passed to apply");
    }
    // What cannot be read is told first.
    let (readable, unreadable): (Vec<&Document>, Vec<&Document>) =
        documents.iter().partition(|document| document.content.is_ok());
    let in_order: Vec<&Document> = unreadable.into_iter().chain(readable).collect();
    ctx.each(in_order.len() as u32, |ctx, i| {
        let document = in_order[i as usize];
        match &document.content {
            Ok((value, resource)) => one(ctx, document, value.clone(), resource)?,
            Err(why) => ctx.note_failure(format!("error: {why}\n")),
        }
        Ok(())
    })?;
    end_with_failures(ctx)?;
    let applied: Vec<Value> = ctx.kept().iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    if shows_objects(ctx) {
        show(ctx, &applied)?;
    }
    if let Some(resources) = pruned {
        prune::run(ctx, &resources, &applied)?;
    }
    Ok(0)
}

/// Refuses flags that do not go together. Models `ApplyOptions.Validate`.
fn check_flags(ctx: &Ctx<'_>) -> Result<(), Stop> {
    server_side::check_flags(ctx)?;
    let args = ctx.args();
    if args.text("dry-run") == "server" && args.bool("force") {
        return fail("--dry-run=server cannot be used with --force");
    }
    let selects = !args.text("selector").is_empty();
    if args.bool("all") && selects {
        return fail("cannot set --all and --selector at the same time");
    }
    if args.bool("prune") && !args.bool("all") && !selects {
        return fail(
            "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector",
        );
    }
    Ok(())
}

/// Whether the objects are shown, all of them when all are applied, instead of a line for each.
fn shows_objects(ctx: &Ctx<'_>) -> bool {
    !matches!(ctx.args().text("output"), "" | "name")
}

/// Tells what became of an object, now or at the end.
fn tell(ctx: &mut Ctx<'_>, resource: &Resource, value: &Value, did: &str) -> Result<(), Stop> {
    ctx.keep(compact(value));
    if shows_objects(ctx) {
        return Ok(());
    }
    output::changed(ctx, resource, value, did)
}

/// Shows what was applied: one object, or a list of them.
fn show(ctx: &mut Ctx<'_>, applied: &[Value]) -> Result<(), Stop> {
    let output = output::parse(ctx)?;
    let hides = output.hides_managed_fields() && !ctx.args().bool("show-managed-fields");
    let mut shown = applied.to_vec();
    if hides {
        shown = shown.into_iter().map(object::without_managed_fields).collect();
    }
    if shown.len() == 1 {
        return output.show(ctx, &shown.remove(0));
    }
    if output == Output::Json {
        // The list is a Go struct, what is in it is not.
        let items = pretty(&json!({"items": shown}));
        let head = "{\n    \"kind\": \"List\",\n    \"apiVersion\": \"v1\",\n    \"metadata\": {},\n";
        ctx.print(items.replacen("{\n", head, 1));
        return Ok(());
    }
    output.show(ctx, &json!({"apiVersion": "v1", "items": shown, "kind": "List", "metadata": {}}))
}

fn one(ctx: &mut Ctx<'_>, document: &Document, mut value: Value, resource: &'static Resource) -> Result<(), Stop> {
    let namespace = match common::into_namespace(ctx, resource, &mut value) {
        Ok(namespace) => namespace,
        Err(text) => {
            ctx.note_failure(text);
            return Ok(());
        }
    };
    let name = object::name(&value).to_owned();
    if name.is_empty() {
        let generated = text_at(&value, &["metadata", "generateName"]).to_owned();
        ctx.note_failure(match generated.as_str() {
            "" if ctx.args().bool("server-side") => "error: resource name may not be empty\n".to_owned(),
            "" => format!(
                "error: error when retrieving current configuration of:\n{}\nfrom server for: {:?}: resource name may not be empty\n",
                described(resource, &namespace, ""),
                document.source
            ),
            prefix => format!("error: from {prefix}: cannot use generate name with apply\n"),
        });
        return Ok(());
    }
    let path = resource.object_path(&namespace, &name);
    if ctx.args().bool("server-side") {
        return server_side::one(ctx, resource, &path, &value);
    }
    let modified = annotated(value);
    let answer = ctx.request(HttpRequest::get(&path))?;
    if api_error::reason_if_failed(&answer.response) == "NotFound" {
        return create(ctx, document, resource, &namespace, modified);
    }
    if !answer.response.is_success() {
        let doing = format!(
            "error when retrieving current configuration of:\n{}\nfrom server for: {:?}",
            described(resource, &namespace, &name),
            document.source
        );
        ctx.note_failure(api_error::message(&answer.response, Some(&doing)));
        return Ok(());
    }
    let live = api_error::body_or_stop(&answer.response)?;
    if common::is_client_dry_run(ctx) {
        return tell(ctx, resource, &live, "configured");
    }
    warn_if_not_applied(ctx, resource, &live);
    let place = Place { document, resource, namespace: &namespace, path: &path };
    match patcher::patch(ctx, &place, &modified, live)? {
        Ok((made, did)) => {
            warn_if_deleting(ctx, &made);
            tell(ctx, resource, &made, did)
        }
        Err(text) => {
            ctx.note_failure(text);
            Ok(())
        }
    }
}

/// Where an object comes from and where it goes.
struct Place<'a> {
    document: &'a Document,
    resource: &'static Resource,
    namespace: &'a str,
    path: &'a str,
}

/// The object with itself in the annotation, as one line of JSON.
pub fn annotated(mut value: Value) -> Value {
    let annotations = object_at(&mut value, &["metadata", "annotations"]);
    annotations.remove(LAST_APPLIED);
    let text = format!("{}\n", compact(&value));
    object_at(&mut value, &["metadata", "annotations"]).insert(LAST_APPLIED.into(), Value::String(text));
    value
}

fn described(resource: &Resource, namespace: &str, name: &str) -> String {
    let group_version = match resource.group {
        "" => format!("/{}", resource.version),
        group => format!("{group}/{}", resource.version),
    };
    format!(
        "Resource: \"{group_version}, Resource={}\", GroupVersionKind: \"{group_version}, Kind={}\"\nName: {name:?}, Namespace: {namespace:?}",
        resource.plural, resource.kind
    )
}

fn query(ctx: &Ctx<'_>, request: &mut HttpRequest) -> Result<(), Stop> {
    common::add_dry_run(ctx, request);
    request.query.push(("fieldManager".into(), ctx.args().text("field-manager").into()));
    request.query.push(("fieldValidation".into(), common::field_validation(ctx)?.into()));
    Ok(())
}

fn create(
    ctx: &mut Ctx<'_>,
    document: &Document,
    resource: &'static Resource,
    namespace: &str,
    value: Value,
) -> Result<(), Stop> {
    let mut made = value;
    prune_nulls(&mut made);
    if !common::is_client_dry_run(ctx) {
        let mut request = with_body(Method::Post, resource.path(namespace), "application/json", &made);
        query(ctx, &mut request)?;
        let answer = ctx.request(request)?;
        if !answer.response.is_success() {
            let doing = format!("error when creating {:?}", document.source);
            ctx.note_failure(api_error::message(&answer.response, Some(&doing)));
            return Ok(());
        }
        made = api_error::body_or_stop(&answer.response)?;
    }
    tell(ctx, resource, &made, "created")
}

/// Takes out the fields that are null: a patch would take them out of a live object.
fn prune_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        _ => {}
    }
}

fn warn_if_not_applied(ctx: &mut Ctx<'_>, resource: &Resource, live: &Value) {
    if at(live, &["metadata", "annotations", LAST_APPLIED]).is_null() {
        ctx.print_err(format!(
            "Warning: resource {}/{} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n",
            resource.plural,
            object::name(live)
        ));
    }
}

/// Warns of an object that is going.
fn warn_if_deleting(ctx: &mut Ctx<'_>, object: &Value) {
    if !text_at(object, &["metadata", "deletionTimestamp"]).is_empty() {
        let name = object::name(object).to_owned();
        ctx.print_err(format!("Warning: Detected changes to resource {name} which is currently being deleted.\n"));
    }
}
