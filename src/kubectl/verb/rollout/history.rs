//! `rollout history`, and the revisions that `undo` chooses from.
//!
//! Models `k8s.io/kubectl/pkg/polymorphichelpers/history.go`.

use serde_json::Value;

use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::describe::page::Page;
use crate::kubectl::describe::template;
use crate::kubectl::json::{at, int_at, items, text, text_at};
use crate::kubectl::object;
use crate::kubectl::print::output::{self, Output};
use crate::kubectl::resource::{self, Resource};
use crate::kubectl::verb::common::{Named, end_with_failures};
use crate::kubectl::verb::pods::pod_selector;

/// One revision of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its number.
    pub number: i64,
    /// The replica set or controller revision.
    pub object: Value,
}

impl Revision {
    /// The pod template of the revision.
    pub fn template(&self) -> &Value {
        match text(&self.object, "kind") {
            "ControllerRevision" => at(&self.object, &["data", "spec", "template"]),
            _ => at(&self.object, &["spec", "template"]),
        }
    }

    /// The object that is printed for it: the replica set, or the workload as it was.
    fn shown(&self, resource: &'static Resource, owner: &Value) -> (&'static Resource, Value) {
        if text(&self.object, "kind") == "ReplicaSet" {
            let mut object = self.object.clone();
            object["apiVersion"] = "apps/v1".into();
            return (resource::by_plural("replicasets").expect("the table has them"), object);
        }
        let mut object = owner.clone();
        object["spec"]["template"] = self.template().clone();
        if let Some(template) = object["spec"]["template"].as_object_mut() {
            template.remove("$patch");
        }
        (resource, object)
    }

    fn cause(&self) -> &str {
        match text_at(&self.object, &["metadata", "annotations", "kubernetes.io/change-cause"]) {
            "" => "<none>",
            cause => cause,
        }
    }
}

/// The revisions of a workload, oldest first.
pub fn revisions(ctx: &mut Ctx<'_>, one: &Named, owner: &Value) -> Result<Vec<Revision>, Stop> {
    let plural = if one.resource.kind == "Deployment" { "replicasets" } else { "controllerrevisions" };
    let resource = resource::by_plural(plural).expect("the table has both");
    let mut request = HttpRequest::get(resource.path(&one.namespace));
    request.query.push(("labelSelector".into(), pod_selector(owner)));
    let list = ctx.json(request)?;
    let mut found: Vec<Revision> = items(&list, &["items"])
        .iter()
        .filter(|item| {
            items(item, &["metadata", "ownerReferences"]).iter().any(|o| text(o, "uid") == object::uid(owner))
        })
        .filter_map(|item| {
            let mut object = item.clone();
            object["kind"] = resource.kind.into();
            let annotated =
                text_at(item, &["metadata", "annotations", "deployment.kubernetes.io/revision"]).parse().ok();
            let number = if plural == "replicasets" { annotated } else { int_at(item, &["revision"]) };
            number.map(|number| Revision { number, object })
        })
        .collect();
    found.sort_by_key(|r| r.number);
    Ok(found)
}

/// Upstream's words for a kind without revisions: it tells workloads apart from all else.
pub fn unsupported(resource: &Resource, retrieved: &str, missing: &str) -> String {
    let (group, kind) = (resource.group, resource.kind);
    let shown = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
    match kind {
        "Pod" | "Job" | "CronJob" | "ReplicaSet" | "ReplicationController" => {
            format!("no {missing} has been implemented for {shown:?}")
        }
        _ => format!("error retrieving {retrieved} for {shown:?}, no visitor method exists for {{{group} {kind}}}"),
    }
}

/// Runs the sub-command.
pub fn run(ctx: &mut Ctx<'_>, named: &[Named]) -> Result<u8, Stop> {
    if ctx.args().int("revision") < 0 {
        return fail(format!("revision must be a positive integer: {}", ctx.args().int("revision")));
    }
    let output = output::parse(ctx)?;
    let mut printed = 0_u32;
    for one in named {
        let owner = ctx.json(HttpRequest::get(one.path()))?;
        if !matches!(one.resource.kind, "Deployment" | "DaemonSet" | "StatefulSet") {
            return fail(unsupported(one.resource, "history", "history viewer"));
        }
        let found = revisions(ctx, one, &owner)?;
        let wanted = ctx.args().int("revision");
        if wanted > 0 && !found.iter().any(|r| r.number == wanted) {
            return fail("unable to find the specified revision");
        }
        if output.wants_objects() {
            for revision in found.iter().filter(|r| wanted == 0 || r.number == wanted) {
                printed += 1;
                if output == Output::Yaml && printed > 1 {
                    ctx.print("---\n");
                }
                let (resource, object) = revision.shown(one.resource, &owner);
                output::print_changed(ctx, &output, resource, &object, "")?;
            }
            continue;
        }
        if let Some(revision) = found.iter().find(|r| wanted > 0 && r.number == wanted) {
            let mut page = Page::default();
            template::describe(&mut page, revision.template());
            ctx.print(format!("{} with revision #{wanted}\n{}\n", one.shown(), page.finish_raw()));
            continue;
        }
        let mut page = Page::default();
        page.line(0, "REVISION\tCHANGE-CAUSE");
        found.iter().for_each(|r| page.line(0, format!("{}\t{}", r.number, r.cause())));
        ctx.print(format!("{} \n{}\n", one.shown(), page.finish()));
    }
    end_with_failures(ctx)
}
