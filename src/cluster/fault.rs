//! Faults: what can be broken, in the words after `!fault`.
//!
//! ```text
//! partition NODE…          cut nodes off from the network and the control plane
//! partition NODE… from NODE…   cut nodes off from others
//! one-way NODE… to NODE…   what nodes send to others does not arrive; what those send does
//! heal                     join everything again, mend cables, stop loss and delay
//! pause COMPONENT [NODE]   stop a process as SIGSTOP does: it keeps its memory and its connections, and does nothing
//! resume COMPONENT [NODE]  let it go on
//! crash COMPONENT [NODE]   stop a process; kubelet, kube-proxy, flanneld need a node, those of the control plane one of several
//!                          masters, load-balancer none
//! start COMPONENT [NODE]   start it again
//! crash node NODE          switch a node off: everything on it is gone but its disk
//! start node NODE          switch it on again
//! pause node NODE          halt everything on a node, as a hypervisor does
//! resume node NODE         let it go on
//! full-disk etcd MASTER    the disk of the master's etcd takes nothing more
//! quota MASTER SIZE        the database of the master's etcd may have so many bytes (--quota-backend-bytes), off: the default
//! slow-disk MASTER TIME    every write of the master's etcd takes longer by that
//! corrupt etcd MASTER [KEY]  the master's etcd loses a key and does not know: the one created last, if none is said
//! skew NODE TIME           the clock of a node is ahead by that (behind: -30s), 24h at most; 0s sets it
//! expire COMPONENT NODE    the certificate of a kube-apiserver or a kubelet is over from now on
//! renew COMPONENT NODE     it has a new one
//! chaos TIME, chaos off    break and repair something at random, about as often as that; end it, and repair what it broke
//! loss PERCENT             lose messages of the control plane
//! delay TIME               delay messages of the control plane
//! ```
//!
//! and those of a node's network in [`network`].

use crate::cluster::event::{Actor, MasterIx, NodeIx};
use crate::cluster::scenario::parse_span;
use crate::net::fault::LinkFault;
use crate::sim::{Rng, Span, VecMap, VecSet};

pub mod clock;
mod inject;
pub mod network;

pub use clock::Expired;
pub use network::NetFault;

/// A fault or a repair.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Cut nodes off.
    Partition(Vec<NodeIx>),
    /// Let nothing get from some nodes to others, nor back if it is not one way.
    Apart {
        /// Who sends.
        from: Vec<NodeIx>,
        /// To whom.
        to: Vec<NodeIx>,
        /// Whether the others are heard.
        one_way: bool,
    },
    /// Repair the network.
    Heal,
    /// Stop a process.
    Crash(Actor),
    /// Start a process.
    Start(Actor),
    /// Halt a process.
    Pause(Actor),
    /// Let it go on.
    Resume(Actor),
    /// Switch a node off.
    PowerOff(NodeIx),
    /// Switch a node on.
    PowerOn(NodeIx),
    /// Lose messages, in millionths.
    Loss(u32),
    /// Delay messages.
    Delay(Span),
    /// Slow the disk of a master's etcd down.
    SlowDisk(MasterIx, Span),
    /// The disk of a master's etcd is full.
    FullDisk(MasterIx),
    /// The most bytes that the database of a master's etcd may have; 0 for the default.
    Quota(MasterIx, u64),
    /// A master's etcd loses a key, or the one that was created last.
    Corrupt(MasterIx, Option<String>),
    /// The clock of a node is ahead by so many milliseconds.
    Skew(NodeIx, i64),
    /// The certificate of a process is over.
    Expire(Actor),
    /// It has a new one.
    Renew(Actor),
    /// Halt every process of a node.
    PauseNode(NodeIx),
    /// Let them go on.
    ResumeNode(NodeIx),
    /// Break things at random, with so much time between them; or stop that.
    Chaos(Option<Span>),
    /// Break the network of a node.
    Network(NodeIx, NetFault),
}

/// What is broken now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// Nodes that are cut off.
    pub cut: VecSet<NodeIx>,
    /// From which node nothing gets to which.
    pub apart: VecSet<(NodeIx, NodeIx)>,
    /// Processes that are halted.
    pub paused: VecSet<Actor>,
    /// Nodes that are halted.
    pub halted: VecSet<NodeIx>,
    /// Nodes that are switched off.
    pub off: VecSet<NodeIx>,
    /// Cables that are bad.
    pub links: VecMap<NodeIx, LinkFault>,
    /// Processes that do not run.
    pub down: VecSet<Actor>,
    /// Of those, the ones that nothing keeps from running: their kubelets start them again.
    pub ended: VecSet<Actor>,
    /// Disks of etcd that are full.
    pub full: VecSet<MasterIx>,
    /// By how much disks of etcd are slower.
    pub disks: VecMap<MasterIx, Span>,
    /// Members of etcd that lost a key without knowing.
    pub corrupted: VecSet<MasterIx>,
    /// By how many milliseconds clocks of nodes are ahead.
    pub skews: VecMap<NodeIx, i64>,
    /// Certificates that are over.
    pub expired: VecMap<Actor, Expired>,
    /// Messages that are lost, in millionths.
    pub loss: u32,
    /// By how much messages are late.
    pub delay: Span,
}

