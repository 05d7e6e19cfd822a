//! A lesson that is being written: what can be read of it so far, and what is put into its text.
//!
//! The text is the writer's: whatever is put in goes between their lines and changes none of them.

use crate::lesson::check::Check;
use crate::lesson::format::{MOST_BYTES, front_matter, read_sections};

/// What can be read of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Draft {
    /// Its steps, without the farewell.
    pub steps: Vec<DraftStep>,
}

/// A step of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DraftStep {
    /// The line of its title, from 1.
    pub line: u32,
    /// Its title.
    pub title: String,
    /// Its checks, each with its line.
    pub checks: Vec<(u32, Check)>,
}

impl Draft {
    /// Reads as much of a text as can be read.
    pub fn read(text: &str) -> Draft {
        let mut lines = text.lines().zip(1_u32..);
        let mut sections = Vec::new();
        if text.len() > MOST_BYTES || front_matter(&mut lines).is_err() {
            return Draft::default();
        }
        // What stands before the first fault is there nevertheless.
        read_sections(&mut lines, &mut sections).ok();
        if sections.len() > 2 && sections.last().is_some_and(|last| last.is_prose()) {
            sections.pop();
        }
        let step = |section: super::format::Section| DraftStep {
            line: section.line,
            title: section.title,
            checks: section.places.into_iter().zip(section.checks).collect(),
        };
        Draft { steps: sections.into_iter().skip(1).map(step).collect() }
    }
}

/// A fence: its language, and the lines on which it opens and closes, from 0.
struct Fence<'t> {
    language: &'t str,
    opens: usize,
    closes: usize,
}

/// A part under a heading; the first is what comes before them.
struct Part<'t> {
    from: usize,
    to: usize,
    fences: Vec<Fence<'t>>,
}

/// The fences that make a step of a part, in the order in which they stand.
const ORDER: [&str; 5] = ["check", "quiz", "hint", "solution", "nearmiss"];

impl Part<'_> {
    fn is_step(&self) -> bool {
        self.fences.iter().any(|fence| ORDER.contains(&fence.language))
    }

    fn fence(&self, language: &str) -> Option<&Fence<'_>> {
        self.fences.iter().find(|fence| fence.language == language)
    }
}

/// Where the parts of a text are.
fn parts<'t>(lines: &[&'t str]) -> Vec<Part<'t>> {
    let mut parts = vec![Part { from: 0, to: lines.len(), fences: Vec::new() }];
    let mut at = 0;
    while at < lines.len() {
        let part = parts.last_mut().expect("there is always one");
        if let Some(language) = lines[at].strip_prefix("```") {
            let length = lines[at + 1..].iter().position(|line| *line == "```");
            let closes = length.map_or(lines.len(), |length| at + 1 + length);
            part.fences.push(Fence { language: language.trim(), opens: at, closes });
            at = closes;
        } else if lines[at].starts_with("## ") {
            part.to = at;
            parts.push(Part { from: at, to: lines.len(), fences: Vec::new() });
        }
        at += 1;
    }
    parts
}

