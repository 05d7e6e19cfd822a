//! The volumes of a pod: what they are made of, which files they bring, which directories of the node they are. Models
//! `pkg/volume` (`configmap`, `secret`, `downwardapi`, `projected`, `emptydir`, `hostpath`, `local`) and `makeMounts` of
//! `pkg/kubelet/kubelet_pods.go`.
//!
//! Differs: a volume of the network or of a cloud is a directory of each node that mounts it; who could tell: a pod on another
//! node does not see what was written. The service account's certificate is no real one, and its token
//! is made here: the server is not asked for it, which is a request that is not seen.

use serde_json::Value;

use crate::api::{
    Container, EnvVarSource, Kind, ObjectRef, PersistentVolume, PersistentVolumeClaim, Pod, Timestamp, Volume,
    VolumeMount, bearer,
};
use crate::node::kubelet::Config;
use crate::node::kubelet::env::{data, expand, key, value_from};
use crate::node::kubelet::mount::not_found;
use crate::node::kubelet::worker::Worker;
use crate::node::runtime::cri::pod_directory;
use crate::sim::VecMap;
use crate::workload::File;
use crate::workload::fs::mount::Mount;

/// The ConfigMap that every namespace has with the cluster's certificate; it is not simulated as an object.
const ROOT_CA: &str = "kube-root-ca.crt";

/// How long a token holds if nothing is said, in seconds.
const HOUR: i64 = 3_600;

/// An object that a volume is made of.
pub struct Need {
    /// Which.
    pub object: ObjectRef,
    /// The volume.
    pub volume: String,
    /// Whether it may be missing.
    pub optional: bool,
}

/// The objects that the volumes of a pod are made of, as far as they are known: a claim's volume only once the claim is there.
pub fn needs(worker: &Worker) -> Vec<Need> {
    let pod = &worker.pod;
    let mut needs = Vec::new();
    for volume in &pod.spec.volumes {
        let mut need = |object: ObjectRef, optional: bool| {
            needs.push(Need { object, volume: volume.name.clone(), optional });
        };
        let optional = |source: &Value| source["optional"].as_bool().unwrap_or(false);
        for (word, source) in &volume.rest {
            match word.as_str() {
                "configMap" => need(key(pod, Kind::ConfigMap, text(source, "name")), optional(source)),
                "secret" => need(key(pod, Kind::Secret, text(source, "secretName")), optional(source)),
                _ => {}
            }
        }
        for source in projected(volume) {
            match (&source["configMap"], &source["secret"]) {
                (map, _) if map["name"] == ROOT_CA => {}
                (map, _) if map.is_object() => need(key(pod, Kind::ConfigMap, text(map, "name")), optional(map)),
                (_, secret) if secret.is_object() => {
                    need(key(pod, Kind::Secret, text(secret, "name")), optional(secret))
                }
                _ => {}
            }
        }
        if let Some(name) = claim_name(pod, volume) {
            need(key(pod, Kind::PersistentVolumeClaim, &name), false);
            if let Some(name) = bound_to(worker, &name) {
                need(ObjectRef { kind: Kind::PersistentVolume, namespace: "".into(), name: name.into() }, false);
            }
        }
    }
    needs
}

/// Why a volume cannot be mounted yet: the words of the event.
pub fn trouble(worker: &Worker) -> Option<String> {
    let pod = &worker.pod;
    needs(worker).into_iter().find_map(|Need { object, volume, optional }| {
        let claim = |name: &str, why: String| {
            let namespace = &pod.metadata.namespace;
            let lists =
                format!("unmounted volumes=[{volume}], unattached volumes=[], failed to process volumes=[{volume}]");
            format!("Unable to attach or mount volumes: {lists}: error processing PVC {namespace}/{name}: {why}")
        };
        match (object.kind, worker.fetched.get(&object)) {
            (Kind::PersistentVolumeClaim, Some(Err(status))) => {
                Some(claim(&object.name, format!("failed to fetch PVC from API server: {}", status.message)))
            }
            (Kind::PersistentVolumeClaim, Some(Ok(_))) if bound_to(worker, &object.name).is_none() => {
                Some(claim(&object.name, "PVC is not bound".into()))
            }
            (Kind::ConfigMap | Kind::Secret, Some(Err(_))) if !optional => {
                Some(format!("MountVolume.SetUp failed for volume {volume:?} : {}", not_found(&object)))
            }
            _ => None,
        }
    })
}

