//! The scenario: what kind of cluster runs, as the words after `!cluster` say it.
//!
//! ```text
//! nodes=3 masters=1 names=worker1,worker2,worker3 backend=udp proxy=userspace policy=off cloud=off pull=2s seed=7
//! ```
//!
//! Every key is optional. `Display` writes all of them, so that a scenario can be read back.

use crate::net::ipvs::Scheduler;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::api::Timestamp;
use crate::sim::Span;

/// What kind of cluster runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scenario {
    /// The names of the worker nodes, in order; at least one.
    pub names: Vec<String>,
    /// How many masters; 0: the control plane is hosted and no master is a node.
    pub masters: u8,
    /// flannel's backend.
    pub backend: Backend,
    /// kube-proxy's mode.
    pub proxy: ProxyMode,
    /// How IPVS chooses among real servers.
    #[serde(default)]
    pub scheduler: Scheduler,
    /// Whether network policies are enforced.
    pub policy: bool,
    /// Whether the nodes are a cloud's, which gives Services load balancers.
    pub cloud: bool,
    /// How long an image pull takes.
    pub pull: Span,
    /// The seed of all randomness.
    pub seed: u64,
}

/// How packets reach pods on other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Backend {
    /// flannel through UDP port 8285 and flanneld.
    Udp,
    /// flannel through VXLAN.
    Vxlan,
    /// flannel through plain routes.
    HostGw,
    /// No overlay.
    None,
}

/// How Services are implemented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProxyMode {
    /// A listening process per service port, round robin.
    Userspace,
    /// Rules only, random.
    Iptables,
    /// IP virtual server.
    Ipvs,
    /// nftables.
    Nftables,
}

/// What a scenario may say.
const KEYS: &str = "nodes=, masters=, names=, backend=, proxy=, scheduler=, policy=, cloud=, pull=, seed=";

/// The words do not describe a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScenarioError {
    /// Not of the form `key=value`, or no such key.
    UnknownKey(String),
    /// The value does not fit the key; what would.
    BadValue {
        /// The key.
        key: &'static str,
        /// The value that was given.
        value: String,
        /// What was expected, in English and in Chinese.
        expected: [&'static str; 2],
    },
}

/// The most nodes that a scenario may have: the published limit of Kubernetes.
pub const MOST_NODES: u32 = 5_000;

impl Default for Scenario {
    fn default() -> Self {
        Scenario {
            names: worker_names(3),
            masters: 1,
            backend: Backend::Udp,
            proxy: ProxyMode::Userspace,
            scheduler: Scheduler::RoundRobin,
            policy: false,
            cloud: false,
            pull: Span::secs(2),
            seed: 1,
        }
    }
}

fn worker_names(count: u32) -> Vec<String> {
    (1..=count).map(|n| format!("worker{n}")).collect()
}

