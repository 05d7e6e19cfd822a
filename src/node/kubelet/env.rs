//! What a container is made of: environment, files, names. Models `makeEnvironmentVariables` and `ensureHostsFile` of
//! `pkg/kubelet/kubelet_pods.go` and `pkg/kubelet/envvars`.

use std::sync::Arc;

use serde_json::Value;

use crate::api::{
    ConfigMap, Container, EnvVarSource, Kind, Object, ObjectRef, Pod, PodSpec, Secret, Service, qos, usage,
};
use crate::node::kubelet::actions::is_sidecar;
use crate::node::kubelet::dns::PodDns;
use crate::node::kubelet::eviction::is_critical;
use crate::node::kubelet::objects::not_found;
use crate::node::kubelet::worker::Worker;
use crate::node::kubelet::{Config, resize, security, volume};
use crate::node::runtime::{ContainerConfig, Processes};
use crate::sim::VecMap;
use crate::workload::File;

/// The services of the cluster, by namespace and name.
pub type Services = VecMap<(String, String), Arc<Service>>;

/// A pod's host name: its own, or its name, cut to 63 characters; on the host network the node's.
pub fn hostname(pod: &Pod, config: &Config) -> String {
    let name = if pod.spec.hostname.is_empty() { &pod.metadata.name } else { &pod.spec.hostname };
    if pod.spec.host_network {
        return config.node.to_string();
    }
    let cut: String = name.chars().take(63).collect();
    cut.trim_end_matches(['-', '.']).to_owned()
}

/// The text of `/etc/resolv.conf`. The node itself asks a server outside.
pub fn resolv_conf(pod: &Pod, config: &Config) -> String {
    let host = PodDns { servers: vec!["8.8.8.8".into()], ..PodDns::default() };
    PodDns::of(pod, config.cluster_dns, &config.cluster_domain, &host).text()
}

