//! `rollout undo`.
//!
//! Models `k8s.io/kubectl/pkg/polymorphichelpers/rollback.go`.

use serde_json::{Value, json};

use super::history::{Revision, revisions, unsupported};
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::describe::page::Page;
use crate::kubectl::describe::template;
use crate::kubectl::json::{at, bool_at, entries};
use crate::kubectl::print::output;
use crate::kubectl::verb::apply::LAST_APPLIED;
use crate::kubectl::verb::change;
use crate::kubectl::verb::common::{self, Named, STRATEGIC, end_with_failures};

/// Annotations that belong to a revision's own bookkeeping and do not travel.
const SKIPPED: &[&str] = &[
    LAST_APPLIED,
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// Runs the sub-command.
pub fn run(ctx: &mut Ctx<'_>, named: &[Named]) -> Result<u8, Stop> {
    common::check_dry_run(ctx)?;
    let wanted = ctx.args().int("to-revision");
    for one in named {
        let owner = ctx.json(HttpRequest::get(one.path()))?;
        if !matches!(one.resource.kind, "Deployment" | "DaemonSet" | "StatefulSet") {
            return fail(unsupported(one.resource, "rollbacker", "rollbacker"));
        }
        let found = revisions(ctx, one, &owner)?;
        let target = target(one, &found, wanted)?;
        if one.resource.kind == "Deployment" && bool_at(&owner, &["spec", "paused"]) {
            return fail(
                "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again",
            );
        }
        let mut new = target.template().clone();
        if let Some(labels) = new.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove("pod-template-hash");
        }
        if ctx.args().text("dry-run") == "client" {
            let mut page = Page::default();
            template::describe(&mut page, &new);
            ctx.print(format!("{} will roll back to {} (dry run)\n", one.shown(), page.finish_raw()));
            continue;
        }
        if new == *at(&owner, &["spec", "template"]) {
            ctx.print(format!(
                "{} skipped rollback (current template already matches revision {})\n",
                one.shown(),
                target.number
            ));
            continue;
        }
        if !at(&owner, &["metadata", "annotations", LAST_APPLIED]).is_null() {
            ctx.print_err(format!(
                "Warning: resource {}/{} was previously managed with 'kubectl apply'. Rolling back will not update the {LAST_APPLIED} annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.\n",
                one.resource.plural, one.name
            ));
        }
        let (body, content_type) = patch(one, &owner, &target, new);
        if let Some(made) = change::patch(ctx, one, &owner, &body, content_type, "")? {
            output::changed(ctx, one.resource, &made, "rolled back")?;
        }
    }
    end_with_failures(ctx)
}

fn target(one: &Named, found: &[Revision], wanted: i64) -> Result<Revision, Stop> {
    if wanted != 0 {
        return match found.iter().find(|r| r.number == wanted) {
            Some(revision) => Ok(revision.clone()),
            None => fail(format!("unable to find specified revision {wanted} in history")),
        };
    }
    match found {
        [.., previous, _] => Ok(previous.clone()),
        _ if one.resource.kind == "Deployment" => {
            fail(format!("no rollout history found for deployment {:?}", one.name))
        }
        _ => fail("no last revision to roll back to"),
    }
}

/// A deployment gets the old template and its annotations by JSON patch; the others get the recorded revision.
fn patch(one: &Named, owner: &Value, target: &Revision, template: Value) -> (Value, &'static str) {
    if one.resource.kind != "Deployment" {
        let mut data = at(&target.object, &["data"]).clone();
        data["spec"]["template"]["$patch"] = json!("replace");
        return (data, STRATEGIC);
    }
    let mut annotations = json!({});
    for (key, value) in entries(owner, &["metadata", "annotations"]) {
        if SKIPPED.contains(&key) {
            annotations[key] = value.clone();
        }
    }
    for (key, value) in entries(&target.object, &["metadata", "annotations"]) {
        if !SKIPPED.contains(&key) {
            annotations[key] = value.clone();
        }
    }
    let body = json!([
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]);
    (body, "application/json-patch+json")
}
