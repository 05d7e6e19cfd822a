//! What Raft wants written, sent and applied, and the clock that drives it.
//!
//! Models `server/etcdserver/raft.go` and the applying half of `server/etcdserver/server.go` (etcd). There, entries are applied
//! while the disk writes; here after it. Who measures a write to the microsecond could tell.

use std::sync::Arc;

use crate::etcd::error::EtcdError;
use crate::etcd::member::peer::PeerBody;
use crate::etcd::member::{ELECTION, Effect, Member};
use crate::etcd::payload::Payload;
use crate::etcd::raft::{Config, Content, Entry, Message, Ready, SoftState};
use crate::etcd::replica::{Proposal, Replica};
use crate::etcd::reply::{Body, Event};
use crate::etcd::revision::{ClientId, WatchId};
use crate::etcd::store::Command;
use crate::sim::{Out, Span, Time};

/// The unit of Raft's time (`--heartbeat-interval`).
const TICK: Span = Span::millis(100);
/// So many entries are applied between two snapshots (`--snapshot-count`).
const SNAPSHOT_EVERY: u64 = 10_000;
/// So many entries before a snapshot are kept for slow followers.
const KEPT: u64 = 5_000;

/// How far Raft's clock has come. It is wound when there is something to do, not every 100 ms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ticks {
    start: Time,
    done: u64,
}

impl Ticks {
    pub fn new(start: Time) -> Ticks {
        Ticks { start, done: 0 }
    }

    fn due(&self, now: Time) -> u64 {
        (now.since(self.start).0 / TICK.0).saturating_sub(self.done)
    }

    fn at(&self, ticks: u64) -> Time {
        self.start + TICK * (self.done + ticks)
    }
}

impl<V: Payload> Member<V> {
    /// For how long it has not heard from its leader (of a leader: not looked for its majority), and after how long of that
    /// it campaigns (looks again).
    pub fn silence(&self, now: Time) -> (Span, Span) {
        let (elapsed, of) = self.raft.election_clock();
        let ticks = u64::from(elapsed).saturating_add(self.ticks.due(now));
        (TICK * ticks.min(u64::from(of)), TICK * u64::from(of))
    }

    /// A member that starts does not wait a whole election time-out for a leader that there may not be.
    pub(super) fn hurry(&mut self) {
        for _ in 2..Config::ETCD.election_ticks {
            self.raft.tick();
        }
    }

    /// Winds Raft's clock up to `now`.
    pub(super) fn catch_up(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        let due = self.ticks.due(now);
        self.ticks.done += due;
        if self.is_settled() {
            return;
        }
        for _ in 0..due {
            self.raft.tick();
        }
        self.work(now, out);
    }

    /// When the next tick does anything: a leader speaks with each, a follower waits for its time-out.
    pub(super) fn next_tick(&self) -> Option<Time> {
        if self.is_settled() {
            return None;
        }
        let (elapsed, of) = self.raft.election_clock();
        let ticks = if self.raft.is_leader() { 1 } else { u64::from(of.saturating_sub(elapsed)).max(1) };
        Some(self.ticks.at(ticks))
    }

    /// A leader that is alone has nobody to speak to.
    pub(super) fn is_settled(&self) -> bool {
        self.is_alone() && self.raft.is_leader()
    }

    /// Does what Raft wants done, until nothing is left or the disk must be waited for.
    pub(super) fn work(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        while self.saving.is_none() {
            let before = self.raft.log().storage().hard_state();
            let Some(mut ready) = self.raft.ready() else { return };
            self.send(std::mem::take(&mut ready.messages), out);
            if let Some(soft) = ready.soft {
                self.role_changed(soft, now, out);
            }
            if self.config.disk > Span::ZERO && ready.must_sync(before) {
                out.push(Effect::Save(self.config.disk));
                self.saving = Some(ready);
            } else {
                self.saved(ready, now, out);
            }
        }
    }

    /// What was to be written is: what waited for that is sent, and what is committed is applied.
    pub(super) fn saved(&mut self, mut ready: Ready<Replica<V>>, now: Time, out: &mut Out<Effect<V>>) {
        self.send(std::mem::take(&mut ready.replies), out);
        if let Some(snapshot) = &ready.snapshot {
            self.restore((*snapshot.machine).clone(), now, out);
        }
        for entry in &mut ready.committed {
            // A change that is refused changes nothing, on all members alike.
            if !self.apply(entry, now, out) {
                entry.content = Content::Empty;
            }
        }
        for read in std::mem::take(&mut ready.reads) {
            self.reads.confirm(read.id, read.index);
        }
        self.raft.advance(ready);
        self.answer_reads(now, out);
        let log = self.raft.log();
        if log.applied().since(log.snapshot().last.index) >= SNAPSHOT_EVERY {
            self.raft.take_snapshot(Arc::new(self.replica.clone()), KEPT);
        }
    }

