//! Services: cluster IPs and node ports. Models `pkg/registry/core/service/storage/alloc.go` and `strategy.go`.

use std::net::Ipv4Addr;

use serde_json::json;

use crate::api::{FieldError, Kind, Protocol, Service, ServiceType, Status, validate};
use crate::control::apiserver::alloc::{NODE_PORTS, Refusal};
use crate::control::apiserver::registry::Env;

/// A change of a service or of its status.
pub fn prepare_change(new: &mut Service, old: &Service, status: bool) {
    if status {
        new.spec = old.spec.clone();
        return;
    }
    new.status = old.status.clone();
    keep_addresses(new, old);
    normalise_ips(new, old);
    drop_unneeded(new, old);
}

/// A client that knows `clusterIP` alone means the list too (`normalizeClusterIPs`).
fn normalise_ips(new: &mut Service, old: &Service) {
    let (now, before) = (&mut new.spec, &old.spec);
    if now.cluster_ip == before.cluster_ip || now.cluster_ips != before.cluster_ips {
        return;
    }
    now.cluster_ips = if now.cluster_ip.is_empty() { Vec::new() } else { vec![now.cluster_ip.clone()] };
}

fn has_ip(service: &Service) -> bool {
    service.spec.r#type != ServiceType::ExternalName
}

