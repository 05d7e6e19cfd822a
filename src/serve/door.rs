//! HTTP requests in, answers out. Models what `k8s.io/apiserver/pkg/server/filters` and `endpoints/handlers` do with headers.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Query, Request, State, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use tokio_stream::{Stream, StreamExt};

use crate::api::http::{Chunk, ContentType, HttpRequest, HttpResponse, Impersonated, Method};
use crate::api::{Status, wire};
use crate::serve::world::{Answer, Handle, Piece};
use crate::serve::{exec, forward, protobuf};

/// The largest body (`--max-request-bytes` of etcd, doubled by the API server).
const LARGEST_BODY: usize = 3 * 1024 * 1024;
/// How much of a body that is too large is read all the same.
const READ_ON: usize = 64 * 1024 * 1024;

/// Everything that is served.
pub fn router(world: Handle) -> Router {
    Router::new().fallback(handle).with_state(world)
}

async fn handle(State(world): State<Handle>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Err(status) = may_ask(&parts.headers) {
        return failure(&status);
    }
    let mut asked = match asked(&parts) {
        Ok(asked) => asked,
        Err(status) => return failure(&status),
    };
    if exec::is_stream(&asked.path) {
        return match WebSocketUpgrade::from_request_parts(&mut parts, &world).await {
            Ok(upgrade) if asked.path.ends_with("/portforward") => forward::begin(world, upgrade, asked).await,
            Ok(upgrade) => exec::begin(world, upgrade, asked).await,
            Err(_) => exec::without_websocket(&world, &asked),
        };
    }
    match read(body).await {
        Ok(bytes) => asked.body = bytes,
        Err(status) => return failure(&status),
    }
    if asked.content_type.starts_with(protobuf::CONTENT_TYPE) {
        match protobuf::to_json(&asked.body) {
            Ok(value) => asked.body = value.to_string().into_bytes(),
            Err(why) => return failure(&Status::bad_request(why)),
        }
        asked.content_type = ContentType::Json.as_str().into();
    }
    let pretty = wire::is_pretty(&asked.path, asked.query_value("pretty"), &asked.user_agent);
    let mut answer = world.ask(asked);
    match answer.head().await {
        Some(head) if head.streams => stream(&head, answer),
        Some(mut head) => {
            if head.content_type.is_json() {
                head.body = wire::body(&head.body, pretty);
            }
            whole(head)
        }
        None => failure(&gone()),
    }
}

/// Only programs of this machine may ask: the name by which they call the server is the machine's own, and no web page of
/// another place sent them.
fn may_ask(headers: &HeaderMap) -> Result<(), Status> {
    let is_ours = |host: &str| {
        let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.contains(']') { host } else { name });
        matches!(name, "127.0.0.1" | "localhost" | "[::1]")
    };
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !is_ours(host) {
        return Err(forbidden(&format!("Host {host:?} is not this machine")));
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("");
    match origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) {
        Some(place) if is_ours(place) => Ok(()),
        _ => Err(forbidden(&format!("Origin {origin:?} is not this machine"))),
    }
}

fn forbidden(message: &str) -> Status {
    Status { code: 403, reason: "Forbidden".into(), message: message.into(), details: None }
}

/// A body whole. One that is too large is read on without being kept: a client that is still sending when the connection
/// closes does not get to see the answer.
async fn read(body: Body) -> Result<Vec<u8>, Status> {
    let (mut kept, mut len) = (Vec::new(), 0);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Status::bad_request(error.to_string()))?;
        len += chunk.len();
        if len <= LARGEST_BODY {
            kept.extend_from_slice(&chunk);
        } else if len > READ_ON {
            break;
        }
    }
    if len > LARGEST_BODY { Err(too_large()) } else { Ok(kept) }
}

fn too_large() -> Status {
    let message = format!("Request entity too large: limit is {LARGEST_BODY}");
    Status { code: 413, reason: "RequestEntityTooLarge".into(), message, details: None }
}

/// The thread of the cluster has ended.
pub fn gone() -> Status {
    Status { code: 503, reason: "ServiceUnavailable".into(), message: "the cluster is gone".into(), details: None }
}

/// What is asked, without the body.
fn asked(parts: &Parts) -> Result<HttpRequest, Status> {
    let method = Method::of(parts.method.as_str()).ok_or_else(Status::method_not_allowed)?;
    let path = percent_decode_str(parts.uri.path()).decode_utf8();
    let path = path.map_err(|_| Status::bad_request("the path is not UTF-8"))?.into_owned();
    let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|error| Status::bad_request(error.body_text()))?;
    let text = |name: header::HeaderName| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned()
    };
    Ok(HttpRequest {
        method,
        path,
        query,
        accept: text(header::ACCEPT),
        content_type: text(header::CONTENT_TYPE),
        user_agent: text(header::USER_AGENT),
        impersonate: impersonated(&parts.headers),
        bearer: text(header::AUTHORIZATION).strip_prefix("Bearer ").map(|token| token.trim().to_owned()),
        body: Vec::new(),
    })
}

/// As whom a request is made, if not as the administrator.
fn impersonated(headers: &HeaderMap) -> Option<Impersonated> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or("").to_owned();
    let user = text(headers.get("impersonate-user")?);
    Some(Impersonated { user, groups: headers.get_all("impersonate-group").iter().map(text).collect() })
}

/// The answer to a request that does not reach the cluster.
pub fn failure(status: &Status) -> Response {
    whole(HttpResponse::json(status.code, &status.to_value()))
}

/// An answer with all of its body.
pub fn whole(mut head: HttpResponse) -> Response {
    if head.code == 0 {
        // No connection to the API server: a proxy in front of it would say so.
        head = HttpResponse::of(502, ContentType::Text, head.body);
    }
    let body = std::mem::take(&mut head.body);
    with_head(&head, Body::from(body))
}

fn stream(head: &HttpResponse, answer: Answer) -> Response {
    with_head(head, Body::from_stream(Pieces { first: head.body.clone(), answer }))
}

fn with_head(head: &HttpResponse, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(head.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(head.content_type.as_str()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    for warning in &head.warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            headers.append(header::WARNING, value);
        }
    }
    response
}

/// The body of an answer that streams: a watch's events, a line each, or a log's text.
struct Pieces {
    first: Vec<u8>,
    answer: Answer,
}

impl Stream for Pieces {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.first).into())));
        }
        loop {
            let bytes = match std::task::ready!(self.answer.poll_next(cx)) {
                Some(Piece::Chunk(Chunk::Event(event))) => wire::body(&event, false),
                Some(Piece::Chunk(Chunk::Stdout(text) | Chunk::Stderr(text))) => text,
                Some(Piece::Chunk(Chunk::Exit(_)) | Piece::Head(_)) => continue,
                Some(Piece::Chunk(Chunk::End)) | None => return Poll::Ready(None),
            };
            return Poll::Ready(Some(Ok(bytes.into())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("a header"));
        }
        headers
    }

    #[test]
    fn only_this_machine_may_ask() {
        for (host, origin, may) in [
            ("127.0.0.1:6443", None, true),
            ("localhost:6443", None, true),
            ("[::1]:6443", None, true),
            ("localhost", Some("http://localhost:8080"), true),
            ("evil.example:6443", None, false),
            ("127.0.0.1.evil.example", None, false),
            ("127.0.0.1:6443", Some("https://evil.example"), false),
            ("127.0.0.1:6443", Some("null"), false),
            ("", None, false),
        ] {
            assert_eq!(may_ask(&headers(host, origin)).is_ok(), may, "{host} {origin:?}");
        }
    }
}
