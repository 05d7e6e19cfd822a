//! Lessons in a session: which one is open, how far it is, what the page is told of it.

use crate::lesson::done::{self, Done};
use crate::lesson::{ALL, Facts, Lesson, Moment, Progress, Source, Step, golf};
use crate::session::protocol::{LessonRequest, Update};
use crate::session::workshop::Workshop;
use crate::session::{Session, World, WorldFacts, opening, scene, sharing};
use crate::share::{Action, Markdown};
use crate::view::{CheckState, LessonTitle, LessonView, Locale, MarkKind, MarkView, QuizView, StepView, prose};

/// The name of the lesson that is not one of ours: there is one at a time.
pub(super) const OWN: &str = "own";

/// The open lesson.
#[derive(Default)]
pub(super) struct Course {
    locale: Locale,
    open: Option<Open>,
    /// The text of the last lesson that was not one of ours.
    own: Markdown,
    /// The lesson that is being written.
    pub(super) workshop: Option<Workshop>,
    /// How many steps of each lesson were done.
    done: Done,
}

struct Open {
    id: String,
    lesson: Lesson,
    progress: Progress,
}

impl Course {
    pub(super) fn set_locale(&mut self, locale: Locale) {
        self.locale = locale;
        let lesson = self.open.as_ref().and_then(|open| self.lesson(&open.id));
        if let (Some(open), Some(lesson)) = (&mut self.open, lesson) {
            open.lesson = lesson;
        }
    }

    /// What was done in an earlier world stays done, and what was written there.
    pub(super) fn keep_done(&mut self, earlier: Course) {
        (self.done, self.own, self.workshop) = (earlier.done, earlier.own, earlier.workshop);
        if let Some(workshop) = &mut self.workshop {
            workshop.is_elsewhere();
        }
    }

    /// Takes over the text of a lesson that is not one of ours, if there is one.
    pub(super) fn take_over(&mut self, text: Markdown, updates: &mut Vec<Update>) {
        if !text.is_empty() {
            updates.push(Update::Text(text.en.clone(), text.zh.clone()));
            self.own = text;
        }
    }

    /// The text of the last lesson that was not one of ours.
    pub(super) fn own(&self) -> &Markdown {
        &self.own
    }

    /// The name of the open lesson, and its text if it is not one of ours.
    pub(super) fn open_lesson(&self) -> (String, Markdown) {
        let id = self.open.as_ref().map(|open| open.id.clone()).unwrap_or_default();
        let text = if id == OWN { self.own.clone() } else { Markdown::default() };
        (id, text)
    }

    /// A lesson in the language of now; one that is not ours in the other language if it has only that.
    fn lesson(&self, id: &str) -> Option<Lesson> {
        if id != OWN {
            return lesson(id, self.locale);
        }
        let [first, second] = match self.locale {
            Locale::En => [&self.own.en, &self.own.zh],
            Locale::Zh => [&self.own.zh, &self.own.en],
        };
        Lesson::parse(first.as_ref().or(second.as_ref())?).ok()
    }

    /// Goes on with a lesson at a step.
    pub(super) fn resume(&mut self, id: &str, at: u16, now: Moment) {
        if let Some(lesson) = self.lesson(id) {
            let at = at.min(u16::try_from(lesson.steps.len()).unwrap_or(u16::MAX));
            self.open =
                Some(Open { id: id.to_owned(), lesson, progress: Progress { at, began: now, ..Progress::default() } });
        }
    }

    /// The open lesson and its step, for a link.
    pub(super) fn place(&self) -> Option<(String, u16)> {
        self.open.as_ref().map(|open| (open.id.clone(), open.progress.at))
    }

