//! What a packet comes to, and what is printed.

use super::*;
use crate::net::filter::Question;
use crate::net::packet::TCP;
use crate::sim::Rng;

fn ip(text: &str) -> Ipv4Addr {
    text.parse().expect("an address")
}

/// A packet from a client to 10.96.0.10:80 at a time.
fn question<'a>(from: &str, now: Time, is_local: &'a dyn Fn(std::net::IpAddr) -> bool) -> Question<'a> {
    Question { now, ..Question::of_test(ip(from).into(), ip("10.96.0.10").into(), is_local) }
}

fn rules(rules: Vec<Rule>) -> Vec<Arc<Rule>> {
    rules.into_iter().map(Arc::new).collect()
}

/// A service with two endpoints between which clients keep to theirs.
fn service() -> Table {
    let goto = |chain: &str| Part::Verdict(Verdict::Goto(chain.into()));
    let key = Key { ip: Some(ip("10.96.0.10")), proto: TCP, port: 80 };
    let base = Base { kind: Kind::Nat, hook: Hook::Prerouting, priority: -100 };
    let find = Part::Map { by_address: true, map: "service-ips".into() };
    let endpoint = |n: u8| {
        let (set, at) = (format!("affinity-{n}"), SocketAddrV4::new([10, 244, 1, n].into(), 8080));
        let dnat = Rule::of([Part::Proto(TCP), Part::Dnat(at)]);
        (
            Arc::from(format!("endpoint-{n}")),
            Chain { rules: rules(vec![Rule::of([Part::Update(set.into())]), dnat]), ..Chain::default() },
        )
    };
    let held = |n: u8| {
        let among = Among::Set(format!("affinity-{n}").into());
        Rule::of([Part::Ip { dst: false, not: false, among }, goto(&format!("endpoint-{n}"))])
    };
    let random = Part::Random(vec![Verdict::Goto("endpoint-1".into()), Verdict::Goto("endpoint-2".into())]);
    let sets = [1, 2].map(|n| {
        let set = Set { timeout: Some(Span::secs(10_800)), ..Set::default() };
        (Arc::from(format!("affinity-{n}")), set)
    });
    let elements = [(key, (Verdict::Goto("service".into()), None))].into_iter().collect();
    Table {
        comment: "rules",
        sets: sets.into(),
        maps: vec![("service-ips".into(), Map { by_address: true, comment: "traffic", elements })],
        chains: vec![
            (
                "nat-prerouting".into(),
                Chain { base: Some(base), rules: rules(vec![Rule::of([find])]), ..Chain::default() },
            ),
            ("service".into(), Chain { rules: rules(vec![held(1), held(2), Rule::of([random])]), ..Chain::default() }),
            endpoint(1),
            endpoint(2),
        ],
    }
}

