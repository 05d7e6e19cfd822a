//! `attach`: what a container's first process writes goes to whoever is attached, and what they type goes to it. Models
//! `internal/cri/server/container_attach.go` of containerd.

use crate::api::http::StreamInput;
use crate::node::runtime::cri::*;
use crate::node::runtime::{Effect, Runtime};
use crate::sim::{Out, Time};
use crate::workload::{self, SIGWINCH};

/// Somebody who is attached to a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attached {
    container: ContainerId,
    /// Whether what comes goes to the first process.
    stdin: bool,
}

impl Runtime {
    pub(super) fn attach(&mut self, op: OpId, id: &ContainerId, stdin: bool, now: Time, out: &mut Out<Effect>) {
        let Some(container) = self.containers.get(id).filter(|c| c.view.phase.is_running()) else {
            return Self::answer(op, CriAnswer::Failed("container is in CONTAINER_EXITED state".into()), out);
        };
        let (main, tty, stdin) = (container.main, container.config.tty, stdin && container.config.stdin);
        self.attached.insert(op, Attached { container: id.clone(), stdin });
        Self::answer(op, CriAnswer::Began, out);
        if let Some(main) = main.filter(|main| tty && self.is_shell(*main)) {
            // The client tells the size of its terminal, and a shell that edits lines draws its prompt again.
            self.run(main, workload::Input::Signal(SIGWINCH), now, out);
        }
    }

    /// What a container's first process writes goes to all who are attached.
    pub(super) fn tell_attached(&self, id: &ContainerId, bytes: &[u8], stderr: bool, out: &mut Out<Effect>) {
        for (op, _) in self.attached.iter().filter(|(_, to)| to.container == *id) {
            let bytes = bytes.to_vec();
            Self::answer(*op, if stderr { CriAnswer::Stderr(bytes) } else { CriAnswer::Stdout(bytes) }, out);
        }
    }

    /// What comes from somebody who is attached; `false` if nobody is by this number.
    pub(super) fn attached_input(&mut self, op: OpId, input: &StreamInput, now: Time, out: &mut Out<Effect>) -> bool {
        let Some(attached) = self.attached.get(&op) else { return false };
        let container = self.containers.get(&attached.container).filter(|_| attached.stdin);
        let Some((main, config)) = container.and_then(|c| Some((c.main?, &c.config))) else { return true };
        // Others may attach later unless the container's input is for once.
        if *input != StreamInput::End || config.stdin_once {
            self.typed(main, input.clone(), now, out);
        }
        true
    }

    /// Somebody who was attached is gone.
    pub(super) fn detach(&mut self, op: OpId, now: Time, out: &mut Out<Effect>) {
        self.attached_input(op, &StreamInput::End, now, out);
        self.attached.remove(&op);
    }

    /// The container is over, and so is every attachment to it.
    pub(super) fn end_attached(&mut self, id: &ContainerId, out: &mut Out<Effect>) {
        let ended: Vec<OpId> = self.attached.iter().filter(|(_, to)| to.container == *id).map(|(op, _)| *op).collect();
        for op in ended {
            self.attached.remove(&op);
            Self::answer(op, CriAnswer::StreamEnd(None), out);
        }
    }
}
