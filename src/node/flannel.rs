//! flanneld: takes a subnet from the pool in etcd, watches the other nodes' subnets, and joins them: with the UDP backend it
//! carries packets between its TUN `flannel0` and UDP port 8285 itself, with VXLAN and host-gw it programs the kernel.
//!
//! Models `main.go`, `pkg/subnet/etcd/local_manager.go` (flannel). One process does the work of the two halves (Go and C) of
//! the UDP backend; nobody on the wire can tell.
//!
//! ```text
//! Configuring -> Listing -> Granting -> Claiming -> Running
//!      ^ retry 1 s   ^---- lost the race ---'
//! ```

pub mod backend;
pub mod config;
pub mod forward;
pub mod lease;
pub mod rules;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use ipnet::Ipv4Net;

pub use backend::{Link, Netlink, SubnetRoute};
pub use config::{Backend, NetworkConfig};
pub use forward::{Forward, ForwardTable, one_hop};
pub use lease::{Attrs, CONFIG, SUBNETS, SubnetLease, subnet_env};

use crate::etcd::{
    Body, Compare, EtcdError, Event, KeyRange, KeyValue, LeaseId, Op, Payload, PutOp, RangeOp, Reply, Revision, TxnOp,
    TxnStep, WatchOp,
};
use crate::net::addr::{Mac, Tag};
use crate::node::flannel::rules::RESYNC;
use crate::sim::{EventId, Out, Rng, Span, Time, Wake};

/// How long a subnet is leased (`subnetTTL`).
const SUBNET_TTL: Span = Span::mins(24 * 60);
/// How long before the end it is renewed (`--subnet-lease-renew-margin`).
const RENEW_MARGIN: Span = Span::mins(60);
/// How long it waits after an error.
const RETRY: Span = Span::secs(1);
/// How long it waits after a renewal failed.
const RENEW_RETRY: Span = Span::secs(60);
/// How often host-gw looks after its routes (`routeCheckRetries`).
const ROUTE_CHECK: Span = Span::secs(10);
/// Free subnets that are collected before one of them is drawn.
const CANDIDATES: usize = 100;

/// What reaches flanneld.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input<V> {
    /// The process starts.
    Start {
        /// The hardware address of the VXLAN device that an earlier run has left behind.
        vtep: Option<Mac>,
    },
    /// etcd answers request `id`.
    Etcd {
        /// The number of the request.
        id: u64,
        /// The answer.
        result: Result<Reply<V>, EtcdError>,
    },
    /// A watch reports changes.
    Changes(Vec<Event<V>>),
    /// The watch is over.
    WatchLost,
    /// Somebody else has touched the node's packet filter.
    RulesTouched,
    /// A packet was read from flannel0.
    Tun {
        /// The IP packet.
        bytes: Vec<u8>,
        /// Which packet it is.
        tag: Tag,
    },
    /// A datagram arrived on port 8285.
    Datagram {
        /// The inner IP packet.
        bytes: Vec<u8>,
        /// Which packet it carries.
        tag: Tag,
    },
}

/// What flanneld wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect<V> {
    /// Ask etcd.
    Etcd {
        /// The number of the request.
        id: u64,
        /// The request.
        op: Op<V>,
    },
    /// Create the device, if it is not there, and write its rules and `subnet.env`.
    Configure {
        /// The whole overlay.
        network: Ipv4Net,
        /// This node's subnet.
        subnet: Ipv4Net,
        /// The device.
        link: Link,
        /// Its MTU, and that of the pods.
        mtu: u32,
    },
    /// Write its rules again if one is missing.
    EnsureRules {
        /// The whole overlay.
        network: Ipv4Net,
        /// This node's subnet.
        subnet: Ipv4Net,
    },
    /// Tell the kernel.
    Netlink(Netlink),
    /// Another node's subnet can be reached from now on.
    SubnetAdded {
        /// The subnet.
        subnet: Ipv4Net,
        /// The node.
        via: Ipv4Addr,
    },
    /// Send `bytes` as a datagram to another node's flanneld; they are the packet `carries`.
    Send {
        /// Its address and port.
        to: SocketAddrV4,
        /// The inner packet.
        bytes: Vec<u8>,
        /// Which packet that is.
        carries: Tag,
        /// The subnet whose route decided.
        subnet: Ipv4Net,
    },
    /// Write a packet into flannel0. `tag` is `None` for a packet of flanneld's own.
    WriteTun {
        /// The packet.
        bytes: Vec<u8>,
        /// Which packet it is.
        tag: Option<Tag>,
    },
    /// A packet ends here.
    Dropped {
        /// Which.
        tag: Tag,
        /// Why.
        why: &'static str,
    },
    /// A line of flanneld's log.
    Log(String),
}

