//! HTTP/1.1 as programs speak it: reading requests and answers from a stream of bytes, and writing them.
//!
//! Differs: no HTTP/2. TLS is a layer below ([`crate::workload::tls`]).

use std::fmt::Write as _;
use std::net::SocketAddrV4;

use crate::sim::VecMap;
use crate::workload::{Ctx, Fd, NetEvent, NetOp};

/// The most bytes that a head and body may have before the connection is given up.
const MOST: usize = 4 * 1024 * 1024;

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// The path with the query: `/hostname?x=1`.
    pub target: String,
    /// The header lines, in order, as sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the connection stays open afterwards.
    pub keep_alive: bool,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Response {
    /// 200.
    pub code: u16,
    /// `OK`.
    pub reason: String,
    /// The header lines, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The usual words for a code.
pub fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

impl Request {
    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// A parameter of the query, percent-decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (n, value) = pair.split_once('=').unwrap_or((pair, ""));
            (n == name).then(|| percent_decode(value))
        })
    }

    /// A header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

impl Response {
    /// An answer of that code with a body of that type.
    pub fn new(code: u16, content_type: &str, body: impl AsRef<[u8]>) -> Response {
        Response {
            code,
            reason: reason(code).into(),
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.as_ref().to_vec(),
        }
    }

    /// Plain text.
    pub fn text(code: u16, body: impl AsRef<[u8]>) -> Response {
        Response::new(code, "text/plain; charset=utf-8", body)
    }

    /// The same with one more header before the others.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The first line: `HTTP/1.1 200 OK`.
    pub fn status_line(&self) -> String {
        format!("HTTP/1.1 {} {}", self.code, self.reason).trim_end().to_owned()
    }

    /// The bytes on the wire; `head` leaves the body out (the answer to HEAD).
    pub fn encode(&self, head: bool, keep_alive: bool) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.status_line());
        for (name, value) in &self.headers {
            _ = write!(text, "{name}: {value}\r\n");
        }
        if self.header("Content-Length").is_none() {
            _ = write!(text, "Content-Length: {}\r\n", self.body.len());
        }
        if self.header("Connection").is_none() {
            _ = write!(text, "Connection: {}\r\n", if keep_alive { "keep-alive" } else { "close" });
        }
        text.push_str("\r\n");
        if head { text.into_bytes() } else { [text.as_bytes(), &self.body].concat() }
    }
}

/// `a%20b+c` as it was meant.
pub fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = || std::str::from_utf8(bytes.get(at + 1..at + 3)?).ok().and_then(|h| u8::from_str_radix(h, 16).ok());
        match (bytes[at], hex()) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The head of a message: its first line, its headers, and how many bytes it has.
type Head = (String, Vec<(String, String)>, usize);

/// The head at the beginning of `buffer`, if it is whole.
fn head(buffer: &[u8]) -> Option<Head> {
    let end = buffer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&buffer[..end]);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    Some((first, headers, end + 4))
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

/// A body of chunks: what it says and how many bytes it takes, if it is whole.
fn chunked(mut rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut used) = (Vec::new(), 0);
    loop {
        let (size, before) = chunk_size(rest)?;
        let whole = before + size + 2;
        body.extend_from_slice(rest.get(before..before + size)?);
        rest = rest.get(whole..)?;
        used += whole;
        if size == 0 {
            return Some((body, used));
        }
    }
}

/// What has been read of a message so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// More bytes are needed.
    More,
    /// A whole message.
    Whole(T),
    /// This is no HTTP.
    Bad,
}

/// Takes a request from the front of `buffer`.
pub fn take_request(buffer: &mut Vec<u8>) -> Parsed<Request> {
    // A TLS handshake, or anything else that begins no method.
    if buffer.first().is_some_and(|byte| !byte.is_ascii_alphabetic() && !b"\r\n".contains(byte)) {
        return Parsed::Bad;
    }
    let Some((line, headers, length)) = head(buffer) else {
        return if buffer.len() > MOST { Parsed::Bad } else { Parsed::More };
    };
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = words[..] else { return Parsed::Bad };
    if !version.starts_with("HTTP/1.") {
        return Parsed::Bad;
    }
    let size = find(&headers, "content-length").and_then(|v| v.parse::<usize>().ok()).unwrap_or(0);
    if size > MOST {
        return Parsed::Bad;
    }
    let Some(body) = buffer.get(length..length + size) else { return Parsed::More };
    let asked = find(&headers, "connection").unwrap_or("").to_ascii_lowercase();
    let keep_alive = if version == "HTTP/1.0" { asked == "keep-alive" } else { asked != "close" };
    let request = Request { method: method.into(), target: target.into(), body: body.to_vec(), keep_alive, headers };
    buffer.drain(..length + size);
    Parsed::Whole(request)
}

