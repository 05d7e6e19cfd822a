//! `xargs`: runs a command with the words that it reads. Models findutils' and busybox's.
//!
//! Differs: commands run one after the other whatever `-P` says.

use crate::sim::Time;
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Input, Process, Spec, registry};

/// `xargs`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Xargs {
    spec: Spec,
    stdin: Vec<u8>,
    /// The command lines that are still to be run, the next one last; `None` before the input has ended.
    left: Option<Vec<Vec<String>>>,
    child: Option<Process>,
    code: u8,
}

/// What its options ask for.
#[derive(Default)]
struct Options {
    /// The words of the command.
    command: Vec<String>,
    /// At most so many words for a command.
    words: Option<usize>,
    /// Each line replaces this text.
    replaced: Option<String>,
    /// Nothing is run without words.
    skips_empty: bool,
    /// Words end with a null byte.
    null: bool,
}

impl Options {
    fn read(argv: &[String]) -> Result<Options, String> {
        let mut options = Options::default();
        let mut args = argv.iter().skip(1).peekable();
        while let Some(flag) = args.next_if(|arg| arg.starts_with('-') && arg.len() > 1) {
            let (name, glued) = flag.split_at_checked(2).unwrap_or((flag, ""));
            let mut value = || match glued {
                "" => args.next().cloned().ok_or(format!("xargs: option requires an argument -- '{}'\n", &name[1..])),
                glued => Ok(glued.to_owned()),
            };
            match name {
                "-n" | "-L" | "-P" => {
                    let text = value()?;
                    let number: usize = text.parse().map_err(|_| format!("xargs: invalid number '{text}'\n"))?;
                    if name != "-P" {
                        options.words = Some(number.max(1));
                    }
                }
                "-I" => options.replaced = Some(value()?),
                "-r" => options.skips_empty = true,
                "-0" => options.null = true,
                "-t" => {}
                "--" if flag == "--no-run-if-empty" => options.skips_empty = true,
                "--" if flag == "--null" => options.null = true,
                "--" if glued.is_empty() => break,
                _ => return Err(format!("xargs: unrecognized option '{flag}'\n")),
            }
        }
        options.command = args.cloned().collect();
        if options.command.is_empty() {
            options.command.push("echo".into());
        }
        Ok(options)
    }

    /// The command lines for what was read.
    fn lines(&self, stdin: &str) -> Result<Vec<Vec<String>>, String> {
        if let Some(replaced) = &self.replaced {
            let of = |line: &str| self.command.iter().map(|word| word.replace(replaced.as_str(), line)).collect();
            return Ok(stdin.lines().map(str::trim_start).filter(|line| !line.is_empty()).map(of).collect());
        }
        let words: Vec<String> = match self.null {
            true => stdin.split_terminator('\0').map(str::to_owned).collect(),
            false => words(stdin)?,
        };
        if words.is_empty() {
            return Ok(if self.skips_empty { Vec::new() } else { vec![self.command.clone()] });
        }
        let most = self.words.unwrap_or(words.len());
        Ok(words.chunks(most).map(|words| [&self.command[..], words].concat()).collect())
    }
}

/// The words of a text: blanks part them, quotes and backslashes keep them together.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        None | Some('\n') => {
                            let kind = if c == '"' { "double" } else { "single" };
                            return Err(format!("xargs: unmatched {kind} quote\n"));
                        }
                        Some(inner) => word.push(inner),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

impl Xargs {
    /// The process that `spec` starts.
    pub fn new(spec: &Spec) -> Xargs {
        Xargs { spec: spec.clone(), stdin: Vec::new(), left: None, child: None, code: 0 }
    }

    fn begin(&mut self, ctx: &mut Ctx<'_>) {
        let stdin = String::from_utf8_lossy(&std::mem::take(&mut self.stdin)).into_owned();
        match Options::read(&self.spec.argv).and_then(|options| options.lines(&stdin)) {
            Ok(mut lines) => {
                lines.reverse();
                self.left = Some(lines);
                self.next(ctx);
            }
            Err(words) => {
                ctx.eprint(words);
                ctx.exit(1);
            }
        }
    }

    /// Runs the next command line, or ends.
    fn next(&mut self, ctx: &mut Ctx<'_>) {
        let Some(argv) = self.left.as_mut().and_then(Vec::pop) else { return ctx.exit(self.code) };
        let name = argv[0].clone();
        match registry::start(&Spec { argv, ..self.spec.clone() }, ctx.place, ctx.fs) {
            Ok(process) => {
                self.child = Some(process);
                self.hand(Input::Start, ctx);
                self.hand(Input::StdinEnd, ctx);
            }
            Err(_) => {
                ctx.eprint(format!("xargs: {name}: No such file or directory\n"));
                ctx.exit(127);
            }
        }
    }

    /// Hands an input to the command; once that is over the next one is run.
    fn hand(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let Some(child) = &mut self.child else { return };
        let mut effects = Vec::new();
        child.handle(input, &mut ctx.with_out(&mut effects));
        for effect in effects {
            let Effect::Exit(code) = effect else {
                ctx.push(effect);
                continue;
            };
            self.child = None;
            match code {
                0 => {}
                255 => {
                    ctx.eprint(format!("xargs: {}: exited with status 255; aborting\n", self.spec.argv[0]));
                    return ctx.exit(124);
                }
                _ => self.code = 123,
            }
            return self.next(ctx);
        }
    }
}

impl Program for Xargs {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {}
            Input::Stdin(bytes) => self.stdin.extend(bytes),
            Input::StdinEnd => {
                if self.left.is_none() {
                    self.begin(ctx);
                }
            }
            Input::Signal(signal) => ctx.exit(128 + signal),
            input => self.hand(input, ctx),
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.child.as_ref().and_then(Program::wake_at)
    }

    fn launched(&self, found: &mut Vec<u32>) {
        self.child.iter().for_each(|child| child.launched(found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_command_lines() {
        let lines = |argv: &str, stdin: &str| {
            let argv: Vec<String> = argv.split(' ').map(str::to_owned).collect();
            let lines = Options::read(&argv).and_then(|options| options.lines(stdin));
            lines.map(|lines| lines.iter().map(|line| line.join("|")).collect::<Vec<_>>().join(" "))
        };
        for (argv, stdin, expected) in [
            ("xargs", "a b\nc", Ok("echo|a|b|c")),
            ("xargs -n 2 kubectl delete", "a b\nc", Ok("kubectl|delete|a|b kubectl|delete|c")),
            ("xargs -n1 k", "a b", Ok("k|a k|b")),
            ("xargs -I {} k get {} -o={}", "a b\nc\n", Ok("k|get|a b|-o=a b k|get|c|-o=c")),
            ("xargs -r k", " \n", Ok("")),
            ("xargs k", "", Ok("k")),
            ("xargs -0 k", "a b\0c\0", Ok("k|a b|c")),
            ("xargs k", "'a b' \"c\"d e\\ f", Ok("k|a b|cd|e f")),
            ("xargs k", "it's", Err("xargs: unmatched single quote\n")),
            ("xargs -n x", "", Err("xargs: invalid number 'x'\n")),
            ("xargs -n", "", Err("xargs: option requires an argument -- 'n'\n")),
        ] {
            assert_eq!(lines(argv, stdin), expected.map(str::to_owned).map_err(str::to_owned), "{argv}: {stdin:?}");
        }
    }
}
