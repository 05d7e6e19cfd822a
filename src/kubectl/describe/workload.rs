//! `describe` of Deployment, ReplicaSet, ReplicationController, StatefulSet, DaemonSet, Job, CronJob.

use serde_json::Value;

use super::page::{Page, controller, selector, time, truth};
use super::{events, template};
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::duration::human;
use crate::kubectl::json::{at, bool_at, int_at, items, plain, text, text_at};
use crate::kubectl::object;
use crate::kubectl::resource;
use crate::kubectl::timestamp;
use crate::kubectl::verb::pods::pod_selector;

fn labels_and_annotations(page: &mut Page, object: &Value) {
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
}

fn created(page: &mut Page, object: &Value) {
    page.pair(0, "CreationTimestamp", time(text_at(object, &["metadata", "creationTimestamp"])));
}

fn conditions(page: &mut Page, object: &Value) {
    let known = items(object, &["status", "conditions"]);
    if known.is_empty() {
        return;
    }
    page.line(0, "Conditions:");
    page.line(1, "Type\tStatus\tReason");
    page.line(1, "----\t------\t------");
    known
        .iter()
        .for_each(|c| page.line(1, format!("{} \t{}\t{}", text(c, "type"), text(c, "status"), text(c, "reason"))));
}

fn status(object: &Value, field: &str) -> i64 {
    int_at(object, &["status", field]).unwrap_or(0)
}

/// Describes a Deployment.
pub fn deployment(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    created(&mut page, object);
    labels_and_annotations(&mut page, object);
    page.pair(0, "Selector", selector(at(object, &["spec", "selector"])));
    let number = |field: &str| status(object, field);
    page.pair(
        0,
        "Replicas",
        format!(
            "{} desired | {} updated | {} total | {} available | {} unavailable",
            int_at(object, &["spec", "replicas"]).unwrap_or(0),
            number("updatedReplicas"),
            number("replicas"),
            number("availableReplicas"),
            number("unavailableReplicas")
        ),
    );
    page.pair(0, "StrategyType", text_at(object, &["spec", "strategy", "type"]));
    page.pair(0, "MinReadySeconds", int_at(object, &["spec", "minReadySeconds"]).unwrap_or(0).to_string());
    let rolling = at(object, &["spec", "strategy", "rollingUpdate"]);
    if !rolling.is_null() {
        let (down, up) = (plain(at(rolling, &["maxUnavailable"])), plain(at(rolling, &["maxSurge"])));
        page.pair(0, "RollingUpdateStrategy", format!("{down} max unavailable, {up} max surge"));
    }
    template::describe(&mut page, at(object, &["spec", "template"]));
    conditions(&mut page, object);
    replica_sets(ctx, &mut page, object)?;
    events::append(ctx, &mut page, "Deployment", object)?;
    Ok(page.finish())
}

fn replica_sets(ctx: &mut Ctx<'_>, page: &mut Page, object: &Value) -> Result<(), Stop> {
    let resource = resource::by_plural("replicasets").expect("the table has replica sets");
    let mut request = HttpRequest::get(resource.path(object::namespace(object)));
    request.query.push(("labelSelector".into(), pod_selector(object)));
    let list = ctx.json(request)?;
    let owned =
        |rs: &&Value| items(rs, &["metadata", "ownerReferences"]).iter().any(|o| text(o, "uid") == object::uid(object));
    let all: Vec<&Value> = items(&list, &["items"]).iter().filter(owned).collect();
    let wanted = at(object, &["spec", "template"]);
    let is_new = |rs: &Value| {
        let mut own = at(rs, &["spec", "template"]).clone();
        if let Some(labels) = own.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove("pod-template-hash");
        }
        own == *wanted
    };
    let new = all.iter().position(|rs| is_new(rs));
    let line = |rs: &Value| {
        format!(
            "{} ({}/{} replicas created)",
            object::name(rs),
            status(rs, "replicas"),
            int_at(rs, &["spec", "replicas"]).unwrap_or(0)
        )
    };
    let old: Vec<String> = all.iter().enumerate().filter(|(i, _)| Some(*i) != new).map(|(_, rs)| line(rs)).collect();
    page.pair(0, "OldReplicaSets", if old.is_empty() { "<none>".into() } else { old.join(", ") });
    page.pair(0, "NewReplicaSet", new.map_or("<none>".into(), |i| line(all[i])));
    Ok(())
}

