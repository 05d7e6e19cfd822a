//! etcdctl: the command-line client of etcd, as a process on virtual time.
//!
//! ```text
//! cli, command, help   words to a command with flags; usage
//! plan, txn            a command to what is asked
//! show                 answers to text: simple here, json, fields, table
//! golang               how Go writes and reads numbers, strings, durations
//! ```
//!
//! A `Process` is sans-IO: `start` understands the arguments, `Input::Start` makes it begin, effects say what it sends and
//! prints, and `Effect::Exit` ends it. Whoever runs it gives it a client of its own at etcd and disconnects that at the exit.
//!
//! Models `etcdctl/ctlv3` (etcd 3.6). It does not print the client library's log lines, has no interactive `watch`, no
//! users, locks or elections; these say so. Values are shown as their payload's text: who compares with a real
//! cluster sees JSON where protobuf is stored there.

pub mod cli;
pub mod command;
pub mod fields;
pub mod golang;
pub mod help;
pub mod json;
pub mod plan;
pub mod poll;
pub mod show;
pub mod table;
pub mod txn;

use std::sync::Arc;

use crate::etcd::{Body, EtcdError, Event, Header, KeyRange, LeaseId, Op, Payload, RangeOp, Reply, Revision, Saved};
use crate::etcdctl::cli::{Line, Misread, Why};
use crate::etcdctl::plan::{Newcomer, Plan, Poll, Refusal, exit};
use crate::etcdctl::poll::Round;
use crate::etcdctl::show::{Display, Format, Subject};
use crate::sim::{Out, Span, Time};

#[cfg(test)]
mod tests;

/// One run of etcdctl.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process<V> {
    display: Display,
    endpoints: Vec<String>,
    timeout: Span,
    state: State<V>,
}

/// Where a run stands: Ready → (Warned →) Asking → Ended, Ready → Watching → Ended, Ready → KeepingAlive → Ended,
/// Ready → (Listing →) Polling → Ended, Ready → Seeking → Asking → Ended, Ready → Saving → Ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State<V> {
    Refused(Ending),
    Ready(Plan<V>),
    Warned {
        until: Time,
        op: Op<V>,
        subject: Subject,
    },
    Asking {
        subject: Subject,
        deadline: Time,
    },
    Listing {
        poll: Poll,
        deadline: Time,
    },
    Polling {
        round: Round,
        deadline: Time,
    },
    /// A member is being added.
    Adding {
        newcomer: Newcomer,
        deadline: Time,
    },
    /// It was added, and what follows from that is asked.
    Naming {
        newcomer: Newcomer,
        id: u64,
        deadline: Time,
    },
    /// Looking for the leader at the endpoints, from this one on.
    Seeking {
        target: u64,
        at: usize,
        deadline: Time,
    },
    /// The database is awaited that goes into this file.
    Saving {
        path: String,
        deadline: Option<Time>,
    },
    Watching {
        header: Option<Header>,
    },
    KeepingAlive {
        id: LeaseId,
        next: Option<Time>,
    },
    Ended,
}

/// What is left to print, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ending {
    stdout: String,
    stderr: String,
    code: u8,
}

/// What reaches a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input<V> {
    /// Begin.
    Start,
    /// The answer to the request numbered `id`.
    Reply {
        /// The request.
        id: u64,
        /// The answer.
        result: Result<Reply<V>, EtcdError>,
    },
    /// Watch events.
    Events {
        /// The store's revision.
        revision: Revision,
        /// The events.
        events: Vec<Event<V>>,
    },
    /// The watch is told the revision.
    Progress(Revision),
    /// The watch is over.
    Canceled(EtcdError),
    /// The file of `Effect::Save` was written, or why it was not.
    Written(Result<(), String>),
    /// The time of `wake_at` has come.
    Timer,
    /// Ctrl-C.
    Interrupt,
}

/// What a run does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect<V> {
    /// Ask etcd.
    Request {
        /// The request's number.
        id: u64,
        /// At which endpoint, as the user wrote it; where there are several with commas between them, at any of them.
        endpoint: String,
        /// What.
        op: Op<V>,
    },
    /// Write a database to a file; `Input::Written` says what became of that.
    Save {
        /// The file, as the user wrote it.
        path: String,
        /// The database.
        saved: Arc<Saved<V>>,
    },
    /// Print.
    Stdout(String),
    /// Print as an error.
    Stderr(String),
    /// End.
    Exit(u8),
}

