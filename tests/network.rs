//! Random clusters, Services, policies and requests, compared with a model that knows only what Kubernetes promises: who may
//! reach whom, and which pods stand behind a Service. Then what became of every packet.
//!
//! `KUBARIUM_SEEDS=1000` tries as many.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use kubarium::net::addr::PacketId;
use kubarium::net::hop::{Decision, Hop, Stage};
use kubarium::session::Script;
use kubarium::session::build::packets;
use kubarium::sim::{Rng, VecMap};
use kubarium::view::packet::{Decision as View, DropReason, Outcome};

/// A pod that serves, or one that asks.
#[derive(Debug)]
struct Pod {
    name: String,
    node: usize,
    label: &'static str,
    ip: String,
}

/// A Service of the pods with a label.
#[derive(Debug)]
struct Service {
    name: String,
    of: &'static str,
    local: bool,
    ip: String,
    node_port: u16,
}

/// A policy: which pods it is about, whether it is about what they send, and whom they may talk to; `None`: nobody.
#[derive(Debug)]
struct Policy {
    about: &'static str,
    egress: bool,
    peer: Option<&'static str>,
    port: Option<u16>,
}

#[derive(Debug)]
struct World {
    scenario: String,
    backend: &'static str,
    proxy: &'static str,
    policed: bool,
    nodes: usize,
    servers: Vec<Pod>,
    clients: Vec<Pod>,
    services: Vec<Service>,
    policies: Vec<Policy>,
}

/// What a request may come to: an answer of one of these pods, or none.
#[derive(Debug, Default)]
struct Possible {
    answers: BTreeSet<String>,
    fails: bool,
}

const SERVER_LABELS: [&str; 3] = ["red", "green", "blue"];
const CLIENT_LABELS: [&str; 2] = ["guest", "host"];
/// Where the servers listen.
const PORT: u16 = 8080;

fn pick<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    *rng.pick(items).expect("there are some")
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).expect("drawn below a length")
}

impl World {
    fn draw(seed: u64) -> World {
        let mut rng = Rng::stream(seed, "random networks");
        let rng = &mut rng;
        let nodes = 1 + below(rng, 3);
        let backend = pick(rng, &["udp", "vxlan", "host-gw", "none"]);
        let proxy = pick(rng, &["userspace", "iptables", "ipvs", "nftables"]);
        let policed = rng.chance(500_000);
        let policy = if policed { " policy=on" } else { "" };
        let scenario = format!("nodes={nodes} pull=0s seed={seed} backend={backend} proxy={proxy}{policy}");
        let mut pods = |kind: &str, count: usize, labels: &[&'static str]| -> Vec<Pod> {
            let one = |n| {
                let (node, label) = (1 + below(rng, nodes), pick(rng, labels));
                Pod { name: format!("{kind}{n}"), node, label, ip: String::new() }
            };
            (0..count).map(one).collect()
        };
        let (servers, clients) = (pods("server", 3, &SERVER_LABELS), pods("client", 2, &CLIENT_LABELS));
        let service = |n: usize| {
            let (of, local) = (pick(rng, &SERVER_LABELS), rng.chance(250_000));
            let node_port = 30_100 + u16::try_from(n).expect("few");
            Service { name: format!("service{n}"), of, local, ip: String::new(), node_port }
        };
        let services = (0..3).map(service).collect();
        let policy = |_| {
            let egress = rng.chance(400_000);
            let (mine, others): (&[&str], &[&str]) =
                if egress { (&CLIENT_LABELS, &SERVER_LABELS) } else { (&SERVER_LABELS, &CLIENT_LABELS) };
            let peer = if rng.chance(800_000) { Some(pick(rng, others)) } else { None };
            Policy { about: pick(rng, mine), egress, peer, port: pick(rng, &[None, Some(PORT), Some(81)]) }
        };
        let policies = (0..3).map(policy).collect();
        World { scenario, backend, proxy, policed, nodes, servers, clients, services, policies }
    }

