//! `kubectl apply --server-side`. Models `applyOneObject` of `k8s.io/kubectl/pkg/cmd/apply/apply.go` and
//! `k8s.io/client-go/util/csaupgrade`: what an earlier `kubectl apply` owned becomes the applier's.

use serde_json::{Value, json};

use super::LAST_APPLIED;
use crate::api::http::{HttpRequest, Method};
use crate::api::managed::set::FieldSet;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{items, text, text_at};
use crate::kubectl::object;
use crate::kubectl::resource::Resource;
use crate::kubectl::verb::common::{self, with_body};

const APPLY: &str = "application/apply-patch+yaml";
const JSON_PATCH: &str = "application/json-patch+json";
/// The manager of `kubectl apply --server-side`, unless the command names another.
const SERVER_SIDE: &str = "kubectl";
/// The manager of the annotation that client-side apply has left behind.
const OF_ANNOTATION: &str = "kubectl-last-applied";

/// What a conflict is followed by: upstream's advice.
const ADVICE: &str = "\
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
";

/// Refuses flags that do not go together.
pub fn check_flags(ctx: &Ctx<'_>) -> Result<(), Stop> {
    let args = ctx.args();
    let server_side = args.bool("server-side");
    if args.bool("force-conflicts") && !server_side {
        return fail("--force-conflicts only works with --server-side");
    }
    if server_side && common::is_client_dry_run(ctx) {
        return fail("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)");
    }
    if server_side && args.bool("force") {
        return fail("--force cannot be used with --server-side");
    }
    Ok(())
}

/// The manager as which the command applies.
fn manager(ctx: &Ctx<'_>) -> String {
    if ctx.args().given("field-manager") { ctx.args().text("field-manager").to_owned() } else { SERVER_SIDE.into() }
}

/// Applies one object.
pub fn one(ctx: &mut Ctx<'_>, resource: &'static Resource, path: &str, value: &Value) -> Result<(), Stop> {
    let Some(mut made) = send(ctx, path, value)? else { return Ok(()) };
    if ctx.args().text("dry-run") == "none" {
        if let Some(annotation) = orphaned_annotation(resource, &made).filter(|_| manager(ctx) == SERVER_SIDE) {
            let mut request = with_body(Method::Patch, path.to_owned(), APPLY, &annotation);
            request.query.push(("fieldManager".into(), OF_ANNOTATION.into()));
            let answer = ctx.request(request)?;
            if answer.response.is_success() {
                made = api_error::body_or_stop(&answer.response)?;
            }
        }
        if let Some(migration) = migration(&made, &manager(ctx)) {
            let mut request = with_body(Method::Patch, path.to_owned(), JSON_PATCH, &migration);
            request.query.push(("fieldManager".into(), manager(ctx)));
            let answer = ctx.request(request)?;
            if answer.response.is_success() {
                let Some(again) = send(ctx, path, value)? else { return Ok(()) };
                made = again;
            }
        }
    }
    super::warn_if_deleting(ctx, &made);
    super::tell(ctx, resource, &made, "serverside-applied")
}

/// The annotation of client-side apply as an object to apply, so that it stays where nobody applies it yet.
fn orphaned_annotation(resource: &Resource, object: &Value) -> Option<Value> {
    let text = text_at(object, &["metadata", "annotations", LAST_APPLIED]);
    let owned = owners_of_annotation(object, "Apply").next().is_some();
    if text.is_empty() || owned {
        return None;
    }
    let mut metadata = json!({"name": object::name(object), "annotations": {LAST_APPLIED: text}});
    if resource.namespaced {
        metadata["namespace"] = json!(object::namespace(object));
    }
    Some(json!({"apiVersion": resource.group_version(), "kind": resource.kind, "metadata": metadata}))
}

/// The entries of managed fields that have the annotation of client-side apply.
fn owners_of_annotation<'a>(object: &'a Value, operation: &'a str) -> impl Iterator<Item = &'a Value> {
    let path: Vec<String> = ["f:metadata", "f:annotations", &format!("f:{LAST_APPLIED}")].map(str::to_owned).to_vec();
    items(object, &["metadata", "managedFields"]).iter().filter(move |entry| {
        text(entry, "operation") == operation && FieldSet::from_value(&entry["fieldsV1"]).has(&path)
    })
}

fn send(ctx: &mut Ctx<'_>, path: &str, value: &Value) -> Result<Option<Value>, Stop> {
    let mut request: HttpRequest = with_body(Method::Patch, path.to_owned(), APPLY, value);
    common::add_dry_run(ctx, &mut request);
    request.query.push(("fieldManager".into(), manager(ctx)));
    request.query.push(("fieldValidation".into(), common::field_validation(ctx)?.into()));
    request.query.push(("force".into(), ctx.args().bool("force-conflicts").to_string()));
    let answer = ctx.request(request)?;
    if answer.response.is_success() {
        return api_error::body_or_stop(&answer.response).map(Some);
    }
    ctx.note_failure(match api_error::reason(&answer.response).as_str() {
        "Conflict" => format!("error: {}\n{ADVICE}", api_error::bare_message(&answer.response)),
        _ => api_error::message(&answer.response, None),
    });
    Ok(None)
}

/// The patch that makes the fields of client-side apply the applier's own, if there are any. Models
/// `csaupgrade.UpgradeManagedFieldsPatch`.
fn migration(object: &Value, manager: &str) -> Option<Value> {
    let client_side: Vec<String> =
        owners_of_annotation(object, "Update").map(|entry| text(entry, "manager").to_owned()).collect();
    if client_side.is_empty() {
        return None;
    }
    let mut entries = items(object, &["metadata", "managedFields"]).to_vec();
    let is = |entry: &Value, name: &str, operation: &str| {
        text(entry, "manager") == name && text(entry, "operation") == operation && text(entry, "subresource").is_empty()
    };
    for name in &client_side {
        let Some(theirs) = entries.iter().position(|entry| is(entry, name, "Update")) else { continue };
        match entries.iter().position(|entry| is(entry, manager, "Apply")) {
            Some(own) => {
                let fields = |at: usize| FieldSet::from_value(&entries[at]["fieldsV1"]);
                let joined = fields(own).union(&fields(theirs)).to_value();
                entries[own]["fieldsV1"] = joined;
                entries.retain(|entry| !is(entry, name, "Update"));
            }
            None => {
                entries[theirs]["manager"] = json!(manager);
                entries[theirs]["operation"] = json!("Apply");
            }
        }
    }
    Some(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": object::resource_version(object)},
    ]))
}
