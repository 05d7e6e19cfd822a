//! The text of `ipvsadm`, as version 1.31 prints it with `-n`: addresses are not looked up by name, with or without it.
//!
//! Models ipvsadm.c. Servers are sorted by address, as it does unless told not to.

use std::fmt::Write as _;

use crate::net::host::Netns;
use crate::net::ipvs::{RealServer, Stats, VirtualAt, VirtualServer, proto_word};
use crate::sim::Time;

const TITLE: &str = "IP Virtual Server version 1.2.1 (size=4096)\n";

/// `ipvsadm -L -n`; `only` is the virtual server that is asked for (`-t ADDRESS`).
pub fn ipvs_servers(ns: &Netns, only: Option<VirtualAt>, now: Time) -> String {
    let mut text = format!(
        "{TITLE}Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
    );
    for (at, service) in ns.ipvs().services().filter(|(at, _)| only.is_none_or(|only| only == **at)) {
        let persistent = service.persistent.map_or_else(String::new, |time| format!(" persistent {}", time.as_secs()));
        _ = writeln!(text, "{at} {}{persistent}", service.scheduler.word());
        for server in sorted(service) {
            let (active, inactive) = ns.ipvs().connections_of(*at, server.at, now);
            let (name, forward, weight) = (server.at.to_string(), service.forward.word(), server.weight);
            _ = writeln!(text, "  -> {name:<28} {forward:<7} {weight:<6} {active:<10} {inactive:<10}");
        }
    }
    text
}

/// `ipvsadm -L -n --stats`, in the same way.
pub fn ipvs_stats(ns: &Netns, only: Option<VirtualAt>) -> String {
    let mut text = format!(
        "{TITLE}Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  -> RemoteAddress:Port\n"
    );
    for (at, service) in ns.ipvs().services().filter(|(at, _)| only.is_none_or(|only| only == **at)) {
        row(&mut text, &at.to_string(), &service.stats);
        for server in sorted(service) {
            row(&mut text, &format!("  -> {}", server.at), &server.stats);
        }
    }
    text
}

/// `ipvsadm -L -n -c`.
pub fn ipvs_connections(ns: &Netns, now: Time) -> String {
    let mut text = String::from(
        "IPVS connection entries\npro expire state       source             virtual            destination\n",
    );
    for (key, conn) in ns.ipvs().connections(now) {
        let left = conn.expires.since(now).as_secs();
        let (proto, state) = (proto_word(key.to.proto), conn.state.word());
        let (client, to, server) = (key.client.to_string(), key.to.at.to_string(), conn.server);
        _ = writeln!(text, "{proto:<3} {:02}:{:02}  {state:<11} {client:<18} {to:<18} {server}", left / 60, left % 60);
    }
    text
}

fn sorted(service: &VirtualServer) -> Vec<RealServer> {
    let mut servers = service.servers().to_vec();
    servers.sort_by_key(|server| server.at);
    servers
}

fn row(text: &mut String, name: &str, stats: &Stats) {
    _ = write!(text, "{name:<33}");
    for number in [stats.conns, stats.in_packets, stats.out_packets, stats.in_bytes, stats.out_bytes] {
        _ = write!(text, " {:>8}", large(number));
    }
    text.push('\n');
}

/// A number with at most eight characters: from 100 millions on in thousands and so on.
fn large(number: u64) -> String {
    match number {
        0..100_000_000 => number.to_string(),
        100_000_000..100_000_000_000 => format!("{}K", number / 1_000),
        100_000_000_000..100_000_000_000_000 => format!("{}M", number / 1_000_000),
        _ => format!("{}G", number / 1_000_000_000),
    }
}
