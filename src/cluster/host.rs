//! A node: its processes, its network namespace, and the glue between them that a real node's kernel and CNI plugins are.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::api::{KubeletAnswer, Taint, TaintEffect};
use crate::cluster::clients::{actor_of, number_of};
use crate::cluster::cni::Cni;
use crate::cluster::etcd_tools::is_file_tool;
use crate::cluster::event::{Actor, Happened, MasterIx, NodeIx, WokeFor};
use crate::cluster::metrics::MetricsPod;
use crate::cluster::proxy::proxy_of;
use crate::cluster::query::machine::is_machine_tool;
use crate::cluster::{Backend, Cluster, Mail, MailKind, Message, OutsideId, Scenario, rouse, run};
use crate::control::apiserver::{self, StoredValue};
use crate::etcd;
use crate::net::addr::{DevId, NsId, Owner, SegmentId, SocketId};
use crate::net::device::DeviceKind;
use crate::net::socket::SocketOp;
use crate::net::{self, fabric};
use crate::node::flannel::{self, Flanneld};
use crate::node::kube_proxy::{self, KubeProxy};
use crate::node::kubelet::{self, Kubelet};
use crate::node::runtime::{self, CriRequest, Runtime, SandboxId};
use crate::sim::{EventId, Out, Rng, Span};

/// What a CNI plugin takes to set a pod's network up.
pub(crate) const CNI_ADD: Span = Span::millis(30);
/// Where etcdctl looks for etcd if it is not told.
const DEFAULT_ENDPOINT: &str = "127.0.0.1:2379";
/// From where all pods have their addresses.
pub const POD_NETWORK: &str = "10.244.0.0/16";
/// What the nodes' network cards take.
pub const NODE_MTU: u32 = 1_500;

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// Its name.
    pub name: Arc<str>,
    /// The address of its eth0.
    pub ip: Ipv4Addr,
    /// Whether it is a control-plane node.
    pub master: bool,
    /// Its kubelet.
    pub kubelet: Kubelet,
    /// Its container runtime.
    pub runtime: Runtime,
    /// Its kube-proxy.
    pub proxy: KubeProxy,
    /// Its flanneld.
    pub flanneld: Flanneld,
    /// Its root network namespace.
    pub ns: NsId,
    /// What the CNI plugin remembers.
    pub cni: Cni,
    /// flannel0 or flannel.1.
    pub tunnel: Option<DevId>,
    pub(crate) flannel_socket: Option<SocketId>,
    /// `/run/flannel/subnet.env`.
    pub subnet_env: String,
    /// The metrics-server whose pod runs here.
    pub metrics: Option<Box<MetricsPod>>,
}

/// The name of a CRI call, as in `crictl` and the API.
pub(crate) fn cri_name(request: &CriRequest) -> &'static str {
    match request {
        CriRequest::List => "ListPodSandbox, ListContainers",
        CriRequest::UpdateRuntimeConfig(_) => "UpdateRuntimeConfig",
        CriRequest::RunPodSandbox(_) => "RunPodSandbox",
        CriRequest::StopPodSandbox(_) => "StopPodSandbox",
        CriRequest::RemovePodSandbox(_) => "RemovePodSandbox",
        CriRequest::RemovePodDirectory(_) => "RemovePodDirectory",
        CriRequest::UpdateVolumes(..) => "UpdateVolumes",
        CriRequest::HostPaths(_) => "HostPaths",
        CriRequest::ImageStatus(_) => "ImageStatus",
        CriRequest::PullImage(_) => "PullImage",
        CriRequest::CreateContainer(..) => "CreateContainer",
        CriRequest::StartContainer(_) => "StartContainer",
        CriRequest::StopContainer(..) => "StopContainer",
        CriRequest::UpdateContainerResources { .. } => "UpdateContainerResources",
        CriRequest::RemoveContainer(_) => "RemoveContainer",
        CriRequest::ExecSync { .. } => "ExecSync",
        CriRequest::Exec { .. } => "Exec",
        CriRequest::Attach { .. } => "Attach",
        CriRequest::PortForward(..) => "PortForward",
        CriRequest::Input(..) => "input",
        CriRequest::Logs(..) => "ContainerLogs",
        CriRequest::Stats => "ListPodSandboxStats",
        CriRequest::Cancel(_) => "cancel",
    }
}

