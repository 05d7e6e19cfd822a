//! The iptables rules of the userspace mode. Models `pkg/proxy/userspace/proxier.go` (1.11).

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::api::Protocol;
use crate::node::kube_proxy::ServicePortName;

/// A service port with the local port on which kube-proxy listens for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Portal {
    /// Its name, the comment of its rules.
    pub name: ServicePortName,
    /// The protocol.
    pub protocol: Protocol,
    /// The cluster IP, external IPs and those of a load balancer.
    pub addresses: Vec<Ipv4Addr>,
    /// The service's port.
    pub port: u16,
    /// The node port, if there is one.
    pub node_port: Option<u16>,
    /// Where kube-proxy listens.
    pub proxy_port: u16,
}

/// The commands that hook kube-proxy's chains into the built-in ones, each with its table. Run once.
pub fn hooks() -> Vec<(&'static str, String)> {
    const CLUSTER_IPS: &str = "handle ClusterIPs; NOTE: this must be before the NodePort rules";
    const NODE_PORTS: &str = "handle service NodePorts; NOTE: this must be the last rule in the chain";
    const NON_LOCAL: &str = "Ensure that non-local NodePort traffic can flow";
    let portal = |chain: &str, to: &str| ("nat", format!("-I {chain} -m comment --comment {CLUSTER_IPS:?} -j {to}"));
    let node_port = |chain: &str, to: &str| {
        ("nat", format!("-A {chain} -m addrtype --dst-type LOCAL -m comment --comment {NODE_PORTS:?} -j {to}"))
    };
    vec![
        ("nat", "-N KUBE-PORTALS-CONTAINER".into()),
        ("nat", "-N KUBE-PORTALS-HOST".into()),
        ("nat", "-N KUBE-NODEPORT-CONTAINER".into()),
        ("nat", "-N KUBE-NODEPORT-HOST".into()),
        ("filter", "-N KUBE-NODEPORT-NON-LOCAL".into()),
        portal("PREROUTING", "KUBE-PORTALS-CONTAINER"),
        portal("OUTPUT", "KUBE-PORTALS-HOST"),
        node_port("PREROUTING", "KUBE-NODEPORT-CONTAINER"),
        node_port("OUTPUT", "KUBE-NODEPORT-HOST"),
        ("filter", format!("-I INPUT -m comment --comment {NON_LOCAL:?} -j KUBE-NODEPORT-NON-LOCAL")),
    ]
}

/// All rules for all portals, as `iptables-restore --noflush` reads them. `host` is the node's address.
pub fn restore(portals: &[Portal], host: Ipv4Addr) -> String {
    let mut container = String::new();
    let mut from_host = String::new();
    let mut node_container = String::new();
    let mut node_host = String::new();
    let mut non_local = String::new();
    for portal in portals {
        let proto = portal.protocol.as_str().to_lowercase();
        let local = portal.proxy_port;
        let matches = |port: u16| {
            format!("-p {proto} -m comment --comment {:?} -m {proto} --dport {port}", portal.name.to_string())
        };
        let service = matches(portal.port);
        for ip in &portal.addresses {
            line(
                &mut container,
                &format!("-A KUBE-PORTALS-CONTAINER -d {ip}/32 {service} -j REDIRECT --to-ports {local}"),
            );
            line(
                &mut from_host,
                &format!("-A KUBE-PORTALS-HOST -d {ip}/32 {service} -j DNAT --to-destination {host}:{local}"),
            );
        }
        if let Some(node_port) = portal.node_port {
            let node = matches(node_port);
            line(&mut node_container, &format!("-A KUBE-NODEPORT-CONTAINER {node} -j REDIRECT --to-ports {local}"));
            line(&mut node_host, &format!("-A KUBE-NODEPORT-HOST {node} -j DNAT --to-destination {host}:{local}"));
            line(
                &mut non_local,
                &format!("-A KUBE-NODEPORT-NON-LOCAL {} -m conntrack --ctstate NEW -j ACCEPT", matches(local)),
            );
        }
    }
    format!(
        "*nat\n:KUBE-PORTALS-CONTAINER - [0:0]\n:KUBE-PORTALS-HOST - [0:0]\n:KUBE-NODEPORT-CONTAINER - [0:0]\n\
         :KUBE-NODEPORT-HOST - [0:0]\n{container}{from_host}{node_container}{node_host}COMMIT\n\
         *filter\n:KUBE-NODEPORT-NON-LOCAL - [0:0]\n{non_local}COMMIT\n"
    )
}

fn line(text: &mut String, rule: &str) {
    writeln!(text, "{rule}").expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portal_redirects_containers_and_rewrites_for_the_host() {
        let portal = Portal {
            name: ServicePortName { namespace: "default".into(), name: "web".into(), port: "http".into() },
            protocol: Protocol::Tcp,
            addresses: vec![Ipv4Addr::new(10, 96, 0, 5)],
            port: 80,
            node_port: Some(30_080),
            proxy_port: 43_211,
        };
        let text = restore(&[portal], Ipv4Addr::new(192, 168, 1, 11));
        for rule in [
            "-A KUBE-PORTALS-CONTAINER -d 10.96.0.5/32 -p tcp -m comment --comment \"default/web:http\" -m tcp --dport 80 \
             -j REDIRECT --to-ports 43211\n",
            "-A KUBE-PORTALS-HOST -d 10.96.0.5/32 -p tcp -m comment --comment \"default/web:http\" -m tcp --dport 80 \
             -j DNAT --to-destination 192.168.1.11:43211\n",
            "-A KUBE-NODEPORT-CONTAINER -p tcp -m comment --comment \"default/web:http\" -m tcp --dport 30080 \
             -j REDIRECT --to-ports 43211\n",
        ] {
            assert!(text.contains(rule), "{rule} is not in\n{text}");
        }
    }
}
