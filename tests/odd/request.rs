//! A request made from the schema, and what is wrong with its answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kubarium::api::schema::{self, Struct, Type};
use kubarium::api::{Kind, manifest};
use kubarium::sim::Rng;
use serde_json::{Map, Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

const NAMES: &[&str] = &[
    "web",
    "default",
    "kube-system",
    "nope",
    "kubernetes",
    "worker1",
    "A_B",
    "..",
    "%2e%2e",
    "a%00b",
    "%ff",
    "a%2Fb",
    "",
];
const TEXTS: &[&str] = &[
    "",
    "web",
    "Always",
    "Never",
    "ClusterIP",
    "None",
    "TCP",
    "10.96.0.300",
    "a/b",
    "A_B",
    "\u{0}",
    "1Gi",
    "25%",
    "-1",
    "kubernetes.io/x",
    "2026-01-01T00:00:00Z",
    "* * * * *",
    "é",
    "nginx:1.25",
    "http",
    "default",
    "80",
];
const NUMBERS: &[i64] = &[0, 1, -1, 2, 80, 30_000, 65_536, i32::MAX as i64, i32::MIN as i64, i64::MAX, i64::MIN];
const QUERIES: &[&str] = &[
    "labelSelector",
    "fieldSelector",
    "limit",
    "continue",
    "resourceVersion",
    "resourceVersionMatch",
    "timeoutSeconds",
    "dryRun",
    "fieldManager",
    "force",
    "fieldValidation",
    "propagationPolicy",
    "gracePeriodSeconds",
    "sendInitialEvents",
    "allowWatchBookmarks",
    "pretty",
    "container",
    "tailLines",
    "sinceSeconds",
    "previous",
    "timestamps",
    "limitBytes",
    "includeObject",
    "nope",
    "command",
    "ports",
    "verbose",
    "exclude",
    "orphanDependents",
];
const VALUES: &[&str] = &[
    "",
    "1",
    "-1",
    "99999999999999999999",
    "true",
    "false",
    "x",
    "All",
    "Strict",
    "Ignore",
    "Warn",
    "a%3Db%2Cc%21%3Dd",
    "a+in+%28b",
    "metadata.name%3Dweb",
    "spec.nope%3D1",
    "%00",
    "%zz",
    "Foreground",
    "Orphan",
    "Exact",
    "NotOlderThan",
    "eyJ2IjoibWV0YSJ9",
];
const PARTS: &[&str] = &[
    "status",
    "scale",
    "log",
    "exec",
    "attach",
    "portforward",
    "binding",
    "eviction",
    "ephemeralcontainers",
    "token",
    "approval",
    "finalize",
    "proxy",
    "nope",
    "resize",
];
const ELSEWHERE: &[&str] = &[
    "/",
    "//",
    "/api",
    "/apis",
    "/api/",
    "/api/v1",
    "/api/v2",
    "/apis/apps",
    "/apis/apps/v1",
    "/apis/nope/v1",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/api/v1",
    "/openapi/v3/nope",
    "/version",
    "/version/",
    "/healthz",
    "/readyz?verbose",
    "/livez/ping",
    "/livez/nope",
    "/metrics",
    "/logs",
    "/nope",
    "/api/v1/../v1/pods",
    "/apis/metrics.k8s.io/v1beta1/nodes",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    "/apis/authentication.k8s.io/v1/tokenreviews",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
    "/api/v1/watch/pods",
];
const METHODS: &[&str] =
    &["GET", "GET", "GET", "POST", "POST", "PUT", "PATCH", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"];
const TYPES: &[&str] = &[
    "application/json",
    "application/json",
    "application/yaml",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/json-patch+json",
    "application/apply-patch+yaml",
    "application/vnd.kubernetes.protobuf",
    "text/plain",
    "",
    "x",
];
const ACCEPTS: &[&str] = &[
    "*/*",
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    "x",
    "",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
];

/// A request.
pub struct Asked {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn one<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    *rng.pick(items).expect("there is one")
}

fn seldom(rng: &mut Rng, percent: u32) -> bool {
    rng.chance(percent * 10_000)
}

impl Asked {
    /// Some request; `manifest` gives texts of manifests.
    pub fn any(rng: &mut Rng, manifest: impl FnMut(&mut Rng) -> String) -> Asked {
        let kind = one(rng, Kind::ALL);
        let method = one(rng, METHODS);
        let (path, named) = path(rng, kind);
        let mut queries: Vec<String> =
            (0..rng.below(4)).map(|_| format!("{}={}", one(rng, QUERIES), one(rng, VALUES))).collect();
        if seldom(rng, 5) {
            queries.push("watch=true&timeoutSeconds=1".into());
        }
        let separator = if path.contains('?') { "&" } else { "?" };
        let target = if queries.is_empty() { path } else { format!("{path}{separator}{}", queries.join("&")) };
        let (content_type, body) = body(rng, kind, named, method, manifest);
        let mut headers = vec![
            ("Content-Type".to_owned(), content_type.to_owned()),
            ("Accept".to_owned(), one(rng, ACCEPTS).to_owned()),
        ];
        for (name, values) in [
            ("Authorization", &["Bearer x", "Bearer a.b.c", "Basic eDp4", "Bearer", ""][..]),
            ("Impersonate-User", &["alice", "system:anonymous", ""]),
            ("Origin", &["http://localhost:8080", "https://evil.example", "null"]),
            ("User-Agent", &["kubectl/v1.36.2 (linux/amd64)", "", "x/y/z"]),
            ("Accept-Encoding", &["gzip", "identity", "x"]),
        ] {
            if seldom(rng, 6) {
                headers.push((name.to_owned(), one(rng, values).to_owned()));
            }
        }
        Asked { method, target, headers, body }
    }

    /// The request as a person reads it.
    pub fn shown(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        format!("{} {}\n{headers}\n{}", self.method, self.target, String::from_utf8_lossy(&self.body))
    }

    fn is_stream(&self) -> bool {
        let asks = |word: &str| self.target.contains(word);
        asks("watch=") || asks("/watch/") || asks("follow") || asks("/exec") || asks("/attach") || asks("/portforward")
    }

    /// What is wrong with the answer, if anything is.
    pub fn complaint(&self, port: u16) -> Option<String> {
        let mut stream = match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => stream,
            Err(why) => return Some(format!("it does not listen any more: {why}")),
        };
        let patience = if self.is_stream() { Duration::from_secs(2) } else { PATIENCE };
        stream.set_read_timeout(Some(patience)).expect("a time");
        let mut text =
            format!("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        // It may close without having read all that it was sent.
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(&self.body));
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if ended.is_err() && !self.is_stream() {
            return Some(format!("no end of an answer: {ended:?}\n{answer}"));
        }
        self.wrong_with(&answer)
    }

    fn wrong_with(&self, answer: &str) -> Option<String> {
        let code: u32 =
            answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|c| c.parse().ok()).unwrap_or(0);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let is_yaml = head.contains("application/yaml");
        let body = match (body.find('{'), body.rfind('}')) {
            (Some(from), Some(to)) if from < to && !is_yaml => &body[from..=to],
            _ => body,
        };
        match code {
            0 => (!self.is_stream()).then(|| format!("no answer: {answer}")),
            200..=399 | 101 => None,
            // The door's own, before anybody reads what is asked.
            400 | 405 | 406 if body.is_empty() || self.method == "HEAD" => None,
            404 if !self.target.starts_with("/api") || body == "404 page not found\n" => None,
            _ if self.method == "HEAD" => (code >= 500).then(|| answer.to_owned()),
            _ => {
                let status: Value = match is_yaml {
                    true => manifest::to_value(body).unwrap_or_default(),
                    false => serde_json::from_str(body).unwrap_or_default(),
                };
                let told = status["message"].as_str().unwrap_or("");
                let is_status = status["kind"] == "Status" && status["code"] == code && !told.is_empty();
                let reason = status["reason"].as_str().is_some_and(|reason| !reason.is_empty());
                match code {
                    // Upstream's own: the store refuses a version, an apply has a field that its type has not,
                    // an aggregated server is not there.
                    500 if told == "resourceVersion should not be set on objects to be created" => None,
                    500 if told.starts_with("failed to create typed patch object (") => None,
                    503 if reason && is_status => None,
                    400..=499 if is_status && (reason || told.contains("our request")) => None,
                    _ => Some(answer.to_owned()),
                }
            }
        }
    }
}

