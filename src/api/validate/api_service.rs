//! APIServices. Models `k8s.io/kube-aggregator/pkg/apis/apiregistration/validation`.

use serde_json::json;

use super::error::{each, forbidden, invalid, required};
use super::names;
use crate::api::{APIService, FieldError};

/// A new or changed APIService.
pub fn api_service(service: &APIService, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    let name = format!("{}.{}", spec.version, spec.group);
    if service.metadata.name != name {
        let why = format!("must be `spec.version+\".\"+spec.group`: {name:?}");
        errors.push(invalid("metadata.name", &json!(service.metadata.name), &why));
    }
    if spec.group.is_empty() && spec.version != "v1" {
        errors.push(required("spec.group", "only v1 may have an empty group and it better be legacy kube"));
    }
    if !spec.group.is_empty() {
        each("spec.group", &spec.group, names::dns_subdomain(&spec.group), errors);
    }
    each("spec.version", &spec.version, names::dns_1035_label(&spec.version), errors);
    for (field, value, most) in [
        ("spec.groupPriorityMinimum", spec.group_priority_minimum, 20_000),
        ("spec.versionPriority", spec.version_priority, 1_000),
    ] {
        if value <= 0 || value > most {
            errors.push(invalid(field, &json!(value), &format!("must be positive and less than {most}")));
        }
    }
    let skips = service.spec.rest.get("insecureSkipTLSVerify").is_some_and(|value| *value == true);
    let bundle = service.spec.rest.get("caBundle").is_some_and(|value| *value != "");
    match &spec.service {
        None if bundle => errors.push(forbidden("spec.caBundle", "local APIServices may not have a caBundle")),
        None if skips => {
            errors
                .push(forbidden("spec.insecureSkipTLSVerify", "local APIServices may not have insecureSkipTLSVerify"));
        }
        None => {}
        Some(of) => {
            if of.namespace.is_empty() {
                errors.push(required("spec.service.namespace", ""));
            }
            if of.name.is_empty() {
                errors.push(required("spec.service.name", ""));
            }
            if of.port.is_some_and(|port| !(1..=65_535).contains(&port)) {
                let why = "port is not valid: must be between 1 and 65535, inclusive";
                errors.push(invalid("spec.service.port", &json!(of.port), why));
            }
            if skips && bundle {
                let why = "may not be true if caBundle is present";
                errors.push(invalid("spec.insecureSkipTLSVerify", &json!(true), why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{APIServiceSpec, ObjectMeta, ServiceReference};

    #[test]
    fn the_name_is_made_of_version_and_group() {
        let service = ServiceReference { namespace: "kube-system".into(), name: "m".into(), ..Default::default() };
        let spec = APIServiceSpec {
            group: "metrics.k8s.io".into(),
            version: "v1beta1".into(),
            group_priority_minimum: 100,
            version_priority: 100,
            service: Some(service),
            ..Default::default()
        };
        let wrong = |name: &str, spec: &APIServiceSpec| {
            let metadata = ObjectMeta { name: name.into(), ..Default::default() };
            let mut errors = Vec::new();
            let service = APIService { metadata, spec: spec.clone(), ..Default::default() };
            api_service(&service, &mut errors);
            errors.into_iter().map(|e| format!("{}: {}", e.field, e.message)).collect::<Vec<_>>()
        };
        assert!(wrong("v1beta1.metrics.k8s.io", &spec).is_empty());
        assert_eq!(
            wrong("metrics", &APIServiceSpec { version_priority: 0, ..spec }),
            [
                "metadata.name: Invalid value: \"metrics\": must be `spec.version+\".\"+spec.group`: \"v1beta1.metrics.k8s.io\"",
                "spec.versionPriority: Invalid value: 0: must be positive and less than 1000",
            ]
        );
    }
}
