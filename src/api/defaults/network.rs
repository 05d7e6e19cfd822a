//! Network policies and classes of ingresses. Models `pkg/apis/networking/v1/defaults.go`.

use crate::api::{IngressClass, NetworkPolicy};

/// A network policy is about what comes in, and about what goes out if it has rules for that.
pub fn policy(policy: &mut NetworkPolicy) {
    let spec = &mut policy.spec;
    let ports = spec.ingress.iter_mut().flat_map(|rule| &mut rule.ports);
    for port in ports.chain(spec.egress.iter_mut().flat_map(|rule| &mut rule.ports)) {
        port.protocol.get_or_insert_with(|| "TCP".into());
    }
    if spec.policy_types.is_empty() {
        spec.policy_types.push("Ingress".into());
        if !spec.egress.is_empty() {
            spec.policy_types.push("Egress".into());
        }
    }
}

/// The parameters of a class belong to the cluster.
pub fn class(class: &mut IngressClass) {
    if let Some(parameters) = &mut class.spec.parameters {
        parameters.scope.get_or_insert_with(|| "Cluster".into());
    }
}
