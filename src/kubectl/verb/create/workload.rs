//! `create deployment`, `create job`, `create cronjob`.

use serde_json::{Value, json};

use super::{Made, command_after_name, metadata, name, require};
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{at, text_at};
use crate::kubectl::object;
use crate::kubectl::verb::common;

/// A container's name out of its image: the last path part without tag and digest.
fn container_name(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let last = last.split('@').next().unwrap_or(last);
    let last = last.split(':').next().unwrap_or(last);
    last.replace('_', "-")
}

/// A deployment.
pub fn deployment(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    require(ctx, &["image"])?;
    let (name, command) = (name(ctx)?, command_after_name(ctx));
    let images = ctx.args().list("image");
    if images.len() > 1 && !command.is_empty() {
        return fail("cannot specify multiple --image options and command");
    }
    let port = ctx.args().int("port");
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(i, image)| {
            let mut container = json!({"name": container_name(image), "image": image, "resources": {}});
            if !command.is_empty() {
                container["command"] = json!(command);
            }
            // Only the first of several containers has it (`buildPodSpec`).
            if i == 0 && port >= 0 && ctx.args().given("port") {
                container["ports"] = json!([{"containerPort": port}]);
            }
            container
        })
        .collect();
    let labels = json!({"app": name});
    let replicas = if ctx.args().given("replicas") { ctx.args().int("replicas") } else { 1 };
    let mut meta = metadata(ctx, &name, true);
    meta["labels"] = labels.clone();
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels}, "strategy": {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
        "status": {},
    });
    Ok(Made { object, refusal: "failed to create deployment: " })
}

fn pod_template(name: &str, image: &str, command: &[String], restart: &str) -> Value {
    let mut container = json!({"name": name, "image": image, "resources": {}});
    if !command.is_empty() {
        container["command"] = json!(command);
    }
    json!({"metadata": {}, "spec": {"containers": [container], "restartPolicy": restart}})
}

/// A job, from an image or from a cron job.
pub fn job(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let (name, command) = (name(ctx)?, command_after_name(ctx));
    let (image, from) = (ctx.args().text("image").to_owned(), ctx.args().text("from").to_owned());
    if image.is_empty() == from.is_empty() {
        return fail("either --image or --from must be specified");
    }
    let mut meta = metadata(ctx, &name, true);
    let spec = if from.is_empty() {
        json!({"template": pod_template(&name, &image, &command, "Never")})
    } else {
        if !command.is_empty() {
            return fail("cannot specify --from and command");
        }
        let cron = cron_job_named(ctx, &from)?;
        meta["annotations"] = json!({"cronjob.kubernetes.io/instantiate": "manual"});
        for map in ["annotations", "labels"] {
            let more = at(&cron, &["spec", "jobTemplate", "metadata", map]);
            for (key, value) in more.as_object().into_iter().flatten() {
                meta[map][key.as_str()] = value.clone();
            }
        }
        meta["ownerReferences"] = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": object::name(&cron), "uid": object::uid(&cron), "controller": true}]);
        at(&cron, &["spec", "jobTemplate", "spec"]).clone()
    };
    let object = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec, "status": {}});
    Ok(Made { object, refusal: "failed to create job: " })
}

fn cron_job_named(ctx: &mut Ctx<'_>, from: &str) -> Result<Value, Stop> {
    let named = common::named_objects(ctx, &[from.to_owned()])?;
    let Some(one) = named.first() else { return fail("from must be an existing cronjob") };
    let found = ctx.json(HttpRequest::get(one.path()))?;
    if text_at(&found, &["kind"]) != "CronJob" {
        return fail("from must be an existing cronjob");
    }
    Ok(found)
}

/// A cron job.
pub fn cron_job(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    require(ctx, &["image", "schedule"])?;
    let (name, command) = (name(ctx)?, command_after_name(ctx));
    let restart = match ctx.args().text("restart") {
        "" => "OnFailure",
        other => other,
    };
    let template = pod_template(&name, ctx.args().text("image"), &command, restart);
    let object = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata(ctx, &name, true),
        "spec": {
            "schedule": ctx.args().text("schedule"),
            "jobTemplate": {"metadata": {"name": name}, "spec": {"template": template}},
        },
        "status": {},
    });
    Ok(Made { object, refusal: "failed to create cronjob: " })
}
