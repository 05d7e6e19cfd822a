//! Definitions of further kinds, requests for certificates and classes of runtimes. Models
//! `k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1`, `k8s.io/api/certificates/v1` and `k8s.io/api/node/v1`.
//!
//! Objects of the kind that a definition describes are [`crate::api::custom`]. Nobody approves or signs a request by itself.

use serde_json::Value;

use crate::api::ObjectMeta;
use crate::api::define::Rest;

api_struct! {
    /// A kind that the server is to serve besides its own.
    CustomResourceDefinition {
        keep { metadata: ObjectMeta, spec: Rest, status: CustomResourceDefinitionStatus }
        omit {}
    }

    /// What is. Conditions that are not there are shown as `null`.
    CustomResourceDefinitionStatus {
        keep {
            conditions: Option<Vec<Value>>,
            accepted_names: CustomResourceDefinitionNames,
            stored_versions: Option<Vec<String>>,
        }
        omit {}
    }

    /// The names of a kind.
    CustomResourceDefinitionNames {
        keep { plural: String, kind: String }
        omit {}
    }

    /// A request for a certificate.
    CertificateSigningRequest {
        keep { metadata: ObjectMeta, spec: Rest, status: Rest }
        omit {}
    }

    /// A name for a way to run containers.
    RuntimeClass {
        keep { metadata: ObjectMeta, handler: String }
        omit {}
    }
}