    /// Another leader, or none; this member leads now, or does not any more.
    fn role_changed(&mut self, soft: SoftState, now: Time, out: &mut Out<Effect<V>>) {
        let leads = soft.leader == Some(self.raft.id());
        if leads {
            self.clock.promote(self.replica.store.leases.iter(), ELECTION, now);
        } else {
            self.clock.demote();
        }
        self.leader_is(soft.leader, now, out);
        // What is dropped now is proposed again when the leader changes next.
        let id = self.raft.id();
        let is_unknown =
            self.replica.members.get(&id).is_none_or(|member| member.name.is_empty() || member.client_urls.is_empty());
        if soft.leader.is_some() && is_unknown {
            let (name, client_urls) = (self.config.name.clone(), self.config.client_urls.clone());
            _ = self.put_in(Proposal::Publish(id, name, client_urls), None, now);
        }
        if leads && self.replica.version.is_none() {
            _ = self.put_in(Proposal::Version(cluster_version(&self.config.version)), None, now);
        }
    }

    /// Applies an entry. Says whether it stands: a change of the membership may not.
    fn apply(&mut self, entry: &Entry<Replica<V>>, now: Time, out: &mut Out<Effect<V>>) -> bool {
        let (Content::Command(request) | Content::Change(_, Some(request))) = &entry.content else { return true };
        let from = self.waiting.take(request.id);
        match &request.what {
            Proposal::Publish(id, name, client_urls) => {
                if let Some(member) = self.replica.members.get_mut(id) {
                    member.name.clone_from(name);
                    member.client_urls.clone_from(client_urls);
                }
            }
            what @ (Proposal::Join(_) | Proposal::Promote(_) | Proposal::Leave(_) | Proposal::Readdress(..)) => {
                return self.apply_change(what, from, now, out);
            }
            Proposal::Version(version) => self.replica.version = Some(version.clone()),
            Proposal::Raise(id, alarm) => _ = self.replica.alarms.insert((*id, *alarm)),
            Proposal::Disarm => {
                let disarmed = Body::Alarms(self.replica.alarm_list());
                self.replica.alarms.clear();
                if let Some(from) = from {
                    self.respond(from, Ok(disarmed), out);
                }
            }
            Proposal::Command(command) => {
                if let Some(why) = self.replica.forbids(command) {
                    if let Some(from) = from {
                        self.respond(from, Err(why), out);
                    }
                    return true;
                }
                let applied = self.replica.store.apply(command.clone());
                self.file = self.size();
                if self.raft.is_leader() {
                    self.wind_leases(command, &applied.result, now);
                }
                self.tell_watches(&applied.events, out);
                if let Some(from) = from {
                    self.respond(from, applied.result, out);
                }
            }
        }
        true
    }

    /// A leader's clock hears of leases that came and went.
    fn wind_leases(&mut self, command: &Command<V>, result: &Result<Body<V>, EtcdError>, now: Time) {
        match (command, result) {
            (Command::LeaseGrant(id, _), Ok(Body::LeaseGrant { ttl, .. })) => self.clock.begin(*id, *ttl, now),
            (Command::LeaseRevoke(id), _) => self.clock.end(*id),
            _ => {}
        }
    }

    /// Watches are told before the client is answered, as in etcd.
    fn tell_watches(&mut self, events: &[Event<V>], out: &mut Out<Effect<V>>) {
        let revision = self.store().revision();
        for ((client, watch), events) in self.watches.notify(events, revision) {
            out.push(Effect::WatchEvents { client, watch, revision, events });
        }
    }

    /// A leader's snapshot takes the place of everything; watches are told what they missed by it.
    fn restore(&mut self, replica: Replica<V>, now: Time, out: &mut Out<Effect<V>>) {
        self.replica = replica;
        self.file = 0;
        let watches: Vec<(ClientId, WatchId)> = self.watches.iter().map(|(watch, _)| *watch).collect();
        for (client, watch) in watches {
            let mut then = Vec::new();
            self.tell_missed((client, watch), &mut then);
            then.into_iter().for_each(|effect| out.push(effect));
        }
        self.answer_reads(now, out);
    }

    fn send(&self, messages: Vec<Message<Replica<V>>>, out: &mut Out<Effect<V>>) {
        for message in messages {
            self.tell(message.to, PeerBody::Raft(message), out);
        }
    }
}

/// The version that a cluster speaks: the minor release of its members.
fn cluster_version(version: &str) -> String {
    let minor: Vec<&str> = version.split('.').take(2).collect();
    format!("{}.0", minor.join("."))
}
