//! What an administrator applies to every new cluster: CoreDNS with the Service `kube-dns`; and the names that it answers.
//!
//! Models `cluster/addons/dns/coredns` and CoreDNS's `kubernetes` plugin: it watches Services and Endpoints through the API
//! server, as here; the answers themselves are given by the program in the pod.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::http::{HttpRequest, Method};
use crate::api::{Answer, Call, Deployment, Endpoints, Kind, KindOf as _, Service, ServiceType};
use crate::cluster::event::{Actor, NodeIx};
use crate::cluster::{Cluster, Message};
use crate::control::controller::volume_provisioner;
use crate::control::informer::{CallIds, Informers};
use crate::node::runtime;
use crate::sim::{EventId, Span, Time, VecMap};
use crate::workload::dns::Zone;
use crate::workload::program::coredns::corefile::OF_KUBEADM;

/// The cluster IP of `kube-dns`.
pub const DNS_IP: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// The domain of the cluster.
const DOMAIN: &str = "cluster.local";
/// The image of CoreDNS, on every node's disk from the start.
pub const DNS_IMAGE: &str = "registry.k8s.io/coredns/coredns:v1.12.1";

/// CoreDNS as a client of the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dns {
    informers: Informers,
    ids: CallIds,
    zone: Arc<Zone>,
}

impl Default for Dns {
    fn default() -> Self {
        let informers = Informers::new([Kind::Service, Kind::Endpoints]);
        Dns { informers, ids: CallIds::default(), zone: Arc::default() }
    }
}

impl Dns {
    /// When it asks the API server (again).
    pub fn wake_at(&self) -> Option<Time> {
        self.informers.wake_at().map(|(at, _)| at)
    }

    /// The names that it knows.
    pub fn zone(&self) -> &Arc<Zone> {
        &self.zone
    }

    fn wake(&mut self, now: Time) -> Vec<Call> {
        let calls = self.informers.wake(now, &mut self.ids);
        calls.into_iter().map(|(id, request)| Call { id, request, origin: None }).collect()
    }

    fn answered(&mut self, answer: &Answer, now: Time) -> (Vec<Call>, bool) {
        let Some(told) = self.informers.handle(answer, now, &mut self.ids) else { return (Vec::new(), false) };
        let changed = !told.changes.is_empty() && {
            let zone = self.build();
            let changed = zone != *self.zone;
            self.zone = Arc::new(zone);
            changed
        };
        (told.calls.into_iter().map(|(id, request)| Call { id, request, origin: None }).collect(), changed)
    }

    fn build(&self) -> Zone {
        let mut zone = Zone::default();
        for service in self.informers.cache.all::<Service>() {
            let name = &service.metadata.name;
            let namespace = &service.metadata.namespace;
            let fqdn = format!("{name}.{namespace}.svc.{DOMAIN}");
            if service.spec.r#type == ServiceType::ExternalName {
                zone.cname.insert(fqdn, service.spec.external_name.clone());
            } else if let Ok(ip) = service.spec.cluster_ip.parse::<Ipv4Addr>() {
                zone.a.insert(fqdn.clone(), vec![ip]);
                for port in service.spec.ports.iter().filter(|port| !port.name.is_empty()) {
                    let number = u16::try_from(port.port).unwrap_or(0);
                    zone.srv.insert(srv_name(&port.name, port.protocol.as_str(), &fqdn), vec![(fqdn.clone(), number)]);
                }
            } else if let Some(endpoints) = self.informers.cache.get::<Endpoints>(namespace, name) {
                headless(&mut zone, &fqdn, endpoints);
            }
        }
        zone
    }
}

fn srv_name(port: &str, protocol: &str, fqdn: &str) -> String {
    format!("_{port}._{}.{fqdn}", protocol.to_lowercase())
}

/// A Service without an address: its name has the addresses of the ready pods, and each pod a name of its own.
fn headless(zone: &mut Zone, fqdn: &str, endpoints: &Endpoints) {
    for subset in &endpoints.subsets {
        for address in &subset.addresses {
            let Ok(ip) = address.ip.parse::<Ipv4Addr>() else { continue };
            zone.a.entry(fqdn.to_owned()).or_default().push(ip);
            let host =
                if address.hostname.is_empty() { address.ip.replace('.', "-") } else { address.hostname.clone() };
            let own = format!("{host}.{fqdn}");
            zone.a.insert(own.clone(), vec![ip]);
            for port in subset.ports.iter().filter(|port| !port.name.is_empty()) {
                let number = u16::try_from(port.port).unwrap_or(0);
                let name = srv_name(&port.name, port.protocol.as_str(), fqdn);
                zone.srv.entry(name).or_default().push((own.clone(), number));
            }
        }
    }
}

