//! The terminal: a line becomes a job (kubectl, etcdctl, a command on a node), and what the job prints becomes output.
//!
//! A job lives beside the cluster and speaks with it only by messages, like any client. Its state is part of the world's:
//! a checkpoint taken while `kubectl get -w` runs goes on with it.

use crate::api::http::Chunk;
use crate::cluster::{Cluster, Mail, MailKind, OutsideId};
use crate::control::apiserver::StoredValue;
use crate::etcd;
use crate::etcdctl;
use crate::kubectl::{self, KubectlConfig};
use crate::line::Line;
use crate::session::home::{Did, Home, HomeFiles};
use crate::session::stage::{Stage, is_assignment};
use crate::session::tunnel::Tunnels;
use crate::sim::{EventId, Out, Time, VecMap};
use crate::workload;
use crate::workload::shell::Shell;

/// Where a text was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What a job did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// It printed something.
    Text(JobId, Stream, String),
    /// It ended with an exit code.
    Exit(JobId, u8),
    /// The screen is to be cleared.
    Clear,
}

/// The number of a job: that of its client.
pub type JobId = OutsideId;

/// A running command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Job {
    Kubectl(Box<kubectl::Process>),
    Etcdctl(Box<etcdctl::Process<StoredValue>>),
    Node,
    Shell(Box<Shell>),
}

/// A line that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Running {
    job: Job,
    cause: Option<EventId>,
    /// What comes after this stage of the line.
    rest: Vec<Stage>,
    /// What this stage has printed for the next one.
    piped: String,
    /// What the line sets for its programs.
    env: VecMap<String, String>,
    /// What the page's editor shows.
    editing: Option<String>,
    /// The ports that it lets through.
    forwards: Vec<kubectl::Forward>,
    /// Its connections through such ports.
    tunnels: Tunnels,
}

impl Running {
    fn new(job: Job, cause: Option<EventId>) -> Running {
        Running {
            job,
            cause,
            rest: Vec::new(),
            piped: String::new(),
            env: VecMap::new(),
            editing: None,
            forwards: Vec::new(),
            tunnels: Tunnels::default(),
        }
    }
}

/// The terminal of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terminal {
    config: KubectlConfig,
    home: Home,
    jobs: VecMap<JobId, Running>,
    output: Vec<Output>,
}

/// What `help` prints.
const HELP: &str = "\
kubectl (k)          the cluster's client: kubectl get pods, kubectl apply -f - <<EOF …
etcdctl              the store's client: etcdctl get / --prefix --keys-only
node NAME COMMAND    a command on a node: node worker1 ip route
                     or on a machine outside: node client curl http://192.168.1.21:30080
cat, ls, sed, …      files of this terminal: cat > web.yaml <<EOF …; kubectl apply -f web.yaml
                     kubectl get pods -o name | sort > names
export NAME=VALUE    a variable: KUBE_EDITOR='sed -i s/1/2/' is the editor of kubectl edit
clear                clears the screen
";

impl Terminal {
    /// A terminal without jobs.
    pub fn new(config: KubectlConfig) -> Terminal {
        let home = Home::new(config.epoch);
        Terminal { config, home, jobs: VecMap::new(), output: Vec::new() }
    }

