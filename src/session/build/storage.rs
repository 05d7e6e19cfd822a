//! Volumes with all who see them: those of a pod, or the one behind a claim or a PersistentVolume.

use crate::api::{Container, Kind, KindOf as _, Object, PersistentVolumeClaim, Pod, Volume};
use crate::cluster::Cluster;
use crate::view::ObjectRef;
use crate::view::cluster::ClaimView;
use crate::view::related::{MountView, VolumeView};

/// The volumes of an object; none of most kinds.
pub fn volumes(cluster: &Cluster, object: &Object) -> Vec<VolumeView> {
    match object {
        Object::Pod(pod) => {
            let own = pod.spec.volumes.iter().filter(|volume| !is_token(volume));
            own.map(|volume| of_pod(cluster, pod, volume)).collect()
        }
        Object::PersistentVolumeClaim(claim) => vec![of_claim(cluster, claim)],
        Object::PersistentVolume(volume) => {
            let claim = volume
                .spec
                .claim_ref
                .as_ref()
                .and_then(|claim| cluster.object(Kind::PersistentVolumeClaim, &claim.namespace, &claim.name));
            claim.and_then(PersistentVolumeClaim::of).map(|claim| of_claim(cluster, claim)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The claims of the cluster, with the pods that use each.
pub fn claims(cluster: &Cluster) -> Vec<ClaimView> {
    let pods: Vec<_> = cluster.objects(Kind::Pod).filter_map(Pod::of).filter(|p| !p.spec.volumes.is_empty()).collect();
    let all = cluster.objects(Kind::PersistentVolumeClaim).filter_map(PersistentVolumeClaim::of);
    all.map(|claim| {
        let meta = &claim.metadata;
        let users = pods.iter().filter(|pod| pod.metadata.namespace == meta.namespace && uses(pod, &meta.name));
        ClaimView {
            object: ObjectRef::new("v1", "PersistentVolumeClaim", &meta.namespace, &meta.name),
            status: claim.status.phase.clone(),
            facts: facts(claim),
            pods: users.map(|pod| pod.metadata.name.clone()).collect(),
        }
    })
    .collect()
}

/// The token that every pod gets.
fn is_token(volume: &Volume) -> bool {
    volume.name.starts_with("kube-api-access-")
}

fn uses(pod: &Pod, claim: &str) -> bool {
    pod.spec.volumes.iter().any(|volume| claim_of(volume) == Some(claim))
}

fn claim_of(volume: &Volume) -> Option<&str> {
    volume.rest.get("persistentVolumeClaim")?.get("claimName")?.as_str()
}

fn of_pod(cluster: &Cluster, pod: &Pod, volume: &Volume) -> VolumeView {
    let space = &pod.metadata.namespace;
    if let Some(claim) = claim_of(volume)
        && let Some(claim) =
            cluster.object(Kind::PersistentVolumeClaim, space, claim).and_then(PersistentVolumeClaim::of)
    {
        return VolumeView { name: volume.name.clone(), ..of_claim(cluster, claim) };
    }
    let source = volume.rest.iter().next().map_or("emptyDir", |(name, _)| name.as_str());
    let text = |field: &str| volume.rest.get(source).and_then(|source| source.get(field)?.as_str());
    let named = |kind: &str, name: &str| Some(ObjectRef::new("v1", kind, space, name));
    let object = match source {
        "configMap" => text("name").and_then(|name| named("ConfigMap", name)),
        "secret" => text("secretName").and_then(|name| named("Secret", name)),
        "persistentVolumeClaim" => text("claimName").and_then(|name| named("PersistentVolumeClaim", name)),
        _ => None,
    };
    VolumeView {
        name: volume.name.clone(),
        source: source.to_owned(),
        object,
        bound: None,
        facts: text("path").or(text("medium")).unwrap_or_default().to_owned(),
        mounts: mounts(pod, &volume.name),
    }
}

fn of_claim(cluster: &Cluster, claim: &PersistentVolumeClaim) -> VolumeView {
    let meta = &claim.metadata;
    let pods = cluster.objects(Kind::Pod).filter_map(Pod::of).filter(|pod| pod.metadata.namespace == meta.namespace);
    let seen = pods.flat_map(|pod| {
        let volumes = pod.spec.volumes.iter().filter(|volume| claim_of(volume) == Some(&meta.name));
        volumes.flat_map(|volume| mounts(pod, &volume.name))
    });
    let bound = &claim.spec.volume_name;
    VolumeView {
        name: meta.name.clone(),
        source: "persistentVolumeClaim".into(),
        object: Some(ObjectRef::new("v1", "PersistentVolumeClaim", &meta.namespace, &meta.name)),
        bound: (!bound.is_empty()).then(|| ObjectRef::new("v1", "PersistentVolume", "", bound)),
        facts: facts(claim),
        mounts: seen.collect(),
    }
}

/// `Bound, 1Gi, ReadWriteOnce`.
fn facts(claim: &PersistentVolumeClaim) -> String {
    let wanted = claim.spec.resources.requests.get("storage");
    let size = claim.status.capacity.get("storage").or(wanted).map(ToString::to_string);
    let parts = [Some(claim.status.phase.clone()), size, Some(claim.spec.access_modes.join(" "))];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The containers of a pod that see a volume of it.
fn mounts(pod: &Pod, volume: &str) -> Vec<MountView> {
    let object = ObjectRef::new("v1", "Pod", &pod.metadata.namespace, &pod.metadata.name);
    let in_container = |container: &Container| {
        let seen = container.volume_mounts.iter().filter(|mount| mount.name == volume);
        let views = seen.map(|mount| MountView {
            pod: object.clone(),
            container: container.name.clone(),
            path: mount.mount_path.clone(),
            read_only: mount.read_only,
        });
        views.collect::<Vec<_>>()
    };
    pod.spec.init_containers.iter().chain(&pod.spec.containers).flat_map(in_container).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::build::testing::world;

    const SHARED: &str = "kubectl apply -f - <<'EOF'
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany]
  storageClassName: manual
  hostPath: {path: /srv}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: manual
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  volumes: [{name: d, persistentVolumeClaim: {claimName: data}}, {name: tmp, emptyDir: {}}]
  containers:
  - {name: a, image: nginx, volumeMounts: [{name: d, mountPath: /data}, {name: tmp, mountPath: /tmp}]}
  - {name: b, image: redis, volumeMounts: [{name: tmp, mountPath: /cache, readOnly: true}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]
  containers: [{name: a, image: nginx, volumeMounts: [{name: d, mountPath: /in}]}]
EOF";

    /// The volumes of an object as `volume (source) of object: pod/container path …`.
    fn check(kind: Kind, name: &str, expected: &[&str]) {
        let world = world(&[SHARED]);
        let object = world.cluster.objects(kind).find(|object| object.meta().name == name).expect("it is there");
        let said: Vec<String> = volumes(&world.cluster, object)
            .iter()
            .map(|volume| {
                let bound = volume.bound.as_ref().map(|bound| format!(" on {}", bound.name)).unwrap_or_default();
                let mark = |mount: &MountView| if mount.read_only { " ro" } else { "" };
                let mounts = volume.mounts.iter();
                let mounts = mounts
                    .map(|m| format!(" {}/{} {}{}", m.pod.name, m.container, m.path, mark(m)))
                    .collect::<String>();
                format!("{} ({}{bound}):{mounts}", volume.name, volume.source)
            })
            .collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn a_volume_shows_everybody_who_shares_it() {
        let claim = "(persistentVolumeClaim on disk): one/a /data two/a /in";
        check(Kind::Pod, "one", &[&format!("d {claim}"), "tmp (emptyDir): one/a /tmp one/b /cache ro"]);
        check(Kind::PersistentVolumeClaim, "data", &[&format!("data {claim}")]);
        check(Kind::PersistentVolume, "disk", &[&format!("data {claim}")]);
        check(Kind::Node, "worker1", &[]);
    }

    #[test]
    fn the_picture_knows_which_pods_use_a_claim() {
        let world = world(&[SHARED]);
        let claims = claims(&world.cluster);
        assert_eq!(claims.len(), 1);
        assert_eq!((claims[0].status.as_str(), claims[0].pods.join(" ").as_str()), ("Bound", "one two"));
    }
}
