//! A program that runs beside the machine of its shell: kubectl and what else the terminal itself carries out.

use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Input, Spec};

/// The programs.
pub const NAMES: [&str; 5] = ["etcdctl", "help", "k", "kubectl", "node"];

/// One of them, as its shell sees it. With a pipe or a file as its standard input it begins when all of that is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outside {
    id: u32,
    spec: Spec,
    /// What came in; `None` at a terminal, and once it has begun.
    stdin: Option<Vec<u8>>,
}

impl Outside {
    /// The process that `spec` starts.
    pub fn new(spec: &Spec) -> Outside {
        Outside { id: 0, spec: spec.clone(), stdin: Some(Vec::new()) }
    }

    /// Its standard input is the terminal.
    pub fn at_terminal(&mut self) {
        self.stdin = None;
    }

    fn launch(&mut self, stdin: Option<Vec<u8>>, ctx: &mut Ctx<'_>) {
        ctx.push(Effect::Launch { id: self.id, spec: self.spec.clone(), stdin });
    }
}

impl Program for Outside {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {
                self.id = ctx.ids.take();
                if self.stdin.is_none() {
                    self.launch(None, ctx);
                }
            }
            Input::Stdin(bytes) => {
                if let Some(stdin) = &mut self.stdin {
                    stdin.extend(bytes);
                }
            }
            Input::StdinEnd => {
                if let Some(stdin) = self.stdin.take() {
                    self.launch(Some(stdin), ctx);
                }
            }
            Input::Printed { id, is_error: false, text } if id == self.id => ctx.print(text),
            Input::Printed { id, is_error: true, text } if id == self.id => ctx.eprint(text),
            Input::Ended { id, code } if id == self.id => ctx.exit(code),
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }

    fn launched(&self, found: &mut Vec<u32>) {
        found.push(self.id);
    }
}