/// Why flanneld wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// To try again after an error.
    Retry,
    /// To renew its lease.
    Renew,
    /// To see whether its routes are there.
    Routes,
    /// To see whether its rules are there.
    Rules,
}

/// Where flanneld is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Not started.
    Stopped,
    /// Waits until `at` before it asks for the configuration again.
    Waiting { at: Time },
    /// Asked for the configuration.
    Configuring,
    /// Asked for all leases.
    Listing { config: NetworkConfig },
    /// Asked for an etcd lease to hang the subnet on.
    Granting { config: NetworkConfig, claim: Claim },
    /// Asked for the key.
    Claiming { config: NetworkConfig, claim: Claim, lease: LeaseId },
    /// Has a subnet.
    Running(Running),
}

/// A subnet that is being taken, and what was known of the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Claim {
    subnet: Ipv4Net,
    /// The key exists already and is ours: it is renewed, not created.
    reuse: bool,
    others: Vec<SubnetLease>,
    /// The revision at which the others were listed: what came after it is watched.
    listed: Revision,
}

/// The state of a flanneld that carries packets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Running {
    config: NetworkConfig,
    subnet: Ipv4Net,
    renew_at: Time,
    /// When host-gw looks after its routes.
    check_at: Option<Time>,
    /// When it wrote its rules.
    rules_since: Time,
    /// When it looks after them.
    rules_at: Option<Time>,
    /// The etcd lease of a renewal under way.
    renewing: Option<LeaseId>,
    watch: Watch,
}

/// The watch of a running flanneld for the subnets of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Watch {
    /// Asked for by this request.
    Open { id: u64 },
    /// Lost: all subnets are to be listed again.
    Lost { list_at: Time },
    /// Asked for all subnets, by this request.
    Listing { id: u64 },
}

/// flanneld.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flanneld {
    public_ip: Ipv4Addr,
    interface_mtu: u32,
    state: State,
    /// The subnet of the previous run, from `subnet.env`.
    previous: Option<Ipv4Net>,
    /// The hardware address of the VXLAN device.
    vtep: Mac,
    table: ForwardTable,
    next_id: u64,
    /// What led to the pending wake-up.
    cause: Option<EventId>,
    rng: Rng,
}

impl Flanneld {
    /// A flanneld that is not started. `public_ip` is the address of the interface that it sends through.
    pub fn new(public_ip: Ipv4Addr, interface_mtu: u32, rng: Rng) -> Flanneld {
        Flanneld {
            public_ip,
            interface_mtu,
            state: State::Stopped,
            previous: None,
            vtep: Mac::ZERO,
            table: ForwardTable::default(),
            next_id: 0,
            cause: None,
            rng,
        }
    }

    /// This node's subnet, once it has one.
    pub fn subnet(&self) -> Option<Ipv4Net> {
        match &self.state {
            State::Running(running) => Some(running.subnet),
            _ => None,
        }
    }

    /// The other nodes' subnets as it knows them; with the UDP backend in the order in which they are searched.
    pub fn routes(&self) -> &[SubnetLease] {
        self.table.routes()
    }

    /// The process is gone: the table with it; `subnet.env` stays on the disk.
    pub fn stop(&mut self) {
        self.previous = self.subnet().or(self.previous);
        self.state = State::Stopped;
        self.table = ForwardTable::default();
    }

    /// Its table is wrong from now on about a subnet; `false` if it knows none such.
    pub fn mislead(&mut self, subnet: Ipv4Net, public_ip: Ipv4Addr) -> bool {
        let known = self.table.routes().iter().find(|lease| lease.subnet == subnet).cloned();
        known.map(|lease| self.table.set(SubnetLease { public_ip, ..lease })).is_some()
    }