/// The timeline's word for why a kubelet wakes.
pub(crate) fn why_kubelet(why: kubelet::Reason) -> WokeFor {
    match why {
        kubelet::Reason::Relist | kubelet::Reason::PodSync | kubelet::Reason::Usage => WokeFor::Work,
        kubelet::Reason::Probe | kubelet::Reason::Hook => WokeFor::Probe,
        kubelet::Reason::Lease | kubelet::Reason::NodeStatus => WokeFor::Heartbeat,
        kubelet::Reason::Retry => WokeFor::Retry,
        kubelet::Reason::Termination => WokeFor::Grace,
    }
}

/// The timeline's word for why a runtime wakes.
pub(crate) fn why_runtime(why: runtime::Reason) -> WokeFor {
    match why {
        runtime::Reason::Completion => WokeFor::Work,
        runtime::Reason::Program => WokeFor::Sleep,
    }
}

/// What a node says of itself; a control-plane node has its label and taint, and where there is a cloud its load balancers leave it out. The kubelets of a hosted control plane keep no
/// cgroups for what is allocatable.
fn node_config(master: bool, scenario: &Scenario) -> kubelet::NodeConfig {
    const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
    let mut config = kubelet::NodeConfig {
        enforces_allocatable: scenario.masters > 0,
        waits_for_pod_cidr: scenario.backend == Backend::None,
        ..kubelet::NodeConfig::default()
    };
    if master {
        config.labels.insert(CONTROL_PLANE.into(), String::new());
        if scenario.cloud {
            config.labels.insert(super::cloud::EXCLUDED.into(), String::new());
        }
        config.taints.push(Taint { key: CONTROL_PLANE.into(), effect: TaintEffect::NoSchedule, ..Taint::default() });
    }
    config
}

pub(crate) fn owner_of(actor: Actor) -> Owner {
    Owner(u64::from(number_of(actor)))
}

/// What runs on a master beside its member of etcd.
pub(super) fn processes_of(at: MasterIx) -> [Actor; 3] {
    [Actor::ApiServer(at), Actor::ControllerManager(at), Actor::Scheduler(at)]
}

impl Cluster {
    /// Puts the machines there and starts every process.
    pub(crate) fn switch_on(&mut self) {
        let booted = self.trace.record(self.now, None, Happened::Booted);
        let segment = self.fabric.add_segment("nodes");
        for (name, ip, master) in self.scenario.nodes() {
            self.add_host(&name, ip, master, segment);
        }
        if self.scenario.cloud {
            self.plug_outside_in();
        }
        self.write_flannel_config(booted);
        self.apply_addons(Some(booted));
        for at in 0..u32::from(self.scenario.masters) {
            self.secure_port_opens(MasterIx(at), Some(booted));
        }
        let members: Vec<Actor> = self.etcd_members().map(|(at, _)| Actor::Etcd(at)).collect();
        let masters: Vec<Actor> = self.masters().flat_map(|(at, _)| processes_of(at)).collect();
        for actor in masters.into_iter().chain([Actor::LoadBalancer, Actor::Dns, Actor::Cloud]).chain(members) {
            self.rearm(actor);
        }
        for at in 0..self.hosts.len() {
            let ix = NodeIx(u32::try_from(at).expect("fewer nodes than 2^32"));
            for actor in [Actor::Kubelet(ix), Actor::Flanneld(ix)] {
                self.start(actor, Some(booted));
            }
            self.rearm(Actor::KubeProxy(ix));
            self.rearm(Actor::Runtime(ix));
        }
    }

