//! Linearizable reads: an answer is not older than the question.
//!
//! Models `linearizableReadLoop` and `requestCurrentIndex` of `server/etcdserver/v3_server.go` (etcd): one question to the leader for
//! all reads that wait, asked again every 500 ms, given up after the time of a request; what comes meanwhile waits for the
//! next. A new leader fails what waits, for the question may have died with the old one.

use crate::etcd::error::EtcdError;
use crate::etcd::lease_number::LeaseNumbers;
use crate::etcd::member::{Effect, Member, REQUEST_TIMEOUT};
use crate::etcd::op::Op;
use crate::etcd::payload::Payload;
use crate::etcd::raft::{LogIndex, ReadId};
use crate::etcd::revision::ClientId;
use crate::sim::{Out, Span, Time};

/// How long the leader's answer is waited for.
pub(super) const ASK_AGAIN: Span = Span::millis(500);

/// Reads that wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reads<V> {
    numbers: LeaseNumbers,
    /// For the next question.
    queued: Vec<Read<V>>,
    round: Option<Round<V>>,
}

/// A read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Read<V> {
    from: (ClientId, u64),
    op: Op<V>,
}

/// A question that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Round<V> {
    /// Its numbers: one each time that it was asked. The answer to any will do.
    ids: Vec<ReadId>,
    began: Time,
    asked: Time,
    /// From where on the store is current.
    index: Option<LogIndex>,
    reads: Vec<Read<V>>,
}

impl<V: Payload> Reads<V> {
    /// None yet. `numbers` are this member's own.
    pub fn new(numbers: LeaseNumbers) -> Reads<V> {
        Reads { numbers, queued: Vec::new(), round: None }
    }

    /// Who waits, by their numbers for the requests.
    pub fn clients(&self) -> impl Iterator<Item = (ClientId, u64)> {
        let round = self.round.iter().flat_map(|round| &round.reads);
        round.chain(&self.queued).map(|read| read.from)
    }

    /// The leader answered.
    pub fn confirm(&mut self, id: ReadId, index: LogIndex) {
        if let Some(round) = &mut self.round
            && round.ids.contains(&id)
        {
            round.index.get_or_insert(index);
        }
    }

    /// When to ask again, or to give up.
    pub fn next_look(&self) -> Option<Time> {
        let round = self.round.as_ref()?;
        let end = round.began + REQUEST_TIMEOUT;
        Some(if round.index.is_some() { end } else { end.min(round.asked + ASK_AGAIN) })
    }
}

impl<V: Payload> Member<V> {
    /// A client reads.
    pub(super) fn read(&mut self, from: (ClientId, u64), op: Op<V>, now: Time, out: &mut Out<Effect<V>>) {
        self.reads.queued.push(Read { from, op });
        self.begin_round(now);
        self.work(now, out);
    }

    fn begin_round(&mut self, now: Time) {
        if self.reads.round.is_none() && !self.reads.queued.is_empty() {
            let reads = std::mem::take(&mut self.reads.queued);
            self.reads.round = Some(Round { ids: Vec::new(), began: now, asked: now, index: None, reads });
            self.ask_index(now);
        }
    }

    fn ask_index(&mut self, now: Time) {
        let id = ReadId(self.reads.numbers.draw().get());
        if let Some(round) = &mut self.reads.round {
            round.ids.push(id);
            round.asked = now;
            // Without a leader it is asked again.
            _ = self.raft.read_index(id);
        }
    }

    /// Answers the reads for which the store is current, and begins the next round.
    pub(super) fn answer_reads(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        let applied = self.raft.log().applied();
        while let Some(round) = self.reads.round.take_if(|round| round.index.is_some_and(|index| index <= applied)) {
            for read in round.reads {
                let mut then = Vec::new();
                let result = self.answer(read.from.0, read.op, now, &mut then);
                self.respond(read.from, result, out);
            }
            self.begin_round(now);
        }
    }

    /// Asks again what was not answered, and gives up what has waited too long.
    pub(super) fn look_at_reads(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        let Some(round) = &self.reads.round else { return };
        if round.began + REQUEST_TIMEOUT <= now {
            let error = self.why_late(round.began);
            self.fail_reads(error, now, out);
        } else if round.index.is_none() && round.asked + ASK_AGAIN <= now {
            self.ask_index(now);
        }
    }

    /// The reads of this round fail; those that came meanwhile are asked for at once.
    pub(super) fn fail_reads(&mut self, error: EtcdError, now: Time, out: &mut Out<Effect<V>>) {
        for read in self.reads.round.take().into_iter().flat_map(|round| round.reads) {
            self.respond(read.from, Err(error), out);
        }
        self.begin_round(now);
    }
}
