//! The control plane as static pods: their manifests on the masters' disks, and the containers that stand for the processes.
//!
//! Models the manifests of `cmd/kubeadm/app/phases/controlplane` and `cmd/kubeadm/app/phases/etcd`, and
//! `cmd/kubeadm/app/util/staticpod`. A process runs as soon as its master does, and its container shows what becomes of it: it
//! ends with the process, and where a fault keeps the process from running, so does each container that the kubelet starts in
//! its place. Who moves a manifest away ends the process. Differs: the connections of the control plane are not encrypted, so
//! the manifests name no certificates and mount no directories; its probes are not sent, and a container that runs is ready. Members of
//! etcd are of an existing cluster, as kubeadm writes it for masters that join one; here that is so of the first too.

use std::fmt::Write as _;

use crate::cluster::event::{Actor, MasterIx, NodeIx};
use crate::cluster::{Backend, Cluster, Message, Scenario, run};
use crate::control::apiserver::{self, component::Part};
use crate::node::runtime::{self, ContainerId, ContainerPhase, ContainerView, Runtime};
use crate::sim::{EventId, Span};

/// The version of the control plane.
const VERSION: &str = "v1.36.2";
/// The image of etcd.
const ETCD: &str = "registry.k8s.io/etcd:3.6.6-0";
/// How long a process tries to start that a fault keeps from running.
const TRIES: Span = Span::millis(200);

/// How long a process takes to tell how it is.
const PROBE: Span = Span::millis(1);

/// A component: its name, its process on a master, and its manifest.
struct Component {
    name: &'static str,
    actor: fn(MasterIx) -> Actor,
    manifest: fn(&Scenario, MasterIx) -> String,
}

const COMPONENTS: [Component; 4] = [
    Component { name: "etcd", actor: Actor::Etcd, manifest: etcd },
    Component { name: "kube-apiserver", actor: Actor::ApiServer, manifest: apiserver },
    Component { name: "kube-controller-manager", actor: Actor::ControllerManager, manifest: controller_manager },
    Component { name: "kube-scheduler", actor: Actor::Scheduler, manifest: scheduler },
];

/// Puts the manifests and the images on the disk of a master, counted from 0.
pub(super) fn install(scenario: &Scenario, at: usize, runtime: &mut Runtime) {
    let at = MasterIx(u32::try_from(at).expect("there are at most five"));
    for component in &COMPONENTS {
        let path = format!("{}/{}.yaml", runtime::host::MANIFESTS, component.name);
        runtime.put_file(&path, &(component.manifest)(scenario, at));
        runtime.preload(&image_of(component.name));
    }
    super::etcd_disks::install(runtime);
}

impl Cluster {
    /// The API server of a master asks a process beside it how it is. One that is paused takes the connection and says nothing.
    pub(super) fn probe(&mut self, at: MasterIx, id: u64, part: Part, cause: Option<EventId>) {
        let actor = match part {
            Part::ControllerManager => Actor::ControllerManager(at),
            Part::Scheduler => Actor::Scheduler(at),
            Part::Etcd => Actor::Etcd(at),
        };
        if !self.faults.paused.contains(&actor) {
            let input = apiserver::Input::Probed { id, part, answers: !self.faults.down.contains(&actor) };
            self.hand_over(Actor::ApiServer(at), cause, PROBE, Message::ToApi(input));
        }
    }

    /// A container of a node has changed: it may stand for a process of the control plane.
    pub(super) fn plane_container(&mut self, ix: NodeIx, view: &ContainerView, cause: Option<EventId>) {
        let Some(host) = self.host(ix).filter(|host| host.master && &*view.pod.namespace == "kube-system") else {
            return;
        };
        let Some(component) = COMPONENTS.iter().find(|component| {
            *view.name == *component.name && *view.pod.name == *format!("{}-{}", component.name, host.name)
        }) else {
            return;
        };
        let actor = (component.actor)(MasterIx(ix.0));
        let (is_down, may_run) = (self.faults.down.contains(&actor), self.faults.ended.contains(&actor));
        match view.phase {
            ContainerPhase::Running { .. } if is_down && may_run => self.start(actor, cause),
            ContainerPhase::Running { .. } if is_down => {
                let ended =
                    Message::ToRuntime(runtime::Input::Ended { id: view.id.clone(), code: 1, said: String::new() });
                self.hand_over(Actor::Runtime(ix), cause, TRIES, ended);
            }
            ContainerPhase::Exited { .. } if !is_down => {
                self.crash(actor);
                self.faults.ended.insert(actor);
            }
            _ => {}
        }
    }

