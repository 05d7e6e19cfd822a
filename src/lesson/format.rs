//! The lesson file: front matter, an introduction, steps, a farewell.
//!
//! ````markdown
//! ---
//! title: Pods
//! summary: One sentence.
//! scenario: nodes=3 seed=7
//! ---
//! The introduction.
//! ```setup
//! kubectl create deployment web --image=nginx
//! !wait 5s
//! ```
//!
//! ## A step
//! Prose, with commands in `sh` fences and manifests in `yaml` fences.
//! ```check
//! pods web where ready -- The pod web is not ready yet.
//! ```
//! ```hint
//! Prose.
//! ```
//! ```solution
//! kubectl run web --image=nginx
//! ```
//! ```solution
//! kubectl create -f another-right-way.yaml
//! ```
//! ```nearmiss
//! kubectl run wbe --image=nginx
//! ```
//! ```quiz
//! Who chooses the node?
//! - the scheduler :: scheduler pod web chooses worker1
//! - nobody :: pods web where no .spec.nodeName
//! ```
//!
//! ## What comes last has no check: the farewell
//! ````
//!
//! A step has checks and a solution; every further solution is another right way, every near-miss one that looks right and
//! leaves the step open. Those two are never shown: they hold the checks to account ([`crate::session::rehearsal`]). A quiz
//! ([`super::quiz`]) is answered before the step is done; what is right is decided when it is. The setup, if there is one, stands
//! in the introduction: lines of the scripted terminal that are run before the first step.
//!
//! A file may come from anybody, so what it may hold is bounded: [`MOST_BYTES`], [`MOST_STEPS`], [`MOST_CHECKS`].

use std::fmt;

use crate::lesson::check::Check;
use crate::lesson::facts::{Facts, Moment};
use crate::lesson::quiz::Quiz;
use crate::lesson::said::Said;
use crate::line;

/// The most bytes of a file.
pub const MOST_BYTES: usize = 256 << 10;
/// The most steps.
pub const MOST_STEPS: usize = 100;
/// The most checks of all steps together, those of quizzes included.
pub const MOST_CHECKS: usize = 400;
/// The words of the scripted terminal that a setup may use.
const SETUP_WORDS: [&str; 5] = ["wait", "at", "until", "fault", "expect-exit"];

/// A lesson in one language.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lesson {
    /// Its title.
    pub title: String,
    /// One sentence on what it shows.
    pub summary: String,
    /// The words after `!cluster`.
    pub scenario: String,
    /// What comes before the first step, in Markdown.
    pub intro: String,
    /// What is done to the cluster before the first step.
    pub setup: Option<Way>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// What is said when all are done, in Markdown.
    pub outro: String,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The line of its title.
    pub line: u32,
    /// Its title.
    pub title: String,
    /// What it says, in Markdown.
    pub prose: String,
    /// What must be true; never none.
    pub checks: Vec<Check>,
    /// What is to be predicted.
    pub quiz: Option<Quiz>,
    /// Hints, in Markdown.
    pub hints: Vec<String>,
    /// Ways to do it; the first, which is always there, is the one that is shown.
    pub solutions: Vec<Way>,
    /// Ways that look right and leave it undone.
    pub near_misses: Vec<Way>,
}

impl Step {
    /// The way that is shown.
    pub fn solution(&self) -> &Way {
        self.solutions.first().expect("a step without a solution is refused when it is read")
    }

    /// Whether all its checks hold, if it began at `since`.
    pub fn is_done(&self, facts: &dyn Facts, since: Moment) -> bool {
        self.checks.iter().all(|check| check.holds(facts, since))
    }
}

/// Terminal lines in one fence, each complete (with its here-document).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Way {
    /// The line on which the fence opens.
    pub line: u32,
    /// The commands, each with the line on which it begins.
    pub commands: Vec<(u32, String)>,
}

impl Way {
    /// The commands alone.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().map(|(_, command)| command.as_str())
    }

    /// Reads the lines of the terminal below a fence.
    fn parse(text: &str, fence: u32) -> Way {
        let commands = line::split(text).into_iter().map(|(n, line)| (fence + 1 + n, line)).collect();
        Way { line: fence, commands }
    }
}

/// A file is no lesson, or not a good one: where, from 1, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonError {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// What is wrong.
    pub what: Said,
}