impl Cluster {
    /// The administrator applies the addons; the API server answers when it is ready.
    pub(crate) fn apply_addons(&mut self, cause: Option<EventId>) {
        let mut all = addons();
        // A hosted control plane has no storage of its own.
        if self.scenario.masters > 0 {
            all.push(("/apis/storage.k8s.io/v1/storageclasses".into(), standard_class()));
        }
        for (id, (path, body)) in (1_u64..).zip(all) {
            let client = self.connect();
            let request = HttpRequest {
                method: Method::Post,
                content_type: "application/json".into(),
                user_agent: "kubeadm".into(),
                body: body.to_string().into_bytes(),
                ..HttpRequest::get(path)
            };
            self.http(client, id, request, cause);
        }
    }

    /// Whether every addon does its work.
    pub(crate) fn addons_are_ready(&self) -> bool {
        self.object(Kind::Deployment, "kube-system", "coredns")
            .and_then(Deployment::of)
            .is_some_and(|coredns| coredns.status.ready_replicas >= coredns.spec.replicas)
    }

    pub(crate) fn dns_woken(&mut self, cause: Option<EventId>) {
        let calls = self.dns.wake(self.now);
        self.calls_of(Actor::Dns, calls.into_iter().map(|call| (cause, call)).collect());
    }

    pub(crate) fn dns_answered(&mut self, answer: &Answer, cause: Option<EventId>) {
        let (calls, changed) = self.dns.answered(answer, self.now);
        self.calls_of(Actor::Dns, calls.into_iter().map(|call| (cause, call)).collect());
        if changed {
            for at in 0..self.hosts.len() {
                let ix = NodeIx(u32::try_from(at).expect("fewer nodes than 2^32"));
                let records = Message::ToRuntime(runtime::Input::DnsRecords(self.dns.zone.clone()));
                self.hand_over(Actor::Runtime(ix), cause, Span::millis(1), records);
            }
        }
    }
}

/// The addons: where each is posted, and what.
fn addons() -> Vec<(String, Value)> {
    let labels =
        json!({"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"});
    let selector: VecMap<&str, &str> = VecMap::from([("k8s-app", "kube-dns")]);
    let port =
        |name: &str, number: u16, protocol: &str| json!({"name": name, "containerPort": number, "protocol": protocol});
    let service_port =
        |name: &str, number: u16, protocol: &str| json!({"name": name, "port": number, "protocol": protocol});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "coredns", "namespace": "kube-system", "labels": labels},
        "spec": {
            "replicas": 2,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": selector},
                "spec": {
                    "dnsPolicy": "Default",
                    "priorityClassName": "system-cluster-critical",
                    "serviceAccountName": "coredns",
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    "volumes": [{
                        "name": "config-volume",
                        "configMap": {"name": "coredns", "items": [{"key": "Corefile", "path": "Corefile"}]},
                    }],
                    "tolerations": [
                        {"key": "CriticalAddonsOnly", "operator": "Exists"},
                        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
                    ],
                    "containers": [{
                        "name": "coredns", "image": DNS_IMAGE, "imagePullPolicy": "IfNotPresent",
                        "args": ["-conf", "/etc/coredns/Corefile"],
                        "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
                        "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": true}],
                        "ports": [port("dns", 53, "UDP"), port("dns-tcp", 53, "TCP"), port("metrics", 9153, "TCP")],
                    }],
                },
            },
        },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
        "spec": {
            "clusterIP": DNS_IP, "selector": selector,
            "ports": [service_port("dns", 53, "UDP"), service_port("dns-tcp", 53, "TCP"), service_port("metrics", 9153, "TCP")],
        },
    });
    let named = |kind: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "coredns", "namespace": "kube-system"}});
    let mut config = named("ConfigMap");
    config["data"] = json!({"Corefile": OF_KUBEADM});
    vec![
        ("/api/v1/namespaces/kube-system/serviceaccounts".into(), named("ServiceAccount")),
        ("/api/v1/namespaces/kube-system/configmaps".into(), config),
        ("/api/v1/namespaces/kube-system/services".into(), service),
        ("/apis/apps/v1/namespaces/kube-system/deployments".into(), deployment),
    ]
}

/// The class of claims that name none.
fn standard_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": volume_provisioner::NAME, "volumeBindingMode": "WaitForFirstConsumer",
    })
}
