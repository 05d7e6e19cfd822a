//! Generations: which template each pod of a workload was made from, so that a rolling update can be seen as it happens.

use crate::api::{
    ControllerRevision, DaemonSet, Deployment, Kind, KindOf as _, ObjectMeta, Pod, ReplicaSet, StatefulSet,
};
use crate::cluster::Cluster;
use crate::control::controller::deployment::revision::REVISION;
use crate::control::controller::history::REVISION_LABEL;
use crate::session::build::object_ref;
use crate::sim::VecMap;
use crate::view::cluster::{GenerationOf, GenerationView};

/// The generations of the cluster: those of each workload by its uid, and which of them a pod is of.
#[derive(Default)]
pub struct Generations {
    /// Oldest first, by the uid of the workload.
    of_workload: VecMap<String, Vec<GenerationView>>,
    /// By the uid of the owner (and the hash, if the owner has several generations).
    of_pods: VecMap<(String, String), GenerationOf>,
}

impl Generations {
    /// All of them.
    pub fn of(cluster: &Cluster) -> Generations {
        let mut all = Generations::default();
        for deployment in cluster.objects(Kind::Deployment).filter_map(Deployment::of) {
            all.newest_of_deployment(deployment);
        }
        let newest = std::mem::take(&mut all.of_pods);
        for set in cluster.objects(Kind::ReplicaSet).filter_map(ReplicaSet::of) {
            all.add_set(set, &newest);
        }
        all.add_revisions(cluster);
        all.count_pods(cluster);
        for generations in all.of_workload.values_mut() {
            generations.retain(|g| g.newest || g.current > 0 || g.desired.is_some_and(|desired| desired > 0));
            generations.sort_by_key(|generation| generation.revision);
        }
        all
    }

    /// Those of a workload that have pods or shall have some, and the newest; oldest first.
    pub fn of_workload(&self, meta: &ObjectMeta) -> Vec<GenerationView> {
        self.of_workload.get(&meta.uid.to_string()).cloned().unwrap_or_default()
    }

    /// The one that a pod is of.
    pub fn of_pod(&self, pod: &Pod) -> Option<GenerationOf> {
        self.of_pods.get(&key_of(pod)?).copied()
    }

    /// Under a Deployment's uid, for a moment: the number of its newest revision.
    fn newest_of_deployment(&mut self, deployment: &Deployment) {
        let revision = number(&deployment.metadata);
        let key = (deployment.metadata.uid.to_string(), String::new());
        self.of_pods.insert(key, GenerationOf { revision, newest: true });
    }

    fn add_set(&mut self, set: &ReplicaSet, newest: &VecMap<(String, String), GenerationOf>) {
        let meta = &set.metadata;
        let Some(owner) = meta.controller().filter(|owner| owner.kind == "Deployment") else { return };
        let revision = number(meta);
        let owner = owner.uid.to_string();
        let is_newest = newest.get(&(owner.clone(), String::new())).is_some_and(|n| n.revision == revision);
        let count = |n: i32| u32::try_from(n).unwrap_or(0);
        self.of_workload.entry(owner).or_default().push(GenerationView {
            object: object_ref(&crate::api::Object::from(set.clone()).reference()),
            revision,
            newest: is_newest,
            desired: Some(count(set.spec.replicas)),
            current: count(set.status.replicas),
            ready: count(set.status.ready_replicas),
            images: set.spec.template.spec.containers.iter().map(|c| c.image.clone()).collect(),
        });
        let key = (meta.uid.to_string(), String::new());
        self.of_pods.insert(key, GenerationOf { revision, newest: is_newest });
    }

