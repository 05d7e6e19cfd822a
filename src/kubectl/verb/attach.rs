//! `kubectl attach`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/attach`.

use serde_json::Value;

use crate::api::http::{HttpRequest, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Answer, Ctx, Stop, fail};
use crate::kubectl::follow::Terminal;
use crate::kubectl::json::{items, text, text_at};
use crate::kubectl::verb::pods::{self, Pod};

/// What a session says of itself.
const NOTICE: &str = "\
All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
If you don't see a command prompt, try pressing enter.
";

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let word = match ctx.args().words.as_slice() {
        [] => return fail("at least 1 argument is required for attach"),
        [one] => one.clone(),
        [kind, name] => format!("{kind}/{name}"),
        many => {
            let (count, words) = (many.len(), many.join(" "));
            return fail(format!(
                "expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {count}: [{words}]"
            ));
        }
    };
    let pod = pods::one(ctx, &word)?;
    let phase = text_at(&pod.object, &["status", "phase"]);
    if matches!(phase, "Succeeded" | "Failed") {
        return fail(format!("cannot attach a container in a completed pod; current phase is {phase}"));
    }
    let answer = to(ctx, &pod)?;
    if answer.response.is_success() { Ok(0) } else { Err(api_error::of_stream(&answer.response)) }
}

/// Attaches the terminal to a container of a pod until that ends. The answer may be a refusal.
pub fn to(ctx: &mut Ctx<'_>, pod: &Pod) -> Result<Answer, Stop> {
    let name = match ctx.args().text("container").to_owned() {
        name if name.is_empty() => pods::default_container(ctx, &pod.object),
        name => name,
    };
    to_container(ctx, pod, &name)
}

/// The same with this container.
pub fn to_container(ctx: &mut Ctx<'_>, pod: &Pod, name: &str) -> Result<Answer, Stop> {
    let container = container(pod, name)?;
    let (stdin, quiet) = (ctx.args().bool("stdin"), ctx.args().bool("quiet"));
    let has = container["tty"].as_bool().unwrap_or(false);
    if ctx.args().bool("tty") && !has && !quiet {
        ctx.print_err(format!("error: Unable to use a TTY - container {name} did not allocate one\n"));
    }
    // Who does not type has no terminal, and a here-document is none.
    let tty = has && stdin && ctx.stdin().is_none();
    if has && stdin && !tty && !quiet {
        ctx.print_err("Unable to use a TTY - input is not a terminal or the right kind of file\n");
    }
    if !quiet {
        ctx.print_err(NOTICE);
    }
    let mut request = HttpRequest::get(format!("/api/v1/namespaces/{}/pods/{}/attach", pod.namespace, pod.name));
    request.method = Method::Post;
    request.accept = "*/*".into();
    request.query.push(("container".into(), name.into()));
    for (flag, on) in [("stdin", stdin), ("stdout", true), ("stderr", !tty), ("tty", tty)] {
        if on {
            request.query.push((flag.into(), "true".into()));
        }
    }
    let answer = ctx.converse(request, Terminal::new(stdin, tty))?;
    let resumes = text_at(&pod.object, &["spec", "restartPolicy"]) == "Always";
    if answer.response.is_success() && tty && !quiet && resumes {
        let place = format!("{} -c {name} -n {}", pod.name, pod.namespace);
        let added = items(&pod.object, &["spec", "ephemeralContainers"]).iter().any(|one| text(one, "name") == name);
        ctx.print(match added {
            true => format!("Session ended, the ephemeral container will not be restarted but may be reattached using 'kubectl attach {place} -i -t' if it is still running\n"),
            false => format!("Session ended, resume using 'kubectl attach {place} -i -t' command\n"),
        });
    }
    Ok(answer)
}

/// The container of that name.
fn container(pod: &Pod, name: &str) -> Result<Value, Stop> {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let mut all = lists.into_iter().flat_map(|list| items(&pod.object, &["spec", list]));
    match all.find(|one| text(one, "name") == name) {
        Some(found) => Ok(found.clone()),
        None => fail(format!("cannot attach to the container: container {name} not found in pod {}", pod.name)),
    }
}
