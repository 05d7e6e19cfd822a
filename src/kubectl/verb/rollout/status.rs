//! `rollout status`: prints where the rollout is at every change, until it is done.
//!
//! Models `k8s.io/kubectl/pkg/cmd/rollout/rollout_status.go` and `pkg/polymorphichelpers/rollout_status.go`.

use serde_json::Value;

use crate::api::http::{Chunk, HttpRequest};
use crate::kubectl::ctx::{Ctx, Next, Stop, Stream, fail};
use crate::kubectl::json::{at, int_at, items, text, text_at};
use crate::kubectl::object;
use crate::kubectl::verb::common::{Named, end_with_failures};
use crate::sim::Time;

/// Runs the sub-command.
pub fn run(ctx: &mut Ctx<'_>, named: &[Named]) -> Result<u8, Stop> {
    for one in named {
        let live = ctx.json(HttpRequest::get(one.path()))?;
        if !matches!(one.resource.kind, "Deployment" | "DaemonSet" | "StatefulSet") {
            return fail(format!("no status viewer has been implemented for {}", one.resource.kind));
        }
        follow(ctx, one, &live)?;
    }
    end_with_failures(ctx)
}

fn follow(ctx: &mut Ctx<'_>, one: &Named, live: &Value) -> Result<(), Stop> {
    let revision = ctx.args().int("revision");
    let watches = ctx.args().bool("watch");
    let timeout = ctx.args().span("timeout");
    let deadline: Option<Time> = (timeout.0 > 0).then(|| ctx.now() + timeout);
    if !watches {
        return tell(ctx, one, live, revision).map(|_| ());
    }
    let selector = ("fieldSelector".to_owned(), format!("metadata.name={}", one.name));
    let path = one.resource.path(&one.namespace);
    loop {
        let mut list = HttpRequest::get(&path);
        list.query.push(selector.clone());
        let list = ctx.json(list)?;
        for item in items(&list, &["items"]) {
            if tell(ctx, one, item, revision)? {
                return Ok(());
            }
        }
        let mut watch = HttpRequest::get(&path);
        let version = object::resource_version(&list).to_owned();
        watch.query = vec![selector.clone(), ("resourceVersion".into(), version), ("watch".into(), "true".into())];
        let mut stream = ctx.stream(watch)?;
        if watch_one(ctx, one, &mut stream, deadline, revision)? {
            return Ok(());
        }
    }
}

/// True when the rollout is done; false when the stream ended before.
fn watch_one(
    ctx: &mut Ctx<'_>,
    one: &Named,
    stream: &mut Stream,
    deadline: Option<Time>,
    revision: i64,
) -> Result<bool, Stop> {
    loop {
        match ctx.next(stream, deadline)? {
            Next::TimedOut => return fail("timed out waiting for the condition"),
            Next::End => return Ok(false),
            Next::Chunk(Chunk::Event(bytes)) => {
                let event: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                match text(&event, "type") {
                    "ADDED" | "MODIFIED" if tell(ctx, one, &event["object"], revision)? => return Ok(true),
                    "DELETED" => return fail("object has been deleted"),
                    "ERROR" => return Ok(false),
                    _ => {}
                }
            }
            Next::Chunk(_) => {}
        }
    }
}

/// Prints where the rollout is; true when it is done.
fn tell(ctx: &mut Ctx<'_>, one: &Named, object: &Value, revision: i64) -> Result<bool, Stop> {
    let (line, done) = match one.resource.kind {
        "Deployment" => deployment(object, revision),
        "DaemonSet" => daemon_set(object),
        _ => stateful_set(object),
    }
    .or_else(fail)?;
    ctx.print(line);
    Ok(done)
}

fn status(object: &Value, field: &str) -> i64 {
    int_at(object, &["status", field]).unwrap_or(0)
}

fn observed(object: &Value) -> bool {
    int_at(object, &["metadata", "generation"]).unwrap_or(0) <= status(object, "observedGeneration")
}

