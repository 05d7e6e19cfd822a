//! A cluster in which everything is as it was asked for writes heartbeats and nothing else: no controller loops.

#[path = "support/script.rs"]
mod script;

use kubarium::api::Kind;
use kubarium::cluster::Cluster;
use kubarium::sim::VecMap;
use script::Files;

/// One of everything that a controller keeps; what cannot be done (an image that is not there, a claim that nobody provides) is
/// among it.
const SCRIPT: &str = r#"
!cluster nodes=2 seed=3 pull=0s
kubectl apply -f - <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1.25", readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: "redis:7"}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: agent, image: "busybox:1.36", command: [sleep, "86400"]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: sum}
spec:
  completions: 2
  template:
    spec:
      restartPolicy: Never
      containers: [{name: sum, image: "busybox:1.36", command: [sleep, "3"]}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: never}
spec:
  schedule: "0 0 31 2 *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: never, image: "busybox:1.36"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: most}
spec: {hard: {pods: "20"}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: nobody}
spec: {accessModes: [ReadWriteMany], storageClassName: nobody, resources: {requests: {storage: 1Gi}}}
END
kubectl rollout status deployment/web --timeout=60s
kubectl rollout status statefulset/db --timeout=60s
kubectl wait --for=condition=Complete job/sum --timeout=60s
!wait 10m
"#;

/// Every object with its version.
fn versions(cluster: &Cluster) -> VecMap<String, (Kind, u64)> {
    let objects = Kind::ALL.iter().flat_map(|kind| cluster.objects(*kind).map(move |object| (*kind, object)));
    let version = |object: &kubarium::api::Object| object.meta().resource_version.map_or(0, |version| version.0);
    objects.map(|(kind, object)| (object.reference().to_string(), (kind, version(object)))).collect()
}

#[test]
fn a_settled_cluster_writes_only_heartbeats() {
    let files = Files::new();
    let mut script = script::run(SCRIPT, &files, |_, line, answer| {
        assert_eq!(answer.rc, 0, "{line}\n{}", answer.stderr);
    });
    let (before, revision) = {
        let cluster = &script.world().cluster;
        (versions(cluster), cluster.etcd_member().store().revision().0)
    };
    script.run("!wait 5m");
    let cluster = &script.world().cluster;
    // A lease every 10 s, a status every 5 minutes.
    let heartbeats = cluster.hosts().len() as u64 * (5 * 6 + 1);
    let writes = cluster.etcd_member().store().revision().0 - revision;
    let after = versions(cluster);
    let changed: Vec<&String> = (after.iter())
        .filter(|(name, (kind, version))| {
            let is_heartbeat = matches!(kind, Kind::Lease | Kind::Node);
            // A claim that nobody provides is tried again, and its event counts on.
            let is_event = *kind == Kind::Event;
            !is_heartbeat && !is_event && before.get(*name).is_none_or(|(_, old)| old != version)
        })
        .map(|(name, _)| name)
        .collect();
    assert!(changed.is_empty(), "{changed:?} changed although nothing happened");
    assert!(writes <= heartbeats + 25, "{writes} writes in five minutes, of which {heartbeats} are heartbeats");
}
