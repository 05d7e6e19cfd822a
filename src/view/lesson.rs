//! Lessons as the page shows them, in the language that was asked for.

use serde::{Deserialize, Serialize};

use crate::view::{Block, Part, Said};

/// A lesson in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonTitle {
    /// Its name in files and links: `pods`.
    pub id: String,
    /// What it belongs to.
    pub part: Part,
    /// Its title.
    pub title: String,
    /// One sentence on what it shows.
    pub summary: String,
    /// How many steps it has.
    pub steps: u16,
    /// How many of them are done.
    pub done: u16,
}

/// A scene in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneTitle {
    /// Its name in files and addresses: `guestbook`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub shows: String,
}

/// The lesson that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonView {
    /// Its name.
    pub id: String,
    /// Whether it came with the page; otherwise somebody wrote and shared it.
    pub ours: bool,
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
    /// What is to be predicted.
    pub quiz: Option<QuizView>,
    /// The fewest commands that do it.
    pub par: u16,
    /// How many commands it took so far, or in the end.
    pub strokes: Option<u16>,
    /// Whether its time is over, so that it has to be begun again.
    pub too_late: bool,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuizView {
    /// What is asked.
    pub question: String,
    /// The answers.
    pub options: Vec<String>,
    /// The learner's.
    pub chosen: Option<u16>,
    /// The right one, once the simulation has shown it.
    pub right: Option<u16>,
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

/// What is known of a lesson that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkshopView {
    /// Its first fault: line and column from 1, and what is wrong.
    pub fault: Option<(u32, u32, Said)>,
    /// Its steps, as far as they can be read.
    pub steps: Vec<DraftStep>,
    /// The step whose solution is being recorded.
    pub recording: Option<u16>,
}

/// A step of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DraftStep {
    /// The line of its title.
    pub line: u32,
    /// Its title.
    pub title: String,
    /// Its checks.
    pub checks: Vec<DraftCheck>,
}

/// A check of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DraftCheck {
    /// Its line.
    pub line: u32,
    /// What it claims: `pods web where ready`.
    pub claim: String,
    /// Whether that is true now.
    pub holds: bool,
    /// What is missing if it is not.
    pub missing: String,
}
