//! flanneld against a real store: what it writes there, and what it tells the kernel.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::etcd::{self, ClientId, KeyRange, Member, MemberConfig, Op, PutOp, RangeOp};
use crate::net::addr::Mac;
use crate::node::flannel::{CONFIG, Effect, Flanneld, Input, Link, Netlink, SUBNETS, SubnetRoute};
use crate::sim::{Component, Out, Rng, Span, Time};

type Value = Arc<str>;

/// A store and the flannelds of some nodes; nothing takes time.
struct Bench {
    store: Member<Value>,
    flannelds: Vec<Flanneld>,
    /// What each of them wanted done, but for what it asked the store.
    done: Vec<Vec<Effect<Value>>>,
    now: Time,
}

impl Bench {
    /// `nodes` flannelds, started, with the backend of this JSON.
    fn new(nodes: u8, backend: &str) -> Bench {
        let address = |n: u8| Ipv4Addr::new(192, 168, 1, 20 + n);
        let flanneld = |n: u8| Flanneld::new(address(n), 1500, Rng::stream(1, &n.to_string()));
        let mut bench = Bench {
            store: Member::new(MemberConfig { name: "etcd1".into(), ..MemberConfig::default() }),
            flannelds: (1..=nodes).map(flanneld).collect(),
            done: vec![Vec::new(); usize::from(nodes)],
            now: Time::ZERO,
        };
        bench.put(CONFIG, &format!(r#"{{"Network":"10.244.0.0/16","Backend":{backend}}}"#));
        for n in 0..bench.flannelds.len() {
            bench.tell(n, Input::Start { vtep: None });
        }
        bench
    }

    fn put(&mut self, key: &str, value: &str) {
        self.ask(99, 0, Op::Put(PutOp::new(key, Value::from(value))));
    }

    fn ask(&mut self, client: u32, id: u64, op: Op<Value>) {
        let mut out = Out::default();
        self.store.handle(etcd::Input::Request { client: ClientId(client), id, op }, self.now, &mut out);
        self.answers(out);
    }

    fn answers(&mut self, mut out: Out<etcd::Effect<Value>>) {
        for effect in out.take() {
            let (client, input) = match effect {
                etcd::Effect::Response { client, id, result } => (client, Input::Etcd { id, result }),
                etcd::Effect::WatchEvents { client, events, .. } => (client, Input::Changes(events)),
                _ => continue,
            };
            let n = usize::try_from(client.0).expect("small");
            if n < self.flannelds.len() {
                self.tell(n, input);
            }
        }
    }

    fn tell(&mut self, n: usize, input: Input<Value>) {
        let mut out = Out::default();
        self.flannelds[n].handle(input, self.now, &mut out);
        self.did(n, out);
    }

    fn did(&mut self, n: usize, mut out: Out<Effect<Value>>) {
        for effect in out.take() {
            match effect {
                Effect::Etcd { id, op } => self.ask(u32::try_from(n).expect("small"), id, op),
                other => self.done[n].push(other),
            }
        }
    }

    /// Lets time pass to the next wake-up of a flanneld.
    fn wake(&mut self, n: usize) {
        self.now = self.flannelds[n].wake_at().expect("it waits for something").at;
        let mut out = Out::default();
        self.flannelds[n].wake(self.now, &mut out);
        self.did(n, out);
    }

    /// What the kernel of a node was told since the last look.
    fn told(&mut self, n: usize) -> Vec<Netlink> {
        let told = |effect: Effect<Value>| match effect {
            Effect::Netlink(entry) => Some(entry),
            _ => None,
        };
        std::mem::take(&mut self.done[n]).into_iter().filter_map(told).collect()
    }

    fn leases(&mut self) -> Vec<String> {
        let mut out = Out::default();
        let op = Op::Range(RangeOp::new(KeyRange::prefix(SUBNETS)));
        self.store.handle(etcd::Input::Request { client: ClientId(99), id: 1, op }, self.now, &mut out);
        let mut found = Vec::new();
        for effect in out.take() {
            if let etcd::Effect::Response { result: Ok(reply), .. } = effect
                && let etcd::Body::Range(range) = reply.body
            {
                found.extend(range.kvs().iter().map(|kv| kv.value.to_string()));
            }
        }
        found
    }

    fn link(&self, n: usize) -> (Link, u32) {
        let configured = |effect: &Effect<Value>| match effect {
            Effect::Configure { link, mtu, .. } => Some((*link, *mtu)),
            _ => None,
        };
        self.done[n].iter().find_map(configured).expect("it has a subnet")
    }
}

#[test]
fn with_vxlan_a_node_is_a_neighbour_an_entry_and_a_route_in_this_order() {
    let mut bench = Bench::new(2, r#"{"Type":"vxlan"}"#);
    let (Link::Vxlan { vni: 1, mac, addr, port: 8472 }, 1450) = bench.link(1) else { panic!("{:?}", bench.link(1)) };
    let subnet = bench.flannelds[1].subnet().expect("it has one");
    assert_eq!(addr, subnet.network());
    let remote = Ipv4Addr::new(192, 168, 1, 22);
    let route = SubnetRoute { dst: subnet, via: addr, onlink: true };
    let entries = [
        Netlink::Neighbour { ip: addr, mac: Some(mac) },
        Netlink::Fdb { mac, remote: Some(remote) },
        Netlink::SetRoute(route),
    ];
    assert_eq!(bench.told(0), entries);
    let lease = format!(
        r#"{{"PublicIP":"192.168.1.22","PublicIPv6":null,"BackendType":"vxlan","BackendData":{{"VNI":1,"VtepMAC":"{mac}"}}}}"#
    );
    assert!(bench.leases().contains(&lease), "{lease} is not among {:?}", bench.leases());
}

#[test]
fn a_device_that_was_left_behind_keeps_its_address_and_a_new_one_is_told_to_the_others() {
    let mut bench = Bench::new(2, r#"{"Type":"vxlan"}"#);
    bench.told(0);
    let left = Mac([2, 0, 0, 0, 0, 7]);
    bench.flannelds[1].stop();
    bench.tell(1, Input::Start { vtep: Some(left) });
    let told = bench.told(0);
    assert!(told.iter().any(|entry| matches!(entry, Netlink::Fdb { mac, .. } if *mac == left)), "{told:?}");
}

#[test]
fn host_gw_looks_after_its_routes_every_ten_seconds() {
    let mut bench = Bench::new(2, r#"{"Type":"host-gw"}"#);
    assert_eq!(bench.link(0), (Link::Card, 1500));
    let dst = bench.flannelds[1].subnet().expect("it has one");
    let route = SubnetRoute { dst, via: Ipv4Addr::new(192, 168, 1, 22), onlink: false };
    assert_eq!(bench.told(0), [Netlink::SetRoute(route)]);
    bench.wake(0);
    assert_eq!((bench.now, bench.told(0)), (Time::ZERO + Span::secs(10), vec![Netlink::KeepRoute(route)]));
}

#[test]
fn the_udp_backend_tells_the_kernel_nothing() {
    let mut bench = Bench::new(2, r#"{"Type":"udp"}"#);
    assert!(matches!(bench.link(0), (Link::Tun { port: 8285, .. }, 1472)));
    assert_eq!(bench.flannelds[0].routes().len(), 1);
    assert_eq!(bench.told(0), []);
}

#[test]
fn the_lease_of_another_backend_is_ignored() {
    let mut bench = Bench::new(1, r#"{"Type":"vxlan"}"#);
    bench.put(
        &format!("{SUBNETS}10.244.7.0-24"),
        r#"{"PublicIP":"192.168.1.77","PublicIPv6":null,"BackendType":"host-gw"}"#,
    );
    let log = Effect::Log("ignoring non-vxlan v4Subnet(10.244.7.0/24) v6Subnet(): type=host-gw".into());
    assert!(bench.done[0].contains(&log), "{:?}", bench.done[0]);
    assert_eq!((bench.told(0), bench.flannelds[0].routes().len()), (Vec::new(), 0));
}

#[test]
fn a_subnet_that_nobody_has_any_more_leaves_nothing_behind() {
    let mut bench = Bench::new(1, r#"{"Type":"vxlan"}"#);
    let key = format!("{SUBNETS}10.244.7.0-24");
    let data = r#"{"VNI":1,"VtepMAC":"02:00:00:00:00:09"}"#;
    bench.put(&key, &format!(r#"{{"PublicIP":"192.168.1.77","BackendType":"vxlan","BackendData":{data}}}"#));
    assert_eq!(bench.told(0).len(), 3);
    bench.ask(99, 2, Op::Delete(etcd::DeleteOp::new(KeyRange::one(&key))));
    let (ip, mac) = (Ipv4Addr::new(10, 244, 7, 0), Mac([2, 0, 0, 0, 0, 9]));
    let dst = "10.244.7.0/24".parse().expect("valid");
    let route = SubnetRoute { dst, via: ip, onlink: true };
    let gone = [Netlink::Neighbour { ip, mac: None }, Netlink::Fdb { mac, remote: None }, Netlink::DelRoute(route)];
    assert_eq!(bench.told(0), gone);
}
