//! Hosting processes: contexts in, effects out, sockets, output, exit.

use std::sync::Arc;

use crate::api::http::StreamInput;
use crate::net::{SocketEvent, SocketId, SocketOp};
use crate::node::runtime::container::Container;
use crate::node::runtime::cri::*;
use crate::node::runtime::tty::{self, Tty, Typed};
use crate::node::runtime::{Due, Effect, Runtime};
use crate::node::socket_table::{SocketTable, of_token};
use crate::sim::{EventId, Out, Span, Time};
use crate::workload::program::forward::Forward;
use crate::workload::{
    self, Ctx, Ids, Place, ProcInfo, Process, Program as _, SIGINT, SIGKILL, Spec, dns::Zone, ingress::Routes, registry,
};

/// What is kept of each stream of a collected output.
const MOST_OUTPUT: usize = 16 << 20;

/// A process of this node; never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcId(pub u32);

/// Where a process runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Where {
    /// In a container.
    Container(ContainerId),
    /// On the node itself.
    Host,
}

/// What a process is there for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A container's first process.
    Main,
    /// A probe or a hook: its output is collected.
    Sync(OpId, Output),
    /// `kubectl exec`.
    Stream(OpId),
    /// A command line on the node.
    Host(u64),
    /// What runs on after whoever started it is gone; nobody reads what it prints.
    Orphan,
}

/// How a command is run in a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exec {
    /// Its output is collected; it is killed after so long.
    Sync(Option<Span>),
    /// Its output is passed on as it comes.
    Stream {
        /// Whether its input comes as it goes.
        stdin: bool,
        /// Whether at a terminal.
        tty: bool,
    },
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proc {
    /// Where.
    pub place: Where,
    /// What for.
    pub role: Role,
    /// Its number in its container.
    pub pid: u32,
    /// When it started.
    pub started: Time,
    /// Its command line.
    pub command: String,
    process: Process,
    ids: Ids,
    sockets: SocketTable,
    wake: Option<Time>,
    stdin: Option<Vec<u8>>,
    tty: Option<Tty>,
    cause: Option<EventId>,
}

impl Proc {
    /// The event that last gave it something to do; what it does when a time comes is of that.
    pub(super) fn cause(&self) -> Option<EventId> {
        self.cause
    }

    /// Whether it goes on after it told its exit code: jobs in the background of a shell that somebody started in passing.
    fn lives_on(&self) -> bool {
        let passing = matches!(self.role, Role::Stream(_) | Role::Host(_));
        passing && matches!(&self.process, Process::Shell(shell) if shell.lives_on())
    }
}

impl Runtime {
    pub(super) fn spawn(&mut self, place: Where, role: Role, process: Process, spec: &Spec, now: Time) -> ProcId {
        let id = ProcId(self.next_proc);
        self.next_proc += 1;
        let pid = self.next_pid(&place, id);
        let command = spec.argv.join(" ");
        let proc = Proc {
            place,
            role,
            pid,
            started: now,
            command,
            process,
            ids: Ids::default(),
            sockets: SocketTable::default(),
            wake: None,
            stdin: None,
            tty: None,
            cause: None,
        };
        self.procs.insert(id, proc);
        id
    }

    /// A process begins. Whoever has input for it must know; others hear of it with its first output.
    pub(super) fn begin(&mut self, id: ProcId, now: Time, out: &mut Out<Effect>) {
        if let Some(Proc { role: Role::Stream(op), stdin: None, .. }) = self.procs.get(&id) {
            Self::answer(*op, CriAnswer::Began, out);
        }
        self.run(id, workload::Input::Start, now, out);
    }

    /// Whether a process has standard input, which is at its end otherwise, and a terminal.
    pub(super) fn set_stdin(&mut self, id: ProcId, stdin: bool, tty: bool) {
        let Some(proc) = self.procs.get_mut(&id) else { return };
        proc.stdin = (!stdin && !tty).then(Vec::new);
        proc.tty = tty.then(Tty::default);
        if let (true, Process::Shell(shell)) = (tty, &mut proc.process) {
            shell.interact();
        }
    }