impl<V: Payload + From<Arc<str>>> Process<V> {
    /// A run of `etcdctl ARGS`, with all of its standard input. Nothing happens before `Input::Start`.
    pub fn start(args: &[String], stdin: &str, _now: Time) -> Process<V> {
        let fresh = |state| Process { display: PLAIN, endpoints: Vec::new(), timeout: Span::ZERO, state };
        let line = match cli::read(args) {
            Ok(line) => line,
            Err(misread) => return fresh(State::Refused(misread.ending())),
        };
        match Process::planned(&line, stdin) {
            Ok(process) => process,
            Err(refusal) => fresh(State::Refused(refusal.ending())),
        }
    }

    fn planned(line: &Line, stdin: &str) -> Result<Process<V>, Refusal> {
        // The arguments are looked at before the output format, as there.
        let plan = plan::plan(line, stdin)?;
        let display = if matches!(plan, Plan::Print(_)) { PLAIN } else { plan::display(line)? };
        let (endpoints, timeout) = (line.list("endpoints"), line.span("command-timeout"));
        Ok(Process { display, endpoints, timeout, state: State::Ready(plan) })
    }

    /// When it wants `Input::Timer`.
    pub fn wake_at(&self) -> Option<Time> {
        match &self.state {
            State::Warned { until, .. } => Some(*until),
            State::Asking { deadline, .. }
            | State::Listing { deadline, .. }
            | State::Seeking { deadline, .. }
            | State::Adding { deadline, .. }
            | State::Naming { deadline, .. }
            | State::Polling { deadline, .. } => Some(*deadline),
            State::KeepingAlive { next, .. } => *next,
            State::Saving { deadline, .. } => *deadline,
            _ => None,
        }
    }

