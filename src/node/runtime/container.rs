//! Sandboxes and containers: their life. Models containerd's CRI plugin (`internal/cri/server`).

use std::net::Ipv4Addr;

use crate::node::runtime::cpu::Cpu;
use crate::node::runtime::cri::*;
use crate::node::runtime::log::{Line, Log};
use crate::node::runtime::process::{ProcId, Role, Where};
use crate::node::runtime::{Due, Effect, Runtime};
use crate::sim::{Out, Span, Time, VecMap, VecSet};
use crate::workload::fs::mount::Mounts;
use crate::workload::fs::{Access, Cgroup};
use crate::workload::{File, Fs, Place, SIGTERM, Spec, registry};

/// A pod's sandbox: the pause container and its network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sandbox {
    /// What the kubelet sees.
    pub view: SandboxView,
    /// What it was made from.
    pub config: SandboxConfig,
    state: SandboxState,
}

/// `Starting -> Ready -> Stopping -> Stopped`; a plugin's failure leads from `Starting` to `Stopped`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum SandboxState {
    Starting(OpId),
    Ready,
    Stopping(OpId),
    Stopped,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Container {
    /// What the kubelet sees.
    pub view: ContainerView,
    /// What it was made from.
    pub config: ContainerConfig,
    /// Where its processes run.
    pub place: Place,
    /// Its files.
    pub fs: Fs,
    /// The parts of them that are directories of the node.
    pub(super) mounts: Mounts,
    /// Its log.
    pub log: Log,
    /// Its first process.
    pub main: Option<ProcId>,
    /// The CPU time that its processes use.
    pub cpu: Cpu,
    /// Bytes that its processes use.
    pub memory: u64,
    /// The calls that wait for its end.
    pub(super) stopping: VecSet<OpId>,
    pub(super) next_pid: u32,
}

impl Container {
    /// Bytes that it wrote beside what its image, the kubelet and its mounts brought.
    pub(super) fn own_bytes(&self) -> u64 {
        self.mounts.bytes_beside(&self.fs).saturating_sub(self.mounts.bytes_beside(&registry::files(&self.place)))
    }

    /// Its processes are gone, and with them how they ended (`unknownContainerStatus`).
    pub(super) fn find_ended(&mut self, now: Time) {
        if let ContainerPhase::Running { started } = self.view.phase {
            let (code, reason, message) = (255, "Unknown", String::new());
            self.view.phase = ContainerPhase::Exited { started: Some(started), finished: now, code, reason, message };
        }
    }
}

impl Runtime {
    /// Forgets what is not on the disk: sandboxes that run, processes of containers.
    pub(super) fn forget_what_ran(&mut self) {
        self.past_cpu = Span::ZERO;
        self.sandboxes.retain(|_, sandbox| !matches!(sandbox.state, SandboxState::Starting(_)));
        for sandbox in self.sandboxes.values_mut() {
            sandbox.state = SandboxState::Stopped;
            sandbox.view.ready = false;
        }
        for container in self.containers.values_mut() {
            container.main = None;
            container.cpu = Cpu::default();
            container.memory = 0;
            container.stopping.clear();
        }
    }

    pub(super) fn run_sandbox(&mut self, op: OpId, config: SandboxConfig, now: Time, out: &Out<Effect>) {
        let id = SandboxId(self.hex());
        let view = SandboxView {
            id: id.clone(),
            pod: config.pod.clone(),
            attempt: config.attempt,
            ready: false,
            ip: None,
            created: now,
        };
        self.sandboxes.insert(id.clone(), Sandbox { view, config, state: SandboxState::Starting(op) });
        self.later(now + self.config.timing.sandbox, Due::Network(id), out);
    }

    /// The pause container runs: its namespace gets a network.
    pub(super) fn network(&mut self, id: &SandboxId, _now: Time, out: &mut Out<Effect>) {
        let Some(sandbox) = self.sandboxes.get(id) else { return };
        if sandbox.config.host_network {
            self.network_up(id, Ok(self.config.ip), out);
        } else if self.network_ready {
            out.push(Effect::CniAdd(id.clone(), sandbox.view.pod.clone()));
        } else {
            self.network_up(id, Err("cni plugin not initialized".into()), out);
        }
    }

