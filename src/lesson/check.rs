//! The language of checks: what must be true of the cluster. A line a check; all must hold.
//!
//! ```text
//! pods -l app=web where ready count >= 3 -- Three pods of the web are ready.
//! deployments web where .spec.replicas = 5
//! no pods -l app=old
//! pods -l app=web distinct .spec.nodeName >= 2
//! never deployments web where .status.availableReplicas < 3
//! packet from app=client to app=web through veth*,flannel0 within 30s
//! packet from app=client service web port 80
//! etcd /lesson/color = blue
//! etcd /lesson/color version >= 2
//! etcd /registry/pods/default/ count >= 3
//! process kubelet worker1 stopped
//! node worker1 device flannel.1
//! no node worker1 route 10.244.9.0/24
//! scheduler pod big rejects worker1 NodeResourcesFit
//! scheduler pod big chooses worker2
//! ```
//!
//! Objects: `-n NAMESPACE` and `-A` choose namespaces (`default` otherwise); `where` takes conditions joined by `and`: `ready`,
//! a path ([`super::path`]) that leads somewhere, `no` and a path that does not, or a path, one of `=` `!=` `>=` `<=` `>` `<`
//! `~` (contains) and a value. Without `count` or `distinct`, at least one object must fit.
//!
//! A packet counts if it was sent since the step began, and arrived; `through` names devices, `*` at the end of a name stands
//! for the rest of it. `never` before objects or a packet: at no time since the step began. `within` at the end of a line: true
//! only so long after the step began. `no` before a line: it does not hold. After ` -- ` stands what is missing as long as the
//! check does not hold.

mod objects;
mod words;

use crate::lesson::check::objects::{Objects, Relation, has_labels};
use crate::lesson::check::words::{Labels, Words};
use crate::lesson::facts::{Facts, Moment, PacketFact};
use crate::lesson::said::Said;
use crate::sim::Span;

