//! The etcd members of the masters: who they are, who reaches which of them, and what becomes of what does not arrive.
//!
//! One member on each master, as kubeadm stacks them; with a hosted control plane there is one somewhere. Models the flags of
//! `etcd` (`--initial-cluster`), and the choice of an endpoint of `client/v3` (etcd): of those that are given, one that answers.

use crate::api::MicroTime;
use crate::cluster::clients::{actor_of, number_of};
use crate::cluster::event::{Actor, MasterIx, NodeIx};
use crate::cluster::{Cluster, Envelope, MailKind, Message, Scenario, overlay, run};
use crate::control::apiserver::{self, StoredValue};
use crate::etcd::raft::{NodeId, SnapshotStatus};
use crate::etcd::{self, EtcdError, Member, MemberConfig, MemberInfo, PeerMessage};
use crate::node::flannel;
use crate::sim::{EventId, Span};

/// How long the disk takes to write a piece of the log.
const DISK: Span = Span::micros(1_200);
/// What a member says whose disk takes nothing more.
const DISK_FULL: &str = "write /var/lib/etcd/member/wal/0000000000000000-0000000000000000.wal: no space left on device";
/// How long a client waits before it tries a closed port again.
const REDIAL: Span = Span::secs(1);
/// The numbers of the members at the first five masters' addresses, as etcd makes them of a member's peer URL and the token
/// `etcd-cluster`: the first eight bytes of the SHA-1 of both.
const MEMBERS: [u64; 5] =
    [0xa333_0a6a_071b_fd27, 0xff3a_fdb9_2f5c_1db7, 0xcaf8_261a_c09b_a8aa, 0x108d_28f1_5545_4496, 0x3b2f_45e2_83f2_7997];
/// The numbers of clusters of two members and more: the first eight bytes of the SHA-1 of the members' numbers in order.
const CLUSTERS: [u64; 4] = [0x39e8_1e13_e730_6f10, 0xfd34_ca31_e4fc_a476, 0x8caf_aa8f_6369_07df, 0x4d68_229d_e27b_6a2d];

/// The members of a scenario.
pub(super) fn members_of(scenario: &Scenario) -> Vec<Member<StoredValue>> {
    let started_unix_ms = u64::try_from(scenario.epoch().0).unwrap_or(0) * 1_000;
    let seed = scenario.seed;
    if scenario.masters <= 1 {
        let config = MemberConfig { name: "etcd1".into(), started_unix_ms, seed, ..MemberConfig::default() };
        return vec![Member::new(config)];
    }
    let masters = scenario.nodes().into_iter().filter(|(.., master)| *master);
    let infos: Vec<MemberInfo> = masters
        .zip(MEMBERS.iter().zip(1..))
        .map(|((_, ip, _), (id, n))| MemberInfo {
            id: *id,
            name: format!("etcd{n}"),
            peer_urls: vec![format!("http://{ip}:2380")],
            client_urls: vec![format!("http://{ip}:2379")],
            is_learner: false,
        })
        .collect();
    let cluster_id = CLUSTERS.get(infos.len() - 2).copied().expect("there are at most five masters");
    let member = |own: &MemberInfo| {
        Member::new(MemberConfig {
            cluster_id,
            member_id: own.id,
            name: own.name.clone(),
            peer_urls: own.peer_urls.clone(),
            client_urls: own.client_urls.clone(),
            started_unix_ms,
            others: infos.iter().filter(|other| other.id != own.id).cloned().collect(),
            seed,
            disk: DISK,
            ..MemberConfig::default()
        })
    };
    infos.iter().map(member).collect()
}

impl Cluster {
    /// The etcd members, by master.
    pub fn etcd_members(&self) -> impl Iterator<Item = (MasterIx, &Member<StoredValue>)> {
        (0_u32..).map(MasterIx).zip(&self.etcds)
    }

    /// The member that knows most: the last revision, and of those the one that leads.
    pub fn etcd_member(&self) -> &Member<StoredValue> {
        let newest = self.etcds.iter().max_by_key(|member| (member.store().revision(), member.raft().is_leader()));
        newest.expect("there is at least one member")
    }

    pub(crate) fn etcd_at(&self, at: MasterIx) -> Option<&Member<StoredValue>> {
        self.etcds.get(usize::try_from(at.0).ok()?)
    }

    pub(crate) fn etcd_at_mut(&mut self, at: MasterIx) -> Option<&mut Member<StoredValue>> {
        self.etcds.get_mut(usize::try_from(at.0).ok()?)
    }

    /// How long a message waits for a disk on its way: the disk of a member that is alone is a part of its connections.
    pub(super) fn disk_of(&self, to: Actor, message: &Message) -> Span {
        match (to, message) {
            (Actor::Etcd(at), Message::ToEtcd(etcd::Input::Request { op, .. }))
                if self.etcds.len() == 1 && op.is_replicated() =>
            {
                DISK + self.slowness_of(at)
            }
            _ => Span::ZERO,
        }
    }

    fn slowness_of(&self, at: MasterIx) -> Span {
        self.faults.disks.get(&at).copied().unwrap_or(Span::ZERO)
    }

