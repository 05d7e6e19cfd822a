//! The server's `Status` errors in the words that kubectl prints.
//!
//! Models `k8s.io/kubectl/pkg/cmd/util/helpers.go` `checkErr` and `StandardErrorMessage`.

use serde_json::Value;

use super::ctx::{Failure, Stop};
use super::json::{at, text};
use crate::api::http::{HttpRequest, HttpResponse};

/// The JSON body of a successful answer, or the end of the command.
pub fn body_or_stop(response: &HttpResponse) -> Result<Value, Stop> {
    if !response.is_success() {
        return Err(stop(response));
    }
    serde_json::from_slice(&response.body).map_err(|e| {
        let text = format!("error: {e}\n");
        Stop::Fail(Failure { text, code: 1 })
    })
}

/// The end of a command that the server refused.
pub fn stop(response: &HttpResponse) -> Stop {
    Stop::Fail(Failure { text: message(response, None), code: 1 })
}

/// The end of a command whose stream was refused: what the node says comes in the stream that has begun.
pub fn of_stream(response: &HttpResponse) -> Stop {
    if response.code < 500 {
        return stop(response);
    }
    Stop::Fail(Failure { text: format!("error: {}\n", bare_message(response)), code: 1 })
}

/// The reason of a failed answer: `NotFound`, `Conflict`, …; empty if it says none.
pub fn reason(response: &HttpResponse) -> String {
    text(&status(response), "reason").to_owned()
}

/// The reason of an answer if it failed, or the empty text.
pub fn reason_if_failed(response: &HttpResponse) -> String {
    if response.is_success() { String::new() } else { reason(response) }
}

/// The bare message of a failed answer.
pub fn bare_message(response: &HttpResponse) -> String {
    text(&status(response), "message").to_owned()
}

fn status(response: &HttpResponse) -> Value {
    let body = serde_json::from_slice::<Value>(&response.body).unwrap_or_default();
    if text(&body, "kind") == "Status" {
        return body;
    }
    let said = String::from_utf8_lossy(&response.body).trim().to_owned();
    let (reason, message) = match response.code {
        0 => ("", said.clone()),
        400 => ("BadRequest", said.clone()),
        401 => ("Unauthorized", "Unauthorized".to_owned()),
        404 => ("NotFound", "the server could not find the requested resource".to_owned()),
        405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource".to_owned()),
        _ => ("InternalError", format!("an error on the server ({said:?}) has prevented the request from succeeding")),
    };
    serde_json::json!({"kind": "Status", "reason": reason, "message": message, "code": response.code})
}

/// An answer that says nothing of itself, as client-go tells it: with what was asked. Models `errors.NewGenericServerResponse`.
pub fn generic(request: &HttpRequest, response: &HttpResponse) -> Option<HttpResponse> {
    let is_status =
        || serde_json::from_slice::<Value>(&response.body).is_ok_and(|body| text(&body, "kind") == "Status");
    if response.code != 404 || is_status() {
        return None;
    }
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return None,
    };
    let rest = match rest {
        ["namespaces", _, inner @ ..] if !inner.is_empty() => inner,
        rest => rest,
    };
    let (resource, name, part) = (rest.first()?, rest.get(1).unwrap_or(&""), rest.get(2).unwrap_or(&""));
    // The client for scales knows no groups.
    let dot = if group.is_empty() || *part == "scale" { String::new() } else { format!(".{group}") };
    let asked = format!("{} {resource}{dot} {name}", request.method.as_str().to_lowercase());
    let mut status = status(response);
    status["message"] = format!("{} ({})", text(&status, "message"), asked.trim_end()).into();
    Some(HttpResponse::json(response.code, &status))
}

/// What kubectl prints when there was no answer: the dialler's error, `dial tcp 10.0.0.1:6443: connect: connection refused`.
fn unreachable(error: &str) -> String {
    let address = error.strip_prefix("dial tcp ").and_then(|rest| rest.split_once(": ")).map(|(address, _)| address);
    match address.filter(|_| error.contains("connection refused")) {
        Some(address) => {
            format!("The connection to the server {address} was refused - did you specify the right host or port?\n")
        }
        None => format!("Unable to connect to the server: {error}\n"),
    }
}

/// What kubectl prints about a failed answer. `doing` names the file that the object came from:
/// `error when creating "STDIN"`.
pub fn message(response: &HttpResponse, doing: Option<&str>) -> String {
    if response.code == 0 {
        return unreachable(&String::from_utf8_lossy(&response.body));
    }
    let status = status(response);
    let reason = text(&status, "reason");
    if reason == "Invalid" {
        return invalid(&status);
    }
    let said = match doing {
        Some(doing) => format!("{doing}: {}", text(&status, "message")),
        None => text(&status, "message").to_owned(),
    };
    match reason {
        "" => format!("Error from server: {said}\n"),
        "Unauthorized" => format!("error: You must be logged in to the server ({said})\n"),
        _ => format!("Error from server ({reason}): {said}\n"),
    }
}

fn invalid(status: &Value) -> String {
    let details = at(status, &["details"]);
    let (kind, name) = (text(details, "kind"), text(details, "name"));
    let mut head = match (kind, name) {
        ("", _) => "The request is invalid".to_owned(),
        (_, "") => format!("The {kind} is invalid"),
        _ => format!("The {kind} {name:?} is invalid"),
    };
    let causes = at(details, &["causes"]).as_array().map_or(&[][..], Vec::as_slice);
    let line = |cause: &Value| format!("{}: {}", text(cause, "field"), text(cause, "message"));
    match causes {
        [] if kind.is_empty() => head.push_str(&format!(": {}", text(status, "message"))),
        [] => {}
        [one] => head.push_str(&format!(": {}", line(one))),
        many => {
            head.push_str(": ");
            let mut seen = Vec::new();
            for cause in many.iter().map(line) {
                if !seen.contains(&cause) {
                    head.push_str(&format!("\n* {cause}"));
                    seen.push(cause);
                }
            }
        }
    }
    head.push('\n');
    head
}

/// The status line of a code: `404 Not Found`.
pub fn status_line(code: u16) -> String {
    let words = match code {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    };
    format!("{code} {words}").trim_end().to_owned()
}
