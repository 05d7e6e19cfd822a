//! Names for numbers: what `-n` turns off.

use std::net::Ipv4Addr;

use crate::net::packet::{TCP, UDP};
use crate::net::sniff::SERVICES;
use crate::sim::VecMap;
use crate::workload::Ctx;

/// Names of hosts, ports and devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Names {
    hosts: VecMap<Ipv4Addr, String>,
    devices: VecMap<u32, String>,
    numeric: bool,
}

impl Names {
    /// What `/etc/hosts` says, if names are wanted.
    pub fn read(numeric: bool, ctx: &Ctx<'_>) -> Names {
        let mut names = Names { numeric, ..Names::default() };
        let data = ctx.fs.read("/etc/hosts").unwrap_or_default();
        for line in String::from_utf8_lossy(&data).lines() {
            let mut words = line.split_whitespace();
            if let (Some(Ok(ip)), Some(name)) = (words.next().map(str::parse), words.next()) {
                names.hosts.entry(ip).or_insert_with(|| name.to_owned());
            }
        }
        names
    }

    /// Learns the name of a device.
    pub fn saw(&mut self, index: u32, device: &str) {
        if !self.devices.contains_key(&index) {
            self.devices.insert(index, device.to_owned());
        }
    }

    /// The name of a device.
    pub fn device(&self, index: u32) -> &str {
        self.devices.get(&index).map_or("?", String::as_str)
    }

    /// The name of an address, or itself.
    pub fn host(&self, ip: Ipv4Addr) -> String {
        let known = self.hosts.get(&ip).filter(|_| !self.numeric);
        known.cloned().unwrap_or_else(|| ip.to_string())
    }

    /// The name of a port, or itself.
    pub fn port(&self, proto: u8, port: u16) -> String {
        let tcp_only = [
            "ftp",
            "ssh",
            "telnet",
            "smtp",
            "bgp",
            "http",
            "https",
            "mysql",
            "postgresql",
            "redis",
            "http-alt",
            "etcd-client",
        ];
        let udp_only = ["tftp", "ntp", "snmp"];
        let known = SERVICES.iter().find(|(name, number)| {
            let fits = match proto {
                TCP => !udp_only.contains(name),
                UDP => !tcp_only.contains(name),
                _ => false,
            };
            fits && *number == port && !self.numeric
        });
        known.map_or_else(|| port.to_string(), |(name, _)| (*name).to_owned())
    }
}