    fn manifest(&self) -> String {
        let mut text = String::new();
        for (pods, container) in [
            (&self.servers, "{name: main, image: \"registry.k8s.io/echoserver:1.10\"}"),
            (&self.clients, "{name: main, image: \"curlimages/curl:8.5.0\", command: [sleep, \"36000\"]}"),
        ] {
            for Pod { name, node, label, .. } in pods {
                _ = writeln!(
                    text,
                    "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{colour: {label}}}}}\n\
                     spec: {{nodeName: worker{node}, containers: [{container}]}}"
                );
            }
        }
        for Service { name, of, local, node_port, .. } in &self.services {
            let internal = if *local { "Local" } else { "Cluster" };
            _ = writeln!(
                text,
                "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{type: NodePort, selector: \
                 {{colour: {of}}}, internalTrafficPolicy: {internal}, ports: [{{port: 80, targetPort: {PORT}, nodePort: \
                 {node_port}}}]}}"
            );
        }
        for (n, Policy { about, egress, peer, port }) in self.policies.iter().enumerate() {
            let (kind, side, whom) = if *egress { ("Egress", "egress", "to") } else { ("Ingress", "ingress", "from") };
            let ports = port.map_or_else(String::new, |port| format!(", ports: [{{port: {port}, protocol: TCP}}]"));
            let rules = peer.map_or_else(String::new, |peer| {
                format!("{{{whom}: [{{podSelector: {{matchLabels: {{colour: {peer}}}}}}}]{ports}}}")
            });
            _ = writeln!(
                text,
                "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: policy{n}}}\nspec: \
                 {{podSelector: {{matchLabels: {{colour: {about}}}}}, policyTypes: [{kind}], {side}: [{rules}]}}"
            );
        }
        text
    }

    /// What the policies say of one pod and the other end of a connection to a port.
    fn lets(&self, pod: &Pod, egress: bool, peer: &Pod, port: u16) -> bool {
        let mut about = self.policies.iter().filter(|p| p.egress == egress && p.about == pod.label).peekable();
        let allows = |p: &Policy| p.peer == Some(peer.label) && p.port.is_none_or(|allowed| allowed == port);
        !self.policed || about.peek().is_none() || about.any(allows)
    }

    fn reaches(&self, client: &Pod, server: &Pod, port: u16) -> bool {
        let joined = self.backend != "none" || client.node == server.node;
        joined && self.lets(client, true, server, port) && self.lets(server, false, client, port) && port == PORT
    }

    fn to_pod(&self, client: &Pod, server: &Pod, port: u16) -> Possible {
        match self.reaches(client, server, port) {
            true => Possible { answers: [server.name.clone()].into(), fails: false },
            false => Possible { answers: BTreeSet::new(), fails: true },
        }
    }

    fn to_service(&self, client: &Pod, service: &Service) -> Possible {
        // The old proxy knows nothing of traffic that stays local; IPVS takes all nodes' pods if its own node has none.
        let here = self.servers.iter().any(|s| s.label == service.of && s.node == client.node);
        let local = match self.proxy {
            "userspace" => false,
            "ipvs" => service.local && here,
            _ => service.local,
        };
        let behind = |server: &&Pod| server.label == service.of && (!local || server.node == client.node);
        let mut possible = Possible::default();
        for server in self.servers.iter().filter(behind) {
            match self.reaches(client, server, PORT) {
                true => _ = possible.answers.insert(server.name.clone()),
                false => possible.fails = true,
            }
        }
        possible.fails |= possible.answers.is_empty();
        possible
    }

    /// From another node to a node port, without policies.
    fn to_node_port(&self, node: usize, service: &Service) -> Possible {
        let mut possible = Possible::default();
        for server in self.servers.iter().filter(|server| server.label == service.of) {
            match self.backend != "none" || server.node == node {
                true => _ = possible.answers.insert(server.name.clone()),
                false => possible.fails = true,
            }
        }
        possible.fails |= possible.answers.is_empty();
        possible
    }
}

fn run(script: &mut Script<'_>, line: &str) -> String {
    let answer = script.run(line);
    assert_eq!(answer.rc, 0, "{line}: {}{}", answer.stdout, answer.stderr);
    answer.stdout
}

/// Who answered a request.
fn ask(script: &mut Script<'_>, from: &str, url: &str) -> Option<String> {
    let answer = script.run(&format!("{from} curl -s --max-time 5 http://{url}/"));
    let name = answer.stdout.lines().find_map(|line| line.strip_prefix("Hostname: "));
    assert_eq!(name.is_some(), answer.rc == 0, "{from} {url}: {} {}", answer.rc, answer.stdout);
    name.map(str::to_owned)
}

fn check(world: &World, what: &str, got: Option<String>, possible: &Possible) {
    let fits = match &got {
        Some(name) => possible.answers.contains(name),
        None => possible.fails,
    };
    assert!(fits, "{what}: got {got:?}, possible is {possible:?}\n{world:#?}");
}

