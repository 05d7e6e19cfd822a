//! `curl`. Models curl 8.12 with OpenSSL as far as the options `-s -S -o -O -w -I -i -v -m --connect-timeout -H -X -d -A -L -f -k
//! -N -4 --cacert` go.
//!
//! Differs: HTTP/1.1 only, no progress meter. An answer in chunks is written as it comes where nothing has to be looked at in it
//! first.

use crate::sim::{Span, Time};
use crate::workload::http::{Request, Response, http_date};
use crate::workload::process::Program;
use crate::workload::program::sleep::parse_span;
use crate::workload::tls::{BAD_MAC, CLOSE, Certificate, Distrust, TlsError};
use crate::workload::tool::http_client::{Exchange, Progress, Trust, Url};
use crate::workload::{Ctx, Input, NetError, Spec};

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Options {
    urls: Vec<String>,
    silent: bool,
    show_errors: bool,
    output: Option<String>,
    remote_name: bool,
    write_out: String,
    head: bool,
    include: bool,
    verbose: bool,
    fail: bool,
    location: bool,
    max_time: Option<Span>,
    connect_timeout: Option<Span>,
    headers: Vec<(String, String)>,
    method: Option<String>,
    data: Option<String>,
    agent: Option<String>,
    insecure: bool,
    cacert: Option<String>,
}

/// The authorities that the system trusts.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// `curl`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Curl {
    options: Options,
    cwd: String,
    bad: Option<String>,
    exchange: Option<Exchange>,
    url: Option<Url>,
    deadline: Option<Time>,
    connect_deadline: Option<Time>,
    redirects: u32,
    code: u8,
}

impl Curl {
    /// The process that `spec` starts.
    pub fn new(spec: &Spec) -> Curl {
        let (options, bad) = match parse(&spec.argv[1..]) {
            Ok(options) => (options, None),
            Err(words) => (Options::default(), Some(words)),
        };
        Curl {
            options,
            cwd: spec.cwd.clone(),
            bad,
            exchange: None,
            url: None,
            deadline: None,
            connect_deadline: None,
            redirects: 0,
            code: 0,
        }
    }

    fn next(&mut self, ctx: &mut Ctx<'_>) {
        if self.options.urls.is_empty() {
            return ctx.exit(self.code);
        }
        let text = self.options.urls.remove(0);
        self.redirects = 0;
        self.go(&text, ctx);
    }