/// Takes an answer from the front of `buffer`. `head_only`: it has no body whatever it says. `ended`: no more will come.
pub fn take_response(buffer: &mut Vec<u8>, head_only: bool, ended: bool) -> Parsed<Response> {
    let Some((line, headers, length)) = head(buffer) else {
        return if ended || buffer.len() > MOST { Parsed::Bad } else { Parsed::More };
    };
    let mut words = line.splitn(3, ' ');
    let version = words.next().unwrap_or("");
    let Some(code) = words.next().and_then(|c| c.parse::<u16>().ok()).filter(|_| version.starts_with("HTTP/")) else {
        return Parsed::Bad;
    };
    let reason = words.next().unwrap_or("").to_owned();
    let rest = &buffer[length..];
    let none = head_only || matches!(code, 204 | 304);
    let sized = find(&headers, "content-length").and_then(|v| v.parse::<usize>().ok());
    let is_chunked = find(&headers, "transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
    let (body, used) = match sized {
        _ if none => (Vec::new(), 0),
        _ if is_chunked => match chunked(rest) {
            Some(whole) => whole,
            None => return if ended { Parsed::Bad } else { Parsed::More },
        },
        Some(size) if rest.len() >= size => (rest[..size].to_vec(), size),
        Some(_) if ended => return Parsed::Bad,
        None if ended => (rest.to_vec(), rest.len()),
        _ => return Parsed::More,
    };
    buffer.drain(..length + used);
    Parsed::Whole(Response { code, reason, headers, body })
}

/// Takes the head of an answer whose body comes in chunks from the front of `buffer`.
pub fn take_chunked_head(buffer: &mut Vec<u8>) -> Option<Response> {
    let (line, headers, length) = head(buffer)?;
    find(&headers, "transfer-encoding").filter(|v| v.eq_ignore_ascii_case("chunked"))?;
    let mut words = line.splitn(3, ' ').skip(1);
    let code = words.next()?.parse().ok()?;
    let reason = words.next().unwrap_or("").to_owned();
    buffer.drain(..length);
    Some(Response { code, reason, headers, body: Vec::new() })
}

/// Takes a whole chunk from the front of `buffer`; the last one is empty.
pub fn take_chunk(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (size, before) = chunk_size(buffer)?;
    let chunk = buffer.get(before..before + size)?.to_vec();
    (buffer.len() >= before + size + 2).then(|| buffer.drain(..before + size + 2))?;
    Some(chunk)
}

/// A chunk on the wire; an empty one is the last.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The size of the chunk at the beginning, and where it begins.
fn chunk_size(buffer: &[u8]) -> Option<(usize, usize)> {
    let line_end = buffer.windows(2).position(|w| w == b"\r\n")?;
    let line = std::str::from_utf8(&buffer[..line_end]).ok()?;
    let size = usize::from_str_radix(line.split(';').next().unwrap_or("").trim(), 16).ok().filter(|s| *s <= MOST)?;
    Some((size, line_end + 2))
}

/// The connections of a server, each with its peer and what it has sent that is not a whole request yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Connections(VecMap<Fd, (SocketAddrV4, Vec<u8>)>);

/// What a server has to do about a network event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Answer a request.
    Request(Fd, SocketAddrV4, Request),
    /// Answer 400 and close: this is no HTTP.
    Bad(Fd),
    /// Close: the peer has sent all it had.
    Close(Fd),
}

impl Connections {
    /// Takes an event in; whatever came in whole comes out.
    pub fn handle(&mut self, event: &NetEvent, listeners: &[Fd]) -> Vec<Arrived> {
        match event {
            NetEvent::Accepted { listener, fd, peer } if listeners.contains(listener) => {
                self.0.insert(*fd, (*peer, Vec::new()));
            }
            NetEvent::Data { fd, bytes } => {
                if let Some((_, buffer)) = self.0.get_mut(fd) {
                    buffer.extend_from_slice(bytes);
                    return self.requests(*fd);
                }
            }
            NetEvent::Ended { fd } if self.0.remove(fd).is_some() => return vec![Arrived::Close(*fd)],
            NetEvent::Failed { fd, .. } => {
                self.0.remove(fd);
            }
            _ => {}
        }
        Vec::new()
    }

