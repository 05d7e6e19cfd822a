//! Who is asked about requests besides the API server's own plugins: webhooks and policies. Models
//! `k8s.io/api/admissionregistration/v1/types.go`.

use crate::api::define::Rest;
use crate::api::{LabelSelector, ObjectMeta};

api_struct! {
    /// Servers that are asked whether a request may be.
    ValidatingWebhookConfiguration {
        keep { metadata: ObjectMeta }
        omit { webhooks: Vec<Webhook> }
    }

    /// Servers that are asked to change what a request brings.
    MutatingWebhookConfiguration {
        keep { metadata: ObjectMeta }
        omit { webhooks: Vec<Webhook> }
    }

    /// A server, and the requests about which it is asked.
    Webhook {
        keep { name: String, client_config: WebhookClientConfig, admission_review_versions: Vec<String> }
        omit {
            rules: Vec<RuleWithOperations>,
            failure_policy: Option<String>,
            match_policy: Option<String>,
            namespace_selector: Option<LabelSelector>,
            object_selector: Option<LabelSelector>,
            side_effects: Option<String>,
            timeout_seconds: Option<i32>,
            reinvocation_policy: Option<String>,
            match_conditions: Vec<MatchCondition>,
        }
    }

    /// Where a webhook is.
    WebhookClientConfig {
        keep {}
        omit { url: Option<String>, service: Option<WebhookService> }
    }

    /// The Service in front of a webhook.
    WebhookService {
        keep { namespace: String, name: String }
        omit { path: Option<String>, port: Option<i32> }
    }

    /// Requests by what they do to which resources; `resource_names` is of policies alone.
    RuleWithOperations {
        keep {}
        omit {
            resource_names: Vec<String>,
            api_groups: Vec<String>,
            api_versions: Vec<String>,
            operations: Vec<String>,
            resources: Vec<String>,
            scope: Option<String>,
        }
    }

    /// What must be true of a request besides, in CEL.
    MatchCondition {
        keep { name: String, expression: String }
        omit {}
    }

    /// What must be true of what requests bring, in CEL.
    ValidatingAdmissionPolicy {
        keep { metadata: ObjectMeta, spec: ValidatingAdmissionPolicySpec, status: Rest }
        omit {}
    }

    /// Which requests, and what must be true.
    ValidatingAdmissionPolicySpec {
        keep {}
        omit {
            param_kind: Option<ParamKind>,
            match_constraints: Option<MatchResources>,
            validations: Vec<Validation>,
            failure_policy: Option<String>,
            audit_annotations: Vec<AuditAnnotation>,
            match_conditions: Vec<MatchCondition>,
            variables: Vec<PolicyVariable>,
        }
    }

    /// The kind of the objects that a policy takes its settings from.
    ParamKind {
        keep {}
        omit { api_version: String, kind: String }
    }

    /// Which requests.
    MatchResources {
        keep {}
        omit {
            namespace_selector: Option<LabelSelector>,
            object_selector: Option<LabelSelector>,
            resource_rules: Vec<RuleWithOperations>,
            exclude_resource_rules: Vec<RuleWithOperations>,
            match_policy: Option<String>,
        }
    }

    /// An expression that must be true, and what is said where it is not.
    Validation {
        keep { expression: String }
        omit { message: String, reason: Option<String>, message_expression: String }
    }

    /// What the audit log would say of a request.
    AuditAnnotation {
        keep { key: String, value_expression: String }
        omit {}
    }

    /// An expression by a name, for the other expressions of its policy.
    PolicyVariable {
        keep { name: String, expression: String }
        omit {}
    }

    /// Where a policy holds, and what it does there.
    ValidatingAdmissionPolicyBinding {
        keep { metadata: ObjectMeta, spec: ValidatingAdmissionPolicyBindingSpec }
        omit {}
    }

    /// The policy, its settings, the requests, and what becomes of those that break it.
    ValidatingAdmissionPolicyBindingSpec {
        keep {}
        omit {
            policy_name: String,
            param_ref: Option<ParamRef>,
            match_resources: Option<MatchResources>,
            validation_actions: Vec<String>,
        }
    }

    /// The objects that a policy takes its settings from.
    ParamRef {
        keep {}
        omit {
            name: String,
            namespace: String,
            selector: Option<LabelSelector>,
            parameter_not_found_action: Option<String>,
        }
    }

    /// How requests are changed, in CEL. It is kept, validated and shown, and changes nothing.
    MutatingAdmissionPolicy {
        keep { metadata: ObjectMeta, spec: MutatingAdmissionPolicySpec }
        omit {}
    }

    /// Which requests, and the changes.
    MutatingAdmissionPolicySpec {
        keep {}
        omit {
            param_kind: Option<ParamKind>,
            match_constraints: Option<MatchResources>,
            variables: Vec<PolicyVariable>,
            mutations: Vec<Rest>,
            failure_policy: Option<String>,
            match_conditions: Vec<MatchCondition>,
            reinvocation_policy: String,
        }
    }

    /// Where such a policy holds.
    MutatingAdmissionPolicyBinding {
        keep { metadata: ObjectMeta, spec: MutatingAdmissionPolicyBindingSpec }
        omit {}
    }

    /// The policy, its settings and the requests.
    MutatingAdmissionPolicyBindingSpec {
        keep {}
        omit { policy_name: String, param_ref: Option<ParamRef>, match_resources: Option<MatchResources> }
    }
}
