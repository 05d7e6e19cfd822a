//! A small POSIX shell. Models busybox's `ash` (and dash and bash where only the words of errors differ).
//!
//! A script is parsed into [`ast::Node`]s and run by threads, each a stack of frames that can stop at any point: a command
//! that takes time, a pipe, a command substitution and a background job are threads of their own, joined by pipes. All of it
//! is a value, so a running script can be copied and hashed. A script that computes without end is made to wait from time to
//! time, as if it used up a processor.
//! Differs: no job control but `jobs` and `kill`, no `getopts`, no `select`; aliases only where somebody types; a
//! here-document in a command substitution is not read.

use crate::sim::{VecMap, VecSet};
use std::sync::Arc;

use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Family, Input, Place, Process, Spec};

pub mod arith;
pub mod ast;
pub mod brace;
pub mod builtin;
pub mod cond;
pub mod expand;
pub mod parse;
pub mod prompt;
pub mod run;
pub mod thread;
pub mod word;

#[cfg(test)]
mod tests;

use ast::Node;
use parse::Dialect;
use thread::{Frame, Pipe, State, Target, Thread};

/// How many steps a script takes before it has used up its share of the processor.
const SHARE: u32 = 100;
/// How long it then waits.
const PAUSE: Span = Span::millis(10);
/// The most threads at once.
const THREADS: usize = 256;

/// A shell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shell {
    name: String,
    dialect: Dialect,
    source: Source,
    threads: VecMap<u32, Thread>,
    pipes: VecMap<u32, Pipe>,
    next: u32,
    stdin: Vec<u8>,
    stdin_ended: bool,
    traps: VecMap<String, String>,
    signals: Vec<u8>,
    pause: Option<Time>,
    /// What its first thread was at its end.
    ended: Option<Box<Thread>>,
    /// At a terminal: what it remembers between two lines.
    session: Option<prompt::Session>,
    over: bool,
}

/// What a shell leaves to the next one of the same terminal: variables, functions, the directory, jobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Legacy {
    thread: Thread,
    next: u32,
}

impl Legacy {
    /// What the first shell of a terminal begins with.
    pub fn new(spec: &Spec) -> Legacy {
        let mut thread = Thread::new(spec, vec!["bash".into()]);
        thread.vars.insert("PWD".into(), spec.cwd.clone());
        Legacy { thread, next: 1 }
    }

    /// The working directory.
    pub fn cwd(&self) -> &str {
        &self.thread.cwd
    }

    /// Numbers that another shell has used are not used again.
    pub fn skip(&mut self, other: &Legacy) {
        self.next = self.next.max(other.next);
    }
}

/// Where the script comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Source {
    /// `-c`, or a file.
    Text(String),
    /// Standard input, line by line.
    Stdin,
    /// It is being run; whether the last command of it takes the shell's place.
    Running(bool),
}

impl Shell {
    /// The shell that `spec` starts.
    ///
    /// # Errors
    /// The script's file is not there; the words are the shell's.
    pub fn new(spec: &Spec, place: &Place, fs: &crate::workload::Fs) -> Result<Shell, String> {
        let name = spec.argv.first().map_or("sh", |a| a.rsplit('/').next().unwrap_or(a)).to_owned();
        let mut args = spec.argv.iter().skip(1).peekable();
        let mut errexit = false;
        let mut command = false;
        while let Some(flags) = args.next_if(|a| a.starts_with('-') && a.len() > 1) {
            if let Some(long) = flags.strip_prefix("--") {
                _ = long;
                continue;
            }
            errexit |= flags.contains('e');
            command |= flags.contains('c');
            if flags.ends_with('o') {
                args.next();
            }
        }
        let mut positional = vec![name.clone()];
        let source = match (command, args.next()) {
            (true, Some(text)) => {
                if let Some(zero) = args.next() {
                    positional[0].clone_from(zero);
                }
                Source::Text(text.clone())
            }
            (false, Some(file)) => {
                let path = crate::workload::fs::resolve(&spec.cwd, file);
                let data =
                    fs.read(&path).map_err(|_| format!("{name}: can't open '{file}': No such file or directory\n"))?;
                positional[0].clone_from(file);
                Source::Text(String::from_utf8_lossy(&data).into_owned())
            }
            (_, None) => Source::Stdin,
        };
        positional.extend(args.cloned());
        let mut main = Thread::new(spec, positional);
        main.errexit = errexit;
        main.vars.entry("HOSTNAME".into()).or_insert_with(|| place.hostname.clone());
        main.vars.insert("PWD".into(), spec.cwd.clone());
        let dialect = match name.as_str() {
            "bash" | "zsh" => Dialect::Bash,
            _ if place.has_gnu_tools() => Dialect::Dash,
            _ => Dialect::Ash,
        };
        Ok(Shell {
            name,
            dialect,
            source,
            threads: [(0, main)].into(),
            pipes: VecMap::new(),
            next: 1,
            stdin: Vec::new(),
            stdin_ended: false,
            traps: VecMap::new(),
            signals: Vec::new(),
            pause: None,
            ended: None,
            session: None,
            over: false,
        })
    }

