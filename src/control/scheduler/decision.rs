//! What the scheduler decided, and on what grounds: kept for whoever asks why.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::{ObjectRef, Uid};
use crate::control::scheduler::framework::Code;
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
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// How many nodes there were.
    pub all: u32,
    /// How many of them were looked at.
    pub evaluated: u32,
    /// How many of them would do.
    pub feasible: u32,
    /// What was found of each node that was looked at.
    pub nodes: Vec<NodeVerdict>,
    /// What came of it.
    pub outcome: Outcome,
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
