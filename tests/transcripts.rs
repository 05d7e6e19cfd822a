//! Transcripts: each `tests/data/NAME.script` prints exactly what stands in `NAME.out`. `KUBARIUM_BLESS=1` writes the `.out`
//! files anew; read them before you commit them. What a transcript cannot say is asserted beside it here.

#[path = "support/script.rs"]
mod script;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use kubarium::net::hop::Stage;
use kubarium::session::Script;
use kubarium::session::build::packets;
use kubarium::session::script::Answer;
use kubarium::view::{Decision, FlannelStep, HopView, PacketView, Scope};

use script::Files;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Every manifest beside the scripts, by its name.
fn manifests() -> Files {
    let entries = fs::read_dir(data()).expect("tests/data is readable").flatten();
    let manifests = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "yaml"));
    let named = |path: PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        (name, fs::read(&path).expect("a manifest is readable"))
    };
    manifests.map(named).collect()
}

/// What a line and its answer look like in a transcript.
fn shown(line: &str, answer: &Answer) -> String {
    let mut text = format!("[{}] {line}\n", answer.t);
    text.push_str(&answer.stdout);
    for line in answer.stderr.lines() {
        let _ = writeln!(text, "! {line}");
    }
    if answer.rc != 0 {
        let _ = writeln!(text, "? {}", answer.rc);
    }
    text
}

