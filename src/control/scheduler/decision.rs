//! What the scheduler decided, and on what grounds: kept for whoever asks why.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::{ObjectRef, Uid};
use crate::control::scheduler::cycle::{Found, Unfit};
use crate::control::scheduler::framework::Code;
use crate::control::scheduler::preemption::Nomination;
use crate::control::scheduler::snapshot::PodInfo;
use crate::sim::Time;

/// How many decisions are remembered.
const REMEMBERED: usize = 1_000;
/// Of how many nodes a decision tells the details; beyond, only of those at the top.
pub const DETAILED: usize = 200;

/// One decision about one pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    /// The pod.
    pub pod: ObjectRef,
    /// Its uid.
    pub uid: Uid,
    /// When.
    pub at: Time,
    /// Which attempt it was, from 1; 0 if it is none, but what would be.
    pub attempt: u32,
    /// How many nodes there were.
    pub all: u32,
    /// How many of them were looked at.
    pub evaluated: u32,
    /// How many of them would do.
    pub feasible: u32,
    /// The plugins that had something to filter: those that PreFilter did not leave out.
    pub filters: Vec<&'static str>,
    /// The plugin that rejected the pod before any node was looked at, with its words.
    pub refused: Option<(&'static str, String)>,
    /// What was found of each node that was looked at.
    pub nodes: Vec<NodeVerdict>,
    /// What came of it.
    pub outcome: Outcome,
    /// What came of preemption, where no node would do.
    pub preemption: Preemption,
}

impl Decision {
    /// The decision about a pod, among so many nodes; and what was chosen.
    pub fn of(pod: &PodInfo, attempt: u32, at: Time, all: usize, found: Found) -> (Decision, Result<Arc<str>, Unfit>) {
        let (outcome, preemption) = match &found.chosen {
            Ok(node) => (Outcome::Chosen(node.clone()), Preemption::Nothing),
            Err(unfit) => (Outcome::Unschedulable(unfit.message.clone()), Preemption::from(&unfit.nomination)),
        };
        let decision = Decision {
            pod: pod.key(),
            uid: pod.pod.metadata.uid.clone(),
            at,
            attempt,
            all: u32::try_from(all).unwrap_or(u32::MAX),
            evaluated: found.evaluated,
            feasible: found.feasible,
            filters: found.filters,
            refused: found.refused,
            nodes: found.nodes,
            outcome,
            preemption,
        };
        (decision, found.chosen)
    }
}

/// What came of preemption.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Preemption {
    /// A node would do, or nothing that could be changed was.
    Nothing,
    /// No node can be made to do: what was nominated before is no more.
    Hopeless,
    /// Room is made on a node.
    Room {
        /// The node.
        node: Arc<str>,
        /// The pods that must go.
        victims: Vec<ObjectRef>,
    },
}

impl From<&Nomination> for Preemption {
    fn from(nomination: &Nomination) -> Preemption {
        match nomination {
            Nomination::Unchanged => Preemption::Nothing,
            Nomination::Cleared => Preemption::Hopeless,
            Nomination::Node { node, victims } => {
                Preemption::Room { node: node.clone(), victims: victims.iter().map(|victim| victim.key()).collect() }
            }
        }
    }
}

/// What was found of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeVerdict {
    /// The node.
    pub node: Arc<str>,
    /// What was found.
    pub verdict: Verdict,
}

/// What was found of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A plugin rejected it.
    Rejected {
        /// The plugin.
        plugin: &'static str,
        /// Whether removing other pods could help.
        code: Code,
        /// Its words.
        reasons: Vec<Cow<'static, str>>,
    },
    /// It would do. A single feasible node is not scored.
    Feasible {
        /// The scores.
        scores: Vec<PluginScore>,
        /// Their sum.
        total: i64,
    },
}

/// What a plugin scored a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PluginScore {
    /// The plugin.
    pub plugin: &'static str,
    /// As the plugin scored it.
    pub raw: i64,
    /// Brought into 0..=100.
    pub normalised: i64,
    /// Times the plugin's weight.
    pub weighted: i64,
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The pod goes there.
    Chosen(Arc<str>),
    /// No node would do; the words are those of the event.
    Unschedulable(String),
}

/// The last decisions, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decisions(VecDeque<Arc<Decision>>);

impl Decisions {
    /// Remembers one.
    pub fn push(&mut self, decision: Decision) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(Arc::new(decision));
    }

    /// All that are remembered, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Decision>> {
        self.0.iter()
    }

    /// The last one about a pod.
    pub fn last_of(&self, pod: &ObjectRef) -> Option<&Arc<Decision>> {
        self.0.iter().rev().find(|decision| decision.pod == *pod)
    }
}
