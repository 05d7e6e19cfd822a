//! `kubectl cp`: files between the terminal and a container, as an archive through `tar` there.
//!
//! Models `k8s.io/kubectl/pkg/cmd/cp`. Differs: a copy is never begun again (`--retries`), for no connection breaks within one.

use std::fmt::Write as _;

use crate::api::http::{Chunk, HttpRequest, Method, StreamInput};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Next, Stop, fail};
use crate::kubectl::files::FileNode;
use crate::kubectl::json::text_at;
use crate::kubectl::verb::pods;
use crate::workload::archive::{self, Entry};
use crate::workload::fs::resolve;

/// One end of a copy.
struct Place {
    namespace: String,
    /// The pod; empty for the terminal's files.
    pod: String,
    path: String,
}

/// What a command in a container printed, and how it ended.
struct Ended {
    stdout: Vec<u8>,
    code: u8,
}

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let [from, to] = words.as_slice() else { return fail("source and destination are required") };
    let (from, to) = (place(ctx, from)?, place(ctx, to)?);
    if !from.pod.is_empty() && !to.pod.is_empty() {
        return fail("one of src or dest must be a local file specification");
    }
    if from.path.is_empty() || to.path.is_empty() {
        return fail("filepath can not be empty");
    }
    match (from.pod.as_str(), to.pod.as_str()) {
        ("", "") => fail("one of src or dest must be a remote file specification"),
        ("", _) => into_pod(ctx, &from, &to),
        _ => from_pod(ctx, &from, &to),
    }
}

fn place(ctx: &Ctx<'_>, word: &str) -> Result<Place, Stop> {
    let Some((pod, path)) = word.split_once(':') else {
        return Ok(Place { namespace: String::new(), pod: String::new(), path: word.into() });
    };
    let (namespace, pod) = match pod.split('/').collect::<Vec<&str>>()[..] {
        [pod] if !pod.is_empty() => (ctx.namespace(), pod),
        [namespace, pod] => (namespace.to_owned(), pod),
        _ => return fail("filespec must match the canonical format: [[namespace/]pod:]file/path"),
    };
    Ok(Place { namespace, pod: pod.into(), path: path.into() })
}

/// The last step of a path.
fn base(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

fn into_pod(ctx: &mut Ctx<'_>, from: &Place, to: &Place) -> Result<u8, Stop> {
    if ctx.file(&from.path).is_none() {
        return fail(format!("{} doesn't exist in local filesystem", from.path));
    }
    let is_folder = exec(ctx, to, &["test", "-d", &to.path], None, false)?.code == 0;
    let target =
        if is_folder { format!("{}/{}", to.path.trim_end_matches('/'), base(&from.path)) } else { to.path.clone() };
    let folder = match target.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    };
    let mut entries = Vec::new();
    collect(ctx, &from.path, base(&target), &mut entries);
    let mut command = vec!["tar"];
    if ctx.args().bool("no-preserve") {
        command.extend(["--no-same-permissions", "--no-same-owner"]);
    }
    command.extend(["-xmf", "-", "-C", folder]);
    ended(&exec(ctx, to, &command, Some(archive::write(&entries)), true)?)
}

/// A file, or the files of a folder; an empty folder stands for itself.
fn collect(ctx: &Ctx<'_>, path: &str, name: &str, entries: &mut Vec<Entry>) {
    match ctx.file(path) {
        Some(FileNode::File(data)) => entries.push(Entry::file(name, data.clone())),
        Some(FileNode::Dir(names)) if names.is_empty() => entries.push(Entry::dir(name)),
        Some(FileNode::Dir(names)) => {
            for inner in names.clone() {
                let path = format!("{}/{inner}", path.trim_end_matches('/'));
                collect(ctx, &path, &format!("{name}/{inner}"), entries);
            }
        }
        None => {}
    }
}

fn from_pod(ctx: &mut Ctx<'_>, from: &Place, to: &Place) -> Result<u8, Stop> {
    let done = exec(ctx, from, &["tar", "cf", "-", &from.path], None, true)?;
    if done.code != 0 {
        return ended(&done);
    }
    let entries = match archive::read(&done.stdout) {
        Ok(entries) => entries,
        Err(_) => return fail("archive/tar: invalid tar header"),
    };
    let prefix = resolve("/", &from.path).trim_start_matches('/').to_owned();
    for entry in entries {
        let Some(rest) = entry.name.strip_prefix(&prefix) else { return fail("tar contents corrupted") };
        let mut path = to.path.trim_end_matches('/').to_owned();
        let _ = write!(path, "{}{rest}", if rest.is_empty() || rest.starts_with('/') { "" } else { "/" });
        ctx.write_file(&path, entry.data);
    }
    Ok(0)
}

/// Runs a command in the container. What it says on standard error is shown where `shown`.
fn exec(
    ctx: &mut Ctx<'_>,
    place: &Place,
    command: &[&str],
    input: Option<Vec<u8>>,
    shown: bool,
) -> Result<Ended, Stop> {
    let path = format!("/api/v1/namespaces/{}/pods/{}", place.namespace, place.pod);
    let pod = ctx.json(HttpRequest::get(&path))?;
    let phase = text_at(&pod, &["status", "phase"]);
    if matches!(phase, "Succeeded" | "Failed") {
        return fail(format!("cannot exec into a container in a completed pod; current phase is {phase}"));
    }
    let container = match ctx.args().text("container").to_owned() {
        name if name.is_empty() && shown => pods::default_container(ctx, &pod),
        name if name.is_empty() => pods::default_container_quietly(&pod),
        name => name,
    };
    let mut request = HttpRequest::get(format!("{path}/exec"));
    request.method = Method::Post;
    request.accept = "*/*".into();
    request.query = command.iter().map(|word| ("command".to_owned(), (*word).to_owned())).collect();
    request.query.push(("container".into(), container));
    for (flag, on) in [("stdin", input.is_some()), ("stdout", true), ("stderr", true)] {
        if on {
            request.query.push((flag.into(), "true".into()));
        }
    }
    let answer = ctx.request(request)?;
    if !answer.response.is_success() {
        return Err(api_error::of_stream(&answer.response));
    }
    if let Some(bytes) = input {
        ctx.send(answer.id, StreamInput::Stdin(bytes));
        ctx.send(answer.id, StreamInput::End);
    }
    let mut stream = ctx.stream_of(&answer);
    let mut done = Ended { stdout: Vec::new(), code: 0 };
    loop {
        match ctx.next(&mut stream, None)? {
            Next::Chunk(Chunk::Stdout(bytes)) => done.stdout.extend(bytes),
            Next::Chunk(Chunk::Stderr(bytes)) if shown => ctx.print_err(String::from_utf8_lossy(&bytes)),
            Next::Chunk(Chunk::Exit(code)) => done.code = code,
            Next::Chunk(_) => {}
            Next::End | Next::TimedOut => return Ok(done),
        }
    }
}

fn ended(done: &Ended) -> Result<u8, Stop> {
    match done.code {
        0 => Ok(0),
        code => Err(Stop::Fail(Failure { text: format!("command terminated with exit code {code}\n"), code })),
    }
}