/// Counts the pods of a controller: `3 Running / 0 Waiting / 0 Succeeded / 0 Failed`.
fn pods_status(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut request = HttpRequest::get(format!("/api/v1/namespaces/{}/pods", object::namespace(object)));
    request.query.push(("labelSelector".into(), pod_selector(object)));
    let list = ctx.json(request)?;
    let mut counts = [0u32; 4];
    for pod in items(&list, &["items"]) {
        let owner = items(pod, &["metadata", "ownerReferences"]).iter().find(|o| bool_at(o, &["controller"]));
        if owner.is_none_or(|o| text(o, "uid") != object::uid(object)) {
            continue;
        }
        match text_at(pod, &["status", "phase"]) {
            "Running" => counts[0] += 1,
            "Pending" => counts[1] += 1,
            "Succeeded" => counts[2] += 1,
            "Failed" => counts[3] += 1,
            _ => {}
        }
    }
    let [running, waiting, succeeded, failed] = counts;
    Ok(format!("{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed"))
}

/// Describes a ReplicaSet or a ReplicationController.
pub fn replica_set(ctx: &mut Ctx<'_>, object: &Value, kind: &str) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.pair(0, "Selector", pod_selector(object));
    labels_and_annotations(&mut page, object);
    if !controller(object).is_empty() {
        page.pair(0, "Controlled By", controller(object));
    }
    let desired = int_at(object, &["spec", "replicas"]).unwrap_or(0);
    page.pair(0, "Replicas", format!("{} current / {desired} desired", status(object, "replicas")));
    let pods = pods_status(ctx, object)?;
    page.pair(0, "Pods Status", pods);
    template::describe(&mut page, at(object, &["spec", "template"]));
    conditions(&mut page, object);
    events::append(ctx, &mut page, kind, object)?;
    Ok(page.finish())
}

/// Describes a StatefulSet.
pub fn stateful_set(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    created(&mut page, object);
    page.pair(0, "Selector", selector(at(object, &["spec", "selector"])));
    labels_and_annotations(&mut page, object);
    let desired = int_at(object, &["spec", "replicas"]).unwrap_or(0);
    page.pair(0, "Replicas", format!("{desired} desired | {} total", status(object, "replicas")));
    page.pair(0, "Update Strategy", text_at(object, &["spec", "updateStrategy", "type"]));
    let rolling = at(object, &["spec", "updateStrategy", "rollingUpdate"]);
    if let Some(partition) = int_at(rolling, &["partition"]) {
        page.pair(1, "Partition", partition.to_string());
    }
    let pods = pods_status(ctx, object)?;
    page.pair(0, "Pods Status", pods);
    template::describe(&mut page, at(object, &["spec", "template"]));
    claims(&mut page, items(object, &["spec", "volumeClaimTemplates"]));
    events::append(ctx, &mut page, "StatefulSet", object)?;
    Ok(page.finish())
}

fn claims(page: &mut Page, claims: &[Value]) {
    if claims.is_empty() {
        return page.pair(0, "Volume Claims", "<none>");
    }
    page.line(0, "Volume Claims:");
    for claim in claims {
        page.pair(1, "Name", object::name(claim));
        page.pair(1, "StorageClass", text_at(claim, &["spec", "storageClassName"]));
        page.labels("  ", "Labels", at(claim, &["metadata", "labels"]));
        page.annotations("  ", at(claim, &["metadata", "annotations"]));
        page.pair(1, "Capacity", plain(at(claim, &["spec", "resources", "requests", "storage"])));
        let modes: Vec<&str> = items(claim, &["spec", "accessModes"]).iter().filter_map(Value::as_str).collect();
        page.pair(1, "Access Modes", format!("[{}]", modes.join(" ")));
    }
}

/// Describes a DaemonSet.
pub fn daemon_set(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.pair(0, "Selector", selector(at(object, &["spec", "selector"])));
    page.labels("", "Node-Selector", at(object, &["spec", "template", "spec", "nodeSelector"]));
    labels_and_annotations(&mut page, object);
    for (title, field) in [
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ] {
        page.line(0, format!("{title}: {}", status(object, field)));
    }
    let pods = pods_status(ctx, object)?;
    page.pair(0, "Pods Status", pods);
    template::describe(&mut page, at(object, &["spec", "template"]));
    events::append(ctx, &mut page, "DaemonSet", object)?;
    Ok(page.finish())
}

