//! Tools that only compute: their input is read to its end, then all of their output comes at once. Those that work line by
//! line (`cat`, `grep`, `sed`, `cut`, `tr`, `rev`) print what they can when lines come.

use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::tool::{awk, files, grep, identity, info, print, sed, tar, test, text, tr};
use crate::workload::{Ctx, Effect, Input, Spec};

/// What a tool is called with.
pub struct Call<'a> {
    /// The tool's name and its arguments.
    pub argv: &'a [String],
    /// Where and with what.
    pub spec: &'a Spec,
    /// Its standard input, if it reads it.
    pub stdin: &'a [u8],
}

impl Call<'_> {
    /// The arguments after the name.
    pub fn args(&self) -> impl Iterator<Item = &str> {
        self.argv.iter().skip(1).map(String::as_str)
    }

    /// The letters of the options and the other arguments: `-la x` is `la` and `x`.
    pub fn split(&self) -> (String, Vec<&str>) {
        let (mut flags, mut rest, mut over) = (String::new(), Vec::new(), false);
        for arg in self.args() {
            match arg.strip_prefix('-').filter(|f| !f.is_empty() && !over) {
                Some("-") => over = true,
                Some(letters) => flags.push_str(letters),
                None => rest.push(arg),
            }
        }
        (flags, rest)
    }

    /// An absolute path.
    pub fn path(&self, path: &str) -> String {
        crate::workload::fs::resolve(&self.spec.cwd, path)
    }
}

/// A tool: prints through the context and answers its exit code.
pub type Tool = fn(&Call<'_>, &mut Ctx<'_>) -> u8;

/// Whether a tool reads its standard input, given its arguments.
type Reads = fn(&[String]) -> bool;

fn never(_: &[String]) -> bool {
    false
}

/// A tool that reads its input if no file is named.
fn without_files(args: &[String]) -> bool {
    !args.iter().skip(1).any(|a| !a.starts_with('-')) || args.iter().any(|a| matches!(a.as_str(), "-" | "/dev/stdin"))
}

fn head_reads(args: &[String]) -> bool {
    let mut words = args.iter().skip(1);
    while let Some(word) = words.next() {
        if word == "-n" || word == "-c" {
            words.next();
        } else if !word.starts_with('-') {
            return false;
        }
    }
    true
}

fn always(_: &[String]) -> bool {
    true
}

/// Every tool: its name, its function, and whether it reads its input.
pub const TOOLS: &[(&str, Tool, Reads)] = &[
    ("echo", print::echo, never),
    ("printf", print::printf, never),
    ("seq", print::seq, never),
    ("yes", print::yes, never),
    ("true", print::succeed, never),
    ("false", print::fail, never),
    ("test", test::test, never),
    ("[", test::test, never),
    ("[[", test::test, never),
    ("expr", test::expr, never),
    ("cat", text::cat, without_files),
    ("head", text::head, head_reads),
    ("tail", text::tail, head_reads),
    ("wc", text::wc, without_files),
    ("grep", grep::grep, grep::reads),
    ("egrep", grep::grep, grep::reads),
    ("fgrep", grep::grep, grep::reads),
    ("sort", text::sort, without_files),
    ("uniq", text::uniq, without_files),
    ("cut", text::cut, always),
    ("tr", tr::tr, always),
    ("sed", sed::sed, sed::reads),
    ("awk", awk::awk, awk::reads),
    ("tee", text::tee, always),
    ("base64", text::base64, without_files),
    ("rev", text::rev, without_files),
    ("ls", files::ls, never),
    ("mkdir", files::mkdir, never),
    ("rmdir", files::rm, never),
    ("rm", files::rm, never),
    ("touch", files::touch, never),
    ("cp", files::cp, never),
    ("mv", files::cp, never),
    ("ln", files::ln, never),
    ("chmod", identity::chmod, never),
    ("chown", identity::chown, never),
    ("chgrp", identity::chown, never),
    ("sync", files::nothing, never),
    ("find", files::find, never),
    ("tar", tar::tar, tar::reads),
    ("stat", files::stat, never),
    ("basename", files::basename, never),
    ("dirname", files::dirname, never),
    ("pwd", files::pwd, never),
    ("realpath", files::realpath, never),
    ("readlink", files::readlink, never),
    ("date", info::date, never),
    ("hostname", info::hostname, never),
    ("env", info::env, never),
    ("printenv", info::env, never),
    ("id", identity::id, never),
    ("whoami", identity::whoami, never),
    ("uname", info::uname, never),
    ("arch", info::arch, never),
    ("uptime", info::uptime, never),
    ("ps", info::ps, never),
    ("top", info::ps, never),
    ("pidof", info::pidof, never),
    ("pgrep", info::pidof, never),
    ("killall", info::killall, never),
    ("pkill", info::killall, never),
    ("kill", info::kill, never),
    ("which", info::which, never),
    ("clear", print::clear, never),
    ("dd", files::dd, never),
];

/// Of more than this a tool that works line by line prints nothing before its input ends: it would begin anew at each line.
const MOST_AT_ONCE: usize = 64 << 10;

