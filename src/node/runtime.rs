//! The container runtime of one node. Models containerd as the kubelet sees it through CRI
//! (`k8s.io/cri-api`, `pkg/kubelet/cri/remote`).
//!
//! It owns sandboxes, containers, images, logs and processes. A sandbox is the pause container: it owns the network
//! namespace, is there before any container and goes last. CNI is the cluster's: `CniAdd` and `CniDel` are effects that come
//! back as inputs. Everything takes virtual time ([`Timing`]).
//! Differs: image layers, snapshots and cgroups are not there; who could tell: nobody through the API.

use ipnet::Ipv4Net;

use crate::sim::{VecMap, VecSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::sim::{Component, EventId, EventQueue, Out, Rng, Span, Time, Wake};
use crate::workload::{Fs, Place, dns::Zone, ingress::Routes};

pub mod attach;
pub mod container;
pub mod cpu;
pub mod cri;
pub mod host;
pub mod log;
mod pids;
pub mod process;
pub mod tty;
mod usage;

pub use container::{Container, Sandbox};
pub use cri::*;
pub use process::{Exec, Proc, ProcId, Where};
pub use usage::*;

/// Memory is used by the page.
const PAGE: u64 = 4_096;

/// How long things take.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    /// An image pull.
    pub pull: Span,
    /// The pause container, before CNI.
    pub sandbox: Span,
    /// Making a container.
    pub create: Span,
    /// Starting a container.
    pub start: Span,
    /// Starting a command in a container.
    pub exec: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            pull: Span::secs(2),
            sandbox: Span::millis(180),
            create: Span::millis(40),
            start: Span::millis(60),
            exec: Span::millis(12),
        }
    }
}

/// What a runtime is told at its birth.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The node's name.
    pub node: Arc<str>,
    /// The node's address.
    pub ip: Ipv4Addr,
    /// Seconds since the Unix epoch at virtual time zero.
    pub epoch: i64,
    /// How long things take.
    pub timing: Timing,
    /// The node's memory.
    pub memory: Memory,
}

/// What reaches the runtime.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A call of the kubelet.
    Cri(OpId, CriRequest),
    /// The network of a sandbox is there, with its address, or the plugin's words.
    CniAdded(SandboxId, Result<Ipv4Addr, String>),
    /// The network of a sandbox is gone.
    CniDeleted(SandboxId),
    /// A CNI configuration is there, or is not.
    NetworkReady(bool),
    /// The network answers a process.
    Socket {
        /// The token that the socket was opened with.
        token: u64,
        /// The socket.
        socket: crate::net::SocketId,
        /// What happened.
        event: crate::net::SocketEvent,
    },
    /// The answer to [`Effect::Query`].
    Answer {
        /// The process.
        proc: ProcId,
        /// The query's number.
        id: u32,
        /// What it prints.
        stdout: String,
        /// What it prints to standard error.
        stderr: String,
        /// The exit code.
        code: u8,
    },
    /// What DNS servers on this node answer from.
    DnsRecords(Arc<Zone>),
    /// Where Ingress controllers on this node pass requests on to.
    IngressRoutes(Arc<Routes>),
    /// A file of the node is there or has changed (`/run/flannel/subnet.env`).
    HostFile {
        /// Its path.
        path: String,
        /// What is in it.
        data: String,
    },
    /// Whether the metrics-server in a container has anything to tell.
    MetricsReady(ContainerId, bool),
    /// A command line on the node itself (`node worker1 ip route`): answered by [`Effect::Host`].
    Host {
        /// Its number, chosen by whoever asks.
        id: u64,
        /// The line, for the shell.
        line: String,
    },
    /// The command line `id` is given up (Ctrl-C).
    HostCancel(u64),
    /// The process that a container stands for has written to its log.
    Said {
        /// The container.
        id: ContainerId,
        /// What, with the newline.
        text: String,
    },
    /// The process that a container stands for has ended.
    Ended {
        /// The container.
        id: ContainerId,
        /// The exit code.
        code: u8,
        /// What it said last, with the newline.
        said: String,
    },
}