/// The files that a container's mounts bring: those of ConfigMaps, Secrets and the like, which cannot be written.
pub fn files(worker: &Worker, container: &Container, config: &Config, ip: &str) -> VecMap<String, File> {
    let mut files = VecMap::new();
    for (mount, volume) in mounted(&worker.pod, container) {
        let base = mount.mount_path.trim_end_matches('/');
        for (path, content) in content(worker, container, volume, config, ip) {
            if mount.sub_path.is_empty() {
                files.insert(format!("{base}/{path}"), File::read_only(content));
            } else if path == mount.sub_path {
                files.insert(base.to_owned(), File::read_only(content));
            }
        }
    }
    files
}

/// The directories of the node that a container sees.
pub fn mounts(worker: &Worker, container: &Container, env: &VecMap<String, String>) -> Vec<Mount> {
    let directory = |(mount, volume): (&VolumeMount, &Volume)| {
        let base = source(worker, volume)?;
        let expression = mount.rest.get("subPathExpr").and_then(Value::as_str).map(|text| expand(text, env));
        let below = expression.unwrap_or_else(|| mount.sub_path.clone());
        let source = if below.is_empty() { base } else { format!("{base}/{below}") };
        Some(Mount { source, target: mount.mount_path.clone(), read_only: mount.read_only })
    };
    mounted(&worker.pod, container).filter_map(directory).collect()
}

fn mounted<'a>(pod: &'a Pod, container: &'a Container) -> impl Iterator<Item = (&'a VolumeMount, &'a Volume)> {
    let volume = |mount: &VolumeMount| pod.spec.volumes.iter().find(|volume| volume.name == mount.name);
    container.volume_mounts.iter().filter_map(move |mount| Some((mount, volume(mount)?)))
}

fn text<'a>(source: &'a Value, field: &str) -> &'a str {
    source[field].as_str().unwrap_or("")
}

fn projected(volume: &Volume) -> impl Iterator<Item = &Value> {
    volume.rest.get("projected").and_then(|source| source["sources"].as_array()).into_iter().flatten()
}

/// The claim of a volume: named, or made for the pod (`ephemeral`).
fn claim_name(pod: &Pod, volume: &Volume) -> Option<String> {
    if let Some(source) = volume.rest.get("persistentVolumeClaim") {
        return Some(text(source, "claimName").to_owned());
    }
    volume.rest.contains_key("ephemeral").then(|| format!("{}-{}", pod.metadata.name, volume.name))
}

/// The volume that a claim is bound to.
fn bound_to<'a>(worker: &'a Worker, claim: &str) -> Option<&'a str> {
    let found = worker.fetched.get(&key(&worker.pod, Kind::PersistentVolumeClaim, claim))?.as_ref().ok()?;
    let claim = found.get::<PersistentVolumeClaim>()?;
    Some(claim.spec.volume_name.as_str()).filter(|name| !name.is_empty() && claim.status.phase == "Bound")
}

/// The directory of the node that a volume is; `None` of those that are made of objects.
fn source(worker: &Worker, volume: &Volume) -> Option<String> {
    let pod = &worker.pod;
    if let Some(path) = volume.rest.get("hostPath") {
        return Some(text(path, "path").to_owned());
    }
    if let Some(claim) = claim_name(pod, volume) {
        let name = bound_to(worker, &claim)?;
        let key = ObjectRef { kind: Kind::PersistentVolume, namespace: "".into(), name: name.into() };
        let object = worker.fetched.get(&key).and_then(|found| found.as_ref().ok());
        let rest = object.and_then(|object| object.get::<PersistentVolume>()).map(|volume| &volume.spec.rest);
        let path = ["hostPath", "local"].iter().find_map(|word| rest?.get(*word)?["path"].as_str());
        return Some(path.map_or_else(|| format!("/var/lib/kubelet/plugins/kubernetes.io/{name}"), str::to_owned));
    }
    is_own(volume)
        .then(|| format!("{}/volumes/kubernetes.io~empty-dir/{}", pod_directory(&pod.metadata.uid), volume.name))
}

