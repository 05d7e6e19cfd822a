//! A scripted server for tests of verbs: a closure from request to answer, and the whole output of a command.

use serde_json::{Value, json};

use super::{Effect, Input, KubectlConfig, Process};
use crate::api::http::{Chunk, ContentType, HttpRequest, HttpResponse};
use crate::sim::{Out, Time, VecMap};

/// What a command did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// As named.
    pub stdout: String,
    /// As named.
    pub stderr: String,
    /// As named.
    pub code: Option<u8>,
    /// `METHOD path?query` and the body, in order.
    pub requests: Vec<(String, Value)>,
}

/// An answer with a JSON body and the chunks of its stream.
pub fn answer(code: u16, body: Value) -> (HttpResponse, Vec<Chunk>) {
    (HttpResponse::json(code, &body), Vec::new())
}

/// An answer that streams these chunks.
pub fn streamed(chunks: Vec<Chunk>) -> (HttpResponse, Vec<Chunk>) {
    (HttpResponse::stream(200, ContentType::Json), chunks)
}

/// A watch event.
pub fn event(kind: &str, object: Value) -> Chunk {
    Chunk::Event(json!({"type": kind, "object": object}).to_string().into_bytes())
}

/// The server's answer to something that is not there.
pub fn not_found(plural: &str, name: &str) -> (HttpResponse, Vec<Chunk>) {
    let message = format!("{plural} {name:?} not found");
    answer(
        404,
        json!({"kind": "Status", "reason": "NotFound", "message": message, "code": 404, "details": {"name": name, "kind": plural}}),
    )
}

/// Splits a line into words as a shell does, with single and double quotes.
pub fn words(line: &str) -> Vec<String> {
    let (mut found, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => found.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    found.extend(word);
    found
}

/// Runs a command against a server at one second after the start; the chunks of a stream come one second apart.
pub fn run(line: &str, stdin: Option<&str>, server: impl FnMut(&HttpRequest) -> (HttpResponse, Vec<Chunk>)) -> Outcome {
    run_with(line, stdin, &VecMap::new(), server)
}

/// The same with files.
pub fn run_with(
    line: &str,
    stdin: Option<&str>,
    files: &VecMap<String, Vec<u8>>,
    mut server: impl FnMut(&HttpRequest) -> (HttpResponse, Vec<Chunk>),
) -> Outcome {
    let mut now = Time(1_000_000_000);
    let session = KubectlConfig { epoch: 1_795_222_364, ..KubectlConfig::default() };
    let stdin = stdin.map(|s| s.as_bytes().to_vec());
    let mut process = Process::start(words(line), stdin, files, &session, now);
    let mut outcome = Outcome::default();
    let mut inputs = vec![Input::Start];
    let mut pending: Vec<(u64, Chunk)> = Vec::new();
    for _ in 0..10_000 {
        if inputs.is_empty() {
            if !pending.is_empty() {
                let (id, chunk) = pending.remove(0);
                now = Time(now.0 + 1_000_000_000);
                inputs.push(Input::Chunk { id, chunk });
            } else if let Some(at) = process.wake_at() {
                now = now.max(at);
                inputs.push(Input::Timer);
            } else {
                break;
            }
        }
        let mut out = Out::default();
        process.handle(inputs.remove(0), now, &mut out);
        for effect in out.take() {
            match effect {
                Effect::Stdout(text) => outcome.stdout.push_str(&text),
                Effect::Stderr(text) => outcome.stderr.push_str(&text),
                Effect::Exit(code) => outcome.code = Some(code),
                Effect::Input { .. }
                | Effect::Cancel { .. }
                | Effect::Write { .. }
                | Effect::Edit { .. }
                | Effect::Listen(_) => {}
                Effect::Request { id, request } => {
                    let (response, chunks) = server(&request);
                    let query: Vec<String> = request.query.iter().map(|(k, v)| format!("{k}={v}")).collect();
                    let url = if query.is_empty() {
                        request.path.clone()
                    } else {
                        format!("{}?{}", request.path, query.join("&"))
                    };
                    let body = serde_json::from_slice(&request.body).unwrap_or_default();
                    outcome.requests.push((format!("{} {url}", request.method.as_str()), body));
                    inputs.push(Input::Response { id, response });
                    pending.extend(chunks.into_iter().map(|c| (id, c)));
                }
            }
        }
        if outcome.code.is_some() {
            break;
        }
    }
    outcome
}