    /// Takes what was printed and what ended since the last call, in order.
    pub fn take_output(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.output)
    }

    /// Whether a job still runs.
    pub fn is_running(&self, job: JobId) -> bool {
        self.jobs.contains_key(&job)
    }

    /// The earliest time at which a job wants to be woken.
    pub fn wake_at(&self) -> Option<Time> {
        self.jobs.values().filter_map(|running| running.job.wake_at()).min()
    }

    /// The kubeconfig.
    pub fn config(&self) -> &KubectlConfig {
        &self.config
    }

    /// The terminal's own machine.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Starts the job that a line asks for. `files` are what `-f` may name where the terminal has none of its own.
    pub fn start(
        &mut self,
        cluster: &mut Cluster,
        mut stages: Vec<Stage>,
        files: &dyn kubectl::Files,
        cause: Option<EventId>,
    ) -> JobId {
        let id = cluster.connect();
        let first = stages.remove(0);
        self.stage(cluster, id, (first, stages), files, cause);
        id
    }

    /// Starts one stage of a line.
    fn stage(
        &mut self,
        cluster: &mut Cluster,
        id: JobId,
        (stage, rest): (Stage, Vec<Stage>),
        files: &dyn kubectl::Files,
        cause: Option<EventId>,
    ) {
        let running = |job, env| Running { rest: rest.clone(), env, ..Running::new(job, cause) };
        let mut line = match stage {
            Stage::Program(line) => line,
            Stage::Shell(text) => {
                let shell = self.home.shell(&text);
                self.jobs.insert(id, running(Job::Shell(Box::new(shell)), VecMap::new()));
                return self.shell(cluster, id, vec![workload::Input::Start, workload::Input::StdinEnd]);
            }
        };
        let env = assignments(&mut line);
        let Some((program, args)) = line.words.split_first() else {
            env.iter().for_each(|(name, value)| self.home.set(name, value));
            self.output.push(Output::Exit(id, 0));
            return;
        };
        let args = args.to_vec();
        let now = cluster.now();
        match program.as_str() {
            "kubectl" | "k" => {
                let stdin = line.stdin.clone().map(String::into_bytes);
                let files = HomeFiles { home: &self.home, under: files };
                self.config.discovered = kubectl::discovered(cluster.apiserver().definitions().served());
                let process = kubectl::Process::start(args, stdin, &files, &self.config, now);
                self.jobs.insert(id, running(Job::Kubectl(Box::new(process)), env));
                self.kubectl(cluster, id, kubectl::Input::Start, cause);
            }
            "etcdctl" => {
                let stdin = line.stdin.clone().unwrap_or_default();
                let process = etcdctl::Process::start(&args, &stdin, now);
                self.jobs.insert(id, running(Job::Etcdctl(Box::new(process)), env));
                self.etcdctl(cluster, id, etcdctl::Input::Start, cause);
            }
            "node" => {
                self.jobs.insert(id, running(Job::Node, env));
                self.node(cluster, id, &args, cause);
            }
            other => self.builtin(id, other, &args),
        }
    }

    /// What the terminal does itself.
    fn builtin(&mut self, id: JobId, program: &str, args: &[String]) {
        let mut code = 0;
        match program {
            "clear" => self.output.push(Output::Clear),
            "help" => self.print(id, Stream::Out, HELP.into()),
            "cd" => {
                if let Err(why) = self.home.go(args.first().map_or("", String::as_str)) {
                    self.print(id, Stream::Err, format!("{why}\n"));
                    code = 2;
                }
            }
            "export" => {
                for (name, value) in args.iter().filter_map(|word| word.split_once('=')) {
                    self.home.set(name, value);
                }
            }
            other => {
                self.print(id, Stream::Err, format!("sh: {other}: not found (help lists what there is)\n"));
                code = 127;
            }
        }
        self.output.push(Output::Exit(id, code));
    }

    fn node(&mut self, cluster: &mut Cluster, id: JobId, args: &[String], cause: Option<EventId>) {
        let refused = match args.split_first() {
            None => Err("usage: node NAME COMMAND [ARGUMENT...]".to_owned()),
            Some((_, [])) => Err("usage: node NAME COMMAND [ARGUMENT...]".to_owned()),
            Some((node, command)) => cluster.node_command(id, node, quoted(command), cause),
        };
        if let Err(why) = refused {
            self.print(id, Stream::Err, format!("{why}\n"));
            self.end(cluster, id, 1);
        }
    }

    /// Whether a job reads what is typed.
    pub fn takes_input(&self, job: JobId) -> bool {
        match self.jobs.get(&job) {
            Some(Running { editing: Some(_), .. }) => true,
            Some(Running { job: Job::Kubectl(process), .. }) => process.takes_input(),
            _ => false,
        }
    }

    /// Whether a job will read what is typed once it has begun what it waits for.
    pub fn will_take_input(&self, job: JobId) -> bool {
        matches!(self.jobs.get(&job), Some(Running { job: Job::Kubectl(process), .. }) if process.will_take_input())
    }

    /// Whether a job only lets connections through.
    pub fn listens(&self, job: JobId) -> bool {
        self.jobs.get(&job).is_some_and(|running| !running.forwards.is_empty())
    }

    /// The last job that lets connections through.
    pub fn listening(&self) -> Option<JobId> {
        self.jobs.iter().rev().find(|(_, running)| !running.forwards.is_empty()).map(|(id, _)| *id)
    }

    /// What a job has given to the page's editor.
    pub fn editing(&self, job: JobId) -> Option<&str> {
        self.jobs.get(&job)?.editing.as_deref()
    }

    /// A line that was typed for a job; of one whose editor is open, the text that was saved.
    pub fn typed(&mut self, cluster: &mut Cluster, id: JobId, line: &str, cause: Option<EventId>) {
        let edits = self.jobs.get_mut(&id).and_then(|running| running.editing.take()).is_some();
        let input = match edits {
            true => kubectl::Input::Edited(kubectl::Edited::Saved(line.to_owned())),
            false => kubectl::Input::Typed(line.to_owned()),
        };
        self.kubectl(cluster, id, input, cause);
    }

    /// Ctrl-C for a job.
    pub fn interrupt(&mut self, cluster: &mut Cluster, id: JobId) {
        let Some(running) = self.jobs.get_mut(&id) else { return };
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
            Job::Shell(_) => self.end(cluster, id, 130),
        }
    }

    /// Gives the jobs what arrived for them.
    pub fn deliver(&mut self, cluster: &mut Cluster, mail: Mail) {
        let (id, cause) = (mail.to, mail.cause);
        match (self.jobs.get(&id).map(|running| &running.job), mail.what) {
            (Some(Job::Kubectl(_)), MailKind::Http { id: call, response }) => {
                self.kubectl(cluster, id, kubectl::Input::Response { id: call, response }, cause);
            }
            (Some(Job::Kubectl(_)), MailKind::Chunk { id: call, chunk }) => {
                self.kubectl(cluster, id, kubectl::Input::Chunk { id: call, chunk }, cause);
            }
            (Some(Job::Shell(_)), MailKind::Http { id: call, response }) => {
                let input = self.jobs.get_mut(&id).and_then(|running| running.tunnels.answered(call, &response));
                self.shell(cluster, id, input.into_iter().collect());
            }
            (Some(Job::Shell(_)), MailKind::Chunk { id: call, chunk }) => {
                let Some(running) = self.jobs.get_mut(&id) else { return };
                let (input, why) = running.tunnels.chunk(call, chunk);
                if let (Some(why), Some(forwarder)) = (why, self.listening()) {
                    self.print(forwarder, Stream::Err, format!("error: {why}\n"));
                }
                self.shell(cluster, id, input.into_iter().collect());
            }
            (Some(Job::Etcdctl(_)), MailKind::Etcd(effect)) => {
                if let Some(input) = etcdctl_input(effect) {
                    self.etcdctl(cluster, id, input, cause);
                }
            }
            (Some(Job::Node), MailKind::Node(chunk)) => match chunk {
                Chunk::Stdout(bytes) => self.print(id, Stream::Out, String::from_utf8_lossy(&bytes).into_owned()),
                Chunk::Stderr(bytes) => self.print(id, Stream::Err, String::from_utf8_lossy(&bytes).into_owned()),
                Chunk::Exit(code) => self.end(cluster, id, code),
                Chunk::Event(_) | Chunk::End => {}
            },
            _ => {}
        }
    }

    /// Wakes the jobs whose time has come.
    pub fn wake(&mut self, cluster: &mut Cluster) {
        let now = cluster.now();
        let due: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, running)| running.job.wake_at().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let cause = self.jobs.get(&id).and_then(|running| running.cause);
            match self.jobs.get(&id).map(|running| &running.job) {
                Some(Job::Shell(_)) => self.shell(cluster, id, vec![workload::Input::Timer]),
                Some(Job::Kubectl(_)) => self.kubectl(cluster, id, kubectl::Input::Timer, cause),
                Some(Job::Etcdctl(_)) => self.etcdctl(cluster, id, etcdctl::Input::Timer, cause),
                _ => {}
            }
        }
    }

    fn kubectl(&mut self, cluster: &mut Cluster, id: JobId, input: kubectl::Input, cause: Option<EventId>) {
        let Some(Running { job: Job::Kubectl(process), .. }) = self.jobs.get_mut(&id) else { return };
        let mut out = Out::caused_by(cause);
        process.handle(input, cluster.now(), &mut out);
        for (cause, effect) in out.take_caused() {
            match effect {
                kubectl::Effect::Request { id: call, request } => cluster.http(id, call, request, cause),
                kubectl::Effect::Input { id: call, input } => cluster.stream_input(id, call, input, cause),
                kubectl::Effect::Cancel { id: call } => cluster.cancel(id, call, cause),
                kubectl::Effect::Stdout(text) => self.print(id, Stream::Out, text),
                kubectl::Effect::Stderr(text) => self.print(id, Stream::Err, text),
                kubectl::Effect::Session(config) => self.config = config,
                kubectl::Effect::Write { path, data } => {
                    if let Err(why) = self.home.write(&path, data.as_deref()) {
                        self.print(id, Stream::Err, format!("error: open {path}: {why}\n"));
                    }
                }
                kubectl::Effect::Listen(forwards) => {
                    if let Some(running) = self.jobs.get_mut(&id) {
                        running.forwards = forwards;
                    }
                }
                kubectl::Effect::Edit { file, text } => self.edit(cluster, id, &file, text, cause),
                kubectl::Effect::Exit(code) => self.end(cluster, id, code),
            }
        }
    }

    fn etcdctl(
        &mut self,
        cluster: &mut Cluster,
        id: JobId,
        input: etcdctl::Input<StoredValue>,
        cause: Option<EventId>,
    ) {
        let Some(Running { job: Job::Etcdctl(process), .. }) = self.jobs.get_mut(&id) else { return };
        let mut out = Out::caused_by(cause);
        process.handle(input, cluster.now(), &mut out);
        for (cause, effect) in out.take_caused() {
            match effect {
                etcdctl::Effect::Request { id: call, endpoint, op } => cluster.etcd(id, call, &endpoint, op, cause),
                etcdctl::Effect::Save { path, .. } => {
                    let why = format!(
                        "Error: a snapshot is a file of a master's disk: node master1 etcdctl snapshot save {path}\n"
                    );
                    self.print(id, Stream::Err, why);
                    self.end(cluster, id, 1);
                }
                etcdctl::Effect::Stdout(text) => self.print(id, Stream::Out, text),
                etcdctl::Effect::Stderr(text) => self.print(id, Stream::Err, text),
                etcdctl::Effect::Exit(code) => self.end(cluster, id, code),
            }
        }
    }

    /// Opens the editor: that of the variables, or the page's.
    fn edit(&mut self, cluster: &mut Cluster, id: JobId, file: &str, text: String, cause: Option<EventId>) {
        let Some(running) = self.jobs.get_mut(&id) else { return };
        let named = ["KUBE_EDITOR", "EDITOR"]
            .iter()
            .find_map(|name| running.env.get(*name).map(String::as_str).or_else(|| self.home.variable(name)))
            .filter(|editor| !editor.is_empty())
            .map(str::to_owned);
        let Some(editor) = named else {
            running.editing = Some(text);
            return;
        };
        let edited = match self.home.write(file, Some(text.as_bytes())) {
            Ok(()) => self.run_editor(&editor, file, cluster.now()),
            Err(why) => kubectl::Edited::Failed(format!("open {file}: {why}")),
        };
        self.kubectl(cluster, id, kubectl::Input::Edited(edited), cause);
    }

    /// Runs an editor of the terminal's shell to its end.
    fn run_editor(&mut self, editor: &str, file: &str, now: Time) -> kubectl::Edited {
        let mut shell = self.home.shell(&format!("{editor} {file}"));
        let inputs = [workload::Input::Start, workload::Input::StdinEnd];
        let code = inputs.into_iter().find_map(|input| self.home.run(&mut shell, input, now).exit);
        match code {
            Some(0) => {
                let text = self.home.read(file).unwrap_or_default();
                kubectl::Edited::Saved(String::from_utf8_lossy(&text).into_owned())
            }
            Some(127) => kubectl::Edited::Failed(format!("unable to launch the editor {editor:?}")),
            _ => kubectl::Edited::Failed(format!("there was a problem with the editor {editor:?}")),
        }
    }

    /// Hands inputs to a shell of the terminal, and what comes of them.
    fn shell(&mut self, cluster: &mut Cluster, id: JobId, mut inputs: Vec<workload::Input>) {
        while !inputs.is_empty() {
            let Some(Running { job: Job::Shell(shell), .. }) = self.jobs.get_mut(&id) else { return };
            let Did { printed, net, exit } = self.home.run(shell, inputs.remove(0), cluster.now());
            for (is_error, text) in printed {
                self.print(id, if is_error { Stream::Err } else { Stream::Out }, text);
            }
            for op in net {
                inputs.extend(self.connect(cluster, id, op));
            }
            if let Some(code) = exit {
                return self.end(cluster, id, code);
            }
        }
    }

    /// Does something with a socket of a shell.
    fn connect(&mut self, cluster: &mut Cluster, id: JobId, op: workload::NetOp) -> Option<workload::Input> {
        let ports: Vec<kubectl::Forward> = self.jobs.values().flat_map(|running| running.forwards.clone()).collect();
        if let workload::NetOp::Connect { to, .. } = &op
            && let Some(forwarder) = self.listening()
            && ports.iter().any(|forward| forward.local == to.port())
        {
            self.print(forwarder, Stream::Out, format!("Handling connection for {}\n", to.port()));
        }
        let running = self.jobs.get_mut(&id)?;
        let cause = running.cause;
        running.tunnels.take(cluster, id, op, &ports, cause)
    }

    fn print(&mut self, id: JobId, stream: Stream, text: String) {
        match self.jobs.get_mut(&id) {
            Some(running) if stream == Stream::Out && !running.rest.is_empty() => running.piped.push_str(&text),
            _ => self.output.push(Output::Text(id, stream, text)),
        }
    }

    /// A stage of a line has ended: the next one begins, or the line is over.
    fn end(&mut self, cluster: &mut Cluster, id: JobId, code: u8) {
        let running = self.jobs.remove(&id);
        if let Some(Running { mut rest, piped, cause, .. }) = running
            && !rest.is_empty()
            && code != 130
        {
            let mut next = rest.remove(0);
            let input = match &mut next {
                Stage::Program(line) => {
                    line.stdin = Some(piped);
                    None
                }
                Stage::Shell(_) => Some(piped),
            };
            return self.pipe(cluster, id, (next, rest), input, cause);
        }
        cluster.disconnect(id);
        self.output.push(Output::Exit(id, code));
    }

    /// Starts a stage with what the one before printed.
    fn pipe(
        &mut self,
        cluster: &mut Cluster,
        id: JobId,
        (stage, rest): (Stage, Vec<Stage>),
        input: Option<String>,
        cause: Option<EventId>,
    ) {
        let (Stage::Shell(text), Some(input)) = (&stage, input) else {
            return self.stage(cluster, id, (stage, rest), &kubectl::NoFiles, cause);
        };
        let job = Job::Shell(Box::new(self.home.shell(text)));
        let running = Running { rest, ..Running::new(job, cause) };
        self.jobs.insert(id, running);
        let stdin = workload::Input::Stdin(input.into_bytes());
        self.shell(cluster, id, vec![workload::Input::Start, stdin, workload::Input::StdinEnd]);
    }
}

