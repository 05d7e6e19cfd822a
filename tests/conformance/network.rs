//! kube-proxy's iptables mode against upstream's tables: the rules that it writes, and where packets end that walk them.
//!
//! Both write the rules with the proxier's own generator; the flows are walked by `net::filter`, hook by hook as a packet of
//! a new connection meets them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use kubarium::api::{EndpointSlice, Kind, KindOf, Object};
use kubarium::net::conntrack::CtState;
use kubarium::net::filter::{Filter, Question, Table, Target, Verdict as Walked};
use kubarium::net::packet::{TCP, UDP};
use kubarium::node::kube_proxy::ServicePortName;
use kubarium::node::kube_proxy::iptables::{Chains, chain, restore};
use kubarium::node::kube_proxy::model::{Family, Model, ServiceNames};
use kubarium::node::kube_proxy::tracker::Config;
use kubarium::sim::{Rng, Time};
use serde_json::Value;

use super::Verdict;

type Replay = fn(&Value, &Value) -> Verdict;

pub const TABLES: &[(&str, Replay)] =
    &[("g1_kubeproxy_packet_flows", packet_flows), ("g2_kubeproxy_iptables_dumps", dumps)];

/// IP protocol number of SCTP.
const SCTP: u8 = 132;
/// Walks of one flow, so that every endpoint that may be chosen is.
const WALKS: u64 = 200;

fn packet_flows(_: &Value, case: &Value) -> Verdict {
    let (model, config) = (model(case), config(case));
    let (text, _) = restore(&model, &config, None, &Chains::new());
    let mut filter = Filter::default();
    for (table, command) in chain::hooks() {
        // A chain that several jumps lead to is made by the first of them.
        filter.command(Table::of_name(table).expect("a table"), &command).ok();
    }
    filter.restore(&text, true).expect("what is written can be read");
    let own: BTreeSet<IpAddr> = strings(&case["input"]["nodeIPs"]).filter_map(|ip| ip.parse().ok()).collect();
    let mut wrong = Vec::new();
    for flow in case["flows"].as_array().expect("a case has flows") {
        let (ended, masquerade) = ends(&filter, &own, flow);
        let wanted: BTreeSet<String> =
            flow["output"].as_str().unwrap_or_default().split(", ").map(str::to_owned).collect();
        let masqueraded = BTreeSet::from([flow["masq"].as_bool().unwrap_or_default()]);
        if (&ended, &masquerade) != (&wanted, &masqueraded) {
            wrong.push(format!("{}: {ended:?} {masquerade:?}", flow["name"]));
        }
    }
    if wrong.is_empty() { Verdict::Passed } else { Verdict::Failed(wrong.join("; ")) }
}

/// Where the packets of a flow may end, and whether masqueraded.
fn ends(filter: &Filter, own: &BTreeSet<IpAddr>, flow: &Value) -> (BTreeSet<String>, BTreeSet<bool>) {
    let address = |field: &str| flow[field].as_str().and_then(|ip| ip.parse().ok()).expect("an address");
    let port = u16::try_from(flow["destPort"].as_u64().unwrap_or_default()).expect("a port");
    let proto = match flow["protocol"].as_str().unwrap_or_default().to_lowercase().as_str() {
        "udp" => UDP,
        "sctp" => SCTP,
        _ => TCP,
    };
    let packet = Packet { from: address("sourceIP"), to: SocketAddr::new(address("destIP"), port), proto };
    (0..WALKS).map(|seed| packet.walk(&mut filter.clone(), own, &mut Rng::stream(seed, "flow"))).unzip()
}

/// The first packet of a connection.
#[derive(Clone, Copy)]
struct Packet {
    from: IpAddr,
    to: SocketAddr,
    proto: u8,
}

impl Packet {
    /// From hook to hook: where it ends, and whether masqueraded.
    fn walk(mut self, filter: &mut Filter, own: &BTreeSet<IpAddr>, rng: &mut Rng) -> (String, bool) {
        let is_own = |ip: IpAddr| ip.is_loopback() || own.contains(&ip);
        let mut mark = 0;
        let (asked, sent_here) = (self.to, is_own(self.from));
        let mut ask = |packet: &Packet, table: Table, chain: &str| {
            let question = Question {
                by_port: false,
                ipvs: false,
                bridged: false,
                now: Time::ZERO,
                src: packet.from,
                dst: packet.to.ip(),
                proto: packet.proto,
                first: true,
                length: 60,
                ports: Some((40_000, packet.to.port())),
                l4: &[],
                input: "",
                output: "",
                state: CtState::New,
                orig_dst: Some((asked.ip(), asked.port())),
                dnat: packet.to != asked,
                snat: false,
                is_local: &is_own,
            };
            filter.walk(table, chain, &question, &mut mark, rng)
        };
        let hook = if sent_here { "OUTPUT" } else { "PREROUTING" };
        if let Walked::Nat(Target::Dnat(to), _) = ask(&self, Table::Nat, hook) {
            self.to.set_ip(to.ip.unwrap_or(self.to.ip()));
            self.to.set_port(to.port.unwrap_or(self.to.port()));
        }
        let hooks: &[&str] = match (sent_here, is_own(self.to.ip())) {
            (true, true) => &["OUTPUT", "INPUT"],
            (true, false) => &["OUTPUT"],
            (false, true) => &["INPUT"],
            (false, false) => &["FORWARD"],
        };
        let mut accepted = false;
        for hook in hooks {
            match ask(&self, Table::Filter, hook) {
                Walked::Drop(_) => return ("DROP".into(), false),
                Walked::Reject(..) => return ("REJECT".into(), false),
                Walked::Accept(by) => accepted |= by.is_some(),
                Walked::Nat(..) => panic!("filter rewrites nothing"),
            }
        }
        let masquerade = matches!(ask(&self, Table::Nat, "POSTROUTING"), Walked::Nat(Target::Masquerade { .. }, _));
        let ended = match (self.to != asked, accepted) {
            (true, _) => self.to.to_string(),
            (false, true) => "ACCEPT".into(),
            (false, false) => String::new(),
        };
        (ended, masquerade)
    }
}

