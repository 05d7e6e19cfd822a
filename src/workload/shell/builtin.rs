//! Commands that the shell itself knows: those that change it.

use crate::sim::VecMap;
use crate::workload::shell::Shell;
use crate::workload::shell::ast::{Part, Word};
use crate::workload::shell::parse::Dialect;
use crate::workload::shell::thread::{Frame, State, Target};
use crate::workload::{Ctx, Effect, SIGKILL};

/// The name of a signal in `trap` and `kill`: `TERM`.
pub fn signal_name(signal: u8) -> &'static str {
    match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        9 => "KILL",
        10 => "USR1",
        12 => "USR2",
        15 => "TERM",
        _ => "",
    }
}

/// The number of a signal: `TERM`, `SIGTERM`, `15`.
pub fn signal_number(text: &str) -> Option<u8> {
    let name = text.strip_prefix("SIG").unwrap_or(text);
    (0..=31).find(|n| signal_name(*n) == name && !name.is_empty()).or_else(|| text.parse().ok())
}

impl Shell {
    /// Runs `argv` if it is a builtin; whether it is.
    pub(super) fn builtin(
        &mut self,
        id: u32,
        argv: &[String],
        assigns: &[(String, String)],
        fds: &VecMap<u8, Target>,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        let args: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
        let status = match argv[0].as_str() {
            ":" => 0,
            "cd" => self.cd(id, &args, ctx),
            "export" | "readonly" | "local" | "declare" | "typeset" => self.export(id, &argv[0], &args, fds, ctx),
            "unset" => self.with(id, |t| args.iter().for_each(|a| _ = t.vars.remove(*a))),
            "set" => self.set(id, &args, fds, ctx),
            "shift" => self.with(id, |t| {
                let n = args.first().and_then(|a| a.parse::<usize>().ok()).unwrap_or(1);
                let last = (n + 1).min(t.args.len().max(1));
                if t.args.len() > 1 {
                    t.args.drain(1..last);
                }
            }),
            "exit" => return self.exit(id, args.first().and_then(|a| a.parse::<i64>().ok())),
            "return" => {
                return self.unwind(
                    id,
                    args.first().and_then(|a| a.parse().ok()),
                    |f| matches!(f, Frame::Call(_)),
                    true,
                );
            }
            "break" => return self.leave_loop(id, args.first().and_then(|a| a.parse().ok()).unwrap_or(1), true),
            "continue" => return self.leave_loop(id, args.first().and_then(|a| a.parse().ok()).unwrap_or(1), false),
            "eval" => return self.eval(id, &args.join(" "), ctx),
            "." | "source" => return self.source_file(id, args.first().copied().unwrap_or(""), ctx),
            "exec" => return self.exec(id, argv, assigns, fds, ctx),
            "read" => return self.read(id, &args, fds),
            "trap" => self.trap(&args),
            "wait" => return self.wait(id, &args),
            "kill" => self.kill(id, &args, fds, ctx),
            "command" if !args.is_empty() && !args[0].starts_with('-') => {
                self.external(id, argv[1..].to_vec(), assigns.to_vec(), fds, ctx);
                return true;
            }
            "type" | "command" => self.which(id, &args, fds, ctx),
            "jobs" => {
                let jobs = self.jobs_of(id, ctx);
                let listed = jobs.iter().enumerate().filter_map(|(n, (_, command))| Some((n, command.as_ref()?)));
                let lines: String = listed.map(|(n, command)| format!("[{}] Running {command}\n", n + 1)).collect();
                self.say(id, fds, 1, &lines, ctx);
                0
            }
            "alias" => self.alias(id, &args, fds, ctx),
            "unalias" => self.with(id, |t| {
                t.aliases.retain(|name, _| !args.contains(&"-a") && !args.contains(&name.as_str()));
            }),
            "let" if self.dialect != Dialect::Dash => {
                let words: Vec<Word> = args.iter().map(|arg| Word(vec![Part::Text((*arg).to_owned(), true)])).collect();
                let values = words.iter().map(|word| self.arithmetic(id, word, ctx)).collect::<Vec<_>>();
                u8::from(values.last().copied().flatten().unwrap_or(0) == 0)
            }
            "umask" | "ulimit" | "hash" | "times" => 0,
            _ => return false,
        };
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.status = status;
            thread.check_errexit();
        }
        true
    }

    fn with(&mut self, id: u32, work: impl FnOnce(&mut super::Thread)) -> u8 {
        if let Some(thread) = self.threads.get_mut(&id) {
            work(thread);
        }
        0
    }

    fn say(&mut self, id: u32, fds: &VecMap<u8, Target>, fd: u8, text: &str, ctx: &mut Ctx<'_>) {
        let target = fds.get(&fd).cloned().unwrap_or(Target::Null);
        self.write(id, &target, text.as_bytes(), ctx);
    }

    fn cd(&mut self, id: u32, args: &[&str], ctx: &mut Ctx<'_>) -> u8 {
        let Some(thread) = self.threads.get_mut(&id) else { return 1 };
        let home = thread.vars.get("HOME").cloned().unwrap_or_else(|| "/root".into());
        let wanted = match args.first() {
            None => home,
            Some(&"-") => thread.vars.get("OLDPWD").cloned().unwrap_or(home),
            Some(dir) => (*dir).to_owned(),
        };
        let path = crate::workload::fs::resolve(&thread.cwd, &wanted);
        if !ctx.fs.is_dir(&path) {
            let what = if self.name == "bash" { wanted } else { format!("can't cd to {wanted}") };
            let words = format!("{}cd: {what}: No such file or directory\n", self.prefix(ctx));
            ctx.eprint(words);
            return if self.dialect == Dialect::Bash { 1 } else { 2 };
        }
        thread.vars.insert("OLDPWD".into(), thread.cwd.clone());
        thread.vars.insert("PWD".into(), path.clone());
        thread.cwd = path;
        0
    }

    fn export(&mut self, id: u32, word: &str, args: &[&str], fds: &VecMap<u8, Target>, ctx: &mut Ctx<'_>) -> u8 {
        let Some(thread) = self.threads.get_mut(&id) else { return 1 };
        if word == "export" && args.iter().all(|a| *a == "-p") {
            let lines: String = (thread.exported.iter())
                .filter_map(|n| Some(format!("export {n}='{}'\n", thread.vars.get(n)?)))
                .collect();
            self.say(id, fds, 1, &lines, ctx);
            return 0;
        }
        for arg in args.iter().filter(|a| !a.starts_with('-')) {
            let (name, value) = arg.split_once('=').map_or((*arg, None), |(n, v)| (n, Some(v)));
            if let Some(value) = value {
                thread.vars.insert(name.into(), value.into());
            }
            if word == "export" {
                thread.exported.insert(name.into());
            }
        }
        0
    }

    fn set(&mut self, id: u32, args: &[&str], fds: &VecMap<u8, Target>, ctx: &mut Ctx<'_>) -> u8 {
        let Some(thread) = self.threads.get_mut(&id) else { return 1 };
        if args.is_empty() {
            let lines: String = thread.vars.iter().map(|(n, v)| format!("{n}='{v}'\n")).collect();
            self.say(id, fds, 1, &lines, ctx);
            return 0;
        }
        let mut rest = args.iter().peekable();
        while let Some(flag) = rest.next_if(|a| a.starts_with(['-', '+']) && a.len() > 1) {
            if *flag == "--" {
                break;
            }
            if flag.contains('e') {
                thread.errexit = flag.starts_with('-');
            }
            if flag.ends_with('o') {
                rest.next();
            }
        }
        let rest: Vec<String> = rest.map(|a| (*a).to_owned()).collect();
        if !rest.is_empty() || args.contains(&"--") {
            thread.args.truncate(1);
            thread.args.extend(rest);
        }
        0
    }

    fn exit(&mut self, id: u32, code: Option<i64>) -> bool {
        if let Some(thread) = self.threads.get_mut(&id) {
            let code = code.map_or(thread.status, |c| u8::try_from(c.rem_euclid(256)).unwrap_or(0));
            thread.finish(code);
        }
        if let Some(session) = self.session.as_mut().filter(|_| id == 0) {
            session.leaves = true;
        }
        true
    }

    /// Takes frames off the stack down to one that `stops` (which goes, too, if `take`).
    fn unwind(&mut self, id: u32, status: Option<u8>, stops: impl Fn(&Frame) -> bool, take: bool) -> bool {
        let Some(thread) = self.threads.get_mut(&id) else { return true };
        thread.status = status.unwrap_or(thread.status);
        while let Some(frame) = thread.frames.pop() {
            let stop = stops(&frame);
            match frame {
                Frame::Restore(fds) => thread.fds = fds,
                Frame::Call(args) => thread.args = args,
                frame if stop && !take => thread.frames.push(frame),
                _ => {}
            }
            if stop {
                break;
            }
        }
        true
    }

    fn leave_loop(&mut self, id: u32, levels: u32, leave: bool) -> bool {
        let is_loop = |f: &Frame| matches!(f, Frame::Loop(..) | Frame::For(..) | Frame::Count(..));
        for level in 0..levels.clamp(1, 64) {
            let last = level + 1 == levels.clamp(1, 64);
            self.unwind(id, Some(0), is_loop, leave || !last);
        }
        true
    }

    fn eval(&mut self, id: u32, text: &str, ctx: &mut Ctx<'_>) -> bool {
        match super::parse::parse(text, self.dialect) {
            Ok(node) => self.with(id, |t| t.frames.push(Frame::Run(node))),
            Err(error) => {
                ctx.eprint(format!("{}{}\n", self.prefix(ctx), error.words(self.dialect)));
                self.with(id, |t| t.finish(2))
            }
        };
        true
    }

    fn source_file(&mut self, id: u32, file: &str, ctx: &mut Ctx<'_>) -> bool {
        let cwd = self.threads.get(&id).map(|t| t.cwd.clone()).unwrap_or_default();
        match ctx.fs.read(&crate::workload::fs::resolve(&cwd, file)) {
            Ok(data) => self.eval(id, &String::from_utf8_lossy(&data), ctx),
            Err(error) => {
                ctx.eprint(format!("{}.: can't open '{file}': {error}\n", self.prefix(ctx)));
                self.with(id, |t| t.status = 2);
                true
            }
        }
    }

    /// The command takes the shell's place; without one, only the redirections stay.
    fn exec(
        &mut self,
        id: u32,
        argv: &[String],
        assigns: &[(String, String)],
        fds: &VecMap<u8, Target>,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        if argv.len() == 1 {
            self.with(id, |t| t.fds.clone_from(fds));
            return true;
        }
        self.with(id, |t| t.frames.clear());
        self.external(id, argv[1..].to_vec(), assigns.to_vec(), fds, ctx);
        true
    }

    fn read(&mut self, id: u32, args: &[&str], fds: &VecMap<u8, Target>) -> bool {
        let names: Vec<String> = args.iter().filter(|a| !a.starts_with('-')).map(|a| (*a).to_owned()).collect();
        let names = if names.is_empty() { vec!["REPLY".to_owned()] } else { names };
        let Some(thread) = self.threads.get_mut(&id) else { return true };
        if thread.fds.get(&0) != fds.get(&0) {
            let old = std::mem::replace(&mut thread.fds, fds.clone());
            thread.frames.push(Frame::Restore(old));
        }
        thread.state = State::Reading(names.clone());
        self.read_line(id, &names);
        true
    }

    /// Takes a line for `read`, if there is one; whether the thread goes on.
    pub(super) fn read_line(&mut self, id: u32, names: &[String]) -> bool {
        let Some(source) = self.threads.get(&id).map(|t| t.fd(0)) else { return false };
        let ended = match &source {
            Target::Pipe(pipe) => !self.has_writer(*pipe),
            Target::Stdin => self.stdin_ended,
            _ => true,
        };
        let mut none = Vec::new();
        let buffer = match &source {
            Target::Pipe(pipe) => self.pipes.get_mut(pipe).map_or(&mut none, |p| &mut p.buffer),
            Target::Stdin => &mut self.stdin,
            _ => &mut none,
        };
        let (line, whole) = match buffer.iter().position(|b| *b == b'\n') {
            Some(end) => (buffer.drain(..=end).collect::<Vec<u8>>(), true),
            None if ended => (std::mem::take(buffer), false),
            None => return false,
        };
        let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
        let Some(thread) = self.threads.get_mut(&id) else { return false };
        let mut rest = line.trim();
        for (at, name) in names.iter().enumerate() {
            let (first, left) = rest.split_once([' ', '\t']).map_or((rest, ""), |(a, b)| (a, b.trim_start()));
            let value = if at + 1 == names.len() { rest } else { first };
            thread.vars.insert(name.clone(), value.to_owned());
            rest = left;
        }
        thread.status = u8::from(!whole);
        thread.state = State::Ready;
        true
    }

    fn trap(&mut self, args: &[&str]) -> u8 {
        let Some((action, signals)) = args.split_first() else { return 0 };
        for signal in signals {
            let name = match signal_number(signal) {
                Some(0) => "EXIT".to_owned(),
                Some(n) => signal_name(n).to_owned(),
                None => (*signal).to_owned(),
            };
            if *action == "-" {
                _ = self.traps.remove(&name)
            } else {
                _ = self.traps.insert(name, (*action).to_owned())
            }
        }
        0
    }

    fn wait(&mut self, id: u32, args: &[&str]) -> bool {
        let Some(thread) = self.threads.get_mut(&id) else { return true };
        let wanted: Vec<u32> = args.iter().filter_map(|a| a.parse::<u32>().ok()?.checked_sub(100)).collect();
        let jobs = if wanted.is_empty() { std::mem::take(&mut thread.jobs) } else { wanted };
        thread.frames.push(Frame::Wait);
        thread.state = State::Waiting(jobs);
        true
    }

    fn kill(&mut self, id: u32, args: &[&str], fds: &VecMap<u8, Target>, ctx: &mut Ctx<'_>) -> u8 {
        let mut signal = Some(15);
        let mut status = 0;
        for arg in args {
            if let Some(flag) = arg.strip_prefix('-') {
                signal = if flag == "s" { signal } else { signal_number(flag) };
                continue;
            }
            let job = arg
                .strip_prefix('%')
                .map(|n| if matches!(n, "" | "+" | "%") { usize::MAX } else { n.parse().unwrap_or(0) });
            let pid = match job {
                None => arg.parse::<u32>().ok(),
                Some(n) => {
                    let jobs = self.jobs_of(id, ctx);
                    let at = if n == usize::MAX { jobs.len() } else { n };
                    let found = at.checked_sub(1).and_then(|at| jobs.get(at)).filter(|(_, command)| command.is_some());
                    let Some((pid, _)) = found else {
                        let words = format!("{}kill: {arg}: no such job\n", self.prefix(ctx));
                        self.say(id, fds, 2, &words, ctx);
                        status = 1;
                        continue;
                    };
                    Some(*pid)
                }
            };
            match (pid, signal) {
                (Some(pid), Some(signal)) => {
                    match pid.checked_sub(super::run::PID).filter(|t| self.threads.contains_key(t)) {
                        Some(thread) => {
                            let handles = signal != SIGKILL && self.threads[&thread].is_running();
                            if handles {
                                self.child(thread, crate::workload::Input::Signal(signal), ctx);
                            } else if signal > 0 {
                                self.with(thread, |t| t.finish(128 + signal));
                            }
                        }
                        None if ctx.procs.iter().any(|p| p.pid == pid) => {
                            if signal > 0 {
                                ctx.push(Effect::Kill { pid, signal });
                            }
                        }
                        None => {
                            let words = format!("{}kill: ({pid}) - No such process\n", self.prefix(ctx));
                            self.say(id, fds, 2, &words, ctx);
                            status = 1;
                        }
                    }
                }
                _ => {
                    let words = format!("{}kill: invalid number '{arg}'\n", self.prefix(ctx));
                    self.say(id, fds, 2, &words, ctx);
                    status = 1;
                }
            }
        }
        status
    }

    /// The jobs that a thread has started, each with its number and, while it runs, its command.
    fn jobs_of(&self, id: u32, ctx: &Ctx<'_>) -> Vec<(u32, Option<String>)> {
        let jobs = self.threads.get(&id).map(|thread| thread.jobs.as_slice()).unwrap_or_default();
        let of = |job: &u32| {
            let pid = super::run::PID + job;
            let own = self.threads.get(job).filter(|thread| thread.state != State::Done);
            // One of an earlier line.
            let other = || ctx.procs.iter().find(|process| process.pid == pid).map(|process| process.command.clone());
            (pid, own.map(|thread| thread.title.clone()).or_else(other))
        };
        jobs.iter().map(of).collect()
    }

    fn alias(&mut self, id: u32, args: &[&str], fds: &VecMap<u8, Target>, ctx: &mut Ctx<'_>) -> u8 {
        let Some(thread) = self.threads.get_mut(&id) else { return 1 };
        let (mut lines, mut missing) = (Vec::new(), Vec::new());
        for arg in args {
            match (arg.split_once('='), thread.aliases.get(*arg)) {
                (Some((name, text)), _) => _ = thread.aliases.insert(name.to_owned(), text.to_owned()),
                (None, Some(text)) => lines.push(format!("alias {arg}='{text}'\n")),
                (None, None) => missing.push(format!("alias: {arg}: not found\n")),
            }
        }
        if args.is_empty() {
            lines.extend(thread.aliases.iter().map(|(name, text)| format!("alias {name}='{text}'\n")));
        }
        self.say(id, fds, 1, &lines.concat(), ctx);
        for words in &missing {
            let words = format!("{}{words}", self.prefix(ctx));
            self.say(id, fds, 2, &words, ctx);
        }
        u8::from(!missing.is_empty())
    }

    fn which(&mut self, id: u32, args: &[&str], fds: &VecMap<u8, Target>, ctx: &mut Ctx<'_>) -> u8 {
        let mut status = 0;
        for name in args.iter().filter(|a| !a.starts_with('-')) {
            match crate::workload::registry::path_of(name, ctx.place) {
                Some(path) => self.say(id, fds, 1, &format!("{path}\n"), ctx),
                None => status = 127,
            }
        }
        status
    }
}
