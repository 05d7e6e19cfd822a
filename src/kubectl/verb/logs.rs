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
use crate::kubectl::timestamp;
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
    check(ctx, words.get(1))?;
    let targets = match words.first() {
        None => pods::selected(ctx, &selector)?,
        Some(word) if ctx.args().bool("all-pods") => pods::all(ctx, word)?,
        Some(word) => vec![pods::one(ctx, word)?],
    };
    let mut logs = Vec::new();
    for pod in &targets {
        for container in containers(ctx, pod, words.get(1))? {
            let prefix = match ctx.args().bool("prefix") || ctx.args().bool("all-pods") {
                true => format!("[pod/{}/{container}] ", pod.name),
                false => String::new(),
            };
            logs.push((prefix, request(ctx, pod, &container)));
        }
    }
    let most = ctx.args().int("max-log-requests");
    let follows = ctx.args().bool("follow");
    if follows && logs.len() as i64 > most.max(1) {
        return fail(format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is {most}, use --max-log-requests to increase the limit",
            logs.len()
        ));
    }
    let mut answers = Vec::new();
    for (prefix, request) in &logs {
        let answer = ctx.request(request.clone())?;
        if !answer.response.is_success() {
            if !ctx.args().bool("ignore-errors") {
                return Err(api_error::stop(&answer.response));
            }
            ctx.print(format!("error: {}\n", api_error::bare_message(&answer.response)));
        } else if !answer.response.body.is_empty() {
            ctx.print(prefixed(prefix, &answer.response.body));
        }
        answers.push(answer);
    }
    if let ([answer], [(prefix, _)], true) = (answers.as_slice(), logs.as_slice(), follows)
        && prefix.is_empty()
        && answer.response.streams
    {
        return Err(Stop::Follow { id: answer.id, follow: Box::new(Follow::Text), resumes: false });
    }
    let mut streams = ctx.streams_of(&answers);
    while let Some((i, chunk)) = ctx.next_of(&mut streams)? {
        if let Chunk::Stdout(bytes) | Chunk::Stderr(bytes) = chunk {
            ctx.print(prefixed(&logs[i].0, &bytes));
        }
    }
    Ok(0)
}

/// Text with something before each of its lines.
fn prefixed(prefix: &str, text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.split_inclusive('\n').flat_map(|line| [prefix, line]).collect()
}

fn check(ctx: &Ctx<'_>, inline: Option<&String>) -> Result<(), Stop> {
    let args = ctx.args();
    if inline.is_some() && args.given("container") {
        return fail("only one of -c or an inline [CONTAINER] arg is allowed");
    }
    if args.given("since") && args.given("since-time") {
        return fail("at most one of `sinceTime` or `sinceSeconds` may be specified");
    }
    if let Err(why) = timestamp::go_rfc3339(args.text("since-time")).map(|_| ())
        && args.given("since-time")
    {
        return fail(why);
    }
    if args.bool("all-containers") && args.given("container") {
        return fail(format!(
            "--all-containers=true should not be specified with container name {}",
            args.text("container")
        ));
    }
    if args.int("tail") < -1 {
        return fail("--tail must be greater than or equal to -1");
    }
    if args.int("limit-bytes") < 0 {
        return fail("--limit-bytes must be greater than 0");
    }
    if args.text("since").starts_with('-') {
        return fail("--since must be greater than 0");
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
    Ok(vec![match ctx.args().bool("all-pods") {
        true => pods::default_container_quietly(&pod.object),
        false => pods::default_container(ctx, &pod.object),
    }])
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
