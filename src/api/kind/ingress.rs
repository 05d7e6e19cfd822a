//! Ingress and IngressClass. Models `k8s.io/api/networking/v1/types.go`.

use crate::api::ObjectMeta;

api_struct! {
    /// Rules by which requests from outside reach Services.
    Ingress {
        keep { metadata: ObjectMeta, spec: IngressSpec, status: IngressStatus }
        omit {}
    }

    /// What is wanted.
    IngressSpec {
        keep {}
        omit {
            ingress_class_name: Option<String>,
            default_backend: Option<IngressBackend>,
            tls: Vec<IngressTls>,
            rules: Vec<IngressRule>,
        }
    }

    /// A certificate and the hosts that it is for.
    IngressTls {
        keep {}
        omit { hosts: Vec<String>, secret_name: String }
    }

    /// What a host's requests reach.
    IngressRule {
        keep {}
        omit { host: String, http: Option<HttpIngressRuleValue> }
    }

    /// Paths and what they reach.
    HttpIngressRuleValue {
        keep { paths: Vec<HttpIngressPath> }
        omit {}
    }

    /// A path and what it reaches.
    HttpIngressPath {
        keep { path_type: Option<String>, backend: IngressBackend }
        omit { path: String }
    }

    /// A Service or another resource of the same namespace.
    IngressBackend {
        keep {}
        omit { service: Option<IngressServiceBackend>, resource: Option<TypedLocalObjectReference> }
    }

    /// A port of a Service.
    IngressServiceBackend {
        keep { name: String, port: ServiceBackendPort }
        omit {}
    }

    /// A port by its name or number.
    ServiceBackendPort {
        keep {}
        omit { name: String, number: i32 }
    }

    /// A reference to an object of the same namespace.
    TypedLocalObjectReference {
        keep { api_group: Option<String>, kind: String, name: String }
        omit {}
    }

    /// What is.
    IngressStatus {
        keep { load_balancer: IngressLoadBalancerStatus }
        omit {}
    }

    /// Where the load balancer is reached.
    IngressLoadBalancerStatus {
        keep {}
        omit { ingress: Vec<IngressLoadBalancerIngress> }
    }

    /// A point of the load balancer.
    IngressLoadBalancerIngress {
        keep {}
        omit { ip: String, hostname: String }
    }

    /// The controller that Ingresses name by this class.
    IngressClass {
        keep { metadata: ObjectMeta, spec: IngressClassSpec }
        omit {}
    }

    /// What is wanted.
    IngressClassSpec {
        keep {}
        omit { controller: String, parameters: Option<IngressClassParametersReference> }
    }

    /// The controller's parameters.
    IngressClassParametersReference {
        keep { kind: String, name: String, scope: Option<String> }
        omit { api_group: Option<String>, namespace: Option<String> }
    }
}