    /// Takes over what was done before: in this browser, or in another. Lessons that are not known are passed over.
    fn add(&mut self, done: Option<&Done>) {
        for (id, steps) in done.into_iter().flatten() {
            if let Some(lesson) = lesson(id, self.locale) {
                let most = u16::try_from(lesson.steps.len()).unwrap_or(u16::MAX);
                let known = self.done.entry(id.clone()).or_default();
                *known = (*known).max(*steps).min(most);
            }
        }
    }

    fn titles(&self) -> Vec<LessonTitle> {
        ALL.iter()
            .filter_map(|source| {
                let lesson = lesson(source.id, self.locale)?;
                Some(LessonTitle {
                    id: source.id.to_owned(),
                    part: source.part,
                    title: lesson.title,
                    summary: lesson.summary,
                    steps: u16::try_from(lesson.steps.len()).unwrap_or(u16::MAX),
                    done: self.done.get(source.id).copied().unwrap_or(0),
                })
            })
            .collect()
    }
}

/// A lesson in a language. The lessons that come with the page are well-formed: a test reads them all.
fn lesson(id: &str, locale: Locale) -> Option<Lesson> {
    let source = Source::by_id(id)?;
    let text = match locale {
        Locale::En => source.en,
        Locale::Zh => source.zh,
    };
    Lesson::parse(text).ok()
}

impl Session {
    pub(super) fn lesson(&mut self, request: LessonRequest, updates: &mut Vec<Update>) {
        match request {
            LessonRequest::Open(id) => {
                let Some(lesson) = self.course.lesson(&id) else { return };
                let scenario = lesson.scenario.parse().unwrap_or_default();
                match opening::begin(&lesson, scenario) {
                    Ok(world) => self.begin(world, &id, updates),
                    Err(fault) => updates.push(Update::Refused(fault.into())),
                }
            }
            LessonRequest::Keep(en, zh) => {
                let readable = |text: &String| sharing::lesson_of(text).is_ok();
                self.course.own = Markdown { en: en.filter(readable), zh: zh.filter(readable) };
            }
            LessonRequest::Join(id) => {
                let now = self.moment();
                self.course.resume(&id, 0, now);
            }
            LessonRequest::Close => self.course.open = None,
            LessonRequest::Hint => {
                if let Some(open) = &mut self.course.open {
                    open.progress.hint(&open.lesson);
                }
            }
            LessonRequest::Solution => {
                if let Some(open) = &mut self.course.open {
                    open.progress.solution = true;
                }
            }
            LessonRequest::Step(at) => {
                if let Some(open) = &mut self.course.open
                    && at <= open.progress.at
                {
                    open.progress.begin(at, WorldFacts(&self.world.cluster).now());
                }
            }
            LessonRequest::Answer(option) => {
                if let Some(open) = &mut self.course.open {
                    open.progress.answer(&open.lesson, option);
                }
            }
            LessonRequest::Import(text) => {
                let known = done::read(&text);
                self.course.add(known.as_ref());
                updates.push(Update::Progress { text: done::write(&self.course.done), refused: known.is_none() });
            }
        }
        self.shown.forget_lessons();
    }

    /// Begins a lesson in its world.
    pub(super) fn begin(&mut self, world: World, id: &str, updates: &mut Vec<Update>) {
        self.enter(world, self.locale, (true, true));
        self.tell_entered(updates);
        let now = self.moment();
        self.course.resume(id, 0, now);
        self.shown.forget_lessons();
    }

    /// Now, as a step's beginning.
    pub(super) fn moment(&self) -> Moment {
        WorldFacts(&self.world.cluster).now()
    }

    /// How many commands since then count.
    fn strokes(&self, since: Moment) -> u16 {
        let log = &self.world.log;
        let done = &log[log.partition_point(|logged| logged.at < since.at)..];
        let strokes = done.iter().filter(|logged| match &logged.what {
            Action::Line { line, .. } => golf::counts(line),
            Action::Fault(_) => true,
            Action::Interrupt => false,
        });
        u16::try_from(strokes.count()).unwrap_or(u16::MAX)
    }

