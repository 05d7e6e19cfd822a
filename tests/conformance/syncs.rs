//! Upstream's tables of whole rounds of controllers.

use std::sync::Arc;

use kubarium::api::{Body, CronJob, Job, Kind, Object, Timestamp, Verb, WatchEventType};
use kubarium::control::Calendar;
use kubarium::control::cache::Cache;
use kubarium::control::controller::cron_job::CronJobController;
use kubarium::control::controller::{Setup, owner};
use kubarium::control::reconciler::{ApiCall, Context, Plan, Reconciler as _};
use kubarium::sim::Span;
use serde_json::{Value, json};

use super::Verdict;
use super::control::{Replay, same};
use super::more::{inner, made, text};

/// One line a table.
pub const TABLES: &[(&str, Replay)] =
    &[("pkg__controller__cronjob__cronjob_controllerv2__TestControllerV2SyncCronJob", cron_job)];

/// What the table means by no deadline.
const NO_DEADLINE: i64 = -12_345;

/// The CronJob of a case, as upstream's test makes it.
fn cron(case: &Value) -> Value {
    let ran = case["ranPreviously"] == true;
    let time = |field: &str, or: &str| case[field].as_str().unwrap_or(or).to_owned();
    let created = time("cronjobCreationTime", if ran { "2016-05-19T08:59:00Z" } else { "2016-05-19T09:59:00Z" });
    let mut cron = json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": "mycronjob", "namespace": "snazzycats", "uid": "1a2b3c", "creationTimestamp": created},
        "spec": {
            "schedule": case["schedule"], "concurrencyPolicy": case["concurrencyPolicy"], "suspend": case["suspend"],
            "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
            "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"spec": {"containers": []}}}},
        },
        "status": {},
    });
    if !case["timeZone"].is_null() {
        cron["spec"]["timeZone"] = case["timeZone"].clone();
    }
    if case["deadline"] != NO_DEADLINE {
        cron["spec"]["startingDeadlineSeconds"] = case["deadline"].clone();
    }
    if ran {
        cron["status"]["lastScheduleTime"] = json!(time("lastScheduleTime", "2016-05-19T09:01:00Z"));
    }
    cron
}

/// The Job that ran before.
fn job(case: &Value, cron: &CronJob) -> Option<Value> {
    let at: Timestamp = text(case, "jobCreationTime").parse().ok()?;
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": format!("mycronjob-{}", at.0 / 60), "namespace": "snazzycats", "uid": "1234",
            "creationTimestamp": at.to_string(), "ownerReferences": [owner::controller_ref(cron)],
            "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": at.to_string()},
        },
        "spec": {"template": {"spec": {"containers": []}}},
    });
    if case["stillActive"] != true {
        job["status"] = json!({
            "completionTime": Timestamp(at.0 + 10).to_string(), "conditions": [{"type": "Complete", "status": "True"}],
        });
    }
    Some(job)
}

fn calls(plan: &Plan) -> impl Iterator<Item = &ApiCall> {
    plan.steps.iter().flat_map(|step| &step.calls)
}

fn cron_job(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let lags = case["jobStillNotFoundInLister"] == true || !case["jobGetErr"].is_null();
    let present = case["jobPresentInCJActiveStatus"] == true;
    if lags || case["stillActive"] == true && !present {
        return Verdict::Skipped("a cache that lags behind the server, which upstream then asks");
    }
    if !case["jobCreateError"].is_null() {
        return Verdict::Skipped("the answer to a call");
    }
    if !case["timeZone"].is_null() && text(case, "schedule").contains("TZ") {
        return Verdict::Skipped("nobody is warned yet of a zone in the schedule beside a time zone");
    }
    let Ok(now) = text(case, "now").parse::<Timestamp>() else { return Verdict::Skipped("a time that is not told") };
    let mut value = cron(case);
    let ran = case["ranPreviously"] == true;
    let before = ran.then(|| job(case, &made::<CronJob>(&value))).flatten();
    if let Some(job) = before.as_ref().filter(|_| case["stillActive"] == true) {
        let meta = &job["metadata"];
        value["status"]["active"] = json!([{
            "kind": "Job", "apiVersion": "batch/v1", "name": meta["name"], "namespace": "snazzycats", "uid": "1234",
        }]);
    }
    let calendar = Calendar::new(Timestamp(now.0 - 86_400));
    let mut cache = Cache::indexed();
    let cron: Arc<CronJob> = made::<CronJob>(&value);
    cache.apply(WatchEventType::Added, Object::CronJob(Arc::clone(&cron)), calendar.time(now));
    if let Some(job) = &before {
        cache.apply(WatchEventType::Added, Object::Job(made::<Job>(job)), calendar.time(now));
    }
    let cx = Context { cache: &cache, now: calendar.time(now), calendar };
    let key = owner::reference(cron.as_ref());
    let plan = match CronJobController::new(&Setup::new(calendar)).reconcile(&key, &cx) {
        Ok(plan) => plan,
        Err(error) => return Verdict::Failed(format!("{error:?}")),
    };
    judged(case, &plan, &cx)
}

/// Compares what a round wants with what it should want.
fn judged(case: &Value, plan: &Plan, cx: &Context<'_>) -> Verdict {
    let of =
        |verb: Verb| calls(plan).filter(|call| call.request.kind == Kind::Job && call.request.verb == verb).count();
    let creates = of(Verb::Create);
    let writes = calls(plan).any(|call| matches!(call.request.body, Body::Object(Object::CronJob(_))));
    let warnings = plan.notes.iter().filter(|note| note.r#type == "Warning").count();
    let expected = |field: &str| case[field] == true;
    let got = (creates, of(Verb::Delete), warnings as u64, writes || creates > 0);
    let want = (
        usize::from(expected("expectCreate")),
        usize::from(expected("expectDelete")),
        case["expectedWarnings"].as_u64().unwrap_or(0),
        expected("expectUpdateStatus"),
    );
    if got != want {
        return Verdict::Failed(format!("(creates, deletes, warnings, writes) {got:?}, expected {want:?}"));
    }
    if !expected("expectRequeueAfter") {
        return Verdict::Passed;
    }
    same(plan.requeue.map(|at| at.since(cx.now)), Some(go_duration(text(case, "expectedRequeueDuration"))))
}

/// `1h0m0.1s`.
fn go_duration(text: &str) -> Span {
    let (mut total, mut number) = (0.0, String::new());
    for c in text.chars() {
        let unit = match c {
            'h' => 3_600.0,
            'm' => 60.0,
            's' => 1.0,
            digit => {
                number.push(digit);
                continue;
            }
        };
        total += unit * std::mem::take(&mut number).parse::<f64>().expect("a number before each unit");
    }
    Span::millis((total * 1_000.0).round() as u64)
}
