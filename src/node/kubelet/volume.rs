//! The volumes of a pod: what they are made of, which files they bring, which directories of the node they are. Models
//! `pkg/volume` (`configmap`, `secret`, `downwardapi`, `projected`, `emptydir`, `hostpath`, `local`) and `makeMounts` of
//! `pkg/kubelet/kubelet_pods.go`.
//!
//! Differs: a volume of the network or of a cloud is a directory of each node that mounts it; who could tell: a pod on another
//! node does not see what was written. The service account's certificate is no real one, and its token
//! is made here: the server is not asked for it, which is a request that is not seen.

use serde_json::Value;

use crate::api::{
    ConfigMap, Container, EnvVarSource, Kind, ObjectRef, PersistentVolume, PersistentVolumeClaim, Pod, Secret,
    Timestamp, Volume, VolumeMount, bearer,
};
use crate::node::kubelet::atomic::{Part, Payload};
use crate::node::kubelet::env::{data, expand, key, object, value_from};
use crate::node::kubelet::worker::Worker;
use crate::node::kubelet::{Config, security};
use crate::node::runtime::cri::{HostPath, pod_directory};
use crate::sim::VecMap;
use crate::workload::File;
use crate::workload::fs::Access;
use crate::workload::fs::mount::Mount;

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

/// The ConfigMaps and Secrets that the volumes of a pod are made of.
pub fn objects(pod: &Pod) -> impl Iterator<Item = Need> {
    pod.spec.volumes.iter().flat_map(move |volume| {
        sources(volume).map(move |(kind, name, source)| Need {
            object: key(pod, kind, name),
            volume: volume.name.clone(),
            optional: source["optional"].as_bool().unwrap_or(false),
        })
    })
}

/// The ConfigMaps and Secrets that a volume names, each with its part of the volume.
fn sources(volume: &Volume) -> impl Iterator<Item = (Kind, &str, &Value)> {
    let whole = |word: &str| volume.rest.get(word);
    let map = whole("configMap").map(|map| (Kind::ConfigMap, text(map, "name"), map));
    let secret = whole("secret").map(|secret| (Kind::Secret, text(secret, "secretName"), secret));
    let parts = projected(volume).filter_map(|source| match (&source["configMap"], &source["secret"]) {
        (map, _) if map.is_object() => Some((Kind::ConfigMap, text(map, "name"), map)),
        (_, secret) if secret.is_object() => Some((Kind::Secret, text(secret, "name"), secret)),
        _ => None,
    });
    map.into_iter().chain(secret).chain(parts)
}

/// The claims of a pod's volumes, and the volumes that they are bound to once the claims are known.
pub fn claims(worker: &Worker) -> Vec<Need> {
    let pod = &worker.pod;
    let mut needs = Vec::new();
    for (volume, name) in pod.spec.volumes.iter().filter_map(|volume| Some((volume, claim_name(pod, volume)?))) {
        let mut need = |object| needs.push(Need { object, volume: volume.name.clone(), optional: false });
        need(key(pod, Kind::PersistentVolumeClaim, &name));
        if let Some(name) = bound_to(worker, &name) {
            need(ObjectRef { kind: Kind::PersistentVolume, namespace: "".into(), name: name.into() });
        }
    }
    needs
}

/// Why a volume cannot be mounted.
pub struct Trouble {
    /// The volume.
    pub volume: String,
    /// The words of the event.
    pub message: String,
}

impl Trouble {
    /// It could not be set up.
    pub fn set_up(volume: &str, why: &str) -> Trouble {
        Trouble { volume: volume.into(), message: format!("MountVolume.SetUp failed for volume {volume:?} : {why}") }
    }
}

