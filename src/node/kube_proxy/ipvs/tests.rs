//! The proxier: which virtual servers and sets a Service makes, and how a real server goes.

use serde_json::json;

use super::*;
use crate::api::{Kind, Object, WatchEventType};
use crate::control::cache::Change;
use crate::net::filter::{Filter, Table};
use crate::net::ipvs::{Chosen, Seen};

const NODE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 21);

/// What is written for one Service with endpoints on this node and on another.
fn written_for(spec: serde_json::Value, status: serde_json::Value) -> Written {
    let mut proxier = Ipvs::new(Config::of_test(), Scheduler::RoundRobin);
    let meta = json!({"name": "web", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}});
    let endpoint = |ip: &str, node: &str| json!({"addresses": [ip], "nodeName": node});
    let slice = json!({
        "metadata": meta,
        "addressType": "IPv4",
        "endpoints": [endpoint("10.244.1.2", "node1"), endpoint("10.244.2.2", "node2")],
        "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
    });
    let service = json!({"metadata": meta, "spec": spec, "status": status});
    for (kind, value) in [(Kind::Service, service), (Kind::EndpointSlice, slice)] {
        let new = Object::from_value(kind, value).expect("an object of its kind");
        proxier.tracker.changed(&Change { event: WatchEventType::Added, old: None, new }, None);
    }
    proxier.tracker.synced(true, None);
    let mut out = Out::default();
    proxier.wake(Time::ZERO, &mut out);
    let written = out.take().into_iter().find_map(|effect| match effect {
        Effect::Ipvs(written) => Some(*written),
        _ => None,
    });
    written.expect("something is written at once")
}

/// The virtual servers on a node with a network card and a bridge, as text.
fn servers(written: &Written) -> Vec<String> {
    let on = written.on(&[NODE, Ipv4Addr::new(10, 244, 1, 1)]);
    let text = |(at, (persistent, servers)): (&VirtualAt, &(Option<Span>, VecSet<SocketAddrV4>))| {
        let held = persistent.map_or_else(String::new, |time| format!(" for {}", time.as_secs()));
        let servers: Vec<String> = servers.iter().map(|server| server.ip().to_string()).collect();
        format!("{}{held} {}", at.at, servers.join(","))
    };
    on.servers.iter().map(text).collect()
}

fn members(written: &Written, set: &str) -> Vec<String> {
    let text = written.sets[set].list(set, 0);
    text.lines().skip_while(|line| *line != "Members:").skip(1).map(str::to_owned).collect()
}