/// What is said of a Deployment, and whether it is done (`DeploymentStatusViewer`).
pub fn deployment(object: &Value, revision: i64) -> Result<(String, bool), String> {
    let name = object::name(object);
    if revision > 0 {
        let running =
            text_at(object, &["metadata", "annotations", "deployment.kubernetes.io/revision"]).parse().unwrap_or(0);
        if running != revision {
            return Err(format!("desired revision ({revision}) is different from the running revision ({running})"));
        }
    }
    if !observed(object) {
        return Ok(("Waiting for deployment spec update to be observed...\n".into(), false));
    }
    let conditions = items(object, &["status", "conditions"]);
    if conditions.iter().any(|c| text(c, "type") == "Progressing" && text(c, "reason") == "ProgressDeadlineExceeded") {
        return Err(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let wanted = int_at(object, &["spec", "replicas"]).unwrap_or(1);
    let (updated, all, available) =
        (status(object, "updatedReplicas"), status(object, "replicas"), status(object, "availableReplicas"));
    let waiting = format!("Waiting for deployment {name:?} rollout to finish:");
    if updated < wanted {
        return Ok((format!("{waiting} {updated} out of {wanted} new replicas have been updated...\n"), false));
    }
    if all > updated {
        return Ok((format!("{waiting} {} old replicas are pending termination...\n", all - updated), false));
    }
    if available < updated {
        return Ok((format!("{waiting} {available} of {updated} updated replicas are available...\n"), false));
    }
    Ok((format!("deployment {name:?} successfully rolled out\n"), true))
}

/// What is said of a DaemonSet, and whether it is done (`DaemonSetStatusViewer`).
pub fn daemon_set(object: &Value) -> Result<(String, bool), String> {
    let name = object::name(object);
    if text_at(object, &["spec", "updateStrategy", "type"]) != "RollingUpdate" {
        return Err("rollout status is only available for RollingUpdate strategy type".into());
    }
    if !observed(object) {
        return Ok(("Waiting for daemon set spec update to be observed...\n".into(), false));
    }
    let (wanted, updated) = (status(object, "desiredNumberScheduled"), status(object, "updatedNumberScheduled"));
    let available = status(object, "numberAvailable");
    let waiting = format!("Waiting for daemon set {name:?} rollout to finish:");
    if updated < wanted {
        return Ok((format!("{waiting} {updated} out of {wanted} new pods have been updated...\n"), false));
    }
    if available < wanted {
        return Ok((format!("{waiting} {available} of {wanted} updated pods are available...\n"), false));
    }
    Ok((format!("daemon set {name:?} successfully rolled out\n"), true))
}

/// What is said of a StatefulSet, and whether it is done (`StatefulSetStatusViewer`).
pub fn stateful_set(object: &Value) -> Result<(String, bool), String> {
    if text_at(object, &["spec", "updateStrategy", "type"]) != "RollingUpdate" {
        return Err("rollout status is only available for RollingUpdate strategy type".into());
    }
    if status(object, "observedGeneration") == 0 || !observed(object) {
        return Ok(("Waiting for statefulset spec update to be observed...\n".into(), false));
    }
    let wanted = int_at(object, &["spec", "replicas"]).unwrap_or(1);
    let (ready, updated) = (status(object, "readyReplicas"), status(object, "updatedReplicas"));
    if ready < wanted {
        return Ok((format!("Waiting for {} pods to be ready...\n", wanted - ready), false));
    }
    if let Some(partition) = int_at(object, &["spec", "updateStrategy", "rollingUpdate", "partition"]) {
        if updated < wanted - partition {
            let of = wanted - partition;
            return Ok((
                format!(
                    "Waiting for partitioned roll out to finish: {updated} out of {of} new pods have been updated...\n"
                ),
                false,
            ));
        }
        return Ok((format!("partitioned roll out complete: {updated} new pods have been updated...\n"), true));
    }
    let (update, current) =
        (text_at(object, &["status", "updateRevision"]), text_at(object, &["status", "currentRevision"]));
    if update != current {
        return Ok((
            format!("waiting for statefulset rolling update to complete {updated} pods at revision {update}...\n"),
            false,
        ));
    }
    let pods = at(object, &["status", "currentReplicas"]).as_i64().unwrap_or(0);
    Ok((format!("statefulset rolling update complete {pods} pods at revision {current}...\n"), true))
}
