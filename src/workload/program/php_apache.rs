//! The page of the HorizontalPodAutoscaler walkthrough: each request takes a million square roots, then says `OK!`.
//!
//! Models the image `registry.k8s.io/hpa-example`: Apache with PHP, one worker a connection. What a request costs does not
//! depend on the core that it runs on.

use std::net::SocketAddrV4;

use crate::sim::{Span, VecMap};
use crate::workload::http::{Arrived, Connections, Request, Response, clf_time, http_date};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Fd, Input, NetEvent, NetOp, SIGHUP};

/// What a million square roots and their sum take, in PHP.
const SQUARE_ROOTS: Span = Span::micros(22_500);
/// What Apache does all the time, in thousandths of a core.
const IDLE: u32 = 1;
const MEMORY: u64 = 11_800_000;
/// What a worker with a request takes.
const WORKER: u64 = 300_000;

/// The server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PhpApache {
    listener: Option<Fd>,
    connections: Connections,
    /// The requests whose square roots are being taken.
    working: VecMap<u32, (Fd, SocketAddrV4, Request)>,
}

impl PhpApache {
    fn start(&mut self, ctx: &mut Ctx<'_>) {
        let fd = ctx.fd();
        self.listener = Some(fd);
        ctx.net(NetOp::Listen { fd, port: 80 });
        self.usage(ctx);
        let host = ctx.place.ip.map_or_else(|| "127.0.0.1".to_owned(), |ip| ip.to_string());
        let at = http_date(ctx.unix());
        let at = at.trim_end_matches(" GMT");
        ctx.eprint(format!(
            "AH00558: apache2: Could not reliably determine the server's fully qualified domain name, using {host}. Set the 'ServerName' directive globally to suppress this message\n\
             [{at}] [mpm_prefork:notice] [pid 1] AH00163: Apache/2.4.10 (Debian) PHP/5.6.14 configured -- resuming normal operations\n\
             [{at}] [core:notice] [pid 1] AH00094: Command line: 'apache2 -D FOREGROUND'\n"
        ));
    }

    fn usage(&self, ctx: &mut Ctx<'_>) {
        let memory = MEMORY + WORKER * self.working.len() as u64;
        ctx.push(Effect::Usage { cpu_millis: IDLE, memory });
    }

    fn arrived(&mut self, fd: Fd, peer: SocketAddrV4, request: Request, ctx: &mut Ctx<'_>) {
        if !matches!(request.path(), "/" | "/index.php") {
            let page = "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>404 Not Found</title>\n</head><body>\n<h1>Not Found</h1>\n</body></html>\n";
            return self.reply(fd, peer, &request, &Response::new(404, "text/html; charset=iso-8859-1", page), ctx);
        }
        let work = ctx.ids.take();
        self.working.insert(work, (fd, peer, request));
        self.usage(ctx);
        ctx.push(Effect::Compute { cost: SQUARE_ROOTS, then: Some(work) });
    }

    fn reply(&mut self, fd: Fd, peer: SocketAddrV4, request: &Request, response: &Response, ctx: &mut Ctx<'_>) {
        let agent = request.header("user-agent").unwrap_or("-");
        let (at, size) = (clf_time(ctx.unix()), response.body.len());
        let line = format!("\"{} {} HTTP/1.1\" {} {size}", request.method, request.target, response.code);
        ctx.print(format!("{} - - [{at}] {line} \"-\" \"{agent}\"\n", peer.ip()));
        if !self.connections.open().any(|open| open == fd) {
            // The client did not wait.
            return;
        }
        self.connections.respond(fd, request, response, ctx);
    }
}

impl Program for PhpApache {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Signal(SIGHUP) => {}
            Input::Signal(_) => ctx.exit(0),
            Input::Computed(work) => {
                let Some((fd, peer, request)) = self.working.remove(&work) else { return };
                self.usage(ctx);
                let mut response = Response::new(200, "text/html; charset=UTF-8", "OK!");
                response.headers.insert(0, ("Date".into(), http_date(ctx.unix())));
                response.headers.insert(1, ("Server".into(), "Apache/2.4.10 (Debian)".into()));
                response.headers.insert(2, ("X-Powered-By".into(), "PHP/5.6.14".into()));
                self.reply(fd, peer, &request, &response, ctx);
            }
            Input::Net(NetEvent::Failed { fd, .. }) if Some(fd) == self.listener => {
                ctx.eprint("(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:80\n");
                ctx.exit(1);
            }
            Input::Net(event) => {
                let listeners: Vec<Fd> = self.listener.into_iter().collect();
                for arrived in self.connections.handle(&event, &listeners) {
                    match arrived {
                        Arrived::Request(fd, peer, request) => self.arrived(fd, peer, request, ctx),
                        Arrived::Bad(fd) | Arrived::Close(fd) => ctx.net(NetOp::Close { fd }),
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::workload::bench::Bench;

    #[test]
    fn a_request_is_answered_once_its_square_roots_are_taken() {
        let mut bench = Bench::new();
        bench.start("registry.k8s.io/hpa-example", &[], &[]);
        let began = bench.now;
        let (stdout, _, code) = bench.run("busybox", &["wget", "-q", "-O-", "http://10.0.0.1/"], &[]);
        assert_eq!((stdout.as_str(), code), ("OK!", Some(0)));
        assert!(bench.now.since(began) >= super::SQUARE_ROOTS);
        assert!(bench.machines[0].stdout.contains("\"GET / HTTP/1.1\" 200 3 \"-\" \"Wget\""));
    }

    #[test]
    fn another_page_is_not_there() {
        let mut bench = Bench::new();
        bench.start("registry.k8s.io/hpa-example", &[], &[]);
        let (_, stderr, code) = bench.run("busybox", &["wget", "-q", "-O-", "http://10.0.0.1/x"], &[]);
        assert_eq!((stderr.as_str(), code), ("wget: server returned error: HTTP/1.1 404 Not Found\n", Some(1)));
    }
}