impl Fault {
    /// Reads the words after `!fault`. `node` finds a node by its name.
    ///
    /// # Errors
    /// What is not understood, with what would be.
    pub fn parse(words: &str, node: impl Fn(&str) -> Option<NodeIx>) -> Result<Fault, String> {
        let words: Vec<&str> = words.split_whitespace().collect();
        let find = |name: &str| node(name).ok_or_else(|| format!("there is no node {name:?}"));
        if let Some(fault) = network::parse(&words, find) {
            return fault.map(|(ix, fault)| Fault::Network(ix, fault));
        }
        match words.as_slice() {
            ["partition", names @ ..] if names.contains(&"from") => apart(names, "from", find),
            ["one-way", names @ ..] => apart(names, "to", find),
            ["partition", names @ ..] if !names.is_empty() => {
                names.iter().map(|name| find(name)).collect::<Result<_, _>>().map(Fault::Partition)
            }
            ["heal"] => Ok(Fault::Heal),
            ["crash", "node", name] => find(name).map(Fault::PowerOff),
            ["start", "node", name] => find(name).map(Fault::PowerOn),
            ["crash", rest @ ..] => process(rest, find).map(Fault::Crash),
            ["start", rest @ ..] => process(rest, find).map(Fault::Start),
            ["pause", "node", name] => find(name).map(Fault::PauseNode),
            ["resume", "node", name] => find(name).map(Fault::ResumeNode),
            ["pause", rest @ ..] => process(rest, find).map(Fault::Pause),
            ["resume", rest @ ..] => process(rest, find).map(Fault::Resume),
            ["loss", percent] => match percent.trim_end_matches('%').parse::<u32>() {
                Ok(percent) if percent <= 100 => Ok(Fault::Loss(percent * 10_000)),
                _ => Err(format!("loss takes 0 to 100 per cent, not {percent:?}")),
            },
            ["delay", time] => match parse_span(time) {
                Some(span) => Ok(Fault::Delay(span)),
                None => Err(format!("delay takes a time such as 200ms, not {time:?}")),
            },
            ["chaos", "off"] => Ok(Fault::Chaos(None)),
            ["chaos", time] => match parse_span(time).filter(|span| *span >= Span::secs(1)) {
                Some(span) => Ok(Fault::Chaos(Some(span))),
                None => Err(format!("chaos takes off or a time of at least 1s such as 20s, not {time:?}")),
            },
            ["corrupt", "etcd", master] => find(master).map(|ix| Fault::Corrupt(MasterIx(ix.0), None)),
            ["corrupt", "etcd", master, key] => {
                find(master).map(|ix| Fault::Corrupt(MasterIx(ix.0), Some((*key).to_owned())))
            }
            ["skew", name, time] => match (find(name), clock::skew(time)) {
                (Ok(ix), Some(millis)) => Ok(Fault::Skew(ix, millis)),
                (Err(why), _) => Err(why),
                (_, None) => Err(format!("skew takes a time of at most 24h such as 30s or -30s, not {time:?}")),
            },
            ["expire", rest @ ..] => clock::certificate(rest, find).map(Fault::Expire),
            ["renew", rest @ ..] => clock::certificate(rest, find).map(Fault::Renew),
            ["full-disk", "etcd", master] => find(master).map(|ix| Fault::FullDisk(MasterIx(ix.0))),
            ["quota", master, size] => match (find(master), bytes(size)) {
                (Ok(ix), Some(bytes)) => Ok(Fault::Quota(MasterIx(ix.0), bytes)),
                (Err(why), _) => Err(why),
                (_, None) => Err(format!("quota takes off or bytes such as 400Ki or 8Mi, not {size:?}")),
            },
            ["slow-disk", master, time] => match (find(master), parse_span(time)) {
                (Ok(ix), Some(span)) => Ok(Fault::SlowDisk(MasterIx(ix.0), span)),
                (Err(why), _) => Err(why),
                (_, None) => Err(format!("slow-disk takes a time such as 50ms, not {time:?}")),
            },
            _ => Err(format!(
                "{:?} is no fault; there are partition NODE… [from NODE…], one-way NODE… to NODE…, heal, \
                 crash COMPONENT [NODE], start COMPONENT [NODE], pause COMPONENT [NODE], resume COMPONENT [NODE], crash node NODE, start node NODE, pause node NODE, resume node NODE, loss PERCENT, delay TIME, slow-disk MASTER TIME, full-disk etcd MASTER, quota MASTER SIZE or off, corrupt etcd MASTER [KEY], skew NODE TIME, expire COMPONENT NODE, renew COMPONENT NODE, chaos TIME or off, link NODE …, ip-forward NODE off, \
                 conntrack NODE full, stale-route NODE NODE, wrong-fdb NODE NODE, drop-rule NODE TABLE CHAIN N",
                words.join(" ")
            )),
        }
    }
}