    /// A member takes an input in.
    pub(super) fn etcd_takes(&mut self, at: MasterIx, input: etcd::Input<StoredValue>, entry: Option<EventId>) {
        let now = self.now;
        if let etcd::Input::Peer(message) = &input
            && message.is_snapshot()
        {
            self.tell_sender(message, entry, |to| etcd::Input::SnapshotSent(to, SnapshotStatus::Sent));
        }
        // A member that is alone has no log on its way to the disk: what it is to write is the request.
        let writes = matches!(&input, etcd::Input::Request { op, .. } if op.is_replicated());
        if writes && self.etcds.len() == 1 && self.faults.full.contains(&at) {
            return self.etcd_ends(at, DISK_FULL);
        }
        if let Some(member) = self.etcd_at_mut(at) {
            let effects = run(member, input, now, entry);
            self.etcd_did(at, effects);
        }
    }

    /// Routes what a member wants done.
    pub(super) fn etcd_did(&mut self, at: MasterIx, effects: Vec<(Option<EventId>, etcd::Effect<StoredValue>)>) {
        for (cause, effect) in effects {
            let client = match effect {
                etcd::Effect::Peer(message) => {
                    self.etcd_tells_peer(at, message, cause);
                    continue;
                }
                // With it goes what it would have said after that.
                etcd::Effect::Exit(why) => return self.etcd_ends(at, &why),
                // It panics, and with it goes what it would have said after that.
                etcd::Effect::Save(_) if self.faults.full.contains(&at) => {
                    return self.etcd_ends(at, DISK_FULL);
                }
                etcd::Effect::Save(span) => {
                    let saved = Message::ToEtcd(etcd::Input::Saved);
                    self.hand_over(Actor::Etcd(at), cause, span + self.slowness_of(at), saved);
                    continue;
                }
                etcd::Effect::Response { client, .. }
                | etcd::Effect::WatchEvents { client, .. }
                | etcd::Effect::WatchProgress { client, .. }
                | etcd::Effect::WatchCanceled { client, .. } => client.0,
            };
            let to = actor_of(client);
            // Who lists and watches tries again, but not at once.
            let is_learner =
                matches!(effect, etcd::Effect::Response { result: Err(EtcdError::NotSupportedForLearner), .. });
            let message = match to {
                Actor::ApiServer(_) if is_learner => {
                    self.hand_over(to, cause, REDIAL, Message::ToApi(apiserver::Input::Etcd(effect)));
                    continue;
                }
                Actor::ApiServer(_) => Message::ToApi(apiserver::Input::Etcd(effect)),
                Actor::Flanneld(_) => match overlay::flannel_input(effect) {
                    Some(input) => Message::Flannel(input),
                    None => continue,
                },
                _ => Message::Mail(MailKind::Etcd(effect)),
            };
            self.send(Actor::Etcd(at), to, cause, message);
        }
    }

    fn etcd_tells_peer(&mut self, at: MasterIx, message: PeerMessage<StoredValue>, cause: Option<EventId>) {
        match self.master_of(message.to) {
            Some(to) => {
                let message = Message::ToEtcd(etcd::Input::Peer(message));
                self.send(Actor::Etcd(at), Actor::Etcd(to), cause, message);
            }
            // A member that was added and never started: nobody listens there.
            None if message.is_missed() => {
                let unreachable = Message::ToEtcd(etcd::Input::Unreachable(message.to));
                self.hand_over(Actor::Etcd(at), cause, REDIAL, unreachable);
            }
            None => {}
        }
    }

    /// A member cannot go on; its log says why.
    fn etcd_ends(&mut self, at: MasterIx, why: &str) {
        let micros = self.scenario.epoch().0 * 1_000_000 + i64::try_from(self.now.0 / 1_000).unwrap_or(0);
        let stamp = MicroTime(micros).to_string();
        let why = serde_json::Value::from(why);
        let said = format!("{{\"level\":\"fatal\",\"ts\":\"{stamp}\",\"msg\":\"server error\",\"error\":{why}}}\n");
        self.end_by_itself(Actor::Etcd(at), 1, said);
    }

    fn master_of(&self, id: NodeId) -> Option<MasterIx> {
        self.etcd_members().find(|(_, member)| member.config().member_id == id.0).map(|(at, _)| at)
    }

    /// The member that a client uses which knows them all: the first that it reaches.
    pub(super) fn etcd_for(&self, client: Actor) -> Actor {
        let here = self.machine_of(client);
        let reaches = |at: &MasterIx| {
            let member = Actor::Etcd(*at);
            !self.faults.down.contains(&member) && !self.faults.cuts(here, self.machine_of(member))
        };
        let first = self.etcd_members().map(|(at, _)| at).find(reaches);
        Actor::Etcd(first.unwrap_or(MasterIx(0)))
    }

