//! Which processes see each other, and their numbers. Models the PID namespaces that containerd makes of `NamespaceMode`.
//!
//! Differs: a container of the node's namespace sees what was started on the node, and containers like itself; not the
//! processes inside other containers.

use crate::node::runtime::cri::*;
use crate::node::runtime::process::{ProcId, Where};
use crate::node::runtime::{Container, Runtime};
use crate::workload::ProcInfo;

/// The number of the first process beside pause.
const AFTER_PAUSE: u32 = 7;
/// What numbers on a node begin with.
const ON_NODE: u32 = 1_000;

/// Processes that see each other.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Space {
    Node,
    Pod(SandboxId),
    Container(ContainerId),
}

impl Runtime {
    fn space(&self, place: &Where) -> Space {
        let Where::Container(id) = place else { return Space::Node };
        let Some(container) = self.containers.get(id) else { return Space::Container(id.clone()) };
        match &container.config.processes {
            Processes::Own => Space::Container(id.clone()),
            Processes::Node => Space::Node,
            Processes::Pod => Space::Pod(container.view.sandbox.clone()),
            Processes::Of(target) => {
                let is_target = |other: &&Container| {
                    other.view.sandbox == container.view.sandbox
                        && other.view.name == *target
                        && other.view.phase.is_running()
                        && !matches!(other.config.processes, Processes::Of(_))
                };
                let other = self.containers.values().find(is_target);
                other.map_or_else(|| Space::Container(id.clone()), |o| self.space(&Where::Container(o.view.id.clone())))
            }
        }
    }

    fn are_together(&self, a: &Where, b: &Where) -> bool {
        a == b || self.space(a) == self.space(b)
    }

    /// The number that a new process gets where it runs.
    pub(super) fn next_pid(&mut self, place: &Where, proc: ProcId) -> u32 {
        let space = self.space(place);
        let Where::Container(id) = place else { return ON_NODE + proc.0 };
        let mut pid = match space {
            Space::Node => return ON_NODE + proc.0,
            Space::Pod(_) => AFTER_PAUSE,
            Space::Container(_) => 1,
        };
        for (other, container) in &self.containers {
            if other == id || self.space(&Where::Container(other.clone())) == space {
                pid = pid.max(container.next_pid);
            }
        }
        if let Some(container) = self.containers.get_mut(id) {
            container.next_pid = pid + 1;
        }
        pid
    }

    /// What a process sees of the others.
    pub(super) fn seen_from(&self, place: &Where) -> Vec<ProcInfo> {
        let mut seen: Vec<ProcInfo> = (self.procs.values())
            .filter(|proc| !proc.command.is_empty() && self.are_together(&proc.place, place))
            .map(|proc| ProcInfo { pid: proc.pid, started: proc.started, command: proc.command.clone() })
            .collect();
        if let Space::Pod(sandbox) = self.space(place)
            && let Some(pause) = self.sandboxes.get(&sandbox)
        {
            seen.push(ProcInfo { pid: 1, started: pause.view.created, command: "/pause".into() });
        }
        seen
    }

    /// The process that a number means to another process.
    pub(super) fn numbered(&self, place: &Where, pid: u32) -> Option<ProcId> {
        let found = self.procs.iter().find(|(_, proc)| proc.pid == pid && self.are_together(&proc.place, place));
        found.map(|(id, _)| *id)
    }
}
