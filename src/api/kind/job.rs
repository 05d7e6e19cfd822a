//! Job. Models `k8s.io/api/batch/v1/types.go`.

use std::sync::Arc;

use crate::api::{LabelSelector, ObjectMeta, PodTemplateSpec, Timestamp};

api_struct! {
    /// Runs pods to their end.
    Job {
        keep { metadata: ObjectMeta, spec: JobSpec, status: JobStatus }
        omit {}
    }

    /// What is wanted.
    JobSpec {
        keep { template: Arc<PodTemplateSpec> }
        omit {
            parallelism: Option<i32>,
            completions: Option<i32>,
            active_deadline_seconds: Option<i64>,
            pod_failure_policy: Option<PodFailurePolicy>,
            success_policy: Option<SuccessPolicy>,
            backoff_limit: Option<i32>,
            backoff_limit_per_index: Option<i32>,
            max_failed_indexes: Option<i32>,
            selector: Option<LabelSelector>,
            manual_selector: Option<bool>,
            ttl_seconds_after_finished: Option<i32>,
            completion_mode: Option<String>,
            suspend: Option<bool>,
            pod_replacement_policy: Option<String>,
            managed_by: Option<String>,
        }
    }

    /// What failures mean.
    PodFailurePolicy {
        keep { rules: Vec<PodFailurePolicyRule> }
        omit {}
    }

    /// One rule: FailJob, FailIndex, Ignore or Count.
    PodFailurePolicyRule {
        keep { action: String }
        omit {
            on_exit_codes: Option<PodFailurePolicyOnExitCodes>,
            on_pod_conditions: Vec<PodFailurePolicyOnPodCondition>,
        }
    }

    /// Exit codes: In or NotIn.
    PodFailurePolicyOnExitCodes {
        keep { operator: String, values: Vec<i32> }
        omit { container_name: Option<String> }
    }

    /// A condition of a pod.
    PodFailurePolicyOnPodCondition {
        keep { r#type: String, status: String }
        omit {}
    }

    /// When some indexes are enough.
    SuccessPolicy {
        keep { rules: Vec<SuccessPolicyRule> }
        omit {}
    }

    /// Which indexes, or how many, are enough.
    SuccessPolicyRule {
        keep {}
        omit { succeeded_indexes: Option<String>, succeeded_count: Option<i32> }
    }

    /// What is.
    JobStatus {
        keep {}
        omit {
            conditions: Vec<JobCondition>,
            start_time: Option<Timestamp>,
            completion_time: Option<Timestamp>,
            active: i32,
            succeeded: i32,
            failed: i32,
            terminating: Option<i32>,
            completed_indexes: String,
            failed_indexes: Option<String>,
            uncounted_terminated_pods: Option<UncountedTerminatedPods>,
            ready: Option<i32>,
        }
    }

    /// Pods that ended and are not in the numbers yet.
    UncountedTerminatedPods {
        keep {}
        omit { succeeded: Vec<String>, failed: Vec<String> }
    }

    /// A condition: Complete, Failed, Suspended, FailureTarget, SuccessCriteriaMet.
    JobCondition {
        keep { r#type: String, status: String }
        omit {
            last_probe_time: Option<Timestamp>,
            last_transition_time: Option<Timestamp>,
            reason: String,
            message: String,
        }
    }
}
