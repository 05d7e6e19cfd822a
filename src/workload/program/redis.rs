//! Redis: enough of it for a guestbook. Models `redis-server` (RESP2: PING, ECHO, GET, SET, DEL, INCR, EXISTS, KEYS,
//! DBSIZE, LPUSH, RPUSH, LRANGE, LLEN, INFO, REPLICAOF, COMMAND, CLIENT, QUIT) and its replication by polling.
//!
//! Differs: a replica copies the whole data of its leader every second by a command of our own (`KUBARIUM.DUMP`) instead of
//! speaking the replication protocol; who could tell: a capture.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::sim::{Span, Time, VecMap};
use crate::workload::process::Program;
use crate::workload::resolver::{Lookup, Resolved, resolve};
use crate::workload::{Ctx, Effect, Fd, Input, NetEvent, NetOp};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Value {
    Text(String),
    List(Vec<String>),
}

/// The server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Redis {
    port: u16,
    version: String,
    data: VecMap<String, Value>,
    listener: Option<Fd>,
    clients: VecMap<Fd, Vec<u8>>,
    leader: Option<(String, u16)>,
    sync: Sync,
}

/// How far a replica is with copying.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sync {
    Idle(Option<Time>),
    Resolving(Lookup),
    Connecting(Fd),
    Reading(Fd, Vec<u8>),
}

impl Redis {
    /// A server; with `leader`, a replica of that host and port.
    pub fn new(port: u16, version: &str, leader: Option<(String, u16)>) -> Redis {
        let version = version.trim_start_matches('v').split('-').next().filter(|v| v.contains('.')).unwrap_or("7.4.2");
        Redis {
            port,
            version: version.into(),
            data: VecMap::new(),
            listener: None,
            clients: VecMap::new(),
            leader,
            sync: Sync::Idle(None),
        }
    }

    fn command(&mut self, words: &[String], ctx: &Ctx<'_>) -> String {
        let name = words.first().map(|w| w.to_uppercase()).unwrap_or_default();
        let arg = |n: usize| words.get(n).cloned().unwrap_or_default();
        let wrong = || format!("-ERR wrong number of arguments for '{}' command\r\n", name.to_lowercase());
        let writes = matches!(name.as_str(), "SET" | "DEL" | "INCR" | "LPUSH" | "RPUSH" | "APPEND" | "FLUSHALL");
        if writes && self.leader.is_some() {
            return "-READONLY You can't write against a read only replica.\r\n".into();
        }
        match (name.as_str(), words.len()) {
            ("PING", 1) => "+PONG\r\n".into(),
            ("PING" | "ECHO", 2) => bulk(&arg(1)),
            ("SET", 3..) => {
                self.data.insert(arg(1), Value::Text(arg(2)));
                "+OK\r\n".into()
            }
            ("GET", 2) => match self.data.get(&arg(1)) {
                Some(Value::Text(text)) => bulk(text),
                Some(Value::List(_)) => WRONG_TYPE.into(),
                None => "$-1\r\n".into(),
            },
            ("APPEND", 3) => {
                let text = match self.data.get(&arg(1)) {
                    Some(Value::Text(t)) => format!("{t}{}", arg(2)),
                    _ => arg(2),
                };
                let length = text.len();
                self.data.insert(arg(1), Value::Text(text));
                format!(":{length}\r\n")
            }
            ("INCR", 2) => {
                let old = match self.data.get(&arg(1)) {
                    Some(Value::Text(t)) => t.parse::<i64>().ok(),
                    Some(Value::List(_)) => return WRONG_TYPE.into(),
                    None => Some(0),
                };
                let Some(new) = old.and_then(|o| o.checked_add(1)) else {
                    return "-ERR value is not an integer or out of range\r\n".into();
                };
                self.data.insert(arg(1), Value::Text(new.to_string()));
                format!(":{new}\r\n")
            }
            ("DEL", 2..) => format!(":{}\r\n", words[1..].iter().filter(|k| self.data.remove(*k).is_some()).count()),
            ("EXISTS", 2..) => format!(":{}\r\n", words[1..].iter().filter(|k| self.data.contains_key(*k)).count()),
            ("KEYS", 2) => {
                let pattern = arg(1);
                let found = self.data.keys().filter(|k| crate::workload::shell::expand::matches(&pattern, k));
                array(found.map(|k| bulk(k)).collect())
            }
            ("DBSIZE", 1) => format!(":{}\r\n", self.data.len()),
            ("FLUSHALL", _) => {
                self.data.clear();
                "+OK\r\n".into()
            }
            ("LPUSH" | "RPUSH", 3..) => self.push(&arg(1), &words[2..], name == "LPUSH"),
            ("LLEN", 2) => match self.data.get(&arg(1)) {
                Some(Value::List(list)) => format!(":{}\r\n", list.len()),
                Some(_) => WRONG_TYPE.into(),
                None => ":0\r\n".into(),
            },
            ("LRANGE", 4) => self.range(&arg(1), arg(2).parse().unwrap_or(0), arg(3).parse().unwrap_or(-1)),
            ("INFO", _) => bulk(&self.info(ctx)),
            ("REPLICAOF" | "SLAVEOF", 3) => {
                self.leader =
                    if arg(1).eq_ignore_ascii_case("no") { None } else { arg(2).parse().ok().map(|p| (arg(1), p)) };
                self.sync = Sync::Idle(self.leader.as_ref().map(|_| ctx.now));
                "+OK\r\n".into()
            }
            ("SELECT" | "CLIENT" | "CONFIG" | "AUTH", 2..) => "+OK\r\n".into(),
            ("COMMAND", _) => "*0\r\n".into(),
            ("QUIT", _) => "+OK\r\n".into(),
            ("KUBARIUM.DUMP", 1) => self.dump(),
            (
                "GET" | "SET" | "INCR" | "DEL" | "LRANGE" | "LPUSH" | "RPUSH" | "ECHO" | "EXISTS" | "KEYS" | "LLEN",
                _,
            ) => wrong(),
            _ => {
                let rest: String = words.iter().skip(1).map(|w| format!("'{w}' ")).collect();
                format!("-ERR unknown command '{}', with args beginning with: {rest}\r\n", arg(0))
            }
        }
    }