/// Describes a Job.
pub fn job(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    let (spec, state) = (at(object, &["spec"]), at(object, &["status"]));
    page.name(object);
    page.pair(0, "Selector", selector(at(spec, &["selector"])));
    labels_and_annotations(&mut page, object);
    if !controller(object).is_empty() {
        page.pair(0, "Controlled By", controller(object));
    }
    page.pair(0, "Parallelism", plain(at(spec, &["parallelism"])));
    let completions = at(spec, &["completions"]);
    page.pair(0, "Completions", if completions.is_null() { "<unset>".into() } else { plain(completions) });
    if !text(spec, "completionMode").is_empty() {
        page.pair(0, "Completion Mode", text(spec, "completionMode"));
    }
    page.pair(0, "Suspend", bool_at(spec, &["suspend"]).to_string());
    page.pair(0, "Backoff Limit", int_at(spec, &["backoffLimit"]).unwrap_or(0).to_string());
    if let Some(seconds) = int_at(spec, &["ttlSecondsAfterFinished"]) {
        page.pair(0, "TTL Seconds After Finished", seconds.to_string());
    }
    let seconds = |field: &str| timestamp::parse(text(state, field));
    if !text(state, "startTime").is_empty() {
        page.pair(0, "Start Time", time(text(state, "startTime")));
    }
    if !text(state, "completionTime").is_empty() {
        page.pair(0, "Completed At", time(text(state, "completionTime")));
    }
    if let (Some(start), Some(end)) = (seconds("startTime"), seconds("completionTime")) {
        page.pair(0, "Duration", human(end - start));
    }
    if let Some(deadline) = int_at(spec, &["activeDeadlineSeconds"]) {
        page.pair(0, "Active Deadline Seconds", format!("{deadline}s"));
    }
    page.pair(
        0,
        "Pods Statuses",
        format!(
            "{} Active ({} Ready) / {} Succeeded / {} Failed",
            status(object, "active"),
            status(object, "ready"),
            status(object, "succeeded"),
            status(object, "failed")
        ),
    );
    if !text(state, "completedIndexes").is_empty() {
        page.pair(0, "Completed Indexes", text(state, "completedIndexes"));
    }
    template::describe(&mut page, at(spec, &["template"]));
    events::append(ctx, &mut page, "Job", object)?;
    Ok(page.finish())
}

/// Describes a CronJob.
pub fn cron_job(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    let spec = at(object, &["spec"]);
    let job = at(spec, &["jobTemplate", "spec"]);
    let or_unset = |value: &Value| if value.is_null() { "<unset>".to_owned() } else { plain(value) };
    page.name(object);
    labels_and_annotations(&mut page, object);
    page.pair(0, "Schedule", text(spec, "schedule"));
    page.pair(0, "Concurrency Policy", text(spec, "concurrencyPolicy"));
    page.pair(0, "Suspend", truth(bool_at(spec, &["suspend"])));
    page.pair(0, "Time Zone", or_unset(at(spec, &["timeZone"])));
    page.pair(0, "Successful Job History Limit", or_unset(at(spec, &["successfulJobsHistoryLimit"])));
    page.pair(0, "Failed Job History Limit", or_unset(at(spec, &["failedJobsHistoryLimit"])));
    let deadline = at(spec, &["startingDeadlineSeconds"]);
    page.pair(
        0,
        "Starting Deadline Seconds",
        if deadline.is_null() { "<unset>".into() } else { format!("{}s", plain(deadline)) },
    );
    let selects = at(job, &["selector"]);
    page.pair(0, "Selector", if selects.is_null() { "<unset>".into() } else { selector(selects) });
    page.pair(0, "Parallelism", or_unset(at(job, &["parallelism"])));
    page.pair(0, "Completions", or_unset(at(job, &["completions"])));
    template::describe(&mut page, at(job, &["template"]));
    page.pair(0, "Last Schedule Time", time(text_at(object, &["status", "lastScheduleTime"])));
    let active: Vec<&str> = items(object, &["status", "active"]).iter().map(|j| text(j, "name")).collect();
    page.pair(0, "Active Jobs", if active.is_empty() { "<none>".into() } else { active.join(", ") });
    events::append(ctx, &mut page, "CronJob", object)?;
    Ok(page.finish())
}