/// Runs `NAME.script`, compares what it prints, and hands over the script as it stands then.
fn check(name: &str, then: impl FnOnce(&mut Script<'_>)) {
    let text = fs::read_to_string(data().join(format!("{name}.script"))).expect("the script is readable");
    let files = manifests();
    let mut printed = String::new();
    let mut failed = Vec::new();
    let mut script = script::run(&text, &files, |_, line, answer| {
        printed.push_str(&shown(line, answer));
        if answer.rc != 0 {
            failed.push(line.to_owned());
        }
    });
    let path = data().join(format!("{name}.out"));
    if std::env::var("KUBARIUM_BLESS").is_ok_and(|bless| bless == "1") {
        fs::write(&path, &printed).expect("the transcript can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if let Some((at, (is, should))) = printed.lines().zip(expected.lines()).enumerate().find(|(_, (a, b))| a != b) {
        panic!("tests/data/{name}.out:{}: expected\n  {should}\nis\n  {is}\n(KUBARIUM_BLESS=1 writes it anew)", at + 1);
    }
    assert_eq!(printed, expected, "tests/data/{name}.out (KUBARIUM_BLESS=1 writes it anew)");
    assert!(failed.is_empty(), "{name}.script: {failed:?}");
    then(&mut script);
}

#[test]
fn the_terminal_has_files_and_an_editor_of_its_own() {
    check("files", |_| ());
}

#[test]
fn ports_lead_from_the_terminal_to_pods() {
    check("port-forward", |_| ());
}

#[test]
fn containers_run_as_whom_they_are_told_to() {
    check("users", |_| ());
}

#[test]
fn a_kubeconfig_has_contexts_users_and_clusters() {
    check("contexts", |_| ());
}

#[test]
fn pods_are_resized_where_there_is_room() {
    check("resize", |_| ());
}

#[test]
fn hooks_and_probes_go_over_the_network() {
    check("hooks", |_| ());
}

#[test]
fn what_is_mounted_stays_when_its_object_goes() {
    check("mounts", |_| ());
}

#[test]
fn tokens_are_bound_and_go_with_what_they_are_bound_to() {
    check("tokens", |_| ());
}

#[test]
fn released_volumes_are_kept_deleted_or_used_again() {
    check("reclaim", |_| ());
}

#[test]
fn two_old_manifests_apply_as_they_stand() {
    check("articles", |_| ());
}

#[test]
fn rules_alone_make_services_reachable() {
    check("iptables", |_| ());
}

#[test]
fn virtual_servers_of_the_kernel_hand_connections_out_in_turn() {
    check("ipvs", |_| ());
    check("ipvs-scheduler", |_| ());
}

#[test]
fn maps_and_verdicts_of_nftables_make_services_reachable() {
    check("nftables", |_| ());
}

#[test]
fn the_dns_server_serves_what_its_configmap_says() {
    check("corefile", |_| ());
}

#[test]
fn who_takes_too_much_of_a_node_has_to_go() {
    check("eviction", |_| ());
}

#[test]
fn a_guestbook_of_three_tiers_comes_up() {
    check("guestbook", |_| ());
}

#[test]
fn a_rolling_update_goes_forward_and_back() {
    check("rolling", |_| ());
}

#[test]
fn a_service_sends_each_connection_to_the_next_pod() {
    check("service", |_| ());
}

#[test]
fn a_shell_in_a_pod_reads_the_lines_that_follow_and_fields_have_managers() {
    check("exec", |_| ());
}

#[test]
fn who_attaches_to_a_container_talks_to_its_first_process() {
    check("attach", |_| ());
}

#[test]
fn kinds_that_a_definition_describes_are_served_while_it_is_there() {
    check("custom-resources", |_| ());
}

#[test]
fn policies_and_webhooks_decide_about_requests() {
    check("admission", |_| ());
}

#[test]
fn events_have_two_forms_and_files_are_changed_without_a_server() {
    check("api-forms", |_| ());
}

#[test]
fn who_debugs_a_pod_sees_what_its_containers_see() {
    check("debug", |_| ());
}

#[test]
fn options_of_everyday_verbs_do_what_they_say() {
    check("options", |_| ());
}

#[test]
fn a_line_of_the_terminal_is_a_script_of_a_shell() {
    check("terminal", |_| ());
}

#[test]
fn what_cannot_be_done_is_refused_and_harms_nothing() {
    check("refused", |script| {
        let big = format!("kubectl apply -f - <<'END'\n{}\nEND", config_map_of(5 << 20));
        let answer = script.run(&big);
        assert_eq!((answer.rc, answer.stdout.as_str()), (1, ""), "{}", answer.stderr);
        assert!(answer.stderr.len() < 2_000, "an error is for reading: {} bytes", answer.stderr.len());
        let after = script.run("kubectl get pod well");
        assert_eq!(after.rc, 0, "{}", after.stderr);
    });
}

#[test]
fn a_drained_node_gives_its_pods_up_as_the_budget_allows() {
    check("drain", |_| ());
}

#[test]
fn a_leader_of_etcd_crashes_and_a_majority_is_lost_and_comes_back() {
    check("etcd-quorum", |_| ());
}

#[test]
fn a_rolling_update_is_completed_though_a_master_is_switched_off() {
    check("ha-rolling", |_| ());
}

#[test]
fn whichever_master_dies_a_rolling_update_is_completed_and_nothing_is_lost() {
    let files = manifests();
    for master in ["master1", "master2", "master3"] {
        let text = format!(
            "!cluster nodes=3 masters=3 seed=4\n\
             kubectl create deployment web --image=nginx:1.25 --replicas=6\n\
             kubectl rollout status deployment/web --timeout=60s\n\
             kubectl create configmap before --from-literal=a=b\n\
             kubectl set image deployment/web nginx=nginx:1.27\n\
             !wait 1s\n\
             !fault crash node {master}\n\
             !until 20s kubectl create configmap after --from-literal=a=b\n\
             kubectl rollout status deployment/web --timeout=120s\n\
             kubectl get configmaps before after\n"
        );
        let mut script = script::run(&text, &files, |_, line, answer| {
            assert_eq!(answer.rc, 0, "{master}: {line}: {}", answer.stderr)
        });
        let images =
            script.run("kubectl get deployment web -o jsonpath='{.status.updatedReplicas} {.status.readyReplicas}'");
        assert_eq!(images.stdout, "6 6", "{master}");
    }
}

#[test]
fn a_master_that_is_cut_off_stops_before_others_take_over() {
    check("ha-partition", |_| ());
}

#[test]
fn what_runs_on_a_master_is_in_the_files_of_its_disk() {
    check("static-pods", |_| ());
}

#[test]
fn a_full_database_raises_an_alarm_and_a_full_disk_ends_its_member() {
    check("etcd-nospace", |_| ());
}

#[test]
fn a_cluster_of_three_masters_survives_chaos() {
    check("ha-chaos", |_| ());
}

#[test]
fn a_leader_of_etcd_that_is_cut_off_steps_down() {
    check("etcd-partition", |_| ());
}

#[test]
fn objects_are_replaced_as_a_whole() {
    check("replace", |_| ());
}

fn config_map_of(bytes: usize) -> String {
    let line = format!("    {}\n", "x".repeat(75));
    let body = line.repeat(bytes / line.len() + 1);
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata:\n  text: |\n{body}")
}

#[test]
fn a_pod_that_replaces_a_deleted_one_exists_because_of_the_apply() {
    check("replacement", |script| {
        let names = script.run("kubectl get pods -o name").stdout;
        let pod = names.lines().next().and_then(|name| name.strip_prefix("pod/")).expect("there is the replacement");
        let trace = script.run(&format!("!trace {pod}")).stdout;
        let place = |words: &str| trace.lines().position(|line| line.contains(words));
        let apply = place("you ran: kubectl apply");
        let deployment = place("deployment-controller reconciled");
        let set = place("replicaset-controller reconciled");
        assert!(apply.is_some() && deployment.is_some() && set.is_some(), "{trace}");
    });
}

/// The packets of a conversation that crossed from pod to pod, as the page shows them.
fn overlay_packets(script: &mut Script<'_>) -> Vec<PacketView> {
    let cluster = &script.world().cluster;
    let lines = packets::list(cluster).packets;
    let crossed =
        lines.iter().filter(|line| line.by_flanneld && line.from == "default/client" && line.to == "default/web");
    crossed.filter_map(|line| packets::packet(cluster, line.id)).collect()
}

#[test]
fn a_packet_to_another_node_takes_the_ten_steps_of_flannel() {
    check("overlay", |script| {
        let views = overlay_packets(script);
        assert!(!views.is_empty(), "no packet crossed");
        for view in views {
            let steps: Vec<FlannelStep> = view.hops.iter().filter_map(|hop| hop.step).collect();
            assert_eq!(steps, FlannelStep::ALL, "{:#?}", view.hops);
            let at =
                |step: FlannelStep| view.hops.iter().find(|hop| hop.step == Some(step)).expect("all ten are there");
            let rule = |step: FlannelStep| at(step).rule.clone().unwrap_or_default();
            assert!(rule(FlannelStep::ContainerSends).starts_with("default via 10.244."), "{view:#?}");
            assert!(rule(FlannelStep::RouteToFlannel).starts_with("10.244.0.0/16 dev flannel0"), "{view:#?}");
            assert!(rule(FlannelStep::RouteToBridge).contains("dev docker0"), "{view:#?}");
            let routed =
                |step, device: &str| matches!(&at(step).decision, Decision::Routed { device: d, .. } if d == device);
            assert!(routed(FlannelStep::ContainerSends, "eth0"), "{view:#?}");
            assert!(routed(FlannelStep::RouteToFlannel, "flannel0"), "{view:#?}");
            assert!(routed(FlannelStep::RouteToBridge, "docker0"), "{view:#?}");
        }
        the_payload_on_the_wire_is_the_inner_packet(script);
    });
}

/// The devices and rules of every packet of a conversation, as the page shows them: `worker1/flannel.1`.
fn ways(script: &mut Script<'_>) -> Vec<Vec<(String, String)>> {
    let cluster = &script.world().cluster;
    let lines = packets::list(cluster).packets;
    let crossed = lines.iter().filter(|line| line.from == "default/client" && line.to == "default/web");
    let views = crossed.filter_map(|line| packets::packet(cluster, line.id));
    let step = |hop: &HopView| {
        let place = match &hop.scope {
            Scope::Pod { name, .. } | Scope::Node(name) | Scope::Machine(name) => name.clone(),
            Scope::Wire => "wire".into(),
            Scope::Outside => "outside".into(),
        };
        (format!("{place}/{}", hop.device), hop.rule.clone().unwrap_or_default())
    };
    views.map(|view| view.hops.iter().map(step).collect()).collect()
}

/// Every packet from the client to the server went through these devices in this order, and among what decided was each of
/// the rules.
fn check_ways(script: &mut Script<'_>, devices: &[&str], rules: &[&str]) {
    let ways = ways(script);
    assert!(!ways.is_empty(), "no packet went that way");
    for way in ways {
        let devices_of = way.iter().filter(|(_, rule)| !rule.contains("-A FLANNEL-FWD"));
        let through: Vec<&str> =
            devices_of.map(|(device, _)| device.as_str()).filter(|d| !d.contains("/veth")).collect();
        assert_eq!(through, devices, "{way:#?}");
        for rule in rules {
            assert!(way.iter().any(|(_, by)| by.contains(rule)), "{rule} did not decide: {way:#?}");
        }
    }
}

#[test]
fn the_kernel_wraps_packets_in_vxlan_as_flanneld_told_it() {
    check("vxlan", |script| {
        check_ways(
            script,
            &[
                "default/client/eth0",
                "worker1/docker0",
                "worker1/flannel.1",
                "worker1/flannel.1",
                "wire/eth0",
                "worker2/eth0",
                "worker2/flannel.1",
                "worker2/docker0",
                "worker2/docker0",
                "default/web/eth0",
            ],
            &["dev flannel.1 onlink", "dst 192.168.1.22 vni 1", "dev docker0"],
        );
    });
}

#[test]
fn routes_lead_straight_to_the_other_node() {
    check("host-gw", |script| {
        let there = ["default/client/eth0", "worker1/docker0", "worker1/eth0", "wire/eth0", "worker2/eth0"];
        let devices = [&there[..], &["worker2/docker0", "worker2/docker0", "default/web/eth0"]].concat();
        check_ways(script, &devices, &["via 192.168.1.22 dev eth0"]);
    });
}

#[test]
fn without_an_overlay_only_routes_by_hand_reach_other_nodes() {
    check("no-overlay", |_| ());
}

#[test]
fn tcpdump_shows_what_passes_the_devices() {
    check("tcpdump", |_| ());
}

#[test]
fn policies_become_rules_on_the_nodes() {
    check("policy", |_| ());
}

#[test]
fn a_cloud_gives_services_addresses() {
    check("load-balancer", |_| ());
    check("load-balancer-ipvs", |_| ());
    check("load-balancer-nftables", |_| ());
}

#[test]
fn a_client_outside_comes_in_by_node_ports_and_load_balancers() {
    check("outside", |_| ());
}

#[test]
fn an_ingress_controller_passes_requests_on_by_host_and_path() {
    check("ingress", |script| {
        let services: Vec<String> =
            packets::list(&script.world().cluster).packets.into_iter().map(|line| line.to).collect();
        // Behind the controller nobody asks for a Service: it knows the pods.
        assert!(!services.contains(&"default/cart".to_owned()), "{services:?}");
    });
}

#[test]
fn a_plain_cluster_has_neither_policies_nor_load_balancers() {
    check("plain", |_| ());
}

#[test]
fn a_pod_asks_the_api_server_with_its_token() {
    check("api-from-a-pod", |_| ());
}

#[test]
fn tools_tell_who_listens_and_what_a_name_means() {
    check("net-tools", |_| ());
}

#[test]
fn free_df_and_mount_tell_what_the_simulation_holds() {
    check("machine", |_| ());
}

#[test]
fn each_step_of_the_way_answers_to_its_name() {
    check("traceroute", |_| ());
}

#[test]
fn each_fault_of_the_network_shows_and_can_be_mended() {
    check("net-faults", |script| {
        let refused = script.run("!fault drop-rule worker1 nat POSTROUTING 9");
        assert_eq!((refused.rc, refused.stderr.as_str()), (2, "iptables: Index of deletion too big.\n"));
    });
}

/// A cluster with a client on one node, a server on the other and a Service of it, after a first request.
fn between_two_pods(cluster: &str, then: impl FnOnce(&mut Script<'_>, &str)) {
    let text = format!(
        "!cluster nodes=2 seed=13 {cluster}\nkubectl apply -f overlay.yaml\n\
         kubectl wait --for=condition=Ready pod/web pod/client --timeout=60s\n\
         kubectl expose pod web --name=shop --port=80\n!wait 2s\nkubectl exec client -- curl -s http://shop\n"
    );
    let files = manifests();
    let mut script =
        script::run(&text, &files, |_, line, answer| assert_eq!(answer.rc, 0, "{line}: {}", answer.stderr));
    let server = script.run("kubectl get pod web -o jsonpath={.status.podIP}").stdout;
    then(&mut script, &server);
}

#[test]
fn the_way_of_a_packet_names_the_culprit_of_every_fault() {
    let one = |cluster: &str, fault: &str, to_service: bool, culprits: &[&str]| {
        between_two_pods(cluster, |script, server| {
            let rules = script.run("node worker1 iptables -t nat -L KUBE-SERVICES -n --line-numbers").stdout;
            let rule = rules.lines().find(|line| line.contains("default/shop")).unwrap_or_default();
            let rule = rule.split_whitespace().next().unwrap_or_default();
            let broken = script.run(&format!("!fault {}", fault.replace("RULE", rule)));
            assert_eq!(broken.rc, 0, "{fault}: {}", broken.stderr);
            let service = script.run("kubectl get service shop -o jsonpath={.spec.clusterIP}").stdout;
            let (address, to) = if to_service { (service.as_str(), "shop") } else { (server, "web") };
            script.run(&format!("kubectl exec client -- curl -s -m 8 http://{address}/{}", "long".repeat(350)));
            let trace = script.run(&format!("!trace from client to {to}")).stdout;
            for culprit in culprits {
                assert!(trace.contains(culprit), "{fault}: {culprit} is not named:\n{trace}");
            }
        });
    };
    let vxlan = "backend=vxlan proxy=iptables";
    let host_gw = "backend=host-gw proxy=iptables";
    one(vxlan, "link worker2 loss=100%", false, &["worker1", "dropped: Fault"]);
    one(vxlan, "link worker1 delay=20ms", false, &["wire", "Late { by: \"0.020s\", twice: false }"]);
    one(vxlan, "link worker1 duplicate=100%", false, &["wire", "twice: true"]);
    one(vxlan, "link worker1 jitter=90ms", false, &["wire", "Late { by: "]);
    one(vxlan, "link worker2 mtu=1400", false, &["dropped: LinkMtu(1400)"]);
    one(host_gw, "partition worker2", false, &["worker1", "dropped: Cut"]);
    one("backend=udp proxy=iptables", "crash flanneld worker2", false, &["worker2", "dropped: NoListener(8285)"]);
    one(vxlan, "wrong-fdb worker1 worker2", false, &["dst 192.168.1.10 vni 1", "master1"]);
    one(
        vxlan,
        "stale-route worker1 worker2",
        false,
        &["worker1", "[10.244.91.0/24 via 10.244.91.254 dev flannel.1 onlink]", "dropped: NoNeighbour"],
    );
    one(vxlan, "conntrack worker1 full", false, &["worker1", "dropped: ConntrackFull"]);
    one(vxlan, "ip-forward worker1 off", false, &["worker1", "dropped: ForwardingOff"]);
    one(vxlan, "drop-rule worker1 nat KUBE-SERVICES RULE", true, &["dropped: NoRuleFor(\"default/shop\")"]);
}

/// Which of three servers answered so many requests.
fn answerers(script: &mut Script<'_>, requests: usize) -> Vec<String> {
    (0..requests).map(|_| script.run("kubectl exec client -- curl -s http://servers:9376").stdout).collect()
}

#[test]
fn a_client_stays_with_its_endpoint_for_as_long_as_the_affinity_lasts_in_every_mode() {
    for proxy in ["userspace", "iptables", "ipvs", "nftables"] {
        between_two_pods(&format!("backend=host-gw proxy={proxy}"), |script, _| {
            for line in [
                "kubectl create deployment servers --image=registry.k8s.io/e2e-test-images/agnhost:2.53 --replicas=3 -- /agnhost serve-hostname",
                "kubectl rollout status deployment/servers",
                "kubectl expose deployment servers --port=9376",
                "!wait 2s",
            ] {
                assert_eq!(script.run(line).rc, 0, "{line}");
            }
            let distinct = |mut all: Vec<String>| {
                assert!(all.iter().all(|name| name.starts_with("servers-")), "{proxy}: {all:?}");
                all.sort();
                all.dedup();
                all.len()
            };
            assert!(distinct(answerers(script, 12)) > 1, "{proxy}: without affinity they share");
            let affinity =
                r#"{"spec":{"sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":30}}}}"#;
            assert_eq!(script.run(&format!("kubectl patch service servers -p '{affinity}'")).rc, 0);
            script.run("!wait 2s");
            assert_eq!(distinct(answerers(script, 12)), 1, "{proxy}: with affinity one answers");
            let mut after = Vec::new();
            for _ in 0..8 {
                script.run("!wait 40s");
                after.extend(answerers(script, 1));
            }
            assert!(distinct(after) > 1, "{proxy}: the time-out ends it");
        });
    }
}

/// The ways of one request in one pod, on one node and to a Service, in every mode of kube-proxy.
#[test]
fn every_path_is_a_picture_with_every_device_named() {
    for name in ["paths-userspace", "paths-iptables", "paths-ipvs", "paths-nftables", "paths-no-overlay", "paths-udp"] {
        check(name, |_| ());
    }
}

/// A packet as flanneld forwards it: one hop less to live, and the header's checksum says so.
fn forwarded(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[8] -= 1;
    packet[10..12].fill(0);
    let header = &packet[..usize::from(packet[0] & 0x0f) * 4];
    let sum: u32 = header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).expect("folded twice");
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// Every packet that carries another, on the network between the nodes: its UDP payload is the packet that flannel0 handed to
/// flanneld, byte for byte, and nothing else.
fn the_payload_on_the_wire_is_the_inner_packet(script: &mut Script<'_>) {
    let cluster = &script.world().cluster;
    let mut compared = 0;
    for wire in cluster.hops().iter().filter(|hop| hop.stage == Stage::Wire && hop.carries.is_some()) {
        let inner = wire.carries.expect("filtered");
        let handed = cluster.hops().iter().rfind(|hop| hop.packet == inner && hop.stage == Stage::Tun);
        let Some(handed) = handed else { continue };
        let frame = wire.bytes();
        let ip = &frame[14..];
        let udp = &ip[usize::from(ip[0] & 0x0f) * 4..];
        assert_eq!(u16::from_be_bytes([udp[2], udp[3]]), 8_285);
        assert_eq!(&udp[8..], forwarded(handed.bytes()));
        compared += 1;
    }
    assert!(compared > 0, "no packet on the wire carries another");
}

#[test]
fn a_deployment_grows_with_its_load_and_shrinks_five_minutes_after() {
    check("autoscale", |_| ());
}

#[test]
fn roles_say_who_may_do_what() {
    check("roles", |_| ());
}

#[test]
fn a_field_that_no_schema_has_is_told_of_wherever_it_comes_from() {
    check("typos", |_| ());
}

#[test]
fn containers_start_again_by_their_own_rules_and_pods_are_what_their_runtime_class_says() {
    check("restarts", |_| ());
}

#[test]
fn a_namespace_says_what_its_pods_may_do() {
    check("pod-security", |_| ());
}

#[test]
fn what_is_written_in_a_volume_outlives_its_container() {
    check("volumes", |_| ());
}

#[test]
fn a_node_that_dies_loses_its_pods_as_each_controller_has_it() {
    check("node-death", |_| ());
}

#[test]
fn a_scheduler_that_crashes_is_followed_by_one_of_two_candidates() {
    check("ha-two-candidates", |_| ());
}

#[test]
fn a_slow_follower_delays_nothing_while_the_others_are_a_majority() {
    check("ha-slow-follower", |_| ());
}

#[test]
fn a_member_whose_disk_was_lost_is_replaced() {
    check("etcd-replace-member", |_| ());
}

#[test]
fn a_cluster_that_has_lost_everything_comes_back_with_a_snapshot() {
    check("etcd-restore", |_| {});
}

#[test]
fn a_member_that_differs_is_found_and_replaced() {
    check("etcd-corrupt", |_| {});
}

#[test]
fn component_statuses_tell_how_each_part_of_the_control_plane_is() {
    check("componentstatuses", |_| {});
}

#[test]
fn clocks_that_are_wrong_and_certificates_that_are_over_are_told_of() {
    check("clocks", |_| {});
}

#[test]
fn the_api_server_makes_its_own_objects_again_where_etcd_is_empty() {
    check("etcd-emptied", |_| {});
}

#[test]
fn votes_are_split_while_messages_are_late() {
    check("etcd-split-vote", |_| ());
}
