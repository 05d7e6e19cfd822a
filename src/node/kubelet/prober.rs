//! The workers of probes. Models `pkg/kubelet/prober/prober_manager.go` and `worker.go`.

use crate::api::Uid;
use crate::node::kubelet::probe::ProbeKind;
use crate::node::kubelet::{Effect, Kubelet, Reason};
use crate::node::runtime::CriAnswer;
use crate::node::wire::{SocketEvent, SocketId};
use crate::sim::{Out, Time, Wake};

/// The probes of all containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Prober {}

impl Kubelet {
    pub(super) fn probes_due(&mut self, _now: Time, _out: &mut Out<Effect>) {}

    pub(super) fn probes_wake(&self) -> Option<Wake<Reason>> {
        None
    }

    pub(super) fn stop_probes(&mut self, _uid: &Uid) {}

    pub(super) fn probe_socket(
        &mut self,
        _token: u64,
        _socket: SocketId,
        _event: SocketEvent,
        _now: Time,
        _out: &mut Out<Effect>,
    ) {
    }

    pub(super) fn probe_executed(
        &mut self,
        _uid: &Uid,
        _container: &str,
        _kind: ProbeKind,
        _answer: CriAnswer,
        _now: Time,
        _out: &mut Out<Effect>,
    ) {
    }
}
