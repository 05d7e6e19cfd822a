//! What a cluster must become once nothing is broken any more: every workload as it was asked for, and nothing left over.

use kubarium::api::{
    DaemonSet, Deployment, Endpoints, Job, Kind, KindOf, Node, Object, ObjectMeta, Pod, ReplicaSet,
    ReplicationController, Service, StatefulSet,
};
use kubarium::cluster::Cluster;
use kubarium::sim::VecSet;

/// What is not yet as it was asked for; `None` if all is.
pub fn differs(cluster: &Cluster) -> Option<String> {
    nodes(cluster)
        .or_else(|| deployments(cluster))
        .or_else(|| replicas(cluster))
        .or_else(|| stateful_sets(cluster))
        .or_else(|| daemon_sets(cluster))
        .or_else(|| jobs(cluster))
        .or_else(|| endpoints(cluster))
        .or_else(|| leftovers(cluster))
}

/// The pods of a cluster.
pub fn pods(cluster: &Cluster) -> impl Iterator<Item = &Pod> {
    all::<Pod>(cluster)
}

fn all<K: KindOf + 'static>(cluster: &Cluster) -> impl Iterator<Item = &K> {
    cluster.objects(K::KIND).filter_map(K::of).map(|object| &**object)
}

fn is_ready(pod: &Pod) -> bool {
    pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True")
}

/// A number that is not what it should be, in words.
fn off(what: &str, meta: &ObjectMeta, wanted: i32, numbers: &[(&str, i32)]) -> Option<String> {
    let wrong = numbers.iter().any(|(_, number)| *number != wanted);
    let words: Vec<String> = numbers.iter().map(|(name, number)| format!("{number} {name}")).collect();
    wrong.then(|| format!("{what} {}: {wanted} wanted, {}", meta.name, words.join(", ")))
}

fn unseen(what: &str, meta: &ObjectMeta, observed: i64) -> Option<String> {
    (observed != meta.generation).then(|| format!("{what} {}: the controller has not seen its last change", meta.name))
}

/// The pods that an object controls and that count.
fn owned(cluster: &Cluster, meta: &ObjectMeta) -> i32 {
    let ours = |pod: &&Pod| pod.metadata.controller().is_some_and(|owner| owner.uid == meta.uid);
    let active = |pod: &&Pod| !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    pods(cluster).filter(ours).filter(active).count() as i32
}