    pub(super) fn network_up(&mut self, id: &SandboxId, result: Result<Ipv4Addr, String>, out: &mut Out<Effect>) {
        let Some(sandbox) = self.sandboxes.get_mut(id) else { return };
        let SandboxState::Starting(op) = sandbox.state else { return };
        let answer = match result {
            Ok(ip) => {
                sandbox.view.ready = true;
                sandbox.view.ip = Some(ip);
                sandbox.state = SandboxState::Ready;
                CriAnswer::Sandbox(sandbox.view.clone())
            }
            Err(words) => {
                self.sandboxes.remove(id);
                CriAnswer::Failed(format!(
                    "rpc error: code = Unknown desc = failed to setup network for sandbox \"{}\": {words}",
                    id.0
                ))
            }
        };
        Self::answer(op, answer, out);
    }

    pub(super) fn stop_sandbox(&mut self, op: OpId, id: &SandboxId, now: Time, out: &mut Out<Effect>) {
        let inside: Vec<ContainerId> =
            self.containers.values().filter(|c| c.view.sandbox == *id).map(|c| c.view.id.clone()).collect();
        for container in inside {
            self.kill(&container, now, out);
        }
        match self.sandboxes.get_mut(id) {
            Some(sandbox) if sandbox.state == SandboxState::Ready => {
                sandbox.state = SandboxState::Stopping(op);
                sandbox.view.ready = false;
                if sandbox.config.host_network {
                    self.network_down(id, out);
                } else {
                    out.push(Effect::CniDel(id.clone(), sandbox.view.pod.clone()));
                }
            }
            _ => Self::answer(op, CriAnswer::Done, out),
        }
    }

    pub(super) fn network_down(&mut self, id: &SandboxId, out: &mut Out<Effect>) {
        let Some(sandbox) = self.sandboxes.get_mut(id) else { return };
        if let SandboxState::Stopping(op) = sandbox.state {
            sandbox.state = SandboxState::Stopped;
            let view = sandbox.view.clone();
            Self::answer(op, CriAnswer::Done, out);
            out.push(Effect::Cri(CriEvent::Sandbox(view)));
        }
    }

    pub(super) fn remove_sandbox(&mut self, id: &SandboxId) {
        self.containers.retain(|_, c| c.view.sandbox != *id);
        self.sandboxes.remove(id);
    }

    pub(super) fn create(
        &mut self,
        op: OpId,
        sandbox: SandboxId,
        config: ContainerConfig,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(owner) = self.sandboxes.get(&sandbox).filter(|s| s.view.ready) else {
            let words =
                format!("rpc error: code = NotFound desc = failed to find sandbox id \"{}\": not found", sandbox.0);
            return Self::answer(op, CriAnswer::Failed(words), out);
        };
        let name = crate::workload::image::parse(&config.image).ok();
        let full = name.as_ref().map(|n| n.full()).unwrap_or_default();
        let image = crate::workload::image::with_tag(&config.image).into();
        let image_id = self.images.get(full.as_str()).map_or("".into(), |i| i.id.clone());
        let place = Place {
            image: config.image.clone(),
            family: name.as_ref().map(|n| n.info().family).unwrap_or_default(),
            hostname: owner.config.hostname.clone(),
            ip: owner.view.ip,
            pod: owner.view.pod.name.clone(),
            namespace: owner.view.pod.namespace.clone(),
            tcp_ports: ports(&config, &crate::api::Protocol::Tcp),
            udp_ports: ports(&config, &crate::api::Protocol::Udp),
            epoch: self.host.epoch,
        };
        let pod = owner.view.pod.clone();
        let mut fs = registry::files(&place);
        fs.put("/etc/resolv.conf", crate::workload::File::of(&owner.config.resolv_conf));
        for (path, file) in config.files.iter().chain(&config.volumes) {
            fs.put(path, file.clone());
        }
        fs.put("/dev/termination-log", File::of("").with(Access { mode: 0o666, ..Access::FILE }));
        fs.used_by(config.user.clone(), config.read_only_root);
        fs.allow(Cgroup { memory: config.memory_limit, cpu: config.cpu_limit });
        config.sealed.iter().for_each(|dir| fs.mount(dir, true));
        config.files.keys().for_each(|path| fs.mount(path, false));
        let mut mounts = Mounts::new(&config.mounts, config.files.keys().chain(config.volumes.keys()));
        mounts.bring_in(&mut self.host_fs, &mut fs);
        let id = ContainerId(self.hex());
        let view = ContainerView {
            id: id.clone(),
            sandbox,
            pod,
            name: config.name.clone(),
            attempt: config.attempt,
            image,
            image_id,
            created: now,
            phase: ContainerPhase::Created,
        };
        let cpu = Cpu::new(config.cpu_limit);
        let container = Container {
            view,
            config,
            place,
            mounts,
            fs,
            log: Log::default(),
            main: None,
            cpu,
            memory: 0,
            stopping: VecSet::new(),
            next_pid: 1,
        };
        self.containers.insert(id.clone(), container);
        self.later(now + self.config.timing.create, Due::Created(op, id), out);
    }

