//! Where a learner is in a lesson.

use crate::lesson::check::Facts;
use crate::lesson::format::Lesson;

/// The state of one lesson. A step that was met once stays met: the cluster may move on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The step that is to be done; the number of steps when all are done.
    pub at: u16,
    /// Hints shown of the current step.
    pub hints: u16,
    /// Whether the solution of the current step is shown.
    pub solution: bool,
}

impl Progress {
    /// Goes on for as long as the current step's checks hold; whether it went on.
    pub fn advance(&mut self, lesson: &Lesson, facts: &dyn Facts) -> bool {
        let before = self.at;
        while let Some(step) = lesson.steps.get(usize::from(self.at)) {
            if !step.checks.iter().all(|check| check.holds(facts)) {
                break;
            }
            *self = Progress { at: self.at + 1, ..Progress::default() };
        }
        self.at != before
    }

    /// What is missing in the current step, in the lesson's words.
    pub fn missing<'l>(&self, lesson: &'l Lesson, facts: &dyn Facts) -> Vec<&'l str> {
        let Some(step) = lesson.steps.get(usize::from(self.at)) else { return Vec::new() };
        step.checks.iter().filter(|check| !check.holds(facts)).map(|check| check.missing.as_str()).collect()
    }

    /// Shows one more hint, if there is one.
    pub fn hint(&mut self, lesson: &Lesson) {
        let most = lesson.steps.get(usize::from(self.at)).map_or(0, |step| step.hints.len());
        self.hints = u16::try_from(most).unwrap_or(u16::MAX).min(self.hints + 1);
    }
}
