//! The lesson file: front matter, an introduction, steps, a farewell.
//!
//! ````markdown
//! ---
//! title: Pods
//! summary: One sentence.
//! scenario: nodes=3 seed=7
//! ---
//! The introduction.
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
//!
//! ## What comes last has no check: the farewell
//! ````

use std::fmt;

use crate::lesson::check::Check;

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
    /// Its steps.
    pub steps: Vec<Step>,
    /// What is said when all are done, in Markdown.
    pub outro: String,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Its title.
    pub title: String,
    /// What it says, in Markdown.
    pub prose: String,
    /// What must be true; never none.
    pub checks: Vec<Check>,
    /// Hints, in Markdown.
    pub hints: Vec<String>,
    /// Terminal lines that do it, each complete (with its here-document).
    pub solution: Vec<String>,
}

/// A file is no lesson: the line, from 1, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonError {
    /// The line.
    pub line: u32,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for LessonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// A part of the file as it is being read.
#[derive(Default)]
struct Section {
    line: u32,
    title: String,
    prose: String,
    checks: Vec<Check>,
    hints: Vec<String>,
    solution: Vec<String>,
}

impl Lesson {
    /// Reads a file.
    ///
    /// # Errors
    /// What is missing or not understood, with its line.
    pub fn parse(text: &str) -> Result<Lesson, LessonError> {
        let mut lines = text.lines().zip(1_u32..).peekable();
        let (mut title, mut summary, mut scenario) = (String::new(), String::new(), String::new());
        if lines.next().is_none_or(|(line, _)| line != "---") {
            return Err(LessonError { line: 1, what: "the front matter must begin with ---".into() });
        }
        loop {
            let Some((line, n)) = lines.next() else {
                return Err(LessonError { line: 1, what: "the front matter must end with ---".into() });
            };
            match line.split_once(':').map(|(key, value)| (key, value.trim().to_owned())) {
                _ if line == "---" => break,
                Some(("title", value)) => title = value,
                Some(("summary", value)) => summary = value,
                Some(("scenario", value)) => scenario = value,
                _ => {
                    return Err(LessonError {
                        line: n,
                        what: format!("{line:?} is none of title:, summary:, scenario:"),
                    });
                }
            }
        }
        let mut sections = sections(&mut lines)?;
        let intro = sections.remove(0).prose;
        let outro = match sections.last() {
            Some(last) if last.checks.is_empty() => sections.pop().map(|s| s.prose).unwrap_or_default(),
            _ => String::new(),
        };
        let steps = sections.into_iter().map(Section::into_step).collect::<Result<Vec<Step>, LessonError>>()?;
        if title.is_empty() || steps.is_empty() {
            return Err(LessonError {
                line: 1,
                what: "a lesson has a title and at least one step with a check".into(),
            });
        }
        Ok(Lesson { title, summary, scenario, intro, steps, outro })
    }
}

/// Cuts the file at its second-level headings; the first section is what comes before them.
fn sections<'t>(lines: &mut impl Iterator<Item = (&'t str, u32)>) -> Result<Vec<Section>, LessonError> {
    let mut all = vec![Section::default()];
    while let Some((line, n)) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            all.push(Section { line: n, title: title.trim().to_owned(), ..Section::default() });
            continue;
        }
        let section = all.last_mut().expect("there is always one");
        match line.strip_prefix("```") {
            None => push_line(&mut section.prose, line),
            Some(language) => {
                let body = fence(lines, n)?;
                section.fenced(language.trim(), line, body, n)?;
            }
        }
    }
    Ok(all)
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
    Err(LessonError { line: opened, what: "this fence is never closed".into() })
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

impl Section {
    fn fenced(&mut self, language: &str, opening: &str, body: String, n: u32) -> Result<(), LessonError> {
        match language {
            "check" => {
                for (line, n) in body.lines().zip(n + 1..).filter(|(line, _)| !line.trim().is_empty()) {
                    self.checks.push(Check::parse(line).map_err(|e| LessonError { line: n, what: e.to_string() })?);
                }
            }
            "hint" => self.hints.push(body),
            "solution" => self.solution = commands(&body),
            _ => {
                push_line(&mut self.prose, opening);
                self.prose.push_str(&body);
                push_line(&mut self.prose, "```");
            }
        }
        Ok(())
    }

    fn into_step(self) -> Result<Step, LessonError> {
        if self.checks.is_empty() || self.solution.is_empty() {
            return Err(LessonError { line: self.line, what: "a step needs a check and a solution".into() });
        }
        Ok(Step {
            title: self.title,
            prose: self.prose,
            checks: self.checks,
            hints: self.hints,
            solution: self.solution,
        })
    }
}

/// Cuts a text into terminal lines; a here-document belongs to its line.
pub fn commands(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut open = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        push_line(&mut open, line);
        let ends = match open.lines().next().and_then(|first| first.split_once("<<")) {
            None => !open.trim_end().ends_with('\\'),
            Some((_, word)) => line.trim() == word.trim().trim_matches(['\'', '"', '-']) && open.lines().count() > 1,
        };
        if ends {
            all.push(std::mem::take(&mut open).trim_end().to_owned());
        }
    }
    if !open.is_empty() {
        all.push(open.trim_end().to_owned());
    }
    all
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
        assert_eq!(step.solution, ["kubectl apply -f - <<EOF\na: b\nEOF", "k y"]);
    }

    #[test]
    fn a_broken_lesson_says_where() {
        for (from, to, line, what) in [
            ("pods web --", "pods web b --", 14, "\"b\" was not expected in \"pods web b -- No web.\""),
            ("---\ntitle", "+++\ntitle", 1, "the front matter must begin with ---"),
            ("summary: S", "summery: S", 3, "\"summery: S\" is none of title:, summary:, scenario:"),
            (
                "```hint\nTry.\n```\n```solution",
                "```hint\nTry.\n```\n```dissolution",
                8,
                "a step needs a check and a solution",
            ),
        ] {
            let error = Lesson::parse(&LESSON.replace(from, to)).expect_err("it is broken");
            assert_eq!((error.line, error.what.as_str()), (line, what));
        }
    }
}
