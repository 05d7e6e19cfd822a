//! flannel's network configuration in etcd. Models `pkg/subnet/config.go` (flannel).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use crate::net::vxlan;

/// The configuration that all nodes share, checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkConfig {
    /// The overlay: `10.244.0.0/16`.
    pub network: Ipv4Net,
    /// The prefix length of a node's subnet.
    pub subnet_len: u8,
    /// The first subnet that is given away.
    pub subnet_min: Ipv4Addr,
    /// The last one.
    pub subnet_max: Ipv4Addr,
    /// How packets reach other nodes.
    pub backend: Backend,
}

/// How packets reach other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Through flanneld and a UDP port.
    Udp {
        /// The port.
        port: u16,
    },
    /// Through a VXLAN device of the kernel.
    Vxlan {
        /// The network identifier.
        vni: u32,
        /// The UDP port.
        port: u16,
    },
    /// By routes to the nodes themselves.
    HostGw,
}

impl Backend {
    /// Reads `Backend` of the configuration; UDP without one.
    fn parse(backend: Option<&Value>) -> Result<Backend, String> {
        let value = |key: &str| backend.and_then(|b| b.get(key));
        let number = |key: &str, default: u32, most: u32| match value(key).and_then(Value::as_u64).unwrap_or(0) {
            // Zero stands for the default.
            0 => Ok(default),
            n => u32::try_from(n).ok().filter(|n| *n <= most).ok_or(format!("{key} is out of range: {n}")),
        };
        let port = |default: u16| number("Port", default.into(), u16::MAX.into());
        let port = |default| port(default).map(|port| u16::try_from(port).expect("not above its limit"));
        match value("Type").and_then(Value::as_str).unwrap_or("udp") {
            "udp" => Ok(Backend::Udp { port: port(8285)? }),
            "vxlan" if value("DirectRouting").and_then(Value::as_bool) == Some(true) => {
                Err("DirectRouting of the vxlan backend is not simulated".into())
            }
            "vxlan" => Ok(Backend::Vxlan { vni: number("VNI", 1, (1 << 24) - 1)?, port: port(vxlan::PORT)? }),
            "host-gw" => Ok(Backend::HostGw),
            other => Err(format!("unknown backend type: {other}")),
        }
    }
}

impl NetworkConfig {
    /// Reads the value of `/coreos.com/network/config`.
    ///
    /// # Errors
    /// What flanneld logs: text that is no JSON, networks too small, bounds that do not fit.
    pub fn parse(text: &str) -> Result<NetworkConfig, String> {
        let value: Value = serde_json::from_str(text).map_err(|e| format!("failed to parse network config: {e}"))?;
        let words = |key: &str| value.get(key).and_then(Value::as_str);
        let network: Ipv4Net =
            words("Network").unwrap_or_default().parse().map_err(|_| "please define a correct Network parameter")?;
        let network = network.trunc();
        if network.prefix_len() > 28 {
            return Err("network is too small. Minimum useful network prefix is /28".into());
        }
        let default_len = if network.prefix_len() <= 22 { 24 } else { network.prefix_len() + 2 };
        let subnet_len = value.get("SubnetLen").and_then(Value::as_u64).unwrap_or(u64::from(default_len));
        let subnet_len = u8::try_from(subnet_len).ok().filter(|len| *len <= 30);
        let subnet_len = subnet_len.ok_or("SubnetLen must be less than /31")?;
        if subnet_len < network.prefix_len() + 2 {
            return Err("network must be able to accommodate at least four subnets".into());
        }
        let size = 1_u32 << (32 - subnet_len);
        let first = Ipv4Addr::from(u32::from(network.network()) + size);
        let last = Ipv4Addr::from(u32::from(network.broadcast()) - (size - 1));
        let bound = |key: &str, default| match words(key) {
            None | Some("") => Ok(default),
            Some(text) => {
                let ip: Ipv4Addr = text.parse().map_err(|_| format!("{key} is not an address: {text}"))?;
                if !network.contains(&ip) {
                    return Err(format!("{key} is not in the range of the Network"));
                }
                if u32::from(ip) % size != 0 {
                    return Err(format!("{key} is not on a SubnetLen boundary: {ip}"));
                }
                Ok(ip)
            }
        };
        Ok(NetworkConfig {
            network,
            subnet_len,
            subnet_min: bound("SubnetMin", first)?,
            subnet_max: bound("SubnetMax", last)?,
            backend: Backend::parse(value.get("Backend"))?,
        })
    }

    /// Every subnet that may be given away, in order.
    pub fn subnets(&self) -> impl Iterator<Item = Ipv4Net> + use<> {
        let (size, len) = (1_u32 << (32 - self.subnet_len), self.subnet_len);
        let (first, last) = (u32::from(self.subnet_min), u32::from(self.subnet_max));
        let count = (last.saturating_sub(first)) / size + 1;
        (0..count).map(move |n| Ipv4Net::new(Ipv4Addr::from(first + n * size), len).expect("the length was checked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_upstreams() {
        let config = NetworkConfig::parse(r#"{"Network":"10.244.0.0/16"}"#).expect("valid");
        assert_eq!((config.subnet_len, config.backend), (24, Backend::Udp { port: 8285 }));
        let subnets: Vec<Ipv4Net> = config.subnets().collect();
        assert_eq!(subnets.len(), 255);
        assert_eq!(subnets[0].to_string(), "10.244.1.0/24");
        assert_eq!(subnets[254].to_string(), "10.244.255.0/24");
    }

    #[test]
    fn a_backend_is_named_with_what_it_needs() {
        for (backend, expected) in [
            (r#"{"Type":"udp","Port":7890}"#, Ok(Backend::Udp { port: 7890 })),
            (r#"{"Type":"vxlan"}"#, Ok(Backend::Vxlan { vni: 1, port: 8472 })),
            (r#"{"Type":"vxlan","VNI":4096,"Port":4789}"#, Ok(Backend::Vxlan { vni: 4096, port: 4789 })),
            (r#"{"Type":"host-gw"}"#, Ok(Backend::HostGw)),
            (r#"{"Type":"udp","Port":65536}"#, Err("Port is out of range: 65536")),
            (r#"{"Type":"weave"}"#, Err("unknown backend type: weave")),
        ] {
            let config = NetworkConfig::parse(&format!(r#"{{"Network":"10.244.0.0/16","Backend":{backend}}}"#));
            assert_eq!(config.map(|config| config.backend), expected.map_err(str::to_owned), "{backend}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_in_upstreams_words() {
        for (text, message) in [
            (r#"{"Network":"10.0.0.0/29"}"#, "network is too small. Minimum useful network prefix is /28"),
            (r#"{"Network":"10.0.0.0/16","SubnetLen":31}"#, "SubnetLen must be less than /31"),
            (
                r#"{"Network":"10.0.0.0/24","SubnetLen":25}"#,
                "network must be able to accommodate at least four subnets",
            ),
            (
                r#"{"Network":"10.0.0.0/16","SubnetMin":"10.0.3.7"}"#,
                "SubnetMin is not on a SubnetLen boundary: 10.0.3.7",
            ),
        ] {
            assert_eq!(NetworkConfig::parse(text), Err(message.into()));
        }
    }
}