    /// Whether it goes on until it is interrupted.
    pub fn is_endless(&self) -> bool {
        matches!(self.state, State::Ready(Plan::Watch(_) | Plan::KeepAlive(_)))
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Takes one input in.
    pub fn handle(&mut self, input: Input<V>, now: Time, out: &mut Out<Effect<V>>) {
        match (std::mem::replace(&mut self.state, State::Ended), input) {
            (State::Ended, _) => {}
            (_, Input::Interrupt) => out.push(Effect::Exit(130)),
            (State::Refused(ending), Input::Start) => end(ending, out),
            (State::Ready(plan), Input::Start) => self.begin(plan, now, out),
            (State::Warned { until, op, subject }, Input::Timer) if now >= until => self.ask(op, subject, now, out),
            (State::Asking { subject, .. }, Input::Reply { result, .. }) => self.answered(subject, result, out),
            (State::Listing { poll, .. }, Input::Reply { result, .. }) => self.listed(poll, result, now, out),
            (State::Polling { mut round, deadline }, Input::Reply { id, result }) => {
                if let Some((endpoint, id)) = round.answer(id, result, now) {
                    out.push(Effect::Request { id, endpoint, op: Op::AlarmList });
                }
                self.polled(round, deadline, out);
            }
            (State::Polling { mut round, deadline }, Input::Timer) if now >= deadline => {
                round.give_up(now);
                self.polled(round, deadline, out);
            }
            (
                State::Asking { deadline, .. }
                | State::Listing { deadline, .. }
                | State::Adding { deadline, .. }
                | State::Naming { deadline, .. }
                | State::Seeking { deadline, .. },
                Input::Timer,
            ) if now >= deadline => refuse("context deadline exceeded", exit::ERROR, out),
            (State::Seeking { target, at, deadline }, Input::Reply { result, .. }) => {
                self.sought((target, at, deadline), result, out);
            }
            (State::Adding { newcomer, .. }, Input::Reply { result, .. }) => self.added(newcomer, result, now, out),
            (State::Naming { newcomer, id, .. }, Input::Reply { result, .. }) => {
                name_newcomer(&newcomer, id, result, out)
            }
            (State::Saving { path, .. }, Input::Reply { result, .. }) => self.save(path, result, out),
            (State::Saving { path, .. }, Input::Written(result)) => saved(&path, result, out),
            (State::Saving { deadline: Some(deadline), .. }, Input::Timer) if now >= deadline => {
                refuse("context deadline exceeded", exit::INTERRUPTED, out);
            }
            (State::Watching { header }, input) => self.watching(header, input, out),
            (State::KeepingAlive { id, next }, input) => self.keeping_alive(id, next, input, now, out),
            (unmoved, _) => self.state = unmoved,
        }
    }

    fn begin(&mut self, plan: Plan<V>, now: Time, out: &mut Out<Effect<V>>) {
        match plan {
            Plan::Print(text) => end(Ending { stdout: text, stderr: String::new(), code: 0 }, out),
            Plan::Ask { first, op, subject } => {
                print(first, out);
                self.ask(op, subject, now, out);
            }
            Plan::Warn { warning, wait, op, subject } => {
                out.push(Effect::Stderr(warning));
                self.state = State::Warned { until: now + wait, op, subject };
            }
            Plan::Watch(op) => {
                self.send(0, Op::WatchCreate(op), out);
                self.state = State::Watching { header: None };
            }
            Plan::Save { path, patient } => {
                self.send(0, Op::Snapshot, out);
                self.state = State::Saving { path, deadline: (!patient).then(|| now + self.timeout) };
            }
            Plan::KeepAlive(id) => {
                self.send(0, Op::LeaseKeepAlive(id), out);
                self.state = State::KeepingAlive { id, next: None };
            }
            Plan::MemberAdd(newcomer) => {
                let (peer_urls, is_learner) = (plan::split(&newcomer.peer_urls), newcomer.is_learner);
                self.send(0, Op::MemberAdd { peer_urls, is_learner }, out);
                self.state = State::Adding { newcomer, deadline: now + self.timeout };
            }
            Plan::MoveLeader(target) => self.seek(target, 0, now + self.timeout, out),
            Plan::Poll { poll, cluster: true } => {
                self.send(0, Op::MemberList, out);
                self.state = State::Listing { poll, deadline: now + self.timeout };
            }
            Plan::Poll { poll, cluster: false } => self.poll(poll, now, out),
        }
    }

    fn send(&self, id: u64, op: Op<V>, out: &mut Out<Effect<V>>) {
        let endpoint = self.endpoints.join(",");
        out.push(Effect::Request { id, endpoint, op });
    }

    fn ask(&mut self, op: Op<V>, subject: Subject, now: Time, out: &mut Out<Effect<V>>) {
        self.send(0, op, out);
        self.state = State::Asking { subject, deadline: now + self.timeout };
    }

    /// A member has sent its database.
    fn save(&mut self, path: String, result: Result<Reply<V>, EtcdError>, out: &mut Out<Effect<V>>) {
        match result {
            Ok(Reply { body: Body::Snapshot(saved), .. }) => {
                out.push(Effect::Save { path: path.clone(), saved });
                self.state = State::Saving { path, deadline: None };
            }
            Ok(_) => refuse("unexpected answer", exit::ERROR, out),
            Err(e) => refuse(&e.to_string(), exit::INTERRUPTED, out),
        }
    }

    /// Asks the next endpoint whether it leads.
    fn seek(&mut self, target: u64, at: usize, deadline: Time, out: &mut Out<Effect<V>>) {
        let Some(endpoint) = self.endpoints.get(at).cloned() else {
            let given = self.endpoints.join(" ");
            return refuse(&format!("no leader endpoint given at [{given}]"), exit::BAD_ARGS, out);
        };
        out.push(Effect::Request { id: 0, endpoint, op: Op::Status });
        self.state = State::Seeking { target, at, deadline };
    }

    /// An endpoint said how it is: the leader is asked to make way.
    fn sought(
        &mut self,
        (target, at, deadline): (u64, usize, Time),
        result: Result<Reply<V>, EtcdError>,
        out: &mut Out<Effect<V>>,
    ) {
        match result {
            Ok(Reply { header, body: Body::Status(status) }) if status.leader == Some(header.member_id) => {
                let endpoint = self.endpoints.get(at).cloned().unwrap_or_default();
                out.push(Effect::Request { id: 1, endpoint, op: Op::MoveLeader(target) });
                self.state = State::Asking { subject: Subject::MoveLeader(target), deadline };
            }
            Ok(_) => self.seek(target, at + 1, deadline, out),
            Err(e) => refuse(&e.to_string(), exit::ERROR, out),
        }
    }

    fn answered(&self, subject: Subject, result: Result<Reply<V>, EtcdError>, out: &mut Out<Effect<V>>) {
        let gone = EtcdError::LeaseNotFound;
        match (subject, result) {
            (Subject::LeaseGrant, Err(e)) => refuse(&format!("failed to grant lease ({e})"), exit::ERROR, out),
            (Subject::LeaseRevoke(_), Err(e)) => refuse(&format!("failed to revoke lease ({e})"), exit::ERROR, out),
            (Subject::LeaseTimeToLive { .. } | Subject::LeaseKeepAlive, Err(e)) => {
                refuse(&e.to_string(), exit::BAD_CONNECTION, out);
            }
            (Subject::LeaseKeepAlive, Ok(Reply { body: Body::LeaseKeepAlive { ttl: None, .. }, .. })) => {
                refuse(&gone.to_string(), exit::BAD_CONNECTION, out);
            }
            (_, Err(e)) => refuse(&e.to_string(), exit::ERROR, out),
            (subject, Ok(reply)) => finish(self.display.reply(subject, &reply), out),
        }
    }

    /// A member was added. In the simple form, what it is to be started with follows.
    fn added(&mut self, newcomer: Newcomer, result: Result<Reply<V>, EtcdError>, now: Time, out: &mut Out<Effect<V>>) {
        match result {
            Ok(Reply { header, body: Body::MemberAdd { member, members } })
                if self.display.format == Format::Simple =>
            {
                let id = member.id;
                let reply: Reply<V> = Reply { header, body: Body::MemberAdd { member, members } };
                match self.display.reply(Subject::MemberAdd, &reply) {
                    Ok(text) => print(text, out),
                    Err(refusal) => return end(refusal.ending(), out),
                }
                self.send(0, Op::MemberList, out);
                self.state = State::Naming { newcomer, id, deadline: now + self.timeout };
            }
            result => self.answered(Subject::MemberAdd, result, out),
        }
    }

    fn listed(&mut self, poll: Poll, result: Result<Reply<V>, EtcdError>, now: Time, out: &mut Out<Effect<V>>) {
        match result {
            Ok(Reply { body: Body::MemberList(members), .. }) => {
                self.endpoints = members.into_iter().flat_map(|member| member.client_urls).collect();
                self.poll(poll, now, out);
            }
            Ok(_) => refuse("unexpected answer", exit::ERROR, out),
            Err(e) => {
                let text = format!("failed to fetch endpoints from etcd cluster member list: {e}");
                refuse(&text, exit::ERROR, out);
            }
        }
    }

    fn poll(&mut self, poll: Poll, now: Time, out: &mut Out<Effect<V>>) {
        let round = Round::new(poll, &self.endpoints, now);
        for (id, endpoint) in (0_u64..).zip(&self.endpoints) {
            let mut ask = |id, op| out.push(Effect::Request { id, endpoint: endpoint.clone(), op });
            match poll {
                Poll::Health => ask(id, Op::Range(RangeOp::new(KeyRange::one("health")))),
                Poll::Status => ask(id, Op::Status),
                Poll::Defrag => ask(id, Op::Defragment),
                Poll::HashKv(at) => ask(id, Op::HashKv(at)),
            }
        }
        self.state = State::Polling { round, deadline: now + self.timeout };
    }

    fn polled(&mut self, round: Round, deadline: Time, out: &mut Out<Effect<V>>) {
        if !round.is_complete() {
            self.state = State::Polling { round, deadline };
            return;
        }
        match round.shown(self.display) {
            Ok((stdout, stderr, code)) => end(Ending { stdout, stderr, code }, out),
            Err(refusal) => end(refusal.ending(), out),
        }
    }

    fn watching(&mut self, header: Option<Header>, input: Input<V>, out: &mut Out<Effect<V>>) {
        self.state = State::Watching { header };
        match input {
            Input::Reply { result: Ok(reply), .. } => self.state = State::Watching { header: Some(reply.header) },
            Input::Reply { result: Err(e), .. } => self.watch_ended(&e, out),
            Input::Canceled(why) => self.watch_ended(&why, out),
            Input::Progress(revision) => out.push(Effect::Stdout(format!("progress notify: {revision}\n"))),
            Input::Events { revision, events } => {
                let unknown = Header { cluster_id: 0, member_id: 0, revision, raft_term: 0 };
                let header = Header { revision, ..header.unwrap_or(unknown) };
                match self.display.events(&header, &events) {
                    Ok(text) => print(text, out),
                    Err(refusal) => {
                        self.state = State::Ended;
                        end(refusal.ending(), out);
                    }
                }
            }
            Input::Start | Input::Timer | Input::Interrupt | Input::Written(_) => {}
        }
    }

    fn watch_ended(&mut self, error: &EtcdError, out: &mut Out<Effect<V>>) {
        self.state = State::Ended;
        out.push(Effect::Stderr(format!("watch was canceled ({error})\n")));
        refuse("watch is canceled by the server", exit::INTERRUPTED, out);
    }

    /// Sends every third of the time to live, as the client library does.
    fn keeping_alive(&mut self, id: LeaseId, next: Option<Time>, input: Input<V>, now: Time, out: &mut Out<Effect<V>>) {
        self.state = State::KeepingAlive { id, next };
        match input {
            Input::Reply { result: Ok(reply), .. } => match &reply.body {
                Body::LeaseKeepAlive { ttl: Some(ttl), .. } => {
                    self.state = State::KeepingAlive { id, next: Some(now + Span(ttl.0 / 3)) };
                    match self.display.reply(Subject::LeaseKeepAlive, &reply) {
                        Ok(text) => print(text, out),
                        Err(refusal) => {
                            self.state = State::Ended;
                            end(refusal.ending(), out);
                        }
                    }
                }
                _ => {
                    self.state = State::Ended;
                    let stdout = match self.display.format {
                        Format::Simple => format!("lease {id} expired or revoked.\n"),
                        _ => String::new(),
                    };
                    end(Ending { stdout, stderr: String::new(), code: 0 }, out);
                }
            },
            Input::Timer if next.is_some_and(|next| now >= next) => {
                self.send(0, Op::LeaseKeepAlive(id), out);
                self.state = State::KeepingAlive { id, next: None };
            }
            _ => {}
        }
    }
}

/// The settings of a member that was added, of which all members are known now.
fn name_newcomer<V>(newcomer: &Newcomer, id: u64, result: Result<Reply<V>, EtcdError>, out: &mut Out<Effect<V>>) {
    let members = match result {
        Ok(Reply { body: Body::MemberList(members), .. }) => members,
        Ok(_) => return refuse("unexpected answer", exit::ERROR, out),
        Err(e) => return refuse(&e.to_string(), exit::ERROR, out),
    };
    let peers = members.iter().flat_map(|member| {
        let name = if member.id == id { &newcomer.name } else { &member.name };
        member.peer_urls.iter().map(move |url| format!("{name}={url}"))
    });
    let initial: Vec<String> = peers.collect();
    let stdout = format!(
        "\nETCD_NAME=\"{}\"\nETCD_INITIAL_CLUSTER=\"{}\"\nETCD_INITIAL_ADVERTISE_PEER_URLS=\"{}\"\nETCD_INITIAL_CLUSTER_STATE=\"existing\"\n",
        newcomer.name,
        initial.join(","),
        newcomer.peer_urls
    );
    end(Ending { stdout, stderr: String::new(), code: 0 }, out);
}

/// The database is in its file, or is not.
fn saved<V>(path: &str, result: Result<(), String>, out: &mut Out<Effect<V>>) {
    match result {
        Ok(()) => {
            let version = table::storage_version(command::VERSION);
            let stdout = format!("Snapshot saved at {path}\nServer version {version}\n");
            end(Ending { stdout, stderr: String::new(), code: 0 }, out);
        }
        Err(why) => refuse(&format!("could not open {path}.part (open {path}.part: {why})"), exit::INTERRUPTED, out),
    }
}

/// How a run that shows no answers shows them.
const PLAIN: Display = Display { format: Format::Simple, hex: false, value_only: false, count_only: false };

impl Refusal {
    fn ending(self) -> Ending {
        Ending { stdout: self.stdout, stderr: format!("Error: {}\n", self.error), code: self.code }
    }
}

impl Misread {
    fn ending(self) -> Ending {
        let (stdout, stderr) = match self.why {
            Why::Flag(text) => (help::usage(self.command), format!("Error: {text}\n\n")),
            Why::UnknownCommand(word, meant) => {
                let meant = match &meant[..] {
                    [] => String::new(),
                    meant => format!("\n\nDid you mean this?\n\t{}\n", meant.join("\n\t")),
                };
                let text = format!("Error: unknown command \"{word}\" for \"etcdctl\"{meant}\n");
                (String::new(), text + "Run 'etcdctl --help' for usage.\n")
            }
        };
        Ending { stdout, stderr, code: exit::ERROR }
    }
}

fn print<V>(text: String, out: &mut Out<Effect<V>>) {
    if !text.is_empty() {
        out.push(Effect::Stdout(text));
    }
}

fn end<V>(ending: Ending, out: &mut Out<Effect<V>>) {
    print(ending.stdout, out);
    if !ending.stderr.is_empty() {
        out.push(Effect::Stderr(ending.stderr));
    }
    out.push(Effect::Exit(ending.code));
}

fn refuse<V>(error: &str, code: u8, out: &mut Out<Effect<V>>) {
    end(Ending { stdout: String::new(), stderr: format!("Error: {error}\n"), code }, out);
}

fn finish<V>(text: Result<String, Refusal>, out: &mut Out<Effect<V>>) {
    match text {
        Ok(stdout) => end(Ending { stdout, stderr: String::new(), code: 0 }, out),
        Err(refusal) => end(refusal.ending(), out),
    }
}
