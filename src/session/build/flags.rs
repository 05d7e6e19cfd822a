//! With what flags and settings the processes of the control plane run.

use crate::cluster::balancer::Balancer;
use crate::cluster::{Backend, Cluster, MasterIx};
use crate::control::elector::{self, Elector};
use crate::etcd::MemberInfo;
use crate::session::build::detail::master_of;
use crate::sim::Span;
use crate::view::{ComponentKind, Place};

/// The flags of etcd, a scheduler or a controller-manager of a master, or the settings of the load balancer; each with its
/// value. Nothing of anything else.
pub fn flags(cluster: &Cluster, place: &Place) -> Vec<(String, String)> {
    let Place::Component { kind, host } = place else { return Vec::new() };
    let at = master_of(cluster, host.as_deref());
    let master = cluster.masters().find(|(of, _)| *of == at).map(|(_, master)| master);
    match kind {
        ComponentKind::Etcd => etcd(cluster, at),
        ComponentKind::Scheduler => election(master.and_then(|master| master.scheduler.elector())),
        ComponentKind::ControllerManager => {
            let allocates = (cluster.scenario().backend == Backend::None).to_string();
            let own = fact("--allocate-node-cidrs", allocates);
            std::iter::once(own).chain(election(master.and_then(|master| master.manager.elector()))).collect()
        }
        ComponentKind::LoadBalancer => balancer(cluster),
        _ => Vec::new(),
    }
}

fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

fn seconds(span: Span) -> String {
    format!("{}s", span.as_secs())
}

fn election(elector: Option<&Elector>) -> Vec<(String, String)> {
    let Some(elector) = elector else { return vec![fact("--leader-elect", "false")] };
    vec![
        fact("--leader-elect", "true"),
        fact("--leader-elect-lease-duration", seconds(elector::LEASE_DURATION)),
        fact("--leader-elect-renew-deadline", seconds(elector::RENEW_DEADLINE)),
        fact("--leader-elect-retry-period", seconds(elector::RETRY_PERIOD)),
        fact("identity", elector.identity()),
    ]
}

fn etcd(cluster: &Cluster, at: MasterIx) -> Vec<(String, String)> {
    let Some((_, member)) = cluster.etcd_members().find(|(of, _)| *of == at) else { return Vec::new() };
    let revision = fact("revision", member.store().revision().0.to_string());
    let config = member.config();
    if config.others.is_empty() {
        let listens = |name, port| fact(name, format!("http://127.0.0.1:{port}"));
        return vec![listens("--listen-client-urls", 2379), listens("--listen-peer-urls", 2380), revision];
    }
    let mut all: Vec<MemberInfo> = config.others.clone();
    all.push(config.info());
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let peers = |member: &MemberInfo| format!("{}={}", member.name, member.peer_urls.join(","));
    let (clients, own_peers) = (config.client_urls.join(","), config.peer_urls.join(","));
    vec![
        fact("--name", &*config.name),
        fact("--listen-client-urls", format!("http://127.0.0.1:2379,{clients}")),
        fact("--advertise-client-urls", clients),
        fact("--listen-peer-urls", &*own_peers),
        fact("--initial-advertise-peer-urls", own_peers),
        fact("--initial-cluster", all.iter().map(peers).collect::<Vec<_>>().join(",")),
        fact("--initial-cluster-state", "existing"),
        revision,
    ]
}

/// In the words of HAProxy's configuration.
fn balancer(cluster: &Cluster) -> Vec<(String, String)> {
    let bind = fact("bind", format!("{}:6443", cluster.scenario().server_address()));
    let settings = Balancer::settings().into_iter().map(|(name, value)| fact(name, value));
    let servers = cluster.masters().map(|(at, _)| {
        let address = cluster.scenario().master_address(at.0);
        fact(&format!("server master{}", at.0 + 1), format!("{address}:6443 check"))
    });
    std::iter::once(bind).chain(settings).chain(servers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::build::testing::booted;

    fn check(words: &str, kind: ComponentKind, host: Option<&str>, expected: &[(&str, &str)]) {
        let world = booted(words);
        let found = flags(&world.cluster, &Place::Component { kind, host: host.map(str::to_owned) });
        for (name, value) in expected {
            assert!(found.iter().any(|(n, v)| n == name && v == value), "{kind:?}: no {name} {value} in {found:?}");
        }
    }

    #[test]
    fn each_master_has_its_own_flags() {
        let peers = "etcd1=http://192.168.1.10:2380,etcd2=http://192.168.1.11:2380,etcd3=http://192.168.1.12:2380";
        let etcd = [
            ("--name", "etcd2"),
            ("--listen-client-urls", "http://127.0.0.1:2379,http://192.168.1.11:2379"),
            ("--initial-advertise-peer-urls", "http://192.168.1.11:2380"),
            ("--initial-cluster", peers),
        ];
        check("nodes=1 masters=3", ComponentKind::Etcd, Some("master2"), &etcd);
        let elected = [("--leader-elect", "true"), ("--leader-elect-lease-duration", "15s")];
        check("nodes=1 masters=3", ComponentKind::Scheduler, Some("master3"), &elected);
        check("nodes=1 masters=3", ComponentKind::ControllerManager, Some("master1"), &elected);
        let balancer = [
            ("bind", "192.168.1.5:6443"),
            ("default-server", "inter 2s fall 3 rise 2 on-marked-down shutdown-sessions"),
            ("server master3", "192.168.1.12:6443 check"),
        ];
        check("nodes=1 masters=3", ComponentKind::LoadBalancer, None, &balancer);
        check("nodes=1", ComponentKind::Scheduler, Some("master1"), &[("--leader-elect", "false")]);
        check("nodes=1", ComponentKind::Etcd, Some("master1"), &[("--listen-peer-urls", "http://127.0.0.1:2380")]);
    }
}