/// What the runtime wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// To the kubelet.
    Cri(CriEvent),
    /// The kubelet says which subnet the node's pods have.
    PodCidr(Ipv4Net),
    /// Give the sandbox a network namespace with an address: answered by `CniAdded`.
    CniAdd(SandboxId, PodMeta),
    /// Take it away: answered by `CniDeleted`.
    CniDel(SandboxId, PodMeta),
    /// A socket operation in the network namespace of a sandbox (`None`: of the node).
    Socket(Option<SandboxId>, crate::net::SocketOp),
    /// Something only the cluster can answer (`ip route`, `iptables-save`, `crictl`, …): answered by [`Input::Answer`].
    Query {
        /// The process.
        proc: ProcId,
        /// In whose network namespace; `None`: the node's.
        sandbox: Option<SandboxId>,
        /// The query's number.
        id: u32,
        /// The command line.
        argv: Vec<String>,
        /// The directory in which it runs.
        cwd: String,
    },
    /// To whoever asked by [`Input::Host`].
    Host(u64, crate::api::http::Chunk),
}

/// Why the runtime wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Something that takes time is done.
    Completion,
    /// A program waits for a time.
    Program,
}

/// What is done at a time to come, and the event that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Later {
    what: Due,
    cause: Option<EventId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Due {
    Network(SandboxId),
    Pulled(OpId, Arc<str>),
    Created(OpId, ContainerId),
    Started(OpId, ContainerId),
    Kill(ContainerId),
    ExecTimeout(ProcId),
    Begin(ProcId),
    Computed(ProcId, u32),
    Answer(OpId, CriAnswer),
}

/// What a container uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerStats {
    /// Its pod.
    pub pod: PodMeta,
    /// Its name.
    pub name: Arc<str>,
    /// When it started.
    pub started: Time,
    /// When this was measured.
    pub at: Time,
    /// The CPU time used since it started.
    pub cpu: Span,
    /// Bytes of memory.
    pub memory: u64,
}

/// The runtime.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Runtime {
    config: Config,
    rng: Rng,
    sandboxes: VecMap<SandboxId, Sandbox>,
    containers: VecMap<ContainerId, Container>,
    images: VecMap<Arc<str>, ImageRef>,
    procs: VecMap<ProcId, Proc>,
    next_proc: u32,
    timers: VecSet<(Time, ProcId)>,
    followers: VecMap<OpId, (ContainerId, bool)>,
    attached: VecMap<OpId, attach::Attached>,
    due: EventQueue<Later>,
    past_cpu: Span,
    network_ready: bool,
    zone: Arc<Zone>,
    routes: Arc<Routes>,
    host: Place,
    host_fs: Fs,
    manifests: host::Manifests,
}

impl Runtime {
    /// A runtime without images, containers or a network.
    pub fn new(config: Config, seed: u64) -> Runtime {
        let rng = Rng::stream(seed, &format!("runtime/{}", config.node));
        let host = host::place(&config);
        let host_fs = host::files(&config);
        Runtime {
            rng,
            sandboxes: VecMap::new(),
            containers: VecMap::new(),
            images: VecMap::new(),
            procs: VecMap::new(),
            next_proc: 1,
            timers: VecSet::new(),
            followers: VecMap::new(),
            attached: VecMap::new(),
            due: EventQueue::default(),
            past_cpu: Span::ZERO,
            network_ready: false,
            zone: Arc::default(),
            routes: Arc::default(),
            host,
            host_fs,
            manifests: host::Manifests::default(),
            config,
        }
    }

    /// The machine is switched off: everything stops where it is, without a word.
    pub fn power_off(&mut self) {
        self.procs.clear();
        self.timers.clear();
        self.followers.clear();
        self.attached.clear();
        self.due = EventQueue::default();
        self.network_ready = false;
        self.host = host::place(&self.config);
        host::forget_memory(&mut self.host_fs);
        self.forget_what_ran();
    }