fn dnat(nft: &mut Nft, from: &str, now: Time, rng: &mut Rng) -> u8 {
    let nobody = |_| false;
    let walked =
        nft.walk((Kind::Nat, Hook::Prerouting), i32::MIN..=i32::MAX, &question(from, now, &nobody), &mut 0, rng);
    match walked {
        NftVerdict::Dnat(to, hit) => {
            assert_eq!(hit.chain, format!("endpoint-{}", to.ip().octets()[3]).into());
            to.ip().octets()[3]
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn clients_are_shared_out_evenly_and_keep_to_their_endpoint() {
    let (mut nft, mut rng) = (Nft::default(), Rng::stream(7, "nft"));
    assert!(nft.load("kube-proxy", service()));
    let mut got = [0_u32; 2];
    for n in 0..200_u8 {
        let from = format!("10.244.9.{n}");
        let first = dnat(&mut nft, &from, Time(0), &mut rng);
        got[usize::from(first - 1)] += 1;
        assert_eq!(dnat(&mut nft, &from, Time(0) + Span::secs(10_000), &mut rng), first);
    }
    assert!(got.iter().all(|share| (70..=130).contains(share)), "{got:?}");
    // The same table again changes nothing, and nobody is forgotten.
    let before = nft.clone();
    nft.load("kube-proxy", service());
    assert_eq!(nft, before);
}

#[test]
fn a_table_is_listed_as_nft_lists_it() {
    let mut nft = Nft::default();
    nft.load("kube-proxy", service());
    dnat(&mut nft, "10.244.9.1", Time(0), &mut Rng::stream(1, "nft"));
    let listed = nft.list(Time(0) + Span::millis(1_500));
    for part in [
        "table ip kube-proxy {\n\tcomment \"rules\"\n\tset affinity-1 {\n\t\ttype ipv4_addr\n\t\tsize 65535\n",
        "\t\tflags dynamic,timeout\n\t\ttimeout 3h\n",
        "10.244.9.1 timeout 3h expires 2h59m58s500ms }\n",
        "\tmap service-ips {\n\t\ttype ipv4_addr . inet_proto . inet_service : verdict\n\t\tcomment \"traffic\"\n",
        "\t\telements = { 10.96.0.10 . tcp . 80 : goto service }\n\t}\n",
        "\n\tchain nat-prerouting {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\
         \t\tip daddr . meta l4proto . th dport vmap @service-ips\n\t}\n",
        "\t\tip saddr @affinity-1 goto endpoint-1\n",
        "\t\tnumgen random mod 2 vmap { 0 : goto endpoint-1, 1 : goto endpoint-2 }\n",
        "\t\tupdate @affinity-2 { ip saddr }\n\t\tmeta l4proto tcp dnat to 10.244.1.2:8080\n\t}\n}\n",
    ] {
        assert!(listed.contains(part), "{part:?} is not in\n{listed}");
    }
    assert_eq!(nft.list_tables(), "table ip kube-proxy\n");
    assert_eq!(nft.list_one("kube-proxy", "chain", "nobody", Time(0)), None);
}

#[test]
fn elements_stand_in_the_order_of_their_bytes_from_the_last() {
    // As nft 1.1 listed them in a real cluster.
    let listed = [
        ("10.255.0.10", TCP, 53),
        ("10.255.0.10", 17, 53),
        ("10.255.36.158", TCP, 8000),
        ("10.128.0.16", TCP, 80),
        ("10.128.0.25", TCP, 80),
        ("10.255.8.50", TCP, 80),
        ("10.255.10.67", TCP, 80),
        ("10.255.0.1", TCP, 443),
        ("10.128.0.16", TCP, 443),
        ("10.255.10.67", TCP, 443),
        ("10.255.233.197", TCP, 443),
        ("10.255.0.10", TCP, 9153),
    ];
    let keys = listed.map(|(text, proto, port)| Key { ip: Some(ip(text)), proto, port });
    let mut sorted = keys;
    sorted.sort_by_key(|key| key.place());
    assert_eq!(sorted, keys);
}

#[test]
fn rules_read_as_nft_writes_them() {
    let net = |text: &str| text.parse::<Ipv4Net>().expect("a network");
    let accept = || Part::Verdict(Verdict::Return);
    for (parts, text) in [
        (vec![Part::New, Part::Verdict(Verdict::Jump("x".into()))], "ct state new jump x"),
        (vec![Part::Unmarked(0x4000), accept()], "meta mark & 0x00004000 == 0x00000000 return"),
        (vec![Part::MarkOr(0x4000)], "meta mark set meta mark | 0x00004000"),
        (vec![Part::MarkXor(0x4000)], "meta mark set meta mark ^ 0x00004000"),
        (
            vec![
                Part::Ip { dst: true, not: false, among: Among::Nets(vec![net("10.43.0.1/32")]) },
                Part::Ip { dst: false, not: true, among: Among::Nets(vec![net("10.42.0.0/16")]) },
            ],
            "ip daddr 10.43.0.1 ip saddr != 10.42.0.0/16",
        ),
        (
            vec![Part::Ip {
                dst: false,
                not: true,
                among: Among::Nets(vec![net("203.0.113.0/25"), net("192.168.0.2/32")]),
            }],
            "ip saddr != { 192.168.0.2, 203.0.113.0/25 }",
        ),
        (vec![Part::Local { dst: false }, Part::Masquerade], "fib saddr type local masquerade fully-random"),
    ] {
        assert_eq!(Rule::of(parts).to_string(), text);
    }
}
