//! The hooks: connection tracking, rewriting, filtering.
//!
//! Models net/netfilter/nf_nat_core.c: PREROUTING and OUTPUT rewrite destinations, POSTROUTING and INPUT rewrite sources, for
//! every packet from what the table of connections remembers; the rules of `nat` are asked for the first packet only.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::net::addr::DevId;
use crate::net::conntrack::{Connection, CtState, Direction, Tracked, Tuple, random_port};
use crate::net::fabric::Ctx;
use crate::net::filter::{Filter, NatTo, Question, Table, Target, Verdict};
use crate::net::hop::{By, Decision, DropReason, Link, Stage};
use crate::net::host::nft::{AFTER_DNAT, BEFORE_DNAT, hook_of};
use crate::net::host::{Netns, Skb};
use crate::net::nft::{Kind, Nft, NftVerdict};
use crate::net::packet::{ETHER_LEN, ICMP, Ip, Packet, TCP, build, ports_of};
use crate::net::route::RouteKind;
use crate::net::tcp::refusal;
use crate::sim::Rng;

/// What has rules.
pub(super) struct Rules<'a> {
    pub filter: &'a mut Filter,
    pub nft: &'a mut Nft,
}

impl Netns {
    /// PREROUTING or OUTPUT: finds the connection and rewrites the destination. `false` if the packet ended.
    pub(crate) fn pre_hook(&mut self, stage: Stage, chain: &str, skb: &mut Skb, cx: &mut Ctx<'_>) -> bool {
        if !self.tracking {
            return true;
        }
        self.track(skb, cx);
        if !self.nft_filter(BEFORE_DNAT, stage, chain, skb, cx) {
            return false;
        }
        let mut by = None;
        if matches!(skb.ct, Tracked::Fresh(_))
            && let Some((target, hit)) = self.ask_nat(chain, skb, cx)
        {
            self.choose_destination(skb, &target);
            by = Some(hit);
        }
        self.rewrite(false, stage, by, skb, cx);
        true
    }

    /// POSTROUTING or INPUT: rewrites the source and puts a new connection into the table. `false` if the packet ended.
    pub(crate) fn post_hook(
        &mut self,
        table: Table,
        stage: Stage,
        chain: &str,
        skb: &mut Skb,
        cx: &mut Ctx<'_>,
    ) -> bool {
        debug_assert_eq!(table, Table::Nat, "sources are rewritten by the nat table only");
        if !self.tracking {
            return true;
        }
        let mut by = None;
        if matches!(skb.ct, Tracked::Fresh(_)) {
            let asked = self.ask_nat(chain, skb, cx);
            self.choose_source(skb, asked.as_ref().map(|(t, _)| t), cx);
            by = asked.map(|(_, by)| by);
        }
        self.rewrite(true, stage, by, skb, cx);
        if let Tracked::Fresh(connection) = std::mem::replace(&mut skb.ct, Tracked::Untracked)
            && self.conntrack.confirm(connection, cx.now).is_none()
        {
            cx.drop_at(&skb.packet, Link::Ip, &skb.output, DropReason::ConntrackFull);
            return false;
        }
        true
    }

    /// A chain of the filter table. `false` if the packet ended.
    pub(crate) fn filter_hook(&mut self, stage: Stage, chain: &str, skb: &mut Skb, cx: &mut Ctx<'_>) -> bool {
        if !self.has_rules(Table::Filter, chain) {
            return self.nft_filter(AFTER_DNAT, stage, chain, skb, cx);
        }
        let dev = if skb.output.is_empty() { skb.input.clone() } else { skb.output.clone() };
        match self.walk(Table::Filter, chain, skb, cx) {
            Verdict::Accept(None) | Verdict::Nat(..) => self.nft_filter(AFTER_DNAT, stage, chain, skb, cx),
            Verdict::Accept(Some(hit)) => {
                cx.hop(&skb.packet, Link::Ip, &dev, stage, || Decision::Rule(hit));
                self.nft_filter(AFTER_DNAT, stage, chain, skb, cx)
            }
            Verdict::Drop(hit) => {
                cx.drop_at(&skb.packet, Link::Ip, &dev, DropReason::Filter(hit));
                false
            }
            Verdict::Reject(with, hit) => {
                cx.drop_at(&skb.packet, Link::Ip, &dev, DropReason::Filter(hit));
                match with.code() {
                    Some(code) => self.icmp_error(skb, (3, code), 0, cx),
                    None => self.reset(skb, cx),
                }
                false
            }
        }
    }

    fn walk(&mut self, table: Table, chain: &str, skb: &mut Skb, cx: &mut Ctx<'_>) -> Verdict {
        self.asking(skb, cx, |rules, question, mark, rng| rules.filter.walk(table, chain, question, mark, rng))
    }

