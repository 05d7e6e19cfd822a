//! `ip` and `bridge`, as far as they look. Models ip/ip.c, ip/ipaddress.c, ip/iproute.c, ip/iprule.c and bridge/bridge.c in what
//! they take.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::cluster::query::Printed;
use crate::net::addr::DevId;
use crate::net::device::{Device, DeviceKind};
use crate::net::host::Netns;
use crate::net::route::Route;
use crate::net::show::{self, LinkStyle};
use crate::sim::Time;

const RULES: &str = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n";

/// `ip [OPTIONS] OBJECT …`.
pub(super) fn ip(ns: &Netns, words: &[&str], busybox: bool, now: Time) -> Printed {
    let (mut style, mut six) = (LinkStyle { busybox, ..LinkStyle::default() }, false);
    let mut words = words;
    while let Some((option, rest)) = words.split_first().filter(|(word, _)| word.starts_with('-')) {
        match *option {
            "-4" | "-c" | "-color" | "-color=auto" | "-color=never" | "-n" | "-N" => {}
            "-6" => six = true,
            "-d" | "-details" => style.details = true,
            "-s" | "-stats" | "-statistics" => style.stats = true,
            "-br" | "-brief" => style.brief = true,
            "-o" | "-oneline" => style.oneline = true,
            "-V" | "-Version" => return Printed::ok("ip utility, iproute2-6.1.0, libbpf 1.1.0\n".into()),
            other => return Printed::failed(format!("Option \"{other}\" is unknown, try \"ip -help\".\n"), 255),
        }
        words = rest;
    }
    let Some((object, rest)) = words.split_first() else {
        return Printed::failed("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n".into(), 255);
    };
    let links = matches!(*object, "l" | "li" | "lin" | "link");
    match *object {
        // Nobody has an address of IPv6; the links are there all the same.
        _ if six && !links => Printed::ok(String::new()),
        "a" | "ad" | "add" | "addr" | "address" => of_links(ns, rest, |wanted| show::ip_addr(ns, wanted, style)),
        _ if links => of_links(ns, rest, |wanted| show::ip_link(ns, wanted, style)),
        "r" | "ro" | "rou" | "rout" | "route" => routes(ns, rest),
        "ru" | "rule" => Printed::ok(RULES.into()),
        "n" | "ne" | "nei" | "neigh" | "neighbor" | "neighbour" => {
            of_device(ns, rest, |dev| show::ip_neigh(ns, dev, now))
        }
        other if busybox => Printed::failed(format!("ip: invalid argument '{other}' to 'ip'\n"), 1),
        other => Printed::failed(format!("Object \"{other}\" is unknown, try \"ip help\".\n"), 1),
    }
}

/// Of which links: `[show] [[dev] DEV] [up] [master BRIDGE] [type KIND]`.
fn of_links(ns: &Netns, words: &[&str], show: impl FnOnce(&dyn Fn(&Device) -> bool) -> String) -> Printed {
    let (mut only, mut up, mut master, mut kind) = (None, false, None, None);
    let mut words = words.iter().copied();
    let named = |name: &str| ns.device_named(name).map(|device| device.id);
    while let Some(word) = words.next() {
        match word {
            "show" | "sh" | "list" | "lst" | "ls" | "l" | "s" => {}
            "up" => up = true,
            "type" => kind = words.next(),
            "master" => {
                let name = words.next().unwrap_or_default();
                let Some(dev) = named(name) else {
                    return Printed::failed(
                        format!("Error: argument \"{name}\" is wrong: Device does not exist\n\n"),
                        255,
                    );
                };
                master = Some(dev);
            }
            _ => {
                let name = if word == "dev" { words.next().unwrap_or_default() } else { word };
                let Some(dev) = named(name) else {
                    return Printed::failed(format!("Device \"{name}\" does not exist.\n"), 1);
                };
                only = Some(dev);
            }
        }
    }
    Printed::ok(show(&|device| {
        only.is_none_or(|only| only == device.id)
            && (!up || device.up)
            && (master.is_none() || device.master == master)
            && kind.is_none_or(|kind| kind_of(device) == kind)
    }))
}

fn kind_of(device: &Device) -> &'static str {
    match device.kind {
        DeviceKind::Veth(_) => "veth",
        DeviceKind::Bridge(_) => "bridge",
        DeviceKind::Vxlan(_) => "vxlan",
        DeviceKind::Tun(_) => "tun",
        DeviceKind::Dummy => "dummy",
        DeviceKind::Loopback | DeviceKind::Ether(_) => "",
    }
}