    fn go(&mut self, text: &str, ctx: &mut Ctx<'_>) {
        let Some(url) = Url::parse(text) else {
            let bad_port =
                text.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_err() && !p.starts_with("//"));
            let words = if bad_port {
                "URL rejected: Port number was not a decimal number between 0 and 65535"
            } else {
                "URL rejected: No host part in the URL"
            };
            return self.fail(3, words, ctx);
        };
        if !matches!(url.scheme.as_str(), "http" | "https") {
            return self.fail(1, &format!("Protocol \"{}\" not supported", url.scheme), ctx);
        }
        self.deadline = self.options.max_time.map(|t| ctx.now + t);
        self.connect_deadline = Some(ctx.now + self.options.connect_timeout.unwrap_or(Span::secs(300)));
        let request = self.request(&url);
        let (mut exchange, progress) = if url.scheme == "https" {
            let trust = match self.trust(ctx) {
                Ok(trust) => trust,
                Err(words) => return self.fail(77, &words, ctx),
            };
            Exchange::begin_secure(&url.host, url.port, request, trust, ctx)
        } else {
            Exchange::begin(&url.host, url.port, request, ctx)
        };
        let options = &self.options;
        exchange.streams = options.output.is_none() && !options.remote_name && !options.fail && !options.location;
        self.exchange = Some(exchange);
        self.url = Some(url);
        self.progress(progress, ctx);
    }

    /// Whom it trusts.
    fn trust(&self, ctx: &Ctx<'_>) -> Result<Trust, String> {
        let read = |path: &str| {
            let bytes = ctx.fs.read(&crate::workload::fs::resolve(&self.cwd, path)).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        match &self.options.cacert {
            _ if self.options.insecure => Ok(Trust::Anybody),
            Some(path) => read(path)
                .map(Trust::Authorities)
                .ok_or_else(|| format!("error adding trust anchors from file: {path}")),
            None => Ok(Trust::Authorities(read(AUTHORITIES).unwrap_or_default())),
        }
    }

    fn request(&self, url: &Url) -> Request {
        let options = &self.options;
        let method = match (&options.method, options.head, &options.data) {
            (Some(method), ..) => method.clone(),
            (None, true, _) => "HEAD".into(),
            (None, false, Some(_)) => "POST".into(),
            _ => "GET".into(),
        };
        let given = |name: &str| options.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut headers = Vec::new();
        if !given("host") {
            headers.push(("Host".to_owned(), url.authority()));
        }
        if !given("user-agent") {
            headers.push(("User-Agent".to_owned(), options.agent.clone().unwrap_or_else(|| "curl/8.12.1".into())));
        }
        if !given("accept") {
            headers.push(("Accept".to_owned(), "*/*".to_owned()));
        }
        let body = options.data.clone().unwrap_or_default().into_bytes();
        headers.extend(options.headers.clone());
        if options.data.is_some() {
            headers.push(("Content-Length".into(), body.len().to_string()));
            if !given("content-type") {
                headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
            }
        }
        Request { method, target: url.target.clone(), headers, body, keep_alive: true }
    }

    fn fail(&mut self, code: u8, words: &str, ctx: &mut Ctx<'_>) {
        if !self.options.silent || self.options.show_errors {
            ctx.eprint(format!("curl: ({code}) {words}\n"));
        }
        self.write_out(None, ctx);
        self.code = code;
        self.exchange = None;
        self.next(ctx);
    }

    fn progress(&mut self, progress: Progress, ctx: &mut Ctx<'_>) {
        let Some(url) = self.url.clone() else { return };
        let after = self.exchange.as_ref().map_or(0, |e| ctx.now.since(e.began).as_millis());
        let host = &url.host;
        match progress {
            Progress::Wait => {}
            Progress::Connected => {
                self.talk(&url, ctx);
            }
            Progress::NoTls(error) => {
                let words = match error {
                    TlsError::NotTls => "0A00010B:SSL routines::wrong version number",
                    TlsError::Broken(CLOSE) => "0A000126:SSL routines::unexpected eof while reading",
                    TlsError::Broken(_) => "0A000119:SSL routines::decryption failed or bad record mac",
                    TlsError::Alert(BAD_MAC) => "0A0003FC:SSL routines::ssl/tls alert bad record mac",
                    TlsError::Alert(_) => "0A0003F2:SSL routines::ssl/tls alert unexpected message",
                };
                let words = format!("TLS connect error: error:{words}");
                self.fail(35, &words, ctx);
            }
            Progress::Untrusted(why) => {
                let problem = |words: &str| format!("SSL certificate problem: {words}");
                let words = match why {
                    Distrust::UnknownAuthority => problem("unable to get local issuer certificate"),
                    Distrust::Expired => problem("certificate has expired"),
                    Distrust::NotYet => problem("certificate is not yet valid"),
                    Distrust::OtherName => {
                        let what =
                            if host.parse::<std::net::Ipv4Addr>().is_ok() { "ipv4 address" } else { "host name" };
                        format!("SSL: no alternative certificate subject name matches target {what} '{host}'")
                    }
                };
                self.fail(60, &format!("{words}\nMore details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to fix it, please visit the webpage mentioned above."), ctx);
            }
            Progress::Begun(head) => {
                self.head(&head, ctx);
                self.more(ctx);
            }
            Progress::Piece(bytes) => {
                ctx.print(bytes);
                self.more(ctx);
            }
            Progress::Ended => self.over(None, ctx),
            Progress::Answer(response) => self.answered(response, ctx),
            Progress::NoSuchHost | Progress::NoServer => {
                self.note(&format!("Could not resolve host: {host}"), ctx);
                self.fail(6, &format!("Could not resolve host: {host}"), ctx);
            }
            Progress::NotConnected(error) => {
                let words =
                    if error == NetError::TimedOut { "Connection timed out" } else { "Could not connect to server" };
                self.note(&format!("connect to {host} port {} failed: {error}", url.port), ctx);
                self.fail(7, &format!("Failed to connect to {host} port {} after {after} ms: {words}", url.port), ctx);
            }
            Progress::Broken(_) => self.fail(56, "Recv failure: Connection reset by peer", ctx),
            Progress::Empty => self.fail(52, "Empty reply from server", ctx),
            Progress::NotHttp(_) => self.fail(1, "Received HTTP/0.9 when not allowed", ctx),
        }
    }

    /// What else has come of a body that streams.
    fn more(&mut self, ctx: &mut Ctx<'_>) {
        let Some(mut exchange) = self.exchange.take() else { return };
        let progress = exchange.stream(false, ctx);
        self.exchange = Some(exchange);
        self.progress(progress, ctx);
    }

    fn note(&self, words: &str, ctx: &mut Ctx<'_>) {
        if self.options.verbose {
            ctx.eprint(format!("* {words}\n"));
        }
    }

    /// What `-v` says about the connection and the request.
    fn talk(&self, url: &Url, ctx: &mut Ctx<'_>) {
        if !self.options.verbose {
            return;
        }
        let Some(exchange) = &self.exchange else { return };
        let ip = exchange.address.map(|ip| ip.to_string()).unwrap_or_default();
        let local = exchange.local.map(|l| l.port()).unwrap_or(0);
        if url.host.parse::<std::net::Ipv4Addr>().is_err() {
            self.note(&format!("Host {}:{} was resolved.", url.host, url.port), ctx);
            self.note("IPv6: (none)", ctx);
            self.note(&format!("IPv4: {ip}"), ctx);
        }
        self.note(&format!("  Trying {ip}:{}...", url.port), ctx);
        self.note(&format!("Connected to {} ({ip}) port {}", url.host, url.port), ctx);
        if let Some(certificate) = exchange.certificate() {
            self.talk_of(certificate, &url.host, ctx);
        }
        self.note(&format!("using HTTP/1.x (local port {local})"), ctx);
        let request = self.request(url);
        let mut lines = format!("> {} {} HTTP/1.1\n", request.method, request.target);
        for (name, value) in &request.headers {
            lines += &format!("> {name}: {value}\n");
        }
        ctx.eprint(lines + "> \n");
    }

    /// What `-v` says about the server's certificate.
    fn talk_of(&self, certificate: &Certificate, host: &str, ctx: &mut Ctx<'_>) {
        self.note("SSL connection using TLSv1.3 / TLS_AES_128_GCM_SHA256 / x25519 / id-ecPublicKey", ctx);
        self.note("ALPN: server accepted http/1.1", ctx);
        self.note("Server certificate:", ctx);
        self.note(&format!(" subject: CN={}", certificate.subject), ctx);
        self.note(&format!(" start date: {}", openssl_date(certificate.from)), ctx);
        self.note(&format!(" expire date: {}", openssl_date(certificate.until)), ctx);
        self.note(" issuer: CN=kubernetes", ctx);
        let checked = match self.trust(ctx) {
            Ok(Trust::Authorities(pem)) => certificate.check(&pem, host, ctx.unix()),
            _ => certificate.check("", host, ctx.unix()),
        };
        match checked {
            Ok(()) => self.note(" SSL certificate verify ok.", ctx),
            Err(_) => {
                let words =
                    " SSL certificate verify result: unable to get local issuer certificate (20), continuing anyway.";
                self.note(words, ctx);
            }
        }
    }

    /// Writes the head of an answer where it is wanted.
    fn head(&self, response: &Response, ctx: &mut Ctx<'_>) {
        let head = head_of(response);
        if self.options.verbose {
            let shown: String = head.lines().map(|l| format!("< {l}\n")).collect();
            ctx.eprint(format!("{shown}< \n"));
        }
        if self.options.include {
            ctx.print(format!("{head}\r\n"));
        }
    }

    /// An exchange is over: the next.
    fn over(&mut self, response: Option<&Response>, ctx: &mut Ctx<'_>) {
        if self.options.verbose {
            let host = self.url.as_ref().map(|u| u.host.clone()).unwrap_or_default();
            self.note(&format!("Connection #0 to host {host} left intact"), ctx);
        }
        self.write_out(response, ctx);
        self.exchange = None;
        self.next(ctx);
    }

    fn answered(&mut self, response: Response, ctx: &mut Ctx<'_>) {
        let options = &self.options;
        let head = head_of(&response);
        if options.verbose {
            let shown: String = head.lines().map(|l| format!("< {l}\n")).collect();
            ctx.eprint(format!("{shown}< \n"));
        }
        let onward = response.header("location").filter(|_| options.location && (300..400).contains(&response.code));
        if let Some(location) = onward.map(str::to_owned) {
            self.redirects += 1;
            if self.redirects > 50 {
                return self.fail(47, "Maximum (50) redirects followed", ctx);
            }
            let base = self.url.as_ref().map(|u| format!("{}://{}", u.scheme, u.authority())).unwrap_or_default();
            let next = if location.contains("://") { location } else { format!("{base}{location}") };
            return self.go(&next, ctx);
        }
        if options.fail && response.code >= 400 {
            let words = format!("The requested URL returned error: {}", response.code);
            self.write_out(Some(&response), ctx);
            return self.fail_quietly(22, &words, ctx);
        }
        let mut bytes = Vec::new();
        if options.head || options.include {
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        if !options.head {
            bytes.extend_from_slice(&response.body);
        }
        let remote = self.url.as_ref().and_then(|u| u.target.rsplit('/').next().map(str::to_owned));
        let file = options.output.clone().or(remote.filter(|_| options.remote_name));
        match file.as_deref() {
            None | Some("-") => ctx.print(bytes),
            Some(path) => {
                let path = crate::workload::fs::resolve(&self.cwd, path);
                if let Err(error) = ctx.fs.write(&path, &bytes, false) {
                    return self.fail(23, &format!("Failure writing output to destination: {error}"), ctx);
                }
            }
        }
        self.over(Some(&response), ctx);
    }

    fn fail_quietly(&mut self, code: u8, words: &str, ctx: &mut Ctx<'_>) {
        let format = std::mem::take(&mut self.options.write_out);
        self.fail(code, words, ctx);
        self.options.write_out = format;
    }

    /// `-w`.
    fn write_out(&self, response: Option<&Response>, ctx: &mut Ctx<'_>) {
        if self.options.write_out.is_empty() {
            return;
        }
        let took = self.exchange.as_ref().map_or(Span::ZERO, |e| ctx.now.since(e.began));
        let micros = took.0 / 1_000;
        let seconds = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        let address = self.exchange.as_ref().and_then(|e| e.address).map(|ip| ip.to_string()).unwrap_or_default();
        let url = self.url.as_ref();
        let values = [
            ("http_code", format!("{:03}", response.map_or(0, |r| r.code))),
            ("response_code", format!("{:03}", response.map_or(0, |r| r.code))),
            ("time_total", seconds.clone()),
            ("time_connect", seconds),
            ("size_download", response.map_or(0, |r| r.body.len()).to_string()),
            ("remote_ip", address),
            ("remote_port", url.map_or(0, |u| u.port).to_string()),
            ("content_type", response.and_then(|r| r.header("content-type")).unwrap_or("").to_owned()),
            ("url_effective", url.map(|u| format!("{}://{}{}", u.scheme, u.authority(), u.target)).unwrap_or_default()),
        ];
        let mut text = self.options.write_out.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r");
        for (name, value) in values {
            text = text.replace(&format!("%{{{name}}}"), &value);
        }
        ctx.print(text.replace("%%", "%"));
    }

    fn abandon(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.abandon(ctx);
        }
    }

    fn timed_out(&mut self, ctx: &mut Ctx<'_>) {
        let Some(exchange) = &self.exchange else { return };
        let late = |at: Option<Time>| at.is_some_and(|at| at <= ctx.now);
        let (total, connecting) = (late(self.deadline), late(self.connect_deadline) && !exchange.is_connected());
        if !total && !connecting {
            return;
        }
        let ms = ctx.now.since(exchange.began).as_millis();
        let words = match (exchange.is_resolved(), exchange.is_connected()) {
            (false, _) => format!("Resolving timed out after {ms} milliseconds"),
            (_, false) => format!("Connection timed out after {ms} milliseconds"),
            _ => format!("Operation timed out after {ms} milliseconds with {} bytes received", exchange.received),
        };
        self.abandon(ctx);
        self.fail(28, &words, ctx);
    }
}

