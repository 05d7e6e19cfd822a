//! The proxier: when it writes, what it deletes, and how its rules share connections out.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::json;

use super::*;
use crate::api::{EndpointSlice, Kind, KindOf, Object, Service, WatchEventType};
use crate::control::cache::Change;
use crate::net::conntrack::{Connection, Phase, Tuple};
use crate::net::filter::{Filter, Question, Table, Target, Verdict};
use crate::net::packet::{TCP, UDP};
use crate::node::kube_proxy::model::{Family, Model};
use crate::sim::Rng;

fn typed<K: KindOf>(kind: Kind, value: serde_json::Value) -> (Object, Arc<K>) {
    let object = Object::from_value(kind, value).expect("an object of its kind");
    let typed = K::of(&object).expect("its kind").clone();
    (object, typed)
}

fn service(name: &str, protocol: &str) -> Object {
    let spec = json!({"clusterIP": "10.96.0.7", "ports": [{"port": 80, "protocol": protocol}]});
    typed::<Service>(Kind::Service, json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec})).0
}

/// A slice with these last numbers of 10.244.1.x; a negative one is of an endpoint that does not serve.
fn slice(name: &str, protocol: &str, numbers: &[i32]) -> Object {
    let endpoint = |n: &i32| json!({"addresses": [format!("10.244.1.{}", n.abs())], "conditions": {"ready": *n > 0, "serving": *n > 0}});
    let value = json!({
        "metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": numbers.iter().map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": "", "port": 8080, "protocol": protocol}],
    });
    typed::<EndpointSlice>(Kind::EndpointSlice, value).0
}

fn tell(proxier: &mut Iptables, new: Object) {
    proxier.tracker.changed(&Change { event: WatchEventType::Added, old: None, new }, None);
}

/// What is written at a time, as the text of each restore.
fn written(proxier: &mut Iptables, at: Time) -> Vec<String> {
    let mut out = Out::default();
    proxier.wake(at, &mut out);
    let text = |effect| if let Effect::Restore(text) = effect { Some(text) } else { None };
    out.take().into_iter().filter_map(text).collect()
}

fn started() -> Iptables {
    let mut proxier = Iptables::new(Config::of_test(), std::iter::empty());
    for name in ["a", "b"] {
        tell(&mut proxier, service(name, "TCP"));
        tell(&mut proxier, slice(name, "TCP", &[1, 2]));
    }
    proxier.tracker.synced(true, None);
    proxier
}

fn declares(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with(":KUBE-SVC-") || line.starts_with(":KUBE-SEP-")).count()
}

#[test]
fn nothing_is_written_before_everything_was_listed() {
    let mut proxier = Iptables::new(Config::of_test(), std::iter::empty());
    tell(&mut proxier, service("a", "TCP"));
    assert_eq!((proxier.tracker.wake_at(), written(&mut proxier, Time(5)).len()), (None, 0));
    proxier.tracker.synced(true, None);
    assert_eq!(written(&mut proxier, Time(5)).len(), 1);
}

#[test]
fn changes_within_a_second_are_written_together_and_alone() {
    let mut proxier = started();
    let first = written(&mut proxier, Time::ZERO);
    assert_eq!(first.iter().map(|text| declares(text)).collect::<Vec<_>>(), [6]);
    tell(&mut proxier, slice("a", "TCP", &[1, 2, 3]));
    tell(&mut proxier, slice("a", "TCP", &[1, 3]));
    let due = Time::ZERO + MIN_SYNC;
    assert_eq!((proxier.tracker.wake_at(), written(&mut proxier, due - Span::millis(1)).len()), (Some(due), 0));
    let second = written(&mut proxier, due);
    // The chains of b stay as they are; that of a's second endpoint is emptied and deleted.
    assert_eq!(second.iter().map(|text| declares(text)).collect::<Vec<_>>(), [4]);
    let gone = chain::endpoint("default/a", "tcp", "10.244.1.2:8080");
    assert!(second[0].contains(&format!(":{gone} - [0:0]\n")) && second[0].contains(&format!("-X {gone}\n")));
    assert!(!second[0].contains(&format!("-X {}", chain::Names::of("default/b", "tcp").cluster)));
    // What changes nothing is not written.
    tell(&mut proxier, slice("a", "TCP", &[1, 3]));
    assert_eq!(proxier.tracker.wake_at(), Some(due - MIN_SYNC + FULL_SYNC));
    assert_eq!(written(&mut proxier, Time::ZERO + FULL_SYNC).iter().map(|text| declares(text)).sum::<usize>(), 6);
}

#[test]
fn a_new_process_deletes_what_the_old_one_left() {
    let left = ["KUBE-SEP-AAAAAAAAAAAAAAAA", "KUBE-SERVICES", "PREROUTING"];
    let mut proxier = Iptables::new(Config::of_test(), left.into_iter().map(Arc::from));
    proxier.tracker.synced(true, None);
    let text = written(&mut proxier, Time::ZERO).concat();
    assert_eq!(
        text.lines().filter(|line| line.starts_with("-X")).collect::<Vec<_>>(),
        ["-X KUBE-SEP-AAAAAAAAAAAAAAAA"]
    );
    assert!(!written(&mut proxier, Time::ZERO + FULL_SYNC).concat().contains("-X"));
}