fn one_world(seed: u64) {
    let mut world = World::draw(seed);
    let files: VecMap<String, Vec<u8>> = [("all.yaml".to_owned(), world.manifest().into_bytes())].into_iter().collect();
    let mut script = Script::new(&files);
    run(&mut script, &format!("!cluster {}", world.scenario));
    run(&mut script, "kubectl apply -f all.yaml");
    run(&mut script, "kubectl wait --for=condition=Ready pods --all --timeout=120s");
    run(&mut script, "!wait 5s");
    for pod in world.servers.iter_mut().chain(&mut world.clients) {
        pod.ip = run(&mut script, &format!("kubectl get pod {} -o jsonpath='{{.status.podIP}}'", pod.name));
    }
    for service in &mut world.services {
        service.ip =
            run(&mut script, &format!("kubectl get service {} -o jsonpath='{{.spec.clusterIP}}'", service.name));
    }
    for client in &world.clients {
        let from = format!("kubectl exec {} --", client.name);
        for server in &world.servers {
            for port in [PORT, 81] {
                let got = ask(&mut script, &from, &format!("{}:{port}", server.ip));
                let what = format!("seed {seed}: {} to {}:{port}", client.name, server.name);
                check(&world, &what, got, &world.to_pod(client, server, port));
            }
        }
        // Through the process of the old proxy, policies see the node that it runs on.
        for service in world.services.iter().filter(|_| !(world.policed && world.proxy == "userspace")) {
            for _ in 0..3 {
                let got = ask(&mut script, &from, &service.ip);
                let what = format!("seed {seed}: {} to {}", client.name, service.name);
                check(&world, &what, got, &world.to_service(client, service));
            }
        }
    }
    for node in (1..=world.nodes).filter(|_| !world.policed) {
        let ip =
            run(&mut script, &format!("kubectl get node worker{node} -o jsonpath='{{.status.addresses[0].address}}'"));
        for service in &world.services {
            let got = ask(&mut script, "node master1", &format!("{ip}:{}", service.node_port));
            let what = format!("seed {seed}: master1 to {} on worker{node}", service.name);
            check(&world, &what, got, &world.to_node_port(node, service));
        }
    }
    run(&mut script, "!wait 10s");
    conserved(seed, script.world().cluster.hops().iter());
}

/// Every packet was delivered or dropped with a reason, as often as it was sent, flooded and cut up. What was in flight when
/// the hops that are remembered begin is not looked at.
fn conserved<'a>(seed: u64, hops: impl Iterator<Item = &'a Hop> + Clone) {
    let hops = || hops.clone().filter(|hop| !hop.is_tap());
    let mut open: BTreeMap<PacketId, (i64, &Hop)> = BTreeMap::new();
    let mut sent_at = BTreeSet::new();
    let mut cut = BTreeSet::new();
    for hop in hops() {
        let begins = matches!(hop.stage, Stage::Send | Stage::Encap | Stage::Decap);
        if begins {
            sent_at.insert((hop.packet, hop.ns));
        }
        if hop.stage == Stage::Fragment {
            cut.insert(hop.packet);
        }
        if !begins && !open.contains_key(&hop.packet) {
            continue;
        }
        let left = match (&hop.stage, &hop.decision) {
            _ if begins => 1,
            (Stage::Deliver | Stage::Drop | Stage::Tun | Stage::Tunnel, _) => -1,
            // A frame that came in by a port also goes up to the bridge's own host.
            (Stage::BridgeFlood, Decision::Flood { ports, .. }) => {
                i64::from(*ports) - i64::from(sent_at.contains(&(hop.packet, hop.ns)))
            }
            (Stage::Wire, Decision::Segment { ends, .. }) => i64::from(*ends) - 1,
            _ => 0,
        };
        open.entry(hop.packet).or_insert((0, hop)).0 += left;
    }
    let lost: Vec<_> = open.iter().filter(|(id, (left, _))| *left != 0 && !cut.contains(*id)).collect();
    let told: Vec<String> = lost
        .iter()
        .take(3)
        .flat_map(|(id, (left, _))| {
            let way = hops().filter(|hop| hop.packet == **id).map(|hop| format!("  {:?} {}", hop.stage, hop.decision));
            std::iter::once(format!("packet {id}: {left} left")).chain(way)
        })
        .collect();
    assert!(told.is_empty(), "seed {seed}\n{}", told.join("\n"));
}