    /// Whether a process is a shell.
    pub(super) fn is_shell(&self, id: ProcId) -> bool {
        self.procs.get(&id).is_some_and(|proc| matches!(proc.process, Process::Shell(_)))
    }

    /// Hands an input to a process and does what it wants.
    pub(super) fn run(&mut self, id: ProcId, input: workload::Input, now: Time, out: &mut Out<Effect>) {
        let Some(mut proc) = self.procs.remove(&id) else { return };
        let starts = matches!(input, workload::Input::Start);
        proc.cause = out.cause();
        let mut effects = Vec::new();
        self.step(&mut proc, input, now, &mut effects);
        if starts && !ended(&effects) {
            let zone = workload::Input::DnsRecords(self.zone.clone());
            self.step(&mut proc, zone, now, &mut effects);
            if matches!(proc.process, Process::IngressNginx(_)) {
                let routes = workload::Input::IngressRoutes(self.routes.clone());
                self.step(&mut proc, routes, now, &mut effects);
            }
            for input in stdin(proc.stdin.take()) {
                self.step(&mut proc, input, now, &mut effects);
            }
        }
        if let Some(at) = proc.wake.take() {
            self.timers.remove(&(at, id));
        }
        proc.wake = proc.process.wake_at();
        if let Some(at) = proc.wake {
            self.timers.insert((at, id));
        }
        let place = proc.place.clone();
        self.procs.insert(id, proc);
        for effect in effects {
            if !self.procs.contains_key(&id) {
                break;
            }
            self.effect(id, &place, effect, now, out);
        }
    }

    /// Takes in what comes on the standard input of a command.
    pub(super) fn stream_input(&mut self, op: OpId, input: StreamInput, now: Time, out: &mut Out<Effect>) {
        if self.attached_input(op, &input, now, out) {
            return;
        }
        let reader = self.procs.iter().find(|(_, proc)| proc.role == Role::Stream(op)).map(|(id, _)| *id);
        if let Some(id) = reader {
            self.typed(id, input, now, out);
        }
    }

    pub(super) fn typed(&mut self, id: ProcId, input: StreamInput, now: Time, out: &mut Out<Effect>) {
        let Some(proc) = self.procs.get_mut(&id) else { return };
        let (place, first) = (proc.place.clone(), proc.role == Role::Main);
        let done = match (input, &mut proc.tty) {
            (StreamInput::End, _) => vec![Typed::End],
            (StreamInput::Stdin(bytes), Some(tty)) => tty.typed(&bytes),
            (StreamInput::Stdin(bytes), None) => vec![Typed::Input(bytes)],
        };
        for typed in done {
            match typed {
                Typed::Echo(bytes) => self.output(id, &place, bytes, false, now, out),
                Typed::Input(bytes) => self.run(id, workload::Input::Stdin(bytes), now, out),
                Typed::End => self.run(id, workload::Input::StdinEnd, now, out),
                Typed::Interrupt => {
                    let outlives = first || self.is_shell(id);
                    self.run(id, workload::Input::Signal(SIGINT), now, out);
                    // A program that does nothing about it dies of it.
                    if !outlives {
                        self.exited(id, 128 + SIGINT, now, out);
                    }
                }
            }
        }
    }

    /// What a program writes to a terminal comes out of it in one stream.
    fn at_terminal(&self, id: ProcId, bytes: Vec<u8>, stderr: bool) -> (Vec<u8>, bool) {
        let has = self.procs.get(&id).is_some_and(|proc| proc.tty.is_some());
        if has { (tty::shown(&bytes), false) } else { (bytes, stderr) }
    }