#[test]
fn udp_connections_to_endpoints_that_serve_no_more_are_forgotten() {
    let mut proxier = Iptables::new(Config::of_test(), std::iter::empty());
    tell(&mut proxier, service("dns", "UDP"));
    tell(&mut proxier, slice("dns", "UDP", &[1, 2]));
    proxier.tracker.synced(true, None);
    let connection = |answerer: u8, proto: u8| {
        let client = (Ipv4Addr::new(10, 244, 0, 9), 4_000);
        Connection {
            ipvs: false,
            orig: Tuple { proto, src: client, dst: (Ipv4Addr::new(10, 96, 0, 7), 80) },
            reply: Tuple { proto, src: (Ipv4Addr::new(10, 244, 1, answerer), 8_080), dst: client },
            phase: Phase::Plain,
            replied: true,
            assured: true,
            begun: Time::ZERO,
            expires: Time::ZERO,
            packets: [1, 1],
        }
    };
    let mut stale = |at: Time| -> Vec<u8> {
        let mut out = Out::default();
        proxier.wake(at, &mut out);
        let forget = |effect| if let Effect::ForgetUdp(stale) = effect { Some(stale) } else { None };
        let stale: Vec<StaleUdp> = out.take().into_iter().filter_map(forget).collect();
        assert!(stale.iter().all(|stale| !stale.contains(&connection(1, TCP))));
        tell(&mut proxier, slice("dns", "UDP", if at == Time::ZERO { &[-1, 2] } else { &[-1, -2] }));
        (1..=3).filter(|n| stale.iter().any(|stale| stale.contains(&connection(*n, UDP)))).collect()
    };
    assert_eq!(stale(Time::ZERO), [3]);
    assert_eq!(stale(Time::ZERO + MIN_SYNC), [1, 3]);
    assert_eq!(stale(Time::ZERO + MIN_SYNC + MIN_SYNC), [0_u8; 0], "without any endpoint they are kept");
}

/// How many of `count` connections to a Service with `endpoints` endpoints each of these gets.
fn shares(endpoints: i32, count: u32, seed: u64) -> Vec<u32> {
    let mut model = Model::new(Family::V4, "node1".into());
    let numbers: Vec<i32> = (1..=endpoints).collect();
    model.set_service(service("web", "TCP").get().expect("a Service"), false);
    model.set_slice(slice("web", "TCP", &numbers).get().expect("a slice"), false);
    let mut filter = Filter::default();
    chain::hooks().iter().for_each(|(table, command)| {
        filter.command(Table::of_name(table).expect("a table"), command).ok();
    });
    filter.restore(&restore(&model, &Config::of_test(), None, &Chains::new()).0, true).expect("sound");
    let question = Question::of_test(IpAddr::from([10, 244, 0, 9]), IpAddr::from([10, 96, 0, 7]), &|_| false);
    let mut rng = Rng::stream(seed, "shares");
    let mut counts: BTreeMap<SocketAddr, u32> = BTreeMap::new();
    for _ in 0..count {
        let verdict = filter.walk(Table::Nat, "PREROUTING", &question, &mut 0, &mut rng);
        let Verdict::Nat(Target::Dnat(to), _) = verdict else { panic!("{verdict:?}") };
        *counts.entry(SocketAddr::new(to.ip.expect("an address"), to.port.expect("a port"))).or_default() += 1;
    }
    counts.into_values().collect()
}

#[test]
fn ten_thousand_connections_are_shared_out_evenly_and_equal_seeds_share_equally() {
    // The limit of chi-square at p = 0.001 for n - 1 degrees of freedom, in thousandths.
    for (endpoints, limit) in [(2, 10_828), (3, 13_816), (5, 18_467), (10, 27_877)] {
        for seed in [1, 2, 3] {
            let counts = shares(endpoints, 10_000, seed);
            let expected = 10_000 / u64::try_from(endpoints).expect("few");
            let square = |count: &u32| u64::from(*count).abs_diff(expected).pow(2) * 1_000 / expected;
            let chi: u64 = counts.iter().map(square).sum();
            assert!(chi < limit, "{endpoints} endpoints, seed {seed}: {counts:?}, chi-square {chi}/1000");
            assert_eq!(counts, shares(endpoints, 10_000, seed));
        }
    }
}

#[test]
fn hints_and_ends_choose_the_endpoints() {
    let mut model = Model::new(Family::V4, "node1".into());
    let endpoint = |n: u8, node: &str, zone: &str, conditions: serde_json::Value| {
        let hints = json!({"forZones": [{"name": zone}], "forNodes": [{"name": node}]});
        json!({"addresses": [format!("10.244.1.{n}")], "nodeName": node, "conditions": conditions, "hints": hints})
    };
    let ready = json!({});
    let ending = json!({"ready": false, "serving": true, "terminating": true});
    for (node, zone, ends, used) in [
        ("node1", "a", &ready, "1"),
        ("node9", "b", &ready, "2"),
        ("node9", "c", &ready, "123"),
        ("node9", "c", &ending, "23"),
    ] {
        let value = json!({
            "metadata": {"name": "web", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "endpoints": [
                endpoint(1, "node1", "a", ends.clone()),
                endpoint(2, "node2", "b", ready.clone()),
                endpoint(3, "node3", "a", ready.clone()),
            ],
            "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
        });
        let slice = typed::<EndpointSlice>(Kind::EndpointSlice, value).1;
        let Some(service) = service("web", "TCP").get::<Service>().cloned() else { panic!("a Service") };
        model.set_service(&service, false);
        model.set_slice(&slice, false);
        let (name, port) = model.services().next().expect("one");
        let usable = crate::node::kube_proxy::topology::Usable::of(model.endpoints(name), port, node, Some(zone));
        let last = |e: &&crate::node::kube_proxy::model::Endpoint| e.at.ip().to_string().pop();
        assert_eq!(usable.cluster.iter().filter_map(last).collect::<String>(), used, "{node} in {zone}");
    }
}