    /// The administrator's `etcdctl put /coreos.com/network/config …`, before anything starts.
    fn write_flannel_config(&mut self, booted: EventId) {
        let backend = match self.scenario.backend {
            Backend::Udp => r#"{"Type":"udp","Port":8285}"#,
            Backend::Vxlan => r#"{"Type":"vxlan"}"#,
            Backend::HostGw => r#"{"Type":"host-gw"}"#,
            Backend::None => return,
        };
        let config = format!(r#"{{"Network":"{POD_NETWORK}","Backend":{backend}}}"#);
        let value = StoredValue::Text(config.into());
        let put = etcd::Op::Put(etcd::PutOp::new(flannel::CONFIG, value));
        let id = self.connect();
        self.etcd(id, 0, DEFAULT_ENDPOINT, put, Some(booted));
    }

    fn add_host(&mut self, name: &str, ip: Ipv4Addr, master: bool, segment: SegmentId) {
        let (seed, epoch) = (self.scenario.seed, self.scenario.epoch().0);
        let addr = Ipv4Net::new(ip, 16).expect("16 is a length of a prefix");
        let mac = self.fabric.random_mac();
        let ns = self.plug_in(name, addr, mac, segment);
        let node: Arc<str> = name.into();
        let config = kubelet::Config {
            node: node.clone(),
            ip,
            epoch,
            info: node_config(master, &self.scenario),
            cluster_dns: Some(super::addon::DNS_IP),
            cluster_domain: "cluster.local".into(),
        };
        let timing = runtime::Timing { pull: self.scenario.pull, ..runtime::Timing::default() };
        let bytes = |amount: i64| u64::try_from(amount).unwrap_or(0);
        let memory = runtime::Memory { total: bytes(config.info.memory), low: bytes(config.info.memory_reserved) };
        let runtime_config = runtime::Config { node: node.clone(), ip, epoch, timing, memory };
        let mut runtime = Runtime::new(runtime_config, seed);
        runtime.preload(super::addon::DNS_IMAGE);
        if master {
            super::plane::install(&self.scenario, self.hosts.len(), &mut runtime);
        }
        self.hosts.push(Host {
            kubelet: Kubelet::new(config, seed),
            runtime,
            proxy: proxy_of(&self.scenario, &node, ip, seed, []),
            flanneld: Flanneld::new(ip, NODE_MTU, Rng::stream(seed, &format!("flanneld/{name}"))),
            name: node,
            ip,
            master,
            ns,
            cni: Cni::default(),
            tunnel: None,
            flannel_socket: None,
            subnet_env: String::new(),
            metrics: None,
        });
    }

    /// Starts a process.
    pub(crate) fn start(&mut self, actor: Actor, cause: Option<EventId>) {
        self.faults.down.remove(&actor);
        self.faults.ended.remove(&actor);
        let now = self.now;
        match actor {
            Actor::Kubelet(ix) => {
                let Some(host) = self.host_mut(ix) else { return };
                let effects = run(&mut host.kubelet, kubelet::Input::Start, now, cause);
                self.kubelet_did(ix, effects);
            }
            // Without an overlay there is none.
            Actor::Flanneld(_) if self.scenario.backend == Backend::None => {}
            Actor::Flanneld(ix) => {
                let vtep = self.vtep_of(ix);
                self.flanneld(ix, flannel::Input::Start { vtep }, cause);
            }
            Actor::Etcd(at) => self.etcd_starts(at),
            Actor::ApiServer(at) => self.secure_port_opens(at, cause),
            _ => {}
        }
        self.plane_starts(actor, cause);
        self.rearm(actor);
    }

    /// Starts a process that does not run.
    pub(super) fn start_if_down(&mut self, actor: Actor, cause: Option<EventId>) {
        if self.faults.down.contains(&actor) {
            self.start(actor, cause);
        }
    }

    /// Stops a process: its memory is gone, and its connections with it.
    pub(crate) fn crash(&mut self, actor: Actor) {
        if !self.faults.down.insert(actor) {
            return;
        }
        let number = number_of(actor);
        self.must_shake_hands(actor);
        match actor {
            Actor::Kubelet(ix) => {
                let seed = self.scenario.seed.wrapping_add(self.events);
                if let Some(host) = self.host_mut(ix) {
                    let checkpoint = host.kubelet.checkpoint();
                    host.kubelet = Kubelet::new(host.kubelet.config().clone(), seed).with_checkpoint(checkpoint);
                }
            }
            Actor::Flanneld(ix) => self.flanneld_stops(ix),
            Actor::KubeProxy(ix) => self.proxy_stops(ix),
            Actor::ControllerManager(_) | Actor::Scheduler(_) | Actor::ApiServer(_) => self.control_plane_stops(actor),
            Actor::LoadBalancer => self.balancer_stops(),
            Actor::Etcd(at) => self.etcd_stops(at),
            _ => {}
        }
        if let Some(ix) = self.machine_of(actor).filter(|ix| self.faults.skews.contains_key(ix)) {
            self.apply_skew(ix);
        }
        self.plane_ends(actor, 137, String::new());
        self.calls.retain(|(client, _), _| *client != number);
        self.lose_what_is_under_way_to(actor);
        self.leave_api_servers(actor, None);
        if matches!(actor, Actor::Flanneld(_)) {
            self.leave_etcd(number);
        }
        self.rearm(actor);
    }

    /// Every request and watch of an API server fails at its client.
    pub(super) fn disconnect_everybody(&mut self, server: MasterIx) {
        self.sessions_broke(Some(server));
        self.all_must_shake_hands(server);
        let (gone, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.calls).into_iter().partition(|(_, pending)| pending.server == server);
        self.calls = rest.into_iter().collect();
        for ((client, id), pending) in gone {
            self.connection_lost(actor_of(client), crate::api::CallId(id), &pending);
        }
        self.leave_etcd(number_of(Actor::ApiServer(server)));
    }

    /// A client's connections to the API servers are gone.
    pub(super) fn leave_api_servers(&mut self, client: Actor, cause: Option<EventId>) {
        self.session_broke(client);
        let servers: Vec<Actor> = self.masters().map(|(at, _)| Actor::ApiServer(at)).collect();
        for server in servers {
            let gone = apiserver::Input::Disconnect { client: apiserver::ClientId(number_of(client)) };
            self.hand_over(server, cause, Span::ZERO, Message::ToApi(gone));
        }
    }

    /// A client's connections to etcd are gone.
    fn leave_etcd(&mut self, client: u32) {
        let members: Vec<Actor> = self.etcd_members().map(|(at, _)| Actor::Etcd(at)).collect();
        for member in members {
            let gone = etcd::Input::Disconnect { client: etcd::ClientId(client) };
            self.hand_over(member, None, Span::ZERO, Message::ToEtcd(gone));
        }
    }

    /// Cuts, joins and spoils the cables of nodes as the faults say.
    pub(crate) fn cut_cables(&mut self) {
        self.spoil_cables();
        let nodes: Vec<(NodeIx, NsId)> =
            (0_u32..).map(NodeIx).zip(&self.hosts).map(|(ix, host)| (ix, host.ns)).collect();
        for (a, here) in &nodes {
            for (b, there) in nodes.iter().filter(|(b, _)| b != a) {
                let halted = [a, b].into_iter().any(|ix| self.faults.halted.contains(ix));
                let cut = halted || self.faults.cuts(Some(*a), Some(*b));
                self.fabric.faults_mut().set_cut(*here, *there, cut);
            }
        }
    }

    /// A message arrives at a process of a node.
    pub(crate) fn deliver_to_node(&mut self, to: Actor, ix: NodeIx, message: Message, entry: Option<EventId>) {
        let now = self.now;
        let Some(host) = self.host_mut(ix) else { return };
        match (to, message) {
            (Actor::Kubelet(_), message) => {
                let input = match message {
                    Message::Answer(answer) => kubelet::Input::Answer(answer),
                    Message::Cri(event) => kubelet::Input::Cri(event),
                    Message::Serve(id, request) => kubelet::Input::Serve { id, request },
                    Message::ServeInput(id, input) => kubelet::Input::ServeInput(id, input),
                    Message::ServeCancel(id) => kubelet::Input::ServeCancel(id),
                    Message::Socket { token, socket, event } => kubelet::Input::Socket { token, socket, event },
                    Message::Unblocked(container) => kubelet::Input::Unblocked(container),
                    _ => return,
                };
                let effects = run(&mut host.kubelet, input, now, entry);
                self.kubelet_did(ix, effects);
            }
            (Actor::Runtime(_), Message::Probed) => self.clocks_probed(),
            (Actor::Runtime(_), Message::PoweredOn) => self.powered_on(ix, entry),
            (Actor::Runtime(_), Message::ToRuntime(input)) => {
                let effects = run(&mut host.runtime, input, now, entry);
                self.runtime_did(ix, effects);
            }
            (Actor::Runtime(_), Message::Socket { token, socket, event }) => {
                let effects = run(&mut host.runtime, runtime::Input::Socket { token, socket, event }, now, entry);
                self.runtime_did(ix, effects);
            }
            (Actor::KubeProxy(_), Message::Answer(answer)) => {
                let effects = run(&mut host.proxy, kube_proxy::Input::Api(answer), now, entry);
                self.proxy_did(ix, effects);
            }
            (Actor::KubeProxy(_), Message::Socket { token, socket, event }) => {
                let input = kube_proxy::Input::Socket { socket, token, event };
                let effects = run(&mut host.proxy, input, now, entry);
                self.proxy_did(ix, effects);
            }
            (Actor::Flanneld(_), Message::Flannel(input)) => self.flanneld(ix, input, entry),
            (Actor::Flanneld(_), Message::Socket { socket, event, .. }) => {
                self.flannel_socket(ix, socket, event, entry)
            }
            _ => {}
        }
    }

    /// A process of a node is woken.
    pub(crate) fn wake_on_node(&mut self, actor: Actor, ix: NodeIx, entry: Option<EventId>) {
        let now = self.now;
        let Some(host) = self.host_mut(ix) else { return };
        match actor {
            Actor::Kubelet(_) => {
                let effects = rouse(&mut host.kubelet, now, entry);
                self.kubelet_did(ix, effects);
            }
            Actor::Runtime(_) => {
                let effects = rouse(&mut host.runtime, now, entry);
                self.runtime_did(ix, effects);
            }
            Actor::KubeProxy(_) => {
                let effects = rouse(&mut host.proxy, now, entry);
                self.proxy_did(ix, effects);
            }
            Actor::Flanneld(_) => {
                let mut out = Out::caused_by(entry);
                host.flanneld.wake(now, &mut out);
                let effects = out.take_caused();
                self.flanneld_did(ix, effects);
            }
            _ => {}
        }
    }

    fn kubelet_did(&mut self, ix: NodeIx, effects: Vec<(Option<EventId>, kubelet::Effect)>) {
        let me = Actor::Kubelet(ix);
        for (cause, effect) in effects {
            match effect {
                kubelet::Effect::Call(call) => self.calls_of(me, vec![(cause, *call)]),
                kubelet::Effect::Cancel(id) => self.give_up(me, id, cause),
                kubelet::Effect::Cri(op, request) => {
                    let message = Message::ToRuntime(runtime::Input::Cri(op, request));
                    self.send(me, Actor::Runtime(ix), cause, message);
                }
                kubelet::Effect::Socket(op) => self.node_socket(me, ix, op, cause),
                kubelet::Effect::Served { id, answer } => self.served(me, id, answer, cause),
            }
        }
    }

    fn served(&mut self, from: Actor, id: u64, answer: KubeletAnswer, cause: Option<EventId>) {
        let input = apiserver::Input::Kubelet { id: crate::api::CallId(id), answer };
        self.send(from, Cluster::apiserver_of(id), cause, Message::ToApi(input));
    }

    /// A process of a node uses a socket of the node's own namespace.
    pub(crate) fn node_socket(&mut self, actor: Actor, ix: NodeIx, op: SocketOp, cause: Option<EventId>) {
        if let Some(ns) = self.host(ix).map(|host| host.ns) {
            self.network(fabric::Input::Op { ns, owner: owner_of(actor), op }, cause);
        }
    }

    /// Something happens in the network, now.
    pub(crate) fn network(&mut self, input: fabric::Input, cause: Option<EventId>) {
        let effects = run(&mut self.fabric, input, self.now, cause);
        self.fabric_did(effects);
        self.rearm(Actor::Network);
    }

    pub(super) fn runtime_did(&mut self, ix: NodeIx, effects: Vec<(Option<EventId>, runtime::Effect)>) {
        let me = Actor::Runtime(ix);
        for (cause, effect) in effects {
            match effect {
                runtime::Effect::Cri(event) => {
                    if let runtime::CriEvent::Container(view) = &event {
                        self.metrics_container(ix, view, cause);
                        self.plane_container(ix, view, cause);
                        self.ingress_container(ix, view, cause);
                    }
                    self.send(me, Actor::Kubelet(ix), cause, Message::Cri(event));
                }
                runtime::Effect::PodCidr(cidr) => self.pod_cidr(ix, cidr, cause),
                runtime::Effect::CniAdd(sandbox, pod) => self.cni_add(ix, sandbox, pod, cause),
                runtime::Effect::CniDel(sandbox, _) => self.cni_del(ix, sandbox, cause),
                runtime::Effect::Socket(sandbox, op) => {
                    if let Some(ns) = self.namespace_of(ix, sandbox.as_ref()) {
                        self.network(fabric::Input::Op { ns, owner: owner_of(me), op }, cause);
                    }
                }
                runtime::Effect::Query { proc, id, argv, cwd, .. }
                    if argv.first().is_some_and(|tool| tool == "etcdctl") =>
                {
                    self.run_etcdctl((ix, proc, id), cwd, &argv, cause);
                }
                runtime::Effect::Query { proc, id, argv, cwd, .. } if is_file_tool(&argv) => {
                    let answer = self.file_tool(ix, &cwd, &argv);
                    self.tool_ended((ix, proc, id), answer, cause);
                }
                runtime::Effect::Query { proc, id, argv, .. } if is_machine_tool(&argv) => {
                    let answer = self.machine_tool(ix, proc, &argv);
                    self.tool_ended((ix, proc, id), answer, cause);
                }
                runtime::Effect::Query { proc, sandbox, id, argv, .. } => {
                    let answer = self.query(ix, sandbox.as_ref(), &argv, cause);
                    self.tool_ended((ix, proc, id), answer, cause);
                }
                runtime::Effect::Host(id, chunk) => {
                    let to = OutsideId(u32::try_from(id).expect("the number was an OutsideId"));
                    self.mail.push(Mail { to, cause, what: MailKind::Node(chunk) });
                }
            }
        }
    }

    /// The namespace of a sandbox, or the node's own.
    pub(crate) fn namespace_of(&self, ix: NodeIx, sandbox: Option<&SandboxId>) -> Option<NsId> {
        let host = self.host(ix)?;
        match sandbox {
            None => Some(host.ns),
            Some(id) => host.cni.pods.get(id).map(|pod| pod.ns),
        }
    }

    /// Routes what the network wants done.
    pub(crate) fn fabric_did(&mut self, effects: Vec<(Option<EventId>, fabric::Effect)>) {
        for (cause, effect) in effects {
            match effect {
                fabric::Effect::Deliver { to, after, packet } => {
                    let message = Message::Net(net::fabric::Input::Frame { to, packet });
                    self.hand_over(Actor::Network, cause, after, message);
                }
                fabric::Effect::Socket { owner, socket, token, event, .. } => {
                    let number = u32::try_from(owner.0).expect("owners are actors' numbers");
                    self.hand_over(actor_of(number), cause, Span::micros(5), Message::Socket { token, socket, event });
                }
                fabric::Effect::TunRead { owner, bytes, tag, .. } => {
                    let number = u32::try_from(owner.0).expect("owners are actors' numbers");
                    let input = flannel::Input::Tun { bytes: bytes.to_vec(), tag };
                    self.hand_over(actor_of(number), cause, Span::micros(10), Message::Flannel(input));
                }
                fabric::Effect::Hop(hop) => self.hop(net::hop::Hop { cause, ..hop }),
            }
        }
    }

    fn hop(&mut self, hop: net::hop::Hop) {
        if let Some(captured) = &mut self.captured {
            captured.push_back(hop.clone());
        }
        if hop.is_tap() {
            return;
        }
        self.hops.push(hop);
    }

    /// A client outside runs a command line on a node, or on a machine outside.
    ///
    /// # Errors
    /// There is no such node.
    pub fn node_command(
        &mut self,
        client: OutsideId,
        node: &str,
        line: String,
        cause: Option<EventId>,
    ) -> Result<(), String> {
        let Some(ix) = self.node_named(node) else {
            let machine = self.machine_named(node).ok_or_else(|| format!("node: there is no node {node:?}"))?;
            self.machine_command(client, machine, line, cause);
            return Ok(());
        };
        if self.faults.off.contains(&ix) {
            self.ssh_fails(client, &format!("ssh: connect to host {node} port 22: No route to host"));
            return Ok(());
        }
        self.node_commands.insert(client, ix);
        let input = runtime::Input::Host { id: u64::from(client.0), line };
        self.hand_over(Actor::Runtime(ix), cause, Span::micros(100), Message::ToRuntime(input));
        Ok(())
    }

    /// Ctrl-C for a command on a node, which then ends. `false` if there is none, or nobody there to be told.
    pub fn interrupt_node_command(&mut self, client: OutsideId) -> bool {
        let Some(ix) = self.node_commands.get(&client).copied() else {
            return self.interrupt_machine_command(client);
        };
        if self.faults.off.contains(&ix) {
            self.node_commands.remove(&client);
            return false;
        }
        let input = runtime::Input::HostCancel(u64::from(client.0));
        self.hand_over(Actor::Runtime(ix), None, Span::ZERO, Message::ToRuntime(input));
        true
    }

    /// The kind of a device by its name in a namespace.
    pub fn device_kind(&self, ns: NsId, name: &str) -> Option<&DeviceKind> {
        self.fabric.ns(ns)?.device_named(name).map(|device| &device.kind)
    }
}
