//! The guestbook's web page. Models the `gb-frontend` image of the Kubernetes guestbook tutorial: `/` is the page,
//! `/guestbook.php?cmd=get|set&key=messages&value=…` reads from `redis-follower` and writes to `redis-leader`.
//!
//! With `GET_HOSTS_FROM=env` the hosts are taken from the variables of the services, else from DNS, as the image does.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use crate::sim::{Span, Time};
use crate::workload::http::{Arrived, Connections, Request, Response};
use crate::workload::process::Program;
use crate::workload::program::redis::{array, bulk};
use crate::workload::resolver::{Lookup, Resolved, resolve};
use crate::workload::{Ctx, Effect, Fd, Input, NetEvent, NetOp, Spec};

/// The server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Guestbook {
    leader: String,
    follower: String,
    listener: Option<Fd>,
    connections: Connections,
    waiting: VecDeque<Job>,
    current: Option<(Job, Stage, Time)>,
}

/// A request that needs Redis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Job {
    client: Fd,
    keep_alive: bool,
    host: String,
    command: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Resolving(Lookup),
    Connecting(Fd),
    Reading(Fd, Vec<u8>),
}

/// How long Redis has to answer.
const TIMEOUT: Span = Span::secs(5);

impl Guestbook {
    /// The page as `spec`'s environment wants it.
    pub fn new(spec: &Spec) -> Guestbook {
        let by_env = spec.env.get("GET_HOSTS_FROM").is_some_and(|v| v == "env");
        let host = |names: &[&str], otherwise: &str| {
            let found = names.iter().find_map(|n| spec.env.get(*n)).filter(|_| by_env);
            found.cloned().unwrap_or_else(|| otherwise.to_owned())
        };
        let old = spec.env.contains_key("REDIS_MASTER_SERVICE_HOST");
        let (leader, follower) = if old { ("redis-master", "redis-slave") } else { ("redis-leader", "redis-follower") };
        Guestbook {
            leader: host(&["REDIS_LEADER_SERVICE_HOST", "REDIS_MASTER_SERVICE_HOST"], leader),
            follower: host(&["REDIS_FOLLOWER_SERVICE_HOST", "REDIS_SLAVE_SERVICE_HOST"], follower),
            listener: None,
            connections: Connections::default(),
            waiting: VecDeque::new(),
            current: None,
        }
    }

    fn request(&mut self, client: Fd, request: &Request, ctx: &mut Ctx<'_>) {
        let keep_alive = request.keep_alive;
        ctx.compute(Span::millis(2));
        match (request.path(), request.query("cmd").as_deref()) {
            ("/guestbook.php", Some("set")) => {
                let words = [
                    "SET".to_owned(),
                    request.query("key").unwrap_or_default(),
                    request.query("value").unwrap_or_default(),
                ];
                self.waiting.push_back(Job { client, keep_alive, host: self.leader.clone(), command: words.to_vec() });
            }
            ("/guestbook.php", Some("get")) => {
                let words = ["GET".to_owned(), request.query("key").unwrap_or_default()];
                self.waiting.push_back(Job {
                    client,
                    keep_alive,
                    host: self.follower.clone(),
                    command: words.to_vec(),
                });
            }
            ("/" | "/index.html", _) => self.reply(client, keep_alive, &Response::new(200, "text/html", PAGE), ctx),
            ("/controllers.js", _) => {
                self.reply(client, keep_alive, &Response::new(200, "application/javascript", ""), ctx)
            }
            _ => self.reply(client, keep_alive, &Response::new(404, "text/html", "<h1>Not Found</h1>\n"), ctx),
        }
        self.next(ctx);
    }

    fn reply(&mut self, client: Fd, keep_alive: bool, response: &Response, ctx: &mut Ctx<'_>) {
        ctx.net(NetOp::Send { fd: client, bytes: response.encode(false, keep_alive) });
        if !keep_alive {
            self.connections.forget(client);
            ctx.net(NetOp::Close { fd: client });
        }
    }

    /// Begins the next job, if none is under way.
    fn next(&mut self, ctx: &mut Ctx<'_>) {
        while self.current.is_none() {
            let Some(job) = self.waiting.pop_front() else { return };
            let resolved = resolve(&job.host, ctx);
            self.resolved(job, resolved, ctx.now + TIMEOUT, ctx);
        }
    }

    fn resolved(&mut self, job: Job, resolved: Resolved, until: Time, ctx: &mut Ctx<'_>) {
        match resolved {
            Resolved::Wait(lookup) => self.current = Some((job, Stage::Resolving(lookup), until)),
            Resolved::Address(ip) => {
                let fd = ctx.fd();
                ctx.net(NetOp::Connect { fd, to: SocketAddrV4::new(ip, 6379) });
                self.current = Some((job, Stage::Connecting(fd), until));
            }
            _ => self.fail(&job, "php_network_getaddresses: getaddrinfo failed: Name or service not known", ctx),
        }
    }