/// A tool's process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Immediate {
    tool: u32,
    spec: Spec,
    stdin: Vec<u8>,
    /// How much of the output for what came so far is printed.
    shown: usize,
    follow: Option<(String, u64, Time)>,
}

impl Immediate {
    /// The process of the tool called `name`, if there is one.
    pub fn new(name: &str, spec: &Spec) -> Option<Immediate> {
        let tool = TOOLS.iter().position(|(n, ..)| *n == name)?;
        Some(Immediate {
            tool: u32::try_from(tool).ok()?,
            spec: spec.clone(),
            stdin: Vec::new(),
            shown: 0,
            follow: None,
        })
    }

    fn entry(&self) -> &'static (&'static str, Tool, Reads) {
        &TOOLS[usize::try_from(self.tool).unwrap_or(0)]
    }

    fn run(&mut self, ctx: &mut Ctx<'_>) {
        let stdin = std::mem::take(&mut self.stdin);
        let call = Call { argv: &self.spec.argv, spec: &self.spec, stdin: &stdin };
        let mut effects = Vec::new();
        let code = self.entry().1(&call, &mut ctx.with_out(&mut effects));
        let mut before = std::mem::take(&mut self.shown);
        for effect in effects {
            match effect {
                Effect::Stdout(bytes) if before >= bytes.len() => before -= bytes.len(),
                Effect::Stdout(bytes) if before > 0 => ctx.print(&bytes[std::mem::take(&mut before)..]),
                effect => ctx.push(effect),
            }
        }
        if self.entry().0 == "tail" && self.spec.argv.iter().any(|a| matches!(a.as_str(), "-f" | "-F" | "-fn")) {
            let path = call.args().filter(|a| !a.starts_with('-')).last().map(|p| call.path(p)).unwrap_or_default();
            let size = ctx.fs.read(&path).map_or(0, |d| d.len() as u64);
            self.follow = Some((path, size, ctx.now + Span::secs(1)));
            return;
        }
        ctx.exit(code);
    }

    /// Whether it reads its standard input.
    pub fn reads(&self) -> bool {
        self.entry().2(&self.spec.argv)
    }

    /// Whether it passes on what comes at once.
    fn streams(&self) -> bool {
        self.entry().0 == "cat" && self.spec.argv.len() == 1
    }

    /// Whether what it prints for some lines does not depend on those that follow.
    fn goes_by_lines(&self) -> bool {
        match self.entry().0 {
            "grep" | "egrep" | "fgrep" => grep::goes_by_lines(&self.spec.argv),
            "sed" => sed::goes_by_lines(&self.spec.argv),
            "cut" | "tr" | "rev" => true,
            _ => false,
        }
    }

    /// Prints what the lines that came give.
    fn pass_on(&mut self, ctx: &mut Ctx<'_>) {
        let Some(end) = self.stdin.iter().rposition(|byte| *byte == b'\n') else { return };
        let call = Call { argv: &self.spec.argv, spec: &self.spec, stdin: &self.stdin[..=end] };
        let mut effects = Vec::new();
        self.entry().1(&call, &mut ctx.with_out(&mut effects));
        let output: Vec<u8> = effects
            .into_iter()
            .flat_map(|effect| if let Effect::Stdout(bytes) = effect { bytes } else { Vec::new() })
            .collect();
        if output.len() > self.shown {
            ctx.print(&output[self.shown..]);
            self.shown = output.len();
        }
    }

    /// `head` needs no more than its lines.
    fn has_enough(&self) -> bool {
        self.entry().0 == "head" && {
            let wanted = text::line_count(&self.spec.argv);
            self.stdin.iter().filter(|b| **b == b'\n').count() as u64 >= wanted
        }
    }

    /// `tail -f`: what was added since the last look.
    fn followed(&mut self, ctx: &mut Ctx<'_>) {
        let Some((path, size, at)) = self.follow.as_mut() else { return };
        if *at > ctx.now {
            return;
        }
        *at = ctx.now + Span::secs(1);
        if let Ok(data) = ctx.fs.read(path) {
            let from = usize::try_from(*size).unwrap_or(0).min(data.len());
            if data.len() > from {
                *size = data.len() as u64;
                let more = data[from..].to_vec();
                ctx.push(Effect::Stdout(more));
            }
        }
    }
}

impl Program for Immediate {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start if self.entry().2(&self.spec.argv) => {}
            Input::Start | Input::StdinEnd if self.follow.is_none() => self.run(ctx),
            Input::Stdin(bytes) if self.streams() => ctx.print(bytes),
            Input::Stdin(bytes) if self.entry().2(&self.spec.argv) => {
                self.stdin.extend_from_slice(&bytes);
                if self.has_enough() {
                    self.run(ctx);
                } else if self.goes_by_lines() && self.stdin.len() < MOST_AT_ONCE {
                    self.pass_on(ctx);
                }
            }
            Input::Timer => self.followed(ctx),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        // A file that grows only by other processes of the container need not be looked at for ever: `/dev/null` never grows.
        self.follow.as_ref().filter(|(path, ..)| path != "/dev/null").map(|(.., at)| *at)
    }
}