/// The number of the part that a line (from 1) belongs to.
fn part_at(parts: &[Part<'_>], line: u32) -> usize {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    parts.iter().rposition(|part| part.from < line).unwrap_or(0)
}

/// The step that is meant by a line (from 1), from 0: the first for the introduction, the last for the farewell.
pub fn step_at(text: &str, line: u32) -> Option<u16> {
    let lines: Vec<&str> = text.lines().collect();
    let parts = parts(&lines);
    let last = parts.len() - 1;
    let at = match part_at(&parts, line) {
        0 => 1,
        at if at == last && at > 1 && !parts[at].is_step() => at - 1,
        at => at,
    };
    (at <= last).then(|| u16::try_from(at - 1).unwrap_or(u16::MAX))
}

/// Puts a step behind the one that a line (from 1) belongs to, and before the farewell.
pub fn add_step(text: &str, line: u32, step: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let parts = parts(&lines);
    let at = part_at(&parts, line);
    let is_farewell = at > 0 && at == parts.len() - 1 && !parts[at].is_step();
    let before = if is_farewell { parts[at].from } else { parts[at].to };
    let gap = if before > 0 && !lines[before - 1].trim().is_empty() { "\n" } else { "" };
    insert(&lines, before, &format!("{gap}{step}\n"))
}

/// Puts lines into the first fence of a language in a step (from 0); into a new one that holds `fresh` if there is none.
pub fn add_lines(text: &str, step: u16, language: &str, more: &str, fresh: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let parts = parts(&lines);
    let Some(part) = parts.get(usize::from(step) + 1) else { return text.to_owned() };
    match part.fence(language) {
        Some(fence) => insert(&lines, fence.closes, more),
        None => add_fence(&lines, part, language, fresh),
    }
}

/// Puts a new fence into a step (from 0).
pub fn add(text: &str, step: u16, language: &str, body: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let parts = parts(&lines);
    match parts.get(usize::from(step) + 1) {
        Some(part) => add_fence(&lines, part, language, body),
        None => text.to_owned(),
    }
}

/// Behind the last fence that stands before or beside it by [`ORDER`], else before the first that stands behind it.
fn add_fence(lines: &[&str], part: &Part<'_>, language: &str, body: &str) -> String {
    let rank = |language: &str| ORDER.iter().position(|known| *known == language);
    let mine = rank(language);
    let before = part.fences.iter().rfind(|fence| rank(fence.language).is_some_and(|rank| Some(rank) <= mine));
    let behind = part.fences.iter().find(|fence| rank(fence.language) > mine);
    let written = (part.from..part.to).rfind(|at| !lines[*at].trim().is_empty()).map_or(part.to, |at| at + 1);
    let at = match (before, behind) {
        (Some(fence), _) => fence.closes + 1,
        (None, Some(fence)) => fence.opens,
        (None, None) => written,
    };
    insert(lines, at.min(lines.len()), &format!("```{language}\n{body}```\n"))
}

/// The text with something, which ends its line, before a line.
fn insert(lines: &[&str], at: usize, what: &str) -> String {
    let whole = |lines: &[&str]| -> String { lines.iter().map(|line| format!("{line}\n")).collect() };
    let (before, after) = lines.split_at(at.min(lines.len()));
    format!("{}{what}{}", whole(before), whole(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "---\ntitle: T\n---\nIntro.\n\n## One\nDo.\n```check\npods\n```\n\n## Two\nDo.\n\n## End\nBye.\n";

    #[test]
    fn what_can_be_read_is_read() {
        let read = |text: &str| -> Vec<(u32, String, Vec<u32>)> {
            let steps = Draft::read(text).steps.into_iter();
            steps.map(|step| (step.line, step.title, step.checks.iter().map(|(line, _)| *line).collect())).collect()
        };
        let both = vec![(6, "One".to_owned(), vec![9]), (12, "Two".to_owned(), vec![])];
        assert_eq!(read(TEXT), both, "without a solution too");
        assert_eq!(read(&TEXT.replace("pods\n", "pods\npots\n"))[0].2, [9], "up to the fault");
        assert_eq!(read("no lesson"), []);
    }

    #[test]
    fn a_line_means_a_step() {
        for (line, step) in [(1, 0), (4, 0), (6, 0), (9, 0), (11, 0), (12, 1), (14, 1), (15, 1), (99, 1)] {
            assert_eq!(step_at(TEXT, line), Some(step), "{line}");
        }
        assert_eq!(step_at("---\n---\nIntro.\n", 3), None);
        assert_eq!(step_at("```\n## no heading\n", 2), None, "in a fence");
    }

    #[test]
    fn what_is_put_in_stands_where_it_belongs_and_changes_nothing_else() {
        for (given, expected) in [
            (add_lines(TEXT, 0, "check", "nodes\n", "x\n"), TEXT.replace("pods\n", "pods\nnodes\n")),
            (
                add_lines(TEXT, 0, "solution", "k\n", "k\n"),
                TEXT.replace("pods\n```\n", "pods\n```\n```solution\nk\n```\n"),
            ),
            (
                add_lines(TEXT, 1, "check", "x\n", "pods\n"),
                TEXT.replace("Do.\n\n## End", "Do.\n```check\npods\n```\n\n## End"),
            ),
            (add(TEXT, 0, "hint", "Try.\n"), TEXT.replace("pods\n```\n", "pods\n```\n```hint\nTry.\n```\n")),
            (add_lines(TEXT, 7, "check", "x\n", "y\n"), TEXT.to_owned()),
            (add_step(TEXT, 7, "## New\n"), TEXT.replace("## Two", "## New\n\n## Two")),
            (add_step(TEXT, 16, "## New\n"), TEXT.replace("## End", "## New\n\n## End")),
            (add_step("---\n---\nIntro.", 1, "## New\n"), "---\n---\nIntro.\n\n## New\n\n".to_owned()),
        ] {
            assert_eq!(given, expected);
        }
        let before = TEXT.replace("```check\npods", "```hint\nTry");
        let expected = TEXT.replace("```check\npods\n```\n", "```check\npods\n```\n```hint\nTry\n```\n");
        assert_eq!(add(&before, 0, "check", "pods\n"), expected, "a check stands before a hint");
    }
}