    fn begin(&mut self, ctx: &mut Ctx<'_>) {
        let text = match std::mem::replace(&mut self.source, Source::Stdin) {
            Source::Text(text) => text,
            Source::Stdin => {
                self.session.get_or_insert_default();
                self.source = Source::Running(false);
                return;
            }
            source => {
                self.source = source;
                return;
            }
        };
        self.source = Source::Running(true);
        let aliases = self.threads.get(&0).map(|main| main.aliases.clone()).unwrap_or_default();
        match parse::parse_with(&text, self.dialect, &aliases) {
            Ok(node) => {
                if let Some(main) = self.threads.get_mut(&0) {
                    main.frames.push(Frame::Run(node));
                    main.state = State::Ready;
                }
            }
            Err(error) => {
                ctx.eprint(format!("{}{}\n", self.prefix(ctx), error.words(self.dialect)));
                self.over = true;
                ctx.exit(2);
            }
        }
    }

    /// What stands before an error: `sh: `, `sh: 1: ` (dash), `bash: line 1: `.
    pub(super) fn prefix(&self, ctx: &Ctx<'_>) -> String {
        match self.name.as_str() {
            "bash" if self.is_at_terminal() || ctx.place.family == Family::Terminal => "bash: ".into(),
            "bash" => "bash: line 1: ".into(),
            name if self.dialect == Dialect::Dash => format!("{name}: 1: "),
            name => format!("{name}: "),
        }
    }

    /// Runs all threads until each waits for something.
    fn pump(&mut self, ctx: &mut Ctx<'_>) {
        let mut steps = 0;
        while !self.over {
            self.feed(ctx);
            let ready: Vec<u32> =
                self.threads.iter().filter(|(_, t)| t.state == State::Ready).map(|(id, _)| *id).collect();
            if ready.is_empty() {
                if self.join(ctx) {
                    continue;
                }
                break;
            }
            for id in ready {
                steps += 1;
                self.step(id, ctx);
            }
            self.join(ctx);
            if steps > SHARE {
                ctx.push(Effect::Usage { cpu_millis: 1_000, memory: 1_200_000 });
                self.pause = Some(ctx.now + PAUSE);
                return;
            }
        }
    }

    /// What comes in goes to the threads that read it.
    fn feed(&mut self, ctx: &mut Ctx<'_>) {
        let readers: Vec<(u32, Target)> = (self.threads.iter())
            .filter_map(|(id, t)| match &t.state {
                State::Running { stdin, ended: false, .. } if *stdin != Target::Stdin || self.takes_input(&t.state) => {
                    Some((*id, stdin.clone()))
                }
                _ => None,
            })
            .collect();
        for (id, target) in readers {
            let (bytes, ended) = match target {
                Target::Pipe(pipe) => {
                    let bytes = self.pipes.get_mut(&pipe).map(|p| std::mem::take(&mut p.buffer)).unwrap_or_default();
                    (bytes, !self.has_writer(pipe))
                }
                Target::Stdin => (std::mem::take(&mut self.stdin), self.stdin_ended),
                _ => (Vec::new(), true),
            };
            if !bytes.is_empty() {
                self.child(id, Input::Stdin(bytes), ctx);
            }
            if ended && let Some(State::Running { ended, .. }) = self.threads.get_mut(&id).map(|t| &mut t.state) {
                *ended = true;
                self.child(id, Input::StdinEnd, ctx);
            }
        }
    }