    fn requests(&mut self, fd: Fd) -> Vec<Arrived> {
        let mut arrived = Vec::new();
        while let Some((peer, buffer)) = self.0.get_mut(&fd) {
            match take_request(buffer) {
                Parsed::More => break,
                Parsed::Whole(request) => arrived.push(Arrived::Request(fd, *peer, request)),
                Parsed::Bad => {
                    self.0.remove(&fd);
                    arrived.push(Arrived::Bad(fd));
                }
            }
        }
        arrived
    }

    /// Answers a request, and closes the connection unless its client wants to go on.
    pub fn respond(&mut self, fd: Fd, request: &Request, response: &Response, ctx: &mut Ctx<'_>) {
        ctx.net(NetOp::Send { fd, bytes: response.encode(request.method == "HEAD", request.keep_alive) });
        if !request.keep_alive {
            self.forget(fd);
            ctx.net(NetOp::Close { fd });
        }
    }

    /// Forgets a connection that was closed from our side.
    pub fn forget(&mut self, fd: Fd) {
        self.0.remove(&fd);
    }

    /// Every open connection.
    pub fn open(&self) -> impl Iterator<Item = Fd> {
        self.0.keys().copied()
    }
}

/// `Mon, 05 Jan 2026 00:00:00 GMT`.
pub fn http_date(unix: i64) -> String {
    let text = crate::api::Timestamp(unix).to_string();
    let (date, clock) = text.trim_end_matches('Z').split_once('T').unwrap_or(("1970-01-01", "00:00:00"));
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next().unwrap_or(""), parts.next().unwrap_or("01"), parts.next().unwrap_or(""));
    format!("{}, {day} {} {year} {clock} GMT", weekday(unix), month_name(month.parse().unwrap_or(1)))
}

/// `01/Jan/2026:00:00:00 +0000`.
pub fn clf_time(unix: i64) -> String {
    let text = crate::api::Timestamp(unix).to_string();
    let (date, clock) = text.trim_end_matches('Z').split_once('T').unwrap_or(("1970-01-01", "00:00:00"));
    let parts: Vec<&str> = date.split('-').collect();
    let month = month_name(parts.get(1).and_then(|m| m.parse().ok()).unwrap_or(1));
    format!("{}/{month}/{}:{clock} +0000", parts.get(2).unwrap_or(&"01"), parts.first().unwrap_or(&"1970"))
}

/// `Mon`.
pub fn weekday(unix: i64) -> &'static str {
    let days = unix.div_euclid(86_400).rem_euclid(7);
    ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days).unwrap_or(0)]
}

/// `Jan` of 1.
pub fn month_name(month: usize) -> &'static str {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.get(month.wrapping_sub(1)).copied().unwrap_or("Jan")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_once_it_is_whole() {
        let mut buffer = b"GET /a?x=1%202 HTTP/1.1\r\nHost: web".to_vec();
        assert_eq!(take_request(&mut b"\x16\x03\x01".to_vec()), Parsed::Bad);
        assert_eq!(take_request(&mut buffer), Parsed::More);
        buffer.extend_from_slice(b"\r\n\r\nGET / HTTP/1.0\r\n\r\n");
        let Parsed::Whole(first) = take_request(&mut buffer) else { panic!("whole") };
        assert_eq!((first.path(), first.query("x").as_deref(), first.header("HOST")), ("/a", Some("1 2"), Some("web")));
        assert!(first.keep_alive);
        let Parsed::Whole(second) = take_request(&mut buffer) else { panic!("whole") };
        assert!(!second.keep_alive && buffer.is_empty());
        assert_eq!(take_request(&mut b"nonsense\r\n\r\n".to_vec()), Parsed::Bad);
    }

    #[test]
    fn an_answer_ends_by_its_length_its_chunks_or_the_connection() {
        let body = |wire: &str, ended| match take_response(&mut wire.as_bytes().to_vec(), false, ended) {
            Parsed::Whole(r) => String::from_utf8(r.body).expect("text"),
            other => format!("{other:?}"),
        };
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false), "hi");
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", false), "More");
        assert_eq!(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", false), "hi");
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\nhi", true), "hi");
    }

    #[test]
    fn dates_are_written_as_http_wants() {
        assert_eq!(http_date(1_767_225_600), "Thu, 01 Jan 2026 00:00:00 GMT");
    }
}
