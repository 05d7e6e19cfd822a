//! HorizontalPodAutoscaler. Models `k8s.io/api/autoscaling/v2/types.go`.

use crate::api::{LabelSelector, ObjectMeta, Quantity, Timestamp};

api_struct! {
    /// Scales a workload by metrics.
    HorizontalPodAutoscaler {
        keep {
            metadata: ObjectMeta,
            spec: HorizontalPodAutoscalerSpec,
            status: HorizontalPodAutoscalerStatus,
        }
        omit {}
    }

    /// What is wanted.
    HorizontalPodAutoscalerSpec {
        keep { scale_target_ref: CrossVersionObjectReference, max_replicas: i32 }
        omit {
            min_replicas: Option<i32>,
            metrics: Vec<MetricSpec>,
            behavior: Option<HorizontalPodAutoscalerBehavior>,
        }
    }

    /// An object by its kind and name.
    CrossVersionObjectReference {
        keep { kind: String, name: String }
        omit { api_version: String }
    }

    /// A metric and its target; the source that `type` names is there.
    MetricSpec {
        keep { r#type: String }
        omit {
            object: Option<ObjectMetricSource>,
            pods: Option<PodsMetricSource>,
            resource: Option<ResourceMetricSource>,
            container_resource: Option<ContainerResourceMetricSource>,
            external: Option<ExternalMetricSource>,
        }
    }

    /// A metric of an object.
    ObjectMetricSource {
        keep { described_object: CrossVersionObjectReference, target: MetricTarget, metric: MetricIdentifier }
        omit {}
    }

    /// A metric of the pods.
    PodsMetricSource {
        keep { metric: MetricIdentifier, target: MetricTarget }
        omit {}
    }

    /// A resource of the pods.
    ResourceMetricSource {
        keep { name: String, target: MetricTarget }
        omit {}
    }

    /// A resource of one container of the pods.
    ContainerResourceMetricSource {
        keep { name: String, target: MetricTarget, container: String }
        omit {}
    }

    /// A metric from outside the cluster.
    ExternalMetricSource {
        keep { metric: MetricIdentifier, target: MetricTarget }
        omit {}
    }

    /// A metric by its name and labels.
    MetricIdentifier {
        keep { name: String }
        omit { selector: Option<LabelSelector> }
    }

    /// What a metric should be.
    MetricTarget {
        keep { r#type: String }
        omit { value: Option<Quantity>, average_value: Option<Quantity>, average_utilization: Option<i32> }
    }

    /// How fast it scales each way.
    HorizontalPodAutoscalerBehavior {
        keep {}
        omit { scale_up: Option<HpaScalingRules>, scale_down: Option<HpaScalingRules> }
    }

    /// How fast it scales one way.
    HpaScalingRules {
        keep {}
        omit {
            stabilization_window_seconds: Option<i32>,
            select_policy: Option<String>,
            policies: Vec<HpaScalingPolicy>,
            tolerance: Option<Quantity>,
        }
    }

    /// So many pods, or percent of them, in so many seconds.
    HpaScalingPolicy {
        keep { r#type: String, value: i32, period_seconds: i32 }
        omit {}
    }

    /// What is.
    HorizontalPodAutoscalerStatus {
        keep { desired_replicas: i32, current_metrics: Option<Vec<MetricStatus>> }
        omit {
            observed_generation: Option<i64>,
            last_scale_time: Option<Timestamp>,
            current_replicas: i32,
            conditions: Vec<HorizontalPodAutoscalerCondition>,
        }
    }

    /// A condition: AbleToScale, ScalingActive, ScalingLimited.
    HorizontalPodAutoscalerCondition {
        keep { r#type: String, status: String }
        omit { last_transition_time: Option<Timestamp>, reason: String, message: String }
    }

    /// What a metric is.
    MetricStatus {
        keep { r#type: String }
        omit {
            object: Option<ObjectMetricStatus>,
            pods: Option<PodsMetricStatus>,
            resource: Option<ResourceMetricStatus>,
            container_resource: Option<ContainerResourceMetricStatus>,
            external: Option<ExternalMetricStatus>,
        }
    }

    /// A metric of an object.
    ObjectMetricStatus {
        keep {
            metric: MetricIdentifier,
            current: MetricValueStatus,
            described_object: CrossVersionObjectReference,
        }
        omit {}
    }

    /// A metric of the pods.
    PodsMetricStatus {
        keep { metric: MetricIdentifier, current: MetricValueStatus }
        omit {}
    }

    /// A resource of the pods.
    ResourceMetricStatus {
        keep { name: String, current: MetricValueStatus }
        omit {}
    }

    /// A resource of one container of the pods.
    ContainerResourceMetricStatus {
        keep { name: String, current: MetricValueStatus, container: String }
        omit {}
    }

    /// A metric from outside the cluster.
    ExternalMetricStatus {
        keep { metric: MetricIdentifier, current: MetricValueStatus }
        omit {}
    }

    /// A value of a metric.
    MetricValueStatus {
        keep {}
        omit { value: Option<Quantity>, average_value: Option<Quantity>, average_utilization: Option<i32> }
    }
}
