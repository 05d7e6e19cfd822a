//! A thread of a shell: its variables, where its descriptors lead, and the stack of what it still has to do.

use crate::sim::{VecMap, VecSet};
use std::sync::Arc;

use crate::sim::Time;
use crate::workload::process::Program as _;
use crate::workload::shell::ast::*;
use crate::workload::{Process, Spec};

/// Where a descriptor leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The shell's standard input.
    Stdin,
    /// The shell's standard output.
    Out,
    /// The shell's standard error.
    Err,
    /// A pipe; an opened file to read is one, too.
    Pipe(u32),
    /// A file to write to, at its end.
    File(String),
    /// Nowhere.
    Null,
}

/// Bytes on their way from one thread to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pipe {
    /// What was written and not read yet.
    pub buffer: Vec<u8>,
    /// A command substitution reads it when its command is done.
    pub captured: bool,
}

/// Something still to do, when what is above it on the stack is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Frame {
    /// Run this.
    Run(Arc<Node>),
    /// The commands of a sequence from that one on.
    Seq(Vec<Arc<Node>>, u32),
    /// The right side of `&&` (true) or `||`.
    AndOr(bool, Arc<Node>),
    /// Turn the status around.
    Not,
    /// The branches of an `if` whose condition runs.
    If(Arc<Node>, Option<Arc<Node>>),
    /// A loop: until or while, condition, body; whether the condition runs.
    Loop(bool, Arc<Node>, Arc<Node>, bool),
    /// A counting loop: condition, step, body; whether the step comes first.
    Count(Word, Word, Arc<Node>, bool),
    /// The values that are left of a `for`.
    For(String, Vec<String>, Arc<Node>),
    /// The outputs of the command substitutions of a command that waits for them.
    Expand {
        /// The command.
        node: Arc<Node>,
        /// The substitutions that are left.
        left: Vec<Arc<Node>>,
        /// What the others printed.
        outputs: Vec<String>,
    },
    /// Where the descriptors led before a redirection.
    Restore(VecMap<u8, Target>),
    /// The arguments before a function was called.
    Call(Vec<String>),
    /// The status to end with.
    Status(u8),
    /// `wait` is going on.
    Wait,
}

/// What a thread is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It can go on.
    Ready,
    /// A program runs.
    Running {
        /// The program.
        process: Process,
        /// Where it reads from.
        stdin: Target,
        /// Where it writes to.
        stdout: Target,
        /// Where its errors go.
        stderr: Target,
        /// Whether it was told that its input is at its end.
        ended: bool,
    },
    /// It waits for these threads; the status is the last one's.
    Waiting(Vec<u32>),
    /// It waits for the output of a thread, which goes to that pipe.
    Capturing(u32, u32),
    /// `read` waits for a line for these variables.
    Reading(Vec<String>),
    /// It is over.
    Done,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Thread {
    /// Variables.
    pub vars: VecMap<String, String>,
    /// Those that commands get.
    pub exported: VecSet<String>,
    /// Words that stand for others at the beginning of a command.
    pub aliases: VecMap<String, String>,
    /// Functions.
    pub functions: VecMap<String, Arc<Node>>,
    /// The working directory.
    pub cwd: String,
    /// `$0` and the arguments.
    pub args: Vec<String>,
    /// `$?`.
    pub status: u8,
    /// `$!`.
    pub background: Option<u32>,
    /// The threads that it started in the background.
    pub jobs: Vec<u32>,
    /// `set -e`.
    pub errexit: bool,
    /// Whether it ended because of that.
    pub gave_up: bool,
    /// Where the descriptors lead.
    pub fds: VecMap<u8, Target>,
    /// What is left to do; the last one first.
    pub frames: Vec<Frame>,
    /// What it is doing.
    pub state: State,
    /// The command, of one that was started in the background.
    pub title: String,
}

impl Thread {
    /// The first thread of a shell.
    pub fn new(spec: &Spec, args: Vec<String>) -> Thread {
        Thread {
            vars: spec.env.clone(),
            exported: spec.env.keys().cloned().collect(),
            aliases: VecMap::new(),
            functions: VecMap::new(),
            cwd: spec.cwd.clone(),
            args,
            status: 0,
            background: None,
            jobs: Vec::new(),
            errexit: false,
            gave_up: false,
            fds: Thread::terminal(),
            frames: Vec::new(),
            state: State::Ready,
            title: String::new(),
        }
    }

    /// Where the descriptors lead at first.
    pub fn terminal() -> VecMap<u8, Target> {
        [(0, Target::Stdin), (1, Target::Out), (2, Target::Err)].into()
    }

    /// A copy that has nothing to do yet.
    pub fn fork(&self) -> Thread {
        Thread { frames: Vec::new(), state: State::Ready, jobs: Vec::new(), title: String::new(), ..self.clone() }
    }

    /// Where a descriptor leads.
    pub fn fd(&self, fd: u8) -> Target {
        self.fds.get(&fd).cloned().unwrap_or(Target::Null)
    }

    /// Whether it may write to a pipe.
    pub fn writes_to(&self, pipe: u32) -> bool {
        let own = |fd: &u8, t: &Target| *fd > 0 && *t == Target::Pipe(pipe);
        let saved =
            self.frames.iter().any(|f| matches!(f, Frame::Restore(fds) if fds.iter().any(|(fd, t)| own(fd, t))));
        let now = matches!(&self.state, State::Running { stdout, stderr, .. } if [stdout, stderr].contains(&&Target::Pipe(pipe)));
        now || saved || self.fds.iter().any(|(fd, t)| own(fd, t))
    }

    /// Whether it may read from a pipe.
    pub fn reads_from(&self, pipe: u32) -> bool {
        let now = matches!(&self.state, State::Running { stdin: Target::Pipe(p), .. } if *p == pipe);
        let saved =
            self.frames.iter().any(|f| matches!(f, Frame::Restore(fds) if fds.get(&0) == Some(&Target::Pipe(pipe))));
        now || saved || self.fds.get(&0) == Some(&Target::Pipe(pipe))
    }

    /// Whether a program runs.
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// When its program wants to be woken.
    pub fn wake_at(&self) -> Option<Time> {
        match &self.state {
            State::Running { process, .. } => process.wake_at(),
            _ => None,
        }
    }

    /// Ends it.
    pub fn finish(&mut self, status: u8) {
        self.status = status;
        self.frames.clear();
        self.state = State::Done;
    }

    /// With `set -e` a failure outside of conditions ends the thread.
    pub fn check_errexit(&mut self) {
        let condition =
            |f: &Frame| matches!(f, Frame::AndOr(..) | Frame::Not | Frame::If(..) | Frame::Loop(_, _, _, true));
        if self.errexit && self.status != 0 && self.state == State::Ready && !self.frames.iter().any(condition) {
            self.frames.clear();
            self.gave_up = true;
        }
    }
}
