//! Captures read by tshark: a request to a Service on another node, through each of flannel's backends and through all modes
//! of kube-proxy, and whole sessions. Skipped where there is no tshark.

#[path = "support/script.rs"]
mod script;

use std::path::{Path, PathBuf};
use std::process::Command;

use kubarium::session::Script;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgBlock, PcapNgReader, PcapNgWriter};

use script::Files;

/// Every checksum is looked at, and what the backends carry is read as what it is.
const READING: [&str; 12] = [
    "-o",
    "ip.check_checksum:TRUE",
    "-o",
    "udp.check_checksum:TRUE",
    "-o",
    "tcp.check_checksum:TRUE",
    "-d",
    "udp.port==8285,ip",
    "-d",
    "udp.port==8472,vxlan",
    "-o",
    "tcp.desegment_tcp_streams:TRUE",
];

/// What no packet may be.
const WRONG: &str = "_ws.malformed || ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 || \
    icmp.checksum.status==0";
/// What none may be on one device.
const AGAIN: &str = "tcp.analysis.retransmission || tcp.analysis.spurious_retransmission || tcp.analysis.out_of_order || \
    tcp.analysis.lost_segment || tcp.analysis.duplicate_ack";

/// A capture on the disk, gone with the test.
struct Capture {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Drop for Capture {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

impl Capture {
    fn new(name: &str, bytes: Vec<u8>) -> Capture {
        let name = format!("kubarium-{}-{}.pcapng", std::process::id(), name.replace('/', "-"));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, &bytes).expect("a temporary file");
        Capture { path, bytes }
    }

