//! A running command: a state machine around a verb that is replayed.
//!
//! Whenever something arrives, the verb runs again from its start over everything recorded so far; only output beyond
//! what was printed before goes out. Two things keep that linear: a loop over many objects commits each finished object
//! ([`Ctx::each`](super::ctx::Ctx::each)), and an endless stream is handed over to a [`Follow`] that takes chunks one by
//! one. Nothing here has an equivalent upstream, where a verb simply blocks.

use crate::sim::{VecMap, VecSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::args::{self, Args, ArgsError};
use super::ctx::{Ctx, Stop, Text};
use super::files::{self, FileNode, Files};
use super::follow::Follow;
use super::manifest::Document;
use super::session::KubectlConfig;
use super::verb;
use crate::api::http::{Chunk, HttpRequest, HttpResponse, StreamInput};
use crate::sim::{Out, Time};

/// What reaches a running command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Begin.
    Start,
    /// The answer to a request.
    Response {
        /// Which request.
        id: u64,
        /// The answer.
        response: HttpResponse,
    },
    /// A piece of the stream that a request opened.
    Chunk {
        /// Which request.
        id: u64,
        /// The piece.
        chunk: Chunk,
    },
    /// The editor was closed.
    Edited(Edited),
    /// A line that was typed while the command reads ([`Process::takes_input`]).
    Typed(String),
    /// The time of [`Process::wake_at`] has come.
    Timer,
    /// Ctrl-C.
    Interrupt,
}

/// What a running command wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Send a request; its answer comes back under this number.
    Request {
        /// The number of the request.
        id: u64,
        /// The request.
        request: HttpRequest,
    },
    /// Send something on the stream of a request.
    Input {
        /// The number of the request.
        id: u64,
        /// What.
        input: StreamInput,
    },
    /// Write a file of the terminal, or make a folder.
    Write {
        /// Its path.
        path: String,
        /// What is in it; `None` of a folder.
        data: Option<Vec<u8>>,
    },
    /// Open the editor with this text; [`Input::Edited`] tells what became of it.
    Edit {
        /// The file that it stands in meanwhile.
        file: String,
        /// The text.
        text: String,
    },
    /// Let connections to these ports through, until the command ends.
    Listen(Vec<Forward>),
    /// Close the stream of this request.
    Cancel {
        /// The number of the request.
        id: u64,
    },
    /// Text for standard output.
    Stdout(String),
    /// Text for standard error.
    Stderr(String),
    /// The command ended with this exit code. Nothing comes after it.
    Exit(u8),
}

/// A port of the terminal's machine that leads to one of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Forward {
    /// The port here.
    pub local: u16,
    /// The port there.
    pub remote: u16,
    /// What opens a connection.
    pub request: HttpRequest,
}

/// How an editor was closed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Edited {
    /// With this text.
    Saved(String),
    /// It could not be run, or failed: what is said of it.
    Failed(String),
}

/// One thing that the verb waited for, and what came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Step {
    pub id: u64,
    pub kind: StepKind,
}

/// What kind of waiting a [`Step`] is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum StepKind {
    /// A request without an answer yet.
    Asked(Time),
    /// An answered request; with the chunks that followed, if it is a stream.
    Answered { asked: Time, at: Time, response: Arc<HttpResponse>, chunks: Vec<(Time, Chunk)> },
    /// The editor is open.
    Editing,
    /// The editor was closed.
    Edited(Edited),
    /// Waiting for a point in time.
    Sleep(Time),
}

/// A value that follows from the rest of the state: computed once, no part of equality or hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo<T>(pub Option<Arc<T>>);

impl<T> PartialEq for Memo<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl<T> Eq for Memo<T> {}
impl<T> Hash for Memo<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// What the verb reads and what it has been told so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub args: Args,
    pub stdin: Option<Vec<u8>>,
    pub files: VecMap<String, FileNode>,
    pub session: KubectlConfig,
    pub started: Time,
    pub steps: Vec<Step>,
    pub next_id: u64,
    /// Items of the verb's loop that are done and forgotten.
    pub committed: u64,
    /// Errors collected by the finished items.
    pub failures: Vec<String>,
    /// Names kept by the finished items, such as objects to wait for.
    pub kept: Vec<String>,
    /// Warnings that the finished items printed.
    pub warned: VecSet<String>,
    pub documents: Memo<Vec<Document>>,
    /// What the kustomization warned of.
    pub remarks: Memo<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// The command line was refused, or asked for help.
    Refused(Text, u8),
    /// The verb is waiting; so many pieces of output are out, and it wants to be woken at this time.
    Running { record: Box<Record>, printed: u64, wake: Option<Time> },
    /// A stream goes on; the verb has ended, or goes on after it with so much of its output out.
    Following { id: u64, follow: Box<Follow>, then: Option<(Box<Record>, u64)> },
    /// Over.
    Ended,
}