    fn ask<V>(&mut self, op: Op<V>, out: &mut Out<Effect<V>>) {
        self.next_id += 1;
        out.push(Effect::Etcd { id: self.next_id, op });
    }

    fn watch_from<V>(&mut self, first: Revision, out: &mut Out<Effect<V>>) -> Watch {
        self.ask(Op::WatchCreate(WatchOp::new(KeyRange::prefix(SUBNETS)).from(first)), out);
        Watch::Open { id: self.next_id }
    }

    fn configure<V>(&mut self, out: &mut Out<Effect<V>>) {
        self.state = State::Configuring;
        self.ask(Op::Range(RangeOp::new(KeyRange::one(CONFIG))), out);
    }

    fn retry_later<V>(&mut self, why: String, now: Time, out: &mut Out<Effect<V>>) {
        out.push(Effect::Log(why));
        self.cause = out.cause();
        self.state = State::Waiting { at: now + RETRY };
    }

    /// Chooses the subnet to claim: one that is ours already, the one of the previous run, or one of the first free ones.
    fn choose(&mut self, config: &NetworkConfig, leases: Vec<SubnetLease>, listed: Revision) -> Option<Claim> {
        if let Some(mine) = leases.iter().find(|lease| lease.public_ip == self.public_ip) {
            let subnet = mine.subnet;
            return Some(Claim { subnet, reuse: true, others: leases, listed });
        }
        let free = |subnet: &Ipv4Net| leases.iter().all(|lease| lease.subnet != *subnet);
        let subnet = match self.previous.filter(free) {
            Some(previous) => previous,
            None => {
                let candidates: Vec<Ipv4Net> = config.subnets().filter(free).take(CANDIDATES).collect();
                *self.rng.pick(&candidates)?
            }
        };
        Some(Claim { subnet, reuse: false, others: leases, listed })
    }

    fn claim_op<V: Payload + From<Arc<str>>>(&self, backend: Backend, claim: &Claim, lease: LeaseId) -> Op<V> {
        let attrs = backend.attrs(self.vtep);
        let mine = SubnetLease { subnet: claim.subnet, public_ip: self.public_ip, attrs };
        let put = PutOp::new(mine.key(), V::from(mine.value().into())).lease(lease);
        if claim.reuse {
            return Op::Put(put);
        }
        Op::Txn(TxnOp {
            compare: vec![Compare::absent(&mine.key())],
            success: vec![TxnStep::Put(put)],
            failure: Vec::new(),
        })
    }

    fn run<V>(&mut self, config: NetworkConfig, claim: Claim, now: Time, out: &mut Out<Effect<V>>) {
        let (subnet, backend) = (claim.subnet, config.backend);
        let mtu = self.interface_mtu.saturating_sub(backend.overhead());
        let link = backend.link(subnet, self.vtep);
        out.push(Effect::Log(format!("Lease acquired: {subnet}")));
        out.push(Effect::Configure { network: config.network, subnet, link, mtu });
        for lease in claim.others {
            self.learn(backend, lease, out);
        }
        let watch = self.watch_from(claim.listed.next(), out);
        out.push(Effect::Log("Watching for new subnet leases".into()));
        let renew_at = now + (SUBNET_TTL - RENEW_MARGIN);
        self.cause = out.cause();
        let check_at = (backend == Backend::HostGw).then(|| now + ROUTE_CHECK);
        self.state = State::Running(Running {
            config,
            subnet,
            renew_at,
            check_at,
            rules_since: now,
            rules_at: None,
            renewing: None,
            watch,
        });
    }

    fn change<V: Payload>(&mut self, event: &Event<V>, out: &mut Out<Effect<V>>) {
        let State::Running(Running { config: NetworkConfig { backend, .. }, .. }) = self.state else { return };
        match event {
            Event::Put { kv, .. } => {
                if let Some(lease) = SubnetLease::parse(&kv.key, &kv.value.text()) {
                    self.learn(backend, lease, out);
                }
            }
            Event::Delete { key, .. } => {
                if let Some(subnet) = lease::subnet_of(key) {
                    self.forget(backend, subnet, out);
                }
            }
        }
    }

