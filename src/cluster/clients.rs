//! Clients of the API server and of etcd: by which number each is known, and what the API server says as a client of kubelets.

use std::net::Ipv4Addr;

use crate::api::http::escape_query;
use crate::api::{KubeletRequest, ObjectRef, Since, Status};
use crate::cluster::Cluster;
use crate::cluster::event::{Actor, MachineIx, MasterIx, NodeIx, OutsideId};

/// Clients outside the cluster have numbers from here on.
const OUTSIDE: u32 = 1 << 31;
/// The metrics-servers of nodes have numbers from here on.
const METRICS: u32 = 1 << 30;
/// Machines outside the cluster have numbers from here on.
const MACHINES: u32 = 1 << 29;
/// The processes of masters have numbers from here on, four a master.
const MASTERS: u32 = 8;
/// Nodes' clients have numbers from here on, four a node.
const NODES: u32 = 32;

/// The number of an actor as a client, of the API server or of etcd.
pub fn number_of(actor: Actor) -> u32 {
    let node = |ix: NodeIx, which: u32| NODES + ix.0 * 4 + which;
    let master = |at: MasterIx, which: u32| MASTERS + at.0 * 4 + which;
    match actor {
        Actor::Ingress => 2,
        Actor::Cloud => 3,
        Actor::Chaos => 4,
        Actor::Network => 5,
        Actor::Dns => 6,
        Actor::LoadBalancer => 7,
        Actor::ApiServer(at) => master(at, 0),
        Actor::ControllerManager(at) => master(at, 1),
        Actor::Scheduler(at) => master(at, 2),
        Actor::Etcd(at) => master(at, 3),
        Actor::Kubelet(ix) => node(ix, 0),
        Actor::KubeProxy(ix) => node(ix, 1),
        Actor::Flanneld(ix) => node(ix, 2),
        Actor::Runtime(ix) => node(ix, 3),
        Actor::Machine(at) => MACHINES + at.0,
        Actor::MetricsServer(ix) => METRICS + ix.0,
        Actor::Outside(id) => OUTSIDE + id.0,
    }
}

/// The actor that has this number.
pub fn actor_of(number: u32) -> Actor {
    match number {
        n if n >= OUTSIDE => Actor::Outside(OutsideId(n - OUTSIDE)),
        n if n >= METRICS => Actor::MetricsServer(NodeIx(n - METRICS)),
        n if n >= MACHINES => Actor::Machine(MachineIx(n - MACHINES)),
        2 => Actor::Ingress,
        3 => Actor::Cloud,
        4 => Actor::Chaos,
        6 => Actor::Dns,
        7 => Actor::LoadBalancer,
        n if n < MASTERS => Actor::Network,
        n if n < NODES => {
            let at = MasterIx((n - MASTERS) / 4);
            match (n - MASTERS) % 4 {
                0 => Actor::ApiServer(at),
                1 => Actor::ControllerManager(at),
                2 => Actor::Scheduler(at),
                _ => Actor::Etcd(at),
            }
        }
        n => {
            let ix = NodeIx((n - NODES) / 4);
            match (n - NODES) % 4 {
                0 => Actor::Kubelet(ix),
                1 => Actor::KubeProxy(ix),
                2 => Actor::Flanneld(ix),
                _ => Actor::Runtime(ix),
            }
        }
    }
}

/// The `User-Agent` of a client in the cluster.
pub fn agent_of(actor: Actor) -> &'static str {
    match actor {
        Actor::ControllerManager(_) => "kube-controller-manager",
        Actor::Scheduler(_) => "kube-scheduler",
        Actor::Kubelet(_) => "kubelet",
        Actor::KubeProxy(_) => "kube-proxy",
        Actor::Outside(_) => "kubectl",
        Actor::Dns => "coredns",
        Actor::Ingress => "nginx-ingress-controller",
        Actor::Cloud => "cloud-load-balancer",
        Actor::MetricsServer(_) => "metrics-server",
        _ => "kubarium",
    }
}

