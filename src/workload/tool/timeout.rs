//! `timeout`: runs a command and ends it when its time is over. Models coreutils' and busybox's.

use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::program::sleep::parse_span;
use crate::workload::shell::builtin::signal_number;
use crate::workload::{Ctx, Effect, Fs, Input, Place, Process, SIGKILL, SIGTERM, Spec, registry};

/// `timeout`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timeout {
    child: Result<Process, String>,
    code: u8,
    after: Option<Span>,
    signal: u8,
    gnu: bool,
    end: Option<Time>,
    fired: bool,
}

impl Timeout {
    /// The process that `spec` starts; `gnu` is coreutils', which tells that the time was over by its own code.
    pub fn new(spec: &Spec, place: &Place, fs: &Fs, gnu: bool) -> Timeout {
        let mut timeout = Timeout {
            child: Err("timeout: missing operand\nTry 'timeout --help' for more information.\n".into()),
            code: if gnu { 125 } else { 1 },
            after: None,
            signal: SIGTERM,
            gnu,
            end: None,
            fired: false,
        };
        let mut args = spec.argv.iter().skip(1).peekable();
        while let Some(flag) = args.next_if(|arg| arg.starts_with('-')) {
            match flag.split_at_checked(2) {
                Some(("-s", "")) => timeout.signal = args.next().and_then(|s| signal_number(s)).unwrap_or(SIGTERM),
                Some(("-s", word)) => timeout.signal = signal_number(word).unwrap_or(SIGTERM),
                Some(("-k", "")) => _ = args.next(),
                _ => {}
            }
        }
        let Some(limit) = args.next() else { return timeout };
        match parse_span(limit) {
            Ok(span) => timeout.after = span.filter(|span| *span > Span::ZERO),
            Err(_) => {
                timeout.child = Err(format!("timeout: invalid time interval '{limit}'\n"));
                return timeout;
            }
        }
        let argv: Vec<String> = args.cloned().collect();
        if let Some(name) = argv.first().cloned() {
            timeout.code = 127;
            timeout.child = registry::start(&Spec { argv, ..spec.clone() }, place, fs)
                .map_err(|_| format!("timeout: failed to run command '{name}': No such file or directory\n"));
        }
        timeout
    }

    /// Hands an input to the command; its end is ours, with our code if it was we who ended it.
    fn hand(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let Ok(child) = &mut self.child else { return };
        let mut effects = Vec::new();
        child.handle(input, &mut ctx.with_out(&mut effects));
        for effect in effects {
            match effect {
                Effect::Exit(_) if self.fired && self.gnu => ctx.exit(124),
                Effect::Exit(_) if self.fired => ctx.exit(128 + self.signal),
                effect => ctx.push(effect),
            }
        }
    }
}

impl Program for Timeout {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        if let Err(words) = &self.child {
            ctx.eprint(words);
            return ctx.exit(self.code);
        }
        if input == Input::Start {
            self.end = self.after.map(|after| ctx.now + after);
        }
        if input == Input::Timer && !self.fired && self.end.is_some_and(|at| at <= ctx.now) {
            self.fired = true;
            if self.signal == SIGKILL {
                return ctx.exit(128 + SIGKILL);
            }
            return self.hand(Input::Signal(self.signal), ctx);
        }
        self.hand(input, ctx);
    }

    fn wake_at(&self) -> Option<Time> {
        let child = self.child.as_ref().ok().and_then(Program::wake_at);
        [child, self.end.filter(|_| !self.fired)].into_iter().flatten().min()
    }

    fn launched(&self, found: &mut Vec<u32>) {
        self.child.iter().for_each(|child| child.launched(found));
    }
}