/// A running command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    state: State,
}

impl Process {
    /// Prepares the command that the words after `kubectl` ask for, and reads its files.
    pub fn start(
        argv: Vec<String>,
        stdin: Option<Vec<u8>>,
        files: &dyn Files,
        session: &KubectlConfig,
        now: Time,
    ) -> Process {
        let state = match args::parse(&argv) {
            Err(ArgsError::Message(text)) => State::Refused(Text::Err(text), 1),
            Err(ArgsError::Help(command)) => State::Refused(Text::Out(verb::help::text(command)), 0),
            Ok(args) => {
                let files = files::read_all(&args, files);
                let record = Record {
                    args,
                    stdin,
                    files,
                    session: session.clone(),
                    started: now,
                    steps: Vec::new(),
                    next_id: 0,
                    committed: 0,
                    failures: Vec::new(),
                    kept: Vec::new(),
                    warned: VecSet::new(),
                    documents: Memo(None),
                    remarks: Memo(None),
                };
                State::Running { record: Box::new(record), printed: 0, wake: None }
            }
        };
        Process { state }
    }

    /// Takes one input in.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Out<Effect>) {
        match (&mut self.state, input) {
            (State::Ended, _) => {}
            (State::Refused(text, code), _) => {
                out.push(text.clone().into());
                out.push(Effect::Exit(*code));
                self.state = State::Ended;
            }
            (State::Following { id, follow, .. }, Input::Typed(line)) => {
                if let Follow::Exec(terminal) = &mut **follow {
                    out.push(Effect::Input { id: *id, input: StreamInput::Stdin(terminal.typed(&line)) });
                }
            }
            (_, Input::Typed(_)) => {}
            (State::Following { id, follow, .. }, Input::Interrupt) => {
                let key = match &mut **follow {
                    Follow::Exec(terminal) => terminal.interrupt(),
                    _ => None,
                };
                match key {
                    Some(key) => out.push(Effect::Input { id: *id, input: StreamInput::Stdin(key) }),
                    None => {
                        out.push(Effect::Cancel { id: *id });
                        self.end(130, out);
                    }
                }
            }
            (State::Following { id, follow, .. }, Input::Chunk { id: from, chunk }) if *id == from => {
                if let Some(code) = follow.take(now, chunk, out) {
                    self.end_stream(code, now, out);
                }
            }
            (State::Following { .. }, _) => {}
            (State::Running { record, .. }, Input::Interrupt) => {
                record.open_streams().for_each(|id| out.push(Effect::Cancel { id }));
                // Who forwards ports is stopped in this way, and takes it well.
                let code = if record.args.command.path == "port-forward" { 0 } else { 130 };
                self.end(code, out);
            }
            (State::Running { record, .. }, Input::Response { id, response }) => {
                record.answer(id, response, now);
                self.run(now, out);
            }
            (State::Running { record, .. }, Input::Chunk { id, chunk }) => {
                record.chunk(id, chunk, now);
                self.run(now, out);
            }
            (State::Running { record, .. }, Input::Edited(edited)) => {
                record.edited(edited);
                self.run(now, out);
            }
            (State::Running { .. }, Input::Start | Input::Timer) => self.run(now, out),
        }
    }

    /// When it must get [`Input::Timer`]; `None` if it waits for nothing but answers.
    pub fn wake_at(&self) -> Option<Time> {
        match &self.state {
            State::Running { wake, .. } => *wake,
            _ => None,
        }
    }

    /// Whether it reads what is typed.
    pub fn takes_input(&self) -> bool {
        match &self.state {
            State::Following { follow, .. } => matches!(&**follow, Follow::Exec(terminal) if terminal.stdin),
            _ => false,
        }
    }

    /// Whether it will read what is typed once it has begun what it waits for (`run -i`).
    pub fn will_take_input(&self) -> bool {
        match &self.state {
            State::Running { record, .. } => {
                record.args.flag("stdin").is_some() && record.args.bool("stdin") && record.stdin.is_none()
            }
            _ => false,
        }
    }

    /// Whether the command is over.
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    fn end(&mut self, code: u8, out: &mut Out<Effect>) {
        out.push(Effect::Exit(code));
        self.state = State::Ended;
    }

    /// A stream ended: so does the command, or its verb goes on.
    fn end_stream(&mut self, code: u8, now: Time, out: &mut Out<Effect>) {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Following { id, then: Some((mut record, printed)), .. } => {
                record.chunk(id, Chunk::End, now);
                self.state = State::Running { record, printed, wake: None };
                self.run(now, out);
            }
            _ => self.end(code, out),
        }
    }

    fn run(&mut self, now: Time, out: &mut Out<Effect>) {
        let State::Running { record, printed, wake } = &mut self.state else { return };
        let mut ctx = Ctx::new(record, *printed, now, out);
        let result = verb::run(&mut ctx);
        (*printed, *wake) = ctx.finish();
        match result {
            Ok(code) => {
                record.open_streams().for_each(|id| out.push(Effect::Cancel { id }));
                self.end(code, out);
            }
            Err(Stop::Pending) => {}
            Err(Stop::Fail(failure)) => {
                record.open_streams().for_each(|id| out.push(Effect::Cancel { id }));
                if !failure.text.is_empty() {
                    out.push(Effect::Stderr(failure.text));
                }
                self.end(failure.code, out);
            }
            Err(Stop::Follow { id, mut follow, resumes }) => {
                // A here-document is there whole.
                if let Follow::Exec(terminal) = &mut *follow
                    && terminal.stdin
                    && let Some(bytes) = record.stdin.clone()
                {
                    terminal.stdin = false;
                    out.push(Effect::Input { id, input: StreamInput::Stdin(bytes) });
                    out.push(Effect::Input { id, input: StreamInput::End });
                }
                let chunks = record.take_chunks(id);
                let then = resumes.then(|| (record.clone(), *printed));
                self.state = State::Following { id, follow, then };
                for (_, chunk) in chunks {
                    self.handle(Input::Chunk { id, chunk }, now, out);
                }
            }
        }
    }
}

