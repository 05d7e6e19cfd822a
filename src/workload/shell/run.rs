//! One step of a thread: the frame on top of its stack.

use std::sync::Arc;

use crate::sim::{Span, VecMap};
use crate::workload::fs::kernel;
use crate::workload::shell::Shell;
use crate::workload::shell::ast::*;
use crate::workload::shell::cond::{self, Piece};
use crate::workload::shell::expand::{Scope, matches, substitutions};
use crate::workload::shell::thread::{Frame, State, Target};
use crate::workload::tool::text;
use crate::workload::{Ctx, Input, Process, Spec, registry};

/// The CPU time that it takes to start a program, and that a small one takes.
const FORK: Span = Span::micros(600);
/// The number of a job of the background is that of its thread and this.
pub(super) const PID: u32 = 100;

impl Shell {
    pub(super) fn step(&mut self, id: u32, ctx: &mut Ctx<'_>) {
        if id == 0 && self.run_trap(ctx) {
            return;
        }
        let Some(thread) = self.threads.get_mut(&id) else { return };
        let Some(frame) = thread.frames.pop() else {
            thread.state = State::Done;
            return;
        };
        match frame {
            Frame::Run(node) => self.run_node(id, &node, ctx),
            Frame::Seq(nodes, at) => {
                let index = usize::try_from(at).unwrap_or(usize::MAX);
                if let Some(node) = nodes.get(index).cloned() {
                    if index + 1 < nodes.len() {
                        thread.frames.push(Frame::Seq(nodes, at + 1));
                    }
                    thread.frames.push(Frame::Run(node));
                }
            }
            Frame::AndOr(and, right) => {
                if and == (thread.status == 0) {
                    thread.frames.push(Frame::Run(right));
                }
            }
            Frame::Not => thread.status = u8::from(thread.status == 0),
            Frame::If(then, otherwise) => {
                let branch = if thread.status == 0 { Some(then) } else { otherwise };
                thread.status = 0;
                thread.frames.extend(branch.map(Frame::Run));
            }
            Frame::Loop(until, condition, body, true) => {
                if (thread.status == 0) != until {
                    thread.frames.push(Frame::Loop(until, condition, body.clone(), false));
                    thread.frames.push(Frame::Run(body));
                } else {
                    thread.status = 0;
                }
            }
            Frame::Loop(until, condition, body, false) => {
                thread.frames.push(Frame::Loop(until, condition.clone(), body, true));
                thread.frames.push(Frame::Run(condition));
            }
            Frame::Count(condition, step, body, steps) => {
                if steps && self.arithmetic(id, &step, ctx).is_none() {
                    return;
                }
                let goes_on = self.arithmetic(id, &condition, ctx).is_some_and(|value| value != 0);
                let Some(thread) = self.threads.get_mut(&id) else { return };
                if goes_on {
                    thread.frames.extend([Frame::Count(condition, step, body.clone(), true), Frame::Run(body)]);
                } else {
                    thread.status = 0;
                }
            }
            Frame::For(name, mut values, body) => {
                if !values.is_empty() {
                    thread.vars.insert(name.clone(), values.remove(0));
                    thread.frames.push(Frame::For(name, values, body.clone()));
                    thread.frames.push(Frame::Run(body));
                }
            }
            Frame::Expand { node, left, outputs } => self.expand_next(id, node, left, outputs, ctx),
            Frame::Restore(fds) => thread.fds = fds,
            Frame::Call(args) => thread.args = args,
            Frame::Status(status) => thread.status = status,
            Frame::Wait => {}
        }
    }

    /// The value of an expression; `None` if it makes no sense, which is printed.
    pub(super) fn arithmetic(&mut self, id: u32, word: &Word, ctx: &mut Ctx<'_>) -> Option<i64> {
        self.scope(id, Vec::new(), ctx, |scope| scope.evaluate(word))
    }

