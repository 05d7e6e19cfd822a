//! The text of `arp`, `ss` and `ipset list`. Models net-tools' arp.c, iproute2's misc/ss.c (written to a pipe) and ipset 7.

use std::net::SocketAddrV4;

use crate::net::host::Netns;
use crate::net::neigh::NeighbourState;
use crate::net::show::Choice;
use crate::net::socket::{Socket, SocketKind};
use crate::sim::Time;

/// `arp -n`.
pub fn arp(ns: &Netns, now: Time) -> String {
    let mut text = "Address                  HWtype  HWaddress           Flags Mask            Iface\n".to_owned();
    for (dev, ip, neighbour) in ns.neighbours() {
        let name = ns.dev_name(dev);
        let flags = if neighbour.state(now) == NeighbourState::Permanent { "CM" } else { "C" };
        text += &match neighbour.mac() {
            Some(mac) => {
                format!("{:<23}  {:<8}{:<20}{flags:<6}{:<15} {name}\n", ip.to_string(), "ether", mac.to_string(), "")
            }
            None => format!("{:<23}  {:<8}{:<20}{:<6}{:<15} {name}\n", ip.to_string(), "", "(incomplete)", "", ""),
        };
    }
    text
}

/// `arp -a`.
pub fn arp_bsd(ns: &Netns, now: Time) -> String {
    let line = |(dev, ip, neighbour): (_, std::net::Ipv4Addr, &crate::net::neigh::Neighbour)| {
        let name = ns.dev_name(dev);
        let permanent = if neighbour.state(now) == NeighbourState::Permanent { "PERM " } else { "" };
        match neighbour.mac() {
            Some(mac) => format!("? ({ip}) at {mac} [ether] {permanent}on {name}\n"),
            None => format!("? ({ip}) at <incomplete> on {name}\n"),
        }
    };
    ns.neighbours().map(line).collect()
}

/// What `ss` is asked to show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// `-t`.
    pub tcp: bool,
    /// `-u`.
    pub udp: bool,
    /// `-l`.
    pub listening: bool,
    /// `-a`.
    pub all: bool,
    /// `-p`.
    pub processes: bool,
    /// `-H`.
    pub bare: bool,
}

/// `ss`; `owner` names the process of a socket.
pub fn ss(ns: &Netns, wanted: Wanted, choice: &Choice, owner: impl Fn(&Socket) -> Option<String>) -> String {
    let both = wanted.tcp == wanted.udp;
    let mut rows: Vec<[String; 9]> = Vec::new();
    if !wanted.bare {
        let head = ["Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "Process"];
        rows.push(head.map(str::to_owned));
    }
    for (_, socket) in ns.sockets().iter() {
        let any = || ("0.0.0.0".to_owned(), "*".to_owned());
        let at = |at: &SocketAddrV4| (at.ip().to_string(), at.port().to_string());
        let (net, state, queue, here, there, listens) = match &socket.kind {
            SocketKind::Listener { at } => ("tcp", "LISTEN", 4096, at, None, true),
            SocketKind::Udp { at, .. } => ("udp", "UNCONN", 0, at, None, true),
            SocketKind::Tcp { local, peer, tcb, .. } => ("tcp", tcb.state().word(), 0, local, Some(peer), false),
            SocketKind::Ping { .. } | SocketKind::Packet { .. } => continue,
        };
        let kind = both || if net == "tcp" { wanted.tcp } else { wanted.udp };
        let state_taken = choice.takes_state(state).unwrap_or(wanted.all || listens == wanted.listening);
        if !kind || !state_taken || !choice.takes(*here, there.copied()) {
            continue;
        }
        let (here, there) = (at(here), there.map_or_else(any, at));
        let process = Some(socket).filter(|_| wanted.processes).and_then(&owner).unwrap_or_default();
        let words =
            [net.into(), state.into(), "0".into(), queue.to_string(), here.0, here.1, there.0, there.1, process];
        rows.push(words);
    }
    table(&rows, both, !choice.is_of_one_state())
}

/// Columns as wide as their widest word; addresses to the right, their ports to the left of a colon.
fn table(rows: &[[String; 9]], with_net: bool, with_state: bool) -> String {
    let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0);
    let line = |row: &[String; 9]| {
        let mut text = String::new();
        for (at, word) in row.iter().enumerate().take(4) {
            if at == 0 && !with_net || at == 1 && !with_state {
                continue;
            }
            text += &format!("{word:<0$} ", width(at));
        }
        for at in [4, 6] {
            text += &format!("{:>2$}:{:<3$} ", row[at], row[at + 1], width(at), width(at + 1));
        }
        text += &row[8];
        text.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// `ss -s`.
pub fn ss_summary(ns: &Netns) -> String {
    let (mut tcp, mut open, mut waits, mut closed, mut udp, mut raw) = (0, 0, 0, 0, 0, 0);
    for (_, socket) in ns.sockets().iter() {
        match &socket.kind {
            SocketKind::Listener { .. } => tcp += 1,
            SocketKind::Tcp { tcb, .. } => {
                tcp += 1;
                match tcb.state().word() {
                    "ESTAB" => open += 1,
                    "TIME-WAIT" => (waits, closed) = (waits + 1, closed + 1),
                    _ => {}
                }
            }
            SocketKind::Udp { .. } => udp += 1,
            SocketKind::Ping { .. } => raw += 1,
            SocketKind::Packet { .. } => {}
        }
    }
    let held = tcp - waits;
    let inet = raw + udp + held;
    let row = |name: &str, n: usize| format!("{name:<10}{n:<10}{n:<10}{:<10}\n", 0);
    format!(
        "Total: {inet}\nTCP:   {tcp} (estab {open}, closed {closed}, orphaned 0, timewait {waits})\n\nTransport Total     IP        IPv6\n{}{}{}{}{}\n",
        row("RAW", raw),
        row("UDP", udp),
        row("TCP", held),
        row("INET", inet),
        row("FRAG", 0)
    )
}

/// `ipset list [NAME]`; `None` if there is no set of that name.
pub fn ipset(ns: &Netns, only: Option<&str>, names: bool) -> Option<String> {
    let filter = ns.filter();
    let sets = || filter.sets().iter().filter(|(name, _)| only.is_none_or(|only| &***name == only));
    if only.is_some() && sets().next().is_none() {
        return None;
    }
    let shown = sets().map(|(name, set)| match names {
        true => format!("{name}\n"),
        false => set.list(name, filter.asks_of_set(name)),
    });
    Some(shown.collect::<Vec<_>>().join(if names { "" } else { "\n" }))
}
