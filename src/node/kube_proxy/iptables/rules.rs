//! Writes the rules: from service ports and endpoints to the text that `iptables-restore --noflush` reads.
//!
//! Models `syncProxyRules` of `pkg/proxy/iptables/proxier.go` (1.36). Service ports come in the order of their names, where
//! upstream takes them as its map gives them.

use std::sync::Arc;

use crate::node::kube_proxy::ServicePortName;
use crate::node::kube_proxy::iptables::chain;
use crate::node::kube_proxy::iptables::service::{Lines, Port};
use crate::node::kube_proxy::model::{Family, Model, ServiceNames};
use crate::node::kube_proxy::tracker::Config;
use crate::sim::{VecMap, VecSet};

/// The mark of what is to be masqueraded (`iptables.masqueradeBit: 14`).
const MASQUERADE: &str = "0x4000";
/// With more endpoints than this rules have no comments that name them.
const LARGE: usize = 1_000;

/// The chains in the kernel that belong to each service port.
pub type Chains = VecMap<ServicePortName, Vec<Arc<str>>>;

/// Writes the rules for everything in `model`. With `changed` the chains of other Services stay as they are. `before` are
/// the chains that are there; those that are not wanted any more are deleted. Answers the text and the chains then there.
pub fn restore(model: &Model, config: &Config, changed: Option<&ServiceNames>, before: &Chains) -> (String, Chains) {
    let mut writer = Writer { config, filter: Lines::default(), nat: Lines::default() };
    let large = model.endpoint_count() > LARGE;
    writer.fixed();
    let mut chains = Chains::new();
    for (name, service) in model.services() {
        let port = Port::new(name, service, model.endpoints(name), config, large);
        port.capture(&mut writer.filter, &mut writer.nat);
        let service_name = (name.namespace.clone(), name.name.clone());
        let own = match changed.is_none_or(|changed| changed.contains(&service_name)) {
            true => port.chains(&mut writer.nat),
            false => before.get(name).cloned().unwrap_or_default(),
        };
        chains.insert(name.clone(), own);
    }
    let wanted: VecSet<&Arc<str>> = chains.values().flatten().collect();
    for stale in before.values().flatten().filter(|chain| !wanted.contains(chain)) {
        writer.nat.chain(stale);
        writer.nat.line(format_args!("-X {stale}"));
    }
    writer.node_ports();
    writer.forward();
    (format!("*filter\n{}COMMIT\n*nat\n{}COMMIT\n", writer.filter, writer.nat), chains)
}

struct Writer<'a> {
    config: &'a Config,
    filter: Lines,
    nat: Lines,
}

impl Writer<'_> {
    /// The chains that are always there, and the rules that depend on no Service.
    fn fixed(&mut self) {
        for name in
            [chain::SERVICES, chain::EXTERNAL_SERVICES, chain::FORWARD, chain::NODE_PORTS, chain::PROXY_FIREWALL]
        {
            self.filter.chain(name);
        }
        for name in [chain::SERVICES, chain::NODE_PORTS, chain::POSTROUTING, chain::MARK_MASQ] {
            self.nat.chain(name);
        }
        let random = if self.config.random_fully { " --random-fully" } else { "" };
        let nat = &mut self.nat;
        nat.rule(chain::POSTROUTING, format_args!("-m mark ! --mark {MASQUERADE}/{MASQUERADE} -j RETURN"));
        // The packet may come by here again.
        nat.rule(chain::POSTROUTING, format_args!("-j MARK --xor-mark {MASQUERADE}"));
        nat.rule(
            chain::POSTROUTING,
            format_args!("-m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE{random}"),
        );
        nat.rule(chain::MARK_MASQ, format_args!("-j MARK --or-mark {MASQUERADE}"));
        if self.config.family == Family::V4 && self.config.localhost_node_ports {
            self.filter.chain(chain::FIREWALL);
            self.filter.rule(
                chain::FIREWALL,
                format_args!(
                    "-m comment --comment \"block incoming localnet connections\" -d 127.0.0.0/8 ! -s 127.0.0.0/8 \
                     -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
                ),
            );
        }
    }

    /// Last in the chain of the services: what goes to the node's own addresses.
    fn node_ports(&mut self) {
        const COMMENT: &str = "kubernetes service nodeports; NOTE: this must be the last rule in this chain";
        let mut jump = |to: &str| {
            let to = format_args!("-m comment --comment \"{COMMENT}\" {to} -j {}", chain::NODE_PORTS).to_string();
            self.nat.rule(chain::SERVICES, format_args!("{to}"));
        };
        let v6 = self.config.family == Family::V6;
        let localhost = !v6 && self.config.localhost_node_ports;
        match &self.config.node_port_addresses {
            None if v6 => jump("-m addrtype --dst-type LOCAL ! -d ::1/128"),
            None if localhost => jump("-m addrtype --dst-type LOCAL"),
            None => jump("-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8"),
            Some(addresses) => {
                for ip in addresses.iter().filter(|ip| localhost || !ip.is_loopback()) {
                    jump(&format!("-d {ip}"));
                }
            }
        }
    }

    /// What is forwarded although the policy might drop it, and what is dropped because nobody would expect it.
    fn forward(&mut self) {
        let filter = &mut self.filter;
        filter.rule(
            chain::FORWARD,
            format_args!(
                "-m conntrack --ctstate INVALID -m nfacct --nfacct-name ct_state_invalid_dropped_pkts -j DROP"
            ),
        );
        filter.rule(
            chain::FORWARD,
            format_args!(
                "-m comment --comment \"kubernetes forwarding rules\" -m mark --mark {MASQUERADE}/{MASQUERADE} -j ACCEPT"
            ),
        );
        filter.rule(
            chain::FORWARD,
            format_args!(
                "-m comment --comment \"kubernetes forwarding conntrack rule\" -m conntrack \
                 --ctstate RELATED,ESTABLISHED -j ACCEPT"
            ),
        );
    }
}
