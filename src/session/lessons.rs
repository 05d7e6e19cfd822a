//! Lessons in a session: which one is open, how far it is, what the page is told of it.

use serde_json::Value;

use crate::api::Kind;
use crate::cluster::Cluster;
use crate::lesson::{ALL, Facts, Lesson, PacketFact, Progress, Source, Step};
use crate::session::build::packets;
use crate::session::protocol::{LessonRequest, Update};
use crate::session::{Session, World};
use crate::view::{CheckState, LessonTitle, LessonView, Locale, StepView, prose};

/// The open lesson.
#[derive(Default)]
pub(super) struct Course {
    locale: Locale,
    open: Option<Open>,
    /// How many steps of each lesson were done.
    done: crate::sim::VecMap<String, u16>,
}

struct Open {
    id: String,
    lesson: Lesson,
    progress: Progress,
}

impl Course {
    pub(super) fn set_locale(&mut self, locale: Locale) {
        self.locale = locale;
        if let Some(open) = &mut self.open {
            open.lesson = lesson(&open.id, locale).expect("it was opened before");
        }
    }

    /// Goes on with a lesson at a step.
    pub(super) fn resume(&mut self, id: &str, at: u16) {
        if let Some(lesson) = lesson(id, self.locale) {
            let at = at.min(u16::try_from(lesson.steps.len()).unwrap_or(u16::MAX));
            self.open = Some(Open { id: id.to_owned(), lesson, progress: Progress { at, ..Progress::default() } });
        }
    }

    /// The open lesson and its step, for a link.
    pub(super) fn place(&self) -> Option<(String, u16)> {
        self.open.as_ref().map(|open| (open.id.clone(), open.progress.at))
    }

    fn titles(&self) -> Vec<LessonTitle> {
        ALL.iter()
            .filter_map(|source| {
                let lesson = lesson(source.id, self.locale)?;
                Some(LessonTitle {
                    id: source.id.to_owned(),
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

/// The world as checks see it.
pub struct WorldFacts<'a>(pub &'a Cluster);

impl Facts for WorldFacts<'_> {
    fn objects(&self, resource: &str) -> Option<Vec<Value>> {
        let kind = Kind::ALL.iter().find(|kind| kind.info().plural == resource)?;
        Some(self.0.objects(*kind).map(crate::api::Object::to_value).collect())
    }

    fn packets(&self) -> Vec<PacketFact> {
        packets::facts(self.0)
    }
}

impl Session {
    pub(super) fn lesson(&mut self, request: LessonRequest, updates: &mut Vec<Update>) {
        match request {
            LessonRequest::Open(id) => {
                let Some(lesson) = lesson(&id, self.course.locale) else { return };
                let scenario = lesson.scenario.parse().unwrap_or_default();
                let (want, course) = (std::mem::take(&mut self.want), std::mem::take(&mut self.course));
                *self = Session::on(World::boot(scenario), self.locale);
                (self.want, self.course) = (want, course);
                self.course.resume(&id, 0);
                updates.push(Update::Ready {
                    scenario: self.world.cluster.scenario().to_string(),
                    version: "v1.36.2".into(),
                    refused: None,
                });
            }
            LessonRequest::Join(id) => self.course.resume(&id, 0),
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
                    open.progress = Progress { at, ..Progress::default() };
                }
            }
        }
        self.shown.forget_lessons();
    }

    /// Checks the open lesson and tells what has changed.
    pub(super) fn lesson_views(&mut self, updates: &mut Vec<Update>) {
        if !self.want.lesson && self.course.open.is_none() {
            return;
        }
        let facts = WorldFacts(&self.world.cluster);
        if let Some(open) = &mut self.course.open
            && open.progress.advance(&open.lesson, &facts)
        {
            let done = self.course.done.entry(open.id.clone()).or_default();
            *done = open.progress.at.max(*done);
            self.shown.forget_lessons();
        }
        if !self.want.lesson {
            return;
        }
        let facts = WorldFacts(&self.world.cluster);
        let view = self.course.open.as_ref().map(|open| view_of(open, &facts));
        let seen = view.as_ref().map(|view| format!("{view:?}"));
        if self.tell_lessons() {
            updates.push(Update::Lessons(self.course.titles()));
        }
        if self.lesson_changed(&seen) {
            updates.push(Update::Lesson(view.map(Box::new)));
        }
    }
}

fn view_of(open: &Open, facts: &dyn Facts) -> LessonView {
    let steps = (0_u16..).zip(&open.lesson.steps).map(|(at, step)| step_view(open, at, step, facts)).collect();
    LessonView {
        id: open.id.clone(),
        title: open.lesson.title.clone(),
        intro: prose::parse(&open.lesson.intro),
        steps,
        at: open.progress.at,
        outro: prose::parse(&open.lesson.outro),
    }
}

fn step_view(open: &Open, at: u16, step: &Step, facts: &dyn Facts) -> StepView {
    let state = match at.cmp(&open.progress.at) {
        std::cmp::Ordering::Less => CheckState::Met,
        std::cmp::Ordering::Equal => CheckState::Open,
        std::cmp::Ordering::Greater => CheckState::Locked,
    };
    let current = state == CheckState::Open;
    let hints = if current { usize::from(open.progress.hints) } else { 0 };
    let missing = if current { open.progress.missing(&open.lesson, facts) } else { Vec::new() };
    let solution = (current && open.progress.solution)
        .then(|| step.solution.iter().map(|command| crate::view::Block::Command(format!("{command}\n"))).collect());
    StepView {
        title: step.title.clone(),
        prose: prose::parse(&step.prose),
        state,
        missing: missing.into_iter().map(str::to_owned).collect(),
        hints: step.hints.iter().take(hints).map(|hint| prose::parse(hint)).collect(),
        more_hints: u16::try_from(step.hints.len() - hints.min(step.hints.len())).unwrap_or(0),
        solution,
    }
}