    /// An answer of etcd while a subnet is being taken.
    fn answered<V>(&mut self, reply: Reply<V>, now: Time, out: &mut Out<Effect<V>>)
    where
        V: Payload + From<Arc<str>>,
    {
        let at = reply.header.revision;
        match (std::mem::replace(&mut self.state, State::Stopped), reply.body) {
            (State::Configuring, Body::Range(range)) => match range.kvs().first().map(parse_config) {
                Some(Ok(config)) => {
                    if self.vtep == Mac::ZERO && matches!(config.backend, Backend::Vxlan { .. }) {
                        self.vtep = Mac::local(self.rng.next_u64());
                    }
                    self.state = State::Listing { config };
                    self.ask(Op::Range(RangeOp::new(KeyRange::prefix(SUBNETS))), out);
                }
                Some(Err(why)) => self.retry_later(format!("Couldn't fetch network config: {why}"), now, out),
                None => self.retry_later("Couldn't fetch network config: key not found".into(), now, out),
            },
            (State::Listing { config }, Body::Range(range)) => {
                let leases =
                    range.kvs().iter().filter_map(|kv| SubnetLease::parse(&kv.key, &kv.value.text())).collect();
                match self.choose(&config, leases, at) {
                    Some(claim) => {
                        self.state = State::Granting { config, claim };
                        self.ask(Op::LeaseGrant { id: None, ttl: SUBNET_TTL }, out);
                    }
                    None => self.retry_later("failed to acquire lease: out of subnets".into(), now, out),
                }
            }
            (State::Granting { config, claim }, Body::LeaseGrant { id, .. }) => {
                let op = self.claim_op(config.backend, &claim, id);
                self.state = State::Claiming { config, claim, lease: id };
                self.ask(op, out);
            }
            (State::Claiming { config, claim, .. }, Body::Put { .. }) => self.run(config, claim, now, out),
            (State::Claiming { config, claim, lease }, Body::Txn(txn)) => {
                if txn.succeeded {
                    self.run(config, claim, now, out);
                } else {
                    // Somebody was faster: the lease is given back, and the subnets are looked at again.
                    self.ask(Op::LeaseRevoke(lease), out);
                    self.state = State::Listing { config };
                    self.ask(Op::Range(RangeOp::new(KeyRange::prefix(SUBNETS))), out);
                }
            }
            (State::Running(running), body) => self.renewed(running, body, at, now, out),
            (state, _) => self.state = state,
        }
    }

    /// An answer of etcd to a renewal (or to something that needs no answer).
    fn renewed<V>(&mut self, mut running: Running, body: Body<V>, at: Revision, now: Time, out: &mut Out<Effect<V>>)
    where
        V: Payload + From<Arc<str>>,
    {
        match body {
            Body::LeaseGrant { id, .. } => {
                running.renewing = Some(id);
                let claim = Claim { subnet: running.subnet, reuse: true, others: Vec::new(), listed: at };
                let op = self.claim_op(running.config.backend, &claim, id);
                self.ask(op, out);
            }
            Body::Put { .. } if running.renewing.take().is_some() => {
                out.push(Effect::Log(format!("Lease renewed, new expiration in {}s", SUBNET_TTL.as_secs())));
                running.renew_at = now + (SUBNET_TTL - RENEW_MARGIN);
            }
            Body::Range(range) if matches!(running.watch, Watch::Listing { .. }) => {
                let leases = range.kvs().iter().filter_map(|kv| SubnetLease::parse(&kv.key, &kv.value.text()));
                self.relearn(running.config.backend, leases.collect(), out);
                running.watch = self.watch_from(at.next(), out);
            }
            _ => {}
        }
        self.state = State::Running(running);
    }

    /// The connection of the watch broke. A flanneld that runs goes on with what it knows until it has listed anew.
    fn watch_lost<V>(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        self.cause = out.cause();
        match &mut self.state {
            State::Running(running) => running.watch = Watch::Lost { list_at: now + RETRY },
            _ => self.configure(out),
        }
    }

    /// The next look at the rules, of those every five seconds, finds what somebody has done to them.
    fn rules_touched(&mut self, now: Time, cause: Option<EventId>) {
        let State::Running(running) = &mut self.state else { return };
        let looks = now.since(running.rules_since).0 / RESYNC.0;
        running.rules_at = Some(running.rules_since + RESYNC * (looks + 1));
        self.cause = cause;
    }