    /// Those of StatefulSets and DaemonSets, which are ControllerRevisions.
    fn add_revisions(&mut self, cluster: &Cluster) {
        let sets = cluster.objects(Kind::StatefulSet).filter_map(StatefulSet::of);
        let updates: VecMap<String, String> =
            sets.map(|set| (set.metadata.uid.to_string(), set.status.update_revision.clone())).collect();
        let daemons = cluster.objects(Kind::DaemonSet).filter_map(DaemonSet::of);
        let daemons: Vec<String> = daemons.map(|set| set.metadata.uid.to_string()).collect();
        let revisions: Vec<_> = cluster.objects(Kind::ControllerRevision).filter_map(ControllerRevision::of).collect();
        for revision in &revisions {
            let meta = &revision.metadata;
            let Some(owner) = meta.controller().map(|owner| owner.uid.to_string()) else { continue };
            let newer = |other: &&&std::sync::Arc<ControllerRevision>| {
                other.revision > revision.revision
                    && other.metadata.controller().is_some_and(|o| o.uid.to_string() == owner)
            };
            // The pods of a StatefulSet bear the name of the revision, those of a DaemonSet its hash.
            let (newest, hash) = match updates.get(&owner) {
                Some(update) => (*update == meta.name, meta.name.clone()),
                None if daemons.contains(&owner) => {
                    let hash = meta.labels.get(REVISION_LABEL).cloned().unwrap_or_default();
                    (!revisions.iter().any(|other| newer(&other)), hash)
                }
                None => continue,
            };
            let number = u64::try_from(revision.revision).unwrap_or(0);
            self.of_workload.entry(owner.clone()).or_default().push(GenerationView {
                object: object_ref(&crate::api::Object::ControllerRevision((*revision).clone()).reference()),
                revision: number,
                newest,
                desired: None,
                current: 0,
                ready: 0,
                images: Vec::new(),
            });
            self.of_pods.insert((owner, hash), GenerationOf { revision: number, newest });
        }
    }

    /// Counts the pods of each ControllerRevision.
    fn count_pods(&mut self, cluster: &Cluster) {
        for pod in cluster.objects(Kind::Pod).filter_map(Pod::of) {
            let Some(key) = key_of(pod).filter(|(_, hash)| !hash.is_empty()) else { continue };
            let Some(of) = self.of_pods.get(&key) else { continue };
            let Some(generations) = self.of_workload.get_mut(&key.0) else { continue };
            let Some(generation) = generations.iter_mut().find(|g| g.revision == of.revision) else { continue };
            let ready = pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
            generation.current += 1;
            generation.ready += u32::from(ready);
            if generation.images.is_empty() {
                generation.images = pod.spec.containers.iter().map(|c| c.image.clone()).collect();
            }
        }
    }
}

/// The owner of a pod, and its hash if the owner has several generations.
fn key_of(pod: &Pod) -> Option<(String, String)> {
    let owner = pod.metadata.controller()?;
    let hash = match owner.kind.as_str() {
        "StatefulSet" | "DaemonSet" => pod.metadata.labels.get(REVISION_LABEL).cloned().unwrap_or_default(),
        _ => String::new(),
    };
    Some((owner.uid.to_string(), hash))
}

fn number(meta: &ObjectMeta) -> u64 {
    meta.annotations.get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::session::build::cluster::cluster;
    use crate::session::build::testing::world;

    /// The generations of a workload as `revision current/desired newest?`, and those of its pods.
    fn check(lines: &[&str], name: &str, expected: &[&str], of_pods: &[(u64, bool)]) {
        let view = cluster(&world(lines).cluster);
        let workload = view.workloads.iter().find(|w| w.object.name == name).expect("the workload is there");
        let said: Vec<String> = workload
            .generations
            .iter()
            .map(|g| {
                let desired = g.desired.map(|n| format!("/{n}")).unwrap_or_default();
                format!("{} {}{desired}{}", g.revision, g.current, if g.newest { " newest" } else { "" })
            })
            .collect();
        assert_eq!(said, expected);
        let pods = view.pods.iter().filter(|pod| pod.object.name.starts_with(name));
        let mut found: Vec<(u64, bool)> =
            pods.filter_map(|pod| pod.generation).map(|g| (g.revision, g.newest)).collect();
        found.sort_unstable();
        assert_eq!(found, of_pods);
    }

    #[test]
    fn a_deployment_has_a_generation_until_an_update_makes_another() {
        let create = "kubectl create deployment web --image=nginx --replicas=2";
        check(&[create], "web", &["1 2/2 newest"], &[(1, true), (1, true)]);
        let stuck = "kubectl set image deployment/web nginx=nginx:nope";
        check(&[create, stuck], "web", &["1 2/2", "2 1/1 newest"], &[(1, false), (1, false), (2, true)]);
    }

    #[test]
    fn the_generations_of_a_stateful_set_are_its_revisions() {
        let create = "kubectl apply -f - <<'EOF'
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: nginx}]}
EOF";
        check(&[create, "kubectl get pods"], "db", &["1 2 newest"], &[(1, true), (1, true)]);
        let stuck = "kubectl set image statefulset/db c=nginx:nope";
        check(&[create, "kubectl get pods", stuck], "db", &["1 1", "2 1 newest"], &[(1, false), (2, true)]);
    }
}