/// `ip route get TO [from FROM]`, `ip route [show] [table TABLE] [dev DEV] [via GATEWAY] [PREFIX]`.
fn routes(ns: &Netns, words: &[&str]) -> Printed {
    let wrong =
        |word: &str| Printed::failed(format!("Error: any valid prefix is expected rather than \"{word}\".\n"), 1);
    if let Some(("get" | "g", rest)) = words.split_first().map(|(verb, rest)| (*verb, rest)) {
        let rest = rest.strip_prefix(&["to"]).unwrap_or(rest);
        let (to, from) = match rest {
            [to] => (to, None),
            [to, "from", from, ..] => (to, Some(from)),
            [to, ..] => (to, None),
            [] => return Printed::failed("need at least a destination address\n".into(), 255),
        };
        let Ok(ip) = to.parse() else { return wrong(to) };
        let from = match from.map(|from| from.parse::<Ipv4Addr>()) {
            None => None,
            Some(Ok(from)) => Some(from),
            Some(Err(_)) => return wrong(from.unwrap_or(&"")),
        };
        return match show::ip_route_get(ns, ip, from) {
            Ok(text) => Printed::ok(text),
            Err(why) => Printed::failed(why, 2),
        };
    }
    let (mut table, mut dev, mut via, mut dst) = ("main", None, None, None);
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "show" | "sh" | "list" | "lst" | "ls" | "l" | "s" | "root" | "match" | "exact" | "to" => {}
            "table" => table = words.next().unwrap_or("main"),
            "via" => via = words.next().and_then(|word| word.parse::<Ipv4Addr>().ok()),
            "dev" => dev = words.next(),
            _ => {
                let net = match word {
                    "default" => Some(Ipv4Net::default()),
                    _ => word.parse().ok().or_else(|| word.parse::<Ipv4Addr>().ok().map(Ipv4Net::from)),
                };
                let Some(net) = net else { return wrong(word) };
                dst = Some(net);
            }
        }
    }
    if let Some(name) = dev.filter(|name| ns.device_named(name).is_none()) {
        return Printed::failed(format!("Cannot find device \"{name}\"\n"), 1);
    }
    let wanted = |route: &Route| {
        dev.is_none_or(|dev| *route.dev_name == *dev)
            && dst.is_none_or(|dst| route.dst == dst)
            && (via.is_none() || route.via == via)
    };
    let text = match table {
        "local" | "255" => show::ip_route_local(ns, wanted),
        "main" | "254" => show::ip_route(ns, wanted),
        "all" | "unspec" | "0" => {
            let local = show::ip_route_local(ns, wanted);
            // The table is named before scope and source, behind the device.
            let named: String = local.lines().map(|line| in_table(line) + "\n").collect();
            show::ip_route(ns, wanted) + &named
        }
        _ => return Printed::failed("Error: ipv4: FIB table does not exist.\nDump terminated\n".into(), 2),
    };
    // Who asks for a device is not told its name.
    Printed::ok(dev.map_or(text.clone(), |dev| text.replace(&format!(" dev {dev}"), "")))
}

/// A line of the table `local` among those of all: `local 10.0.0.1 dev eth0 table local proto kernel …`.
fn in_table(line: &str) -> String {
    line.replacen(" proto ", " table local proto ", 1)
}

/// `bridge fdb|link|vlan [show] [br BRIDGE] [dev DEV]`.
pub(super) fn bridge(ns: &Netns, words: &[&str], now: Time) -> Printed {
    let options = words.iter().take_while(|word| word.starts_with('-')).count();
    let Some((object, words)) = words[options..].split_first() else {
        return Printed::failed("Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }\n".into(), 255);
    };
    let (mut bridge, mut dev) = (None, None);
    let mut words = words.iter().filter(|word| !matches!(**word, "show" | "list" | "lst" | "ls" | "sh"));
    while let Some(word) = words.next() {
        let name = if matches!(*word, "br" | "brport" | "dev") { words.next().unwrap_or(&"") } else { word };
        let Some(device) = ns.device_named(name) else {
            return Printed::failed(format!("Cannot find device \"{name}\"\n"), 1);
        };
        *if *word == "br" { &mut bridge } else { &mut dev } = Some(device.id);
    }
    match *object {
        "f" | "fdb" => Printed::ok(show::bridge_fdb(ns, bridge, dev, now)),
        "l" | "link" => Printed::ok(show::bridge_link(ns, dev)),
        "v" | "vlan" => Printed::ok(show::bridge_vlan(ns)),
        // Nobody here has joined a group.
        "m" | "mdb" => Printed::ok(String::new()),
        _ => Printed::failed(format!("Object \"{object}\" is unknown, try \"bridge help\".\n"), 255),
    }
}

/// What is to be shown of the device in `show dev eth0`, `show eth0` or `dev eth0`, or of all.
fn of_device(ns: &Netns, words: &[&str], show: impl FnOnce(Option<DevId>) -> String) -> Printed {
    let Some(name) = words.iter().find(|word| !matches!(**word, "show" | "sh" | "list" | "ls" | "s" | "dev")) else {
        return Printed::ok(show(None));
    };
    match ns.device_named(name) {
        Some(device) => Printed::ok(show(Some(device.id))),
        None => Printed::failed(format!("Cannot find device \"{name}\"\n"), 1),
    }
}
