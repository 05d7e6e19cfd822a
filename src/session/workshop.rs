//! The workshop: a lesson is written beside the cluster that it is about.
//!
//! It begins with what was done to the cluster; its checks are looked at as the cluster moves; what is typed becomes the
//! solution of a step. The text is the page's, which sends it with every change.

#[cfg(test)]
mod tests;
mod texts;

use crate::kubectl::NoFiles;
use crate::lesson::draft::{self, Draft};
use crate::lesson::{Facts, Moment, Said, golf};
use crate::session::lessons::OWN;
use crate::session::protocol::{Part, Update, WorkshopRequest};
use crate::session::rehearsal::rehearse;
use crate::session::{Script, Session, World, WorldFacts, opening};
use crate::share::{Action, Logged, Markdown};
use crate::sim::Span;
use crate::view::{DraftCheck, DraftStep, WorkshopView};

/// A lesson that is being written.
pub(super) struct Workshop {
    text: String,
    draft: Draft,
    /// What is wrong with the text: line, column, words.
    fault: Option<(u32, u32, Said)>,
    /// Since when packets and what never was count.
    since: Moment,
    recording: Option<Recording>,
    /// What the page was told.
    told: Option<WorkshopView>,
    /// For which text and which state of the cluster.
    at: Option<(u64, u64, u64)>,
}

/// What is typed goes into a solution.
struct Recording {
    /// The step, from 0.
    step: u16,
    /// How much of the log is dealt with.
    done: usize,
    /// How the commands since then ended.
    exits: Vec<u8>,
}

impl Workshop {
    fn on(text: String, since: Moment) -> Workshop {
        let (draft, fault) = looked_at(&text);
        Workshop { text, draft, fault, since, recording: None, told: None, at: None }
    }

    fn change(&mut self, text: String) {
        (self.draft, self.fault) = looked_at(&text);
        self.text = text;
        (self.at, self.told) = (None, None);
    }

    /// The cluster is another one now: what is typed there is no solution here.
    pub(super) fn is_elsewhere(&mut self) {
        self.recording = None;
        self.since = Moment::default();
        self.at = None;
    }

    /// A command has ended.
    pub(super) fn exited(&mut self, code: u8) {
        if let Some(recording) = &mut self.recording {
            recording.exits.push(code);
        }
    }

    fn view(&self, facts: &dyn Facts) -> WorkshopView {
        let lines: Vec<&str> = self.text.lines().collect();
        let claim = |line: u32| {
            let text = usize::try_from(line)
                .ok()
                .and_then(|line| lines.get(line.checked_sub(1)?))
                .copied()
                .unwrap_or_default();
            text.split_once(" -- ").map_or(text, |(claim, _)| claim).trim().to_owned()
        };
        let check = |(line, check): &(u32, crate::lesson::Check)| DraftCheck {
            line: *line,
            claim: claim(*line),
            holds: check.holds(facts, self.since),
            missing: check.missing.clone(),
        };
        let steps = self.draft.steps.iter().map(|step| DraftStep {
            line: step.line,
            title: step.title.clone(),
            checks: step.checks.iter().map(check).collect(),
        });
        WorkshopView {
            fault: self.fault.clone(),
            steps: steps.collect(),
            recording: self.recording.as_ref().map(|recording| recording.step),
        }
    }
}

/// What can be read of a text, and what is wrong with it.
fn looked_at(text: &str) -> (Draft, Option<(u32, u32, Said)>) {
    let fault = opening::read(text).err().map(|fault| (fault.line, fault.column, fault.what));
    (Draft::read(text), fault)
}

impl Session {
    pub(super) fn workshop(&mut self, request: WorkshopRequest, updates: &mut Vec<Update>) {
        let now = self.moment();
        let locale = self.locale;
        match request {
            WorkshopRequest::New => {
                let scenario = self.world.cluster.scenario().to_string();
                let text = texts::lesson(locale, &scenario, &setup(&self.world));
                updates.push(Update::Draft(text.clone()));
                self.course.workshop = Some(Workshop::on(text, now));
            }
            WorkshopRequest::Look(text) => match &mut self.course.workshop {
                Some(workshop) => workshop.change(text),
                None => self.course.workshop = Some(Workshop::on(text, now)),
            },
            WorkshopRequest::Close => self.course.workshop = None,
            WorkshopRequest::Try => self.try_draft(updates),
            WorkshopRequest::Add(part, line) => {
                if let Some(workshop) = &mut self.course.workshop {
                    let text = added(&workshop.text, part, line, locale);
                    updates.push(Update::Draft(text.clone()));
                    workshop.change(text);
                }
            }
            WorkshopRequest::Record(line) => {
                let done = self.world.log.len();
                if let Some(workshop) = &mut self.course.workshop {
                    let step = draft::step_at(&workshop.text, line);
                    workshop.recording = step.map(|step| Recording { step, done, exits: Vec::new() });
                    (workshop.since, workshop.at) = (now, None);
                }
            }
            WorkshopRequest::Stop => {
                if let Some(workshop) = &mut self.course.workshop {
                    (workshop.recording, workshop.at) = (None, None);
                }
            }
            WorkshopRequest::Rehearse => {
                if let Some(workshop) = &self.course.workshop {
                    let faults = rehearse(&workshop.text);
                    updates.push(Update::Rehearsed(faults.into_iter().map(Said::from).collect()));
                }
            }
        }
    }

    /// Opens the draft as a learner would.
    fn try_draft(&mut self, updates: &mut Vec<Update>) {
        let Some(text) = self.course.workshop.as_ref().map(|workshop| workshop.text.clone()) else { return };
        match opening::world(&text) {
            Err(fault) => updates.push(Update::Refused(fault.into())),
            Ok(world) => {
                self.course.take_over(Markdown::of(self.locale, text), updates);
                self.begin(world, OWN, updates);
            }
        }
    }