    /// Whether somebody may still write to a pipe.
    fn has_writer(&self, pipe: u32) -> bool {
        self.threads.values().any(|t| t.state != State::Done && t.writes_to(pipe))
    }

    /// Whether somebody may still read from a pipe.
    fn has_reader(&self, pipe: u32) -> bool {
        self.pipes.get(&pipe).is_some_and(|p| p.captured)
            || self.threads.values().any(|t| t.state != State::Done && t.reads_from(pipe))
    }

    /// Threads that waited for others that are done go on; whether there were any.
    fn join(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let mut any = false;
        let ids: Vec<u32> = self.threads.keys().copied().collect();
        for id in ids {
            let Some(thread) = self.threads.get(&id) else { continue };
            let done = |c: &u32| self.threads.get(c).is_none_or(|t| t.state == State::Done);
            match &thread.state {
                State::Waiting(children) if children.iter().all(done) => {
                    let children = children.clone();
                    self.joined(id, &children);
                    any = true;
                }
                State::Capturing(child, pipe) if done(child) => {
                    let (child, pipe) = (*child, *pipe);
                    self.captured(id, child, pipe);
                    any = true;
                }
                State::Reading(names) => {
                    let names = names.clone();
                    any |= self.read_line(id, &names);
                }
                _ => {}
            }
        }
        any |= self.end_main(ctx);
        self.pipes.retain(|pipe, p| {
            p.captured
                || self.threads.values().any(|t| t.state != State::Done && (t.reads_from(*pipe) || t.writes_to(*pipe)))
        });
        any
    }