    fn push(&mut self, key: &str, values: &[String], front: bool) -> String {
        let entry = self.data.entry(key.to_owned()).or_insert_with(|| Value::List(Vec::new()));
        let Value::List(list) = entry else { return WRONG_TYPE.into() };
        for value in values {
            if front { list.insert(0, value.clone()) } else { list.push(value.clone()) }
        }
        format!(":{}\r\n", list.len())
    }

    fn range(&self, key: &str, from: i64, to: i64) -> String {
        let list = match self.data.get(key) {
            Some(Value::List(list)) => list.as_slice(),
            Some(_) => return WRONG_TYPE.into(),
            None => &[],
        };
        let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
        let index = |n: i64| if n < 0 { length + n } else { n };
        let (from, to) = (index(from).max(0), index(to).min(length - 1));
        let inside = |n: usize| (from..=to).contains(&i64::try_from(n).unwrap_or(i64::MAX));
        array(list.iter().enumerate().filter(|(n, _)| inside(*n)).map(|(_, v)| bulk(v)).collect())
    }

    fn info(&self, ctx: &Ctx<'_>) -> String {
        let role = match &self.leader {
            None => "role:master\r\nconnected_slaves:0".to_owned(),
            Some((host, port)) => {
                format!("role:slave\r\nmaster_host:{host}\r\nmaster_port:{port}\r\nmaster_link_status:up")
            }
        };
        format!(
            "# Server\r\nredis_version:{}\r\nos:Linux\r\ntcp_port:{}\r\nuptime_in_seconds:{}\r\n\r\n# Replication\r\n{role}\r\n\r\n# Keyspace\r\ndb0:keys={},expires=0,avg_ttl=0\r\n",
            self.version,
            self.port,
            ctx.now.as_secs(),
            self.data.len()
        )
    }

