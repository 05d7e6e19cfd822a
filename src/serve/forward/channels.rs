//! `port-forward` with channels in a WebSocket, as most client libraries speak it. Models
//! `k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go`.
//!
//! Every port has two channels, one for the data and one for what went wrong; both begin with the number of the port. A port is
//! one connection, and when one of them is over, so is the WebSocket.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::sync::mpsc::unbounded_channel;

use super::{Said, connection};
use crate::api::http::{HttpRequest, StreamInput};
use crate::serve::world::Handle;

/// The protocol's name.
pub const PROTOCOL: &str = "v4.channel.k8s.io";

/// The ports that a request names.
///
/// # Errors
/// It names none, or something that is none.
pub fn ports(request: &HttpRequest) -> Result<Vec<u16>, String> {
    let named = || request.query_values("ports").flat_map(|text| text.split(','));
    if named().next().is_none() {
        return Err("query parameter \"port\" is required".into());
    }
    named()
        .map(|text| match text.parse::<u16>() {
            Ok(0) => Err("port \"0\" must be > 0".to_owned()),
            Ok(port) => Ok(port),
            Err(_) => {
                Err(format!("unable to parse {text:?} as a port: strconv.ParseUint: parsing {text:?}: invalid syntax"))
            }
        })
        .collect()
}

/// Forwards these ports until a connection is over or the client goes.
pub async fn run(world: Handle, request: HttpRequest, ports: Vec<u16>, mut socket: WebSocket) {
    let (frames, mut from_connections) = unbounded_channel::<Vec<u8>>();
    let mut inputs = Vec::new();
    for (channel, port) in (0_u8..).step_by(2).zip(ports) {
        let [low, high] = port.to_le_bytes();
        for channel in [channel, channel + 1] {
            if socket.send(Message::Binary(vec![channel, low, high].into())).await.is_err() {
                return;
            }
        }
        let asked = HttpRequest { query: vec![("ports".into(), port.to_string())], ..request.clone() };
        let (data, of_client) = unbounded_channel();
        inputs.push(data);
        let write = move |said: Said<'_>| match said {
            Said::Data(bytes) => vec![[&[channel], bytes].concat()],
            Said::Error(bytes) => vec![[&[channel + 1], bytes].concat()],
            // No frame is empty: it ends them all.
            Said::Over => vec![Vec::new()],
        };
        tokio::spawn(connection(world.ask(asked), of_client, frames.clone(), write));
    }
    loop {
        tokio::select! {
            frame = from_connections.recv() => match frame {
                Some(frame) if !frame.is_empty() => {
                    if socket.send(Message::Binary(frame.into())).await.is_err() {
                        return;
                    }
                }
                _ => {
                    let _ = socket.send(Message::Close(Some(CloseFrame { code: 1_000, reason: "".into() }))).await;
                    return;
                }
            },
            message = socket.recv() => match message {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(message)) => {
                    if let Some((channel, bytes)) = message.into_data().split_first()
                        && channel % 2 == 0
                        && let Some(input) = inputs.get(usize::from(channel / 2))
                    {
                        let _ = input.send(StreamInput::Stdin(bytes.to_vec()));
                    }
                }
            },
        }
    }
}