fn has_node_ports(service: &Service) -> bool {
    matches!(service.spec.r#type, ServiceType::NodePort | ServiceType::LoadBalancer)
}

/// What a client left out of a replacement stays (`patchAllocatedValues`).
fn keep_addresses(new: &mut Service, old: &Service) {
    if has_ip(new) && has_ip(old) {
        if new.spec.cluster_ip.is_empty() {
            new.spec.cluster_ip = old.spec.cluster_ip.clone();
        }
        if new.spec.cluster_ips.is_empty() && new.spec.cluster_ip == old.spec.cluster_ip {
            new.spec.cluster_ips = old.spec.cluster_ips.clone();
        }
        if new.spec.ip_families.is_empty() {
            new.spec.ip_families = old.spec.ip_families.clone();
        }
        if new.spec.ip_family_policy.is_none() {
            new.spec.ip_family_policy = old.spec.ip_family_policy.clone();
        }
    }
    if has_node_ports(new) && has_node_ports(old) {
        for port in new.spec.ports.iter_mut().filter(|p| p.node_port == 0) {
            let before = old.spec.ports.iter().find(|o| o.port == port.port && o.protocol == port.protocol);
            port.node_port = before.map_or(0, |o| o.node_port);
        }
    }
}

/// What the new type does not have goes, if the client did not change it (`dropTypeDependentFields`).
fn drop_unneeded(new: &mut Service, old: &Service) {
    if !has_ip(new) && has_ip(old) && new.spec.cluster_ips == old.spec.cluster_ips {
        new.spec.cluster_ip.clear();
        new.spec.cluster_ips.clear();
        new.spec.ip_families.clear();
        new.spec.ip_family_policy = None;
    }
    if !has_node_ports(new) && has_node_ports(old) {
        let had: Vec<i32> = old.spec.ports.iter().map(|p| p.node_port).collect();
        for port in new.spec.ports.iter_mut().filter(|p| had.contains(&p.node_port)) {
            port.node_port = 0;
        }
        if new.spec.external_traffic_policy == old.spec.external_traffic_policy {
            new.spec.external_traffic_policy.clear();
        }
        new.spec.rest.remove("allocateLoadBalancerNodePorts");
    }
    if !needs_health_port(new)
        && needs_health_port(old)
        && new.spec.health_check_node_port == old.spec.health_check_node_port
    {
        new.spec.health_check_node_port = 0;
    }
}

/// Takes what the service needs and does not have yet.
///
/// # Errors
/// One that was asked for cannot be had, or none is left.
pub fn allocate(service: &mut Service, old: Option<&Service>, env: &mut Env<'_>) -> Result<(), Status> {
    families(service)?;
    if has_ip(service)
        && !old
            .is_some_and(|o| has_ip(o) && o.spec.cluster_ip == service.spec.cluster_ip && !o.spec.cluster_ip.is_empty())
    {
        allocate_ip(service, env)?;
    }
    if has_node_ports(service) {
        allocate_ports(service, old, env)?;
    }
    if needs_health_port(service) {
        allocate_health_port(service, old, env)?;
    }
    Ok(())
}

/// Whether a load balancer must ask each node if it has a pod of the service (`NeedsHealthCheck`).
fn needs_health_port(service: &Service) -> bool {
    service.spec.r#type == ServiceType::LoadBalancer && service.spec.external_traffic_policy == "Local"
}

fn allocate_health_port(service: &mut Service, old: Option<&Service>, env: &mut Env<'_>) -> Result<(), Status> {
    let had = old.filter(|o| needs_health_port(o)).map_or(0, |o| o.spec.health_check_node_port);
    let asked = service.spec.health_check_node_port;
    service.spec.health_check_node_port = match asked {
        0 if had != 0 => had,
        0 if env.dry_run => i32::from(NODE_PORTS.0),
        0 => {
            let next = env.alloc.next_port(env.call, env.rng);
            i32::from(next.map_err(|_| Status::internal("failed to allocate a nodePort: range is full"))?)
        }
        asked if asked == had => asked,
        asked => {
            let taken = env.alloc.take_port(env.call, asked);
            taken.map_err(|_| {
                let field = "spec.healthCheckNodePort";
                refuse(service, validate::invalid(field, &json!(asked), "provided port is already allocated"))
            })?;
            asked
        }
    };
    Ok(())
}

fn refuse(service: &Service, error: FieldError) -> Status {
    Status::invalid(Kind::Service, &service.metadata.name, &[error])
}

/// Families: this cluster has IPv4 only.
fn families(service: &mut Service) -> Result<(), Status> {
    if !has_ip(service) {
        return Ok(());
    }
    let mut errors = Vec::new();
    if service.spec.ip_family_policy.as_deref() == Some("RequireDualStack") {
        let why = "this cluster is not configured for dual-stack services";
        errors.push(validate::invalid("spec.ipFamilyPolicy", &json!("RequireDualStack"), why));
    }
    for (at, family) in service.spec.ip_families.iter().enumerate().filter(|(_, f)| *f != "IPv4") {
        let field = format!("spec.ipFamilies[{at}]");
        errors.push(validate::invalid(&field, &json!(family), "not configured on this cluster"));
    }
    if !errors.is_empty() {
        return Err(Status::invalid(Kind::Service, &service.metadata.name, &errors));
    }
    if service.spec.ip_families.is_empty() {
        service.spec.ip_families = vec!["IPv4".into()];
    }
    service.spec.ip_family_policy.get_or_insert_with(|| "SingleStack".into());
    Ok(())
}

fn allocate_ip(service: &mut Service, env: &mut Env<'_>) -> Result<(), Status> {
    let spec = &mut service.spec;
    if let (true, Some(first)) = (spec.cluster_ip.is_empty(), spec.cluster_ips.first()) {
        spec.cluster_ip = first.clone();
    }
    if spec.cluster_ip == "None" {
        spec.cluster_ips = vec!["None".into()];
        return Ok(());
    }
    let ip = match spec.cluster_ip.parse::<Ipv4Addr>() {
        Ok(ip) => {
            let taken = env.alloc.take_ip(env.call, ip);
            taken.map_err(|refusal| ip_error(service, env, ip, refusal))?;
            ip
        }
        Err(_) if env.dry_run => env.alloc.cidr().network(),
        Err(_) => env
            .alloc
            .next_ip(env.call, env.rng)
            .map_err(|_| Status::internal("failed to allocate a serviceIP: range is full"))?,
    };
    service.spec.cluster_ip = ip.to_string();
    service.spec.cluster_ips = vec![ip.to_string()];
    Ok(())
}

fn ip_error(service: &Service, env: &Env<'_>, ip: Ipv4Addr, refusal: Refusal) -> Status {
    let why = match refusal {
        Refusal::OutOfRange => {
            format!("the provided IP ({ip}) is not in the valid range. The range of valid IPs is {}", env.alloc.cidr())
        }
        Refusal::Taken => "provided IP is already allocated".to_owned(),
        Refusal::Full => "range is full".to_owned(),
    };
    let message = format!("failed to allocate IP {ip}: {why}");
    refuse(service, validate::invalid("spec.clusterIPs", &json!([ip.to_string()]), &message))
}

fn allocate_ports(service: &mut Service, old: Option<&Service>, env: &mut Env<'_>) -> Result<(), Status> {
    let had: Vec<i32> = old.map_or_else(Vec::new, |o| o.spec.ports.iter().map(|p| p.node_port).collect());
    let wanted = service.spec.r#type == ServiceType::NodePort
        || service.spec.rest.get("allocateLoadBalancerNodePorts") != Some(&json!(false));
    let mut given: Vec<(i32, Protocol, i32)> = Vec::new();
    for at in 0..service.spec.ports.len() {
        let port = &service.spec.ports[at];
        let (number, protocol, asked) = (port.port, port.protocol.clone(), port.node_port);
        // Ports of the same number and different protocols share a node port.
        let shared = given.iter().find(|(p, proto, _)| *p == number && *proto != protocol).map(|(_, _, n)| *n);
        let node_port = if asked != 0 {
            if !had.contains(&asked) && !given.iter().any(|(_, proto, n)| *n == asked && *proto != protocol) {
                let taken = env.alloc.take_port(env.call, asked);
                taken.map_err(|refusal| port_error(service, at, asked, refusal))?;
            }
            asked
        } else if !wanted {
            0
        } else if let Some(shared) = shared {
            shared
        } else if env.dry_run {
            i32::from(NODE_PORTS.0)
        } else {
            let next = env.alloc.next_port(env.call, env.rng);
            i32::from(next.map_err(|_| Status::internal("failed to allocate a nodePort: range is full"))?)
        };
        given.push((number, protocol, node_port));
        service.spec.ports[at].node_port = node_port;
    }
    Ok(())
}

fn port_error(service: &Service, at: usize, port: i32, refusal: Refusal) -> Status {
    let why = match refusal {
        Refusal::OutOfRange => {
            format!(
                "provided port is not in the valid range. The range of valid ports is {}-{}",
                NODE_PORTS.0, NODE_PORTS.1
            )
        }
        Refusal::Taken | Refusal::Full => "provided port is already allocated".to_owned(),
    };
    refuse(service, validate::invalid(&format!("spec.ports[{at}].nodePort"), &json!(port), &why))
}