    /// Runs the trap of a signal that came; whether there was one.
    fn run_trap(&mut self, ctx: &mut Ctx<'_>) -> bool {
        if self.signals.is_empty() {
            return false;
        }
        let signal = self.signals.remove(0);
        let Some(text) = self.traps.get(super::builtin::signal_name(signal)).cloned() else { return false };
        match super::parse::parse(&text, self.dialect) {
            Ok(node) => {
                if let Some(main) = self.threads.get_mut(&0) {
                    main.frames.push(Frame::Status(main.status));
                    main.frames.push(Frame::Run(node));
                }
            }
            Err(error) => ctx.eprint(format!("{}{}\n", self.prefix(ctx), error.words(self.dialect))),
        }
        true
    }

    fn run_node(&mut self, id: u32, node: &Arc<Node>, ctx: &mut Ctx<'_>) {
        let mut found = Vec::new();
        match &**node {
            Node::Simple(simple) => {
                simple.values().for_each(|w| substitutions(w, &mut found));
                simple.words.iter().for_each(|w| substitutions(w, &mut found));
                simple.redirects.iter().for_each(|r| substitutions(&r.target, &mut found));
            }
            Node::For(_, Some(words), _) => words.iter().for_each(|w| substitutions(w, &mut found)),
            Node::Case(word, _) | Node::Arithmetic(word) => substitutions(word, &mut found),
            Node::Condition(terms) => terms.iter().for_each(|term| {
                if let Term::Word(word) = term {
                    substitutions(word, &mut found);
                }
            }),
            Node::Redirected(_, redirects) => redirects.iter().for_each(|r| substitutions(&r.target, &mut found)),
            _ => {}
        }
        if found.is_empty() {
            self.run_expanded(id, node, Vec::new(), ctx)
        } else {
            self.expand_next(id, node.clone(), found, Vec::new(), ctx)
        }
    }

