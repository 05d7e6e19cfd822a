//! `kubectl apply --server-side`. Models `applyOneObject` of `k8s.io/kubectl/pkg/cmd/apply/apply.go` and
//! `k8s.io/client-go/util/csaupgrade`: what an earlier `kubectl apply` owned becomes the applier's.

use serde_json::{Value, json};

use crate::api::http::{HttpRequest, Method};
use crate::api::managed::set::FieldSet;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{items, text, text_at};
use crate::kubectl::object;
use crate::kubectl::print::output;
use crate::kubectl::resource::Resource;
use crate::kubectl::verb::common::{self, with_body};

const APPLY: &str = "application/apply-patch+yaml";
const JSON_PATCH: &str = "application/json-patch+json";
/// The manager of `kubectl apply` without `--server-side`.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";

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
    if ctx.args().given("field-manager") { ctx.args().text("field-manager").to_owned() } else { "kubectl".into() }
}

/// Applies one object.
pub fn one(ctx: &mut Ctx<'_>, resource: &'static Resource, path: &str, value: &Value) -> Result<(), Stop> {
    let Some(mut made) = send(ctx, path, value)? else { return Ok(()) };
    if ctx.args().text("dry-run") == "none"
        && let Some(migration) = migration(&made, &manager(ctx))
    {
        let mut request = with_body(Method::Patch, path.to_owned(), JSON_PATCH, &migration);
        request.query.push(("fieldManager".into(), manager(ctx)));
        let answer = ctx.request(request)?;
        if answer.response.is_success() {
            let Some(again) = send(ctx, path, value)? else { return Ok(()) };
            made = again;
        }
    }
    if !text_at(&made, &["metadata", "deletionTimestamp"]).is_empty() {
        let name = object::name(&made).to_owned();
        ctx.print_err(format!("Warning: Detected changes to resource {name} which is currently being deleted.\n"));
    }
    output::changed(ctx, resource, &made, "serverside-applied")
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

/// The patch that makes the fields of client-side apply the applier's own, if there are any.
fn migration(object: &Value, manager: &str) -> Option<Value> {
    let mut entries = items(object, &["metadata", "managedFields"]).to_vec();
    let of_object = |entry: &Value, name: &str, operation: &str| {
        text(entry, "manager") == name && text(entry, "operation") == operation && text(entry, "subresource").is_empty()
    };
    let client_side = entries.iter().position(|entry| of_object(entry, CLIENT_SIDE, "Update"))?;
    let own = entries.iter().position(|entry| of_object(entry, manager, "Apply"))?;
    let fields = |at: usize| FieldSet::from_value(&entries[at]["fieldsV1"]);
    let joined = fields(own).union(&fields(client_side)).to_value();
    entries[own]["fieldsV1"] = joined;
    entries.retain(|entry| !of_object(entry, CLIENT_SIDE, "Update"));
    Some(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": object::resource_version(object)},
    ]))
}
