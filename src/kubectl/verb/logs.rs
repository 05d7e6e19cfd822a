//! `kubectl logs`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/logs`.

use serde_json::Value;

use super::common;
use crate::api::http::{Chunk, HttpRequest};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Next, Stop, fail};
use crate::kubectl::follow::Follow;
use crate::kubectl::json::{items, text};
use crate::kubectl::object;
use crate::kubectl::verb::pods::{self, Pod};

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let selector = ctx.args().text("selector").to_owned();
    match (words.as_slice(), selector.as_str()) {
        ([], "") => {
            return common::usage(
                ctx,
                "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
            );
        }
        ([_, ..], s) if !s.is_empty() => {
            return common::usage(ctx, "only a selector (-l) or a POD name is allowed");
        }
        ([_, _, _, ..], _) => {
            return common::usage(
                ctx,
                "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
            );
        }
        _ => {}
    }
    check(ctx)?;
    let targets = if selector.is_empty() { vec![pods::one(ctx, &words[0])?] } else { pods::selected(ctx, &selector)? };
    let mut requests = Vec::new();
    for pod in &targets {
        for container in containers(ctx, pod, words.get(1))? {
            requests.push((pod.name.clone(), container.clone(), request(ctx, pod, &container)));
        }
    }
    let prefix = ctx.args().bool("prefix");
    if ctx.args().bool("follow") {
        if requests.len() > 1 {
            return fail("following several logs at once is not here yet; name one pod and container");
        }
        let Some((_, _, request)) = requests.pop() else { return Ok(0) };
        let answer = ctx.request(request)?;
        if !answer.response.is_success() {
            return Err(api_error::stop(&answer.response));
        }
        let text = String::from_utf8_lossy(&answer.response.body).into_owned();
        if !text.is_empty() {
            ctx.print(text);
        }
        if !answer.response.streams {
            return Ok(0);
        }
        return Err(Stop::Follow { id: answer.id, follow: Box::new(Follow::Text), resumes: false });
    }
    for (pod, container, request) in requests {
        let answer = ctx.request(request)?;
        if !answer.response.is_success() {
            return Err(api_error::stop(&answer.response));
        }
        let text = String::from_utf8_lossy(&answer.response.body).into_owned();
        let text = if prefix { text.lines().map(|l| format!("[pod/{pod}/{container}] {l}\n")).collect() } else { text };
        if !text.is_empty() {
            ctx.print(text);
        }
    }
    Ok(0)
}

fn check(ctx: &Ctx<'_>) -> Result<(), Stop> {
    let args = ctx.args();
    if args.given("since") && args.given("since-time") {
        return fail("at most one of `sinceTime` or `sinceSeconds` may be specified");
    }
    if args.int("tail") < -1 {
        return fail("--tail must be greater than or equal to -1");
    }
    if args.bool("all-containers") && args.given("container") {
        return fail("--all-containers=true should not be specified with container name");
    }
    Ok(())
}

/// The containers whose logs are wanted; says which one was taken if there are several.
fn containers(ctx: &mut Ctx<'_>, pod: &Pod, second: Option<&String>) -> Result<Vec<String>, Stop> {
    let named = match ctx.args().text("container") {
        "" => second.cloned().unwrap_or_default(),
        name => name.to_owned(),
    };
    if !named.is_empty() {
        pods::check_container(&pod.object, &named)?;
        return Ok(vec![named]);
    }
    if ctx.args().bool("all-containers") {
        let all = ["initContainers", "containers", "ephemeralContainers"];
        let names = all.iter().flat_map(|list| items(&pod.object, &["spec", list]));
        return Ok(names.map(|c| text(c, "name").to_owned()).collect());
    }
    Ok(vec![pods::default_container(ctx, &pod.object)])
}

fn request(ctx: &Ctx<'_>, pod: &Pod, container: &str) -> HttpRequest {
    let args = ctx.args();
    let mut request = HttpRequest::get(format!("/api/v1/namespaces/{}/pods/{}/log", pod.namespace, pod.name));
    request.accept = "application/json, */*".into();
    let mut add = |name: &str, value: String| request.query.push((name.into(), value));
    add("container", container.to_owned());
    if args.bool("follow") {
        add("follow", "true".into());
    }
    if args.int("limit-bytes") > 0 {
        add("limitBytes", args.int("limit-bytes").to_string());
    }
    if args.bool("previous") {
        add("previous", "true".into());
    }
    if args.given("since") {
        add("sinceSeconds", args.span("since").as_secs().max(1).to_string());
    }
    if args.given("since-time") {
        add("sinceTime", args.text("since-time").into());
    }
    let tail = if !args.given("tail") && !args.text("selector").is_empty() { 10 } else { args.int("tail") };
    if tail >= 0 {
        add("tailLines", tail.to_string());
    }
    if args.bool("timestamps") {
        add("timestamps", "true".into());
    }
    request
}

/// Prints a followed log until it ends.
pub fn until_end(ctx: &mut Ctx<'_>, request: HttpRequest) -> Result<(), Stop> {
    let mut stream = ctx.stream(request)?;
    loop {
        match ctx.next(&mut stream, None)? {
            Next::Chunk(Chunk::Stdout(bytes) | Chunk::Stderr(bytes)) => {
                ctx.print(String::from_utf8_lossy(&bytes).into_owned());
            }
            Next::Chunk(Chunk::Exit(_)) | Next::End | Next::TimedOut => return Ok(()),
            Next::Chunk(Chunk::Event(_) | Chunk::End) => {}
        }
    }
}

/// The name of a pod in JSON, for messages.
pub fn shown(pod: &Value) -> String {
    format!("{}/{}", object::namespace(pod), object::name(pod))
}