    /// The member that one of `endpoints` names, separated by commas: the first that runs, or else the first that there is.
    /// `here` is whose loopback is meant: the terminal is on the first master. Where there is only one member, every endpoint is
    /// taken to be it.
    pub(super) fn etcd_named(&self, endpoints: &str, here: Option<NodeIx>) -> Option<MasterIx> {
        let is_worker = here.and_then(|ix| self.host(ix)).is_some_and(|host| !host.master);
        if self.etcds.len() == 1 && !is_worker {
            return Some(MasterIx(0));
        }
        let here = here.map_or(0, |ix| ix.0);
        let named = |endpoint: &str| -> Option<MasterIx> {
            let place = endpoint.split_once("://").map_or(endpoint, |(_, place)| place);
            let (host, port) = place.split_once(':')?;
            let is = |node: &crate::cluster::Host| host == &*node.name || host == node.ip.to_string();
            let at = match host {
                "127.0.0.1" | "localhost" | "" => usize::try_from(here).ok(),
                _ => self.hosts.iter().position(is),
            };
            let at = u32::try_from(at?).ok().filter(|_| port == "2379").map(MasterIx);
            at.filter(|at| self.etcd_at(*at).is_some())
        };
        let all: Vec<MasterIx> = endpoints.split(',').filter_map(named).collect();
        let runs = |at: &&MasterIx| !self.faults.down.contains(&Actor::Etcd(**at));
        all.iter().find(runs).or(all.first()).copied()
    }

    /// What becomes of a message to a member that does not arrive.
    pub(super) fn etcd_missed(
        &mut self,
        from: Actor,
        to: Actor,
        input: etcd::Input<StoredValue>,
        entry: Option<EventId>,
    ) {
        match input {
            etcd::Input::Request { id, .. } => self.fail_etcd(from, to, id, entry),
            etcd::Input::Peer(message) => {
                if message.is_snapshot() {
                    self.tell_sender(&message, entry, |to| etcd::Input::SnapshotSent(to, SnapshotStatus::Failed));
                }
                if message.is_missed() {
                    self.tell_sender(&message, entry, etcd::Input::Unreachable);
                }
            }
            _ => {}
        }
    }

    fn tell_sender(
        &mut self,
        message: &PeerMessage<StoredValue>,
        entry: Option<EventId>,
        tell: impl Fn(NodeId) -> etcd::Input<StoredValue>,
    ) {
        if let Some(sender) = self.master_of(message.from) {
            self.hand_over(Actor::Etcd(sender), entry, Span::ZERO, Message::ToEtcd(tell(message.to)));
        }
    }

    /// A client cannot reach its member. etcdctl goes on trying until its own time is over.
    fn fail_etcd(&mut self, client: Actor, member: Actor, id: u64, entry: Option<EventId>) {
        let (after, message) = match client {
            Actor::Flanneld(_) => {
                let result = Err(EtcdError::NoLeader);
                (crate::cluster::route::CONNECT_TIMEOUT, Message::Flannel(flannel::Input::Etcd { id, result }))
            }
            Actor::ApiServer(_) => {
                let client = etcd::ClientId(number_of(client));
                let effect = etcd::Effect::Response { client, id, result: Err(EtcdError::Refused) };
                (REDIAL, Message::ToApi(apiserver::Input::Etcd(effect)))
            }
            _ => return,
        };
        self.queue.push(self.now + after, Envelope { from: member, to: client, entry, message });
    }

    /// A member's process ends: its disk stays, and its clients notice.
    pub(super) fn etcd_stops(&mut self, at: MasterIx) {
        let now = self.now;
        let Some(member) = self.etcd_at_mut(at) else { return };
        let unanswered: Vec<(etcd::ClientId, u64, bool)> = member.unanswered().collect();
        let mut clients: Vec<u32> = member.watch_views().map(|watch| watch.client.0).collect();
        clients.dedup();
        member.restart(now);
        let mut clients: Vec<Actor> = clients.into_iter().map(actor_of).collect();
        // The server next to it has requests under way even where it has no watch.
        if !clients.contains(&Actor::ApiServer(at)) {
            clients.push(Actor::ApiServer(at));
        }
        for client in clients {
            let message = match client {
                Actor::ApiServer(_) => Message::ToApi(apiserver::Input::EtcdLost),
                Actor::Flanneld(_) => Message::Flannel(flannel::Input::WatchLost),
                _ => continue,
            };
            self.hand_over(client, None, Span::millis(1), message);
        }
        for (client, id, is_write) in unanswered {
            self.connection_to_etcd_broke(client, id, is_write);
        }
    }

    /// A member that is gone will not answer a request. API servers know; etcdctl goes on trying to read until its own time is
    /// over, and gives a write up, for it may have been done.
    fn connection_to_etcd_broke(&mut self, client: etcd::ClientId, id: u64, is_write: bool) {
        let result = Err(EtcdError::ConnectionLost);
        let to = actor_of(client.0);
        let message = match to {
            Actor::Flanneld(_) => Message::Flannel(flannel::Input::Etcd { id, result }),
            Actor::Outside(_) if is_write => {
                Message::Mail(MailKind::Etcd(etcd::Effect::Response { client, id, result }))
            }
            _ => return,
        };
        self.hand_over(to, None, Span::millis(1), message);
    }
}