    /// Lets rules ask about a packet; what they set its mark to stays.
    pub(super) fn asking<R>(
        &mut self,
        skb: &mut Skb,
        cx: &mut Ctx<'_>,
        ask: impl FnOnce(Rules<'_>, &Question<'_>, &mut u32, &mut Rng) -> R,
    ) -> R {
        let Netns { filter, nft, local, conntrack, devices, .. } = self;
        let by_port = skb.input_dev.and_then(|dev| devices.get(&dev)).is_some_and(|d| d.fdb().is_some());
        let (state, connection) = match &skb.ct {
            Tracked::Untracked => (CtState::Invalid, None),
            Tracked::Fresh(connection) => (CtState::New, Some(connection)),
            Tracked::Known(id, _, state) => (*state, conntrack.get(*id)),
        };
        let is_local = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => local.lookup(ip).is_some_and(|r| r.kind == RouteKind::Local),
            IpAddr::V6(_) => false,
        };
        let question = Question {
            now: cx.now,
            src: skb.ip.src.into(),
            dst: skb.ip.dst.into(),
            proto: skb.ip.proto,
            first: skb.ip.is_first(),
            length: skb.ip.total,
            ports: skb.packet.ports(&skb.ip),
            l4: skb.packet.l4(&skb.ip),
            input: &skb.input,
            output: &skb.output,
            state,
            orig_dst: connection.map(|c| (c.orig.dst.0.into(), c.orig.dst.1)),
            bridged: skb.bridged,
            by_port,
            ipvs: connection.is_some_and(|c| c.ipvs),
            dnat: connection.is_some_and(Connection::is_dnat),
            snat: connection.is_some_and(Connection::is_snat),
            is_local: &is_local,
        };
        let mut mark = skb.packet.mark;
        let answer = ask(Rules { filter, nft }, &question, &mut mark, &mut cx.core.rng);
        skb.packet.mark = mark;
        answer
    }

    /// Asks a chain of the nat table what to rewrite, then nftables.
    fn ask_nat(&mut self, chain: &str, skb: &mut Skb, cx: &mut Ctx<'_>) -> Option<(Target, By)> {
        if self.has_rules(Table::Nat, chain)
            && let Verdict::Nat(target, hit) = self.walk(Table::Nat, chain, skb, cx)
        {
            return Some((target, By::Rule(hit)));
        }
        match self.nft_walk((Kind::Nat, hook_of(chain)), i32::MIN..=i32::MAX, skb, cx)? {
            NftVerdict::Dnat(to, hit) => {
                let to = NatTo { ip: Some((*to.ip()).into()), port: Some(to.port()) };
                Some((Target::Dnat(to), By::Nft(Box::new(hit))))
            }
            NftVerdict::Masquerade(hit) => Some((Target::Masquerade { random_fully: true }, By::Nft(Box::new(hit)))),
            _ => None,
        }
    }

    /// Finds out what connection a packet belongs to, or the packet that an ICMP error is about.
    fn track(&mut self, skb: &mut Skb, cx: &mut Ctx<'_>) {
        let (ip, l4) = (&skb.ip, skb.packet.l4(&skb.ip));
        skb.ct = match inner(ip, l4) {
            Some((about, ports)) => {
                let answer = Tuple::of(&about, ports).inverted();
                match self.conntrack.find(&answer, cx.now) {
                    Some((id, direction)) => Tracked::Known(id, direction, CtState::Related),
                    None => Tracked::Untracked,
                }
            }
            None => {
                let flags = if ip.proto == TCP { l4.get(13).copied().unwrap_or(0) } else { 0 };
                self.conntrack.track(Tuple::of(ip, skb.packet.ports(ip)), flags, cx.now)
            }
        };
    }

    fn choose_destination(&self, skb: &mut Skb, target: &Target) {
        let incoming = skb.input_dev.and_then(|dev: DevId| self.devices.get(&dev)?.primary());
        let Tracked::Fresh(connection) = &mut skb.ct else { return };
        let (ip, port) = connection.reply.src;
        connection.reply.src = match target {
            Target::Dnat(to) => (to.ipv4().unwrap_or(ip), to.port.unwrap_or(port)),
            Target::Redirect(to) => (incoming.unwrap_or(Ipv4Addr::LOCALHOST), to.unwrap_or(port)),
            _ => return,
        };
    }

    fn choose_source(&self, skb: &mut Skb, target: Option<&Target>, cx: &mut Ctx<'_>) {
        let out = self.devices.values().find(|d| d.name == skb.output);
        let primary = out.and_then(|d| d.source_for(skb.ip.dst)).or_else(|| {
            let route = self.route_to(skb.ip.dst)?;
            self.source_for(skb.ip.dst, route)
        });
        let Tracked::Fresh(connection) = &mut skb.ct else { return };
        let (ip, port) = connection.reply.dst;
        let wanted = match target {
            Some(Target::Snat(to)) => SocketAddrV4::new(to.ipv4().unwrap_or(ip), to.port.unwrap_or(port)),
            Some(Target::Masquerade { random_fully }) => {
                let port = if *random_fully { random_port(port, &mut cx.core.rng) } else { port };
                SocketAddrV4::new(primary.unwrap_or(ip), port)
            }
            _ => SocketAddrV4::new(ip, port),
        };
        // Even without a rule two connections must not have the same answer.
        let free = self.conntrack.free_source(connection.reply, wanted, cx.now);
        connection.reply.dst = (*free.ip(), free.port());
        if connection.reply.proto == ICMP {
            connection.reply.src.1 = free.port();
        }
    }

    /// Rewrites source or destination as the connection says.
    pub(super) fn rewrite(&mut self, source: bool, stage: Stage, by: Option<By>, skb: &mut Skb, cx: &mut Ctx<'_>) {
        let (connection, direction, related) = match &skb.ct {
            Tracked::Untracked => return,
            Tracked::Fresh(connection) => (connection, Direction::Original, false),
            Tracked::Known(id, direction, state) => match self.conntrack.get(*id) {
                Some(connection) => (connection, *direction, *state == CtState::Related),
                None => return,
            },
        };
        if connection.ipvs && stage != Stage::Ipvs && source == (direction == Direction::Reply) {
            return;
        }
        let wanted = connection.rewritten(direction);
        let (ip, port) = if source { wanted.src } else { wanted.dst };
        let to = SocketAddrV4::new(ip, port);
        if related {
            let came_from = if direction == Direction::Original { connection.orig } else { connection.reply };
            return rewrite_error(skb, source, came_from, to);
        }
        let (sport, dport) = skb.packet.ports(&skb.ip).unwrap_or((port, port));
        // The identifier of an echo changes where the address of who asks does.
        let asks = source == (direction == Direction::Original);
        let to = if skb.ip.proto == ICMP && !asks { SocketAddrV4::new(ip, sport) } else { to };
        let is = if source { SocketAddrV4::new(skb.ip.src, sport) } else { SocketAddrV4::new(skb.ip.dst, dport) };
        if is == to {
            return;
        }
        skb.packet.rewrite(&skb.ip, source, to);
        if source {
            skb.ip.src = ip;
        } else {
            skb.ip.dst = ip;
        }
        let dev: &Arc<str> = if source && !skb.output.is_empty() { &skb.output } else { &skb.input };
        cx.hop(&skb.packet, Link::Ip, dev, stage, || Decision::Rewrite { source, from: is, to, by });
    }

    /// Answers a TCP segment with a reset.
    pub(crate) fn reset(&mut self, skb: &Skb, cx: &mut Ctx<'_>) {
        let (Some(segment), Some((sport, dport))) =
            (build::Segment::parse(skb.packet.l4(&skb.ip)), skb.packet.ports(&skb.ip))
        else {
            return;
        };
        if let Some(rst) = refusal(&segment) {
            let (dst, dport) = match &skb.ct {
                Tracked::Fresh(connection) => connection.orig.dst,
                _ => (skb.ip.dst, dport),
            };
            let (from, to) = (SocketAddrV4::new(dst, dport), SocketAddrV4::new(skb.ip.src, sport));
            let choice = build::IpChoice { ttl: 64, id: 0, df: true };
            // A sender that cannot be reached is not told.
            let _ = self.send_built(build::tcp(from, to, choice, &rst), skb.packet.tag.flow, None, cx);
        }
    }
}

