//! What the containers of a node take of its memory and disk, as cgroups and file systems say, and what the kernel does when
//! there is no memory left. Models `memory.events` of cgroups and the kernel's OOM killer.

use std::sync::Arc;

use crate::api::Uid;
use crate::node::runtime::container::Container;
use crate::node::runtime::cri::{ContainerId, ContainerPhase, CriAnswer, CriEvent, pod_directory};
use crate::node::runtime::{Effect, Runtime};
use crate::sim::{Out, Time};
use crate::workload::fs::Cgroup;

/// Bytes of a node's memory that are in no pod: kernel, kubelet, containerd, flanneld, kube-proxy.
pub const SYSTEM_MEMORY: u64 = 250 << 20;

/// The memory of a node, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// The kubelet is told when less than this becomes available.
    pub low: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Memory { total: 8 << 30, low: 100 << 20 }
    }
}

/// What a node's pods take (the kubelet's `/stats/summary`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeUsage {
    /// Bytes of memory that are left.
    pub available: u64,
    /// The containers that run.
    pub containers: Vec<ContainerUsage>,
    /// The directories that live with their pods (`emptyDir`).
    pub volumes: Vec<VolumeUsage>,
}

impl NodeUsage {
    /// The containers of a pod.
    pub fn of(&self, pod: &Uid) -> impl Iterator<Item = &ContainerUsage> {
        self.containers.iter().filter(move |used| used.pod == *pod)
    }
}

/// What a container takes, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerUsage {
    /// Its pod.
    pub pod: Uid,
    /// Its name.
    pub name: Arc<str>,
    /// Its working set.
    pub memory: u64,
    /// What it wrote into its own layer, and its log.
    pub disk: u64,
}

/// What a volume takes, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VolumeUsage {
    /// Its pod.
    pub pod: Uid,
    /// Its name in the pod.
    pub name: String,
    /// The files in it.
    pub disk: u64,
}

/// Where a pod's directories are, below its own.
pub const EMPTY_DIRS: &str = "volumes/kubernetes.io~empty-dir";

impl Runtime {
    /// Bytes of memory that are left.
    pub(super) fn available(&self) -> u64 {
        let used: u64 = self.containers.values().map(|container| container.memory).sum();
        self.config.memory.total.saturating_sub(SYSTEM_MEMORY + used)
    }

    /// What the node's pods take now.
    pub fn usage_of_node(&self) -> NodeUsage {
        let running = |container: &&Container| matches!(container.view.phase, ContainerPhase::Running { .. });
        let containers = (self.containers.values().filter(running))
            .map(|container| ContainerUsage {
                pod: container.view.pod.uid.clone(),
                name: container.view.name.clone(),
                memory: container.memory,
                disk: container.own_bytes() + container.log.bytes(),
            })
            .collect();
        let volumes = self.sandboxes.values().flat_map(|sandbox| self.volumes_of(&sandbox.view.pod.uid)).collect();
        NodeUsage { available: self.available(), containers, volumes }
    }

    fn volumes_of(&self, pod: &Uid) -> Vec<VolumeUsage> {
        let base = format!("{}/{EMPTY_DIRS}", pod_directory(pod));
        let names = self.host_fs.list(&base).unwrap_or_default();
        let usage = |name: String| {
            let disk = self.host_fs.bytes_below(&format!("{base}/{name}"));
            VolumeUsage { pod: pod.clone(), name, disk }
        };
        names.into_iter().map(usage).collect()
    }

    /// A container takes so much memory now: over its own limit it is killed; with none left on the node, somebody is.
    pub(super) fn memory_of(&mut self, id: &ContainerId, memory: u64, now: Time, out: &mut Out<Effect>) {
        let before = self.available();
        let Some(container) = self.containers.get_mut(id) else { return };
        container.memory = memory;
        if container.config.memory_limit.is_some_and(|limit| memory > limit) {
            return self.end_container(id, 137, "OOMKilled", now, out);
        }
        if let Some(victim) = self.beyond_pod(id) {
            return self.end_container(&victim, 137, "OOMKilled", now, out);
        }
        while self.available() == 0 {
            let Some(victim) = self.most_to_blame(|_| true) else { break };
            self.tell_oom(&victim, out);
            self.end_container(&victim, 137, "OOMKilled", now, out);
        }
        if before >= self.config.memory.low && self.available() < self.config.memory.low {
            out.push(Effect::Cri(CriEvent::MemoryLow));
        }
    }

    /// A running container gets other limits; no less memory than it takes.
    pub(super) fn update_resources(&mut self, id: &ContainerId, cpu: u64, memory: Option<u64>, now: Time) -> CriAnswer {
        let Some(container) = self.containers.get_mut(id) else { return CriAnswer::Done };
        let used = container.memory;
        if let Some(limit) = memory.filter(|limit| *limit < used) {
            let name = &container.view.name;
            let words =
                format!("attempting to set container {name:?} memory limit ({limit}) below current usage ({used})");
            return CriAnswer::Failed(words);
        }
        container.config.memory_limit = memory;
        container.config.cpu_limit = cpu;
        container.fs.allow(Cgroup { memory, cpu });
        container.cpu.set_limit(cpu, now);
        CriAnswer::Done
    }

    /// Of some containers, the one with the highest badness: its share of the memory in thousandths and what the kubelet adds.
    fn most_to_blame(&self, among: impl Fn(&&Container) -> bool) -> Option<ContainerId> {
        let total = i64::try_from(self.config.memory.total).unwrap_or(i64::MAX).max(1);
        let badness = |container: &Container| {
            let memory = i64::try_from(container.memory).unwrap_or(i64::MAX);
            memory.saturating_mul(1_000) / total + i64::from(container.config.oom_score_adj)
        };
        let runs = |container: &&Container| container.memory > 0;
        let worst = self.containers.values().filter(runs).filter(among).max_by_key(|container| badness(container))?;
        Some(worst.view.id.clone())
    }

    /// Whom the kernel kills if the pod of a container takes more memory than its cgroup may.
    fn beyond_pod(&self, id: &ContainerId) -> Option<ContainerId> {
        let sandbox = &self.containers.get(id)?.view.sandbox;
        let limit = self.sandboxes.get(sandbox)?.config.memory_limit?;
        let inside = |container: &&Container| container.view.sandbox == *sandbox;
        let taken: u64 = self.containers.values().filter(inside).map(|container| container.memory).sum();
        (taken > limit).then(|| self.most_to_blame(inside))?
    }

    fn tell_oom(&self, victim: &ContainerId, out: &mut Out<Effect>) {
        let Some(container) = self.containers.get(victim) else { return };
        let proc = container.main.and_then(|id| self.procs.get(&id));
        let command = proc.map_or("", |proc| proc.command.split(' ').next().unwrap_or(""));
        let process = command.rsplit('/').next().unwrap_or("").to_owned();
        out.push(Effect::Cri(CriEvent::SystemOom { process, pid: container.main.map_or(0, |id| id.0) }));
    }
}
