//! What the scheduler decides and on what grounds: its queue, its last decisions, and one of them in full.
//!
//! Plugins, reasons and extension points are upstream's words and travel as they are.

use serde::{Deserialize, Serialize};

use crate::sim::Time;
use crate::view::ObjectRef;

/// The scheduler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerView {
    /// Pods that wait for a node, by where they wait, then by name.
    pub queue: Vec<QueuedView>,
    /// The last decisions, newest first.
    pub decisions: Vec<DecisionLine>,
    /// How many older ones are remembered beside them.
    pub more: u32,
    /// The wanted decision; `None` if nothing was decided about the pod or that is forgotten.
    pub shown: Option<Box<DecisionView>>,
    /// What would be decided, if that is asked.
    pub what_if: Option<WhatIfView>,
}

/// What would be decided if something were different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhatIfView {
    /// This.
    Decision(Box<DecisionView>),
    /// It cannot be told: what is wrong with the question, and where.
    Problem(String),
}

/// A pod that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedView {
    /// The pod.
    pub pod: ObjectRef,
    /// Its priority.
    pub priority: i32,
    /// Where it waits.
    pub place: QueuePlace,
    /// How often it was tried.
    pub attempts: u32,
    /// The plugins that rejected it last: an event that may please one of them lets it try again.
    pub rejected_by: Vec<String>,
}

/// Where a pod waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum QueuePlace {
    /// To be tried next.
    Active,
    /// To be tried when its back-off is over, at that time.
    Backoff(Time),
    /// To be tried when something happens that may help; since when.
    Unschedulable(Time),
    /// Kept out by its scheduling gates; since when.
    Gated(Time),
}

/// A decision in one line. Its time tells it from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionLine {
    /// When.
    pub at: Time,
    /// The pod.
    pub pod: ObjectRef,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// The chosen node, if there was one.
    pub node: Option<String>,
}

/// A decision in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionView {
    /// What its line says.
    pub line: DecisionLine,
    /// How many nodes there were.
    pub all: u32,
    /// How many of them were looked at: in a large cluster a search ends when it has found enough.
    pub evaluated: u32,
    /// How many would do.
    pub feasible: u32,
    /// What happened at each extension point, in upstream's order.
    pub points: Vec<PointView>,
    /// The plugins that scored, with their weights: the columns of the scores.
    pub scorers: Vec<(String, i64)>,
    /// The nodes: those that would do first, the best before the others.
    pub nodes: Vec<NodeVerdictView>,
    /// Why there is no node, in the words of the event; empty if there is one.
    pub message: String,
    /// What preemption did.
    pub preemption: PreemptionView,
}

/// An extension point of the framework.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointView {
    /// `PreFilter`.
    pub name: String,
    /// Whether the cycle came here.
    pub reached: bool,
    /// Its plugins, and what each did.
    pub plugins: Vec<(String, PluginDid)>,
}

/// What a plugin did at an extension point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PluginDid {
    /// It had its say.
    Ran,
    /// It had nothing to say about this pod.
    Skipped,
    /// It rejected the pod or some nodes: how many.
    Rejected(u32),
}

/// What was found of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeVerdictView {
    /// The node.
    pub node: String,
    /// What was found.
    pub verdict: VerdictView,
}

/// What was found of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerdictView {
    /// It would do.
    Feasible {
        /// The scores, in the order of the columns; empty where it was the only one.
        scores: Vec<ScoreView>,
        /// Their sum.
        total: i64,
    },
    /// A plugin rejected it.
    Rejected {
        /// The plugin.
        plugin: String,
        /// Its words.
        reasons: Vec<String>,
        /// Whether removing other pods could help.
        preemptible: bool,
    },
}

/// What a plugin gave a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreView {
    /// As the plugin scored it.
    pub raw: i64,
    /// Brought into 0 to 100.
    pub normalised: i64,
    /// Times the weight.
    pub weighted: i64,
}

/// What preemption did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreemptionView {
    /// It was not needed, or changed nothing.
    #[default]
    Nothing,
    /// No node can be made to do.
    Hopeless,
    /// Room is made on a node.
    Room {
        /// The node, which is nominated.
        node: String,
        /// The pods that must go.
        victims: Vec<ObjectRef>,
    },
}
