//! What a user does in a simulation: workloads of every kind come, change and go, and nodes are drained. Much of it fails, as
//! what it names is not there (yet, or any more).

use kubarium::sim::Rng;
use serde_json::{Value, json};

const IMAGES: &[&str] = &["nginx:1.25", "nginx:1.27", "redis:7"];
const NAMES: &[&str] = &["web", "db"];
/// Resources whose objects are kept at a number.
const SCALED: &[&str] = &["deployment", "statefulset", "replicaset", "replicationcontroller"];
const DELETED: &[&str] =
    &["deployment", "statefulset", "replicaset", "replicationcontroller", "daemonset", "job", "cronjob"];

fn pick<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    rng.pick(of).expect("there are some")
}

/// A line of the terminal; `pods` and `nodes` are the names of those that are there, `claims` tells whether claims are
/// provisioned.
pub fn line(rng: &mut Rng, pods: &[String], nodes: &[String], claims: bool) -> String {
    let (name, image) = (pick(rng, NAMES), pick(rng, IMAGES));
    match rng.below(24) {
        0..=2 => format!("kubectl create deployment {name} --image={image} --replicas={}", rng.below(5)),
        3..=8 => apply(&manifest(rng, name, image, claims)),
        9..=11 => format!("kubectl scale {} {name} --replicas={}", pick(rng, SCALED), rng.below(6)),
        12 => format!("kubectl set image {}/{name} *={image}", pick(rng, &["deployment", "statefulset", "daemonset"])),
        13 => format!("kubectl expose deployment {name} --port=80"),
        14 => format!("kubectl delete service {name} --wait=false"),
        15 | 16 => {
            let cascade = pick(rng, &["background", "background", "foreground", "orphan"]);
            format!("kubectl delete {} {name} --cascade={cascade} --wait=false", pick(rng, DELETED))
        }
        17 => format!(
            "kubectl rollout {} {}/{name}",
            pick(rng, &["restart", "restart", "undo"]),
            pick(rng, &["deployment", "statefulset", "daemonset"])
        ),
        18 | 19 => node(rng, nodes),
        20 => format!("kubectl patch job {name} -p '{{\"spec\":{{\"suspend\":{}}}}}'", rng.below(2) == 0),
        21 => format!("kubectl delete persistentvolumeclaim data-{name}-{} --wait=false", rng.below(3)),
        _ => match rng.pick(pods) {
            Some(pod) if rng.below(2) == 0 => format!("kubectl delete pod {pod} --wait=false"),
            Some(pod) => format!("kubectl delete pod {pod} --grace-period=0 --force --wait=false"),
            None => format!("kubectl delete pods -l app={name} --wait=false"),
        },
    }
}

fn node(rng: &mut Rng, nodes: &[String]) -> String {
    let node = rng.pick(nodes).expect("there is a node").clone();
    match rng.below(5) {
        0 => format!("kubectl cordon {node}"),
        1 => format!("kubectl uncordon {node}"),
        2 => format!("kubectl taint node {node} broken=yes:NoExecute --overwrite"),
        3 => format!("kubectl taint node {node} broken-"),
        _ => format!("kubectl drain {node} --ignore-daemonsets --force --delete-emptydir-data --timeout=60s"),
    }
}

fn apply(object: &Value) -> String {
    format!("kubectl apply -f - <<'END'\n{object}\nEND")
}

fn manifest(rng: &mut Rng, name: &str, image: &str, claims: bool) -> Value {
    let (replicas, metadata, chosen) = (rng.below(4), json!({"name": name}), rng.below(8));
    // No two kinds fight for one pod, but a Deployment's Service serves them all.
    let labels = json!({"app": name, "of": chosen.to_string()});
    let server = template(&labels, &json!([{"name": name, "image": image}]), "Always");
    let selector = json!({"matchLabels": labels});
    match chosen {
        0 => json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata,
            "spec": {"replicas": replicas, "selector": selector, "template": server},
        }),
        1 => json!({
            "apiVersion": "v1", "kind": "ReplicationController", "metadata": metadata,
            "spec": {"replicas": replicas, "selector": labels, "template": server},
        }),
        2 => stateful_set(rng, &metadata, &selector, &server, claims),
        3 | 4 => json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata,
            "spec": {
                "selector": selector, "template": server,
                "updateStrategy": {"type": pick(rng, &["RollingUpdate", "RollingUpdate", "OnDelete"])},
            },
        }),
        5 | 6 => json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job(rng, name)}),
        _ if rng.below(2) == 0 => json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata,
            "spec": {"selector": {"matchLabels": {"app": name}}, "maxUnavailable": rng.between(1, 2)},
        }),
        _ => json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata,
            "spec": {
                "schedule": pick(rng, &["* * * * *", "*/2 * * * *", "@hourly"]),
                "concurrencyPolicy": pick(rng, &["Allow", "Forbid", "Replace"]),
                "jobTemplate": {"spec": job(rng, name)},
            },
        }),
    }
}

fn stateful_set(rng: &mut Rng, metadata: &Value, selector: &Value, template: &Value, claims: bool) -> Value {
    let mut spec = json!({
        "replicas": rng.below(4), "serviceName": "", "selector": selector, "template": template,
        "podManagementPolicy": pick(rng, &["OrderedReady", "Parallel"]),
    });
    if claims && rng.below(2) == 0 {
        spec["volumeClaimTemplates"] = json!([{
            "metadata": {"name": "data", "labels": selector["matchLabels"]},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }]);
    }
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec})
}

fn job(rng: &mut Rng, name: &str) -> Value {
    let code = if rng.below(4) == 0 { 1 } else { 0 };
    let command = format!("sleep {}; exit {code}", rng.between(1, 20));
    let container = json!([{"name": name, "image": "busybox:1.36", "command": ["sh", "-c", command]}]);
    let mut spec = json!({
        "completions": rng.between(1, 4), "parallelism": rng.between(1, 3), "backoffLimit": rng.below(3),
        "template": template(&json!({"job": name}), &container, pick(rng, &["Never", "OnFailure"])),
    });
    if rng.below(3) == 0 {
        spec["completionMode"] = json!("Indexed");
    }
    if rng.below(4) == 0 {
        spec["ttlSecondsAfterFinished"] = json!(rng.below(60));
    }
    if rng.below(4) == 0 {
        spec["activeDeadlineSeconds"] = json!(rng.between(5, 60));
    }
    spec
}

fn template(labels: &Value, containers: &Value, restart: &str) -> Value {
    json!({"metadata": {"labels": labels}, "spec": {"restartPolicy": restart, "containers": containers}})
}