    /// A process of the control plane ends by itself, with this exit code and these last words. Its kubelet starts it again.
    pub(super) fn end_by_itself(&mut self, actor: Actor, code: u8, said: String) {
        self.plane_ends(actor, code, said);
        self.crash(actor);
        self.faults.ended.insert(actor);
    }

    /// The container ends that stands for a process.
    pub(super) fn plane_ends(&mut self, actor: Actor, code: u8, said: String) {
        let Some((ix, _, Some(id))) = self.plane_of(actor) else { return };
        let now = self.now;
        if self.faults.off.contains(&ix) {
            return;
        }
        if let Some(host) = self.host_mut(ix) {
            let effects = run(&mut host.runtime, runtime::Input::Ended { id, code, said }, now, None);
            self.runtime_did(ix, effects);
        }
    }

    /// A process runs again: so may its container.
    pub(super) fn plane_starts(&mut self, actor: Actor, cause: Option<EventId>) {
        if let Some((ix, name, None)) = self.plane_of(actor)
            && !self.faults.down.contains(&Actor::Kubelet(ix))
        {
            self.hand_over(Actor::Kubelet(ix), cause, Span::ZERO, Message::Unblocked(name.into()));
        }
    }

    /// The container that stands for a process, if it runs.
    pub(super) fn running_plane(&self, actor: Actor) -> Option<ContainerId> {
        self.plane_of(actor)?.2
    }

    /// The node and the component of a process, and the container that stands for it if one runs.
    fn plane_of(&self, actor: Actor) -> Option<(NodeIx, &'static str, Option<ContainerId>)> {
        let (Actor::Etcd(at) | Actor::ApiServer(at) | Actor::ControllerManager(at) | Actor::Scheduler(at)) = actor
        else {
            return None;
        };
        let ix = NodeIx(at.0);
        let host = self.host(ix).filter(|host| host.master)?;
        let name = COMPONENTS.iter().find(|component| (component.actor)(at) == actor)?.name;
        let pod = format!("{name}-{}", host.name);
        let running =
            host.runtime.containers().map(|container| &container.view).find(|view| {
                view.phase.is_running() && *view.pod.name == *pod && &*view.pod.namespace == "kube-system"
            });
        Some((ix, name, running.map(|view| view.id.clone())))
    }
}

fn image_of(component: &str) -> String {
    if component == "etcd" { ETCD.into() } else { format!("registry.k8s.io/{component}:{VERSION}") }
}

fn etcd(scenario: &Scenario, at: MasterIx) -> String {
    let ip = scenario.master_address(at.0);
    let member = |n: u32| format!("etcd{}=http://{}:2380", n + 1, scenario.master_address(n));
    let all: Vec<String> = (0..u32::from(scenario.masters)).map(member).collect();
    let command = [
        format!("--name=etcd{}", at.0 + 1),
        format!("--listen-client-urls=http://127.0.0.1:2379,http://{ip}:2379"),
        format!("--advertise-client-urls=http://{ip}:2379"),
        format!("--listen-peer-urls=http://{ip}:2380"),
        format!("--initial-advertise-peer-urls=http://{ip}:2380"),
        "--data-dir=/var/lib/etcd".into(),
        "--snapshot-count=10000".into(),
        "--listen-metrics-urls=http://127.0.0.1:2381".into(),
        "--watch-progress-notify-interval=5s".into(),
        format!("--initial-cluster={}", all.join(",")),
    ]
    .into_iter()
    .chain((scenario.masters > 1).then(|| "--initial-cluster-state=existing".into()))
    .collect::<Vec<String>>();
    let probe = |path| Probe { host: "127.0.0.1".into(), path, port: 2381, scheme: "HTTP" };
    let probes = Probes { liveness: probe("/livez"), readiness: Some(probe("/readyz")), startup: probe("/readyz") };
    let advertised = format!("kubeadm.kubernetes.io/etcd.advertise-client-urls: http://{ip}:2379");
    manifest("etcd", Some(&advertised), &command, &probes, &["cpu: 100m", "memory: 100Mi"])
}