impl LessonError {
    /// Something that is wrong with a line.
    pub fn at(line: u32, what: impl Into<Said>) -> LessonError {
        LessonError { line, column: 1, what: what.into() }
    }
}

impl From<LessonError> for Said {
    fn from(LessonError { line, column, what: Said { en, zh } }: LessonError) -> Said {
        Said::of(format!("{line}:{column}: {en}"), format!("{line}:{column}: {zh}"))
    }
}

impl fmt::Display for LessonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

/// A part of the file as it is being read.
#[derive(Default)]
pub(super) struct Section {
    pub(super) line: u32,
    pub(super) title: String,
    prose: String,
    setup: Option<Way>,
    pub(super) checks: Vec<Check>,
    /// The line of each check.
    pub(super) places: Vec<u32>,
    quiz: Option<Quiz>,
    hints: Vec<String>,
    solutions: Vec<Way>,
    near_misses: Vec<Way>,
}

impl Lesson {
    /// Reads a file.
    ///
    /// # Errors
    /// What is missing or not understood, with its place.
    pub fn parse(text: &str) -> Result<Lesson, LessonError> {
        if text.len() > MOST_BYTES {
            let most = MOST_BYTES >> 10;
            let what = Said::of(format!("a lesson has at most {most} KiB"), format!("课程最多 {most} KiB"));
            return Err(LessonError::at(1, what));
        }
        let mut lines = text.lines().zip(1_u32..);
        let [title, summary, scenario] = front_matter(&mut lines)?;
        let mut sections = Vec::new();
        read_sections(&mut lines, &mut sections)?;
        let Section { prose: intro, setup, .. } = sections.remove(0);
        let outro = match sections.last() {
            Some(last) if last.is_prose() => sections.pop().map(|s| s.prose).unwrap_or_default(),
            _ => String::new(),
        };
        within_bounds(&sections)?;
        let steps = sections.into_iter().map(Section::into_step).collect::<Result<Vec<Step>, LessonError>>()?;
        if title.is_empty() || steps.is_empty() {
            let what =
                ["a lesson has a title and at least one step with a check", "课程要有标题，并至少有一个带检查的步骤"];
            return Err(LessonError::at(1, what));
        }
        Ok(Lesson { title, summary, scenario, intro, setup, steps, outro })
    }
}

/// Whether there are no more steps and checks than a lesson may have.
fn within_bounds(sections: &[Section]) -> Result<(), LessonError> {
    let mut checks = 0;
    for (n, section) in sections.iter().enumerate() {
        checks += section.checks.len() + section.quiz.as_ref().map_or(0, |quiz| quiz.options.len());
        if n == MOST_STEPS {
            let what =
                Said::of(format!("a lesson has at most {MOST_STEPS} steps"), format!("课程最多 {MOST_STEPS} 个步骤"));
            return Err(LessonError::at(section.line, what));
        }
        if checks > MOST_CHECKS {
            let what = Said::of(
                format!("a lesson has at most {MOST_CHECKS} checks"),
                format!("课程最多 {MOST_CHECKS} 项检查"),
            );
            return Err(LessonError::at(section.line, what));
        }
    }
    Ok(())
}

/// Title, summary and scenario.
pub(super) fn front_matter<'t>(lines: &mut impl Iterator<Item = (&'t str, u32)>) -> Result<[String; 3], LessonError> {
    const KEYS: [&str; 3] = ["title", "summary", "scenario"];
    if lines.next().is_none_or(|(line, _)| line != "---") {
        return Err(LessonError::at(1, ["the front matter must begin with ---", "前言必须以 --- 开头"]));
    }
    let mut found = [const { String::new() }; 3];
    for (line, n) in lines {
        if line == "---" {
            return Ok(found);
        }
        let pair = line.split_once(':').and_then(|(key, value)| Some((KEYS.iter().position(|k| *k == key)?, value)));
        let Some((at, value)) = pair else {
            return Err(LessonError::at(n, none_of(line, "title:, summary:, scenario:")));
        };
        found[at] = value.trim().to_owned();
    }
    Err(LessonError::at(1, ["the front matter must end with ---", "前言必须以 --- 结尾"]))
}

