//! `port-forward` over a WebSocket: SPDY inside it, as kubectl 1.31 and newer speak it, or plain [`channels`]. Models
//! `k8s.io/apiserver/pkg/util/proxy/streamtunnel.go` and `pkg/kubelet/portforward` behind it.
//!
//! Each connection that somebody makes to the forwarded port is two streams: one for the data, one for what went wrong. In the
//! cluster it is a request of its own.

use std::collections::BTreeMap;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::response::Response;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::api::Status;
use crate::api::http::{Chunk, HttpRequest, HttpResponse, Method, StreamInput};
use crate::serve::world::{Answer, Handle, Piece};
use crate::serve::{door, exec};

mod channels;
mod spdy;

use spdy::{Frame, Malformed, Reader, Writer};

const PROTOCOL: &str = "SPDY/3.1+portforward.k8s.io";

/// Begins to forward ports.
pub async fn begin(world: Handle, upgrade: WebSocketUpgrade, request: HttpRequest) -> Response {
    let request = HttpRequest { method: Method::Post, ..request };
    if let Some(head) = world.ask(exec::pod_of(&request)).head().await.filter(|head| !head.is_success()) {
        return exec::refuse(&world, &request, head);
    }
    let upgrade = upgrade.protocols([PROTOCOL, channels::PROTOCOL]);
    if upgrade.selected_protocol().is_none_or(|selected| selected != PROTOCOL) {
        return match channels::ports(&request) {
            Ok(ports) => upgrade.on_upgrade(move |socket| channels::run(world, request, ports, socket)),
            Err(why) => door::failure(&Status::bad_request(why)),
        };
    }
    upgrade.on_upgrade(move |socket| async move {
        let (frames, from_connections) = unbounded_channel();
        let session = Session {
            world,
            request,
            frames,
            writer: Writer::default(),
            errors: BTreeMap::new(),
            data: BTreeMap::new(),
        };
        session.run(socket, from_connections).await;
    })
}

/// Everything that one client forwards.
struct Session {
    world: Handle,
    request: HttpRequest,
    /// Where connections put the frames that they make.
    frames: UnboundedSender<Vec<u8>>,
    writer: Writer,
    /// The streams for errors, by the number that the client gave the connection.
    errors: BTreeMap<String, u32>,
    /// Where the data of a stream goes.
    data: BTreeMap<u32, UnboundedSender<StreamInput>>,
}

impl Session {
    async fn run(mut self, mut socket: WebSocket, mut from_connections: UnboundedReceiver<Vec<u8>>) {
        let mut reader = Reader::new();
        loop {
            let answers = tokio::select! {
                frame = from_connections.recv() => frame.into_iter().collect(),
                message = socket.recv() => match message {
                    Some(Ok(Message::Binary(bytes))) => match self.take(&mut reader, &bytes) {
                        Ok(answers) => answers,
                        Err(Malformed) => return,
                    },
                    None | Some(Err(_) | Ok(Message::Close(_))) => return,
                    Some(Ok(_)) => Vec::new(),
                },
            };
            for frame in answers {
                if socket.send(Message::Binary(frame.into())).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Takes in what the client sends; what is to be answered at once.
    fn take(&mut self, reader: &mut Reader, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut answers = Vec::new();
        for frame in reader.take(bytes)? {
            match frame {
                Frame::Open { stream, headers } => {
                    answers.push(self.writer.reply(stream));
                    self.open(stream, &headers);
                }
                // A connection that is over does not hear what is still sent.
                Frame::Data { stream, bytes, ends } => {
                    if let Some(data) = self.data.get(&stream) {
                        let _ = data.send(StreamInput::Stdin(bytes));
                        if ends {
                            let _ = data.send(StreamInput::End);
                        }
                    }
                }
                Frame::Reset(stream) => _ = self.data.remove(&stream),
                Frame::Ping(id) => answers.push(Writer::ping(id)),
            }
        }
        Ok(answers)
    }

    /// The second stream of a connection begins it.
    fn open(&mut self, stream: u32, headers: &[(String, String)]) {
        let header = |name: &str| headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
        let number = header("requestid").to_owned();
        if header("streamtype") == "error" {
            self.errors.insert(number, stream);
        } else if let Some(errors) = self.errors.remove(&number) {
            let mut request = self.request.clone();
            request.query = vec![("ports".into(), header("port").into())];
            let (data, inputs) = unbounded_channel();
            self.data.insert(stream, data);
            let write = move |said: Said<'_>| match said {
                Said::Data(bytes) => vec![Writer::data(stream, bytes, false)],
                Said::Error(bytes) => vec![Writer::data(errors, bytes, false)],
                Said::Over => vec![Writer::data(stream, &[], true), Writer::data(errors, &[], true)],
            };
            tokio::spawn(connection(self.world.ask(request), inputs, self.frames.clone(), write));
        }
    }
}

/// What comes from one connection.
enum Said<'a> {
    /// Bytes of it.
    Data(&'a [u8]),
    /// What went wrong.
    Error(&'a [u8]),
    /// Its end.
    Over,
}

/// Passes on what goes through one connection; `write` makes frames of it. If nobody takes the frames any more, nobody listens.
async fn connection(
    mut answer: Answer,
    mut inputs: UnboundedReceiver<StreamInput>,
    frames: UnboundedSender<Vec<u8>>,
    write: impl Fn(Said<'_>) -> Vec<Vec<u8>>,
) {
    let send = |said: Said<'_>| {
        for frame in write(said) {
            let _ = frames.send(frame);
        }
    };
    let mut begun = false;
    loop {
        tokio::select! {
            piece = answer.next() => match piece {
                Some(Piece::Head(head)) if head.streams => begun = true,
                Some(Piece::Head(head)) => {
                    send(Said::Error(&words(&head)));
                    break;
                }
                Some(Piece::Chunk(Chunk::Stdout(bytes))) => send(Said::Data(&bytes)),
                Some(Piece::Chunk(Chunk::Stderr(bytes))) => send(Said::Error(&bytes)),
                Some(Piece::Chunk(Chunk::Exit(_) | Chunk::Event(_))) => {}
                Some(Piece::Chunk(Chunk::End)) | None => break,
            },
            // What comes before the connection is there waits for it.
            input = inputs.recv(), if begun => match input {
                Some(input) => answer.send(input),
                None => break,
            },
        }
    }
    send(Said::Over);
}

/// What a refusal says.
fn words(head: &HttpResponse) -> Vec<u8> {
    let status: serde_json::Value = serde_json::from_slice(&head.body).unwrap_or_default();
    status["message"].as_str().map_or_else(|| head.body.clone(), |message| message.as_bytes().to_vec())
}