impl Program for Curl {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {
                match (&self.bad, self.options.urls.is_empty()) {
                    (Some(words), _) => {
                        ctx.eprint(format!(
                            "curl: {words}\ncurl: try 'curl --help' or 'curl --manual' for more information\n"
                        ));
                        ctx.exit(2);
                    }
                    (None, true) => {
                        ctx.eprint("curl: (2) no URL specified\ncurl: try 'curl --help' or 'curl --manual' for more information\n");
                        ctx.exit(2);
                    }
                    _ => self.next(ctx),
                }
            }
            Input::Net(event) => {
                if let Some(mut exchange) = self.exchange.take() {
                    let progress = exchange.event(&event, ctx);
                    self.exchange = Some(exchange);
                    self.progress(progress, ctx);
                }
            }
            Input::Timer => {
                if let Some(mut exchange) = self.exchange.take() {
                    let progress = exchange.timer(ctx);
                    self.exchange = Some(exchange);
                    self.progress(progress, ctx);
                }
                self.timed_out(ctx);
            }
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        let exchange = self.exchange.as_ref()?;
        let connect = self.connect_deadline.filter(|_| !exchange.is_connected());
        [exchange.wake_at(), self.deadline, connect].into_iter().flatten().min()
    }
}

/// The head of an answer as it came.
fn head_of(response: &Response) -> String {
    std::iter::once(response.status_line())
        .chain(response.headers.iter().map(|(n, v)| format!("{n}: {v}")))
        .map(|line| format!("{line}\r\n"))
        .collect()
}

