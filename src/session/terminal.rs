//! The terminal: a line is run by a shell, and what it prints becomes output. Programs of the line (kubectl, etcdctl, a command
//! on a node) live beside the cluster and speak with it only by messages, like any client; the shell waits for them as for
//! its own. All of that is part of the world's state: a checkpoint taken while `kubectl get -w` runs goes on with it.

mod program;

use crate::api::http::Chunk;
use crate::cluster::{Cluster, Mail, MailKind, OutsideId};
use crate::etcdctl;
use crate::kubectl::{self, KubectlConfig};
use crate::session::home::{Ask, Did, Home};
use crate::session::tunnel::Tunnels;
use crate::sim::{EventId, Time, VecMap};
use crate::workload::shell::Shell;
use crate::workload::tool::print::CLEAR;
use crate::workload::{self, ProcInfo};
use program::{Job, Running};

/// Where a text was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What a line did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// A line printed something.
    Text(JobId, Stream, String),
    /// It ended with an exit code.
    Exit(JobId, u8),
    /// The screen is to be cleared.
    Clear,
}

/// The number of a line: that of its first client.
pub type JobId = OutsideId;

/// A line that runs, and what it has left in the background.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Line {
    shell: Box<Shell>,
    cause: Option<EventId>,
    /// Whether it is over; then only jobs of the background are left.
    is_over: bool,
    is_interrupted: bool,
    /// Whether a program of it speaks, or has spoken, under the line's own number.
    is_lent: bool,
    /// The files of the host that it names.
    files: VecMap<String, Vec<u8>>,
    /// Its connections through ports that are let through.
    tunnels: Tunnels,
}

/// The terminal of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terminal {
    config: KubectlConfig,
    home: Home,
    lines: VecMap<JobId, Line>,
    programs: VecMap<OutsideId, Running>,
    output: Vec<Output>,
}

impl Terminal {
    /// A terminal without jobs.
    pub fn new(config: KubectlConfig) -> Terminal {
        let mut home = Home::new(config.epoch);
        home.write("/", config.path(), Some(config.text().as_bytes())).expect("an empty file system takes a file");
        Terminal { config, home, lines: VecMap::new(), programs: VecMap::new(), output: Vec::new() }
    }

