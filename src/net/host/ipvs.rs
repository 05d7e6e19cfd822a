//! IPVS on a packet's way. Models net/netfilter/ipvs/ip_vs_core.c and ip_vs_xmit.c: requests at LOCAL_IN behind the rules of
//! INPUT, or at LOCAL_OUT behind those of `nat`; answers at FORWARD, LOCAL_IN or LOCAL_OUT.

use std::net::SocketAddrV4;
use std::sync::Arc;

use crate::net::conntrack::{CtState, Direction, Tracked};
use crate::net::fabric::Ctx;
use crate::net::hop::{By, Decision, DropReason, Link, Stage};
use crate::net::host::{Netns, Skb};
use crate::net::ipvs::{Chosen, Forward, Seen, VirtualAt};
use crate::net::packet::TCP;
use crate::net::route::{Route, RouteKind};

/// What IPVS did with a packet.
enum Did {
    /// Nothing.
    Nothing,
    /// It has another destination.
    Redirected,
    /// It ended.
    Ended,
}

impl Netns {
    /// A packet for this host, behind the rules of INPUT. `None` if it went to a real server or ended.
    pub(super) fn ipvs_input(&mut self, mut skb: Skb, cx: &mut Ctx<'_>) -> Option<Skb> {
        if self.ipvs.is_empty() {
            return Some(skb);
        }
        if let Some(server) = self.routed_directly(&skb) {
            return self.ipvs_direct(server, skb, cx);
        }
        self.ipvs_answer("LOCAL_IN", &mut skb, cx);
        match self.ipvs_request("LOCAL_IN", &mut skb, cx) {
            Did::Nothing => return Some(skb),
            Did::Ended => return None,
            Did::Redirected => {}
        }
        let to = skb.ip.dst;
        let Some(route) = self.route_to(to).cloned().filter(|r| !matches!(r.kind, RouteKind::Blackhole)) else {
            cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::NoRoute(to));
            self.icmp_error(&skb, (3, 0), 0, cx);
            return None;
        };
        if route.kind == RouteKind::Local {
            return Some(skb);
        }
        self.pass_to_server(skb, &route, &route, cx);
        None
    }

    /// The virtual server that a packet is for, if that one routes directly.
    fn routed_directly(&self, skb: &Skb) -> Option<VirtualAt> {
        let (_, at) = ends(skb)?;
        let server = VirtualAt { proto: skb.ip.proto, at };
        self.ipvs.service(server).filter(|service| service.forward == Forward::DirectRouting).map(|_| server)
    }

    /// Passes a packet for a virtual server on as it is. `Some` if it belongs to no connection and opens none.
    fn ipvs_direct(&mut self, server: VirtualAt, skb: Skb, cx: &mut Ctx<'_>) -> Option<Skb> {
        let (client, _) = ends(&skb)?;
        let real = match self.ipvs.choose(server, client, seen(&skb, cx)) {
            Chosen::NotOurs => return Some(skb),
            Chosen::Nobody => {
                cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::NoRealServer(server));
                self.icmp_error(&skb, (3, 3), 0, cx);
                return None;
            }
            Chosen::ServerGone(real) => {
                cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::RealServerGone(real));
                return None;
            }
            Chosen::Server(real) => *real.ip(),
        };
        let scheduler = self.ipvs.service(server).map_or_else(Default::default, |service| service.scheduler);
        let decision = || Decision::Direct { server, scheduler, to: real };
        cx.hop(&skb.packet, Link::Ip, &skb.input, Stage::Ipvs, decision);
        let Some(route) = self.route_to(real).cloned().filter(|r| r.kind == RouteKind::Unicast) else {
            cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::NoRoute(real));
            return None;
        };
        let next_hop = Route { via: Some(route.next_hop(real)), ..(*route).clone() };
        self.pass_to_server(skb, &route, &Arc::new(next_hop), cx);
        None
    }

    /// Sends a packet on to a real server on another machine: `route` leads there, `by` to it whatever the destination is.
    fn pass_to_server(&mut self, mut skb: Skb, route: &Arc<Route>, by: &Arc<Route>, cx: &mut Ctx<'_>) {
        skb.output = self.dev_name(self.egress(route));
        cx.hop(&skb.packet, Link::Ip, &skb.output, Stage::Route, || Decision::Route(route.clone()));
        if skb.ip.ttl <= 1 {
            cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::TtlExceeded);
            return self.icmp_error(&skb, (11, 0), 0, cx);
        }
        let mtu = self.devices.get(&route.dev).map_or(0, |d| d.mtu);
        if skb.ip.df && u32::from(skb.ip.total) > mtu {
            cx.drop_at(&skb.packet, Link::Ip, &skb.output, DropReason::TooBig { mtu });
            return self.icmp_error(&skb, (3, 4), mtu, cx);
        }
        skb.packet.decrement_ttl();
        skb.ip.ttl -= 1;
        if self.filter_hook(Stage::Output, "OUTPUT", &mut skb, cx) {
            self.postroute(skb, by, cx);
        }
    }

    /// A packet of this host, behind the rules of `nat`. `false` if it ended.
    pub(super) fn ipvs_output(&mut self, skb: &mut Skb, cx: &mut Ctx<'_>) -> bool {
        if self.ipvs.is_empty() {
            return true;
        }
        self.ipvs_answer("LOCAL_OUT", skb, cx);
        !matches!(self.ipvs_request("LOCAL_OUT", skb, cx), Did::Ended)
    }

    /// Gives an answer the virtual address back.
    pub(super) fn ipvs_answer(&mut self, hook: &'static str, skb: &mut Skb, cx: &mut Ctx<'_>) {
        let Tracked::Known(id, Direction::Reply, state) = skb.ct else { return };
        if !self.conntrack.get(id).is_some_and(|connection| connection.ipvs) {
            return;
        }
        let mut server = None;
        if state != CtState::Related {
            let Some((from, to)) = ends(skb) else { return };
            server = self.ipvs.answer(skb.ip.proto, from, to, seen(skb, cx));
            if server.is_none() {
                return;
            }
        }
        let by = server.map(|server| By::Ipvs { hook, server, scheduler: None });
        self.rewrite(true, Stage::Ipvs, by, skb, cx);
    }

    fn ipvs_request(&mut self, hook: &'static str, skb: &mut Skb, cx: &mut Ctx<'_>) -> Did {
        match &skb.ct {
            Tracked::Fresh(_) => {}
            Tracked::Known(id, Direction::Original, state) => {
                if !self.conntrack.get(*id).is_some_and(|connection| connection.ipvs) {
                    return Did::Nothing;
                }
                if *state == CtState::Related {
                    self.rewrite(false, Stage::Ipvs, None, skb, cx);
                    return Did::Redirected;
                }
            }
            Tracked::Known(..) | Tracked::Untracked => return Did::Nothing,
        }
        let Some((client, at)) = ends(skb) else { return Did::Nothing };
        let server = VirtualAt { proto: skb.ip.proto, at };
        let dev = if skb.output.is_empty() { skb.input.clone() } else { skb.output.clone() };
        match self.ipvs.choose(server, client, seen(skb, cx)) {
            Chosen::NotOurs => Did::Nothing,
            Chosen::Nobody => {
                cx.drop_at(&skb.packet, Link::Ip, &dev, DropReason::NoRealServer(server));
                self.icmp_error(skb, (3, 3), 0, cx);
                Did::Ended
            }
            Chosen::ServerGone(real) => {
                cx.drop_at(&skb.packet, Link::Ip, &dev, DropReason::RealServerGone(real));
                if let Tracked::Known(id, ..) = skb.ct {
                    let connection = self.conntrack.get(id).cloned();
                    self.conntrack.delete(|other| Some(other) == connection.as_ref());
                }
                Did::Ended
            }
            Chosen::Server(real) => {
                if let Tracked::Fresh(connection) = &mut skb.ct {
                    connection.reply.src = (*real.ip(), real.port());
                    connection.ipvs = true;
                }
                let scheduler = self.ipvs.service(server).map(|service| service.scheduler);
                let by = Some(By::Ipvs { hook, server, scheduler });
                self.rewrite(false, Stage::Ipvs, by, skb, cx);
                Did::Redirected
            }
        }
    }
}

fn ends(skb: &Skb) -> Option<(SocketAddrV4, SocketAddrV4)> {
    let (from, to) = skb.packet.ports(&skb.ip)?;
    Some((SocketAddrV4::new(skb.ip.src, from), SocketAddrV4::new(skb.ip.dst, to)))
}

fn seen(skb: &Skb, cx: &Ctx<'_>) -> Seen {
    let flags = if skb.ip.proto == TCP { skb.packet.l4(&skb.ip).get(13).copied().unwrap_or(0) } else { 0 };
    Seen { now: cx.now, flags, bytes: skb.ip.total }
}