    /// The files of volumes that follow what they are made of are these now; what was in them before and is not any more goes.
    pub(super) fn update_volumes(&mut self, id: &ContainerId, files: VecMap<String, File>) {
        let Some(container) = self.containers.get_mut(id) else { return };
        for path in container.config.volumes.keys().filter(|path| !files.contains_key(*path)) {
            container.fs.discard(path);
        }
        for (path, file) in files.iter().filter(|(path, file)| container.config.volumes.get(*path) != Some(*file)) {
            container.fs.put(path, file.clone());
            container.mounts.cover(path);
        }
        container.config.volumes = files;
    }

    pub(super) fn created(&mut self, op: OpId, id: &ContainerId, out: &mut Out<Effect>) {
        let answer = match self.containers.get(id) {
            Some(container) => CriAnswer::Created(container.view.clone()),
            None => CriAnswer::Failed(format!("rpc error: code = NotFound desc = container \"{}\" not found", id.0)),
        };
        Self::answer(op, answer, out);
    }

    pub(super) fn start(&mut self, op: OpId, id: &ContainerId, now: Time, out: &mut Out<Effect>) {
        let Some(container) = self.containers.get_mut(id) else {
            let words = format!("rpc error: code = NotFound desc = container \"{}\" not found", id.0);
            return Self::answer(op, CriAnswer::Failed(words), out);
        };
        let spec = spec_of(container);
        container.mounts.bring_in(&mut self.host_fs, &mut container.fs);
        match registry::start_first(&spec, &container.place, &container.fs, container.config.init) {
            Ok(process) => {
                container.view.phase = ContainerPhase::Running { started: now };
                let view = container.view.clone();
                let proc = self.spawn(Where::Container(id.clone()), Role::Main, process, &spec, now);
                if let Some(container) = self.containers.get_mut(id) {
                    container.main = Some(proc);
                    let (stdin, tty) = (container.config.stdin, container.config.tty);
                    self.set_stdin(proc, stdin, tty);
                }
                out.push(Effect::Cri(CriEvent::Container(view)));
                Self::answer(op, CriAnswer::Done, out);
                self.run(proc, crate::workload::Input::Start, now, out);
            }
            Err(words) => {
                let message = format!(
                    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: {words}: unknown"
                );
                container.view.phase = ContainerPhase::Exited {
                    started: None,
                    finished: now,
                    code: 128,
                    reason: "StartError",
                    message: message.clone(),
                };
                let view = container.view.clone();
                out.push(Effect::Cri(CriEvent::Container(view)));
                Self::answer(op, CriAnswer::Failed(message), out);
            }
        }
    }

    pub(super) fn stop(&mut self, op: OpId, id: &ContainerId, grace: Span, now: Time, out: &mut Out<Effect>) {
        let main = match self.containers.get_mut(id) {
            Some(container) if container.view.phase.is_running() => {
                container.stopping.insert(op);
                container.main
            }
            _ => return Self::answer(op, CriAnswer::Done, out),
        };
        if grace == Span::ZERO {
            return self.kill(id, now, out);
        }
        self.later(now + grace, Due::Kill(id.clone()), out);
        if let Some(main) = main {
            self.run(main, crate::workload::Input::Signal(SIGTERM), now, out);
        }
    }

    /// SIGKILL to all of a container.
    pub(super) fn kill(&mut self, id: &ContainerId, now: Time, out: &mut Out<Effect>) {
        self.end_container(id, 137, "Error", now, out);
    }

