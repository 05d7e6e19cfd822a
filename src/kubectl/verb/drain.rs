//! `kubectl drain`: cordons nodes, then evicts their pods, which disruption budgets may put off.
//!
//! Models `k8s.io/kubectl/pkg/cmd/drain` and `k8s.io/kubectl/pkg/drain`. Pods are evicted side by side, as upstream's
//! goroutines do: each is tried again after 5 s when its budget refuses, and looked at every second until it is gone.

use serde_json::{Value, json};

use super::common::{self, with_body};
use super::cordon;
use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::{at, bool_at, items, text, text_at};
use crate::kubectl::print::output;
use crate::kubectl::{duration, object, resource, timestamp};
use crate::sim::{Span, Time};

const MIRROR: &str = "kubernetes.io/config.mirror";
const RETRY: Span = Span::secs(5);
const LOOK: Span = Span::secs(1);

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let named = cordon::nodes(ctx)?;
    if crate::api::labels::Selector::parse(ctx.args().text("pod-selector")).is_err() {
        return fail("--pod-selector=<pod_selector> must be a valid label selector");
    }
    let live = cordon::fetch(ctx, &named)?;
    for (one, node) in named.iter().zip(&live) {
        cordon::cordon(ctx, one, node, true)?;
    }
    if !ctx.failures().is_empty() {
        return common::end_with_failures(ctx);
    }
    ctx.each(named.len() as u32, |ctx, i| {
        let (one, node) = (&named[i as usize], &live[i as usize]);
        let errors = drain(ctx, &one.name)?;
        if errors.is_empty() {
            return output::changed(ctx, one.resource, node, "drained");
        }
        let text = aggregate(&errors);
        ctx.print_err(format!(
            "error: unable to drain node {:?} due to error: {text}, continuing command...\n",
            one.name
        ));
        ctx.keep(json!([one.name, errors]).to_string());
        Ok(())
    })?;
    let pending: Vec<(String, Vec<String>)> =
        ctx.kept().iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    if pending.is_empty() {
        return common::end_with_failures(ctx);
    }
    let names: String = pending.iter().map(|(name, _)| format!(" {name}\n")).collect();
    ctx.print_err(format!("There are pending nodes to be drained:\n{names}"));
    // `cmdutil.CheckErr` opens an aggregate of one, and gives each error of an aggregate a line.
    let text = match pending.as_slice() {
        [(_, errors)] => errors.iter().map(|error| format!("{error}\n")).collect(),
        many => many.iter().map(|(_, errors)| format!("{}\n", aggregate(errors))).collect(),
    };
    Err(Stop::Fail(Failure { text, code: 1 }))
}