    /// Everything, as an array of commands.
    fn dump(&self) -> String {
        let command = |words: Vec<&String>| array(words.into_iter().map(|w| bulk(w)).collect());
        let (set, push) = ("SET".to_owned(), "RPUSH".to_owned());
        let all = self.data.iter().map(|(key, value)| match value {
            Value::Text(text) => command(vec![&set, key, text]),
            Value::List(list) => command([&push, key].into_iter().chain(list).collect()),
        });
        array(all.collect())
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        let fd = ctx.fd();
        self.listener = Some(fd);
        ctx.net(NetOp::Listen { fd, port: self.port });
        ctx.push(Effect::Usage { cpu_millis: 2, memory: 9_600_000 });
        let at = log_time(ctx);
        ctx.print(format!(
            "1:C {at} * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n1:C {at} * Redis version={}, bits=64, commit=00000000, modified=0, pid=1, just started\n1:M {at} * Running mode=standalone, port={}.\n1:M {at} * Server initialized\n1:M {at} * Ready to accept connections tcp\n",
            self.version, self.port
        ));
        self.sync = Sync::Idle(self.leader.as_ref().map(|_| ctx.now));
        self.copy(ctx);
    }

    /// Begins to copy the leader's data, if it is time to.
    fn copy(&mut self, ctx: &mut Ctx<'_>) {
        let Sync::Idle(Some(at)) = self.sync else { return };
        let Some((host, _)) = self.leader.clone().filter(|_| at <= ctx.now) else { return };
        let resolved = resolve(&host, ctx);
        self.resolved(resolved, ctx);
    }

    fn resolved(&mut self, resolved: Resolved, ctx: &mut Ctx<'_>) {
        self.sync = match (resolved, &self.leader) {
            (Resolved::Wait(lookup), _) => Sync::Resolving(lookup),
            (Resolved::Address(ip), Some((_, port))) => self.connect(ip, *port, ctx),
            _ => self.failed("Unable to connect to MASTER", ctx),
        };
    }

    fn connect(&self, ip: Ipv4Addr, port: u16, ctx: &mut Ctx<'_>) -> Sync {
        let fd = ctx.fd();
        ctx.net(NetOp::Connect { fd, to: SocketAddrV4::new(ip, port) });
        Sync::Connecting(fd)
    }

    fn failed(&self, words: &str, ctx: &mut Ctx<'_>) -> Sync {
        let at = log_time(ctx);
        ctx.print(format!("1:S {at} # {words}\n"));
        Sync::Idle(Some(ctx.now + Span::secs(1)))
    }

    fn sync_event(&mut self, event: &NetEvent, ctx: &mut Ctx<'_>) {
        match (&mut self.sync, event) {
            (Sync::Resolving(lookup), event) => {
                let resolved = lookup.clone().event(event, ctx);
                self.resolved(resolved, ctx);
            }
            (Sync::Connecting(own), NetEvent::Connected { fd, .. }) if own == fd => {
                let fd = *fd;
                ctx.net(NetOp::Send { fd, bytes: array(vec![bulk("KUBARIUM.DUMP")]).into_bytes() });
                self.sync = Sync::Reading(fd, Vec::new());
            }
            (Sync::Reading(own, buffer), NetEvent::Data { fd, bytes }) if own == fd => {
                buffer.extend_from_slice(bytes);
                if let Some(commands) = dumped(buffer) {
                    let fd = *fd;
                    ctx.net(NetOp::Close { fd });
                    let leader = self.leader.take();
                    self.data.clear();
                    for command in commands {
                        self.command(&command, ctx);
                    }
                    self.leader = leader;
                    self.sync = Sync::Idle(Some(ctx.now + Span::secs(1)));
                }
            }
            (Sync::Connecting(own) | Sync::Reading(own, _), NetEvent::Failed { fd, .. } | NetEvent::Ended { fd })
                if own == fd =>
            {
                self.sync = self.failed("Error condition on socket for SYNC: Connection refused", ctx);
            }
            _ => {}
        }
    }

    fn client_event(&mut self, event: NetEvent, ctx: &mut Ctx<'_>) {
        match event {
            NetEvent::Accepted { listener, fd, .. } if Some(listener) == self.listener => {
                self.clients.insert(fd, Vec::new());
            }
            NetEvent::Data { fd, bytes } => {
                let Some(mut buffer) = self.clients.remove(&fd) else { return };
                buffer.extend_from_slice(&bytes);
                while let Some(words) = take_command(&mut buffer) {
                    if !words.is_empty() {
                        let answer = self.command(&words, ctx);
                        ctx.net(NetOp::Send { fd, bytes: answer.into_bytes() });
                    }
                }
                self.clients.insert(fd, buffer);
            }
            NetEvent::Ended { fd } if self.clients.remove(&fd).is_some() => ctx.net(NetOp::Close { fd }),
            NetEvent::Failed { fd, .. } => {
                self.clients.remove(&fd);
                if Some(fd) == self.listener {
                    ctx.print(format!(
                        "Warning: Could not create server TCP listening socket *:{}: bind: Address already in use\n",
                        self.port
                    ));
                    ctx.exit(1);
                }
            }
            _ => {}
        }
    }
}

