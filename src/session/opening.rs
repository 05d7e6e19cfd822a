//! How a lesson begins: the cluster of its scenario, and what its setup does to it.

use crate::cluster::scenario::parse_span;
use crate::cluster::{Scenario, ScenarioError};
use crate::kubectl::NoFiles;
use crate::lesson::{Lesson, LessonError, Said};
use crate::session::script::Answer;
use crate::session::{Script, World};
use crate::sim::Span;

/// The most virtual time that a setup may take.
const MOST_TIME: Span = Span::mins(24 * 60);

/// Reads a lesson and the words of its scenario.
///
/// # Errors
/// What is missing or not understood, with its place.
pub fn read(text: &str) -> Result<(Lesson, Scenario), LessonError> {
    let lesson = Lesson::parse(text)?;
    let scenario = lesson.scenario.parse().map_err(|error: ScenarioError| {
        let line = text.lines().zip(1..).find(|(line, _)| line.starts_with("scenario:")).map_or(1, |(_, n)| n);
        LessonError::at(line, Said::of(error.to_string(), error.in_chinese()))
    })?;
    Ok((lesson, scenario))
}

/// The world in which the lesson of a text begins.
///
/// # Errors
/// As of [`read`] and [`begin`].
pub fn world(text: &str) -> Result<World, LessonError> {
    let (lesson, scenario) = read(text)?;
    begin(&lesson, scenario)
}

/// The world in which a lesson begins.
///
/// # Errors
/// A line of the setup that fails or takes too long, with its place.
pub fn begin(lesson: &Lesson, scenario: Scenario) -> Result<World, LessonError> {
    let world = World::boot(scenario);
    let Some(setup) = &lesson.setup else { return Ok(world) };
    let mut script = Script::on(world, &NoFiles);
    for (line, command) in &setup.commands {
        let answer = if is_too_long(command) { None } else { Some(script.run(command)) };
        let Some(answer) = answer.filter(|_| script.now() <= MOST_TIME) else {
            return Err(LessonError::at(*line, ["a setup takes at most 24 hours", "setup 最多用 24 小时"]));
        };
        if answer.rc != 0 {
            return Err(LessonError::at(*line, failed(&answer)));
        }
    }
    Ok(script.into_world())
}

/// What a line that failed said last.
pub(super) fn failed(answer: &Answer) -> Said {
    let said = format!("{}{}", answer.stdout, answer.stderr);
    let said = said.trim().lines().last().unwrap_or_default();
    Said::of(format!("exit code {}: {said}", answer.rc), format!("退出码 {}：{said}", answer.rc))
}

/// Whether a line asks for more time than there is, so that it need not be tried.
fn is_too_long(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().take(2).collect();
    matches!(words.as_slice(), ["!wait" | "!at" | "!until", span] if parse_span(span).is_some_and(|span| span > MOST_TIME))
}