    fn failed<V>(&mut self, id: u64, error: &EtcdError, now: Time, out: &mut Out<Effect<V>>) {
        match &mut self.state {
            State::Running(running) if matches!(running.watch, Watch::Open { id: asked } | Watch::Listing { id: asked } if asked == id) =>
            {
                out.push(Effect::Log(format!("Watch subnets: {error}")));
                running.watch = Watch::Lost { list_at: now + RETRY };
            }
            State::Running(running) => {
                out.push(Effect::Log(format!("Error renewing lease (trying again in 1 min): {error}")));
                running.renewing = None;
                running.renew_at = now + RENEW_RETRY;
            }
            State::Stopped => {}
            _ => self.retry_later(format!("Couldn't fetch network config: {error}"), now, out),
        }
    }
}

fn parse_config<V: Payload>(kv: &KeyValue<V>) -> Result<NetworkConfig, String> {
    NetworkConfig::parse(&kv.value.text())
}

impl Flanneld {
    /// Takes one input in. (Not `Component` itself: flanneld is generic over etcd's values, its state is not.)
    pub fn handle<V>(&mut self, input: Input<V>, now: Time, out: &mut Out<Effect<V>>)
    where
        V: Payload + From<Arc<str>>,
    {
        match input {
            Input::Start { vtep } => {
                self.vtep = vtep.unwrap_or(Mac::ZERO);
                self.configure(out);
            }
            _ if self.state == State::Stopped => {}
            Input::Etcd { result: Ok(reply), .. } => self.answered(reply, now, out),
            Input::Etcd { id, result: Err(error) } => self.failed(id, &error, now, out),
            Input::Changes(events) => events.iter().for_each(|event| self.change(event, out)),
            Input::WatchLost => self.watch_lost(now, out),
            Input::RulesTouched => self.rules_touched(now, out.cause()),
            Input::Tun { bytes, tag } => self.read_from_tun(&bytes, tag, out),
            Input::Datagram { bytes, tag } => out.push(match one_hop(&bytes) {
                Some(bytes) => Effect::WriteTun { bytes, tag: Some(tag) },
                None => Effect::Dropped { tag, why: "time to live exceeded" },
            }),
        }
    }

    /// Does what is due.
    pub fn wake<V>(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        match &self.state {
            State::Waiting { at } if *at <= now => self.configure(out),
            State::Running(running) if running.renew_at <= now && running.renewing.is_none() => {
                if let State::Running(running) = &mut self.state {
                    running.renew_at = now + RENEW_RETRY;
                }
                self.ask(Op::LeaseGrant { id: None, ttl: SUBNET_TTL }, out);
            }
            _ => {}
        }
        if let State::Running(Running { check_at: Some(at), .. }) = &mut self.state
            && *at <= now
        {
            *at = now + ROUTE_CHECK;
            self.check_routes(out);
        }
        if let State::Running(running) = &mut self.state
            && running.rules_at.is_some_and(|at| at <= now)
        {
            running.rules_at = None;
            out.push(Effect::EnsureRules { network: running.config.network, subnet: running.subnet });
        }
        if let State::Running(Running { watch: watch @ Watch::Lost { .. }, .. }) = &mut self.state
            && matches!(watch, Watch::Lost { list_at } if *list_at <= now)
        {
            *watch = Watch::Listing { id: self.next_id + 1 };
            self.ask(Op::Range(RangeOp::new(KeyRange::prefix(SUBNETS))), out);
        }
    }

    /// When it must be woken next and why.
    pub fn wake_at(&self) -> Option<Wake<Reason>> {
        match &self.state {
            State::Waiting { at } => Some(Wake { at: *at, why: Reason::Retry }),
            State::Running(running) => {
                let renew = Wake { at: running.renew_at, why: Reason::Renew };
                let check = running.check_at.map(|at| Wake { at, why: Reason::Routes });
                let list = match running.watch {
                    Watch::Lost { list_at } => Some(Wake { at: list_at, why: Reason::Retry }),
                    _ => None,
                };
                let rules = running.rules_at.map(|at| Wake { at, why: Reason::Rules });
                [Some(renew), check, rules, list].into_iter().flatten().min()
            }
            _ => None,
        }
    }

    /// The event that led to the pending wake-up.
    pub fn wake_cause(&self) -> Option<EventId> {
        self.cause
    }
}