/// `Jan  1 00:00:00 2027 GMT`.
fn openssl_date(unix: i64) -> String {
    // `Fri, 01 Jan 2027 00:00:00 GMT`.
    let date = http_date(unix);
    let words: Vec<&str> = date.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    match words[..] {
        [_, day, month, year, time, zone] => format!("{month} {:>2} {time} {year} {zone}", day.trim_start_matches('0')),
        _ => date,
    }
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(flag) = arg.strip_prefix('-').filter(|f| !f.is_empty()) else {
            options.urls.push(arg.clone());
            continue;
        };
        if let Some(long) = flag.strip_prefix('-') {
            let value = if takes_value(long) {
                Some(args.next().ok_or(format!("option --{long}: requires parameter"))?)
            } else {
                None
            };
            set(&mut options, long, value.map_or("", |v| v)).ok_or(format!("option --{long}: is unknown"))?;
            continue;
        }
        for (at, letter) in flag.char_indices() {
            let long = LETTERS
                .iter()
                .find(|(l, _)| *l == letter)
                .map(|(_, long)| *long)
                .ok_or(format!("option -{letter}: is unknown"))?;
            if takes_value(long) {
                let rest = &flag[at + 1..];
                let value = if rest.is_empty() {
                    args.next().ok_or(format!("option -{letter}: requires parameter"))?.as_str()
                } else {
                    rest
                };
                set(&mut options, long, value)
                    .ok_or(format!("option -{letter}: expected a proper numerical parameter"))?;
                break;
            }
            set(&mut options, long, "").ok_or(format!("option -{letter}: is unknown"))?;
        }
    }
    Ok(options)
}

