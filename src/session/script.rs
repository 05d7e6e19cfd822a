//! The scripted terminal: what a learner would type, a line each, plus a few words of the harness that begin with `!`.
//!
//! ```text
//! !cluster nodes=3 seed=7            first line; every key optional
//! !wait 30s    !at 95.5s             let virtual time run
//! !until 120s kubectl rollout status deploy/web
//! !fault partition worker1
//! !capture start    !capture save FILE
//! !trace web-0    !trace packet 12    !trace [first] from client to web
//! !digest    !link
//! !expect-exit 1 kubectl delete pod nope
//! ```

use crate::cluster::{Scenario, scenario::parse_span};
use crate::kubectl::Files;
use crate::line;
use crate::session::sharing;
use crate::session::terminal::{Output, Stream};
use crate::session::world::World;
use crate::share::{self, Action};
use crate::sim::{Span, Time};

/// How long a command may keep the script waiting before it is interrupted.
const PATIENCE: Span = Span::mins(60);
/// How long a command that was interrupted has for what it says last.
const LAST_WORDS: Span = Span::secs(1);
/// How long a command that reads from the terminal has for a line.
const TYPED: Span = Span::secs(1);
/// How often `!until` tries again.
const UNTIL_STEP: Span = Span::secs(1);

/// What one line gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The virtual time since the start at which it was done.
    pub t: Span,
    /// The exit code.
    pub rc: u8,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// A file for the host's disk: its name and content.
    pub file: Option<(String, Vec<u8>)>,
}

/// A script that is being run.
pub struct Script<'a> {
    world: Option<World>,
    files: &'a dyn Files,
    /// Lines of a text that are not a whole command yet.
    open: String,
}

