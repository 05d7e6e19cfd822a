//! The HTTP form of API requests, as `kubectl` and the REST server send and receive them.
//!
//! A request is answered by exactly one [`HttpResponse`]; a watch, a followed log and an exec session go on with
//! [`Chunk`]s until the end of the stream.

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Read.
    Get,
    /// Create, or connect (exec).
    Post,
    /// Replace.
    Put,
    /// Change in part; the content type says how.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// What a word on the wire asks for; what asks for the head alone asks for the rest too.
    pub fn of(word: &str) -> Option<Method> {
        match word {
            "GET" | "HEAD" => Some(Method::Get),
            "POST" => Some(Method::Post),
            "PUT" => Some(Method::Put),
            "PATCH" => Some(Method::Patch),
            "DELETE" => Some(Method::Delete),
            _ => None,
        }
    }

    /// The word on the wire: `GET`.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// A request as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The path, without the query: `/api/v1/namespaces/default/pods`.
    pub path: String,
    /// Query parameters in order, not percent-encoded: `("labelSelector", "app=web")`. A name may repeat (`command`).
    pub query: Vec<(String, String)>,
    /// The `Accept` header; `application/json;as=Table;v=v1;g=meta.k8s.io` asks for a table.
    pub accept: String,
    /// The `Content-Type` of the body; empty without a body.
    pub content_type: String,
    /// The `User-Agent`: names the client in managed fields and traces.
    pub user_agent: String,
    /// The `Impersonate-*` headers: as whom it is made.
    pub impersonate: Option<Impersonated>,
    /// The token of the `Authorization` header.
    pub bearer: Option<String>,
    /// The body; empty without one.
    pub body: Vec<u8>,
}

/// What a body is: the `Content-Type` of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentType {
    /// JSON.
    #[default]
    Json,
    /// YAML.
    Yaml,
    /// Plain text: logs, health.
    Text,
    /// All groups and resources in one document (aggregated discovery).
    Discovery,
    /// OpenAPI v2 in protobuf.
    OpenApi,
}

impl ContentType {
    /// Whether it is a form of JSON.
    pub fn is_json(self) -> bool {
        matches!(self, ContentType::Json | ContentType::Discovery)
    }

    /// The words of the header.
    pub fn as_str(self) -> &'static str {
        match self {
            ContentType::Json => "application/json",
            ContentType::Yaml => "application/yaml",
            ContentType::Text => "text/plain; charset=utf-8",
            ContentType::OpenApi => "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
            ContentType::Discovery => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        }
    }
}

/// As whom a request is made, instead of the client itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Impersonated {
    /// The user.
    pub user: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpResponse {
    /// The status code: 200, 201, 404, 409, 422, …; 101 when a stream (exec) begins.
    pub code: u16,
    /// `Warning:` headers, their text only.
    pub warnings: Vec<String>,
    /// The body: JSON for API answers, plain text for logs. Of a stream, what came with the answer (may be empty).
    pub body: Vec<u8>,
    /// What the body is.
    pub content_type: ContentType,
    /// Whether [`Chunk`]s follow (watch, `logs -f`, exec).
    pub streams: bool,
}

/// What a client sends on a stream that it opened (exec).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StreamInput {
    /// Bytes on standard input.
    Stdin(Vec<u8>),
    /// Standard input is at its end.
    End,
}

/// A piece of a stream that began with an [`HttpResponse`] whose `streams` is set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Chunk {
    /// One watch event as JSON: `{"type":"ADDED","object":{…}}`.
    Event(Vec<u8>),
    /// Standard output of an exec session, or text of a followed log.
    Stdout(Vec<u8>),
    /// Standard error of an exec session.
    Stderr(Vec<u8>),
    /// The end of an exec session: the command's exit code.
    Exit(u8),
    /// The end of the stream.
    End,
}

impl HttpRequest {
    /// A `GET` for JSON without a body.
    pub fn get(path: impl Into<String>) -> Self {
        HttpRequest {
            method: Method::Get,
            path: path.into(),
            query: Vec::new(),
            accept: "application/json".into(),
            content_type: String::new(),
            user_agent: String::new(),
            impersonate: None,
            bearer: None,
            body: Vec::new(),
        }
    }

    /// The first value of a query parameter.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All values of a query parameter, in order.
    pub fn query_values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

impl HttpResponse {
    /// An answer in JSON.
    pub fn json(code: u16, body: &serde_json::Value) -> Self {
        HttpResponse::of(code, ContentType::Json, body.to_string())
    }

    /// An answer in plain text.
    pub fn text(code: u16, body: impl Into<Vec<u8>>) -> Self {
        HttpResponse::of(code, ContentType::Text, body)
    }

    /// An answer of some type.
    pub fn of(code: u16, content_type: ContentType, body: impl Into<Vec<u8>>) -> Self {
        HttpResponse { code, warnings: Vec::new(), body: body.into(), content_type, streams: false }
    }

    /// The beginning of a stream.
    pub fn stream(code: u16, content_type: ContentType) -> Self {
        HttpResponse { streams: true, ..HttpResponse::of(code, content_type, Vec::new()) }
    }

    /// Whether the code is 2xx (or 101, a stream that began).
    pub fn is_success(&self) -> bool {
        matches!(self.code, 101 | 200..=299)
    }
}

/// Percent-encodes a query value as Go's `url.QueryEscape` does.
pub fn escape_query(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(byte as char),
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
