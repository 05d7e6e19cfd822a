//! Where a learner is in a lesson.

use crate::lesson::facts::{Facts, Moment};
use crate::lesson::format::{Lesson, Step};
use crate::sim::VecMap;

/// The state of one lesson. A step that was met once stays met: the cluster may move on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The step that is to be done; the number of steps when all are done.
    pub at: u16,
    /// Since when.
    pub began: Moment,
    /// Hints shown of the current step.
    pub hints: u16,
    /// Whether the solution of the current step is shown.
    pub solution: bool,
    /// What was answered to the questions of the steps.
    pub answers: VecMap<u16, u16>,
    /// How many commands each step took that was done.
    pub strokes: VecMap<u16, u16>,
    /// What the simulation answered.
    pub right: VecMap<u16, u16>,
}

impl Progress {
    /// Begins a step.
    pub fn begin(&mut self, at: u16, now: Moment) {
        (self.at, self.began, self.hints, self.solution) = (at, now, 0, false);
    }

    fn step<'l>(&self, lesson: &'l Lesson) -> Option<&'l Step> {
        lesson.steps.get(usize::from(self.at))
    }

    /// Goes on for as long as the current step's checks hold, which took so many commands; whether it went on.
    pub fn advance(&mut self, lesson: &Lesson, facts: &dyn Facts, strokes: u16) -> bool {
        let before = self.at;
        while let Some(step) = self.step(lesson) {
            if !step.is_done(facts, self.began) {
                break;
            }
            if let Some(right) = step.quiz.as_ref().and_then(|quiz| quiz.right(facts, self.began)) {
                self.right.insert(self.at, right);
            }
            self.strokes.insert(self.at, if self.at == before { strokes } else { 0 });
            self.begin(self.at + 1, facts.now());
        }
        self.at != before
    }

    /// What is missing in the current step, in the lesson's words.
    pub fn missing<'l>(&self, lesson: &'l Lesson, facts: &dyn Facts) -> Vec<&'l str> {
        let Some(step) = self.step(lesson) else { return Vec::new() };
        let open = step.checks.iter().filter(|check| !check.holds(facts, self.began));
        open.map(|check| check.missing.as_str()).collect()
    }

    /// Whether the time of the current step is over, so that it has to be begun again.
    pub fn is_too_late(&self, lesson: &Lesson, facts: &dyn Facts) -> bool {
        self.step(lesson).is_some_and(|step| step.checks.iter().any(|check| check.is_too_late(facts, self.began)))
    }

    /// Takes an answer to the current step's question; the first one counts.
    pub fn answer(&mut self, lesson: &Lesson, option: u16) {
        let options = self.step(lesson).and_then(|step| step.quiz.as_ref()).map_or(0, |quiz| quiz.options.len());
        if usize::from(option) < options {
            self.answers.entry(self.at).or_insert(option);
        }
    }

    /// Shows one more hint, if there is one.
    pub fn hint(&mut self, lesson: &Lesson) {
        let most = self.step(lesson).map_or(0, |step| step.hints.len());
        self.hints = u16::try_from(most).unwrap_or(u16::MAX).min(self.hints + 1);
    }
}
