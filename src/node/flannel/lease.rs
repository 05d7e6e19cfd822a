//! A node's subnet in etcd: key and value. Models `pkg/lease/lease.go` and `pkg/subnet/subnet.go` (flannel).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::{Value, json};

/// Where leases are kept.
pub const SUBNETS: &str = "/coreos.com/network/subnets/";
/// Where the configuration is kept.
pub const CONFIG: &str = "/coreos.com/network/config";

/// A subnet and the node that has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubnetLease {
    /// The subnet: `10.244.1.0/24`.
    pub subnet: Ipv4Net,
    /// The node's address.
    pub public_ip: Ipv4Addr,
}

impl SubnetLease {
    /// `/coreos.com/network/subnets/10.244.1.0-24`.
    pub fn key(&self) -> String {
        format!("{SUBNETS}{}-{}", self.subnet.network(), self.subnet.prefix_len())
    }

    /// The value of the UDP backend: no backend type and no data.
    pub fn value(&self) -> String {
        json!({"PublicIP": self.public_ip, "PublicIPv6": null}).to_string()
    }

    /// Reads a key and a value; `None` if they are no lease.
    pub fn parse(key: &str, value: &str) -> Option<SubnetLease> {
        let value: Value = serde_json::from_str(value).ok()?;
        let public_ip = value.get("PublicIP")?.as_str()?.parse().ok()?;
        Some(SubnetLease { subnet: subnet_of(key)?, public_ip })
    }
}

/// The subnet that a key stands for.
pub fn subnet_of(key: &str) -> Option<Ipv4Net> {
    key.strip_prefix(SUBNETS)?.replacen('-', "/", 1).parse().ok()
}

/// `/run/flannel/subnet.env`: what the bridge and the container runtime are configured from.
pub fn subnet_env(network: Ipv4Net, subnet: Ipv4Net, mtu: u32) -> String {
    let bridge = Ipv4Addr::from(u32::from(subnet.network()) + 1);
    format!(
        "FLANNEL_NETWORK={network}\nFLANNEL_SUBNET={bridge}/{}\nFLANNEL_MTU={mtu}\nFLANNEL_IPMASQ=true\n",
        subnet.prefix_len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_written_as_upstream_writes_it() {
        let lease =
            SubnetLease { subnet: "10.244.15.0/24".parse().expect("valid"), public_ip: Ipv4Addr::new(192, 168, 1, 11) };
        assert_eq!(lease.key(), "/coreos.com/network/subnets/10.244.15.0-24");
        assert_eq!(lease.value(), r#"{"PublicIP":"192.168.1.11","PublicIPv6":null}"#);
        assert_eq!(SubnetLease::parse(&lease.key(), &lease.value()), Some(lease));
        assert_eq!(SubnetLease::parse("/coreos.com/network/config", "{}"), None);
    }
}