/// A path, and the name that stands in it.
fn path(rng: &mut Rng, kind: Kind) -> (String, &'static str) {
    if seldom(rng, 15) {
        return (one(rng, ELSEWHERE).to_owned(), "");
    }
    let info = kind.info();
    let mut path = if info.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", info.group) };
    path.push_str(&format!("/{}", if seldom(rng, 3) { "v9" } else { info.version }));
    if info.namespaced != seldom(rng, 5) && !seldom(rng, 10) {
        path.push_str(&format!("/namespaces/{}", if seldom(rng, 70) { "default" } else { one(rng, NAMES) }));
    }
    path.push_str(&format!("/{}", if seldom(rng, 3) { "nopes" } else { info.plural }));
    let mut name = "";
    if !seldom(rng, 40) {
        name = one(rng, NAMES);
        path.push_str(&format!("/{name}"));
        if seldom(rng, 30) {
            path.push_str(&format!("/{}", one(rng, PARTS)));
        }
    }
    (path, name)
}

fn body(
    rng: &mut Rng,
    kind: Kind,
    name: &str,
    method: &str,
    mut manifest: impl FnMut(&mut Rng) -> String,
) -> (&'static str, Vec<u8>) {
    if method == "GET" || method == "HEAD" {
        return ("", Vec::new());
    }
    let content_type = one(rng, TYPES);
    let text = match rng.below(10) {
        0 => manifest(rng),
        1 => manifest::to_value(&manifest(rng)).map_or_else(|_| "{".to_owned(), |value| value.to_string()),
        2 => "[".repeat(usize::try_from(rng.below(3_000)).expect("few")),
        3 => json!([{"op": one(rng, &["add", "remove", "replace", "move", "copy", "test", "x"]),
            "path": one(rng, &["/spec", "/metadata/labels/a~1b", "/spec/containers/0", "", "x", "/spec/-", "/spec/containers/99999999999999999999"]),
            "from": one(rng, &["/spec", "/", "x"]), "value": any_value(rng, 3)}])
        .to_string(),
        4 => any_value(rng, 4).to_string(),
        5 => format!("{{\"a\":\"{}\"}}", "x".repeat(100_000)),
        _ => {
            let mut object = any_struct(rng, &schema::of(kind), 0);
            let info = kind.info();
            if !seldom(rng, 5) {
                object["apiVersion"] = json!(info.api_version());
                object["kind"] = json!(info.kind);
            }
            if !seldom(rng, 10) {
                if !object["metadata"].is_object() {
                    object["metadata"] = json!({});
                }
                object["metadata"]["name"] = json!(if name.is_empty() { "web" } else { name });
                object["metadata"]["namespace"] = json!("default");
            }
            object.to_string()
        }
    };
    (content_type, text.into_bytes())
}

