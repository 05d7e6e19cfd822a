//! Volumes. Models `k8s.io/api/core/v1/types.go`. The sources live in `rest` until something simulates them.

api_struct! {
    /// A volume of a pod; its source (`emptyDir`, `configMap`, …) is in `rest`.
    Volume {
        keep { name: String }
        omit {}
    }

    /// Where a container sees a volume.
    VolumeMount {
        keep { name: String, mount_path: String }
        omit { read_only: bool, sub_path: String }
    }
}