    fn step(&mut self, proc: &mut Proc, input: workload::Input, now: Time, effects: &mut Vec<workload::Effect>) {
        // Only a shell or a tool ever looks at the process table.
        let looks = matches!(proc.process, Process::Shell(_) | Process::Immediate(_));
        let mut procs = if looks { self.seen_from(&proc.place) } else { Vec::new() };
        procs.push(ProcInfo { pid: proc.pid, started: proc.started, command: proc.command.clone() });
        procs.sort();
        let (rng, ids, procs, out) = (&mut self.rng, &mut proc.ids, &procs[..], effects);
        match &proc.place {
            Where::Container(id) => {
                let Some(Container { fs, place, mounts, .. }) = self.containers.get_mut(id) else { return };
                mounts.bring_in(&mut self.host_fs, fs);
                let before = fs.changes();
                proc.process.handle(input, &mut Ctx { now, fs: &mut *fs, rng, ids, place, procs, out });
                mounts.carry_out(before, &mut self.host_fs, fs);
            }
            Where::Host => {
                let (fs, place) = (&mut self.host_fs, &self.host);
                proc.process.handle(input, &mut Ctx { now, fs, rng, ids, place, procs, out });
            }
        }
    }

    fn effect(&mut self, id: ProcId, place: &Where, effect: workload::Effect, now: Time, out: &mut Out<Effect>) {
        match effect {
            workload::Effect::Net(op) => {
                let Some(proc) = self.procs.get_mut(&id) else { return };
                let ops = proc.sockets.op(id.0, op);
                self.sockets(place, ops, out);
            }
            workload::Effect::Stdout(bytes) => {
                let (bytes, stderr) = self.at_terminal(id, bytes, false);
                self.output(id, place, bytes, stderr, now, out);
            }
            workload::Effect::Stderr(bytes) => {
                let (bytes, stderr) = self.at_terminal(id, bytes, true);
                self.output(id, place, bytes, stderr, now, out);
            }
            workload::Effect::Exit(code) => self.exited(id, code, now, out),
            workload::Effect::Query { id: number, argv, cwd } => {
                let sandbox = self.sandbox_of(place);
                out.push(Effect::Query { proc: id, sandbox, id: number, argv, cwd });
            }
            workload::Effect::Kill { pid, signal } => self.signal(place, pid, signal, now, out),
            workload::Effect::Compute { cost, then } => self.compute(id, place, (cost, then), now, out),
            workload::Effect::Usage { cpu_millis, memory } => self.usage(id, place, cpu_millis, memory, now, out),
            // Only the terminal's shell knows such programs.
            workload::Effect::Launch { .. } => {}
            workload::Effect::OutOfMemory => {
                if let Where::Container(container) = place {
                    self.end_container(container, 137, "OOMKilled", now, out);
                }
            }
        }
    }

    /// The name and number of the process that has a socket, and its descriptor.
    pub fn process_of_socket(&self, token: u64) -> Option<(String, u32, u32)> {
        let (number, fd) = of_token(token);
        let proc = self.procs.get(&ProcId(number))?;
        // The script of an image replaces itself by the program that it is to start.
        let mut words = proc.command.split(' ').skip_while(|word| word.ends_with("docker-entrypoint.sh"));
        let program = words.next().unwrap_or_default();
        Some((program.rsplit('/').next().unwrap_or(program).to_owned(), proc.pid, fd.0))
    }

    /// The container of a process; `None` for one of the node itself.
    pub fn container_of(&self, proc: ProcId) -> Option<&Container> {
        let Where::Container(id) = &self.procs.get(&proc)?.place else { return None };
        self.containers.get(id)
    }

    /// Where a process runs: what it sees of its container, or of the node.
    pub fn place_of(&self, proc: ProcId) -> &Place {
        self.container_of(proc).map_or(&self.host, |container| &container.place)
    }

    fn sandbox_of(&self, place: &Where) -> Option<SandboxId> {
        let Where::Container(id) = place else { return None };
        let sandbox = &self.containers.get(id)?.view.sandbox;
        // On the host network the namespace is the node's.
        self.sandboxes.get(sandbox).filter(|s| !s.config.host_network).map(|s| s.view.id.clone())
    }

    fn sockets(&self, place: &Where, ops: Vec<SocketOp>, out: &mut Out<Effect>) {
        let sandbox = self.sandbox_of(place);
        for op in ops {
            out.push(Effect::Socket(sandbox.clone(), op));
        }
    }

