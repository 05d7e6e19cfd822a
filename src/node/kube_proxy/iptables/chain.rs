//! The names of kube-proxy's chains and how the built-in chains jump to them. Models `pkg/proxy/iptables/proxier.go`.

use data_encoding::BASE32;
use sha2::{Digest, Sha256};

/// Of `nat` and `filter`: what goes to cluster IPs.
pub const SERVICES: &str = "KUBE-SERVICES";
/// Of `filter`: what goes to addresses and ports that can be seen from outside.
pub const EXTERNAL_SERVICES: &str = "KUBE-EXTERNAL-SERVICES";
/// Of `nat`: what goes to node ports. Of `filter`: to the ports on which load balancers ask for health.
pub const NODE_PORTS: &str = "KUBE-NODEPORTS";
/// Of `nat`: masquerades what is marked.
pub const POSTROUTING: &str = "KUBE-POSTROUTING";
/// Of `nat`: marks what is to be masqueraded.
pub const MARK_MASQ: &str = "KUBE-MARK-MASQ";
/// Of `filter`: lets through what is marked and what belongs to known connections.
pub const FORWARD: &str = "KUBE-FORWARD";
/// Of `filter`: drops what load balancers' source ranges do not let in.
pub const PROXY_FIREWALL: &str = "KUBE-PROXY-FIREWALL";
/// Of `filter`: the kubelet's; kube-proxy writes the same rule into it.
pub const FIREWALL: &str = "KUBE-FIREWALL";
/// Of both: empty; when it is gone, somebody has flushed the rules.
const CANARY: &str = "KUBE-PROXY-CANARY";

const PER_SERVICE: [&str; 5] = ["KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-FW-", "KUBE-EXT-"];

/// The chains of one service port. `port` is its name as text, `proto` the protocol in lower case.
pub struct Names {
    /// Among the endpoints that any traffic may go to.
    pub cluster: String,
    /// Among the endpoints of this node.
    pub local: String,
    /// What comes from outside.
    pub external: String,
    /// What goes to a load balancer's address, if not everybody may.
    pub firewall: String,
}

impl Names {
    /// Names them.
    pub fn of(port: &str, proto: &str) -> Names {
        let hash = hash(&[port, proto]);
        let name = |prefix| format!("{prefix}{hash}");
        Names {
            cluster: name("KUBE-SVC-"),
            local: name("KUBE-SVL-"),
            external: name("KUBE-EXT-"),
            firewall: name("KUBE-FW-"),
        }
    }
}

/// The chain of an endpoint (`10.244.1.2:80`) of a service port.
pub fn endpoint(port: &str, proto: &str, at: &str) -> String {
    format!("KUBE-SEP-{}", hash(&[port, proto, at]))
}

/// Whether a chain is of a service port or endpoint, and so is deleted when that is gone.
pub fn is_per_service(chain: &str) -> bool {
    PER_SERVICE.iter().any(|prefix| chain.starts_with(prefix))
}

/// Sixteen characters: a chain's name has room for 28.
fn hash(parts: &[&str]) -> String {
    let mut text = BASE32.encode(&Sha256::digest(parts.concat()));
    text.truncate(16);
    text
}

/// The commands that make the chains and put the jumps to them in front of the built-in chains, each with its table.
pub fn hooks() -> Vec<(&'static str, String)> {
    const NEW: &str = "-m conntrack --ctstate NEW ";
    let visible = "kubernetes externally-visible service portals";
    let jumps = [
        ("filter", EXTERNAL_SERVICES, "INPUT", NEW, visible),
        ("filter", EXTERNAL_SERVICES, "FORWARD", NEW, visible),
        ("filter", NODE_PORTS, "INPUT", "", "kubernetes health check service ports"),
        ("filter", SERVICES, "FORWARD", NEW, "kubernetes service portals"),
        ("filter", SERVICES, "OUTPUT", NEW, "kubernetes service portals"),
        ("filter", FORWARD, "FORWARD", "", "kubernetes forwarding rules"),
        ("filter", PROXY_FIREWALL, "INPUT", NEW, "kubernetes load balancer firewall"),
        ("filter", PROXY_FIREWALL, "OUTPUT", NEW, "kubernetes load balancer firewall"),
        ("filter", PROXY_FIREWALL, "FORWARD", NEW, "kubernetes load balancer firewall"),
        ("nat", SERVICES, "OUTPUT", "", "kubernetes service portals"),
        ("nat", SERVICES, "PREROUTING", "", "kubernetes service portals"),
        ("nat", POSTROUTING, "POSTROUTING", "", "kubernetes postrouting rules"),
        ("filter", FIREWALL, "INPUT", "", ""),
        ("filter", FIREWALL, "OUTPUT", "", ""),
    ];
    let canaries = ["filter", "nat"].map(|table| (table, format!("-N {CANARY}")));
    let commands = jumps.into_iter().flat_map(|(table, to, from, matches, comment)| {
        let comment = if comment.is_empty() { String::new() } else { format!("-m comment --comment {comment:?} ") };
        [(table, format!("-N {to}")), (table, format!("-I {from} {matches}{comment}-j {to}"))]
    });
    canaries.into_iter().chain(commands).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_named_as_upstream_names_them() {
        let names = Names::of("ns1/svc1:p80", "tcp");
        assert_eq!(names.cluster, "KUBE-SVC-XPGD46QRK7WJZT7O");
        assert_eq!(names.firewall, "KUBE-FW-XPGD46QRK7WJZT7O");
        assert_eq!(endpoint("ns1/svc1:p80", "tcp", "10.180.0.1:80"), "KUBE-SEP-SXIVWICOYRO3J4NJ");
    }
}