const LETTERS: &[(char, &str)] = &[
    ('s', "silent"),
    ('S', "show-error"),
    ('o', "output"),
    ('O', "remote-name"),
    ('w', "write-out"),
    ('I', "head"),
    ('i', "include"),
    ('v', "verbose"),
    ('m', "max-time"),
    ('H', "header"),
    ('X', "request"),
    ('d', "data"),
    ('A', "user-agent"),
    ('L', "location"),
    ('f', "fail"),
    ('k', "insecure"),
    ('4', "ipv4"),
    ('g', "globoff"),
    ('N', "no-buffer"),
];

fn takes_value(long: &str) -> bool {
    matches!(
        long,
        "output"
            | "write-out"
            | "max-time"
            | "connect-timeout"
            | "header"
            | "request"
            | "data"
            | "user-agent"
            | "retry"
            | "retry-delay"
            | "data-raw"
            | "url"
            | "cacert"
    )
}

fn set(options: &mut Options, long: &str, value: &str) -> Option<()> {
    let span = || parse_span(value).ok().flatten();
    match long {
        "silent" => options.silent = true,
        "show-error" => options.show_errors = true,
        "output" => options.output = Some(value.into()),
        "remote-name" => options.remote_name = true,
        "write-out" => options.write_out = value.into(),
        "head" => options.head = true,
        "include" => options.include = true,
        "verbose" => options.verbose = true,
        "fail" => options.fail = true,
        "location" => options.location = true,
        "max-time" => options.max_time = Some(span()?),
        "connect-timeout" => options.connect_timeout = Some(span()?),
        "header" => {
            let (name, value) = value.split_once(':')?;
            options.headers.push((name.trim().into(), value.trim().into()));
        }
        "request" => options.method = Some(value.into()),
        "data" | "data-raw" => {
            let before = options.data.take().map(|d| format!("{d}&")).unwrap_or_default();
            options.data = Some(before + value);
        }
        "user-agent" => options.agent = Some(value.into()),
        "url" => options.urls.push(value.into()),
        "insecure" => options.insecure = true,
        "cacert" => options.cacert = Some(value.into()),
        "ipv4" | "globoff" | "no-buffer" | "http1.1" | "compressed" | "retry" | "retry-delay" | "no-progress-meter" => {
        }
        _ => return None,
    }
    Some(())
}