    /// Tells what has changed of the lesson that is being written.
    pub(super) fn workshop_views(&mut self, updates: &mut Vec<Update>) {
        let idle = self.world.foreground.is_none() || self.world.listens();
        let Some(workshop) = &mut self.course.workshop else { return };
        if idle && let Some(text) = recorded(workshop, &self.world.log) {
            updates.push(Update::Draft(text.clone()));
            workshop.change(text);
        }
        let facts = WorldFacts(&self.world.cluster);
        let cluster = &self.world.cluster;
        // Time alone changes only what must be true within a time.
        let at =
            (facts.now().revision, cluster.trace().next_id().0, cluster.now().since(crate::sim::Time::ZERO).as_secs());
        if workshop.at == Some(at) {
            return;
        }
        workshop.at = Some(at);
        let view = workshop.view(&facts);
        if workshop.told.as_ref() != Some(&view) {
            workshop.told = Some(view.clone());
            updates.push(Update::Workshop(Box::new(view)));
        }
    }
}

/// The text with something more in it.
fn added(text: &str, part: Part, line: u32, locale: crate::view::Locale) -> String {
    let step = draft::step_at(text, line).unwrap_or(0);
    match part {
        Part::Step => draft::add_step(text, line, &texts::step(locale, Draft::read(text).steps.len() + 1)),
        Part::Check => draft::add_lines(text, step, "check", texts::check(locale), texts::check(locale)),
        Part::Hint => draft::add(text, step, "hint", texts::hint(locale)),
        Part::Quiz => draft::add_lines(text, step, "quiz", texts::option(locale), texts::quiz(locale)),
    }
}

/// The text with what was typed since the last time in the solution of the step that is recorded; `None` if nothing was.
fn recorded(workshop: &mut Workshop, log: &[Logged]) -> Option<String> {
    let recording = workshop.recording.as_mut()?;
    // After a rewind the log is shorter.
    recording.done = recording.done.min(log.len());
    let new = &log[recording.done..];
    if new.is_empty() {
        return None;
    }
    recording.done = log.len();
    let exits = std::mem::take(&mut recording.exits);
    let typed = new.iter().filter(|logged| matches!(logged.what, Action::Line { .. })).count();
    // Without one exit code for each line, no line is known to have failed.
    let mut codes = if exits.len() == typed { exits } else { vec![0; typed] }.into_iter();
    let mut lines = String::new();
    for (at, logged) in new.iter().enumerate() {
        let ended = matches!(new.get(at + 1), Some(Logged { what: Action::Interrupt, .. }));
        match &logged.what {
            Action::Line { line, .. } => {
                let good = codes.next() == Some(0);
                if good && !ended && !matches!(line.trim(), "" | "clear" | "help") {
                    lines.push_str(&format!("{}\n", line.trim_end()));
                }
            }
            Action::Fault(words) => lines.push_str(&format!("!fault {words}\n")),
            Action::Interrupt => {}
        }
    }
    (!lines.is_empty()).then(|| draft::add_lines(&workshop.text, recording.step, "solution", &lines, &lines))
}

/// What was done to a cluster, as the lines of a setup; empty if nothing was. What only looked is left out, and what was
/// interrupted; what failed must fail again.
fn setup(world: &World) -> String {
    let mut lines = String::new();
    let mut script = Script::on(World::boot(world.cluster.scenario().clone()), &NoFiles);
    let log = &world.log;
    for (at, logged) in log.iter().enumerate() {
        let ended = matches!(log.get(at + 1), Some(Logged { what: Action::Interrupt, .. }));
        let typed = match &logged.what {
            Action::Line { line, files } if golf::counts(line) && (!ended || is_delete(line)) => {
                lines.push_str(&written(files, &mut script));
                let unwaited = if ended { " --wait=false" } else { "" };
                format!("{}{unwaited}", line.trim_end())
            }
            Action::Fault(words) => format!("!fault {words}"),
            Action::Line { .. } | Action::Interrupt => continue,
        };
        let clock = clock(logged.at.since(world.started));
        script.run(&clock);
        let code = script.run(&typed).rc;
        let expects = if code == 0 { String::new() } else { format!("!expect-exit {code} ") };
        lines.push_str(&format!("{clock}\n{expects}{typed}\n"));
    }
    if !lines.is_empty() {
        lines.push_str(&format!("{}\n", clock(world.now().since(world.started))));
    }
    lines
}

/// `!at 1.234s`: a little later rather than earlier, so that what came before has happened.
fn clock(since: Span) -> String {
    let millis = since.0.div_ceil(1_000_000);
    format!("!at {}.{:03}s", millis / 1_000, millis % 1_000)
}

fn is_delete(line: &str) -> bool {
    line.split_whitespace().take(2).eq(["kubectl", "delete"]) && !line.contains('\n')
}

/// Lines that write the files that a line read, where the terminal keeps files.
fn written(files: &[(String, Vec<u8>)], script: &mut Script<'_>) -> String {
    let mut lines = String::new();
    for (path, content) in files {
        let Ok(text) = std::str::from_utf8(content) else { continue };
        let mut end = "EOF".to_owned();
        while text.lines().any(|line| line == end) {
            end.push('_');
        }
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("mkdir -p {folder}\n"));
        let write = format!("cat > {path} <<'{end}'\n{}\n{end}\n", text.trim_end_matches('\n'));
        for line in [&folder, &write].into_iter().filter(|line| !line.is_empty()) {
            script.run(line.trim_end());
            lines.push_str(line);
        }
    }
    lines
}
