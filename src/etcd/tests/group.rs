//! Three members with disks and a network that does as it is told.

use std::sync::Arc;

use crate::etcd::raft::{LogIndex, NodeId};
use crate::etcd::{ClientId, Effect, EtcdError, Input, Member, MemberConfig, MemberInfo, Op, PeerMessage, Reply};
use crate::sim::{Component, Digest, Out, Rng, Span, Time, VecMap, VecSet, digest_of};

pub type Text = Arc<str>;

/// What somebody was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub id: u64,
    pub asked: Time,
    pub at: Time,
    pub result: Result<Reply<Text>, EtcdError>,
}

/// Members by place.
pub struct Group {
    /// Also those that do not run.
    pub members: Vec<Member<Text>>,
    pub down: VecSet<usize>,
    /// Cut off from the others.
    pub cut: VecSet<usize>,
    /// Messages that are lost, in millionths.
    pub loss: u32,
    pub now: Time,
    pub rng: Rng,
    pub answers: Vec<Answer>,
    /// All other effects, with who had them.
    pub told: Vec<(usize, Effect<Text>)>,
    /// Whether the members' states are compared after every event.
    pub watched: bool,
    queue: VecMap<(Time, u64), (usize, Input<Text>)>,
    sent: u64,
    asked: VecMap<u64, Time>,
    /// What the state was after the log up to here, at whoever came there first.
    states: VecMap<LogIndex, Digest>,
}

impl Group {
    pub fn new(count: u64, seed: u64) -> Group {
        let info = |id: u64| MemberInfo {
            id,
            name: format!("etcd{id}"),
            peer_urls: vec![format!("http://10.0.0.{id}:2380")],
            client_urls: vec![format!("http://10.0.0.{id}:2379")],
            is_learner: false,
        };
        let member = |id: u64| {
            Member::new(MemberConfig {
                member_id: id,
                name: info(id).name,
                peer_urls: info(id).peer_urls,
                client_urls: info(id).client_urls,
                others: (1..=count).filter(|other| *other != id).map(info).collect(),
                seed,
                disk: Span::micros(1_200),
                ..MemberConfig::default()
            })
        };
        Group {
            members: (1..=count).map(member).collect(),
            down: VecSet::new(),
            cut: VecSet::new(),
            loss: 0,
            now: Time::ZERO,
            rng: Rng::stream(seed, "group"),
            answers: Vec::new(),
            told: Vec::new(),
            watched: true,
            queue: VecMap::new(),
            sent: 0,
            asked: VecMap::new(),
            states: VecMap::new(),
        }
    }

    /// Somebody asks the member at `place`. Returns the number of the question.
    pub fn ask(&mut self, place: usize, op: Op<Text>) -> u64 {
        let id = self.asked.len() as u64;
        self.asked.insert(id, self.now);
        if !self.down.contains(&place) {
            self.give(place, Input::Request { client: ClientId(1), id, op });
        }
        id
    }

    /// The answer to a question, once it is there; waits up to `patience` for it.
    pub fn answer(&mut self, place: usize, op: Op<Text>, patience: Span) -> Option<Result<Reply<Text>, EtcdError>> {
        let id = self.ask(place, op);
        let until = self.now + patience;
        loop {
            if let Some(answer) = self.answers.iter().find(|answer| answer.id == id) {
                return Some(answer.result.clone());
            }
            if !self.step(until) {
                return None;
            }
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Span) {
        let until = self.now + span;
        while self.step(until) {}
        self.now = until;
    }

    /// The next thing that happens by `until`, if anything does.
    fn step(&mut self, until: Time) -> bool {
        let wake = |place: &usize| self.members[*place].wake_at().map(|wake| (wake.at.max(self.now), *place));
        let up = (0..self.members.len()).filter(|place| !self.down.contains(place));
        let wake = up.filter_map(|place| wake(&place)).min();
        let due = self.queue.first_key_value().map(|((at, _), _)| *at);
        let Some(at) = [wake.map(|(at, _)| at), due].into_iter().flatten().min().filter(|at| *at <= until) else {
            return false;
        };
        self.now = at;
        if due == Some(at) {
            let (_, (place, input)) = self.queue.pop_first().expect("it is due");
            if !self.down.contains(&place) {
                self.give(place, input);
            }
        } else if let Some((_, place)) = wake {
            let mut out = Out::default();
            self.members[place].wake(self.now, &mut out);
            self.did(place, out.take());
        }
        true
    }

    fn give(&mut self, place: usize, input: Input<Text>) {
        let mut out = Out::default();
        self.members[place].handle(input, self.now, &mut out);
        self.did(place, out.take());
    }

    fn did(&mut self, place: usize, effects: Vec<Effect<Text>>) {
        if self.watched {
            let member = &self.members[place];
            let (state, applied) = (digest_of(member.replica()), member.raft().log().applied());
            let first = *self.states.entry(applied).or_insert(state);
            assert_eq!(first, state, "two members differ after {applied}");
        }
        for effect in effects {
            match effect {
                Effect::Peer(message) => self.carry(place, message),
                Effect::Save(span) => self.push(self.now + span, place, Input::Saved),
                Effect::Response { id, result, .. } => {
                    let asked = self.asked.get(&id).copied().unwrap_or_default();
                    self.answers.push(Answer { id, asked, at: self.now, result });
                }
                other => self.told.push((place, other)),
            }
        }
    }

    fn carry(&mut self, from: usize, message: PeerMessage<Text>) {
        let to = self.members.iter().position(|m| m.config().member_id == message.to.0).expect("a member");
        let cut = self.cut.contains(&from) != self.cut.contains(&to) || self.cut.contains(&from);
        if cut || self.down.contains(&to) || self.rng.chance(self.loss) {
            if message.is_missed() {
                let lost = NodeId(self.members[to].config().member_id);
                self.push(self.now, from, Input::Unreachable(lost));
            }
            return;
        }
        let late = Span::micros(400 + self.rng.below(120));
        self.push(self.now + late, to, Input::Peer(message));
    }

    fn push(&mut self, at: Time, place: usize, input: Input<Text>) {
        self.sent += 1;
        self.queue.insert((at, self.sent), (place, input));
    }

    /// What a member had in memory is gone, and what is under way to it.
    pub fn crash(&mut self, place: usize) {
        if self.down.insert(place) {
            self.members[place].restart(self.now);
            self.queue.retain(|_, (to, _)| *to != place);
        }
    }

    /// It starts with what is on its disk.
    pub fn start(&mut self, place: usize) {
        if self.down.remove(&place) {
            self.members[place].restart(self.now);
        }
    }

    /// The place of the leader, if one runs.
    pub fn leader(&self) -> Option<usize> {
        let leads = |place: &usize| !self.down.contains(place) && self.members[*place].raft().is_leader();
        (0..self.members.len()).filter(leads).max_by_key(|place| self.members[*place].raft().term())
    }
}