    /// A container's first process is over, and so is the container.
    pub(super) fn end_container(
        &mut self,
        id: &ContainerId,
        code: u8,
        reason: &'static str,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let ContainerPhase::Running { started } = container.view.phase else { return };
        let lines = container.log.finish(now);
        let message = container.termination_message(code);
        container.view.phase = ContainerPhase::Exited { started: Some(started), finished: now, code, reason, message };
        container.main = None;
        self.past_cpu = self.past_cpu + container.cpu.stop(now);
        container.memory = 0;
        let view = container.view.clone();
        let waiting = std::mem::take(&mut container.stopping);
        out.push(Effect::Cri(CriEvent::Container(view)));
        self.pass_on(id, &lines, out);
        self.end_processes_of(id, out);
        self.end_attached(id, out);
        for op in self.followers.iter().filter(|(_, (c, _))| c == id).map(|(op, _)| *op).collect::<Vec<_>>() {
            self.followers.remove(&op);
            Self::answer(op, CriAnswer::StreamEnd(None), out);
        }
        for op in waiting {
            Self::answer(op, CriAnswer::Done, out);
        }
    }

    pub(super) fn logs(&mut self, op: OpId, id: &ContainerId, query: &LogQuery, now: Time, out: &mut Out<Effect>) {
        let Some(container) = self.containers.get(id) else {
            let words = format!(
                "rpc error: code = NotFound desc = an error occurred when try to find container \"{}\": not found",
                id.0
            );
            return Self::answer(op, CriAnswer::Failed(words), out);
        };
        let bytes = container.log.read(query, now, self.config.epoch);
        if !bytes.is_empty() {
            Self::answer(op, CriAnswer::Stdout(bytes), out);
        }
        if query.follow && container.view.phase.is_running() {
            self.followers.insert(op, (id.clone(), query.timestamps));
        } else {
            Self::answer(op, CriAnswer::StreamEnd(None), out);
        }
    }

    /// New lines of a log go to those who follow it.
    pub(super) fn pass_on(&mut self, id: &ContainerId, lines: &[Line], out: &mut Out<Effect>) {
        if lines.is_empty() {
            return;
        }
        for (op, (_, timestamps)) in self.followers.iter().filter(|(_, (c, _))| c == id) {
            let bytes = lines.iter().flat_map(|line| line.show(*timestamps, self.config.epoch)).collect();
            Self::answer(*op, CriAnswer::Stdout(bytes), out);
        }
    }
}

impl Container {
    /// The environment of its processes: the image's, then the pod's.
    pub fn env(&self) -> crate::sim::VecMap<String, String> {
        let mut env = registry::env(&self.place);
        if self.config.user.uid != 0 {
            let own = crate::workload::image::parse(&self.config.image).ok().and_then(|name| name.user());
            let home = own.filter(|user| user.uid == self.config.user.uid).map(|user| format!("/home/{}", user.name));
            env.insert("HOME".into(), home.unwrap_or_else(|| "/".into()));
        }
        env.extend(self.config.env.clone());
        env
    }

    /// What the process left in `/dev/termination-log`, cut to 4,096 bytes; nothing there, and if it failed and that is wanted,
    /// the end of its log.
    fn termination_message(&self, code: u8) -> String {
        let text =
            self.fs.read("/dev/termination-log").map(|d| String::from_utf8_lossy(&d).into_owned()).unwrap_or_default();
        if text.is_empty() && code != 0 && self.config.falls_back_to_logs {
            return self.log.last(2_048);
        }
        text.chars().take(4_096).collect()
    }
}

fn ports(config: &ContainerConfig, protocol: &crate::api::Protocol) -> Vec<u16> {
    config.ports.iter().filter(|(_, p)| p == protocol).map(|(port, _)| *port).collect()
}

/// The command line of a container: the image's own where the pod gives none.
fn spec_of(container: &Container) -> Spec {
    let config = &container.config;
    let info = crate::workload::image::parse(&config.image).map(|n| n.info());
    let (entrypoint, cmd) = info.map_or((&[][..], &[][..]), |i| (i.entrypoint, i.cmd));
    let own = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let mut argv = if config.command.is_empty() { own(entrypoint) } else { config.command.clone() };
    match (&config.args[..], &config.command[..]) {
        ([], []) => argv.extend(own(cmd)),
        (args, _) => argv.extend(args.iter().cloned()),
    }
    let cwd = if config.working_dir.is_empty() { "/".to_owned() } else { config.working_dir.clone() };
    Spec { argv, env: container.env(), cwd }
}