/// Cuts the file at its second-level headings; the first section is what comes before them. What was read before a fault stays.
pub(super) fn read_sections<'t>(
    lines: &mut impl Iterator<Item = (&'t str, u32)>,
    all: &mut Vec<Section>,
) -> Result<(), LessonError> {
    all.push(Section::default());
    while let Some((line, n)) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            all.push(Section { line: n, title: title.trim().to_owned(), ..Section::default() });
            continue;
        }
        let is_intro = all.len() == 1;
        let section = all.last_mut().expect("there is always one");
        match line.strip_prefix("```") {
            None => push_line(&mut section.prose, line),
            Some(language) => {
                let body = fence(lines, n)?;
                if language.trim() == "setup" && !is_intro {
                    return Err(LessonError::at(n, ["a setup stands in the introduction", "setup 只能放在引言中"]));
                }
                section.fenced(language.trim(), line, &body, n)?;
            }
        }
    }
    Ok(())
}

/// The lines up to the closing fence.
fn fence<'t>(lines: &mut impl Iterator<Item = (&'t str, u32)>, opened: u32) -> Result<String, LessonError> {
    let mut body = String::new();
    for (line, _) in lines {
        if line == "```" {
            return Ok(body);
        }
        push_line(&mut body, line);
    }
    Err(LessonError::at(opened, ["this fence is never closed", "这个代码块没有结束"]))
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

impl Section {
    /// Whether there is nothing in it but what is read.
    pub(super) fn is_prose(&self) -> bool {
        self.checks.is_empty()
            && self.quiz.is_none()
            && self.hints.is_empty()
            && self.solutions.is_empty()
            && self.near_misses.is_empty()
    }

    fn fenced(&mut self, language: &str, opening: &str, body: &str, n: u32) -> Result<(), LessonError> {
        match language {
            "check" => {
                for (line, n) in body.lines().zip(n + 1..).filter(|(line, _)| !line.trim().is_empty()) {
                    let check = Check::parse(line);
                    self.checks.push(check.map_err(|e| LessonError { line: n, column: e.column, what: e.what })?);
                    self.places.push(n);
                }
            }
            "quiz" => {
                let quiz = Quiz::parse(body);
                let at = |line: u32, column, what| LessonError { line: n + 1 + line, column, what };
                self.quiz = Some(quiz.map_err(|(line, e)| at(line, e.column, e.what))?);
            }
            "setup" if self.setup.is_some() => {
                return Err(LessonError::at(n, ["there is one setup", "setup 只能有一个"]));
            }
            "setup" => self.setup = Some(setup(body, n)?),
            "hint" => self.hints.push(body.to_owned()),
            "solution" => self.solutions.push(Way::parse(body, n)),
            "nearmiss" => self.near_misses.push(Way::parse(body, n)),
            "" | "sh" | "yaml" | "text" => {
                push_line(&mut self.prose, opening);
                self.prose.push_str(body);
                push_line(&mut self.prose, "```");
            }
            other => {
                let what = none_of(other, "check, quiz, hint, solution, nearmiss, setup, sh, yaml, text");
                return Err(LessonError { line: n, column: 4, what });
            }
        }
        Ok(())
    }

    fn into_step(self) -> Result<Step, LessonError> {
        let ways = self.solutions.iter().chain(&self.near_misses);
        if let Some(empty) = ways.clone().find(|way| way.commands.is_empty()) {
            return Err(LessonError::at(empty.line, ["there is no command in this fence", "这个代码块里没有命令"]));
        }
        if self.checks.is_empty() || self.solutions.is_empty() {
            return Err(LessonError::at(
                self.line,
                ["a step needs a check and a solution", "每个步骤都需要一项检查和一个解法"],
            ));
        }
        Ok(Step {
            line: self.line,
            title: self.title,
            prose: self.prose,
            checks: self.checks,
            quiz: self.quiz,
            hints: self.hints,
            solutions: self.solutions,
            near_misses: self.near_misses,
        })
    }
}

/// A word that is not among those that may stand there.
fn none_of(word: &str, words: &str) -> Said {
    Said::of(format!("{word:?} is none of {words}"), format!("{word:?} 不在 {words} 之中"))
}

/// The lines of a setup.
fn setup(body: &str, fence: u32) -> Result<Way, LessonError> {
    let way = Way::parse(body, fence);
    for (line, command) in &way.commands {
        let word = command.strip_prefix('!').map(|words| words.split_whitespace().next().unwrap_or_default());
        if let Some(word) = word.filter(|word| !SETUP_WORDS.contains(word)) {
            let words = SETUP_WORDS.join(", !");
            let what = format!("!{word} is none of !{words} in a setup");
            return Err(LessonError::at(
                *line,
                Said::of(what, format!("!{word} 不能用在 setup 中，可用的是 !{words}")),
            ));
        }
    }
    Ok(way)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: &str = "---\ntitle: T\nsummary: S\nscenario: nodes=3\n---\nIntro.\n\n## One\nDo it.\n```sh\nkubectl x\n```\n\
        ```check\npods web -- No web.\n```\n```hint\nTry.\n```\n```solution\nkubectl apply -f - <<EOF\na: b\nEOF\nk y\n```\n\n## End\nBye.\n";

    #[test]
    fn a_lesson_has_an_introduction_steps_and_a_farewell() {
        let lesson = Lesson::parse(LESSON).expect("well-formed");
        assert_eq!((lesson.title.as_str(), lesson.scenario.as_str()), ("T", "nodes=3"));
        assert_eq!((lesson.intro.trim(), lesson.outro.trim()), ("Intro.", "Bye."));
        let step = &lesson.steps[0];
        assert_eq!(
            step.prose,
            "Do it.
```sh
kubectl x
```

"
        );
        assert_eq!(step.checks[0].missing, "No web.");
        assert_eq!(step.hints, ["Try.\n"]);
        let commands: Vec<(u32, String)> = step.solution().commands.clone();
        assert_eq!(commands, [(20, "kubectl apply -f - <<EOF\na: b\nEOF".to_owned()), (23, "k y".to_owned())]);
    }

    #[test]
    fn a_lesson_may_begin_with_something_done() {
        let lesson =
            Lesson::parse(&LESSON.replace("Intro.", "Intro.\n```setup\nk x\n!wait 5s\n```")).expect("well-formed");
        let setup = lesson.setup.expect("it has one");
        assert_eq!(setup.words().collect::<Vec<_>>(), ["k x", "!wait 5s"]);
        assert_eq!(lesson.intro.trim(), "Intro.", "it is not shown");
    }

    #[test]
    fn a_lesson_of_anybody_is_bounded() {
        let step = "## S\n```check\npods\n```\n```solution\nk\n```\n";
        let head = "---\ntitle: T\n---\n";
        let of = |middle: String| Lesson::parse(&format!("{head}{middle}")).map_err(|error| error.what.en);
        assert!(of(step.repeat(MOST_STEPS)).is_ok());
        assert_eq!(of(step.repeat(MOST_STEPS + 1)), Err("a lesson has at most 100 steps".into()));
        let checks = "pods\n".repeat(MOST_CHECKS + 1);
        assert_eq!(of(step.replace("pods\n", &checks)), Err("a lesson has at most 400 checks".into()));
        assert_eq!(of(" ".repeat(MOST_BYTES)), Err("a lesson has at most 256 KiB".into()));
    }

    #[test]
    fn a_broken_lesson_says_where() {
        for (from, to, place, what) in [
            ("pods web --", "pods web b --", (14, 10), "\"b\" was not expected here"),
            ("---\ntitle", "+++\ntitle", (1, 1), "the front matter must begin with ---"),
            ("summary: S", "summery: S", (3, 1), "\"summery: S\" is none of title:, summary:, scenario:"),
            (
                "```hint\nTry.\n```\n```solution",
                "```hint\nTry.\n```\n```dissolution",
                (19, 4),
                "\"dissolution\" is none of check, quiz, hint, solution, nearmiss, setup, sh, yaml, text",
            ),
            ("```solution\nk", "```nearmiss\nk", (8, 1), "a step needs a check and a solution"),
            ("```check\npods web -- No web.\n```\n", "", (8, 1), "a step needs a check and a solution"),
            ("Do it.", "```setup\nk\n```", (9, 1), "a setup stands in the introduction"),
            (
                "Intro.",
                "```setup\n!capture save /etc/passwd\n```",
                (7, 1),
                "!capture is none of !wait, !at, !until, !fault, !expect-exit in a setup",
            ),
            ("Intro.", "```setup\nk\n```\n```setup\nk\n```", (9, 1), "there is one setup"),
        ] {
            let error = Lesson::parse(&LESSON.replace(from, to)).expect_err("it is broken");
            assert_eq!(((error.line, error.column), error.what.en.as_str()), (place, what));
        }
    }
}
