//! Workloads (`printDeployment`, `printReplicaSet`, `printStatefulSet`, `printDaemonSet`, `printJob`, `printCronJob`, …).

use serde_json::{Value, json};

use super::{Column, number, or_none, since, text, wide};
use crate::api::labels::Selector;
use crate::api::{
    ControllerRevision, CronJob, DaemonSet, Deployment, Job, LabelSelector, PodTemplateSpec, ReplicaSet,
    ReplicationController, StatefulSet, Timestamp, duration,
};

pub(super) const DEPLOYMENT: &[Column] = &[
    text("Name"),
    text("Ready"),
    number("Up-to-date"),
    number("Available"),
    text("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) const REPLICA_SET: &[Column] = &[
    text("Name"),
    number("Desired"),
    number("Current"),
    number("Ready"),
    text("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) fn deployment(deployment: &Deployment, age: &str) -> Vec<Value> {
    let (spec, status) = (&deployment.spec, &deployment.status);
    let mut cells = vec![
        json!(deployment.metadata.name),
        json!(format!("{}/{}", status.ready_replicas, spec.replicas)),
        json!(status.updated_replicas),
        json!(status.available_replicas),
        json!(age),
    ];
    cells.extend(template(&spec.template, &spec.selector));
    cells
}

pub(super) fn replica_set(set: &ReplicaSet, age: &str) -> Vec<Value> {
    let mut cells = vec![
        json!(set.metadata.name),
        json!(set.spec.replicas),
        json!(set.status.replicas),
        json!(set.status.ready_replicas),
        json!(age),
    ];
    cells.extend(template(&set.spec.template, &set.spec.selector));
    cells
}

/// Containers, images and selector.
fn template(template: &PodTemplateSpec, selector: &LabelSelector) -> [Value; 3] {
    let names: Vec<&str> = template.spec.containers.iter().map(|c| c.name.as_str()).collect();
    let images: Vec<&str> = template.spec.containers.iter().map(|c| c.image.as_str()).collect();
    let selector = Selector::from(selector).to_string();
    [json!(names.join(",")), json!(images.join(",")), json!(or_none(&selector))]
}

pub(super) const STATEFUL_SET: &[Column] =
    &[text("Name"), text("Ready"), text("Age"), wide("Containers"), wide("Images")];

pub(super) const DAEMON_SET: &[Column] = &[
    text("Name"),
    number("Desired"),
    number("Current"),
    number("Ready"),
    number("Up-to-date"),
    number("Available"),
    text("Node Selector"),
    text("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) const REVISION: &[Column] = &[text("Name"), text("Controller"), number("Revision"), text("Age")];

pub(super) const JOB: &[Column] = &[
    text("Name"),
    text("Status"),
    text("Completions"),
    text("Duration"),
    text("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) const CRON_JOB: &[Column] = &[
    text("Name"),
    text("Schedule"),
    text("Timezone"),
    text("Suspend"),
    number("Active"),
    text("Last Schedule"),
    text("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) fn replication_controller(rc: &ReplicationController, age: &str) -> Vec<Value> {
    let mut cells = vec![
        json!(rc.metadata.name),
        json!(rc.spec.replicas),
        json!(rc.status.replicas),
        json!(rc.status.ready_replicas),
        json!(age),
    ];
    let selector = LabelSelector { match_labels: rc.spec.selector.clone(), ..LabelSelector::default() };
    cells.extend(template(&rc.spec.template, &selector));
    cells
}

pub(super) fn stateful_set(set: &StatefulSet, age: &str) -> Vec<Value> {
    let ready = format!("{}/{}", set.status.ready_replicas, set.spec.replicas);
    let mut cells = vec![json!(set.metadata.name), json!(ready), json!(age)];
    cells.extend(template(&set.spec.template, &set.spec.selector).into_iter().take(2));
    cells
}

pub(super) fn daemon_set(set: &DaemonSet, age: &str) -> Vec<Value> {
    let status = &set.status;
    let nodes = Selector::from_labels(&set.spec.template.spec.node_selector).to_string();
    let mut cells = vec![
        json!(set.metadata.name),
        json!(status.desired_number_scheduled),
        json!(status.current_number_scheduled),
        json!(status.number_ready),
        json!(status.updated_number_scheduled),
        json!(status.number_available),
        json!(or_none(&nodes)),
        json!(age),
    ];
    cells.extend(template(&set.spec.template, &set.spec.selector));
    cells
}

pub(super) fn revision(revision: &ControllerRevision, age: &str) -> Vec<Value> {
    let owner = revision.metadata.controller().map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
            let kind = owner.kind.to_lowercase();
            if group.is_empty() { format!("{kind}/{}", owner.name) } else { format!("{kind}.{group}/{}", owner.name) }
        },
    );
    vec![json!(revision.metadata.name), json!(owner), json!(revision.revision), json!(age)]
}

pub(super) fn job(job: &Job, age: &str, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&job.spec, &job.status);
    let completions = match (spec.completions, spec.parallelism.unwrap_or(0)) {
        (Some(wanted), _) => format!("{}/{wanted}", status.succeeded),
        (None, parallelism) if parallelism > 1 => format!("{}/1 of {parallelism}", status.succeeded),
        (None, _) => format!("{}/1", status.succeeded),
    };
    let duration = match (status.start_time, status.completion_time) {
        (None, _) => String::new(),
        (Some(from), None) => duration::human(now.0 - from.0),
        (Some(from), Some(to)) => duration::human(to.0 - from.0),
    };
    let has = |kind: &str| status.conditions.iter().any(|c| c.r#type == kind && c.status == "True");
    let word = match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if job.metadata.deletion_timestamp.is_some() => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    };
    let mut cells = vec![json!(job.metadata.name), json!(word), json!(completions), json!(duration), json!(age)];
    let selector = spec.selector.clone().unwrap_or_default();
    cells.extend(template(&spec.template, &selector));
    cells
}

pub(super) fn cron_job(job: &CronJob, age: &str, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&job.spec, &job.status);
    let last = status.last_schedule_time.map_or_else(|| "<none>".into(), |at| since(Some(at), now));
    let zone = spec.time_zone.as_deref().unwrap_or("<none>");
    let suspend = if spec.suspend { "True" } else { "False" };
    let mut cells = vec![
        json!(job.metadata.name),
        json!(spec.schedule),
        json!(zone),
        json!(suspend),
        json!(status.active.len()),
        json!(last),
        json!(age),
    ];
    let inner = &spec.job_template.spec;
    let selector = inner.selector.clone().unwrap_or_default();
    cells.extend(template(&inner.template, &selector));
    cells
}