    /// containerd starts: whatever was running when the machine went off has ended, nobody knows how.
    pub fn power_on(&mut self, now: Time) {
        for container in self.containers.values_mut() {
            container.find_ended(now);
        }
    }

    /// Puts an image on the disk, as if it had been pulled.
    pub fn preload(&mut self, image: &str) {
        if let Ok(name) = crate::workload::image::parse(image) {
            let image = ImageRef { name: name.full().into(), id: name.id(), size: name.info().size };
            self.images.insert(image.name.clone(), image);
        }
    }

    /// Whether a file is on the node's disk.
    pub fn has_file(&self, path: &str) -> bool {
        self.host_fs.is_file(path)
    }

    /// The machine's clock is ahead by so many seconds from now on, for whoever asks for the time.
    pub fn set_skew(&mut self, seconds: i64) {
        let epoch = self.config.epoch + seconds;
        self.host.epoch = epoch;
        for container in self.containers.values_mut() {
            container.place.epoch = epoch;
        }
    }

    /// The node's files.
    pub fn files(&self) -> &Fs {
        &self.host_fs
    }

    /// The node's files, for a tool of the node that changes them.
    pub fn files_mut(&mut self) -> &mut Fs {
        &mut self.host_fs
    }

    /// Puts a file onto it, though nothing runs yet.
    pub fn put_file(&mut self, path: &str, data: &str) {
        self.host_fs.put(path, crate::workload::File::of(data));
    }

    /// All sandboxes.
    pub fn sandboxes(&self) -> impl Iterator<Item = &SandboxView> {
        self.sandboxes.values().map(|s| &s.view)
    }

    /// All containers.
    pub fn containers(&self) -> impl Iterator<Item = &Container> {
        self.containers.values()
    }

