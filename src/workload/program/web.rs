//! Web servers that serve files or say who they are: nginx, httpd, tomcat, and the generic server of unknown images.
//!
//! nginx and httpd serve their document root from the container's files, so that what a ConfigMap mounts or `exec` writes
//! there is what comes back. Differs: no configuration is read.

use crate::sim::Span;
use crate::workload::fs::FsError;
use crate::workload::http::{Arrived, Connections, Request, Response, clf_time, http_date};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Fd, Input, NetEvent, NetOp, SIGHUP};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// nginx.
    Nginx,
    /// Apache httpd.
    Httpd,
    /// Tomcat.
    Tomcat,
    /// The server of an image that Kubarium does not know.
    Generic,
}

/// A web server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Web {
    style: Style,
    version: String,
    ports: Vec<u16>,
    listeners: Vec<Fd>,
    connections: Connections,
    served: u32,
}

impl Web {
    /// A server of that style and version; it listens on `ports`.
    pub fn new(style: Style, version: &str, ports: Vec<u16>) -> Web {
        let version = version.split('-').next().filter(|v| v.starts_with(|c: char| c.is_ascii_digit()));
        let default = match style {
            Style::Nginx => "1.27.5",
            Style::Httpd => "2.4.63",
            Style::Tomcat => "10.1.40",
            Style::Generic => "1.0",
        };
        let version = version.unwrap_or(default).to_owned();
        Web { style, version, ports, listeners: Vec::new(), connections: Connections::default(), served: 0 }
    }

    /// Makes the files that nginx wants for itself; says why it can not.
    fn prepare(&self, ctx: &mut Ctx<'_>) -> Result<(), String> {
        if self.style != Style::Nginx {
            return Ok(());
        }
        let number = |error: FsError| if error == FsError::ReadOnly { 30 } else { 13 };
        let unprivileged = ctx.place.image.contains("unprivileged");
        let (cache, pid) = if unprivileged { ("/tmp", "/tmp") } else { ("/var/cache/nginx", "/run") };
        for name in ["client_temp", "proxy_temp", "fastcgi_temp", "uwsgi_temp", "scgi_temp"] {
            let path = format!("{cache}/{name}");
            ctx.fs
                .make_dir(&path, true)
                .map_err(|error| format!("mkdir() {path:?} failed ({}: {error})", number(error)))?;
        }
        // `/var/run` is the same directory.
        let places = [pid, "/var/run"].map(|dir| format!("{dir}/nginx.pid"));
        let written = ctx.fs.write(&places[1], b"1\n", false).or_else(|_| ctx.fs.write(&places[0], b"1\n", false));
        written.map_err(|error| format!("open() {:?} failed ({}: {error})", places[0], number(error)))
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        if let Err(words) = self.prepare(ctx) {
            let at = nginx_time(ctx.unix());
            ctx.eprint(format!("{at} [emerg] 1#1: {words}\nnginx: [emerg] {words}\n"));
            return ctx.exit(1);
        }
        for port in self.ports.clone() {
            let fd = ctx.fd();
            self.listeners.push(fd);
            ctx.net(NetOp::Listen { fd, port });
        }
        let memory = match self.style {
            Style::Nginx => 9_400_000,
            Style::Httpd => 14_700_000,
            Style::Tomcat => 118_000_000,
            Style::Generic => 12_000_000,
        };
        ctx.push(Effect::Usage { cpu_millis: 0, memory });
        let banner = self.banner(ctx);
        match self.style {
            Style::Generic => ctx.print(banner),
            _ => ctx.eprint(banner),
        }
    }