impl Backend {
    /// All of them with their words.
    pub const ALL: [(Backend, &'static str); 4] =
        [(Backend::Udp, "udp"), (Backend::Vxlan, "vxlan"), (Backend::HostGw, "host-gw"), (Backend::None, "none")];

    /// The word: `udp`.
    pub fn word(self) -> &'static str {
        word_of(&Self::ALL, self)
    }
}

impl ProxyMode {
    /// All of them with their words.
    pub const ALL: [(ProxyMode, &'static str); 4] = [
        (ProxyMode::Userspace, "userspace"),
        (ProxyMode::Iptables, "iptables"),
        (ProxyMode::Ipvs, "ipvs"),
        (ProxyMode::Nftables, "nftables"),
    ];

    /// The word: `userspace`.
    pub fn word(self) -> &'static str {
        word_of(&Self::ALL, self)
    }
}

fn word_of<T: PartialEq + Copy>(words: &[(T, &'static str)], value: T) -> &'static str {
    words.iter().find(|(v, _)| *v == value).map(|(_, word)| *word).expect("every variant has its word")
}

fn by_word<T: Copy>(words: &[(T, &'static str)], word: &str) -> Option<T> {
    words.iter().find(|(_, w)| *w == word).map(|(v, _)| *v)
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    fn from_str(words: &str) -> Result<Scenario, ScenarioError> {
        let mut scenario = Scenario::default();
        let mut nodes = None;
        let mut names = None;
        for word in words.split_whitespace() {
            let (key, value) = word.split_once('=').ok_or_else(|| ScenarioError::UnknownKey(word.into()))?;
            match key {
                "nodes" => nodes = Some(number("nodes", value, 1, u64::from(MOST_NODES))?),
                "names" => names = Some(node_names(value)?),
                "masters" => scenario.masters = masters(value)?,
                "backend" => {
                    scenario.backend = choice(
                        "backend",
                        value,
                        &Backend::ALL,
                        ["udp, vxlan, host-gw or none", "udp、vxlan、host-gw 或 none"],
                    )?
                }
                "proxy" => {
                    scenario.proxy = choice(
                        "proxy",
                        value,
                        &ProxyMode::ALL,
                        ["userspace, iptables, ipvs or nftables", "userspace、iptables、ipvs 或 nftables"],
                    )?;
                }
                "scheduler" => {
                    let words = Scheduler::ALL.map(|scheduler| (scheduler, scheduler.word()));
                    scenario.scheduler = choice(
                        "scheduler",
                        value,
                        &words,
                        ["rr, wrr, lc, wlc, sed, nq, dh or sh", "rr、wrr、lc、wlc、sed、nq、dh 或 sh"],
                    )?;
                }
                "policy" => scenario.policy = choice("policy", value, &SWITCH, ["on or off", "on 或 off"])?,
                "cloud" => scenario.cloud = choice("cloud", value, &SWITCH, ["on or off", "on 或 off"])?,
                "pull" => {
                    scenario.pull =
                        parse_span(value).ok_or_else(|| bad("pull", value, ["a time such as 2s", "时长（如 2s）"]))?
                }
                "seed" => scenario.seed = number("seed", value, 0, u64::MAX)?,
                _ => return Err(ScenarioError::UnknownKey(word.into())),
            }
        }
        scenario.names = match (nodes, names) {
            (None, None) => scenario.names,
            (Some(count), None) => worker_names(u32::try_from(count).expect("at most the limit")),
            (None, Some(names)) => names,
            (Some(count), Some(names)) if count == names.len() as u64 => names,
            (Some(_), Some(names)) => {
                return Err(bad("names", &names.join(","), ["as many names as nodes", "与节点数相同的名称"]));
            }
        };
        Ok(scenario)
    }
}

impl Scenario {
    /// The calendar time at virtual time zero: 2026-01-01T00:00:00Z.
    pub fn epoch(&self) -> Timestamp {
        Timestamp(1_767_225_600)
    }

    /// Where clients reach the API server.
    pub fn server(&self) -> String {
        format!("https://{}:6443", self.server_address())
    }

    /// The address at which clients reach the API server: the load balancer's before several masters.
    pub fn server_address(&self) -> Ipv4Addr {
        if self.masters > 1 { Ipv4Addr::new(192, 168, 1, 5) } else { self.master_address(0) }
    }

    /// The address of a master, counted from 0, or of the hosted control plane.
    pub fn master_address(&self, at: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(Ipv4Addr::new(192, 168, 1, 10)) + at)
    }

    /// The names of all nodes with their addresses: the masters, then the workers.
    pub fn nodes(&self) -> Vec<(String, Ipv4Addr, bool)> {
        let masters = (0..u32::from(self.masters)).map(|n| (format!("master{}", n + 1), self.master_address(n), true));
        // A hosted control plane's nodes are in the range for documentation, where there is room for them.
        let hosted = self.masters == 0 && self.names.len() < 200;
        let base = u32::from(if hosted { Ipv4Addr::new(192, 0, 2, 10) } else { Ipv4Addr::new(192, 168, 1, 20) });
        let workers = self.names.iter().zip(1_u32..).map(|(name, n)| (name.clone(), Ipv4Addr::from(base + n), false));
        masters.chain(workers).collect()
    }
}

/// What may be on or off.
const SWITCH: [(bool, &str); 2] = [(true, "on"), (false, "off")];
/// How many masters there may be.
const ODD: [&str; 2] = [
    "0, 1, 3 or 5: of an even number, no more may fail than of one less",
    "0、1、3 或 5：偶数个成员能容忍的故障并不比少一个时更多",
];

fn bad(key: &'static str, value: &str, expected: [&'static str; 2]) -> ScenarioError {
    ScenarioError::BadValue { key, value: value.into(), expected }
}

fn number(key: &'static str, value: &str, least: u64, most: u64) -> Result<u64, ScenarioError> {
    let n: u64 = value.parse().map_err(|_| bad(key, value, ["a whole number", "整数"]))?;
    if (least..=most).contains(&n) {
        Ok(n)
    } else {
        Err(bad(key, value, ["a number within the limits", "限度之内的数"]))
    }
}

/// Even numbers of masters are refused: a member more, and no member more may fail.
fn masters(value: &str) -> Result<u8, ScenarioError> {
    match number("masters", value, 0, 5)? {
        2 | 4 => Err(bad("masters", value, ODD)),
        n => Ok(u8::try_from(n).expect("at most 5")),
    }
}

fn choice<T: Copy>(
    key: &'static str,
    value: &str,
    words: &[(T, &'static str)],
    expected: [&'static str; 2],
) -> Result<T, ScenarioError> {
    by_word(words, value).ok_or_else(|| bad(key, value, expected))
}

fn node_names(value: &str) -> Result<Vec<String>, ScenarioError> {
    let names: Vec<String> = value.split(',').map(str::to_owned).collect();
    let label = |name: &String| {
        !name.is_empty()
            && name.len() <= 63
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    if names.iter().all(label) && sorted.len() == names.len() && !names.iter().any(|n| n.starts_with("master")) {
        Ok(names)
    } else {
        Err(bad(
            "names",
            value,
            [
                "different lower-case DNS labels that do not begin with master",
                "互不相同、不以 master 开头的小写 DNS 标签",
            ],
        ))
    }
}

/// Reads a length of time as Go writes it: `300ms`, `2s`, `1m30s`, `1.5h`, `0`; `None` if it is none.
pub fn parse_span(text: &str) -> Option<Span> {
    if text == "0" {
        return Some(Span::ZERO);
    }
    let mut rest = text;
    let mut total = Span::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let nanos: u64 = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.len() > 9 || fraction.contains('.') {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
        let part: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let part = u64::try_from(u128::from(part) * u128::from(nanos) / u128::from(scale)).ok()?;
        total = total + Span(whole.checked_mul(nanos)?.checked_add(part)?);
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nodes={} masters={}", self.names.len(), self.masters)?;
        if self.names != worker_names(u32::try_from(self.names.len()).unwrap_or(0)) {
            write!(f, " names={}", self.names.join(","))?;
        }
        let ms = self.pull.as_millis();
        let scheduler = match self.scheduler {
            Scheduler::RoundRobin => String::new(),
            other => format!(" scheduler={}", other.word()),
        };
        let policy = if self.policy { " policy=on" } else { "" };
        let cloud = if self.cloud { " cloud=on" } else { "" };
        let (backend, proxy) = (self.backend.word(), self.proxy.word());
        write!(f, " backend={backend} proxy={proxy}{scheduler}{policy}{cloud} pull={ms}ms seed={}", self.seed)
    }
}

impl ScenarioError {
    /// It in Chinese; `Display` is in English.
    pub fn in_chinese(&self) -> String {
        match self {
            ScenarioError::UnknownKey(word) => format!("{word:?} 不在 {KEYS} 之中"),
            ScenarioError::BadValue { key, value, expected: [_, expected] } => format!("{key}={value}：应为{expected}"),
        }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScenarioError::UnknownKey(word) => {
                write!(f, "{word:?} is none of {KEYS}")
            }
            ScenarioError::BadValue { key, value, expected: [expected, _] } => {
                write!(f, "{key}={value}: expected {expected}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_written_so_that_it_can_be_read_back() {
        for words in [
            "",
            "nodes=5 seed=7 proxy=iptables",
            "policy=on cloud=on",
            "proxy=ipvs scheduler=lc",
            "nodes=3 masters=0 names=node1,node2,node3 pull=0s seed=1",
        ] {
            let scenario: Scenario = words.parse().expect("valid");
            assert_eq!(scenario.to_string().parse(), Ok(scenario), "{words}");
        }
    }

    #[test]
    fn bad_words_say_what_would_fit() {
        for (words, message) in [
            ("nodes=0", "nodes=0: expected a number within the limits"),
            ("masters=2", "masters=2: expected 0, 1, 3 or 5: of an even number, no more may fail than of one less"),
            (
                "colour=red",
                "\"colour=red\" is none of nodes=, masters=, names=, backend=, proxy=, scheduler=, policy=, cloud=, pull=, seed=",
            ),
            ("policy=maybe", "policy=maybe: expected on or off"),
            ("backend=weave", "backend=weave: expected udp, vxlan, host-gw or none"),
            ("nodes=2 names=a,b,c", "names=a,b,c: expected as many names as nodes"),
            ("pull=soon", "pull=soon: expected a time such as 2s"),
            ("scheduler=fifo", "scheduler=fifo: expected rr, wrr, lc, wlc, sed, nq, dh or sh"),
            ("proxy=envoy", "proxy=envoy: expected userspace, iptables, ipvs or nftables"),
        ] {
            assert_eq!(words.parse::<Scenario>().map_err(|e| e.to_string()), Err(message.into()));
        }
    }

    #[test]
    fn spans_are_read_as_go_writes_them() {
        for (text, span) in [
            ("0", Some(Span::ZERO)),
            ("0s", Some(Span::ZERO)),
            ("300ms", Some(Span::millis(300))),
            ("1m30s", Some(Span::secs(90))),
            ("95.5s", Some(Span::millis(95_500))),
            ("1.5h", Some(Span::mins(90))),
            ("", None),
            ("5", None),
            ("s", None),
            ("1.2.3s", None),
        ] {
            assert_eq!(parse_span(text), span, "{text}");
        }
    }
}