fn nodes(cluster: &Cluster) -> Option<String> {
    cluster.hosts().iter().find_map(|host| {
        let node = cluster.object(Kind::Node, "", &host.name).and_then(Node::of);
        let ready = node.is_some_and(|n| n.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True"));
        (!ready).then(|| format!("node {} is not ready", host.name))
    })
}

fn deployments(cluster: &Cluster) -> Option<String> {
    all::<Deployment>(cluster).find_map(|deployment| {
        let (meta, wanted, status) = (&deployment.metadata, deployment.spec.replicas, &deployment.status);
        let numbers =
            [("there", status.replicas), ("ready", status.ready_replicas), ("up to date", status.updated_replicas)];
        unseen("deployment", meta, status.observed_generation).or_else(|| off("deployment", meta, wanted, &numbers))
    })
}

fn replicas(cluster: &Cluster) -> Option<String> {
    let sets = all::<ReplicaSet>(cluster).find_map(|set| {
        let (meta, wanted, status) = (&set.metadata, set.spec.replicas, &set.status);
        let numbers =
            [("there", status.replicas), ("ready", status.ready_replicas), ("pods", owned(cluster, &set.metadata))];
        unseen("replica set", meta, status.observed_generation).or_else(|| off("replica set", meta, wanted, &numbers))
    });
    sets.or_else(|| {
        all::<ReplicationController>(cluster).find_map(|rc| {
            let (meta, status) = (&rc.metadata, &rc.status);
            let numbers =
                [("there", status.replicas), ("ready", status.ready_replicas), ("pods", owned(cluster, meta))];
            off("replication controller", meta, rc.spec.replicas, &numbers)
        })
    })
}

fn stateful_sets(cluster: &Cluster) -> Option<String> {
    all::<StatefulSet>(cluster).find_map(|set| {
        let (meta, wanted, status) = (&set.metadata, set.spec.replicas, &set.status);
        let numbers =
            [("there", status.replicas), ("ready", status.ready_replicas), ("pods", owned(cluster, &set.metadata))];
        off("stateful set", meta, wanted, &numbers)
    })
}

fn daemon_sets(cluster: &Cluster) -> Option<String> {
    all::<DaemonSet>(cluster).find_map(|set| {
        let (meta, status) = (&set.metadata, &set.status);
        let numbers = [("ready", status.number_ready), ("scheduled", status.current_number_scheduled)];
        unseen("daemon set", meta, status.observed_generation)
            .or_else(|| off("daemon set", meta, status.desired_number_scheduled, &numbers))
    })
}

/// A Job that is not suspended has ended, or has as many pods as it may have.
fn jobs(cluster: &Cluster) -> Option<String> {
    let own = |job: &&Job| job.metadata.controller().is_none();
    all::<Job>(cluster).filter(own).find_map(|job| {
        let is = |r#type: &str| job.status.conditions.iter().any(|c| c.r#type == r#type && c.status == "True");
        let ended = is("Complete") || is("Failed");
        let suspended = job.spec.suspend.unwrap_or(false);
        let left = owned(cluster, &job.metadata);
        match (ended || suspended, left) {
            (true, 0) => None,
            (true, left) => Some(format!("job {}: ended or suspended, and {left} pods there", job.metadata.name)),
            (false, _) => Some(format!("job {}: not ended", job.metadata.name)),
        }
    })
}

fn endpoints(cluster: &Cluster) -> Option<String> {
    all::<Service>(cluster).filter(|service| !service.spec.selector.is_empty()).find_map(|service| {
        let (namespace, name) = (&service.metadata.namespace, &service.metadata.name);
        let fits = |pod: &&Pod| {
            pod.metadata.namespace == *namespace
                && service.spec.selector.iter().all(|(key, value)| pod.metadata.labels.get(key) == Some(value))
        };
        let ready = pods(cluster).filter(fits).filter(|pod| is_ready(pod) && pod.metadata.deletion_timestamp.is_none());
        let wanted: VecSet<&str> = ready.map(|pod| pod.status.pod_ip.as_str()).collect();
        let endpoints = cluster.object(Kind::Endpoints, namespace, name).and_then(Endpoints::of);
        let subsets = endpoints.map(|endpoints| endpoints.subsets.as_slice()).unwrap_or_default();
        let there: VecSet<&str> = subsets.iter().flat_map(|s| &s.addresses).map(|a| a.ip.as_str()).collect();
        (wanted != there).then(|| format!("service {namespace}/{name}: ready pods {wanted:?}, endpoints {there:?}"))
    })
}

/// Nothing is being deleted any more, and nothing outlives its owners.
fn leftovers(cluster: &Cluster) -> Option<String> {
    let objects = || Kind::ALL.iter().flat_map(|kind| cluster.objects(*kind));
    let uids: VecSet<&str> = objects().map(|object| &*object.uid().0).collect();
    objects().find_map(|object| {
        let owners = &object.meta().owner_references;
        if object.meta().deletion_timestamp.is_some() && !is_in_use(cluster, object) {
            return Some(format!("{} is being deleted for ever", object.reference()));
        }
        let lost = !owners.is_empty() && owners.iter().all(|owner| !uids.contains(&*owner.uid.0));
        lost.then(|| format!("{} outlives its owners", describe(object)))
    })
}

/// Whether an object is a claim of a pod that is there, which keeps it.
fn is_in_use(cluster: &Cluster, object: &Object) -> bool {
    let uses = |pod: &Pod| {
        let volumes = pod.spec.volumes.iter().filter_map(|volume| volume.rest.get("persistentVolumeClaim"));
        pod.metadata.namespace == object.meta().namespace
            && volumes.into_iter().any(|claim| claim["claimName"] == *object.meta().name)
    };
    matches!(object, Object::PersistentVolumeClaim(_)) && pods(cluster).any(uses)
}

fn describe(object: &Object) -> String {
    let owners: Vec<String> =
        object.meta().owner_references.iter().map(|owner| format!("{} {}", owner.kind, owner.name)).collect();
    format!("{} of {}", object.reference(), owners.join(", "))
}
