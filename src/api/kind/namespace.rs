//! Namespace. Models `k8s.io/api/core/v1/types.go`.

use crate::api::ObjectMeta;

api_struct! {
    /// A scope for names.
    Namespace {
        keep { metadata: ObjectMeta, spec: NamespaceSpec, status: NamespaceStatus }
        omit {}
    }

    /// The finalizers that must finish before the namespace goes (`kubernetes`).
    NamespaceSpec {
        keep {}
        omit { finalizers: Vec<String> }
    }

    /// The phase is Active or Terminating.
    NamespaceStatus {
        keep {}
        omit { phase: String }
    }
}
