//! Lessons: Markdown files with steps, checks on what is true in the cluster, hints and a solution.
//!
//! A lesson never looks at what was typed. [`mod@format`] reads a file, [`check`] is the language of its checks, [`progress`]
//! is where a learner is in it. [`scene`] has ready clusters to begin with.

pub mod check;
pub mod done;
pub mod draft;
pub mod facts;
pub mod format;
pub mod golf;
pub mod path;
pub mod progress;
pub mod quiz;
pub mod said;
pub mod scene;

use serde::{Deserialize, Serialize};

pub use check::{Check, CheckError};
pub use facts::{Facts, Moment, PacketFact};
pub use format::{Lesson, LessonError, Step};
pub use progress::Progress;
pub use quiz::Quiz;
pub use said::Said;

/// A lesson: its text in every language, as it is in `lessons/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name: `pods`.
    pub id: &'static str,
    /// What it belongs to.
    pub part: Part,
    /// English.
    pub en: &'static str,
    /// Chinese, simplified.
    pub zh: &'static str,
}

/// The parts of the course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// Pods and what keeps them.
    Pods,
    /// Services.
    Services,
    /// The way of a packet.
    Packets,
    /// What the cluster remembers, and what it does when something fails.
    Inside,
    /// Other controllers.
    Controllers,
}

macro_rules! lessons {
    ($($part:ident: $($id:literal),+;)+) => {
        &[$($(Source {
            id: $id,
            part: Part::$part,
            en: include_str!(concat!("../lessons/", $id, ".en.md")),
            zh: include_str!(concat!("../lessons/", $id, ".zh.md")),
        },)+)+]
    };
}

/// The lessons that come with the page, in order.
pub const ALL: &[Source] = lessons! {
    Pods: "cluster", "pods", "replicas", "deployments", "scheduling";
    Services: "services", "discovery", "kube-proxy";
    Packets: "same-node", "flannel", "vxlan";
    Inside: "etcd", "health", "ha";
    Controllers: "statefulsets", "jobs", "hpa";
};

impl Source {
    /// The lesson of that name.
    pub fn by_id(id: &str) -> Option<&'static Source> {
        ALL.iter().find(|source| source.id == id)
    }
}