/// Takes the words that set variables from the front of a line.
fn assignments(line: &mut Line) -> VecMap<String, String> {
    let count = line.words.iter().take_while(|word| is_assignment(word)).count();
    line.words
        .drain(..count)
        .filter_map(|word| word.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
        .collect()
}

/// What etcd says, as etcdctl takes it; `None` for what members do among themselves.
fn etcdctl_input(effect: etcd::Effect<StoredValue>) -> Option<etcdctl::Input<StoredValue>> {
    Some(match effect {
        etcd::Effect::Response { id, result, .. } => etcdctl::Input::Reply { id, result },
        etcd::Effect::WatchEvents { revision, events, .. } => etcdctl::Input::Events { revision, events },
        etcd::Effect::WatchProgress { revision, .. } => etcdctl::Input::Progress(revision),
        etcd::Effect::WatchCanceled { why, .. } => etcdctl::Input::Canceled(why),
        etcd::Effect::Peer(_) | etcd::Effect::Save(_) | etcd::Effect::Exit(_) => return None,
    })
}

/// Words as one line for a shell, each quoted where it must be.
fn quoted(words: &[String]) -> String {
    let plain =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&b));
    let quote = |word: &String| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) };
    words.iter().map(quote).collect::<Vec<String>>().join(" ")
}

impl Job {
    fn wake_at(&self) -> Option<Time> {
        match self {
            Job::Kubectl(process) => process.wake_at(),
            Job::Etcdctl(process) => process.wake_at(),
            Job::Shell(shell) => workload::Program::wake_at(&**shell),
            Job::Node => None,
        }
    }
}