/// Why volumes cannot be mounted yet.
pub fn troubles(worker: &Worker) -> Vec<Trouble> {
    let of_claim = |need: Need| Some(Trouble { message: claim_trouble(worker, &need)?, volume: need.volume });
    let mut troubles: Vec<Trouble> = claims(worker).into_iter().filter_map(of_claim).collect();
    for volume in &worker.pod.spec.volumes {
        let found: Vec<String> = sources(volume).filter_map(|source| source_trouble(worker, source)).collect();
        let words = match found.as_slice() {
            [] => continue,
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        troubles.push(Trouble::set_up(&volume.name, &words));
    }
    troubles
}

fn claim_trouble(worker: &Worker, Need { object, volume, .. }: &Need) -> Option<String> {
    let why = match (object.kind, worker.fetched.get(object)) {
        (Kind::PersistentVolumeClaim, Some(Err(status))) => {
            format!("failed to fetch PVC from API server: {}", status.message)
        }
        (Kind::PersistentVolumeClaim, Some(Ok(_))) if bound_to(worker, &object.name).is_none() => {
            "PVC is not bound".to_owned()
        }
        _ => return None,
    };
    let lists = format!("unmounted volumes=[{volume}], unattached volumes=[], failed to process volumes=[{volume}]");
    let namespace = &worker.pod.metadata.namespace;
    Some(format!("Unable to attach or mount volumes: {lists}: error processing PVC {namespace}/{}: {why}", object.name))
}

/// The object is not there, or has not what the volume wants of it.
fn source_trouble(worker: &Worker, (kind, name, source): (Kind, &str, &Value)) -> Option<String> {
    if source["optional"] == true {
        return None;
    }
    let object = match object(worker, kind, name) {
        Ok(object) => object,
        Err(words) => return Some(words),
    };
    let has = |key: &str| match kind {
        Kind::Secret => object.get::<Secret>().is_some_and(|secret| secret.data.contains_key(key)),
        _ => object.get::<ConfigMap>().is_some_and(|map| map.data.contains_key(key)),
    };
    let missing = source["items"].as_array()?.iter().map(|item| text(item, "key")).find(|key| !has(key))?;
    let what = if kind == Kind::Secret { "secret" } else { "config" };
    Some(format!("references non-existent {what} key: {missing}"))
}

/// The files that a container's mounts bring and that follow what they are made of: those of ConfigMaps, Secrets and the like.
/// None can be written.
pub fn following(worker: &Worker, container: &Container) -> VecMap<String, File> {
    let whole = made(worker, container).filter(|(mount, _)| !is_part(mount));
    let files = whole.flat_map(|(mount, payload)| {
        let base = mount.mount_path.trim_end_matches('/');
        payload.laid_out(&worker.pod).into_iter().map(move |(path, file)| (format!("{base}/{path}"), file))
    });
    files.collect()
}

/// The directories of a container that such volumes are.
pub fn sealed(worker: &Worker, container: &Container) -> Vec<String> {
    made(worker, container).filter(|(mount, _)| !is_part(mount)).map(|(mount, _)| mount.mount_path.clone()).collect()
}

/// The mounts of a container that are made of objects.
fn made<'a>(worker: &'a Worker, container: &'a Container) -> impl Iterator<Item = (&'a VolumeMount, &'a Payload)> {
    mounted(&worker.pod, container).filter_map(|(mount, volume)| Some((mount, worker.mounted.get(&volume.name)?)))
}

/// The single files of such volumes that a container mounts (`subPath`): they stay as they were when it was made.
pub fn fixed(worker: &Worker, container: &Container, env: &VecMap<String, String>) -> VecMap<String, File> {
    let parts = made(worker, container).filter(|(mount, _)| is_part(mount));
    let files = parts.flat_map(|(mount, payload)| {
        let (base, below) = (mount.mount_path.trim_end_matches('/'), part(mount, env));
        payload.files(&worker.pod).filter_map(move |(path, file)| {
            let rest = path.strip_prefix(below.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (format!("{base}{rest}"), file))
        })
    });
    files.collect()
}

/// Whether the parts of volumes that a container mounts have names.
///
/// # Errors
/// An expression (`subPathExpr`) has a variable without a value; the words are the kubelet's.
pub fn verify_parts(container: &Container, env: &VecMap<String, String>) -> Result<(), String> {
    for expression in container.volume_mounts.iter().filter_map(|mount| mount.rest.get("subPathExpr")?.as_str()) {
        let plain = expression.replace("$$", "");
        let names = plain.split("$(").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
        let mut missing: Vec<&str> = names.filter(|name| env.get(*name).is_none_or(String::is_empty)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            return Err(format!("missing value for {}", missing.join(", ")));
        }
    }
    Ok(())
}

/// Whether a mount is of a part of its volume only.
fn is_part(mount: &VolumeMount) -> bool {
    !mount.sub_path.is_empty() || mount.rest.contains_key("subPathExpr")
}

/// The part of its volume that a mount is of; empty for all of it.
fn part(mount: &VolumeMount, env: &VecMap<String, String>) -> String {
    let expression = mount.rest.get("subPathExpr").and_then(Value::as_str).map(|text| expand(text, env));
    expression.unwrap_or_else(|| mount.sub_path.clone())
}