pub use words::CheckError;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    mood: Mood,
    claim: Claim,
    within: Option<Span>,
    /// What is missing as long as it does not hold.
    pub missing: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mood {
    Is,
    IsNot,
    WasNever,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Claim {
    Objects(Objects),
    Packet { from: Labels, to: Labels, through: Vec<String>, service: Option<String>, port: Option<u64> },
    Etcd { prefix: String, measure: EtcdMeasure, relation: Relation, value: String },
    Process { name: String, node: Option<String>, runs: bool },
    Device { node: String, name: String },
    Route { node: String, words: String },
    Chooses { pod: String, node: String },
    Rejects { pod: String, node: String, plugin: Option<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum EtcdMeasure {
    Count,
    Version,
    Value,
}

impl Check {
    /// Reads a line.
    ///
    /// # Errors
    /// Words that the language does not have.
    pub fn parse(line: &str) -> Result<Check, CheckError> {
        let (claim, missing) = line.split_once(" -- ").unwrap_or((line, line));
        let mut words = Words::of(claim);
        let mood = if words.take("never") {
            Mood::WasNever
        } else if words.take("no") {
            Mood::IsNot
        } else {
            Mood::Is
        };
        let claim = Claim::read(&mut words)?;
        if mood == Mood::WasNever && !matches!(claim, Claim::Objects(_) | Claim::Packet { .. }) {
            return Err(words.error(["never is for objects and packets", "never 只能用于对象和数据包"].into()));
        }
        let within = if words.take("within") { Some(words.span()?) } else { None };
        match words.peek() {
            None => Ok(Check { mood, claim, within, missing: missing.trim().to_owned() }),
            Some(word) => {
                Err(words
                    .error(Said::of(format!("{word:?} was not expected here"), format!("这里不应该出现 {word:?}"))))
            }
        }
    }

    /// Whether it is true, in a step that began at `since`.
    pub fn holds(&self, facts: &dyn Facts, since: Moment) -> bool {
        if self.is_too_late(facts, since) {
            return false;
        }
        match (self.mood, &self.claim) {
            (Mood::Is, claim) => claim.holds(facts, since),
            (Mood::IsNot, claim) => !claim.holds(facts, since),
            (Mood::WasNever, Claim::Objects(objects)) => {
                !facts.history(objects.resource(), since).iter().any(|state| objects.hold(state))
            }
            (Mood::WasNever, claim) => !claim.holds(facts, since),
        }
    }

    /// Whether its time is over: it can only be met if the step begins again.
    pub fn is_too_late(&self, facts: &dyn Facts, since: Moment) -> bool {
        self.within.is_some_and(|within| facts.now().at > since.at + within)
    }

    /// What it claims, without its words: two languages of one lesson must claim the same.
    pub fn same_claim(&self, other: &Check) -> bool {
        (self.mood, &self.claim, self.within) == (other.mood, &other.claim, other.within)
    }
}

impl Claim {
    fn read(words: &mut Words<'_>) -> Result<Claim, CheckError> {
        if words.take("packet") {
            packet(words)
        } else if words.take("etcd") {
            etcd(words)
        } else if words.take("process") {
            process(words)
        } else if words.take("node") {
            node(words)
        } else if words.take("scheduler") {
            scheduler(words)
        } else {
            Objects::read(words).map(Claim::Objects)
        }
    }

    fn holds(&self, facts: &dyn Facts, since: Moment) -> bool {
        match self {
            Claim::Objects(objects) => objects.hold(&facts.objects(objects.resource()).unwrap_or_default()),
            Claim::Packet { .. } => facts.packets().iter().any(|p| p.sent >= since.at && self.fits(p)),
            Claim::Etcd { prefix, measure, relation, value } => {
                let keys = facts.keys(prefix);
                match measure {
                    EtcdMeasure::Count => relation.of_values(&[keys.len().to_string()], value),
                    EtcdMeasure::Version => {
                        keys.iter().any(|key| relation.of_values(&[key.version.to_string()], value))
                    }
                    EtcdMeasure::Value => {
                        keys.iter().any(|key| relation.of_values(std::slice::from_ref(&key.value), value))
                    }
                }
            }
            Claim::Process { name, node, runs } => facts.runs(name, node.as_deref()) == Some(*runs),
            Claim::Device { node, name } => facts.devices(node).iter().any(|device| is_named(device, name)),
            Claim::Route { node, words } => facts.routes(node).iter().any(|route| route.contains(words.as_str())),
            Claim::Chooses { pod, node } => {
                facts.decisions(pod).last().is_some_and(|last| last.chosen.as_ref() == Some(node))
            }
            Claim::Rejects { pod, node, plugin } => facts.decisions(pod).iter().any(|decision| {
                decision.rejected.iter().any(|(n, p)| n == node && plugin.as_ref().is_none_or(|wanted| p == wanted))
            }),
        }
    }

    fn fits(&self, packet: &PacketFact) -> bool {
        let Claim::Packet { from, to, through, service, port } = self else { return false };
        has_labels(&packet.from, from)
            && has_labels(&packet.to, to)
            && through.iter().all(|name| packet.devices.iter().any(|device| is_named(device, name)))
            && service.as_ref().is_none_or(|wanted| packet.via_service.as_ref() == Some(wanted))
            && port.is_none_or(|wanted| u64::from(packet.port) == wanted)
    }
}

const RUNS_OR_STOPPED: [&str; 2] = ["runs or stopped", " runs 或 stopped"];
const A_NODE: [&str; 2] = ["a node", "节点名称"];

fn packet(words: &mut Words<'_>) -> Result<Claim, CheckError> {
    let (mut from, mut to, mut through) = (Labels::new(), Labels::new(), Vec::new());
    let (mut service, mut port) = (None, None);
    loop {
        if words.take("from") {
            from = words.labels()?;
        } else if words.take("to") {
            to = words.labels()?;
        } else if words.take("through") {
            through = words
                .next(["devices such as veth*,docker0", "设备（如 veth*,docker0）"])?
                .split(',')
                .map(str::to_owned)
                .collect();
        } else if words.take("service") {
            service = Some(words.next(["a service", "Service 名称"])?.to_owned());
        } else if words.take("port") {
            port = Some(words.number()?);
        } else {
            return Ok(Claim::Packet { from, to, through, service, port });
        }
    }
}

fn etcd(words: &mut Words<'_>) -> Result<Claim, CheckError> {
    let prefix = words.next(["a key such as /registry/pods/", "键（如 /registry/pods/）"])?.to_owned();
    let measure = if words.take("count") {
        EtcdMeasure::Count
    } else if words.take("version") {
        EtcdMeasure::Version
    } else if words.peek().is_none_or(|word| word == "within") {
        return Ok(Claim::Etcd { prefix, measure: EtcdMeasure::Count, relation: Relation::AtLeast, value: "1".into() });
    } else {
        EtcdMeasure::Value
    };
    let relation = words.relation()?;
    let value = match measure {
        EtcdMeasure::Value => words.next(["a value", "值"])?.to_owned(),
        _ => words.number()?.to_string(),
    };
    Ok(Claim::Etcd { prefix, measure, relation, value })
}

fn process(words: &mut Words<'_>) -> Result<Claim, CheckError> {
    let name = words.next(["a process such as kubelet", "进程（如 kubelet）"])?.to_owned();
    let mut node = None;
    loop {
        if words.take("runs") {
            return Ok(Claim::Process { name, node, runs: true });
        } else if words.take("stopped") {
            return Ok(Claim::Process { name, node, runs: false });
        } else if node.is_some() {
            return Err(words.missing(RUNS_OR_STOPPED));
        }
        node = Some(words.next(RUNS_OR_STOPPED)?.to_owned());
    }
}

fn node(words: &mut Words<'_>) -> Result<Claim, CheckError> {
    let node = words.next(A_NODE)?.to_owned();
    if words.take("device") {
        Ok(Claim::Device {
            node, name: words.next(["a device such as flannel0", "设备（如 flannel0）"])?.to_owned()
        })
    } else if words.take("route") {
        let mut text = words.next(["a route such as 10.244.1.0/24", "路由（如 10.244.1.0/24）"])?.to_owned();
        while let Some(word) = words.peek().filter(|word| *word != "within") {
            text = format!("{text} {word}");
            words.take(word);
        }
        Ok(Claim::Route { node, words: text })
    } else {
        Err(words.missing(["device or route", " device 或 route"]))
    }
}

fn scheduler(words: &mut Words<'_>) -> Result<Claim, CheckError> {
    if !words.take("pod") {
        return Err(words.missing(["pod", " pod"]));
    }
    let pod = words.next(["a pod", "Pod 名称"])?.to_owned();
    if words.take("chooses") {
        return Ok(Claim::Chooses { pod, node: words.next(A_NODE)?.to_owned() });
    }
    if !words.take("rejects") {
        return Err(words.missing(["chooses or rejects", " chooses 或 rejects"]));
    }
    let node = words.next(A_NODE)?.to_owned();
    let plugin = words.peek().filter(|word| *word != "within").map(str::to_owned);
    if let Some(plugin) = &plugin {
        words.take(plugin);
    }
    Ok(Claim::Rejects { pod, node, plugin })
}

/// Whether a device has a name, or begins as a name that ends in `*`.
fn is_named(device: &str, name: &str) -> bool {
    name.strip_suffix('*').map_or(device == name, |start| device.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::facts::{DecisionFact, KeyFact};
    use crate::sim::{Time, VecMap};
    use serde_json::{Value, json};

    struct World;

    impl Facts for World {
        fn objects(&self, resource: &str) -> Option<Vec<Value>> {
            let pod = |name: &str, app: &str, node: &str, ready: &str| {
                json!({"metadata": {"name": name, "namespace": "default", "labels": {"app": app}},
                    "spec": {"nodeName": node},
                    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
            };
            match resource {
                "pods" => Some(vec![
                    pod("a", "web", "n1", "True"),
                    pod("b", "web", "n2", "True"),
                    pod("c", "db", "n1", "False"),
                ]),
                "deployments" => {
                    Some(vec![json!({"metadata": {"name": "web", "namespace": "default"}, "spec": {"replicas": 2}})])
                }
                _ => None,
            }
        }

        fn packets(&self) -> Vec<PacketFact> {
            let app = |name: &str| VecMap::from([("app".to_owned(), name.to_owned())]);
            vec![PacketFact {
                sent: Time::ZERO + Span::secs(10),
                from: app("client"),
                to: app("web"),
                devices: vec!["eth0".into(), "vethab12".into(), "flannel0".into()],
                via_service: Some("web".into()),
                port: 80,
            }]
        }

        fn history(&self, resource: &str, since: Moment) -> Vec<Vec<Value>> {
            let replicas =
                |n: u32| vec![json!({"metadata": {"name": "web", "namespace": "default"}, "spec": {"replicas": n}})];
            let all = [(1, replicas(1)), (5, replicas(3)), (9, replicas(2))];
            let of = all.into_iter().filter(|(revision, _)| resource == "deployments" && *revision >= since.revision);
            of.map(|(_, state)| state).collect()
        }

        fn keys(&self, prefix: &str) -> Vec<KeyFact> {
            let key = KeyFact { key: "/lesson/color".into(), value: "blue".into(), version: 2 };
            [key].into_iter().filter(|key| key.key.starts_with(prefix)).collect()
        }

        fn runs(&self, process: &str, node: Option<&str>) -> Option<bool> {
            match (process, node) {
                ("kubelet", Some(node)) => Some(node != "n1"),
                ("kube-scheduler", None) => Some(true),
                _ => None,
            }
        }

        fn devices(&self, _: &str) -> Vec<String> {
            vec!["eth0".into(), "vethab12".into()]
        }

        fn routes(&self, _: &str) -> Vec<String> {
            vec!["10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink".into()]
        }

        fn decisions(&self, pod: &str) -> Vec<DecisionFact> {
            let fit = ("n1".to_owned(), "NodeResourcesFit".to_owned());
            let big = DecisionFact { chosen: Some("n2".into()), rejected: vec![fit] };
            if pod == "big" { vec![big] } else { Vec::new() }
        }

        fn now(&self) -> Moment {
            Moment { at: Time::ZERO + Span::secs(40), revision: 9 }
        }
    }

    #[test]
    fn checks_are_true_or_false_of_the_cluster() {
        for (line, expected) in [
            ("pods -l app=web where ready count >= 2", true),
            ("pods -l app=web where ready count > 2", false),
            ("pods a", true),
            ("pods a where .spec.nodeName = n2", false),
            ("pods where ready and .spec.nodeName != n2 count = 1", true),
            ("no pods -l app=old", true),
            ("no pods -l app=web", false),
            ("pods -l app=web distinct .spec.nodeName = 2", true),
            ("pods -n other", false),
            ("deployments web where .spec.replicas >= 2", true),
            ("pods where .spec.nodeName and no .spec.hostname count = 3", true),
            ("pods where .spec.hostname", false),
            ("jobs", false),
            ("packet from app=client to app=web through flannel0", true),
            ("packet from app=client to app=web through flannel.1", false),
            ("packet from app=web", false),
            ("packet from app=client through veth*,flannel0 service web port 80", true),
            ("packet from app=client port 8080", false),
            ("no packet from app=web", true),
            ("pods a within 35s", true),
            ("pods a within 30s", false),
            ("never deployments web where .spec.replicas > 2", false),
            ("never deployments web where .spec.replicas < 2", true),
            ("never packet from app=web", true),
            ("etcd /lesson/color", true),
            ("etcd /lesson/ = blue", true),
            ("etcd /lesson/color = red", false),
            ("etcd /lesson/color version >= 2", true),
            ("etcd / count > 1", false),
            ("no etcd /other", true),
            ("process kubelet n1 stopped", true),
            ("process kubelet n2 stopped", false),
            ("process kube-scheduler runs", true),
            ("process nobody runs", false),
            ("node n1 device veth*", true),
            ("no node n1 device flannel0", true),
            ("node n1 route 10.244.1.0/24 via 10.244.1.0", true),
            ("node n1 route 10.244.2.0/24", false),
            ("scheduler pod big rejects n1 NodeResourcesFit", true),
            ("scheduler pod big rejects n1 TaintToleration", false),
            ("scheduler pod big chooses n2", true),
            ("scheduler pod small chooses n2", false),
        ] {
            let since = Moment { at: Time::ZERO + Span::secs(8), revision: 5 };
            assert_eq!(Check::parse(line).map(|check| check.holds(&World, since)), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_check_says_which_word() {
        for (line, message) in [
            ("pods count => 3", (12, "\"=>\" is not one of = != >= <= > < ~")),
            ("pods a  b", (9, "\"b\" was not expected here")),
            ("pods where phase = Running", (12, "\"phase\" is not a path such as .spec.replicas")),
            ("pods count >= many", (15, "\"many\" is not a number")),
            ("pods count >=", (14, "a number is missing")),
            ("packet from web", (13, "\"web\" is not labels such as app=web")),
            ("never process kubelet runs", (27, "never is for objects and packets")),
            ("process kubelet worker1", (24, "runs or stopped is missing")),
            ("node worker1 routes", (14, "device or route is missing")),
            ("pods a within soon", (15, "\"soon\" is not a time such as 30s")),
            ("pots web", (1, "\"pots\" is not a resource such as pods")),
        ] {
            let found = Check::parse(line).map_err(|error| (error.column, error.what.to_string()));
            assert_eq!(found, Err((message.0, message.1.to_owned())), "{line}");
        }
    }
}