impl Cluster {
    /// Why nobody answers at an actor's port, as Go's `net.Dial` says it.
    pub(super) fn dial_error(&self, to: Actor) -> &'static str {
        if self.machine_of(to).is_some_and(|ix| self.faults.off.contains(&ix)) {
            "connect: no route to host"
        } else if self.faults.down.contains(&to) {
            "connect: connection refused"
        } else {
            "i/o timeout"
        }
    }

    /// What the API server answers when it cannot reach the kubelet that it needs for a request.
    pub(super) fn cannot_dial(&self, kubelet: Actor, request: &KubeletRequest) -> Status {
        let ip = self.machine_of(kubelet).and_then(|ix| self.node_ip(ix)).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let dial = format!("dial tcp {ip}:10250: {}", self.dial_error(kubelet));
        let post = |what: &str, pod: &ObjectRef, container: &str, query: &[String]| {
            let url =
                format!("https://{ip}:10250/{what}/{}/{}/{container}?{}", pod.namespace, pod.name, query.join("&"));
            format!("Internal error occurred: error sending request: Post \"{url}\": {dial}")
        };
        let message = match request {
            KubeletRequest::Logs { pod, container, follow, previous, tail, timestamps, since, limit } => {
                let flag = |on: bool, name: &str| on.then(|| format!("{name}=true"));
                let tail = tail.map(|lines| format!("tailLines={lines}"));
                let limit = limit.map(|bytes| format!("limitBytes={bytes}"));
                let since = since.as_ref().map(|since| match since {
                    Since::Ago(seconds) => format!("sinceSeconds={seconds}"),
                    Since::At(time) => format!("sinceTime={}", escape_query(time)),
                });
                let (follow, previous) = (flag(*follow, "follow"), flag(*previous, "previous"));
                let query = [follow, limit, previous, since, tail, flag(*timestamps, "timestamps")];
                let query: Vec<String> = query.into_iter().flatten().collect();
                let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
                let place = format!("{}/{}/{container}", pod.namespace, pod.name);
                format!("Get \"https://{ip}:10250/containerLogs/{place}{query}\": {dial}")
            }
            KubeletRequest::Exec { pod, container, command, stdin, tty } => {
                let command = command.iter().map(|word| format!("command={}", escape_query(word)));
                let query: Vec<String> = command.chain(streams(*stdin, *tty)).collect();
                post("exec", pod, container, &query)
            }
            KubeletRequest::PortForward { .. } => format!("error upgrading connection: error dialing backend: {dial}"),
            KubeletRequest::Attach { pod, container, stdin, tty } => {
                post("attach", pod, container, &streams(*stdin, *tty).collect::<Vec<_>>())
            }
        };
        Status { code: 500, reason: String::new(), message, details: None }
    }
}

/// The streams that a session is asked to have.
fn streams(stdin: bool, tty: bool) -> impl Iterator<Item = String> {
    let all = [(!tty, "error=1"), (stdin, "input=1"), (true, "output=1"), (tty, "tty=1")];
    all.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_actors() {
        for actor in [
            Actor::Chaos,
            Actor::Ingress,
            Actor::Cloud,
            Actor::Machine(MachineIx(2)),
            Actor::LoadBalancer,
            Actor::ApiServer(MasterIx(0)),
            Actor::ControllerManager(MasterIx(4)),
            Actor::Scheduler(MasterIx(2)),
            Actor::Etcd(MasterIx(4)),
            Actor::Kubelet(NodeIx(0)),
            Actor::KubeProxy(NodeIx(7)),
            Actor::Flanneld(NodeIx(4_999)),
            Actor::MetricsServer(NodeIx(2)),
            Actor::Outside(OutsideId(3)),
        ] {
            assert_eq!(actor_of(number_of(actor)), actor);
        }
    }
}
