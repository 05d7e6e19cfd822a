//! A node's subnet in etcd: key and value. Models `pkg/lease/lease.go` and `pkg/subnet/subnet.go` (flannel).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Serialize;
use serde_json::Value;

use crate::net::addr::Mac;

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
    /// How to reach it.
    pub attrs: Attrs,
}

/// What a node's backend tells the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attrs {
    /// UDP: nothing, not even its name.
    Udp,
    /// VXLAN: the tunnel's end.
    Vxlan {
        /// The network identifier.
        vni: u32,
        /// The hardware address of the device.
        mac: Mac,
    },
    /// host-gw: the address says all.
    HostGw,
    /// A backend of this name that is not known here, or that does not tell what it should.
    Other(String),
}

impl Attrs {
    /// The backend's name as the lease has it; UDP has none.
    pub fn word(&self) -> &str {
        match self {
            Attrs::Udp => "",
            Attrs::Vxlan { .. } => "vxlan",
            Attrs::HostGw => "host-gw",
            Attrs::Other(word) => word,
        }
    }

    fn parse(value: &Value) -> Attrs {
        let word = value.get("BackendType").and_then(Value::as_str).unwrap_or_default();
        let data = |key: &str| value.get("BackendData").and_then(|data| data.get(key));
        let vni = || u32::try_from(data("VNI")?.as_u64()?).ok();
        let mac = || data("VtepMAC")?.as_str()?.parse().ok();
        match word {
            "" | "udp" => Attrs::Udp,
            "host-gw" => Attrs::HostGw,
            "vxlan" if let (Some(vni), Some(mac)) = (vni(), mac()) => Attrs::Vxlan { vni, mac },
            other => Attrs::Other(other.to_owned()),
        }
    }
}

/// `LeaseAttrs`.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "PublicIP")]
    public_ip: Ipv4Addr,
    #[serde(rename = "PublicIPv6")]
    public_ipv6: Option<Ipv4Addr>,
    #[serde(rename = "BackendType", skip_serializing_if = "str::is_empty")]
    backend_type: &'a str,
    #[serde(rename = "BackendData", skip_serializing_if = "Option::is_none")]
    backend_data: Option<VxlanData>,
}

/// `vxlanLeaseAttrs`.
#[derive(Serialize)]
struct VxlanData {
    #[serde(rename = "VNI")]
    vni: u32,
    #[serde(rename = "VtepMAC")]
    vtep_mac: String,
}

impl SubnetLease {
    /// `/coreos.com/network/subnets/10.244.1.0-24`.
    pub fn key(&self) -> String {
        format!("{SUBNETS}{}-{}", self.subnet.network(), self.subnet.prefix_len())
    }

    /// The value: JSON with upstream's fields in upstream's order.
    pub fn value(&self) -> String {
        let backend_data = match self.attrs {
            Attrs::Vxlan { vni, mac } => Some(VxlanData { vni, vtep_mac: mac.to_string() }),
            _ => None,
        };
        let (public_ip, backend_type) = (self.public_ip, self.attrs.word());
        let written = Written { public_ip, public_ipv6: None, backend_type, backend_data };
        serde_json::to_string(&written).expect("a lease can be written")
    }

    /// Reads a key and a value; `None` if they are no lease.
    pub fn parse(key: &str, value: &str) -> Option<SubnetLease> {
        let value: Value = serde_json::from_str(value).ok()?;
        let public_ip = value.get("PublicIP")?.as_str()?.parse().ok()?;
        Some(SubnetLease { subnet: subnet_of(key)?, public_ip, attrs: Attrs::parse(&value) })
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

    fn check(attrs: Attrs, value: &str) {
        let subnet = "10.244.15.0/24".parse().expect("valid");
        let lease = SubnetLease { subnet, public_ip: Ipv4Addr::new(192, 168, 1, 11), attrs };
        assert_eq!(lease.key(), "/coreos.com/network/subnets/10.244.15.0-24");
        assert_eq!(lease.value(), value);
        assert_eq!(SubnetLease::parse(&lease.key(), value), Some(lease));
    }

    #[test]
    fn a_lease_is_written_as_upstream_writes_it() {
        check(Attrs::Udp, r#"{"PublicIP":"192.168.1.11","PublicIPv6":null}"#);
        check(Attrs::HostGw, r#"{"PublicIP":"192.168.1.11","PublicIPv6":null,"BackendType":"host-gw"}"#);
        check(
            Attrs::Vxlan { vni: 1, mac: Mac([0xae, 0x12, 0, 0, 0, 1]) },
            r#"{"PublicIP":"192.168.1.11","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"ae:12:00:00:00:01"}}"#,
        );
        assert_eq!(SubnetLease::parse("/coreos.com/network/config", "{}"), None);
        let broken = SubnetLease::parse(
            "/coreos.com/network/subnets/10.244.15.0-24",
            r#"{"PublicIP":"192.168.1.11","BackendType":"vxlan"}"#,
        );
        assert_eq!(broken.map(|lease| lease.attrs), Some(Attrs::Other("vxlan".into())));
    }
}