    /// What tshark prints about it.
    fn read(&self, args: &[&str]) -> String {
        let run = Command::new("tshark").arg("-r").arg(&self.path).args(READING).args(args).output();
        let run = run.expect("tshark ran before");
        assert!(run.status.success(), "tshark {args:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8_lossy(&run.stdout).into_owned()
    }

    /// The names of its interfaces.
    fn devices(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut reader = PcapNgReader::new(self.bytes.as_slice()).expect("a section header");
        while let Some(block) = reader.next_block() {
            if let Block::InterfaceDescription(interface) = block.expect("a sound block") {
                names.extend(interface.options.into_iter().filter_map(|option| match option {
                    InterfaceDescriptionOption::IfName(name) => Some(name.into_owned()),
                    _ => None,
                }));
            }
        }
        names
    }

    /// What was seen on one device.
    fn on(&self, device: &str) -> Capture {
        let wanted = self.devices().iter().position(|name| name == device);
        let wanted = wanted.unwrap_or_else(|| panic!("{device} is not among {:?}", self.devices()));
        let mut reader = PcapNgReader::new(self.bytes.as_slice()).expect("a section header");
        let mut writer = PcapNgWriter::new(Vec::new()).expect("a Vec takes every byte");
        let mut at = 0;
        while let Some(block) = reader.next_block() {
            let block = match block.expect("a sound block") {
                Block::InterfaceDescription(interface) => {
                    at += 1;
                    (at == wanted + 1).then(|| interface.into_block())
                }
                Block::EnhancedPacket(mut packet) if packet.interface_id as usize == wanted => {
                    packet.interface_id = 0;
                    Some(packet.into_block())
                }
                _ => None,
            };
            if let Some(block) = block {
                writer.write_block(&block).expect("a Vec takes every byte");
            }
        }
        Capture::new(
            &format!("{}-{device}", self.path.file_stem().unwrap_or_default().to_string_lossy()),
            writer.into_inner(),
        )
    }
}

fn manifest() -> Files {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/overlay.yaml");
    [("overlay.yaml".to_owned(), std::fs::read(path).expect("the manifest is readable"))].into_iter().collect()
}

fn run(script: &mut Script<'_>, line: &str) -> String {
    let answer = script.run(line);
    assert_eq!(answer.rc, 0, "{line}: {}{}", answer.stdout, answer.stderr);
    answer.stdout
}

/// A request through a Service from one node to the other: what it printed, and what every device saw.
fn request(backend: &str, proxy: &str) -> (String, Capture) {
    let files = manifest();
    let mut script = Script::new(&files);
    run(&mut script, &format!("!cluster nodes=2 seed=13 backend={backend} proxy={proxy}"));
    run(&mut script, "kubectl apply -f overlay.yaml");
    run(&mut script, "kubectl expose pod web --name portal --port 80");
    run(&mut script, "kubectl wait --for=condition=Ready pod/web pod/client --timeout=60s");
    run(&mut script, "!wait 3s");
    run(&mut script, "!capture start");
    let printed = run(&mut script, "kubectl exec client -- curl -s -i http://portal");
    run(&mut script, "!wait 1s");
    let (_, bytes) = script.run("!capture save all.pcapng").file.expect("there is a file");
    (printed, Capture::new(&format!("{backend}-{proxy}"), bytes))
}

/// Both directions of the first TCP conversation.
fn conversation(capture: &Capture) -> (Vec<u8>, Vec<u8>) {
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let text = capture.read(&["-q", "-z", "follow,tcp,raw,0"]);
    let is_hex = |line: &&str| !line.trim().is_empty() && line.trim().bytes().all(|b| b.is_ascii_hexdigit());
    for line in text.lines().filter(is_hex) {
        // What the server sends is indented.
        let bytes = data_encoding::HEXLOWER.decode(line.trim().as_bytes()).expect("whole bytes");
        if line.starts_with('\t') { &mut back } else { &mut there }.extend(bytes);
    }
    (there, back)
}

/// One scenario: `tunnel` is the device that joins the nodes, `protocols` what a packet on the wire is made of.
fn check(backend: &str, proxy: &str, tunnel: Option<&str>, protocols: &str) {
    if let Err(error) = Command::new("tshark").arg("--version").output() {
        return eprintln!("skipped: tshark does not run here ({error})");
    }
    let (printed, capture) = request(backend, proxy);
    assert_eq!(capture.read(&["-Y", WRONG]), "", "malformed packets or wrong checksums");
    let tunnel = tunnel.map(|device| format!("worker1/{device}"));
    let devices = ["default/client/eth0", "worker1/eth0", "worker2/docker0"].map(str::to_owned);
    for device in devices.iter().chain(&tunnel) {
        let again = capture.on(device).read(&["-Y", AGAIN]);
        assert_eq!(again, "", "{device} saw something twice");
    }
    let wire = capture.on("worker1/eth0").read(&["-Y", "http", "-T", "fields", "-e", "frame.protocols"]);
    assert!(wire.lines().count() >= 2, "a request and its answer cross the wire: {wire:?}");
    assert!(wire.lines().all(|line| line.starts_with(protocols)), "{wire} does not begin with {protocols}");
    let (there, back) = conversation(&capture.on("default/client/eth0"));
    let there = String::from_utf8(there).expect("a request is text");
    assert!(there.starts_with("GET / HTTP/1.1\r\nHost: portal\r\n") && there.ends_with("\r\n\r\n"), "{there:?}");
    assert_eq!(String::from_utf8(back).expect("an answer is text"), printed, "the stream is what curl printed");
}

const IP: &str = "eth:ethertype:ip:tcp:http";
const UDP: &str = "eth:ethertype:ip:udp:ip:tcp:http";
const VXLAN: &str = "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:tcp:http";

#[test]
fn tshark_reads_udp_with_the_userspace_proxy() {
    check("udp", "userspace", Some("flannel0"), UDP);
}

#[test]
fn tshark_reads_udp_with_the_iptables_proxy() {
    check("udp", "iptables", Some("flannel0"), UDP);
}

#[test]
fn tshark_reads_vxlan_with_the_userspace_proxy() {
    check("vxlan", "userspace", Some("flannel.1"), VXLAN);
}

#[test]
fn tshark_reads_vxlan_with_the_iptables_proxy() {
    check("vxlan", "iptables", Some("flannel.1"), VXLAN);
}

#[test]
fn tshark_reads_host_gw_with_the_userspace_proxy() {
    check("host-gw", "userspace", None, IP);
}

#[test]
fn tshark_reads_host_gw_with_the_iptables_proxy() {
    check("host-gw", "iptables", None, IP);
}

#[test]
fn tshark_reads_udp_with_the_ipvs_proxy() {
    check("udp", "ipvs", Some("flannel0"), UDP);
}

#[test]
fn tshark_reads_udp_with_the_nftables_proxy() {
    check("udp", "nftables", Some("flannel0"), UDP);
}

#[test]
fn tshark_reads_vxlan_with_the_ipvs_proxy() {
    check("vxlan", "ipvs", Some("flannel.1"), VXLAN);
}

#[test]
fn tshark_reads_vxlan_with_the_nftables_proxy() {
    check("vxlan", "nftables", Some("flannel.1"), VXLAN);
}

#[test]
fn tshark_reads_host_gw_with_the_ipvs_proxy() {
    check("host-gw", "ipvs", None, IP);
}

#[test]
fn tshark_reads_host_gw_with_the_nftables_proxy() {
    check("host-gw", "nftables", None, IP);
}

/// Another way: `lines` set the cluster up, the last one asks; `device` is where the conversation is read.
fn check_way(name: &str, lines: &[&str], device: &str) {
    if let Err(error) = Command::new("tshark").arg("--version").output() {
        return eprintln!("skipped: tshark does not run here ({error})");
    }
    let files = manifest();
    let mut script = Script::new(&files);
    let (ask, before) = lines.split_last().expect("there are lines");
    before.iter().for_each(|line| _ = run(&mut script, line));
    run(&mut script, "!capture start");
    let printed = run(&mut script, ask);
    run(&mut script, "!wait 1s");
    let (_, bytes) = script.run("!capture save all.pcapng").file.expect("there is a file");
    let capture = Capture::new(name, bytes);
    assert_eq!(capture.read(&["-Y", WRONG]), "", "malformed packets or wrong checksums");
    let there = capture.on(device);
    assert_eq!(there.read(&["-Y", AGAIN]), "", "{device} saw something twice");
    let (asked, answered) = conversation(&there);
    assert!(String::from_utf8_lossy(&asked).starts_with("GET / HTTP/1.1\r\n"), "{asked:?}");
    assert_eq!(String::from_utf8(answered).expect("an answer is text"), printed, "the stream is what curl printed");
}

const READY: &str = "kubectl wait --for=condition=Ready pod/web pod/client --timeout=60s";

#[test]
fn tshark_reads_what_stays_in_a_pod() {
    let cluster = "!cluster nodes=2 seed=13 pull=0s";
    let ask = "kubectl exec web -- curl -s -i http://127.0.0.1/";
    check_way("same-pod", &[cluster, "kubectl apply -f overlay.yaml", READY, ask], "default/web/lo");
}

#[test]
fn tshark_reads_what_stays_on_a_node() {
    let cluster = "!cluster nodes=1 seed=13 backend=none pull=0s";
    let near = "kubectl run near --image=curlimages/curl:8.5.0 --command -- sleep 36000";
    let web = "kubectl run page --image=nginx:1.25 --port=80";
    let ready = "kubectl wait --for=condition=Ready pod/near pod/page --timeout=60s";
    let expose = "kubectl expose pod page --name portal";
    let ask = "kubectl exec near -- curl -s -i http://portal/";
    check_way("same-node", &[cluster, near, web, expose, ready, "!wait 3s", ask], "default/near/eth0");
}

#[test]
fn tshark_reads_node_ports_through_every_proxy() {
    for proxy in ["userspace", "iptables", "ipvs", "nftables"] {
        let cluster = format!("!cluster nodes=2 seed=13 backend=vxlan pull=0s proxy={proxy}");
        let expose = "kubectl create service nodeport web-out --tcp=80 --node-port=30080";
        let select = "kubectl patch service web-out -p '{\"spec\":{\"selector\":{\"app\":\"web\"}}}'";
        let ask = "node master1 curl -s -i http://192.168.1.21:30080/";
        let lines = [&cluster, "kubectl apply -f overlay.yaml", expose, select, READY, "!wait 3s", ask];
        check_way(&format!("node-port-{proxy}"), &lines, "master1/eth0");
    }
}

#[test]
fn tshark_reads_the_handshake_with_the_api_server_and_not_what_is_said() {
    if let Err(error) = Command::new("tshark").arg("--version").output() {
        return eprintln!("skipped: tshark does not run here ({error})");
    }
    let files = Files::default();
    let mut script = Script::new(&files);
    run(&mut script, "!cluster nodes=2 seed=13 pull=0s backend=vxlan");
    run(&mut script, "kubectl run client --image=curlimages/curl --command -- sleep 3600");
    run(&mut script, "kubectl wait --for=condition=Ready pod/client --timeout=60s");
    run(&mut script, "!capture start");
    let printed = run(&mut script, "kubectl exec client -- curl -sk https://kubernetes/version");
    run(&mut script, "!wait 1s");
    let (_, bytes) = script.run("!capture save all.pcapng").file.expect("there is a file");
    let capture = Capture::new("tls", bytes);
    assert_eq!(capture.read(&["-Y", WRONG]), "", "malformed packets or wrong checksums");
    let there = capture.on("master1/eth0");
    let fields =
        ["-e", "tls.handshake.type", "-e", "tls.handshake.extensions_server_name", "-e", "tls.handshake.ciphersuite"];
    let tls = ["-d", "tcp.port==6443,tls", "-Y", "tls.handshake", "-T", "fields"];
    let hands = there.read(&[&tls[..], &fields[..]].concat());
    assert_eq!(hands, "1\tkubernetes\t0x1301\n2\t\t0x1301\n", "a ClientHello and a ServerHello");
    let (asked, answered) = conversation(&there);
    assert!(printed.contains("\"gitVersion\"") && answered.len() > printed.len(), "{printed:?}");
    let is_open = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!is_open(&asked, "GET /version") && !is_open(&answered, "gitVersion"), "what is said can be read");
}

/// What a session puts on any device from its first line to its last, a capture for each of its clusters.
fn of_session(name: &str) -> Vec<Capture> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let text = std::fs::read_to_string(data.join(format!("{name}.script"))).expect("a script");
    let files: Files = std::fs::read_dir(&data)
        .expect("a folder")
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.to_owned(), std::fs::read(&path).ok()?))
        })
        .collect();
    let mut script = Script::new(&files);
    let mut captures = Vec::new();
    let mut save = |script: &mut Script<'_>| {
        let (_, bytes) = script.run("!capture save all.pcapng").file.expect("there is a file");
        captures.push(Capture::new(&format!("session-{name}-{}", captures.len()), bytes));
    };
    let mut open = false;
    for (_, line) in kubarium::line::split(&text) {
        let begins = line.starts_with("!cluster");
        if begins && open {
            save(&mut script);
        }
        script.run(&line);
        if begins {
            run(&mut script, "!capture start");
            open = true;
        }
    }
    save(&mut script);
    captures
}