    /// Checks the open lesson and tells what has changed.
    pub(super) fn lesson_views(&mut self, updates: &mut Vec<Update>) {
        self.workshop_views(updates);
        if !self.want.lesson && self.course.open.is_none() {
            return;
        }
        let facts = WorldFacts(&self.world.cluster);
        let strokes = self.course.open.as_ref().map_or(0, |open| self.strokes(open.progress.began));
        if let Some(open) = &mut self.course.open
            && let before = usize::from(open.progress.at)
            && open.progress.advance(&open.lesson, &facts, strokes)
        {
            let steps = open.lesson.steps.iter().take(usize::from(open.progress.at)).skip(before);
            let at = self.world.now();
            self.steps_done.extend(steps.map(|step| MarkView {
                at,
                kind: MarkKind::LessonStep,
                label: step.title.clone(),
            }));
            self.shown.forget_timeline();
            if open.id != OWN {
                let done = self.course.done.entry(open.id.clone()).or_default();
                *done = open.progress.at.max(*done);
                updates.push(Update::Progress { text: done::write(&self.course.done), refused: false });
            }
            self.shown.forget_lessons();
        }
        if !self.want.lesson {
            return;
        }
        let facts = WorldFacts(&self.world.cluster);
        let view = self.course.open.as_ref().map(|open| view_of(open, &facts, self.strokes(open.progress.began)));
        let seen = view.as_ref().map(|view| format!("{view:?}"));
        if self.tell_lessons() {
            updates.push(Update::Lessons(self.course.titles()));
            updates.push(Update::Scenes(scene::titles(self.course.locale)));
        }
        if self.lesson_changed(&seen) {
            updates.push(Update::Lesson(view.map(Box::new)));
        }
    }
}

fn view_of(open: &Open, facts: &dyn Facts, strokes: u16) -> LessonView {
    let steps = (0_u16..).zip(&open.lesson.steps).map(|(at, step)| step_view(open, at, step, facts, strokes)).collect();
    LessonView {
        id: open.id.clone(),
        ours: open.id != OWN,
        title: open.lesson.title.clone(),
        intro: prose::parse(&open.lesson.intro),
        steps,
        at: open.progress.at,
        outro: prose::parse(&open.lesson.outro),
    }
}

fn step_view(open: &Open, at: u16, step: &Step, facts: &dyn Facts, strokes: u16) -> StepView {
    let state = match at.cmp(&open.progress.at) {
        std::cmp::Ordering::Less => CheckState::Met,
        std::cmp::Ordering::Equal => CheckState::Open,
        std::cmp::Ordering::Greater => CheckState::Locked,
    };
    let current = state == CheckState::Open;
    let hints = if current { usize::from(open.progress.hints) } else { 0 };
    let missing = if current { open.progress.missing(&open.lesson, facts) } else { Vec::new() };
    let solution = (current && open.progress.solution)
        .then(|| step.solution().words().map(|command| crate::view::Block::Command(format!("{command}\n"))).collect());
    StepView {
        title: step.title.clone(),
        prose: prose::parse(&step.prose),
        state,
        missing: missing.into_iter().map(str::to_owned).collect(),
        hints: step.hints.iter().take(hints).map(|hint| prose::parse(hint)).collect(),
        more_hints: u16::try_from(step.hints.len() - hints.min(step.hints.len())).unwrap_or(0),
        solution,
        quiz: step.quiz.as_ref().map(|quiz| QuizView {
            question: quiz.question.clone(),
            options: quiz.options.iter().map(|(words, _)| words.clone()).collect(),
            chosen: open.progress.answers.get(&at).copied(),
            right: open.progress.right.get(&at).copied(),
        }),
        par: golf::par(step),
        strokes: if current { Some(strokes) } else { open.progress.strokes.get(&at).copied() },
        too_late: current && open.progress.is_too_late(&open.lesson, facts),
    }
}