/// A load balancer's Service with these further fields, and its address.
fn balanced(more: &serde_json::Value) -> Written {
    let mut spec = json!({
        "clusterIP": "10.96.0.7", "type": "LoadBalancer", "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}],
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    written_for(
        spec,
        json!({"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}, {"ip": "198.51.100.8", "ipMode": "Proxy"}]}}),
    )
}

#[test]
fn a_load_balancers_address_is_served_and_held_by_the_device() {
    let at = |written: &Written| {
        let mut all = servers(written);
        all.retain(|server| server.starts_with("198."));
        all
    };
    let both = balanced(&json!({}));
    assert_eq!(at(&both), ["198.51.100.7:80 10.244.1.2,10.244.2.2"], "a proxy's address is its own business");
    let on = both.on(&[NODE]);
    let held: Vec<String> = on.bound.iter().map(Ipv4Addr::to_string).collect();
    assert_eq!(held, ["10.96.0.7", "198.51.100.7"]);
    assert!(members(&both, "KUBE-LOAD-BALANCER-LOCAL").is_empty());

    let local = balanced(&json!({"externalTrafficPolicy": "Local", "healthCheckNodePort": 32000}));
    assert_eq!(at(&local), ["198.51.100.7:80 10.244.1.2"]);
    for (set, expected) in [
        ("KUBE-LOAD-BALANCER", "198.51.100.7,tcp:80"),
        ("KUBE-LOAD-BALANCER-LOCAL", "198.51.100.7,tcp:80"),
        ("KUBE-NODE-PORT-LOCAL-TCP", "30080"),
        ("KUBE-HEALTH-CHECK-NODE-PORT", "32000"),
    ] {
        assert_eq!(members(&local, set), [expected], "{set}");
    }
    let kept = "-A KUBE-LOAD-BALANCER -m comment --comment \"Kubernetes service load balancer ip + port with externalTrafficPolicy=local\" -m set --match-set KUBE-LOAD-BALANCER-LOCAL dst,dst -j RETURN";
    assert!(local.text.lines().any(|line| line == kept), "{}", local.text);
    assert!(!both.text.lines().any(|line| line == kept));
}

#[test]
fn a_node_in_the_source_ranges_may_use_the_address_itself() {
    let near = balanced(&json!({"loadBalancerSourceRanges": ["203.0.113.0/25", " 192.168.1.0/24"]}));
    let cidrs = ["198.51.100.7,tcp:80,192.168.1.0/24", "198.51.100.7,tcp:80,203.0.113.0/25"];
    assert_eq!(members(&near, "KUBE-LOAD-BALANCER-SOURCE-CIDR"), cidrs);
    assert_eq!(members(&near, "KUBE-LOAD-BALANCER-SOURCE-IP"), ["198.51.100.7,tcp:80,198.51.100.7"]);
    assert!(!near.text.contains("-m ipvs"), "nothing is closed to it: {}", near.text);
}

#[test]
fn every_address_of_a_service_has_a_virtual_server() {
    let port = json!([{"port": 80, "protocol": "TCP"}]);
    let both = "10.244.1.2,10.244.2.2";
    for (spec, expected) in [
        (json!({"clusterIP": "10.96.0.7", "ports": port}), vec![format!("10.96.0.7:80 {both}")]),
        (
            json!({"clusterIP": "10.96.0.7", "ports": port, "sessionAffinity": "ClientIP"}),
            vec![format!("10.96.0.7:80 for 10800 {both}")],
        ),
        (
            json!({"clusterIP": "10.96.0.7", "ports": port, "internalTrafficPolicy": "Local"}),
            vec!["10.96.0.7:80 10.244.1.2".to_owned()],
        ),
        (
            json!({"clusterIP": "10.96.0.7", "ports": port, "externalIPs": ["203.0.113.9"]}),
            vec![format!("10.96.0.7:80 {both}"), format!("203.0.113.9:80 {both}")],
        ),
        (
            json!({"clusterIP": "10.96.0.7", "type": "NodePort", "externalTrafficPolicy": "Local",
                   "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}]}),
            vec![
                "10.96.0.7:80 10.244.1.2,10.244.2.2".to_owned(),
                "10.244.1.1:30080 10.244.1.2".to_owned(),
                "192.168.1.21:30080 10.244.1.2".to_owned(),
            ],
        ),
    ] {
        let mut got = servers(&written_for(spec.clone(), json!({})));
        let mut expected = expected;
        got.sort();
        expected.sort();
        assert_eq!(got, expected, "{spec}");
    }
}

#[test]
fn the_sets_say_what_is_masqueraded_and_who_may_come() {
    let spec = json!({
        "clusterIP": "10.96.0.7", "type": "LoadBalancer", "loadBalancerSourceRanges": ["203.0.113.0/25"],
        "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}],
    });
    let written = written_for(spec, json!({"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}));
    for (set, expected) in [
        ("KUBE-CLUSTER-IP", vec!["10.96.0.7,tcp:80"]),
        ("KUBE-LOOP-BACK", vec!["10.244.1.2,tcp:8080,10.244.1.2"]),
        ("KUBE-NODE-PORT-TCP", vec!["30080"]),
        ("KUBE-LOAD-BALANCER", vec!["198.51.100.7,tcp:80"]),
        ("KUBE-LOAD-BALANCER-FW", vec!["198.51.100.7,tcp:80"]),
        ("KUBE-LOAD-BALANCER-SOURCE-CIDR", vec!["198.51.100.7,tcp:80,203.0.113.0/25"]),
        ("KUBE-LOAD-BALANCER-SOURCE-IP", vec![]),
        ("KUBE-NODE-PORT-UDP", vec![]),
    ] {
        assert_eq!(members(&written, set), expected, "{set}");
    }
    let closed = "-A KUBE-IPVS-OUT-FILTER -s 198.51.100.7 -m ipvs --vaddr 198.51.100.7 --vproto tcp --vport 80 -j DROP";
    assert!(written.text.lines().any(|line| line == closed), "{}", written.text);
    let mut filter = Filter::default();
    for (table, command) in &written.hooks {
        filter.command(Table::of_name(table).expect("a table"), command).expect("a command");
    }
    filter.restore(&written.text, true).expect("the rules can be read");
}

#[test]
fn a_real_server_goes_when_its_last_connection_has_ended() {
    let written = written_for(json!({"clusterIP": "10.96.0.7", "ports": [{"port": 80, "protocol": "TCP"}]}), json!({}));
    let (mut on, mut kernel) = (written.on(&[NODE]), Kernel::default());
    assert!(on.sync(&mut kernel, Scheduler::RoundRobin, Time(0)));
    assert!(!on.sync(&mut kernel, Scheduler::RoundRobin, Time(0)), "nothing changed");
    let at = *on.servers.keys().next().expect("a virtual server");
    let client = "10.244.3.3:40000".parse().expect("an address");
    let Chosen::Server(used) = kernel.choose(at, client, Seen { now: Time(0), flags: 2, bytes: 60 }) else { panic!() };
    on.servers.insert(at, (None, VecSet::new()));
    assert!(on.sync(&mut kernel, Scheduler::RoundRobin, Time(1)));
    let left = |kernel: &Kernel| {
        let servers = kernel.service(at).expect("there").servers().to_vec();
        servers.iter().map(|server| (server.at, server.weight)).collect::<Vec<_>>()
    };
    assert_eq!(left(&kernel), [(used, 0)]);
    reap(&mut kernel, Time(2));
    assert_eq!(left(&kernel), [(used, 0)]);
    reap(&mut kernel, Time(2) + Span::secs(60));
    assert_eq!(left(&kernel), []);
}