/// Every way of a packet that a transcript shows: each backend and proxy, DNS, node ports, load balancers, Ingress, policies,
/// errors of ICMP, fragments, and every fault of the network.
#[test]
fn tshark_finds_nothing_wrong_in_any_session() {
    if let Err(error) = Command::new("tshark").arg("--version").output() {
        return eprintln!("skipped: tshark does not run here ({error})");
    }
    for name in SESSIONS {
        for capture in of_session(name) {
            let packets = capture.read(&["-T", "fields", "-e", "frame.number"]).lines().count();
            println!("{name}: {packets} packets");
            assert!(packets > 0, "{name} sends packets");
            assert_eq!(capture.read(&["-Y", WRONG]), "", "{name}: malformed packets or wrong checksums");
            let of_pods = |device: &&String| device.starts_with("default/") && device.ends_with("/eth0");
            for device in capture.devices().iter().filter(of_pods) {
                let again = capture.on(device).read(&["-Y", AGAIN]);
                assert!(again.is_empty() || UNANSWERED.contains(name), "{name}: {device} saw something twice: {again}");
            }
        }
    }
}

/// Those in which a pod asks for what never answers, and asks again: a Service without endpoints that nftables drops.
const UNANSWERED: &[&str] = &["nftables"];

/// The transcripts about the network.
const SESSIONS: &[&str] = &[
    "corefile",
    "guestbook",
    "host-gw",
    "ingress",
    "iptables",
    "ipvs",
    "ipvs-scheduler",
    "load-balancer",
    "net-faults",
    "net-tools",
    "nftables",
    "no-overlay",
    "outside",
    "overlay",
    "paths-iptables",
    "paths-ipvs",
    "paths-nftables",
    "paths-no-overlay",
    "paths-udp",
    "paths-userspace",
    "policy",
    "port-forward",
    "service",
    "tcpdump",
    "traceroute",
    "vxlan",
];