    fn joined(&mut self, id: u32, children: &[u32]) {
        let status = children.last().and_then(|c| self.threads.get(c)).map(|t| t.status);
        for child in children {
            self.threads.remove(child);
        }
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.status = status.unwrap_or(thread.status);
            thread.state = State::Ready;
            thread.check_errexit();
        }
    }

    fn captured(&mut self, id: u32, child: u32, pipe: u32) {
        let status = self.threads.remove(&child).map_or(0, |t| t.status);
        let bytes = self.pipes.remove(&pipe).map(|p| p.buffer).unwrap_or_default();
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.status = status;
            thread.state = State::Ready;
            if let Some(Frame::Expand { outputs, .. }) = thread.frames.last_mut() {
                outputs.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }

    /// The first thread is done: the trap of EXIT, then the end.
    fn end_main(&mut self, ctx: &mut Ctx<'_>) -> bool {
        if self.lives_on() && self.threads.values().all(|t| t.state == State::Done) {
            self.over = true;
            ctx.exit(0);
            return true;
        }
        if self.threads.get(&0).is_none_or(|main| main.state != State::Done) {
            return false;
        }
        let gave_up = self.threads.get(&0).is_some_and(|main| main.gave_up);
        if self.session.as_ref().is_some_and(|session| !session.leaves && !gave_up) && self.next_line(ctx) {
            return true;
        }
        if self.session.as_ref().is_some_and(|session| !session.leaves && !gave_up) {
            return false;
        }
        let left = self.threads.iter().any(|(id, t)| *id != 0 && t.state != State::Done);
        let Some(main) = self.threads.get_mut(&0) else { return false };
        if let Some(Ok(node)) = self.traps.remove("EXIT").map(|text| parse::parse(&text, self.dialect)) {
            main.frames = vec![Frame::Status(main.status), Frame::Run(node)];
            main.state = State::Ready;
            return true;
        }
        ctx.exit(main.status);
        // What runs in the background does so without its shell.
        self.over = !left;
        self.ended = self.threads.remove(&0).map(Box::new);
        true
    }

    /// What a shell that a thread ran leaves behind runs on as a job of this one.
    fn adopt(&mut self, id: u32) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        if !matches!(&thread.state, State::Running { process: Process::Shell(shell), .. } if shell.lives_on()) {
            return;
        }
        let mut job = thread.fork();
        std::mem::swap(&mut job.state, &mut thread.state);
        let new = self.next;
        self.next += 1;
        self.threads.insert(new, job);
    }

    /// A shell for the next line of somebody who types: it goes on where another one was at its end.
    pub fn after(text: &str, legacy: &Legacy) -> Shell {
        let mut main = legacy.thread.clone();
        (main.errexit, main.gave_up) = (false, false);
        Shell {
            name: "bash".into(),
            dialect: Dialect::Bash,
            source: Source::Text(text.to_owned()),
            threads: [(0, main)].into(),
            pipes: VecMap::new(),
            next: legacy.next,
            stdin: Vec::new(),
            stdin_ended: false,
            traps: VecMap::new(),
            signals: Vec::new(),
            pause: None,
            ended: None,
            session: None,
            over: false,
        }
    }

    /// What it leaves to the shell of the next line.
    pub fn legacy(&mut self) -> Option<Legacy> {
        let mut thread = *self.ended.take().or_else(|| self.threads.remove(&0).map(Box::new))?;
        thread.frames.clear();
        thread.state = State::Ready;
        thread.fds = Thread::terminal();
        Some(Legacy { thread, next: self.next })
    }

    /// What runs in the background: its number as `$!` tells it, and what it is.
    pub fn background_jobs(&self) -> impl Iterator<Item = (u32, &str)> {
        let jobs = self.threads.iter().filter(|(_, thread)| !thread.title.is_empty() && thread.state != State::Done);
        jobs.map(|(id, thread)| (run::PID + id, thread.title.as_str()))
    }

    /// Ends a job of the background.
    pub fn kill_job(&mut self, pid: u32, signal: u8) {
        if let Some(thread) = pid.checked_sub(run::PID).and_then(|id| self.threads.get_mut(&id)) {
            thread.finish(128 + signal);
        }
    }

    /// Whether the shell itself is over, and jobs of it are not.
    pub fn lives_on(&self) -> bool {
        !self.over && !self.threads.contains_key(&0)
    }

    /// A new thread like `parent` that runs `node`.
    fn fork(&mut self, parent: u32, node: Arc<Node>) -> Option<u32> {
        if self.threads.len() >= THREADS {
            return None;
        }
        let mut thread = self.threads.get(&parent)?.fork();
        thread.frames = vec![Frame::Run(node)];
        let id = self.next;
        self.next += 1;
        self.threads.insert(id, thread);
        Some(id)
    }

    fn pipe(&mut self, buffer: Vec<u8>, captured: bool) -> u32 {
        let id = self.next;
        self.next += 1;
        self.pipes.insert(id, Pipe { buffer, captured });
        id
    }

    /// Hands an input to the process that a thread runs.
    fn child(&mut self, id: u32, input: Input, ctx: &mut Ctx<'_>) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        let State::Running { process, stdout, stderr, .. } = &mut thread.state else { return };
        let (stdout, stderr) = (stdout.clone(), stderr.clone());
        let mut effects = Vec::new();
        process.handle(input, &mut ctx.with_out(&mut effects));
        for effect in effects {
            match effect {
                Effect::Stdout(bytes) => self.write(id, &stdout, &bytes, ctx),
                Effect::Stderr(bytes) => self.write(id, &stderr, &bytes, ctx),
                Effect::Exit(code) => {
                    self.adopt(id);
                    if let Some(thread) = self.threads.get_mut(&id) {
                        thread.status = code;
                        thread.state = State::Ready;
                        thread.check_errexit();
                    }
                    return;
                }
                other => ctx.push(other),
            }
        }
    }

    /// Writes to where a descriptor leads. A pipe that nobody reads ends the writer.
    fn write(&mut self, id: u32, target: &Target, bytes: &[u8], ctx: &mut Ctx<'_>) {
        match target {
            Target::Out => ctx.print(bytes),
            Target::Err => ctx.eprint(bytes),
            Target::File(path) => {
                if let Err(error) = ctx.fs.write(path, bytes, true) {
                    ctx.eprint(format!("{}write error: {error}\n", self.prefix(ctx)));
                }
            }
            Target::Pipe(pipe) => {
                if self.has_reader(*pipe) {
                    if let Some(pipe) = self.pipes.get_mut(pipe) {
                        pipe.buffer.extend_from_slice(bytes);
                    }
                } else if let Some(thread) = self.threads.get_mut(&id) {
                    thread.finish(141);
                }
            }
            Target::Null | Target::Stdin => {}
        }
    }

    /// A signal for the shell.
    fn signal(&mut self, signal: u8, ctx: &mut Ctx<'_>) {
        match signal {
            crate::workload::SIGWINCH => return self.resized(ctx),
            crate::workload::SIGINT if self.interrupted() => return,
            _ => {}
        }
        let replaced = self.threads.get(&0).is_some_and(|t| t.frames.is_empty());
        if replaced && self.source == Source::Running(true) && self.traps.is_empty() {
            // The last command took the shell's place.
            return self.child(0, Input::Signal(signal), ctx);
        }
        if self.traps.contains_key(builtin::signal_name(signal)) {
            self.signals.push(signal);
            if let Some(main) = self.threads.get_mut(&0)
                && matches!(&main.state, State::Waiting(_))
                && matches!(main.frames.last(), Some(Frame::Wait))
            {
                main.status = 128 + signal;
                main.state = State::Ready;
            }
        }
    }
}