    /// Takes what was printed and what ended since the last call, in order.
    pub fn take_output(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.output)
    }

    /// Whether a line still runs; what it left in the background does not count.
    pub fn is_running(&self, job: JobId) -> bool {
        self.lines.get(&job).is_some_and(|line| !line.is_over)
    }

    /// The earliest time at which something wants to be woken.
    pub fn wake_at(&self) -> Option<Time> {
        let programs = self.programs.values().filter_map(|running| running.job.wake_at());
        let shells = self.lines.values().filter_map(|line| workload::Program::wake_at(&*line.shell));
        programs.chain(shells).min()
    }

    /// The kubeconfig that kubectl reads if nothing names another.
    pub fn config(&self) -> KubectlConfig {
        let path = kubectl::KUBECONFIG;
        self.config.of_files(&[(path.to_owned(), self.home.read(path))], false)
    }

    /// The terminal's own machine.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Starts a line. `files` are what `-f` may name where the terminal has none of its own; `named` are those of them that
    /// the line names, for programs that begin later.
    pub fn start(
        &mut self,
        cluster: &mut Cluster,
        text: &str,
        (files, named): (&dyn kubectl::Files, VecMap<String, Vec<u8>>),
        cause: Option<EventId>,
    ) -> JobId {
        let id = cluster.connect();
        let line = Line {
            shell: Box::new(self.home.shell(text)),
            cause,
            is_over: false,
            is_interrupted: false,
            is_lent: false,
            files: named,
            tunnels: Tunnels::default(),
        };
        self.lines.insert(id, line);
        self.shell(cluster, id, vec![workload::Input::Start, workload::Input::StdinEnd], Some(files));
        id
    }

    /// Hands inputs to the shell of a line, and does what comes of them.
    fn shell(
        &mut self,
        cluster: &mut Cluster,
        id: JobId,
        mut inputs: Vec<workload::Input>,
        files: Option<&dyn kubectl::Files>,
    ) {
        while !inputs.is_empty() {
            let jobs = self.background(id);
            let Some(line) = self.lines.get_mut(&id) else { return };
            let Did { printed, asks, exit } = self.home.run(&mut line.shell, inputs.remove(0), &jobs, cluster.now());
            for (is_error, text) in printed {
                self.show(id, if is_error { Stream::Err } else { Stream::Out }, &text);
            }
            self.stop_orphans(cluster, id);
            if let Some(code) = exit {
                self.finish(cluster, id, code);
            }
            for ask in asks {
                match ask {
                    Ask::Net(op) => inputs.extend(self.connect(cluster, id, op)),
                    Ask::Launch { id: number, spec, stdin } => {
                        self.launch(cluster, (id, number), spec, stdin, files);
                    }
                    Ask::Kill { pid, signal } => self.kill(cluster, pid, signal),
                }
            }
        }
    }

    /// Puts a text on the screen; what clears it does.
    fn show(&mut self, id: JobId, stream: Stream, text: &str) {
        for (n, part) in text.split(CLEAR).enumerate() {
            if n > 0 {
                self.output.push(Output::Clear);
            }
            if !part.is_empty() {
                self.output.push(Output::Text(id, stream, part.to_owned()));
            }
        }
    }

    /// What other lines have left in the background, after the shell itself.
    fn background(&self, id: JobId) -> Vec<ProcInfo> {
        let of = |pid, command: &str| ProcInfo { pid, started: Time::ZERO, command: command.to_owned() };
        let others = self.lines.iter().filter(|(other, _)| **other != id);
        let jobs = others.flat_map(|(_, line)| line.shell.background_jobs()).map(|(pid, command)| of(pid, command));
        [of(1, "sh")].into_iter().chain(jobs).collect()
    }

    /// A signal for a job of another line.
    fn kill(&mut self, cluster: &mut Cluster, pid: u32, signal: u8) {
        let found = self.lines.iter().find(|(_, line)| line.shell.background_jobs().any(|(of, _)| of == pid));
        let Some(id) = found.map(|(id, _)| *id) else { return };
        if let Some(line) = self.lines.get_mut(&id) {
            line.shell.kill_job(pid, signal);
        }
        // The shell notices, and may be over.
        self.shell(cluster, id, vec![workload::Input::Timer], None);
    }

    /// Ends programs whose shell no longer waits for them.
    fn stop_orphans(&mut self, cluster: &mut Cluster, id: JobId) {
        let mut wanted = Vec::new();
        if let Some(line) = self.lines.get(&id) {
            workload::Program::launched(&*line.shell, &mut wanted);
        }
        let gone = |running: &Running| running.of.0 == id && !wanted.contains(&running.of.1);
        let orphans: Vec<OutsideId> =
            self.programs.iter().filter(|(_, running)| gone(running)).map(|(id, _)| *id).collect();
        for id in orphans {
            self.programs.remove(&id);
            cluster.disconnect(id);
        }
    }

    /// A line is over, but perhaps for what it left in the background.
    fn finish(&mut self, cluster: &mut Cluster, id: JobId, code: u8) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        let was_over = std::mem::replace(&mut line.is_over, true);
        if !was_over {
            self.home.keep(&mut line.shell);
            self.output.push(Output::Exit(id, code));
        }
        if line.is_interrupted || !line.shell.lives_on() {
            let speaks = !line.is_lent || !line.tunnels.is_empty();
            self.lines.remove(&id);
            self.stop_orphans(cluster, id);
            if speaks {
                cluster.disconnect(id);
            }
        }
    }

    /// The programs of a line.
    fn programs_of(&self, job: JobId) -> impl DoubleEndedIterator<Item = (OutsideId, &Running)> {
        self.programs.iter().filter(move |(_, running)| running.of.0 == job).map(|(id, running)| (*id, running))
    }

    /// The program of a line that reads what is typed.
    fn reader(&self, job: JobId) -> Option<OutsideId> {
        let reads = |running: &Running| match &running.job {
            _ if running.editing.is_some() => true,
            Job::Kubectl(process) => running.is_at_terminal && process.takes_input(),
            _ => false,
        };
        self.programs_of(job).rfind(|(_, running)| reads(running)).map(|(id, _)| id)
    }

    /// Whether a line reads what is typed.
    pub fn takes_input(&self, job: JobId) -> bool {
        self.reader(job).is_some()
    }

    /// Whether a line will read what is typed once it has begun what it waits for.
    pub fn will_take_input(&self, job: JobId) -> bool {
        let will = |running: &Running| matches!(&running.job, Job::Kubectl(process) if process.will_take_input());
        self.programs_of(job).any(|(_, running)| running.is_at_terminal && will(running))
    }

    /// Whether a line only lets connections through.
    pub fn listens(&self, job: JobId) -> bool {
        self.programs_of(job).any(|(_, running)| !running.forwards.is_empty())
    }

    /// The last line that lets connections through.
    pub fn listening(&self) -> Option<JobId> {
        self.forwarder().map(|(_, running)| running.of.0)
    }

    fn forwarder(&self) -> Option<(OutsideId, &Running)> {
        self.programs.iter().rev().find(|(_, running)| !running.forwards.is_empty()).map(|(id, running)| (*id, running))
    }

    /// What a line has given to the page's editor.
    pub fn editing(&self, job: JobId) -> Option<&str> {
        self.programs_of(job).find_map(|(_, running)| running.editing.as_deref())
    }

    /// A text that was typed for a line; of one whose editor is open, the text that was saved.
    pub fn typed(&mut self, cluster: &mut Cluster, job: JobId, text: &str, cause: Option<EventId>) {
        let Some(id) = self.reader(job) else { return };
        let edits = self.programs.get_mut(&id).and_then(|running| running.editing.take()).is_some();
        let input = match edits {
            true => kubectl::Input::Edited(kubectl::Edited::Saved(text.to_owned())),
            false => kubectl::Input::Typed(text.to_owned()),
        };
        self.kubectl(cluster, id, input, cause);
    }

    /// Ctrl-C for a line: its programs get it; without any the line is over.
    pub fn interrupt(&mut self, cluster: &mut Cluster, job: JobId) {
        let Some(line) = self.lines.get_mut(&job) else { return };
        line.is_interrupted = !line.is_over;
        let ids: Vec<OutsideId> = self.programs_of(job).map(|(id, _)| id).collect();
        if ids.is_empty() {
            return self.finish(cluster, job, 130);
        }
        for id in ids {
            let Some(running) = self.programs.get_mut(&id) else { continue };
            let cause = running.cause;
            match &running.job {
                Job::Kubectl(_) if running.editing.take().is_some() => {
                    let failed = kubectl::Edited::Failed("there was a problem with the editor \"vi\"".into());
                    self.kubectl(cluster, id, kubectl::Input::Edited(failed), cause);
                }
                Job::Kubectl(_) => self.kubectl(cluster, id, kubectl::Input::Interrupt, cause),
                Job::Etcdctl(_) => self.etcdctl(cluster, id, etcdctl::Input::Interrupt, cause),
                Job::Node => {
                    if !cluster.interrupt_node_command(id) {
                        self.end(cluster, id, 130);
                    }
                }
            }
        }
    }

    /// Gives the programs and shells what arrived for them.
    pub fn deliver(&mut self, cluster: &mut Cluster, mail: Mail) {
        let (id, cause) = (mail.to, mail.cause);
        match (self.programs.get(&id).map(|running| &running.job), mail.what) {
            (_, MailKind::Http { id: call, response }) if Tunnels::is_call(call) => {
                let input = self.lines.get_mut(&id).and_then(|line| line.tunnels.answered(call, &response));
                self.shell(cluster, id, input.into_iter().collect(), None);
            }
            (_, MailKind::Chunk { id: call, chunk }) if Tunnels::is_call(call) => {
                let Some(line) = self.lines.get_mut(&id) else { return };
                let (input, why) = line.tunnels.chunk(call, chunk);
                let forwarder = self.forwarder().map(|(id, _)| id);
                if let (Some(why), Some(forwarder)) = (why, forwarder) {
                    self.print(cluster, forwarder, Stream::Err, format!("error: {why}\n"));
                }
                self.shell(cluster, id, input.into_iter().collect(), None);
            }
            (Some(Job::Kubectl(_)), MailKind::Http { id: call, response }) => {
                self.kubectl(cluster, id, kubectl::Input::Response { id: call, response }, cause);
            }
            (Some(Job::Kubectl(_)), MailKind::Chunk { id: call, chunk }) => {
                self.kubectl(cluster, id, kubectl::Input::Chunk { id: call, chunk }, cause);
            }
            (Some(Job::Etcdctl(_)), MailKind::Etcd(effect)) => {
                if let Some(input) = program::etcdctl_input(effect) {
                    self.etcdctl(cluster, id, input, cause);
                }
            }
            (Some(Job::Node), MailKind::Node(chunk)) => {
                let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                match chunk {
                    Chunk::Stdout(bytes) => self.print(cluster, id, Stream::Out, text(bytes)),
                    Chunk::Stderr(bytes) => self.print(cluster, id, Stream::Err, text(bytes)),
                    Chunk::Exit(code) => self.end(cluster, id, code),
                    Chunk::Event(_) | Chunk::End => {}
                }
            }
            _ => {}
        }
    }

    /// Wakes what waited for this time.
    pub fn wake(&mut self, cluster: &mut Cluster) {
        let now = cluster.now();
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let shells: Vec<JobId> = (self.lines.iter())
            .filter(|(_, line)| is_due(workload::Program::wake_at(&*line.shell)))
            .map(|(id, _)| *id)
            .collect();
        for id in shells {
            self.shell(cluster, id, vec![workload::Input::Timer], None);
        }
        let programs: Vec<OutsideId> =
            self.programs.iter().filter(|(_, running)| is_due(running.job.wake_at())).map(|(id, _)| *id).collect();
        for id in programs {
            let Some(running) = self.programs.get(&id) else { continue };
            let cause = running.cause;
            match &running.job {
                Job::Kubectl(_) => self.kubectl(cluster, id, kubectl::Input::Timer, cause),
                Job::Etcdctl(_) => self.etcdctl(cluster, id, etcdctl::Input::Timer, cause),
                Job::Node => {}
            }
        }
    }

    /// Does something with a socket of a shell.
    fn connect(&mut self, cluster: &mut Cluster, id: JobId, op: workload::NetOp) -> Option<workload::Input> {
        let ports: Vec<kubectl::Forward> =
            self.programs.values().flat_map(|running| running.forwards.clone()).collect();
        if let workload::NetOp::Connect { to, .. } = &op
            && let Some((forwarder, _)) = self.forwarder()
            && ports.iter().any(|forward| forward.local == to.port())
        {
            self.print(cluster, forwarder, Stream::Out, format!("Handling connection for {}\n", to.port()));
        }
        let line = self.lines.get_mut(&id)?;
        line.tunnels.take(cluster, id, op, &ports, line.cause)
    }
}
