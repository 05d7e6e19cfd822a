//! `wget`, busybox's. Models busybox 1.36 `networking/wget.c` as far as `-q -O -S -T --spider -t --header --post-data` go.

use crate::sim::{Span, Time};
use crate::workload::http::{Request, Response};
use crate::workload::process::Program;
use crate::workload::tool::http_client::{Exchange, Progress, Trust, Url};
use crate::workload::{Ctx, Input, Spec};

/// `wget`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wget {
    url: Option<Url>,
    text: String,
    cwd: String,
    quiet: bool,
    output: Option<String>,
    show_headers: bool,
    spider: bool,
    timeout: Span,
    deadline: Option<Time>,
    headers: Vec<(String, String)>,
    post: Option<String>,
    exchange: Option<Exchange>,
    bad: Option<String>,
    checks: bool,
}

impl Wget {
    /// The process that `spec` starts.
    pub fn new(spec: &Spec) -> Wget {
        let mut wget = Wget {
            url: None,
            text: String::new(),
            cwd: spec.cwd.clone(),
            quiet: false,
            output: None,
            show_headers: false,
            spider: false,
            timeout: Span::secs(900),
            deadline: None,
            headers: Vec::new(),
            post: None,
            exchange: None,
            bad: None,
            checks: true,
        };
        let mut args = spec.argv[1..].iter();
        while let Some(arg) = args.next() {
            wget.option(arg, &mut args);
        }
        wget
    }

