//! The manifests that do not reach what their authors meant, and why.

const ELSEWHERE: &str = "an object of another file is missing: a ConfigMap, a Secret, a claim, a service account";
const NO_NODE: &str = "no node is as it wants: Windows, a GPU, labels of clouds and of old versions, more memory or more nodes than there are";
const PROVISIONER: &str = "its storage class is made by a driver of a cloud";
const PLACEHOLDER: &str = "its image is a placeholder to be filled in";
const ENDS: &str = "its container ends at once, as it does on a real cluster";
const PROBE: &str = "its probe asks for what its container does not have, as on a real cluster";
const ROOT: &str = "its image must run as root, as on a real cluster";
const PROGRAM: &str = "its image brings files or programs of its own that are not simulated";
const PYTHON: &str = "it runs Python code, which is not simulated";
const WAITS: &str = "it is meant to wait for somebody to remove its scheduling gates";
const PATCHES: &str = "it is not meant to be created: it changes an object, or wants no pods";

/// By path.
pub const UNREACHED: &[(&str, &str)] = &[
    ("examples/website-2021-07/admin/cloud/ccm-example.yaml", NO_NODE),
    ("examples/website-2021-07/admin/resource/limit-range-pod-3.yaml", ENDS),
    ("examples/website-2021-07/admin/sched/my-scheduler.yaml", PROGRAM),
    ("examples/website-2021-07/application/cassandra/cassandra-statefulset.yaml", PROVISIONER),
    ("examples/website-2021-07/application/job/rabbitmq/job.yaml", PLACEHOLDER),
    ("examples/website-2021-07/application/mysql/mysql-statefulset.yaml", ELSEWHERE),
    ("examples/website-2021-07/application/wordpress/mysql-deployment.yaml", ELSEWHERE),
    ("examples/website-2021-07/application/zookeeper/zookeeper.yaml", PROGRAM),
    ("examples/website-2021-07/debug/fluentd-gcp-ds.yaml", NO_NODE),
    ("examples/website-2021-07/pods/inject/pod-multiple-secret-env-variable.yaml", ELSEWHERE),
    ("examples/website-2021-07/pods/inject/pod-single-secret-env-variable.yaml", ELSEWHERE),
    ("examples/website-2021-07/pods/inject/secret-pod.yaml", ELSEWHERE),
    ("examples/website-2021-07/pods/pod-configmap-envFrom.yaml", ELSEWHERE),
    ("examples/website-2021-07/pods/pod-configmap-volume.yaml", ELSEWHERE),
    ("examples/website-2021-07/pods/pod-nginx-specific-node.yaml", NO_NODE),
    ("examples/website-2021-07/pods/pod-single-configmap-env-variable.yaml", ELSEWHERE),
    ("examples/website-2021-07/pods/pod-with-pod-affinity.yaml", NO_NODE),
    ("examples/website-2021-07/pods/private-reg-pod.yaml", PLACEHOLDER),
    ("examples/website-2021-07/pods/resource/extended-resource-pod.yaml", NO_NODE),
    ("examples/website-2021-07/pods/resource/memory-request-limit-3.yaml", NO_NODE),
    ("examples/website-2021-07/pods/storage/projected.yaml", ELSEWHERE),
    ("examples/website-2021-07/pods/storage/pv-pod.yaml", ELSEWHERE),
    ("examples/website-2021-07/service/networking/nginx-secure-app.yaml", ELSEWHERE),
    ("examples/website-2021-07/windows/configmap-pod.yaml", NO_NODE),
    ("examples/website-2021-07/windows/emptydir-pod.yaml", NO_NODE),
    ("examples/website-2021-07/windows/run-as-username-container.yaml", NO_NODE),
    ("examples/website-2021-07/windows/secret-pod.yaml", NO_NODE),
    ("examples/website-2026/controllers/job-backoff-limit-per-index-example.yaml", PYTHON),
    ("examples/website-2026/controllers/job-success-policy.yaml", PYTHON),
    ("examples/website-2026/pods/pod-with-scheduling-gates.yaml", WAITS),
    ("realworld/k8s-1.11.0-testdata/test/e2e/testing-manifests/statefulset/mysql-galera/statefulset.yaml", PROGRAM),
    ("realworld/k8s-1.11.0-testdata/test/e2e/testing-manifests/statefulset/redis/statefulset.yaml", PROGRAM),
    ("realworld/k8s-1.11.0-testdata/test/e2e/testing-manifests/statefulset/zookeeper/statefulset.yaml", PROGRAM),
    ("realworld/k8s-1.11.0-testdata/test/fixtures/doc-yaml/user-guide/multi-pod.yaml", ENDS),
    ("realworld/k8s-1.11.0-testdata/test/fixtures/doc-yaml/user-guide/secrets/secret-env-pod.yaml", ELSEWHERE),
    ("realworld/k8s-1.36.2-testdata/hack/testdata/deployment-label-change2.yaml", PATCHES),
    ("realworld/k8s-1.36.2-testdata/hack/testdata/deployment-multicontainer-resources.yaml", ENDS),
    ("realworld/k8s-1.36.2-testdata/hack/testdata/deployment-with-UnixUserID.yaml", ROOT),
    ("realworld/k8s-1.36.2-testdata/hack/testdata/kustomize/deployment.yaml", ELSEWHERE),
    ("realworld/k8s-1.36.2-testdata/hack/testdata/pod-with-api-env.yaml", ELSEWHERE),
    ("realworld/k8s-1.36.2-testdata/hack/testdata/pod-with-metadata-and-probes.yaml", PROBE),
    ("realworld/k8s-1.36.2-testdata/hack/testdata/rollingupdate-statefulset-rv2.yaml", PATCHES),
    ("realworld/k8s-1.36.2-testdata/test/e2e/testing-manifests/gpu/gce/nvidia-gpu-device-plugin.yaml", NO_NODE),
    ("realworld/k8s-1.36.2-testdata/test/e2e/testing-manifests/statefulset/mysql-galera/statefulset.yaml", PROGRAM),
    ("realworld/k8s-1.36.2-testdata/test/e2e/testing-manifests/statefulset/zookeeper/statefulset.yaml", PROGRAM),
    ("realworld/k8s-1.36.2-testdata/test/e2e/testing-manifests/storage-csi/gce-pd/controller_ss.yaml", ELSEWHERE),
    (
        "realworld/k8s-1.36.2-testdata/test/e2e/testing-manifests/storage-csi/hostpath/hostpath/csi-hostpath-plugin.yaml",
        ELSEWHERE,
    ),
    (
        "realworld/k8s-1.36.2-testdata/test/e2e/testing-manifests/storage-csi/mock/csi-mock-driver-attacher.yaml",
        ELSEWHERE,
    ),
    (
        "realworld/k8s-1.36.2-testdata/test/e2e/testing-manifests/storage-csi/mock/csi-mock-driver-snapshotter.yaml",
        ELSEWHERE,
    ),
    ("realworld/k8s-1.36.2-testdata/test/fixtures/doc-yaml/admin/high-availability/kube-apiserver.yaml", PROGRAM),
    ("realworld/k8s-1.36.2-testdata/test/fixtures/doc-yaml/user-guide/multi-pod.yaml", ENDS),
    ("realworld/k8s-1.36.2-testdata/test/fixtures/doc-yaml/user-guide/secrets/secret-env-pod.yaml", ELSEWHERE),
    ("realworld/k8s-1.36.2-testdata/test/fixtures/pkg/kubectl/cmd/apply/rc-lastapplied-args.yaml", ENDS),
    ("realworld/kubernetes-examples/AI/model-serving-tensorflow/deployment.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/elasticsearch/production_cluster/es-data-rc.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/elasticsearch/production_cluster/es-master-rc.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/https-nginx/nginx-app.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/javaweb-tomcat-sidecar/javaweb-2.yaml", PROGRAM),
    ("realworld/kubernetes-examples/_archived/newrelic/newrelic-daemonset.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/nodesjs-mongodb/web-controller-demo.yaml", PROGRAM),
    ("realworld/kubernetes-examples/_archived/persistent-volume-provisioning/cinder/example-pod.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/persistent-volume-provisioning/rbd/pod.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/storage/minio/minio-distributed-statefulset.yaml", NO_NODE),
    ("realworld/kubernetes-examples/_archived/storage/vitess/vtctld-controller-template.yaml", PROGRAM),
    (
        "realworld/kubernetes-examples/_archived/volumes/azure_disk/claim/blob-based-disk/dedicated-hdd/pod-uses-dedicated-hdd.yaml",
        ELSEWHERE,
    ),
    (
        "realworld/kubernetes-examples/_archived/volumes/azure_disk/claim/blob-based-disk/shared-ssd/pod-uses-shared-ssd.yaml",
        ELSEWHERE,
    ),
    (
        "realworld/kubernetes-examples/_archived/volumes/azure_disk/claim/managed-disk/managed-ssd/pod-uses-managed-ssd.yaml",
        ELSEWHERE,
    ),
    ("realworld/kubernetes-examples/_archived/volumes/azure_file/azure-2.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/volumes/nfs/nfs-busybox-deployment.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/volumes/vsphere/vsphere-volume-pvcpod.yaml", ELSEWHERE),
    ("realworld/kubernetes-examples/_archived/volumes/vsphere/vsphere-volume-pvcscpod.yaml", ELSEWHERE),
    ("realworld/sock-shop/manifests-monitoring/06-prometheus-dep.yaml", ELSEWHERE),
    ("realworld/sock-shop/manifests-monitoring/13-kube-state-dep.yaml", ELSEWHERE),
];
