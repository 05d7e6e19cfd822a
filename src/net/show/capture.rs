//! `tcpdump -D`: at which devices a capture can listen. Models pcap_findalldevs of libpcap and its order.

use crate::net::host::{LO, Netns};

/// The devices, those first that are up, with `any` before the loopback; with their own numbers if `numbers`, for a program
/// that asks the kernel for names.
pub fn capture_devices(ns: &Netns, numbers: bool) -> String {
    if numbers {
        return ns.devices().map(|d| format!("{}.{}\n", d.id.0, d.name)).collect();
    }
    let others = |up: bool| ns.devices().filter(move |d| d.id != LO && d.up == up);
    let mut lines: Vec<String> = others(true).map(|d| format!("{} [Up, Running, Connected]", d.name)).collect();
    lines.push("any (Pseudo-device that captures on all interfaces) [Up, Running]".to_owned());
    lines.push("lo [Up, Running, Loopback]".to_owned());
    lines.extend(others(false).map(|d| format!("{} [none, Disconnected]", d.name)));
    lines.iter().zip(1..).map(|(line, n)| format!("{n}.{line}\n")).collect()
}