/// Several errors as one text (`utilerrors.Aggregate`).
fn aggregate(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// What is to be done with a pod of the node.
struct Judged {
    pod: Value,
    delete: bool,
    verdict: Verdict,
}

enum Verdict {
    Okay,
    Warning(String),
    Error(String),
}

/// Drains one node; gives the errors that kept it from being drained.
fn drain(ctx: &mut Ctx<'_>, node: &str) -> Result<Vec<String>, Stop> {
    let judged = pods_of(ctx, node)?;
    let errors = errors(&judged);
    if !errors.is_empty() {
        return Ok(errors);
    }
    let warnings = grouped(&judged, |verdict| match verdict {
        Verdict::Warning(message) => Some(message),
        _ => None,
    });
    if !warnings.is_empty() {
        let text: Vec<String> =
            warnings.iter().map(|(message, pods)| format!("{message}: {}", pods.join(", "))).collect();
        ctx.print_err(format!("Warning: {}\n", text.join("; ")));
    }
    let pods: Vec<Value> = judged.into_iter().filter(|one| one.delete).map(|one| one.pod).collect();
    if common::is_client_dry_run(ctx) {
        for pod in &pods {
            ctx.print(format!("evicting pod {} (dry run)\n", full_name(pod)));
        }
        return Ok(Vec::new());
    }
    let errors = if ctx.args().bool("disable-eviction") { delete(ctx, pods)? } else { evict(ctx, pods)? };
    if !errors.is_empty() {
        let left = pods_of(ctx, node)?;
        let left: Vec<&Value> = left.iter().filter(|one| one.delete).map(|one| &one.pod).collect();
        if !left.is_empty() {
            let names: String = left.iter().map(|pod| format!("pod/{}\n", object::name(pod))).collect();
            let why = aggregate(&errors);
            ctx.print_err(format!("There are pending pods in node {node:?} when an error occurred: {why}\n{names}"));
        }
    }
    Ok(errors)
}

fn full_name(pod: &Value) -> String {
    format!("{}/{}", object::namespace(pod), object::name(pod))
}

/// Messages in the order in which they first come, each with the pods that it is about.
fn grouped(judged: &[Judged], of: fn(&Verdict) -> Option<&String>) -> Vec<(&String, Vec<String>)> {
    let mut groups: Vec<(&String, Vec<String>)> = Vec::new();
    for (message, pod) in judged.iter().filter_map(|one| Some((of(&one.verdict)?, full_name(&one.pod)))) {
        match groups.iter_mut().find(|(known, _)| *known == message) {
            Some((_, pods)) => pods.push(pod),
            None => groups.push((message, vec![pod])),
        }
    }
    groups
}

fn errors(judged: &[Judged]) -> Vec<String> {
    let groups = grouped(judged, |verdict| match verdict {
        Verdict::Error(message) => Some(message),
        _ => None,
    });
    let line = |(message, pods): (&String, Vec<String>)| {
        let head = if message.to_lowercase().starts_with("cannot delete") { "" } else { "cannot delete " };
        format!("{head}{message}: {}", pods.join(", "))
    };
    groups.into_iter().map(line).collect()
}

/// The pods on the node and what the filters say of them.
fn pods_of(ctx: &mut Ctx<'_>, node: &str) -> Result<Vec<Judged>, Stop> {
    let mut list = HttpRequest::get("/api/v1/pods");
    list.query.push(("fieldSelector".into(), format!("spec.nodeName={node}")));
    let selector = ctx.args().text("pod-selector");
    if !selector.is_empty() {
        list.query.push(("labelSelector".into(), selector.into()));
    }
    let list = ctx.json(list)?;
    let mut judged = Vec::new();
    for pod in items(&list, &["items"]) {
        judged.push(judge(ctx, pod)?);
    }
    Ok(judged)
}

/// Runs the filters in upstream's order: the first that keeps the pod decides, or the last.
fn judge(ctx: &mut Ctx<'_>, pod: &Value) -> Result<Judged, Stop> {
    let is = |delete, verdict| Ok(Judged { pod: pod.clone(), delete, verdict });
    let finished = matches!(text_at(pod, &["status", "phase"]), "Succeeded" | "Failed");
    let owners = items(pod, &["metadata", "ownerReferences"]);
    let controller = owners.iter().find(|owner| bool_at(owner, &["controller"]));
    let force = ctx.args().bool("force");
    if skipped(ctx, pod) {
        return is(false, Verdict::Okay);
    }
    if let Some(owner) = controller.filter(|owner| !finished && text(owner, "kind") == "DaemonSet") {
        let sets = resource::by_plural("daemonsets").expect("the table has daemon sets");
        let answer = ctx.request(HttpRequest::get(sets.object_path(object::namespace(pod), text(owner, "name"))))?;
        if !answer.response.is_success() {
            // A pod whose set is gone is like any other, by force.
            if !force || api_error::reason(&answer.response) != "NotFound" {
                return is(false, Verdict::Error(api_error::bare_message(&answer.response)));
            }
        } else if !ctx.args().bool("ignore-daemonsets") {
            let message = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
            return is(false, Verdict::Error(message.to_owned()));
        } else {
            return is(false, Verdict::Warning("ignoring DaemonSet-managed Pods".to_owned()));
        }
    }
    if !text_at(pod, &["metadata", "annotations", MIRROR]).is_empty() {
        return is(false, Verdict::Okay);
    }
    let local = items(pod, &["spec", "volumes"]).iter().any(|volume| !at(volume, &["emptyDir"]).is_null());
    if local && !finished && !ctx.args().bool("delete-emptydir-data") {
        let message = "Pods with local storage (use --delete-emptydir-data to override)";
        return is(false, Verdict::Error(message.to_owned()));
    }
    if finished || controller.is_some() {
        return is(true, Verdict::Okay);
    }
    if force {
        return is(true, Verdict::Warning("deleting Pods that declare no controller".to_owned()));
    }
    let message = "cannot delete Pods that declare no controller (use --force to override)";
    is(false, Verdict::Error(message.to_owned()))
}

/// Is the pod being deleted for longer than the user wants to wait?
fn skipped(ctx: &Ctx<'_>, pod: &Value) -> bool {
    let most = ctx.args().int("skip-wait-for-delete-timeout");
    let since = timestamp::parse(text_at(pod, &["metadata", "deletionTimestamp"]));
    most > 0 && since.is_some_and(|since| ctx.unix_now() - since > most)
}

/// A pod on its way out.
struct Leaving {
    pod: Value,
    next: Time,
    evicted: bool,
}

/// When to give up, and how that reads.
fn limit(ctx: &Ctx<'_>) -> (Option<Time>, String) {
    let timeout = ctx.args().span("timeout");
    let words = format!("global timeout reached: {}", duration::go_seconds(timeout.as_secs() as i64));
    ((timeout.0 > 0).then(|| ctx.now() + timeout), words)
}

fn options(ctx: &Ctx<'_>) -> Value {
    match ctx.args().int("grace-period") {
        seconds if seconds >= 0 => json!({"gracePeriodSeconds": seconds}),
        _ => json!({}),
    }
}

/// Evicts pods side by side and waits for them to go.
fn evict(ctx: &mut Ctx<'_>, pods: Vec<Value>) -> Result<Vec<String>, Stop> {
    let (deadline, timed_out) = limit(ctx);
    let server_dry_run = ctx.args().text("dry-run") == "server";
    let (start, mut errors) = (ctx.now(), Vec::new());
    let mut leaving: Vec<Leaving> = pods.into_iter().map(|pod| Leaving { pod, next: start, evicted: false }).collect();
    while let Some(i) = (0..leaving.len()).min_by_key(|i| leaving[*i].next) {
        if leaving[i].next > ctx.now() {
            ctx.sleep_until(leaving[i].next)?;
        }
        let late = deadline.is_some_and(|deadline| ctx.now() >= deadline);
        let pod = leaving[i].pod.clone();
        let (name, namespace) = (object::name(&pod), object::namespace(&pod));
        if leaving[i].evicted {
            match look(ctx, &pod, "evicted")? {
                Look::Gone => drop(leaving.remove(i)),
                Look::There if !late => leaving[i].next = ctx.now() + LOOK,
                found => {
                    let why = if let Look::Failed(why) = found { why } else { timed_out.clone() };
                    errors.push(format!(
                        "error when waiting for pod {name:?} in namespace {namespace:?} to terminate: {why}"
                    ));
                    leaving.remove(i);
                }
            }
            continue;
        }
        ctx.print(format!("evicting pod {namespace}/{name}{}\n", output::dry_run_note(ctx)));
        if late {
            errors.push(format!("error when evicting pods/{name:?} -n {namespace:?}: {timed_out}"));
            leaving.remove(i);
            continue;
        }
        let answer = post_eviction(ctx, &pod)?;
        let why = api_error::reason_if_failed(&answer);
        if answer.is_success() && !server_dry_run {
            leaving[i].evicted = true;
        } else if answer.is_success() || why == "NotFound" {
            leaving.remove(i);
        } else if why == "TooManyRequests" {
            let said = api_error::bare_message(&answer);
            ctx.print_err(format!(
                "error when evicting pods/{name:?} -n {namespace:?} (will retry after 5s): {said}\n"
            ));
            leaving[i].next = ctx.now() + RETRY;
        } else {
            let said = api_error::bare_message(&answer);
            errors.push(format!("error when evicting pods/{name:?} -n {namespace:?}: {said}"));
            leaving.remove(i);
        }
    }
    Ok(errors)
}

fn post_eviction(ctx: &mut Ctx<'_>, pod: &Value) -> Result<std::sync::Arc<HttpResponse>, Stop> {
    let (name, namespace) = (object::name(pod), object::namespace(pod));
    let body = json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace}, "deleteOptions": options(ctx),
    });
    let path = format!("{}/eviction", pod_path(pod));
    let mut request = with_body(Method::Post, path, "application/json", &body);
    common::add_dry_run(ctx, &mut request);
    Ok(ctx.request(request)?.response)
}

