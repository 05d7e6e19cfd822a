//! The table that upstream's own test expects, and how chains go.

use serde_json::{Value, json};

use super::*;
use crate::api::{Kind, Object, WatchEventType};
use crate::control::cache::Change;
use crate::net::nft::Nft;

fn config() -> Config {
    Config {
        node: "test-node".into(),
        node_ip: Ipv4Addr::new(192, 168, 0, 2).into(),
        pods: Some("10.0.0.0/8".parse().expect("a network")),
        localhost_node_ports: false,
        ..Config::of_test()
    }
}

fn tell(proxier: &mut Nftables, kind: Kind, value: Value, event: WatchEventType) {
    let new = Object::from_value(kind, value).expect("an object of its kind");
    proxier.tracker.changed(&Change { event, old: None, new }, None);
}

fn service(number: u8, spec: &Value, status: &Value) -> Value {
    let mut spec = spec.clone();
    spec["clusterIP"] = json!(format!("172.30.0.4{number}"));
    let port = spec["nodePort"].take();
    spec["ports"] = json!([{"name": "p80", "port": 80, "protocol": "TCP"}]);
    if port.is_u64() {
        spec["ports"][0]["nodePort"] = port;
    }
    let meta = json!({"name": format!("svc{number}"), "namespace": format!("ns{number}")});
    json!({"metadata": meta, "spec": spec, "status": status})
}

/// A slice of endpoints; those with a name in front of the address are on that node.
fn slice(number: u8, endpoints: &[&str]) -> Value {
    let labels = json!({"kubernetes.io/service-name": format!("svc{number}")});
    let endpoint = |text: &&str| match text.split_once(' ') {
        Some((node, ip)) => json!({"addresses": [ip], "nodeName": node}),
        None => json!({"addresses": [text]}),
    };
    json!({
        "metadata": {"name": format!("svc{number}-1"), "namespace": format!("ns{number}"), "labels": labels},
        "addressType": "IPv4",
        "endpoints": endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": "p80", "port": 80, "protocol": "TCP"}],
    })
}

/// The services of `TestOverallNFTablesRules`.
fn proxier() -> Nftables {
    let cidr = "172.30.0.0/16".parse().expect("a network");
    let mut proxier = Nftables::new(config(), vec![cidr], std::iter::empty());
    let none = json!({});
    let ingress = |ip: &str| json!({"loadBalancer": {"ingress": [{"ip": ip}]}});
    let services = [
        (1, json!({}), none.clone(), vec!["10.180.0.1"]),
        (
            2,
            json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "nodePort": 3001,
                   "externalIPs": ["192.168.99.22"], "healthCheckNodePort": 30000}),
            ingress("1.2.3.4"),
            vec!["10.180.0.2"],
        ),
        (3, json!({"type": "NodePort", "nodePort": 3003}), none.clone(), vec!["10.180.0.3"]),
        (
            4,
            json!({"type": "NodePort", "externalIPs": ["192.168.99.33"]}),
            none.clone(),
            vec!["10.180.0.4", "test-node 10.180.0.5"],
        ),
        (
            5,
            json!({"type": "LoadBalancer", "nodePort": 3002, "loadBalancerSourceRanges": ["203.0.113.0/25"],
                   "sessionAffinity": "ClientIP",
                   "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}),
            ingress("5.6.7.8"),
            vec!["10.180.0.3"],
        ),
        (6, json!({}), none, vec![]),
    ];
    for (number, spec, status, endpoints) in services {
        tell(&mut proxier, Kind::Service, service(number, &spec, &status), WatchEventType::Added);
        if !endpoints.is_empty() {
            tell(&mut proxier, Kind::EndpointSlice, slice(number, &endpoints), WatchEventType::Added);
        }
    }
    proxier.tracker.synced(true, None);
    proxier
}

fn written(proxier: &mut Nftables, now: Time) -> Table {
    let mut out = Out::default();
    proxier.wake(now, &mut out);
    let table = out.take().into_iter().find_map(|effect| match effect {
        Effect::Nft(table) => Some(*table),
        _ => None,
    });
    table.expect("something is written")
}