/// The header and ports of the packet that an ICMP error is about; `None` for anything else.
pub(crate) fn inner(ip: &Ip, l4: &[u8]) -> Option<(Ip, Option<(u16, u16)>)> {
    if ip.proto != ICMP || !matches!(l4.first()?, 3 | 11) {
        return None;
    }
    let bytes = l4.get(8..)?;
    // The packet is usually cut short: its length field is made to fit before it is read.
    let header = usize::from(bytes.first()? & 0x0f) * 4;
    let mut about = Ip::parse_cut(bytes)?;
    about.total = u16::try_from(bytes.len()).ok()?;
    Some((about, ports_of(&about, bytes.get(header..)?)))
}

/// Rewrites an ICMP error about a rewritten connection: its own address and the addresses of the packet inside.
fn rewrite_error(skb: &mut Skb, source: bool, came_from: Tuple, to: SocketAddrV4) {
    let ip = skb.ip;
    let outer_changes = if source { ip.src == came_from.src.0 } else { true };
    let mut l4 = skb.packet.l4(&ip).to_vec();
    let Some((about, _)) = inner(&ip, &l4) else { return };
    // What is the destination of the answer is the source of the packet that it is about.
    let about_packet = &l4[8..];
    let mut shadow = Packet::of_ip(about_packet, skb.packet.tag, None);
    shadow.rewrite(&about, !source, to);
    let changed = shadow.payload().to_vec();
    l4.truncate(8);
    l4.extend_from_slice(&changed);
    let from = if source && outer_changes { *to.ip() } else { ip.src };
    let dst = if source { ip.dst } else { *to.ip() };
    let choice = build::IpChoice { ttl: ip.ttl, id: ip.id, df: ip.df };
    let rest = u32::from_be_bytes([l4[4], l4[5], l4[6], l4[7]]);
    let mut buf = build::icmp_error(from, dst, choice, (l4[0], l4[1]), rest, &changed);
    buf[..ETHER_LEN].copy_from_slice(&skb.packet.frame()[..ETHER_LEN]);
    let Packet { tag, carries, mark, .. } = skb.packet;
    skb.packet = Packet { mark, ..Packet::of_buf(buf, tag, carries) };
    skb.ip = skb.packet.ip().expect("it was built just now");
}
