//! `watch`: runs a command again and again, each time on a cleared screen. Models procps' and busybox's.

use crate::api::Timestamp;
use crate::sim::{Span, Time};
use crate::workload::http::{month_name, weekday};
use crate::workload::process::Program;
use crate::workload::program::sleep::parse_span;
use crate::workload::tool::print::CLEAR;
use crate::workload::{Ctx, Effect, Input, Process, Spec, registry};

/// The columns of the screen.
const WIDTH: usize = 80;
/// The usual pause.
const PAUSE: Span = Span::secs(2);

/// `watch`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Watch {
    /// The shell that runs the command.
    spec: Spec,
    command: String,
    every: Span,
    has_title: bool,
    child: Option<Process>,
    /// What the command has printed.
    screen: Vec<u8>,
    next: Option<Time>,
    refused: Option<String>,
}

impl Watch {
    /// The process that `spec` starts.
    pub fn new(spec: &Spec) -> Watch {
        let mut watch = Watch {
            spec: spec.clone(),
            command: String::new(),
            every: PAUSE,
            has_title: true,
            child: None,
            screen: Vec::new(),
            next: None,
            refused: None,
        };
        let mut args = spec.argv.iter().skip(1).peekable();
        while let Some(flag) = args.next_if(|arg| arg.starts_with('-') && arg.len() > 1) {
            let glued = flag.strip_prefix("-n").or_else(|| flag.strip_prefix("--interval="));
            let text = match glued {
                Some("") => args.next().map(String::as_str),
                Some(text) => Some(text),
                None => {
                    watch.has_title &= !matches!(flag.as_str(), "-t" | "--no-title");
                    continue;
                }
            };
            match parse_span(text.unwrap_or("")) {
                Ok(Some(span)) => watch.every = span.max(Span::millis(100)),
                _ => watch.refused = Some(format!("watch: failed to parse argument: '{}'\n", text.unwrap_or(""))),
            }
        }
        watch.command = args.cloned().collect::<Vec<_>>().join(" ");
        if watch.command.is_empty() {
            watch.refused = Some("Usage:\n watch [options] command\n".into());
        }
        watch.spec.argv = ["sh", "-c", &watch.command].map(str::to_owned).to_vec();
        watch
    }

    fn begin(&mut self, ctx: &mut Ctx<'_>) {
        self.next = None;
        match registry::start(&self.spec, ctx.place, ctx.fs) {
            Ok(process) => {
                self.child = Some(process);
                self.hand(Input::Start, ctx);
                self.hand(Input::StdinEnd, ctx);
            }
            Err(words) => {
                ctx.eprint(format!("watch: {words}\n"));
                ctx.exit(1);
            }
        }
    }

    fn hand(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let Some(child) = &mut self.child else { return };
        let mut effects = Vec::new();
        child.handle(input, &mut ctx.with_out(&mut effects));
        for effect in effects {
            match effect {
                Effect::Stdout(bytes) | Effect::Stderr(bytes) => self.screen.extend(bytes),
                Effect::Exit(_) => {
                    self.child = None;
                    self.next = Some(ctx.now + self.every);
                    let title = if self.has_title { self.title(ctx) } else { String::new() };
                    ctx.print([CLEAR.as_bytes(), title.as_bytes(), &std::mem::take(&mut self.screen)].concat());
                }
                effect => ctx.push(effect),
            }
        }
    }

    /// The first line: how often what is run, and on the right where and when.
    fn title(&self, ctx: &Ctx<'_>) -> String {
        let left =
            format!("Every {}.{}s: {}", self.every.as_secs(), self.every.as_millis() % 1_000 / 100, self.command);
        let now = Timestamp(ctx.unix()).to_string();
        let (date, time) = now.split_once('T').unwrap_or((&now, ""));
        let mut date = date.split('-').map(|part| part.parse::<usize>().unwrap_or(1));
        let [year, month, day] = [0; 3].map(|_| date.next().unwrap_or(1));
        let (weekday, month) = (weekday(ctx.unix()), month_name(month));
        let time = time.trim_end_matches('Z');
        let right = format!("{}: {weekday} {month} {day:>2} {time} {year}", ctx.place.hostname);
        let pad = WIDTH.saturating_sub(left.chars().count() + right.len()).max(1);
        format!("{left}{}{right}\n\n", " ".repeat(pad))
    }
}

impl Program for Watch {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => match &self.refused {
                Some(words) => {
                    ctx.eprint(words);
                    ctx.exit(1);
                }
                None => self.begin(ctx),
            },
            Input::Timer if self.next.is_some_and(|at| at <= ctx.now) => self.begin(ctx),
            Input::Stdin(_) | Input::StdinEnd => {}
            Input::Signal(signal) => ctx.exit(128 + signal),
            input => self.hand(input, ctx),
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.child.as_ref().and_then(Program::wake_at).into_iter().chain(self.next).min()
    }

    fn launched(&self, found: &mut Vec<u32>) {
        self.child.iter().for_each(|child| child.launched(found));
    }
}