/// The text of `/etc/hosts`.
fn hosts(pod: &Pod, ip: &str, name: &str) -> String {
    let aliases: String = (pod.spec.rest.get("hostAliases").and_then(Value::as_array).into_iter().flatten())
        .map(|alias| {
            let names: Vec<&str> =
                alias["hostnames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            format!("{}\t{}\n", alias["ip"].as_str().unwrap_or(""), names.join("\t"))
        })
        .collect();
    let aliases = if aliases.is_empty() { aliases } else { format!("\n# Entries added by HostAliases.\n{aliases}") };
    let full = match pod.spec.subdomain.as_str() {
        "" => String::new(),
        sub => format!("{name}.{sub}.{}.svc.cluster.local\t", pod.metadata.namespace),
    };
    format!(
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n{ip}\t{full}{name}\n{aliases}"
    )
}

pub(super) fn key(pod: &Pod, kind: Kind, name: &str) -> ObjectRef {
    ObjectRef { kind, namespace: pod.metadata.namespace.as_str().into(), name: name.into() }
}

/// The ConfigMaps and Secrets that a container's environment is taken from.
pub fn needs(pod: &Pod, container: &Container) -> Vec<ObjectRef> {
    let mut needs = Vec::new();
    for from in &container.env_from {
        needs.extend(from.config_map_ref.iter().map(|s| key(pod, Kind::ConfigMap, &s.name)));
        needs.extend(from.secret_ref.iter().map(|s| key(pod, Kind::Secret, &s.name)));
    }
    for source in container.env.iter().filter_map(|v| v.value_from.as_ref()) {
        needs.extend(source.config_map_key_ref.iter().map(|s| key(pod, Kind::ConfigMap, &s.name)));
        needs.extend(source.secret_key_ref.iter().map(|s| key(pod, Kind::Secret, &s.name)));
    }
    needs.sort();
    needs.dedup();
    needs
}

/// Everything that the runtime needs to make a container.
///
/// # Errors
/// Something that the environment refers to is missing; the words are the kubelet's.
pub fn container_config(
    worker: &Worker,
    name: &str,
    attempt: u32,
    services: &Services,
    config: &Config,
) -> Result<ContainerConfig, String> {
    let pod = &worker.pod;
    let Some(container) = worker.container(name) else { return Err(format!("container {name:?} not found")) };
    let ip = worker.live.sandbox.as_ref().and_then(|s| s.ip).map(|ip| ip.to_string()).unwrap_or_default();
    let host = hostname(pod, config);
    let who = security::RunAs::of(pod, container);
    who.verify(pod, container)?;
    let env = environment(worker, container, services, config, &ip)?;
    volume::verify_parts(container, &env)?;
    let mut files: VecMap<String, File> = volume::fixed(worker, container, &env);
    files.insert("/etc/hosts".into(), File::of(hosts(pod, &ip, &host)));
    files.insert("/etc/hostname".into(), File::of(format!("{host}\n")));
    let expand = |words: &[String]| words.iter().map(|w| expand(w, &env)).collect::<Vec<_>>();
    let ports =
        container.ports.iter().map(|p| (u16::try_from(p.container_port).unwrap_or(0), p.protocol.clone())).collect();
    let (cpu_limit, memory_limit) = resize::limits(container);
    Ok(ContainerConfig {
        name: container.name.as_str().into(),
        attempt,
        image: container.image.as_str().into(),
        command: expand(&container.command),
        args: expand(&container.args),
        working_dir: container.working_dir.clone(),
        ports,
        files,
        volumes: volume::following(worker, container),
        sealed: volume::sealed(worker, container),
        mounts: volume::mounts(worker, container, &env),
        read_only_root: who.read_only_root,
        user: who.user,
        init: worker.is_init(name) && !is_sidecar(container),
        cpu_limit,
        memory_limit,
        oom_score_adj: oom_score_adj(worker, container, config),
        processes: processes(&pod.spec, container),
        tty: container.tty,
        falls_back_to_logs: container.termination_message_policy == "FallbackToLogsOnError",
        stdin: container.stdin,
        stdin_once: container.stdin_once,
        env,
    })
}

/// How readily the kernel kills it. Models `GetContainerOOMScoreAdjust` of `pkg/kubelet/qos/policy.go`.
fn oom_score_adj(worker: &Worker, container: &Container, config: &Config) -> i32 {
    if is_critical(worker) {
        return -997;
    }
    match qos(&worker.pod.spec) {
        "Guaranteed" => -997,
        "BestEffort" => 1_000,
        _ => {
            let request = container.resources.requests.get("memory").map_or(0, |amount| amount.units());
            let request = request + unclaimed(&worker.pod.spec);
            let share = request.saturating_mul(1_000) / config.info.memory.max(1);
            i32::try_from(1_000 - share).unwrap_or(3).clamp(3, 999)
        }
    }
}

/// What a pod asks of memory as a whole beyond what its containers ask for, for each of them alike.
fn unclaimed(spec: &PodSpec) -> i64 {
    let own = spec.resources.as_ref().and_then(|own| own.requests.get("memory"));
    let of_containers = usage::requests_of_containers(spec).get("memory").map_or(0, |amount| amount.units());
    let count = i64::try_from(spec.containers.len()).unwrap_or(1).max(1);
    own.map_or(0, |own| (own.units() - of_containers).max(0) / count)
}

/// Whose processes a container sees (`PidNamespaceForPod`).
fn processes(spec: &PodSpec, container: &Container) -> Processes {
    match container.target() {
        _ if spec.host_pid => Processes::Node,
        Some(target) => Processes::Of(target.into()),
        None if spec.share_process_namespace == Some(true) => Processes::Pod,
        None => Processes::Own,
    }
}

/// `$(NAME)` with the value of NAME; unknown names and `$$(NAME)` stay.
pub fn expand(text: &str, env: &VecMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
            continue;
        }
        let name = rest.strip_prefix("$(").and_then(|r| r.split_once(')')).map(|(name, _)| name);
        match name.and_then(|n| env.get(n).map(|v| (n, v))) {
            Some((name, value)) => {
                out.push_str(value);
                rest = &rest[name.len() + 3..];
            }
            None => {
                out.push('$');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn environment(
    worker: &Worker,
    container: &Container,
    services: &Services,
    config: &Config,
    ip: &str,
) -> Result<VecMap<String, String>, String> {
    let pod = &worker.pod;
    let mut env = service_env(pod, services);
    for from in &container.env_from {
        let all = match (&from.config_map_ref, &from.secret_ref) {
            (Some(r), _) => data(worker, Kind::ConfigMap, &r.name, r.optional)?,
            (_, Some(r)) => data(worker, Kind::Secret, &r.name, r.optional)?,
            _ => VecMap::new(),
        };
        env.extend(all.into_iter().map(|(k, v)| (format!("{}{k}", from.prefix), v)));
    }
    for variable in &container.env {
        let value = match &variable.value_from {
            None => Some(expand(&variable.value, &env)),
            Some(source) => value_from(worker, container, source, config, ip)?,
        };
        if let Some(value) = value {
            env.insert(variable.name.clone(), value);
        }
    }
    Ok(env)
}

pub(super) fn data(
    worker: &Worker,
    kind: Kind,
    name: &str,
    optional: Option<bool>,
) -> Result<VecMap<String, String>, String> {
    match object(worker, kind, name) {
        Ok(object) => Ok(match kind {
            Kind::Secret => object.get::<Secret>().map(|s| decoded(s)).unwrap_or_default(),
            _ => object.get::<ConfigMap>().map(|c| c.data.clone()).unwrap_or_default(),
        }),
        Err(_) if optional == Some(true) => Ok(VecMap::new()),
        Err(words) => Err(words),
    }
}

/// A ConfigMap or Secret of the pod's namespace, or why it is not there.
pub(super) fn object<'a>(worker: &'a Worker, kind: Kind, name: &str) -> Result<&'a Object, String> {
    let key = key(&worker.pod, kind, name);
    match worker.fetched.get(&key) {
        Some(told) => told.as_ref().map_err(|status| status.message.clone()),
        None => Err(not_found(&key).message),
    }
}

fn decoded(secret: &Secret) -> VecMap<String, String> {
    let text = |v: &String| {
        let bytes = data_encoding::BASE64.decode(v.as_bytes()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    secret.data.iter().map(|(k, v)| (k.clone(), text(v))).collect()
}

pub(super) fn value_from(
    worker: &Worker,
    container: &Container,
    source: &EnvVarSource,
    config: &Config,
    ip: &str,
) -> Result<Option<String>, String> {
    let pod = &worker.pod;
    if let Some(field) = &source.field_ref {
        return field_value(pod, &field.field_path, config, ip).map(Some);
    }
    for (kind, word, selector) in
        [(Kind::ConfigMap, "ConfigMap", &source.config_map_key_ref), (Kind::Secret, "Secret", &source.secret_key_ref)]
    {
        let Some(selector) = selector else { continue };
        let all = data(worker, kind, &selector.name, selector.optional)?;
        return match all.get(&selector.key) {
            Some(value) => Ok(Some(value.clone())),
            None if selector.optional == Some(true) => Ok(None),
            None => {
                let place = format!("{}/{}", pod.metadata.namespace, selector.name);
                Err(format!("couldn't find key {} in {word} {place}", selector.key))
            }
        };
    }
    if let Some(resource) = source.rest.get("resourceFieldRef") {
        return Ok(Some(resource_value(container, resource, config)));
    }
    Ok(None)
}

/// A field of the downward API. Models `pkg/fieldpath/fieldpath.go`.
fn field_value(pod: &Pod, path: &str, config: &Config, ip: &str) -> Result<String, String> {
    let meta = &pod.metadata;
    if let Some((map, key)) = path.strip_suffix("']").and_then(|p| p.split_once("['")) {
        let from = if map == "metadata.annotations" { &meta.annotations } else { &meta.labels };
        return Ok(from.get(key).cloned().unwrap_or_default());
    }
    Ok(match path {
        "metadata.name" => meta.name.clone(),
        "metadata.namespace" => meta.namespace.clone(),
        "metadata.uid" => meta.uid.to_string(),
        "metadata.labels" => lines(&meta.labels),
        "metadata.annotations" => lines(&meta.annotations),
        "spec.nodeName" => pod.spec.node_name.clone(),
        "spec.serviceAccountName" => pod.spec.service_account_name.clone(),
        "status.hostIP" | "status.hostIPs" => config.ip.to_string(),
        "status.podIP" | "status.podIPs" => ip.to_owned(),
        _ => return Err(format!("unsupported fieldPath: {path}")),
    })
}

fn lines(map: &VecMap<String, String>) -> String {
    map.iter().map(|(k, v)| format!("{k}={v:?}")).collect::<Vec<_>>().join("\n")
}

/// `limits.cpu` and the like, in units of the divisor; without a limit, what the node has.
fn resource_value(container: &Container, source: &Value, config: &Config) -> String {
    let name = source["resource"].as_str().unwrap_or("");
    let divisor =
        source["divisor"].as_str().and_then(|d| d.parse::<crate::api::Quantity>().ok()).filter(|d| !d.is_zero());
    let (list, what) = name.split_once('.').unwrap_or(("limits", name));
    let from = if list == "requests" { &container.resources.requests } else { &container.resources.limits };
    let own = if what == "cpu" {
        crate::api::Quantity::from_millis(config.info.cpu_millis)
    } else {
        crate::api::Quantity::from_bytes(config.info.memory - config.info.memory_reserved)
    };
    let amount =
        from.get(what).copied().unwrap_or(if list == "requests" { crate::api::Quantity::default() } else { own });
    let by = divisor.unwrap_or(crate::api::Quantity::from_units(1)).millis().max(1);
    let millis = amount.millis();
    (millis / by + i64::from(millis % by != 0)).to_string()
}

/// The variables of services. Models `pkg/kubelet/envvars/envvars.go` and `getServiceEnvVarMap`.
fn service_env(pod: &Pod, services: &Services) -> VecMap<String, String> {
    let links = pod.spec.enable_service_links.unwrap_or(true);
    let mut env = VecMap::new();
    for ((namespace, name), service) in services {
        let master = namespace == "default" && name == "kubernetes";
        let own = links && *namespace == pod.metadata.namespace;
        let ip = &service.spec.cluster_ip;
        if !(master || own) || ip.is_empty() || ip == "None" {
            continue;
        }
        let upper = name.to_uppercase().replace('-', "_");
        env.insert(format!("{upper}_SERVICE_HOST"), ip.clone());
        for (at, port) in service.spec.ports.iter().enumerate() {
            let number = port.port;
            let protocol = port.protocol.as_str();
            let lower = protocol.to_lowercase();
            if at == 0 {
                env.insert(format!("{upper}_SERVICE_PORT"), number.to_string());
                env.insert(format!("{upper}_PORT"), format!("{lower}://{ip}:{number}"));
            }
            if !port.name.is_empty() {
                let port_name = port.name.to_uppercase().replace('-', "_");
                env.insert(format!("{upper}_SERVICE_PORT_{port_name}"), number.to_string());
            }
            let prefix = format!("{upper}_PORT_{number}_{protocol}");
            env.insert(format!("{prefix}_PROTO"), lower.clone());
            env.insert(format!("{prefix}_PORT"), number.to_string());
            env.insert(format!("{prefix}_ADDR"), ip.clone());
            env.insert(prefix, format!("{lower}://{ip}:{number}"));
        }
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_gives_the_variables_that_docker_links_gave() {
        let mut service = Service::default();
        service.spec.cluster_ip = "10.0.0.11".into();
        service.spec.ports = vec![crate::api::ServicePort { port: 6379, name: "db-port".into(), ..Default::default() }];
        let mut pod = Pod::default();
        pod.metadata.namespace = "default".into();
        let services = [(("default".to_owned(), "redis-master".to_owned()), Arc::new(service))].into();
        let env = service_env(&pod, &services);
        let got: Vec<String> = env.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            got,
            [
                "REDIS_MASTER_PORT=tcp://10.0.0.11:6379",
                "REDIS_MASTER_PORT_6379_TCP=tcp://10.0.0.11:6379",
                "REDIS_MASTER_PORT_6379_TCP_ADDR=10.0.0.11",
                "REDIS_MASTER_PORT_6379_TCP_PORT=6379",
                "REDIS_MASTER_PORT_6379_TCP_PROTO=tcp",
                "REDIS_MASTER_SERVICE_HOST=10.0.0.11",
                "REDIS_MASTER_SERVICE_PORT=6379",
                "REDIS_MASTER_SERVICE_PORT_DB_PORT=6379",
            ]
        );
    }

    #[test]
    fn references_in_commands_are_expanded_and_escapes_stay() {
        let env = [("A".to_owned(), "1".to_owned())].into();
        for (text, want) in [("x$(A)y", "x1y"), ("$(B)", "$(B)"), ("$$(A)", "$(A)"), ("$A $", "$A $")] {
            assert_eq!(expand(text, &env), want);
        }
    }
}
