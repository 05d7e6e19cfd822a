//! `exec` and `attach` over a WebSocket. Models `k8s.io/apimachinery/pkg/util/remotecommand` and
//! `k8s.io/apiserver/pkg/util/proxy/streamtranslator.go`.
//!
//! Each message begins with the number of its channel: 0 standard input, 1 output, 2 errors, 3 how it ended, 4 the size of
//! the terminal (which changes nothing here), 255 the end of a channel.

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::response::Response;
use serde_json::{Value, json};

use crate::api::Status;
use crate::api::http::{Chunk, HttpRequest, HttpResponse, Method, StreamInput};
use crate::serve::door;
use crate::serve::world::{Answer, Handle, Piece};

const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const CLOSE: u8 = 255;
/// A simulated command may keep all that it reads: no more than this goes in.
const LARGEST_INPUT: usize = 32 * 1024 * 1024;

/// Whether a path leads to a stream in both directions.
pub fn is_stream(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    matches!(parts.as_slice(), ["api", "v1", "namespaces", _, "pods", _, "exec" | "attach" | "portforward"])
}

/// The answer to a client that does not speak WebSockets. `kubectl` asks again in this way when a WebSocket was refused, and
/// shows what it hears then: the refusal.
pub fn without_websocket(world: &Handle, request: &HttpRequest) -> Response {
    match world.refused(request) {
        Some(head) => door::whole(head),
        None => door::failure(&Status::bad_request(
            "streams are served over WebSockets only (kubectl 1.31 or newer), not over SPDY/3.1",
        )),
    }
}

/// Refuses a stream.
pub fn refuse(world: &Handle, request: &HttpRequest, head: HttpResponse) -> Response {
    world.note_refused(request, head.clone());
    door::whole(head)
}

/// Begins a stream. A WebSocket begins with a `GET`, but who may open one is who may `create` it
/// (`AuthorizePodWebsocketUpgradeCreatePermission`).
pub async fn begin(world: Handle, upgrade: WebSocketUpgrade, request: HttpRequest) -> Response {
    let request = HttpRequest { method: Method::Post, ..request };
    let upgrade = upgrade.protocols(PROTOCOLS);
    if let Some(head) = world.ask(pod_of(&request)).head().await.filter(|head| !head.is_success()) {
        return refuse(&world, &request, head);
    }
    let mut answer = world.ask(request.clone());
    match answer.head().await {
        Some(head) if head.streams => upgrade.on_upgrade(move |socket| pump(socket, answer)),
        // What the runtime of the container says comes when the stream has begun.
        Some(head) if head.code >= 500 => upgrade.on_upgrade(move |mut socket| async move {
            end(&mut socket, refused(&head)).await;
        }),
        Some(head) => refuse(&world, &request, head),
        None => door::failure(&door::gone()),
    }
}

/// Asks for the pod of a stream.
pub fn pod_of(request: &HttpRequest) -> HttpRequest {
    let path = request.path.rsplit_once('/').map_or("", |(pod, _)| pod);
    let (user_agent, impersonate) = (request.user_agent.clone(), request.impersonate.clone());
    HttpRequest { user_agent, impersonate, bearer: request.bearer.clone(), ..HttpRequest::get(path) }
}

/// Passes input and output on until the command ends.
async fn pump(mut socket: WebSocket, mut answer: Answer) {
    let (mut code, mut taken) = (0, 0);
    loop {
        tokio::select! {
            piece = answer.next() => {
                let (channel, text) = match piece {
                    Some(Piece::Chunk(Chunk::Stdout(text))) => (STDOUT, text),
                    Some(Piece::Chunk(Chunk::Stderr(text))) => (STDERR, text),
                    Some(Piece::Chunk(Chunk::Exit(with))) => {
                        code = with;
                        continue;
                    }
                    Some(Piece::Chunk(Chunk::Event(_)) | Piece::Head(_)) => continue,
                    Some(Piece::Chunk(Chunk::End)) | None => return end(&mut socket, ended(code)).await,
                };
                if send(&mut socket, channel, &text).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => match message {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                // Text is bytes as well.
                Some(Ok(message @ (Message::Binary(_) | Message::Text(_)))) => match message.into_data().split_first() {
                    Some((&STDIN, text)) => {
                        taken += text.len();
                        if taken > LARGEST_INPUT {
                            return end(&mut socket, too_large()).await;
                        }
                        answer.send(StreamInput::Stdin(text.to_vec()));
                    }
                    Some((&CLOSE, [STDIN])) => answer.send(StreamInput::End),
                    _ => {}
                },
                Some(Ok(_)) => {}
            }
        }
    }
}

async fn send(socket: &mut WebSocket, channel: u8, text: &[u8]) -> Result<(), axum::Error> {
    let mut message = Vec::with_capacity(text.len() + 1);
    message.push(channel);
    message.extend_from_slice(text);
    socket.send(Message::Binary(message.into())).await
}

/// Tells how it ended and closes. Whoever has gone already does not hear it.
async fn end(socket: &mut WebSocket, status: Value) {
    let _ = send(socket, ERROR, status.to_string().as_bytes()).await;
    let _ = socket.send(Message::Close(Some(CloseFrame { code: 1_000, reason: "".into() }))).await;
    // Whoever still sends would not hear it either if the connection were closed now.
    while let Some(Ok(_)) = socket.recv().await {}
}

fn ended(code: u8) -> Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}

fn too_large() -> Value {
    let message = format!("standard input is too large: the limit for a simulated command is {LARGEST_INPUT} bytes");
    json!({"metadata": {}, "status": "Failure", "message": message, "reason": "RequestEntityTooLarge", "code": 413})
}

/// A failure before the command began.
fn refused(head: &HttpResponse) -> Value {
    serde_json::from_slice(&head.body).unwrap_or_else(
        |_| json!({"metadata": {}, "status": "Failure", "message": String::from_utf8_lossy(&head.body)}),
    )
}