#[test]
fn every_request_ends_where_kubernetes_promises_and_no_packet_is_lost_without_a_reason() {
    let seeds = std::env::var("KUBARIUM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(24);
    (1..=seeds).for_each(one_world);
}

/// What the Packet panel says of the last packet that a pod sent to another: the devices of its way, and how it ended.
fn end_of_ping(script: &mut Script<'_>, words: &str) -> (Vec<String>, Outcome) {
    let ip = run(script, "kubectl get pod web -o jsonpath='{.status.podIP}'");
    let before = packets::list(&script.world().cluster).packets.last().map_or(0, |line| line.id.0);
    script.run(&format!("kubectl exec client -- ping -c 1 -W 1 {words} {ip}"));
    // An ARP question is asked three times.
    run(script, "!wait 5s");
    let cluster = &script.world().cluster;
    let list = packets::list(cluster).packets;
    let sent = list.iter().find(|line| line.id.0 > before && line.protocol == "ICMP" && line.from == "default/client");
    let view = packets::packet(cluster, sent.expect("a ping was sent").id).expect("it is remembered");
    (view.hops.iter().map(|hop| hop.device.clone()).collect(), view.line.outcome)
}

#[test]
fn the_packet_panel_names_what_ended_a_packet_under_every_fault() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/overlay.yaml");
    let manifest = std::fs::read(path).expect("the manifest is readable");
    let files: VecMap<String, Vec<u8>> = [("overlay.yaml".to_owned(), manifest)].into_iter().collect();
    let long = "-s 1400";
    for (backend, faults, words, device, expected) in [
        ("vxlan", &["link worker2 loss=100%"][..], "", "eth0", Some(DropReason::Fault)),
        ("vxlan", &["link worker1 mtu=1400"], long, "eth0", Some(DropReason::LinkMtu(1_400))),
        ("vxlan", &["partition worker2"], "", "eth0", Some(DropReason::Cut)),
        ("vxlan", &["ip-forward worker1 off"], "", "docker0", Some(DropReason::ForwardingOff)),
        ("vxlan", &["conntrack worker1 full"], "", "flannel.1", Some(DropReason::ConntrackFull)),
        ("host-gw", &["ip-forward worker2 off"], "", "eth0", Some(DropReason::ForwardingOff)),
        ("udp", &["crash flanneld worker1"], "", "eth0", Some(DropReason::NoNeighbour("192.168.0.1".into()))),
        ("vxlan", &["link worker2 delay=20ms duplicate=100%"], "", "eth0", None),
    ] {
        let mut script = Script::new(&files);
        run(&mut script, &format!("!cluster nodes=2 seed=13 backend={backend} pull=0s"));
        run(&mut script, "kubectl apply -f overlay.yaml");
        run(&mut script, "kubectl wait --for=condition=Ready pod/web pod/client --timeout=60s");
        let (_, whole) = end_of_ping(&mut script, "");
        assert!(matches!(whole, Outcome::Delivered(_)), "{backend} without a fault: {whole:?}");
        faults.iter().for_each(|fault| _ = run(&mut script, &format!("!fault {fault}")));
        let (devices, outcome) = end_of_ping(&mut script, words);
        match (outcome, expected) {
            (Outcome::Dropped { reason, .. }, Some(expected)) => assert_eq!(reason, expected, "{backend} {faults:?}"),
            (Outcome::Delivered(_), None) => continue,
            (outcome, expected) => panic!("{backend} {faults:?}: {outcome:?}, expected {expected:?}"),
        }
        assert_eq!(devices.last().map(String::as_str), Some(device), "{backend} {faults:?}: {devices:?}");
    }
}

#[test]
fn the_packet_panel_says_what_chose_the_pod_of_a_service() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/overlay.yaml");
    let manifest = std::fs::read(path).expect("the manifest is readable");
    let files: VecMap<String, Vec<u8>> = [("overlay.yaml".to_owned(), manifest)].into_iter().collect();
    for (proxy, rule) in [
        ("userspace", "-A KUBE-PORTALS-CONTAINER "),
        ("iptables", "-A KUBE-SEP-"),
        ("ipvs", "IPVS LOCAL_IN: TCP "),
        ("nftables", "ip kube-proxy endpoint-"),
    ] {
        let mut script = Script::new(&files);
        run(&mut script, &format!("!cluster nodes=2 seed=13 backend=vxlan pull=0s proxy={proxy}"));
        run(&mut script, "kubectl apply -f overlay.yaml");
        run(&mut script, "kubectl expose pod web --name portal --port 80");
        run(&mut script, "kubectl wait --for=condition=Ready pod/web pod/client --timeout=60s");
        run(&mut script, "!wait 3s");
        run(&mut script, "kubectl exec client -- curl -s -o /dev/null http://portal/");
        let cluster = &script.world().cluster;
        let list = packets::list(cluster).packets;
        let first = list.iter().find(|line| line.to == "default/portal").expect("a connection was opened");
        let view = packets::packet(cluster, first.id).expect("it is remembered");
        let rewritten = view.hops.iter().find(|hop| matches!(hop.decision, View::Dnat { .. }));
        let by = rewritten.and_then(|hop| hop.rule.clone()).unwrap_or_default();
        assert!(by.contains(rule), "{proxy}: {by:?} in {:#?}", view.hops);
    }
}
