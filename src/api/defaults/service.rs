//! Services and Secrets. Models `SetDefaults_Service` and the conversion of a Secret's `stringData`.

use data_encoding::BASE64;
use serde_json::json;

use crate::api::{IntOrString, Secret, Service, ServiceType};

/// A service.
pub fn service(service: &mut Service) {
    let spec = &mut service.spec;
    for port in &mut spec.ports {
        let unset = match &port.target_port {
            IntOrString::Int(n) => *n == 0,
            IntOrString::String(s) => s.is_empty(),
        };
        if unset {
            port.target_port = IntOrString::Int(port.port);
        }
    }
    if spec.session_affinity.is_empty() {
        spec.session_affinity = "None".into();
    }
    if spec.session_affinity == "ClientIP" && !spec.rest.contains_key("sessionAffinityConfig") {
        spec.rest.insert("sessionAffinityConfig".into(), json!({"clientIP": {"timeoutSeconds": 10_800}}));
    }
    let external = matches!(spec.r#type, ServiceType::NodePort | ServiceType::LoadBalancer);
    if external && spec.external_traffic_policy.is_empty() {
        spec.external_traffic_policy = "Cluster".into();
    }
    if spec.r#type != ServiceType::ExternalName {
        spec.internal_traffic_policy.get_or_insert_with(|| "Cluster".into());
    }
    if spec.r#type == ServiceType::LoadBalancer {
        spec.rest.entry("allocateLoadBalancerNodePorts".into()).or_insert(json!(true));
    }
}

/// A secret: `stringData` goes into `data`.
pub fn secret(secret: &mut Secret) {
    for (key, text) in std::mem::take(&mut secret.string_data) {
        secret.data.insert(key, BASE64.encode(text.as_bytes()));
    }
    if secret.r#type.is_empty() {
        secret.r#type = "Opaque".into();
    }
}