    /// What the server writes when it starts.
    fn banner(&self, ctx: &Ctx<'_>) -> String {
        let now = ctx.unix();
        match self.style {
            Style::Nginx => {
                let at = nginx_time(now);
                [
                    "using the \"epoll\" event method".to_owned(),
                    format!("nginx/{}", self.version),
                    "start worker processes".to_owned(),
                    "start worker process 29".to_owned(),
                ]
                .iter()
                .map(|line| format!("{at} [notice] 1#1: {line}\n"))
                .collect()
            }
            Style::Httpd => format!(
                "AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using {}. Set the 'ServerName' directive globally to suppress this message\n\
                 [{}] [mpm_event:notice] [pid 1:tid 1] AH00489: Apache/{} (Unix) configured -- resuming normal operations\n",
                ctx.place.ip.map_or_else(|| "127.0.0.1".to_owned(), |ip| ip.to_string()),
                http_date(now).trim_end_matches(" GMT"),
                self.version
            ),
            Style::Tomcat => {
                let at = clf_time(now).replace('/', "-").replacen(':', " ", 1);
                let at = at.trim_end_matches(" +0000");
                format!(
                    "{at}.000 INFO [main] org.apache.catalina.core.StandardService.startInternal Starting service [Catalina]\n\
                     {at}.000 INFO [main] org.apache.coyote.AbstractProtocol.start Starting ProtocolHandler [\"http-nio-8080\"]\n\
                     {at}.000 INFO [main] org.apache.catalina.startup.Catalina.start Server startup in [612] milliseconds\n"
                )
            }
            Style::Generic => {
                let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
                format!("{} is simulated: listening on {}\n", ctx.place.image, ports.join(", "))
            }
        }
    }

    fn serve(&mut self, fd: Fd, peer: std::net::SocketAddrV4, request: &Request, ctx: &mut Ctx<'_>) {
        self.served += 1;
        ctx.compute(self.cost());
        let response = self.answer(request, ctx);
        let agent = request.header("user-agent").unwrap_or("-");
        let line =
            format!("\"{} {} HTTP/1.1\" {} {}", request.method, request.target, response.code, response.body.len());
        let at = clf_time(ctx.unix());
        match self.style {
            Style::Nginx => {
                let forwarded = request.header("x-forwarded-for").unwrap_or("-");
                ctx.print(format!("{} - - [{at}] {line} \"-\" \"{agent}\" \"{forwarded}\"\n", peer.ip()));
            }
            Style::Httpd | Style::Generic => ctx.print(format!("{} - - [{at}] {line}\n", peer.ip())),
            Style::Tomcat => {}
        }
        self.connections.respond(fd, request, &response, ctx);
    }

    /// The CPU time of a request.
    fn cost(&self) -> Span {
        match self.style {
            Style::Nginx => Span::micros(60),
            Style::Httpd => Span::micros(150),
            Style::Tomcat => Span::micros(700),
            Style::Generic => Span::micros(200),
        }
    }

    fn answer(&self, request: &Request, ctx: &Ctx<'_>) -> Response {
        match self.style {
            Style::Nginx => self.file("/usr/share/nginx/html", request, ctx),
            Style::Httpd => self.file("/usr/local/apache2/htdocs", request, ctx),
            Style::Tomcat => self.tomcat(request),
            Style::Generic => Response::text(
                200,
                format!(
                    "{} in {} ({}): {} {}\n",
                    ctx.place.image, ctx.place.pod, ctx.place.hostname, request.method, request.target
                ),
            ),
        }
    }