impl Record {
    fn answer(&mut self, id: u64, response: HttpResponse, now: Time) {
        if let Some(step) = self.steps.iter_mut().find(|s| s.id == id)
            && let StepKind::Asked(asked) = step.kind
        {
            let response = Arc::new(response);
            step.kind = StepKind::Answered { asked, at: now, response, chunks: Vec::new() };
        }
    }

    fn edited(&mut self, edited: Edited) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.kind == StepKind::Editing) {
            step.kind = StepKind::Edited(edited);
        }
    }

    fn chunk(&mut self, id: u64, chunk: Chunk, now: Time) {
        if let Some(Step { kind: StepKind::Answered { chunks, .. }, .. }) = self.steps.iter_mut().find(|s| s.id == id) {
            chunks.push((now, chunk));
        }
    }

    /// Whether a stream is over.
    pub(super) fn has_ended(&self, id: u64) -> bool {
        let step = self.steps.iter().find(|step| step.id == id).map(|step| &step.kind);
        matches!(step, Some(StepKind::Answered { chunks, .. }) if chunks.iter().any(|(_, chunk)| *chunk == Chunk::End))
    }

    fn take_chunks(&mut self, id: u64) -> Vec<(Time, Chunk)> {
        match self.steps.iter_mut().find(|s| s.id == id) {
            Some(Step { kind: StepKind::Answered { chunks, .. }, .. }) => std::mem::take(chunks),
            _ => Vec::new(),
        }
    }

    /// The streams that the other side has not ended.
    fn open_streams(&self) -> impl Iterator<Item = u64> {
        self.steps.iter().filter_map(|step| match &step.kind {
            StepKind::Asked(_) => Some(step.id),
            StepKind::Answered { response, chunks, .. } => {
                let ended = matches!(chunks.last(), Some((_, Chunk::End | Chunk::Exit(_))));
                (response.streams && !ended).then_some(step.id)
            }
            StepKind::Sleep(_) | StepKind::Editing | StepKind::Edited(_) => None,
        })
    }
}