/// Whether a volume is a directory that lives and dies with the pod.
fn is_own(volume: &Volume) -> bool {
    let others =
        ["configMap", "secret", "downwardAPI", "projected", "hostPath", "persistentVolumeClaim", "ephemeral", "image"];
    !others.iter().any(|word| volume.rest.contains_key(*word))
}

/// Whether a pod has directories that die with it.
pub fn has_own(pod: &Pod) -> bool {
    pod.spec.volumes.iter().any(is_own)
}

/// The files of a volume that is made of objects: their paths in it and what is in them.
fn content(
    worker: &Worker,
    container: &Container,
    volume: &Volume,
    config: &Config,
    ip: &str,
) -> VecMap<String, String> {
    let of = |kind: Kind, name: &str, source: &Value| {
        chosen(data(worker, kind, name, Some(true)).unwrap_or_default(), source)
    };
    let api = |source: &Value| downward(worker, container, source, config, ip);
    let rest = &volume.rest;
    if let Some(source) = rest.get("configMap") {
        return of(Kind::ConfigMap, text(source, "name"), source);
    }
    if let Some(source) = rest.get("secret") {
        return of(Kind::Secret, text(source, "secretName"), source);
    }
    if let Some(source) = rest.get("downwardAPI") {
        return api(source);
    }
    let mut files = VecMap::new();
    for source in projected(volume) {
        let (map, secret, fields) = (&source["configMap"], &source["secret"], &source["downwardAPI"]);
        let token = &source["serviceAccountToken"];
        if map["name"] == ROOT_CA {
            let words = "-----BEGIN CERTIFICATE-----\nsimulated\n-----END CERTIFICATE-----\n";
            files.insert("ca.crt".to_owned(), words.to_owned());
        } else if map.is_object() {
            files.extend(of(Kind::ConfigMap, text(map, "name"), map));
        } else if secret.is_object() {
            files.extend(of(Kind::Secret, text(secret, "name"), secret));
        } else if fields.is_object() {
            files.extend(api(fields));
        } else if token.is_object() {
            let seconds = token["expirationSeconds"].as_i64().unwrap_or(HOUR);
            let issued = Timestamp(config.epoch + i64::try_from(worker.since.as_secs()).unwrap_or(0));
            let words = bearer::of_pod(&worker.pod, text(token, "audience"), seconds, issued);
            files.insert(text(token, "path").to_owned(), words);
        }
    }
    files
}

/// All keys under their names, or the items that a source chooses under theirs.
fn chosen(all: VecMap<String, String>, source: &Value) -> VecMap<String, String> {
    let Some(items) = source["items"].as_array() else { return all };
    items.iter().filter_map(|i| Some((i["path"].as_str()?.to_owned(), all.get(i["key"].as_str()?)?.clone()))).collect()
}

/// Files with fields of the pod and amounts of its containers.
fn downward(
    worker: &Worker,
    container: &Container,
    source: &Value,
    config: &Config,
    ip: &str,
) -> VecMap<String, String> {
    let items = source["items"].as_array().into_iter().flatten();
    let file = |item: &Value| {
        let named = item["resourceFieldRef"]["containerName"].as_str().and_then(|name| worker.container(name));
        let from: EnvVarSource = serde_json::from_value(item.clone()).ok()?;
        let value = value_from(worker, named.unwrap_or(container), &from, config, ip).ok()??;
        Some((text(item, "path").to_owned(), value))
    };
    items.filter_map(file).collect()
}