/// A number of bytes: `400Ki`, `8Mi`, `off`, which is 0.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix("Ki").map(|n| (n, 1 << 10)) {
        Some(found) => found,
        None => text.strip_suffix("Mi").map_or((text, 1), |n| (n, 1 << 20)),
    };
    match text {
        "off" => Some(0),
        _ => number.parse::<u64>().ok().filter(|n| (1..1 << 30).contains(n)).map(|n| n * unit),
    }
}

/// Two sets of nodes between which a word stands.
fn apart(names: &[&str], word: &str, find: impl Fn(&str) -> Result<NodeIx, String>) -> Result<Fault, String> {
    let all = |names: &[&str]| names.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>();
    let mut sides = names.split(|name| *name == word);
    match (sides.next(), sides.next(), sides.next()) {
        (Some(from), Some(to), None) if !from.is_empty() && !to.is_empty() => {
            Ok(Fault::Apart { from: all(from)?, to: all(to)?, one_way: word == "to" })
        }
        _ => Err(format!("this takes nodes, {word}, and nodes: master1 {word} master2 master3")),
    }
}

/// The process that a component's name and, for one of a node, the node's name mean.
///
/// # Errors
/// There is none, with those that there are; or what `find` says of the node.
pub fn process(words: &[&str], find: impl Fn(&str) -> Result<NodeIx, String>) -> Result<Actor, String> {
    let of_master: Option<fn(MasterIx) -> Actor> = match words.first().copied() {
        Some("kube-apiserver" | "apiserver") => Some(Actor::ApiServer),
        Some("kube-scheduler" | "scheduler") => Some(Actor::Scheduler),
        Some("kube-controller-manager" | "controller-manager") => Some(Actor::ControllerManager),
        Some("etcd") => Some(Actor::Etcd),
        _ => None,
    };
    match (words, of_master) {
        ([_], Some(actor)) => return Ok(actor(MasterIx(0))),
        // Masters are the first nodes.
        ([_, master], Some(actor)) => return find(master).map(|ix| actor(MasterIx(ix.0))),
        _ => {}
    }
    match words {
        ["load-balancer"] => Ok(Actor::LoadBalancer),
        ["kubelet", node] => find(node).map(Actor::Kubelet),
        ["kube-proxy", node] => find(node).map(Actor::KubeProxy),
        ["flanneld", node] => find(node).map(Actor::Flanneld),
        _ => Err(format!(
            "{:?} cannot be crashed; there are kube-apiserver, kube-scheduler, kube-controller-manager and etcd, each with \
             one of several masters, load-balancer, with a node kubelet, kube-proxy, flanneld, and a whole node (node NODE)",
            words.join(" ")
        )),
    }
}

impl Faults {
    /// Whether a message from one actor to another cannot get through.
    pub fn cuts(&self, from: Option<NodeIx>, to: Option<NodeIx>) -> bool {
        let is_off = |node: NodeIx| self.cut.contains(&node) || self.off.contains(&node);
        let is_apart = from.zip(to).is_some_and(|pair| self.apart.contains(&pair));
        from != to && (is_apart || [from, to].into_iter().flatten().any(is_off))
    }