impl Program for Shell {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        if self.over {
            return;
        }
        match input {
            Input::Start => self.begin(ctx),
            Input::Stdin(bytes) => self.stdin.extend_from_slice(&bytes),
            Input::StdinEnd => {
                if let Some(reader) = self.input_ended() {
                    self.child(reader, Input::StdinEnd, ctx);
                } else {
                    self.stdin_ended = true;
                }
            }
            Input::Signal(signal) => self.signal(signal, ctx),
            Input::Timer => {
                if self.pause.is_some_and(|at| at <= ctx.now) {
                    self.pause = None;
                    ctx.push(Effect::Usage { cpu_millis: 0, memory: 1_200_000 });
                }
                let due: Vec<u32> = (self.threads.iter())
                    .filter(|(_, t)| t.wake_at().is_some_and(|at| at <= ctx.now))
                    .map(|(id, _)| *id)
                    .collect();
                for id in due {
                    self.child(id, Input::Timer, ctx);
                }
            }
            other => {
                let running: VecSet<u32> =
                    self.threads.iter().filter(|(_, t)| t.is_running()).map(|(id, _)| *id).collect();
                for id in running {
                    self.child(id, other.clone(), ctx);
                }
            }
        }
        if self.pause.is_none() && !matches!(self.source, Source::Text(_) | Source::Stdin) {
            self.pump(ctx);
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.threads.values().filter_map(Thread::wake_at).chain(self.pause).min()
    }

    fn launched(&self, found: &mut Vec<u32>) {
        for thread in self.threads.values() {
            if let State::Running { process, .. } = &thread.state {
                process.launched(found);
            }
        }
    }
}

/// Whether a script of bash ends before it is complete: a quote, a loop, a here-document is open.
pub fn is_open(text: &str) -> bool {
    match parse::parse(text, Dialect::Bash) {
        Ok(_) => word::leaves_document_open(text, Dialect::Bash),
        Err(error) => matches!(error, parse::ParseError::End(_) | parse::ParseError::Quote),
    }
}

/// Whether a process is a shell.
pub fn is_shell(process: &Process) -> bool {
    matches!(process, Process::Shell(_))
}
