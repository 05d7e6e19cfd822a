//! What the server makes itself when it starts: the namespaces and priority classes that always are, and the service `kubernetes` with its
//! endpoints. Models `pkg/controlplane/controller/{systemnamespaces,kubernetesservice}`.

use crate::api::validate::priority_class::SYSTEM;
use crate::api::{
    CallId, Endpoint, EndpointAddress, EndpointConditions, EndpointPort, EndpointSlice, EndpointSlicePort,
    EndpointSubset, Endpoints, IntOrString, Namespace, Object, ObjectMeta, PriorityClass, Request, Service,
    ServicePort,
};
use crate::control::apiserver::call::{ClientId, Door, Reply};
use crate::control::apiserver::{ApiServer, Effect};
use crate::sim::{Component as _, Out, Time};

/// How far the start is.
///
/// ```text
/// Off --wake--> Syncing --all caches filled--> Making --all objects there--> Done
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Boot {
    /// Not begun.
    Off,
    /// The caches are being filled.
    Syncing,
    /// So many objects are not answered yet.
    Making(u32),
    /// Requests are answered.
    Done,
}

impl ApiServer {
    /// Makes those of its own objects that are not there.
    pub(super) fn make_own_objects(&mut self, now: Time, out: &mut Out<Effect>) {
        let missing: Vec<Object> = self
            .own_objects()
            .into_iter()
            .filter(|o| self.cached(o.kind(), &o.meta().namespace, &o.meta().name).is_none())
            .collect();
        self.boot = Boot::Making(1);
        for object in missing {
            if let Boot::Making(left) = &mut self.boot {
                *left += 1;
            }
            let request = Request::create(object);
            self.begin(ClientId(u32::MAX), CallId(0), "kube-apiserver".into(), Door::Internal, request, now, out);
        }
        self.step_done(now, out);
    }

    /// One of its own objects is made, or was there already.
    pub(super) fn own_object_made(&mut self, _reply: Reply, now: Time, out: &mut Out<Effect>) {
        self.step_done(now, out);
    }

    fn step_done(&mut self, now: Time, out: &mut Out<Effect>) {
        let Boot::Making(left) = &mut self.boot else { return };
        *left -= 1;
        if *left == 0 {
            self.boot = Boot::Done;
            for input in std::mem::take(&mut self.backlog) {
                self.handle(input, now, out);
            }
        }
    }

    fn own_objects(&self) -> Vec<Object> {
        let mut objects: Vec<Object> = ["kube-system", "kube-public", "kube-node-lease", "default"]
            .into_iter()
            .map(|name| Object::from(Namespace { metadata: meta("", name), ..Namespace::default() }))
            .collect();
        objects.extend(SYSTEM.iter().map(|(name, value, words)| {
            let (metadata, description) = (meta("", name), (*words).to_owned());
            Object::from(PriorityClass { metadata, value: *value, description, ..PriorityClass::default() })
        }));
        let first = u32::from(self.config.service_cidr.network()) + 1;
        objects.push(kubernetes_service(std::net::Ipv4Addr::from(first).to_string()).into());
        if self.config.reconciles_endpoints {
            let ip = self.config.advertise.to_string();
            objects.push(kubernetes_endpoints(&ip).into());
            objects.push(kubernetes_slice(&ip).into());
        }
        objects
    }
}

fn meta(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta { name: name.into(), namespace: namespace.into(), ..ObjectMeta::default() }
}

fn kubernetes_service(ip: String) -> Service {
    let mut service = Service { metadata: meta("default", "kubernetes"), ..Service::default() };
    service.metadata.labels.insert("component".into(), "apiserver".into());
    service.metadata.labels.insert("provider".into(), "kubernetes".into());
    service.spec.cluster_ips = vec![ip.clone()];
    service.spec.cluster_ip = ip;
    let port =
        ServicePort { name: "https".into(), port: 443, target_port: IntOrString::Int(6443), ..Default::default() };
    service.spec.ports = vec![port];
    service
}

fn kubernetes_endpoints(ip: &str) -> Endpoints {
    let mut endpoints = Endpoints { metadata: meta("default", "kubernetes"), ..Endpoints::default() };
    endpoints.metadata.labels.insert("endpointslice.kubernetes.io/skip-mirror".into(), "true".into());
    endpoints.subsets = vec![EndpointSubset {
        addresses: vec![EndpointAddress { ip: ip.into(), ..Default::default() }],
        ports: vec![EndpointPort { name: "https".into(), port: 6443, ..Default::default() }],
        ..Default::default()
    }];
    endpoints
}

fn kubernetes_slice(ip: &str) -> EndpointSlice {
    let mut slice = EndpointSlice { metadata: meta("default", "kubernetes"), ..EndpointSlice::default() };
    slice.metadata.labels.insert("kubernetes.io/service-name".into(), "kubernetes".into());
    slice.endpoints = vec![Endpoint {
        addresses: vec![ip.into()],
        conditions: EndpointConditions { ready: Some(true), ..Default::default() },
        ..Default::default()
    }];
    slice.ports = vec![EndpointSlicePort { name: "https".into(), port: Some(6443), ..Default::default() }];
    slice
}