/// The chains as `chain: rule` and the elements as `map: element`, as the kernel lists them.
fn lines(table: Table) -> Vec<String> {
    let mut nft = Nft::default();
    nft.load(TABLE, table);
    let listed = nft.list(Time(0));
    let (mut lines, mut block) = (Vec::new(), String::new());
    for line in listed.lines() {
        match line.strip_suffix(" {") {
            Some(head) if line.starts_with('\t') => {
                block = head.split_whitespace().last().unwrap_or_default().to_owned();
            }
            _ if line.starts_with("\t\t") => {
                let text = line.trim().trim_start_matches("elements = { ").trim_end_matches([',', '}', ' ']);
                let text = if line.contains("vmap {") || line.contains("!= {") || line.contains("update @") {
                    line.trim()
                } else {
                    text
                };
                lines.push(format!("{block}: {text}"));
            }
            _ => {}
        }
    }
    lines
}

#[test]
fn the_table_is_the_one_that_upstream_expects() {
    let got = lines(written(&mut proxier(), Time(0)));
    for line in [
        "cluster-ips-check: ip daddr @cluster-ips reject comment \"Reject traffic to invalid ports of ClusterIPs\"",
        "cluster-ips-check: ip daddr 172.30.0.0/16 drop comment \"Drop traffic to unallocated ClusterIPs\"",
        "filter-prerouting-pre-dnat: type filter hook prerouting priority dstnat - 10; policy accept;",
        "filter-prerouting-pre-dnat: ct state new jump firewall-check",
        "filter-input: ct state new jump nodeport-endpoints-check",
        "filter-input: ct state new jump service-endpoints-check",
        "filter-output-pre-dnat: type filter hook output priority -110; policy accept;",
        "nat-output: type nat hook output priority -100; policy accept;",
        "nat-postrouting: jump masquerading",
        "services: ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports",
        "service-ULMVA6XW-ns1/svc1/tcp/p80: ip daddr 172.30.0.41 ip saddr != 10.0.0.0/8 jump mark-for-masquerade",
        "service-ULMVA6XW-ns1/svc1/tcp/p80: numgen random mod 1 vmap { 0 : goto endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80 }",
        "endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80: ip saddr 10.180.0.1 jump mark-for-masquerade",
        "endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80: meta l4proto tcp dnat to 10.180.0.1:80",
        "service-ips: 172.30.0.41 . tcp . 80 : goto service-ULMVA6XW-ns1/svc1/tcp/p80",
        "external-42NFTM6N-ns2/svc2/tcp/p80: ip saddr 10.0.0.0/8 goto service-42NFTM6N-ns2/svc2/tcp/p80 comment \"short-circuit pod traffic\"",
        "external-42NFTM6N-ns2/svc2/tcp/p80: fib saddr type local jump mark-for-masquerade comment \"masquerade local traffic\"",
        "external-42NFTM6N-ns2/svc2/tcp/p80: fib saddr type local goto service-42NFTM6N-ns2/svc2/tcp/p80 comment \"short-circuit local traffic\"",
        "service-ips: 192.168.99.22 . tcp . 80 : goto external-42NFTM6N-ns2/svc2/tcp/p80",
        "service-ips: 1.2.3.4 . tcp . 80 : goto external-42NFTM6N-ns2/svc2/tcp/p80",
        "service-nodeports: tcp . 3001 : goto external-42NFTM6N-ns2/svc2/tcp/p80",
        "no-endpoint-nodeports: tcp . 3001 comment \"ns2/svc2:p80\" : drop",
        "no-endpoint-services: 1.2.3.4 . tcp . 80 comment \"ns2/svc2:p80\" : drop",
        "external-4AT6LBPK-ns3/svc3/tcp/p80: jump mark-for-masquerade",
        "external-4AT6LBPK-ns3/svc3/tcp/p80: goto service-4AT6LBPK-ns3/svc3/tcp/p80",
        "service-LAUZTJTB-ns4/svc4/tcp/p80: numgen random mod 2 vmap { 0 : goto endpoint-UNZV3OEC-ns4/svc4/tcp/p80__10.180.0.4/80, 1 : goto endpoint-5RFCDDV7-ns4/svc4/tcp/p80__10.180.0.5/80 }",
        "affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80: timeout 3h",
        "service-HVFWP5L3-ns5/svc5/tcp/p80: ip saddr @affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 goto endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80",
        "endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80: update @affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 { ip saddr }",
        "firewall-HVFWP5L3-ns5/svc5/tcp/p80: ip saddr != 203.0.113.0/25 drop",
        "firewall-ips: 5.6.7.8 . tcp . 80 : goto firewall-HVFWP5L3-ns5/svc5/tcp/p80",
        "no-endpoint-services: 172.30.0.46 . tcp . 80 comment \"ns6/svc6:p80\" : goto reject-chain",
        "nodeport-ips: 192.168.0.2",
    ] {
        assert!(got.iter().any(|got| got == line), "{line}\nis not in\n{}", got.join("\n"));
    }
    let services = got.iter().filter(|line| line.starts_with("service-ips: ") && line.contains(" goto ")).count();
    assert_eq!(services, 9, "ClusterIPs, external IPs and load balancers with endpoints");
    assert!(
        !got.iter().any(|line| line.contains("local-")),
        "no endpoint of a Service that stays local is on the node"
    );
}

