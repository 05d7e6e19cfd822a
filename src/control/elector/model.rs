//! All that can happen to two candidates within bounds: whatever is asked may be answered at once, late, or never, and a
//! candidate may be cut off from the API server at any moment. One that acts as the leader must hold the lease. With
//! `KUBARIUM_SOAK`, two answers may be late.
//!
//! What is late is late by less than 3 s: a renewal that is written and answered later than that may be overtaken, here as there.

use stateright::{Checker, Model, Property};

use super::tests::serve;
use super::*;
use crate::api::Timestamp;

/// How much later a late answer comes.
const LATE: Span = Span::secs(2);
/// Until when the candidates are watched.
const END: Time = Time(40_000_000_000);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    now: Time,
    stored: Option<Lease>,
    electors: [Elector; 2],
    /// What each has been answered and has not heard yet.
    answers: [Vec<(Time, Answer)>; 2],
    /// Who is cut off. Each is cut off once at most.
    cut: [bool; 2],
    cuts: [u8; 2],
    /// How many answers may still be late.
    late: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Happening {
    /// Whatever is due next; what is asked is answered at once.
    Next,
    /// The same, and what is asked is answered late.
    NextLate,
    /// A candidate is cut off.
    Cut(usize),
    /// It is joined again.
    Join(usize),
}

impl World {
    fn new() -> World {
        let calendar = Calendar::new(Timestamp(1_767_225_600));
        let elector = |n: u32| {
            Elector::new("kube-scheduler", &format!("master{n}"), calendar, Rng::stream(u64::from(n), "model"))
        };
        World {
            now: Time::ZERO,
            stored: None,
            electors: [elector(1), elector(2)],
            answers: [Vec::new(), Vec::new()],
            cut: [false; 2],
            cuts: [0; 2],
            late: if std::env::var("KUBARIUM_SOAK").is_ok() { 2 } else { 1 },
        }
    }

    /// When a candidate does or hears something next.
    fn next(&self) -> Option<(Time, usize)> {
        let of = |who: usize| {
            let heard = self.answers[who].first().map(|(at, _)| *at);
            [heard, self.electors[who].wake_at().map(|wake| wake.at)].into_iter().flatten().min()
        };
        (0..2).filter_map(|who| Some((of(who)?, who))).min()
    }

    /// A candidate does or hears what is due.
    fn step(&mut self, late: Span) {
        let Some((at, who)) = self.next() else { return };
        self.now = self.now.max(at);
        let mut out = Out::default();
        if self.answers[who].first().is_some_and(|(at, _)| *at <= self.now) {
            let (_, answer) = self.answers[who].remove(0);
            self.electors[who].handle(answer, self.now, &mut out);
        } else {
            self.electors[who].wake(self.now, &mut out);
        }
        for call in out.take() {
            if self.cut[who] {
                continue;
            }
            let response = serve(&mut self.stored, call.request);
            self.answers[who].push((self.now + late, Answer::Response { id: call.id, response }));
        }
    }

    /// Whether everybody who can act on the cluster as its leader is it.
    fn is_led_by_its_holder(&self) -> bool {
        let holder = self.stored.as_ref().and_then(|lease| lease.spec.holder_identity.as_deref());
        let acts = |who: &usize| self.electors[*who].role().0 == Role::Leads;
        (0..2).filter(acts).all(|who| holder == Some(self.electors[who].identity()))
    }
}

struct Candidates;

impl Model for Candidates {
    type State = World;
    type Action = Happening;

    fn init_states(&self) -> Vec<World> {
        vec![World::new()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happening>) {
        actions.push(Happening::Next);
        if world.late > 0 {
            actions.push(Happening::NextLate);
        }
        for who in 0..2 {
            if world.cut[who] {
                actions.push(Happening::Join(who));
            } else if world.cuts[who] == 0 {
                actions.push(Happening::Cut(who));
            }
        }
    }

    fn next_state(&self, world: &World, happening: Happening) -> Option<World> {
        let mut world = world.clone();
        match happening {
            Happening::Next => world.step(Span::ZERO),
            Happening::NextLate => {
                world.late -= 1;
                world.step(LATE);
            }
            Happening::Cut(who) => {
                world.cut[who] = true;
                world.cuts[who] += 1;
                // Answers that are under way do not arrive either.
                world.answers[who].clear();
            }
            Happening::Join(who) => world.cut[who] = false,
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("who acts holds the lease", |_, world: &World| world.is_led_by_its_holder()),
            Property::sometimes("the lease changes hands", |_, world: &World| {
                world.stored.as_ref().is_some_and(|lease| lease.spec.lease_transitions == Some(1))
            }),
            Property::sometimes("a leader ends", |_, world: &World| {
                world.electors.iter().any(|elector| elector.role().0 == Role::Ended)
            }),
        ]
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.now <= END
    }
}

#[test]
fn who_acts_as_the_leader_holds_the_lease() {
    let checker = Candidates.checker().threads(2).spawn_bfs().join();
    eprintln!("{} worlds, {} told apart", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
}
