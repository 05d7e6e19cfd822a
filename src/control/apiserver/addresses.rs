//! The addresses of services as objects: the range, and one for each address that is taken. Models
//! `pkg/controlplane/controller/defaultservicecidr` and `pkg/registry/core/service/ipallocator/cidrallocator.go`.
//!
//! Differs: who has which address is decided by the services themselves (`alloc.rs`); these objects tell. Further ranges are
//! kept, and no address is taken from them.

use std::net::Ipv4Addr;

use crate::api::{
    CallId, IPAddress, IPAddressSpec, Kind, Object, ObjectMeta, ParentReference, Request, Service, ServiceCIDR,
};
use crate::control::apiserver::boot::Boot;
use crate::control::apiserver::call::{ClientId, Door, Step};
use crate::control::apiserver::{ApiServer, Config, Effect};
use crate::sim::{Out, Time};

/// The range that the server was started with.
pub(super) fn default_range(config: &Config) -> Object {
    let mut range = ServiceCIDR::default();
    range.metadata.name = "kubernetes".into();
    range.metadata.finalizers = vec!["networking.k8s.io/service-cidr-finalizer".into()];
    range.spec.cidrs = vec![config.service_cidr.to_string()];
    range.into()
}

/// The object of an address that a service has.
fn address(ip: &str, service: &ObjectMeta) -> Object {
    let mut address = IPAddress::default();
    address.metadata.name = ip.to_owned();
    for (label, value) in [("ip-family", "IPv4"), ("managed-by", "ipallocator.k8s.io")] {
        address.metadata.labels.insert(format!("ipaddress.kubernetes.io/{label}"), value.into());
    }
    let (namespace, name) = (service.namespace.clone(), service.name.clone());
    let parent = ParentReference { resource: "services".into(), namespace, name, ..ParentReference::default() };
    address.spec = IPAddressSpec { parent_ref: Some(parent), ..IPAddressSpec::default() };
    address.into()
}

/// The object of the address of a service.
pub(super) fn of(object: &Object) -> Option<Object> {
    match object {
        Object::Service(service) => Some(address(ip_of(service)?, &service.metadata)),
        _ => None,
    }
}

/// The address of a service; none if it is headless or a name.
fn ip_of(service: &Service) -> Option<&str> {
    Some(service.spec.cluster_ip.as_str()).filter(|ip| ip.parse::<Ipv4Addr>().is_ok())
}

impl ApiServer {
    /// A service is about to be written or deleted: the object of its address goes with it.
    pub(super) fn tell_address(&mut self, step: &Step, now: Time, out: &mut Out<Effect>) {
        if let Some((meta, before, after)) = self.address_change(step) {
            self.move_address(&meta, before, after, now, out);
        }
    }

    /// It was not: the objects are as they were.
    pub(super) fn take_back_address(&mut self, step: &Step, now: Time, out: &mut Out<Effect>) {
        if let Some((meta, before, after)) = self.address_change(step) {
            self.move_address(&meta, after, before, now, out);
        }
    }

    /// The service of a step, with the address that it has and the one that it will have. What is created has none before,
    /// even where another of its name has one.
    fn address_change(&self, step: &Step) -> Option<(ObjectMeta, Option<String>, Option<String>)> {
        let (Step::Create(object) | Step::Replace { object, .. } | Step::Delete(object)) = step;
        let Object::Service(service) = object else { return None };
        let meta = &service.metadata;
        let had = self.cached(Kind::Service, &meta.namespace, &meta.name);
        let before = match had {
            Some(Object::Service(had)) if !matches!(step, Step::Create(_)) => ip_of(had).map(str::to_owned),
            _ => None,
        };
        let after = ip_of(service).filter(|_| !matches!(step, Step::Delete(_))).map(str::to_owned);
        (self.boot == Boot::Done && before != after).then(|| (meta.clone(), before, after))
    }

    fn move_address(
        &mut self,
        service: &ObjectMeta,
        from: Option<String>,
        to: Option<String>,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let made = to.map(|ip| Request::create(address(&ip, service)));
        let gone = from.map(|ip| Request::delete(Kind::IPAddress, "", &ip));
        for request in made.into_iter().chain(gone) {
            self.begin(ClientId(u32::MAX), CallId(0), "kube-apiserver".into(), Door::Internal, request, now, out);
        }
    }
}