impl<'a> Script<'a> {
    /// A script that has not begun. `files` are what `-f` may name.
    pub fn new(files: &'a dyn Files) -> Script<'a> {
        Script { world: None, files, open: String::new() }
    }

    /// A script that goes on in a world.
    pub fn on(world: World, files: &'a dyn Files) -> Script<'a> {
        Script { world: Some(world), files, open: String::new() }
    }

    /// The world in which it ended.
    pub fn into_world(self) -> World {
        self.world.unwrap_or_else(|| World::boot(Scenario::default()))
    }

    /// A script that goes on from a link, or from the text of a lesson.
    ///
    /// # Errors
    /// It cannot be opened, or describes a scenario that this version does not have.
    pub fn from_link(link: &str, files: &'a dyn Files) -> Result<Script<'a>, String> {
        Ok(Script { open: String::new(), world: Some(sharing::world(link)?), files })
    }

    /// The virtual time since the start.
    pub fn now(&self) -> Span {
        self.world.as_ref().map_or(Span::ZERO, |world| world.now().since(world.started))
    }

    /// The world, booted with the usual scenario if no line came before.
    pub fn world(&mut self) -> &mut World {
        self.world.get_or_insert_with(|| World::boot(Scenario::default()))
    }

    /// Takes the next line of a text. Answers what is to be run, once nothing more must follow; a program that reads what is
    /// typed gets every line for itself.
    pub fn gather(&mut self, line: &str) -> Option<String> {
        self.open.push_str(line);
        self.open.push('\n');
        let reads = self.world.as_ref().is_some_and(World::takes_input) && !self.open.starts_with('!');
        (reads || line::is_complete(&self.open)).then(|| self.rest())
    }

    /// What was gathered and is not complete.
    pub fn rest(&mut self) -> String {
        std::mem::take(&mut self.open).trim_end().to_owned()
    }

    /// Runs one line.
    pub fn run(&mut self, text: &str) -> Answer {
        let trimmed = text.trim();
        let mut answer = match trimmed.strip_prefix('!') {
            None if trimmed.is_empty() || trimmed.starts_with('#') => Answer::default(),
            None => self.command(text),
            Some(words) => self.harness(words),
        };
        answer.t = self.now();
        answer
    }

    fn harness(&mut self, words: &str) -> Answer {
        let (word, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let rest = rest.trim();
        match word {
            "cluster" => self.cluster(rest),
            "wait" => {
                let now = self.world().now();
                self.pass(parse_span(rest).map(|span| now + span), "!wait takes a time such as 30s")
            }
            "at" => {
                let started = self.world().started;
                self.pass(parse_span(rest).map(|span| started + span), "!at takes a time such as 95.5s")
            }
            "until" => self.until(rest),
            "expect-exit" => self.expect_exit(rest),
            "fault" => match self.act(Action::Fault(rest.to_owned())) {
                Ok(()) => Answer::default(),
                Err(why) => refuse(why),
            },
            "digest" => say(format!("{}\n", self.world().digest())),
            "link" => {
                let recipe = self.world().recipe();
                say(format!("#{}\n", share::encode(&recipe)))
            }
            "capture" => self.capture(rest),
            "trace" => match crate::session::words::trace(self.world(), rest) {
                Some(text) => say(text),
                None => refuse(format!("nothing is known of {rest:?}")),
            },
            _ => refuse(format!(
                "!{word}: no such word; there are !cluster, !wait, !at, !until, !fault, !capture, !trace, !digest, !link, \
                 !expect-exit"
            )),
        }
    }

    fn cluster(&mut self, words: &str) -> Answer {
        if self.world.is_some() {
            return refuse("!cluster must be the first line".into());
        }
        match words.parse::<Scenario>() {
            Ok(scenario) => {
                self.world = Some(World::boot(scenario));
                Answer::default()
            }
            Err(error) => refuse(format!("!cluster: {error}")),
        }
    }

    fn pass(&mut self, until: Option<Time>, usage: &str) -> Answer {
        match until {
            Some(until) if until > self.world().now() => {
                self.world().run_until(until);
                self.collect()
            }
            Some(_) => Answer::default(),
            None => refuse(usage.into()),
        }
    }

    /// A command whose exit code is the answer's.
    fn command(&mut self, text: &str) -> Answer {
        match self.act(Action::Line { line: text.to_owned(), files: Vec::new() }) {
            Ok(()) => {}
            Err(why) => return Answer { rc: 2, stderr: format!("{why}\n"), ..Answer::default() },
        }
        let world = self.world();
        let limit = world.now() + PATIENCE;
        let mut typed = None;
        while world.foreground.is_some() && world.now() < limit {
            if world.listens() {
                return self.collect();
            }
            // There is nobody to use an editor.
            if world.editing().is_some() {
                world.act(Action::Interrupt, None).ok();
                continue;
            }
            // A command that reads the next lines is left alone after a while.
            let until = world.takes_input().then(|| *typed.get_or_insert(world.now() + TYPED));
            if until.is_some_and(|until| world.next_at().is_none_or(|at| at > until)) || !world.step() {
                break;
            }
        }
        if world.foreground.is_some() && !world.takes_input() {
            world.act(Action::Interrupt, None).ok();
            // What it says last.
            let limit = world.now() + LAST_WORDS;
            while world.foreground.is_some() && world.now() < limit && world.step() {}
        }
        self.collect()
    }

    fn until(&mut self, rest: &str) -> Answer {
        let parts = rest.split_once(char::is_whitespace).and_then(|(span, line)| Some((parse_span(span)?, line)));
        let Some((span, line)) = parts else {
            return refuse("!until takes a time and a command: !until 120s kubectl get pod web".into());
        };
        let deadline = self.world().now() + span;
        loop {
            let answer = self.command(line);
            if answer.rc == 0 || self.world().now() >= deadline {
                return Answer { rc: u8::from(answer.rc != 0), ..answer };
            }
            let next = (self.world().now() + UNTIL_STEP).min(deadline);
            self.world().run_until(next);
        }
    }

    fn expect_exit(&mut self, rest: &str) -> Answer {
        let parts =
            rest.split_once(char::is_whitespace).and_then(|(code, line)| Some((code.parse::<u8>().ok()?, line)));
        let Some((code, line)) = parts else {
            return refuse("!expect-exit takes a code and a command: !expect-exit 1 kubectl get pod nope".into());
        };
        let mut answer = self.command(line);
        if answer.rc == code {
            answer.rc = 0;
        } else {
            answer.stderr.push_str(&format!("!expect-exit: the exit code is {}, not {code}\n", answer.rc));
            answer.rc = 1;
        }
        answer
    }

    fn capture(&mut self, rest: &str) -> Answer {
        match rest.split_once(char::is_whitespace).map_or((rest, ""), |(word, file)| (word, file.trim())) {
            ("start", "") => {
                self.world().cluster.start_capture();
                Answer::default()
            }
            ("save", file) if !file.is_empty() => match self.world().cluster.capture() {
                Some(bytes) => Answer { file: Some((file.to_owned(), bytes)), ..Answer::default() },
                None => refuse("nothing is being captured: !capture start begins".into()),
            },
            _ => refuse("!capture start, or !capture save FILE".into()),
        }
    }

    fn act(&mut self, action: Action) -> Result<(), String> {
        let files = self.files;
        self.world().act(action, Some(files)).map(|_| ())
    }

    /// What was printed since the last line; the exit code is that of the last job that ended.
    fn collect(&mut self) -> Answer {
        let mut answer = Answer::default();
        for output in self.world().take_output() {
            match output {
                Output::Text(_, Stream::Out, text) => answer.stdout.push_str(&text),
                Output::Text(_, Stream::Err, text) => answer.stderr.push_str(&text),
                Output::Exit(_, code) => answer.rc = code,
                Output::Clear => {}
            }
        }
        answer
    }
}

fn say(stdout: String) -> Answer {
    Answer { stdout, ..Answer::default() }
}

fn refuse(why: String) -> Answer {
    Answer { rc: 2, stderr: format!("{why}\n"), ..Answer::default() }
}
