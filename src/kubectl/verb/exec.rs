//! `kubectl exec`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/exec`.

use crate::api::http::{HttpRequest, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::follow::{Follow, Terminal};
use crate::kubectl::json::text_at;
use crate::kubectl::verb::pods;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let Some(word) = words.first() else { return fail("pod, type/name or --filename must be specified") };
    match ctx.args().dash_at {
        _ if words.len() < 2 => return fail("you must specify at least one command for the container"),
        None => {
            return fail(
                "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec -h' for help and examples",
            );
        }
        Some(0) => return fail("pod, type/name or --filename must be specified"),
        Some(1) => {}
        Some(_) => {
            return fail(
                "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec -h' for help and examples",
            );
        }
    }
    let pod = pods::one(ctx, word)?;
    let phase = text_at(&pod.object, &["status", "phase"]).to_owned();
    if matches!(phase.as_str(), "Succeeded" | "Failed") {
        return fail(format!("cannot exec into a container in a completed pod; current phase is {phase}"));
    }
    let container = match ctx.args().text("container").to_owned() {
        name if name.is_empty() => pods::default_container(ctx, &pod.object),
        name => name,
    };
    let stdin = ctx.args().bool("stdin");
    // A here-document is no terminal.
    let tty = ctx.args().bool("tty") && ctx.stdin().is_none();
    if ctx.args().bool("tty") && !tty {
        ctx.print_err("Unable to use a TTY - input is not a terminal or the right kind of file\n");
    }
    let mut request = HttpRequest::get(format!("/api/v1/namespaces/{}/pods/{}/exec", pod.namespace, pod.name));
    request.method = Method::Post;
    request.accept = "*/*".into();
    request.query = words[1..].iter().map(|w| ("command".to_owned(), w.clone())).collect();
    request.query.push(("container".into(), container));
    for (flag, on) in [("stdin", stdin), ("stdout", true), ("stderr", !tty), ("tty", tty)] {
        if on {
            request.query.push((flag.into(), "true".into()));
        }
    }
    let answer = ctx.request(request)?;
    if !answer.response.is_success() {
        return Err(api_error::of_stream(&answer.response));
    }
    Err(Stop::Follow { id: answer.id, follow: Box::new(Follow::Exec(Terminal::new(stdin, tty))), resumes: false })
}
