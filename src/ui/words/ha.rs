//! What is said of the control plane, with arguments.

use super::{Words, say};
use crate::view::Health;
use crate::view::ha::{Invariant, Situation};

impl Words {
    /// The name of a situation.
    pub fn situation(&self, which: Situation) -> &'static str {
        match which {
            Situation::LeaderCrash => self.ha_leader_crash,
            Situation::MoveLeader => self.ha_move_leader,
            Situation::LeaderCut => self.ha_leader_cut,
            Situation::QuorumLost => self.ha_quorum_lost,
            Situation::SlowFollower => self.ha_slow_follower,
            Situation::SchedulerCrash => self.ha_scheduler_crash,
            Situation::SplitVote => self.ha_split_vote,
            Situation::Mend => self.ha_mend,
        }
    }

    /// What must hold.
    pub fn invariant(&self, what: Invariant) -> &'static str {
        match what {
            Invariant::Addresses => self.inv_addresses,
            Invariant::Subnets => self.inv_subnets,
            Invariant::Bindings => self.inv_bindings,
            Invariant::Versions => self.inv_versions,
            Invariant::Forward => self.inv_forward,
            Invariant::Agreement => self.inv_agreement,
            Invariant::OneLeader => self.inv_one_leader,
            Invariant::Fencing => self.inv_fencing,
        }
    }

    /// Whether it was found to hold, and how often it was looked at.
    pub fn ha_checked(&self, is_broken: bool, checked: u64) -> String {
        if is_broken {
            say!(self, "broken; checked {checked} times", "被破坏；已检查 {checked} 次")
        } else {
            say!(self, "held; checked {checked} times", "成立；已检查 {checked} 次")
        }
    }

    /// How many things chaos has broken.
    pub fn ha_chaos_broken(&self, n: u32) -> String {
        say!(self, "{n} broken just now", "当前有 {n} 处损坏")
    }

    /// How a process fares.
    pub fn health(&self, health: Health) -> &'static str {
        match health {
            Health::Up | Health::Starting => self.ha_runs,
            Health::Down => self.ha_stopped,
            Health::Unreachable => self.ha_cut,
        }
    }

    /// How many checks speak against what the load balancer believes.
    pub fn checks_against(&self, against: u8, needed: u8) -> String {
        say!(self, "{against} of {needed} checks against it", "{needed} 次检查中已有 {against} 次相反")
    }

    /// When others may take over, in tenths of a second.
    pub fn may_take_in(&self, tenths: u64) -> String {
        let (whole, tenth) = (tenths / 10, tenths % 10);
        say!(self, "others may take over in {whole}.{tenth} s", "{whole}.{tenth} 秒后其他候选者可以接管")
    }

    /// A member of etcd leads a term.
    pub fn leads_term(&self, member: &str, term: u64) -> String {
        say!(self, "etcd: {member} leads term {term}", "etcd：{member} 领导第 {term} 任期")
    }

    /// How many members run and how many must.
    pub fn quorum(&self, up: usize, all: usize, needed: usize) -> String {
        if up < needed {
            say!(
                self,
                "Quorum lost: {up} of {all} members can be reached, {needed} are needed. Nothing can be written.",
                "失去多数派：{all} 个成员中只有 {up} 个可达，需要 {needed} 个。无法写入。"
            )
        } else {
            say!(
                self,
                "{up} of {all} members can be reached; a majority is {needed}.",
                "{all} 个成员中 {up} 个可达，{needed} 个即为多数派。"
            )
        }
    }

    /// For how long a member has heard nothing of a leader, and when it campaigns, in tenths of a second.
    pub fn silence(&self, quiet: u64, patience: u64) -> String {
        let (q, qt, p, pt) = (quiet / 10, quiet % 10, patience / 10, patience % 10);
        say!(self, "silent for {q}.{qt} s; campaigns after {p}.{pt} s", "已静默 {q}.{qt} 秒，满 {p}.{pt} 秒发起竞选")
    }

    /// Where a log ends.
    pub fn log_ends(&self, last: u64, commit: u64, applied: u64) -> String {
        say!(
            self,
            "last {last}, committed {commit}, applied {applied}",
            "末尾 {last}，已提交 {commit}，已应用 {applied}"
        )
    }

    /// How many messages are under way.
    pub fn under_way(&self, n: u32) -> String {
        say!(self, ", {n} under way", "，{n} 条在途")
    }

    /// By how much a disk is slower.
    pub fn slow_by(&self, span: &str) -> String {
        say!(self, "disk slower by {span}", "磁盘慢 {span}")
    }
}