    /// A file below the document root.
    fn file(&self, root: &str, request: &Request, ctx: &Ctx<'_>) -> Response {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return self.error(405, ctx);
        }
        let path = crate::workload::fs::resolve("/", request.path());
        let whole = format!("{root}{}", path.trim_end_matches('/'));
        let is_dir = ctx.fs.is_dir(&whole);
        let file = if is_dir { format!("{whole}/index.html") } else { whole };
        match ctx.fs.read(&file) {
            Ok(data) => {
                let mut response = Response::new(200, mime(&file), &*data);
                response.headers.insert(0, ("Server".into(), self.server_header()));
                response.headers.insert(1, ("Date".into(), http_date(ctx.unix())));
                let (length, epoch) = (response.body.len(), ctx.place.epoch);
                let keep = if request.keep_alive { "keep-alive" } else { "close" };
                response
                    .with("Content-Length", length.to_string())
                    .with("Last-Modified", http_date(epoch))
                    .with("Connection", keep)
                    .with("ETag", format!("\"{epoch:x}-{length:x}\""))
                    .with("Accept-Ranges", "bytes")
            }
            Err(_) => self.error(if is_dir { 403 } else { 404 }, ctx),
        }
    }

    fn server_header(&self) -> String {
        match self.style {
            Style::Httpd => format!("Apache/{} (Unix)", self.version),
            _ => format!("nginx/{}", self.version),
        }
    }

    fn error(&self, code: u16, ctx: &Ctx<'_>) -> Response {
        let words = crate::workload::http::reason(code);
        let body = match self.style {
            Style::Httpd => format!(
                "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{code} {words}</title>\n</head><body>\n<h1>{words}</h1>\n<p>The requested URL was not found on this server.</p>\n</body></html>\n"
            ),
            _ => format!(
                "<html>\r\n<head><title>{code} {words}</title></head>\r\n<body>\r\n<center><h1>{code} {words}</h1></center>\r\n<hr><center>nginx/{}</center>\r\n</body>\r\n</html>\r\n",
                self.version
            ),
        };
        let mut response = Response::new(code, "text/html", body);
        response.headers.insert(0, ("Server".into(), self.server_header()));
        response.headers.insert(1, ("Date".into(), http_date(ctx.unix())));
        response
    }

    fn tomcat(&self, request: &Request) -> Response {
        let (code, title) =
            if request.path() == "/" { (200, "Apache Tomcat") } else { (404, "HTTP Status 404 – Not Found") };
        let body = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>{title}/{v}</title></head>\n<body><h1>{title}/{v}</h1></body>\n</html>\n",
            v = self.version
        );
        Response::new(code, "text/html;charset=UTF-8", body)
    }

    fn stop(&mut self, ctx: &mut Ctx<'_>) {
        if self.style == Style::Nginx {
            let at = nginx_time(ctx.unix());
            ctx.eprint(format!("{at} [notice] 1#1: exiting\n"));
        }
        ctx.exit(if self.style == Style::Tomcat { 143 } else { 0 });
    }

    /// A port is taken: the server gives up, in its own words.
    fn cannot_bind(&self, at: usize, ctx: &mut Ctx<'_>) {
        let port = self.ports.get(at).copied().unwrap_or(0);
        let words = match self.style {
            Style::Nginx => {
                format!(
                    "{} [emerg] 1#1: bind() to 0.0.0.0:{port} failed (98: Address already in use)\n",
                    nginx_time(ctx.unix())
                )
            }
            Style::Httpd => {
                format!("(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:{port}\n")
            }
            _ => format!("listen tcp :{port}: bind: address already in use\n"),
        };
        ctx.eprint(words);
        ctx.exit(1);
    }
}

impl Program for Web {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Signal(SIGHUP) => {}
            Input::Signal(_) => self.stop(ctx),
            Input::Net(NetEvent::Failed { fd, .. }) if self.listeners.contains(&fd) => {
                let at = self.listeners.iter().position(|l| *l == fd).unwrap_or(0);
                self.cannot_bind(at, ctx);
            }
            Input::Net(event) => {
                for arrived in self.connections.handle(&event, &self.listeners) {
                    match arrived {
                        Arrived::Request(fd, peer, request) => self.serve(fd, peer, &request, ctx),
                        Arrived::Bad(fd) => {
                            let bytes = self.error(400, ctx).encode(false, false);
                            ctx.net(NetOp::Send { fd, bytes });
                            ctx.net(NetOp::Close { fd });
                        }
                        Arrived::Close(fd) => ctx.net(NetOp::Close { fd }),
                    }
                }
            }
            _ => {}
        }
    }
}

/// The type of a file by its name.
fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" | "htm" => "text/html",
        "css" => "text/css",
        "js" => "application/javascript",
        "json" => "application/json",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}

/// `2026/01/01 00:00:00`.
fn nginx_time(unix: i64) -> String {
    crate::api::Timestamp(unix).to_string().replace('-', "/").replace('T', " ").trim_end_matches('Z').to_owned()
}

/// nginx's `/etc/nginx/nginx.conf`: what of it a reader looks for.
pub const NGINX_CONF: &str = "user  nginx;\nworker_processes  auto;\n\nerror_log  /var/log/nginx/error.log notice;\npid        /run/nginx.pid;\n\nevents {\n    worker_connections  1024;\n}\n\nhttp {\n    default_type  application/octet-stream;\n    include /etc/nginx/conf.d/*.conf;\n}\n";
/// nginx's `/etc/nginx/conf.d/default.conf`.
pub const NGINX_SITE: &str = "server {\n    listen       80;\n    server_name  localhost;\n\n    location / {\n        root   /usr/share/nginx/html;\n        index  index.html index.htm;\n    }\n}\n";
/// The page that nginx's image brings.
pub const NGINX_INDEX: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n<h1>Welcome to nginx!</h1>\n<p>Served by a simulated nginx.</p>\n</body>\n</html>\n";

/// The page that httpd's image brings.
pub const HTTPD_INDEX: &str = "<html><body><h1>It works!</h1></body></html>\n";
