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
use crate::sim::{EventId, Out, Time, VecMap};

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
}

/// The terminal of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terminal {
    config: KubectlConfig,
    jobs: VecMap<JobId, (Job, Option<EventId>)>,
    output: Vec<Output>,
}

/// What `help` prints.
const HELP: &str = "\
kubectl (k)          the cluster's client: kubectl get pods, kubectl apply -f - <<EOF …
etcdctl              the store's client: etcdctl get / --prefix --keys-only
node NAME COMMAND    a command on a node: node worker1 ip route
clear                clears the screen
";

impl Terminal {
    /// A terminal without jobs.
    pub fn new(config: KubectlConfig) -> Terminal {
        Terminal { config, jobs: VecMap::new(), output: Vec::new() }
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
        self.jobs.values().filter_map(|(job, _)| job.wake_at()).min()
    }

    /// The kubeconfig.
    pub fn config(&self) -> &KubectlConfig {
        &self.config
    }

    /// Starts the job that a line asks for. `files` are what `-f` may name.
    pub fn start(
        &mut self,
        cluster: &mut Cluster,
        line: &Line,
        files: &dyn kubectl::Files,
        cause: Option<EventId>,
    ) -> JobId {
        let id = cluster.connect();
        let Some((program, args)) = line.words.split_first() else {
            self.output.push(Output::Exit(id, 0));
            return id;
        };
        let args = args.to_vec();
        let stdin = line.stdin.clone().map(String::into_bytes);
        let now = cluster.now();
        match program.as_str() {
            "kubectl" | "k" => {
                let process = kubectl::Process::start(args, stdin, files, &self.config, now);
                self.jobs.insert(id, (Job::Kubectl(Box::new(process)), cause));
                self.kubectl(cluster, id, kubectl::Input::Start, cause);
            }
            "etcdctl" => {
                let stdin = line.stdin.clone().unwrap_or_default();
                let process = etcdctl::Process::start(&args, &stdin, now);
                self.jobs.insert(id, (Job::Etcdctl(Box::new(process)), cause));
                self.etcdctl(cluster, id, etcdctl::Input::Start, cause);
            }
            "node" => self.node(cluster, id, &args, cause),
            "clear" => {
                self.output.push(Output::Clear);
                self.output.push(Output::Exit(id, 0));
            }
            "help" => {
                self.print(id, Stream::Out, HELP.into());
                self.output.push(Output::Exit(id, 0));
            }
            other => {
                self.print(id, Stream::Err, format!("sh: {other}: not found (help lists what there is)\n"));
                self.output.push(Output::Exit(id, 127));
            }
        }
        id
    }

    fn node(&mut self, cluster: &mut Cluster, id: JobId, args: &[String], cause: Option<EventId>) {
        let refused = match args.split_first() {
            None => Err("usage: node NAME COMMAND [ARGUMENT...]".to_owned()),
            Some((_, [])) => Err("usage: node NAME COMMAND [ARGUMENT...]".to_owned()),
            Some((node, command)) => cluster.node_command(id, node, quoted(command), cause),
        };
        match refused {
            Ok(()) => _ = self.jobs.insert(id, (Job::Node, cause)),
            Err(why) => {
                self.print(id, Stream::Err, format!("{why}\n"));
                self.output.push(Output::Exit(id, 1));
            }
        }
    }

    /// Whether a job reads what is typed.
    pub fn takes_input(&self, job: JobId) -> bool {
        matches!(self.jobs.get(&job), Some((Job::Kubectl(process), _)) if process.takes_input())
    }

    /// A line that was typed for a job.
    pub fn typed(&mut self, cluster: &mut Cluster, id: JobId, line: &str, cause: Option<EventId>) {
        self.kubectl(cluster, id, kubectl::Input::Typed(line.to_owned()), cause);
    }

    /// Ctrl-C for a job.
    pub fn interrupt(&mut self, cluster: &mut Cluster, id: JobId) {
        let Some((job, cause)) = self.jobs.get(&id) else { return };
        let cause = *cause;
        match job {
            Job::Kubectl(_) => self.kubectl(cluster, id, kubectl::Input::Interrupt, cause),
            Job::Etcdctl(_) => self.etcdctl(cluster, id, etcdctl::Input::Interrupt, cause),
            Job::Node => {
                if !cluster.interrupt_node_command(id) {
                    self.end(cluster, id, 130);
                }
            }
        }
    }

    /// Gives the jobs what arrived for them.
    pub fn deliver(&mut self, cluster: &mut Cluster, mail: Mail) {
        let (id, cause) = (mail.to, mail.cause);
        match (self.jobs.get(&id).map(|(job, _)| job), mail.what) {
            (Some(Job::Kubectl(_)), MailKind::Http { id: call, response }) => {
                self.kubectl(cluster, id, kubectl::Input::Response { id: call, response }, cause);
            }
            (Some(Job::Kubectl(_)), MailKind::Chunk { id: call, chunk }) => {
                self.kubectl(cluster, id, kubectl::Input::Chunk { id: call, chunk }, cause);
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
            .filter(|(_, (job, _))| job.wake_at().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let cause = self.jobs.get(&id).and_then(|(_, cause)| *cause);
            match self.jobs.get(&id).map(|(job, _)| job) {
                Some(Job::Kubectl(_)) => self.kubectl(cluster, id, kubectl::Input::Timer, cause),
                Some(Job::Etcdctl(_)) => self.etcdctl(cluster, id, etcdctl::Input::Timer, cause),
                _ => {}
            }
        }
    }

    fn kubectl(&mut self, cluster: &mut Cluster, id: JobId, input: kubectl::Input, cause: Option<EventId>) {
        let Some((Job::Kubectl(process), _)) = self.jobs.get_mut(&id) else { return };
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
        let Some((Job::Etcdctl(process), _)) = self.jobs.get_mut(&id) else { return };
        let mut out = Out::caused_by(cause);
        process.handle(input, cluster.now(), &mut out);
        for (cause, effect) in out.take_caused() {
            match effect {
                etcdctl::Effect::Request { id: call, endpoint, op } => cluster.etcd(id, call, &endpoint, op, cause),
                etcdctl::Effect::Stdout(text) => self.print(id, Stream::Out, text),
                etcdctl::Effect::Stderr(text) => self.print(id, Stream::Err, text),
                etcdctl::Effect::Exit(code) => self.end(cluster, id, code),
            }
        }
    }

    fn print(&mut self, id: JobId, stream: Stream, text: String) {
        self.output.push(Output::Text(id, stream, text));
    }

    fn end(&mut self, cluster: &mut Cluster, id: JobId, code: u8) {
        self.jobs.remove(&id);
        cluster.disconnect(id);
        self.output.push(Output::Exit(id, code));
    }
}

/// What etcd says, as etcdctl takes it; `None` for what members do among themselves.
fn etcdctl_input(effect: etcd::Effect<StoredValue>) -> Option<etcdctl::Input<StoredValue>> {
    Some(match effect {
        etcd::Effect::Response { id, result, .. } => etcdctl::Input::Reply { id, result },
        etcd::Effect::WatchEvents { revision, events, .. } => etcdctl::Input::Events { revision, events },
        etcd::Effect::WatchProgress { revision, .. } => etcdctl::Input::Progress(revision),
        etcd::Effect::WatchCanceled { why, .. } => etcdctl::Input::Canceled(why),
        etcd::Effect::Peer(_) | etcd::Effect::Save(_) => return None,
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
            Job::Node => None,
        }
    }
}
