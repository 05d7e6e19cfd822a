//! Calls to the runtime and what they are for.

use crate::api::Uid;
use crate::node::kubelet::{Effect, Kubelet};
use crate::node::runtime::{ContainerId, CriAnswer, CriRequest, OpId};
use crate::sim::{Out, Time, VecMap};

/// What a call is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum For {
    /// The state of the runtime at the start.
    List,
    /// The sync of a pod: the worker knows which step.
    Sync(Uid),
    /// The end of a pod's containers or sandbox: the worker knows which stage.
    Kill(Uid),
    /// A container that failed its liveness or startup probe, or has changed, is stopped.
    Restart(Uid, ContainerId),
    /// A probe by exec.
    Probe(Uid, String, crate::node::kubelet::probe::ProbeKind),
    /// The command of a hook.
    Hook(u32),
    /// Paths of the node that are to be volumes of a pod.
    HostPaths(Uid),
    /// A log or exec session.
    Stream(u64),
    /// The eviction manager looks at what the pods take.
    Usage,
    /// A container gets other resources.
    Resize(Uid, ContainerId, Box<crate::api::ResourceRequirements>),
    /// Nobody waits for the answer.
    Nothing,
}

/// The calls under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ops {
    next: u64,
    pending: VecMap<OpId, For>,
}

impl Kubelet {
    /// Calls the runtime.
    pub(super) fn ask(&mut self, purpose: For, request: CriRequest, out: &mut Out<Effect>) -> OpId {
        self.ops.next += 1;
        let op = OpId(self.ops.next);
        self.ops.pending.insert(op, purpose);
        out.push(Effect::Cri(op, request));
        op
    }

    /// Nobody waits for these calls any more.
    pub(super) fn drop_ops_of(&mut self, uid: &Uid) {
        self.ops.pending.retain(|_, purpose| !matches!(purpose, For::Probe(u, ..) if u == uid));
    }

    pub(super) fn cri_answered(&mut self, op: OpId, answer: CriAnswer, now: Time, out: &mut Out<Effect>) {
        let Some(purpose) = self.ops.pending.get(&op).cloned() else { return };
        let goes_on = matches!(answer, CriAnswer::Began | CriAnswer::Stdout(_) | CriAnswer::Stderr(_));
        if !goes_on {
            self.ops.pending.remove(&op);
        }
        match purpose {
            For::List => self.runtime_listed(answer, now, out),
            For::Sync(uid) => self.sync_answered(&uid, op, answer, now, out),
            For::Kill(uid) => self.kill_answered(&uid, op, answer, now, out),
            For::Restart(uid, _) => self.wake_worker(&uid, now, out),
            For::Probe(uid, container, kind) => self.probe_executed(&uid, &container, kind, answer, now, out),
            For::Hook(number) => self.hook_executed(number, answer, now, out),
            For::HostPaths(uid) => self.host_paths_known(&uid, answer, now, out),
            For::Stream(id) => self.stream_answered(id, op, answer, out),
            For::Usage => self.usage_known(answer, now, out),
            For::Resize(uid, id, resources) => self.actuated(&uid, (id, *resources), answer, now, out),
            For::Nothing => {}
        }
    }
}