    /// Runs the next command substitution, or the command once all are done.
    fn expand_next(
        &mut self,
        id: u32,
        node: Arc<Node>,
        mut left: Vec<Arc<Node>>,
        outputs: Vec<String>,
        ctx: &mut Ctx<'_>,
    ) {
        if left.is_empty() {
            return self.run_expanded(id, &node, outputs, ctx);
        }
        let next = left.remove(0);
        let pipe = self.pipe(Vec::new(), true);
        let Some(child) = self.fork(id, next) else { return self.too_many(id, ctx) };
        if let Some(child) = self.threads.get_mut(&child) {
            child.fds.insert(1, Target::Pipe(pipe));
        }
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.frames.push(Frame::Expand { node, left, outputs });
            thread.state = State::Capturing(child, pipe);
        }
    }

    fn too_many(&mut self, id: u32, ctx: &mut Ctx<'_>) {
        ctx.eprint(format!("{}can't fork: Resource temporarily unavailable\n", self.prefix(ctx)));
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.status = 2;
            thread.frames.clear();
        }
    }

    /// Does something with a scope of a thread; `None` if there was an error, which is printed.
    fn scope<T>(
        &mut self,
        id: u32,
        outputs: Vec<String>,
        ctx: &mut Ctx<'_>,
        work: impl FnOnce(&mut Scope<'_>) -> T,
    ) -> Option<T> {
        let thread = self.threads.get_mut(&id)?;
        let mut scope = Scope {
            vars: &mut thread.vars,
            args: &thread.args,
            status: thread.status,
            pid: ctx.procs.first().map_or(1, |p| p.pid),
            background: thread.background,
            fs: ctx.fs,
            cwd: &thread.cwd,
            outputs: outputs.into_iter(),
            error: None,
        };
        let result = work(&mut scope);
        match scope.error {
            None => Some(result),
            Some(words) => {
                ctx.eprint(format!("{}{words}\n", self.prefix(ctx)));
                if let Some(thread) = self.threads.get_mut(&id) {
                    thread.status = 2;
                    thread.frames.clear();
                }
                None
            }
        }
    }

    fn run_expanded(&mut self, id: u32, node: &Arc<Node>, outputs: Vec<String>, ctx: &mut Ctx<'_>) {
        match &**node {
            Node::Simple(simple) => return self.simple(id, simple, outputs, ctx),
            Node::Pipeline(stages) => return self.pipeline(id, stages, ctx),
            Node::Subshell(inner) => return self.wait_for(id, std::slice::from_ref(inner), ctx),
            Node::Background(inner) => return self.background(id, inner, ctx),
            Node::For(name, words, body) => {
                let Some(values) = self.scope(id, outputs, ctx, |scope| match words {
                    Some(words) => scope.fields(words),
                    None => scope.args.get(1..).unwrap_or(&[]).to_vec(),
                }) else {
                    return;
                };
                if let Some(thread) = self.threads.get_mut(&id) {
                    thread.status = 0;
                    thread.frames.push(Frame::For(name.clone(), values, body.clone()));
                }
                return;
            }
            Node::Arithmetic(word) => {
                let value = self.scope(id, outputs, ctx, |scope| scope.evaluate(word));
                if let (Some(value), Some(thread)) = (value, self.threads.get_mut(&id)) {
                    thread.status = u8::from(value == 0);
                    thread.check_errexit();
                }
                return;
            }
            Node::Condition(terms) => return self.condition(id, terms, outputs, ctx),
            Node::Case(word, arms) => return self.case(id, word, arms, outputs, ctx),
            Node::Redirected(inner, redirects) => {
                let Some(fds) = self.redirect(id, redirects, outputs, ctx) else { return };
                if let Some(thread) = self.threads.get_mut(&id) {
                    let old = std::mem::replace(&mut thread.fds, fds);
                    thread.frames.push(Frame::Restore(old));
                    thread.frames.push(Frame::Run(inner.clone()));
                }
                return;
            }
            _ => {}
        }
        let Some(thread) = self.threads.get_mut(&id) else { return };
        let frames = &mut thread.frames;
        match &**node {
            Node::Not(inner) => frames.extend([Frame::Not, Frame::Run(inner.clone())]),
            Node::And(left, right) => frames.extend([Frame::AndOr(true, right.clone()), Frame::Run(left.clone())]),
            Node::Or(left, right) => frames.extend([Frame::AndOr(false, right.clone()), Frame::Run(left.clone())]),
            Node::Seq(nodes) => frames.push(Frame::Seq(nodes.clone(), 0)),
            Node::If(condition, then, otherwise) => {
                frames.extend([Frame::If(then.clone(), otherwise.clone()), Frame::Run(condition.clone())]);
            }
            Node::While(until, condition, body) => {
                frames.push(Frame::Loop(*until, condition.clone(), body.clone(), false));
            }
            Node::Count(condition, step, body) => {
                frames.push(Frame::Count(condition.clone(), step.clone(), body.clone(), false));
            }
            Node::Function(name, body) => {
                thread.functions.insert(name.clone(), body.clone());
                thread.status = 0;
            }
            _ => {}
        }
    }

    fn condition(&mut self, id: u32, terms: &[Term], outputs: Vec<String>, ctx: &mut Ctx<'_>) {
        let holds = self.scope(id, outputs, ctx, |scope| {
            let piece = |term: &Term| match term {
                Term::Operator(text) => Piece::Operator(text),
                Term::Word(word) => Piece::Word(scope.single(word), word.is_quoted()),
            };
            let pieces: Vec<Piece> = terms.iter().map(piece).collect();
            cond::holds(&pieces, scope.fs, scope.cwd).map_err(|words| scope.error = Some(words)).unwrap_or(false)
        });
        if let (Some(holds), Some(thread)) = (holds, self.threads.get_mut(&id)) {
            thread.status = u8::from(!holds);
            thread.check_errexit();
        }
    }

    fn case(&mut self, id: u32, word: &Word, arms: &[(Vec<Word>, Arc<Node>)], outputs: Vec<String>, ctx: &mut Ctx<'_>) {
        let body = self.scope(id, outputs, ctx, |scope| {
            let value = scope.single(word);
            let fits = |scope: &mut Scope<'_>, p: &Word| {
                let pattern = scope.single(p);
                matches(&pattern, &value)
            };
            arms.iter().find(|(patterns, _)| patterns.iter().any(|p| fits(scope, p))).map(|(_, body)| body.clone())
        });
        if let (Some(body), Some(thread)) = (body, self.threads.get_mut(&id)) {
            thread.status = 0;
            thread.frames.extend(body.map(Frame::Run));
        }
    }

    fn pipeline(&mut self, id: u32, stages: &[Arc<Node>], ctx: &mut Ctx<'_>) {
        let mut input = None;
        let mut children = Vec::new();
        for (at, stage) in stages.iter().enumerate() {
            let Some(child) = self.fork(id, stage.clone()) else { return self.too_many(id, ctx) };
            let output = (at + 1 < stages.len()).then(|| self.pipe(Vec::new(), false));
            if let Some(thread) = self.threads.get_mut(&child) {
                thread.errexit = false;
                if let Some(pipe) = input {
                    thread.fds.insert(0, Target::Pipe(pipe));
                }
                if let Some(pipe) = output {
                    thread.fds.insert(1, Target::Pipe(pipe));
                }
            }
            input = output;
            children.push(child);
        }
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.state = State::Waiting(children);
        }
    }

    fn wait_for(&mut self, id: u32, nodes: &[Arc<Node>], ctx: &mut Ctx<'_>) {
        let children: Vec<u32> = nodes.iter().filter_map(|n| self.fork(id, n.clone())).collect();
        if children.len() < nodes.len() {
            return self.too_many(id, ctx);
        }
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.state = State::Waiting(children);
        }
    }

    fn background(&mut self, id: u32, node: &Arc<Node>, ctx: &mut Ctx<'_>) {
        let Some(child) = self.fork(id, node.clone()) else { return self.too_many(id, ctx) };
        if let Some(thread) = self.threads.get_mut(&child) {
            thread.fds.insert(0, Target::Null);
            thread.title = node.to_string();
        }
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.background = Some(PID + child);
            thread.jobs.push(child);
            thread.status = 0;
        }
    }

    /// Where the descriptors lead after redirections; `None` if one fails, which is printed.
    pub(super) fn redirect(
        &mut self,
        id: u32,
        redirects: &[Redirect],
        outputs: Vec<String>,
        ctx: &mut Ctx<'_>,
    ) -> Option<VecMap<u8, Target>> {
        let targets = self
            .scope(id, outputs, ctx, |scope| redirects.iter().map(|r| scope.single(&r.target)).collect::<Vec<_>>())?;
        let thread = self.threads.get(&id)?;
        let (mut fds, cwd) = (thread.fds.clone(), thread.cwd.clone());
        for (redirect, target) in redirects.iter().zip(targets) {
            let path = crate::workload::fs::resolve(&cwd, &target);
            let opened = match redirect.kind {
                RedirectKind::HereString => Ok(Target::Pipe(self.pipe(format!("{target}\n").into_bytes(), false))),
                RedirectKind::Here => Ok(Target::Pipe(self.pipe(target.clone().into_bytes(), false))),
                RedirectKind::Duplicate => Ok(match target.parse::<u8>() {
                    Ok(fd) => fds.get(&fd).cloned().unwrap_or(Target::Null),
                    Err(_) if target == "-" => Target::Null,
                    Err(_) => Target::File(path.clone()),
                }),
                RedirectKind::Read => open_read(&path, ctx).map(|bytes| match bytes {
                    Some(bytes) => Target::Pipe(self.pipe(bytes, false)),
                    None => Target::Null,
                }),
                kind => open_write(&path, kind == RedirectKind::Append, ctx),
            };
            match opened {
                Ok(to) => fds.insert(redirect.fd, to),
                Err(words) => {
                    ctx.eprint(format!("{}{}\n", self.prefix(ctx), words.replace("{}", &target)));
                    if let Some(thread) = self.threads.get_mut(&id) {
                        thread.status = 1;
                        thread.check_errexit();
                    }
                    return None;
                }
            };
        }
        Some(fds)
    }

    fn simple(&mut self, id: u32, simple: &Simple, mut outputs: Vec<String>, ctx: &mut Ctx<'_>) {
        // The outputs are used in the order in which the substitutions were found.
        let mut counts = Vec::new();
        simple.values().for_each(|w| substitutions(w, &mut counts));
        let assigned: Vec<String> = outputs.drain(..counts.len().min(outputs.len())).collect();
        let had = !assigned.is_empty();
        let values = self.scope(id, assigned, ctx, |scope| {
            let mut set = Vec::new();
            simple.arrays.iter().for_each(|array| scope.set_array(array));
            for (name, word) in &simple.assigns {
                let value = scope.single(word);
                if simple.words.is_empty() {
                    scope.vars.insert(name.clone(), value.clone());
                }
                set.push((name.clone(), value));
            }
            set
        });
        let Some(assigns) = values else { return };
        counts.clear();
        simple.words.iter().for_each(|w| substitutions(w, &mut counts));
        let worded: Vec<String> = outputs.drain(..counts.len().min(outputs.len())).collect();
        let Some(argv) = self.scope(id, worded, ctx, |scope| scope.fields(&simple.words)) else { return };
        let Some(fds) = self.redirect(id, &simple.redirects, outputs, ctx) else { return };
        let Some(thread) = self.threads.get_mut(&id) else { return };
        let Some(name) = argv.first().cloned() else {
            if !had {
                thread.status = 0;
            }
            return;
        };
        if let Some(body) = thread.functions.get(&name).cloned() {
            let old = std::mem::replace(&mut thread.args, argv);
            let zero = old.first().cloned().unwrap_or_default();
            thread.args[0] = zero;
            let fds = std::mem::replace(&mut thread.fds, fds);
            thread.vars.extend(assigns);
            thread.frames.extend([Frame::Restore(fds), Frame::Call(old), Frame::Run(body)]);
            return;
        }
        if self.builtin(id, &argv, &assigns, &fds, ctx) {
            return;
        }
        self.external(id, argv, assigns, &fds, ctx);
    }

    /// Starts a program.
    pub(super) fn external(
        &mut self,
        id: u32,
        argv: Vec<String>,
        assigns: Vec<(String, String)>,
        fds: &VecMap<u8, Target>,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        let mut env: VecMap<String, String> =
            thread.exported.iter().filter_map(|n| Some((n.clone(), thread.vars.get(n)?.clone()))).collect();
        env.extend(assigns);
        let name = argv[0].clone();
        let spec = Spec { argv, env, cwd: thread.cwd.clone() };
        let to = |fd: u8| fds.get(&fd).cloned().unwrap_or(Target::Null);
        match registry::start(&spec, ctx.place, ctx.fs) {
            Ok(mut process) => {
                let (stdin, stdout, stderr) = (to(0), to(1), to(2));
                if let (Process::Outside(program), Target::Stdin) = (&mut process, &stdin) {
                    program.at_terminal();
                }
                thread.state = State::Running { process, stdin, stdout, stderr, ended: false };
                ctx.compute(FORK);
                self.child(id, Input::Start, ctx);
            }
            Err(_) => {
                let not_found = if self.prefix(ctx).starts_with("bash") { "command not found" } else { "not found" };
                let words = format!("{}{name}: {not_found}\n", self.prefix(ctx));
                self.write(id, &to(2), words.as_bytes(), ctx);
                if let Some(thread) = self.threads.get_mut(&id) {
                    thread.status = 127;
                    thread.check_errexit();
                }
            }
        }
    }
}

/// What is in a file that is opened to be read; `None` of `/dev/null`.
fn open_read(path: &str, ctx: &mut Ctx<'_>) -> Result<Option<Vec<u8>>, String> {
    if path == "/dev/null" {
        return Ok(None);
    }
    match text::read(path, kernel::SOME, ctx) {
        Ok(data) => Ok(Some(data)),
        Err(error) => Err(format!("can't open {{}}: {}", lower(&error.to_string()))),
    }
}

fn open_write(path: &str, append: bool, ctx: &mut Ctx<'_>) -> Result<Target, String> {
    let real = ctx.fs.followed(path);
    match kernel::stream(&real) {
        Some(1) => return Ok(Target::Out),
        Some(2) => return Ok(Target::Err),
        _ if real == "/dev/null" => return Ok(Target::Null),
        _ => {}
    }
    match ctx.fs.write(path, b"", append) {
        Ok(()) => Ok(Target::File(path.to_owned())),
        Err(crate::workload::fs::FsError::NotFound) => Err("can't create {}: nonexistent directory".into()),
        Err(error) => Err(format!("can't create {{}}: {error}")),
    }
}

fn lower(text: &str) -> String {
    if text == "No such file or directory" { "no such file".into() } else { text.to_owned() }
}