    fn option(&mut self, arg: &str, args: &mut std::slice::Iter<'_, String>) {
        let header = |text: &str| text.split_once(':').map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()));
        match arg.split_once('=').unwrap_or((arg, "")) {
            ("--spider", _) => self.spider = true,
            ("--header", value) => {
                let value = if value.is_empty() { args.next().cloned().unwrap_or_default() } else { value.to_owned() };
                self.headers.extend(header(&value));
            }
            ("--post-data", value) => {
                self.post =
                    Some(if value.is_empty() { args.next().cloned().unwrap_or_default() } else { value.to_owned() });
            }
            ("--timeout", value) => self.set_timeout(value),
            ("--no-check-certificate", _) => self.checks = false,
            ("--quiet" | "--tries", _) => self.quiet |= arg == "--quiet",
            (long, _) if long.starts_with("--") => {
                self.bad = Some(format!("unrecognized option '{}'", long.trim_start_matches('-')))
            }
            (flags, _) if flags.starts_with('-') && flags.len() > 1 => {
                for (at, letter) in arg[1..].char_indices() {
                    let rest = &arg[at + 2..];
                    match letter {
                        'q' => self.quiet = true,
                        'S' => self.show_headers = true,
                        'c' => {}
                        'O' | 'T' | 't' | 'U' | 'P' => {
                            let value = if rest.is_empty() {
                                args.next().cloned().unwrap_or_default()
                            } else {
                                rest.to_owned()
                            };
                            match letter {
                                'O' => self.output = Some(value),
                                'T' => self.set_timeout(&value),
                                _ => {}
                            }
                            break;
                        }
                        other => {
                            self.bad = Some(format!("unrecognized option: {other}"));
                            break;
                        }
                    }
                }
            }
            _ => self.text = arg.to_owned(),
        }
    }

    fn set_timeout(&mut self, value: &str) {
        self.timeout = value.parse().map_or(self.timeout, Span::secs);
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(words) = &self.bad {
            ctx.eprint(format!("wget: {words}\n"));
            return ctx.exit(1);
        }
        if self.text.is_empty() {
            ctx.eprint("BusyBox v1.36.1 multi-call binary.\n\nUsage: wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]\n\t[--post-data STR | --post-file FILE] [-Y on/off]\n\t[-P DIR] [-U AGENT] [-T SEC] URL...\n");
            return ctx.exit(1);
        }
        let Some(url) = Url::parse(&self.text) else { return self.fail(&format!("bad port in '{}'", self.text), ctx) };
        if !matches!(url.scheme.as_str(), "http" | "https") {
            return self.fail(&format!("not an http or ftp url: {}", self.text), ctx);
        }
        let mut headers = vec![
            ("Host".to_owned(), url.authority()),
            ("User-Agent".to_owned(), "Wget".to_owned()),
            ("Connection".to_owned(), "close".to_owned()),
        ];
        headers.extend(self.headers.clone());
        let body = self.post.clone().unwrap_or_default().into_bytes();
        if self.post.is_some() {
            headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
            headers.push(("Content-Length".into(), body.len().to_string()));
        }
        let method = if self.spider {
            "HEAD"
        } else if self.post.is_some() {
            "POST"
        } else {
            "GET"
        };
        let request = Request { method: method.into(), target: url.target.clone(), headers, body, keep_alive: false };
        self.deadline = Some(ctx.now + self.timeout);
        let (exchange, progress) = if url.scheme == "https" {
            Exchange::begin_secure(&url.host, url.port, request, Trust::Anybody, ctx)
        } else {
            Exchange::begin(&url.host, url.port, request, ctx)
        };
        self.exchange = Some(exchange);
        self.url = Some(url);
        self.progress(progress, ctx);
    }

    fn fail(&mut self, words: &str, ctx: &mut Ctx<'_>) {
        ctx.eprint(format!("wget: {words}\n"));
        ctx.exit(1);
    }

    fn progress(&mut self, progress: Progress, ctx: &mut Ctx<'_>) {
        let Some(url) = self.url.clone() else { return };
        let ip = self.exchange.as_ref().and_then(|e| e.address).map(|ip| ip.to_string()).unwrap_or_default();
        match progress {
            Progress::Wait => {}
            Progress::Connected => {
                if !self.quiet {
                    ctx.eprint(format!("Connecting to {} ({ip}:{})\n", url.authority(), url.port));
                }
                if url.scheme == "https" && self.checks {
                    ctx.eprint("wget: note: TLS certificate validation not implemented\n");
                }
            }
            Progress::NoTls(_) => self.fail("TLS error from peer", ctx),
            // It asks for whole answers and trusts everybody.
            Progress::Untrusted(_) | Progress::Begun(_) | Progress::Piece(_) | Progress::Ended => {}
            Progress::Answer(response) => self.answered(&url, &response, ctx),
            Progress::NoSuchHost | Progress::NoServer => self.fail(&format!("bad address '{}'", url.authority()), ctx),
            Progress::NotConnected(error) => {
                if !self.quiet {
                    ctx.eprint(format!("Connecting to {} ({ip}:{})\n", url.authority(), url.port));
                }
                self.fail(&format!("can't connect to remote host ({ip}): {error}"), ctx);
            }
            Progress::Broken(_) | Progress::Empty => self.fail("error getting response", ctx),
            Progress::NotHttp(_) => self.fail("bad header line", ctx),
        }
    }

    fn answered(&mut self, url: &Url, response: &Response, ctx: &mut Ctx<'_>) {
        if self.show_headers {
            ctx.eprint(format!("  {}\n", response.status_line()));
            for (name, value) in &response.headers {
                ctx.eprint(format!("  {name}: {value}\n"));
            }
        }
        if response.code >= 400 {
            return self.fail(&format!("server returned error: {}", response.status_line()), ctx);
        }
        if self.spider {
            if !self.quiet {
                ctx.eprint("remote file exists\n");
            }
            return ctx.exit(0);
        }
        let last = url.target.split('?').next().unwrap_or("").rsplit('/').next().filter(|n| !n.is_empty());
        let name = self.output.clone().unwrap_or_else(|| last.unwrap_or("index.html").to_owned());
        let size = response.body.len();
        if name == "-" {
            if !self.quiet {
                ctx.eprint("writing to stdout\n");
            }
            ctx.print(&response.body);
        } else {
            let path = crate::workload::fs::resolve(&self.cwd, &name);
            if self.output.is_none() && ctx.fs.exists(&path) {
                return self.fail(&format!("can't open '{name}': File exists"), ctx);
            }
            if !self.quiet {
                ctx.eprint(format!("saving to '{name}'\n"));
            }
            if let Err(error) = ctx.fs.write(&path, &response.body, false) {
                return self.fail(&format!("can't open '{name}': {error}"), ctx);
            }
        }
        if !self.quiet {
            let shown = if name == "-" { "-" } else { &name };
            ctx.eprint(format!("{shown:<20} 100% |********************************| {size:>5}  0:00:00 ETA\n"));
            ctx.eprint(if name == "-" { "written to stdout\n".to_owned() } else { format!("'{name}' saved\n") });
        }
        ctx.exit(0);
    }
}

impl Program for Wget {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => self.start(ctx),
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
                if self.deadline.is_some_and(|at| at <= ctx.now) {
                    self.deadline = None;
                    self.fail("download timed out", ctx);
                }
            }
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        let exchange = self.exchange.as_ref()?;
        [exchange.wake_at(), self.deadline].into_iter().flatten().min()
    }
}