impl Program for Redis {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Signal(_) => {
                let at = log_time(ctx);
                ctx.print(format!(
                    "1:M {at} # User requested shutdown...\n1:M {at} # Redis is now ready to exit, bye bye...\n"
                ));
                ctx.exit(0);
            }
            Input::Net(event) => {
                self.sync_event(&event, ctx);
                self.client_event(event, ctx);
            }
            Input::Timer => {
                if let Sync::Resolving(lookup) = &self.sync {
                    let resolved = lookup.clone().timer(ctx);
                    self.resolved(resolved, ctx);
                }
                self.copy(ctx);
            }
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        match &self.sync {
            Sync::Idle(at) => *at,
            Sync::Resolving(lookup) => Some(lookup.wake_at()),
            _ => None,
        }
    }
}

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

/// A text in RESP.
pub fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// An array in RESP.
pub fn array(items: Vec<String>) -> String {
    format!("*{}\r\n{}", items.len(), items.concat())
}

/// Takes a command from the front of `buffer`: an array of texts, or a line of words. `None` if it is not whole.
pub fn take_command(buffer: &mut Vec<u8>) -> Option<Vec<String>> {
    if buffer.first() == Some(&b'*') {
        let (words, used) = read_array(buffer)?;
        buffer.drain(..used);
        return Some(words);
    }
    let end = buffer.iter().position(|b| *b == b'\n')?;
    let line: Vec<u8> = buffer.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line).split_whitespace().map(str::to_owned).collect())
}

fn line(bytes: &[u8]) -> Option<(&str, usize)> {
    let end = bytes.windows(2).position(|w| w == b"\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, end + 2))
}

/// An array of texts and how many bytes it takes.
fn read_array(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    let (head, mut at) = line(bytes)?;
    let count = head.strip_prefix('*')?.parse::<usize>().ok()?.min(100_000);
    let mut words = Vec::new();
    for _ in 0..count {
        let (head, used) = line(bytes.get(at..)?)?;
        let length = head.strip_prefix('$')?.parse::<usize>().ok()?;
        let from = at + used;
        words.push(String::from_utf8_lossy(bytes.get(from..from.checked_add(length)?)?).into_owned());
        at = from + length + 2;
    }
    (bytes.len() >= at).then_some((words, at))
}

/// The commands of a dump, if it is whole.
fn dumped(bytes: &[u8]) -> Option<Vec<Vec<String>>> {
    let (head, mut at) = line(bytes)?;
    let count = head.strip_prefix('*')?.parse::<usize>().ok()?.min(100_000);
    let mut commands = Vec::new();
    for _ in 0..count {
        let (words, used) = read_array(bytes.get(at..)?)?;
        commands.push(words);
        at += used;
    }
    Some(commands)
}

/// `01 Jan 2026 00:00:00.000`.
fn log_time(ctx: &Ctx<'_>) -> String {
    let date = crate::workload::http::http_date(ctx.unix());
    let words: Vec<&str> = date.split(' ').collect();
    format!("{} {} {} {}.{:03}", words[1], words[2], words[3], words[4], ctx.now.0 / 1_000_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_as_arrays_or_as_lines() {
        let mut buffer = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n*1\r\n$4\r\nPI".to_vec();
        assert_eq!(take_command(&mut buffer), Some(vec!["GET".into(), "k".into()]));
        assert_eq!(take_command(&mut buffer), Some(vec!["PING".into()]));
        assert_eq!(take_command(&mut buffer), None);
    }

    #[test]
    fn a_dump_holds_every_key() {
        let mut redis = Redis::new(6379, "7.0.0", None);
        redis.data.insert("a".into(), Value::Text("1".into()));
        redis.data.insert("l".into(), Value::List(vec!["x".into(), "y".into()]));
        let commands = dumped(redis.dump().as_bytes()).expect("whole");
        assert_eq!(commands, [vec!["SET", "a", "1"], vec!["RPUSH", "l", "x", "y"]]);
    }
}