/// The directories of the node that a container sees.
pub fn mounts(worker: &Worker, container: &Container, env: &VecMap<String, String>) -> Vec<Mount> {
    let directory = |(mount, volume): (&VolumeMount, &Volume)| {
        let base = source(worker, volume)?;
        let below = part(mount, env);
        let source = if below.is_empty() { base } else { format!("{base}/{below}") };
        let made = if is_own(volume) { Access { mode: 0o777, ..Access::DIR } } else { Access::DIR };
        let access = if is_own(volume) { security::owned(&worker.pod, made, true) } else { made };
        Some(Mount { source, target: mount.mount_path.clone(), read_only: mount.read_only, access })
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

/// What a volume that is made of objects has in it; `None` if it is no such volume.
pub fn payload(worker: &Worker, volume: &Volume, config: &Config) -> Option<VecMap<String, Part>> {
    let of = |kind: Kind, name: &str, source: &Value| {
        chosen(data(worker, kind, name, Some(true)).unwrap_or_default(), source)
    };
    let rest = &volume.rest;
    if let Some(source) = rest.get("configMap") {
        return Some(of(Kind::ConfigMap, text(source, "name"), source));
    }
    if let Some(source) = rest.get("secret") {
        return Some(of(Kind::Secret, text(source, "secretName"), source));
    }
    if let Some(source) = rest.get("downwardAPI") {
        return Some(downward(worker, source, config));
    }
    let all = rest.get("projected")?;
    let mut files = VecMap::new();
    for source in projected(volume) {
        let (map, secret, fields) = (&source["configMap"], &source["secret"], &source["downwardAPI"]);
        let token = &source["serviceAccountToken"];
        if map.is_object() {
            files.extend(of(Kind::ConfigMap, text(map, "name"), map));
        } else if secret.is_object() {
            files.extend(of(Kind::Secret, text(secret, "name"), secret));
        } else if fields.is_object() {
            files.extend(downward(worker, fields, config));
        } else if token.is_object() {
            let seconds = token["expirationSeconds"].as_i64().unwrap_or(HOUR);
            let issued = Timestamp(config.epoch + i64::try_from(worker.since.as_secs()).unwrap_or(0));
            let words = bearer::of_pod(&worker.pod, text(token, "audience"), seconds, issued);
            files.insert(text(token, "path").to_owned(), Part { text: words, mode: None });
        }
    }
    let mode = mode(&all["defaultMode"]);
    files.values_mut().for_each(|part| part.mode = part.mode.or(mode));
    Some(files)
}

fn mode(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|mode| u16::try_from(mode).ok())
}

/// All keys under their names, or the items that a source chooses under theirs.
fn chosen(all: VecMap<String, String>, source: &Value) -> VecMap<String, Part> {
    let usual = mode(&source["defaultMode"]);
    let Some(items) = source["items"].as_array() else {
        return all.into_iter().map(|(path, text)| (path, Part { text, mode: usual })).collect();
    };
    let item = |item: &Value| {
        let text = all.get(item["key"].as_str()?)?.clone();
        Some((item["path"].as_str()?.to_owned(), Part { text, mode: mode(&item["mode"]).or(usual) }))
    };
    items.iter().filter_map(item).collect()
}

/// Files with fields of the pod and amounts of its containers.
fn downward(worker: &Worker, source: &Value, config: &Config) -> VecMap<String, Part> {
    let items = source["items"].as_array().into_iter().flatten();
    let file = |item: &Value| {
        let named = item["resourceFieldRef"]["containerName"].as_str().and_then(|name| worker.container(name));
        let from: EnvVarSource = serde_json::from_value(item.clone()).ok()?;
        let container = named.or_else(|| worker.pod.spec.containers.first())?;
        let path = text(item, "path").to_owned();
        let text = value_from(worker, container, &from, config, "").ok()??;
        Some((path, Part { text, mode: mode(&item["mode"]).or(mode(&source["defaultMode"])) }))
    };
    items.filter_map(file).collect()
}

/// The volumes of a pod that are paths of the node of a certain kind.
pub fn host_paths(pod: &Pod) -> Vec<HostPath> {
    let of = |volume: &Volume| {
        let source = volume.rest.get("hostPath")?;
        let kind = Some(text(source, "type").to_owned()).filter(|kind| !kind.is_empty())?;
        Some(HostPath { volume: volume.name.clone(), path: text(source, "path").to_owned(), kind })
    };
    pod.spec.volumes.iter().filter_map(of).collect()
}