    /// What the running containers use, as their cgroups say.
    pub fn stats(&self, now: Time) -> impl Iterator<Item = ContainerStats> + '_ {
        self.containers.values().filter_map(move |container| {
            let ContainerPhase::Running { started } = container.view.phase else { return None };
            let (pod, name) = (container.view.pod.clone(), container.view.name.clone());
            let (cpu, at) = container.cpu.used(now);
            let memory = container.memory.next_multiple_of(PAGE);
            Some(ContainerStats { pod, name, started, at, cpu, memory })
        })
    }

    /// The CPU time that containers used which are over.
    pub fn past_cpu(&self) -> Span {
        self.past_cpu
    }

    /// The machine's memory.
    pub fn memory(&self) -> Memory {
        self.config.memory
    }

    /// All images on the disk.
    pub fn images(&self) -> impl Iterator<Item = &ImageRef> {
        self.images.values()
    }

    /// All processes.
    pub fn processes(&self) -> impl Iterator<Item = (ProcId, &Proc)> {
        self.procs.iter().map(|(id, proc)| (*id, proc))
    }

    /// 64 random hexadecimal digits.
    fn hex(&mut self) -> Arc<str> {
        let words: Vec<String> = (0..4).map(|_| format!("{:016x}", self.rng.next_u64())).collect();
        words.concat().into()
    }

    fn answer(op: OpId, answer: CriAnswer, out: &mut Out<Effect>) {
        out.push(Effect::Cri(CriEvent::Answer(op, answer)));
    }

    fn call(&mut self, op: OpId, request: CriRequest, now: Time, out: &mut Out<Effect>) {
        match request {
            CriRequest::List => {
                self.tell_manifests(out);
                let sandboxes = self.sandboxes.values().map(|s| s.view.clone()).collect();
                let containers = self.containers.values().map(|c| c.view.clone()).collect();
                Self::answer(op, CriAnswer::Listed(sandboxes, containers), out);
                out.push(Effect::Cri(CriEvent::NetworkReady(self.network_ready)));
                if self.available() < self.config.memory.low {
                    out.push(Effect::Cri(CriEvent::MemoryLow));
                }
            }
            CriRequest::UpdateRuntimeConfig(cidr) => {
                out.push(Effect::PodCidr(cidr));
                Self::answer(op, CriAnswer::Done, out);
            }
            CriRequest::RunPodSandbox(config) => self.run_sandbox(op, config, now, out),
            CriRequest::StopPodSandbox(id) => self.stop_sandbox(op, &id, now, out),
            CriRequest::RemovePodSandbox(id) => {
                self.remove_sandbox(&id);
                Self::answer(op, CriAnswer::Done, out);
            }
            CriRequest::RemovePodDirectory(uid) => {
                // A pod without a volume of its own has none.
                _ = self.host_fs.remove(&cri::pod_directory(&uid), true);
                Self::answer(op, CriAnswer::Done, out);
            }
            CriRequest::Stats => {
                let usage = self.usage_of_node();
                Self::answer(op, CriAnswer::Stats(usage), out);
            }
            CriRequest::HostPaths(paths) => {
                let wrong =
                    paths.iter().filter_map(|path| Some((path.volume.clone(), self.wrong_path(path)?))).collect();
                Self::answer(op, CriAnswer::HostPaths(wrong), out);
            }
            CriRequest::UpdateVolumes(id, files) => {
                self.update_volumes(&id, files);
                Self::answer(op, CriAnswer::Done, out);
            }
            CriRequest::ImageStatus(image) => {
                let name = crate::workload::image::parse(&image).map(|n| n.full()).unwrap_or_default();
                let found = self.images.get(name.as_str()).cloned();
                Self::answer(op, found.map_or(CriAnswer::NoImage, CriAnswer::Image), out);
            }
            CriRequest::PullImage(image) => self.pull(op, image, now, out),
            CriRequest::CreateContainer(sandbox, config) => self.create(op, sandbox, *config, now, out),
            CriRequest::StartContainer(id) => self.later(now + self.config.timing.start, Due::Started(op, id), out),
            CriRequest::StopContainer(id, grace) => self.stop(op, &id, grace, now, out),
            CriRequest::UpdateContainerResources { container, cpu_limit, memory_limit } => {
                let answer = self.update_resources(&container, cpu_limit, memory_limit, now);
                Self::answer(op, answer, out);
            }
            CriRequest::RemoveContainer(id) => {
                self.containers.remove(&id);
                Self::answer(op, CriAnswer::Done, out);
            }
            CriRequest::ExecSync { container, command, timeout } => {
                self.exec(op, &container, command, Exec::Sync(timeout), now, out);
            }
            CriRequest::Exec { container, command, stdin, tty } => {
                self.exec(op, &container, command, Exec::Stream { stdin, tty }, now, out);
            }
            CriRequest::Attach { container, stdin } => self.attach(op, &container, stdin, now, out),
            CriRequest::PortForward(sandbox, port) => self.forward(op, &sandbox, port, now, out),
            CriRequest::Input(stream, input) => {
                self.stream_input(stream, input, now, out);
                Self::answer(op, CriAnswer::Done, out);
            }
            CriRequest::Logs(id, query) => self.logs(op, &id, &query, now, out),
            CriRequest::Cancel(op) => self.cancel(op, now, out),
        }
    }

    /// Puts something off.
    fn later(&mut self, at: Time, what: Due, out: &Out<Effect>) {
        self.due.push(at, Later { what, cause: out.cause() });
    }

    fn pull(&mut self, op: OpId, image: Arc<str>, now: Time, out: &Out<Effect>) {
        // A name that does not resolve is answered by the registry at once; layers take their time.
        let fails = crate::workload::image::parse(&image).map_or(Some(String::new()), |n| n.pull_error(&image));
        // An image that is there already is only compared with the registry's.
        let there = crate::workload::image::parse(&image).is_ok_and(|n| self.images.contains_key(n.full().as_str()));
        let quick = self.config.timing.pull.min(Span::millis(400));
        let took = if fails.is_some() || there { quick } else { self.config.timing.pull };
        self.later(now + took, Due::Pulled(op, image), out);
    }

    fn pulled(&mut self, op: OpId, image: &str, out: &mut Out<Effect>) {
        let answer = match crate::workload::image::parse(image) {
            Err(words) => CriAnswer::Failed(words),
            Ok(name) => match name.pull_error(image) {
                Some(words) => CriAnswer::Failed(words),
                None => {
                    self.preload(image);
                    let pulled = self.images.get(name.full().as_str()).cloned();
                    CriAnswer::Image(pulled.expect("an image that was just stored is there"))
                }
            },
        };
        Self::answer(op, answer, out);
    }

    fn complete(&mut self, due: Due, now: Time, out: &mut Out<Effect>) {
        match due {
            Due::Network(id) => self.network(&id, now, out),
            Due::Pulled(op, image) => self.pulled(op, &image, out),
            Due::Created(op, id) => self.created(op, &id, out),
            Due::Started(op, id) => self.start(op, &id, now, out),
            Due::Kill(id) => self.kill(&id, now, out),
            Due::ExecTimeout(id) => self.exec_timeout(id, out),
            Due::Computed(id, what) => self.run(id, crate::workload::Input::Computed(what), now, out),
            Due::Begin(id) => self.begin(id, now, out),
            Due::Answer(op, answer) => Self::answer(op, answer, out),
        }
    }
}

