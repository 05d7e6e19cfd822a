//! Everything that the page itself says, in every language. A string that is missing in one language does not compile.
//!
//! `table` holds what is said the same way every time, `phrases` what has arguments, `steps` the ten steps and decisions.

mod phrases;
mod steps;
mod table;

pub use table::Words;

use crate::session::protocol::Work;
use crate::ui::state::Panel;
use crate::view::{Locale, Plane};

/// `say!(self, "en {x}", "zh {x}")`: the one in the language of `self`.
macro_rules! say {
    ($words:expr, $en:literal, $zh:literal) => {
        match $words.locale {
            $crate::view::Locale::En => format!($en),
            $crate::view::Locale::Zh => format!($zh),
        }
    };
}
pub(crate) use say;

impl Words {
    /// The words of a language.
    pub fn of(locale: Locale) -> &'static Words {
        match locale {
            Locale::En => &table::EN,
            Locale::Zh => &table::ZH,
        }
    }

    /// The name of a panel.
    pub fn panel(&self, panel: Panel) -> &'static str {
        match panel {
            Panel::Cluster => self.cluster,
            Panel::Lesson => self.lesson,
            Panel::Editor => "YAML",
            Panel::Detail => self.object,
            Panel::Terminal => self.terminal,
            Panel::Etcd => "etcd",
            Panel::Packet => self.packets,
            Panel::Events => self.events,
        }
    }

    /// The name of a plane.
    pub fn plane(&self, plane: Plane) -> &'static str {
        match plane {
            Plane::Control => self.plane_control,
            Plane::Storage => self.plane_storage,
            Plane::Data => self.plane_data,
            Plane::Fault => self.plane_fault,
        }
    }

    /// What long work is.
    pub fn work(&self, work: Work) -> &'static str {
        match work {
            Work::Booting => self.booting,
            Work::Replaying => self.replaying,
            Work::Seeking => self.seeking,
        }
    }

    /// What this is, with the version that is simulated.
    pub fn claim(&self, version: &str) -> String {
        match version {
            "" => say!(self, "a simulated Kubernetes cluster", "模拟的 Kubernetes 集群"),
            version => say!(self, "a simulated Kubernetes {version} cluster", "模拟的 Kubernetes {version} 集群"),
        }
    }

    /// "and 12 more".
    pub fn more_of(&self, n: u32) -> String {
        say!(self, "and {n} more", "另有 {n} 项")
    }
}