/// A dump is of everything, or, if it jumps to chains that it does not declare, only of the Services that changed. Which
/// they were and what was in the kernel before, the table does not say; its chains do.
fn dumps(_: &Value, case: &Value) -> Verdict {
    let expected = case["expected"].as_str().unwrap_or_default();
    let (model, config) = (model(case), config(case));
    let want = sorted(expected);
    let nobody = ServicePortName { namespace: "".into(), name: "".into(), port: String::new() };
    let stale: Vec<Arc<str>> = expected.lines().filter_map(|line| line.strip_prefix("-X ")).map(Arc::from).collect();
    let before: Chains = [(nobody, stale)].into_iter().collect();
    let declared = |chain: &str| expected.contains(&format!("\n:{chain} - "));
    let undeclared =
        |line: &str| line.rsplit_once(" -j ").is_some_and(|(_, to)| chain::is_per_service(to) && !declared(to));
    let partial = expected.lines().any(undeclared);
    let changed: ServiceNames = model
        .services()
        .filter(|(name, port)| {
            let names = chain::Names::of(&name.to_string(), &port.protocol.as_str().to_lowercase());
            [names.cluster, names.local, names.external].iter().any(|chain| declared(chain))
        })
        .map(|(name, _)| (name.namespace.clone(), name.name.clone()))
        .collect();
    let (text, _) = restore(&model, &config, partial.then_some(&changed), &before);
    let got = sorted(&text);
    if got == want {
        return Verdict::Passed;
    }
    let lines = |a: &Dump, b: &Dump| -> Vec<String> {
        a.iter()
            .filter(|(key, rules)| b.get(*key) != Some(rules))
            .map(|(key, rules)| format!("{key:?} {rules:?}"))
            .collect()
    };
    Verdict::Failed(format!(
        "only here:\n{}\nonly there:\n{}",
        lines(&got, &want).join("\n"),
        lines(&want, &got).join("\n")
    ))
}

/// The rules of each chain of each table, in order.
type Dump = BTreeMap<(String, String), Vec<String>>;

fn sorted(text: &str) -> Dump {
    let mut dump = Dump::new();
    let mut table = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name.to_owned();
        } else if let Some(chain) = line.strip_prefix(':').and_then(|rest| rest.split(' ').next()) {
            dump.entry((table.clone(), chain.to_owned())).or_default();
        } else if let Some(chain) = line.strip_prefix("-A ").and_then(|rest| rest.split(' ').next()) {
            dump.entry((table.clone(), chain.to_owned())).or_default().push(line.to_owned());
        } else if let Some(chain) = line.strip_prefix("-X ") {
            dump.entry((table.clone(), chain.to_owned())).or_default().push(line.to_owned());
        }
    }
    dump
}

fn family(case: &Value) -> Family {
    if case["input"]["config"]["ipFamily"] == "IPv6" { Family::V6 } else { Family::V4 }
}

fn model(case: &Value) -> Model {
    let config = &case["input"]["config"];
    let mut model = Model::new(family(case), config["nodeName"].as_str().unwrap_or_default().into());
    for service in case["input"]["services"].as_array().into_iter().flatten() {
        model.set_service(&typed(Kind::Service, service), false);
    }
    for slice in case["input"]["endpointSlices"].as_array().into_iter().flatten() {
        let slice: Arc<EndpointSlice> = typed(Kind::EndpointSlice, slice);
        model.set_slice(&slice, false);
    }
    model
}

fn typed<K: KindOf>(kind: Kind, value: &Value) -> Arc<K> {
    K::of(&Object::from_value(kind, value.clone()).expect("an object of its kind")).expect("its kind").clone()
}

fn config(case: &Value) -> Config {
    let config = &case["input"]["config"];
    let yes = |field: &str| config[field].as_bool().unwrap_or_default();
    let family = family(case);
    // Where upstream's test says that pods are, which the table does not repeat.
    let pods = if family == Family::V6 { "fd00:10::/64" } else { "10.0.0.0/8" };
    Config {
        family,
        node: config["nodeName"].as_str().unwrap_or_default().into(),
        node_ip: config["nodeIP"].as_str().and_then(|ip| ip.parse().ok()).expect("an address"),
        zone: config["topologyLabels"]["topology.kubernetes.io/zone"].as_str().map(Arc::from),
        pods: yes("localDetectorImplemented").then(|| pods.parse().expect("a network")),
        masquerade_all: yes("masqueradeAll"),
        localhost_node_ports: yes("localhostNodePorts"),
        node_port_addresses: node_port_addresses(case),
        random_fully: false,
    }
}

/// The configuration leaves out on which addresses node ports are; the rules that upstream wrote tell.
fn node_port_addresses(case: &Value) -> Option<Vec<IpAddr>> {
    let rules = case["iptables"].as_str().or(case["expected"].as_str())?;
    let jump = |line: &&str| line.starts_with("-A KUBE-SERVICES") && line.ends_with("-j KUBE-NODEPORTS");
    let jumps: Vec<&str> = rules.lines().filter(jump).collect();
    if jumps.iter().any(|line| line.contains("--dst-type LOCAL")) {
        return None;
    }
    let address = |line: &&str| line.split_once(" -d ")?.1.split(' ').next()?.parse().ok();
    Some(jumps.iter().filter_map(address).collect())
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