impl Component for Runtime {
    type Input = Input;
    type Effect = Effect;
    type Reason = Reason;

    fn handle(&mut self, input: Input, now: Time, out: &mut Out<Effect>) {
        match input {
            Input::Cri(op, request) => self.call(op, request, now, out),
            Input::CniAdded(id, result) => self.network_up(&id, result, out),
            Input::CniDeleted(id) => self.network_down(&id, out),
            Input::NetworkReady(ready) => {
                if self.network_ready != ready {
                    self.network_ready = ready;
                    out.push(Effect::Cri(CriEvent::NetworkReady(ready)));
                }
            }
            Input::Socket { token, socket, event } => self.socket_event(token, socket, event, now, out),
            Input::Answer { proc, id, stdout, stderr, code } => {
                self.run(proc, crate::workload::Input::Answer { id, stdout, stderr, code }, now, out);
            }
            Input::DnsRecords(zone) => self.set_zone(zone, now, out),
            Input::IngressRoutes(routes) => self.set_routes(routes, now, out),
            Input::HostFile { path, data } => self.host_fs.put(&path, crate::workload::File::of(data)),
            Input::MetricsReady(container, ready) => {
                if let Some(main) = self.containers.get(&container).and_then(|c| c.main) {
                    self.run(main, crate::workload::Input::MetricsReady(ready), now, out);
                }
            }
            Input::Host { id, line } => self.host_line(id, &line, now, out),
            Input::HostCancel(id) => self.host_cancel(id, now, out),
            Input::Said { id, text } => {
                if let Some(container) = self.containers.get_mut(&id) {
                    let lines = container.log.write(text.as_bytes(), true, now);
                    self.pass_on(&id, &lines, out);
                }
            }
            Input::Ended { id, code, said } => {
                if let Some(container) = self.containers.get_mut(&id) {
                    let lines = container.log.write(said.as_bytes(), true, now);
                    self.pass_on(&id, &lines, out);
                }
                self.end_container(&id, code, "Error", now, out);
            }
        }
        self.look_at_manifests(out);
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        while self.due.next_at().is_some_and(|at| at <= now) {
            let Some((_, Later { what, cause })) = self.due.pop() else { break };
            out.on_behalf_of(cause, |out| self.complete(what, now, out));
        }
        // A program that asks for a time already past is woken once more, not for ever, in this call.
        let ready: Vec<ProcId> = self.timers.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        for id in ready {
            let cause = self.procs.get(&id).and_then(Proc::cause);
            out.on_behalf_of(cause, |out| self.run(id, crate::workload::Input::Timer, now, out));
        }
        self.look_at_manifests(out);
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let due = self.due.next_at().map(|at| Wake { at, why: Reason::Completion });
        let timer = self.timers.first().map(|(at, _)| Wake { at: *at, why: Reason::Program });
        [due, timer].into_iter().flatten().min()
    }
}