    pub(super) fn socket_event(
        &mut self,
        token: u64,
        socket: SocketId,
        event: SocketEvent,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let (number, fd) = of_token(token);
        let id = ProcId(number);
        let Some(proc) = self.procs.get_mut(&id) else {
            // The process ended before its socket was open.
            if matches!(event, SocketEvent::Opened | SocketEvent::Bound { .. } | SocketEvent::Accepted { .. }) {
                out.push(Effect::Socket(None, SocketOp::Close { socket }));
            }
            return;
        };
        let (told, ops) = proc.sockets.event(fd, socket, event, &mut proc.ids);
        let place = proc.place.clone();
        self.sockets(&place, ops, out);
        if let Some(event) = told {
            self.run(id, workload::Input::Net(event), now, out);
        }
    }

    fn output(&mut self, id: ProcId, place: &Where, bytes: Vec<u8>, stderr: bool, now: Time, out: &mut Out<Effect>) {
        let Some(proc) = self.procs.get_mut(&id) else { return };
        match &mut proc.role {
            Role::Sync(_, output) => {
                let stream = if stderr { &mut output.stderr } else { &mut output.stdout };
                let room = MOST_OUTPUT.saturating_sub(stream.len());
                stream.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Role::Stream(op) => {
                let answer = if stderr { CriAnswer::Stderr(bytes) } else { CriAnswer::Stdout(bytes) };
                Self::answer(*op, answer, out);
            }
            Role::Host(id) => {
                use crate::api::http::Chunk;
                out.push(Effect::Host(*id, if stderr { Chunk::Stderr(bytes) } else { Chunk::Stdout(bytes) }));
            }
            Role::Orphan => {}
            Role::Main => {
                let Where::Container(container_id) = place else { return };
                let Some(container) = self.containers.get_mut(container_id) else { return };
                // A terminal ends lines with a carriage return, which the log is spared.
                let lines = container.log.write(&tty::plain(&bytes), stderr, now);
                self.pass_on(container_id, &lines, out);
                self.tell_attached(container_id, &bytes, stderr, out);
            }
        }
    }

    fn exited(&mut self, id: ProcId, code: u8, now: Time, out: &mut Out<Effect>) {
        let (role, place) = match self.procs.get_mut(&id) {
            None => return,
            Some(proc) if proc.lives_on() => (std::mem::replace(&mut proc.role, Role::Orphan), proc.place.clone()),
            Some(_) => match self.end_process(id, out) {
                None => return,
                Some(proc) => (proc.role, proc.place),
            },
        };
        match (role, place) {
            (Role::Main, Where::Container(container)) => {
                let reason = if code == 0 { "Completed" } else { "Error" };
                self.end_container(&container, code, reason, now, out);
            }
            (Role::Sync(op, output), _) => Self::answer(op, CriAnswer::Executed(code, output), out),
            (Role::Stream(op), _) => Self::answer(op, CriAnswer::StreamEnd(Some(code)), out),
            (Role::Host(id), _) => {
                out.push(Effect::Host(id, crate::api::http::Chunk::Exit(code)));
                out.push(Effect::Host(id, crate::api::http::Chunk::End));
            }
            (Role::Main | Role::Orphan, _) => {}
        }
    }

    /// Takes a process out and closes its sockets.
    fn end_process(&mut self, id: ProcId, out: &mut Out<Effect>) -> Option<Proc> {
        let mut proc = self.procs.remove(&id)?;
        if let Some(at) = proc.wake.take() {
            self.timers.remove(&(at, id));
        }
        let ops = proc.sockets.close_all();
        self.sockets(&proc.place, ops, out);
        Some(proc)
    }

    /// The container is over: all its processes are killed.
    pub(super) fn end_processes_of(&mut self, container: &ContainerId, out: &mut Out<Effect>) {
        let place = Where::Container(container.clone());
        let inside: Vec<ProcId> = self.procs.iter().filter(|(_, p)| p.place == place).map(|(id, _)| *id).collect();
        for id in inside {
            match self.end_process(id, out).map(|p| p.role) {
                Some(Role::Sync(op, output)) => Self::answer(op, CriAnswer::Executed(137, output), out),
                Some(Role::Stream(op)) => Self::answer(op, CriAnswer::StreamEnd(Some(137)), out),
                _ => {}
            }
        }
    }

    fn signal(&mut self, place: &Where, pid: u32, signal: u8, now: Time, out: &mut Out<Effect>) {
        let Some(id) = self.numbered(place, pid) else { return };
        let Some(role) = self.procs.get(&id).map(|proc| proc.role.clone()) else { return };
        match role {
            // A first process gets no signal from inside that it has no handler for; SIGKILL never.
            Role::Main if signal == SIGKILL && pid == 1 => {}
            Role::Main if signal == SIGKILL => self.exited(id, 128 + signal, now, out),
            Role::Main => self.run(id, workload::Input::Signal(signal), now, out),
            _ => self.exited(id, 128 + signal, now, out),
        }
    }

    fn usage(&mut self, id: ProcId, place: &Where, cpu_millis: u32, memory: u64, now: Time, out: &mut Out<Effect>) {
        let Where::Container(container_id) = place else { return };
        let Some(container) = self.containers.get_mut(container_id).filter(|c| c.main == Some(id) || c.main.is_none())
        else {
            return;
        };
        container.cpu.set_steady(cpu_millis.into(), now);
        self.memory_of(container_id, memory, now, out);
    }

    /// A process computes, as far as its container's limit lets it.
    fn compute(&mut self, id: ProcId, place: &Where, (cost, then): (Span, Option<u32>), now: Time, out: &Out<Effect>) {
        let container = match place {
            Where::Container(container) => self.containers.get_mut(container),
            Where::Host => None,
        };
        let done = container.map_or(now + cost, |container| container.cpu.compute(cost, now));
        if let Some(what) = then {
            self.later(done, Due::Computed(id, what), out);
        }
    }

    /// Starts a command in a container.
    pub(super) fn exec(
        &mut self,
        op: OpId,
        container: &ContainerId,
        command: Vec<String>,
        how: Exec,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let step = if matches!(how, Exec::Sync(_)) { "failed to exec in container: " } else { "" };
        let Some(found) = self.containers.get_mut(container).filter(|c| c.view.phase.is_running()) else {
            let words = match self.containers.get(container).map(|c| c.view.phase.is_exited()) {
                None => format!("NotFound desc = {step}failed to find container {:?} in store: not found", container.0),
                Some(true) => format!("Unknown desc = {step}container is in CONTAINER_EXITED state"),
                Some(false) => format!("Unknown desc = {step}container is in CONTAINER_CREATED state"),
            };
            return Self::answer(op, CriAnswer::Failed(format!("rpc error: code = {words}")), out);
        };
        let spec = Spec { argv: command, env: found.env(), cwd: "/".into() };
        found.mounts.bring_in(&mut self.host_fs, &mut found.fs);
        match registry::start(&spec, &found.place, &found.fs) {
            Ok(process) => {
                let (role, stdin, tty) = match how {
                    Exec::Sync(_) => (Role::Sync(op, Output::default()), false, false),
                    Exec::Stream { stdin, tty } => (Role::Stream(op), stdin, tty),
                };
                let id = self.spawn(Where::Container(container.clone()), role, process, &spec, now);
                self.set_stdin(id, stdin, tty);
                self.later(now + self.config.timing.exec, Due::Begin(id), out);
                if let Exec::Sync(Some(timeout)) = how {
                    self.later(now + timeout, Due::ExecTimeout(id), out);
                }
            }
            Err(words) => {
                let exec = self.hex();
                // The error of a stream comes on the stream, that of a call as gRPC writes it.
                let call = if matches!(how, Exec::Sync(_)) { "rpc error: code = Unknown desc = " } else { "" };
                let words = format!(
                    "{call}failed to exec in container: failed to start exec \"{exec}\": OCI runtime exec failed: exec failed: unable to start container process: {words}: unknown"
                );
                self.later(now + self.config.timing.exec, Due::Answer(op, CriAnswer::Failed(words)), out);
            }
        }
    }

    /// Connects to a port in a sandbox. containerd does it itself, in the network namespace: no process of a container shows.
    pub(super) fn forward(&mut self, op: OpId, sandbox: &SandboxId, port: u16, now: Time, out: &mut Out<Effect>) {
        let inside = self.containers.values().find(|c| c.view.sandbox == *sandbox && c.view.phase.is_running());
        let Some(inside) = inside.map(|c| c.view.id.clone()) else {
            let words = format!("failed to find a running container in sandbox {:?}", sandbox.0);
            return Self::answer(op, CriAnswer::Failed(words), out);
        };
        let spec = Spec { argv: Vec::new(), env: crate::sim::VecMap::new(), cwd: "/".into() };
        let process = Forward::new(sandbox.0.clone(), port).into();
        let id = self.spawn(Where::Container(inside), Role::Stream(op), process, &spec, now);
        self.begin(id, now, out);
    }

    pub(super) fn exec_timeout(&mut self, id: ProcId, out: &mut Out<Effect>) {
        if let Some(Proc { role: Role::Sync(op, _), .. }) = self.end_process(id, out) {
            Self::answer(op, CriAnswer::ExecTimedOut, out);
        }
    }

    pub(super) fn cancel(&mut self, op: OpId, now: Time, out: &mut Out<Effect>) {
        self.followers.remove(&op);
        self.detach(op, now, out);
        let running = self.procs.iter().find(|(_, p)| p.role == Role::Stream(op)).map(|(id, _)| *id);
        if let Some(id) = running {
            self.end_process(id, out);
        }
    }

    pub(super) fn set_zone(&mut self, zone: Arc<Zone>, now: Time, out: &mut Out<Effect>) {
        self.zone = zone;
        let all: Vec<ProcId> = self.procs.iter().filter(|(_, p)| p.role == Role::Main).map(|(id, _)| *id).collect();
        for id in all {
            self.run(id, workload::Input::DnsRecords(self.zone.clone()), now, out);
        }
    }

    pub(super) fn set_routes(&mut self, routes: Arc<Routes>, now: Time, out: &mut Out<Effect>) {
        self.routes = routes;
        let is_one = |proc: &Proc| matches!(proc.process, Process::IngressNginx(_));
        let all: Vec<ProcId> = self.procs.iter().filter(|(_, proc)| is_one(proc)).map(|(id, _)| *id).collect();
        for id in all {
            self.run(id, workload::Input::IngressRoutes(self.routes.clone()), now, out);
        }
    }

    pub(super) fn host_line(&mut self, id: u64, line: &str, now: Time, out: &Out<Effect>) {
        let spec = Spec {
            argv: vec!["sh".into(), "-c".into(), line.into()],
            env: crate::node::runtime::host::env(),
            cwd: "/root".into(),
        };
        let process = registry::start(&spec, &self.host, &self.host_fs).expect("every node has a shell");
        let proc = self.spawn(Where::Host, Role::Host(id), process, &spec, now);
        self.set_stdin(proc, false, false);
        self.later(now + Span::millis(1), Due::Begin(proc), out);
    }

    /// Ctrl-C: the program may say a last word; then it is over.
    pub(super) fn host_cancel(&mut self, id: u64, now: Time, out: &mut Out<Effect>) {
        let running = self.procs.iter().find(|(_, p)| p.role == Role::Host(id)).map(|(proc, _)| *proc);
        if let Some(proc) = running {
            self.run(proc, workload::Input::Signal(SIGINT), now, out);
            self.exited(proc, 128 + SIGINT, now, out);
        }
    }
}

fn ended(effects: &[workload::Effect]) -> bool {
    effects.iter().any(|e| matches!(e, workload::Effect::Exit(_) | workload::Effect::OutOfMemory))
}

/// The inputs that a whole standard input makes.
fn stdin(bytes: Option<Vec<u8>>) -> Vec<workload::Input> {
    match bytes {
        None => Vec::new(),
        Some(bytes) if bytes.is_empty() => vec![workload::Input::StdinEnd],
        Some(bytes) => vec![workload::Input::Stdin(bytes), workload::Input::StdinEnd],
    }
}
