//! A shell whose script comes line by line: at a terminal it asks for a line, runs it, and asks again. Models `cmdloop` of
//! busybox's `ash` and of dash.
//!
//! Differs: no line editing and no history of its own; the terminal's line discipline edits the line. Of what is not typed, a
//! program gets the lines after its own, as from bash, though other shells have read them already.

use crate::workload::Ctx;
use crate::workload::Process;
use crate::workload::shell::parse::{self, Dialect, ParseError};
use crate::workload::shell::thread::{Frame, State, Target, Thread};
use crate::workload::shell::{Shell, Source, word};
use crate::workload::tool::identity;

/// What a shell remembers between two lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Session {
    /// Whether somebody types.
    terminal: bool,
    /// The lines of a command that is not complete.
    text: String,
    /// Whether it has asked for a line.
    asked: bool,
    /// Whether it was told to leave.
    pub leaves: bool,
}

impl Shell {
    /// A shell that has no script reads from a terminal.
    pub fn interact(&mut self) {
        if self.source == Source::Stdin {
            self.session = Some(Session { terminal: true, ..Session::default() });
        }
    }

    /// Whether somebody types.
    pub(super) fn is_at_terminal(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.terminal)
    }

    /// Begins the next line of a session; whether there was one.
    pub(super) fn next_line(&mut self, ctx: &mut Ctx<'_>) -> bool {
        loop {
            let Some(session) = self.session.as_mut() else { return false };
            let terminal = session.terminal;
            if terminal && !session.asked {
                session.asked = true;
                let more = !session.text.is_empty();
                let prompt = if more { "> ".to_owned() } else { self.prompt(ctx) };
                ctx.eprint(prompt);
            }
            let line: Vec<u8> = match self.stdin.iter().position(|byte| *byte == b'\n') {
                Some(end) => self.stdin.drain(..=end).collect(),
                None if self.stdin_ended && !terminal && !self.stdin.is_empty() => std::mem::take(&mut self.stdin),
                None => return self.end_of_input(ctx),
            };
            let Some(session) = self.session.as_mut() else { return false };
            session.asked = false;
            session.text.push_str(&String::from_utf8_lossy(&line));
            let aliases =
                self.threads.get(&0).filter(|_| terminal).map(|main| main.aliases.clone()).unwrap_or_default();
            match parse::parse_with(&session.text, self.dialect, &aliases) {
                Ok(_) if !self.stdin_ended && word::leaves_document_open(&session.text, self.dialect) => {}
                Ok(node) => {
                    session.text.clear();
                    if let Some(main) = self.threads.get_mut(&0) {
                        main.frames = vec![Frame::Run(node)];
                        main.state = State::Ready;
                    }
                    return true;
                }
                Err(ParseError::End(_) | ParseError::Quote) => {}
                Err(error) if session.terminal => {
                    session.text.clear();
                    ctx.eprint(format!("{}{}\n", self.prefix(ctx), error.words(self.dialect)));
                }
                Err(error) => return self.break_off(&error, ctx),
            }
        }
    }

    fn end_of_input(&mut self, ctx: &mut Ctx<'_>) -> bool {
        if !self.stdin_ended {
            return false;
        }
        if self.name == "bash" && self.is_at_terminal() {
            ctx.eprint("exit\n");
        }
        let Some(session) = self.session.as_mut() else { return false };
        if let Err(error) = parse::parse(&std::mem::take(&mut session.text), self.dialect)
            && !session.terminal
        {
            return self.break_off(&error, ctx);
        }
        session.leaves = true;
        false
    }

    /// A script that cannot be read ends its shell.
    fn break_off(&mut self, error: &ParseError, ctx: &mut Ctx<'_>) -> bool {
        ctx.eprint(format!("{}{}\n", self.prefix(ctx), error.words(self.dialect)));
        self.over = true;
        ctx.exit(2);
        true
    }

    fn prompt(&self, ctx: &Ctx<'_>) -> String {
        let main = self.threads.get(&0);
        if let Some(own) = main.and_then(|main| main.vars.get("PS1")) {
            return own.clone();
        }
        let cwd = main.map_or("/", |main| main.cwd.as_str());
        let home = main.and_then(|main| main.vars.get("HOME")).filter(|home| home.as_str() == cwd && cwd != "/");
        let cwd = home.map_or(cwd, |_| "~");
        let uid = ctx.fs.user().uid;
        let sign = if uid == 0 { '#' } else { '$' };
        if self.name == "bash" {
            let user = identity::user_name(uid, ctx).unwrap_or_else(|| "I have no name!".into());
            format!("{user}@{}:{cwd}{sign} ", ctx.place.hostname)
        } else if self.dialect == Dialect::Dash {
            format!("{sign} ")
        } else {
            format!("{cwd} {sign} ")
        }
    }

    /// A shell that waits for a line and edits it itself, which dash does not, draws its prompt again.
    pub(super) fn resized(&self, ctx: &mut Ctx<'_>) {
        let waits =
            self.session.as_ref().is_some_and(|session| session.terminal && session.asked && session.text.is_empty());
        if waits && self.dialect != Dialect::Dash {
            ctx.eprint(self.prompt(ctx));
        }
    }

    /// Ctrl-C: what runs in the foreground ends, and the shell asks anew.
    pub(super) fn interrupted(&mut self) -> bool {
        let Some(session) = self.session.as_mut().filter(|session| session.terminal) else { return false };
        (session.text, session.asked) = (String::new(), false);
        // What was typed ahead is forgotten.
        self.stdin.clear();
        let jobs: Vec<u32> = self.threads.get(&0).map(|main| main.jobs.clone()).unwrap_or_default();
        self.threads.retain(|id, _| *id == 0 || jobs.contains(id));
        if let Some(main) = self.threads.get_mut(&0) {
            main.fds = Thread::terminal();
            main.finish(130);
        }
        true
    }

    /// Ctrl-D on an empty line: the input of a program that reads ends, or that of the shell.
    pub(super) fn input_ended(&mut self) -> Option<u32> {
        self.session.as_ref().filter(|session| session.terminal)?;
        self.threads.iter().find(|(_, thread)| reads_terminal(&thread.state)).map(|(id, _)| *id)
    }

    /// Whether a program takes what is typed; a session keeps what others do not read for itself.
    pub(super) fn takes_input(&self, state: &State) -> bool {
        self.session.is_none() || reads_terminal(state)
    }
}

/// Whether a program runs that reads from the terminal.
fn reads_terminal(state: &State) -> bool {
    match state {
        State::Running { process, stdin: Target::Stdin, ended: false, .. } => match process {
            Process::Immediate(tool) => tool.reads(),
            Process::Shell(_) | Process::Nc(_) | Process::Redis(_) => true,
            _ => false,
        },
        _ => false,
    }
}
