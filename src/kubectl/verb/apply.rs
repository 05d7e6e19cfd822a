//! `kubectl apply`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/apply`: the applied object is kept in an annotation, and what changes is a three-way
//! strategic merge patch of that, the file and the live object.

pub mod last_applied;
mod server_side;

use serde_json::{Value, json};

use super::common::{self, end_with_failures, with_body};
use crate::api::http::{HttpRequest, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{at, object_at, text_at};
use crate::kubectl::manifest::Document;
use crate::kubectl::object;
use crate::kubectl::patch::three_way;
use crate::kubectl::print::output::{self, compact};
use crate::kubectl::resource::Resource;

/// The annotation that remembers what was applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How often a conflict is tried again.
const MAX_TRIES: u32 = 5;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !ctx.reads_objects() {
        if !ctx.args().words.is_empty() {
            let words = ctx.args().words.join(" ");
            return common::usage(ctx, &format!("Unexpected args: [{words}]"));
        }
        return fail("must specify one of -f and -k");
    }
    if !ctx.args().words.is_empty() {
        let words = ctx.args().words.join(" ");
        return common::usage(ctx, &format!("Unexpected args: [{words}]"));
    }
    if ctx.args().bool("prune") {
        return fail("--prune is not here yet");
    }
    server_side::check_flags(ctx)?;
    common::check_dry_run(ctx)?;
    common::field_validation(ctx)?;
    output::parse(ctx)?;
    let documents = ctx.documents();
    if documents.is_empty() {
        return fail("no objects passed to apply");
    }
    ctx.each(documents.len() as u32, |ctx, i| {
        let document = &documents[i as usize];
        if let Ok((value, resource)) = &document.content {
            one(ctx, document, value.clone(), resource)?;
        }
        Ok(())
    })?;
    for document in documents.iter() {
        if let Err(why) = &document.content {
            ctx.note_failure(format!("error: {why}\n"));
        }
    }
    end_with_failures(ctx)
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
    warn_if_not_applied(ctx, resource, &live);
    update(ctx, document, resource, &path, modified, live)
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
    output::changed(ctx, resource, &made, "created")
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

fn update(
    ctx: &mut Ctx<'_>,
    document: &Document,
    resource: &'static Resource,
    path: &str,
    modified: Value,
    live: Value,
) -> Result<(), Stop> {
    let mut live = live;
    for attempt in 1..=MAX_TRIES {
        let remembered = text_at(&live, &["metadata", "annotations", LAST_APPLIED]);
        let original: Value = serde_json::from_str(remembered).unwrap_or(Value::Null);
        let patch = three_way::strategic(if resource.custom { "" } else { resource.kind }, &original, &modified, &live);
        if patch == json!({}) {
            return output::changed(ctx, resource, &live, "unchanged");
        }
        if common::is_client_dry_run(ctx) {
            return output::changed(ctx, resource, &live, "configured");
        }
        let mut request = with_body(Method::Patch, path.to_owned(), common::patch_type(resource), &patch);
        query(ctx, &mut request)?;
        let answer = ctx.request(request)?;
        if answer.response.is_success() {
            let made = api_error::body_or_stop(&answer.response)?;
            if !text_at(&made, &["metadata", "deletionTimestamp"]).is_empty() {
                ctx.print_err(format!(
                    "Warning: Detected changes to resource {} which is currently being deleted.\n",
                    object::name(&made)
                ));
            }
            return output::changed(ctx, resource, &made, "configured");
        }
        if answer.response.code == 409 && attempt < MAX_TRIES {
            live = ctx.json(HttpRequest::get(path))?;
            continue;
        }
        let doing = format!(
            "error when applying patch:\n{}\nto:\n{}\nfor: {:?}",
            compact(&patch),
            described(resource, object::namespace(&live), object::name(&live)),
            document.source
        );
        ctx.note_failure(api_error::message(&answer.response, Some(&doing)));
        return Ok(());
    }
    Ok(())
}