    /// Whether chance takes a message.
    pub fn loses(&self, rng: &mut Rng) -> bool {
        self.loss > 0 && rng.chance(self.loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &str, expected: Result<Fault, &str>) {
        let node = |name: &str| (name == "worker1").then_some(NodeIx(0));
        assert_eq!(Fault::parse(words, node), expected.map_err(str::to_owned));
    }

    #[test]
    fn faults_are_read_and_refused_with_words() {
        check("partition worker1", Ok(Fault::Partition(vec![NodeIx(0)])));
        check("crash kubelet worker1", Ok(Fault::Crash(Actor::Kubelet(NodeIx(0)))));
        check("crash etcd", Ok(Fault::Crash(Actor::Etcd(MasterIx(0)))));
        check("crash node worker1", Ok(Fault::PowerOff(NodeIx(0))));
        check("start node worker1", Ok(Fault::PowerOn(NodeIx(0))));
        check("start scheduler", Ok(Fault::Start(Actor::Scheduler(MasterIx(0)))));
        check("loss 5%", Ok(Fault::Loss(50_000)));
        check("slow-disk worker1 50ms", Ok(Fault::SlowDisk(MasterIx(0), Span::millis(50))));
        check("slow-disk worker1 soon", Err("slow-disk takes a time such as 50ms, not \"soon\""));
        check("delay 200ms", Ok(Fault::Delay(Span::millis(200))));
        let on = |fault| Ok(Fault::Network(NodeIx(0), fault));
        let link = LinkFault { loss: 50_000, delay: Span::millis(20), mtu: Some(1_400), ..LinkFault::default() };
        check("link worker1 loss=5% delay=20ms mtu=1400", on(NetFault::Link(link)));
        check("link worker1", on(NetFault::Link(LinkFault::default())));
        check("ip-forward worker1 off", on(NetFault::IpForward(false)));
        check("conntrack worker1 full", on(NetFault::Conntrack(None)));
        check("conntrack worker1 100", on(NetFault::Conntrack(Some(100))));
        check("stale-route worker1 worker1", on(NetFault::StaleRoute(NodeIx(0))));
        let (table, chain) = (crate::net::filter::Table::Nat, "PREROUTING".into());
        check("drop-rule worker1 nat PREROUTING 2", on(NetFault::DropRule { table, chain, number: 2 }));
        check("drop-rule worker1 pot PREROUTING 2", Err("there is no table \"pot\""));
        check(
            "link worker1 loss=200%",
            Err("\"loss=200%\" is none of loss=5%, duplicate=1%, delay=20ms, jitter=5ms, mtu=1400"),
        );
        let own = || vec![NodeIx(0)];
        check("partition worker1 from worker1", Ok(Fault::Apart { from: own(), to: own(), one_way: false }));
        check("one-way worker1 to worker1", Ok(Fault::Apart { from: own(), to: own(), one_way: true }));
        check("one-way worker1", Err("this takes nodes, to, and nodes: master1 to master2 master3"));
        check("pause kubelet worker1", Ok(Fault::Pause(Actor::Kubelet(NodeIx(0)))));
        check("resume etcd", Ok(Fault::Resume(Actor::Etcd(MasterIx(0)))));
        check("partition worker9", Err("there is no node \"worker9\""));
        check("loss 200", Err("loss takes 0 to 100 per cent, not \"200\""));
        check("chaos 20s", Ok(Fault::Chaos(Some(Span::secs(20)))));
        check("chaos off", Ok(Fault::Chaos(None)));
        check("chaos 0s", Err("chaos takes off or a time of at least 1s such as 20s, not \"0s\""));
        check("full-disk etcd worker1", Ok(Fault::FullDisk(MasterIx(0))));
        check("quota worker1 400Ki", Ok(Fault::Quota(MasterIx(0), 400 << 10)));
        check("quota worker1 off", Ok(Fault::Quota(MasterIx(0), 0)));
        check("quota worker1 much", Err("quota takes off or bytes such as 400Ki or 8Mi, not \"much\""));
        check("corrupt etcd worker1", Ok(Fault::Corrupt(MasterIx(0), None)));
        check("corrupt etcd worker1 /a", Ok(Fault::Corrupt(MasterIx(0), Some("/a".into()))));
        check("skew worker1 30s", Ok(Fault::Skew(NodeIx(0), 30_000)));
        check("skew worker1 -90m", Ok(Fault::Skew(NodeIx(0), -5_400_000)));
        check("skew worker1 25h", Err("skew takes a time of at most 24h such as 30s or -30s, not \"25h\""));
        check("expire kubelet worker1", Ok(Fault::Expire(Actor::Kubelet(NodeIx(0)))));
        check("renew kube-apiserver worker1", Ok(Fault::Renew(Actor::ApiServer(MasterIx(0)))));
        check(
            "expire etcd worker1",
            Err(
                "\"etcd worker1\" has no certificate here; there are kube-apiserver with a master and kubelet with a node",
            ),
        );
        check("pause node worker1", Ok(Fault::PauseNode(NodeIx(0))));
        check("delay soon", Err("delay takes a time such as 200ms, not \"soon\""));
    }
}
