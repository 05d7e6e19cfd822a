//! Everything that the page itself says, in every language. A string that is missing in one language does not compile.
//!
//! `table` holds what is said the same way every time, `phrases` what has arguments, `steps` the ten steps and decisions.

mod fields;
mod ha;
mod phrases;
mod steps;
mod table;

pub use table::Words;

use crate::session::protocol::Work;
use crate::ui::state::Panel;
use crate::view::cluster::GenerationView;
use crate::view::related::Relation;
use crate::view::scheduler::{DecisionView, QueuePlace};
use crate::view::{Locale, Part, Plane};

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

    /// The name of a part of the course.
    pub fn part(&self, part: Part) -> &'static str {
        match part {
            Part::Pods => self.part_pods,
            Part::Services => self.part_services,
            Part::Packets => self.part_packets,
            Part::Inside => self.part_inside,
            Part::Controllers => self.part_controllers,
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
            Panel::Scheduler => self.scheduler,
            Panel::Objects => self.objects,
            Panel::Ha => self.control_plane,
            Panel::Compare => self.compare,
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

    /// How an object stands to the one that is shown.
    pub fn relation(&self, relation: Relation) -> String {
        match relation {
            Relation::Owner => say!(self, "owned by", "属主"),
            Relation::Owned => say!(self, "owns", "拥有"),
            Relation::RunsOn => say!(self, "runs on", "运行于"),
            Relation::Runs => say!(self, "runs", "运行着"),
            Relation::Uses => say!(self, "uses", "使用"),
            Relation::UsedBy => say!(self, "used by", "被使用"),
            Relation::Selects => say!(self, "selects", "选中"),
            Relation::SelectedBy => say!(self, "selected by", "被选中"),
            Relation::Scales => say!(self, "scales", "伸缩"),
            Relation::ScaledBy => say!(self, "scaled by", "被伸缩"),
        }
    }

    /// Where a pod waits.
    pub fn queue_place(&self, place: QueuePlace) -> String {
        match place {
            QueuePlace::Active => self.queue_active.to_string(),
            QueuePlace::Backoff(until) => say!(self, "back-off until {until}", "退避至 {until}"),
            QueuePlace::Unschedulable(_) => self.queue_unschedulable.to_string(),
            QueuePlace::Gated(_) => self.queue_gated.to_string(),
        }
    }

    /// How a decision went, in figures.
    pub fn decided(&self, of: &DecisionView) -> String {
        let (attempt, all, evaluated, feasible) = (of.line.attempt, of.all, of.evaluated, of.feasible);
        let figures = say!(
            self,
            "{evaluated} of {all} nodes looked at, {feasible} would do",
            "共 {all} 个节点，检查了 {evaluated} 个，{feasible} 个可行"
        );
        match attempt {
            0 => figures,
            _ => say!(self, "attempt {attempt}: {figures}", "第 {attempt} 次尝试：{figures}"),
        }
    }

    /// How many nodes a plugin rejected.
    pub fn rejects(&self, count: u32) -> String {
        say!(self, "rejected {count}", "拒绝 {count}")
    }

    /// What preemption did.
    pub fn room_made(&self, node: &str) -> String {
        say!(self, "Preemption makes room on {node}, which is nominated.", "抢占在 {node} 上腾出空间，该节点已被提名。")
    }

    /// How many pods of a generation are ready.
    pub fn generation(&self, of: &GenerationView) -> String {
        let GenerationView { revision, ready, current, .. } = of;
        let desired = of.desired.unwrap_or(*current);
        say!(self, "revision {revision}: {ready} of {desired} ready", "修订 {revision}：{ready}/{desired} 就绪")
    }

    /// How an autoscaler fares, in one sentence.
    pub fn chart_says(&self, metrics: &str, current: u32, desired: u32, bounds: (u32, u32)) -> String {
        let (min, max) = bounds;
        say!(
            self,
            "{metrics}; {current} replicas, {desired} wanted, between {min} and {max}",
            "{metrics}；当前 {current} 个副本，期望 {desired} 个，范围 {min} 到 {max}"
        )
    }

    /// "and 12 more".
    pub fn more_of(&self, n: u32) -> String {
        say!(self, "and {n} more", "另有 {n} 项")
    }
}