/// What is listed for a Service of a load balancer with these source ranges, whose address is 1.2.3.4.
fn ranged(ranges: &[&str], policy: &str, ready: bool) -> Vec<String> {
    let mut proxier = Nftables::new(config(), Vec::new(), std::iter::empty());
    let spec = json!({"type": "LoadBalancer", "nodePort": 3001, "externalTrafficPolicy": policy,
                      "loadBalancerSourceRanges": ranges});
    let status = json!({"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}});
    tell(&mut proxier, Kind::Service, service(1, &spec, &status), WatchEventType::Added);
    if ready {
        tell(&mut proxier, Kind::EndpointSlice, slice(1, &["test-node 10.180.0.1"]), WatchEventType::Added);
    }
    proxier.tracker.synced(true, None);
    lines(written(&mut proxier, Time(0)))
}

#[test]
fn a_load_balancers_address_is_refused_filtered_and_kept_local() {
    let firewall = "firewall-ULMVA6XW-ns1/svc1/tcp/p80";
    let (far, near) = (["203.0.113.0/25"], ["203.0.113.0/25", "192.168.0.0/24"]);
    for (got, expected) in [
        (ranged(&far, "Cluster", true), format!("{firewall}: ip saddr != 203.0.113.0/25 drop")),
        (
            ranged(&near, "Cluster", true),
            format!("{firewall}: ip saddr != {{ 1.2.3.4, 192.168.0.0/24, 203.0.113.0/25 }} drop"),
        ),
        (ranged(&far, "Cluster", false), format!("firewall-ips: 1.2.3.4 . tcp . 80 : goto {firewall}")),
        (
            ranged(&[], "Cluster", false),
            "no-endpoint-services: 1.2.3.4 . tcp . 80 comment \"ns1/svc1:p80\" : goto reject-chain".to_owned(),
        ),
        (
            ranged(&[], "Local", true),
            "external-ULMVA6XW-ns1/svc1/tcp/p80: goto local-ULMVA6XW-ns1/svc1/tcp/p80".to_owned(),
        ),
    ] {
        assert!(got.contains(&expected), "{expected}\nis not in\n{}", got.join("\n"));
    }
    assert!(!ranged(&[], "Cluster", true).iter().any(|line| line.starts_with("firewall-ips: 1.2.3.4")));
}

#[test]
fn a_chain_is_emptied_first_and_deleted_later() {
    let mut proxier = proxier();
    let chain = "endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80";
    let rules = |table: &Table| table.chains.iter().find(|(name, _)| **name == *chain).map(|(_, c)| c.rules.len());
    assert_eq!(rules(&written(&mut proxier, Time(0))), Some(2));
    tell(&mut proxier, Kind::EndpointSlice, slice(1, &["10.180.0.9"]), WatchEventType::Modified);
    let second = Time(0) + Span::secs(1);
    assert_eq!(rules(&written(&mut proxier, second)), Some(0));
    tell(&mut proxier, Kind::EndpointSlice, slice(3, &["10.180.0.9"]), WatchEventType::Modified);
    assert_eq!(rules(&written(&mut proxier, second + Span::secs(3))), None);
}