/// Deletes the pods at once, whatever their budgets say, and waits for them to go.
fn delete(ctx: &mut Ctx<'_>, pods: Vec<Value>) -> Result<Vec<String>, Stop> {
    let (deadline, timed_out) = limit(ctx);
    for pod in &pods {
        let path = pod_path(pod);
        let mut request = with_body(Method::Delete, path, "application/json", &options(ctx));
        common::add_dry_run(ctx, &mut request);
        let answer = ctx.request(request)?.response;
        if !answer.is_success() && api_error::reason(&answer) != "NotFound" {
            return Ok(vec![api_error::bare_message(&answer)]);
        }
    }
    if ctx.args().text("dry-run") == "server" {
        return Ok(Vec::new());
    }
    let mut left = pods;
    loop {
        let mut pending = Vec::new();
        for pod in left {
            match look(ctx, &pod, "deleted")? {
                Look::Gone => {}
                Look::There => pending.push(pod),
                Look::Failed(why) => return Ok(vec![why]),
            }
        }
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        if deadline.is_some_and(|deadline| ctx.now() >= deadline) {
            return Ok(vec![timed_out]);
        }
        left = pending;
        let next = ctx.now() + LOOK;
        ctx.sleep_until(next)?;
    }
}

fn pod_path(pod: &Value) -> String {
    let pods = resource::by_plural("pods").expect("the table has pods");
    pods.object_path(object::namespace(pod), object::name(pod))
}

enum Look {
    Gone,
    There,
    Failed(String),
}

/// Is the pod still there? Says so when it has gone.
fn look(ctx: &mut Ctx<'_>, pod: &Value, did: &str) -> Result<Look, Stop> {
    let answer = ctx.request(HttpRequest::get(pod_path(pod)))?.response;
    let gone = !answer.is_success() && api_error::reason(&answer) == "NotFound";
    if !gone && !answer.is_success() {
        return Ok(Look::Failed(api_error::bare_message(&answer)));
    }
    let live = if gone { Value::Null } else { api_error::body_or_stop(&answer)? };
    if gone || object::uid(&live) != object::uid(pod) {
        let pods = resource::by_plural("pods").expect("the table has pods");
        output::changed(ctx, pods, pod, did)?;
        return Ok(Look::Gone);
    }
    if skipped(ctx, &live) {
        let seconds = ctx.args().int("skip-wait-for-delete-timeout");
        let name = object::name(pod);
        ctx.print(format!("pod {name:?} has DeletionTimestamp older than {seconds} seconds, skipping\n"));
        return Ok(Look::Gone);
    }
    Ok(Look::There)
}
