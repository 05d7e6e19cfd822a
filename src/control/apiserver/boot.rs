//! What the server makes itself when it starts: the namespaces, priority classes and roles that always are, and the service `kubernetes` with its
//! endpoints. Models `pkg/controlplane/controller/{systemnamespaces,kubernetesservice}`.

pub(super) mod fairness;
mod policy;

use crate::api::validate::priority_class::SYSTEM;
use crate::api::{
    CallId, Endpoint, EndpointAddress, EndpointConditions, EndpointPort, EndpointSlice, EndpointSlicePort,
    EndpointSubset, Endpoints, IntOrString, Namespace, Object, ObjectMeta, PriorityClass, Request, Service,
    ServicePort,
};
use crate::control::apiserver::call::{ClientId, Door, Reply};
use crate::control::apiserver::{ApiServer, Config, Effect, addresses};
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
    /// Its own objects are being made.
    Making {
        /// How many are not answered yet.
        left: u32,
        /// How many were asked for.
        asked: u32,
        /// How many were refused.
        refused: u32,
    },
    /// Requests are answered.
    Done,
}

impl ApiServer {
    /// Makes those of its own objects that are not there.
    pub(super) fn make_own_objects(&mut self, now: Time, out: &mut Out<Effect>) {
        self.make_missing(|_| true, now, out);
    }

    fn make_missing(&mut self, wanted: impl Fn(&ObjectMeta) -> bool, now: Time, out: &mut Out<Effect>) {
        let mut missing = self.own_objects();
        missing.retain(|o| {
            let meta = o.meta();
            wanted(meta) && self.cached(o.kind(), &meta.namespace, &meta.name).is_none()
        });
        let asked = u32::try_from(missing.len()).expect("they are some dozens");
        self.boot = Boot::Making { left: asked + 1, asked, refused: 0 };
        for object in missing {
            let request = Request::create(object);
            self.begin(ClientId(u32::MAX), CallId(0), "kube-apiserver".into(), Door::Internal, request, now, out);
        }
        self.step_done(now, out);
    }

    /// One of its own objects is made, or was there already, or is refused.
    pub(super) fn own_object_made(&mut self, reply: Reply, now: Time, out: &mut Out<Effect>) {
        if let (Boot::Making { refused, .. }, Reply::Failure(status)) = (&mut self.boot, reply)
            && status.code != 409
        {
            *refused += 1;
        }
        self.step_done(now, out);
    }

    fn step_done(&mut self, now: Time, out: &mut Out<Effect>) {
        let Boot::Making { left, asked, refused } = &mut self.boot else { return };
        *left -= 1;
        if *left > 0 {
            return;
        }
        // Refused is what comes before its namespace; where nothing at all was made, asking again would not help.
        if *refused > 0 && refused < asked {
            return self.make_missing(|meta| !meta.namespace.is_empty(), now, out);
        }
        self.boot = Boot::Done;
        self.tend_definitions(now, out);
        self.begin_upkeep(now);
        for (_, input) in std::mem::take(&mut self.backlog) {
            self.handle(input, now, out);
        }
    }

    fn own_objects(&self) -> Vec<Object> {
        let mut objects = system_namespaces();
        objects.extend(SYSTEM.iter().map(|(name, value, words)| {
            let (metadata, description) = (meta("", name), (*words).to_owned());
            Object::from(PriorityClass { metadata, value: *value, description, ..PriorityClass::default() })
        }));
        objects.extend(fairness::objects());
        objects.push(addresses::default_range(&self.config));
        let own = own_service(&self.config);
        objects.extend(own.iter().filter_map(addresses::of));
        objects.extend(own);
        objects.extend(policy::objects());
        objects
    }
}

/// The namespaces that always are.
pub(super) fn system_namespaces() -> Vec<Object> {
    let namespace = |name| Object::from(Namespace { metadata: meta("", name), ..Namespace::default() });
    ["kube-system", "kube-public", "kube-node-lease", "default"].into_iter().map(namespace).collect()
}

/// The service `kubernetes`, with this server as its endpoint.
pub(super) fn own_service(config: &Config) -> Vec<Object> {
    let first = u32::from(config.service_cidr.network()) + 1;
    let mut objects = vec![kubernetes_service(std::net::Ipv4Addr::from(first).to_string()).into()];
    if config.reconciles_endpoints {
        let ip = config.advertise.to_string();
        objects.push(kubernetes_endpoints([&ip]).into());
        objects.push(kubernetes_slice([&ip]).into());
    }
    objects
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

/// The endpoints of the service `kubernetes`: servers at these addresses.
pub(super) fn kubernetes_endpoints<'a>(ips: impl IntoIterator<Item = &'a String>) -> Endpoints {
    let mut endpoints = Endpoints { metadata: meta("default", "kubernetes"), ..Endpoints::default() };
    endpoints.metadata.labels.insert("endpointslice.kubernetes.io/skip-mirror".into(), "true".into());
    endpoints.subsets = vec![EndpointSubset {
        addresses: ips.into_iter().map(|ip| EndpointAddress { ip: ip.clone(), ..Default::default() }).collect(),
        ports: vec![EndpointPort { name: "https".into(), port: 6443, ..Default::default() }],
        ..Default::default()
    }];
    endpoints
}

/// The same as a slice.
pub(super) fn kubernetes_slice<'a>(ips: impl IntoIterator<Item = &'a String>) -> EndpointSlice {
    let mut slice = EndpointSlice {
        metadata: meta("default", "kubernetes"),
        address_type: "IPv4".into(),
        ..EndpointSlice::default()
    };
    slice.metadata.labels.insert("kubernetes.io/service-name".into(), "kubernetes".into());
    let endpoint = |ip: &String| Endpoint {
        addresses: vec![ip.clone()],
        conditions: EndpointConditions { ready: Some(true), ..Default::default() },
        ..Default::default()
    };
    slice.endpoints = ips.into_iter().map(endpoint).collect();
    slice.ports = vec![EndpointSlicePort { name: "https".into(), port: Some(6443), ..Default::default() }];
    slice
}