fn apiserver(scenario: &Scenario, at: MasterIx) -> String {
    let ip = scenario.master_address(at.0);
    let command = [
        format!("--advertise-address={ip}"),
        "--allow-privileged=true".into(),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        "--etcd-servers=http://127.0.0.1:2379".into(),
        "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname".into(),
        "--secure-port=6443".into(),
        "--service-cluster-ip-range=10.96.0.0/12".into(),
    ];
    let probe = |path| Probe { host: ip.to_string(), path, port: 6443, scheme: "HTTPS" };
    let probes = Probes { liveness: probe("/livez"), readiness: Some(probe("/readyz")), startup: probe("/livez") };
    let advertised = format!("kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: {ip}:6443");
    manifest("kube-apiserver", Some(&advertised), &command, &probes, &["cpu: 250m"])
}

fn controller_manager(scenario: &Scenario, _at: MasterIx) -> String {
    let allocates = scenario.backend == Backend::None;
    let mut command = vec![format!("--allocate-node-cidrs={allocates}"), "--bind-address=127.0.0.1".into()];
    if allocates {
        command.push(format!("--cluster-cidr={}", crate::cluster::host::POD_NETWORK));
    }
    command.extend([
        "--controllers=*,bootstrapsigner,tokencleaner".into(),
        "--kubeconfig=/etc/kubernetes/controller-manager.conf".into(),
        format!("--leader-elect={}", scenario.masters > 1),
        "--use-service-account-credentials=true".into(),
    ]);
    let probe = || Probe { host: "127.0.0.1".into(), path: "/healthz", port: 10_257, scheme: "HTTPS" };
    let probes = Probes { liveness: probe(), readiness: None, startup: probe() };
    manifest("kube-controller-manager", None, &command, &probes, &["cpu: 200m"])
}

fn scheduler(scenario: &Scenario, _at: MasterIx) -> String {
    let command = [
        "--bind-address=127.0.0.1".into(),
        "--kubeconfig=/etc/kubernetes/scheduler.conf".into(),
        format!("--leader-elect={}", scenario.masters > 1),
    ];
    let probe = |path| Probe { host: "127.0.0.1".into(), path, port: 10_259, scheme: "HTTPS" };
    let probes = Probes { liveness: probe("/livez"), readiness: Some(probe("/readyz")), startup: probe("/livez") };
    manifest("kube-scheduler", None, &command, &probes, &["cpu: 100m"])
}

/// Where a probe asks.
struct Probe {
    host: String,
    path: &'static str,
    port: u16,
    scheme: &'static str,
}

struct Probes {
    liveness: Probe,
    readiness: Option<Probe>,
    startup: Probe,
}

/// A manifest as kubeadm writes it: keys in the order of the alphabet.
fn manifest(name: &str, annotation: Option<&str>, command: &[String], probes: &Probes, requests: &[&str]) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Pod\nmetadata:\n");
    if let Some(annotation) = annotation {
        text += &format!("  annotations:\n    {annotation}\n");
    }
    text += &format!("  labels:\n    component: {name}\n    tier: control-plane\n");
    text += &format!("  name: {name}\n  namespace: kube-system\nspec:\n  containers:\n  - command:\n    - {name}\n");
    for flag in command {
        text += &format!("    - {flag}\n");
    }
    text += &format!("    image: {}\n    imagePullPolicy: IfNotPresent\n", image_of(name));
    write_probe(&mut text, "livenessProbe", &probes.liveness, 8, Some(10), 10);
    text += &format!("    name: {name}\n");
    if let Some(probe) = &probes.readiness {
        write_probe(&mut text, "readinessProbe", probe, 3, None, 1);
    }
    text += "    resources:\n      requests:\n";
    for request in requests {
        text += &format!("        {request}\n");
    }
    write_probe(&mut text, "startupProbe", &probes.startup, 24, Some(10), 10);
    text += "  hostNetwork: true\n  priority: 2000001000\n  priorityClassName: system-node-critical\n";
    text += "  securityContext:\n    seccompProfile:\n      type: RuntimeDefault\nstatus: {}\n";
    text
}

fn write_probe(text: &mut String, name: &str, probe: &Probe, failures: u32, delay: Option<u32>, period: u32) {
    let Probe { host, path, port, scheme } = probe;
    let delay = delay.map(|delay| format!("      initialDelaySeconds: {delay}\n")).unwrap_or_default();
    write!(
        text,
        "    {name}:\n      failureThreshold: {failures}\n      httpGet:\n        host: {host}\n        path: {path}\n        \
         port: {port}\n        scheme: {scheme}\n{delay}      periodSeconds: {period}\n      timeoutSeconds: 15\n"
    )
    .expect("a string takes all that is written");
}
