//! What is exported can be applied: in a new cluster of ours it becomes the same again, and the real `kubectl` takes it.

#[path = "support/script.rs"]
mod script;

use kubarium::lesson::scene::SCENES;
use kubarium::session::script::Answer;
use kubarium::session::{Script, World, export};

use script::Files;

/// Everything that could be asked of an export, in one cluster.
const SCRIPT: &str = r#"
!cluster nodes=2 seed=8 pull=0s
kubectl create namespace shop
kubectl -n shop create deployment web --image=nginx:1.25 --replicas=2
kubectl -n shop expose deployment web --port=80 --type=NodePort
kubectl -n shop create serviceaccount clerk
kubectl -n shop create role reader --verb=get --resource=pods
kubectl -n shop create rolebinding clerk --role=reader --serviceaccount=shop:clerk
kubectl -n shop create quota all --hard=pods=50
kubectl create configmap settings --from-literal=colour=red
kubectl create secret generic key --from-literal=key=1234
kubectl create job once --image=busybox:1.36 -- true
kubectl create cronjob often --image=busybox:1.36 --schedule='*/5 * * * *' -- true
kubectl run one --image=busybox:1.36 -- sleep 86400
kubectl create priorityclass high --value=1000
kubectl create poddisruptionbudget web --selector=app=web --min-available=1
kubectl autoscale deployment web --cpu=50% --max=4 -n shop
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Pod
metadata:
  name: here
spec:
  nodeName: worker2
  containers:
  - name: here
    image: nginx:1.25
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: disk
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: v1
kind: Pod
metadata:
  name: user
spec:
  containers:
  - name: user
    image: nginx:1.25
    volumeMounts:
    - {name: disk, mountPath: /data}
  volumes:
  - name: disk
    persistentVolumeClaim: {claimName: disk}
EOF
!wait 20s
"#;

fn world_of(text: &str) -> World {
    let succeeds = |line: &str, answer: &Answer| assert_eq!(answer.rc, 0, "{line}\n{}", answer.stderr);
    script::run(text, &Files::new(), |_, line, answer| succeeds(line, answer)).into_world()
}

/// What is exported of a cluster to which `manifests` were applied.
fn again(world: &World, manifests: &str) -> String {
    let files = Files::from_iter([("all.yaml".to_owned(), manifests.as_bytes().to_vec())]);
    let mut script = Script::on(World::boot(world.cluster.scenario().clone()), &files);
    let answer = script.run("kubectl apply -f all.yaml");
    assert_eq!(answer.rc, 0, "{}", answer.stderr);
    export::manifests(&script.into_world())
}

#[test]
fn a_cluster_to_which_nothing_was_done_exports_nothing() {
    assert_eq!(export::manifests(&world_of("!cluster nodes=2 seed=8\n!wait 300s")), "");
}

#[test]
fn what_was_exported_becomes_the_same_again() {
    let world = world_of(SCRIPT);
    let manifests = export::manifests(&world);
    for (kind, count) in [("Pod", 3), ("Deployment", 1), ("ReplicaSet", 0), ("Secret", 1), ("PersistentVolume", 0)] {
        assert_eq!(manifests.matches(&format!("\nkind: {kind}\n")).count(), count, "{kind}\n{manifests}");
    }
    for gone in
        ["status:", "uid:", "resourceVersion:", "clusterIP:", "kube-api-access", "last-applied", "controller-uid"]
    {
        assert!(!manifests.contains(gone), "{gone} is in\n{manifests}");
    }
    assert!(manifests.contains("nodeName: kubarium-worker2\n"), "{manifests}");
    assert_eq!(again(&world, &manifests).replace("kubarium-", ""), manifests.replace("kubarium-", ""));
}

#[test]
fn every_scene_can_be_exported_and_applied() {
    for scene in SCENES {
        let world = world_of(scene.script);
        let manifests = export::manifests(&world);
        assert!(!manifests.is_empty(), "{}", scene.id);
        // Who scales by load begins anew.
        let same = |text: &str| {
            text.lines().filter(|l| !l.trim_start().starts_with("replicas:")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(same(&again(&world, &manifests)), same(&manifests), "{}", scene.id);
    }
}

#[test]
fn a_configuration_for_kind_has_the_same_nodes() {
    let world = world_of("!cluster nodes=3 proxy=iptables");
    let config = export::kind_config(world.cluster.scenario());
    assert_eq!(config.matches("- role: worker\n").count(), 3);
    assert_eq!(config.matches("- role: control-plane\n").count(), 1);
    assert!(config.contains("kubeProxyMode: iptables\n"), "{config}");
}
