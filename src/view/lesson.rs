//! Lessons as the page shows them, in the language that was asked for.

use serde::{Deserialize, Serialize};

use crate::view::Block;

/// A lesson in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonTitle {
    /// Its name in files and links: `pods`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// One sentence on what it shows.
    pub summary: String,
    /// How many steps it has.
    pub steps: u16,
    /// How many of them are done.
    pub done: u16,
}

/// The lesson that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonView {
    /// Its name.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What comes before the first step.
    pub intro: Vec<Block>,
    /// Its steps.
    pub steps: Vec<StepView>,
    /// The index of the step that is to be done; equal to the number of steps when all are done.
    pub at: u16,
    /// What is said when all are done.
    pub outro: Vec<Block>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// Its title.
    pub title: String,
    /// What it says; commands in it can be run with one click.
    pub prose: Vec<Block>,
    /// Whether its goal is met.
    pub state: CheckState,
    /// What is still missing, in the lesson's words; empty when met.
    pub missing: Vec<String>,
    /// Hints that were asked for so far.
    pub hints: Vec<Vec<Block>>,
    /// How many more hints there are.
    pub more_hints: u16,
    /// The solution, once asked for.
    pub solution: Option<Vec<Block>>,
}

/// Whether the goal of a step is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CheckState {
    /// Not yet reached.
    Locked,
    /// Its turn, not met.
    Open,
    /// Met.
    Met,
}
