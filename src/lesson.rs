//! Lessons: Markdown files with steps, checks on what is true in the cluster, hints and a solution.
//!
//! A lesson never looks at what was typed. [`mod@format`] reads a file, [`check`] is the language of its checks, [`progress`]
//! is where a learner is in it.

pub mod check;
pub mod format;
pub mod path;
pub mod progress;

pub use check::{Check, CheckError, Facts, PacketFact};
pub use format::{Lesson, LessonError, Step};
pub use progress::Progress;

/// A lesson in a language: its text as it is in `lessons/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name: `pods`.
    pub id: &'static str,
    /// English.
    pub en: &'static str,
    /// Chinese, simplified.
    pub zh: &'static str,
}

/// The lessons that come with the page, in order: one line a lesson.
pub const ALL: &[Source] = &[
    Source { id: "pods", en: include_str!("../lessons/pods.en.md"), zh: include_str!("../lessons/pods.zh.md") },
    Source {
        id: "services",
        en: include_str!("../lessons/services.en.md"),
        zh: include_str!("../lessons/services.zh.md"),
    },
    Source {
        id: "flannel",
        en: include_str!("../lessons/flannel.en.md"),
        zh: include_str!("../lessons/flannel.zh.md"),
    },
];

impl Source {
    /// The lesson of that name.
    pub fn by_id(id: &str) -> Option<&'static Source> {
        ALL.iter().find(|source| source.id == id)
    }
}
