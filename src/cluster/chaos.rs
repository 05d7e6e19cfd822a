//! Chaos: faults at random, each repaired some time later. The seed of the cluster decides which, so that a link replays them.

use std::collections::VecDeque;

use crate::cluster::Cluster;
use crate::cluster::event::Actor;
use crate::cluster::watched::Watched;
use crate::sim::{Rng, Span, Time};

/// So many things are broken at a time, at most.
const MOST_BROKEN: usize = 3;

/// The state of the chaos.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chaos {
    every: Span,
    next: Time,
    rng: Rng,
    /// The repairs of what is broken, in the words after `!fault`, oldest first.
    repairs: VecDeque<String>,
}

impl Chaos {
    /// About how much time is between two faults or repairs.
    pub fn every(&self) -> Span {
        self.every
    }

    /// How many things are broken now.
    pub fn broken(&self) -> usize {
        self.repairs.len()
    }

    /// When the next thing happens.
    pub(super) fn wake_at(&self) -> Time {
        self.next
    }
}

/// A fault and its repair, in the words after `!fault`.
struct Choice {
    fault: String,
    repair: String,
}

impl Choice {
    fn of(fault: String, repair: &str) -> Choice {
        Choice { fault, repair: repair.into() }
    }

    fn pair(one: &str, other: &str, what: &str) -> Choice {
        Choice { fault: format!("{one} {what}"), repair: format!("{other} {what}") }
    }
}

impl Cluster {
    /// The invariants as they were found while chaos reigned last.
    pub fn watched(&self) -> Option<&Watched> {
        self.watched.as_deref()
    }

    /// Something has happened under chaos.
    pub(super) fn watch_invariants(&mut self) {
        let mut watched = self.watched.take().unwrap_or_default();
        watched.look(self);
        self.watched = Some(watched);
    }

    /// The chaos that reigns, if it does.
    pub fn chaos(&self) -> Option<&Chaos> {
        self.chaos.as_ref()
    }

    /// Begins with chaos, with so much time between two faults or repairs; or ends it and repairs what it broke.
    pub(super) fn set_chaos(&mut self, every: Option<Span>) {
        let repairs = self.chaos.take().map(|chaos| chaos.repairs).unwrap_or_default();
        if let Some(every) = every {
            self.watched = None;
            let rng = Rng::stream(self.scenario.seed.wrapping_add(self.events), "chaos");
            self.chaos = Some(Chaos { every, next: self.now + every, rng, repairs });
        } else {
            repairs.iter().for_each(|words| self.strike(words));
        }
        self.rearm(Actor::Chaos);
    }

    /// Breaks something, or repairs what was broken first.
    pub(super) fn chaos_strikes(&mut self) {
        let choices = self.choices();
        let now = self.now;
        let Some(chaos) = &mut self.chaos else { return };
        chaos.next = now + Span(chaos.every.0 / 2 + chaos.rng.below(chaos.every.0.max(1)));
        let repairs = chaos.repairs.len() >= MOST_BROKEN || !chaos.repairs.is_empty() && chaos.rng.below(2) == 0;
        let words = if repairs {
            chaos.repairs.pop_front()
        } else {
            let choice = chaos.rng.pick(&choices);
            choice.map(|choice| {
                chaos.repairs.push_back(choice.repair.clone());
                choice.fault.clone()
            })
        };
        if let Some(words) = words {
            self.strike(&words);
        }
    }

    /// A fault in its words, as a learner would inject it. What cannot be broken just now stays as it is.
    fn strike(&mut self, words: &str) {
        _ = self.fault(words);
    }

    /// What may be broken.
    fn choices(&self) -> Vec<Choice> {
        let mut choices = vec![Choice::of("loss 5%".into(), "loss 0%"), Choice::of("delay 300ms".into(), "delay 0s")];
        let has_several = self.masters.len() > 1;
        for host in &self.hosts {
            let name = &*host.name;
            let processes: &[&str] = if host.master && has_several {
                &["etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager"]
            } else {
                &["kubelet", "kube-proxy", "flanneld"]
            };
            for process in processes {
                choices.push(Choice::pair("crash", "start", &format!("{process} {name}")));
                choices.push(Choice::pair("pause", "resume", &format!("{process} {name}")));
            }
            if !host.master || has_several {
                choices.push(Choice::pair("crash node", "start node", name));
                choices.push(Choice::of(format!("partition {name}"), "heal"));
            }
        }
        if has_several {
            choices.push(Choice::pair("crash", "start", "load-balancer"));
            choices.push(Choice::of("one-way master1 to master2 master3".into(), "heal"));
            choices.push(Choice::of("slow-disk master2 200ms".into(), "heal"));
        }
        choices
    }
}