/// An object as the schema has it, more or less.
fn any_struct(rng: &mut Rng, of: &Struct, depth: u32) -> Value {
    let mut fields = Map::new();
    for field in of.fields() {
        let likely = if field.required { 85 } else { 24_u32.saturating_sub(depth * 3) };
        if depth < 9 && seldom(rng, likely) {
            fields.insert(field.name.to_owned(), any_of(rng, &field.ty, depth + 1));
        }
    }
    if seldom(rng, 2) {
        fields.insert("nope".into(), any_value(rng, 1));
    }
    Value::Object(fields)
}

fn any_of(rng: &mut Rng, ty: &Type, depth: u32) -> Value {
    if seldom(rng, 2) {
        return any_value(rng, 2);
    }
    match ty {
        Type::String => json!(one(rng, TEXTS)),
        Type::Bool => json!(rng.below(2) == 0),
        Type::Int32 | Type::Int64 => json!(one(rng, NUMBERS)),
        Type::Float => json!(0.5),
        Type::Quantity => {
            json!(one(rng, &["1", "100m", "1Gi", "-1", "1e30", "x", "0.0000001", "9223372036854775807Ei"]))
        }
        Type::IntOrString => match rng.below(2) {
            0 => json!(one(rng, NUMBERS)),
            _ => json!(one(rng, TEXTS)),
        },
        Type::Time | Type::MicroTime => {
            json!(one(
                rng,
                &[
                    "2026-01-01T00:00:00Z",
                    "2026-01-01T00:00:00.000000Z",
                    "9999-12-31T23:59:59Z",
                    "0001-01-01T00:00:00Z",
                    "x"
                ]
            ))
        }
        Type::Bytes => json!(one(rng, &["dg==", "x", "", "===="])),
        Type::Any | Type::Deduced | Type::Custom(_) => any_value(rng, 2),
        Type::List(item) => (0..rng.below(3)).map(|_| any_of(rng, item, depth + 1)).collect(),
        Type::Map(item) => (0..rng.below(3))
            .map(|_| (one(rng, TEXTS).to_owned(), any_of(rng, item, depth + 1)))
            .collect::<Map<_, _>>()
            .into(),
        Type::Struct(id) => any_struct(rng, &schema::by_id(id).expect("it is in the table"), depth),
    }
}

fn any_value(rng: &mut Rng, depth: u32) -> Value {
    match rng.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(one(rng, NUMBERS)),
        2 => json!(one(rng, TEXTS)),
        3 => json!(rng.below(2) == 0),
        4 => json!(-0.5e-300),
        5 => (0..rng.below(4)).map(|_| any_value(rng, depth - 1)).collect(),
        _ => (0..rng.below(4))
            .map(|_| (one(rng, &["spec", "metadata", "name", "", "a", "$patch"]).to_owned(), any_value(rng, depth - 1)))
            .collect::<Map<_, _>>()
            .into(),
    }
}