    fn fail(&mut self, job: &Job, words: &str, ctx: &mut Ctx<'_>) {
        self.current = None;
        let text = format!(
            "PHP Fatal error:  Uncaught exception 'Predis\\Connection\\ConnectionException' with message '{words} [tcp://{}:6379]'\n",
            job.host
        );
        ctx.eprint(&text);
        self.reply(job.client, job.keep_alive, &Response::new(500, "text/html", text), ctx);
    }

    fn redis_event(&mut self, event: &NetEvent, ctx: &mut Ctx<'_>) {
        let Some((job, stage, until)) = self.current.take() else { return };
        match (stage, event) {
            (Stage::Resolving(lookup), event) => {
                let resolved = lookup.event(event, ctx);
                self.resolved(job, resolved, until, ctx);
            }
            (Stage::Connecting(own), NetEvent::Connected { fd, .. }) if own == *fd => {
                let command = array(job.command.iter().map(|w| bulk(w)).collect());
                ctx.net(NetOp::Send { fd: own, bytes: command.into_bytes() });
                self.current = Some((job, Stage::Reading(own, Vec::new()), until));
            }
            (Stage::Reading(own, mut buffer), NetEvent::Data { fd, bytes }) if own == *fd => {
                buffer.extend_from_slice(bytes);
                match answer(&buffer) {
                    None => self.current = Some((job, Stage::Reading(own, buffer), until)),
                    Some(text) => {
                        ctx.net(NetOp::Close { fd: own });
                        let body = match job.command[0].as_str() {
                            "SET" => "{\"message\": \"Updated\"}".to_owned(),
                            _ => format!("{{\"data\": {}}}", serde_json::Value::String(text)),
                        };
                        self.reply(job.client, job.keep_alive, &Response::new(200, "text/html", body), ctx);
                    }
                }
            }
            (Stage::Connecting(own) | Stage::Reading(own, _), NetEvent::Failed { fd, error }) if own == *fd => {
                self.fail(&job, &error.to_string(), ctx);
            }
            (stage, _) => self.current = Some((job, stage, until)),
        }
        self.next(ctx);
    }
}

/// The text of a Redis answer, once it is whole.
fn answer(buffer: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(buffer);
    let (head, rest) = text.split_once("\r\n")?;
    match head.split_at_checked(1)? {
        ("$", "-1") => Some(String::new()),
        ("$", length) => rest.get(..length.parse::<usize>().ok()?).map(str::to_owned),
        (_, line) => Some(line.to_owned()),
    }
}

impl Program for Guestbook {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {
                let fd = ctx.fd();
                self.listener = Some(fd);
                ctx.net(NetOp::Listen { fd, port: 80 });
                ctx.push(Effect::Usage { cpu_millis: 1, memory: 24_000_000 });
                ctx.eprint("AH00163: Apache/2.4.52 (Debian) PHP/5.6.20 configured -- resuming normal operations\n");
            }
            Input::Signal(_) => ctx.exit(0),
            Input::Timer => {
                let Some((job, stage, until)) = self.current.take() else { return };
                match stage {
                    _ if until <= ctx.now => self.fail(&job, "Connection timed out", ctx),
                    Stage::Resolving(lookup) => {
                        let resolved = lookup.timer(ctx);
                        self.resolved(job, resolved, until, ctx);
                    }
                    stage => self.current = Some((job, stage, until)),
                }
                self.next(ctx);
            }
            Input::Net(event) => {
                self.redis_event(&event, ctx);
                let listeners: Vec<Fd> = self.listener.into_iter().collect();
                for arrived in self.connections.handle(&event, &listeners) {
                    match arrived {
                        Arrived::Request(fd, peer, request) => {
                            ctx.print(format!(
                                "{} - - \"{} {} HTTP/1.1\"\n",
                                peer.ip(),
                                request.method,
                                request.target
                            ));
                            self.request(fd, &request, ctx);
                        }
                        Arrived::Bad(fd) | Arrived::Close(fd) => ctx.net(NetOp::Close { fd }),
                    }
                }
            }
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        let (_, stage, until) = self.current.as_ref()?;
        match stage {
            Stage::Resolving(lookup) => Some(lookup.wake_at().min(*until)),
            _ => Some(*until),
        }
    }
}

const PAGE: &str = "<html ng-app=\"redis\">\n  <head>\n    <title>Guestbook</title>\n  </head>\n  <body ng-controller=\"RedisCtrl\">\n    <div style=\"width: 50%; margin-left: 20px\">\n      <h2>Guestbook</h2>\n    </div>\n  </body>\n</html>\n";
